//! What is counted, and how it is handed out.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::labels::{
    Committed, Delivery, EffectKind, Method, Mode, Outcome, PluginFault, Queue, Refusal, Route, StatusClass,
    Timer, Via,
};

/// What [`Metrics::encode`] makes.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is counted. A clone counts the same.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    pub(super) requests: Family<RequestLabels, Counter>,
    pub(super) request_seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    pub(super) refusals: Family<RefusalLabels, Counter>,
    pub(super) leads: Family<LeadLabels, Counter>,
    pub(super) decision_seconds: Histogram,
    pub(super) plugin_failures: Family<PluginLabels, Counter>,
    pub(super) commits: Family<CommitLabels, Counter>,
    pub(super) commit_group: Histogram,
    pub(super) effects: Family<EffectLabels, Counter>,
    pub(super) timers: Family<TimerLabels, Counter>,
    pub(super) releases_taken_back: Counter,
    pub(super) models_drifted: Counter,
    pub(super) trace_exports_failed: Counter,
    pub(super) store_up: Gauge,
    queues: Family<QueueLabels, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub(super) route: Route,
    pub(super) method: Method,
    pub(super) status: StatusClass,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RouteLabels {
    pub(super) route: Route,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RefusalLabels {
    pub(super) limit: Refusal,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct LeadLabels {
    pub(super) outcome: Outcome,
    pub(super) mode: Mode,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct PluginLabels {
    pub(super) limit: PluginFault,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CommitLabels {
    pub(super) result: Committed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct EffectLabels {
    pub(super) kind: EffectKind,
    pub(super) via: Via,
    pub(super) result: Delivery,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TimerLabels {
    pub(super) timer: Timer,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabels {
    queue: Queue,
}

impl Metrics {
    /// Nothing counted yet.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("lanewright");
        let requests = Family::default();
        registry.register("requests", "Requests answered", requests.clone());
        let request_seconds = Family::new_with_constructor(seconds as fn() -> Histogram);
        let help = "Time from a request's last byte in to its first byte out";
        registry.register_with_unit("request", help, Unit::Seconds, request_seconds.clone());
        let refusals = Family::default();
        registry.register("refusals", "Requests refused by a limit", refusals.clone());
        let leads = Family::default();
        registry.register(
            "leads",
            "Decisions made, the first of a lead and those that follow",
            leads.clone(),
        );
        let decision_seconds = seconds();
        let help = "Time from a lead's turn to its decision, plugins included and the commit not";
        registry.register_with_unit("decision", help, Unit::Seconds, decision_seconds.clone());
        let plugin_failures = Family::default();
        registry.register(
            "plugin_failures",
            "Plugin calls without an answer that counts",
            plugin_failures.clone(),
        );
        let commits = Family::default();
        registry.register("commits", "Commits of a tenant", commits.clone());
        let commit_group = Histogram::new(exponential_buckets(1.0, 2.0, 10));
        registry.register("commit_group", "Commits that shared one flush", commit_group.clone());
        let queues = Family::default();
        registry.register("queue_depth", "What waits", queues.clone());
        let effects = Family::default();
        registry.register("effects", "Attempts to deliver an effect", effects.clone());
        let timers = Family::default();
        registry.register("timers", "What became due and was done", timers.clone());
        let releases_taken_back = Counter::default();
        let help = "Releases of plugins that went over their budgets";
        registry.register("releases_taken_back", help, releases_taken_back.clone());
        let models_drifted = Counter::default();
        let help = "Models in force that no longer fit the deals that closed since they were trained";
        registry.register("models_drifted", help, models_drifted.clone());
        let store_up = Gauge::default();
        registry.register("store_up", "1 while the database answers", store_up.clone());
        let trace_exports_failed = Counter::default();
        let help = "Batches of spans that the collector did not take";
        registry.register("trace_exports_failed", help, trace_exports_failed.clone());
        registry.register("build", "The program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        Self {
            registry: Arc::new(registry),
            requests,
            request_seconds,
            refusals,
            leads,
            decision_seconds,
            plugin_failures,
            commits,
            commit_group,
            effects,
            timers,
            releases_taken_back,
            models_drifted,
            trace_exports_failed,
            store_up,
            queues,
        }
    }

    /// How much waits somewhere, on this host or, where the store has it, in all.
    pub fn set_depth(&self, queue: Queue, depth: usize) {
        let depth = i64::try_from(depth).unwrap_or(i64::MAX);
        self.queues.get_or_create(&QueueLabels { queue }).set(depth);
    }

    /// Everything counted, as OpenMetrics text ([`CONTENT_TYPE`]).
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // A text grows by whatever is written to it.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Half a millisecond to eight seconds, each bound twice the one before.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 15))
}
