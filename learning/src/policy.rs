//! What another way of picking reps would have won, from the decisions that were logged.
//!
//! In: logged decisions, each with its candidates, how likely each was then and would be under the policy that
//! is judged, and what came of the pick. Out: the policy's mean outcome a lead by four estimators, or the reason
//! why the log cannot tell. Leads still open are left out and counted; where leads that win stay open longer,
//! that makes every estimate too low.
//!
//! The estimators are those of Dudík, Erhan, Langford & Li (2014), Swaminathan & Joachims (2015) for the
//! self-normalised one, and Su, Dimakopoulou, Krishnamurthy & Dudík (2020) for shrinkage. The model's predictions
//! have to come from a model that was not trained on these leads.

use serde::{Deserialize, Serialize};

use crate::rate::{Rate, Z95};

/// The least effective sample: fewer leads say nothing about a policy.
pub const LEAST_EFFECTIVE: f64 = 100.0;
/// One lead may have at most this share of all weight.
pub const MOST_WEIGHT: f64 = 0.1;

/// A decision as it was logged, beside the policy that is judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Logged {
    /// Everybody who could have been picked.
    pub candidates: Vec<Choice>,
    /// The place of the one who was.
    pub picked: usize,
    /// What came of it: 1 won, 0 lost, or a value; none while the lead is open.
    pub outcome: Option<f64>,
}

/// One candidate of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// How likely the candidate was to be picked, as logged, 0–1.
    pub logged: f64,
    /// How likely the policy that is judged picks them, 0–1.
    pub policy: f64,
    /// The outcome that the model predicts for them, in the outcome's unit; 0 where there is no model, and doubly
    /// robust estimates are then those of inverse propensity.
    pub predicted: f64,
}

/// An estimate of a policy's mean outcome a lead.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// In the outcome's unit.
    pub value: f64,
    /// Of `value`; of the shrunk estimator, that of the doubly robust one.
    pub standard_error: f64,
    /// The lower end of the asymptotic 95 % interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// A policy's value, and what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// Leads with an outcome.
    pub leads: usize,
    /// Leads left out because they are open.
    pub open: usize,
    /// (Σw)² / Σw², in leads (Kish 1965).
    pub effective: f64,
    /// Inverse propensity: unbiased, and noisy.
    pub inverse_propensity: Estimate,
    /// Its weights made to sum to one: a little biased, steadier.
    pub self_normalised: Estimate,
    /// The model's answer, corrected by what happened; the one to show.
    pub doubly_robust: Estimate,
    /// The same with large weights shrunk where that errs less.
    pub shrunk: Estimate,
}

/// What a policy is worth beyond another one on the same leads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Advantage {
    /// The policy.
    pub policy: Value,
    /// A pick at random among those who could have been picked.
    pub random: Value,
    /// The policy's doubly robust value less that of the other, by the lead.
    pub difference: Estimate,
}

/// Why a log cannot tell what a policy is worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "refused")]
pub enum Refused {
    /// A row is no decision.
    #[error(
        "decision {row} is none: `picked` has to be one of its candidates, probabilities have to sum to 1, and \
         numbers have to be finite"
    )]
    Malformed {
        /// Its place in the log, from 0.
        row: usize,
    },
    /// The policy picks those who could not have been picked, so nothing is known about them.
    #[error(
        "in {decisions} decisions the policy picks reps whom nobody could have got then: widen the bound of \
         exploration, or judge a policy that stays within it"
    )]
    NoSupport {
        /// How many.
        decisions: usize,
    },
    /// One lead decides.
    #[error("one lead has {:.0} % of all weight, and at most 10 % may rest on one: log more exploration", 100.0 * share)]
    OneWeight {
        /// Of all weight, 0–1.
        share: f64,
    },
    /// Too few leads on which the two agree.
    #[error(
        "the log is worth {effective:.0} leads for this policy, and at least 100 are needed: log more exploration"
    )]
    TooFew {
        /// The effective sample, in leads.
        effective: f64,
    },
}

/// The value of the policy in `log`.
pub fn value(log: &[Logged]) -> Result<Value, Refused> {
    Ok(weigh(log)?.value())
}

/// Accuracy against random (S3.10): what the policy wins beyond a pick at random among those who could have been
/// picked. Only the log's own exploration makes this a fair comparison, so it is refused without.
pub fn against_random(log: &[Logged]) -> Result<Advantage, Refused> {
    let policy = weigh(log)?;
    let evenly: Vec<Logged> = log.iter().map(evenly).collect();
    let random = weigh(&evenly)?;
    let differences = policy.doubly_robust().zip(random.doubly_robust()).map(|(a, b)| a - b);
    Ok(Advantage { policy: policy.value(), random: random.value(), difference: mean(differences.collect()) })
}

fn evenly(decision: &Logged) -> Logged {
    let possible = decision.candidates.iter().filter(|choice| choice.logged > 0.0).count() as f64;
    let even = |choice: &Choice| Choice {
        policy: if choice.logged > 0.0 { 1.0 / possible } else { 0.0 },
        ..*choice
    };
    Logged { candidates: decision.candidates.iter().map(even).collect(), ..decision.clone() }
}

/// A lead with an outcome, as the estimators see it.
struct Row {
    weight: f64,
    outcome: f64,
    /// Of the pick.
    predicted: f64,
    /// Of the policy.
    expected: f64,
}

struct Weighed {
    rows: Vec<Row>,
    open: usize,
    effective: f64,
}

fn weigh(log: &[Logged]) -> Result<Weighed, Refused> {
    let (mut rows, mut open, mut unsupported) = (Vec::with_capacity(log.len()), 0, 0);
    for (row, decision) in log.iter().enumerate() {
        let choices = &decision.candidates;
        let pick = choices.get(decision.picked).filter(|pick| pick.logged > 0.0 && sound(decision));
        let pick = pick.ok_or(Refused::Malformed { row })?;
        unsupported += usize::from(choices.iter().any(|choice| choice.policy > 0.0 && choice.logged == 0.0));
        let Some(outcome) = decision.outcome else {
            open += 1;
            continue;
        };
        rows.push(Row {
            weight: pick.policy / pick.logged,
            outcome,
            predicted: pick.predicted,
            expected: choices.iter().map(|choice| choice.policy * choice.predicted).sum(),
        });
    }
    if unsupported > 0 {
        return Err(Refused::NoSupport { decisions: unsupported });
    }
    let sum: f64 = rows.iter().map(|row| row.weight).sum();
    let squares: f64 = rows.iter().map(|row| row.weight * row.weight).sum();
    let effective = if sum > 0.0 { sum * sum / squares } else { 0.0 };
    let share = rows.iter().map(|row| row.weight).fold(0.0, f64::max) / sum;
    // With so few leads one weight is always large, and their number is the better reason.
    if share > MOST_WEIGHT && rows.len() as f64 >= LEAST_EFFECTIVE {
        return Err(Refused::OneWeight { share });
    }
    if effective < LEAST_EFFECTIVE {
        return Err(Refused::TooFew { effective });
    }
    Ok(Weighed { rows, open, effective })
}

/// Whether all numbers can be what they say.
fn sound(decision: &Logged) -> bool {
    let whole = |of: fn(&Choice) -> f64| {
        let sum: f64 = decision.candidates.iter().map(of).sum();
        (sum - 1.0).abs() < 1e-6
    };
    let sane = |choice: &Choice| choice.logged >= 0.0 && choice.policy >= 0.0 && choice.predicted.is_finite();
    decision.candidates.iter().all(sane)
        && whole(|choice| choice.logged)
        && whole(|choice| choice.policy)
        && decision.outcome.is_none_or(f64::is_finite)
}

impl Weighed {
    fn value(&self) -> Value {
        let rows = &self.rows;
        Value {
            leads: rows.len(),
            open: self.open,
            effective: self.effective,
            inverse_propensity: mean(rows.iter().map(|row| row.weight * row.outcome).collect()),
            self_normalised: self.self_normalised(),
            doubly_robust: mean(self.doubly_robust().collect()),
            shrunk: self.shrunk(),
        }
    }

    /// Each lead's part.
    fn doubly_robust(&self) -> impl Iterator<Item = f64> {
        self.rows.iter().map(|row| row.expected + row.weight * (row.outcome - row.predicted))
    }

    /// A ratio, whose variance comes by the delta method.
    fn self_normalised(&self) -> Estimate {
        let sum: f64 = self.rows.iter().map(|row| row.weight).sum();
        let value = self.rows.iter().map(|row| row.weight * row.outcome).sum::<f64>() / sum;
        let squares =
            self.rows.iter().map(|row| row.weight * (row.outcome - value)).map(|error| error * error);
        estimate(value, squares.sum::<f64>().sqrt() / sum)
    }

    /// Optimistic shrinkage, w → λw / (w² + λ), with the λ whose squared bias and variance are least; both are
    /// estimated from the rows, the bias as the mean of what shrinking takes away. Since λ is chosen on the same
    /// rows, that error is too small to be shown (90 % intervals instead of 95 % were measured); the interval has
    /// the width of the doubly robust one instead.
    fn shrunk(&self) -> Estimate {
        let plain = mean(self.doubly_robust().collect());
        let squares = self.rows.iter().map(|row| row.weight * row.weight);
        let largest = squares.fold(1.0, f64::max);
        let mut least = (plain.standard_error * plain.standard_error, plain.value);
        // From "hardly the log" to "hardly shrunk", in factors of about three.
        for step in -4..=4 {
            let strength = largest * libm::pow(10.0, f64::from(step) / 2.0);
            let parts = self.rows.iter().map(|row| {
                let shrunk = strength * row.weight / (row.weight * row.weight + strength);
                let error = row.outcome - row.predicted;
                (row.expected + shrunk * error, (row.weight - shrunk) * error)
            });
            let (parts, taken): (Vec<f64>, Vec<f64>) = parts.unzip();
            let (part, bias) = (mean(parts), mean(taken).value);
            let error = part.standard_error * part.standard_error + bias * bias;
            if error < least.0 {
                least = (error, part.value);
            }
        }
        estimate(least.1, plain.standard_error)
    }
}

/// The mean of independent parts; there are at least two.
fn mean(parts: Vec<f64>) -> Estimate {
    let n = parts.len() as f64;
    let value = parts.iter().sum::<f64>() / n;
    let squares: f64 = parts.iter().map(|part| (part - value) * (part - value)).sum();
    estimate(value, (squares / (n - 1.0) / n).sqrt())
}

fn estimate(value: f64, standard_error: f64) -> Estimate {
    let half = Z95 * standard_error;
    Estimate { value, standard_error, low: value - half, high: value + half }
}

/// A difference between groups that nobody drew: managers pick the easy leads, so it is no proof (S3.10).
///
/// A type of its own, so that it is never shown as if it had been an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Observational<T> {
    /// What was seen.
    pub observational: T,
}

/// The win rate of one way beside another, in the same period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Lift {
    /// Leads that the model placed.
    pub predictive: Rate,
    /// Leads that people placed.
    pub manual: Rate,
    /// The difference of the shares, −1–1.
    pub difference: f64,
    /// The lower end of its 95 % interval (Newcombe 1998, method 10).
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Lift against manual (S3.10): the same period, different leads.
pub fn against_manual(predictive: Rate, manual: Rate) -> Observational<Lift> {
    let difference = predictive.share - manual.share;
    let half = |a: f64, b: f64| (a * a + b * b).sqrt();
    let low = difference - half(predictive.share - predictive.low, manual.high - manual.share);
    let high = difference + half(predictive.high - predictive.share, manual.share - manual.low);
    Observational { observational: Lift { predictive, manual, difference, low, high } }
}

#[cfg(test)]
mod tests;
