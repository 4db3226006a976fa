//! Figures, charts, the audit of a set-up, and suggestions.

use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use lanewright_learning::analytics::Load;
use lanewright_learning::bands::{Bands, Seen, Targets};
use lanewright_learning::readiness::Queued;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::extract::{Json, Path, Query};
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{Caller, Manage, ReadDecisions};
use crate::insight::{Asked, Insight, insight};
use crate::lead::TenantId;
use crate::store::Event;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(report))
        .routes(routes!(analytics))
        .routes(routes!(readiness))
        .routes(routes!(suggestions))
        .routes(routes!(answer))
        .routes(routes!(bands))
}

/// Of which time, and what leads are told apart by.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct InsightQuery {
    /// Opened or closed at this time or later; a year ago where nothing is said.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Before this time; now where nothing is said.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// What leads are told apart by: `lane`, or a fact that the tenant learns by, such as `industry`; the first of those
    /// where nothing is said.
    by: Option<String>,
}

/// What is told where nothing else is said.
const YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);
/// What happens now is told as well.
const MOMENT: SignedDuration = SignedDuration::from_millis(1);

async fn told(api: &Api, tenant: &TenantId, query: InsightQuery) -> Result<Insight, Problem> {
    let now = api.clock.now();
    let to = query.to.unwrap_or(now + MOMENT);
    let from = query.from.unwrap_or(to - YEAR);
    if from >= to {
        return Err(Problem::new(Code::Malformed, "that time has no length").at("from", "before `to`"));
    }
    let set_up = api.lines.tenant(tenant).await?;
    let facts: Vec<String> = set_up.config.learning.by.iter().map(ToString::to_string).collect();
    let segment = match query.by {
        Some(by) if by == "lane" || facts.contains(&by) => by,
        Some(by) => {
            let problem = Problem::new(Code::Malformed, format!("nothing is kept of {by:?}"));
            return Err(problem.at("by", format!("`lane` or one of {}", facts.join(", "))));
        }
        None => facts.first().cloned().unwrap_or_else(|| "lane".to_owned()),
    };
    let store = api.store.of(tenant);
    let deals = store.deals(from.as_millisecond(), to.as_millisecond()).await?;
    let answered: Vec<String> = store.answered_suggestions().await?.into_iter().map(|(id, _)| id).collect();
    let watch = api.lines.watched(tenant).await?;
    let loads: Vec<Load> = api
        .lines
        .reps(tenant)
        .await?
        .into_iter()
        .map(|rep| Load { rep: rep.rep.to_string(), open: rep.open.into(), most: rep.max_open.into() })
        .collect();
    let (waiting, oldest) = store.waiting().await?;
    let hours = |since: i64| (now.as_millisecond() - since).max(0) as f64 / 3_600_000.0;
    let queued = Queued { leads: waiting.unsigned_abs(), oldest: oldest.map_or(0.0, hours) };
    // A year of leads takes a processor for a while.
    let told = tokio::task::spawn_blocking(move || {
        let asked = Asked {
            config: &set_up.config,
            model: set_up.model.as_deref(),
            watch,
            loads: &loads,
            answered: &answered,
            queued: Some(queued),
            time: (from, to, now),
            segment: &segment,
        };
        insight(&deals, &asked)
    });
    told.await.map_err(|_| Problem::new(Code::Internal, "a mistake of ours; nothing was changed"))
}

/// All of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Report)]
pub(super) struct ReportBody {
    /// `from`, `to`, `segment`, `leads`, `analytics`, `targets`, `readiness`, `suggestions`, as their own routes tell them.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    told: Insight,
}

/// Figures, charts, the audit and suggestions together, as `lanewright report` shows them.
#[utoipa::path(get, path = "/v1/report", tag = "learning", params(InsightQuery),
    responses((status = 200, body = ReportBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadDecisions"])))]
async fn report(
    caller: Caller<ReadDecisions>,
    State(api): State<Api>,
    Query(query): Query<InsightQuery>,
) -> Result<Json<ReportBody>, Problem> {
    Ok(Json(ReportBody { told: told(&api, caller.tenant(), query).await? }))
}

/// Figures and charts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Analytics)]
pub(super) struct AnalyticsBody {
    /// Every metric with how many leads it rests on; shares, and scores of `satisfaction`, with their 95 % interval. `trend` is
    /// first touch by the week in which leads came, from Monday in the tenant's zone. `lift` compares what happened to be and
    /// is marked `observational`: managers may pick the easy ones.
    #[schema(value_type = Object)]
    analytics: Value,
    /// The targets of the field: `met`, `missed` or `too-few`.
    #[schema(value_type = Object)]
    targets: Value,
}

/// Quality, first touch and its trend, satisfaction, overrides, coverage, win rate by match score, lift, utilisation, funnels, revenue, match tiers.
#[utoipa::path(get, path = "/v1/analytics", tag = "learning", params(InsightQuery),
    responses((status = 200, body = AnalyticsBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadDecisions"])))]
async fn analytics(
    caller: Caller<ReadDecisions>,
    State(api): State<Api>,
    Query(query): Query<InsightQuery>,
) -> Result<Json<AnalyticsBody>, Problem> {
    let told = told(&api, caller.tenant(), query).await?;
    Ok(Json(AnalyticsBody { analytics: json!(told.analytics), targets: json!(told.targets) }))
}

/// An audit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Readiness)]
pub(super) struct ReadinessBody {
    /// Each with its area, figure, verdict and reason.
    #[schema(value_type = Vec<Object>)]
    items: Value,
}

/// What of the present set-up to automate, what not yet, and where simple rules serve better.
#[utoipa::path(get, path = "/v1/readiness", tag = "learning", params(InsightQuery),
    responses((status = 200, body = ReadinessBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadDecisions"])))]
async fn readiness(
    caller: Caller<ReadDecisions>,
    State(api): State<Api>,
    Query(query): Query<InsightQuery>,
) -> Result<Json<ReadinessBody>, Problem> {
    Ok(Json(ReadinessBody { items: json!(told(&api, caller.tenant(), query).await?.readiness) }))
}

/// Suggestions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Suggestions)]
pub(super) struct SuggestionsBody {
    /// Each with its id, subject, evidence and sentence; those that were answered are left out.
    #[schema(value_type = Vec<Object>)]
    items: Value,
}

/// Tags of expertise, gaps in coverage, rules to refine, hints for coaching; each with its evidence.
#[utoipa::path(get, path = "/v1/suggestions", tag = "learning", params(InsightQuery),
    responses((status = 200, body = SuggestionsBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadDecisions"])))]
async fn suggestions(
    caller: Caller<ReadDecisions>,
    State(api): State<Api>,
    Query(query): Query<InsightQuery>,
) -> Result<Json<SuggestionsBody>, Problem> {
    Ok(Json(SuggestionsBody { items: json!(told(&api, caller.tenant(), query).await?.suggestions) }))
}

/// The bands of confidence that keep their promise at this tenant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LaneBands)]
pub(super) struct BandsBody {
    /// Lanes that a person confirmed or corrected.
    seen: usize,
    /// The least scores of `high` and `medium`, how often each band was right, and how often lanes were right by score. Absent
    /// where there are too few.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    bands: Option<Value>,
    /// Why nothing was fitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

/// Fits the bands of confidence to the lanes that people confirmed and corrected, about a hundred of them. They count once they
/// stand in the configuration: `[classify] bands = { high = 0.93, medium = 0.71 }`.
#[utoipa::path(get, path = "/v1/lanes/bands", tag = "learning", params(InsightQuery),
    responses((status = 200, body = BandsBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadDecisions"])))]
async fn bands(
    caller: Caller<ReadDecisions>,
    State(api): State<Api>,
    Query(query): Query<InsightQuery>,
) -> Result<Json<BandsBody>, Problem> {
    let to = query.to.unwrap_or_else(|| api.clock.now() + MOMENT);
    let from = query.from.unwrap_or(to - YEAR);
    let deals = api.store.of(caller.tenant()).deals(from.as_millisecond(), to.as_millisecond()).await?;
    let seen: Vec<Seen> = deals
        .iter()
        .filter_map(|deal| {
            Some(Seen { score: deal.lane_score?, right: deal.lane_said.as_ref()? == deal.lane.as_ref()? })
        })
        .collect();
    let (bands, refused) = match Bands::fit(&seen, Targets::default()) {
        Ok(bands) => (Some(json!(bands)), None),
        Err(why) => (None, Some(why.to_string())),
    };
    Ok(Json(BandsBody { seen: seen.len(), bands, refused }))
}

/// What somebody says of a suggestion.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SuggestionAnswer)]
pub(super) struct AnswerBody {
    /// What.
    answer: Said,
}

/// Yes or no.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Said {
    /// It is done: the profile or the rule is changed by whoever says so.
    Accepted,
    /// It is not to be.
    Dismissed,
}

/// Accepts or dismisses a suggestion: it is not made again. Nothing else changes by it.
#[utoipa::path(put, path = "/v1/suggestions/{suggestion}", tag = "learning",
    params(("suggestion" = String, Path, description = "Its id")), request_body = AnswerBody,
    responses((status = 200, body = AnswerBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["Manage"])))]
async fn answer(
    caller: Caller<Manage>,
    State(api): State<Api>,
    Path(id): Path<String>,
    Json(body): Json<AnswerBody>,
) -> Result<Json<AnswerBody>, Problem> {
    if id.len() != 16 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Problem::new(Code::NotFound, format!("there is no suggestion {id:?}")));
    }
    let (said, kind) = match body.answer {
        Said::Accepted => ("accepted", "suggestion.accepted"),
        Said::Dismissed => ("dismissed", "suggestion.dismissed"),
    };
    let mut change = api.store.of(caller.tenant()).begin(api.clock.now().as_millisecond()).await?;
    change.answer_suggestion(&id, said, caller.actor()).await?;
    let event = Event { kind, actor: caller.actor().to_owned(), lead: None, body: json!({"suggestion": id}) };
    change.commit(&[event]).await?;
    Ok(Json(body))
}
