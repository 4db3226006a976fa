//! What an operator gave: a file, variables, flags, each value with where it stands.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::form::Value;
use crate::config::read::{File, Findings, Source, read};
use crate::config::toml_table::parse;
use crate::config::{Disk, Place, Problem};

/// Where the settings come from besides their defaults.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The file, as it was named; absent: there is none.
    pub file: Option<String>,
    /// The environment. Only variables of ours and those that say where state is kept are looked at.
    pub variables: BTreeMap<OsString, OsString>,
    /// Keys and their values, as flags gave them.
    pub flags: Vec<(&'static str, String)>,
}

/// One value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Raw {
    pub(super) by: By,
    pub(super) value: Value,
    pub(super) place: Place,
}

/// How a value was given, weakest first.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum By {
    /// Under this key of the file.
    File(String),
    /// As this variable.
    Variable(String),
    /// As the flag of this key.
    Flag(&'static str),
}

/// What our variables begin with.
const PREFIX: &str = "LANEWRIGHT_";

/// Variables of ours that are no settings of the service.
pub(super) const OTHERS: [&str; 2] = ["LANEWRIGHT_CONFIG", "LANEWRIGHT_CACHE"];

impl Given {
    /// A file and flags over the environment of this process.
    pub fn here(file: Option<String>, flags: Vec<(&'static str, String)>) -> Self {
        Self { file, variables: std::env::vars_os().collect(), flags }
    }

    /// Where state is kept where nobody says: systemd's folder, the user's, or one beside where we are.
    pub(super) fn state(&self) -> PathBuf {
        let folder = |name: &str| {
            let value = self.variables.get(OsStr::new(name)).filter(|value| !value.is_empty())?;
            // systemd gives several, with colons between.
            std::env::split_paths(value).next().filter(|path| path.is_absolute())
        };
        folder("STATE_DIRECTORY")
            .or_else(|| Some(folder("XDG_STATE_HOME")?.join("lanewright")))
            .or_else(|| Some(folder("HOME")?.join(".local/state/lanewright")))
            .unwrap_or_else(|| PathBuf::from("lanewright-data"))
    }

    /// Every value, weakest first.
    pub(super) fn raws(&self, findings: &Findings) -> Vec<Raw> {
        let mut raws = self.file.as_deref().map(|file| of_file(file, findings)).unwrap_or_default();
        raws.extend(self.variables.iter().filter_map(|(name, value)| of_variable(name, value, findings)));
        raws.extend(self.flags.iter().map(|(key, value)| Raw {
            by: By::Flag(key),
            value: Value::Word(value.clone()),
            place: Place { file: flag(key), line: 0 },
        }));
        raws
    }
}

impl Raw {
    /// Whether it was given for this key.
    pub(super) fn is_for(&self, key: &str) -> bool {
        match &self.by {
            By::File(name) => name == key,
            By::Variable(name) => *name == variable(key),
            By::Flag(name) => *name == key,
        }
    }

    /// How strong it is.
    pub(super) fn strength(&self) -> u8 {
        match self.by {
            By::File(_) => 0,
            By::Variable(_) => 1,
            By::Flag(_) => 2,
        }
    }
}

/// The variable of a key: `LANEWRIGHT_LIMITS_BURST`.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "_").to_uppercase())
}

/// The flag of a key: `--limits-burst`.
pub(super) fn flag(key: &str) -> String {
    format!("--{}", key.replace(['.', '_'], "-"))
}

fn of_file(file: &str, findings: &Findings) -> Vec<Raw> {
    let text = match read(&Disk(Path::new("")), file, findings) {
        File::Text(text) => text,
        File::Unreadable => return Vec::new(),
        File::Absent => {
            let place = Place { file: file.to_owned(), line: 0 };
            let problem = Problem::at(&place, "the file is not there");
            findings.add(problem.hint("name another with --config or LANEWRIGHT_CONFIG, or none"));
            return Vec::new();
        }
    };
    let source = Source::new(file, &text, findings);
    let mut raws = Vec::new();
    if let Some(table) = parse(&source) {
        flatten(&source, "", &table, &mut raws);
    }
    raws
}

/// The values of a table and of those in it, under the whole of their keys.
fn flatten(source: &Source<'_>, before: &str, table: &DeTable<'_>, raws: &mut Vec<Raw>) {
    for (key, value) in table {
        let place = source.place(&key.span());
        let name = format!("{before}{}", key.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) if !inner.is_empty() => {
                flatten(source, &format!("{name}."), inner, raws);
            }
            found => raws.push(Raw { by: By::File(name), value: of_toml(found), place }),
        }
    }
}

fn of_toml(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(integer) => {
            let digits = integer.as_str();
            let decimal = i64::from_str_radix(digits, integer.radix()).map(|number| number.to_string());
            Value::Bare(decimal.unwrap_or_else(|_| digits.to_owned()))
        }
        DeValue::Float(float) => Value::Bare(float.as_str().to_owned()),
        DeValue::Boolean(flag) => Value::Bare(flag.to_string()),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(items) => {
            let texts: Option<Vec<String>> =
                items.iter().map(Spanned::get_ref).map(|item| item.as_str().map(str::to_owned)).collect();
            texts.map_or(Value::Other("a list of something else than texts"), Value::List)
        }
        DeValue::Table(_) => Value::Other("a table"),
    }
}

fn of_variable(name: &OsStr, value: &OsStr, findings: &Findings) -> Option<Raw> {
    let name = name.to_str().filter(|name| name.starts_with(PREFIX))?;
    if OTHERS.contains(&name) || is_service_link(name) {
        return None;
    }
    let place = Place { file: name.to_owned(), line: 0 };
    let Some(value) = value.to_str() else {
        findings.add(Problem::at(&place, "is not UTF-8").hint("give it as UTF-8"));
        return None;
    };
    Some(Raw { by: By::Variable(name.to_owned()), value: Value::Word(value.to_owned()), place })
}

/// Whether Kubernetes sets this variable by itself, for a service that is called like us.
fn is_service_link(name: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name.contains("_PORT_")
}
