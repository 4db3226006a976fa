//! Who is there: absent for days, at work, free at this moment.
//!
//! Nobody absent gets a lead, whatever the way it goes. After hours somebody still does, unless a rule asks
//! for people who are at work within so many hours (P11).

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::config::Config;
use crate::decision::Excluded;
use crate::hours::State;
use crate::lead::{Rep, RepId};

/// The moment that is asked about, and what is known of people's time since the folder was written.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// Now.
    pub at: Timestamp,
    /// Reported away, and not yet back.
    pub absent: &'a [RepId],
    /// In a meeting that was booked with them, and until when.
    pub in_meeting: &'a BTreeMap<RepId, Timestamp>,
}

/// Why the rep at this place takes no new leads at all, where they are absent.
pub fn absent(config: &Config, place: usize, moment: Moment<'_>) -> Option<Excluded> {
    let rep = config.reps.get(place)?;
    if !rep.available || moment.absent.contains(&rep.id) {
        return Some(Excluded::Unavailable);
    }
    match config.hours.of(place)?.state(moment.at) {
        State::Leave { until, .. } => Some(Excluded::Leave { until }),
        State::BeforeLeave { until, .. } => Some(Excluded::BeforeLeave { until }),
        State::Holiday { name, .. } => Some(Excluded::Holiday { name }),
        State::Working | State::Busy { .. } | State::OffHours { .. } => None,
    }
}

/// Why the rep is not soon enough at work, where leads ask for somebody within so many hours (P11).
pub fn not_soon(config: &Config, place: usize, at: Timestamp, hours: Option<u32>) -> Option<Excluded> {
    let (availability, hours) = config.hours.of(place).zip(hours)?;
    (!availability.within(at, hours)).then(|| Excluded::NotSoon { back: availability.free_from(at) })
}

/// Whether the rep is at work now and not in a meeting.
pub fn free_now(config: &Config, place: usize, moment: Moment<'_>) -> bool {
    let is_there = |rep: &Rep| rep.available && rep.free_now && !moment.absent.contains(&rep.id);
    let in_meeting = |rep: &Rep| moment.in_meeting.contains_key(&rep.id);
    config.reps.get(place).is_some_and(|rep| is_there(rep) && !in_meeting(rep))
        && config.hours.of(place).is_none_or(|known| known.state(moment.at) == State::Working)
}

/// When the rep is free, where they are not at this moment and it is known.
pub fn free_from(config: &Config, place: usize, moment: Moment<'_>) -> Option<Timestamp> {
    let availability = config.hours.of(place)?;
    let met = moment.in_meeting.get(&config.reps.get(place)?.id);
    let at = met.map_or(moment.at, |until| *until.max(&moment.at));
    availability.free_from(at).filter(|from| *from > moment.at)
}
