//! What a publisher says of a plugin: `plugin.toml` beside its sources, JSON wherever it travels.
//!
//! `config::manifest` reads the TOML, where every problem has its line. The JSON is strict: an unknown key, or a
//! text that is not what it should be, is refused.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::few::few;
use super::names::{Description, Field, Licence, Name, Origin, PluginName, Publisher, SecretName};
use crate::releases::Version;

/// The largest `plugin.toml`, in bytes.
pub const MAX_MANIFEST: usize = 64 << 10;
/// The most origins a plugin may ask for.
pub const MAX_ORIGINS: usize = 32;
/// The most secrets a plugin may ask for.
pub const MAX_SECRETS: usize = 16;
/// The most fields a plugin may say that it reads.
pub const MAX_FIELDS: usize = 64;

/// A plugin as its publisher describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Who answers for it.
    pub publisher: Publisher,
    /// Its name among the publisher's.
    pub name: Name,
    /// Which release it is.
    pub version: Version,
    /// What it does.
    pub description: Description,
    /// Under which licence.
    pub licence: Licence,
    /// The version of `lanewright:plugin` that it was built for.
    pub interface: Version,
    /// What it can be chosen as.
    #[serde(deserialize_with = "few::<{ Role::ALL.len() }, _, _>")]
    pub roles: BTreeSet<Role>,
    /// What it asks of whoever runs it.
    pub asks: Asks,
}

impl Manifest {
    /// `publisher/name`.
    pub fn plugin(&self) -> PluginName {
        PluginName { publisher: self.publisher.clone(), name: self.name.clone() }
    }
}

/// What a plugin asks for. It gets what is granted of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asks {
    /// Where an enricher wants to ask.
    #[serde(default, deserialize_with = "few::<MAX_ORIGINS, _, _>")]
    pub origins: BTreeSet<Origin>,
    /// Which custom fields of a lead it reads.
    #[serde(default, deserialize_with = "few::<MAX_FIELDS, _, _>")]
    pub fields: BTreeSet<Field>,
    /// Which of the tenant's secrets an enricher sends to them, as `{{secret:NAME}}` in a header. A manifest without any
    /// is written, and signed, as before there were any.
    #[serde(
        default,
        skip_serializing_if = "BTreeSet::is_empty",
        deserialize_with = "few::<MAX_SECRETS, _, _>"
    )]
    pub secrets: BTreeSet<SecretName>,
}

/// What a plugin can be chosen as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It says in which lane a lead belongs.
    Classifier,
    /// It says which rep fits a lead.
    Scorer,
    /// It says what becomes of leads that nobody can take.
    Fallback,
    /// It adds facts about a lead.
    Enricher,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Classifier, Self::Scorer, Self::Fallback, Self::Enricher];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Classifier => "classifier",
            Self::Scorer => "scorer",
            Self::Fallback => "fallback",
            Self::Enricher => "enricher",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
