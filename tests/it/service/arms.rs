//! Experiments whose treatment is a version of the configuration, and those that keep capacity apart: what an arm is decided
//! by, what it may fill, and that every decision can be run again, on whatever host and whatever came after.

use std::path::Path;

use lanewright::access::Role;
use lanewright::lead::TenantId;
use serde_json::{Value as Json, json};

use super::experiments::{call, decision, log, make, one, replays, routed, treated};
use super::harness::{BOTH, Host, On, Service, runtime};
use super::learning::folder;

/// The same people, with these rules, and an assignment taken within half an hour.
fn with_rules(rules: &str) -> tempfile::TempDir {
    let folder = folder("[acceptance]\nminutes = 30\n");
    write(folder.path(), "rules.toml", rules);
    folder
}

const TO_BO: &str = "[[rules]]\nid = \"to-bo\"\nrep = \"bo\"\n";

fn write(folder: &Path, name: &str, content: &str) {
    std::fs::write(folder.join(name), content).expect("a file");
}

/// A draft that somebody else approves; its number.
fn approved(service: &Service, tenant: &TenantId, folder: &Path) -> i64 {
    let version = service.draft(tenant, folder);
    let key = service.key(tenant, Role::Admin, None);
    let (status, approved) = changed(service.host(), &key, version, "approve", "\"1\"");
    assert_eq!((status, &approved["state"]), (200, &json!("approved")), "{approved:#}");
    version
}

fn changed(host: &Host, key: &str, version: i64, what: &str, seen: &str) -> (u16, Json) {
    let headers = [("authorization", &*format!("Bearer {key}")), ("if-match", seen)];
    let (status, _, answer) =
        host.ask_with("POST", &format!("/v1/configurations/{version}/{what}"), &headers, None);
    (status, answer)
}

fn in_force(host: &Host, key: &str) -> Vec<Json> {
    let (_, listed) = host.ask("GET", "/v1/configurations", key, None);
    let listed = listed["items"].as_array().expect("versions");
    let published = listed.iter().filter(|version| version["state"] == "published");
    published.map(|version| version["version"].clone()).collect()
}

fn by_rule(decision: &Json) -> bool {
    decision["outcome"]["by"]["rule"].is_object()
}

fn tried(id: &str, version: i64, steps: &[u8]) -> Json {
    json!({"id": id, "treatment": {"kind": "configuration", "version": version}, "primary": "first-touch",
        "steps": steps, "step_days": 28})
}

#[test]
fn a_configuration_is_tried_on_some_accounts_and_comes_into_force_with_one_call() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let (tenant, key) = service.tenant(folder("").path());
        let (host, other) = (service.host(), &service.hosts[1]);
        let draft = service.draft(&tenant, with_rules(TO_BO).path());
        let others = folder("");
        write(others.path(), "reps.csv", "id,name,team,max_open\ncy,Cy,sales,10\nbo,Bo Ek,sales,1000\n");
        let others = approved(&service, &tenant, others.path());
        let version = approved(&service, &tenant, with_rules(TO_BO).path());
        for (id, version, why) in [
            ("no-version", 99, "no version 99"),
            ("draft", draft, "has to be approved"),
            ("others", others, "other reps or teams"),
            ("same", 1, "is in force"),
        ] {
            make(host, &key, &tried(id, version, &[50]));
            let (status, refused) = call(host, &key, id, "start");
            assert_ne!(status, 200, "{id}");
            assert!(refused["detail"].as_str().is_some_and(|it| it.contains(why)), "{id}: {refused:#}");
        }

        // Promoted by hand, and by the clock.
        let steps: &[u8] = if on == On::Sqlite { &[50] } else { &[50, 100] };
        make(host, &key, &tried("to-bo", version, steps));
        assert_eq!(call(other, &key, "to-bo", "start").1["state"], "running");
        let mut arms = [Vec::new(), Vec::new()];
        let mut digests = [Vec::new(), Vec::new()];
        for number in 0..24 {
            let account = format!("account-{number}");
            let found = routed([host, other][number % 2], &key, &account, &account);
            let arm = usize::from(treated(&found));
            assert_eq!(by_rule(&found), arm == 1, "{:#}", found["outcome"]);
            digests[arm].push(found["trace"]["versions"]["config"].clone());
            digests[arm].dedup();
            replays([other, host][number % 2], &key, &account);
            arms[arm].push(account);
        }
        assert!(arms.iter().all(|arm| arm.len() > 4), "{arms:?}");
        assert!(digests.iter().all(|digests| digests.len() == 1) && digests[0] != digests[1], "{digests:?}");

        // Both stay what they are meanwhile.
        let (status, held) = changed(host, &key, others, "publish", "\"2\"");
        assert_eq!((status, &held["code"]), (409, &json!("conflict")), "{held:#}");
        let (status, held) = changed(other, &key, version, "discard", "\"2\"");
        assert_eq!((status, &held["code"]), (409, &json!("conflict")), "{held:#}");
        assert_eq!(in_force(host, &key), [1]);

        // What time does to a lead follows from what decided about it.
        service.pass(31);
        for (arm, decided_again) in arms.iter().zip([404, 200]) {
            let path = format!("/v1/leads/{}/decisions/2", arm[0]);
            let (status, again) = host.ask("GET", &path, &key, None);
            assert_eq!(status, decided_again, "{again:#}");
        }

        let early = call(host, &key, "to-bo", "promote").0;
        assert_eq!(early, 409);
        service.pass(28 * 24 * 60);
        if on == On::Sqlite {
            assert_eq!(call(other, &key, "to-bo", "promote").1["state"], "promoted");
        }
        assert_eq!(one(host, &key, "to-bo")["state"], "promoted");
        assert_eq!(in_force(host, &key), [version]);
        for (number, account) in arms.iter().flatten().enumerate().take(6) {
            let after = routed([host, other][number % 2], &key, &format!("{account}-after"), account);
            assert_eq!(
                (by_rule(&after), &after["trace"]["arm"]),
                (true, &Json::Null),
                "{:#}",
                after["outcome"]
            );
            replays(other, &key, account);
        }
        assert_eq!(call(host, &key, "to-bo", "stop").0, 409, "it is taken back like any configuration");
        let told = log(host, &key);
        let last: Vec<&str> = told.iter().rev().take(2).map(|(kind, _)| &**kind).collect();
        assert_eq!(last, ["experiment.taken-over", "experiment.promoted"]);

        // A stop takes it back from everybody, and what it decided can still be run again when it is given up.
        let next = approved(&service, &tenant, with_rules("").path());
        make(host, &key, &tried("back", next, &[50]));
        assert_eq!(call(host, &key, "back", "start").1["state"], "running");
        let found: Vec<(String, Json)> = (0..8)
            .map(|number| {
                let account = format!("next-{number}");
                let found = routed(other, &key, &account, &account);
                (account, found)
            })
            .collect();
        assert!(
            found.iter().any(|(_, found)| !by_rule(found)) && found.iter().any(|(_, found)| by_rule(found))
        );
        assert_eq!(call(other, &key, "back", "stop").1["state"], "stopped");
        assert_eq!(changed(host, &key, next, "discard", "\"2\"").0, 200);
        for (account, _) in &found {
            replays(host, &key, account);
            let after = routed(host, &key, &format!("{account}-after"), account);
            assert_eq!((by_rule(&after), &after["trace"]["arm"]), (true, &Json::Null));
        }
        assert_eq!(in_force(other, &key), [version]);
    }
}

#[test]
fn what_was_promoted_is_published_though_a_host_went_down_in_between() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let (tenant, key) = service.tenant(folder("").path());
        let (host, other) = (service.host(), &service.hosts[1]);
        let version = approved(&service, &tenant, with_rules(TO_BO).path());
        make(host, &key, &tried("to-bo", version, &[50]));
        assert_eq!(call(host, &key, "to-bo", "start").0, 200);
        // As the commit of the promotion leaves it.
        runtime().block_on(async {
            let store = service.store().of(&tenant);
            let row = store.experiment("to-bo").await.expect("asked").expect("there");
            let mut state: Json = serde_json::from_str(&row.state).expect("JSON");
            state["rollout"] = json!({"state": "promoted", "day": 28});
            let now = service.clock.now().as_millisecond();
            let trying =
                json!({"experiment": "to-bo", "step": 1, "share": 10_000, "treatment": state["treatment"]});
            let mut change = store.begin(now).await.expect("a change");
            change.put_experiment("to-bo", &state.to_string(), Some(now)).await.expect("put");
            change.put_tried_now(Some(&trying.to_string())).await.expect("put");
            change.commit(&[]).await.expect("a commit");
        });
        // Everybody has it by the experiment, and then by itself.
        for number in 0..4 {
            let account = format!("between-{number}");
            let found = routed([host, other][number % 2], &key, &account, &account);
            assert!(by_rule(&found) && treated(&found), "{:#}", found["trace"]["arm"]);
        }
        assert_eq!(in_force(host, &key), [1]);
        service.step();
        assert_eq!(in_force(other, &key), [version]);
        let found = routed(other, &key, "after", "after");
        assert_eq!((by_rule(&found), &found["trace"]["arm"]), (true, &Json::Null));
        replays(host, &key, "between-1");
        // And whatever comes next may be published.
        let next = approved(&service, &tenant, with_rules("").path());
        assert_eq!(changed(other, &key, next, "publish", "\"2\"").0, 200);
        assert!(!by_rule(&routed(host, &key, "next", "next")));
    }
}

/// Two reps who can have ten leads each, and who need no high match for the last.
fn ten_each(rules: &str) -> tempfile::TempDir {
    let folder = folder("[capacity]\navailable = 1\nnear = 1\n");
    write(folder.path(), "reps.csv", "id,name,team,max_open\nana,Ana Lima,sales,10\nbo,Bo Ek,sales,10\n");
    write(folder.path(), "rules.toml", rules);
    folder
}

#[test]
fn an_arm_fills_its_part_of_the_reps_and_no_more() {
    let only_ana = ten_each("[[rules]]\nid = \"ana-alone\"\nonly = \"rep.id == 'ana'\"\n");
    for on in BOTH {
        let service = Service::new(on, 2);
        let (tenant, key) = service.tenant(ten_each("").path());
        let (host, other) = (service.host(), &service.hosts[1]);
        let version = approved(&service, &tenant, only_ana.path());
        // Two of before, which take of both arms alike.
        let before: Vec<Json> = (0..4)
            .map(|number| routed(host, &key, &format!("old-{number}"), &format!("old-{number}")))
            .collect();
        let of = |decisions: &[Json], rep: &str| {
            decisions.iter().filter(|decision| decision["outcome"]["rep"] == rep).count()
        };
        assert_eq!([of(&before, "ana"), of(&before, "bo")], [2, 2]);
        let mut asked = tried("ana-alone", version, &[50]);
        asked["capacity_apart"] = json!(true);
        assert_eq!(make(host, &key, &asked)["capacity_apart"], true);
        assert_eq!(call(host, &key, "ana-alone", "start").0, 200);

        let mut arms = [Vec::new(), Vec::new()];
        for number in 0..40 {
            let account = format!("account-{number}");
            let found = routed([host, other][number % 2], &key, &account, &account);
            replays([other, host][number % 2], &key, &account);
            arms[usize::from(treated(&found))].push(found);
        }
        let [control, treatment] = &arms;
        assert!(control.len() > 9 && treatment.len() > 9, "{} {}", control.len(), treatment.len());
        // Five each, less the part of what was there before.
        assert_eq!([of(treatment, "ana"), of(treatment, "bo")], [4, 0]);
        assert_eq!([of(control, "ana"), of(control, "bo")], [4, 4]);
        // Also while there is room in all.
        let full = json!({"reason": "kept-apart", "taken": 5, "places": 5});
        let held = treatment.iter().find(|held| held["trace"]["eligibility"]["excluded"]["ana"] == full);
        let held = held.expect("one that waits for the arm").clone();

        // Room comes back to the arm that it was taken from.
        let of_ana = |arm: &[Json]| {
            let found =
                arm.iter().find(|decision| decision["outcome"]["rep"] == "ana").expect("one of Ana's");
            found["lead"].as_str().expect("an id").to_owned()
        };
        let waits = |arm: &[Json]| {
            let waits = |found: &&Json| found["outcome"]["rep"].is_null();
            arm.iter().filter(waits).map(|found| found["lead"].as_str().expect("an id").to_owned()).collect()
        };
        let waiting: [Vec<String>; 2] = [waits(control), waits(treatment)];
        let got = |lead: &String| host.ask("GET", &format!("/v1/leads/{lead}/decisions/2"), &key, None);
        for (place, arm) in arms.iter().enumerate() {
            let lost = json!({"outcome": "lost"});
            let (status, answer) =
                other.ask("POST", &format!("/v1/leads/{}/outcome", of_ana(arm)), &key, Some(&lost));
            assert_eq!(status, 200, "{answer:#}");
            let next: Vec<Json> =
                waiting[place].iter().map(got).filter(|it| it.0 == 200).map(|it| it.1).collect();
            assert_eq!(of(&next, "ana"), 1, "{next:#?}");
            assert!(next.iter().all(|found| treated(found) == (place == 1)));
        }

        // When it is stopped, everybody has all there is.
        assert_eq!(call(host, &key, "ana-alone", "stop").0, 200);
        replays(other, &key, held["lead"].as_str().expect("an id"));
        let after: Vec<Json> = (0..3)
            .map(|number| routed(host, &key, &format!("new-{number}"), &format!("new-{number}")))
            .collect();
        assert_eq!(of(&after, "bo"), 3, "what the treatment did not use of Bo");
        assert_eq!(decision(other, &key, "new-0")["trace"]["arm"], Json::Null);
    }
}

#[test]
fn a_batch_keeps_to_the_parts_of_both_arms() {
    let service = Service::new(On::Sqlite, 2);
    let (tenant, key) = service.tenant(ten_each("").path());
    let host = service.host();
    let version = approved(
        &service,
        &tenant,
        ten_each("[[rules]]\nid = \"ana-alone\"\nonly = \"rep.id == 'ana'\"\n").path(),
    );
    let mut asked = tried("ana-alone", version, &[20]);
    asked["capacity_apart"] = json!(true);
    make(host, &key, &asked);
    assert_eq!(call(host, &key, "ana-alone", "start").0, 200);
    let lead = |number: usize| {
        json!({"id": format!("lead-{number}"), "source": "web-form", "text": "What would it cost for 12 users?",
            "contact": {"email": format!("io@account-{number}.example")}})
        .to_string()
    };
    let text: Vec<String> = (0..60).map(lead).collect();
    let (status, made) = host.ask("POST", "/v1/batches", &key, Some(&json!(text.join("\n"))));
    assert!(status < 300, "{made:#}");
    service.pass(1);
    let found: Vec<Json> =
        (0..60).map(|number| decision(&service.hosts[1], &key, &format!("lead-{number}"))).collect();
    let of = |arm: bool, rep: &str| {
        found.iter().filter(|it| treated(it) == arm && it["outcome"]["rep"] == rep).count()
    };
    assert_eq!([of(true, "ana"), of(true, "bo")], [2, 0]);
    assert_eq!([of(false, "ana"), of(false, "bo")], [8, 8]);
    for number in [0, 17, 42] {
        replays(host, &key, &format!("lead-{number}"));
    }
}

#[test]
fn satisfaction_guards_an_experiment() {
    let service = Service::new(On::Sqlite, 2);
    let (_, key) =
        service.tenant(folder("[learning]\ntrain = \"never\"\n\n[learning.explore]\nwithin = 0.05\n").path());
    let (host, other) = (service.host(), &service.hosts[1]);
    let asked = json!({"id": "happier", "treatment": {"kind": "no-trials"}, "primary": "win-rate", "steps": [50],
        "guards": [{"metric": "csat", "margin": 0.5}, {"metric": "rep-satisfaction"}], "within_days": 1});
    make(host, &key, &asked);
    assert_eq!(call(host, &key, "happier", "start").0, 200);
    let mut arms = [0, 0];
    for number in 0..250 {
        let account = format!("account-{number}");
        let found = routed([host, other][number % 2], &key, &account, &account);
        let treated = usize::from(treated(&found));
        arms[treated] += 1;
        // One in ten says nothing.
        let said = (number % 10 > 0).then_some([4, 2][treated] + number % 2);
        let outcome = json!({"outcome": "won", "satisfaction": said});
        let (status, answer) =
            other.ask("POST", &format!("/v1/leads/{account}/outcome"), &key, Some(&outcome));
        assert_eq!(status, 200, "{answer:#}");
    }
    assert!(arms.iter().all(|arm| *arm > 110), "{arms:?}");
    service.pass(24 * 60);
    let found = one(other, &key, "happier");
    let reason = &found["rollout"]["reason"];
    assert_eq!(
        (&found["state"], &reason["because"], &reason["metric"]),
        (&json!("stopped"), &json!("worse"), &json!("csat")),
        "{reason:#}"
    );
    let measured = found["looks"][0]["measured"].as_array().expect("metrics");
    let of = |metric: &str| measured.iter().find(|it| it["metric"] == metric).expect("measured");
    let means = ["control", "treatment"].map(|arm| of("csat")[arm]["mean"].as_f64().expect("a mean"));
    assert!((means[0] - 4.5).abs() < 0.1 && (means[1] - 2.5).abs() < 0.1, "{means:?}");
    assert_eq!(of("rep-satisfaction")["control"]["accounts"], 0);
}
