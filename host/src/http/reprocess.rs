//! Leads of the log that are decided again, as runs with progress and history (P7, P10).

use std::collections::HashSet;

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::batches::unique;
use super::decisions::moment;
use super::extract::{IdempotencyKey, Json, Path, Query};
use super::page::{Page, Paging};
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{Caller, Manage, ReadDecisions};
use crate::digest::Digest;
use crate::lead::LeadId;
use crate::store::{BatchKind, BatchLeadRow, BatchRow, Begun, DecisionFilter, NewRun, RUNS_A_DAY};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(begin, list)).routes(routes!(one)).routes(routes!(leads))
}

/// Leads of a run at most.
const MOST: usize = 500;

/// Which leads are decided again: `leads`, or `filter`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Reprocess)]
#[serde(deny_unknown_fields)]
pub(super) struct ReprocessBody {
    /// These, in this order; 500 at most.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    leads: Option<Vec<LeadId>>,
    /// Those whose latest decision is one of these, in the order in which those were made; 500 at most.
    #[serde(default)]
    filter: Option<FilterBody>,
    /// Also those that a person gave to somebody.
    #[serde(default)]
    force: bool,
}

/// Which decisions, as `GET /v1/decisions` searches them; what is absent is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = DecisionFilter)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FilterBody {
    /// `arrived`, `freed`, `waited`, `declined`, `not-accepted`, `not-touched`, `approved`, `rejected` or `reassigned`.
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<String>,
    /// `assigned`, `manager`, `held`, `track` or `triage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    /// Why nobody could be picked, such as `no-capacity`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The lane.
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<String>,
    /// `high`, `medium` or `low`.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<String>,
    /// 1, 2 or 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<i64>,
    /// `auto` or `suggest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    /// Who got it.
    #[serde(skip_serializing_if = "Option::is_none")]
    rep: Option<String>,
    /// Their team.
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<String>,
    /// Who had it before.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    /// By which version of the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    /// Decided at this time or later.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Timestamp>,
    /// Decided before this time.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Timestamp>,
}

impl From<FilterBody> for DecisionFilter {
    fn from(body: FilterBody) -> Self {
        let FilterBody { trigger, outcome, reason, lane, confidence, tier, mode, rep, team, before, .. } =
            body;
        let milliseconds = |at: Option<Timestamp>| at.map(|at| at.as_millisecond());
        let (version, from, to) = (body.version, milliseconds(body.from), milliseconds(body.to));
        Self {
            trigger,
            outcome,
            reason,
            lane,
            confidence,
            tier,
            mode,
            rep,
            team,
            before,
            version,
            from,
            to,
            ..Self::default()
        }
    }
}

/// A run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Run)]
pub(super) struct RunBody {
    /// Its id.
    run: String,
    /// `waiting`, `running`, `done` or `failed`.
    state: String,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
    /// By whom.
    made_by: Option<String>,
    /// What its leads were found by; absent where they were named.
    #[schema(value_type = Option<FilterBody>)]
    filter: Option<Value>,
    /// Whether it takes leads from people.
    force: bool,
    /// Leads in it.
    total: i64,
    /// Leads that were decided again.
    decided: i64,
    /// Leads that stay as they are.
    skipped: i64,
    /// When it was over.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    /// Why it came to an early end, where it did.
    error: Option<String>,
}

impl From<BatchRow> for RunBody {
    fn from(row: BatchRow) -> Self {
        Self {
            run: row.batch,
            state: row.state,
            made_at: moment(row.made_at),
            made_by: row.made_by,
            filter: row.found_by.and_then(|json| serde_json::from_str(&json).ok()),
            force: row.forced != 0,
            total: row.total,
            decided: row.decided,
            skipped: row.refused,
            ended_at: row.ended_at.map(moment),
            error: row.error,
        }
    }
}

/// A lead of a run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RunLead)]
pub(super) struct RunLeadBody {
    /// Its place in the run, from 0.
    place: i64,
    /// Which lead.
    lead: Option<String>,
    /// Which of its decisions the run has made.
    number: Option<i64>,
    /// Why it stays as it is, where it does.
    skipped: Option<String>,
}

impl From<BatchLeadRow> for RunLeadBody {
    fn from(row: BatchLeadRow) -> Self {
        Self { place: row.place, lead: row.lead, number: row.number, skipped: row.refused }
    }
}

/// Decides leads of the log again by the configuration in force, each as one that comes again, from the message that its
/// latest decision recorded.
///
/// They are decided by and by; the answer names the run to follow. Leads that are closed or locked stay as they are, and
/// so do those that a person gave to somebody, unless `force` is said. Runs with a filter are two a day at most.
#[utoipa::path(post, path = "/v1/reprocess", tag = "reprocess",
    params(("idempotency-key" = Option<String>, Header, description = "Sent again with the same key, it is the same run")),
    request_body = ReprocessBody,
    responses((status = 202, body = RunBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["Manage"])))]
async fn begin(
    caller: Caller<Manage>,
    State(api): State<Api>,
    key: IdempotencyKey,
    Json(asked): Json<ReprocessBody>,
) -> Result<(StatusCode, Json<RunBody>), Problem> {
    let store = api.store.of(caller.tenant());
    let internal = |error: serde_json::Error| Problem::new(Code::Internal, error.to_string());
    let digest = Digest::of(serde_json::to_string(&asked).map_err(internal)?).to_string();
    let run = match &key.0 {
        Some(key) => format!("run-key-{key}"),
        None => format!("run-{}", unique()?),
    };
    // Sent again, it is the same run, whatever its leads have become.
    if key.0.is_some()
        && let Some(known) = store.batch(BatchKind::Reprocess, &run).await?
    {
        return answered(known, &digest);
    }
    let ReprocessBody { leads, filter, force } = asked;
    let found_by = filter.as_ref().map(serde_json::to_string).transpose().map_err(internal)?;
    let leads = match (leads, filter) {
        (Some(leads), None) => named(leads)?,
        (None, Some(filter)) => {
            let most = i64::try_from(MOST).unwrap_or(i64::MAX) + 1;
            let found = store.leads_last_decided(&filter.into(), most).await?;
            if found.len() > MOST {
                return Err(Problem::new(Code::Conflict, format!("more than {MOST} leads are found"))
                    .hint("narrow the filter, such as by `from` and `to`"));
            }
            found
        }
        _ => {
            return Err(Problem::new(Code::Malformed, "the body has neither `leads` nor `filter`, or both")
                .hint("send one of them"));
        }
    };
    let now = api.clock.now();
    let made_by = caller.actor().to_owned();
    let new = NewRun { run, made_by, forced: force, found_by, asked: digest.clone(), leads };
    match store.begin_run(new, now.as_millisecond()).await? {
        Begun::Run(run) => answered(*run, &digest),
        Begun::TooMany { next } => {
            let wait = moment(next).duration_since(now).as_secs().max(1).unsigned_abs();
            let detail = format!(
                "there are {RUNS_A_DAY} runs with a filter in 24 hours, and the next may begin at {}",
                moment(next)
            );
            Err(Problem::new(Code::Conflict, detail)
                .hint("name the leads, or send it then")
                .retry_after(wait))
        }
    }
}

fn answered(run: BatchRow, asked: &str) -> Result<(StatusCode, Json<RunBody>), Problem> {
    match run.asked.as_deref() == Some(asked) {
        true => Ok((StatusCode::ACCEPTED, Json(run.into()))),
        false => Err(Problem::new(Code::KeyReused, "this idempotency key was used for another run")),
    }
}

/// Each once, in their order.
fn named(leads: Vec<LeadId>) -> Result<Vec<String>, Problem> {
    if leads.is_empty() || leads.len() > MOST {
        let problem = Problem::new(Code::Malformed, "the body does not read");
        return Err(problem.at("leads", format!("it names {} leads, and takes 1 to {MOST}", leads.len())));
    }
    let mut seen = HashSet::new();
    Ok(leads.into_iter().map(String::from).filter(|lead| seen.insert(lead.clone())).collect())
}

/// Runs, the latest first.
#[utoipa::path(get, path = "/v1/reprocess", tag = "reprocess", params(Paging),
    responses((status = 200, body = Page<RunBody>), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadDecisions"])))]
async fn list(
    caller: Caller<ReadDecisions>,
    State(api): State<Api>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<RunBody>>, Problem> {
    let store = api.store.of(caller.tenant());
    let found = store.batches(BatchKind::Reprocess, paging.behind()?, paging.most()?).await?;
    Ok(Json(Page::of(found, &paging, |row| (row.made_at, row.batch.clone()), RunBody::from)))
}

/// How far a run is.
#[utoipa::path(get, path = "/v1/reprocess/{run}", tag = "reprocess",
    params(("run" = String, Path, description = "The run's id")),
    responses((status = 200, body = RunBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadDecisions"])))]
async fn one(
    caller: Caller<ReadDecisions>,
    State(api): State<Api>,
    Path(run): Path<String>,
) -> Result<Json<RunBody>, Problem> {
    let found = api.store.of(caller.tenant()).batch(BatchKind::Reprocess, &run).await?;
    found.map(|row| Json(row.into())).ok_or_else(|| Problem::not_found(format!("run {run}")))
}

/// What became of a run's leads, in their order.
#[utoipa::path(get, path = "/v1/reprocess/{run}/leads", tag = "reprocess",
    params(("run" = String, Path, description = "The run's id"), Paging),
    responses((status = 200, body = Page<RunLeadBody>), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadDecisions"])))]
async fn leads(
    caller: Caller<ReadDecisions>,
    State(api): State<Api>,
    Path(run): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<RunLeadBody>>, Problem> {
    let store = api.store.of(caller.tenant());
    if store.batch(BatchKind::Reprocess, &run).await?.is_none() {
        return Err(Problem::not_found(format!("run {run}")));
    }
    let found = store.batch_leads(&run, paging.behind()?.unwrap_or(-1), paging.most()?).await?;
    Ok(Json(Page::of(found, &paging, |row| row.place, RunLeadBody::from)))
}
