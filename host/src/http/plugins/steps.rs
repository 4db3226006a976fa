//! Steps of releases: beside the active one, for a share of the accounts, in force, and back.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Api;
use super::super::extract::{IfMatch, Json, Optional, Path, Tagged, if_seen};
use super::super::problem::{Code, Problem, ProblemBody};
use super::super::scope::{ApproveConfiguration, Author, Caller};
use super::{BudgetBody, PluginBody, by};
use crate::lead::{PluginId, TenantId};
use crate::releases::{Budget, Share, Step, Version};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(shadow))
        .routes(routes!(canary))
        .routes(routes!(activate))
        .routes(routes!(roll_back))
        .routes(routes!(budget))
}

/// Which release.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = WhichRelease)]
#[serde(deny_unknown_fields)]
pub(super) struct WhichBody {
    /// Its version.
    #[schema(value_type = String)]
    version: Version,
}

/// Takes a step.
async fn take(
    api: &Api,
    (tenant, actor): (&TenantId, &str),
    plugin: PluginId,
    tag: Option<IfMatch>,
    step: &Step,
    why: Option<String>,
) -> Result<Tagged<PluginBody>, Problem> {
    let seen = if_seen(tag.as_ref())?;
    let (deployment, head) = api.lines.deploy(tenant, &plugin, step, by(api, actor), (seen, why)).await?;
    Ok(Tagged(head, PluginBody::granted(api, tenant, plugin.to_string(), deployment).await?))
}

/// Has a release answer beside the active one. Its answers are compared, and used for nothing.
#[utoipa::path(post, path = "/v1/plugins/{plugin}/shadow", tag = "plugins", request_body = WhichBody,
    params(("plugin" = String, Path, description = "Its name"),
        ("if-match" = Option<String>, Header, description = "The ETag of what was read")),
    security(("bearer" = ["Author"])),
    responses((status = 200, body = PluginBody), (status = "default", body = ProblemBody)))]
async fn shadow(
    caller: Caller<Author>,
    State(api): State<Api>,
    Path(plugin): Path<PluginId>,
    tag: Option<IfMatch>,
    Json(WhichBody { version }): Json<WhichBody>,
) -> Result<Tagged<PluginBody>, Problem> {
    take(&api, (caller.tenant(), caller.actor()), plugin, tag, &Step::Shadow { version }, None).await
}

/// Which release, for how many.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CanaryRelease)]
#[serde(deny_unknown_fields)]
pub(super) struct CanaryBody {
    /// Its version.
    #[schema(value_type = String)]
    version: Version,
    /// Percent of accounts that it decides for, in steps of 0.01. All leads of an account go to the same release.
    #[schema(value_type = f64, minimum = 0.01, maximum = 100)]
    share: Share,
}

/// Has a release decide for a share of the accounts; said again with another share, for that.
#[utoipa::path(post, path = "/v1/plugins/{plugin}/canary", tag = "plugins", request_body = CanaryBody,
    params(("plugin" = String, Path, description = "Its name"),
        ("if-match" = Option<String>, Header, description = "The ETag of what was read")),
    security(("bearer" = ["ApproveConfiguration"])),
    responses((status = 200, body = PluginBody), (status = "default", body = ProblemBody)))]
async fn canary(
    caller: Caller<ApproveConfiguration>,
    State(api): State<Api>,
    Path(plugin): Path<PluginId>,
    tag: Option<IfMatch>,
    Json(CanaryBody { version, share }): Json<CanaryBody>,
) -> Result<Tagged<PluginBody>, Problem> {
    take(&api, (caller.tenant(), caller.actor()), plugin, tag, &Step::Canary { version, share }, None).await
}

/// Has a release decide: a new one, or any that was published before.
#[utoipa::path(post, path = "/v1/plugins/{plugin}/activate", tag = "plugins", request_body = WhichBody,
    params(("plugin" = String, Path, description = "Its name"),
        ("if-match" = Option<String>, Header, description = "The ETag of what was read")),
    security(("bearer" = ["ApproveConfiguration"])),
    responses((status = 200, body = PluginBody), (status = "default", body = ProblemBody)))]
async fn activate(
    caller: Caller<ApproveConfiguration>,
    State(api): State<Api>,
    Path(plugin): Path<PluginId>,
    tag: Option<IfMatch>,
    Json(WhichBody { version }): Json<WhichBody>,
) -> Result<Tagged<PluginBody>, Problem> {
    take(&api, (caller.tenant(), caller.actor()), plugin, tag, &Step::Activate { version }, None).await
}

/// Which release is taken back, and why.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = RollBackRelease)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RollBackBody {
    /// Its version; absent: the one on its way, else the active one.
    #[schema(value_type = Option<String>)]
    version: Option<Version>,
    /// Why, for the log.
    why: Option<String>,
}

/// Takes a release back: one on its way goes, and where none is, the release before the active one decides again.
#[utoipa::path(post, path = "/v1/plugins/{plugin}/roll-back", tag = "plugins", request_body = RollBackBody,
    params(("plugin" = String, Path, description = "Its name"),
        ("if-match" = Option<String>, Header, description = "The ETag of what was read")),
    security(("bearer" = ["Author"])),
    responses((status = 200, body = PluginBody), (status = "default", body = ProblemBody)))]
async fn roll_back(
    caller: Caller<Author>,
    State(api): State<Api>,
    Path(plugin): Path<PluginId>,
    tag: Option<IfMatch>,
    Optional(RollBackBody { version, why }): Optional<RollBackBody>,
) -> Result<Tagged<PluginBody>, Problem> {
    take(&api, (caller.tenant(), caller.actor()), plugin, tag, &Step::RollBack { version }, why).await
}

/// Says what a release may use and get wrong before it is taken back by itself.
#[utoipa::path(put, path = "/v1/plugins/{plugin}/budget", tag = "plugins", request_body = BudgetBody,
    params(("plugin" = String, Path, description = "Its name"),
        ("if-match" = Option<String>, Header, description = "The ETag of what was read")),
    security(("bearer" = ["ApproveConfiguration"])),
    responses((status = 200, body = PluginBody), (status = "default", body = ProblemBody)))]
async fn budget(
    caller: Caller<ApproveConfiguration>,
    State(api): State<Api>,
    Path(plugin): Path<PluginId>,
    tag: Option<IfMatch>,
    Json(body): Json<BudgetBody>,
) -> Result<Tagged<PluginBody>, Problem> {
    let budget = Budget::from(body).checked();
    let budget = budget.map_err(|error| Problem::new(Code::Malformed, error.to_string()))?;
    take(&api, (caller.tenant(), caller.actor()), plugin, tag, &Step::Budget { budget }, None).await
}
