//! What a guest can ask of the host, and what the host keeps about one instance.
//!
//! Every import is linked through [`serve`], which counts the call, charges its price in fuel and stops
//! a panic of ours at the boundary. Whatever stops a guest is a [`Stop`] with its typed [`Failure`].

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::{ComponentNamedList, Lift, Linker, LinkerInstance, Lower};
use wasmtime::{ResourceLimiter, StoreContextMut};

use super::bindings::{directory, log, types};
use super::convert;
use super::plan::Plan;
use super::probe::Probe;
use super::version::InterfaceVersion;
use crate::failure::{Failure, Limit, LogLevel, LogLine, clean};
use crate::lead::FieldValue;
use crate::text::{self, TextModel};

/// What a plugin was set up with; shared by all its instances.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) json: Arc<str>,
    pub(super) lanes: Arc<[types::Lane]>,
    pub(super) prepared: Arc<[u8]>,
}

/// The tenant's people as plugins see them; a rep's number is their place here.
#[derive(Debug, Default)]
pub struct Directory {
    pub(super) profiles: Vec<directory::Profile>,
    pub(super) teams: Arc<[String]>,
}

/// Why a guest was stopped, carried through the engine as its error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Stop(pub(super) Failure);

/// What the host keeps about one instance.
pub(super) struct State {
    pub(super) plan: Plan,
    pub(super) setup: Arc<Setup>,
    pub(super) directory: Arc<Directory>,
    pub(super) fields: Arc<BTreeMap<String, FieldValue>>,
    pub(super) used: Used,
    pub(super) probe: Option<Arc<Probe>>,
    /// Since when it runs on the budget that it has.
    pub(super) armed: Instant,
    memory: usize,
    tables: usize,
}

/// What a call used and left, taken out and begun anew for each exported call.
#[derive(Debug, Default)]
pub(super) struct Used {
    pub(super) host_calls: u32,
    pub(super) log: Vec<LogLine>,
    pub(super) log_dropped: u32,
    pub(super) fields: BTreeMap<String, Option<FieldValue>>,
    /// Of them, fields the lead lacks.
    lacking: usize,
    fields_dropped: u32,
    /// What the limiter refused: if the guest gives up afterwards, this is why.
    pub(super) refused: Option<Failure>,
    pub(super) memory_peak: usize,
}

impl State {
    pub(super) fn new(
        plan: Plan,
        setup: Arc<Setup>,
        directory: Arc<Directory>,
        fields: Arc<BTreeMap<String, FieldValue>>,
    ) -> Self {
        let (used, armed) = (Used::default(), Instant::now());
        Self { plan, setup, directory, fields, used, probe: None, armed, memory: 0, tables: 0 }
    }

    /// What was used since the last time, leaving a clean slate for the next call.
    pub(super) fn take_used(&mut self) -> Used {
        let fresh = Used { memory_peak: self.memory, ..Used::default() };
        let mut used = std::mem::replace(&mut self.used, fresh);
        let mut tell = |count: u32, what: &str| {
            if count > 0 {
                used.log.push(LogLine { level: LogLevel::Warn, message: format!("{count} more {what}") });
            }
        };
        tell(used.log_dropped, "lines were dropped");
        tell(used.fields_dropped, "fields were asked for that the lead lacks");
        used
    }

    fn write(&mut self, level: log::Level, message: &str) {
        if self.used.log.len() >= self.plan.log_lines {
            self.used.log_dropped += 1;
            return;
        }
        let message = clean(message, self.plan.log_line_bytes);
        self.used.log.push(LogLine { level: convert::level(level), message });
    }

    fn field(&mut self, name: &str) -> Option<types::Value> {
        let value = self.fields.get(name);
        let answer = value.map(convert::value_out);
        let name = clean(name, FIELD_NAME);
        if !self.used.fields.contains_key(&name) {
            // What the lead has bounds itself; what it lacks could be anything.
            self.used.lacking += usize::from(value.is_none());
            if value.is_none() && self.used.lacking > FIELDS {
                self.used.fields_dropped += 1;
            } else {
                self.used.fields.insert(name, value.cloned());
            }
        }
        answer
    }
}

/// Fields the lead lacks that are recorded as asked for, and bytes of a name: a trace is no place for
/// whatever a guest makes up.
const FIELDS: usize = 64;
const FIELD_NAME: usize = 256;

impl ResourceLimiter for State {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let after = self.memory.saturating_add(desired.saturating_sub(current));
        if after > self.plan.memory_bytes {
            let (used, allowed) = (after as u64, self.plan.memory_bytes as u64);
            self.used.refused = Some(Failure::Limit { limit: Limit::Memory, used, allowed });
            return Ok(false);
        }
        self.memory = after;
        // It went on, so it coped with what it was refused before.
        self.used.refused = None;
        self.used.memory_peak = self.used.memory_peak.max(after);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        own: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Beyond its own maximum a table never grows, so nothing is counted; the engine asks here first.
        if own.is_some_and(|own| desired > own && own < self.plan.table_elements) {
            return Ok(false);
        }
        let after = self.tables.saturating_add(desired.saturating_sub(current));
        if after > self.plan.table_elements {
            let (used, allowed) = (after as u64, self.plan.table_elements as u64);
            self.used.refused = Some(Failure::Limit { limit: Limit::Table, used, allowed });
            return Ok(false);
        }
        self.tables = after;
        self.used.refused = None;
        Ok(true)
    }
}

/// Fuel of any host call.
const CALL: u64 = 1_000;
/// Fuel a byte that crosses: reading, checking and copying it.
const BYTE: u64 = 1;
/// Fuel a byte of text given to the model: cutting it into words and summing their rows.
const TEXT_BYTE: u64 = 32;
/// Fuel a vector: making it and carrying it over.
const VECTOR: u64 = 2_000;
/// Fuel a field asked for among several.
const FIELD: u64 = 100;

/// Links every interface a guest may import, in every version: a component names the one it means.
pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    InterfaceVersion::ALL.into_iter().try_for_each(|version| link_version(linker, version))
}

/// Versions differ here only in what was added; an older one's functions are the newest's.
fn link_version(linker: &mut Linker<State>, version: InterfaceVersion) -> wasmtime::Result<()> {
    // Types alone; there is nothing to serve.
    linker.instance(&version.name("types"))?;

    let mut settings = linker.instance(&version.name("settings"))?;
    let price = |state: &State, (): &()| state.setup.json.len() as u64 * BYTE;
    serve(&mut settings, "json", price, |state, ()| (Arc::clone(&state.setup.json),))?;
    let price = |state: &State, (): &()| state.setup.lanes.iter().map(lane_bytes).sum::<u64>() * BYTE;
    serve(&mut settings, "lanes", price, |state, ()| (Arc::clone(&state.setup.lanes),))?;
    let price = |state: &State, (): &()| state.setup.prepared.len() as u64 * BYTE;
    serve(&mut settings, "prepared", price, |state, ()| (Arc::clone(&state.setup.prepared),))?;

    let mut fields = linker.instance(&version.name("fields"))?;
    let price = |state: &State, (name,): &(String,)| {
        (name.len() as u64 + state.fields.get(name).map_or(0, value_bytes)) * BYTE
    };
    serve(&mut fields, "get", price, |state, (name,): (String,)| (state.field(&name),))?;
    let names = |state: &mut State, ()| (state.fields.keys().cloned().collect::<Vec<String>>(),);
    serve(&mut fields, "names", |_, ()| 0, names)?;
    if version >= InterfaceVersion::V0_2 {
        let price = |state: &State, (names,): &(Vec<String>,)| {
            let field = |name: &String| {
                FIELD + (name.len() as u64 + state.fields.get(name).map_or(0, value_bytes)) * BYTE
            };
            names.iter().map(field).sum()
        };
        serve(&mut fields, "get-many", price, |state, (names,): (Vec<String>,)| {
            (names.iter().map(|name| state.field(name)).collect::<Vec<_>>(),)
        })?;
    }

    let mut log = linker.instance(&version.name("log"))?;
    let price = |_: &State, (_, message): &(log::Level, String)| message.len() as u64 * BYTE;
    serve(&mut log, "write", price, |state, (level, message): (log::Level, String)| {
        state.write(level, &message);
    })?;

    let mut meaning = linker.instance(&version.name("text"))?;
    let price = |_: &State, (texts,): &(Vec<String>,)| texts.iter().map(|text| embedding(text)).sum();
    serve(&mut meaning, "embed", price, |_, (texts,): (Vec<String>,)| {
        let model = TextModel::embedded();
        (texts.iter().flat_map(|text| model.embed(text)).collect::<Vec<f32>>(),)
    })?;
    serve(&mut meaning, "dimensions", |_, ()| 0, |_, ()| (text::DIMENSIONS as u32,))?;
    let price = |_: &State, (one, others): &(String, Vec<String>)| {
        embedding(one) + others.iter().map(|text| embedding(text)).sum::<u64>()
    };
    serve(&mut meaning, "similarity", price, |_, (one, others): (String, Vec<String>)| {
        (TextModel::embedded().similarity(&one, &others),)
    })?;

    let mut people = linker.instance(&version.name("directory"))?;
    let price = |_: &State, (reps,): &(Vec<u32>,)| reps.len() as u64 * CALL;
    serve(&mut people, "profiles", price, |state, (reps,): (Vec<u32>,)| {
        let profile = |n: &u32| state.directory.profiles.get(*n as usize).cloned();
        (reps.iter().filter_map(profile).collect::<Vec<_>>(),)
    })?;
    serve(&mut people, "teams", |_, ()| 0, |state, ()| (Arc::clone(&state.directory.teams),))
}

fn lane_bytes(lane: &types::Lane) -> u64 {
    let examples: usize = lane.examples.iter().map(String::len).sum();
    (lane.id.len() + lane.name.len() + lane.definition.len() + examples) as u64
}

fn value_bytes(value: &FieldValue) -> u64 {
    match value {
        FieldValue::Text(text) => text.len() as u64,
        FieldValue::Texts(texts) => texts.iter().map(|text| text.len() as u64 + 8).sum(),
        FieldValue::Number(_) | FieldValue::Flag(_) | FieldValue::Instant(_) => 8,
    }
}

fn embedding(text: &str) -> u64 {
    VECTOR + text.len() as u64 * TEXT_BYTE
}

/// Links one function: counted, paid for in fuel, and no panic of ours crosses into the engine.
fn serve<P, R>(
    instance: &mut LinkerInstance<'_, State>,
    name: &str,
    price: impl Fn(&State, &P) -> u64 + Send + Sync + 'static,
    body: impl Fn(&mut State, P) -> R + Send + Sync + 'static,
) -> wasmtime::Result<()>
where
    P: ComponentNamedList + Lift + 'static,
    R: ComponentNamedList + Lower + 'static,
{
    instance.func_wrap(name, move |mut store: StoreContextMut<'_, State>, params: P| {
        let state = store.data_mut();
        state.used.host_calls += 1;
        let (used, allowed) = (state.used.host_calls, state.plan.host_calls);
        if used > allowed {
            let failure =
                Failure::Limit { limit: Limit::HostCalls, used: used.into(), allowed: allowed.into() };
            return Err(Stop(failure).into());
        }
        let price = CALL + price(store.data(), &params);
        let left = store.get_fuel()?;
        let Some(left) = left.checked_sub(price) else {
            store.set_fuel(0)?;
            return Err(wasmtime::Trap::OutOfFuel.into());
        };
        store.set_fuel(left)?;
        let state = store.data_mut();
        catch_unwind(AssertUnwindSafe(|| body(state, params))).map_err(|panic| panicked(&*panic).into())
    })
}

fn panicked(panic: &(dyn Any + Send)) -> Stop {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let message = format!("a host call panicked: {}", text.as_deref().unwrap_or("without a message"));
    Stop(Failure::Host { message })
}

#[cfg(test)]
mod tests {
    use wasmtime::Store;
    use wasmtime::component::Component;

    use super::super::engine::Class;
    use super::*;

    /// No guest can make the host panic; should it ever, the guest's call ends, and nothing else.
    #[test]
    fn a_panic_of_ours_stops_at_the_boundary() {
        let engine = super::super::engine::compiler(Class::Small).expect("an engine");
        let component = Component::new(
            &engine,
            wat::parse_str(
                r#"(component
                    (import "ours" (instance $ours (export "trip" (func))))
                    (alias export $ours "trip" (func $trip))
                    (core func $lowered (canon lower (func $trip)))
                    (core module $module (import "" "trip" (func $trip)) (func (export "run") (call $trip)))
                    (core instance $instance
                        (instantiate $module (with "" (instance (export "trip" (func $lowered))))))
                    (func (export "run") (canon lift (core func $instance "run"))))"#,
            )
            .expect("a component"),
        )
        .expect("it compiles");
        let mut linker = Linker::new(&engine);
        let mut ours = linker.instance("ours").expect("a name");
        let trip = |_: &mut State, ()| -> () { panic!("tripped") };
        serve(&mut ours, "trip", |_, ()| 0, trip).expect("it links");

        let setup = Setup { json: "{}".into(), lanes: Arc::new([]), prepared: Arc::new([]) };
        let state = State::new(Plan::DEFAULT, Arc::new(setup), Arc::default(), Arc::default());
        let mut store = Store::new(&engine, state);
        store.set_fuel(10_000).expect("the engine counts fuel");
        store.set_epoch_deadline(1_000);
        let instance = linker.instantiate(&mut store, &component).expect("an instance");
        let run = instance.get_typed_func::<(), ()>(&mut store, "run").expect("its export");
        let error = run.call(&mut store, ()).expect_err("it was stopped");
        let failure = error.downcast_ref::<Stop>().map(|Stop(failure)| failure.to_string());
        assert_eq!(failure.as_deref(), Some("the host failed: a host call panicked: tripped"));
    }
}
