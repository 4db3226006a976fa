//! Releases of a tenant as its line sets them up, with the model in force and what is tried, and how releases change.
//!
//! ```text
//! plugins, releases, blobs ─▶ Published ─▶ Tenant
//! step ─▶ what would be ─ set up beside the one in force ─▶ a commit around the line ─▶ every host sets up anew
//! ```
//!
//! A step is kept only where the tenant was set up with it under the configuration in force, and neither has changed
//! since; so no release comes into force that its settings do not fit, nor one that was revoked meanwhile. Calls that are under way end on the release that
//! they began with.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::load::{self, NotReady};
use super::trusted::{manifest, revoked_until};
use super::{Lines, Parts, Refused};
use crate::config::{Problems, in_vain};
use crate::decision::Decision;
use crate::experiments::{Treatment, Trying};
use crate::lead::{PluginId, TenantId};
use crate::learning::Model;
use crate::releases::{Deployment, ReleaseName, Step, Version};
use crate::store::{Event, PluginRow, TenantRow};
use crate::tenant::{Component, Published, Running, Tried};
use crate::trust::Distrust;
use crate::versions::By;

/// Which releases of every plugin answer.
pub(super) type Deployments = BTreeMap<PluginId, Deployment>;

/// As the rows have it.
pub(super) fn deployments(rows: &[PluginRow]) -> Result<Deployments, Refused> {
    let deployment = |row: &PluginRow| {
        let unreadable = || load::unreadable(&format!("the plugin {:?}", row.plugin));
        let plugin = row.plugin.parse().map_err(|_| unreadable())?;
        Ok((plugin, serde_json::from_str(&row.deployment).map_err(|_| unreadable())?))
    };
    rows.iter().map(deployment).collect()
}

/// The components of releases that answer.
pub(super) async fn published(
    parts: &Parts,
    tenant: &TenantId,
    deployments: &Deployments,
    learned: &Learned,
) -> Result<Published, Refused> {
    let mut published = learned.read(parts, tenant).await?;
    for (plugin, Deployment { active, candidate, .. }) in deployments {
        let mut running = Running::default();
        if let Some(version) = active {
            running.active = Some(component(parts, tenant, plugin, version).await?);
        }
        if let Some(candidate) = candidate {
            let component = component(parts, tenant, plugin, &candidate.version).await?;
            running.candidate = Some((component, candidate.stage));
        }
        published.plugins.insert(plugin.clone(), running);
    }
    Ok(published)
}

/// What decided then, whatever does now.
pub(super) async fn recorded(
    parts: &Parts,
    tenant: &TenantId,
    decision: &Decision,
) -> Result<Published, Refused> {
    let model = decision.trace.versions.model.as_ref().map(|model| model.version);
    let mut published = Published { model: self::model(parts, tenant, model).await?, ..Published::default() };
    // A plugin whose release did not answer then was not in force: the standard one was.
    for row in parts.store.of(tenant).plugins().await? {
        if let Ok(plugin) = row.plugin.parse() {
            published.plugins.insert(plugin, Running::default());
        }
    }
    for ReleaseName { plugin, version } in decision.trace.versions.releases.values() {
        let active = Some(component(parts, tenant, plugin, version).await?);
        published.plugins.insert(plugin.clone(), Running { active, candidate: None });
    }
    Ok(published)
}

/// What of a tenant was learned and is tried, as its row has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Learned {
    /// The model in force.
    model: Option<i64>,
    /// What of an experiment decides about leads.
    tried: Option<String>,
}

impl Learned {
    pub(super) fn of(row: &TenantRow) -> Self {
        Self { model: row.model, tried: row.experiment.clone() }
    }

    /// The experiment whose treatment is a version of the configuration, and which version.
    pub(super) fn tries_version(&self) -> Option<(String, i64)> {
        let trying: Trying = serde_json::from_str(self.tried.as_ref()?).ok()?;
        let version = trying.treatment.configuration()?;
        Some((trying.experiment, version))
    }

    /// No release yet, and what counts of what was learned.
    async fn read(&self, parts: &Parts, tenant: &TenantId) -> Result<Published, Refused> {
        let mut published =
            Published { model: model(parts, tenant, self.model).await?, ..Published::default() };
        if let Some(tried) = &self.tried {
            let unreadable = |error| load::unreadable(&format!("what is tried ({error})"));
            let trying: Trying = serde_json::from_str(tried).map_err(unreadable)?;
            let model = match trying.treatment {
                Treatment::Model { version } => model(parts, tenant, Some(version)).await?,
                Treatment::NoModel | Treatment::NoTrials | Treatment::Configuration { .. } => None,
            };
            published.tried = Some(Tried { trying, model, by: None });
        }
        Ok(published)
    }
}

/// What was learned, as it was written.
async fn model(
    parts: &Parts,
    tenant: &TenantId,
    version: Option<i64>,
) -> Result<Option<Arc<Model>>, Refused> {
    let Some(version) = version else { return Ok(None) };
    let body = parts.store.of(tenant).model(version).await?.ok_or(Refused::UnknownModel(version))?;
    let model = Model::read(version, &body).map_err(|error| load::unreadable(&error.to_string()))?;
    Ok(Some(Arc::new(model)))
}

async fn component(
    parts: &Parts,
    tenant: &TenantId,
    plugin: &PluginId,
    version: &Version,
) -> Result<Component, Refused> {
    let gone = || Refused::UnknownRelease(ReleaseName { plugin: plugin.clone(), version: version.clone() });
    let bytes = parts.store.of(tenant).component(plugin.as_str(), &version.to_string()).await?;
    let bytes = bytes.ok_or_else(gone)?;
    Ok(Component { version: version.clone(), bytes: bytes.into() })
}

/// Tries of a step where somebody else changes the same.
const TRIES: usize = 5;

impl Lines {
    /// Takes a step with a plugin's releases; what is then, and the commit that made it so. `seen` is the commit that
    /// changed the plugin last, for somebody who minds if there was another since.
    ///
    /// # Errors
    ///
    /// [`Refused`] says why not.
    pub async fn deploy(
        &self,
        tenant: &TenantId,
        plugin: &PluginId,
        step: &Step,
        by: By<'_>,
        (seen, why): (Option<i64>, Option<String>),
    ) -> Result<(Deployment, i64), Refused> {
        let parts = &self.parts;
        let store = parts.store.of(tenant);
        for _ in 0..TRIES {
            let row = store.row().await?;
            let (in_force, learned) = (row.version, Learned::of(&row));
            let rows = store.plugins().await?;
            let row = rows.iter().find(|row| row.plugin == plugin.as_str());
            let row = row.ok_or_else(|| Refused::UnknownPlugin(plugin.clone()))?.clone();
            if seen.is_some_and(|seen| seen != row.head) {
                return Err(Refused::Changed);
            }
            let mut next = deployments(&rows)?;
            let before = next.get(plugin).cloned().unwrap_or_default();
            let after = before.step(step).map_err(|why| Refused::Conflict(why.to_string()))?;
            next.insert(plugin.clone(), after.clone());
            // Whatever else a step puts in force was so before, or is what is gone back to: who revokes finds it.
            let coming = match step.version() {
                Some(version) => store.release(plugin.as_str(), &version.to_string()).await?,
                None => None,
            };
            let published = published(parts, tenant, &next, &learned).await?;
            if let Some(version) = in_force
                && after.running().ne(before.running())
            {
                let set_up = load::tenant(parts, tenant, version, Arc::new(published)).await;
                let set_up = set_up.map_err(|refused| in_the_way(refused, plugin))?;
                let manifest = coming.as_ref().and_then(manifest);
                let problems =
                    manifest.map(|it| in_vain(&it, plugin, &set_up.config.plugins)).unwrap_or_default();
                if !problems.is_empty() {
                    let why = NotReady::Problems { version, problems: Problems(problems) };
                    return Err(Refused::DoesNotFit(plugin.clone(), Arc::new(why)));
                }
            }
            // A canary whose share changes stays what it is.
            let entered = after.candidate.as_ref().filter(|now| {
                let was = before.candidate.as_ref();
                was.is_none_or(|was| (&was.version, was.stage.as_str()) != (&now.version, now.stage.as_str()))
            });
            let mut change = match &coming {
                Some(_) => store.begin_unrevoked(by.at).await?,
                None => store.begin(by.at).await?,
            };
            let unchanged = change.plugin(plugin.as_str()).await?.as_ref() == Some(&row)
                && change.in_force().await? == in_force;
            if !unchanged {
                continue;
            }
            // Asked here, where nobody revokes anything before this is made: who does so after it finds it in force.
            if let Some(coming) = &coming
                && let Some(by) = revoked_until(&mut change, coming).await?
            {
                return Err(Refused::Distrusted(Distrust::Revoked { by: Box::new(by) }));
            }
            change.put_plugin(plugin.as_str(), &json!(after).to_string()).await?;
            if let (Some(entered), Some(coming)) = (entered, &coming) {
                change.forget_counts(plugin.as_str(), &coming.digest, entered.stage.as_str()).await?;
            }
            let mut body = json!({"plugin": plugin, "before": before, "after": after});
            if let Some(why) = why {
                body["why"] = why.into();
            }
            let head = change.head();
            let event = Event { kind: step.done(), actor: by.actor.to_owned(), lead: None, body };
            change.commit(&[event]).await?;
            self.reload(tenant).await?;
            return Ok((after, head));
        }
        Err(Refused::Busy)
    }
}

/// Problems of the folder with a release that was to be in force.
fn in_the_way(refused: Refused, plugin: &PluginId) -> Refused {
    match refused {
        Refused::NotReady(why) if matches!(*why, NotReady::Problems { .. }) => {
            Refused::DoesNotFit(plugin.clone(), why)
        }
        other => other,
    }
}
