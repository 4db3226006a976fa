//! What tenants of this installation that opted in have in common, as a start for one of them.
//!
//! A tenant's [`Summary`] is kept when its model is trained and leaves the database only to be pooled. What reaches another
//! tenant is the [`Prior`]: means over at least three tenants beside the learner, whose configurations in force say at that
//! moment that they share. Who takes it back is left out at once, and the row goes with the next training.

use lanewright_learning::model::Prior;
use lanewright_learning::shared::Summary;

use super::{Lines, Refused};
use crate::config::shares;
use crate::lead::TenantId;
use crate::versions::{self, FilePath};

/// Tenants that are pooled at most, those whose models are the newest.
const MOST: i64 = 200;

/// What to start from, and how many tenants have it in common.
#[derive(Debug, Clone)]
pub(super) struct Pooled {
    pub(super) prior: Prior,
    pub(super) tenants: usize,
}

impl Lines {
    /// What the others have in common; nothing where fewer than three of them share.
    pub(super) async fn pooled(&self, tenant: &TenantId) -> Result<Option<Pooled>, Refused> {
        let rows = self.parts().store.of(tenant).summaries_of_others(MOST).await?;
        let mut summaries: Vec<Summary> = Vec::new();
        for (other, summary) in rows {
            let Ok(other) = other.parse::<TenantId>() else { continue };
            if self.shares(&other).await? {
                summaries.extend(serde_json::from_str::<Summary>(&summary));
            }
        }
        let tenants = summaries.len();
        Ok(Prior::pool(&summaries).map(|prior| Pooled { prior, tenants }))
    }

    /// Whether the configuration in force says so.
    async fn shares(&self, tenant: &TenantId) -> Result<bool, Refused> {
        let store = self.parts().store.of(tenant);
        let (Some(version), Ok(path)) = (store.row().await?.version, FilePath::read("tenant.toml")) else {
            return Ok(false);
        };
        match versions::file(&store, version, &path).await {
            Ok((_, file)) => Ok(file.text().is_some_and(shares)),
            Err(versions::Error::Store(error)) => Err(error.into()),
            Err(_) => Ok(false),
        }
    }
}
