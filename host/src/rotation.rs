//! Whose turn it is, of those who could take a lead.
//!
//! Three ways ([`Turns`]), chosen by the team:
//!
//! - **Credit**, weighted make-up credit, the smooth weighted round robin. At each turn every member of the
//!   pool gains its share of one lead, its weight over the weights of the pool; who then has most credit is
//!   picked and pays a whole lead. Credit is what somebody is owed: who was passed over has more of it, who
//!   was served has less, and a turn never changes the sum.
//! - **Count**: who has had fewest of the month's leads by weight. Nobody makes up for a past month.
//! - **Order**: the next in the order of the roster behind who was served last. Who cannot take a lead is
//!   passed over and makes up for nothing.
//!
//! What holds in a pool that stays the same, `w` being a member's share of it (the shares add up to 1):
//!
//! - *Credit*: after `n` turns nobody has had as much as one lead more than `n·w`: whoever is picked has most
//!   of a pool that holds one lead in all, so more than nothing, and pays one. Nobody is as far behind as
//!   the harmonic number of the pool's size (1.5 leads for two, 2.1 for four, 2.9 for ten), the bound of
//!   always emptying the fullest of several filling cups.
//! - *Count*: of two members `a` and `b`, `had(a)/w(a)` is at most `1/w(a)` above `had(b)/w(b)`: it was not
//!   above it when `a` was last picked, and has grown by that since. So nobody is more than one lead ahead
//!   of what the least served one's count would give them.
//! - *Order*: two members differ by at most one turn.
//!
//! Weights count only against one another, so scaling all of them changes nothing; and apart from Order,
//! where the place in the roster is the meaning, it is worth nothing: ties go by the seed.

use crate::lead::{RepId, Turns};
use crate::seed::draw;

/// Numbers nearer than this are equal: sums of thirds are not exact in binary.
const EQUAL: f64 = 1e-9;

/// One of those whose turn it may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Member<'a> {
    /// Who.
    pub rep: &'a RepId,
    /// Their place in the roster.
    pub place: usize,
    /// Their share, above 0.
    pub weight: f64,
    /// What they are owed, in leads.
    pub credit: f64,
    /// Leads they have had of the pool this month.
    pub month: f64,
}

/// Whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The picked one's index in the pool.
    pub picked: usize,
    /// Indices of all that were equally next, the picked among them; the seed chose.
    pub tied: Vec<usize>,
}

/// Who is next of those members that `among` lists, by their index in the pool. All of the pool share in the
/// turn, also who is not among them. `last` is the place in the roster of who was served last.
///
/// Ties go by the seeded order, then by id. `None` where nobody is among them.
pub fn turn(
    turns: Turns,
    pool: &[Member<'_>],
    among: &[usize],
    last: Option<usize>,
    seed: u64,
) -> Option<Turn> {
    let mean = mean_weight(pool);
    let tied = match turns {
        Turns::Credit => least(among, |index| -(pool[index].credit + share(pool, index, mean))),
        Turns::Count => least(among, |index| pool[index].month * mean / pool[index].weight),
        Turns::Order => {
            let behind = |index: &usize| last.is_none_or(|last| pool[*index].place > last);
            let next = among.iter().copied().min_by_key(|index| (!behind(index), pool[*index].place));
            next.into_iter().collect()
        }
    };
    let picked = drawn(&tied, |index| pool[index].rep, seed)?;
    Some(Turn { picked, tied })
}

/// Everybody's credit after a turn of `picked`, in the order of the pool.
pub fn pay(pool: &[Member<'_>], picked: &RepId) -> Vec<f64> {
    let mean = mean_weight(pool);
    let cost = |member: &Member<'_>| if member.rep == picked { 1.0 } else { 0.0 };
    (0..pool.len()).map(|index| pool[index].credit + share(pool, index, mean) - cost(&pool[index])).collect()
}

/// Everybody's credit as it was before a turn of `picked`.
pub fn pay_back(pool: &[Member<'_>], picked: &RepId) -> Vec<f64> {
    let mean = mean_weight(pool);
    let cost = |member: &Member<'_>| if member.rep == picked { 1.0 } else { 0.0 };
    (0..pool.len()).map(|index| pool[index].credit - share(pool, index, mean) + cost(&pool[index])).collect()
}

/// By how many leads each is ahead of the least served this month, where that is `most` or more (P16). A lead
/// counts for more where a member's weight is below the pool's mean, and for less where it is above.
///
/// The least served is never ahead, so somebody is always left.
pub fn ahead(pool: &[Member<'_>], most: u32) -> Vec<Option<u32>> {
    let mean = mean_weight(pool);
    let level = |member: &Member<'_>| member.month * mean / member.weight;
    let least = pool.iter().map(level).fold(f64::INFINITY, f64::min);
    let ahead = |member: &Member<'_>| level(member) - least + EQUAL;
    pool.iter()
        .map(|member| (ahead(member) >= f64::from(most.max(1))).then(|| ahead(member) as u32))
        .collect()
}

/// Of several that are equally next, the first by the seeded order, then by id.
pub fn drawn<'a>(tied: &[usize], rep: impl Fn(usize) -> &'a RepId, seed: u64) -> Option<usize> {
    match tied {
        [only] => Some(*only),
        _ => tied.iter().copied().min_by_key(|&index| (draw(seed, rep(index)), rep(index))),
    }
}

/// Those with the smallest number, within rounding.
fn least(among: &[usize], number: impl Fn(usize) -> f64) -> Vec<usize> {
    let least = among.iter().map(|&index| number(index)).fold(f64::INFINITY, f64::min);
    among.iter().copied().filter(|&index| number(index) - least <= EQUAL).collect()
}

fn mean_weight(pool: &[Member<'_>]) -> f64 {
    pool.iter().map(|member| member.weight).sum::<f64>() / pool.len() as f64
}

/// A member's share of one lead.
fn share(pool: &[Member<'_>], index: usize, mean: f64) -> f64 {
    pool[index].weight / (mean * pool.len() as f64)
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
