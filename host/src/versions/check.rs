//! A version checked as a host would load it.

use super::files::Files;
use crate::config::{Folder, Problems};
use crate::digest::Digest;

/// Files that were checked, and are without a problem; what is approved and published has to have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    digest: Digest,
}

/// Loads the files as `load` does: the folder's checks, then plugins.
///
/// # Errors
///
/// Every problem at once.
pub fn check(
    files: &Files,
    load: impl FnOnce(&dyn Folder) -> Result<(), Problems>,
) -> Result<Checked, Problems> {
    load(files).map(|()| Checked { digest: files.digest() })
}

impl Checked {
    /// Of the files.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}
