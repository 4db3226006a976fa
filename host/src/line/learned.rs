//! What is told of models that decided: whether the one in force still fits, and what an estimate was the sum of.

use lanewright_learning::drift::Watch;
use serde_json::json;
use tokio::task::spawn_blocking;

use super::models::{commit, deal};
use super::{Lines, Refused};
use crate::decision::{Decision, ModelName, Outcome};
use crate::lead::{RepId, TenantId};
use crate::learning::{Explained, facts_of};
use crate::store::ModelRow;
use crate::versions::By;

/// What an estimate for a decision was the sum of.
#[derive(Debug, Clone)]
pub struct Told {
    /// By which model.
    pub model: ModelName,
    /// Of whom.
    pub rep: RepId,
    /// The estimate, and its parts.
    pub explained: Explained,
    /// Whether it is what the decision went by, to the bit; absent where the rep was no candidate, or nothing counted.
    pub as_decided: Option<bool>,
}

impl Lines {
    /// What was seen of the model in force on the deals that closed since it was trained, where somebody has looked and it
    /// counts.
    ///
    /// # Errors
    ///
    /// [`Refused`] where the store does not say.
    pub async fn watched(&self, tenant: &TenantId) -> Result<Option<Watch>, Refused> {
        let store = self.parts().store.of(tenant);
        let Some(version) = store.row().await?.model else { return Ok(None) };
        Ok(store.model_row(version).await?.as_ref().and_then(watch))
    }

    /// Looks whether the model in force still fits. One that does not any more is told once, in the audit log, and another is
    /// trained at once, unless that is for people to do. Its number where that is so.
    ///
    /// # Errors
    ///
    /// [`Refused`] says why nobody looked.
    pub async fn watch_model(&self, tenant: &TenantId, by: By<'_>) -> Result<Option<i64>, Refused> {
        let store = self.parts().store.of(tenant);
        let Some(version) = store.row().await?.model else { return Ok(None) };
        let known = store.model_row(version).await?.as_ref().and_then(watch);
        let model = self.model(tenant, version).await?;
        let deals = store.deals(model.win().trained_at(), i64::MAX).await?;
        let at = by.at;
        let seen = spawn_blocking(move || {
            let deals: Vec<_> = deals.into_iter().map(deal).collect();
            model.win().watch(&deals, at)
        });
        let Some(seen) = seen.await.map_err(|_| Refused::Broken)? else { return Ok(None) };
        store.put_watch(version, &json!(seen).to_string(), by.at).await?;
        if !seen.look.verdict.is_alarm() || known.is_some_and(|known| known.look.verdict.is_alarm()) {
            return Ok(None);
        }
        let body = json!({"model": version, "watch": seen, "told": seen.to_string()});
        commit(store.begin(by.at).await?, "model.drifted", by, body).await?;
        if self.tenant(tenant).await?.config.learning.weekly {
            store.train_sooner(by.at).await?;
        }
        Ok(Some(version))
    }

    /// What the model of a decision says of a rep with that lead, and what that is the sum of; of whoever got it where nobody is
    /// named.
    ///
    /// # Errors
    ///
    /// [`Refused::Conflict`] where the decision had no model, or gave the lead to nobody.
    pub async fn explain(
        &self,
        tenant: &TenantId,
        decision: &Decision,
        rep: Option<RepId>,
    ) -> Result<Told, Refused> {
        let none = |why: &str| Refused::Conflict(why.to_owned());
        let Some(name) = decision.trace.versions.model.clone() else {
            return Err(none("no model was in force when it was decided"));
        };
        let rep = match (rep, &decision.outcome) {
            (Some(rep), _) => rep,
            (None, Outcome::Assigned { rep, .. }) => rep.clone(),
            (None, _) => return Err(none("nobody got the lead; say of whom it is to be told")),
        };
        let model = self.model(tenant, name.version).await?;
        let at = decision.trace.past.since.unwrap_or(decision.at);
        let facts = facts_of(&model.facts(), decision);
        let explained = model.explain(&facts, at, &rep);
        let win = decision.trace.score.as_ref().and_then(|score| score.win.as_ref());
        let found = win.and_then(|win| win.estimates.iter().find(|found| found.rep == rep));
        let as_decided = found.map(|found| found.logit == explained.logit);
        Ok(Told { model: name, rep, explained, as_decided })
    }
}

/// What was seen of a model, where somebody has looked.
fn watch(row: &ModelRow) -> Option<Watch> {
    serde_json::from_str(row.watch.as_deref()?).ok()
}
