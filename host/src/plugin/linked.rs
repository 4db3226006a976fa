//! Plugins that are linked already, as many as a budget of machine code allows: whoever was asked for longest ago goes
//! first.
//!
//! What is in use stays in memory for as long as it is, whatever is forgotten here; a plugin that was forgotten and is
//! asked for again is mapped from the disk.

use std::collections::HashMap;

use crate::digest::Digest;

/// Values by digest, each with its weight.
#[derive(Debug)]
pub(super) struct Linked<T> {
    items: HashMap<Digest, Item<T>>,
    /// Of all of them together, in bytes.
    weight: usize,
    most: usize,
    /// Rises whenever one is asked for.
    turn: u64,
}

#[derive(Debug)]
struct Item<T> {
    value: T,
    weight: usize,
    asked: u64,
}

impl<T: Clone> Linked<T> {
    /// Nothing yet, and so many bytes at most.
    pub(super) fn new(most: usize) -> Self {
        Self { items: HashMap::new(), weight: 0, most, turn: 0 }
    }

    /// One that is there.
    pub(super) fn get(&mut self, digest: &Digest) -> Option<T> {
        self.turn += 1;
        let item = self.items.get_mut(digest)?;
        item.asked = self.turn;
        Some(item.value.clone())
    }

    /// Adds one. It stays even if it is heavier than all that may be.
    pub(super) fn insert(&mut self, digest: Digest, value: T, weight: usize) {
        self.turn += 1;
        if let Some(before) = self.items.insert(digest, Item { value, weight, asked: self.turn }) {
            self.weight -= before.weight;
        }
        self.weight += weight;
        while self.weight > self.most && self.items.len() > 1 {
            let oldest = self.items.iter().min_by_key(|(_, item)| item.asked).map(|(digest, _)| *digest);
            let Some(gone) = oldest.and_then(|digest| self.items.remove(&digest)) else { return };
            self.weight -= gone.weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_asked_for_longest_ago_goes_first() {
        // Names that come with their weights, `?NAME` for one that is asked for; what is left in the end.
        let check = |steps: &[(&str, usize)], expect: &[&str]| {
            let mut linked = Linked::new(100);
            for (name, weight) in steps {
                match name.strip_prefix('?') {
                    Some(name) => _ = linked.get(&Digest::of(name)),
                    None => linked.insert(Digest::of(name), (*name).to_owned(), *weight),
                }
            }
            let mut left: Vec<&str> = linked.items.values().map(|item| item.value.as_str()).collect();
            left.sort_unstable();
            assert_eq!(left, expect, "{steps:?}");
            assert_eq!(linked.weight, linked.items.values().map(|item| item.weight).sum::<usize>());
        };
        check(&[("a", 40), ("b", 40)], &["a", "b"]);
        check(&[("a", 40), ("b", 40), ("c", 40)], &["b", "c"]);
        check(&[("a", 40), ("b", 40), ("?a", 0), ("c", 40)], &["a", "c"]);
        check(&[("a", 40), ("b", 40), ("c", 90)], &["c"]);
        check(&[("a", 200)], &["a"]);
        check(&[("a", 200), ("b", 1)], &["b"]);
        check(&[("a", 60), ("a", 50), ("b", 50)], &["a", "b"]);
    }
}
