//! Availability by cases, and the laws that hold for every schedule.

use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};
use proptest::prelude::*;

use super::schedule::FARTHEST;
use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse::<jiff::Zoned>().unwrap().timestamp()
}

fn block(text: &str) -> Block {
    let minutes = |time: &str| {
        let (hour, minute) = time.split_once(':').unwrap();
        hour.parse::<u16>().unwrap() * 60 + minute.parse::<u16>().unwrap()
    };
    let (start, end) = text.split_once('-').unwrap();
    Block::new(minutes(start), minutes(end)).unwrap()
}

fn blocks(texts: &str) -> Vec<Block> {
    texts.split(' ').filter(|text| !text.is_empty()).map(block).collect()
}

/// Monday to Friday.
fn weekdays(texts: &str) -> Pattern {
    Pattern::week(std::array::from_fn(|day| if day < 5 { blocks(texts) } else { Vec::new() })).unwrap()
}

fn daily(texts: &str) -> Pattern {
    Pattern::week(std::array::from_fn(|_| blocks(texts))).unwrap()
}

fn feasts() -> Holidays {
    let mut holidays = Holidays::default();
    holidays.add(Feast::Yearly { month: 12, day: 25 }, "Christmas Day".to_owned());
    holidays.add(Feast::On(date(2026, 4, 3)), "Good Friday".to_owned());
    holidays
}

fn lisbon(pattern: Pattern) -> Schedule {
    Schedule::new(zone("Europe/Lisbon"), pattern, feasts())
}

fn leave(from: &str, to: &str, kind: LeaveKind, buffer_days: u16) -> Leave {
    Leave { from: from.parse().unwrap(), to: to.parse().unwrap(), kind, buffer_days }
}

fn event(zone_name: &str, first: &str, minutes: u32) -> Event {
    Event {
        first: first.parse().unwrap(),
        zone: zone(zone_name),
        length: Length { days: 0, seconds: minutes * 60 },
        rule: None,
        except: [].into(),
        away: false,
    }
}

fn repeating(rule: &str, mut event: Event) -> Event {
    let text = format!("BEGIN:VEVENT\nRRULE:{rule}\nEND:VEVENT\n");
    let parsed = calcard::icalendar::ICalendar::parse(&text).unwrap();
    let calcard::icalendar::ICalendarValue::RecurrenceRule(rule) = &parsed.components[0].entries[0].values[0]
    else {
        panic!("{rule}")
    };
    event.rule = Some(Rule::new((**rule).clone(), event.first, &event.zone).unwrap());
    event
}

fn all_day(first: &str, days: u32) -> Event {
    Event { length: Length { days, seconds: 0 }, away: true, ..event("Europe/Lisbon", first, 0) }
}

#[test]
fn states() {
    let week = lisbon(weekdays("09:00-12:30 13:30-18:00"));
    let leaves = vec![
        leave("2026-08-03", "2026-08-14", LeaveKind::Vacation, 2),
        leave("2026-08-15", "2026-08-17", LeaveKind::Sick, 0),
    ];
    let calendar = Calendar::new(vec![
        event("America/New_York", "2026-03-02T06:00:00", 60),
        event("Europe/Lisbon", "2026-03-02T12:00:00", 120),
        repeating(
            "FREQ=WEEKLY;BYDAY=TU,TH;UNTIL=20260331T090000Z",
            event("Europe/Lisbon", "2020-01-07T09:00:00", 30),
        ),
        all_day("2026-06-10T00:00:00", 2),
    ]);
    let ana = Availability::new(Arc::new(week), leaves, calendar);
    #[track_caller]
    fn check(who: &Availability, moment: &str, expected: State) {
        let moment = at(&format!("{moment}[Europe/Lisbon]"));
        assert_eq!(who.state(moment), expected, "{moment}");
        // What state tells of the way back is what the search finds.
        let free = who.free_from(moment);
        match &expected {
            State::Working => assert_eq!(free, Some(moment)),
            State::OffHours { back } | State::Holiday { back, .. } => assert_eq!(free, *back),
            State::Busy { until } | State::Leave { until, .. } | State::BeforeLeave { until, .. } => {
                assert!(free.is_some_and(|free| free >= *until))
            }
        }
    }
    let lisbon = |text: &str| at(&format!("{text}[Europe/Lisbon]"));
    let off = |back: &str| State::OffHours { back: Some(lisbon(back)) };
    check(&ana, "2026-03-02T09:00", State::Working);
    check(&ana, "2026-03-02T08:59:59", off("2026-03-02T09:00"));
    check(&ana, "2026-03-02T11:30", State::Busy { until: lisbon("2026-03-02T14:00") });
    check(&ana, "2026-03-02T12:30", off("2026-03-02T14:00"));
    check(&ana, "2026-03-02T14:00", State::Working);
    check(&ana, "2026-03-02T18:00", off("2026-03-03T09:30"));
    check(&ana, "2026-03-06T18:00", off("2026-03-09T09:00"));
    // The rule ends in winter time, the last start is in summer time: 09:00 is 08:00 in UTC.
    check(&ana, "2026-03-31T09:10", State::Busy { until: lisbon("2026-03-31T09:30") });
    check(&ana, "2026-04-02T09:10", State::Working);
    check(
        &ana,
        "2026-04-03T10:00",
        State::Holiday { name: "Good Friday".to_owned(), back: Some(lisbon("2026-04-06T09:00")) },
    );
    check(
        &ana,
        "2027-12-25T10:00",
        State::Holiday { name: "Christmas Day".to_owned(), back: Some(lisbon("2027-12-27T09:00")) },
    );
    check(&ana, "2026-06-09T23:59", off("2026-06-12T09:00"));
    let away = State::Leave { kind: LeaveKind::OutOfOffice, until: lisbon("2026-06-12T00:00") };
    check(&ana, "2026-06-10T00:00", away);
    // The buffer is the Saturday and the Sunday before; the vacation goes over into sick leave.
    check(&ana, "2026-07-31T17:59", State::Working);
    let until = lisbon("2026-08-18T00:00");
    check(&ana, "2026-08-01T00:00", State::BeforeLeave { leave_from: lisbon("2026-08-03T00:00"), until });
    check(&ana, "2026-08-03T00:00", State::Leave { kind: LeaveKind::Vacation, until });
    check(&ana, "2026-08-17T10:00", State::Leave { kind: LeaveKind::Sick, until });
    check(&ana, "2026-08-18T09:00", State::Working);
}

#[test]
fn nobody_comes_back_within_the_horizon() {
    let long = vec![leave("2026-01-01", "2026-04-30", LeaveKind::Vacation, 0)];
    let away = Availability::new(Arc::new(lisbon(weekdays("09:00-17:00"))), long, Calendar::default());
    assert_eq!(away.free_from(at("2026-02-01T10:00[UTC]")), None);
    let always = Calendar::new(vec![repeating("FREQ=DAILY", all_day("2020-01-01T00:00:00", 1))]);
    let never = Availability::new(Arc::new(Schedule::always(zone("UTC"))), Vec::new(), always);
    assert_eq!(never.free_from(at("2026-02-01T10:00[UTC]")), None);
    assert!(never.state(at("2026-02-01T10:00[UTC]")).is_absent());
}

#[test]
fn within_hours() {
    let who = Availability::new(Arc::new(lisbon(weekdays("09:00-17:00"))), Vec::new(), Calendar::default());
    let friday = at("2026-03-06T17:00[Europe/Lisbon]");
    assert_eq!([63, 64, 120].map(|hours| who.within(friday, hours)), [false, true, true]);
}

/// Working time of a date as hours and minutes.
#[test]
fn days_on_which_clocks_change() {
    #[track_caller]
    fn check(zone_name: &str, texts: &str, day: &str, expected: &str) {
        let schedule = Schedule::new(zone(zone_name), daily(texts), Holidays::default());
        let from = schedule.midnight(day.parse().unwrap());
        let to = schedule.midnight(day.parse::<Date>().unwrap().tomorrow().unwrap());
        let mut found = Vec::new();
        let mut moment = from;
        while let Some(open) = schedule.next(moment, to).filter(|open| open.from < to) {
            if open.from >= from {
                let clock = |at: Timestamp| schedule.zone().to_datetime(at).strftime("%H:%M").to_string();
                let minutes = open.from.duration_until(open.to).as_mins();
                found.push(format!("{}-{} {minutes}", clock(open.from), clock(open.to)));
            }
            moment = open.to;
        }
        assert_eq!(found.join(", "), expected, "{zone_name} {texts} {day}");
    }
    let new_york = "America/New_York";
    // 02:00 to 03:00 is left out.
    check(new_york, "01:00-10:00", "2026-03-08", "01:00-10:00 480");
    check(new_york, "02:30-10:00", "2026-03-08", "03:00-10:00 420");
    check(new_york, "01:00-02:30", "2026-03-08", "01:00-03:00 60");
    check(new_york, "02:10-02:50", "2026-03-08", "");
    check(new_york, "00:00-24:00", "2026-03-08", "00:00-00:00 1380");
    check(new_york, "22:00-06:00", "2026-03-07", "22:00-06:00 420");
    // 01:00 to 02:00 comes twice.
    check(new_york, "00:00-24:00", "2026-11-01", "00:00-00:00 1500");
    check(new_york, "01:30-03:00", "2026-11-01", "01:30-03:00 150");
    check(new_york, "00:00-01:30 01:30-03:00", "2026-11-01", "00:00-01:30 90, 01:30-03:00 150");
    check(new_york, "02:00-03:00", "2026-11-01", "02:00-03:00 60");
    // Half an hour, a day that begins at 01:00, and one that was left out whole.
    check("Australia/Lord_Howe", "00:00-24:00", "2026-04-05", "00:00-00:00 1470");
    check("Africa/Cairo", "00:00-08:00", "2026-04-24", "01:00-08:00 420");
    check("Pacific/Apia", "08:00-12:00", "2011-12-30", "");
}

#[test]
fn shifts_holidays_and_nights() {
    #[track_caller]
    fn check(schedule: &Schedule, moment: &str, open: bool) {
        let moment = at(&format!("{moment}[Europe/Lisbon]"));
        assert_eq!(schedule.is_open(moment), open, "{moment}");
    }
    let shifts =
        Pattern::shifts(date(2026, 1, 5), vec![blocks("06:00-14:00"), blocks("22:00-06:00"), Vec::new()]);
    let shifts = lisbon(shifts.unwrap());
    check(&shifts, "2026-01-05T06:00", true);
    check(&shifts, "2026-01-05T14:00", false);
    check(&shifts, "2026-01-06T23:00", true);
    check(&shifts, "2026-01-07T05:59", true);
    check(&shifts, "2026-01-07T06:00", false);
    check(&shifts, "2026-01-08T06:00", true);
    check(&shifts, "2026-01-02T06:00", true);
    check(&shifts, "2025-12-31T06:00", false);
    let nights = lisbon(daily("22:00-06:00"));
    check(&nights, "2026-12-24T23:59", true);
    check(&nights, "2026-12-25T00:00", false);
    check(&nights, "2026-12-25T23:00", false);
    check(&nights, "2026-12-26T05:00", false);
    check(&nights, "2026-12-26T22:00", true);
    assert_eq!(Pattern::week(Default::default()), Err(Clash::NeverOpen));
    let clash = |days: [&str; 7]| Pattern::week(days.map(blocks)).unwrap_err();
    assert_eq!(
        clash(["09:00-12:00 11:00-13:00", "", "", "", "", "", ""]),
        Clash::Overlap { day: 0, with: 0 }
    );
    assert_eq!(clash(["22:00-06:00", "05:00-09:00", "", "", "", "", ""]), Clash::Overlap { day: 1, with: 0 });
    assert_eq!(clash(["05:00-09:00", "", "", "", "", "", "22:00-06:00"]), Clash::Overlap { day: 0, with: 6 });
    assert!(Pattern::week(["00:00-24:00", "", "", "", "", "", "22:00-24:00"].map(blocks)).is_ok());
}

#[test]
fn deadlines() {
    #[track_caller]
    fn check(pattern: Pattern, moment: &str, minutes: u32, expected: &str) {
        let schedule = lisbon(pattern);
        let found = schedule.deadline(at(&format!("{moment}[Europe/Lisbon]")), minutes);
        assert_eq!(found, at(&format!("{expected}[Europe/Lisbon]")), "{moment} and {minutes} minutes");
    }
    let split = || weekdays("09:00-12:30 13:30-18:00");
    check(split(), "2026-03-02T10:00", 60, "2026-03-02T11:00");
    check(split(), "2026-03-02T12:00", 30, "2026-03-02T12:30");
    check(split(), "2026-03-02T12:00", 31, "2026-03-02T13:31");
    check(split(), "2026-03-02T12:45", 0, "2026-03-02T13:30");
    check(split(), "2026-03-06T17:55", 10, "2026-03-09T09:05");
    check(split(), "2026-04-02T17:00", 120, "2026-04-06T10:00");
    check(split(), "2026-03-02T09:00", 8 * 60 * 5, "2026-03-06T18:00");
    // 01:00 to 02:00 is left out on 29 March, and comes twice on 25 October.
    check(Pattern::always(), "2026-03-29T00:30", 60, "2026-03-29T02:30");
    check(daily("00:00-08:00"), "2026-10-25T00:30", 120, "2026-10-25T01:30+00:00");
    check(
        Pattern::shifts(date(2026, 1, 1), vec![blocks("00:00-00:01"); 1]).unwrap(),
        "2026-01-01T00:00",
        20_000,
        "2036-01-02T00:00",
    );
}

#[test]
fn overlaps() {
    #[track_caller]
    fn check(theirs: &str, moment: &str, expected: f32) {
        let schedule = lisbon(weekdays("09:00-17:00"));
        assert_eq!(
            schedule.overlap(&zone(theirs), at(&format!("{moment}[UTC]"))),
            expected,
            "{theirs} {moment}"
        );
    }
    check("Europe/Lisbon", "2026-03-02T12:00", 1.0);
    check("Europe/Berlin", "2026-03-02T12:00", 0.875);
    check("America/New_York", "2026-03-02T12:00", 0.375);
    check("Asia/Tokyo", "2026-03-02T12:00", 0.0);
    check("Pacific/Auckland", "2026-03-02T12:00", 0.0);
    check("Europe/Lisbon", "2026-03-07T12:00", 0.0);
    check("Europe/Lisbon", "2026-04-03T12:00", 0.0);
}

#[test]
fn recurring_events() {
    /// Busy times of a fortnight.
    #[track_caller]
    fn check(event: Event, from: &str, expected: &[&str]) {
        let zone = event.zone.clone();
        let calendar = Calendar::new(vec![event]);
        let from = at(&format!("{from}[{}]", zone.iana_name().unwrap()));
        let frame = calendar.frame(from).unwrap();
        let mut found = Vec::new();
        for minute in 0..14 * 24 * 4 {
            let moment = from + (minute * 15).minutes();
            if let Some(until) = frame.busy_until(moment) {
                let clock = |at: Timestamp| zone.to_datetime(at).strftime("%m-%d %H:%M").to_string();
                let text = clock(until);
                if found.last() != Some(&text) {
                    found.push(text);
                }
            }
        }
        assert_eq!(found, expected);
    }
    let rule = |rule: &str, first: &str| repeating(rule, event("America/New_York", first, 30));
    let friday = "2026-03-06T00:00";
    check(
        rule("FREQ=WEEKLY;BYDAY=MO,FR", "2020-01-06T09:00:00"),
        friday,
        &["03-06 09:30", "03-09 09:30", "03-13 09:30", "03-16 09:30"],
    );
    check(rule("FREQ=WEEKLY;INTERVAL=2", "2020-01-06T09:00:00"), friday, &["03-09 09:30"]);
    check(rule("FREQ=WEEKLY;INTERVAL=2", "2020-01-13T09:00:00"), friday, &["03-16 09:30"]);
    check(
        rule("FREQ=DAILY;INTERVAL=5", "2020-01-01T23:45:00"),
        friday,
        &["03-06 00:15", "03-11 00:15", "03-16 00:15"],
    );
    check(rule("FREQ=MONTHLY;BYDAY=2TU", "2020-01-14T09:00:00"), friday, &["03-10 09:30"]);
    check(
        rule("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-9", "2020-01-01T09:00:00"),
        friday,
        &["03-19 09:30"],
    );
    check(rule("FREQ=YEARLY", "2019-03-07T09:00:00"), friday, &["03-07 09:30"]);
    check(rule("FREQ=DAILY;COUNT=3", "2026-03-05T09:00:00"), friday, &["03-06 09:30", "03-07 09:30"]);
    check(rule("FREQ=DAILY;UNTIL=20260307", "2026-03-01T09:00:00"), friday, &["03-06 09:30", "03-07 09:30"]);
    // 02:15 is left out on the 8th: it is 03:15 then.
    check(
        rule("FREQ=DAILY;UNTIL=20260309T061500Z", "2026-03-01T02:15:00"),
        friday,
        &["03-06 02:45", "03-07 02:45", "03-08 03:45", "03-09 02:45"],
    );
    let mut tokyo =
        repeating("FREQ=DAILY;UNTIL=20260307T000000Z", event("Asia/Tokyo", "2026-03-01T09:00:00", 30));
    check(tokyo.clone(), friday, &["03-06 09:30", "03-07 09:30"]);
    tokyo.except.insert("2026-03-06T09:00:00".parse().unwrap());
    check(tokyo, friday, &["03-07 09:30"]);
}

#[test]
fn rules_that_are_none() {
    let parsed = |text: &str| {
        let calendar =
            calcard::icalendar::ICalendar::parse(format!("BEGIN:VEVENT\nRRULE:{text}\nEND:VEVENT\n"));
        match &calendar.unwrap().components[0].entries[0].values[0] {
            calcard::icalendar::ICalendarValue::RecurrenceRule(rule) => (**rule).clone(),
            other => panic!("{other:?}"),
        }
    };
    let first: DateTime = "2026-03-02T09:00:00".parse().unwrap();
    let rule = |text: &str| Rule::new(parsed(text), first, &TimeZone::UTC).map(|_| ());
    assert_eq!(rule("FREQ=HOURLY"), Err(NoRule::TooOften));
    assert!(matches!(rule("FREQ=WEEKLY;BYMONTHDAY=1"), Err(NoRule::Invalid(_))));
    assert_eq!(rule("FREQ=DAILY;UNTIL=20200101"), Ok(()));
}

const ZONES: [&str; 8] = [
    "Europe/Lisbon",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "America/St_Johns",
    "Pacific/Auckland",
    "UTC",
];

prop_compose! {
    /// Up to three blocks a day for up to nine days, some over midnight.
    fn pattern()(
        from in 0..400i32,
        days in proptest::collection::vec(proptest::collection::btree_set(0..1440u16, 0..=6), 1..10),
        night in proptest::bool::ANY,
    ) -> Option<Pattern> {
        let mut days: Vec<Vec<Block>> = days.iter().map(|edges| {
            let edges: Vec<u16> = edges.iter().copied().collect();
            edges.chunks_exact(2).filter_map(|edge| Block::new(edge[0], edge[1])).collect()
        }).collect();
        if night && let Some(last) = days.last_mut() {
            last.push(Block::new(1439, 30)?);
        }
        Pattern::shifts(date(2025, 6, 1).saturating_add(from.days()), days).ok()
    }
}

prop_compose! {
    fn schedule()(
        zone_name in proptest::sample::select(ZONES.to_vec()),
        pattern in pattern().prop_filter_map("opens", |pattern| pattern),
    ) -> Schedule {
        Schedule::new(zone(zone_name), pattern, feasts())
    }
}

prop_compose! {
    /// A moment of 2026 and a half.
    fn moment()(second in 1_767_225_600..1_814_400_000i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }
}

prop_compose! {
    fn availability()(
        schedule in schedule(),
        leaves in proptest::collection::vec((0..560i32, 0..20i32, 0..5u16), 0..4),
        meetings in proptest::collection::vec((0..560i32, 0..1440i32, 1..3000u32, 0..3usize), 0..8),
    ) -> Availability {
        let start = date(2026, 1, 1);
        let leaves = leaves.into_iter().map(|(from, days, buffer_days)| Leave {
            from: start.saturating_add(from.days()),
            to: start.saturating_add((from + days).days()),
            kind: LeaveKind::Vacation,
            buffer_days,
        }).collect();
        let zone_name = schedule.zone().iana_name().unwrap().to_owned();
        let events = meetings.into_iter().map(|(day, minute, length, kind)| {
            let first = start.to_datetime(jiff::civil::Time::midnight()).saturating_add(Span::new().days(day).minutes(minute));
            let event = event(&zone_name, &first.to_string(), length);
            match kind {
                0 => event,
                1 => repeating("FREQ=WEEKLY;INTERVAL=2", event),
                _ => Event { away: true, ..event },
            }
        }).collect();
        Availability::new(Arc::new(schedule), leaves, Calendar::new(events))
    }
}

proptest! {
    /// A day's working time is that of its blocks, and differs by no more than its clocks were changed.
    #[test]
    fn days_are_as_long_as_their_blocks(schedule in schedule(), day in 0..560i32) {
        let date = date(2026, 1, 1).saturating_add(day.days());
        let lengths = schedule.lengths(date);
        let changed = |date: Date| {
            let day = schedule.midnight(date).duration_until(schedule.midnight(date.tomorrow().unwrap()));
            (day - SignedDuration::from_hours(24)).abs()
        };
        let shift = changed(date) + changed(date.tomorrow().unwrap());
        for (found, written) in lengths {
            prop_assert!((found - written).abs() <= shift, "{found} {written} {shift}");
        }
    }

    /// `state` and `free_from` agree; the way back is the first moment of work.
    #[test]
    fn back_is_the_first_moment_of_work(who in availability(), at in moment(), part in 0..1000i32) {
        let free = who.free_from(at);
        prop_assert_eq!(free == Some(at), who.state(at) == State::Working);
        let end = free.unwrap_or(at + HORIZON);
        if let Some(free) = free {
            prop_assert_eq!(who.state(free), State::Working);
            prop_assert!(free >= at && free <= at + HORIZON);
        }
        let between = at + at.duration_until(end) * part / 1000;
        if between < end {
            prop_assert_ne!(who.state(between), State::Working);
            prop_assert_eq!(who.free_from(between).filter(|found| *found <= at + HORIZON), free);
        }
    }

    /// A rule that is entered near a stretch gives what it gives from its beginning.
    #[test]
    fn rules_may_be_entered_anywhere(
        rule in proptest::sample::select(vec![
            "FREQ=DAILY", "FREQ=DAILY;INTERVAL=3", "FREQ=DAILY;BYMONTH=3,9;BYDAY=MO,WE", "FREQ=WEEKLY;BYDAY=SU,MO,FR",
            "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,TU", "FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,SA;BYSETPOS=1",
            "FREQ=WEEKLY;INTERVAL=2;UNTIL=20260601T000000Z", "FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=DAILY;COUNT=900",
        ]),
        started in 0..1500i32,
        day in 0..1000i32,
    ) {
        let first = date(2022, 1, 1).saturating_add(started.days()).at(23, 30, 0, 0);
        let event = repeating(rule, event("Europe/Lisbon", &first.to_string(), 30));
        let rule = event.rule.unwrap();
        let from = date(2024, 6, 1).saturating_add(day.days()).at(12, 0, 0, 0);
        let to = from.saturating_add(92.days());
        let mut whole = rule.starts(first, first, to);
        whole.retain(|start| *start >= from);
        prop_assert_eq!(rule.starts(first, from, to), whole);
    }

    /// An answer depends on the moment alone, not on what was asked before.
    #[test]
    fn the_past_of_questions_does_not_matter(who in availability(), moments in proptest::collection::vec(moment(), 2..6)) {
        let first: Vec<State> = moments.iter().map(|at| who.state(*at)).collect();
        let mut again: Vec<State> = moments.iter().rev().map(|at| who.state(*at)).collect();
        again.reverse();
        prop_assert_eq!(first, again);
    }

    /// Deadlines grow with the moment and with the minutes, and lie in working time or at its end, or as far off as can be.
    #[test]
    fn deadlines_are_monotone(schedule in schedule(), at in moment(), later in 0..500_000i64, minutes in 0..5_000u32, more in 0..500u32) {
        let deadline = schedule.deadline(at, minutes);
        prop_assert!(deadline >= at);
        prop_assert!(schedule.deadline(at, minutes + more) >= deadline);
        prop_assert!(schedule.deadline(at + SignedDuration::from_secs(later), minutes) >= deadline);
        // A schedule of one minute now and then may not have enough of them before the farthest deadline there is.
        let farthest = deadline == at + FARTHEST;
        let just_before = deadline - SignedDuration::from_secs(1);
        prop_assert!(farthest || schedule.is_open(deadline) || schedule.is_open(just_before));
        // As much working time lies between as was asked for.
        let mut passed = SignedDuration::ZERO;
        let mut from = at;
        while let Some(open) = schedule.next(from, deadline).filter(|open| open.from < deadline) {
            passed += open.from.max(from).duration_until(open.to.min(deadline));
            from = open.to;
        }
        let asked = SignedDuration::from_mins(i64::from(minutes));
        prop_assert!(passed == asked || farthest && passed < asked, "{passed:?} of {asked:?}");
    }

    /// Being open is what the wall clock says, apart from the hour in which it says everything twice.
    #[test]
    fn the_wall_clock_decides(schedule in schedule(), at in moment()) {
        let local = schedule.zone().to_datetime(at);
        if schedule.zone().to_ambiguous_timestamp(local).is_ambiguous() {
            return Ok(());
        }
        prop_assert_eq!(schedule.is_open(at), schedule.says_open(local));
    }
}
