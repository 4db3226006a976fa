//! The peer: the shared classifier through Extism, a fresh plugin for every call.
//!
//! What Lanewright promises of a call is asked of the peer too, as far as it has it: nothing survives a
//! call, fuel and a time limit are armed, memory is capped, the answer is read into a value. Compiling is
//! done once, before. It runs twice over: as it comes, and with the engine's pooling allocator, which it
//! does not turn on by itself.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use extism::convert::{Json, Msgpack};
use extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Wasm};
use lanewright_bench_logic::lead::Lead;
use lanewright_bench_logic::{LANES, Verdict};
use wasmtime_of_extism::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

/// Fuel of one call, as in the host's default plan.
const FUEL: u64 = 50_000_000;
/// Wall time of one call, as in the host's default plan.
const TIME: Duration = Duration::from_millis(500);
/// Linear memory in pages of 64 KiB: 16 MiB, as in the host's default plan.
const PAGES: u32 = 256;

static GUEST: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/extism-guest.wasm"));

/// How the peer's engine allocates instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allocation {
    /// As it comes: memory mapped for each instance.
    OnDemand,
    /// Slots that are kept and cleared, as Lanewright does it.
    Pooling,
}

/// How a lead and a verdict cross the boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// The usual choice.
    Json,
    /// The quicker one.
    MessagePack,
}

/// The guest, compiled once.
pub(crate) struct Compiled(CompiledPlugin);

impl Compiled {
    /// Compiles the guest; no cache on disk, so nothing is left behind.
    pub(crate) fn new(allocation: Allocation) -> Result<Self> {
        let manifest = Manifest::new([Wasm::data(GUEST)]).with_timeout(TIME).with_memory_max(PAGES);
        let mut config = Config::new();
        if allocation == Allocation::Pooling {
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
        }
        let builder = PluginBuilder::new(manifest)
            .with_wasi(false)
            .with_fuel_limit(FUEL)
            .with_cache_disabled()
            .with_wasmtime_config(config);
        Ok(Self(builder.compile().context("the Extism guest does not compile")?))
    }

    /// One call in a plugin of its own, its answer checked.
    pub(crate) fn call_fresh(&self, lead: &Lead, encoding: Encoding) -> Result<Verdict> {
        let mut plugin = Plugin::new_from_compiled(&self.0)?;
        let verdict = match encoding {
            Encoding::Json => plugin.call::<_, Json<Verdict>>("classify_json", Json(lead))?.0,
            Encoding::MessagePack => plugin.call::<_, Msgpack<Verdict>>("classify_msgpack", Msgpack(lead))?.0,
        };
        check(&verdict, &lead.text)?;
        Ok(verdict)
    }
}

/// Two modules an instance (the guest and Extism's own), and room for what is not yet cleared.
fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(64).total_memories(64).total_tables(64);
    pool.max_memory_size(PAGES as usize * 65_536);
    // What a call touches is cleared in place instead of given back to the system.
    pool.linear_memory_keep_resident(1 << 20).table_keep_resident(1 << 16);
    pool
}

/// What the host asks of every verdict: lanes exist, numbers are in range, places are in the text.
fn check(verdict: &Verdict, text: &str) -> Result<()> {
    ensure!(LANES.contains(&verdict.lane.as_str()), "no such lane: {}", verdict.lane);
    ensure!((0.0..=100.0).contains(&verdict.intent), "intent out of range: {}", verdict.intent);
    let sum: f32 = verdict.ranking.iter().map(|ranked| ranked.score).sum();
    ensure!(sum.is_finite() && sum <= 1.001, "the ranking adds up to {sum}");
    for ranked in &verdict.ranking {
        ensure!(LANES.contains(&ranked.lane.as_str()), "no such lane: {}", ranked.lane);
        ensure!((0.0..=1.0).contains(&ranked.score), "score out of range: {}", ranked.score);
    }
    for signal in &verdict.signals {
        let place = signal.start as usize..signal.end as usize;
        ensure!(
            !place.is_empty() && text.get(place.clone()).is_some(),
            "a signal outside the text: {place:?}"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lanewright_bench_logic::classify;

    use super::*;

    #[test]
    fn every_way_gives_the_native_answer() {
        let lead = Lead::sample();
        for allocation in [Allocation::OnDemand, Allocation::Pooling] {
            let compiled = Compiled::new(allocation).expect("the guest compiles");
            for encoding in [Encoding::Json, Encoding::MessagePack] {
                let verdict = compiled.call_fresh(&lead, encoding).expect("the guest answers");
                assert_eq!(verdict, classify(&lead.inquiry()), "{allocation:?}, {encoding:?}");
            }
        }
    }

    #[test]
    fn a_wrong_answer_is_refused() {
        let good = classify(&Lead::sample().inquiry());
        assert!(check(&good, &Lead::sample().text).is_ok());
        assert!(check(&good, "short").is_err());
        assert!(check(&Verdict { lane: "vip".to_owned(), ..good.clone() }, &Lead::sample().text).is_err());
        assert!(check(&Verdict { intent: f32::NAN, ..good }, &Lead::sample().text).is_err());
    }
}
