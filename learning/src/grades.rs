//! Grades A–D of scores, in ranges that the tenant sets, and what each grade has won (P22).

use serde::{Deserialize, Serialize};

use crate::rate::Rate;

/// A score's grade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grade {
    /// The best.
    A,
    /// Next.
    B,
    /// Next.
    C,
    /// All others.
    D,
}

impl Grade {
    /// From the best down.
    pub const ALL: [Self; 4] = [Self::A, Self::B, Self::C, Self::D];
}

/// The least score of A, B and C, on the scale of the scores, usually 0–100.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wanted")]
pub struct Ranges([f64; 3]);

/// Ranges as a tenant writes them, unchecked.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The least score of grade A.
    pub a: f64,
    /// The least score of grade B.
    pub b: f64,
    /// The least score of grade C.
    pub c: f64,
}

/// Ranges that overlap.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("grades begin at {} (A), {} (B) and {} (C), and have to fall from A to C", .0.a, .0.b, .0.c)]
pub struct NotFalling(pub Wanted);

impl TryFrom<Wanted> for Ranges {
    type Error = NotFalling;

    fn try_from(wanted: Wanted) -> Result<Self, NotFalling> {
        let Wanted { a, b, c } = wanted;
        if a > b && b > c && a.is_finite() && c.is_finite() {
            Ok(Self([a, b, c]))
        } else {
            Err(NotFalling(wanted))
        }
    }
}

impl Default for Ranges {
    /// 75, 50 and 25.
    fn default() -> Self {
        Self([75.0, 50.0, 25.0])
    }
}

/// A lead's score and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// Its score.
    pub score: f64,
    /// Whether it was won; none while it is open.
    pub won: Option<bool>,
}

/// What one grade has.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The grade.
    pub grade: Grade,
    /// Its leads, open ones too.
    pub leads: u64,
    /// Of all leads, 0–1; 0 where there are none.
    pub share: f64,
    /// How many of its closed leads were won, where any are closed.
    pub won: Option<Rate>,
}

impl Ranges {
    /// A score's grade; D where it is no number.
    pub fn grade(&self, score: f64) -> Grade {
        let at = self.0.iter().position(|&least| score >= least).unwrap_or(3);
        Grade::ALL[at]
    }

    /// Every grade's leads, from A to D.
    pub fn distribution(&self, leads: &[Scored]) -> [Row; 4] {
        Grade::ALL.map(|grade| {
            let of = || leads.iter().filter(|lead| self.grade(lead.score) == grade);
            let n = of().count();
            let share = if n == 0 { 0.0 } else { n as f64 / leads.len() as f64 };
            Row { grade, leads: n as u64, share, won: Rate::count(of().filter_map(|lead| lead.won)) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(score: f64, expect: Grade) {
        assert_eq!(Ranges::default().grade(score), expect, "{score}");
    }

    #[test]
    fn a_grade_begins_at_its_least_score() {
        check(100.0, Grade::A);
        check(75.0, Grade::A);
        check(74.999, Grade::B);
        check(50.0, Grade::B);
        check(25.0, Grade::C);
        check(0.0, Grade::D);
        check(f64::NAN, Grade::D);
    }

    #[test]
    fn ranges_that_overlap_are_refused() {
        let wanted = |a, b, c| Ranges::try_from(Wanted { a, b, c });
        assert!(wanted(90.0, 60.0, 30.0).is_ok());
        let error = wanted(60.0, 60.0, 30.0).map_err(|error| error.to_string());
        assert_eq!(
            error,
            Err("grades begin at 60 (A), 60 (B) and 30 (C), and have to fall from A to C".to_owned())
        );
        assert!(wanted(f64::NAN, 60.0, 30.0).is_err());
    }

    #[test]
    fn each_grade_shows_what_it_won() {
        let leads = [(90.0, Some(true)), (80.0, Some(false)), (60.0, None), (10.0, Some(false))];
        let found = Ranges::default().distribution(&leads.map(|(score, won)| Scored { score, won }));
        let row = |grade, leads, share, won| Row { grade, leads, share, won };
        assert_eq!(
            found,
            [
                row(Grade::A, 2, 0.5, Rate::of(1, 2)),
                row(Grade::B, 1, 0.25, None),
                row(Grade::C, 0, 0.0, None),
                row(Grade::D, 1, 0.25, Rate::of(0, 1)),
            ]
        );
        assert!(Ranges::default().distribution(&[]).iter().all(|row| row.leads == 0 && row.share == 0.0));
    }
}
