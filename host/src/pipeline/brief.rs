//! What a rep gets with a lead (S4.4): why this lead, why them, what was written, what to ask first.
//!
//! Nothing is claimed that the text does not say: whatever is taken from it is quoted word for word with
//! its place, and a question that builds on a quote carries the same place. Signals come from a plugin, so
//! a place that is not inside the text is left out.

use crate::decision::{AssignedBy, Brief, BriefKind, BriefLine, Known, Outcome};
use crate::failure::clean;
use crate::lead::{RepId, Signal, Tier, Verdict};
use crate::pipeline::Routed;
use crate::pipeline::why::{best_factors, in_words, listed, works};

/// The most quotes, and the most of one kind.
const MAX_QUOTES: usize = 6;
const MAX_OF_KIND: usize = 2;
/// The most bytes of one quote.
const MAX_QUOTE: usize = 240;

/// The brief of an assigned lead; `None` where nobody has it.
pub fn brief(routed: &Routed<'_>) -> Option<Brief> {
    let Outcome::Assigned { rep, by, .. } = routed.outcome else { return None };
    let quotes = quotes(routed);
    let mut lines = vec![line(BriefKind::Lead, who(routed)), line(BriefKind::Lead, urgency(routed))];
    lines.extend(routed.verdict.map(|verdict| line(BriefKind::Lead, intent(verdict, &quotes))));
    lines.push(line(BriefKind::Rep, why_them(routed, rep, by)));
    lines.extend(learned(routed, rep).map(|text| line(BriefKind::Rep, text)));
    lines.extend(quotes.iter().map(|quote| BriefLine {
        kind: BriefKind::Quote,
        text: format!("{}: “{}”", quote.label(), quote.text),
        span: Some(quote.span),
    }));
    lines.push(question(routed, &quotes));
    Some(Brief { lines })
}

/// "Deals tell that you win this one with 41 % (28–55 %); you won 9 of 14 healthcare deals, shrunk to …"
fn learned(routed: &Routed<'_>, rep: &RepId) -> Option<String> {
    let win = routed.score?.win.as_ref()?;
    let found = win.estimates.iter().find(|found| found.rep == *rep)?;
    let percent = |share: f64| (100.0 * share).round();
    let record = win.because.as_ref().map(|because| format!("; you {because}")).unwrap_or_default();
    Some(format!(
        "Past deals give you {} % ({}–{} %) here{record}.",
        percent(found.probability),
        percent(found.lower),
        percent(found.upper)
    ))
}

/// Something the person wrote, word for word.
struct Quote<'a> {
    kind: &'a str,
    text: &'a str,
    span: (u32, u32),
}

impl Quote<'_> {
    fn label(&self) -> String {
        match self.kind {
            "pain" | "problem" => "Problem".to_owned(),
            other => capital(&in_words(other)),
        }
    }
}

fn line(kind: BriefKind, text: String) -> BriefLine {
    BriefLine { kind, text, span: None }
}

/// "Ana Silva, COO, of Acme (retail, 40 people, PT), by demo-request."
fn who(routed: &Routed<'_>) -> String {
    let (contact, company) = (&routed.lead.contact, &routed.lead.company);
    let person = contact.name.as_deref().or(contact.email.as_deref()).unwrap_or("Somebody");
    let title = contact.title.as_ref().map(|title| format!(", {title},")).unwrap_or_default();
    let name = company.name.as_deref().or(company.domain.as_deref());
    let facts: Vec<String> = [
        company.industry.clone(),
        company.employees.map(|people| format!("{people} people")),
        company.country.clone(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) };
    let name = match (name, facts.is_empty()) {
        (Some(name), _) => format!(" of {name}{facts}"),
        (None, true) => String::new(),
        (None, false) => format!(" of a company{facts}"),
    };
    format!("{person}{title}{name}, by {}.", routed.lead.source)
}

fn urgency(routed: &Routed<'_>) -> String {
    let kind = match routed.tier {
        Tier::One => "an executive buyer or a demo request",
        Tier::Two => "a high fit",
        Tier::Three => "a standard lead",
    };
    let minutes = routed.config.minutes(routed.tier);
    format!(
        "Lane {}, tier {}: {kind}, first touch within {minutes} minutes.",
        routed.lane_name(),
        u8::from(routed.tier)
    )
}

/// "High intent (82 of 100): they name a problem and a deadline."
fn intent(verdict: &Verdict, quotes: &[Quote<'_>]) -> String {
    let level = match verdict.intent {
        70.0.. => "High",
        40.0.. => "Medium",
        _ => "Low",
    };
    let mut named: Vec<String> = Vec::new();
    for quote in quotes {
        let what = match quote.kind {
            "pain" | "problem" => "a problem",
            "deadline" => "a deadline",
            "budget" => "a budget",
            "seats" => "how many seats",
            _ => continue,
        };
        if !named.iter().any(|other| other == what) {
            named.push(what.to_owned());
        }
    }
    let named = if named.is_empty() { String::new() } else { format!(": they name {}", listed(&named)) };
    format!("{level} intent ({:.0} of 100){named}. {}", verdict.intent, capital(&clean(&verdict.reason, 300)))
        .trim_end()
        .to_owned()
}

fn candidates(routed: &Routed<'_>) -> usize {
    routed.score.map_or(0, |score| score.matches.len())
}

fn why_them(routed: &Routed<'_>, rep: &RepId, by: &AssignedBy) -> String {
    let best: Vec<String> = routed
        .scored(rep)
        .map(|(found, factors)| best_factors(found, factors))
        .unwrap_or_default()
        .into_iter()
        .map(|(name, value)| format!("{name} ({value:.0})"))
        .collect();
    let strong = if best.is_empty() { String::new() } else { format!(" Strongest: {}.", listed(&best)) };
    let total =
        routed.scored(rep).map(|(found, _)| format!(" ({:.0} of 100)", found.total)).unwrap_or_default();
    match by {
        _ if routed.approved => format!("A person approved that you get it{total}.{strong}"),
        AssignedBy::Match => match routed.select {
            Some(select) if select.fast => {
                format!("It cannot wait, and you are the best of those who respond fastest{total}.{strong}")
            }
            Some(select) if select.free_now && select.pool.len() < candidates(routed) => {
                format!("You match this lead well and are free now{total}.{strong}")
            }
            Some(_) | None => format!("You match this lead best{total}.{strong}"),
        },
        AssignedBy::NamedAccount if works(routed, rep) == "works" => "You work this account.".to_owned(),
        AssignedBy::Rotation => format!("It is your turn among those who match well{total}.{strong}"),
        AssignedBy::NamedAccount => "You own this account.".to_owned(),
        AssignedBy::Cover { owner } => {
            let owner = routed.rep_name(owner);
            format!("You cover for {owner}, who keeps the account{total}.{strong}")
        }
        AssignedBy::Rule { rule } => format!("The rule {rule} names you."),
        AssignedBy::Sticky { known: Known::Contact } => "You have had this contact before.".to_owned(),
        AssignedBy::Sticky { known: Known::Account } => "You have other contacts of this account.".to_owned(),
        AssignedBy::Master { record } => {
            format!("It repeats your record {}, and was merged into it.", clean(record, 80))
        }
        AssignedBy::Relay { from } => format!("You take over from {}.", routed.rep_name(from)),
        AssignedBy::Batch => format!("You are the best for the batch as a whole{total}.{strong}"),
        AssignedBy::Person => "A person gave it to you.".to_owned(),
        AssignedBy::Fallback => match routed.fallback {
            Some(cause) => format!("It is your turn in the team: {cause}."),
            None => "It is your turn in the team.".to_owned(),
        },
    }
}

/// What the signals point at: problem, deadline, budget and seats first, then the rest as it was written.
fn quotes<'a>(routed: &Routed<'a>) -> Vec<Quote<'a>> {
    let signals = routed.verdict.map_or(&[][..], |verdict| &verdict.signals);
    let mut quotes: Vec<Quote<'a>> =
        signals.iter().filter_map(|signal| quote(&routed.lead.text, signal)).collect();
    let importance = |kind: &str| match kind {
        "pain" | "problem" => 0,
        "deadline" => 1,
        "budget" => 2,
        "seats" => 3,
        _ => 4,
    };
    quotes.sort_by_key(|quote| (importance(quote.kind), quote.span));
    let mut kept: Vec<Quote<'a>> = Vec::new();
    for quote in quotes {
        let of_kind = kept.iter().filter(|other| other.kind == quote.kind).count();
        let again = kept.iter().any(|other| other.span == quote.span);
        if of_kind < MAX_OF_KIND && !again && kept.len() < MAX_QUOTES {
            kept.push(quote);
        }
    }
    kept
}

fn quote<'a>(text: &'a str, signal: &'a Signal) -> Option<Quote<'a>> {
    let found = text.get(signal.start as usize..signal.end as usize)?;
    let found = &found[..found.floor_char_boundary(MAX_QUOTE)];
    let end = signal.start + u32::try_from(found.len()).ok()?;
    (!found.trim().is_empty()).then_some(Quote { kind: &signal.kind, text: found, span: (signal.start, end) })
}

/// A first question, from what is known and what is not; the first of the list that fits.
fn question(routed: &Routed<'_>, quotes: &[Quote<'_>]) -> BriefLine {
    let of = |kinds: &[&str]| quotes.iter().find(|quote| kinds.contains(&quote.kind));
    let known = |kind: &str| of(&[kind]).is_some();
    let on = |quote: &Quote<'_>, question: &str| {
        (format!("You wrote “{}”: {question}", quote.text), Some(quote.span))
    };
    let (text, span) = if let Some(quote) = of(&["partner"]) {
        on(quote, "which customer of yours would you start with?")
    } else if let Some(quote) = of(&["security", "procurement"]) {
        on(quote, "which steps are there until you can sign, and who takes each?")
    } else if let (Some(quote), false) = (of(&["deadline"]), known("budget")) {
        on(quote, "what has to work by then, and who decides on the budget?")
    } else if let (Some(quote), false) = (of(&["budget"]), known("deadline")) {
        on(quote, "when would it have to be in use?")
    } else if let Some(quote) = of(&["pain", "problem"]) {
        on(quote, "what does that cost you today, and whom does it hurt most?")
    } else if let Some(quote) = of(&["deadline"]) {
        on(quote, "what happens if it is later than that?")
    } else if let Some(quote) = of(&["competitor"]) {
        on(quote, "what would have to be better for you to change?")
    } else if let Some(quote) = of(&["seats"]) {
        on(quote, "who of them would start, and with what?")
    } else if let Some(quote) = of(&["product"]) {
        on(quote, "what would you use it for first?")
    } else if routed.lead.source == "demo-request" {
        ("What should you have seen by the end of the demo to know whether this is for you?".to_owned(), None)
    } else if let Some(product) = routed.lead.products.first() {
        (format!("What would you use {product} for first?"), None)
    } else {
        ("What made you get in touch now?".to_owned(), None)
    };
    BriefLine { kind: BriefKind::Question, text, span }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decision::{Cause, RulesTrace, ScoreTrace};
    use crate::lead::Lead;
    use crate::pipeline::fixture::{self, id};
    use crate::pipeline::why::tests::score;

    const TEXT: &str = "Our month end takes nine days. We are 40 people and want it fixed by end of March; \
                        5k a month is fine. Today we use Tableau.";

    fn of(lead: &Lead, verdict: Option<&Verdict>, by: AssignedBy, score: Option<&ScoreTrace>) -> Brief {
        let outcome = Outcome::Assigned { rep: id("ana"), team: id("smb"), total: None, by };
        let lane = id("smb");
        brief(&Routed {
            approved: false,
            config: &fixture::config(),
            lead,
            verdict,
            lane: Some(&lane),
            tier: Tier::One,
            rules: &RulesTrace::default(),
            score,
            select: None,
            fallback: Some(Cause::BelowThreshold),
            reason: None,
            account: None,
            batch: None,
            outcome: &outcome,
        })
        .unwrap()
    }

    fn inquiry() -> Lead {
        let mut lead = Lead { text: TEXT.to_owned(), ..fixture::lead() };
        lead.contact.name = Some("Ana Silva".to_owned());
        lead.contact.title = Some("COO".to_owned());
        lead.company.name = Some("Acme".to_owned());
        lead.company.employees = Some(40);
        lead
    }

    fn said(signals: &[(&str, &str)]) -> Verdict {
        let signals = signals.iter().map(|(kind, quote)| fixture::signal(TEXT, kind, quote)).collect();
        Verdict { signals, ..fixture::verdict() }
    }

    #[test]
    fn a_whole_brief() {
        let verdict = said(&[
            ("competitor", "Tableau"),
            ("seats", "40 people"),
            ("deadline", "by end of March"),
            ("pain", "month end takes nine days"),
        ]);
        let found = of(&inquiry(), Some(&verdict), AssignedBy::Match, Some(&score()));
        let lines: Vec<(BriefKind, &str)> = found.lines.iter().map(|line| (line.kind, &*line.text)).collect();
        assert_eq!(
            lines,
            [
                (BriefKind::Lead, "Ana Silva, COO, of Acme (40 people), by web-form."),
                (
                    BriefKind::Lead,
                    "Lane SMB, tier 1: an executive buyer or a demo request, first touch within 5 minutes."
                ),
                (
                    BriefKind::Lead,
                    "High intent (80 of 100): they name a problem, a deadline and how many seats. \
                     A small team that wants a quote"
                ),
                (
                    BriefKind::Rep,
                    "You match this lead best (88 of 100). \
                     Strongest: territory (100), deal size (90) and industry (80)."
                ),
                (BriefKind::Quote, "Problem: “month end takes nine days”"),
                (BriefKind::Quote, "Deadline: “by end of March”"),
                (BriefKind::Quote, "Seats: “40 people”"),
                (BriefKind::Quote, "Competitor: “Tableau”"),
                (
                    BriefKind::Question,
                    "You wrote “by end of March”: what has to work by then, and who decides on the budget?"
                ),
            ]
        );
    }

    #[test]
    fn questions() {
        let check = |signals: &[(&str, &str)], expect: &str| {
            let found = of(&inquiry(), Some(&said(signals)), AssignedBy::Match, None);
            let last = found.lines.last().unwrap();
            assert_eq!(last.text, expect);
            assert_eq!(last.span.is_some(), !signals.is_empty());
        };
        check(&[], "What made you get in touch now?");
        check(&[("budget", "5k a month")], "You wrote “5k a month”: when would it have to be in use?");
        check(
            &[("budget", "5k a month"), ("deadline", "end of March")],
            "You wrote “end of March”: what happens if it is later than that?",
        );
        check(
            &[("budget", "5k a month"), ("deadline", "end of March"), ("pain", "nine days")],
            "You wrote “nine days”: what does that cost you today, and whom does it hurt most?",
        );
        check(
            &[("competitor", "Tableau")],
            "You wrote “Tableau”: what would have to be better for you to change?",
        );
    }

    #[test]
    fn why_them() {
        let check = |by, expect: &str| {
            let found = of(&inquiry(), None, by, None);
            let line = found.lines.iter().find(|line| line.kind == BriefKind::Rep).unwrap();
            assert_eq!(line.text, expect);
        };
        check(AssignedBy::NamedAccount, "You own this account.");
        check(AssignedBy::Cover { owner: id("ben") }, "You cover for ben, who keeps the account.");
        check(AssignedBy::Fallback, "It is your turn in the team: nobody matches well enough.");
    }

    proptest! {
        #[test]
        fn quotes_are_word_for_word(
            text in "[a-zé “”\n]{0,400}",
            places in prop::collection::vec((0..500u32, 0..500u32), 0..20),
        ) {
            let lead = Lead { text, ..fixture::lead() };
            let signal = |(start, end)| Signal { kind: "pain".to_owned(), value: String::new(), start, end };
            let verdict = Verdict { signals: places.into_iter().map(signal).collect(), ..fixture::verdict() };
            for line in of(&lead, Some(&verdict), AssignedBy::Match, None).lines {
                if let Some((start, end)) = line.span {
                    let quote = &lead.text[start as usize..end as usize];
                    let verbatim = line.text.contains(&format!("“{quote}”"));
                    prop_assert!(verbatim, "{}", line.text);
                } else {
                    prop_assert!(line.kind != BriefKind::Quote);
                }
            }
        }
    }
}
