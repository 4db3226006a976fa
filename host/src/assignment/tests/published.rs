//! Instances with optima that others have published.

use super::*;
use crate::assignment::search::{Cap, Match, Packing};

/// The least cost, as the most of what is saved against a dear match.
fn least_cost(costs: &[Vec<u32>], reps: Vec<Rep>, teams: Vec<Team>) -> u64 {
    const DEAR: u32 = 1_000;
    let saved =
        |costs: &Vec<u32>| lead(0, 1, &costs.iter().map(|cost| Some(DEAR - cost)).collect::<Vec<_>>());
    let problem = Problem::new(costs.iter().map(saved).collect(), reps, teams).expect("small numbers");
    let solution = solve(&problem, 0);
    assert_eq!(certify(&problem, &solution), Ok(Certified::Optimal));
    u64::from(DEAR) * u64::from(solution.objective.assigned[0].1) - solution.objective.value
}

fn columns<const ROWS: usize, const COLUMNS: usize>(rows: [[u32; COLUMNS]; ROWS]) -> Vec<Vec<u32>> {
    (0..COLUMNS).map(|column| rows.iter().map(|row| row[column]).collect()).collect()
}

#[test]
fn examples_of_manuals() {
    // SciPy, `scipy.optimize.linear_sum_assignment`.
    let scipy = columns([[4, 1, 3], [2, 0, 5], [3, 2, 2]]);
    assert_eq!(least_cost(&scipy, vec![rep(1); 3], Vec::new()), 5);

    // OR-Tools, "Linear Sum Assignment Solver", and "Solving an Assignment Problem" with a worker more.
    let four = columns([[90, 76, 75, 70], [35, 85, 55, 65], [125, 95, 90, 105], [45, 110, 95, 115]]);
    assert_eq!(least_cost(&four, vec![rep(1); 4], Vec::new()), 265);
    let five = columns([
        [90, 80, 75, 70],
        [35, 85, 55, 65],
        [125, 95, 90, 95],
        [45, 110, 95, 115],
        [50, 100, 90, 100],
    ]);
    assert_eq!(least_cost(&five, vec![rep(1); 5], Vec::new()), 265);

    // OR-Tools, "Assignment with Teams of Workers": two tasks at most for each team.
    let six = columns([
        [90, 76, 75, 70],
        [35, 85, 55, 65],
        [125, 95, 90, 105],
        [45, 110, 95, 115],
        [60, 105, 80, 75],
        [45, 65, 110, 95],
    ]);
    let teams = [vec![0, 2, 4], vec![1, 3, 5]].map(|reps| Team { reps, capacity: 2 });
    assert_eq!(least_cost(&six, vec![rep(1); 6], teams.into()), 250);
}

fn numbers(text: &str) -> impl Iterator<Item = u32> {
    text.split_whitespace().map(|word| word.parse().expect("a number"))
}

#[test]
fn or_library_assign100() {
    let mut numbers = numbers(include_str!("../../../../data/or-library/assign100.txt"));
    let size = numbers.next().expect("a size") as usize;
    let costs: Vec<u32> = numbers.collect();
    let costs: Vec<Vec<u32>> = costs.chunks(size).map(<[u32]>::to_vec).collect();
    assert_eq!(least_cost(&costs, vec![rep(1); size], Vec::new()), 305);
}

/// The instances of a file of OR-Library's generalised assignment problems.
fn packings(text: &str) -> Vec<Packing> {
    let mut numbers = numbers(text);
    let mut next = || numbers.next().expect("a number");
    let count = next();
    let packing = |_| {
        let (agents, jobs) = (next(), next() as usize);
        let mut table =
            || (0..agents).map(|_| (0..jobs).map(|_| next()).collect()).collect::<Vec<Vec<u32>>>();
        let (values, units) = (table(), table());
        let at = |lead: usize, rep: u32| Match {
            lead,
            rep,
            value: values[rep as usize][lead],
            units: units[rep as usize][lead],
        };
        Packing {
            classes: vec![0; jobs],
            matches: (0..jobs)
                .flat_map(|lead| (0..agents).map(move |rep| (lead, rep)))
                .map(|(l, r)| at(l, r))
                .collect(),
            rank: (vec![0; jobs], vec![0; agents as usize]),
            caps: (0..agents).map(|agent| Cap::units(vec![agent], next())).collect(),
        }
    };
    (0..count).map(packing).collect()
}

/// What a packing's best assignment is worth after so many nodes, and what is known of it.
fn pack(mut packing: Packing, nodes: u64) -> (u64, Proof) {
    let matches = packing.matches.clone();
    let (reps, proof) = packing.solve(nodes);
    assert!(reps.iter().all(Option::is_some), "every job is done");
    let made = matches.iter().filter(|of| reps[of.lead] == Some(of.rep));
    (made.map(|of| u64::from(of.value)).sum(), proof)
}

#[test]
fn or_library_generalised_assignment() {
    let packings = packings(include_str!("../../../../data/or-library/gap1.txt"));
    let found: Vec<_> = packings.into_iter().map(|packing| pack(packing, NODES)).collect();
    assert_eq!(found, [336, 327, 339, 341, 326].map(|optimum| (optimum, Proof::Searched)));
}

#[test]
fn a_search_that_ends_early_says_how_good_the_rest_may_be() {
    let packings = packings(include_str!("../../../../data/or-library/gap12.txt"));
    for (packing, optimum) in packings.into_iter().zip([1451, 1449, 1433, 1447, 1446]) {
        let (value, proof) = pack(packing, 1);
        let Proof::Bounded(Bound::Value { at_most }) = proof else {
            panic!("one node is too few: {proof:?}")
        };
        assert!(value <= optimum && optimum <= at_most, "{value} ≤ {optimum} ≤ {at_most}");
    }
}
