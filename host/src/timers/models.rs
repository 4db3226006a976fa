//! Models that are trained again because a week has passed (S3.9), or for the first time because a deal has ended.

use jiff::{SignedDuration, Timestamp};

use super::ACTOR;
use crate::lead::TenantId;
use crate::line::{Lines, Refused};
use crate::store::{Error, Store};
use crate::telemetry::ModelTrained;
use crate::versions::By;

/// How long a host has for it before another tries.
const CLAIM: SignedDuration = SignedDuration::from_mins(15);

/// Trains the model of a tenant for whom it is time; whether there was one. For a tenant who trains by hand the time is
/// only moved on.
///
/// # Errors
///
/// [`Error::Unavailable`]; it is still due.
pub async fn training(now: Timestamp, store: &Store, lines: &Lines) -> Result<bool, Error> {
    let claimed = store.claim_training(now.as_millisecond(), (now + CLAIM).as_millisecond()).await?;
    let Some(Ok(tenant)) = claimed.map(|tenant| tenant.parse::<TenantId>()) else { return Ok(false) };
    let by = By { actor: ACTOR, at: now.as_millisecond() };
    match lines.train_when_due(&tenant, by).await {
        Ok(Some(learned)) => {
            ModelTrained { tenant, version: learned.version, trusted: learned.report.gates.passed() }.emit();
        }
        Ok(None) | Err(Refused::UnknownTenant(_) | Refused::NotReady(_)) => {}
        Err(refused) => tracing::warn!(%tenant, why = %refused, "a model could not be trained"),
    }
    Ok(true)
}
