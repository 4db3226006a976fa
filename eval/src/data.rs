//! The labelled texts in `data/`, as the classifier's own types.

use std::path::Path;

use anyhow::{Context, Result};
use lanewright_classifier::types::{Company, Contact, Lead};
use serde::Deserialize;

/// One labelled inquiry.
pub struct Inquiry {
    /// The lead as a plugin sees it.
    pub lead: Lead,
    /// Its lane; `None` where it belongs to none.
    pub lane: Option<String>,
    /// `low`, `medium` or `high`.
    pub intent: String,
    /// Labelled signals: kind, value, quote.
    pub signals: Vec<Label>,
}

/// A labelled signal.
#[derive(Deserialize)]
pub struct Label {
    /// Kind of signal.
    pub kind: String,
    /// Words of the text.
    pub quote: String,
}

#[derive(Deserialize)]
struct Row {
    text: String,
    source: String,
    contact: ContactRow,
    company: CompanyRow,
    lane: Option<String>,
    intent: String,
    #[serde(default)]
    signals: Vec<Label>,
}

#[derive(Deserialize)]
struct ContactRow {
    email: Option<String>,
    title: Option<String>,
}

#[derive(Deserialize)]
struct CompanyRow {
    name: Option<String>,
    domain: Option<String>,
    industry: Option<String>,
    employees: Option<u32>,
}

/// Reads a file of inquiries, one a line.
pub fn inquiries(path: &Path) -> Result<Vec<Inquiry>> {
    let content = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    content
        .lines()
        .map(|line| {
            let row: Row = serde_json::from_str(line).with_context(|| format!("{}: {line}", path.display()))?;
            Ok(Inquiry {
                lead: Lead {
                    source: row.source,
                    text: row.text,
                    contact: Contact { email: row.contact.email, title: row.contact.title },
                    company: Company {
                        name: row.company.name,
                        domain: row.company.domain,
                        industry: row.company.industry,
                        employees: row.company.employees,
                    },
                },
                lane: row.lane,
                intent: row.intent,
                signals: row.signals,
            })
        })
        .collect()
}
