//! A tenant learns from its deals: a history is taken in, a model trained, trusted and in force on every host; what was
//! learned counts in the match, is told, and every decision can be run again.

use std::fmt::Write as _;

use lanewright::lead::TenantId;
use serde_json::{Value as Json, json};

use super::harness::{BOTH, Host, On, Service};

/// Two reps of one team who differ in nothing but their deals.
pub(super) fn folder(also: &str) -> tempfile::TempDir {
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
pub(super) fn history(service: &Service) -> String {
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

pub(super) fn import(host: &Host, key: &str, history: &str) -> Json {
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

#[test]
fn lanes_that_people_confirm_and_correct_tell_what_confidence_is_worth() {
    let service = Service::new(On::Sqlite, 1);
    let also = "[[lanes]]\nid = \"help\"\nname = \"Help\"\ndefinition = \"Customers whose export does not work.\"\nteam = \"sales\"\n";
    let (_, key) = acme(&service, also);
    let host = service.host();
    for number in 0..110 {
        let name = format!("seen-{number}");
        host.lead(&key, &lead(&name, "retail"));
        // Every tenth was wrong.
        let body = if number % 10 == 0 { json!({"lane": "help"}) } else { json!({}) };
        let (status, answer) = host.ask("POST", &format!("/v1/leads/{name}/lane"), &key, Some(&body));
        assert_eq!(status, 200, "{answer:#}");
        if number == 50 {
            let (_, few) = host.ask("GET", "/v1/lanes/bands", &key, None);
            let why = few["refused"].as_str().unwrap_or_default();
            assert!(why.starts_with("51 lanes are confirmed or corrected, and 100 are needed"), "{few:#}");
        }
    }
    let (status, fitted) = host.ask("GET", "/v1/lanes/bands", &key, None);
    assert_eq!((status, &fitted["seen"]), (200, &json!(110)), "{fitted:#}");
    let bands = &fitted["bands"];
    // Nine of ten keep what medium promises, and not what high does.
    assert_eq!((&bands["high"], &bands["medium_rate"]["hits"]), (&Json::Null, &json!(99)), "{fitted:#}");
    let least = bands["medium"].as_f64().expect("a score");
    let lower = folder(&format!(
        "{also}\n[classify]\nbands = {{ high = {}, medium = {} }}\n",
        least / 4.0,
        least / 8.0
    ));
    let tenant = "acme".parse().expect("an id");
    service.publish(&tenant, lower.path());
    host.lead(&key, &lead("sure", "retail"));
    let (_, decision) = host.ask("GET", "/v1/leads/sure/decisions/1", &key, None);
    assert_eq!(decision["confidence"], "high", "{decision:#}");
    let (status, wrong) = host.ask("POST", "/v1/leads/sure/lane", &key, Some(&json!({"lane": "nobody"})));
    assert_eq!((status, &wrong["code"]), (409, &json!("conflict")), "{wrong:#}");
}

#[test]
fn a_policy_is_judged_from_the_log_or_it_is_said_why_not() {
    let service = Service::new(On::Sqlite, 1);
    let explore = "[learning.explore]\nwithin = 0.9\nfloor = 0.2\ntiers = [\"two\"]\n\n[matching]\nqualified_within = 100\n";
    let (_, key) = acme(&service, explore);
    let host = service.host();
    import(host, &key, &history(&service));
    host.ask("POST", "/v1/models", &key, None);
    let now = service.clock.now();
    let (from, to) = (now - jiff::SignedDuration::from_hours(1), now + jiff::SignedDuration::from_hours(1));
    let ask = |policy: Json| {
        let body = json!({"from": from.to_string(), "to": to.to_string(), "policy": policy});
        let (status, answer) = host.ask("POST", "/v1/policies/value", &key, Some(&body));
        assert_eq!(status, 200, "{answer:#}");
        answer
    };
    let few = ask(json!({"kind": "random"}));
    assert!(few["refused"].as_str().is_some_and(|why| why.contains("at least 100 are needed")), "{few:#}");
    for number in 0..260 {
        let name = format!("logged-{number}");
        host.lead(&key, &lead(&name, "healthcare"));
        let (_, decision) = host.ask("GET", &format!("/v1/leads/{name}/decisions/1"), &key, None);
        // Ana wins three of four, Bo one of four.
        let won = (decision["outcome"]["rep"] == "ana") != (number % 4 == 0);
        let body = json!({"outcome": if won { "won" } else { "lost" }});
        let (status, answer) = host.ask("POST", &format!("/v1/leads/{name}/outcome"), &key, Some(&body));
        assert_eq!(status, 200, "{answer:#}");
    }
    let judged = ask(json!({"kind": "model", "model": 1}));
    assert_eq!((&judged["decisions"], &judged["logged"]), (&json!(260), &json!(260)), "{judged:#}");
    let of = |path: &[&str]| {
        path.iter().fold(&judged["value"], |value, key| &value[*key]).as_f64().expect("a number")
    };
    let (ana, random) =
        (of(&["policy", "doubly_robust", "value"]), of(&["random", "doubly_robust", "value"]));
    assert!((0.65..0.85).contains(&ana) && (0.4..0.6).contains(&random), "{judged:#}");
    assert!(of(&["difference", "low"]) > 0.0, "{judged:#}");
}
