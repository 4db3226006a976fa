//! The report in characters: bars of eighths, and rates as a dot on the line of their interval.

use comfy_table::{Cell as Shown, CellAlignment};
use lanewright_learning::analytics::targets::Met;
use lanewright_learning::rate::Rate;

use super::{Cell, Section, heading, sections};
use crate::insight::Insight;
use crate::report::{Look, laid_out, plain_table};

/// Characters of a bar.
const WIDE: usize = 20;

/// What deals tell, section by section.
pub fn insight(insight: &Insight, look: Look) -> String {
    let mut parts = vec![heading(insight)];
    parts.extend(sections(insight).into_iter().map(|section| shown(section, look)));
    parts.join("\n\n") + "\n"
}

fn shown(section: Section, look: Look) -> String {
    let Section { title, notes, header, rows } = section;
    let mut parts = vec![title];
    parts.extend(notes);
    if !rows.is_empty() {
        let right: Vec<bool> = match rows.first() {
            Some(first) => first.iter().map(|cell| matches!(cell, Cell::Number(_))).collect(),
            None => Vec::new(),
        };
        let aligned = |(text, right): (String, &bool)| match right {
            true => Shown::new(text).set_alignment(CellAlignment::Right),
            false => Shown::new(text),
        };
        let mut table = plain_table(look);
        table.set_header(header.iter().map(|head| (*head).to_owned()).zip(&right).map(aligned));
        for row in rows {
            table.add_row(row.iter().map(text).zip(&right).map(aligned));
        }
        parts.push(laid_out(&mut table, 0..0));
    }
    parts.join("\n")
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::Words(text) | Cell::Number(text) => text.clone(),
        Cell::Bar(share) => bar(*share),
        Cell::Rate(rate) => rate.map(whisker).unwrap_or_default(),
        Cell::Met(met) => match met {
            Some(Met::Met) => "met",
            Some(Met::Missed) => "missed",
            Some(Met::TooFew) => "too few",
            None => "",
        }
        .to_owned(),
    }
}

fn bar(share: f64) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * (8 * WIDE) as f64).round() as usize;
    "█".repeat(eighths / 8) + PARTS[eighths % 8]
}

/// `   ├──●────┤`: the share, on the line of its interval.
fn whisker(rate: Rate) -> String {
    let place = |share: f64| (share.clamp(0.0, 1.0) * (WIDE - 1) as f64).round() as usize;
    let (low, dot, high) = (place(rate.low), place(rate.share), place(rate.high));
    let character = |at: usize| match at {
        at if at == dot => '●',
        at if at == low => '├',
        at if at == high => '┤',
        at if low < at => '─',
        _ => ' ',
    };
    (0..=high).map(character).collect()
}
