//! What holds of every batch, tried on thousands.

use std::cmp::Reverse;

use pathfinding::matrix::Matrix;
use pathfinding::prelude::kuhn_munkres;

use super::*;

/// An objective as it is compared: the larger the better.
type Rank = (Vec<u32>, u64, Reverse<u128>);

fn rank(objective: &Objective) -> Rank {
    let assigned = objective.assigned.iter().map(|(_, count)| *count).collect();
    (assigned, objective.value, Reverse(objective.unevenness))
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

/// Class counts as one number, and the value, by the Hungarian method with a column for each place.
fn hungarian(problem: &Problem) -> i128 {
    let places = problem.reps.iter().zip(0..).flat_map(|(rep, place)| {
        std::iter::repeat_n(Some(place), rep.capacity.min(problem.leads.len() as u32) as usize)
    });
    let columns: Vec<Option<u32>> = places.chain(std::iter::repeat_n(None, problem.leads.len())).collect();
    let gain = |lead: &Lead, rep: u32| lead.value(rep).map(|value| weight(lead.class) + i128::from(value));
    let matrix =
        Matrix::from_fn(problem.leads.len(), columns.len(), |(lead, column)| match columns[column] {
            // Worse than to be left out.
            Some(rep) => gain(&problem.leads[lead], rep).unwrap_or(-1),
            None => 0,
        });
    kuhn_munkres(&matrix).0
}

/// More than all leads of the classes after it, and all values, together.
fn weight(class: u8) -> i128 {
    1 << (100 - 10 * class)
}

fn weighed(objective: &Objective) -> i128 {
    let leads = objective.assigned.iter().map(|(class, count)| weight(*class) * i128::from(*count));
    leads.sum::<i128>() + i128::from(objective.value)
}

/// How large a batch is drawn.
#[derive(Clone, Copy)]
struct Size {
    leads: usize,
    reps: usize,
    teams: usize,
    units: (u8, u8),
}

/// Values of few levels are full of ties, those of many have none.
fn values() -> impl Strategy<Value = Vec<u32>> {
    prop_oneof![Just(vec![7]), Just(vec![0, 1]), Just(vec![10, 20, 40]), vec(0..100_000_u32, 20)]
}

prop_compose! {
    /// Batches with classes, forbidden matches, teams, and capacity from scarce to plenty.
    fn problems(size: Size)(
        values in values(),
        reps in 1..=size.reps,
        classes in 1..=3_u8,
        capacity in 1..=(2 * size.leads as u32 / size.reps as u32 * u32::from(size.units.1)).max(2),
        teams in 0..=size.teams,
    )(
        leads in vec(
            (
                0..classes,
                size.units.0..=size.units.1,
                vec(prop::option::weighted(0.8, prop::sample::select(values)), reps),
            ),
            0..=size.leads,
        ),
        reps in vec((0..=capacity, 0..4_u32, 1..4_u16), reps),
        teams in vec(0..=2 * capacity, teams),
        members in vec(0..=teams, reps),
        keys in any::<u64>(),
    ) -> Problem {
        // Keys that differ, in no order.
        let key = |place: usize| (place as u64 + 1).wrapping_mul(keys | 1);
        let leads = leads.iter().enumerate().map(|(place, (class, units, values))| {
            Lead { key: key(place), ..lead(3 * class, *units, values) }
        });
        let reps = reps.into_iter().enumerate().map(|(place, (capacity, held, weight))| {
            Rep { capacity, held, weight: NonZeroU16::new(weight).expect("not 0"), key: key(place) }
        });
        let of = |team: usize| (0..).zip(&members).filter(move |(_, of)| **of == team).map(|(rep, _)| rep);
        let team = |(team, &capacity): (usize, &u32)| Team { reps: of(team).collect(), capacity };
        let teams = teams.iter().enumerate().map(team);
        Problem::new(leads.collect(), reps.collect(), teams.collect()).expect("small numbers")
    }
}

const SMALL: Size = Size { leads: 6, reps: 4, teams: 0, units: (1, 1) };
const LARGE: Size = Size { leads: 40, reps: 12, teams: 0, units: (1, 1) };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_assignment_is_better(problem in problems(SMALL)) {
        let solution = solve(&problem, 0);
        prop_assert_eq!(certify(&problem, &solution), Ok(Certified::Optimal));
        prop_assert_eq!(rank(&solution.objective), brute_force(&problem));
    }

    #[test]
    fn no_assignment_within_team_caps_is_better(problem in problems(Size { teams: 2, ..SMALL })) {
        let solution = solve(&problem, 0);
        prop_assert_eq!(certify(&problem, &solution), Ok(Certified::Optimal));
        prop_assert_eq!(rank(&solution.objective), brute_force(&problem));
    }

    #[test]
    fn leads_of_one_larger_size_are_no_different(
        problem in problems(Size { teams: 1, units: (3, 3), ..SMALL }),
    ) {
        let solution = solve(&problem, 0);
        prop_assert_eq!(certify(&problem, &solution), Ok(Certified::Optimal));
        prop_assert_eq!(rank(&solution.objective), brute_force(&problem));
    }

    #[test]
    fn an_independent_solver_agrees(problem in problems(LARGE)) {
        let solution = solve(&problem, 0);
        prop_assert_eq!(certify(&problem, &solution), Ok(Certified::Optimal));
        prop_assert_eq!(weighed(&solution.objective), hungarian(&problem));
    }

    #[test]
    fn of_equal_leads_the_earlier_has_the_place(problem in problems(Size { teams: 1, ..LARGE })) {
        let solution = solve(&problem, 0);
        prop_assert_eq!(certify(&problem, &solution), Ok(Certified::Optimal));
        let without = problem.leads.iter().zip(&solution.reps).filter(|(_, rep)| rep.is_none());
        for (lead, _) in without {
            for (other, rep) in problem.leads.iter().zip(&solution.reps) {
                let Some(rep) = *rep else { continue };
                let alike = lead.class == other.class && lead.value(rep) == other.value(rep);
                prop_assert!(!alike || other.key < lead.key, "{:?} and not {:?}", other, lead);
            }
        }
    }

    #[test]
    fn a_price_is_what_one_more_place_adds(
        problem in problems(Size { teams: 2, ..LARGE }),
        which in any::<prop::sample::Index>(),
    ) {
        let before = solve(&problem, 0);
        let Proof::Prices(prices) = &before.proof else { panic!("leads of one size have prices") };
        let at = which.index(problem.reps.len() + problem.teams.len());
        let (mut reps, mut teams) = (problem.reps.clone(), problem.teams.clone());
        let worth = |price: Price| price.lead.map_or(0, weight) + i128::from(price.value);
        let mut adds = 0;
        let team = match reps.get_mut(at) {
            Some(rep) => {
                rep.capacity += 1;
                adds = worth(prices.reps[at]);
                problem.team[at].map(|team| team as usize)
            }
            None => Some(at - reps.len()),
        };
        if let Some(team) = team {
            teams[team].capacity += 1;
            // The team's may be used by another rep of it.
            adds = adds.max(worth(prices.teams[team]));
        }
        let after = solve(&Problem::new(problem.leads.clone(), reps, teams).expect("small numbers"), 0);
        prop_assert_eq!(weighed(&after.objective) - weighed(&before.objective), adds);
    }

    #[test]
    fn the_order_of_the_input_does_not_matter(
        problem in problems(Size { teams: 2, ..LARGE }),
        leads in Just((0..LARGE.leads).collect::<Vec<_>>()).prop_shuffle(),
        reps in Just((0..LARGE.reps).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let leads: Vec<usize> = leads.into_iter().filter(|&lead| lead < problem.leads.len()).collect();
        let reps: Vec<usize> = reps.into_iter().filter(|&rep| rep < problem.reps.len()).collect();
        let now = |rep: u32| reps.iter().position(|&before| before == rep as usize).expect("all are there") as u32;
        let moved = |lead: &usize| {
            let mut lead = problem.leads[*lead].clone();
            lead.choices.iter_mut().for_each(|choice| choice.rep = now(choice.rep));
            lead.choices.reverse();
            lead
        };
        let members = |team: &Team| team.reps.iter().map(|&rep| now(rep)).collect();
        let teams = problem.teams.iter().rev().map(|team| Team { reps: members(team), capacity: team.capacity });
        let other = Problem::new(
            leads.iter().map(moved).collect(),
            reps.iter().map(|&rep| problem.reps[rep].clone()).collect(),
            teams.collect(),
        );
        let (before, after) = (solve(&problem, 0), solve(&other.expect("small numbers"), 0));
        let expect: Vec<Option<u32>> = leads.iter().map(|&lead| before.reps[lead].map(now)).collect();
        prop_assert_eq!(after.reps, expect);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn leads_of_unequal_units_are_packed_as_well_as_can_be(
        problem in problems(Size { teams: 1, units: (1, 7), ..SMALL }),
    ) {
        let solution = solve(&problem, NODES);
        prop_assert!(certify(&problem, &solution).is_ok());
        let (assigned, value, _) = brute_force(&problem);
        let (found, worth, _) = rank(&solution.objective);
        prop_assert_eq!((found, worth), (assigned, value));
        prop_assert!(!matches!(solution.proof, Proof::Bounded(_)));
    }

    #[test]
    fn quotas_are_kept_and_cost_no_more_than_they_must(
        problem in problems(Size { teams: 1, ..SMALL }),
        unequal in problems(Size { teams: 1, units: (1, 4), ..SMALL }),
        quotas in vec((vec(any::<bool>(), SMALL.leads), vec(any::<bool>(), SMALL.reps), 0..3_u32), 1..4),
    ) {
        for problem in [problem, unequal] {
            let picked = |flags: &[bool], of: usize| {
                (0..).zip(flags).take(of).filter(|(_, flag)| **flag).map(|(place, _)| place).collect()
            };
            let quota = |(leads, reps, most): &(Vec<bool>, Vec<bool>, u32)| Quota {
                leads: picked(leads, problem.leads.len()),
                reps: picked(reps, problem.reps.len()),
                most: *most,
            };
            let quotas = quotas.iter().map(quota).collect();
            let problem = problem.clone().with_quotas(quotas).expect("all are there");
            let solution = solve(&problem, NODES);
            prop_assert!(certify(&problem, &solution).is_ok());
            let (assigned, value, _) = brute_force(&problem);
            let (found, worth, _) = rank(&solution.objective);
            prop_assert_eq!((found, worth), (assigned, value));
            prop_assert!(!matches!(solution.proof, Proof::Bounded(_)));
        }
    }
}
