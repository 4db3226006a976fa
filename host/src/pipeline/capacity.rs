//! How much somebody can take: bands of load, work units, caps.
//!
//! Load is open work over the maximum *before* the lead, a real number, so that the bands up to 0.7, up to
//! 0.9, up to 1 and above leave no gap (X4). Whoever gets a lead is not above their maximum *after* it,
//! counting what the lead weighs (X3): this holds for every tier and every way, and so do the caps on new
//! leads: of the rep in a day and in seven days (S3.4, S3.19), by seniority where they have none of their
//! own, of their team, and of a rule (P15). Where an experiment keeps capacity apart, an arm has its part of a rep's limits and
//! no more. Tier 1 may use the band above `near` where the tenant lets it.

use std::collections::BTreeMap;

use crate::config::Config;
use crate::counters::{Limits, View};
use crate::decision::{Counters, EligibilityTrace, Excluded, Flag, NewLeads, Window};
use crate::lead::{Caps, Kind, LaneId, Lead, Rep, RuleId, Team, Tier};

/// A lead as capacity and turns see it: what it asks of whoever takes it.
#[derive(Debug, Clone, Copy)]
pub struct Demand<'a> {
    /// The lead.
    pub lead: &'a Lead,
    /// Its lane.
    pub lane: Option<&'a LaneId>,
    /// Its tier.
    pub tier: Tier,
    /// What it weighs, in work units.
    pub units: u32,
    /// Rules that hold for it and cap what they give to one rep.
    pub rules: &'a [RuleCaps],
    /// Its segments, by table.
    pub segments: &'a BTreeMap<String, String>,
}

/// What a rule gives to one rep at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleCaps {
    /// Which.
    pub rule: RuleId,
    /// New leads by it.
    pub caps: Caps,
}

impl<'a> Demand<'a> {
    /// A lead of a work unit that no rule caps and no segment holds.
    pub fn of(lead: &'a Lead, tier: Tier) -> Self {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        Self { lead, lane: None, tier, units: 1, rules: &[], segments: &NONE }
    }
}

/// What a lead weighs, in work units: a rule's own number, or else the largest that applies, or else 1 (P14).
pub fn units(config: &Config, lead: &Lead, lane: Option<&LaneId>, tier: Tier, rule: Option<u32>) -> u32 {
    let units = &config.capacity.units;
    let lane = lane.and_then(|lane| units.lanes.get(lane)).copied();
    let deal = units.deal.filter(|_| lead.kind == Kind::Deal);
    let largest = [lane, units.tiers.get(&tier).copied(), deal].into_iter().flatten().max();
    rule.or(largest).unwrap_or(1)
}

/// What keeps this rep, were they there, from such a lead: their work, or a cap. The near band, where only
/// high matches are taken, needs totals and is left to ranking.
pub fn full(config: &Config, rep: &Rep, demand: &Demand<'_>, counters: &View<'_>) -> Option<Excluded> {
    let Counters { open, day, week, .. } = counters.get(&rep.id);
    let max = rep.max_open;
    let may_fill = demand.tier == Tier::One && config.capacity.tier_one_may_fill;
    if open.saturating_add(demand.units) > max {
        return Some(Excluded::OverCapacity { open, max });
    }
    let own = config.capacity.caps(rep);
    let theirs = counters.limits(rep, own);
    if theirs.open.saturating_add(demand.units) > theirs.max {
        return Some(Excluded::KeptApart { taken: theirs.open, places: theirs.max, window: None });
    }
    if load(config, rep, counters) > config.capacity.near && !may_fill {
        return Some(Excluded::AtCapacity { open: theirs.open, max: theirs.max });
    }
    let reached = |caps: Caps, new: NewLeads| {
        let reached = |cap: Option<u32>, assigned| cap.filter(|cap| assigned >= *cap);
        let today = reached(caps.daily, new.day).map(|cap| (new.day, cap, Window::Day));
        today.or_else(|| reached(caps.weekly, new.week).map(|cap| (new.week, cap, Window::Week)))
    };
    if let Some((assigned, cap, window)) = reached(own, NewLeads { day, week }) {
        return Some(match window {
            Window::Day => Excluded::DailyCap { assigned, cap },
            Window::Week => Excluded::WeeklyCap { assigned, cap },
        });
    }
    if let Some((taken, places, window)) = reached(theirs.caps, theirs.new) {
        return Some(Excluded::KeptApart { taken, places, window: Some(window) });
    }
    for RuleCaps { rule, caps } in demand.rules {
        if let Some((assigned, cap, window)) = reached(*caps, counters.rule(rule, &rep.id)) {
            return Some(Excluded::RuleCap { rule: rule.to_string(), assigned, cap, window });
        }
    }
    let capped = |team: &&Team| team.caps != Caps::default();
    let team = config.team(&rep.team).filter(capped)?;
    let (assigned, cap, window) = reached(team.caps, counters.team(&team.id))?;
    Some(Excluded::TeamCap { assigned, cap, window })
}

/// Leads that somebody can still take: up to the end of the near band, and under their weekly cap.
pub fn room(config: &Config, rep: &Rep, counters: &View<'_>) -> u32 {
    let Limits { open, max, new, caps } = counters.limits(rep, config.capacity.caps(rep));
    let upto = (config.capacity.near * f64::from(max)).floor() as u32;
    let left = caps.weekly.map_or(u32::MAX, |cap| cap.saturating_sub(new.week));
    upto.saturating_sub(open).min(left)
}

/// Open work over the most they take, before the lead; above 1 where a maximum was lowered.
pub fn load(config: &Config, rep: &Rep, counters: &View<'_>) -> f64 {
    let Limits { open, max, .. } = counters.limits(rep, config.capacity.caps(rep));
    f64::from(open) / f64::from(max.max(1))
}

/// Those of the excluded who have more than they may have: their managers should know (S3.20).
pub fn over_capacity(eligibility: &EligibilityTrace) -> impl Iterator<Item = Flag> {
    eligibility.excluded.iter().filter_map(|(rep, reason)| match *reason {
        Excluded::OverCapacity { open, max } if open > max => {
            Some(Flag::OverCapacity { rep: rep.clone(), open, max })
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use proptest::prelude::*;

    use super::*;
    use crate::counters::{Assignment, Ledger};
    use crate::lead::RepId;
    use crate::pipeline::fixture::{self, id};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn config(rep: Rep) -> Config {
        Config { reps: vec![rep].into(), ..fixture::config() }
    }

    fn ana() -> Rep {
        fixture::rep("ana")
    }

    fn check(config: &Config, tier: Tier, units: u32, expect: Option<Excluded>) {
        let (lead, ledger) = (fixture::lead(), Ledger::new(config));
        let demand = Demand { units, ..Demand::of(&lead, tier) };
        let found = full(config, &config.reps[0], &demand, &ledger.at(NOW));
        assert_eq!(found, expect, "{tier:?} {units} {:?}", config.reps[0]);
    }

    #[test]
    fn bands_are_real_valued() {
        let full = |open, max| Some(Excluded::OverCapacity { open, max });
        let at = |open, max| Some(Excluded::AtCapacity { open, max });
        for (open, max, three, one) in [
            (0, 1, None, None),
            (7, 10, None, None),
            (9, 10, None, None),
            (90, 100, None, None),
            (91, 100, at(91, 100), None),
            (901, 1000, at(901, 1000), None),
            (23, 25, at(23, 25), None),
            (99, 100, at(99, 100), None),
            (7, 8, None, None),
            (1, 1, full(1, 1), full(1, 1)),
            (10, 10, full(10, 10), full(10, 10)),
            (12, 10, full(12, 10), full(12, 10)),
            (u32::MAX, 10, full(u32::MAX, 10), full(u32::MAX, 10)),
        ] {
            let config = config(Rep { open, max_open: max, ..ana() });
            check(&config, Tier::Three, 1, three.clone());
            check(&config, Tier::Two, 1, three);
            check(&config, Tier::One, 1, one.clone());
            let mut strict = config;
            strict.capacity.tier_one_may_fill = false;
            check(
                &strict,
                Tier::One,
                1,
                if one.is_none() && open * 10 > max * 9 { at(open, max) } else { one },
            );
        }
    }

    #[test]
    fn what_a_lead_weighs_has_to_fit() {
        let full = |open, max| Some(Excluded::OverCapacity { open, max });
        let check = |open, units, expect| {
            check(&config(Rep { open, ..ana() }), Tier::Three, units, expect);
        };
        check(7, 3, None);
        check(8, 3, full(8, 10));
        check(0, 10, None);
        check(0, 11, full(0, 10));
        check(0, u32::MAX, full(0, 10));
    }

    #[test]
    fn the_largest_weight_that_applies_holds() {
        let mut config = fixture::config();
        let check = |config: &Config, kind, lane: Option<&str>, tier, rule, expect| {
            let lead = Lead { kind, ..fixture::lead() };
            let lane = lane.map(id);
            assert_eq!(units(config, &lead, lane.as_ref(), tier, rule), expect);
        };
        check(&config, Kind::Deal, Some("smb"), Tier::One, None, 1);
        config.capacity.units.lanes = [(id("enterprise"), 3)].into();
        config.capacity.units.tiers = [(Tier::One, 2)].into();
        config.capacity.units.deal = Some(4);
        check(&config, Kind::Lead, None, Tier::Three, None, 1);
        check(&config, Kind::Lead, Some("smb"), Tier::One, None, 2);
        check(&config, Kind::Lead, Some("enterprise"), Tier::One, None, 3);
        check(&config, Kind::Deal, Some("enterprise"), Tier::One, None, 4);
        check(&config, Kind::Deal, Some("enterprise"), Tier::One, Some(1), 1);
    }

    #[test]
    fn the_first_reason_holds() {
        let rule = RuleCaps { rule: id("vip"), caps: Caps { daily: Some(1), weekly: Some(2) } };
        let check = |change: &dyn Fn(&mut Config), days: &[i64], expect: Option<Excluded>| {
            let mut config = config(ana());
            change(&mut config);
            let (lead, mut ledger) = (fixture::lead(), Ledger::new(&config));
            let rules = std::slice::from_ref(&rule);
            let names = [rule.rule.clone()];
            for day in days {
                let at = NOW + SignedDuration::from_hours(24 * day);
                let rep = id("ana");
                ledger.apply(&Assignment {
                    rep: &rep,
                    at,
                    units: 1,
                    rules: &names,
                    select: None,
                    price: None,
                });
            }
            let at = NOW + SignedDuration::from_hours(24 * days.last().unwrap_or(&0));
            let demand = Demand { rules, ..Demand::of(&lead, Tier::One) };
            assert_eq!(full(&config, &config.reps[0], &demand, &ledger.at(at)), expect, "{days:?}");
        };
        let caps = |daily, weekly| Caps { daily, weekly };
        let rule_cap =
            |assigned, cap, window| Some(Excluded::RuleCap { rule: "vip".to_owned(), assigned, cap, window });
        check(&|_| (), &[], None);
        check(&|_| (), &[0], rule_cap(1, 1, Window::Day));
        check(&|_| (), &[0, 1, 2], rule_cap(1, 1, Window::Day));
        check(
            &|config| config.reps[0].caps = caps(Some(1), None),
            &[0],
            Some(Excluded::DailyCap { assigned: 1, cap: 1 }),
        );
        let both = |config: &mut Config| config.reps[0].caps = caps(Some(1), Some(2));
        check(&both, &[0, 0], Some(Excluded::DailyCap { assigned: 2, cap: 1 }));
        let weekly = |config: &mut Config| config.reps[0].caps = caps(None, Some(2));
        check(&weekly, &[0, 3], Some(Excluded::WeeklyCap { assigned: 2, cap: 2 }));
        check(&|config| config.teams[0].caps = caps(None, Some(1)), &[0], rule_cap(1, 1, Window::Day));
        check(&|config| config.reps[0].max_open = 1, &[0], Some(Excluded::OverCapacity { open: 1, max: 1 }));
    }

    #[test]
    fn a_rules_week_and_a_teams_caps() {
        let capped = |daily, weekly| RuleCaps { rule: id("vip"), caps: Caps { daily, weekly } };
        let check = |rule: RuleCaps, team: Caps, other: u32, expect: Option<Excluded>| {
            let mut config = Config { reps: vec![ana(), fixture::rep("ben")].into(), ..fixture::config() };
            config.teams[0].caps = team;
            let (lead, mut ledger) = (fixture::lead(), Ledger::new(&config));
            let (reps, names) = ([id("ana"), id("ben")], [rule.rule.clone()]);
            for (rep, leads) in reps.iter().zip([2, other]) {
                for _ in 0..leads {
                    ledger.apply(&Assignment {
                        rep,
                        at: NOW,
                        units: 1,
                        rules: &names,
                        select: None,
                        price: None,
                    });
                }
            }
            let demand = Demand { rules: &[rule], ..Demand::of(&lead, Tier::Three) };
            assert_eq!(full(&config, &config.reps[0], &demand, &ledger.at(NOW)), expect);
        };
        let (none, rule) = (Caps::default(), "vip".to_owned());
        let team_cap = |assigned, cap, window| Some(Excluded::TeamCap { assigned, cap, window });
        check(capped(None, None), none, 9, None);
        check(capped(None, Some(3)), none, 9, None);
        check(
            capped(None, Some(2)),
            none,
            0,
            Some(Excluded::RuleCap { rule, assigned: 2, cap: 2, window: Window::Week }),
        );
        check(capped(None, None), Caps { daily: Some(5), weekly: None }, 3, team_cap(5, 5, Window::Day));
        check(capped(None, None), Caps { daily: Some(6), weekly: Some(4) }, 3, team_cap(5, 4, Window::Week));
        check(capped(None, None), Caps { daily: Some(6), weekly: None }, 3, None);
    }

    #[test]
    fn caps_of_ones_own_come_before_those_of_ones_seniority() {
        let caps_of = |daily, weekly| Caps { daily, weekly };
        let check = |own: Caps, seniority, expect: Caps| {
            let mut config = config(Rep { caps: own, seniority, ..ana() });
            config.capacity.by_seniority = [(1, caps_of(Some(2), Some(8)))].into();
            assert_eq!(config.capacity.caps(&config.reps[0]), expect);
        };
        check(Caps::default(), 1, caps_of(Some(2), Some(8)));
        check(Caps::default(), 2, Caps::default());
        check(caps_of(None, Some(20)), 1, caps_of(Some(2), Some(20)));
        check(caps_of(Some(1), Some(9)), 2, caps_of(Some(1), Some(9)));
    }

    #[test]
    fn who_has_too_much_is_flagged() {
        let excluded = [
            (id("ana"), Excluded::OverCapacity { open: 11, max: 10 }),
            (id("ben"), Excluded::OverCapacity { open: 10, max: 10 }),
            (id("cy"), Excluded::Unavailable),
        ];
        let eligibility = EligibilityTrace {
            team: id("smb"),
            candidates: vec![],
            excluded: excluded.into(),
            others: vec![],
            skills: Default::default(),
        };
        let found: Vec<Flag> = over_capacity(&eligibility).collect();
        assert_eq!(found, [Flag::OverCapacity { rep: id("ana"), open: 11, max: 10 }]);
    }

    prop_compose! {
        fn any_caps()(daily in prop::option::of(1..4u32), weekly in prop::option::of(1..9u32)) -> Caps {
            Caps { daily, weekly }
        }
    }

    /// Who got a lead, when, its units, and whether by the capping rule.
    type Given = (RepId, Timestamp, u32, bool);

    proptest! {
        /// Whatever comes, at whatever times: nobody is above their maximum after an assignment, and no cap
        /// is passed in any day or any seven days.
        #[test]
        fn no_promise_is_ever_broken(
            people in prop::collection::vec((1..12u32, any_caps(), 1..=5u8), 1..5),
            (team, rule, junior) in (any_caps(), any_caps(), any_caps()),
            leads in prop::collection::vec((0..40i64, 1..4u32, 1..=3u8, any::<bool>(), any::<u8>()), 1..80),
        ) {
            let reps = people.iter().enumerate().map(|(i, &(max_open, caps, seniority))| Rep {
                max_open, caps, seniority, ..fixture::rep(&format!("rep-{i}"))
            });
            let mut config = Config { reps: reps.collect(), ..fixture::config() };
            config.teams[0].caps = team;
            config.capacity.by_seniority = [(1, junior)].into();
            let vip = [RuleCaps { rule: id("vip"), caps: rule }];
            let names = [vip[0].rule.clone()];
            let (lead, mut ledger) = (fixture::lead(), Ledger::new(&config));
            let mut at = NOW;
            let mut given: Vec<Given> = Vec::new();
            for (hours, units, tier, by_rule, choice) in leads {
                at += SignedDuration::from_hours(hours);
                let demand = Demand {
                    units,
                    rules: if by_rule { &vip } else { &[] },
                    ..Demand::of(&lead, Tier::try_from(tier).unwrap())
                };
                let view = ledger.at(at);
                let able: Vec<&Rep> =
                    config.reps.iter().filter(|rep| full(&config, rep, &demand, &view).is_none()).collect();
                let Some(rep) = able.get(usize::from(choice) % able.len().max(1)) else { continue };
                let rules = if by_rule { &names[..] } else { &[] };
                let rep = &rep.id;
                ledger.apply(&Assignment { rep, at, units, rules, select: None, price: None });
                given.push((rep.clone(), at, units, by_rule));
            }
            // Counted again from nothing but the list.
            let day = |at: &Timestamp| at.to_zoned(jiff::tz::TimeZone::get("Europe/Lisbon").unwrap()).date();
            let within = |caps: Caps, which: &dyn Fn(&Given) -> bool| {
                let times: Vec<Timestamp> = given.iter().filter(|one| which(one)).map(|(_, at, ..)| *at).collect();
                times.iter().all(|last| {
                    let today = times.iter().filter(|at| day(at) == day(last)).count();
                    let start = *last - SignedDuration::from_hours(24 * 7);
                    let week = times.iter().filter(|at| **at > start && **at <= *last).count();
                    caps.daily.is_none_or(|cap| today <= cap as usize) && caps.weekly.is_none_or(|cap| week <= cap as usize)
                })
            };
            prop_assert!(within(team, &|_| true));
            for rep in &config.reps {
                let units: u32 = given.iter().filter(|(whose, ..)| *whose == rep.id).map(|(_, _, units, _)| units).sum();
                prop_assert!(units <= rep.max_open);
                prop_assert!(within(config.capacity.caps(rep), &|(whose, ..)| *whose == rep.id));
                prop_assert!(within(rule, &|(whose, _, _, by_rule)| *whose == rep.id && *by_rule));
            }
        }
    }
}
