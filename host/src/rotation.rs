//! Whose turn it is: weighted make-up credit, the smooth weighted round robin.
//!
//! At each turn every member of the pool gains its share of one lead, its weight over the weights of the
//! pool; who then has most credit is picked and pays a whole lead. Credit is what somebody is owed: who
//! was passed over has more of it, who was served has less, and a turn never changes the sum.
//!
//! - Each rep has one credit, whatever the pool: who was left out of some pools makes up for it only in
//!   those they were in, since nobody gains by a turn they could not have had.
//! - A new rep starts at 0, the average of all. Adding or removing one leaves every other credit alone.
//! - In a pool that stays the same nobody is ever a whole lead ahead of their exact share: whoever is
//!   picked has most of a pool that holds one lead in all, so more than nothing, and pays one. Nobody is
//!   as far behind as the harmonic number of the pool's size (1.5 leads for two, 2.1 for four, 2.9 for
//!   ten), the bound of always emptying the fullest of several filling cups.

use crate::lead::RepId;
use crate::seed::draw;

/// Credits nearer than this are equal: sums of thirds are not exact in binary.
const EQUAL: f64 = 1e-9;

/// One of those whose turn it may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Member<'a> {
    /// Who.
    pub rep: &'a RepId,
    /// Their share, above 0.
    pub weight: f64,
    /// What they are owed, in leads.
    pub credit: f64,
}

/// Whose turn it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Place of the picked in the pool.
    pub picked: usize,
    /// Places of all that were equally next, the picked among them; the seed chose.
    pub tied: Vec<usize>,
    /// Everybody's credit afterwards, in the order of the pool.
    pub credits: Vec<f64>,
}

/// Takes a turn. Most credit is next; ties go by the seeded order, then by id. `None` for an empty pool.
pub fn turn(pool: &[Member<'_>], seed: u64) -> Option<Turn> {
    let mut credits = after_gain(pool);
    let most = credits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let tied: Vec<usize> = (0..pool.len()).filter(|&place| most - credits[place] <= EQUAL).collect();
    let picked = tied.iter().copied().min_by_key(|&place| (draw(seed, pool[place].rep), pool[place].rep))?;
    credits[picked] -= 1.0;
    Some(Turn { picked, tied, credits })
}

/// Everybody's credit afterwards where this one was picked: what a stored decision did.
pub fn pay(pool: &[Member<'_>], picked: &RepId) -> Vec<f64> {
    let mut credits = after_gain(pool);
    if let Some(place) = pool.iter().position(|member| member.rep == picked) {
        credits[place] -= 1.0;
    }
    credits
}

fn after_gain(pool: &[Member<'_>]) -> Vec<f64> {
    let weights: f64 = pool.iter().map(|member| member.weight).sum();
    pool.iter().map(|member| member.credit + member.weight / weights).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::pipeline::fixture::id;

    /// How many turns each member had; the credits afterwards.
    fn rotate(weights: &[f64], turns: u64, mut each: impl FnMut(&[f64])) -> Vec<u32> {
        let reps: Vec<RepId> = (0..weights.len()).map(|i| id(&format!("rep-{i}"))).collect();
        let mut credits = vec![0.0; weights.len()];
        let mut had = vec![0; weights.len()];
        for seed in 0..turns {
            let pool: Vec<Member> = (0..reps.len())
                .map(|i| Member { rep: &reps[i], weight: weights[i], credit: credits[i] })
                .collect();
            let turn = turn(&pool, seed).unwrap();
            assert_eq!(pay(&pool, &reps[turn.picked]), turn.credits);
            assert!(turn.tied.contains(&turn.picked));
            had[turn.picked] += 1;
            credits = turn.credits;
            each(&credits);
        }
        had
    }

    #[test]
    fn shares() {
        let check = |weights: &[f64], turns, expect: &[u32]| {
            assert_eq!(rotate(weights, turns, |_| ()), expect, "{weights:?}");
        };
        check(&[1.0, 2.0], 6, &[2, 4]);
        check(&[1.0, 1.0], 30, &[15, 15]);
        check(&[1.0, 1.0, 1.0], 30, &[10, 10, 10]);
        check(&[0.5, 1.0, 1.0, 1.5], 40, &[5, 10, 10, 15]);
        check(&[3.0], 4, &[4]);
    }

    #[test]
    fn nobody_is_next_in_an_empty_pool() {
        assert_eq!(turn(&[], 1), None);
    }

    #[test]
    fn ties_go_by_seed_not_by_place() {
        let (ana, ben) = (id("ana"), id("ben"));
        let member = |rep| Member { rep, weight: 1.0, credit: 0.0 };
        let mut first = BTreeMap::<&RepId, u32>::new();
        for seed in 0..1000 {
            let pool = [member(&ana), member(&ben)];
            let turned = [member(&ben), member(&ana)];
            let picked = pool[turn(&pool, seed).unwrap().picked].rep;
            assert_eq!(picked, turned[turn(&turned, seed).unwrap().picked].rep);
            *first.entry(picked).or_default() += 1;
        }
        assert!(first.values().all(|n| (450..=550).contains(n)), "{first:?}");
    }

    #[test]
    fn who_is_owed_most_is_next() {
        let (ana, ben, new) = (id("ana"), id("ben"), id("new"));
        let pool = |credits: [f64; 3]| {
            let members = [&ana, &ben, &new].into_iter().zip(credits);
            members.map(|(rep, credit)| Member { rep, weight: 1.0, credit }).collect::<Vec<_>>()
        };
        // A newcomer at 0 neither catches up on the past nor waits for it.
        assert_eq!(turn(&pool([-0.5, 0.5, 0.0]), 1).unwrap().picked, 1);
        assert_eq!(turn(&pool([-0.4, -0.2, 0.0]), 1).unwrap().picked, 2);
    }

    proptest! {
        #[test]
        fn laws(weights in prop::collection::vec(0.1..10.0f64, 1..12), turns in 1..300u64) {
            let behind: f64 = (1..=weights.len()).map(|n| 1.0 / n as f64).sum();
            let had = rotate(&weights, turns, |credits| {
                assert!(credits.iter().sum::<f64>().abs() < 1e-6, "the sum stays 0: {credits:?}");
                assert!(credits.iter().all(|credit| *credit > -1.0 && *credit <= behind), "{credits:?}");
            });
            let all: f64 = weights.iter().sum();
            for (had, weight) in had.iter().zip(&weights) {
                let exact = turns as f64 * weight / all;
                prop_assert!(f64::from(*had) < exact + 1.0 && f64::from(*had) >= exact - behind);
            }
        }
    }
}
