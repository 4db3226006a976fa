//! A case, played: what a plugin answered and where that is not what the case asks for; and what many of them used.
//!
//! `lanewright plugin test` and a service to which a release is published play cases here, and nowhere else.

use super::cases::{Case, Mismatch, Role, mismatches};
use super::trial::{Answer, Said, Trial};
use crate::failure::clean;
use crate::pipeline::Refusal;

/// Bytes of a value that a difference shows.
const SHOWN: usize = 200;

/// What came of a case.
#[derive(Debug, Clone)]
pub struct Played {
    /// What was answered, by role.
    pub answers: Vec<Answer>,
    /// Where it is not what is asked for.
    pub differ: Vec<(Role, Mismatch)>,
}

/// What cases came to together.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Cases whose answers are what they ask for.
    pub passed: usize,
    /// All of them.
    pub total: usize,
    /// The most memory of a call, in bytes.
    pub memory: u64,
    /// Of each call.
    fuel: Vec<u64>,
}

/// Has a plugin answer a case.
///
/// # Errors
///
/// Its lead is none.
pub fn play(trial: &Trial, case: &Case) -> Result<Played, Refusal> {
    let answers = trial.ask(case, &Said(case))?;
    let differ = differences(case, &answers);
    Ok(Played { answers, differ })
}

impl Played {
    /// Whether it answered what is asked for.
    pub fn passed(&self) -> bool {
        self.differ.is_empty()
    }

    /// A line for each difference.
    pub fn told(&self) -> impl Iterator<Item = String> {
        let side = |value: &Option<serde_json::Value>| {
            clean(&value.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string), SHOWN)
        };
        self.differ.iter().map(move |(role, Mismatch { path, expected, got })| {
            format!("{}{path}: expected {}, got {}", role.name(), side(expected), side(got))
        })
    }
}

impl Tally {
    /// Adds a case.
    pub fn add(&mut self, played: &Played) {
        self.total += 1;
        self.passed += usize::from(played.passed());
        for measured in played.answers.iter().flat_map(|answer| &answer.calls) {
            self.fuel.push(measured.call.fuel);
            self.memory = self.memory.max(measured.call.memory);
        }
    }

    /// Fuel of all calls together.
    pub fn spent(&self) -> u64 {
        self.fuel.iter().fold(0, |sum, fuel| sum.saturating_add(*fuel))
    }

    /// What this share of the calls stays within, 0 to 1; 0 where there were none.
    pub fn fuel(&self, share: f64) -> u64 {
        let mut sorted = self.fuel.clone();
        sorted.sort_unstable();
        let place = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(place.saturating_sub(1)).copied().unwrap_or(0)
    }
}

/// What differs, by role. A role that is expected and not exported gives nothing.
fn differences(case: &Case, answers: &[Answer]) -> Vec<(Role, Mismatch)> {
    let mut out = Vec::new();
    for (role, expected) in &case.expect {
        let said = answers.iter().find(|answer| answer.role == *role).map(|answer| &answer.said);
        let found = match said {
            Some(said) => mismatches(expected, said),
            None => vec![Mismatch { path: String::new(), expected: Some(expected.clone()), got: None }],
        };
        out.extend(found.into_iter().map(|mismatch| (*role, mismatch)));
    }
    // A case that asks for nothing still asks for an answer.
    for answer in answers.iter().filter(|answer| !case.expect.contains_key(&answer.role)) {
        if let Some(failure) = answer.said.get("failure") {
            let (path, got) = ("/failure".to_owned(), Some(failure.clone()));
            out.push((answer.role, Mismatch { path, expected: None, got }));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuel_is_told_by_shares_of_the_calls() {
        let check = |fuel: &[u64], expect: (u64, u64, u64)| {
            let tally = Tally { fuel: fuel.to_vec(), ..Tally::default() };
            assert_eq!((tally.fuel(0.5), tally.fuel(0.99), tally.spent()), expect, "{fuel:?}");
        };
        check(&[], (0, 0, 0));
        check(&[7], (7, 7, 7));
        check(&[30, 10, 20, 40], (20, 40, 100));
        check(&(1..=200).collect::<Vec<_>>(), (100, 198, 20_100));
        check(&[u64::MAX, 1], (1, u64::MAX, u64::MAX));
    }
}
