use proptest::prelude::*;

use super::*;
use crate::pipeline::fixture::{self, id};
use crate::rotation::turn;

/// Monday in the middle of a month, summer time in Lisbon (UTC+1).
const MONDAY: &str = "2026-06-15T10:00:00Z";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn config(names: &[&str]) -> Config {
    Config { reps: names.iter().map(|name| fixture::rep(name)).collect(), ..fixture::config() }
}

fn select(turns: Turns, pool: &[&str], picked: &str) -> SelectTrace {
    SelectTrace {
        free_now: false,
        fast: false,
        method: Method::Rotation,
        turns,
        queue: "smb".to_owned(),
        pool: pool.iter().map(|rep| (id(rep), if *rep == picked { 1.0 } else { 0.0 })).collect(),
        picked: id(picked),
        preferred: false,
        passed_over: BTreeMap::new(),
    }
}

/// Whoever of the pool is next gets a lead.
fn serve(ledger: &mut Ledger, turns: Turns, pool: &[&str], at: Timestamp, seed: u64) -> String {
    let reps: Vec<RepId> = pool.iter().map(|rep| id(rep)).collect();
    let view = ledger.at(at);
    let line = view.line("smb", &reps);
    let among: Vec<usize> = (0..reps.len()).collect();
    let picked = turn(turns, &line.members, &among, line.last, seed).unwrap().picked;
    give(ledger, turns, pool, pool[picked], at);
    pool[picked].to_owned()
}

fn give(ledger: &mut Ledger, turns: Turns, pool: &[&str], rep: &str, at: Timestamp) {
    let select = select(turns, pool, rep);
    ledger.apply(&Assignment { at, select: Some(&select), ..assignment(&id(rep)) });
}

fn assignment(rep: &RepId) -> Assignment<'_> {
    Assignment { rep, at: time(MONDAY), units: 1, rules: &[], select: None, price: None }
}

/// Credit and month of each, in the queue `smb`.
fn standings(ledger: &Ledger, reps: &[&str], at: &str) -> Vec<(f64, f64)> {
    let reps: Vec<RepId> = reps.iter().map(|rep| id(rep)).collect();
    let round = |number: f64| (number * 1e6).round() / 1e6 + 0.0;
    let members = ledger.at(time(at)).line("smb", &reps).members;
    members.iter().map(|member| (round(member.credit), round(member.month))).collect()
}

#[test]
fn assignments_are_counted_and_taken_back() {
    let mut config = config(&["ana", "ben", "cy"]);
    config.reps[0].open = 3;
    config.reps[0].week = 2;
    let rules = [id::<RuleId>("vip")];
    let check = |rep: &str,
                 units,
                 select: Option<SelectTrace>,
                 expect: [(u32, u32, u32); 3],
                 turns: [(f64, f64); 3]| {
        let before = Ledger::new(&config);
        let mut ledger = before.clone();
        let rep = id(rep);
        let assignment = Assignment { units, rules: &rules, select: select.as_ref(), ..assignment(&rep) };
        ledger.apply(&assignment);
        let reps = ["ana", "ben", "cy"].map(id);
        let view = ledger.at(time(MONDAY));
        let found = reps.clone().map(|rep| view.get(&rep)).map(|found| (found.open, found.day, found.week));
        assert_eq!(found, expect);
        assert_eq!(standings(&ledger, &["ana", "ben", "cy"], MONDAY), turns);
        let known = config.rep(&rep).is_some();
        let one = NewLeads { day: u32::from(known), week: u32::from(known) };
        assert_eq!((view.team(&id("smb")), view.rule(&rules[0], &rep)), (one, one));
        assert_eq!(view.rule(&id("other"), &rep), NewLeads::default());

        ledger.withdraw(&assignment);
        let (after, before) = (ledger.at(time(MONDAY)), before.at(time(MONDAY)));
        for rep in &reps {
            assert_eq!(after.get(rep), before.get(rep));
        }
        assert_eq!(after.team(&id("smb")), NewLeads::default());
        assert_eq!(standings(&ledger, &["ana", "ben", "cy"], MONDAY), [(0.0, 0.0); 3]);
    };
    let none = [(0.0, 0.0); 3];
    check("ana", 1, None, [(4, 1, 3), (0, 0, 0), (0, 0, 0)], none);
    check("ben", 3, None, [(3, 0, 2), (3, 1, 1), (0, 0, 0)], none);
    check("nobody", 1, None, [(3, 0, 2), (0, 0, 0), (0, 0, 0)], none);
    let turns = |turns| Some(select(turns, &["ana", "ben"], "ana"));
    let counted = [(4, 1, 3), (0, 0, 0), (0, 0, 0)];
    // Cy joins at the average: of nothing owed, and of half a lead had.
    check("ana", 1, turns(Turns::Credit), counted, [(-0.5, 1.0), (0.5, 0.0), (0.0, 0.5)]);
    check("ana", 1, turns(Turns::Count), counted, [(0.0, 1.0), (0.0, 0.0), (0.0, 0.5)]);
    // A lead won by a match is no turn had, and counts for the month.
    let won = turns(Turns::Credit).map(|select| SelectTrace { method: Method::HighestTotal, ..select });
    check("ana", 1, won, counted, [(0.0, 1.0), (0.0, 0.0), (0.0, 0.5)]);
}

#[test]
fn deals_that_close_free_their_units() {
    let mut ledger = Ledger::new(&config(&["ana"]));
    ledger.apply(&Assignment { units: 3, ..assignment(&id("ana")) });
    ledger.release(&id("ana"), 2, &[]);
    assert_eq!(ledger.at(time(MONDAY)).get(&id("ana")).open, 1);
    ledger.release(&id("ana"), 2, &[]);
    assert_eq!(
        ledger.at(time(MONDAY)).get(&id("ana")),
        Counters { open: 0, day: 1, week: 1, price: Price::default() }
    );
}

#[test]
fn windows_are_exact() {
    let mut config = config(&["ana"]);
    config.reps[0].week = 4;
    let mut ledger = Ledger::new(&config);
    // Midnight in Lisbon is 23:00 in UTC.
    for at in
        ["2026-06-15T10:00:00Z", "2026-06-15T22:59:59.999Z", "2026-06-15T23:00:00Z", "2026-06-16T08:00:00Z"]
    {
        ledger.apply(&Assignment { at: time(at), ..assignment(&id("ana")) });
    }
    let check = |at: &str, day, week| {
        let counted = ledger.at(time(at)).get(&id("ana"));
        assert_eq!((counted.day, counted.week), (day, week), "{at}");
        assert_eq!(ledger.at(time(at)).place(0), counted);
    };
    check("2026-06-16T09:00:00Z", 2, 8);
    check("2026-06-16T22:59:59Z", 2, 8);
    check("2026-06-16T23:00:00Z", 0, 8);
    // The folder's four leave with the first that has a moment.
    check("2026-06-22T09:59:59.999Z", 0, 8);
    check("2026-06-22T10:00:00Z", 0, 3);
    check("2026-06-22T22:59:59.999Z", 0, 2);
    check("2026-06-23T08:00:00Z", 0, 0);
    // A clock that is behind counts what came later as well.
    check("2026-06-15T22:59:00Z", 4, 8);
}

#[test]
fn a_month_is_the_tenants() {
    let mut ledger = Ledger::new(&config(&["ana", "ben"]));
    give(&mut ledger, Turns::Credit, &["ana", "ben"], "ana", time("2026-06-30T22:00:00Z"));
    assert_eq!(standings(&ledger, &["ana", "ben"], "2026-06-30T22:59:59Z"), [(-0.5, 1.0), (0.5, 0.0)]);
    assert_eq!(standings(&ledger, &["ana", "ben"], "2026-06-30T23:00:00Z"), [(-0.5, 0.0), (0.5, 0.0)]);
    give(&mut ledger, Turns::Credit, &["ana", "ben"], "ben", time("2026-06-30T23:00:00Z"));
    assert_eq!(standings(&ledger, &["ana", "ben"], "2026-06-30T23:00:00Z"), [(0.0, 0.0), (0.0, 1.0)]);
}

/// Cal.com, "Round-robin scheduling": hosts of the same weight end up with as many bookings.
#[test]
fn weights_hold_over_time_and_in_their_queue_only() {
    let check = |weights: [f64; 2], shares: &[(&str, f64)], leads, expect: [f64; 2]| {
        let mut config = config(&["ana", "ben"]);
        config.reps[0].weight = weights[0];
        config.reps[1].weight = weights[1];
        config.fairness.weights = shares
            .iter()
            .map(|(queue, weight)| Share {
                rep: id("ben"),
                parts: queue.split('|').map(str::to_owned).collect(),
                weight: *weight,
            })
            .collect();
        let mut ledger = Ledger::new(&config);
        for seed in 0..leads {
            serve(&mut ledger, Turns::Credit, &["ana", "ben"], time(MONDAY), seed);
        }
        let months: Vec<f64> =
            standings(&ledger, &["ana", "ben"], MONDAY).iter().map(|(_, month)| *month).collect();
        assert_eq!(months, expect, "{weights:?} {shares:?}");
    };
    check([1.0, 1.0], &[], 30, [15.0, 15.0]);
    check([1.0, 2.0], &[], 6, [2.0, 4.0]);
    check([1.0, 1.0], &[("smb", 2.0)], 6, [2.0, 4.0]);
    check([1.0, 1.0], &[("enterprise", 2.0), ("smb|tier=3", 5.0)], 6, [3.0, 3.0]);
    // Of several, the first with most parts.
    check([1.0, 1.0], &[("smb", 2.0), ("smb", 5.0)], 6, [2.0, 4.0]);
}

#[test]
fn who_joins_starts_at_the_average() {
    let mut config = config(&["ana", "ben"]);
    let mut ledger = Ledger::new(&config);
    for seed in 0..20 {
        serve(&mut ledger, Turns::Count, &["ana", "ben"], time(MONDAY), seed);
    }
    config.reps.push(fixture::rep("new"));
    config.reps.push(crate::lead::Rep { weight: 2.0, ..fixture::rep("twice") });
    ledger.adopt(&config);
    assert_eq!(standings(&ledger, &["new", "twice"], MONDAY), [(0.0, 10.0), (0.0, 20.0)]);
    let mut had = BTreeMap::<String, u32>::new();
    for seed in 0..10 {
        *had.entry(serve(&mut ledger, Turns::Count, &["ana", "ben", "new", "twice"], time(MONDAY), seed))
            .or_default() += 1;
    }
    let expect = [("ana", 2), ("ben", 2), ("new", 2), ("twice", 4)];
    assert_eq!(had, expect.map(|(rep, leads)| (rep.to_owned(), leads)).into());
}

#[test]
fn who_comes_back_catches_up_on_nothing() {
    let check = |turns: Turns, back: (f64, f64)| {
        let all = ["ana", "ben", "cy"];
        let mut ledger = Ledger::new(&config(&all));
        for seed in 0..3 {
            serve(&mut ledger, turns, &all, time(MONDAY), seed);
        }
        for seed in 0..20 {
            ledger.away([&id("cy")]);
            serve(&mut ledger, turns, &all[..2], time(MONDAY), seed);
        }
        let found = standings(&ledger, &["cy"], MONDAY);
        assert_eq!(found, [back], "{turns:?}, before the first turn");
        let mut again = ledger.clone();
        again.calibrate(&id("cy"), time(MONDAY));
        assert_eq!(standings(&again, &["cy"], MONDAY), [back], "{turns:?}, when somebody says so");
        let mut had = BTreeMap::<String, u32>::new();
        for seed in 0..6 {
            *had.entry(serve(&mut ledger, turns, &all, time(MONDAY), seed)).or_default() += 1;
        }
        assert_eq!(had, all.map(|rep| (rep.to_owned(), 2)).into(), "{turns:?}");
    };
    check(Turns::Credit, (0.0, 11.0));
    check(Turns::Count, (0.0, 11.0));
}

#[test]
fn credit_by_hand() {
    let mut ledger = Ledger::new(&config(&["ana", "ben"]));
    ledger.credit(&id("ben"), "smb", 2.0, time(MONDAY));
    assert_eq!(standings(&ledger, &["ben"], MONDAY), [(2.0, -2.0)]);
    // Whoever joins now is not better off for it.
    assert_eq!(standings(&ledger, &["ana"], MONDAY), [(0.0, 0.0)]);
    for turns in [Turns::Credit, Turns::Count] {
        let mut ledger = ledger.clone();
        let next: Vec<String> =
            (0..2).map(|seed| serve(&mut ledger, turns, &["ana", "ben"], time(MONDAY), seed)).collect();
        assert_eq!(next, ["ben", "ben"], "{turns:?}");
    }
}

#[test]
fn the_order_goes_on_whatever_the_roster() {
    let all = ["ana", "ben", "cy", "dan"];
    let check = |served: usize, roster: &[&str], expect: &str| {
        let mut ledger = Ledger::new(&config(&all));
        for seed in 0..served as u64 {
            serve(&mut ledger, Turns::Order, &all, time(MONDAY), seed);
        }
        ledger.adopt(&config(roster));
        assert_eq!(serve(&mut ledger, Turns::Order, roster, time(MONDAY), 1), expect, "{served} {roster:?}");
    };
    check(2, &all, "cy");
    check(2, &["ana", "cy", "dan"], "cy");
    check(2, &["cy", "dan"], "cy");
    check(1, &["ben", "cy", "dan"], "ben");
    check(4, &["ana", "ben", "cy"], "ana");
    check(2, &["ana", "ben", "new", "cy", "dan"], "new");
}

#[test]
fn a_turn_given_away_comes_back_in_order_too() {
    let all = ["ana", "ben", "cy"];
    let select = select(Turns::Order, &all, "ana");
    let ana = id("ana");
    let first = Assignment { select: Some(&select), ..assignment(&ana) };
    let next = |change: &dyn Fn(&mut Ledger)| {
        let mut ledger = Ledger::new(&config(&all));
        ledger.apply(&first);
        change(&mut ledger);
        serve(&mut ledger, Turns::Order, &all, time(MONDAY), 1)
    };
    assert_eq!(next(&|_| ()), "ben");
    assert_eq!(next(&|ledger| ledger.withdraw(&first)), "ana");
    assert_eq!(next(&|ledger| ledger.reassign(&first, &id("ben"))), "cy");
    assert_eq!(next(&|ledger| ledger.reassign(&first, &id("nobody"))), "ben");
}

const NAMES: [&str; 5] = ["ana", "ben", "cy", "dan", "eve"];

/// One thing that happens to a ledger.
#[derive(Debug, Clone)]
enum Step {
    Serve { pool: Vec<bool>, hours: i64 },
    Reassign { to: usize },
    Withdraw,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let some = || prop::collection::vec(any::<bool>(), NAMES.len());
    let step = prop_oneof![
        6 => (some(), 0..30i64).prop_map(|(pool, hours)| Step::Serve { pool, hours }),
        1 => (0..NAMES.len()).prop_map(|to| Step::Reassign { to }),
        1 => Just(Step::Withdraw),
    ];
    prop::collection::vec(step, 1..60)
}

fn chosen(mask: &[bool]) -> Vec<&'static str> {
    NAMES.iter().zip(mask).filter(|(_, chosen)| **chosen).map(|(name, _)| *name).collect()
}

fn sum(ledger: &Ledger) -> f64 {
    ledger.queues.values().flat_map(|queue| queue.standings.values()).map(|standing| standing.credit).sum()
}

proptest! {
    /// Whoever is served, reassigned and taken back: a queue's credits add up to 0, nobody has more
    /// leads than were given, and what a decision records answers as the ledger does, to the bit.
    #[test]
    fn laws(steps in steps(), turns in prop::sample::select(vec![Turns::Credit, Turns::Count, Turns::Order])) {
        let config = config(&NAMES);
        let mut ledger = Ledger::new(&config);
        let mut at = time(MONDAY);
        let mut last: Option<(RepId, Timestamp, SelectTrace)> = None;
        let mut open = 0;
        for (seed, step) in steps.iter().enumerate() {
            match step {
                Step::Serve { pool, hours } => {
                    let pool = chosen(pool);
                    if pool.is_empty() {
                        continue;
                    }
                    at += SignedDuration::from_hours(*hours);
                    let picked = serve(&mut ledger, turns, &pool, at, seed as u64);
                    last = Some((id(&picked), at, select(turns, &pool, &picked)));
                    open += 1;
                }
                Step::Reassign { to } => {
                    let Some((rep, at, select)) = last.take() else { continue };
                    let given = Assignment { at, select: Some(&select), ..assignment(&rep) };
                    ledger.reassign(&given, &id(NAMES[*to]));
                }
                Step::Withdraw => {
                    let Some((rep, at, select)) = last.take() else { continue };
                    ledger.withdraw(&Assignment { at, select: Some(&select), ..assignment(&rep) });
                    open -= 1;
                }
            }
            prop_assert!(sum(&ledger).abs() < 1e-6, "the sum stays 0");
            let reps = NAMES.map(id::<RepId>);
            let view = ledger.at(at);
            prop_assert_eq!(reps.iter().map(|rep| view.get(rep).open).sum::<u32>(), open);
            let seen = view.record(&reps, &[], [("smb".to_owned(), reps.iter().collect())]);
            let again = Ledger::from_recorded(&config, &seen);
            let again = again.at(at);
            prop_assert_eq!(again.line("smb", &reps), view.line("smb", &reps));
            prop_assert_eq!(again.team(&id("smb")), view.team(&id("smb")));
            prop_assert!(reps.iter().all(|rep| again.get(rep) == view.get(rep)));
            let stored = serde_json::from_str(&serde_json::to_string(&seen).unwrap()).unwrap();
            prop_assert_eq!(&seen, &stored, "it survives being stored");
        }
    }

    /// Reassigning is as if the other had been picked first.
    #[test]
    fn reassigning_is_neutral(
        before in prop::collection::vec(0..5usize, 0..20),
        from in 0..5usize,
        to in 0..5usize,
        turns in prop::sample::select(vec![Turns::Credit, Turns::Count, Turns::Order]),
    ) {
        let at = time(MONDAY);
        let mut ledger = Ledger::new(&config(&NAMES));
        for rep in before {
            give(&mut ledger, turns, &NAMES, NAMES[rep], at);
        }
        let mut other = ledger.clone();
        give(&mut other, turns, &NAMES, NAMES[to], at);
        let (rep, select) = (id(NAMES[from]), select(turns, &NAMES, NAMES[from]));
        let given = Assignment { select: Some(&select), ..assignment(&rep) };
        ledger.apply(&given);
        ledger.reassign(&given, &id(NAMES[to]));
        prop_assert_eq!(standings(&ledger, &NAMES, MONDAY), standings(&other, &NAMES, MONDAY));
        let reps = NAMES.map(id::<RepId>);
        prop_assert_eq!(ledger.at(at).line("smb", &reps).last, other.at(at).line("smb", &reps).last);
        prop_assert!(reps.iter().all(|rep| ledger.at(at).get(rep) == other.at(at).get(rep)));
    }

    /// Whatever becomes of the roster, everybody keeps their counters, also those who are not there.
    #[test]
    fn edits_of_the_roster_reset_nothing(
        leads in prop::collection::vec(0..5usize, 1..20),
        rosters in prop::collection::vec(Just(NAMES.to_vec()).prop_shuffle(), 1..4),
        kept in 1..5usize,
    ) {
        let at = time(MONDAY);
        let mut ledger = Ledger::new(&config(&NAMES));
        for rep in leads {
            give(&mut ledger, Turns::Credit, &NAMES, NAMES[rep], at);
        }
        let reps = NAMES.map(id::<RepId>);
        let all = |ledger: &Ledger| {
            let view = ledger.at(at);
            (reps.clone().map(|rep| view.get(&rep)), standings(ledger, &NAMES, MONDAY))
        };
        let before = all(&ledger);
        for roster in rosters {
            ledger.adopt(&config(&roster[..kept]));
            prop_assert_eq!(&all(&ledger), &before);
        }
        ledger.adopt(&config(&NAMES));
        prop_assert_eq!(&all(&ledger), &before);
    }
}
