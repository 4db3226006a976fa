//! `lanewright plugin`: a project becomes a component, is checked as an upload would be, and answers leads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::{Exit, Sandboxing, remote, tell, trust};
use crate::author::cases::{Case, Role};
use crate::author::project::Project;
use crate::author::trial::{Answer, Trial};
use crate::config::{self, Config, Problems};
use crate::decision::{CallTrace, Cause};
use crate::digest::Digest;
use crate::fetch::{Fetcher, Reach};
use crate::lead::Lane;
use crate::pipeline::Live;
use crate::plugin::{InterfaceVersion, Plan, Plugins, Prototype, Refusal, Unfit};

mod bench;
mod new;
mod profile;
mod replay;
mod test;
mod workshop;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Starts a plugin: a project that passes its own tests
    New(new::Arguments),
    /// Makes a component of a project in Rust, JavaScript, TypeScript or Python
    Build {
        /// The project's folder
        #[arg(default_value = ".")]
        folder: PathBuf,
        /// Where to write the component [default: the package's name with .wasm, in its folder]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Plays a project's cases and tells what each call used
    Test(test::Arguments),
    /// Plays a project's cases now and after each change
    Watch(test::WatchArguments),
    /// Measures calls over many: fuel, time, memory
    Bench(bench::Arguments),
    /// Shows which functions the fuel of a call goes to, as a flame graph
    Profile(profile::Arguments),
    /// Makes recorded decisions again with a component in its place, and tells what differs
    Replay(replay::Arguments),
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
    #[command(flatten)]
    Remote(remote::Verb),
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
        Verb::New(arguments) => new::run(arguments),
        Verb::Build { folder, output } => make(folder, output.as_deref()),
        Verb::Test(arguments) => test::run(arguments),
        Verb::Watch(arguments) => test::watch(arguments),
        Verb::Bench(arguments) => bench::run(arguments),
        Verb::Profile(arguments) => profile::run(arguments),
        Verb::Replay(arguments) => replay::run(arguments),
        Verb::Check(arguments) => check(arguments),
        Verb::Run(arguments) => workshop::with_stack(|| answer(arguments)),
        Verb::Wit { version } => {
            print!("{}", version.unwrap_or(InterfaceVersion::NEWEST).wit());
            Ok(Exit::Done)
        }
        Verb::Trust(verb) => trust::run(verb),
        Verb::Remote(verb) => remote::run(verb),
    }
}

fn make(folder: &Path, output: Option<&Path>) -> anyhow::Result<Exit> {
    let project = Project::find(folder)?;
    let component = project.build()?;
    let output = output.map_or_else(|| project.output(), Path::to_owned);
    std::fs::write(&output, &component).with_context(|| format!("{} cannot be written", output.display()))?;
    let allowed = Plan::DEFAULT.for_component(&component).component_bytes;
    println!("{}  {} KiB of {} KiB", output.display(), component.len().div_ceil(1024), allowed / 1024);
    println!("{}", Digest::of(&component));
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

/// A component at the tenant of a folder.
fn trial(
    tenant: &Path,
    prototype: &Prototype,
    (file, settings): (&Path, Json),
    only: Option<Role>,
    plugins: &Plugins,
) -> anyhow::Result<Trial> {
    Trial::new((folder(tenant)?, tenant), prototype, (file, settings), only, plugins)
        .map_err(|problems| not_in_order(file, &problems))
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
    let allowed = plugins.plan().for_component(&bytes).component_bytes;
    println!("  size      {} KiB of {} KiB", bytes.len().div_ceil(1024), allowed / 1024);
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
    match plugins.release(prototype, settings, &lanes) {
        Ok(_) => {
            println!("  settings  accepted\nin order");
            Ok(Exit::Done)
        }
        Err(Unfit::Refused(issues)) => {
            for (pointer, message) in issues {
                let at = if pointer.is_empty() { pointer } else { format!("{pointer}: ") };
                println!("refused at settings: {at}{message}");
            }
            Ok(Exit::Findings)
        }
        Err(Unfit::Unchecked(failure)) => failed("they cannot be checked", &failure),
        Err(Unfit::Unprepared(failure)) => failed("the plugin cannot prepare", &failure),
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
    let (file, settings) = (arguments.component.as_path(), settings(arguments.settings.as_deref())?);
    let trial = trial(&arguments.tenant, &prototype, (file, settings), None, &plugins)?;
    let case = Case {
        lead,
        now: Timestamp::now(),
        cause: arguments.cause.into(),
        settings: None,
        responses: Vec::new(),
        expect: BTreeMap::new(),
    };
    let outside = Live { fetcher: Fetcher::new(Reach::Public) };
    let answers =
        trial.ask(&case, &outside).map_err(|refusal| anyhow!("{refusal}\n  hint: {}", refusal.hint()))?;
    let mut shown = Map::new();
    let mut exit = Exit::Done;
    for Answer { role, said, calls } in answers {
        let calls: Vec<_> = calls.into_iter().map(|measured| measured.call).collect();
        for call in &calls {
            tell_call(call, prototype.plan());
            if call.failure.is_some() {
                exit = Exit::Findings;
            }
        }
        shown.insert(role.name().to_owned(), json!({"answer": said, "calls": calls}));
    }
    println!("{}", serde_json::to_string_pretty(&Json::Object(shown))?);
    Ok(exit)
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
