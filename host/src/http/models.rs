//! Win models: trained, listed, compared, put in force; and the deals of before that they learn from.

use axum::extract::{Request, State};
use lanewright_learning::drift::Watch;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::decisions::recorded;
use super::extract::{Json, Optional, Path, Query, body, media_type};
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{ApproveConfiguration, Caller, ReadConfiguration, ReadTraces, WriteConfiguration};
use crate::decision::Decision;
use crate::lead::RepId;
use crate::learning::Explained;
use crate::learning::history::{self, Format};
use crate::line::Refused;
use crate::store::ModelRow;
use crate::versions::By;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(models, train))
        .routes(routes!(one))
        .routes(routes!(in_force, put_in_force))
        .routes(routes!(compare))
        .routes(routes!(import))
        .routes(routes!(explain))
}

/// A win model.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Model)]
pub(super) struct ModelBody {
    /// Its number.
    version: i64,
    /// Of all of it.
    digest: String,
    /// When it was trained.
    made_at: String,
    /// By whom; `clock` where a week had passed.
    made_by: String,
    /// Whether it is in force.
    in_force: bool,
    /// How it was chosen and how well it does: `counts` of deals, `gates` (X9), `compared` (log loss, Brier score and AUC of
    /// each way on newer deals than it had seen), `best`, `calibration`, `variances` and `baseline`; `pooled`, of how many other
    /// tenants it started from what they have in common; `segments` where the tenant names one: its `field`, how many `others`
    /// of its words have no model of their own, and `parts`, each with the `word`, `deals`, its own `gates`, `compared`, `best` and
    /// `calibration`, the log loss `saved` a deal over the model of all deals, and whether it `counts`.
    #[schema(value_type = Object)]
    report: Value,
    /// Whether it still fits, where it is or was in force and counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    watch: Option<WatchBody>,
}

/// What was seen of a model on the deals that closed since it was trained.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ModelWatch)]
pub(super) struct WatchBody {
    /// When somebody looked.
    at: String,
    /// Whether it no longer fits: another is then trained without waiting for the week to pass.
    alarm: bool,
    /// In a sentence.
    told: String,
    /// Deals that `closed` since, and the `look`: at how many `deals`, their `surprise` (won less predicted) and log `loss` a
    /// deal with standard errors, beside those of the `baseline` at training, and the `verdict`: `too-few`, `steady`, `won-more`,
    /// `won-less`, `worse`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    seen: Watch,
}

/// Models of a tenant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Models)]
pub(super) struct ModelsBody {
    /// The newest first, 100 at most.
    items: Vec<ModelBody>,
    /// Which is in force; absent: none, and nothing learned counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_force: Option<i64>,
    /// When one is trained again by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_training: Option<String>,
}

/// Models at once.
const MOST: i64 = 100;

/// Which models there are.
#[utoipa::path(get, path = "/v1/models", tag = "learning",
    responses((status = 200, body = ModelsBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadConfiguration"])))]
async fn models(
    caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
) -> Result<Json<ModelsBody>, Problem> {
    let store = api.store.of(caller.tenant());
    let row = store.row().await?;
    let items = store.models(MOST).await?.into_iter().map(|model| told(model, row.model)).collect();
    Ok(Json(ModelsBody { items, in_force: row.model, next_training: row.train_at.map(time) }))
}

fn told(row: ModelRow, in_force: Option<i64>) -> ModelBody {
    let seen = row.watch.as_deref().and_then(|watch| serde_json::from_str::<Watch>(watch).ok());
    ModelBody {
        in_force: in_force == Some(row.version),
        version: row.version,
        digest: row.digest,
        made_at: time(row.made_at),
        made_by: row.made_by,
        report: serde_json::from_str(&row.report).unwrap_or_default(),
        watch: seen.zip(row.watched_at).map(|(seen, at)| WatchBody {
            at: time(at),
            alarm: seen.look.verdict.is_alarm(),
            told: seen.to_string(),
            seen,
        }),
    }
}

fn time(at: i64) -> String {
    jiff::Timestamp::from_millisecond(at).unwrap_or_default().to_string()
}

/// One model.
#[utoipa::path(get, path = "/v1/models/{version}", tag = "learning",
    params(("version" = i64, Path, description = "Its number")),
    responses((status = 200, body = ModelBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadConfiguration"])))]
async fn one(
    caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
    Path(version): Path<i64>,
) -> Result<Json<ModelBody>, Problem> {
    let store = api.store.of(caller.tenant());
    let (row, in_force) = (store.model_row(version).await?, store.row().await?.model);
    Ok(Json(told(row.ok_or(Refused::UnknownModel(version))?, in_force)))
}

/// What is to become of a model that is trained.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Training)]
pub(super) struct TrainBody {
    /// Whether it comes into force; it does where nothing is said.
    #[serde(default = "yes")]
    put_in_force: bool,
}

fn yes() -> bool {
    true
}

impl Default for TrainBody {
    fn default() -> Self {
        Self { put_in_force: true }
    }
}

/// Trains a model from the deals of the tenant's window, as is done by itself every week.
///
/// One that does not pass the gates (X9) says so in its report and counts for nothing, in force or not.
#[utoipa::path(post, path = "/v1/models", tag = "learning", request_body = Option<TrainBody>,
    responses((status = 200, body = ModelBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ApproveConfiguration"])))]
async fn train(
    caller: Caller<ApproveConfiguration>,
    State(api): State<Api>,
    Optional(asked): Optional<TrainBody>,
) -> Result<Json<ModelBody>, Problem> {
    let by = By { actor: caller.actor(), at: api.clock.now().as_millisecond() };
    let learned = api.lines.train(caller.tenant(), asked.put_in_force, by).await?;
    let store = api.store.of(caller.tenant());
    let (row, in_force) = (store.model_row(learned.version).await?, store.row().await?.model);
    Ok(Json(told(row.ok_or(Refused::UnknownModel(learned.version))?, in_force)))
}

/// Which model is in force.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ModelInForce)]
pub(super) struct InForceBody {
    /// Its number; `null`: none, and nothing learned counts.
    model: Option<i64>,
}

/// Which model is in force.
#[utoipa::path(get, path = "/v1/models/in-force", tag = "learning",
    responses((status = 200, body = InForceBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadConfiguration"])))]
async fn in_force(
    caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
) -> Result<Json<InForceBody>, Problem> {
    Ok(Json(InForceBody { model: api.store.of(caller.tenant()).row().await?.model }))
}

/// Puts a model in force, a new one as well as any earlier one, or none.
#[utoipa::path(put, path = "/v1/models/in-force", tag = "learning", request_body = InForceBody,
    responses((status = 200, body = InForceBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ApproveConfiguration"])))]
async fn put_in_force(
    caller: Caller<ApproveConfiguration>,
    State(api): State<Api>,
    Json(asked): Json<InForceBody>,
) -> Result<Json<InForceBody>, Problem> {
    let by = By { actor: caller.actor(), at: api.clock.now().as_millisecond() };
    api.lines.use_model(caller.tenant(), asked.model, by).await?;
    Ok(Json(asked))
}

/// With which model.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct CompareQuery {
    /// The number of the model that this one is held against, such as the one in force.
    with: i64,
}

/// How a model does beside another on the deals that closed after both were trained.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ModelComparison)]
pub(super) struct ComparisonBody {
    /// `current` and `candidate` with their log loss, Brier score, AUC and calibration; `saved`, the log loss that the
    /// candidate saves a deal, with its standard error; and the `verdict`: `candidate`, `current`, `neither`, `too-few`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    comparison: Value,
}

/// Holds a model against another, on the deals that closed after both were trained.
#[utoipa::path(get, path = "/v1/models/{version}/comparison", tag = "learning",
    params(("version" = i64, Path, description = "The candidate's number"), CompareQuery),
    responses((status = 200, body = ComparisonBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadConfiguration"])))]
async fn compare(
    caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
    Path(version): Path<i64>,
    Query(CompareQuery { with }): Query<CompareQuery>,
) -> Result<Json<ComparisonBody>, Problem> {
    let compared = api.lines.compare_models(caller.tenant(), (with, version), api.clock.now()).await?;
    Ok(Json(ComparisonBody { comparison: serde_json::to_value(compared).unwrap_or_default() }))
}

/// Of whom it is told.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplainQuery {
    /// The rep's id, a candidate's or anybody's; whoever got the lead where nothing is said.
    rep: Option<String>,
}

/// Why a rep was expected to win a lead.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WinExplained)]
pub(super) struct ExplainedBody {
    /// The model of the decision.
    model: i64,
    /// Of whom it is told.
    rep: String,
    /// Whether it is what the decision went by, to the bit; absent where the rep was no candidate, or nothing learned counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    as_decided: Option<bool>,
    /// `factors`, each `of` the `base`, the `lead`, the `season` or the `rep`, with the `fact` and its `word`, and the `effect` in
    /// logits; those of the rep add up to `of_rep`, the others to `of_lead`, and both to `logit`, which is the `probability` to win
    /// with its 80 % interval, `lower` and `upper`; `because`, the rep's record; `segment`, the `fact` and the `word` whose own deals
    /// it is learned from, absent where it is from all; `untrusted`, why nothing learned counts.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    explained: Explained,
}

/// Why a rep was expected to win the lead of a decision, in factors that add up.
///
/// By the model that the decision was made with, whichever is in force now.
#[utoipa::path(get, path = "/v1/leads/{lead}/decisions/{number}/win", tag = "learning",
    params(("lead" = String, Path, description = "The lead's id"),
        ("number" = i64, Path, description = "Which of its decisions, from 1"), ExplainQuery),
    responses((status = 200, body = ExplainedBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadTraces"])))]
async fn explain(
    caller: Caller<ReadTraces>,
    State(api): State<Api>,
    Path((lead, number)): Path<(String, i64)>,
    Query(ExplainQuery { rep }): Query<ExplainQuery>,
) -> Result<Json<ExplainedBody>, Problem> {
    let json = recorded(&api, caller.tenant(), &lead, number).await?;
    let decision: Decision =
        serde_json::from_str(&json).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    let rep = rep.map(|rep| rep.parse::<RepId>()).transpose();
    let rep = rep.map_err(|error| Problem::new(Code::Malformed, format!("`rep`: {error}")))?;
    let told = api.lines.explain(caller.tenant(), &decision, rep).await?;
    Ok(Json(ExplainedBody {
        model: told.model.version,
        rep: told.rep.to_string(),
        as_decided: told.as_decided,
        explained: told.explained,
    }))
}

/// What came of a history.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HistoryTaken)]
pub(super) struct TakenBody {
    /// Deals that are learned from now on.
    taken: usize,
    /// Lines that could not be read, the first 1,000; the others were taken.
    refused: Vec<BadLineBody>,
}

/// A line of a history that could not be read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HistoryLine)]
pub(super) struct BadLineBody {
    /// Which; 1 is the first.
    line: u64,
    /// What is wrong, and how to mend it.
    problem: String,
}

/// Lines that are told at most.
const TOLD: usize = 1_000;

/// Takes in deals of before: CSV with a line a deal, or JSON Lines.
///
/// Columns: `id`, `rep`, `opened_at`, `outcome` (`won`, `lost`, `disqualified` or nothing), `closed_at`, `value`,
/// `touched_at`, and what a lead has: `source`, `lane`, `industry`, `country`, `language`, `employees`, `revenue`; every
/// other column is a custom field. The same id again replaces what was there; a lead that came here is left as it is.
#[utoipa::path(post, path = "/v1/history", tag = "learning",
    request_body(content((String = "text/csv"), (String = "application/x-ndjson"))),
    responses((status = 200, body = TakenBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["WriteConfiguration"])))]
async fn import(
    caller: Caller<WriteConfiguration>,
    State(api): State<Api>,
    request: Request,
) -> Result<Json<TakenBody>, Problem> {
    let format = match media_type(request.headers()).as_deref() {
        Some("text/csv") => Format::Csv,
        Some("application/x-ndjson" | "application/jsonl") => Format::JsonLines,
        _ => {
            let problem = Problem::new(Code::MediaType, "a history is CSV or JSON Lines");
            return Err(problem.hint("send `content-type: text/csv` or `application/x-ndjson`"));
        }
    };
    let body = body(request, &api).await?;
    let text = std::str::from_utf8(&body)
        .map_err(|error| Problem::new(Code::Malformed, format!("the history is not UTF-8: {error}")))?;
    let tenant = api.lines.tenant(caller.tenant()).await?;
    let (deals, bad) = history::read(text, format, &tenant.config);
    let by = By { actor: caller.actor(), at: api.clock.now().as_millisecond() };
    api.lines.remember(caller.tenant(), &deals, by).await?;
    let refused = bad.into_iter().take(TOLD).map(|bad| BadLineBody { line: bad.line, problem: bad.problem });
    Ok(Json(TakenBody { taken: deals.len(), refused: refused.collect() }))
}
