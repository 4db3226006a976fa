//! Leads of unequal units, or quotas that a flow does not keep: the generalised assignment problem, by branch
//! and bound over its relaxation.
//!
//! Part by part, as the objective is read: the most leads of the first class; of those assignments the ones
//! with the most of the next; at last the most value. Each is an integer program for `microlp`, started from
//! the best assignment so far. It counts in floating point, so the numbers that would be lost beside each
//! other in one objective are kept apart, and its answers are rounded and held against every cap here.

use std::cmp::Reverse;

use microlp::{ComparisonOp, OptimizationDirection, SolutionStatus, SolveOptions, SolveOutcome, Variable};

use super::{Bound, Problem, Proof};

/// The best assignment that so many nodes of the search show.
pub(super) fn solve(problem: &Problem, nodes: u64) -> (Vec<Option<u32>>, Proof) {
    let place = |(lead, of): (usize, &super::Lead)| {
        let units = of.units.get().into();
        let matches = of.choices.iter().map(move |choice| (choice.rep, choice.value));
        matches.map(move |(rep, value)| Match { lead, rep, value, units }).collect::<Vec<_>>()
    };
    let mut packing = Packing {
        classes: problem.leads.iter().map(|lead| lead.class).collect(),
        matches: problem.leads.iter().enumerate().flat_map(place).collect(),
        rank: (
            problem.leads.iter().map(|lead| lead.key).collect(),
            problem.reps.iter().map(|rep| rep.key).collect(),
        ),
        caps: (problem.reps.iter().zip(0..).map(|(rep, place)| Cap::units(vec![place], rep.capacity)))
            .chain(problem.teams.iter().map(|team| Cap::units(team.reps.clone(), team.capacity)))
            .chain(problem.quotas.iter().map(|quota| Cap {
                leads: Some(quota.leads.clone()),
                reps: quota.reps.clone(),
                most: quota.most,
                weighs: false,
            }))
            .collect(),
    };
    let (mut reps, proof) = packing.solve(nodes);
    packing.even_out(problem, &mut reps);
    (reps, proof)
}

/// Variables of the largest program that is handed to the solver: a dense one of that size takes it seconds
/// a part. What is larger keeps the start, and says so.
const VARIABLES: usize = 20_000;

/// Which leads go to which reps, where units may differ with both.
pub(super) struct Packing {
    /// Of each lead.
    pub(super) classes: Vec<u8>,
    pub(super) matches: Vec<Match>,
    /// The keys of leads and reps.
    pub(super) rank: (Vec<u64>, Vec<u64>),
    pub(super) caps: Vec<Cap>,
}

/// How much some reps can take together.
pub(super) struct Cap {
    /// Of these leads, in ascending order; of all where there is nothing here.
    pub(super) leads: Option<Vec<u32>>,
    pub(super) reps: Vec<u32>,
    pub(super) most: u32,
    /// Whether units are counted, or leads.
    pub(super) weighs: bool,
}

impl Cap {
    pub(super) fn units(reps: Vec<u32>, most: u32) -> Self {
        Self { leads: None, reps, most, weighs: true }
    }
}

/// A lead and a rep who may have it.
#[derive(Clone, Copy)]
pub(super) struct Match {
    pub(super) lead: usize,
    pub(super) rep: u32,
    pub(super) value: u32,
    pub(super) units: u32,
}

/// The part of the objective that is sought.
#[derive(Clone, Copy)]
enum Aim {
    Class(u8),
    Value,
}

impl Packing {
    pub(super) fn solve(&mut self, mut nodes: u64) -> (Vec<Option<u32>>, Proof) {
        self.matches.sort_by_key(|m| (self.rank.0[m.lead], self.rank.1[m.rep as usize], m.lead, m.rep));
        let counts = self.counts();
        let mut classes = self.classes.clone();
        classes.sort_unstable();
        classes.dedup();
        let mut best = self.greedy(&counts);
        let mut floors = Vec::new();
        for class in classes {
            let at_most = self.improve((Aim::Class(class), &floors), &counts, &mut best, &mut nodes);
            let reached = self.total(Aim::Class(class), &best);
            if at_most > reached {
                let at_most = u32::try_from(at_most).unwrap_or(u32::MAX);
                return (best, Proof::Bounded(Bound::Assigned { class, at_most }));
            }
            floors.push((class, reached));
        }
        let at_most = self.improve((Aim::Value, &floors), &counts, &mut best, &mut nodes);
        let proof = match at_most > self.total(Aim::Value, &best) {
            true => Proof::Bounded(Bound::Value { at_most }),
            false => Proof::Searched,
        };
        (best, proof)
    }

    /// For each match, the caps that count it, and what it counts for.
    fn counts(&self) -> Vec<Vec<(usize, u32)>> {
        let mut of_rep: Vec<Vec<usize>> = vec![Vec::new(); self.rank.1.len()];
        for (place, cap) in self.caps.iter().enumerate() {
            for rep in &cap.reps {
                of_rep[*rep as usize].push(place);
            }
        }
        let counts = |of: &Match| {
            let counted = |place: &&usize| {
                let leads = self.caps[**place].leads.as_ref();
                leads.is_none_or(|leads| leads.binary_search(&(of.lead as u32)).is_ok())
            };
            let caps = of_rep[of.rep as usize].iter().filter(counted);
            caps.map(|&place| (place, if self.caps[place].weighs { of.units } else { 1 })).collect()
        };
        self.matches.iter().map(counts).collect()
    }

    /// What a match adds to the part.
    fn worth(&self, aim: Aim, of: &Match) -> u32 {
        match aim {
            Aim::Class(class) => (self.classes[of.lead] == class).into(),
            Aim::Value => of.value,
        }
    }

    fn total(&self, aim: Aim, reps: &[Option<u32>]) -> u64 {
        let made = self.matches.iter().filter(|of| reps[of.lead] == Some(of.rep));
        made.map(|of| u64::from(self.worth(aim, of))).sum()
    }

    /// Improves an assignment as far as the nodes go, and says what the optimum is at most.
    fn improve(
        &self,
        (aim, floors): (Aim, &[(u8, u64)]),
        counts: &[Vec<(usize, u32)>],
        best: &mut Vec<Option<u32>>,
        nodes: &mut u64,
    ) -> u64 {
        let mut most = vec![0; self.classes.len()];
        for of in &self.matches {
            most[of.lead] = self.worth(aim, of).max(most[of.lead]);
        }
        let everybody = most.into_iter().map(u64::from).sum();
        if self.total(aim, best) == everybody || self.matches.len() > VARIABLES {
            return everybody;
        }
        let (program, variables) = self.program(aim, floors, counts);
        let matches = || self.matches.iter().zip(&variables);
        let start = matches().map(|(of, &variable)| (variable, f64::from(best[of.lead] == Some(of.rep))));
        let mut options = SolveOptions::default();
        options.node_limit = Some(*nodes);
        options.warm_start = Some(start.collect());
        // A solver that gives up has shown nothing; what is known without it holds.
        let Ok(outcome) = program.solve_with(options) else { return everybody };
        let stats = outcome.stats();
        *nodes = nodes.saturating_sub(stats.nodes_solved);
        let bound = stats.best_bound.map_or(everybody, |bound| (bound + 1e-6).floor().max(0.0) as u64);
        let SolveOutcome::Solution(solution) = outcome else { return bound.min(everybody) };
        let mut found = vec![None; self.classes.len()];
        for (of, _) in matches().filter(|(_, variable)| solution.var_value(**variable) > 0.5) {
            found[of.lead] = Some(of.rep);
        }
        let keeps = |&(class, floor): &(u8, u64)| self.total(Aim::Class(class), &found) >= floor;
        if self.fits(&found, counts)
            && floors.iter().all(keeps)
            && self.total(aim, &found) > self.total(aim, best)
        {
            *best = found;
        }
        match solution.status() {
            SolutionStatus::Optimal => self.total(aim, best),
            SolutionStatus::Feasible => bound.min(everybody),
        }
    }

    /// The integer program, with a variable for each match.
    fn program(
        &self,
        aim: Aim,
        floors: &[(u8, u64)],
        counts: &[Vec<(usize, u32)>],
    ) -> (microlp::Problem, Vec<Variable>) {
        let mut program = microlp::Problem::new(OptimizationDirection::Maximize);
        let variables: Vec<Variable> =
            self.matches.iter().map(|of| program.add_binary_var(self.worth(aim, of).into())).collect();
        let mut once = vec![Vec::new(); self.classes.len()];
        let mut by_class = vec![Vec::new(); floors.len()];
        let mut by_cap = vec![Vec::new(); self.caps.len()];
        for ((of, counts), &variable) in self.matches.iter().zip(counts).zip(&variables) {
            once[of.lead].push((variable, 1.0));
            if let Some(class) = floors.iter().position(|(class, _)| *class == self.classes[of.lead]) {
                by_class[class].push((variable, 1.0));
            }
            for &(cap, counted) in counts {
                by_cap[cap].push((variable, f64::from(counted)));
            }
        }
        for lead in once {
            program.add_constraint(lead, ComparisonOp::Le, 1.0);
        }
        for (cap, matches) in self.caps.iter().zip(by_cap) {
            program.add_constraint(matches, ComparisonOp::Le, f64::from(cap.most));
        }
        for ((_, floor), matches) in floors.iter().zip(by_class) {
            program.add_constraint(matches, ComparisonOp::Ge, *floor as f64);
        }
        (program, variables)
    }

    fn fits(&self, reps: &[Option<u32>], counts: &[Vec<(usize, u32)>]) -> bool {
        let mut taken = vec![0_u64; self.caps.len()];
        for (of, counts) in self.matches.iter().zip(counts) {
            if reps[of.lead] == Some(of.rep) {
                counts.iter().for_each(|&(cap, counted)| taken[cap] += u64::from(counted));
            }
        }
        self.caps.iter().zip(taken).all(|(cap, taken)| taken <= u64::from(cap.most))
    }

    /// Moves leads to somebody whose load is lower by their weight, at the same value and within every cap,
    /// until no single move makes loads more even.
    fn even_out(&self, problem: &Problem, reps: &mut [Option<u32>]) {
        let counts = self.counts();
        let mut left: Vec<i64> = self.caps.iter().map(|cap| i64::from(cap.most)).collect();
        let mut load = vec![0_u32; problem.reps.len()];
        let count = |left: &mut Vec<i64>, place: usize, sign: i64| {
            counts[place].iter().for_each(|&(cap, counted)| left[cap] -= sign * i64::from(counted));
        };
        // Of each lead, the places of its matches, and of the one that is made.
        let mut matches = vec![Vec::new(); self.classes.len()];
        let mut made = vec![None; self.classes.len()];
        for (place, of) in self.matches.iter().enumerate() {
            matches[of.lead].push(place);
            if reps[of.lead] == Some(of.rep) {
                made[of.lead] = Some(place);
                load[of.rep as usize] += of.units;
                count(&mut left, place, 1);
            }
        }
        let mut moved = true;
        while std::mem::take(&mut moved) {
            for (lead, matches) in matches.iter().enumerate() {
                let Some(at) = made[lead] else { continue };
                let of = self.matches[at];
                let cost =
                    |rep: u32, load: u32| problem.scale.place(&problem.reps[rep as usize], load, of.units);
                load[of.rep as usize] -= of.units;
                count(&mut left, at, -1);
                let now = cost(of.rep, load[of.rep as usize]);
                let better = matches.iter().copied().filter(|&place| {
                    let to = &self.matches[place];
                    to.value == of.value
                        && cost(to.rep, load[to.rep as usize]) < now
                        && counts[place].iter().all(|&(cap, counted)| left[cap] >= i64::from(counted))
                });
                let to = better.min_by_key(|&place| {
                    let to = &self.matches[place];
                    (cost(to.rep, load[to.rep as usize]), self.rank.1[to.rep as usize])
                });
                moved |= to.is_some();
                let to = to.unwrap_or(at);
                made[lead] = Some(to);
                reps[lead] = Some(self.matches[to].rep);
                load[self.matches[to].rep as usize] += of.units;
                count(&mut left, to, 1);
            }
        }
    }

    /// A start: leads in order of class, the most value for its units first, with whoever has room.
    fn greedy(&self, counts: &[Vec<(usize, u32)>]) -> Vec<Option<u32>> {
        let mut order: Vec<(&Match, &Vec<(usize, u32)>)> = self.matches.iter().zip(counts).collect();
        order.sort_by_key(|(of, _)| {
            (self.classes[of.lead], Reverse(u64::from(of.value) * 1_000 / u64::from(of.units.max(1))))
        });
        let mut left: Vec<u32> = self.caps.iter().map(|cap| cap.most).collect();
        let mut found = vec![None; self.classes.len()];
        for (of, counts) in order {
            if found[of.lead].is_none() && counts.iter().all(|&(cap, counted)| left[cap] >= counted) {
                found[of.lead] = Some(of.rep);
                counts.iter().for_each(|&(cap, counted)| left[cap] -= counted);
            }
        }
        found
    }
}
