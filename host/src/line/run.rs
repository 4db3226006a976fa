//! A line at work: groups are decided, committed and answered.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use rayon::prelude::*;
use serde_json::Value as Json;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::load::{Loaded, load};
use super::rows::{Written, commit};
use super::{Answer, Ask, Asked, Made, Parts, Question, Refused, RepStands};
use crate::booking::Meeting;
use crate::decision::Decision;
use crate::desk::Desk;
use crate::events::What;
use crate::lead::{LeadId, RouterId, TenantId};
use crate::pipeline::Prepared;
use crate::store::{self, Commit, Committed};
use crate::telemetry::{CommitDone, CommitFailed, CommitStale};

/// How long a line with nothing to do keeps its desk in memory.
const IDLE: Duration = Duration::from_secs(600);

/// How often a group is decided again before it is told that the host is busy.
const TRIES: u32 = 50;

/// How often where the database does not take it, which may be that its disk is full.
const TRIES_WHERE_FAILED: u32 = 3;

/// How long a host asks whether a commit was made before it gives up on it, again and again with a pause.
const ASKS: Duration = Duration::from_secs(5);
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// A group whose commit is under way.
struct Flying {
    group: Vec<Asked>,
    answers: Vec<Result<Answer, Refused>>,
    head: i64,
    nonce: i64,
    done: JoinHandle<Result<Committed, store::Error>>,
}

struct Line {
    parts: Arc<Parts>,
    tenant: TenantId,
    loaded: Option<Loaded>,
    /// To be decided before whatever comes.
    backlog: VecDeque<Asked>,
    /// Idempotency keys of the commit that is under way: the database does not know them yet.
    under_way: HashSet<String>,
    /// Whether the database was given up on.
    lost: bool,
}

/// Until nobody has asked anything for a while, or nobody can any more.
pub(super) async fn run(parts: Arc<Parts>, tenant: TenantId, mut asked: mpsc::Receiver<Asked>) {
    let most = parts.limits.group;
    let (backlog, under_way) = (VecDeque::new(), HashSet::new());
    let mut line = Line { parts, tenant, loaded: None, backlog, under_way, lost: false };
    let mut flying: Option<Flying> = None;
    loop {
        if std::mem::take(&mut line.lost) {
            // Whoever waits would only learn the same, each after those before them.
            let mut waiting: Vec<Asked> = line.backlog.drain(..).collect();
            while let Ok(more) = asked.try_recv() {
                waiting.push(more);
            }
            refuse(waiting, &Refused::Unavailable);
        }
        let mut group: Vec<Asked> = Vec::new();
        if line.backlog.is_empty() {
            tokio::select! {
                biased;
                landed = landing(&mut flying) => {
                    if let Some(flight) = flying.take() {
                        line.land(flight, landed).await;
                    }
                    continue;
                }
                came = asked.recv_many(&mut group, most) => if came == 0 { break },
                () = tokio::time::sleep(IDLE), if flying.is_none() => {
                    // Whoever asks now finds it closed and makes another.
                    asked.close();
                    continue;
                }
            }
        } else {
            let number = line.backlog.len().min(most);
            group.extend(line.backlog.drain(..number));
        }
        if group.iter().any(Asked::is_reload) {
            line.reload(group);
            if let Some(mut flight) = flying.take() {
                let landed = (&mut flight.done).await;
                line.land(flight, landed).await;
            }
            continue;
        }
        line.publish_alone(&mut group);
        let decided = line.decide(group).await;
        if let Some(mut flight) = flying.take() {
            let landed = (&mut flight.done).await;
            if !line.land(flight, landed).await {
                // What was decided on top of it does not hold.
                if let Some((group, ..)) = decided {
                    line.backlog.extend(group);
                }
                continue;
            }
        }
        let Some((group, answers, commit)) = decided else { continue };
        flying = match commit {
            Some(commit) => Some(line.send(group, answers, commit)),
            None => {
                line.answer_unchanged(group, answers).await;
                None
            }
        };
    }
    if let Some(mut flight) = flying.take() {
        let landed = (&mut flight.done).await;
        line.land(flight, landed).await;
    }
}

type Landed = Result<Result<Committed, store::Error>, tokio::task::JoinError>;

async fn landing(flying: &mut Option<Flying>) -> Landed {
    match flying {
        Some(flight) => (&mut flight.done).await,
        None => std::future::pending().await,
    }
}

/// A group with its answers, and what is to be written of it, where anything is.
type Decided = (Vec<Asked>, Vec<Result<Answer, Refused>>, Option<Commit>);

impl Line {
    /// Decides a group; nothing where it was answered already.
    async fn decide(&mut self, group: Vec<Asked>) -> Option<Decided> {
        let group = self.repeated(group).await;
        if group.is_empty() {
            return None;
        }
        let mut loaded = match self.ready(&group).await {
            Ok(loaded) => loaded,
            Err(refused) => {
                self.lost = matches!(refused, Refused::Unavailable);
                refuse(group, &refused);
                return None;
            }
        };
        let parts = Arc::clone(&self.parts);
        let questions: Vec<Question> = group.iter().map(|asked| asked.question.clone()).collect();
        // Leads are made ready on all cores, before it is known which of them came before.
        let now = parts.clock.now().max(loaded.clock);
        let (loaded_again, prepared) = self
            .on_threads(move |parts| {
                let prepared = prepare(parts, &loaded, &questions, now);
                (loaded, prepared)
            })
            .await?;
        loaded = loaded_again;
        if let Err(refused) = recollect(&parts, &self.tenant, &mut loaded, &group, &prepared).await {
            refuse(group, &refused);
            return None;
        }
        let questions: Vec<Question> = group.iter().map(|asked| asked.question.clone()).collect();
        let tenant = self.tenant.clone();
        let (loaded, decided) = self
            .on_threads(move |parts| {
                let mut loaded = loaded;
                let decided = on_the_desk(parts, &tenant, &mut loaded, questions, prepared, now);
                (loaded, decided)
            })
            .await?;
        self.loaded = Some(loaded);
        let (answers, commit) = decided;
        Some((group, answers, commit))
    }

    /// Forgets what is in memory and tells those who asked for it; the others come next.
    fn reload(&mut self, group: Vec<Asked>) {
        self.loaded = None;
        let (asked, others): (Vec<Asked>, Vec<Asked>) = group.into_iter().partition(Asked::is_reload);
        let answers = asked.iter().map(|_| Ok(Answer::Decided(Vec::new()))).collect();
        answer(asked, answers);
        others.into_iter().rev().for_each(|asked| self.backlog.push_front(asked));
    }

    /// A configuration is put in force by a group of its own.
    fn publish_alone(&mut self, group: &mut Vec<Asked>) {
        let publishes = |asked: &Asked| matches!(asked.question.ask, Ask::Publish(_));
        let Some(place) = group.iter().position(publishes) else { return };
        for asked in group.drain(place.max(1)..).rev() {
            self.backlog.push_front(asked);
        }
    }

    /// Answers those whose key was answered before, and gives the others. One whose key is in the group already, or
    /// in the commit that is under way, waits for its turn.
    async fn repeated(&mut self, group: Vec<Asked>) -> Vec<Asked> {
        if group.iter().all(|asked| asked.question.key.is_none()) {
            return group;
        }
        let keys: Vec<String> =
            group.iter().filter_map(|asked| asked.question.key.as_ref()).map(|key| key.key.clone()).collect();
        let known = match self.parts.store.of(&self.tenant).answers(&keys).await {
            Ok(known) => known,
            Err(error) => {
                self.lost = true;
                refuse(group, &error.into());
                return Vec::new();
            }
        };
        let known: HashMap<String, store::AnswerRow> =
            known.into_iter().map(|row| (row.key.clone(), row)).collect();
        let mut seen = HashSet::new();
        let mut left = Vec::with_capacity(group.len());
        for asked in group {
            let Some(key) = asked.question.key.clone() else {
                left.push(asked);
                continue;
            };
            match known.get(&key.key) {
                Some(row) if row.asked != key.asked => {
                    let _ = asked.answer.send(Err(Refused::KeyReused));
                }
                Some(row) => {
                    let made = serde_json::from_str(&row.body).unwrap_or_default();
                    let _ = asked.answer.send(Ok(Answer::Repeated(made)));
                }
                None if self.under_way.contains(&key.key) || !seen.insert(key.key) => {
                    self.backlog.push_back(asked);
                }
                None => left.push(asked),
            }
        }
        left
    }

    /// The desk as the database has it, under what the group publishes where it does.
    async fn ready(&mut self, group: &[Asked]) -> Result<Loaded, Refused> {
        let publishes = group.iter().find_map(|asked| match asked.question.ask {
            Ask::Publish(version) => Some(version),
            _ => None,
        });
        let mut loaded = match self.loaded.take() {
            Some(loaded) => loaded,
            None => load(&self.parts, &self.tenant, publishes).await?,
        };
        match publishes {
            Some(version) => match loaded.adopt(&self.parts, &self.tenant, version).await {
                Ok(()) => Ok(loaded),
                Err(refused) => {
                    self.loaded = Some(loaded);
                    Err(refused)
                }
            },
            None => Ok(loaded),
        }
    }

    async fn on_threads<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Parts) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let parts = Arc::clone(&self.parts);
        self.parts.threads.spawn(move || drop(answer.send(work(&parts))));
        // Whoever panicked there has dropped the desk: it is read anew.
        answered.await.ok()
    }

    /// Answers where nothing is to be written. What another host has written meanwhile would make other answers.
    async fn answer_unchanged(&mut self, group: Vec<Asked>, answers: Vec<Result<Answer, Refused>>) {
        let Some(head) = self.loaded.as_ref().map(|loaded| loaded.head) else { return };
        match self.parts.store.of(&self.tenant).row().await {
            Ok(row) if row.head == head => answer(group, answers),
            Ok(_) => self.again(group, TRIES, &Refused::Busy),
            Err(error) => refuse(group, &error.into()),
        }
    }

    fn send(&mut self, group: Vec<Asked>, answers: Vec<Result<Answer, Refused>>, commit: Commit) -> Flying {
        self.under_way = commit.answers.iter().map(|answer| answer.key.clone()).collect();
        let (head, nonce) = (commit.head, commit.nonce);
        let store = self.parts.store.clone();
        let done = tokio::spawn(async move { store.commit(commit).await });
        Flying { group, answers, head, nonce, done }
    }

    /// A group is decided anew on what the database has; one that was tried too often is refused.
    fn again(&mut self, group: Vec<Asked>, most: u32, refused: &Refused) {
        self.loaded = None;
        for mut asked in group.into_iter().rev() {
            asked.tries += 1;
            match asked.tries > most {
                true => drop(asked.answer.send(Err(refused.clone()))),
                false => self.backlog.push_front(asked),
            }
        }
    }

    /// A commit has ended; whether it was made.
    async fn land(&mut self, flight: Flying, landed: Landed) -> bool {
        let Flying { group, answers, head, nonce, .. } = flight;
        self.under_way.clear();
        let (metrics, tenant) = (&self.parts.metrics, self.tenant.clone());
        let (most, refused, made) = match landed {
            Ok(Ok(Committed::Done { .. })) => (TRIES, Refused::Busy, Some(true)),
            Ok(Ok(Committed::Behind)) => {
                CommitStale { tenant }.emit(metrics);
                (TRIES, Refused::Busy, Some(false))
            }
            Ok(Err(error)) => {
                CommitFailed { tenant, fault: error.fault() }.emit(metrics);
                (TRIES_WHERE_FAILED, Refused::Unavailable, self.made(head, nonce).await)
            }
            Err(_) => (TRIES_WHERE_FAILED, Refused::Unavailable, self.made(head, nonce).await),
        };
        match made {
            Some(true) => {
                CommitDone { tenant: self.tenant.clone(), head }.emit(&self.parts.metrics);
                answer(group, answers);
            }
            Some(false) => self.again(group, most, &refused),
            None => {
                (self.loaded, self.lost) = (None, true);
                refuse(group, &Refused::Unavailable);
            }
        }
        made == Some(true)
    }

    /// Asks the database until it says whether a commit was made.
    async fn made(&self, head: i64, nonce: i64) -> Option<bool> {
        let asking = async {
            loop {
                match self.parts.store.of(&self.tenant).made(head, nonce).await {
                    Ok(made) => return made,
                    Err(_) => tokio::time::sleep(ASK_AGAIN).await,
                }
            }
        };
        tokio::time::timeout(ASKS, asking).await.ok()
    }
}

impl Asked {
    fn is_reload(&self) -> bool {
        matches!(self.question.ask, Ask::Reload)
    }
}

fn answer(group: Vec<Asked>, answers: Vec<Result<Answer, Refused>>) {
    for (asked, answer) in group.into_iter().zip(answers) {
        let _ = asked.answer.send(answer);
    }
}

fn refuse(group: Vec<Asked>, refused: &Refused) {
    for asked in group {
        let _ = asked.answer.send(Err(refused.clone()));
    }
}

/// A question as far as it needs no turn.
enum Ready {
    Lead(Box<Prepared>),
    Batch(Vec<Result<Prepared, Refused>>),
    Other,
    Refused(Refused),
}

fn prepare(parts: &Parts, loaded: &Loaded, questions: &[Question], now: Timestamp) -> Vec<Ready> {
    let one = |received: &serde_json::Value| {
        Desk::prepare(&loaded.tenant, received, now, &parts.outside).map_err(Refused::NoLead)
    };
    questions
        .par_iter()
        .map(|question| match &question.ask {
            Ask::Lead(received) | Ask::LeadAt { lead: received, .. } | Ask::Again { lead: received, .. } => {
                match one(received) {
                    Ok(prepared) => Ready::Lead(Box::new(prepared)),
                    Err(refused) => Ready::Refused(refused),
                }
            }
            Ask::Batch { leads, prepared } => {
                let counted = |received| {
                    let lead = one(received);
                    prepared.fetch_add(1, Ordering::Relaxed);
                    lead
                };
                Ready::Batch(leads.par_iter().map(counted).collect())
            }
            Ask::Event { .. }
            | Ask::Times { .. }
            | Ask::Tick
            | Ask::Publish(_)
            | Ask::Try(_)
            | Ask::Reps
            | Ask::Tenant
            | Ask::Reload => Ready::Other,
        })
        .collect()
}

/// Takes up leads that are asked about and were put away.
async fn recollect(
    parts: &Parts,
    tenant: &TenantId,
    loaded: &mut Loaded,
    group: &[Asked],
    prepared: &[Ready],
) -> Result<(), Refused> {
    let mut ids: HashSet<&LeadId> = HashSet::new();
    for (asked, ready) in group.iter().zip(prepared) {
        match ready {
            Ready::Lead(prepared) => drop(ids.insert(prepared.lead())),
            Ready::Batch(batch) => ids.extend(batch.iter().flatten().map(Prepared::lead)),
            Ready::Other | Ready::Refused(_) => match &asked.question.ask {
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
fn on_the_desk(
    parts: &Parts,
    tenant: &TenantId,
    loaded: &mut Loaded,
    questions: Vec<Question>,
    prepared: Vec<Ready>,
    now: Timestamp,
) -> (Vec<Result<Answer, Refused>>, Option<Commit>) {
    let outside = &parts.outside;
    let mut written = Written::new(parts.clock.now());
    let due = loaded.desk.pass(now, outside);
    written.add(due, "clock");
    let mut answers = Vec::with_capacity(questions.len());
    for (question, ready) in questions.into_iter().zip(prepared) {
        let actor = question.actor.as_str();
        let answer = match (question.ask, ready) {
            (_, Ready::Refused(refused)) => Err(refused),
            (Ask::LeadAt { router, from, .. }, Ready::Lead(lead)) => {
                match lead_at(loaded, *lead, (&router, from), now, outside) {
                    Ok((decisions, meeting)) => {
                        written.leads += 1;
                        if let Some(Meeting { lead, rep, from, to }) = meeting {
                            let what = What::Booked { lead, rep, from, to, router: Some(router) };
                            written.event(&what, Json::Null, actor);
                        }
                        Ok(Answer::Decided(written.add(decisions, actor)))
                    }
                    Err(refused) => Err(refused),
                }
            }
            (Ask::Again { run, forced, .. }, Ready::Lead(lead)) => {
                let id = lead.lead().clone();
                match loaded.desk.again(*lead, forced, outside) {
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
            (Ask::Event { what, note }, Ready::Other) => match happened(loaded, &what, now, outside) {
                Ok(decisions) => {
                    written.event(&what, note, actor);
                    Ok(Answer::Decided(written.add(decisions, actor)))
                }
                Err(refused) => Err(refused),
            },
            // Two hosts saw that its time had come.
            (Ask::Publish(version), Ready::Other) if loaded.in_force == Some(version) => {
                Ok(Answer::Decided(Vec::new()))
            }
            (Ask::Publish(version), Ready::Other) => {
                written.published = Some(version);
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
                .would_be(&received, now, outside)
                .map(|decision| Answer::Tried(Arc::new(decision)))
                .map_err(Refused::NoLead),
            (Ask::Reps, Ready::Other) => Ok(Answer::Reps(reps(loaded, now))),
            (Ask::Tenant, Ready::Other) => Ok(Answer::Tenant(Arc::clone(&loaded.tenant))),
            (Ask::Times { router, lead }, Ready::Other) => times(loaded, &router, lead.as_ref(), now),
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
        if let (Some(key), Ok(answer)) = (question.key, &answer) {
            written.answer(key, answer);
        }
        answers.push(answer);
    }
    let commit = commit(tenant, loaded, written, now);
    if loaded.desk.len() > parts.limits.cold * 2 {
        loaded.desk.forget_cold();
    }
    (answers, commit)
}

fn batch_on_the_desk(
    loaded: &mut Loaded,
    batch: Vec<Result<Prepared, Refused>>,
    outside: &crate::pipeline::Live,
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
    outside: &crate::pipeline::Live,
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
    outside: &crate::pipeline::Live,
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
    let mut loaded = load(parts, id, Some(version)).await?;
    loaded.adopt(parts, id, version).await?;
    let (answer, answered) = oneshot::channel();
    let working = Arc::clone(parts);
    parts.threads.spawn(move || {
        let now = working.clock.now().max(loaded.clock);
        drop(answer.send(loaded.desk.would_be(&received, now, &working.outside)));
    });
    let decided = answered.await.map_err(|_| Refused::Closing)?;
    decided.map(Arc::new).map_err(Refused::NoLead)
}

/// A decision with its JSON.
pub(super) fn made(decision: Decision) -> Arc<Made> {
    let json = serde_json::to_string(&decision).unwrap_or_default();
    Arc::new(Made { decision, json })
}
