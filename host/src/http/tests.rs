//! What the OpenAPI document promises of itself.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document;

fn parsed() -> Value {
    serde_json::from_str(&document()).expect("JSON")
}

/// Every operation: method and path, and what is said of it.
fn operations(document: &Value) -> Vec<(String, &str, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            found.push((format!("{method} {path}"), path.as_str(), operation));
        }
    }
    found
}

#[test]
fn every_operation_has_an_id_and_a_right_of_its_own() {
    let document = parsed();
    let mut ids = BTreeSet::new();
    for (name, _, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap_or_default();
        assert!(!id.is_empty() && ids.insert(id), "{name}: {id:?}");
        let rights = &operation["security"][0]["bearer"];
        assert_eq!(rights.as_array().map(Vec::len), Some(1), "{name}: {rights}");
        assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{name}");
    }
    assert!(ids.len() > 60, "{}", ids.len());
}

#[test]
fn every_part_of_a_path_is_described() {
    let document = parsed();
    for (name, path, operation) in operations(&document) {
        let parts: BTreeSet<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let described: BTreeSet<&str> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        assert_eq!(parts, described, "{name}");
        for parameter in &parameters {
            let text = parameter["description"].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{name}: {parameter}");
        }
    }
}

#[test]
fn every_property_is_described() {
    let document = parsed();
    let mut bare = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        let parts = schema["allOf"].as_array().into_iter().flatten().chain([schema]);
        for (property, about) in parts.filter_map(|part| part["properties"].as_object()).flatten() {
            // Of what may be absent, the description is beside what it is where it is there.
            let is_described =
                |about: &Value| about["description"].as_str().is_some_and(|text| !text.is_empty());
            let within = about["oneOf"].as_array();
            if !is_described(about) && !within.is_some_and(|kinds| kinds.iter().any(is_described)) {
                bare.push(format!("{name}.{property}"));
            }
        }
    }
    assert_eq!(bare, Vec::<String>::new());
}
