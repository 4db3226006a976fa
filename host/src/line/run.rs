//! A line at work: groups are made ready, decided, committed and answered.
//!
//! Several groups are under way: while some are being written, the next is decided on the desk that they left behind,
//! and the one after that is made ready, which needs no desk. What was decided on top of a commit that is not made is
//! not made either ([`Chain`]), and is decided again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::decide::{Ready, on_the_desk, prepare, recollect};
use super::load::{Loaded, SetUp, load};
use super::{Answer, Ask, Asked, OnThreads, Parts, Question, Refused};
use crate::lead::TenantId;
use crate::store::{self, Chain, Commit, Turn};
use crate::tenant::Tenant;

mod flight;

use flight::{Flying, landing};

/// Commits of a tenant that are under way at once.
const FLYING: usize = 4;

/// How often in a row another host may be first before this one has them wait.
const BEHIND: u32 = 3;

/// A group that is to be decided next.
struct Begun {
    group: Vec<Asked>,
    /// Its leads, where it was known by which configuration to make them ready.
    prepared: Option<Prepared>,
}

/// Questions that are made ready under a configuration and for a moment.
struct Prepared {
    tenant: Arc<Tenant>,
    at: Timestamp,
    questions: OnThreads<Vec<Ready>>,
}

/// The same once they are.
type MadeReady = (Arc<Tenant>, Timestamp, Vec<Ready>);

/// A group with its answers, and what is to be written of it, where anything is.
type Decided = (Vec<Asked>, Vec<Result<Answer, Refused>>, Option<Commit>);

/// Groups that are to be decided again, since what they were decided on is not there.
type Fallen = Vec<Asked>;

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
    /// What leads are made ready by while the desk is elsewhere.
    current: Option<SetUp>,
    /// The latest moment that was decided for.
    clock: Timestamp,
    /// Leads in memory from which on those are forgotten that nothing changes by itself.
    many: usize,
    /// How often in a row another host was first.
    behind: u32,
    /// Keeps other hosts back for one commit, after they were first too often.
    turn: Option<Turn>,
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
        many: 0,
        behind: 0,
        turn: None,
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
            None => match line.first(&mut asked).await {
                Next::Begun(begun) => begun,
                Next::Look => continue,
                Next::Over => break,
            },
        };
        let (decided, after) = line.decide(begun, &mut asked).await;
        let fell = match decided {
            // Its own leads came before those that are made ready already.
            Some(decided) => line.take_off(decided).await,
            None => line.landed(FLYING).await,
        };
        match fell {
            None => next = after,
            Some(mut fallen) => {
                fallen.extend(after.into_iter().flat_map(|begun| begun.group));
                line.put_back(fallen);
            }
        }
    }
}

/// What there is to do for a line.
enum Next {
    Begun(Begun),
    /// Something else has changed.
    Look,
    /// Nobody asks any more.
    Over,
}

impl Line {
    /// Waits for a group, and for commits that end meanwhile.
    async fn first(&mut self, asked: &mut mpsc::Receiver<Asked>) -> Next {
        let mut group = self.take_from_backlog();
        if group.is_empty() {
            tokio::select! {
                biased;
                landed = landing(self.flying.front_mut()) => {
                    if let Some(fallen) = self.land(landed).await {
                        self.put_back(fallen);
                    }
                    return Next::Look;
                }
                came = asked.recv_many(&mut group, self.parts.limits.group) => if came == 0 {
                    let Some(fallen) = self.landed(0).await else { return Next::Over };
                    self.put_back(fallen);
                    return Next::Look;
                },
                () = tokio::time::sleep(self.parts.limits.idle), if self.flying.is_empty() => {
                    // Whoever asks now finds it closed and makes another.
                    asked.close();
                    return Next::Look;
                }
            }
        }
        let reload = group.iter().any(Asked::is_reload);
        if !reload && let Some(begun) = self.begin(&mut group, &[]).await {
            self.put_back(group);
            return Next::Begun(begun);
        }
        // Who asks for a reload is answered at once; a key that is under way waits for its answer.
        let others = if reload { self.reload(group) } else { group };
        let mut fallen = self.landed(0).await.unwrap_or_default();
        fallen.extend(others);
        self.put_back(fallen);
        Next::Look
    }

    fn take_from_backlog(&mut self) -> Vec<Asked> {
        let number = self.backlog.len().min(self.parts.limits.group);
        self.backlog.drain(..number).collect()
    }

    /// Makes a group ready, as far as it can be; nothing where nobody of it is left to be answered. `before` are those
    /// that are decided meanwhile. Whoever has to wait for them stays in `group`.
    async fn begin(&mut self, group: &mut Vec<Asked>, before: &[Arc<Question>]) -> Option<Begun> {
        self.publish_alone(group);
        let asked = std::mem::take(group);
        let asked = self.repeated(asked, before, group).await;
        if asked.is_empty() {
            return None;
        }
        let prepared = self.current.clone().map(|SetUp { tenant, .. }| {
            self.clock = self.parts.clock.now().max(self.clock);
            ready(&self.parts, tenant, questions(&asked), self.clock)
        });
        Some(Begun { group: asked, prepared })
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
        let begun = match group.iter().any(Asked::is_reload) {
            true => None,
            false => self.begin(&mut group, before).await,
        };
        self.put_back(group);
        begun
    }

    /// Decides a group, and makes the next ready meanwhile; nothing where it was refused.
    async fn decide(
        &mut self,
        begun: Begun,
        asked: &mut mpsc::Receiver<Asked>,
    ) -> (Option<Decided>, Option<Begun>) {
        let Begun { group, prepared } = begun;
        let prepared = match self.made_ready(prepared).await {
            Ok(prepared) => prepared,
            Err(mut fallen) => {
                fallen.extend(group);
                self.put_back(fallen);
                return (None, None);
            }
        };
        let (settling, before) = match self.settling(&group, prepared).await {
            Ok(settling) => settling,
            Err(refused) => {
                self.lost |= matches!(refused, Refused::Unavailable);
                self.forget(&group);
                refuse(group, &refused);
                return (None, None);
            }
        };
        let (settled, next) = tokio::join!(settling, self.begin_next(asked, &before));
        let Some((loaded, (answers, commit))) = settled else {
            // Somebody panicked and dropped the desk: it is read anew.
            self.forget(&group);
            refuse(group, &Refused::Broken);
            return (None, next);
        };
        self.loaded = Some(loaded);
        (Some((group, answers, commit)), next)
    }

    /// Waits until a group is ready, which for a batch takes long, and answers those whose commits end meanwhile; what
    /// fell of them.
    async fn made_ready(&mut self, prepared: Option<Prepared>) -> Result<Option<MadeReady>, Fallen> {
        let Some(Prepared { tenant, at, mut questions }) = prepared else { return Ok(None) };
        loop {
            tokio::select! {
                biased;
                landed = landing(self.flying.front_mut()) => match self.land(landed).await {
                    Some(fallen) => return Err(fallen),
                    None => continue,
                },
                // Where somebody panicked they do so again on the desk's own account, and are told.
                questions = &mut questions => return Ok(questions.map(|questions| (tenant, at, questions))),
            }
        }
    }

    /// Begins to decide a group on the desk.
    async fn settling(
        &mut self,
        group: &[Asked],
        prepared: Option<MadeReady>,
    ) -> Result<(OnThreads<Settled>, Vec<Arc<Question>>), Refused> {
        let mut loaded = self.ready(group).await?;
        if self.current.as_ref().is_none_or(|current| !Arc::ptr_eq(&current.tenant, &loaded.tenant)) {
            self.parts.health.watch(&self.tenant, loaded.watched());
        }
        self.current = Some(loaded.set_up());
        let group = questions(group);
        // The desk may have changed since: read anew, or set up by another configuration.
        let holds = |(tenant, at, _): &MadeReady| Arc::ptr_eq(tenant, &loaded.tenant) && *at >= loaded.clock;
        let (at, questions) = match prepared.filter(holds) {
            Some((_, at, questions)) => (at, questions),
            None => {
                let at = self.parts.clock.now().max(loaded.clock);
                let prepared = ready(&self.parts, Arc::clone(&loaded.tenant), group.clone(), at);
                (at, prepared.questions.await.ok_or(Refused::Broken)?)
            }
        };
        self.clock = self.clock.max(at);
        recollect(&self.parts, &self.tenant, &mut loaded, &group, &questions).await?;
        let (tenant, before) = (self.tenant.clone(), group.clone());
        let parts = Arc::clone(&self.parts);
        let settling = self.parts.threads.run(&self.tenant, move || {
            let settled = on_the_desk(&parts, &tenant, &mut loaded, &group, questions, at);
            (loaded, settled)
        });
        Ok((Box::pin(settling), before))
    }

    /// Has what was decided written, and answers where nothing is to be; what fell, itself included, where what it was
    /// decided on is not there.
    async fn take_off(&mut self, (group, answers, commit): Decided) -> Option<Fallen> {
        let (alone, most) = (self.turn.is_some(), if commit.is_some() { FLYING - 1 } else { 0 });
        let fresh = self.loaded.as_mut().is_some_and(|loaded| std::mem::take(&mut loaded.fresh));
        if let Some(mut fallen) = self.landed(most).await {
            self.forget(&group);
            fallen.extend(group);
            return Some(fallen);
        }
        match commit {
            Some(commit) => self.send(group, answers, commit).await,
            None => {
                self.turn = None;
                if fresh {
                    answer(group, answers);
                    return None;
                }
                return self.answer_unchanged(group, answers).await;
            }
        }
        // Nothing is written on top of it before it is made: it goes a way of its own.
        if alone && let Some(fallen) = self.landed(0).await {
            return Some(fallen);
        }
        // What was told of them has to be in the database before they are read from there again.
        if self.loaded.as_ref().is_some_and(|loaded| loaded.desk.len() > self.many) {
            let fallen = self.landed(0).await;
            if let Some(loaded) = &mut self.loaded {
                loaded.desk.forget_cold();
            }
            self.many = self.loaded.as_ref().map_or(0, |loaded| self.many_of(loaded));
            return fallen;
        }
        None
    }

    /// Forgets what is in memory and tells those who asked for it; the others come next.
    fn reload(&mut self, group: Vec<Asked>) -> Vec<Asked> {
        (self.loaded, self.current) = (None, None);
        let (asked, others): (Vec<Asked>, Vec<Asked>) = group.into_iter().partition(Asked::is_reload);
        let answers = asked.iter().map(|_| Ok(Answer::Decided(Vec::new()))).collect();
        answer(asked, answers);
        others
    }

    /// They come next, in their order.
    fn put_back(&mut self, group: Vec<Asked>) {
        group.into_iter().rev().for_each(|asked| self.backlog.push_front(asked));
    }

    fn many_of(&self, loaded: &Loaded) -> usize {
        loaded.desk.len() + self.parts.limits.cold
    }

    /// Forgets a desk that a group did not change after all. A version that did not come into force may still be changed.
    fn forget(&mut self, group: &[Asked]) {
        (self.loaded, self.turn) = (None, None);
        if group.iter().any(Asked::publishes) {
            self.current = None;
        }
    }

    /// A configuration is put in force by a group of its own.
    fn publish_alone(&mut self, group: &mut Vec<Asked>) {
        let Some(place) = group.iter().position(Asked::publishes) else { return };
        let others = group.drain(place.max(1)..).collect();
        self.put_back(others);
    }

    /// Answers those whose key was answered before, and gives the others. Those whose key is in the group already, or
    /// among what is under way, have to wait.
    async fn repeated(
        &mut self,
        group: Vec<Asked>,
        before: &[Arc<Question>],
        waiting: &mut Vec<Asked>,
    ) -> Vec<Asked> {
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
                None if !seen.insert(key.key) => waiting.push(asked),
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
                if self.behind >= BEHIND && self.flying.is_empty() {
                    self.turn = self.parts.store.of(&self.tenant).turn().await?;
                }
                let loaded = load(&self.parts, &self.tenant, publishes, self.current.as_ref()).await?;
                (self.chain, self.many) = (Chain::default(), self.many_of(&loaded));
                loaded
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
}

impl Asked {
    fn is_reload(&self) -> bool {
        matches!(self.question.ask, Ask::Reload)
    }

    fn publishes(&self) -> bool {
        matches!(self.question.ask, Ask::Publish(_))
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

/// Begins to make questions ready, on all cores.
fn ready(parts: &Arc<Parts>, tenant: Arc<Tenant>, group: Vec<Arc<Question>>, at: Timestamp) -> Prepared {
    let questions = prepare(parts, &tenant, &group, at);
    Prepared { tenant, at, questions }
}

/// A desk, and what became of a group on it.
type Settled = (Loaded, (Vec<Result<Answer, Refused>>, Option<Commit>));
