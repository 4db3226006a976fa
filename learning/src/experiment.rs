//! Experiments: whether a change makes things better, found out by drawing who gets it.
//!
//! An account's arm follows from the experiment's id and its own, never from a contact, so that two people of
//! one company are treated alike ([`Experiment::arm`]). Before the start, [`detect`] says what can be found
//! at all; while it runs, [`ratio`] checks that the draw is the one that was meant, and [`sequential`] may
//! be looked at every day; [`rollout`] moves the share along or stops. Both arms share reps, so [`capacity`]
//! keeps each arm's part of them apart.
//!
//! Everything that is counted is counted by account: leads of one account do not make it two.

use serde::{Deserialize, Serialize};

use crate::draw;

pub mod capacity;
pub mod detect;
pub mod ratio;
pub mod rollout;
pub mod sequential;

/// A change that is tried on a share of the accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experiment {
    /// What accounts are drawn by; another id draws anew.
    pub id: String,
}

/// What an account gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arm {
    /// Things as they were.
    Control,
    /// The change.
    Treatment,
}

/// The part of the accounts, or of the capacity, that the treatment has, in hundredths of a per cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Share(u16);

/// More than everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a share of {0} hundredths of a per cent is more than all, which is 10000")]
pub struct TooMuch(pub u16);

impl Share {
    /// Nobody gets the treatment.
    pub const NONE: Self = Self(0);
    /// Half and half.
    pub const HALF: Self = Self(5_000);
    /// Everybody gets it.
    pub const ALL: Self = Self(Self::WHOLE);
    const WHOLE: u16 = 10_000;

    /// A number of per cent; all where it is more.
    pub const fn percent(percent: u8) -> Self {
        if percent >= 100 { Self::ALL } else { Self(percent as u16 * 100) }
    }

    /// 0–1.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / f64::from(Self::WHOLE)
    }
}

impl TryFrom<u16> for Share {
    type Error = TooMuch;

    fn try_from(hundredths: u16) -> Result<Self, TooMuch> {
        if hundredths <= Self::WHOLE { Ok(Self(hundredths)) } else { Err(TooMuch(hundredths)) }
    }
}

impl From<Share> for u16 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl Experiment {
    /// The account's arm. When the share grows, accounts of the control move over, and none moves back.
    pub fn arm(&self, account: &str, treatment: Share) -> Arm {
        let drawn = draw::uniform(&[b"arm", self.id.as_bytes(), account.as_bytes()]);
        if drawn < treatment.fraction() { Arm::Treatment } else { Arm::Control }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn arm(account: &str, percent: u8) -> Arm {
        Experiment { id: "faster".into() }.arm(account, Share::percent(percent))
    }

    #[test]
    fn arms_are_the_same_for_ever() {
        let arms: String = (0..16)
            .map(|n| if arm(&format!("account-{n}"), 50) == Arm::Control { 'c' } else { 't' })
            .collect();
        expect_test::expect!["cccttctccttcccct"].assert_eq(&arms);
    }

    #[test]
    fn arms_have_their_shares() {
        for percent in [10, 20, 50, 90] {
            let treated =
                (0..20_000).filter(|n| arm(&format!("account-{n}"), percent) == Arm::Treatment).count();
            let off = treated as f64 / 20_000.0 - f64::from(percent) / 100.0;
            assert!(off.abs() < 0.01, "{percent} %: off by {off}");
        }
    }

    #[test]
    fn shares_are_at_most_all() {
        assert_eq!(Share::try_from(10_001), Err(TooMuch(10_001)));
        assert_eq!(Share::try_from(8_000), Ok(Share::percent(80)));
        assert_eq!(Share::percent(200), Share::ALL);
    }

    proptest! {
        #[test]
        fn nobody_moves_back(account in "[a-z]{1,12}", low in 0u8..=100, more in 0u8..=100) {
            let high = low.saturating_add(more).min(100);
            prop_assert!(arm(&account, low) <= arm(&account, high));
            prop_assert_eq!((arm(&account, 0), arm(&account, 100)), (Arm::Control, Arm::Treatment));
        }
    }
}
