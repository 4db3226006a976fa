//! Small values for the tests of the stages, built by hand.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use serde_json::json;

use crate::config::{
    Capacity, Clock, Config, Conflict, Fairness, Handling, Hours, KnownRules, Matching, Missed, Modes, Place,
    PluginChoice, PluginSource, Plugins, TerritoryIndex, TierRule, Tiers, Units,
};
use crate::decision::{
    ClassifyTrace, Decision, FORMAT, KnownTrace, NormaliseTrace, Outcome, Past, RulesTrace, Seen, TierTrace,
    Trace, Versions,
};
use crate::digest::Digest;
use crate::lead::{
    Account, Caps, Confidence, Destination, IdError, LabelPolicy, Lane, Layer, Lead, Mode, Ranked, Reach,
    Rep, Reps, Signal, Team, Territory, Tier, Turns, Verdict,
};
use crate::records::{Record, RecordKind, Records, Status};
use crate::rules::{Condition, RuleSet};

/// An id of any kind.
pub(crate) fn id<T: FromStr<Err = IdError>>(text: &str) -> T {
    text.parse().expect("a test's id is one")
}

/// An ordinary rep of the team `smb`, at work, with room.
pub(crate) fn rep(name: &str) -> Rep {
    Rep {
        id: id(name),
        name: name.to_owned(),
        email: None,
        team: id("smb"),
        max_open: 10,
        open: 0,
        caps: Caps::default(),
        week: 0,
        weight: 1.0,
        available: true,
        free_now: true,
        response_seconds: None,
        industries: vec![],
        products: vec![],
        languages: vec![],
        competitors: vec![],
        certifications: vec![],
        skills: BTreeMap::new(),
        technical: None,
        style: None,
        timezone: "Europe/Lisbon".to_owned(),
        country: None,
        schedule: None,
        prefers: None,
        relay: None,
        deal_min: None,
        deal_max: None,
        seniority: 3,
    }
}

/// A lead with a text and nothing else known.
pub(crate) fn lead() -> Lead {
    Lead {
        source: "web-form".to_owned(),
        text: "We are 40 people and need reports by the end of March. Budget is 5k a month.".to_owned(),
        ..Lead::bare(id("lead-1"), "2026-03-02T10:00:00Z".parse().expect("a moment"))
    }
}

/// An open record of which nothing is known but what `change` says.
pub(crate) fn record(name: &str, kind: RecordKind, change: impl FnOnce(&mut Record)) -> Record {
    let mut record = Record {
        id: id(name),
        kind,
        email: None,
        phone: None,
        name: None,
        company: None,
        domain: None,
        account: None,
        owner: None,
        team: None,
        status: Status::Open,
        created_at: None,
        updated_at: None,
    };
    change(&mut record);
    record
}

/// A sure verdict for the lane `smb`.
pub(crate) fn verdict() -> Verdict {
    Verdict {
        lane: Some(id("smb")),
        confidence: Confidence::High,
        ranking: vec![Ranked { lane: id("smb"), score: 0.9 }],
        intent: 80.0,
        signals: vec![],
        complexity: None,
        reason: "a small team that wants a quote".to_owned(),
    }
}

/// A signal where the text says so.
pub(crate) fn signal(text: &str, kind: &str, quote: &str) -> Signal {
    let start = text.find(quote).expect("the quote is in the text");
    Signal {
        kind: kind.to_owned(),
        value: quote.to_lowercase(),
        start: start as u32,
        end: (start + quote.len()) as u32,
    }
}

/// Two teams, three reps, one territory, two accounts.
pub(crate) fn config() -> Config {
    let ana = Rep { languages: vec!["en".to_owned(), "pt-PT".to_owned()], ..rep("ana") };
    let ben = rep("ben");
    let eve = Rep { team: id("enterprise"), seniority: 5, ..rep("eve") };
    let tier = |when: &str, minutes| TierRule { when: Arc::new(condition(when)), minutes };
    let standard = || PluginChoice {
        source: PluginSource::Standard,
        settings: json!({}),
        fields: None,
        place: Place::default(),
    };
    let lane = |name: &str, to| Lane {
        id: id(name),
        name: name.to_uppercase(),
        definition: String::new(),
        examples: vec![],
        to,
    };
    let team = |name: &str, manager: Option<&str>| Team {
        id: id(name),
        name: name.to_uppercase(),
        manager: manager.map(str::to_owned),
        caps: Caps::default(),
        turns: Turns::Credit,
    };
    let account = |domain: &str, owner: Option<&str>| {
        let account = Account {
            domain: domain.to_owned(),
            name: domain.to_owned(),
            owner: owner.map(id),
            sdr: None,
            attention: None,
        };
        (domain.to_owned(), account)
    };
    let territories = vec![Territory {
        reach: Reach { countries: vec!["US".to_owned()], ..Reach::default() },
        primary: vec![id("ana")],
        overlay: vec![id("eve")],
        ..territory("americas")
    }];
    let reps = Reps::from(vec![ana, ben, eve]);
    Config {
        tenant: id("acme"),
        name: "Acme".to_owned(),
        currency: "EUR".to_owned(),
        timezone: "Europe/Lisbon".to_owned(),
        country: Some("PT".to_owned()),
        policy: LabelPolicy::BestMatch,
        bands: None,
        lanes: vec![
            lane("smb", Destination::Team(id("smb"))),
            lane("enterprise", Destination::Team(id("enterprise"))),
            lane("self-serve", Destination::Track("trial".to_owned())),
        ],
        segments: vec![],
        learning: crate::config::Learning::of(&[]),
        rules: RuleSet::default(),
        tiers: Tiers {
            one: tier("lead.source == 'demo-request'", 5),
            two: tier("verdict.intent >= 90", 60),
            three_minutes: 240,
            clock: Clock::Always,
        },
        capacity: Capacity {
            available: 0.7,
            near: 0.9,
            near_total: 75.0,
            tier_one_may_fill: true,
            by_seniority: BTreeMap::new(),
            units: Units::default(),
        },
        fairness: Fairness::default(),
        matching: Matching {
            threshold: 40.0,
            qualified_within: 15.0,
            fast_intent: 85.0,
            waive_territory: vec!["demo-request".to_owned()],
            conflict: Conflict::default(),
            grades: None,
        },
        routers: Vec::new(),
        handling: Handling {
            mode: Modes {
                default: Mode::Auto,
                suggest_above: None,
                lanes: BTreeMap::new(),
                tiers: BTreeMap::new(),
            },
            accept_minutes: None,
            missed: Missed::Stays,
            remind_minutes: None,
            batch_at: Vec::new(),
        },
        scarcity: None,
        plugins: Plugins {
            classifier: standard(),
            scorer: standard(),
            fallback: standard(),
            enrichers: vec![],
        },
        hours: Hours::always(&reps),
        reps,
        prefers: vec![],
        teams: vec![team("smb", Some("mia")), team("enterprise", None)],
        territory_index: TerritoryIndex::new(&territories),
        territories,
        accounts: BTreeMap::from([account("named.example", Some("ana")), account("open.example", None)]),
        records: Records::default(),
        known: KnownRules::default(),
        notes: vec![],
        digest: Digest::of("acme"),
    }
}

/// The same with other territories.
pub(crate) fn config_with(territories: Vec<Territory>) -> Config {
    Config { territory_index: TerritoryIndex::new(&territories), territories, ..config() }
}

/// A territory of the whole world that nobody has.
pub(crate) fn territory(name: &str) -> Territory {
    Territory {
        id: id(name),
        name: name.to_owned(),
        layer: Layer::Ground,
        reach: Reach::default(),
        lanes: vec![],
        when: None,
        primary: vec![],
        overlay: vec![],
    }
}

/// A decision about this lead that went through no stage but the first.
pub(crate) fn decision(lead: &Lead, outcome: Outcome) -> Decision {
    let tier = TierTrace { tier: Tier::Three, when: None, unanswered: vec![] };
    let normalise: NormaliseTrace =
        serde_json::from_value(json!({"lead": lead, "dropped": [], "account": null})).expect("a trace");
    Decision {
        format: FORMAT,
        tenant: id("acme"),
        lead: lead.id.clone(),
        number: 1,
        at: lead.received_at,
        lane: Some(id("smb")),
        confidence: Confidence::High,
        intent: 80.0,
        tier: Tier::Three,
        minutes: 240,
        due: lead.received_at,
        units: 1,
        mode: Mode::Auto,
        outcome,
        grade: None,
        triage: None,
        tags: vec![],
        flags: vec![],
        effects: vec![],
        why: String::new(),
        brief: None,
        trace: Trace {
            received: json!({}),
            past: Past::default(),
            versions: Versions {
                config: Digest::of("config"),
                plugins: BTreeMap::new(),
                releases: BTreeMap::new(),
                model: None,
                text_model: Digest::of("text"),
                engine: "lanewright 0.1.0".to_owned(),
            },
            arm: None,
            seed: String::new(),
            normalise,
            enrich: vec![],
            classify: ClassifyTrace { calls: vec![], verdict: None },
            tier,
            rules: RulesTrace::default(),
            known: KnownTrace::default(),
            eligibility: None,
            score: None,
            select: None,
            fallback: None,
            counters: Seen::default(),
        },
    }
}

/// A condition of a test.
fn condition(when: &str) -> Condition {
    Condition::compile(when).expect("a test's condition compiles")
}
