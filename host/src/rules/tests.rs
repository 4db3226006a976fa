//! Rule sets over leads: order, what adds up, and that the index changes nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::lead::{Company, Confidence, FieldValue, Lead, Tier, Verdict};

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

fn ids(rules: &[&Rule]) -> Vec<String> {
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

proptest! {
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
