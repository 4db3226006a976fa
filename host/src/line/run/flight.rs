//! Commits of a line that are under way, and what becomes of their groups.

use std::time::Duration;

use futures_util::FutureExt as _;

use super::{Answer, Asked, Fallen, Line, Refused, SetUp, answer, refuse};
use crate::line::beside;
use crate::store::{self, Commit, Committed, Submitted};
use crate::telemetry::{CommitDone, CommitFailed, CommitStale};

/// How often a group is decided again before it is told that the host is busy.
const TRIES: u32 = 50;

/// How often where the database does not take it, which may be that its disk is full.
const TRIES_WHERE_FAILED: u32 = 3;

/// How long a host asks whether a commit was made before it gives up on it, again and again with a pause.
const ASKS: Duration = Duration::from_secs(5);
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// A group whose commit is under way.
pub(super) struct Flying {
    pub(super) group: Vec<Asked>,
    answers: Vec<Result<Answer, Refused>>,
    head: i64,
    nonce: i64,
    done: Submitted,
}

/// What becomes of the first that is under way; where none is, it is waited for without end.
pub(super) async fn landing(first: Option<&mut Flying>) -> Result<Committed, store::Error> {
    match first {
        Some(flight) => flight.done.landed().await,
        None => std::future::pending().await,
    }
}

impl Line {
    /// Answers where nothing is to be written. What another host has written meanwhile would make other answers.
    pub(super) async fn answer_unchanged(
        &mut self,
        group: Vec<Asked>,
        answers: Vec<Result<Answer, Refused>>,
    ) -> Option<Fallen> {
        let head = self.loaded.as_ref().map(|loaded| loaded.head);
        match self.parts.store.of(&self.tenant).row().await {
            Ok(row) if Some(row.head) == head => {
                answer(group, answers);
                None
            }
            Ok(_) => Some(self.again(group, TRIES, &Refused::Busy)),
            Err(error) => {
                refuse(group, &error.into());
                None
            }
        }
    }

    pub(super) async fn send(
        &mut self,
        group: Vec<Asked>,
        answers: Vec<Result<Answer, Refused>>,
        commit: Commit,
    ) {
        let (head, nonce) = (commit.head, commit.nonce);
        let (store, chain) = (&self.parts.store, self.chain.clone());
        let submitted = match self.turn.take() {
            Some(turn) => Ok(store.submit_in(turn, commit, chain)),
            None => store.submit(commit, chain).await,
        };
        match submitted {
            Ok(done) => self.flying.push_back(Flying { group, answers, head, nonce, done }),
            Err(error) => {
                self.lost = true;
                self.forget(&group);
                refuse(group, &error.into());
            }
        }
    }

    /// A group is decided anew on what the database has; one that was tried too often is refused.
    fn again(&mut self, mut group: Vec<Asked>, most: u32, refused: &Refused) -> Vec<Asked> {
        self.forget(&group);
        group.iter_mut().for_each(|asked| asked.tries += 1);
        let (over, again) = group.into_iter().partition(|asked| asked.tries > most);
        refuse(over, refused);
        again
    }

    /// Answers whose commits have ended, and waits until no more than so many are under way; what fell of them.
    pub(super) async fn landed(&mut self, most: usize) -> Option<Fallen> {
        while !self.flying.is_empty() {
            let landed = match self.flying.len() > most {
                true => landing(self.flying.front_mut()).await,
                false => match landing(self.flying.front_mut()).now_or_never() {
                    Some(landed) => landed,
                    None => return None,
                },
            };
            let fallen = self.land(landed).await;
            if fallen.is_some() {
                return fallen;
            }
        }
        None
    }

    /// The first of the commits that are under way has ended; where it was not made, it fell, and with it those that
    /// came after it.
    pub(super) async fn land(&mut self, landed: Result<Committed, store::Error>) -> Option<Fallen> {
        let flight = self.flying.pop_front()?;
        let mut fallen = self.fell(flight, landed).await?;
        self.behind += 1;
        while let Some(mut flight) = self.flying.pop_front() {
            let landed = flight.done.landed().await;
            fallen.extend(self.fell(flight, landed).await.into_iter().flatten());
        }
        Some(fallen)
    }

    /// A commit has ended: whoever waited for one that was made is answered, any other is to be decided again.
    async fn fell(&mut self, flight: Flying, landed: Result<Committed, store::Error>) -> Option<Fallen> {
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
                self.behind = 0;
                if let Some(SetUp { tenant, .. }) = &self.current {
                    beside::note(&self.parts, tenant, &answers);
                }
                answer(group, answers);
                None
            }
            Some(false) => Some(self.again(group, most, &refused)),
            None => {
                self.lost = true;
                self.forget(&group);
                refuse(group, &Refused::Unavailable);
                Some(Vec::new())
            }
        }
    }

    /// Asks the database until it says whether a commit was made.
    async fn made(&mut self, head: i64, nonce: i64) -> Option<bool> {
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
