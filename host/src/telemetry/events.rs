//! What happened, each logged and counted in one place.
//!
//! Fields are ids, numbers, times and words of closed sets. There is no text among them, so that nothing
//! a lead, a plugin or a server said can be logged; `tests.rs` reads this file and holds that.

use std::net::SocketAddr;
use std::time::Duration;

use tracing::{debug, error, info, warn};

use super::Metrics;
use super::labels::{
    Committed, Delivery, EffectKind, Fault, Method, Mode, Outcome, PluginFault, Refusal, Route, StatusClass,
    Timer, Via,
};
use super::metrics::{
    CommitLabels, EffectLabels, LeadLabels, PluginLabels, RefusalLabels, RequestLabels, RouteLabels,
    TimerLabels,
};
use crate::lead::{LeadId, TenantId};

/// The service takes requests.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceStarted {
    /// Where.
    pub listen: SocketAddr,
}

impl ServiceStarted {
    /// Logs it.
    pub fn emit(&self) {
        info!(listen = %self.listen, version = env!("CARGO_PKG_VERSION"), "service started");
    }
}

/// The service was told to end, and takes no more requests.
#[derive(Debug, Clone, PartialEq)]
pub struct DrainBegun {
    /// How long what has begun may go on.
    pub allowed: Duration,
}

impl DrainBegun {
    /// Logs it.
    pub fn emit(&self) {
        info!(allowed_seconds = self.allowed.as_secs(), "drain begun");
    }
}

/// The service has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceEnded {
    /// Requests that were cut off.
    pub cut_off: usize,
}

impl ServiceEnded {
    /// Logs it.
    pub fn emit(&self) {
        match self.cut_off {
            0 => info!(cut_off = 0, "service ended"),
            cut_off => warn!(cut_off, "service ended"),
        }
    }
}

/// A request has its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestAnswered {
    /// Which route took it.
    pub route: Route,
    /// Its method.
    pub method: Method,
    /// The answer's status.
    pub status: u16,
    /// Time from its last byte in to the first byte out.
    pub took: Duration,
}

impl RequestAnswered {
    /// Logs and counts it. Only what failed is logged as a matter of course.
    pub fn emit(&self, metrics: &Metrics) {
        let Self { route, method, status, took } = self;
        let class = StatusClass::of(*status);
        match class {
            StatusClass::Failed => error!(%route, %method, status, ms = ms(*took), "request answered"),
            _ => debug!(%route, %method, status, ms = ms(*took), "request answered"),
        }
        let labels = RequestLabels { route: route.clone(), method: *method, status: class };
        metrics.requests.get_or_create(&labels).inc();
        let labels = RouteLabels { route: route.clone() };
        metrics.request_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }
}

/// A limit refused a request.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestRefused {
    /// Whose, where that was known.
    pub tenant: Option<TenantId>,
    /// Which limit.
    pub limit: Refusal,
}

impl RequestRefused {
    /// Logs and counts it.
    pub fn emit(&self, metrics: &Metrics) {
        let tenant = self.tenant.as_ref().map(TenantId::as_str);
        debug!(tenant, limit = %self.limit, "request refused");
        metrics.refusals.get_or_create(&RefusalLabels { limit: self.limit }).inc();
    }
}

/// A lead was decided.
#[derive(Debug, Clone, PartialEq)]
pub struct LeadDecided {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub lead: LeadId,
    /// Which of its decisions, from 1.
    pub number: u32,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether that holds at once.
    pub mode: Mode,
    /// Time from its turn to the decision.
    pub took: Duration,
}

impl LeadDecided {
    /// Logs and counts it. The store has it in full, so it is no matter of course in the log.
    pub fn emit(&self, metrics: &Metrics) {
        let Self { tenant, lead, number, outcome, mode, took } = self;
        debug!(%tenant, %lead, number, %outcome, %mode, ms = ms(*took), "lead decided");
        metrics.leads.get_or_create(&LeadLabels { outcome: *outcome, mode: *mode }).inc();
        metrics.decision_seconds.observe(took.as_secs_f64());
    }
}

/// A plugin gave no answer that counts; the lead went on without it.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginFailed {
    /// Whose.
    pub tenant: TenantId,
    /// For which lead; absent while it was set up.
    pub lead: Option<LeadId>,
    /// Why.
    pub limit: PluginFault,
}

impl PluginFailed {
    /// Logs and counts it.
    pub fn emit(&self, metrics: &Metrics) {
        let lead = self.lead.as_ref().map(LeadId::as_str);
        warn!(tenant = %self.tenant, lead, limit = %self.limit, "plugin failed");
        metrics.plugin_failures.get_or_create(&PluginLabels { limit: self.limit }).inc();
    }
}

/// The writer flushed commits together.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupFlushed {
    /// How many.
    pub commits: usize,
    /// How long that took.
    pub took: Duration,
}

impl GroupFlushed {
    /// Logs and counts it.
    pub fn emit(&self, metrics: &Metrics) {
        debug!(commits = self.commits, ms = ms(self.took), "group flushed");
        metrics.commit_group.observe(self.commits as f64);
    }
}

/// A commit is durable.
#[derive(Debug, Clone, PartialEq)]
pub struct CommitDone {
    /// Whose.
    pub tenant: TenantId,
    /// Its number among the tenant's.
    pub head: i64,
}

impl CommitDone {
    /// Logs and counts it.
    pub fn emit(&self, metrics: &Metrics) {
        debug!(tenant = %self.tenant, head = self.head, "commit done");
        metrics.commits.get_or_create(&CommitLabels { result: Committed::Done }).inc();
    }
}

/// Another host was first, so that a commit is made again.
#[derive(Debug, Clone, PartialEq)]
pub struct CommitStale {
    /// Whose.
    pub tenant: TenantId,
}

impl CommitStale {
    /// Logs and counts it.
    pub fn emit(&self, metrics: &Metrics) {
        debug!(tenant = %self.tenant, "commit stale");
        metrics.commits.get_or_create(&CommitLabels { result: Committed::Stale }).inc();
    }
}

/// The store did not take a commit; nothing of it was acknowledged.
#[derive(Debug, Clone, PartialEq)]
pub struct CommitFailed {
    /// Whose.
    pub tenant: TenantId,
    /// What is wrong with the store.
    pub fault: Fault,
}

impl CommitFailed {
    /// Logs and counts it.
    pub fn emit(&self, metrics: &Metrics) {
        error!(tenant = %self.tenant, fault = %self.fault, "commit failed");
        metrics.commits.get_or_create(&CommitLabels { result: Committed::Failed }).inc();
    }
}

/// The database does not answer.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreLost {
    /// What is wrong with it.
    pub fault: Fault,
}

impl StoreLost {
    /// Logs it, and marks the store as down.
    pub fn emit(&self, metrics: &Metrics) {
        error!(fault = %self.fault, "store lost");
        metrics.store_up.set(0);
    }
}

/// The database answers, for the first time or again.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreFound;

impl StoreFound {
    /// Logs it, and marks the store as up.
    pub fn emit(&self, metrics: &Metrics) {
        info!("store found");
        metrics.store_up.set(1);
    }
}

/// What became of an attempt to deliver an effect.
#[derive(Debug, Clone, PartialEq)]
pub struct EffectTried {
    /// Whose.
    pub tenant: TenantId,
    /// About which lead.
    pub lead: LeadId,
    /// Of which of its decisions.
    pub number: u32,
    /// What it asks for.
    pub kind: EffectKind,
    /// How it is delivered.
    pub via: Via,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// What became of it.
    pub result: Delivery,
    /// What was wrong, where it did not arrive.
    pub fault: Option<Fault>,
}

impl EffectTried {
    /// Logs and counts it.
    pub fn emit(&self, metrics: &Metrics) {
        let Self { tenant, lead, number, kind, via, attempt, result, fault } = self;
        let fault = fault.map(Fault::as_str);
        match result {
            Delivery::Delivered => {
                debug!(%tenant, %lead, number, %kind, %via, attempt, "effect delivered");
            }
            Delivery::Retried => {
                info!(%tenant, %lead, number, %kind, %via, attempt, fault, "effect retried");
            }
            Delivery::GivenUp => {
                warn!(%tenant, %lead, number, %kind, %via, attempt, fault, "effect given up");
            }
        }
        let labels = EffectLabels { kind: *kind, via: *via, result: *result };
        metrics.effects.get_or_create(&labels).inc();
    }
}

/// Something was due and was done.
#[derive(Debug, Clone, PartialEq)]
pub struct TimerFired {
    /// Whose.
    pub tenant: TenantId,
    /// What.
    pub timer: Timer,
    /// How long after it was due.
    pub late: Duration,
}

impl TimerFired {
    /// Logs and counts it.
    pub fn emit(&self, metrics: &Metrics) {
        debug!(tenant = %self.tenant, timer = %self.timer, late_ms = ms(self.late), "timer fired");
        metrics.timers.get_or_create(&TimerLabels { timer: self.timer }).inc();
    }
}

/// A release went over its budget, and was taken back.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseTakenBack {
    /// Whose.
    pub tenant: TenantId,
}

impl ReleaseTakenBack {
    /// Logs and counts it.
    pub fn emit(&self, metrics: &Metrics) {
        warn!(tenant = %self.tenant, "release taken back");
        metrics.releases_taken_back.inc();
    }
}

/// A tenant runs by another configuration from now on.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigurationPublished {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub version: i64,
}

impl ConfigurationPublished {
    /// Logs it.
    pub fn emit(&self) {
        info!(tenant = %self.tenant, version = self.version, "configuration published");
    }
}

/// A tenant's model was trained.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelTrained {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub version: i64,
    /// Whether it passed the gates.
    pub trusted: bool,
}

impl ModelTrained {
    /// Logs it.
    pub fn emit(&self) {
        info!(tenant = %self.tenant, version = self.version, trusted = self.trusted, "model trained");
    }
}

/// The model in force no longer fits the deals that closed since it was trained.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelDrifted {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub version: i64,
}

impl ModelDrifted {
    /// Logs and counts it.
    pub fn emit(&self, metrics: &Metrics) {
        warn!(tenant = %self.tenant, version = self.version, "model drifted");
        metrics.models_drifted.inc();
    }
}

/// The collector did not take a batch of spans.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceExportFailed {
    /// What it answered; absent where it did not.
    pub status: Option<u16>,
}

impl TraceExportFailed {
    /// Logs and counts it.
    pub fn emit(&self, metrics: &Metrics) {
        warn!(status = self.status, "trace export failed");
        metrics.trace_exports_failed.inc();
    }
}

/// Milliseconds, to the microsecond.
fn ms(took: Duration) -> f64 {
    took.as_micros() as f64 / 1_000.0
}
