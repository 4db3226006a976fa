//! Segment tables: `[[segments]]` of `tenant.toml`, checked to leave no number out and none twice (X5).

use super::names::Names;
use super::read::{At, Findings};
use super::toml_table::Table;
use super::values::{Wrong, checked, id};
use super::{Place, Problem};
use crate::lead::LaneId;
use crate::nearest::nearest;
use crate::rules::{Condition, Measure, Reads, Segment, SegmentRow, Words};

const TABLE_KEYS: &[&str] = &["name", "of", "rows", "unknown"];
const ROW_KEYS: &[&str] = &["from", "below", "is", "team", "lanes"];
const MEASURES: &[(&str, Measure)] = &[
    ("lead.company.employees", Measure::Employees),
    ("lead.company.revenue", Measure::Revenue),
    ("lead.value", Measure::Value),
];
const EXAMPLE: &str = "rows = [{ below = 50, is = \"small\" }, { from = 50, is = \"large\" }]";

/// A table with the place of each row.
pub(super) type PlacedSegment = (Segment, Vec<Place>);

/// The tables, and the words with what each can say.
pub(super) fn segments(
    root: &Table<'_>,
    lanes: &Names,
    teams: &Names,
    mut words: Words,
    findings: &Findings,
) -> (Vec<PlacedSegment>, Words) {
    let mut names = Names::new("segment", "tenant.toml", true);
    let mut segments = Vec::new();
    for table in root.tables("segments", "[[segments]]", "this segment", TABLE_KEYS) {
        let name = table.required_text("name", "size").and_then(|at| {
            names.define(&at.value, &at.place, findings);
            checked("name", &at, findings, word)
        });
        let segment = segment(&table, name.as_deref(), lanes, teams, findings);
        if let Some(name) = &name {
            let values = segment
                .as_ref()
                .map(|(it, _)| it.rows.iter().map(|row| row.is.clone()).chain([it.unknown.clone()]));
            words = words.with_segment(name, values);
        }
        segments.extend(segment);
    }
    (segments, words)
}

fn segment(
    table: &Table<'_>,
    name: Option<&str>,
    lanes: &Names,
    teams: &Names,
    findings: &Findings,
) -> Option<PlacedSegment> {
    let of = table
        .required_text("of", "lead.company.employees")
        .and_then(|at| checked("of", &at, findings, measure));
    if table.lacks("rows") && !table.misspells("rows") {
        findings
            .add(Problem::at(&table.place(), "this segment has no `rows`").hint(format!("add {EXAMPLE}")));
    }
    let mut values = Names::new("row", "rows", true);
    let tables = table.tables("rows", "[[segments.rows]]", "this row", ROW_KEYS);
    let rows: Vec<Option<At<SegmentRow>>> =
        tables.iter().map(|table| row(table, &mut values, lanes, teams, findings)).collect();
    let rows: Option<Vec<At<SegmentRow>>> = rows.into_iter().collect();
    if let (Some(of), Some(rows)) = (&of, &rows) {
        check_total(of, rows, findings);
    }
    let unknown = table.required_text("unknown", "mid")?.value;
    let (rows, places) = rows?.into_iter().map(|at| (at.value, at.place)).unzip();
    Some((Segment { name: name?.to_owned(), of: of?, rows, unknown }, places))
}

fn row(
    table: &Table<'_>,
    values: &mut Names,
    lanes: &Names,
    teams: &Names,
    findings: &Findings,
) -> Option<At<SegmentRow>> {
    let number = |key| table.number(key, f64::MIN..=f64::MAX, "a finite number");
    let (from, below) = (number("from"), number("below"));
    // An end that cannot be read has been told; the row has no place without it.
    let read =
        ["from", "below"].iter().zip([from, below]).all(|(key, end)| table.lacks(key) || end.is_some());
    let is = table.required_text("is", "small");
    if let Some(At { value, place }) = &is {
        values.define(value, place, findings);
    }
    let team = table.text("team").and_then(|at| {
        let known = teams.allow("team", &at.value, &at.place, findings);
        checked("team", &at, findings, id).filter(|_| known)
    });
    let named = table.texts("lanes").unwrap_or_default();
    let lanes: Vec<LaneId> = named
        .iter()
        .filter(|at| lanes.allow("lanes", &at.value, &at.place, findings))
        .filter_map(|at| checked("lanes", at, findings, id))
        .collect();
    if team.is_some() && table.lacks("lanes") && !table.misspells("lanes") {
        let hint = "add lanes = [\"…\"]; leads of the others go where their lane leads";
        findings.add(
            Problem::at(&table.place(), "this row has a team, and no lanes of which it gets leads")
                .hint(hint),
        );
    }
    if let (Some(from), Some(below)) = (from, below)
        && from >= below
    {
        let message = format!("this row covers nothing: it begins at {from} and ends below {below}");
        findings.add(Problem::at(&table.place(), message).hint("`below` is the first number above the row"));
        return None;
    }
    let value = SegmentRow { from, below, is: is?.value, team, lanes };
    read.then(|| At { value, place: table.place() })
}

/// Names every number that no row has, or that several have.
fn check_total(of: &Measure, rows: &[At<SegmentRow>], findings: &Findings) {
    let least = match of {
        Measure::Employees | Measure::Revenue | Measure::Value => 0.0,
        Measure::Field(_) => f64::NEG_INFINITY,
    };
    let from = |row: &At<SegmentRow>| row.value.from.unwrap_or(f64::NEG_INFINITY);
    let below = |row: &At<SegmentRow>| row.value.below.unwrap_or(f64::INFINITY);
    for pair in rows.windows(2) {
        if from(&pair[1]) < from(&pair[0]) {
            let message = format!(
                "this row begins {}, before the row above it, which begins {}",
                begin(from(&pair[1])),
                begin(from(&pair[0]))
            );
            findings.add(Problem::at(&pair[1].place, message).hint("put rows in ascending order"));
        }
    }
    let mut sorted: Vec<&At<SegmentRow>> = rows.iter().collect();
    sorted.sort_by(|a, b| from(a).total_cmp(&from(b)));
    let Some(last) = sorted.last() else { return };
    let mut covered: (f64, Option<&Place>) = (least, None);
    for row in &sorted {
        let (start, end) = (from(row), below(row));
        if start > covered.0 {
            let gap = stretch(covered.0, start);
            let add = match covered.0 {
                f64::NEG_INFINITY => {
                    format!("{{ below = {start}, is = \"…\" }}, or leave `from` out of this row")
                }
                begin => format!(
                    "{{ from = {begin}, below = {start}, is = \"…\" }}, or begin this row with from = {begin}"
                ),
            };
            findings.add(Problem::at(&row.place, format!("nothing covers {gap}")).hint(format!("add {add}")));
        } else if let (true, Some(other)) = (start < covered.0, covered.1) {
            let both = stretch(start, end.min(covered.0));
            let message = format!("this row and the one at line {} both cover {both}", other.line);
            let hint = match covered.0 {
                f64::INFINITY => format!("end the other one with below = {start}"),
                to => format!("begin this row with from = {to}, or end the other one with below = {start}"),
            };
            findings.add(Problem::at(&row.place, message).hint(hint));
        }
        if end > covered.0 {
            covered = (end, Some(&row.place));
        }
    }
    if covered.0 < f64::INFINITY {
        let place = covered.1.unwrap_or(&last.place);
        let message = format!("nothing covers {}", stretch(covered.0, f64::INFINITY));
        findings.add(Problem::at(place, message).hint("leave `below` out of the last row"));
    }
}

fn begin(from: f64) -> String {
    match from {
        f64::NEG_INFINITY => "anywhere".to_owned(),
        from => format!("at {from}"),
    }
}

/// Numbers from one up to another, that one left out, in words.
fn stretch(from: f64, below: f64) -> String {
    match (from, below) {
        (f64::NEG_INFINITY, f64::INFINITY) => "any number".to_owned(),
        (f64::NEG_INFINITY, below) => format!("what is below {below}"),
        (from, f64::INFINITY) => format!("{from} and above"),
        (from, below) => format!("{from} to {below}"),
    }
}

fn measure(text: &str) -> Result<Measure, Wrong> {
    if let Some((_, measure)) = MEASURES.iter().find(|(path, _)| *path == text) {
        return Ok(measure.clone());
    }
    match text.strip_prefix("lead.fields.") {
        Some(field) if !field.is_empty() => return Ok(Measure::Field(field.to_owned())),
        _ => {}
    }
    let paths = MEASURES.iter().map(|(path, _)| *path);
    let hint = match nearest(text, paths.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("one of {}, or lead.fields.NAME", paths.collect::<Vec<_>>().join(", ")),
    };
    Err(Wrong { message: format!("is no number of a lead: {text:?}"), hint: Some(hint) })
}

/// A name that conditions can spell.
fn word(text: &str) -> Result<String, Wrong> {
    let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let unknown = Words::default().with_segment(text, None::<[String; 0]>);
    let read = format!("segment.{text} == ''");
    match plain && Condition::compile_over(&read, Reads::Rule, &unknown).is_ok() {
        true => Ok(text.to_owned()),
        false => Err(Wrong {
            message: format!("cannot be {text:?}: rules read it as `segment.NAME`"),
            hint: Some("lower-case letters, digits and _, such as deal_size".to_owned()),
        }),
    }
}
