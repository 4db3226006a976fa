//! From an inquiry to a meeting: times that routers offer, leads that come with one, hand-overs, bookings.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::assignments::{asking, happened, lead, own, rep, seller};
use super::extract::{IdempotencyKey, Json, Path};
use super::leads::{decided, repeated};
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{Book, Caller, HandleOwn, SendLeads};
use crate::access::Role;
use crate::booking::{Meeting, Offered, Time};
use crate::config::{Router, RouterKind};
use crate::decision::Decision;
use crate::events::What;
use crate::lead::{LeadId, RouterId, TenantId};
use crate::line::{Ask, Question};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(times))
        .routes(routes!(send))
        .routes(routes!(hand_over))
        .routes(routes!(book, call_off))
}

/// A way from an inquiry to a meeting.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Router)]
pub(super) struct RouterBody {
    /// Its id.
    router: String,
    /// `form-first`, `calendar-first` or `relay`.
    #[schema(value_type = String)]
    kind: RouterKind,
    /// Whose times are offered where no rep has the lead.
    team: Option<String>,
    /// Whose times are offered where there are none else.
    fallback: Option<String>,
    /// How long a meeting is.
    minutes: u32,
    /// Hours until the first meeting that is offered.
    notice_hours: u32,
    /// Days in which meetings are offered.
    horizon_days: u32,
}

impl From<&Router> for RouterBody {
    fn from(router: &Router) -> Self {
        let Router { id, kind, team, terms, fallback } = router;
        Self {
            router: id.to_string(),
            kind: *kind,
            team: team.as_ref().map(ToString::to_string),
            fallback: fallback.as_ref().map(ToString::to_string),
            minutes: terms.minutes,
            notice_hours: terms.notice_hours,
            horizon_days: terms.horizon_days,
        }
    }
}

/// All routers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Routers)]
pub(super) struct RoutersBody {
    /// In the order of the configuration.
    items: Vec<RouterBody>,
}

/// A time that may be booked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Time)]
pub(super) struct TimeBody {
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    /// Reps who are free then; the first gets it, where nobody is named.
    reps: Vec<String>,
}

impl From<Time> for TimeBody {
    fn from(Time { from, to, reps }: Time) -> Self {
        Self { from, to, reps: reps.into_iter().map(String::from).collect() }
    }
}

/// A contact meets a rep.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Meeting)]
pub(super) struct MeetingBody {
    /// Whose contact.
    lead: String,
    /// Whom they meet.
    rep: String,
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
}

impl From<Meeting> for MeetingBody {
    fn from(Meeting { lead, rep, from, to }: Meeting) -> Self {
        Self { lead: lead.into(), rep: rep.into(), from, to }
    }
}

/// Times that are offered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Offered)]
pub(super) struct OfferedBody {
    /// In their order, in UTC: whoever shows them puts them on the visitor's clock.
    times: Vec<TimeBody>,
    /// Whether they are those of the router's fallback, since nobody else has any.
    fallback: bool,
    /// The meeting that the lead has already.
    #[serde(skip_serializing_if = "Option::is_none")]
    meeting: Option<MeetingBody>,
}

impl From<(Offered, Option<Meeting>)> for OfferedBody {
    fn from((Offered { times, fallback }, meeting): (Offered, Option<Meeting>)) -> Self {
        let times = times.into_iter().map(TimeBody::from).collect();
        Self { times, fallback, meeting: meeting.map(MeetingBody::from) }
    }
}

/// A decision, and times with whoever has the lead by it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Routed)]
pub(super) struct RoutedBody {
    /// What was decided last about the lead.
    #[schema(value_type = Object)]
    decision: Value,
    /// What may be booked, or has been.
    #[serde(flatten)]
    offered: OfferedBody,
}

/// Why a time cannot be booked, and which can.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Taken)]
pub(super) struct TakenBody {
    /// Why not.
    #[serde(flatten)]
    problem: ProblemBody,
    /// What may be booked now.
    #[serde(flatten)]
    offered: OfferedBody,
}

/// Routers of the configuration in force.
#[utoipa::path(get, path = "/v1/routers", tag = "meetings",
    responses((status = 200, body = RoutersBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["Book"])))]
async fn list(caller: Caller<Book>, State(api): State<Api>) -> Result<Json<RoutersBody>, Problem> {
    let tenant = api.lines.tenant(caller.tenant()).await?;
    Ok(Json(RoutersBody { items: tenant.config.routers.iter().map(RouterBody::from).collect() }))
}

/// To whom times are offered.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TimesBody {
    /// A lead that is here already; nothing: anybody.
    #[serde(default)]
    lead: Option<String>,
}

/// Times that may be booked: of whoever has the lead, of the router's team where nobody does, of its fallback where
/// there are none else.
#[utoipa::path(post, path = "/v1/routers/{router}/times", tag = "meetings", request_body = TimesBody,
    params(("router" = String, Path, description = "The router's id")),
    responses((status = 200, body = OfferedBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["Book"])))]
async fn times(
    caller: Caller<Book>,
    State(api): State<Api>,
    Path(id): Path<String>,
    Json(body): Json<TimesBody>,
) -> Result<Json<OfferedBody>, Problem> {
    let router = router(&id)?;
    let lead = body.lead.as_deref().map(lead).transpose()?;
    if let Some(lead) = &lead {
        may_book(&api, &caller, lead).await?;
    }
    Ok(Json(api.lines.times(caller.tenant(), router, lead).await?.into()))
}

/// A lead that comes by a router.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ArrivesBody {
    /// The lead, as `POST /v1/leads` takes it.
    #[schema(value_type = Object)]
    lead: Value,
    /// When the meeting begins, where the visitor has picked that first (`calendar-first`).
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}

/// Routes a lead on its way to a meeting.
///
/// By a router that is `form-first` it is decided as any lead, and answered with times of whoever has it. By one that
/// is `calendar-first` it is decided among those who are free at the time that the visitor picked, and the meeting is
/// booked with whoever has it; where somebody else was faster, nothing is done and other times are offered.
#[utoipa::path(post, path = "/v1/routers/{router}/leads", tag = "meetings", request_body = ArrivesBody,
    params(("router" = String, Path, description = "The router's id"),
        ("idempotency-key" = Option<String>, Header, description = "Sent again with the same key, it is done once")),
    responses((status = 201, body = RoutedBody), (status = 409, body = TakenBody, description = "Nobody is free then"),
        (status = "default", body = ProblemBody)),
    security(("bearer" = ["SendLeads"])))]
async fn send(
    caller: Caller<SendLeads>,
    State(api): State<Api>,
    key: IdempotencyKey,
    Path(id): Path<String>,
    Json(body): Json<ArrivesBody>,
) -> Result<Response, Problem> {
    let (tenant, router) = (caller.tenant(), router(&id)?);
    let asked = serde_json::to_vec(&body).unwrap_or_default();
    if asked.len() > api.largest_lead {
        let most = api.largest_lead;
        return Err(Problem::new(
            Code::TooLarge,
            format!("a lead is {} bytes, and {most} at most", asked.len()),
        ));
    }
    let key = key.asking([b"router".as_slice(), id.as_bytes(), &asked]);
    let ArrivesBody { lead, at } = body;
    let ask = match (kind(&api, tenant, &router).await?, at) {
        (RouterKind::FormFirst, None) => Ask::Lead(lead),
        (RouterKind::CalendarFirst, Some(from)) => Ask::LeadAt { lead, router: router.clone(), from },
        (RouterKind::CalendarFirst, None) => {
            return Err(Problem::new(Code::Malformed, "with this router the time comes first")
                .at("at", "one of the times that POST /v1/routers/{router}/times offers"));
        }
        (RouterKind::FormFirst, Some(_)) => {
            return Err(Problem::new(Code::Malformed, "with this router the lead comes first")
                .at("at", "leave it out, and book one of the times that are answered"));
        }
        (RouterKind::Relay, _) => {
            return Err(Problem::new(
                Code::Conflict,
                format!("the router {router} hands over leads that are here"),
            )
            .hint("send it with POST /v1/routers/{router}/handover"));
        }
    };
    let question = Question { ask, actor: caller.actor().to_owned(), key };
    let decision = match decided(&api, tenant, question).await {
        Ok(decision) => decision,
        Err(problem) if problem.code() == Code::Conflict => {
            return taken(&api, tenant, problem, (router, None)).await;
        }
        Err(problem) => return Err(problem),
    };
    let body = routed(&api, tenant, router, &decision).await?;
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// What somebody has found out about a lead that they hand over.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HandOverBody {
    /// The lead's id.
    lead: String,
    /// Its yearly value, in the tenant's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    /// How complex it is, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    complexity: Option<f64>,
}

/// Whoever qualified a lead hands it over to who closes it: it is decided as a deal, as the configuration's handovers
/// say, and answered with times of whoever takes over.
#[utoipa::path(post, path = "/v1/routers/{router}/handover", tag = "meetings", request_body = HandOverBody,
    params(("router" = String, Path, description = "The router's id"),
        ("idempotency-key" = Option<String>, Header, description = "Sent again with the same key, it is done once")),
    responses((status = 200, body = RoutedBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["HandleOwn"])))]
async fn hand_over(
    caller: Caller<HandleOwn>,
    State(api): State<Api>,
    key: IdempotencyKey,
    Path(id): Path<String>,
    Json(body): Json<HandOverBody>,
) -> Result<Json<RoutedBody>, Problem> {
    let (tenant, router, lead) = (caller.tenant(), router(&id)?, lead(&body.lead)?);
    if body.value.is_some_and(|value| !value.is_finite() || value < 0.0) {
        return Err(Problem::new(Code::Malformed, "the value is no amount").at("value", "0 or more"));
    }
    if body.complexity.is_some_and(|complexity| !(0.0..=1.0).contains(&complexity)) {
        return Err(
            Problem::new(Code::Malformed, "the complexity is out of range").at("complexity", "from 0 to 1")
        );
    }
    if kind(&api, tenant, &router).await? != RouterKind::Relay {
        return Err(Problem::new(Code::Conflict, format!("the router {router} hands nothing over"))
            .hint("name a router whose kind is `relay`"));
    }
    let key = asking(key, "handover", &lead, &body);
    // Done before under the same key, it is theirs no more.
    if key.is_none() || !handed_over(&api, &caller, &lead).await? {
        own(&api, &caller, &lead).await?;
    }
    let what = What::HandedOver { lead: lead.clone(), value: body.value, complexity: body.complexity };
    happened(&api, (tenant, caller.actor()), key, (what, Value::Null)).await?;
    let latest = api.store.of(tenant).find_lead(lead.as_str()).await?;
    let number = latest.and_then(|latest| u32::try_from(latest.number).ok()).unwrap_or_default();
    let decision = repeated(&api, tenant, Some(&(lead, number))).await?;
    Ok(Json(routed(&api, tenant, router, &decision).await?))
}

/// A meeting to book.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BookBody {
    /// The router that offered the time.
    router: String,
    /// When the meeting begins.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// With whom, of those who were offered; the first of them where nobody is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rep: Option<String>,
}

/// Books a meeting at a time that was offered. Whoever meets the contact has the lead from then on; a meeting that the
/// lead had before is called off. Where somebody else was faster, other times are offered.
#[utoipa::path(post, path = "/v1/leads/{lead}/meeting", tag = "meetings", request_body = BookBody,
    params(("lead" = String, Path, description = "The lead's id"),
        ("idempotency-key" = Option<String>, Header, description = "Sent again with the same key, it is done once")),
    responses((status = 200, body = MeetingBody), (status = 409, body = TakenBody, description = "Nobody is free then"),
        (status = "default", body = ProblemBody)),
    security(("bearer" = ["Book"])))]
async fn book(
    caller: Caller<Book>,
    State(api): State<Api>,
    key: IdempotencyKey,
    Path(id): Path<String>,
    Json(body): Json<BookBody>,
) -> Result<Response, Problem> {
    let (tenant, lead, router) = (caller.tenant(), lead(&id)?, router(&body.router)?);
    may_book(&api, &caller, &lead).await?;
    let with = body.rep.as_deref().map(rep).transpose()?;
    let length = with_router(&api, tenant, &router, |router| router.terms.length()).await?;
    let (offered, meeting) = api.lines.times(tenant, router.clone(), Some(lead.clone())).await?;
    let is_it =
        |meeting: &Meeting| meeting.from == body.from && with.as_ref().is_none_or(|rep| *rep == meeting.rep);
    if let Some(meeting) = meeting.filter(is_it) {
        return Ok(Json(MeetingBody::from(meeting)).into_response());
    }
    let first = || offered.times.iter().find(|time| time.from == body.from)?.reps.first().cloned();
    let Some(rep) = with.clone().or_else(first) else {
        let problem = Problem::new(Code::Conflict, format!("nobody is free at {}", body.from));
        return taken(&api, tenant, problem, (router, Some(lead))).await;
    };
    let key = asking(key, "meeting", &lead, &body);
    let meeting = Meeting { lead: lead.clone(), rep, from: body.from, to: body.from + length };
    let Meeting { rep, from, to, .. } = meeting.clone();
    let what = What::Booked { lead: lead.clone(), rep, from, to, router: Some(router.clone()) };
    match happened(&api, (tenant, caller.actor()), key, (what, Value::Null)).await {
        Ok(_) => Ok(Json(MeetingBody::from(meeting)).into_response()),
        Err(problem) if problem.code() == Code::Conflict => {
            taken(&api, tenant, problem, (router, Some(lead))).await
        }
        Err(problem) => Err(problem),
    }
}

/// Calls a lead's meeting off: the rep is free then again, and the lead stays theirs.
#[utoipa::path(delete, path = "/v1/leads/{lead}/meeting", tag = "meetings",
    params(("lead" = String, Path, description = "The lead's id"),
        ("idempotency-key" = Option<String>, Header, description = "Sent again with the same key, it is done once")),
    responses((status = 204), (status = "default", body = ProblemBody)),
    security(("bearer" = ["Book"])))]
async fn call_off(
    caller: Caller<Book>,
    State(api): State<Api>,
    key: IdempotencyKey,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let lead = lead(&id)?;
    may_book(&api, &caller, &lead).await?;
    let key = asking(key, "call-off", &lead, &());
    let what = What::Cancelled { lead };
    happened(&api, (caller.tenant(), caller.actor()), key, (what, Value::Null)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A decision, with times of whoever has the lead by it.
async fn routed(
    api: &Api,
    tenant: &TenantId,
    router: RouterId,
    decision: &str,
) -> Result<RoutedBody, Problem> {
    let decision: Value =
        serde_json::from_str(decision).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    let lead = lead(decision["lead"].as_str().unwrap_or_default())?;
    let offered = api.lines.times(tenant, router, Some(lead)).await?.into();
    Ok(RoutedBody { decision, offered })
}

/// Why it cannot be, with times that can.
async fn taken(
    api: &Api,
    tenant: &TenantId,
    problem: Problem,
    (router, lead): (RouterId, Option<LeadId>),
) -> Result<Response, Problem> {
    let offered = api.lines.times(tenant, router, lead).await?.into();
    let body = TakenBody { problem: problem.body(), offered };
    let media = [(CONTENT_TYPE, "application/problem+json")];
    Ok((problem.code().status(), media, axum::Json(body)).into_response())
}

/// A rep books for leads that they have or have handed over, and nobody else's.
async fn may_book(api: &Api, caller: &Caller<Book>, lead: &LeadId) -> Result<(), Problem> {
    if caller.scope().role() != Role::Rep || handed_over(api, caller, lead).await? {
        return Ok(());
    }
    let unknown = || Problem::not_found(format!("lead {lead} of yours"));
    let rep = seller(api, caller).await?.ok_or_else(unknown)?;
    let found = api.store.of(caller.tenant()).find_lead(lead.as_str()).await?;
    let is_theirs = found.is_some_and(|found| found.rep.as_deref() == Some(rep.as_str()));
    if is_theirs { Ok(()) } else { Err(unknown()) }
}

/// Whether somebody is the rep who handed a lead over, by its latest decision.
async fn handed_over<N>(api: &Api, caller: &Caller<N>, lead: &LeadId) -> Result<bool, Problem> {
    let Some(rep) = seller(api, caller).await? else { return Ok(false) };
    let Some(json) = api.store.of(caller.tenant()).decision(lead.as_str(), None).await? else {
        return Ok(false);
    };
    let decision: Decision =
        serde_json::from_str(&json).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    Ok(decision.trace.rules.handover.taken.is_some_and(|taken| taken.from == rep))
}

/// A router's id out of a path or body.
fn router(text: &str) -> Result<RouterId, Problem> {
    text.parse()
        .map_err(|error| Problem::new(Code::Malformed, format!("{text:?} is no id of a router: {error}")))
}

async fn kind(api: &Api, tenant: &TenantId, router: &RouterId) -> Result<RouterKind, Problem> {
    with_router(api, tenant, router, |router| router.kind).await
}

/// Something of a router of the configuration in force.
async fn with_router<T>(
    api: &Api,
    tenant: &TenantId,
    router: &RouterId,
    of: impl FnOnce(&Router) -> T,
) -> Result<T, Problem> {
    let found = api.lines.tenant(tenant).await?;
    let found = found.config.router(router);
    found.map(of).ok_or_else(|| crate::line::Refused::UnknownRouter(router.clone()).into())
}
