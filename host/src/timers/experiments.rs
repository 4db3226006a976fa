//! Experiments that are looked at because a day has passed: they go on, or stop.

use jiff::{SignedDuration, Timestamp};

use super::ACTOR;
use crate::lead::TenantId;
use crate::line::Lines;
use crate::store::{Error, Store};
use crate::versions::By;

/// How long a host has for it before another tries.
const CLAIM: SignedDuration = SignedDuration::from_mins(5);

/// Looks at an experiment that is due; whether there was one.
///
/// # Errors
///
/// [`Error::Unavailable`]; it is still due.
pub async fn looks(now: Timestamp, store: &Store, lines: &Lines) -> Result<bool, Error> {
    let claimed = store.claim_look(now.as_millisecond(), (now + CLAIM).as_millisecond()).await?;
    let Some((tenant, experiment)) = claimed else { return Ok(false) };
    let Ok(tenant) = tenant.parse::<TenantId>() else { return Ok(true) };
    let by = By { actor: ACTOR, at: now.as_millisecond() };
    if let Err(why) = lines.look_at_experiment(&tenant, &experiment, by).await {
        tracing::warn!(%tenant, %experiment, %why, "an experiment could not be looked at");
    }
    Ok(true)
}
