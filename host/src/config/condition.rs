//! Conditions in a file: what is wrong with one, at its own line.

use super::Problem;
use super::read::{At, Findings};
use crate::rules::{Condition, Reads, Words};

/// Compiles the condition at a key.
pub(super) fn condition(
    key: &str,
    at: &At<String>,
    reads: Reads,
    words: &Words,
    findings: &Findings,
) -> Option<Condition> {
    Condition::compile_over(&at.value, reads, words)
        .map_err(|error| {
            for problem in error.problems {
                let mut place = at.place.clone();
                place.line += problem.line - 1;
                let message = format!("`{key}`, character {}: {}", problem.column, problem.message);
                let found = Problem::at(&place, message);
                findings.add(match problem.hint {
                    Some(hint) => found.hint(hint),
                    None => found,
                });
            }
        })
        .ok()
}
