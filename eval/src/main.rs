//! Trains what the standard classifier ships with, and measures it.
//!
//! `train` makes `plugins/classifier/pack/standard.bin` from `data/`, the same to the byte each time;
//! `report` measures every pass mark and writes `docs/eval.md`. Both need nothing outside this repository.

mod data;
mod report;
mod train;

#[path = "../../host/src/text.rs"]
#[expect(dead_code, unreachable_pub, reason = "the host's own file, of which measuring needs a part")]
mod text;

use std::path::Path;

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
    /// Dump.
    Dump { kind: String },
    /// Measure every pass mark and write docs/eval.md; ends with 1 where one is missed.
    Report,
}

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match Arguments::parse().command {
        Command::Train { check } => train_pack(&root, check),
        Command::Dump { kind } => {
            let (c, _) = report::native::tenant("{}", &data::standard_lanes(&root)?)?;
            if let Some(kind) = kind.strip_prefix("dev-") {
                for i in data::inquiries(&root.join("data/inquiries/inquiries.jsonl"))?.iter().take(80) {
                    if i.lane.is_none() {
                        continue;
                    }
                    let v = c(&i.lead, lanewright_sdk::Policy::BestMatch)?;
                    let q: Vec<_> = i
                        .signals
                        .iter()
                        .filter(|l| l.kind == kind)
                        .map(|l| {
                            let a = i.lead.text.find(&l.quote).unwrap();
                            (a, a + l.quote.len())
                        })
                        .collect();
                    let m: Vec<_> = v
                        .signals
                        .iter()
                        .filter(|s| s.kind == kind)
                        .map(|s| (s.start as usize, s.end as usize))
                        .collect();
                    let o = |a: &(usize, usize), b: &(usize, usize)| a.0 < b.1 && b.0 < a.1;
                    for a in q.iter().filter(|a| !m.iter().any(|b| o(a, b))) {
                        println!("{} {:?} MISSED [{}]", i.lead.id, i.lane, &i.lead.text[a.0..a.1]);
                    }
                    for b in m.iter().filter(|b| !q.iter().any(|a| o(a, b))) {
                        let mut s = b.0.saturating_sub(60);
                        while !i.lead.text.is_char_boundary(s) {
                            s -= 1;
                        }
                        let mut e = (b.1 + 50).min(i.lead.text.len());
                        while !i.lead.text.is_char_boundary(e) {
                            e += 1;
                        }
                        println!(
                            "{} {:?} FALSE [{}] in {} (labels {:?})",
                            i.lead.id,
                            i.lane,
                            &i.lead.text[b.0..b.1],
                            i.lead.text[s..e].replace('\n', " "),
                            q.iter().map(|a| &i.lead.text[a.0..a.1]).collect::<Vec<_>>()
                        );
                    }
                }
                return Ok(());
            }
            for a in data::AUTHORS {
                for i in data::inquiries(&root.join(format!("data/inquiries/train/{a}.jsonl")))? {
                    if i.lane.is_none() {
                        continue;
                    }
                    let v = c(&i.lead, lanewright_sdk::Policy::BestMatch)?;
                    let mut t = String::new();
                    let mut at = 0;
                    for s in v.signals.iter().filter(|s| s.kind == kind) {
                        t.push_str(&i.lead.text[at..s.start as usize]);
                        t.push_str(&format!(
                            "[[{}|{}]]",
                            &i.lead.text[s.start as usize..s.end as usize],
                            s.value
                        ));
                        at = s.end as usize;
                    }
                    t.push_str(&i.lead.text[at..]);
                    println!("{}\t{}\t{}", i.lead.id, i.lane.unwrap_or_default(), t.replace('\n', " / "));
                }
            }
            Ok(())
        }
        Command::Report => write_report(&root),
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

fn write_report(root: &Path) -> Result<()> {
    let (page, passed) = report::report(root, &report::native::tenant)?;
    let path = root.join("docs/eval.md");
    std::fs::create_dir_all(root.join("docs"))?;
    std::fs::write(&path, &page).with_context(|| path.display().to_string())?;
    print!("{page}");
    ensure!(passed, "a mark was missed");
    Ok(())
}
