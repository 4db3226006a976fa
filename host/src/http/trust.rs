//! Whose plugins a tenant trusts, and what is trusted no longer.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::extract::{IfMatch, Json, Tagged, if_seen};
use super::plugins::by;
use super::problem::{Problem, ProblemBody};
use super::scope::{Caller, ManageAccess, Operate};
use crate::lead::TenantId;
use crate::trust::{Revocations, Trust};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(trust, put)).routes(routes!(everybodys, put_everybodys))
}

/// Whom a tenant trusts.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Trust)]
#[serde(deny_unknown_fields)]
pub(super) struct TrustBody {
    /// `own_uploads`: `unsigned` (what the tenant itself uploads needs no signature) or `signed`; `publishers`: by
    /// name their public keys and identities (`sigstore:ISSUER SUBJECT`, where the service was built with Sigstore),
    /// each with what it is trusted for: `"all"`, or `{"only": ["NAME"]}`.
    #[schema(value_type = Object)]
    trust: Trust,
    /// What is trusted no longer: `{"kind": "component", "digest"}`, `{"kind": "key", "key"}`,
    /// `{"kind": "identity", "identity"}` or `{"kind": "versions", "plugin", "from", "before"}`. The list only grows: what was on it stays there.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    revoked: Revocations,
}

async fn read(api: &Api, tenant: &TenantId) -> Result<Tagged<TrustBody>, Problem> {
    let (trust, revoked, head) = api.lines.trust(tenant).await?;
    Ok(Tagged(head, TrustBody { trust, revoked }))
}

async fn write(
    api: &Api,
    (tenant, actor): (&TenantId, &str),
    tag: Option<IfMatch>,
    TrustBody { trust, revoked }: TrustBody,
) -> Result<Tagged<TrustBody>, Problem> {
    let seen = if_seen(tag.as_ref())?;
    api.lines.set_trust(tenant, (trust, revoked), by(api, actor), seen).await?;
    read(api, tenant).await
}

/// Whom the tenant trusts, and what it has revoked.
#[utoipa::path(get, path = "/v1/trust", tag = "plugins", security(("bearer" = ["ManageAccess"])),
    responses((status = 200, body = TrustBody, description = "With its ETag"), (status = "default", body = ProblemBody)))]
async fn trust(caller: Caller<ManageAccess>, State(api): State<Api>) -> Result<Tagged<TrustBody>, Problem> {
    read(&api, caller.tenant()).await
}

/// Says whom the tenant trusts, and revokes. A release that answers and is revoked is withdrawn at once.
#[utoipa::path(put, path = "/v1/trust", tag = "plugins", request_body = TrustBody,
    params(("if-match" = Option<String>, Header, description = "The ETag of what was read, so that nobody's change is overwritten")),
    security(("bearer" = ["ManageAccess"])),
    responses((status = 200, body = TrustBody, description = "With its ETag"), (status = "default", body = ProblemBody)))]
async fn put(
    caller: Caller<ManageAccess>,
    State(api): State<Api>,
    tag: Option<IfMatch>,
    Json(body): Json<TrustBody>,
) -> Result<Tagged<TrustBody>, Problem> {
    write(&api, (caller.tenant(), caller.actor()), tag, body).await
}

/// Whose plugins come into the catalogue, and what is revoked for all tenants.
#[utoipa::path(get, path = "/v1/catalogue-trust", tag = "plugins", security(("bearer" = ["Operate"])),
    responses((status = 200, body = TrustBody, description = "With its ETag"), (status = "default", body = ProblemBody)))]
async fn everybodys(caller: Caller<Operate>, State(api): State<Api>) -> Result<Tagged<TrustBody>, Problem> {
    read(&api, caller.tenant()).await
}

/// Says whose plugins come into the catalogue, and revokes for all tenants: wherever such a release answers, it is
/// withdrawn at once.
#[utoipa::path(put, path = "/v1/catalogue-trust", tag = "plugins", request_body = TrustBody,
    params(("if-match" = Option<String>, Header, description = "The ETag of what was read, so that nobody's change is overwritten")),
    security(("bearer" = ["Operate"])),
    responses((status = 200, body = TrustBody, description = "With its ETag"), (status = "default", body = ProblemBody)))]
async fn put_everybodys(
    caller: Caller<Operate>,
    State(api): State<Api>,
    tag: Option<IfMatch>,
    Json(body): Json<TrustBody>,
) -> Result<Tagged<TrustBody>, Problem> {
    write(&api, (caller.tenant(), caller.actor()), tag, body).await
}
