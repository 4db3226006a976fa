//! What is trusted no longer. A list only grows: there is no way to take something off it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::few::few;
use super::identity::Identity;
use super::keys::PublicKey;
use super::manifest::Manifest;
use super::names::PluginName;
use super::signers::Signer;
use crate::digest::Digest;
use crate::releases::Version;

/// The most entries of one list.
pub const MAX_REVOCATIONS: usize = 10_000;

/// One thing that is trusted no longer, whoever signed it and whenever.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Revocation {
    /// A component.
    Component {
        /// Which.
        digest: Digest,
    },
    /// A key, and with it all that it signed.
    Key {
        /// Which.
        key: PublicKey,
    },
    /// An identity, and with it all that it signed.
    Identity {
        /// Which; where it ends in `*`, all that begin so.
        identity: Identity,
    },
    /// Releases of a plugin, by their order: `1.0.0-rc.1` stands before `1.0.0`.
    Versions {
        /// Of which plugin.
        plugin: PluginName,
        /// This one and later ones; absent: from the first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Version>,
        /// Only earlier ones than this; absent: whatever is still to come as well.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Version>,
    },
}

/// All that is trusted no longer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revocations(#[serde(deserialize_with = "few::<MAX_REVOCATIONS, _, _>")] BTreeSet<Revocation>);

/// A list that has no more room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "there are {MAX_REVOCATIONS} revocations already; revoke a range of versions or a key instead of single releases"
)]
pub struct TooMany;

impl Revocations {
    /// Adds one; whether it was not there yet.
    ///
    /// # Errors
    ///
    /// [`TooMany`].
    pub fn add(&mut self, revocation: Revocation) -> Result<bool, TooMany> {
        if self.0.len() >= MAX_REVOCATIONS && !self.0.contains(&revocation) {
            return Err(TooMany);
        }
        Ok(self.0.insert(revocation))
    }

    /// Adds all of another list.
    ///
    /// # Errors
    ///
    /// [`TooMany`]; what had room was added.
    pub fn merge(&mut self, other: impl IntoIterator<Item = Revocation>) -> Result<(), TooMany> {
        other.into_iter().try_for_each(|revocation| self.add(revocation).map(drop))
    }

    /// In order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Revocation> {
        self.0.iter()
    }

    /// What says that a release is not to be used.
    pub fn of_release(&self, manifest: &Manifest, digest: Digest) -> Option<&Revocation> {
        let plugin = manifest.plugin();
        let hit = |revocation: &&Revocation| match revocation {
            Revocation::Versions { plugin: of, from, before } => {
                *of == plugin
                    && from.as_ref().is_none_or(|from| *from <= manifest.version)
                    && before.as_ref().is_none_or(|before| manifest.version < *before)
            }
            Revocation::Component { .. } | Revocation::Key { .. } | Revocation::Identity { .. } => false,
        };
        self.0.get(&Revocation::Component { digest }).or_else(|| self.0.iter().find(hit))
    }

    /// What says that somebody who signs is not to be believed.
    pub fn of_signer(&self, signer: &Signer) -> Option<&Revocation> {
        match signer {
            Signer::Key(key) => self.0.get(&Revocation::Key { key: *key }),
            Signer::Identity(found) => self.0.iter().find(
                |revocation| matches!(revocation, Revocation::Identity { identity } if identity.covers(found)),
            ),
        }
    }
}
