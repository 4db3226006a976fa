//! What the rules say of one lead, by which rule each.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Facts, RepFacts, Route, Rule};
use crate::lead::{Caps, Mode, RepId, RuleId, SkillNeed};

/// The rules that hold for a lead, in order, and those that cannot be answered.
#[derive(Debug, Default)]
pub struct RulesFound {
    /// In the order in which they are looked at.
    pub held: Vec<Arc<Rule>>,
    /// They count as not holding.
    pub unanswered: Vec<Unanswered>,
}

/// A rule that cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unanswered {
    /// Which.
    pub rule: RuleId,
    /// Why, such as `lead.company.employees is absent`.
    pub why: String,
}

/// What a trace keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesSaid {
    /// Every rule that held, in the order in which they are looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<RuleId>,
    /// The one that decides where the lead goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<RuleId>,
    /// Those that could not be answered, and so count as not holding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unanswered: Vec<Unanswered>,
}

pub(super) fn ask<'r>(rules: impl Iterator<Item = &'r Arc<Rule>>, facts: &Facts<'_>) -> RulesFound {
    let mut found = RulesFound::default();
    for rule in rules {
        match rule.when.as_ref().map_or(Ok(true), |when| when.holds(facts)) {
            Ok(true) => found.held.push(Arc::clone(rule)),
            Ok(false) => {}
            Err(why) => found.unanswered.push(Unanswered { rule: rule.id.clone(), why }),
        }
    }
    found
}

impl RulesFound {
    /// Where the lead goes, and the rule that decides it.
    pub fn route(&self) -> Option<(&Rule, &Route)> {
        self.first(|rule| rule.then.route.as_ref())
    }

    /// The first rule that keeps the lead from a rep.
    pub fn excludes(&self, rep: &RepId) -> Option<&Rule> {
        self.held.iter().map(Arc::as_ref).find(|rule| rule.then.exclude.contains(rep))
    }

    /// The first rule that asks for something else in a rep, or of which that cannot be told.
    pub fn unlike(&self, facts: &Facts<'_>, rep: &RepFacts) -> Option<&Rule> {
        let likes = |rule: &Rule| match &rule.then.only {
            Some(only) => only.holds_for(facts, rep) == Ok(true),
            None => true,
        };
        self.held.iter().map(Arc::as_ref).find(|rule| !likes(rule))
    }

    /// Every tag once.
    pub fn tags(&self) -> Vec<String> {
        let mut tags: Vec<String> = Vec::new();
        for tag in self.held.iter().flat_map(|rule| &rule.then.tags) {
            if !tags.contains(tag) {
                tags.push(tag.clone());
            }
        }
        tags
    }

    /// What people are told, and by which rule.
    pub fn flags(&self) -> impl Iterator<Item = (&RuleId, &str)> {
        self.held.iter().filter_map(|rule| Some((&rule.id, rule.then.flag.as_deref()?)))
    }

    /// The mode of the first rule that has one.
    pub fn mode(&self) -> Option<(&Rule, Mode)> {
        self.first(|rule| rule.then.mode)
    }

    /// What a rep should be able to do, by name; of the same skill, the strictest of everything.
    pub fn skills(&self) -> Vec<SkillNeed> {
        let mut needs: BTreeMap<&str, SkillNeed> = BTreeMap::new();
        for need in self.held.iter().flat_map(|rule| &rule.then.skills) {
            needs
                .entry(&need.skill)
                .and_modify(|known| {
                    known.level = known.level.max(need.level);
                    known.drop_after = known.drop_after.zip(need.drop_after).map(|(a, b)| a.max(b));
                    known.priority = known.priority.min(need.priority);
                })
                .or_insert_with(|| need.clone());
        }
        needs.into_values().collect()
    }

    /// How many leads a rep gets by each rule at most.
    pub fn caps(&self) -> impl Iterator<Item = (&RuleId, Caps)> {
        let capped = |rule: &&Arc<Rule>| rule.then.caps.daily.is_some() || rule.then.caps.weekly.is_some();
        self.held.iter().filter(capped).map(|rule| (&rule.id, rule.then.caps))
    }

    /// Work units it counts for, by the first rule that says.
    pub fn units(&self) -> Option<u32> {
        self.first(|rule| rule.then.units).map(|(_, units)| units)
    }

    /// Hours within which a rep must be at work, by the first rule that says.
    pub fn within_hours(&self) -> Option<u32> {
        self.first(|rule| rule.then.within_hours).map(|(_, hours)| hours)
    }

    /// What a trace keeps of it.
    pub fn said(&self) -> RulesSaid {
        RulesSaid {
            held: self.held.iter().map(|rule| rule.id.clone()).collect(),
            route: self.route().map(|(rule, _)| rule.id.clone()),
            unanswered: self.unanswered.clone(),
        }
    }

    fn first<'a, T>(&'a self, part: impl Fn(&'a Rule) -> Option<T>) -> Option<(&'a Rule, T)> {
        self.held.iter().find_map(|rule| Some((rule.as_ref(), part(rule)?)))
    }
}
