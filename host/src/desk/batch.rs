//! A whole batch at its optimum (S3.12): every lead is evaluated as always, and all that could go to several
//! reps are then assigned together.
//!
//! A rep's room is parted into the bands of load (X3, X4): places that any lead may take, places for high
//! matches, places for tier 1. A lead that may take a later place may take every earlier one, so caps on new
//! leads cut the last places first and nothing is lost by it. Leads with a claim, a track or nobody are
//! decided before, in their order. Tier 1 is served before tier 2, tier 2 before tier 3; then the sum of
//! totals counts, then an even load; of equals those come first that came first. What is found is published
//! as suggestions.
//!
//! What a rule gives to one rep at most is a quota. Where leads weigh different work units, bands are cut by
//! the load *after* a lead, and all caps on new leads are quotas.

use std::collections::{BTreeMap, HashMap};
use std::num::{NonZeroU8, NonZeroU16};
use std::sync::Arc;

use jiff::Timestamp;

use super::Desk;
use crate::assignment::{self, Choice, Price, Problem, Proof, Quota, Rep, Team, solve};
use crate::config::Config;
use crate::counters::{InArm, Limits, View};
use crate::decision::{BatchPick, Decision, Match, NewLeads, Past, Pick, Trigger};
use crate::lead::{self, Caps, LeadId, RepId, RuleId, Tier};
use crate::pipeline::{self, Numbered, Outside, Prepared, RuleCaps};
use crate::seed::draw;
use crate::tenant::Tenant;

/// Limits the search that unequal work units and rules' caps need.
const NODES: u64 = 20_000;

/// A lead that several could get.
struct Open {
    id: LeadId,
    matches: Vec<Match>,
    tier: Tier,
    units: u32,
    since: Timestamp,
    capping: Vec<RuleCaps>,
    /// By what it is decided, where it is not what the others are.
    by: Option<By>,
}

/// An arm of an experiment, as a batch sees it: its part of the reps' capacity, and its configuration.
#[derive(Clone)]
struct By {
    arm: Option<InArm>,
    tenant: Arc<Tenant>,
}

impl By {
    fn of(prepared: &Prepared, tenant: &Arc<Tenant>) -> Option<Self> {
        let (arm, other) = (prepared.in_arm(), prepared.other());
        (arm.is_some() || other.is_some())
            .then(|| Self { arm: arm.cloned(), tenant: Arc::clone(other.unwrap_or(tenant)) })
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.tenant, &other.tenant)
            && self.arm.as_ref().map(InArm::key) == other.arm.as_ref().map(InArm::key)
    }
}

impl Desk {
    /// Decides about a batch; decisions are in the order of the leads. Why there is no optimum, where the
    /// numbers do not fit the solver.
    pub fn batch(
        &mut self,
        batch: Vec<Prepared>,
        outside: &dyn Outside,
    ) -> Result<Vec<Decision>, assignment::Error> {
        let mut order = Vec::with_capacity(batch.len());
        let mut open: Vec<Open> = Vec::new();
        let mut again = Vec::new();
        let mut decided: HashMap<LeadId, Vec<Decision>> = HashMap::new();
        for prepared in batch {
            let id = prepared.lead().clone();
            let matches = self.asked(&prepared, outside);
            order.push(id.clone());
            match matches {
                _ if open.iter().any(|known| known.id == id) => again.push(prepared),
                Some(matches) => {
                    open.push(Open {
                        id,
                        matches,
                        tier: prepared.tier(),
                        units: prepared.units(),
                        since: prepared.since(),
                        capping: prepared.caps().to_vec(),
                        by: By::of(&prepared, &self.tenant),
                    });
                    self.open(prepared);
                }
                None => decided.entry(id).or_default().push(self.lead(prepared, outside)),
            }
        }
        let picks = self.optimum(&open)?;
        let mut turns: Vec<(u8, usize)> = picks.iter().map(|(band, _)| *band).zip(0..).collect();
        turns.sort_unstable();
        for (_, place) in turns {
            let Open { id, since: at, .. } = &open[place];
            let pick = Pick::Batch(picks[place].1.clone());
            let decision = self.decide(id, *at, Trigger::Arrived, Some(pick), outside);
            decided.entry(id.clone()).or_default().extend(decision);
        }
        // The same lead a second time is decided as one that comes again.
        for prepared in again {
            let id = prepared.lead().clone();
            decided.entry(id).or_default().push(self.lead(prepared, outside));
        }
        Ok(order.iter().filter_map(|id| Some(decided.get_mut(id)?.remove(0))).collect())
    }

    /// The ranked candidates of a lead as things stand, where it is open who gets it.
    fn asked(&self, prepared: &Prepared, outside: &dyn Outside) -> Option<Vec<Match>> {
        let absent = self.absent.iter().cloned().collect();
        let past = Past { absent, ..Past::default() };
        let numbered = Numbered::new(&self.tenant, prepared, (prepared.since(), 1, past));
        let evaluated = pipeline::evaluate(&self.tenant, &numbered, outside, &self.state);
        evaluated.matches().map(<[Match]>::to_vec)
    }

    /// Who gets which, each with the band of load it falls into.
    fn optimum(&self, open: &[Open]) -> Result<Vec<(u8, BatchPick)>, assignment::Error> {
        let config = &self.tenant.config;
        let at = open.iter().map(|lead| lead.since).max();
        let counters = self.state.ledger.at(at.unwrap_or_default());
        let one_size =
            open.first().map(|lead| lead.units).filter(|first| open.iter().all(|lead| lead.units == *first));

        let mut reps = Vec::new();
        for rep in &config.reps {
            for (band, capacity) in (0_u8..).zip(room(config, rep, one_size, &counters)) {
                let before: u32 =
                    reps.iter().rev().take(usize::from(band)).map(|rep: &Rep| rep.capacity).sum();
                reps.push(Rep {
                    capacity,
                    held: counters.get(&rep.id).open.saturating_add(before),
                    weight: NonZeroU16::new((rep.weight * 100.0).clamp(1.0, 60_000.0) as u16)
                        .unwrap_or(NonZeroU16::MIN),
                    key: draw(0, &rep.id),
                });
            }
        }
        let teams = teams(&self.tenant, one_size, &counters);
        let mut turns: Vec<usize> = (0..open.len()).collect();
        turns.sort_by_key(|place| (open[*place].since, &open[*place].id));
        let mut keys = vec![0; open.len()];
        (0..).zip(turns).for_each(|(key, place)| keys[place] = key);
        let leads = open.iter().zip(keys).map(|(lead, key)| assignment::Lead {
            class: u8::from(lead.tier) - 1,
            units: u8::try_from(lead.units).ok().and_then(NonZeroU8::new).unwrap_or(NonZeroU8::MAX),
            choices: lead.matches.iter().flat_map(|found| self.choices(found, lead)).collect(),
            key,
        });
        let problem = Problem::new(leads.collect(), reps, teams)?
            .with_quotas(self.quotas(open, one_size, &counters))?;
        let solution = solve(&problem, NODES);
        let prices = match &solution.proof {
            Proof::Prices(prices) => Some(prices.reps.as_slice()),
            Proof::Searched | Proof::Bounded(_) => None,
        };
        let picks = open.iter().zip(&solution.reps).map(|(lead, node)| {
            let matches = &lead.matches;
            let node = node.map(|node| node as usize);
            let rep = node.and_then(|node| config.reps.get(node / BANDS)).map(|rep| rep.id.clone());
            let total = |rep: &RepId| matches.iter().find(|found| found.rep == *rep).map(|found| found.total);
            let best = &matches[0];
            let cheapest = |found: &Match| {
                let nodes = self.choices(found, lead).into_iter();
                nodes.filter_map(|choice| prices?.get(choice.rep as usize)).map(points).reduce(f64::min)
            };
            let pick = BatchPick {
                total: rep.as_ref().and_then(total),
                price: node.and_then(|node| prices?.get(node)).map(points),
                best: best.rep.clone(),
                best_total: best.total,
                best_price: cheapest(best),
                bounded: matches!(solution.proof, Proof::Bounded(_)),
                rep,
            };
            (node.map_or(u8::MAX, |node| (node % BANDS) as u8), pick)
        });
        Ok(picks.collect())
    }

    /// What rules give to one rep at most; and where leads weigh differently, what reps and teams may be
    /// given. Only those that so many leads could break.
    fn quotas(&self, open: &[Open], one_size: Option<u32>, counters: &View<'_>) -> Vec<Quota> {
        let config = &self.tenant.config;
        let left = |caps: Caps, had: NewLeads| left(caps, had).unwrap_or(u32::MAX);
        let mut quotas = Vec::new();
        let mut by_rule: BTreeMap<&RuleId, (Caps, Vec<u32>)> = BTreeMap::new();
        for (place, lead) in (0..).zip(open) {
            for RuleCaps { rule, caps } in &lead.capping {
                by_rule.entry(rule).or_insert_with(|| (*caps, Vec::new())).1.push(place);
            }
        }
        for (rule, (caps, leads)) in by_rule {
            for (place, rep) in config.reps.iter().enumerate() {
                let most = left(caps, counters.rule(rule, &rep.id));
                quotas.push(Quota { leads: leads.clone(), reps: nodes(place).collect(), most });
            }
        }
        if one_size.is_none() {
            let everybody: Vec<u32> = (0..).take(open.len()).collect();
            for (place, rep) in config.reps.iter().enumerate() {
                let Limits { new, caps, .. } = counters.limits(rep, config.capacity.caps(rep));
                let most = left(caps, new);
                quotas.push(Quota { leads: everybody.clone(), reps: nodes(place).collect(), most });
            }
            for team in &config.teams {
                let most = left(team.caps, counters.team(&team.id));
                let reps = self.tenant.roster.team(&team.id).iter().copied().flat_map(nodes);
                quotas.push(Quota { leads: everybody.clone(), reps: reps.collect(), most });
            }
        }
        quotas.extend(in_arms(open, one_size, counters));
        quotas.retain(|quota| (quota.most as usize) < quota.leads.len());
        quotas
    }

    /// The places with a rep that a match may take.
    fn choices(&self, found: &Match, lead: &Open) -> Vec<Choice> {
        let tier = lead.tier;
        let config = &lead.by.as_ref().map_or(&self.tenant, |by| &by.tenant).config;
        let Some(place) = config.reps.place(&found.rep) else { return Vec::new() };
        if found.total < config.matching.threshold {
            return Vec::new();
        }
        let first = tier == Tier::One;
        let bands = [
            true,
            first || found.total >= config.capacity.near_total,
            first && config.capacity.tier_one_may_fill,
        ];
        let value = (found.total * 1000.0).round() as u32;
        let node = |band: usize| (place * BANDS + band) as u32;
        bands
            .iter()
            .enumerate()
            .filter(|(_, may)| **may)
            .map(|(band, _)| Choice { rep: node(band), value })
            .collect()
    }
}

/// Bands of load: for any lead, for high matches, for tier 1.
const BANDS: usize = 3;

/// How many work units more somebody can take in each band. `one_size` is what every lead weighs, where all
/// weigh the same: bands are then of the load before each lead, and caps on new leads cut them.
fn room(config: &Config, rep: &lead::Rep, one_size: Option<u32>, counters: &View<'_>) -> [u32; BANDS] {
    let Limits { open, max, new, caps } = counters.limits(rep, config.capacity.caps(rep));
    let limits = [config.capacity.available, config.capacity.near, 1.0];
    let Some(units) = one_size else {
        let mut taken = open;
        return limits.map(|limit| {
            let upto = (limit * f64::from(max)).floor() as u32;
            let room = upto.saturating_sub(taken);
            taken = taken.max(upto);
            room
        });
    };
    let mut leads = left(caps, new).unwrap_or(u32::MAX);
    let mut room = [0; BANDS];
    let mut before = open;
    while leads > 0 && before.saturating_add(units) <= max {
        let load = f64::from(before) / f64::from(max.max(1));
        let band = limits.iter().position(|limit| load <= *limit).unwrap_or(BANDS - 1);
        room[band] += units;
        before += units;
        leads -= 1;
    }
    room
}

/// What each arm of an experiment may give to a rep in each band, by its configuration and by its part of their capacity.
fn in_arms(open: &[Open], one_size: Option<u32>, counters: &View<'_>) -> Vec<Quota> {
    let mut arms: Vec<(&By, u32, Vec<u32>)> = Vec::new();
    for (place, lead) in (0..).zip(open) {
        let Some(by) = &lead.by else { continue };
        match arms.iter_mut().find(|(known, ..)| known.is(by)) {
            Some((_, most, leads)) => {
                *most = lead.units.max(*most);
                leads.push(place);
            }
            None => arms.push((by, lead.units.max(1), vec![place])),
        }
    }
    let mut quotas = Vec::new();
    for (By { arm, tenant }, units, leads) in arms {
        let counters = counters.in_arm(arm.as_ref());
        for (place, rep) in tenant.config.reps.iter().enumerate() {
            let rooms = room(&tenant.config, rep, one_size, &counters);
            // Where leads weigh differently, as if all weighed what the heaviest does: never more than there is.
            let quota = |(node, room): (u32, u32)| Quota {
                leads: leads.clone(),
                reps: vec![node],
                most: room / units,
            };
            quotas.extend(nodes(place).zip(rooms).map(quota));
        }
    }
    quotas
}

/// Teams with a cap on their new leads, where all leads weigh the same.
fn teams(tenant: &Tenant, one_size: Option<u32>, counters: &View<'_>) -> Vec<Team> {
    let Some(units) = one_size else { return Vec::new() };
    let capped = tenant.config.teams.iter().filter_map(|team| {
        let leads = left(team.caps, counters.team(&team.id))?;
        let reps = tenant.roster.team(&team.id).iter().copied().flat_map(nodes).collect();
        Some(Team { reps, capacity: leads.saturating_mul(units) })
    });
    capped.collect()
}

/// How many new leads more some caps leave; nothing where there is none.
fn left(caps: Caps, had: NewLeads) -> Option<u32> {
    let left = |cap: Option<u32>, had: u32| cap.map(|cap| cap.saturating_sub(had));
    [left(caps.daily, had.day), left(caps.weekly, had.week)].into_iter().flatten().min()
}

/// The places of the rep at this place in the folder, one a band.
fn nodes(place: usize) -> impl Iterator<Item = u32> {
    (0..BANDS).map(move |band| (place * BANDS + band) as u32)
}

/// A price in points of a total; room that would let one lead more be assigned is worth a whole match.
fn points(price: &Price) -> f64 {
    price.value as f64 / 1000.0 + if price.lead.is_some() { 100.0 } else { 0.0 }
}
