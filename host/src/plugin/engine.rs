//! The engines guests run in: no WASI, nothing asynchronous, the fewest features, pooled memory.
//!
//! There are two, each with a pool of its own: [`Class::Small`] for guests such as Rust and C make, and
//! [`Class::Large`] for those that bring the runtime of their language, such as JavaScript and Python. The
//! second is made when the first such guest is loaded.
//!
//! Two numbers bound every call: fuel, which is deterministic and what metering counts, and an epoch
//! deadline in wall time behind it. The epoch is ticked by a thread that ends with its engine.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wasmtime::component::Linker;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OperatorCost, OptLevel, PoolingAllocationConfig,
};

use super::Plan;
use super::imports::{self, State};
use super::probe::Probe;
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
    /// Small instances alive at once, and eight times as many as large ones; a call beyond is refused as
    /// [`Failure::Capacity`].
    pub slots: u32,
}

impl Default for Size {
    fn default() -> Self {
        Self { slots: 64 }
    }
}

/// Which of the two engines a component runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Class {
    /// Code and little else.
    Small,
    /// A language's runtime, with the plugin inside.
    Large,
}

impl Class {
    /// Its bytes tell, before anything is parsed: nothing below the size that plain code may have brings a
    /// runtime, and a little component gets no large slot by asking for one.
    pub(super) fn of(component: &[u8], plan: &Plan) -> Self {
        if component.len() <= plan.component_bytes { Self::Small } else { Self::Large }
    }

    /// The plan its guests run under.
    pub(super) fn plan(self, plan: Plan) -> Plan {
        match self {
            Self::Small => plan,
            Self::Large => plan.large(),
        }
    }

    /// What a component of it may be built of.
    pub(super) fn shape(self) -> Shape {
        match self {
            // Its module, and the shims `wit-component` puts around it.
            Self::Small => Shape { core_instances: 10, tables: 4, custom_bytes: 512 << 10 },
            // componentize-py 0.25 makes 38 instances, componentize-js 0.23 three; both two tables. Names of
            // CPython's functions are 400 KiB.
            Self::Large => Shape { core_instances: 48, tables: 4, custom_bytes: 1 << 20 },
        }
    }

    fn slots(self, size: Size) -> u32 {
        match self {
            Self::Small => size.slots,
            // Each takes megabytes where a small one takes kilobytes.
            Self::Large => size.slots.div_ceil(8),
        }
    }
}

/// What a component may be built of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Core modules, and instances of them.
    pub(super) core_instances: u32,
    /// Tables of all of them.
    pub(super) tables: u32,
    /// Bytes of custom sections, all together.
    pub(super) custom_bytes: usize,
}

/// One engine, and what every guest of it can import.
pub(super) struct Sandbox {
    pub(super) engine: Engine,
    pub(super) linker: Linker<State>,
    pub(super) class: Class,
    pub(super) plan: Plan,
    /// Looks where a guest spends its fuel.
    pub(super) probe: OnceLock<Arc<Probe>>,
}

impl Sandbox {
    /// The engine of a class; `plan` is the plan of small guests.
    pub(super) fn new(class: Class, plan: Plan, size: Size) -> Result<Arc<Self>, Failure> {
        let plan = class.plan(plan);
        let mut config = config(class);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(class, &plan, size)));
        let engine = Engine::new(&config).map_err(host)?;
        let mut linker = Linker::new(&engine);
        imports::link(&mut linker).map_err(host)?;
        tick(&engine)?;
        Ok(Arc::new(Self { engine, linker, class, plan, probe: OnceLock::new() }))
    }
}

fn host(error: wasmtime::Error) -> Failure {
    Failure::Host { message: format!("{error:#}") }
}

/// An engine that only compiles. Its artifacts run in every engine of the same [`config`]; it reserves no
/// pool, so it fits the compiler's memory limit.
pub(super) fn compiler(class: Class) -> Result<Engine, wasmtime::Error> {
    let mut config = config(class);
    config.parallel_compilation(false);
    Engine::new(&config)
}

/// What machine code depends on, the same wherever it is made or run.
fn config(class: Class) -> Config {
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
        // Interpreters nest deeply, and profiles show all of it.
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(128))
        .native_unwind_info(false)
        // Small guests touch few pages: copying them beats mapping an image and faulting it in. A runtime
        // starts from megabytes of which it touches a part.
        .memory_init_cow(class == Class::Large)
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

fn pool(class: Class, plan: &Plan, size: Size) -> PoolingAllocationConfig {
    let slots = class.slots(size);
    let Shape { core_instances, tables, .. } = class.shape();
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots * core_instances)
        .total_memories(slots)
        .total_tables(slots * tables)
        .max_core_instances_per_component(core_instances)
        .max_memories_per_component(1)
        .max_tables_per_component(tables)
        .max_memories_per_module(1)
        .max_tables_per_module(tables)
        .max_memory_size(plan.memory_bytes)
        .table_elements(plan.table_elements)
        .linear_memory_keep_resident(1 << 20)
        .table_keep_resident(64 << 10)
        // Without it, clearing what a guest might have touched costs more than the call.
        .pagemap_scan(Enabled::Auto);
    pool
}

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
