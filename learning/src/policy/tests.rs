use proptest::prelude::*;

use super::*;

fn choice(logged: f64, policy: f64, predicted: f64) -> Choice {
    Choice { logged, policy, predicted }
}

/// Half of the picks were the first of two, who wins 60 %; the other wins 20 %.
fn log(n: usize, policy: f64, predicted: [f64; 2]) -> Vec<Logged> {
    let decision = |row: usize| {
        let (picked, turn) = (row % 2, row / 2 % 10);
        Logged {
            candidates: vec![choice(0.5, policy, predicted[0]), choice(0.5, 1.0 - policy, predicted[1])],
            picked,
            outcome: Some(f64::from(u8::from(turn < [6, 2][picked]))),
        }
    };
    (0..n).map(decision).collect()
}

fn check(log: &[Logged], expect: Result<f64, Refused>) {
    match (value(log), expect) {
        (Ok(found), Ok(expect)) => {
            let unbiased = [found.inverse_propensity, found.self_normalised, found.doubly_robust];
            for (estimate, within) in unbiased.into_iter().map(|e| (e, 1e-9)).chain([(found.shrunk, 0.01)]) {
                let near = (estimate.value - expect).abs() < within;
                assert!(near && estimate.low < expect && expect < estimate.high, "{found:?} is not {expect}");
            }
        }
        (found, expect) => assert_eq!(found.map(|value| value.doubly_robust.value), expect),
    }
}

#[test]
fn a_policy_is_worth_what_its_picks_won() {
    check(&log(400, 1.0, [0.0; 2]), Ok(0.6));
    check(&log(400, 0.0, [0.0; 2]), Ok(0.2));
    check(&log(400, 0.5, [0.0; 2]), Ok(0.4));
    check(&log(400, 1.0, [0.6, 0.2]), Ok(0.6));
}

#[test]
fn a_log_that_cannot_tell_is_refused_with_the_reason() {
    check(&[], Err(Refused::TooFew { effective: 0.0 }));
    check(&log(180, 1.0, [0.0; 2]), Err(Refused::TooFew { effective: 90.0 }));
    let mut heavy = log(400, 1.0, [0.0; 2]);
    heavy[0].candidates = vec![choice(0.01, 1.0, 0.0), choice(0.99, 0.0, 0.0)];
    check(&heavy, Err(Refused::OneWeight { share: 100.0 / (100.0 + 199.0 * 2.0) }));
    let mut unsupported = log(400, 1.0, [0.0; 2]);
    for decision in &mut unsupported[1..3] {
        decision.candidates.push(choice(0.0, 0.5, 0.0));
        decision.candidates[0].policy -= 0.5;
    }
    check(&unsupported, Err(Refused::NoSupport { decisions: 2 }));
    let malformed = |change: fn(&mut Logged)| {
        let mut log = log(400, 1.0, [0.0; 2]);
        change(&mut log[7]);
        check(&log, Err(Refused::Malformed { row: 7 }));
    };
    malformed(|decision| decision.picked = 9);
    malformed(|decision| decision.outcome = Some(f64::NAN));
    malformed(|decision| decision.candidates[0].logged = 0.9);
    malformed(|decision| decision.candidates.clear());
}

#[test]
fn open_leads_are_left_out_and_counted() {
    let mut log = log(400, 1.0, [0.0; 2]);
    let open = Logged { outcome: None, ..log[0].clone() };
    log.extend(std::iter::repeat_n(open, 40));
    check(&log, Ok(0.6));
    assert_eq!(value(&log).map(|value| (value.leads, value.open)), Ok((400, 40)));
}

#[test]
fn a_model_makes_estimates_surer() {
    let with = |predicted| value(&log(400, 1.0, predicted)).expect("a value");
    let (plain, told) = (with([0.0; 2]), with([0.6, 0.2]));
    assert!(told.doubly_robust.standard_error < 0.8 * plain.doubly_robust.standard_error);
    assert!(told.shrunk.standard_error <= told.doubly_robust.standard_error);
}

#[test]
fn a_policy_is_compared_with_random_picks() {
    let found = against_random(&log(400, 1.0, [0.0; 2])).expect("an advantage");
    assert!((found.difference.value - 0.2).abs() < 1e-9 && found.difference.low > 0.0, "{found:?}");
}

#[test]
fn lift_says_that_nobody_drew_the_groups() {
    // Newcombe 1998 (b), table II, method 10: 56/70 less 48/80 is 0.0524 to 0.3339.
    let lift = against_manual(Rate::of(56, 70).expect("n"), Rate::of(48, 80).expect("n")).observational;
    assert!((lift.low - 0.0524).abs() < 5e-5 && (lift.high - 0.3339).abs() < 5e-5, "{lift:?}");
}

proptest! {
    #[test]
    fn the_logged_policy_is_worth_its_own_mean(
        outcomes in prop::collection::vec(0.0..5.0f64, 100..200),
        p in 0.05..0.95f64,
    ) {
        let log: Vec<Logged> = outcomes.iter().enumerate().map(|(row, &outcome)| Logged {
            candidates: vec![choice(p, p, 1.0), choice(1.0 - p, 1.0 - p, 1.0)],
            picked: row % 2,
            outcome: Some(outcome),
        }).collect();
        let found = value(&log).expect("a value");
        let mean = outcomes.iter().sum::<f64>() / outcomes.len() as f64;
        prop_assert!((found.effective - outcomes.len() as f64).abs() < 1e-6);
        for estimate in [found.inverse_propensity, found.self_normalised, found.doubly_robust] {
            prop_assert!((estimate.value - mean).abs() < 1e-9);
        }
    }
}
