//! The assignment of a batch, measured beside exact public solvers: the same optimum, in what time?
//!
//! `cargo xtask bench batch [ROUNDS [SECONDS]]` prints a Markdown table for each batch. Every run is a process
//! of its own, one way after the other in each round; it makes the batch in the form its solver wants, and only
//! the solver is timed. A way that takes longer than SECONDS is stopped and not run again. The Python solvers
//! are installed into a virtual environment in the build folder; where that cannot be had, they are left out.

mod instance;
mod python;
mod solvers;

#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the host's own module, which the host uses more of"
)]
#[path = "../../../host/src"]
mod host {
    pub(crate) mod assignment;
}

use std::io::Read;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use lanewright_bench_measure::{Row, table};
use wait_timeout::ChildExt;

use instance::{Instance, Kind};
use python::Python;
use solvers::Solver;

/// Leads, reps, capacity of each.
const SIZES: [(usize, usize, u32); 2] = [(1_000, 100, 12), (10_000, 500, 25)];

const OURS: &str = "Lanewright";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench batch: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let number = |place: usize, default: usize| match arguments.get(place) {
        Some(text) => text.parse().with_context(|| format!("`{text}` is no number")),
        None => Ok(default),
    };
    if arguments.first().is_some_and(|first| first == "one") {
        let (size, kind) = (SIZES[number(1, 0)?], Kind::ALL[number(2, 0)?]);
        let name = arguments.get(3).context("which solver?")?;
        let solver =
            Solver::ALL.into_iter().find(|solver| solver.name() == name).context("no such solver")?;
        let (total, took) = solver.run(&Instance::new(size.0, size.1, size.2, kind))?;
        println!("{total} {}", took.as_nanos());
        return Ok(());
    }
    let rounds = number(0, 5)?;
    let limit = Duration::from_secs(number(1, 60)? as u64);
    let python = Python::new();
    if let Err(why) = &python {
        println!("Without OR-tools and SciPy: {why:#}\n");
    }
    for (size, (leads, reps, capacity)) in SIZES.into_iter().enumerate() {
        for (kind, named) in Kind::ALL.into_iter().enumerate() {
            let instance = Instance::new(leads, reps, capacity, named);
            let capacity = instance.capacity;
            println!("## {leads} leads, {reps} reps with {capacity} places each: {}\n", named.name());
            let mut ways = Vec::new();
            for solver in Solver::ALL {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["one", &size.to_string(), &kind.to_string(), solver.name()]);
                ways.push(Way::new(solver.name(), command));
            }
            if let Ok(python) = &python {
                for (name, command) in python.commands(&instance)? {
                    ways.push(Way::new(name, command));
                }
            }
            compare(ways, rounds, limit)?;
        }
    }
    Ok(())
}

/// A solver's process, and what came of it.
struct Way {
    name: &'static str,
    command: Command,
    samples: Vec<f64>,
    total: Option<u64>,
    given_up: Option<String>,
}

impl Way {
    fn new(name: &'static str, command: Command) -> Self {
        Self { name, command, samples: Vec::new(), total: None, given_up: None }
    }

    fn run(&mut self, limit: Duration) -> Result<()> {
        let mut child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        if child.wait_timeout(limit)?.is_none() {
            child.kill()?;
            child.wait()?;
            self.given_up = Some(format!("not done in {} s", limit.as_secs()));
            return Ok(());
        }
        let (mut out, mut error) = (String::new(), String::new());
        child.stdout.take().context("piped")?.read_to_string(&mut out)?;
        child.stderr.take().context("piped")?.read_to_string(&mut error)?;
        let words: Vec<&str> = out.split_whitespace().collect();
        let [total, nanoseconds] = words[..] else {
            self.given_up = Some(error.lines().last().unwrap_or("said nothing").to_owned());
            return Ok(());
        };
        let total = total.parse()?;
        ensure!(self.total.is_none_or(|before| before == total), "{} found two optima", self.name);
        self.total = Some(total);
        self.samples.push(nanoseconds.parse()?);
        Ok(())
    }
}

fn compare(mut ways: Vec<Way>, rounds: usize, limit: Duration) -> Result<()> {
    for round in 0..rounds {
        let turn = round % ways.len();
        ways.rotate_left(turn);
        for way in ways.iter_mut().filter(|way| way.given_up.is_none()) {
            way.run(limit)?;
        }
        ways.rotate_right(turn);
    }
    let rows: Vec<Row> = (ways.iter().filter(|way| !way.samples.is_empty()))
        .map(|way| Row::new(way.name, way.samples.clone()))
        .collect();
    println!("{}", table(&rows, OURS));
    let optimum = ways.iter().find(|way| way.name == OURS).and_then(|way| way.total);
    for way in &ways {
        match (&way.given_up, way.total) {
            (Some(why), _) => println!("{}: {why}.", way.name),
            (None, total) if total != optimum => bail!("{} found {total:?}, and not {optimum:?}", way.name),
            _ => {}
        }
    }
    println!("All others reach a total value of {}.\n", optimum.context("ours has no answer")?);
    Ok(())
}
