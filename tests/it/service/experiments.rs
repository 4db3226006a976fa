//! Experiments on two hosts: an account is in one arm wherever its leads come, every decision can be run again, and a stop or a
//! promotion is everybody's.

use lanewright::access::Role;
use serde_json::{Value as Json, json};

use super::harness::{BOTH, Host, On, Service};
use super::learning::{folder, history, import};

const BY_HAND: &str = "[learning]\ntrain = \"never\"\n";

/// A tenant with a trusted model in force, and the key of its admin.
fn learned(service: &Service, also: &str) -> String {
    let (_, key) = service.tenant(folder(also).path());
    import(service.host(), &key, &history(service));
    let (status, model) = service.host().ask("POST", "/v1/models", &key, None);
    assert_eq!((status, &model["in_force"]), (200, &json!(true)), "{model:#}");
    key
}

pub(super) fn make(host: &Host, key: &str, asked: &Json) -> Json {
    let (status, made) = host.ask("POST", "/v1/experiments", key, Some(asked));
    assert_eq!((status, &made["state"]), (201, &json!("draft")), "{made:#}");
    made
}

pub(super) fn call(host: &Host, key: &str, id: &str, what: &str) -> (u16, Json) {
    host.ask("POST", &format!("/v1/experiments/{id}/{what}"), key, None)
}

pub(super) fn one(host: &Host, key: &str, id: &str) -> Json {
    let (status, found) = host.ask("GET", &format!("/v1/experiments/{id}"), key, None);
    assert_eq!(status, 200, "{found:#}");
    found
}

/// Routes a lead of an account; its decision.
pub(super) fn routed(host: &Host, key: &str, lead: &str, account: &str) -> Json {
    let lead = json!({"id": lead, "source": "web-form", "text": "What would the team plan cost for 12 users?",
        "contact": {"email": format!("{lead}@{account}.example")}, "company": {"industry": "retail"}});
    host.lead(key, &lead);
    decision(host, key, lead["id"].as_str().expect("an id"))
}

pub(super) fn decision(host: &Host, key: &str, lead: &str) -> Json {
    let (status, decision) = host.ask("GET", &format!("/v1/leads/{lead}/decisions/1"), key, None);
    assert_eq!(status, 200, "{decision:#}");
    decision
}

pub(super) fn replays(host: &Host, key: &str, lead: &str) {
    let (status, replayed) = host.ask("POST", &format!("/v1/leads/{lead}/decisions/1/replay"), key, None);
    assert_eq!((status, &replayed["same"]), (200, &json!(true)), "{lead}: {replayed:#}");
}

pub(super) fn treated(decision: &Json) -> bool {
    decision["trace"]["arm"]["arm"] == "treatment"
}

pub(super) fn log(host: &Host, key: &str) -> Vec<(String, String)> {
    let (_, log) = host.ask("GET", "/v1/audit?kind=experiment.&limit=100", key, None);
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let mut log: Vec<(String, String)> = log["items"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| {
            let actor = text(&entry["actor"]);
            (text(&entry["kind"]), if actor == "clock" { actor } else { "person".to_owned() })
        })
        .collect();
    log.reverse();
    log
}

#[test]
fn an_account_is_in_one_arm_on_every_host_and_a_stop_is_everybodys() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let key = learned(&service, "");
        let (host, other) = (service.host(), &service.hosts[1]);
        let asked =
            json!({"id": "without", "treatment": {"kind": "no-model"}, "primary": "win-rate", "steps": [50]});
        let made = make(host, &key, &asked);
        let detectable = &made["detectable"];
        // Of two deals a day half were won.
        assert_eq!((&detectable["days"], &detectable["base"]["mean"]), (&json!(28), &json!(0.5)), "{made:#}");
        let effect = detectable["effect"].as_f64().expect("an effect");
        assert!((0.3..0.45).contains(&effect), "{detectable:#}");
        let (status, again) = host.ask("POST", "/v1/experiments", &key, Some(&asked));
        assert_eq!((status, &again["code"]), (409, &json!("conflict")), "{again:#}");
        assert_eq!(routed(host, &key, "before", "before")["trace"]["arm"], Json::Null);

        let (status, begun) = call(other, &key, "without", "start");
        assert_eq!(
            (status, &begun["state"], &begun["share"]),
            (200, &json!("running"), &json!(50.0)),
            "{begun:#}"
        );
        let mut arms = [0, 0];
        for number in 0..40 {
            let account = format!("account-{number}");
            let found = [(host, "a"), (other, "b")]
                .map(|(host, lead)| routed(host, &key, &format!("{account}-{lead}"), &account));
            let [here, there] = found.each_ref().map(|it| it["trace"]["arm"].clone());
            assert_eq!((&here, &here["account"]), (&there, &json!(format!("{account}.example"))));
            for (decision, lead) in found.iter().zip(["a", "b"]) {
                let score = &decision["trace"]["score"]["win"];
                assert_eq!(score.is_null(), treated(decision), "{here:#} {score:#}");
                if number < 4 {
                    replays(host, &key, &format!("{account}-{lead}"));
                }
            }
            arms[usize::from(treated(&found[0]))] += 1;
        }
        // Half of forty, within three standard deviations.
        assert!((11..=29).contains(&arms[1]), "{arms:?}");

        // The control stays what it is, and nothing is tried twice at a time.
        let (status, held) = host.ask("PUT", "/v1/models/in-force", &key, Some(&json!({"model": null})));
        assert_eq!(status, 409, "{held:#}");
        let (_, model) = host.ask("POST", "/v1/models", &key, None);
        assert_eq!((&model["version"], &model["in_force"]), (&json!(2), &json!(false)), "{model:#}");
        make(
            host,
            &key,
            &json!({"id": "other", "treatment": {"kind": "model", "version": 2}, "primary": "first-touch"}),
        );
        let (status, second) = call(host, &key, "other", "start");
        assert_eq!((status, &second["code"]), (409, &json!("conflict")), "{second:#}");
        let (status, early) = call(host, &key, "without", "promote");
        assert_eq!(status, 409);
        assert!(early["detail"].as_str().is_some_and(|it| it.contains("too early to promote")), "{early:#}");

        let (status, stopped) = call(host, &key, "without", "stop");
        assert_eq!((status, &stopped["state"], &stopped["share"]), (200, &json!("stopped"), &json!(0.0)));
        for number in 0..6 {
            let account = format!("account-{number}");
            let after = routed(other, &key, &format!("{account}-c"), &account);
            assert_eq!(
                (&after["trace"]["arm"], after["trace"]["score"]["win"].is_null()),
                (&Json::Null, false)
            );
            // What was decided in an arm can still be run again.
            replays(other, &key, &format!("{account}-a"));
        }
        assert_eq!(call(host, &key, "without", "stop").0, 409);
        assert_eq!(call(host, &key, "without", "start").0, 409);
        assert_eq!(call(host, &key, "nobody", "start").0, 404);
        let did = |kind: &str| (format!("experiment.{kind}"), "person".to_owned());
        assert_eq!(log(host, &key), [did("made"), did("started"), did("made"), did("stopped")]);
        let (_, all) = host.ask("GET", "/v1/experiments", &key, None);
        assert_eq!(all["items"].as_array().map(Vec::len), Some(2), "{all:#}");
        assert_eq!(all["items"][0]["looks"], Json::Null);
    }
}

#[test]
fn what_is_asked_for_is_refused_where_it_makes_no_sense() {
    let service = Service::new(On::Sqlite, 1);
    let (tenant, key) = service.tenant(folder("").path());
    let host = service.host();
    let with = |change: Json| {
        let mut asked = json!({"id": "some", "treatment": {"kind": "no-model"}, "primary": "win-rate"});
        let fields = change.as_object().expect("fields").clone();
        asked.as_object_mut().expect("fields").extend(fields);
        host.ask("POST", "/v1/experiments", &key, Some(&asked)).0
    };
    assert_eq!(with(json!({"id": "Some thing"})), 400);
    assert_eq!(with(json!({"steps": [50, 20]})), 400);
    assert_eq!(with(json!({"least_days": 14})), 400);
    assert_eq!(with(json!({"guards": [{"metric": "win-rate"}]})), 400);
    assert_eq!(with(json!({})), 201);
    let manager = service.key(&tenant, Role::Manager, None);
    let (status, all) = host.ask("GET", "/v1/experiments", &manager, None);
    assert_eq!((status, all["items"][0]["detectable"]["base"].is_null()), (200, true), "{all:#}");
    assert_eq!(call(host, &manager, "some", "start").0, 403);
    // There is no model, and nobody is tried.
    assert_eq!(call(host, &key, "some", "start").0, 409);
    assert_eq!(with(json!({"id": "trials", "treatment": {"kind": "no-trials"}})), 201);
    assert_eq!(call(host, &key, "trials", "start").0, 409);
    // A draft is given up.
    assert_eq!(call(host, &key, "trials", "stop").1["state"], "stopped");
}

#[test]
fn it_stops_by_itself_where_a_guard_is_broken() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let key = learned(&service, BY_HAND);
        let (host, other) = (service.host(), &service.hosts[1]);
        let guards = json!([{"metric": "first-touch", "margin": 60.0}]);
        let asked = json!({"id": "slower", "treatment": {"kind": "no-model"}, "primary": "win-rate", "steps": [50],
        "guards": guards});
        make(host, &key, &asked);
        assert_eq!(call(host, &key, "slower", "start").0, 200);
        let mut arms = [Vec::new(), Vec::new()];
        for number in 0..260 {
            let account = format!("account-{number}");
            let found = routed([host, other][number % 2], &key, &account, &account);
            arms[usize::from(treated(&found))].push(account);
        }
        assert!(arms.iter().all(|arm| arm.len() >= 100), "{} {}", arms[0].len(), arms[1].len());
        // Of the control everybody is touched within the hour, of the treatment every other one.
        let touched = json!({"outcome": "first-touch"});
        let [control, treatment] = &arms;
        for (place, account) in control.iter().chain(treatment.iter().step_by(2)).enumerate() {
            if place % 10 == 0 {
                service.clock.set(service.clock.now() + jiff::SignedDuration::from_mins(1));
            }
            let (status, answer) =
                host.ask("POST", &format!("/v1/leads/{account}/outcome"), &key, Some(&touched));
            assert_eq!(status, 200, "{answer:#}");
        }
        service.pass(24 * 60);
        assert_eq!(one(other, &key, "slower")["state"], "running", "nothing counts yet");
        service.pass(7 * 24 * 60);
        let stopped = one(other, &key, "slower");
        let rollout = &stopped["rollout"];
        assert_eq!(
            (&stopped["state"], &rollout["reason"]["because"], &rollout["reason"]["metric"]),
            (&json!("stopped"), &json!("worse"), &json!("first-touch")),
            "{rollout:#}"
        );
        let low = rollout["reason"]["look"]["low"].as_f64().expect("a look");
        assert!(low > 60.0, "{rollout:#}");
        let after = routed(other, &key, "after", &treatment[0]);
        assert_eq!((&after["trace"]["arm"], after["trace"]["score"]["win"].is_null()), (&Json::Null, false));
        let by = |kind: &str, who: &str| (format!("experiment.{kind}"), who.to_owned());
        let expect =
            [by("made", "person"), by("started", "person"), by("looked", "clock"), by("stopped", "clock")];
        assert_eq!(log(host, &key), expect);
    }
}

#[test]
fn it_reaches_everybody_step_by_step() {
    let service = Service::new(On::Sqlite, 2);
    let key = learned(&service, BY_HAND);
    let (host, other) = (service.host(), &service.hosts[1]);
    let asked =
        json!({"id": "plain", "treatment": {"kind": "no-model"}, "primary": "win-rate", "step_days": 9});
    make(host, &key, &asked);
    call(host, &key, "plain", "start");
    let mut shares = Vec::new();
    let mut before = false;
    for day in 1..=28 {
        let found = routed(other, &key, &format!("day-{day}"), "one");
        let now = treated(&found);
        assert!(now || !before, "an account does not move back");
        before = now;
        service.pass(24 * 60);
        let found = one(other, &key, "plain");
        assert_eq!(found["looks"].as_array().map(Vec::len), Some(day), "{found:#}");
        if shares.last() != Some(&found["share"]) {
            shares.push(found["share"].clone());
        }
    }
    assert_eq!(shares, [10.0, 50.0, 90.0, 100.0]);
    assert_eq!(one(host, &key, "plain")["state"], "promoted");
    let (_, in_force) = other.ask("GET", "/v1/models/in-force", &key, None);
    assert_eq!(in_force, json!({"model": null}), "nothing that was learned counts");
    let after = routed(other, &key, "after", "one");
    assert_eq!((&after["trace"]["arm"], &after["trace"]["score"]["win"]), (&Json::Null, &Json::Null));
    replays(host, &key, "day-1");
    let kinds: Vec<String> =
        log(host, &key).into_iter().map(|(kind, _)| kind).filter(|kind| !kind.ends_with("looked")).collect();
    let expect = ["made", "started", "moved", "moved", "promoted"].map(|kind| format!("experiment.{kind}"));
    assert_eq!(kinds, expect);
}

#[test]
fn nobody_is_tried_in_the_arm_that_goes_without() {
    let service = Service::new(On::Sqlite, 2);
    let explore = "[learning]\ntrain = \"never\"\n\n[learning.explore]\nwithin = 0.9\nfloor = 0.2\ntiers = [\"two\"]\n\n\
        [matching]\nqualified_within = 100\n";
    let key = learned(&service, explore);
    let (host, other) = (service.host(), &service.hosts[1]);
    let asked =
        json!({"id": "sure", "treatment": {"kind": "no-trials"}, "primary": "win-rate", "steps": [50]});
    make(host, &key, &asked);
    call(host, &key, "sure", "start");
    let method =
        |decision: &Json| decision["trace"]["select"]["method"].as_str().unwrap_or_default().to_owned();
    let mut arms = [0, 0];
    for number in 0..20 {
        let account = format!("account-{number}");
        let found = routed(other, &key, &account, &account);
        assert_eq!(method(&found) == "trial", !treated(&found), "{:#}", found["trace"]["select"]);
        replays(host, &key, &account);
        arms[usize::from(treated(&found))] += 1;
    }
    assert!(arms[0] > 2 && arms[1] > 2, "{arms:?}");
    service.pass(28 * 24 * 60);
    assert_eq!(call(host, &key, "sure", "promote").1["state"], "promoted");
    for number in 0..5 {
        let found = routed(other, &key, &format!("sure-{number}"), &format!("sure-{number}"));
        assert!(method(&found) != "trial" && treated(&found), "{:#}", found["trace"]["arm"]);
        replays(other, &key, &format!("sure-{number}"));
    }
    // It is in force by the experiment, and is taken back with it.
    assert_eq!(call(other, &key, "sure", "stop").1["state"], "stopped");
    assert_eq!(method(&routed(host, &key, "again", "again")), "trial");
}
