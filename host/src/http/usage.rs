//! What a tenant has used.

use axum::extract::State;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::extract::{Json, Query};
use super::problem::{Problem, ProblemBody};
use super::scope::{Caller, ReadUsage};
use crate::lead::TenantId;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(usage)).routes(routes!(plugins))
}

/// Which days.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct UsageQuery {
    /// From this day on, such as `2026-11-01`.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<Date>,
    /// To this day, included.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<Date>,
}

/// What was used in a day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageDay)]
pub(super) struct DayBody {
    /// In the tenant's zone.
    day: String,
    /// Leads that came.
    leads: i64,
    /// Decisions that were made, about those and about others.
    decisions: i64,
    /// Fuel that plugins used.
    fuel: i64,
}

/// Days with any use.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Usage)]
pub(super) struct UsageBody {
    /// In their order.
    items: Vec<DayBody>,
}

/// What the tenant has used, by day.
#[utoipa::path(get, path = "/v1/usage", tag = "usage", params(UsageQuery),
    responses((status = 200, body = UsageBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadUsage"])))]
async fn usage(
    caller: Caller<ReadUsage>,
    State(api): State<Api>,
    Query(query): Query<UsageQuery>,
) -> Result<Json<UsageBody>, Problem> {
    days(&api, caller.tenant(), &query).await
}

/// Days of a tenant.
pub(super) async fn days(
    api: &Api,
    tenant: &TenantId,
    query: &UsageQuery,
) -> Result<Json<UsageBody>, Problem> {
    let day = |date: Option<Date>| date.map(|date| date.to_string());
    let (from, to) = (day(query.from), day(query.to));
    let found = api.store.of(tenant).usage(from.as_deref(), to.as_deref()).await?;
    let items = found.into_iter().map(|row| DayBody {
        day: row.day,
        leads: row.leads,
        decisions: row.decisions,
        fuel: row.fuel,
    });
    Ok(Json(UsageBody { items: items.collect() }))
}

/// What the calls of a plugin used in a day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PluginUsageDay)]
pub(super) struct PluginDayBody {
    /// In the tenant's zone.
    day: String,
    /// The plugin's component.
    digest: String,
    /// Calls.
    calls: i64,
    /// Calls that gave no answer that counts.
    failed: i64,
    /// Fuel that they used.
    fuel: i64,
}

/// Days and plugins with any use.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PluginUsage)]
pub(super) struct PluginUsageBody {
    /// In the order of days, then of digests.
    items: Vec<PluginDayBody>,
}

/// What the tenant's plugins have used, by day and component; the standard ones among them.
#[utoipa::path(get, path = "/v1/usage/plugins", tag = "usage", params(UsageQuery),
    responses((status = 200, body = PluginUsageBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadUsage"])))]
async fn plugins(
    caller: Caller<ReadUsage>,
    State(api): State<Api>,
    Query(query): Query<UsageQuery>,
) -> Result<Json<PluginUsageBody>, Problem> {
    let day = |date: Option<Date>| date.map(|date| date.to_string());
    let (from, to) = (day(query.from), day(query.to));
    let found = api.store.of(caller.tenant()).plugin_usage(from.as_deref(), to.as_deref()).await?;
    let items = found.into_iter().map(|row| PluginDayBody {
        day: row.day,
        digest: row.digest,
        calls: row.calls,
        failed: row.failed,
        fuel: row.fuel,
    });
    Ok(Json(PluginUsageBody { items: items.collect() }))
}
