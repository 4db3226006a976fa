use lanewright_learning::experiment::Arm::{Control, Treatment as Treated};
use lanewright_learning::experiment::detect::Groups;
use lanewright_learning::experiment::rollout::Reason;
use proptest::prelude::*;

use super::*;

const START: Timestamp = Timestamp::UNIX_EPOCH;

fn day(day: i64) -> Timestamp {
    START + DAY * i32::try_from(day).expect("a day")
}

fn asked() -> Asked {
    Asked {
        id: "without".into(),
        treatment: Treatment::NoModel,
        steps: vec![10, 50, 90, 100],
        step_days: 14,
        least_days: 28,
        least_accounts: 200,
        primary: Metric::FirstTouch,
        guards: None,
        within_days: 28,
        capacity_apart: false,
    }
}

fn running() -> Experiment {
    let mut experiment = asked().check().expect("a draft").plan(&[], START);
    experiment.start(START).expect("it begins");
    experiment
}

/// A lead of an account that came on a day, was touched after minutes and won after days.
fn deal(account: &str, arm: Arm, opened: i64, touched: Option<i64>, won: Option<i64>) -> Tried {
    let opened_at = day(opened).as_millisecond();
    Tried {
        account: account.into(),
        step: 0,
        arm,
        opened_at,
        touched_at: touched.map(|minutes| opened_at + minutes * 60_000),
        won_at: won.map(|days| day(opened + days).as_millisecond()),
        value: if won.is_some() { 100.0 } else { 0.0 },
        csat: won.map(|days| (4.0, day(opened + days).as_millisecond())),
        rep_satisfaction: None,
    }
}

#[test]
fn what_is_asked_for_is_checked() {
    let check = |change: &dyn Fn(&mut Asked), expect: Invalid| {
        let mut asked = asked();
        change(&mut asked);
        assert_eq!(asked.check(), Err(expect));
    };
    check(&|it| it.id = "Without Model".into(), Invalid::Id);
    check(&|it| it.steps = vec![], Invalid::Steps);
    check(&|it| it.steps = vec![100], Invalid::Steps);
    check(&|it| it.steps = vec![0, 50], Invalid::Steps);
    check(&|it| it.steps = vec![50, 50], Invalid::Steps);
    check(&|it| it.steps = vec![50, 101], Invalid::Steps);
    check(&|it| it.step_days = 0, Invalid::StepDays);
    check(&|it| it.least_days = 27, Invalid::Least);
    check(&|it| it.least_accounts = 199, Invalid::Least);
    check(&|it| it.within_days = 366, Invalid::WithinDays);
    let guard = |metric, margin| Guard { metric, margin };
    check(&|it| it.guards = Some(vec![guard(Metric::WinRate, -0.1)]), Invalid::Margin);
    check(&|it| it.guards = Some(vec![guard(Metric::FirstTouch, 0.0)]), Invalid::Guards);
    check(&|it| it.guards = Some(vec![guard(Metric::WinRate, 0.0); 2]), Invalid::Guards);
    assert_eq!(running().guards, [guard(Metric::WinRate, 0.0)]);
}

#[test]
fn an_account_counts_once_and_when_it_is_old_enough() {
    let deals = [
        deal("one", Control, 0, Some(30), Some(10)),
        deal("one", Control, 5, Some(1), Some(1)),
        // Its account has moved over: what comes then is no part of the control's.
        Tried { step: 1, ..deal("one", Treated, 20, Some(1), Some(1)) },
        Tried {
            rep_satisfaction: Some((2.0, day(3).as_millisecond())),
            ..deal("three", Treated, 3, None, None)
        },
        // Won too late, never touched.
        deal("two", Treated, 0, None, Some(29)),
        deal("three", Treated, 2, Some(90), None),
    ];
    let check = |at: i64, metric: Metric, control: (u64, f64), treatment: (u64, f64)| {
        let found = look(&running(), &deals, day(at));
        let measured = found.measured.iter().find(|measured| measured.metric == metric).expect("measured");
        let side = |side: Side| (side.accounts, (side.mean * 10.0).round() / 10.0);
        assert_eq!(
            (side(measured.control), side(measured.treatment)),
            (control, treatment),
            "{metric:?} {at}"
        );
        assert_eq!(found.accounts, Groups { control: 1, treatment: 2 });
    };
    check(6, Metric::FirstTouch, (0, 0.0), (0, 0.0));
    check(7, Metric::FirstTouch, (1, 30.0), (1, 10_080.0));
    check(9, Metric::FirstTouch, (1, 30.0), (2, 5_085.0));
    check(27, Metric::WinRate, (0, 0.0), (0, 0.0));
    check(28, Metric::WinRate, (1, 1.0), (1, 0.0));
    check(40, Metric::WinRate, (1, 1.0), (2, 0.0));
    check(40, Metric::DealVelocity, (1, 6.0), (2, 28.0));
    check(40, Metric::DealValue, (1, 200.0), (2, 0.0));
    // Said too late, or not at all: the account has no score.
    check(40, Metric::Csat, (1, 4.0), (0, 0.0));
    check(29, Metric::RepSatisfaction, (0, 0.0), (0, 0.0));
    check(30, Metric::RepSatisfaction, (0, 0.0), (1, 2.0));
}

/// So many accounts of each arm that came on the first day and were touched after about so many minutes.
fn touched(each: usize, control: i64, treatment: i64) -> Vec<Tried> {
    let of = |arm, minutes: i64| {
        (0..each as i64).map(move |n| deal(&format!("{arm:?}-{n}"), arm, 0, Some(minutes + n % 20), None))
    };
    of(Control, control).chain(of(Treated, treatment)).collect()
}

#[test]
fn it_stops_where_the_primary_metric_is_worse() {
    let mut experiment = running();
    experiment.plan.steps[0] = Share::HALF;
    let found = look(&experiment, &touched(150, 60, 600), day(7));
    experiment.go_on(found);
    let stopped = experiment.rollout.clone().expect("begun");
    let Rollout::Stopped { day: 7, reason: Reason::Worse { metric, .. } } = &stopped else {
        panic!("{stopped:?}")
    };
    assert_eq!(metric, "first-touch");
    assert_eq!((experiment.in_force(), experiment.look_at(day(7))), (None, None));
}

#[test]
fn it_stops_where_the_draw_is_lopsided() {
    let mut experiment = running();
    let found = look(&experiment, &touched(150, 60, 60), day(7));
    experiment.go_on(found);
    let lopsided =
        |rollout| matches!(rollout, Some(Rollout::Stopped { reason: Reason::SampleRatio { .. }, .. }));
    assert!(lopsided(experiment.rollout.clone()), "{:?}", experiment.rollout);
}

#[test]
fn it_is_not_promoted_too_early() {
    let mut experiment = running();
    let found = look(&experiment, &touched(100, 60, 60), day(27));
    let early = experiment.call(&found, Call::Promote).expect_err("too early").to_string();
    assert!(
        early.starts_with("after 27 days and with 100 accounts in the smaller arm it is too early"),
        "{early}"
    );
    let found = look(&experiment, &touched(200, 60, 60), day(27));
    experiment.call(&found, Call::Promote).expect("200 accounts in each arm");
    assert_eq!((experiment.in_force(), experiment.rollout), (None, Some(Rollout::Promoted { day: 27 })));
}

#[test]
fn going_without_trials_is_in_force_until_it_is_stopped() {
    let mut experiment = Experiment { treatment: Treatment::NoTrials, ..running() };
    let found = look(&experiment, &[], day(28));
    experiment.call(&found, Call::Promote).expect("four weeks");
    let trying = experiment.in_force().expect("in force");
    assert_eq!((trying.share, trying.arm("anybody").without_trials), (Share::ALL, true));
    experiment.call(&found, Call::Stop).expect("it stops");
    assert_eq!(experiment.in_force(), None);
    assert!(experiment.call(&found, Call::Stop).is_err());
}

#[test]
fn a_plan_says_what_it_can_find() {
    // Nine accounts a day for ninety days, one of five won.
    let past: Vec<Tried> = (0..810)
        .map(|n| deal(&format!("old-{n}"), Control, n / 9, Some(10 + n % 7), (n % 5 == 0).then_some(3)))
        .collect();
    let check = |steps: Vec<u8>, metric: Metric, days: u32, groups: (u64, u64), effect: Option<f64>| {
        let asked = Asked { steps, primary: metric, guards: Some(vec![]), ..asked() };
        let now = day(90 + i64::from(metric.days(28)));
        let found = asked.check().expect("a draft").plan(&past, now).detectable;
        let planned = (found.planned.control, found.planned.treatment);
        let rounded = found.effect.map(|effect| (effect * 1_000.0).round() / 1_000.0);
        assert_eq!((found.days, planned, rounded), (days, groups, effect), "{metric:?}");
        found
    };
    let found = check(vec![50], Metric::WinRate, 28, (126, 126), Some(0.156));
    assert_eq!((found.accounts_for_tenth, found.accounts_for_fifth), (Some(6_507), Some(1_680)));
    check(vec![10, 50, 90, 100], Metric::WinRate, 42, (189, 189), Some(0.126));
    check(vec![20], Metric::FirstTouch, 28, (201, 50), Some(0.885));
    let nothing = asked().check().expect("a draft").plan(&[], START).detectable;
    assert_eq!((nothing.base, nothing.effect, nothing.planned.control), (None, None, 200));
}

proptest! {
    #[test]
    fn looks_go_on_as_days_pass(hours in 0i64..20_000) {
        let experiment = running();
        let now = START + SignedDuration::from_hours(hours);
        let next = experiment.look_at(now).expect("running");
        prop_assert!(next > now && next <= now + DAY);
        prop_assert_eq!(experiment.day(next), experiment.day(now) + 1);
    }
}
