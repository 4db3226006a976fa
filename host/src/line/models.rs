//! Win models of a tenant: trained from its deals, put in force, taken back.
//!
//! ```text
//! deals of the window ─ train, on a thread of its own ─▶ a model and its report ─▶ a row
//! one of the rows in force ─ a commit around the line ─▶ every host sets up anew
//! ```
//!
//! A model that is trained because it is time comes into force by itself: one that does not pass the gates (X9) says so and
//! counts for nothing, so nothing is lost by it. Any earlier one can be put back with one call.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::task::spawn_blocking;

use super::experiments::compares_models;
use super::{Lines, Refused};
use crate::config::Learning;
use crate::digest::Digest;
use crate::events::Closing;
use crate::lead::TenantId;
use crate::learning::{self, Model, PastDeal, Trained};
use crate::store::{Change, DealFound, Event, PastDealRow};
use crate::versions::By;
use lanewright_learning::deal::Deal;
use lanewright_learning::segments::Segments;
use lanewright_learning::win::Comparison;

/// How long until a model is trained again (S3.9).
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Tries where somebody else changes the tenant's model meanwhile.
const TRIES: usize = 5;

/// Deals of a history written at once.
const AT_ONCE: usize = 500;

/// What came of training.
#[derive(Debug, Clone)]
pub struct Learned {
    /// The model's number.
    pub version: i64,
    /// Whether it counts for any lead.
    pub counts: bool,
    /// Whether it is in force now.
    pub in_force: bool,
}

impl Lines {
    /// Trains a model from what the tenant's deals tell by now, and puts it in force where that is wished and no experiment
    /// holds models against each other.
    ///
    /// # Errors
    ///
    /// [`Refused`] says why nothing was trained.
    pub async fn train(&self, tenant: &TenantId, put: bool, by: By<'_>) -> Result<Learned, Refused> {
        let store = self.parts().store.of(tenant);
        let config = self.tenant(tenant).await?.config.learning.clone();
        let now = Timestamp::from_millisecond(by.at).unwrap_or_default();
        let deals = self.deals(tenant, &config, now).await?;
        // Training takes a processor for seconds: one of the host's at a time.
        let pooled = match config.shared {
            true => self.pooled(tenant).await?,
            false => None,
        };
        let (tenants, prior) = pooled.map(|pooled| (pooled.tenants, pooled.prior)).unzip();
        let shared = config.shared;
        let one = self.publications.acquire().await.map_err(|_| Refused::Closing)?;
        let trained = spawn_blocking(move || learning::train(&deals, &config, now, prior.as_ref())).await;
        drop(one);
        let trained = trained.map_err(|_| Refused::Broken)?;
        let trained = trained.map_err(|error| Refused::Conflict(error.to_string()))?;
        let (counts, mut told) = (trained.counts(), trained.told());
        let Trained { body, report, segments, summary } = trained;
        if let Some(tenants) = tenants {
            told["pooled"] = tenants.into();
        }
        let (digest, told) = (Digest::of(&body).to_string(), told.to_string());
        let mut change = store.begin(by.at).await?;
        let version = change.add_model((&digest, &told, &body), (by.at, by.actor)).await?;
        // The control of an experiment stays what it is.
        let put = put && !compares_models(&mut change).await?;
        if put {
            change.put_model_in_force(Some(version)).await?;
        }
        let gates = report.gates;
        let mut body =
            json!({"model": version, "in_force": put, "gates": gates.to_string(), "pooled": tenants});
        if let Some(Segments { field, parts, .. }) = segments {
            let words = parts.iter().filter(|part| part.counts).map(|part| part.word.as_str());
            body["segments"] = json!({"by": field, "counting": words.collect::<Vec<_>>()});
        }
        commit(change, "model.trained", by, body).await?;
        store.put_train_at((now + WEEK).as_millisecond()).await?;
        let summary = summary.filter(|_| shared).map(|summary| json!(summary).to_string());
        store.put_summary(summary.as_deref(), by.at).await?;
        if put {
            self.reload(tenant).await?;
        }
        Ok(Learned { version, counts, in_force: put })
    }

    /// The same because it is time; nothing for a tenant who has it trained only when somebody asks.
    ///
    /// # Errors
    ///
    /// [`Refused`] says why nothing was trained; it is still due.
    pub async fn train_when_due(&self, tenant: &TenantId, by: By<'_>) -> Result<Option<Learned>, Refused> {
        match self.tenant(tenant).await?.config.learning.weekly {
            true => self.train(tenant, true, by).await.map(Some),
            false => {
                let next = Timestamp::from_millisecond(by.at).unwrap_or_default() + WEEK;
                self.parts().store.of(tenant).put_train_at(next.as_millisecond()).await?;
                Ok(None)
            }
        }
    }

    /// Deals of the tenant's window, as the statistics want them.
    async fn deals(
        &self,
        tenant: &TenantId,
        config: &Learning,
        now: Timestamp,
    ) -> Result<Vec<Deal>, Refused> {
        let deals = self.parts().store.of(tenant).deals(since(config, now), i64::MAX).await?;
        Ok(deals.into_iter().map(deal).collect())
    }

    /// Which of two models does better on the deals that closed after both were trained.
    ///
    /// # Errors
    ///
    /// [`Refused::UnknownModel`], and what else [`Refused`] says.
    pub async fn compare_models(
        &self,
        tenant: &TenantId,
        (current, candidate): (i64, i64),
        now: Timestamp,
    ) -> Result<Comparison, Refused> {
        let config = self.tenant(tenant).await?.config.learning.clone();
        let deals = self.deals(tenant, &config, now).await?;
        let (current, candidate) = (self.model(tenant, current).await?, self.model(tenant, candidate).await?);
        let compared = spawn_blocking(move || learning::compare(&current, &candidate, &deals)).await;
        compared.map_err(|_| Refused::Broken)
    }

    /// A model of the tenant.
    ///
    /// # Errors
    ///
    /// [`Refused::UnknownModel`], and what else [`Refused`] says.
    pub async fn model(&self, tenant: &TenantId, version: i64) -> Result<Model, Refused> {
        let body = self.parts().store.of(tenant).model(version).await?;
        let body = body.ok_or(Refused::UnknownModel(version))?;
        Model::read(version, &body).map_err(|error| Refused::Conflict(error.to_string()))
    }

    /// Puts a model in force, a new one as well as any earlier one, or none.
    ///
    /// # Errors
    ///
    /// [`Refused::UnknownModel`], and what else [`Refused`] says.
    pub async fn use_model(
        &self,
        tenant: &TenantId,
        version: Option<i64>,
        by: By<'_>,
    ) -> Result<(), Refused> {
        let store = self.parts().store.of(tenant);
        for _ in 0..TRIES {
            let before = store.row().await?.model;
            if before == version {
                return Ok(());
            }
            if let Some(version) = version {
                self.model(tenant, version).await?;
            }
            let mut change = store.begin(by.at).await?;
            if change.model_in_force().await? != before {
                continue;
            }
            if compares_models(&mut change).await? {
                let why = "an experiment holds models against each other: stop or promote it first";
                return Err(Refused::Conflict(why.to_owned()));
            }
            change.put_model_in_force(version).await?;
            commit(change, "model.in-force", by, json!({"before": before, "model": version})).await?;
            return self.reload(tenant).await;
        }
        Err(Refused::Busy)
    }

    /// Takes in deals of before; one that is a lead here already is left as it is.
    ///
    /// # Errors
    ///
    /// [`Refused`]; what was written before stays, and the same file again does no harm.
    pub async fn remember(&self, tenant: &TenantId, deals: &[PastDeal], by: By<'_>) -> Result<(), Refused> {
        let store = self.parts().store.of(tenant);
        for some in deals.chunks(AT_ONCE) {
            let mut change = store.begin(by.at).await?;
            let head = change.head();
            let rows: Vec<PastDealRow> = some.iter().map(|deal| row(tenant, head, deal)).collect();
            change.put_past_deals(&rows).await?;
            commit(change, "history.imported", by, json!({"deals": some.len()})).await?;
        }
        Ok(())
    }
}

/// A row as the statistics want it.
pub(super) fn deal(row: DealFound) -> Deal {
    let closing = closing(&row);
    Deal {
        rep: row.rep,
        fields: serde_json::from_str(&row.facts).unwrap_or_default(),
        opened: row.opened_at,
        outcome: learning::outcome(closing.zip(row.closed_at)),
        value: row.value,
    }
}

/// How a deal ended.
pub(super) fn closing(row: &DealFound) -> Option<Closing> {
    match row.outcome.as_deref()? {
        "won" => Some(Closing::Won),
        "lost" => Some(Closing::Lost),
        "disqualified" => Some(Closing::Disqualified),
        _ => None,
    }
}

/// From when on deals count.
fn since(config: &Learning, now: Timestamp) -> i64 {
    let window = SignedDuration::from_hours(24 * i64::from(config.window_days));
    (now - window).as_millisecond()
}

pub(super) async fn commit(
    change: Change,
    kind: &'static str,
    by: By<'_>,
    body: serde_json::Value,
) -> Result<(), Refused> {
    let event = Event { kind, actor: by.actor.to_owned(), lead: None, body };
    Ok(change.commit(&[event]).await?)
}

fn row(tenant: &TenantId, head: i64, deal: &PastDeal) -> PastDealRow {
    PastDealRow {
        tenant: tenant.to_string(),
        deal: deal.id.to_string(),
        head,
        opened_at: deal.opened_at.as_millisecond(),
        rep: deal.rep.as_ref().map(ToString::to_string),
        facts: json!(deal.facts).to_string(),
        touched_at: deal.touched_at.map(|at| at.as_millisecond()),
        closed_at: deal.closed.map(|(_, at)| at.as_millisecond()),
        outcome: deal.closed.and_then(|(how, _)| json!(how).as_str().map(str::to_owned)),
        value: deal.value,
    }
}
