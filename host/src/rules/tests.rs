//! Rule sets over leads: order, what adds up, and that the index changes nothing.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::lead::{Company, Confidence, FieldValue, Lead, Rep, Tier, Verdict};

pub(super) fn words() -> Words {
    Words::default()
        .with("verdict.lane", ["enterprise", "smb", "partner"], false)
        .with_segment("size", Some(["small", "mid", "large"]))
        .with("rep.team", ["field", "inside"], false)
}

/// A rule with only an id and a condition; `""` always holds.
pub(super) fn rule(id: &str, when: &str, then: Actions) -> Rule {
    let when = (!when.is_empty()).then(|| {
        Condition::compile_over(when, Reads::Rule, &words())
            .unwrap_or_else(|error| panic!("{when}: {error:?}"))
    });
    Rule { id: id.parse().unwrap(), name: id.to_owned(), when, priority: None, active: true, then }
}

pub(super) fn team(team: &str) -> Actions {
    Actions { route: Some(Route::Team(team.parse().unwrap())), ..Actions::default() }
}

/// Whatever conditions of these tests read of a lead.
#[derive(Debug, Clone)]
pub(super) struct World {
    lead: Lead,
    verdict: Verdict,
    segments: BTreeMap<String, String>,
    tier: Tier,
}

impl World {
    pub(super) fn facts(&self) -> Facts<'_> {
        let around = Around { segments: &self.segments, tier: self.tier, account: None, complexity: None };
        Facts::new(&self.lead, &self.verdict).with(around)
    }
}

fn world(source: &str, country: Option<&str>, employees: Option<u32>, lane: &str) -> World {
    let company = Company { country: country.map(str::to_owned), employees, ..Company::default() };
    let lead = Lead {
        source: source.to_owned(),
        company,
        ..Lead::bare("L1".parse().unwrap(), Timestamp::UNIX_EPOCH)
    };
    let verdict = Verdict {
        lane: Some(lane.parse().unwrap()),
        confidence: Confidence::High,
        ranking: Vec::new(),
        intent: 50.0,
        signals: Vec::new(),
        complexity: None,
        reason: String::new(),
    };
    let size = match employees {
        Some(1000..) => "large",
        Some(0..50) => "small",
        _ => "mid",
    };
    let segments = [("size".to_owned(), size.to_owned())].into();
    World { lead, verdict, segments, tier: Tier::Two }
}

fn ids(rules: &[std::sync::Arc<Rule>]) -> Vec<String> {
    rules.iter().map(|rule| rule.id.to_string()).collect()
}

#[test]
fn the_first_route_counts_and_the_rest_adds_up() {
    let need = |skill: &str, level, drop_after, priority| SkillNeed {
        skill: skill.to_owned(),
        level,
        drop_after,
        priority,
    };
    let set = RuleSet::new(
        vec![
            rule(
                "last",
                "",
                Actions {
                    tags: vec!["seen".to_owned()],
                    mode: Some(Mode::Auto),
                    units: Some(1),
                    ..team("inside")
                },
            ),
            rule(
                "big",
                "lead.company.employees >= 1000",
                Actions {
                    tags: vec!["big".to_owned(), "seen".to_owned()],
                    skills: vec![need("sales", 7, None, 3)],
                    ..team("field")
                },
            ),
            Rule {
                priority: Some(20),
                ..rule(
                    "event",
                    "lead.source == 'event'",
                    Actions {
                        exclude: ["ana".parse().unwrap()].into(),
                        flag: Some("from a fair".to_owned()),
                        skills: vec![need("sales", 5, Some(30), 2), need("french", 2, Some(0), 1)],
                        caps: Caps { daily: Some(2), weekly: None },
                        mode: Some(Mode::Suggest),
                        within_hours: Some(8),
                        ..Actions::default()
                    },
                )
            },
            Rule {
                priority: Some(10),
                ..rule(
                    "partner",
                    "verdict.lane == 'partner'",
                    Actions { route: Some(Route::Queue("desk".to_owned())), ..Actions::default() },
                )
            },
            Rule { active: false, ..rule("off", "", team("field")) },
        ],
        &words(),
    );
    let check = |world: World, held: &[&str], route: Option<&str>, unanswered: &[&str]| {
        let found = set.evaluate(&world.facts());
        assert_eq!(ids(&found.held), held);
        assert_eq!(found.route().map(|(rule, _)| rule.id.as_str()), route);
        let why: Vec<String> = found.unanswered.iter().map(|it| format!("{}: {}", it.rule, it.why)).collect();
        assert_eq!(why, unanswered);
        assert_eq!(found.said().held.len(), held.len());
    };
    check(
        world("event", None, Some(5000), "partner"),
        &["partner", "event", "last", "big"],
        Some("partner"),
        &[],
    );
    check(world("event", None, Some(5000), "smb"), &["event", "last", "big"], Some("last"), &[]);
    check(
        world("web", None, None, "smb"),
        &["last"],
        Some("last"),
        &["big: lead.company.employees is absent"],
    );

    let world = world("event", None, Some(5000), "smb");
    let found = set.evaluate(&world.facts());
    assert_eq!(found.tags(), ["seen", "big"]);
    assert_eq!(
        found.flags().map(|(rule, text)| format!("{rule}: {text}")).collect::<Vec<_>>(),
        ["event: from a fair"]
    );
    assert_eq!(found.mode().map(|(rule, mode)| (rule.id.as_str(), mode)), Some(("event", Mode::Suggest)));
    assert_eq!(found.skills(), [need("french", 2, Some(0), 1), need("sales", 7, None, 2)]);
    assert_eq!(
        found.caps().map(|(rule, caps)| (rule.as_str(), caps.daily)).collect::<Vec<_>>(),
        [("event", Some(2))]
    );
    assert_eq!((found.units(), found.within_hours()), (Some(1), Some(8)));
    assert_eq!(found.excludes(&"ana".parse().unwrap()).map(|rule| rule.id.as_str()), Some("event"));
    assert!(found.excludes(&"bo".parse().unwrap()).is_none());
}

/// Conditions over few paths, of every form that is understood and some that are not.
pub(super) fn any_condition() -> impl Strategy<Value = String> {
    let atom = proptest::sample::select(vec![
        "lead.source == 'event'",
        "lead.source in ['event', 'call']",
        "lead.source != 'web'",
        "'web' == lead.source",
        "lead.company.country == 'PT'",
        "lead.company.country in ['PT', 'ES', null]",
        "lead.company.country != null",
        "lead.company.employees >= 50",
        "lead.company.employees < 50",
        "1000 <= lead.company.employees",
        "lead.company.employees > 49 && lead.company.employees < 51",
        "lead.company.employees == 50",
        "lead.company.employees in [50, 1000.0]",
        "lead.fields.plan == 'pro'",
        "lead.fields.plan != 'pro'",
        "lead.fields.plan in ['pro', 3]",
        "lead.fields.plan > 2",
        "lead.fields.plan",
        "lead.fields.plan == true",
        "has(lead.fields.plan)",
        "has(lead.company.country)",
        "verdict.lane == 'smb'",
        "verdict.lane in ['smb', 'partner']",
        "segment.size == 'large'",
        "segment.size != 'large'",
        "tier == 2",
        "tier <= 2",
        "account.owner == 'ana'",
        "complexity > 0.5",
        "lead.source.startsWith('e')",
        "lead.company.country.startsWith('P')",
        "lead.source.matches('^e')",
        "lead.source.contains('ve')",
        "lead.source.contains('e') && lead.company.employees >= 50",
        "lead.company.country.contains('P')",
        "lead.fields.plan.contains('r')",
        "lead.source.contains('')",
        "true",
        "false",
    ])
    .prop_map(str::to_owned);
    atom.prop_recursive(3, 12, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            two.clone().prop_map(|(a, b)| format!("({a}) && ({b})")),
            two.clone().prop_map(|(a, b)| format!("({a}) || ({b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), two).prop_map(|(a, (b, c))| format!("({a}) ? ({b}) : ({c})")),
        ]
    })
    // A negated path that is a number is told so when it is compiled.
    .prop_filter("compiles", |text| Condition::compile_over(text, Reads::Rule, &words()).is_ok())
}

/// Every lead that the conditions above can tell from another.
pub(super) fn worlds() -> Vec<World> {
    let plans = [
        None,
        Some(FieldValue::Text("pro".to_owned())),
        Some(FieldValue::Text("free".to_owned())),
        Some(FieldValue::Number(3.0)),
        Some(FieldValue::Flag(true)),
    ];
    let mut worlds = Vec::new();
    for source in ["event", "call", "web"] {
        for country in [None, Some("PT"), Some("DE")] {
            for employees in [None, Some(10), Some(50), Some(1000)] {
                for lane in ["smb", "partner", "enterprise"] {
                    for plan in &plans {
                        let mut world = world(source, country, employees, lane);
                        world.lead.fields.extend(plan.clone().map(|plan| ("plan".to_owned(), plan)));
                        world.tier = if lane == "smb" { Tier::Two } else { Tier::Three };
                        worlds.push(world);
                    }
                }
            }
        }
    }
    worlds
}

/// What is found about rules, given as id, priority, condition and team.
#[track_caller]
fn check_set(rules: &[(&str, Option<u32>, &str, &str)], expect: Expect) {
    let rules =
        rules.iter().map(|(id, priority, when, to)| Rule { priority: *priority, ..rule(id, when, team(to)) });
    check_found(rules.collect(), expect);
}

#[track_caller]
fn check_found(rules: Vec<Rule>, expect: Expect) {
    let rep = |name: &str, team: &str| Rep {
        team: team.parse().unwrap(),
        country: Some("PT".to_owned()),
        ..crate::pipeline::fixture::rep(name)
    };
    let reps = [rep("ana", "field"), rep("bo", "inside")];
    let found = RuleSet::new(rules, &words()).analyse(&words(), &reps);
    let text: String = found
        .iter()
        .map(|Finding { rule, severity, message, hint }| {
            format!("{severity:?} {rule}: {message}\n  {hint}\n")
        })
        .collect();
    expect.assert_eq(&text);
}

#[test]
fn findings() {
    let all = "";
    check_set(&[("a", None, "lead.source == 'event'", "field"), ("b", None, all, "inside")], expect![""]);
    check_set(
        &[("a", None, all, "field"), ("b", None, "lead.source == 'event'", "inside")],
        expect![[r#"
        Problem b: the route of this rule is never taken: the rule "a" before it always holds
          put "a" last
    "#]],
    );
    check_set(
        &[
            ("a", None, "lead.source in ['event', 'call']", "field"),
            ("b", None, "lead.source == 'call' && lead.value > 5", "inside"),
            ("c", Some(1), "lead.source == 'call' && lead.value > 5", "inside"),
        ],
        expect![[r#"
            Problem b: the route of this rule is never taken: the rule "c" before it holds whenever this one does
              put it before "c", or give it a lower `priority`
        "#]],
    );
    // Several together, by whole numbers, by everything a path can be.
    check_set(
        &[
            ("small", None, "lead.company.employees < 50", "inside"),
            ("large", None, "lead.company.employees > 50", "field"),
            ("both", None, "lead.company.employees in [10, 2000]", "field"),
            ("one", None, "lead.company.employees > 49 && lead.company.employees < 51", "field"),
            ("none", None, "lead.company.employees > 49 && lead.company.employees < 50", "field"),
        ],
        expect![[r#"
            Problem both: the route of this rule is never taken: the rules "small" and "large" before it take everything it could have
              put it before them, or give it a lower `priority`
            Note one: rules route by `lead.company.employees`, and none of them where it is absent
              such leads go where their lane leads; add a rule for them, or one without `when` at the end
            Problem none: this rule never holds: `lead.company.employees` cannot be all that `when` asks of it
              `&&` needs both sides at once; one of several values is `||` or `in [..]`
        "#]],
    );
    check_set(
        &[
            ("s", None, "segment.size == 'small'", "inside"),
            ("m", None, "segment.size == 'mid'", "inside"),
            ("rest", None, "lead.source == 'event' && segment.size != 'large'", "field"),
        ],
        expect![[r#"
            Note m: rules route by `segment.size`, and none of them where it is 'large'
              such leads go where their lane leads; add a rule for them, or one without `when` at the end
            Problem rest: the route of this rule is never taken: the rules "s" and "m" before it take everything it could have
              put it before them, or give it a lower `priority`
        "#]],
    );
    check_set(
        &[("low", None, "lead.value < 10000", "inside"), ("high", None, "lead.value >= 50000.5", "field")],
        expect![[r#"
            Note high: rules route by `lead.value`, and none of them where it is 10000 or more and less than 50000.5 or absent
              such leads go where their lane leads; add a rule for them, or one without `when` at the end
        "#]],
    );
    check_set(
        &[("a", None, "lead.source == 'event' && lead.source == 'call'", "field")],
        expect![[r#"
        Problem a: this rule never holds: `lead.source` cannot be all that `when` asks of it
          `&&` needs both sides at once; one of several values is `||` or `in [..]`
    "#]],
    );
    check_set(
        &[("a", None, "verdict.intent > 100", "field"), ("b", None, "false", "field")],
        expect![[r#"
        Problem a: this rule never holds: `verdict.intent` is never what `when` asks of it
          look at the values that it can have
        Problem b: this rule never holds
          to switch a rule off, write active = false
    "#]],
    );
    check_set(
        &[
            ("a", Some(5), "lead.source == 'event'", "field"),
            ("b", Some(5), "lead.company.country == 'PT'", "inside"),
        ],
        expect![[r#"
            Note b: this rule and "a" can hold together, both have priority 5, and they go to the team inside and to the team field
              the file's order decides; give the stronger one a lower `priority`
        "#]],
    );
    // Unknown is not false: `!` of what cannot be answered does not hold, so these leave a part.
    check_set(
        &[
            ("yes", None, "lead.company.employees >= 50", "field"),
            ("no", None, "!(lead.company.employees >= 50)", "field"),
            ("rest", None, "lead.source == 'event'", "inside"),
        ],
        expect![[r#"
            Note no: rules route by `lead.company.employees`, and none of them where it is absent
              such leads go where their lane leads; add a rule for them, or one without `when` at the end
        "#]],
    );
    // What is not understood is the same as itself, and nothing else.
    check_set(
        &[
            ("a", None, "lead.source.startsWith('e')", "field"),
            ("b", None, "lead.source.startsWith('e') && tier == 1", "inside"),
            ("c", None, "lead.source.startsWith('ev')", "inside"),
            ("d", None, "lead.source.matches('^e')", "inside"),
            ("e", None, "lead.source.matches('^ev')", "inside"),
        ],
        expect![[r#"
            Problem b: the route of this rule is never taken: the rule "a" before it holds whenever this one does
              put it before "a", or give it a lower `priority`
        "#]],
    );
}

#[test]
fn findings_about_people() {
    let only = |text: &str| Some(Condition::compile_over(text, Reads::Rep, &words()).unwrap());
    let exclude = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
    check_found(
        vec![rule("a", "", Actions { exclude: exclude(&["ana"]), ..team("field") })],
        expect![[r#"
        Problem a: this rule sends leads to the team field and excludes the same
          leave one of the two out
    "#]],
    );
    check_found(
        vec![
            rule("a", "lead.source != 'call'", Actions { exclude: exclude(&["ana"]), ..Actions::default() }),
            rule("b", "lead.source == 'event'", team("field")),
            rule("c", "lead.source == 'call'", team("field")),
        ],
        expect![[r#"
            Problem b: this rule sends leads to the team field, and the rule "a", which holds whenever it does, excludes them
              leave one of the two out
        "#]],
    );
    check_found(
        vec![
            rule("a", "", Actions { only: only("rep.country == 'ES'"), ..Actions::default() }),
            rule("b", "lead.source == 'x'", Actions { only: only("rep.country == 'PT'"), ..team("field") }),
            rule("c", "lead.source == 'y'", Actions { only: only("rep.seniority > 4"), ..team("field") }),
            rule("d", "lead.source == 'z'", Actions { only: only("rep.seniority > 5"), ..team("field") }),
            rule(
                "e",
                "lead.source == 'u'",
                Actions { only: only("rep.country == lead.company.country"), ..team("field") },
            ),
        ],
        expect![[r#"
            Problem a: no rep is what `only` asks for
              look at the columns of reps.csv that it reads
            Problem c: nobody of the team field is what `only` asks for
              look at the columns of reps.csv that it reads
            Problem d: `only` never holds, so nobody could get such a lead
              look at its values
        "#]],
    );
}

proptest! {
    /// No false alarm: what is said never to hold or to decide does not, for any lead.
    #[test]
    fn problems_are_certain(
        conditions in proptest::collection::vec(any_condition(), 1..6),
        priorities in proptest::collection::vec(proptest::option::of(0..3u32), 6),
    ) {
        let rules = conditions.iter().zip(priorities).enumerate().map(|(n, (when, priority))| Rule {
            priority,
            ..rule(&format!("r{n}"), when, team("field"))
        });
        let set = RuleSet::new(rules.collect(), &words());
        let problems: Vec<Finding> =
            set.analyse(&words(), &[]).into_iter().filter(|it| it.severity == Severity::Problem).collect();
        for world in worlds() {
            if problems.is_empty() {
                break;
            }
            let found = set.evaluate(&world.facts());
            let decides = found.route().map(|(rule, _)| &rule.id);
            for Finding { rule, message, .. } in &problems {
                prop_assert!(decides != Some(rule), "{message} {conditions:?} {world:?}");
                let holds = found.held.iter().any(|held| held.id == *rule);
                prop_assert!(!(holds && message.contains("never holds")), "{message} {conditions:?} {world:?}");
            }
        }
    }

    /// Asking the rules that the index leaves possible is asking all of them.
    #[test]
    fn the_index_changes_nothing(
        conditions in proptest::collection::vec(any_condition(), 1..6),
        worlds in proptest::collection::vec(proptest::sample::select(worlds()), 12),
    ) {
        let rules = conditions.iter().enumerate().map(|(n, when)| rule(&format!("r{n}"), when, team("field")));
        let set = RuleSet::new(rules.collect(), &words());
        for world in worlds {
            let facts = world.facts();
            let (indexed, each) = (set.evaluate(&facts), set.evaluate_each(&facts));
            prop_assert_eq!(indexed.said(), each.said(), "{:?} {:?}", conditions, world);
        }
    }
}
