//! Lists what a person checks by eye: the signals that differ from their labels, and those of texts without labels.

use std::path::Path;

use anyhow::Result;
use lanewright_sdk::Policy;

use crate::data::{self, AUTHORS};
use crate::report::native;

/// Prints the signals of one kind: of the development inquiries those missed and those nobody labelled, of the
/// training inquiries all.
pub(crate) fn review(root: &Path, kind: &str) -> Result<()> {
    let lanes = data::standard_lanes(root)?;
    let (classify, _) = native::tenant("{}", &lanes)?;
    for inquiry in data::inquiries(&root.join("data/inquiries/inquiries.jsonl"))? {
        let text = &inquiry.lead.text;
        let verdict = classify(&inquiry.lead, Policy::BestMatch)?;
        let labels: Vec<(usize, usize)> = inquiry
            .signals
            .iter()
            .filter(|label| label.kind == kind)
            .filter_map(|label| text.find(&label.quote).map(|at| (at, at + label.quote.len())))
            .collect();
        let mine: Vec<(usize, usize)> = verdict
            .signals
            .iter()
            .filter(|signal| signal.kind == kind)
            .map(|signal| (signal.start as usize, signal.end as usize))
            .collect();
        let overlap = |a: &(usize, usize), b: &(usize, usize)| a.0 < b.1 && b.0 < a.1;
        let show = |what: &str, place: &(usize, usize)| {
            println!("{what} {} {:?}: {}", inquiry.lead.id, inquiry.lane, around(text, *place));
        };
        labels.iter().filter(|label| !mine.iter().any(|m| overlap(m, label))).for_each(|l| show("missed", l));
        mine.iter().filter(|m| !labels.iter().any(|label| overlap(m, label))).for_each(|m| show("extra ", m));
    }
    for author in AUTHORS {
        for inquiry in data::inquiries(&root.join(format!("data/inquiries/train/{author}.jsonl")))? {
            let verdict = classify(&inquiry.lead, Policy::BestMatch)?;
            for signal in verdict.signals.iter().filter(|signal| signal.kind == kind) {
                let place = (signal.start as usize, signal.end as usize);
                let lane = inquiry.lane.as_deref().unwrap_or("none");
                println!("{author} {lane} {} = {}", around(&inquiry.lead.text, place), signal.value);
            }
        }
    }
    Ok(())
}

/// The place in double brackets, with a few words to each side.
fn around(text: &str, (start, end): (usize, usize)) -> String {
    const BYTES: usize = 50;
    let mut from = start.saturating_sub(BYTES);
    while !text.is_char_boundary(from) {
        from -= 1;
    }
    let mut to = (end + BYTES).min(text.len());
    while !text.is_char_boundary(to) {
        to += 1;
    }
    format!("{}[[{}]]{}", &text[from..start], &text[start..end], &text[end..to]).replace('\n', " / ")
}
