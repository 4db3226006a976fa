//! How well it is learned who wins which lead: makes `docs/learning-eval.md`.
//!
//! On three published histories each way to predict is fitted on older deals and measured on newer ones, beside the
//! simple ways that it must beat; on simulated tenants, whose true chances are known, intervals and rankings are
//! held against the truth. The marks are those that the product promises.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use lanewright_learning::deal::{Deal, Fields};
use lanewright_learning::metrics::{Metrics, Outturn};
use lanewright_learning::train::{Settings, train};
use lanewright_learning::win::{Way, WinModel};

use crate::data::Draw;

mod parted;
mod sets;
mod simulated;

use sets::{Set, Split, closed, won};

const DAY: i64 = 86_400_000;
/// Times that a set without an order is parted anew.
const REPEATS: u64 = 10;

/// The page, as Markdown, and whether every mark was reached.
pub(crate) fn report(root: &Path, folder: Option<&Path>) -> Result<(String, bool)> {
    let mut page = Page { text: HEAD.to_owned(), marks: Vec::new() };
    page.set(&sets::maven(root)?)?;
    match folder.map(sets::ibm).transpose()?.flatten() {
        Some(set) => page.set(&set)?,
        None => page.text.push_str("\n## IBM\n\nNot present: give its folder with `--data`.\n"),
    }
    page.set(&sets::salvirt(root)?)?;
    simulated::report(&mut page)?;
    parted::report(&mut page)?;
    simulated::times(&mut page)?;
    Ok(page.finish())
}

const HEAD: &str = "# Learning, measured

Made by `cargo xtask eval learning --data FOLDER`; the folder holds the IBM set, which has no licence and so is not in
this repository. Older deals are learned from, newer ones predicted; what has no dates is parted as said. Log loss is in
nats, of chances held to 0.005 to 0.995. The same settings serve every set.
";

/// What is written, and the marks found on the way.
struct Page {
    text: String,
    marks: Vec<(String, bool)>,
}

/// Ways to predict that are measured on the published sets.
const WAYS: [&str; 8] = [
    "global rate",
    "raw rate of rep × segment",
    "beta-binomial, rep → rep × segment",
    "shrunk logistic, without rep × field",
    "**shrunk logistic**",
    "boosted trees, on those parts alone where they won",
    "what the gates let through",
    "the same with parts by the customer's size",
];

impl Page {
    /// Notes a mark.
    fn mark(&mut self, what: String, reached: bool) {
        self.marks.push((what, reached));
    }

    /// Measures a published set.
    fn set(&mut self, set: &Set) -> Result<()> {
        let mut runs = Vec::new();
        match set.split {
            Split::Time(older) => runs.push(run(set, &set.deals[..older], &set.deals[older..])?),
            Split::Folds => {
                for repeat in 0..REPEATS {
                    runs.push(folds(set, repeat)?);
                }
            }
        }
        let all = &mut self.text;
        write!(all, "\n## {}\n\n", set.name)?;
        let last = &runs[runs.len() - 1];
        let parts = match set.split {
            Split::Time(older) => format!("{older} deals, then {} newer ones", set.deals.len() - older),
            Split::Folds => format!("{} deals in five parts, {REPEATS} times", set.deals.len()),
        };
        writeln!(all, "{parts}. Gates: {}.\n", last.gates)?;
        writeln!(all, "| way | AUC | log loss | Brier | calibration error |")?;
        writeln!(all, "| --- | --- | --- | --- | --- |")?;
        let mut means = Vec::new();
        for (way, name) in WAYS.iter().enumerate() {
            let metrics: Vec<Metrics> = runs
                .iter()
                .filter(|run| !run.outturns[way].is_empty())
                .map(|run| Metrics::of(&run.outturns[way]))
                .collect();
            if metrics.is_empty() {
                writeln!(all, "| {name} | – | – | – | – |")?;
                means.push((0.0, f64::MAX));
                continue;
            }
            let mean =
                |value: fn(&Metrics) -> f64| metrics.iter().map(value).sum::<f64>() / metrics.len() as f64;
            let (auc, loss) = (mean(|m| m.auc), mean(|m| m.log_loss));
            let (brier, error) = (mean(|m| m.brier), mean(|m| m.calibration_error));
            writeln!(all, "| {name} | {auc:.3} | {loss:.4} | {brier:.4} | {error:.3} |")?;
            means.push((auc, loss));
        }
        let advantage = runs.iter().map(|run| run.advantage).fold(0.0, f64::max);
        writeln!(all, "\nSpread of the reps' advantages behind the gates: {advantage:.3} logits.")?;
        let (tried, counting) =
            runs.iter().fold((0, 0), |all, run| (all.0 + run.parts.0, all.1 + run.parts.1));
        writeln!(all, "Models of their own by `{}`: {tried} tried, of which {counting} count.", set.parts)?;
        let ((auc, loss), (_, gated)) = (means[4], means[6]);
        match set.name {
            "Maven" => {
                self.mark(format!("Maven: log loss {loss:.4} ungated, at most 0.679"), loss <= 0.679);
                self.mark(format!("Maven: log loss {gated:.4} gated, at most 0.677"), gated <= 0.677);
                self.mark(
                    format!("Maven: rep advantages spread {advantage:.3}, at most 0.03"),
                    advantage <= 0.03,
                );
            }
            "IBM" => {
                self.mark(format!("IBM: AUC {auc:.4}, at least .790"), auc >= 0.790);
                self.mark(format!("IBM: log loss {loss:.4}, at most .452"), loss <= 0.452);
            }
            _ => {
                self.mark(format!("Salvirt: AUC {auc:.4}, at least .825"), auc >= 0.825);
                self.mark(format!("Salvirt: log loss {loss:.4}, at most .515"), loss <= 0.515);
            }
        }
        Ok(())
    }

    fn finish(mut self) -> (String, bool) {
        self.text.push_str("\n## Marks\n\n| mark | |\n| --- | --- |\n");
        for (what, reached) in &self.marks {
            let _ = writeln!(self.text, "| {what} | {} |", if *reached { "reached" } else { "**missed**" });
        }
        let reached = self.marks.iter().all(|(_, reached)| *reached);
        (self.text, reached)
    }
}

/// Predictions by way, and what the gates said.
struct Run {
    outturns: Vec<Vec<Outturn>>,
    gates: String,
    advantage: f64,
    /// Parts that were tried, and those that count.
    parts: (usize, usize),
}

fn run(set: &Set, older: &[Deal], newer: &[Deal]) -> Result<Run> {
    let settings = Settings { half_life_days: set.dated.then_some(180.0), ..Settings::default() };
    let now = older.iter().map(closed).max().unwrap_or(0);
    let parted = Settings { segment: Some(set.parts.to_owned()), ..settings.clone() };
    let parted = train(older, &parted, now, None)?;
    let model = parted.clone().by(parted.way());
    let main = train(older, &Settings { by_segment: false, trees: false, ..settings }, now, None)?;
    let logit = model.clone().by(Way::Logit);
    let trees = (model.report().best == Way::Trees).then(|| model.clone().by(Way::Trees));
    let by = |model: &WinModel| model.outturns(newer, i64::MIN);
    let raw = |deal: &Deal, shrunk: bool| record(&model, set, deal, shrunk);
    let outturns = vec![
        by(&model.clone().by(Way::Rate)),
        newer.iter().map(|deal| Outturn { chance: raw(deal, false), won: won(deal) }).collect(),
        newer.iter().map(|deal| Outturn { chance: raw(deal, true), won: won(deal) }).collect(),
        by(&main.by(Way::Logit)),
        by(&logit),
        trees.as_ref().map(by).unwrap_or_default(),
        by(&model),
        by(&parted),
    ];
    let advantages: Vec<f64> = newer
        .iter()
        .filter_map(|deal| Some(model.predict(&deal.fields, deal.opened, &[deal.rep.as_deref()?])[0].rep))
        .collect();
    let spread = advantages.iter().fold(0.0, |most: f64, x| most.max(*x))
        - advantages.iter().fold(0.0, |least: f64, x| least.min(*x));
    let parts = parted.segments().map_or(&[][..], |segments| &segments.parts);
    let parts = (parts.len(), parts.iter().filter(|part| part.counts).count());
    Ok(Run { outturns, gates: model.report().gates.to_string(), advantage: spread, parts })
}

/// The rate of a rep with the deal's value of the set's segment.
fn record(model: &WinModel, set: &Set, deal: &Deal, shrunk: bool) -> f64 {
    let rep = deal.rep.as_deref().unwrap_or_default();
    let value = deal.fields.get(set.segment).map_or("", String::as_str);
    let cell = model.evidence(rep, &[(set.segment, value)]);
    let of_rep = model.evidence(rep, &[]);
    match cell.or(of_rep) {
        Some(found) if shrunk => found.rate.mean(),
        Some(found) if found.closed > 0 => found.won as f64 / found.closed as f64,
        _ => model.clone().by(Way::Rate).lead(&Fields::new(), 0).chance(),
    }
}

/// Five parts in turn; times are drawn, so that what chains forward inside has an order.
fn folds(set: &Set, repeat: u64) -> Result<Run> {
    let mut draw = Draw::seeded(repeat);
    let mut deals = set.deals.clone();
    draw.shuffle(&mut deals);
    for (deal, place) in deals.iter_mut().zip(0..) {
        let at = place * DAY / 2;
        *deal = sets::deal(deal.rep.as_deref().unwrap_or_default(), deal.fields.clone(), 0, at, won(deal));
    }
    let mut all: Option<Run> = None;
    for part in 0..5 {
        let of = |inside: bool| -> Vec<Deal> {
            deals
                .iter()
                .enumerate()
                .filter(|(i, _)| (i % 5 == part) == inside)
                .map(|(_, deal)| deal.clone())
                .collect()
        };
        let found = run(set, &of(false), &of(true))?;
        match &mut all {
            None => all = Some(found),
            Some(all) => {
                all.outturns.iter_mut().zip(found.outturns).for_each(|(all, found)| all.extend(found));
                all.advantage = all.advantage.max(found.advantage);
                all.parts = (all.parts.0 + found.parts.0, all.parts.1 + found.parts.1);
            }
        }
    }
    all.ok_or_else(|| anyhow::anyhow!("no parts"))
}
