//! What a condition is asked about: a lead and its verdict as values of the language.

use std::collections::{BTreeMap, HashMap};

use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString};
use cel::common::value::Val;
use jiff::Timestamp;

use crate::lead::{Company, Confidence, Contact, FieldValue, LaneId, Lead, LeadId, Ranked, Signal, Verdict};

/// A lead and its verdict, ready to be asked; made once a lead, whatever the number of conditions.
#[derive(Debug)]
pub struct Facts<'a> {
    lead: CelMap<'a>,
    verdict: CelMap<'a>,
}

impl<'a> Facts<'a> {
    /// Borrows what the lead holds; absent fields become `null`.
    pub fn new(lead: &'a Lead, verdict: &'a Verdict) -> Self {
        Self { lead: lead_value(lead), verdict: verdict_value(verdict) }
    }

    pub(super) fn lead(&self) -> &CelMap<'a> {
        &self.lead
    }

    pub(super) fn verdict(&self) -> &CelMap<'a> {
        &self.verdict
    }
}

fn lead_value(lead: &Lead) -> CelMap<'_> {
    let Lead { id, kind, source, received_at: _, text: body, .. } = lead;
    let Lead { contact, company, products, value, owner, labels, fields, .. } = lead;
    map([
        ("id", text(id.as_str())),
        ("kind", Box::new(CelString::from(kind.to_string()))),
        ("source", text(source)),
        ("text", text(body)),
        ("contact", contact_value(contact)),
        ("company", company_value(company)),
        ("products", texts(products)),
        ("value", number(*value)),
        ("owner", optional_text(owner)),
        ("labels", texts(labels)),
        ("fields", Box::new(map(fields.iter().map(|(name, value)| (name.as_str(), field(value)))))),
    ])
}

fn contact_value(contact: &Contact) -> Box<dyn Val + '_> {
    let Contact { name, email, phone, title, language, timezone } = contact;
    Box::new(map([
        ("name", optional_text(name)),
        ("email", optional_text(email)),
        ("phone", optional_text(phone)),
        ("title", optional_text(title)),
        ("language", optional_text(language)),
        ("timezone", optional_text(timezone)),
    ]))
}

fn company_value(company: &Company) -> Box<dyn Val + '_> {
    let Company { name, domain, industry, employees, revenue, country, region } = company;
    Box::new(map([
        ("name", optional_text(name)),
        ("domain", optional_text(domain)),
        ("industry", optional_text(industry)),
        ("employees", employees.map_or_else(null, |count| Box::new(CelInt::from(i64::from(count))))),
        ("revenue", number(*revenue)),
        ("country", optional_text(country)),
        ("region", optional_text(region)),
    ]))
}

fn verdict_value(verdict: &Verdict) -> CelMap<'_> {
    let Verdict { lane, confidence, ranking: _, intent, signals, reason: _ } = verdict;
    let mut kinds: BTreeMap<&str, Vec<Box<dyn Val + '_>>> = BTreeMap::new();
    for signal in signals {
        kinds.entry(&signal.kind).or_default().push(text(&signal.value));
    }
    let signals = map(kinds.into_iter().map(|(kind, values)| {
        let values: Box<dyn Val + '_> = Box::new(CelList::from(values));
        (kind, values)
    }));
    map([
        ("lane", lane.as_ref().map_or_else(null, |lane| text(lane.as_str()))),
        ("confidence", Box::new(CelString::from(confidence.to_string()))),
        ("intent", number(Some(f64::from(*intent)))),
        ("signals", Box::new(signals)),
    ])
}

fn field(value: &FieldValue) -> Box<dyn Val + '_> {
    match value {
        FieldValue::Text(value) => text(value),
        FieldValue::Number(value) => number(Some(*value)),
        FieldValue::Flag(value) => Box::new(CelBool::from(*value)),
        // UTC and RFC 3339, so that moments compare as texts do.
        FieldValue::Instant(value) => Box::new(CelString::from(value.to_string())),
        FieldValue::Texts(values) => texts(values),
    }
}

fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Box<dyn Val + 'a>)>) -> CelMap<'a> {
    let entries: HashMap<CelMapKey<'a>, Box<dyn Val + 'a>> =
        entries.into_iter().map(|(name, value)| (CelMapKey::from(name), value)).collect();
    CelMap::from(entries)
}

fn text(value: &str) -> Box<dyn Val + '_> {
    Box::new(CelString::from(value))
}

fn optional_text(value: &Option<String>) -> Box<dyn Val + '_> {
    value.as_deref().map_or_else(null, text)
}

fn texts(values: &[String]) -> Box<dyn Val + '_> {
    let values: Vec<Box<dyn Val + '_>> = values.iter().map(|value| text(value)).collect();
    Box::new(CelList::from(values))
}

fn number<'a>(value: Option<f64>) -> Box<dyn Val + 'a> {
    value.map_or_else(null, |value| Box::new(CelDouble::from(value)))
}

fn null<'a>() -> Box<dyn Val + 'a> {
    Box::new(CelNull)
}

/// A lead with its verdict, made up to try an expression on.
pub(super) struct Sample {
    lead: Lead,
    verdict: Verdict,
}

impl Sample {
    pub(super) fn facts(&self) -> Facts<'_> {
        Facts::new(&self.lead, &self.verdict)
    }
}

/// A lead of which everything is known, and one of which nothing is.
pub(super) fn samples() -> Vec<Sample> {
    [full(), empty()].into_iter().flatten().collect()
}

/// A lead of which everything is known. The custom fields are the tenant's own, so none is made up.
pub(super) fn full() -> Option<Sample> {
    let Sample { lead, verdict } = empty()?;
    let some = |value: &str| Some(value.to_owned());
    let lane: Option<LaneId> = "smb".parse().ok();
    let body = "We need a quote for 40 seats".to_owned();
    Some(Sample {
        lead: Lead {
            source: "web-form".to_owned(),
            contact: Contact {
                name: some("Ana Lima"),
                email: some("ana@lima.example"),
                phone: some("+351210000000"),
                title: some("Head of Operations"),
                language: some("pt"),
                timezone: some("Europe/Lisbon"),
            },
            company: Company {
                name: some("Lima"),
                domain: some("lima.example"),
                industry: some("retail"),
                employees: Some(120),
                revenue: Some(9e6),
                country: some("PT"),
                region: some("PT-11"),
            },
            products: vec!["analytics".to_owned()],
            value: Some(12_000.0),
            owner: some("ana"),
            labels: vec!["inbound".to_owned()],
            text: body,
            ..lead
        },
        verdict: Verdict {
            ranking: lane.iter().map(|lane| Ranked { lane: lane.clone(), score: 0.9 }).collect(),
            lane,
            confidence: Confidence::High,
            intent: 70.0,
            signals: vec![Signal { kind: "seats".to_owned(), value: "40".to_owned(), start: 20, end: 22 }],
            ..verdict
        },
    })
}

fn empty() -> Option<Sample> {
    let id: LeadId = "sample".parse().ok()?;
    Some(Sample {
        lead: Lead::bare(id, Timestamp::UNIX_EPOCH),
        verdict: Verdict {
            lane: None,
            confidence: Confidence::Low,
            ranking: Vec::new(),
            intent: 0.0,
            signals: Vec::new(),
            reason: String::new(),
        },
    })
}
