//! The engine all guests run in: no WASI, nothing asynchronous, the fewest features, pooled memory.
//!
//! Two numbers bound every call: fuel, which is deterministic and what metering counts, and an epoch
//! deadline in wall time behind it. The epoch is ticked by a thread that ends with its engine.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OperatorCost, OptLevel, PoolingAllocationConfig,
};

use super::Plan;
use super::imports::{self, State};
use crate::failure::Failure;

/// Bytes of guest stack.
pub(super) const GUEST_STACK: usize = 512 << 10;

/// Bytes of stack of a thread that calls guests: the guest's, and ample room for the host functions a
/// guest calls from its own last frame.
pub const THREAD_STACK: usize = GUEST_STACK + (4 << 20);

/// One tick of the wall clock.
pub(super) const TICK: Duration = Duration::from_millis(1);

/// How an engine is sized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Instances alive at once; a call beyond is refused as [`Failure::Capacity`].
    pub slots: u32,
}

impl Default for Size {
    fn default() -> Self {
        Self { slots: 64 }
    }
}

/// The engine, and what every guest of it can import.
pub(super) struct Sandbox {
    pub(super) engine: Engine,
    pub(super) linker: Linker<State>,
    pub(super) plan: Plan,
}

impl Sandbox {
    pub(super) fn new(plan: Plan, size: Size) -> Result<Arc<Self>, Failure> {
        let mut config = config();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(&plan, size)));
        let engine = Engine::new(&config).map_err(host)?;
        let mut linker = Linker::new(&engine);
        imports::link(&mut linker).map_err(host)?;
        tick(&engine)?;
        Ok(Arc::new(Self { engine, linker, plan }))
    }
}

fn host(error: wasmtime::Error) -> Failure {
    Failure::Host { message: format!("{error:#}") }
}

/// An engine that only compiles. Its artifacts run in every engine of [`config`]; it reserves no pool,
/// so it fits the compiler's memory limit.
pub(super) fn compiler() -> Result<Engine, wasmtime::Error> {
    let mut config = config();
    config.parallel_compilation(false);
    Engine::new(&config)
}

/// What machine code depends on, the same wherever it is made or run.
fn config() -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .operator_cost(costs())
        .epoch_interruption(true)
        .max_wasm_stack(GUEST_STACK)
        .cranelift_opt_level(OptLevel::Speed)
        // The same NaN everywhere: a decision is compared to the bit.
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .wasm_tail_call(false)
        .wasm_component_model(true)
        .shared_memory(false)
        .concurrency_support(false)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16))
        .native_unwind_info(false)
        // Small guests touch few pages: copying them beats mapping an image and faulting it in.
        .memory_init_cow(false)
        // Under the default reservation of 4 GiB a guest needs no bounds checks; address space is
        // bounded by the number of slots.
        .memory_guard_size(64 << 10)
        .guard_before_linear_memory(false);
    config
}

/// Fuel where the default is free: growing memory makes the kernel clear pages.
fn costs() -> OperatorCost {
    let mut costs = OperatorCost::new();
    costs.variable.memory_grow_per_page = u8::MAX;
    costs
}

fn pool(plan: &Plan, size: Size) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(size.slots)
        .total_core_instances(size.slots * CORE_INSTANCES)
        .total_memories(size.slots)
        .total_tables(size.slots * TABLES)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(1)
        .max_tables_per_component(TABLES)
        .max_memories_per_module(1)
        .max_tables_per_module(TABLES)
        .max_memory_size(plan.memory_bytes)
        .table_elements(plan.table_elements)
        .linear_memory_keep_resident(1 << 20)
        .table_keep_resident(64 << 10)
        // Without it, clearing what a guest might have touched costs more than the call.
        .pagemap_scan(Enabled::Auto);
    pool
}

/// Core instances of one component: its module, and the shims `wit-component` puts around it.
pub(super) const CORE_INSTANCES: u32 = 10;
/// Tables of one component: its own, and the shims'.
pub(super) const TABLES: u32 = 4;

fn tick(engine: &Engine) -> Result<(), Failure> {
    let weak = engine.weak();
    let ticker = move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    };
    std::thread::Builder::new()
        .name("epoch".into())
        .spawn(ticker)
        .map(drop)
        .map_err(|error| Failure::Host { message: format!("no thread for the epoch: {error}") })
}
