//! The versions of the interface that this host speaks at once.
//!
//! The newest one is the host's own: every other is turned into it at the edge (`v0_1.rs`). A component
//! imports and exports under names that carry their version, such as `lanewright:plugin/text@0.1.0`, and
//! uses exactly one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A version of the interface. Within one, things are only added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum InterfaceVersion {
    /// The first.
    #[serde(rename = "0.1")]
    V0_1,
    /// Deals, complexity, segments.
    #[serde(rename = "0.2")]
    V0_2,
}

/// The package every plugin speaks.
pub(super) const PACKAGE: &str = "lanewright:plugin";

impl InterfaceVersion {
    /// All of them, oldest first.
    pub const ALL: [Self; 2] = [Self::V0_1, Self::V0_2];
    /// The host's own.
    pub const NEWEST: Self = Self::V0_2;

    /// Its text.
    pub fn wit(self) -> &'static str {
        match self {
            Self::V0_1 => include_str!("../../../wit/0.1/plugin.wit"),
            Self::V0_2 => include_str!("../../../wit/0.2/plugin.wit"),
        }
    }

    /// Its number.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V0_1 => "0.1",
            Self::V0_2 => "0.2",
        }
    }

    /// The full name of one of its interfaces, as components import and export it.
    pub(super) fn name(self, interface: &str) -> String {
        format!("{PACKAGE}/{interface}@{self}.0")
    }

    /// The one that a full version, such as `0.1.3`, is of.
    pub(super) fn of(full: &str) -> Option<Self> {
        let is =
            |version: &Self| full.strip_prefix(version.as_str()).is_some_and(|rest| rest.starts_with('.'));
        Self::ALL.into_iter().find(is)
    }

    /// The one that a full version which is not spoken is best compared with: the newest before it, or else
    /// the oldest.
    pub(super) fn nearest(full: &str) -> Self {
        let number = |text: &str| -> Vec<u64> { text.split('.').map_while(|n| n.parse().ok()).collect() };
        let wanted = number(full);
        let before = |version: &Self| number(version.as_str()) <= wanted;
        Self::ALL.into_iter().rfind(before).unwrap_or(Self::ALL[0])
    }

    /// All of them for a person: `0.1 and 0.2`.
    pub(super) fn list() -> String {
        Self::ALL.map(Self::as_str).join(" and ")
    }
}

impl fmt::Display for InterfaceVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for InterfaceVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|version| version.as_str() == text);
        found.ok_or_else(|| format!("this host speaks {}", Self::list()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_versions_are_of_one_or_near_one() {
        use InterfaceVersion::{V0_1, V0_2};
        let check = |full: &str, of: Option<InterfaceVersion>, nearest: InterfaceVersion| {
            assert_eq!(
                (InterfaceVersion::of(full), InterfaceVersion::nearest(full)),
                (of, nearest),
                "{full}"
            );
        };
        check("0.1.0", Some(V0_1), V0_1);
        check("0.1.7", Some(V0_1), V0_1);
        check("0.2.0", Some(V0_2), V0_2);
        check("0.10.0", None, V0_2);
        check("0.3.0", None, V0_2);
        check("1.0.0", None, V0_2);
        check("0.0.9", None, V0_1);
        check("", None, V0_1);
    }

    #[test]
    fn each_is_told_as_it_is_read() {
        for version in InterfaceVersion::ALL {
            assert_eq!(version.to_string().parse(), Ok(version));
            assert_eq!(serde_json::to_value(version).ok(), Some(version.as_str().into()));
            assert!(version.wit().contains(&format!("package {PACKAGE}@{version}.0;")), "{version}");
        }
        assert_eq!("0.3".parse::<InterfaceVersion>(), Err("this host speaks 0.1 and 0.2".to_owned()));
    }
}
