//! A tenant learns from its deals: a history is taken in, a model trained, trusted and in force on every host; what was
//! learned counts in the match, is told, and every decision can be run again.

use std::fmt::Write as _;

use lanewright::lead::TenantId;
use serde_json::{Value as Json, json};

use super::harness::{BOTH, Host, On, Service};

/// Two reps of one team who differ in nothing but their deals.
fn folder(also: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, content: &str| std::fs::write(folder.path().join(name), content).expect("a file");
    let toml = format!(
        "[tenant]\nid = \"acme\"\nname = \"Acme\"\ncurrency = \"EUR\"\ntimezone = \"UTC\"\n\n\
         [[lanes]]\nid = \"sales\"\nname = \"Sales\"\ndefinition = \"Companies that ask for a price.\"\nteam = \"sales\"\n\n\
         [tiers]\ntwo = {{ when = \"true\", minutes = 60 }}\n\n{also}"
    );
    write("tenant.toml", &toml);
    write("teams.toml", "[[teams]]\nid = \"sales\"\nname = \"Sales\"\n");
    write("reps.csv", "id,name,team,max_open\nana,Ana Lima,sales,1000\nbo,Bo Ek,sales,1000\n");
    folder
}

/// Six hundred deals of the last year: Ana wins three of four in healthcare and one of four in retail, Bo the other way
/// round.
fn history(service: &Service) -> String {
    let now = service.clock.now();
    let mut history = "id,rep,opened_at,closed_at,outcome,industry,source\n".to_owned();
    for number in 0..600_i64 {
        let (rep, industry) =
            [("ana", "healthcare"), ("ana", "retail"), ("bo", "healthcare"), ("bo", "retail")]
                [usize::try_from(number % 4).expect("a place")];
        let strong = (rep == "ana") == (industry == "healthcare");
        let won = (number / 4 % 4 == 0) != strong;
        let outcome = if won { "won" } else { "lost" };
        let closed = now - jiff::SignedDuration::from_hours(12 * (600 - number));
        let opened = closed - jiff::SignedDuration::from_hours(24 * 20);
        writeln!(history, "old-{number},{rep},{opened},{closed},{outcome},{industry},web-form")
            .expect("written");
    }
    history
}

fn acme(service: &Service, also: &str) -> (TenantId, String) {
    service.tenant(folder(also).path())
}

fn import(host: &Host, key: &str, history: &str) -> Json {
    let (status, taken) = host.send("POST", "/v1/history", key, "text/csv", history.as_bytes());
    assert_eq!(status, 200, "{taken:#}");
    taken
}

fn lead(name: &str, industry: &str) -> Json {
    json!({"id": name, "source": "web-form", "text": "What would the team plan cost for 12 users?",
        "contact": {"email": format!("io@{name}.example")}, "company": {"industry": industry}})
}

/// Who got a lead, and what was learned of it.
fn routed(host: &Host, key: &str, name: &str, industry: &str) -> (String, Json) {
    host.lead(key, &lead(name, industry));
    let (status, decision) = host.ask("GET", &format!("/v1/leads/{name}/decisions/1"), key, None);
    assert_eq!(status, 200, "{decision:#}");
    let (status, replayed) = host.ask("POST", &format!("/v1/leads/{name}/decisions/1/replay"), key, None);
    assert_eq!((status, &replayed["same"]), (200, &json!(true)), "{replayed:#}");
    let rep = decision["outcome"]["rep"].as_str().unwrap_or_default().to_owned();
    (rep, decision["trace"]["score"]["win"].clone())
}

#[test]
fn what_was_learned_counts_once_it_is_trusted_and_is_taken_back_with_one_call() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let (_, key) = acme(&service, "");
        let (host, other) = (service.host(), &service.hosts[1]);
        assert_eq!(routed(host, &key, "before", "retail").1, Json::Null, "nothing is learned yet");

        let taken = import(host, &key, &history(&service));
        assert_eq!((&taken["taken"], &taken["refused"]), (&json!(600), &json!([])), "{taken:#}");
        let (status, model) = host.ask("POST", "/v1/models", &key, None);
        assert_eq!(
            (status, &model["version"], &model["in_force"]),
            (200, &json!(1), &json!(true)),
            "{model:#}"
        );
        assert_eq!(model["report"]["counts"]["won"], 300, "{model:#}");

        // Each gets the leads that they win, on every host, and it is said why.
        for (number, (industry, rep)) in [("healthcare", "ana"), ("retail", "bo")].into_iter().enumerate() {
            for host in [host, other] {
                let name = format!("{industry}-{number}-{}", std::ptr::eq(host, other));
                let (got, win) = routed(host, &key, &name, industry);
                assert_eq!(got, rep, "{win:#}");
                let because = win["because"].as_str().unwrap_or_default();
                assert!(
                    because.starts_with("won 113 of 150 ") || because.starts_with("won 112 of 150 "),
                    "{because}"
                );
            }
        }

        let (status, none) = host.ask("PUT", "/v1/models/in-force", &key, Some(&json!({"model": null})));
        assert_eq!((status, none), (200, json!({"model": null})));
        assert_eq!(routed(other, &key, "after", "retail").1, Json::Null, "nothing learned counts");
        let (status, back) = other.ask("PUT", "/v1/models/in-force", &key, Some(&json!({"model": 1})));
        assert_eq!((status, back), (200, json!({"model": 1})));
        assert_eq!(routed(host, &key, "again", "retail").0, "bo");
        let (status, unknown) = host.ask("PUT", "/v1/models/in-force", &key, Some(&json!({"model": 7})));
        assert_eq!((status, &unknown["code"]), (404, &json!("not-found")), "{unknown:#}");
    }
}

#[test]
fn too_few_deals_count_for_nothing_and_the_trace_says_so() {
    let service = Service::new(On::Sqlite, 1);
    let (_, key) = acme(&service, "");
    let host = service.host();
    let some: Vec<String> = history(&service).lines().take(41).map(str::to_owned).collect();
    import(host, &key, &(some.join("\n") + "\n"));
    // The first outcome has a model trained by itself.
    service.step();
    let (_, models) = host.ask("GET", "/v1/models", &key, None);
    assert_eq!(
        (&models["in_force"], &models["items"][0]["made_by"]),
        (&json!(1), &json!("clock")),
        "{models:#}"
    );
    let (_, win) = routed(host, &key, "few", "retail");
    let why = win["untrusted"].as_str().unwrap_or_default();
    assert!(why.starts_with("evidence failed: "), "{win:#}");
    assert_eq!(win["estimates"], json!([]));
}

#[test]
fn outcomes_are_learned_from_every_week() {
    let service = Service::new(On::Sqlite, 1);
    let (tenant, key) = acme(&service, "");
    let host = service.host();
    for (name, outcome, value) in
        [("one", "won", Some(900.0)), ("two", "lost", None), ("three", "disqualified", None)]
    {
        host.lead(&key, &lead(name, "retail"));
        host.ask(
            "POST",
            &format!("/v1/leads/{name}/outcome"),
            &key,
            Some(&json!({"outcome": "first-touch"})),
        );
        let body = json!({"outcome": outcome, "value": value});
        let (status, answer) = host.ask("POST", &format!("/v1/leads/{name}/outcome"), &key, Some(&body));
        assert_eq!(status, 200, "{answer:#}");
    }
    host.lead(&key, &lead("four", "retail"));
    // A word that was wrong is mended.
    let mended = json!({"outcome": "won", "value": 50.0});
    let (status, answer) = host.ask("POST", "/v1/leads/two/outcome", &key, Some(&mended));
    assert_eq!(status, 200, "{answer:#}");
    let counts = |version: usize| {
        let (_, model) = host.ask("GET", &format!("/v1/models/{version}"), &key, None);
        model["report"]["counts"].clone()
    };
    service.step();
    let first = counts(1);
    assert_eq!((&first["won"], &first["lost"]), (&json!(2), &json!(0)), "{first:#}");
    assert_eq!((&first["disqualified"], &first["open"]), (&json!(1), &json!(1)), "{first:#}");
    service.pass(6 * 24 * 60);
    assert_eq!(counts(2), Json::Null, "it is not yet a week");
    service.pass(25 * 60);
    assert_eq!(counts(2)["won"], 2);
    let store = service.store().of(&tenant);
    let deal = super::harness::runtime().block_on(store.deal("two")).expect("read").expect("a deal");
    assert_eq!((deal.outcome.as_deref(), deal.value), (Some("won"), Some(50.0)));
    assert!(deal.touched_at.is_some() && deal.rep.is_some() && deal.facts.contains("retail"), "{deal:?}");
}

#[test]
fn somebody_is_tried_within_the_bound_and_the_odds_are_kept() {
    let service = Service::new(On::Sqlite, 1);
    let explore = "[learning.explore]\nwithin = 0.9\nfloor = 0.2\ntiers = [\"two\"]\n\n[matching]\nqualified_within = 100\n";
    let (tenant, key) = acme(&service, explore);
    let host = service.host();
    import(host, &key, &history(&service));
    host.ask("POST", "/v1/models", &key, None);
    let mut tried = 0;
    for number in 0..40 {
        let name = format!("try-{number}");
        let (rep, _) = routed(host, &key, &name, "healthcare");
        let store = service.store().of(&tenant);
        let deal = super::harness::runtime().block_on(store.deal(&name)).expect("read").expect("a deal");
        let odds = deal.odds.expect("odds");
        assert!((0.2..=0.8).contains(&odds), "{odds}");
        assert!(if rep == "bo" { odds < 0.5 } else { odds > 0.5 }, "{rep}: {odds}");
        tried += usize::from(rep == "bo");
    }
    // One of five: four standard deviations around eight.
    assert!((1..=18).contains(&tried), "{tried}");
}
