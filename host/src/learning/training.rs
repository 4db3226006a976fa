//! From a tenant's rows to a model: deals as the statistics want them, and how much they are worth.

use jiff::Timestamp;
use lanewright_learning::deal::{Deal, Outcome};
use lanewright_learning::model::Prior;
use lanewright_learning::segments::Segments;
use lanewright_learning::shared::Summary;
use lanewright_learning::train::{Report, Settings};
use lanewright_learning::win::{Comparison, ModelError};
use lanewright_learning::{train as statistics, win};
use serde_json::{Value as Json, json};

use super::{Model, PastDeal};
use crate::config::Learning;
use crate::events::Closing;

/// A model as it is kept.
#[derive(Debug, Clone)]
pub struct Trained {
    /// Its bytes.
    pub body: Vec<u8>,
    /// How it was chosen and how well it does.
    pub report: Report,
    /// The same of its parts; absent where the tenant names no segment.
    pub segments: Option<Segments>,
    /// What it may add to what tenants that opted in have in common; absent where it rests on too few deals.
    pub summary: Option<Summary>,
}

/// Why nothing was trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The settings make no sense, which the folder's check keeps from being.
    #[error("{0}")]
    Settings(#[from] statistics::SettingsError),
    /// The model cannot be written.
    #[error("{0}")]
    Model(#[from] ModelError),
}

/// A model of these deals as of now. Any will do: without enough of them it says so, and counts for nothing.
///
/// # Errors
///
/// [`TrainError`]
pub fn train(
    deals: &[Deal],
    learning: &Learning,
    now: Timestamp,
    prior: Option<&Prior>,
) -> Result<Trained, TrainError> {
    let settings = Settings {
        half_life_days: Some(f64::from(learning.half_life_days)),
        window_days: f64::from(learning.window_days),
        segment: learning.segment.as_ref().map(ToString::to_string),
        ..Settings::default()
    };
    let model = statistics::train(deals, &settings, now.as_millisecond(), prior)?;
    Ok(Trained {
        body: model.to_bytes()?,
        report: model.report().clone(),
        segments: model.segments().cloned(),
        summary: model.summary(),
    })
}

impl Trained {
    /// The report as it is kept and told, its parts among it.
    pub fn told(&self) -> Json {
        let mut told = json!(self.report);
        if let Some(segments) = &self.segments {
            told["segments"] = json!(segments);
        }
        told
    }

    /// Whether it counts for any lead: its gates pass, or a part counts.
    pub fn counts(&self) -> bool {
        let part = |segments: &Segments| segments.parts.iter().any(|part| part.counts);
        self.report.gates.passed() || self.segments.as_ref().is_some_and(part)
    }
}

/// Which of two models did better on deals that closed after both were trained.
pub fn compare(current: &Model, candidate: &Model, deals: &[Deal]) -> Comparison {
    win::compare(current.win(), candidate.win(), deals)
}

/// A deal of before as the statistics want it.
pub fn deal(deal: &PastDeal) -> Deal {
    Deal {
        rep: deal.rep.as_ref().map(ToString::to_string),
        fields: deal.facts.clone(),
        opened: deal.opened_at.as_millisecond(),
        outcome: outcome(deal.closed.map(|(how, at)| (how, at.as_millisecond()))),
        value: deal.value,
    }
}

/// How a deal stands.
pub fn outcome(closed: Option<(Closing, i64)>) -> Outcome {
    match closed {
        None => Outcome::Open,
        Some((Closing::Won, closed)) => Outcome::Won { closed },
        Some((Closing::Lost, closed)) => Outcome::Lost { closed },
        Some((Closing::Disqualified, closed)) => Outcome::Disqualified { closed },
    }
}
