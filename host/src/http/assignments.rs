//! What people do with leads: take them, pass them on, say yes or no, tell how it went.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::extract::{IdempotencyKey, Json, Optional, Path};
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{Caller, HandleOwn, Manage, SendLeads};
use crate::access::{Role, Seller};
use crate::events::{Closing, Satisfaction, What};
use crate::lead::{LeadId, RepId, TenantId};
use crate::line::{Answer, Ask, Key, Question};
use crate::store::LeadFilter;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(accept))
        .routes(routes!(feedback))
        .routes(routes!(decline))
        .routes(routes!(touch))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(reassign))
        .routes(routes!(reassign_many))
        .routes(routes!(lock))
        .routes(routes!(unlock))
        .routes(routes!(review))
        .routes(routes!(lane))
        .routes(routes!(outcome))
}

/// What followed from it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Followed)]
pub(super) struct FollowedBody {
    /// Decisions that were made for it, about this lead and about others that waited.
    decisions: Vec<DecidedLine>,
}

/// A decision by its name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DecidedLine {
    /// Which lead.
    lead: String,
    /// Which of its decisions.
    number: u32,
    /// One line for a person; absent where it was decided at an earlier request.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Why somebody does it.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReasonBody {
    /// For the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Asks the tenant's line to take in what happened.
pub(super) async fn happened(
    api: &Api,
    (tenant, actor): (&TenantId, &str),
    key: Option<Key>,
    (what, note): (What, Value),
) -> Result<Json<FollowedBody>, Problem> {
    let question = Question { ask: Ask::Event { what, note }, actor: actor.to_owned(), key };
    let decisions = match api.lines.ask(tenant, question).await? {
        Answer::Decided(made) => made
            .iter()
            .map(|made| DecidedLine {
                lead: made.decision.lead.to_string(),
                number: made.decision.number,
                why: Some(made.decision.why.clone()),
            })
            .collect(),
        Answer::Repeated(made) => made
            .into_iter()
            .flatten()
            .map(|(lead, number)| DecidedLine { lead: lead.into(), number, why: None })
            .collect(),
        Answer::Batch(_) | Answer::Times(..) | Answer::Tried(_) | Answer::Reps(_) | Answer::Tenant(_) => {
            return Err(Problem::new(Code::Internal, "an event has another answer"));
        }
    };
    Ok(Json(FollowedBody { decisions }))
}

/// A lead's id out of a path.
pub(super) fn lead(text: &str) -> Result<LeadId, Problem> {
    text.parse()
        .map_err(|error| Problem::new(Code::Malformed, format!("{text:?} is no id of a lead: {error}")))
}

/// A rep's id out of a path or body.
pub(super) fn rep(text: &str) -> Result<RepId, Problem> {
    text.parse()
        .map_err(|error| Problem::new(Code::Malformed, format!("{text:?} is no id of a rep: {error}")))
}

/// A rep handles the leads that they have, and nobody else's.
pub(super) async fn own(api: &Api, caller: &Caller<HandleOwn>, lead: &LeadId) -> Result<(), Problem> {
    // Whoever answers for reps may act for them.
    if let Role::Manager | Role::Admin = caller.scope().role() {
        return Ok(());
    }
    // Whose lead it is, is not theirs to know.
    let unknown = || Problem::not_found(format!("lead {lead} of yours"));
    let rep = seller(api, caller).await?.ok_or_else(unknown)?;
    let found = api.store.of(caller.tenant()).find_lead(lead.as_str()).await?;
    let is_theirs = found.is_some_and(|found| found.rep.as_deref() == Some(rep.as_str()));
    if is_theirs { Ok(()) } else { Err(unknown()) }
}

/// Which rep somebody is.
pub(super) async fn seller<N>(api: &Api, caller: &Caller<N>) -> Result<Option<RepId>, Problem> {
    Ok(match caller.scope().rep() {
        None => None,
        Some(Seller::Id(rep)) => Some(rep.clone()),
        Some(Seller::Email(email)) => {
            let reps = api.lines.reps(caller.tenant()).await?;
            reps.into_iter().find(|rep| rep.email.as_ref() == Some(email)).map(|rep| rep.rep)
        }
    })
}

pub(super) fn asking(key: IdempotencyKey, name: &str, lead: &LeadId, body: &impl Serialize) -> Option<Key> {
    let body = serde_json::to_vec(body).unwrap_or_default();
    key.asking([name.as_bytes(), lead.as_str().as_bytes(), &body])
}

macro_rules! handles {
    ($(#[doc = $doc:literal] $name:ident, $path:literal, $needs:ident, $right:literal, $what:ident, $own:expr;)*) => {
        $(
            #[doc = $doc]
            #[utoipa::path(post, path = $path, tag = "assignments",
                params(("lead" = String, Path, description = "The lead's id"),
                    ("idempotency-key" = Option<String>, Header, description = "Sent again with the same key, it is done once")),
                request_body = Option<ReasonBody>,
                responses((status = 200, body = FollowedBody), (status = "default", body = ProblemBody)),
                security(("bearer" = [$right])))]
            async fn $name(
                caller: Caller<$needs>,
                State(api): State<Api>,
                key: IdempotencyKey,
                Path(id): Path<String>,
                Optional(body): Optional<ReasonBody>,
            ) -> Result<Json<FollowedBody>, Problem> {
                let lead = lead(&id)?;
                let own: fn(&Caller<$needs>) -> Option<&Caller<HandleOwn>> = $own;
                if let Some(caller) = own(&caller) {
                    self::own(&api, caller, &lead).await?;
                }
                let key = asking(key, stringify!($name), &lead, &body);
                let note = serde_json::to_value(&body).unwrap_or_default();
                let what = What::$what { lead };
                happened(&api, (caller.tenant(), caller.actor()), key, (what, note)).await
            }
        )*
    };
}

handles! {
    /// Whoever has the lead does not want it: the next in line gets it.
    decline, "/v1/leads/{lead}/decline", HandleOwn, "HandleOwn", Declined, |caller| Some(caller);
    /// Somebody wrote to or spoke with the contact.
    touch, "/v1/leads/{lead}/touch", HandleOwn, "HandleOwn", Touched, |caller| Some(caller);
    /// Approves a suggestion.
    approve, "/v1/leads/{lead}/approve", Manage, "Manage", Approved, |_| None;
    /// Rejects a suggestion: the next best is suggested.
    reject, "/v1/leads/{lead}/reject", Manage, "Manage", Rejected, |_| None;
    /// No automatic change any more.
    lock, "/v1/leads/{lead}/lock", Manage, "Manage", Locked, |_| None;
    /// Automatic changes again.
    unlock, "/v1/leads/{lead}/unlock", Manage, "Manage", Unlocked, |_| None;
    /// A person has looked at what needed one: the triage item is closed.
    review, "/v1/leads/{lead}/review", Manage, "Manage", Reviewed, |_| None;
}

/// A rep takes a lead.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Accept)]
pub(super) struct AcceptBody {
    /// For the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// How well it suits them, from 1, not at all, to 5, very.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u8>, minimum = 1, maximum = 5)]
    satisfaction: Option<Satisfaction>,
}

/// Whoever has the lead takes it.
#[utoipa::path(post, path = "/v1/leads/{lead}/accept", tag = "assignments",
    params(("lead" = String, Path, description = "The lead's id"),
        ("idempotency-key" = Option<String>, Header, description = "Sent again with the same key, it is done once")),
    request_body = Option<AcceptBody>,
    responses((status = 200, body = FollowedBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["HandleOwn"])))]
async fn accept(
    caller: Caller<HandleOwn>,
    State(api): State<Api>,
    key: IdempotencyKey,
    Path(id): Path<String>,
    Optional(body): Optional<AcceptBody>,
) -> Result<Json<FollowedBody>, Problem> {
    let lead = lead(&id)?;
    own(&api, &caller, &lead).await?;
    let key = asking(key, "accept", &lead, &body);
    let note = json!(ReasonBody { reason: body.reason });
    let what = What::Accepted { lead, satisfaction: body.satisfaction };
    happened(&api, (caller.tenant(), caller.actor()), key, (what, note)).await
}

/// What a rep says of a lead.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Feedback)]
pub(super) struct FeedbackBody {
    /// How well it suits them, from 1, not at all, to 5, very.
    #[schema(value_type = u8, minimum = 1, maximum = 5)]
    satisfaction: Satisfaction,
    /// Anything else that somebody should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// Whoever has the lead, or had it until it was closed, says how well it suits them; a later word replaces an earlier one.
#[utoipa::path(post, path = "/v1/leads/{lead}/feedback", tag = "assignments",
    params(("lead" = String, Path, description = "The lead's id"),
        ("idempotency-key" = Option<String>, Header, description = "Sent again with the same key, it is done once")),
    request_body = FeedbackBody,
    responses((status = 200, body = FollowedBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["HandleOwn"])))]
async fn feedback(
    caller: Caller<HandleOwn>,
    State(api): State<Api>,
    key: IdempotencyKey,
    Path(id): Path<String>,
    Json(body): Json<FeedbackBody>,
) -> Result<Json<FollowedBody>, Problem> {
    let lead = lead(&id)?;
    had(&api, &caller, &lead).await?;
    let key = asking(key, "feedback", &lead, &body);
    let note = body.note.map_or(Value::Null, |note| json!({"reason": note}));
    let what = What::Rated { lead, satisfaction: body.satisfaction };
    happened(&api, (caller.tenant(), caller.actor()), key, (what, note)).await
}

/// Whoever had a lead until it was closed may still say how that was.
async fn had(api: &Api, caller: &Caller<HandleOwn>, lead: &LeadId) -> Result<(), Problem> {
    let had = match seller(api, caller).await? {
        Some(rep) => {
            let deal = api.store.of(caller.tenant()).deal(lead.as_str()).await?;
            let closed = deal.filter(|deal| deal.outcome.is_some());
            closed.is_some_and(|deal| deal.rep.as_deref() == Some(rep.as_str()))
        }
        None => false,
    };
    if had { Ok(()) } else { own(api, caller, lead).await }
}

/// Which lane a lead belongs to.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LaneSaid)]
pub(super) struct LaneBody {
    /// The right lane; where nothing is said, it is the one that it was classified as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lane: Option<String>,
}

/// Confirms or corrects the lane of a lead. What it says is what the tenant's bands of confidence are fitted to; nobody gets
/// the lead for that, which `reassign` does.
#[utoipa::path(post, path = "/v1/leads/{lead}/lane", tag = "assignments",
    params(("lead" = String, Path, description = "The lead's id"),
        ("idempotency-key" = Option<String>, Header, description = "Sent again with the same key, it is done once")),
    request_body = Option<LaneBody>,
    responses((status = 200, body = FollowedBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["Manage"])))]
async fn lane(
    caller: Caller<Manage>,
    State(api): State<Api>,
    key: IdempotencyKey,
    Path(id): Path<String>,
    Optional(body): Optional<LaneBody>,
) -> Result<Json<FollowedBody>, Problem> {
    let lead = lead(&id)?;
    let key = asking(key, "lane", &lead, &body);
    let classified = || async {
        let deal = api.store.of(caller.tenant()).deal(lead.as_str()).await?;
        deal.and_then(|deal| deal.lane).ok_or_else(|| {
            let problem = Problem::new(Code::Conflict, format!("no lane of the lead {lead} is known"));
            problem.hint("say which it belongs to: `lane`")
        })
    };
    let lane = match body.lane {
        Some(lane) => lane,
        None => classified().await?,
    };
    let wrong = |error: crate::lead::IdError| {
        Problem::new(Code::Malformed, "no lane is meant").at("lane", error.to_string())
    };
    let what = What::LaneSaid { lead, lane: lane.parse().map_err(wrong)? };
    happened(&api, (caller.tenant(), caller.actor()), key, (what, Value::Null)).await
}

/// To whom a lead is given, and why.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReassignBody {
    /// The rep who is to have it.
    to: String,
    /// Why, for the log. Nothing is learned from the words; who has the lead when it is won or lost is.
    reason: String,
}

/// A person gives a lead to somebody, or changes a suggestion so.
#[utoipa::path(post, path = "/v1/leads/{lead}/reassign", tag = "assignments",
    params(("lead" = String, Path, description = "The lead's id"),
        ("idempotency-key" = Option<String>, Header, description = "Sent again with the same key, it is done once")),
    request_body = ReassignBody,
    responses((status = 200, body = FollowedBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["Manage"])))]
async fn reassign(
    caller: Caller<Manage>,
    State(api): State<Api>,
    key: IdempotencyKey,
    Path(id): Path<String>,
    Json(body): Json<ReassignBody>,
) -> Result<Json<FollowedBody>, Problem> {
    let lead = lead(&id)?;
    let key = asking(key, "reassign", &lead, &body);
    let what = What::Reassigned { lead, to: rep(&body.to)?, reason: reasoned(&body.reason)? };
    happened(&api, (caller.tenant(), caller.actor()), key, (what, Value::Null)).await
}

/// A reason that says something.
fn reasoned(reason: &str) -> Result<String, Problem> {
    match reason.trim() {
        "" => Err(Problem::new(Code::Malformed, "the reason is empty").at("reason", "say why: it is logged")),
        reason => Ok(reason.to_owned()),
    }
}

/// Which leads are given to whom, and why. Either `leads`, or everything that `from` has.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReassignManyBody {
    /// Ids of leads, 500 at most.
    #[serde(default)]
    leads: Vec<String>,
    /// Everything that this rep has, 500 leads at a time.
    #[serde(default)]
    from: Option<String>,
    /// The rep who is to have them.
    to: String,
    /// Why, for the log.
    reason: String,
}

/// What became of each.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReassignedMany)]
pub(super) struct ReassignedManyBody {
    /// Leads that were given.
    reassigned: Vec<String>,
    /// Leads that were not, each with why.
    refused: Vec<RefusedLine>,
}

/// A lead that was not given.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RefusedLine {
    /// Which.
    lead: String,
    /// Why.
    problem: ProblemBody,
}

/// Leads that are given in one request.
const MOST: usize = 500;

/// A person gives many leads to somebody. Each is a change of its own: what cannot be is told, the rest is done.
#[utoipa::path(post, path = "/v1/leads/reassign", tag = "assignments", request_body = ReassignManyBody,
    params(("idempotency-key" = Option<String>, Header, description = "Sent again with the same key, each is done once")),
    responses((status = 200, body = ReassignedManyBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["Manage"])))]
async fn reassign_many(
    caller: Caller<Manage>,
    State(api): State<Api>,
    key: IdempotencyKey,
    Json(body): Json<ReassignManyBody>,
) -> Result<Json<ReassignedManyBody>, Problem> {
    let (to, reason) = (rep(&body.to)?, reasoned(&body.reason)?);
    let leads = match (body.from, body.leads) {
        (Some(from), leads) if leads.is_empty() => {
            let filter = LeadFilter { rep: Some(from), ..LeadFilter::default() };
            let most = i64::try_from(MOST).unwrap_or(i64::MAX);
            let found = api.store.of(caller.tenant()).find_leads(&filter, most).await?;
            found.into_iter().map(|found| found.lead).collect()
        }
        (None, leads) if (1..=MOST).contains(&leads.len()) => leads,
        _ => {
            return Err(Problem::new(Code::Malformed, "it is not said which leads")
                .hint(format!("either `leads`, 1 to {MOST} of them, or `from`")));
        }
    };
    let (mut reassigned, mut refused) = (Vec::new(), Vec::new());
    for id in leads {
        let key = IdempotencyKey(key.0.as_ref().map(|key| format!("{key}/{id}")));
        let given = async {
            let lead = lead(&id)?;
            let key = asking(key, "reassign", &lead, &json!({"to": to, "reason": reason}));
            let what = What::Reassigned { lead, to: to.clone(), reason: reason.clone() };
            happened(&api, (caller.tenant(), caller.actor()), key, (what, Value::Null)).await
        };
        match given.await {
            Ok(_) => reassigned.push(id),
            Err(problem) => refused.push(RefusedLine { lead: id, problem: problem.body() }),
        }
    }
    Ok(Json(ReassignedManyBody { reassigned, refused }))
}

/// What became of a lead.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OutcomeBody {
    /// What.
    outcome: Outcome,
    /// Of a deal that was won, in the tenant's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    /// How satisfied the customer is, from 1, not at all, to 5, very; with `won`, `lost` or `disqualified`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u8>, minimum = 1, maximum = 5)]
    satisfaction: Option<Satisfaction>,
    /// Anything else that somebody should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// What can become of a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Outcome {
    /// Somebody wrote to or spoke with the contact.
    FirstTouch,
    /// The contact did not come to the meeting, or called it off.
    NoShow,
    /// They bought.
    Won,
    /// They did not.
    Lost,
    /// They never could.
    Disqualified,
}

/// Tells what became of a lead: the rep's room, turns and what is learned follow from it.
#[utoipa::path(post, path = "/v1/leads/{lead}/outcome", tag = "assignments",
    params(("lead" = String, Path, description = "The lead's id"),
        ("idempotency-key" = Option<String>, Header, description = "Sent again with the same key, it is done once")),
    request_body = OutcomeBody,
    responses((status = 200, body = FollowedBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["SendLeads"])))]
async fn outcome(
    caller: Caller<SendLeads>,
    State(api): State<Api>,
    key: IdempotencyKey,
    Path(id): Path<String>,
    Json(body): Json<OutcomeBody>,
) -> Result<Json<FollowedBody>, Problem> {
    if body.value.is_some_and(|value| !value.is_finite() || value < 0.0) {
        return Err(Problem::new(Code::Malformed, "the value is no amount").at("value", "0 or more"));
    }
    let lead = lead(&id)?;
    let key = asking(key, "outcome", &lead, &body);
    let note = serde_json::to_value(&body).unwrap_or_default();
    let closed = |how| {
        let OutcomeBody { value, satisfaction, .. } = body;
        What::Closed { lead: lead.clone(), outcome: Some(how), value, satisfaction }
    };
    let what = match body.outcome {
        Outcome::FirstTouch | Outcome::NoShow if body.satisfaction.is_some() => {
            let problem = Problem::new(Code::Malformed, "a satisfaction comes with how the deal ended");
            return Err(problem.at("satisfaction", "with `won`, `lost` or `disqualified`"));
        }
        Outcome::FirstTouch => What::Touched { lead },
        Outcome::NoShow => What::NoShow { lead },
        Outcome::Won => closed(Closing::Won),
        Outcome::Lost => closed(Closing::Lost),
        Outcome::Disqualified => closed(Closing::Disqualified),
    };
    happened(&api, (caller.tenant(), caller.actor()), key, (what, note)).await
}
