//! What time does: deadlines, drains, batches, publications; each once, on any number of hosts.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::harness::{BOTH, Service};
use crate::harness::root;

/// A copy of northwind with something more in its tenant.toml.
fn northwind_with(more: &str) -> tempfile::TempDir {
    let folder = crate::harness::tenant(&root().join("examples/northwind"));
    let path = folder.path().join("tenant.toml");
    let toml = std::fs::read_to_string(&path).expect("text");
    std::fs::write(path, format!("{toml}\n{more}\n")).expect("written");
    folder
}

fn lead(id: &str) -> Json {
    json!({
        "id": id, "source": "web-form", "text": "What would the team plan cost for 12 users? I can decide this month.",
        "contact": {"email": format!("{id}@mabryfreight.example"), "language": "en"},
        "company": {"name": "Mabry Freight", "employees": 45, "country": "US", "region": "US-TN"},
    })
}

fn decisions(service: &Service, key: &str, lead: &str) -> Vec<(String, String)> {
    let (status, page) = service.host().ask("GET", &format!("/v1/leads/{lead}/decisions"), key, None);
    assert_eq!(status, 200, "{page}");
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let items = page["items"].as_array().expect("items");
    items.iter().rev().map(|item| (text(&item["trigger"]), text(&item["outcome"]))).collect()
}

#[test]
fn a_lead_that_nobody_touches_goes_to_the_manager_once() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let folder = northwind_with("[escalation]\nmissed = \"manager\"");
        let (_, key) = service.tenant(folder.path());
        let decided = service.host().lead(&key, &lead("slow"));
        assert_eq!(decided["outcome"]["kind"], "assigned", "{decided:#}");
        let minutes = decided["minutes"].as_i64().expect("minutes");
        assert_eq!(service.pass(minutes - 1).tenants, 0);
        // The other host has it in memory from before, and both look at once.
        service.hosts[1].ask("GET", "/v1/reps", &key, None);
        assert_eq!(service.pass(2).tenants, 1);
        super::harness::runtime().block_on(async { service.hosts[1].app.step().await.expect("a step") });
        let expect = [("arrived", "assigned"), ("not-touched", "manager")];
        let expect: Vec<(String, String)> =
            expect.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(decisions(&service, &key, "slow"), expect, "{on:?}");
        // A lead that was touched stays.
        service.host().lead(&key, &lead("quick"));
        let (status, answer) = service.host().ask("POST", "/v1/leads/quick/touch", &key, None);
        assert_eq!(status, 200, "{answer}");
        service.pass(minutes * 3);
        assert_eq!(decisions(&service, &key, "quick").len(), 1);
    }
}

#[test]
fn a_missed_first_touch_is_told_step_by_step_each_once() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let folder =
            northwind_with("[escalation]\nremind_minutes = 2\nmissed = \"chain\"\ngrace_minutes = 10");
        let (_, key) = service.tenant(folder.path());
        let decided = service.host().lead(&key, &lead("slow"));
        assert_eq!(decided["outcome"]["kind"], "assigned", "{decided:#}");
        let (minutes, rep) = (decided["minutes"].as_i64().expect("minutes"), &decided["outcome"]["rep"]);
        // Who was told of what, whom it was told by the log, and how often it was decided.
        let told = || {
            let (_, effects) = service.host().ask("GET", "/v1/effects?lead=slow&kind=notify", &key, None);
            let about = |item: &Json| {
                let effect = &item["data"]["effect"];
                (effect["who"] == *rep, effect["about"].as_str().unwrap_or_default().to_owned())
            };
            let found: Vec<(bool, String)> =
                effects["items"].as_array().expect("items").iter().map(about).collect();
            found
                .into_iter()
                .filter(|(_, about)| ["reminder", "missed"].contains(&about.as_str()))
                .collect::<Vec<_>>()
        };
        let logged = || {
            let (_, log) = service.host().ask("GET", "/v1/audit?lead=slow", &key, None);
            let items = log["items"].as_array().expect("items");
            items.iter().map(|item| (item["kind"].clone(), item["actor"].clone())).collect::<Vec<_>>()
        };
        // Both hosts have it in memory and look at once.
        let pass = |minutes| {
            service.hosts[1].ask("GET", "/v1/reps", &key, None);
            service.pass(minutes);
            super::harness::runtime().block_on(async { service.hosts[1].app.step().await.expect("a step") });
        };
        let expect = |list: &[(bool, &str)]| -> Vec<(bool, String)> {
            list.iter().map(|(rep, about)| (*rep, (*about).to_owned())).collect()
        };
        pass(minutes - 3);
        assert_eq!((told(), logged()), (vec![], vec![]), "{on:?}");
        pass(1);
        assert_eq!(told(), expect(&[(true, "reminder")]), "{on:?}");
        assert_eq!(logged(), [(json!("lead.reminded"), json!("clock"))]);
        pass(2);
        let missed = expect(&[(true, "reminder"), (false, "missed"), (true, "missed")]);
        assert_eq!(told(), missed, "{on:?}");
        assert_eq!(logged().first(), Some(&(json!("lead.escalated"), json!("clock"))));
        pass(9);
        assert_eq!(decisions(&service, &key, "slow").len(), 1);
        assert_eq!(told(), missed, "{on:?}");
        pass(1);
        let last = decisions(&service, &key, "slow");
        assert_eq!((last.len(), last[1].0.as_str()), (2, "not-touched"), "{on:?} {last:?}");
        assert_eq!(logged().len(), 2, "{on:?}");
        // Who touches it in time is not told, and who does so late has it still.
        for (id, early) in [("quick", true), ("late", false)] {
            service.host().lead(&key, &lead(id));
            if !early {
                pass(minutes + 1);
            }
            let (status, answer) = service.hosts[1].ask("POST", &format!("/v1/leads/{id}/touch"), &key, None);
            assert_eq!(status, 200, "{answer}");
            pass(minutes * 3);
            assert_eq!(decisions(&service, &key, id).len(), 1, "{on:?} {id}");
            let (_, log) = service.host().ask("GET", &format!("/v1/audit?lead={id}&kind=lead.e"), &key, None);
            assert_eq!(log["items"].as_array().map(Vec::len), Some(usize::from(!early)), "{on:?} {log:#}");
        }
    }
}

#[test]
fn whoever_waits_is_decided_when_somebody_is_back() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let folder = northwind_with("");
        let (_, key) = service.tenant(folder.path());
        let (_, reps) = service.host().ask("GET", "/v1/reps", &key, None);
        let reps: Vec<String> = reps["items"]
            .as_array()
            .expect("reps")
            .iter()
            .map(|rep| rep["rep"].as_str().expect("an id").to_owned())
            .collect();
        for (number, rep) in reps.iter().enumerate() {
            let (status, answer) =
                service.hosts[number % 2].ask("POST", &format!("/v1/reps/{rep}/away"), &key, None);
            assert!(status == 200, "{answer}");
        }
        let decided = service.hosts[1].lead(&key, &lead("patient"));
        assert_ne!(decided["outcome"]["kind"], "assigned", "{decided:#}");
        let was_held = decided["outcome"]["kind"] == "held";
        for (number, rep) in reps.iter().enumerate() {
            service.hosts[number % 2].ask("POST", &format!("/v1/reps/{rep}/back"), &key, None);
        }
        let (_, stands) = service.host().ask("GET", "/v1/leads/patient", &key, None);
        if was_held {
            assert_eq!(stands["status"], "assigned", "{on:?} {stands:#}");
            assert_eq!(stands["number"], 2);
        }
    }
}

#[test]
fn a_batch_is_decided_at_its_time_and_published_for_review() {
    for on in BOTH {
        let service = Service::new(on, 2);
        // 9:00 in UTC is 4:00 in New York.
        let folder = northwind_with("[batch]\nat = [\"05:00\"]");
        let (_, key) = service.tenant(folder.path());
        let mut text: Vec<String> = (0..6).map(|number| lead(&format!("b{number}")).to_string()).collect();
        text.push(json!({"id": "no lead"}).to_string());
        let (status, batch) =
            service.host().ask("POST", "/v1/batches?run=next", &key, Some(&json!(text.join("\n"))));
        assert_eq!((status, &batch["state"]), (202, &json!("waiting")), "{batch:#}");
        assert_eq!(batch["run_at"], "2026-03-02T10:00:00Z");
        assert_eq!(service.pass(59).batches, 0);
        assert_eq!(service.pass(1).batches, 1);
        let path = format!("/v1/batches/{}", batch["batch"].as_str().expect("an id"));
        let (_, batch) = service.hosts[1].ask("GET", &path, &key, None);
        let counts = (&batch["state"], &batch["total"], &batch["decided"], &batch["refused"]);
        assert_eq!(counts, (&json!("done"), &json!(7), &json!(6), &json!(1)), "{batch:#}");
        let (_, leads) = service.host().ask("GET", &format!("{path}/leads"), &key, None);
        assert_eq!(leads["items"].as_array().map(Vec::len), Some(7), "{leads:#}");
        let (_, queue) = service.host().ask("GET", "/v1/leads?status=suggested", &key, None);
        let suggested = queue["items"].as_array().expect("items");
        assert!(!suggested.is_empty());
        let first = suggested[0]["lead"].as_str().expect("an id");
        let (status, _) = service.hosts[1].ask("POST", &format!("/v1/leads/{first}/approve"), &key, None);
        assert_eq!(status, 200);
        let (_, stands) = service.host().ask("GET", &format!("/v1/leads/{first}"), &key, None);
        assert_eq!(stands["status"], "assigned");
    }
}

#[test]
fn caps_and_turns_hold_on_two_hosts() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let (_, key) = service.tenant(&root().join("examples/northwind"));
        // Both hosts at once, again and again in each other's way.
        std::thread::scope(|scope| {
            for (number, host) in service.hosts.iter().enumerate() {
                let key = &key;
                scope.spawn(move || {
                    for i in 0..20 {
                        host.lead(key, &lead(&format!("host{number}-{i}")));
                    }
                });
            }
        });
        let (_, reps) = service.host().ask("GET", "/v1/reps", &key, None);
        let (_, page) = service.host().ask("GET", "/v1/decisions?limit=500", &key, None);
        let decisions = page["items"].as_array().expect("items");
        assert_eq!(decisions.len(), 40, "{on:?}");
        for rep in reps["items"].as_array().expect("reps") {
            let had = decisions.iter().filter(|decision| decision["rep"] == rep["rep"]).count();
            assert_eq!(rep["new_today"], json!(had), "{on:?} {rep}");
            assert!(rep["open"].as_u64() <= rep["max_open"].as_u64(), "{on:?} {rep}");
        }
        // Every decision saw every one before it.
        for lead in ["host0-19", "host1-19"] {
            let (status, replayed) =
                service.host().ask("POST", &format!("/v1/leads/{lead}/decisions/1/replay"), &key, None);
            assert_eq!((status, &replayed["same"]), (200, &json!(true)), "{replayed:#}");
        }
    }
}

#[test]
fn a_configuration_comes_into_force_once() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let (tenant, key) = service.tenant(&root().join("examples/northwind"));
        service.hosts[1].lead(&key, &lead("before"));
        let folder = northwind_with("[escalation]\nmissed = \"next\"");
        let version = service.publish(&tenant, folder.path());
        // A host that saw its time come as well.
        let question = lanewright::line::Question {
            ask: lanewright::line::Ask::Publish(version),
            actor: "clock".to_owned(),
            key: None,
        };
        let again = service.hosts[1].app.lines().ask(&tenant, question);
        assert!(super::harness::runtime().block_on(again).is_ok());
        let (status, log) = service.host().ask("GET", "/v1/audit?kind=configuration.published", &key, None);
        assert_eq!(status, 200, "{log:#}");
        let versions: Vec<&Json> =
            log["items"].as_array().expect("items").iter().map(|item| &item["body"]["version"]).collect();
        assert_eq!(versions, [&json!(version), &json!(version - 1)], "{on:?}");
        // Both decide by it from now on.
        for host in &service.hosts {
            let (_, tried) = host.ask("POST", "/v1/try", &key, Some(&lead("after")));
            let (_, decided) = service.host().ask("GET", "/v1/decisions?limit=1", &key, None);
            assert!(tried["trace"]["versions"]["config"].is_string(), "{tried:#} {decided}");
        }
        service.hosts[1].lead(&key, &lead("after"));
        let (_, page) = service.host().ask("GET", "/v1/decisions?limit=1", &key, None);
        assert_eq!(page["items"][0]["version"], json!(version), "{on:?} {page:#}");
    }
}

#[test]
fn a_clock_that_jumps_turns_nothing_back_and_fires_nothing_twice() {
    const DAY: i64 = 24 * 60;
    for on in BOTH {
        let service = Service::new(on, 2);
        let folder = northwind_with("[escalation]\nmissed = \"manager\"");
        let (tenant, key) = service.tenant(folder.path());
        let jump = |minutes: i64| service.clock.set(service.clock.now() + SignedDuration::from_mins(minutes));
        let step = || {
            service.step();
            super::harness::runtime().block_on(async { service.hosts[1].app.step().await.expect("a step") });
        };
        // Each way, with a lead on either host after each jump.
        for (number, minutes) in [0, -DAY, 7 * DAY, -8 * DAY, 30 * DAY, -DAY].into_iter().enumerate() {
            jump(minutes);
            step();
            for (place, host) in service.hosts.iter().enumerate() {
                let decided = host.lead(&key, &lead(&format!("l{number}-{place}")));
                assert_eq!(decided["number"], 1);
            }
            step();
        }
        // Effects are due by the time of whoever carries them out; those of before were given up long ago.
        let due = super::harness::runtime().block_on(async {
            let now = service.clock.now().as_millisecond();
            service.store().of(&tenant).effects_to_fetch(now, i64::MAX).await.expect("effects")
        });
        let leads: Vec<&str> = due.iter().map(|effect| effect.lead.as_str()).collect();
        assert_eq!(leads, ["l5-0", "l5-1"], "{on:?}");
        let (status, page) = service.host().ask("GET", "/v1/decisions?limit=500", &key, None);
        assert_eq!(status, 200);
        let items = page["items"].as_array().expect("items");
        let at =
            |line: &Json| line["at"].as_str().and_then(|at| at.parse::<Timestamp>().ok()).expect("a time");
        let times: Vec<Timestamp> = items.iter().rev().map(at).collect();
        assert!(times.is_sorted(), "{on:?} {times:?}");
        let clock =
            super::harness::runtime().block_on(service.store().of(&tenant).row()).expect("a row").clock;
        assert_eq!(times.last().map(|at| at.as_millisecond()), Some(clock), "{on:?}");
        // Those of before the last jump forward were due once.
        for number in 0..4 {
            for place in 0..2 {
                let name = format!("l{number}-{place}");
                let triggers: Vec<String> =
                    decisions(&service, &key, &name).into_iter().map(|(why, _)| why).collect();
                let missed = triggers.iter().filter(|why| *why == "not-touched").count();
                let assigned = items
                    .iter()
                    .any(|line| line["lead"] == name && line["number"] == 1 && line["outcome"] == "assigned");
                assert_eq!(missed, usize::from(assigned), "{on:?} {name} {triggers:?}");
            }
        }
    }
}
