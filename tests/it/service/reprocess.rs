//! Leads of the log decided again, as runs: what stays as it is, what is done once, how many in a day.

use lanewright::line::{Ask, Key, Question};
use serde_json::{Value as Json, json};

use super::harness::{BOTH, Service, runtime};
use crate::harness::root;

fn lead(id: &str) -> Json {
    json!({
        "id": id, "source": "web-form", "text": "What would the team plan cost for 12 users? I can decide this month.",
        "contact": {"email": format!("{id}@mabryfreight.example"), "language": "en"},
        "company": {"name": "Mabry Freight", "employees": 45, "country": "US", "region": "US-TN"},
    })
}

/// Begins a run and lets it end; the run, and its leads with number and reason.
fn run(service: &Service, key: &str, body: &Json) -> (Json, Vec<(String, Option<u64>, String)>) {
    let (status, begun) = service.host().ask("POST", "/v1/reprocess", key, Some(body));
    assert_eq!((status, &begun["state"]), (202, &json!("waiting")), "{begun:#}");
    assert_eq!(service.step().batches, 1);
    followed(service, key, begun["run"].as_str().expect("an id"))
}

fn followed(service: &Service, key: &str, run: &str) -> (Json, Vec<(String, Option<u64>, String)>) {
    let host = &service.hosts[service.hosts.len() - 1];
    let (status, ended) = host.ask("GET", &format!("/v1/reprocess/{run}"), key, None);
    assert_eq!(status, 200, "{ended:#}");
    let (_, leads) = host.ask("GET", &format!("/v1/reprocess/{run}/leads"), key, None);
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let row = |row: &Json| (text(&row["lead"]), row["number"].as_u64(), text(&row["skipped"]));
    (ended, leads["items"].as_array().expect("items").iter().map(row).collect())
}

#[test]
fn leads_are_decided_again_unless_people_say_otherwise() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let (tenant, key) = service.tenant(&root().join("examples/northwind"));
        for id in ["open", "locked", "closed", "given"] {
            service.host().lead(&key, &lead(id));
        }
        let (_, reps) = service.host().ask("GET", "/v1/reps", &key, None);
        let rep = reps["items"][0]["rep"].as_str().expect("a rep").to_owned();
        for (path, body) in [
            ("/v1/leads/locked/lock", None),
            ("/v1/leads/closed/outcome", Some(json!({"outcome": "lost"}))),
            ("/v1/leads/given/reassign", Some(json!({"to": rep, "reason": "knows them"}))),
        ] {
            let (status, answer) = service.hosts[1].ask("POST", path, &key, body.as_ref());
            assert_eq!(status, 200, "{path}: {answer:#}");
        }
        let version = service.publish(&tenant, &root().join("examples/northwind"));
        let leads = json!({"leads": ["open", "locked", "closed", "given", "nobody", "open"]});
        let (ended, found) = run(&service, &key, &leads);
        let expect = [
            ("open", Some(2), ""),
            ("locked", None, "lead locked is locked; unlock it first"),
            ("closed", None, "lead closed is closed"),
            ("given", None, "a person gave lead given to"),
            ("nobody", None, "nothing that lead nobody could be routed from is kept"),
        ];
        assert_eq!(found.len(), expect.len(), "{on:?} {found:?}");
        for ((lead, number, why), expect) in found.iter().zip(expect) {
            assert_eq!((lead.as_str(), *number), (expect.0, expect.1), "{on:?} {why}");
            assert!(why.starts_with(expect.2), "{on:?} {why}");
        }
        let counts = (&ended["state"], &ended["total"], &ended["decided"], &ended["skipped"]);
        assert_eq!(counts, (&json!("done"), &json!(5), &json!(1), &json!(4)), "{on:?} {ended:#}");
        let (_, page) = service.host().ask("GET", "/v1/leads/open/decisions", &key, None);
        assert_eq!((&page["items"][0]["number"], &page["items"][0]["version"]), (&json!(2), &json!(version)));
        // By force also from people, and never what is locked.
        let (_, found) = run(&service, &key, &json!({"leads": ["locked", "given"], "force": true}));
        assert_eq!((found[0].1, found[1].1), (None, Some(3)), "{on:?} {found:?}");
        // Somebody began it, and the log says who.
        let (_, log) = service.host().ask("GET", "/v1/audit?lead=given&kind=lead.rep", &key, None);
        let body = &log["items"][0];
        assert_eq!((&body["kind"], body["actor"] == "clock"), (&json!("lead.reprocessed"), false), "{log:#}");
    }
}

#[test]
fn a_run_is_done_once_however_often_it_breaks_off() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let (tenant, key) = service.tenant(&root().join("examples/northwind"));
        let ids: Vec<String> = (0..20).map(|number| format!("l{number}")).collect();
        ids.iter().for_each(|id| drop(service.host().lead(&key, &lead(id))));
        let bearer = format!("Bearer {key}");
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", "one")];
        let body = json!({"leads": ids});
        let (status, _, begun) = service.host().ask_with("POST", "/v1/reprocess", &headers, Some(&body));
        assert_eq!(status, 202, "{begun:#}");
        let name = begun["run"].as_str().expect("an id").to_owned();
        // A host takes it, decides three leads, and is gone before it says so.
        runtime().block_on(async {
            let now = service.clock.now().as_millisecond();
            let store = service.store();
            store.claim_batch(now, now + 60_000).await.expect("is read").expect("is due");
            for (place, id) in ids.iter().take(3).enumerate() {
                let ask = Ask::Again { lead: lead(id), run: name.clone(), forced: false };
                let key = Key { key: format!("reprocess {name} {place}"), asked: name.clone() };
                let question = Question { ask, actor: "key:test".to_owned(), key: Some(key) };
                service.hosts[1].app.lines().ask(&tenant, question).await.map(drop).expect("is decided");
            }
        });
        assert_eq!(service.step().batches, 0, "it is another's for now");
        assert_eq!(service.pass(2).batches, 1);
        let (ended, found) = followed(&service, &key, &name);
        assert_eq!((&ended["state"], &ended["decided"]), (&json!("done"), &json!(20)), "{on:?} {ended:#}");
        assert!(found.iter().all(|(_, number, _)| *number == Some(2)), "{on:?} {found:?}");
        for id in &ids {
            let (_, stands) = service.host().ask("GET", &format!("/v1/leads/{id}"), &key, None);
            assert_eq!(stands["number"], 2, "{on:?} {id}");
        }
        // The same key is the same run, and for something else a mistake.
        let again = service.hosts[1].ask_with("POST", "/v1/reprocess", &headers, Some(&body));
        assert_eq!((again.0, &again.2["run"], &again.2["state"]), (202, &json!(name), &json!("done")));
        let other = json!({"leads": ["l1"]});
        let (status, _, answer) = service.host().ask_with("POST", "/v1/reprocess", &headers, Some(&other));
        assert_eq!((status, &answer["code"]), (422, &json!("key-reused")));
    }
}

#[test]
fn runs_that_find_their_leads_are_two_a_day() {
    for on in BOTH {
        let service = Service::new(on, 1);
        let (_, key) = service.tenant(&root().join("examples/northwind"));
        for id in ["a", "b"] {
            service.host().lead(&key, &lead(id));
        }
        let (_, found) = run(&service, &key, &json!({"filter": {"outcome": "assigned"}}));
        let leads: Vec<&str> = found.iter().map(|(lead, ..)| lead.as_str()).collect();
        assert_eq!(leads, ["a", "b"], "{on:?}");
        service.pass(60);
        let (ended, found) = run(&service, &key, &json!({"filter": {"lane": "no-such-lane"}}));
        assert_eq!((&ended["total"], found.len()), (&json!(0), 0));
        assert_eq!(ended["filter"], json!({"lane": "no-such-lane"}));
        let third = json!({"filter": {}});
        let bearer = format!("Bearer {key}");
        let headers = [("authorization", bearer.as_str())];
        let (status, headers, answer) =
            service.host().ask_with("POST", "/v1/reprocess", &headers, Some(&third));
        assert_eq!((status, &answer["code"]), (409, &json!("conflict")), "{answer:#}");
        assert!(
            answer["detail"].as_str().is_some_and(|text| text.ends_with("2026-03-03T09:00:00Z")),
            "{answer:#}"
        );
        let wait = headers.iter().find(|(name, _)| name == "retry-after").map(|(_, value)| value.as_str());
        assert_eq!(wait, Some("82800"));
        service.pass(23 * 60);
        run(&service, &key, &third);
        let (_, page) = service.host().ask("GET", "/v1/reprocess?limit=2", &key, None);
        assert_eq!((page["items"].as_array().map(Vec::len), page["next"].is_string()), (Some(2), true));
        let (_, batches) = service.host().ask("GET", "/v1/batches", &key, None);
        assert_eq!(batches["items"], json!([]), "runs are no batches");
        for (body, code) in [
            (json!({}), "malformed"),
            (json!({"leads": [], "force": true}), "malformed"),
            (json!({"leads": ["a"], "filter": {}}), "malformed"),
            (json!({"filter": {"outcom": "held"}}), "malformed"),
        ] {
            let (_, answer) = service.host().ask("POST", "/v1/reprocess", &key, Some(&body));
            assert_eq!(answer["code"], code, "{body}: {answer:#}");
        }
    }
}
