//! Traces: spans to a collector, by OTLP over HTTP, and the trace that a caller began.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tracing::{Span, Subscriber};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::registry::LookupSpan;
use ureq::Agent;

use super::{Metrics, StartError, TraceExportFailed};
use crate::settings::Otlp;

/// One request to the collector; what is still to be sent at the end has as long.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of one answer of the collector.
const ANSWER_BYTES: u64 = 64 << 10;

/// Where spans go. A thread of its own collects them and sends them in batches.
#[derive(Debug)]
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    pub(super) fn to(otlp: &Otlp, metrics: Metrics) -> Result<Self, StartError> {
        let headers: HashMap<String, String> =
            otlp.headers.iter().map(|(name, value)| (name.clone(), value.expose().clone())).collect();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new(metrics))
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", otlp.endpoint))
            .with_headers(headers)
            .with_timeout(TIMEOUT)
            .build()
            .map_err(StartError::Exporter)?;
        let resource = Resource::builder()
            .with_service_name(otlp.service.clone())
            .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(otlp.sample_ratio)));
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(sampler)
            .with_resource(resource)
            .build();
        Ok(Self(provider))
    }

    /// What turns our spans into theirs.
    pub(super) fn layer<S>(&self) -> OpenTelemetryLayer<S, SdkTracer>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        OpenTelemetryLayer::new(self.0.tracer("lanewright")).with_location(false).with_threads(false)
    }

    /// Sends what is still to be sent.
    pub(super) fn end(self) {
        // Whatever went wrong was told by the client; there is nobody left to do more.
        let _ = self.0.shutdown_with_timeout(TIMEOUT);
    }
}

/// Makes a span part of the trace that a caller began, by the two headers of its request (W3C Trace
/// Context). Before the span is entered, or it is too late. What is no valid header is passed over, as the
/// standard says.
pub fn continue_trace(span: &Span, traceparent: Option<&str>, tracestate: Option<&str>) {
    struct Headers<'a>([(&'static str, Option<&'a str>); 2]);
    impl Extractor for Headers<'_> {
        fn get(&self, name: &str) -> Option<&str> {
            self.0.iter().find(|(known, _)| *known == name).and_then(|(_, value)| *value)
        }
        fn keys(&self) -> Vec<&str> {
            self.0.iter().map(|(name, _)| *name).collect()
        }
    }
    let headers = Headers([("traceparent", traceparent), ("tracestate", tracestate)]);
    let context = TraceContextPropagator::new().extract(&headers);
    // Refused where no traces are sent, which is as well.
    let _ = span.set_parent(context);
}

/// The headers that continue this span's trace elsewhere; none where no traces are sent.
pub fn traceparent(span: &Span) -> Vec<(String, String)> {
    struct Headers(Vec<(String, String)>);
    impl Injector for Headers {
        fn set(&mut self, name: &str, value: String) {
            if !value.is_empty() {
                self.0.push((name.to_owned(), value));
            }
        }
    }
    let mut headers = Headers(Vec::new());
    TraceContextPropagator::new().inject_context(&span.context(), &mut headers);
    headers.0
}

/// Sends batches with the HTTP client that is in the program already. It blocks, and may: the exporter
/// has a thread of its own.
struct Client {
    agent: Agent,
    metrics: Metrics,
}

impl Client {
    fn new(metrics: Metrics) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent(concat!("lanewright/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: Agent::new_with_config(config), metrics }
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ureq::Error> {
        let (parts, body) = request.into_parts();
        let sent = self.agent.run(Request::from_parts(parts, body.as_ref()))?;
        let (parts, mut body) = sent.into_parts();
        let body = body.with_config().limit(ANSWER_BYTES).read_to_vec()?;
        Ok(Response::from_parts(parts, body.into()))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl HttpClient for Client {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let sent = self.send(request);
            let status = sent.as_ref().ok().map(|response| response.status().as_u16());
            if !status.is_some_and(|status| (200..300).contains(&status)) {
                TraceExportFailed { status }.emit(&self.metrics);
            }
            Ok(sent?)
        })
    }
}
