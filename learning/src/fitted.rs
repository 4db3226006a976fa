//! What is fitted on deals and asked about leads: the shrunk model or trees, with what their codes stand for.

use serde::{Deserialize, Serialize};

use crate::deal::Fields;
use crate::model::{Cause, Estimate, Factor, Logit};
use crate::table::{Coded, Names, UNKNOWN};
use crate::trees::Trees;
use crate::win::Way;

/// Of all deals, or of those of one word.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fitted {
    /// How it predicts; [`Way::Rate`] where that is left to whoever knows the rate.
    pub(crate) way: Way,
    pub(crate) names: Names,
    pub(crate) logit: Logit,
    pub(crate) trees: Option<Trees>,
}

impl Fitted {
    /// What is expected of each rep with a lead that came at a moment.
    pub(crate) fn predict(&self, fields: &Fields, at: i64, reps: &[&str]) -> Vec<Estimate> {
        let codes: Vec<u32> = reps.iter().map(|rep| self.names.rep(rep)).collect();
        self.estimates(&self.names.lead(fields, at), &codes)
    }

    /// The same of a rep whom nobody knows.
    pub(crate) fn lead(&self, fields: &Fields, at: i64) -> Option<Estimate> {
        self.estimates(&self.names.lead(fields, at), &[UNKNOWN]).pop()
    }

    /// What an estimate is the sum of.
    pub(crate) fn explain(&self, fields: &Fields, at: i64, rep: &str) -> Vec<Factor> {
        let lead = self.names.lead(fields, at);
        let code = self.names.rep(rep);
        match (self.way, &self.trees) {
            (Way::Trees, Some(trees)) => {
                let mut factors = trees.factors(&self.names, &lead);
                let effect = trees.advantages(&lead, &[code])[0];
                factors.push(Factor { cause: Cause::Rep, effect });
                factors
            }
            _ => self.logit.factors(&self.names, &lead, code),
        }
    }

    fn estimates(&self, lead: &Coded, reps: &[u32]) -> Vec<Estimate> {
        let part = self.logit.lead(lead);
        let mut estimates: Vec<Estimate> = reps.iter().map(|rep| self.logit.estimate(&part, *rep)).collect();
        if let (Way::Trees, Some(trees)) = (self.way, &self.trees) {
            let of_lead = trees.lead(lead);
            for (estimate, advantage) in estimates.iter_mut().zip(trees.advantages(lead, reps)) {
                (estimate.lead, estimate.rep) = (of_lead, advantage);
            }
        }
        estimates
    }

    /// Whether everything that it names is there, so that one read from storage cannot lead astray.
    pub(crate) fn is_whole(&self) -> bool {
        self.logit.is_whole(&self.names)
            && self.trees.as_ref().is_none_or(|trees| trees.is_whole(&self.names))
    }
}
