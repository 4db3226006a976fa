//! Leads in: one, or many as JSON Lines with an answer a line; and where each stands now.

use axum::Json as Plain;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::decisions::{DecisionBody, moment};
use super::extract::{IdempotencyKey, Json, Path, Query, body, from_slice, media_type};
use super::page::{Page, Paging, flag, number};
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{Caller, ReadDecisions, SendLeads};
use crate::lead::{LeadId, TenantId};
use crate::line::{Answer, Ask, Key, Made, Question};
use crate::store::{LeadFilter, LeadFound};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(send, list)).routes(routes!(one))
}

/// Routes leads.
///
/// One lead as JSON is answered with its decision once that is durable. Many as JSON Lines
/// (`application/x-ndjson`), one a line, are answered a line each in their order: the decision, or a problem with
/// the number of the line. A lead with the id of another is the same lead, decided again; with an
/// `Idempotency-Key` the same request is done once, and answered as it was. Of many, every line has the key
/// `KEY/NUMBER`.
#[utoipa::path(post, path = "/v1/leads", tag = "leads",
    params(("idempotency-key" = Option<String>, Header, description = "Sent again with the same key, it is done once")),
    request_body(content((Object = "application/json"), (String = "application/x-ndjson"))),
    responses((status = 201, body = inline(DecisionBody), description = "The decision"),
        (status = 200, description = "Many: a line each, a decision or a problem", body = String, content_type = "application/x-ndjson"),
        (status = "default", body = ProblemBody)),
    security(("bearer" = ["SendLeads"])))]
async fn send(
    caller: Caller<SendLeads>,
    State(api): State<Api>,
    key: IdempotencyKey,
    request: Request,
) -> Result<Response, Problem> {
    match media_type(request.headers()).as_deref() {
        Some("application/x-ndjson" | "application/jsonl") => {
            let lines = body(request, &api).await?;
            Ok(many(caller, api, key, lines))
        }
        None | Some("application/json") => {
            let bytes = body(request, &api).await?;
            if bytes.len() > api.largest_lead {
                return Err(Problem::new(
                    Code::TooLarge,
                    format!("a lead is {} bytes, and {} at most", bytes.len(), api.largest_lead),
                ));
            }
            let key = key.asking([b"POST /v1/leads".as_slice(), &bytes]);
            let lead: Value = from_slice(&bytes)?;
            let decided = route(&api, caller.tenant(), caller.actor(), key, lead).await?;
            let head = [(CONTENT_TYPE, "application/json")];
            Ok((StatusCode::CREATED, head, decided).into_response())
        }
        Some(other) => Err(Problem::new(Code::MediaType, format!("the body is {other}"))
            .hint("send one lead as application/json, or many as application/x-ndjson")),
    }
}

/// Routes a lead; the decision as JSON.
async fn route(
    api: &Api,
    tenant: &TenantId,
    actor: &str,
    key: Option<Key>,
    lead: Value,
) -> Result<String, Problem> {
    decided(api, tenant, Question { ask: Ask::Lead(lead), actor: actor.to_owned(), key }).await
}

/// Asks what is answered with a decision; that as JSON.
pub(super) async fn decided(api: &Api, tenant: &TenantId, question: Question) -> Result<String, Problem> {
    match api.lines.ask(tenant, question).await? {
        Answer::Decided(made) => match made.last() {
            Some(made) => shown(made),
            None => Err(Problem::new(Code::Internal, "nothing was decided")),
        },
        Answer::Repeated(made) => repeated(api, tenant, made.iter().flatten().next_back()).await,
        Answer::Batch(_) | Answer::Times(..) | Answer::Tried(_) | Answer::Reps(_) | Answer::Tenant(_) => {
            Err(Problem::new(Code::Internal, "a lead has another answer"))
        }
    }
}

pub(super) fn shown(made: &Made) -> Result<String, Problem> {
    serde_json::to_string(&DecisionBody::of(&made.decision))
        .map_err(|error| Problem::new(Code::Internal, error.to_string()))
}

/// What was answered before, read back.
pub(super) async fn repeated(
    api: &Api,
    tenant: &TenantId,
    made: Option<&(LeadId, u32)>,
) -> Result<String, Problem> {
    let gone = || Problem::new(Code::Conflict, "this was done before, and its decision is no longer kept");
    let (lead, number) = made.ok_or_else(gone)?;
    let json =
        api.store.of(tenant).decision(lead.as_str(), Some((*number).into())).await?.ok_or_else(gone)?;
    let decision =
        serde_json::from_str(&json).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    serde_json::to_string(&DecisionBody::of(&decision))
        .map_err(|error| Problem::new(Code::Internal, error.to_string()))
}

/// Lines of one request that are asked at once: enough to fill a commit.
const AT_ONCE: usize = 64;

fn many(caller: Caller<SendLeads>, api: Api, key: IdempotencyKey, lines: Bytes) -> Response {
    let lines: Vec<(usize, Bytes)> = lines
        .split(|byte| *byte == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .map(|(number, line)| (number + 1, lines.slice_ref(line)))
        .collect();
    let (tenant, actor) = (caller.tenant().clone(), caller.actor().to_owned());
    let answers = stream::iter(lines)
        .map(move |(number, line)| {
            let (api, tenant, actor, key) = (api.clone(), tenant.clone(), actor.clone(), key.clone());
            async move {
                let asked = [b"POST /v1/leads".as_slice(), &line];
                let key = IdempotencyKey(key.0.map(|key| format!("{key}/{number}"))).asking(asked);
                let decided = match from_slice::<Value>(&line) {
                    Ok(_) if line.len() > api.largest_lead => Err(Problem::new(
                        Code::TooLarge,
                        format!("a lead is {} bytes at most", api.largest_lead),
                    )),
                    Ok(lead) => route_patiently(&api, &tenant, &actor, key, lead).await,
                    Err(problem) => Err(problem),
                };
                let mut line = decided
                    .unwrap_or_else(|problem| json!({"line": number, "problem": problem.body()}).to_string());
                line.push('\n');
                Ok::<_, std::convert::Infallible>(Bytes::from(line))
            }
        })
        .buffered(AT_ONCE)
        // The request's place among those of its tenant is kept until the last line is answered.
        .inspect(move |_| _ = caller.tenant());
    ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(answers)).into_response()
}

/// A line of many waits where a single request would be told to come back.
async fn route_patiently(
    api: &Api,
    tenant: &TenantId,
    actor: &str,
    key: Option<Key>,
    lead: Value,
) -> Result<String, Problem> {
    for _ in 0..50 {
        match route(api, tenant, actor, key.clone(), lead.clone()).await {
            Err(problem) if problem.code() == Code::Busy => {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            other => return other,
        }
    }
    route(api, tenant, actor, key, lead).await
}

/// Where a lead stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Lead)]
pub(super) struct LeadBody {
    /// Its id.
    lead: String,
    /// `assigned`, `suggested`, `waiting`, `manager`, `track`, `triage` or `closed`.
    status: String,
    /// Who has it, or whom it is suggested to.
    rep: Option<String>,
    /// Their team, or that of the manager.
    team: Option<String>,
    /// The queue, the track or the manager it is with.
    with: Option<String>,
    /// The lane.
    lane: Option<String>,
    /// 1, 2 or 3.
    tier: i64,
    /// Of its latest decision.
    number: i64,
    /// `auto` or `suggest`.
    mode: String,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    /// When it was decided last.
    #[schema(value_type = String, format = DateTime)]
    decided_at: Timestamp,
    /// When first touch is due.
    #[schema(value_type = String, format = DateTime)]
    due: Timestamp,
    /// Whether it changes by itself no more.
    locked: bool,
    /// Whether whoever has it takes it.
    accepted: bool,
    /// When somebody first wrote to or spoke with the contact.
    #[schema(value_type = Option<String>, format = DateTime)]
    touched_at: Option<Timestamp>,
    /// Why a person should look as well: `low-confidence`, `classifier-failed` or `lane`.
    triage: Option<String>,
}

impl From<LeadFound> for LeadBody {
    fn from(found: LeadFound) -> Self {
        Self {
            lead: found.lead,
            status: found.status,
            rep: found.rep,
            team: found.team,
            with: found.place,
            lane: found.lane,
            tier: found.tier,
            number: found.number,
            mode: found.mode,
            received_at: moment(found.received_at),
            decided_at: moment(found.decided_at),
            due: moment(found.due_at),
            locked: found.locked != 0,
            accepted: found.accepted != 0,
            touched_at: found.touched_at.map(moment),
            triage: found.triage,
        }
    }
}

/// What leads are looked for by.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct LeadQuery {
    /// `assigned`, `suggested`, `waiting`, `manager`, `track`, `triage` or `closed`.
    status: Option<String>,
    /// Who has it, or whom it is suggested to.
    rep: Option<String>,
    /// Their team.
    team: Option<String>,
    /// The queue, the track or the manager it is with.
    with: Option<String>,
    /// The lane.
    lane: Option<String>,
    /// 1, 2 or 3.
    #[serde(default, deserialize_with = "number")]
    tier: Option<i64>,
    /// Whether it changes by itself no more.
    #[serde(default, deserialize_with = "flag")]
    locked: Option<bool>,
    /// Those that a person should look at, or those that none needs to.
    #[serde(default, deserialize_with = "flag")]
    triage: Option<bool>,
    /// Those that somebody has, and whose first touch is overdue now.
    #[serde(default, deserialize_with = "flag")]
    overdue: Option<bool>,
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

/// Finds leads as they stand, the latest decided first.
#[utoipa::path(get, path = "/v1/leads", tag = "leads", params(LeadQuery),
    responses((status = 200, body = Page<LeadBody>), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadDecisions"])))]
async fn list(
    caller: Caller<ReadDecisions>,
    State(api): State<Api>,
    Query(query): Query<LeadQuery>,
) -> Result<Plain<Page<LeadBody>>, Problem> {
    let paging = Paging { cursor: query.cursor, limit: query.limit };
    let filter = LeadFilter {
        status: query.status,
        rep: query.rep,
        team: query.team,
        place: query.with,
        lane: query.lane,
        tier: query.tier,
        locked: query.locked,
        triage: query.triage,
        overdue_at: query.overdue.unwrap_or(false).then(|| api.clock.now().as_millisecond()),
        from: query.from.map(|at| at.as_millisecond()),
        to: query.to.map(|at| at.as_millisecond()),
        behind: paging.behind()?,
    };
    let found = api.store.of(caller.tenant()).find_leads(&filter, paging.most()?).await?;
    Ok(Plain(Page::of(found, &paging, |found| (found.decided_at, found.lead.clone()), LeadBody::from)))
}

/// Where a lead stands now.
#[utoipa::path(get, path = "/v1/leads/{lead}", tag = "leads",
    params(("lead" = String, Path, description = "The lead's id")),
    responses((status = 200, body = LeadBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadDecisions"])))]
async fn one(
    caller: Caller<ReadDecisions>,
    State(api): State<Api>,
    Path(lead): Path<String>,
) -> Result<Json<LeadBody>, Problem> {
    let found = api.store.of(caller.tenant()).find_lead(&lead).await?;
    found.map(|found| Json(found.into())).ok_or_else(|| Problem::not_found(format!("lead {lead}")))
}
