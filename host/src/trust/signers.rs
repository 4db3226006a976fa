//! Who signs: a key, or an identity that Sigstore vouches for; and what each is trusted with.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::few::few;
use super::identity::{Identity, IdentityError};
use super::keys::{KeyError, PublicKey};
use super::names::{Name, serde_as_text};

/// The most signers of one publisher, and the most plugins that one is limited to.
pub const MAX_SIGNERS: usize = 100;

/// Who signs for a publisher.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Signer {
    /// Whoever has the private half.
    Key(PublicKey),
    /// A person or a workflow.
    Identity(Identity),
}

serde_as_text!(Signer);

/// A text that is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// No key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl FromStr for Signer {
    type Err = SignerError;
    fn from_str(text: &str) -> Result<Self, SignerError> {
        match text.starts_with("sigstore:") {
            true => Ok(Self::Identity(text.parse()?)),
            false => Ok(Self::Key(text.parse()?)),
        }
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::Identity(identity) => identity.fmt(f),
        }
    }
}

impl From<PublicKey> for Signer {
    fn from(key: PublicKey) -> Self {
        Self::Key(key)
    }
}

impl From<Identity> for Signer {
    fn from(identity: Identity) -> Self {
        Self::Identity(identity)
    }
}

impl Signer {
    /// Whether what is said of this one is said of another.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Identity(one), Self::Identity(other)) => one.covers(other),
            _ => self == other,
        }
    }
}

/// Who signs for a publisher, and what each is trusted with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signers(#[serde(deserialize_with = "few::<MAX_SIGNERS, _, _>")] pub BTreeMap<Signer, Scope>);

impl Signers {
    /// Whether somebody is trusted with a plugin.
    pub(super) fn cover(&self, signer: &Signer, name: &Name) -> bool {
        self.0.iter().any(|(trusted, scope)| trusted.covers(signer) && scope.covers(name))
    }

    /// Those whom Sigstore vouches for.
    pub(super) fn identities(&self) -> impl Iterator<Item = &Identity> {
        self.0.keys().filter_map(|signer| match signer {
            Signer::Identity(identity) => Some(identity),
            Signer::Key(_) => None,
        })
    }
}

/// Which plugins of a publisher somebody is trusted with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// All of them.
    All,
    /// These.
    #[serde(deserialize_with = "few::<MAX_SIGNERS, _, _>")]
    Only(BTreeSet<Name>),
}

impl Scope {
    fn covers(&self, name: &Name) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(name),
        }
    }
}
