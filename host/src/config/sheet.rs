//! CSV sheets: named columns, one row a line, every bad line reported.

use std::ops::RangeInclusive;
use std::str::FromStr;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::read::Source;
use super::{Place, Problem};
use crate::nearest::nearest;

/// What a sheet looks like.
pub(super) struct Layout {
    /// Every column there is; a sheet may leave out those that are not required.
    pub(super) columns: &'static [&'static str],
    /// Columns that have to be there.
    pub(super) required: &'static [&'static str],
}

/// One line of a sheet.
pub(super) struct Row<'a> {
    source: &'a Source<'a>,
    place: Place,
    cells: Vec<(&'static str, String)>,
}

/// What could be read of a sheet.
pub(super) struct Sheet<'a> {
    /// In the order of the file.
    pub(super) rows: Vec<Row<'a>>,
    /// Whether that is every line.
    pub(super) complete: bool,
}

/// Reads a sheet; nothing where the header cannot be trusted, since every line would be reported.
pub(super) fn sheet<'a>(source: &'a Source<'a>, layout: &Layout) -> Sheet<'a> {
    read(source, layout).unwrap_or(Sheet { rows: Vec::new(), complete: false })
}

fn read<'a>(source: &'a Source<'a>, layout: &Layout) -> Option<Sheet<'a>> {
    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .trim(Trim::All)
        .from_reader(source.text.as_bytes());
    let mut records = reader.records().filter_map(Result::ok);
    let header = match records.next() {
        Some(header) => columns(source, layout, &header)?,
        None => {
            let problem = Problem::at(&source.whole(), "the file is empty");
            source.findings.add(
                problem.hint(format!("its first line names the columns: {}", layout.required.join(","))),
            );
            return None;
        }
    };
    // A sheet program leaves lines of commas behind.
    let lines: Vec<StringRecord> = records.filter(|record| !record.iter().all(str::is_empty)).collect();
    let rows: Vec<Row<'_>> = lines.iter().filter_map(|record| row(source, &header, record)).collect();
    Some(Sheet { complete: rows.len() == lines.len(), rows })
}

fn columns(source: &Source<'_>, layout: &Layout, header: &StringRecord) -> Option<Vec<Option<&'static str>>> {
    let place = Place { file: source.file.to_owned(), line: line_of(source, header) };
    let report = |message: String, hint: String| source.findings.add(Problem::at(&place, message).hint(hint));
    if header.len() == 1 && header.iter().any(|cell| cell.contains([';', '\t'])) {
        report(
            "the columns are not separated by commas".to_owned(),
            "save the sheet with commas; `;` separates the entries of a list within a cell".to_owned(),
        );
        return None;
    }
    let mut columns: Vec<Option<&'static str>> = Vec::new();
    for cell in header {
        let known = layout.columns.iter().copied().find(|column| *column == cell);
        match known {
            Some(column) if columns.contains(&Some(column)) => {
                report(format!("the column `{column}` is there twice"), "leave one out".to_owned());
                columns.push(None);
                continue;
            }
            Some(_) => {}
            None if cell.is_empty() => {
                report("a column has no name".to_owned(), "name it or leave it out".to_owned())
            }
            None => {
                let hint = match nearest(cell, layout.columns.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("columns are {}", layout.columns.join(", ")),
                };
                report(format!("there is no column `{cell}`"), hint);
            }
        }
        columns.push(known);
    }
    let mut whole = true;
    for required in layout.required {
        if !columns.contains(&Some(required)) {
            whole = false;
            // A misspelt column has been reported already.
            if !header.iter().any(|cell| nearest(cell, layout.columns.iter().copied()) == Some(*required)) {
                report(
                    format!("the column `{required}` is missing"),
                    format!("needed are {}", layout.required.join(", ")),
                );
            }
        }
    }
    whole.then_some(columns)
}

fn row<'a>(
    source: &'a Source<'a>,
    header: &[Option<&'static str>],
    record: &StringRecord,
) -> Option<Row<'a>> {
    let place = Place { file: source.file.to_owned(), line: line_of(source, record) };
    if record.len() != header.len() {
        let message = format!("the line has {} columns, the header {}", record.len(), header.len());
        let hint = match record.iter().any(|cell| cell.contains('\n')) {
            true => "a quote that was opened here is never closed",
            false if record.len() > header.len() => {
                "a cell that holds a comma stands between quotes; lists are separated by `;`"
            }
            false => "an empty cell still needs its comma",
        };
        source.findings.add(Problem::at(&place, message).hint(hint));
        return None;
    }
    let cells =
        header.iter().zip(record).filter_map(|(column, cell)| Some(((*column)?, cell.to_owned()))).collect();
    Some(Row { source, place, cells })
}

/// The reader gives where it stood before a record, which may be in front of empty lines.
fn line_of(source: &Source<'_>, record: &StringRecord) -> usize {
    let before = record.position().map_or(0, |position| usize::try_from(position.byte()).unwrap_or(0));
    let rest = source.text.as_bytes().get(before..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
    let lines = record.position().map_or(1, |position| usize::try_from(position.line()).unwrap_or(1));
    lines + blank.filter(|byte| **byte == b'\n').count()
}

impl Row<'_> {
    /// Where it stands.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Reports something about this row.
    pub(super) fn problem(&self, message: impl Into<String>, hint: Option<String>) {
        let problem = Problem::at(&self.place, message);
        self.source.findings.add(match hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        });
    }

    /// A cell, where it is not empty.
    pub(super) fn text(&self, column: &str) -> Option<&str> {
        self.cells
            .iter()
            .find(|(name, _)| *name == column)
            .map(|(_, cell)| cell.as_str())
            .filter(|cell| !cell.is_empty())
    }

    /// A cell that has to be there.
    pub(super) fn required(&self, column: &str) -> Option<&str> {
        let found = self.text(column);
        if found.is_none() {
            self.problem(format!("`{column}` is empty"), None);
        }
        found
    }

    /// The entries of a list, separated by `;`.
    pub(super) fn list(&self, column: &str) -> Vec<String> {
        self.text(column)
            .into_iter()
            .flat_map(|cell| cell.split(';'))
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// The same in lower case.
    pub(super) fn lower_list(&self, column: &str) -> Vec<String> {
        self.list(column).into_iter().map(|entry| entry.to_lowercase()).collect()
    }

    /// A number in a range.
    pub(super) fn number<N>(&self, column: &str, range: RangeInclusive<N>) -> Option<N>
    where
        N: FromStr + PartialOrd + std::fmt::Display + Numeral,
    {
        let cell = self.text(column)?;
        match cell.parse::<N>() {
            Ok(number) if range.contains(&number) => return Some(number),
            // Out of its type's range is out of this one.
            Ok(_) => {}
            Err(_) if cell.parse::<f64>().is_ok_and(|number| number.is_finite() && N::spells(cell)) => {}
            Err(_) => {
                let hint = match cell.contains([' ', ',', '\'', '€', '$', '%']) {
                    true => Some("digits only, without a unit or separators: 12500".to_owned()),
                    false => None,
                };
                self.problem(format!("`{column}` must be {}, found {cell:?}", N::WORDS), hint);
                return None;
            }
        }
        let message = format!("`{column}` is {cell}, and must be from {} to {}", range.start(), range.end());
        self.problem(message, None);
        None
    }

    /// One of a closed set of words.
    pub(super) fn choice<T: Copy>(&self, column: &str, words: &[(&str, T)]) -> Option<T> {
        let cell = self.text(column)?;
        let found = words.iter().find(|(word, _)| *word == cell).map(|(_, meant)| *meant);
        if found.is_none() {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let hint = match nearest(cell, all.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("one of {}", all.join(", ")),
            };
            self.problem(format!("there is no `{column}` {cell:?}"), Some(hint));
        }
        found
    }

    /// True or false.
    pub(super) fn flag(&self, column: &str) -> Option<bool> {
        let cell = self.text(column)?;
        match cell.to_lowercase().as_str() {
            "true" | "yes" => Some(true),
            "false" | "no" => Some(false),
            _ => {
                self.problem(format!("`{column}` must be true or false, found {cell:?}"), None);
                None
            }
        }
    }
}

/// A kind of number, for people.
pub(super) trait Numeral {
    /// What it is called.
    const WORDS: &'static str;
    /// Whether a text spells such a number, of whatever size.
    fn spells(text: &str) -> bool;
}

impl Numeral for u32 {
    const WORDS: &'static str = "a whole number";
    fn spells(text: &str) -> bool {
        text.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit())
    }
}

impl Numeral for f64 {
    const WORDS: &'static str = "a number";
    fn spells(_: &str) -> bool {
        true
    }
}
