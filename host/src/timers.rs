//! What happens because time has passed: deadlines and drains of every tenant, publications, batches, and the end of
//! what is kept no longer.
//!
//! Everything that is due stands in the database, so it survives any host, and every host may look for it. Deadlines
//! and publications are commits of their tenant's line: of two hosts that see the same one, the second finds it done.
//! A batch is claimed for a while, and asked under a key of its own, so that it is decided once however often it is
//! claimed; of a run over the log every lead has such a key.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::lead::TenantId;
use crate::line::{Answer, Ask, Key, Lines, Question, Refused};
use crate::store::{BatchKind, BatchLeadRow, BatchRow, Error, Over, Store};
use crate::telemetry::{Metrics, Timer, TimerFired};
use crate::versions::{self, By};

mod experiments;
mod models;
mod plugins;

pub use experiments::looks;
pub use models::training;
pub use plugins::{counts, releases};

/// Who does what time does.
const ACTOR: &str = "clock";

/// Tenants and publications of one step.
const AT_ONCE: i64 = 64;

/// How long a host has a batch before another may take it; it goes on claiming it while it works.
const CLAIM: SignedDuration = SignedDuration::from_secs(60);

/// How often it says how far it is.
const TELL: Duration = Duration::from_secs(1);

/// How often a batch is tried before it is given up.
const ATTEMPTS: i64 = 5;

/// Leads of a run that are asked about at once; each is decided in its turn.
const TOGETHER: usize = 16;

/// How long what is over is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Bodies of decisions.
    pub decisions: Duration,
    /// The audit log.
    pub events: Duration,
    /// Effects that are done or given up.
    pub effects: Duration,
    /// Batches that have ended.
    pub batches: Duration,
    /// Answers by idempotency key.
    pub answers: Duration,
}

/// Lets happen what is due for tenants; how many there were.
///
/// # Errors
///
/// [`Error::Unavailable`].
pub async fn deadlines(
    now: Timestamp,
    store: &Store,
    lines: &Lines,
    metrics: &Metrics,
) -> Result<usize, Error> {
    let due = store.due(now.as_millisecond(), AT_ONCE).await?;
    let tenants: Vec<TenantId> = due.iter().filter_map(|tenant| tenant.parse().ok()).collect();
    let ticks = tenants.iter().map(|tenant| async move {
        match lines.ask(tenant, question(Ask::Tick, None)).await {
            Ok(_) => {
                TimerFired { tenant: tenant.clone(), timer: Timer::Lead, late: Duration::ZERO }.emit(metrics)
            }
            Err(refused) => tracing::warn!(%tenant, why = %refused, "what is due could not be done"),
        }
    });
    join_all(ticks).await;
    Ok(tenants.len())
}

/// Puts configurations in force whose time has come; how many there were. One that cannot be set up is a draft again.
///
/// # Errors
///
/// [`Error::Unavailable`].
pub async fn publications(
    now: Timestamp,
    store: &Store,
    lines: &Lines,
    metrics: &Metrics,
) -> Result<usize, Error> {
    let due = store.publications_due(now.as_millisecond(), AT_ONCE).await?;
    for row in &due {
        let Ok(tenant) = row.tenant.parse::<TenantId>() else { continue };
        match lines.ask(&tenant, question(Ask::Publish(row.version), None)).await {
            Ok(_) => TimerFired { tenant, timer: Timer::Publication, late: Duration::ZERO }.emit(metrics),
            Err(Refused::NotReady(why)) => {
                let by = By { actor: ACTOR, at: now.as_millisecond() };
                let problems = json!(why.to_string());
                if let Err(error) = versions::refuse(&store.of(&tenant), by, row.version, problems).await {
                    tracing::warn!(%tenant, %error, "a publication could not be refused");
                }
            }
            Err(refused) => tracing::warn!(%tenant, why = %refused, "a publication is tried again"),
        }
    }
    Ok(due.len())
}

/// Decides a batch that is due, or a run over the log; whether there was one.
///
/// # Errors
///
/// [`Error::Unavailable`]: the batch is claimed again when this claim is over.
pub async fn batch(now: Timestamp, store: &Store, lines: &Lines, metrics: &Metrics) -> Result<bool, Error> {
    let until = |now: Timestamp| (now + CLAIM).as_millisecond();
    let Some(batch) = store.claim_batch(now.as_millisecond(), until(now)).await? else { return Ok(false) };
    let Ok(tenant) = batch.tenant.parse::<TenantId>() else { return Ok(true) };
    if batch.is(BatchKind::Reprocess) {
        reprocess(&tenant, &batch, store, lines).await?;
        TimerFired { tenant, timer: Timer::Batch, late: Duration::ZERO }.emit(metrics);
        return Ok(true);
    }
    let of = store.of(&tenant);
    let mut leads = of.batch_leads(&batch.batch, -1, i64::MAX).await?;
    let received: Vec<Json> =
        leads.iter().map(|lead| serde_json::from_str(&lead.received).unwrap_or_default()).collect();
    let prepared = Arc::new(AtomicUsize::new(0));
    let key = Key { key: format!("batch {}", batch.batch), asked: batch.batch.clone() };
    let ask = Ask::Batch { leads: received, prepared: Arc::clone(&prepared) };
    let mut asked = std::pin::pin!(lines.ask(&tenant, question(ask, Some(key))));
    let answer = loop {
        tokio::select! {
            answer = &mut asked => break answer,
            () = tokio::time::sleep(TELL) => {
                let so_far = i64::try_from(prepared.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
                let now = lines.parts().clock.now();
                of.go_on_with_batch(&batch.batch, batch.attempts, so_far, until(now)).await?;
            }
        }
    };
    let error = match answer {
        Ok(answer) => {
            mark(&mut leads, &answer);
            None
        }
        Err(refused @ (Refused::Busy | Refused::Unavailable | Refused::Closing))
            if batch.attempts < ATTEMPTS =>
        {
            tracing::warn!(%tenant, why = %refused, "a batch is tried again");
            return Ok(true);
        }
        Err(refused) => Some(refused.to_string()),
    };
    let BatchRow { batch, attempts, .. } = batch;
    of.end_batch((&batch, attempts), &leads, error.as_deref(), now.as_millisecond()).await?;
    TimerFired { tenant: tenant.clone(), timer: Timer::Batch, late: Duration::ZERO }.emit(metrics);
    Ok(true)
}

/// Decides leads of a run again, in their order. Each is marked once it is done, and asked under a key of its own: a run
/// that is claimed again goes on where it was, and what was not marked in time is not done twice.
async fn reprocess(tenant: &TenantId, run: &BatchRow, store: &Store, lines: &Lines) -> Result<(), Error> {
    let (of, claim) = (store.of(tenant), (run.batch.as_str(), run.attempts));
    let mut left = of.batch_leads(&run.batch, -1, i64::MAX).await?;
    left.retain(|lead| lead.number.is_none() && lead.refused.is_none());
    for some in left.chunks_mut(TOGETHER) {
        let mut recorded = Vec::with_capacity(some.len());
        for row in &*some {
            recorded.push(of.decision(row.lead.as_deref().unwrap_or_default(), None).await?);
        }
        let asked = some.iter().zip(recorded).map(|(row, recorded)| again(tenant, run, row, recorded, lines));
        let became = join_all(asked).await;
        let mut passing = None;
        for (row, became) in some.iter_mut().zip(became) {
            match became {
                Ok(number) => row.number = Some(number.into()),
                Err(refused @ (Refused::Busy | Refused::Unavailable | Refused::Closing)) => {
                    passing = Some(refused);
                }
                Err(refused) => row.refused = Some(refused.to_string()),
            }
        }
        let until = (lines.parts().clock.now() + CLAIM).as_millisecond();
        let done: Vec<BatchLeadRow> =
            some.iter().filter(|row| row.number.is_some() || row.refused.is_some()).cloned().collect();
        if !of.go_on_with_run(claim, &done, until).await? {
            return Ok(());
        }
        if let Some(why) = passing {
            tracing::warn!(%tenant, %why, "a run is gone on with later");
            if run.attempts >= ATTEMPTS {
                let now = lines.parts().clock.now().as_millisecond();
                of.end_run(claim, Some(&why.to_string()), now).await?;
            }
            return Ok(());
        }
    }
    of.end_run(claim, None, lines.parts().clock.now().as_millisecond()).await
}

/// As much of a decision as it takes to route its lead again.
#[derive(Deserialize)]
struct Recorded {
    trace: Received,
}

#[derive(Deserialize)]
struct Received {
    received: Json,
}

/// Routes a lead of a run again; the number of its decision.
async fn again(
    tenant: &TenantId,
    run: &BatchRow,
    row: &BatchLeadRow,
    recorded: Option<String>,
    lines: &Lines,
) -> Result<u32, Refused> {
    let id = row.lead.as_deref().unwrap_or_default();
    let recorded = recorded.and_then(|json| serde_json::from_str::<Recorded>(&json).ok());
    let Some(recorded) = recorded else {
        return Err(Refused::Conflict(format!("nothing that lead {id} could be routed from is kept")));
    };
    let lead = recorded.trace.received;
    let ask = Ask::Again { lead, run: run.batch.clone(), forced: run.forced != 0 };
    let key = Key { key: format!("reprocess {} {}", run.batch, row.place), asked: run.batch.clone() };
    let actor = run.made_by.clone().unwrap_or_else(|| ACTOR.to_owned());
    let number = match lines.ask(tenant, Question { ask, actor, key: Some(key) }).await? {
        Answer::Decided(made) => {
            let mut own = made.iter().map(|made| &made.decision);
            own.find(|decision| decision.lead.as_str() == id).map(|decision| decision.number)
        }
        Answer::Repeated(made) => {
            let mut own = made.iter().flatten();
            own.find(|(lead, _)| lead.as_str() == id).map(|(_, number)| *number)
        }
        _ => None,
    };
    number.ok_or_else(|| Refused::Conflict(format!("lead {id} was not decided")))
}

/// Writes what became of each lead beside it.
fn mark(leads: &mut [BatchLeadRow], answer: &Answer) {
    let became: Vec<Result<(String, u32), String>> = match answer {
        Answer::Batch(made) => made
            .iter()
            .map(|made| match made {
                Ok(made) => Ok((made.decision.lead.to_string(), made.decision.number)),
                Err(refused) => Err(refused.to_string()),
            })
            .collect(),
        Answer::Repeated(made) => made
            .iter()
            .map(|made| made.as_ref().map(|(lead, number)| (lead.to_string(), *number)).map_err(Clone::clone))
            .collect(),
        _ => Vec::new(),
    };
    for (row, became) in leads.iter_mut().zip(became) {
        match became {
            Ok((lead, number)) => (row.lead, row.number) = (Some(lead), Some(number.into())),
            Err(why) => row.refused = Some(why),
        }
    }
}

/// Takes a little of what is over away; how many rows that were.
///
/// # Errors
///
/// [`Error::Unavailable`].
pub async fn retention(now: Timestamp, store: &Store, kept: &Kept) -> Result<u64, Error> {
    let before = |kept: Duration| {
        let kept = SignedDuration::try_from(kept).unwrap_or(SignedDuration::MAX);
        now.checked_sub(kept).unwrap_or(Timestamp::MIN).as_millisecond()
    };
    /// Caps count seven days; a day and more is spared for hosts whose clocks disagree.
    const COUNTED: Duration = Duration::from_secs(10 * 24 * 3600);
    let over = Over {
        decisions: before(kept.decisions),
        events: before(kept.events),
        effects: before(kept.effects),
        batches: before(kept.batches),
        answers: before(kept.answers),
        counted: before(COUNTED),
    };
    store.take_away(&over).await
}

fn question(ask: Ask, key: Option<Key>) -> Question {
    Question { ask, actor: ACTOR.to_owned(), key }
}
