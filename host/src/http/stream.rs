//! What happens, as it happens: a stream of server-sent events.
//!
//! Everything that was ever committed can be read from any place on: the id of an event is its place in the order of
//! the tenant's commits, and a client that was away sends the last one it has seen (`Last-Event-ID`). Names are
//! those of CloudEvents that go out as webhooks.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::{Router, routing};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;
use utoipa::{IntoParams, OpenApi as _};

use super::Api;
use super::decisions::{DecisionBody, moment};
use super::extract::Query;
use super::problem::{Code, Problem, ProblemBody};
use super::scope::{Caller, ReadDecisions};
use crate::decision::Decision;
use crate::lead::TenantId;

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/v1/events", routing::get(events))
}

/// A stream has no end, so it stands outside of what has to end in time; its description is added here.
pub(super) fn describe(document: &mut OpenApi) {
    #[derive(utoipa::OpenApi)]
    #[openapi(paths(events))]
    struct Streams;
    document.merge(Streams::openapi());
}

/// From where on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsQuery {
    /// The id of the last event that was seen, `0.0` for everything; nothing: what happens from now on.
    after: Option<String>,
    /// `false`: ends when everything that has happened was sent.
    #[serde(default, deserialize_with = "super::page::flag")]
    follow: Option<bool>,
}

/// How often the database is asked for what is new.
const ASK: Duration = Duration::from_millis(500);

/// Events read at once.
const AT_ONCE: i64 = 200;

/// What happens, as it happens, from a place on: decisions (`decision.made`) and what people did (`lead.accepted`,
/// `configuration.published`, …).
#[utoipa::path(get, path = "/v1/events", tag = "events", params(EventsQuery,
        ("last-event-id" = Option<String>, Header, description = "As `after`; sent by browsers that connect again")),
    responses((status = 200, content_type = "text/event-stream", body = String),
        (status = "default", body = ProblemBody)),
    security(("bearer" = ["ReadDecisions"])))]
async fn events(
    caller: Caller<ReadDecisions>,
    State(api): State<Api>,
    headers: HeaderMap,
    Query(query): Query<EventsQuery>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let after = match last.map(str::to_owned).or(query.after) {
        Some(text) => place(&text)?,
        None => (api.store.of(caller.tenant()).row().await?.head, i64::MAX),
    };
    let reader = Reader {
        tenant: caller.tenant().clone(),
        api,
        after,
        ready: VecDeque::new(),
        follows: query.follow.unwrap_or(true),
        caller,
    };
    Ok(Sse::new(stream::unfold(reader, next)).keep_alive(KeepAlive::default()))
}

fn place(text: &str) -> Result<(i64, i64), Problem> {
    let parts =
        text.split_once('.').and_then(|(head, place)| Some((head.parse().ok()?, place.parse().ok()?)));
    parts.ok_or_else(|| {
        Problem::new(Code::Malformed, format!("{text:?} is no id of an event")).hint("such as `17.0`")
    })
}

struct Reader {
    tenant: TenantId,
    api: Api,
    after: (i64, i64),
    ready: VecDeque<((i64, i64), &'static str, Value)>,
    follows: bool,
    /// Keeps the stream's place among the requests of its tenant.
    caller: Caller<ReadDecisions>,
}

async fn next(mut reader: Reader) -> Option<(Result<Event, Infallible>, Reader)> {
    loop {
        if let Some(((head, place), name, body)) = reader.ready.pop_front() {
            let event = Event::default().id(format!("{head}.{place}")).event(name).data(body.to_string());
            return Some((Ok(event), reader));
        }
        let read = reader.read().await;
        match read {
            Ok(true) => {}
            Ok(false) if !reader.follows || *reader.api.ending.borrow() => return None,
            // A key that was revoked meanwhile reads on for as long as its stream is open, and no longer.
            Ok(false) | Err(_) => tokio::time::sleep(ASK).await,
        }
    }
}

/// Decisions and events of one commit have places of their own; events come behind the decisions of theirs.
const EVENTS: i64 = 1_000_000;

impl Reader {
    /// Whether anything was new.
    async fn read(&mut self) -> Result<bool, crate::store::Error> {
        let _ = self.caller.tenant();
        let store = self.api.store.of(&self.tenant);
        let (head, place) = self.after;
        let decisions = store.decisions_after((head, place.min(EVENTS - 1)), AT_ONCE).await?;
        let events =
            store.events_after((head, place.checked_sub(EVENTS).unwrap_or(-1).max(-1)), AT_ONCE).await?;
        let full = |number: usize| i64::try_from(number).is_ok_and(|number| number >= AT_ONCE);
        // Of two lists, one of which ends early, only what both have reached is in order.
        let reached = [
            full(decisions.len()).then(|| decisions.last().map(|(head, ..)| *head)).flatten(),
            full(events.len()).then(|| events.last().map(|event| event.head)).flatten(),
        ];
        let reached = reached.into_iter().flatten().min().unwrap_or(i64::MAX);
        let mut found: Vec<((i64, i64), &'static str, Value)> = Vec::new();
        for (head, place, json) in decisions {
            let decision: Option<Decision> = json.and_then(|json| serde_json::from_str(&json).ok());
            let body = decision.map_or(Value::Null, |decision| {
                serde_json::to_value(DecisionBody::of(&decision)).unwrap_or_default()
            });
            found.push(((head, place), "decision.made", body));
        }
        for event in events {
            let body: Value = serde_json::from_str(&event.body).unwrap_or_default();
            let body = json!({
                "kind": event.kind, "at": moment(event.at), "actor": event.actor, "lead": event.lead, "body": body,
            });
            found.push(((event.head, EVENTS + event.place), "happened", body));
        }
        found.sort_by_key(|(place, ..)| *place);
        let behind = found.partition_point(|((head, _), ..)| *head <= reached);
        found.truncate(behind.max(1));
        if let Some((place, ..)) = found.last() {
            self.after = *place;
        }
        let any = !found.is_empty();
        self.ready.extend(found);
        Ok(any)
    }
}
