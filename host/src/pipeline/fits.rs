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
//! | `timezone` | the same working hours | the share of the contact's hours they have in common | none |
//! | `technical` | as deep as the lead needs, or deeper | their depth over the depth needed | |
//! | `certification` | they hold all that it asks for | the share they hold | they hold others |
//! | `style` | theirs is the contact's | 0.5 not known | the lead states another |
//! | `skill` | an expert in all that rules ask for | the mean of their levels, ten being 1 | none of them |

use crate::config::{Config, Role};
use crate::decision::RulesTrace;
use crate::lead::{FieldValue, Lead, Rep, SkillNeed, Verdict, covers_industry};
use crate::pipeline::eligible::primary_language;
use crate::pipeline::skills::level;
use crate::pipeline::{People, people};
use crate::roster::Roster;
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

/// What candidates are to fit.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// The tenant's people.
    pub roster: &'a Roster,
    /// The lead, enriched.
    pub lead: &'a Lead,
    /// Its classifier's answer.
    pub verdict: &'a Verdict,
    /// Where it is.
    pub rules: &'a RulesTrace,
    /// The skills that rules ask for, those that were dropped among them.
    pub skills: &'a [SkillNeed],
    /// The share of the contact's working hours in which a rep works, 0 to 1; `None` where that is not known
    /// for this rep. Where there is no such answer, eight hours of the clocks in either zone are compared.
    pub hours: Option<Hours<'a>>,
}

/// Working hours in common with the contact, by rep.
pub type Hours<'a> = &'a dyn Fn(&Rep) -> Option<f32>;

/// How well each candidate fits the lead.
pub fn fits(config: &Config, wanted: Wanted<'_>, candidates: &[&Rep]) -> Fits {
    let facts = Facts::of(config, wanted);
    type Column = fn(&Facts<'_>, &Rep) -> f32;
    let columns: [(&'static str, Column); 12] = [
        ("territory", territory),
        ("industry", industry),
        ("product", product),
        ("language", language),
        ("value", value),
        ("competitor", competitor),
        ("seniority", seniority),
        ("timezone", timezone),
        ("technical", technical),
        ("certification", certification),
        ("style", style),
        ("skill", skill),
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
    people: Option<People<'a>>,
    products: Vec<String>,
    competitors: Vec<String>,
    certifications: Vec<String>,
    skills: &'a [SkillNeed],
    /// 0 (simple) to 1 (complex).
    complexity: Option<f32>,
    /// The depth in technical matters that it needs, 1 to 10.
    depth: Option<u8>,
    style: Style,
    /// Seconds east of UTC where the contact is, when the lead came.
    offset: Option<i32>,
    hours: Option<Hours<'a>>,
}

/// How the contact likes to be sold to.
enum Style {
    /// The lead says so.
    Stated(String),
    /// Their title suggests it.
    Guessed(&'static str),
    Unknown,
}

impl<'a> Facts<'a> {
    fn of(config: &'a Config, wanted: Wanted<'a>) -> Self {
        let Wanted { roster, lead, verdict, rules, skills, hours } = wanted;
        let named = |kind: &str| -> Vec<String> {
            let of_kind = verdict.signals.iter().filter(|signal| signal.kind == kind);
            unique(of_kind.map(|signal| signal.value.to_lowercase()))
        };
        let products =
            unique(lead.products.iter().map(|product| product.to_lowercase()).chain(named("product")));
        let trade = lead.contact.title.as_deref().and_then(trade);
        Self {
            lead,
            people: people(config, rules),
            certifications: certifications(roster, lead, verdict, &products),
            competitors: named("competitor"),
            skills,
            complexity: complexity(roster, lead, verdict),
            depth: depth(verdict, &products, trade),
            style: match lead.fields.get("style") {
                Some(FieldValue::Text(style)) => Style::Stated(style.trim().to_lowercase()),
                _ => trade.map_or(Style::Unknown, |_| Style::Guessed("technical")),
            },
            products,
            offset: lead.contact.timezone.as_deref().and_then(|zone| offset(zone, lead)),
            hours,
        }
    }
}

fn territory(facts: &Facts<'_>, rep: &Rep) -> f32 {
    let Some(people) = &facts.people else { return 1.0 };
    match people.role(&rep.id) {
        Some(Role::Primary) => 1.0,
        Some(Role::Overlay) => 0.5,
        None => 0.0,
    }
}

fn industry(facts: &Facts<'_>, rep: &Rep) -> f32 {
    let Some(industry) = &facts.lead.company.industry else { return NEUTRAL };
    if rep.industries.is_empty() {
        return NEUTRAL;
    }
    f32::from(u8::from(rep.industries.iter().any(|own| covers_industry(own, industry))))
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
    if let Some(share) = facts.hours.and_then(|hours| hours(rep)) {
        return share;
    }
    let Some(theirs) = facts.offset else { return NEUTRAL };
    let Some(own) = offset(&rep.timezone, facts.lead) else { return NEUTRAL };
    let apart = (theirs - own).rem_euclid(DAY);
    // Clocks go round: thirteen hours ahead is eleven behind.
    let apart = apart.min(DAY - apart);
    (WORKDAY - apart).max(0) as f32 / WORKDAY as f32
}

fn technical(facts: &Facts<'_>, rep: &Rep) -> f32 {
    let (Some(needed), Some(own)) = (facts.depth, rep.technical) else { return NEUTRAL };
    (f32::from(own) / f32::from(needed)).min(1.0)
}

fn certification(facts: &Facts<'_>, rep: &Rep) -> f32 {
    if facts.certifications.is_empty() {
        return NEUTRAL;
    }
    let own: Vec<String> = rep.certifications.iter().map(|name| name.to_lowercase()).collect();
    share(&facts.certifications, &own)
}

/// A style that the lead states, in its field `style`, is wanted and no other. One that is only guessed
/// from a title speaks for whoever has it and against nobody.
fn style(facts: &Facts<'_>, rep: &Rep) -> f32 {
    let Some(own) = &rep.style else { return NEUTRAL };
    match &facts.style {
        Style::Stated(wanted) => f32::from(u8::from(wanted == own)),
        Style::Guessed(wanted) if wanted == own => 1.0,
        Style::Guessed(_) | Style::Unknown => NEUTRAL,
    }
}

fn skill(facts: &Facts<'_>, rep: &Rep) -> f32 {
    if facts.skills.is_empty() {
        return NEUTRAL;
    }
    let levels: f32 = facts.skills.iter().map(|need| f32::from(level(rep, &need.skill).min(10))).sum();
    levels / (10.0 * facts.skills.len() as f32)
}

/// What somebody with a technical title does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trade {
    /// Builds it themselves.
    Engineer,
    /// Answers for those who do.
    Head,
}

fn trade(title: &str) -> Option<Trade> {
    let title = words(title);
    let any = |of: &[&str]| title.iter().any(|word| of.contains(&word.as_str()));
    if any(&["engineer", "developer", "architect", "devops", "sre", "programmer", "administrator"]) {
        Some(Trade::Engineer)
    } else if any(&["cto", "cio", "ciso", "engineering", "technology", "it"]) {
        Some(Trade::Head)
    } else {
        None
    }
}

/// The depth in technical matters that a lead needs, 1 to 10: the most of what its signals, products and
/// contact ask for. 8 is a solutions engineer's.
fn depth(verdict: &Verdict, products: &[String], trade: Option<Trade>) -> Option<u8> {
    let signal = |kind: &str| match kind {
        "integration" | "technical" => Some(8),
        "security" => Some(6),
        _ => None,
    };
    let product = |name: &String| {
        words(name).iter().find_map(|word| match word.as_str() {
            "api" | "sdk" | "integration" | "integrations" => Some(8),
            "security" => Some(6),
            _ => None,
        })
    };
    let trade = trade.map(|trade| match trade {
        Trade::Engineer => 8,
        Trade::Head => 6,
    });
    let signals = verdict.signals.iter().filter_map(|found| signal(&found.kind));
    signals.chain(products.iter().filter_map(product)).chain(trade).max()
}

/// Certifications that the lead asks for, of those that somebody of the tenant holds: their names stand,
/// word for word, in a signal of security or certification, in a product or in a custom field.
///
/// Not in the text at large, where a name such as "Chief Engineer" is as often the sender's as a wish.
fn certifications(roster: &Roster, lead: &Lead, verdict: &Verdict, products: &[String]) -> Vec<String> {
    let asks = |kind: &str| matches!(kind, "security" | "certification");
    let signals = verdict.signals.iter().filter(|signal| asks(&signal.kind)).map(|signal| &signal.value);
    let fields = lead.fields.values().flat_map(|value| match value {
        FieldValue::Text(text) => std::slice::from_ref(text),
        FieldValue::Texts(texts) => texts,
        FieldValue::Number(_) | FieldValue::Flag(_) | FieldValue::Instant(_) => &[],
    });
    let said: Vec<Vec<String>> = signals.chain(products).chain(fields).map(|text| words(text)).collect();
    if said.is_empty() {
        return Vec::new();
    }
    let asked = roster.certifications().iter().filter(|name| {
        let name = words(name);
        !name.is_empty() && said.iter().any(|text| text.windows(name.len()).any(|part| part == name))
    });
    asked.cloned().collect()
}

/// The words of a text in lower case, without what stands between them.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// How complex the deal looks, 0 to 1: the mean of what is known of the company's size, of where the value
/// stands among the deal sizes that the tenant's reps state, and of paperwork in the text.
///
/// The custom field `complexity`, from 0 to 1, is somebody's word on it, and comes before any estimate; what the
/// classifier read in the text comes next.
pub fn complexity(roster: &Roster, lead: &Lead, verdict: &Verdict) -> Option<f32> {
    if let Some(FieldValue::Number(stated)) = lead.fields.get("complexity")
        && (0.0..=1.0).contains(stated)
    {
        return Some(*stated as f32);
    }
    if verdict.complexity.is_some() {
        return verdict.complexity;
    }
    let size = lead.company.employees.map(|people| match people {
        0..50 => 0.0,
        50..250 => 0.25,
        250..1000 => 0.5,
        1000..5000 => 0.75,
        _ => 1.0,
    });
    let value = lead.value.and_then(|value| roster.reaches(value));
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
        config.reps = vec![candidate].into();
        let rules = place(&config, &inquiry, &verdict, None, crate::lead::Tier::Two);
        let needs = [need("health"), need("sql")];
        let skills = if column == "skill" { &needs[..] } else { &[] };
        let wanted = Wanted {
            roster: &Roster::new(&config),
            lead: &inquiry,
            verdict: &verdict,
            rules: &rules,
            skills,
            hours: None,
        };
        let found = fits(&config, wanted, &[&config.reps[0]]);
        let place = found.names.iter().position(|name| *name == column).unwrap();
        let what = (column, &config.reps[0], &inquiry);
        assert!((found.rows[place] - expect).abs() < 1e-6, "{} not {expect}: {what:?}", found.rows[place]);
        assert_eq!(found.columns()[place], (column.to_owned(), vec![found.rows[place]]));
    }

    fn need(skill: &str) -> SkillNeed {
        SkillNeed { skill: skill.to_owned(), level: 5, drop_after: Some(0), priority: 0 }
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

    #[test]
    fn working_hours_come_before_clocks() {
        let (config, lead, verdict) = (fixture::config(), fixture::lead(), fixture::verdict());
        let hours = |rep: &Rep| (rep.id.as_str() == "ana").then_some(0.25);
        let rules = RulesTrace::default();
        let wanted = Wanted {
            roster: &Roster::new(&config),
            lead: &lead,
            verdict: &verdict,
            rules: &rules,
            skills: &[],
            hours: Some(&hours),
        };
        let found = fits(&config, wanted, &[&config.reps[0], &config.reps[1]]);
        let column = found.columns().into_iter().find(|(name, _)| name == "timezone");
        assert_eq!(column, Some(("timezone".to_owned(), vec![0.25, NEUTRAL])));
    }

    #[test]
    fn technical_depths() {
        let check = |title: Option<&str>, products: &[&str], said: &[(&str, &str)], own, expect| {
            let lead = |lead: &mut Lead| {
                lead.contact.title = title.map(str::to_owned);
                lead.products = texts(products);
            };
            check_said("technical", lead, said, |rep| rep.technical = own, expect);
        };
        check(None, &["analytics"], &[("budget", "5k")], Some(10), NEUTRAL);
        check(Some("Lead DevOps Engineer"), &[], &[], None, NEUTRAL);
        check(Some("Lead DevOps Engineer"), &[], &[], Some(8), 1.0);
        check(Some("Lead DevOps Engineer"), &[], &[], Some(4), 0.5);
        check(Some("CTO"), &[], &[], Some(3), 0.5);
        check(Some("Head of IT"), &[], &[], Some(9), 1.0);
        check(Some("Commodity Buyer"), &[], &[], Some(3), NEUTRAL);
        check(None, &["Security add-on"], &[], Some(3), 0.5);
        check(None, &["Rest API"], &[], Some(6), 0.75);
        check(Some("CTO"), &[], &[("integration", "sap")], Some(6), 0.75);
        check(None, &[], &[("security", "soc 2")], Some(3), 0.5);
    }

    #[test]
    fn certificates() {
        let check = |lead: &dyn Fn(&mut Lead), said: &[(&str, &str)], own: &[&str], expect| {
            check_said("certification", lead, said, |rep| rep.certifications = texts(own), expect);
        };
        let nothing = |_: &mut Lead| ();
        check(&nothing, &[], &["HIPAA"], NEUTRAL);
        check(&nothing, &[("security", "HIPAA audit")], &["hipaa"], 1.0);
        check(&nothing, &[("pain", "hipaa")], &["HIPAA"], NEUTRAL);
        // What nobody holds parts nobody.
        check(&nothing, &[("security", "iso 27001")], &["HIPAA"], NEUTRAL);
        // Word for word.
        check(&nothing, &[("certification", "ISO-27001.")], &["ISO 27001"], 1.0);
        check(&nothing, &[("certification", "ISO 270011")], &["ISO 27001"], NEUTRAL);
        check(&|lead| lead.products = texts(&["hipaa pack"]), &[], &["HIPAA"], 1.0);
        let field = |lead: &mut Lead| {
            lead.fields.insert("needs".to_owned(), FieldValue::Texts(texts(&["HIPAA", "SOC 2"])));
        };
        check(&field, &[], &["HIPAA", "Security Specialist"], 1.0);
        // The sender's own title is no wish.
        check(&|lead| lead.text = "Regards, Chief Engineer".to_owned(), &[], &["Chief Engineer"], NEUTRAL);

        let (mut config, mut lead) = (fixture::config(), fixture::lead());
        for (rep, own) in config.reps.iter_mut().zip([&["HIPAA", "SOC 2"][..], &["HIPAA"], &["AWS"]]) {
            rep.certifications = texts(own);
        }
        field(&mut lead);
        let (verdict, rules) = (fixture::verdict(), RulesTrace::default());
        let wanted = Wanted {
            roster: &Roster::new(&config),
            lead: &lead,
            verdict: &verdict,
            rules: &rules,
            skills: &[],
            hours: None,
        };
        let found = fits(&config, wanted, &config.reps.iter().collect::<Vec<_>>());
        let column = found.columns().into_iter().find(|(name, _)| name == "certification");
        assert_eq!(column, Some(("certification".to_owned(), vec![1.0, 0.5, 0.0])));
    }

    #[test]
    fn styles() {
        let check = |stated: Option<&str>, title: &str, own: Option<&str>, expect| {
            let lead = |lead: &mut Lead| {
                lead.contact.title = Some(title.to_owned());
                if let Some(style) = stated {
                    lead.fields.insert("style".to_owned(), FieldValue::Text(style.to_owned()));
                }
            };
            check("style", lead, |rep| rep.style = own.map(str::to_owned), expect);
        };
        check(None, "Buyer", Some("technical"), NEUTRAL);
        check(None, "Software Architect", Some("technical"), 1.0);
        check(None, "Software Architect", Some("direct"), NEUTRAL);
        check(Some("Direct "), "Software Architect", Some("direct"), 1.0);
        check(Some("direct"), "Software Architect", Some("technical"), 0.0);
        check(Some("direct"), "Buyer", None, NEUTRAL);
    }

    #[test]
    fn asked_skills() {
        let check = |own: &[(&str, u8)], expect| {
            let own = own.iter().map(|(skill, level)| ((*skill).to_owned(), *level)).collect();
            check("skill", |_| (), |rep| rep.skills = std::collections::BTreeMap::clone(&own), expect);
        };
        check(&[], 0.0);
        check(&[("health", 8), ("golf", 10)], 0.4);
        check(&[("health", 10), ("sql", 10)], 1.0);
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
            for rep in config.reps.iter_mut() {
                (rep.deal_min, rep.deal_max, rep.seniority) = (bounds.0, bounds.1, seniority);
            }
            let candidates: Vec<&Rep> = config.reps.iter().collect();
            let (verdict, rules) = (fixture::verdict(), RulesTrace::default());
            let wanted = Wanted { roster: &Roster::new(&config), lead: &lead, verdict: &verdict, rules: &rules, skills: &[], hours: None };
            let found = fits(&config, wanted, &candidates);
            prop_assert_eq!(found.rows.len(), found.names.len() * candidates.len());
            prop_assert!(found.rows.iter().all(|fit| (0.0..=1.0).contains(fit)));
        }
    }
}
