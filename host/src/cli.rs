//! The command line: what each verb reads, writes and answers with.
//!
//! Results go to standard output, everything said to a person about them goes to standard error, so
//! that a pipe holds nothing but results. [`Exit`] lists the exit codes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::plugin::{self, Options, Plan, Plugins, Size};

mod backup;
mod check;
mod coverage;
mod flags;
mod lines;
mod models;
mod plugins;
mod remote;
mod replay;
mod report;
mod route;
mod serve;
mod service;
mod simulate;
mod stream;
mod suggestions;
mod tenants;
mod train;
mod trust;

/// Routes inbound sales leads for many tenants, with each tenant's own logic in a sandbox.
#[derive(Debug, Parser)]
#[command(name = "lanewright", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const EXIT_CODES: &str = "Exit codes:
  0  everything asked was done
  1  done, with findings: lines that were refused, problems in a folder, decisions that differ
  2  the command line is wrong
  3  it could not be done";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Routes leads, one by one or as a batch: JSON Lines in, a decision a line out.
    Route(route::Arguments),
    /// Checks a tenant folder and tells every problem at once.
    Check(check::Arguments),
    /// Runs decisions again and shows that they are the same to the bit, or where they differ.
    Replay(replay::Arguments),
    /// Routes leads under two folders and tells which decisions change, why, and what comes of it.
    Simulate(simulate::Arguments),
    /// Tells from decisions which leads nobody could be found for, and which people are lacking.
    Coverage(coverage::Arguments),
    /// Learns from a history of deals who wins which lead.
    Train(train::Arguments),
    /// Trains, compares and puts in force the win models of a service, and imports past deals.
    Model {
        #[command(subcommand)]
        verb: models::Verb,
    },
    /// Shows what the leads of a service tell: figures beside targets, charts, readiness, suggestions.
    Report(report::Arguments),
    /// Lists what a service suggests, or says what becomes of a suggestion.
    Suggestions(suggestions::Arguments),
    /// Serves many tenants over HTTP.
    Serve(serve::Arguments),
    /// Imports and exports tenants of the service, and makes keys for them.
    Tenant(tenants::Arguments),
    /// Copies the service's SQLite database, complete as of one moment, while it is served.
    Backup(backup::Arguments),
    /// Prints the OpenAPI document of the service.
    Openapi,
    /// Builds, checks and tries plugins.
    Plugin(plugins::Arguments),
    /// Compiles one component under its own limits; started by this program alone.
    #[command(name = plugin::CHILD, hide = true)]
    Compile {
        /// Where to, and how many bytes at most.
        arguments: Vec<String>,
    },
}

/// What the program's exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked was done.
    Done = 0,
    /// Done, with findings: lines that were refused, problems in a folder, decisions that differ.
    Findings = 1,
    /// It could not be done.
    Failed = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// How plugins are run, for every verb that runs them.
#[derive(Debug, Clone, Args)]
struct Sandboxing {
    /// Where compiled plugins are kept [default: the user's cache folder]
    #[arg(long, value_name = "DIR", env = "LANEWRIGHT_CACHE")]
    cache: Option<PathBuf>,
}

impl Sandboxing {
    fn plugins(&self) -> anyhow::Result<Plugins> {
        let options = Options {
            compiler: std::env::current_exe()?,
            cache: self.cache.clone().or_else(plugin::default_cache),
            plan: Plan::DEFAULT,
            size: Size::default(),
        };
        Ok(Plugins::new(options)?)
    }
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object a line.
    Json,
    /// A table for a person.
    Table,
}

/// Runs the program.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    let exit = match cli.verb {
        Verb::Route(arguments) => route::run(&arguments),
        Verb::Check(arguments) => check::run(&arguments),
        Verb::Replay(arguments) => replay::run(&arguments),
        Verb::Simulate(arguments) => simulate::run(&arguments),
        Verb::Coverage(arguments) => coverage::run(&arguments),
        Verb::Train(arguments) => train::run(&arguments),
        Verb::Model { verb } => models::run(&verb),
        Verb::Report(arguments) => report::run(&arguments),
        Verb::Suggestions(arguments) => suggestions::run(&arguments),
        Verb::Serve(arguments) => serve::run(&arguments),
        Verb::Tenant(arguments) => tenants::run(&arguments),
        Verb::Backup(arguments) => backup::run(&arguments),
        Verb::Openapi => {
            print!("{}", crate::http::document());
            Ok(Exit::Done)
        }
        Verb::Plugin(arguments) => plugins::run(&arguments),
        Verb::Compile { arguments } => return plugin::child(&arguments),
    };
    match exit {
        Ok(exit) => exit.into(),
        // Whoever reads our output has seen enough.
        Err(error) if is_broken_pipe(&error) => Exit::Done.into(),
        Err(error) => {
            eprintln!("lanewright: {error:#}");
            Exit::Failed.into()
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Tells a person what is wrong with a folder.
fn tell(problems: &crate::config::Problems) {
    for problem in &problems.0 {
        eprintln!("{problem}");
    }
}
