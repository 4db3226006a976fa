//! The three parts of the objective in one integer, without changing which assignment is best.
//!
//! A flow is optimal when no cycle of its residual network improves it (Klein 1967), and that holds for any
//! ordered group, so also for vectors (leads of each class, value, evenness) that are compared part by part.
//! A simple cycle is short. It passes each rep and each lead once, so it changes
//!
//! - evenness by at most `F = (2 teams + 2) · dearest place`, as it passes the sink and each team once, over
//!   two places each;
//! - value by at most `W = min(leads, reps + 1) · highest value`;
//! - the classes by one lead more, one less, or one for another, as it passes "nobody" once.
//!
//! A point is worth `K = 2F + 1`, and a lead of the last class `B = 2(WK + F) + 1`, of the one before it `2B`,
//! and so on; so the sum over a cycle has the sign of its first part that is not zero. A price is the length
//! of a simple path, so the same bounds let its parts be read back by rounding. Nothing exceeds
//! `(classes + 1) · B`; [`Scale::new`] leaves room for sums of sixteen such.

use super::{Error, Lead, Price, Rep};

/// What the parts are worth.
#[derive(Clone, Debug)]
pub(super) struct Scale {
    /// Those that occur, in order.
    classes: Vec<u8>,
    /// `B`.
    step: i64,
    /// A lead's worth that exceeds four times any value.
    low_step: i64,
    /// `K`, what a thousandth of a point is worth.
    point: i64,
    /// The greatest common divisor of the reps' weights.
    weight: i64,
    /// What evenness is counted in: the weights' least common multiple; or the square of the largest, if that
    /// is less, in which two loads by weight still differ where they do.
    even: i64,
}

impl Scale {
    pub(super) fn new(leads: &[Lead], reps: &[Rep], teams: usize) -> Result<Self, Error> {
        let weights = || reps.iter().map(|rep| i64::from(rep.weight.get()));
        let weight = weights().fold(0, gcd).max(1);
        let enough = (weights().max().unwrap_or(1) / weight).pow(2);
        let multiple = |all: i64, one: i64| if all > enough { all } else { all / gcd(all, one) * one };
        let even = weights().map(|each| each / weight).fold(1, multiple).min(enough);
        let mut classes: Vec<u8> = leads.iter().map(|lead| lead.class).collect();
        classes.sort_unstable();
        classes.dedup();

        let units = leads.iter().map(|lead| u64::from(lead.units.get())).sum::<u64>();
        let dearest = |rep: &Rep| {
            let load = i128::from(rep.held) + i128::from(units.min(rep.capacity.into())) + 256;
            2 * load * i128::from(even) * i128::from(weight) / i128::from(rep.weight.get())
        };
        let places = reps.iter().map(dearest).max().unwrap_or(1) * (2 * teams as i128 + 2);
        let highest = leads.iter().flat_map(|lead| &lead.choices).map(|choice| choice.value).max();
        let value = leads.len().min(reps.len() + 1) as i128 * i128::from(highest.unwrap_or(0));

        let point = 2 * places + 1;
        let step = value.saturating_mul(point).saturating_add(places).saturating_mul(2).saturating_add(1);
        let most = step.saturating_mul(16 * (classes.len() as i128 + 2));
        let (Ok(step), Ok(point), Ok(_)) = (i64::try_from(step), i64::try_from(point), i64::try_from(most))
        else {
            return Err(Error::TooLarge { bits: most.ilog2() + 1 });
        };
        let low_step = 4 * i64::from(highest.unwrap_or(0)) * point + 1;
        Ok(Self { classes, step, low_step, point, weight, even })
    }

    /// The classes that occur, in order.
    pub(super) fn classes(&self) -> &[u8] {
        &self.classes
    }

    /// What assigning a lead of this class is worth, its value left out.
    pub(super) fn lead(&self, class: u8) -> i64 {
        let before = self.classes.partition_point(|&earlier| earlier < class);
        (self.classes.len() - before) as i64 * self.step
    }

    /// What a lead of the last class is worth, and how much more one of each class before it.
    pub(super) fn step(&self) -> i64 {
        self.step
    }

    /// The same where it need not outweigh more than a match's value.
    pub(super) fn low_step(&self) -> i64 {
        self.low_step
    }

    /// What a thousandth of a point is worth.
    pub(super) fn point(&self) -> i64 {
        self.point
    }

    /// What a rep's place costs that takes the load from `load` to `load + units`, in evenness: the rise of
    /// load² / weight.
    pub(super) fn place(&self, rep: &Rep, load: u32, units: u32) -> i64 {
        let (held, load, units) = (i64::from(rep.held), i64::from(load), i64::from(units));
        (2 * (held + load) + units) * self.even / (i64::from(rep.weight.get()) / self.weight)
    }

    /// The sum of [`Self::place`] up to a load.
    pub(super) fn load(&self, rep: &Rep, load: u32, units: u32) -> u128 {
        (0..load)
            .step_by(units as usize)
            .map(|load| self.place(rep, load, units).unsigned_abs())
            .map(u128::from)
            .sum()
    }

    /// A price in its parts.
    pub(super) fn parts(&self, price: i64) -> Price {
        let leads = round(price, self.step);
        let rest = price - leads * self.step;
        let value = round(rest, self.point);
        let lead = (leads > 0).then(|| self.classes[self.classes.len() - leads as usize]);
        Price { lead, value, evenness: rest - value * self.point }
    }

    /// The parts in one again; the inverse of [`Self::parts`].
    pub(super) fn whole(&self, price: Price) -> i128 {
        let lead = price.lead.map_or(0, |class| self.lead(class));
        i128::from(lead) + i128::from(price.value) * i128::from(self.point) + i128::from(price.evenness)
    }
}

/// The nearest multiple's factor; `of` is odd, so there are no ties.
fn round(number: i64, of: i64) -> i64 {
    (number + of / 2).div_euclid(of)
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
