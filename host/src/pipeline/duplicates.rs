//! Whether a lead repeats a record: its master, and what merging the two gives (P2).
//!
//! Looked at are open records of the CRM and leads that came before in the same run, by what they have in
//! common in the tenant's order. Of several the master is one that a rep has, then a deal, then the oldest:
//! what is furthest is kept. The master's own facts, owner and team hold; the lead fills in what it lacks.

use std::cmp::Reverse;

use jiff::Timestamp;

use crate::config::{Config, Duplicates};
use crate::decision::{Duplicate, Fact, MergeConflict};
use crate::lead::{Kind, Lead};
use crate::records::{Alike, Entry, Record, RecordKind, Records, Status, company_key, person_key};

/// The record that a lead repeats, where the tenant looks for duplicates, and the record as it was before
/// the merge where it was noted in this run.
///
/// `seen` are leads of the same run; a record of the CRM that is there too gives way to it. `account` is the
/// domain of the lead's account.
pub fn duplicate(
    config: &Config,
    seen: &Records,
    lead: &Lead,
    account: Option<&str>,
    at: Timestamp,
) -> Option<(Duplicate, Option<Record>)> {
    let rules = config.known.duplicates.as_ref()?;
    let search = Search { config, seen, lead, account, at, rules };
    let (by, best) = rules.by.iter().find_map(|by| Some((*by, search.best(*by)?)))?;
    let (master, filled, conflicts) = merged(best.entry, lead, account);
    let owner = best.entry.rep().cloned();
    let their_team = || owner.as_ref().and_then(|rep| config.rep(rep)).map(|rep| rep.team.clone());
    let team = best.entry.team.clone().or_else(their_team);
    let similarity = (best.similarity < 1.0).then_some(best.similarity);
    let before = best.is_of_run.then(|| Record::clone(best.entry));
    Some((Duplicate { master, by, similarity, owner, team, filled, conflicts }, before))
}

/// A record with a lead merged into it: what it lacked is the lead's, and what both say is its own.
fn merged(master: &Record, lead: &Lead, account: Option<&str>) -> (Record, Vec<Fact>, Vec<MergeConflict>) {
    let mut record = master.clone();
    let (mut filled, mut conflicts) = (Vec::new(), Vec::new());
    let facts = [
        (Fact::Email, &mut record.email, lead.contact.email.as_deref()),
        (Fact::Phone, &mut record.phone, lead.contact.phone.as_deref()),
        (Fact::Name, &mut record.name, lead.contact.name.as_deref()),
        (Fact::Company, &mut record.company, lead.company.name.as_deref()),
        (Fact::Domain, &mut record.domain, lead.company.domain.as_deref()),
        (Fact::Account, &mut record.account, account),
    ];
    for (fact, theirs, new) in facts {
        match (theirs, new) {
            (_, None) => {}
            (theirs @ None, Some(new)) => {
                *theirs = Some(new.to_owned());
                filled.push(fact);
            }
            (Some(theirs), Some(new)) if same(fact, theirs, new) => {}
            (Some(theirs), Some(new)) => {
                conflicts.push(MergeConflict { fact, master: theirs.clone(), lead: new.to_owned() });
            }
        }
    }
    (record, filled, conflicts)
}

/// Whether two spellings say the same.
fn same(fact: Fact, one: &str, other: &str) -> bool {
    match fact {
        Fact::Name => person_key(one) == person_key(other),
        Fact::Company => company_key(one) == company_key(other),
        Fact::Email | Fact::Phone | Fact::Domain | Fact::Account => one == other,
    }
}

/// A record that may be the master.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    entry: &'a Entry,
    /// 1 where what they have in common is the same to the letter.
    similarity: f64,
    /// Whether it was noted in this run.
    is_of_run: bool,
}

struct Search<'a> {
    config: &'a Config,
    seen: &'a Records,
    lead: &'a Lead,
    account: Option<&'a str>,
    at: Timestamp,
    rules: &'a Duplicates,
}

impl<'a> Search<'a> {
    /// The master among those who have this in common with the lead.
    fn best(&self, by: Alike) -> Option<Candidate<'a>> {
        let rank = |found: &Candidate<'_>| {
            let entry = found.entry;
            let made = (entry.created_at.is_none(), entry.created_at);
            (entry.rep().is_some(), entry.kind == RecordKind::Deal, Reverse((made, entry.id.clone())))
        };
        self.alike(by).into_iter().max_by_key(rank)
    }

    fn alike(&self, by: Alike) -> Vec<Candidate<'a>> {
        let contact = &self.lead.contact;
        match by {
            Alike::Email => contact
                .email
                .as_ref()
                .map_or_else(Vec::new, |email| self.with(|records| records.with_email(email).collect())),
            Alike::Phone => contact
                .phone
                .as_ref()
                .map_or_else(Vec::new, |phone| self.with(|records| records.with_phone(phone).collect())),
            Alike::Name => self.with_name(),
        }
    }

    /// Those who share the name, or nearly, and the company.
    fn with_name(&self) -> Vec<Candidate<'a>> {
        let Some(person) = self.lead.contact.name.as_deref().and_then(person_key) else { return Vec::new() };
        let site = self.account.or(self.lead.company.domain.as_deref());
        let company = self.lead.company.name.as_deref().and_then(company_key);
        let least = self.rules.similarity.unwrap_or(1.0);
        let at_site = site.map_or_else(Vec::new, |site| self.with(|records| records.at_site(site).collect()));
        let of_company =
            company.map_or_else(Vec::new, |key| self.with(|records| records.of_company(&key).collect()));
        let likeness = |name: &str| if name == person { 1.0 } else { strsim::jaro_winkler(name, &person) };
        at_site
            .into_iter()
            .chain(of_company)
            .filter_map(|found| Some(Candidate { similarity: likeness(found.entry.person_key()?), ..found }))
            .filter(|found| found.similarity >= least)
            .collect()
    }

    /// Those of this run and of the CRM that a lead can be merged into.
    fn with(&self, look: impl Fn(&'a Records) -> Vec<&'a Entry>) -> Vec<Candidate<'a>> {
        let Self { config, seen, lead, at, rules, .. } = self;
        let takes = |entry: &&Entry| {
            // A deal is further than any lead, and is not given up for one.
            let kind =
                entry.kind == RecordKind::Deal || entry.kind == RecordKind::Lead && lead.kind == Kind::Lead;
            kind && entry.status == Status::Open && entry.is_recent(*at, rules.days)
        };
        let of_run =
            look(seen).into_iter().map(|entry| Candidate { entry, similarity: 1.0, is_of_run: true });
        let is_itself =
            |entry: &Entry| entry.kind == lead.kind.into() && entry.id.as_str() == lead.id.as_str();
        let of_crm = look(&config.records)
            .into_iter()
            .filter(|entry| !is_itself(entry) && seen.get(entry.kind, entry.id.as_str()).is_none())
            .map(|entry| Candidate { entry, similarity: 1.0, is_of_run: false });
        of_run.chain(of_crm).filter(|found| takes(&found.entry)).collect()
    }
}
