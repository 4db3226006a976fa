//! Working hours in a zone: blocks of a repeating pattern of days, less holidays.
//!
//! A week is a pattern of seven days, shifts are a pattern of any length, and round the clock is a pattern of
//! one day, so there is one kind of schedule and one way through it.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Serialize, Serializer};
use thiserror::Error;

use super::Interval;

/// Minutes of a day of the wall clock.
const DAY: u16 = 24 * 60;

/// No deadline is further away than this: ten years.
pub(super) const FARTHEST: SignedDuration = SignedDuration::from_hours(24 * 3653);

/// Work without a break, on the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Block {
    /// Minutes after the midnight that its day begins with, below 1440.
    start: u16,
    /// The same; above `start`, at most a day later. Above 1440 it runs over midnight.
    end: u16,
}

impl Block {
    /// From a time to a time, which is the next day's where it is not after the first; 1440 minutes are the day's end.
    /// `None` for nothing at all and for times that are none.
    pub fn new(start: u16, end: u16) -> Option<Self> {
        match start < DAY && end <= DAY && start != end {
            true => Some(Self { start, end: if end > start { end } else { end + DAY } }),
            false => None,
        }
    }

    /// The whole day.
    pub const DAY: Self = Self { start: 0, end: DAY };
}

/// Days that repeat: `days[0]` is the work of `from`, and the pattern goes on after and before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pattern {
    from: Date,
    days: Vec<Vec<Block>>,
}

/// Why days make no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Clash {
    /// There is no block at all.
    #[error("nobody would ever work")]
    NeverOpen,
    /// Two blocks share time.
    #[error("two blocks share time")]
    Overlap {
        /// The number of the day, from 0, on which the later of the two begins.
        day: usize,
        /// That of the earlier one.
        with: usize,
    },
}

impl Pattern {
    /// A week, from Monday.
    pub fn week(days: [Vec<Block>; 7]) -> Result<Self, Clash> {
        // A Monday like any other.
        Self::shifts(jiff::civil::date(2001, 1, 1), days.to_vec())
    }

    /// Any number of days, the first of which is `from`.
    pub fn shifts(from: Date, mut days: Vec<Vec<Block>>) -> Result<Self, Clash> {
        days.iter_mut().for_each(|blocks| blocks.sort());
        let start = |day: usize, block: &Block| day * usize::from(DAY) + usize::from(block.start);
        let all: Vec<(usize, usize, usize)> = days
            .iter()
            .enumerate()
            .flat_map(|(day, blocks)| blocks.iter().map(move |block| (day, block)))
            .map(|(day, block)| {
                let start = start(day, block);
                (day, start, start + usize::from(block.end - block.start))
            })
            .collect();
        let Some(&(first_day, first, _)) = all.first() else { return Err(Clash::NeverOpen) };
        // After the last day comes the first again.
        let again = (first_day, first + days.len() * usize::from(DAY), 0);
        for (&(with, _, end), &(day, start, _)) in all.iter().zip(all.iter().skip(1).chain([&again])) {
            if start < end {
                return Err(Clash::Overlap { day, with });
            }
        }
        Ok(Self { from, days })
    }

    /// Round the clock, every day.
    pub fn always() -> Self {
        Self { from: jiff::civil::date(2001, 1, 1), days: vec![vec![Block::DAY]] }
    }

    fn on(&self, date: Date) -> &[Block] {
        let days = i64::from((date - self.from).get_days());
        let length = self.days.len() as i64;
        // Within the list, since a remainder is.
        &self.days[days.rem_euclid(length) as usize]
    }
}

/// A holiday's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feast {
    /// This one date.
    On(Date),
    /// Every year; 29 February comes in leap years only.
    Yearly {
        /// 1 to 12.
        month: i8,
        /// 1 to 31.
        day: i8,
    },
}

/// Days of rest and their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holidays(BTreeMap<Feast, String>);

impl Holidays {
    /// Adds a day; of two names the first stays.
    pub fn add(&mut self, day: Feast, name: String) {
        self.0.entry(day).or_insert(name);
    }

    /// Adds all days of another region.
    pub fn extend(&mut self, other: &Holidays) {
        for (day, name) in &other.0 {
            self.add(*day, name.clone());
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn name(&self, date: Date) -> Option<&str> {
        if self.0.is_empty() {
            return None;
        }
        let yearly = Feast::Yearly { month: date.month(), day: date.day() };
        self.0.get(&Feast::On(date)).or_else(|| self.0.get(&yearly)).map(String::as_str)
    }
}

impl Serialize for Holidays {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

/// Hours that people keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Schedule {
    #[serde(serialize_with = "zone_name")]
    zone: TimeZone,
    pattern: Pattern,
    holidays: Holidays,
}

fn zone_name<S: Serializer>(zone: &TimeZone, serializer: S) -> Result<S::Ok, S::Error> {
    zone.iana_name().serialize(serializer)
}

impl Schedule {
    /// Hours in a zone. A holiday is a whole day of that zone: no block begins on it, and one that runs into it ends
    /// at its midnight.
    pub fn new(zone: TimeZone, pattern: Pattern, holidays: Holidays) -> Self {
        Self { zone, pattern, holidays }
    }

    /// Round the clock without holidays: who has no schedule.
    pub fn always(zone: TimeZone) -> Self {
        Self::new(zone, Pattern::always(), Holidays::default())
    }

    /// Where its wall clock hangs.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The holiday that a moment falls on.
    pub fn holiday(&self, at: Timestamp) -> Option<&str> {
        if self.holidays.is_empty() { None } else { self.holidays.name(self.date(at)) }
    }

    /// Whether it is working time.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.next(at, at).is_some_and(|open| open.contains(at))
    }

    /// The working time that holds `at`, or else the next after it that begins by `until`. Time that goes on without
    /// a break may come in several pieces.
    pub fn next(&self, at: Timestamp, until: Timestamp) -> Option<Interval> {
        self.from(at).take_while(|open| open.from <= until).next()
    }

    /// The working time of a stretch, cut at its ends.
    pub(super) fn open(&self, stretch: Interval) -> Vec<Interval> {
        self.from(stretch.from)
            .take_while(|open| open.from < stretch.to)
            .map(|open| Interval { from: open.from.max(stretch.from), to: open.to.min(stretch.to) })
            .collect()
    }

    /// The moment when so many minutes of working time have passed since `at`, counted from the next opening where
    /// it is closed; minutes are elapsed ones, whatever clocks do. At most ten years after `at`.
    pub fn deadline(&self, at: Timestamp, minutes: u32) -> Timestamp {
        let farthest = at.checked_add(FARTHEST).unwrap_or(Timestamp::MAX);
        let mut left = SignedDuration::from_mins(i64::from(minutes));
        for open in self.from(at).take_while(|open| open.from <= farthest) {
            let from = open.from.max(at);
            let length = from.duration_until(open.to);
            if left <= length {
                return from.checked_add(left).unwrap_or(farthest).min(farthest);
            }
            left -= length;
        }
        farthest
    }

    /// How much of somebody's ordinary day, 09:00 to 17:00 in their zone on their date of `at`, is working
    /// time here: 0 to 1.
    pub fn overlap(&self, theirs: &TimeZone, at: Timestamp) -> f32 {
        let date = theirs.to_datetime(at).date();
        let edge = |hour| instant(theirs, date.to_datetime(Time::constant(hour, 0, 0, 0)));
        let day = Interval { from: edge(9), to: edge(17) };
        let shared: SignedDuration = self
            .from(day.from)
            .take_while(|open| open.from < day.to)
            .map(|open| open.from.max(day.from).duration_until(open.to.min(day.to)))
            .sum();
        let whole = day.from.duration_until(day.to);
        if whole.is_zero() { 0.0 } else { (shared.as_secs_f64() / whole.as_secs_f64()) as f32 }
    }

    /// The first moment of a date.
    pub(super) fn midnight(&self, date: Date) -> Timestamp {
        instant(&self.zone, date.to_datetime(Time::midnight()))
    }

    fn date(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    /// Working time that ends after `at`, in order, without end but that of the calendar.
    fn from(&self, at: Timestamp) -> impl Iterator<Item = Interval> {
        let today = self.date(at);
        // A block is at most a day long, so yesterday's may last, and none before.
        let yesterday = today.yesterday().unwrap_or(today);
        std::iter::successors(Some(yesterday), |date| date.tomorrow().ok())
            .flat_map(move |date| {
                let first = if date < today { Some(DAY) } else { None };
                self.on(date, first.unwrap_or(0))
            })
            .filter(move |open| open.to > at)
    }

    /// The working time that begins on a date, of blocks that end after so many minutes of it.
    fn on(&self, date: Date, minutes: u16) -> impl Iterator<Item = Interval> {
        let blocks = match self.holidays.name(date) {
            Some(_) => &[],
            None => self.pattern.on(date),
        };
        blocks
            .iter()
            .filter(move |block| block.end > minutes)
            .map(move |block| self.interval(date, *block))
            .filter(|open| open.from < open.to)
    }

    fn interval(&self, date: Date, block: Block) -> Interval {
        let midnight = date.to_datetime(Time::midnight());
        let edge = |minutes: u16| instant(&self.zone, midnight.saturating_add(i32::from(minutes).minutes()));
        let ends_next_day =
            block.end > DAY && date.tomorrow().is_ok_and(|next| self.holidays.name(next).is_some());
        Interval { from: edge(block.start), to: edge(if ends_next_day { DAY } else { block.end }) }
    }
}

/// The moment of a local time: in a gap the gap's end, in a fold the first of the two.
fn instant(zone: &TimeZone, local: DateTime) -> Timestamp {
    let found = zone.to_ambiguous_timestamp(local);
    let moment = match found.offset() {
        AmbiguousOffset::Gap { .. } => found
            .earlier()
            .map(|before| zone.following(before).next().map_or(before, |change| change.timestamp())),
        _ => found.compatible(),
    };
    // Only at the calendar's ends, which lie beyond any lead.
    moment.unwrap_or(Timestamp::MAX)
}

/// The same told in another way, for tests of laws.
#[cfg(test)]
impl Schedule {
    /// The length of each block that begins on a date, as found and as written.
    pub(super) fn lengths(&self, date: Date) -> Vec<(SignedDuration, SignedDuration)> {
        let holiday = |date: Date| self.holidays.name(date).is_some();
        if holiday(date) {
            return Vec::new();
        }
        let cut = holiday(date.tomorrow().unwrap());
        let blocks = self.pattern.on(date).iter();
        blocks
            .map(|block| {
                let found = self.interval(date, *block);
                let end = if cut { block.end.min(DAY) } else { block.end };
                (found.from.duration_until(found.to), SignedDuration::from_mins(i64::from(end - block.start)))
            })
            .collect()
    }

    /// Whether a clock that is never changed is within a block.
    pub(super) fn says_open(&self, local: DateTime) -> bool {
        let minute = local.hour() as u16 * 60 + local.minute() as u16;
        let within = |date: Date, minute: u16| {
            self.holidays.name(date).is_none()
                && self.pattern.on(date).iter().any(|block| (block.start..block.end).contains(&minute))
        };
        let date = local.date();
        self.holidays.name(date).is_none()
            && (within(date, minute) || within(date.yesterday().unwrap(), minute + DAY))
    }
}
