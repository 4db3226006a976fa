//! Who gets a lead, of those who were scored.
//!
//! Qualified is who reaches the tenant's threshold and was not passed over. Tier 1 goes to the fastest of
//! the best, tier 2 to the best, tier 3 to whose turn it is among the best (S2.16). "The best" are those
//! within `matching.qualified_within` points of the highest total.
//!
//! Of the best, in every tier: for tier 1 only those free now, where anybody is; for tier 2 with a high intent
//! only the team's fastest quarter, where any of them is there (S2.15); then nobody who is too far
//! ahead of the least served of them this month (P16); then, where some prefer such leads, they come first
//! (P17). A preference decides which leads somebody gets and not how many: all of the pool share in the
//! turn, and whoever was preferred has paid for it when the next one comes.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use lanewright_learning::explore::{Candidate, Exploration, Wanted};

use crate::config::{Config, Explore};
use crate::counters::View;
use crate::decision::{BatchPick, Cause, Excluded, Match, Method, SelectTrace, Unassigned, WinTrace};
use crate::lead::{Rep, RepId, Tier, Turns};
use crate::pipeline::queue::Pool;
use crate::pipeline::rank::ordered;
use crate::rotation::{Member, Turn, ahead, drawn, turn};

/// What a pick depends on besides the matches and the counters.
#[derive(Clone, Copy)]
pub struct Picking<'a> {
    /// The tenant.
    pub config: &'a Config,
    /// The lead's tier.
    pub tier: Tier,
    /// Who takes turns with whom.
    pub pool: Pool<'a>,
    /// The virtual queue that the turn counts in.
    pub queue: &'a str,
    /// Who is at work now and not in a meeting.
    pub free: &'a dyn Fn(&Rep) -> bool,
    /// Mean seconds to first touch up to which a rep is fast enough for a lead that cannot wait (S2.15).
    pub fast: Option<u32>,
    /// Whether each rep, by their place, prefers such a lead; empty where nobody does.
    pub prefers: &'a [bool],
    /// What was learned of the candidates.
    pub win: Option<&'a WinTrace>,
    /// What may be tried.
    pub explore: Option<&'a Explore>,
    /// What ties are drawn from.
    pub seed: u64,
}

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
pub fn select(picking: Picking<'_>, matches: &[Match], counters: &View<'_>) -> Result<Picked, Nobody> {
    let Picking { config, tier, pool, queue, free, fast, prefers, win, explore, seed } = picking;
    let Pool { turns, .. } = pool;
    let good = |found: &&Match| found.total >= config.matching.threshold;
    let nobody = if matches.iter().any(|found| good(&found)) {
        Nobody { cause: Cause::AllAtCapacity, reason: Unassigned::NoCapacity }
    } else {
        Nobody { cause: Cause::BelowThreshold, reason: Unassigned::BelowThreshold }
    };
    let qualified = matches.iter().filter(good).filter(|found| found.passed_over.is_none());
    let best = qualified.clone().map(worth).reduce(f64::max).ok_or(nobody)?;
    // Each place is worth more to a lead still to come than it would bring now.
    if best < 0.0 && config.scarcity.as_ref().is_some_and(|pacing| pacing.hold) {
        return Err(nobody);
    }
    let near = best - config.matching.qualified_within;
    let best: Vec<&Match> = qualified.filter(|found| worth(found) >= near).collect();

    let line = counters.line(queue, best.iter().map(|found| &found.rep));
    let mut pool: Vec<(&Match, Member<'_>)> = best.into_iter().zip(line.members).collect();
    let rep = |member: &Member<'_>| config.reps.get(member.place);
    let free_now = tier == Tier::One && narrow(&mut pool, |member| rep(member).is_some_and(free));
    let seconds = |member: &Member<'_>| rep(member).and_then(|rep| rep.response_seconds);
    let fast = fast.is_some_and(|fast| {
        narrow(&mut pool, |member| seconds(member).is_some_and(|seconds| seconds <= fast))
    });
    let mut members: Vec<Member<'_>> = pool.iter().map(|(_, member)| *member).collect();
    let passed_over = too_far_ahead(config, &members);
    if !passed_over.is_empty() {
        pool.retain(|(found, _)| !passed_over.contains_key(&found.rep));
        members.retain(|member| !passed_over.contains_key(member.rep));
    }
    let first_served = served_first(&members, prefers);
    let (among, preferred) =
        first_served.map_or_else(|| ((0..pool.len()).collect(), false), |few| (few, true));

    let total = |place: usize| Reverse(ordered(worth(pool[place].0)));
    let (method, choice) = match tier {
        Tier::One => {
            let speed =
                |place: usize| rep(&members[place]).and_then(|rep| rep.response_seconds).unwrap_or(u32::MAX);
            let choice = first(&members, &among, |place| (speed(place), total(place)), seed);
            (Method::FastestQualified, choice)
        }
        Tier::Two => (Method::HighestTotal, first(&members, &among, total, seed)),
        Tier::Three => (Method::Rotation, turn(turns, &members, &among, line.last, seed)),
    };
    let Turn { picked, tied } = choice.ok_or(nobody)?;
    let mut odds = chances(&members, &tied);
    let (method, picked) = match trial(explore, tier, win, (&members, &among), seed) {
        Some((picked, tried)) => {
            odds = members.iter().map(|member| (member.rep.clone(), 0.0)).collect();
            among.iter().zip(tried).for_each(|(&index, chance)| odds[index].1 = chance);
            (Method::Trial, among[picked])
        }
        None => (method, picked),
    };
    let (picked, total) = (&pool[picked].0.rep, pool[picked].0.total);
    let trace = SelectTrace {
        method,
        turns,
        queue: queue.to_owned(),
        pool: odds,
        picked: picked.clone(),
        free_now,
        fast,
        preferred,
        passed_over,
    };
    Ok(Picked { rep: picked.clone(), total, trace })
}

/// A draw among those who may win the lead, where the tenant tries somebody in this tier and it is known of all of them how
/// likely that is: the place among them, and everybody's probability.
fn trial(
    explore: Option<&Explore>,
    tier: Tier,
    win: Option<&WinTrace>,
    (members, among): (&[Member<'_>], &[usize]),
    seed: u64,
) -> Option<(usize, Vec<f64>)> {
    let explore = explore.filter(|explore| explore.tiers.contains(&tier))?;
    let estimates = &win?.estimates;
    let candidate = |&index: &usize| {
        let rep = members[index].rep;
        let found = estimates.iter().find(|found| found.rep == *rep)?;
        Some(Candidate { id: rep.as_str(), mean: found.logit, spread: found.spread, newer: found.newer })
    };
    let candidates = among.iter().map(candidate).collect::<Option<Vec<_>>>()?;
    let wanted = Wanted { bound: explore.within, floor: explore.floor, development: explore.newer };
    let pick = Exploration::try_from(wanted).ok()?.pick(&candidates, seed)?;
    Some((pick.index, pick.probabilities))
}

/// Leaves those of whom something holds, where it holds of anybody; whether it does.
fn narrow(pool: &mut Vec<(&Match, Member<'_>)>, holds: impl Fn(&Member<'_>) -> bool) -> bool {
    let any = pool.iter().any(|(_, member)| holds(member));
    if any {
        pool.retain(|(_, member)| holds(member));
    }
    any
}

/// The pick of a batch, as its optimum says.
pub(super) fn given(batch: &BatchPick, matches: &[Match]) -> Result<Picked, Nobody> {
    let nobody = Nobody { cause: Cause::AllAtCapacity, reason: Unassigned::NoCapacity };
    let rep = batch.rep.as_ref().ok_or(nobody)?;
    let found = matches.iter().find(|found| found.rep == *rep).ok_or(nobody)?;
    let trace = SelectTrace {
        method: Method::Batch,
        turns: Turns::default(),
        queue: String::new(),
        pool: matches
            .iter()
            .map(|found| (found.rep.clone(), if found.rep == *rep { 1.0 } else { 0.0 }))
            .collect(),
        picked: rep.clone(),
        free_now: false,
        fast: false,
        preferred: false,
        passed_over: BTreeMap::new(),
    };
    Ok(Picked { rep: rep.clone(), total: found.total, trace })
}

/// What a match is worth where one is picked: its total, less the price of the rep's capacity.
fn worth(found: &Match) -> f64 {
    found.total - found.price
}

/// Those who have had too many more this month than the least served of them; never all (P16).
pub(super) fn too_far_ahead(config: &Config, pool: &[Member<'_>]) -> BTreeMap<RepId, Excluded> {
    let Some(most) = config.fairness.max_spread else { return BTreeMap::new() };
    let by = pool.iter().zip(ahead(pool, most));
    by.filter_map(|(member, leads)| Some((member.rep.clone(), Excluded::Ahead { leads: leads? }))).collect()
}

/// Those of the pool who prefer such a lead, by their index; `None` where nobody does (P17).
pub(super) fn served_first(pool: &[Member<'_>], prefers: &[bool]) -> Option<Vec<usize>> {
    let prefer = |index: &usize| prefers.get(pool[*index].place).copied().unwrap_or_default();
    let few: Vec<usize> = (0..pool.len()).filter(prefer).collect();
    (!few.is_empty()).then_some(few)
}

/// Who has the smallest key, of equal ones by the seeded order.
fn first<K: Ord>(pool: &[Member<'_>], among: &[usize], key: impl Fn(usize) -> K, seed: u64) -> Option<Turn> {
    let smallest = among.iter().map(|&index| key(index)).min()?;
    let tied: Vec<usize> = among.iter().copied().filter(|&index| key(index) == smallest).collect();
    let picked = drawn(&tied, |index| pool[index].rep, seed)?;
    Some(Turn { picked, tied })
}

/// Each with the probability of being picked: the tied, in the order of the pool, share it, since only the
/// seed parts them.
pub(super) fn chances(pool: &[Member<'_>], tied: &[usize]) -> Vec<(RepId, f64)> {
    let share = 1.0 / tied.len() as f64;
    let mut tied = tied.iter().copied().peekable();
    let mut chance = |index: usize| if tied.next_if_eq(&index).is_some() { share } else { 0.0 };
    pool.iter().enumerate().map(|(index, member)| (member.rep.clone(), chance(index))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::counters::{Assignment, Ledger};
    use crate::decision::{QueueSeen, Seen, Standing};
    use crate::pipeline::fixture::{self, id};

    const NOW: jiff::Timestamp = jiff::Timestamp::UNIX_EPOCH;

    /// A pick of the team's pool where nobody prefers anything.
    fn pick(
        config: &Config,
        tier: Tier,
        matches: &[Match],
        ledger: &Ledger,
        seed: u64,
    ) -> Result<Picked, Nobody> {
        pick_with(config, tier, matches, ledger, &[], seed)
    }

    fn pick_with(
        config: &Config,
        tier: Tier,
        matches: &[Match],
        ledger: &Ledger,
        prefers: &[bool],
        seed: u64,
    ) -> Result<Picked, Nobody> {
        let team = id("smb");
        let free: &dyn Fn(&Rep) -> bool = &|rep| rep.free_now;
        let pool = Pool::team(config, &team);
        let picking = Picking {
            config,
            tier,
            pool,
            queue: "smb",
            free,
            fast: None,
            prefers,
            win: None,
            explore: None,
            seed,
        };
        select(picking, matches, &ledger.at(NOW))
    }

    /// The counters of a decision that saw these standings in the queue `smb`.
    fn seen(standings: impl IntoIterator<Item = (RepId, Standing)>) -> Seen {
        let queue = QueueSeen { last: None, standings: standings.into_iter().collect() };
        Seen { queues: BTreeMap::from([("smb".to_owned(), queue)]), ..Seen::default() }
    }

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
            price: 0.0,
            passed_over: None,
        };
        let config = Config { reps: rows.iter().map(rep).collect(), ..fixture::config() };
        (config, rows.iter().map(found).collect())
    }

    #[test]
    fn picks() {
        let check = |tier, rows: &[Row], expect: &[(&str, f64)]| {
            let (config, matches) = case(rows);
            let found = pick(&config, tier, &matches, &Ledger::new(&config), 7).unwrap().trace;
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
            let standing = |credit| Standing { credit, month: 0.0 };
            let seen = seen([(id("ana"), standing(ana)), (id("ben"), standing(ben))]);
            let ledger = Ledger::from_recorded(&config, &seen);
            pick(&config, Tier::Three, &matches, &ledger, 7).unwrap().rep
        };
        assert_eq!(owed(-0.5, 0.5), id("ben"));
        assert_eq!(owed(0.5, -0.5), id("ana"));
    }

    /// Ana is best, then Ben, then Cy, and all are near enough.
    fn trio() -> (Config, Vec<Match>) {
        case(&[("ana", 90.0, true, Some(9)), ("ben", 85.0, true, Some(60)), ("cy", 80.0, true, Some(600))])
    }

    #[test]
    fn who_prefers_such_a_lead_is_served_first() {
        let check = |tier, prefers: &[bool], among: &[&str], preferred| {
            let (config, matches) = trio();
            for seed in 0..10 {
                let picked = pick_with(&config, tier, &matches, &Ledger::new(&config), prefers, seed);
                let trace = picked.unwrap().trace;
                assert!(among.contains(&trace.picked.as_str()), "{tier:?} {prefers:?}: {trace:?}");
                assert_eq!((trace.preferred, trace.pool.len()), (preferred, 3), "all share in the turn");
            }
        };
        check(Tier::One, &[], &["ana"], false);
        check(Tier::One, &[false, true, true], &["ben"], true);
        check(Tier::Two, &[false, true, true], &["ben"], true);
        check(Tier::Two, &[false; 3], &["ana"], false);
        check(Tier::Three, &[false, false, true], &["cy"], true);
        check(Tier::Three, &[], &["ana", "ben", "cy"], false);
    }

    /// As with the preferred domain of a member in Odoo's assignment of leads, which fills the same quota.
    #[test]
    fn a_preference_decides_which_leads_and_not_how_many() {
        let (config, matches) = trio();
        let mut ledger = Ledger::new(&config);
        let mut had = BTreeMap::<String, (u32, u32)>::new();
        for number in 0..60 {
            // Every fourth lead is one that Cy prefers.
            let theirs = number % 4 == 0;
            let prefers: &[bool] = if theirs { &[false, false, true] } else { &[] };
            let picked = pick_with(&config, Tier::Three, &matches, &ledger, prefers, number).unwrap();
            let (rep, select) = (&picked.rep, Some(&picked.trace));
            ledger.apply(&Assignment { rep, at: NOW, units: 1, rules: &[], select, price: None });
            let had = had.entry(picked.rep.to_string()).or_default();
            *had = (had.0 + 1, had.1 + u32::from(theirs));
        }
        assert_eq!(
            had,
            [("ana", (20, 0)), ("ben", (20, 0)), ("cy", (20, 15))]
                .map(|(rep, had)| (rep.to_owned(), had))
                .into()
        );
    }

    #[test]
    fn nobody_is_too_far_ahead() {
        let check = |tier, most, months: [f64; 3], expect: (&str, &[(&str, u32)])| {
            let (mut config, matches) = trio();
            config.fairness.max_spread = most;
            let standings = ["ana", "ben", "cy"].map(id).into_iter().zip(months);
            let ledger = Ledger::from_recorded(
                &config,
                &seen(standings.map(|(rep, month)| (rep, Standing { credit: month, month }))),
            );
            let trace = pick(&config, tier, &matches, &ledger, 7).unwrap().trace;
            let ahead = expect.1.iter().map(|(rep, leads)| (id(rep), Excluded::Ahead { leads: *leads }));
            assert_eq!((trace.picked.as_str(), &trace.passed_over), (expect.0, &ahead.collect()), "{tier:?}");
            assert_eq!(trace.pool.len() + trace.passed_over.len(), 3);
        };
        for tier in [Tier::One, Tier::Two, Tier::Three] {
            check(tier, None, [30.0, 1.0, 0.0], ("ana", &[]));
            check(tier, Some(3), [3.0, 2.0, 0.0], ("ben", &[("ana", 3)]));
            check(tier, Some(3), [4.0, 2.5, 2.0], ("ana", &[]));
            check(tier, Some(3), [9.0, 9.0, 2.0], ("cy", &[("ana", 7), ("ben", 7)]));
        }
    }

    /// As with the maximum spread of HighLevel, 3 leads in a month: however good the match.
    #[test]
    fn the_spread_holds_over_a_month_of_matches() {
        let (mut config, matches) = trio();
        config.fairness.max_spread = Some(3);
        let mut ledger = Ledger::new(&config);
        for seed in 0..100 {
            let picked = pick(&config, Tier::Two, &matches, &ledger, seed).unwrap();
            let (rep, select) = (&picked.rep, Some(&picked.trace));
            ledger.apply(&Assignment { rep, at: NOW, units: 1, rules: &[], select, price: None });
            let reps = ["ana", "ben", "cy"].map(id);
            let months: Vec<f64> =
                ledger.at(NOW).line("smb", &reps).members.iter().map(|member| member.month).collect();
            let most = months.iter().copied().fold(0.0, f64::max);
            assert!(months.iter().all(|month| most - month <= 3.0), "{months:?}");
        }
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
                    price: 0.0,
                    passed_over: near.then_some(Excluded::NearCapacity { total: *total, needed: 75.0 }),
                })
                .collect();
            for tier in [Tier::One, Tier::Two, Tier::Three] {
                let found = pick(&config, tier, &matches, &Ledger::new(&config), 1);
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
            let mut standings = BTreeMap::new();
            config.reps = Default::default();
            for (i, (total, free_now, response_seconds, near, credit)) in rows.into_iter().enumerate() {
                let rep = Rep { free_now, response_seconds, ..fixture::rep(&format!("rep-{i}")) };
                let total = f64::from(total);
                let passed_over = near.then_some(Excluded::NearCapacity { total, needed: 75.0 });
                matches.push(Match { rep: rep.id.clone(), factors: vec![], total, price: 0.0, passed_over });
                standings.insert(rep.id.clone(), Standing { credit, month: 0.0 });
                config.reps.push(rep);
            }
            let ledger = Ledger::from_recorded(&config, &seen(standings));
            let tier = Tier::try_from(tier).unwrap();
            let ready = |found: &Match| found.total >= 40.0 && found.passed_over.is_none();
            match pick(&config, tier, &matches, &ledger, seed) {
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
