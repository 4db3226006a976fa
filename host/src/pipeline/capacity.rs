//! How much somebody can take: bands of load, work units, caps.
//!
//! Load is open work over the maximum *before* the lead, a real number, so that the bands up to 0.7, up to
//! 0.9, up to 1 and above leave no gap (X4). Whoever gets a lead is not above their maximum *after* it,
//! counting what the lead weighs (X3): this holds for every tier and every way, and so do the caps on new
//! leads: of the rep in a day and in seven days (S3.4, S3.19), by seniority where they have none of their
//! own, of their team, and of a rule (P15). Tier 1 may use the band above `near` where the tenant lets it.

use std::collections::BTreeMap;

use crate::config::Config;
use crate::counters::View;
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
    let counted = counters.get(&rep.id);
    let Counters { open, day, week, .. } = counted;
    let max = rep.max_open;
    let may_fill = demand.tier == Tier::One && config.capacity.tier_one_may_fill;
    if open.saturating_add(demand.units) > max {
        return Some(Excluded::OverCapacity { open, max });
    }
    if load(rep, counted) > config.capacity.near && !may_fill {
        return Some(Excluded::AtCapacity { open, max });
    }
    let own = caps(config, rep);
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

/// Most new leads of a rep: each cap their own, or else that of their seniority.
pub fn caps(config: &Config, rep: &Rep) -> Caps {
    let seniority = config.capacity.by_seniority.get(&rep.seniority).copied().unwrap_or_default();
    Caps { daily: rep.caps.daily.or(seniority.daily), weekly: rep.caps.weekly.or(seniority.weekly) }
}

/// Open work over the most they take, before the lead; above 1 where a maximum was lowered.
pub fn load(rep: &Rep, counters: Counters) -> f64 {
    f64::from(counters.open) / f64::from(rep.max_open.max(1))
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
