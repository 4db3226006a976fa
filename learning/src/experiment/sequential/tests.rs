use proptest::prelude::*;

use super::*;

const TEST: Test = Test { alpha: 0.05, planned: Groups { control: 1_000, treatment: 1_000 } };

fn rates(control: (u64, u64), treatment: (u64, u64)) -> Stratum {
    let rate = |(hits, n)| Sample::Rate { hits, n };
    Stratum { control: rate(control), treatment: rate(treatment) }
}

fn check(strata: &[Stratum], expect: &str) {
    let told = TEST.look(strata, None).map_or_else(
        || "too early".to_owned(),
        |look| format!("{:.3} ({:.3} to {:.3}), p {:.4}", look.difference, look.low, look.high, look.p),
    );
    assert_eq!(told, expect, "{strata:?}");
}

#[test]
fn a_look_shows_the_difference_and_how_sure_it_is() {
    check(&[rates((200, 1_000), (200, 1_000))], "0.000 (-0.054 to 0.054), p 1.0000");
    check(&[rates((200, 1_000), (270, 1_000))], "0.070 (0.013 to 0.127), p 0.0067");
    check(&[rates((270, 1_000), (200, 1_000))], "-0.070 (-0.127 to -0.013), p 0.0067");
    check(&[rates((99, 99), (20, 300))], "too early");
    check(&[rates((9, 400), (10, 400))], "too early");
    check(&[], "too early");
    let mean = |n: u64, mean: f64| Sample::Mean {
        n,
        sum: n as f64 * mean,
        squares: n as f64 * (mean * mean + 100.0),
    };
    check(
        &[Stratum { control: mean(500, 30.0), treatment: mean(500, 26.0) }],
        "-4.000 (-5.944 to -2.056), p 0.0000",
    );
    check(&[Stratum { control: mean(99, 30.0), treatment: mean(500, 26.0) }], "too early");
}

#[test]
fn at_the_planned_number_the_interval_is_1_55_times_the_textbooks() {
    let look = TEST.look(&[rates((200, 1_000), (200, 1_000))], None).expect("enough");
    let textbook = crate::rate::Z95 * (2.0 * 0.2 * 0.8 / 1_000.0_f64).sqrt();
    assert!((look.high / textbook - 1.55).abs() < 0.01, "{}", look.high / textbook);
}

#[test]
fn what_was_found_stays_found() {
    let first = TEST.look(&[rates((200, 1_000), (300, 1_000))], None).expect("enough");
    let later = TEST.look(&[rates((400, 2_000), (400, 2_000))], Some(&first)).expect("enough");
    assert!(first.found(&TEST) && later.found(&TEST) && later.p == first.p);
}

#[test]
fn steps_are_not_mixed() {
    // A good season in the first step, which the control dominates: pooled, the treatment would look worse.
    let strata = [rates((450, 900), (50, 100)), rates((20, 100), (180, 900))];
    let look = TEST.look(&strata, None).expect("enough");
    assert!(look.difference.abs() < 1e-12 && !look.found(&TEST), "{look:?}");
}

proptest! {
    #[test]
    fn p_passes_alpha_just_when_the_interval_leaves_zero(a in 20u64..480, b in 20u64..480) {
        let look = TEST.look(&[rates((a, 500), (b, 500))], None).expect("enough");
        prop_assert!(look.low <= look.difference && look.difference <= look.high && (0.0..=1.0).contains(&look.p));
        prop_assume!((look.p - TEST.alpha).abs() > 1e-9);
        prop_assert_eq!(look.found(&TEST), look.low > 0.0 || look.high < 0.0);
    }

    #[test]
    fn arms_may_be_exchanged(a in 20u64..480, b in 20u64..680) {
        let straight = TEST.look(&[rates((a, 500), (b, 700))], None).expect("enough");
        let turned = TEST.look(&[rates((b, 700), (a, 500))], None).expect("enough");
        prop_assert!((straight.low + turned.high).abs() < 1e-12 && straight.p == turned.p);
    }
}
