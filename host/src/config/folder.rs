//! Where the files of a tenant lie: on a disk, or in memory as they came from the database.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::Path;

/// The files of a tenant, by their paths from its folder.
pub trait Folder: Sync {
    /// Names of the files and folders in one of its folders, the folder itself being `""`, in any order; none where
    /// there is no such folder.
    fn names(&self, folder: &Path) -> Vec<String>;

    /// How many bytes a file has; nothing where something stands there that is no file.
    ///
    /// # Errors
    ///
    /// There is nothing, or it cannot be looked at.
    fn size(&self, file: &Path) -> io::Result<Option<u64>>;

    /// What a file holds.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be read.
    fn read(&self, file: &Path) -> io::Result<Cow<'_, [u8]>>;

    /// Whether a file that is there is within the folder, and no link that leads out.
    fn holds(&self, file: &Path) -> bool;
}

/// A folder of the disk.
#[derive(Debug, Clone, Copy)]
pub struct Disk<'p>(pub &'p Path);

impl Folder for Disk<'_> {
    fn names(&self, folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(self.0.join(folder)).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    fn size(&self, file: &Path) -> io::Result<Option<u64>> {
        let found = fs::metadata(self.0.join(file))?;
        Ok(found.is_file().then_some(found.len()))
    }

    fn read(&self, file: &Path) -> io::Result<Cow<'_, [u8]>> {
        fs::read(self.0.join(file)).map(Cow::Owned)
    }

    fn holds(&self, file: &Path) -> bool {
        let (found, folder) = (self.0.join(file).canonicalize(), self.0.canonicalize());
        found.is_ok_and(|found| folder.is_ok_and(|folder| found.starts_with(folder)))
    }
}
