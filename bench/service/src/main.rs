//! What a durable decision costs over HTTP, beside handlers that do less.
//!
//! `cargo xtask bench service [rates|tenants|stored [NUMBER]|hosts|alone]` prints Markdown tables. In each, all ways serve from this
//! one process to the same 64 clients, one after the other in short turns, again and again, so that what disturbs one
//! disturbs all; a figure is the median over the turns. Rates are of answered requests; latencies are measured at
//! half of a way's own rate, each from the moment at which its request was to be sent.

mod clients;
mod hosts;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use lanewright::plugin::{CHILD, child};

use clients::{Latencies, Turn};
use hosts::{Bench, Way};

/// The program's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Clients at once.
const CLIENTS: usize = 64;
/// Turns of each way that are counted.
const TURNS: usize = 5;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == CHILD) {
        return child(&arguments[1..]);
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let server = std::env::var("LANEWRIGHT_TEST_POSTGRES")
        .context("LANEWRIGHT_TEST_POSTGRES names no server; `cargo xtask bench service` starts one")?;
    let bench = Bench::new(server)?;
    match arguments.first().map(String::as_str) {
        None | Some("rates") => rates(&bench),
        Some("tenants") => tenants(&bench),
        Some("stored") => {
            let most = arguments.get(1).map_or(Ok(10_000_000), |number| number.parse());
            stored(&bench, most.context("how many decisions are stored is a number")?)
        }
        Some("hosts") => several(&bench),
        Some("alone") => alone(&bench),
        Some(other) => bail!("there is no bench {other:?}; there are rates, tenants, stored, hosts, alone"),
    }
}

/// One tenant; the service beside a row alone and beside nothing, on both databases.
fn rates(bench: &Bench) -> Result<()> {
    let ways = [
        bench.nothing()?,
        bench.row(hosts::On::Sqlite)?,
        bench.service(hosts::On::Sqlite, 1, 1)?,
        bench.row(hosts::On::Postgres)?,
        bench.service(hosts::On::Postgres, 1, 1)?,
    ];
    let rates = medians(bench, &ways)?;
    println!("## Leads a second, {CLIENTS} clients\n");
    println!("| way | requests a second | against its row alone | p50 at half load | p99 | p99.9 |");
    println!("|---|---|---|---|---|---|");
    for (place, (way, rate)) in ways.iter().zip(&rates).enumerate() {
        let Latencies { p50, p99, p999 } = bench.latencies(way, rate / 2.0)?;
        let against = match place {
            2 | 4 => format!("{:.2} ×", rate / rates[place - 1]),
            _ => "".to_owned(),
        };
        println!("| {} | {rate:.0} | {against} | {p50:.2} ms | {p99:.2} ms | {p999:.2} ms |", way.name);
    }
    Ok(())
}

/// Nothing but the service, for a profiler to look at.
fn alone(bench: &Bench) -> Result<()> {
    let ways = [bench.service(hosts::On::Sqlite, 1, 1)?];
    println!("{:.0} leads a second", medians(bench, &ways)?[0]);
    Ok(())
}

/// The same leads spread over more tenants.
fn tenants(bench: &Bench) -> Result<()> {
    let ways = [
        bench.service(hosts::On::Sqlite, 1, 1)?,
        bench.service(hosts::On::Sqlite, 1, 100)?,
        bench.service(hosts::On::Sqlite, 1, 10_000)?,
    ];
    table("Leads a second as tenants grow, SQLite", &ways, &medians(bench, &ways)?);
    Ok(())
}

/// The same with many decisions in the database already, as against ten thousand.
fn stored(bench: &Bench, most: u64) -> Result<()> {
    for on in [hosts::On::Sqlite, hosts::On::Postgres] {
        let ways = [bench.service(on, 1, 1)?, bench.service(on, 1, 1)?];
        bench.load(&ways[0], 10_000)?;
        bench.load(&ways[1], most)?;
        let rates = medians(bench, &ways)?;
        table(&format!("Leads a second with 10,000 and {most} stored decisions, {on:?}"), &ways, &rates);
        println!("\ncost of a decision: {:.2} ×\n", rates[0] / rates[1]);
    }
    Ok(())
}

/// One host and two, over one Postgres.
fn several(bench: &Bench) -> Result<()> {
    let ways = [
        bench.service(hosts::On::Postgres, 1, 1)?,
        bench.service(hosts::On::Postgres, 2, 1)?,
        bench.service(hosts::On::Postgres, 1, 100)?,
        bench.service(hosts::On::Postgres, 2, 100)?,
    ];
    table("Leads a second with one host and two, Postgres", &ways, &medians(bench, &ways)?);
    Ok(())
}

fn table(title: &str, ways: &[Way], rates: &[f64]) {
    println!("## {title}\n\n| way | leads a second | against the first |\n|---|---|---|");
    for (way, rate) in ways.iter().zip(rates) {
        println!("| {} | {rate:.0} | {:.2} × |", way.name, rate / rates[0]);
    }
}

/// The rate of each way: the median over turns, one way after the other in each.
fn medians(bench: &Bench, ways: &[Way]) -> Result<Vec<f64>> {
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); ways.len()];
    for turn in 0..=TURNS {
        for place in 0..ways.len() {
            // Each comes first in its turn.
            let place = (place + turn) % ways.len();
            let Turn { answered, seconds } = bench.turn(&ways[place])?;
            // The first turn warms up.
            if turn > 0 {
                rates[place].push(answered as f64 / seconds);
            }
        }
    }
    let median = |mut rates: Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    };
    Ok(rates.into_iter().map(median).collect())
}
