//! Leads of the log under another version of the configuration, over HTTP.

use lanewright::access::Role;
use serde_json::{Value as Json, json};

use super::harness::{BOTH, Service, runtime};
use crate::harness::{NOW, lanewright, root, tenant};

#[test]
fn what_would_change_is_what_the_program_says() {
    let northwind = root().join("examples/northwind");
    let changed = tenant(&northwind);
    let path = changed.path().join("tenant.toml");
    let toml = std::fs::read_to_string(&path).expect("text");
    std::fs::write(&path, format!("{toml}\n[mode]\ndefault = \"suggest\"\n")).expect("written");
    let leads = northwind.join("leads.jsonl");
    let folders = [&northwind, changed.path()].map(|folder| folder.display().to_string());
    let out = lanewright(&[
        "simulate",
        "--tenant",
        &folders[0],
        "--against",
        &folders[1],
        "--now",
        NOW,
        "--format",
        "json",
        &leads.display().to_string(),
    ]);
    let expect: Json = serde_json::from_slice(&out.stdout).expect("JSON");
    assert!(!expect["changes"].as_array().expect("changes").is_empty(), "{expect:#}");

    for on in BOTH {
        let service = Service::new(on, 1);
        let (tenant, key) = service.tenant(&northwind);
        let author = service.key(&tenant, Role::Author, None);
        let text = std::fs::read_to_string(&leads).expect("leads");
        for line in text.lines() {
            service.host().lead(&key, &serde_json::from_str(line).expect("JSON"));
        }
        let version = service.draft(&tenant, changed.path());
        let row = || runtime().block_on(async { service.store().of(&tenant).row().await.expect("a row") });
        let before = row();
        let ask = |key: &str, version: i64, body: Json| {
            let path = format!("/v1/configurations/{version}/simulate");
            service.host().ask("POST", &path, key, Some(&body))
        };
        let day = |also: Json| {
            let mut body = json!({"from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"});
            also.as_object().into_iter().flatten().for_each(|(key, value)| body[key] = value.clone());
            body
        };
        let (status, found) = ask(&key, version, day(json!({})));
        assert_eq!((status, &found["comparison"]), (200, &expect), "{on:?}");
        let counts = (&found["now"], &found["then"], &found["routed"], &found["refused"], &found["more"]);
        assert_eq!(counts, (&json!(version - 1), &json!(version), &json!(24), &json!(0), &json!(false)));
        // Whoever may not read traces is told ids, stages and counts.
        let (status, found) = ask(&author, version, day(json!({})));
        let changes = found["comparison"]["changes"].as_array().expect("changes");
        assert_eq!((status, changes.len()), (200, expect["changes"].as_array().map_or(0, Vec::len)));
        assert!(changes.iter().all(|change| change.get("why").is_none() && change.get("how").is_none()));
        assert!(!found.to_string().contains('@'), "{found}");
        // A part of them.
        let (_, found) = ask(&key, version, day(json!({"limit": 5})));
        assert_eq!((&found["routed"], &found["more"]), (&json!(5), &json!(true)));
        let (_, found) = ask(&key, version, day(json!({"limit": 24})));
        assert_eq!((&found["routed"], &found["more"]), (&json!(24), &json!(false)));
        let (_, smb) = ask(&key, version, day(json!({"lanes": ["smb"]})));
        let (_, page) = service.host().ask("GET", "/v1/decisions?lane=smb&limit=100", &key, None);
        assert_eq!(smb["routed"], json!(page["items"].as_array().map(Vec::len)));
        let (_, found) =
            ask(&key, version, json!({"from": "2026-03-03T00:00:00Z", "to": "2026-03-04T00:00:00Z"}));
        assert_eq!((&found["routed"], &found["comparison"]["leads"]), (&json!(0), &json!(0)));
        // The version in force changes nothing.
        let (_, found) = ask(&key, version - 1, day(json!({})));
        assert_eq!(found["comparison"]["changes"], json!([]), "{on:?}");
        let wrong = [
            (version, day(json!({"limit": 2001})), "malformed"),
            (version, day(json!({"limit": 0})), "malformed"),
            (version, day(json!({"to": "2026-03-02T00:00:00Z"})), "malformed"),
            (version, day(json!({"lane": "smb"})), "malformed"),
            (99, day(json!({})), "not-found"),
        ];
        for (version, body, code) in wrong {
            let (status, answer) = ask(&key, version, body);
            assert_eq!(answer["code"], code, "{status} {answer}");
        }
        assert_eq!(row(), before, "nothing was written");
    }
}
