//! What a tenant learns from its deals: what of a lead tells who wins it ([`facts`]), deals of before ([`history`]), the
//! model in force ([`Model`]), and how it is made ([`train`]).
//!
//! The statistics are a library of their own, which knows no leads; here they meet.
//!
//! The same words are kept with a deal when it is decided and asked of the model when it is; so what was learned is
//! what is asked.

use std::collections::BTreeMap;

use crate::config::Fact;
use crate::decision::Decision;
use crate::lead::{FieldValue, LaneId, Lead};

pub mod history;
mod model;
mod policies;
mod training;

pub use history::PastDeal;
pub use model::{Explained, Model, Part};
pub use policies::{Became, Policy, Worth, logged};
pub use training::{TrainError, Trained, compare, deal, outcome, train};

/// What is known of a lead, as words in lower case by the name of the fact; what is not known is left out. A custom
/// field has a word where it is a short text or a flag.
pub fn facts(
    by: &[Fact],
    lead: &Lead,
    lane: Option<&LaneId>,
    segments: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let word = |fact: &Fact| {
        let word = match fact {
            Fact::Channel => Some(lead.source.as_str()),
            Fact::Country => lead.company.country.as_deref(),
            Fact::Industry => lead.company.industry.as_deref(),
            Fact::Lane => lane.map(LaneId::as_str),
            Fact::Language => lead.contact.language.as_deref(),
            Fact::Segment(name) => segments.get(name).map(String::as_str),
            Fact::Field(name) => match lead.fields.get(name)? {
                FieldValue::Text(text) => Some(text.as_str()),
                FieldValue::Flag(true) => Some("true"),
                FieldValue::Flag(false) => Some("false"),
                FieldValue::Number(_) | FieldValue::Instant(_) | FieldValue::Texts(_) => None,
            },
        };
        word.filter(|word| !word.is_empty() && word.len() <= LONGEST).map(str::to_lowercase)
    };
    by.iter().filter_map(|fact| Some((fact.to_string(), word(fact)?))).collect()
}

/// The same of a lead that was decided about.
pub fn facts_of(by: &[Fact], decision: &Decision) -> BTreeMap<String, String> {
    let trace = &decision.trace;
    facts(by, &trace.enriched(), decision.lane.as_ref(), &trace.rules.segments)
}

/// A longer text is prose and no word, in bytes.
const LONGEST: usize = 60;

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::decision::{EnrichTrace, Outcome};
    use crate::pipeline::fixture;

    #[test]
    fn what_enrichers_added_is_learned_as_it_was_asked() {
        let mut lead = Lead::bare("one".parse().unwrap(), Timestamp::UNIX_EPOCH);
        lead.fields.insert("plan".to_owned(), FieldValue::Text("Gold".to_owned()));
        let mut decision = fixture::decision(&lead, Outcome::Triage);
        let text = |text: &str| FieldValue::Text(text.to_owned());
        let added = BTreeMap::from([("plan".to_owned(), text("Silver")), ("stack".to_owned(), text("SAP"))]);
        decision.trace.enrich.push(EnrichTrace {
            name: "crm".to_owned(),
            calls: vec![],
            exchanges: vec![],
            added,
        });
        let by = ["plan", "stack", "shoe"].map(|name| Fact::Field(name.to_owned()));
        let words = [("field.plan", "gold"), ("field.stack", "sap")];
        let expect = words.map(|(name, word)| (name.to_owned(), word.to_owned()));
        assert_eq!(facts_of(&by, &decision), BTreeMap::from(expect));
    }
}
