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

    /// A pool that stays the same.
    #[derive(Clone)]
    struct Rota {
        turns: Turns,
        reps: Vec<RepId>,
        weights: Vec<f64>,
        credits: Vec<f64>,
        had: Vec<f64>,
        last: Option<usize>,
    }

    impl Rota {
        fn new(turns: Turns, weights: &[f64]) -> Self {
            let nothing = vec![0.0; weights.len()];
            let reps = (0..weights.len()).map(|i| id(&format!("rep-{i}"))).collect();
            let (credits, had) = (nothing.clone(), nothing);
            Self { turns, reps, weights: weights.to_vec(), credits, had, last: None }
        }

        fn pool(&self) -> Vec<Member<'_>> {
            (0..self.reps.len())
                .map(|place| Member {
                    rep: &self.reps[place],
                    place,
                    weight: self.weights[place],
                    credit: self.credits[place],
                    month: self.had[place],
                })
                .collect()
        }

        /// A turn of those who can take it; the place of the picked.
        fn turn(&mut self, able: &[usize], seed: u64) -> usize {
            let all = self.pool();
            let pool: Vec<Member<'_>> = able.iter().map(|&place| all[place]).collect();
            let among: Vec<usize> = (0..pool.len()).collect();
            let turn = turn(self.turns, &pool, &among, self.last, seed).unwrap();
            assert!(turn.tied.contains(&turn.picked) && turn.tied.is_sorted());
            let credits = pay(&pool, pool[turn.picked].rep);
            let picked = able[turn.picked];
            for (place, credit) in able.iter().zip(credits) {
                self.credits[*place] = credit;
            }
            self.had[picked] += 1.0;
            self.last = Some(picked);
            picked
        }

        fn rotate(&mut self, turns: u64) -> Vec<usize> {
            let all: Vec<usize> = (0..self.reps.len()).collect();
            (0..turns).map(|seed| self.turn(&all, seed)).collect()
        }
    }

    #[test]
    fn shares() {
        let check = |turns: Turns, weights: &[f64], leads, expect: &[f64]| {
            let mut rota = Rota::new(turns, weights);
            rota.rotate(leads);
            assert_eq!(rota.had, expect, "{turns:?} {weights:?}");
        };
        for turns in [Turns::Credit, Turns::Count] {
            check(turns, &[1.0, 2.0], 6, &[2.0, 4.0]);
            check(turns, &[1.0, 1.0], 30, &[15.0, 15.0]);
            check(turns, &[1.0, 1.0, 1.0], 30, &[10.0, 10.0, 10.0]);
            check(turns, &[0.5, 1.0, 1.0, 1.5], 40, &[5.0, 10.0, 10.0, 15.0]);
            check(turns, &[3.0], 4, &[4.0]);
            // nginx, as its weights are usually taught: of 12 requests 6, 4 and 2.
            check(turns, &[3.0, 2.0, 1.0], 12, &[6.0, 4.0, 2.0]);
        }
        check(Turns::Order, &[1.0, 1.0, 1.0], 7, &[3.0, 2.0, 2.0]);
    }

    /// The example of the change "Upstream: smooth weighted round-robin balancing" of nginx (2012): weights of 5, 1 and 1
    /// give a, a, b, a, c, a, a, and never c, b, a, a, a, a, a. Its ties go by place and ours by the seed, so
    /// b and c may change places; every second round must be the same as the first.
    #[test]
    fn nginx_weights_of_five_one_and_one() {
        let rounds = Rota::new(Turns::Credit, &[5.0, 1.0, 1.0]).rotate(700);
        for round in rounds.chunks(7) {
            let heavy: Vec<bool> = round.iter().map(|place| *place == 0).collect();
            assert_eq!(heavy, [true, true, false, true, false, true, true], "{round:?}");
            assert_eq!(round[2] + round[4], 3, "{round:?}");
        }
        let after = |turns| Rota::new(Turns::Credit, &[5.0, 1.0, 1.0]).tap(|rota| drop(rota.rotate(turns)));
        let sevenths: Vec<f64> = after(2).credits.iter().map(|credit| (credit * 7.0).round()).collect();
        assert_eq!(sevenths, [-4.0, 2.0, 2.0], "current_weight after two picks");
    }

    impl Rota {
        fn tap(mut self, change: impl FnOnce(&mut Self)) -> Self {
            change(&mut self);
            self
        }
    }

    /// The order is the roster's, who is passed over makes up for nothing, and it goes on behind the last.
    #[test]
    fn order() {
        let mut rota = Rota::new(Turns::Order, &[1.0; 4]);
        let days: [(&[usize], usize); 7] = [
            (&[0, 1, 2, 3], 0),
            (&[0, 2, 3], 2),
            (&[0, 1, 2, 3], 3),
            (&[1, 2], 1),
            (&[0, 1], 0),
            (&[0], 0),
            (&[2, 3], 2),
        ];
        for (able, expect) in days {
            assert_eq!(rota.turn(able, 7), expect, "{able:?}");
        }
    }

    #[test]
    fn nobody_is_next_in_an_empty_pool() {
        for turns in [Turns::Credit, Turns::Count, Turns::Order] {
            assert_eq!(turn(turns, &[], &[], None, 1), None);
            assert_eq!(turn(turns, &Rota::new(turns, &[1.0]).pool(), &[], None, 1), None);
        }
    }

    #[test]
    fn ties_go_by_seed_not_by_place() {
        let (ana, ben) = (id("ana"), id("ben"));
        let member = |rep| Member { rep, place: 0, weight: 1.0, credit: 0.0, month: 0.0 };
        for turns in [Turns::Credit, Turns::Count] {
            let mut first = BTreeMap::<&RepId, u32>::new();
            for seed in 0..1000 {
                let next = |pool: [Member<'_>; 2]| turn(turns, &pool, &[0, 1], None, seed).unwrap().picked;
                let (pool, turned) = ([member(&ana), member(&ben)], [member(&ben), member(&ana)]);
                assert_eq!(next(pool) + next(turned), 1, "the same rep, at the other place");
                *first.entry(pool[next(pool)].rep).or_default() += 1;
            }
            assert!(first.values().all(|n| (450..=550).contains(n)), "{first:?}");
        }
    }

    #[test]
    fn who_is_owed_most_is_next() {
        let next = |credits: &[f64], among: &[usize]| {
            let mut rota = Rota::new(Turns::Credit, &vec![1.0; credits.len()]);
            rota.credits = credits.to_vec();
            turn(Turns::Credit, &rota.pool(), among, None, 1).map(|turn| turn.picked)
        };
        assert_eq!(next(&[-0.5, 0.5, 0.0], &[0, 1, 2]), Some(1));
        assert_eq!(next(&[-0.4, -0.2, 0.0], &[0, 1, 2]), Some(2));
        // Of those who come first.
        assert_eq!(next(&[-0.5, 0.5, 0.0], &[0, 2]), Some(2));
        assert_eq!(next(&[-0.5, 0.5, 0.0], &[0]), Some(0));
    }

    #[test]
    fn too_far_ahead() {
        let check = |had: &[f64], weights: &[f64], most, expect: &[Option<u32>]| {
            let mut rota = Rota::new(Turns::Credit, weights);
            rota.had = had.to_vec();
            assert_eq!(ahead(&rota.pool(), most), expect, "{had:?} {weights:?} {most}");
        };
        check(&[3.0, 0.0, 2.0], &[1.0; 3], 3, &[Some(3), None, None]);
        check(&[3.0, 1.0, 2.0], &[1.0; 3], 3, &[None, None, None]);
        check(&[9.0, 1.0, 5.0], &[1.0; 3], 3, &[Some(8), None, Some(4)]);
        check(&[7.0], &[1.0], 3, &[None]);
        check(&[1.0, 0.0], &[1.0; 2], 1, &[Some(1), None]);
        // Twice the weight, twice as many: 4 at 2 is level with 2 at 1.
        check(&[4.0, 2.0], &[2.0, 1.0], 1, &[None, None]);
        check(&[8.0, 2.0], &[2.0, 1.0], 3, &[Some(3), None]);
        // What somebody was credited with when they joined counts as had.
        check(&[10.0, 9.5], &[1.0; 2], 1, &[None, None]);
        check(&[], &[], 3, &[]);
    }

    prop_compose! {
        fn weights()(weights in prop::collection::vec(0.1..10.0f64, 1..12)) -> Vec<f64> { weights }
    }

    fn ways() -> impl Strategy<Value = Turns> {
        prop::sample::select(vec![Turns::Credit, Turns::Count, Turns::Order])
    }

    proptest! {
        #[test]
        fn credit_stays_within_its_bounds(weights in weights(), turns in 1..300u64) {
            let mut rota = Rota::new(Turns::Credit, &weights);
            let (all, behind) = (weights.iter().sum::<f64>(), (1..=weights.len()).map(|n| 1.0 / n as f64).sum::<f64>());
            for done in 1..=turns {
                rota.rotate(1);
                prop_assert!(rota.credits.iter().sum::<f64>().abs() < 1e-6, "the sum stays 0: {:?}", rota.credits);
                for ((had, weight), credit) in rota.had.iter().zip(&weights).zip(&rota.credits) {
                    let exact = done as f64 * weight / all;
                    prop_assert!((exact - had - credit).abs() < 1e-6, "credit is what is owed");
                    prop_assert!(*credit > -1.0 && *credit <= behind + 1e-9, "{:?}", rota.credits);
                }
            }
        }

        #[test]
        fn count_stays_within_its_bounds(weights in weights(), turns in 1..300u64) {
            let mut rota = Rota::new(Turns::Count, &weights);
            rota.rotate(turns);
            let level = |place: usize| rota.had[place] / weights[place];
            for a in 0..weights.len() {
                for b in 0..weights.len() {
                    prop_assert!(level(a) - level(b) <= 1.0 / weights[a] + 1e-6, "{:?}", rota.had);
                }
            }
        }

        #[test]
        fn order_gives_everybody_as_many(size in 1..12usize, turns in 1..100u64) {
            let mut rota = Rota::new(Turns::Order, &vec![1.0; size]);
            rota.rotate(turns);
            let most = rota.had.iter().copied().fold(0.0, f64::max);
            prop_assert!(rota.had.iter().all(|had| most - had <= 1.0), "{:?}", rota.had);
        }

        /// A turn taken back, or given to another, leaves nothing behind; and whoever can take it, the sum
        /// never changes.
        #[test]
        fn turns_can_be_taken_back(
            weights in weights(),
            able in prop::collection::vec(prop::collection::vec(any::<bool>(), 12), 1..60),
        ) {
            let mut rota = Rota::new(Turns::Credit, &weights);
            for (seed, able) in able.iter().enumerate() {
                let able: Vec<usize> = (0..weights.len()).filter(|&place| able[place]).collect();
                if able.is_empty() {
                    continue;
                }
                let before = rota.credits.clone();
                let picked = rota.turn(&able, seed as u64);
                let after = rota.pool();
                let pool: Vec<Member<'_>> = able.iter().map(|&place| after[place]).collect();
                for (place, credit) in able.iter().zip(pay_back(&pool, &rota.reps[picked])) {
                    prop_assert!((credit - before[*place]).abs() < 1e-9);
                }
                prop_assert!(rota.credits.iter().sum::<f64>().abs() < 1e-6);
            }
        }

        /// The scale of weights means nothing, and but for Order the place in the roster neither.
        #[test]
        fn scale_and_place_mean_nothing(
            weights in weights(),
            turns in 1..100u64,
            scale in prop::sample::select(vec![0.25, 2.0, 64.0]),
            way in ways(),
            by in 0..12usize,
        ) {
            let picks = Rota::new(way, &weights).rotate(turns);
            let scaled: Vec<f64> = weights.iter().map(|weight| weight * scale).collect();
            prop_assert_eq!(&picks, &Rota::new(way, &scaled).rotate(turns));
            if way != Turns::Order {
                let mut turned = Rota::new(way, &weights);
                let by = by % weights.len();
                turned.reps.rotate_left(by);
                turned.weights.rotate_left(by);
                let size = weights.len();
                let found: Vec<usize> = turned.rotate(turns).iter().map(|place| (place + by) % size).collect();
                prop_assert_eq!(picks, found);
            }
        }

        /// Nobody is left out but who is ahead of somebody left.
        #[test]
        fn somebody_is_always_left(
            members in prop::collection::vec((0.1..10.0f64, 0.0..50.0f64), 1..12),
            most in 1..5u32,
        ) {
            let (weights, had): (Vec<f64>, Vec<f64>) = members.into_iter().unzip();
            let rota = Rota::new(Turns::Count, &weights).tap(|rota| rota.had = had);
            let found = ahead(&rota.pool(), most);
            prop_assert!(found.contains(&None));
            prop_assert!(found.iter().flatten().all(|leads| *leads >= most));
        }
    }
}
