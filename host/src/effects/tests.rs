//! The worker against real servers on this machine, with the time moved by hand.

use std::collections::{HashSet, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;

use jiff::{SignedDuration, ToSpan as _};
use standardwebhooks::Webhook;

use super::*;
use crate::decision::{AssignedBy, Effect, Notice, Outcome};
use crate::lead::{LeadId, Mode, Tier};
use crate::store::testing::{acme, stores};
use crate::store::{Commit, Committed, EffectFilter, EffectRow, EffectState};

const START: &str = "2026-03-02T10:00:00Z";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn start() -> Timestamp {
    START.parse().expect("a time")
}

fn after(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

fn id<T: std::str::FromStr<Err: fmt::Debug>>(text: &str) -> T {
    text.parse().expect("an id")
}

fn summary() -> Summary {
    Summary {
        number: 1,
        at: start(),
        mode: Mode::Auto,
        tier: Tier::One,
        due: after(300),
        lane: Some(id("sales")),
        outcome: Outcome::Assigned {
            rep: id("ana"),
            team: id("smb"),
            total: Some(81.5),
            by: AssignedBy::Match,
        },
        why: "Ana fits best <& is free>".to_owned(),
        brief: vec!["They ask for a demo.".to_owned(), "Ask first when they decide.".to_owned()],
    }
}

fn task() -> Effect {
    Effect::Task { rep: id("ana"), due: after(300) }
}
fn own() -> Effect {
    Effect::SetOwner { rep: id("ana") }
}
fn tell(about: Notice) -> Effect {
    Effect::Notify { who: "ana".to_owned(), about }
}
fn offer() -> Effect {
    Effect::OfferTimes { rep: id("ana"), phone: "+351210000000".to_owned(), from: after(3600) }
}

fn destination(kind: Kind, name: &str, target: &str) -> Destination {
    Destination {
        tenant: id("acme"),
        id: name.to_owned(),
        kind,
        target: target.to_owned(),
        link: Some("https://book.example.com/{rep}?lead={lead}".to_owned()),
        effects: vec![],
        secret: None,
        on: true,
    }
}

fn rows(lead: &str, head: i64, effects: &[Effect], destinations: &[Destination]) -> Vec<EffectRow> {
    let (tenant, lead): (TenantId, LeadId) = (id("acme"), id(lead));
    fan_out(Source { tenant: &tenant, lead: &lead, head, place: 0 }, &summary(), effects, destinations)
}

#[test]
fn who_gets_what() {
    let choose = |kind, name: &str, effects: &[EffectKind], on| Destination {
        effects: effects.to_vec(),
        on,
        ..destination(kind, name, "")
    };
    let check = |effects: &[Effect], destinations: &[Destination], expect: &[(i64, &str, &str)]| {
        let rows = rows("L-1", 3, effects, destinations);
        let found: Vec<_> =
            rows.iter().map(|row| (row.place, row.kind.as_str(), row.destination.as_str())).collect();
        assert_eq!(found, expect);
    };
    let all = [own(), task(), tell(Notice::Assigned), offer()];
    let fetched = [(1, "set-owner", ""), (2, "task", ""), (3, "notify", ""), (4, "offer-times", "")];
    check(&all, &[], &fetched);
    check(&all, &[choose(Kind::Webhook, "crm", &[], false)], &fetched);
    check(&[], &[], &[]);
    check(
        &all,
        &[
            choose(Kind::Webhook, "crm", &[], true),
            choose(Kind::Slack, "chat", &[], true),
            choose(Kind::Sms, "sms", &[], true),
        ],
        &[
            (0, "decision", "crm"),
            (1, "set-owner", "crm"),
            (2, "task", "crm"),
            (3, "notify", "crm"),
            (3, "notify", "chat"),
            (4, "offer-times", "crm"),
            (4, "offer-times", "sms"),
        ],
    );
    check(
        &all,
        &[choose(Kind::Webhook, "crm", &[EffectKind::Task], true), choose(Kind::Email, "mail", &[], true)],
        &[(1, "set-owner", ""), (2, "task", "crm"), (3, "notify", "mail"), (4, "offer-times", "")],
    );
}

/// What follows a decision later is told when it happens, and the decision not again.
#[test]
fn a_notification_is_no_decision() {
    let (tenant, lead): (TenantId, LeadId) = (id("acme"), id("L-1"));
    let source = Source { tenant: &tenant, lead: &lead, head: 3, place: 5 };
    let destinations = [destination(Kind::Webhook, "crm", ""), destination(Kind::Slack, "chat", "")];
    let effects = [tell(Notice::Missed), tell(Notice::Reminder)];
    let rows = notify(source, after(300), &summary(), &effects, &destinations);
    let found: Vec<_> =
        rows.iter().map(|row| (row.place, row.kind.as_str(), row.destination.as_str(), row.at)).collect();
    let at = after(300).as_millisecond();
    let row = |place, destination| (place, "notify", destination, at);
    assert_eq!(found, [row(5, "crm"), row(5, "chat"), row(6, "crm"), row(6, "chat")]);
}

/// An effect as the worker finds it.
fn found(effect: &Effect) -> (OutboxRow, Told) {
    let row = rows("L 1", 3, std::slice::from_ref(effect), &[]).remove(0);
    let told = serde_json::from_str(&row.body).expect("what was written");
    let found = OutboxRow {
        tenant: row.tenant,
        head: row.head,
        place: row.place,
        destination: "there".to_owned(),
        at: row.at,
        lead: row.lead,
        number: row.number,
        kind: row.kind,
        body: row.body,
        state: row.state,
        attempts: 1,
        next_at: row.next_at,
        ended_at: None,
        error: None,
        resent_at: None,
    };
    (found, told)
}

#[test]
fn effects_in_words() {
    let to = destination(Kind::Slack, "there", "");
    let check = |effect: Effect, expect: &str| {
        let (row, told) = found(&effect);
        assert_eq!(words::mail(&to, &row, &told).0, expect);
    };
    check(tell(Notice::Assigned), "ana, you have a new lead: L 1");
    check(tell(Notice::Urgent), "ana, one of your people has a lead that cannot wait: L 1");
    check(tell(Notice::Suggested), "ana, a suggestion waits for you: L 1");
    check(tell(Notice::Reminder), "ana, a lead is to be touched soon: L 1");
    check(tell(Notice::Missed), "ana, a lead was not touched in time: L 1");
    check(tell(Notice::Undecided), "ana, nobody could be picked, and you decide: L 1");
    check(tell(Notice::OverCapacity), "ana, one of your people has more than they may have, with L 1");
    check(own(), "ana owns L 1");
    check(task(), "ana touches L 1 by 2026-03-02 10:05 UTC");
    check(offer(), "the contact of L 1 may book a time with ana, from 2026-03-02 11:00 UTC");
    check(Effect::Enrol { track: "trial\r\nBcc: x".to_owned() }, "L 1 goes to the track trial\\r\\nBcc: x");

    let (row, told) = found(&tell(Notice::Assigned));
    assert_eq!(
        words::mail(&to, &row, &told).1,
        "ana, you have a new lead: L 1.\n\nLane sales, tier 1, first touch by 2026-03-02 10:05 UTC\n\
         Why: Ana fits best <& is free>\n- They ask for a demo.\n- Ask first when they decide.\n\
         https://book.example.com/ana?lead=L%201\n"
    );
    assert_eq!(
        words::slack(&to, &row, &told),
        r#"{"text":"*ana, you have a new lead: L 1*\nLane sales, tier 1, first touch by 2026-03-02 10:05 UTC\nWhy: Ana fits best &lt;&amp; is free&gt;\n- They ask for a demo.\n- Ask first when they decide.\nhttps://book.example.com/ana?lead=L%201"}"#
    );
    let nobody = words::sms(&to, &row, &told);
    assert_eq!(nobody, Err("nobody has a phone for `notify`".to_owned()));
    let (row, told) = found(&offer());
    let text = "Thank you for your inquiry. Choose a time for our call that suits you: \
                https://book.example.com/ana?lead=L%201";
    let sms = serde_json::json!({ "to": "+351210000000", "text": text }).to_string();
    assert_eq!(words::sms(&to, &row, &told), Ok(sms));
}

#[test]
fn an_id_is_one_effects_for_one_destination() {
    let (row, _) = found(&task());
    let known = effect_id(&row);
    assert_eq!(known, effect_id(&OutboxRow { attempts: 7, state: "done".to_owned(), ..row.clone() }));
    assert_eq!(id::place(&known), Some((3, 1)));
    for other in [
        OutboxRow { tenant: "other".to_owned(), ..row.clone() },
        OutboxRow { destination: "elsewhere".to_owned(), ..row.clone() },
        OutboxRow { head: 4, ..row.clone() },
        OutboxRow { place: 2, ..row.clone() },
        OutboxRow { at: row.at + 1, ..row.clone() },
    ] {
        assert_ne!(effect_id(&other), known);
    }
    for none in ["", "eff_", "eff_1_2", "eff_x_2_3", "msg_1_2_3"] {
        assert_eq!(id::place(none), None, "{none}");
    }
}

/// A request as a server saw it.
#[derive(Debug, Clone, PartialEq)]
struct Request {
    headers: Vec<(String, String)>,
    body: String,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// A server that answers what it is told to, then 200, and remembers what it was asked.
#[derive(Clone)]
struct Server {
    url: String,
    script: Arc<Mutex<VecDeque<String>>>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/in", listener.local_addr().expect("an address"));
        let server = Self { url, script: Arc::default(), requests: Arc::default() };
        let own = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let own = own.clone();
                std::thread::spawn(move || own.answer(stream));
            }
        });
        server
    }

    fn answer(&self, stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            if line.trim().is_empty() {
                break;
            }
            lines.push(line.trim().to_owned());
        }
        let headers = lines.iter().skip(1).filter_map(|line| line.split_once(": "));
        let headers: Vec<(String, String)> =
            headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let mut request = Request { headers, body: String::new() };
        let mut body = vec![0; request.header("content-length").parse().unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        request.body = String::from_utf8(body).ok()?;
        self.requests.lock().ok()?.push(request);
        let answer = self.script.lock().ok()?.pop_front().unwrap_or_else(|| "200 OK\r\n".to_owned());
        let text = format!("HTTP/1.1 {answer}content-length: 0\r\nconnection: close\r\n\r\n");
        reader.get_mut().write_all(text.as_bytes()).ok()
    }

    /// What it answers next: status lines, and headers where there are any, each with its end of line.
    fn says(&self, answers: &[&str]) {
        self.script.lock().expect("a script").extend(answers.iter().map(|answer| format!("{answer}\r\n")));
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("requests").clone()
    }

    /// Leads and kinds of what arrived, in its order.
    fn seen(&self) -> Vec<String> {
        let one = |request: Request| {
            let event: serde_json::Value = serde_json::from_str(&request.body).expect("an event");
            let kind = event["type"].as_str().and_then(|kind| kind.rsplit('.').next()).unwrap_or_default();
            format!("{} {kind}", event["subject"].as_str().unwrap_or_default())
        };
        self.requests().into_iter().map(one).collect()
    }
}

fn deliverer() -> Deliverer {
    let unseal: Unseal = Arc::new(|_, _, sealed| String::from_utf8(sealed.to_vec()).ok());
    Deliverer::new(Reach::Anywhere, None, unseal)
}

async fn put(store: &Store, tenant: &TenantId, destination: &Destination) {
    let new = checked(destination, Reach::Anywhere).expect("a good destination");
    store.of(tenant).put_destination(0, "test", &new, None).await.expect("it is put");
}

/// Commits a decision's effects.
async fn commit(store: &Store, tenant: &TenantId, lead: &str, effects: &[Effect]) {
    let row = store.of(tenant).row().await.expect("the tenant");
    let kept = store.of(tenant).destinations().await.expect("destinations");
    let kept: Vec<Destination> = kept.iter().filter_map(|row| row.try_into().ok()).collect();
    let lead: LeadId = id(lead);
    let source = Source { tenant, lead: &lead, head: row.head + 1, place: 0 };
    let effects = fan_out(source, &summary(), effects, &kept);
    let at = start().as_millisecond();
    let commit = Commit { tenant: tenant.to_string(), head: row.head + 1, at, effects, ..Commit::default() };
    assert_eq!(store.commit(commit).await.expect("a commit"), Committed::Done { group: 1 });
}

async fn all(store: &Store, tenant: &TenantId, filter: EffectFilter<'_>) -> Vec<OutboxRow> {
    store.of(tenant).effects(filter, &(0, 0, String::new()), 1000).await.expect("effects")
}

/// States of all effects, in their order.
async fn states(store: &Store, tenant: &TenantId) -> Vec<String> {
    let all = all(store, tenant, EffectFilter::default()).await;
    all.into_iter().map(|row| format!("{} {} {}", row.lead, row.kind, row.state)).collect()
}

fn tasks_only(name: &str, server: &Server) -> Destination {
    let effects = vec![EffectKind::Task, EffectKind::SetOwner];
    Destination { effects, ..destination(Kind::Webhook, name, &server.url) }
}

/// What a turn came to: delivered, again, dead, and whether it was turned off.
async fn turn(now: Timestamp, store: &Store) -> Option<(usize, usize, usize, bool)> {
    match step(now, store, &deliverer()).await.expect("the database answers") {
        Stepped::Nothing => None,
        Stepped::Served(Served { delivered, again, dead, off, .. }) => {
            Some((delivered, again, dead, off.is_some()))
        }
    }
}

#[tokio::test]
async fn a_webhook_is_signed_and_tried_until_it_arrives() {
    for store in stores().await {
        let (tenant, server) = (acme(&store).await, Server::start());
        let secret = Some(SECRET.as_bytes().to_vec());
        put(&store, &tenant, &Destination { secret, ..tasks_only("crm", &server) }).await;
        commit(&store, &tenant, "L-1", &[task()]).await;

        server.says(&["500 Broken", "503 Busy\r\nretry-after: 60"]);
        assert_eq!(turn(start(), &store).await, Some((0, 1, 0, false)));
        assert_eq!(turn(after(4), &store).await, None);
        assert_eq!(turn(after(6), &store).await, Some((0, 1, 0, false)));
        assert_eq!(turn(after(6 + 59), &store).await, None, "it asked for a minute");
        assert_eq!(turn(after(6 + 60), &store).await, Some((1, 0, 0, false)));
        assert_eq!(turn(after(99_999), &store).await, None);

        let requests = server.requests();
        let [first, second, third] = requests.as_slice() else { panic!("{requests:?}") };
        let event: serde_json::Value = serde_json::from_str(&first.body).expect("JSON");
        let known = event["id"].as_str().expect("an id").to_owned();
        for (request, at) in [(first, 0), (second, 6), (third, 66)] {
            assert_eq!(request.body, first.body);
            assert_eq!(request.header("webhook-id"), known);
            let second = after(at).as_second();
            assert_eq!(request.header("webhook-timestamp"), second.to_string());
            let signed = Webhook::new(SECRET).expect("a secret");
            let signed = signed.sign(&known, second, request.body.as_bytes()).expect("a signature");
            assert_eq!(request.header("webhook-signature"), signed);
            assert_eq!(request.header("content-type"), "application/json");
        }
        let expect = serde_json::json!({
            "specversion": "1.0",
            "id": known,
            "source": "/tenants/acme",
            "type": "com.lanewright.effect.task",
            "time": START,
            "subject": "L-1",
            "datacontenttype": "application/json",
            "data": {
                "effect": { "do": "task", "rep": "ana", "due": "2026-03-02T10:05:00Z" },
                "decision": {
                    "number": 1, "at": START, "mode": "auto", "tier": 1, "due": "2026-03-02T10:05:00Z",
                    "lane": "sales", "why": "Ana fits best <& is free>",
                    "outcome": { "kind": "assigned", "rep": "ana", "team": "smb", "total": 81.5, "by": "match" },
                },
            },
        });
        assert_eq!(event, expect);
        let done = find(&store, &tenant, &known).await.expect("an answer").expect("the effect");
        assert_eq!((done.state.as_str(), done.attempts, done.error), ("done", 3, None));
        assert_eq!(find(&store, &id("other"), &known).await.expect("an answer"), None);
    }
}

#[tokio::test]
async fn effects_of_a_lead_arrive_in_their_order() {
    for store in stores().await {
        let (tenant, server) = (acme(&store).await, Server::start());
        put(&store, &tenant, &tasks_only("crm", &server)).await;
        commit(&store, &tenant, "L-1", &[own(), task()]).await;
        server.says(&["500 Broken"]);
        assert_eq!(turn(start(), &store).await, Some((0, 1, 0, false)));
        commit(&store, &tenant, "L-2", &[own()]).await;
        commit(&store, &tenant, "L-1", &[own()]).await;
        assert_eq!(turn(after(1), &store).await, Some((1, 0, 0, false)), "others go on");
        assert_eq!(turn(after(1), &store).await, None, "its own wait");
        for _ in 0..3 {
            assert_eq!(turn(after(6), &store).await, Some((1, 0, 0, false)));
        }
        assert_eq!(turn(after(6), &store).await, None);
        let expect = ["L-1 set-owner", "L-2 set-owner", "L-1 set-owner", "L-1 task", "L-1 set-owner"];
        assert_eq!(server.seen(), expect);
    }
}

#[tokio::test]
async fn what_is_refused_is_dead_and_lets_the_next_go_and_can_be_sent_again() {
    for store in stores().await {
        let (tenant, server) = (acme(&store).await, Server::start());
        put(&store, &tenant, &tasks_only("crm", &server)).await;
        commit(&store, &tenant, "L-1", &[own(), task()]).await;
        server.says(&["400 No", "404 No", "422 No"]);
        assert_eq!(turn(start(), &store).await, Some((0, 1, 0, false)));
        assert_eq!(turn(after(10), &store).await, Some((0, 1, 0, false)));
        assert_eq!(turn(after(50), &store).await, Some((0, 0, 1, false)));
        assert_eq!(turn(after(54), &store).await, None, "three turns in a row without luck: it rests");
        assert_eq!(turn(after(55), &store).await, Some((1, 0, 0, false)));
        assert_eq!(states(&store, &tenant).await, ["L-1 set-owner dead", "L-1 task done"]);
        let dead =
            EffectFilter { state: Some(EffectState::Dead), destination: Some("crm"), ..Default::default() };
        let [dead] = all(&store, &tenant, dead).await.try_into().expect("one is dead");
        assert_eq!((dead.attempts, dead.error.as_deref()), (3, Some("it answered 422")));

        let now = after(1000);
        let resend = async |one| {
            let at = now.as_millisecond();
            store.of(&tenant).resend_effects(at, "mia", "crm", one).await.expect("resent")
        };
        assert_eq!(resend(Some((dead.head, dead.place + 1))).await, 0, "that one is done");
        assert_eq!(resend(Some((dead.head, dead.place))).await, 1);
        assert_eq!(resend(None).await, 0, "it is open already");
        assert_eq!(turn(now, &store).await, Some((1, 0, 0, false)));
        let requests = server.requests();
        let ids: Vec<&str> = requests.iter().map(|request| request.header("webhook-id")).collect();
        assert_eq!(ids, [ids[0], ids[0], ids[0], ids[3], ids[0]], "the same id as before");
        let events = store.of(&tenant).events_after((0, 0), 100).await.expect("events");
        let last = events.last().expect("an event");
        assert_eq!((last.kind.as_str(), last.actor.as_str()), ("effects.resent", "mia"));
    }
}

#[tokio::test]
async fn attempts_end() {
    for store in stores().await {
        let (tenant, server) = (acme(&store).await, Server::start());
        put(&store, &tenant, &tasks_only("crm", &server)).await;
        commit(&store, &tenant, "L-1", &[task()]).await;
        server.says(&["500 Broken"; 20]);
        let mut now = start();
        for attempt in 1..ATTEMPTS {
            assert_eq!(turn(now, &store).await, Some((0, 1, 0, false)), "attempt {attempt}");
            let [open] = all(&store, &tenant, EffectFilter::default()).await.try_into().expect("one");
            now = Timestamp::from_millisecond(open.next_at).expect("a time").max(now + RESTS[6]);
        }
        assert_eq!(turn(now, &store).await, Some((0, 0, 1, false)));
        assert_eq!(turn(now + 24.hours(), &store).await, None);
        assert_eq!(server.requests().len() as i64, ATTEMPTS);
        assert!(now.duration_since(start()) < DEADLINE);
    }
}

#[tokio::test]
async fn a_destination_that_is_gone_is_turned_off() {
    for store in stores().await {
        let (tenant, server) = (acme(&store).await, Server::start());
        put(&store, &tenant, &tasks_only("crm", &server)).await;
        commit(&store, &tenant, "L-1", &[own(), task()]).await;
        let before = store.of(&tenant).row().await.expect("the tenant").head;
        server.says(&["410 Gone"]);
        assert_eq!(turn(start(), &store).await, Some((0, 1, 0, true)));
        assert_eq!(states(&store, &tenant).await, ["L-1 set-owner dead", "L-1 task dead"]);
        let off = store.of(&tenant).destination("crm").await.expect("an answer").expect("it is there");
        let reason = "it answered 410: it is gone";
        assert_eq!((off.off_at, off.off_reason.as_deref()), (Some(start().as_millisecond()), Some(reason)));
        // Whoever would commit effects for it has to look again.
        assert_eq!(store.of(&tenant).row().await.expect("the tenant").head, before + 1);
        commit(&store, &tenant, "L-2", &[task()]).await;
        assert_eq!(turn(after(99), &store).await, None);
        assert_eq!(states(&store, &tenant).await[2], "L-2 task open", "it waits to be fetched");

        let tenant_store = store.of(&tenant);
        let at = after(100).as_millisecond();
        assert_eq!(tenant_store.resend_effects(at, "mia", "crm", None).await.expect("none"), 0, "it is off");
        assert!(tenant_store.turn_destination(at, "mia", "crm", &Switch::On).await.expect("on"));
        assert!(!tenant_store.turn_destination(at, "mia", "none", &Switch::On).await.expect("none"));
        assert_eq!(tenant_store.resend_effects(at, "mia", "crm", None).await.expect("both"), 2);
        assert_eq!(turn(after(100), &store).await, Some((1, 0, 0, false)));
        assert_eq!(turn(after(100), &store).await, Some((1, 0, 0, false)));
        assert_eq!(server.seen(), ["L-1 set-owner", "L-1 set-owner", "L-1 task"]);

        commit(&store, &tenant, "L-3", &[task()]).await;
        assert!(tenant_store.remove_destination(at, "mia", "crm", None).await.expect("gone"));
        assert_eq!(states(&store, &tenant).await[3], "L-3 task dead");
        assert_eq!(tenant_store.resend_effects(at, "mia", "crm", None).await.expect("none"), 0);
    }
}

#[tokio::test]
async fn what_was_delivered_and_not_written_down_is_delivered_again_under_the_same_id() {
    for store in stores().await {
        let (tenant, server) = (acme(&store).await, Server::start());
        put(&store, &tenant, &tasks_only("crm", &server)).await;
        commit(&store, &tenant, "L-1", &[task()]).await;
        let lost = claim(start(), &store, &tenant, "crm").await.expect("an answer").expect("a claim");
        assert_eq!(deliver(start(), &deliverer(), &lost).await, [Met::Delivered]);
        assert_eq!(claim(after(59), &store, &tenant, "crm").await.expect("an answer"), None, "it holds");
        assert_eq!(turn(after(59), &store).await, None);
        let again = claim(after(60), &store, &tenant, "crm").await.expect("an answer").expect("a claim");
        assert_eq!(again.effects[0].attempts, 2);
        // Whoever was thought dead comes back: what it says failed is another's now.
        let late = vec![Met::failed("it took too long")];
        settle(after(61), &store, &tenant, &lost, late).await.expect("an answer");
        assert_eq!(claim(after(61), &store, &tenant, "crm").await.expect("an answer"), None, "it holds");
        let met = deliver(after(61), &deliverer(), &again).await;
        settle(after(61), &store, &tenant, &again, met).await.expect("an answer");
        assert_eq!(states(&store, &tenant).await, ["L-1 task done"]);
        let requests = server.requests();
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
    }
}

#[tokio::test]
async fn many_workers_deliver_each_effect_once_and_in_order() {
    for store in stores().await {
        let (tenant, server, other) = (acme(&store).await, Server::start(), Server::start());
        put(&store, &tenant, &tasks_only("crm", &server)).await;
        put(&store, &tenant, &Destination { effects: vec![EffectKind::Task], ..tasks_only("bi", &other) })
            .await;
        for lead in 0..40 {
            commit(&store, &tenant, &format!("L-{lead}"), &[own(), task()]).await;
        }
        let deliverer = deliverer();
        let worker = async || {
            let mut idle = 0;
            while idle < 3 {
                match step(start(), &store, &deliverer).await.expect("the database answers") {
                    Stepped::Nothing => {
                        idle += 1;
                        tokio::task::yield_now().await;
                    }
                    Stepped::Served(_) => idle = 0,
                }
            }
        };
        futures_util::future::join_all((0..6).map(|_| worker())).await;
        let states = states(&store, &tenant).await;
        assert!(states.iter().all(|state| state.ends_with("done")), "{states:?}");
        for (server, each) in [(&server, vec!["set-owner", "task"]), (&other, vec!["task"])] {
            let requests = server.requests();
            let ids: HashSet<&str> = requests.iter().map(|request| request.header("webhook-id")).collect();
            assert_eq!((ids.len(), requests.len()), (40 * each.len(), 40 * each.len()));
            for lead in 0..40 {
                let lead = format!("L-{lead} ");
                let of_lead: Vec<String> = server
                    .seen()
                    .iter()
                    .filter_map(|seen| seen.strip_prefix(&lead))
                    .map(str::to_owned)
                    .collect();
                assert_eq!(of_lead, each, "{lead}");
            }
        }
    }
}

#[tokio::test]
async fn nothing_goes_where_the_operator_does_not_let_it() {
    for store in stores().await {
        let (tenant, server, inside) = (acme(&store).await, Server::start(), Server::start());
        put(&store, &tenant, &tasks_only("crm", &server)).await;
        commit(&store, &tenant, "L-1", &[task()]).await;
        let error = async || all(&store, &tenant, EffectFilter::default()).await.remove(0).error;
        let public = Deliverer { fetcher: Arc::new(Fetcher::new(Reach::Public)), ..deliverer() };
        assert!(serve(start(), &store, &public, &tenant, "crm").await.expect("an answer").is_some());
        assert_eq!(error().await.as_deref(), Some("it has to begin with `https://`"));
        assert_eq!(server.requests(), []);
        // Where a redirect leads was checked by nobody.
        server.says(&[&format!("307 Elsewhere\r\nlocation: {}", inside.url)]);
        assert_eq!(turn(after(6), &store).await, Some((0, 1, 0, false)));
        assert_eq!(error().await.as_deref(), Some("it answered 307"));
        assert_eq!((server.requests().len(), inside.requests().len()), (1, 0));
    }
}

#[tokio::test]
async fn a_slow_destination_holds_up_no_other() {
    for store in stores().await {
        let (tenant, server) = (acme(&store).await, Server::start());
        for name in ["a", "b", "c", "d", "e"] {
            put(&store, &tenant, &tasks_only(name, &server)).await;
        }
        for lead in 0..20 {
            commit(&store, &tenant, &format!("L-{lead}"), &[task()]).await;
        }
        let slow = claim(start(), &store, &tenant, "a").await.expect("an answer").expect("a claim");
        assert_eq!(slow.effects.len(), 16, "a few of them");
        assert_eq!(due(start(), &store, 9).await.expect("an answer").len(), 4);
        for name in ["b", "b", "c"] {
            let served = serve(start(), &store, &deliverer(), &tenant, name).await.expect("an answer");
            assert!(served.is_some(), "{name}");
        }
        // The longest untouched comes first.
        let order: Vec<String> =
            due(start(), &store, 9).await.expect("due").into_iter().map(|(_, name)| name).collect();
        assert_eq!(order, ["d", "e", "c"]);
        // No more than four of a tenant at once.
        for name in ["c", "d", "e"] {
            assert!(claim(start(), &store, &tenant, name).await.expect("an answer").is_some(), "{name}");
        }
        commit(&store, &tenant, "L-99", &[task()]).await;
        assert_eq!(claim(start(), &store, &tenant, "b").await.expect("an answer"), None);
        assert!(claim(after(60), &store, &tenant, "b").await.expect("an answer").is_some());
    }
}

#[tokio::test]
async fn one_that_fails_is_asked_less_and_with_one_effect() {
    for store in stores().await {
        let (tenant, server) = (acme(&store).await, Server::start());
        put(&store, &tenant, &tasks_only("crm", &server)).await;
        for lead in 0..30 {
            commit(&store, &tenant, &format!("L-{lead}"), &[task()]).await;
        }
        server.says(&["500 Broken"; 19]);
        assert_eq!(turn(start(), &store).await, Some((0, 16, 0, false)));
        for at in [0, 0] {
            assert_eq!(turn(after(at), &store).await, Some((0, 1, 0, false)));
        }
        assert_eq!(turn(after(4), &store).await, None, "it rests");
        assert_eq!(turn(after(5), &store).await, Some((0, 1, 0, false)));
        assert_eq!(turn(after(34), &store).await, None, "and rests longer");
        assert_eq!(turn(after(35), &store).await, Some((1, 0, 0, false)));
        assert_eq!(turn(after(35), &store).await, Some((16, 0, 0, false)), "it is well again");
    }
}

#[tokio::test]
async fn effects_that_wait_to_be_fetched() {
    for store in stores().await {
        let tenant = acme(&store).await;
        commit(&store, &tenant, "L-1", &[own(), task()]).await;
        commit(&store, &tenant, "L-2", &[task()]).await;
        let fetch = async |now: Timestamp| {
            let tenant_store = store.of(&tenant);
            tenant_store.effects_to_fetch(now.as_millisecond(), 10).await.expect("effects")
        };
        let names = |rows: &[OutboxRow]| -> Vec<String> {
            rows.iter().map(|row| format!("{} {}", row.lead, row.kind)).collect()
        };
        let say = async |now, row: &OutboxRow, what: Report| {
            report(now, &store, &tenant, row, what).await.expect("an answer")
        };
        assert_eq!(turn(start(), &store).await, None, "nobody is told");
        let first = fetch(start()).await;
        assert_eq!(names(&first), ["L-1 set-owner", "L-2 task"]);
        assert!(say(start(), &first[0], Report::Failed { why: "no such record".to_owned() }).await);
        assert!(!say(start(), &first[0], Report::Done).await, "somebody was first");
        assert_eq!(names(&fetch(after(1)).await), ["L-2 task"]);
        let kinds = EffectFilter { lead: Some("L-1"), ..EffectFilter::default() };
        let waiting: HashSet<i64> = all(&store, &tenant, kinds).await.iter().map(|row| row.next_at).collect();
        assert_eq!(waiting.len(), 1, "what follows waits as long");
        assert!(say(after(1), &first[1], Report::Done).await);
        let second = fetch(after(6)).await;
        assert_eq!(names(&second), ["L-1 set-owner"]);
        assert_eq!((second[0].attempts, second[0].error.as_deref()), (1, Some("no such record")));
        assert!(say(after(6), &second[0], Report::Done).await);
        assert_eq!(names(&fetch(after(6)).await), ["L-1 task"]);

        // Who carried it out before it was due again lets the next go at once.
        commit(&store, &tenant, "L-3", &[own(), task()]).await;
        let third = fetch(after(7)).await.remove(0);
        assert!(say(after(7), &third, Report::Failed { why: String::new() }).await);
        assert_eq!(names(&fetch(after(8)).await), ["L-1 task"]);
        let third = find(&store, &tenant, &effect_id(&third)).await.expect("an answer").expect("it is there");
        assert!(say(after(8), &third, Report::Done).await);
        assert_eq!(names(&fetch(after(8)).await), ["L-1 task", "L-3 task"]);
        let fourth = fetch(after(8)).await.remove(1);
        assert!(say(after(8), &fourth, Report::Done).await);

        assert_eq!(expire(start() + 71.hours(), &store).await.expect("an answer"), 0);
        assert_eq!(expire(start() + 73.hours(), &store).await.expect("an answer"), 1);
        assert_eq!(
            states(&store, &tenant).await,
            ["L-1 set-owner done", "L-1 task dead", "L-2 task done", "L-3 set-owner done", "L-3 task done"]
        );
        let later = start() + 80.hours();
        let resent = store.of(&tenant).resend_effects(later.as_millisecond(), "mia", "", None).await;
        assert_eq!(resent.expect("an answer"), 1);
        assert_eq!(names(&fetch(later).await), ["L-1 task"]);
    }
}

#[tokio::test]
async fn effects_are_listed_a_page_at_a_time_and_nobody_sees_anothers() {
    for store in stores().await {
        let (tenant, server) = (acme(&store).await, Server::start());
        let other: TenantId = id("other");
        store.make_tenant(&other, "Other", 0).await.expect("a tenant");
        put(&store, &tenant, &Destination { effects: vec![EffectKind::Task], ..tasks_only("a", &server) })
            .await;
        put(&store, &tenant, &Destination { effects: vec![EffectKind::Task], ..tasks_only("b", &server) })
            .await;
        commit(&store, &tenant, "L-1", &[own(), task()]).await;
        commit(&store, &tenant, "L-2", &[task()]).await;
        commit(&store, &other, "L-1", &[task()]).await;
        let mut after = (0, 0, String::new());
        let mut pages = Vec::new();
        loop {
            let page = store.of(&tenant).effects(EffectFilter::default(), &after, 2).await.expect("a page");
            let Some(last) = page.last() else { break };
            after = (last.head, last.place, last.destination.clone());
            let names = page.iter().map(|row| format!("{} {} {}", row.lead, row.kind, row.destination));
            pages.push(names.collect::<Vec<_>>());
        }
        assert_eq!(
            pages,
            [vec!["L-1 set-owner ", "L-1 task a"], vec!["L-1 task b", "L-2 task a"], vec!["L-2 task b"]]
        );
        let number = async |tenant: &TenantId, filter| all(&store, tenant, filter).await.len();
        let any = EffectFilter::default();
        assert_eq!(number(&other, any).await, 1);
        assert_eq!(number(&tenant, EffectFilter { lead: Some("L-2"), ..any }).await, 2);
        assert_eq!(
            number(&tenant, EffectFilter { kind: Some("task"), destination: Some("a"), ..any }).await,
            2
        );
        assert_eq!(number(&tenant, EffectFilter { state: Some(EffectState::Dead), ..any }).await, 0);
        assert_eq!(number(&tenant, EffectFilter { state: Some(EffectState::Open), ..any }).await, 5);
    }
}

#[tokio::test]
async fn nothing_is_sent_that_should_be_signed_and_cannot_be() {
    for store in stores().await {
        let (tenant, server) = (acme(&store).await, Server::start());
        let secret = Some(vec![0xff]);
        put(&store, &tenant, &Destination { secret, ..tasks_only("crm", &server) }).await;
        commit(&store, &tenant, "L-1", &[task()]).await;
        assert_eq!(turn(start(), &store).await, Some((0, 1, 0, false)));
        assert_eq!(server.requests(), []);
        let [open] = all(&store, &tenant, EffectFilter::default()).await.try_into().expect("one");
        assert_eq!(open.error.as_deref(), Some("the secret of the destination cannot be opened"));
        // One that leaves the secret alone keeps it, and one that brings a new one is served at once.
        put(&store, &tenant, &tasks_only("crm", &server)).await;
        assert_eq!(turn(after(6), &store).await, Some((0, 1, 0, false)));
        let secret = Some(format!("{SECRET} {SECRET}").into_bytes());
        put(&store, &tenant, &Destination { secret, ..tasks_only("crm", &server) }).await;
        assert_eq!(turn(after(60), &store).await, Some((1, 0, 0, false)));
        let requests = server.requests();
        assert_eq!(requests[0].header("webhook-signature").split(' ').count(), 2, "old and new");
    }
}

#[tokio::test]
async fn a_chat_and_a_phone_are_told() {
    for store in stores().await {
        let (tenant, server) = (acme(&store).await, Server::start());
        put(&store, &tenant, &destination(Kind::Slack, "chat", &server.url)).await;
        put(&store, &tenant, &destination(Kind::Sms, "sms", &server.url)).await;
        commit(&store, &tenant, "L-1", &[tell(Notice::Urgent), offer()]).await;
        assert_eq!(turn(start(), &store).await, Some((1, 0, 0, false)));
        assert_eq!(turn(start(), &store).await, Some((1, 0, 0, false)));
        assert_eq!(turn(start(), &store).await, None);
        let [chat, sms] = server.requests().try_into().expect("two");
        assert!(chat.body.starts_with(r#"{"text":"*ana, one of your people"#), "{}", chat.body);
        let sms: serde_json::Value = serde_json::from_str(&sms.body).expect("JSON");
        assert_eq!(sms["to"], "+351210000000");
    }
}

/// A mail server that takes what it is sent; first it answers recipients what it is told to.
fn mail_server(answers: &[&'static str]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("smtp://{}", listener.local_addr().expect("an address"));
    let mails: Arc<Mutex<Vec<String>>> = Arc::default();
    let (own, answers) = (Arc::clone(&mails), Arc::new(Mutex::new(VecDeque::from(answers.to_vec()))));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (own, answers) = (Arc::clone(&own), Arc::clone(&answers));
            std::thread::spawn(move || take_mail(stream, &own, &answers));
        }
    });
    (url, mails)
}

fn take_mail(
    stream: TcpStream,
    mails: &Mutex<Vec<String>>,
    answers: &Mutex<VecDeque<&'static str>>,
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let say = |reader: &mut BufReader<TcpStream>, text: &str| {
        reader.get_mut().write_all(format!("{text}\r\n").as_bytes()).ok()
    };
    let line = |reader: &mut BufReader<TcpStream>| {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line)
    };
    say(&mut reader, "220 sink")?;
    loop {
        let said = line(&mut reader)?;
        match said.get(..4)? {
            "EHLO" => say(&mut reader, "250-sink\r\n250 8BITMIME")?,
            "RCPT" => {
                let answer = answers.lock().ok()?.pop_front().unwrap_or("250 ok");
                say(&mut reader, answer)?;
            }
            "DATA" => {
                say(&mut reader, "354 go on")?;
                let mut mail = String::new();
                loop {
                    match line(&mut reader)? {
                        end if end == ".\r\n" => break,
                        line => mail.push_str(&line),
                    }
                }
                mails.lock().ok()?.push(mail);
                say(&mut reader, "250 taken")?;
            }
            "QUIT" => return say(&mut reader, "221 bye"),
            _ => say(&mut reader, "250 ok")?,
        }
    }
}

#[tokio::test]
async fn a_mail_is_sent() {
    for store in stores().await {
        let tenant = acme(&store).await;
        put(&store, &tenant, &destination(Kind::Email, "mail", "sales@example.com")).await;
        commit(&store, &tenant, "L-1", &[tell(Notice::Assigned)]).await;
        let (url, mails) = mail_server(&["451 later", "550 nobody"]);
        let mailer = Mailer::new(&url, "Lanewright <leads@lanewright.example>").expect("a mail server");
        let deliverer = Deliverer { mailer: Some(mailer), ..deliverer() };
        let error = async || all(&store, &tenant, EffectFilter::default()).await.remove(0).error;
        let turn = async |at| {
            let turn = serve(after(at), &store, &deliverer, &tenant, "mail").await.expect("an answer");
            turn.map(|turn| (turn.delivered, turn.again, turn.dead))
        };
        assert_eq!(turn(0).await, Some((0, 1, 0)));
        assert_eq!(error().await.as_deref(), Some("transient error (451): later"));
        assert_eq!(turn(10).await, Some((0, 1, 0)));
        assert_eq!(error().await.as_deref(), Some("permanent error (550): nobody"));
        assert_eq!(turn(60).await, Some((1, 0, 0)));
        let mails = mails.lock().expect("mails").clone();
        let [mail] = mails.as_slice() else { panic!("{mails:?}") };
        let known = effect_id(&all(&store, &tenant, EffectFilter::default()).await[0]);
        for line in [
            "From: Lanewright <leads@lanewright.example>",
            "To: sales@example.com",
            "Subject: ana, you have a new lead: L-1",
            &format!("Message-ID: <{known}@lanewright.example>"),
            "Date: Mon, 02 Mar 2026 10:01:00 +0000",
            "- Ask first when they decide.",
        ] {
            assert!(mail.lines().any(|known| known == line), "{line} in {mail}");
        }
    }
}

#[tokio::test]
async fn a_mail_server_is_written_as_a_url() {
    let check = |server: &str, from: &str, expect: Option<&str>| {
        let found = Mailer::new(server, from).err().map(|error| error.to_string());
        assert_eq!(found.as_deref(), expect);
    };
    check("smtps://user:pass@smtp.example.com", "leads@example.com", None);
    check("smtp://smtp.example.com?tls=required", "Leads <leads@example.com>", None);
    check("smtp://localhost", "leads", Some("`leads` is no address to send from"));
    check(
        "smtp.example.com",
        "leads@example.com",
        Some("it names no mail server; write `smtps://USER:PASSWORD@HOST` or `smtp://HOST?tls=required`"),
    );
}
