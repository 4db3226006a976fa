//! From the host's words to the newest interface's and back; older ones are made of that one.
//!
//! What goes out is only made smaller (a text is cut, an instant becomes milliseconds); what comes back
//! is checked in `answers.rs` before it becomes a word of ours.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::bindings::{classifier, directory, fallback, log, types};
use super::imports::Directory;
use super::plan::VISIBLE_TEXT;
use crate::config::Config;
use crate::decision::{Action, Cause};
use crate::failure::LogLevel;
use crate::lead::{Confidence, Destination, FieldValue, Kind, LabelPolicy, Lane, Lead, Verdict};

pub(super) fn lead(lead: &Lead) -> types::Lead {
    types::Lead {
        id: lead.id.to_string(),
        kind: match lead.kind {
            Kind::Lead => types::Kind::Lead,
            Kind::Deal => types::Kind::Deal,
        },
        source: lead.source.clone(),
        received_at: millis(lead.received_at),
        text: visible_text(&lead.text).to_owned(),
        contact: types::Contact {
            name: lead.contact.name.clone(),
            email: lead.contact.email.clone(),
            title: lead.contact.title.clone(),
            language: lead.contact.language.clone(),
            timezone: lead.contact.timezone.clone(),
        },
        company: types::Company {
            name: lead.company.name.clone(),
            domain: lead.company.domain.clone(),
            industry: lead.company.industry.clone(),
            employees: lead.company.employees,
            revenue: lead.company.revenue,
            country: lead.company.country.clone(),
            region: lead.company.region.clone(),
        },
        products: lead.products.clone(),
        value: lead.value,
    }
}

/// The part of a text that plugins see: its first 64 KiB, cut at a character.
pub fn visible_text(text: &str) -> &str {
    &text[..text.floor_char_boundary(VISIBLE_TEXT)]
}

pub(super) fn lanes(lanes: &[Lane]) -> Arc<[types::Lane]> {
    lanes.iter().map(lane).collect()
}

fn lane(lane: &Lane) -> types::Lane {
    types::Lane {
        id: lane.id.to_string(),
        name: lane.name.clone(),
        definition: lane.definition.clone(),
        examples: lane.examples.clone(),
        team: match &lane.to {
            Destination::Team(team) => Some(team.to_string()),
            Destination::Track(_) | Destination::Triage => None,
        },
    }
}

pub(super) fn verdict(verdict: &Verdict) -> types::Verdict {
    types::Verdict {
        lane: verdict.lane.as_ref().map(ToString::to_string),
        confidence: match verdict.confidence {
            Confidence::Low => types::Confidence::Low,
            Confidence::Medium => types::Confidence::Medium,
            Confidence::High => types::Confidence::High,
        },
        ranking: verdict
            .ranking
            .iter()
            .map(|r| types::Ranked { lane: r.lane.to_string(), score: r.score })
            .collect(),
        intent: verdict.intent,
        signals: verdict
            .signals
            .iter()
            .map(|s| types::Signal {
                kind: s.kind.clone(),
                value: s.value.clone(),
                start: s.start,
                end: s.end,
            })
            .collect(),
        complexity: verdict.complexity,
        reason: verdict.reason.clone(),
    }
}

pub(super) fn segments(segments: &BTreeMap<String, String>) -> Vec<types::Segment> {
    let segment =
        |(name, value): (&String, &String)| types::Segment { name: name.clone(), value: value.clone() };
    segments.iter().map(segment).collect()
}

pub(super) fn policy(policy: LabelPolicy) -> classifier::Policy {
    match policy {
        LabelPolicy::BestMatch => classifier::Policy::BestMatch,
        LabelPolicy::Strict => classifier::Policy::Strict,
    }
}

pub(super) fn cause(cause: Cause) -> fallback::Cause {
    match cause {
        Cause::Refused => fallback::Cause::Refused,
        Cause::NoCandidate => fallback::Cause::NoCandidate,
        Cause::AllAtCapacity => fallback::Cause::AllAtCapacity,
        Cause::BelowThreshold => fallback::Cause::BelowThreshold,
        Cause::PluginFailed => fallback::Cause::PluginFailed,
    }
}

pub(super) fn action(action: &fallback::Action) -> Result<Action, crate::lead::IdError> {
    Ok(match action {
        fallback::Action::RoundRobin(team) => Action::RoundRobin(team.parse()?),
        fallback::Action::Manager(team) => Action::Manager(team.parse()?),
        fallback::Action::Hold(queue) => Action::Hold(queue.clone()),
        fallback::Action::Nurture(track) => Action::Nurture(track.clone()),
    })
}

pub(super) fn confidence(confidence: types::Confidence) -> Confidence {
    match confidence {
        types::Confidence::Low => Confidence::Low,
        types::Confidence::Medium => Confidence::Medium,
        types::Confidence::High => Confidence::High,
    }
}

pub(super) fn level(level: log::Level) -> LogLevel {
    match level {
        log::Level::Debug => LogLevel::Debug,
        log::Level::Info => LogLevel::Info,
        log::Level::Warn => LogLevel::Warn,
        log::Level::Error => LogLevel::Error,
    }
}

pub(super) fn value_out(value: &FieldValue) -> types::Value {
    match value {
        FieldValue::Text(text) => types::Value::Text(text.clone()),
        FieldValue::Number(number) => types::Value::Number(*number),
        FieldValue::Flag(flag) => types::Value::Flag(*flag),
        FieldValue::Instant(at) => types::Value::Instant(millis(*at)),
        FieldValue::Texts(texts) => types::Value::Texts(texts.clone()),
    }
}

fn millis(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or(0)
}

impl Directory {
    /// The people of a tenant; a rep's number is their place in the folder.
    pub fn new(config: &Config) -> Self {
        let profile = |(n, rep): (usize, &crate::lead::Rep)| directory::Profile {
            rep: n as u32,
            id: rep.id.to_string(),
            name: rep.name.clone(),
            team: rep.team.to_string(),
            industries: rep.industries.clone(),
            products: rep.products.clone(),
            languages: rep.languages.clone(),
            competitors: rep.competitors.clone(),
            certifications: rep.certifications.clone(),
            style: rep.style.clone(),
            timezone: rep.timezone.clone(),
        };
        Self {
            profiles: config.reps.iter().enumerate().map(profile).collect(),
            teams: config.teams.iter().map(|team| team.id.to_string()).collect(),
        }
    }
}
