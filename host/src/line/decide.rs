//! What a line answers to one group of questions, on the desk of its tenant.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::load::{Loaded, load};
use super::rows::{Written, commit};
use super::{Answer, Ask, Made, OnThreads, Parts, Question, Refused, RepStands};
use crate::booking::Meeting;
use crate::decision::Decision;
use crate::desk::Desk;
use crate::events::What;
use crate::lead::{LeadId, RouterId, TenantId};
use crate::pipeline::{Outside, Prepared};
use crate::store::Commit;
use crate::tenant::Tenant;

/// A question as far as it needs no turn.
pub(super) enum Ready {
    Lead(Box<Prepared>),
    Batch(Vec<Result<Prepared, Refused>>),
    Other,
    Refused(Refused),
}

/// Leads are made ready on all cores, before it is known which of them came before: begins at once, a lead each; nothing
/// comes of it where one panicked.
pub(super) fn prepare(
    parts: &Arc<Parts>,
    tenant: &Arc<Tenant>,
    group: &[Arc<Question>],
    now: Timestamp,
) -> OnThreads<Vec<Ready>> {
    let begin = |question: &Arc<Question>| -> OnThreads<Ready> {
        match &question.ask {
            Ask::Lead(_) | Ask::LeadAt { .. } | Ask::Again { .. } => {
                let (parts, tenant, question) = (Arc::clone(parts), Arc::clone(tenant), Arc::clone(question));
                let id = tenant.config.tenant.clone();
                let threads = Arc::clone(&parts);
                Box::pin(threads.threads.run(&id, move || match &question.ask {
                    Ask::Lead(received)
                    | Ask::LeadAt { lead: received, .. }
                    | Ask::Again { lead: received, .. } => match one(&parts, &tenant, received, now) {
                        Ok(prepared) => Ready::Lead(Box::new(prepared)),
                        Err(refused) => Ready::Refused(refused),
                    },
                    _ => Ready::Other,
                }))
            }
            Ask::Batch { leads, prepared } => {
                // It may be made ready a second time.
                prepared.store(0, Ordering::Relaxed);
                let piece = |place: usize| {
                    let (parts, tenant) = (Arc::clone(parts), Arc::clone(tenant));
                    let (question, prepared) = (Arc::clone(question), Arc::clone(prepared));
                    move || {
                        let Ask::Batch { leads, .. } = &question.ask else { return Err(Refused::Broken) };
                        let lead = one(&parts, &tenant, &leads[place], now);
                        prepared.fetch_add(1, Ordering::Relaxed);
                        lead
                    }
                };
                let begun = parts.threads.all(&tenant.config.tenant, (0..leads.len()).map(piece));
                Box::pin(async { begun.await.map(Ready::Batch) })
            }
            Ask::Event { .. }
            | Ask::Times { .. }
            | Ask::Tick
            | Ask::Publish(_)
            | Ask::Try(_)
            | Ask::Reps
            | Ask::Tenant
            | Ask::Reload => Box::pin(std::future::ready(Some(Ready::Other))),
        }
    };
    let begun: Vec<OnThreads<Ready>> = group.iter().map(begin).collect();
    Box::pin(async {
        let mut ready = Vec::with_capacity(begun.len());
        for question in begun {
            ready.push(question.await?);
        }
        Some(ready)
    })
}

fn one(parts: &Parts, tenant: &Tenant, received: &Json, now: Timestamp) -> Result<Prepared, Refused> {
    let outside = parts.watched(&tenant.config.tenant, now);
    Desk::prepare(tenant, received, now, &outside).map_err(Refused::NoLead)
}

/// Takes up leads that are asked about and were put away.
pub(super) async fn recollect(
    parts: &Parts,
    tenant: &TenantId,
    loaded: &mut Loaded,
    group: &[Arc<Question>],
    prepared: &[Ready],
) -> Result<(), Refused> {
    let mut ids: HashSet<&LeadId> = HashSet::new();
    for (question, ready) in group.iter().zip(prepared) {
        match ready {
            Ready::Lead(prepared) => drop(ids.insert(prepared.lead())),
            Ready::Batch(batch) => ids.extend(batch.iter().flatten().map(Prepared::lead)),
            Ready::Other | Ready::Refused(_) => match &question.ask {
                Ask::Event { what, .. } => ids.extend(what.lead()),
                Ask::Times { lead, .. } => ids.extend(lead),
                _ => {}
            },
        }
    }
    ids.retain(|id| !loaded.desk.knows(id));
    if ids.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = ids.into_iter().map(LeadId::as_str).collect();
    let rows = parts.store.of(tenant).leads(&ids).await?;
    loaded.take_up(rows)
}

/// Decides one question after the other.
pub(super) fn on_the_desk(
    parts: &Parts,
    tenant: &TenantId,
    loaded: &mut Loaded,
    group: &[Arc<Question>],
    prepared: Vec<Ready>,
    now: Timestamp,
) -> (Vec<Result<Answer, Refused>>, Option<Commit>) {
    let outside: &dyn Outside = &parts.watched(tenant, now);
    let mut written = Written::new(parts.clock.now());
    let due = loaded.desk.pass(now, outside);
    written.add(due, "clock");
    let mut answers = Vec::with_capacity(group.len());
    for (question, ready) in group.iter().zip(prepared) {
        let actor = question.actor.as_str();
        let answer = match (&question.ask, ready) {
            (_, Ready::Refused(refused)) => Err(refused),
            (Ask::LeadAt { router, from, .. }, Ready::Lead(lead)) => {
                match lead_at(loaded, *lead, (router, *from), now, outside) {
                    Ok((decisions, meeting)) => {
                        written.leads += 1;
                        if let Some(Meeting { lead, rep, from, to }) = meeting {
                            let what = What::Booked { lead, rep, from, to, router: Some(router.clone()) };
                            written.event(&what, Json::Null, actor);
                        }
                        Ok(Answer::Decided(written.add(decisions, actor)))
                    }
                    Err(refused) => Err(refused),
                }
            }
            (Ask::Again { run, forced, .. }, Ready::Lead(lead)) => {
                let id = lead.lead().clone();
                match loaded.desk.again(*lead, *forced, outside) {
                    Ok(decisions) => {
                        written.event_of(
                            "lead.reprocessed",
                            Some(id),
                            serde_json::json!({"run": run}),
                            actor,
                        );
                        Ok(Answer::Decided(written.add(decisions, actor)))
                    }
                    Err(why) => Err(Refused::Conflict(why)),
                }
            }
            (_, Ready::Lead(lead)) => {
                let decision = loaded.desk.lead(*lead, outside);
                written.leads += 1;
                Ok(Answer::Decided(written.add(vec![decision], actor)))
            }
            (_, Ready::Batch(batch)) => batch_on_the_desk(loaded, batch, outside, &mut written, actor),
            (Ask::Event { what, note }, Ready::Other) => match happened(loaded, what, now, outside) {
                Ok(decisions) => {
                    written.event(what, note.clone(), actor);
                    Ok(Answer::Decided(written.add(decisions, actor)))
                }
                Err(refused) => Err(refused),
            },
            // Two hosts saw that its time had come.
            (Ask::Publish(version), Ready::Other) if loaded.in_force == Some(*version) => {
                Ok(Answer::Decided(Vec::new()))
            }
            (Ask::Publish(version), Ready::Other) => {
                written.published = Some(*version);
                written.event_of(
                    "configuration.published",
                    None,
                    serde_json::json!({"version": version}),
                    actor,
                );
                let decisions = loaded.desk.decide_waiting(now, outside);
                Ok(Answer::Decided(written.add(decisions, actor)))
            }
            (Ask::Try(received), Ready::Other) => loaded
                .desk
                .would_be(received, now, outside)
                .map(|decision| Answer::Tried(Arc::new(decision)))
                .map_err(Refused::NoLead),
            (Ask::Reps, Ready::Other) => Ok(Answer::Reps(reps(loaded, now))),
            (Ask::Tenant, Ready::Other) => Ok(Answer::Tenant(Arc::clone(&loaded.tenant))),
            (Ask::Times { router, lead }, Ready::Other) => times(loaded, router, lead.as_ref(), now),
            (
                Ask::Lead(_)
                | Ask::LeadAt { .. }
                | Ask::Again { .. }
                | Ask::Batch { .. }
                | Ask::Tick
                | Ask::Reload,
                Ready::Other,
            ) => Ok(Answer::Decided(Vec::new())),
        };
        if let (Some(key), Ok(answer)) = (&question.key, &answer) {
            written.answer(key.clone(), answer);
        }
        answers.push(answer);
    }
    let commit = commit(tenant, loaded, written, now);
    (answers, commit)
}

fn batch_on_the_desk(
    loaded: &mut Loaded,
    batch: Vec<Result<Prepared, Refused>>,
    outside: &dyn Outside,
    written: &mut Written,
    actor: &str,
) -> Result<Answer, Refused> {
    let refused: Vec<Option<Refused>> = batch.iter().map(|lead| lead.as_ref().err().cloned()).collect();
    let leads: Vec<Prepared> = batch.into_iter().flatten().collect();
    let number = leads.len();
    let decisions = loaded.desk.batch(leads, outside).map_err(|error| Refused::Batch(error.to_string()))?;
    written.leads += number;
    let mut made = written.add(decisions, actor).into_iter();
    let answers = refused.into_iter().map(|refused| match refused {
        Some(refused) => Err(refused),
        None => made.next().ok_or_else(|| Refused::Batch("a lead was left out".to_owned())),
    });
    Ok(Answer::Batch(answers.collect()))
}

fn happened(
    loaded: &mut Loaded,
    what: &What,
    now: Timestamp,
    outside: &dyn Outside,
) -> Result<Vec<Decision>, Refused> {
    if let Some(lead) = what.lead().filter(|lead| !loaded.desk.knows(lead)) {
        return Err(Refused::UnknownLead(lead.clone()));
    }
    if let What::Booked { router: Some(router), .. } = what {
        known(loaded, router)?;
    }
    if let What::Reassigned { to: rep, .. }
    | What::Booked { rep, .. }
    | What::Away { rep }
    | What::Back { rep }
    | What::Credit { rep, .. } = what
        && loaded.tenant.config.rep(rep).is_none()
    {
        return Err(Refused::UnknownRep(rep.clone()));
    }
    loaded.desk.event(what, now, outside).map_err(Refused::Conflict)
}

/// A lead whose contact has picked a time.
fn lead_at(
    loaded: &mut Loaded,
    lead: Prepared,
    (router, from): (&RouterId, Timestamp),
    now: Timestamp,
    outside: &dyn Outside,
) -> Result<(Vec<Decision>, Option<Meeting>), Refused> {
    known(loaded, router)?;
    loaded.desk.lead_at(lead, (router, from), now, outside).map_err(Refused::Conflict)
}

/// Times that a router offers.
fn times(
    loaded: &Loaded,
    router: &RouterId,
    lead: Option<&LeadId>,
    now: Timestamp,
) -> Result<Answer, Refused> {
    known(loaded, router)?;
    if let Some(lead) = lead.filter(|lead| !loaded.desk.knows(lead)) {
        return Err(Refused::UnknownLead(lead.clone()));
    }
    let offered = loaded.desk.offered(router, lead, now).map_err(Refused::Conflict)?;
    let meeting = lead.and_then(|lead| loaded.desk.meeting(lead)).cloned();
    Ok(Answer::Times(offered, meeting))
}

fn known(loaded: &Loaded, router: &RouterId) -> Result<(), Refused> {
    match loaded.tenant.config.router(router) {
        Some(_) => Ok(()),
        None => Err(Refused::UnknownRouter(router.clone())),
    }
}

fn reps(loaded: &Loaded, now: Timestamp) -> Vec<RepStands> {
    let config = &loaded.tenant.config;
    let stands = |rep: &crate::lead::Rep| {
        let counted = loaded.desk.counted(&rep.id, now);
        RepStands {
            rep: rep.id.clone(),
            name: rep.name.clone(),
            email: rep.email.clone(),
            team: rep.team.clone(),
            open: counted.open,
            max_open: rep.max_open,
            band: config.capacity.band(counted.open, rep.max_open),
            day: counted.day,
            week: counted.week,
            away: !rep.available || loaded.desk.is_away(&rep.id),
        }
    };
    config.reps.iter().map(stands).collect()
}

/// How a lead would be decided under a version that need not be in force.
pub(super) async fn would_be(
    parts: &Arc<Parts>,
    id: &TenantId,
    version: i64,
    received: serde_json::Value,
) -> Result<Arc<Decision>, Refused> {
    let mut loaded = load(parts, id, Some(version), None).await?;
    loaded.go_by(parts, id, version).await?;
    let working = Arc::clone(parts);
    let decided = parts.threads.run(id, move || {
        let now = working.clock.now().max(loaded.clock);
        loaded.desk.would_be(&received, now, &working.outside)
    });
    let decided = decided.await.ok_or(Refused::Broken)?;
    decided.map(Arc::new).map_err(Refused::NoLead)
}

/// A decision with its JSON.
pub(super) fn made(decision: Decision) -> Arc<Made> {
    let json = serde_json::to_string(&decision).unwrap_or_default();
    Arc::new(Made { decision, json })
}
