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
        let is_itself =
            |entry: &Entry| entry.kind == lead.kind.into() && entry.id.as_str() == lead.id.as_str();
        // What nobody has, and is this very lead, is no other to merge it into.
        let of_run = look(seen)
            .into_iter()
            .filter(|entry| !is_itself(entry) || entry.rep().is_some())
            .map(|entry| Candidate { entry, similarity: 1.0, is_of_run: true });
        let of_crm = look(&config.records)
            .into_iter()
            .filter(|entry| !is_itself(entry) && seen.get(entry.kind, entry.id.as_str()).is_none())
            .map(|entry| Candidate { entry, similarity: 1.0, is_of_run: false });
        of_run.chain(of_crm).filter(|found| takes(&found.entry)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::fixture::{self, id, record};

    const NOW: &str = "2026-03-02T10:00:00Z";

    fn rules(by: &[Alike], similarity: Option<f64>) -> Duplicates {
        Duplicates { by: by.to_vec(), days: 90, similarity }
    }

    fn config(records: Vec<Record>, rules: Duplicates) -> Config {
        let mut config = fixture::config();
        config.known.duplicates = Some(rules);
        config.records = Records::new(records, []);
        config
    }

    fn lead(change: impl FnOnce(&mut Lead)) -> Lead {
        let mut lead = fixture::lead();
        lead.contact.email = Some("eva@acme.example".to_owned());
        lead.contact.phone = Some("+351210000000".to_owned());
        lead.contact.name = Some("Eva Roth".to_owned());
        lead.company.domain = Some("acme.example".to_owned());
        change(&mut lead);
        lead
    }

    const EVERY: &[Alike] = &[Alike::Email, Alike::Phone, Alike::Name];

    /// An open lead of ana's with this e-mail, made at the start of the year and touched in February.
    fn open(name: &str, change: impl FnOnce(&mut Record)) -> Record {
        record(name, RecordKind::Lead, |record| {
            record.email = Some("eva@acme.example".to_owned());
            record.owner = Some(crate::records::Owner::Rep(id("ana")));
            record.created_at = Some("2026-01-01T00:00:00Z".parse().unwrap());
            record.updated_at = Some("2026-02-01T00:00:00Z".parse().unwrap());
            change(record);
        })
    }

    fn found(config: &Config, seen: &Records, lead: &Lead) -> Option<Duplicate> {
        duplicate(config, seen, lead, None, NOW.parse().unwrap()).map(|(duplicate, _)| duplicate)
    }

    #[test]
    fn the_master_is_what_is_furthest() {
        let check = |records: Vec<Record>, lead: &Lead, expect: Option<(&str, Alike)>| {
            let config = config(records.clone(), rules(EVERY, None));
            let found = found(&config, &Records::default(), lead);
            let found = found.map(|found| (found.master.id.as_str().to_owned(), found.by));
            assert_eq!(found, expect.map(|(id, by)| (id.to_owned(), by)), "{records:#?}");
        };
        let any = lead(|_| {});
        let deal = lead(|lead| lead.kind = Kind::Deal);
        let nobody = |record: &mut Record| record.owner = None;
        let gone = |record: &mut Record| record.owner = Some(crate::records::Owner::Other("x".to_owned()));
        let as_deal = |record: &mut Record| record.kind = RecordKind::Deal;
        let older = |record: &mut Record| record.created_at = Some("2025-06-01T00:00:00Z".parse().unwrap());
        let status = |status| move |record: &mut Record| record.status = status;
        let phone = |record: &mut Record| {
            record.email = None;
            record.phone = Some("+351210000000".to_owned());
        };

        check(vec![], &any, None);
        check(vec![open("a", |_| {})], &any, Some(("a", Alike::Email)));
        // A rep before none, a deal before a lead, the older before the newer.
        check(vec![open("a", nobody), open("b", |_| {})], &any, Some(("b", Alike::Email)));
        check(vec![open("a", gone), open("b", |_| {})], &any, Some(("b", Alike::Email)));
        check(vec![open("a", |_| {}), open("b", as_deal)], &any, Some(("b", Alike::Email)));
        check(vec![open("a", |_| {}), open("b", older)], &any, Some(("b", Alike::Email)));
        check(vec![open("b", |_| {}), open("a", |_| {})], &any, Some(("a", Alike::Email)));
        // What is more telling comes first, whoever has it.
        check(vec![open("a", phone), open("b", nobody)], &any, Some(("b", Alike::Email)));
        check(vec![open("a", phone)], &any, Some(("a", Alike::Phone)));
        // A deal is not given up for a lead, and nothing is revived.
        check(vec![open("a", |_| {})], &deal, None);
        check(vec![open("a", as_deal)], &deal, Some(("a", Alike::Email)));
        for closed in [Status::Won, Status::Lost, Status::Disqualified, Status::Merged] {
            check(vec![open("a", status(closed))], &any, None);
        }
        check(vec![open("a", |record| record.kind = RecordKind::Contact)], &any, None);
        // The very record that is routed is no other one.
        check(vec![open("lead-1", |_| {})], &any, None);
        check(vec![open("lead-1", as_deal)], &any, Some(("lead-1", Alike::Email)));
    }

    #[test]
    fn a_window_ends() {
        let check = |updated_at: Option<&str>, created_at: Option<&str>, expect: bool| {
            let record = open("a", |record| {
                record.created_at = created_at.map(|text| text.parse().unwrap());
                record.updated_at = updated_at.map(|text| text.parse().unwrap());
            });
            let config = config(vec![record], rules(EVERY, None));
            let found = found(&config, &Records::default(), &lead(|_| {}));
            assert_eq!(found.is_some(), expect, "{updated_at:?} {created_at:?}");
        };
        check(Some("2025-12-02T10:00:00Z"), Some("2020-01-01T00:00:00Z"), true);
        check(Some("2025-12-02T09:59:59Z"), Some("2020-01-01T00:00:00Z"), false);
        check(None, Some("2025-12-02T10:00:00Z"), true);
        check(None, Some("2025-12-02T09:59:59Z"), false);
        check(None, None, true);
    }

    #[test]
    fn names_need_the_company_and_a_tenant_says_how_alike() {
        let check = |name: &str, company: &str, similarity: Option<f64>, expect: Option<Option<f64>>| {
            let record = open("a", |record| {
                record.email = None;
                record.name = Some(name.to_owned());
                record.company = Some(company.to_owned());
            });
            let config = config(vec![record], rules(&[Alike::Name], similarity));
            let lead = lead(|lead| lead.company.name = Some("ACME".to_owned()));
            let found = found(&config, &Records::default(), &lead);
            let found = found.map(|found| found.similarity.map(|alike| (alike * 1000.0).round() / 1000.0));
            assert_eq!(found, expect, "{name} {company} {similarity:?}");
        };
        check("EVA  RÖTH", "Acme Inc.", None, Some(None));
        check("Eva Roth", "Other", None, None);
        check("Eva Rooth", "Acme", None, None);
        check("Eva Rooth", "Acme", Some(0.93), Some(Some(0.978)));
        check("Ben Ek", "Acme", Some(0.93), None);
        check("Eva Rooth", "Other", Some(0.93), None);
    }

    #[test]
    fn the_masters_facts_hold_and_gaps_are_filled() {
        let master = open("a", |record| {
            record.name = Some("EVA ROTH".to_owned());
            record.domain = Some("acme.com.example".to_owned());
        });
        let config = config(vec![master.clone()], rules(EVERY, None));
        let lead = lead(|lead| lead.company.name = Some("Acme".to_owned()));
        let at = NOW.parse().unwrap();
        let (found, before) =
            duplicate(&config, &Records::default(), &lead, Some("acme.example"), at).unwrap();
        let merged = Record {
            phone: Some("+351210000000".to_owned()),
            company: Some("Acme".to_owned()),
            account: Some("acme.example".to_owned()),
            ..master
        };
        let conflict = MergeConflict {
            fact: Fact::Domain,
            master: "acme.com.example".to_owned(),
            lead: "acme.example".to_owned(),
        };
        let expect = Duplicate {
            master: merged.clone(),
            by: Alike::Email,
            similarity: None,
            owner: Some(id("ana")),
            team: Some(id("smb")),
            filled: vec![Fact::Phone, Fact::Company, Fact::Account],
            conflicts: vec![conflict.clone()],
        };
        assert_eq!((found, before), (expect.clone(), None));

        // Merging again adds nothing, and the phone finds the master now.
        let mut seen = Records::default();
        seen.note(merged.clone());
        let (again, before) = duplicate(&config, &seen, &lead, Some("acme.example"), at).unwrap();
        assert_eq!(again, Duplicate { filled: vec![], ..expect });
        assert_eq!(before, Some(merged));
        let by_phone = Lead {
            contact: crate::lead::Contact { phone: lead.contact.phone.clone(), ..Default::default() },
            ..lead
        };
        let found = super::tests::found(&config, &seen, &by_phone).unwrap();
        assert_eq!((found.master.id.as_str(), found.by), ("a", Alike::Phone));
    }

    #[test]
    fn a_tenant_who_does_not_ask_has_no_duplicates() {
        let mut config = config(vec![open("a", |_| {})], rules(EVERY, None));
        config.known.duplicates = None;
        assert_eq!(found(&config, &Records::default(), &lead(|_| {})), None);
    }
}
