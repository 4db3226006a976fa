//! What is done outside, reliably: decisions' effects on their way to where a tenant wants them.
//!
//! ```text
//! Decision ─ fan_out ─▶ rows of its commit ─ claim ─▶ deliver ─ Met ─▶ schedule ─ Mark ─▶ settle
//!                               └▶ rows for nobody wait to be fetched ─▶ report
//! ```
//!
//! The rows are written with the decision, all or nothing. A worker claims a destination with a few effects,
//! delivers them with no transaction open, and writes down what became of them. Where it dies in between,
//! the claim ends by itself and they are delivered again under the same id: **at least once**, so whoever
//! receives them keeps the ids that they have seen. Effects of one lead reach a destination in their order:
//! none is claimed while an earlier one is open; one that is given up lets the next go.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;

use crate::fetch::{Fetcher, Reach};
use crate::lead::TenantId;
use crate::store::{Claim, ClaimSize, Error, Health, Mark, OutboxRow, Store, Switch};

mod destination;
mod email;
mod fan_out;
mod id;
mod met;
mod schedule;
mod webhook;
mod words;

pub use destination::{Destination, DestinationError, EffectKind, Kind, checked, fresh_secret};
pub use email::{Mailer, MailerError};
pub use fan_out::{Source, Summary, Told, fan_out, notify};
pub use id::effect_id;
pub use met::Met;
pub use schedule::{ATTEMPTS, DEADLINE, EXPIRES, RESTS, RETRIES};

/// How long a claim holds: well above what a delivery may take.
const CLAIM: Duration = Duration::from_secs(60);
/// How long one delivery may take, all of it.
const DELIVERY: Duration = Duration::from_secs(20);
/// So few at once that no destination takes many connections, and no tenant many workers.
const SIZE: ClaimSize = ClaimSize { effects: 16, effects_where_failing: 1, destinations: 4 };
/// Who turns off a destination that says that it is gone.
const ACTOR: &str = "clock";

/// Opens what the secret of a tenant's destination was sealed to; `None` where it cannot be.
pub type Unseal = Arc<dyn Fn(&TenantId, &str, &[u8]) -> Option<String> + Send + Sync>;

/// Carries effects to where they go.
#[derive(Clone)]
pub struct Deliverer {
    fetcher: Arc<Fetcher>,
    mailer: Option<Mailer>,
    unseal: Unseal,
}

impl Deliverer {
    /// One that reaches so far, sends mail where the operator has a mail server, and opens secrets.
    pub fn new(reach: Reach, mailer: Option<Mailer>, unseal: Unseal) -> Self {
        Self { fetcher: Arc::new(Fetcher::new(reach)), mailer, unseal }
    }

    /// Delivers one effect, once.
    async fn deliver(&self, now: Timestamp, destination: &Destination, effect: &OutboxRow) -> Met {
        let told = match serde_json::from_str(&effect.body) {
            Ok(told) => told,
            Err(error) => return Met::Refused { why: format!("the effect cannot be read: {error}") },
        };
        let delivery = async {
            match destination.kind {
                Kind::Email => match &self.mailer {
                    Some(mailer) => mailer.send(now, destination, effect, &told).await,
                    None => Met::failed("this service has no mail server"),
                },
                kind => self.post(now, kind, destination, effect, &told).await,
            }
        };
        let late = |_| Met::failed("it took too long");
        tokio::time::timeout(DELIVERY, delivery).await.unwrap_or_else(late)
    }

    async fn post(
        &self,
        now: Timestamp,
        kind: Kind,
        destination: &Destination,
        effect: &OutboxRow,
        told: &Told,
    ) -> Met {
        let body = match kind {
            Kind::Webhook => Ok(webhook::body(effect)),
            Kind::Slack => Ok(words::slack(destination, effect, told)),
            Kind::Sms | Kind::Email => words::sms(destination, effect, told),
        };
        let body = match body {
            Ok(body) => body,
            Err(why) => return Met::Refused { why },
        };
        let secret = match &destination.secret {
            Some(sealed) => match (self.unseal)(&destination.tenant, &destination.id, sealed) {
                Some(secret) => Some(secret),
                None => return Met::failed("the secret of the destination cannot be opened"),
            },
            None => None,
        };
        let headers = match webhook::headers(now, &effect_id(effect), secret.as_deref(), &body) {
            Ok(headers) => headers,
            Err(why) => return Met::Refused { why },
        };
        let (fetcher, url) = (Arc::clone(&self.fetcher), destination.target.clone());
        let posted = tokio::task::spawn_blocking(move || {
            let headers: Vec<(&str, String)> =
                headers.iter().map(|(name, value)| (*name, value.clone())).collect();
            fetcher.post(&url, &headers, body.as_bytes())
        });
        match posted.await {
            Ok(answer) => Met::of_answer(now, answer),
            Err(_) => Met::failed("it broke off"),
        }
    }
}

impl fmt::Debug for Deliverer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliverer")
            .field("fetcher", &self.fetcher)
            .field("mailer", &self.mailer)
            .finish_non_exhaustive()
    }
}

/// What a step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stepped {
    /// Nothing is due that nobody works on.
    Nothing,
    /// It was a destination's turn.
    Served(Served),
}

/// What became of a destination's turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which.
    pub destination: String,
    /// Effects that arrived.
    pub delivered: usize,
    /// Effects that are tried again.
    pub again: usize,
    /// Effects that were given up.
    pub dead: usize,
    /// Why it was turned off, where it was.
    pub off: Option<String>,
}

/// Destinations that it is the turn of, the longest untouched first. A loop asks for many, and serves several
/// at once.
///
/// # Errors
///
/// [`Error::Unavailable`].
pub async fn due(now: Timestamp, store: &Store, most: i64) -> Result<Vec<(TenantId, String)>, Error> {
    let due = store.destinations_due(now.as_millisecond(), most).await?;
    let read = |(tenant, destination): (String, String)| Some((tenant.parse().ok()?, destination));
    Ok(due.into_iter().filter_map(read).collect())
}

/// Serves the first destination that is due: the worker's step.
///
/// # Errors
///
/// [`Error::Unavailable`]; whatever was claimed is then tried again when the claim is over.
pub async fn step(now: Timestamp, store: &Store, deliverer: &Deliverer) -> Result<Stepped, Error> {
    for (tenant, destination) in due(now, store, 16).await? {
        if let Some(served) = serve(now, store, deliverer, &tenant, &destination).await? {
            return Ok(Stepped::Served(served));
        }
    }
    Ok(Stepped::Nothing)
}

/// Gives a destination its turn: claims, delivers, writes down. `None` where there is nothing to do, or
/// another is at it.
///
/// # Errors
///
/// [`Error::Unavailable`]; whatever was claimed is then tried again when the claim is over.
pub async fn serve(
    now: Timestamp,
    store: &Store,
    deliverer: &Deliverer,
    tenant: &TenantId,
    destination: &str,
) -> Result<Option<Served>, Error> {
    let Some(claim) = claim(now, store, tenant, destination).await? else { return Ok(None) };
    let met = deliver(now, deliverer, &claim).await;
    settle(now, store, tenant, &claim, met).await.map(Some)
}

/// Gives up what nobody delivered or fetched in time; a loop does so every minute or so. How many.
///
/// # Errors
///
/// [`Error::Unavailable`].
pub async fn expire(now: Timestamp, store: &Store) -> Result<u64, Error> {
    store.expire_effects(now.as_millisecond(), (now - EXPIRES).as_millisecond(), 1000).await
}

async fn claim(
    now: Timestamp,
    store: &Store,
    tenant: &TenantId,
    destination: &str,
) -> Result<Option<Claim>, Error> {
    let until = (now + CLAIM).as_millisecond();
    store.of(tenant).claim_effects(destination, now.as_millisecond(), until, SIZE).await
}

/// All of a claim at once: each is of another lead.
async fn deliver(now: Timestamp, deliverer: &Deliverer, claim: &Claim) -> Vec<Met> {
    match Destination::try_from(&claim.destination) {
        Ok(destination) => {
            let each = claim.effects.iter().map(|effect| deliverer.deliver(now, &destination, effect));
            join_all(each).await
        }
        Err(error) => claim.effects.iter().map(|_| Met::failed(error.to_string())).collect(),
    }
}

async fn settle(
    now: Timestamp,
    store: &Store,
    tenant: &TenantId,
    claim: &Claim,
    met: Vec<Met>,
) -> Result<Served, Error> {
    let marks: Vec<Mark> =
        claim.effects.iter().zip(&met).map(|(effect, met)| schedule::mark(now, effect, met)).collect();
    let before = Health {
        failures: claim.destination.failures,
        failing_since: claim.destination.failing_since,
        rests_until: claim.destination.rests_until,
    };
    let health = schedule::health(now, before, &met);
    let store = store.of(tenant);
    store.settle_effects(claim, now.as_millisecond(), &marks, health).await?;
    let off = schedule::off(now, health, &met);
    let destination = &claim.destination.destination;
    if let Some(reason) = &off {
        let switch = Switch::Off { reason: reason.clone() };
        store.turn_destination(now.as_millisecond(), ACTOR, destination, &switch).await?;
    }
    let number = |is: fn(&Mark) -> bool| marks.iter().filter(|mark| is(mark)).count();
    Ok(Served {
        tenant: tenant.clone(),
        destination: destination.clone(),
        delivered: number(|mark| *mark == Mark::Done),
        again: number(|mark| matches!(mark, Mark::Again { .. })),
        dead: number(|mark| matches!(mark, Mark::Dead { .. })),
        off,
    })
}

/// What somebody who fetched an effect says became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// They carried it out.
    Done,
    /// They could not; why, in a line.
    Failed {
        /// Why.
        why: String,
    },
}

/// Writes down what became of a fetched effect, by the schedule of those that are delivered; whether it was
/// still open.
///
/// # Errors
///
/// [`Error::Unavailable`].
pub async fn report(
    now: Timestamp,
    store: &Store,
    tenant: &TenantId,
    seen: &OutboxRow,
    report: Report,
) -> Result<bool, Error> {
    let met = match report {
        Report::Done => Met::Delivered,
        Report::Failed { why } => Met::failed(why),
    };
    let tried = OutboxRow { attempts: seen.attempts + 1, ..seen.clone() };
    let mark = schedule::mark(now, &tried, &met);
    store.of(tenant).report_effect(seen, now.as_millisecond(), &mark).await
}

/// The effect with this id, where the tenant has it.
///
/// # Errors
///
/// [`Error::Unavailable`].
pub async fn find(store: &Store, tenant: &TenantId, id: &str) -> Result<Option<OutboxRow>, Error> {
    let Some((head, place)) = id::place(id) else { return Ok(None) };
    let found = store.of(tenant).effects_at(head, place).await?;
    Ok(found.into_iter().find(|effect| effect_id(effect) == id))
}

#[cfg(test)]
mod tests;
