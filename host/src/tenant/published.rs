//! What is in force of a tenant besides its folder: releases of plugins by name, what was learned, and what is tried.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use lanewright_learning::experiment::Arm;

use super::Tenant;
use crate::config::{Place, Problem, Problems};
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
}

/// What was learned, as it counts for one lead, and what is tried.
#[derive(Debug, Clone)]
pub struct Learned {
    /// The model that counts.
    pub model: Option<Arc<Model>>,
    /// The arm of the lead's account, where an experiment is under way.
    pub arm: Option<ArmTrace>,
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
    /// the one that counted.
    pub fn learned_in(&self, arm: Option<ArmTrace>) -> Learned {
        let tried = self.tried.as_ref().filter(|tried| {
            let treated =
                |arm: &ArmTrace| arm.arm == Arm::Treatment && arm.experiment == tried.trying.experiment;
            tried.trying.treatment.compares_models() && arm.as_ref().is_some_and(treated)
        });
        let model = tried.map_or(&self.model, |tried| &tried.model).clone();
        Learned { model, arm }
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
