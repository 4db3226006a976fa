//! Decisions as clients read them, found, run again and tried.

use axum::extract::State;
use jiff::Timestamp;
use lanewright_learning::grades::Grade;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::extract::{Json, Path, Query};
use super::page::{Page, Paging, number};
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{Caller, ReadDecisions, ReadTraces, Try};
use crate::decision::{Brief, Decision, Effect, Flag, Outcome, Triage};
use crate::lead::{Confidence, Mode};
use crate::replay::Replayed;
use crate::store::{DecisionFilter, DecisionFound};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(of_lead))
        .routes(routes!(one))
        .routes(routes!(again))
        .routes(routes!(would_be))
}

/// What was decided about a lead.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Decision)]
pub(super) struct DecisionBody<'d> {
    /// The version of this form.
    format: u32,
    /// Whose lead it is.
    tenant: &'d str,
    /// Which lead.
    lead: &'d str,
    /// 1 for the lead's first decision.
    number: u32,
    /// When it was decided.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The lane; absent only where a strict classifier refused.
    lane: Option<&'d str>,
    /// `high`, `medium` or `low`: how sure the classifier was.
    #[schema(value_type = String)]
    confidence: Confidence,
    /// How strongly the text shows an intent to buy, 0 to 100.
    intent: f32,
    /// 1, 2 or 3.
    tier: u8,
    /// Minutes to first touch that the tier promises.
    minutes: u32,
    /// When those are over.
    #[schema(value_type = String, format = DateTime)]
    due: Timestamp,
    /// Work units that it counts for.
    units: u32,
    /// `auto` where it holds at once, `suggest` where it waits for a person.
    #[schema(value_type = String)]
    mode: Mode,
    /// Where it went: `kind` is `assigned`, `manager`, `held`, `track` or `triage`.
    #[schema(value_type = Object)]
    outcome: &'d Outcome,
    /// `A` to `D`: how good the match of whoever got it is, where the tenant grades matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    grade: Option<Grade>,
    /// Why a person should look as well, where one should.
    #[schema(value_type = Option<String>)]
    triage: Option<Triage>,
    /// What rules tagged it with.
    tags: &'d [String],
    /// What somebody should know about it.
    #[schema(value_type = Vec<Object>)]
    flags: &'d [Flag],
    /// What is to be done outside, once it holds.
    #[schema(value_type = Vec<Object>)]
    effects: &'d [Effect],
    /// One line for a person: why there.
    why: &'d str,
    /// What the rep gets, where there is a rep.
    #[schema(value_type = Option<Object>)]
    brief: Option<&'d Brief>,
}

impl<'d> DecisionBody<'d> {
    pub(super) fn of(decision: &'d Decision) -> Self {
        Self {
            format: decision.format,
            tenant: decision.tenant.as_str(),
            lead: decision.lead.as_str(),
            number: decision.number,
            at: decision.at,
            lane: decision.lane.as_ref().map(|lane| lane.as_str()),
            confidence: decision.confidence,
            intent: decision.intent,
            tier: decision.tier.into(),
            minutes: decision.minutes,
            due: decision.due,
            units: decision.units,
            mode: decision.mode,
            outcome: &decision.outcome,
            grade: decision.grade,
            triage: decision.triage,
            tags: &decision.tags,
            flags: &decision.flags,
            effects: &decision.effects,
            why: &decision.why,
            brief: decision.brief.as_ref(),
        }
    }
}

/// A decision as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DecisionLine {
    /// Which lead.
    lead: String,
    /// 1 for the lead's first decision.
    number: i64,
    /// When it was decided.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// By which version of the configuration.
    version: i64,
    /// Why it was decided: `arrived`, `freed`, `declined`, `not-touched`, …
    trigger: String,
    /// `assigned`, `manager`, `held`, `track` or `triage`.
    outcome: String,
    /// Why nobody could be picked, where nobody was.
    reason: Option<String>,
    /// The lane.
    lane: Option<String>,
    /// `high`, `medium` or `low`.
    confidence: String,
    /// 1, 2 or 3.
    tier: i64,
    /// `auto` or `suggest`.
    mode: String,
    /// Who got it.
    rep: Option<String>,
    /// Their team.
    team: Option<String>,
    /// Who had it before.
    before: Option<String>,
    /// The total of whoever got it, 0 to 100.
    total: Option<f64>,
    /// What plugins used of their budget.
    fuel: i64,
}

impl From<DecisionFound> for DecisionLine {
    fn from(found: DecisionFound) -> Self {
        Self {
            lead: found.lead,
            number: found.number,
            at: moment(found.decided_at),
            version: found.version,
            trigger: found.trigger,
            outcome: found.outcome,
            reason: found.reason,
            lane: found.lane,
            confidence: found.confidence,
            tier: found.tier,
            mode: found.mode,
            rep: found.rep,
            team: found.team,
            before: found.before,
            total: found.total,
            fuel: found.fuel,
        }
    }
}

/// A time as the database keeps it.
pub(super) fn moment(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or_default()
}

/// What decisions are searched by.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct DecisionQuery {
    /// Of this lead.
    lead: Option<String>,
    /// `arrived`, `freed`, `waited`, `declined`, `not-accepted`, `not-touched`, `approved`, `rejected`, `reassigned` or
    /// `handed-over`.
    trigger: Option<String>,
    /// `assigned`, `manager`, `held`, `track` or `triage`.
    outcome: Option<String>,
    /// Why nobody could be picked, such as `no-capacity`.
    reason: Option<String>,
    /// The lane.
    lane: Option<String>,
    /// `high`, `medium` or `low`.
    confidence: Option<String>,
    /// 1, 2 or 3.
    #[serde(default, deserialize_with = "number")]
    tier: Option<i64>,
    /// `auto` or `suggest`.
    mode: Option<String>,
    /// Who got it.
    rep: Option<String>,
    /// Their team.
    team: Option<String>,
    /// Who had it before.
    before: Option<String>,
    /// By which version of the configuration.
    #[serde(default, deserialize_with = "number")]
    version: Option<i64>,
    /// Decided at this time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Decided before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Entries at most, 1 to 500; 50 where nothing is said.
    #[serde(default, deserialize_with = "number")]
    limit: Option<i64>,
}

/// Finds decisions, the latest first.
#[utoipa::path(get, path = "/v1/decisions", tag = "decisions", params(DecisionQuery),
    responses((status = 200, body = Page<DecisionLine>), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadDecisions"])))]
async fn list(
    caller: Caller<ReadDecisions>,
    State(api): State<Api>,
    Query(query): Query<DecisionQuery>,
) -> Result<Json<Page<DecisionLine>>, Problem> {
    let paging = Paging { cursor: query.cursor, limit: query.limit };
    let filter = DecisionFilter {
        lead: query.lead,
        trigger: query.trigger,
        outcome: query.outcome,
        reason: query.reason,
        lane: query.lane,
        confidence: query.confidence,
        tier: query.tier,
        mode: query.mode,
        rep: query.rep,
        team: query.team,
        before: query.before,
        version: query.version,
        from: query.from.map(|at| at.as_millisecond()),
        to: query.to.map(|at| at.as_millisecond()),
        behind: paging.behind()?,
    };
    let found = api.store.of(caller.tenant()).decisions(&filter, paging.most()?).await?;
    Ok(Json(Page::of(found, &paging, |found| (found.head, found.place), DecisionLine::from)))
}

/// Every decision about a lead, the latest first.
#[utoipa::path(get, path = "/v1/leads/{lead}/decisions", tag = "decisions",
    params(("lead" = String, Path, description = "The lead's id"), Paging),
    responses((status = 200, body = Page<DecisionLine>), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadDecisions"])))]
async fn of_lead(
    caller: Caller<ReadDecisions>,
    State(api): State<Api>,
    Path(lead): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<DecisionLine>>, Problem> {
    let store = api.store.of(caller.tenant());
    let filter =
        DecisionFilter { lead: Some(lead.clone()), behind: paging.behind()?, ..DecisionFilter::default() };
    let found = store.decisions(&filter, paging.most()?).await?;
    if found.is_empty() && store.find_lead(&lead).await?.is_none() {
        return Err(Problem::not_found(format!("lead {lead}")));
    }
    Ok(Json(Page::of(found, &paging, |found| (found.head, found.place), DecisionLine::from)))
}

/// A decision with its full trace: everything that it was made from.
#[utoipa::path(get, path = "/v1/leads/{lead}/decisions/{number}", tag = "decisions",
    params(("lead" = String, Path, description = "The lead's id"),
        ("number" = i64, Path, description = "Which of its decisions, from 1")),
    responses((status = 200, body = Object, description = "The decision, and in `trace` how it came to that"),
        (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadTraces"])))]
async fn one(
    caller: Caller<ReadTraces>,
    State(api): State<Api>,
    Path((lead, number)): Path<(String, i64)>,
) -> Result<Json<Value>, Problem> {
    let json = recorded(&api, caller.tenant(), &lead, number).await?;
    let value =
        serde_json::from_str(&json).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    Ok(Json(value))
}

pub(super) async fn recorded(
    api: &Api,
    tenant: &crate::lead::TenantId,
    lead: &str,
    number: i64,
) -> Result<String, Problem> {
    let found = api.store.of(tenant).decision(lead, Some(number)).await?;
    found.ok_or_else(|| {
        Problem::not_found(format!("decision {number} of lead {lead}"))
            .hint("its trace may be older than traces are kept, or erased")
    })
}

/// What came of running a decision again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReplayBody {
    /// Whether it is the same to the bit.
    same: bool,
    /// What it was made by that is another now, where it is: configuration, plugins, engine.
    versions: Vec<Difference>,
    /// Where the decisions differ.
    changes: Vec<Difference>,
}

/// A value that differs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Difference {
    /// Where in the decision.
    path: String,
    /// What it was.
    then: Option<Value>,
    /// What it is now.
    now: Option<Value>,
}

impl From<crate::replay::Change> for Difference {
    fn from(change: crate::replay::Change) -> Self {
        Self { path: change.path, then: change.then, now: change.now }
    }
}

/// Runs a decision again from what it recorded, under the version of the configuration that made it.
#[utoipa::path(post, path = "/v1/leads/{lead}/decisions/{number}/replay", tag = "decisions",
    params(("lead" = String, Path, description = "The lead's id"),
        ("number" = i64, Path, description = "Which of its decisions, from 1")),
    responses((status = 200, body = ReplayBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadTraces"])))]
async fn again(
    caller: Caller<ReadTraces>,
    State(api): State<Api>,
    Path((lead, number)): Path<(String, i64)>,
) -> Result<Json<ReplayBody>, Problem> {
    let store = api.store.of(caller.tenant());
    let json = recorded(&api, caller.tenant(), &lead, number).await?;
    let decision: Decision =
        serde_json::from_str(&json).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    let filter = DecisionFilter { lead: Some(lead), ..DecisionFilter::default() };
    let found = store.decisions(&filter, i64::MAX).await?;
    let version = found.iter().find(|found| found.number == number).map(|found| found.version);
    let version = version.ok_or_else(|| Problem::not_found(format!("decision {number}")))?;
    let replayed = api.lines.replay(caller.tenant(), version, decision).await?;
    Ok(Json(match replayed {
        Replayed::Same => ReplayBody { same: true, versions: Vec::new(), changes: Vec::new() },
        Replayed::Differs { versions, changes } => ReplayBody {
            same: false,
            versions: versions.into_iter().map(Difference::from).collect(),
            changes: changes.into_iter().map(Difference::from).collect(),
        },
    }))
}

/// Under which configuration a lead is tried.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct TryQuery {
    /// A version of the configuration, also a draft; the one in force where nothing is said.
    #[serde(default, deserialize_with = "number")]
    version: Option<i64>,
}

/// Tells how a lead would be decided now, with the counters as they are. Nothing is written, nobody is told.
#[utoipa::path(post, path = "/v1/try", tag = "decisions", params(TryQuery), request_body = Object,
    responses((status = 200, body = Object, description = "The decision with its trace"),
        (status = "default", body = ProblemBody)),
    security(("bearer" = ["Try"])))]
async fn would_be(
    caller: Caller<Try>,
    State(api): State<Api>,
    Query(query): Query<TryQuery>,
    Json(lead): Json<Value>,
) -> Result<Json<Value>, Problem> {
    let decision = api.lines.would_be(caller.tenant(), query.version, lead).await?;
    serde_json::to_value(decision).map(Json).map_err(|error| Problem::new(Code::Internal, error.to_string()))
}
