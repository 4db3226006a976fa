//! Enrichers: facts from granted hosts, and never a lead lost for want of one.
//!
//! A stub directory on a port of its own answers, refuses, floods or says nothing; the real program routes
//! a lead with the enricher of `examples/firmographics`, then replays the decision without asking anybody.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lanewright::decision::{Body, Decision, Outcome};
use lanewright::lead::{FieldValue, Tier};

use crate::harness::{self, NOW, lanewright};

/// How the stub answers.
#[derive(Clone, Copy)]
enum Answer {
    /// Head and body, as they are.
    Says(&'static str),
    /// Closes without a word.
    Nothing,
    /// Keeps the connection and never answers.
    Silence,
    /// More than the host reads.
    Flood,
    /// Sends the asker elsewhere.
    Redirect,
}

const COMPANY: Answer = Answer::Says(
    "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"employees\": 4200, \"industry\": \"Retail\"}",
);

/// A directory of companies.
struct Stub {
    origin: String,
    /// Requests so far.
    asked: Arc<AtomicUsize>,
}

impl Stub {
    /// Listens until the tests end.
    fn new(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                // Who hangs up early has heard enough.
                let _ = serve(stream, answer);
            }
        });
        Self { origin, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, answer: Answer) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    if !request.starts_with(b"GET /companies?domain=casa-verde.example HTTP/1.1\r\n") {
        return stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
    }
    match answer {
        Answer::Says(text) => stream.write_all(text.as_bytes()),
        Answer::Nothing => Ok(()),
        // Until the other side has waited long enough.
        Answer::Silence => stream.read_to_end(&mut request).map(drop),
        Answer::Flood => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
            stream.write_all(&vec![b' '; 300 << 10])
        }
        Answer::Redirect => stream.write_all(
            b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\nconnection: close\r\n\r\n",
        ),
    }
}

const LEAD: &str = r#"{"id": "l1", "source": "web-form", "text": "Could you send a quote for 35 users?",
    "contact": {"email": "jo@casa-verde.example"}, "fields": {"firmo_industry": "mining"}}"#;

/// A tenant whose tier 2 hangs on what the enricher finds out.
fn tenant(granted: &str, asked: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let manifest = harness::root().join("examples/firmographics/plugin/Cargo.toml");
    let toml = format!(
        r#"
        [tenant]
        id = "acme"
        name = "Acme"
        currency = "USD"
        timezone = "UTC"

        [[lanes]]
        id = "smb"
        name = "Small and mid-sized"
        definition = "Companies that want a demo, a quote or prices for a team."
        team = "sales"

        [tiers]
        two = {{ when = "has(lead.fields.firmo_employees) && lead.fields.firmo_employees >= 1000.0" }}

        [[plugins.enrichers]]
        name = "firmographics"
        component = "firmographics.wasm"
        hosts = ["{granted}"]
        settings = {{ origin = "{asked}" }}
        "#
    );
    let write = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).expect("written");
    write("tenant.toml", toml.as_bytes());
    write("teams.toml", b"[[teams]]\nid = \"sales\"\nname = \"Sales\"\n");
    write("reps.csv", b"id,name,team,max_open\nana,Ana,sales,25\n");
    write("leads.jsonl", LEAD.replace('\n', " ").as_bytes());
    write("firmographics.wasm", &harness::component(&manifest));
    folder
}

/// Routes the lead, and shows that the decision holds without asking anybody.
fn route(tenant: &tempfile::TempDir, stub: &Stub, flags: &[&str]) -> Decision {
    let path = |name: &str| tenant.path().join(name).to_str().expect("UTF-8").to_owned();
    let (folder, leads, stored) = (path(""), path("leads.jsonl"), path("decisions.jsonl"));
    let mut arguments = vec!["route", "--tenant", &folder, &leads, "--now", NOW, "--format", "json"];
    arguments.extend(flags);
    let routed = lanewright(&arguments);
    assert_eq!(routed.status.code(), Some(0), "{}", String::from_utf8_lossy(&routed.stderr));
    let decision: Decision = serde_json::from_slice(&routed.stdout).expect("one decision");
    assert!(matches!(decision.outcome, Outcome::Assigned { .. }), "{:?}", decision.outcome);

    let asked = stub.asked();
    fs::write(&stored, &routed.stdout).expect("written");
    let again = lanewright(&["replay", "--tenant", &folder, &stored]);
    assert_eq!(again.status.code(), Some(0), "{}", String::from_utf8_lossy(&again.stdout));
    assert_eq!(stub.asked(), asked, "a replay asks nobody");
    decision
}

const ANYWHERE: &[&str] = &["--allow-private-hosts"];

#[test]
fn facts_of_a_granted_host_are_stored_and_used() {
    let stub = Stub::new(COMPANY);
    let decision = route(&tenant(&stub.origin, &stub.origin), &stub, ANYWHERE);
    assert_eq!(stub.asked(), 1);
    let enrich = &decision.trace.enrich[0];
    assert_eq!(enrich.exchanges[0].status, Some(200));
    assert!(matches!(&enrich.exchanges[0].body, Body::Text(text) if text.contains("4200")));
    // What the message itself says stands: the lead's own industry is not overwritten.
    let added: Vec<_> = enrich.added.iter().collect();
    assert_eq!(added, [(&"firmo_employees".to_owned(), &FieldValue::Number(4200.0))]);
    assert_eq!(decision.tier, Tier::Two);
}

/// Whatever the host does, the lead is routed: without the fact, and with the reason in the trace.
#[test]
fn no_answer_costs_a_fact_and_not_the_lead() {
    let check = |answer: Answer, status: Option<u16>, refused: Option<&str>| {
        let stub = Stub::new(answer);
        let decision = route(&tenant(&stub.origin, &stub.origin), &stub, ANYWHERE);
        let enrich = &decision.trace.enrich[0];
        let exchange = &enrich.exchanges[0];
        assert_eq!((stub.asked(), exchange.status), (1, status), "{exchange:?}");
        let why = exchange.refused.as_deref();
        assert_eq!(why.is_some(), refused.is_some(), "{exchange:?}");
        assert!(why.unwrap_or_default().contains(refused.unwrap_or_default()), "{why:?}");
        assert!(enrich.added.is_empty(), "{enrich:?}");
        assert_eq!((decision.tier, &decision.trace.tier.unanswered[..]), (Tier::Three, &[][..]));
    };
    let says = |text| Answer::Says(text);
    check(Answer::Silence, None, Some("timeout"));
    check(Answer::Nothing, None, Some(""));
    check(Answer::Flood, None, Some("large"));
    check(Answer::Redirect, Some(302), None);
    check(says("HTTP/1.1 500 Oh\r\nconnection: close\r\n\r\n"), Some(500), None);
    check(says("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n<html>"), Some(200), None);
    check(says("what?\r\n\r\n"), None, Some(""));
}

#[test]
fn a_host_that_was_not_granted_is_not_asked() {
    let stub = Stub::new(COMPANY);
    let decision = route(&tenant("https://directory.example", &stub.origin), &stub, ANYWHERE);
    let why = decision.trace.enrich[0].exchanges[0].refused.as_deref().unwrap_or_default();
    assert!(why.contains("not among the hosts granted"), "{why}");
    assert_eq!((stub.asked(), decision.tier), (0, Tier::Three));
}

#[test]
fn private_addresses_are_out_of_reach_unless_the_operator_says_so() {
    let stub = Stub::new(COMPANY);
    let decision = route(&tenant(&stub.origin, &stub.origin), &stub, &[]);
    let why = decision.trace.enrich[0].exchanges[0].refused.as_deref().unwrap_or_default();
    assert!(why.contains("private or local address"), "{why}");
    assert_eq!((stub.asked(), decision.tier), (0, Tier::Three));
}
