//! Whether the arms have as many accounts as were meant for them.
//!
//! Where they have not, something loses accounts of one arm, and every difference between the arms may come from
//! that; so the experiment stops, whatever it shows (Fabijan et al. 2019). Counted within one step of a rollout.

use serde::{Deserialize, Serialize};

use super::Share;
use super::detect::Groups;
use crate::distributions::chi_square_above;

/// Below this, chance is no explanation.
pub const LEAST: f64 = 0.001;

/// The check's result.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// The treatment's share of the accounts, 0–1; 0 where there are none.
    pub found: f64,
    /// The share that was meant.
    pub meant: f64,
    /// The probability of such a difference, or a larger one, if the draw were right: chi-square with one degree
    /// of freedom.
    pub p: f64,
}

impl Ratio {
    /// Of the accounts seen so far.
    pub fn of(groups: Groups, meant: Share) -> Self {
        let (treated, meant) = (groups.treatment as f64, meant.fraction());
        let all = groups.control as f64 + treated;
        let off = treated - all * meant;
        let variance = all * meant * (1.0 - meant);
        let square = if off == 0.0 { 0.0 } else { off * off / variance };
        Self { found: if all > 0.0 { treated / all } else { 0.0 }, meant, p: chi_square_above(square, 1) }
    }

    /// Whether the experiment may go on.
    pub fn holds(&self) -> bool {
        self.p >= LEAST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(control: u64, treatment: u64, percent: u8, p: f64, holds: bool) {
        let ratio = Ratio::of(Groups { control, treatment }, Share::percent(percent));
        assert!(
            (ratio.p - p).abs() < 1e-6 && ratio.holds() == holds,
            "{control}:{treatment} {percent} %: {ratio:?}"
        );
    }

    #[test]
    fn a_lopsided_draw_is_found() {
        check(500, 500, 50, 1.0, true);
        // χ² = 3.6 and 14.4.
        check(530, 470, 50, 0.057_780, true);
        check(560, 440, 50, 0.000_148, false);
        check(200, 800, 80, 1.0, true);
        check(0, 0, 50, 1.0, true);
        // Nobody was meant to be treated, and one was.
        check(100, 1, 0, 0.0, false);
        check(0, 9, 100, 1.0, true);
    }
}
