//! Whether the best match is at odds with itself (S2.6): strong in one thing that weighs, weak in another,
//! and nobody nearly as good without that. Nothing changes who gets the lead; somebody should know.

use crate::config::Conflict;
use crate::decision::{Factor, Flag, Match};

/// The conflict in the best match, where there is one.
///
/// Looked at are factors whose share of the total is at least `weight`. The best of those that were not
/// passed over is in conflict where it scores at least `strong` in one of them and at most `weak` in
/// another, unless somebody else within `within` points of its total is weak in none of them. Named are its
/// strongest and its weakest factor; of equal ones the heavier, of those the first.
pub fn conflict(settings: &Conflict, factors: &[Factor], matches: &[Match]) -> Option<Flag> {
    let mut open = matches.iter().filter(|found| found.passed_over.is_none());
    let best = open.next()?;
    let heavy: Vec<usize> = (0..factors.len()).filter(|place| weighs(settings, &factors[*place])).collect();
    let score = |found: &Match, place: usize| f64::from(found.factors.get(place).copied().unwrap_or(0.0));
    let weak = |found: &Match| heavy.iter().any(|place| score(found, *place) <= settings.weak);
    let pick = |sign: f64| {
        let key = |place: usize| (sign * score(best, place), factors[place].weight);
        heavy.iter().copied().reduce(|first, next| if key(next) > key(first) { next } else { first })
    };
    let (strongest, weakest) = (pick(1.0)?, pick(-1.0)?);
    if score(best, strongest) < settings.strong || score(best, weakest) > settings.weak {
        return None;
    }
    let near = best.total - settings.within;
    if open.take_while(|found| found.total >= near).any(|found| !weak(found)) {
        return None;
    }
    let name = |place: usize| factors[place].name.clone();
    Some(Flag::Conflict { rep: best.rep.clone(), strong: name(strongest), weak: name(weakest) })
}

/// Weights come as 32-bit numbers, and 15 of 100 must not be below 0.15 for their sake.
fn weighs(settings: &Conflict, factor: &Factor) -> bool {
    f64::from(factor.weight) >= settings.weight - 1e-6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::Excluded;
    use crate::pipeline::fixture::id;

    #[test]
    fn conflicts() {
        let factor = |(name, weight): (&str, f32)| Factor { name: name.to_owned(), weight };
        let factors =
            [("territory", 0.4), ("expertise", 0.3), ("capacity", 0.15), ("speed", 0.1), ("tone", 0.05)]
                .map(factor);
        let check = |rows: &[(&str, f64, [f32; 5])], expect: Option<(&str, &str)>| {
            let found = |(rep, total, row): &(&str, f64, [f32; 5])| Match {
                rep: id(rep.trim_end_matches('~')),
                factors: row.to_vec(),
                total: *total,
                price: 0.0,
                passed_over: rep
                    .ends_with('~')
                    .then_some(Excluded::NearCapacity { total: *total, needed: 75.0 }),
            };
            let matches: Vec<Match> = rows.iter().map(found).collect();
            let expect = expect.map(|(strong, weak)| Flag::Conflict {
                rep: matches
                    .iter()
                    .find(|found| found.passed_over.is_none())
                    .expect("one is left")
                    .rep
                    .clone(),
                strong: strong.to_owned(),
                weak: weak.to_owned(),
            });
            assert_eq!(conflict(&Conflict::default(), &factors, &matches), expect, "{rows:?}");
        };
        check(&[], None);
        // 90 territory, 85 expertise, 40 capacity.
        let full = [90.0, 85.0, 40.0, 0.0, 0.0];
        check(&[("ana", 67.5, full)], Some(("territory", "capacity")));
        check(&[("ana", 67.5, [90.0, 85.0, 40.1, 0.0, 0.0])], None);
        check(&[("ana", 50.0, [79.9, 40.0, 40.0, 100.0, 100.0])], None);
        // Somebody nearly as good is free of it.
        check(&[("ana", 67.5, full), ("ben", 57.5, [60.0; 5])], None);
        check(&[("ana", 67.5, full), ("ben", 57.4, [60.0; 5])], Some(("territory", "capacity")));
        check(
            &[("ana", 67.5, full), ("ben", 66.0, [60.0, 60.0, 30.0, 60.0, 60.0])],
            Some(("territory", "capacity")),
        );
        // Of equal ones the heavier.
        check(&[("ana", 70.0, [40.0, 90.0, 40.0, 90.0, 0.0])], Some(("expertise", "territory")));
        // Who was passed over neither has it nor saves from it.
        check(&[("eve~", 70.0, [60.0; 5]), ("ana", 67.5, full)], Some(("territory", "capacity")));
        check(&[("ana", 67.5, full), ("eve~", 67.0, [60.0; 5])], Some(("territory", "capacity")));
    }
}
