//! Free times of reps, and meetings that are booked (P18, S4.3).
//!
//! In come when somebody works ([`Availability`]), what was booked with them already, a router's [`Terms`] and now;
//! out come the times that may be offered. Times are moments, and whoever shows them puts them on the visitor's
//! clock. Everything about an offered time is checked again when it is booked, since hours, calendars and other
//! visitors do not stand still meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::config::{Config, Router, Terms};
use crate::hours::{Availability, Interval, without};
use crate::lead::{LeadId, RepId, TeamId};

/// A contact meets a rep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meeting {
    /// Whose contact.
    pub lead: LeadId,
    /// Whom they meet.
    pub rep: RepId,
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub to: Timestamp,
}

/// A time that may be booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time {
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub to: Timestamp,
    /// Who is free then, whoever has fewest meetings to come first.
    pub reps: Vec<RepId>,
}

/// Times that are offered to somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offered {
    /// In their order.
    pub times: Vec<Time>,
    /// Whether they are those of the fallback.
    pub fallback: bool,
}

/// Meetings by rep, as far as they are still to come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Booked(BTreeMap<RepId, Vec<Meeting>>);

impl Booked {
    /// A rep's, in the order in which they were booked.
    pub fn of(&self, rep: &RepId) -> &[Meeting] {
        self.0.get(rep).map_or(&[], Vec::as_slice)
    }

    /// Who is in one at a moment, and until when.
    pub fn at(&self, moment: Timestamp) -> BTreeMap<RepId, Timestamp> {
        let now = |meeting: &&Meeting| meeting.from <= moment && moment < meeting.to;
        let all = self.0.values().flatten().filter(now);
        all.map(|meeting| (meeting.rep.clone(), meeting.to)).collect()
    }

    /// All of a rep's, as they were told.
    pub fn set(&mut self, rep: RepId, meetings: Vec<Meeting>) {
        match meetings.is_empty() {
            true => drop(self.0.remove(&rep)),
            false => drop(self.0.insert(rep, meetings)),
        }
    }

    /// Adds one, and forgets those of the rep that are over.
    pub fn add(&mut self, meeting: Meeting, now: Timestamp) {
        let meetings = self.0.entry(meeting.rep.clone()).or_default();
        meetings.retain(|known| known.to > now);
        meetings.push(meeting);
    }

    /// Takes a meeting out.
    pub fn remove(&mut self, meeting: &Meeting) {
        let left = self.of(&meeting.rep).iter().filter(|known| *known != meeting).cloned().collect();
        self.set(meeting.rep.clone(), left);
    }
}

/// The reps of a tenant, and what is known of their time.
#[derive(Debug, Clone, Copy)]
pub struct Diary<'a> {
    /// Hours, leave and calendars.
    pub config: &'a Config,
    /// Reps who reported themselves away.
    pub absent: &'a BTreeSet<RepId>,
    /// What was booked.
    pub booked: &'a Booked,
    /// Whose meeting takes no time, since another would come in its place.
    pub moving: Option<&'a LeadId>,
    /// Now.
    pub now: Timestamp,
}

impl Diary<'_> {
    /// Times of the first of these who has any: whoever has the lead, the router's team where nobody does, the
    /// router's fallback.
    pub fn offered(&self, router: &Router, has_it: Option<&RepId>) -> Offered {
        let times = match has_it {
            Some(rep) => self.times(std::slice::from_ref(rep), &router.terms),
            None => self.times(&self.team(router.team.as_ref()), &router.terms),
        };
        if !times.is_empty() {
            return Offered { times, fallback: false };
        }
        let times = self.times(&self.team(router.fallback.as_ref()), &router.terms);
        Offered { fallback: !times.is_empty(), times }
    }

    /// Who of a team is free at a time, whoever has fewest meetings to come first.
    pub fn free_at(&self, team: Option<&TeamId>, terms: &Terms, from: Timestamp) -> Vec<RepId> {
        let mut free = self.team(team);
        free.retain(|rep| self.is_free(rep, terms, from));
        self.in_order(&mut free);
        free
    }

    /// Whether a rep may be booked at a time.
    pub fn is_free(&self, rep: &RepId, terms: &Terms, from: Timestamp) -> bool {
        self.of(rep, terms).binary_search(&from).is_ok()
    }

    /// A rep's meeting that shares time with this one, though each is exclusive.
    pub fn clash(&self, meeting: &Meeting) -> Option<&Meeting> {
        let mut booked = self.booked.of(&meeting.rep).iter();
        booked.find(|known| {
            Some(&known.lead) != self.moving && known.from < meeting.to && meeting.from < known.to
        })
    }

    /// Times at which anybody of these is free.
    fn times(&self, reps: &[RepId], terms: &Terms) -> Vec<Time> {
        let mut free: BTreeMap<Timestamp, Vec<RepId>> = BTreeMap::new();
        for rep in reps {
            for from in self.of(rep, terms) {
                free.entry(from).or_default().push(rep.clone());
            }
        }
        let time = |(from, mut reps): (Timestamp, Vec<RepId>)| {
            self.in_order(&mut reps);
            Time { from, to: from + terms.length(), reps }
        };
        free.into_iter().map(time).collect()
    }

    /// A rep's free times; none of somebody who takes no new leads.
    fn of(&self, rep: &RepId, terms: &Terms) -> Vec<Timestamp> {
        let place = self.config.reps.place(rep);
        let takes = |place: &usize| self.config.reps[*place].available && !self.absent.contains(rep);
        let Some(who) = place.filter(takes).and_then(|place| self.config.hours.of(place)) else {
            return Vec::new();
        };
        let booked = self.booked.of(rep).iter().filter(|meeting| Some(&meeting.lead) != self.moving);
        let booked: Vec<Interval> =
            booked.map(|meeting| Interval { from: meeting.from, to: meeting.to }).collect();
        times(who, &booked, terms, self.now)
    }

    fn team(&self, team: Option<&TeamId>) -> Vec<RepId> {
        let reps = self.config.reps.iter().filter(|rep| Some(&rep.team) == team);
        reps.map(|rep| rep.id.clone()).collect()
    }

    fn in_order(&self, reps: &mut [RepId]) {
        // Reps with as many stay in the order of the folder.
        reps.sort_by_key(|rep| self.booked.of(rep).iter().filter(|meeting| meeting.to > self.now).count());
    }
}

/// When a meeting with somebody may begin, in order. It lies in one stretch of their working time; neither it nor its
/// buffers share time with anything in their calendar, or booked with them.
pub fn times(who: &Availability, booked: &[Interval], terms: &Terms, now: Timestamp) -> Vec<Timestamp> {
    let minutes = |minutes: u32| SignedDuration::from_mins(minutes.into());
    let (before, after) = (minutes(terms.buffer_before), minutes(terms.buffer_after));
    let first = now + minutes(terms.notice_hours * 60);
    let last = now + minutes(terms.horizon_days * 24 * 60);
    let around = Interval { from: first - before, to: last + terms.length() + after };
    // A meeting begins its buffer after something ends, and ends its buffer before something begins.
    let widened = |busy: &Interval| Interval { from: busy.from - after, to: busy.to + before };
    let taken = who.busy(around).iter().chain(booked).map(widened).collect();
    let zone = who.schedule().zone();
    let mut times = Vec::new();
    for open in without(who.work(around), taken) {
        let mut from = on_grid(open.from.max(first), zone, terms.grid);
        while from + terms.length() <= open.to && from <= last {
            times.push(from);
            from = on_grid(from + minutes(terms.grid), zone, terms.grid);
        }
    }
    times
}

/// The first moment from `at` on whose minutes of the day, on the zone's clock, are a multiple of the grid.
fn on_grid(at: Timestamp, zone: &TimeZone, grid: u32) -> Timestamp {
    let grid = i64::from(grid) * 60;
    let whole = |at: Timestamp| if at.subsec_nanosecond() > 0 { at.as_second() + 1 } else { at.as_second() };
    let mut found = at;
    // Where the clock is changed on the way, the way goes on by the new one.
    for _ in 0..3 {
        let second = whole(found);
        let Ok(exact) = Timestamp::from_second(second) else { return at };
        let into_day = second + i64::from(zone.to_offset(exact).seconds());
        let left = (-into_day.rem_euclid(86_400)).rem_euclid(grid);
        found = exact + SignedDuration::from_secs(left);
        if left == 0 {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests;
