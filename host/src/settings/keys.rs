//! Keys, asked for one by one.
//!
//! Asking for a key checks every value that was given for it, takes the strongest, and notes down a row
//! of the operators' table. What was given and never asked for is unknown.

use std::cell::Cell;
use std::fmt::Display;
use std::fs;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::form::{Form, SWITCH, Value, whole};
use super::given::{By, Given, Raw, flag, variable};
use crate::config::read::Findings;
use crate::config::{Place, Problem};
use crate::nearest::nearest;

/// One key, for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Such as `limits.burst`.
    pub key: &'static str,
    /// The variable that gives it.
    pub variable: String,
    /// The flag that gives it, without its dashes; absent for secrets, which every process of the
    /// machine could read there.
    pub flag: Option<String>,
    /// Whether the flag alone means true.
    pub switch: bool,
    /// What it may be.
    pub form: String,
    /// What holds without it.
    pub default: String,
    /// What it is for.
    pub meaning: &'static str,
}

/// What was given, and what has been asked of it so far.
pub(super) struct Keys {
    file: Option<String>,
    findings: Findings,
    /// Weakest first, each with whether it was asked for.
    raws: Vec<(Raw, Cell<bool>)>,
    rows: Vec<Row>,
}

/// Whether a flag may give a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flag {
    Yes,
    No,
}

impl Keys {
    pub(super) fn of(given: &Given) -> Self {
        let findings = Findings::default();
        let raws = given.raws(&findings).into_iter().map(|raw| (raw, Cell::new(false))).collect();
        Self { file: given.file.clone(), findings, raws, rows: Vec::new() }
    }

    /// A key with a default.
    pub(super) fn or<T: Display + 'static>(
        &mut self,
        key: &'static str,
        form: Form<T>,
        default: T,
        meaning: &'static str,
    ) -> T {
        let written = format!("`{default}`");
        self.ask(key, &form, &written, meaning, Flag::Yes).unwrap_or(default)
    }

    /// A key whose default depends on the machine; `written` says how.
    pub(super) fn or_else<T: 'static>(
        &mut self,
        key: &'static str,
        form: Form<T>,
        written: &str,
        default: impl FnOnce() -> T,
        meaning: &'static str,
    ) -> T {
        self.ask(key, &form, written, meaning, Flag::Yes).unwrap_or_else(default)
    }

    /// A key that may be absent; `written` says what holds then.
    pub(super) fn maybe<T: 'static>(
        &mut self,
        key: &'static str,
        form: Form<T>,
        written: &str,
        meaning: &'static str,
    ) -> Option<T> {
        self.ask(key, &form, written, meaning, Flag::Yes)
    }

    /// A key of seconds.
    pub(super) fn seconds(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
        default: u64,
        meaning: &'static str,
    ) -> Duration {
        Duration::from_secs(self.or(key, whole(range), default, meaning))
    }

    /// A key that may hold a secret, and so may stand in a file of its own, which the second key names.
    pub(super) fn open_or_file<T: 'static>(
        &mut self,
        keys: [&'static str; 2],
        form: Form<T>,
        written: &str,
        meaning: &'static str,
    ) -> Option<T> {
        self.key_or_file(keys, &form, written, meaning, Flag::Yes)
    }

    /// A key that is a secret, and so may stand in a file of its own but not in a flag.
    pub(super) fn sealed_or_file<T: 'static>(
        &mut self,
        keys: [&'static str; 2],
        form: Form<T>,
        written: &str,
        meaning: &'static str,
    ) -> Option<T> {
        self.key_or_file(keys, &form, written, meaning, Flag::No)
    }

    /// Something about a key that was given.
    pub(super) fn problem(&self, key: &str, message: &str, hint: &str) {
        let place = self.strongest(key).map_or_else(Place::default, |raw| raw.place.clone());
        self.findings.add(Problem::at(&place, message).hint(hint));
    }

    /// Whether a key was given nowhere, nor a file that holds it.
    pub(super) fn lacks(&self, key: &str) -> bool {
        self.strongest(key).is_none()
    }

    /// The strongest value given for a key or for the file that holds it.
    fn strongest(&self, key: &str) -> Option<&Raw> {
        let file = format!("{key}_file");
        self.raws.iter().rev().map(|(raw, _)| raw).find(|raw| raw.is_for(key) || raw.is_for(&file))
    }

    /// Everything that is wrong, unknown keys included: the flags', the variables', the file's.
    pub(super) fn done(self) -> Result<(), Vec<Problem>> {
        for (raw, _) in self.raws.iter().filter(|(raw, asked)| !asked.get() && !self.is_empty_table(raw)) {
            self.findings.add(self.unknown(raw));
        }
        let problems = self.findings.sorted(&self.file.as_deref().into_iter().collect::<Vec<_>>());
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// What was asked for.
    pub(super) fn rows(self) -> Vec<Row> {
        self.rows
    }

    /// Checks every value given for a key; the strongest, if it is right.
    fn ask<T: 'static>(
        &mut self,
        key: &'static str,
        form: &Form<T>,
        written: &str,
        meaning: &'static str,
        by_flag: Flag,
    ) -> Option<T> {
        self.row(key, form.words.clone(), written, meaning, by_flag);
        let mut strongest = None;
        for (raw, asked) in self.raws.iter().filter(|(raw, _)| raw.is_for(key)) {
            asked.set(true);
            strongest = self.check(key, form, &raw.value, &raw.place);
        }
        strongest
    }

    fn row(&mut self, key: &'static str, form: String, written: &str, meaning: &'static str, by_flag: Flag) {
        self.rows.push(Row {
            key,
            variable: variable(key),
            flag: (by_flag == Flag::Yes).then(|| flag(key).trim_start_matches('-').to_owned()),
            switch: form == SWITCH,
            form,
            default: written.to_owned(),
            meaning,
        });
    }

    /// The same for a key and for the file that may hold it. Where both are given, the stronger holds.
    fn key_or_file<T: 'static>(
        &mut self,
        [key, name]: [&'static str; 2],
        form: &Form<T>,
        written: &str,
        meaning: &'static str,
        by_flag: Flag,
    ) -> Option<T> {
        let value = self.ask(key, form, written, meaning, by_flag);
        let mut strength = self.raws.iter().filter(|(raw, _)| raw.is_for(key)).map(|(raw, _)| raw.strength());
        let strongest = strength.next_back();
        self.row(name, "a file".to_owned(), "none", "a file that the value is read from instead", Flag::Yes);
        let mut from_file = None;
        for (raw, asked) in self.raws.iter().filter(|(raw, _)| raw.is_for(name)) {
            asked.set(true);
            if strongest == Some(raw.strength()) {
                let problem = Problem::at(&raw.place, format!("both `{key}` and `{name}` are given"));
                self.findings.add(problem.hint("leave one of them out"));
            }
            let path = match &raw.value {
                Value::Text(path) | Value::Word(path) if !path.trim().is_empty() => path.trim(),
                _ => {
                    self.findings.add(Problem::at(&raw.place, format!("`{name}` must be a file's path")));
                    continue;
                }
            };
            match fs::read_to_string(path) {
                Ok(text) => {
                    let checked = self.check(name, form, &Value::Word(text), &raw.place);
                    from_file = Some((raw.strength(), checked));
                }
                Err(error) => {
                    let problem = Problem::at(&raw.place, format!("{path} cannot be read: {error}"));
                    self.findings.add(problem.hint("look at the path and at the permissions"));
                }
            }
        }
        match from_file {
            Some((strength, checked)) if strongest.is_none_or(|other| strength > other) => checked,
            _ => value,
        }
    }

    fn check<T: 'static>(&self, key: &str, form: &Form<T>, value: &Value, place: &Place) -> Option<T> {
        form.read(value)
            .map_err(|wrong| {
                let problem = Problem::at(place, format!("`{key}` {}", wrong.message));
                self.findings.add(match wrong.hint {
                    Some(hint) => problem.hint(hint),
                    None => problem,
                });
            })
            .ok()
    }

    fn known(&self) -> impl Iterator<Item = &'static str> {
        self.rows.iter().map(|row| row.key)
    }

    fn unknown(&self, raw: &Raw) -> Problem {
        let (message, near) = match &raw.by {
            By::File(name) => {
                (format!("there is no key `{name}`"), nearest(name, self.known()).map(str::to_owned))
            }
            By::Variable(name) => {
                let names: Vec<String> = self.rows.iter().map(|row| row.variable.clone()).collect();
                let near = nearest(name, names.iter().map(String::as_str)).map(str::to_owned);
                ("there is no such variable".to_owned(), near)
            }
            By::Flag(_) => ("there is no such flag".to_owned(), None),
        };
        let hint = near.map_or_else(|| self.neighbours(raw), |near| format!("did you mean `{near}`?"));
        Problem::at(&raw.place, message).hint(hint)
    }

    /// What may stand where an unknown key does.
    fn neighbours(&self, raw: &Raw) -> String {
        let table = match &raw.by {
            By::File(name) => name.split('.').next().unwrap_or_default(),
            _ => "",
        };
        let inside = |key: &'static str| key.strip_prefix(table)?.strip_prefix('.');
        let inside: Vec<&str> = self.known().filter_map(inside).collect();
        if !inside.is_empty() {
            return format!("[{table}] may have {}", inside.join(", "));
        }
        let mut top: Vec<String> = self
            .known()
            .map(|key| key.split_once('.').map_or_else(|| key.to_owned(), |(table, _)| format!("[{table}]")))
            .collect();
        top.dedup();
        format!("there are {}", top.join(", "))
    }

    /// Whether this is a table of ours that says nothing.
    fn is_empty_table(&self, raw: &Raw) -> bool {
        let By::File(name) = &raw.by else { return false };
        let table = |key: &str| key.split_once('.').is_some_and(|(table, _)| table == name);
        raw.value == Value::Other("a table") && self.known().any(table)
    }
}
