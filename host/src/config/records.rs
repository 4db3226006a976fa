//! What the CRM has: `records.csv` into [`Records`], every bad line reported.
//!
//! A CRM remembers people who are gone: an owner who is no rep of the tenant is no problem of the file but a
//! fact, and whoever looks for a rep passes over them. Everything else has to be in its proper form.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::Folder;
use super::check::RECORDS;
use super::names::Names;
use super::people::{People, value};
use super::read::{File, Findings, Source, read};
use super::sheet::{Layout, Row, sheet};
use super::values::{Wrong, domain, email, id};
use crate::digest::Digest;
use crate::lead::{Rep, RepId};
use crate::records::{Owner, Record, RecordKind, Records, Status};

const LAYOUT: Layout = Layout {
    columns: &[
        "id",
        "kind",
        "email",
        "phone",
        "name",
        "company",
        "domain",
        "account",
        "owner",
        "team",
        "status",
        "created_at",
        "updated_at",
    ],
    required: &["id", "kind"],
};

const KINDS: &[(&str, RecordKind)] = &[
    ("lead", RecordKind::Lead),
    ("deal", RecordKind::Deal),
    ("contact", RecordKind::Contact),
    ("account", RecordKind::Account),
];

const STATUSES: &[(&str, Status)] = &[
    ("open", Status::Open),
    ("won", Status::Won),
    ("lost", Status::Lost),
    ("disqualified", Status::Disqualified),
    ("merged", Status::Merged),
];

pub(super) fn records(folder: &dyn Folder, people: &People, findings: &Findings) -> Records {
    let File::Text(text) = read(folder, RECORDS, findings) else {
        return Records::new(Vec::new(), people.accounts.values());
    };
    let source = Source::new(RECORDS, &text, findings);
    let mut reader = Reader {
        people,
        owners: owners(&people.reps),
        names: KINDS.iter().map(|&(word, kind)| (kind, Names::new(word, RECORDS, true))).collect(),
        findings,
    };
    let records = sheet(&source, &LAYOUT).rows.iter().filter_map(|row| reader.record(row)).collect();
    Records::new(records, people.accounts.values())
}

/// Of everything that the records say, in whatever order the file has them.
pub(super) fn digest(records: &Records) -> Digest {
    let mut content = Vec::new();
    for record in records.iter() {
        // Writing to memory does not fail, and every part of a record is plain JSON.
        let _ = serde_json::to_writer(&mut content, record);
    }
    Digest::of(content)
}

/// Reps by everything a CRM may call them.
fn owners(reps: &[Rep]) -> HashMap<&str, &RepId> {
    let by_email = reps.iter().rev().filter_map(|rep| Some((rep.email.as_deref()?, &rep.id)));
    by_email.chain(reps.iter().map(|rep| (rep.id.as_str(), &rep.id))).collect()
}

struct Reader<'a> {
    people: &'a People,
    owners: HashMap<&'a str, &'a RepId>,
    /// Ids by kind: a CRM may count its leads and its deals apart.
    names: HashMap<RecordKind, Names>,
    findings: &'a Findings,
}

impl Reader<'_> {
    fn record(&mut self, row: &Row<'_>) -> Option<Record> {
        let findings = self.findings;
        let kind = row.required("kind").and_then(|_| row.choice("kind", KINDS));
        let key = row.required("id").and_then(|text| {
            if let Some(names) = kind.and_then(|kind| self.names.get_mut(&kind)) {
                names.define(text, row.place(), findings);
            }
            value(row, "id", text, id)
        });
        let account = row.text("account").and_then(|text| {
            let domain = value(row, "account", text, domain)?;
            self.people.account_names.allow("account", &domain, row.place(), findings).then_some(domain)
        });
        let team = row.text("team").and_then(|text| {
            let known = self.people.team_names.allow("team", text, row.place(), findings);
            value(row, "team", text, id).filter(|_| known)
        });
        let owner = row.text("owner").map(|text| self.owner(text));
        // Everything is looked at before anything is given up.
        let email = row.text("email").and_then(|text| value(row, "email", text, email));
        let phone = row.text("phone").and_then(|text| value(row, "phone", text, phone));
        let domain = row.text("domain").and_then(|text| value(row, "domain", text, domain));
        let status = row.choice("status", STATUSES).unwrap_or_default();
        let moment = |column| row.text(column).and_then(|text| value(row, column, text, moment));
        let (created_at, updated_at) = (moment("created_at"), moment("updated_at"));
        let text = |column| row.text(column).map(str::to_owned);
        Some(Record {
            id: key?,
            kind: kind?,
            email,
            phone,
            name: text("name"),
            company: text("company"),
            domain,
            account,
            owner,
            team,
            status,
            created_at,
            updated_at,
        })
    }

    fn owner(&self, text: &str) -> Owner {
        let lower = text.to_lowercase();
        match self.owners.get(text).or_else(|| self.owners.get(lower.as_str())) {
            Some(&rep) => Owner::Rep(rep.clone()),
            None => Owner::Other(text.to_owned()),
        }
    }
}

/// E.164, whatever stands between the digits.
fn phone(text: &str) -> Result<String, Wrong> {
    let number: String = text.chars().filter(|c| !" -()./".contains(*c)).collect();
    let digits = number.strip_prefix('+').unwrap_or_default();
    if (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|b| b.is_ascii_digit())
    {
        return Ok(number);
    }
    let hint = "with its country code, such as +351210000000".to_owned();
    Err(Wrong { message: format!("is no phone number: {text:?}"), hint: Some(hint) })
}

/// A moment, or a day, which begins at midnight UTC.
fn moment(text: &str) -> Result<Timestamp, Wrong> {
    let day = || text.parse::<Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|day| day.timestamp());
    let moment = if text.len() == "2026-03-02".len() { day() } else { text.parse().ok() };
    moment.ok_or_else(|| Wrong {
        message: format!("is no time: {text:?}"),
        hint: Some("such as 2026-03-02T10:00:00Z, or a day such as 2026-03-02".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{SMALL, config};

    fn with(records: &str) -> super::super::Config {
        let accounts = "domain,name,owner\nacme.example,Acme Ltd,ana\n";
        config(&[SMALL[0], SMALL[1], SMALL[2], ("accounts.csv", accounts), ("records.csv", records)])
    }

    #[test]
    fn a_record_is_read_as_written() {
        let found = with(
            "id,kind,email,phone,name,company,domain,account,owner,team,status,created_at,updated_at\n\
             7,deal,Eva@Acme.Example,+351 (21) 000-00-00,Eva Roth,Acme,Acme.example,acme.example,ana,sales,won,2026-01-05,2026-02-01T09:00:00+01:00\n\
             7,lead,,,,,,,Gone@acme.example,,,,\n",
        );
        let found: Vec<_> =
            found.records.iter().map(|record| serde_json::to_value(record).unwrap()).collect();
        let expect = serde_json::json!([
            { "id": "7", "kind": "lead", "owner": { "other": "Gone@acme.example" }, "status": "open" },
            { "id": "7", "kind": "deal", "email": "eva@acme.example", "phone": "+351210000000", "name": "Eva Roth",
              "company": "Acme", "domain": "acme.example", "account": "acme.example", "owner": { "rep": "ana" },
              "team": "sales", "status": "won", "created_at": "2026-01-05T00:00:00Z", "updated_at": "2026-02-01T08:00:00Z" },
        ]);
        assert_eq!(serde_json::Value::from(found), expect);
    }

    #[test]
    fn the_order_of_lines_and_columns_says_nothing() {
        let digest = |records: &str| with(records).digest;
        let one = digest("id,kind,name\n1,lead,Ana\n2,lead,Bo\n1,deal,Cy\n");
        assert_eq!(digest("name,kind,id\nCy,deal,1\nBo,lead,2\nAna,lead,1\n"), one);
        assert_ne!(digest("id,kind,name\n1,lead,Ana\n2,lead,Bob\n1,deal,Cy\n"), one);
        assert_ne!(digest("id,kind,name\n1,lead,Ana\n2,lead,Bo\n"), one);
    }

    /// A bulk file is read in the time of its bytes, whatever its line numbers and owners cost.
    #[test]
    #[ignore = "measures; run with --ignored --nocapture"]
    fn a_hundred_thousand_records() {
        let mut text = LAYOUT.columns.join(",");
        for i in 0..100_000 {
            let (site, kind) = (i % 20_000, ["lead", "deal", "contact"][i % 3]);
            text += &format!(
                "\n{i},{kind},person{i}@site{site}.example,+35121{i:07},Person {i} Roth,Site {site} Ltd,site{site}.example,acme.example,\
                 ana,sales,open,2026-01-05T09:00:00Z,2026-02-05T09:00:00Z"
            );
        }
        let bytes = text.len();
        let start = std::time::Instant::now();
        let config = with(&text);
        let loaded = start.elapsed();
        let start = std::time::Instant::now();
        let digest = digest(&config.records);
        let digested = start.elapsed();
        let start = std::time::Instant::now();
        let found = (0..100_000)
            .filter(|i| {
                config.records.with_email(&format!("person{i}@site{}.example", i % 20_000)).count() == 1
            })
            .count();
        eprintln!(
            "{bytes} bytes read in {loaded:?}, digested in {digested:?} ({digest}), {found} found in {:?}",
            start.elapsed()
        );
    }
}
