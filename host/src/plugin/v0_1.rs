//! Interface 0.1 at the edge: what it has otherwise than the newest, and how one becomes the other.
//!
//! The engine compares types by their shape, so a 0.1 plugin is called with the newest's types wherever
//! both have the same. A question loses what 0.1 has no words for; an answer gets nothing for what it
//! could not say, and is checked as every answer is.

use wasmtime::component::{ComponentType, Lift, Lower};

use super::bindings::{scorer, types};

/// A lead without its kind: borrowed, since only the record around the facts is another.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct Lead<'a> {
    id: &'a str,
    source: &'a str,
    #[component(name = "received-at")]
    received_at: u64,
    text: &'a str,
    contact: &'a types::Contact,
    company: &'a types::Company,
    products: &'a [String],
    value: Option<f64>,
}

impl<'a> From<&'a types::Lead> for Lead<'a> {
    fn from(lead: &'a types::Lead) -> Self {
        let types::Lead { id, kind: _, source, received_at, text, contact, company, products, value } = lead;
        Self { id, source, received_at: *received_at, text, contact, company, products, value: *value }
    }
}

/// A verdict without complexity.
#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct Verdict {
    lane: Option<String>,
    confidence: types::Confidence,
    ranking: Vec<types::Ranked>,
    intent: f32,
    signals: Vec<types::Signal>,
    reason: String,
}

impl From<types::Verdict> for Verdict {
    fn from(verdict: types::Verdict) -> Self {
        let types::Verdict { lane, confidence, ranking, intent, signals, complexity: _, reason } = verdict;
        Self { lane, confidence, ranking, intent, signals, reason }
    }
}

impl From<Verdict> for types::Verdict {
    fn from(verdict: Verdict) -> Self {
        let Verdict { lane, confidence, ranking, intent, signals, reason } = verdict;
        Self { lane, confidence, ranking, intent, signals, complexity: None, reason }
    }
}

/// What is the same for every candidate, without segments.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct Context {
    tier: u8,
    #[component(name = "fit-names")]
    fit_names: Vec<String>,
    fits: Vec<f32>,
}

impl From<scorer::Context> for Context {
    fn from(context: scorer::Context) -> Self {
        let scorer::Context { tier, segments: _, fit_names, fits } = context;
        Self { tier, fit_names, fits }
    }
}
