//! What is logged and counted, golden; that people's data cannot get in; traces against a small collector.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use expect_test::expect;
use tracing_subscriber::layer::SubscriberExt;

use super::*;
use crate::lead::{LeadId, TenantId};

/// Every event once, and every queue.
fn emit_all(metrics: &Metrics) {
    let tenant: TenantId = "acme".parse().unwrap();
    let lead: LeadId = "L-1".parse().unwrap();
    let took = Duration::from_micros(1_500);
    ServiceStarted { listen: ([127, 0, 0, 1], 8080).into() }.emit();
    StoreFound.emit(metrics);
    StoreLost { fault: Fault::Unreachable }.emit(metrics);
    ConfigurationPublished { tenant: tenant.clone(), version: 3 }.emit();
    let route = Route::template("/v1/leads/{lead}");
    RequestAnswered { route, method: Method::named("GET"), status: 200, took }.emit(metrics);
    RequestAnswered { route: Route::none(), method: Method::named("BREW"), status: 503, took }.emit(metrics);
    RequestRefused { tenant: Some(tenant.clone()), limit: Refusal::Rate }.emit(metrics);
    let (outcome, mode) = (Outcome::Assigned, Mode::Auto);
    LeadDecided { tenant: tenant.clone(), lead: lead.clone(), number: 1, outcome, mode, took }.emit(metrics);
    let limit = PluginFault::Fuel;
    PluginFailed { tenant: tenant.clone(), lead: Some(lead.clone()), limit }.emit(metrics);
    GroupFlushed { commits: 3, took }.emit(metrics);
    CommitDone { tenant: tenant.clone(), head: 7 }.emit(metrics);
    CommitStale { tenant: tenant.clone() }.emit(metrics);
    CommitFailed { tenant: tenant.clone(), fault: Fault::Full }.emit(metrics);
    for result in Delivery::ALL.iter().copied() {
        let (tenant, lead) = (tenant.clone(), lead.clone());
        let (kind, via) = (EffectKind::Notify, Via::Email);
        let fault = (result != Delivery::Delivered).then_some(Fault::Timeout);
        EffectTried { tenant, lead, number: 1, kind, via, attempt: 2, result, fault }.emit(metrics);
    }
    ReleaseTakenBack { tenant: tenant.clone() }.emit(metrics);
    ModelDrifted { tenant: tenant.clone(), version: 4 }.emit(metrics);
    TimerFired { tenant, timer: Timer::Lead, late: took }.emit(metrics);
    TraceExportFailed { status: Some(500) }.emit(metrics);
    DrainBegun { allowed: Duration::from_secs(30) }.emit();
    ServiceEnded { cut_off: 0 }.emit();
    metrics.set_depth(Queue::Leads, 4);
}

/// What is logged while something runs, without times.
fn logged(format: LogFormat, run: impl FnOnce()) -> String {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let into = bytes.clone();
    let log = Log { format, filter: "debug".to_owned() };
    let lines = lines(&log, move || Shared(into.clone())).unwrap();
    tracing::subscriber::with_default(Registry::default().with(lines), run);
    let text = String::from_utf8(bytes.lock().unwrap().clone()).unwrap();
    let without_time = |line: &str| match format {
        LogFormat::Json => line.split_once("Z\",").map(|(_, rest)| rest.to_owned()),
        LogFormat::Text => line.split_once("Z ").map(|(_, rest)| rest.to_owned()),
    };
    text.lines().map(|line| without_time(line).unwrap()).collect::<Vec<_>>().join("\n")
}

struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn every_event_is_a_line() {
    let json = logged(LogFormat::Json, || emit_all(&Metrics::new()));
    expect![[r#"
        "level":"INFO","message":"service started","listen":"127.0.0.1:8080","version":"0.1.0","target":"lanewright::telemetry::events"}
        "level":"INFO","message":"store found","target":"lanewright::telemetry::events"}
        "level":"ERROR","message":"store lost","fault":"unreachable","target":"lanewright::telemetry::events"}
        "level":"INFO","message":"configuration published","tenant":"acme","version":3,"target":"lanewright::telemetry::events"}
        "level":"DEBUG","message":"request answered","route":"/v1/leads/{lead}","method":"GET","status":200,"ms":1.5,"target":"lanewright::telemetry::events"}
        "level":"ERROR","message":"request answered","route":"none","method":"other","status":503,"ms":1.5,"target":"lanewright::telemetry::events"}
        "level":"DEBUG","message":"request refused","tenant":"acme","limit":"rate","target":"lanewright::telemetry::events"}
        "level":"DEBUG","message":"lead decided","tenant":"acme","lead":"L-1","number":1,"outcome":"assigned","mode":"auto","ms":1.5,"target":"lanewright::telemetry::events"}
        "level":"WARN","message":"plugin failed","tenant":"acme","lead":"L-1","limit":"fuel","target":"lanewright::telemetry::events"}
        "level":"DEBUG","message":"group flushed","commits":3,"ms":1.5,"target":"lanewright::telemetry::events"}
        "level":"DEBUG","message":"commit done","tenant":"acme","head":7,"target":"lanewright::telemetry::events"}
        "level":"DEBUG","message":"commit stale","tenant":"acme","target":"lanewright::telemetry::events"}
        "level":"ERROR","message":"commit failed","tenant":"acme","fault":"full","target":"lanewright::telemetry::events"}
        "level":"DEBUG","message":"effect delivered","tenant":"acme","lead":"L-1","number":1,"kind":"notify","via":"email","attempt":2,"target":"lanewright::telemetry::events"}
        "level":"INFO","message":"effect retried","tenant":"acme","lead":"L-1","number":1,"kind":"notify","via":"email","attempt":2,"fault":"timeout","target":"lanewright::telemetry::events"}
        "level":"WARN","message":"effect given up","tenant":"acme","lead":"L-1","number":1,"kind":"notify","via":"email","attempt":2,"fault":"timeout","target":"lanewright::telemetry::events"}
        "level":"WARN","message":"release taken back","tenant":"acme","target":"lanewright::telemetry::events"}
        "level":"WARN","message":"model drifted","tenant":"acme","version":4,"target":"lanewright::telemetry::events"}
        "level":"DEBUG","message":"timer fired","tenant":"acme","timer":"lead","late_ms":1.5,"target":"lanewright::telemetry::events"}
        "level":"WARN","message":"trace export failed","status":500,"target":"lanewright::telemetry::events"}
        "level":"INFO","message":"drain begun","allowed_seconds":30,"target":"lanewright::telemetry::events"}
        "level":"INFO","message":"service ended","cut_off":0,"target":"lanewright::telemetry::events"}"#]].assert_eq(&json);
    let text = logged(LogFormat::Text, || StoreLost { fault: Fault::Busy }.emit(&Metrics::new()));
    expect!["ERROR lanewright::telemetry::events: store lost fault=busy"].assert_eq(&text);
}

#[test]
fn every_event_counts() {
    let metrics = Metrics::new();
    emit_all(&metrics);
    // The histograms' buckets say the same as their sums here; a family has no order of its own.
    let text = metrics.encode();
    let mut samples: Vec<&str> =
        text.lines().filter(|line| !line.contains("_bucket{") && !line.starts_with('#')).collect();
    samples.sort_unstable();
    expect![[r#"
        lanewright_build_info{version="0.1.0"} 1
        lanewright_commit_group_count 1
        lanewright_commit_group_sum 3.0
        lanewright_commits_total{result="done"} 1
        lanewright_commits_total{result="failed"} 1
        lanewright_commits_total{result="stale"} 1
        lanewright_decision_seconds_count 1
        lanewright_decision_seconds_sum 0.0015
        lanewright_effects_total{kind="notify",via="email",result="delivered"} 1
        lanewright_effects_total{kind="notify",via="email",result="given-up"} 1
        lanewright_effects_total{kind="notify",via="email",result="retried"} 1
        lanewright_leads_total{outcome="assigned",mode="auto"} 1
        lanewright_models_drifted_total 1
        lanewright_plugin_failures_total{limit="fuel"} 1
        lanewright_queue_depth{queue="leads"} 4
        lanewright_refusals_total{limit="rate"} 1
        lanewright_releases_taken_back_total 1
        lanewright_request_seconds_count{route="/v1/leads/{lead}"} 1
        lanewright_request_seconds_count{route="none"} 1
        lanewright_request_seconds_sum{route="/v1/leads/{lead}"} 0.0015
        lanewright_request_seconds_sum{route="none"} 0.0015
        lanewright_requests_total{route="/v1/leads/{lead}",method="GET",status="2xx"} 1
        lanewright_requests_total{route="none",method="other",status="5xx"} 1
        lanewright_store_up 0
        lanewright_timers_total{timer="lead"} 1
        lanewright_trace_exports_failed_total 1"#]]
    .assert_eq(&samples.join("\n"));
}

#[test]
fn events_hold_no_text() {
    const HARMLESS: [&str; 21] = [
        "TenantId",
        "LeadId",
        "Route",
        "SocketAddr",
        "Duration",
        "u16",
        "u32",
        "i64",
        "usize",
        "bool",
        "Method",
        "Refusal",
        "Outcome",
        "Mode",
        "PluginFault",
        "Fault",
        "EffectKind",
        "Via",
        "Delivery",
        "Timer",
        "StatusClass",
    ];
    let source = include_str!("events.rs");
    let fields: Vec<&str> = source
        .lines()
        .filter_map(|line| line.strip_prefix("    pub ")?.strip_suffix(',')?.split_once(": "))
        .map(|(_, of)| of.strip_prefix("Option<").and_then(|of| of.strip_suffix('>')).unwrap_or(of))
        .collect();
    assert!(fields.len() > 30, "the fields are read: {fields:?}");
    let texts: Vec<_> = fields.iter().filter(|of| !HARMLESS.contains(of)).collect();
    assert!(texts.is_empty(), "events may hold ids, numbers and closed words alone, not {texts:?}");
    // And nothing is logged past the events.
    let here = [include_str!("traces.rs"), include_str!("metrics.rs"), include_str!("labels.rs")];
    assert!(here.iter().all(|file| !file.contains("info!(") && !file.contains("warn!(")));
}

#[test]
fn methods_and_statuses_are_few() {
    let check = |name: &str, expect: Method| assert_eq!(Method::named(name), expect, "{name}");
    check("GET", Method::Get);
    check("PATCH", Method::Patch);
    check("get", Method::Other);
    check("BREW", Method::Other);
    let check = |status: u16, expect: &str| assert_eq!(StatusClass::of(status).as_str(), expect, "{status}");
    check(101, "1xx");
    check(204, "2xx");
    check(304, "3xx");
    check(429, "4xx");
    check(503, "5xx");
    check(999, "5xx");
}

#[test]
fn spans_reach_the_collector_within_the_trace_of_the_caller() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let otlp = Otlp {
        endpoint: format!("http://{}", listener.local_addr().unwrap()),
        headers: vec![("x-team".to_owned(), crate::settings::Secret::new("sales".to_owned()))],
        service: "leads".to_owned(),
        sample_ratio: 0.0,
    };
    let collector = std::thread::spawn(move || one_request(&listener, "200 OK"));
    let metrics = Metrics::new();
    let traces = Traces::to(&otlp, metrics.clone()).unwrap();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    tracing::subscriber::with_default(Registry::default().with(traces.layer()), || {
        let span = tracing::info_span!("routing a lead");
        continue_trace(&span, Some(parent), None);
        let onward = span.in_scope(|| traceparent(&span));
        assert!(onward[0].1.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{onward:?}");
        assert!(onward[0].1.ends_with("-01"), "the caller keeps the trace, so we do: {onward:?}");
    });
    traces.end();
    let (head, body) = collector.join().unwrap();
    let head = head.to_lowercase();
    assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
    assert!(head.contains("x-team: sales\r\n"), "{head}");
    assert!(head.contains("content-type: application/x-protobuf\r\n"), "{head}");
    let holds = |part: &[u8]| body.windows(part.len()).any(|window| window == part);
    assert!(holds(b"routing a lead") && holds(b"leads") && holds(&[0x0a, 0xf7, 0x65, 0x19]), "{body:?}");
    assert_eq!(metrics.trace_exports_failed.get(), 0);
}

#[test]
fn a_collector_that_says_no_is_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let otlp = Otlp { endpoint, headers: vec![], service: "leads".to_owned(), sample_ratio: 1.0 };
    let collector = std::thread::spawn(move || one_request(&listener, "400 Bad Request"));
    let metrics = Metrics::new();
    let traces = Traces::to(&otlp, metrics.clone()).unwrap();
    tracing::subscriber::with_default(Registry::default().with(traces.layer()), || {
        tracing::info_span!("routing a lead").in_scope(|| {});
    });
    traces.end();
    collector.join().unwrap();
    assert_eq!(metrics.trace_exports_failed.get(), 1);
}

/// Answers one request; its head and its body.
fn one_request(listener: &TcpListener, status: &str) -> (String, Vec<u8>) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        bytes.extend_from_slice(&buffer[..read]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end + 4].to_vec()).unwrap();
        let length = head.to_lowercase().lines().find_map(|line| {
            line.strip_prefix("content-length: ").and_then(|length| length.trim().parse::<usize>().ok())
        });
        if bytes.len() >= end + 4 + length.unwrap() {
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
            return (head, bytes[end + 4..].to_vec());
        }
    }
}

#[test]
fn the_operators_page_has_the_metrics() {
    let metrics = Metrics::new();
    emit_all(&metrics);
    let text = metrics.encode();
    let mut table = String::from("| metric | kind | labels | meaning |\n|---|---|---|---|\n");
    let mut kind_of = std::collections::BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        kind_of.insert(name, kind);
    }
    for line in text.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
        let (name, meaning) = line.split_once(' ').unwrap();
        let kind = kind_of[name];
        let suffix = match kind {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        let sample = text.lines().find(|line| line.starts_with(name)).unwrap();
        let labels = sample.split_once('{').map_or("", |(_, rest)| rest.rsplit_once('}').unwrap().0);
        let labels: Vec<String> = labels
            .split(',')
            .filter_map(|label| label.split_once('=').map(|(name, _)| name))
            .filter(|label| *label != "le")
            .map(|label| format!("`{label}`"))
            .collect();
        let meaning = meaning.trim_end_matches('.');
        table.push_str(&format!("| `{name}{suffix}` | {kind} | {} | {meaning} |\n", labels.join(", ")));
    }
    let page = include_str!("../../../docs/operations.md");
    let (_, rest) = page.split_once("<!-- metrics: begin -->\n").expect("the table begins");
    let (found, _) = rest.split_once("<!-- metrics: end -->").expect("the table ends");
    assert_eq!(found, table, "copy the right side into docs/operations.md");
}
