//! Busy times of one person's calendar, single and recurring.
//!
//! A recurring event has no end, so a calendar keeps events as they are written and expands them where somebody
//! looks: time is cut into frames of 32 days, and the frame of a moment holds everything that is busy from its
//! beginning to the end of the search that may start in it. The last frame stays, since one decision follows another
//! at nearly the same time. What a frame holds depends on its number alone, so the answer for a
//! moment is the same whatever was asked before.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Serialize, Serializer};

use super::recurrence::Rule;
use super::{HORIZON, Interval};

/// Seconds of a frame.
const FRAME: i64 = 32 * 24 * 3600;

/// When somebody is busy. Titles, places and people are no part of it.
#[derive(Debug, Default)]
pub struct Calendar {
    events: Vec<Event>,
    last: RwLock<Option<Arc<Frame>>>,
}

/// An event that takes somebody's time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Its first start on the wall clock of `zone`; in a gap it is later by the gap, in a fold the first of the
    /// two (RFC 5545, section 3.3.5).
    pub first: DateTime,
    /// Where that clock hangs.
    #[serde(serialize_with = "zone_name")]
    pub zone: TimeZone,
    /// How long it lasts.
    pub length: Length,
    /// When it comes again.
    pub rule: Option<Rule>,
    /// Starts of the rule that do not take place, or not then.
    pub except: BTreeSet<DateTime>,
    /// Out of office, or blocked for whole days, rather than in a meeting.
    pub away: bool,
}

fn zone_name<S: Serializer>(zone: &TimeZone, serializer: S) -> Result<S::Ok, S::Error> {
    zone.iana_name().serialize(serializer)
}

/// A length: days of the wall clock, then seconds that pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Length {
    /// Days on the wall clock; 23 to 25 hours where clocks are changed.
    pub days: u32,
    /// Elapsed seconds.
    pub seconds: u32,
}

/// Busy times of a stretch, in order and apart from each other.
#[derive(Debug)]
pub(super) struct Frame {
    number: i64,
    busy: Vec<Interval>,
    away: Vec<Interval>,
}

impl Frame {
    /// When what is busy at `at` ends, out of office included, together with what follows without a break.
    pub(super) fn busy_until(&self, at: Timestamp) -> Option<Timestamp> {
        end(&self.busy, at)
    }

    /// The same of being out of office.
    pub(super) fn away_until(&self, at: Timestamp) -> Option<Timestamp> {
        end(&self.away, at)
    }

    /// What is busy in a stretch, out of office included.
    pub(super) fn busy_within(&self, stretch: Interval) -> Vec<Interval> {
        within(&self.busy, stretch)
    }

    /// The same of being out of office.
    pub(super) fn away_within(&self, stretch: Interval) -> Vec<Interval> {
        within(&self.away, stretch)
    }
}

impl Calendar {
    /// Of these events, in any order.
    pub fn new(events: Vec<Event>) -> Self {
        Self { events, last: RwLock::default() }
    }

    /// Its events.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// What is known from a moment on, up to [`HORIZON`] after it; `None` where there is no event at all.
    pub(super) fn frame(&self, at: Timestamp) -> Option<Arc<Frame>> {
        if self.events.is_empty() {
            return None;
        }
        let number = at.as_second().div_euclid(FRAME);
        // Whoever panicked while holding the lock left a whole frame.
        let last = self.last.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(frame) = last
            && frame.number == number
        {
            return Some(frame);
        }
        let frame = Arc::new(self.expand(number));
        *self.last.write().unwrap_or_else(PoisonError::into_inner) = Some(frame.clone());
        Some(frame)
    }

    fn expand(&self, number: i64) -> Frame {
        let edge = |second: i64| {
            Timestamp::from_second(second.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second()))
                .unwrap_or(Timestamp::MAX)
        };
        let from = edge(number.saturating_mul(FRAME));
        let to = edge(number.saturating_add(1).saturating_mul(FRAME)).checked_add(HORIZON);
        let stretch = Interval { from, to: to.unwrap_or(Timestamp::MAX) };
        let times = |away: bool| {
            let events = self.events.iter().filter(|event| event.away || !away);
            merged(events.flat_map(|event| event.times(stretch)).collect())
        };
        Frame { number, busy: times(false), away: times(true) }
    }
}

impl Event {
    /// When it takes place, as far as that touches a stretch.
    fn times(&self, stretch: Interval) -> Vec<Interval> {
        let Length { days, seconds } = self.length;
        let starts = match &self.rule {
            None => vec![self.first],
            Some(rule) => {
                // A day more on either side, for what zones and changed clocks may move.
                let reach = (i64::from(days) + 1).days().seconds(i64::from(seconds));
                let from = self.zone.to_datetime(stretch.from).saturating_sub(reach);
                let to = self.zone.to_datetime(stretch.to).saturating_add(1.day());
                rule.starts(self.first, from, to)
            }
        };
        starts
            .into_iter()
            .filter(|start| !self.except.contains(start))
            .filter_map(|start| self.time(start))
            .filter(|time| time.from < stretch.to && time.to > stretch.from)
            .collect()
    }

    fn time(&self, start: DateTime) -> Option<Interval> {
        let Length { days, seconds } = self.length;
        let from = self.zone.to_timestamp(start).ok()?;
        let to = self.zone.to_timestamp(start.saturating_add(i64::from(days).days())).ok()?;
        let to = to.checked_add(SignedDuration::from_secs(i64::from(seconds))).ok()?;
        (from < to).then_some(Interval { from, to })
    }
}

/// The same times in order, those that touch as one.
pub(super) fn merged(mut times: Vec<Interval>) -> Vec<Interval> {
    times.sort();
    let mut merged: Vec<Interval> = Vec::with_capacity(times.len());
    for time in times {
        match merged.last_mut() {
            Some(last) if time.from <= last.to => last.to = last.to.max(time.to),
            _ => merged.push(time),
        }
    }
    merged
}

fn within(times: &[Interval], stretch: Interval) -> Vec<Interval> {
    let first = times.partition_point(|time| time.to <= stretch.from);
    times.iter().skip(first).take_while(|time| time.from < stretch.to).copied().collect()
}

fn end(times: &[Interval], at: Timestamp) -> Option<Timestamp> {
    let next = times.partition_point(|time| time.to <= at);
    times.get(next).filter(|time| time.contains(at)).map(|time| time.to)
}
