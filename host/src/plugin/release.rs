//! A plugin ready to be called, and a fresh instance of it for each decision.
//!
//! [`Release::instantiate`] gives an [`Instance`] that lives for one decision of one plugin and is
//! dropped with everything it knew. Fuel and deadline are armed before instantiation, because start
//! functions are guest code, and anew for each exported call. After a failure the instance is gone:
//! calls take it by value or find it spent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use wasmtime::component::{Component, ComponentExportIndex, ComponentNamedList, InstancePre, Lift, Lower};
use wasmtime::{PoolConcurrencyLimitError, Store, StoreContextMut, Trap, UpdateDeadline, WasmBacktrace};

use super::answers::{self, Request, Scores};
use super::bindings::{enricher, fallback, scorer, setup, types};
use super::convert;
use super::engine::{GUEST_STACK, Sandbox};
use super::exports::{Exports, Indices};
use super::given;
use super::imports::{Directory, Setup, State, Stop, Used};
use super::plan::Plan;
use super::probe::Probe;
use super::v0_1;
use super::version::InterfaceVersion;
use crate::decision::{Action, Body, CallTrace, Cause, Exchange};
use crate::digest::Digest;
use crate::failure::{Failure, Limit, clean};
use crate::lead::{FieldValue, LabelPolicy, Lane, Lead, Verdict};
use crate::threads::give_way;

/// A component that can be instantiated at any time, without settings yet.
#[derive(Clone)]
pub struct Prototype {
    digest: Digest,
    sandbox: Arc<Sandbox>,
    pre: InstancePre<State>,
    indices: Arc<Indices>,
}

impl Prototype {
    pub(super) fn new(
        sandbox: &Arc<Sandbox>,
        component: &Component,
        digest: Digest,
    ) -> Result<Self, Failure> {
        let refuse = |error: wasmtime::Error| Failure::Trap { reason: format!("{error:#}") };
        let pre = sandbox.linker.instantiate_pre(component).map_err(refuse)?;
        let lacks =
            || Failure::Trap { reason: "it exports no setup of a version this host speaks".to_owned() };
        let indices = Indices::of(component).ok_or_else(lacks)?;
        Ok(Self { digest, sandbox: Arc::clone(sandbox), pre, indices: Arc::new(indices) })
    }

    /// What it is known by.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The limits its calls run under.
    pub fn plan(&self) -> &Plan {
        &self.sandbox.plan
    }

    /// Has its calls, and no other plugin's, broken off by a probe; for profiles, one in the life of an engine.
    pub fn probe(&self) -> Option<Arc<Probe>> {
        let probe = Arc::new(Probe::new(self.digest));
        self.sandbox.probe.set(Arc::clone(&probe)).is_ok().then_some(probe)
    }

    /// What it answers.
    pub fn exports(&self) -> Exports {
        self.indices.exports()
    }

    /// The version of the interface it is written against.
    pub fn interface(&self) -> InterfaceVersion {
        self.indices.interface
    }

    /// The plugin's own description of its settings, a JSON Schema.
    pub fn schema(&self) -> Result<String, Failure> {
        self.in_setup(&self.indices.schema, ())
    }

    /// What the plugin says is wrong with these settings, as pointer and message.
    pub fn check(&self, settings: &Json, lanes: &[Lane]) -> Result<Vec<(String, String)>, Failure> {
        let json = match given::text(settings) {
            Ok(json) => json,
            Err(issue) => return Ok(vec![issue]),
        };
        let lanes = convert::lanes(lanes);
        let issues: Vec<setup::Issue> = self.in_setup(&self.indices.check, (json.as_str(), &lanes[..]))?;
        let max = self.sandbox.plan.log_line_bytes;
        let readable = |issue: setup::Issue| (clean(&issue.path, max), clean(&issue.message, max));
        Ok(issues.into_iter().take(self.sandbox.plan.signals).map(readable).collect())
    }

    /// The work the plugin does once for these settings and lanes.
    pub fn prepare(&self, settings: &Json, lanes: &[Lane]) -> Result<Vec<u8>, Failure> {
        let refused = |(pointer, message)| Failure::Settings { message: format!("{pointer} {message}") };
        let (json, lanes) = (given::text(settings).map_err(refused)?, convert::lanes(lanes));
        let plan = &self.sandbox.plan;
        let prepared: Result<Vec<u8>, _> =
            self.in_setup(&self.indices.prepare, (json.as_str(), &lanes[..]))?;
        let prepared = prepared.map_err(|failure| said(failure, plan))?;
        if prepared.len() > plan.prepared_bytes {
            let (used, allowed) = (prepared.len() as u64, plan.prepared_bytes as u64);
            return Err(Failure::Limit { limit: Limit::Prepared, used, allowed });
        }
        Ok(prepared)
    }

    /// The plugin with settings it has accepted and what it made of them.
    pub fn release(&self, settings: &Json, lanes: Arc<[Lane]>, prepared: Vec<u8>) -> Release {
        let setup = Setup {
            json: settings.to_string().into(),
            lanes: convert::lanes(&lanes),
            prepared: prepared.into(),
        };
        Release { prototype: self.clone(), setup: Arc::new(setup), lanes, reads: None }
    }

    /// One call of `setup`, in an instance of its own, with the larger budget.
    fn in_setup<P, T>(&self, function: &ComponentExportIndex, params: P) -> Result<T, Failure>
    where
        P: ComponentNamedList + Lower,
        T: Lift + 'static,
    {
        let plan = Plan {
            fuel: self.sandbox.plan.setup_fuel,
            wall_ms: self.sandbox.plan.setup_wall_ms,
            host_calls: u32::MAX,
            ..self.sandbox.plan
        };
        let setup = Setup { json: "{}".into(), lanes: Arc::new([]), prepared: Arc::new([]) };
        let state = State::new(plan, Arc::new(setup), Arc::default(), Arc::default());
        let mut live = Live::new(self, state).map_err(|unstarted| unstarted.failure)?;
        live.ask(function, params).map_err(|error| live.failure(error))
    }
}

/// A plugin with its settings, as a tenant runs it.
#[derive(Clone)]
pub struct Release {
    prototype: Prototype,
    setup: Arc<Setup>,
    lanes: Arc<[Lane]>,
    /// Custom fields it is granted; absent: all.
    reads: Option<Arc<BTreeSet<String>>>,
}

impl Release {
    /// The same, granted these custom fields of a lead and no others.
    pub fn reading(self, fields: Option<Arc<BTreeSet<String>>>) -> Self {
        Self { reads: fields, ..self }
    }

    /// What its component is known by.
    pub fn digest(&self) -> Digest {
        self.prototype.digest
    }

    /// The version of the interface it is written against.
    pub fn interface(&self) -> InterfaceVersion {
        self.prototype.interface()
    }

    /// What it answers.
    pub fn exports(&self) -> Exports {
        self.prototype.exports()
    }

    /// A fresh instance for one decision. Its start function is guest code and may fail like any call.
    pub fn instantiate(
        &self,
        directory: &Arc<Directory>,
        fields: &Arc<BTreeMap<String, FieldValue>>,
    ) -> Result<Instance<'_>, Box<Unstarted>> {
        let plan = self.prototype.sandbox.plan;
        let fields = match &self.reads {
            None => Arc::clone(fields),
            Some(granted) => {
                let granted = fields.iter().filter(|(name, _)| granted.contains(*name));
                Arc::new(granted.map(|(name, value)| (name.clone(), value.clone())).collect())
            }
        };
        let state = State::new(plan, Arc::clone(&self.setup), Arc::clone(directory), fields);
        Ok(Instance { release: self, live: Some(Live::new(&self.prototype, state)?) })
    }
}

/// Why there is no instance, and what it used and said before it failed.
#[derive(Debug)]
pub struct Unstarted {
    /// Why.
    pub failure: Failure,
    plugin: Digest,
    used: Used,
    fuel: u64,
}

impl Unstarted {
    /// The trace of the call that was to come.
    pub fn trace(self, export: &str) -> CallTrace {
        let Self { failure, plugin, used, fuel } = self;
        trace(export, plugin, fuel, used, Some(failure))
    }
}

fn trace(export: &str, plugin: Digest, fuel: u64, used: Used, failure: Option<Failure>) -> CallTrace {
    CallTrace {
        export: export.to_owned(),
        plugin,
        fuel,
        memory: used.memory_peak as u64,
        log: used.log,
        fields: used.fields,
        failure,
    }
}

/// A lead as plugins see it: converted once a decision.
pub struct VisibleLead(types::Lead);

impl VisibleLead {
    /// Its first 64 KiB of text, and no more than the interface has words for.
    pub fn new(lead: &Lead) -> Self {
        Self(convert::lead(lead))
    }

    /// The text as plugins see it.
    pub fn text(&self) -> &str {
        &self.0.text
    }
}

/// The question a scorer is asked.
pub struct ScoreQuestion<'a> {
    /// 1, 2 or 3.
    pub tier: u8,
    /// What the tenant's tables say of the lead, by table.
    pub segments: &'a BTreeMap<String, String>,
    /// What the columns of `fits` mean.
    pub fit_names: &'a [&'a str],
    /// 0 to 1, one row a candidate.
    pub fits: &'a [f32],
    /// One row each.
    pub candidates: &'a [CandidateRow],
}

/// The lead a fallback is asked about: why nobody can simply take it, and how much that matters.
pub struct Situation<'a> {
    /// Why.
    pub cause: Cause,
    /// 1, 2 or 3.
    pub tier: u8,
    /// What the tenant's tables say of the lead, by table.
    pub segments: &'a BTreeMap<String, String>,
}

/// One rep against one lead, as a scorer sees them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CandidateRow {
    /// Their place in the tenant's folder.
    pub rep: u32,
    /// Open deals over their maximum, before this lead.
    pub load: f32,
    /// New leads in seven days over their weekly cap; 0 without a cap.
    pub weekly_load: f32,
    /// At work now and not in a meeting.
    pub free_now: bool,
    /// Mean seconds to first touch.
    pub response_seconds: Option<u32>,
    /// What was learned of them and leads like this one, where that is trusted.
    pub win: Option<WinEstimate>,
}

/// How likely somebody wins a lead, as past deals tell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WinEstimate {
    /// 0 to 1.
    pub probability: f32,
    /// Lower end of the 80 % credible interval.
    pub lower: f32,
    /// Effective number of the rep's deals behind it.
    pub deals: f32,
}

/// A fresh instance of a plugin, for one decision.
pub struct Instance<'a> {
    release: &'a Release,
    /// Absent after a failure: nothing is ever asked of an instance that trapped.
    live: Option<Live>,
}

/// A call's answer, checked, and what the call used either way.
pub struct Called<T> {
    /// The answer, or why there is none.
    pub answer: Result<T, Failure>,
    /// What it used and said.
    pub trace: CallTrace,
}

impl Instance<'_> {
    /// Asks which lane a lead belongs to.
    pub fn classify(&mut self, lead: &VisibleLead, policy: LabelPolicy) -> Called<Verdict> {
        let asked = convert::policy(policy);
        self.call(
            ("classifier.classify", self.indices().classify),
            |live, classify| match live.interface {
                InterfaceVersion::V0_2 => live.ask(classify, (&lead.0, asked)),
                InterfaceVersion::V0_1 => {
                    let answer: Result<v0_1::Verdict, _> =
                        live.ask(classify, (v0_1::Lead::from(&lead.0), asked))?;
                    Ok(answer.map(types::Verdict::from))
                }
            },
            |release, answer, plan| answers::verdict(answer, policy, &release.lanes, lead.text(), plan),
        )
    }

    /// Asks how well each candidate fits.
    pub fn score(
        &mut self,
        lead: &VisibleLead,
        verdict: &Verdict,
        question: &ScoreQuestion<'_>,
    ) -> Called<Scores> {
        let verdict = convert::verdict(verdict);
        let context = scorer::Context {
            tier: question.tier,
            segments: convert::segments(question.segments),
            fit_names: question.fit_names.iter().map(|name| (*name).to_owned()).collect(),
            fits: question.fits.to_vec(),
        };
        let row = |row: &CandidateRow| scorer::Candidate {
            rep: row.rep,
            load: row.load,
            weekly_load: row.weekly_load,
            free_now: row.free_now,
            response_seconds: row.response_seconds,
            win: row.win.map(|WinEstimate { probability, lower, deals }| scorer::WinEstimate {
                probability,
                lower,
                deals,
            }),
        };
        let candidates: Vec<_> = question.candidates.iter().map(row).collect();
        let rows = candidates.as_slice();
        self.call(
            ("scorer.score", self.indices().score),
            |live, score| match live.interface {
                InterfaceVersion::V0_2 => live.ask(score, (&lead.0, &verdict, &context, rows)),
                InterfaceVersion::V0_1 => {
                    let (verdict, context) = (v0_1::Verdict::from(verdict), v0_1::Context::from(context));
                    live.ask(score, (v0_1::Lead::from(&lead.0), verdict, context, rows))
                }
            },
            |_, answer, plan| answers::scores(answer, rows.len(), plan),
        )
    }

    /// Asks where a lead goes that no rep can simply get.
    pub fn resolve(
        &mut self,
        lead: &VisibleLead,
        verdict: Option<&Verdict>,
        situation: &Situation<'_>,
    ) -> Called<Vec<Action>> {
        let verdict = verdict.map(convert::verdict);
        let situation = fallback::Situation {
            cause: convert::cause(situation.cause),
            tier: situation.tier,
            segments: convert::segments(situation.segments),
        };
        self.call(
            ("fallback.resolve", self.indices().resolve),
            |live, resolve| match live.interface {
                InterfaceVersion::V0_2 => live.ask(resolve, (&lead.0, verdict, &situation)),
                InterfaceVersion::V0_1 => {
                    let verdict = verdict.map(v0_1::Verdict::from);
                    live.ask(resolve, (v0_1::Lead::from(&lead.0), verdict, situation.cause))
                }
            },
            |_, answer, plan| answers::actions(answer, plan),
        )
    }

    /// Asks an enricher what to ask.
    pub fn plan(&mut self, lead: &VisibleLead) -> Called<Vec<Request>> {
        self.call(
            ("enricher.plan", self.indices().plan),
            |live, plan| match live.interface {
                InterfaceVersion::V0_2 => live.ask(plan, (&lead.0,)),
                InterfaceVersion::V0_1 => live.ask(plan, (v0_1::Lead::from(&lead.0),)),
            },
            |_, answer, plan| answers::requests(answer, plan),
        )
    }

    /// Lets an enricher read the answers.
    pub fn interpret(
        &mut self,
        lead: &VisibleLead,
        exchanges: &[Exchange],
    ) -> Called<Vec<(String, FieldValue)>> {
        let response = |exchange: &Exchange| enricher::Response {
            status: exchange.status,
            body: match &exchange.body {
                Body::Text(text) => text.clone().into_bytes(),
                Body::Bytes(bytes) => bytes.clone(),
            },
        };
        let responses: Vec<_> = exchanges.iter().map(response).collect();
        let responses = responses.as_slice();
        self.call(
            ("enricher.interpret", self.indices().interpret),
            |live, interpret| match live.interface {
                InterfaceVersion::V0_2 => live.ask(interpret, (&lead.0, responses)),
                InterfaceVersion::V0_1 => live.ask(interpret, (v0_1::Lead::from(&lead.0), responses)),
            },
            |_, answer, plan| answers::fields(answer, plan),
        )
    }

    fn indices(&self) -> &Indices {
        &self.release.prototype.indices
    }

    /// Calls, checks the answer, and drops the instance if either fails.
    fn call<A, T>(
        &mut self,
        (export, function): (&str, Option<ComponentExportIndex>),
        ask: impl FnOnce(&mut Live, &ComponentExportIndex) -> wasmtime::Result<Result<A, types::Failure>>,
        check: impl FnOnce(&Release, A, &Plan) -> Result<T, Failure>,
    ) -> Called<T> {
        let plan = &self.release.prototype.sandbox.plan;
        let (answer, used, fuel) = match &mut self.live {
            None => {
                let message = "the instance failed in an earlier call of this decision".to_owned();
                (Err(Failure::Host { message }), Used::default(), 0)
            }
            Some(live) => {
                let answer = match &function {
                    None => Err(Failure::Host { message: format!("the plugin does not export {export}") }),
                    Some(function) => match ask(live, function) {
                        Ok(answer) => answer.map_err(|failure| said(failure, plan)),
                        Err(error) => Err(live.failure(error)),
                    },
                };
                let answer = answer.and_then(|answer| check(self.release, answer, plan));
                (answer, live.store.data_mut().take_used(), live.take_fuel())
            }
        };
        if answer.is_err() {
            self.live = None;
        }
        let failure = answer.as_ref().err().cloned();
        Called { answer, trace: trace(export, self.release.digest(), fuel, used, failure) }
    }
}

/// What a guest says about itself, made safe to show.
fn said(failure: types::Failure, plan: &Plan) -> Failure {
    match failure {
        types::Failure::Settings(message) => {
            Failure::Settings { message: clean(&message, plan.log_line_bytes) }
        }
        types::Failure::Internal(message) => {
            Failure::Internal { message: clean(&message, plan.log_line_bytes) }
        }
    }
}

/// A store with its one instance.
struct Live {
    interface: InterfaceVersion,
    store: Store<State>,
    instance: wasmtime::component::Instance,
    /// Fuel used before the last arming.
    fuel: u64,
}

impl Live {
    fn new(prototype: &Prototype, state: State) -> Result<Self, Box<Unstarted>> {
        let sandbox = &prototype.sandbox;
        let unstarted =
            |failure, used, fuel| Box::new(Unstarted { failure, plugin: prototype.digest, used, fuel });
        let mut store = Store::try_new(&sandbox.engine, state).map_err(|error| {
            unstarted(Failure::Host { message: format!("{error:#}") }, Used::default(), 0)
        })?;
        store.limiter(|state| state);
        store.set_hostcall_fuel(sandbox.plan.crossing_bytes);
        store.epoch_deadline_callback(tick);
        arm(&mut store);
        match prototype.pre.instantiate(&mut store) {
            Ok(instance) => {
                let interface = prototype.indices.interface;
                Ok(Self { interface, store, instance, fuel: 0 }.probed(prototype))
            }
            Err(error) => {
                let failure = failure(&mut store, &error);
                let fuel = spent(&store);
                Err(unstarted(failure, store.data_mut().take_used(), fuel))
            }
        }
    }

    /// Whoever looks where the fuel goes has the calls broken off earlier.
    fn probed(mut self, prototype: &Prototype) -> Self {
        let (plan, used) = (self.store.data().plan.fuel, spent(&self.store));
        let probe = prototype.sandbox.probe.get();
        if let Some((probe, fuel)) = probe.and_then(|p| Some((p, p.allowed(prototype.digest, plan, used)?))) {
            let state = self.store.data_mut();
            (state.plan.fuel, state.probe) = (fuel, Some(Arc::clone(probe)));
            self.fuel = used;
            arm(&mut self.store);
        }
        self
    }

    /// One exported call, with a full budget. The engine compares the types' shapes with the function's.
    fn ask<P, T>(&mut self, function: &ComponentExportIndex, params: P) -> wasmtime::Result<T>
    where
        P: ComponentNamedList + Lower,
        T: Lift + 'static,
    {
        let function = self.instance.get_typed_func::<P, (T,)>(&mut self.store, function)?;
        self.arm();
        Ok(function.call(&mut self.store, params)?.0)
    }

    /// A full budget for the next exported call.
    fn arm(&mut self) {
        self.fuel += spent(&self.store);
        arm(&mut self.store);
    }

    /// Fuel used since the last time.
    fn take_fuel(&mut self) -> u64 {
        let fuel = self.fuel + spent(&self.store);
        // What was told must not be told again by the next call.
        self.fuel = 0;
        arm(&mut self.store);
        fuel
    }

    fn failure(&mut self, error: wasmtime::Error) -> Failure {
        failure(&mut self.store, &error)
    }
}

fn arm(store: &mut Store<State>) {
    let fuel = store.data().plan.fuel;
    store.set_fuel(fuel).expect("the engine counts fuel");
    store.set_epoch_deadline(1);
    store.data_mut().armed = Instant::now();
}

/// At every tick of the clock: a guest that takes too long ends, and one that goes on gives way to another tenant.
fn tick(store: StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> {
    let State { plan, armed, .. } = store.data();
    if armed.elapsed() >= Duration::from_millis(plan.wall_ms) {
        return Ok(UpdateDeadline::Interrupt);
    }
    give_way();
    Ok(UpdateDeadline::Continue(1))
}

fn spent(store: &Store<State>) -> u64 {
    store.data().plan.fuel - store.get_fuel().unwrap_or(0)
}

/// Which limit, or what else, ended a guest.
fn failure(store: &mut Store<State>, error: &wasmtime::Error) -> Failure {
    let State { plan, armed, .. } = *store.data();
    if let Some(Stop(failure)) = error.downcast_ref::<Stop>() {
        return failure.clone();
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return Failure::Capacity { message: format!("{error}") };
    }
    let trap = error.downcast_ref::<Trap>().copied();
    match trap {
        Some(Trap::OutOfFuel) => {
            if let Some(probe) = &store.data().probe {
                probe.stopped(error);
            }
            return Failure::Limit { limit: Limit::Fuel, used: plan.fuel, allowed: plan.fuel };
        }
        Some(Trap::Interrupt) => {
            let used = (armed.elapsed().as_millis() as u64).max(plan.wall_ms);
            return Failure::Limit { limit: Limit::WallTime, used, allowed: plan.wall_ms };
        }
        Some(Trap::StackOverflow) => {
            let stack = GUEST_STACK as u64;
            return Failure::Limit { limit: Limit::Stack, used: stack, allowed: stack };
        }
        _ => {}
    }
    // The cause alone: what surrounds it holds names of the guest's own choosing.
    let cause = error.root_cause().to_string();
    if trap.is_none() && cause.contains("fuel allocated for hostcalls") {
        let allowed = plan.crossing_bytes as u64;
        return Failure::Limit { limit: Limit::Crossing, used: allowed + 1, allowed };
    }
    // A guest that was refused memory gives up by not going on, and one whose first memory was refused
    // never starts; the refusal is the reason. One that divides by zero had coped with it.
    if matches!(trap, None | Some(Trap::UnreachableCodeReached))
        && let Some(refused) = store.data_mut().used.refused.take()
    {
        return refused;
    }
    Failure::Trap { reason: clean(&format!("{cause}{}", place(error)), plan.log_line_bytes) }
}

/// Names of the functions it broke off in, innermost first.
fn place(error: &wasmtime::Error) -> String {
    let frames = error.downcast_ref::<WasmBacktrace>().map_or(&[][..], WasmBacktrace::frames);
    let names: Vec<&str> = frames.iter().filter_map(wasmtime::FrameInfo::func_name).take(4).collect();
    if names.is_empty() { String::new() } else { format!(", in {}", names.join(" < ")) }
}
