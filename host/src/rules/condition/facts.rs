//! What a condition is asked about: a lead, what is known of it, and a rep, as values of the language.

use std::collections::{BTreeMap, HashMap};

use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString};
use cel::common::value::Val;
use jiff::Timestamp;

use super::Words;
use crate::lead::{
    Account, Attention, Caps, Company, Confidence, Contact, FieldValue, LaneId, Lead, LeadId, Ranked, Rep,
    Signal, TeamId, Tier, Verdict,
};

/// A lead and what is known of it, ready to be asked; made once a lead, whatever the number of conditions.
#[derive(Debug)]
pub struct Facts<'a> {
    lead: CelMap<'a>,
    verdict: CelMap<'a>,
    segment: CelMap<'a>,
    tier: Box<dyn Val + 'a>,
    account: CelMap<'a>,
    complexity: Box<dyn Val + 'a>,
}

/// What is known of a lead besides itself and its verdict.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// What each segment table says of it, by the table's name.
    pub segments: &'a BTreeMap<String, String>,
    /// Its tier.
    pub tier: Tier,
    /// The account it belongs to.
    pub account: Option<&'a Account>,
    /// How complex the deal looks, 0 to 1; absent where that cannot be told.
    pub complexity: Option<f64>,
}

impl<'a> Facts<'a> {
    /// Borrows what the lead holds; absent fields become `null`.
    pub fn new(lead: &'a Lead, verdict: &'a Verdict) -> Self {
        Self {
            lead: lead_value(lead),
            verdict: verdict_value(verdict),
            segment: map([]),
            tier: null(),
            account: account_value(None),
            complexity: null(),
        }
    }

    /// The same with what rules may read as well.
    pub fn with(self, around: Around<'a>) -> Self {
        let Around { segments, tier, account, complexity } = around;
        Self {
            segment: map(segments.iter().map(|(name, value)| (name.as_str(), text(value)))),
            tier: Box::new(CelInt::from(i64::from(u8::from(tier)))),
            account: account_value(account),
            complexity: number(complexity),
            ..self
        }
    }

    /// The value of a variable.
    pub(super) fn get(&self, variable: &str) -> Option<&(dyn Val + 'a)> {
        Some(match variable {
            "lead" => &self.lead,
            "verdict" => &self.verdict,
            "segment" => &self.segment,
            "tier" => &*self.tier,
            "account" => &self.account,
            "complexity" => &*self.complexity,
            _ => return None,
        })
    }
}

/// A rep, ready to be asked about; made once a rep, when the folder is read.
#[derive(Debug)]
pub struct RepFacts(CelMap<'static>);

impl RepFacts {
    /// Copies what conditions may read of a rep. Certifications are in lower case here, as industries
    /// and products are.
    pub fn new(rep: &Rep) -> Self {
        let Rep {
            id, name, team, email, industries, products, languages, competitors, certifications, ..
        } = rep;
        let Rep { skills, technical, style, timezone, country, seniority, deal_min, deal_max, .. } = rep;
        let own = |value: &str| -> Box<dyn Val> { Box::new(CelString::from(value.to_owned())) };
        let own_or_null = |value: &Option<String>| value.as_deref().map_or_else(null, own);
        let own_all = |values: &[String]| -> Box<dyn Val> {
            Box::new(CelList::from(values.iter().map(|value| own(value)).collect::<Vec<_>>()))
        };
        let level = |level: u8| -> Box<dyn Val> { Box::new(CelInt::from(i64::from(level))) };
        let lower: Vec<String> = certifications.iter().map(|name| name.to_lowercase()).collect();
        let skills: HashMap<CelMapKey<'static>, Box<dyn Val>> =
            skills.iter().map(|(name, grade)| (CelMapKey::from(name.clone()), level(*grade))).collect();
        Self(map([
            ("id", own(id.as_str())),
            ("name", own(name)),
            ("team", own(team.as_str())),
            ("email", own_or_null(email)),
            ("industries", own_all(industries)),
            ("products", own_all(products)),
            ("languages", own_all(languages)),
            ("competitors", own_all(competitors)),
            ("certifications", own_all(&lower)),
            ("skills", Box::new(CelMap::from(skills))),
            ("technical", technical.map_or_else(null, level)),
            ("style", own_or_null(style)),
            ("timezone", own(timezone)),
            ("country", own_or_null(country)),
            ("seniority", level(*seniority)),
            ("deal_min", number(*deal_min)),
            ("deal_max", number(*deal_max)),
        ]))
    }

    pub(super) fn value(&self) -> &CelMap<'static> {
        &self.0
    }
}

fn account_value(account: Option<&Account>) -> CelMap<'_> {
    let owner = account.and_then(|account| account.owner.as_ref());
    let attention = account.and_then(|account| account.attention);
    map([
        ("domain", account.map_or_else(null, |account| text(&account.domain))),
        ("name", account.map_or_else(null, |account| text(&account.name))),
        ("owner", owner.map_or_else(null, |id| text(id.as_str()))),
        ("attention", attention.map_or_else(null, |kind| Box::new(CelString::from(kind.to_string())))),
    ])
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
    let Verdict { lane, confidence, ranking: _, intent, signals, complexity: _, reason: _ } = verdict;
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

/// A lead and a rep, made up to try an expression on.
pub(super) struct Sample {
    lead: Lead,
    verdict: Verdict,
    segments: BTreeMap<String, String>,
    tier: Tier,
    account: Option<Account>,
    complexity: Option<f64>,
    pub(super) rep: RepFacts,
}

impl Sample {
    pub(super) fn facts(&self) -> Facts<'_> {
        Facts::new(&self.lead, &self.verdict).with(Around {
            segments: &self.segments,
            tier: self.tier,
            account: self.account.as_ref(),
            complexity: self.complexity,
        })
    }
}

/// A lead of which everything is known, and one of which nothing is.
pub(super) fn samples(words: &Words) -> Vec<Sample> {
    [full(words), empty(words)].into_iter().flatten().collect()
}

/// A lead of which everything is known. The custom fields are the tenant's own, so none is made up.
pub(super) fn full(words: &Words) -> Option<Sample> {
    let Sample { lead, verdict, segments, .. } = empty(words)?;
    let some = |value: &str| Some(value.to_owned());
    let rep = Rep {
        email: some("ana@acme.example"),
        industries: vec!["retail".to_owned()],
        products: vec!["analytics".to_owned()],
        languages: vec!["pt-PT".to_owned()],
        competitors: vec!["globex".to_owned()],
        certifications: vec!["soc 2".to_owned()],
        technical: Some(6),
        style: some("consultative"),
        country: some("PT"),
        deal_min: Some(0.0),
        deal_max: Some(250_000.0),
        ..rep()?
    };
    let lane: Option<LaneId> = "smb".parse().ok();
    let body = "We need a quote for 40 seats".to_owned();
    Some(Sample {
        segments,
        tier: Tier::Two,
        account: Some(Account {
            domain: "lima.example".to_owned(),
            name: "Lima".to_owned(),
            owner: Some(rep.id.clone()),
            sdr: None,
            attention: Some(Attention::OneToFew),
        }),
        complexity: Some(0.5),
        rep: RepFacts::new(&rep),
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

fn empty(words: &Words) -> Option<Sample> {
    let id: LeadId = "sample".parse().ok()?;
    Some(Sample {
        // Every table says something of every lead.
        segments: words.segments().map(|name| (name.to_owned(), "small".to_owned())).collect(),
        tier: Tier::Three,
        account: None,
        complexity: None,
        rep: RepFacts::new(&rep()?),
        lead: Lead::bare(id, Timestamp::UNIX_EPOCH),
        verdict: Verdict {
            lane: None,
            confidence: Confidence::Low,
            ranking: Vec::new(),
            intent: 0.0,
            signals: Vec::new(),
            complexity: None,
            reason: String::new(),
        },
    })
}

/// A rep of whom nothing else is known.
fn rep() -> Option<Rep> {
    let team: TeamId = "smb".parse().ok()?;
    Some(Rep {
        id: "ana".parse().ok()?,
        name: "Ana Lima".to_owned(),
        email: None,
        team,
        max_open: 10,
        open: 0,
        caps: Caps::default(),
        week: 0,
        weight: 1.0,
        available: true,
        free_now: true,
        response_seconds: None,
        industries: Vec::new(),
        products: Vec::new(),
        languages: Vec::new(),
        competitors: Vec::new(),
        certifications: Vec::new(),
        skills: BTreeMap::new(),
        technical: None,
        style: None,
        timezone: "Europe/Lisbon".to_owned(),
        country: None,
        schedule: None,
        prefers: None,
        relay: None,
        deal_min: None,
        deal_max: None,
        seniority: 3,
    })
}
