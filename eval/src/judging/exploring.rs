//! What exploration costs and brings, beside always picking the best so far.

use std::collections::VecDeque;
use std::fmt::Write as _;

use anyhow::{Context, Result};
use lanewright_learning::explore::{Candidate, Exploration, Wanted};

use super::Mean;
use crate::data::Draw;

const TENANTS: u64 = 60;
const LEADS: usize = 20_000;
const VETERANS: usize = 8;
const NEWCOMERS: usize = 4;
const REPS: usize = VETERANS + NEWCOMERS;
const KINDS: usize = 3;
/// Closed leads that each veteran has of each kind before the first lead; newcomers have none.
const HISTORY: usize = 30;
/// Leads that come before an outcome is known.
const DELAY: usize = 300;
/// Where the regret is read off.
const READ: [usize; 4] = [500, 2_000, 5_000, LEADS];
/// What a rep is believed to be worth before anything is known: the rate of all, counted as this many leads.
const PRIOR: (f64, f64) = (0.25, 12.0);

const WAYS: [(&str, Wanted); 5] = [
    ("greedy", Wanted { bound: 0.0, floor: 0.0, development: 0.0 }),
    ("bound 5 points, floor 2 %", Wanted { bound: 0.05, floor: 0.02, development: 0.0 }),
    ("**bound 10 points, floor 2 %**", Wanted { bound: 0.1, floor: 0.02, development: 0.0 }),
    ("bound 10 points, floor 2 %, 10 % for newer reps", Wanted { bound: 0.1, floor: 0.02, development: 0.1 }),
    ("no bound, floor 2 %", Wanted { bound: 1.0, floor: 0.02, development: 0.0 }),
];
/// Of [`WAYS`], what the mark is about.
const MARKED: usize = 2;

/// Appends the section; whether its mark was reached.
pub(super) fn report(page: &mut String) -> Result<bool> {
    write!(
        page,
        "\n## Exploration beside always picking the best so far\n\n\
         {TENANTS} tenants with {VETERANS} reps who have closed {HISTORY} leads of each of {KINDS} kinds, and {NEWCOMERS} new ones who have \
         closed none; all are drawn alike (σ 0.5 by rep and 0.5 by kind, as logits, around 25 % won). Outcomes are known {DELAY} leads \
         later; the model is a beta-binomial cell with the prior of {:.0} leads. Nobody is ever full, which favours greedy: where reps \
         fill up, leads reach others without exploration. Regret is the number of wins lost to always picking the truly best, summed \
         up to so many leads: the mean over tenants, and how much less than greedy's it is on the same tenants, with its \
         standard error (mark: clearly less for the way in bold after {LEADS} leads).\n\n\
         | way | regret after {} | {} | {} | {} leads | less than greedy's, after {LEADS} |\n| --- | --- | --- | --- | --- | --- |\n",
        PRIOR.1, READ[0], READ[1], READ[2], READ[3],
    )?;
    let greedy = regrets(WAYS[0].1)?;
    let mut passed = true;
    let (mut behind, mut lost) = (Vec::new(), Vec::new());
    for (at, (name, wanted)) in WAYS.into_iter().enumerate() {
        let regrets = if at == 0 { greedy.clone() } else { regrets(wanted)? };
        let means: [String; 4] = std::array::from_fn(|read| {
            format!("{:.0}", Mean::of(&regrets.iter().map(|regret| regret[read]).collect::<Vec<_>>()).value)
        });
        let less = |read: usize| {
            Mean::of(
                &greedy
                    .iter()
                    .zip(&regrets)
                    .map(|(greedy, regret)| greedy[read] - regret[read])
                    .collect::<Vec<_>>(),
            )
        };
        let last = less(READ.len() - 1);
        if at == MARKED {
            passed = last.value > 2.0 * last.error;
            behind = (0..READ.len()).filter(|&read| less(read).value <= 0.0).map(|read| READ[read]).collect();
        }
        if last.value < 0.0 {
            lost.push(name);
        }
        let told = if at == 0 { "–".to_owned() } else { format!("{:.0} ± {:.0}", last.value, last.error) };
        writeln!(page, "| {name} | {} | {told} |", means.join(" | "))?;
    }
    match behind.last() {
        Some(last) => writeln!(
            page,
            "\nExploration costs first: after {last} leads the way in bold is still behind greedy."
        )?,
        None => writeln!(page, "\nAt each of these numbers the way in bold is already ahead of greedy.")?,
    }
    if !lost.is_empty() {
        writeln!(page, "Behind greedy even at the end: {}.", lost.join("; "))?;
    }
    Ok(passed)
}

/// For each tenant, the summed regret at each of [`READ`].
fn regrets(wanted: Wanted) -> Result<Vec<[f64; 4]>> {
    let exploration = Exploration::try_from(wanted)?;
    (0..TENANTS).map(|tenant| regret(&exploration, tenant)).collect()
}

#[derive(Clone, Copy, Default)]
struct Cell {
    won: f64,
    closed: f64,
}

fn regret(exploration: &Exploration, tenant: u64) -> Result<[f64; 4]> {
    let mut draw = Draw::seeded(50_000 + tenant);
    let names: Vec<String> = (0..REPS).map(|rep| format!("rep-{rep}")).collect();
    let skill: [f64; REPS] = std::array::from_fn(|_| 0.5 * draw.normal());
    let truth: [[f64; KINDS]; REPS] = skill
        .map(|skill| std::array::from_fn(|_| 1.0 / (1.0 + libm::exp(1.1 - skill - 0.5 * draw.normal()))));
    let mut cells = [[Cell::default(); KINDS]; REPS];
    for (cells, truth) in cells.iter_mut().zip(&truth).take(VETERANS) {
        for (cell, &share) in cells.iter_mut().zip(truth) {
            (0..HISTORY).for_each(|_| cell.close(draw.share() < share));
        }
    }
    let (mut open, mut sum, mut read) = (VecDeque::new(), 0.0, [0.0; 4]);
    for lead in 0..LEADS {
        let kind = (draw.share() * KINDS as f64) as usize;
        // Drawn before the pick, so that every way meets the same leads and the same luck.
        let luck = draw.share();
        let candidate = |rep: usize| {
            let (mean, spread) = cells[rep][kind].belief();
            let newer = rep >= VETERANS && cells[rep][kind].closed < HISTORY as f64;
            Candidate { id: &names[rep], mean, spread, newer }
        };
        let candidates: Vec<Candidate<'_>> = (0..REPS).map(candidate).collect();
        let rep = exploration.pick(&candidates, (tenant << 32) + lead as u64).context("a pick")?.index;
        let best = truth.iter().map(|kinds| kinds[kind]).fold(0.0, f64::max);
        sum += best - truth[rep][kind];
        open.push_back((rep, kind, luck < truth[rep][kind]));
        if open.len() > DELAY
            && let Some((rep, kind, won)) = open.pop_front()
        {
            cells[rep][kind].close(won);
        }
        if let Some(at) = READ.iter().position(|&read| read == lead + 1) {
            read[at] = sum;
        }
    }
    Ok(read)
}

impl Cell {
    fn close(&mut self, won: bool) {
        self.won += f64::from(u8::from(won));
        self.closed += 1.0;
    }

    /// The mean of the beta posterior as a logit, and its standard deviation there by the delta method.
    fn belief(&self) -> (f64, f64) {
        let won = self.won + PRIOR.0 * PRIOR.1;
        let lost = self.closed + PRIOR.1 - won;
        (libm::log(won / lost), (1.0 / won + 1.0 / lost).sqrt())
    }
}
