//! When people work: `hours.toml`, `leave.csv` and `calendars/`, for each rep of `reps.csv`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use super::calendars::calendars;
use super::names::Names;
use super::read::{At, File, Findings, Source, read};
use super::sheet::{Layout, Row, sheet};
use super::toml_table::{Table, parse};
use super::values::{Wrong, checked, timezone, wrong};
use super::{Folder, Place, Problem};
use crate::hours::{
    Availability, Block, Calendar, Clash, Feast, Holidays, Leave, LeaveKind, Pattern, Schedule,
};
use crate::lead::{Rep, RepId};
use crate::zones::zone;

pub(super) const HOURS: &str = "hours.toml";
pub(super) const LEAVE: &str = "leave.csv";

/// When everybody works.
#[derive(Debug)]
pub struct Hours {
    /// Of each rep, in the order of `reps.csv`.
    reps: Vec<Arc<Availability>>,
    /// What holds for who names none: the tenant's own hours.
    default: Arc<Schedule>,
}

impl Hours {
    /// Of the rep with this place in `reps.csv`.
    pub fn of(&self, rep: usize) -> Option<&Arc<Availability>> {
        self.reps.get(rep)
    }

    /// The schedule that `[defaults]` names, or else round the clock: what time is promised in where there is no rep.
    pub fn default_schedule(&self) -> &Arc<Schedule> {
        &self.default
    }

    /// Everybody always at work.
    #[cfg(test)]
    pub(crate) fn always(reps: &[Rep]) -> Self {
        let default = Arc::new(Schedule::always(TimeZone::UTC));
        let always = || Arc::new(Availability::new(default.clone(), Vec::new(), Calendar::default()));
        Self { reps: reps.iter().map(|_| always()).collect(), default: default.clone() }
    }

    /// Everything that can change a decision, in one order. Reps that share a schedule name the same one.
    pub(super) fn canonical(&self) -> Json {
        let mut schedules: Vec<&Arc<Schedule>> = vec![&self.default];
        let mut number = |schedule| {
            schedules.iter().position(|known| Arc::ptr_eq(known, schedule)).unwrap_or_else(|| {
                schedules.push(schedule);
                schedules.len() - 1
            })
        };
        // The same events in another order are the same calendar.
        let events = |calendar: &Calendar| {
            let mut events: Vec<String> =
                calendar.events().iter().map(|event| json!(event).to_string()).collect();
            events.sort();
            events
        };
        let reps: Vec<Json> = self
            .reps
            .iter()
            .map(|rep| json!([number(rep.schedule()), rep.leave(), events(rep.calendar())]))
            .collect();
        json!([schedules.iter().map(|schedule| json!(schedule.as_ref())).collect::<Vec<_>>(), reps])
    }
}

/// Reads when `reps` work. A rep whose zone is empty is in the tenant's.
pub(super) fn hours(
    folder: &dyn Folder,
    reps: &[Rep],
    names: &Names,
    tenant_zone: &str,
    findings: &Findings,
) -> Hours {
    let mut schedules = schedules(folder, findings);
    let mut leave = leave(folder, names, findings);
    // Both were checked where they were written.
    let zone_of = |rep: &Rep| zone(if rep.timezone.is_empty() { tenant_zone } else { &rep.timezone });
    let scheduled: Vec<Arc<Schedule>> = reps
        .iter()
        .map(|rep| {
            let zone = zone_of(rep).unwrap_or(TimeZone::UTC);
            match &rep.schedule {
                None => schedules.default(zone),
                Some(id) => {
                    let place = names.place(rep.id.as_str()).cloned().unwrap_or_default();
                    schedules.names.allow("schedule", id, &place, findings);
                    schedules.of(id, zone)
                }
            }
        })
        .collect();
    let zones: BTreeMap<&str, &TimeZone> =
        reps.iter().zip(&scheduled).map(|(rep, schedule)| (rep.id.as_str(), schedule.zone())).collect();
    let mut calendars = calendars(folder, names, &zones, findings);
    let default = schedules.default(zone(tenant_zone).unwrap_or(TimeZone::UTC));
    let reps = reps
        .iter()
        .zip(scheduled)
        .map(|(rep, schedule)| {
            let leave = leave.remove(&rep.id).unwrap_or_default();
            let events = calendars.remove(rep.id.as_str()).unwrap_or_default();
            Arc::new(Availability::new(schedule, leave, Calendar::new(events)))
        })
        .collect();
    Hours { reps, default }
}

/// What `hours.toml` defines. A schedule without a zone is worked on each rep's own clock.
struct Schedules {
    names: Names,
    all: BTreeMap<String, Shared>,
    default: Option<String>,
    /// One for each schedule and zone, so that reps share it.
    made: BTreeMap<(Option<String>, String), Arc<Schedule>>,
}

struct Shared {
    zone: Option<TimeZone>,
    pattern: Pattern,
    holidays: Holidays,
}

impl Schedules {
    fn default(&mut self, zone: TimeZone) -> Arc<Schedule> {
        match self.default.clone() {
            Some(id) => self.of(&id, zone),
            None => self.make(None, zone),
        }
    }

    /// A schedule that could not be read has been reported, and round the clock stands in for it.
    fn of(&mut self, id: &str, zone: TimeZone) -> Arc<Schedule> {
        self.make(Some(id.to_owned()), zone)
    }

    fn make(&mut self, id: Option<String>, zone: TimeZone) -> Arc<Schedule> {
        let shared = id.as_ref().and_then(|id| self.all.get(id));
        let zone = shared.and_then(|shared| shared.zone.clone()).unwrap_or(zone);
        let key = (id.clone(), zone.iana_name().unwrap_or_default().to_owned());
        let schedule = self.made.entry(key).or_insert_with(|| {
            Arc::new(match shared {
                Some(Shared { pattern, holidays, .. }) => {
                    Schedule::new(zone, pattern.clone(), holidays.clone())
                }
                None => Schedule::always(zone),
            })
        });
        schedule.clone()
    }
}

const SCHEDULE_KEYS: &[&str] = &["id", "timezone", "hours", "always", "shifts", "holidays"];
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY_KEYS: &[&str] = &["daily", "weekdays", "weekend", "mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DATE_HINT: &str = "a date is year, month, day: 2026-12-24";

fn schedules(folder: &dyn Folder, findings: &Findings) -> Schedules {
    let file = read(folder, HOURS, findings);
    let source = Source::new(HOURS, if let File::Text(text) = &file { text } else { "" }, findings);
    let document = parse(&source);
    let complete = document.is_some() && !matches!(file, File::Unreadable);
    let mut schedules = Schedules {
        names: Names::new("schedule", HOURS, complete),
        all: BTreeMap::new(),
        default: None,
        made: BTreeMap::new(),
    };
    let Some(document) = document else { return schedules };
    let root = Table::root(&source, &document, &["schedules", "holidays", "defaults"]);
    let (regions, holidays) = holidays(&root, findings);
    for table in root.tables("schedules", "[[schedules]]", "this schedule", SCHEDULE_KEYS) {
        let id = table.required_text("id", "lisbon");
        match &id {
            Some(at) => schedules.names.define(&at.value, &at.place, findings),
            None => schedules.names.miss(),
        }
        let shared = schedule(&table, &regions, &holidays, findings);
        if let (Some(id), Some(shared)) = (id, shared) {
            schedules.all.entry(id.value).or_insert(shared);
        }
    }
    if let Some(At { value, place }) =
        root.table("defaults", "[defaults]", &["schedule"]).and_then(|table| table.text("schedule"))
        && schedules.names.allow("schedule", &value, &place, findings)
    {
        schedules.default = Some(value);
    }
    schedules
}

/// By region.
fn holidays(root: &Table<'_>, findings: &Findings) -> (Names, BTreeMap<String, Holidays>) {
    let mut names = Names::new("holiday calendar", HOURS, true);
    let mut regions: BTreeMap<String, Holidays> = BTreeMap::new();
    for table in root.tables("holidays", "[[holidays]]", "this holiday calendar", &["id", "dates"]) {
        let id = table.required_text("id", "PT");
        match &id {
            Some(at) => names.define(&at.value, &at.place, findings),
            None => names.miss(),
        }
        if table.lacks("dates") && !table.misspells("dates") {
            let problem = Problem::at(&table.place(), "this holiday calendar has no `dates`");
            findings.add(problem.hint("add dates = [\"12-25 Christmas Day\", \"2026-04-03 Good Friday\"]"));
        }
        let mut region = Holidays::default();
        for at in table.texts("dates").unwrap_or_default() {
            if let Some((day, name)) = checked("dates", &at, findings, feast) {
                region.add(day, name);
            }
        }
        if let Some(id) = id {
            regions.entry(id.value).or_insert(region);
        }
    }
    (names, regions)
}

/// `12-25 Christmas Day`, every year, or `2026-04-03 Good Friday`, once.
fn feast(text: &str) -> Result<(Feast, String), Wrong> {
    let hint = || Some("such as \"12-25 Christmas Day\" or \"2026-04-03 Good Friday\"".to_owned());
    let (day, name) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let name = name.trim();
    if name.is_empty() {
        return wrong(format!("holds a day without a name: {text:?}"), hint());
    }
    let found = match day.len() {
        // A leap year has every day there is.
        5 => format!("2000-{day}")
            .parse::<Date>()
            .map(|date| Feast::Yearly { month: date.month(), day: date.day() }),
        _ => day.parse::<Date>().map(Feast::On),
    };
    match found {
        Ok(found) => Ok((found, name.to_owned())),
        Err(_) => wrong(format!("holds no day of the calendar: {day:?}"), hint()),
    }
}

fn schedule(
    table: &Table<'_>,
    regions: &Names,
    holidays: &BTreeMap<String, Holidays>,
    findings: &Findings,
) -> Option<Shared> {
    let zone = table.text("timezone").map(|at| checked("timezone", &at, findings, timezone));
    let mut days_off = Holidays::default();
    for At { value, place } in table.texts("holidays").unwrap_or_default() {
        regions.allow("holidays", &value, &place, findings);
        if let Some(region) = holidays.get(&value) {
            days_off.extend(region);
        }
    }
    let pattern = pattern(table, findings);
    let zone = match zone {
        // A name that was checked is one.
        Some(name) => crate::zones::zone(&name?),
        None => None,
    };
    Some(Shared { zone, pattern: pattern?, holidays: days_off })
}

/// One of `hours`, `shifts` and `always`.
fn pattern(table: &Table<'_>, findings: &Findings) -> Option<Pattern> {
    let always = table.flag("always");
    let given: Vec<&str> = [
        (!table.lacks("hours")).then_some("hours"),
        (!table.lacks("shifts")).then_some("shifts"),
        (always == Some(true)).then_some("always"),
    ]
    .into_iter()
    .flatten()
    .collect();
    match given[..] {
        ["hours"] => week(table, findings),
        ["shifts"] => shifts(table, findings),
        ["always"] => Some(Pattern::always()),
        [first, second, ..] => {
            let problem = Problem::at(
                &table.place_of(second),
                format!("this schedule has both `{first}` and `{second}`"),
            );
            findings.add(problem.hint("a schedule is a week, shifts, or round the clock"));
            None
        }
        _ => {
            let known = ["hours", "shifts", "always"];
            if always != Some(false) && !known.iter().any(|key| table.misspells(key) || !table.lacks(key)) {
                never_opens(&table.place(), findings);
            } else if always == Some(false) {
                never_opens(&table.place_of("always"), findings);
            }
            None
        }
    }
}

fn never_opens(place: &Place, findings: &Findings) {
    findings.add(
        Problem::at(place, "this schedule never opens")
            .hint("add hours = { weekdays = [\"09:00-17:00\"] }, [schedules.shifts], or always = true"),
    );
}

fn week(table: &Table<'_>, findings: &Findings) -> Option<Pattern> {
    let hours = table.table("hours", "`hours`", DAY_KEYS)?;
    let mut read: BTreeMap<&str, Option<Vec<Block>>> = BTreeMap::new();
    for key in DAY_KEYS {
        if let Some(texts) = hours.texts(key) {
            read.insert(key, blocks(key, &texts, findings));
        }
    }
    // What is said of a day itself counts before what is said of several.
    let keys = |day: usize| [DAYS[day], if day < 5 { "weekdays" } else { "weekend" }, "daily"];
    let key_of = |day: usize| keys(day).into_iter().find(|key| read.contains_key(key));
    let mut days: [Vec<Block>; 7] = Default::default();
    for (day, blocks) in days.iter_mut().enumerate() {
        if let Some(key) = key_of(day) {
            blocks.clone_from(read[key].as_ref()?);
        }
    }
    let place = |day: usize| key_of(day).map_or_else(|| hours.place(), |key| hours.place_of(key));
    let name = |day: usize| DAYS[day].to_owned();
    fitting(Pattern::week(days), &hours.place(), place, name, findings)
}

fn shifts(table: &Table<'_>, findings: &Findings) -> Option<Pattern> {
    let shifts = table.table("shifts", "`shifts`", &["from", "pattern"])?;
    for (key, example) in [("from", "from = 2026-01-05"), ("pattern", "pattern = [[\"06:00-14:00\"], []]")] {
        if shifts.lacks(key) && !shifts.misspells(key) {
            let problem = Problem::at(&shifts.place(), format!("`shifts` has no `{key}`"));
            findings.add(problem.hint(format!("add {example}")));
        }
    }
    let from = shifts.date("from");
    let lists = shifts.lists("pattern");
    let lists = lists?;
    let days: Vec<Option<Vec<Block>>> =
        lists.iter().map(|day| blocks("pattern", &day.value, findings)).collect();
    let days: Vec<Vec<Block>> = days.into_iter().collect::<Option<_>>()?;
    let place = |day: usize| lists.get(day).map_or_else(|| shifts.place(), |day| day.place.clone());
    let name = |day: usize| format!("day {}", day + 1);
    fitting(Pattern::shifts(from?.value, days), &shifts.place(), place, name, findings)
}

/// A pattern, or why its days make none.
fn fitting(
    pattern: Result<Pattern, Clash>,
    whole: &Place,
    place: impl Fn(usize) -> Place,
    name: impl Fn(usize) -> String,
    findings: &Findings,
) -> Option<Pattern> {
    match pattern {
        Ok(pattern) => return Some(pattern),
        Err(Clash::NeverOpen) => never_opens(whole, findings),
        Err(Clash::Overlap { day, with }) => {
            let message = match day == with {
                true => format!("two blocks of {} share time", name(day)),
                false => format!("a block of {} runs into one of {}", name(with), name(day)),
            };
            let hint = "a block ends before the next begins; one that ends at or before its start runs into the next day";
            findings.add(Problem::at(&place(day), message).hint(hint));
        }
    }
    None
}

fn blocks(key: &str, texts: &[At<String>], findings: &Findings) -> Option<Vec<Block>> {
    let found: Vec<Option<Block>> = texts.iter().map(|at| checked(key, at, findings, block)).collect();
    found.into_iter().collect()
}

/// `09:00-12:30`; `22:00-06:00` runs into the next day.
fn block(text: &str) -> Result<Block, Wrong> {
    let hint = || Some("such as \"09:00-12:30\", or \"22:00-06:00\" over midnight".to_owned());
    let minutes = |time: &str| {
        let (hour, minute) = time.trim().split_once(':')?;
        let digits = |text: &str, most| text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(hour, 2) || !digits(minute, 2) || minute.len() != 2 {
            return None;
        }
        let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
        (hour <= 24 && minute < 60).then_some(hour * 60 + minute)
    };
    let times = text.split_once(['-', '–']).and_then(|(start, end)| Some((minutes(start)?, minutes(end)?)));
    match times {
        Some((start, end)) if start == end => {
            wrong(format!("is no time at all: {text:?}"), Some("the whole day is \"00:00-24:00\"".to_owned()))
        }
        Some((start, end)) => match Block::new(start, end) {
            Some(block) => Ok(block),
            None => wrong(format!("begins or ends after the day: {text:?}"), hint()),
        },
        None => wrong(format!("is no time from and to: {text:?}"), hint()),
    }
}

const LEAVE_SHEET: Layout =
    Layout { columns: &["rep", "from", "to", "kind", "buffer_days"], required: &["rep", "from", "to"] };
const KINDS: &[(&str, LeaveKind)] =
    &[("vacation", LeaveKind::Vacation), ("sick", LeaveKind::Sick), ("focus", LeaveKind::Focus)];

fn leave(folder: &dyn Folder, names: &Names, findings: &Findings) -> BTreeMap<RepId, Vec<Leave>> {
    let File::Text(text) = read(folder, LEAVE, findings) else { return BTreeMap::new() };
    let source = Source::new(LEAVE, &text, findings);
    let mut found: BTreeMap<RepId, Vec<Leave>> = BTreeMap::new();
    for row in &sheet(&source, &LEAVE_SHEET).rows {
        let rep = row.required("rep").and_then(|text| {
            names.allow("rep", text, row.place(), findings);
            text.parse().ok()
        });
        let (from, to) = (day(row, "from"), day(row, "to"));
        if let (Some(from), Some(to)) = (from, to)
            && to < from
        {
            let hint = "change them over; both days are part of the leave".to_owned();
            row.problem(format!("the leave ends on {to}, before it starts on {from}"), Some(hint));
        }
        let kind = row.choice("kind", KINDS).unwrap_or(LeaveKind::Vacation);
        let buffer_days = row.number("buffer_days", 0..=60u32).and_then(|days| u16::try_from(days).ok());
        if let (Some(rep), Some(from), Some(to)) = (rep, from, to) {
            let leave = Leave { from, to, kind, buffer_days: buffer_days.unwrap_or(0) };
            found.entry(rep).or_default().push(leave);
        }
    }
    found
}

fn day(row: &Row<'_>, column: &str) -> Option<Date> {
    let text = row.required(column)?;
    let found = text.parse().ok();
    if found.is_none() {
        row.problem(format!("`{column}` is no date: {text:?}"), Some(DATE_HINT.to_owned()));
    }
    found
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use crate::config::testing::{SMALL, config, small_with};
    use crate::config::{Config, load};
    use crate::hours::{LeaveKind, State};

    const HOURS: &str = r#"
        defaults.schedule = "office"

        [[schedules]]
        id = "office"
        hours = { weekdays = ["09:00-12:30", "13:30-18:00"], fri = ["9:00-13:00"] }
        holidays = ["PT", "own"]

        [[schedules]]
        id = "nights"
        timezone = "europe/berlin"
        shifts = { from = 2026-01-05, pattern = [["22:00-06:00"], []] }

        [[holidays]]
        id = "PT"
        dates = ["12-25 Christmas Day", "2026-04-03 Good Friday"]

        [[holidays]]
        id = "own"
        dates = ["2026-03-04 Company day"]
    "#;
    const REPS: &str = "id,name,team,max_open,timezone,schedule\n\
        ana,Ana Lima,sales,25,Europe/Lisbon,\n\
        bo,Bo Ek,sales,25,,\n\
        cy,Cy Fox,sales,25,,nights\n";
    const LEAVE: &str =
        "rep,from,to,kind,buffer_days\nana,2026-08-03,2026-08-14,,2\nbo,2026-08-03,2026-08-03,sick,\n";

    fn full() -> Config {
        let mut files = SMALL.to_vec();
        files.retain(|(name, _)| *name != "reps.csv");
        files.extend([("reps.csv", REPS), ("hours.toml", HOURS), ("leave.csv", LEAVE)]);
        config(&files)
    }

    fn at(text: &str) -> Timestamp {
        text.parse::<jiff::Zoned>().unwrap().timestamp()
    }

    #[test]
    fn what_is_written_holds() {
        let config = full();
        #[track_caller]
        fn check(config: &Config, rep: usize, moment: &str, expected: State) {
            assert_eq!(config.hours.of(rep).unwrap().state(at(moment)), expected, "{rep} {moment}");
        }
        let off = |back: &str| State::OffHours { back: Some(at(back)) };
        // Office hours are everybody's own.
        check(&config, 0, "2026-03-02T09:00[Europe/Lisbon]", State::Working);
        check(&config, 1, "2026-03-02T09:00[America/New_York]", State::Working);
        check(&config, 1, "2026-03-02T09:00[Europe/Lisbon]", off("2026-03-02T09:00[America/New_York]"));
        check(&config, 0, "2026-03-06T13:30[Europe/Lisbon]", off("2026-03-09T09:00[Europe/Lisbon]"));
        let holiday = State::Holiday {
            name: "Company day".to_owned(),
            back: Some(at("2026-03-05T09:00[Europe/Lisbon]")),
        };
        check(&config, 0, "2026-03-04T10:00[Europe/Lisbon]", holiday);
        check(&config, 2, "2026-01-06T05:59[Europe/Berlin]", State::Working);
        check(&config, 2, "2026-01-06T23:00[Europe/Berlin]", off("2026-01-07T22:00[Europe/Berlin]"));
        let until = at("2026-08-15T00:00[Europe/Lisbon]");
        let leave_from = at("2026-08-03T00:00[Europe/Lisbon]");
        check(&config, 0, "2026-08-01T00:00[Europe/Lisbon]", State::BeforeLeave { leave_from, until });
        check(
            &config,
            0,
            "2026-08-03T10:00[Europe/Lisbon]",
            State::Leave { kind: LeaveKind::Vacation, until },
        );
        let until = at("2026-08-04T00:00[America/New_York]");
        check(
            &config,
            1,
            "2026-08-03T10:00[America/New_York]",
            State::Leave { kind: LeaveKind::Sick, until },
        );
        // Without a rep, the tenant's own hours count.
        let deadline = config.hours.default_schedule().deadline(at("2026-03-02T17:55[America/New_York]"), 10);
        assert_eq!(deadline, at("2026-03-03T09:05[America/New_York]"));
    }

    #[test]
    fn without_files_everybody_is_always_at_work() {
        let config = config(SMALL);
        let states: Vec<State> =
            (0..2).map(|rep| config.hours.of(rep).unwrap().state(at("2026-12-25T03:00[UTC]"))).collect();
        assert_eq!(states, [State::Working, State::Working]);
    }

    #[test]
    fn the_digest_is_of_hours_too() {
        let calendar = |day: &str| {
            format!(
                "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:202603{day}T090000Z\nDURATION:PT1H\nEND:VEVENT\nEND:VCALENDAR\n"
            )
        };
        let mut digests: Vec<_> = [
            vec![],
            vec![("hours.toml", HOURS.to_owned())],
            vec![("hours.toml", HOURS.replace("12:30", "12:31"))],
            vec![("hours.toml", HOURS.replace("03-04 Company", "03-05 Company"))],
            vec![("hours.toml", HOURS.replace("[\"PT\", \"own\"]", "[\"PT\"]"))],
            vec![("leave.csv", "rep,from,to\nana,2026-08-03,2026-08-14\n".to_owned())],
            vec![("leave.csv", "rep,from,to\nbo,2026-08-03,2026-08-14\n".to_owned())],
            vec![("leave.csv", "rep,from,to,buffer_days\nbo,2026-08-03,2026-08-14,1\n".to_owned())],
            vec![("calendars/ana.ics", calendar("02"))],
            vec![("calendars/ana.ics", calendar("03"))],
            vec![("calendars/bo.ics", calendar("03"))],
        ]
        .into_iter()
        .map(|files| {
            let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
            load(small_with(&files).path()).unwrap().digest
        })
        .collect();
        let number = digests.len();
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), number);
    }
}
