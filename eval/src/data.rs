//! The labelled texts in `data/`, as the classifier's own types.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use lanewright_sdk::{Company, Contact, Lane, Lead};
use serde::Deserialize;

/// The five authors of the training inquiries, one file each.
pub(crate) const AUTHORS: [&str; 5] = ["finance", "industry", "public", "retail", "tech"];

/// One labelled inquiry.
pub(crate) struct Inquiry {
    /// The lead as a plugin sees it.
    pub(crate) lead: Lead,
    /// Its lane; `None` where it belongs to none.
    pub(crate) lane: Option<String>,
    /// `low`, `medium` or `high`.
    pub(crate) intent: String,
    /// Labelled signals.
    pub(crate) signals: Vec<Label>,
}

/// A labelled signal.
#[derive(Deserialize)]
pub(crate) struct Label {
    /// Kind of signal.
    pub(crate) kind: String,
    /// Words of the text.
    pub(crate) quote: String,
}

/// Short texts with one label each, and what the labels mean.
pub(crate) struct Topics {
    /// What the set is called in the report.
    pub(crate) name: &'static str,
    /// Lanes with their definitions, without examples.
    pub(crate) lanes: Vec<Lane>,
    /// Text and index of its lane, to draw examples from.
    pub(crate) train: Vec<(String, usize)>,
    /// Text and index of its lane, to measure on.
    pub(crate) test: Vec<(String, usize)>,
    /// Texts that belong to no lane.
    pub(crate) outside: Vec<String>,
}

#[derive(Deserialize)]
struct Row {
    id: String,
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
    name: Option<String>,
    email: Option<String>,
    title: Option<String>,
}

#[derive(Deserialize)]
struct CompanyRow {
    name: Option<String>,
    domain: Option<String>,
    industry: Option<String>,
    employees: Option<u32>,
    country: Option<String>,
}

/// Reads a file of inquiries, one a line.
pub(crate) fn inquiries(path: &Path) -> Result<Vec<Inquiry>> {
    let content = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    content
        .lines()
        .map(|line| {
            let row: Row =
                serde_json::from_str(line).with_context(|| format!("{}: {line}", path.display()))?;
            let lead = Lead {
                id: row.id,
                source: row.source,
                contact: Contact {
                    name: row.contact.name,
                    email: row.contact.email,
                    title: row.contact.title,
                    language: None,
                    timezone: None,
                },
                company: Company {
                    name: row.company.name,
                    domain: row.company.domain,
                    industry: row.company.industry,
                    employees: row.company.employees,
                    revenue: None,
                    country: row.company.country,
                    region: None,
                },
                ..bare(row.text)
            };
            Ok(Inquiry { lead, lane: row.lane, intent: row.intent, signals: row.signals })
        })
        .collect()
}

/// A lead of which only the text is known.
pub(crate) fn bare(text: String) -> Lead {
    Lead { text, ..Lead::default() }
}

/// Lanes from a file of definitions by id.
pub(crate) fn lanes(definitions: &BTreeMap<String, String>) -> Vec<Lane> {
    definitions
        .iter()
        .map(|(id, definition)| Lane {
            id: id.clone(),
            name: id.replace(['_', '-'], " ").to_lowercase(),
            definition: definition.clone(),
            examples: Vec::new(),
            team: None,
        })
        .collect()
}

/// The standard lanes as `data/inquiries` defines them.
pub(crate) fn standard_lanes(root: &Path) -> Result<Vec<Lane>> {
    Ok(lanes(&json(&root.join("data/inquiries/definitions.json"))?))
}

/// CLINC150 by its ten domains.
pub(crate) fn clinc10(root: &Path) -> Result<Topics> {
    #[derive(Deserialize)]
    struct Full {
        train: Vec<(String, String)>,
        test: Vec<(String, String)>,
        oos_test: Vec<(String, String)>,
    }
    let folder = root.join("data/clinc150");
    let file = File::open(folder.join("data_full.json.gz")).context("data/clinc150/data_full.json.gz")?;
    let full: Full = serde_json::from_reader(flate2::read::GzDecoder::new(file))?;
    let domains: BTreeMap<String, Vec<String>> = json(&folder.join("domains.json"))?;
    let lanes = lanes(&json(&folder.join("definitions.json"))?);
    let lane_of: BTreeMap<&str, usize> = domains
        .iter()
        .flat_map(|(domain, intents)| {
            let lane = lanes.iter().position(|lane| lane.id == *domain);
            intents.iter().filter_map(move |intent| Some((intent.as_str(), lane?)))
        })
        .collect();
    let place = |texts: Vec<(String, String)>| -> Result<Vec<(String, usize)>> {
        texts
            .into_iter()
            .map(|(text, intent)| {
                Ok((text, *lane_of.get(intent.as_str()).context("an intent without a domain")?))
            })
            .collect()
    };
    Ok(Topics {
        name: "clinc10",
        train: place(full.train)?,
        test: place(full.test)?,
        outside: full.oos_test.into_iter().map(|(text, _)| text).collect(),
        lanes,
    })
}

/// One of the HINT3 shops.
pub(crate) fn hint3(root: &Path, name: &'static str) -> Result<Topics> {
    let folder = root.join("data/hint3");
    let mut definitions: BTreeMap<String, BTreeMap<String, String>> = json(&folder.join("definitions.json"))?;
    let lanes = lanes(&definitions.remove(name).context("no definitions for this shop")?);
    let read = |part: &str| -> Result<Vec<(String, String)>> {
        let mut reader = csv::Reader::from_path(folder.join(format!("{name}_{part}.csv")))?;
        reader.deserialize().map(|row| Ok(row?)).collect()
    };
    let mut topics = Topics { name, lanes, train: Vec::new(), test: Vec::new(), outside: Vec::new() };
    for (text, label) in read("train")? {
        let lane =
            topics.lanes.iter().position(|lane| lane.id == label).context("a label without a definition")?;
        topics.train.push((text, lane));
    }
    for (text, label) in read("test")? {
        match topics.lanes.iter().position(|lane| lane.id == label) {
            Some(lane) => topics.test.push((text, lane)),
            None => topics.outside.push(text),
        }
    }
    Ok(topics)
}

fn json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let content = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&content).with_context(|| path.display().to_string())
}

/// A small seeded generator, so that every draw can be made again.
pub(crate) struct Draw(u64);

impl Draw {
    /// A sequence of its own for each seed.
    pub(crate) fn seeded(seed: u64) -> Draw {
        Draw(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66_D1CE_4E5B)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    /// From 0 up to but not including 1.
    pub(crate) fn share(&mut self) -> f64 {
        self.next() as f64 / (1u64 << 48) as f64
    }

    /// One of so many places.
    pub(crate) fn place(&mut self, places: usize) -> usize {
        (self.share() * places as f64) as usize
    }

    /// About normal, with mean 0 and variance 1: a sum of twelve shares.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }

    /// Brings items into a random order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.next() as usize % (last + 1));
        }
    }
}
