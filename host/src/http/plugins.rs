//! Plugins by name: their releases, which of them answer, how they fare, and what they would change.

use std::collections::BTreeMap;

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

use super::Api;
use super::catalogue;
use super::decisions::moment;
use super::extract::{IfMatch, Json, Optional, Path, Tagged, body, if_seen, media_type};
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{ApproveConfiguration, Author, Caller, ReadConfiguration};
use super::simulate::{SimulatedBody, SimulationBody, simulated};
use crate::access::For;
use crate::fetch::Fetcher;
use crate::lead::{PluginId, TenantId};
use crate::line::{Content, NewRelease, Refused, ReleaseFrom};
use crate::oci::{self, Credentials, Package, Reference, bundle};
use crate::releases::{Budget, Counts, Deployment, Measure, ReleaseName, Share, Stage, Step, Version};
use crate::store::{CountRow, PluginRow, ReleaseRow};
use crate::trust::PluginName;
use crate::versions::By;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(releases))
        .routes(routes!(release, publish))
        .routes(routes!(component))
        .routes(routes!(install))
        .routes(routes!(shadow))
        .routes(routes!(canary))
        .routes(routes!(activate))
        .routes(routes!(roll_back))
        .routes(routes!(budget))
        .routes(routes!(health))
        .routes(routes!(backtest))
}

/// A plugin, and which of its releases answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Plugin)]
pub(super) struct PluginBody {
    /// As `tenant.toml` names it: `plugin = "NAME"`.
    plugin: String,
    /// The release that decides; absent: the standard plugin does.
    #[schema(value_type = Option<String>)]
    active: Option<Version>,
    /// The release that decided before, which is gone back to.
    #[schema(value_type = Option<String>)]
    good: Option<Version>,
    /// The release on its way.
    candidate: Option<CandidateBody>,
    /// What a release may use and get wrong before it is taken back.
    budget: BudgetBody,
}

/// A release on its way.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CandidateRelease)]
pub(super) struct CandidateBody {
    /// Which.
    #[schema(value_type = String)]
    version: Version,
    /// `shadow`: it answers beside the active one, and is only compared; `canary`: it decides for a share.
    stage: &'static str,
    /// Of a canary: percent of accounts that it decides for.
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
}

/// What a release may use and get wrong before it is taken back by itself.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Budget)]
#[serde(deny_unknown_fields, default)]
pub(super) struct BudgetBody {
    /// Calls, or comparisons, before anything is judged.
    #[schema(minimum = 1, default = 20)]
    least: u64,
    /// Percent of calls that may fail by the plugin's fault.
    #[schema(minimum = 0, maximum = 100, default = 5)]
    failures: f64,
    /// Percent of compared decisions that may differ from the release beside; absent: any.
    #[schema(minimum = 0, maximum = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    disagreement: Option<f64>,
    /// Fuel that 99 % of calls stay within; absent: what the plan allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    fuel: Option<u64>,
    /// Milliseconds that 99 % of calls stay within; absent: what the plan allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    millis: Option<u64>,
}

impl Default for BudgetBody {
    fn default() -> Self {
        Budget::default().into()
    }
}

impl From<Budget> for BudgetBody {
    fn from(Budget { least, failures, disagreement, fuel, millis }: Budget) -> Self {
        Self { least, failures, disagreement, fuel, millis }
    }
}

impl From<BudgetBody> for Budget {
    fn from(BudgetBody { least, failures, disagreement, fuel, millis }: BudgetBody) -> Self {
        Self { least, failures, disagreement, fuel, millis }
    }
}

impl PluginBody {
    fn of(plugin: String, deployment: Deployment) -> Self {
        let Deployment { active, good, candidate, budget } = deployment;
        let candidate = candidate.map(|candidate| CandidateBody {
            stage: candidate.stage.as_str(),
            share: match candidate.stage {
                Stage::Shadow => None,
                Stage::Canary { share } => Some(share.into()),
            },
            version: candidate.version,
        });
        Self { plugin, active, good, candidate, budget: budget.into() }
    }
}

fn read(row: &PluginRow) -> Result<Deployment, Problem> {
    let unreadable = || Problem::new(Code::Internal, format!("the plugin {} cannot be read", row.plugin));
    serde_json::from_str(&row.deployment).map_err(|_| unreadable())
}

/// All of the tenant's plugins.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Plugins)]
pub(super) struct PluginsBody {
    /// In the order of their names.
    items: Vec<PluginBody>,
}

/// Plugins, in the order of their names.
#[utoipa::path(get, path = "/v1/plugins", tag = "plugins",
    security(("bearer" = ["ReadConfiguration"])),
    responses((status = 200, body = PluginsBody), (status = "default", body = ProblemBody)))]
async fn list(
    caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
) -> Result<Json<PluginsBody>, Problem> {
    let rows = api.store.of(caller.tenant()).plugins().await?;
    let items = rows.into_iter().map(|row| Ok(PluginBody::of(row.plugin.clone(), read(&row)?)));
    Ok(Json(PluginsBody { items: items.collect::<Result<_, Problem>>()? }))
}

/// A plugin, and which of its releases answer.
#[utoipa::path(get, path = "/v1/plugins/{plugin}", tag = "plugins",
    params(("plugin" = String, Path, description = "Its name")),
    security(("bearer" = ["ReadConfiguration"])),
    responses((status = 200, body = PluginBody, description = "The plugin, with its ETag"),
        (status = "default", body = ProblemBody)))]
async fn one(
    caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
    Path(plugin): Path<PluginId>,
) -> Result<Tagged<PluginBody>, Problem> {
    let row = api.store.of(caller.tenant()).plugin(plugin.as_str()).await?;
    let row = row.ok_or_else(|| Problem::from(Refused::UnknownPlugin(plugin)))?;
    Ok(Tagged(row.head, PluginBody::of(row.plugin.clone(), read(&row)?)))
}

/// A release as it was published.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Release)]
pub(super) struct ReleaseBody {
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
}

impl From<ReleaseRow> for ReleaseBody {
    fn from(row: ReleaseRow) -> Self {
        let json = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        Self {
            report: json(&row.report),
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
        }
    }
}

/// Releases of a plugin.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Releases)]
pub(super) struct ReleasesBody {
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
    Ok(Json(found(&api, caller.tenant(), name).await?.into()))
}

async fn found(
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
/// compile, instantiate or settings. The same bytes under the same version are answered with 200; other bytes are a
/// conflict.
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
    let (row, is_new) = api.lines.publish(caller.tenant(), new, by(&api, caller.actor())).await?;
    Ok(published(row, is_new))
}

/// A release out of a bundle.
pub(super) fn package(body: Vec<u8>) -> Result<Package, Problem> {
    bundle::read(&body[..], &oci::Limits::default()).map_err(|error| {
        Problem::new(Code::Malformed, format!("the body holds no release: {error}"))
            .hint("`lanewright plugin bundle` writes one")
    })
}

pub(super) fn published(row: ReleaseRow, is_new: bool) -> (StatusCode, Json<ReleaseBody>) {
    (if is_new { StatusCode::CREATED } else { StatusCode::OK }, Json(row.into()))
}

/// From where a release is taken: one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = InstallRelease)]
#[serde(deny_unknown_fields)]
pub(super) struct InstallBody {
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
    let (row, is_new) = api.lines.publish(caller.tenant(), new, by(&api, caller.actor())).await?;
    Ok(published(row, is_new))
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

pub(super) fn by<'a>(api: &Api, actor: &'a str) -> By<'a> {
    By { actor, at: api.clock.now().as_millisecond() }
}

/// Which release.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = WhichRelease)]
#[serde(deny_unknown_fields)]
pub(super) struct WhichBody {
    /// Its version.
    #[schema(value_type = String)]
    version: Version,
}

/// Takes a step.
async fn take(
    api: &Api,
    (tenant, actor): (&TenantId, &str),
    plugin: PluginId,
    tag: Option<IfMatch>,
    step: &Step,
    why: Option<String>,
) -> Result<Tagged<PluginBody>, Problem> {
    let seen = if_seen(tag.as_ref())?;
    let (deployment, head) = api.lines.deploy(tenant, &plugin, step, by(api, actor), (seen, why)).await?;
    Ok(Tagged(head, PluginBody::of(plugin.to_string(), deployment)))
}

/// Has a release answer beside the active one. Its answers are compared, and used for nothing.
#[utoipa::path(post, path = "/v1/plugins/{plugin}/shadow", tag = "plugins", request_body = WhichBody,
    params(("plugin" = String, Path, description = "Its name"),
        ("if-match" = Option<String>, Header, description = "The ETag of what was read")),
    security(("bearer" = ["Author"])),
    responses((status = 200, body = PluginBody), (status = "default", body = ProblemBody)))]
async fn shadow(
    caller: Caller<Author>,
    State(api): State<Api>,
    Path(plugin): Path<PluginId>,
    tag: Option<IfMatch>,
    Json(WhichBody { version }): Json<WhichBody>,
) -> Result<Tagged<PluginBody>, Problem> {
    take(&api, (caller.tenant(), caller.actor()), plugin, tag, &Step::Shadow { version }, None).await
}

/// Which release, for how many.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CanaryRelease)]
#[serde(deny_unknown_fields)]
pub(super) struct CanaryBody {
    /// Its version.
    #[schema(value_type = String)]
    version: Version,
    /// Percent of accounts that it decides for, in steps of 0.01. All leads of an account go to the same release.
    #[schema(value_type = f64, minimum = 0.01, maximum = 100)]
    share: Share,
}

/// Has a release decide for a share of the accounts; said again with another share, for that.
#[utoipa::path(post, path = "/v1/plugins/{plugin}/canary", tag = "plugins", request_body = CanaryBody,
    params(("plugin" = String, Path, description = "Its name"),
        ("if-match" = Option<String>, Header, description = "The ETag of what was read")),
    security(("bearer" = ["ApproveConfiguration"])),
    responses((status = 200, body = PluginBody), (status = "default", body = ProblemBody)))]
async fn canary(
    caller: Caller<ApproveConfiguration>,
    State(api): State<Api>,
    Path(plugin): Path<PluginId>,
    tag: Option<IfMatch>,
    Json(CanaryBody { version, share }): Json<CanaryBody>,
) -> Result<Tagged<PluginBody>, Problem> {
    take(&api, (caller.tenant(), caller.actor()), plugin, tag, &Step::Canary { version, share }, None).await
}

/// Has a release decide: a new one, or any that was published before.
#[utoipa::path(post, path = "/v1/plugins/{plugin}/activate", tag = "plugins", request_body = WhichBody,
    params(("plugin" = String, Path, description = "Its name"),
        ("if-match" = Option<String>, Header, description = "The ETag of what was read")),
    security(("bearer" = ["ApproveConfiguration"])),
    responses((status = 200, body = PluginBody), (status = "default", body = ProblemBody)))]
async fn activate(
    caller: Caller<ApproveConfiguration>,
    State(api): State<Api>,
    Path(plugin): Path<PluginId>,
    tag: Option<IfMatch>,
    Json(WhichBody { version }): Json<WhichBody>,
) -> Result<Tagged<PluginBody>, Problem> {
    take(&api, (caller.tenant(), caller.actor()), plugin, tag, &Step::Activate { version }, None).await
}

/// Which release is taken back, and why.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = RollBackRelease)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RollBackBody {
    /// Its version; absent: the one on its way, else the active one.
    #[schema(value_type = Option<String>)]
    version: Option<Version>,
    /// Why, for the log.
    why: Option<String>,
}

/// Takes a release back: one on its way goes, and where none is, the release before the active one decides again.
#[utoipa::path(post, path = "/v1/plugins/{plugin}/roll-back", tag = "plugins", request_body = RollBackBody,
    params(("plugin" = String, Path, description = "Its name"),
        ("if-match" = Option<String>, Header, description = "The ETag of what was read")),
    security(("bearer" = ["Author"])),
    responses((status = 200, body = PluginBody), (status = "default", body = ProblemBody)))]
async fn roll_back(
    caller: Caller<Author>,
    State(api): State<Api>,
    Path(plugin): Path<PluginId>,
    tag: Option<IfMatch>,
    Optional(RollBackBody { version, why }): Optional<RollBackBody>,
) -> Result<Tagged<PluginBody>, Problem> {
    take(&api, (caller.tenant(), caller.actor()), plugin, tag, &Step::RollBack { version }, why).await
}

/// Says what a release may use and get wrong before it is taken back by itself.
#[utoipa::path(put, path = "/v1/plugins/{plugin}/budget", tag = "plugins", request_body = BudgetBody,
    params(("plugin" = String, Path, description = "Its name"),
        ("if-match" = Option<String>, Header, description = "The ETag of what was read")),
    security(("bearer" = ["ApproveConfiguration"])),
    responses((status = 200, body = PluginBody), (status = "default", body = ProblemBody)))]
async fn budget(
    caller: Caller<ApproveConfiguration>,
    State(api): State<Api>,
    Path(plugin): Path<PluginId>,
    tag: Option<IfMatch>,
    Json(body): Json<BudgetBody>,
) -> Result<Tagged<PluginBody>, Problem> {
    let budget = Budget::from(body).checked();
    let budget = budget.map_err(|error| Problem::new(Code::Malformed, error.to_string()))?;
    take(&api, (caller.tenant(), caller.actor()), plugin, tag, &Step::Budget { budget }, None).await
}

/// How releases of a plugin fare.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PluginHealth)]
pub(super) struct HealthBody {
    /// By release and stage; what the hosts have written down, which is a few seconds old.
    items: Vec<CountsBody>,
}

/// What was counted of a release in one stage.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReleaseHealth)]
pub(super) struct CountsBody {
    /// Its version; absent where its component was published under another name.
    version: Option<String>,
    /// Its component.
    digest: String,
    /// `active`, `canary` or `shadow`.
    stage: String,
    /// Calls.
    calls: u64,
    /// Calls that gave no answer that counts, by the plugin's fault.
    failed: u64,
    /// Fuel of a call.
    fuel: QuantilesBody,
    /// Microseconds of a call.
    micros: QuantilesBody,
    /// KiB of memory that a call had at most.
    memory: QuantilesBody,
    /// Decisions that were compared with the release beside.
    compared: u64,
    /// Those that differed in anything.
    differed: u64,
    /// Those whose lane differed.
    other_lane: u64,
    /// Those that gave the lead to another rep, team, queue or track.
    other_outcome: u64,
}

/// What half of all calls, and 99 in 100, stay within; at most an eighth too high.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Quantiles)]
pub(super) struct QuantilesBody {
    /// Half of them.
    p50: Option<u64>,
    /// 99 in 100.
    p99: Option<u64>,
}

impl CountsBody {
    pub(super) fn of(version: Option<String>, digest: String, stage: String, counts: &Counts) -> Self {
        let quantiles =
            |of: &crate::releases::Histogram| QuantilesBody { p50: of.quantile(0.5), p99: of.quantile(0.99) };
        Self {
            version,
            digest,
            stage,
            calls: counts.calls,
            failed: counts.failed,
            fuel: quantiles(&counts.fuel),
            micros: quantiles(&counts.micros),
            memory: quantiles(&counts.memory),
            compared: counts.compared,
            differed: counts.differed,
            other_lane: counts.other_lane,
            other_outcome: counts.other_outcome,
        }
    }
}

/// Counts by what they are of.
pub(super) fn counted(rows: Vec<CountRow>) -> BTreeMap<(String, String), Counts> {
    let mut all: BTreeMap<(String, String), Counts> = BTreeMap::new();
    for CountRow { digest, stage, measure, bucket, times, .. } in rows {
        let (Some(measure), Ok(bucket), Ok(times)) =
            (Measure::of(&measure), u16::try_from(bucket), u64::try_from(times))
        else {
            continue;
        };
        all.entry((digest, stage)).or_default().add(measure, bucket, times);
    }
    all
}

/// How releases of a plugin fare, since each came to its stage.
#[utoipa::path(get, path = "/v1/plugins/{plugin}/health", tag = "plugins",
    params(("plugin" = String, Path, description = "Its name")),
    security(("bearer" = ["ReadConfiguration"])),
    responses((status = 200, body = HealthBody), (status = "default", body = ProblemBody)))]
async fn health(
    caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
    Path(plugin): Path<PluginId>,
) -> Result<Json<HealthBody>, Problem> {
    let store = api.store.of(caller.tenant());
    if store.plugin(plugin.as_str()).await?.is_none() {
        return Err(Refused::UnknownPlugin(plugin).into());
    }
    let releases = store.releases(Some(plugin.as_str())).await?;
    let version =
        |digest: &str| releases.iter().find(|row| row.digest == digest).map(|row| row.version.clone());
    let counted = counted(store.plugin_counts(plugin.as_str()).await?);
    let items = counted
        .into_iter()
        .map(|((digest, stage), counts)| CountsBody::of(version(&digest), digest, stage, &counts));
    Ok(Json(HealthBody { items: items.collect() }))
}

/// Routes leads of the log again, with the releases in force and with this one, and tells what changes. Nothing is
/// written.
#[utoipa::path(post, path = "/v1/plugins/{plugin}/releases/{release}/backtest", tag = "plugins",
    params(("plugin" = String, Path, description = "The plugin's name"),
        ("release" = String, Path, description = "Its version")),
    request_body = SimulationBody,
    responses((status = 200, body = SimulatedBody), (status = "default", body = ProblemBody)),
    security(("bearer" = ["Author"])))]
async fn backtest(
    caller: Caller<Author>,
    State(api): State<Api>,
    Path((plugin, version)): Path<(PluginId, Version)>,
    Json(asked): Json<SimulationBody>,
) -> Result<Json<SimulatedBody>, Problem> {
    found(&api, caller.tenant(), (plugin.clone(), version.clone())).await?;
    let release = ReleaseName { plugin, version };
    simulated(&api, caller.scope(), (None, Some(release)), asked).await
}
