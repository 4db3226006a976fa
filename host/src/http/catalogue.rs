//! The catalogue: plugins that whoever runs the service offers to all tenants, each with a score card.

use std::collections::BTreeMap;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::extract::{Json, Path, body};
use super::plugins::{CountsBody, ReleaseBody, package as packaged, published};
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{Caller, Operate, ReadConfiguration};
use crate::health::written;
use crate::lead::TenantId;
use crate::line::{CasesReport, Content, NewRelease, ReleaseFrom, Report};
use crate::oci::{Cases, Package};
use crate::releases::{Counts, Version};
use crate::store::ReleaseRow;
use crate::trust::PluginName;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, publish)).routes(routes!(one))
}

/// A release of the catalogue and what is known of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CatalogueRelease)]
pub(super) struct CardBody {
    /// The release: its size, its interface, what it asks for, what its cases came to, who signed it.
    release: ReleaseBody,
    /// How it fares, of all tenants together; absent before anybody runs it.
    card: Option<CountsBody>,
}

/// Releases of the catalogue.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Catalogue)]
pub(super) struct CatalogueBody {
    /// By name, then the highest version first.
    items: Vec<CardBody>,
}

async fn card(api: &Api, row: ReleaseRow) -> Result<CardBody, Problem> {
    let mut all = Counts::default();
    for ((_, stage), counts) in written(api.store.counts_everywhere(&row.digest).await?) {
        // A shadow's calls cost what others do; that it was compared says something of another tenant's plugin.
        let parts = counts.parts().into_iter();
        let parts = parts.filter(|(measure, ..)| stage != "shadow" || !measure.compares());
        parts.for_each(|(measure, bucket, times)| all.add(measure, bucket, times));
    }
    let (version, digest) = (Some(row.version.clone()), row.digest.clone());
    let card = (all.calls > 0).then(|| CountsBody::of(version, digest, "all".to_owned(), &all));
    Ok(CardBody { release: row.into(), card })
}

fn highest_first(mut rows: Vec<ReleaseRow>) -> Vec<ReleaseRow> {
    let version = |row: &ReleaseRow| row.version.parse::<Version>().ok();
    rows.sort_by(|a, b| a.plugin.cmp(&b.plugin).then_with(|| version(b).cmp(&version(a))));
    rows
}

/// The catalogue: the highest version of each plugin.
#[utoipa::path(get, path = "/v1/catalogue", tag = "plugins", security(("bearer" = ["ReadConfiguration"])),
    responses((status = 200, body = CatalogueBody), (status = "default", body = ProblemBody)))]
async fn list(
    _caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
) -> Result<Json<CatalogueBody>, Problem> {
    let rows = highest_first(api.store.of(&TenantId::operators()).releases(None).await?);
    let mut items: BTreeMap<String, CardBody> = BTreeMap::new();
    for row in rows {
        if !items.contains_key(&row.plugin) {
            items.insert(row.plugin.clone(), card(&api, row).await?);
        }
    }
    Ok(Json(CatalogueBody { items: items.into_values().collect() }))
}

/// All releases of a plugin of the catalogue.
#[utoipa::path(get, path = "/v1/catalogue/{publisher}/{name}", tag = "plugins",
    params(("publisher" = String, Path, description = "Who answers for it"),
        ("name" = String, Path, description = "Its name among theirs")),
    security(("bearer" = ["ReadConfiguration"])),
    responses((status = 200, body = CatalogueBody), (status = "default", body = ProblemBody)))]
async fn one(
    _caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
    Path((publisher, name)): Path<(String, String)>,
) -> Result<Json<CatalogueBody>, Problem> {
    let plugin = format!("{publisher}/{name}");
    let rows = highest_first(api.store.of(&TenantId::operators()).releases(Some(&plugin)).await?);
    if rows.is_empty() {
        return Err(Problem::not_found(format!("plugin {plugin} in the catalogue")));
    }
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        items.push(card(&api, row).await?);
    }
    Ok(Json(CatalogueBody { items }))
}

/// Puts a release into the catalogue: a bundle, signed by a publisher whom `/v1/catalogue-trust` names.
#[utoipa::path(post, path = "/v1/catalogue", tag = "plugins",
    request_body(content_type = "application/x-tar", description = "As `lanewright plugin bundle` writes it"),
    security(("bearer" = ["Operate"])),
    responses((status = 201, body = ReleaseBody, description = "It is there now"),
        (status = 200, body = ReleaseBody, description = "It was there"),
        (status = "default", body = ProblemBody)))]
async fn publish(
    caller: Caller<Operate>,
    State(api): State<Api>,
    request: Request,
) -> Result<(StatusCode, Json<ReleaseBody>), Problem> {
    let package = packaged(body(request, &()).await?.to_vec())?;
    let plugin = package.manifest.plugin().to_string();
    // What all tenants are offered is signed, whoever brings it.
    let new =
        NewRelease { plugin, content: Content::Package(Box::new(package)), source: ReleaseFrom::Registry };
    published(&api, (caller.tenant(), caller.actor()), new).await
}

/// A release of the catalogue, as it was put there.
pub(super) async fn package(
    api: &Api,
    name: &PluginName,
    version: Option<&Version>,
) -> Result<Package, Problem> {
    let operators = TenantId::operators();
    let store = api.store.of(&operators);
    let rows = highest_first(store.releases(Some(&name.to_string())).await?);
    let row = match version {
        Some(version) => rows.into_iter().find(|row| row.version == version.to_string()),
        None => rows.into_iter().next(),
    };
    let none = || Problem::not_found(format!("such release of {name} in the catalogue"));
    let row = row.ok_or_else(none)?;
    let unreadable = |_| Problem::new(Code::Internal, format!("the release of {name} cannot be read"));
    let component = store.blob(&row.digest).await?.ok_or_else(none)?;
    let report: Report = serde_json::from_str(&row.report).map_err(unreadable)?;
    let cases = match report.cases {
        Some(CasesReport { digest, .. }) => {
            let bytes = store.blob(&digest.to_string()).await?.ok_or_else(none)?;
            let unreadable = |_| Problem::new(Code::Internal, format!("the cases of {name} cannot be read"));
            Some(Cases::read(bytes).map_err(unreadable)?)
        }
        None => None,
    };
    Ok(Package {
        manifest: serde_json::from_str(&row.manifest).map_err(unreadable)?,
        signed: row.signed.as_deref().map(serde_json::from_str).transpose().map_err(unreadable)?,
        component,
        cases,
    })
}
