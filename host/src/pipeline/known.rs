//! What is known of a lead before it is matched: the record it repeats, or else who has had the contact or
//! the account (P2, P15, S2.19). And, once it is routed, what the next lead of the run shall know of it.
//!
//! It reads what the run has routed so far, so leads come here in their order. Who has left the tenant is
//! passed over; where nothing tells two reps apart, neither is taken. Every step is in the answer.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::config::Config;
use crate::decision::{Found, Known, KnownTrace, Look, Outcome, Relation, Step};
use crate::lead::{Account, Lead, RecordId, RepId};
use crate::pipeline::duplicates::duplicate;
use crate::records::{Entry, Owner, Record, RecordKind, Records, Status};

/// What is known of a lead. `seen` are the leads of this run so far, `account` is the lead's.
///
/// A repeated record's owner is looked for first; who has had contact or account only where there is none.
pub fn known(
    config: &Config,
    seen: &Records,
    lead: &Lead,
    account: Option<&Account>,
    at: Timestamp,
) -> KnownTrace {
    let domain = account.map(|account| account.domain.as_str());
    let mut trace = KnownTrace::default();
    if let Some((duplicate, before)) = duplicate(config, seen, lead, domain, at) {
        trace.duplicate = Some(duplicate);
        trace.seen.extend(before);
    }
    if trace.duplicate.as_ref().is_some_and(|duplicate| duplicate.owner.is_some()) {
        return trace;
    }
    let mut search = Search { config, seen, lead, account, at, steps: Vec::new() };
    let found = search.relation();
    trace.steps = search.steps;
    if let Some((relation, of_run)) = found {
        trace.seen.extend(of_run.filter(|record| !trace.seen.contains(record)));
        trace.relation = Some(relation);
    }
    trace
}

/// Notes a routed lead for those that come after it in the same run: as a record of its own, or merged into
/// its master. A master that nobody had is now whose the lead is.
pub fn note(
    seen: &mut Records,
    lead: &Lead,
    account: Option<&str>,
    known: &KnownTrace,
    outcome: &Outcome,
    at: Timestamp,
) {
    let master = known.duplicate.as_ref().map(|duplicate| duplicate.master.clone());
    let Some(mut record) = master.or_else(|| Record::of(lead, account, at)) else { return };
    if let (Outcome::Assigned { rep, team, .. }, None) = (outcome, record.rep()) {
        record.owner = Some(Owner::Rep(rep.clone()));
        record.team = Some(team.clone());
    }
    seen.note(record);
}

struct Search<'a> {
    config: &'a Config,
    seen: &'a Records,
    lead: &'a Lead,
    account: Option<&'a Account>,
    at: Timestamp,
    steps: Vec<Step>,
}

/// Who, and the lead of this run that says so, where it is one.
type Answer = (Relation, Option<Record>);

impl<'a> Search<'a> {
    fn relation(&mut self) -> Option<Answer> {
        let config = self.config;
        let sticky = config.known.sticky.as_ref();
        let all_of_account = |account: &&Account| account.attention.is_some() || config.known.same_owner;
        if let Some(sticky) = sticky {
            let found = self.last(Look::LastOfContact, sticky.days, |records, lead| {
                let by_email = lead.contact.email.iter().flat_map(|email| records.with_email(email));
                let by_phone = lead.contact.phone.iter().flat_map(|phone| records.with_phone(phone));
                by_email.chain(by_phone).collect()
            });
            if let Some((entry, of_run)) = found {
                return self.answer(entry, of_run, Known::Contact);
            }
        }
        if let Some(account) = self.account.filter(all_of_account)
            && let Some((entry, of_run)) = self.of_account(&account.domain)
        {
            return self.answer(entry, of_run, Known::Account);
        }
        let sticky = sticky.filter(|sticky| sticky.by == Known::Account)?;
        let site =
            self.account.map(|account| account.domain.as_str()).or(self.lead.company.domain.as_deref())?;
        let (entry, of_run) =
            self.last(Look::LastOfAccount, sticky.days, |records, _| records.at_site(site).collect())?;
        self.answer(entry, of_run, Known::Account)
    }

    fn answer(&self, entry: &'a Entry, of_run: bool, known: Known) -> Option<Answer> {
        let relation = Relation { rep: entry.rep()?.clone(), known, record: entry.id.clone() };
        Some((relation, of_run.then(|| Record::clone(entry))))
    }

    /// The latest of these records that a rep has: of this run, or else of the CRM.
    fn last(
        &mut self,
        by: Look,
        days: u32,
        look: impl Fn(&'a Records, &'a Lead) -> Vec<&'a Entry>,
    ) -> Option<(&'a Entry, bool)> {
        if let Some(entry) = latest_noted(look(self.seen, self.lead)) {
            return self.found(by, entry, true);
        }
        let mut entries = look(&self.config.records, self.lead);
        entries.retain(|entry| entry.status.counts() && entry.is_recent(self.at, days));
        entries.sort_by_key(|entry| Reverse((entry.touched(), entry.id.clone(), entry.kind)));
        self.pass_over(by, &entries);
        match entries.into_iter().find(|entry| entry.rep().is_some()) {
            Some(entry) => self.found(by, entry, false),
            None => self.miss(by, Found::Nothing),
        }
    }

    /// Who has an account: who got its last lead, whom the CRM calls its owner, who has most of what is open.
    fn of_account(&mut self, domain: &'a str) -> Option<(&'a Entry, bool)> {
        let config = self.config;
        if let Some(entry) = latest_noted(self.seen.at_site(domain).collect()) {
            return self.found(Look::LastOfRun, entry, true);
        }
        let mut open: Vec<&'a Entry> =
            config.records.at_site(domain).filter(|entry| entry.status == Status::Open).collect();
        open.sort_by_key(|entry| Reverse((entry.touched(), entry.id.clone(), entry.kind)));

        let own: Vec<&'a Entry> =
            open.iter().copied().filter(|entry| entry.kind == RecordKind::Account).collect();
        self.pass_over(Look::AccountRecord, &own);
        match reps(&own)[..] {
            [] => {}
            [(_, _, latest)] => return self.found(Look::AccountRecord, latest, false),
            ref several => {
                let tied = Found::tied(several.iter().map(|(rep, ..)| rep.as_str()).collect());
                self.steps.push(Step { by: Look::AccountRecord, found: tied });
            }
        }

        open.retain(|entry| entry.kind != RecordKind::Account);
        self.pass_over(Look::MostRecords, &open);
        let reps = reps(&open);
        let best = reps.iter().map(|(_, count, latest)| (*count, latest.touched())).max();
        let first: Vec<_> =
            reps.iter().filter(|(_, count, latest)| Some((*count, latest.touched())) == best).collect();
        match first[..] {
            [] => self.miss(Look::MostRecords, Found::Nothing),
            [(_, _, latest)] => self.found(Look::MostRecords, latest, false),
            ref several => {
                let tied = Found::tied(several.iter().map(|(rep, ..)| rep.as_str()).collect());
                self.miss(Look::MostRecords, tied)
            }
        }
    }

    /// Says who is passed over because they are no rep: the latest of them is enough.
    fn pass_over(&mut self, by: Look, entries: &[&Entry]) {
        let other = entries.iter().find_map(|entry| match &entry.owner {
            Some(Owner::Other(owner)) => Some(owner.clone()),
            Some(Owner::Rep(_)) | None => None,
        });
        self.steps.extend(other.map(|owner| Step { by, found: Found::NoRep { owner } }));
    }

    fn found(&mut self, by: Look, entry: &'a Entry, of_run: bool) -> Option<(&'a Entry, bool)> {
        let rep = entry.rep()?.clone();
        self.steps.push(Step { by, found: Found::Rep { rep } });
        Some((entry, of_run))
    }

    fn miss<T>(&mut self, by: Look, found: Found) -> Option<T> {
        self.steps.push(Step { by, found });
        None
    }
}

/// The last of this run that a rep got.
fn latest_noted<'a>(entries: Vec<&'a Entry>) -> Option<&'a Entry> {
    entries.into_iter().filter(|entry| entry.rep().is_some()).max_by_key(|entry| entry.noted())
}

/// Every rep who has some of these, which are latest first, with how many and the latest.
fn reps<'a>(entries: &[&'a Entry]) -> Vec<(&'a RepId, usize, &'a Entry)> {
    let mut reps: BTreeMap<&RepId, (usize, &Entry)> = BTreeMap::new();
    for entry in entries {
        if let Some(rep) = entry.rep() {
            reps.entry(rep).or_insert((0, entry)).0 += 1;
        }
    }
    reps.into_iter().map(|(rep, (count, latest))| (rep, count, latest)).collect()
}
