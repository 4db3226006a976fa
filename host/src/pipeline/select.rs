//! Who gets a lead, of those who were scored.
//!
//! Qualified is who reaches the tenant's threshold and was not passed over. Tier 1 goes to the fastest of
//! the best, tier 2 to the best, tier 3 to whose turn it is among the best (S2.16). "The best" are those
//! within `matching.qualified_within` points of the highest total.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::config::Config;
use crate::counters::Ledger;
use crate::decision::{Cause, Match, Method, SelectTrace, Unassigned};
use crate::lead::{Rep, RepId, Tier};
use crate::pipeline::rank::ordered;
use crate::rotation::{Member, turn};
use crate::seed::draw;

/// Somebody was picked.
#[derive(Debug, Clone, PartialEq)]
pub struct Picked {
    /// Who.
    pub rep: RepId,
    /// Their total, 0 to 100.
    pub total: f64,
    /// How.
    pub trace: SelectTrace,
}

/// Nobody could be, and the fallback is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nobody {
    /// Why it is asked.
    pub cause: Cause,
    /// Why nobody could be.
    pub reason: Unassigned,
}

/// Picks among the matches, which are best first as ranked. Answers the same for the same arguments.
pub fn select(
    config: &Config,
    tier: Tier,
    matches: &[Match],
    ledger: &Ledger,
    seed: u64,
) -> Result<Picked, Nobody> {
    let good = |found: &&Match| found.total >= config.matching.threshold;
    let nobody = if matches.iter().any(|found| good(&found)) {
        Nobody { cause: Cause::AllAtCapacity, reason: Unassigned::NoCapacity }
    } else {
        Nobody { cause: Cause::BelowThreshold, reason: Unassigned::BelowThreshold }
    };
    let qualified = matches.iter().filter(good).filter(|found| found.passed_over.is_none());
    let best = qualified.clone().map(|found| found.total).reduce(f64::max).ok_or(nobody)?;
    let near = best - config.matching.qualified_within;
    let mut pool: Vec<&Match> = qualified.filter(|found| found.total >= near).collect();

    let (method, choice) = match tier {
        Tier::One => {
            let reps: HashMap<&RepId, &Rep> = config.reps.iter().map(|rep| (&rep.id, rep)).collect();
            let rep = |found: &Match| reps.get(&found.rep);
            let free = |found: &Match| rep(found).is_some_and(|rep| rep.free_now);
            if pool.iter().any(|found| free(found)) {
                pool.retain(|found| free(found));
            }
            let speed = |found: &Match| rep(found).and_then(|rep| rep.response_seconds).unwrap_or(u32::MAX);
            let key = |found: &Match| (speed(found), Reverse(ordered(found.total)));
            (Method::FastestQualified, first(&pool, key, seed))
        }
        Tier::Two => (Method::HighestTotal, first(&pool, |found| Reverse(ordered(found.total)), seed)),
        Tier::Three => {
            let members: Vec<Member<'_>> = pool.iter().map(|found| ledger.member(&found.rep)).collect();
            (Method::Rotation, turn(&members, seed).map(|turn| (turn.picked, turn.tied)))
        }
    };
    let (picked, tied) = choice.ok_or(nobody)?;
    let picked = pool[picked];
    let trace = SelectTrace {
        method,
        pool: chances(pool.iter().map(|found| &found.rep), &tied),
        picked: picked.rep.clone(),
    };
    Ok(Picked { rep: picked.rep.clone(), total: picked.total, trace })
}

/// The place with the smallest key, of equal ones by the seeded order, and all places that were equal.
fn first<K: Ord>(pool: &[&Match], key: impl Fn(&Match) -> K, seed: u64) -> Option<(usize, Vec<usize>)> {
    let keys: Vec<K> = pool.iter().map(|found| key(found)).collect();
    let smallest = keys.iter().min()?;
    let tied: Vec<usize> = (0..pool.len()).filter(|&place| keys[place] == *smallest).collect();
    let order = |place: &usize| (draw(seed, &pool[*place].rep), &pool[*place].rep);
    let picked = tied.iter().copied().min_by(|a, b| order(a).cmp(&order(b)))?;
    Some((picked, tied))
}

/// Each with the probability of being picked: the tied share it, since only the seed parts them.
pub(super) fn chances<'a>(pool: impl Iterator<Item = &'a RepId>, tied: &[usize]) -> Vec<(RepId, f64)> {
    let share = 1.0 / tied.len() as f64;
    let chance = |place: usize| if tied.contains(&place) { share } else { 0.0 };
    pool.enumerate().map(|(place, rep)| (rep.clone(), chance(place))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::decision::{Counters, Excluded};
    use crate::pipeline::fixture::{self, id};

    /// A rep with their total, whether they are free now, and how fast they are.
    type Row = (&'static str, f64, bool, Option<u32>);

    fn case(rows: &[Row]) -> (Config, Vec<Match>) {
        let rep = |(name, _, free_now, response_seconds): &Row| Rep {
            free_now: *free_now,
            response_seconds: *response_seconds,
            ..fixture::rep(name)
        };
        let found = |(name, total, ..): &Row| Match {
            rep: id(name),
            factors: vec![],
            total: *total,
            passed_over: None,
        };
        let config = Config { reps: rows.iter().map(rep).collect(), ..fixture::config() };
        (config, rows.iter().map(found).collect())
    }

    #[test]
    fn picks() {
        let check = |tier, rows: &[Row], expect: &[(&str, f64)]| {
            let (config, matches) = case(rows);
            let found = select(&config, tier, &matches, &Ledger::new(&config), 7).unwrap().trace;
            let expect: Vec<(RepId, f64)> = expect.iter().map(|(rep, chance)| (id(rep), *chance)).collect();
            assert_eq!(found.pool, expect, "{tier:?} {rows:?}");
            assert!(found.pool.iter().any(|(rep, chance)| *rep == found.picked && *chance > 0.0));
        };
        let sure = |rep| (rep, 1.0);
        let no = |rep| (rep, 0.0);
        // Tier 1: the fastest of the best who are free.
        check(
            Tier::One,
            &[("ana", 90.0, true, Some(600)), ("ben", 80.0, true, Some(60)), ("cy", 74.9, true, Some(1))],
            &[no("ana"), sure("ben")],
        );
        check(
            Tier::One,
            &[("ana", 90.0, false, Some(6)), ("ben", 80.0, true, Some(60)), ("cy", 76.0, true, None)],
            &[sure("ben"), no("cy")],
        );
        check(
            Tier::One,
            &[("ana", 90.0, false, Some(60)), ("ben", 80.0, false, Some(6)), ("cy", 50.0, true, Some(1))],
            &[no("ana"), sure("ben")],
        );
        check(
            Tier::One,
            &[("ana", 90.0, true, Some(60)), ("ben", 80.0, true, Some(60))],
            &[sure("ana"), no("ben")],
        );
        // Tier 2: the best.
        check(
            Tier::Two,
            &[("ana", 90.0, false, None), ("ben", 89.999, true, Some(1))],
            &[sure("ana"), no("ben")],
        );
        check(
            Tier::Two,
            &[("ana", 90.0, true, None), ("ben", 90.0, true, None), ("cy", 80.0, true, None)],
            &[("ana", 0.5), ("ben", 0.5), no("cy")],
        );
        // Tier 3: whose turn it is, among the best.
        check(
            Tier::Three,
            &[("ana", 90.0, true, None), ("ben", 75.0, true, None), ("cy", 74.0, true, None)],
            &[("ana", 0.5), ("ben", 0.5)],
        );
        // The threshold holds inside the band of the best, too.
        check(Tier::Three, &[("ana", 45.0, true, None), ("ben", 39.9, true, None)], &[sure("ana")]);
    }

    #[test]
    fn turns_come_round() {
        let (config, matches) = case(&[("ana", 90.0, true, None), ("ben", 80.0, true, None)]);
        let owed = |ana, ben| {
            let counters = |credit| Counters { credit, ..Counters::default() };
            let recorded = BTreeMap::from([(id("ana"), counters(ana)), (id("ben"), counters(ben))]);
            let ledger = Ledger::from_recorded(&config, &recorded);
            select(&config, Tier::Three, &matches, &ledger, 7).unwrap().rep
        };
        assert_eq!(owed(-0.5, 0.5), id("ben"));
        assert_eq!(owed(0.5, -0.5), id("ana"));
    }

    #[test]
    fn nobody() {
        let check = |totals: &[(f64, bool)], cause, reason| {
            let (config, _) = case(&[]);
            let matches: Vec<Match> = totals
                .iter()
                .map(|(total, near)| Match {
                    rep: id("ana"),
                    factors: vec![],
                    total: *total,
                    passed_over: near.then_some(Excluded::NearCapacity { total: *total, needed: 75.0 }),
                })
                .collect();
            for tier in [Tier::One, Tier::Two, Tier::Three] {
                let found = select(&config, tier, &matches, &Ledger::new(&config), 1);
                assert_eq!(found, Err(Nobody { cause, reason }), "{totals:?}");
            }
        };
        check(&[], Cause::BelowThreshold, Unassigned::BelowThreshold);
        check(&[(39.9, false)], Cause::BelowThreshold, Unassigned::BelowThreshold);
        check(&[(39.9, false), (60.0, true)], Cause::AllAtCapacity, Unassigned::NoCapacity);
        check(&[(30.0, true)], Cause::BelowThreshold, Unassigned::BelowThreshold);
    }

    proptest! {
        #[test]
        fn the_picked_is_in_the_pool_and_chances_add_up(
            rows in prop::collection::vec(
                (0..100u32, any::<bool>(), prop::option::of(0..3u32), any::<bool>(), -2.0..2.0f64), 0..10),
            tier in 1..=3u8,
            seed in any::<u64>(),
        ) {
            let mut config = fixture::config();
            let mut matches = Vec::new();
            let mut recorded = BTreeMap::new();
            config.reps.clear();
            for (i, (total, free_now, response_seconds, near, credit)) in rows.into_iter().enumerate() {
                let rep = Rep { free_now, response_seconds, ..fixture::rep(&format!("rep-{i}")) };
                let total = f64::from(total);
                let passed_over = near.then_some(Excluded::NearCapacity { total, needed: 75.0 });
                matches.push(Match { rep: rep.id.clone(), factors: vec![], total, passed_over });
                recorded.insert(rep.id.clone(), Counters { credit, ..Counters::default() });
                config.reps.push(rep);
            }
            let ledger = Ledger::from_recorded(&config, &recorded);
            let tier = Tier::try_from(tier).unwrap();
            let ready = |found: &Match| found.total >= 40.0 && found.passed_over.is_none();
            match select(&config, tier, &matches, &ledger, seed) {
                Ok(picked) => {
                    let chance = picked.trace.pool.iter().find(|(rep, _)| *rep == picked.rep);
                    prop_assert!(chance.is_some_and(|(_, chance)| *chance > 0.0));
                    let all: f64 = picked.trace.pool.iter().map(|(_, chance)| chance).sum();
                    prop_assert!((all - 1.0).abs() < 1e-9);
                    let of = |rep: &RepId| matches.iter().find(|found| found.rep == *rep).unwrap();
                    prop_assert!(picked.trace.pool.iter().all(|(rep, _)| ready(of(rep))));
                    prop_assert_eq!(picked.total, of(&picked.rep).total);
                }
                Err(_) => prop_assert!(!matches.iter().any(ready)),
            }
        }
    }
}
