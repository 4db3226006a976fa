//! Ways from an inquiry to a meeting: `[[routers]]` of `tenant.toml` (P18).

use jiff::SignedDuration;
use serde::Serialize;

use super::Problem;
use super::names::Names;
use super::read::{At, Findings};
use super::toml_table::Table;
use super::values::{checked, id};
use crate::lead::{RouterId, TeamId};

/// A way from an inquiry to a meeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Router {
    /// Its id.
    pub id: RouterId,
    /// What comes first.
    pub kind: RouterKind,
    /// Whose times are offered where no rep has the lead; always there where the time comes first.
    pub team: Option<TeamId>,
    /// Which times are offered.
    pub terms: Terms,
    /// Whose times are offered where there are none else.
    pub fallback: Option<TeamId>,
}

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouterKind {
    /// The form: the lead is routed, then whoever has it offers times.
    FormFirst,
    /// The time: the lead is routed among those of a team who are free then.
    CalendarFirst,
    /// Somebody has the lead and hands it over: whoever takes over offers times.
    Relay,
}

/// Which times are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Terms {
    /// How long a meeting is.
    pub minutes: u32,
    /// Meetings begin at multiples of so many minutes, on the rep's clock.
    pub grid: u32,
    /// Minutes before a meeting that nothing else takes.
    pub buffer_before: u32,
    /// The same after it.
    pub buffer_after: u32,
    /// No meeting begins sooner than in so many hours.
    pub notice_hours: u32,
    /// No meeting begins later than in so many days of 24 hours.
    pub horizon_days: u32,
}

impl Terms {
    /// How long a meeting is.
    pub fn length(&self) -> SignedDuration {
        SignedDuration::from_mins(self.minutes.into())
    }
}

const KINDS: [(&str, RouterKind); 3] = [
    ("form-first", RouterKind::FormFirst),
    ("calendar-first", RouterKind::CalendarFirst),
    ("relay", RouterKind::Relay),
];
const KIND_MEANINGS: &str = "\"form-first\" routes and then offers times, \"calendar-first\" routes among those who are free \
     at a time, \"relay\" hands over";
const KEYS: &[&str] = &[
    "id",
    "kind",
    "team",
    "minutes",
    "grid",
    "buffer_before",
    "buffer_after",
    "notice_hours",
    "horizon_days",
    "fallback",
];

pub(super) fn routers(root: &Table<'_>, teams: &Names, findings: &Findings) -> Vec<Router> {
    let mut names = Names::new("router", "tenant.toml", true);
    let tables = root.tables("routers", "[[routers]]", "this router", KEYS);
    tables.iter().filter_map(|table| router(table, &mut names, teams, findings)).collect()
}

fn router(table: &Table<'_>, names: &mut Names, teams: &Names, findings: &Findings) -> Option<Router> {
    let named = table.required_text("id", "demo").and_then(|at| {
        names.define(&at.value, &at.place, findings);
        checked("id", &at, findings, id::<RouterId>)
    });
    let kind = match table.required_text("kind", "form-first") {
        Some(_) => table.choice("kind", &KINDS, KIND_MEANINGS),
        None => None,
    };
    let team = |key: &str| {
        let at: At<String> = table.text(key)?;
        let known = teams.allow(key, &at.value, &at.place, findings);
        checked(key, &at, findings, id::<TeamId>).filter(|_| known)
    };
    let (pool, fallback) = (team("team"), team("fallback"));
    let lacks_team = table.lacks("team") && !table.misspells("team");
    if kind == Some(RouterKind::CalendarFirst) && lacks_team {
        let problem = Problem::at(&table.place(), "nobody's times can be offered before there is a lead");
        table.problem(problem.hint("add team = \"sales\", whose times are offered"));
    }
    let count = |key, range, hint, default| table.count(key, range, hint).unwrap_or(default);
    let minutes = count("minutes", 5..=480, "how long a meeting is", 30);
    let terms = Terms {
        minutes,
        grid: count("grid", 5..=120, "minutes from one beginning to the next", minutes.clamp(5, 120)),
        buffer_before: count("buffer_before", 0..=240, "minutes before a meeting", 0),
        buffer_after: count("buffer_after", 0..=240, "minutes after a meeting", 0),
        notice_hours: count("notice_hours", 0..=336, "hours until the first meeting", 1),
        horizon_days: count("horizon_days", 1..=56, "days in which meetings are offered", 14),
    };
    if u64::from(terms.notice_hours) >= u64::from(terms.horizon_days) * 24 {
        let problem = Problem::at(
            &table.place_of("notice_hours"),
            "the notice is as long as the horizon, so no time is left",
        );
        table.problem(problem.hint("make `notice_hours` smaller, or `horizon_days` larger"));
    }
    Some(Router { id: named?, kind: kind?, team: pool, terms, fallback })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{SMALL, config};
    use crate::pipeline::fixture::id;

    #[test]
    fn routers_are_read_as_written() {
        let read = |text: &str| {
            let tenant = format!("{}\n{text}", SMALL[0].1);
            config(&[("tenant.toml", &tenant), SMALL[1], SMALL[2]])
        };
        let plain = config(SMALL);
        assert_eq!(plain.routers, []);
        let found = read(
            "[[routers]]\nid = \"demo\"\nkind = \"form-first\"\n[[routers]]\nid = \"pick\"\nkind = \"calendar-first\"\n\
             team = \"sales\"\nminutes = 45\ngrid = 15\nbuffer_before = 5\nbuffer_after = 10\nnotice_hours = 4\n\
             horizon_days = 7\nfallback = \"sales\"",
        );
        let terms = Terms {
            minutes: 30,
            grid: 30,
            buffer_before: 0,
            buffer_after: 0,
            notice_hours: 1,
            horizon_days: 14,
        };
        let form = Router { id: id("demo"), kind: RouterKind::FormFirst, team: None, terms, fallback: None };
        let terms = Terms {
            minutes: 45,
            grid: 15,
            buffer_before: 5,
            buffer_after: 10,
            notice_hours: 4,
            horizon_days: 7,
        };
        let time = Router {
            id: id("pick"),
            kind: RouterKind::CalendarFirst,
            team: Some(id("sales")),
            terms,
            fallback: Some(id("sales")),
        };
        assert_eq!(found.routers, [form, time]);
        assert_ne!(found.digest, plain.digest);
    }
}
