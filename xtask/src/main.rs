//! `cargo xtask …`: what a newcomer or CI needs, in one command each.
//!
//! [`VERBS`] lists them, and the help is made from that list. Each verb first calls [`setup`], which adds
//! what the machine lacks, and then runs cargo; nothing here knows how to route a lead. This crate is
//! compiled before everything else, so it has no dependency worth waiting for.

mod ci;
mod demo;
mod frozen;
mod fuzz;
mod generated;
mod layers;
mod outside;
mod postgres;
mod run;
mod setup;
mod summary;
mod test;

use std::process::ExitCode;

use anyhow::Result;

use crate::postgres::Database;
use crate::setup::Work;

/// One thing to ask for.
struct Verb {
    name: &'static str,
    /// What can follow the name.
    arguments: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<ExitCode>,
}

const VERBS: [Verb; 9] = [
    Verb {
        name: "demo",
        arguments: "",
        about: "Set up, build, and route the inquiries of an example tenant",
        run: demo::run,
    },
    Verb {
        name: "test",
        arguments: "[ARGS OF cargo test]",
        about: "Run every test, or those that the arguments pick",
        run: test::run,
    },
    Verb {
        name: "ci",
        arguments: "",
        about: "Check format, layers, frozen and generated files and lints, then run every test",
        run: ci::run,
    },
    Verb {
        name: "generated",
        arguments: "[--bless]",
        about: "Check that quoted output in the pages is what the programs print; --bless rewrites it",
        run: generated::run,
    },
    Verb {
        name: "eval",
        arguments: "[ARGS]",
        about: "Measure classification on the labelled sets and write the table that README quotes",
        run: eval,
    },
    Verb {
        name: "bench",
        arguments: "[batch|core|density|hostile|learning|service] [ARGS]",
        about: "Measure, interleaved: plugin calls or batches beside their peers, decisions as tenants grow or are attacked, ten thousand tenants on one host, training, the service",
        run: bench,
    },
    Verb {
        name: "fuzz",
        arguments: "[TARGET|api] [ARGS]",
        about: "Try inputs made of good ones at every parser; or ten thousand requests, good and bad, at a service",
        run: fuzz::run,
    },
    Verb {
        name: "soak",
        arguments: "[CALLS]",
        about: "Call good and hostile plugins in turns, a million times, and fail where memory grows",
        run: soak,
    },
    Verb {
        name: "setup",
        arguments: "",
        about: "Add what the machine lacks; every other command does so by itself",
        run: |_| setup::run(Work::Test).map(|()| ExitCode::SUCCESS),
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, rest) = match arguments.split_first() {
        None => {
            print!("{}", help());
            return ExitCode::SUCCESS;
        }
        Some((name, _)) if ["help", "--help", "-h"].contains(&name.as_str()) => {
            print!("{}", help());
            return ExitCode::SUCCESS;
        }
        Some((name, rest)) => (name.as_str(), rest),
    };
    let Some(verb) = VERBS.iter().find(|verb| verb.name == name) else {
        eprint!("xtask: there is no `{name}`\n\n{}", help());
        return ExitCode::from(2);
    };
    if verb.arguments.is_empty() && !rest.is_empty() {
        eprintln!("xtask: `{name}` takes no arguments, and was given `{}`", rest.join(" "));
        return ExitCode::from(2);
    }
    match (verb.run)(rest) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask {name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Every verb with what it takes and does.
fn help() -> String {
    let usages = VERBS.map(|verb| format!("{} {}", verb.name, verb.arguments).trim_end().to_owned());
    let width = usages.iter().map(String::len).max().unwrap_or(0);
    let mut help = "cargo xtask <command>\n\n".to_owned();
    for (usage, verb) in usages.iter().zip(&VERBS) {
        help.push_str(&format!("  {usage:width$}  {}\n", verb.about));
    }
    help
}

/// An optimised build, since it says how long a text takes.
fn eval(arguments: &[String]) -> Result<ExitCode> {
    setup::run(Work::Build)?;
    let report = ["report".to_owned()];
    let arguments = if arguments.is_empty() { &report } else { arguments };
    run::cargo(&["run", "--release", "--package", "lanewright-eval", "--"]).args(arguments).shown()?;
    Ok(ExitCode::SUCCESS)
}

/// Prints memory ten times on the way.
fn soak(arguments: &[String]) -> Result<ExitCode> {
    let calls = arguments.first().map_or("1000000", String::as_str);
    measured("hostile::leak::soak", "LANEWRIGHT_SOAK_CALLS", calls)
}

/// What is measured with the guests of the tests stands there, and is left out where they are run.
fn measured(name: &str, variable: &str, value: &str) -> Result<ExitCode> {
    setup::run(Work::Test)?;
    let test = ["test", "--release", "--package", "lanewright", "--test", "it", "--"];
    let run = run::cargo(&test).args(["--exact", name, "--ignored", "--nocapture"]);
    if variable.is_empty() { run } else { run.env(variable, value) }.shown()?;
    Ok(ExitCode::SUCCESS)
}

/// The peers are a workspace of their own, with its own lock file; those of batches need no engine, and the service
/// needs a database.
fn bench(arguments: &[String]) -> Result<ExitCode> {
    if arguments.first().is_some_and(|first| first == "hostile") {
        return measured("hostile::fair::measure", "", "");
    }
    let (package, rest) = match arguments.split_first() {
        Some((first, rest)) if first == "batch" => ("lanewright-bench-batch", rest),
        Some((first, rest)) if first == "core" => ("lanewright-bench-core", rest),
        Some((first, rest)) if first == "learning" => ("lanewright-bench-learning", rest),
        Some((first, rest)) if first == "service" => ("lanewright-bench-service", rest),
        _ => ("lanewright-bench", arguments),
    };
    let service = package == "lanewright-bench-service";
    setup::run(if service { Work::Test } else { Work::Build })?;
    let run = ["run", "--release", "--manifest-path", "bench/Cargo.toml", "--package", package, "--"];
    let database = if service { Database::provide()? } else { Database::default() };
    database.told(run::cargo(&run).args(rest)).shown()?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_verb_once() {
        let help = help();
        for verb in &VERBS {
            let lines = help.lines().filter(|line| line.trim_start().starts_with(verb.name)).count();
            assert_eq!(lines, 1, "{} in\n{help}", verb.name);
        }
    }
}
