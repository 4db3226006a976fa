//! Capacity kept apart for each arm: what one arm's leads take, the other's never miss.
//!
//! Reps work for both arms. Without this, a treatment that fills the best reps would also make the control
//! worse, and the difference would say more than the change does.

use super::{Experiment, Share};
use crate::draw;

/// A rep's places, in units, as each arm may fill them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// For the control.
    pub control: u32,
    /// For the treatment.
    pub treatment: u32,
}

/// Every rep's places by arm, in the order of `reps`, which are ids with all their places.
///
/// A rep's parts sum to all their places and are within one of the share, and so are the parts of all reps
/// together. Who has the odd place changes with the `period`, such as the week's number, and does not depend on
/// the order of the reps.
pub fn split(experiment: &Experiment, treatment: Share, period: u32, reps: &[(&str, u32)]) -> Vec<Places> {
    let drawn =
        |id: &str| draw::bits(&[b"capacity", experiment.id.as_bytes(), &period.to_le_bytes(), id.as_bytes()]);
    let mut order: Vec<usize> = (0..reps.len()).collect();
    order.sort_by_key(|&at| (drawn(reps[at].0), reps[at].0));
    let whole = u64::from(Share::WHOLE);
    // The running sum of what the treatment is owed; whole places are given out as the sum passes them.
    let mut owed = draw::bits(&[b"capacity", experiment.id.as_bytes(), &period.to_le_bytes()]) % whole;
    let mut places = vec![Places { control: 0, treatment: 0 }; reps.len()];
    for at in order {
        let all = reps[at].1;
        owed += u64::from(all) * u64::from(treatment.0);
        // At most `all`: the remainder before is less than one place.
        let given = u32::try_from(owed / whole).unwrap_or(u32::MAX).min(all);
        owed -= u64::from(given) * whole;
        places[at] = Places { control: all - given, treatment: given };
    }
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split_of(percent: u8, period: u32, places: &[u32]) -> Vec<Places> {
        let ids: Vec<String> = (0..places.len()).map(|n| format!("rep-{n}")).collect();
        let reps: Vec<(&str, u32)> = ids.iter().map(String::as_str).zip(places.iter().copied()).collect();
        split(&Experiment { id: "faster".into() }, Share::percent(percent), period, &reps)
    }

    fn check(percent: u8, places: &[u32], expect: &[u32]) {
        let treatment: Vec<u32> =
            split_of(percent, 0, places).iter().map(|places| places.treatment).collect();
        assert_eq!(treatment, expect, "{percent} % of {places:?}");
    }

    #[test]
    fn each_arm_has_its_part_of_every_rep() {
        check(50, &[10, 8, 4], &[5, 4, 2]);
        check(20, &[25, 5, 10], &[5, 1, 2]);
        check(0, &[3, 1], &[0, 0]);
        check(100, &[3, 1], &[3, 1]);
        check(50, &[], &[]);
    }

    #[test]
    fn odd_places_take_turns() {
        let times = |rep: usize| {
            (0..200).filter(|&week| split_of(50, week, &[1, 1, 3])[rep].treatment % 2 == 1).count()
        };
        for rep in 0..3 {
            assert!((70..=130).contains(&times(rep)), "rep {rep}: {} of 200 weeks", times(rep));
        }
    }

    proptest! {
        #[test]
        fn sums_are_kept(percent in 0u8..=100, period: u32, places in prop::collection::vec(0u32..60, 0..30)) {
            let found = split_of(percent, period, &places);
            let share = f64::from(percent) / 100.0;
            let (mut treated, mut all) = (0, 0);
            for (found, &places) in found.iter().zip(&places) {
                prop_assert_eq!(found.control + found.treatment, places);
                prop_assert!((f64::from(found.treatment) - share * f64::from(places)).abs() < 1.0 + 1e-9);
                treated += found.treatment;
                all += places;
            }
            prop_assert!((f64::from(treated) - share * f64::from(all)).abs() < 1.0 + 1e-9);
        }

        #[test]
        fn order_does_not_matter(percent in 0u8..=100, a in 0u32..9, b in 0u32..9, c in 0u32..9) {
            let (experiment, share) = (Experiment { id: "faster".into() }, Share::percent(percent));
            let straight = split(&experiment, share, 7, &[("a", a), ("b", b), ("c", c)]);
            let turned = split(&experiment, share, 7, &[("c", c), ("a", a), ("b", b)]);
            prop_assert_eq!(&straight, &[turned[1], turned[2], turned[0]]);
        }
    }
}
