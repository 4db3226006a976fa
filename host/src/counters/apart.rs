//! What reps can take, parted between the arms of an experiment: what one arm's leads fill, the other's never miss.
//!
//! ```text
//! limits of the folder + experiment, share, week ─▶ [`Apart`]: each rep's places by arm
//! open work and new leads of an arm ─ counted under its key, as those of a rule that caps them are ─▶ [`View::limits`]
//! ```
//!
//! Open work and new leads of before the experiment, and those that a person gave, are in neither arm: they take of both
//! in proportion to their places. Caps of teams and of rules are not parted.

use std::sync::Arc;

use lanewright_learning::experiment::capacity::{Places, split};
use lanewright_learning::experiment::{Arm, Experiment};

use super::View;
use crate::config::Config;
use crate::decision::{ApartTrace, Counters, NewLeads};
use crate::lead::{Caps, Rep, RuleId};

/// What keys of arms begin with.
const KEY: &str = "experiment:";

/// Whether leads are counted under this as those of an arm.
pub(super) fn is_arm(key: &RuleId) -> bool {
    key.as_str().starts_with(KEY)
}

/// Every rep's places by arm.
#[derive(Debug, Clone, PartialEq)]
pub struct Apart {
    /// What the control's leads are counted under, and the treatment's.
    keys: [RuleId; 2],
    /// In the order of the folder.
    reps: Vec<Parts>,
}

/// One rep's.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Parts {
    open: Places,
    daily: Option<Places>,
    weekly: Option<Places>,
}

/// Places of one arm, as its leads see them.
#[derive(Debug, Clone, PartialEq)]
pub struct InArm {
    apart: Arc<Apart>,
    arm: Arm,
}

/// What a rep may take, and what counts against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open work, in work units.
    pub open: u32,
    /// The most of it.
    pub max: u32,
    /// New leads.
    pub new: NewLeads,
    /// The most of them.
    pub caps: Caps,
}

impl Apart {
    /// Parts the limits of a folder's reps; nothing where the experiment's id is none that leads are counted under.
    pub fn new(config: &Config, experiment: &str, trace: ApartTrace) -> Option<Self> {
        let key = |arm: &str| format!("{KEY}{experiment}:{arm}").parse().ok();
        let ApartTrace { share, week } = trace;
        let parted = |kind: &str, limit: &dyn Fn(&Rep) -> Option<u32>| -> Vec<Option<Places>> {
            // Who has the odd place of a cap is drawn apart from who has that of the open work.
            let experiment = Experiment { id: format!("{experiment}{kind}") };
            let limits: Vec<Option<u32>> = config.reps.iter().map(limit).collect();
            let known = config.reps.iter().zip(&limits);
            let reps: Vec<(&str, u32)> =
                known.filter_map(|(rep, limit)| Some((rep.id.as_str(), (*limit)?))).collect();
            let mut places = split(&experiment, share, week, &reps).into_iter();
            limits.iter().map(|limit| limit.and_then(|_| places.next())).collect()
        };
        let open = parted("", &|rep| Some(rep.max_open));
        let daily = parted(" daily", &|rep| config.capacity.caps(rep).daily);
        let weekly = parted(" weekly", &|rep| config.capacity.caps(rep).weekly);
        let none = Places { control: 0, treatment: 0 };
        let reps = open.into_iter().zip(daily).zip(weekly);
        let parts = |((open, daily), weekly): ((Option<Places>, _), _)| Parts {
            open: open.unwrap_or(none),
            daily,
            weekly,
        };
        Some(Self { keys: [key("control")?, key("treatment")?], reps: reps.map(parts).collect() })
    }
}

impl InArm {
    /// The places of this arm.
    pub fn new(apart: Arc<Apart>, arm: Arm) -> Self {
        Self { apart, arm }
    }

    /// What the leads of this arm are counted under.
    pub fn key(&self) -> &RuleId {
        let [control, treatment] = &self.apart.keys;
        of(self.arm, control, treatment)
    }

    /// The same of both arms, the control's first.
    pub fn keys(&self) -> &[RuleId; 2] {
        &self.apart.keys
    }

    /// How much of what counts for both arms together counts for this one: its own, and its part of what is in no arm.
    fn counts(&self, all: u32, own: [u32; 2], places: Places) -> u32 {
        let [control, treatment] = own;
        let before = all.saturating_sub(control.saturating_add(treatment));
        let whole = u64::from(places.control) + u64::from(places.treatment);
        let treated = match whole {
            0 => 0,
            // At most `before`, since the treatment's places are at most all.
            whole => u32::try_from(u64::from(before) * u64::from(places.treatment) / whole).unwrap_or(before),
        };
        of(self.arm, control + (before - treated), treatment + treated)
    }
}

fn of<T>(arm: Arm, control: T, treatment: T) -> T {
    match arm {
        Arm::Control => control,
        Arm::Treatment => treatment,
    }
}

impl<'a> View<'a> {
    /// The same as the leads of an arm see it, where capacity is kept apart.
    #[must_use]
    pub fn in_arm(self, arm: Option<&'a InArm>) -> Self {
        Self { arm, ..self }
    }

    /// The arm as which it is seen.
    pub fn arm(&self) -> Option<&'a InArm> {
        self.arm
    }

    /// What a rep may take, and what counts against it; where an arm asks, its part of both.
    pub fn limits(&self, rep: &Rep, caps: Caps) -> Limits {
        let Counters { open, day, week, .. } = self.get(&rep.id);
        let whole = Limits { open, max: rep.max_open, new: NewLeads { day, week }, caps };
        let parted = self.arm.and_then(|arm| {
            let index = self.ledger.indices.get(&rep.id)?;
            let row = &self.ledger.rows[*index];
            Some((arm, row, arm.apart.reps.get(row.place?)?))
        });
        let Some((arm, row, parts)) = parted else { return whole };
        let keys = arm.keys();
        let open_of = keys.each_ref().map(|key| row.arms.get(key).copied().unwrap_or(0));
        let new_of = keys.each_ref().map(|key| self.rule(key, &rep.id));
        let places = |places: Places| of(arm.arm, places.control, places.treatment);
        let counts = |all: u32, own: [u32; 2], places: Option<Places>| {
            places.map_or(all, |places| arm.counts(all, own, places))
        };
        Limits {
            open: arm.counts(open, open_of, parts.open),
            max: places(parts.open),
            new: NewLeads {
                day: counts(day, new_of.map(|new| new.day), parts.daily),
                week: counts(week, new_of.map(|new| new.week), parts.weekly),
            },
            caps: Caps { daily: parts.daily.map(places), weekly: parts.weekly.map(places) },
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use lanewright_learning::experiment::Share;
    use proptest::prelude::*;

    use super::*;
    use crate::counters::{Assignment, Ledger};
    use crate::lead::RepId;
    use crate::pipeline::fixture;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn config(reps: &[(u32, u32, Option<u32>)]) -> Config {
        let rep = |(number, &(max_open, open, weekly)): (usize, &(u32, u32, Option<u32>))| Rep {
            max_open,
            open,
            caps: Caps { daily: None, weekly },
            ..fixture::rep(&format!("rep-{number}"))
        };
        Config { reps: reps.iter().enumerate().map(rep).collect(), ..fixture::config() }
    }

    fn arms(config: &Config, percent: u8, week: u32) -> [InArm; 2] {
        let trace = ApartTrace { share: Share::percent(percent), week };
        let apart = Arc::new(Apart::new(config, "faster", trace).expect("keys"));
        [Arm::Control, Arm::Treatment].map(|arm| InArm::new(Arc::clone(&apart), arm))
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_whole_and_are_recorded(
            percent in 0u8..=100,
            week in 0u32..50,
            people in prop::collection::vec((0u32..30, 0u32..10, prop::option::of(0u32..20)), 1..6),
            given in prop::collection::vec((0usize..6, 0usize..3, 1u32..4), 0..40),
        ) {
            let config = config(&people);
            let arms = arms(&config, percent, week);
            let mut ledger = Ledger::new(&config);
            let rules: Vec<Vec<RuleId>> =
                arms.iter().map(|arm| vec![arm.key().clone()]).chain([Vec::new()]).collect();
            for (rep, arm, units) in given {
                let rep: &RepId = &config.reps[rep % config.reps.len()].id;
                let rules = &rules[arm];
                ledger.apply(&Assignment { rep, at: NOW, units, rules, select: None, price: None });
            }
            let view = ledger.at(NOW);
            let seen = view.record(config.reps.iter().map(|rep| &rep.id), arms[0].keys(), []);
            let again = Ledger::from_recorded(&config, &seen);
            for rep in &config.reps {
                let caps = config.capacity.caps(rep);
                let whole = view.limits(rep, caps);
                let [control, treatment] = arms.each_ref().map(|arm| view.in_arm(Some(arm)).limits(rep, caps));
                prop_assert_eq!(control.max + treatment.max, whole.max);
                prop_assert_eq!(control.open + treatment.open, whole.open);
                let capped = |limits: &Limits| limits.caps.weekly.unwrap_or_default();
                prop_assert_eq!(capped(&control) + capped(&treatment), capped(&whole));
                if caps.weekly.is_some() {
                    prop_assert_eq!(control.new.week + treatment.new.week, whole.new.week);
                }
                let then = arms.each_ref().map(|arm| again.at(NOW).in_arm(Some(arm)).limits(rep, caps));
                prop_assert_eq!(then, [control, treatment]);
            }
        }

        #[test]
        fn what_is_given_back_leaves_nothing(units in 1u32..5, arm in 0usize..2) {
            let config = config(&[(10, 2, None)]);
            let arms = arms(&config, 50, 0);
            let mut ledger = Ledger::new(&config);
            let (rep, rules) = (&config.reps[0].id, [arms[arm].key().clone()]);
            ledger.begin(NOW);
            let before = ledger.clone();
            ledger.apply(&Assignment { rep, at: NOW, units, rules: &rules, select: None, price: None });
            ledger.release(rep, units, &rules);
            prop_assert_eq!(&ledger.rows[0].arms, &before.rows[0].arms);
            prop_assert_eq!(ledger.rows[0].open, before.rows[0].open);
        }
    }
}
