//! What training found out, for a person.

use std::fmt::Write as _;

use comfy_table::Cell;
use lanewright_learning::train::Report;
use lanewright_learning::win::Way;

use super::{Look, laid_out, plain_table};

/// Counts, gates, what was compared, and how far chances can be taken at their word.
pub fn learned(report: &Report, look: Look) -> String {
    let counts = report.counts;
    let mut text = format!("{} deals won and {} lost are learned from", counts.won, counts.lost);
    let others = [
        (counts.disqualified, "disqualified"),
        (counts.open, "still open"),
        (counts.too_old, "too old"),
        (counts.in_future, "closed later than now"),
    ];
    let others: Vec<String> = others
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    if !others.is_empty() {
        let _ = write!(text, "; left out are {}", others.join(", "));
    }
    text.push_str(".\n\n");
    let verdict = match report.gates.passed() {
        true => "It counts: both gates are passed.",
        false => "It counts for nothing yet, and the rules alone decide: a gate is not passed.",
    };
    let _ = write!(text, "{verdict}\n{}\n\n", report.gates);
    let mut table = plain_table(look);
    table.set_header(["on newer deals than it had seen", "log loss", "Brier", "AUC", "calibration error"]);
    for compared in &report.compared {
        let metrics = &compared.metrics;
        let chosen = if compared.way == report.best { ", chosen" } else { "" };
        table.add_row([
            format!("{}{chosen}", name(compared.way)),
            format!("{:.4}", metrics.log_loss),
            format!("{:.4}", metrics.brier),
            format!("{:.3}", metrics.auc),
            format!("{:.3}", metrics.calibration_error),
        ]);
    }
    let _ = writeln!(text, "{}", laid_out(&mut table, 1..5));
    let best = report.compared.iter().find(|compared| compared.way == report.best);
    if let Some(best) = best.filter(|best| best.metrics.deals > 0) {
        let mut table = plain_table(look);
        table.set_header(["said", "came true", "deals"]);
        for bin in best.metrics.table.iter().filter(|bin| bin.deals > 0) {
            let percent = |share: f64| Cell::new(format!("{:.0} %", 100.0 * share));
            table.add_row([percent(bin.chance), percent(bin.won), Cell::new(bin.deals)]);
        }
        let _ = writeln!(text, "\n{}", laid_out(&mut table, 0..3));
    }
    let mut differ: Vec<&(String, f64)> = report.variances.iter().collect();
    differ.sort_by(|one, other| other.1.total_cmp(&one.1));
    let told: Vec<String> =
        differ.iter().take(5).map(|(group, variance)| format!("{group} {:.2}", variance.sqrt())).collect();
    let _ = write!(text, "\nWhat tells deals apart, in logits: {}.", told.join(", "));
    text
}

fn name(way: Way) -> &'static str {
    match way {
        Way::Rate => "the share that is won",
        Way::Logit => "shrunk logistic model",
        Way::Trees => "boosted trees",
    }
}
