//! A tenant's life: no deals, few, enough without skill, enough with it; the same model from bytes.

use expect_test::{Expect, expect};

use super::*;
use crate::deal::{Fields, Outcome};
use crate::gates::Gate;
use crate::win::{Better, ModelError, compare};

const DAY: i64 = 86_400_000;
const NOW: i64 = 365 * DAY;

/// A year and half of another of deals whose chance follows from rep and industry, drawn from a seed.
fn history(deals: usize, chance: impl Fn(usize, usize) -> f64) -> Vec<Deal> {
    let mut seed = 11_u64;
    let mut draw = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..deals)
        .map(|_| {
            let (rep, industry) = ((draw() * 6.0) as usize, (draw() * 4.0) as usize);
            let closed = (draw() * 1.5 * NOW as f64) as i64;
            let won = draw() < chance(rep, industry);
            Deal {
                rep: Some(format!("rep {rep}")),
                fields: Fields::from([("industry".to_owned(), format!("industry {industry}"))]),
                opened: closed - 30 * DAY,
                outcome: if won { Outcome::Won { closed } } else { Outcome::Lost { closed } },
                value: Some(1_000.0),
            }
        })
        .collect()
}

fn trained(deals: &[Deal]) -> WinModel {
    train(deals, &Settings::default(), NOW, None).expect("the default settings")
}

/// Reps who differ, one of them most of all with one industry.
fn skilled(rep: usize, industry: usize) -> f64 {
    if (rep, industry) == (2, 1) { 0.9 } else { 0.15 + 0.08 * rep as f64 }
}

#[test]
fn gates_open_with_evidence_and_skill() {
    let check = |deals: usize, chance: fn(usize, usize) -> f64, failed: &[Gate], way| {
        let model = trained(&history(deals, chance));
        assert_eq!((&*model.report().gates.failed(), model.way()), (failed, way), "{deals} deals");
    };
    let flat = |_, _| 0.3;
    check(0, flat, &[Gate::Evidence, Gate::Skill], Way::Rate);
    check(1, flat, &[Gate::Evidence, Gate::Skill], Way::Rate);
    check(2_000, flat, &[Gate::Skill], Way::Rate);
    check(2_000, skilled, &[], Way::Logit);
}

#[test]
fn trees_win_only_where_fields_work_together() {
    let model = trained(&history(6_000, |rep, industry| if (rep + industry) % 2 == 0 { 0.85 } else { 0.15 }));
    // Effects of rep × industry say that as well, so trees gain nothing.
    assert_eq!(model.report().best, Way::Logit);
    let deals: Vec<Deal> =
        history(6_000, |rep, industry| if (rep + industry) % 2 == 0 { 0.85 } else { 0.15 })
            .into_iter()
            .map(|mut deal| {
                // The rep's part of the pattern moves to a field, and no effect crosses two fields.
                deal.fields.extend(deal.rep.take().map(|rep| ("channel".to_owned(), rep)));
                deal
            })
            .collect();
    let model = trained(&deals);
    assert_eq!((model.report().best, model.way()), (Way::Trees, Way::Trees));
    let fields = &deals[0].fields;
    let factors = model.explain(fields, 0, "nobody");
    let sum: f64 = factors.iter().filter(|factor| !factor.cause.of_rep()).map(|factor| factor.effect).sum();
    assert_eq!(sum, model.predict(fields, 0, &["nobody"])[0].lead);
}

#[test]
fn open_and_disqualified_deals_are_counted_and_not_learned_from() {
    let deals = history(400, skilled);
    let mut more = deals.clone();
    let with = |outcome| Deal { outcome, ..deals[0].clone() };
    more.extend([
        with(Outcome::Open),
        with(Outcome::Disqualified { closed: NOW - DAY }),
        with(Outcome::Lost { closed: -DAY }),
        with(Outcome::Lost { closed: NOW + DAY }),
    ]);
    let (before, after) = (trained(&deals), trained(&more));
    let (old, new) = (before.report().counts, after.report().counts);
    assert_eq!(new, Counts { open: 1, disqualified: 1, too_old: 1, in_future: old.in_future + 1, ..old });
    let fields = &deals[0].fields;
    let names = ["rep 0", "rep 2", "nobody"];
    assert_eq!(before.predict(fields, NOW, &names), after.predict(fields, NOW, &names));
}

#[test]
fn a_record_is_counted_and_shrunk() {
    let deals = history(400, skilled);
    let model = trained(&deals);
    let inside = |deal: &&Deal| {
        let closed = match deal.outcome {
            Outcome::Won { closed } | Outcome::Lost { closed } => closed,
            _ => return false,
        };
        closed <= NOW && deal.rep.as_deref() == Some("rep 2") && deal.fields["industry"] == "industry 1"
    };
    let met: Vec<&Deal> = deals.iter().filter(inside).collect();
    let won = met.iter().filter(|deal| matches!(deal.outcome, Outcome::Won { .. })).count() as u64;
    let found = model.evidence("rep 2", &[("industry", "industry 1")]).expect("enough deals");
    assert_eq!((found.won, found.closed), (won, met.len() as u64));
    let raw = won as f64 / met.len() as f64;
    let of_rep = model.evidence("rep 2", &[]).expect("the rep").rate.mean();
    assert!(of_rep < found.rate.mean() && found.rate.mean() < raw);
    let (low, high) = found.rate.interval(0.8);
    assert!(low < found.rate.mean() && found.rate.mean() < high);
    assert_eq!(model.evidence("rep 2", &[("industry", "unheard of")]), None);
    assert_eq!(model.evidence("nobody", &[]).map(|found| found.closed), Some(0));
}

#[test]
fn bytes_are_the_model() {
    for deals in [0, 40, 1_000] {
        let model = trained(&history(deals, skilled));
        let bytes = model.to_bytes().expect("encodes");
        assert_eq!(WinModel::from_bytes(&bytes).as_ref(), Ok(&model));
        let mut other = bytes.clone();
        other[0] = 9;
        assert_eq!(WinModel::from_bytes(&other), Err(ModelError::Format { found: 9 }));
        for cut in [0, 3, 5, bytes.len() / 2, bytes.len() - 1] {
            assert!(matches!(WinModel::from_bytes(&bytes[..cut]), Err(ModelError::Damaged { .. })), "{cut}");
        }
    }
}

/// Stored models are named by a digest of their bytes, so a model of one part stays what it was.
#[test]
fn bytes_are_those_of_the_first_version() {
    let check = |model: WinModel, expected: Expect| {
        let bytes = model.to_bytes().expect("encodes");
        expected.assert_eq(&format!("{} {}", bytes.len(), blake3::hash(&bytes)));
    };
    check(trained(&[]), expect!["268 8cb67fa630a7deddc86f7178f84fe63fcb6ffa5729383de0a6949d5602cf4f8a"]);
    check(
        trained(&history(1_000, skilled)),
        expect!["3937 97b29795588d38e7e1f5439b24ff5290d3271f19a23e3d0a7bad10692d23865b"],
    );
    let mut crossed = history(3_000, |rep, industry| if (rep + industry) % 2 == 0 { 0.85 } else { 0.15 });
    for deal in &mut crossed {
        deal.fields.extend(deal.rep.take().map(|rep| ("channel".to_owned(), rep)));
    }
    check(
        trained(&crossed),
        expect!["59962 46b9a677c07208a2da9c4b1a5ea35e5bb94677845d123e0afba0580a12953aeb"],
    );
}

#[test]
fn settings_are_days() {
    let check = |settings: Settings, expected: &str| {
        let error = train(&[], &settings, NOW, None).expect_err("no days");
        assert_eq!(error.to_string(), expected);
    };
    let wrong = |half_life_days, window_days| Settings { half_life_days, window_days, ..Settings::default() };
    check(
        wrong(Some(-1.0), 365.0),
        "half_life_days = -1 in the learning settings: write a number of days above 0",
    );
    check(wrong(None, 0.0), "window_days = 0 in the learning settings: write a number of days above 0");
}

#[test]
fn models_are_compared_on_deals_newer_than_both() {
    let all = history(3_000, skilled);
    let (poor, good) = (trained(&all[..60]), trained(&all));
    let check = |current: &WinModel, candidate: &WinModel, deals: &[Deal], expected| {
        assert_eq!(compare(current, candidate, deals).verdict, expected);
    };
    check(&poor, &good, &all, Better::Candidate);
    check(&good, &poor, &all, Better::Current);
    check(&good, &good, &all, Better::Neither);
    check(&poor, &good, &all[..60], Better::TooFew);
}

#[test]
fn tenants_with_few_deals_start_from_what_others_share() {
    let many =
        [2_000, 2_500, 3_000].map(|deals| trained(&history(deals, skilled)).summary().expect("evidence"));
    let prior = Prior::pool(&many).expect("three tenants");
    assert_eq!(trained(&history(60, skilled)).summary(), None);
    let few = history(30, skilled);
    let settings = Settings::default();
    let newer: Vec<Deal> = history(3_000, skilled).split_off(1_500);
    let loss = |prior| {
        let model = train(&few, &settings, NOW, prior).expect("default settings").by(Way::Logit);
        Metrics::of(&model.outturns(&newer, i64::MIN)).log_loss
    };
    assert!(loss(Some(&prior)) < loss(None));
}

#[test]
fn a_model_is_watched_once_it_counts() {
    let deals = history(3_000, skilled);
    let model = trained(&deals);
    let check = |model: &WinModel, deals: &[Deal], until: i64, expected: Option<(u64, bool)>| {
        let watch = model.watch(deals, until);
        assert_eq!(watch.map(|watch| (watch.closed, watch.look.verdict.is_alarm())), expected);
    };
    let closed = |deal: &Deal| match deal.outcome {
        Outcome::Won { closed } | Outcome::Lost { closed } => closed,
        _ => 0,
    };
    let since =
        |until: i64| deals.iter().filter(|deal| (NOW + 1..=until).contains(&closed(deal))).count() as u64;
    check(&model, &deals, NOW, Some((0, false)));
    check(&model, &deals, 2 * NOW, Some((since(2 * NOW), false)));
    check(&model, &deals, NOW + 90 * DAY, Some((since(NOW + 90 * DAY), false)));
    let lost: Vec<Deal> = deals
        .iter()
        .map(|deal| Deal { outcome: Outcome::Lost { closed: closed(deal) }, ..deal.clone() })
        .collect();
    check(&model, &lost, 2 * NOW, Some((since(2 * NOW), true)));
    check(&trained(&history(50, skilled)), &deals, 2 * NOW, None);
}

#[test]
fn effective_deals_of_a_rep_are_never_more_than_deals() {
    let mut deals = history(600, |_, _| 0.3);
    deals.truncate(400);
    for (deal, number) in deals.iter_mut().zip(0..6_i64) {
        deal.rep = Some("new".to_owned());
        deal.outcome = Outcome::Lost { closed: NOW - number * DAY };
    }
    let found = trained(&deals).evidence("new", &[]).expect("the rep");
    assert_eq!((found.closed, found.effective), (6, 6.0));
}
