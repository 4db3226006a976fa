//! The service's edge: routes, who may take them, and what goes over the wire.
//!
//! ```text
//! request ─▶ limits on body and time ─▶ Caller (who, of which tenant, may they) ─▶ route ─▶ line, store ─▶ answer or Problem
//! ```
//!
//! A route names the right it needs as the type of its [`scope::Caller`], and gets its tenant from there alone; so a
//! route without a check, or for another's tenant, does not compile. Wire shapes stand beside their routes and
//! are what the OpenAPI document is made of.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, FromRef, MatchedPath, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use tokio::sync::watch;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi, SecurityRequirement};
use utoipa::{Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;

use crate::access::{Access, Vault};
use crate::clock::Clock;
use crate::fetch::Reach;
use crate::line::Lines;
use crate::store::Store;
use crate::telemetry::{self, Method, Metrics, RequestAnswered, Route};

mod assignments;
mod audit;
mod batches;
mod booking;
mod catalogue;
mod configurations;
mod decisions;
mod destinations;
mod effects;
mod erase;
mod experiments;
mod extract;
mod insight;
mod keys;
mod leads;
pub mod limits;
mod models;
mod page;
mod plugins;
mod policies;
pub mod problem;
mod providers;
mod reprocess;
mod reps;
pub mod scope;
mod secrets;
mod server;
mod simulate;
mod stream;
mod tenants;
mod trust;
mod usage;

use limits::Limits;
use problem::{Code, Problem};
pub use server::{Patience, serve, serve_metrics};

/// What routes work with.
#[derive(Clone)]
pub struct Api(Arc<ApiParts>);

/// The same by its parts.
pub struct ApiParts {
    /// All tenants' lines.
    pub lines: Lines,
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Who may do what.
    pub access: Access,
    /// How much a tenant may ask.
    pub limits: Limits,
    /// What is counted.
    pub metrics: Metrics,
    /// Whether metrics are served here, and not at an address of their own.
    pub metrics_here: bool,
    /// Whether the service is to end.
    pub ending: watch::Receiver<bool>,
    /// The longest lead, in bytes.
    pub largest_lead: usize,
    /// The longest body, in bytes.
    pub largest_body: usize,
    /// How long a request may take.
    pub timeout: Duration,
    /// Seals secrets; absent: none are kept.
    pub vault: Option<Arc<Vault>>,
    /// Where destinations may lead to.
    pub reach: Reach,
    /// Whether a configuration has to be approved by somebody who has not written in it.
    pub four_eyes: bool,
}

impl Api {
    /// Of these parts.
    pub fn new(parts: ApiParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl std::ops::Deref for Api {
    type Target = ApiParts;
    fn deref(&self) -> &ApiParts {
        &self.0
    }
}

impl FromRef<Api> for () {
    fn from_ref(_: &Api) {}
}

/// Everything that the service answers.
pub fn router(api: Api) -> Router {
    let (routes, document) = described();
    let docs = utoipa_swagger_ui::SwaggerUi::new("/docs").url("/openapi.json", document);
    let (timeout, largest) = (api.timeout, api.largest_body);
    routes
        .layer(middleware::from_fn(limits::tell))
        .layer(middleware::from_fn(move |request, next| in_time(timeout, request, next)))
        .layer(DefaultBodyLimit::max(largest))
        .merge(stream::routes())
        .merge(docs)
        .route("/livez", routing::get(|| async { "alive\n" }))
        .route("/readyz", routing::get(ready))
        .route("/metrics", routing::get(metrics))
        .route("/problems/{code}", routing::get(explained))
        .fallback(|| async { Problem::new(Code::NoRoute, "there is no such route; /docs lists them") })
        .method_not_allowed_fallback(|| async {
            Problem::new(Code::Method, "the route is there, and does not take this method")
        })
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(api.clone(), counted))
        .with_state(api)
}

/// The OpenAPI document, in JSON.
pub fn document() -> String {
    let (_, document) = described();
    document.to_pretty_json().unwrap_or_default() + "\n"
}

fn described() -> (Router<Api>, OpenApi) {
    let routes = OpenApiRouter::with_openapi(Document::openapi())
        .merge(leads::routes())
        .merge(decisions::routes())
        .merge(assignments::routes())
        .merge(batches::routes())
        .merge(reprocess::routes())
        .merge(booking::routes())
        .merge(reps::routes())
        .merge(usage::routes())
        .merge(configurations::routes())
        .merge(simulate::routes())
        .merge(models::routes())
        .merge(insight::routes())
        .merge(experiments::routes())
        .merge(policies::routes())
        .merge(plugins::routes())
        .merge(trust::routes())
        .merge(catalogue::routes())
        .merge(effects::routes())
        .merge(destinations::routes())
        .merge(keys::routes())
        .merge(providers::routes())
        .merge(secrets::routes())
        .merge(audit::routes())
        .merge(erase::routes())
        .merge(tenants::routes());
    let (router, mut document) = routes.split_for_parts();
    stream::describe(&mut document);
    tidy(&mut document);
    (router, document)
}

/// Writes paths as OpenAPI has them, which knows no rest of a path, and gives every operation an id of its own:
/// functions of different modules have one name.
fn tidy(document: &mut OpenApi) {
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths
        .into_iter()
        .map(|(path, mut item)| {
            let path = path.replace("{*", "{");
            let words = path.trim_start_matches("/v1/").split(|c: char| !c.is_ascii_alphanumeric());
            let name = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_");
            let operations = [
                ("get", &mut item.get),
                ("put", &mut item.put),
                ("post", &mut item.post),
                ("patch", &mut item.patch),
                ("delete", &mut item.delete),
            ];
            for (method, operation) in operations {
                if let Some(operation) = operation {
                    operation.operation_id = Some(format!("{method}_{name}"));
                }
            }
            (path, item)
        })
        .collect();
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Lanewright",
        description = "Routes inbound sales leads for many tenants. Errors are problem details (RFC 9457) with a stable `code`; times are RFC 3339; amounts are in the tenant's currency."
    ),
    modifiers(&Bearer),
    tags(
        (name = "leads", description = "Leads in, and where each stands"),
        (name = "decisions", description = "What was decided, and from what"),
        (name = "assignments", description = "What people do with leads"),
        (name = "batches", description = "Leads that are decided together"),
        (name = "reprocess", description = "Leads of the log that are decided again"),
        (name = "meetings", description = "Times of reps, and meetings that contacts have with them"),
        (name = "reps", description = "Reps, their load and their absences"),
        (name = "events", description = "What happens, as it happens"),
        (name = "usage", description = "What a tenant has used"),
        (name = "configurations", description = "The configuration as versions: drafts, checks, approvals, publication, the way back"),
        (name = "plugins", description = "Releases of plugins: published, tried beside, active, taken back"),
        (name = "effects", description = "What is to be done outside, and where it goes"),
        (name = "access", description = "Keys, identity providers and secrets"),
        (name = "audit", description = "Who did what, and erasing a person"),
        (name = "tenants", description = "For those who run the service: tenants, and their own keys"),
    )
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API key, or what the tenant's identity provider has signed"))
            .build();
        let components = document.components.get_or_insert_default();
        components.security_schemes.insert("bearer".to_owned(), SecurityScheme::Http(bearer).into());
        document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("bearer", [])]);
    }
}

async fn ready(State(api): State<Api>) -> Response {
    if *api.ending.borrow() {
        return Problem::new(Code::Busy, "this host is going down").into_response();
    }
    match api.store.ping().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

async fn metrics(State(api): State<Api>) -> Response {
    match api.metrics_here {
        true => ([(CONTENT_TYPE, telemetry::CONTENT_TYPE)], api.metrics.encode()).into_response(),
        false => Problem::new(Code::NoRoute, "metrics have an address of their own").into_response(),
    }
}

async fn explained(axum::extract::Path(code): axum::extract::Path<String>) -> Response {
    let Some(code) = Code::ALL.into_iter().find(|known| known.as_str() == code) else {
        return Problem::not_found(format!("code {code}")).into_response();
    };
    format!("{} ({}): {}\n", code.as_str(), code.status().as_u16(), code.title()).into_response()
}

/// Counts a request by its route's template.
async fn counted(
    State(api): State<Api>,
    request: axum::extract::Request,
    next: middleware::Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| Route::template(path.as_str()));
    let method = Method::named(request.method().as_str());
    let began = std::time::Instant::now();
    let response = next.run(request).await;
    let (status, took) = (response.status().as_u16(), began.elapsed());
    let route = route.unwrap_or_else(Route::none);
    RequestAnswered { route, method, status, took }.emit(&api.metrics);
    response
}

async fn in_time(timeout: Duration, request: axum::extract::Request, next: middleware::Next) -> Response {
    match tokio::time::timeout(timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(Code::Timeout, "it took too long, and it is not known whether it was done")
            .hint("send it again with the same Idempotency-Key: then it is done once")
            .into_response(),
    }
}

fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> axum::http::Response<axum::body::Body> {
    tracing::error!("a route panicked");
    let problem = Problem::new(Code::Internal, "a mistake of ours; nothing is known to be changed");
    debug_assert_eq!(problem.code().status(), StatusCode::INTERNAL_SERVER_ERROR);
    problem.into_response()
}

#[cfg(test)]
mod tests;
