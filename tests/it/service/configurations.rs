//! The page on configurations, step by step.

use lanewright::access::Role;
use serde_json::{Value as Json, json};

use super::harness::{Host, On, Service};
use crate::harness::root;

/// Asks with an `If-Match`; status, ETag and answer.
fn change(
    host: &Host,
    (method, path): (&str, &str),
    key: &str,
    tag: &str,
    body: Option<&Json>,
) -> (u16, String, Json) {
    let headers = [("authorization", &*format!("Bearer {key}")), ("if-match", tag)];
    let (status, headers, answer) = host.ask_with(method, path, &headers, body);
    let tag = headers.into_iter().find(|(name, _)| name == "etag").map(|(_, value)| value);
    (status, tag.unwrap_or_default(), answer)
}

fn files(folder: &std::path::Path) -> Json {
    let files = lanewright::versions::Files::from_folder(folder, &lanewright::versions::Limits::default());
    files.expect("files").to_json()
}

#[test]
fn from_a_folder_to_a_version_in_force_and_back() {
    let service = Service::with(On::Sqlite, 1, &[("four_eyes", "true")]);
    let (tenant, eva) = service.tenant(&root().join("examples/northwind"));
    let otto = service.key(&tenant, Role::Admin, None);
    let host = service.host();
    let in_force = |expect: i64| {
        let (_, listed) = host.ask("GET", "/v1/configurations", &eva, None);
        let published = listed["items"].as_array().into_iter().flatten();
        let published: Vec<i64> = published
            .filter(|version| version["state"] == "published")
            .filter_map(|version| version["version"].as_i64())
            .collect();
        assert_eq!(published, [expect]);
    };
    in_force(1);

    // A draft from files, and one file of it changed.
    let folder = files(&root().join("examples/northwind"));
    let (status, headers, made) = host.ask_with(
        "POST",
        "/v1/configurations",
        &[("authorization", &format!("Bearer {eva}"))],
        Some(&folder),
    );
    assert_eq!((status, &made["version"], &made["state"]), (201, &json!(2), &json!("draft")), "{made:#}");
    assert!(headers.contains(&("location".to_owned(), "/v1/configurations/2".to_owned())), "{headers:?}");
    assert!(headers.contains(&("etag".to_owned(), "\"1\"".to_owned())), "{headers:?}");
    let one = "/v1/configurations/2";
    let readme = json!({ "files": { "README.md": "of ours\n" }, "note": "a page" });
    let (status, tag, edited) = change(host, ("PATCH", one), &eva, "\"1\"", Some(&readme));
    assert_eq!((status, &*tag, &edited["note"]), (200, "\"2\"", &json!("a page")), "{edited:#}");
    let (status, _, stale) = change(host, ("PATCH", one), &eva, "\"1\"", Some(&readme));
    assert_eq!((status, &stale["code"]), (412, &json!("changed")), "{stale:#}");
    let (status, missing) = host.ask("PATCH", one, &eva, Some(&readme));
    assert_eq!((status, &missing["code"]), (428, &json!("version-needed")), "{missing:#}");
    let (status, _, locked) = change(host, ("PATCH", one), &otto, "\"2\"", Some(&readme));
    assert_eq!((status, &locked["code"]), (409, &json!("conflict")), "{locked:#}");
    let (status, text) = host.ask("GET", "/v1/configurations/2/files/README.md", &eva, None);
    assert_eq!((status, text), (200, json!("of ours\n")));

    // What tells it from the one in force, and whether it is in order.
    let (status, difference) = host.ask("GET", "/v1/configurations/2/diff", &eva, None);
    let paths: Vec<&str> = difference["files"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|file| file["path"].as_str())
        .collect();
    assert_eq!(
        (status, &difference["against"], paths),
        (200, &json!(1), vec!["README.md"]),
        "{difference:#}"
    );
    let (status, checked) = host.ask("POST", "/v1/configurations/2/check", &eva, None);
    assert_eq!(
        (status, &checked["in_order"], &checked["problems"]),
        (200, &json!(true), &json!([])),
        "{checked:#}"
    );

    // Who has written in it does not approve it, and nobody publishes it before.
    let publish = ("POST", "/v1/configurations/2/publish");
    let (status, _, early) = change(host, publish, &eva, "\"2\"", None);
    assert_eq!((status, &early["code"]), (409, &json!("conflict")), "{early:#}");
    let approve = ("POST", "/v1/configurations/2/approve");
    let (status, _, own) = change(host, approve, &eva, "\"2\"", None);
    assert_eq!((status, &own["code"]), (403, &json!("not-allowed")), "{own:#}");
    let (status, tag, approved) = change(host, approve, &otto, "\"2\"", None);
    assert_eq!((status, &*tag, &approved["state"]), (200, "\"3\"", &json!("approved")), "{approved:#}");
    let (status, _, published) = change(host, publish, &eva, "\"3\"", None);
    assert_eq!((status, &published["state"]), (200, &json!("published")), "{published:#}");
    in_force(2);

    // What has problems is told all at once, and is not approved.
    let broken = json!({ "files": { "tenant.toml": "nonsense = 1\n" } });
    let (status, made) = host.ask("POST", "/v1/configurations", &eva, Some(&broken));
    assert_eq!((status, &made["version"]), (201, &json!(3)), "{made:#}");
    let (_, checked) = host.ask("POST", "/v1/configurations/3/check", &eva, None);
    assert!(checked["in_order"] == false && checked["problems"][0]["file"] == "tenant.toml", "{checked:#}");
    let (status, _, refused) = change(host, ("POST", "/v1/configurations/3/approve"), &otto, "\"1\"", None);
    assert_eq!((status, &refused["code"]), (422, &json!("not-in-order")), "{refused:#}");
    let (status, _, gone) = change(host, ("POST", "/v1/configurations/3/discard"), &eva, "\"1\"", None);
    assert_eq!((status, &gone["state"]), (200, &json!("discarded")), "{gone:#}");

    // At a time.
    let (status, made) = host.ask("POST", "/v1/configurations", &eva, Some(&json!({ "base": 2 })));
    assert_eq!((status, &made["version"]), (201, &json!(4)), "{made:#}");
    change(host, ("POST", "/v1/configurations/4/approve"), &otto, "\"1\"", None);
    let later = json!({ "at": (service.clock.now() + jiff::SignedDuration::from_mins(30)).to_string() });
    let (status, _, scheduled) =
        change(host, ("POST", "/v1/configurations/4/publish"), &eva, "\"2\"", Some(&later));
    assert_eq!((status, &scheduled["state"]), (200, &json!("scheduled")), "{scheduled:#}");
    service.pass(31);
    in_force(4);

    // Back to what somebody approved then.
    let (status, back) = host.ask("POST", "/v1/configurations/2/roll-back", &eva, None);
    assert_eq!((status, &back["version"], &back["state"]), (201, &json!(5), &json!("published")), "{back:#}");
    in_force(5);
    // The first was never approved: going back to it waits for somebody.
    let (status, back) = host.ask("POST", "/v1/configurations/1/roll-back", &eva, None);
    assert_eq!((status, &back["version"], &back["state"]), (201, &json!(6), &json!("draft")), "{back:#}");
    in_force(5);
}

#[test]
fn access_is_given_and_taken() {
    let key = "secrets.key";
    let seal = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let service = Service::with(On::Sqlite, 1, &[(key, seal)]);
    let operator = service.key(&lanewright::lead::TenantId::operators(), Role::Operator, None);
    let host = service.host();

    // A tenant, its first key, another key, and the same in the place of that.
    let (status, made) = host.ask("POST", "/v1/tenants", &operator, Some(&json!({ "tenant": "northwind" })));
    assert_eq!((status, &made["tenant"]["name"]), (201, &json!("northwind")), "{made:#}");
    let (status, twice) = host.ask("POST", "/v1/tenants", &operator, Some(&json!({ "tenant": "northwind" })));
    assert_eq!((status, &twice["code"]), (409, &json!("conflict")), "{twice:#}");
    let admin = made["key"]["secret"].as_str().expect("a secret").to_owned();
    let new = json!({ "name": "form", "role": "ingest" });
    let (status, form) = host.ask("POST", "/v1/keys", &admin, Some(&new));
    assert_eq!(status, 201, "{form:#}");
    let id = form["key"]["key"].as_str().expect("an id");
    let (status, next) = host.ask("POST", &format!("/v1/keys/{id}/rotate"), &admin, None);
    assert_eq!((status, &next["key"]["name"]), (201, &json!("form")), "{next:#}");
    let next_id = next["key"]["key"].as_str().expect("an id");
    assert_eq!(host.ask("DELETE", &format!("/v1/keys/{next_id}"), &admin, None).0, 204);
    let (status, _) =
        host.ask("POST", "/v1/leads", next["secret"].as_str().expect("a secret"), Some(&json!({})));
    assert_eq!(status, 401);
    let (_, keys) = host.ask("GET", "/v1/keys?limit=2", &admin, None);
    assert!(
        keys["items"].as_array().is_some_and(|keys| keys.len() == 2) && keys["next"].is_string(),
        "{keys:#}"
    );

    // Secrets go in and not out.
    assert_eq!(host.ask("PUT", "/v1/secrets/crm", &admin, Some(&json!({ "value": "hush" }))).0, 204);
    let (_, secrets) = host.ask("GET", "/v1/secrets", &admin, None);
    assert!(secrets["items"][0]["name"] == "crm" && !secrets.to_string().contains("hush"), "{secrets:#}");

    // A destination has its secret once; another comes with both signatures.
    let crm = json!({ "kind": "webhook", "target": "https://crm.example.com/in", "effects": ["task"] });
    let (status, made) = host.ask("PUT", "/v1/destinations/crm", &admin, Some(&crm));
    assert_eq!(status, 201, "{made:#}");
    assert!(made["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_")), "{made:#}");
    let (status, again) = host.ask("PUT", "/v1/destinations/crm", &admin, Some(&crm));
    assert_eq!((status, again.get("secret")), (200, None), "{again:#}");
    let (status, other) = host.ask("POST", "/v1/destinations/crm/secret", &admin, None);
    assert!(status == 200 && other["secret"].is_string() && other["secret"] != made["secret"], "{other:#}");
    let (_, off) = host.ask("POST", "/v1/destinations/crm/off", &admin, Some(&json!({ "reason": "moved" })));
    assert_eq!((&off["on"], &off["off_reason"]), (&json!(false), &json!("moved")), "{off:#}");
    let (_, on) = host.ask("POST", "/v1/destinations/crm/on", &admin, None);
    assert_eq!(on["on"], true, "{on:#}");
    let inside = json!({ "kind": "webhook", "target": "https://10.0.0.1/in" });
    let (status, refused) = host.ask("PUT", "/v1/destinations/inside", &admin, Some(&inside));
    assert_eq!((status, &refused["errors"][0]["at"]), (400, &json!("target")), "{refused:#}");

    let (_, log) = host.ask("GET", "/v1/audit?kind=destination.", &admin, None);
    let kinds: Vec<&str> =
        log["items"].as_array().into_iter().flatten().filter_map(|entry| entry["kind"].as_str()).collect();
    assert_eq!(
        kinds,
        ["destination.on", "destination.off", "destination.put", "destination.put", "destination.put"],
        "{log:#}"
    );

    // The tenant goes, with its keys.
    let wrong = json!({ "tenant": "other" });
    assert_eq!(host.ask("POST", "/v1/tenants/northwind/erase", &operator, Some(&wrong)).0, 400);
    let right = json!({ "tenant": "northwind" });
    assert_eq!(host.ask("POST", "/v1/tenants/northwind/erase", &operator, Some(&right)).0, 202);
    assert_eq!(host.ask("GET", "/v1/tenants/northwind", &operator, None).0, 404);
    assert_eq!(host.ask("POST", "/v1/tenants", &operator, Some(&right)).0, 409);
    service.pass(1);
    assert_eq!(host.ask("GET", "/v1/secrets", &admin, None).0, 401);
}

#[test]
fn what_was_changed_since_it_was_read_is_not_overwritten() {
    let service = Service::new(On::Sqlite, 1);
    let (_, admin) = service.tenant(&root().join("examples/northwind"));
    let host = service.host();
    let crm = json!({ "kind": "slack", "target": "https://hooks.example.com/in" });
    let okta = json!({ "issuer": "https://id.example", "audience": "us", "claim": "groups", "roles": { "a": "manager" } });
    for (path, body) in [("/v1/destinations/crm", crm), ("/v1/providers/okta", okta)] {
        let check = |method: &str, tag: &str, expect: u16| {
            let authorization = format!("Bearer {admin}");
            let mut headers = vec![("authorization", authorization.as_str())];
            headers.extend((!tag.is_empty()).then_some(("if-match", tag)));
            let body = (method == "PUT").then_some(&body);
            let (status, headers, answer) = host.ask_with(method, path, &headers, body);
            assert_eq!(status, expect, "{method} {path} {tag}: {answer:#}");
            if expect == 412 {
                assert_eq!(answer["code"], "changed", "{answer:#}");
            }
            headers.into_iter().find_map(|(name, tag)| (name == "etag").then_some(tag)).unwrap_or_default()
        };
        check("PUT", "\"1\"", 412);
        let first = check("PUT", "", if path.contains("destinations") { 201 } else { 200 });
        assert_eq!(check("GET", "", 200), first, "{path}");
        let second = check("PUT", &first, 200);
        assert_ne!(first, second, "{path}");
        check("PUT", &first, 412);
        check("DELETE", &first, 412);
        check("DELETE", &second, 204);
    }
}

#[test]
fn effects_are_fetched_and_a_person_is_erased() {
    let service = Service::new(On::Sqlite, 1);
    let (_, admin) = service.tenant(&root().join("examples/northwind"));
    let host = service.host();
    let lead = json!({ "id": "l1", "text": "We want 40 seats of the router, please call.", "contact": { "email": "jo@example.com" } });
    host.lead(&admin, &lead);
    let (_, effects) = host.ask("GET", "/v1/effects/to-fetch", &admin, None);
    let first = effects["items"][0]["effect"].as_str().unwrap_or_else(|| panic!("{effects:#}"));
    let (status, failed) =
        host.ask("POST", &format!("/v1/effects/{first}/failed"), &admin, Some(&json!({ "why": "no CRM" })));
    assert_eq!(
        (status, &failed["state"], &failed["error"]),
        (200, &json!("open"), &json!("no CRM")),
        "{failed:#}"
    );
    for _ in 0..2 {
        let (status, done) = host.ask("POST", &format!("/v1/effects/{first}/done"), &admin, None);
        assert_eq!((status, &done["state"]), (200, &json!("done")), "{done:#}");
    }
    let (status, again) = host.ask("POST", &format!("/v1/effects/{first}/resend"), &admin, None);
    assert_eq!((status, &again["code"]), (409, &json!("conflict")), "{again:#}");
    let (_, listed) = host.ask("GET", "/v1/effects?state=done", &admin, None);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed:#}");

    let erase = json!({ "email": "Jo@example.com" });
    let dry = json!({ "email": "Jo@example.com", "dry_run": true });
    let (status, found) = host.ask("POST", "/v1/erasures", &admin, Some(&dry));
    assert_eq!(
        (status, &found["erased"], &found["leads"]),
        (200, &json!(false), &json!(["l1"])),
        "{found:#}"
    );
    let (status, gone) = host.ask("POST", "/v1/erasures", &admin, Some(&erase));
    assert_eq!((status, &gone["erased"], &gone["leads"]), (200, &json!(true), &json!(["l1"])), "{gone:#}");
    let (_, left) = host.ask("POST", "/v1/erasures", &admin, Some(&dry));
    assert_eq!(left["leads"], json!([]), "{left:#}");
    // The line goes on.
    host.lead(&admin, &json!({ "id": "l2", "text": "Another", "contact": { "email": "al@example.com" } }));
}
