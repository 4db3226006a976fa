//! Deals of before, as somebody exports them from a CRM: a CSV file with a line a deal, or JSON Lines.
//!
//! | column | |
//! |---|---|
//! | `id` | required; the same again replaces what was there |
//! | `rep` | who had it, by id or address; empty: nobody known |
//! | `opened_at` | required |
//! | `outcome` | `won`, `lost`, `disqualified`; empty or `open`: it is not decided yet |
//! | `closed_at` | required with an outcome |
//! | `value` | what it was worth, in the tenant's currency |
//! | `touched_at` | when somebody first spoke or wrote to the contact |
//! | `source`, `lane`, `industry`, `country`, `language`, `employees`, `revenue` | as a lead has them |
//!
//! Every other column is a custom field. Times are RFC 3339, or days such as `2026-02-28`, which begin at midnight in
//! the tenant's zone. The facts of a deal are worked out by the same code as those of a lead, the tenant's segments
//! among them. A line that cannot be read is told and left out, the others count.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value as Json};

use super::facts;
use crate::config::Config;
use crate::events::Closing;
use crate::lead::{FieldValue, LaneId, Lead, LeadId, RepId};
use crate::nearest::nearest;
use crate::rules::segments;
use crate::zones::zone;

/// A deal of before.
#[derive(Debug, Clone, PartialEq)]
pub struct PastDeal {
    /// Its id in the CRM.
    pub id: LeadId,
    /// Who had it; somebody who is no rep any more still counts.
    pub rep: Option<RepId>,
    /// What was known of it.
    pub facts: BTreeMap<String, String>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When somebody first spoke or wrote to the contact.
    pub touched_at: Option<Timestamp>,
    /// How it ended, and when; absent while it is open.
    pub closed: Option<(Closing, Timestamp)>,
    /// What it was worth.
    pub value: Option<f64>,
}

/// What is wrong with a line; 1 is the first of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Which.
    pub line: u64,
    /// What, and how to mend it.
    pub problem: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

/// How a history is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// With a first line that names the columns.
    Csv,
    /// A JSON object a line.
    JsonLines,
}

impl Format {
    /// Of a file, by its name: JSON Lines where it ends so.
    pub fn of_name(name: &str) -> Self {
        match name.ends_with(".jsonl") || name.ends_with(".ndjson") {
            true => Self::JsonLines,
            false => Self::Csv,
        }
    }
}

const COLUMNS: [&str; 14] = [
    "id",
    "rep",
    "opened_at",
    "outcome",
    "closed_at",
    "value",
    "touched_at",
    "source",
    "lane",
    "industry",
    "country",
    "language",
    "employees",
    "revenue",
];
const REQUIRED: [&str; 2] = ["id", "opened_at"];

/// Deals of a history and the lines that are none, both in the order of the file.
pub fn read(text: &str, format: Format, config: &Config) -> (Vec<PastDeal>, Vec<BadLine>) {
    let (rows, mut bad) = match format {
        Format::Csv => csv_rows(text),
        Format::JsonLines => json_rows(text),
    };
    let zone = zone(&config.timezone).unwrap_or(TimeZone::UTC);
    let mut deals = Vec::with_capacity(rows.len());
    let mut seen = BTreeSet::new();
    for (line, row) in rows {
        match deal(&row, config, &zone) {
            Ok(deal) if !seen.insert(deal.id.clone()) => {
                let problem = format!("the deal {} is there twice; leave one out", deal.id);
                bad.push(BadLine { line, problem });
            }
            Ok(deal) => deals.push(deal),
            Err(problem) => bad.push(BadLine { line, problem }),
        }
    }
    bad.sort_by_key(|bad| bad.line);
    (deals, bad)
}

type Rows = Vec<(u64, BTreeMap<String, String>)>;

fn csv_rows(text: &str) -> (Rows, Vec<BadLine>) {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let bad = |error: &csv::Error, line: u64| BadLine {
        line: error.position().map_or(line, csv::Position::line),
        problem: format!("{error}; quote cells that hold commas or line ends"),
    };
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => return (Vec::new(), vec![bad(&error, 1)]),
    };
    if let Some(problem) = wrong_header(header.iter()) {
        return (Vec::new(), vec![BadLine { line: 1, problem }]);
    }
    let (mut rows, mut wrong) = (Vec::new(), Vec::new());
    for record in reader.records() {
        match record {
            // A sheet program leaves lines of commas behind.
            Ok(record) if record.iter().all(str::is_empty) => {}
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                let cells = header.iter().zip(record.iter()).filter(|(_, cell)| !cell.is_empty());
                rows.push((line, cells.map(|(name, cell)| (name.to_owned(), cell.to_owned())).collect()));
            }
            Err(error) => wrong.push(bad(&error, 0)),
        }
    }
    (rows, wrong)
}

/// Why nothing of the file can be read: a required column is not there, or one is there twice.
fn wrong_header<'h>(header: impl Iterator<Item = &'h str> + Clone) -> Option<String> {
    let missing = REQUIRED.iter().find(|required| !header.clone().any(|name| name == **required));
    if let Some(missing) = missing {
        let unknown = header.clone().filter(|name| !COLUMNS.contains(name));
        let hint = match nearest(missing, unknown) {
            Some(near) => format!("is it {near:?}?"),
            None => format!("the first line names the columns, such as {}", COLUMNS[..6].join(",")),
        };
        return Some(format!("there is no column {missing:?}; {hint}"));
    }
    let mut seen = BTreeSet::new();
    header
        .into_iter()
        .find(|name| !seen.insert(*name))
        .map(|twice| format!("the column {twice:?} is there twice"))
}

fn json_rows(text: &str) -> (Rows, Vec<BadLine>) {
    let (mut rows, mut wrong) = (Vec::new(), Vec::new());
    for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        match serde_json::from_str::<Map<String, Json>>(text) {
            Ok(row) => {
                let cell = |(name, value): (String, Json)| match value {
                    Json::Null => None,
                    Json::String(text) => Some((name, text)),
                    other => Some((name, other.to_string())),
                };
                rows.push((line, row.into_iter().filter_map(cell).collect()));
            }
            Err(error) => wrong.push(BadLine { line, problem: format!("it is no JSON object: {error}") }),
        }
    }
    (rows, wrong)
}

fn deal(row: &BTreeMap<String, String>, config: &Config, zone: &TimeZone) -> Result<PastDeal, String> {
    let cell = |name: &str| row.get(name).map(String::as_str).filter(|cell| !cell.is_empty());
    let required = |name: &str| cell(name).ok_or_else(|| format!("`{name}` is empty"));
    let time = |name: &str| cell(name).map(|text| moment(name, text, zone)).transpose();
    let number = |name: &str| match cell(name) {
        None => Ok(None),
        Some(text) => match text.parse::<f64>() {
            Ok(number) if number.is_finite() && number >= 0.0 => Ok(Some(number)),
            _ => Err(format!("`{name}` is {text:?}; write a number, 0 or more, without separators")),
        },
    };
    let id: LeadId = required("id")?.parse().map_err(|error| format!("`id`: {error}"))?;
    let rep = match cell("rep") {
        None => None,
        Some(text) => Some(rep(text, config)?),
    };
    let opened_at = moment("opened_at", required("opened_at")?, zone)?;
    let closing = match cell("outcome").map(str::to_lowercase).as_deref() {
        None | Some("open") => None,
        Some("won") => Some(Closing::Won),
        Some("lost") => Some(Closing::Lost),
        Some("disqualified") => Some(Closing::Disqualified),
        Some(other) => {
            return Err(format!("`outcome` is {other:?}; there are won, lost, disqualified and open"));
        }
    };
    let closed = match (closing, time("closed_at")?) {
        (Some(closing), Some(at)) if at >= opened_at => Some((closing, at)),
        (Some(_), Some(_)) => return Err("it was closed before it was opened".to_owned()),
        (Some(_), None) => return Err("`closed_at` is empty, and there is an outcome".to_owned()),
        (None, _) => None,
    };
    let mut lead = Lead::bare(id.clone(), opened_at);
    lead.source = cell("source").unwrap_or_default().to_owned();
    lead.value = number("value")?;
    lead.contact.language = cell("language").map(str::to_owned);
    lead.company.industry = cell("industry").map(str::to_lowercase);
    lead.company.country = cell("country").map(str::to_owned);
    lead.company.employees = number("employees")?.map(|number| number as u32);
    lead.company.revenue = number("revenue")?;
    let own = row.iter().filter(|(name, _)| !COLUMNS.contains(&name.as_str()));
    lead.fields = own.map(|(name, value)| (name.clone(), FieldValue::Text(value.clone()))).collect();
    let lane: Option<LaneId> = cell("lane").and_then(|lane| lane.parse().ok());
    let segments = segments(&config.segments, &lead);
    Ok(PastDeal {
        facts: facts(&config.learning.by, &lead, lane.as_ref(), &segments),
        value: lead.value,
        touched_at: time("touched_at")?,
        id,
        rep,
        opened_at,
        closed,
    })
}

/// A rep by id or address.
fn rep(text: &str, config: &Config) -> Result<RepId, String> {
    let by_address = |rep: &&crate::lead::Rep| {
        rep.email.as_deref().is_some_and(|address| address.eq_ignore_ascii_case(text))
    };
    if let Some(rep) = config.reps.iter().find(by_address) {
        return Ok(rep.id.clone());
    }
    text.parse().map_err(|error| format!("`rep`: {error}"))
}

fn moment(name: &str, text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let day = text.parse::<Date>().ok().and_then(|day| day.to_zoned(zone.clone()).ok());
    day.map(|day| day.timestamp())
        .ok_or_else(|| format!("`{name}` is {text:?}; write 2026-02-28 or 2026-02-28T09:30:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{SMALL, config};

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    fn check(
        text: &str,
        format: Format,
        expect: &[(&str, Option<&str>, Option<Closing>)],
        bad: &[(u64, &str)],
    ) {
        let (deals, wrong) = read(text, format, &config(SMALL));
        let deals: Vec<_> = deals
            .iter()
            .map(|deal| {
                (deal.id.as_str(), deal.rep.as_ref().map(RepId::as_str), deal.closed.map(|(how, _)| how))
            })
            .collect();
        assert_eq!(deals, expect, "{text}");
        let wrong: Vec<(u64, &str)> = wrong.iter().map(|bad| (bad.line, bad.problem.as_str())).collect();
        assert_eq!(wrong, bad, "{text}");
    }

    #[test]
    fn lines_are_deals_or_told() {
        use Format::{Csv, JsonLines};
        let won = Some(Closing::Won);
        check(
            "id,rep,opened_at,outcome,closed_at\na,ana,2026-01-02,won,2026-02-03\nb,,2026-01-02T10:00:00Z,,\n,,,,\n",
            Csv,
            &[("a", Some("ana"), won), ("b", None, None)],
            &[],
        );
        check(
            "{\"id\": \"a\", \"opened_at\": \"2026-01-02\", \"rep\": null, \"value\": 5}\n\n[]\n",
            JsonLines,
            &[("a", None, None)],
            &[(3, "it is no JSON object: invalid type: sequence, expected a map at line 1 column 0")],
        );
        let line = |line: &str| format!("id,opened_at,outcome,closed_at,value\n{line}\n");
        let one = |text: &str, problem: &str| check(&line(text), Csv, &[], &[(2, problem)]);
        one(",2026-01-02,,,", "`id` is empty");
        one("a,,,,", "`opened_at` is empty");
        one("a,1.2.26,,,", "`opened_at` is \"1.2.26\"; write 2026-02-28 or 2026-02-28T09:30:00Z");
        one(
            "a,2026-01-02,sold,2026-01-03,",
            "`outcome` is \"sold\"; there are won, lost, disqualified and open",
        );
        one("a,2026-01-02,won,,", "`closed_at` is empty, and there is an outcome");
        one("a,2026-01-02,won,2026-01-01,", "it was closed before it was opened");
        one("a,2026-01-02,,,\"1,5\"", "`value` is \"1,5\"; write a number, 0 or more, without separators");
        check(
            "id,opened_at\na,2026-01-02\na,2026-01-03\n",
            Csv,
            &[("a", None, None)],
            &[(3, "the deal a is there twice; leave one out")],
        );
        check(
            "id,open_at\na,2026-01-02\n",
            Csv,
            &[],
            &[(1, "there is no column \"opened_at\"; is it \"open_at\"?")],
        );
    }

    #[test]
    fn facts_are_those_of_leads() {
        let header = "id,opened_at,source,industry,employees,plan\n";
        let text = format!("{header}a,2026-01-02,Event,Retail,40,Gold\n");
        let tenant =
            format!("{}\n[learning]\nby = [\"industry\", \"channel\", \"field.plan\"]\n", SMALL[0].1);
        let config = config(&[("tenant.toml", &tenant), SMALL[1], SMALL[2]]);
        let (deals, bad) = read(&text, Format::Csv, &config);
        assert_eq!(bad, []);
        let facts: Vec<(&str, &str)> =
            deals[0].facts.iter().map(|(name, word)| (name.as_str(), word.as_str())).collect();
        assert_eq!(facts, [("channel", "event"), ("field.plan", "gold"), ("industry", "retail")]);
        // Midnight in New York.
        assert_eq!(deals[0].opened_at, at("2026-01-02T05:00:00Z"));
    }
}
