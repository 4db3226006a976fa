//! Leads over HTTP: decided once, durable, explained, run again.

use serde_json::{Value as Json, json};

use super::harness::{BOTH, On, Service};
use crate::harness::root;

fn northwind() -> std::path::PathBuf {
    root().join("examples/northwind")
}

fn lines() -> Vec<Json> {
    let text = std::fs::read_to_string(northwind().join("leads.jsonl")).expect("leads");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// What the program decides about the same leads in one run.
fn decided_by_the_program() -> Vec<(String, Json)> {
    let folder = northwind();
    let (folder, leads) = (folder.display().to_string(), folder.join("leads.jsonl").display().to_string());
    let out =
        crate::harness::lanewright(&["route", "--tenant", &folder, "--now", crate::harness::NOW, &leads]);
    let text = String::from_utf8(out.stdout).expect("text");
    text.lines()
        .map(|line| {
            let decision: Json = serde_json::from_str(line).expect("JSON");
            (decision["lead"].as_str().expect("an id").to_owned(), decision["outcome"].clone())
        })
        .collect()
}

#[test]
fn the_service_decides_as_the_program_does() {
    let expect = decided_by_the_program();
    assert_eq!(expect.len(), 24);
    for on in BOTH {
        let service = Service::new(on, 1);
        let (_, key) = service.tenant(&northwind());
        let found: Vec<(String, Json)> = lines()
            .iter()
            .map(|lead| {
                let decision = service.host().lead(&key, lead);
                (decision["lead"].as_str().expect("an id").to_owned(), decision["outcome"].clone())
            })
            .collect();
        assert_eq!(found, expect, "{on:?}");
        for (lead, _) in &found {
            let (status, replayed) =
                service.host().ask("POST", &format!("/v1/leads/{lead}/decisions/1/replay"), &key, None);
            assert_eq!((status, &replayed["same"]), (200, &json!(true)), "{replayed:#}");
        }
        let (status, page) = service.host().ask("GET", "/v1/decisions?limit=10", &key, None);
        assert_eq!((status, page["items"].as_array().map(Vec::len)), (200, Some(10)), "{page:#}");
    }
}

#[test]
fn many_leads_are_answered_a_line_each() {
    for on in BOTH {
        let service = Service::new(on, 1);
        let (_, key) = service.tenant(&northwind());
        let mut text: Vec<String> = lines().iter().map(Json::to_string).collect();
        text.insert(1, "{no json".to_owned());
        text.insert(3, json!({"id": "nothing"}).to_string());
        let (status, answer) = service.host().ask("POST", "/v1/leads", &key, Some(&json!(text.join("\n"))));
        assert_eq!(status, 200, "{answer}");
        let answers: Vec<Json> = answer
            .as_str()
            .expect("lines")
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        assert_eq!(answers.len(), text.len());
        let refused: Vec<(&Json, &Json)> = answers
            .iter()
            .filter(|answer| answer.get("problem").is_some())
            .map(|answer| (&answer["line"], &answer["problem"]["code"]))
            .collect();
        assert_eq!(refused, [(&json!(2), &json!("malformed")), (&json!(4), &json!("not-a-lead"))]);
    }
}

#[test]
fn a_key_makes_it_once() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let (_, key) = service.tenant(&northwind());
        let bearer = format!("Bearer {key}");
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", "one")];
        let lead = &lines()[0];
        let first = service.hosts[0].ask_with("POST", "/v1/leads", &headers, Some(lead));
        let second = service.hosts[1].ask_with("POST", "/v1/leads", &headers, Some(lead));
        assert_eq!((first.0, &first.2), (second.0, &second.2), "{on:?}");
        assert_eq!(first.2["number"], 1);
        let other = service.hosts[0].ask_with("POST", "/v1/leads", &headers, Some(&lines()[1]));
        assert_eq!((other.0, &other.2["code"]), (422, &json!("key-reused")), "{}", other.2);
        // Without a key it is the same lead, decided again.
        let again = service.hosts[1].lead(&key, lead);
        assert_eq!(again["number"], 2);
    }
}

#[test]
fn what_is_wrong_is_said() {
    let service = Service::new(On::Sqlite, 1);
    let (_, key) = service.tenant(&northwind());
    let check = |method: &str, path: &str, body: Option<Json>, expect: (u16, &str)| {
        let (status, answer) = service.host().ask(method, path, &key, body.as_ref());
        assert_eq!(
            (status, answer["code"].as_str()),
            (expect.0, Some(expect.1)),
            "{method} {path}: {answer:#}"
        );
        let (status, _) = service.host().ask("GET", answer["type"].as_str().expect("a type"), &key, None);
        assert_eq!(status, 200);
    };
    check("GET", "/v1/nowhere", None, (404, "no-route"));
    check("DELETE", "/v1/leads", None, (405, "method"));
    check("GET", "/v1/leads/nobody", None, (404, "not-found"));
    check("GET", "/v1/leads?stat=assigned", None, (400, "malformed"));
    check("GET", "/v1/leads?limit=0", None, (400, "malformed"));
    check("GET", "/v1/decisions?cursor=%00", None, (400, "malformed"));
    check("POST", "/v1/leads", Some(json!([1])), (422, "not-a-lead"));
    check("POST", "/v1/leads/nobody/accept", None, (404, "not-found"));
    check("POST", "/v1/leads/nobody/accept", Some(json!({"why": "x"})), (400, "malformed"));
    check("POST", "/v1/reps/nobody/away", None, (404, "not-found"));
    check("POST", "/v1/leads/x/reassign", Some(json!({"to": "ana"})), (400, "malformed"));
    let (status, _, answer) = service.host().ask_with("GET", "/v1/leads", &[], None);
    assert_eq!((status, &answer["code"]), (401, &json!("unauthenticated")));
}

#[test]
fn a_lead_is_tried_and_nothing_is_written() {
    for on in BOTH {
        let service = Service::new(on, 1);
        let (_, key) = service.tenant(&northwind());
        let lead = &lines()[2];
        let (status, tried) = service.host().ask("POST", "/v1/try", &key, Some(lead));
        assert_eq!(status, 200, "{tried:#}");
        let (status, _) =
            service.host().ask("GET", &format!("/v1/leads/{}", lead["id"].as_str().expect("id")), &key, None);
        assert_eq!(status, 404);
        let decided = service.host().lead(&key, lead);
        assert_eq!(decided["outcome"], tried["outcome"]);
        let (status, reps) = service.host().ask("GET", "/v1/reps", &key, None);
        assert_eq!(status, 200);
        let rep = decided["outcome"]["rep"].as_str();
        let items = reps["items"].as_array().expect("reps");
        let found = items.iter().find(|item| item["rep"].as_str() == rep && rep.is_some());
        assert!(found.is_none_or(|found| found["new_today"] == 1), "{found:?}");
    }
}

/// What one statement was prepared for on a connection serves every decision, whoever came first.
#[test]
fn decisions_with_and_without_a_total_are_written_over_one_connection() {
    for on in BOTH {
        let service = Service::with(on, 1, &[("connections", "1")]);
        let (_, key) = service.tenant(&northwind());
        let text = |id: &str, text: &str| json!({"id": id, "source": "web-form", "text": text});
        let student =
            "For my thesis I need an API key, is there a student plan? I never got the confirmation mail.";
        let quote = "Could you send a quote for 35 users on the team plan, paid yearly?";
        let kinds: Vec<Json> = [("a", student), ("b", quote), ("c", student), ("d", quote)]
            .into_iter()
            .map(|(id, words)| service.host().lead(&key, &text(id, words))["outcome"]["kind"].clone())
            .collect();
        assert_eq!(kinds, ["track", "assigned", "track", "assigned"], "{on:?}");
        let (status, page) = service.host().ask("GET", "/v1/decisions", &key, None);
        assert_eq!(status, 200, "{page:#}");
        let totals: Vec<bool> =
            page["items"].as_array().expect("items").iter().map(|line| line["total"].is_f64()).collect();
        assert_eq!(totals, [true, false, true, false], "{on:?}");
    }
}
