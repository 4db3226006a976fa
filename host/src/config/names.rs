//! Ids of one kind: each once, and only known ones named.

use std::collections::BTreeMap;

use super::read::Findings;
use super::{Place, Problem};
use crate::nearest::nearest;

/// The ids of one kind, and where each stands.
#[derive(Debug)]
pub(super) struct Names {
    /// What it is, such as `team`.
    kind: &'static str,
    /// The file that defines them.
    file: &'static str,
    ids: BTreeMap<String, Place>,
    /// False where something of the file could not be read: then any name may be right.
    complete: bool,
}

impl Names {
    pub(super) fn new(kind: &'static str, file: &'static str, complete: bool) -> Self {
        Self { kind, file, ids: BTreeMap::new(), complete }
    }

    /// Notes an id; one that is there already is a finding.
    pub(super) fn define(&mut self, id: &str, place: &Place, findings: &Findings) {
        match self.ids.get(id) {
            Some(first) => findings.add(
                Problem::at(
                    place,
                    format!("the {} {id:?} is there already, at line {}", self.kind, first.line),
                )
                .hint("give it an id of its own, or leave it out"),
            ),
            None => {
                self.ids.insert(id.to_owned(), place.clone());
            }
        }
    }

    /// Notes that something has no id that could be read.
    pub(super) fn miss(&mut self) {
        self.complete = false;
    }

    /// All of them, where all are known.
    pub(super) fn all(&self) -> Option<impl Iterator<Item = &str>> {
        self.complete.then(|| self.ids.keys().map(String::as_str))
    }

    /// Whether the id is known.
    pub(super) fn has(&self, id: &str) -> bool {
        self.ids.contains_key(id)
    }

    /// Where the id is defined.
    pub(super) fn place(&self, id: &str) -> Option<&Place> {
        self.ids.get(id)
    }

    /// Whether the id may be one, as far as is known.
    pub(super) fn may_have(&self, id: &str) -> bool {
        self.has(id) || !self.complete
    }

    /// Whether a name may be used; one that is not known is a finding.
    pub(super) fn allow(&self, key: &str, id: &str, place: &Place, findings: &Findings) -> bool {
        if self.may_have(id) {
            return true;
        }
        let message =
            format!("`{key}` names the {} {id:?}, and {} has none of that id", self.kind, self.file);
        findings.add(Problem::at(place, message).hint(self.meant(id)));
        false
    }

    /// What was probably meant, or what there is.
    pub(super) fn meant(&self, id: &str) -> String {
        if let Some(near) = nearest(id, self.ids.keys().map(String::as_str)) {
            return format!("did you mean `{near}`?");
        }
        let some: Vec<&str> = self.ids.keys().take(8).map(String::as_str).collect();
        match (some.len(), self.ids.len()) {
            (0, _) => format!("{} defines none", self.file),
            (shown, all) if shown < all => format!("there are {} and {} more", some.join(", "), all - shown),
            _ => format!("there are {}", some.join(", ")),
        }
    }
}
