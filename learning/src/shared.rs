//! What tenants that opted in have in common: a start for one with few deals of its own.
//!
//! A model goes in as a [`Summary`], which names no rep and no deal and counts neither. Out comes a [`Prior`] of means over
//! tenants, each over at least [`LEAST`] of them; nothing of one tenant stands alone in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::gates::Gate;
use crate::model::Prior;
use crate::win::WinModel;

/// Tenants that a mean needs, or what one of them has would show through.
pub const LEAST: usize = 3;

/// What a tenant's model adds to the pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// What an average lead has with an average rep, a logit.
    pub intercept: f64,
    /// Variance of the effects of each group, as [`WinModel::variances`] names them.
    pub variances: BTreeMap<String, f64>,
    /// Effects of fields' values, by field and value.
    pub effects: BTreeMap<String, BTreeMap<String, f64>>,
}

impl WinModel {
    /// What it may add to a pool; nothing where it rests on too few deals: it would hand on what it started from.
    pub fn summary(&self) -> Option<Summary> {
        if self.report.gates.failed().contains(&Gate::Evidence) {
            return None;
        }
        let effects = self.fitted.names.fields.iter().enumerate().map(|(field, (name, values))| {
            let of = |(code, value): (usize, &String)| {
                Some((value.clone(), self.fitted.logit.effect(field, code)?))
            };
            (name.clone(), values.iter().enumerate().filter_map(of).collect())
        });
        Some(Summary {
            intercept: self.fitted.logit.intercept().0,
            variances: self.variances().iter().cloned().collect(),
            effects: effects.collect(),
        })
    }
}

impl Prior {
    /// Typical variances and intercepts, and the mean effects of values, each of which at least [`LEAST`] of these know.
    /// `None` for fewer.
    pub fn pool(summaries: &[Summary]) -> Option<Prior> {
        if summaries.len() < LEAST {
            return None;
        }
        let count = summaries.len() as f64;
        let mut logs = BTreeMap::<&str, Vec<f64>>::new();
        let mut effects = BTreeMap::<(&str, &str), Vec<f64>>::new();
        for summary in summaries {
            for (group, variance) in &summary.variances {
                logs.entry(group).or_default().push(libm::log(*variance));
            }
            for (field, values) in &summary.effects {
                for (value, effect) in values {
                    effects.entry((field, value)).or_default().push(*effect);
                }
            }
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let intercepts: Vec<f64> = summaries.iter().map(|summary| summary.intercept).collect();
        let middle = mean(&intercepts);
        let apart =
            intercepts.iter().map(|value| (value - middle) * (value - middle)).sum::<f64>() / (count - 1.0);
        let variances = logs.into_iter().filter(|(_, logs)| logs.len() >= LEAST);
        let mut prior = Prior {
            // Never surer than that a tenant's rate may be a few points off.
            intercept: Some((middle, apart.max(0.1))),
            variances: variances.map(|(group, logs)| (group.to_owned(), libm::exp(mean(&logs)))).collect(),
            worth: (4.0 * count).min(20.0),
            effects: BTreeMap::new(),
        };
        for ((field, value), found) in effects.into_iter().filter(|(_, found)| found.len() >= LEAST) {
            prior.effects.entry(field.to_owned()).or_default().insert(value.to_owned(), mean(&found));
        }
        Some(prior)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(intercept: f64, fields: &[(&str, &str)]) -> Summary {
        let mut effects = BTreeMap::<String, BTreeMap<String, f64>>::new();
        for (field, value) in fields {
            effects.entry((*field).to_owned()).or_default().insert((*value).to_owned(), intercept);
        }
        let variances = fields.iter().map(|(field, _)| ((*field).to_owned(), intercept.exp()));
        Summary { intercept, variances: variances.chain([("rep".to_owned(), 1.0)]).collect(), effects }
    }

    #[test]
    fn nothing_that_fewer_than_three_tenants_know_is_pooled() {
        let check = |summaries: &[Summary], groups: &[&str], values: &[(&str, &str, f64)]| {
            let prior = Prior::pool(summaries);
            let found = prior.iter().flat_map(|prior| prior.variances.keys());
            assert_eq!(found.map(String::as_str).collect::<Vec<_>>(), groups);
            let found = prior.iter().flat_map(|prior| &prior.effects).flat_map(|(field, values)| {
                values.iter().map(move |(value, effect)| (field.as_str(), value.as_str(), *effect))
            });
            assert_eq!(found.collect::<Vec<_>>(), values);
        };
        let retail = ("industry", "retail");
        let secret = ("field.plan", "gold");
        let own = [summary(0.0, &[retail, secret]), summary(0.5, &[retail, secret]), summary(1.0, &[retail])];
        check(&own[..2], &[], &[]);
        check(&own, &["industry", "rep"], &[("industry", "retail", 0.5)]);
        check(
            &[own[0].clone(), own[1].clone(), summary(1.0, &[retail, secret])],
            &["field.plan", "industry", "rep"],
            &[("field.plan", "gold", 0.5), ("industry", "retail", 0.5)],
        );
    }
}
