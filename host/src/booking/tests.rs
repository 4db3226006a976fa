//! Times by cases, and the laws that hold for all of them.

use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::config::testing::config;
use crate::hours::{Block, Calendar, Event, Holidays, Leave, LeaveKind, Length, Pattern, Schedule, State};
use crate::pipeline::fixture::id;

const TERMS: Terms =
    Terms { minutes: 30, grid: 30, buffer_before: 0, buffer_after: 0, notice_hours: 0, horizon_days: 1 };

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn hours(from: u16, to: u16) -> Vec<Block> {
    vec![Block::new(from * 60, to * 60).unwrap()]
}

fn event(first: &str, minutes: u32) -> Event {
    Event {
        first: first.parse().unwrap(),
        zone: TimeZone::UTC,
        length: Length { days: 0, seconds: minutes * 60 },
        rule: None,
        except: [].into(),
        away: false,
    }
}

fn daily(zone: TimeZone, from: u16, to: u16) -> Arc<Schedule> {
    let pattern = Pattern::week(std::array::from_fn(|_| hours(from, to))).unwrap();
    Arc::new(Schedule::new(zone, pattern, Holidays::default()))
}

/// Times on the wall clock of the zone.
fn shown(times: &[Timestamp], zone: &TimeZone) -> String {
    let times = times.iter().map(|at| at.to_zoned(zone.clone()).strftime("%d %H:%M").to_string());
    times.collect::<Vec<_>>().join(", ")
}

#[test]
fn times_of_somebody() {
    let lisbon = zone("Europe/Lisbon");
    let calendar = || Calendar::new(vec![event("2026-03-02T10:00:00", 40), event("2026-03-03T09:00:00", 60)]);
    let leave =
        Leave { from: date(2026, 3, 5), to: date(2026, 3, 6), kind: LeaveKind::Vacation, buffer_days: 1 };
    let ana = Availability::new(daily(lisbon.clone(), 9, 12), vec![leave], calendar());
    let booked = [Interval {
        from: "2026-03-02T11:00:00Z".parse().unwrap(),
        to: "2026-03-02T11:30:00Z".parse().unwrap(),
    }];
    let check = |now: &str, terms: Terms, expect: &str| {
        let found = times(&ana, &booked, &terms, now.parse().unwrap());
        assert_eq!(shown(&found, &lisbon), expect, "{now} {terms:?}");
    };
    let monday = "2026-03-02T08:00:00Z";
    check(monday, TERMS, "02 09:00, 02 09:30, 02 11:30");
    check(monday, Terms { grid: 20, ..TERMS }, "02 09:00, 02 09:20");
    check(monday, Terms { grid: 10, ..TERMS }, "02 09:00, 02 09:10, 02 09:20, 02 09:30, 02 11:30");
    check(monday, Terms { buffer_before: 5, ..TERMS }, "02 09:00, 02 09:30");
    check(monday, Terms { buffer_after: 5, ..TERMS }, "02 09:00, 02 11:30");
    check(monday, Terms { minutes: 60, ..TERMS }, "02 09:00");
    check(monday, Terms { minutes: 90, ..TERMS }, "");
    check(monday, Terms { notice_hours: 2, ..TERMS }, "02 11:30");
    check("2026-03-02T09:00:01Z", TERMS, "02 09:30, 02 11:30");
    // The calendar has the first hour of the next day; then the day before the vacation is its buffer.
    check("2026-03-02T12:00:00Z", TERMS, "03 10:00, 03 10:30, 03 11:00, 03 11:30");
    check(
        "2026-03-03T12:00:00Z",
        Terms { horizon_days: 4, ..TERMS },
        "07 09:00, 07 09:30, 07 10:00, 07 10:30, 07 11:00, 07 11:30",
    );

    // Where clocks are put forward an hour is missing, where they are put back one comes twice.
    let berlin = zone("Europe/Berlin");
    let night = Availability::new(daily(berlin.clone(), 1, 4), Vec::new(), Calendar::default());
    let check = |now: &str, terms: Terms, expect: &str| {
        let now = now.parse::<jiff::Zoned>().unwrap().timestamp();
        assert_eq!(shown(&times(&night, &[], &terms, now), &berlin), expect, "{now} {terms:?}");
    };
    let hourly = Terms { minutes: 60, grid: 60, ..TERMS };
    check("2026-03-28T05:00[Europe/Berlin]", hourly, "29 01:00, 29 03:00");
    check("2026-10-24T05:00[Europe/Berlin]", hourly, "25 01:00, 25 02:00, 25 02:00, 25 03:00");
    // Half an hour from Greenwich, meetings begin at the full hour all the same.
    let kolkata = zone("Asia/Kolkata");
    let mira = Availability::new(daily(kolkata.clone(), 9, 11), Vec::new(), Calendar::default());
    let now = "2026-03-02T00:00:00Z".parse().unwrap();
    assert_eq!(shown(&times(&mira, &[], &hourly, now), &kolkata), "02 09:00, 02 10:00");
    // Round the clock has no break at midnight.
    let always =
        Availability::new(Arc::new(Schedule::always(TimeZone::UTC)), Vec::new(), Calendar::default());
    let now = "2026-03-02T22:30:00Z".parse().unwrap();
    let long = Terms { minutes: 120, grid: 60, ..TERMS };
    assert_eq!(
        times(&always, &[], &long, now).first().map(ToString::to_string).as_deref(),
        Some("2026-03-02T23:00:00Z")
    );
}

#[test]
fn whose_times_are_offered() {
    let tenant = r#"
        [tenant]
        id = "acme"
        name = "Acme"
        currency = "USD"
        timezone = "UTC"
        [[lanes]]
        id = "sales"
        name = "Sales"
        definition = "Companies that want a quote, a demo or a pilot."
        team = "sales"
        [[routers]]
        id = "demo"
        kind = "calendar-first"
        team = "sales"
        fallback = "pod"
        minutes = 60
        notice_hours = 0
        horizon_days = 1
    "#;
    let config = config(&[
        ("tenant.toml", tenant),
        ("teams.toml", "teams = [{ id = \"sales\", name = \"Sales\" }, { id = \"pod\", name = \"Pod\" }]"),
        (
            "reps.csv",
            "id,name,team,max_open,schedule\nana,Ana,sales,9,early\nbo,Bo,sales,9,early\npia,Pia,pod,9,late\n",
        ),
        (
            "hours.toml",
            "[[schedules]]\nid = \"early\"\nhours = { daily = [\"09:00-11:00\"] }\n\
             [[schedules]]\nid = \"late\"\nhours = { daily = [\"20:00-21:00\"] }\n",
        ),
    ]);
    let now: Timestamp = "2026-03-02T08:00:00Z".parse().unwrap();
    let hour = |hour: i64| now + SignedDuration::from_hours(hour - 8);
    let meeting = |lead: &str, rep: &str, from: i64| Meeting {
        lead: id(lead),
        rep: id(rep),
        from: hour(from),
        to: hour(from + 1),
    };
    let check =
        |away: &[&str], meetings: &[Meeting], has_it: Option<&str>, moving: Option<&str>, expect: &str| {
            let absent: BTreeSet<RepId> = away.iter().map(|rep| id(rep)).collect();
            let mut booked = Booked::default();
            meetings.iter().for_each(|meeting| booked.add(meeting.clone(), now));
            let moving: Option<LeadId> = moving.map(id);
            let diary =
                Diary { config: &config, absent: &absent, booked: &booked, moving: moving.as_ref(), now };
            let offered = diary.offered(&config.routers[0], has_it.map(id::<RepId>).as_ref());
            let line = |time: &Time| {
                let reps: Vec<&str> = time.reps.iter().map(RepId::as_str).collect();
                format!("{} {}", time.from.strftime("%H"), reps.join("+"))
            };
            let mut found: Vec<String> = offered.times.iter().map(line).collect();
            if offered.fallback {
                found.insert(0, "fallback".to_owned());
            }
            assert_eq!(found.join(", "), expect, "{away:?} {meetings:?} {has_it:?} {moving:?}");
        };
    let one = [meeting("l1", "ana", 9)];
    let full = [meeting("l1", "ana", 9), meeting("l2", "ana", 10)];
    check(&[], &[], None, None, "09 ana+bo, 10 ana+bo");
    check(&[], &one, None, None, "09 bo, 10 bo+ana");
    check(&["bo"], &one, None, None, "10 ana");
    check(&[], &one, Some("ana"), None, "10 ana");
    // A meeting that is moved leaves its own time free.
    check(&[], &one, Some("ana"), Some("l1"), "09 ana, 10 ana");
    check(&[], &full, Some("ana"), None, "fallback, 20 pia");
    check(&["ana", "bo"], &[], None, None, "fallback, 20 pia");
    check(&["ana", "pia"], &[], Some("ana"), None, "");
}

#[test]
fn meetings_that_are_over_are_forgotten() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let meeting = |lead: &str, from: &str, to: &str| Meeting {
        lead: id(lead),
        rep: id("ana"),
        from: at(from),
        to: at(to),
    };
    let first = meeting("l1", "2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z");
    let second = meeting("l2", "2026-03-02T11:00:00Z", "2026-03-02T12:00:00Z");
    let mut booked = Booked::default();
    booked.add(first.clone(), at("2026-03-02T08:00:00Z"));
    booked.add(second.clone(), at("2026-03-02T10:00:00Z"));
    assert_eq!(booked.of(&id("ana")), std::slice::from_ref(&second));
    let ends = |until: &Timestamp| [(id("ana"), *until)].into();
    assert_eq!(booked.at(second.from), ends(&second.to));
    assert_eq!(booked.at(second.to), [].into());
    booked.remove(&first);
    booked.remove(&second);
    assert_eq!(booked, Booked::default());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is offered lies in working hours, keeps its distance from everything else, begins on the grid, in time
    /// and not too late; and whatever is not offered breaks one of these.
    #[test]
    fn what_is_offered_can_be_kept(
        zone_name in prop::sample::select(&["Europe/Lisbon", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"][..]),
        // Around both changes of the clocks, in either half of the world.
        day in prop::sample::select(&["2026-03-06", "2026-03-27", "2026-04-03", "2026-10-02", "2026-10-23", "2026-10-30"][..]),
        start in 0..1440i64,
        (from, to) in (0..24u16, 1..24u16),
        meetings in prop::collection::vec((0..4320i64, 1..180i64), 0..6),
        own in prop::collection::vec((0..4320i64, 1..180u32), 0..4),
        off in prop::option::of(0..4i64),
        terms in (5..90u32, prop::sample::select(&[5, 10, 15, 20, 30, 60][..]), 0..40u32, 0..40u32, 0..5u32),
    ) {
        let to = if from == to { to + 1 } else { to };
        let zone = zone(zone_name);
        let (minutes, grid, buffer_before, buffer_after, notice_hours) = terms;
        let terms = Terms { minutes, grid, buffer_before, buffer_after, notice_hours, horizon_days: 2 };
        let midnight: Timestamp = format!("{day}T00:00:00Z").parse().unwrap();
        let after = |minutes: i64| midnight + SignedDuration::from_mins(minutes);
        let calendar = own.iter().map(|(at, minutes)| {
            event(&after(*at).strftime("%Y-%m-%dT%H:%M:%S").to_string(), *minutes)
        });
        let first: jiff::civil::Date = day.parse().unwrap();
        let leave = off.map(|days| Leave {
            from: first + days.days(), to: first + days.days(), kind: LeaveKind::Sick, buffer_days: 0,
        });
        let schedule = daily(zone.clone(), from, to);
        let who = Availability::new(schedule, leave.into_iter().collect(), Calendar::new(calendar.collect()));
        let booked: Vec<Interval> =
            meetings.iter().map(|(at, minutes)| Interval { from: after(*at), to: after(at + minutes) }).collect();
        let now = after(start);
        let found = times(&who, &booked, &terms, now);
        prop_assert!(found.is_sorted_by(|one, other| one < other), "{found:?}");

        // Told minute by minute, as states have it.
        let is_booked = |at: Timestamp| booked.iter().any(|taken| taken.contains(at));
        let works = |at: Timestamp| who.state(at) == State::Working && !is_booked(at);
        let is_clear = |at: Timestamp| {
            !is_booked(at) && who.busy(Interval { from: at, to: at + SignedDuration::from_secs(1) }).is_empty()
        };
        let can_be = |from: Timestamp| {
            let (before, after) = (i64::from(buffer_before), i64::from(buffer_after));
            let minute = |minute: i64| from + SignedDuration::from_mins(minute);
            let local = from.to_zoned(zone.clone());
            let of_day = local.hour() as u32 * 60 + local.minute() as u32;
            let on_grid = of_day.is_multiple_of(grid);
            on_grid
                && from >= now + SignedDuration::from_hours(notice_hours.into())
                && from <= now + SignedDuration::from_hours(48)
                && (0..i64::from(minutes)).all(|at| works(minute(at)))
                && (-before..0).chain(i64::from(minutes)..i64::from(minutes) + after).all(|at| is_clear(minute(at)))
        };
        let all: Vec<Timestamp> = (0..3 * 1440).map(|at| now + SignedDuration::from_mins(at)).filter(|at| can_be(*at)).collect();
        prop_assert_eq!(found, all);
    }
}
