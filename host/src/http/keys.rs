//! API keys: made, replaced, revoked. The secret is in one answer, and nowhere afterwards.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::decisions::moment;
use super::extract::{Json, Optional, Path, Query};
use super::page::{Page, Paging};
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{Caller, ManageAccess};
use crate::access::key::{self, KeyError};
use crate::access::{Key, NewKey, Role};
use crate::lead::{RepId, TenantId};
use crate::store::KeyRow;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(make, list)).routes(routes!(one, revoke)).routes(routes!(rotate))
}

/// An API key, without its secret.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Key)]
pub(super) struct KeyBody {
    /// Its id; no secret.
    key: String,
    /// What people call it.
    name: String,
    /// `ingest`, `rep`, `author`, `manager`, `admin` or `operator`.
    role: String,
    /// Whose it is, where its role is `rep`.
    rep: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
    /// Who made it.
    made_by: String,
    /// When it ends; absent: when it is revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    #[schema(value_type = Option<String>, format = DateTime)]
    used_at: Option<Timestamp>,
}

impl From<KeyRow> for KeyBody {
    fn from(row: KeyRow) -> Self {
        Self {
            key: row.key,
            name: row.name,
            role: row.role,
            rep: row.rep,
            made_at: moment(row.made_at),
            made_by: row.made_by,
            expires_at: row.expires_at.map(moment),
            revoked_at: row.revoked_at.map(moment),
            used_at: row.used_at.map(moment),
        }
    }
}

/// A key that was just made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MadeKey)]
pub(super) struct MadeKeyBody {
    /// The key, without its secret.
    key: KeyBody,
    /// What to send as `Authorization: Bearer …`. It is shown this once.
    secret: String,
}

impl MadeKeyBody {
    pub(super) fn of((key, row): (Key, KeyRow)) -> Self {
        Self { key: row.into(), secret: key.reveal().to_owned() }
    }
}

/// What a key is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewKey)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKeyBody {
    /// What people call it, 1 to 200 bytes.
    name: String,
    /// `ingest`, `rep`, `author`, `manager` or `admin`; of operators `operator`.
    #[schema(value_type = String)]
    role: Role,
    /// Whose it is; for the role `rep`, and for no other.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    rep: Option<RepId>,
    /// When it ends; when it is revoked, where nothing is said.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// How a key is replaced.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = Rotation)]
#[serde(deny_unknown_fields)]
pub(super) struct RotateBody {
    /// Until when the old one still holds, at most; a day from now where nothing is said.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// When the new one ends; when it is revoked, where nothing is said.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// How long a key holds beside the one that replaces it, where nothing is said.
const OVERLAP: SignedDuration = SignedDuration::from_hours(24);

/// An answer with a secret in it, which nobody keeps on the way.
pub(super) fn once(status: StatusCode, body: impl Serialize) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
}

/// Makes a key. Its secret is in this answer alone.
#[utoipa::path(post, path = "/v1/keys", tag = "access", request_body = NewKeyBody,
    security(("bearer" = ["ManageAccess"])),
    responses((status = 201, body = MadeKeyBody), (status = "default", body = ProblemBody)))]
async fn make(
    caller: Caller<ManageAccess>,
    State(api): State<Api>,
    Json(body): Json<NewKeyBody>,
) -> Result<Response, Problem> {
    made(&api, caller.tenant(), caller.actor(), body).await
}

/// Makes a key of a tenant, or of operators.
pub(super) async fn made(
    api: &Api,
    tenant: &TenantId,
    actor: &str,
    body: NewKeyBody,
) -> Result<Response, Problem> {
    let NewKeyBody { name, role, rep, expires_at } = body;
    let name = name.trim().to_owned();
    if name.is_empty() || name.len() > 200 {
        return Err(
            Problem::new(Code::Malformed, "the name is too short or too long").at("name", "1 to 200 bytes")
        );
    }
    let new = NewKey { name, role, rep, expires_at };
    let made = key::make(api.store.of(tenant), tenant, &new, actor, api.clock.now()).await?;
    Ok(once(StatusCode::CREATED, MadeKeyBody::of(made)))
}

/// All keys in the order of their ids, also those that are over.
#[utoipa::path(get, path = "/v1/keys", tag = "access", params(Paging),
    security(("bearer" = ["ManageAccess"])),
    responses((status = 200, body = Page<KeyBody>), (status = "default", body = ProblemBody)))]
async fn list(
    caller: Caller<ManageAccess>,
    State(api): State<Api>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<KeyBody>>, Problem> {
    listed(&api, caller.tenant(), &paging).await
}

/// Keys of a tenant, or of operators.
pub(super) async fn listed(
    api: &Api,
    tenant: &TenantId,
    paging: &Paging,
) -> Result<Json<Page<KeyBody>>, Problem> {
    let after: String = paging.behind()?.unwrap_or_default();
    let found = api.store.of(tenant).keys(&after, paging.most()?).await?;
    Ok(Json(Page::of(found, paging, |row| row.key.clone(), KeyBody::from)))
}

/// A key, also one that is over.
#[utoipa::path(get, path = "/v1/keys/{key}", tag = "access",
    params(("key" = String, Path, description = "The key's id")),
    security(("bearer" = ["ManageAccess"])),
    responses((status = 200, body = KeyBody), (status = "default", body = ProblemBody)))]
async fn one(
    caller: Caller<ManageAccess>,
    State(api): State<Api>,
    Path(key): Path<String>,
) -> Result<Json<KeyBody>, Problem> {
    let found = api.store.of(caller.tenant()).key(&key).await?;
    found.map(|row| Json(row.into())).ok_or_else(|| Problem::not_found(format!("key {key}")))
}

/// Makes a key in the place of another, of the same name, role and rep. The old one holds for a while beside it.
#[utoipa::path(post, path = "/v1/keys/{key}/rotate", tag = "access", request_body = Option<RotateBody>,
    params(("key" = String, Path, description = "The old key's id")),
    security(("bearer" = ["ManageAccess"])),
    responses((status = 201, body = MadeKeyBody), (status = "default", body = ProblemBody)))]
async fn rotate(
    caller: Caller<ManageAccess>,
    State(api): State<Api>,
    Path(key): Path<String>,
    Optional(body): Optional<RotateBody>,
) -> Result<Response, Problem> {
    rotated(&api, caller.tenant(), caller.actor(), &key, body).await
}

/// Replaces a key of a tenant, or of operators.
pub(super) async fn rotated(
    api: &Api,
    tenant: &TenantId,
    actor: &str,
    old: &str,
    body: RotateBody,
) -> Result<Response, Problem> {
    let now = api.clock.now();
    let times = (body.until.unwrap_or_else(|| now.saturating_add(OVERLAP).unwrap_or(now)), body.expires_at);
    let made = key::rotate(api.store.of(tenant), tenant, old, times, actor, now).await?;
    api.access.forget(tenant, old);
    Ok(once(StatusCode::CREATED, MadeKeyBody::of(made)))
}

/// Revokes a key: it is refused from now on, by other hosts a few seconds later.
#[utoipa::path(delete, path = "/v1/keys/{key}", tag = "access",
    params(("key" = String, Path, description = "The key's id")),
    security(("bearer" = ["ManageAccess"])),
    responses((status = 204, description = "It is revoked"), (status = "default", body = ProblemBody)))]
async fn revoke(
    caller: Caller<ManageAccess>,
    State(api): State<Api>,
    Path(key): Path<String>,
) -> Result<StatusCode, Problem> {
    revoked(&api, caller.tenant(), caller.actor(), &key).await
}

/// Revokes a key of a tenant, or of operators.
pub(super) async fn revoked(
    api: &Api,
    tenant: &TenantId,
    actor: &str,
    key: &str,
) -> Result<StatusCode, Problem> {
    let at = api.clock.now().as_millisecond();
    let was_there = api.store.of(tenant).revoke_key(key, actor, at).await?;
    api.access.forget(tenant, key);
    match was_there {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found(format!("key {key} that is not revoked yet"))),
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        let detail = error.to_string();
        let at = |place: &str| Self::new(Code::Malformed, &detail).at(place, &detail);
        match error {
            KeyError::Role { .. } => at("role"),
            KeyError::Rep => at("rep"),
            KeyError::Expired => at("expires_at"),
            KeyError::NoKey(_) => Self::new(Code::NotFound, detail),
            KeyError::Randomness => Self::new(Code::Internal, detail),
            KeyError::Store(error) => error.into(),
        }
    }
}
