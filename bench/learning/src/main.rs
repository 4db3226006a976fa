//! What training a win model and asking it costs.
//!
//! `cargo xtask bench learning [ROUNDS]` prints two Markdown tables: training on 1,000, 10,000 and 100,000 deals of a year
//! with three facts, everything included that a service does every week; and asking about one lead with 20, 100 and 500
//! candidates, a draw among 20 of them beside it. Sizes are timed in turns.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use lanewright_bench_measure::{Plan, Way, measure, table};
use lanewright_learning::deal::{Deal, Outcome};
use lanewright_learning::explore::{Candidate, Exploration, Wanted};
use lanewright_learning::train::{Settings, train};

const DEALS: [usize; 3] = [1_000, 10_000, 100_000];
const CANDIDATES: [usize; 3] = [20, 100, 500];
const REPS: usize = 500;
const YEAR: i64 = 365 * 86_400_000;
const NOW: i64 = 1_790_000_000_000;

fn main() -> Result<()> {
    let rounds = match std::env::args().nth(1) {
        Some(rounds) => rounds.parse().with_context(|| format!("`{rounds}` is no number of rounds"))?,
        None => 200,
    };
    let histories = DEALS.map(history);
    let settings = Settings::default();
    let mut ways: Vec<Way<'_, anyhow::Error>> = histories
        .iter()
        .map(|deals| Way::new(format!("{} deals", deals.len()), || Ok(train(deals, &settings, NOW, None)?)))
        .collect();
    let rows = measure(Plan { warm_up: 0, rounds: 3, batch: 1 }, &mut ways).map_err(|failed| failed.error)?;
    drop(ways);
    println!("## Training, three facts, {REPS} reps at most\n\n{}", table(&rows, "1000 deals"));

    let model = train(&histories[2], &settings, NOW, None)?;
    let ids: Vec<String> = (0..REPS).map(|rep| format!("rep-{rep}")).collect();
    let lead = facts(7);
    let reps: Vec<&str> = ids.iter().take(20).map(String::as_str).collect();
    let estimates = model.predict(&lead, NOW, &reps);
    let candidates: Vec<Candidate<'_>> = reps
        .iter()
        .zip(&estimates)
        .map(|(id, found)| Candidate { id, mean: found.logit(), spread: found.rep_spread, newer: false })
        .collect();
    let explore = Exploration::try_from(Wanted { bound: 0.1, floor: 0.02, development: 0.0 })?;
    let mut seed = 0;
    let mut ways: Vec<Way<'_, anyhow::Error>> = CANDIDATES
        .iter()
        .map(|&number| {
            let reps: Vec<&str> = ids.iter().take(number).map(String::as_str).collect();
            let (model, lead) = (&model, &lead);
            Way::new(format!("{number} candidates"), move || Ok(model.predict(lead, NOW, &reps)))
        })
        .collect();
    ways.push(Way::new("a draw among 20", || {
        seed += 1;
        Ok(explore.pick(&candidates, seed))
    }));
    let plan = Plan { warm_up: 20, rounds, batch: 10 };
    let rows = measure(plan, &mut ways).map_err(|failed| failed.error)?;
    println!("## Asking about one lead, model of 100,000 deals\n\n{}", table(&rows, "20 candidates"));
    Ok(())
}

/// So many deals of a year, drawn from a generator of fixed numbers; reps differ, by industry too.
fn history(number: usize) -> Vec<Deal> {
    (0..number)
        .map(|place| {
            let draw = |salt: u64| mixed(place as u64, salt);
            let rep = draw(1) % REPS as u64;
            let fields = facts(draw(2));
            let strong = mixed(rep, fields["industry"].len() as u64) % 100;
            let closed = NOW - (YEAR as f64 * (1.0 - place as f64 / number as f64)) as i64;
            let won = draw(3) % 100 < 10 + strong / 3;
            Deal {
                rep: Some(format!("rep-{rep}")),
                fields,
                opened: closed - (draw(4) % 40) as i64 * 86_400_000,
                outcome: if won { Outcome::Won { closed } } else { Outcome::Lost { closed } },
                value: None,
            }
        })
        .collect()
}

fn facts(draw: u64) -> BTreeMap<String, String> {
    let word = |name: &str, words: u64, salt: u64| {
        (name.to_owned(), format!("{name}{}", "-".repeat((mixed(draw, salt) % words) as usize)))
    };
    BTreeMap::from([word("industry", 12, 5), word("channel", 6, 6), word("size", 4, 7)])
}

/// SplitMix64 of two numbers.
fn mixed(place: u64, salt: u64) -> u64 {
    let mut z = place.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
