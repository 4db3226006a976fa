//! Erasing a person, for good.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::assignments::lead;
use super::extract::Json;
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{Caller, Erase};
use crate::store::{Erased, Person, Who};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(erase))
}

/// Who is to be erased: either whoever has the address, or whoever a lead is about.
#[derive(Deserialize, ToSchema)]
#[schema(as = Erasure)]
#[serde(deny_unknown_fields)]
pub(super) struct EraseBody {
    /// The address of their contact, in whatever case.
    #[serde(default)]
    email: Option<String>,
    /// A lead of theirs.
    #[serde(default)]
    lead: Option<String>,
    /// `true`: tells what there is, and erases nothing.
    #[serde(default)]
    dry_run: bool,
}

/// What there is, or was, of a person.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Erased)]
pub(super) struct ErasedBody {
    /// Whether it is erased by now.
    erased: bool,
    /// Ids of their leads, which stay, without what tells of the person.
    leads: Vec<String>,
    /// Records of theirs.
    records: usize,
    /// Answers by idempotency key that tell of them.
    answers: usize,
    /// What was sent of them in batches.
    batch_leads: usize,
    /// Rows that lost something, of all tables together.
    rows: u64,
}

impl ErasedBody {
    fn of(person: Person, rows: Option<u64>) -> Self {
        Self {
            erased: rows.is_some(),
            records: person.records.len(),
            answers: person.answers.len(),
            batch_leads: person.batch_leads.len(),
            leads: person.leads.into_iter().collect(),
            rows: rows.unwrap_or_default(),
        }
    }
}

/// Erases a person: what tells who they are and what they wrote goes, for good; rows, counts and times stay. By address
/// everything that the tenant has is read once. None of their leads may be open.
#[utoipa::path(post, path = "/v1/erasures", tag = "audit", request_body = EraseBody,
    security(("bearer" = ["Erase"])),
    responses((status = 200, body = ErasedBody), (status = "default", body = ProblemBody)))]
async fn erase(
    caller: Caller<Erase>,
    State(api): State<Api>,
    Json(body): Json<EraseBody>,
) -> Result<Json<ErasedBody>, Problem> {
    let who = match (body.email.as_deref().map(str::trim), body.lead.as_deref()) {
        (Some(email), None) if !email.is_empty() => Who::Email(email),
        (None, Some(id)) => {
            lead(id)?;
            Who::Lead(id)
        }
        _ => {
            return Err(Problem::new(Code::Malformed, "it is not said who is to be erased")
                .hint("either `email` or `lead`"));
        }
    };
    let store = api.store.of(caller.tenant());
    let person = store.find_person(who).await?;
    if body.dry_run {
        return Ok(Json(ErasedBody::of(person, None)));
    }
    match store.erase_person(&person, caller.actor(), api.clock.now().as_millisecond()).await? {
        Erased::Done { rows } => {
            // The line would find out at its next commit; until then it has the person in memory.
            if let Err(why) = api.lines.reload(caller.tenant()).await {
                tracing::warn!(tenant = %caller.tenant(), %why, "a line goes on with what was erased");
            }
            Ok(Json(ErasedBody::of(person, Some(rows))))
        }
        Erased::Open(leads) => {
            let problem = Problem::new(Code::Conflict, "leads of this person are open; nothing was erased")
                .hint("close them first, such as with POST /v1/leads/{lead}/outcome");
            Err(leads.into_iter().fold(problem, |problem, lead| problem.at(lead, "it is open")))
        }
    }
}
