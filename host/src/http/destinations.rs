//! Where effects go.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::decisions::moment;
use super::extract::{IfMatch, Json, Optional, Path, Tagged, etag, if_seen};
use super::keys::once;
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{Caller, ManageAccess};
use crate::access::For;
use crate::effects::{Destination, DestinationError, EffectKind, Kind, checked, fresh_secret};
use crate::lead::TenantId;
use crate::store::{DestinationRow, NewDestination, Switch};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one, put, remove))
        .routes(routes!(secret))
        .routes(routes!(on))
        .routes(routes!(off))
}

/// Where effects go.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Destination)]
pub(super) struct DestinationBody {
    /// The tenant's own name for it.
    destination: String,
    /// `webhook`, `slack`, `email` or `sms`.
    kind: String,
    /// A URL, or an address.
    target: String,
    /// What texts point at.
    link: Option<String>,
    /// Which effects it gets; empty: those that its kind is for.
    #[schema(value_type = Vec<String>)]
    effects: Vec<EffectKind>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
    /// Whether requests to it are signed.
    signed: bool,
    /// Whether anything goes there.
    on: bool,
    /// Since when it is off, where it is.
    #[schema(value_type = Option<String>, format = DateTime)]
    off_at: Option<Timestamp>,
    /// Why it is off.
    off_reason: Option<String>,
    /// Turns in a row in which nothing arrived.
    failures: i64,
    /// Since when nothing arrives, where nothing does.
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
    /// Until when it is left alone, where it is.
    #[schema(value_type = Option<String>, format = DateTime)]
    rests_until: Option<Timestamp>,
    /// What requests are signed with, after Standard Webhooks. Only in the answer in which it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl From<DestinationRow> for DestinationBody {
    fn from(row: DestinationRow) -> Self {
        Self {
            effects: serde_json::from_str(&row.effects).unwrap_or_default(),
            destination: row.destination,
            kind: row.kind,
            target: row.target,
            link: row.link,
            made_at: moment(row.made_at),
            signed: row.secret.is_some(),
            on: row.off_at.is_none(),
            off_at: row.off_at.map(moment),
            off_reason: row.off_reason,
            failures: row.failures,
            failing_since: row.failing_since.map(moment),
            rests_until: (row.rests_until > 0).then(|| moment(row.rests_until)),
            secret: None,
        }
    }
}

/// All destinations.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Destinations)]
pub(super) struct DestinationsBody {
    /// In the order of their names.
    items: Vec<DestinationBody>,
}

/// What a destination is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewDestination)]
#[serde(deny_unknown_fields)]
pub(super) struct NewDestinationBody {
    /// `webhook`: a signed request with a CloudEvent; `slack`: an incoming webhook of a chat; `email`: an address; `sms`: a
    /// gateway that takes `{"to", "text"}`.
    #[schema(value_type = String)]
    kind: Kind,
    /// A URL that begins with `https://`; for `email` an address.
    target: String,
    /// What texts point at, such as the page to book a time on; `{lead}` and `{rep}` stand for their ids. `sms` needs one.
    #[serde(default)]
    link: Option<String>,
    /// Which effects it gets: `set-owner`, `task`, `notify`, `offer-times`, `enrol`, and `decision` for every decision.
    /// Those that its kind is for where nothing is said.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    effects: Vec<EffectKind>,
}

/// Destinations, in the order of their names.
#[utoipa::path(get, path = "/v1/destinations", tag = "effects",
    security(("bearer" = ["ManageAccess"])),
    responses((status = 200, body = DestinationsBody), (status = "default", body = ProblemBody)))]
async fn list(
    caller: Caller<ManageAccess>,
    State(api): State<Api>,
) -> Result<Json<DestinationsBody>, Problem> {
    let found = api.store.of(caller.tenant()).destinations().await?;
    Ok(Json(DestinationsBody { items: found.into_iter().map(DestinationBody::from).collect() }))
}

/// A destination.
#[utoipa::path(get, path = "/v1/destinations/{destination}", tag = "effects",
    params(("destination" = String, Path, description = "The destination's name")),
    security(("bearer" = ["ManageAccess"])),
    responses((status = 200, body = DestinationBody, description = "The destination, with its ETag"),
        (status = "default", body = ProblemBody)))]
async fn one(
    caller: Caller<ManageAccess>,
    State(api): State<Api>,
    Path(destination): Path<String>,
) -> Result<Tagged<DestinationBody>, Problem> {
    let row = row(&api, caller.tenant(), &destination).await?;
    Ok(Tagged(row.head, row.into()))
}

async fn row(api: &Api, tenant: &TenantId, destination: &str) -> Result<DestinationRow, Problem> {
    let found = api.store.of(tenant).destination(destination).await?;
    found.ok_or_else(|| Problem::not_found(format!("destination {destination}")))
}

/// Whether requests to it are signed: where a program takes them.
fn is_signed(kind: Kind) -> bool {
    match kind {
        Kind::Webhook | Kind::Sms => true,
        Kind::Slack | Kind::Email => false,
    }
}

/// A secret as whoever receives has it, and sealed. What is kept of the one before signs beside it.
fn new_secret(
    api: &Api,
    tenant: &TenantId,
    destination: &str,
    before: Option<&[u8]>,
) -> Result<(String, Vec<u8>), Problem> {
    let (vault, place) = (api.vault()?, For::Destination(destination));
    let mut random = [0; 32];
    getrandom::fill(&mut random)
        .map_err(|_| Problem::new(Code::Internal, "the system has no randomness to draw a secret from"))?;
    let secret = fresh_secret(random);
    let mut both = secret.clone().into_bytes();
    if let Some(before) = before {
        let before = vault.open(tenant, place, before)?;
        both.push(b' ');
        both.extend(before.expose().split(|byte| *byte == b' ').next().unwrap_or_default());
    }
    Ok((secret, vault.seal(tenant, place, &both)?))
}

/// Makes a destination, or changes what it is. Where requests to it are signed and it is new, the answer has the secret.
#[utoipa::path(put, path = "/v1/destinations/{destination}", tag = "effects", request_body = NewDestinationBody,
    params(("destination" = String, Path, description = "The destination's name: up to 64 of `a` to `z`, `0` to `9`, `-`, `_` and `.`"),
        ("if-match" = Option<String>, Header, description = "The ETag of what was read, so that nobody's change is overwritten")),
    security(("bearer" = ["ManageAccess"])),
    responses((status = 200, body = DestinationBody, description = "It is changed"),
        (status = 201, body = DestinationBody, description = "It is made"),
        (status = "default", body = ProblemBody)))]
async fn put(
    caller: Caller<ManageAccess>,
    State(api): State<Api>,
    Path(id): Path<String>,
    tag: Option<IfMatch>,
    Json(body): Json<NewDestinationBody>,
) -> Result<Response, Problem> {
    let (tenant, store) = (caller.tenant(), api.store.of(caller.tenant()));
    let NewDestinationBody { kind, target, link, effects } = body;
    let new = Destination { tenant: tenant.clone(), id, kind, target, link, effects, secret: None, on: true };
    let mut new = checked(&new, api.reach).map_err(wrong)?;
    let before = store.destination(&new.destination).await?;
    let has_secret = before.as_ref().is_some_and(|row| row.secret.is_some());
    let made = match is_signed(kind) && !has_secret {
        true => Some(new_secret(&api, tenant, &new.destination, None)?),
        false => None,
    };
    let secret = made.map(|(secret, sealed)| {
        new.secret = Some(sealed);
        secret
    });
    let (at, seen) = (api.clock.now().as_millisecond(), if_seen(tag.as_ref())?);
    store.put_destination(at, caller.actor(), &new, seen).await?;
    let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    answer(&api, tenant, &new.destination, (status, secret)).await
}

async fn answer(
    api: &Api,
    tenant: &TenantId,
    destination: &str,
    (status, secret): (StatusCode, Option<String>),
) -> Result<Response, Problem> {
    forgotten(api, tenant).await;
    let row = row(api, tenant, destination).await?;
    let tag = [(ETAG, etag(row.head))];
    Ok((tag, once(status, DestinationBody { secret, ..row.into() })).into_response())
}

/// The tenant's line sends effects to where they went before until it finds out.
async fn forgotten(api: &Api, tenant: &TenantId) {
    // It finds out at its next commit in any case, and decides again what it has decided by then.
    if let Err(why) = api.lines.reload(tenant).await {
        tracing::debug!(%tenant, %why, "a line finds out later where effects go");
    }
}

/// Takes a destination away. What is open for it is dead.
#[utoipa::path(delete, path = "/v1/destinations/{destination}", tag = "effects",
    params(("destination" = String, Path, description = "The destination's name"),
        ("if-match" = Option<String>, Header, description = "The ETag of what was read, so that nobody's change is lost")),
    security(("bearer" = ["ManageAccess"])),
    responses((status = 204, description = "It is gone"), (status = "default", body = ProblemBody)))]
async fn remove(
    caller: Caller<ManageAccess>,
    State(api): State<Api>,
    Path(destination): Path<String>,
    tag: Option<IfMatch>,
) -> Result<StatusCode, Problem> {
    let (at, seen) = (api.clock.now().as_millisecond(), if_seen(tag.as_ref())?);
    match api.store.of(caller.tenant()).remove_destination(at, caller.actor(), &destination, seen).await? {
        true => {
            forgotten(&api, caller.tenant()).await;
            Ok(StatusCode::NO_CONTENT)
        }
        false => Err(Problem::not_found(format!("destination {destination}"))),
    }
}

/// How a secret is replaced.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = NewDestinationSecret)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretBody {
    /// `true`: nothing is signed with the one before any more, from now on. Otherwise requests have both signatures until
    /// the next change, so that whoever receives them has time.
    #[serde(default)]
    drop_old: bool,
}

/// Makes a new secret for a destination. It is in this answer alone.
#[utoipa::path(post, path = "/v1/destinations/{destination}/secret", tag = "effects",
    request_body = Option<SecretBody>,
    params(("destination" = String, Path, description = "The destination's name")),
    security(("bearer" = ["ManageAccess"])),
    responses((status = 200, body = DestinationBody), (status = "default", body = ProblemBody)))]
async fn secret(
    caller: Caller<ManageAccess>,
    State(api): State<Api>,
    Path(destination): Path<String>,
    Optional(body): Optional<SecretBody>,
) -> Result<Response, Problem> {
    let tenant = caller.tenant();
    let before = row(&api, tenant, &destination).await?;
    let kept = before.secret.as_deref().filter(|_| !body.drop_old);
    let (secret, sealed) = new_secret(&api, tenant, &destination, kept)?;
    let DestinationRow { destination, kind, target, link, effects, .. } = before;
    let new = NewDestination { destination, kind, target, link, effects, secret: Some(sealed) };
    let at = api.clock.now().as_millisecond();
    api.store.of(tenant).put_destination(at, caller.actor(), &new, None).await?;
    answer(&api, tenant, &new.destination, (StatusCode::OK, Some(secret))).await
}

/// Why a destination is turned off.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = SwitchOff)]
#[serde(deny_unknown_fields)]
pub(super) struct OffBody {
    /// In a line, for whoever looks at it later.
    #[serde(default)]
    reason: Option<String>,
}

/// Turns a destination on: what comes from now on goes there.
#[utoipa::path(post, path = "/v1/destinations/{destination}/on", tag = "effects",
    params(("destination" = String, Path, description = "The destination's name")),
    security(("bearer" = ["ManageAccess"])),
    responses((status = 200, body = DestinationBody), (status = "default", body = ProblemBody)))]
async fn on(
    caller: Caller<ManageAccess>,
    State(api): State<Api>,
    Path(destination): Path<String>,
) -> Result<Response, Problem> {
    turned(&api, &caller, &destination, &Switch::On).await
}

/// Turns a destination off: nothing goes there, and what is open for it is dead until it is sent again.
#[utoipa::path(post, path = "/v1/destinations/{destination}/off", tag = "effects",
    request_body = Option<OffBody>,
    params(("destination" = String, Path, description = "The destination's name")),
    security(("bearer" = ["ManageAccess"])),
    responses((status = 200, body = DestinationBody), (status = "default", body = ProblemBody)))]
async fn off(
    caller: Caller<ManageAccess>,
    State(api): State<Api>,
    Path(destination): Path<String>,
    Optional(body): Optional<OffBody>,
) -> Result<Response, Problem> {
    let reason = body.reason.unwrap_or_else(|| "somebody turned it off".to_owned());
    turned(&api, &caller, &destination, &Switch::Off { reason }).await
}

async fn turned(
    api: &Api,
    caller: &Caller<ManageAccess>,
    destination: &str,
    switch: &Switch,
) -> Result<Response, Problem> {
    let (tenant, at) = (caller.tenant(), api.clock.now().as_millisecond());
    match api.store.of(tenant).turn_destination(at, caller.actor(), destination, switch).await? {
        true => answer(api, tenant, destination, (StatusCode::OK, None)).await,
        false => Err(Problem::not_found(format!("destination {destination}"))),
    }
}

/// Everything that is wrong with a destination, each with its place.
fn wrong(errors: Vec<DestinationError>) -> Problem {
    let problem = Problem::new(Code::Malformed, "the destination cannot be such");
    errors.into_iter().fold(problem, |problem, error| {
        let place = match &error {
            DestinationError::Id(_) | DestinationError::Unreadable { .. } => "destination",
            DestinationError::Kind(_) => "kind",
            DestinationError::Target(_) | DestinationError::Address(_) => "target",
            DestinationError::NoLink | DestinationError::Link(_) => "link",
            DestinationError::NoPhone(_) => "effects",
        };
        problem.at(place, error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::effects::checked;
    use crate::fetch::Reach;

    #[test]
    fn a_destination_on_the_wire_has_no_secret() {
        let row = DestinationRow {
            tenant: "acme".to_owned(),
            destination: "crm".to_owned(),
            head: 3,
            kind: "webhook".to_owned(),
            target: "https://crm.example/in".to_owned(),
            link: None,
            effects: r#"["task","decision"]"#.to_owned(),
            secret: Some(b"sealed".to_vec()),
            made_at: 0,
            claimed_until: 5,
            failures: 2,
            failing_since: Some(1000),
            rests_until: 2000,
            off_at: None,
            off_reason: None,
        };
        let expect = json!({
            "destination": "crm", "kind": "webhook", "target": "https://crm.example/in", "link": null,
            "effects": ["task", "decision"], "made_at": "1970-01-01T00:00:00Z", "signed": true, "on": true,
            "off_at": null, "off_reason": null, "failures": 2, "failing_since": "1970-01-01T00:00:01Z",
            "rests_until": "1970-01-01T00:00:02Z",
        });
        assert_eq!(serde_json::to_value(DestinationBody::from(row)).expect("JSON"), expect);
    }

    #[test]
    fn everything_that_is_wrong_has_its_place() {
        let new = Destination {
            tenant: "acme".parse().expect("an id"),
            id: "Ä".to_owned(),
            kind: Kind::Sms,
            target: "http://10.0.0.1".to_owned(),
            link: None,
            effects: vec![EffectKind::Task],
            secret: None,
            on: true,
        };
        let problem = wrong(checked(&new, Reach::Public).expect_err("all of it"));
        let body = serde_json::to_value(problem.body()).expect("JSON");
        let places =
            body["errors"].as_array().map(|places| places.iter().map(|place| place["at"].clone()).collect());
        let expect: Vec<serde_json::Value> =
            ["destination", "target", "effects", "link"].map(|at| json!(at)).into();
        assert_eq!(places, Some(expect));
    }
}
