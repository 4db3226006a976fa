//! The model in force, as the route asks it: who of these reps wins this lead, how sure that is, and why.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use lanewright_learning::model::Cause;
use lanewright_learning::win::{ModelError, Way, WinModel};
use serde::Serialize;

use crate::config::Fact;
use crate::decision::{ModelName, WinFound, WinSegment, WinTrace};
use crate::digest::Digest;
use crate::lead::RepId;

/// What was learned of one tenant, with its name.
#[derive(Debug, Clone)]
pub struct Model {
    name: ModelName,
    win: WinModel,
}

/// An estimate, and what it is the sum of, on the logit scale.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// Why it is no more than the share of all deals that is won: a gate that failed (X9), with its figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub untrusted: Option<String>,
    /// By which part of the model it is; absent where by the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<WinSegment>,
    /// In the order in which they are added up: those of the lead make its part, those of the rep theirs, to the bit.
    pub factors: Vec<Part>,
    /// What the lead has, whoever takes it.
    pub of_lead: f64,
    /// What the rep has beside that.
    pub of_rep: f64,
    /// Both together.
    pub logit: f64,
    /// The chance to win, 0 to 1.
    pub probability: f64,
    /// The chance is above this with 90 %.
    pub lower: f64,
    /// And below this with 90 %.
    pub upper: f64,
    /// The rep's own record with such leads, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// A part of an estimate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// `base`, what a lead has of which nothing is known; `lead`, what this fact adds with everybody; `season`; `rep`, with this
    /// rep.
    pub of: &'static str,
    /// By which fact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fact: Option<String>,
    /// What the lead has there; absent where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    /// What it adds to the logit.
    pub effect: f64,
}

/// How sure the bounds of an estimate are.
const LEVEL: f64 = 0.8;

/// Effective deals below which a rep is a newer one, for whom opportunities are kept (S2.11).
const NEWER: f64 = 10.0;

/// Deals that a sentence about a rep's record needs.
const TOLD: u64 = 5;

impl Model {
    /// A model from its bytes; `version` is its number among the tenant's.
    ///
    /// # Errors
    ///
    /// The bytes are no model that this version reads.
    pub fn read(version: i64, bytes: &[u8]) -> Result<Self, ModelError> {
        let win = WinModel::from_bytes(bytes)?;
        Ok(Self { name: ModelName { version, digest: Digest::of(bytes) }, win })
    }

    /// Its name, as decisions record it.
    pub fn name(&self) -> ModelName {
        self.name.clone()
    }

    /// The model itself.
    pub fn win(&self) -> &WinModel {
        &self.win
    }

    /// What it says of each rep with a lead of which this is known and that came then. Where a gate failed (X9), nothing
    /// but why.
    pub fn ask(&self, facts: &BTreeMap<String, String>, at: Timestamp, reps: &[&RepId]) -> WinTrace {
        if let Some(untrusted) = self.untrusted(facts) {
            let untrusted = Some(untrusted);
            return WinTrace { untrusted, segment: None, estimates: Vec::new(), because: None };
        }
        let ids: Vec<&str> = reps.iter().map(|rep| rep.as_str()).collect();
        let estimates = self.win.predict(facts, at.as_millisecond(), &ids);
        let found = reps.iter().zip(estimates).map(|(rep, estimate)| {
            let (lower, upper) = estimate.interval(LEVEL);
            let deals = self.win.evidence(rep.as_str(), &[]).map_or(0.0, |evidence| evidence.effective);
            WinFound {
                rep: (*rep).clone(),
                logit: estimate.logit(),
                spread: estimate.rep_spread,
                probability: estimate.chance(),
                lower,
                upper,
                deals,
                newer: deals < NEWER,
            }
        });
        WinTrace { untrusted: None, segment: self.segment(facts), estimates: found.collect(), because: None }
    }

    /// Why nothing counts that is said of a lead of which this is known: a gate that failed (X9), and no part for its word.
    fn untrusted(&self, facts: &BTreeMap<String, String>) -> Option<String> {
        (self.win.way_for(facts) == Way::Rate).then(|| self.win.report().gates.to_string())
    }

    /// The part that speaks for a lead of which this is known.
    fn segment(&self, facts: &BTreeMap<String, String>) -> Option<WinSegment> {
        let (fact, part) = self.win.segments().zip(self.win.part(facts))?;
        Some(WinSegment { fact: fact.field.clone(), word: part.word.clone() })
    }

    /// What it was learned by.
    pub fn facts(&self) -> Vec<Fact> {
        self.win.fields().filter_map(|name| name.parse().ok()).collect()
    }

    /// What it says of a rep with a lead of which this is known and that came then, and what that is the sum of. Where a
    /// gate failed (X9), the share of all deals that is won, and why no more.
    pub fn explain(&self, facts: &BTreeMap<String, String>, at: Timestamp, rep: &RepId) -> Explained {
        let untrusted = self.untrusted(facts);
        let at = at.as_millisecond();
        let estimate = self.win.predict(facts, at, &[rep.as_str()]).first().copied();
        let estimate = estimate.unwrap_or_else(|| self.win.lead(facts, at));
        let (lower, upper) = estimate.interval(LEVEL);
        let part = |cause: Cause| match cause {
            Cause::Base => ("base", None),
            Cause::Season => ("season", None),
            Cause::Rep => ("rep", None),
            Cause::Field(fact) => ("lead", Some(fact)),
            Cause::RepBy(fact) => ("rep", Some(fact)),
        };
        let factors = self.win.explain(facts, at, rep.as_str());
        let factors = factors.into_iter().map(|factor| {
            let (of, fact) = part(factor.cause);
            let word = fact.as_ref().and_then(|fact| facts.get(fact)).cloned();
            Part { of, fact, word, effect: factor.effect }
        });
        Explained {
            because: self.because(facts, rep).filter(|_| untrusted.is_none()),
            untrusted,
            segment: self.segment(facts),
            factors: factors.collect(),
            of_lead: estimate.lead,
            of_rep: estimate.rep,
            logit: estimate.logit(),
            probability: estimate.chance(),
            lower,
            upper,
        }
    }

    /// The rep's own record with such leads, where there is one: `won 9 of 14 healthcare, large deals, shrunk to 41 %
    /// (28–55 %)`. The most particular record with enough deals is told.
    pub fn because(&self, facts: &BTreeMap<String, String>, rep: &RepId) -> Option<String> {
        let words: Vec<(&str, &str)> =
            facts.iter().map(|(name, word)| (name.as_str(), word.as_str())).collect();
        let pairs =
            (0..words.len()).flat_map(|first| (first + 1..words.len()).map(move |second| [first, second]));
        let told = |segment: &[(&str, &str)]| {
            self.win.evidence(rep.as_str(), segment).filter(|evidence| evidence.closed >= TOLD)
        };
        let by_deals =
            |segments: Vec<Vec<(&str, &str)>>| -> Option<(String, lanewright_learning::cells::Evidence)> {
                let found = segments.into_iter().filter_map(|segment| {
                    let words: Vec<&str> = segment.iter().map(|(_, word)| *word).collect();
                    Some((words.join(", "), told(&segment)?))
                });
                found.max_by(|(one, first), (other, second)| {
                    first.closed.cmp(&second.closed).then_with(|| other.cmp(one))
                })
            };
        let pairs = by_deals(pairs.map(|places| places.map(|place| words[place]).to_vec()).collect());
        let (segment, evidence) = pairs
            .or_else(|| by_deals(words.iter().map(|word| vec![*word]).collect()))
            .or_else(|| told(&[]).map(|evidence| (String::new(), evidence)))?;
        let (low, high) = evidence.rate.interval(LEVEL);
        let mut told = format!("won {} of {}", evidence.won, evidence.closed);
        if !segment.is_empty() {
            let _ = write!(told, " {segment}");
        }
        let percent = |share: f64| (100.0 * share).round();
        let _ = write!(
            told,
            " deals, shrunk to {} % ({}–{} %)",
            percent(evidence.rate.mean()),
            percent(low),
            percent(high)
        );
        Some(told)
    }
}
