//! What training returns and the host stores, serves and shows: one value that predicts, explains and can be read
//! back from bytes.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::cells::{Cells, Evidence};
use crate::deal::{Deal, Fields, Outcome};
use crate::drift::{ENOUGH, Watch, watch};
use crate::logistic::logit;
use crate::metrics::{Difference, Metrics, Outturn, losses};
use crate::model::{Cause, Estimate, Factor, Logit};
use crate::table::{Coded, Names};
use crate::train::Report;
use crate::trees::Trees;

/// Number of the format of [`WinModel::to_bytes`]; another one is another format.
pub const FORMAT: u32 = 1;

/// A way to predict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The share of all deals that is won: the same for every lead and rep.
    Rate,
    /// The shrunk logistic model.
    Logit,
    /// Boosted trees; their spread is that of the logistic model, since they have none of their own.
    Trees,
}

/// Who wins which lead, as learned from a tenant's deals up to a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WinModel {
    pub(crate) trained_at: i64,
    pub(crate) way: Way,
    pub(crate) names: Names,
    pub(crate) cells: Cells,
    pub(crate) logit: Logit,
    pub(crate) trees: Option<Trees>,
    pub(crate) report: Report,
}

/// Why bytes are no model.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ModelError {
    /// Another format.
    #[error("win model of format {found}, where this version reads {FORMAT}: train it again")]
    Format {
        /// The number that was found.
        found: u32,
    },
    /// Not what was written.
    #[error("win model is damaged ({why}): train it again")]
    Damaged {
        /// What is wrong.
        why: String,
    },
}

/// A candidate against the model in use, on deals that closed after both were trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// How the model in use did.
    pub current: Metrics,
    /// How the candidate did.
    pub candidate: Metrics,
    /// Log loss that the candidate saves, a deal.
    pub saved: Difference,
    /// What follows.
    pub verdict: Better,
}

/// Which of two models is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// Fewer than 50 deals to compare on.
    TooFew,
    /// The candidate, by more than one standard error.
    Candidate,
    /// The model in use, by more than one standard error.
    Current,
    /// Neither.
    Neither,
}

impl WinModel {
    /// When it was trained, in milliseconds since 1970.
    pub fn trained_at(&self) -> i64 {
        self.trained_at
    }

    /// How it predicts: by the rate alone where a gate failed.
    pub fn way(&self) -> Way {
        self.way
    }

    /// What training found out.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Variance of each group's effects: how much fields, season, reps, and reps with fields differ.
    pub fn variances(&self) -> &[(String, f64)] {
        &self.report.variances
    }

    /// The same deals seen another way, for measuring; without trees, [`Way::Trees`] is [`Way::Logit`].
    pub fn by(mut self, way: Way) -> WinModel {
        self.way = if way == Way::Trees && self.trees.is_none() { Way::Logit } else { way };
        self
    }

    /// What is expected of each rep with a lead that came at a moment. A rep nobody knows gets the rep part 0
    /// and the wider interval of a new one.
    pub fn predict(&self, fields: &Fields, at: i64, reps: &[&str]) -> Vec<Estimate> {
        let codes: Vec<u32> = reps.iter().map(|rep| self.names.rep(rep)).collect();
        self.estimates(&self.names.lead(fields, at), &codes)
    }

    /// What is expected of a lead whoever takes it: to rank leads by.
    pub fn lead(&self, fields: &Fields, at: i64) -> Estimate {
        let lead = self.names.lead(fields, at);
        self.estimates(&lead, &[u32::MAX]).pop().unwrap_or_else(|| self.flat())
    }

    /// Why a rep is expected to win: factors on the logit scale. Those of the lead, added up in order, are the
    /// estimate's lead part, and those of the rep its rep part, to the bit.
    pub fn explain(&self, fields: &Fields, at: i64, rep: &str) -> Vec<Factor> {
        let lead = self.names.lead(fields, at);
        let code = self.names.rep(rep);
        match (self.way, &self.trees) {
            (Way::Rate, _) => vec![Factor { cause: Cause::Base, effect: self.flat().lead }],
            (Way::Trees, Some(trees)) => {
                let mut factors = trees.factors(&self.names, &lead);
                let effect = trees.advantages(&lead, &[code])[0];
                factors.push(Factor { cause: Cause::Rep, effect });
                factors
            }
            (Way::Logit | Way::Trees, _) => self.logit.factors(&self.names, &lead, code),
        }
    }

    /// A rep's record in a segment of one or two values (`[("industry", "healthcare"), ("size", "over $100K")]`), or over all
    /// leads where none is given; `None` for fewer than three deals. Works from the first deal on, whatever the gates
    /// say.
    pub fn evidence(&self, rep: &str, segment: &[(&str, &str)]) -> Option<Evidence> {
        let mut values = Vec::new();
        for (field, value) in segment {
            let place = self.names.fields.binary_search_by(|(name, _)| name.as_str().cmp(field)).ok()?;
            let code = self.names.fields[place].1.binary_search_by(|known| known.as_str().cmp(value)).ok()?;
            values.push((place, code as u32));
        }
        values.sort_unstable();
        self.cells.segment(&self.names, self.names.rep(rep), &values)
    }

    /// What it says about the deals that were won or lost after a moment, and what came of them.
    pub fn outturns(&self, deals: &[Deal], after: i64) -> Vec<Outturn> {
        let found = deals.iter().filter_map(|deal| self.outturn(deal));
        found.filter(|(closed, _)| *closed > after).map(|(_, outturn)| outturn).collect()
    }

    /// Whether it still fits the deals that closed since it was trained, up to now; nothing where it says the global rate
    /// because a gate failed.
    pub fn watch(&self, deals: &[Deal], now: i64) -> Option<Watch> {
        if self.way == Way::Rate {
            return None;
        }
        let found = deals.iter().filter_map(|deal| self.outturn(deal));
        let mut since: Vec<(i64, Outturn)> =
            found.filter(|(closed, _)| *closed > self.trained_at && *closed <= now).collect();
        since.sort_by_key(|(closed, _)| *closed);
        let since: Vec<Outturn> = since.into_iter().map(|(_, outturn)| outturn).collect();
        Some(watch(&self.report.baseline, &since))
    }

    /// When a deal was won or lost, and what it says about that.
    fn outturn(&self, deal: &Deal) -> Option<(i64, Outturn)> {
        let (closed, won) = match deal.outcome {
            Outcome::Won { closed } => (closed, true),
            Outcome::Lost { closed } => (closed, false),
            Outcome::Open | Outcome::Disqualified { .. } => return None,
        };
        let estimate = match &deal.rep {
            Some(rep) => *self.predict(&deal.fields, deal.opened, &[rep]).first()?,
            None => self.lead(&deal.fields, deal.opened),
        };
        Some((closed, Outturn { chance: estimate.chance(), won }))
    }

    /// Names of the fields that it knows.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.names.fields.iter().map(|(name, _)| name.as_str())
    }

    fn estimates(&self, lead: &Coded, reps: &[u32]) -> Vec<Estimate> {
        if self.way == Way::Rate {
            return vec![self.flat(); reps.len()];
        }
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

    /// The global rate, with the spread of a logit of a rate (delta method).
    fn flat(&self) -> Estimate {
        let rate = self.cells.rate();
        let spread = libm::sqrt(1.0 / rate.successes + 1.0 / rate.failures);
        Estimate { lead: logit(rate.mean()), rep: 0.0, spread, rep_spread: 0.0 }
    }

    /// Bytes to store: the same model is the same bytes, so a digest of them names it.
    ///
    /// # Errors
    ///
    /// None that is known; the encoder could report one.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        postcard::to_extend(self, FORMAT.to_le_bytes().to_vec()).map_err(damaged)
    }

    /// Reads what [`WinModel::to_bytes`] wrote.
    ///
    /// # Errors
    ///
    /// Bytes of another format, or not whole.
    pub fn from_bytes(bytes: &[u8]) -> Result<WinModel, ModelError> {
        let (format, rest) =
            bytes.split_first_chunk().ok_or_else(|| damaged("it ends within the number of its format"))?;
        let found = u32::from_le_bytes(*format);
        if found != FORMAT {
            return Err(ModelError::Format { found });
        }
        let (model, rest): (WinModel, _) = postcard::take_from_bytes(rest).map_err(damaged)?;
        let whole = model.logit.is_whole(&model.names)
            && model.trees.as_ref().is_none_or(|trees| trees.is_whole(&model.names));
        match (rest, whole) {
            ([], true) => Ok(model),
            ([], false) => Err(damaged("its parts do not fit together")),
            _ => Err(damaged("bytes follow its end")),
        }
    }
}

fn damaged(why: impl ToString) -> ModelError {
    ModelError::Damaged { why: why.to_string() }
}

/// Which of two models did better on the deals that closed after both were trained.
pub fn compare(current: &WinModel, candidate: &WinModel, deals: &[Deal]) -> Comparison {
    let after = current.trained_at.max(candidate.trained_at);
    let (now, then) = (current.outturns(deals, after), candidate.outturns(deals, after));
    let saved = Difference::saved(&losses(&now), &losses(&then));
    let verdict = if (now.len() as u64) < ENOUGH {
        Better::TooFew
    } else if saved.is_clear() {
        Better::Candidate
    } else if (Difference { mean: -saved.mean, ..saved }).is_clear() {
        Better::Current
    } else {
        Better::Neither
    };
    Comparison { current: Metrics::of(&now), candidate: Metrics::of(&then), saved, verdict }
}
