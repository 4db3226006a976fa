//! A decision is run again: with its lead, its counters and its answers from outside, against the
//! tenant as it is now. Same versions, same decision to the bit; otherwise, where it differs.

use serde_json::Value as Json;

use crate::decision::{Decision, FORMAT};
use crate::pipeline::{self, Recorded, Refusal, State};
use crate::tenant::Tenant;

/// What came of running a decision again.
#[derive(Debug, Clone, PartialEq)]
pub enum Replayed {
    /// The same to the bit.
    Same,
    /// Different, and where.
    Differs {
        /// Versions that are not those the decision was made by: role, then, now.
        versions: Vec<Change>,
        /// Values that differ, in the order of the decision's JSON.
        changes: Vec<Change>,
    },
}

/// One value that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// JSON pointer into the decision.
    pub path: String,
    /// As recorded; absent where there was nothing.
    pub then: Option<Json>,
    /// As it is now; absent where there is nothing.
    pub now: Option<Json>,
}

/// Why a decision cannot be run again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It was written in another format.
    #[error("it has format {0}, this program reads format {FORMAT}")]
    Format(u32),
    /// It is another tenant's.
    #[error("it is a decision of tenant {theirs}, this folder is {ours}")]
    Tenant {
        /// Whose it is.
        theirs: String,
        /// Whose folder it is.
        ours: String,
    },
    /// What it recorded as its message is no lead now.
    #[error("its message is refused now: {0}")]
    Refused(#[from] Refusal),
    /// It cannot be compared.
    #[error("it cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Runs a decision again.
pub fn replay(tenant: &Tenant, decision: &Decision) -> Result<Replayed, ReplayError> {
    if decision.format != FORMAT {
        return Err(ReplayError::Format(decision.format));
    }
    if decision.tenant != tenant.config.tenant {
        let (theirs, ours) = (decision.tenant.to_string(), tenant.config.tenant.to_string());
        return Err(ReplayError::Tenant { theirs, ours });
    }
    let mut state = State::from_recorded(&tenant.config, &decision.trace);
    let outside = Recorded { decision };
    let (received, number) = (&decision.trace.received, decision.number);
    let asked = (decision.at, number, decision.trace.past.clone());
    let again = pipeline::route(tenant, received, asked, &outside, &mut state)?;
    let (then, now) = (serde_json::to_value(decision)?, serde_json::to_value(&again)?);
    if then == now {
        return Ok(Replayed::Same);
    }
    let mut changes = Vec::new();
    differences("", Some(&then), Some(&now), &mut changes);
    let (versions, changes) = changes.into_iter().partition(|c| c.path.starts_with("/trace/versions/"));
    Ok(Replayed::Differs { versions, changes })
}

/// Walks two values side by side and collects the smallest parts that differ.
fn differences(path: &str, then: Option<&Json>, now: Option<&Json>, out: &mut Vec<Change>) {
    match (then, now) {
        (Some(then), Some(now)) if then == now => {}
        (Some(Json::Object(then)), Some(Json::Object(now))) => {
            let added = now.keys().filter(|key| !then.contains_key(*key));
            for key in then.keys().chain(added) {
                let escaped = key.replace('~', "~0").replace('/', "~1");
                differences(&format!("{path}/{escaped}"), then.get(key), now.get(key), out);
            }
        }
        (Some(Json::Array(then)), Some(Json::Array(now))) => {
            for i in 0..then.len().max(now.len()) {
                differences(&format!("{path}/{i}"), then.get(i), now.get(i), out);
            }
        }
        _ => out.push(Change { path: path.to_owned(), then: then.cloned(), now: now.cloned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn differences_are_told_as_small_as_they_are() {
        let check = |then: Json, now: Json, expect: &[&str]| {
            let mut changes = Vec::new();
            differences("", Some(&then), Some(&now), &mut changes);
            let got: Vec<String> = changes
                .iter()
                .map(|c| {
                    let side = |value: &Option<Json>| value.as_ref().map_or("-".into(), Json::to_string);
                    format!("{} {} {}", c.path, side(&c.then), side(&c.now))
                })
                .collect();
            assert_eq!(got, expect);
        };
        check(json!({"a": 1}), json!({"a": 1}), &[]);
        check(json!({"a": {"b": [1, 2]}}), json!({"a": {"b": [1, 3, 4]}}), &["/a/b/1 2 3", "/a/b/2 - 4"]);
        check(json!({"a/b": 1, "c": 1}), json!({"c": null}), &["/a~1b 1 -", "/c 1 null"]);
        check(json!(0.1), json!(0.2), &[" 0.1 0.2"]);
    }
}
