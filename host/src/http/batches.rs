//! Leads that are decided together, by and by: handed in, followed, read.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::decisions::moment;
use super::extract::{IdempotencyKey, Json, Path, Query, body, from_slice};
use super::page::{Page, Paging};
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{Caller, ReadDecisions, SendLeads};
use crate::digest::Digest;
use crate::store::{BatchKind, BatchLeadRow, BatchRow};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(send, list)).routes(routes!(one)).routes(routes!(leads))
}

/// A batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Batch)]
pub(super) struct BatchBody {
    /// Its id.
    batch: String,
    /// `waiting`, `running`, `done` or `failed`.
    state: String,
    /// When its first lead was handed in.
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
    /// When it is decided.
    #[schema(value_type = String, format = DateTime)]
    run_at: Timestamp,
    /// Leads in it.
    total: i64,
    /// Leads that are ready to be decided.
    prepared: i64,
    /// Leads that were decided.
    decided: i64,
    /// Messages that are no lead.
    refused: i64,
    /// When it was over.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    /// Why it came to nothing, where it did.
    error: Option<String>,
}

impl From<BatchRow> for BatchBody {
    fn from(row: BatchRow) -> Self {
        Self {
            batch: row.batch,
            state: row.state,
            made_at: moment(row.made_at),
            run_at: moment(row.run_at),
            total: row.total,
            prepared: row.prepared,
            decided: row.decided,
            refused: row.refused,
            ended_at: row.ended_at.map(moment),
            error: row.error,
        }
    }
}

/// When a batch is decided.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchQuery {
    /// `now`, `next` for the tenant's next scheduled batch (`[batch]` in tenant.toml), or a time; `now` where nothing is
    /// said. Leads that are sent for the same time are one batch.
    run: Option<String>,
}

/// Hands in leads that are decided together at the optimum, and published as suggestions to review (S3.12).
///
/// JSON Lines, one lead a line; a line that is no JSON refuses all of them. The answer names the batch to follow.
#[utoipa::path(post, path = "/v1/batches", tag = "batches",
    params(BatchQuery, ("idempotency-key" = Option<String>, Header, description = "Sent again with the same key, it is the same batch")),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses((status = 202, body = BatchBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["SendLeads"])))]
async fn send(
    caller: Caller<SendLeads>,
    State(api): State<Api>,
    key: IdempotencyKey,
    Query(query): Query<BatchQuery>,
    request: Request,
) -> Result<(StatusCode, Json<BatchBody>), Problem> {
    let lines = body(request, &api).await?;
    let mut leads = Vec::new();
    for (number, line) in (1..).zip(lines.split(|byte| *byte == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let at = |problem: Problem| problem.at(format!("line {number}"), "no JSON");
        let lead: Value = from_slice(line).map_err(at)?;
        if line.len() > api.largest_lead {
            let detail = format!("a lead is {} bytes at most", api.largest_lead);
            return Err(Problem::new(Code::TooLarge, detail).at(format!("line {number}"), "too long"));
        }
        leads.push(lead.to_string());
    }
    if leads.is_empty() {
        return Err(Problem::new(Code::Malformed, "there is no lead in it").hint("send one lead a line"));
    }
    let now = api.clock.now();
    let (name, run_at) = match query.run.as_deref() {
        None | Some("now") => {
            let name = match &key.0 {
                Some(key) => format!("key-{key}"),
                None => format!("now-{}", unique()?),
            };
            (name, now)
        }
        Some("next") => {
            let tenant = api.lines.tenant(caller.tenant()).await?;
            let next = tenant.config.next_batch(now).ok_or_else(|| {
                Problem::new(Code::Conflict, "the tenant has no scheduled batches")
                    .hint("say when in tenant.toml, such as `[batch] at = [\"09:00\", \"14:00\"]`")
            })?;
            (format!("at-{next}"), next)
        }
        Some(time) => {
            let at: Timestamp = time.parse().map_err(|error| {
                Problem::new(Code::Malformed, "the query does not read").at("run", format!("{error}"))
            })?;
            (format!("at-{at}"), at)
        }
    };
    let store = api.store.of(caller.tenant());
    // A key names its batch: the same one again adds nothing.
    if key.0.is_some()
        && let Some(known) = store.batch(BatchKind::Batch, &name).await?
    {
        let same = known.total == i64::try_from(leads.len()).unwrap_or(i64::MAX);
        return match same {
            true => Ok((StatusCode::ACCEPTED, Json(known.into()))),
            false => Err(Problem::new(Code::KeyReused, "this idempotency key was used for another batch")),
        };
    }
    let added = store.add_to_batch((&name, run_at.as_millisecond()), leads, now.as_millisecond()).await?;
    if added.is_none() {
        return Err(Problem::new(Code::Conflict, "this batch is under way").hint("send them for a later one"));
    }
    let batch = store.batch(BatchKind::Batch, &name).await?.ok_or_else(|| Problem::not_found("batch"))?;
    Ok((StatusCode::ACCEPTED, Json(batch.into())))
}

/// A text that no other batch has.
pub(super) fn unique() -> Result<String, Problem> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    Ok(Digest::of(bytes).hex()[..16].to_owned())
}

/// Batches, the latest first.
#[utoipa::path(get, path = "/v1/batches", tag = "batches", params(Paging),
    responses((status = 200, body = Page<BatchBody>), (status = "default", body = ProblemBody)),
    security(("bearer" = ["SendLeads"])))]
async fn list(
    caller: Caller<SendLeads>,
    State(api): State<Api>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<BatchBody>>, Problem> {
    let found =
        api.store.of(caller.tenant()).batches(BatchKind::Batch, paging.behind()?, paging.most()?).await?;
    Ok(Json(Page::of(found, &paging, |row| (row.made_at, row.batch.clone()), BatchBody::from)))
}

/// How far a batch is.
#[utoipa::path(get, path = "/v1/batches/{batch}", tag = "batches",
    params(("batch" = String, Path, description = "The batch's id")),
    responses((status = 200, body = BatchBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["SendLeads"])))]
async fn one(
    caller: Caller<SendLeads>,
    State(api): State<Api>,
    Path(batch): Path<String>,
) -> Result<Json<BatchBody>, Problem> {
    let found = api.store.of(caller.tenant()).batch(BatchKind::Batch, &batch).await?;
    found.map(|row| Json(row.into())).ok_or_else(|| Problem::not_found(format!("batch {batch}")))
}

/// A lead of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BatchLead)]
pub(super) struct BatchLeadBody {
    /// Its place in the batch, from 0.
    place: i64,
    /// Its id, once it is decided.
    lead: Option<String>,
    /// Which of its decisions.
    number: Option<i64>,
    /// Why it is no lead, where it is none.
    refused: Option<String>,
}

impl From<BatchLeadRow> for BatchLeadBody {
    fn from(row: BatchLeadRow) -> Self {
        Self { place: row.place, lead: row.lead, number: row.number, refused: row.refused }
    }
}

/// What became of a batch's leads, in their order.
#[utoipa::path(get, path = "/v1/batches/{batch}/leads", tag = "batches",
    params(("batch" = String, Path, description = "The batch's id"), Paging),
    responses((status = 200, body = Page<BatchLeadBody>), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadDecisions"])))]
async fn leads(
    caller: Caller<ReadDecisions>,
    State(api): State<Api>,
    Path(batch): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<BatchLeadBody>>, Problem> {
    let store = api.store.of(caller.tenant());
    if store.batch(BatchKind::Batch, &batch).await?.is_none() {
        return Err(Problem::not_found(format!("batch {batch}")));
    }
    let found = store.batch_leads(&batch, paging.behind()?.unwrap_or(-1), paging.most()?).await?;
    Ok(Json(Page::of(found, &paging, |row| row.place, BatchLeadBody::from)))
}
