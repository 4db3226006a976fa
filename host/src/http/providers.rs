//! Who signs the tenant's people in.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::decisions::moment;
use super::extract::{IfMatch, Json, Path, Tagged, if_seen, name};
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{Caller, ManageAccess};
use crate::access::{Mapping, Provider, ProviderError, Role};
use crate::store::{self, ProviderRow};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one, put, remove))
}

/// An identity provider that the tenant trusts, after OpenID Connect.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Provider)]
pub(super) struct ProviderBody {
    /// The tenant's own name for it.
    provider: String,
    /// As tokens have it in `iss`, to the letter.
    issuer: String,
    /// What tokens have to have in `aud`.
    audience: String,
    /// The claim that holds groups.
    claim: String,
    /// Which role each group has.
    #[schema(value_type = BTreeMap<String, String>)]
    roles: BTreeMap<String, Role>,
    /// The claim that holds the address by which the roster knows a rep.
    rep: String,
    /// What other claims have to be.
    require: BTreeMap<String, String>,
    /// When it was set.
    #[schema(value_type = String, format = DateTime)]
    set_at: Timestamp,
}

/// What a provider is trusted for.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewProvider)]
#[serde(deny_unknown_fields)]
pub(super) struct TrustedBody {
    /// As tokens have it in `iss`, to the letter: an https URL.
    issuer: String,
    /// What tokens have to have in `aud`: the client id that the provider gave.
    audience: String,
    /// The claim that holds groups, such as `groups`; inside another claim a JSON pointer, such as
    /// `/realm_access/roles`.
    claim: String,
    /// Which role each group has. Who is in several has the highest: admin, manager, author, rep, ingest.
    #[schema(value_type = BTreeMap<String, String>)]
    roles: BTreeMap<String, Role>,
    /// The claim that holds the address by which the roster knows a rep.
    #[serde(default = "email")]
    #[schema(default = "email")]
    rep: String,
    /// What other claims have to be, such as the organisation's id where a provider serves many.
    #[serde(default)]
    require: BTreeMap<String, String>,
}

fn email() -> String {
    "email".to_owned()
}

impl TryFrom<ProviderRow> for ProviderBody {
    type Error = store::Error;
    fn try_from(row: ProviderRow) -> Result<Self, store::Error> {
        let set_at = moment(row.made_at);
        let Provider { id: provider, issuer, audience, mapping, .. } = Provider::from_row(row)?;
        let Mapping { claim, roles, rep, require } = mapping;
        Ok(Self { provider, issuer, audience, claim, roles, rep, require, set_at })
    }
}

/// All of the tenant's providers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Providers)]
pub(super) struct ProvidersBody {
    /// In the order of their names.
    items: Vec<ProviderBody>,
}

/// Identity providers, in the order of their names.
#[utoipa::path(get, path = "/v1/providers", tag = "access",
    security(("bearer" = ["ManageAccess"])),
    responses((status = 200, body = ProvidersBody), (status = "default", body = ProblemBody)))]
async fn list(caller: Caller<ManageAccess>, State(api): State<Api>) -> Result<Json<ProvidersBody>, Problem> {
    let found = api.store.of(caller.tenant()).providers().await?;
    let items = found.into_iter().map(ProviderBody::try_from).collect::<Result<_, _>>()?;
    Ok(Json(ProvidersBody { items }))
}

/// An identity provider.
#[utoipa::path(get, path = "/v1/providers/{provider}", tag = "access",
    params(("provider" = String, Path, description = "The tenant's own name for it")),
    security(("bearer" = ["ManageAccess"])),
    responses((status = 200, body = ProviderBody, description = "The provider, with its ETag"),
        (status = "default", body = ProblemBody)))]
async fn one(
    caller: Caller<ManageAccess>,
    State(api): State<Api>,
    Path(provider): Path<String>,
) -> Result<Tagged<ProviderBody>, Problem> {
    let found = api.store.of(caller.tenant()).providers().await?;
    let row = found.into_iter().find(|row| row.provider == provider);
    let row = row.ok_or_else(|| Problem::not_found(format!("provider {provider}")))?;
    Ok(Tagged(row.head, row.try_into()?))
}

/// Trusts an identity provider, or changes what it is trusted for.
#[utoipa::path(put, path = "/v1/providers/{provider}", tag = "access", request_body = TrustedBody,
    params(("provider" = String, Path, description = "The tenant's own name for it"),
        ("if-match" = Option<String>, Header, description = "The ETag of what was read, so that nobody's change is overwritten")),
    security(("bearer" = ["ManageAccess"])),
    responses((status = 200, body = ProviderBody, description = "The provider, with its ETag"), (status = "default", body = ProblemBody)))]
async fn put(
    caller: Caller<ManageAccess>,
    State(api): State<Api>,
    Path(provider): Path<String>,
    tag: Option<IfMatch>,
    Json(body): Json<TrustedBody>,
) -> Result<Tagged<ProviderBody>, Problem> {
    let TrustedBody { issuer, audience, claim, roles, rep, require } = body;
    let provider = Provider {
        tenant: caller.tenant().clone(),
        id: name("provider", provider)?,
        issuer,
        audience,
        mapping: Mapping { claim, roles, rep, require },
    };
    provider.check()?;
    let row = provider.to_row(api.clock.now());
    let store = api.store.of(caller.tenant());
    let head = store.set_provider(&row, caller.actor(), if_seen(tag.as_ref())?).await?;
    Ok(Tagged(head, row.try_into()?))
}

/// Trusts an identity provider no more: nobody gets in by it from now on.
#[utoipa::path(delete, path = "/v1/providers/{provider}", tag = "access",
    params(("provider" = String, Path, description = "The tenant's own name for it"),
        ("if-match" = Option<String>, Header, description = "The ETag of what was read, so that nobody's change is lost")),
    security(("bearer" = ["ManageAccess"])),
    responses((status = 204, description = "It is gone"), (status = "default", body = ProblemBody)))]
async fn remove(
    caller: Caller<ManageAccess>,
    State(api): State<Api>,
    Path(provider): Path<String>,
    tag: Option<IfMatch>,
) -> Result<StatusCode, Problem> {
    let (at, seen) = (api.clock.now().as_millisecond(), if_seen(tag.as_ref())?);
    match api.store.of(caller.tenant()).remove_provider(&provider, caller.actor(), at, seen).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found(format!("provider {provider}"))),
    }
}

impl From<ProviderError> for Problem {
    fn from(error: ProviderError) -> Self {
        let place = match &error {
            ProviderError::Issuer(_) => "issuer",
            ProviderError::Audience => "audience",
            ProviderError::NoRoles | ProviderError::Role(_) => "roles",
        };
        let detail = error.to_string();
        Self::new(Code::Malformed, &detail).at(place, detail)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_provider_on_the_wire_is_what_was_said_of_it() {
        let said = json!({
            "issuer": "https://id.example", "audience": "lanewright", "claim": "groups",
            "roles": { "heads": "manager" },
        });
        let TrustedBody { issuer, audience, claim, roles, rep, require } =
            serde_json::from_value(said.clone()).expect("is read");
        let provider = Provider {
            tenant: "acme".parse().expect("an id"),
            id: "okta".to_owned(),
            issuer,
            audience,
            mapping: Mapping { claim, roles, rep, require },
        };
        assert_eq!(provider.check(), Ok(()));
        let body = ProviderBody::try_from(provider.to_row(Timestamp::UNIX_EPOCH)).expect("is read back");
        let mut expect = said;
        let also =
            json!({ "provider": "okta", "rep": "email", "require": {}, "set_at": "1970-01-01T00:00:00Z" });
        expect.as_object_mut().expect("an object").extend(also.as_object().cloned().unwrap_or_default());
        assert_eq!(serde_json::to_value(body).expect("JSON"), expect);
    }
}
