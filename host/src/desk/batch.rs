//! A whole batch at its optimum (S3.12): every lead is evaluated as always, and all that could go to several
//! reps are then assigned together.
//!
//! A rep's room is parted into the bands of load (X3, X4): places that any lead may take, places for high
//! matches, places for tier 1. A lead that may take a later place may take every earlier one, so caps on new
//! leads cut the last places first and nothing is lost by it. Leads with a claim, a track or nobody are
//! decided before, in their order. Tier 1 is served before tier 2, tier 2 before tier 3; then the sum of
//! totals counts, then an even load. What is found is published as suggestions.
//!
//! Where leads weigh different work units, bands are cut by the load *after* a lead, and caps on new leads
//! are checked when it is counted: a lead that meets one goes to the fallback.

use std::collections::HashMap;
use std::num::{NonZeroU8, NonZeroU16};

use super::Desk;
use crate::assignment::{self, Choice, Lead, Price, Problem, Proof, Rep, Team, solve};
use crate::config::Config;
use crate::counters::View;
use crate::decision::{BatchPick, Decision, Match, Past, Pick, Trigger};
use crate::lead::{self, LeadId, RepId, Tier};
use crate::pipeline::{self, Numbered, Outside, Prepared, caps};
use crate::seed::draw;

/// Limits the search that leads of unequal work units need.
const NODES: u64 = 20_000;

impl<'t> Desk<'t> {
    /// Decides about a batch; decisions are in the order of the leads. Why there is no optimum, where the
    /// numbers do not fit the solver.
    pub fn batch(
        &mut self,
        batch: Vec<Prepared<'t>>,
        outside: &dyn Outside,
    ) -> Result<Vec<Decision>, assignment::Error> {
        let mut order = Vec::with_capacity(batch.len());
        let mut open: Vec<(LeadId, Vec<Match>, Tier, u32)> = Vec::new();
        let mut again = Vec::new();
        let mut decided: HashMap<LeadId, Vec<Decision>> = HashMap::new();
        for prepared in batch {
            let id = prepared.lead().clone();
            let matches = self.asked(&prepared, outside);
            order.push(id.clone());
            match matches {
                _ if open.iter().any(|(known, ..)| *known == id) => again.push(prepared),
                Some(matches) => {
                    let (tier, units) = (prepared.tier(), prepared.units());
                    self.open(prepared);
                    open.push((id, matches, tier, units));
                }
                None => decided.entry(id).or_default().push(self.lead(prepared, outside)),
            }
        }
        let picks = self.optimum(&open)?;
        let mut turns: Vec<(u8, usize)> = picks.iter().map(|(band, _)| *band).zip(0..).collect();
        turns.sort_unstable();
        for (_, place) in turns {
            let id = &open[place].0;
            let at = self.cases.get(id).map_or(jiff::Timestamp::UNIX_EPOCH, |case| case.since);
            let pick = Pick::Batch(picks[place].1.clone());
            let decision = self.decide(id, at, Trigger::Arrived, Some(pick), outside);
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
    fn asked(&self, prepared: &Prepared<'t>, outside: &dyn Outside) -> Option<Vec<Match>> {
        let absent = self.absent.iter().cloned().collect();
        let past = Past { absent, ..Past::default() };
        let numbered = Numbered::new(self.tenant, prepared, (prepared.since(), 1, past));
        let evaluated = pipeline::evaluate(self.tenant, &numbered, outside, &self.state);
        evaluated.matches().map(<[Match]>::to_vec)
    }

    /// Who gets which, each with the band of load it falls into.
    fn optimum(
        &self,
        open: &[(LeadId, Vec<Match>, Tier, u32)],
    ) -> Result<Vec<(u8, BatchPick)>, assignment::Error> {
        let config = &self.tenant.config;
        let at = open.iter().filter_map(|(id, ..)| self.cases.get(id)).map(|case| case.since).max();
        let counters = self.state.ledger.at(at.unwrap_or_default());
        let one_size =
            open.first().map(|(.., units)| *units).filter(|first| open.iter().all(|(.., u)| u == first));

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
        let teams = teams(config, one_size, &counters);
        let leads = open.iter().map(|(id, matches, tier, units)| Lead {
            class: u8::from(*tier) - 1,
            units: u8::try_from(*units).ok().and_then(NonZeroU8::new).unwrap_or(NonZeroU8::MAX),
            choices: matches.iter().flat_map(|found| self.choices(found, *tier)).collect(),
            key: key(id),
        });
        let problem = Problem::new(leads.collect(), reps, teams)?;
        let solution = solve(&problem, NODES);
        let prices = match &solution.proof {
            Proof::Prices(prices) => Some(prices.reps.as_slice()),
            Proof::Searched | Proof::Bounded(_) => None,
        };
        let picks = open.iter().zip(&solution.reps).map(|((_, matches, tier, _), node)| {
            let node = node.map(|node| node as usize);
            let rep = node.and_then(|node| config.reps.get(node / BANDS)).map(|rep| rep.id.clone());
            let total = |rep: &RepId| matches.iter().find(|found| found.rep == *rep).map(|found| found.total);
            let best = &matches[0];
            let cheapest = |found: &Match| {
                let nodes = self.choices(found, *tier).into_iter();
                nodes.filter_map(|choice| prices?.get(choice.rep as usize)).map(points).reduce(f64::min)
            };
            let pick = BatchPick {
                total: rep.as_ref().and_then(total),
                price: node.and_then(|node| prices?.get(node)).map(points),
                best: best.rep.clone(),
                best_total: best.total,
                best_price: cheapest(best),
                rep,
            };
            (node.map_or(u8::MAX, |node| (node % BANDS) as u8), pick)
        });
        Ok(picks.collect())
    }

    /// The places with a rep that a match may take.
    fn choices(&self, found: &Match, tier: Tier) -> Vec<Choice> {
        let config = &self.tenant.config;
        let Some(place) = self.tenant.roster.place(&found.rep) else { return Vec::new() };
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
    let counted = counters.get(&rep.id);
    let (open, max) = (counted.open, rep.max_open);
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
    let own = caps(config, rep);
    let left = |cap: Option<u32>, had: u32| cap.map_or(u32::MAX, |cap| cap.saturating_sub(had));
    let mut leads = left(own.daily, counted.day).min(left(own.weekly, counted.week));
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

/// Teams with a cap on their new leads.
fn teams(config: &Config, one_size: Option<u32>, counters: &View<'_>) -> Vec<Team> {
    let Some(units) = one_size else { return Vec::new() };
    let capped = config.teams.iter().filter_map(|team| {
        let had = counters.team(&team.id);
        let left = |cap: Option<u32>, had: u32| cap.map(|cap| cap.saturating_sub(had));
        let leads =
            [left(team.caps.daily, had.day), left(team.caps.weekly, had.week)].into_iter().flatten().min()?;
        let members = (0..).zip(&config.reps).filter(|(_, rep)| rep.team == team.id);
        let nodes = members
            .flat_map(|(place, _): (u32, _)| (0..BANDS as u32).map(move |band| place * BANDS as u32 + band));
        Some(Team { reps: nodes.collect(), capacity: leads.saturating_mul(units) })
    });
    capped.collect()
}

/// A lead's place among equals: the same whatever the order of the batch.
fn key(id: &LeadId) -> u64 {
    id.as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A price in points of a total; room that would let one lead more be assigned is worth a whole match.
fn points(price: &Price) -> f64 {
    price.value as f64 / 1000.0 + if price.lead.is_some() { 100.0 } else { 0.0 }
}
