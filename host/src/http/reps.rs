//! Reps with their load, and who is away.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::assignments::{FollowedBody, happened, rep};
use super::extract::{IdempotencyKey, Json, Path};
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{Caller, Manage, ReadDecisions};
use crate::events::What;
use crate::line::RepStands;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(away))
        .routes(routes!(back))
        .routes(routes!(credit))
}

/// A rep and their load.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rep)]
pub(super) struct RepBody {
    /// Their id.
    rep: String,
    /// Their name.
    name: String,
    /// Their team.
    team: String,
    /// Work units that are open.
    open: u32,
    /// Work units at most.
    max_open: u32,
    /// The first over the second, in percent.
    load: f64,
    /// `available`, `near`, `at-capacity` or `over`.
    band: &'static str,
    /// New leads today, in the tenant's zone.
    new_today: u32,
    /// New leads of the last seven days.
    new_in_seven_days: u32,
    /// Whether they take no new leads for now, by their own word or by the configuration's.
    away: bool,
}

impl From<RepStands> for RepBody {
    fn from(stands: RepStands) -> Self {
        let RepStands { rep, name, team, open, max_open, band, day, week, away, .. } = stands;
        let load = if max_open == 0 { 100.0 } else { f64::from(open) * 100.0 / f64::from(max_open) };
        Self {
            rep: rep.into(),
            name,
            team: team.into(),
            open,
            max_open,
            load: (load * 10.0).round() / 10.0,
            band,
            new_today: day,
            new_in_seven_days: week,
            away,
        }
    }
}

/// All reps.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reps)]
pub(super) struct RepsBody {
    /// In the order of the configuration.
    items: Vec<RepBody>,
}

/// Reps as they stand now, in the order of the configuration.
#[utoipa::path(get, path = "/v1/reps", tag = "reps",
    responses((status = 200, body = RepsBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadDecisions"])))]
async fn list(caller: Caller<ReadDecisions>, State(api): State<Api>) -> Result<Json<RepsBody>, Problem> {
    let reps = api.lines.reps(caller.tenant()).await?;
    Ok(Json(RepsBody { items: reps.into_iter().map(RepBody::from).collect() }))
}

macro_rules! tells {
    ($(#[doc = $doc:literal] $name:ident, $path:literal, $what:ident;)*) => {
        $(
            #[doc = $doc]
            #[utoipa::path(post, path = $path, tag = "reps",
                params(("rep" = String, Path, description = "The rep's id"),
                    ("idempotency-key" = Option<String>, Header, description = "Sent again with the same key, it is done once")),
                responses((status = 200, body = FollowedBody), (status = "default", body = ProblemBody)),
                security(("bearer" = ["Manage"])))]
            async fn $name(
                caller: Caller<Manage>,
                State(api): State<Api>,
                key: IdempotencyKey,
                Path(id): Path<String>,
            ) -> Result<Json<FollowedBody>, Problem> {
                let rep = rep(&id)?;
                let key = key.asking([stringify!($name).as_bytes(), id.as_bytes()]);
                happened(&api, (caller.tenant(), caller.actor()), key, (What::$what { rep }, Value::Null)).await
            }
        )*
    };
}

tells! {
    /// A rep takes no new leads for now; what they have stays with them.
    away, "/v1/reps/{rep}/away", Away;
    /// They are back: who waited for them is decided again.
    back, "/v1/reps/{rep}/back", Back;
}

/// What a rep is owed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreditBody {
    /// In which virtual queue, such as `smb`, as decisions name it.
    queue: String,
    /// In leads; negative where they have had too many.
    leads: f64,
}

/// Corrects what a rep is owed in a rotation.
#[utoipa::path(post, path = "/v1/reps/{rep}/credit", tag = "reps", request_body = CreditBody,
    params(("rep" = String, Path, description = "The rep's id"),
        ("idempotency-key" = Option<String>, Header, description = "Sent again with the same key, it is done once")),
    responses((status = 200, body = FollowedBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["Manage"])))]
async fn credit(
    caller: Caller<Manage>,
    State(api): State<Api>,
    key: IdempotencyKey,
    Path(id): Path<String>,
    Json(body): Json<CreditBody>,
) -> Result<Json<FollowedBody>, Problem> {
    if !body.leads.is_finite() {
        return Err(Problem::new(Code::Malformed, "`leads` is no number").at("leads", "a number of leads"));
    }
    let rep = rep(&id)?;
    let asked = serde_json::to_vec(&body).unwrap_or_default();
    let key = key.asking([b"credit".as_slice(), id.as_bytes(), &asked]);
    let what = What::Credit { rep, queue: body.queue, leads: body.leads };
    happened(&api, (caller.tenant(), caller.actor()), key, (what, Value::Null)).await
}
