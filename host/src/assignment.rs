//! Who gets which lead when a whole batch is decided at once: the exact optimum under every cap.
//!
//! In comes a [`Problem`]: leads, each with the reps who may have it and what the match is worth; reps with
//! a capacity, and teams with a cap on their sum. Who may not have a lead (territory, exclusion) is simply
//! not among its choices. Out comes a [`Solution`]: a rep or nobody for each lead, the [`Objective`] it
//! reaches, and the [`Proof`] that none is better.
//!
//! What is best, the first difference deciding:
//!
//! 1. more leads assigned of the first [class](Lead::class), then of the next, and so on;
//! 2. more total value;
//! 3. the more even load: the smaller sum over reps of (held + assigned)² / weight;
//! 4. the caller's [keys](Lead::key): no lead without a rep could take the place of a later one that
//!    counts alike, at the same value; what is left equal then follows them as well.
//!
//! With one size of lead this is a minimum-cost flow, lead → rep → (team →) sink, which `flow` solves, and
//! whose dual prices are the proof and the explanation: each rep's [`Price`] is what one more place there
//! would add, and each lead has the rep with the most value over price. [`certify`] checks exactly that, in
//! integers, and knows nothing of how the solution was found. A [`Quota`] is no part of the flow; where its
//! optimum keeps every quota all the same, nothing that keeps them is better. Where it does not, and with
//! leads of unequal [units](Lead::units), it is the generalised assignment problem, which `search` hands to a
//! MILP solver.

use std::collections::{BTreeSet, HashMap};
use std::num::{NonZeroU8, NonZeroU16};

mod auction;
mod certificate;
mod flow;
mod scale;
mod search;
#[cfg(test)]
mod tests;

pub use certificate::{Certified, Flaw, certify};
use scale::Scale;

/// A batch to be assigned, checked.
#[derive(Clone, Debug)]
pub struct Problem {
    leads: Vec<Lead>,
    reps: Vec<Rep>,
    teams: Vec<Team>,
    quotas: Vec<Quota>,
    /// The team of each rep.
    team: Vec<Option<u32>>,
    scale: Scale,
}

/// A lead, named by its place in [`Problem::leads`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lead {
    /// Priority: no lead of a later class is assigned at the cost of one of an earlier; 0 is first.
    pub class: u8,
    /// What it takes of a rep's and a team's capacity.
    pub units: NonZeroU8,
    /// Who may have it. Where a rep is named twice, the higher value counts.
    pub choices: Vec<Choice>,
    /// Its place in line where all else is equal, the smaller first; where keys are distinct, the order of the
    /// input never matters.
    pub key: u64,
}

/// A rep who may have a lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The rep's place in [`Problem::reps`].
    pub rep: u32,
    /// What the match is worth, in thousandths of points.
    pub value: u32,
}

/// A rep, named by the place in [`Problem::reps`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rep {
    /// How many units more they can take.
    pub capacity: u32,
    /// Units they have already, which count towards an even load and towards nothing else.
    pub held: u32,
    /// Their share of an even load, relative to the others' weights.
    pub weight: NonZeroU16,
    /// Decides what is left equal, as with leads.
    pub key: u64,
}

/// Reps with a cap on their sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Its reps' places in [`Problem::reps`].
    pub reps: Vec<u32>,
    /// How many units more they can take together.
    pub capacity: u32,
}

/// At most so many of some leads may go to some reps, whatever they weigh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The leads' places in [`Problem::leads`], in any order.
    pub leads: Vec<u32>,
    /// The reps' places in [`Problem::reps`].
    pub reps: Vec<u32>,
    /// How many.
    pub most: u32,
}

/// Why this is no problem to solve.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A choice names a rep that is not there.
    #[error("lead {lead} may go to rep {rep}, but there are {reps} reps")]
    NoSuchRep {
        /// The lead's place.
        lead: usize,
        /// The place it names.
        rep: u32,
        /// How many there are.
        reps: usize,
    },
    /// A team names a rep that is not there.
    #[error("team {team} names rep {rep}, but there are {reps} reps")]
    NoSuchMember {
        /// The team's place.
        team: usize,
        /// The place it names.
        rep: u32,
        /// How many there are.
        reps: usize,
    },
    /// Caps of overlapping teams are no flow.
    #[error("rep {rep} is in team {team} and in one before it; a rep has one team at most")]
    TwoTeams {
        /// The rep's place.
        rep: u32,
        /// The second team's place.
        team: usize,
    },
    /// A quota names a lead or a rep that is not there.
    #[error("quota {quota} names {place} of {of} {what}")]
    NoSuchPlace {
        /// The quota's place.
        quota: usize,
        /// Of leads or of reps.
        what: &'static str,
        /// The place it names.
        place: u32,
        /// How many there are.
        of: usize,
    },
    /// The parts of the objective do not fit one integer together.
    #[error("values, loads and weights need {bits} bits where 63 are left; use smaller ones")]
    TooLarge {
        /// What they need.
        bits: u32,
    },
}

impl Problem {
    /// # Errors
    ///
    /// Where a place names nobody, a rep has two teams, or the numbers are too large; see [`Error`].
    pub fn new(mut leads: Vec<Lead>, reps: Vec<Rep>, teams: Vec<Team>) -> Result<Self, Error> {
        for (place, lead) in leads.iter_mut().enumerate() {
            if !lead.choices.is_sorted_by(|a, b| a.rep < b.rep) {
                lead.choices.sort_by_key(|choice| (choice.rep, std::cmp::Reverse(choice.value)));
                lead.choices.dedup_by_key(|choice| choice.rep);
            }
            if let Some(&Choice { rep, .. }) =
                lead.choices.last().filter(|last| last.rep as usize >= reps.len())
            {
                return Err(Error::NoSuchRep { lead: place, rep, reps: reps.len() });
            }
        }
        let mut team = vec![None; reps.len()];
        for (place, members) in (0..).zip(&teams) {
            for &rep in &members.reps {
                match team.get_mut(rep as usize) {
                    None => {
                        return Err(Error::NoSuchMember { team: place as usize, rep, reps: reps.len() });
                    }
                    Some(Some(_)) => return Err(Error::TwoTeams { rep, team: place as usize }),
                    Some(none) => *none = Some(place),
                }
            }
        }
        let scale = Scale::new(&leads, &reps, teams.len())?;
        Ok(Self { leads, reps, teams, quotas: Vec::new(), team, scale })
    }

    /// The same problem with quotas.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchPlace`] where one names nobody.
    pub fn with_quotas(mut self, mut quotas: Vec<Quota>) -> Result<Self, Error> {
        for (quota, Quota { leads, reps, .. }) in quotas.iter_mut().enumerate() {
            for (what, places, of) in
                [("leads", &mut *leads, self.leads.len()), ("reps", &mut *reps, self.reps.len())]
            {
                places.sort_unstable();
                places.dedup();
                if let Some(&place) = places.last().filter(|last| **last as usize >= of) {
                    return Err(Error::NoSuchPlace { quota, what, place, of });
                }
            }
        }
        self.quotas = quotas;
        Ok(self)
    }

    /// The leads, each with its choices in the order of the reps.
    pub fn leads(&self) -> &[Lead] {
        &self.leads
    }

    /// The reps.
    pub fn reps(&self) -> &[Rep] {
        &self.reps
    }

    /// The teams.
    pub fn teams(&self) -> &[Team] {
        &self.teams
    }

    /// The first quota that an assignment breaks, by its place, and how many it has.
    fn over_quota(&self, reps: &[Option<u32>]) -> Option<(usize, u32)> {
        self.quotas.iter().enumerate().find_map(|(place, quota)| {
            let has =
                |lead: &&u32| reps[**lead as usize].is_some_and(|rep| quota.reps.binary_search(&rep).is_ok());
            let leads = u32::try_from(quota.leads.iter().filter(has).count()).unwrap_or(u32::MAX);
            (leads > quota.most).then_some((place, leads))
        })
    }

    /// What every lead takes, if all take the same.
    fn one_size(&self) -> Option<u32> {
        let first = self.leads.first().map_or(1, |lead| lead.units.get());
        self.leads.iter().all(|lead| lead.units.get() == first).then_some(first.into())
    }
}

impl Lead {
    /// What it is worth with a rep; `None` if they may not have it.
    pub fn value(&self, rep: u32) -> Option<u32> {
        // Where everybody is a choice, the place is the rep.
        let direct = self.choices.get(rep as usize).filter(|choice| choice.rep == rep);
        let choice = direct.or_else(|| {
            let place = self.choices.binary_search_by_key(&rep, |choice| choice.rep).ok()?;
            self.choices.get(place)
        });
        choice.map(|choice| choice.value)
    }
}

/// An assignment and how good it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solution {
    /// The rep of each lead, or nobody.
    pub reps: Vec<Option<u32>>,
    /// What it reaches.
    pub objective: Objective,
    /// Why none is better.
    pub proof: Proof,
}

/// What an assignment reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objective {
    /// How many leads are assigned of each class that occurs, first class first.
    pub assigned: Vec<(u8, u32)>,
    /// The sum of the values, in thousandths of points.
    pub value: u64,
    /// The sum over reps of load² / weight, up to a constant and a factor that are the problem's own: to
    /// compare assignments of one problem, the smaller the more even.
    pub unevenness: u128,
}

/// What is known of the optimum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It is reached, and these prices prove it.
    Prices(Prices),
    /// It is reached in class counts and value, as a search has shown that leaves nothing out. Loads are as
    /// even as moving leads one by one makes them, which need not be the most even.
    Searched,
    /// The search ended at its limit. The parts before this one are optimal, this one may be better.
    Bounded(Bound),
}

/// How much better the optimum may be at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// It assigns at most this many leads of a class.
    Assigned {
        /// The class.
        class: u8,
        /// The most there can be.
        at_most: u32,
    },
    /// It has at most this total value, in thousandths of points.
    Value {
        /// The most there can be.
        at_most: u64,
    },
}

/// What places are worth at the margin, which is what they would cost in a market: each lead has the rep
/// with the most value over price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prices {
    /// Of a place at each rep: what a lead brought there would add, if there were one place more for it, and
    /// one in the team. Nothing but evenness while both have room.
    pub reps: Vec<Price>,
    /// The team's part of it: what one more place in the team would add, whichever rep uses it.
    pub teams: Vec<Price>,
}

/// What one more place would add. Compared as it is read: a lead assigned outweighs any value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// One lead more of this class could be assigned.
    pub lead: Option<u8>,
    /// Total value would change by so much, in thousandths of points; negative only where it buys a lead.
    pub value: i64,
    /// Unevenness would fall by so much.
    pub evenness: i64,
}

/// The best assignment. `nodes` limits the search that unequal units and quotas may need; without them it
/// has no part.
pub fn solve(problem: &Problem, nodes: u64) -> Solution {
    if let Some(units) = problem.one_size() {
        let flow::Found { mut reps, prices } = flow::solve(problem, units);
        if problem.over_quota(&reps).is_none() {
            first_come(problem, &mut reps);
            return Solution { objective: objective(problem, &reps), reps, proof: Proof::Prices(prices) };
        }
    }
    let (mut reps, proof) = search::solve(problem, nodes);
    first_come(problem, &mut reps);
    Solution { objective: objective(problem, &reps), reps, proof }
}

/// Gives the places of later leads to earlier ones that have none, where nothing else changes by it: the same
/// class, units and quotas, and the same value with the same rep.
fn first_come(problem: &Problem, reps: &mut [Option<u32>]) {
    let key = |lead: usize| (problem.leads[lead].key, lead);
    let mut left_out: BTreeSet<_> = (0..reps.len()).filter(|lead| reps[*lead].is_none()).map(key).collect();
    if left_out.is_empty() {
        return;
    }
    // Leads that count alike, by number.
    let mut quotas: Vec<Vec<usize>> = vec![Vec::new(); reps.len()];
    for (place, quota) in problem.quotas.iter().enumerate() {
        quota.leads.iter().for_each(|lead| quotas[*lead as usize].push(place));
    }
    let mut kinds: HashMap<(u8, NonZeroU8, &[usize]), usize> = HashMap::new();
    let alike: Vec<usize> = (problem.leads.iter().zip(&quotas))
        .map(|(lead, quotas)| {
            let next = kinds.len();
            *kinds.entry((lead.class, lead.units, quotas)).or_insert(next)
        })
        .collect();
    let mut placed: HashMap<(u32, usize, u32), BTreeSet<(u64, usize)>> = HashMap::new();
    for (lead, (of, rep)) in problem.leads.iter().zip(&*reps).enumerate() {
        if let Some((rep, value)) = rep.and_then(|rep| Some((rep, of.value(rep)?))) {
            placed.entry((rep, alike[lead], value)).or_default().insert(key(lead));
        }
    }
    while let Some(first) = left_out.pop_first() {
        let of = &problem.leads[first.1];
        let places = of.choices.iter().map(|choice| (choice.rep, alike[first.1], choice.value));
        let last = |place: (u32, usize, u32)| Some((*placed.get(&place)?.last()?, place));
        let Some((later, place)) = places.filter_map(last).max().filter(|(later, _)| *later > first) else {
            continue;
        };
        if let Some(theirs) = placed.get_mut(&place) {
            theirs.remove(&later);
            theirs.insert(first);
        }
        (reps[first.1], reps[later.1]) = (Some(place.0), None);
        left_out.insert(later);
    }
}

/// What an assignment reaches; a rep whom a lead may not have adds no value.
fn objective(problem: &Problem, reps: &[Option<u32>]) -> Objective {
    let mut assigned: Vec<(u8, u32)> = problem.scale.classes().iter().map(|&class| (class, 0)).collect();
    let mut value = 0;
    let mut load = vec![0; problem.reps.len()];
    for (lead, rep) in problem.leads.iter().zip(reps) {
        let Some(rep) = *rep else { continue };
        value += u64::from(lead.value(rep).unwrap_or(0));
        if let Some((_, count)) = assigned.iter_mut().find(|(class, _)| *class == lead.class) {
            *count += 1;
        }
        if let Some(load) = load.get_mut(rep as usize) {
            *load += u32::from(lead.units.get());
        }
    }
    let units = problem.one_size().unwrap_or(1);
    let unevenness =
        problem.reps.iter().zip(load).map(|(rep, load)| problem.scale.load(rep, load, units)).sum();
    Objective { assigned, value, unevenness }
}
