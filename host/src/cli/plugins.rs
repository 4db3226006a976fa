//! `lanewright plugin`: a crate becomes a component, is checked as an upload would be, and answers a lead.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::{Exit, Sandboxing, tell, trust};
use crate::config::{self, Config, EnricherChoice, Place, PluginChoice, PluginSource, Problems};
use crate::counters::Ledger;
use crate::decision::{CallTrace, Cause};
use crate::digest::Digest;
use crate::fetch::{Fetcher, Reach};
use crate::lead::Lane;
use crate::pipeline::{self, Live, Nobody};
use crate::plugin::{InterfaceVersion, Plan, Plugins, Prototype, Refusal, THREAD_STACK, build};
use crate::tenant::{Published, Tenant};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Makes a component of a Rust crate
    Build {
        /// The crate's folder
        #[arg(default_value = ".")]
        folder: PathBuf,
        /// Where to write the component [default: the crate's name with .wasm, in its folder]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Checks a component as an upload would be, stage by stage
    Check(Check),
    /// Gives a component a lead and shows its answers
    Run(Run),
    /// Prints the interface that plugins are written against
    Wit {
        /// A version of it [default: the newest]
        #[arg(long, value_name = "VERSION")]
        version: Option<InterfaceVersion>,
    },
    #[command(flatten)]
    Trust(trust::Verb),
}

#[derive(Debug, clap::Args)]
struct Check {
    /// The component
    component: PathBuf,
    /// The plugin's settings, a JSON file [default: no settings]
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// The tenant folder whose lanes it is set up with [default: no lanes]
    #[arg(long, value_name = "DIR")]
    tenant: Option<PathBuf>,
    #[command(flatten)]
    sandboxing: Sandboxing,
}

#[derive(Debug, clap::Args)]
struct Run {
    /// The component
    component: PathBuf,
    /// A lead, a JSON file; `-` reads standard input
    lead: PathBuf,
    /// The tenant folder that lends its lanes, people and policy
    #[arg(long, value_name = "DIR")]
    tenant: PathBuf,
    /// The plugin's settings, a JSON file [default: no settings]
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// What a fallback is asked about
    #[arg(long, default_value = "no-candidate")]
    cause: CauseName,
    #[command(flatten)]
    sandboxing: Sandboxing,
}

/// [`Cause`] as an argument.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum CauseName {
    Refused,
    NoCandidate,
    AllAtCapacity,
    BelowThreshold,
    PluginFailed,
}

impl From<CauseName> for Cause {
    fn from(name: CauseName) -> Self {
        match name {
            CauseName::Refused => Self::Refused,
            CauseName::NoCandidate => Self::NoCandidate,
            CauseName::AllAtCapacity => Self::AllAtCapacity,
            CauseName::BelowThreshold => Self::BelowThreshold,
            CauseName::PluginFailed => Self::PluginFailed,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    match &arguments.verb {
        Verb::Build { folder, output } => make(folder, output.as_deref()),
        Verb::Check(arguments) => check(arguments),
        Verb::Run(arguments) => {
            let threads = rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(THREAD_STACK).build()?;
            threads.install(|| answer(arguments))
        }
        Verb::Wit { version } => {
            print!("{}", version.unwrap_or(InterfaceVersion::NEWEST).wit());
            Ok(Exit::Done)
        }
        Verb::Trust(verb) => trust::run(verb),
    }
}

fn make(folder: &Path, output: Option<&Path>) -> anyhow::Result<Exit> {
    let manifest = folder.join("Cargo.toml");
    if !manifest.is_file() {
        bail!("{} is missing; name the folder of a Rust crate", manifest.display());
    }
    let target = folder.join("target").join("plugin");
    let built = build::build(&manifest, &target, &[])?;
    let [built] = built.as_slice() else {
        let names: Vec<&str> = built.iter().map(|built| built.name.as_str()).collect();
        bail!("the crate makes several modules ({}); keep one a crate", names.join(", "));
    };
    let output = output.map_or_else(|| folder.join(format!("{}.wasm", built.name)), Path::to_owned);
    std::fs::write(&output, &built.component)
        .with_context(|| format!("{} cannot be written", output.display()))?;
    let size = built.component.len();
    let allowed = Plan::DEFAULT.component_bytes;
    println!("{}  {} KiB of {} KiB", output.display(), size.div_ceil(1024), allowed / 1024);
    println!("{}", Digest::of(&built.component));
    Ok(Exit::Done)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn settings(path: Option<&Path>) -> anyhow::Result<Json> {
    let Some(path) = path else { return Ok(json!({})) };
    let settings: Json =
        serde_json::from_slice(&read(path)?).with_context(|| format!("{} is not JSON", path.display()))?;
    if !settings.is_object() {
        bail!("{} holds no JSON object", path.display());
    }
    Ok(settings)
}

fn folder(path: &Path) -> anyhow::Result<Config> {
    config::load(path).map_err(|problems| not_in_order(path, &problems))
}

fn not_in_order(path: &Path, problems: &Problems) -> anyhow::Error {
    tell(problems);
    anyhow!("{} is not in order", path.display())
}

fn check(arguments: &Check) -> anyhow::Result<Exit> {
    let bytes = read(&arguments.component)?;
    let settings = settings(arguments.settings.as_deref())?;
    let lanes = match &arguments.tenant {
        Some(path) => folder(path)?.lanes,
        None => Vec::new(),
    };
    let plugins = arguments.sandboxing.plugins()?;
    let surface = match plugins.inspect(&bytes) {
        Ok(surface) => surface,
        Err(refusals) => return Ok(refused(&refusals)),
    };
    let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
    println!("{}", Digest::of(&bytes));
    println!(
        "  size      {} KiB of {} KiB",
        bytes.len().div_ceil(1024),
        plugins.plan().component_bytes / 1024
    );
    println!("  interface {}", surface.interface);
    println!("  exports   {}", list(&surface.exports));
    println!("  imports   {}", list(&surface.imports));
    let prototype = match plugins.load(&bytes) {
        Ok(prototype) => prototype,
        Err(refusals) => return Ok(refused(&refusals)),
    };
    set_up(&plugins, &prototype, &settings, lanes.into())
}

fn refused(refusals: &[Refusal]) -> Exit {
    for refusal in refusals {
        println!("refused at {refusal}");
    }
    Exit::Findings
}

/// The last stages: schema, settings, prepare.
fn set_up(
    plugins: &Plugins,
    prototype: &Prototype,
    settings: &Json,
    lanes: Arc<[Lane]>,
) -> anyhow::Result<Exit> {
    let failed = |what: &str, failure: &crate::failure::Failure| {
        println!("refused at settings: {what}: {failure}");
        Ok(Exit::Findings)
    };
    let schema = match prototype.schema() {
        Ok(schema) => schema,
        Err(failure) => return failed("the schema cannot be told", &failure),
    };
    if let Err(error) = serde_json::from_str::<Json>(&schema) {
        println!("refused at settings: the schema is not JSON: {error}");
        return Ok(Exit::Findings);
    }
    match prototype.check(settings, &lanes) {
        Ok(issues) if issues.is_empty() => {}
        Ok(issues) => {
            for (pointer, message) in issues {
                let at = if pointer.is_empty() { pointer } else { format!("{pointer}: ") };
                println!("refused at settings: {at}{message}");
            }
            return Ok(Exit::Findings);
        }
        Err(failure) => return failed("they cannot be checked", &failure),
    }
    match plugins.release(prototype, settings, &lanes) {
        Ok(_) => {
            println!("  settings  accepted\nin order");
            Ok(Exit::Done)
        }
        Err(failure) => failed("the plugin cannot prepare", &failure),
    }
}

fn answer(arguments: &Run) -> anyhow::Result<Exit> {
    let bytes = read(&arguments.component)?;
    let lead = match arguments.lead.as_path() {
        path if path == Path::new("-") => std::io::read_to_string(std::io::stdin())?,
        path => String::from_utf8(read(path)?).with_context(|| format!("{} is not text", path.display()))?,
    };
    let lead: Json = serde_json::from_str(&lead).context("the lead is not JSON")?;
    let plugins = arguments.sandboxing.plugins()?;
    let prototype = match plugins.load(&bytes) {
        Ok(prototype) => prototype,
        Err(refusals) => return Ok(refused(&refusals)),
    };
    let mut config = folder(&arguments.tenant)?;
    let choice = PluginChoice {
        source: PluginSource::File(std::path::absolute(&arguments.component)?),
        settings: settings(arguments.settings.as_deref())?,
        place: Place { file: arguments.component.display().to_string(), line: 0 },
    };
    stand_in(&mut config, &prototype, &choice);
    let tenant =
        Tenant::new(config, &plugins, &Published::default()).map_err(|problems| not_in_order(&arguments.component, &problems))?;

    let outside = Live { fetcher: Fetcher::new(Reach::Public) };
    let prepared = pipeline::prepare(&tenant, &lead, Timestamp::now(), &outside)
        .map_err(|refusal| anyhow!("{refusal}\n  hint: {}", refusal.hint()))?;
    let answers = pipeline::answers(
        &tenant,
        &prepared,
        &Ledger::new(&tenant.config),
        &outside,
        Nobody { cause: arguments.cause.into(), reason: crate::decision::Unassigned::NoSeller },
    );
    let exports = prototype.exports();
    let asked = [
        (exports.enricher, "enricher", answers.enrich),
        (exports.classifier, "classifier", answers.classify),
        (exports.scorer, "scorer", answers.score),
        (exports.fallback, "fallback", answers.fallback),
    ];
    let mut shown = Map::new();
    let mut exit = Exit::Done;
    for (_, role, (answer, calls)) in asked.into_iter().filter(|(exported, ..)| *exported) {
        for call in calls.iter().filter(|call| call.plugin == prototype.digest()) {
            tell_call(call, plugins.plan());
            if call.failure.is_some() {
                exit = Exit::Findings;
            }
        }
        shown.insert(role.to_owned(), json!({"answer": answer, "calls": calls}));
    }
    println!("{}", serde_json::to_string_pretty(&Json::Object(shown))?);
    Ok(exit)
}

/// The plugin in every role it has; the folder's own choice in the others.
fn stand_in(config: &mut Config, prototype: &Prototype, choice: &PluginChoice) {
    let exports = prototype.exports();
    let chosen = &mut config.plugins;
    if exports.classifier {
        chosen.classifier = choice.clone();
    }
    if exports.scorer {
        chosen.scorer = choice.clone();
    }
    if exports.fallback {
        chosen.fallback = choice.clone();
    }
    if exports.enricher {
        let hosts = chosen.enrichers.iter().flat_map(|enricher| enricher.hosts.clone()).collect();
        chosen.enrichers = vec![EnricherChoice { name: "tried".to_owned(), plugin: choice.clone(), hosts }];
    }
}

/// What a call used of its budget, and what it said.
fn tell_call(call: &CallTrace, plan: &Plan) {
    let share = call.fuel as f64 * 100.0 / plan.fuel as f64;
    let (memory, most) = (call.memory / 1024, plan.memory_bytes / 1024);
    eprintln!(
        "{}: fuel {} ({share:.1} % of its budget), memory {memory} KiB of {most} KiB",
        call.export, call.fuel
    );
    for line in &call.log {
        eprintln!("  {:?}: {}", line.level, line.message);
    }
    if let Some(failure) = &call.failure {
        eprintln!("  failed: {failure} (to mend by: {:?})", failure.blame());
    }
}
