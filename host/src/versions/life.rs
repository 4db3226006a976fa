//! The life of a version: what it is now, what it may become, and who may make it so.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::Checked;
use crate::digest::Digest;

/// What a version is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its files can be edited.
    Draft,
    /// Somebody has looked at it and found it good.
    Approved,
    /// It is published when its time comes.
    Scheduled,
    /// It is what the tenant decides by.
    Published,
    /// It was.
    Replaced,
    /// Nothing comes of it.
    Discarded,
}

/// What can be done to a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Move {
    /// Its files, or what is noted about it.
    Edit,
    /// Find it good.
    Approve,
    /// Set, or move, the time at which it is published.
    Schedule,
    /// Make it the tenant's own.
    Publish,
    /// Its time came, and it could not be loaded: it is a draft again.
    Refuse,
    /// Another was published.
    Replace,
    /// Give it up.
    Discard,
    /// Publish its files again, as a new version.
    RollBack,
}

/// Every move there is, and where it leads. [`Move::RollBack`] leaves a version as it is.
const MOVES: [(State, &[(Move, State)]); 6] = [
    (
        State::Draft,
        &[
            (Move::Edit, State::Draft),
            (Move::Approve, State::Approved),
            (Move::Schedule, State::Scheduled),
            (Move::Publish, State::Published),
            (Move::Discard, State::Discarded),
        ],
    ),
    (
        State::Approved,
        &[
            (Move::Schedule, State::Scheduled),
            (Move::Publish, State::Published),
            (Move::Discard, State::Discarded),
        ],
    ),
    (
        State::Scheduled,
        &[
            (Move::Schedule, State::Scheduled),
            (Move::Publish, State::Published),
            (Move::Refuse, State::Draft),
            (Move::Discard, State::Discarded),
        ],
    ),
    (State::Published, &[(Move::Replace, State::Replaced)]),
    (State::Replaced, &[(Move::RollBack, State::Replaced)]),
    (State::Discarded, &[]),
];

impl State {
    /// What it is after a move; nothing where it cannot be made.
    pub fn after(self, made: Move) -> Option<Self> {
        let (_, moves) = MOVES.iter().find(|(state, _)| *state == self)?;
        moves.iter().find(|(known, _)| *known == made).map(|(_, next)| *next)
    }
}

/// A version, without its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Version {
    /// From 1.
    pub version: i64,
    /// What it is.
    pub state: State,
    /// Which one it was made from.
    pub base: Option<i64>,
    /// What it is for, in its authors' words.
    pub note: String,
    /// Rises with every change, so that nobody changes what they have not seen.
    pub revision: i64,
    /// What its files are known by.
    pub digest: Digest,
    /// When, and by whom, it was made.
    pub made: Deed,
    /// When, and by whom, it was last edited.
    pub edited: Deed,
    /// Everybody who made or edited it, the first first.
    pub authors: Vec<String>,
    /// When, and by whom, it was found good.
    pub approved: Option<Deed>,
    /// When it is, or was, to be published.
    pub publish_at: Option<i64>,
    /// When it was published.
    pub published_at: Option<i64>,
}

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deed {
    /// Milliseconds since 1970.
    pub at: i64,
    /// A key, a person, or `clock`.
    pub by: String,
}

/// Who does something now.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// A key, a person, or `clock`.
    pub actor: &'a str,
    /// Milliseconds since 1970.
    pub at: i64,
}

/// What somebody knows of the version that they change.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// The revision they saw (`If-Match`); nothing where they change it whatever it is.
    pub revision: Option<i64>,
    /// They know that somebody else is editing it, and edit it all the same.
    pub take_over: bool,
}

/// Somebody is editing a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lock {
    /// Who.
    pub by: String,
    /// Until when it is theirs, unless they edit it again.
    pub until: i64,
}

/// For so long after an edit a draft is the editor's: two hours, in milliseconds (P9).
pub const IDLE: i64 = 2 * 60 * 60 * 1000;

/// Why a version stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What it is does not allow it.
    #[error("a version that is {state} cannot be {}", made.done())]
    State {
        /// What it is.
        state: State,
        /// What was asked for.
        made: Move,
    },
    /// It was changed since it was looked at.
    #[error("it was changed in between, and has revision {revision} now; look at it again")]
    Changed {
        /// Its revision.
        revision: i64,
    },
    /// Somebody else is editing it.
    #[error("{} is editing it, and has it until two hours after their last edit; wait, or take it over", .0.by)]
    Locked(Lock),
    /// Whoever approves has to be somebody else.
    #[error("{by} has written in it; somebody else has to approve it")]
    OwnWork {
        /// Who asked.
        by: String,
    },
    /// It has to be approved first.
    #[error("it has to be approved first, by somebody who has not written in it")]
    Unapproved,
    /// It is not what was checked.
    #[error("it was changed since it was checked; check it again")]
    Unchecked,
    /// Some accounts have it.
    #[error("experiment {experiment} tries it; stop that first")]
    Tried {
        /// Which.
        experiment: String,
    },
    /// The time has gone by.
    #[error("the time to publish it at is not in the future; leave it out to publish it now")]
    Past,
}

impl Version {
    /// A draft.
    pub fn draft(version: i64, base: Option<i64>, note: String, digest: Digest, by: By<'_>) -> Self {
        Self {
            version,
            state: State::Draft,
            base,
            note,
            revision: 1,
            digest,
            made: by.deed(),
            edited: by.deed(),
            authors: vec![by.actor.to_owned()],
            approved: None,
            publish_at: None,
            published_at: None,
        }
    }

    /// Whose draft it is now.
    pub fn lock(&self, now: i64) -> Option<Lock> {
        let until = self.edited.at.saturating_add(IDLE);
        (self.state == State::Draft && now < until).then(|| Lock { by: self.edited.by.clone(), until })
    }

    /// Somebody edits it; what its files are known by then is the caller's to say.
    ///
    /// # Errors
    ///
    /// Where it is no draft, somebody else is editing it, or it is not what they saw.
    pub fn edit(&mut self, by: By<'_>, seen: Seen) -> Result<(), Refusal> {
        self.own(by, seen)?;
        self.make(Move::Edit, seen)?;
        self.edited = by.deed();
        if !self.authors.iter().any(|author| author == by.actor) {
            self.authors.push(by.actor.to_owned());
        }
        Ok(())
    }

    /// Somebody finds it good. With four eyes, that is nobody who has written in it.
    ///
    /// # Errors
    ///
    /// Where it is no draft, it is not what was checked or seen, or it is their own work.
    pub fn approve(
        &mut self,
        by: By<'_>,
        seen: Seen,
        checked: &Checked,
        four_eyes: bool,
    ) -> Result<(), Refusal> {
        self.is_checked(checked)?;
        if four_eyes && self.is_author(by.actor) {
            return Err(Refusal::OwnWork { by: by.actor.to_owned() });
        }
        self.make(Move::Approve, seen)?;
        self.approved = Some(by.deed());
        Ok(())
    }

    /// It is to be published at a time.
    ///
    /// # Errors
    ///
    /// As [`Self::may_publish`]; where it is not what was checked or seen; where the time has gone by.
    pub fn schedule(
        &mut self,
        by: By<'_>,
        seen: Seen,
        checked: &Checked,
        four_eyes: bool,
        publish_at: i64,
    ) -> Result<(), Refusal> {
        self.is_checked(checked)?;
        self.may_publish(by, seen, four_eyes)?;
        if publish_at <= by.at {
            return Err(Refusal::Past);
        }
        self.make(Move::Schedule, seen)?;
        self.publish_at = Some(publish_at);
        Ok(())
    }

    /// Whether somebody may publish it now. With four eyes, somebody else has approved it.
    ///
    /// # Errors
    ///
    /// Where it cannot be any more, was not approved, somebody else is editing it, or it is not what they saw.
    pub fn may_publish(&self, by: By<'_>, seen: Seen, four_eyes: bool) -> Result<(), Refusal> {
        self.own(by, seen)?;
        self.clone().make(Move::Publish, seen)?;
        match &self.approved {
            Some(approved) if !four_eyes || !self.is_author(&approved.by) => Ok(()),
            _ if four_eyes => Err(Refusal::Unapproved),
            _ => Ok(()),
        }
    }

    /// Its time came and it could not be loaded: it is a draft again, for somebody to mend.
    ///
    /// # Errors
    ///
    /// Where it was not scheduled.
    pub fn refuse(&mut self) -> Result<(), Refusal> {
        self.make(Move::Refuse, Seen::default())?;
        (self.approved, self.publish_at) = (None, None);
        Ok(())
    }

    /// Nothing comes of it.
    ///
    /// # Errors
    ///
    /// Where it was published, somebody else is editing it, or it is not what they saw.
    pub fn discard(&mut self, by: By<'_>, seen: Seen) -> Result<(), Refusal> {
        self.own(by, seen)?;
        self.make(Move::Discard, seen)
    }

    /// A new version with the same files, approved by whoever approved this one, since nothing is in it that was not in
    /// force before.
    ///
    /// # Errors
    ///
    /// Where it was never in force, or is.
    pub fn roll_back(&self, version: i64, by: By<'_>) -> Result<Self, Refusal> {
        self.clone().make(Move::RollBack, Seen::default())?;
        let draft = Self::draft(version, Some(self.version), self.note.clone(), self.digest, by);
        let state = if self.approved.is_some() { State::Approved } else { State::Draft };
        // Who brings it back has written nothing in it.
        Ok(Self { state, approved: self.approved.clone(), authors: self.authors.clone(), ..draft })
    }

    fn make(&mut self, made: Move, seen: Seen) -> Result<(), Refusal> {
        if seen.revision.is_some_and(|revision| revision != self.revision) {
            return Err(Refusal::Changed { revision: self.revision });
        }
        self.state = self.state.after(made).ok_or(Refusal::State { state: self.state, made })?;
        self.revision += 1;
        Ok(())
    }

    /// Whether nobody else is editing it, or they know.
    fn own(&self, by: By<'_>, seen: Seen) -> Result<(), Refusal> {
        match self.lock(by.at) {
            Some(lock) if lock.by != by.actor && !seen.take_over => Err(Refusal::Locked(lock)),
            _ => Ok(()),
        }
    }

    fn is_checked(&self, checked: &Checked) -> Result<(), Refusal> {
        if checked.digest() == self.digest { Ok(()) } else { Err(Refusal::Unchecked) }
    }

    fn is_author(&self, actor: &str) -> bool {
        self.authors.iter().any(|author| author == actor)
    }
}

impl By<'_> {
    fn deed(self) -> Deed {
        Deed { at: self.at, by: self.actor.to_owned() }
    }
}

impl State {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Draft, "draft"),
        (Self::Approved, "approved"),
        (Self::Scheduled, "scheduled"),
        (Self::Published, "published"),
        (Self::Replaced, "replaced"),
        (Self::Discarded, "discarded"),
    ];

    /// As it is kept.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, word)| word)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// It is no state of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version is draft, approved, scheduled, published, replaced or discarded")]
pub struct NoState;

impl FromStr for State {
    type Err = NoState;
    fn from_str(text: &str) -> Result<Self, NoState> {
        Self::ALL.iter().find(|(_, word)| *word == text).map(|(state, _)| *state).ok_or(NoState)
    }
}

impl Move {
    fn done(self) -> &'static str {
        match self {
            Self::Edit => "edited; make a draft from it",
            Self::Approve => "approved",
            Self::Schedule | Self::Publish => "published",
            Self::Refuse => "refused",
            Self::Replace => "replaced",
            Self::Discard => "discarded",
            Self::RollBack => "rolled back to",
        }
    }
}
