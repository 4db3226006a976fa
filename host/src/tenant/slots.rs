//! A folder's places for plugins, filled with releases, and the casts that they make.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cast, Enricher, Role};
use crate::config::{Config, EnricherChoice};
use crate::decision::Versions;
use crate::digest::Digest;
use crate::fetch::Granted;
use crate::lead::PluginId;
use crate::plugin::Release;
use crate::releases::{ReleaseName, Version};
use crate::text::TextModel;

/// What answers in one place of the folder, and what would where a candidate does.
pub(super) struct Slot<T> {
    pub(super) active: T,
    pub(super) named: Option<Named<T>>,
}

/// A published plugin in a slot.
pub(super) struct Named<T> {
    pub(super) plugin: PluginId,
    /// Which of its releases is the active one, where one is.
    pub(super) active: Option<Version>,
    pub(super) candidate: Option<(T, Version)>,
}

impl<T: Clone> Slot<T> {
    fn pick(&self, taken: &BTreeSet<&PluginId>) -> (T, Option<ReleaseName>) {
        let Some(Named { plugin, active, candidate }) = &self.named else {
            return (self.active.clone(), None);
        };
        let name = |version: &Version| ReleaseName { plugin: plugin.clone(), version: version.clone() };
        match candidate {
            Some((candidate, version)) if taken.contains(plugin) => (candidate.clone(), Some(name(version))),
            _ => (self.active.clone(), active.as_ref().map(name)),
        }
    }

    fn candidate(&self) -> Option<&PluginId> {
        self.named.as_ref().filter(|named| named.candidate.is_some()).map(|named| &named.plugin)
    }
}

/// A folder's places for plugins, filled.
pub(super) struct Slots<'a> {
    pub(super) config: &'a Config,
    pub(super) classifier: Slot<Role>,
    pub(super) scorer: Slot<Release>,
    pub(super) fallback: Slot<Role>,
    /// Nothing where no release decides: a published enricher may have none yet.
    pub(super) enrichers: Vec<(&'a EnricherChoice, Slot<Option<Release>>)>,
}

impl Slots<'_> {
    /// Plugins of which a candidate would answer.
    pub(super) fn candidates(&self) -> BTreeSet<&PluginId> {
        let enrichers = self.enrichers.iter().filter_map(|(_, slot)| slot.candidate());
        [self.classifier.candidate(), self.scorer.candidate(), self.fallback.candidate()]
            .into_iter()
            .flatten()
            .chain(enrichers)
            .collect()
    }

    /// Who answers where the candidates of these plugins do.
    pub(super) fn cast(&self, taken: &BTreeSet<&PluginId>) -> Cast {
        let mut digests: BTreeMap<String, Digest> = BTreeMap::new();
        let mut releases: BTreeMap<String, ReleaseName> = BTreeMap::new();
        let mut note = |role: String, release: &Release, name: Option<ReleaseName>| {
            digests.insert(role.clone(), release.digest());
            releases.extend(name.map(|name| (role, name)));
        };
        let (classifier, name) = self.classifier.pick(taken);
        note("classifier".to_owned(), &classifier.chosen, name);
        let (scorer, name) = self.scorer.pick(taken);
        note("scorer".to_owned(), &scorer, name);
        let (fallback, name) = self.fallback.pick(taken);
        note("fallback".to_owned(), &fallback.chosen, name);
        let mut enrichers = Vec::new();
        for (choice, slot) in &self.enrichers {
            let (Some(release), name) = slot.pick(taken) else { continue };
            note(format!("enricher:{}", choice.name), &release, name);
            let granted = Granted {
                tenant: self.config.tenant.clone(),
                hosts: choice.hosts.clone(),
                secrets: choice.secrets.clone(),
            };
            enrichers.push(Enricher { name: choice.name.clone(), release, granted });
        }
        let versions = Versions {
            config: self.config.digest,
            plugins: digests,
            releases,
            // The tenant's, whoever answers; the decision names it.
            model: None,
            text_model: text_model(),
            engine: ENGINE.to_owned(),
        };
        Cast { classifier, scorer, fallback, enrichers, versions }
    }
}

/// This program, and the line of the engine it runs plugins in.
const ENGINE: &str = concat!("lanewright ", env!("CARGO_PKG_VERSION"), ", wasmtime 48");

fn text_model() -> Digest {
    let hex = TextModel::embedded().digest();
    format!("sha256:{hex}").parse().expect("the text model's digest is one")
}
