//! Events that come again: an RFC 5545 rule, expanded for a stretch of local time.
//!
//! The rule is expanded by `calcard` on the event's wall clock, without a zone; the caller turns local times into
//! moments. Without a `COUNT`, a daily or weekly rule is entered near the stretch that is asked for, so an old meeting costs
//! no more than a new one.

use calcard::common::PartialDateTime;
use calcard::common::timezone::Tz;
use calcard::icalendar::dates::{CalendarError, CalendarErrorType};
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarEntry, ICalendarFrequency,
    ICalendarProperty, ICalendarRecurrenceRule, ICalendarValue,
};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Serialize, Serializer};
use thiserror::Error;

/// More starts than this are not looked at in one expansion: 27 years of every day.
const MOST: usize = 10_000;

/// When an event comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Without `until`.
    rule: ICalendarRecurrenceRule,
    /// The last start there may be, on the event's wall clock.
    until: Option<DateTime>,
}

/// Why a rule cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoRule {
    /// More often than daily.
    #[error("comes more often than every day")]
    TooOften,
    /// Against the standard.
    #[error("is none of RFC 5545: {0}")]
    Invalid(String),
}

impl Rule {
    /// A rule of an event that first starts at a local time of a zone.
    pub fn new(mut rule: ICalendarRecurrenceRule, first: DateTime, zone: &TimeZone) -> Result<Self, NoRule> {
        if rule.freq > ICalendarFrequency::Daily {
            return Err(NoRule::TooOften);
        }
        if rule.interval == Some(0) || rule.count == Some(0) {
            return Err(NoRule::Invalid("`INTERVAL` and `COUNT` are at least 1".to_owned()));
        }
        let until = match rule.until.take() {
            Some(until) => match last_start(&until, zone) {
                Some(until) => Some(until),
                None => return Err(NoRule::Invalid("`UNTIL` is no date".to_owned())),
            },
            None => None,
        };
        let checked = Self { rule, until };
        match until.is_some_and(|until| until < first) {
            true => Ok(checked),
            false => checked.expand(first, first).map(|_| checked),
        }
    }

    /// Local starts within a stretch of local time, both ends included, in order.
    pub(super) fn starts(&self, first: DateTime, from: DateTime, to: DateTime) -> Vec<DateTime> {
        let to = self.until.map_or(to, |until| until.min(to));
        let first = self.skip(first, from);
        if to < first {
            return Vec::new();
        }
        // A checked rule expands.
        let mut starts = self.expand(first, to).unwrap_or_default();
        starts.retain(|start| (from..=to).contains(start));
        starts.sort();
        starts
    }

    /// A later first start with the same starts from `from` on.
    fn skip(&self, first: DateTime, from: DateTime) -> DateTime {
        let period = i64::from(self.rule.interval.unwrap_or(1))
            * match self.rule.freq {
                ICalendarFrequency::Daily => 1,
                ICalendarFrequency::Weekly => 7,
                _ => return first,
            };
        if self.rule.count.is_some() {
            return first;
        }
        let days = i64::from((from.date() - first.date()).get_days());
        // One period less: a week may hold starts before the weekday of the first.
        let periods = (days / period - 1).max(0);
        first.checked_add((periods * period).days()).unwrap_or(first)
    }

    fn expand(&self, first: DateTime, to: DateTime) -> Result<Vec<DateTime>, NoRule> {
        let rule = ICalendarRecurrenceRule { until: Some(partial(to)), ..self.rule.clone() };
        let entry = |name, value| ICalendarEntry::new(name).with_value(value);
        let mut event = ICalendarComponent::new(ICalendarComponentType::VEvent);
        event.entries.push(entry(
            ICalendarProperty::Dtstart,
            ICalendarValue::PartialDateTime(Box::new(partial(first))),
        ));
        event.entries.push(entry(ICalendarProperty::Rrule, ICalendarValue::RecurrenceRule(Box::new(rule))));
        let expanded = ICalendar { components: vec![event] }.expand_dates(Tz::Floating, MOST);
        if let Some(CalendarError { error, .. }) = expanded.errors.first() {
            let error = match error {
                CalendarErrorType::RRule(error) => error.to_string(),
                other => other.to_string(),
            };
            return Err(NoRule::Invalid(error.to_lowercase()));
        }
        // A floating time counts its seconds as if it were in UTC.
        let local = |seconds| Some(TimeZone::UTC.to_datetime(Timestamp::from_second(seconds).ok()?));
        Ok(expanded.events.iter().filter_map(|event| local(event.start.timestamp())).collect())
    }
}

/// The rule in the standard's words, for digests.
impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.rule.to_string(), self.until).serialize(serializer)
    }
}

/// `UNTIL` as a local time: a moment in UTC is one of the event's zone, a date is the whole day.
fn last_start(until: &PartialDateTime, zone: &TimeZone) -> Option<DateTime> {
    let date = jiff::civil::Date::new(
        i16::try_from(until.year?).ok()?,
        i8::try_from(until.month?).ok()?,
        i8::try_from(until.day?).ok()?,
    )
    .ok()?;
    let Some(hour) = until.hour else { return Some(date.at(23, 59, 59, 0)) };
    let part = |value: Option<u8>| i8::try_from(value.unwrap_or(0)).ok();
    let time =
        jiff::civil::Time::new(i8::try_from(hour).ok()?, part(until.minute)?, part(until.second)?.min(59), 0)
            .ok()?;
    let written = date.to_datetime(time);
    match until.has_zone() {
        true => Some(zone.to_datetime(TimeZone::UTC.to_timestamp(written).ok()?)),
        false => Some(written),
    }
}

fn partial(local: DateTime) -> PartialDateTime {
    PartialDateTime {
        year: u16::try_from(local.year()).ok(),
        month: u8::try_from(local.month()).ok(),
        day: u8::try_from(local.day()).ok(),
        hour: u8::try_from(local.hour()).ok(),
        minute: u8::try_from(local.minute()).ok(),
        second: u8::try_from(local.second()).ok(),
        ..PartialDateTime::default()
    }
}
