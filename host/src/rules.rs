//! The tenant's rules as data: a condition, what follows from it, and an order.
//!
//! Rules are looked at by priority, lowest number first; those without one come behind, in the order of
//! the file, as do rules of the same priority among themselves. The first that holds and has a route
//! decides where the lead goes. Everything else adds up over all rules that hold.
//!
//! [`RuleSet::evaluate`] asks only the rules that the lead's values leave possible (`rules/index.rs`),
//! so a set may be long. [`analyse`](RuleSet::analyse) says what is wrong with a set before a lead meets
//! it (`rules/analyse.rs`).

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use crate::lead::{Caps, Mode, RepId, RuleId, SkillNeed, TeamId};

mod analyse;
mod condition;
mod found;
mod index;
mod logic;
mod segments;
mod values;

pub use analyse::{Finding, Severity};
pub use condition::{Around, Condition, ConditionError, ConditionProblem, Facts, Reads, RepFacts, Words};
pub use found::{RulesFound, RulesSaid, Unanswered};
use index::Index;
pub use segments::{Measure, Segment, SegmentRow, disagreements, segments};

/// A condition with what follows from it.
#[derive(Debug, Serialize)]
pub struct Rule {
    /// Its id.
    pub id: RuleId,
    /// Its name for people.
    pub name: String,
    /// When it holds; always where absent.
    pub when: Option<Condition>,
    /// Lower goes first; those without one come behind all that have one.
    pub priority: Option<u32>,
    /// Whether it is looked at.
    pub active: bool,
    /// What follows.
    pub then: Actions,
}

/// What follows from a rule that holds.
#[derive(Debug, Default, Serialize)]
pub struct Actions {
    /// Where the lead goes, where no rule before says.
    pub route: Option<Route>,
    /// Who may not get it.
    pub exclude: BTreeSet<RepId>,
    /// Only reps for whom this holds may get it (P12).
    pub only: Option<Condition>,
    /// What it is tagged with.
    pub tags: Vec<String>,
    /// What people are told about it.
    pub flag: Option<String>,
    /// Whether a decision holds at once, where no rule before says.
    pub mode: Option<Mode>,
    /// What a rep should be able to do (P13).
    pub skills: Vec<SkillNeed>,
    /// Most leads that a rep gets by this rule (P15).
    pub caps: Caps,
    /// Work units it counts for, where no rule before says.
    pub units: Option<u32>,
    /// Hours within which a rep must be at work, where no rule before says (P11).
    pub within_hours: Option<u32>,
}

/// Where a rule sends a lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// To this rep.
    Rep(RepId),
    /// To the reps of a team.
    Team(TeamId),
    /// To an automated track; no rep is taken.
    Track(String),
    /// To a queue that people pick from.
    Queue(String),
}

/// Every rule of a tenant, in the order in which they are looked at.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<Arc<Rule>>,
    index: Index,
}

impl RuleSet {
    /// Puts rules, given as the file has them, in order. The words are those they were compiled with.
    pub fn new(mut rules: Vec<Rule>, words: &Words) -> Self {
        rules.sort_by_key(|rule| (rule.priority.is_none(), rule.priority));
        let index = Index::new(&rules, words);
        Self { rules: rules.into_iter().map(Arc::new).collect(), index }
    }

    /// In the order in which they are looked at, those that are not active too.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(Arc::as_ref)
    }

    /// What the rules say of a lead.
    pub fn evaluate(&self, facts: &Facts<'_>) -> RulesFound {
        found::ask(self.index.possible(facts).into_iter().map(|number| &self.rules[number]), facts)
    }

    /// The same, asking every rule.
    #[cfg(test)]
    fn evaluate_each(&self, facts: &Facts<'_>) -> RulesFound {
        found::ask(self.rules.iter().filter(|rule| rule.active), facts)
    }
}

#[cfg(test)]
mod tests;
