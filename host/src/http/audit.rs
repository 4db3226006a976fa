//! Who did what.

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::decisions::moment;
use super::extract::{Json, Query};
use super::page::{Page, Paging, number};
use super::problem::{Problem, ProblemBody};
use super::scope::{Caller, ReadAudit};
use crate::lead::TenantId;
use crate::store::{AuditFilter, EventRow};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Something that somebody did.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(super) struct AuditBody {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What, such as `lead.accepted`, `key.made` or `configuration.published`.
    kind: String,
    /// Who: a key, a person, or `clock`.
    actor: String,
    /// About which lead, where it is about one.
    lead: Option<String>,
    /// The rest of it; `null` where a person was erased.
    #[schema(value_type = Object)]
    body: Value,
    /// The tenant's commit that it was part of.
    head: i64,
    /// Its place within the commit.
    place: i64,
}

impl From<EventRow> for AuditBody {
    fn from(row: EventRow) -> Self {
        Self {
            at: moment(row.at),
            kind: row.kind,
            actor: row.actor,
            lead: row.lead,
            body: serde_json::from_str(&row.body).unwrap_or_default(),
            head: row.head,
            place: row.place,
        }
    }
}

/// What the audit log is searched by.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditQuery {
    /// How the kind begins, such as `key.` or `lead.accepted`.
    kind: Option<String>,
    /// Who did it, such as `key:3fTn…`.
    actor: Option<String>,
    /// About which lead.
    lead: Option<String>,
    /// At this time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Entries at most, 1 to 500; 50 where nothing is said.
    #[serde(default, deserialize_with = "number")]
    limit: Option<i64>,
}

/// The audit log, the newest first.
#[utoipa::path(get, path = "/v1/audit", tag = "audit", params(AuditQuery),
    security(("bearer" = ["ReadAudit"])),
    responses((status = 200, body = Page<AuditBody>), (status = "default", body = ProblemBody)))]
async fn list(
    caller: Caller<ReadAudit>,
    State(api): State<Api>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Page<AuditBody>>, Problem> {
    listed(&api, caller.tenant(), query).await
}

/// The log of a tenant, or of operators.
pub(super) async fn listed(
    api: &Api,
    tenant: &TenantId,
    query: AuditQuery,
) -> Result<Json<Page<AuditBody>>, Problem> {
    let AuditQuery { kind, actor, lead, from, to, cursor, limit } = query;
    let paging = Paging { cursor, limit };
    let time = |at: Option<Timestamp>| at.map(Timestamp::as_millisecond);
    let filter = AuditFilter { kind, actor, lead, from: time(from), to: time(to) };
    let found = api.store.of(tenant).audit(&filter, paging.behind()?, paging.most()?).await?;
    Ok(Json(Page::of(found, &paging, |row| (row.head, row.place), AuditBody::from)))
}
