//! Leads of unequal units: the generalised assignment problem, by branch and bound over its relaxation.
//!
//! Part by part, as the objective is read: the most leads of the first class; among those assignments the
//! most of the next; at last the most value. Each is one integer program for `microlp`, started from what is known.
//! It counts in floating point, so its answers are rounded and held against every cap here, and the numbers are
//! kept apart that would be lost beside each other in one objective.

use microlp::{ComparisonOp, OptimizationDirection, SolutionStatus, SolveOptions, SolveOutcome, Variable};

use super::certificate::feasible;
use super::{Bound, Problem, Proof};

/// The best assignment that so many nodes of the search show.
pub(super) fn solve(problem: &Problem, nodes: u64) -> (Vec<Option<u32>>, Proof) {
    let mut best = greedy(problem);
    let mut nodes = nodes;
    let mut floors = Vec::new();
    for &class in problem.scale.classes() {
        let aim = Aim::Class(class);
        let at_most = aim.at_most(problem, &floors, &mut best, &mut nodes);
        let reached = aim.of(problem, &best);
        if at_most > reached {
            let at_most = u32::try_from(at_most).unwrap_or(u32::MAX);
            return (best, Proof::Bounded(Bound::Assigned { class, at_most }));
        }
        floors.push((class, reached));
    }
    let at_most = Aim::Value.at_most(problem, &floors, &mut best, &mut nodes);
    let proof = match at_most > Aim::Value.of(problem, &best) {
        true => Proof::Bounded(Bound::Value { at_most }),
        false => Proof::Searched,
    };
    (best, proof)
}

/// The part of the objective that is sought.
#[derive(Clone, Copy)]
enum Aim {
    Class(u8),
    Value,
}

impl Aim {
    /// What one match adds.
    fn weight(self, class: u8, value: u32) -> u32 {
        match self {
            Self::Class(aim) => u32::from(aim == class),
            Self::Value => value,
        }
    }

    fn of(self, problem: &Problem, reps: &[Option<u32>]) -> u64 {
        let matches = problem.leads.iter().zip(reps);
        let weight =
            |(lead, rep): (&super::Lead, &Option<u32>)| Some(self.weight(lead.class, lead.value((*rep)?)?));
        matches.filter_map(weight).map(u64::from).sum()
    }

    /// Improves `best` as far as the nodes go, and says what the optimum is at most.
    fn at_most(
        self,
        problem: &Problem,
        floors: &[(u8, u64)],
        best: &mut Vec<Option<u32>>,
        nodes: &mut u64,
    ) -> u64 {
        let most = |lead: &super::Lead| {
            lead.choices.iter().map(|choice| self.weight(lead.class, choice.value)).max()
        };
        let everybody = problem.leads.iter().filter_map(most).map(u64::from).sum();
        if self.of(problem, best) == everybody {
            return everybody;
        }
        let (program, variables) = self.program(problem, floors);
        let mut options = SolveOptions::default();
        options.node_limit = Some(*nodes);
        let start =
            variables.iter().map(|&(lead, rep, variable)| (variable, f64::from(best[lead] == Some(rep))));
        options.warm_start = Some(start.collect());
        let Ok(outcome) = program.solve_with(options) else { return everybody };
        let stats = outcome.stats();
        *nodes = nodes.saturating_sub(stats.nodes_solved);
        let bound = stats.best_bound.map_or(everybody, |bound| (bound + 1e-6).floor().max(0.0) as u64);
        let SolveOutcome::Solution(solution) = outcome else { return bound.min(everybody) };
        let mut found = vec![None; problem.leads.len()];
        for (lead, rep, variable) in variables {
            if solution.var_value(variable) > 0.5 {
                found[lead] = Some(rep);
            }
        }
        let keeps = |&(class, floor): &(u8, u64)| Aim::Class(class).of(problem, &found) >= floor;
        if feasible(problem, &found).is_ok()
            && floors.iter().all(keeps)
            && self.of(problem, &found) > self.of(problem, best)
        {
            *best = found;
        }
        match solution.status() {
            SolutionStatus::Optimal => self.of(problem, best),
            SolutionStatus::Feasible => bound.min(everybody),
        }
    }

    /// The integer program, and which lead and rep each of its variables brings together.
    fn program(
        self,
        problem: &Problem,
        floors: &[(u8, u64)],
    ) -> (microlp::Problem, Vec<(usize, u32, Variable)>) {
        let mut program = microlp::Problem::new(OptimizationDirection::Maximize);
        let mut variables = Vec::new();
        let mut reps = vec![Vec::new(); problem.reps.len()];
        let mut classes = vec![Vec::new(); floors.len()];
        for (place, lead) in problem.leads.iter().enumerate() {
            let mut once = Vec::new();
            for choice in &lead.choices {
                let variable = program.add_binary_var(f64::from(self.weight(lead.class, choice.value)));
                variables.push((place, choice.rep, variable));
                reps[choice.rep as usize].push((variable, f64::from(lead.units.get())));
                once.push((variable, 1.0));
            }
            if let Some(class) = floors.iter().position(|(class, _)| *class == lead.class) {
                classes[class].extend_from_slice(&once);
            }
            program.add_constraint(once, ComparisonOp::Le, 1.0);
        }
        for team in &problem.teams {
            let members: Vec<_> =
                team.reps.iter().flat_map(|&rep| reps[rep as usize].iter().copied()).collect();
            program.add_constraint(members, ComparisonOp::Le, f64::from(team.capacity));
        }
        for (rep, matches) in problem.reps.iter().zip(reps) {
            program.add_constraint(matches, ComparisonOp::Le, f64::from(rep.capacity));
        }
        for (&(_, floor), matches) in floors.iter().zip(classes) {
            program.add_constraint(matches, ComparisonOp::Ge, floor as f64);
        }
        (program, variables)
    }
}

/// A start: leads in order of class, the most value for its units first, each with the best rep who has room.
fn greedy(problem: &Problem) -> Vec<Option<u32>> {
    let mut matches: Vec<(usize, u32, u32)> = Vec::new();
    for (place, lead) in problem.leads.iter().enumerate() {
        matches.extend(lead.choices.iter().map(|choice| (place, choice.rep, choice.value)));
    }
    matches.sort_by_key(|&(place, rep, value)| {
        let lead = &problem.leads[place];
        let per_unit = u64::from(value) * 1_000 / u64::from(lead.units.get());
        (lead.class, std::cmp::Reverse(per_unit), lead.key, problem.reps[rep as usize].key)
    });
    let mut found = vec![None; problem.leads.len()];
    let mut room: Vec<u32> = problem.reps.iter().map(|rep| rep.capacity).collect();
    let mut team_room: Vec<u32> = problem.teams.iter().map(|team| team.capacity).collect();
    for (place, rep, _) in matches {
        let units = u32::from(problem.leads[place].units.get());
        let mut none = u32::MAX;
        let team = match problem.team[rep as usize] {
            Some(team) => &mut team_room[team as usize],
            None => &mut none,
        };
        if found[place].is_none() && units <= room[rep as usize] && units <= *team {
            found[place] = Some(rep);
            room[rep as usize] -= units;
            *team -= units;
        }
    }
    found
}
