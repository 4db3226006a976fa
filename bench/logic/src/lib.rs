//! A small deterministic classifier that the guests of every runtime share.
//!
//! It counts what speaks for each of four lanes in a lead's text and facts, and answers with the shape of
//! a real verdict: a ranking, an intent, signals with their places, a reason. That is about as much as a
//! guest without a text model would do, so what is compared is the runtime: the instance, the crossing in,
//! the crossing back. Nothing here knows which runtime it is in.

#[cfg(feature = "serde")]
pub mod lead;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// What the classifier reads of a lead.
#[derive(Debug, Clone, PartialEq)]
pub struct Inquiry<'a> {
    /// What the person wrote.
    pub text: &'a str,
    /// Headcount of their company.
    pub employees: Option<u32>,
    /// Estimated yearly value.
    pub value: Option<f64>,
}

/// The lane chosen, and why.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Verdict {
    /// The lane that is first in `ranking`.
    pub lane: String,
    /// How sure.
    pub confidence: Confidence,
    /// Best first; the scores add up to 1.
    pub ranking: Vec<Ranked>,
    /// 0 to 100.
    pub intent: f32,
    /// In the order of the text.
    pub signals: Vec<Signal>,
    /// One sentence.
    pub reason: String,
}

/// How sure a classifier is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(rename_all = "kebab-case"))]
pub enum Confidence {
    /// Hardly more than a guess.
    Low,
    /// More likely than not.
    Medium,
    /// Far ahead of the next.
    High,
}

/// A lane with its share.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Ranked {
    /// The lane's id.
    pub lane: String,
    /// 0 to 1.
    pub score: f32,
}

/// A word that counted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Signal {
    /// What it speaks of.
    pub kind: String,
    /// As it stands in the text, in lower case.
    pub value: String,
    /// Byte offset of its first character.
    pub start: u32,
    /// Byte offset behind its last.
    pub end: u32,
}

/// The lanes, in the order of [`WORDS`]' columns.
pub const LANES: [&str; 4] = ["enterprise", "smb", "self-serve", "partner"];

/// A word, what it speaks of, how much for each lane, and how much for an intent to buy.
const WORDS: [(&str, &str, [f32; 4], f32); 24] = [
    ("procurement", "procurement", [3.0, 0.5, 0.0, 0.0], 12.0),
    ("security", "security", [2.5, 0.5, 0.0, 0.0], 6.0),
    ("sso", "security", [3.0, 0.5, 0.0, 0.0], 8.0),
    ("saml", "security", [3.0, 0.0, 0.0, 0.0], 8.0),
    ("soc", "security", [2.0, 0.0, 0.0, 0.0], 5.0),
    ("compliance", "security", [2.0, 0.2, 0.0, 0.0], 5.0),
    ("rfp", "procurement", [3.0, 0.0, 0.0, 0.0], 15.0),
    ("global", "seats", [1.5, 0.0, 0.0, 0.2], 2.0),
    ("seats", "seats", [1.0, 1.0, 0.2, 0.0], 10.0),
    ("licences", "seats", [1.0, 0.8, 0.1, 0.0], 10.0),
    ("team", "seats", [0.2, 1.5, 0.5, 0.0], 4.0),
    ("budget", "budget", [1.0, 1.0, 0.0, 0.0], 15.0),
    ("quote", "budget", [0.8, 1.2, 0.0, 0.2], 14.0),
    ("quarter", "deadline", [0.8, 0.6, 0.0, 0.0], 8.0),
    ("deadline", "deadline", [0.8, 0.8, 0.0, 0.0], 10.0),
    ("demo", "product", [0.8, 1.2, 0.0, 0.0], 12.0),
    ("trial", "product", [0.0, 0.6, 2.5, 0.0], 5.0),
    ("free", "product", [0.0, 0.1, 2.5, 0.0], 1.0),
    ("card", "product", [0.0, 0.3, 1.5, 0.0], 8.0),
    ("myself", "seats", [0.0, 0.1, 2.5, 0.0], 2.0),
    ("reseller", "partner", [0.0, 0.0, 0.0, 4.0], 4.0),
    ("integration", "partner", [0.6, 0.2, 0.1, 1.5], 3.0),
    ("partnership", "partner", [0.0, 0.0, 0.0, 4.0], 4.0),
    ("clients", "partner", [0.0, 0.3, 0.0, 1.5], 3.0),
];

/// At most this many signals are told.
pub const MOST_SIGNALS: usize = 16;

/// The lane that most speaks for, always one.
pub fn classify(inquiry: &Inquiry) -> Verdict {
    // What every lane starts with, so that a text without a known word still has an order.
    let mut weights = [0.4_f32, 0.5, 0.45, 0.2];
    let mut intent = 10.0_f32;
    let mut signals = Vec::new();
    for (start, word) in words(inquiry.text) {
        let Some((known, kind, lanes, buys)) = known(word) else { continue };
        for (weight, more) in weights.iter_mut().zip(lanes) {
            *weight += more;
        }
        intent += buys;
        if signals.len() < MOST_SIGNALS {
            let end = start + word.len();
            signals.push(Signal {
                kind: kind.to_owned(),
                value: known.to_owned(),
                start: u32::try_from(start).unwrap_or(u32::MAX),
                end: u32::try_from(end).unwrap_or(u32::MAX),
            });
        }
    }
    match inquiry.employees {
        Some(1000..) => weights[0] += 3.0,
        Some(50..=999) => weights[1] += 1.5,
        Some(1..=9) => weights[2] += 1.0,
        _ => {}
    }
    if inquiry.value.is_some_and(|value| value >= 50_000.0) {
        weights[0] += 1.5;
        intent += 10.0;
    }
    let total: f32 = weights.iter().sum();
    let mut ranking: Vec<Ranked> = LANES
        .iter()
        .zip(weights)
        .map(|(lane, weight)| Ranked { lane: (*lane).to_owned(), score: weight / total })
        .collect();
    ranking.sort_by(|a, b| b.score.total_cmp(&a.score));
    let confidence = match ranking[0].score - ranking[1].score {
        ahead if ahead >= 0.3 => Confidence::High,
        ahead if ahead >= 0.12 => Confidence::Medium,
        _ => Confidence::Low,
    };
    let lane = ranking[0].lane.clone();
    let reason = match signals.first() {
        Some(first) => format!("{} words speak for {lane}, first \"{}\"", signals.len(), first.value),
        None => format!("no word decides; {lane} is what is left"),
    };
    Verdict { lane, confidence, ranking, intent: intent.min(100.0), signals, reason }
}

/// Words of letters and digits, with their byte offsets.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let letters = |c: char| c.is_alphanumeric();
    text.split(move |c| !letters(c)).filter(|word| !word.is_empty()).map(move |word| {
        // Both point into the same text.
        (word.as_ptr() as usize - text.as_ptr() as usize, word)
    })
}

type Known = (&'static str, &'static str, [f32; 4], f32);

fn known(word: &str) -> Option<Known> {
    WORDS.into_iter().find(|(known, ..)| word.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, employees: Option<u32>, value: Option<f64>, lane: &str, confidence: Confidence) {
        let verdict = classify(&Inquiry { text, employees, value });
        assert_eq!((verdict.lane.as_str(), verdict.confidence), (lane, confidence), "{verdict:?}");
        let sum: f32 = verdict.ranking.iter().map(|ranked| ranked.score).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{verdict:?}");
        assert!((0.0..=100.0).contains(&verdict.intent), "{verdict:?}");
        for signal in &verdict.signals {
            let said = &text[signal.start as usize..signal.end as usize];
            assert!(said.eq_ignore_ascii_case(&signal.value), "{said} in {verdict:?}");
        }
    }

    #[test]
    fn words_and_facts_choose_a_lane() {
        check(
            "Our procurement needs SSO and a SOC 2 report",
            Some(4000),
            None,
            "enterprise",
            Confidence::High,
        );
        check("A quote for our team, and a demo — this quarter", Some(80), None, "smb", Confidence::High);
        check("Could we see a demo?", None, None, "smb", Confidence::Medium);
        check("Is there a free trial for myself?", None, None, "self-serve", Confidence::High);
        check("We are a reseller and propose a partnership", None, None, "partner", Confidence::High);
        check("", None, None, "smb", Confidence::Low);
        check("日本語 only", None, Some(80_000.0), "enterprise", Confidence::High);
    }

    #[test]
    fn signals_are_capped() {
        let text = "security ".repeat(100);
        let verdict = classify(&Inquiry { text: &text, employees: None, value: None });
        assert_eq!((verdict.signals.len(), verdict.intent), (MOST_SIGNALS, 100.0));
    }
}
