//! The solvers in Rust, each given the batch in the form it wants.

use std::num::{NonZeroU8, NonZeroU16};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use pathfinding::matrix::Matrix;

use crate::host::assignment::{Certified, Choice, Lead, Problem, Rep, certify, solve};
use crate::instance::Instance;

#[derive(Clone, Copy)]
pub(crate) enum Solver {
    Ours,
    Lapjv,
    KuhnMunkres,
    NetworkSimplex,
}

impl Solver {
    pub(crate) const ALL: [Self; 4] = [Self::Ours, Self::Lapjv, Self::KuhnMunkres, Self::NetworkSimplex];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => crate::OURS,
            Self::Lapjv => "lapjv",
            Self::KuhnMunkres => "pathfinding, kuhn_munkres",
            Self::NetworkSimplex => "mcmf (LEMON's network simplex)",
        }
    }

    /// The total value and the time it took.
    pub(crate) fn run(self, instance: &Instance) -> Result<(u64, Duration)> {
        match self {
            Self::Ours => ours(instance),
            Self::Lapjv => lapjv(instance),
            Self::KuhnMunkres => kuhn_munkres(instance),
            Self::NetworkSimplex => network_simplex(instance),
        }
    }
}

/// Checking the problem, evenness and prices are part of what is timed.
fn ours(instance: &Instance) -> Result<(u64, Duration)> {
    let row = |values: &[u32]| (0..).zip(values).map(|(rep, &value)| Choice { rep, value }).collect();
    let lead = |(key, values)| Lead { class: 0, units: NonZeroU8::MIN, choices: row(values), key };
    let leads: Vec<Lead> = (0..).zip(instance.values.chunks(instance.reps)).map(lead).collect();
    let rep = |key| Rep { capacity: instance.capacity, held: 0, weight: NonZeroU16::MIN, key };
    let reps = (0..instance.reps as u64).map(rep).collect();
    let start = Instant::now();
    let problem = Problem::new(leads, reps, Vec::new())?;
    let solution = solve(&problem, 0);
    let took = start.elapsed();
    ensure!(certify(&problem, &solution)? == Certified::Optimal, "no proof");
    let total = instance.total(solution.reps.iter().map(|rep| rep.map(|rep| rep as usize)))?;
    Ok((total, took))
}

/// A square matrix of costs: a column for each place, rows of nothing for those left over.
fn lapjv(instance: &Instance) -> Result<(u64, Duration)> {
    let places = instance.places();
    let costs = lapjv::Matrix::from_shape_fn((places, places), |(lead, place)| {
        let value = (lead < instance.leads).then(|| instance.rep_of(place)).flatten();
        value.map_or(0.0, |rep| -f64::from(instance.value(lead, rep)))
    });
    let start = Instant::now();
    let (places, _) = lapjv::lapjv(&costs).map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let took = start.elapsed();
    let reps = places.iter().take(instance.leads).map(|&place| instance.rep_of(place));
    Ok((instance.total(reps)?, took))
}

/// A column for each place.
fn kuhn_munkres(instance: &Instance) -> Result<(u64, Duration)> {
    let weights = Matrix::from_fn(instance.leads, instance.places(), |(lead, place)| {
        instance.rep_of(place).map_or(0, |rep| i64::from(instance.value(lead, rep)))
    });
    let start = Instant::now();
    let (_, places) = pathfinding::kuhn_munkres::kuhn_munkres(&weights);
    let took = start.elapsed();
    Ok((instance.total(places.iter().map(|&place| instance.rep_of(place)))?, took))
}

/// A flow through leads and reps.
fn network_simplex(instance: &Instance) -> Result<(u64, Duration)> {
    use mcmf::{Capacity, Cost, GraphBuilder, Vertex};
    let (leads, reps) = (instance.leads, instance.reps);
    let mut graph = GraphBuilder::new();
    for lead in 0..leads {
        graph.add_edge(Vertex::Source, lead, Capacity(1), Cost(0));
        for rep in 0..reps {
            graph.add_edge(lead, leads + rep, Capacity(1), Cost(-(instance.value(lead, rep) as i32)));
        }
    }
    for rep in 0..reps {
        graph.add_edge(leads + rep, Vertex::Sink, Capacity(instance.capacity as i32), Cost(0));
    }
    let start = Instant::now();
    let (_, paths) = graph.mcmf();
    let took = start.elapsed();
    let mut found = vec![None; leads];
    for path in &paths {
        if let [_, Vertex::Node(lead), Vertex::Node(rep), _] = path.vertices()[..] {
            found[*lead] = Some(*rep - leads);
        }
    }
    Ok((instance.total(found)?, took))
}
