//! Releases of a plugin: which one decides, which one is on its way, and what may happen to them next.
//!
//! ```text
//! published ─ shadow ─▶ beside the active one ─ canary ─▶ a share of the leads ─ activate ─▶ decides
//!                               └──────── withdraw, roll back ────────┘                └─ roll back ─▶ the one before
//! ```
//!
//! Pure: [`Deployment::step`] goes from what is to what would be, or says why not; [`Budget::broken`] reads what was
//! counted of a release and says whether it goes on. Who asks, and that it is kept, is somebody else's concern.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::lead::PluginId;

mod budget;
mod counts;

pub use budget::{Breach, Budget, BudgetError};
pub use counts::{Counts, Histogram, Measure};

/// A version as Semantic Versioning 2.0.0 has it, such as `1.4.0`. Without build metadata, which has no order, so that
/// of two versions one is later; nor can a registry's tag hold its `+`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(semver::Version);

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a version has three numbers, such as `1.4.0`, and at most {MAX_VERSION} characters: {0}")]
pub struct VersionError(String);

/// The longest version, in bytes.
const MAX_VERSION: usize = 64;

impl FromStr for Version {
    type Err = VersionError;
    fn from_str(text: &str) -> Result<Self, VersionError> {
        if text.len() > MAX_VERSION {
            return Err(VersionError(format!("this one has {}", text.len())));
        }
        match semver::Version::parse(text) {
            Ok(version) if version.build.is_empty() => Ok(Self(version)),
            Ok(version) => Err(VersionError(format!("leave out +{}", version.build))),
            Err(error) => Err(VersionError(error.to_string())),
        }
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;
    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Which release of which plugin.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReleaseName {
    /// The plugin.
    pub plugin: PluginId,
    /// Its release.
    pub version: Version,
}

impl fmt::Display for ReleaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.plugin, self.version)
    }
}

/// Part of a tenant's leads, in hundredths of a percent, 1 to 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(u16);

/// A number that is no share.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a share is more than 0 and at most 100 percent, in steps of 0.01; this is {0}")]
pub struct ShareError(f64);

impl Share {
    /// So many percent: more than 0, at most 100.
    ///
    /// # Errors
    ///
    /// It is not, or it is finer than a hundredth.
    pub fn percent(percent: f64) -> Result<Self, ShareError> {
        let parts = (percent * 100.0).round();
        match (1.0..=10_000.0).contains(&parts) && (parts - percent * 100.0).abs() < 1e-6 {
            true => Ok(Self(parts as u16)),
            false => Err(ShareError(percent)),
        }
    }

    /// Whether an account is part of it. An account that is stays so while the share grows; every plugin draws
    /// accounts of its own.
    pub fn takes(self, plugin: &PluginId, account: &str) -> bool {
        let drawn = Digest::of_parts([b"canary", plugin.as_str().as_bytes(), account.as_bytes()]);
        let [a, b, c, d, ..] = *drawn.bytes();
        u32::from_be_bytes([a, b, c, d]) % 10_000 < u32::from(self.0)
    }
}

impl TryFrom<f64> for Share {
    type Error = ShareError;
    fn try_from(percent: f64) -> Result<Self, ShareError> {
        Self::percent(percent)
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        Self::from(share.0) / 100.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", f64::from(*self))
    }
}

/// What a release that does not decide everything does meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "stage")]
pub enum Stage {
    /// It answers beside the active one, and its answers are only compared.
    Shadow,
    /// It decides for a share of the accounts.
    Canary {
        /// Which, in percent.
        share: Share,
    },
}

impl Stage {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Canary { .. } => "canary",
        }
    }
}

/// A release on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Which.
    pub version: Version,
    /// As what.
    #[serde(flatten)]
    pub stage: Stage,
}

/// Which releases of a plugin a tenant runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// The one that decides; the standard plugin does where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<Version>,
    /// The one that decided before, which is gone back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good: Option<Version>,
    /// The one on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Candidate>,
    /// What a release may use and get wrong before it is taken back.
    #[serde(default)]
    pub budget: Budget,
}

/// Something that is to happen to a plugin's releases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "step")]
pub enum Step {
    /// A release answers beside the active one.
    Shadow {
        /// Which.
        version: Version,
    },
    /// A release decides for a share of the accounts.
    Canary {
        /// Which.
        version: Version,
        /// For how many.
        share: Share,
    },
    /// A release decides, a new one as well as any earlier one.
    Activate {
        /// Which.
        version: Version,
    },
    /// The candidate goes; where there is none, the release before decides again.
    RollBack {
        /// The one that is taken back, for somebody who means no other.
        #[serde(default)]
        version: Option<Version>,
    },
    /// A release answers nowhere any more, and is not gone back to: the one before it decides, else the standard plugin.
    Withdraw {
        /// Which.
        version: Version,
    },
    /// Budgets from now on.
    Budget {
        /// Which.
        budget: Budget,
    },
}

impl Step {
    /// Its word in the past, as the log has it.
    pub fn done(&self) -> &'static str {
        match self {
            Self::Shadow { .. } => "plugin.shadowed",
            Self::Canary { .. } => "plugin.canaried",
            Self::Activate { .. } => "plugin.activated",
            Self::RollBack { .. } => "plugin.rolled-back",
            Self::Withdraw { .. } => "plugin.withdrawn",
            Self::Budget { .. } => "plugin.budgeted",
        }
    }

    /// The release it needs.
    pub fn version(&self) -> Option<&Version> {
        match self {
            Self::Shadow { version } | Self::Canary { version, .. } | Self::Activate { version } => {
                Some(version)
            }
            Self::RollBack { .. } | Self::Withdraw { .. } | Self::Budget { .. } => None,
        }
    }
}

/// Why a step cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unstepped {
    /// That release decides already.
    #[error("release {0} is the active one already")]
    Active(Version),
    /// Another is on its way.
    #[error("release {version} is on its way as {stage}; roll it back first, or activate it")]
    Another {
        /// Which.
        version: Version,
        /// As what.
        stage: &'static str,
    },
    /// It answers nowhere.
    #[error("release {0} is neither active nor on its way")]
    NotRunning(Version),
    /// There is nothing to go back to.
    #[error("no release is on its way, and none was active before")]
    NothingBefore,
}

impl Deployment {
    /// What would be after a step.
    ///
    /// # Errors
    ///
    /// [`Unstepped`] says why it cannot be.
    pub fn step(&self, step: &Step) -> Result<Self, Unstepped> {
        let mut next = self.clone();
        match step {
            Step::Shadow { version } => {
                next.candidate = Some(self.entered(version, Stage::Shadow)?);
            }
            Step::Canary { version, share } => {
                next.candidate = Some(self.entered(version, Stage::Canary { share: *share })?);
            }
            Step::Activate { version } => {
                if self.active.as_ref() == Some(version) {
                    return Err(Unstepped::Active(version.clone()));
                }
                next.good = self.active.clone();
                next.active = Some(version.clone());
                if self.candidate.as_ref().is_some_and(|candidate| candidate.version == *version) {
                    next.candidate = None;
                }
            }
            Step::RollBack { version: Some(version) }
                if !self.running().any(|running| running == version) =>
            {
                return Err(Unstepped::NotRunning(version.clone()));
            }
            Step::RollBack { version }
                if self.candidate.is_some() && (version.is_none() || *version != self.active) =>
            {
                next.candidate = None;
            }
            Step::RollBack { .. } => {
                let good = self.good.clone().ok_or(Unstepped::NothingBefore)?;
                next.active = Some(good);
                // What failed is not what the next roll back returns to.
                next.good = None;
            }
            Step::Withdraw { version } => {
                let is = |release: &Option<Version>| release.as_ref() == Some(version);
                if !self.running().chain(&self.good).any(|release| release == version) {
                    return Err(Unstepped::NotRunning(version.clone()));
                }
                if self.candidate.as_ref().is_some_and(|candidate| candidate.version == *version) {
                    next.candidate = None;
                }
                if is(&next.good) {
                    next.good = None;
                }
                if is(&next.active) {
                    next.active = next.good.take();
                }
            }
            Step::Budget { budget } => next.budget = *budget,
        }
        Ok(next)
    }

    fn entered(&self, version: &Version, stage: Stage) -> Result<Candidate, Unstepped> {
        if self.active.as_ref() == Some(version) {
            return Err(Unstepped::Active(version.clone()));
        }
        match &self.candidate {
            Some(other) if other.version != *version => {
                Err(Unstepped::Another { version: other.version.clone(), stage: other.stage.as_str() })
            }
            _ => Ok(Candidate { version: version.clone(), stage }),
        }
    }

    /// Releases that answer.
    pub fn running(&self) -> impl Iterator<Item = &Version> {
        self.active.iter().chain(self.candidate.as_ref().map(|candidate| &candidate.version))
    }
}

#[cfg(test)]
mod tests;
