//! An audit of a tenant's present set-up: what to automate, what not yet, and when simple rules serve better.
//!
//! In: counts and durations from the history that a tenant brings (S1.10, S4.8, S4.9). Out: findings, each with its
//! figure, a verdict and a sentence with the reason. What the history does not say is a finding too.

use serde::{Deserialize, Serialize};

use crate::drift::{Verdict as Fits, Watch};
use crate::rate::Rate;

/// Leads a month above which automation pays (S4.8).
pub const LEADS_A_MONTH: f64 = 100.0;
/// The share of good leads from which simple rules serve better (S4.8).
pub const GOOD_LEADS: f64 = 0.9;
/// The share of leads with somebody who can take them (S3.29).
pub const COVERAGE: f64 = 0.85;
/// The share of assignments that people change (S3.29).
pub const OVERRIDES: f64 = 0.15;
/// Deals, counted with the training weights, that a model needs (S3.8, X9).
pub const DEALS: f64 = 100.0;
/// Hours in a general queue from which leads go cold (S4.6).
pub const QUEUE_HOURS: f64 = 24.0;
/// The share of leads that have a field, so that rules and the model may lean on it.
pub const FILLED: f64 = 0.7;

/// What a tenant's history says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Days it covers.
    pub days: u32,
    /// Leads that came in.
    pub leads: u64,
    /// Of the leads that people judged, those that were good.
    pub good: Option<Rate>,
    /// Of all leads, those that nobody got.
    pub unassigned: Option<Rate>,
    /// Minutes to the first touch, by lead that was touched.
    pub first_touch: Vec<f64>,
    /// Minutes within which a lead shall be touched.
    pub sla: f64,
    /// Leads that wait for a rep now; none where nobody knows.
    pub queued: Option<Queued>,
    /// Closed deals with an outcome.
    pub closed: u64,
    /// The same counted with the training weights, (Σw)² / Σw².
    pub effective: f64,
    /// Of all assignments, those that people changed.
    pub overridden: Option<Rate>,
    /// Of all leads, those with at least one rep who may take them.
    pub covered: Option<Rate>,
    /// What was seen of the model in use on the deals that closed since it was trained; none where none counts.
    pub watch: Option<Watch>,
    /// By field that rules or the model read, the leads that have it.
    pub fields: Vec<(String, Rate)>,
}

/// Leads that wait for a rep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Queued {
    /// How many.
    pub leads: u64,
    /// Hours since the oldest of them came; 0 where there is none.
    pub oldest: f64,
}

/// One area of the audit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What was looked at.
    pub area: Area,
    /// What was found; none where the history does not say. In the unit of the area.
    pub figure: Option<f64>,
    /// What follows.
    pub verdict: Verdict,
    /// Both with the requirement, for a person.
    pub sentence: String,
}

/// What is looked at, with the unit of its figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// Leads a month.
    Volume,
    /// The share of leads that are good, 0–1.
    Quality,
    /// The share of leads that nobody gets, 0–1.
    Unassigned,
    /// The median in minutes.
    FirstTouch,
    /// The oldest that waits now, in hours.
    Queue,
    /// Effective deals.
    Deals,
    /// The share of assignments that people change, 0–1.
    Overrides,
    /// The share of leads with a rep who may take them, 0–1.
    Coverage,
    /// Deals won beyond those that the model in use predicted, a deal; no finding where none is in use.
    Model,
    /// The share of leads that have this field, 0–1.
    Field(String),
}

/// What follows from a finding, from "go on" to "do not".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing stands against automatic assignment here, or it mends what was found.
    Automate,
    /// Let people confirm for 4–6 weeks first (S3.34).
    SuggestionModeFirst,
    /// Something has to be mended or gathered before.
    NotYet,
    /// Rotation and territories do as well, for less.
    SimpleRules,
}

/// The findings, area by area, in the order of [`Area`].
pub fn audit(history: &History) -> Vec<Finding> {
    let mut findings = vec![
        volume(history),
        quality(history),
        unassigned(history),
        first_touch(history),
        queue(history),
        deals(history),
        overrides(history),
        coverage(history),
    ];
    findings.extend(history.watch.map(model));
    findings.extend(history.fields.iter().map(|(name, filled)| field(name, *filled)));
    findings
}

fn volume(history: &History) -> Finding {
    const MONTH: f64 = 365.25 / 12.0;
    if history.days == 0 {
        return unknown(Area::Volume, "how many leads come in a month");
    }
    let monthly = history.leads as f64 / f64::from(history.days) * MONTH;
    let (verdict, follows) = if monthly > LEADS_A_MONTH {
        (Verdict::Automate, "enough for automatic routing")
    } else {
        (Verdict::SimpleRules, "simple rules serve as well")
    };
    let sentence =
        format!("{monthly:.0} leads come in a month, {follows}: automation pays above {LEADS_A_MONTH:.0}");
    Finding { area: Area::Volume, figure: Some(monthly), verdict, sentence }
}

fn quality(history: &History) -> Finding {
    share(Area::Quality, history.good, "how many leads are good", |good| {
        // Judged by the whole interval: a few good leads are no proof that all are.
        if good.low >= GOOD_LEADS {
            (
                Verdict::SimpleRules,
                format!(
                    "{good} of the leads are good: from 90 % on there is nothing to sort, simple rules serve"
                ),
            )
        } else {
            (
                Verdict::Automate,
                format!("{good} of the leads are good: unless 90 % surely are, it pays to tell them apart"),
            )
        }
    })
}

fn unassigned(history: &History) -> Finding {
    share(Area::Unassigned, history.unassigned, "how many leads nobody gets", |left| {
        if left.share > 1.0 - COVERAGE {
            (
                Verdict::SuggestionModeFirst,
                format!(
                    "{left} of the leads reach nobody, and 15 % may: start with suggestions and look at the gaps daily"
                ),
            )
        } else {
            (Verdict::Automate, format!("{left} of the leads reach nobody, and 15 % may"))
        }
    })
}

fn first_touch(history: &History) -> Finding {
    let Some(median) = median(&history.first_touch) else {
        return unknown(Area::FirstTouch, "when leads are first touched");
    };
    let follows = if median > history.sla {
        "assignment within seconds gives the time back"
    } else {
        "automatic assignment keeps it"
    };
    let sentence = format!(
        "half of the leads are touched within {median:.0} minutes, and {:.0} are promised: {follows}",
        history.sla
    );
    Finding { area: Area::FirstTouch, figure: Some(median), verdict: Verdict::Automate, sentence }
}

fn queue(history: &History) -> Finding {
    let Some(Queued { leads, oldest }) = history.queued else {
        return unknown(Area::Queue, "how long leads wait for a rep");
    };
    let sentence = match leads {
        0 => "no lead waits for a rep now: no general queue holds any up".to_owned(),
        leads => {
            let follows = if oldest >= QUEUE_HOURS {
                "leads go cold in a general queue, so automate this first"
            } else {
                "no general queue holds them up"
            };
            let wait = if leads == 1 { "1 lead waits".to_owned() } else { format!("{leads} leads wait") };
            format!("{wait} for a rep now, the oldest for {oldest:.1} hours: {follows}")
        }
    };
    Finding { area: Area::Queue, figure: Some(oldest), verdict: Verdict::Automate, sentence }
}

fn deals(history: &History) -> Finding {
    let History { closed, effective, .. } = *history;
    let (verdict, follows) = if effective >= DEALS {
        (Verdict::Automate, "enough for the model to be tried against its gates")
    } else {
        (Verdict::NotYet, "rules decide until then, the model not yet")
    };
    let sentence = format!(
        "{closed} deals are closed, worth {effective:.0} with the weights of training, and {DEALS:.0} are needed: {follows}"
    );
    Finding { area: Area::Deals, figure: Some(effective), verdict, sentence }
}

fn overrides(history: &History) -> Finding {
    share(Area::Overrides, history.overridden, "how often people change an assignment", |changed| {
        if changed.share >= OVERRIDES {
            (
                Verdict::SuggestionModeFirst,
                format!(
                    "people change {changed} of the assignments, and it should be under 15 %: let them confirm for 4–6 weeks"
                ),
            )
        } else {
            (
                Verdict::Automate,
                format!("people change {changed} of the assignments, under 15 % as it should be"),
            )
        }
    })
}

fn coverage(history: &History) -> Finding {
    share(Area::Coverage, history.covered, "how many leads have a rep who may take them", |covered| {
        if covered.share <= COVERAGE {
            (
                Verdict::NotYet,
                format!(
                    "{covered} of the leads have a rep who may take them, and it should be above 85 %: close the gaps first"
                ),
            )
        } else {
            (
                Verdict::Automate,
                format!("{covered} of the leads have a rep who may take them, above 85 % as it should be"),
            )
        }
    })
}

fn model(watch: Watch) -> Finding {
    let Watch { look, baseline, .. } = watch;
    let (known, verdict) = match look.verdict {
        Fits::TooFew => (false, Verdict::Automate),
        Fits::Steady => (true, Verdict::Automate),
        Fits::WonMore | Fits::WonLess | Fits::Worse => (true, Verdict::SuggestionModeFirst),
    };
    let figure = known.then_some(look.surprise.mean - baseline.surprise.mean);
    Finding { area: Area::Model, figure, verdict, sentence: watch.to_string() }
}

fn field(name: &str, filled: Rate) -> Finding {
    let (verdict, sentence) = if filled.share < FILLED {
        (
            Verdict::NotYet,
            format!(
                "{filled} of the leads have {name}, and 70 % should: enrich it before rules or the model lean on it"
            ),
        )
    } else {
        (Verdict::Automate, format!("{filled} of the leads have {name}, enough to lean on"))
    };
    Finding { area: Area::Field(name.to_owned()), figure: Some(filled.share), verdict, sentence }
}

fn share(area: Area, rate: Option<Rate>, what: &str, judge: impl Fn(Rate) -> (Verdict, String)) -> Finding {
    let Some(rate) = rate else { return unknown(area, what) };
    let (verdict, sentence) = judge(rate);
    Finding { area, figure: Some(rate.share), verdict, sentence }
}

/// What nobody measured, nobody should automate blindly.
fn unknown(area: Area, what: &str) -> Finding {
    let sentence = format!("the history does not say {what}: let people confirm until it is measured");
    Finding { area, figure: None, verdict: Verdict::SuggestionModeFirst, sentence }
}

/// None where there is no finite value.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some(lower + (upper - lower) / 2.0)
}

#[cfg(test)]
mod tests;
