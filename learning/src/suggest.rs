//! What a tenant may want to change, each with its evidence and as one sentence.
//!
//! In: what happened, as plain rows. Out: suggestions, for a person to accept or dismiss; nothing is ever changed by
//! itself. A suggestion's id follows from its kind and its subject, so that one that was dismissed stays so when
//! its figures change. Where many things are looked at together, at most one in ten of those found is chance
//! (Benjamini & Hochberg 1995), and each finding needs [`LEAST`] cases.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::distributions::{binomial_at_least, poisson_binomial_at_most};
use crate::draw;
use crate::evidence::{Counts, discoveries};
use crate::rate::Rate;

/// Fewer cases suggest nothing.
pub const LEAST: u64 = 20;
/// Deals won in an industry within a year that suggest a tag (S3.18).
pub const TAG_DEALS: u64 = 15;
/// Of the suggestions found together, the share that may be chance.
pub const CHANCE: f64 = 0.1;
/// The share of leads that may end without coverage (S3.29: coverage above 85 %).
pub const UNCOVERED: f64 = 0.15;

/// Something to accept or dismiss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// Follows from the subject, and from nothing else.
    pub id: SuggestionId,
    /// What it is about.
    pub subject: Subject,
    /// Why.
    pub evidence: Evidence,
    /// Both, for a person.
    pub sentence: String,
}

/// Sixteen hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SuggestionId(String);

impl fmt::Display for SuggestionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a suggestion is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Subject {
    /// A rep's profile could name an industry (S3.18).
    Tag {
        /// The rep.
        rep: String,
        /// The industry.
        industry: String,
    },
    /// A segment whose leads nobody takes in time (S2.8).
    Gap {
        /// The segment.
        segment: String,
    },
    /// A rule whose assignments people change (S2.8).
    OverriddenRule {
        /// The rule.
        rule: String,
    },
    /// A rule whose leads are lost more often (S2.8).
    LosingRule {
        /// The rule.
        rule: String,
    },
    /// A rep who wins less in a segment than was predicted (S3.33).
    Coaching {
        /// The rep.
        rep: String,
        /// The segment.
        segment: String,
    },
}

/// The figures behind a suggestion.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Evidence {
    /// A share above the one that is allowed.
    Above {
        /// The share seen.
        seen: Rate,
        /// The share allowed, 0–1.
        allowed: f64,
        /// The probability of as many if the share were the allowed one: binomial.
        p: f64,
    },
    /// A share above that of the others.
    Others {
        /// The share seen.
        seen: Rate,
        /// That of all others.
        others: Rate,
        /// The probability of as many if they were alike: Fisher's exact test, one-sided.
        p: f64,
    },
    /// Fewer than predicted.
    Predicted {
        /// Won, of those closed.
        won: Rate,
        /// How many were predicted to be won.
        expected: f64,
        /// The probability of as few if the predictions held: Poisson binomial.
        p: f64,
    },
}

/// A closed deal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deal {
    /// Who had it.
    pub rep: String,
    /// Its industry.
    pub industry: String,
    /// Whether that is on the rep's profile already.
    pub on_profile: bool,
    /// Days since it was closed.
    pub days_ago: u32,
    /// Whether it was won.
    pub won: bool,
}

/// How the routing of a lead ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Routed {
    /// The lead's segment.
    pub segment: String,
    /// How it ended.
    pub end: End,
}

/// How the routing of a lead ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// With a rep who touched it in time.
    Covered,
    /// With nobody.
    Unassigned,
    /// In the fallback.
    Fallback,
    /// With a rep, and touched too late.
    Late,
}

/// An assignment that a rule made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ruled {
    /// The rule.
    pub rule: String,
    /// Whether a person gave the lead to somebody else.
    pub overridden: bool,
    /// Whether it was won; none while it is open.
    pub won: Option<bool>,
}

/// A closed deal whose outcome had been predicted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    /// Who had it.
    pub rep: String,
    /// Its segment.
    pub segment: String,
    /// The probability to win that was predicted when it was assigned, 0–1.
    pub predicted: f64,
    /// Whether it was won.
    pub won: bool,
}

/// Industries for the profiles of reps who have won there [`TAG_DEALS`] times within a year, and more often than all other
/// deals of that year were won: who is given many deals wins many, good at it or not.
pub fn tags(deals: &[Deal]) -> Vec<Suggestion> {
    let recent = || deals.iter().filter(|deal| deal.days_ago <= 365);
    let Some(all) = Rate::count(recent().map(|deal| deal.won)) else { return Vec::new() };
    let open = recent().filter(|deal| !deal.on_profile);
    let groups = grouped(open.map(|deal| ((&deal.rep, &deal.industry), deal.won)));
    let tag = |((rep, industry), won): ((&String, &String), Vec<bool>)| {
        let seen = Rate::count(won).filter(|won| won.hits >= TAG_DEALS)?;
        let others = Rate::of(all.hits - seen.hits, all.n - seen.n).filter(|others| others.n >= LEAST)?;
        let counts = Counts { hits: seen.hits, n: seen.n, other_hits: others.hits, other_n: others.n };
        let p = counts.more_than_others();
        let sentence = format!(
            "{rep} won {} and lost {} {industry} deals in a year, {:.0} % ({:.0}–{:.0} %), all others {others}: add {industry} to the profile",
            seen.hits,
            seen.n - seen.hits,
            100.0 * seen.share,
            100.0 * seen.low,
            100.0 * seen.high
        );
        let subject = Subject::Tag { rep: rep.clone(), industry: industry.clone() };
        Some((p, Suggestion::of(subject, Evidence::Others { seen, others, p }, sentence)))
    };
    beyond_chance(groups.into_iter().filter_map(tag).collect())
}

/// Segments of which more than [`UNCOVERED`] ends unassigned, in the fallback, or late.
pub fn gaps(leads: &[Routed]) -> Vec<Suggestion> {
    let groups = grouped(leads.iter().map(|lead| (&lead.segment, lead.end)));
    let found = groups.into_iter().filter(|(_, ends)| ends.len() as u64 >= LEAST).filter_map(|(segment, ends)| {
        let seen = Rate::count(ends.iter().map(|end| *end != End::Covered))?;
        let p = binomial_at_least(seen.hits, seen.n, UNCOVERED);
        let of = |wanted: End| ends.iter().filter(|end| **end == wanted).count();
        let sentence = format!(
            "nobody covers {segment}: {seen} of its leads end unassigned ({}), in the fallback ({}) or late ({}), and \
             {:.0} % may",
            of(End::Unassigned),
            of(End::Fallback),
            of(End::Late),
            100.0 * UNCOVERED
        );
        let evidence = Evidence::Above { seen, allowed: UNCOVERED, p };
        Some((p, Suggestion::of(Subject::Gap { segment: segment.clone() }, evidence, sentence)))
    });
    beyond_chance(found.collect())
}

/// Rules whose assignments are overridden, or lost, more often than those of all other rules.
pub fn rules(assignments: &[Ruled]) -> Vec<Suggestion> {
    let overridden = grouped(assignments.iter().map(|made| (&made.rule, made.overridden)));
    let lost = grouped(assignments.iter().filter_map(|made| Some((&made.rule, !made.won?))));
    let overridden = beside_others(&overridden).map(|(rule, seen, others, p)| {
        let sentence =
            format!("people change what rule {rule} assigns: {seen} overridden, other rules {others}");
        let subject = Subject::OverriddenRule { rule: rule.clone() };
        (p, Suggestion::of(subject, Evidence::Others { seen, others, p }, sentence))
    });
    let lost = beside_others(&lost).map(|(rule, seen, others, p)| {
        let sentence =
            format!("rule {rule} sends leads where they are lost: {seen} lost, other rules {others}");
        let subject = Subject::LosingRule { rule: rule.clone() };
        (p, Suggestion::of(subject, Evidence::Others { seen, others, p }, sentence))
    });
    beyond_chance(overridden.chain(lost).collect())
}

/// Reps who win fewer deals of a segment than was predicted for them.
///
/// The predictions are taken as they are; a model that is too hopeful about everybody is seen in its calibration,
/// and would be seen here as well.
pub fn coaching(deals: &[Predicted]) -> Vec<Suggestion> {
    let sane = deals.iter().filter(|deal| (0.0..=1.0).contains(&deal.predicted));
    let groups = grouped(sane.map(|deal| ((&deal.rep, &deal.segment), (deal.predicted, deal.won))));
    let found = groups.into_iter().filter(|(_, deals)| deals.len() as u64 >= LEAST);
    let found = found.filter_map(|((rep, segment), deals)| {
        let won = Rate::count(deals.iter().map(|(_, won)| *won))?;
        let mut predicted: Vec<f64> = deals.iter().map(|(predicted, _)| *predicted).collect();
        // So that the order of the rows does not change the last bit.
        predicted.sort_by(f64::total_cmp);
        let expected = predicted.iter().sum();
        let p = poisson_binomial_at_most(won.hits as usize, &predicted);
        let sentence =
            format!("{rep} won {won} of the {segment} deals, and {expected:.0} were predicted: talk about what is different there");
        let subject = Subject::Coaching { rep: rep.clone(), segment: segment.clone() };
        Some((p, Suggestion::of(subject, Evidence::Predicted { won, expected, p }, sentence)))
    });
    beyond_chance(found.collect())
}

impl Suggestion {
    fn of(subject: Subject, evidence: Evidence, sentence: String) -> Self {
        Self { id: subject.id(), subject, evidence, sentence }
    }
}

impl Subject {
    /// Dismissals are kept by it, so it must not change between versions.
    pub fn id(&self) -> SuggestionId {
        let parts: [&str; 3] = match self {
            Self::Tag { rep, industry } => ["tag", rep, industry],
            Self::Gap { segment } => ["gap", segment, ""],
            Self::OverriddenRule { rule } => ["overridden-rule", rule, ""],
            Self::LosingRule { rule } => ["losing-rule", rule, ""],
            Self::Coaching { rep, segment } => ["coaching", rep, segment],
        };
        SuggestionId(format!("{:016x}", draw::bits(&parts.map(str::as_bytes))))
    }
}

fn grouped<K: Ord, V>(rows: impl Iterator<Item = (K, V)>) -> BTreeMap<K, Vec<V>> {
    let mut groups: BTreeMap<K, Vec<V>> = BTreeMap::new();
    for (key, value) in rows {
        groups.entry(key).or_default().push(value);
    }
    groups
}

/// Each group with enough cases beside all others: its share, theirs, and the probability of such a difference.
fn beside_others<'a>(
    groups: &BTreeMap<&'a String, Vec<bool>>,
) -> impl Iterator<Item = (&'a String, Rate, Rate, f64)> {
    let all = Rate::count(groups.values().flatten().copied());
    groups.iter().filter(|(_, hits)| hits.len() as u64 >= LEAST).filter_map(move |(name, hits)| {
        let (seen, all) = (Rate::count(hits.iter().copied())?, all?);
        let others = Rate::of(all.hits - seen.hits, all.n - seen.n).filter(|others| others.n >= LEAST)?;
        let counts = Counts { hits: seen.hits, n: seen.n, other_hits: others.hits, other_n: others.n };
        Some((*name, seen, others, counts.more_than_others()))
    })
}

/// Those that chance does not explain, all looked at together.
fn beyond_chance(found: Vec<(f64, Suggestion)>) -> Vec<Suggestion> {
    let p_values: Vec<f64> = found.iter().map(|(p, _)| *p).collect();
    let kept = discoveries(&p_values, CHANCE);
    found.into_iter().zip(kept).filter_map(|((_, suggestion), kept)| kept.then_some(suggestion)).collect()
}

#[cfg(test)]
mod tests;
