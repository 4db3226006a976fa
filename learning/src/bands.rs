//! What a classifier's scores are worth at one tenant: its bands of confidence, fitted anew.
//!
//! In: scores of leads whose lane a person confirmed or corrected. Out: how often a lane was right by score,
//! made monotone, and the scores from which "high" and "medium" keep what they promise; or the reason why there
//! are too few. The curve is the isotonic regression by pooling adjacent violators (Ayer et al. 1955; Zadrozny &
//! Elkan 2002).

use serde::{Deserialize, Serialize};

use crate::rate::Rate;

/// Fewer lanes than this fit nothing.
pub const LEAST: usize = 100;

/// A lane that a person looked at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The classifier's score or margin; higher is surer.
    pub score: f64,
    /// Whether the lane was confirmed, not corrected.
    pub right: bool,
}

/// What the bands promise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Targets {
    /// The share of high lanes that are right, 0–1.
    pub high: f64,
    /// The share of medium lanes that are right, 0–1.
    pub medium: f64,
    /// By how much the lower end of a band's 95 % interval may fall short, 0–1. With 0, about a hundred lanes never
    /// prove 95 %.
    pub slack: f64,
}

impl Default for Targets {
    fn default() -> Self {
        Self { high: 0.95, medium: 0.8, slack: 0.05 }
    }
}

/// How sure a lane is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Band {
    /// Below what medium promises.
    Low,
    /// Right as often as medium promises.
    Medium,
    /// Right as often as high promises.
    High,
}

/// The bands of one tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bands {
    /// The least score of high; none where no score keeps the promise.
    pub high: Option<f64>,
    /// The least score of medium; none where no score below high keeps the promise.
    pub medium: Option<f64>,
    /// How often high lanes were right, where there were any.
    pub high_rate: Option<Rate>,
    /// The same of medium.
    pub medium_rate: Option<Rate>,
    /// The same of low.
    pub low_rate: Option<Rate>,
    /// How often a lane was right by score, from the lowest score up.
    pub table: Vec<Row>,
}

/// Scores between which the calibrated share is the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The lowest score.
    pub from: f64,
    /// The highest score.
    pub to: f64,
    /// How often lanes with these scores were right; its share rises from row to row.
    pub rate: Rate,
}

/// Why nothing was fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too little was confirmed or corrected.
    #[error("{found} lanes are confirmed or corrected, and {LEAST} are needed: go on with the spot checks")]
    TooFew {
        /// How many.
        found: usize,
    },
    /// A score is no number.
    #[error("the score of lane {row} is no finite number: leave it out")]
    NoNumber {
        /// Its place, from 0.
        row: usize,
    },
}

impl Bands {
    /// The bands that keep the targets on what was seen, each as wide as it can be.
    pub fn fit(seen: &[Seen], targets: Targets) -> Result<Self, Refused> {
        if let Some(row) = seen.iter().position(|seen| !seen.score.is_finite()) {
            return Err(Refused::NoNumber { row });
        }
        if seen.len() < LEAST {
            return Err(Refused::TooFew { found: seen.len() });
        }
        let table = isotonic(seen);
        let end = table.len();
        let high = widest(&table, end, targets.high, targets.slack);
        let medium = widest(&table, high, targets.medium, targets.slack);
        let from = |at: usize, end: usize| (at < end).then(|| table[at].from);
        Ok(Self {
            high: from(high, end),
            medium: from(medium, high),
            high_rate: pooled(&table[high..]),
            medium_rate: pooled(&table[medium..high]),
            low_rate: pooled(&table[..medium]),
            table,
        })
    }

    /// The band of a score.
    pub fn band(&self, score: f64) -> Band {
        let from = |least: Option<f64>| least.is_some_and(|least| score >= least);
        if from(self.high) {
            Band::High
        } else if from(self.medium) {
            Band::Medium
        } else {
            Band::Low
        }
    }
}

/// The first row such that the rows from there up to `end` keep the target together; `end` where there is none.
fn widest(table: &[Row], end: usize, target: f64, slack: f64) -> usize {
    let keeps = |rate: Rate| rate.share >= target && rate.low >= target - slack;
    (0..end).find(|&from| pooled(&table[from..end]).is_some_and(keeps)).unwrap_or(end)
}

/// All rows as one.
fn pooled(rows: &[Row]) -> Option<Rate> {
    Rate::of(rows.iter().map(|row| row.rate.hits).sum(), rows.iter().map(|row| row.rate.n).sum())
}

/// The rising curve that is nearest to what was seen; equal scores stay together.
fn isotonic(seen: &[Seen]) -> Vec<Row> {
    let mut sorted = seen.to_vec();
    sorted.sort_by(|a, b| a.score.total_cmp(&b.score));
    let mut rows: Vec<Row> = Vec::new();
    for equal in sorted.chunk_by(|a, b| a.score == b.score) {
        let Some(rate) = Rate::count(equal.iter().map(|seen| seen.right)) else { continue };
        let mut row = Row { from: equal[0].score, to: equal[0].score, rate };
        while let Some(below) = rows.pop_if(|below| below.rate.share >= row.rate.share) {
            let rate =
                Rate::of(below.rate.hits + row.rate.hits, below.rate.n + row.rate.n).unwrap_or(row.rate);
            row = Row { from: below.from, to: row.to, rate };
        }
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lanes by score: how many were right, of how many.
    fn seen(groups: &[(f64, usize, usize)]) -> Vec<Seen> {
        let each = |&(score, right, n): &(f64, usize, usize)| {
            (0..n).map(move |at| Seen { score, right: at < right })
        };
        groups.iter().flat_map(each).collect()
    }

    fn check(groups: &[(f64, usize, usize)], expect: Result<(Option<f64>, Option<f64>), Refused>) {
        let found = Bands::fit(&seen(groups), Targets::default()).map(|bands| (bands.high, bands.medium));
        assert_eq!(found, expect, "{groups:?}");
    }

    #[test]
    fn bands_are_as_wide_as_their_promise_allows() {
        check(&[(0.2, 20, 50), (0.5, 44, 50), (0.9, 98, 100)], Ok((Some(0.9), Some(0.5))));
        // All right: everything is high.
        check(&[(0.2, 50, 50), (0.9, 50, 50)], Ok((Some(0.2), None)));
        // A sure score that was wrong too often is no longer high.
        check(&[(0.2, 20, 50), (0.9, 85, 100)], Ok((None, Some(0.9))));
        check(&[(0.2, 20, 50), (0.9, 50, 100)], Ok((None, None)));
        // 97 % of 30 is not yet sure enough.
        check(&[(0.2, 20, 80), (0.9, 29, 30)], Ok((None, Some(0.9))));
    }

    #[test]
    fn too_few_lanes_fit_nothing() {
        check(&[(0.5, 99, 99)], Err(Refused::TooFew { found: 99 }));
        check(&[(f64::NAN, 99, 100)], Err(Refused::NoNumber { row: 0 }));
    }

    #[test]
    fn neighbours_that_fall_are_pooled() {
        let table = isotonic(&seen(&[(1.0, 1, 1), (2.0, 0, 1), (3.0, 1, 2), (4.0, 1, 1)]));
        let told: Vec<_> = table.iter().map(|row| (row.from, row.to, row.rate.hits, row.rate.n)).collect();
        assert_eq!(told, [(1.0, 3.0, 2, 4), (4.0, 4.0, 1, 1)]);
    }

    proptest! {
        #[test]
        fn the_curve_rises_and_loses_nobody(lanes in prop::collection::vec((0u8..30, any::<bool>()), 100..200)) {
            let seen: Vec<Seen> =
                lanes.iter().map(|&(score, right)| Seen { score: f64::from(score), right }).collect();
            let bands = Bands::fit(&seen, Targets::default()).expect("enough");
            prop_assert!(bands.table.windows(2).all(|two| two[0].rate.share < two[1].rate.share && two[0].to < two[1].from));
            prop_assert_eq!(bands.table.iter().map(|row| row.rate.n).sum::<u64>(), seen.len() as u64);
            let of = |band| Rate::count(seen.iter().filter(|seen| bands.band(seen.score) == band).map(|seen| seen.right));
            prop_assert_eq!((of(Band::Low), of(Band::Medium), of(Band::High)), (bands.low_rate, bands.medium_rate, bands.high_rate));
            for score in 0..30u8 {
                prop_assert!(bands.band(f64::from(score)) <= bands.band(f64::from(score) + 1.0));
            }
        }
    }
}
