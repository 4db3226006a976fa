//! Which dates in a text are deadlines.
//!
//! The lexicon finds two sorts of place: limits (`deadline`: "by the 28th", "ends tomorrow"), and points in time
//! that may be anything (`deadline-bare`: "Thursday", "next week"). A limit is kept unless it is told of in the
//! past; a point in time has to belong to a wish, a plan or stand almost alone. One more sort has no fixed length:
//! "before" and, a few words on, a date.

use crate::features::Reading;
use crate::lexicon::{Found, Lexicon};
use crate::signals::Candidate;

/// Words between `before` and the date that belongs to it.
const REACH: usize = 7;
/// Words in which a verb of the past, or a habit, makes a date history.
const NEAR: usize = 5;
/// A sentence of so few words beside its date is a note: `Go-live target Q3`.
const NOTE: usize = 4;

/// Keeps what is a deadline of those that may be one. `leaning` is the standard lane the text sounds like.
pub(crate) fn choose<'a>(
    found: &mut Vec<Candidate<'a>>,
    reading: &Reading,
    lexicon: &Lexicon,
    leaning: Option<&str>,
) {
    let near = Near { reading, lexicon };
    found.retain(|place| match place.kind {
        "deadline" => !near.is_history(place) && !near.is_duration(place, leaning),
        "deadline-bare" => !near.is_history(place) && !near.is_part_of_name(place) && near.is_wished(place),
        _ => true,
    });
    let mut spans = Vec::new();
    for opening in near.each("opening") {
        let from = opening.first as usize;
        let limits = found.iter().filter(|place| place.kind.starts_with("deadline"));
        let dates = near.each("date").map(|hit| (hit.first as usize, hit.after as usize));
        let mut reached: Vec<(usize, usize)> = limits
            .map(|place| (place.first, place.after))
            .chain(dates)
            .filter(|&(first, after)| first > from && first <= from + REACH && !near.breaks(from, after - 1))
            .collect();
        reached.sort_unstable();
        // The nearest date, and what else is said of it: `before the audit in March`.
        let mut after = None;
        for (first, end) in reached {
            if after.is_none_or(|after| first <= after) {
                after = after.max(Some(end));
            }
        }
        if let Some(after) = after {
            let span = Candidate { kind: "deadline", value: "", first: from, after };
            let habit = near.each("habit").any(|hit| (from..after).contains(&(hit.first as usize)));
            if !habit && !near.is_duration(&span, leaning) && !near.is_history(&span) {
                spans.push(span);
            }
        }
    }
    found.extend(spans);
    found.retain(|place| !place.kind.starts_with("deadline") || !near.overlaps("no-limit", place));
    for place in found.iter_mut().filter(|place| place.kind == "deadline-bare") {
        place.kind = "deadline";
    }
}

/// What stands around a place.
struct Near<'r> {
    reading: &'r Reading<'r>,
    lexicon: &'r Lexicon<'r>,
}

impl<'r> Near<'r> {
    fn each(&self, name: &'r str) -> impl Iterator<Item = &'r Found> {
        let lexicon = self.lexicon;
        self.reading.found.iter().filter(move |hit| lexicon.name(hit.group).0 == name)
    }

    fn overlaps(&self, name: &'r str, place: &Candidate) -> bool {
        self.each(name).any(|hit| (hit.first as usize) < place.after && place.first < hit.after as usize)
    }

    /// Whether a sentence ends between two words.
    fn breaks(&self, first: usize, last: usize) -> bool {
        last > first && self.reading.words.tokens[first + 1..=last].iter().any(|token| token.breaks)
    }

    fn sentence(&self, place: &Candidate) -> (usize, usize) {
        let tokens = &self.reading.words.tokens;
        let first = (0..=place.first).rev().find(|&at| tokens[at].breaks).unwrap_or(0);
        let after = (place.after..tokens.len()).find(|&at| tokens[at].breaks).unwrap_or(tokens.len());
        (first, after)
    }

    /// A date told of in the past or one that comes every week; a whole season; money of this quarter.
    fn is_history(&self, place: &Candidate) -> bool {
        let before = |hit: &Found| {
            let after = hit.after as usize;
            after <= place.first && after + NEAR > place.first && !self.breaks(after - 1, place.first)
        };
        self.each("past").any(before)
            || self.each("unwanted").any(before)
            || self.overlaps("spent", place)
            || self
                .each("long_period")
                .any(|hit| (hit.first as usize, hit.after as usize) == (place.first, place.after))
    }

    /// How long somebody alone wants to use it is no limit for an answer: `free until July`.
    fn is_duration(&self, place: &Candidate, leaning: Option<&str>) -> bool {
        leaning == Some("self-serve") && self.each("duration").any(|hit| hit.first as usize == place.first)
    }

    /// `my Monday report`: the day says which report.
    fn is_part_of_name(&self, place: &Candidate) -> bool {
        let tokens = &self.reading.words.tokens;
        if place.after - place.first > 1 || !self.is_day(place) {
            return false;
        }
        let Some(next) = tokens.get(place.after).filter(|next| !next.breaks) else { return false };
        let between = &self.reading.lead.text[tokens[place.after - 1].end as usize..next.start as usize];
        !between.contains([',', ')', ':', '/', '-'])
            && !self.each("after-day").any(|hit| hit.first as usize == place.after)
    }

    fn is_day(&self, place: &Candidate) -> bool {
        self.each("day").any(|hit| hit.first as usize == place.first)
    }

    /// Whether the sentence asks for or plans something, and the date goes with it.
    fn is_wished(&self, place: &Candidate) -> bool {
        let (first, after) = self.sentence(place);
        let habit = self.each("habit").any(|hit| {
            let at = hit.first as usize;
            at >= first && at < after && at.abs_diff(place.first) < NEAR
        });
        let wished =
            self.each("wish").any(|hit| hit.first as usize >= first && (hit.first as usize) < place.first);
        let suits = self.each("suits").any(|hit| {
            hit.first as usize >= place.after && (hit.first as usize) < (place.after + 3).min(after)
        });
        !habit && (wished || suits || after - first <= place.after - place.first + NOTE)
    }
}
