//! What is counted of a release: how many calls, what they cost, how many failed, how often it agreed.

use std::collections::BTreeMap;

/// Sizes counted in buckets that are at most a ninth wide, so that a quantile is within 12.5 % above what was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram(BTreeMap<u16, u64>);

/// Buckets in each power of two.
const PARTS: u64 = 8;

impl Histogram {
    /// The bucket of a size.
    pub fn bucket(value: u64) -> u16 {
        if value < PARTS {
            return value as u16;
        }
        let power = value.ilog2();
        let part = (value >> (power - 3)) & (PARTS - 1);
        (u64::from(power - 2) * PARTS + part) as u16
    }

    /// The largest size of a bucket.
    pub fn upper(bucket: u16) -> u64 {
        let bucket = u64::from(bucket);
        if bucket < PARTS {
            return bucket;
        }
        let (power, part) = (bucket / PARTS + 2, bucket % PARTS);
        let width = 1_u64.checked_shl(power as u32 - 3).unwrap_or(0);
        (PARTS + part + 1).saturating_mul(width).saturating_sub(1)
    }

    /// Counts a size so many times.
    pub fn add(&mut self, bucket: u16, times: u64) {
        *self.0.entry(bucket).or_default() += times;
    }

    /// How many sizes were counted.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The smallest size that this share of all sizes does not exceed; nothing where none was counted.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let wanted = ((self.count() as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        self.0.iter().find_map(|(bucket, times)| {
            seen += times;
            (seen >= wanted).then(|| Self::upper(*bucket))
        })
    }

    /// Buckets with how often each was met.
    pub fn buckets(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        self.0.iter().map(|(bucket, times)| (*bucket, *times))
    }
}

/// What one number or bucket is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Calls.
    Calls,
    /// Calls that gave no answer that counts, by the plugin's fault.
    Failed,
    /// Fuel of a call, by bucket.
    Fuel,
    /// Microseconds of a call, by bucket.
    Micros,
    /// Most memory of a call in KiB, by bucket.
    Memory,
    /// Decisions that were compared with the release beside.
    Compared,
    /// Those that differed.
    Differed,
    /// Those whose lane differed.
    OtherLane,
    /// Those that gave the lead to another rep, team or queue.
    OtherOutcome,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Calls,
        Self::Failed,
        Self::Fuel,
        Self::Micros,
        Self::Memory,
        Self::Compared,
        Self::Differed,
        Self::OtherLane,
        Self::OtherOutcome,
    ];

    /// Its word in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Failed => "failed",
            Self::Fuel => "fuel",
            Self::Micros => "micros",
            Self::Memory => "memory",
            Self::Compared => "compared",
            Self::Differed => "differed",
            Self::OtherLane => "other-lane",
            Self::OtherOutcome => "other-outcome",
        }
    }

    /// Whether it is of decisions that were compared with another release's.
    pub fn compares(self) -> bool {
        matches!(self, Self::Compared | Self::Differed | Self::OtherLane | Self::OtherOutcome)
    }

    /// The measure of a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| measure.as_str() == word)
    }
}

/// What was counted of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls.
    pub calls: u64,
    /// Calls that gave no answer that counts, by the plugin's fault.
    pub failed: u64,
    /// Fuel of each call.
    pub fuel: Histogram,
    /// Microseconds of each call.
    pub micros: Histogram,
    /// Most memory of each call, in KiB.
    pub memory: Histogram,
    /// Decisions that were compared with the release beside.
    pub compared: u64,
    /// Those that differed in lane or outcome.
    pub differed: u64,
    /// Those whose lane differed.
    pub other_lane: u64,
    /// Those that gave the lead to another rep, team or queue.
    pub other_outcome: u64,
}

impl Counts {
    /// Counts something; of numbers without buckets the bucket is 0.
    pub fn add(&mut self, measure: Measure, bucket: u16, times: u64) {
        match measure {
            Measure::Calls => self.calls += times,
            Measure::Failed => self.failed += times,
            Measure::Fuel => self.fuel.add(bucket, times),
            Measure::Micros => self.micros.add(bucket, times),
            Measure::Memory => self.memory.add(bucket, times),
            Measure::Compared => self.compared += times,
            Measure::Differed => self.differed += times,
            Measure::OtherLane => self.other_lane += times,
            Measure::OtherOutcome => self.other_outcome += times,
        }
    }

    /// Everything that is not nothing.
    pub fn parts(&self) -> Vec<(Measure, u16, u64)> {
        let numbers = [
            (Measure::Calls, self.calls),
            (Measure::Failed, self.failed),
            (Measure::Compared, self.compared),
            (Measure::Differed, self.differed),
            (Measure::OtherLane, self.other_lane),
            (Measure::OtherOutcome, self.other_outcome),
        ];
        let histograms =
            [(Measure::Fuel, &self.fuel), (Measure::Micros, &self.micros), (Measure::Memory, &self.memory)];
        let numbers =
            numbers.into_iter().filter(|(_, times)| *times > 0).map(|(measure, times)| (measure, 0, times));
        let buckets = histograms.into_iter().flat_map(|(measure, histogram)| {
            histogram.buckets().map(move |(bucket, times)| (measure, bucket, times))
        });
        numbers.chain(buckets).collect()
    }

    /// Share of calls that failed, 0 to 1.
    pub fn failure_rate(&self) -> f64 {
        share(self.failed, self.calls)
    }

    /// Share of compared decisions that differed, 0 to 1.
    pub fn disagreement(&self) -> f64 {
        share(self.differed, self.compared)
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
