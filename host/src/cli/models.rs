//! `lanewright model list|show|train|use|compare|explain|import`: win models of a service, and the deals of before that they learn from.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use lanewright_learning::gates::{Gate, Gates};
use lanewright_learning::segments::Segments;
use lanewright_learning::train::Report;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::Exit;
use super::remote::{Remote, items, show, understood, word};
use crate::fetch::Method;
use crate::learning::history::Format;
use crate::report::{self, Look};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Lists the models, the newest first, and which is in force
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// Shows how a model was chosen and how well it does
    Show {
        /// The model's number
        model: i64,
        #[command(flatten)]
        remote: Remote,
    },
    /// Trains a model from the deals so far, as is done by itself every week
    Train {
        /// Do not put it in force
        #[arg(long)]
        keep_out: bool,
        #[command(flatten)]
        remote: Remote,
    },
    /// Puts a model in force, a new one or any earlier one
    Use {
        /// The model's number, or `none`: nothing learned counts
        model: Which,
        #[command(flatten)]
        remote: Remote,
    },
    /// Holds a model against another, on the deals that closed after both were trained
    Compare {
        /// The candidate's number
        model: i64,
        /// Against which [default: the one in force]
        #[arg(long, value_name = "MODEL")]
        with: Option<i64>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Tells why a rep was expected to win a lead, in factors that add up, the largest first
    Explain {
        /// The lead's id
        lead: String,
        /// Which of its decisions
        #[arg(long, default_value_t = 1)]
        decision: u32,
        /// Of whom: a candidate or anybody [default: whoever got it]
        #[arg(long)]
        rep: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Takes in deals of before; the same again does no harm
    Import {
        /// CSV, or JSON Lines where the name ends in .jsonl
        file: PathBuf,
        #[command(flatten)]
        remote: Remote,
    },
}

/// A model or none.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which {
    None,
    Version(i64),
}

impl FromStr for Which {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::None),
            number => number.parse().map(Self::Version).map_err(|_| "write a model's number, or `none`"),
        }
    }
}

impl Which {
    fn version(self) -> Option<i64> {
        match self {
            Self::None => None,
            Self::Version(version) => Some(version),
        }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no model is in force: nothing learned counts"),
            Self::Version(version) => write!(f, "model {version} is in force"),
        }
    }
}

pub(super) fn run(verb: &Verb) -> anyhow::Result<Exit> {
    match verb {
        Verb::List { remote } => list(&remote.get("models")?),
        Verb::Show { model, remote } => tell(remote.get(&format!("models/{model}"))?),
        Verb::Train { keep_out, remote } => tell(remote.post("models", &json!({"put_in_force": !keep_out}))?),
        Verb::Use { model, remote } => {
            let body = json!({"model": model.version()}).to_string();
            remote.ask(Method::Put(body.as_bytes()), "models/in-force", "application/json")?;
            println!("{model}");
            Ok(Exit::Done)
        }
        Verb::Compare { model, with, remote } => compare(*model, *with, remote),
        Verb::Explain { lead, decision, rep, remote } => {
            let rep = rep.as_ref().map(|rep| format!("?rep={rep}")).unwrap_or_default();
            explain(&remote.get(&format!("leads/{lead}/decisions/{decision}/win{rep}"))?)
        }
        Verb::Import { file, remote } => import(file, remote),
    }
}

fn list(answer: &Json) -> anyhow::Result<Exit> {
    let row = |model: &Json| {
        let report: Report = understood(model["report"].clone())?;
        let in_force = if model["in_force"] == true { "in force" } else { "" };
        Ok(vec![
            word(&model["version"]),
            in_force.to_owned(),
            word(&model["made_at"]),
            word(&model["made_by"]),
            report.counts.won.to_string(),
            report.counts.lost.to_string(),
            format!("{:.0}", report.gates.effective),
            gates(&report.gates),
        ])
    };
    let rows: Vec<Vec<String>> = items(answer).map(row).collect::<anyhow::Result<_>>()?;
    show(&["model", "", "made", "by", "won", "lost", "effective", "gates"], rows.into_iter(), 4..7)?;
    if let Some(next) = answer["next_training"].as_str() {
        println!("\nthe next is trained at {next}");
    }
    for model in items(answer).filter(|model| model["in_force"] == true && model["watch"]["alarm"] == true) {
        println!("model {} is in force: {}", word(&model["version"]), word(&model["watch"]["told"]));
    }
    Ok(Exit::Done)
}

fn gates(gates: &Gates) -> String {
    let failed = gates.failed();
    let failed: Vec<&str> = failed
        .iter()
        .map(|gate| match gate {
            Gate::Evidence => "evidence",
            Gate::Skill => "skill",
        })
        .collect();
    match failed[..] {
        [] => "passed".to_owned(),
        _ => format!("{} failed", failed.join(" and ")),
    }
}

fn tell(mut model: Json) -> anyhow::Result<Exit> {
    let pooled = model["report"]["pooled"].as_u64();
    let segments: Option<Segments> = understood(model["report"]["segments"].clone())?;
    let report: Report = understood(model["report"].take())?;
    let in_force = if model["in_force"] == true { ", in force" } else { "" };
    let [version, at, by, digest] =
        ["version", "made_at", "made_by", "digest"].map(|field| word(&model[field]));
    println!("model {version}{in_force}: made at {at} by {by}, {digest}");
    println!("{}", report::learned(&report, segments.as_ref(), Look::of_stdout()));
    if let Some(tenants) = pooled {
        println!("It started from what {tenants} other tenants have in common.");
    }
    if model["watch"].is_object() {
        println!("At {}: {}.", word(&model["watch"]["at"]), word(&model["watch"]["told"]));
    }
    Ok(Exit::Done)
}

/// The factors of an estimate, the largest first.
fn explain(answer: &Json) -> anyhow::Result<Exit> {
    let percent = |of: &Json| format!("{:.0}", 100.0 * of.as_f64().unwrap_or_default());
    println!(
        "{} wins it with {} % ({}–{} %), by model {}",
        word(&answer["rep"]),
        percent(&answer["probability"]),
        percent(&answer["lower"]),
        percent(&answer["upper"]),
        word(&answer["model"])
    );
    let segment = &answer["segment"];
    if segment.is_object() {
        println!("told by the deals of {} {} alone", word(&segment["fact"]), word(&segment["word"]));
    }
    for (key, before) in [("because", "the rep "), ("untrusted", "nothing learned counts: ")] {
        if let Some(told) = answer[key].as_str() {
            println!("{before}{told}");
        }
    }
    if answer["as_decided"] == false {
        println!(
            "the decision went by other facts: its configuration was another than the model was trained by"
        );
    }
    let effect = |part: &Json| part["effect"].as_f64().unwrap_or_default();
    let mut parts: Vec<&Json> = answer["factors"].as_array().into_iter().flatten().collect();
    parts.sort_by(|one, other| effect(other).abs().total_cmp(&effect(one).abs()));
    let row = |part: &&Json| {
        let known = if part["fact"].is_null() { String::new() } else { "unknown".to_owned() };
        let said = part["word"].as_str().map_or(known, str::to_owned);
        let fact = part["fact"].as_str().unwrap_or_default().to_owned();
        vec![word(&part["of"]), fact, said, format!("{:+.3}", effect(part))]
    };
    println!();
    show(&["of", "fact", "", "logits"], parts.iter().map(row), 3..4)?;
    Ok(Exit::Done)
}

fn compare(model: i64, with: Option<i64>, remote: &Remote) -> anyhow::Result<Exit> {
    let with = match with {
        Some(with) => with,
        None => match remote.get("models/in-force")?["model"].as_i64() {
            Some(with) => with,
            None => bail!("no model is in force; say with --with which one to hold it against"),
        },
    };
    let compared = understood(remote.get(&format!("models/{model}/comparison?with={with}"))?)?;
    println!("{}", report::compared(&compared, (with, model), Look::of_stdout()));
    Ok(Exit::Done)
}

#[derive(Deserialize)]
struct Taken {
    taken: usize,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Refused {
    line: u64,
    problem: String,
}

fn import(file: &Path, remote: &Remote) -> anyhow::Result<Exit> {
    let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let media = match Format::of_name(&file.to_string_lossy()) {
        Format::Csv => "text/csv",
        Format::JsonLines => "application/x-ndjson",
    };
    let Taken { taken, refused } = understood(remote.ask(Method::Post(&bytes), "history", media)?)?;
    for Refused { line, problem } in &refused {
        eprintln!("{}, line {line}: {problem}", file.display());
    }
    println!("{taken} deals are learned from when a model is trained next");
    Ok(if refused.is_empty() { Exit::Done } else { Exit::Findings })
}
