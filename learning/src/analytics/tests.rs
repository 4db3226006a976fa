use super::targets::{Met, Target, targets};
use super::*;

fn lead(segment: &str, rep: &str, score: f64, won: Option<bool>) -> Lead {
    Lead {
        week: "2026-03-02".to_owned(),
        segment: segment.to_owned(),
        rep: Some(rep.to_owned()),
        placed: Placed::Predictive,
        mode: Mode::RealTime,
        match_score: Some(score),
        first_touch: Some(4.0),
        sla: Some(5.0),
        in_time: Some(true),
        overridden: false,
        reached: if won == Some(true) { Stage::Won } else { Stage::Opportunity },
        won,
        revenue: if won == Some(true) { 900.0 } else { 0.0 },
        csat: None,
        rep_satisfaction: None,
    }
}

fn load(rep: &str, open: f64, most: f64) -> Load {
    Load { rep: rep.to_owned(), open, most }
}

/// Four leads: one won, one lost, one open, one with nobody.
fn few() -> Vec<Lead> {
    vec![
        lead("smb", "ana", 80.0, Some(true)),
        Lead {
            placed: Placed::Manual,
            first_touch: Some(12.0),
            in_time: Some(false),
            ..lead("smb", "ben", 40.0, Some(false))
        },
        Lead {
            mode: Mode::Batch,
            overridden: true,
            first_touch: None,
            in_time: None,
            reached: Stage::Contact,
            ..lead("ent", "ana", 100.0, None)
        },
        Lead {
            rep: None,
            match_score: None,
            first_touch: None,
            in_time: None,
            reached: Stage::Captured,
            ..lead("ent", "", 0.0, None)
        },
    ]
}

#[test]
fn every_figure_says_what_it_rests_on() {
    let found =
        analyse(&few(), &[load("ben", 6.0, 10.0), load("ana", 9.0, 10.0), load("cem", 1.0, 0.0)], 75.0);
    let average = |n, mean, median| Some(Average { n, mean, median });
    assert_eq!(found.quality.map(|quality| (quality.n, quality.median)), Some((3, 80.0)));
    assert_eq!((found.coverage, found.overrides), (Rate::of(3, 4), Rate::of(1, 2)));
    assert_eq!(
        found.first_touch,
        [
            FirstTouch { mode: Mode::RealTime, minutes: average(2, 8.0, 8.0), in_time: Rate::of(1, 2) },
            FirstTouch { mode: Mode::Batch, minutes: None, in_time: None },
        ]
    );
    let bands: Vec<_> = found.histogram.iter().filter(|band| band.leads > 0).collect();
    assert_eq!(
        bands,
        [
            &Band { from: 40.0, to: 50.0, leads: 1, won: Rate::of(0, 1) },
            &Band { from: 80.0, to: 90.0, leads: 1, won: Rate::of(1, 1) },
            &Band { from: 90.0, to: 100.0, leads: 1, won: None },
        ]
    );
    assert_eq!(found.lift.map(|lift| lift.observational.difference), Some(1.0));
    assert_eq!(found.utilisation, [("ana".to_owned(), 0.9), ("ben".to_owned(), 0.6)]);
    assert_eq!(found.revenue, average(3, 300.0, 0.0));
    let funnel = |segment: &str, steps: [Option<Rate>; 5]| {
        let [contact, meeting, opportunity, won, win_rate] = steps;
        Funnel { segment: segment.to_owned(), contact, meeting, opportunity, won, win_rate }
    };
    assert_eq!(
        found.funnels,
        [
            funnel("ent", [Rate::of(1, 2), Rate::of(0, 1), None, None, None]),
            funnel("smb", [Rate::of(2, 2), Rate::of(2, 2), Rate::of(2, 2), Rate::of(1, 2), Rate::of(1, 2)]),
        ]
    );
    let tiers = |rep: &str, high, low| Tiers { rep: rep.to_owned(), high, low };
    assert_eq!(found.tiers, [tiers("ana", Rate::of(1, 1), None), tiers("ben", None, Rate::of(0, 1))]);
}

fn check(leads: &[Lead], loads: &[Load], expect: [Met; 7]) {
    let found = targets(&analyse(leads, loads, 75.0));
    let kinds = [
        Target::Quality,
        Target::FirstTouchRealTime,
        Target::FirstTouchBatch,
        Target::WinsRise,
        Target::Utilisation,
        Target::Overrides,
        Target::Coverage,
    ];
    assert_eq!(found.to_vec(), kinds.into_iter().zip(expect).collect::<Vec<_>>());
}

#[test]
fn targets_are_met_or_missed_where_there_is_enough() {
    use Met::{Missed, TooFew};
    check(&[], &[], [TooFew; 7]);
    check(&few(), &[], [TooFew; 7]);
    let batch = |lead: Lead| Lead { mode: Mode::Batch, first_touch: Some(90.0), ..lead };
    let low = (0..25).map(|n| lead("smb", "ana", 60.0, Some(n < 5)));
    let high = (0..25).map(|n| lead("smb", "ana", 90.0, Some(n < 12)));
    let good: Vec<Lead> = low.clone().chain(high.clone().map(batch)).collect();
    check(&good, &[load("ana", 7.0, 10.0)], [Met::Met; 7]);
    let slow =
        |lead: Lead| Lead { match_score: Some(60.0), first_touch: Some(300.0), overridden: true, ..lead };
    let lost = (0..50).map(|_| Lead {
        rep: None,
        match_score: None,
        first_touch: None,
        ..lead("smb", "", 0.0, None)
    });
    let bad: Vec<Lead> = good.iter().cloned().map(slow).chain(lost).collect();
    // One band has no halves.
    check(&bad, &[load("ana", 9.0, 10.0)], [Missed, Missed, Missed, TooFew, Missed, Missed, Missed]);
    let upside_down = good
        .iter()
        .cloned()
        .map(|lead| Lead { match_score: lead.match_score.map(|score| 150.0 - score), ..lead });
    check(
        &upside_down.collect::<Vec<_>>(),
        &[load("ana", 5.0, 10.0)],
        [Met::Met, Met::Met, Met::Met, Missed, Missed, Met::Met, Met::Met],
    );
}

#[test]
fn what_a_person_changed_was_placed_by_others_first() {
    let changed = Lead { placed: Placed::Manual, overridden: true, ..lead("smb", "ana", 80.0, None) };
    let by_hand = Lead { placed: Placed::Manual, ..lead("smb", "ana", 80.0, None) };
    let found = analyse(&[changed, by_hand, lead("smb", "ben", 80.0, None)], &[], 75.0);
    assert_eq!(found.overrides, Rate::of(1, 2));
}

#[test]
fn first_touch_goes_by_week() {
    let came = |week: &str, first_touch, in_time| Lead {
        week: week.to_owned(),
        first_touch,
        in_time,
        ..lead("smb", "ana", 80.0, None)
    };
    let leads = [
        came("2026-03-09", Some(2.0), Some(true)),
        came("2026-03-02", Some(10.0), Some(false)),
        came("2026-03-02", Some(4.0), Some(true)),
        came("2026-03-09", None, None),
    ];
    let found = analyse(&leads, &[], 75.0).trend;
    let week = |week: &str, (n, mean): (u64, f64), median, in_time| Week {
        week: week.to_owned(),
        leads: 2,
        minutes: Some(Average { n, mean, median }),
        in_time,
    };
    let expect = [
        week("2026-03-02", (2, 7.0), 7.0, Rate::of(1, 2)),
        week("2026-03-09", (1, 2.0), 2.0, Rate::of(1, 1)),
    ];
    assert_eq!(found, expect);
}

#[test]
fn satisfaction_is_told_with_how_many_and_how_sure() {
    let check = |scores: &[u8], expect: Option<(u64, f64, f64, f64)>| {
        let rounded = |value: f64| (value * 100.0).round() / 100.0;
        let found = Score::of(scores.iter().copied());
        let found = found.map(|it| (it.n, rounded(it.mean), rounded(it.low), rounded(it.high)));
        assert_eq!(found, expect, "{scores:?}");
    };
    check(&[], None);
    // Three that agree are no proof of all.
    check(&[5, 5, 5], Some((3, 5.0, 2.75, 5.0)));
    check(&[1], Some((1, 1.0, 1.0, 4.17)));
    check(&[4; 100], Some((100, 4.0, 3.63, 4.3)));
    let said =
        |rep: &str, csat, rep_satisfaction| Lead { csat, rep_satisfaction, ..lead("smb", rep, 80.0, None) };
    let leads = [
        said("ana", Some(5), None),
        said("ben", None, Some(2)),
        said("cem", None, None),
        said("ana", Some(3), Some(4)),
    ];
    let found = analyse(&leads, &[], 75.0).satisfaction;
    let expect = Satisfaction {
        customers: Score::of([5, 3]),
        reps: Score::of([2, 4]),
        by_rep: vec![
            ("ana".to_owned(), Score::of([5, 3]), Score::of([4])),
            ("ben".to_owned(), None, Score::of([2])),
        ],
    };
    assert_eq!(found, expect);
}
