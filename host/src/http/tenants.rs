//! For those who run the service: tenants, and the operators' own keys and log. Nothing of what a tenant has is read here.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::audit::{self, AuditBody, AuditQuery};
use super::decisions::moment;
use super::extract::{Json, Optional, Path, Query};
use super::keys::{self, KeyBody, MadeKeyBody, NewKeyBody, RotateBody, once};
use super::page::{Page, Paging};
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{Caller, Operate};
use super::usage::{UsageBody, UsageQuery, days};
use crate::access::{NewKey, Role, key};
use crate::lead::TenantId;
use crate::store::{Error, TenantRow};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(make, list))
        .routes(routes!(one))
        .routes(routes!(usage))
        .routes(routes!(erase))
        .routes(routes!(make_key, list_keys))
        .routes(routes!(rotate_key))
        .routes(routes!(revoke_key))
        .routes(routes!(log))
}

/// A tenant.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Tenant)]
pub(super) struct TenantBody {
    /// Its id.
    tenant: String,
    /// What people call it.
    name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
    /// The version of the configuration in force; absent: none was published yet.
    version: Option<i64>,
    /// Changes so far, decisions included.
    changes: i64,
}

impl From<TenantRow> for TenantBody {
    fn from(row: TenantRow) -> Self {
        Self {
            tenant: row.tenant,
            name: row.name,
            made_at: moment(row.created_at),
            version: row.version,
            changes: row.head,
        }
    }
}

/// Who is to be a tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewTenant)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTenantBody {
    /// Its id, as its folder has it in tenant.toml. Nobody can have it again, not even once it is erased.
    #[schema(value_type = String)]
    tenant: TenantId,
    /// What people call it; the id where nothing is said.
    #[serde(default)]
    name: Option<String>,
}

/// A tenant that was just made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MadeTenant)]
pub(super) struct MadeTenantBody {
    /// The tenant.
    tenant: TenantBody,
    /// An admin's key, the tenant's first: everything else is theirs to make.
    key: MadeKeyBody,
}

/// Makes a tenant, with a first key for its admin that is in this answer alone.
#[utoipa::path(post, path = "/v1/tenants", tag = "tenants", request_body = NewTenantBody,
    security(("bearer" = ["Operate"])),
    responses((status = 201, body = MadeTenantBody), (status = "default", body = ProblemBody)))]
async fn make(
    caller: Caller<Operate>,
    State(api): State<Api>,
    Json(body): Json<NewTenantBody>,
) -> Result<Response, Problem> {
    let (tenant, now) = (body.tenant, api.clock.now());
    if tenant.is_operators() {
        return Err(Problem::new(Code::Malformed, "`*` is nobody's id").at("tenant", "another id"));
    }
    let name = body.name.unwrap_or_else(|| tenant.to_string());
    let is_new = api.store.make_tenant(&tenant, &name, now.as_millisecond()).await?;
    let store = api.store.of(&tenant);
    // One that was made and got no key, since this host ended in between, gets it now.
    let row = match store.row().await {
        Ok(row) if is_new || store.keys("", 1).await?.is_empty() => row,
        Ok(_) | Err(Error::NoTenant(_)) => {
            return Err(Problem::new(Code::Conflict, format!("there is, or was, a tenant {tenant}"))
                .hint("take another id"));
        }
        Err(error) => return Err(error.into()),
    };
    let new = NewKey { name: "first key".to_owned(), role: Role::Admin, rep: None, expires_at: None };
    let actor = format!("operator {}", caller.actor());
    let made = key::make(store, &tenant, &new, &actor, now).await?;
    let body = MadeTenantBody { tenant: row.into(), key: MadeKeyBody::of(made) };
    let location: String = url::form_urlencoded::byte_serialize(tenant.as_str().as_bytes()).collect();
    let location = [(LOCATION, format!("/v1/tenants/{}", location.replace('+', "%20")))];
    Ok((location, once(StatusCode::CREATED, body)).into_response())
}

/// Tenants, in the order of their ids.
#[utoipa::path(get, path = "/v1/tenants", tag = "tenants", params(Paging),
    security(("bearer" = ["Operate"])),
    responses((status = 200, body = Page<TenantBody>), (status = "default", body = ProblemBody)))]
async fn list(
    _: Caller<Operate>,
    State(api): State<Api>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<TenantBody>>, Problem> {
    let after: String = paging.behind()?.unwrap_or_default();
    let found = api.store.tenants(&after, paging.most()?).await?;
    Ok(Json(Page::of(found, &paging, |row| row.tenant.clone(), TenantBody::from)))
}

/// A tenant's id out of a path.
fn tenant(text: &str) -> Result<TenantId, Problem> {
    let tenant = text.parse::<TenantId>().ok().filter(|tenant| !tenant.is_operators());
    tenant.ok_or_else(|| Problem::not_found(format!("tenant {text:?}")))
}

/// A tenant.
#[utoipa::path(get, path = "/v1/tenants/{tenant}", tag = "tenants",
    params(("tenant" = String, Path, description = "The tenant's id")),
    security(("bearer" = ["Operate"])),
    responses((status = 200, body = TenantBody), (status = "default", body = ProblemBody)))]
async fn one(
    _: Caller<Operate>,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<TenantBody>, Problem> {
    Ok(Json(api.store.of(&tenant(&id)?).row().await?.into()))
}

/// What a tenant has used, by day.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/usage", tag = "tenants",
    params(("tenant" = String, Path, description = "The tenant's id"), UsageQuery),
    security(("bearer" = ["Operate"])),
    responses((status = 200, body = UsageBody), (status = "default", body = ProblemBody)))]
async fn usage(
    _: Caller<Operate>,
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(query): Query<UsageQuery>,
) -> Result<Json<UsageBody>, Problem> {
    // Of one that was erased, what it used is still there.
    days(&api, &tenant(&id)?, &query).await
}

/// That a tenant is really meant.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = TenantErasure)]
#[serde(deny_unknown_fields)]
pub(super) struct EraseTenantBody {
    /// Its id once more.
    tenant: String,
}

/// Erases a tenant, for good: nobody gets in with its keys, and everything it has goes, but what it used by day. The id
/// has to be in the body once more.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/erase", tag = "tenants", request_body = EraseTenantBody,
    params(("tenant" = String, Path, description = "The tenant's id")),
    security(("bearer" = ["Operate"])),
    responses((status = 202, description = "There is no such tenant any more; its rows go by and by"),
        (status = "default", body = ProblemBody)))]
async fn erase(
    caller: Caller<Operate>,
    State(api): State<Api>,
    Path(id): Path<String>,
    Json(body): Json<EraseTenantBody>,
) -> Result<StatusCode, Problem> {
    if body.tenant != id {
        return Err(Problem::new(Code::Malformed, "the body names another tenant than the path")
            .at("tenant", "the id of the tenant that is to be erased"));
    }
    let tenant = tenant(&id)?;
    api.store.erase_tenant(&tenant, caller.actor(), api.clock.now().as_millisecond()).await?;
    if let Err(why) = api.lines.reload(&tenant).await {
        tracing::warn!(%tenant, %why, "a line has an erased tenant in memory until it ends");
    }
    Ok(StatusCode::ACCEPTED)
}

/// Makes a key of an operator. Its secret is in this answer alone.
#[utoipa::path(post, path = "/v1/operators/keys", tag = "tenants", request_body = NewKeyBody,
    security(("bearer" = ["Operate"])),
    responses((status = 201, body = MadeKeyBody), (status = "default", body = ProblemBody)))]
async fn make_key(
    caller: Caller<Operate>,
    State(api): State<Api>,
    Json(body): Json<NewKeyBody>,
) -> Result<Response, Problem> {
    keys::made(&api, caller.tenant(), caller.actor(), body).await
}

/// Keys of operators in the order of their ids, also those that are over.
#[utoipa::path(get, path = "/v1/operators/keys", tag = "tenants", params(Paging),
    security(("bearer" = ["Operate"])),
    responses((status = 200, body = Page<KeyBody>), (status = "default", body = ProblemBody)))]
async fn list_keys(
    caller: Caller<Operate>,
    State(api): State<Api>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<KeyBody>>, Problem> {
    keys::listed(&api, caller.tenant(), &paging).await
}

/// Makes a key in the place of another. The old one holds for a while beside it.
#[utoipa::path(post, path = "/v1/operators/keys/{key}/rotate", tag = "tenants", request_body = Option<RotateBody>,
    params(("key" = String, Path, description = "The old key's id")),
    security(("bearer" = ["Operate"])),
    responses((status = 201, body = MadeKeyBody), (status = "default", body = ProblemBody)))]
async fn rotate_key(
    caller: Caller<Operate>,
    State(api): State<Api>,
    Path(key): Path<String>,
    Optional(body): Optional<RotateBody>,
) -> Result<Response, Problem> {
    keys::rotated(&api, caller.tenant(), caller.actor(), &key, body).await
}

/// Revokes a key of an operator: it is refused from now on, by other hosts a few seconds later.
#[utoipa::path(delete, path = "/v1/operators/keys/{key}", tag = "tenants",
    params(("key" = String, Path, description = "The key's id")),
    security(("bearer" = ["Operate"])),
    responses((status = 204, description = "It is revoked"), (status = "default", body = ProblemBody)))]
async fn revoke_key(
    caller: Caller<Operate>,
    State(api): State<Api>,
    Path(key): Path<String>,
) -> Result<StatusCode, Problem> {
    keys::revoked(&api, caller.tenant(), caller.actor(), &key).await
}

/// What operators did, the newest first.
#[utoipa::path(get, path = "/v1/operators/audit", tag = "tenants", params(AuditQuery),
    security(("bearer" = ["Operate"])),
    responses((status = 200, body = Page<AuditBody>), (status = "default", body = ProblemBody)))]
async fn log(
    caller: Caller<Operate>,
    State(api): State<Api>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Page<AuditBody>>, Problem> {
    audit::listed(&api, caller.tenant(), query).await
}
