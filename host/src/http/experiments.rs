//! Experiments: made with what they can find, begun, promoted, stopped.

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use lanewright_learning::experiment::Share;
use lanewright_learning::experiment::rollout::{Call, Rollout};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::extract::{Json, Path};
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{ApproveConfiguration, Caller, ReadDecisions};
use crate::experiments::{Asked, Experiment, Guard, LEAST_ACCOUNTS, LEAST_DAYS, Metric, Treatment};
use crate::versions::By;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(experiments, make))
        .routes(routes!(one))
        .routes(routes!(start))
        .routes(routes!(promote))
        .routes(routes!(stop))
}

/// An experiment that is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewExperiment)]
pub(super) struct NewBody {
    /// Its id: 1 to 64 small letters, digits and hyphens. Accounts are drawn by it, so another id draws anew.
    id: String,
    /// What some accounts get instead of what is in force: `{"kind": "model", "version": 3}`, `{"kind": "no-model"}`:
    /// nothing that was learned counts, `{"kind": "no-trials"}`: `[learning.explore]` does not, or `{"kind": "configuration",
    /// "version": 7}`: another version of the configuration decides, which has to be approved and to have the same reps and
    /// teams.
    #[schema(value_type = Object)]
    treatment: Treatment,
    /// What it is about: `win-rate`, `first-touch`, `deal-velocity`, `deal-value`, `csat` or `rep-satisfaction`.
    #[schema(value_type = String)]
    primary: Metric,
    /// What it must not make worse by more than a margin, in the metric's unit: `{"metric": "first-touch", "margin": 30}`.
    /// The win rate at a margin of 0 where nothing is said. The primary metric is one by itself.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Object>>)]
    guards: Option<Vec<Guard>>,
    /// How many accounts get the treatment, in per cent, step by step. `[50]` or `[20]` is a plain experiment.
    #[serde(default = "steps")]
    steps: Vec<u8>,
    /// Days of each step, 1 to 365.
    #[serde(default = "two_weeks")]
    step_days: u32,
    /// Promotion needs this many days, at least 28 …
    #[serde(default = "least_days")]
    least_days: u32,
    /// … or this many accounts in each arm, at least 200.
    #[serde(default = "least_accounts")]
    least_accounts: u64,
    /// Days from an account's first lead within which a win counts, 1 to 365.
    #[serde(default = "four_weeks")]
    within_days: u32,
    /// Whether each arm has a part of every rep's limits to itself, as large as its share of the accounts, so that neither takes
    /// the other's room.
    #[serde(default)]
    capacity_apart: bool,
}

fn steps() -> Vec<u8> {
    vec![10, 50, 90, 100]
}

fn two_weeks() -> u32 {
    14
}

fn four_weeks() -> u32 {
    28
}

fn least_days() -> u32 {
    LEAST_DAYS
}

fn least_accounts() -> u64 {
    LEAST_ACCOUNTS
}

/// An experiment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Experiment)]
pub(super) struct ExperimentBody {
    /// Its id.
    id: String,
    /// What some accounts get.
    #[schema(value_type = Object)]
    treatment: Treatment,
    /// `draft`, `running`, `promoted` or `stopped`.
    state: &'static str,
    /// The treatment's share of the accounts now, in per cent.
    share: f64,
    /// What it is about.
    #[schema(value_type = String)]
    primary: Metric,
    /// What it must not make worse.
    #[schema(value_type = Vec<Object>)]
    guards: Vec<Guard>,
    /// The shares of its steps, in per cent.
    steps: Vec<f64>,
    /// Days of each step.
    step_days: u32,
    /// Promotion needs so many days …
    least_days: u32,
    /// … or so many accounts in each arm.
    least_accounts: u64,
    /// Days within which a win counts.
    within_days: u32,
    /// Whether each arm has a part of the reps' limits to itself.
    capacity_apart: bool,
    /// What it can find, as it was told when it was made: `days` and accounts `planned` by then, the primary metric's `base`,
    /// the least `effect` that one look at the end would find at 5 % with a power of 80 %, the same of looks that are taken
    /// every day, and the accounts in each arm that a rise by a tenth and by a fifth would need.
    #[schema(value_type = Object)]
    detectable: Value,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// The step it is at and since which day, or the day of its end and why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    rollout: Option<Rollout>,
    /// A look a day, the oldest first; left out of lists. `accounts` of each arm, the sample `ratio`, and every metric
    /// `measured`: both arms' means, and a `look` at their difference once there is enough: `low` to `high` holds at all looks
    /// together, and `p` may be compared with 5 % at every one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    looks: Option<Value>,
}

fn percent(share: Share) -> f64 {
    (share.fraction() * 10_000.0).round() / 100.0
}

impl ExperimentBody {
    fn of(experiment: Experiment) -> Self {
        let Experiment { plan, rollout, .. } = &experiment;
        Self {
            state: match rollout {
                None => "draft",
                Some(Rollout::Running { .. }) => "running",
                Some(Rollout::Promoted { .. }) => "promoted",
                Some(Rollout::Stopped { .. }) => "stopped",
            },
            share: percent(rollout.as_ref().map_or(Share::NONE, |rollout| rollout.share(plan))),
            steps: plan.steps.iter().copied().map(percent).collect(),
            step_days: plan.days,
            least_days: plan.least_days,
            least_accounts: plan.least_accounts,
            detectable: json!(experiment.detectable),
            looks: Some(json!(experiment.looks)),
            id: experiment.id,
            treatment: experiment.treatment,
            primary: experiment.primary,
            guards: experiment.guards,
            within_days: experiment.within_days,
            capacity_apart: experiment.capacity_apart,
            started_at: experiment.started_at,
            rollout: experiment.rollout,
        }
    }
}

/// Experiments of a tenant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Experiments)]
pub(super) struct ExperimentsBody {
    /// The newest first, 100 at most.
    items: Vec<ExperimentBody>,
}

/// Experiments at once.
const MOST: i64 = 100;

/// Which experiments there are.
#[utoipa::path(get, path = "/v1/experiments", tag = "learning",
    responses((status = 200, body = ExperimentsBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadDecisions"])))]
async fn experiments(
    caller: Caller<ReadDecisions>,
    State(api): State<Api>,
) -> Result<Json<ExperimentsBody>, Problem> {
    let all = api.lines.experiments(caller.tenant(), MOST).await?;
    let items = all.into_iter().map(|one| ExperimentBody { looks: None, ..ExperimentBody::of(one) });
    Ok(Json(ExperimentsBody { items: items.collect() }))
}

/// Makes an experiment, and tells what it can find before anybody starts it (X8).
#[utoipa::path(post, path = "/v1/experiments", tag = "learning", request_body = NewBody,
    responses((status = 201, body = ExperimentBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ApproveConfiguration"])))]
async fn make(
    caller: Caller<ApproveConfiguration>,
    State(api): State<Api>,
    Json(new): Json<NewBody>,
) -> Result<(StatusCode, Json<ExperimentBody>), Problem> {
    let NewBody { id, treatment, primary, guards, steps, step_days, least_days, least_accounts, .. } = new;
    let NewBody { within_days, capacity_apart, .. } = new;
    let asked = Asked {
        id,
        treatment,
        steps,
        step_days,
        least_days,
        least_accounts,
        primary,
        guards,
        within_days,
        capacity_apart,
    };
    let draft = asked.check().map_err(|invalid| Problem::new(Code::Malformed, invalid.to_string()))?;
    let by = By { actor: caller.actor(), at: api.clock.now().as_millisecond() };
    let made = api.lines.make_experiment(caller.tenant(), draft, by).await?;
    Ok((StatusCode::CREATED, Json(ExperimentBody::of(made))))
}

/// One experiment, with its looks.
#[utoipa::path(get, path = "/v1/experiments/{experiment}", tag = "learning",
    params(("experiment" = String, Path, description = "Its id")),
    responses((status = 200, body = ExperimentBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadDecisions"])))]
async fn one(
    caller: Caller<ReadDecisions>,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<ExperimentBody>, Problem> {
    Ok(Json(ExperimentBody::of(api.lines.experiment(caller.tenant(), &id).await?)))
}

/// Begins an experiment; one is under way at a time.
#[utoipa::path(post, path = "/v1/experiments/{experiment}/start", tag = "learning",
    params(("experiment" = String, Path, description = "Its id")),
    responses((status = 200, body = ExperimentBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ApproveConfiguration"])))]
async fn start(
    caller: Caller<ApproveConfiguration>,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<ExperimentBody>, Problem> {
    let by = By { actor: caller.actor(), at: api.clock.now().as_millisecond() };
    Ok(Json(ExperimentBody::of(api.lines.start_experiment(caller.tenant(), &id, by).await?)))
}

async fn call(
    caller: &Caller<ApproveConfiguration>,
    api: &Api,
    id: &str,
    call: Call,
) -> Result<Json<ExperimentBody>, Problem> {
    let by = By { actor: caller.actor(), at: api.clock.now().as_millisecond() };
    Ok(Json(ExperimentBody::of(api.lines.call_experiment(caller.tenant(), id, call, by).await?)))
}

/// Gives the treatment to everybody, after four weeks or with 200 accounts in each arm: the model, or the
/// configuration, comes into force, or nobody is tried any more until the experiment is stopped.
#[utoipa::path(post, path = "/v1/experiments/{experiment}/promote", tag = "learning",
    params(("experiment" = String, Path, description = "Its id")),
    responses((status = 200, body = ExperimentBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ApproveConfiguration"])))]
async fn promote(
    caller: Caller<ApproveConfiguration>,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<ExperimentBody>, Problem> {
    call(&caller, &api, &id, Call::Promote).await
}

/// Takes the treatment back from everybody at once.
#[utoipa::path(post, path = "/v1/experiments/{experiment}/stop", tag = "learning",
    params(("experiment" = String, Path, description = "Its id")),
    responses((status = 200, body = ExperimentBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ApproveConfiguration"])))]
async fn stop(
    caller: Caller<ApproveConfiguration>,
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<ExperimentBody>, Problem> {
    call(&caller, &api, &id, Call::Stop).await
}
