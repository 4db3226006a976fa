use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// How far a search may go in tests; none of them needs so much.
const NODES: u64 = 100_000;

/// An objective as it is compared: the larger the better.
type Rank = (Vec<u32>, u64, std::cmp::Reverse<u128>);

fn rank(objective: &Objective) -> Rank {
    let assigned = objective.assigned.iter().map(|(_, count)| *count).collect();
    (assigned, objective.value, std::cmp::Reverse(objective.unevenness))
}

/// The best of all assignments, tried one by one.
fn brute_force(problem: &Problem) -> Rank {
    fn extend(problem: &Problem, reps: &mut Vec<Option<u32>>, best: &mut Option<Rank>) {
        let Some(lead) = problem.leads.get(reps.len()) else {
            if certificate::feasible(problem, reps).is_ok() {
                *best = best.take().max(Some(rank(&objective(problem, reps))));
            }
            return;
        };
        for rep in lead.choices.iter().map(|choice| Some(choice.rep)).chain([None]) {
            reps.push(rep);
            extend(problem, reps, best);
            reps.pop();
        }
    }
    let mut best = None;
    extend(problem, &mut Vec::new(), &mut best);
    best.expect("nobody having anything is feasible")
}

/// Values of few levels are full of ties, those of many have none.
fn values() -> impl Strategy<Value = Vec<u32>> {
    prop_oneof![Just(vec![7]), Just(vec![0, 1]), Just(vec![10, 20, 40]), vec(0..100_000_u32, 20)]
}

fn problems(
    leads: usize,
    reps: usize,
    units: std::ops::RangeInclusive<u8>,
) -> impl Strategy<Value = Problem> {
    (values(), 1..=reps, 1..=3_u8, 1..=40_u32, 0..3_usize).prop_flat_map(
        move |(values, reps, classes, cap, teams)| {
            let units = units.clone();
            let choice = prop::option::weighted(0.8, prop::sample::select(values));
            let lead = (0..classes, units.clone(), vec(choice, reps), any::<u64>());
            let cap = cap.min(3 * u32::from(*units.start())).max(1);
            let rep = (0..=cap, 0..4_u32, 1..4_u16, any::<u64>());
            let team = vec(0..=2 * cap, teams);
            (vec(lead, 0..=leads), vec(rep, reps), team, vec(0..=teams, reps)).prop_map(
                |(leads, reps, caps, team)| {
                    let lead = |(class, units, values, key): (u8, u8, Vec<Option<u32>>, u64)| Lead {
                        class: class * 3,
                        units: NonZeroU8::new(units).expect("not 0"),
                        choices: (0..)
                            .zip(values)
                            .filter_map(|(rep, value)| Some(Choice { rep, value: value? }))
                            .collect(),
                        key,
                    };
                    let rep = |(capacity, held, weight, key): (u32, u32, u16, u64)| Rep {
                        capacity,
                        held,
                        weight: NonZeroU16::new(weight).expect("not 0"),
                        key,
                    };
                    let members = |of: usize| {
                        (0..).zip(&team).filter(|(_, team)| **team == of).map(|(rep, _)| rep).collect()
                    };
                    let teams =
                        (0..).zip(caps).map(|(place, capacity)| Team { reps: members(place), capacity });
                    Problem::new(
                        leads.into_iter().map(lead).collect(),
                        reps.into_iter().map(rep).collect(),
                        teams.collect(),
                    )
                    .expect("small numbers")
                },
            )
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_better(problem in problems(6, 4, 1..=1)) {
        let solution = solve(&problem, NODES);
        prop_assert_eq!(certify(&problem, &solution), Ok(Certified::Optimal));
        prop_assert_eq!(rank(&solution.objective), brute_force(&problem));
    }
}
