//! Files into text, with everything that is wrong collected on the way.
//!
//! Nothing here stops at the first problem: readers add to [`Findings`] and go on with what they could
//! read, so that a tenant sees everything at once.

use std::cell::RefCell;
use std::io;
use std::ops::Range;
use std::path::Path;

use super::{Folder, Place, Problem};

/// The largest file of a folder, in bytes: above a hundred thousand records, which take some 20 MiB, and
/// below what hurts.
const MAX_FILE: u64 = 64 << 20;

/// Every problem found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings(RefCell<Vec<Problem>>);

impl Findings {
    pub(crate) fn add(&self, problem: Problem) {
        self.0.borrow_mut().push(problem);
    }

    /// How many there are so far.
    pub(super) fn number(&self) -> usize {
        self.0.borrow().len()
    }

    /// In the order of the files as given, then of their lines.
    pub(crate) fn sorted(self, files: &[&str]) -> Vec<Problem> {
        let mut problems = self.0.into_inner();
        let rank =
            |problem: &Problem| files.iter().position(|file| *file == problem.file).unwrap_or(files.len());
        problems.sort_by(|a, b| (rank(a), &a.file, a.line).cmp(&(rank(b), &b.file, b.line)));
        problems.dedup();
        problems
    }
}

/// What became of a file.
pub(crate) enum File {
    /// It is not there.
    Absent,
    /// It cannot be read; a problem says why.
    Unreadable,
    /// Its text, without a byte order mark.
    Text(String),
}

/// Reads a file of a folder as text.
pub(crate) fn read(folder: &dyn Folder, file: &str, findings: &Findings) -> File {
    let unreadable = |line: usize, message: String, hint: &str| {
        let place = Place { file: file.to_owned(), line };
        findings.add(Problem::at(&place, message).hint(hint));
        File::Unreadable
    };
    let path = Path::new(file);
    match folder.size(path) {
        Ok(None) => return unreadable(0, "this is not a file".to_owned(), "put a file there"),
        Ok(Some(bytes)) if bytes > MAX_FILE => {
            let message = format!("the file has {bytes} bytes, at most {MAX_FILE} are read");
            return unreadable(0, message, "a folder holds one tenant; leads and history live elsewhere");
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return File::Absent,
        Err(error) => {
            return unreadable(0, format!("the file cannot be read: {error}"), "look at its permissions");
        }
    }
    match folder.read(path).map(|bytes| String::from_utf8(bytes.into_owned())) {
        Ok(Ok(text)) => File::Text(text.strip_prefix('\u{FEFF}').map(str::to_owned).unwrap_or(text)),
        Ok(Err(error)) => {
            let good = error.utf8_error().valid_up_to();
            let line = 1 + error.as_bytes()[..good].iter().filter(|byte| **byte == b'\n').count();
            unreadable(line, "this line is not UTF-8".to_owned(), "save the file as UTF-8")
        }
        Err(error) => unreadable(0, format!("the file cannot be read: {error}"), "look at its permissions"),
    }
}

/// A text whose places can be named.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
    pub(crate) findings: &'a Findings,
    /// Where lines end, so that a place is found in a file of any length at once.
    ends: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str, findings: &'a Findings) -> Self {
        let ends = text.match_indices('\n').map(|(end, _)| end).collect();
        Self { file, text, findings, ends }
    }

    /// The line where these bytes begin; the last one for what is missing at the end.
    pub(crate) fn place(&self, span: &Range<usize>) -> Place {
        let line = 1 + self.ends.partition_point(|end| *end < span.start);
        let last = self.ends.len() + usize::from(!self.text.ends_with('\n'));
        Place { file: self.file.to_owned(), line: line.min(last.max(1)) }
    }

    /// The file as a whole.
    pub(super) fn whole(&self) -> Place {
        Place { file: self.file.to_owned(), line: 0 }
    }
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) place: Place,
}
