//! Files as a folder: read from a disk and written to one, and loaded from where they are.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path};

use tempfile::TempDir;

use super::files::{Content, FilePath, Files, FilesError, Limits};
use crate::config::Folder;

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

/// Nothing is laid out to be loaded: there are no links here, so whatever is there is within.
impl Folder for Files {
    fn names(&self, folder: &Path) -> Vec<String> {
        let Some(above) = within(folder) else { return Vec::new() };
        let above = if above.is_empty() { above } else { above + "/" };
        let below = self.iter().filter_map(|(path, _)| path.as_str().strip_prefix(&above));
        let mut names: Vec<String> =
            below.map(|path| path.split_once('/').map_or(path, |(name, _)| name).to_owned()).collect();
        // Paths come in their order, so that a folder's are one after the other.
        names.dedup();
        names
    }

    fn size(&self, file: &Path) -> io::Result<Option<u64>> {
        let path = within(file).ok_or(io::ErrorKind::NotFound)?;
        match self.get(&path) {
            Some(content) => Ok(Some(content.bytes().len() as u64)),
            None if path.is_empty() || self.has_below(&path) => Ok(None),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn read(&self, file: &Path) -> io::Result<Cow<'_, [u8]>> {
        let content = within(file).and_then(|path| self.get(&path)).ok_or(io::ErrorKind::NotFound)?;
        Ok(Cow::Borrowed(content.bytes()))
    }

    fn holds(&self, file: &Path) -> bool {
        matches!(self.size(file), Ok(Some(_)))
    }
}

/// A path as files are known by it; none where it leads elsewhere.
fn within(path: &Path) -> Option<String> {
    let names = path.components().filter(|part| *part != Component::CurDir).map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    names.collect::<Option<Vec<&str>>>().map(|names| names.join("/"))
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
