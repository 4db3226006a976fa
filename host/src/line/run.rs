//! A line at work: groups are made ready, decided, committed and answered.
//!
//! Several groups are under way: while some are being written, the next is decided on the desk that they left behind,
//! and the one after that is made ready, which needs no desk. What was decided on top of a commit that is not made is
//! not made either ([`Chain`]), and is decided again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::decide::{Ready, on_the_desk, prepare, recollect};
use super::load::{Loaded, load};
use super::{Answer, Ask, Asked, Parts, Question, Refused};
use crate::lead::TenantId;
use crate::store::{self, Chain, Commit, Committed, Submitted};
use crate::telemetry::{CommitDone, CommitFailed, CommitStale};
use crate::tenant::Tenant;

/// How long a line with nothing to do keeps its desk in memory.
const IDLE: Duration = Duration::from_secs(600);

/// Commits of a tenant that are under way at once.
const FLYING: usize = 4;

/// How often a group is decided again before it is told that the host is busy.
const TRIES: u32 = 50;

/// How often where the database does not take it, which may be that its disk is full.
const TRIES_WHERE_FAILED: u32 = 3;

/// How long a host asks whether a commit was made before it gives up on it, again and again with a pause.
const ASKS: Duration = Duration::from_secs(5);
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// A group that is to be decided next.
struct Begun {
    group: Vec<Asked>,
    /// Its leads, where it was known by which configuration to make them ready.
    prepared: Option<Prepared>,
}

/// Questions that were made ready under a configuration and at a moment.
struct Prepared {
    tenant: Arc<Tenant>,
    at: Timestamp,
    questions: Vec<Ready>,
}

/// A group with its answers, and what is to be written of it, where anything is.
type Decided = (Vec<Asked>, Vec<Result<Answer, Refused>>, Option<Commit>);

/// A group whose commit is under way.
struct Flying {
    group: Vec<Asked>,
    answers: Vec<Result<Answer, Refused>>,
    head: i64,
    nonce: i64,
    done: Submitted,
}

struct Line {
    parts: Arc<Parts>,
    tenant: TenantId,
    loaded: Option<Loaded>,
    /// To be decided before whatever comes.
    backlog: VecDeque<Asked>,
    /// Commits that are under way, in their order.
    flying: VecDeque<Flying>,
    /// What they were decided on top of: one desk, from when it was read.
    chain: Chain,
    /// The configuration that leads are made ready by while the desk is elsewhere, and its version.
    current: Option<(i64, Arc<Tenant>)>,
    /// The latest moment that was decided for.
    clock: Timestamp,
    /// Whether the database was given up on.
    lost: bool,
}

/// Until nobody has asked anything for a while, or nobody can any more.
pub(super) async fn run(parts: Arc<Parts>, tenant: TenantId, mut asked: mpsc::Receiver<Asked>) {
    let mut line = Line {
        parts,
        tenant,
        loaded: None,
        backlog: VecDeque::new(),
        flying: VecDeque::new(),
        chain: Chain::default(),
        current: None,
        clock: Timestamp::MIN,
        lost: false,
    };
    let mut next: Option<Begun> = None;
    loop {
        if std::mem::take(&mut line.lost) {
            // Whoever waits would only learn the same, each after those before them.
            let mut waiting = next.take().map(|begun| begun.group).unwrap_or_default();
            waiting.extend(line.backlog.drain(..));
            while let Ok(more) = asked.try_recv() {
                waiting.push(more);
            }
            refuse(waiting, &Refused::Unavailable);
        }
        let begun = match next.take() {
            Some(begun) => begun,
            None => {
                let mut group = line.take_from_backlog();
                if group.is_empty() {
                    tokio::select! {
                        biased;
                        landed = landing(line.flying.front_mut()) => {
                            line.land(landed).await;
                            continue;
                        }
                        came = asked.recv_many(&mut group, line.parts.limits.group) => if came == 0 { break },
                        () = tokio::time::sleep(IDLE), if line.flying.is_empty() => {
                            // Whoever asks now finds it closed and makes another.
                            asked.close();
                            continue;
                        }
                    }
                }
                if group.iter().any(Asked::is_reload) {
                    line.reload(group);
                    line.landed(0).await;
                    continue;
                }
                match line.begin(group, &[]).await {
                    Some(begun) => begun,
                    None => {
                        // A key that was asked about again waits for the answer that is under way.
                        line.landed(0).await;
                        continue;
                    }
                }
            }
        };
        let (decided, after) = line.decide(begun, &mut asked).await;
        next = after;
        // Whoever is answered without a commit has to be right at the moment of the answer.
        let writes = decided.as_ref().is_none_or(|(.., commit)| commit.is_some());
        if !line.landed(if writes { FLYING - 1 } else { 0 }).await {
            // What was decided on top of it does not hold.
            if let Some((group, ..)) = decided {
                line.backlog.extend(group);
            }
            line.backlog.extend(next.take().into_iter().flat_map(|begun| begun.group));
            continue;
        }
        match decided {
            Some((group, answers, Some(commit))) => line.send(group, answers, commit).await,
            Some((group, answers, None)) => line.answer_unchanged(group, answers).await,
            None => {}
        }
    }
    line.landed(0).await;
}

async fn landing(first: Option<&mut Flying>) -> Result<Committed, store::Error> {
    match first {
        Some(flight) => flight.done.landed().await,
        None => std::future::pending().await,
    }
}

/// A group that is to be decided again, how often that may be, and what it is told after that.
type Again = (Vec<Asked>, u32, Refused);

impl Line {
    fn take_from_backlog(&mut self) -> Vec<Asked> {
        let number = self.backlog.len().min(self.parts.limits.group);
        self.backlog.drain(..number).collect()
    }

    /// Makes a group ready, as far as it can be; nothing where nobody of it is left to be answered. `before` are those
    /// that are decided meanwhile.
    async fn begin(&mut self, mut group: Vec<Asked>, before: &[Arc<Question>]) -> Option<Begun> {
        self.publish_alone(&mut group);
        let group = self.repeated(group, before).await;
        if group.is_empty() {
            return None;
        }
        let prepared = match self.current.clone() {
            Some((_, tenant)) => {
                let at = self.parts.clock.now().max(self.clock);
                self.clock = at;
                Some(ready(&self.parts, tenant, questions(&group), at).await?)
            }
            None => None,
        };
        Some(Begun { group, prepared })
    }

    /// Whoever waits already is made ready while others are decided.
    async fn begin_next(
        &mut self,
        asked: &mut mpsc::Receiver<Asked>,
        before: &[Arc<Question>],
    ) -> Option<Begun> {
        let mut group = self.take_from_backlog();
        while group.len() < self.parts.limits.group
            && let Ok(more) = asked.try_recv()
        {
            group.push(more);
        }
        if group.is_empty() {
            return None;
        }
        if group.iter().any(Asked::is_reload) {
            self.put_back(group);
            return None;
        }
        self.begin(group, before).await
    }

    /// Decides a group, and makes the next ready; nothing where it was refused.
    async fn decide(
        &mut self,
        begun: Begun,
        asked: &mut mpsc::Receiver<Asked>,
    ) -> (Option<Decided>, Option<Begun>) {
        let Begun { group, prepared } = begun;
        let loaded = match self.ready(&group).await {
            Ok(loaded) => loaded,
            Err(refused) => {
                self.lost = matches!(refused, Refused::Unavailable);
                refuse(group, &refused);
                return (None, None);
            }
        };
        self.current = Some((loaded.version, Arc::clone(&loaded.tenant)));
        self.clock = self.clock.max(loaded.clock);
        let questions = questions(&group);
        // The desk may have changed since: read anew, or set up by another configuration.
        let holds = |prepared: &Prepared| {
            Arc::ptr_eq(&prepared.tenant, &loaded.tenant) && prepared.at >= loaded.clock
        };
        let prepared = prepared.filter(holds);
        let (parts, tenant) = (Arc::clone(&self.parts), self.tenant.clone());
        let settling = settle(parts, tenant, loaded, questions.clone(), prepared);
        let (settled, next) = tokio::join!(settling, self.begin_next(asked, &questions));
        // Whoever panicked has dropped the desk: it is read anew.
        let Some((loaded, settled)) = settled else { return (None, next) };
        self.clock = self.clock.max(loaded.clock);
        self.loaded = Some(loaded);
        match settled {
            Ok((answers, commit)) => (Some((group, answers, commit)), next),
            Err(refused) => {
                refuse(group, &refused);
                (None, next)
            }
        }
    }

    /// Forgets what is in memory and tells those who asked for it; the others come next.
    fn reload(&mut self, group: Vec<Asked>) {
        self.loaded = None;
        let (asked, others): (Vec<Asked>, Vec<Asked>) = group.into_iter().partition(Asked::is_reload);
        let answers = asked.iter().map(|_| Ok(Answer::Decided(Vec::new()))).collect();
        answer(asked, answers);
        self.put_back(others);
    }

    /// They come next, in their order.
    fn put_back(&mut self, group: Vec<Asked>) {
        group.into_iter().rev().for_each(|asked| self.backlog.push_front(asked));
    }

    /// A configuration is put in force by a group of its own.
    fn publish_alone(&mut self, group: &mut Vec<Asked>) {
        let publishes = |asked: &Asked| matches!(asked.question.ask, Ask::Publish(_));
        let Some(place) = group.iter().position(publishes) else { return };
        let others = group.drain(place.max(1)..).collect();
        self.put_back(others);
    }

    /// Answers those whose key was answered before, and gives the others. One whose key is in the group already, or
    /// among those that are under way, waits for its turn.
    async fn repeated(&mut self, group: Vec<Asked>, before: &[Arc<Question>]) -> Vec<Asked> {
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
        // The database does not know them yet.
        let flying = self.flying.iter().flat_map(|flight| &flight.group).map(|asked| &asked.question);
        let under_way = before.iter().chain(flying).filter_map(|question| question.key.as_ref());
        let mut seen: HashSet<String> = under_way.map(|key| key.key.clone()).collect();
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
                None if !seen.insert(key.key) => {
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
            None => {
                self.chain = Chain::default();
                load(&self.parts, &self.tenant, publishes, self.current.as_ref()).await?
            }
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

    /// Answers where nothing is to be written. What another host has written meanwhile would make other answers.
    async fn answer_unchanged(&mut self, group: Vec<Asked>, answers: Vec<Result<Answer, Refused>>) {
        let Some(head) = self.loaded.as_ref().map(|loaded| loaded.head) else { return };
        match self.parts.store.of(&self.tenant).row().await {
            Ok(row) if row.head == head => answer(group, answers),
            Ok(_) => self.again(group, TRIES, &Refused::Busy),
            Err(error) => refuse(group, &error.into()),
        }
    }

    async fn send(&mut self, group: Vec<Asked>, answers: Vec<Result<Answer, Refused>>, commit: Commit) {
        let (head, nonce) = (commit.head, commit.nonce);
        match self.parts.store.submit(commit, self.chain.clone()).await {
            Ok(done) => self.flying.push_back(Flying { group, answers, head, nonce, done }),
            Err(error) => {
                (self.loaded, self.lost) = (None, true);
                refuse(group, &error.into());
            }
        }
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

    /// Waits until no more than so many commits are under way; whether those that ended were made.
    async fn landed(&mut self, most: usize) -> bool {
        while self.flying.len() > most {
            let landed = landing(self.flying.front_mut()).await;
            if !self.land(landed).await {
                return false;
            }
        }
        true
    }

    /// The first of the commits that are under way has ended; whether it was made. Where it was not, neither were
    /// those that came after it.
    async fn land(&mut self, landed: Result<Committed, store::Error>) -> bool {
        let Some(flight) = self.flying.pop_front() else { return true };
        let Some(first) = self.fell(flight, landed).await else { return true };
        let mut fallen = vec![first];
        while let Some(mut flight) = self.flying.pop_front() {
            let landed = flight.done.landed().await;
            fallen.extend(self.fell(flight, landed).await);
        }
        for (group, most, refused) in fallen.into_iter().rev() {
            self.again(group, most, &refused);
        }
        false
    }

    /// A commit has ended: whoever waited for one that was made is answered, any other is to be decided again.
    async fn fell(&mut self, flight: Flying, landed: Result<Committed, store::Error>) -> Option<Again> {
        let Flying { group, answers, head, nonce, .. } = flight;
        let (metrics, tenant) = (&self.parts.metrics, self.tenant.clone());
        let (most, refused, made) = match landed {
            Ok(Committed::Done { .. }) => (TRIES, Refused::Busy, Some(true)),
            Ok(Committed::Behind) => {
                CommitStale { tenant }.emit(metrics);
                (TRIES, Refused::Busy, Some(false))
            }
            Err(error) => {
                CommitFailed { tenant, fault: error.fault() }.emit(metrics);
                // Nobody is asked again about a database that was just given up on.
                let made = if self.lost { None } else { self.made(head, nonce).await };
                (TRIES_WHERE_FAILED, Refused::Unavailable, made)
            }
        };
        match made {
            Some(true) => {
                CommitDone { tenant: self.tenant.clone(), head }.emit(&self.parts.metrics);
                answer(group, answers);
                None
            }
            Some(false) => Some((group, most, refused)),
            None => {
                (self.loaded, self.lost) = (None, true);
                refuse(group, &Refused::Unavailable);
                Some((Vec::new(), most, refused))
            }
        }
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

fn questions(group: &[Asked]) -> Vec<Arc<Question>> {
    group.iter().map(|asked| Arc::clone(&asked.question)).collect()
}

/// Makes questions ready, on all cores.
async fn ready(
    parts: &Arc<Parts>,
    tenant: Arc<Tenant>,
    group: Vec<Arc<Question>>,
    at: Timestamp,
) -> Option<Prepared> {
    on_threads(parts, move |parts| {
        let questions = prepare(parts, &tenant, &group, at);
        Prepared { tenant, at, questions }
    })
    .await
}

/// What became of a group on a desk, and the desk.
type Settled = (Loaded, Result<(Vec<Result<Answer, Refused>>, Option<Commit>), Refused>);

/// Decides a group on a desk; nothing where somebody panicked.
async fn settle(
    parts: Arc<Parts>,
    tenant: TenantId,
    mut loaded: Loaded,
    group: Vec<Arc<Question>>,
    prepared: Option<Prepared>,
) -> Option<Settled> {
    let Prepared { at, questions, .. } = match prepared {
        Some(prepared) => prepared,
        None => {
            let at = parts.clock.now().max(loaded.clock);
            ready(&parts, Arc::clone(&loaded.tenant), group.clone(), at).await?
        }
    };
    if let Err(refused) = recollect(&parts, &tenant, &mut loaded, &group, &questions).await {
        return Some((loaded, Err(refused)));
    }
    let settled = on_threads(&parts, move |parts| {
        let settled = on_the_desk(parts, &tenant, &mut loaded, &group, questions, at);
        (loaded, Ok(settled))
    });
    settled.await
}

async fn on_threads<T: Send + 'static>(
    parts: &Arc<Parts>,
    work: impl FnOnce(&Parts) -> T + Send + 'static,
) -> Option<T> {
    let (answer, answered) = oneshot::channel();
    let working = Arc::clone(parts);
    parts.threads.spawn(move || drop(answer.send(work(&working))));
    answered.await.ok()
}
