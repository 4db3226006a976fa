//! Busy times from calendars: `calendars/REP.ics`, iCalendar (RFC 5545), one file a rep.
//!
//! Busy is what takes time: no event that is transparent, cancelled, free or elsewhere at work. Out of office, and
//! whole days that are busy, count as being away. Titles, places and people are not kept. The library reads
//! the file; here its events become [`Event`]s, of which [`crate::hours`] knows when they take place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use calcard::common::PartialDateTime;
use calcard::icalendar::timezone::TzResolver;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarDuration, ICalendarEntry,
    ICalendarFreeBusyType, ICalendarParameterName, ICalendarParameterValue, ICalendarPeriod,
    ICalendarProperty, ICalendarStatus, ICalendarTransparency, ICalendarValue,
};
use calcard::{Entry, Parser};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::names::Names;
use super::read::{File, Findings, read};
use super::values::{Wrong, timezone};
use super::{Folder, Place, Problem};
use crate::hours::{Event, Length, Rule};
use crate::zones::zone;

const FOLDER: &str = "calendars";
const EXPORT: &str = "export the calendar again, or leave this event out";

/// The events of everybody who has a calendar; times without a zone are of the rep's.
pub(super) fn calendars(
    folder: &dyn Folder,
    reps: &Names,
    zones: &BTreeMap<&str, &TimeZone>,
    findings: &Findings,
) -> BTreeMap<String, Vec<Event>> {
    let mut found = BTreeMap::new();
    let utc = TimeZone::UTC;
    let mut names = folder.names(Path::new(FOLDER));
    names.sort();
    // What begins with a dot belongs to the system.
    for name in names.iter().filter(|name| !name.starts_with('.')) {
        let file = format!("{FOLDER}/{name}");
        let whole = Place { file: file.clone(), line: 0 };
        let Some(rep) = name.strip_suffix(".ics") else {
            let problem = Problem::at(&whole, "nothing reads a file of this name");
            findings.add(problem.hint("a calendar is named for its rep: calendars/REP.ics"));
            continue;
        };
        if !reps.may_have(rep) {
            let problem =
                Problem::at(&whole, format!("this is the calendar of {rep:?}, and there is no such rep"));
            findings.add(problem.hint(reps.meant(rep)));
        }
        if let File::Text(text) = read(folder, &file, findings) {
            let own = zones.get(rep).copied().unwrap_or(&utc);
            found.insert(rep.to_owned(), events(&file, &text, own, findings));
        }
    }
    found
}

/// The events of one file.
fn events(file: &str, text: &str, own: &TimeZone, findings: &Findings) -> Vec<Event> {
    // The library counts components in the order in which they begin, and keeps no lines.
    let with =
        |line: &str, word: &str| line.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let mut lines = text.lines().zip(1..).filter(|(line, _)| with(line, "BEGIN:")).map(|(_, number)| number);
    let ended = text.lines().filter(|line| with(line, "END:")).count();
    // It also reads on where a file breaks off.
    let whole = lines.clone().count() <= ended;
    let mut parser = Parser::new(text);
    let mut found = Vec::new();
    let mut calendars = 0;
    loop {
        let (message, hint) = match parser.entry() {
            Entry::ICalendar(calendar) if whole => {
                calendars += 1;
                let lines: Vec<usize> = lines.by_ref().take(calendar.components.len()).collect();
                let reader = Reader::new(file, lines, own, &calendar, findings);
                found.extend(reader.events(&calendar));
                continue;
            }
            Entry::Eof if calendars > 0 => break,
            Entry::ICalendar(_) | Entry::UnterminatedComponent(_) => {
                ("the file ends in the middle of a calendar", "export the calendar again")
            }
            _ => ("this is no iCalendar file", "it begins with BEGIN:VCALENDAR and ends with END:VCALENDAR"),
        };
        findings.add(Problem::at(&Place { file: file.to_owned(), line: 0 }, message).hint(hint));
        break;
    }
    found
}

/// A local time and its zone.
struct Start {
    local: DateTime,
    zone: TimeZone,
    /// A date without a time.
    whole_day: bool,
}

/// One calendar that is read.
struct Reader<'a> {
    file: &'a str,
    /// Where each component begins.
    lines: Vec<usize>,
    own: &'a TimeZone,
    zones: TzResolver<&'a str>,
    findings: &'a Findings,
}

impl<'a> Reader<'a> {
    fn new(
        file: &'a str,
        lines: Vec<usize>,
        own: &'a TimeZone,
        calendar: &'a ICalendar,
        findings: &'a Findings,
    ) -> Self {
        Self { file, lines, own, zones: calendar.build_tz_resolver(), findings }
    }

    fn events(&self, calendar: &ICalendar) -> Vec<Event> {
        // A changed occurrence stands beside its series, and may stand before it.
        let mut changed: BTreeMap<&str, Vec<(usize, &ICalendarEntry)>> = BTreeMap::new();
        for (number, component) in calendar.components.iter().enumerate() {
            if let Some(entry) = component.property(&ICalendarProperty::RecurrenceId) {
                changed.entry(component.uid().unwrap_or_default()).or_default().push((number, entry));
            }
        }
        let mut found = Vec::new();
        for (number, component) in calendar.components.iter().enumerate() {
            match component.component_type {
                ICalendarComponentType::VEvent if takes_time(component) => {
                    let changed = changed.get(component.uid().unwrap_or_default());
                    let changed = changed.map_or(&[][..], Vec::as_slice);
                    found.extend(self.event(number, component, changed).unwrap_or_default());
                }
                ICalendarComponentType::VFreebusy => found.extend(self.busy_periods(number, component)),
                _ => {}
            }
        }
        found
    }

    /// One event and its further dates; `None` where it cannot be used, which is a finding.
    fn event(
        &self,
        number: usize,
        component: &ICalendarComponent,
        changed: &[(usize, &ICalendarEntry)],
    ) -> Option<Vec<Event>> {
        let single = |name: &ICalendarProperty| {
            let entry = component.property(name)?;
            Some((entry, entry.values.first()?))
        };
        let Some((entry, value)) = single(&ICalendarProperty::Dtstart) else {
            return self.problem(number, "the event has no `DTSTART`", EXPORT);
        };
        let start = self.start(number, entry, value)?;
        let length = match (single(&ICalendarProperty::Dtend), single(&ICalendarProperty::Duration)) {
            (Some((entry, value)), _) => {
                let end = self.start(number, entry, value)?;
                match length_between(&start, &end) {
                    Some(length) => length,
                    None => return self.problem(number, "the event ends before it starts", EXPORT),
                }
            }
            (None, Some((_, ICalendarValue::Duration(duration)))) => match length_of(duration) {
                Some(length) => length,
                None => return self.problem(number, "the event has a length below nothing", EXPORT),
            },
            (None, Some(_)) => return self.problem(number, "`DURATION` is no length of time", EXPORT),
            (None, None) if start.whole_day => Length { days: 1, seconds: 0 },
            // A moment takes no time.
            (None, None) => return None,
        };
        let mut except = BTreeSet::new();
        for entry in component.properties(&ICalendarProperty::Exdate) {
            for value in &entry.values {
                except.insert(self.occurrence(number, entry, value, &start)?);
            }
        }
        let is_change = component.property(&ICalendarProperty::RecurrenceId).is_some();
        if !is_change {
            for (number, entry) in changed {
                if entry.parameter(&ICalendarParameterName::Range).is_some() {
                    let message = "the change of all later occurrences (`RANGE`) is not read";
                    return self.problem(*number, message, EXPORT);
                }
                if let Some(value) = entry.values.first() {
                    except.insert(self.occurrence(*number, entry, value, &start)?);
                }
            }
        }
        let away = start.whole_day || says(component, "OOF");
        let event =
            |first, zone, length, rule| Event { first, zone, length, rule, except: except.clone(), away };
        let mut events = Vec::new();
        for entry in component.properties(&ICalendarProperty::Rrule).filter(|_| !is_change) {
            let Some(ICalendarValue::RecurrenceRule(rule)) = entry.values.first() else {
                return self.problem(number, "`RRULE` is none of RFC 5545", EXPORT);
            };
            match Rule::new((**rule).clone(), start.local, &start.zone) {
                Ok(rule) => events.push(event(start.local, start.zone.clone(), length, Some(rule))),
                Err(error) => return self.problem(number, format!("`RRULE` {error}"), EXPORT),
            }
        }
        if events.is_empty() {
            events.push(event(start.local, start.zone.clone(), length, None));
        }
        for entry in component.properties(&ICalendarProperty::Rdate) {
            for value in &entry.values {
                let (Start { local, zone, .. }, length) = match value {
                    ICalendarValue::Period(period) => self.period(number, entry, period)?,
                    _ => (self.start(number, entry, value)?, length),
                };
                events.push(event(local, zone, length, None));
            }
        }
        Some(events)
    }

    /// What a `VFREEBUSY` calls busy.
    fn busy_periods(&self, number: usize, component: &ICalendarComponent) -> Vec<Event> {
        let mut events = Vec::new();
        for entry in component.properties(&ICalendarProperty::Freebusy) {
            let away = match entry.parameter(&ICalendarParameterName::Fbtype) {
                Some(ICalendarParameterValue::Fbtype(ICalendarFreeBusyType::Free)) => continue,
                Some(ICalendarParameterValue::Fbtype(kind)) => {
                    *kind == ICalendarFreeBusyType::BusyUnavailable
                }
                _ => false,
            };
            for value in &entry.values {
                let ICalendarValue::Period(period) = value else {
                    self.problem::<()>(number, "`FREEBUSY` is no period of time", EXPORT);
                    continue;
                };
                if let Some((Start { local: first, zone, .. }, length)) = self.period(number, entry, period) {
                    let except = BTreeSet::new();
                    events.push(Event { first, zone, length, rule: None, except, away });
                }
            }
        }
        events
    }

    fn period(
        &self,
        number: usize,
        entry: &ICalendarEntry,
        period: &ICalendarPeriod,
    ) -> Option<(Start, Length)> {
        let (start, length) = match period {
            ICalendarPeriod::Range { start, end } => {
                let start = self.local(number, entry, start)?;
                let end = self.local(number, entry, end)?;
                let length = length_between(&start, &end);
                (start, length)
            }
            ICalendarPeriod::Duration { start, duration } => {
                (self.local(number, entry, start)?, length_of(duration))
            }
        };
        match length {
            Some(length) => Some((start, length)),
            None => self.problem(number, "a period ends before it starts", EXPORT),
        }
    }

    /// The start of an occurrence on the clock of its series. A date means the occurrence of that day.
    fn occurrence(
        &self,
        number: usize,
        entry: &ICalendarEntry,
        value: &ICalendarValue,
        series: &Start,
    ) -> Option<DateTime> {
        let start = self.start(number, entry, value)?;
        if start.whole_day {
            return Some(start.local.date().to_datetime(series.local.time()));
        }
        if start.zone == series.zone {
            return Some(start.local);
        }
        let moment = start.zone.to_timestamp(start.local).ok()?;
        Some(series.zone.to_datetime(moment))
    }

    fn start(&self, number: usize, entry: &ICalendarEntry, value: &ICalendarValue) -> Option<Start> {
        match value {
            ICalendarValue::PartialDateTime(time) => self.local(number, entry, time),
            _ => self.problem(number, format!("`{}` is no date or time", entry.name.as_str()), EXPORT),
        }
    }

    fn local(&self, number: usize, entry: &ICalendarEntry, time: &PartialDateTime) -> Option<Start> {
        let whole_day = !time.has_time();
        let zone = match entry.tz_id() {
            _ if whole_day => Some(self.own.clone()),
            _ if time.has_zone() => (offset_minutes(time) == 0).then_some(TimeZone::UTC),
            Some(name) => Some(self.zone(number, name)?),
            None => Some(self.own.clone()),
        };
        match (zone, civil(time)) {
            (Some(zone), Some(local)) => Some(Start { local, zone, whole_day }),
            _ => self.problem(number, format!("`{}` is no date or time", entry.name.as_str()), EXPORT),
        }
    }

    /// An IANA name, or one that other programs use for such a zone.
    fn zone(&self, number: usize, name: &str) -> Option<TimeZone> {
        let iana = || self.zones.resolve(name).and_then(|found| zone(&found.name()?));
        if let Some(found) = zone(name).or_else(iana) {
            return Some(found);
        }
        let hint = timezone(name).err().and_then(|Wrong { hint, .. }| hint).unwrap_or_default();
        self.problem(number, format!("`TZID` names no time zone: {name:?}"), &hint)
    }

    fn problem<T>(&self, number: usize, message: impl Into<String>, hint: &str) -> Option<T> {
        let line = self.lines.get(number).copied().unwrap_or(0);
        self.findings.add(Problem::at(&Place { file: self.file.to_owned(), line }, message).hint(hint));
        None
    }
}

/// Whether an event keeps somebody from taking a call.
fn takes_time(component: &ICalendarComponent) -> bool {
    let is = |name, value: &ICalendarValue| {
        component.property(name).is_some_and(|entry| entry.values.first() == Some(value))
    };
    !is(&ICalendarProperty::Transp, &ICalendarValue::Transparency(ICalendarTransparency::Transparent))
        && !is(&ICalendarProperty::Status, &ICalendarValue::Status(ICalendarStatus::Cancelled))
        && !says(component, "FREE")
        && !says(component, "WORKINGELSEWHERE")
}

/// Whether Outlook's own word for it is this one.
fn says(component: &ICalendarComponent, status: &str) -> bool {
    component.entries.iter().any(|entry| {
        let name = matches!(&entry.name, ICalendarProperty::Other(name)
            if name.eq_ignore_ascii_case("X-MICROSOFT-CDO-BUSYSTATUS"));
        name && matches!(entry.values.first(), Some(ICalendarValue::Text(text)) if text.eq_ignore_ascii_case(status))
    })
}

/// `None` where the end is before the start.
fn length_between(start: &Start, end: &Start) -> Option<Length> {
    if start.whole_day && end.whole_day {
        let days = (end.local.date() - start.local.date()).get_days();
        return Some(Length { days: u32::try_from(days).ok()?, seconds: 0 });
    }
    let moment = |Start { local, zone, .. }: &Start| zone.to_timestamp(*local).ok();
    let seconds = moment(start)?.duration_until(moment(end)?).as_secs();
    Some(Length { days: 0, seconds: u32::try_from(seconds).ok()? })
}

/// `None` where it is negative, or longer than anybody lives.
fn length_of(duration: &ICalendarDuration) -> Option<Length> {
    let ICalendarDuration { neg, weeks, days, hours, minutes, seconds } = *duration;
    let days = weeks.checked_mul(7)?.checked_add(days)?;
    let seconds = hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?.checked_add(seconds)?;
    let none = days == 0 && seconds == 0;
    (days < 50_000 && (!neg || none)).then_some(Length { days, seconds })
}

fn offset_minutes(time: &PartialDateTime) -> u32 {
    u32::from(time.tz_hour.unwrap_or(0)) * 60 + u32::from(time.tz_minute.unwrap_or(0))
}

fn civil(time: &PartialDateTime) -> Option<DateTime> {
    let part = |value: Option<u8>| i8::try_from(value.unwrap_or(0)).ok();
    let date = Date::new(i16::try_from(time.year?).ok()?, part(time.month)?, part(time.day)?).ok()?;
    // A leap second is the last one before it.
    let time = Time::new(part(time.hour)?, part(time.minute)?, part(time.second)?.min(59), 0).ok()?;
    Some(date.to_datetime(time))
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, ToSpan};
    use proptest::prelude::*;

    use super::*;
    use crate::hours::{Availability, Calendar, Schedule, State};

    fn read_events(text: &str) -> (Vec<Event>, Vec<Problem>) {
        let findings = Findings::default();
        let lisbon = zone("Europe/Lisbon").unwrap();
        let events = events("calendars/ana.ics", text, &lisbon, &findings);
        (events, findings.sorted(&[]))
    }

    /// When somebody is busy in the week of 2 March 2026, in Lisbon, which then is in UTC; `!` is away.
    #[track_caller]
    fn check(inside: &str, expected: &[&str]) {
        let (events, problems) = read_events(&format!("BEGIN:VCALENDAR\n{inside}\nEND:VCALENDAR\n"));
        assert_eq!(problems, []);
        let schedule = Schedule::always(zone("Europe/Lisbon").unwrap());
        let who = Availability::new(schedule.into(), Vec::new(), Calendar::new(events));
        let monday: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
        let mut found: Vec<String> = Vec::new();
        let mut last = State::Working;
        for step in 0..7 * 24 * 4 {
            let moment = monday + (step * 15).minutes();
            let state = who.state(moment);
            if state != last
                && let Some(until) = state.until()
            {
                let away = if state.is_absent() { "!" } else { "" };
                found.push(format!("{away}{}-{}", moment.strftime("%d %H:%M"), until.strftime("%d %H:%M")));
            }
            last = state;
        }
        assert_eq!(found, expected, "{inside}");
    }

    fn event(lines: &str) -> String {
        format!("BEGIN:VEVENT\n{lines}\nEND:VEVENT")
    }

    #[test]
    fn busy_times() {
        let hour = "DTSTART:20260302T090000Z\nDTEND:20260302T100000Z";
        let busy: &[&str] = &["02 09:00-02 10:00"];
        check(&event(hour), busy);
        check(
            &event(&format!("{hour}\nSUMMARY:Lunch\\, long\n and folded\nTRANSP:OPAQUE\nSTATUS:TENTATIVE")),
            busy,
        );
        check(&event(&format!("{hour}\nTRANSP:TRANSPARENT")), &[]);
        check(&event(&format!("{hour}\nSTATUS:CANCELLED")), &[]);
        check(&event(&format!("{hour}\nX-MICROSOFT-CDO-BUSYSTATUS:FREE")), &[]);
        check(&event(&format!("{hour}\nX-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE")), &[]);
        check(&event(&format!("{hour}\nX-MICROSOFT-CDO-BUSYSTATUS:OOF")), &["!02 09:00-02 10:00"]);
        check(&event(&format!("{hour}\nBEGIN:VALARM\nTRIGGER:-PT15M\nEND:VALARM")), busy);
        // Zones: UTC, IANA, Windows, one that the file explains, none.
        let local = |zone: &str| event(&format!("DTSTART{zone}:20260302T090000\nDURATION:PT1H"));
        check(&local(";TZID=America/New_York"), &["02 14:00-02 15:00"]);
        check(&local(";TZID=\"Tokyo Standard Time\""), &["02 00:00-02 01:00"]);
        check(&local(""), busy);
        let zone = "BEGIN:VTIMEZONE\nTZID:Ours\nX-LIC-LOCATION:Europe/Berlin\nEND:VTIMEZONE\n";
        check(&format!("{zone}{}", local(";TZID=Ours")), &["02 08:00-02 09:00"]);
        // Whole days are being away.
        check(&event("DTSTART;VALUE=DATE:20260303"), &["!03 00:00-04 00:00"]);
        check(&event("DTSTART;VALUE=DATE:20260303\nDTEND;VALUE=DATE:20260306"), &["!03 00:00-06 00:00"]);
        check(&event("DTSTART;VALUE=DATE:20260303\nDURATION:P2D"), &["!03 00:00-05 00:00"]);
        check(&event("DTSTART:20260303T090000Z"), &[]);
        check(
            "BEGIN:VFREEBUSY\nFREEBUSY:20260302T090000Z/PT1H,20260303T090000Z/20260303T100000Z\n\
             FREEBUSY;FBTYPE=FREE:20260304T090000Z/PT1H\nFREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260305T090000Z/PT1H\nEND:VFREEBUSY",
            &["02 09:00-02 10:00", "03 09:00-03 10:00", "!05 09:00-05 10:00"],
        );
        check("BEGIN:VTODO\nDTSTART:20260302T090000Z\nDUE:20260302T100000Z\nEND:VTODO", &[]);
    }

    #[test]
    fn recurring_events() {
        let series = "UID:1\nDTSTART;TZID=Europe/Lisbon:20260105T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;BYDAY=MO,WE,FR";
        let all: &[&str] = &["02 09:00-02 10:00", "04 09:00-04 10:00", "06 09:00-06 10:00"];
        check(&event(series), all);
        let not_wednesday: &[&str] = &["02 09:00-02 10:00", "06 09:00-06 10:00"];
        for exdate in [
            ":20260304T090000Z",
            ";TZID=Europe/Lisbon:20260304T090000",
            ";VALUE=DATE:20260304",
            ";TZID=Asia/Tokyo:20260304T180000",
        ] {
            check(&event(&format!("{series}\nEXDATE{exdate}")), not_wednesday);
        }
        let change = |uid: &str, lines: &str| {
            event(&format!(
                "UID:{uid}\nSEQUENCE:3\nRECURRENCE-ID;TZID=Europe/Lisbon:20260304T090000\n{lines}"
            ))
        };
        let moved = "DTSTART;TZID=Europe/Lisbon:20260305T110000\nDURATION:PT2H";
        let after: &[&str] = &["02 09:00-02 10:00", "05 11:00-05 13:00", "06 09:00-06 10:00"];
        check(&format!("{}\n{}", event(series), change("1", moved)), after);
        check(&format!("{}\n{}", change("1", moved), event(series)), after);
        check(
            &format!("{}\n{}", event(series), change("1", &format!("{moved}\nSTATUS:CANCELLED"))),
            not_wednesday,
        );
        // Another event's change is not this one's.
        check(
            &format!("{}\n{}", event(series), change("2", moved)),
            &["02 09:00-02 10:00", "04 09:00-04 10:00", "05 11:00-05 13:00", "06 09:00-06 10:00"],
        );
        check(
            &event(
                "DTSTART:20260302T090000Z\nDURATION:PT1H\nRDATE:20260303T090000Z,20260304T090000Z\nEXDATE:20260304T090000Z",
            ),
            &["02 09:00-02 10:00", "03 09:00-03 10:00"],
        );
    }

    proptest! {
        /// Whatever a file holds, it is read or judged, and what was read can be asked.
        #[test]
        fn any_calendar_is_judged(
            line in 0..14usize,
            noise in "[A-Z0-9:;=,+-]{0,24}|\\PC{0,8}",
            cut in proptest::bool::ANY,
        ) {
            let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Lisbon:20260105T090000\n\
                DTEND;TZID=Europe/Lisbon:20260105T100000\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;COUNT=30\n\
                EXDATE;TZID=Europe/Lisbon:20260107T090000\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\n\
                RECURRENCE-ID:20260119T090000Z\nDTSTART;VALUE=DATE:20260119\nEND:VEVENT\nEND:VCALENDAR\n";
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            match (cut, lines[line].split_once(':')) {
                (true, _) => lines.truncate(line),
                (false, Some((name, _))) => lines[line] = format!("{name}:{noise}"),
                (false, None) => lines[line] = noise,
            }
            let (events, problems) = read_events(&lines.join("\n"));
            for problem in problems {
                prop_assert!(problem.line <= 14, "{problem}");
            }
            let schedule = Schedule::always(TimeZone::UTC);
            let who = Availability::new(schedule.into(), Vec::new(), Calendar::new(events));
            who.state("2026-03-02T09:00:00Z".parse().unwrap());
        }
    }
}
