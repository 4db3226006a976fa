//! Is this solution what it says it is? Checked in exact integers, from the problem alone.
//!
//! An assignment within every cap is optimal if there are prices (linear programming's dual solution) such
//! that
//!
//! - no lead would gain by another rep, or by none, at these prices;
//! - a place that is taken costs no more than the rep's price, less the team's, and one that is free no less;
//! - a team with room has no price.
//!
//! For the gain of any other assignment is at most the sum over leads of their best gain over price, plus
//! what the places earn at these prices, and this one reaches that sum.

use super::{Objective, Price, Problem, Proof, Solution, objective};

/// What has been shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certified {
    /// Nothing is better in any part of the objective.
    Optimal,
    /// It keeps every cap and reaches its objective; whether another is better, it was not given to check.
    Feasible,
}

/// Why a solution is not what it says; leads, reps and teams are named by their places.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// There is not one entry for each lead, rep or team.
    #[error("{found} entries for {expected} {of}")]
    Count {
        /// Of what.
        of: &'static str,
        /// How many there are.
        expected: usize,
        /// How many the solution has.
        found: usize,
    },
    /// A lead is with a rep who may not have it.
    #[error("lead {lead} is with rep {rep}, who is not among its choices")]
    NotAChoice {
        /// The lead.
        lead: usize,
        /// The rep.
        rep: u32,
    },
    /// A rep has more than they can take.
    #[error("rep {rep} has {units} units, {capacity} fit")]
    RepOverCapacity {
        /// The rep.
        rep: usize,
        /// What they were given.
        units: u64,
        /// What fits.
        capacity: u32,
    },
    /// A team has more than it can take.
    #[error("team {team} has {units} units, {capacity} fit")]
    TeamOverCapacity {
        /// The team.
        team: usize,
        /// What it was given.
        units: u64,
        /// What fits.
        capacity: u32,
    },
    /// More of some leads are with some reps than may be.
    #[error("quota {quota} has {leads} leads, {most} may be")]
    OverQuota {
        /// The quota.
        quota: usize,
        /// How many.
        leads: u32,
        /// How many may be.
        most: u32,
    },
    /// It does not reach the objective it states.
    #[error("the objective is {reached:?}, not as stated")]
    Objective {
        /// What it reaches.
        reached: Objective,
    },
    /// Prices prove nothing where leads have unequal units.
    #[error("prices are no proof where leads have unequal units")]
    UnequalUnits,
    /// At these prices a lead would rather go elsewhere.
    #[error("at these prices lead {lead} gains more with {better:?}")]
    Envy {
        /// The lead.
        lead: usize,
        /// The rep it would rather have, or nobody.
        better: Option<u32>,
    },
    /// A rep's price is below the cost of a place taken, or above that of a free one.
    #[error("the price of rep {rep} does not balance their places")]
    RepPrice {
        /// The rep.
        rep: usize,
    },
    /// A team's price is negative, or it has one in spite of room.
    #[error("the price of team {team} does not balance its places")]
    TeamPrice {
        /// The team.
        team: usize,
    },
}

/// Checks a solution of a problem, whoever found it.
///
/// # Errors
///
/// The first [`Flaw`] found.
pub fn certify(problem: &Problem, solution: &Solution) -> Result<Certified, Flaw> {
    let load = feasible(problem, &solution.reps)?;
    let reached = objective(problem, &solution.reps);
    if reached != solution.objective {
        return Err(Flaw::Objective { reached });
    }
    let Proof::Prices(prices) = &solution.proof else { return Ok(Certified::Feasible) };
    let units = problem.one_size().ok_or(Flaw::UnequalUnits)?;
    count("reps", problem.reps.len(), prices.reps.len())?;
    count("teams", problem.teams.len(), prices.teams.len())?;
    let scale = &problem.scale;
    let whole = |prices: &[Price]| prices.iter().map(|&price| scale.whole(price)).collect::<Vec<i128>>();
    let (reps, teams) = (whole(&prices.reps), whole(&prices.teams));

    for (place, (lead, at)) in problem.leads.iter().zip(&solution.reps).enumerate() {
        let net = |rep: u32, value: u32| {
            let gain = i128::from(value) * i128::from(scale.point()) + i128::from(scale.lead(lead.class));
            gain - reps[rep as usize]
        };
        let here = at.and_then(|rep| Some(net(rep, lead.value(rep)?))).unwrap_or(0);
        let better = lead.choices.iter().find(|choice| net(choice.rep, choice.value) > here);
        if better.is_some() || here < 0 {
            return Err(Flaw::Envy { lead: place, better: better.map(|choice| choice.rep) });
        }
    }
    for (place, rep) in problem.reps.iter().enumerate() {
        let team = problem.team[place].map_or(0, |team| teams[team as usize]);
        let own = reps[place] - team;
        let load = load.reps[place] as u32;
        let taken = load.checked_sub(units).map(|load| scale.place(rep, load, units));
        let free = (rep.capacity - load >= units).then(|| scale.place(rep, load, units));
        if taken.is_some_and(|taken| i128::from(taken) > own)
            || free.is_some_and(|free| i128::from(free) < own)
        {
            return Err(Flaw::RepPrice { rep: place });
        }
    }
    for (place, team) in problem.teams.iter().enumerate() {
        let room = u64::from(team.capacity) - load.teams[place] >= u64::from(units);
        if teams[place] < 0 || room && teams[place] > 0 {
            return Err(Flaw::TeamPrice { team: place });
        }
    }
    Ok(Certified::Optimal)
}

/// Units given to each rep and team.
pub(super) struct Load {
    reps: Vec<u64>,
    teams: Vec<u64>,
}

/// Every lead is with one of its choices or with nobody, and every cap is kept.
pub(super) fn feasible(problem: &Problem, reps: &[Option<u32>]) -> Result<Load, Flaw> {
    count("leads", problem.leads.len(), reps.len())?;
    let mut load = Load { reps: vec![0; problem.reps.len()], teams: vec![0; problem.teams.len()] };
    for (place, (lead, rep)) in problem.leads.iter().zip(reps).enumerate() {
        let Some(rep) = *rep else { continue };
        if lead.value(rep).is_none() {
            return Err(Flaw::NotAChoice { lead: place, rep });
        }
        let units = u64::from(lead.units.get());
        load.reps[rep as usize] += units;
        if let Some(team) = problem.team[rep as usize] {
            load.teams[team as usize] += units;
        }
    }
    for (place, (rep, &units)) in problem.reps.iter().zip(&load.reps).enumerate() {
        if units > u64::from(rep.capacity) {
            return Err(Flaw::RepOverCapacity { rep: place, units, capacity: rep.capacity });
        }
    }
    for (place, (team, &units)) in problem.teams.iter().zip(&load.teams).enumerate() {
        if units > u64::from(team.capacity) {
            return Err(Flaw::TeamOverCapacity { team: place, units, capacity: team.capacity });
        }
    }
    if let Some((quota, leads)) = problem.over_quota(reps) {
        return Err(Flaw::OverQuota { quota, leads, most: problem.quotas[quota].most });
    }
    Ok(load)
}

fn count(of: &'static str, expected: usize, found: usize) -> Result<(), Flaw> {
    if expected == found { Ok(()) } else { Err(Flaw::Count { of, expected, found }) }
}
