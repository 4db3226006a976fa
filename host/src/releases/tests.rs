//! Steps, shares, budgets and histograms.

use proptest::prelude::*;

use super::*;

fn version(text: &str) -> Version {
    text.parse().expect("a version")
}

#[test]
fn a_release_goes_its_way_and_back() {
    let deployment = |text: &str| -> Deployment { serde_json::from_str(text).expect("a deployment") };
    let check = |before: &str, step: Step, expect: Result<&str, &str>| {
        let after = deployment(before).step(&step).map_err(|why| why.to_string());
        assert_eq!(after, expect.map(deployment).map_err(str::to_owned), "{before}, {step:?}");
    };
    let (one, two) = (|| version("1.0.0"), || version("2.0.0"));
    let share = Share::percent(12.5).expect("a share");
    let beside = r#"{"active": "1.0.0", "candidate": {"version": "2.0.0", "stage": "shadow"}}"#;
    let canary =
        r#"{"active": "1.0.0", "candidate": {"version": "2.0.0", "stage": "canary", "share": 12.5}}"#;
    let done = r#"{"active": "2.0.0", "good": "1.0.0"}"#;

    check("{}", Step::Activate { version: one() }, Ok(r#"{"active": "1.0.0"}"#));
    check(r#"{"active": "1.0.0"}"#, Step::Shadow { version: two() }, Ok(beside));
    check(
        "{}",
        Step::Shadow { version: two() },
        Ok(r#"{"candidate": {"version": "2.0.0", "stage": "shadow"}}"#),
    );
    check(beside, Step::Canary { version: two(), share }, Ok(canary));
    check(canary, Step::Activate { version: two() }, Ok(done));
    check(beside, Step::RollBack { version: None }, Ok(r#"{"active": "1.0.0"}"#));
    check(done, Step::RollBack { version: None }, Ok(r#"{"active": "1.0.0"}"#));
    check(done, Step::Activate { version: one() }, Ok(r#"{"active": "1.0.0", "good": "2.0.0"}"#));
    // Another than the candidate is put in its place, and the candidate stays on its way.
    check(
        canary,
        Step::Activate { version: version("1.0.1") },
        Ok(
            r#"{"active": "1.0.1", "good": "1.0.0", "candidate": {"version": "2.0.0", "stage": "canary", "share": 12.5}}"#,
        ),
    );

    // Where somebody says which, no other goes.
    let of = |version| Step::RollBack { version: Some(version) };
    check(beside, of(two()), Ok(r#"{"active": "1.0.0"}"#));
    check(
        r#"{"active": "1.0.0", "good": "0.9.0", "candidate": {"version": "2.0.0", "stage": "shadow"}}"#,
        of(one()),
        Ok(r#"{"active": "0.9.0", "candidate": {"version": "2.0.0", "stage": "shadow"}}"#),
    );
    let withdraw = |version| Step::Withdraw { version };
    check(done, withdraw(two()), Ok(r#"{"active": "1.0.0"}"#));
    check(done, withdraw(one()), Ok(r#"{"active": "2.0.0"}"#));
    check(r#"{"active": "2.0.0"}"#, withdraw(two()), Ok("{}"));
    check(canary, withdraw(two()), Ok(r#"{"active": "1.0.0"}"#));
    check(canary, withdraw(version("9.0.0")), Err("release 9.0.0 is neither active nor on its way"));
    check(done, of(one()), Err("release 1.0.0 is neither active nor on its way"));
    check(
        "{}",
        Step::RollBack { version: None },
        Err("no release is on its way, and none was active before"),
    );
    check(done, Step::Shadow { version: two() }, Err("release 2.0.0 is the active one already"));
    check(done, Step::Activate { version: two() }, Err("release 2.0.0 is the active one already"));
    check(
        beside,
        Step::Shadow { version: version("3.0.0") },
        Err("release 2.0.0 is on its way as shadow; roll it back first, or activate it"),
    );
}

#[test]
fn a_share_is_a_percentage_in_hundredths() {
    let check = |percent: f64, expect: Option<f64>| {
        assert_eq!(Share::percent(percent).ok().map(f64::from), expect, "{percent}");
    };
    check(100.0, Some(100.0));
    check(0.01, Some(0.01));
    check(12.34, Some(12.34));
    check(0.0, None);
    check(0.004, None);
    check(12.345, None);
    check(100.01, None);
    check(f64::NAN, None);
}

#[test]
fn a_budget_says_which_limit_was_not_kept() {
    let budget =
        Budget { least: 10, failures: 10.0, disagreement: Some(20.0), fuel: Some(1000), millis: Some(5) };
    let check = |parts: &[(Measure, u64, u64)], expect: Option<&str>| {
        let mut counts = Counts::default();
        for (measure, value, times) in parts {
            let bucket = match measure {
                Measure::Fuel | Measure::Micros => Histogram::bucket(*value),
                _ => 0,
            };
            counts.add(*measure, bucket, *times);
        }
        assert_eq!(budget.broken(&counts).map(|breach| breach.to_string()).as_deref(), expect, "{parts:?}");
    };
    check(&[], None);
    check(&[(Measure::Calls, 0, 9), (Measure::Failed, 0, 9)], None);
    check(&[(Measure::Calls, 0, 10), (Measure::Failed, 0, 1)], None);
    check(
        &[(Measure::Calls, 0, 10), (Measure::Failed, 0, 2)],
        Some("20.0 % of its calls failed, and 10 % may"),
    );
    check(&[(Measure::Calls, 0, 200), (Measure::Fuel, 900, 199), (Measure::Fuel, 5000, 1)], None);
    check(
        &[(Measure::Calls, 0, 200), (Measure::Fuel, 900, 190), (Measure::Fuel, 5000, 10)],
        Some("99 % of its calls use up to 5119 fuel, and 1000 is allowed"),
    );
    check(
        &[(Measure::Calls, 0, 10), (Measure::Micros, 6500, 10)],
        Some("99 % of its calls take up to 7 ms, and 5 ms is allowed"),
    );
    check(&[(Measure::Compared, 0, 9), (Measure::Differed, 0, 9)], None);
    check(
        &[(Measure::Compared, 0, 10), (Measure::Differed, 0, 3)],
        Some("30.0 % of its decisions differ, and 20 % may"),
    );
}

proptest! {
    #[test]
    fn an_account_stays_with_a_canary_that_grows(
        account in "[a-z.]{1,20}", small in 1_u16..=10_000, more in 0_u16..=10_000,
    ) {
        let plugin: PluginId = "fit".parse().expect("an id");
        let (small, large) = (Share(small), Share(small.saturating_add(more).min(10_000)));
        prop_assert!(!small.takes(&plugin, &account) || large.takes(&plugin, &account));
        prop_assert!(Share(10_000).takes(&plugin, &account));
    }

    #[test]
    fn a_bucket_holds_its_sizes_within_an_eighth(value in any::<u64>()) {
        let upper = Histogram::upper(Histogram::bucket(value));
        prop_assert!(upper >= value);
        prop_assert!(u128::from(upper - value) * 8 <= u128::from(value));
    }

    #[test]
    fn buckets_keep_the_order_of_sizes(a in any::<u64>(), b in any::<u64>()) {
        let (small, large) = (a.min(b), a.max(b));
        prop_assert!(Histogram::bucket(small) <= Histogram::bucket(large));
    }

    #[test]
    fn counts_are_the_sum_of_their_parts(parts in prop::collection::vec((0_usize..9, any::<u64>(), 1_u64..5), 0..30)) {
        let mut counts = Counts::default();
        for (place, value, times) in parts {
            let measure = Measure::ALL[place];
            let bucket = match measure {
                Measure::Fuel | Measure::Micros | Measure::Memory => Histogram::bucket(value),
                _ => 0,
            };
            counts.add(measure, bucket, times);
        }
        let mut again = Counts::default();
        counts.parts().into_iter().for_each(|(measure, bucket, times)| again.add(measure, bucket, times));
        prop_assert_eq!(again, counts);
    }
}

#[test]
fn an_account_is_drawn_as_often_as_its_share_says() {
    let plugin: PluginId = "fit".parse().expect("an id");
    let share = Share::percent(25.0).expect("a share");
    let taken =
        (0..10_000).filter(|number| share.takes(&plugin, &format!("company-{number}.example"))).count();
    // Four standard deviations of a draw of 10,000 with 0.25.
    assert!(taken.abs_diff(2500) < 174, "{taken}");
}
