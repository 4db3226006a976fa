//! The floor: the same components called through the bare engine, with the host's own settings.
//!
//! Nothing around the call: no checks of the answer, no accounting, no conversion of a lead. What is
//! asked of the host (`settings`, `text`) is answered by the shortest function that can.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use lanewright::text::{DIMENSIONS, TextModel};
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Store,
    StoreContextMut, StoreLimits, StoreLimitsBuilder,
};

#[allow(missing_docs, unreachable_pub, clippy::allow_attributes_without_reason, reason = "generated")]
mod bindings {
    wasmtime::component::bindgen!({ path: "../wit/0.2", world: "lanewright:plugin/suite" });
}

pub(crate) use bindings::exports::lanewright::plugin::{classifier, scorer};
pub(crate) use bindings::lanewright::plugin::types;

/// Fuel and wall time of one call, as in the host's default plan.
const FUEL: u64 = 50_000_000;
const TICKS: u64 = 500;

/// Whether fuel is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fuel {
    Counted,
    Off,
}

/// The engine with the host's settings.
pub(crate) struct Bare {
    engine: Engine,
    fuel: Fuel,
}

/// What a guest was set up with.
pub(crate) struct Setup {
    pub(crate) json: Arc<str>,
    pub(crate) lanes: Arc<[types::Lane]>,
    pub(crate) prepared: Arc<[u8]>,
}

pub(crate) struct State {
    limits: StoreLimits,
    setup: Arc<Setup>,
}

/// A component ready to be instantiated.
pub(crate) struct Guest {
    pre: InstancePre<State>,
    classifier: Option<classifier::GuestIndices>,
    scorer: Option<scorer::GuestIndices>,
    setup: Arc<Setup>,
    fuel: Fuel,
}

impl Bare {
    pub(crate) fn new(fuel: Fuel) -> Result<Self> {
        let mut config = Config::new();
        config
            .consume_fuel(fuel == Fuel::Counted)
            .epoch_interruption(true)
            .max_wasm_stack(512 << 10)
            .cranelift_opt_level(OptLevel::Speed)
            .cranelift_nan_canonicalization(true)
            .wasm_component_model(true)
            .concurrency_support(false)
            .memory_init_cow(false)
            .memory_guard_size(64 << 10)
            .guard_before_linear_memory(false)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
        let engine = Engine::new(&config).map_err(broken)?;
        let weak = engine.weak();
        std::thread::spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        Ok(Self { engine, fuel })
    }

    pub(crate) fn precompile(&self, component: &[u8]) -> Result<Vec<u8>> {
        self.engine.precompile_component(component).map_err(broken)
    }

    pub(crate) fn compile(&self, component: &[u8], setup: Setup) -> Result<Guest> {
        let component = Component::from_binary(&self.engine, component).map_err(broken)?;
        self.link(&component, setup)
    }

    /// Maps machine code from a file of our own.
    #[expect(unsafe_code, reason = "machine code this process made and wrote a moment ago")]
    pub(crate) fn open(&self, file: &Path, setup: Setup) -> Result<Guest> {
        // SAFETY: `precompile` of this engine made it, and nobody else knows the folder.
        let component = unsafe { Component::deserialize_file(&self.engine, file) }.map_err(broken)?;
        self.link(&component, setup)
    }

    fn link(&self, component: &Component, setup: Setup) -> Result<Guest> {
        let mut linker = Linker::<State>::new(&self.engine);
        answer(&mut linker).map_err(broken)?;
        linker.define_unknown_imports_as_traps(component).map_err(broken)?;
        let pre = linker.instantiate_pre(component).map_err(broken)?;
        let classifier = classifier::GuestIndices::new(&pre).ok();
        let scorer = scorer::GuestIndices::new(&pre).ok();
        Ok(Guest { pre, classifier, scorer, setup: Arc::new(setup), fuel: self.fuel })
    }
}

fn answer(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    type Call<'a> = StoreContextMut<'a, State>;
    let mut settings = linker.instance("lanewright:plugin/settings@0.2.0")?;
    settings.func_wrap("json", |store: Call<'_>, ()| Ok((Arc::clone(&store.data().setup.json),)))?;
    settings.func_wrap("lanes", |store: Call<'_>, ()| Ok((Arc::clone(&store.data().setup.lanes),)))?;
    settings.func_wrap("prepared", |store: Call<'_>, ()| Ok((Arc::clone(&store.data().setup.prepared),)))?;
    let mut text = linker.instance("lanewright:plugin/text@0.2.0")?;
    text.func_wrap("embed", |_: Call<'_>, (texts,): (Vec<String>,)| {
        let model = TextModel::embedded();
        Ok((texts.iter().flat_map(|text| model.embed(text)).collect::<Vec<f32>>(),))
    })?;
    text.func_wrap("dimensions", |_: Call<'_>, ()| Ok((DIMENSIONS as u32,)))
}

impl Guest {
    pub(crate) fn classify(&self, lead: &types::Lead) -> Result<types::Verdict> {
        let mut store = self.store()?;
        let instance = self.pre.instantiate(&mut store).map_err(broken)?;
        let indices = self.classifier.as_ref().ok_or_else(|| anyhow!("no classifier"))?;
        let guest = indices.load(&mut store, &instance).map_err(broken)?;
        self.arm(&mut store)?;
        let policy = classifier::Policy::BestMatch;
        let answer = guest.call_classify(&mut store, lead, policy).map_err(broken)?;
        answer.map_err(|failure| anyhow!("{failure:?}"))
    }

    pub(crate) fn score(
        &self,
        lead: &types::Lead,
        verdict: &types::Verdict,
        context: &scorer::Context,
        candidates: &[scorer::Candidate],
    ) -> Result<scorer::Scores> {
        let mut store = self.store()?;
        let instance = self.pre.instantiate(&mut store).map_err(broken)?;
        let indices = self.scorer.as_ref().ok_or_else(|| anyhow!("no scorer"))?;
        let guest = indices.load(&mut store, &instance).map_err(broken)?;
        self.arm(&mut store)?;
        let answer = guest.call_score(&mut store, lead, verdict, context, candidates).map_err(broken)?;
        answer.map_err(|failure| anyhow!("{failure:?}"))
    }

    fn store(&self) -> Result<Store<State>> {
        let limits = StoreLimitsBuilder::new().memory_size(16 << 20).table_elements(20_000).build();
        let state = State { limits, setup: Arc::clone(&self.setup) };
        let mut store = Store::new(self.pre.engine(), state);
        store.limiter(|state| &mut state.limits);
        store.set_hostcall_fuel(1 << 20);
        self.arm(&mut store)?;
        Ok(store)
    }

    fn arm(&self, store: &mut Store<State>) -> Result<()> {
        if self.fuel == Fuel::Counted {
            store.set_fuel(FUEL).map_err(broken)?;
        }
        store.set_epoch_deadline(TICKS);
        Ok(())
    }
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(64)
        .total_core_instances(640)
        .total_memories(64)
        .total_tables(256)
        .max_core_instances_per_component(10)
        .max_memories_per_component(1)
        .max_tables_per_component(4)
        .max_memories_per_module(1)
        .max_tables_per_module(4)
        .max_memory_size(16 << 20)
        .table_elements(20_000)
        .linear_memory_keep_resident(1 << 20)
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// The engine's errors are a type of its own.
fn broken(error: wasmtime::Error) -> anyhow::Error {
    anyhow!("{error:#}")
}
