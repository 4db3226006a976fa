//! Write Lanewright plugins in Rust.
//!
//! A plugin is a type that implements [`Plugin`] and any of [`Classifier`], [`Scorer`], [`Fallback`]
//! and [`Enricher`], and one line that registers it:
//!
//! ```
//! use lanewright_sdk::*;
//!
//! struct Shortest;
//!
//! impl Plugin for Shortest {
//!     type Settings = NoSettings;
//! }
//!
//! impl Fallback for Shortest {
//!     fn resolve(_: &dyn Host, _: &Lead, _: Option<&Verdict>, _: &Situation) -> Result<Vec<Action>, Failure> {
//!         Ok(vec![Action::Hold("unassigned".into())])
//!     }
//! }
//!
//! register!(Shortest: fallback);
//! # fn main() {}
//! ```
//!
//! Everything a plugin asks of the host goes through [`Host`], an argument. In the sandbox it is the
//! imports of the interface; in a native test it is a [`TestHost`] filled with values, so a plugin's
//! logic is tested with `cargo test` and no WebAssembly. A plugin has no clock, no randomness, no files
//! and no network: the same call always gets the same answer.
//!
//! `lanewright plugin build` makes a component of the crate, `lanewright plugin check` asks whether a
//! host would take it, and `lanewright plugin run` gives it a lead.

use serde::de::DeserializeOwned;

#[doc(hidden)]
pub mod bindings;
#[doc(hidden)]
pub mod exports;
mod host;

pub use bindings::classifier::exports::lanewright::plugin::classifier::Policy;
pub use bindings::enricher::exports::lanewright::plugin::enricher::{Request, Response};
pub use bindings::fallback::exports::lanewright::plugin::fallback::{Action, Cause, Situation};
pub use bindings::imports::lanewright::plugin::directory::Profile;
pub use bindings::imports::lanewright::plugin::log::Level;
pub use bindings::imports::lanewright::plugin::types::{
    Company, Confidence, Contact, Failure, Field, Kind, Lane, Lead, Ranked, Segment, Signal, Value, Verdict,
};
pub use bindings::scorer::exports::lanewright::plugin::scorer::{
    Candidate, Context, Factor, Scores, WinEstimate,
};
pub use bindings::setup::exports::lanewright::plugin::setup::Issue;
pub use host::{Host, NoSettings, TestHost, settings};

/// What every plugin has: settings, and work done once.
pub trait Plugin {
    /// What a tenant can set. Deserialised from a JSON object; deny unknown fields, so that a misspelt
    /// setting is told instead of ignored. [`NoSettings`] where there are none.
    type Settings: DeserializeOwned;

    /// JSON Schema of the settings, for forms and editors.
    fn schema() -> String {
        r#"{"type":"object"}"#.to_owned()
    }

    /// What is wrong with settings that could be read: what their type cannot say.
    fn check(_settings: &Self::Settings, _lanes: &[Lane]) -> Vec<Issue> {
        Vec::new()
    }

    /// Work done once when settings or lanes change, with a larger budget; the bytes come back on every
    /// call through [`Host::prepared`]. Must be deterministic. Nothing by default.
    fn prepare(_host: &dyn Host, _settings: &Self::Settings, _lanes: &[Lane]) -> Result<Vec<u8>, Failure> {
        Ok(Vec::new())
    }
}

/// Says which lane an inquiry belongs to.
pub trait Classifier: Plugin {
    /// Among [`Host::lanes`].
    fn classify(host: &dyn Host, lead: &Lead, policy: Policy) -> Result<Verdict, Failure>;
}

/// Says how well each candidate fits an inquiry.
pub trait Scorer: Plugin {
    /// One row a candidate, in the order given, one column a factor; 0 to 100.
    fn score(
        host: &dyn Host,
        lead: &Lead,
        verdict: &Verdict,
        context: &Context,
        candidates: &[Candidate],
    ) -> Result<Scores, Failure>;
}

/// Says where an inquiry goes when no rep can simply be picked.
pub trait Fallback: Plugin {
    /// At least one action, in order of preference; the host takes the first that can be carried out.
    /// `verdict` is absent where no classifier gave one.
    fn resolve(
        host: &dyn Host,
        lead: &Lead,
        verdict: Option<&Verdict>,
        situation: &Situation,
    ) -> Result<Vec<Action>, Failure>;
}

/// Adds facts before routing.
pub trait Enricher: Plugin {
    /// What to ask, of hosts that the tenant granted.
    fn plan(host: &dyn Host, lead: &Lead) -> Result<Vec<Request>, Failure>;

    /// Reads the answers, one a request in their order.
    fn interpret(host: &dyn Host, lead: &Lead, responses: &[Response]) -> Result<Vec<Field>, Failure>;
}

/// A lead of which nothing is known, for tests: `Lead { value: Some(80_000.0), ..Lead::default() }`.
impl Default for Lead {
    fn default() -> Self {
        Self {
            id: String::new(),
            kind: Kind::Lead,
            source: String::new(),
            received_at: 0,
            text: String::new(),
            contact: Contact::default(),
            company: Company::default(),
            products: Vec::new(),
            value: None,
        }
    }
}

/// Nothing known.
impl Default for Contact {
    fn default() -> Self {
        Self { name: None, email: None, title: None, language: None, timezone: None }
    }
}

/// Nothing known.
impl Default for Company {
    fn default() -> Self {
        Self {
            name: None,
            domain: None,
            industry: None,
            employees: None,
            revenue: None,
            country: None,
            region: None,
        }
    }
}

impl Issue {
    /// Something wrong at a JSON pointer of the settings, such as `/weights/territory`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}
