//! What is to be done outside: what became of it, fetched by those that nothing is sent to, and sent again.

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::decisions::moment;
use super::extract::{Json, Path, Query};
use super::page::{Page, Paging, number};
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{Caller, HandleEffects};
use crate::effects::{Report, effect_id, find, report};
use crate::lead::TenantId;
use crate::store::{EffectFilter, EffectPlace, EffectState, OutboxRow};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(to_fetch))
        .routes(routes!(resend_all))
        .routes(routes!(one))
        .routes(routes!(done))
        .routes(routes!(failed))
        .routes(routes!(resend))
}

/// Something that is to be done outside.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Effect)]
pub(super) struct EffectBody {
    /// Its id, the same at every attempt: who carries it out keeps it, and does it once.
    effect: String,
    /// `set-owner`, `task`, `notify`, `offer-times`, `enrol` or `decision`.
    kind: String,
    /// About which lead.
    lead: String,
    /// From which of its decisions.
    number: i64,
    /// Where it goes; absent where it waits to be fetched.
    destination: Option<String>,
    /// `open`, `done` or `dead`.
    state: String,
    /// When it was decided.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How often it was tried.
    attempts: i64,
    /// When it may be tried next, where it is open.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_at: Option<Timestamp>,
    /// When it was done or given up.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    /// What the last attempt met with.
    error: Option<String>,
    /// When somebody had it tried again from the start.
    #[schema(value_type = Option<String>, format = DateTime)]
    resent_at: Option<Timestamp>,
    /// What is to be done (`effect`) and what it follows from (`decision`); `null` where the person was erased.
    #[schema(value_type = Object)]
    data: Value,
}

impl From<OutboxRow> for EffectBody {
    fn from(row: OutboxRow) -> Self {
        let is_open = row.state == EffectState::Open.as_str();
        Self {
            effect: effect_id(&row),
            kind: row.kind,
            lead: row.lead,
            number: row.number,
            destination: Some(row.destination).filter(|destination| !destination.is_empty()),
            state: row.state,
            at: moment(row.at),
            attempts: row.attempts,
            next_at: is_open.then(|| moment(row.next_at)),
            ended_at: row.ended_at.map(moment),
            error: row.error,
            resent_at: row.resent_at.map(moment),
            data: serde_json::from_str(&row.body).unwrap_or_default(),
        }
    }
}

/// What effects are looked for by.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct EffectQuery {
    /// `open`, `done` or `dead`.
    #[param(value_type = Option<String>)]
    state: Option<Standing>,
    /// Where they go; empty: those that wait to be fetched.
    destination: Option<String>,
    /// About which lead.
    lead: Option<String>,
    /// `set-owner`, `task`, `notify`, `offer-times`, `enrol` or `decision`.
    kind: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Entries at most, 1 to 500; 50 where nothing is said.
    #[serde(default, deserialize_with = "number")]
    limit: Option<i64>,
}

/// Whether they are still to be carried out.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Standing {
    Open,
    Done,
    Dead,
}

impl From<Standing> for EffectState {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Open => Self::Open,
            Standing::Done => Self::Done,
            Standing::Dead => Self::Dead,
        }
    }
}

/// Effects in the order in which they were decided, the oldest first.
#[utoipa::path(get, path = "/v1/effects", tag = "effects", params(EffectQuery),
    security(("bearer" = ["HandleEffects"])),
    responses((status = 200, body = Page<EffectBody>), (status = "default", body = ProblemBody)))]
async fn list(
    caller: Caller<HandleEffects>,
    State(api): State<Api>,
    Query(query): Query<EffectQuery>,
) -> Result<Json<Page<EffectBody>>, Problem> {
    let paging = Paging { cursor: query.cursor, limit: query.limit };
    let filter = EffectFilter {
        state: query.state.map(EffectState::from),
        destination: query.destination.as_deref(),
        lead: query.lead.as_deref(),
        kind: query.kind.as_deref(),
    };
    let after: EffectPlace = paging.behind()?.unwrap_or((-1, -1, String::new()));
    let found = api.store.of(caller.tenant()).effects(filter, &after, paging.most()?).await?;
    let place = |row: &OutboxRow| (row.head, row.place, row.destination.clone());
    Ok(Json(Page::of(found, &paging, place, EffectBody::from)))
}

/// How many are fetched.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct FetchQuery {
    /// At most, 1 to 500; 50 where nothing is said.
    #[serde(default, deserialize_with = "number")]
    limit: Option<i64>,
}

/// What was fetched.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Effects)]
pub(super) struct EffectsBody {
    /// The longest due first, of each lead the earliest.
    items: Vec<EffectBody>,
}

/// Effects without a destination that may be carried out now. Of each lead it is the earliest: whoever reports what became
/// of it finds the next.
#[utoipa::path(get, path = "/v1/effects/to-fetch", tag = "effects", params(FetchQuery),
    security(("bearer" = ["HandleEffects"])),
    responses((status = 200, body = EffectsBody), (status = "default", body = ProblemBody)))]
async fn to_fetch(
    caller: Caller<HandleEffects>,
    State(api): State<Api>,
    Query(query): Query<FetchQuery>,
) -> Result<Json<EffectsBody>, Problem> {
    let most = Paging { cursor: None, limit: query.limit }.most()? - 1;
    let now = api.clock.now().as_millisecond();
    let found = api.store.of(caller.tenant()).effects_to_fetch(now, most).await?;
    Ok(Json(EffectsBody { items: found.into_iter().map(EffectBody::from).collect() }))
}

async fn known(api: &Api, tenant: &TenantId, id: &str) -> Result<OutboxRow, Problem> {
    find(&api.store, tenant, id).await?.ok_or_else(|| Problem::not_found(format!("effect {id}")))
}

/// An effect.
#[utoipa::path(get, path = "/v1/effects/{effect}", tag = "effects",
    params(("effect" = String, Path, description = "The effect's id")),
    security(("bearer" = ["HandleEffects"])),
    responses((status = 200, body = EffectBody), (status = "default", body = ProblemBody)))]
async fn one(
    caller: Caller<HandleEffects>,
    State(api): State<Api>,
    Path(effect): Path<String>,
) -> Result<Json<EffectBody>, Problem> {
    Ok(Json(known(&api, caller.tenant(), &effect).await?.into()))
}

/// Whoever fetched an effect has carried it out.
#[utoipa::path(post, path = "/v1/effects/{effect}/done", tag = "effects",
    params(("effect" = String, Path, description = "The effect's id")),
    security(("bearer" = ["HandleEffects"])),
    responses((status = 200, body = EffectBody), (status = "default", body = ProblemBody)))]
async fn done(
    caller: Caller<HandleEffects>,
    State(api): State<Api>,
    Path(effect): Path<String>,
) -> Result<Json<EffectBody>, Problem> {
    reported(&api, caller.tenant(), &effect, Report::Done).await
}

/// Why an effect was not carried out.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Failure)]
#[serde(deny_unknown_fields)]
pub(super) struct FailedBody {
    /// In a line.
    why: String,
}

/// The longest reason that is kept, in characters.
const REASON: usize = 300;

/// Whoever fetched an effect could not carry it out: it is there to be fetched again later, and given up in the end.
#[utoipa::path(post, path = "/v1/effects/{effect}/failed", tag = "effects", request_body = FailedBody,
    params(("effect" = String, Path, description = "The effect's id")),
    security(("bearer" = ["HandleEffects"])),
    responses((status = 200, body = EffectBody), (status = "default", body = ProblemBody)))]
async fn failed(
    caller: Caller<HandleEffects>,
    State(api): State<Api>,
    Path(effect): Path<String>,
    Json(body): Json<FailedBody>,
) -> Result<Json<EffectBody>, Problem> {
    let why = crate::failure::clean(&body.why, REASON);
    reported(&api, caller.tenant(), &effect, Report::Failed { why }).await
}

async fn reported(api: &Api, tenant: &TenantId, id: &str, what: Report) -> Result<Json<EffectBody>, Problem> {
    let seen = known(api, tenant, id).await?;
    if !seen.destination.is_empty() {
        let detail = format!("it goes to {}, which answers for itself", seen.destination);
        return Err(Problem::new(Code::Conflict, detail));
    }
    let is_done = seen.state == EffectState::Done.as_str();
    // Who says twice that it is done has said it once.
    let is_known = is_done && what == Report::Done;
    if !is_known && !report(api.clock.now(), &api.store, tenant, &seen, what).await? {
        return Err(Problem::new(
            Code::Conflict,
            "it is not open any more, or somebody else has just reported it",
        )
        .hint("read it again"));
    }
    Ok(Json(known(api, tenant, id).await?.into()))
}

/// Sends a dead effect again, from the start.
#[utoipa::path(post, path = "/v1/effects/{effect}/resend", tag = "effects",
    params(("effect" = String, Path, description = "The effect's id")),
    security(("bearer" = ["HandleEffects"])),
    responses((status = 200, body = EffectBody), (status = "default", body = ProblemBody)))]
async fn resend(
    caller: Caller<HandleEffects>,
    State(api): State<Api>,
    Path(effect): Path<String>,
) -> Result<Json<EffectBody>, Problem> {
    let seen = known(&api, caller.tenant(), &effect).await?;
    let (store, now) = (api.store.of(caller.tenant()), api.clock.now().as_millisecond());
    let place = Some((seen.head, seen.place));
    if store.resend_effects(now, caller.actor(), &seen.destination, place).await? == 0 {
        return Err(Problem::new(Code::Conflict, "it is not dead, or its destination is off or gone")
            .hint("turn the destination on first"));
    }
    Ok(Json(known(&api, caller.tenant(), &effect).await?.into()))
}

/// Which effects are sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Resend)]
#[serde(deny_unknown_fields)]
pub(super) struct ResendBody {
    /// All dead ones of this destination; empty: those that are fetched.
    destination: String,
}

/// What was sent again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Resent)]
pub(super) struct ResentBody {
    /// How many; none where the destination is off or gone.
    effects: u64,
}

/// Sends all dead effects of a destination again, from the start.
#[utoipa::path(post, path = "/v1/effects/resend", tag = "effects", request_body = ResendBody,
    security(("bearer" = ["HandleEffects"])),
    responses((status = 200, body = ResentBody), (status = "default", body = ProblemBody)))]
async fn resend_all(
    caller: Caller<HandleEffects>,
    State(api): State<Api>,
    Json(body): Json<ResendBody>,
) -> Result<Json<ResentBody>, Problem> {
    let now = api.clock.now().as_millisecond();
    let store = api.store.of(caller.tenant());
    let effects = store.resend_effects(now, caller.actor(), &body.destination, None).await?;
    Ok(Json(ResentBody { effects }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(destination: &str, state: EffectState, body: &str) -> OutboxRow {
        OutboxRow {
            tenant: "acme".to_owned(),
            head: 3,
            place: 1,
            destination: destination.to_owned(),
            at: 0,
            lead: "l1".to_owned(),
            number: 2,
            kind: "task".to_owned(),
            body: body.to_owned(),
            state: state.as_str().to_owned(),
            attempts: 4,
            next_at: 1000,
            ended_at: (state != EffectState::Open).then_some(2000),
            error: None,
            resent_at: None,
        }
    }

    #[test]
    fn an_effect_on_the_wire() {
        let check = |row: OutboxRow, expect: Value| {
            let id = effect_id(&row);
            let body = serde_json::to_value(EffectBody::from(row)).expect("JSON");
            let mut whole = json!({
                "effect": id, "kind": "task", "lead": "l1", "number": 2, "at": "1970-01-01T00:00:00Z",
                "attempts": 4, "error": null, "resent_at": null,
            });
            let fields = expect.as_object().cloned().unwrap_or_default();
            whole.as_object_mut().expect("an object").extend(fields);
            assert_eq!(body, whole);
        };
        check(
            row("", EffectState::Open, r#"{"effect": 1}"#),
            json!({ "destination": null, "state": "open", "next_at": "1970-01-01T00:00:01Z", "ended_at": null,
                "data": { "effect": 1 } }),
        );
        check(
            row("crm", EffectState::Dead, "null"),
            json!({ "destination": "crm", "state": "dead", "next_at": null, "ended_at": "1970-01-01T00:00:02Z",
                "data": null }),
        );
    }
}
