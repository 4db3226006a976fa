//! Requests to every route of the OpenAPI document, to a service in this process: never an answer of 500 or above.
//!
//! An input is a request as JSON, so that bodies and queries are changed as what they are; `as` names the role whose key
//! it has. What a request changes stays: later ones meet it.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use lanewright::access::Role;
use lanewright::http;
use lanewright::lead::TenantId;
use lanewright::plugin::Standard;
use serde_json::{Map, Value as Json, json};
use tower::ServiceExt as _;

use super::Target;
use crate::guests::guest;
use crate::service::booking;
use crate::service::harness::{On, Service, runtime};

pub(super) const REQUEST: Target = Target {
    name: "request",
    cases: 600,
    words: "request",
    seeds: requests,
    reads: |input| {
        let Ok(input) = serde_json::from_slice::<Json>(input) else { return "no JSON".to_owned() };
        let path = input["path"].as_str().unwrap_or_default();
        // What has erased its tenant, or its leads, has nothing left for others.
        if path.contains("/erase") || path.contains("/erasures") && input["body"]["dry_run"] != true {
            return "erases".to_owned();
        }
        let Some((status, answer)) = fixed().asked(&input) else { return "no request".to_owned() };
        let shown = format!("{} {}", input["method"], path.split('?').next().unwrap_or_default());
        assert!(status < StatusCode::INTERNAL_SERVER_ERROR, "{shown}: {status} {answer}");
        if !status.is_client_error() {
            return format!("{shown} {status}");
        }
        // A request with the method HEAD is shown none.
        let problem: Json = serde_json::from_str(&answer).unwrap_or_default();
        let is_it = |code: &http::problem::Code| problem["code"] == code.as_str() && code.status() == status;
        let known = answer.is_empty() || http::problem::Code::ALL.iter().any(is_it);
        assert!(known, "{shown}: {status} is no problem: {answer}");
        format!("{shown} {status} {} {}", problem["detail"], problem["errors"])
    },
};

/// A component as the body of a publication: refused with its stages, or a release like any other.
pub(super) const PUBLISH: Target = Target {
    name: "publish",
    cases: 12,
    words: "component",
    seeds: || {
        fixed();
        vec![guest("plain").to_vec(), Standard::Scorer.component().to_vec()]
    },
    reads: |input| {
        // A tenant has so many plugins, and each so many releases.
        static TRIED: AtomicUsize = AtomicUsize::new(0);
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        let uri = format!("/v1/plugins/p{}/releases/1.0.{tried}", tried / 900);
        let fixed = fixed();
        let request = Request::builder().method("PUT").uri(uri).header("content-type", "application/wasm");
        let request = request.header("authorization", format!("Bearer {}", fixed.keys["author"]));
        let (status, answer) = fixed.answered(request.body(Body::from(input.to_vec())).expect("a request"));
        let answer: Json = serde_json::from_str(&answer).expect("JSON");
        if status == StatusCode::CREATED {
            assert_eq!(answer["bytes"], input.len());
            return "published".to_owned();
        }
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
        let errors = answer["errors"].as_array().expect("reasons");
        assert!(!errors.is_empty() && errors.iter().all(|error| error["at"].is_string()), "{answer}");
        let reasons =
            errors.iter().map(|error| format!("{}: {}", shown(&error["at"]), shown(&error["message"])));
        reasons.collect::<Vec<_>>().join("; ")
    },
};

/// A service with a tenant, and a key of each role.
struct Fixed {
    router: axum::Router,
    keys: BTreeMap<&'static str, String>,
    _service: Service,
}

fn fixed() -> &'static Fixed {
    static FIXED: OnceLock<Fixed> = OnceLock::new();
    FIXED.get_or_init(|| {
        let limits = [
            ("limits.requests_per_second", "1000000"),
            ("limits.burst", "1000000"),
            ("secrets.key", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
        ];
        let service = Service::with(On::Sqlite, 1, &limits);
        let (tenant, admin) = service.tenant(booking::folder().path());
        let mut keys = BTreeMap::from([("admin", admin)]);
        for (name, role) in [("manager", Role::Manager), ("author", Role::Author), ("ingest", Role::Ingest)] {
            keys.insert(name, service.key(&tenant, role, None));
        }
        keys.insert("rep", service.key(&tenant, Role::Rep, Some("sam")));
        keys.insert("operator", service.key(&TenantId::operators(), Role::Operator, None));
        let router = http::router(service.host().app.api().clone());
        Fixed { router, keys, _service: service }
    })
}

impl Fixed {
    /// What is answered to a request; nothing where HTTP has no such request.
    fn asked(&self, input: &Json) -> Option<(StatusCode, String)> {
        let text = |name: &str| input[name].as_str().unwrap_or_default();
        let mut uri = text("path").to_owned();
        if let Some(query) = input["query"].as_object().filter(|query| !query.is_empty()) {
            let pairs = query.iter().map(|(name, value)| (name, shown(value)));
            let pairs = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
            uri = format!("{uri}?{pairs}");
        }
        let mut request = Request::builder().method(text("method")).uri(uri);
        let headers = input["headers"].as_object();
        for (name, value) in headers.into_iter().flatten() {
            request = request.header(name, shown(value));
        }
        if !headers.is_some_and(|headers| headers.contains_key("authorization")) {
            let key = self.keys.get(text("as")).unwrap_or(&self.keys["admin"]);
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let body = if input["body"].is_null() { Body::empty() } else { Body::from(shown(&input["body"])) };
        Some(self.answered(request.body(body).ok()?))
    }

    fn answered(&self, request: Request<Body>) -> (StatusCode, String) {
        // On a thread of the service's own kind, with no more stack than those have.
        let router = self.router.clone();
        let answered = runtime().spawn(async {
            let response = router.oneshot(request).await.expect("an answer");
            let status = response.status();
            let media = response.headers().get("content-type");
            // A stream of events does not end.
            let body = match media.is_some_and(|media| media == "text/event-stream") {
                true => Vec::new(),
                false => to_bytes(response.into_body(), 64 << 20).await.expect("a body").into(),
            };
            (status, String::from_utf8_lossy(&body).into_owned())
        });
        runtime().block_on(answered).expect("an answer")
    }

    /// What is answered to a request that is good.
    fn made(&self, method: &str, path: &str, media: &str, body: Json) -> Json {
        let headers = json!({ "content-type": media });
        let request = json!({ "method": method, "path": path, "headers": headers, "body": body });
        let (status, answer) = self.asked(&request).expect("a request");
        assert!(status.is_success(), "{method} {path}: {status} {answer}");
        serde_json::from_str(&answer).unwrap_or_default()
    }
}

fn shown(json: &Json) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

fn lead(id: &str) -> Json {
    json!({
        "id": id, "source": "web-form", "value": 40_000,
        "text": "Could you send a quote for 35 users on the team plan, paid yearly?",
        "contact": { "email": format!("{id}@gmail.com"), "name": "Jo" }, "company": { "country": "DE" },
    })
}

/// Values by their names, most of them of things that are there.
fn things() -> &'static BTreeMap<&'static str, Json> {
    static THINGS: OnceLock<BTreeMap<&str, Json>> = OnceLock::new();
    THINGS.get_or_init(|| {
        let (fixed, json) = (fixed(), "application/json");
        for id in ["L-1", "L-2", "L-3"] {
            fixed.made("POST", "/v1/leads", json, lead(id));
        }
        let effects = fixed.made("GET", "/v1/effects", json, Json::Null);
        let batch = format!("{}\n{}\n", lead("B-1"), lead("B-2"));
        let batch = fixed.made("POST", "/v1/batches", "application/x-ndjson", batch.into());
        let run = fixed.made("POST", "/v1/reprocess", json, json!({ "leads": ["L-3"] }));
        let key = fixed.made("POST", "/v1/keys", json, json!({ "name": "form", "role": "ingest" }));
        fixed.made("PUT", "/v1/secrets/crm", json, json!({ "value": "hush" }));
        let crm = json!({ "kind": "webhook", "target": "https://crm.example.com/in" });
        fixed.made("PUT", "/v1/destinations/crm", json, crm);
        fixed.made("POST", "/v1/configurations", json, json!({ "base": 1 }));
        [
            ("batch", batch["batch"].clone()),
            ("run", run["run"].clone()),
            ("key", key["key"]["key"].clone()),
            ("effect", effects["items"][0]["effect"].clone()),
            ("lead", json!("L-1")),
            ("leads", json!(["L-1", "L-2"])),
            ("rep", json!("sam")),
            ("to", json!("sam")),
            ("router", json!("pick")),
            ("from", json!("2026-03-02T10:00:00Z")),
            ("at", json!("2026-03-02T10:00:00Z")),
            ("version", json!("2")),
            ("number", json!("1")),
            ("path", json!("tenant.toml")),
            ("tenant", json!("handover")),
            ("role", json!("ingest")),
            ("roles", json!({ "sellers": "rep" })),
            ("kind", json!("webhook")),
            ("target", json!("https://crm.example.com/in")),
            ("link", json!("https://book.example.com/{rep}")),
            ("effects", json!(["task"])),
            ("issuer", json!("https://id.example")),
            ("require", json!({ "org": "acme" })),
            ("email", json!("L-2@gmail.com")),
            ("dry_run", json!(true)),
            ("base", Json::Null),
            ("limit", json!(2)),
            ("expires_at", json!("2027-03-02T10:00:00Z")),
            ("until", json!("2026-03-02T10:00:00Z")),
            ("outcome", json!("won")),
            ("if-match", json!("*")),
            ("idempotency-key", json!("k-1")),
            ("follow", json!("false")),
        ]
        .into()
    })
}

/// Requests to each route, with a body of the form that the document tells: without what may be left out of query and
/// head, and with all of it.
fn requests() -> Vec<Vec<u8>> {
    let document: Json = serde_json::from_str(&http::document()).expect("JSON");
    let mut requests = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let (mut to, mut query, mut headers) = (path.clone(), Map::new(), Map::new());
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().expect("a name");
                let value = match (name, parameter["in"].as_str()) {
                    ("cursor" | "run", Some("query")) => continue,
                    ("to", Some("query")) => json!("2026-03-03T00:00:00Z"),
                    _ => example(&document, name, &parameter["schema"], 0),
                };
                match parameter["in"].as_str() {
                    Some("path") => to = to.replace(&format!("{{{name}}}"), &shown(&value)),
                    Some("query") => drop(query.insert(name.to_owned(), value)),
                    _ => drop(headers.insert(name.to_owned(), value)),
                }
            }
            let content = operation["requestBody"]["content"].as_object();
            let mut body = Json::Null;
            if let Some((media, about)) = content.and_then(|content| content.iter().next()) {
                headers.insert("content-type".to_owned(), json!(media));
                body = match path.as_str() {
                    "/v1/leads" | "/v1/try" => lead("L-4"),
                    "/v1/batches" => format!("{}\n{}\n", lead("B-1"), lead("B-2")).into(),
                    "/v1/routers/{router}/leads" => {
                        json!({ "lead": lead("L-5"), "at": "2026-03-02T11:00:00Z" })
                    }
                    _ => example(&document, "", &about["schema"], 0),
                };
            }
            let for_operators = ["/v1/operators", "/v1/tenants"].iter().any(|start| path.starts_with(start));
            let mut plain = headers.clone();
            plain.remove("idempotency-key");
            for (query, headers) in [(Map::new(), plain), (query, headers)] {
                requests.push(json!({
                    "as": if for_operators { "operator" } else { "admin" }, "method": method.to_uppercase(), "path": to,
                    "query": query, "headers": headers, "body": body,
                }));
            }
        }
    }
    let headers = json!({ "content-type": "application/x-ndjson", "idempotency-key": "k-2" });
    let lines = format!("{}\n{{\n\n{}", lead("L-6"), lead("L-6"));
    requests.push(
        json!({ "as": "ingest", "method": "POST", "path": "/v1/leads", "headers": headers, "body": lines }),
    );
    requests.dedup();
    requests.iter().map(|request| request.to_string().into_bytes()).collect()
}

/// A value that a schema takes, more or less.
fn example(document: &Json, name: &str, schema: &Json, depth: usize) -> Json {
    if depth > 6 {
        return Json::Null;
    }
    if let Some(thing) = things().get(name) {
        return thing.clone();
    }
    let inner = |name: &str, schema: &Json| example(document, name, schema, depth + 1);
    let named = schema["$ref"].as_str().map(|named| named.trim_start_matches('#'));
    if let Some(named) = named.and_then(|named| document.pointer(named)) {
        return inner(name, named);
    }
    if let Some(value) = schema.get("default").or_else(|| schema["enum"].get(0)) {
        return value.clone();
    }
    let kinds = ["oneOf", "anyOf"].iter().find_map(|kinds| schema[*kinds].as_array());
    if let Some(kind) = kinds.and_then(|kinds| kinds.iter().find(|kind| kind["type"] != "null")) {
        return inner(name, kind);
    }
    let mut entries = Map::new();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        entries.extend(inner("", part).as_object().cloned().unwrap_or_default());
    }
    for (name, about) in schema["properties"].as_object().into_iter().flatten() {
        entries.insert(name.clone(), inner(name, about));
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match (kind, schema["format"].as_str()) {
        (Some("integer" | "number"), _) => json!(1),
        (Some("boolean"), _) => json!(true),
        (Some("string"), Some("date-time")) => json!("2026-03-02T09:00:00Z"),
        (Some("string"), _) => json!("crm"),
        (Some("array"), _) => json!([inner("", &schema["items"])]),
        _ => Json::Object(entries),
    }
}
