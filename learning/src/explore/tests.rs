use proptest::prelude::*;

use super::*;

const ON: Wanted = Wanted { bound: 1.0, floor: 0.0, development: 0.0 };

fn exploration(wanted: Wanted) -> Exploration {
    Exploration::try_from(wanted).expect("shares")
}

fn candidates<'a>(ids: &'a [String], answers: &[(f64, f64, bool)]) -> Vec<Candidate<'a>> {
    let each = ids.iter().zip(answers);
    each.map(|(id, &(mean, spread, newer))| Candidate { id, mean, spread, newer }).collect()
}

fn ids() -> Vec<String> {
    (0..20).map(|number| format!("rep-{number}")).collect()
}

fn check(wanted: Wanted, answers: &[(f64, f64, bool)], expect: &[f64]) {
    let ids = ids();
    let found = exploration(wanted).probabilities(&candidates(&ids, answers));
    let near = found.len() == expect.len() && found.iter().zip(expect).all(|(a, b)| (a - b).abs() < 0.01);
    assert!(near, "{wanted:?} {answers:?}: {found:?} is not {expect:?}");
}

#[test]
fn each_is_picked_as_likely_as_it_is_the_best() {
    // Of two, P = Φ(difference / √(s² + s²)).
    check(ON, &[(0.5, 0.3, false), (0.0, 0.4, false)], &[0.8413, 0.1587]);
    check(ON, &[(0.0, 1.0, false), (0.2, 0.05, false)], &[0.4207, 0.5793]);
    check(ON, &[(0.0, 3.0, false), (0.2, 0.05, false)], &[0.4735, 0.5265]);
    check(ON, &[(0.0, 1.0, false); 4], &[0.25; 4]);
    check(ON, &[(1.0, 0.0, false), (0.0, 0.0, false)], &[1.0, 0.0]);
    check(ON, &[(f64::NAN, 1.0, false), (0.0, f64::NAN, false)], &[0.0, 1.0]);
    check(ON, &[(f64::NAN, 1.0, false)], &[0.0]);
    check(ON, &[], &[]);
}

#[test]
fn the_table_is_ln_phi() {
    for step in -5_000..9_000 {
        let z = f64::from(step) / 1_000.0;
        assert!((ln_below(z) - ln_normal_below(z)).abs() < 1e-5, "{z}");
    }
}

#[test]
fn bound_floor_and_development_are_kept() {
    let two = [(0.5, 0.3, false), (0.0, 0.4, true)];
    // Probabilities to win are 62 % and 50 %.
    check(Wanted { bound: 0.12, ..ON }, &two, &[1.0, 0.0]);
    check(Wanted { bound: 0.13, ..ON }, &two, &[0.8413, 0.1587]);
    check(Wanted { bound: 0.0, floor: 0.02, development: 0.5 }, &two, &[1.0, 0.0]);
    check(Wanted { bound: 0.0, ..ON }, &[two[0], two[0]], &[0.5, 0.5]);
    check(Wanted { floor: 0.3, ..ON }, &two, &[0.3 + 0.4 * 0.8413, 0.3 + 0.4 * 0.1587]);
    check(Wanted { floor: 0.9, ..ON }, &two, &[0.5, 0.5]);
    check(Wanted { development: 0.2, ..ON }, &two, &[0.8 * 0.8413, 0.8 * 0.1587 + 0.2]);
    check(Wanted { development: 0.2, ..ON }, &[two[0], two[0]], &[0.5, 0.5]);
}

#[test]
fn what_is_no_share_is_refused() {
    let found = Exploration::try_from(Wanted { floor: 1.5, ..ON }).map_err(|error| error.to_string());
    assert_eq!(found, Err("floor is 1.5, and has to be between 0 and 1".to_owned()));
    assert!(Exploration::try_from(Wanted { bound: f64::NAN, ..ON }).is_err());
}

#[test]
fn picks_come_as_often_as_was_logged() {
    let ids = ids();
    let candidates = candidates(&ids, &[(0.5, 0.3, false), (0.0, 0.4, false), (0.3, 0.1, true)]);
    let explored = exploration(Wanted { bound: 0.2, floor: 0.05, development: 0.1 });
    let mut counts = [0u32; 3];
    for seed in 0..20_000 {
        counts[explored.pick(&candidates, seed).expect("a pick").index] += 1;
    }
    for (count, p) in counts.iter().zip(explored.probabilities(&candidates)) {
        assert!((f64::from(*count) / 20_000.0 - p).abs() < 0.012, "{count} picks beside {p}");
    }
}

#[test]
fn picks_are_the_same_for_ever() {
    let ids = ids();
    let candidates = candidates(&ids, &[(0.5, 0.3, false), (0.0, 0.4, false), (0.3, 0.1, true)]);
    let picks: Vec<Option<usize>> =
        (0..12).map(|seed| exploration(ON).pick(&candidates, seed).map(|pick| pick.index)).collect();
    expect_test::expect!["[2, 0, 0, 1, 1, 0, 0, 0, 0, 0, 2, 0]"]
        .assert_eq(&format!("{:?}", picks.iter().flatten().collect::<Vec<_>>()));
    assert_eq!(Exploration::OFF.pick(&[], 1), None);
}

fn answer() -> impl Strategy<Value = (f64, f64, bool)> {
    (-3.0..3.0f64, 0.0..1.5f64, any::<bool>())
}

proptest! {
    #[test]
    fn probabilities_are_a_distribution_within_the_bound(
        answers in prop::collection::vec(answer(), 1..20),
        bound in 0.0..1.0f64,
        floor in 0.0..0.1f64,
        development in 0.0..1.0f64,
    ) {
        let ids = ids();
        let candidates = candidates(&ids, &answers);
        let found = exploration(Wanted { bound, floor, development }).probabilities(&candidates);
        prop_assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let top = answers.iter().map(|answer| answer.0).fold(f64::MIN, f64::max);
        let within = |mean: f64| chance(top) - chance(mean) <= bound;
        let k = answers.iter().filter(|answer| within(answer.0)).count() as f64;
        let mut lost = 0.0;
        for (p, answer) in found.iter().zip(&answers) {
            let holds = if within(answer.0) { *p >= floor.min(1.0 / k) } else { *p == 0.0 };
            prop_assert!(holds);
            lost += p * (chance(top) - chance(answer.0));
        }
        prop_assert!(lost <= bound + 1e-12);
    }

    #[test]
    fn order_does_not_matter(answers in prop::collection::vec(answer(), 1..20), seed: u64, turn in 0usize..20) {
        let (ids, explored) = (ids(), exploration(Wanted { bound: 0.3, floor: 0.02, development: 0.1 }));
        let straight = candidates(&ids, &answers);
        let mut turned = straight.clone();
        turned.rotate_left(turn % straight.len());
        turned.reverse();
        let told = |list: &[Candidate<'_>]| {
            let pick = explored.pick(list, seed).expect("a pick");
            let mut all: Vec<(String, u64)> =
                list.iter().zip(&pick.probabilities).map(|(c, p)| (c.id.to_owned(), p.to_bits())).collect();
            all.sort();
            (list[pick.index].id.to_owned(), all)
        };
        prop_assert_eq!(told(&straight), told(&turned));
    }

    #[test]
    fn equals_are_picked_equally(answers in prop::collection::vec(answer(), 1..10), bound in 0.01..1.0f64) {
        let ids = ids();
        let twice: Vec<_> = answers.iter().chain(&answers).copied().collect();
        let found = exploration(Wanted { bound, floor: 0.02, development: 0.3 })
            .probabilities(&candidates(&ids, &twice));
        let (first, second) = found.split_at(answers.len());
        prop_assert_eq!(first, second);
    }

    #[test]
    fn off_means_the_best(answers in prop::collection::vec(answer(), 1..20), seed: u64) {
        let ids = ids();
        let candidates = candidates(&ids, &answers);
        let pick = Exploration::OFF.pick(&candidates, seed).expect("a pick");
        prop_assert!(answers.iter().all(|answer| answer.0 <= answers[pick.index].0));
        let tied = answers.iter().filter(|answer| answer.0 == answers[pick.index].0).count();
        prop_assert_eq!(pick.probabilities[pick.index], 1.0 / tied as f64);
    }
}
