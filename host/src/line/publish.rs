//! A release is published: whether it is trusted, the stages of an upload, and then it is kept as it came.
//!
//! ```text
//! trust → size → magic → parse → interface → imports → resources → compile → instantiate → settings → cases ─▶ a row, blobs
//! ```
//!
//! Nothing answers by it yet: that is a step of its own ([`Lines::deploy`]). A version is published once; whoever
//! publishes the same bytes again is told that they are there.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use tokio::task::spawn_blocking;

use super::cases::CasesReport;
use super::{Lines, Refused};
use crate::digest::Digest;
use crate::lead::TenantId;
use crate::oci::Package;
use crate::plugin::{Prototype, Refusal, Stage};
use crate::releases::Version;
use crate::store::{Event, ReleaseRow};
use crate::trust::{Manifest, Role, Signed, Source};
use crate::versions::By;

/// A release that is to be published.
#[derive(Debug, Clone)]
pub struct NewRelease {
    /// Of which plugin: the tenant's own name for it; in the catalogue `publisher/name`.
    pub plugin: String,
    /// What it is.
    pub content: Content,
    /// Where it came from.
    pub source: From,
}

/// What a release is.
#[derive(Debug, Clone)]
pub enum Content {
    /// A component alone, as the tenant itself made it.
    Alone {
        /// As which version.
        version: Version,
        /// Its bytes.
        component: Vec<u8>,
    },
    /// With what its publisher says of it.
    Package(Box<Package>),
}

/// Where a release came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// A request that brought it.
    Upload,
    /// A registry.
    Registry,
    /// The catalogue.
    Catalogue,
}

impl From {
    /// Its word in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Registry => "registry",
            Self::Catalogue => "catalogue",
        }
    }

    fn source(self) -> Source {
        match self {
            Self::Upload => Source::OwnUpload,
            Self::Registry | Self::Catalogue => Source::Elsewhere,
        }
    }
}

/// What was found out of a component when it was published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Interfaces that it exports: what it answers.
    pub exports: Vec<String>,
    /// Interfaces that it imports: what it asks.
    pub imports: Vec<String>,
    /// JSON Schema of its settings.
    pub schema: Json,
    /// What its author's cases came to, where it brought any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cases: Option<CasesReport>,
}

/// Plugins of a tenant, and releases of a plugin, at most.
const MOST_PLUGINS: usize = 100;
const MOST_RELEASES: usize = 1000;

impl Lines {
    /// Publishes a release; whether it is new.
    ///
    /// # Errors
    ///
    /// [`Refused::Plugin`] tells every reason why the component is refused, [`Refused::Distrusted`] why it is not
    /// trusted; [`Refused::Conflict`] where the version is there with other bytes.
    pub async fn publish(
        &self,
        tenant: &TenantId,
        new: NewRelease,
        by: By<'_>,
    ) -> Result<(ReleaseRow, bool), Refused> {
        // A large component takes longer to compile than a request may: who asks again finds it done.
        let (lines, tenant, actor, at) = (self.clone(), tenant.clone(), by.actor.to_owned(), by.at);
        let published =
            tokio::spawn(async move { lines.publish_now(&tenant, new, By { actor: &actor, at }).await });
        published.await.map_err(|_| Refused::Broken)?
    }

    async fn publish_now(
        &self,
        tenant: &TenantId,
        new: NewRelease,
        by: By<'_>,
    ) -> Result<(ReleaseRow, bool), Refused> {
        let NewRelease { plugin, content, source } = new;
        let store = self.parts.store.of(tenant);
        let published = store.releases(Some(&plugin)).await?;
        let publisher = self.trusted(tenant, &content, source.source(), &published).await?;
        let (manifest, signed, version, component, cases) = match content {
            Content::Alone { version, component } => (None, None, version, component, None),
            Content::Package(package) => {
                let Package { manifest, component, cases, signed } = *package;
                let version = manifest.version.clone();
                (Some(manifest), signed, version, component, cases.map(Arc::new))
            }
        };
        let (version, component): (_, Arc<[u8]>) = (version.to_string(), component.into());
        let digest = Digest::of(&component).to_string();
        let known = |rows: Vec<ReleaseRow>| rows.into_iter().find(|row| row.version == version);
        if let Some(known) = known(published.clone()) {
            return same(known, &digest).map(|known| (known, false));
        }
        let plugins = store.plugins().await?;
        let is_new = !plugins.iter().any(|row| row.plugin == plugin);
        if is_new && plugins.len() >= MOST_PLUGINS && !tenant.is_operators() {
            return Err(Refused::Conflict(format!("a tenant has at most {MOST_PLUGINS} plugins")));
        }
        if published.len() >= MOST_RELEASES {
            return Err(Refused::Conflict(format!("a plugin has at most {MOST_RELEASES} releases")));
        }
        let (mut report, prototype) = self.inspected(tenant, Arc::clone(&component)).await?;
        let interface = prototype.interface().to_string();
        if let Some(manifest) = &manifest {
            as_it_says(manifest, &report, &interface)?;
        }
        if let Some(cases) = &cases {
            let played = self.played(tenant, prototype, Arc::clone(&component), Arc::clone(cases));
            report.cases = Some(played.await?);
        }
        let signer = signed.as_ref().map(Signed::signer);
        let row = ReleaseRow {
            plugin: plugin.clone(),
            version: version.clone(),
            digest: digest.clone(),
            bytes: i64::try_from(component.len()).unwrap_or(i64::MAX),
            interface,
            report: json!(report).to_string(),
            manifest: manifest.map_or_else(|| "{}".to_owned(), |manifest| json!(manifest).to_string()),
            publisher,
            signed: signed.map(|signed| json!(signed).to_string()),
            source: source.as_str().to_owned(),
            made_at: by.at,
            made_by: by.actor.to_owned(),
        };
        let mut change = store.begin(by.at).await?;
        if !change.add_release(&row, &component).await? {
            drop(change);
            let again =
                || Refused::Conflict(format!("release {plugin} {version} is being published already"));
            let known = known(store.releases(Some(&plugin)).await?).ok_or_else(again)?;
            return same(known, &digest).map(|known| (known, false));
        }
        if let Some(cases) = &cases {
            change.put_contents(&[(cases.digest().to_string(), cases.bytes())]).await?;
        }
        if is_new && change.plugin(&plugin).await?.is_none() {
            change.put_plugin(&plugin, "{}").await?;
        }
        let body = json!({"plugin": plugin, "version": version, "digest": digest, "source": row.source,
            "publisher": row.publisher, "signer": signer});
        let event = Event { kind: "plugin.published", actor: by.actor.to_owned(), lead: None, body };
        change.commit(&[event]).await?;
        Ok((row, true))
    }

    /// The stages of an upload; what was found out, and the plugin.
    async fn inspected(
        &self,
        tenant: &TenantId,
        component: Arc<[u8]>,
    ) -> Result<(Report, Prototype), Refused> {
        let one = self.publications.acquire().await.map_err(|_| Refused::Closing)?;
        let (parts, bytes) = (Arc::clone(&self.parts), Arc::clone(&component));
        // The compiler is another process: it is waited for where waiting is no harm.
        let loaded = spawn_blocking(move || parts.plugins.admit(&bytes));
        let (surface, prototype) = loaded.await.map_err(|_| Refused::Broken)?.map_err(Refused::Plugin)?;
        drop(one);
        let asked = prototype.clone();
        let schema = self.parts.threads.run(tenant, move || asked.schema());
        let schema = schema.await.ok_or(Refused::Broken)?;
        let refuse = |message: String| Refused::Plugin(vec![Refusal::new(Stage::Settings, message)]);
        let schema = schema.map_err(|failure| refuse(format!("the schema cannot be told: {failure}")))?;
        let schema = serde_json::from_str(&schema)
            .map_err(|error| refuse(format!("the schema is not JSON: {error}")))?;
        let (exports, imports) =
            (surface.exports.into_iter().collect(), surface.imports.into_iter().collect());
        Ok((Report { exports, imports, schema, cases: None }, prototype))
    }
}

/// Whether a manifest says what the component is.
fn as_it_says(manifest: &Manifest, report: &Report, interface: &str) -> Result<(), Refused> {
    let refuse = |message: String, hint: &str| {
        let refusal = Refusal::new(Stage::Interface, message);
        Err(Refused::Plugin(vec![Refusal { hint: Some(hint.to_owned()), ..refusal }]))
    };
    let said = manifest.interface.to_string();
    if !said.starts_with(&format!("{interface}.")) {
        let message =
            format!("the manifest says interface {said}, and the component is written against {interface}");
        return refuse(message, "mend `interface` in plugin.toml, and sign again");
    }
    if !manifest.asks.origins.is_empty() && !manifest.roles.contains(&Role::Enricher) {
        let message = "the manifest asks hosts, and only an enricher can be granted any".to_owned();
        return refuse(
            message,
            "leave `origins` out of plugin.toml, or add \"enricher\" to `roles`, and sign again",
        );
    }
    match manifest.roles.iter().find(|role| !report.exports.iter().any(|export| export == role.as_str())) {
        Some(role) => {
            let message = format!("the manifest says that it is a {role}, and the component exports none");
            refuse(message, "mend `roles` in plugin.toml, or register the role")
        }
        None => Ok(()),
    }
}

/// A version is what it was when it was first published.
fn same(known: ReleaseRow, digest: &str) -> Result<ReleaseRow, Refused> {
    match known.digest == digest {
        true => Ok(known),
        false => Err(Refused::Conflict(format!(
            "release {} {} is published already, as {}; publish another version",
            known.plugin, known.version, known.digest
        ))),
    }
}
