//! What operators see of a running service: logs, metrics, traces.
//!
//! ```text
//! event ─ emit ─┬▶ a line of the log (standard error)
//!               └▶ counts ─▶ Metrics::encode ─▶ /metrics
//! span ─▶ OTLP over HTTP, where a collector is set
//! ```
//!
//! An event is a struct with a name in the past tense; `emit` logs and counts it in one place. Events hold
//! ids, numbers and words of closed sets alone, so that nothing a lead says can get into a log; a test
//! holds that. Labels of metrics are closed sets too, and never name a tenant.

use thiserror::Error;
use tracing::Subscriber;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, ParseError, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry};

use crate::settings::{Log, LogFormat, Otlp};

mod events;
mod labels;
mod metrics;
#[cfg(test)]
mod tests;
mod traces;

pub use events::*;
pub use labels::*;
pub use metrics::{CONTENT_TYPE, Metrics};
use traces::Traces;
pub use traces::{continue_trace, traceparent};

/// Logs, metrics and traces of this process.
#[derive(Debug)]
pub struct Telemetry {
    /// Passed down to whoever counts.
    pub metrics: Metrics,
    traces: Option<Traces>,
}

/// Why there is no telemetry.
#[derive(Debug, Error)]
pub enum StartError {
    /// What is logged was not understood.
    #[error("`log.filter` is not understood")]
    Filter(#[source] ParseError),
    /// The exporter could not be made.
    #[error("traces cannot be sent to `otlp.endpoint`")]
    Exporter(#[source] opentelemetry_otlp::ExporterBuildError),
    /// The process has a log already.
    #[error("the process has a log already")]
    Twice(#[source] TryInitError),
}

/// Begins to log to standard error and to send traces; once in a process.
pub fn start(log: &Log, otlp: Option<&Otlp>) -> Result<Telemetry, StartError> {
    let metrics = Metrics::new();
    let traces = otlp.map(|otlp| Traces::to(otlp, metrics.clone())).transpose()?;
    // Traces hold what our own spans say, whatever is logged.
    let ours = filter_fn(|metadata| metadata.target().starts_with("lanewright"));
    let spans = traces.as_ref().map(|traces| traces.layer().with_filter(ours).with_filter(LevelFilter::INFO));
    let lines = lines(log, std::io::stderr)?;
    Registry::default().with(lines).with(spans).try_init().map_err(StartError::Twice)?;
    Ok(Telemetry { metrics, traces })
}

impl Telemetry {
    /// Sends what is still to be sent; waits for it a few seconds at most.
    pub fn end(self) {
        if let Some(traces) = self.traces {
            traces.end();
        }
    }
}

/// The log's lines, to somewhere.
fn lines<S, W>(log: &Log, writer: W) -> Result<Box<dyn Layer<S> + Send + Sync>, StartError>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder().parse(&log.filter).map_err(StartError::Filter)?;
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    Ok(match log.format {
        LogFormat::Json => layer.json().flatten_event(true).with_span_list(false).with_filter(filter).boxed(),
        LogFormat::Text => layer.with_ansi(false).with_filter(filter).boxed(),
    })
}
