//! Plugins by name: which of their releases answer. What releases there are, how they are put in force and how they
//! fare are rooms of their own.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::extract::{Json, Path, Tagged};
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{Caller, ReadConfiguration};
use crate::lead::{PluginId, TenantId};
use crate::line::Refused;
use crate::releases::{Budget, Deployment, Stage, Version};
use crate::store::PluginRow;
use crate::versions::By;

mod grants;
mod health;
mod releases;
mod steps;

use grants::GrantsBody;
pub(super) use health::CountsBody;
use health::QuantilesBody;
pub(super) use releases::{ReleaseBody, package, published};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .merge(releases::routes())
        .merge(steps::routes())
        .merge(health::routes())
}

/// A plugin, and which of its releases answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Plugin)]
pub(super) struct PluginBody {
    /// As `tenant.toml` names it: `plugin = "NAME"`.
    plugin: String,
    /// The release that decides; absent: the standard plugin does.
    #[schema(value_type = Option<String>)]
    active: Option<Version>,
    /// The release that decided before, which is gone back to.
    #[schema(value_type = Option<String>)]
    good: Option<Version>,
    /// The release on its way.
    candidate: Option<CandidateBody>,
    /// What a release may use and get wrong before it is taken back.
    budget: BudgetBody,
    /// What the release on its way, or else the active one, asks beside what the configuration in force grants it. Not in
    /// lists, and empty where nobody says what it asks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    grants: Vec<GrantsBody>,
}

/// A release on its way.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CandidateRelease)]
pub(super) struct CandidateBody {
    /// Which.
    #[schema(value_type = String)]
    version: Version,
    /// `shadow`: it answers beside the active one, and is only compared; `canary`: it decides for a share.
    stage: &'static str,
    /// Of a canary: percent of accounts that it decides for.
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
}

/// What a release may use and get wrong before it is taken back by itself.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Budget)]
#[serde(deny_unknown_fields, default)]
pub(super) struct BudgetBody {
    /// Calls, or comparisons, before anything is judged.
    #[schema(minimum = 1, default = 20)]
    least: u64,
    /// Percent of calls that may fail by the plugin's fault.
    #[schema(minimum = 0, maximum = 100, default = 5)]
    failures: f64,
    /// Percent of compared decisions that may differ from the release beside; absent: any.
    #[schema(minimum = 0, maximum = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    disagreement: Option<f64>,
    /// Fuel that 99 % of calls stay within; absent: what the plan allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    fuel: Option<u64>,
    /// Milliseconds that 99 % of calls stay within; absent: what the plan allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    millis: Option<u64>,
}

impl Default for BudgetBody {
    fn default() -> Self {
        Budget::default().into()
    }
}

impl From<Budget> for BudgetBody {
    fn from(Budget { least, failures, disagreement, fuel, millis }: Budget) -> Self {
        Self { least, failures, disagreement, fuel, millis }
    }
}

impl From<BudgetBody> for Budget {
    fn from(BudgetBody { least, failures, disagreement, fuel, millis }: BudgetBody) -> Self {
        Self { least, failures, disagreement, fuel, millis }
    }
}

impl PluginBody {
    fn of(plugin: String, deployment: Deployment) -> Self {
        let Deployment { active, good, candidate, budget } = deployment;
        let candidate = candidate.map(|candidate| CandidateBody {
            stage: candidate.stage.as_str(),
            share: match candidate.stage {
                Stage::Shadow => None,
                Stage::Canary { share } => Some(share.into()),
            },
            version: candidate.version,
        });
        Self { plugin, active, good, candidate, budget: budget.into(), grants: Vec::new() }
    }

    /// With what is granted of what its release asks.
    async fn granted(
        api: &Api,
        tenant: &TenantId,
        plugin: String,
        deployment: Deployment,
    ) -> Result<Self, Problem> {
        let body = Self::of(plugin, deployment);
        let version = body.candidate.as_ref().map(|candidate| &candidate.version).or(body.active.as_ref());
        let row = match version {
            Some(version) => api.store.of(tenant).release(&body.plugin, &version.to_string()).await?,
            None => None,
        };
        let grants = match row {
            Some(row) => api.lines.grants(tenant, &row).await?,
            None => Vec::new(),
        };
        Ok(Self { grants: grants.into_iter().map(GrantsBody::from).collect(), ..body })
    }
}

fn read(row: &PluginRow) -> Result<Deployment, Problem> {
    let unreadable = || Problem::new(Code::Internal, format!("the plugin {} cannot be read", row.plugin));
    serde_json::from_str(&row.deployment).map_err(|_| unreadable())
}

/// All of the tenant's plugins.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Plugins)]
pub(super) struct PluginsBody {
    /// In the order of their names.
    items: Vec<PluginBody>,
}

/// Plugins, in the order of their names.
#[utoipa::path(get, path = "/v1/plugins", tag = "plugins",
    security(("bearer" = ["ReadConfiguration"])),
    responses((status = 200, body = PluginsBody), (status = "default", body = ProblemBody)))]
async fn list(
    caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
) -> Result<Json<PluginsBody>, Problem> {
    let rows = api.store.of(caller.tenant()).plugins().await?;
    let items = rows.into_iter().map(|row| Ok(PluginBody::of(row.plugin.clone(), read(&row)?)));
    Ok(Json(PluginsBody { items: items.collect::<Result<_, Problem>>()? }))
}

/// A plugin, and which of its releases answer.
#[utoipa::path(get, path = "/v1/plugins/{plugin}", tag = "plugins",
    params(("plugin" = String, Path, description = "Its name")),
    security(("bearer" = ["ReadConfiguration"])),
    responses((status = 200, body = PluginBody, description = "The plugin, with its ETag"),
        (status = "default", body = ProblemBody)))]
async fn one(
    caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
    Path(plugin): Path<PluginId>,
) -> Result<Tagged<PluginBody>, Problem> {
    let row = api.store.of(caller.tenant()).plugin(plugin.as_str()).await?;
    let row = row.ok_or_else(|| Problem::from(Refused::UnknownPlugin(plugin)))?;
    let deployment = read(&row)?;
    Ok(Tagged(row.head, PluginBody::granted(&api, caller.tenant(), row.plugin, deployment).await?))
}

pub(super) fn by<'a>(api: &Api, actor: &'a str) -> By<'a> {
    By { actor, at: api.clock.now().as_millisecond() }
}
