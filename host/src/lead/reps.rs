//! A tenant's reps, in the order of the folder, found by id.

use std::ops::{Deref, DerefMut};
use std::slice;

use rustc_hash::FxHashMap;

use super::{Rep, RepId};

/// Reps in the order of the folder. A rep's place in it stands for them wherever many are looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reps {
    list: Vec<Rep>,
    places: FxHashMap<RepId, usize>,
}

impl Reps {
    /// Where the rep with this id stands.
    pub fn place(&self, id: &RepId) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// The rep with this id.
    pub fn of(&self, id: &RepId) -> Option<&Rep> {
        self.list.get(self.place(id)?)
    }

    /// Puts one behind all others.
    pub fn push(&mut self, rep: Rep) {
        self.places.insert(rep.id.clone(), self.list.len());
        self.list.push(rep);
    }
}

impl FromIterator<Rep> for Reps {
    fn from_iter<I: IntoIterator<Item = Rep>>(reps: I) -> Self {
        let mut all = Self::default();
        reps.into_iter().for_each(|rep| all.push(rep));
        all
    }
}

impl From<Vec<Rep>> for Reps {
    fn from(reps: Vec<Rep>) -> Self {
        reps.into_iter().collect()
    }
}

impl Deref for Reps {
    type Target = [Rep];
    fn deref(&self) -> &[Rep] {
        &self.list
    }
}

/// Everything of a rep may be changed but the id they are found by.
impl DerefMut for Reps {
    fn deref_mut(&mut self) -> &mut [Rep] {
        &mut self.list
    }
}

impl<'a> IntoIterator for &'a Reps {
    type Item = &'a Rep;
    type IntoIter = slice::Iter<'a, Rep>;
    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}
