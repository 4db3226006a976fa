//! Collections that come from outside and may hold only so much.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// What can say how much it holds.
pub(super) trait Counted {
    fn count(&self) -> usize;
}

impl<T> Counted for BTreeSet<T> {
    fn count(&self) -> usize {
        self.len()
    }
}

impl<K, V> Counted for BTreeMap<K, V> {
    fn count(&self) -> usize {
        self.len()
    }
}

/// At most so many entries.
pub(super) fn few<'de, const MOST: usize, C, D>(from: D) -> Result<C, D::Error>
where
    C: Deserialize<'de> + Counted,
    D: Deserializer<'de>,
{
    let found = C::deserialize(from)?;
    match found.count() <= MOST {
        true => Ok(found),
        false => Err(D::Error::custom(format_args!("{} entries where at most {MOST} may be", found.count()))),
    }
}
