//! What the CRM already has: its records, and the ways to find them.
//!
//! A [`Record`] is one line of a tenant's `records.csv`, or a lead that was routed before in this run.
//! [`Records`] answers by id, e-mail, phone, mail domain, company and site without looking at the rest, so
//! that a hundred thousand records cost a lead no more than ten. It is built when the folder is read; what a
//! run adds goes to a second one, and the folder's stays as it is.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::Deref;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::lead::{Account, Kind, Lead, RecordId, RepId, TeamId};

mod keys;

pub use keys::{company_domain_of, company_key, is_free_mail, person_key, registrable};

/// Something the CRM has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its id, each once among those of its kind.
    pub id: RecordId,
    /// What it is.
    pub kind: RecordKind,
    /// Lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// E.164.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The person's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The company's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// The company's registrable domain, lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Domain of the account it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Who has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// The team that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// Whether somebody works on it.
    pub status: Status,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordKind {
    /// An inquiry that nobody has qualified yet.
    Lead,
    /// A qualified opportunity.
    Deal,
    /// A person.
    Contact,
    /// A company.
    Account,
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lead => "lead",
            Self::Deal => "deal",
            Self::Contact => "contact",
            Self::Account => "account",
        })
    }
}

impl From<Kind> for RecordKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Lead => Self::Lead,
            Kind::Deal => Self::Deal,
        }
    }
}

/// Whether somebody works on a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Somebody does, or should.
    #[default]
    Open,
    /// They bought.
    Won,
    /// They did not.
    Lost,
    /// They never could.
    Disqualified,
    /// It lives on in another record.
    Merged,
}

impl Status {
    /// Whether the record tells of a relation: somebody works or worked on it.
    pub fn counts(self) -> bool {
        matches!(self, Self::Open | Self::Won | Self::Lost)
    }
}

/// Who has a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// A rep of the tenant.
    Rep(RepId),
    /// Somebody who is none, such as a rep who has left, or a bot.
    Other(String),
}

/// What two records of the same person have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alike {
    /// The e-mail address.
    Email,
    /// The phone number.
    Phone,
    /// The person's name, and the company or its domain.
    Name,
}

impl fmt::Display for Alike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Email => "e-mail",
            Self::Phone => "phone",
            Self::Name => "name and company",
        })
    }
}

impl Record {
    /// A lead as the CRM has it once it is routed. `at` is when it was.
    pub fn of(lead: &Lead, account: Option<&str>, at: Timestamp) -> Option<Self> {
        Some(Self {
            id: lead.id.as_str().parse().ok()?,
            kind: lead.kind.into(),
            email: lead.contact.email.clone(),
            phone: lead.contact.phone.clone(),
            name: lead.contact.name.clone(),
            company: lead.company.name.clone(),
            domain: lead.company.domain.clone(),
            account: account.map(str::to_owned),
            owner: None,
            team: None,
            status: Status::Open,
            created_at: Some(at),
            updated_at: None,
        })
    }

    /// The rep who has it; an owner who is no rep is nobody.
    pub fn rep(&self) -> Option<&RepId> {
        match &self.owner {
            Some(Owner::Rep(rep)) => Some(rep),
            Some(Owner::Other(_)) | None => None,
        }
    }

    /// When something last happened to it.
    pub fn touched(&self) -> Option<Timestamp> {
        self.updated_at.max(self.created_at)
    }

    /// Whether something happened to it within so many days before `at`. Without any date, an open one
    /// counts as recent: somebody says that it is being worked on.
    pub fn is_recent(&self, at: Timestamp, days: u32) -> bool {
        let window = SignedDuration::from_hours(24 * i64::from(days));
        self.touched().map_or(self.status == Status::Open, |touched| at.duration_since(touched) <= window)
    }
}

/// A record with what it is found by.
#[derive(Debug, Clone)]
pub struct Entry {
    record: Record,
    /// Of the person's name.
    person_key: Option<String>,
    /// Of the company's name.
    company_key: Option<String>,
    /// The company's domain as the e-mail tells it.
    mail: Option<String>,
    /// How many were noted before it.
    noted: usize,
}

impl Entry {
    fn new(record: Record, noted: usize) -> Self {
        Self {
            person_key: record.name.as_deref().and_then(person_key),
            company_key: record.company.as_deref().and_then(company_key),
            mail: record.email.as_deref().and_then(company_domain_of),
            record,
            noted,
        }
    }

    /// The person's [`person_key`].
    pub fn person_key(&self) -> Option<&str> {
        self.person_key.as_deref()
    }

    /// Where it belongs: its account, else the company's domain, else the one its e-mail tells.
    pub fn site(&self) -> Option<&str> {
        self.record.account.as_deref().or(self.record.domain.as_deref()).or(self.mail.as_deref())
    }

    /// How many were noted before it: of two, the one with more is later.
    pub fn noted(&self) -> usize {
        self.noted
    }
}

impl Deref for Entry {
    type Target = Record;
    fn deref(&self) -> &Record {
        &self.record
    }
}

/// Records by everything they are looked up by. Every answer is in the order in which they were noted.
#[derive(Debug, Clone, Default)]
pub struct Records {
    entries: Vec<Entry>,
    /// Places of what was noted and not yet told.
    untold: BTreeSet<usize>,
    notes: usize,
    places: HashMap<RecordKind, HashMap<RecordId, usize>>,
    emails: Index,
    phones: Index,
    mails: Index,
    companies: Index,
    sites: Index,
    /// Domains of accounts by the company's key.
    accounts: HashMap<String, Vec<String>>,
}

impl Records {
    /// The records of a folder, and the names of its accounts. In whatever order they come, they answer the same.
    pub fn new<'a>(mut records: Vec<Record>, accounts: impl IntoIterator<Item = &'a Account>) -> Self {
        records.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
        let mut found = Self::default();
        for record in records {
            found.note(record);
        }
        for account in accounts {
            if let Some(key) = company_key(&account.name) {
                found.accounts.entry(key).or_default().push(account.domain.clone());
            }
        }
        found.accounts.values_mut().for_each(|domains| domains.sort());
        found.untold.clear();
        found
    }

    /// Adds a record; one of its kind and id that is there already gives way to it.
    pub fn note(&mut self, record: Record) {
        let entry = Entry::new(record, self.notes);
        self.notes += 1;
        let places = self.places.entry(entry.kind).or_default();
        let place = *places.entry(entry.id.clone()).or_insert(self.entries.len());
        let is_new = place == self.entries.len();
        self.untold.insert(place);
        self.emails.add(entry.email.as_deref(), place, is_new);
        self.phones.add(entry.phone.as_deref(), place, is_new);
        self.mails.add(entry.mail.as_deref(), place, is_new);
        self.companies.add(entry.company_key.as_deref(), place, is_new);
        self.sites.add(entry.site(), place, is_new);
        match self.entries.get_mut(place) {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
    }

    /// What was noted since this was last asked, in the order in which it was.
    pub fn changes(&mut self) -> Vec<Record> {
        let places = std::mem::take(&mut self.untold);
        let mut noted: Vec<&Entry> = places.iter().filter_map(|&place| self.entries.get(place)).collect();
        noted.sort_by_key(|entry| entry.noted);
        noted.into_iter().map(|entry| entry.record.clone()).collect()
    }

    /// The record of this kind and id.
    pub fn get(&self, kind: RecordKind, id: &str) -> Option<&Entry> {
        self.places.get(&kind)?.get(id).and_then(|&place| self.entries.get(place))
    }

    /// Those with this e-mail address.
    pub fn with_email<'a>(&'a self, email: &str) -> impl Iterator<Item = &'a Entry> {
        self.all(&self.emails, email, |entry| entry.email.as_deref())
    }

    /// Those with this phone number.
    pub fn with_phone<'a>(&'a self, phone: &str) -> impl Iterator<Item = &'a Entry> {
        self.all(&self.phones, phone, |entry| entry.phone.as_deref())
    }

    /// Those who write from this company's domain.
    pub fn writing_from<'a>(&'a self, domain: &str) -> impl Iterator<Item = &'a Entry> {
        self.all(&self.mails, domain, |entry| entry.mail.as_deref())
    }

    /// Those of a company with this [`company_key`].
    pub fn of_company<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a Entry> {
        self.all(&self.companies, key, |entry| entry.company_key.as_deref())
    }

    /// Those that belong to this account or, without one, to this domain ([`Entry::site`]).
    pub fn at_site<'a>(&'a self, domain: &str) -> impl Iterator<Item = &'a Entry> {
        self.all(&self.sites, domain, Entry::site)
    }

    /// Domains of the accounts with this name, in their order.
    pub fn accounts_named(&self, name: &str) -> &[String] {
        company_key(name).and_then(|key| self.accounts.get(&key)).map_or(&[], Vec::as_slice)
    }

    /// Every record, in the order in which they were noted first.
    pub fn iter(&self) -> impl Iterator<Item = &Record> {
        self.entries.iter().map(|entry| &entry.record)
    }

    fn all<'a>(
        &'a self,
        index: &'a Index,
        key: &str,
        has: fn(&Entry) -> Option<&str>,
    ) -> impl Iterator<Item = &'a Entry> {
        // A record that gave way may have had another key.
        index.get(key).iter().map(|&place| &self.entries[place]).filter(move |entry| has(entry) == Some(key))
    }
}

/// Places of entries by a key.
#[derive(Debug, Clone, Default)]
struct Index(HashMap<Box<str>, Vec<usize>>);

impl Index {
    fn add(&mut self, key: Option<&str>, place: usize, is_new: bool) {
        let Some(key) = key else { return };
        match self.0.get_mut(key) {
            Some(places) if !is_new && places.contains(&place) => {}
            Some(places) => places.push(place),
            None => {
                self.0.insert(key.into(), vec![place]);
            }
        }
    }

    fn get(&self, key: &str) -> &[usize] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }
}
