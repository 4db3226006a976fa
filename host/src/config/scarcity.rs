//! Whether and how remaining capacity is priced: `[scarcity]` of `tenant.toml`.

use super::Problem;
use super::toml_table::Table;
use crate::pacing::Pacing;

const KEYS: &[&str] = &["on", "expected", "days", "step", "ordinary_value", "hold"];

/// `None` where it is off; what is written is checked all the same, so that turning it on holds no surprise.
pub(super) fn scarcity(root: &Table<'_>) -> Option<Pacing> {
    let table = root.table("scarcity", "[scarcity]", KEYS)?;
    let on = table.flag("on").unwrap_or(false);
    let expected = table.count("expected", 1..=10_000_000, "leads a period, about");
    let days = table.count("days", 1..=366, "a week has 7").unwrap_or(7);
    let step = table.number("step", 0.01..=100.0, "points of a match's total");
    let ordinary = table.number("ordinary_value", 0.01..=1e12, "a yearly value in the tenant's currency");
    let hold = table.flag("hold").unwrap_or(false);
    if on && table.lacks("expected") && !table.misspells("expected") {
        let problem = Problem::at(&table.place(), "[scarcity] is on and has no `expected`");
        table.problem(problem.hint("leads a period, about: expected = 400"));
    }
    on.then(|| {
        let step = step.unwrap_or_else(|| Pacing::step_for(expected.unwrap_or(1)));
        Pacing { days, step, ordinary, hold }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{SMALL, config};

    #[test]
    fn scarcity_is_as_written() {
        let check = |lines: &str, expect: Option<Pacing>| {
            let tenant = format!("{}\n{lines}", SMALL[0].1);
            assert_eq!(config(&[("tenant.toml", &tenant), SMALL[1], SMALL[2]]).scarcity, expect, "{lines}");
        };
        check("", None);
        check("[scarcity]\nexpected = 400", None);
        check(
            "[scarcity]\non = true\nexpected = 400",
            Some(Pacing { days: 7, step: 2.5, ordinary: None, hold: false }),
        );
        check(
            "[scarcity]\non = true\nexpected = 90\ndays = 30\nstep = 4\nordinary_value = 2e4\nhold = true",
            Some(Pacing { days: 30, step: 4.0, ordinary: Some(2e4), hold: true }),
        );
    }
}
