use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use super::*;
use crate::decision::{
    Action, ActionTrace, AssignedBy, CallTrace, Cause, ClassifyTrace, Dropped, EligibilityTrace, Excluded,
    Factor, FallbackTrace, Match, Method, NormaliseTrace, RulesTrace, ScoreTrace, SelectTrace, Trace, Triage,
    Unassigned,
};
use crate::digest::Digest;
use crate::failure::{Failure, Limit};
use crate::lead::Turns;
use crate::pipeline::fixture::{self, id};

const PLAIN: Look = Look { width: 110, colour: false };

fn call(export: &str) -> CallTrace {
    CallTrace {
        export: export.to_owned(),
        plugin: Digest::of(export),
        fuel: 12_345,
        memory: 131_072,
        log: vec![],
        fields: BTreeMap::new(),
        failure: None,
    }
}

/// Ana was picked of two; one is full.
fn decision() -> Decision {
    let lead = fixture::lead();
    let signals = vec![
        fixture::signal(&lead.text, "seats", "40 people"),
        fixture::signal(&lead.text, "deadline", "the end of March"),
    ];
    let verdict = crate::lead::Verdict { signals, ..fixture::verdict() };
    let found = |rep: &str, total, factors: [f32; 2], passed_over| Match {
        rep: id(rep),
        factors: factors.to_vec(),
        total,
        price: 0.0,
        passed_over,
    };
    let factor = |name: &str, weight| Factor { name: name.to_owned(), weight };
    let outcome =
        Outcome::Assigned { rep: id("ana"), team: id("smb"), total: Some(88.0), by: AssignedBy::Rotation };
    let plain = fixture::decision(&lead, outcome);
    Decision {
        why: "next in turn among the 2 best of 2: territory 100 and deal size 70".to_owned(),
        trace: Trace {
            normalise: NormaliseTrace {
                lead,
                dropped: vec![Dropped {
                    field: "company.employees".to_owned(),
                    problem: "expected a whole number of people, found \"lots\"".to_owned(),
                }],
                account: Some("acme.example".to_owned()),
                ..plain.trace.normalise
            },
            classify: ClassifyTrace { calls: vec![call("classifier.classify")], verdict: Some(verdict) },
            rules: RulesTrace { territory: Some(id("americas")), ..RulesTrace::default() },
            eligibility: Some(EligibilityTrace {
                team: id("smb"),
                candidates: vec![id("ana"), id("ben")],
                excluded: BTreeMap::from([
                    (id("cy"), Excluded::OverCapacity { open: 8, max: 8 }),
                    (id("eve"), Excluded::OtherTeam { team: id("enterprise") }),
                ]),
                others: vec![],
                skills: Default::default(),
            }),
            arm: None,
            seed: "42".to_owned(),
            score: Some(ScoreTrace {
                call: call("scorer.score"),
                fits: vec![],
                factors: vec![factor("territory", 0.6), factor("deal-size", 0.4)],
                matches: vec![
                    found("ana", 88.0, [100.0, 70.0], None),
                    found(
                        "ben",
                        60.0,
                        [100.0, 0.0],
                        Some(Excluded::NearCapacity { total: 60.0, needed: 75.0 }),
                    ),
                ],
                win: None,
            }),
            select: Some(SelectTrace {
                free_now: false,
                fast: false,
                method: Method::Rotation,
                pool: vec![(id("ana"), 1.0), (id("dan"), 0.0)],
                picked: id("ana"),
                turns: Turns::Credit,
                queue: "smb".to_owned(),
                preferred: false,
                passed_over: BTreeMap::new(),
            }),
            ..plain.trace
        },
        ..plain
    }
}

/// Nobody could take it, and the fallback's plugin failed first.
fn held() -> Decision {
    let ordinary = decision();
    let failed = CallTrace {
        failure: Some(Failure::Limit { limit: Limit::Fuel, used: 11, allowed: 10 }),
        ..call("fallback.resolve")
    };
    let refused = Some("team enterprise has no manager".to_owned());
    let mut normalise = ordinary.trace.normalise.clone();
    normalise.lead.text =
        "gr\u{202e}üezi \u{1b}[31m and a very long sentence that goes on for quite a while".to_owned();
    Decision {
        lead: id("lead-2"),
        confidence: Confidence::Low,
        outcome: Outcome::Held { queue: "later".to_owned(), reason: Unassigned::NoCapacity },
        triage: Some(Triage::LowConfidence),
        why: "waits in the queue later, since whoever could still take it has no room now".to_owned(),
        trace: Trace {
            normalise,
            score: None,
            select: None,
            fallback: Some(FallbackTrace {
                cause: Cause::AllAtCapacity,
                reason: Unassigned::NoCapacity,
                calls: vec![failed, call("fallback.resolve")],
                actions: vec![
                    ActionTrace { action: Action::Manager(id("enterprise")), refused },
                    ActionTrace { action: Action::Hold("later".to_owned()), refused: None },
                ],
            }),
            ..ordinary.trace.clone()
        },
        ..ordinary
    }
}

fn check(found: &str, expect: Expect) {
    expect.assert_eq(found);
    assert!(!found.contains('\u{1b}') && !found.contains('\u{202e}'), "nothing reaches the terminal raw");
}

#[test]
fn tables() {
    check(
        &table(&[decision(), held()], PLAIN),
        expect![[r#"
            inquiry                         lane   confidence   rep           match   why
            ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
            lead-1  We are 40 people and    smb    high         ana              88   next in turn among the 2 best of
            need reports by the end of …                                              2: territory 100 and deal size 70
            lead-2  gr\u{202e}üezi          smb    low          queue later           waits in the queue later, since
            \u{1b}[31m and a very long …                                              whoever could still take it has no
                                                                                      room now

            2 leads: assigned 1 · held 1
            lanes       smb 2
            confidence  high 1 · medium 0 · low 1
            triage      1 for a person to look at
        "#]],
    );
    check(
        &table(&[], PLAIN),
        expect![[r#"
            inquiry   lane   confidence   rep   match   why
            ─────────────────────────────────────────────────

            0 leads
        "#]],
    );
}

#[test]
fn tables_fit() {
    for width in [40, 60, 80, 120, 200] {
        let table = table(&[decision(), held()], Look { width, ..PLAIN });
        let longest =
            table.lines().take_while(|line| !line.is_empty()).map(|line| line.chars().count()).max();
        assert!(longest.unwrap() <= usize::from(width), "{width}:\n{table}");
    }
}

#[test]
fn colour_marks_confidence_alone() {
    let coloured = table(&[decision(), held()], Look { colour: true, ..PLAIN });
    let marks: Vec<&str> =
        coloured.split("\u{1b}[").skip(1).map(|rest| &rest[..rest.find('m').unwrap()]).collect();
    assert_eq!(marks.iter().filter(|mark| mark.starts_with("38")).count(), 2, "{marks:?}");
}

#[test]
fn stories() {
    check(
        &explain(&decision(), PLAIN),
        expect![[r#"
            lead-1 → ana with 88 of 100
              next in turn among the 2 best of 2: territory 100 and deal size 70
              tier 3: first touch within 240 minutes

            Lead
              “We are 40 people and need reports by the end of March. Budget is 5k a month.”
              web-form at 2026-03-02T10:00:00Z
              dropped company.employees: expected a whole number of people, found "lots"

            Lane
              smb, high confidence, intent 80 of 100
              a small team that wants a quote
              smb 0.90
              seats 40 people “40 people”
              deadline the end of march “the end of March”

            Tier
              3, since no condition of another tier holds

            Rules
              account acme.example, of nobody
              territory americas

            Candidates
              rep   total   territory ×0.60   deal size ×0.40
              ─────────────────────────────────────────────────
              ana    88.0               100                70
              ben    60.0               100                 0
              passed over ben: is near capacity, and a match of 60 is below the 75 that takes

            Not candidates for team smb
              cy is full with 8 of 8 open deals
              eve sells in team enterprise

            Pick
              ana: next in turn
              among ana 100 % · dan 0 %

            Plugins
              classifier.classify  e4171cefc9f9  fuel 12,345  memory 128 KiB
              scorer.score  4ab6cae6ef4b  fuel 12,345  memory 128 KiB

            To run it again
              decision 1 of the lead, seed 42, at 2026-03-02T10:00:00Z
              configuration sha256:b79606fb3afea5bd1609ed40b622142f1c98125abcfe89a76a661b0e8e343910
              text model    sha256:982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1
              engine        lanewright 0.1.0
        "#]],
    );
    check(
        &explain(&held(), PLAIN),
        expect![[r#"
            lead-2 → queue later
              waits in the queue later, since whoever could still take it has no room now
              tier 3: first touch within 240 minutes

            Lead
              “gr\u{202e}üezi \u{1b}[31m and a very long sentence that goes on for quite a while”
              web-form at 2026-03-02T10:00:00Z
              dropped company.employees: expected a whole number of people, found "lots"

            Lane
              smb, high confidence, intent 80 of 100
              a small team that wants a quote
              smb 0.90
              seats 40 people “ezi \u{1b}[31m”
              deadline the end of march “ence that goes o”
              a person should look as well: the classifier was not sure

            Tier
              3, since no condition of another tier holds

            Rules
              account acme.example, of nobody
              territory americas

            Not candidates for team smb
              cy is full with 8 of 8 open deals
              eve sells in team enterprise

            Fallback
              asked, since whoever could still take it has no room now
              give it to the manager of team enterprise → refused: team enterprise has no manager
              hold it in later → done

            Plugins
              classifier.classify  e4171cefc9f9  fuel 12,345  memory 128 KiB
              fallback.resolve  6ec5ba29b9a4  fuel 12,345  memory 128 KiB
                gave no answer that counts: it reached its fuel limit: used 11, allowed 10
              fallback.resolve  6ec5ba29b9a4  fuel 12,345  memory 128 KiB

            To run it again
              decision 1 of the lead, seed 42, at 2026-03-02T10:00:00Z
              configuration sha256:b79606fb3afea5bd1609ed40b622142f1c98125abcfe89a76a661b0e8e343910
              text model    sha256:982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1
              engine        lanewright 0.1.0
        "#]],
    );
}
