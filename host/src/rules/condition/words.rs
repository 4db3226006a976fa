//! The tenant's own words inside conditions: what a path can be, so that a slip of the pen is found.

use std::collections::{BTreeMap, BTreeSet};

use crate::nearest::nearest;

/// Paths whose values are known beforehand, such as `verdict.lane`.
#[derive(Debug, Clone)]
pub struct Words {
    closed: BTreeMap<String, Closed>,
    segments: BTreeSet<String>,
}

/// Every text that a path can be.
#[derive(Debug, Clone)]
pub(in crate::rules) struct Closed {
    pub(in crate::rules) texts: BTreeSet<String>,
    /// Whether it can be `null` as well.
    pub(in crate::rules) absent: bool,
}

/// In which letters a path's value is written.
#[derive(Clone, Copy)]
enum Letters {
    Lower,
    Upper,
}

/// Paths whose texts (or list of texts) are always in the same letters.
const LETTERS: &[(&str, Letters)] = &[
    ("lead.source", Letters::Lower),
    ("lead.products", Letters::Lower),
    ("lead.labels", Letters::Lower),
    ("lead.contact.email", Letters::Lower),
    ("lead.company.domain", Letters::Lower),
    ("lead.company.industry", Letters::Lower),
    ("lead.company.country", Letters::Upper),
    ("lead.company.region", Letters::Upper),
    ("account.domain", Letters::Lower),
    ("rep.email", Letters::Lower),
    ("rep.industries", Letters::Lower),
    ("rep.products", Letters::Lower),
    ("rep.competitors", Letters::Lower),
    ("rep.certifications", Letters::Lower),
    ("rep.skills", Letters::Lower),
    ("rep.style", Letters::Lower),
    ("rep.country", Letters::Upper),
];

impl Default for Words {
    /// The words that every tenant shares.
    fn default() -> Self {
        Self { closed: BTreeMap::new(), segments: BTreeSet::new() }
            .with("lead.kind", ["lead", "deal"], false)
            .with("verdict.confidence", ["low", "medium", "high"], false)
            .with("account.attention", ["one-to-one", "one-to-few", "one-to-many"], true)
    }
}

impl Words {
    /// With every text that a path can be, and whether it can be absent.
    pub fn with<T: Into<String>>(
        mut self,
        path: &str,
        texts: impl IntoIterator<Item = T>,
        absent: bool,
    ) -> Self {
        let texts = texts.into_iter().map(Into::into).collect();
        self.closed.insert(path.to_owned(), Closed { texts, absent });
        self
    }

    /// With a segment table, and everything it can say where that is known.
    pub fn with_segment<T: Into<String>>(
        mut self,
        name: &str,
        values: Option<impl IntoIterator<Item = T>>,
    ) -> Self {
        self.segments.insert(name.to_owned());
        match values {
            Some(values) => self.with(&format!("segment.{name}"), values, false),
            None => self,
        }
    }

    /// The names of the tenant's segment tables.
    pub(super) fn segments(&self) -> impl Iterator<Item = &str> + Clone {
        self.segments.iter().map(String::as_str)
    }

    /// Every text that a path can be, where that is known.
    pub(in crate::rules) fn closed(&self, path: &str) -> Option<&Closed> {
        self.closed.get(path)
    }

    /// Why a path is never this text, and what was probably meant.
    pub(super) fn wrong(&self, path: &str, text: &str) -> Option<(String, String)> {
        if let Some(Closed { texts, .. }) = self.closed.get(path) {
            if texts.contains(text) {
                return None;
            }
            let hint = match nearest(text, texts.iter().map(String::as_str)) {
                Some(near) => format!("did you mean '{near}'?"),
                None if texts.is_empty() => format!("there is no `{path}` at all"),
                None => {
                    let some: Vec<&str> = texts.iter().take(8).map(String::as_str).collect();
                    let more = texts.len() - some.len();
                    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
                    format!("it can be {}{more}", some.join(", "))
                }
            };
            return Some((format!("`{path}` is never '{text}'"), hint));
        }
        let (_, letters) = LETTERS.iter().find(|(known, _)| *known == path)?;
        let (proper, case) = match letters {
            Letters::Lower => (text.to_lowercase(), "lower"),
            Letters::Upper => (text.to_uppercase(), "upper"),
        };
        (proper != text)
            .then(|| (format!("`{path}` is in {case} case, so never '{text}'"), format!("write '{proper}'")))
    }
}
