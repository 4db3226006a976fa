//! One tenant ready to serve: the checked folder, its plugins set up, its people as plugins see them.
//!
//! A [`Tenant`] is an immutable snapshot, swapped whole when something changes. Whatever a lead could
//! trip over is found here first: plugins that do not compile, do not answer what they are chosen for,
//! or refuse their settings are [`Problem`]s of the folder like any other.
//!
//! Who answers in one decision is a [`Cast`]: a plugin for each role. Most leads have the active one; a lead whose
//! account is part of a canary's share has another, and a shadow is a cast that decides nothing.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::config::{self, Config, Disk, Folder, Place, Problem, Problems};
use crate::counters::Apart;
use crate::decision::Versions;
use crate::digest::Digest;
use crate::fetch::Granted;
use crate::lead::PluginId;
use crate::learning::Model;
use crate::plugin::{Directory, Plugins, Release};
use crate::releases::{ReleaseName, Share, Stage};
use crate::roster::Roster;

mod published;
mod set_up;
mod slots;

pub use published::{Component, Learned, MODEL, Published, Running, Tried};

/// One tenant ready to serve.
pub struct Tenant {
    /// The folder, checked.
    pub config: Config,
    /// Who answers unless a canary does.
    pub active: Arc<Cast>,
    /// Who answers for the accounts of a canary.
    canaries: Canaries,
    /// Who answers beside, and is only compared.
    pub candidates: Vec<Beside>,
    /// Its people by what the route looks them up by.
    pub roster: Roster,
    /// Its people, as plugins see them.
    pub directory: Arc<Directory>,
    /// What was learned of who wins which lead, where something was.
    pub model: Option<Arc<Model>>,
    /// What some accounts get instead.
    tried: Option<Tried>,
    /// Each arm's part of the reps' capacity, where that is kept apart.
    apart: Option<Arc<Apart>>,
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant").field("config", &self.config.digest).finish_non_exhaustive()
    }
}

/// Who answers in one decision.
#[derive(Clone)]
pub struct Cast {
    /// Names the lane.
    pub classifier: Role,
    /// Weighs the candidates.
    pub scorer: Release,
    /// Where leads go that no rep can simply get.
    pub fallback: Role,
    /// Add facts first, in this order.
    pub enrichers: Vec<Enricher>,
    /// What decisions are made by.
    pub versions: Versions,
}

/// A plugin, and the standard one that answers when it fails.
#[derive(Clone)]
pub struct Role {
    /// The tenant's choice.
    pub chosen: Release,
    /// Absent where the choice is the standard one.
    pub standard: Option<Release>,
}

impl Role {
    /// The choice, then the standard one.
    pub fn in_order(&self) -> impl Iterator<Item = &Release> {
        std::iter::once(&self.chosen).chain(&self.standard)
    }
}

/// An enricher and whom it may ask.
#[derive(Clone)]
pub struct Enricher {
    /// Its name in traces.
    pub name: String,
    /// The plugin.
    pub release: Release,
    /// Whom it may ask, and what it may send them.
    pub granted: Granted,
}

/// A release on its way, and who answers where it does.
pub struct Beside {
    /// Which.
    pub release: ReleaseName,
    /// Its component.
    pub digest: Digest,
    /// As what.
    pub stage: Stage,
    /// The active cast with it in its roles.
    pub cast: Arc<Cast>,
}

/// Canaries, and a cast for each way in which they can come together.
struct Canaries {
    shares: Vec<(PluginId, Share)>,
    /// By which of them take the account, a bit each.
    casts: Vec<Arc<Cast>>,
}

/// Canaries of a tenant at once: their casts double with each.
pub const MOST_CANARIES: usize = 3;

impl Tenant {
    /// Reads and checks a folder and sets its plugins up; every problem at once.
    pub fn load(folder: &Path, plugins: &Plugins) -> Result<Self, Problems> {
        Self::new(config::load(folder)?, &Disk(folder), plugins, &Published::beside(folder)?)
    }

    /// Sets up the plugins of a checked folder.
    pub fn new(
        config: Config,
        folder: &dyn Folder,
        plugins: &Plugins,
        published: &Published,
    ) -> Result<Self, Problems> {
        let slots = set_up::slots(&config, folder, plugins, published)?;
        let used = slots.candidates();
        let (mut shares, mut candidates) = (Vec::new(), Vec::new());
        for (plugin, running) in &published.plugins {
            let Some((component, stage)) = &running.candidate else { continue };
            if !used.contains(plugin) {
                continue;
            }
            if let Stage::Canary { share } = stage {
                shares.push((plugin.clone(), *share));
            }
            candidates.push(Beside {
                release: ReleaseName { plugin: plugin.clone(), version: component.version.clone() },
                digest: Digest::of(&component.bytes),
                stage: *stage,
                cast: Arc::new(slots.cast(&BTreeSet::from([plugin]))),
            });
        }
        if shares.len() > MOST_CANARIES {
            let place = Place { file: "tenant.toml".to_owned(), line: 0 };
            let message = format!("{} canaries at once; at most {MOST_CANARIES}", shares.len());
            return Err(Problems(vec![Problem::at(&place, message).hint("activate one, or roll one back")]));
        }
        let casts = (0..1_usize << shares.len())
            .map(|mask| {
                let taken = shares.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1);
                Arc::new(slots.cast(&taken.map(|(_, (plugin, _))| plugin).collect()))
            })
            .collect::<Vec<_>>();
        let (active, canaries) = (Arc::clone(&casts[0]), Canaries { shares, casts });
        let directory = Arc::new(Directory::new(&config));
        let roster = Roster::new(&config);
        let Published { model, tried, .. } = published.clone();
        let apart = tried.as_ref().and_then(|Tried { trying, .. }| {
            Apart::new(&config, &trying.experiment, trying.apart()?).map(Arc::new)
        });
        Ok(Self { config, active, canaries, candidates, roster, directory, model, tried, apart })
    }

    /// Who answers for a lead of this account; a lead without one is its own.
    pub fn cast(&self, account: &str) -> Arc<Cast> {
        let Canaries { shares, casts } = &self.canaries;
        let takes = |(bit, (plugin, share)): (usize, &(PluginId, Share))| {
            usize::from(share.takes(plugin, account)) << bit
        };
        let mask: usize = shares.iter().enumerate().map(takes).sum();
        Arc::clone(casts.get(mask).unwrap_or(&self.active))
    }
}

impl Cast {
    /// Components that answer in it, the standard ones that stand in left out.
    pub fn releases(&self) -> impl Iterator<Item = &Release> {
        [&self.classifier.chosen, &self.scorer, &self.fallback.chosen]
            .into_iter()
            .chain(self.enrichers.iter().map(|enricher| &enricher.release))
    }
}
