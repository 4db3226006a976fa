//! The scorer's numbers made into a list, best first.

use std::cmp::Reverse;

use crate::config::Config;
use crate::counters::View;
use crate::decision::{Excluded, Factor, Match};
use crate::lead::{Rep, Tier};
use crate::pipeline::capacity::load;
use crate::seed::draw;

/// What a scorer said about the candidates: `rows` holds one value, 0 to 100, a factor, one row a candidate.
#[derive(Debug, Clone, Copy)]
pub struct Scored<'a> {
    /// In the order they were scored.
    pub candidates: &'a [&'a Rep],
    /// What was weighed.
    pub factors: &'a [Factor],
    /// Row by row.
    pub rows: &'a [f32],
}

/// Totals, best first; equal ones by the seeded order, so that a place in the roster is worth nothing.
///
/// A total is the weighted sum, 0 to 100, to three places: weights come as 32-bit numbers, and a rep at a
/// threshold must not fall below it for their sake. Candidates in the near band of load whose total is no
/// high match are passed over, except for tier 1 (X3).
pub fn rank(config: &Config, tier: Tier, scored: Scored<'_>, counters: &View<'_>, seed: u64) -> Vec<Match> {
    let width = scored.factors.len();
    let mut matches: Vec<Match> = Vec::with_capacity(scored.candidates.len());
    for (place, rep) in scored.candidates.iter().enumerate() {
        let row = scored.rows.get(place * width..(place + 1) * width).unwrap_or_default();
        let total = total(scored.factors, row);
        let load = load(config, rep, counters);
        let passed_over = near(config, tier, load, total)
            .then_some(Excluded::NearCapacity { total, needed: config.capacity.near_total });
        matches.push(Match { rep: rep.id.clone(), factors: row.to_vec(), total, price: 0.0, passed_over });
    }
    matches.sort_by_cached_key(|found| (Reverse(ordered(found.total)), draw(seed, &found.rep)));
    matches
}

fn total(factors: &[Factor], row: &[f32]) -> f64 {
    let sum: f64 =
        factors.iter().zip(row).map(|(factor, value)| f64::from(factor.weight) * f64::from(*value)).sum();
    ((sum * 1000.0).round() / 1000.0).clamp(0.0, 100.0)
}

fn near(config: &Config, tier: Tier, load: f64, total: f64) -> bool {
    tier != Tier::One && load > config.capacity.available && total < config.capacity.near_total
}

/// A total as a whole number of thousandths, which orders as the totals do.
pub(super) fn ordered(total: f64) -> i64 {
    (total * 1000.0).round() as i64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use jiff::Timestamp;

    use super::*;
    use crate::counters::Ledger;
    use crate::pipeline::fixture::{self, id};

    fn factors(weights: &[f32]) -> Vec<Factor> {
        let factor = |(i, weight): (usize, &f32)| Factor { name: format!("factor-{i}"), weight: *weight };
        weights.iter().enumerate().map(factor).collect()
    }

    #[test]
    fn totals() {
        let check = |weights: &[f32], row: &[f32], expect: f64| {
            assert_eq!(total(&factors(weights), row), expect, "{weights:?} {row:?}");
        };
        check(&[0.3, 0.25, 0.2, 0.15, 0.1], &[100.0; 5], 100.0);
        check(&[0.3, 0.25, 0.2, 0.15, 0.1], &[75.0; 5], 75.0);
        check(&[0.3, 0.25, 0.2, 0.15, 0.1], &[90.0, 85.0, 40.0, 0.0, 100.0], 66.25);
        check(&[1.0], &[0.0], 0.0);
        check(&[], &[], 0.0);
    }

    #[test]
    fn near_band_takes_high_matches_only() {
        let check = |tier, open, total: f32, passed: bool| {
            let mut config = fixture::config();
            config.reps = vec![Rep { open, ..fixture::rep("ana") }].into();
            let scored = Scored { candidates: &[&config.reps[0]], factors: &factors(&[1.0]), rows: &[total] };
            let found = rank(&config, tier, scored, &Ledger::new(&config).at(Timestamp::UNIX_EPOCH), 1);
            let expect = Excluded::NearCapacity { total: f64::from(total), needed: 75.0 };
            assert_eq!(found[0].passed_over, passed.then_some(expect), "{tier:?} {open} {total}");
        };
        check(Tier::Three, 7, 50.0, false);
        check(Tier::Three, 8, 74.5, true);
        check(Tier::Two, 9, 74.5, true);
        check(Tier::Two, 9, 75.0, false);
        check(Tier::One, 9, 10.0, false);
    }

    proptest! {
        #[test]
        fn order_is_by_total_then_seed(
            totals in prop::collection::vec(0..4u8, 1..10),
            turn in 0..10usize,
            seed in any::<u64>(),
        ) {
            let mut config = fixture::config();
            config.reps = (0..totals.len()).map(|i| fixture::rep(&format!("rep-{i}"))).collect();
            let list = |turn: usize| {
                let mut reps: Vec<(&Rep, f32)> =
                    config.reps.iter().zip(totals.iter().map(|total| f32::from(*total))).collect();
                let by = turn % reps.len();
                reps.rotate_left(by);
                let (candidates, rows): (Vec<&Rep>, Vec<f32>) = reps.into_iter().unzip();
                let scored = Scored { candidates: &candidates, factors: &factors(&[1.0]), rows: &rows };
                rank(&config, Tier::Two, scored, &Ledger::new(&config).at(Timestamp::UNIX_EPOCH), seed)
            };
            let found = list(0);
            prop_assert!(found.is_sorted_by(|a, b| a.total >= b.total));
            // The roster's order is worth nothing.
            prop_assert_eq!(found, list(turn));
        }

        #[test]
        fn any_numbers_are_ranked(rows in prop::collection::vec(any::<f32>(), 0..12), width in 0..4usize) {
            let config = fixture::config();
            let candidates: Vec<&Rep> = config.reps.iter().collect();
            let factors = factors(&vec![0.5; width]);
            let scored = Scored { candidates: &candidates, factors: &factors, rows: &rows };
            let found = rank(&config, Tier::Two, scored, &Ledger::new(&config).at(Timestamp::UNIX_EPOCH), 1);
            prop_assert_eq!(found.len(), candidates.len());
        }
    }

    #[test]
    fn ids_are_kept() {
        let config = fixture::config();
        let candidates: Vec<&Rep> = config.reps.iter().collect();
        let scored = Scored {
            candidates: &candidates,
            factors: &factors(&[0.5, 0.5]),
            rows: &[1.0, 2.0, 5.0, 6.0, 3.0, 4.0],
        };
        let found = rank(&config, Tier::Two, scored, &Ledger::new(&config).at(Timestamp::UNIX_EPOCH), 1);
        let list: Vec<_> = found.into_iter().map(|found| (found.rep, found.factors)).collect();
        let expect = [("ben", [5.0, 6.0]), ("eve", [3.0, 4.0]), ("ana", [1.0, 2.0])];
        assert_eq!(list, expect.map(|(rep, row)| (id(rep), row.to_vec())));
    }
}
