//! Coverage gaps, and two ways of routing side by side, as tables.

use std::collections::BTreeSet;

use super::{Look, laid_out, plain_table};
use crate::coverage::Coverage;
use crate::failure::clean;
use crate::simulate::{Comparison, Sides};

/// A row a gap, then the share that was covered.
pub fn coverage(coverage: &Coverage, look: Look) -> String {
    let share = coverage.share().map_or("no lead wanted a rep".to_owned(), |share| {
        format!(
            "coverage {:.0} %: {} of {} leads that wanted a rep",
            100.0 * share,
            coverage.covered,
            coverage.wanted
        )
    });
    if coverage.gaps.is_empty() {
        return format!("{share}\n");
    }
    let mut table = plain_table(look);
    table.set_header(["leads", "value", "lane", "team", "territory", "why", "what would close it"]);
    for gap in &coverage.gaps {
        let name = |id: Option<String>| id.unwrap_or_else(|| "—".to_owned());
        table.add_row([
            gap.leads.to_string(),
            format!("{:.0}", gap.value),
            name(gap.lane.as_ref().map(ToString::to_string)),
            name(gap.team.as_ref().map(ToString::to_string)),
            name(gap.territory.as_ref().map(ToString::to_string)),
            gap.reason.to_string(),
            clean(&gap.advice, 200),
        ]);
    }
    format!("{}\n\n{share}\n", laid_out(&mut table, 0..2))
}

/// Changes listed in a table; the rest is counted.
const LISTED: usize = 40;

/// What changes, lead by lead, then from whom to whom, then load, coverage and value.
pub fn comparison(comparison: &Comparison, look: Look) -> String {
    let Comparison { leads, changes, because, moves, load, coverage, expected_value, mean_total } =
        comparison;
    let mut parts = Vec::new();
    if !changes.is_empty() {
        let mut table = plain_table(look);
        table.set_header(["lead", "now", "then", "because"]);
        for change in changes.iter().take(LISTED) {
            table.add_row([
                format!("{} #{}", change.lead, change.number),
                clean(&change.to.now, 60),
                clean(&change.to.then, 60),
                clean(&change.how, 200),
            ]);
        }
        parts.push(laid_out(&mut table, 0..0));
        if changes.len() > LISTED {
            parts.push(format!("… and {} more", changes.len() - LISTED));
        }
    }
    if !moves.is_empty() {
        let mut table = plain_table(look);
        table.set_header(["leads", "from", "to"]);
        for moved in moves.iter().take(LISTED) {
            table.add_row([moved.leads.to_string(), clean(&moved.to.now, 60), clean(&moved.to.then, 60)]);
        }
        parts.push(laid_out(&mut table, 0..1));
    }
    if !load.is_empty() {
        let mut table = plain_table(look);
        table.set_header(["rep", "now", "then"]);
        for (rep, sides) in load {
            table.add_row([rep.to_string(), sides.now.to_string(), sides.then.to_string()]);
        }
        parts.push(laid_out(&mut table, 1..3));
    }
    let reasons: Vec<String> = because
        .iter()
        .map(|(stage, count)| format!("{} {count}", format!("{stage:?}").to_lowercase()))
        .collect();
    let share =
        |share: Option<f64>| share.map_or("—".to_owned(), |share| format!("{:.0} %", 100.0 * share));
    let total = |total: Option<f64>| total.map_or("—".to_owned(), |total| format!("{total:.1}"));
    let arrow = |Sides { now, then }: Sides<String>| format!("{now} → {then}");
    parts.push(format!(
        "{} of {leads} leads change{}\ncoverage        {}\nexpected value  {}\nmean match      {}\n",
        changes.iter().map(|change| &change.lead).collect::<BTreeSet<_>>().len(),
        if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join(" · ")) },
        arrow(Sides { now: share(coverage.now), then: share(coverage.then) }),
        arrow(Sides {
            now: format!("{:.0}", expected_value.now),
            then: format!("{:.0}", expected_value.then)
        }),
        arrow(Sides { now: total(mean_total.now), then: total(mean_total.then) }),
    ));
    parts.join("\n\n")
}
