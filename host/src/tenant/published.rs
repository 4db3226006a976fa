//! What is in force of a tenant besides its folder: releases of plugins by name, what was learned, and what is tried.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use lanewright_learning::experiment::{Arm, Share};

use super::Tenant;
use crate::config::{Place, Problem, Problems};
use crate::counters::{Apart, InArm};
use crate::decision::ArmTrace;
use crate::experiments::Trying;
use crate::lead::PluginId;
use crate::learning::Model;
use crate::releases::{Stage, Version};

/// What is in force of a tenant besides its folder.
#[derive(Debug, Clone, Default)]
pub struct Published {
    /// Releases that it has published, as far as they answer.
    pub plugins: BTreeMap<PluginId, Running>,
    /// What was learned, where something was.
    pub model: Option<Arc<Model>>,
    /// What some accounts get instead, where an experiment is under way.
    pub tried: Option<Tried>,
}

/// An experiment under way.
#[derive(Debug, Clone)]
pub struct Tried {
    /// What of it decides about leads.
    pub trying: Trying,
    /// The model that is tried; absent where it is none.
    pub model: Option<Arc<Model>>,
    /// The tenant set up by the configuration that is tried, where it is one.
    pub by: Option<Arc<Tenant>>,
}

/// What was learned, as it counts for one lead, and what is tried.
#[derive(Debug, Clone)]
pub struct Learned {
    /// The model that counts.
    pub model: Option<Arc<Model>>,
    /// The arm of the lead's account, where an experiment is under way.
    pub arm: Option<ArmTrace>,
    /// What of the reps' capacity the arm may fill, where that is kept apart.
    pub in_arm: Option<InArm>,
    /// By what the lead is decided, where it is another configuration than the one in force.
    pub by: Option<Arc<Tenant>>,
}

impl Learned {
    /// Whether somebody may be tried who is not known to be best.
    pub fn trials(&self) -> bool {
        self.arm.as_ref().is_none_or(|arm| !arm.without_trials)
    }
}

impl Tenant {
    /// What counts for a lead of this account; a lead without one is its own.
    pub fn learned(&self, account: &str) -> Learned {
        self.learned_in(self.tried.as_ref().map(|tried| tried.trying.arm(account)))
    }

    /// What counts in an arm. Where the experiment is not under way, as when a decision is run again, the model in force is
    /// the one that counted, and so is the configuration.
    pub fn learned_in(&self, arm: Option<ArmTrace>) -> Learned {
        let treated =
            |arm: &ArmTrace, of: &Trying| arm.arm == Arm::Treatment && arm.experiment == of.experiment;
        let tried =
            self.tried.as_ref().filter(|tried| arm.as_ref().is_some_and(|it| treated(it, &tried.trying)));
        let by = tried.and_then(|tried| tried.by.clone());
        let models = tried.filter(|tried| tried.trying.treatment.compares_models());
        let model = models.map_or(&self.model, |tried| &tried.model).clone();
        let in_arm = arm.as_ref().and_then(|arm| by.as_deref().unwrap_or(self).in_arm(arm));
        Learned { model, arm, in_arm, by }
    }

    /// What an arm may fill of the reps' capacity, where the experiment keeps it apart.
    fn in_arm(&self, arm: &ArmTrace) -> Option<InArm> {
        let trace = arm.apart?;
        let known = self.apart.as_ref().zip(self.tried.as_ref());
        let known = known.filter(|(_, Tried { trying, .. })| {
            (&trying.experiment, trying.apart()) == (&arm.experiment, Some(trace))
        });
        let apart = match known {
            Some((apart, _)) => Arc::clone(apart),
            None => Arc::new(Apart::new(&self.config, &arm.experiment, trace)?),
        };
        Some(InArm::new(apart, arm.arm))
    }

    /// The tenant set up by the configuration that this experiment tries, where it tries one.
    pub fn tried_by(&self, experiment: &str) -> Option<&Arc<Tenant>> {
        let tried = self.tried.as_ref().filter(|tried| tried.trying.experiment == experiment);
        tried.and_then(|tried| tried.by.as_ref())
    }

    /// The version of the configuration that everybody has by an experiment that was promoted, until it is in force by itself.
    pub fn promoted(&self) -> Option<i64> {
        let trying = self.tried.as_ref().map(|tried| &tried.trying)?;
        trying.treatment.configuration().filter(|_| trying.share == Share::ALL)
    }

    /// The configuration that is tried, by its number, and the tenant set up by it.
    pub fn tried_version(&self) -> Option<(i64, &Arc<Tenant>)> {
        let tried = self.tried.as_ref()?;
        Some((tried.trying.treatment.configuration()?, tried.by.as_ref()?))
    }
}

/// Which releases of one plugin answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Running {
    /// The one that decides.
    pub active: Option<Component>,
    /// The one on its way.
    pub candidate: Option<(Component, Stage)>,
}

/// A release's component.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// Which release it is.
    pub version: Version,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
}

impl Published {
    /// Without a version of the configuration that is tried: for another version than the one in force, none is.
    #[must_use]
    pub fn without_version(mut self) -> Self {
        self.tried = self.tried.filter(|tried| tried.trying.treatment.configuration().is_none());
        self
    }

    /// Where a folder is used by itself: `published/NAME.wasm` of it stands for the active release, as version 0.0.0, and
    /// [`MODEL`] for what was learned.
    ///
    /// # Errors
    ///
    /// The file of the model cannot be read.
    pub fn beside(folder: &Path) -> Result<Self, Problems> {
        let model = model(&folder.join(MODEL))?;
        let Ok(files) = std::fs::read_dir(folder.join("published")) else {
            return Ok(Self { model, ..Self::default() });
        };
        let running = |path: &Path| {
            let plugin: PluginId = path.file_stem()?.to_str()?.parse().ok()?;
            let bytes =
                std::fs::read(path).ok().filter(|_| path.extension().is_some_and(|it| it == "wasm"))?;
            let version = "0.0.0".parse().ok()?;
            Some((
                plugin,
                Running { active: Some(Component { version, bytes: bytes.into() }), candidate: None },
            ))
        };
        let plugins = files.flatten().filter_map(|file| running(&file.path())).collect();
        Ok(Self { plugins, model, tried: None })
    }
}

/// The file beside a folder's own that holds what `lanewright train` has learned.
pub const MODEL: &str = "win.model";

fn model(path: &Path) -> Result<Option<Arc<Model>>, Problems> {
    let problem = |message: String| {
        let place = Place { file: MODEL.to_owned(), line: 0 };
        Problems(vec![Problem::at(&place, message).hint("train it again: lanewright train FOLDER")])
    };
    match std::fs::read(path) {
        Ok(bytes) => match Model::read(0, &bytes) {
            Ok(model) => Ok(Some(Arc::new(model))),
            Err(error) => Err(problem(error.to_string())),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(problem(format!("it cannot be read: {error}"))),
    }
}
