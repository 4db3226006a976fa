//! Every route of the OpenAPI document, with every role and with another tenant's ids: a new route is tried
//! here without anybody thinking of it.

use std::collections::BTreeMap;

use lanewright::access::{Right, Role};
use lanewright::http;
use lanewright::lead::TenantId;
use serde_json::{Value as Json, json};

use super::harness::{On, Service, runtime};
use crate::harness::root;

/// A route as the document has it.
#[derive(Debug)]
struct Route {
    method: String,
    path: String,
    /// The right that it says it needs.
    right: String,
}

fn routes() -> Vec<Route> {
    let document: Json = serde_json::from_str(&http::document()).expect("JSON");
    let mut routes = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let right = operation["security"][0]["bearer"][0].as_str();
            let right = right.unwrap_or_else(|| panic!("{method} {path} says no right"));
            routes.push(Route { method: method.to_uppercase(), path: path.clone(), right: right.to_owned() });
        }
    }
    assert!(routes.len() > 20, "{}", routes.len());
    routes
}

/// The path with ids in the place of its parameters.
fn filled(path: &str, ids: &BTreeMap<&str, String>) -> String {
    path.split('/')
        .map(|part| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => ids.get(name).cloned().unwrap_or_else(|| panic!("no id for {name} of {path}")),
            None => part.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("/")
}

/// Ids that no tenant has.
fn nobodys() -> BTreeMap<&'static str, String> {
    let names = [
        "lead",
        "rep",
        "batch",
        "key",
        "provider",
        "secret",
        "name",
        "destination",
        "effect",
        "tenant",
        "path",
        "file",
        "router",
        "run",
        "plugin",
        "publisher",
        "release",
        "suggestion",
        "experiment",
    ];
    let mut ids: BTreeMap<&str, String> = names.into_iter().map(|name| (name, "nobody".to_owned())).collect();
    ids.insert("number", "1".to_owned());
    ids.insert("version", "999".to_owned());
    ids
}

/// A body that no route takes, so that nothing comes of a request that is let in.
fn nothing(method: &str) -> Option<Json> {
    matches!(method, "POST" | "PUT" | "PATCH").then(|| json!({"\u{1}": 0}))
}

/// A stream that would not end is read from its end on and ended at once.
fn ending(path: &str) -> String {
    if path == "/v1/events" { format!("{path}?follow=false") } else { path.to_owned() }
}

#[test]
fn a_route_lets_in_whoever_has_the_right_it_says() {
    let service =
        Service::with(On::Sqlite, 1, &[("limits.requests_per_second", "100000"), ("limits.burst", "100000")]);
    let (tenant, _) = service.tenant(&root().join("examples/northwind"));
    let keys: Vec<(Role, String)> = Role::ALL
        .into_iter()
        .map(|role| {
            let of = if role == Role::Operator { TenantId::operators() } else { tenant.clone() };
            (role, service.key(&of, role, (role == Role::Rep).then_some("ana")))
        })
        .collect();
    for Route { method, path, right } in routes() {
        let right = Right::ALL.into_iter().find(|known| format!("{known:?}") == right);
        let right = right.unwrap_or_else(|| panic!("{method} {path} names no right"));
        let path = ending(&filled(&path, &nobodys()));
        let body = nothing(&method);
        let (status, _, answer) = service.host().ask_with(&method, &path, &[], body.as_ref());
        assert_eq!((status, &answer["code"]), (401, &json!("unauthenticated")), "{method} {path}");
        for (role, key) in &keys {
            let (status, answer) = service.host().ask(&method, &path, key, body.as_ref());
            let is_refused = status == 403 && answer["code"] == "not-allowed";
            assert_eq!(!is_refused, role.may(right), "{role} {method} {path}: {status} {answer}");
            assert!(status < 500, "{role} {method} {path}: {status} {answer}");
        }
    }
}

#[test]
fn nobody_reaches_what_is_anothers() {
    let service =
        Service::with(On::Sqlite, 1, &[("limits.requests_per_second", "100000"), ("limits.burst", "100000")]);
    let (theirs, their_key) = service.tenant(&root().join("examples/northwind"));
    let other = crate::harness::tenant(&root().join("examples/northwind"));
    let toml = std::fs::read_to_string(other.path().join("tenant.toml")).expect("text");
    std::fs::write(other.path().join("tenant.toml"), toml.replace("id = \"northwind\"", "id = \"other\""))
        .expect("written");
    let (_, our_key) = service.tenant(other.path());

    // Something of every kind that has an id.
    let host = service.host();
    let secret_word = "Ignatius";
    let lead = json!({"id": "secret-lead", "text": format!("{secret_word} wants 40 seats"), "contact": {"email": "jo@example.com"}});
    host.lead(&their_key, &lead);
    let (status, batch) = host.ask(
        "POST",
        "/v1/batches",
        &their_key,
        Some(&json!(json!({"id": "b1", "text": secret_word}).to_string())),
    );
    assert_eq!(status, 202, "{batch}");
    let (_, keys) = host.ask("GET", "/v1/keys", &their_key, None);
    let key_id = keys["items"][0]["key"].as_str().unwrap_or("nobody").to_owned();
    let mut ids = nobodys();
    ids.insert("lead", "secret-lead".to_owned());
    ids.insert("batch", batch["batch"].as_str().expect("an id").to_owned());
    ids.insert("key", key_id);
    ids.insert("tenant", theirs.to_string());
    let row = || runtime().block_on(async { service.store().of(&theirs).row().await.expect("a row") });
    let before = row();
    for Route { method, path, .. } in routes() {
        let filled = ending(&filled(&path, &ids));
        let (status, answer) = host.ask(&method, &filled, &our_key, nothing(&method).as_ref());
        assert!(!answer.to_string().contains(secret_word), "{method} {filled}: {answer}");
        // Where the path names something, there is no such thing for us.
        let names_theirs = ["{lead}", "{batch}", "{key}", "{tenant}"].iter().any(|name| path.contains(name));
        assert!(!names_theirs || status >= 400, "{method} {filled}: {status} {answer}");
    }
    assert_eq!(row(), before, "nothing of theirs has changed");
}
