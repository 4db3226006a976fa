//! What tells two versions apart, for the person who approves: file by file, and within a file by lines, or by the
//! rows of a sheet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use csv::{ReaderBuilder, StringRecord, Trim};
use serde::Serialize;
use similar::{Algorithm, TextDiff};

use super::files::{Content, FilePath, Files, Listed};

/// A file that is not the same in both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileDifference {
    /// Where.
    pub path: String,
    /// What became of it.
    pub change: Change,
    /// What it was; absent where it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Listed>,
    /// What it is; absent where it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Listed>,
    /// How, where that can be shown.
    #[serde(flatten)]
    pub shown: Option<Shown>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is new.
    Added,
    /// It holds something else.
    Changed,
    /// It is gone.
    Removed,
}

/// How a file has changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// A text: a unified difference, with three lines around each change.
    Lines(String),
    /// A sheet whose rows have ids.
    Rows(Rows),
}

/// How the rows of a sheet have changed. Their order is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Rows {
    /// Columns that are new.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns_added: Vec<String>,
    /// Columns that are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns_removed: Vec<String>,
    /// New rows.
    pub added: Vec<Row>,
    /// Rows that are gone.
    pub removed: Vec<Row>,
    /// Rows of which a cell is another.
    pub changed: Vec<RowChange>,
    /// How many more there are, of all three: the first [`MOST_ROWS`] of each are listed.
    pub more: usize,
}

/// A row: its cells by column, empty ones left out.
pub type Row = BTreeMap<String, String>;

/// A row of which cells are others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowChange {
    /// Which; several columns make one id in some sheets.
    pub id: Vec<String>,
    /// What each was and is.
    pub cells: BTreeMap<String, [String; 2]>,
}

/// Rows of one kind that are listed at most.
pub const MOST_ROWS: usize = 1_000;

/// Texts beyond this many bytes are not compared line by line.
const MOST_TEXT: usize = 4 << 20;

/// After this long, what is left of a text is shown as one change.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sheets whose rows have ids, and the columns that make them.
const SHEETS: [(&str, &[&str]); 3] =
    [("reps.csv", &["id"]), ("accounts.csv", &["domain"]), ("records.csv", &["kind", "id"])];

/// Every file that differs, in the order of their paths.
pub fn difference(before: &Files, after: &Files) -> Vec<FileDifference> {
    let paths: BTreeSet<&FilePath> = before.iter().chain(after.iter()).map(|(path, _)| path).collect();
    let compare = |path: &FilePath| file(path, before.get(path.as_str()), after.get(path.as_str()));
    paths.into_iter().filter_map(compare).collect()
}

fn file(path: &FilePath, before: Option<&Content>, after: Option<&Content>) -> Option<FileDifference> {
    let (change, shown) = match (before, after) {
        (Some(before), Some(after)) if before.digest() == after.digest() => return None,
        (Some(before), Some(after)) => (Change::Changed, shown(path, before, after)),
        (None, _) => (Change::Added, None),
        (_, None) => (Change::Removed, None),
    };
    let (before, after) = (before.map(Listed::from), after.map(Listed::from));
    Some(FileDifference { path: path.to_string(), change, before, after, shown })
}

fn shown(path: &FilePath, before: &Content, after: &Content) -> Option<Shown> {
    let (before, after) = (before.text()?, after.text()?);
    let ids = SHEETS.iter().find(|(sheet, _)| *sheet == path.as_str());
    let rows = ids.and_then(|(_, ids)| Some(rows(&Sheet::read(before, ids)?, &Sheet::read(after, ids)?)));
    if let Some(rows) = rows {
        return Some(Shown::Rows(rows));
    }
    if before.len().max(after.len()) > MOST_TEXT {
        return None;
    }
    let mut lines = TextDiff::configure();
    let lines = lines.algorithm(Algorithm::Patience).timeout(PATIENCE).diff_lines(before, after);
    Some(Shown::Lines(lines.unified_diff().to_string()))
}

/// The rows of a sheet by their ids, each as it was read: a large sheet is held twice while it is compared.
struct Sheet {
    columns: Vec<String>,
    rows: BTreeMap<Vec<String>, StringRecord>,
}

impl Sheet {
    /// Nothing where it is no sheet, or its rows have no ids that tell them apart.
    fn read(text: &str, ids: &[&str]) -> Option<Self> {
        let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(text.as_bytes());
        let columns: Vec<String> = reader.headers().ok()?.iter().map(str::to_owned).collect();
        if columns.iter().collect::<BTreeSet<_>>().len() < columns.len() {
            return None;
        }
        let place = |id: &&str| columns.iter().position(|column| column == id);
        let ids = ids.iter().map(place).collect::<Option<Vec<usize>>>()?;
        let mut rows = BTreeMap::new();
        for record in reader.into_records() {
            let record = record.ok()?;
            if record.iter().all(str::is_empty) {
                continue;
            }
            let id = ids.iter().map(|&place| record.get(place).map(str::to_owned)).collect::<Option<_>>()?;
            if rows.insert(id, record).is_some() {
                return None;
            }
        }
        Some(Self { columns, rows })
    }

    fn row(&self, record: &StringRecord) -> Row {
        let cells = self.columns.iter().zip(record).filter(|(_, cell)| !cell.is_empty());
        cells.map(|(column, cell)| (column.clone(), cell.to_owned())).collect()
    }

    /// Columns, and rows, that the other has not.
    fn beside<'s>(&'s self, other: &'s Self) -> (Vec<String>, impl Iterator<Item = Row>) {
        let known: BTreeSet<&String> = other.columns.iter().collect();
        let columns = self.columns.iter().filter(|column| !known.contains(column)).cloned().collect();
        let rows = self.rows.iter().filter(|(id, _)| !other.rows.contains_key(*id));
        (columns, rows.map(|(_, record)| self.row(record)))
    }
}

fn rows(before: &Sheet, after: &Sheet) -> Rows {
    let (columns_added, added) = after.beside(before);
    let (columns_removed, removed) = before.beside(after);
    let same_columns = before.columns == after.columns;
    let changed = after.rows.iter().filter_map(|(id, record)| {
        let was = before.rows.get(id)?;
        if same_columns && was == record {
            return None;
        }
        let cells = cells(before.row(was), &after.row(record));
        (!cells.is_empty()).then(|| RowChange { id: id.clone(), cells })
    });
    let mut more = 0;
    Rows {
        columns_added,
        columns_removed,
        added: first(added, &mut more),
        removed: first(removed, &mut more),
        changed: first(changed, &mut more),
        more,
    }
}

fn cells(before: Row, after: &Row) -> BTreeMap<String, [String; 2]> {
    let mut cells: BTreeMap<String, [String; 2]> =
        before.into_iter().map(|(column, cell)| (column, [cell, String::new()])).collect();
    for (column, cell) in after {
        cells.entry(column.clone()).or_default()[1].clone_from(cell);
    }
    cells.retain(|_, [before, after]| before != after);
    cells
}

/// The first [`MOST_ROWS`]; the others are counted.
fn first<T>(mut list: impl Iterator<Item = T>, more: &mut usize) -> Vec<T> {
    let first = list.by_ref().take(MOST_ROWS).collect();
    *more += list.count();
    first
}
