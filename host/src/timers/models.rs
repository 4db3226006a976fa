//! Models that are trained again because a week has passed (S3.9) or the one in force no longer fits, or for the first time
//! because a deal has ended.

use jiff::{SignedDuration, Timestamp};

use super::ACTOR;
use crate::lead::TenantId;
use crate::line::{Lines, Refused};
use crate::store::{Error, Store};
use crate::telemetry::{Metrics, ModelDrifted, ModelTrained};
use crate::versions::By;

/// How long a host has for it before another tries.
const CLAIM: SignedDuration = SignedDuration::from_mins(15);

/// Looks whether the model in force of a tenant still fits, and trains the one of a tenant for whom it is time; whether there was one. For a tenant who trains by hand the time is
/// only moved on.
///
/// # Errors
///
/// [`Error::Unavailable`]; it is still due.
pub async fn training(
    now: Timestamp,
    store: &Store,
    lines: &Lines,
    metrics: &Metrics,
) -> Result<bool, Error> {
    // First, so that a model which no longer fits is trained in the same step.
    let watched = watching(now, store, lines, metrics).await?;
    let claimed = store.claim_training(now.as_millisecond(), (now + CLAIM).as_millisecond()).await?;
    let Some(Ok(tenant)) = claimed.map(|tenant| tenant.parse::<TenantId>()) else { return Ok(watched) };
    let by = By { actor: ACTOR, at: now.as_millisecond() };
    match lines.train_when_due(&tenant, by).await {
        Ok(Some(learned)) => {
            ModelTrained { tenant, version: learned.version, trusted: learned.counts }.emit();
        }
        Ok(None) | Err(Refused::UnknownTenant(_) | Refused::NotReady(_)) => {}
        Err(refused) => tracing::warn!(%tenant, why = %refused, "a model could not be trained"),
    }
    Ok(true)
}

/// Looks at the model in force of a tenant whose day has come; whether there was one.
async fn watching(now: Timestamp, store: &Store, lines: &Lines, metrics: &Metrics) -> Result<bool, Error> {
    let claimed = store.claim_watch(now.as_millisecond()).await?;
    let Some(Ok(tenant)) = claimed.map(|tenant| tenant.parse::<TenantId>()) else { return Ok(false) };
    let by = By { actor: ACTOR, at: now.as_millisecond() };
    match lines.watch_model(&tenant, by).await {
        Ok(Some(version)) => ModelDrifted { tenant, version }.emit(metrics),
        Ok(None) | Err(Refused::UnknownTenant(_) | Refused::NotReady(_)) => {}
        Err(refused) => {
            tracing::warn!(%tenant, why = %refused, "nobody could look whether a model still fits")
        }
    }
    Ok(true)
}
