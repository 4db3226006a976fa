//! Whose inquiry it is: the account that a company and a person belong to (P1).
//!
//! The most telling sign comes first: the company's domain, the e-mail's domain, the contact that the CRM
//! has, the account most of whose contacts write from there, the company's name. A sign that points at two
//! accounts points at none, and the next one is asked. Every step is in the answer.

use std::collections::BTreeMap;

use crate::config::Config;
use crate::decision::{Found, Look, Step};
use crate::lead::{Account, Company, Kind, RepId};
use crate::records::{RecordKind, company_domain_of, is_free_mail, registrable};

/// The account that was found, and how.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountFound {
    /// Its domain.
    pub account: Option<String>,
    /// By what.
    pub by: Option<Look>,
    /// Every step up to there.
    pub steps: Vec<Step>,
}

/// Looks for the account. `company` is what the message says itself, `email` the contact's address.
pub fn account(config: &Config, company: &Company, email: Option<&str>) -> AccountFound {
    if config.accounts.is_empty() {
        return AccountFound::default();
    }
    let mut steps = Vec::new();
    for by in [Look::CompanyDomain, Look::EmailDomain, Look::Contact, Look::MostContacts, Look::CompanyName] {
        let found = match by {
            Look::CompanyDomain => with_domain(config, company.domain.as_deref()),
            Look::EmailDomain => of_mail(email, |domain| with_domain(config, Some(domain))),
            Look::Contact => of_contact(config, email),
            Look::MostContacts => of_mail(email, |domain| of_most_contacts(config, domain)),
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
pub fn keeper(account: &Account, kind: Kind) -> Option<&RepId> {
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
