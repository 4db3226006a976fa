//! A release is published: it goes through the stages of an upload, and is kept as it came.
//!
//! ```text
//! size → magic → parse → interface → imports → resources → compile → instantiate → settings ─▶ a row, a blob, a report
//! ```
//!
//! Nothing answers by it yet: that is a step of its own ([`Lines::deploy`]). A version is published once; whoever
//! publishes the same bytes again is told that they are there.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::{Lines, Refused};
use crate::digest::Digest;
use crate::lead::{PluginId, TenantId};
use crate::plugin::{Refusal, Stage};
use crate::releases::{ReleaseName, Version};
use crate::store::{Event, ReleaseRow};
use crate::versions::By;

/// A release that is to be published.
#[derive(Debug, Clone)]
pub struct NewRelease {
    /// Of which plugin.
    pub plugin: PluginId,
    /// As which version.
    pub version: Version,
    /// Its component.
    pub component: Vec<u8>,
    /// What its author says of it.
    pub manifest: Json,
    /// Who signed it, and the statement with its signature.
    pub signed: Option<(String, Json)>,
    /// Where it came from: `upload`, `bundle`, `registry` or `catalogue`.
    pub source: &'static str,
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
}

/// Plugins of a tenant, and releases of a plugin, at most.
const MOST_PLUGINS: usize = 100;
const MOST_RELEASES: usize = 1000;

impl Lines {
    /// Publishes a release; whether it is new.
    ///
    /// # Errors
    ///
    /// [`Refused::Plugin`] tells every reason why the component is refused; [`Refused::Conflict`] where the version is
    /// there with other bytes.
    pub async fn publish(
        &self,
        tenant: &TenantId,
        new: NewRelease,
        by: By<'_>,
    ) -> Result<(ReleaseRow, bool), Refused> {
        let NewRelease { plugin, version, component, manifest, signed, source } = new;
        let component: Arc<[u8]> = component.into();
        let digest = Digest::of(&component).to_string();
        let store = self.parts.store.of(tenant);
        if let Some(known) = store.release(plugin.as_str(), &version.to_string()).await? {
            return same(known, &digest).map(|known| (known, false));
        }
        let plugins = store.plugins().await?;
        let is_new = !plugins.iter().any(|row| row.plugin == plugin.as_str());
        if is_new && plugins.len() >= MOST_PLUGINS {
            return Err(Refused::Conflict(format!("a tenant has at most {MOST_PLUGINS} plugins")));
        }
        if store.releases(Some(plugin.as_str())).await?.len() >= MOST_RELEASES {
            return Err(Refused::Conflict(format!("a plugin has at most {MOST_RELEASES} releases")));
        }
        let (report, interface) = self.inspected(Arc::clone(&component)).await?;
        let (publisher, signed) = signed.unzip();
        let row = ReleaseRow {
            plugin: plugin.to_string(),
            version: version.to_string(),
            digest: digest.clone(),
            bytes: i64::try_from(component.len()).unwrap_or(i64::MAX),
            interface,
            report: json!(report).to_string(),
            manifest: manifest.to_string(),
            publisher,
            signed: signed.map(|signed| signed.to_string()),
            source: source.to_owned(),
            made_at: by.at,
            made_by: by.actor.to_owned(),
        };
        let mut change = store.begin(by.at).await?;
        if !change.add_release(&row, &component).await? {
            drop(change);
            let known = store.release(plugin.as_str(), &version.to_string()).await?;
            let gone = || Refused::UnknownRelease(ReleaseName { plugin: plugin.clone(), version });
            return same(known.ok_or_else(gone)?, &digest).map(|known| (known, false));
        }
        if is_new && change.plugin(plugin.as_str()).await?.is_none() {
            change.put_plugin(plugin.as_str(), "{}").await?;
        }
        let body = json!({"plugin": plugin, "version": row.version, "digest": digest, "source": source,
            "publisher": row.publisher});
        let event = Event { kind: "plugin.published", actor: by.actor.to_owned(), lead: None, body };
        change.commit(&[event]).await?;
        Ok((row, true))
    }

    /// The stages of an upload; what was found out, and the interface's version.
    async fn inspected(&self, component: Arc<[u8]>) -> Result<(Report, String), Refused> {
        let one = self.publications.acquire().await.map_err(|_| Refused::Closing)?;
        let (parts, bytes) = (Arc::clone(&self.parts), Arc::clone(&component));
        // The compiler is another process: it is waited for where waiting is no harm.
        let loaded = spawn_blocking(move || {
            let surface = parts.plugins.inspect(&bytes)?;
            Ok((surface, parts.plugins.load(&bytes)?))
        });
        let (surface, prototype) = loaded.await.map_err(|_| Refused::Broken)?.map_err(Refused::Plugin)?;
        drop(one);
        let (answer, answered) = oneshot::channel();
        self.parts.threads.spawn(move || drop(answer.send(prototype.schema())));
        let schema = answered.await.map_err(|_| Refused::Broken)?;
        let refuse = |message: String| Refused::Plugin(vec![Refusal::new(Stage::Settings, message)]);
        let schema = schema.map_err(|failure| refuse(format!("the schema cannot be told: {failure}")))?;
        let schema =
            serde_json::from_str(&schema).map_err(|error| refuse(format!("the schema is not JSON: {error}")))?;
        let (exports, imports) = (surface.exports.into_iter().collect(), surface.imports.into_iter().collect());
        Ok((Report { exports, imports, schema }, "0.1".to_owned()))
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
