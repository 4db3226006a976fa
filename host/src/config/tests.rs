//! Whole folders: the examples are right, broken ones are told everything, the digest is of the content.

use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use proptest::prelude::*;

use super::testing::{SMALL, config, folder, small_with};
use super::*;
use crate::lead::{Destination, Layer};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn listed(problems: &Problems) -> String {
    problems.0.iter().map(|problem| format!("{problem}\n")).collect()
}

/// A folder a case; `problems.txt` is what its author is told.
#[test]
fn broken_folders_are_told_everything() {
    let mut cases: Vec<PathBuf> =
        fs::read_dir(repository().join("tests/config")).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 10, "{cases:?}");
    for case in cases {
        let problems = load(&case).expect_err(&format!("{} should be broken", case.display()));
        assert!(!problems.0.is_empty(), "{}", case.display());
        expect_file![case.join("problems.txt")].assert_eq(&listed(&problems));
    }
}

#[test]
fn northwind_is_right() {
    let config = load(&repository().join("examples/northwind"))
        .unwrap_or_else(|problems| panic!("{}", listed(&problems)));
    assert_eq!(config.lanes.len(), 4);
    assert!(config.reps.len() >= 12 && config.teams.len() >= 3 && !config.territories.is_empty());
}

/// Its own plugin is built, not checked in: until then, that is all there is to say.
#[test]
fn harbour_is_right_but_for_its_plugin() {
    match load(&repository().join("examples/harbour")) {
        Ok(config) => assert_eq!(config.policy, LabelPolicy::Strict),
        Err(problems) => {
            let other: Vec<_> = problems
                .0
                .iter()
                .filter(|problem| !problem.message.starts_with("there is no component"))
                .collect();
            assert!(other.is_empty(), "{}", listed(&problems));
        }
    }
}

#[test]
fn a_small_folder_has_every_default() {
    let config = config(SMALL);
    assert_eq!(config.lanes[0].to, Destination::Team("sales".parse().unwrap()));
    assert_eq!(config.policy, LabelPolicy::BestMatch);
    assert_eq!([Tier::One, Tier::Two, Tier::Three].map(|tier| config.minutes(tier)), [5, 60, 240]);
    let capacity = Capacity {
        available: 0.7,
        near: 0.9,
        near_total: 75.0,
        tier_one_may_fill: true,
        by_seniority: Default::default(),
        units: Default::default(),
    };
    assert_eq!(config.capacity, capacity);
    let waive_territory = vec!["demo-request".to_owned()];
    assert_eq!(
        config.matching,
        Matching {
            threshold: 40.0,
            qualified_within: 15.0,
            fast_intent: 85.0,
            waive_territory,
            conflict: Conflict::default(),
            grades: None,
        }
    );
    let ana = config.rep(&"ana".parse().unwrap()).unwrap();
    let expected = serde_json::json!({
        "id": "ana", "name": "Ana Lima", "email": null, "team": "sales", "max_open": 25, "open": 0, "caps": {"daily": null, "weekly": null},
        "week": 0, "weight": 1.0, "available": true, "free_now": true, "response_seconds": null, "industries": [],
        "products": [], "languages": [], "competitors": [], "certifications": [], "skills": {},
        "technical": null, "style": null, "timezone": "America/New_York", "country": null, "schedule": null,
        "prefers": null, "relay": null, "deal_min": null, "deal_max": null, "seniority": 3,
    });
    assert_eq!(serde_json::to_value(ana).unwrap(), expected);
}

#[test]
fn a_full_folder_is_read_as_written() {
    let config = config(&[
        (
            "tenant.toml",
            r#"
            classify.policy = "strict"
            [tenant]
            id = "acme"
            name = "Acme"
            currency = "EUR"
            timezone = "europe/lisbon"
            country = "PT"
            [[lanes]]
            id = "sales"
            name = "Sales"
            definition = "Companies that buy."
            examples = ["We want a quote."]
            triage = true
            [tiers]
            one = { when = "lead.source == 'call'", minutes = 2 }
            three = { minutes = 600 }
            [capacity]
            available = 0.5
            near = 1
            [matching]
            threshold = 0
            waive_territory = []
            [plugins.scorer.settings]
            weights = { territory = 30, response = 1.5 }
            since = 2026-01-01
            [[plugins.enrichers]]
            name = "firmo"
            component = "plugins/firmo.wasm"
            hosts = ["https://api.example.com"]
            "#,
        ),
        ("plugins/firmo.wasm", "\0asm"),
        (
            "teams.toml",
            "teams = [{ id = \"a\", name = \"A\" }, { id = \"b\", name = \"B\", manager = \"boss@acme.example\" }]",
        ),
        (
            "reps.csv",
            "\u{FEFF}team,id,max_open,name,languages,industries,deal_min,timezone\n\nb,bo,8,\"Ek, Bo\",pt-br; en,Retail;Banking,1e4,Asia/Tokyo\na,ana,25,Ana,,,,\n,,,,,,,\n",
        ),
        (
            "territories.toml",
            "[[territories]]\nid = \"i\"\nname = \"Iberia\"\ncountries = [\"PT\", \"ES\"]\nprimary = [\"ana\"]\noverlay = [\"team:a\", \"team:b\"]",
        ),
        ("accounts.csv", "domain,name,owner\nLima.example,Lima,bo\r\nek.example,Ek,\n"),
        ("leads.jsonl", "anything"),
    ]);
    assert_eq!((config.policy, config.timezone.as_str()), (LabelPolicy::Strict, "Europe/Lisbon"));
    assert_eq!(config.lanes[0].to, Destination::Triage);
    assert_eq!(
        (config.tiers.one.when.source(), config.tiers.one.minutes, config.tiers.three_minutes),
        ("lead.source == 'call'", 2, 600)
    );
    assert_eq!((config.capacity.available, config.capacity.near, config.matching.threshold), (0.5, 1.0, 0.0));
    assert!(config.matching.waive_territory.is_empty());
    let settings =
        serde_json::json!({ "weights": { "territory": 30, "response": 1.5 }, "since": "2026-01-01" });
    let place = Place { file: "tenant.toml".to_owned(), line: 24 };
    assert_eq!(
        config.plugins.scorer,
        PluginChoice { source: PluginSource::Standard, settings, fields: None, place }
    );
    assert_eq!(config.plugins.enrichers[0].plugin.source, PluginSource::File("plugins/firmo.wasm".into()));
    let bo = &config.reps[0];
    assert_eq!(
        (bo.name.as_str(), bo.timezone.as_str(), bo.deal_min),
        ("Ek, Bo", "Asia/Tokyo", Some(10_000.0))
    );
    assert_eq!(
        (bo.languages.as_slice(), bo.industries.as_slice()),
        (["pt-BR", "en"].map(str::to_owned).as_slice(), ["retail", "banking"].map(str::to_owned).as_slice())
    );
    let territory = &config.territories[0];
    let ids = |reps: &[RepId]| reps.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        (ids(&territory.primary), ids(&territory.overlay)),
        (vec!["ana".to_owned()], vec!["bo".to_owned()])
    );
    assert_eq!(config.accounts["lima.example"].owner.as_ref().map(RepId::as_str), Some("bo"));
    assert_eq!(config.accounts["ek.example"].owner, None);
}

#[test]
fn territories_in_words_and_by_keys_are_the_same() {
    let with = |territories: &str| {
        let reps =
            "id,name,team,max_open,industries\nana,Ana Lima,sales,25,Ship chandlers\nbo,Bo Ek,sales,25,\n";
        load(small_with(&[("territories.toml", territories), ("reps.csv", reps)]).path())
            .unwrap_or_else(|found| panic!("{}", listed(&found)))
    };
    let common = "id = \"i\"\nname = \"I\"\nlanes = [\"sales\"]\nwhen = \"lead.kind == 'deal'\"\n\
        primary = [\"ana\"]\noverlay = true\n[[territories]]\nid = \"rest\"\nname = \"Rest\"\n\
        where = \"anywhere\"\noverlay = [\"bo\"]\n";
    let words = with(&format!(
        "[[territories]]\nwhere = \"Iberia, California; banks or ship chandlers; 500 to 999 employees; deals below 50k\"\n{common}"
    ));
    let keys = with(&format!(
        "[[territories]]\ncountries = [\"ES\", \"PT\"]\nregions = [\"US-CA\"]\n\
        industries = [\"Banking\", \"ship chandlers\"]\nemployees = {{ from = 500, below = 1000 }}\n\
        value = {{ below = 50000 }}\n{common}"
    ));
    assert_eq!(words.territories, keys.territories);
    assert_eq!(words.digest, keys.digest);
    let [over, rest] = words.territories.as_slice() else { panic!("{:?}", words.territories) };
    let ana = "ana".parse::<RepId>().unwrap();
    assert_eq!((over.layer, rest.layer), (Layer::Overlay, Layer::Ground));
    assert_eq!((over.primary.as_slice(), over.overlay.as_slice()), ([ana].as_slice(), [].as_slice()));
    assert_eq!(
        in_words(&over.reach),
        "Spain, Portugal and California; industry banking or ship chandlers; between 500 and 999 employees; \
         deals below 50000"
    );
}

/// The digest is of what a folder says: spelling does not move it, content and components do.
#[test]
fn digests() {
    let digest = |files: &[(&str, &str)]| {
        load(small_with(files).path()).unwrap_or_else(|found| panic!("{}", listed(&found))).digest
    };
    let tenant = SMALL[0].1;
    let same = digest(&[]);
    assert_eq!(
        digest(&[("tenant.toml", &format!("# a comment\n{}", tenant.replace(" = ", "   =  ")))]),
        same
    );
    assert_eq!(
        digest(&[(
            "reps.csv",
            "team,id,name,max_open\r\n\r\nsales, ana ,Ana Lima,25\r\nsales,bo,\"Bo Ek\",25"
        )]),
        same
    );
    assert_eq!(digest(&[("tenant.toml", &format!("{tenant}\n[capacity]\nnear = 0.90\n"))]), same);
    assert_eq!(digest(&[("accounts.csv", "domain,name\n"), ("leads.jsonl", "{}")]), same);

    let plugin = format!("{tenant}\n[plugins.scorer]\ncomponent = \"s.wasm\"\n");
    let mut all = vec![
        same,
        digest(&[("tenant.toml", &tenant.replace("a quote", "quotes"))]),
        digest(&[("tenant.toml", &format!("{tenant}\n[capacity]\nnear = 0.91\n"))]),
        digest(&[("tenant.toml", &format!("{tenant}\n[plugins.scorer.settings]\na = 1\n"))]),
        digest(&[("tenant.toml", &plugin), ("s.wasm", "one")]),
        digest(&[("tenant.toml", &plugin), ("s.wasm", "two")]),
        digest(&[("reps.csv", "id,name,team,max_open\nbo,Bo Ek,sales,25\nana,Ana Lima,sales,25\n")]),
        digest(&[("accounts.csv", "domain,name\nlima.example,Lima\n")]),
        digest(&[("rules.toml", "[[rules]]\nid = \"a\"\nteam = \"sales\"")]),
        digest(&[("rules.toml", "[[rules]]\nid = \"a\"\nwhen = \"tier == 1\"\nteam = \"sales\"")]),
    ];
    let number = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), number);
}

/// Rules in their order with everything a file can say, rows that name a team behind them, and notes.
#[test]
fn rules_are_read_as_written() {
    let tenant = format!(
        "{}{}",
        SMALL[0].1,
        r#"
        [[segments]]
        name = "size"
        of = "lead.fields.seats"
        rows = [{ below = 50, is = "small" }, { from = 50, is = "it's big", team = "sales", lanes = ["sales"] }]
        unknown = "unknown"
        "#
    );
    let rules = r#"
        [[rules]]
        id = "last"
        when = "segment.size == 'small'"
        queue = "desk"

        [[rules]]
        id = "first"
        name = "Fairs"
        priority = 3
        when = "lead.source == 'event'"
        rep = "bo"
        exclude = ["ana"]
        only = "rep.team == 'sales'"
        tag = ["fair", "2026"]
        flag = "met at a fair"
        mode = "suggest"
        skills = [{ skill = "French", level = 3, optional = true, priority = 2 }, { skill = "sales", drop_after = 30 }]
        cap = { daily = 3, weekly = 10 }
        units = 2
        within_hours = 8

        [[rules]]
        id = "twin"
        priority = 3
        active = false
        track = "nurture"

        [[rules]]
        id = "other"
        priority = 3
        when = "tier == 1"
        team = "sales"
    "#;
    let reps = "id,name,team,max_open,skills\nana,Ana Lima,sales,25,sales:3\nbo,Bo Ek,sales,25,french:9\n";
    let config =
        load(small_with(&[("tenant.toml", &tenant), ("rules.toml", rules), ("reps.csv", reps)]).path())
            .unwrap_or_else(|problems| panic!("{}", listed(&problems)));
    let rule = |id: &str, name: &str, when: Json, priority: Json, active: bool, changes: Json| {
        let mut then = serde_json::json!({ "route": null, "exclude": [], "only": null, "tags": [], "flag": null, "mode": null,
            "skills": [], "caps": { "daily": null, "weekly": null }, "units": null, "within_hours": null });
        for (key, value) in changes.as_object().unwrap() {
            then[key] = value.clone();
        }
        serde_json::json!({ "id": id, "name": name, "when": when, "priority": priority, "active": active, "then": then })
    };
    let expected = serde_json::json!([
        rule(
            "first",
            "Fairs",
            "lead.source == 'event'".into(),
            3.into(),
            true,
            serde_json::json!({
                "route": { "rep": "bo" }, "exclude": ["ana"], "only": "rep.team == 'sales'", "tags": ["fair", "2026"],
                "flag": "met at a fair", "mode": "suggest",
                "skills": [
                    { "skill": "french", "level": 3, "drop_after": 0, "priority": 2 },
                    { "skill": "sales", "level": 1, "drop_after": 30, "priority": 0 },
                ],
                "caps": { "daily": 3, "weekly": 10 }, "units": 2, "within_hours": 8,
            })
        ),
        rule(
            "twin",
            "twin",
            Json::Null,
            3.into(),
            false,
            serde_json::json!({ "route": { "track": "nurture" } })
        ),
        rule(
            "other",
            "other",
            "tier == 1".into(),
            3.into(),
            true,
            serde_json::json!({ "route": { "team": "sales" } })
        ),
        rule(
            "last",
            "last",
            "segment.size == 'small'".into(),
            Json::Null,
            true,
            serde_json::json!({ "route": { "queue": "desk" } })
        ),
        rule(
            "size:it's big",
            "size is it's big",
            r"segment.size == 'it\'s big' && verdict.lane in ['sales']".into(),
            Json::Null,
            true,
            serde_json::json!({ "route": { "team": "sales" } })
        ),
    ]);
    assert_eq!(serde_json::to_value(config.rules.rules().collect::<Vec<_>>()).unwrap(), expected);
    let notes = [
        "rules.toml:29: this rule and \"first\" can hold together, both have priority 3, and they go to the team \
            sales and to bo\n  hint: the file's order decides; give the stronger one a lower `priority`",
        "tenant.toml:17: rules route by `segment.size`, and none of them where it is 'unknown'\n  hint: such leads go \
            where their lane leads; add a rule for them, or one without `when` at the end",
    ];
    assert_eq!(config.notes.iter().map(ToString::to_string).collect::<Vec<_>>(), notes);
}

/// A component is inside the folder even where a link says otherwise.
#[cfg(unix)]
#[test]
fn links_out_of_the_folder() {
    let outside = folder(&[("s.wasm", "one")]);
    let tenant = format!("{}\n[plugins.scorer]\ncomponent = \"s.wasm\"\n", SMALL[0].1);
    let inside = small_with(&[("tenant.toml", &tenant)]);
    std::os::unix::fs::symlink(outside.path().join("s.wasm"), inside.path().join("s.wasm")).unwrap();
    let problems = load(inside.path()).unwrap_err();
    let expected = "tenant.toml:15: `component` is a link that leads out of the folder: \"s.wasm\"\n  \
        hint: copy the component into the folder\n";
    assert_eq!(listed(&problems), expected);
}

#[test]
fn no_folder() {
    let folder = folder(&[]);
    let gone = folder.path().join("gone");
    let problems = load(&gone).unwrap_err();
    assert_eq!(
        listed(&problems),
        format!(
            "{}: there is no such folder\n  hint: name the folder that holds tenant.toml\n",
            gone.display()
        )
    );
}

proptest! {
    /// Whatever the files hold: a configuration, or problems of which each has a place that exists.
    #[test]
    fn any_text_is_judged(
        file in proptest::sample::select(vec!["tenant.toml", "teams.toml", "reps.csv", "territories.toml", "accounts.csv", "rules.toml"]),
        cut in 0..2000usize,
        noise in "[\\[\\]{}=\"',;#.a-z0-9\\n-]{0,12}|\\PC{0,8}",
    ) {
        let whole = if file == "rules.toml" { "tests/config/rules-analysis" } else { "examples/northwind" };
        let text = fs::read_to_string(repository().join(whole).join(file)).unwrap();
        let cut = text.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(text.len());
        let text = format!("{}{noise}{}", &text[..cut], &text[cut..]);
        let folder = small_with(&[(file, &text)]);
        if let Err(Problems(problems)) = load(folder.path()) {
            prop_assert!(!problems.is_empty());
            for problem in problems {
                let read = fs::read_to_string(folder.path().join(&problem.file)).unwrap();
                prop_assert!(problem.line <= read.lines().count().max(1), "{problem}");
            }
        }
    }
}
