//! Trains what the standard classifier ships with, and measures it; measures routing under scarcity.
//!
//! `train` makes `plugins/classifier/pack/standard.bin` from `data/`, the same to the byte each time;
//! `report` measures every pass mark and writes `docs/eval.md`; `signals` lists signals to check by eye;
//! `scarcity` measures routing one at a time against the optimum and writes `docs/scarcity.md`;
//! `judging` proves what judges by simulation and writes `docs/judging-eval.md`; `learning` measures who is predicted
//! to win which lead and writes `docs/learning-eval.md`. All need nothing outside this repository, but that `learning`
//! is given one more set where there is a copy.

mod data;
mod judging;
mod report;
mod review;
mod scarcity;
mod train;
mod winning;

#[path = "../../host/src/pacing.rs"]
#[allow(dead_code, unreachable_pub, reason = "the host's own file, so that measuring needs no sandbox")]
mod pacing;

#[path = "../../host/src/text.rs"]
#[allow(dead_code, unreachable_pub, reason = "the host's own file, of which measuring needs a part")]
mod text;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Trains what the standard classifier ships with, and measures it")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train the shipped pack from data/.
    Train {
        /// Write nothing; fail where the shipped pack is not what the data makes.
        #[arg(long)]
        check: bool,
    },
    /// List signals for a person to check: those that differ from their labels, and those without labels.
    Signals {
        /// A kind of signal: `deadline`.
        kind: String,
    },
    /// Measure routing one at a time under scarcity and write docs/scarcity.md.
    Scarcity,
    /// Measure what is learned from won and lost deals and write docs/learning-eval.md.
    Learning {
        /// Fail where a mark is missed.
        #[arg(long)]
        check: bool,
        /// Folder with the set that may not be copied here.
        #[arg(long)]
        data: Option<PathBuf>,
    },
    /// Prove by simulation that experiments, exploration and judged policies hold; write docs/judging-eval.md.
    Judging {
        /// Fail where a mark is missed.
        #[arg(long)]
        check: bool,
    },
    /// Measure every pass mark and write docs/eval.md.
    Report {
        /// Fail where a mark is missed.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match Arguments::parse().command {
        Command::Train { check } => train_pack(&root, check),
        Command::Signals { kind } => review::review(&root, &kind),
        Command::Judging { check } => write_judging(&root, check),
        Command::Scarcity => write_scarcity(&root),
        Command::Learning { check, data } => write_learning(&root, check, data.as_deref()),
        Command::Report { check } => write_report(&root, check),
    }
}

fn train_pack(root: &Path, check: bool) -> Result<()> {
    let trained = train::train(root)?;
    let share = |(right, all): (usize, usize)| 100.0 * right as f64 / all as f64;
    println!(
        "an author not seen: {:.1} % right of four lanes, {:.1} % with none as a fifth answer",
        share(trained.four),
        share(trained.strict)
    );
    let path = root.join("plugins/classifier/pack/standard.bin");
    if check {
        let shipped = std::fs::read(&path).with_context(|| path.display().to_string())?;
        ensure!(shipped == trained.pack, "{} is not what the data makes: run train", path.display());
    } else {
        std::fs::write(&path, &trained.pack).with_context(|| path.display().to_string())?;
        println!("{}: {} bytes", path.display(), trained.pack.len());
    }
    Ok(())
}

fn write_scarcity(root: &Path) -> Result<()> {
    let page = scarcity::report()?;
    let path = root.join("docs/scarcity.md");
    std::fs::write(&path, &page).with_context(|| path.display().to_string())?;
    print!("{page}");
    Ok(())
}

fn write_learning(root: &Path, check: bool, data: Option<&Path>) -> Result<()> {
    let (page, passed) = winning::report(root, data)?;
    let path = root.join("docs/learning-eval.md");
    std::fs::write(&path, &page).with_context(|| path.display().to_string())?;
    print!("{page}");
    ensure!(passed || !check, "a mark was missed");
    Ok(())
}

fn write_judging(root: &Path, check: bool) -> Result<()> {
    let (page, passed) = judging::report()?;
    let path = root.join("docs/judging-eval.md");
    std::fs::write(&path, &page).with_context(|| path.display().to_string())?;
    print!("{page}");
    ensure!(passed || !check, "a mark was missed");
    Ok(())
}

fn write_report(root: &Path, check: bool) -> Result<()> {
    let (page, passed) = report::report(root, &report::native::tenant)?;
    let path = root.join("docs/eval.md");
    std::fs::create_dir_all(root.join("docs"))?;
    std::fs::write(&path, &page).with_context(|| path.display().to_string())?;
    print!("{page}");
    ensure!(passed || !check, "a mark was missed");
    Ok(())
}
