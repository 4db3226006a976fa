//! Decisions for a person to read: a table of many, or the whole story of one.
//!
//! Everything that people or plugins wrote is cleaned before it is shown ([`clean`]), so that no inquiry
//! can move the cursor or turn the text around. Colour marks confidence and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::ops::Range;

use comfy_table::{
    Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, LineStyle, Table, Width, presets,
};

use crate::decision::{Decision, Outcome};
use crate::failure::clean;
use crate::lead::Confidence;

mod explain;
mod insight;
mod learned;
mod tables;

pub use explain::explain;
pub use insight::{SUGGESTION, insight, page, suggestion};
pub use learned::{compared, learned};
pub use tables::{comparison, coverage};

/// How a report is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Columns of characters there are.
    pub width: u16,
    /// Whether colour is welcome: the output is a terminal and nobody asked for none.
    pub colour: bool,
}

impl Look {
    /// Whether a person is looking.
    pub fn terminal(self) -> bool {
        std::io::stdout().is_terminal()
    }

    /// As standard output wants it: the terminal's width and its colours, a wide plain page elsewhere.
    pub fn of_stdout() -> Self {
        let terminal = std::io::stdout().is_terminal();
        let width = Table::new().width().filter(|_| terminal).unwrap_or(140);
        Self { width, colour: terminal && std::env::var_os("NO_COLOR").is_none() }
    }
}

/// One line of the inquiry's text in a table, in characters.
const EXCERPT: usize = 48;

/// A row a decision, then a summary.
pub fn table(decisions: &[Decision], look: Look) -> String {
    let mut table = plain_table(look);
    table.set_header(["inquiry", "lane", "confidence", "rep", "match", "why"]);
    for decision in decisions {
        let (who, total) = destination(&decision.outcome);
        table.add_row([
            Cell::new(format!(
                "{}  {}",
                decision.lead,
                excerpt(&decision.trace.normalise.lead.text, EXCERPT)
            )),
            Cell::new(decision.lane.as_ref().map_or("—", |lane| lane.as_str())),
            confidence(decision.confidence, look),
            Cell::new(clean(&who, 60)),
            Cell::new(total.map(|total| format!("{total:.0}")).unwrap_or_default()),
            Cell::new(clean(&decision.why, 400)),
        ]);
    }
    for (column, percent) in [(0, 30), (1, 14), (3, 16)] {
        if let Some(column) = table.column_mut(column) {
            column.set_constraint(ColumnConstraint::UpperBoundary(Width::Percentage(percent)));
        }
    }
    format!("{}\n\n{}", laid_out(&mut table, 4..5), summary(decisions))
}

/// How many went where, in a few lines.
fn summary(decisions: &[Decision]) -> String {
    let so_many = |number: usize, what: &str| match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    };
    let leads = decisions.iter().map(|decision| &decision.lead).collect::<BTreeSet<_>>().len();
    let leads = match decisions.len() {
        same if same == leads => so_many(leads, "lead"),
        more => format!("{} about {}", so_many(more, "decision"), so_many(leads, "lead")),
    };
    if decisions.is_empty() {
        return format!("{leads}\n");
    }
    let outcomes = counted(decisions.iter().map(|decision| kind(&decision.outcome)));
    let lanes = counted(decisions.iter().map(|decision| match &decision.lane {
        Some(lane) => lane.as_str(),
        None => "none",
    }));
    let sure = [Confidence::High, Confidence::Medium, Confidence::Low].map(|confidence| {
        let count = decisions.iter().filter(|decision| decision.confidence == confidence).count();
        format!("{confidence} {count}")
    });
    let triage = decisions.iter().filter(|decision| decision.triage.is_some()).count();
    format!(
        "{leads}: {outcomes}\nlanes       {lanes}\nconfidence  {}\ntriage      {triage} for a person to look at\n",
        sure.join(" · "),
    )
}

/// "smb 12 · enterprise 3", most first.
fn counted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut counts = BTreeMap::<&str, usize>::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let counts: Vec<String> = counts.into_iter().map(|(name, count)| format!("{name} {count}")).collect();
    counts.join(" · ")
}

fn kind(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Assigned { .. } => "assigned",
        Outcome::Manager { .. } => "with a manager",
        Outcome::Held { .. } => "held",
        Outcome::Track { .. } => "on a track",
        Outcome::Triage => "left to people",
    }
}

/// Who or what has it, and with which total.
fn destination(outcome: &Outcome) -> (String, Option<f64>) {
    match outcome {
        Outcome::Assigned { rep, total, .. } => (rep.to_string(), *total),
        Outcome::Manager { manager, .. } => (format!("manager {manager}"), None),
        Outcome::Held { queue, .. } => (format!("queue {queue}"), None),
        Outcome::Track { track, .. } => (format!("track {track}"), None),
        Outcome::Triage => ("triage".to_owned(), None),
    }
}

fn confidence(confidence: Confidence, look: Look) -> Cell {
    let cell = Cell::new(confidence);
    if !look.colour {
        return cell;
    }
    cell.fg(match confidence {
        Confidence::High => Color::Green,
        Confidence::Medium => Color::Yellow,
        Confidence::Low => Color::Red,
    })
}

/// Rows below a header; columns of numbers stand to the right.
pub fn columns(header: &[&str], rows: Vec<Vec<String>>, numbers: Range<usize>, look: Look) -> String {
    let mut table = plain_table(look);
    table.set_header(header.iter().copied());
    table.add_rows(
        rows.into_iter().map(|row| row.into_iter().map(|text| clean(&text, 400)).collect::<Vec<_>>()),
    );
    laid_out(&mut table, numbers)
}

/// A table without boxes, with a line under its header.
fn plain_table(look: Look) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING.header_separator(LineStyle::none().fill('─').junction('─')))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(look.width.max(40));
    if look.colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table
}

/// The table as text: nothing to the left, two spaces between columns, numbers to the right.
fn laid_out(table: &mut Table, numbers: Range<usize>) -> String {
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if numbers.contains(&place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// The first words of a text on one line; the cut is shown.
fn excerpt(text: &str, most: usize) -> String {
    let mut out = String::new();
    for word in text.split_whitespace() {
        if !out.is_empty() && out.chars().count() + word.chars().count() > most {
            out.push_str(" …");
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&clean(word, most));
    }
    out
}

#[cfg(test)]
mod tests;
