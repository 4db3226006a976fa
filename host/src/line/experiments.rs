//! Experiments of a tenant: made, begun, looked at every day, promoted, stopped.
//!
//! ```text
//! draft + deals of before ─▶ an experiment and what it can find ─▶ a row
//! start, a look, a call ─▶ its next state ─ a commit around the line ─▶ every host sets up anew
//! ```
//!
//! One is under way at a time. While it holds models, or configurations, against each other the one in force does not change,
//! so that the control stays what it was. A configuration that is promoted is everybody's by the experiment first, and then
//! published like any other: whoever waits is decided again by it.

use std::sync::Arc;

use jiff::Timestamp;
use lanewright_learning::experiment::Arm;
use lanewright_learning::experiment::rollout::{Call, Rollout};
use serde_json::json;

use super::load::{self, NotReady, unreadable};
use super::{Ask, Lines, Question, Refused};
use crate::experiments::{self, Draft, Experiment, Treatment, Tried, Trying};
use crate::lead::TenantId;
use crate::store::{Change, DealFound, Event, TriedRow};
use crate::tenant::Tried as Trial;
use crate::versions::{By, State};

impl Lines {
    /// Makes an experiment, which begins when somebody starts it.
    ///
    /// # Errors
    ///
    /// [`Refused::Conflict`] where there is one of that id.
    pub async fn make_experiment(
        &self,
        tenant: &TenantId,
        draft: Draft,
        by: By<'_>,
    ) -> Result<Experiment, Refused> {
        let (store, now) = (self.parts().store.of(tenant), time(by));
        let past = store.deals(draft.since(now), i64::MAX).await?;
        let past: Vec<Tried> = past.into_iter().map(before).collect();
        let experiment = draft.plan(&past, now);
        let mut change = store.begin(by.at).await?;
        if change.experiment(&experiment.id).await?.is_some() {
            return Err(Refused::Conflict(format!("there is an experiment {} already", experiment.id)));
        }
        keep(&mut change, &experiment, now).await?;
        let body = json!({"experiment": experiment.id, "treatment": experiment.treatment});
        commit(change, "experiment.made", by, body).await?;
        Ok(experiment)
    }

    /// Experiments, the newest first.
    ///
    /// # Errors
    ///
    /// [`Refused`]
    pub async fn experiments(&self, tenant: &TenantId, most: i64) -> Result<Vec<Experiment>, Refused> {
        let rows = self.parts().store.of(tenant).experiments(most).await?;
        rows.iter().map(|row| read(&row.state)).collect()
    }

    /// An experiment.
    ///
    /// # Errors
    ///
    /// [`Refused::UnknownExperiment`], and what else [`Refused`] says.
    pub async fn experiment(&self, tenant: &TenantId, id: &str) -> Result<Experiment, Refused> {
        let row = self.parts().store.of(tenant).experiment(id).await?;
        read(&row.ok_or_else(|| Refused::UnknownExperiment(id.to_owned()))?.state)
    }

    /// Begins an experiment.
    ///
    /// # Errors
    ///
    /// [`Refused::Conflict`] where another is under way, or the treatment is what is in force.
    pub async fn start_experiment(
        &self,
        tenant: &TenantId,
        id: &str,
        by: By<'_>,
    ) -> Result<Experiment, Refused> {
        let (store, now) = (self.parts().store.of(tenant), time(by));
        let explores = self.tenant(tenant).await?.config.learning.explore.is_some();
        let set_up = self.to_be_tried(tenant, id, now).await?;
        let mut change = store.begin(by.at).await?;
        let mut experiment = changed(&mut change, id).await?;
        if let Some(other) = change.tried_now().await? {
            let other: Trying =
                serde_json::from_str(&other).map_err(|error| unreadable(&error.to_string()))?;
            let other = other.experiment;
            return Err(Refused::Conflict(format!(
                "experiment {other} is under way, and only one is at a time"
            )));
        }
        let model = change.model_in_force().await?;
        let same = match experiment.treatment {
            Treatment::Model { version } if model == Some(version) => "that model is in force",
            Treatment::NoModel if model.is_none() => "no model is in force",
            Treatment::NoTrials if !explores => "the configuration has no [learning.explore]",
            Treatment::Configuration { version } if change.in_force().await? == Some(version) => {
                "that version is in force"
            }
            _ => "",
        };
        if !same.is_empty() {
            return Err(Refused::Conflict(format!("the treatment is what everybody has: {same}")));
        }
        if let Treatment::Model { version } = experiment.treatment {
            self.model(tenant, version).await?;
        }
        experiment.start(now).map_err(|why| Refused::Conflict(why.to_string()))?;
        if let Some((version, in_force)) = set_up {
            if change.in_force().await? != Some(in_force) {
                return Err(Refused::Busy);
            }
            // What was seen of it is what is tried, since an approved version is not changed any more.
            let state = change.version(version).await?.map(|row| row.state);
            if state.as_deref() != Some(State::Approved.as_str()) {
                let is = state.unwrap_or_else(|| "not there".to_owned());
                return Err(Refused::Conflict(format!(
                    "version {version} is {is}; one that is tried has to be approved, and neither scheduled nor published"
                )));
            }
        }
        self.put(tenant, change, &experiment, ("experiment.started", by), json!({"in_force": model})).await?;
        Ok(experiment)
    }

    /// Sets the version that is to be tried up beside the one in force, where one is to be; both.
    async fn to_be_tried(
        &self,
        tenant: &TenantId,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<(i64, i64)>, Refused> {
        let mut experiment = self.experiment(tenant, id).await?;
        let Some(version) = experiment.treatment.configuration() else { return Ok(None) };
        experiment.start(now).map_err(|why| Refused::Conflict(why.to_string()))?;
        let (_, _, published) = load::published_now(self.parts(), tenant).await?;
        let mut published = Arc::unwrap_or_clone(published);
        published.tried = experiment.in_force().map(|trying| Trial { trying, model: None, by: None });
        let row = self.parts().store.of(tenant).row().await?;
        let in_force = row.version.ok_or_else(|| Refused::NotReady(Arc::new(NotReady::Nothing)))?;
        load::tenant(&self.parts, tenant, in_force, Arc::new(published)).await?;
        Ok(Some((version, in_force)))
    }

    /// Gives the treatment to everybody, or takes it back from everybody.
    ///
    /// # Errors
    ///
    /// [`Refused::Conflict`] where it is too early to promote, or the experiment is over.
    pub async fn call_experiment(
        &self,
        tenant: &TenantId,
        id: &str,
        call: Call,
        by: By<'_>,
    ) -> Result<Experiment, Refused> {
        let store = self.parts().store.of(tenant);
        let deals = tried(store.tried(id).await?);
        let mut change = store.begin(by.at).await?;
        let mut experiment = changed(&mut change, id).await?;
        let found = experiments::look(&experiment, &deals, time(by));
        experiment.call(&found, call).map_err(|why| Refused::Conflict(why.to_string()))?;
        let kind = kind(&experiment, None);
        let body = json!({"accounts": found.accounts, "day": found.day});
        self.put(tenant, change, &experiment, (kind, by), body).await?;
        Ok(experiment)
    }

    /// Looks at an experiment that is on its way, and has it go on, or stop, by what is seen.
    ///
    /// # Errors
    ///
    /// [`Refused`] says why nobody looked; it is still due.
    pub async fn look_at_experiment(&self, tenant: &TenantId, id: &str, by: By<'_>) -> Result<(), Refused> {
        let store = self.parts().store.of(tenant);
        let deals = tried(store.tried(id).await?);
        let mut change = store.begin(by.at).await?;
        let mut experiment = changed(&mut change, id).await?;
        if let Some(version) = experiment.to_publish() {
            drop(change);
            return self.take_over(tenant, (id, version), by).await;
        }
        if !matches!(experiment.rollout, Some(Rollout::Running { .. })) {
            return Ok(());
        }
        let before = experiment.rollout.clone();
        let found = experiments::look(&experiment, &deals, time(by));
        let told: Vec<_> = found.measured.iter().map(|it| (it.metric.as_str(), it.look)).collect();
        let body = json!({"day": found.day, "accounts": found.accounts, "looks": told});
        experiment.go_on(found);
        self.put(tenant, change, &experiment, (kind(&experiment, before.as_ref()), by), body).await
    }

    /// Keeps the next state, and has every host set up by it.
    async fn put(
        &self,
        tenant: &TenantId,
        mut change: Change,
        experiment: &Experiment,
        (kind, by): (&'static str, By<'_>),
        mut body: serde_json::Value,
    ) -> Result<(), Refused> {
        let trying = experiment.in_force();
        let now = change.tried_now().await?;
        let next = trying.as_ref().map(|trying| json!(trying).to_string());
        keep(&mut change, experiment, time(by)).await?;
        // What is under way is this one or, where this is a draft that is given up, another, which stays.
        if now != next && (next.is_some() || is_of(now.as_deref(), experiment)) {
            change.put_tried_now(next.as_deref()).await?;
        }
        if matches!(experiment.rollout, Some(Rollout::Promoted { .. })) {
            match experiment.treatment {
                Treatment::Model { version } => change.put_model_in_force(Some(version)).await?,
                Treatment::NoModel => change.put_model_in_force(None).await?,
                Treatment::NoTrials | Treatment::Configuration { .. } => {}
            }
        }
        body["experiment"] = experiment.id.clone().into();
        body["rollout"] = json!(experiment.rollout);
        commit(change, kind, by, body).await?;
        self.reload(tenant).await?;
        if let Some(version) = experiment.to_publish()
            && let Err(why) = self.take_over(tenant, (&experiment.id, version), by).await
        {
            tracing::warn!(%tenant, version, %why, "what was promoted is published later");
        }
        Ok(())
    }

    /// Publishes the configuration that was promoted, which everybody has by the experiment already, and ends that. Where a
    /// host goes down in between, the experiment is due to be looked at, and another host does the rest.
    async fn take_over(
        &self,
        tenant: &TenantId,
        (experiment, version): (&str, i64),
        by: By<'_>,
    ) -> Result<(), Refused> {
        let question = Question { ask: Ask::Publish(version), actor: by.actor.to_owned(), key: None };
        self.ask(tenant, question).await?;
        let mut change = self.parts().store.of(tenant).begin(by.at).await?;
        let mut experiment = changed(&mut change, experiment).await?;
        experiment.taken_over = true;
        let tried = change.tried_now().await?;
        if is_of(tried.as_deref(), &experiment) {
            change.put_tried_now(None).await?;
        }
        keep(&mut change, &experiment, time(by)).await?;
        let body = json!({"experiment": experiment.id, "version": version});
        commit(change, "experiment.taken-over", by, body).await?;
        self.reload(tenant).await
    }
}

/// Whether what decides about leads is of this experiment.
fn is_of(trying: Option<&str>, experiment: &Experiment) -> bool {
    let trying = trying.and_then(|trying| serde_json::from_str::<Trying>(trying).ok());
    trying.is_some_and(|trying| trying.experiment == experiment.id)
}

/// Whether what decides about leads holds models against each other.
pub(super) async fn compares_models(change: &mut Change) -> Result<bool, Refused> {
    let trying = change.tried_now().await?.and_then(|trying| serde_json::from_str::<Trying>(&trying).ok());
    Ok(trying.is_some_and(|trying| trying.treatment.compares_models()))
}

/// What has happened to an experiment, for the log.
fn kind(experiment: &Experiment, before: Option<&Rollout>) -> &'static str {
    match &experiment.rollout {
        Some(Rollout::Promoted { .. }) => "experiment.promoted",
        Some(Rollout::Stopped { .. }) => "experiment.stopped",
        rollout if rollout.as_ref() == before => "experiment.looked",
        _ => "experiment.moved",
    }
}

async fn changed(change: &mut Change, id: &str) -> Result<Experiment, Refused> {
    let state = change.experiment(id).await?;
    read(&state.ok_or_else(|| Refused::UnknownExperiment(id.to_owned()))?)
}

async fn keep(change: &mut Change, experiment: &Experiment, now: Timestamp) -> Result<(), Refused> {
    let look_at = experiment.look_at(now).map(|at| at.as_millisecond());
    change.put_experiment(&experiment.id, &json!(experiment).to_string(), look_at).await?;
    Ok(())
}

fn read(state: &str) -> Result<Experiment, Refused> {
    serde_json::from_str(state).map_err(|error| unreadable(&format!("an experiment ({error})")))
}

fn time(by: By<'_>) -> Timestamp {
    Timestamp::from_millisecond(by.at).unwrap_or_default()
}

async fn commit(
    change: Change,
    kind: &'static str,
    by: By<'_>,
    body: serde_json::Value,
) -> Result<(), Refused> {
    let event = Event { kind, actor: by.actor.to_owned(), lead: None, body };
    Ok(change.commit(&[event]).await?)
}

/// Deals of an experiment.
fn tried(rows: Vec<TriedRow>) -> Vec<Tried> {
    let tried = |row: TriedRow| Tried {
        account: row.drawn_by,
        step: row.step.try_into().unwrap_or(u32::MAX),
        arm: if row.arm == "treatment" { Arm::Treatment } else { Arm::Control },
        opened_at: row.opened_at,
        touched_at: row.touched_at,
        won_at: row.closed_at.filter(|_| row.outcome.as_deref() == Some("won")),
        value: row.value.unwrap_or_default(),
        csat: said(row.customer_score, row.customer_said_at),
        rep_satisfaction: said(row.rep_score, row.rep_said_at),
    };
    rows.into_iter().map(tried).collect()
}

/// A deal of before, which was in no arm.
fn before(row: DealFound) -> Tried {
    Tried {
        account: row.account.unwrap_or(row.deal),
        step: 0,
        arm: Arm::Control,
        opened_at: row.opened_at,
        touched_at: row.touched_at,
        won_at: row.closed_at.filter(|_| row.outcome.as_deref() == Some("won")),
        value: row.value.unwrap_or_default(),
        csat: said(row.customer_score, row.customer_said_at),
        rep_satisfaction: said(row.rep_score, row.rep_said_at),
    }
}

/// A score with when it was said.
fn said(score: Option<i64>, at: Option<i64>) -> Option<(f64, i64)> {
    Some((score? as f64, at?))
}
