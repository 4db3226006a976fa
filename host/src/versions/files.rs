//! The files of a tenant's folder as a value: what paths there may be, and how much of it.
//!
//! Whatever a folder comes from (an archive, JSON, a disk), it becomes [`Files`] here, under the same rules;
//! what comes out again has the same bytes. Files are all there is: a folder exists by what is in it, and links,
//! devices, owners and times are nothing a configuration could mean.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::digest::Digest;

/// Files by their paths, in the order of those: with what they hold, or as a list ([`Listed`]).
#[derive(Clone, PartialEq, Eq)]
pub struct Files<F = Content> {
    files: BTreeMap<FilePath, F>,
    /// Of all of them.
    bytes: u64,
}

/// What a file holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    bytes: Vec<u8>,
    digest: Digest,
}

/// A file of which only that much is at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// How long it is.
    pub bytes: u64,
    /// What its bytes are known by.
    pub digest: Digest,
}

impl From<&Content> for Listed {
    fn from(content: &Content) -> Self {
        Self { bytes: content.bytes.len() as u64, digest: content.digest }
    }
}

impl From<&Listed> for Listed {
    fn from(listed: &Listed) -> Self {
        *listed
    }
}

/// Where a file is in its folder: names joined by `/`, that lead nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilePath(String);

/// How much a folder may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files.
    pub files: usize,
    /// Bytes of one file.
    pub file: u64,
    /// Bytes of all files.
    pub total: u64,
}

impl Limits {
    /// For what was within its limits when it came in.
    pub(super) const NONE: Self = Self { files: usize::MAX, file: u64::MAX, total: u64::MAX };
}

impl Default for Limits {
    /// As many calendars as large teams have, and the largest sheet that is read.
    fn default() -> Self {
        Self { files: 10_000, file: 64 << 20, total: 256 << 20 }
    }
}

/// The longest path, in bytes.
pub const MAX_PATH: usize = 512;
/// The longest name in a path, in bytes: what file systems take.
pub const MAX_NAME: usize = 255;

/// Why a text is no path of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// There is nothing in it.
    #[error("a path cannot be empty")]
    Empty,
    /// It is longer than [`MAX_PATH`], or a name in it is longer than [`MAX_NAME`].
    #[error("a path has at most {MAX_PATH} bytes, and each name in it at most {MAX_NAME}")]
    TooLong,
    /// It starts at the root of a disk.
    #[error("a path starts in the folder, without a leading `/`")]
    Absolute,
    /// A name in it is empty, `.` or `..`.
    #[error("a path is names joined by `/`, none of them empty, `.` or `..`")]
    Name,
    /// It is not UTF-8, or holds a control character or a backslash, which not every system takes for the same.
    #[error("a path is UTF-8 without control characters and backslashes")]
    Character,
}

/// Why files cannot be a folder.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A path that cannot be.
    #[error("{path:?} cannot be a file's path: {why}")]
    Path {
        /// As it was written.
        path: String,
        /// What is wrong with it.
        why: PathError,
    },
    /// One path twice.
    #[error("{0} is there twice; leave one out")]
    Twice(FilePath),
    /// A path that is both a file and a folder of other files.
    #[error("{0} is a file, and files are below it; rename one")]
    Within(FilePath),
    /// No plain file.
    #[error("{path} is {what}; put a copy of the file in its place")]
    NoFile {
        /// Where.
        path: String,
        /// A link, a device, …
        what: &'static str,
    },
    /// Too many files.
    #[error("there are more than {0} files; leave out what the configuration does not read")]
    TooMany(usize),
    /// A file that is too large.
    #[error("{path} has more than {most} bytes")]
    TooLarge {
        /// Which.
        path: FilePath,
        /// How many it may have.
        most: u64,
    },
    /// All files together are too large.
    #[error("the files have more than {0} bytes together")]
    TooLargeTogether(u64),
    /// It is no archive, no such JSON, or it ends in the middle.
    #[error("it cannot be read as {format}: {why}")]
    Unreadable {
        /// What it should be.
        format: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The disk refuses.
    #[error("{path} cannot be read or written")]
    Disk {
        /// Which file or folder.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

impl<F> Files<F>
where
    for<'f> Listed: From<&'f F>,
{
    /// Adds a file.
    ///
    /// # Errors
    ///
    /// Where there is one at the path, above it or below it, or where a limit is passed. Nothing was added then.
    pub fn add(&mut self, path: FilePath, file: F, limits: &Limits) -> Result<(), FilesError> {
        if self.files.contains_key(&path) {
            return Err(FilesError::Twice(path));
        }
        let bytes = Listed::from(&file).bytes;
        self.room(&path, bytes, limits)?;
        if let Some(above) = path.above().find(|above| self.files.contains_key(*above)) {
            return Err(FilesError::Within(FilePath(above.to_owned())));
        }
        if self.has_below(path.as_str()) {
            return Err(FilesError::Within(path));
        }
        self.bytes += bytes;
        self.files.insert(path, file);
        Ok(())
    }

    /// Puts a file in the place of what was there.
    ///
    /// # Errors
    ///
    /// As [`Self::add`]; what was there is gone then.
    pub fn put(&mut self, path: FilePath, file: F, limits: &Limits) -> Result<(), FilesError> {
        self.remove(&path);
        self.add(path, file, limits)
    }

    /// Takes a file away; whether there was one.
    pub fn remove(&mut self, path: &FilePath) -> bool {
        let gone = self.files.remove(path);
        self.bytes -= gone.as_ref().map_or(0, |file| Listed::from(file).bytes);
        gone.is_some()
    }

    /// Whether one more file of this size has room.
    pub(super) fn room(&self, path: &FilePath, bytes: u64, limits: &Limits) -> Result<(), FilesError> {
        if self.files.len() >= limits.files {
            return Err(FilesError::TooMany(limits.files));
        }
        if bytes > limits.file {
            return Err(FilesError::TooLarge { path: path.clone(), most: limits.file });
        }
        if self.bytes().saturating_add(bytes) > limits.total {
            return Err(FilesError::TooLargeTogether(limits.total));
        }
        Ok(())
    }

    pub(super) fn has_below(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        let next = self
            .files
            .range::<str, _>((std::ops::Bound::Included(folder.as_str()), std::ops::Bound::Unbounded));
        next.take(1).any(|(next, _)| next.0.starts_with(&folder))
    }

    /// One file.
    pub fn get(&self, path: &str) -> Option<&F> {
        self.files.get(path)
    }

    /// All files, in the order of their paths.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&FilePath, &F)> {
        self.files.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What the folder is known by: its paths and what is in them, to the byte.
    pub fn digest(&self) -> Digest {
        let digests: Vec<(&FilePath, Digest)> =
            self.iter().map(|(path, file)| (path, Listed::from(file).digest)).collect();
        let parts = digests.iter().flat_map(|(path, digest)| [path.0.as_bytes(), digest.bytes().as_slice()]);
        Digest::of_parts(parts)
    }

    /// The list of them.
    pub fn listed(&self) -> Files<Listed> {
        let files = self.iter().map(|(path, file)| (path.clone(), Listed::from(file))).collect();
        Files { files, bytes: self.bytes }
    }
}

impl<F> IntoIterator for Files<F> {
    type Item = (FilePath, F);
    type IntoIter = std::collections::btree_map::IntoIter<FilePath, F>;
    fn into_iter(self) -> Self::IntoIter {
        self.files.into_iter()
    }
}

impl<F> Default for Files<F> {
    fn default() -> Self {
        Self { files: BTreeMap::new(), bytes: 0 }
    }
}

impl Content {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What they are known by.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The same as text, where it is UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self { digest: Digest::of(&bytes), bytes }
    }
}

impl Serialize for Files<Listed> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter().map(|(path, file)| (path.as_str(), file)))
    }
}

impl<F: fmt::Debug> fmt::Debug for Files<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.files.iter().map(|(path, file)| (path.as_str(), file))).finish()
    }
}

impl fmt::Debug for Content {
    /// Not the bytes, which may be people's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, {}", self.bytes.len(), self.digest)
    }
}

impl FilePath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folders it is in, the outermost first.
    fn above(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(end, _)| &self.0[..end])
    }
}

impl FromStr for FilePath {
    type Err = PathError;
    fn from_str(text: &str) -> Result<Self, PathError> {
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        if text.starts_with('/') {
            return Err(PathError::Absolute);
        }
        if text.chars().any(|c| c.is_control() || c == '\\') {
            return Err(PathError::Character);
        }
        if text.split('/').any(|name| matches!(name, "" | "." | "..")) {
            return Err(PathError::Name);
        }
        if text.len() > MAX_PATH || text.split('/').any(|name| name.len() > MAX_NAME) {
            return Err(PathError::TooLong);
        }
        Ok(Self(text.to_owned()))
    }
}

impl FilePath {
    /// A path as it was written somewhere.
    ///
    /// # Errors
    ///
    /// [`FilesError::Path`], which names it.
    pub fn read(text: &str) -> Result<Self, FilesError> {
        text.parse().map_err(|why| FilesError::Path { path: text.chars().take(MAX_PATH).collect(), why })
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// A path orders and compares as its text does, so maps can be asked with a `&str`.
impl std::borrow::Borrow<str> for FilePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}
