//! Whose inquiry it is: the account that a company and a person belong to (P1).
//!
//! The most telling sign comes first: the company's domain, the e-mail's domain, the contact that the CRM
//! has, the account most of whose contacts write from there, the company's name. A sign that points at two
//! accounts points at none, and the next one is asked. Every step is in the answer.

use std::collections::BTreeMap;

use crate::config::Config;
use crate::decision::{Found, Sign, Step};
use crate::lead::{Account, Company, Kind, RepId};
use crate::records::{RecordKind, company_domain_of, is_free_mail, registrable};

/// The account that was found, and how.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountFound {
    /// Its domain.
    pub account: Option<String>,
    /// By what.
    pub by: Option<Sign>,
    /// Every step up to there.
    pub steps: Vec<Step>,
}

/// Looks for the account. `company` is what the message says itself, `email` the contact's address.
pub fn account(config: &Config, company: &Company, email: Option<&str>) -> AccountFound {
    if config.accounts.is_empty() {
        return AccountFound::default();
    }
    let mut steps = Vec::new();
    for by in [Sign::CompanyDomain, Sign::EmailDomain, Sign::Contact, Sign::MostContacts, Sign::CompanyName] {
        let found = match by {
            Sign::CompanyDomain => with_domain(config, company.domain.as_deref()),
            Sign::EmailDomain => of_mail(email, |domain| with_domain(config, Some(domain))),
            Sign::Contact => of_contact(config, email),
            Sign::MostContacts => of_mail(email, |domain| of_most_contacts(config, domain)),
            _ => with_name(config, company.name.as_deref()),
        };
        steps.push(Step { by, found: found.clone() });
        if let Found::Account { account } = found {
            return AccountFound { account: Some(account), by: Some(by), steps };
        }
    }
    AccountFound { account: None, by: None, steps }
}

/// Who works this kind of lead of an account: new inquiries are its SDR's, where it has one, deals its owner's.
pub(super) fn keeper(account: &Account, kind: Kind) -> Option<&RepId> {
    match kind {
        Kind::Lead => account.sdr.as_ref().or(account.owner.as_ref()),
        Kind::Deal => account.owner.as_ref(),
    }
}

fn with_domain(config: &Config, domain: Option<&str>) -> Found {
    match domain {
        None => Found::NothingToGoBy,
        Some(domain) => one(config.accounts.get_key_value(domain).map(|(domain, _)| domain.as_str())),
    }
}

fn of_mail(email: Option<&str>, look: impl FnOnce(&str) -> Found) -> Found {
    let Some(email) = email else { return Found::NothingToGoBy };
    match company_domain_of(email) {
        Some(domain) => look(&domain),
        None if host(email).is_some_and(|host| is_free_mail(&host)) => Found::FreeMail,
        None => Found::NothingToGoBy,
    }
}

fn host(email: &str) -> Option<String> {
    email.rsplit_once('@').and_then(|(_, host)| registrable(host))
}

fn of_contact(config: &Config, email: Option<&str>) -> Found {
    let Some(email) = email else { return Found::NothingToGoBy };
    let contacts = config.records.with_email(email).filter(|entry| entry.kind == RecordKind::Contact);
    one(contacts.filter_map(|entry| entry.account.as_deref()))
}

fn of_most_contacts(config: &Config, domain: &str) -> Found {
    let mut contacts: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in config.records.writing_from(domain) {
        if let (RecordKind::Contact, Some(account)) = (entry.kind, &entry.account) {
            *contacts.entry(account).or_default() += 1;
        }
    }
    let most = contacts.values().copied().max();
    one(contacts.into_iter().filter(|(_, count)| Some(*count) == most).map(|(account, _)| account))
}

fn with_name(config: &Config, name: Option<&str>) -> Found {
    match name {
        None => Found::NothingToGoBy,
        Some(name) => one(config.records.accounts_named(name).iter().map(String::as_str)),
    }
}

/// The only account among these.
fn one<'a>(accounts: impl IntoIterator<Item = &'a str>) -> Found {
    let mut accounts: Vec<&str> = accounts.into_iter().collect();
    accounts.sort_unstable();
    accounts.dedup();
    match accounts[..] {
        [] => Found::Nothing,
        [account] => Found::Account { account: account.to_owned() },
        _ => Found::tied(accounts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::fixture::{self, id, record};
    use crate::records::{Record, Records};

    fn named(domain: &str, name: &str) -> (String, Account) {
        let account = Account {
            domain: domain.to_owned(),
            name: name.to_owned(),
            owner: None,
            sdr: None,
            attention: None,
        };
        (domain.to_owned(), account)
    }

    fn config() -> Config {
        let accounts = [
            named("acme.example", "Acme, Inc."),
            named("sol.example", "Sol GmbH"),
            named("sol-energy.example", "SOL S.A."),
            named("lux.example", "Lux"),
        ];
        let contact = |id: &str, email: &str, account: &str| {
            record(id, RecordKind::Contact, |record| {
                record.email = Some(email.to_owned());
                record.account = Some(account.to_owned());
            })
        };
        let records = vec![
            contact("1", "eva@gmail.com", "lux.example"),
            contact("2", "a@holding.example", "acme.example"),
            contact("3", "b@holding.example", "acme.example"),
            contact("4", "c@holding.example", "lux.example"),
            contact("5", "a@even.example", "acme.example"),
            contact("6", "b@even.example", "lux.example"),
            contact("7", "twin@gmail.com", "acme.example"),
            contact("8", "twin@gmail.com", "lux.example"),
            Record { kind: RecordKind::Lead, ..contact("9", "z@leads.example", "lux.example") },
        ];
        let accounts = accounts.into();
        let mut config = Config { accounts, ..fixture::config() };
        config.records = Records::new(records, config.accounts.values());
        config
    }

    #[test]
    fn every_step_is_told() {
        use Sign::{CompanyDomain, CompanyName, Contact, EmailDomain, MostContacts};
        let config = config();
        let check = |company: [Option<&str>; 2], email: Option<&str>, expect: &[(Sign, Found)]| {
            let [domain, name] = company.map(|text| text.map(str::to_owned));
            let company = Company { domain, name, ..Company::default() };
            let found = account(&config, &company, email);
            let steps: Vec<_> = found.steps.into_iter().map(|step| (step.by, step.found)).collect();
            assert_eq!(steps, expect, "{company:?} {email:?}");
            let last = expect.last().unwrap();
            let last = match &last.1 {
                Found::Account { account } => (Some(account.clone()), Some(last.0)),
                _ => (None, None),
            };
            assert_eq!((found.account, found.by), last);
        };
        let is = |account: &str| Found::Account { account: account.to_owned() };
        let (silent, nothing, free) = (Found::NothingToGoBy, Found::Nothing, Found::FreeMail);
        let tied = |between: &[&str]| Found::tied(between.to_vec());

        check(
            [Some("acme.example"), Some("Lux")],
            Some("a@sol.example"),
            &[(CompanyDomain, is("acme.example"))],
        );
        check(
            [Some("other.example"), None],
            Some("a@mail.sol.example"),
            &[(CompanyDomain, nothing.clone()), (EmailDomain, is("sol.example"))],
        );
        check(
            [None, None],
            Some("eva@gmail.com"),
            &[(CompanyDomain, silent.clone()), (EmailDomain, free.clone()), (Contact, is("lux.example"))],
        );
        check(
            [None, Some("Sol")],
            Some("new@holding.example"),
            &[
                (CompanyDomain, silent.clone()),
                (EmailDomain, nothing.clone()),
                (Contact, nothing.clone()),
                (MostContacts, is("acme.example")),
            ],
        );
        check(
            [None, Some("LUX Ltd.")],
            Some("new@even.example"),
            &[
                (CompanyDomain, silent.clone()),
                (EmailDomain, nothing.clone()),
                (Contact, nothing.clone()),
                (MostContacts, tied(&["acme.example", "lux.example"])),
                (CompanyName, is("lux.example")),
            ],
        );
        check(
            [None, Some("sol")],
            Some("twin@gmail.com"),
            &[
                (CompanyDomain, silent.clone()),
                (EmailDomain, free.clone()),
                (Contact, tied(&["acme.example", "lux.example"])),
                (MostContacts, free.clone()),
                (CompanyName, tied(&["sol-energy.example", "sol.example"])),
            ],
        );
        // A lead's account says nothing of those who write from there: only contacts count.
        check(
            [None, Some("Nobody")],
            Some("new@leads.example"),
            &[
                (CompanyDomain, silent.clone()),
                (EmailDomain, nothing.clone()),
                (Contact, nothing.clone()),
                (MostContacts, nothing.clone()),
                (CompanyName, nothing.clone()),
            ],
        );
        check(
            [None, None],
            None,
            &[CompanyDomain, EmailDomain, Contact, MostContacts, CompanyName].map(|by| (by, silent.clone())),
        );
    }

    #[test]
    fn a_tenant_without_accounts_looks_for_none() {
        let config = Config { accounts: BTreeMap::new(), ..fixture::config() };
        assert_eq!(account(&config, &Company::default(), Some("a@acme.example")), AccountFound::default());
    }

    #[test]
    fn inquiries_are_the_sdrs_and_deals_the_owners() {
        let check = |owner: Option<&str>, sdr: Option<&str>, kind, expect: Option<&str>| {
            let (_, account) = named("acme.example", "Acme");
            let account = Account { owner: owner.map(id), sdr: sdr.map(id), ..account };
            assert_eq!(keeper(&account, kind).map(RepId::as_str), expect, "{owner:?} {sdr:?} {kind:?}");
        };
        check(Some("ana"), Some("ben"), Kind::Lead, Some("ben"));
        check(Some("ana"), Some("ben"), Kind::Deal, Some("ana"));
        check(Some("ana"), None, Kind::Lead, Some("ana"));
        check(None, Some("ben"), Kind::Deal, None);
        check(None, None, Kind::Lead, None);
    }
}
