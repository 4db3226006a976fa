//! What happens to releases because of how they fare: those on their way are compared, one over its budget is taken
//! back, and what was counted is written down.

use jiff::Timestamp;

use crate::health::{Counted, written};
use crate::line::{Lines, Refused};
use crate::releases::Step;
use crate::store::{CountRow, Error, Store};
use crate::telemetry::{Metrics, ReleaseTakenBack};
use crate::versions::By;

/// Decisions that are compared in one step.
const COMPARED: usize = 16;

/// Compares decisions and takes back what is over its budget; how much there was to do.
///
/// # Errors
///
/// [`Error::Unavailable`]; what was not taken back is still to be.
pub async fn releases(now: Timestamp, lines: &Lines, metrics: &Metrics) -> Result<usize, Error> {
    let compared = lines.compare(COMPARED).await;
    let health = &lines.parts().health;
    let breaches = health.breaches();
    let done = compared + breaches.len();
    for (tenant, watch, breach) in breaches {
        let by = By { actor: "budget", at: now.as_millisecond() };
        let step = Step::RollBack { version: Some(watch.release.version.clone()) };
        let why = (None, Some(breach.to_string()));
        match lines.deploy(&tenant, &watch.release.plugin, &step, by, why).await {
            Ok(_) => ReleaseTakenBack { tenant }.emit(metrics),
            // Another host, or a person, was first.
            Err(Refused::Conflict(_) | Refused::UnknownPlugin(_) | Refused::UnknownTenant(_)) => {}
            Err(_) => health.still_over(&tenant, &watch),
        }
    }
    Ok(done)
}

/// Writes down what was counted on this host, and looks at what all hosts have counted of the same releases.
///
/// # Errors
///
/// [`Error::Unavailable`]; what was not written is still to be.
pub async fn counts(lines: &Lines, store: &Store) -> Result<(), Error> {
    let health = &lines.parts().health;
    let counted = health.unsaved();
    if counted.is_empty() {
        return Ok(());
    }
    let rows: Vec<CountRow> = counted.iter().flat_map(rows).collect();
    if let Err(error) = store.count_plugins(&rows).await {
        health.not_saved(counted);
        return Err(error);
    }
    for Counted { tenant, watch, .. } in counted.iter().filter(|counted| counted.watch.budget.is_some()) {
        let found = store.of(tenant).plugin_counts(watch.release.plugin.as_str()).await?;
        if let Some(counts) = written(found).remove(&(watch.digest.to_string(), watch.stage.to_owned())) {
            health.counted_everywhere(tenant, watch, counts);
        }
    }
    Ok(())
}

fn rows(counted: &Counted) -> impl Iterator<Item = CountRow> + '_ {
    counted.counts.parts().into_iter().map(|(measure, bucket, times)| CountRow {
        tenant: counted.tenant.to_string(),
        plugin: counted.watch.release.plugin.to_string(),
        digest: counted.watch.digest.to_string(),
        stage: counted.watch.stage.to_owned(),
        measure: measure.as_str().to_owned(),
        bucket: bucket.into(),
        times: i64::try_from(times).unwrap_or(i64::MAX),
    })
}
