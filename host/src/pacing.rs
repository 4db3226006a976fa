//! What a rep's remaining capacity costs, so that leads routed one at a time go nearly where a batch of
//! all of them would send them.
//!
//! Greedy routing gives the expert for everything to whoever comes first, and has only the others left for
//! the lead that needed them. Here each rep has a price in points of a match's total, and a lead goes to
//! the highest total less price. In come the price as the rep's last lead left it, the leads they can
//! still take, and the time; out comes the price now, and after a lead the price to keep.
//!
//! The law is dual mirror descent with the Euclidean reference function: S. Balseiro, H. Lu, V. Mirrokni,
//! "The Best of Many Worlds: Dual Mirror Descent for Online Allocation Problems", Operations Research 2023,
//! arXiv 2011.10124. After each lead
//!
//! ```text
//! price ← max(0, price − step · (ρ − x)),   step ≈ c / √(leads a period)
//! ```
//!
//! where x is 1 for the rep who got the lead and 0 for others, and ρ the rep's capacity per lead to come. Two things are done differently.
//!
//! - ρ is taken from what is left: leads the rep can still take over leads still to come in the period. A rep
//!   who is behind becomes cheap, one who is ahead dear, and prices learnt in one period fit the next,
//!   so they are carried over.
//! - Leads to come are told from the time left, as though they came evenly. Between two leads of a rep the
//!   price then falls by `step · room · time passed / time left`, which needs only the rep's own two
//!   numbers: a lead touches nobody but whoever gets it. How many leads a period has then matters for the
//!   step alone, under a root.
//!
//! With a fixed ρ, leads drawn independently, a step of c/√T, and leave to turn leads away, the paper's loss
//! against the best assignment in hindsight is at most of order √T in T leads; where the draws change over time it
//! grows with how far they drift, and against an adversary only a share of the optimum is kept. What fails
//! here; `docs/scarcity.md` measures what it costs:
//!
//! - Unless the tenant lets low values [wait](Pacing::hold), a lead that somebody can take is taken. Where there is
//!   less capacity than leads, no price keeps a place for a better lead that is still to come; prices only
//!   settle who gets which.
//! - Leads of one kind that come in a block, or most of a period's leads in one day, look like scarcity. Prices
//!   then spread them over more reps than was needed.
//! - The bound is not proved for the ρ used here; it is better in nearly every case measured.
//!
//! Nothing is drawn by chance and only the four operations of arithmetic are used, so the same numbers give
//! the same price to the bit on every machine.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A Monday, so that weeks begin with one: 5 January 1970.
const FIRST: i64 = 4 * DAY;
/// In seconds.
const DAY: i64 = 86_400;
/// The end of a period is never nearer than this share of it, or all that is left would go at any price.
const LAST: f64 = 0.1;
/// Of [`Pacing::step_for`]; chosen by the table in `docs/scarcity.md`.
const STEP: f64 = 50.0;

/// How a tenant prices capacity.
#[derive(Debug, Clone, PartialEq)]
pub struct Pacing {
    /// Days of a period, at least 1: the time in which capacity comes back. Periods follow one another without a gap
    /// from a Monday, 0:00 UTC.
    pub days: u32,
    /// What one more lead adds to a rep's price, in points, above 0.
    pub step: f64,
    /// What an ordinary lead is worth a year, in the tenant's currency, above 0; absent: all are alike.
    pub ordinary: Option<f64>,
    /// Whether a lead waits when every candidate's price is above their total.
    pub hold: bool,
}

/// A rep's price as the last lead left it; [`Pacing::price`] tells what it is now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// Points, not negative.
    pub points: f64,
    /// When it was so.
    pub at: Timestamp,
    /// Leads they could still take then.
    pub room: u32,
}

impl Pacing {
    /// The step for so many leads a period: 2.5 points for 400.
    pub fn step_for(expected: u32) -> f64 {
        STEP / f64::from(expected.max(1)).sqrt()
    }

    /// What a rep costs now: points to take off the total of a lead worth an ordinary one, not negative.
    /// `room` is how many leads they can still take.
    ///
    /// Between two leads of a rep, room comes back evenly within a period and at once where a new one begins.
    /// Bands and caps stay with eligibility: nobody without room is a candidate, whatever their price.
    pub fn price(&self, last: Price, room: u32, now: Timestamp) -> f64 {
        if now <= last.at {
            return last.points;
        }
        let (before, room) = (f64::from(last.room), f64::from(room));
        let ((first, start), (current, end)) = (self.place(last.at), self.place(now));
        let used = if first == current {
            (before + room) / 2.0 * pace(start, end)
        } else {
            let whole = (current - first - 1) as f64;
            before * pace(start, 1.0) + room * (whole * pace(0.0, 1.0) + pace(0.0, end))
        };
        (last.points - self.step * used).max(0.0)
    }

    /// The same for a lead of this yearly value: one worth twice as much is put off by half the price, since
    /// twice the value is lost with each point of its total.
    pub fn price_for(&self, price: f64, value: Option<f64>) -> f64 {
        let worth = match (value, self.ordinary) {
            (Some(value), Some(ordinary)) => (value / ordinary).clamp(0.01, 100.0),
            _ => 1.0,
        };
        price / worth
    }

    /// The price to keep of whoever got a lead; `room` is what they had before it.
    pub fn after(&self, last: Price, room: u32, now: Timestamp) -> Price {
        let points = self.price(last, room, now) + self.step;
        Price { points, at: now.max(last.at), room: room.saturating_sub(1) }
    }

    /// The period and the share of it that has passed.
    fn place(&self, at: Timestamp) -> (i64, f64) {
        let length = i64::from(self.days.max(1)) * DAY;
        let second = at.as_second() - FIRST;
        (second.div_euclid(length), second.rem_euclid(length) as f64 / length as f64)
    }
}

/// The share of a rep's room that an even pace uses from one moment of a period to a later one: time passed over
/// the mean of the time left before and after, near the integral of dt / (time left).
fn pace(start: f64, end: f64) -> f64 {
    let left = |passed: f64| (1.0 - passed).max(LAST);
    2.0 * (end - start) / (left(start) + left(end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Monday, 5 January 2026, 0:00 UTC.
    const MONDAY: i64 = 1_767_571_200;
    const WEEK: i64 = 7 * DAY;

    fn week() -> Pacing {
        Pacing { days: 7, step: 3.0, ordinary: None, hold: false }
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A share of the week of 5 January, or of one after it.
    fn at(weeks: f64) -> Timestamp {
        second(MONDAY + (weeks * WEEK as f64) as i64)
    }

    /// One lead after another, evenly over a week: the total of each rep, and what the lead is worth.
    #[derive(Debug)]
    struct Week {
        leads: Vec<(Vec<f64>, f64)>,
        room: Vec<u32>,
    }

    impl Week {
        /// Each lead to the highest total less price among those with room, the first of equals; who got each,
        /// and the sum of totals by worth.
        fn route(&self, pacing: Option<&Pacing>) -> (Vec<Option<usize>>, f64) {
            let mut room = self.room.clone();
            let mut prices = vec![Price::default(); room.len()];
            let mut sum = 0.0;
            let picks = (0..).zip(&self.leads).map(|(n, (totals, worth))| {
                let now = at(f64::from(n) / self.leads.len() as f64);
                let priced = |rep: usize| {
                    totals[rep]
                        - pacing.map_or(0.0, |pacing| {
                            let price = pacing.price(prices[rep], room[rep], now);
                            assert!(price >= 0.0 && price.is_finite(), "{price}");
                            pacing.price_for(price, Some(*worth))
                        })
                };
                let free = (0..room.len()).filter(|&rep| room[rep] > 0);
                let best = free.rev().max_by(|a, b| priced(*a).total_cmp(&priced(*b)))?;
                if let Some(pacing) = pacing {
                    prices[best] = pacing.after(prices[best], room[best], now);
                }
                room[best] -= 1;
                sum += totals[best] * worth;
                Some(best)
            });
            (picks.collect(), sum)
        }
    }

    #[test]
    fn prices() {
        let pacing = week();
        let from = |weeks| Price { points: 9.0, at: at(weeks), room: 0 };
        let check = |last: Price, room, now, expect: f64| {
            let price = pacing.price(last, room, now);
            assert!((price - expect).abs() < 1e-9, "{price}, not {expect}: {last:?} {room} {now}");
        };
        let with = |room, last| Price { room, ..last };
        // Nothing happens in no time, nor backwards in time, nor to who has no room.
        check(with(20, from(0.0)), 20, at(0.0), 9.0);
        check(with(20, from(0.5)), 20, at(0.25), 9.0);
        check(from(0.0), 0, at(0.9), 9.0);
        // Half the week: 0.5 passed over a mean of 0.75 left, two thirds of the room.
        check(with(3, from(0.0)), 3, at(0.5), 9.0 - 3.0 * 3.0 * (2.0 / 3.0));
        check(with(30, from(0.0)), 30, at(0.5), 0.0);
        // Room that came back came back evenly.
        check(with(1, from(0.0)), 3, at(0.5), 9.0 - 3.0 * 2.0 * (2.0 / 3.0));
        // The last tenth is never nearer than a tenth.
        check(with(1, from(0.95)), 1, at(0.99), 9.0 - 3.0 * (0.04 / 0.1));
        // Who had no room left keeps their price until the week ends, and has the new one's room from then on.
        check(from(0.5), 1, at(1.5), 9.0 - 3.0 * (2.0 / 3.0));
        check(with(1, from(0.95)), 1, at(1.5), 9.0 - 3.0 * (0.5 + 2.0 / 3.0));
        // Each whole week between takes the same.
        check(Price { points: 99.0, ..from(0.0) }, 1, at(3.0), 99.0 - 3.0 * (2.0 * 2.0 / 1.1));
        // Who never had a lead costs nothing.
        check(Price::default(), 1, at(0.0), 0.0);

        let after = pacing.after(with(3, from(0.0)), 3, at(0.5));
        assert_eq!(after, Price { points: 6.0, at: at(0.5), room: 2 });
        assert_eq!(pacing.after(after, 0, at(0.25)), Price { points: 9.0, at: at(0.5), room: 0 });
    }

    #[test]
    fn worth() {
        let check = |ordinary, value, expect: f64| {
            assert_eq!(
                Pacing { ordinary, ..week() }.price_for(10.0, value),
                expect,
                "{ordinary:?} {value:?}"
            );
        };
        check(None, Some(1e6), 10.0);
        check(Some(2e4), None, 10.0);
        check(Some(2e4), Some(4e4), 5.0);
        check(Some(2e4), Some(1e4), 20.0);
        check(Some(2e4), Some(0.0), 1000.0);
        check(Some(1e-300), Some(1e300), 0.1);
    }

    #[test]
    fn steps() {
        let check = |expected, expect: f64| assert_eq!(Pacing::step_for(expected), expect);
        check(400, 2.5);
        check(100, 5.0);
        check(1, 50.0);
        check(0, 50.0);
    }

    #[test]
    fn the_expert_is_kept_for_whom_only_the_expert_serves() {
        // Ana is a little better for small leads and far better for large ones, and has room for the large.
        let leads =
            (0..40).map(|n| if n % 2 == 0 { (vec![62.0, 60.0], 1.0) } else { (vec![90.0, 30.0], 1.0) });
        let week = Week { leads: leads.collect(), room: vec![20, 20] };
        let best = 20.0 * 90.0 + 20.0 * 60.0;
        assert_eq!(week.route(None).1, 2420.0);
        let (_, priced) = week.route(Some(&Pacing { step: Pacing::step_for(40), ..self::week() }));
        assert!(priced / best > 0.93, "{}", priced / best);
    }

    /// Reps with a room; leads with a total for each, in eighths so that sums are exact, and a worth.
    fn weeks(room: impl Strategy<Value = u32> + Clone) -> impl Strategy<Value = Week> {
        (1..6usize).prop_flat_map(move |reps| {
            let lead =
                (prop::collection::vec((0..=800u32).prop_map(|n| f64::from(n) / 8.0), reps), 0.1..10.0f64);
            (prop::collection::vec(lead, 1..60), prop::collection::vec(room.clone(), reps))
                .prop_map(|(leads, room)| Week { leads, room })
        })
    }

    proptest! {
        #[test]
        fn capacity_holds_and_nobody_waits_for_nothing(week in weeks(0..20u32)) {
            let (picks, _) = week.route(Some(&self::week()));
            let had = |rep| picks.iter().filter(|pick| **pick == Some(rep)).count();
            prop_assert!((0..).zip(&week.room).all(|(rep, room)| had(rep) <= *room as usize));
            let all = week.room.iter().sum::<u32>() as usize;
            prop_assert_eq!(picks.iter().flatten().count(), all.min(picks.len()));
        }

        #[test]
        fn where_nothing_is_scarce_the_highest_total_wins(week in weeks(60..100u32)) {
            prop_assert_eq!(week.route(Some(&self::week())).0, week.route(None).0);
        }

        #[test]
        fn scaling_totals_and_step_together_changes_nothing(week in weeks(0..20u32), power in -6..6i32) {
            let scale = 2f64.powi(power);
            let scaled = Week {
                leads: week.leads.iter().map(|(totals, worth)| {
                    (totals.iter().map(|total| total * scale).collect(), *worth)
                }).collect(),
                room: week.room.clone(),
            };
            let pacing = self::week();
            let step = pacing.step * scale;
            prop_assert_eq!(scaled.route(Some(&Pacing { step, ..pacing.clone() })).0, week.route(Some(&pacing)).0);
        }

        #[test]
        fn the_order_of_the_reps_changes_nothing(week in weeks(0..20u32)) {
            // Totals that differ by more than any sum of steps can make equal: no tie is left to the order.
            let apart = |totals: &[f64]| {
                (0..).zip(totals).map(|(rep, total)| total + f64::from(rep) * 1e-4).collect::<Vec<_>>()
            };
            let leads: Vec<_> = week.leads.iter().map(|(totals, worth)| (apart(totals), *worth)).collect();
            let turned = Week {
                leads: leads.iter().map(|(totals, worth)| (totals.iter().rev().copied().collect(), *worth)).collect(),
                room: week.room.iter().rev().copied().collect(),
            };
            let week = Week { leads, room: week.room };
            let last = week.room.len() - 1;
            let back: Vec<_> = turned.route(Some(&self::week())).0.iter().map(|pick| pick.map(|rep| last - rep)).collect();
            prop_assert_eq!(back, week.route(Some(&self::week())).0);
        }

        #[test]
        fn prices_fall_with_time_and_room(
            points in 0.0..100.0f64,
            days in 1..40u32,
            [from, to, later] in prop::array::uniform3(0..100 * DAY),
            room in 0..100u32,
        ) {
            let pacing = Pacing { days, ..week() };
            let mut times = [from, to, later];
            times.sort_unstable();
            let [from, to, later] = times.map(|time| second(MONDAY + time));
            let last = Price { points, at: from, room };
            let price = pacing.price(last, room, to);
            prop_assert!((0.0..=points).contains(&price));
            prop_assert!(pacing.price(last, room, later) <= price + 1e-9);
            prop_assert!(pacing.price(last, room + 1, to) <= price);
            let more = Price { room: room + 1, ..last };
            prop_assert!(pacing.price(more, room, to) <= price);
            prop_assert!(pacing.after(last, room, to).points == price + pacing.step);
        }
    }
}
