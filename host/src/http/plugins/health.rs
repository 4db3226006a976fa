//! How releases fare: what was counted of them, and what one would have changed.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Api;
use super::super::extract::{Json, Path};
use super::super::problem::{Problem, ProblemBody};
use super::super::scope::{Author, Caller, ReadConfiguration};
use super::super::simulate::{SimulatedBody, SimulationBody, simulated};
use super::releases::found;
use crate::health::written;
use crate::lead::PluginId;
use crate::line::Refused;
use crate::releases::{Counts, Histogram, ReleaseName, Version};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(backtest))
}

/// How releases of a plugin fare.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PluginHealth)]
pub(in crate::http) struct HealthBody {
    /// By release and stage; what the hosts have written down, which is a few seconds old.
    items: Vec<CountsBody>,
}

/// What was counted of a release in one stage.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReleaseHealth)]
pub(in crate::http) struct CountsBody {
    /// Its version; absent where its component was published under another name.
    version: Option<String>,
    /// Its component.
    digest: String,
    /// `active`, `canary` or `shadow`.
    stage: String,
    /// Calls.
    calls: u64,
    /// Calls that gave no answer that counts, by the plugin's fault.
    failed: u64,
    /// Fuel of a call.
    fuel: QuantilesBody,
    /// Microseconds of a call.
    micros: QuantilesBody,
    /// KiB of memory that a call had at most.
    memory: QuantilesBody,
    /// Decisions that were compared with the release beside.
    compared: u64,
    /// Those that differed in anything.
    differed: u64,
    /// Those whose lane differed.
    other_lane: u64,
    /// Those that gave the lead to another rep, team, queue or track.
    other_outcome: u64,
}

/// What half of all calls, and 99 in 100, stay within; at most an eighth too high.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Quantiles)]
pub(in crate::http) struct QuantilesBody {
    /// Half of them.
    pub(super) p50: Option<u64>,
    /// 99 in 100.
    pub(super) p99: Option<u64>,
}

impl CountsBody {
    pub(in crate::http) fn of(
        version: Option<String>,
        digest: String,
        stage: String,
        counts: &Counts,
    ) -> Self {
        let quantiles = |of: &Histogram| QuantilesBody { p50: of.quantile(0.5), p99: of.quantile(0.99) };
        Self {
            version,
            digest,
            stage,
            calls: counts.calls,
            failed: counts.failed,
            fuel: quantiles(&counts.fuel),
            micros: quantiles(&counts.micros),
            memory: quantiles(&counts.memory),
            compared: counts.compared,
            differed: counts.differed,
            other_lane: counts.other_lane,
            other_outcome: counts.other_outcome,
        }
    }
}

/// How releases of a plugin fare, since each came to its stage.
#[utoipa::path(get, path = "/v1/plugins/{plugin}/health", tag = "plugins",
    params(("plugin" = String, Path, description = "Its name")),
    security(("bearer" = ["ReadConfiguration"])),
    responses((status = 200, body = HealthBody), (status = "default", body = ProblemBody)))]
async fn health(
    caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
    Path(plugin): Path<PluginId>,
) -> Result<Json<HealthBody>, Problem> {
    let store = api.store.of(caller.tenant());
    if store.plugin(plugin.as_str()).await?.is_none() {
        return Err(Refused::UnknownPlugin(plugin).into());
    }
    let releases = store.releases(Some(plugin.as_str())).await?;
    let version =
        |digest: &str| releases.iter().find(|row| row.digest == digest).map(|row| row.version.clone());
    let counted = written(store.plugin_counts(plugin.as_str()).await?);
    let items = counted
        .into_iter()
        .map(|((digest, stage), counts)| CountsBody::of(version(&digest), digest, stage, &counts));
    Ok(Json(HealthBody { items: items.collect() }))
}

/// Routes leads of the log again, with the releases in force and with this one, and tells what changes. Nothing is
/// written.
#[utoipa::path(post, path = "/v1/plugins/{plugin}/releases/{release}/backtest", tag = "plugins",
    params(("plugin" = String, Path, description = "The plugin's name"),
        ("release" = String, Path, description = "Its version")),
    request_body = SimulationBody,
    responses((status = 200, body = SimulatedBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["Author"])))]
async fn backtest(
    caller: Caller<Author>,
    State(api): State<Api>,
    Path((plugin, version)): Path<(PluginId, Version)>,
    Json(asked): Json<SimulationBody>,
) -> Result<Json<SimulatedBody>, Problem> {
    found(&api, caller.tenant(), (plugin.clone(), version.clone())).await?;
    let release = ReleaseName { plugin, version };
    simulated(&api, caller.scope(), (None, Some(release)), asked).await
}
