//! Releases of a plugin: published from a request, the catalogue or a registry, and read again.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, ETAG, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::spawn_blocking;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::Api;
use super::super::catalogue;
use super::super::decisions::moment;
use super::super::extract::{Json, Path, body, media_type};
use super::super::problem::{Code, Problem, ProblemBody};
use super::super::scope::{Author, Caller, ReadConfiguration};
use super::{GrantsBody, QuantilesBody, by};
use crate::access::For;
use crate::digest::Digest;
use crate::fetch::Fetcher;
use crate::lead::{PluginId, TenantId};
use crate::line::{CasesReport, Content, NewRelease, Refused, ReleaseFrom};
use crate::oci::{self, Credentials, Package, Reference, bundle};
use crate::releases::{ReleaseName, Version};
use crate::store::ReleaseRow;
use crate::trust::PluginName;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(releases))
        .routes(routes!(release, publish))
        .routes(routes!(component))
        .routes(routes!(install))
}

/// A release as it was published.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Release)]
pub(in crate::http) struct ReleaseBody {
    /// Of which plugin.
    plugin: String,
    /// Semantic Versioning.
    version: String,
    /// Of its component.
    digest: String,
    /// How long the component is.
    bytes: i64,
    /// Version of the plugin interface that it is written against.
    interface: String,
    /// Interfaces that it exports and imports, and the JSON Schema of its settings.
    #[schema(value_type = Object)]
    report: Value,
    /// What its author's cases came to when it was published; absent where it brought none.
    cases: Option<CasesBody>,
    /// What its author says of it.
    #[schema(value_type = Object)]
    manifest: Value,
    /// Who signed it, where somebody whom the tenant trusts did.
    publisher: Option<String>,
    /// `upload`, `bundle`, `registry` or `catalogue`.
    source: String,
    /// When it was published.
    #[schema(value_type = String, format = DateTime)]
    published_at: Timestamp,
    /// By whom.
    published_by: String,
    /// What it asks beside what the configuration in force grants it, a line for each place that names the plugin. Not
    /// in lists, and empty where nobody says what it asks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    grants: Vec<GrantsBody>,
}

/// What the author's cases of a release came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReleaseCases)]
pub(in crate::http) struct CasesBody {
    /// Cases that passed; a release is not published where one does not.
    passed: usize,
    /// Cases.
    total: usize,
    /// Fuel of a call.
    fuel: QuantilesBody,
    /// The most memory of a call, in bytes.
    memory: u64,
    /// Of the archive that they came in.
    #[schema(value_type = String)]
    digest: Digest,
}

impl From<CasesReport> for CasesBody {
    fn from(CasesReport { digest, passed, total, fuel_p50, fuel_p99, memory }: CasesReport) -> Self {
        let fuel = QuantilesBody { p50: Some(fuel_p50), p99: Some(fuel_p99) };
        Self { passed, total, fuel, memory, digest }
    }
}

impl ReleaseBody {
    /// With what is granted of what it asks.
    async fn granted(api: &Api, tenant: &TenantId, row: ReleaseRow) -> Result<Self, Problem> {
        let grants = api.lines.grants(tenant, &row).await?.into_iter().map(GrantsBody::from).collect();
        Ok(Self { grants, ..row.into() })
    }
}

impl From<ReleaseRow> for ReleaseBody {
    fn from(row: ReleaseRow) -> Self {
        let json = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        let mut report = json(&row.report);
        let cases = report.as_object_mut().and_then(|report| report.remove("cases"));
        let cases = cases.and_then(|cases| serde_json::from_value::<CasesReport>(cases).ok());
        Self {
            report,
            cases: cases.map(CasesBody::from),
            manifest: json(&row.manifest),
            plugin: row.plugin,
            version: row.version,
            digest: row.digest,
            bytes: row.bytes,
            interface: row.interface,
            publisher: row.publisher,
            source: row.source,
            published_at: moment(row.made_at),
            published_by: row.made_by,
            grants: Vec::new(),
        }
    }
}

/// Releases of a plugin.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Releases)]
pub(in crate::http) struct ReleasesBody {
    /// The latest first.
    items: Vec<ReleaseBody>,
}

/// Releases of a plugin, the latest first.
#[utoipa::path(get, path = "/v1/plugins/{plugin}/releases", tag = "plugins",
    params(("plugin" = String, Path, description = "Its name")),
    security(("bearer" = ["ReadConfiguration"])),
    responses((status = 200, body = ReleasesBody), (status = "default", body = ProblemBody)))]
async fn releases(
    caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
    Path(plugin): Path<PluginId>,
) -> Result<Json<ReleasesBody>, Problem> {
    let store = api.store.of(caller.tenant());
    if store.plugin(plugin.as_str()).await?.is_none() {
        return Err(Refused::UnknownPlugin(plugin).into());
    }
    let rows = store.releases(Some(plugin.as_str())).await?;
    Ok(Json(ReleasesBody { items: rows.into_iter().map(ReleaseBody::from).collect() }))
}

/// A release.
#[utoipa::path(get, path = "/v1/plugins/{plugin}/releases/{release}", tag = "plugins",
    params(("plugin" = String, Path, description = "The plugin's name"),
        ("release" = String, Path, description = "Its version, such as `1.4.0`")),
    security(("bearer" = ["ReadConfiguration"])),
    responses((status = 200, body = ReleaseBody), (status = "default", body = ProblemBody)))]
async fn release(
    caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
    Path(name): Path<(PluginId, Version)>,
) -> Result<Json<ReleaseBody>, Problem> {
    let row = found(&api, caller.tenant(), name).await?;
    Ok(Json(ReleaseBody::granted(&api, caller.tenant(), row).await?))
}

pub(super) async fn found(
    api: &Api,
    tenant: &TenantId,
    (plugin, version): (PluginId, Version),
) -> Result<ReleaseRow, Problem> {
    let row = api.store.of(tenant).release(plugin.as_str(), &version.to_string()).await?;
    row.ok_or_else(|| Refused::UnknownRelease(ReleaseName { plugin, version }).into())
}

/// The component of a release, as it was published.
#[utoipa::path(get, path = "/v1/plugins/{plugin}/releases/{release}/component", tag = "plugins",
    params(("plugin" = String, Path, description = "The plugin's name"),
        ("release" = String, Path, description = "Its version")),
    security(("bearer" = ["ReadConfiguration"])),
    responses((status = 200, description = "The component", content_type = "application/wasm"),
        (status = "default", body = ProblemBody)))]
async fn component(
    caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
    Path(name): Path<(PluginId, Version)>,
) -> Result<Response, Problem> {
    let row = found(&api, caller.tenant(), name).await?;
    let bytes = api.store.of(caller.tenant()).blob(&row.digest).await?;
    let bytes = bytes.ok_or_else(|| Problem::not_found(format!("component {}", row.digest)))?;
    let tag = format!("\"{}\"", row.digest);
    let headers = [(CONTENT_TYPE, "application/wasm".to_owned()), (ETAG, tag)];
    Ok((headers, [(X_CONTENT_TYPE_OPTIONS, "nosniff")], bytes).into_response())
}

/// Publishes a release: the component goes through the stages of an upload. Nothing answers by it yet.
///
/// The body is a component of the tenant's own making, or a bundle with what its publisher says and signs. Each reason
/// why a component is refused names its stage in `errors[].at`: size, magic, parse, interface, imports, resources,
/// compile, instantiate, settings or cases. The cases of a bundle are played, and one that fails refuses the release.
/// What the release asks and is not granted stands in `grants`; it is published all the same. The same bytes under the
/// same version are answered with 200; other bytes are a conflict.
#[utoipa::path(put, path = "/v1/plugins/{plugin}/releases/{release}", tag = "plugins",
    params(("plugin" = String, Path, description = "The plugin's name; it is made where it is new"),
        ("release" = String, Path, description = "Semantic Versioning, such as `1.4.0`")),
    request_body(content(("application/wasm"), ("application/x-tar")),
        description = "The component; or a bundle, as `lanewright plugin bundle` writes it"),
    security(("bearer" = ["Author"])),
    responses((status = 201, body = ReleaseBody, description = "It is published"),
        (status = 200, body = ReleaseBody, description = "It was there"),
        (status = "default", body = ProblemBody)))]
async fn publish(
    caller: Caller<Author>,
    State(api): State<Api>,
    Path((plugin, version)): Path<(PluginId, Version)>,
    request: Request,
) -> Result<(StatusCode, Json<ReleaseBody>), Problem> {
    let media = media_type(request.headers());
    // Read first: whoever is answered in the middle of a body may never see it.
    let body = body(request, &()).await?.to_vec();
    let content = match media.as_deref() {
        None | Some("application/wasm") => Content::Alone { version, component: body },
        Some("application/x-tar") => {
            let package = package(body)?;
            if package.manifest.version != version {
                let found = &package.manifest.version;
                let detail = format!("the bundle is version {found}, and the path says {version}");
                return Err(Problem::new(Code::Malformed, detail));
            }
            Content::Package(Box::new(package))
        }
        Some(_) => {
            let detail = "the body is neither application/wasm nor application/x-tar";
            return Err(Problem::new(Code::MediaType, detail));
        }
    };
    let new = NewRelease { plugin: plugin.into(), content, source: ReleaseFrom::Upload };
    published(&api, (caller.tenant(), caller.actor()), new).await
}

/// A release out of a bundle.
pub(in crate::http) fn package(body: Vec<u8>) -> Result<Package, Problem> {
    bundle::read(&body[..], &oci::Limits::default()).map_err(|error| {
        Problem::new(Code::Malformed, format!("the body holds no release: {error}"))
            .hint("`lanewright plugin bundle` writes one")
    })
}

/// Publishes a release, and answers with it.
pub(in crate::http) async fn published(
    api: &Api,
    (tenant, actor): (&TenantId, &str),
    new: NewRelease,
) -> Result<(StatusCode, Json<ReleaseBody>), Problem> {
    let (row, is_new) = api.lines.publish(tenant, new, by(api, actor)).await?;
    let release = ReleaseBody::granted(api, tenant, row).await?;
    Ok((if is_new { StatusCode::CREATED } else { StatusCode::OK }, Json(release)))
}

/// From where a release is taken: one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = InstallRelease)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct InstallBody {
    /// A plugin of the catalogue, `publisher/name`.
    #[schema(value_type = Option<String>)]
    catalogue: Option<PluginName>,
    /// Of the catalogue: which version; absent: the highest.
    #[schema(value_type = Option<String>)]
    version: Option<Version>,
    /// A release in an OCI registry, such as `registry.example.com/acme/fit:1.4.0` or with `@sha256:…`.
    registry: Option<String>,
    /// Of a registry that wants to know who asks: their name there.
    user: Option<String>,
    /// The tenant's secret that holds their password or token.
    secret: Option<String>,
}

/// Publishes a release from the catalogue or from a registry. Nothing answers by it yet.
#[utoipa::path(post, path = "/v1/plugins/{plugin}/install", tag = "plugins", request_body = InstallBody,
    params(("plugin" = String, Path, description = "The tenant's own name for it")),
    security(("bearer" = ["Author"])),
    responses((status = 201, body = ReleaseBody, description = "It is published"),
        (status = 200, body = ReleaseBody, description = "It was there"),
        (status = "default", body = ProblemBody)))]
async fn install(
    caller: Caller<Author>,
    State(api): State<Api>,
    Path(plugin): Path<PluginId>,
    Json(asked): Json<InstallBody>,
) -> Result<(StatusCode, Json<ReleaseBody>), Problem> {
    let InstallBody { catalogue, version, registry, user, secret } = asked;
    let (package, source) = match (catalogue, registry) {
        (Some(name), None) => {
            (catalogue::package(&api, &name, version.as_ref()).await?, ReleaseFrom::Catalogue)
        }
        (None, Some(reference)) => {
            let reference = reference.parse::<Reference>().map_err(|error| {
                Problem::new(Code::Malformed, "the body does not read").at("registry", error.to_string())
            })?;
            let credentials = credentials(&api, caller.tenant(), user, secret).await?;
            (pulled(&api, reference, credentials).await?, ReleaseFrom::Registry)
        }
        _ => {
            let detail = "name either `catalogue` or `registry`";
            return Err(Problem::new(Code::Malformed, detail));
        }
    };
    let new = NewRelease { plugin: plugin.into(), content: Content::Package(Box::new(package)), source };
    published(&api, (caller.tenant(), caller.actor()), new).await
}

async fn credentials(
    api: &Api,
    tenant: &TenantId,
    user: Option<String>,
    secret: Option<String>,
) -> Result<Option<Credentials>, Problem> {
    let (user, secret) = match (user, secret) {
        (None, None) => return Ok(None),
        (Some(user), Some(secret)) => (user, secret),
        _ => return Err(Problem::new(Code::Malformed, "`user` and `secret` go together")),
    };
    let unknown = || Problem::not_found(format!("secret {secret}"));
    let sealed = api.store.of(tenant).secret(&secret).await?.ok_or_else(unknown)?;
    let opened = api.vault()?.open(tenant, For::Secret(&secret), &sealed)?;
    let password = String::from_utf8(opened.expose().to_vec());
    let password =
        password.map_err(|_| Problem::new(Code::Conflict, format!("the secret {secret} is not text")))?;
    Ok(Some(Credentials { user, password }))
}

async fn pulled(
    api: &Api,
    reference: Reference,
    credentials: Option<Credentials>,
) -> Result<Package, Problem> {
    let fetcher = Fetcher::new(api.reach);
    // Less than the request itself may take.
    let limits = oci::Limits { time: api.timeout.mul_f64(0.8), ..oci::Limits::default() };
    let pulled = spawn_blocking(move || oci::pull(&fetcher, &reference, credentials.as_ref(), &limits));
    let pulled = pulled.await.map_err(|_| Problem::new(Code::Internal, "a mistake of ours"))?;
    pulled.map(|pulled| pulled.package).map_err(|error| {
        Problem::new(Code::NotPulled, error.to_string())
            .hint("look at the reference, and whether the registry can be reached from here")
    })
}
