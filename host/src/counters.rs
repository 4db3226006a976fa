//! What is counted about a tenant's reps, in memory: open deals, new leads of the week, rotation credit.
//!
//! Stages read a [`Ledger`] and never change it. Whoever commits a decision applies it, in the order of
//! the decisions, so that the next lead sees it. A decision records the counters it saw, and
//! [`Ledger::from_recorded`] makes the ledger that it saw again.

use std::collections::{BTreeMap, HashMap};

use crate::config::Config;
use crate::decision::{Counters, Method, Outcome, SelectTrace};
use crate::lead::RepId;
use crate::rotation::{Member, pay};

/// The counters of one tenant's reps.
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    /// In the order of the folder.
    rows: Vec<Row>,
    places: HashMap<RepId, usize>,
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    counters: Counters,
    /// Share in rotations.
    weight: f64,
}

impl Ledger {
    /// As the folder has them; nobody is owed anything yet.
    pub fn new(config: &Config) -> Self {
        Self::from_recorded(config, &BTreeMap::new())
    }

    /// As a decision saw them; reps it did not look at are as in the folder.
    pub fn from_recorded(config: &Config, recorded: &BTreeMap<RepId, Counters>) -> Self {
        let rows = config.reps.iter().map(|rep| Row {
            counters: recorded.get(&rep.id).copied().unwrap_or(Counters {
                open: rep.open,
                week: rep.week,
                credit: 0.0,
            }),
            weight: rep.weight,
        });
        let places = config.reps.iter().enumerate().map(|(place, rep)| (rep.id.clone(), place));
        Self { rows: rows.collect(), places: places.collect() }
    }

    /// Of the rep at this place in the folder.
    pub fn at(&self, place: usize) -> Counters {
        self.rows.get(place).map(|row| row.counters).unwrap_or_default()
    }

    /// Of this rep; nothing was counted about one who is not the tenant's.
    pub fn get(&self, rep: &RepId) -> Counters {
        self.row(rep).map(|row| row.counters).unwrap_or_default()
    }

    /// This rep's part in a rotation.
    pub fn member<'a>(&self, rep: &'a RepId) -> Member<'a> {
        let (weight, credit) = self.row(rep).map_or((1.0, 0.0), |row| (row.weight, row.counters.credit));
        Member { rep, weight, credit }
    }

    /// Of these reps, as a decision records them.
    pub fn snapshot<'a>(&self, reps: impl IntoIterator<Item = &'a RepId>) -> BTreeMap<RepId, Counters> {
        reps.into_iter().map(|rep| (rep.clone(), self.get(rep))).collect()
    }

    /// Counts a decision: whoever got the lead has one more open deal and one more new lead; where it was
    /// somebody's turn, the pool's credits move on.
    pub fn apply(&mut self, outcome: &Outcome, select: Option<&SelectTrace>) {
        let Outcome::Assigned { rep, .. } = outcome else { return };
        self.change(rep, |counters| {
            counters.open = counters.open.saturating_add(1);
            counters.week = counters.week.saturating_add(1);
        });
        if let Some(select) = select.filter(|select| select.method == Method::Rotation) {
            let pool: Vec<Member<'_>> = select.pool.iter().map(|(rep, _)| self.member(rep)).collect();
            let credits = pay(&pool, rep);
            for (member, credit) in pool.iter().zip(credits) {
                self.change(member.rep, |counters| counters.credit = credit);
            }
        }
    }

    fn row(&self, rep: &RepId) -> Option<&Row> {
        self.places.get(rep).map(|&place| &self.rows[place])
    }

    fn change(&mut self, rep: &RepId, change: impl FnOnce(&mut Counters)) {
        if let Some(&place) = self.places.get(rep) {
            change(&mut self.rows[place].counters);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::AssignedBy;
    use crate::pipeline::fixture::{self, id};

    fn assigned(rep: &str) -> Outcome {
        Outcome::Assigned { rep: id(rep), team: id("smb"), total: None, by: AssignedBy::Rotation }
    }

    fn select(method: Method, pool: &[&str], picked: &str) -> SelectTrace {
        let pool = pool.iter().map(|rep| (id(rep), if *rep == picked { 1.0 } else { 0.0 })).collect();
        SelectTrace { method, pool, picked: id(picked) }
    }

    #[test]
    fn decisions_are_counted() {
        let mut config = fixture::config();
        config.reps = vec![fixture::rep("ana"), fixture::rep("ben"), fixture::rep("cy")];
        config.reps[0].open = 3;
        config.reps[0].week = 2;
        let check = |outcome: Outcome, select: Option<SelectTrace>, expect: [(u32, u32, f64); 3]| {
            let mut ledger = Ledger::new(&config);
            ledger.apply(&outcome, select.as_ref());
            let reps = ["ana", "ben", "cy"].map(id);
            let expect: BTreeMap<RepId, Counters> = reps
                .iter()
                .cloned()
                .zip(expect.map(|(open, week, credit)| Counters { open, week, credit }))
                .collect();
            assert_eq!(ledger.snapshot(&reps), expect);
            assert_eq!(Ledger::from_recorded(&config, &expect), ledger, "a recorded ledger comes back whole");
        };
        let still = [(3, 2, 0.0), (0, 0, 0.0), (0, 0, 0.0)];
        check(Outcome::Triage, None, still);
        check(assigned("ana"), None, [(4, 3, 0.0), (0, 0, 0.0), (0, 0, 0.0)]);
        check(
            assigned("ana"),
            Some(select(Method::Rotation, &["ana", "ben"], "ana")),
            [(4, 3, -0.5), (0, 0, 0.5), (0, 0, 0.0)],
        );
        // Only turns move credits: a lead won by a match is not a turn had.
        check(
            assigned("ben"),
            Some(select(Method::HighestTotal, &["ana", "ben"], "ben")),
            [(3, 2, 0.0), (1, 1, 0.0), (0, 0, 0.0)],
        );
        check(assigned("nobody"), None, still);
    }

    #[test]
    fn edits_of_the_roster_leave_the_others_alone() {
        let mut config = fixture::config();
        config.reps = vec![fixture::rep("ana"), fixture::rep("ben")];
        let mut ledger = Ledger::new(&config);
        ledger.apply(&assigned("ana"), Some(&select(Method::Rotation, &["ana", "ben"], "ana")));
        let before = ledger.snapshot(&[id("ana"), id("ben")]);
        config.reps.insert(0, fixture::rep("new"));
        config.reps.retain(|rep| rep.id != id("ana"));
        let after = Ledger::from_recorded(&config, &before);
        assert_eq!(after.get(&id("ben")), before["ben"]);
        assert_eq!(after.get(&id("new")).credit, 0.0);
    }
}
