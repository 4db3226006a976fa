//! Releases of plugins over HTTP: published, tried beside, active, taken back, by people and by their budgets.

use std::collections::BTreeSet;

use lanewright::lead::TenantId;
use lanewright::plugin::Standard;
use serde_json::{Value as Json, json};

use super::harness::{BOTH, Host, On, Service};
use crate::guests::guest;

/// Two lanes, two reps, and a classifier that is published by name.
pub(crate) fn folder(classifier: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, content: &str| std::fs::write(folder.path().join(name), content).expect("a file");
    let lane = |id: &str, definition: &str| {
        format!(
            "[[lanes]]\nid = \"{id}\"\nname = \"{id}\"\ndefinition = \"{definition}\"\nteam = \"{id}\"\n\n"
        )
    };
    let toml = format!(
        "[tenant]\nid = \"acme\"\nname = \"Acme\"\ncurrency = \"EUR\"\ntimezone = \"Europe/Lisbon\"\n\n\
         [classify]\npolicy = \"best-match\"\n\n{}{}{classifier}",
        lane("sales", "Companies that ask for a price, a quote or a demo of a plan."),
        lane("help", "Customers whose password, invoice or export does not work."),
    );
    write("tenant.toml", &toml);
    write(
        "teams.toml",
        "[[teams]]\nid = \"sales\"\nname = \"Sales\"\n\n[[teams]]\nid = \"help\"\nname = \"Help\"\n",
    );
    write("reps.csv", "id,name,team,max_open\nana,Ana Lima,sales,1000\nbo,Bo Ek,help,1000\n");
    folder
}

const NAMED: &str = "[plugins.classifier]\nplugin = \"fit\"\n";

/// A tenant whose configuration names the plugin `fit`, of which nothing is active yet.
fn acme(service: &Service) -> (TenantId, String) {
    let (tenant, key) = service.tenant(folder("").path());
    release(service.host(), &key, "1.0.0", Standard::Classifier.component());
    service.publish(&tenant, folder(NAMED).path());
    (tenant, key)
}

fn put(host: &Host, key: &str, version: &str, component: &[u8]) -> (u16, Json) {
    host.send("PUT", &format!("/v1/plugins/fit/releases/{version}"), key, "application/wasm", component)
}

fn release(host: &Host, key: &str, version: &str, component: &[u8]) {
    let (status, answer) = put(host, key, version, component);
    assert_eq!(status, 201, "{answer:#}");
}

fn step(host: &Host, key: &str, step: &str, body: &Json) -> Json {
    let (status, answer) = host.ask("POST", &format!("/v1/plugins/fit/{step}"), key, Some(body));
    assert_eq!(status, 200, "{step} {body}: {answer:#}");
    answer
}

fn lead(number: usize) -> Json {
    json!({"id": format!("lead-{number}"), "source": "web-form", "text": "My export does not work, please help.",
        "contact": {"email": format!("io@company-{number}.example")}})
}

/// Which release decided a lead: its version, or `-` where none did.
fn decided_by(host: &Host, key: &str, number: usize) -> String {
    let trace = decision(host, key, &format!("lead-{number}"));
    let release = &trace["trace"]["versions"]["releases"]["classifier"];
    release["version"].as_str().unwrap_or("-").to_owned()
}

fn decision(host: &Host, key: &str, lead: &str) -> Json {
    let (status, decision) = host.ask("GET", &format!("/v1/leads/{lead}/decisions/1"), key, None);
    assert_eq!(status, 200, "{decision:#}");
    decision
}

fn replays(host: &Host, key: &str, lead: &str) {
    let (status, replayed) = host.ask("POST", &format!("/v1/leads/{lead}/decisions/1/replay"), key, None);
    assert_eq!((status, &replayed["same"]), (200, &json!(true)), "{lead}: {replayed:#}");
}

#[test]
fn a_release_goes_its_way_and_back_and_every_decision_can_be_run_again() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let (_, key) = acme(&service);
        let (host, other) = (service.host(), &service.hosts[1]);
        let mut sent = 0;
        let mut send = |host: &Host| {
            sent += 1;
            host.lead(&key, &lead(sent));
            decided_by(host, &key, sent)
        };
        assert_eq!(send(host), "-", "nothing is active: the standard plugin decides");
        assert_eq!(send(other), "-");
        let active = step(host, &key, "activate", &json!({"version": "1.0.0"}));
        assert_eq!(active["active"], "1.0.0");
        assert_eq!(send(host), "1.0.0");
        assert_eq!(send(other), "1.0.0", "every host knows");

        // Beside: it decides nothing, and is compared.
        release(host, &key, "2.0.0", guest("plain"));
        step(host, &key, "shadow", &json!({"version": "2.0.0"}));
        let compared: usize = (0..4).map(|_| usize::from(send(host) == "1.0.0")).sum();
        assert_eq!(compared, 4, "a shadow decides nothing");
        service.step();
        let (_, health) = host.ask("GET", "/v1/plugins/fit/health", &key, None);
        let of = |stage: &str| {
            let items = health["items"].as_array().expect("items").clone();
            items.into_iter().find(|item| item["stage"] == stage).unwrap_or_else(|| panic!("{health:#}"))
        };
        let shadow = of("shadow");
        assert_eq!((&shadow["version"], &shadow["compared"]), (&json!("2.0.0"), &json!(4)), "{shadow:#}");
        // It always says `sales`, and these ask for help.
        assert_eq!(shadow["other_lane"], 4, "{shadow:#}");
        assert_eq!((&shadow["calls"], &shadow["failed"]), (&json!(4), &json!(0)), "{shadow:#}");
        assert!(shadow["fuel"]["p50"].as_u64() < of("active")["fuel"]["p50"].as_u64(), "{health:#}");

        // For half of the accounts.
        step(host, &key, "canary", &json!({"version": "2.0.0", "share": 50}));
        let by: BTreeSet<String> = (0..16).map(|_| send(host)).collect();
        assert_eq!(by, BTreeSet::from(["1.0.0".to_owned(), "2.0.0".to_owned()]));
        let again = json!({"id": "again", "text": "Help", "contact": {"email": "bo@company-9.example"}});
        host.lead(&key, &again);
        let same =
            decision(host, &key, "again")["trace"]["versions"]["releases"]["classifier"]["version"].clone();
        assert_eq!(same, decided_by(host, &key, 9).as_str(), "an account stays with its release");

        step(host, &key, "activate", &json!({"version": "2.0.0"}));
        assert_eq!(send(other), "2.0.0");
        let back = step(host, &key, "roll-back", &json!({"why": "too much is sales"}));
        assert_eq!((&back["active"], &back["good"]), (&json!("1.0.0"), &json!(null)), "{back:#}");
        assert_eq!(send(other), "1.0.0");
        assert_eq!(send(host), "1.0.0");
        for number in 1..=sent {
            replays(if number % 2 == 0 { host } else { other }, &key, &format!("lead-{number}"));
        }
        let (_, log) = host.ask("GET", "/v1/audit?limit=100", &key, None);
        let kinds: Vec<&str> =
            log["items"].as_array().expect("items").iter().filter_map(|item| item["kind"].as_str()).collect();
        for kind in [
            "plugin.published",
            "plugin.shadowed",
            "plugin.canaried",
            "plugin.activated",
            "plugin.rolled-back",
        ] {
            assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
        }
    }
}

#[test]
fn what_cannot_be_is_told() {
    let service = Service::new(On::Sqlite, 1);
    let (tenant, key) = acme(&service);
    let host = service.host();
    let check = |name: &str, (status, answer): (u16, Json), expect: (u16, &str), text: &str| {
        assert_eq!((status, answer["code"].as_str().unwrap_or_default()), expect, "{name}: {answer:#}");
        assert!(answer.to_string().contains(text), "{name}: {answer:#}");
    };
    let component = Standard::Classifier.component();
    assert_eq!(put(host, &key, "1.0.0", component).0, 200, "the same again");
    check(
        "other bytes",
        put(host, &key, "1.0.0", guest("plain")),
        (409, "conflict"),
        "publish another version",
    );
    check("no version", put(host, &key, "1.0", b"x"), (400, "malformed"), "three numbers");
    check("text", put(host, &key, "3.0.0", b"(component)"), (422, "plugin-refused"), "\"at\":\"magic\"");
    let huge = put(host, &key, "3.0.0", guest("wants_huge_memory"));
    check("huge", huge, (422, "plugin-refused"), "104857600 bytes of memory from the start");
    let media = host.send("PUT", "/v1/plugins/fit/releases/3.0.0", &key, "text/plain", component);
    check("media", media, (415, "media-type"), "application/wasm");
    let name = host.send("PUT", "/v1/plugins/Fit/releases/3.0.0", &key, "application/wasm", b"x");
    check("name", name, (400, "malformed"), "small letters");

    let post = |step: &str, body: Json| host.ask("POST", &format!("/v1/plugins/{step}"), &key, Some(&body));
    check(
        "unknown plugin",
        post("nobody/activate", json!({"version": "1.0.0"})),
        (404, "not-found"),
        "nobody",
    );
    check(
        "unknown release",
        post("fit/activate", json!({"version": "9.0.0"})),
        (404, "not-found"),
        "fit 9.0.0",
    );
    check(
        "no share",
        post("fit/canary", json!({"version": "1.0.0", "share": 0})),
        (400, "malformed"),
        "percent",
    );
    check(
        "nothing to go back to",
        post("fit/roll-back", json!({})),
        (409, "conflict"),
        "none was active before",
    );
    let budget = host.ask("PUT", "/v1/plugins/fit/budget", &key, Some(&json!({"failures": 101})));
    check("budget", budget, (400, "malformed"), "percentage");
    // A scorer where the configuration has a classifier.
    release(host, &key, "4.0.0", Standard::Scorer.component());
    check(
        "another role",
        post("fit/activate", json!({"version": "4.0.0"})),
        (409, "conflict"),
        "exports no classifier",
    );
    // Somebody was faster.
    let headers = [("authorization", format!("Bearer {key}")), ("if-match", "\"1\"".to_owned())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (status, _, answer) =
        host.ask_with("POST", "/v1/plugins/fit/activate", &headers, Some(&json!({"version": "1.0.0"})));
    check("changed", (status, answer), (412, "changed"), "somebody has changed it");

    // A folder that names what is not published is not put in force.
    let other = folder("[plugins.classifier]\nplugin = \"fti\"\n");
    let draft = service.draft(&tenant, other.path());
    let checked = host.ask("POST", &format!("/v1/configurations/{draft}/check"), &key, None);
    check("a name that is none", checked, (200, ""), "no plugin fti is published");
}

#[test]
fn a_canary_over_its_budget_is_taken_back_and_no_lead_is_lost() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let (_, key) = acme(&service);
        let host = service.host();
        step(host, &key, "activate", &json!({"version": "1.0.0"}));
        release(host, &key, "2.0.0", guest("traps_after_log"));
        let (status, answer) =
            host.ask("PUT", "/v1/plugins/fit/budget", &key, Some(&json!({"least": 5, "failures": 10})));
        assert_eq!(status, 200, "{answer:#}");
        step(host, &key, "canary", &json!({"version": "2.0.0", "share": 100}));
        for number in 1..=5 {
            let decided = host.lead(&key, &lead(number));
            assert_eq!(decided["confidence"], "low", "the standard classifier stands in: {decided:#}");
            assert_eq!(decided_by(host, &key, number), "2.0.0");
        }
        assert!(service.step().releases > 0);
        let (_, plugin) = host.ask("GET", "/v1/plugins/fit", &key, None);
        assert_eq!((&plugin["active"], &plugin["candidate"]), (&json!("1.0.0"), &json!(null)), "{plugin:#}");
        let decided = service.hosts[1].lead(&key, &lead(6));
        assert_ne!(decided["confidence"], "low", "{decided:#}");
        let (_, log) = host.ask("GET", "/v1/audit?kind=plugin.rolled-back", &key, None);
        let item = &log["items"][0];
        assert_eq!(
            (&item["actor"], &item["body"]["why"]),
            (&json!("budget"), &json!("100.0 % of its calls failed, and 10 % may"),),
            "{log:#}"
        );
        for number in 1..=6 {
            replays(host, &key, &format!("lead-{number}"));
        }
    }
}

#[test]
fn what_a_release_does_on_all_hosts_together_is_held_against_its_budget() {
    let service = Service::new(On::Postgres, 2);
    let (_, key) = acme(&service);
    let host = service.host();
    step(host, &key, "activate", &json!({"version": "1.0.0"}));
    release(host, &key, "2.0.0", guest("traps_after_log"));
    host.ask("PUT", "/v1/plugins/fit/budget", &key, Some(&json!({"least": 6, "failures": 10})));
    step(host, &key, "canary", &json!({"version": "2.0.0", "share": 100}));
    let candidate = || host.ask("GET", "/v1/plugins/fit", &key, None).1["candidate"]["version"].clone();
    // Three calls on each: neither host has enough of its own to judge by.
    for number in 1..=6 {
        service.hosts[number % 2].lead(&key, &lead(number));
        assert_eq!(decided_by(host, &key, number), "2.0.0");
    }
    service.step();
    assert_eq!(candidate(), "2.0.0", "the other host has written nothing down yet");
    service.step_host(1);
    assert_eq!(candidate(), json!(null));
}

#[test]
fn an_active_release_that_goes_wrong_gives_way_to_the_one_before() {
    let service = Service::new(On::Sqlite, 1);
    let (_, key) = acme(&service);
    let host = service.host();
    step(host, &key, "activate", &json!({"version": "1.0.0"}));
    release(host, &key, "2.0.0", guest("loops_forever"));
    host.ask("PUT", "/v1/plugins/fit/budget", &key, Some(&json!({"least": 3})));
    step(host, &key, "activate", &json!({"version": "2.0.0"}));
    (1..=3).for_each(|number| _ = host.lead(&key, &lead(number)));
    service.step();
    let (_, plugin) = host.ask("GET", "/v1/plugins/fit", &key, None);
    assert_eq!(plugin["active"], "1.0.0", "{plugin:#}");
    host.lead(&key, &lead(4));
    assert_eq!(decided_by(host, &key, 4), "1.0.0");
}

#[test]
fn leads_are_decided_while_releases_change_under_them() {
    let service = Service::new(On::Postgres, 2);
    let (_, key) = acme(&service);
    release(service.host(), &key, "2.0.0", guest("plain"));
    step(service.host(), &key, "activate", &json!({"version": "1.0.0"}));
    const LEADS: usize = 60;
    std::thread::scope(|scope| {
        for sender in 0..3 {
            let (host, key) = (&service.hosts[sender % 2], &key);
            scope.spawn(move || {
                (0..LEADS / 3).for_each(|number| _ = host.lead(key, &lead(1 + sender + 3 * number)));
            });
        }
        for version in ["2.0.0", "1.0.0", "2.0.0", "1.0.0", "2.0.0"] {
            step(service.host(), &key, "activate", &json!({"version": version}));
        }
    });
    for number in 1..=LEADS {
        let by = decided_by(service.host(), &key, number);
        assert!(["1.0.0", "2.0.0"].contains(&by.as_str()), "{by}");
        replays(service.host(), &key, &format!("lead-{number}"));
    }
}

#[test]
fn a_plugin_that_fails_on_lead_after_lead_is_left_alone_and_one_lead_is_not_enough() {
    let service = Service::new(On::Sqlite, 1);
    let folder = folder("[plugins.classifier]\ncomponent = \"guest.wasm\"\n");
    std::fs::write(folder.path().join("guest.wasm"), guest("traps_after_log")).expect("written");
    let (_, key) = service.tenant(folder.path());
    let host = service.host();
    let failure = |lead: &str| {
        let decision = decision(host, &key, lead);
        decision["trace"]["classify"]["calls"][0]["failure"]["kind"].as_str().unwrap_or_default().to_owned()
    };
    for number in 1..=10 {
        host.lead(&key, &lead(number));
        assert_eq!(failure(&format!("lead-{number}")), "trap", "{number}");
    }
    host.lead(&key, &lead(11));
    assert_eq!(failure("lead-11"), "broken");
    // After a rest one lead finds out that nothing is better, and the next is spared.
    service.clock.set(service.clock.now() + jiff::SignedDuration::from_secs(11));
    host.lead(&key, &lead(12));
    host.lead(&key, &lead(13));
    assert_eq!((failure("lead-12").as_str(), failure("lead-13").as_str()), ("trap", "broken"));
    (1..=13).for_each(|number| replays(host, &key, &format!("lead-{number}")));
}

#[test]
fn a_release_is_tried_on_leads_of_the_log() {
    let service = Service::new(On::Sqlite, 1);
    let (_, key) = acme(&service);
    let host = service.host();
    (1..=6).for_each(|number| _ = host.lead(&key, &lead(number)));
    release(host, &key, "2.0.0", guest("plain"));
    let asked = json!({"from": "2000-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"});
    let backtest = |version: &str| {
        let path = format!("/v1/plugins/fit/releases/{version}/backtest");
        let (status, answer) = host.ask("POST", &path, &key, Some(&asked));
        assert_eq!(status, 200, "{answer:#}");
        (answer["routed"].clone(), answer["comparison"]["changes"].as_array().map(Vec::len))
    };
    assert_eq!(backtest("1.0.0"), (json!(6), Some(0)), "it is the standard one under another name");
    assert_eq!(backtest("2.0.0"), (json!(6), Some(6)), "it says `sales` of everything");
}

#[test]
fn what_plugins_used_is_counted_by_component_and_day() {
    let service = Service::new(On::Sqlite, 1);
    let (_, key) = acme(&service);
    let host = service.host();
    (1..=3).for_each(|number| _ = host.lead(&key, &lead(number)));
    let (status, usage) = host.ask("GET", "/v1/usage/plugins", &key, None);
    assert_eq!(status, 200, "{usage:#}");
    let items = usage["items"].as_array().expect("items");
    let sum = |field: &str| items.iter().filter_map(|item| item[field].as_i64()).sum::<i64>();
    let (_, all) = host.ask("GET", "/v1/usage", &key, None);
    assert_eq!(json!(sum("fuel")), all["items"][0]["fuel"], "{usage:#}");
    assert_eq!(sum("calls"), 6, "a classifier and a scorer for each lead: {usage:#}");
}

#[test]
fn a_plugin_reads_only_the_fields_that_it_is_granted() {
    let service = Service::new(On::Sqlite, 1);
    let folder_with = |grant: &str| {
        let folder = folder(&format!("[plugins.classifier]\ncomponent = \"guest.wasm\"\n{grant}"));
        std::fs::write(folder.path().join("guest.wasm"), guest("tells_what_it_sees")).expect("written");
        folder
    };
    let (tenant, key) = service.tenant(folder_with("").path());
    let check = |id: &str, sees: bool| {
        let lead = json!({"id": id, "text": "Hello", "fields": {"seats": 40, "plan": "team"}});
        service.host().lead(&key, &lead);
        let decision = decision(service.host(), &key, id);
        let reason =
            decision["trace"]["classify"]["verdict"]["reason"].as_str().unwrap_or_default().to_owned();
        assert_eq!(reason.contains("40"), sees, "{id}: {reason}");
        replays(service.host(), &key, id);
    };
    check("all", true);
    service.publish(&tenant, folder_with("fields = [\"seats\", \"region\"]\n").path());
    check("granted", true);
    service.publish(&tenant, folder_with("fields = [\"plan\"]\n").path());
    check("another", false);
    service.publish(&tenant, folder_with("fields = []\n").path());
    check("none", false);
}
