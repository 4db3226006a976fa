//! What training returns and the host stores, serves and shows: one value that predicts, explains and can be read
//! back from bytes.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::cells::{Cells, Evidence};
use crate::deal::{Deal, Fields, Outcome};
use crate::drift::{ENOUGH, Watch, watch};
use crate::fitted::Fitted;
use crate::logistic::logit;
use crate::metrics::{Difference, Metrics, Outturn, losses};
use crate::model::{Cause, Estimate, Factor, Logit};
use crate::segments::{Part, Parts, Segments};
use crate::table::Names;
use crate::train::Report;
use crate::trees::Trees;

/// Number of the format of [`WinModel::to_bytes`] for a model of all deals.
pub const FORMAT: u32 = 1;
/// The same for one that was trained by segment: as the first, and its parts behind it.
pub const FORMAT_PARTS: u32 = 2;

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
#[derive(Clone, Debug, PartialEq)]
pub struct WinModel {
    pub(crate) trained_at: i64,
    /// Records of all deals.
    pub(crate) cells: Cells,
    /// The whole: what is fitted on all deals.
    pub(crate) fitted: Fitted,
    pub(crate) report: Report,
    /// What is fitted on the deals of some words, where that was asked for.
    pub(crate) parts: Option<Parts>,
}

/// A model of all deals as it is written, field by field.
type Stored = (i64, Way, Names, Cells, Logit, Option<Trees>, Report);

/// Why bytes are no model.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ModelError {
    /// Another format.
    #[error(
        "win model of format {found}, where this version reads {FORMAT} and {FORMAT_PARTS}: train it again"
    )]
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

    /// How the whole predicts: by the rate alone where a gate failed.
    pub fn way(&self) -> Way {
        self.fitted.way
    }

    /// How it predicts for a lead of which this is known: as the part of its word does, where there is one that counts.
    pub fn way_for(&self, fields: &Fields) -> Way {
        self.speaker(fields).way
    }

    /// What training found out.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// What training found out about the parts; nothing where it was not by segment.
    pub fn segments(&self) -> Option<&Segments> {
        self.parts.as_ref().map(|parts| &parts.told)
    }

    /// The part that speaks for a lead; nothing where the whole does.
    pub fn part(&self, fields: &Fields) -> Option<&Part> {
        Some(self.parts.as_ref()?.of(fields)?.0)
    }

    /// Variance of each group's effects in the whole: how much fields, season, reps, and reps with fields differ.
    pub fn variances(&self) -> &[(String, f64)] {
        &self.report.variances
    }

    /// The whole without its parts, seen another way, for measuring; without trees, [`Way::Trees`] is [`Way::Logit`].
    pub fn by(mut self, way: Way) -> WinModel {
        self.parts = None;
        self.fitted.way = if way == Way::Trees && self.fitted.trees.is_none() { Way::Logit } else { way };
        self
    }

    /// What is expected of each rep with a lead that came at a moment. A rep nobody knows gets the rep part 0
    /// and the wider interval of a new one.
    pub fn predict(&self, fields: &Fields, at: i64, reps: &[&str]) -> Vec<Estimate> {
        let speaker = self.speaker(fields);
        match speaker.way {
            Way::Rate => vec![self.flat(); reps.len()],
            Way::Logit | Way::Trees => speaker.predict(fields, at, reps),
        }
    }

    /// What is expected of a lead whoever takes it: to rank leads by.
    pub fn lead(&self, fields: &Fields, at: i64) -> Estimate {
        let speaker = self.speaker(fields);
        match speaker.way {
            Way::Rate => self.flat(),
            Way::Logit | Way::Trees => speaker.lead(fields, at).unwrap_or_else(|| self.flat()),
        }
    }

    /// Why a rep is expected to win: factors on the logit scale. Those of the lead, added up in order, are the
    /// estimate's lead part, and those of the rep its rep part, to the bit.
    pub fn explain(&self, fields: &Fields, at: i64, rep: &str) -> Vec<Factor> {
        let speaker = self.speaker(fields);
        match speaker.way {
            Way::Rate => vec![Factor { cause: Cause::Base, effect: self.flat().lead }],
            Way::Logit | Way::Trees => speaker.explain(fields, at, rep),
        }
    }

    /// Who answers for a lead: the part of its word where one counts, or else the whole.
    fn speaker(&self, fields: &Fields) -> &Fitted {
        let part = self.parts.as_ref().and_then(|parts| parts.of(fields));
        part.map_or(&self.fitted, |(_, fitted)| fitted)
    }

    /// A rep's record in a segment of one or two values (`[("industry", "healthcare"), ("size", "over $100K")]`), or over all
    /// leads where none is given; `None` for fewer than three deals. Works from the first deal on, whatever the gates
    /// say.
    pub fn evidence(&self, rep: &str, segment: &[(&str, &str)]) -> Option<Evidence> {
        let mut values = Vec::new();
        for (field, value) in segment {
            let names = &self.fitted.names;
            let place = names.fields.binary_search_by(|(name, _)| name.as_str().cmp(field)).ok()?;
            let code = names.fields[place].1.binary_search_by(|known| known.as_str().cmp(value)).ok()?;
            values.push((place, code as u32));
        }
        values.sort_unstable();
        self.cells.segment(&self.fitted.names, self.fitted.names.rep(rep), &values)
    }

    /// What it says about the deals that were won or lost after a moment, and what came of them.
    pub fn outturns(&self, deals: &[Deal], after: i64) -> Vec<Outturn> {
        let found = deals.iter().filter_map(|deal| self.outturn(deal));
        found.filter(|(closed, _)| *closed > after).map(|(_, outturn)| outturn).collect()
    }

    /// Whether it still fits the deals that closed since it was trained, up to now; nothing where it says the global rate
    /// because a gate failed. Where some parts count and the whole does not, their deals alone are looked at.
    pub fn watch(&self, deals: &[Deal], now: i64) -> Option<Watch> {
        if self.way() == Way::Rate && !self.parts.as_ref().is_some_and(Parts::count) {
            return None;
        }
        let counts = deals.iter().filter(|deal| self.way_for(&deal.fields) != Way::Rate);
        let found = counts.filter_map(|deal| self.outturn(deal));
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
        self.fitted.names.fields.iter().map(|(name, _)| name.as_str())
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
        let Fitted { way, names, logit, trees } = &self.fitted;
        let format = if self.parts.is_some() { FORMAT_PARTS } else { FORMAT };
        let whole = (self.trained_at, way, names, &self.cells, logit, trees, &self.report);
        let bytes = postcard::to_extend(&whole, format.to_le_bytes().to_vec()).map_err(damaged)?;
        match &self.parts {
            Some(parts) => postcard::to_extend(parts, bytes).map_err(damaged),
            None => Ok(bytes),
        }
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
        if ![FORMAT, FORMAT_PARTS].contains(&found) {
            return Err(ModelError::Format { found });
        }
        let (whole, rest): (Stored, _) = postcard::take_from_bytes(rest).map_err(damaged)?;
        let (parts, rest) = match found {
            FORMAT_PARTS => {
                let (parts, rest): (Parts, _) = postcard::take_from_bytes(rest).map_err(damaged)?;
                (Some(parts), rest)
            }
            _ => (None, rest),
        };
        let (trained_at, way, names, cells, logit, trees, report) = whole;
        let fitted = Fitted { way, names, logit, trees };
        let model = WinModel { trained_at, cells, fitted, report, parts };
        let whole = model.fitted.is_whole() && model.parts.as_ref().is_none_or(Parts::is_whole);
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
