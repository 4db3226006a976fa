//! Names that publishers give: checked texts, each with one spelling.
//!
//! What they name ends up in paths, tags and URLs of registries, so the letters are those that are the same
//! everywhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// Why a text cannot be what it is given for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A publisher, or a plugin of one.
    #[error("{what} is 1 to {most} lower-case letters, digits and single `-` between them")]
    Word {
        /// Such as `a publisher`.
        what: &'static str,
        /// Bytes at most.
        most: usize,
    },
    /// A plugin's full name.
    #[error("a plugin is named `publisher/name`")]
    Plugin,
    /// A tenant's secret.
    #[error("a secret's name is 1 to {MAX_SECRET} letters, digits, `-`, `_` and `.`")]
    Secret,
    /// Where a plugin asks.
    #[error(
        "an origin is `https://` and the name of a host in lower case, perhaps with a port, and nothing behind it"
    )]
    Origin,
    /// A text for people, or of a tenant.
    #[error("{what} is 1 to {most} bytes on one line, without white space around it")]
    Line {
        /// Such as `a licence`.
        what: &'static str,
        /// Bytes at most.
        most: usize,
    },
}

/// The longest publisher, and the longest name of a plugin, in bytes.
pub const MAX_WORD: usize = 40;
/// The longest name of a secret, in bytes.
const MAX_SECRET: usize = 64;
/// The longest origin, in bytes: a host name has at most 253.
const MAX_ORIGIN: usize = 270;

/// A type of texts that are checked when they come in.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// It as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                let check: fn(&str) -> Result<(), NameError> = $check;
                check(text).map(|()| Self(text.to_owned()))
            }
        }

        serde_as_text!($name);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// What `serde(try_from = "String", into = "String")` asks for, of what reads and shows itself as text.
macro_rules! serde_as_text {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = <$name as std::str::FromStr>::Err;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        }
    };
}
pub(super) use serde_as_text;

text! {
    /// Who answers for plugins: a company, a team, a tenant. Lower case, such as `acme`.
    Publisher, |text| word("a publisher", text)
}
text! {
    /// What a publisher calls a plugin: lower case, such as `deal-scorer`.
    Name, |text| word("a plugin's name", text)
}
text! {
    /// An SPDX expression, such as `Apache-2.0 OR MIT`.
    Licence, |text| line("a licence", 100, text)
}
text! {
    /// What a plugin does, for people.
    Description, |text| line("a description", 500, text)
}
text! {
    /// A field of the tenant's leads.
    Field, |text| line("a field's name", crate::lead::MAX_ID, text)
}
text! {
    /// What a tenant calls a secret, such as `crm-token`.
    SecretName, secret
}
text! {
    /// Scheme, host and port of what a plugin wants to ask, in the spelling of
    /// [`url::Origin::ascii_serialization`]. A name, never an address: names of the inside are refused when asked.
    Origin, origin
}

/// Which plugin: `publisher/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PluginName {
    /// Who answers for it.
    pub publisher: Publisher,
    /// Its own name.
    pub name: Name,
}

serde_as_text!(PluginName);

impl FromStr for PluginName {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let (publisher, name) = text.split_once('/').ok_or(NameError::Plugin)?;
        Ok(Self { publisher: publisher.parse()?, name: name.parse()? })
    }
}

impl fmt::Display for PluginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.publisher, self.name)
    }
}

fn word(what: &'static str, text: &str) -> Result<(), NameError> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let parts = text.split('-').all(|part| !part.is_empty() && part.chars().all(letters));
    match parts && text.len() <= MAX_WORD {
        true => Ok(()),
        false => Err(NameError::Word { what, most: MAX_WORD }),
    }
}

fn line(what: &'static str, most: usize, text: &str) -> Result<(), NameError> {
    let fits = (1..=most).contains(&text.len()) && text.trim() == text;
    match fits && !text.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(NameError::Line { what, most }),
    }
}

fn secret(text: &str) -> Result<(), NameError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match (1..=MAX_SECRET).contains(&text.len()) && text.chars().all(plain) {
        true => Ok(()),
        false => Err(NameError::Secret),
    }
}

fn origin(text: &str) -> Result<(), NameError> {
    let named = |url: &Url| url.scheme() == "https" && matches!(url.host(), Some(Host::Domain(_)));
    let one_spelling = |url: &Url| url.origin().ascii_serialization() == text;
    match Url::parse(text) {
        Ok(url) if text.len() <= MAX_ORIGIN && named(&url) && one_spelling(&url) => Ok(()),
        _ => Err(NameError::Origin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: FromStr<Err = NameError> + ToString>(right: &[&str], wrong: &[&str]) {
        for text in right {
            assert_eq!(text.parse::<T>().map(|value| value.to_string()).as_deref(), Ok(*text));
        }
        for text in wrong {
            assert!(text.parse::<T>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_name_has_one_spelling() {
        check::<Name>(
            &["scorer", "deal-scorer-2", "0"],
            &["", "Scorer", "-a", "a-", "a--b", "a_b", "a/b", "é"],
        );
        check::<Publisher>(&["acme"], &["acme.example", " acme", &"a".repeat(MAX_WORD + 1)]);
        check::<PluginName>(&["acme/scorer"], &["acme", "acme/", "/scorer", "acme/scorer/x", "acme//scorer"]);
        check::<Origin>(
            &["https://api.example.com", "https://api.example.com:8443"],
            &[
                "http://api.example.com",
                "https://api.example.com/",
                "https://API.example.com",
                "https://api.example.com:443",
                "https://ana@api.example.com",
                "https://93.184.216.34",
                "https://[::1]",
                "api.example.com",
            ],
        );
        check::<SecretName>(
            &["crm-token", "CRM_2.key"],
            &["", "crm token", "a}", &"a".repeat(MAX_SECRET + 1)],
        );
        check::<Licence>(&["Apache-2.0 OR MIT"], &["", " MIT", "MIT\n"]);
    }
}
