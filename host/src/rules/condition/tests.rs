//! Conditions over one lead, and what is said of wrong ones.

use expect_test::{Expect, expect};
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::lead::{Company, Confidence, Contact, FieldValue, Lead, Signal, Verdict};

fn lead() -> Lead {
    Lead {
        source: "demo-request".to_owned(),
        text: "We are 1200 people and need SSO".to_owned(),
        contact: Contact { title: Some("Vice President, Data".to_owned()), ..Contact::default() },
        company: Company { industry: Some("retail".to_owned()), ..Company::default() },
        products: vec!["analytics".to_owned(), "platform".to_owned()],
        value: Some(50_000.0),
        fields: [
            ("segment".to_owned(), FieldValue::Text("gold".to_owned())),
            ("score".to_owned(), FieldValue::Number(7.0)),
            ("consent".to_owned(), FieldValue::Flag(true)),
            ("renewal".to_owned(), FieldValue::Instant("2026-03-01T00:00:00Z".parse().unwrap())),
        ]
        .into(),
        ..Lead::bare("L1".parse().unwrap(), Timestamp::UNIX_EPOCH)
    }
}

fn verdict() -> Verdict {
    Verdict {
        lane: Some("enterprise".parse().unwrap()),
        confidence: Confidence::Medium,
        ranking: Vec::new(),
        intent: 62.5,
        signals: vec![Signal { kind: "seats".to_owned(), value: "1200".to_owned(), start: 7, end: 11 }],
        complexity: None,
        reason: String::new(),
    }
}

/// `Ok` and whether it holds, or why it cannot be answered.
#[track_caller]
fn check(source: &str, expected: Result<bool, &str>) {
    let condition = Condition::compile(source).unwrap_or_else(|error| panic!("{source}: {error:?}"));
    let (lead, verdict) = (lead(), verdict());
    let found = condition.holds(&Facts::new(&lead, &verdict));
    assert_eq!(found, expected.map_err(str::to_owned), "{source}");
}

#[track_caller]
fn check_wrong(source: &str, expected: Expect) {
    let error = Condition::compile(source).map(|_| ()).expect_err("it should not compile");
    let mut text = String::new();
    for ConditionProblem { line, column, message, hint } in error.problems {
        text += &format!("{line}:{column} {message}\n");
        if let Some(hint) = hint {
            text += &format!("  {hint}\n");
        }
    }
    expected.assert_eq(&text);
}

#[test]
fn conditions_over_facts() {
    check("true", Ok(true));
    check("lead.source == 'demo-request'", Ok(true));
    check("lead.source in ['event', 'web-form']", Ok(false));
    check("lead.value >= 50000", Ok(true));
    check("lead.value == 50000", Ok(true));
    check("lead.value > 50000.5", Ok(false));
    check("verdict.intent > 62 && verdict.intent < 63", Ok(true));
    check("verdict.confidence != 'low' && verdict.lane == 'enterprise'", Ok(true));
    check("'seats' in verdict.signals && int(verdict.signals.seats[0]) >= 1000", Ok(true));
    check("has(verdict.signals.budget)", Ok(false));
    check("'analytics' in lead.products && size(lead.products) == 2", Ok(true));
    check("lead.products.exists(p, p.startsWith('plat'))", Ok(true));
    check("lead.contact.title.matches('(?i)\\\\bvice president\\\\b')", Ok(true));
    check("matches(lead.contact.title, r'\\bCEO\\b')", Ok(false));
    check("lead.contact.title.lowerAscii().contains('vice')", Ok(true));
    check("lead.fields.segment == 'gold' && lead.fields.score >= 7 && lead.fields.consent", Ok(true));
    check("lead.fields.renewal < '2026-06-30'", Ok(true));
    check("lead['company']['industry'] == 'retail'", Ok(true));
}

/// An absent fact decides nothing by itself, and the reason names it.
#[test]
fn absent_facts() {
    let absent = "lead.company.employees is absent";
    check("lead.company.employees >= 1000", Err(absent));
    check("!(lead.company.employees >= 1000)", Err(absent));
    check("lead.company.employees >= 1000 || verdict.intent > 60", Ok(true));
    check("verdict.intent > 60 || lead.company.employees >= 1000", Ok(true));
    check("lead.company.employees >= 1000 && verdict.intent > 90", Ok(false));
    check("lead.company.employees >= 1000 || verdict.intent > 90", Err(absent));
    check("lead.company.employees != null && lead.company.employees >= 1000", Ok(false));
    check("has(lead.company.employees)", Ok(false));
    check("has(lead.contact.title) && has(lead.contact)", Ok(true));
    check("lead.company.country == 'US'", Ok(false));
    check("lead.company.country.startsWith('U')", Err("lead.company.country is absent"));
    check("lead.fields.plan == 'pro'", Err("lead.fields.plan is absent"));
    check("has(lead.fields.plan) && lead.fields.plan == 'pro'", Ok(false));
    check("lead.fields['plan'] == 'pro'", Err("there is no `plan`"));
    check(
        "lead.company.revenue > lead.company.employees",
        Err("lead.company.revenue, lead.company.employees are absent"),
    );
    check("lead.fields.segment > 3", Err("`>` does not fit a text and a number"));
    check("verdict.signals.seats[4] == ''", Err("a list is shorter than that"));
    check("1 / (size(lead.products) - 2) == 0", Err("it divides by zero"));
    check("lead.fields.segment", Err("it gives a text, not true or false"));
}

#[test]
fn wrong_conditions() {
    check_wrong(
        "lead.company.employes >= 1000",
        expect![[r#"
        1:14 `lead.company` has no `employes`
          did you mean `lead.company.employees`?
    "#]],
    );
    check_wrong(
        "leed.source == 'event'",
        expect![[r#"
        1:1 there is no `leed`
          did you mean `lead`?
    "#]],
    );
    check_wrong(
        "source == 'event' && title == 'CEO'",
        expect![[r#"
        1:1 there is no `source`
          did you mean `lead.source`?
        1:22 there is no `title`
          did you mean `lead.contact.title`?
    "#]],
    );
    check_wrong(
        "lead.source == event",
        expect![[r#"
        1:16 there is no `event`
          an expression reads `lead` and `verdict`; a text is quoted: 'event'
    "#]],
    );
    check_wrong(
        "lead.title == 'CEO' || lead.employees > 3 || lead.tier == 1 || verdict.name == ''",
        expect![[r#"
        1:6 `lead` has no `title`
          did you mean `lead.contact.title`?
        1:29 `lead` has no `employees`
          did you mean `lead.company.employees`?
        1:51 `lead` has no `tier`
          a custom field is `lead.fields.tier`
        1:72 `verdict` has no `name`
          `verdict` has lane, confidence, intent, signals
    "#]],
    );
    check_wrong(
        "lead.source.name == 'x'",
        expect![[r#"
            1:13 `lead.source` is a text and has no `name`
            1:18 `.` does not fit a text and a text
        "#]],
    );
    check_wrong(
        "lead['compny'].name == 'x'",
        expect![[r#"
        1:5 `lead` has no `compny`
          did you mean `lead.company`?
    "#]],
    );
    check_wrong(
        "lead.company.employees",
        expect![[r#"
        1:1 it gives a number, and a condition gives true or false
          compare it with something, such as `verdict.intent >= 60`
    "#]],
    );
    check_wrong(
        "'yes'",
        expect![[r#"
        1:1 it gives a text, and a condition gives true or false
          compare it with something, such as `verdict.intent >= 60`
    "#]],
    );
    check_wrong(
        "lead.source == 'event' ? 1 : 2",
        expect![[r#"
        1:1 it gives a number, and a condition gives true or false
          compare it with something, such as `verdict.intent >= 60`
    "#]],
    );
    check_wrong(
        "lead.source > 5 || true",
        expect![[r#"
        1:13 `>` does not fit a text and a number
    "#]],
    );
    check_wrong(
        "lead.source == 'demo' || (lead.company.name.startWith('A') && lead.value)",
        expect![[r#"
        1:45 there is no function `startWith`
          did you mean `startsWith`?
    "#]],
    );
    check_wrong(
        "'é' == lead.source && lead.products.exists(p, p.foo(q))",
        expect![[r#"
        1:49 there is no function `foo`
          functions are all, bool, bytes, charAt, contains, double, dyn, endsWith, exists, exists_one, filter, has, indexOf, int, join, lastIndexOf, lowerAscii, map, matches, replace, reverse, size, split, startsWith, string, substring, trim, type, uint, upperAscii
        1:53 there is no `q`
          an expression reads `lead` and `verdict`; a text is quoted: 'q'
    "#]],
    );
    check_wrong(
        "lead.contact.title.matches('(vp')",
        expect![[r#"
        1:20 the pattern '(vp' is wrong: unclosed group
          in a TOML text between '…' a backslash stands for itself: r'\bvp\b'
    "#]],
    );
    check_wrong(
        "lead.source == 'event' &&",
        expect![[r#"
        1:26 it ends too early
    "#]],
    );
    check_wrong(
        "lead.source = 'event'",
        expect![[r#"
        1:13 `=` compares nothing
          equal is `==`
    "#]],
    );
    check_wrong(
        "lead.source == 'event' and lead.value > 5",
        expect![[r#"
        1:24 `and` does not fit here
          `&&` is and, `||` is or, `!` is not
    "#]],
    );
    check_wrong(
        "lead.source == 'event' & lead.value > 5",
        expect![[r#"
        1:24 `&` joins nothing
          and is `&&`
    "#]],
    );
    check_wrong(
        "lead.source == 'event'\n  && (lead.value > 5",
        expect![[r#"
        2:21 `)` is missing at the end
    "#]],
    );
    check_wrong(
        "lead.source == 'event",
        expect![[r#"
        1:16 a quote that opens here is never closed
    "#]],
    );
    check_wrong(
        "",
        expect![[r#"
        1:1 it is empty
          write `false` for a condition that never holds
    "#]],
    );
    check_wrong(
        "lead.products.all(a, lead.products.all(b, lead.products.all(c, a == b && b == c)))",
        expect![[r#"
        1:60 lists are gone through inside one another more than 2 deep
    "#]],
    );
    check_wrong(
        &format!("lead.source == '{}'", "x".repeat(5000)),
        expect![[r#"
        1:1 it has 5017 bytes, at most 4096 are allowed
          look values up in a list: `lead.source in ['event', 'web-form']`
    "#]],
    );
}

#[test]
fn shared_between_threads() {
    fn shared<T: Send + Sync + std::fmt::Debug>() {}
    shared::<Condition>();
    shared::<Facts<'_>>();
}

proptest! {
    /// Whatever a tenant writes: an answer or a list of problems, never a crash.
    #[test]
    fn any_text_is_judged(source in "[a-z.'()&|<>=!0-9\\[\\]? \\n]{0,60}|\\PC{0,40}") {
        match Condition::compile(&source) {
            Ok(condition) => {
                let (lead, verdict) = (lead(), verdict());
                let _ = condition.holds(&Facts::new(&lead, &verdict));
            }
            Err(error) => prop_assert!(!error.problems.is_empty()),
        }
    }
}
