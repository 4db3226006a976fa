//! `lanewright plugin test` and `watch`: a project's cases, played; once, or whenever something changes.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use anyhow::Context;

use super::Exit;
use super::workshop::{self, Workshop, grouped, shown, with_stack};
use crate::author::cases::{Case, blessed};
use crate::author::play::{Tally, play as play_case};
use crate::author::trial::Answer;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    workshop: workshop::ProjectArguments,
    /// Write what is answered now into the cases, as what they ask for
    #[arg(long)]
    bless: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct WatchArguments {
    #[command(flatten)]
    workshop: workshop::ProjectArguments,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    match arguments.workshop.open()? {
        Some(workshop) => {
            let bless = arguments.bless.then(|| arguments.workshop.cases());
            with_stack(|| play(&workshop, bless.as_deref()))
        }
        None => Ok(Exit::Findings),
    }
}

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(300);

/// Plays the cases now and after each change of sources, cases, settings or tenant, until it is stopped.
pub(super) fn watch(arguments: &WatchArguments) -> anyhow::Result<Exit> {
    let project = arguments.workshop.project()?;
    loop {
        let seen = newest(&project.folder);
        let played = match arguments.workshop.open() {
            Ok(Some(workshop)) => with_stack(|| play(&workshop, None)).map(drop),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        // What is wrong now may be right after the next change.
        if let Err(error) = played {
            eprintln!("{error:#}");
        }
        println!("watching {project}");
        while newest(&project.folder) == seen {
            sleep(LOOK);
        }
    }
}

/// When anything an author writes was changed last; what tools make does not count.
fn newest(folder: &Path) -> SystemTime {
    let project = crate::author::project::Project::find(folder);
    let sources = project.map_or(SystemTime::UNIX_EPOCH, |project| project.changed());
    let files = |name: &str| {
        let entries = std::fs::read_dir(folder.join(name)).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let played = files("cases").into_iter().chain(files("tenant")).chain([folder.join("settings.json")]);
    let changed = |path: &Path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    played.filter_map(|path| changed(&path)).fold(sources, SystemTime::max)
}

/// Plays every case and tells a line for each call; `bless` is the folder to write cases to.
fn play(workshop: &Workshop, bless: Option<&Path>) -> anyhow::Result<Exit> {
    let cases = workshop.cases()?;
    let plan = workshop.prototype.plan();
    let width = cases.keys().map(|name| name.chars().count()).max().unwrap_or(0).max(4);
    println!(
        "{:width$}  {:18}  {:6}  {:>12}  {:>9}  {:>10}  {:>10}",
        "case", "call", "", "fuel", "of budget", "memory KiB", "time ms"
    );
    let mut tally = Tally::default();
    let mut common = None;
    for (name, case) in &cases {
        let own;
        let trial = if case.settings.is_some() {
            own = workshop.trial(case.settings.as_ref(), None)?;
            &own
        } else if let Some(common) = &common {
            common
        } else {
            common.insert(workshop.trial(None, None)?)
        };
        let played = play_case(trial, case)
            .map_err(|refusal| anyhow::anyhow!("case {name}: {refusal}\n  hint: {}", refusal.hint()))?;
        tally.add(&played);
        let good = played.passed();
        if let Some(folder) = bless.filter(|_| !good || case.expect.is_empty()) {
            let path = folder.join(format!("{name}.json"));
            rewrite(&path, case, &played.answers)?;
            println!("{name:width$}  rewritten: {}", shown(&path));
        }
        let result = if good { "passed" } else { "FAILED" };
        for measured in played.answers.iter().flat_map(|answer| &answer.calls) {
            let call = &measured.call;
            let share = 100.0 * call.fuel as f64 / plan.fuel as f64;
            println!(
                "{name:width$}  {:18}  {result}  {:>12}  {share:>7.1} %  {:>10}  {:>10.2}",
                call.export,
                grouped(call.fuel),
                grouped(call.memory / 1024),
                measured.took.as_secs_f64() * 1e3,
            );
            for line in call.log.iter().filter(|_| !good) {
                println!("{:width$}  log {:?}: {}", "", line.level, line.message);
            }
            if let Some(failure) = &call.failure {
                println!("{:width$}  {failure}", "");
            }
        }
        for difference in played.told() {
            println!("{:width$}  {difference}", "");
        }
    }
    let (size, most) = (workshop.size.div_ceil(1024) as u64, plan.component_bytes as u64 / 1024);
    let (passed, failed) = (tally.passed, tally.total - tally.passed);
    println!("\n{passed} passed, {failed} failed · component {} KiB of {} KiB", grouped(size), grouped(most));
    Ok(if failed == 0 || bless.is_some() { Exit::Done } else { Exit::Findings })
}

fn rewrite(path: &Path, case: &Case, answers: &[Answer]) -> anyhow::Result<()> {
    let mut case = case.clone();
    let expected = |answer: &Answer| (answer.role, blessed(case.expect.get(&answer.role), &answer.said));
    case.expect = answers.iter().map(expected).collect();
    let text = serde_json::to_string_pretty(&case)? + "\n";
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}
