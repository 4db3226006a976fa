//! A folder on a disk: read, written, and laid out for as long as something is loaded from it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use tempfile::TempDir;

use super::files::{Content, FilePath, Files, FilesError, Limits};

impl Files {
    /// Reads a folder and everything below it.
    ///
    /// # Errors
    ///
    /// Where there is a link or a device, a name that cannot be in a path, a limit is passed, or the disk refuses.
    pub fn from_folder(folder: &Path, limits: &Limits) -> Result<Self, FilesError> {
        let mut files = Self::default();
        read(folder, "", &mut files, limits)?;
        Ok(files)
    }

    /// The files in a folder of their own, which is gone once it is dropped.
    ///
    /// # Errors
    ///
    /// Where the disk refuses.
    pub fn laid_out(&self) -> Result<TempDir, FilesError> {
        let folder = tempfile::tempdir().map_err(disk(&std::env::temp_dir()))?;
        self.to_folder(folder.path())?;
        Ok(folder)
    }

    /// Writes the files into a folder that is there and has none of them yet.
    ///
    /// # Errors
    ///
    /// Where the disk refuses, or a file is there.
    pub fn to_folder(&self, folder: &Path) -> Result<(), FilesError> {
        for (path, content) in self.iter() {
            let path = folder.join(path.as_str());
            let write = || {
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                File::create_new(&path)?.write_all(content.bytes())
            };
            write().map_err(disk(&path))?;
        }
        Ok(())
    }
}

fn read(folder: &Path, above: &str, files: &mut Files, limits: &Limits) -> Result<(), FilesError> {
    for entry in fs::read_dir(folder).map_err(disk(folder))? {
        let entry = entry.map_err(disk(folder))?;
        let (place, kind) = (entry.path(), entry.file_type().map_err(disk(folder))?);
        let name = entry.file_name();
        let path = format!("{above}{}", name.to_string_lossy());
        if name.to_str().is_none() {
            return Err(FilesError::Path { path, why: super::PathError::Character });
        }
        if kind.is_dir() {
            // Too deep a folder is refused before it is gone into.
            FilePath::read(&path)?;
            read(&place, &format!("{path}/"), files, limits)?;
        } else if kind.is_file() {
            let path = FilePath::read(&path)?;
            let file = File::open(&place).map_err(disk(&place))?;
            files.room(&path, file.metadata().map_err(disk(&place))?.len(), limits)?;
            let mut bytes = Vec::new();
            // It may grow meanwhile.
            file.take(limits.file.saturating_add(1)).read_to_end(&mut bytes).map_err(disk(&place))?;
            files.add(path, Content::from(bytes), limits)?;
        } else {
            let what = if kind.is_symlink() { "a link" } else { "a device" };
            return Err(FilesError::NoFile { path, what });
        }
    }
    Ok(())
}

fn disk(path: &Path) -> impl Fn(io::Error) -> FilesError {
    let path = path.display().to_string();
    move |source| FilesError::Disk { path: path.clone(), source }
}
