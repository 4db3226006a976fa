use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

mod laws;
mod published;

/// How far a search may go in tests; none of them needs so much.
const NODES: u64 = 100_000;

fn lead(class: u8, units: u8, values: &[Option<u32>]) -> Lead {
    let choice = |(rep, value): (u32, &Option<u32>)| Some(Choice { rep, value: (*value)? });
    let units = NonZeroU8::new(units).expect("not 0");
    Lead { class, units, choices: (0..).zip(values).filter_map(choice).collect(), key: 0 }
}

fn rep(capacity: u32) -> Rep {
    Rep { capacity, held: 0, weight: NonZeroU16::MIN, key: 0 }
}

/// Two leads who both want Ana most; she can take one.
fn scarce() -> Problem {
    let leads = vec![lead(0, 1, &[Some(90_000), Some(40_000)]), lead(0, 1, &[Some(80_000), Some(70_000)])];
    Problem::new(leads, vec![rep(1), rep(2)], Vec::new()).expect("small numbers")
}

#[test]
fn a_price_tells_why_the_best_rep_went_to_another() {
    let solution = solve(&scarce(), 0);
    let price = |value, evenness| Price { lead: None, value, evenness };
    assert_eq!(
        solution,
        Solution {
            reps: vec![Some(0), Some(1)],
            objective: Objective { assigned: vec![(0, 2)], value: 160_000, unevenness: 2 },
            // With one more place at rep 0, lead 1 would have 10,000 more there.
            proof: Proof::Prices(Prices { reps: vec![price(10_000, 1), price(0, 1)], teams: Vec::new() }),
        }
    );
}

#[test]
fn a_wrong_solution_is_found_out() {
    let check = |change: fn(&mut Solution), expect: Flaw| {
        let problem = scarce();
        let mut solution = solve(&problem, 0);
        change(&mut solution);
        solution.objective = match expect {
            Flaw::Objective { .. } => solution.objective,
            _ => objective(&problem, &solution.reps),
        };
        assert_eq!(certify(&problem, &solution), Err(expect));
    };
    fn prices(solution: &mut Solution) -> &mut Vec<Price> {
        match &mut solution.proof {
            Proof::Prices(prices) => &mut prices.reps,
            _ => panic!("leads of one size have prices"),
        }
    }
    check(|s| s.reps.truncate(1), Flaw::Count { of: "leads", expected: 2, found: 1 });
    check(|s| s.reps[0] = Some(2), Flaw::NotAChoice { lead: 0, rep: 2 });
    check(|s| s.reps[1] = Some(0), Flaw::RepOverCapacity { rep: 0, units: 2, capacity: 1 });
    check(|s| s.reps.reverse(), Flaw::Envy { lead: 0, better: Some(0) });
    check(|s| s.reps[1] = None, Flaw::Envy { lead: 1, better: Some(0) });
    check(|s| prices(s)[0].value = 9_999, Flaw::Envy { lead: 1, better: Some(0) });
    check(|s| prices(s)[0].value = 50_001, Flaw::Envy { lead: 0, better: Some(1) });
    check(|s| prices(s)[1].value = -1, Flaw::RepPrice { rep: 1 });
    check(|s| prices(s).truncate(1), Flaw::Count { of: "reps", expected: 2, found: 1 });
    let reached = solve(&scarce(), 0).objective;
    check(|s| s.objective.value += 1, Flaw::Objective { reached });
}

#[test]
fn what_is_no_problem_is_refused() {
    let check = |lead: Lead, reps: Vec<Rep>, teams: &[&[u32]], expect: Error| {
        let teams = teams.iter().map(|reps| Team { reps: reps.to_vec(), capacity: 1 }).collect();
        assert_eq!(Problem::new(vec![lead], reps, teams).map(drop), Err(expect));
    };
    let fine = lead(0, 1, &[Some(1)]);
    check(lead(0, 1, &[None, Some(1)]), vec![rep(1)], &[], Error::NoSuchRep { lead: 0, rep: 1, reps: 1 });
    check(fine.clone(), vec![rep(1)], &[&[0], &[1]], Error::NoSuchMember { team: 1, rep: 1, reps: 1 });
    check(fine.clone(), vec![rep(1)], &[&[0], &[0]], Error::TwoTeams { rep: 0, team: 1 });
    let share = |weight| Rep { weight: NonZeroU16::new(weight).expect("not 0"), held: u32::MAX, ..rep(1) };
    let reps = vec![share(1), share(u16::MAX)];
    check(lead(0, 1, &[Some(u32::MAX)]), reps, &[], Error::TooLarge { bits: 90 });
}

#[test]
fn a_quota_that_the_flow_breaks_is_searched_for() {
    let check = |most: u32, expect: &[Option<u32>], proved: bool| {
        // Both want rep 0, who has room for both.
        let leads = vec![lead(0, 1, &[Some(90), Some(40)]), lead(0, 1, &[Some(80), Some(70)])];
        let problem = Problem::new(leads, vec![rep(2), rep(2)], Vec::new()).expect("small numbers");
        let quota = Quota { leads: vec![1, 0], reps: vec![0], most };
        let problem = problem.with_quotas(vec![quota]).expect("all are there");
        let solution = solve(&problem, NODES);
        assert_eq!(solution.reps, expect, "{most}");
        assert_eq!(matches!(solution.proof, Proof::Prices(_)), proved, "{most}");
    };
    check(2, &[Some(0), Some(0)], true);
    check(1, &[Some(0), Some(1)], false);
    check(0, &[Some(1), Some(1)], false);

    let problem = scarce().with_quotas(vec![Quota { leads: vec![0], reps: vec![2], most: 1 }]);
    let expect = Error::NoSuchPlace { quota: 0, what: "reps", place: 2, of: 2 };
    assert_eq!(problem.map(drop), Err(expect));
    let problem =
        scarce().with_quotas(vec![Quota { leads: vec![0, 1], reps: vec![0], most: 0 }]).expect("fine");
    let broken = Solution { reps: vec![Some(0), Some(1)], ..solve(&problem, NODES) };
    assert_eq!(certify(&problem, &broken), Err(Flaw::OverQuota { quota: 0, leads: 1, most: 0 }));
}

#[test]
fn a_search_evens_out_what_is_worth_the_same() {
    let check = |units: [u8; 4], held: [u32; 2], expect: [u64; 2]| {
        let leads = units.map(|units| lead(0, units, &[Some(5), Some(5)]));
        let reps = held.map(|held| Rep { held, ..rep(20) });
        let problem = Problem::new(leads.to_vec(), reps.to_vec(), Vec::new()).expect("small numbers");
        // The quota is met by nothing, so that leads of one size are searched as well.
        let quota = Quota { leads: vec![0, 1, 2, 3], reps: vec![0], most: 3 };
        let solution = solve(&problem.with_quotas(vec![quota]).expect("all are there"), NODES);
        let load = |rep: u32| {
            let theirs = units.iter().zip(&solution.reps).filter(|(_, at)| **at == Some(rep));
            theirs.map(|(units, _)| u64::from(*units)).sum::<u64>()
        };
        assert_eq!([load(0), load(1)], expect, "{units:?} {held:?}");
    };
    check([1, 1, 1, 2], [0, 0], [3, 2]);
    check([3, 3, 3, 3], [0, 6], [9, 3]);
    check([1, 2, 3, 4], [0, 0], [5, 5]);
}

#[test]
fn of_leads_that_count_alike_the_earlier_has_the_place() {
    let check = |units: [u8; 3], in_quota: &[u32], expect: [Option<u32>; 3]| {
        // The third came first.
        let leads =
            units.iter().zip([2, 1, 0]).map(|(units, key)| Lead { key, ..lead(0, *units, &[Some(5)]) });
        let problem = Problem::new(leads.collect(), vec![rep(2)], Vec::new()).expect("small numbers");
        let quota = Quota { leads: in_quota.to_vec(), reps: vec![0], most: 1 };
        let problem = problem.with_quotas(vec![quota]).expect("all are there");
        assert_eq!(solve(&problem, NODES).reps, expect, "{units:?} {in_quota:?}");
    };
    check([1, 1, 1], &[], [None, Some(0), Some(0)]);
    check([1, 1, 1], &[1, 2], [Some(0), None, Some(0)]);
    check([2, 2, 2], &[0, 1, 2], [None, None, Some(0)]);
    check([1, 2, 2], &[0, 1, 2], [Some(0), None, None]);
    check([3, 2, 2], &[0, 1, 2], [None, None, Some(0)]);
}

#[test]
fn a_rep_named_twice_counts_once() {
    let choice = |value| Choice { rep: 0, value };
    let lead = Lead { choices: vec![choice(1), choice(3), choice(2)], ..lead(0, 1, &[]) };
    let problem = Problem::new(vec![lead], vec![rep(1)], Vec::new()).expect("small numbers");
    assert_eq!(problem.leads()[0].choices, [choice(3)]);
}
