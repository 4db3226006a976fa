//! The fit against a dense Newton that knows nothing of arrows, and laws that hold for any deals.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::deal::{Deal, Fields, Outcome};
use crate::logistic::chance;

const DAY: i64 = 86_400_000;

/// Deals of small numbers: rep, two fields, day, won.
fn deals(rows: &[(u8, u8, u8, u16, bool)]) -> Vec<Deal> {
    rows.iter()
        .map(|(rep, one, other, day, won)| {
            let closed = i64::from(*day) * DAY;
            let fields = Fields::from([
                ("industry".to_owned(), format!("i{one}")),
                ("size".to_owned(), format!("s{other}")),
            ]);
            Deal {
                rep: (*rep < 4).then(|| format!("r{rep}")),
                fields,
                opened: closed - 20 * DAY,
                outcome: if *won { Outcome::Won { closed } } else { Outcome::Lost { closed } },
                value: None,
            }
        })
        .collect()
}

fn rows() -> impl Strategy<Value = Vec<(u8, u8, u8, u16, bool)>> {
    prop::collection::vec((0..5_u8, 0..3_u8, 0..3_u8, 0..365_u16, any::<bool>()), 1..80)
}

fn table(deals: &[Deal]) -> Table {
    Table::new(deals, 364 * DAY, 365.0, 180.0)
}

/// Solves a dense system by Gauss-Jordan elimination.
fn solved(mut matrix: Vec<Vec<f64>>, mut side: Vec<f64>) -> Vec<f64> {
    for pivot in 0..side.len() {
        let scale = matrix[pivot][pivot];
        matrix[pivot].iter_mut().for_each(|value| *value /= scale);
        side[pivot] /= scale;
        let (row, value) = (matrix[pivot].clone(), side[pivot]);
        for other in (0..side.len()).filter(|other| *other != pivot) {
            let factor = matrix[other][pivot];
            matrix[other].iter_mut().zip(&row).for_each(|(to, from)| *to -= factor * from);
            side[other] -= factor * value;
        }
    }
    side
}

#[test]
fn the_mode_and_the_spread_are_those_of_a_dense_newton() {
    let mut seed = 3_u64;
    let mut draw = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let rows: Vec<_> = (0..200)
        .map(|_| (draw(5) as u8, draw(3) as u8, draw(3) as u8, draw(365) as u16, draw(3) == 0))
        .collect();
    let table = table(&deals(&rows));
    let model = Logit::fit(&table, true, None);
    // Effects by name: the intercept, both fields, the quarter, the rep, the rep with both fields.
    let mut places = BTreeMap::new();
    let mut place = |name: String, variance: f64| {
        let next = places.len();
        places.entry(name).or_insert((next, variance)).0
    };
    let variances = model.variances();
    let deals: Vec<Vec<usize>> =
        (0..table.len())
            .map(|row| {
                let (rep, codes, quarter) = (table.rep[row], table.codes_of(row), table.quarter[row]);
                let mut of = vec![place("base".to_owned(), INTERCEPT.1)];
                of.extend((0..2).map(|field| place(format!("{field} {}", codes[field]), variances[field])));
                of.push(place(format!("quarter {quarter}"), variances[2]));
                if rep != UNKNOWN {
                    of.push(place(format!("rep {rep}"), variances[3]));
                    of.extend((0..2).map(|field| {
                        place(format!("rep {rep} {field} {}", codes[field]), variances[4 + field])
                    }));
                }
                of
            })
            .collect();
    let size = places.len();
    let mut effects = vec![0.0; size];
    let mut curvature = Vec::new();
    for _ in 0..50 {
        let mut slope = vec![0.0; size];
        curvature = vec![vec![0.0; size]; size];
        for (place, variance) in places.values() {
            slope[*place] -= effects[*place] / variance;
            curvature[*place][*place] += 1.0 / variance;
        }
        for (row, weight) in table.evidence().iter().enumerate() {
            let p = chance(deals[row].iter().map(|place| effects[*place]).sum());
            for i in &deals[row] {
                slope[*i] += weight * (f64::from(u8::from(table.won[row])) - p);
                deals[row].iter().for_each(|j| curvature[*i][*j] += weight * p * (1.0 - p));
            }
        }
        let step = solved(curvature.clone(), slope);
        effects.iter_mut().zip(step).for_each(|(effect, step)| *effect += step);
    }
    for (row, places) in deals.iter().enumerate() {
        let lead = Coded { codes: table.codes_of(row).to_vec(), quarter: table.quarter[row] };
        if table.rep[row] == UNKNOWN {
            continue;
        }
        let got = model.estimate(&model.lead(&lead), table.rep[row]);
        let logit: f64 = places.iter().map(|place| effects[*place]).sum();
        assert!((got.logit() - logit).abs() < 1e-6, "{} {logit}", got.logit());
        let mut unit = vec![0.0; size];
        places.iter().for_each(|place| unit[*place] = 1.0);
        let variance: f64 = {
            let solved = solved(curvature.clone(), unit);
            places.iter().map(|place| solved[*place]).sum()
        };
        assert!((got.spread * got.spread - variance).abs() < 1e-4, "{} {variance}", got.spread * got.spread);
    }
}

#[test]
fn quarters_have_effects_once_a_year_is_known() {
    let check = |last: u16, seasonal: bool| {
        let rows: Vec<_> = (0..=last).map(|day| (0, 0, 0, day, (90..180).contains(&day))).collect();
        let model = Logit::fit(&table(&deals(&rows)), true, None);
        let of = |quarter| model.lead(&Coded { codes: vec![0, 0], quarter }).effect;
        assert_eq!(of(1) > of(2) + 0.5, seasonal, "{last} days");
    };
    check(300, false);
    check(364, true);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Factors add up to the estimate, to the bit.
    #[test]
    fn factors_add_up(rows in rows(), rep in 0..6_u32, codes in prop::collection::vec(0..5_u32, 2), quarter in 0..4_u8) {
        let table = table(&deals(&rows));
        let model = Logit::fit(&table, true, None);
        let codes = table.names.fields.iter().zip(codes).map(|(_, code)| code).collect();
        let lead = Coded { codes, quarter };
        let estimate = model.estimate(&model.lead(&lead), rep);
        let factors = model.factors(&table.names, &lead, rep);
        let part = |of_rep| factors.iter().filter(|factor| factor.cause.of_rep() == of_rep).map(|factor| factor.effect).sum::<f64>();
        prop_assert_eq!((part(false), part(true)), (estimate.lead, estimate.rep));
        prop_assert!(estimate.spread.is_finite() && estimate.rep_spread.is_finite());
    }

    /// The order of the deals never matters, not even for the last bit.
    #[test]
    fn order_does_not_matter(rows in rows().prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle()))) {
        let fit = |rows: &[_]| Logit::fit(&table(&deals(rows)), true, None);
        prop_assert_eq!(fit(&rows.0), fit(&rows.1));
    }

    /// Weights say how deals compare; a factor common to all changes nothing.
    #[test]
    fn a_common_factor_of_weights_does_not_matter(rows in rows(), power in -8..8_i32) {
        let once = table(&deals(&rows));
        let mut scaled = once.clone();
        // A power of two, so that nothing is rounded.
        scaled.weight.iter_mut().for_each(|weight| *weight *= f64::from(power).exp2());
        prop_assert_eq!(Logit::fit(&once, true, None), Logit::fit(&scaled, true, None));
        prop_assert_eq!(once.effective(), scaled.effective());
    }

    /// What was never seen has no effect and the widest interval.
    #[test]
    fn a_new_rep_is_less_sure(rows in rows(), quarter in 0..4_u8) {
        let table = table(&deals(&rows));
        let model = Logit::fit(&table, true, None);
        let lead = model.lead(&Coded { codes: vec![0; table.names.fields.len()], quarter });
        let new = model.estimate(&lead, UNKNOWN);
        prop_assert_eq!(new.rep, 0.0);
        for rep in 0..table.names.reps.len() as u32 {
            prop_assert!(model.estimate(&lead, rep).rep_spread <= new.rep_spread + 1e-4);
        }
    }
}
