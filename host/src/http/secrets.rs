//! Values that plugins use by name: put in, and never read back.

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::decisions::moment;
use super::extract::{Json, Path, name};
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{Caller, ManageAccess};
use crate::access::vault::VaultError;
use crate::access::{For, Vault};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(put, remove))
}

/// A secret, without its value.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Secret)]
pub(super) struct SecretBody {
    /// What it is used by.
    name: String,
    /// When it was set.
    #[schema(value_type = String, format = DateTime)]
    set_at: Timestamp,
}

/// All secrets.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Secrets)]
pub(super) struct SecretsBody {
    /// In the order of their names.
    items: Vec<SecretBody>,
}

/// What a secret is.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewSecret)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSecretBody {
    /// The value, 1 to 16,384 bytes. Nobody reads it back.
    value: String,
}

/// The longest value, in bytes.
const LONGEST: usize = 16 << 10;

impl Api {
    /// What secrets are sealed with.
    pub(super) fn vault(&self) -> Result<&Vault, Problem> {
        self.vault.as_deref().ok_or_else(|| {
            Problem::new(Code::Conflict, "this service keeps no secrets")
                .hint("the operator has to set `secrets.key`")
        })
    }
}

/// Names of secrets, in their order.
#[utoipa::path(get, path = "/v1/secrets", tag = "access",
    security(("bearer" = ["ManageAccess"])),
    responses((status = 200, body = SecretsBody), (status = "default", body = ProblemBody)))]
async fn list(caller: Caller<ManageAccess>, State(api): State<Api>) -> Result<Json<SecretsBody>, Problem> {
    let found = api.store.of(caller.tenant()).secrets().await?;
    let items = found.into_iter().map(|(name, at)| SecretBody { name, set_at: moment(at) });
    Ok(Json(SecretsBody { items: items.collect() }))
}

/// Sets a secret, in the place of the one of that name.
#[utoipa::path(put, path = "/v1/secrets/{name}", tag = "access", request_body = NewSecretBody,
    params(("name" = String, Path, description = "What it is used by")),
    security(("bearer" = ["ManageAccess"])),
    responses((status = 204, description = "It is set"), (status = "default", body = ProblemBody)))]
async fn put(
    caller: Caller<ManageAccess>,
    State(api): State<Api>,
    Path(secret): Path<String>,
    Json(body): Json<NewSecretBody>,
) -> Result<StatusCode, Problem> {
    let secret = name("secret", secret)?;
    if body.value.is_empty() || body.value.len() > LONGEST {
        return Err(Problem::new(Code::Malformed, "the value is empty or too long")
            .at("value", format!("1 to {LONGEST} bytes")));
    }
    let sealed = api.vault()?.seal(caller.tenant(), For::Secret(&secret), body.value.as_bytes())?;
    let at = api.clock.now().as_millisecond();
    api.store.of(caller.tenant()).set_secret(&secret, sealed, caller.actor(), at).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a secret away.
#[utoipa::path(delete, path = "/v1/secrets/{name}", tag = "access",
    params(("name" = String, Path, description = "What it is used by")),
    security(("bearer" = ["ManageAccess"])),
    responses((status = 204, description = "It is gone"), (status = "default", body = ProblemBody)))]
async fn remove(
    caller: Caller<ManageAccess>,
    State(api): State<Api>,
    Path(secret): Path<String>,
) -> Result<StatusCode, Problem> {
    let at = api.clock.now().as_millisecond();
    match api.store.of(caller.tenant()).remove_secret(&secret, caller.actor(), at).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found(format!("secret {secret}"))),
    }
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        tracing::error!(cause = %error, "a secret cannot be sealed or opened");
        Self::new(Code::Internal, "the secret cannot be sealed or opened")
    }
}
