//! An experiment as it is asked for, and what it can find before anybody starts it (X8).

use jiff::{SignedDuration, Timestamp};
use lanewright_learning::experiment::Share;
use lanewright_learning::experiment::detect::{self, Groups};
use lanewright_learning::experiment::rollout::Plan;
use serde::{Deserialize, Serialize};

use super::measure::{Metric, Tried, accounts, samples};
use super::{Experiment, Guard, Treatment};

/// An experiment as it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Its id.
    pub id: String,
    /// What some get.
    pub treatment: Treatment,
    /// Shares of the treatment, in per cent, in order.
    pub steps: Vec<u8>,
    /// Days of each.
    pub step_days: u32,
    /// Promotion needs so many days ...
    pub least_days: u32,
    /// ... or so many accounts in each arm.
    pub least_accounts: u64,
    /// What it is about.
    pub primary: Metric,
    /// What it must not make worse; absent: the win rate.
    pub guards: Option<Vec<Guard>>,
    /// Days from an account's first lead within which a win counts.
    pub within_days: u32,
    /// Whether each arm has a part of the reps' capacity to itself.
    pub capacity_apart: bool,
}

/// An experiment that may be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    id: String,
    treatment: Treatment,
    plan: Plan,
    primary: Metric,
    guards: Vec<Guard>,
    within_days: u32,
    capacity_apart: bool,
}

/// What is wrong with what is asked for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Invalid {
    #[error("an experiment's id is 1 to 64 small letters, digits and hyphens")]
    Id,
    #[error(
        "steps rise from 1 to at most 100 per cent, and the first is less than 100: such as 10, 50, 90, 100"
    )]
    Steps,
    #[error("a step has 1 to 365 days")]
    StepDays,
    #[error("promotion needs at least 28 days or 200 accounts in each arm; only more can be asked for")]
    Least,
    #[error("a win counts within 1 to 365 days")]
    WithinDays,
    #[error("a guard's margin is a number of at least 0")]
    Margin,
    #[error("a guard is no other than the primary metric, and none comes twice")]
    Guards,
}

/// What an experiment can find.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detectable {
    /// Days that were planned with.
    pub days: u32,
    /// Accounts of each arm that are to be expected by then; where too few are known to tell, as many as promotion needs.
    pub planned: Groups,
    /// How the primary metric was before; absent where nothing is known.
    pub base: Option<Base>,
    /// The least effect that one look at the end would find at 5 % with a power of 80 %, in the metric's unit.
    pub effect: Option<f64>,
    /// The same where it is looked at every day, as it is.
    pub effect_of_daily_looks: Option<f64>,
    /// Accounts that each arm would need for a rise of the rate by a tenth of itself, for one look.
    pub accounts_for_tenth: Option<u64>,
    /// The same for a fifth.
    pub accounts_for_fifth: Option<u64>,
}

/// A metric before the experiment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Base {
    /// Accounts it is known of.
    pub accounts: u64,
    /// Their mean.
    pub mean: f64,
    /// The standard deviation of one.
    pub deviation: f64,
}

/// The least that promotion needs (S3.31).
pub const LEAST_DAYS: u32 = 28;
/// Or this, in each arm.
pub const LEAST_ACCOUNTS: u64 = 200;

/// Days of before that are planned by.
const OF_BEFORE: u32 = 90;

/// Always-valid intervals are so much wider at the planned number; see [`detect`].
const WIDER: f64 = 1.55;

impl Asked {
    /// Whether it may be made.
    ///
    /// # Errors
    ///
    /// [`Invalid`]
    pub fn check(self) -> Result<Draft, Invalid> {
        let Self {
            id,
            treatment,
            steps,
            step_days,
            least_days,
            least_accounts,
            primary,
            within_days,
            capacity_apart,
            ..
        } = self;
        let or = |holds: bool, invalid| if holds { Ok(()) } else { Err(invalid) };
        let proper = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
        or((1..=64).contains(&id.len()) && id.bytes().all(proper), Invalid::Id)?;
        let (first, last) = (steps.first().copied().unwrap_or(0), steps.last().copied().unwrap_or(0));
        let rise = steps.is_sorted_by(|one, other| one < other);
        or(rise && (1..100).contains(&first) && last <= 100, Invalid::Steps)?;
        or((1..=365).contains(&step_days), Invalid::StepDays)?;
        or(least_days >= LEAST_DAYS && least_accounts >= LEAST_ACCOUNTS, Invalid::Least)?;
        or((1..=365).contains(&within_days), Invalid::WithinDays)?;
        let by_itself = || match primary {
            Metric::WinRate => Vec::new(),
            _ => vec![Guard { metric: Metric::WinRate, margin: 0.0 }],
        };
        let guards: Vec<Guard> = self.guards.unwrap_or_else(by_itself);
        or(guards.iter().all(|guard| guard.margin >= 0.0 && guard.margin.is_finite()), Invalid::Margin)?;
        let mut metrics: Vec<Metric> = guards.iter().map(|guard| guard.metric).chain([primary]).collect();
        metrics.sort();
        or(metrics.is_sorted_by(|one, other| one < other), Invalid::Guards)?;
        let steps = steps.into_iter().map(Share::percent).collect();
        let plan = Plan { steps, days: step_days, least_days, least_accounts };
        Ok(Draft { id, treatment, plan, primary, guards, within_days, capacity_apart })
    }
}

impl Draft {
    /// From when on, in milliseconds, it is planned by deals.
    pub fn since(&self, now: Timestamp) -> i64 {
        of_before(self.primary, self.within_days, now).0
    }

    /// The experiment, with what it can find by the deals of before: those opened in the last [`OF_BEFORE`] days that are
    /// old enough to count.
    pub fn plan(self, past: &[Tried], now: Timestamp) -> Experiment {
        let Self { id, treatment, plan, primary, guards, within_days, capacity_apart } = self;
        let detectable = detectable(&plan, (primary, within_days), past, now);
        let (started_at, rollout, looks) = (None, None, Vec::new());
        Experiment {
            id,
            treatment,
            plan,
            primary,
            guards,
            within_days,
            capacity_apart,
            taken_over: false,
            detectable,
            started_at,
            rollout,
            looks,
        }
    }
}

/// From when to when, in milliseconds, deals of before are opened that a plan of now goes by.
fn of_before(metric: Metric, within_days: u32, now: Timestamp) -> (i64, i64) {
    let day = |days: u32| SignedDuration::from_hours(24 * i64::from(days));
    let end = now - day(metric.days(within_days));
    ((end - day(OF_BEFORE)).as_millisecond(), end.as_millisecond())
}

/// What a plan can find of a metric.
fn detectable(
    plan: &Plan,
    (metric, within_days): (Metric, u32),
    past: &[Tried],
    now: Timestamp,
) -> Detectable {
    let (from, to) = of_before(metric, within_days, now);
    let past: Vec<Tried> = past.iter().filter(|deal| (from..to).contains(&deal.opened_at)).cloned().collect();
    let accounts = accounts(&past);
    let values: Vec<f64> =
        samples(metric, &accounts, within_days, now.as_millisecond()).into_values().flatten().collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let base =
        (values.len() > 1).then(|| Base { accounts: values.len() as u64, mean, deviation: variance.sqrt() });
    let (days, planned) = planned(plan, n / f64::from(OF_BEFORE));
    let reachable = planned.control > 0 && planned.treatment > 0;
    let effect = base.filter(|_| reachable).and_then(|base| match metric {
        Metric::WinRate => detect::rise(base.mean, planned),
        _ => Some(detect::shift(base.deviation, planned)),
    });
    let needed = |part: f64| {
        let base = base.filter(|_| metric == Metric::WinRate)?;
        detect::accounts(base.mean, part * base.mean)
    };
    Detectable {
        days,
        planned: if reachable {
            planned
        } else {
            Groups { control: plan.least_accounts, treatment: plan.least_accounts }
        },
        base,
        effect,
        effect_of_daily_looks: effect.map(|effect| WIDER * effect),
        accounts_for_tenth: needed(0.1),
        accounts_for_fifth: needed(0.2),
    }
}

/// Days of a plan, and the accounts of each arm that come meanwhile.
fn planned(plan: &Plan, a_day: f64) -> (u32, Groups) {
    let steps: Vec<f64> =
        plan.steps.iter().filter(|share| **share != Share::ALL).map(|share| share.fraction()).collect();
    // The last step goes on until promotion is allowed.
    let days = plan.days.saturating_mul(steps.len() as u32).max(plan.least_days);
    let last = days - plan.days.saturating_mul(steps.len().saturating_sub(1) as u32);
    let of = |share: &dyn Fn(f64) -> f64| {
        let all = steps.iter().enumerate().map(|(place, treated)| {
            let days = if place + 1 == steps.len() { last } else { plan.days };
            a_day * f64::from(days) * share(*treated)
        });
        all.sum::<f64>() as u64
    };
    (days, Groups { control: of(&|treated| 1.0 - treated), treatment: of(&|treated| treated) })
}
