//! A message made into a lead: every part in its proper form, or dropped and reported.
//!
//! Nothing is guessed. A part that is malformed, or that no lead has, is dropped with a word on what was
//! expected and what was found, and the lead goes on without it. Only what could not be routed by anything
//! at all is refused. Null and empty text mean "absent" and are not reported.
//!
//! `normalise/parts.rs` knows the form of each part; this file knows which parts there are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use thiserror::Error;

use crate::config::Config;
use crate::decision::{Dropped, NormaliseTrace};
use crate::lead::{Company, Contact, FieldValue, IdError, Kind, Lead, LeadId};
use crate::pipeline::accounts::{AccountFound, account};
use crate::records::company_domain_of;
use parts::found;

mod parts;

/// The most text of a message that is kept, in bytes; the rest is cut and reported.
const MAX_TEXT: usize = 1 << 20;
/// The most custom fields a lead has.
const MAX_FIELDS: usize = 1000;
/// The most products, or labels, a lead names.
const MAX_NAMES: usize = 100;
/// The most parts that are reported one by one.
const MAX_REPORTS: usize = 100;

/// Why a message is no lead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It is no JSON object.
    #[error("expected a JSON object, found {found}")]
    NotAnObject {
        /// What it is.
        found: String,
    },
    /// There is no `id`.
    #[error("the lead has no `id`")]
    NoId,
    /// The `id` is neither text nor a whole number.
    #[error("expected text as `id`, found {found}")]
    IdShape {
        /// What it is.
        found: String,
    },
    /// The `id` cannot be one.
    #[error("the lead's `id` cannot be used")]
    BadId(#[source] IdError),
    /// There is no text, no e-mail and no company.
    #[error("the lead has no text, no e-mail and no company: nothing to route by")]
    Nothing,
}

impl Refusal {
    /// How to mend it, for whoever sends the messages.
    pub fn hint(&self) -> String {
        match self {
            Self::NotAnObject { .. } => {
                "send one object a lead, such as {\"id\": \"1\", \"text\": \"We need 40 seats\"}".to_owned()
            }
            Self::NoId | Self::IdShape { .. } => {
                "give every lead an `id` of its own, such as the record's id in the CRM".to_owned()
            }
            Self::BadId(problem) => format!("{problem}; up to 128 bytes of ordinary characters will do"),
            Self::Nothing => {
                "fill in `text`, `contact.email` or `company`, whichever the form asks for".to_owned()
            }
        }
    }
}

/// Makes a message into a lead. `now` stands in where the message does not say when it was received.
pub fn normalise(received: &Json, config: &Config, now: Timestamp) -> Result<NormaliseTrace, Refusal> {
    let Json::Object(message) = received else {
        return Err(Refusal::NotAnObject { found: found(received) });
    };
    let id = id(message.get("id"))?;
    let mut reports = Reports::default();
    let mut top = Section::new("", Some(message), &mut reports);

    let source = top.take("source", parts::slug).unwrap_or_else(|| "unknown".to_owned());
    let received_at = top.take("received_at", parts::moment).unwrap_or(now);
    let text = top.take("text", |text| parts::text(text, usize::MAX)).unwrap_or_default();
    let products =
        top.take("products", Ok).map(|list| names("products", list, top.reports)).unwrap_or_default();
    let value = top.take("value", parts::amount);
    let kind = top.take("kind", parts::kind).unwrap_or_default();
    let owner = top.take("owner", parts::line);
    let labels = top.take("labels", Ok).map(|list| names("labels", list, top.reports)).unwrap_or_default();
    let fields = top.object("fields").map(|object| fields(object, top.reports)).unwrap_or_default();
    let (contact, company) = (top.object("contact"), top.object("company"));
    top.rest(&["id"]);

    let text = if text.len() > MAX_TEXT {
        reports.add("text", format!("is cut to {MAX_TEXT} bytes; it has {}", text.len()));
        start_of(&text, MAX_TEXT).to_owned()
    } else {
        text
    };
    let mut company = read_company(company, &mut reports);
    let home = company.country.as_deref().or(config.country.as_deref());
    let contact = read_contact(contact, home, &mut reports);
    let AccountFound { account, by: account_by, steps: account_steps } =
        account(config, &company, contact.email.as_deref());
    if company.domain.is_none() {
        company.domain = contact.email.as_deref().and_then(company_domain_of);
    }

    let named = company != Company::default();
    if text.is_empty() && contact.email.is_none() && !named {
        return Err(Refusal::Nothing);
    }
    let lead = Lead {
        id,
        kind,
        source,
        received_at,
        text,
        contact,
        company,
        products,
        value,
        owner,
        labels,
        fields,
    };
    Ok(NormaliseTrace { lead, dropped: reports.done(), account, account_by, account_steps })
}

fn start_of(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

fn id(value: Option<&Json>) -> Result<LeadId, Refusal> {
    let text = match value {
        None | Some(Json::Null) => return Err(Refusal::NoId),
        Some(Json::String(text)) => text.trim().to_owned(),
        // Many a CRM counts its records; 17 and "17" are the same record.
        Some(Json::Number(number)) if !number.is_f64() => number.to_string(),
        Some(other) => return Err(Refusal::IdShape { found: found(other) }),
    };
    text.parse().map_err(|problem| match problem {
        IdError::Empty => Refusal::NoId,
        problem => Refusal::BadId(problem),
    })
}

fn read_company(object: Option<&Map<String, Json>>, reports: &mut Reports) -> Company {
    let mut section = Section::new("company.", object, reports);
    let name = section.take("name", parts::line);
    let domain = section.take("domain", parts::company_domain);
    let industry = section.take("industry", parts::lower);
    let employees = section.take("employees", parts::headcount);
    let revenue = section.take("revenue", parts::amount);
    let country = section.take("country", parts::country);
    let region = section.take("region", parts::region);
    section.rest(&[]);
    let (country, region) = match (country, region) {
        (Some(country), Some(region)) if !region.starts_with(&country) => {
            reports.add("company.region", format!("{region} is not in the country {country}"));
            (Some(country), None)
        }
        // A region says which country it is in.
        (None, Some(region)) => (region.get(..2).map(str::to_owned), Some(region)),
        pair => pair,
    };
    Company { name, domain, industry, employees, revenue, country, region }
}

fn read_contact(object: Option<&Map<String, Json>>, home: Option<&str>, reports: &mut Reports) -> Contact {
    let mut section = Section::new("contact.", object, reports);
    let contact = Contact {
        name: section.take("name", parts::line),
        email: section.take("email", parts::email),
        phone: section.take("phone", |value| parts::phone(value, home)),
        title: section.take("title", parts::line),
        language: section.take("language", parts::language),
        timezone: section.take("timezone", parts::timezone),
    };
    section.rest(&[]);
    contact
}

/// A list of names in lower case, each once.
fn names(part: &str, value: &Json, reports: &mut Reports) -> Vec<String> {
    let Json::Array(list) = value else {
        reports.add(part, format!("expected a list of names, found {}", found(value)));
        return Vec::new();
    };
    let mut names = Vec::new();
    for (place, value) in list.iter().enumerate() {
        match parts::lower(value) {
            Ok(name) if name.is_empty() || names.contains(&name) => {}
            Ok(_) if names.len() == MAX_NAMES => {
                reports.add(part, format!("a lead names at most {MAX_NAMES} {part}"));
                break;
            }
            Ok(name) => names.push(name),
            Err(problem) => reports.add(&format!("{part}[{place}]"), problem),
        }
    }
    names
}

fn fields(object: &Map<String, Json>, reports: &mut Reports) -> BTreeMap<String, FieldValue> {
    let mut fields = BTreeMap::new();
    for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
        let read = parts::field_name(name).and_then(|name| Ok((name, parts::field(value)?)));
        match read {
            Ok(_) if fields.len() == MAX_FIELDS => {
                reports.add("fields", format!("a lead has at most {MAX_FIELDS} custom fields"));
                break;
            }
            Ok((name, value)) => {
                fields.insert(name, value);
            }
            Err(problem) => reports.add(&format!("fields.{name}"), problem),
        }
    }
    fields
}

/// One object of a message, read part by part; what nobody asked for is reported at the end.
struct Section<'m, 'r> {
    prefix: &'static str,
    object: Option<&'m Map<String, Json>>,
    reports: &'r mut Reports,
    asked: Vec<&'static str>,
}

impl<'m, 'r> Section<'m, 'r> {
    fn new(prefix: &'static str, object: Option<&'m Map<String, Json>>, reports: &'r mut Reports) -> Self {
        Self { prefix, object, reports, asked: Vec::new() }
    }

    /// The part in its proper form; absent and malformed are `None`, and malformed is reported.
    fn take<T: Part>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'m Json) -> Result<T, String>,
    ) -> Option<T> {
        self.asked.push(name);
        let value = self.object?.get(name).filter(|value| !is_absent(value))?;
        match read(value) {
            Ok(part) => Some(part).filter(|part| !part.is_nothing()),
            Err(problem) => {
                self.reports.add(&format!("{}{name}", self.prefix), problem);
                None
            }
        }
    }

    fn object(&mut self, name: &'static str) -> Option<&'m Map<String, Json>> {
        self.take(name, |value| {
            value.as_object().ok_or_else(|| format!("expected an object, found {}", found(value)))
        })
    }

    fn rest(self, others: &[&str]) {
        for (name, value) in self.object.into_iter().flatten() {
            if !self.asked.contains(&name.as_str()) && !others.contains(&name.as_str()) && !value.is_null() {
                let name = format!("{}{name}", self.prefix);
                self.reports.add(&name, "no lead has this; custom fields belong into `fields`".to_owned());
            }
        }
    }
}

/// A part that may turn out to hold nothing once it is trimmed.
trait Part {
    fn is_nothing(&self) -> bool {
        false
    }
}

impl Part for String {
    fn is_nothing(&self) -> bool {
        self.is_empty()
    }
}
impl Part for f64 {}
impl Part for u32 {}
impl Part for Kind {}
impl Part for Timestamp {}
impl Part for &Json {}
impl Part for &Map<String, Json> {}

fn is_absent(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// What was dropped; a message of nothing but nonsense does not make an endless trace.
#[derive(Default)]
struct Reports {
    dropped: Vec<Dropped>,
    more: usize,
}

impl Reports {
    fn add(&mut self, field: &str, problem: String) {
        if self.dropped.len() < MAX_REPORTS {
            self.dropped.push(Dropped { field: crate::failure::clean(field, 200), problem });
        } else {
            self.more += 1;
        }
    }

    fn done(mut self) -> Vec<Dropped> {
        if self.more > 0 {
            let problem = format!("{} more parts were dropped", self.more);
            self.dropped.push(Dropped { field: "…".to_owned(), problem });
        }
        self.dropped
    }
}

#[cfg(test)]
mod tests;
