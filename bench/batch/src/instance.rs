//! The batches that are measured: made from a seed, the same on every machine.

use anyhow::{Context, Result};

/// What the values are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Each drawn for itself, of 100,000 levels.
    Random,
    /// What a lead asks for against what a rep is good at, so that leads want the same reps.
    Fits,
    /// The same, and just as many places as leads.
    Tight,
    /// Five levels, so that nearly everything is a tie.
    Levels,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Random, Self::Fits, Self::Tight, Self::Levels];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Random => "random values",
            Self::Fits => "leads that want the same reps",
            Self::Tight => "the same, capacity tight",
            Self::Levels => "values of five levels",
        }
    }
}

/// A dense batch: every rep may have every lead.
pub(crate) struct Instance {
    pub(crate) leads: usize,
    pub(crate) reps: usize,
    /// Of each rep.
    pub(crate) capacity: u32,
    /// A row of reps for each lead, in thousandths of points.
    pub(crate) values: Vec<u32>,
}

impl Instance {
    pub(crate) fn new(leads: usize, reps: usize, capacity: u32, kind: Kind) -> Self {
        let mut draw = Draw(0x5EED ^ leads as u64);
        let capacity = if kind == Kind::Tight { (leads / reps) as u32 } else { capacity };
        let mut values = Vec::with_capacity(leads * reps);
        match kind {
            Kind::Random => values.extend((0..leads * reps).map(|_| draw.below(100_000))),
            Kind::Levels => values.extend((0..leads * reps).map(|_| 20_000 * draw.below(5))),
            Kind::Fits | Kind::Tight => {
                let rep = |draw: &mut Draw| (draw.below(30_000), std::array::from_fn(|_| draw.below(10)));
                let reps: Vec<(u32, [u32; 8])> = (0..reps).map(|_| rep(&mut draw)).collect();
                for _ in 0..leads {
                    let asks: [u32; 8] = std::array::from_fn(|_| draw.below(100));
                    let fit = |skills: &[u32; 8]| asks.iter().zip(skills).map(|(a, b)| a * b).sum::<u32>();
                    values.extend(reps.iter().map(|(win, skills)| win + 10 * fit(skills)));
                }
            }
        }
        Self { leads, reps, capacity, values }
    }

    pub(crate) fn value(&self, lead: usize, rep: usize) -> u32 {
        self.values[lead * self.reps + rep]
    }

    /// The rep whose place this is, places counted rep by rep.
    pub(crate) fn rep_of(&self, place: usize) -> Option<usize> {
        let rep = place / self.capacity as usize;
        (rep < self.reps).then_some(rep)
    }

    pub(crate) fn places(&self) -> usize {
        self.reps * self.capacity as usize
    }

    /// The total value, once it is sure that everybody has a rep and no rep too many.
    pub(crate) fn total(&self, reps: impl IntoIterator<Item = Option<usize>>) -> Result<u64> {
        let mut load = vec![0; self.reps];
        let mut total = 0;
        for (lead, rep) in reps.into_iter().enumerate() {
            let rep = rep.with_context(|| format!("lead {lead} is left out"))?;
            load[rep] += 1;
            total += u64::from(self.value(lead, rep));
        }
        anyhow::ensure!(load.iter().all(|load| *load <= self.capacity), "a rep has too many");
        Ok(total)
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((u128::from(z ^ (z >> 31)) * u128::from(end)) >> 64) as u32
    }
}
