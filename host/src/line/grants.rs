//! What a release asks, beside what the tenant's configuration in force grants it.

use super::trusted::manifest;
use super::{Lines, Refused};
use crate::config::{Grants, choices, compare};
use crate::lead::{PluginId, TenantId};
use crate::store::ReleaseRow;

impl Lines {
    /// Place by place; nothing where nobody says what it asks, as of a component alone, or of the catalogue.
    ///
    /// # Errors
    ///
    /// [`Refused::Unavailable`].
    pub async fn grants(&self, tenant: &TenantId, row: &ReleaseRow) -> Result<Vec<Grants>, Refused> {
        let (Some(manifest), Ok(plugin)) = (manifest(row), row.plugin.parse::<PluginId>()) else {
            return Ok(Vec::new());
        };
        let store = self.parts.store.of(tenant);
        let text = match store.row().await?.version {
            Some(version) => store.version_file(version, "tenant.toml").await?,
            None => None,
        };
        let plugins = text.and_then(|bytes| choices(std::str::from_utf8(&bytes).ok()?));
        Ok(compare(&manifest, &plugin, plugins.as_ref()))
    }
}
