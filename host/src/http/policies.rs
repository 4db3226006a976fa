//! What another way of picking reps would have been worth.

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::extract::Json;
use super::problem::{Problem, ProblemBody};
use super::scope::{Caller, ReadDecisions};
use crate::learning::{Policy, Worth};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(judge))
}

/// Which policy, on which leads.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PolicyQuestion)]
pub(super) struct JudgeBody {
    /// Leads that came at this time or later.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// Leads that came before this time.
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    /// `{"kind": "random"}`, `{"kind": "match"}`, `{"kind": "model", "model": 3}` or `{"kind": "trial", "model": 3, "within": 0.05,
    /// "floor": 0.02, "newer": 0.1}`.
    #[schema(value_type = Object)]
    policy: Policy,
    /// What an outcome is worth: `won`, which is 1, or the deal's `value`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    worth: Worth,
}

/// What the log says of a policy.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PolicyValue)]
pub(super) struct JudgedBody {
    /// Leads of that time, with a decision that is still kept.
    decisions: usize,
    /// Those that say something: somebody was drawn, and had it when it was closed.
    logged: usize,
    /// Those left out since somebody else had the lead in the end than was picked, such as where a person gave it away.
    passed_on: usize,
    /// The policy's worth a lead by four estimators, that of a pick at random, and the difference, each with its 95 %
    /// interval. Absent where the log cannot tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    value: Option<Value>,
    /// Why the log cannot tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

/// Judges a policy from the log: what it would have won, without ever having been tried.
///
/// It is refused where the log is worth fewer than 100 leads for it, where one lead has more than a tenth of all weight, and
/// where it picks reps whom nobody could have got; then the log needs more trials.
#[utoipa::path(post, path = "/v1/policies/value", tag = "learning", request_body = JudgeBody,
    responses((status = 200, body = JudgedBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadDecisions"])))]
async fn judge(
    caller: Caller<ReadDecisions>,
    State(api): State<Api>,
    Json(asked): Json<JudgeBody>,
) -> Result<Json<JudgedBody>, Problem> {
    let JudgeBody { from, to, policy, worth } = asked;
    let time = (from.as_millisecond(), to.as_millisecond());
    let judged = api.lines.judge(caller.tenant(), time, policy, worth).await?;
    let (value, refused) = match judged.value {
        Ok(value) => (Some(json!(value)), None),
        Err(why) => (None, Some(why.to_string())),
    };
    Ok(Json(JudgedBody {
        decisions: judged.decisions,
        logged: judged.logged,
        passed_on: judged.passed_on,
        value,
        refused,
    }))
}
