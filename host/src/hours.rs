//! When somebody takes leads and when they do not: working hours, shifts, holidays, leave, calendars.
//!
//! In come checked values ([`Schedule`], [`Leave`], [`Calendar`]) and a moment; out comes a [`State`] with its
//! reason and its end, the next moment of work ([`Availability::free_from`]), and deadlines in working
//! time ([`Schedule::deadline`]). There is no clock here: the moment is always an argument, and the same moment gives
//! the same answer.
//!
//! # Local time
//!
//! Hours are of the wall clock of the schedule's zone. Where clocks are put forward, an edge inside the gap
//! is the gap's end, so nobody begins at a time that does not exist. Where they are put back, an edge that comes twice
//! is the first of the two, so a block that spans both passes covers both. A day of work is therefore as
//! long as its blocks, and on the day of a change longer or shorter by what was changed inside them.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

mod calendar;
mod recurrence;
mod schedule;

pub use calendar::{Calendar, Event, Length};
use calendar::{Frame, merged};
pub use recurrence::{NoRule, Rule};
pub use schedule::{Block, Clash, Feast, Holidays, Pattern, Schedule};

/// How far ahead somebody's next moment of work is looked for.
pub const HORIZON: SignedDuration = SignedDuration::from_hours(60 * 24);

/// A stretch of time: `from` is in it, `to` is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
}

impl Interval {
    /// Whether the moment is in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }
}

/// What is left of times when others are taken out: in order and apart from each other.
pub fn without(times: Vec<Interval>, taken: Vec<Interval>) -> Vec<Interval> {
    let taken = merged(taken);
    let mut left = Vec::new();
    for Interval { mut from, to } in merged(times) {
        let next = taken.partition_point(|taken| taken.to <= from);
        for taken in taken.iter().skip(next).take_while(|taken| taken.from < to) {
            if from < taken.from {
                left.push(Interval { from, to: taken.from });
            }
            from = taken.to;
        }
        if from < to {
            left.push(Interval { from, to });
        }
    }
    left
}

/// Days away from work, told beforehand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leave {
    /// Its first day.
    pub from: Date,
    /// Its last day.
    pub to: Date,
    /// What for.
    pub kind: LeaveKind,
    /// On so many calendar days before `from` no new leads come: who leaves tomorrow cannot follow up.
    pub buffer_days: u16,
}

/// What somebody is away for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeaveKind {
    /// Vacation.
    Vacation,
    /// Illness.
    Sick,
    /// Work that is not to be disturbed by new leads.
    Focus,
    /// The calendar says out of office, or is blocked for whole days.
    OutOfOffice,
}

/// What somebody is doing at a moment. [`State::is_absent`] tells who takes no new leads at all from who is merely
/// not at work now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// At work, and nothing in the way.
    Working,
    /// At work, in a meeting or the like.
    Busy {
        /// When the calendar is free again.
        until: Timestamp,
    },
    /// Outside working hours.
    OffHours {
        /// The next moment of work, where one is within [`HORIZON`].
        back: Option<Timestamp>,
    },
    /// A holiday of their schedule.
    Holiday {
        /// Its name.
        name: String,
        /// The next moment of work, where one is within [`HORIZON`].
        back: Option<Timestamp>,
    },
    /// Away.
    Leave {
        /// What for.
        kind: LeaveKind,
        /// When the leave ends, together with those that follow without a break.
        until: Timestamp,
    },
    /// In the buffer before a leave.
    BeforeLeave {
        /// When the leave begins.
        leave_from: Timestamp,
        /// When it ends.
        until: Timestamp,
    },
}

impl State {
    /// Whether no new lead may come, however long it could wait.
    pub fn is_absent(&self) -> bool {
        matches!(self, State::Leave { .. } | State::BeforeLeave { .. } | State::Holiday { .. })
    }

    /// When it ends, as far as is known.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            State::Working => None,
            State::Busy { until } | State::Leave { until, .. } | State::BeforeLeave { until, .. } => {
                Some(*until)
            }
            State::OffHours { back } | State::Holiday { back, .. } => *back,
        }
    }
}

/// Everything that says when one person works.
#[derive(Debug)]
pub struct Availability {
    schedule: Arc<Schedule>,
    leave: Vec<Leave>,
    calendar: Calendar,
    /// Of each leave, by its first moment.
    absences: Vec<Absence>,
}

/// A leave in moments.
#[derive(Debug)]
struct Absence {
    kind: LeaveKind,
    buffer_from: Timestamp,
    time: Interval,
}

impl Availability {
    /// Of one person. Days of leave are those of the schedule's zone.
    pub fn new(schedule: Arc<Schedule>, mut leave: Vec<Leave>, calendar: Calendar) -> Self {
        leave.sort_by_key(|leave| (leave.from, leave.to));
        let midnight = |date: Date| schedule.midnight(date);
        let absences = leave
            .iter()
            .map(|leave| Absence {
                kind: leave.kind,
                buffer_from: midnight(leave.from.saturating_sub(jiff::Span::new().days(leave.buffer_days))),
                time: Interval {
                    from: midnight(leave.from),
                    to: midnight(leave.to.saturating_add(jiff::Span::new().days(1))),
                },
            })
            .collect();
        Self { schedule, leave, calendar, absences }
    }

    /// Their hours.
    pub fn schedule(&self) -> &Arc<Schedule> {
        &self.schedule
    }

    /// Their leave, by its first day.
    pub fn leave(&self) -> &[Leave] {
        &self.leave
    }

    /// Their calendar.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// What they are doing at a moment. Of several reasons the strongest counts: leave, the buffer before
    /// it, a holiday, being off, being busy.
    pub fn state(&self, at: Timestamp) -> State {
        let calendar = self.calendar.frame(at);
        if let Some(away) = self.away(calendar.as_deref(), at) {
            return away;
        }
        let back = || self.search(calendar.as_deref(), at);
        if let Some(name) = self.schedule.holiday(at) {
            return State::Holiday { name: name.to_owned(), back: back() };
        }
        if !self.schedule.is_open(at) {
            return State::OffHours { back: back() };
        }
        match calendar.as_deref().and_then(|calendar| calendar.busy_until(at)) {
            Some(until) => State::Busy { until },
            None => State::Working,
        }
    }

    /// The first moment from `at` on at which they are working, where one is within [`HORIZON`].
    pub fn free_from(&self, at: Timestamp) -> Option<Timestamp> {
        self.search(self.calendar.frame(at).as_deref(), at)
    }

    /// Whether they are working at some moment within so many hours.
    pub fn within(&self, at: Timestamp, hours: u32) -> bool {
        let end = at.checked_add(SignedDuration::from_hours(i64::from(hours))).unwrap_or(Timestamp::MAX);
        self.free_from(at).is_some_and(|free| free <= end)
    }

    /// When they are at work in a stretch: their hours, less holidays, leave with the buffer before it, and being out
    /// of office; in order and apart from each other. The calendar is known for [`HORIZON`] from the beginning on.
    pub fn work(&self, stretch: Interval) -> Vec<Interval> {
        let leave = self.absences.iter().map(|leave| Interval { from: leave.buffer_from, to: leave.time.to });
        let out = self.calendar.frame(stretch.from);
        let out = out.iter().flat_map(|frame| frame.away_within(stretch));
        without(self.schedule.open(stretch), leave.chain(out).collect())
    }

    /// When their calendar says that they are busy in a stretch, as far as that is known ([`Self::work`]).
    pub fn busy(&self, stretch: Interval) -> Vec<Interval> {
        self.calendar.frame(stretch.from).iter().flat_map(|frame| frame.busy_within(stretch)).collect()
    }

    fn search(&self, calendar: Option<&Frame>, at: Timestamp) -> Option<Timestamp> {
        let end = at.checked_add(HORIZON).unwrap_or(Timestamp::MAX);
        let mut free = at;
        // Every turn goes past something that has an end, so this ends too.
        while free <= end {
            if let Some(until) = self.away(calendar, free).and_then(|away| away.until()) {
                free = until;
                continue;
            }
            let open = self.schedule.next(free, end)?;
            if open.from > free {
                free = open.from;
                continue;
            }
            match calendar.and_then(|calendar| calendar.busy_until(free)) {
                Some(until) => free = until,
                None => return Some(free),
            }
        }
        None
    }

    /// Leave, or the buffer before it.
    fn away(&self, calendar: Option<&Frame>, at: Timestamp) -> Option<State> {
        let leave = |kind, to| State::Leave { kind, until: self.end_of_leave(to) };
        if let Some(Absence { kind, time, .. }) = self.absences.iter().find(|leave| leave.time.contains(at)) {
            return Some(leave(*kind, time.to));
        }
        if let Some(to) = calendar.and_then(|calendar| calendar.away_until(at)) {
            return Some(leave(LeaveKind::OutOfOffice, to));
        }
        let before = |leave: &&Absence| leave.buffer_from <= at && at < leave.time.from;
        self.absences.iter().find(before).map(|leave| State::BeforeLeave {
            leave_from: leave.time.from,
            until: self.end_of_leave(leave.time.to),
        })
    }

    /// Sick leave that follows a vacation is one absence.
    fn end_of_leave(&self, mut until: Timestamp) -> Timestamp {
        for Absence { time, .. } in &self.absences {
            if time.from <= until && time.to > until {
                until = time.to;
            }
        }
        until
    }
}

#[cfg(test)]
mod tests;
