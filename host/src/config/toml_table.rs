//! TOML tables that know their place and their keys.
//!
//! A table is opened with the keys it may have, so that an unknown one is found however little of the
//! table is used. Asking for a key checks its type and range; what is wrong is a finding, and the
//! asker gets nothing for it.

use std::collections::HashSet;
use std::fmt;
use std::ops::{Range, RangeInclusive};

use jiff::civil::Date;
use serde_json::{Map as JsonMap, Number as JsonNumber, Value as Json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::names::Names;
use super::read::{At, Source};
use super::{Place, Problem};
use crate::nearest::nearest;

/// Parses a document. Where its syntax is wrong, every such place is a finding and there is no document.
pub(crate) fn parse<'a>(source: &Source<'a>) -> Option<DeTable<'a>> {
    let (table, errors) = DeTable::parse_recoverable(source.text);
    let mut lines = HashSet::new();
    for error in &errors {
        let place = source.place(&error.span().unwrap_or(0..0));
        // One slip of the pen upsets the rest of its line.
        if !lines.insert(place.line) {
            continue;
        }
        let message = error.message().trim().to_owned();
        let hint = match message.as_str() {
            "duplicate key" => "a key stands once in a table",
            _ if message.contains("string") => {
                "a text stands between quotes and ends on its line: name = \"Ana\""
            }
            _ => {
                "TOML: key = \"text\", key = 5, key = true, key = [\"a\", \"b\"], [table], [[list of tables]]"
            }
        };
        source.findings.add(Problem::at(&place, format!("this is not TOML: {message}")).hint(hint));
    }
    errors.is_empty().then(|| table.into_inner())
}

/// A table and the keys it may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a> {
    source: &'a Source<'a>,
    entries: &'a DeTable<'a>,
    line: usize,
    /// What a problem calls it, such as `this lane`.
    noun: &'static str,
    keys: &'static [&'static str],
}

impl<'a> Table<'a> {
    /// The document itself.
    pub(super) fn root(
        source: &'a Source<'a>,
        entries: &'a DeTable<'a>,
        keys: &'static [&'static str],
    ) -> Self {
        Self { source, entries, line: 0, noun: "the file", keys }.knowing()
    }

    /// Where it begins.
    pub(super) fn place(&self) -> Place {
        Place { file: self.source.file.to_owned(), line: self.line }
    }

    /// Where a key stands, or else where the table begins.
    pub(super) fn place_of(&self, key: &str) -> Place {
        self.entries
            .get_key_value(key)
            .map_or_else(|| self.place(), |(key, _)| self.source.place(&key.span()))
    }

    /// Reports something about this table.
    pub(super) fn problem(&self, problem: Problem) {
        self.source.findings.add(problem);
    }

    /// A table at this key.
    pub(super) fn table(
        &self,
        key: &str,
        noun: &'static str,
        keys: &'static [&'static str],
    ) -> Option<Table<'a>> {
        let value = self.entries.get(key)?;
        match value.get_ref() {
            DeValue::Table(entries) => {
                let line = self.place_of(key).line;
                Some(Table { source: self.source, entries, line, noun, keys }.knowing())
            }
            other => self.wrong_type(key, value.span(), "a table", other),
        }
    }

    /// The tables of a list at this key.
    pub(super) fn tables(
        &self,
        key: &str,
        header: &str,
        noun: &'static str,
        keys: &'static [&'static str],
    ) -> Vec<Table<'a>> {
        let Some(value) = self.entries.get(key) else { return Vec::new() };
        let wanted = format!("a list of tables, each under {header}");
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_type::<()>(key, value.span(), &wanted, value.get_ref());
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(entries) => {
                    let line = self.source.place(&item.span()).line;
                    tables.push(Table { source: self.source, entries, line, noun, keys }.knowing());
                }
                other => {
                    self.wrong_type::<()>(key, item.span(), &wanted, other);
                }
            }
        }
        tables
    }

    /// A text, trimmed; an empty one is a finding.
    pub(super) fn text(&self, key: &str) -> Option<At<String>> {
        let value = self.entries.get(key)?;
        let Some(text) = value.get_ref().as_str() else {
            return self.wrong_type(key, value.span(), "a text", value.get_ref());
        };
        let place = self.source.place(&value.span());
        if text.trim().is_empty() {
            self.problem(Problem::at(&place, format!("`{key}` is empty")));
            return None;
        }
        Some(At { value: text.trim().to_owned(), place })
    }

    /// A text that has to be there.
    pub(super) fn required_text(&self, key: &str, example: &str) -> Option<At<String>> {
        if self.lacks(key) && !self.misspells(key) {
            let message = format!("{} has no `{key}`", self.noun);
            self.problem(Problem::at(&self.place(), message).hint(format!("add {key} = \"{example}\"")));
        }
        self.text(key)
    }

    /// A text as it stands, placed at the line where its own first line is.
    pub(super) fn lines(&self, key: &str) -> Option<At<String>> {
        let value = self.entries.get(key)?;
        let Some(text) = value.get_ref().as_str() else {
            return self.wrong_type(key, value.span(), "a text", value.get_ref());
        };
        let mut place = self.source.place(&value.span());
        let raw = self.source.text.get(value.span()).unwrap_or_default();
        // TOML drops the line break that follows three opening quotes.
        let opened = raw.trim_start_matches(['"', '\'']);
        if raw.len() >= opened.len() + 3 && opened.starts_with(['\n', '\r']) {
            place.line += 1;
        }
        Some(At { value: text.to_owned(), place })
    }

    /// The texts of a list; none where the key is absent.
    pub(super) fn texts(&self, key: &str) -> Option<Vec<At<String>>> {
        let value = self.entries.get(key)?;
        let Some(items) = value.get_ref().as_array() else {
            return self.wrong_type(key, value.span(), "a list of texts", value.get_ref());
        };
        let mut texts = Vec::new();
        for item in items.iter() {
            let place = self.source.place(&item.span());
            match item.get_ref().as_str().map(str::trim) {
                Some("") => self.problem(Problem::at(&place, format!("`{key}` holds an empty text"))),
                Some(text) => texts.push(At { value: text.to_owned(), place }),
                None => {
                    self.wrong_type::<()>(key, item.span(), "a list of texts", item.get_ref());
                }
            }
        }
        Some(texts)
    }

    /// A date without a time, with or without quotes.
    pub(super) fn date(&self, key: &str) -> Option<At<Date>> {
        let value = self.entries.get(key)?;
        let text = match value.get_ref() {
            DeValue::Datetime(date) => date.to_string(),
            DeValue::String(text) => text.trim().to_owned(),
            other => return self.wrong_type(key, value.span(), "a date", other),
        };
        let place = self.source.place(&value.span());
        match text.parse() {
            Ok(value) if text.len() == 10 => Some(At { value, place }),
            _ => {
                let problem = Problem::at(&place, format!("`{key}` is no date: {text:?}"));
                self.problem(problem.hint(format!("year, month, day: {key} = 2026-01-05")));
                None
            }
        }
    }

    /// The lists of texts of a list; none where the key is absent or something in it is no text.
    pub(super) fn lists(&self, key: &str) -> Option<Vec<At<Vec<At<String>>>>> {
        let value = self.entries.get(key)?;
        let wanted = "a list of lists of texts";
        let Some(items) = value.get_ref().as_array() else {
            return self.wrong_type(key, value.span(), wanted, value.get_ref());
        };
        let mut lists = Some(Vec::new());
        for item in items.iter() {
            let Some(texts) = item.get_ref().as_array() else {
                lists = self.wrong_type(key, item.span(), wanted, item.get_ref());
                continue;
            };
            let mut list = Vec::new();
            for text in texts.iter() {
                match text.get_ref().as_str() {
                    Some(value) => {
                        let place = self.source.place(&text.span());
                        list.push(At { value: value.trim().to_owned(), place });
                    }
                    None => lists = self.wrong_type(key, text.span(), wanted, text.get_ref()),
                }
            }
            if let Some(lists) = &mut lists {
                lists.push(At { value: list, place: self.source.place(&item.span()) });
            }
        }
        lists
    }

    /// A number in a range.
    pub(super) fn number(&self, key: &str, range: RangeInclusive<f64>, hint: &str) -> Option<f64> {
        let value = self.entries.get(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(_) | DeValue::Float(_) => {
                numeral(value.get_ref()).and_then(|text| text.parse().ok())
            }
            other => return self.wrong_type(key, value.span(), "a number", other),
        };
        match number {
            Some(number) if range.contains(&number) => Some(number),
            _ => self.out_of_range(key, value, &range, hint),
        }
    }

    /// A whole number in a range.
    pub(super) fn count(&self, key: &str, range: RangeInclusive<u32>, hint: &str) -> Option<u32> {
        let value = self.entries.get(key)?;
        let DeValue::Integer(integer) = value.get_ref() else {
            return self.wrong_type(key, value.span(), "a whole number", value.get_ref());
        };
        match u32::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if range.contains(&number) => Some(number),
            _ => self.out_of_range(key, value, &range, hint),
        }
    }

    /// True or false.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        let value = self.entries.get(key)?;
        value
            .get_ref()
            .as_bool()
            .or_else(|| self.wrong_type(key, value.span(), "true or false", value.get_ref()))
    }

    /// Whether true or false stands at this key.
    pub(super) fn is_flag(&self, key: &str) -> bool {
        self.entries.get(key).is_some_and(|value| value.get_ref().as_bool().is_some())
    }

    /// One of a closed set of words.
    pub(super) fn choice<T: Copy>(&self, key: &str, words: &[(&str, T)], meanings: &str) -> Option<T> {
        let At { value, place } = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == value).map(|(_, meant)| *meant);
        if found.is_none() {
            let hint = match nearest(&value, words.iter().map(|(word, _)| *word)) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => meanings.to_owned(),
            };
            self.problem(Problem::at(&place, format!("there is no `{key}` {value:?}")).hint(hint));
        }
        found
    }

    /// A table of somebody else's keys, as a JSON object.
    pub(super) fn json(&self, key: &str) -> Option<At<Json>> {
        let value = self.entries.get(key)?;
        if !value.get_ref().is_table() {
            return self.wrong_type(key, value.span(), "a table", value.get_ref());
        }
        Some(At { value: self.to_json(value)?, place: self.place_of(key) })
    }

    fn to_json(self, value: &Spanned<DeValue<'_>>) -> Option<Json> {
        Some(match value.get_ref() {
            DeValue::String(text) => Json::String(text.to_string()),
            DeValue::Boolean(flag) => Json::Bool(*flag),
            DeValue::Datetime(date) => Json::String(date.to_string()),
            DeValue::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| self.to_json(item)).collect();
                Json::Array(items.into_iter().collect::<Option<_>>()?)
            }
            DeValue::Table(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| (key.get_ref().to_string(), self.to_json(value)))
                    .collect();
                let entries: Option<JsonMap<String, Json>> =
                    entries.into_iter().map(|(key, value)| Some((key, value?))).collect();
                Json::Object(entries?)
            }
            DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
                Ok(number) => Json::Number(number.into()),
                Err(_) => return self.no_json_number(value),
            },
            DeValue::Float(float) => match float.as_str().parse().ok().and_then(JsonNumber::from_f64) {
                Some(number) => Json::Number(number),
                None => return self.no_json_number(value),
            },
        })
    }

    fn no_json_number<T>(&self, value: &Spanned<DeValue<'_>>) -> Option<T> {
        let message = format!("a plugin cannot be given {}", Found(value.get_ref()));
        self.problem(
            Problem::at(&self.source.place(&value.span()), message)
                .hint("give a finite number of at most 64 bits"),
        );
        None
    }

    /// Whether a name may be used here; one that is not known is a finding.
    pub(super) fn allow(&self, names: &Names, key: &str, at: &At<String>) -> bool {
        names.allow(key, &at.value, &at.place, self.source.findings)
    }

    /// Whether it says nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether there is nothing at this key, or an empty list.
    pub(super) fn lacks(&self, key: &str) -> bool {
        match self.entries.get(key).map(Spanned::get_ref) {
            None => true,
            Some(DeValue::Array(items)) => items.is_empty(),
            Some(_) => false,
        }
    }

    /// Whether an unknown key is probably meant to be this one; it has been reported already.
    pub(super) fn misspells(&self, key: &str) -> bool {
        let mut names = self.entries.iter().map(|(name, _)| name.get_ref().as_ref());
        names.any(|name| !self.keys.contains(&name) && nearest(name, self.keys.iter().copied()) == Some(key))
    }

    fn knowing(self) -> Self {
        let keys = self.keys;
        for (key, _) in self.entries.iter() {
            let name = key.get_ref().as_ref();
            if keys.contains(&name) {
                continue;
            }
            let hint = match nearest(name, keys.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("{} may have {}", self.noun, keys.join(", ")),
            };
            let message = format!("{} has no key `{name}`", self.noun);
            self.problem(Problem::at(&self.source.place(&key.span()), message).hint(hint));
        }
        self
    }

    fn wrong_type<T>(&self, key: &str, span: Range<usize>, wanted: &str, found: &DeValue<'_>) -> Option<T> {
        let message = format!("`{key}` must be {wanted}, found {}", Found(found));
        let mut problem = Problem::at(&self.source.place(&span), message);
        // The commonest slip: a number or a flag between quotes, a text without, one text for a list.
        let hint = match (wanted, found) {
            ("a text", DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_)) => {
                self.source.text.get(span).map(|raw| format!("put it between quotes: {key} = \"{raw}\""))
            }
            ("a list of texts", DeValue::String(text)) => {
                Some(format!("put it between brackets: {key} = [\"{text}\"]"))
            }
            (_, DeValue::String(text)) if text.parse::<f64>().is_ok() || text.parse::<bool>().is_ok() => {
                Some(format!("leave the quotes out: {key} = {text}"))
            }
            _ => None,
        };
        if let Some(hint) = hint {
            problem = problem.hint(hint);
        }
        self.problem(problem);
        None
    }

    fn out_of_range<T, N: fmt::Display>(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        range: &RangeInclusive<N>,
        hint: &str,
    ) -> Option<T> {
        let raw = self.source.text.get(value.span()).unwrap_or_default().trim();
        let message = format!("`{key}` is {raw}, and must be from {} to {}", range.start(), range.end());
        self.problem(Problem::at(&self.source.place(&value.span()), message).hint(hint));
        None
    }
}

/// A number's digits in the form Rust reads.
fn numeral(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::Integer(integer) => {
            i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|number| number.to_string())
        }
        DeValue::Float(float) => Some(float.as_str().to_owned()),
        _ => None,
    }
}

/// What was found, in words.
struct Found<'a>(&'a DeValue<'a>);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            DeValue::String(text) if text.chars().count() <= 40 => write!(f, "the text {text:?}"),
            DeValue::String(_) => f.write_str("a long text"),
            DeValue::Integer(number) => write!(f, "the number {number}"),
            DeValue::Float(number) => write!(f, "the number {number}"),
            DeValue::Boolean(flag) => write!(f, "{flag}"),
            DeValue::Datetime(date) => write!(f, "the date {date}"),
            DeValue::Array(_) => f.write_str("a list"),
            DeValue::Table(_) => f.write_str("a table"),
        }
    }
}
