use super::*;

fn rate(hits: u64, n: u64) -> Option<Rate> {
    Rate::of(hits, n)
}

/// A tenant that is ready.
fn ready() -> History {
    History {
        days: 365,
        leads: 3_000,
        good: rate(60, 200),
        unassigned: rate(90, 3_000),
        first_touch: vec![3.0, 9.0, 40.0],
        sla: 5.0,
        queued: Some(Queued { leads: 12, oldest: 28.0 }),
        watch: None,
        closed: 400,
        effective: 210.0,
        overridden: rate(20, 400),
        covered: rate(2_900, 3_000),
        fields: vec![("industry".to_owned(), Rate::of(2_500, 3_000).expect("counted"))],
    }
}

fn check(change: impl Fn(&mut History), area: &Area, verdict: Verdict, sentence: &str) {
    let mut history = ready();
    change(&mut history);
    let findings = audit(&history);
    let found = findings.iter().find(|finding| finding.area == *area).expect("every area has a finding");
    assert_eq!((found.verdict, found.sentence.as_str()), (verdict, sentence));
}

#[test]
fn a_ready_tenant_automates() {
    let findings = audit(&ready());
    let told: Vec<String> = findings.iter().map(|finding| finding.sentence.clone()).collect();
    expect_test::expect![[r#"
        250 leads come in a month, enough for automatic routing: automation pays above 100
        60 of 200, 30 % (24–37 %) of the leads are good: unless 90 % surely are, it pays to tell them apart
        90 of 3000, 3 % (2–4 %) of the leads reach nobody, and 15 % may
        half of the leads are touched within 9 minutes, and 5 are promised: assignment within seconds gives the time back
        12 leads wait for a rep now, the oldest for 28.0 hours: leads go cold in a general queue, so automate this first
        400 deals are closed, worth 210 with the weights of training, and 100 are needed: enough for the model to be tried against its gates
        people change 20 of 400, 5 % (3–8 %) of the assignments, under 15 % as it should be
        2900 of 3000, 97 % (96–97 %) of the leads have a rep who may take them, above 85 % as it should be
        2500 of 3000, 83 % (82–85 %) of the leads have industry, enough to lean on"#]].assert_eq(&told.join("\n"));
    assert!(findings.iter().all(|finding| finding.verdict == Verdict::Automate));
}

#[test]
fn each_area_has_its_reasons() {
    use Verdict::{NotYet, SimpleRules, SuggestionModeFirst};
    check(
        |h| h.leads = 1_000,
        &Area::Volume,
        SimpleRules,
        "83 leads come in a month, simple rules serve as well: automation pays above 100",
    );
    check(
        |h| h.good = rate(195, 200),
        &Area::Quality,
        SimpleRules,
        "195 of 200, 98 % (94–99 %) of the leads are good: from 90 % on there is nothing to sort, simple rules serve",
    );
    // 19 of 20 are no proof of 90 %.
    check(
        |h| h.good = rate(19, 20),
        &Area::Quality,
        Verdict::Automate,
        "19 of 20, 95 % (76–99 %) of the leads are good: unless 90 % surely are, it pays to tell them apart",
    );
    check(
        |h| h.unassigned = rate(600, 3_000),
        &Area::Unassigned,
        SuggestionModeFirst,
        "600 of 3000, 20 % (19–21 %) of the leads reach nobody, and 15 % may: start with suggestions and look at the gaps daily",
    );
    check(
        |h| h.first_touch.clear(),
        &Area::FirstTouch,
        SuggestionModeFirst,
        "the history does not say when leads are first touched: let people confirm until it is measured",
    );
    check(
        |h| h.effective = 64.2,
        &Area::Deals,
        NotYet,
        "400 deals are closed, worth 64 with the weights of training, and 100 are needed: rules decide until then, the model not yet",
    );
    check(
        |h| h.overridden = rate(80, 400),
        &Area::Overrides,
        SuggestionModeFirst,
        "people change 80 of 400, 20 % (16–24 %) of the assignments, and it should be under 15 %: let them confirm for 4–6 weeks",
    );
    check(
        |h| h.covered = rate(2_000, 3_000),
        &Area::Coverage,
        NotYet,
        "2000 of 3000, 67 % (65–68 %) of the leads have a rep who may take them, and it should be above 85 %: close the gaps first",
    );
    check(
        |h| h.fields = vec![("size".to_owned(), Rate::of(30, 100).expect("counted"))],
        &Area::Field("size".to_owned()),
        NotYet,
        "30 of 100, 30 % (22–40 %) of the leads have size, and 70 % should: enrich it before rules or the model lean on it",
    );
}

#[test]
fn an_empty_history_automates_nothing() {
    let findings = audit(&History::default());
    assert!(findings.iter().all(|finding| finding.verdict != Verdict::Automate), "{findings:?}");
}

#[test]
fn the_median_is_in_the_middle() {
    assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(&[4.0, 1.0, f64::NAN, 2.0, 3.0]), Some(2.5));
    assert_eq!(median(&[]), None);
}
