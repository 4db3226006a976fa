//! What an experiment shows by a day: every metric of both arms, by account.
//!
//! An account belongs to the step and the arm in which its first lead came, and counts once: when that lead is as old as
//! the metric's time, with what had happened by then. So nothing that counts changes any more, both arms have had the
//! same time, and an account that moves over later is left out from then on.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lanewright_learning::experiment::Arm;
use lanewright_learning::experiment::detect::Groups;
use lanewright_learning::experiment::ratio::Ratio;
use lanewright_learning::experiment::rollout::{Better, Rollout};
use lanewright_learning::experiment::sequential::{Look, Sample, Stratum, Test};
use serde::{Deserialize, Serialize};

use super::Experiment;

/// What is measured, by account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// The share of accounts that were won.
    WinRate,
    /// Minutes to the first touch of the first lead; a week where there was none by then.
    FirstTouch,
    /// Days until the first win; all days that count where there was none by then.
    DealVelocity,
    /// What was won.
    DealValue,
    /// How satisfied the customers are, 1 to 5, of accounts of which one said so.
    Csat,
    /// How well the account's leads suit their reps, 1 to 5, of accounts of which one said so.
    RepSatisfaction,
}

/// Days of a first touch.
const TOUCH_DAYS: u32 = 7;

/// Milliseconds.
const MINUTE: f64 = 60_000.0;
const DAY: i64 = 24 * 3_600_000;

impl Metric {
    /// All there are.
    pub const ALL: [Self; 6] = [
        Self::WinRate,
        Self::FirstTouch,
        Self::DealVelocity,
        Self::DealValue,
        Self::Csat,
        Self::RepSatisfaction,
    ];

    /// Its name, as JSON has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WinRate => "win-rate",
            Self::FirstTouch => "first-touch",
            Self::DealVelocity => "deal-velocity",
            Self::DealValue => "deal-value",
            Self::Csat => "csat",
            Self::RepSatisfaction => "rep-satisfaction",
        }
    }

    /// Which way is good.
    pub fn better(self) -> Better {
        match self {
            Self::WinRate | Self::DealValue | Self::Csat | Self::RepSatisfaction => Better::Higher,
            Self::FirstTouch | Self::DealVelocity => Better::Lower,
        }
    }

    /// Days after which an account counts.
    pub fn days(self, within_days: u32) -> u32 {
        match self {
            Self::FirstTouch => TOUCH_DAYS,
            Self::WinRate | Self::DealVelocity | Self::DealValue | Self::Csat | Self::RepSatisfaction => {
                within_days
            }
        }
    }
}

/// A deal of an experiment, or of before; times in milliseconds.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Tried {
    pub account: String,
    pub step: u32,
    pub arm: Arm,
    pub opened_at: i64,
    pub touched_at: Option<i64>,
    pub won_at: Option<i64>,
    pub value: f64,
    /// How satisfied the customer is, 1 to 5, and when they said so.
    pub csat: Option<(f64, i64)>,
    /// How well it suits the rep, and when they said so.
    pub rep_satisfaction: Option<(f64, i64)>,
}

/// What a day shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// When it was looked.
    pub at: Timestamp,
    /// Days since the start.
    pub day: u32,
    /// Accounts of each arm since the start.
    pub accounts: Groups,
    /// The draw within the present step.
    pub ratio: Ratio,
    /// Every metric.
    pub measured: Vec<Measured>,
}

/// A metric, as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Which.
    pub metric: Metric,
    /// Of the control.
    pub control: Side,
    /// Of the treatment.
    pub treatment: Side,
    /// The difference within each step, with an interval that holds at all looks together; absent while it is too early.
    pub look: Option<Look>,
}

/// What an arm shows of a metric, all steps together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// Accounts that count already.
    pub accounts: u64,
    /// Their mean; 0 where there are none.
    pub mean: f64,
}

/// Looks at an experiment that has begun.
pub fn look(experiment: &Experiment, deals: &[Tried], now: Timestamp) -> Found {
    let accounts = accounts(deals);
    let step = match experiment.rollout {
        Some(Rollout::Running { step, .. }) => step,
        _ => 0,
    };
    let groups = |of: &dyn Fn(&Account<'_>) -> bool| {
        let many = |arm| accounts.iter().filter(|account| account.arm == arm && of(account)).count() as u64;
        Groups { control: many(Arm::Control), treatment: many(Arm::Treatment) }
    };
    let share = Rollout::Running { step, since: 0 }.share(&experiment.plan);
    let test = Test { alpha: ALPHA, planned: experiment.detectable.planned };
    let measured = |metric| {
        let samples = samples(metric, &accounts, experiment.within_days, now.as_millisecond());
        let before = experiment.looks.last().and_then(|found| {
            found.measured.iter().find(|before| before.metric == metric).and_then(|before| before.look)
        });
        let empty = || metric.sample([].into_iter());
        let mut strata: BTreeMap<u32, Stratum> = BTreeMap::new();
        for ((step, arm), values) in &samples {
            let stratum =
                strata.entry(*step).or_insert_with(|| Stratum { control: empty(), treatment: empty() });
            let sample = metric.sample(values.iter().copied());
            match arm {
                Arm::Control => stratum.control = sample,
                Arm::Treatment => stratum.treatment = sample,
            }
        }
        let strata: Vec<Stratum> = strata.into_values().collect();
        let side = |wanted: Arm| {
            let all = samples.iter().filter(|((_, arm), _)| *arm == wanted).flat_map(|(_, values)| values);
            let (many, sum) = all.fold((0_u64, 0.0), |(many, sum), value| (many + 1, sum + value));
            Side { accounts: many, mean: if many == 0 { 0.0 } else { sum / many as f64 } }
        };
        Measured {
            metric,
            control: side(Arm::Control),
            treatment: side(Arm::Treatment),
            look: test.look(&strata, before.as_ref()),
        }
    };
    Found {
        at: now,
        day: experiment.day(now),
        accounts: groups(&|_| true),
        ratio: Ratio::of(groups(&|account| account.step as usize == step), share),
        measured: Metric::ALL.map(measured).to_vec(),
    }
}

/// The probability of ever finding a difference of one metric where there is none.
const ALPHA: f64 = 0.05;

/// An account with its deals in the order in which they were opened, as far as they came in the step and the arm of the
/// first.
pub(super) struct Account<'d> {
    step: u32,
    arm: Arm,
    deals: Vec<&'d Tried>,
}

pub(super) fn accounts(deals: &[Tried]) -> Vec<Account<'_>> {
    let mut order: Vec<&Tried> = deals.iter().collect();
    order.sort_by_key(|deal| deal.opened_at);
    let mut accounts: BTreeMap<&str, Account<'_>> = BTreeMap::new();
    for deal in order {
        let account = accounts.entry(&deal.account).or_insert(Account {
            step: deal.step,
            arm: deal.arm,
            deals: Vec::new(),
        });
        if (account.step, account.arm) == (deal.step, deal.arm) {
            account.deals.push(deal);
        }
    }
    accounts.into_values().collect()
}

impl Account<'_> {
    /// The mean of what was said by then; nothing where nobody said anything.
    fn said(&self, end: i64, what: fn(&Tried) -> Option<(f64, i64)>) -> Option<f64> {
        let said: Vec<f64> = self
            .deals
            .iter()
            .filter_map(|deal| what(deal))
            .filter(|(_, at)| *at <= end)
            .map(|(score, _)| score)
            .collect();
        (!said.is_empty()).then(|| said.iter().sum::<f64>() / said.len() as f64)
    }
}

type Samples = BTreeMap<(u32, Arm), Vec<f64>>;

/// What accounts show of a metric, of those that count already.
pub(super) fn samples(metric: Metric, accounts: &[Account<'_>], within_days: u32, now: i64) -> Samples {
    let mut samples = Samples::new();
    for account in accounts {
        if let Some(value) = metric.of(account, within_days, now) {
            samples.entry((account.step, account.arm)).or_default().push(value);
        }
    }
    samples
}

impl Metric {
    /// What an account shows; nothing while its first lead is too young.
    fn of(self, account: &Account<'_>, within_days: u32, now: i64) -> Option<f64> {
        let first = account.deals.first()?;
        let days = self.days(within_days);
        let end = first.opened_at + i64::from(days) * DAY;
        if now < end {
            return None;
        }
        let since = |at: i64| (at.min(end) - first.opened_at).max(0) as f64 / MINUTE;
        let won =
            || account.deals.iter().filter_map(|deal| Some((deal.won_at.filter(|at| *at <= end)?, deal)));
        Some(match self {
            Self::WinRate => f64::from(u8::from(won().next().is_some())),
            Self::FirstTouch => since(first.touched_at.unwrap_or(end)),
            Self::DealVelocity => since(won().map(|(at, _)| at).min().unwrap_or(end)) / (24.0 * 60.0),
            Self::DealValue => won().map(|(_, deal)| deal.value).sum(),
            Self::Csat => account.said(end, |deal| deal.csat)?,
            Self::RepSatisfaction => account.said(end, |deal| deal.rep_satisfaction)?,
        })
    }

    fn sample(self, values: impl Iterator<Item = f64>) -> Sample {
        let (n, sum, squares) = values
            .fold((0, 0.0, 0.0), |(n, sum, squares), value| (n + 1, sum + value, squares + value * value));
        match self {
            Self::WinRate => Sample::Rate { hits: sum as u64, n },
            Self::FirstTouch | Self::DealVelocity | Self::DealValue | Self::Csat | Self::RepSatisfaction => {
                Sample::Mean { n, sum, squares }
            }
        }
    }
}
