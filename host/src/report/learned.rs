//! What training found out, for a person.

use std::fmt::Write as _;

use comfy_table::Cell;
use lanewright_learning::gates::{ENOUGH, Gate};
use lanewright_learning::metrics::Metrics;
use lanewright_learning::segments::{MOST, Segments};
use lanewright_learning::train::Report;
use lanewright_learning::win::{Better, Comparison, Way};

use super::{Look, laid_out, plain_table};
use crate::failure::clean;

/// Counts, gates, what was compared, how far chances can be taken at their word, and which parts count.
pub fn learned(report: &Report, segments: Option<&Segments>, look: Look) -> String {
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
    let a_part_counts = segments.is_some_and(|segments| segments.parts.iter().any(|part| part.counts));
    let verdict = match (report.gates.passed(), a_part_counts) {
        (true, _) => "It counts: both gates are passed.",
        (false, true) => "The whole counts for nothing yet, and parts of it do: a gate is not passed.",
        (false, false) => "It counts for nothing yet, and the rules alone decide: a gate is not passed.",
    };
    let _ = write!(text, "{verdict}\n{}\n\n", report.gates);
    let rows = report.compared.iter().map(|compared| {
        let chosen = if compared.way == report.best { ", chosen" } else { "" };
        (format!("{}{chosen}", name(compared.way)), &compared.metrics)
    });
    let _ = writeln!(text, "{}", measured("on newer deals than it had seen", rows, look));
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
    if let Some(segments) = segments {
        let _ = write!(text, "\n\n{}", parts(segments, look));
    }
    text
}

/// Models of their own, by the words of a fact.
fn parts(Segments { field, parts, others }: &Segments, look: Look) -> String {
    let mut text = String::new();
    if parts.is_empty() {
        let _ = write!(text, "No word of {field} has {ENOUGH} effective deals for a model of its own.");
        return text;
    }
    let mut table = plain_table(look);
    table.set_header([field.as_str(), "deals", "effective", "gates", "saved over the whole", "speaks"]);
    for part in parts {
        let gates = match part.gates.failed()[..] {
            [] => "passed",
            [Gate::Evidence] => "evidence failed",
            [Gate::Skill] => "skill failed",
            _ => "both failed",
        };
        table.add_row([
            clean(&part.word, 60),
            part.deals.to_string(),
            format!("{:.0}", part.gates.effective),
            gates.to_owned(),
            format!("{:.4} ± {:.4}", part.saved.mean, part.saved.error),
            if part.counts { "the word's own" } else { "the whole" }.to_owned(),
        ]);
    }
    let _ = write!(text, "{}", laid_out(&mut table, 1..3));
    if *others > 0 {
        let words = if *others == 1 { "word" } else { "words" };
        let _ = write!(
            text,
            "\nThe whole speaks for {others} other {words}, with less than {ENOUGH} effective deals or after the {MOST} with the most."
        );
    }
    text
}

/// Two models beside each other on the same deals, and which is better.
pub fn compared(comparison: &Comparison, (current, candidate): (i64, i64), look: Look) -> String {
    let Comparison { current: now, candidate: then, saved, verdict } = comparison;
    let verdict = match verdict {
        Better::TooFew => "that is too few to tell",
        Better::Candidate => "the candidate is better",
        Better::Current => "the one it is held against is better",
        Better::Neither => "neither is better",
    };
    let rows = [(format!("{current}"), now), (format!("{candidate}, the candidate"), then)];
    format!(
        "{}\n\nOn {} deals that closed after both were trained, the candidate saves {:.4} of log loss a deal, standard error \
         {:.4}: {verdict}.",
        measured("model", rows.into_iter(), look),
        then.deals,
        saved.mean,
        saved.error
    )
}

/// A row of measures for each.
fn measured<'m>(what: &str, rows: impl Iterator<Item = (String, &'m Metrics)>, look: Look) -> String {
    let mut table = plain_table(look);
    table.set_header([what, "log loss", "Brier", "AUC", "calibration error"]);
    for (name, metrics) in rows {
        table.add_row([
            name,
            format!("{:.4}", metrics.log_loss),
            format!("{:.4}", metrics.brier),
            format!("{:.3}", metrics.auc),
            format!("{:.3}", metrics.calibration_error),
        ]);
    }
    laid_out(&mut table, 1..5)
}

fn name(way: Way) -> &'static str {
    match way {
        Way::Rate => "the share that is won",
        Way::Logit => "shrunk logistic model",
        Way::Trees => "boosted trees",
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use lanewright_learning::gates::Gates;
    use lanewright_learning::metrics::Difference;
    use lanewright_learning::segments::Part;

    use super::*;

    #[test]
    fn parts_say_which_speaks() {
        let check = |parts: &[(&str, f64, f64, f64)], others, expected: Expect| {
            let part = |(word, effective, skill, over): &(&str, f64, f64, f64)| {
                let by = |mean: f64| Difference { mean, error: 0.01 };
                let gates = Gates { effective: *effective, saved: by(*skill), measured_on: 90 };
                let saved = by(*over);
                Part {
                    word: (*word).to_owned(),
                    deals: 180,
                    counts: gates.passed() && saved.is_clear(),
                    gates,
                    compared: Vec::new(),
                    best: Way::Logit,
                    calibration: None,
                    saved,
                }
            };
            let parts = parts.iter().map(part).collect();
            let segments = Segments { field: "segment.size".to_owned(), parts, others };
            let told = super::parts(&segments, Look { width: 110, colour: false });
            let told: Vec<&str> = told.lines().map(str::trim_end).collect();
            expected.assert_eq(&told.join("\n"));
        };
        check(&[], 3, expect!["No word of segment.size has 100 effective deals for a model of its own."]);
        check(
            &[
                ("large", 171.6, 0.08, 0.021),
                ("mid", 140.0, 0.08, 0.009),
                ("small\u{1b}[1m", 120.0, 0.0, -0.02),
            ],
            1,
            expect![[r#"
                segment.size     deals   effective   gates          saved over the whole   speaks
                ───────────────────────────────────────────────────────────────────────────────────────────
                large              180         172   passed         0.0210 ± 0.0100        the word's own
                mid                180         140   passed         0.0090 ± 0.0100        the whole
                small\u{1b}[1m     180         120   skill failed   -0.0200 ± 0.0100       the whole
                The whole speaks for 1 other word, with less than 100 effective deals or after the 10 with the most."#]],
        );
        check(
            &[("large", 171.6, 0.08, 0.021)],
            0,
            expect![[r#"
            segment.size   deals   effective   gates    saved over the whole   speaks
            ───────────────────────────────────────────────────────────────────────────────────
            large            180         172   passed   0.0210 ± 0.0100        the word's own"#]],
        );
    }
}
