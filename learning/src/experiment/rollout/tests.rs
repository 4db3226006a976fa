use proptest::prelude::*;

use super::*;

fn look(low: f64, high: f64) -> Look {
    Look { difference: (low + high) / 2.0, low, high, p: 1.0 }
}

fn metric(better: Better, margin: f64, look: Look) -> Metric {
    Metric { name: "win-rate".into(), better, margin, look: Some(look) }
}

fn seen(day: u32, accounts: u64, metrics: Vec<Metric>) -> Seen {
    let groups = Groups { control: accounts, treatment: accounts };
    Seen { day, accounts: groups, ratio: Ratio { found: 0.5, meant: 0.5, p: 1.0 }, metrics }
}

/// The state of the default plan after looks on these days, each with this many accounts in both arms.
fn check(days: &[(u32, u64)], expect: Rollout) {
    let plan = Plan::default();
    let last = days.iter().fold(Rollout::START, |state, &(day, n)| state.next(&plan, &seen(day, n, vec![])));
    assert_eq!(last, expect, "{days:?}");
}

#[test]
fn steps_take_two_weeks_each() {
    check(&[(13, 9)], Rollout::Running { step: 0, since: 0 });
    check(&[(14, 9)], Rollout::Running { step: 1, since: 14 });
    check(&[(14, 9), (27, 9)], Rollout::Running { step: 1, since: 14 });
    check(&[(14, 9), (28, 9), (42, 9)], Rollout::Promoted { day: 42 });
    // A host that was away for a month does not skip a step.
    check(&[(60, 9)], Rollout::Running { step: 1, since: 60 });
    check(&[(14, 9), (28, 9), (42, 9), (99, 9)], Rollout::Promoted { day: 42 });
}

#[test]
fn everybody_gets_it_only_after_the_least_time_or_number() {
    let plan = Plan { steps: vec![Share::HALF, Share::ALL], ..Plan::default() };
    let after = |day, n| Rollout::START.next(&plan, &seen(day, n, vec![]));
    assert_eq!(after(14, 199), Rollout::START);
    assert_eq!(after(14, 200), Rollout::Promoted { day: 14 });
    assert_eq!(after(28, 0), Rollout::Promoted { day: 28 });
    let plain = Plan { steps: vec![Share::HALF], ..plan };
    assert_eq!(Rollout::START.next(&plain, &seen(400, 9_999, vec![])), Rollout::START);
}

#[test]
fn what_is_credibly_worse_stops() {
    let check = |metric: Metric, stops: bool| {
        let next = Rollout::START.next(&Plan::default(), &seen(3, 150, vec![metric.clone()]));
        assert_eq!(
            matches!(next, Rollout::Stopped { reason: Reason::Worse { .. }, .. }),
            stops,
            "{metric:?}"
        );
        assert_eq!(next.share(&Plan::default()), if stops { Share::NONE } else { Share::percent(10) });
    };
    check(metric(Better::Higher, 0.02, look(-0.2, -0.03)), true);
    check(metric(Better::Higher, 0.02, look(-0.2, -0.01)), false);
    check(metric(Better::Higher, 0.0, look(0.03, 0.2)), false);
    check(metric(Better::Lower, 5.0, look(6.0, 20.0)), true);
    check(metric(Better::Lower, 5.0, look(4.0, 20.0)), false);
    check(Metric { look: None, ..metric(Better::Lower, 0.0, look(0.0, 0.0)) }, false);
}

#[test]
fn a_lopsided_draw_stops() {
    let ratio = Ratio { found: 0.3, meant: 0.5, p: 1e-9 };
    let next = Rollout::START.next(&Plan::default(), &Seen { ratio, ..seen(3, 150, vec![]) });
    assert_eq!(next, Rollout::Stopped { day: 3, reason: Reason::SampleRatio { ratio } });
}

#[test]
fn a_person_promotes_or_stops_with_one_call() {
    let plan = Plan::default();
    let call = |day, n, call| Rollout::START.call(&plan, &seen(day, n, vec![]), call);
    assert_eq!(call(5, 200, Call::Promote), Ok(Rollout::Promoted { day: 5 }));
    assert_eq!(call(28, 3, Call::Promote), Ok(Rollout::Promoted { day: 28 }));
    assert_eq!(call(1, 0, Call::Stop), Ok(Rollout::Stopped { day: 1, reason: Reason::ByHand }));
    assert_eq!(
        call(5, 20, Call::Promote).map_err(|error| error.to_string()),
        Err("after 5 days and with 20 accounts in the smaller arm it is too early to promote: wait until day 28, or \
             for 200 accounts in each arm"
            .to_owned()),
    );
    assert_eq!(Rollout::Promoted { day: 5 }.call(&plan, &seen(6, 0, vec![]), Call::Stop), Err(Refused::Over));
}

proptest! {
    #[test]
    fn shares_never_fall_unless_it_stops(days in prop::collection::vec(0u32..20, 0..20), n in 0u64..400) {
        let (plan, mut state, mut day) = (Plan::default(), Rollout::START, 0);
        for passed in days {
            day += passed;
            let next = state.clone().next(&plan, &seen(day, n, vec![]));
            prop_assert!(next.share(&plan) >= state.share(&plan));
            state = next;
        }
    }
}
