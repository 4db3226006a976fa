//! What another version of the configuration would change about leads that came.

use std::time::Duration;

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::extract::{Json, Path};
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{Caller, Try};
use crate::access::{Right, Scope};
use crate::lead::LaneId;
use crate::line::{Simulated, Simulation};
use crate::releases::ReleaseName;
use crate::simulate::{Comparison, Sides};
use crate::store::Arrivals;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(simulate))
}

/// Leads of a simulation at most, and where nothing is said.
const MOST: usize = 2000;
const USUAL: usize = 500;

/// Lanes that are asked for at most.
const LANES: usize = 100;

/// How much of the time that a request may take is for routing.
const SHARE: f64 = 0.9;

/// Which leads.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SimulationBody {
    /// Came at this time or later.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// Came before this time.
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    /// How many at most, the earliest of them; 500 where nothing is said.
    #[schema(minimum = 1, maximum = 2000)]
    limit: Option<usize>,
    /// Only those of these lanes, as they were decided when they came.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    lanes: Vec<LaneId>,
}

/// What would change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Simulation)]
pub(super) struct SimulatedBody {
    /// The version in force, `now` in the comparison.
    now: i64,
    /// The version that it is compared with, `then` in the comparison.
    then: i64,
    /// Leads that both routed.
    routed: usize,
    /// Leads that one of them does not take.
    refused: usize,
    /// Whether more leads came in that time.
    more: bool,
    /// As `lanewright simulate` prints it: `changes` with the first stage that answers otherwise, `because`, `moves`,
    /// `load`, `coverage`, `expected_value`, `mean_total`. Without the right to read traces: no texts, and no addresses
    /// of managers.
    #[schema(value_type = Object)]
    comparison: Comparison,
}

/// Routes leads of the log again, by the version in force and by this one, and tells what changes. Nothing is written.
///
/// Both begin with nobody's work but what the folder says, take the leads in the order in which they came, each at its
/// time, and know nothing of what happened to them afterwards. Enrichers get the answers that were recorded.
#[utoipa::path(post, path = "/v1/configurations/{version}/simulate", tag = "configurations",
    params(("version" = i64, Path, description = "The version; a draft will do")), request_body = SimulationBody,
    responses((status = 200, body = SimulatedBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["Try"])))]
async fn simulate(
    caller: Caller<Try>,
    State(api): State<Api>,
    Path(version): Path<i64>,
    Json(asked): Json<SimulationBody>,
) -> Result<Json<SimulatedBody>, Problem> {
    simulated(&api, caller.scope(), (Some(version), None), asked).await
}

/// Both ways of a simulation, which differ by a version of the configuration or by a release.
pub(super) async fn simulated(
    api: &Api,
    scope: &Scope,
    (version, release): (Option<i64>, Option<ReleaseName>),
    asked: SimulationBody,
) -> Result<Json<SimulatedBody>, Problem> {
    let SimulationBody { from, to, limit, lanes } = asked;
    let most = limit.unwrap_or(USUAL);
    let malformed =
        |at: &str, why: String| Problem::new(Code::Malformed, "the body does not read").at(at, why);
    if !(1..=MOST).contains(&most) {
        return Err(malformed("limit", format!("{most} is not from 1 to {MOST}")));
    }
    if from >= to {
        return Err(malformed("to", "it is not after `from`".to_owned()));
    }
    if lanes.len() > LANES {
        return Err(malformed("lanes", format!("there are more than {LANES}")));
    }
    let leads = Arrivals {
        from: from.as_millisecond(),
        to: to.as_millisecond(),
        lanes: lanes.into_iter().map(String::from).collect(),
    };
    let simulated = api.lines.simulate(scope.tenant(), Simulation { version, release, leads, most });
    let simulated = tokio::time::timeout(time(api.timeout), simulated).await.map_err(|_| {
        Problem::new(Code::Timeout, "it takes longer than a request may; nothing was changed")
            .hint("ask for fewer leads with `limit`, or for a shorter time")
    })??;
    let Simulated { versions: Sides { now, then }, routed, refused, more, comparison } = simulated;
    let comparison = match scope.may(Right::ReadTraces) {
        Ok(()) => comparison,
        Err(_) => comparison.without_people(),
    };
    Ok(Json(SimulatedBody { now, then, routed, refused, more, comparison }))
}

/// The answer still has to be made and sent.
fn time(allowed: Duration) -> Duration {
    allowed.mul_f64(SHARE)
}
