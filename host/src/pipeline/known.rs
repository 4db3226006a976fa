//! What is known of a lead before it is matched: the record it repeats, or else who has had the contact or
//! the account (P2, P15, S2.19). And, once it is routed, what the next lead of the run shall know of it.
//!
//! It reads what the run has routed so far, so leads come here in their order. Who has left the tenant is
//! passed over; where nothing tells two reps apart, neither is taken. Every step is in the answer.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::config::Config;
use crate::decision::{Found, Known, KnownTrace, Outcome, Relation, Sign, Step};
use crate::lead::{Account, Lead, RepId};
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
    let Some(mut record) = left(lead, account, known, at) else { return };
    if let (Outcome::Assigned { rep, team, .. }, None) = (outcome, record.rep()) {
        record.owner = Some(Owner::Rep(rep.clone()));
        record.team = Some(team.clone());
    }
    seen.note(record);
}

/// The record that a routed lead leaves, as it is where nobody has it again; absent where its master had an
/// owner before.
pub fn freed(lead: &Lead, account: Option<&str>, known: &KnownTrace, at: Timestamp) -> Option<Record> {
    left(lead, account, known, at).filter(|record| record.rep().is_none())
}

fn left(lead: &Lead, account: Option<&str>, known: &KnownTrace, at: Timestamp) -> Option<Record> {
    let master = known.duplicate.as_ref().map(|duplicate| duplicate.master.clone());
    master.or_else(|| Record::of(lead, account, at))
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
            let found = self.last(Sign::LastOfContact, sticky.days, |records, lead| {
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
            self.last(Sign::LastOfAccount, sticky.days, |records, _| records.at_site(site).collect())?;
        self.answer(entry, of_run, Known::Account)
    }

    fn answer(&self, entry: &'a Entry, of_run: bool, known: Known) -> Option<Answer> {
        let relation = Relation { rep: entry.rep()?.clone(), known, record: entry.id.clone() };
        Some((relation, of_run.then(|| Record::clone(entry))))
    }

    /// The latest of these records that a rep has: of this run, or else of the CRM.
    fn last(
        &mut self,
        by: Sign,
        days: u32,
        look: impl Fn(&'a Records, &'a Lead) -> Vec<&'a Entry>,
    ) -> Option<(&'a Entry, bool)> {
        let mut of_run = look(self.seen, self.lead);
        of_run.retain(|entry| entry.is_recent(self.at, days));
        if let Some(entry) = latest_noted(of_run) {
            return self.found(by, entry, true);
        }
        let mut entries = look(&self.config.records, self.lead);
        entries.retain(|entry| entry.status.counts() && entry.is_recent(self.at, days));
        entries.sort_by_key(|entry| Reverse((entry.touched(), entry.id.clone(), entry.kind)));
        let place = entries.iter().position(|entry| entry.rep().is_some());
        self.pass_over(by, &entries[..place.unwrap_or(entries.len())]);
        match place {
            Some(place) => self.found(by, entries[place], false),
            None => self.miss(by, Found::Nothing),
        }
    }

    /// Who has an account: who got its last lead, whom the CRM calls its owner, who has most of what is open.
    fn of_account(&mut self, domain: &'a str) -> Option<(&'a Entry, bool)> {
        let config = self.config;
        if let Some(entry) = latest_noted(self.seen.at_site(domain).collect()) {
            return self.found(Sign::LastOfRun, entry, true);
        }
        let mut open: Vec<&'a Entry> =
            config.records.at_site(domain).filter(|entry| entry.status == Status::Open).collect();
        open.sort_by_key(|entry| Reverse((entry.touched(), entry.id.clone(), entry.kind)));

        let own: Vec<&'a Entry> =
            open.iter().copied().filter(|entry| entry.kind == RecordKind::Account).collect();
        self.pass_over(Sign::AccountRecord, &own);
        match reps(&own)[..] {
            [] => {}
            [(_, _, latest)] => return self.found(Sign::AccountRecord, latest, false),
            ref several => {
                let tied = Found::tied(several.iter().map(|(rep, ..)| rep.as_str()).collect());
                self.steps.push(Step { by: Sign::AccountRecord, found: tied });
            }
        }

        open.retain(|entry| entry.kind != RecordKind::Account);
        self.pass_over(Sign::MostRecords, &open);
        let reps = reps(&open);
        let best = reps.iter().map(|(_, count, latest)| (*count, latest.touched())).max();
        let first: Vec<_> =
            reps.iter().filter(|(_, count, latest)| Some((*count, latest.touched())) == best).collect();
        match first[..] {
            [] => self.miss(Sign::MostRecords, Found::Nothing),
            [(_, _, latest)] => self.found(Sign::MostRecords, latest, false),
            ref several => {
                let tied = Found::tied(several.iter().map(|(rep, ..)| rep.as_str()).collect());
                self.miss(Sign::MostRecords, tied)
            }
        }
    }

    /// Says who is passed over because they are no rep: the latest of them is enough.
    fn pass_over(&mut self, by: Sign, entries: &[&Entry]) {
        let other = entries.iter().find_map(|entry| match &entry.owner {
            Some(Owner::Other(owner)) => Some(owner.clone()),
            Some(Owner::Rep(_)) | None => None,
        });
        self.steps.extend(other.map(|owner| Step { by, found: Found::NoRep { owner } }));
    }

    fn found(&mut self, by: Sign, entry: &'a Entry, of_run: bool) -> Option<(&'a Entry, bool)> {
        let rep = entry.rep()?.clone();
        self.steps.push(Step { by, found: Found::Rep { rep } });
        Some((entry, of_run))
    }

    fn miss<T>(&mut self, by: Sign, found: Found) -> Option<T> {
        self.steps.push(Step { by, found });
        None
    }
}

/// The last of this run that a rep got.
fn latest_noted(entries: Vec<&Entry>) -> Option<&Entry> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{Duplicates, Sticky};
    use crate::decision::AssignedBy;
    use crate::lead::{Attention, LeadId};
    use crate::pipeline::fixture::{self, id, record};
    use crate::records::Alike;

    fn now() -> Timestamp {
        "2026-03-02T10:00:00Z".parse().unwrap()
    }

    /// A record of the account acme.example with this owner, last touched on this day of February.
    fn of_acme(name: &str, kind: RecordKind, owner: &str, day: u32) -> Record {
        record(name, kind, |record| {
            record.email = Some(format!("{name}@acme.example"));
            record.owner = Some(match owner {
                "gone" => Owner::Other("gone@us.example".to_owned()),
                rep => Owner::Rep(id(rep)),
            });
            record.updated_at = Some(format!("2026-02-{day:02}T00:00:00Z").parse().unwrap());
        })
    }

    fn acme(attention: Option<Attention>) -> Account {
        Account {
            domain: "acme.example".to_owned(),
            name: "Acme".to_owned(),
            owner: None,
            sdr: None,
            attention,
        }
    }

    fn lead(email: &str) -> Lead {
        let mut lead = fixture::lead();
        lead.contact.email = Some(email.to_owned());
        lead.company.domain = Some("acme.example".to_owned());
        lead
    }

    fn relation(rep: &str, known: Known, record: &str) -> Option<Relation> {
        Some(Relation { rep: id(rep), known, record: id(record) })
    }

    fn rep(by: Sign, rep: &str) -> Step {
        Step { by, found: Found::Rep { rep: id(rep) } }
    }

    fn step(by: Sign, found: Found) -> Step {
        Step { by, found }
    }

    #[test]
    fn one_owner_for_all_contacts_of_an_account() {
        use RecordKind::{Account as Own, Contact, Deal, Lead};
        let check = |records: Vec<Record>, expect: Option<Relation>, steps: Vec<Step>| {
            let mut config = fixture::config();
            config.records = Records::new(records, []);
            let account = acme(Some(Attention::OneToFew));
            let found = known(&config, &Records::default(), &lead("new@acme.example"), Some(&account), now());
            assert_eq!((&found.relation, &found.steps), (&expect, &steps));
            // Without attention it is for the tenant to say.
            let account = acme(None);
            let lead = lead("new@acme.example");
            let silent = known(&config, &Records::default(), &lead, Some(&account), now());
            assert_eq!(silent, KnownTrace::default());
            config.known.same_owner = true;
            assert_eq!(known(&config, &Records::default(), &lead, Some(&account), now()), found);
        };
        let gone = |by| step(by, Found::NoRep { owner: "gone@us.example".to_owned() });
        check(vec![], None, vec![step(Sign::MostRecords, Found::Nothing)]);
        check(
            vec![of_acme("1", Deal, "ana", 1), of_acme("2", Contact, "ben", 9), of_acme("3", Lead, "ana", 3)],
            relation("ana", Known::Account, "3"),
            vec![rep(Sign::MostRecords, "ana")],
        );
        check(
            vec![of_acme("1", Deal, "ana", 1), of_acme("2", Contact, "ben", 9)],
            relation("ben", Known::Account, "2"),
            vec![rep(Sign::MostRecords, "ben")],
        );
        check(
            vec![of_acme("1", Deal, "ana", 9), of_acme("2", Contact, "ben", 9)],
            None,
            vec![step(Sign::MostRecords, Found::tied(vec!["ana", "ben"]))],
        );
        check(
            vec![of_acme("1", Own, "ben", 1), of_acme("2", Deal, "ana", 9), of_acme("3", Deal, "ana", 9)],
            relation("ben", Known::Account, "1"),
            vec![rep(Sign::AccountRecord, "ben")],
        );
        check(
            vec![of_acme("1", Own, "gone", 1), of_acme("2", Deal, "gone", 9), of_acme("3", Deal, "ana", 2)],
            relation("ana", Known::Account, "3"),
            vec![gone(Sign::AccountRecord), gone(Sign::MostRecords), rep(Sign::MostRecords, "ana")],
        );
        let won = Record { status: Status::Won, ..of_acme("1", Deal, "ana", 9) };
        check(vec![won], None, vec![step(Sign::MostRecords, Found::Nothing)]);
    }

    #[test]
    fn who_had_them_gets_them_back() {
        use RecordKind::{Contact, Lead};
        let check = |by: Known, days: u32, email: &str, expect: Option<Relation>, steps: Vec<Step>| {
            let mut config = fixture::config();
            config.known.sticky = Some(Sticky { by, days });
            let lost = Record { status: Status::Lost, ..of_acme("eva", Lead, "ana", 1) };
            let merged = Record { status: Status::Merged, ..of_acme("jo", Lead, "ana", 1) };
            let later = Record { email: lost.email.clone(), ..of_acme("later", Contact, "gone", 5) };
            config.records = Records::new(vec![lost, merged, later, of_acme("cy", Contact, "ben", 20)], []);
            let found = known(&config, &Records::default(), &lead(email), None, now());
            assert_eq!((found.relation, found.steps), (expect, steps), "{by:?} {days} {email}");
        };
        let gone = step(Sign::LastOfContact, Found::NoRep { owner: "gone@us.example".to_owned() });
        let stranger = step(Sign::LastOfContact, Found::Nothing);
        let eva = "eva@acme.example";
        check(
            Known::Contact,
            90,
            eva,
            relation("ana", Known::Contact, "eva"),
            vec![gone.clone(), rep(Sign::LastOfContact, "ana")],
        );
        check(Known::Contact, 26, eva, None, vec![gone.clone(), stranger.clone()]);
        check(Known::Contact, 90, "jo@acme.example", None, vec![stranger.clone()]);
        check(
            Known::Account,
            90,
            "new@acme.example",
            relation("ben", Known::Account, "cy"),
            vec![stranger.clone(), rep(Sign::LastOfAccount, "ben")],
        );
        let nobody = step(Sign::LastOfAccount, Found::Nothing);
        check(Known::Account, 1, "new@acme.example", None, vec![stranger, nobody]);
    }

    fn assigned(rep: &str) -> Outcome {
        Outcome::Assigned { rep: id(rep), team: id("smb"), total: None, by: AssignedBy::Match }
    }

    /// A tenant that knows whatever can be known.
    fn knowing(records: Vec<Record>) -> Config {
        let mut config = fixture::config();
        let by = vec![Alike::Email, Alike::Phone, Alike::Name];
        config.known.duplicates = Some(Duplicates { by, days: 90, similarity: None });
        config.known.sticky = Some(Sticky { by: Known::Account, days: 90 });
        config.known.same_owner = true;
        config.records = Records::new(records, []);
        config
    }

    #[test]
    fn a_run_remembers_what_it_routed() {
        let config = knowing(vec![of_acme("crm", RecordKind::Deal, "ana", 1)]);
        let account = acme(None);
        let mut seen = Records::default();
        let mut route = |name: &str, email: &str, to: &str| {
            let lead = Lead { id: id::<LeadId>(name), ..lead(email) };
            let found = known(&config, &seen, &lead, Some(&account), now());
            // What the trace keeps of the run is enough to find the same again.
            let mut recorded = Records::default();
            found.seen.iter().for_each(|record| recorded.note(record.clone()));
            assert_eq!(known(&config, &recorded, &lead, Some(&account), now()), found, "{name}");
            note(&mut seen, &lead, Some("acme.example"), &found, &assigned(to), now());
            let master = found.duplicate.map(|found| (found.master.id.to_string(), found.owner));
            (master, found.relation.map(|found| (found.rep.to_string(), found.record.to_string())))
        };
        let rep = |rep: &str, record: &str| Some((rep.to_owned(), record.to_owned()));
        let master = |record: &str, rep: &str| Some((record.to_owned(), Some(id(rep))));
        // The CRM's deal says whose the account is; whoever got its last lead says so from then on.
        assert_eq!(route("1", "one@acme.example", "ben"), (None, rep("ana", "crm")));
        assert_eq!(route("2", "two@acme.example", "ben"), (None, rep("ben", "1")));
        // The same lead again, and another from the same person, are the first one.
        assert_eq!(route("1", "one@acme.example", "eve"), (master("1", "ben"), None));
        assert_eq!(route("3", "one@acme.example", "eve"), (master("1", "ben"), None));
        assert_eq!(route("4", "crm@acme.example", "eve"), (master("crm", "ana"), None));
    }

    #[test]
    fn a_master_that_nobody_has_is_whose_the_lead_is() {
        let nobodys = Record { owner: None, ..of_acme("crm", RecordKind::Lead, "ana", 1) };
        let config = knowing(vec![nobodys.clone()]);
        let mut seen = Records::default();
        let lead = lead("crm@acme.example");
        let found = known(&config, &seen, &lead, None, now());
        assert_eq!(found.duplicate.as_ref().map(|found| &found.owner), Some(&None));
        note(&mut seen, &lead, None, &found, &assigned("ben"), now());
        let again = known(&config, &seen, &lead, None, now());
        assert_eq!(again.duplicate.and_then(|found| found.owner), Some(id("ben")));
        // A lead that went to nobody is nobody's, and found all the same.
        let mut seen = Records::default();
        note(&mut seen, &lead, None, &found, &Outcome::Triage, now());
        let again = known(&config, &seen, &lead, None, now());
        assert_eq!(again.duplicate.map(|found| (found.master.id, found.owner)), Some((nobodys.id, None)));
    }

    const KINDS: [RecordKind; 4] =
        [RecordKind::Lead, RecordKind::Deal, RecordKind::Contact, RecordKind::Account];

    prop_compose! {
        fn any_record()(
            number in 0..20u8,
            kind in prop::sample::select(KINDS.to_vec()),
            person in prop::option::of(prop::sample::select(vec!["eva", "ben roth", "José"])),
            site in prop::sample::select(vec!["acme.example", "roth.example", "gmail.com"]),
            owner in prop::sample::select(vec!["ana", "ben", "gone"]),
            day in 1..5u32,
            won in any::<bool>(),
        ) -> Record {
            Record {
                email: person.map(|name| format!("{}@{site}", name.replace([' ', 'é'], ""))),
                name: person.map(str::to_owned),
                domain: (site != "gmail.com").then(|| site.to_owned()),
                status: if won { Status::Won } else { Status::Open },
                ..of_acme(&number.to_string(), kind, owner, day)
            }
        }
    }

    /// Each id once among those of its kind.
    fn any_records() -> impl Strategy<Value = Vec<Record>> {
        prop::collection::vec(any_record(), 0..12).prop_map(|mut records| {
            records.sort_by_key(|record| (record.kind, record.id.clone()));
            records.dedup_by_key(|record| (record.kind, record.id.clone()));
            records
        })
    }

    proptest! {
        #[test]
        fn neither_order_nor_case_nor_strangers_count(
            (records, mut shuffled) in any_records()
                .prop_flat_map(|records| (Just(records.clone()), Just(records).prop_shuffle())),
            person in prop::sample::select(vec!["eva", "ben roth", "José"]),
            site in prop::sample::select(vec!["acme.example", "roth.example"]),
            has_account in any::<bool>(),
        ) {
            let mut lead = lead(&format!("{}@{site}", person.replace([' ', 'é'], "")));
            lead.contact.name = Some(person.to_owned());
            lead.company.domain = Some(site.to_owned());
            let account = acme(None);
            let account = (has_account && site == account.domain).then_some(&account);
            let expect = known(&knowing(records.clone()), &Records::default(), &lead, account, now());

            shuffled.push(record("stranger", RecordKind::Deal, |record| {
                record.email = Some("who@stranger.example".to_owned());
                record.owner = Some(Owner::Rep(id("ana")));
            }));
            prop_assert_eq!(&known(&knowing(shuffled), &Records::default(), &lead, account, now()), &expect);

            let mut loud = lead.clone();
            loud.contact.name = Some(person.to_uppercase());
            let mut loudly = known(&knowing(records), &Records::default(), &loud, account, now());
            // Only what is filled in is told as it is written.
            if let (Some(loudly), Some(expect)) = (&mut loudly.duplicate, &expect.duplicate) {
                loudly.master.name.clone_from(&expect.master.name);
            }
            prop_assert_eq!(&loudly, &expect);
        }

        #[test]
        fn merging_twice_is_merging_once(
            records in any_records(),
            person in prop::sample::select(vec!["eva", "ben roth", "José"]),
        ) {
            let config = knowing(records);
            let mut lead = lead(&format!("{}@acme.example", person.replace([' ', 'é'], "")));
            lead.contact.name = Some(person.to_owned());
            let mut seen = Records::default();
            let first = known(&config, &seen, &lead, None, now());
            note(&mut seen, &lead, None, &first, &assigned("ben"), now());
            let second = known(&config, &seen, &lead, None, now()).duplicate.expect("the first");
            prop_assert!(second.filled.is_empty(), "{second:?}");
            let master = first.duplicate.map_or(id("lead-1"), |first| first.master.id);
            prop_assert_eq!(&second.master.id, &master);
            let before: Vec<Record> = seen.iter().cloned().collect();
            let trace = KnownTrace { duplicate: Some(second), ..KnownTrace::default() };
            note(&mut seen, &lead, None, &trace, &assigned("eve"), now());
            prop_assert_eq!(seen.iter().cloned().collect::<Vec<_>>(), before);
        }
    }
}
