//! A tenant's configuration as versions: every folder it ever had, from draft to publication and back.
//!
//! ```text
//! archive, JSON, folder ─▶ Files ─ draft, edit ─▶ store ─ read ─▶ Files ─ check ─▶ Checked ─ approve, schedule ─▶
//!                                                                                                           store
//!                          Files ─ loaded by a host where they are, as a folder of a disk would be
//! ```
//!
//! A version is a draft until somebody approves or publishes it, and is never changed from then on: what was in force
//! at any time can be seen, compared and published again. [`Version`] says who may do what to it, and when;
//! [`draft`] and its neighbours are the same as commits of the tenant. That a version comes into force is a commit of
//! the tenant's line, which decides by it from then on; [`Version::may_publish`] says whether it may.

mod archive;
mod changes;
mod check;
mod difference;
mod files;
mod folder;
mod json;
mod life;

pub use changes::{
    Edit, EditedFiles, Error, Start, approve, discard, draft, edit, file, listing, read, refuse, roll_back,
    schedule, version, versions,
};
pub use check::{Checked, check};
pub use difference::{Change, FileDifference, MOST_ROWS, Row, RowChange, Rows, Shown, difference};
pub use files::{Content, FilePath, Files, FilesError, Limits, Listed, MAX_NAME, MAX_PATH, PathError};
pub use json::{Edits, MAX_NOTE};
pub use life::{By, Deed, IDLE, Lock, Move, Refusal, Seen, State, Version};

#[cfg(test)]
mod tests;
