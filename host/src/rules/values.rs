//! Sets of the values that one path can have: texts, numbers, and the few others.
//!
//! A set of texts is finite or lacks finitely many; a set of numbers is a union of intervals. Both are
//! closed under "and", "or" and "not", so that questions about comparisons have exact answers.

use std::collections::BTreeSet;

/// A value, as far as sets tell values apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(f64),
    Kind(Kind),
}

/// Everything that is neither a text nor a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// The path leads nowhere, or the expression cannot be answered.
    Nothing = 1,
    Null = 2,
    True = 4,
    False = 8,
    /// A list, a group of fields, …
    Other = 16,
}

const KINDS: [Kind; 5] = [Kind::Nothing, Kind::Null, Kind::True, Kind::False, Kind::Other];

/// A set of values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Values {
    /// One bit a [`Kind`].
    kinds: u8,
    pub(super) texts: Texts,
    pub(super) numbers: Numbers,
}

/// A set of texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Texts {
    Only(BTreeSet<String>),
    AllBut(BTreeSet<String>),
}

/// A set of numbers: the ascending places where it begins and ends, in turn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Numbers(Vec<Cut>);

/// A place between numbers: just before one, or just behind it.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Cut {
    pub(super) at: f64,
    pub(super) behind: bool,
}

impl Values {
    pub(super) fn none() -> Self {
        Self { kinds: 0, texts: Texts::none(), numbers: Numbers::none() }
    }

    pub(super) fn all() -> Self {
        Self { kinds: 31, texts: Texts::AllBut(BTreeSet::new()), numbers: Numbers::all() }
    }

    pub(super) fn kind(kind: Kind) -> Self {
        Self { kinds: kind as u8, ..Self::none() }
    }

    pub(super) fn texts(texts: impl IntoIterator<Item = String>) -> Self {
        Self { texts: Texts::Only(texts.into_iter().collect()), ..Self::none() }
    }

    pub(super) fn any_text() -> Self {
        Self { texts: Texts::AllBut(BTreeSet::new()), ..Self::none() }
    }

    pub(super) fn numbers(numbers: Numbers) -> Self {
        Self { numbers, ..Self::none() }
    }

    pub(super) fn and(&self, other: &Self) -> Self {
        Self {
            kinds: self.kinds & other.kinds,
            texts: self.texts.and(&other.texts),
            numbers: self.numbers.and(&other.numbers),
        }
    }

    pub(super) fn or(&self, other: &Self) -> Self {
        self.not().and(&other.not()).not()
    }

    /// All of many sets.
    pub(super) fn union(sets: &[&Self]) -> Self {
        let mut texts = BTreeSet::new();
        let mut all = Self::none();
        for set in sets {
            all.kinds |= set.kinds;
            match &set.texts {
                Texts::Only(some) => texts.extend(some.iter().cloned()),
                Texts::AllBut(_) => all.texts = all.texts.not().and(&set.texts.not()).not(),
            }
        }
        all.texts = all.texts.not().and(&Texts::AllBut(texts)).not();
        all.numbers = Numbers::union(sets.iter().map(|set| &set.numbers));
        all
    }

    pub(super) fn not(&self) -> Self {
        Self { kinds: !self.kinds & 31, texts: self.texts.not(), numbers: self.numbers.not() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kinds == 0 && self.texts.is_empty() && self.numbers.is_empty()
    }

    /// Whether no value is in both; without making the set.
    pub(super) fn apart(&self, other: &Self) -> bool {
        self.kinds & other.kinds == 0
            && self.texts.apart(&other.texts)
            && (self.numbers.is_empty()
                || other.numbers.is_empty()
                || self.numbers.and(&other.numbers).is_empty())
    }

    pub(super) fn contains(&self, value: &Value) -> bool {
        match value {
            Value::Text(text) => self.texts.contains(text),
            Value::Number(number) => self.numbers.contains(*number),
            Value::Kind(kind) => self.kinds & *kind as u8 != 0,
        }
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = Kind> {
        KINDS.into_iter().filter(|kind| self.kinds & *kind as u8 != 0)
    }
}

impl Texts {
    fn none() -> Self {
        Self::Only(BTreeSet::new())
    }

    fn and(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Only(a), Self::Only(b)) => Self::Only(a & b),
            (Self::Only(some), Self::AllBut(not)) | (Self::AllBut(not), Self::Only(some)) => {
                Self::Only(some - not)
            }
            (Self::AllBut(a), Self::AllBut(b)) => Self::AllBut(a | b),
        }
    }

    fn apart(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Only(a), Self::Only(b)) => a.is_disjoint(b),
            (Self::Only(some), Self::AllBut(not)) | (Self::AllBut(not), Self::Only(some)) => {
                some.is_subset(not)
            }
            (Self::AllBut(_), Self::AllBut(_)) => false,
        }
    }

    fn not(&self) -> Self {
        match self {
            Self::Only(texts) => Self::AllBut(texts.clone()),
            Self::AllBut(texts) => Self::Only(texts.clone()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Only(texts) if texts.is_empty())
    }

    fn contains(&self, text: &str) -> bool {
        match self {
            Self::Only(texts) => texts.contains(text),
            Self::AllBut(texts) => !texts.contains(text),
        }
    }
}

impl Numbers {
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    pub(super) fn all() -> Self {
        Self(vec![Cut { at: f64::NEG_INFINITY, behind: false }])
    }

    /// From one place to another; without an end where there is none.
    pub(super) fn between(from: Option<Cut>, to: Option<Cut>) -> Self {
        let from = from.unwrap_or(Cut { at: f64::NEG_INFINITY, behind: false });
        match to {
            Some(to) if to <= from => Self::none(),
            Some(to) => Self(vec![from, to]),
            None => Self(vec![from]),
        }
    }

    pub(super) fn point(at: f64) -> Self {
        Self::between(Some(Cut { at, behind: false }), Some(Cut { at, behind: true }))
    }

    fn not(&self) -> Self {
        let start = Cut { at: f64::NEG_INFINITY, behind: false };
        match self.0.first() {
            Some(first) if *first == start => Self(self.0[1..].to_vec()),
            _ => Self([start].into_iter().chain(self.0.iter().copied()).collect()),
        }
    }

    fn and(&self, other: &Self) -> Self {
        let (mut a, mut b) = (self.0.iter().peekable(), other.0.iter().peekable());
        let (mut in_a, mut in_b, mut inside) = (false, false, false);
        let mut cuts = Vec::new();
        loop {
            let next = match (a.peek(), b.peek()) {
                (Some(x), Some(y)) if x <= y => **x,
                (_, Some(y)) => **y,
                (Some(x), None) => **x,
                (None, None) => return Self(cuts),
            };
            if a.next_if(|cut| **cut == next).is_some() {
                in_a = !in_a;
            }
            if b.next_if(|cut| **cut == next).is_some() {
                in_b = !in_b;
            }
            if (in_a && in_b) != inside {
                inside = !inside;
                cuts.push(next);
            }
        }
    }

    fn union<'n>(sets: impl Iterator<Item = &'n Self>) -> Self {
        // Each begins and ends in turn.
        let ends = sets.flat_map(|set| set.0.iter().zip([1, -1].into_iter().cycle()));
        let mut ends: Vec<(Cut, i32)> = ends.map(|(cut, step)| (*cut, step)).collect();
        ends.sort_by(|(a, _), (b, _)| a.at.total_cmp(&b.at).then(a.behind.cmp(&b.behind)));
        let (mut depth, mut cuts) = (0, Vec::new());
        for here in ends.chunk_by(|(a, _), (b, _)| a == b) {
            let before = depth;
            depth += here.iter().map(|(_, step)| step).sum::<i32>();
            if (before > 0) != (depth > 0) {
                cuts.push(here[0].0);
            }
        }
        Self(cuts)
    }

    /// The same set of whole numbers, written in one way, so that none between 5 and 6 is empty.
    pub(super) fn whole(&self) -> Self {
        let mut cuts: Vec<Cut> = Vec::new();
        for cut in &self.0 {
            let at = if cut.behind { cut.at.floor() + 1.0 } else { cut.at.ceil() };
            match cuts.last() {
                Some(last) if last.at == at => {
                    cuts.pop();
                }
                _ => cuts.push(Cut { at, behind: false }),
            }
        }
        Self(cuts)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn contains(&self, number: f64) -> bool {
        let at = Cut { at: number, behind: false };
        self.0.iter().take_while(|cut| **cut <= at).count() % 2 == 1
    }

    /// The intervals, ascending; the last may have no end.
    pub(super) fn intervals(&self) -> impl Iterator<Item = (Cut, Option<Cut>)> {
        self.0.chunks(2).map(|ends| (ends[0], ends.get(1).copied()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_values() -> impl Strategy<Value = Values> {
        let texts = (any::<bool>(), proptest::collection::btree_set("[ab]", 0..3))
            .prop_map(|(only, texts)| if only { Texts::Only(texts) } else { Texts::AllBut(texts) });
        let cuts = proptest::collection::vec((0..4i32, any::<bool>()), 0..5);
        let numbers = cuts.prop_map(|mut cuts| {
            cuts.sort();
            cuts.dedup();
            Numbers(cuts.into_iter().map(|(at, behind)| Cut { at: at.into(), behind }).collect())
        });
        (0..32u8, texts, numbers).prop_map(|(kinds, texts, numbers)| Values { kinds, texts, numbers })
    }

    /// Every value that matters to the sets above.
    fn values() -> Vec<Value> {
        let texts = ["a", "b", "c"].map(|text| Value::Text(text.to_owned()));
        let numbers = (-1..9).map(|half| Value::Number(f64::from(half) / 2.0));
        KINDS.map(Value::Kind).into_iter().chain(texts).chain(numbers).collect()
    }

    proptest! {
        #[test]
        fn sets_are_what_they_contain(a in any_values(), b in any_values()) {
            for value in values() {
                let (in_a, in_b) = (a.contains(&value), b.contains(&value));
                prop_assert_eq!(a.and(&b).contains(&value), in_a && in_b);
                prop_assert_eq!(a.or(&b).contains(&value), in_a || in_b);
                prop_assert_eq!(a.not().contains(&value), !in_a);
            }
            prop_assert_eq!(Values::union(&[&a, &b]), a.or(&b));
            prop_assert_eq!(a.not().not(), a.clone());
            prop_assert!(a.and(&a.not()).is_empty());
            prop_assert_eq!(a.apart(&b), a.and(&b).is_empty());
            prop_assert_eq!(a.is_empty(), a == Values::none());
        }

        #[test]
        fn whole_numbers_stay(a in any_values()) {
            for number in -1..9 {
                let number = f64::from(number);
                prop_assert_eq!(a.numbers.whole().contains(number), a.numbers.contains(number));
            }
            let some = (-9..9).any(|number| a.numbers.contains(f64::from(number)));
            prop_assert_eq!(!a.numbers.whole().is_empty(), some || a.numbers.contains(1e9));
        }
    }
}
