//! The columns a scorer sees: how well each candidate fits the lead, by one fact a column, 0 to 1.
//!
//! What is not known about the lead, or not stated by the rep, is worth [`NEUTRAL`]: it speaks neither for
//! nor against anybody, so that silence is not punished. A scorer finds its columns by name, and new ones
//! may be added at any time.
//!
//! | column | 1 | between | 0 |
//! |---|---|---|---|
//! | `territory` | theirs first, or the lead is in none | 0.5 they help out there | not theirs (a waived territory) |
//! | `industry` | they sell to it | 0.5 they name no industries | they sell to others |
//! | `product` | they sell all that is named | the share they sell | they sell none of it |
//! | `language` | their first | 0.8 another of theirs | not theirs |
//! | `value` | inside their range | value over minimum, or maximum over value | far outside |
//! | `competitor` | they have sold against all that are named | the share they have | none of them |
//! | `seniority` | as senior as the deal is complex | see [`seniority`] | far too junior |
//! | `timezone` | the same working hours | the share of eight hours they have in common | none |

use crate::config::Config;
use crate::decision::RulesTrace;
use crate::lead::{Lead, Rep, Territory, Verdict};
use crate::pipeline::eligible::primary_language;
use crate::zones::zone;

/// Worth of a fact that nobody knows.
pub const NEUTRAL: f32 = 0.5;
/// Worth of a language that is one of the rep's and not their first.
const SECOND_LANGUAGE: f32 = 0.8;
/// A working day, in seconds.
const WORKDAY: i32 = 8 * 3600;
const DAY: i32 = 24 * 3600;

/// A table of numbers, 0 to 1: one row a candidate, one column a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Fits {
    /// What the columns mean.
    pub names: Vec<&'static str>,
    /// Row by row.
    pub rows: Vec<f32>,
}

impl Fits {
    /// Column by column, as a decision records it.
    pub fn columns(&self) -> Vec<(String, Vec<f32>)> {
        let column = |place: usize| self.rows.iter().skip(place).step_by(self.names.len()).copied().collect();
        self.names.iter().enumerate().map(|(place, name)| ((*name).to_owned(), column(place))).collect()
    }
}

/// How well each candidate fits the lead.
pub fn fits(
    config: &Config,
    lead: &Lead,
    verdict: &Verdict,
    rules: &RulesTrace,
    candidates: &[&Rep],
) -> Fits {
    let facts = Facts::of(config, lead, verdict, rules);
    type Column = fn(&Facts<'_>, &Rep) -> f32;
    let columns: [(&'static str, Column); 8] = [
        ("territory", territory),
        ("industry", industry),
        ("product", product),
        ("language", language),
        ("value", value),
        ("competitor", competitor),
        ("seniority", seniority),
        ("timezone", timezone),
    ];
    let row = |rep: &&Rep| columns.map(|(_, column)| column(&facts, rep).clamp(0.0, 1.0));
    Fits {
        names: columns.iter().map(|(name, _)| *name).collect(),
        rows: candidates.iter().flat_map(row).collect(),
    }
}

/// What is known about the lead, worked out once.
struct Facts<'a> {
    lead: &'a Lead,
    territory: Option<&'a Territory>,
    products: Vec<String>,
    competitors: Vec<String>,
    /// 0 (simple) to 1 (complex).
    complexity: Option<f32>,
    /// Seconds east of UTC where the contact is, when the lead came.
    offset: Option<i32>,
}

impl<'a> Facts<'a> {
    fn of(config: &'a Config, lead: &'a Lead, verdict: &Verdict, rules: &RulesTrace) -> Self {
        let named = |kind: &str| -> Vec<String> {
            let of_kind = verdict.signals.iter().filter(|signal| signal.kind == kind);
            unique(of_kind.map(|signal| signal.value.to_lowercase()))
        };
        let territory = rules.territory.as_ref();
        Self {
            lead,
            territory: territory
                .and_then(|id| config.territories.iter().find(|territory| territory.id == *id)),
            products: unique(
                lead.products.iter().map(|product| product.to_lowercase()).chain(named("product")),
            ),
            competitors: named("competitor"),
            complexity: complexity(config, lead, verdict),
            offset: lead.contact.timezone.as_deref().and_then(|zone| offset(zone, lead)),
        }
    }
}

fn territory(facts: &Facts<'_>, rep: &Rep) -> f32 {
    match facts.territory {
        None => 1.0,
        Some(territory) if territory.primary.contains(&rep.id) => 1.0,
        Some(territory) if territory.overlay.contains(&rep.id) => 0.5,
        Some(_) => 0.0,
    }
}

fn industry(facts: &Facts<'_>, rep: &Rep) -> f32 {
    let Some(industry) = &facts.lead.company.industry else { return NEUTRAL };
    if rep.industries.is_empty() {
        return NEUTRAL;
    }
    // A specialist in "healthcare" is one for "healthcare providers", too.
    let covers = |own: &String| {
        own.split_whitespace().all(|word| industry.split_whitespace().any(|other| other == word))
    };
    if rep.industries.iter().any(|own| !own.is_empty() && covers(own)) { 1.0 } else { 0.0 }
}

fn product(facts: &Facts<'_>, rep: &Rep) -> f32 {
    share(&facts.products, &rep.products)
}

fn competitor(facts: &Facts<'_>, rep: &Rep) -> f32 {
    share(&facts.competitors, &rep.competitors)
}

fn language(facts: &Facts<'_>, rep: &Rep) -> f32 {
    let (Some(tag), false) = (&facts.lead.contact.language, rep.languages.is_empty()) else { return NEUTRAL };
    let wanted = primary_language(tag);
    match rep.languages.iter().position(|own| primary_language(own).eq_ignore_ascii_case(wanted)) {
        Some(0) => 1.0,
        Some(_) => SECOND_LANGUAGE,
        None => 0.0,
    }
}

fn value(facts: &Facts<'_>, rep: &Rep) -> f32 {
    let Some(value) = facts.lead.value else { return NEUTRAL };
    match (rep.deal_min, rep.deal_max) {
        (None, None) => NEUTRAL,
        (Some(min), _) if value < min => (value / min) as f32,
        (_, Some(max)) if value > max => (max / value) as f32,
        _ => 1.0,
    }
}

/// A deal as complex as 0 wants a rep of seniority 1, one as complex as 1 wants a 5. Each step a rep is
/// short of it costs a quarter; each step above costs an eighth, for a principal can do a simple deal but
/// it is better kept for somebody who grows with it (S2.11).
fn seniority(facts: &Facts<'_>, rep: &Rep) -> f32 {
    let Some(complexity) = facts.complexity else { return NEUTRAL };
    let short = 1.0 + 4.0 * complexity - f32::from(rep.seniority.clamp(1, 5));
    if short > 0.0 { 1.0 - short / 4.0 } else { 1.0 + short / 8.0 }
}

fn timezone(facts: &Facts<'_>, rep: &Rep) -> f32 {
    let (Some(theirs), Some(own)) = (facts.offset, offset(&rep.timezone, facts.lead)) else { return NEUTRAL };
    let apart = (theirs - own).rem_euclid(DAY);
    // Clocks go round: thirteen hours ahead is eleven behind.
    let apart = apart.min(DAY - apart);
    (WORKDAY - apart).max(0) as f32 / WORKDAY as f32
}

/// How complex the deal looks, 0 to 1: the mean of what is known of the company's size, of where the value
/// stands among the deal sizes that the tenant's reps state, and of paperwork in the text.
fn complexity(config: &Config, lead: &Lead, verdict: &Verdict) -> Option<f32> {
    let size = lead.company.employees.map(|people| match people {
        0..50 => 0.0,
        50..250 => 0.25,
        250..1000 => 0.5,
        1000..5000 => 0.75,
        _ => 1.0,
    });
    let value = lead.value.and_then(|value| {
        let (mut below, mut all) = (0_u16, 0_u16);
        for bound in config.reps.iter().flat_map(|rep| [rep.deal_min, rep.deal_max]).flatten() {
            below = below.saturating_add(u16::from(bound <= value));
            all = all.saturating_add(1);
        }
        (all > 0).then(|| f32::from(below) / f32::from(all))
    });
    let papers = |kind: &str| matches!(kind, "security" | "procurement");
    let paperwork = verdict.signals.iter().any(|signal| papers(&signal.kind)).then_some(1.0);
    let known: Vec<f32> = [size, value, paperwork].into_iter().flatten().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f32>() / known.len() as f32)
}

/// Seconds east of UTC in a zone, when the lead came.
fn offset(name: &str, lead: &Lead) -> Option<i32> {
    Some(zone(name)?.to_offset(lead.received_at).seconds())
}

/// The share of what is wanted that somebody has.
fn share(wanted: &[String], own: &[String]) -> f32 {
    if wanted.is_empty() || own.is_empty() {
        return NEUTRAL;
    }
    wanted.iter().filter(|item| own.contains(item)).count() as f32 / wanted.len() as f32
}

fn unique(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut list: Vec<String> = Vec::new();
    for text in texts {
        if !list.contains(&text) {
            list.push(text);
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pipeline::fixture::{self, id};
    use crate::pipeline::place;

    /// One candidate, one lead: the value of one column.
    fn check(column: &str, lead: impl Fn(&mut Lead), rep: impl Fn(&mut Rep), expect: f32) {
        check_said(column, lead, &[], rep, expect);
    }

    fn check_said(
        column: &str,
        lead: impl Fn(&mut Lead),
        said: &[(&str, &str)],
        rep: impl Fn(&mut Rep),
        expect: f32,
    ) {
        let mut config = fixture::config();
        let (mut inquiry, mut candidate, mut verdict) =
            (fixture::lead(), fixture::rep("ana"), fixture::verdict());
        lead(&mut inquiry);
        rep(&mut candidate);
        for (kind, value) in said {
            let mut signal = fixture::signal(&inquiry.text, kind, "Budget");
            signal.value = (*value).to_owned();
            verdict.signals.push(signal);
        }
        config.reps = vec![candidate];
        let rules = place(&config, &inquiry, None, crate::lead::Tier::Two);
        let found = fits(&config, &inquiry, &verdict, &rules, &[&config.reps[0]]);
        let place = found.names.iter().position(|name| *name == column).unwrap();
        let what = (column, &config.reps[0], &inquiry);
        assert!((found.rows[place] - expect).abs() < 1e-6, "{} not {expect}: {what:?}", found.rows[place]);
        assert_eq!(found.columns()[place], (column.to_owned(), vec![found.rows[place]]));
    }

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn territories() {
        let check = |country: Option<&str>, rep: &str, expect| {
            let lead = |lead: &mut Lead| lead.company.country = country.map(str::to_owned);
            check("territory", lead, |candidate| candidate.id = id(rep), expect);
        };
        check(Some("US"), "ana", 1.0);
        check(Some("US"), "eve", 0.5);
        check(Some("US"), "zoe", 0.0);
        check(Some("PT"), "zoe", 1.0);
        check(None, "zoe", 1.0);
    }

    #[test]
    fn industries() {
        let check = |industry: Option<&str>, own: &[&str], expect| {
            let lead = |lead: &mut Lead| lead.company.industry = industry.map(str::to_owned);
            check("industry", lead, |rep| rep.industries = texts(own), expect);
        };
        check(None, &["retail"], NEUTRAL);
        check(Some("retail"), &[], NEUTRAL);
        check(Some("retail"), &["healthcare", "retail"], 1.0);
        check(Some("healthcare providers"), &["healthcare"], 1.0);
        check(Some("health"), &["healthcare"], 0.0);
        check(Some("retail"), &["healthcare"], 0.0);
    }

    #[test]
    fn products_and_competitors() {
        let sells = |own: &'static [&str]| move |rep: &mut Rep| rep.products = texts(own);
        check("product", |_| (), sells(&["analytics"]), NEUTRAL);
        check("product", |lead| lead.products = texts(&["Analytics"]), sells(&["analytics"]), 1.0);
        check(
            "product",
            |lead| lead.products = texts(&["analytics", "platform"]),
            sells(&["analytics"]),
            0.5,
        );
        check("product", |lead| lead.products = texts(&["platform"]), sells(&[]), NEUTRAL);
        check_said("product", |_| (), &[("product", "Platform")], sells(&["analytics"]), 0.0);
        let beat = |own: &'static [&str]| move |rep: &mut Rep| rep.competitors = texts(own);
        check("competitor", |_| (), beat(&["tableau"]), NEUTRAL);
        let said = [("competitor", "Tableau"), ("competitor", "tableau"), ("competitor", "Power BI")];
        check_said("competitor", |_| (), &said, beat(&["tableau"]), 0.5);
        check_said("competitor", |_| (), &said[..1], beat(&["qlik"]), 0.0);
    }

    #[test]
    fn languages() {
        let check = |language: Option<&str>, own: &[&str], expect| {
            let lead = |lead: &mut Lead| lead.contact.language = language.map(str::to_owned);
            check("language", lead, |rep| rep.languages = texts(own), expect);
        };
        check(None, &["en"], NEUTRAL);
        check(Some("en"), &[], NEUTRAL);
        check(Some("pt-BR"), &["pt-PT", "en"], 1.0);
        check(Some("en-GB"), &["pt-PT", "en"], 0.8);
        check(Some("ja"), &["pt-PT", "en"], 0.0);
    }

    #[test]
    fn values() {
        let check = |value, min, max, expect| {
            let rep = |rep: &mut Rep| (rep.deal_min, rep.deal_max) = (min, max);
            check("value", |lead| lead.value = value, rep, expect);
        };
        check(None, Some(1.0), None, NEUTRAL);
        check(Some(10.0), None, None, NEUTRAL);
        check(Some(50e3), Some(50e3), Some(250e3), 1.0);
        check(Some(25e3), Some(50e3), Some(250e3), 0.5);
        check(Some(1e6), Some(50e3), Some(250e3), 0.25);
        check(Some(0.0), Some(50e3), None, 0.0);
        check(Some(0.0), Some(0.0), Some(0.0), 1.0);
    }

    #[test]
    fn seniorities() {
        let check = |employees, said: &[(&str, &str)], seniority, expect| {
            let lead = |lead: &mut Lead| lead.company.employees = employees;
            check_said("seniority", lead, said, |rep| rep.seniority = seniority, expect);
        };
        check(None, &[], 5, NEUTRAL);
        check(Some(10), &[], 1, 1.0);
        check(Some(10), &[], 5, 0.5);
        check(Some(20_000), &[], 5, 1.0);
        check(Some(20_000), &[], 1, 0.0);
        check(Some(400), &[], 3, 1.0);
        check(Some(10), &[("security", "soc 2")], 3, 1.0);
        // A value above every range that is stated is as complex as it gets.
        let ranged = |rep: &mut Rep| (rep.deal_min, rep.deal_max, rep.seniority) = (Some(1.0), Some(5.0), 1);
        super::tests::check("seniority", |lead| lead.value = Some(9.0), ranged, 0.0);
    }

    #[test]
    fn timezones() {
        let check_at = |at: &str, theirs: Option<&str>, own: &str, expect| {
            let lead = |lead: &mut Lead| {
                lead.received_at = at.parse().unwrap();
                lead.contact.timezone = theirs.map(str::to_owned);
            };
            check("timezone", lead, |rep| rep.timezone = own.to_owned(), expect);
        };
        let winter = "2026-01-15T10:00:00Z";
        check_at(winter, None, "Europe/Lisbon", NEUTRAL);
        check_at(winter, Some("Europe/London"), "Europe/Lisbon", 1.0);
        check_at(winter, Some("Europe/Berlin"), "Europe/Lisbon", 0.875);
        check_at(winter, Some("America/New_York"), "Europe/Lisbon", 0.375);
        // For some weeks of spring America has changed its clocks and Europe has not.
        check_at("2026-03-15T10:00:00Z", Some("America/New_York"), "Europe/Lisbon", 0.5);
        check_at(winter, Some("Asia/Tokyo"), "Europe/Lisbon", 0.0);
        check_at(winter, Some("Pacific/Auckland"), "Pacific/Honolulu", 0.875);
    }

    proptest! {
        #[test]
        fn every_fit_is_between_0_and_1(
            value in prop::option::of(0.0..1e12f64),
            bounds in (prop::option::of(0.0..1e12f64), prop::option::of(0.0..1e12f64)),
            employees in prop::option::of(any::<u32>()),
            seniority in any::<u8>(),
        ) {
            let mut config = fixture::config();
            let mut lead = Lead { value, ..fixture::lead() };
            lead.company.employees = employees;
            for rep in &mut config.reps {
                (rep.deal_min, rep.deal_max, rep.seniority) = (bounds.0, bounds.1, seniority);
            }
            let candidates: Vec<&Rep> = config.reps.iter().collect();
            let found = fits(&config, &lead, &fixture::verdict(), &RulesTrace::default(), &candidates);
            prop_assert_eq!(found.rows.len(), found.names.len() * candidates.len());
            prop_assert!(found.rows.iter().all(|fit| (0.0..=1.0).contains(fit)));
        }
    }
}
