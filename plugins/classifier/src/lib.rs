//! The standard classifier: which lane an inquiry belongs to, how sure that is, and why.
//!
//! A tenant that writes no code describes its lanes in words. Four lanes that most sellers have
//! (enterprise, smb, self-serve, partner) are known beforehand: a head trained on labelled inquiries
//! ships with the plugin ([`pack`]). Any other lane is judged by how well a text fits its definition
//! ([`pairs`]), and from eight confirmed examples a lane by a head of the tenant's own ([`prepare`]).
//!
//! One way through: [`words`] → [`lexicon`] → [`features`] → [`classify`]. Everything is a function of
//! the lead, the prepared bytes and the host's text model, and costs microseconds: nothing is compiled
//! or built at call time, because an instance lives for one lead.

pub mod bytes;
pub mod classify;
mod deadlines;
pub mod features;
pub mod head;
pub mod lexicon;
pub mod ngrams;
pub mod pack;
pub mod pairs;
pub mod prepare;
pub mod settings;
pub mod signals;
pub mod words;

use std::borrow::Cow;

use lanewright_sdk::*;

pub use pack::Pack;
pub use prepare::Prepared;
pub use settings::Settings;

/// The standard classifier.
pub struct StandardClassifier;

impl Plugin for StandardClassifier {
    type Settings = Settings;

    fn schema() -> String {
        settings::schema()
    }

    fn check(settings: &Settings, lanes: &[Lane]) -> Vec<Issue> {
        settings::check(settings, lanes)
    }

    fn prepare(host: &dyn Host, settings: &Settings, lanes: &[Lane]) -> Result<Vec<u8>, Failure> {
        prepare::prepare(settings, lanes, &shipped()?, &|texts| host.embed(texts))
    }
}

impl Classifier for StandardClassifier {
    fn classify(host: &dyn Host, lead: &Lead, policy: Policy) -> Result<Verdict, Failure> {
        let bytes = host.prepared();
        let prepared = Prepared::open(&bytes)
            .ok_or_else(|| Failure::Internal("the prepared bytes are of another version".to_owned()))?;
        let lead = &beginning(lead);
        classify::classify(&prepared, &shipped()?, lead, policy, &|texts| host.embed(texts))
    }
}

/// Bytes of a text that are read. People say early what they want, and a pasted thread or appendix of
/// nothing but telling words must not cost more than a call's budget.
const READ: usize = 4 << 10;

/// The lead with as much of its text as is read.
fn beginning(lead: &Lead) -> Cow<'_, Lead> {
    if lead.text.len() <= READ {
        return Cow::Borrowed(lead);
    }
    let text = lead.text[..lead.text.floor_char_boundary(READ)].to_owned();
    Cow::Owned(Lead { text, ..lead.clone() })
}

fn shipped() -> Result<Pack<'static>, Failure> {
    Pack::shipped().ok_or_else(|| Failure::Internal("the shipped pack cannot be read".to_owned()))
}

register!(StandardClassifier: classifier);
