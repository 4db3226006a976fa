//! A folder on a disk: read, written, and kept for a host to load a version from.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::files::{Content, FilePath, Files, FilesError, Limits};
use crate::digest::Digest;
use crate::lead::TenantId;

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

/// A version's folder on this machine, the same as when it was unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    folder: PathBuf,
    digest: Digest,
}

impl Unpacked {
    /// The folder of these files below the host's own, made unless it is there: `configurations/TENANT/DIGEST`.
    ///
    /// It gets its name when it is whole, so that a host that is ended in the middle leaves nothing that could be
    /// taken for it; a folder whose files are others than it was made with is made again.
    ///
    /// # Errors
    ///
    /// Where the disk refuses.
    pub fn at(state: &Path, tenant: &TenantId, files: &Files) -> Result<Self, FilesError> {
        let digest = files.digest();
        let tenant = tenant_folder(state, tenant);
        let folder = tenant.join(digest.hex());
        let unpacked = Self { folder, digest };
        if unpacked.is_whole() {
            return Ok(unpacked);
        }
        fs::create_dir_all(&tenant).map_err(disk(&tenant))?;
        let made = tempfile::Builder::new().prefix(".making-").tempdir_in(&tenant).map_err(disk(&tenant))?;
        files.to_folder(made.path())?;
        unpacked.replace_by(made.path())?;
        Ok(unpacked)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What its files are known by.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    fn is_whole(&self) -> bool {
        let found = self.folder.is_dir().then(|| Files::from_folder(&self.folder, &Limits::NONE));
        found.is_some_and(|found| found.is_ok_and(|files| files.digest() == self.digest))
    }

    fn replace_by(&self, made: &Path) -> Result<(), FilesError> {
        let first = fs::rename(made, &self.folder);
        if first.is_ok() || self.is_whole() {
            // Somebody else may have been faster.
            return Ok(());
        }
        let gone = made.with_extension("gone");
        let again = fs::rename(&self.folder, &gone).and_then(|()| fs::rename(made, &self.folder));
        again.map_err(disk(&self.folder))?;
        fs::remove_dir_all(&gone).map_err(disk(&gone))
    }
}

/// Takes away what was unpacked for a tenant, apart from these versions.
///
/// # Errors
///
/// Where the disk refuses.
pub fn keep_unpacked(state: &Path, tenant: &TenantId, kept: &[Digest]) -> Result<(), FilesError> {
    let folder = tenant_folder(state, tenant);
    if !folder.exists() {
        return Ok(());
    }
    if kept.is_empty() {
        return fs::remove_dir_all(&folder).map_err(disk(&folder));
    }
    for entry in fs::read_dir(&folder).map_err(disk(&folder))? {
        let version = entry.map_err(disk(&folder))?.path();
        if !kept.iter().any(|digest| version.ends_with(digest.hex())) {
            fs::remove_dir_all(&version).map_err(disk(&version))?;
        }
    }
    Ok(())
}

/// An id may hold what a folder's name may not; such a tenant's folder is named by its digest.
fn tenant_folder(state: &Path, tenant: &TenantId) -> PathBuf {
    let id = tenant.as_str();
    let is_plain = id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let name = if is_plain { id.to_owned() } else { format!("_{}", Digest::of(id).hex()) };
    state.join("configurations").join(name)
}

fn disk(path: &Path) -> impl Fn(io::Error) -> FilesError {
    let path = path.display().to_string();
    move |source| FilesError::Disk { path: path.clone(), source }
}
