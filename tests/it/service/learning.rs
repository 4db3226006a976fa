//! A tenant learns from its deals: a history is taken in, a model trained, trusted and in force on every host; what was
//! learned counts in the match, is told, and every decision can be run again.

use std::fmt::Write as _;

use jiff::SignedDuration;
use lanewright::lead::TenantId;
use lanewright::learning::Model;
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

pub(super) fn lead(name: &str, industry: &str) -> Json {
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

/// Deals that closed since a moment, one an hour.
fn newer(since: jiff::Timestamp, deals: i64, won: fn(i64, bool) -> bool) -> String {
    let mut history = "id,rep,opened_at,closed_at,outcome,industry,source\n".to_owned();
    for number in 0..deals {
        let (rep, industry) =
            [("ana", "healthcare"), ("ana", "retail"), ("bo", "healthcare"), ("bo", "retail")]
                [usize::try_from(number % 4).expect("a place")];
        let outcome =
            if won(number / 4, (rep == "ana") == (industry == "healthcare")) { "won" } else { "lost" };
        let closed = since + SignedDuration::from_mins(30 + 30 * number);
        let opened = closed - SignedDuration::from_hours(24 * 20);
        writeln!(history, "new-{number},{rep},{opened},{closed},{outcome},{industry},web-form")
            .expect("written");
    }
    history
}

#[test]
fn a_model_that_no_longer_fits_is_told_and_trained_sooner() {
    /// Whether a deal of this number is won, by whether the rep is strong there.
    type Won = fn(i64, bool) -> bool;
    let as_before: Won = |number, strong| (number % 4 == 0) != strong;
    let turned: Won = |number, strong| (number % 4 == 0) == strong;
    let never = "[learning]\ntrain = \"never\"\n";
    // What the folder says, what becomes of deals, and what is seen; the model in force then.
    let cases: [(On, &str, i64, Won, &str, i64); 6] = [
        (On::Sqlite, "", 40, |_, _| false, "too-few", 1),
        (On::Sqlite, "", 64, as_before, "steady", 1),
        (On::Sqlite, "", 64, |_, _| false, "won-less", 2),
        (On::Postgres, "", 64, |_, _| true, "won-more", 2),
        (On::Sqlite, "", 64, turned, "worse", 2),
        (On::Sqlite, never, 64, |_, _| false, "won-less", 1),
    ];
    for (on, also, deals, won, verdict, in_force) in cases {
        let service = Service::new(on, 1);
        let (_, key) = acme(&service, also);
        let host = service.host();
        import(host, &key, &history(&service));
        host.ask("POST", "/v1/models", &key, None);
        let trained = service.clock.now();
        service.clock.set(trained + SignedDuration::from_hours(48));
        import(host, &key, &newer(trained, deals, won));
        service.step();
        let (_, model) = host.ask("GET", "/v1/models/1", &key, None);
        let (watch, alarm) = (&model["watch"], !["too-few", "steady"].contains(&verdict));
        assert_eq!(
            (&watch["look"]["verdict"], &watch["alarm"]),
            (&json!(verdict), &json!(alarm)),
            "{model:#}"
        );
        let (_, models) = host.ask("GET", "/v1/models", &key, None);
        assert_eq!((&models["in_force"], &watch["closed"]), (&json!(in_force), &json!(deals)), "{models:#}");
        // The operator sees the figures once, however often somebody looks.
        service.pass(25 * 60);
        let (_, audit) = host.ask("GET", "/v1/audit?kind=model.drifted", &key, None);
        let told: Vec<&Json> = audit["items"].as_array().into_iter().flatten().collect();
        assert_eq!(told.len(), usize::from(alarm), "{audit:#}");
        assert!(told.iter().all(|event| event["body"]["told"] == watch["told"]), "{audit:#}");
        let (_, ready) = host.ask("GET", "/v1/readiness", &key, None);
        let mut findings = ready["items"].as_array().into_iter().flatten();
        let finding = findings.find(|finding| finding["area"] == "model").map(|finding| &finding["sentence"]);
        match in_force {
            1 => assert_eq!(finding, Some(&watch["told"]), "{ready:#}"),
            // The new one is looked at anew, where it counts.
            _ => assert_ne!(finding, Some(&watch["told"]), "{ready:#}"),
        }
    }
}

#[test]
fn why_a_rep_was_expected_to_win_adds_up() {
    let service = Service::new(On::Sqlite, 1);
    let (_, key) = acme(&service, "");
    let host = service.host();
    host.lead(&key, &lead("before", "retail"));
    let (status, none) = host.ask("GET", "/v1/leads/before/decisions/1/win", &key, None);
    assert_eq!((status, &none["code"]), (409, &json!("conflict")), "{none:#}");
    import(host, &key, &history(&service));
    host.ask("POST", "/v1/models", &key, None);
    host.lead(&key, &lead("one", "healthcare"));
    // The model of the decision tells, whichever is in force.
    host.ask("PUT", "/v1/models/in-force", &key, Some(&json!({"model": null})));
    let (_, decision) = host.ask("GET", "/v1/leads/one/decisions/1", &key, None);
    let number = |of: &Json| of.as_f64().expect("a number");
    for (query, rep, as_decided) in [
        ("", "ana", json!(true)),
        ("?rep=ana", "ana", json!(true)),
        ("?rep=bo", "bo", json!(true)),
        ("?rep=nobody", "nobody", Json::Null),
    ] {
        let (status, told) = host.ask("GET", &format!("/v1/leads/one/decisions/1/win{query}"), &key, None);
        assert_eq!((status, &told["rep"], &told["as_decided"]), (200, &json!(rep), &as_decided), "{told:#}");
        let factors: Vec<&Json> = told["factors"].as_array().into_iter().flatten().collect();
        let sum = |of_rep: bool| {
            let of = factors.iter().filter(|factor| (factor["of"] == "rep") == of_rep);
            of.map(|factor| number(&factor["effect"])).sum::<f64>()
        };
        assert_eq!((sum(false), sum(true)), (number(&told["of_lead"]), number(&told["of_rep"])), "{told:#}");
        let estimates = decision["trace"]["score"]["win"]["estimates"].as_array().expect("estimates");
        if let Some(found) = estimates.iter().find(|found| found["rep"] == rep) {
            assert_eq!(found["probability"], told["probability"], "{told:#}");
        }
        let known =
            factors.iter().any(|factor| factor["fact"] == "industry" && factor["word"] == "healthcare");
        assert!(known, "{told:#}");
    }
    let (status, bad) = host.ask("GET", "/v1/leads/one/decisions/1/win?rep=%20", &key, None);
    assert_eq!(status, 400, "{bad:#}");
}

#[test]
fn matches_have_the_grade_that_the_tenant_says() {
    for (grades, from) in [
        ("", None),
        ("a = 90, b = 60, c = 30", Some([90.0, 60.0, 30.0])),
        ("a = 3, b = 2, c = 1", Some([3.0, 2.0, 1.0])),
    ] {
        let service = Service::new(On::Sqlite, 1);
        let also =
            if grades.is_empty() { String::new() } else { format!("[matching]\ngrades = {{ {grades} }}\n") };
        let (_, key) = acme(&service, &also);
        let host = service.host();
        let (_, _) = routed(host, &key, "one", "retail");
        let (_, decision) = host.ask("GET", "/v1/leads/one/decisions/1", &key, None);
        let total = decision["outcome"]["total"].as_f64().expect("a total");
        let grade = from.map(|from: [f64; 3]| {
            from.iter()
                .zip(["A", "B", "C"])
                .find(|(least, _)| total >= **least)
                .map_or("D", |(_, grade)| grade)
        });
        assert_eq!(decision["grade"], json!(grade), "{total}");
        let (_, report) = host.ask("GET", "/v1/report", &key, None);
        let leads: Vec<Json> = report["grades"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|row| row["leads"] == 1)
            .cloned()
            .collect();
        assert_eq!(
            leads.first().map(|row| row["grade"].clone()),
            grade.map(|grade| json!(grade)),
            "{report:#}"
        );
    }
}

/// A tenant of another name than the example's.
fn named(service: &Service, name: &str, also: &str) -> (tempfile::TempDir, TenantId, String) {
    let folder = renamed(name, also);
    let (tenant, key) = service.tenant(folder.path());
    (folder, tenant, key)
}

fn renamed(name: &str, also: &str) -> tempfile::TempDir {
    let folder = folder(also);
    let path = folder.path().join("tenant.toml");
    let toml = std::fs::read_to_string(&path).expect("a file");
    std::fs::write(&path, toml.replacen("id = \"acme\"", &format!("id = \"{name}\""), 1)).expect("a file");
    folder
}

#[test]
fn tenants_that_agree_start_from_what_three_others_have_in_common() {
    const SHARED: &str = "[learning]\nshared = true\n";
    for on in BOTH {
        let service = Service::new(on, 1);
        let host = service.host();
        let mut tenants = Vec::new();
        for name in ["one", "two", "three"] {
            let (_, tenant, key) = named(&service, name, SHARED);
            // Words and reps that no other tenant has.
            let own = history(&service).replace(",ana,", &format!(",ana-{name},"));
            let own: String = own
                .lines()
                .enumerate()
                .map(|(line, deal)| match line % 8 {
                    4 => format!("{}\n", deal.replace("retail", &format!("secret-{name}"))),
                    _ => format!("{deal}\n"),
                })
                .collect();
            import(host, &key, &own);
            tenants.push((tenant, key));
        }
        let (_, learner, key) = named(&service, "learner", SHARED);
        let some: Vec<String> = history(&service).lines().take(41).map(str::to_owned).collect();
        import(host, &key, &(some.join("\n") + "\n"));
        let train = |key: &str| {
            let (status, model) = host.ask("POST", "/v1/models", key, None);
            assert_eq!(status, 200, "{model:#}");
            (model["report"]["pooled"].clone(), model["report"]["variances"].clone())
        };
        let alone = train(&key).1;
        train(&tenants[0].1);
        train(&tenants[1].1);
        assert_eq!(train(&key), (Json::Null, alone.clone()), "two others are too few");
        train(&tenants[2].1);
        let (pooled, together) = train(&key);
        assert_eq!(pooled, 3);
        assert_ne!(together, alone);
        // Nothing of the others is in the learner's model but numbers.
        let store = service.store().of(&learner);
        let body = super::harness::runtime().block_on(store.model(3)).expect("read").expect("a model");
        let holds = |word: &str| body.windows(word.len()).any(|bytes| bytes == word.as_bytes());
        assert!(holds("retail") && !holds("secret-") && !holds("ana-"));
        // Who has too few deals hands nothing on: of the others, the first has two that do.
        assert_eq!(train(&tenants[0].1).0, Json::Null);
        // Who takes it back is left out at once, and does not learn from others.
        service.publish(&tenants[1].0, renamed("two", "").path());
        assert_eq!(train(&key), (Json::Null, alone.clone()));
        service.publish(&tenants[1].0, renamed("two", SHARED).path());
        assert_eq!(train(&key).0, 3);
        service.publish(&learner, renamed("learner", "").path());
        assert_eq!(train(&key), (Json::Null, alone));
    }
}

#[test]
fn an_override_teaches_who_worked_the_lead() {
    let explore = "[learning.explore]\nwithin = 0.9\nfloor = 0.2\ntiers = [\"two\"]\n\n[matching]\nqualified_within = 100\n";
    let service = Service::new(On::Sqlite, 1);
    let (tenant, key) = acme(&service, explore);
    let host = service.host();
    import(host, &key, &history(&service));
    host.ask("POST", "/v1/models", &key, None);
    let store = service.store().of(&tenant);
    let evidence = |version: i64| {
        let body = super::harness::runtime().block_on(store.model(version)).expect("read").expect("a model");
        let model = Model::read(version, &body).expect("a model");
        ["ana", "bo"]
            .map(|rep| model.win().evidence(rep, &[]).map_or((0, 0), |found| (found.won, found.closed)))
    };
    let before = evidence(1);
    let post = |path: &str, body: Json| {
        let (status, answer) = host.ask("POST", path, &key, Some(&body));
        assert_eq!(status, 200, "{answer:#}");
    };
    let mut expect = before;
    // Whether a person gives it to the other, and how it ends.
    for (number, (given, outcome)) in
        [(true, "won"), (true, "lost"), (false, "won"), (true, "won"), (false, "lost")]
            .into_iter()
            .enumerate()
    {
        let name = format!("lead-{number}");
        let (picked, _) = routed(host, &key, &name, "healthcare");
        let other = if picked == "ana" { "bo" } else { "ana" };
        post(&format!("/v1/leads/{name}/outcome"), json!({"outcome": "first-touch"}));
        let reassign = format!("/v1/leads/{name}/reassign");
        let body = json!({"to": other, "reason": "knows them from before"});
        if given {
            post(&reassign, body.clone());
        }
        post(&format!("/v1/leads/{name}/outcome"), json!({"outcome": outcome}));
        // Whoever gets it for the time after is no longer who won it.
        let (status, closed) = host.ask("POST", &reassign, &key, Some(&body));
        assert_eq!(status, 409, "{closed:#}");
        let worked = if given { other } else { picked.as_str() };
        let place = usize::from(worked == "bo");
        expect[place].0 += u64::from(outcome == "won");
        expect[place].1 += 1;
        let deal = super::harness::runtime().block_on(store.deal(&name)).expect("read").expect("a deal");
        assert_eq!((deal.rep.as_deref(), deal.first_rep.as_deref()), (Some(worked), Some(picked.as_str())));
        assert_eq!((deal.overridden, deal.odds.is_none()), (i64::from(given), given), "{deal:?}");
    }
    service.pass(1);
    host.ask("POST", "/v1/models", &key, None);
    assert_eq!(evidence(2), expect);
    // What came of a lead that somebody else had says nothing of the pick.
    let now = service.clock.now();
    let (from, to) = (now - SignedDuration::from_hours(1), now + SignedDuration::from_hours(1));
    let body = json!({"from": from.to_string(), "to": to.to_string(), "policy": {"kind": "random"}});
    let (_, judged) = host.ask("POST", "/v1/policies/value", &key, Some(&body));
    let told = ["decisions", "logged", "passed_on"].map(|field| judged[field].clone());
    assert_eq!(told, [json!(5), json!(2), json!(3)], "{judged:#}");
}
