//! A version checked as a host would load it.

use std::path::Path;

use super::files::{Files, FilesError};
use crate::config::Problems;
use crate::digest::Digest;

/// Files that were checked, and are without a problem; what is approved and published has to have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    digest: Digest,
}

/// Why files are not checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// They have these problems.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// They could not be laid out for the check.
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// Lays the files out in a folder of their own and loads them as `load` does: the folder's checks, then plugins.
///
/// # Errors
///
/// Every problem at once; or the disk refuses.
pub fn check(files: &Files, load: impl FnOnce(&Path) -> Result<(), Problems>) -> Result<Checked, CheckError> {
    let folder = files.laid_out()?;
    match load(folder.path()) {
        Ok(()) => Ok(Checked { digest: files.digest() }),
        Err(Problems(mut problems)) => {
            // Where it was laid out is nobody's concern.
            let here = format!("{}/", folder.path().display());
            for problem in &mut problems {
                problem.message = problem.message.replace(&here, "");
            }
            Err(Problems(problems).into())
        }
    }
}

impl Checked {
    /// Of the files.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}
