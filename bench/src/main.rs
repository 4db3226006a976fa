//! One plugin call in Lanewright, measured beside its peers in one interleaved run.
//!
//! `cargo xtask bench [ROUNDS]` prints a Markdown table: every way's median, the tenth of its samples
//! below and above, and its ratio to the baseline. A way is a line of [`ways`]; what is asked, and the
//! check of the answer, is the same for all.

mod extism;

use anyhow::{Context, Result};
use lanewright_bench_logic::lead::Lead;
use lanewright_bench_measure::{Plan, Way, measure, table};

use extism::{Allocation, Compiled, Encoding};

/// What every ratio is to.
const BASELINE: &str = "Extism, pooling, MessagePack";

/// Rounds that are not counted, one run of each way in each.
const WARM_UP: u32 = 200;

fn main() -> Result<()> {
    let rounds = match std::env::args().nth(1) {
        Some(rounds) => rounds.parse().with_context(|| format!("`{rounds}` is no number of rounds"))?,
        None => 2_000,
    };
    let lead = Lead::sample();
    let peers = Peers::compile()?;
    let mut ways = ways(&peers, &lead);
    // A single call is long enough to be timed alone.
    let rows = measure(Plan { warm_up: WARM_UP, rounds, batch: 1 }, &mut ways)
        .map_err(|failed| failed.error.context(failed.name))?;
    print!("{}", table(&rows, BASELINE));
    Ok(())
}

/// What is compiled before anything is timed.
struct Peers {
    on_demand: Compiled,
    pooling: Compiled,
}

impl Peers {
    fn compile() -> Result<Self> {
        Ok(Self {
            on_demand: Compiled::new(Allocation::OnDemand)?,
            pooling: Compiled::new(Allocation::Pooling)?,
        })
    }
}

/// The rows of the table, in its order: one call in a fresh instance, the answer checked.
fn ways<'a>(peers: &'a Peers, lead: &'a Lead) -> Vec<Way<'a, anyhow::Error>> {
    let extism = |name: &str, compiled: &'a Compiled, encoding| {
        Way::new(name, move || compiled.call_fresh(lead, encoding))
    };
    vec![
        extism("Extism, pooling, MessagePack", &peers.pooling, Encoding::MessagePack),
        extism("Extism, pooling, JSON", &peers.pooling, Encoding::Json),
        extism("Extism as it comes, MessagePack", &peers.on_demand, Encoding::MessagePack),
        extism("Extism as it comes, JSON", &peers.on_demand, Encoding::Json),
    ]
}
