//! A folder as a tar archive.
//!
//! What comes in may be anything: sizes are looked at before bytes are read, and the whole stream is bounded, so
//! that an archive that promises more than it may ends with an error, in little memory. What goes out is the same
//! to the bit for the same files.

use std::cell::Cell;
use std::io::{self, Read, Write};

use tar::{Archive, Builder, EntryType, Header};

use super::files::{Content, FilePath, Files, FilesError, Limits};

/// What an archive spends on one file besides its bytes: headers, a long name, attributes, padding.
const OVERHEAD: u64 = 8 << 10;

/// What everything in an archive is a multiple of.
const BLOCK: u64 = 512;

impl Files {
    /// Reads an archive. Folders in it are passed over, as are the attributes of archives that git makes.
    ///
    /// # Errors
    ///
    /// Where it is no archive, holds anything but files and folders, a path that cannot be or one twice, or
    /// where a limit is passed.
    pub fn from_tar(stream: impl Read, limits: &Limits) -> Result<Self, FilesError> {
        let most = limits.total.saturating_add(OVERHEAD.saturating_mul(limits.files as u64 + 1));
        let read = Cell::new(0);
        let mut archive = Archive::new(Counted { stream: stream.take(most), read: &read });
        let mut files = Self::default();
        let mut end = 0;
        for entry in archive.entries().map_err(unreadable)? {
            let mut entry = entry.map_err(unreadable)?;
            end = entry.raw_file_position().saturating_add(entry.size());
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            match entry.header().entry_type() {
                EntryType::Regular | EntryType::Continuous => {}
                EntryType::Directory | EntryType::XGlobalHeader => continue,
                other => return Err(FilesError::NoFile { path, what: what(other) }),
            }
            if is_sparse(&mut entry).map_err(unreadable)? {
                return Err(FilesError::NoFile { path, what: what(EntryType::GNUSparse) });
            }
            let path = match std::str::from_utf8(&entry.path_bytes()) {
                Ok(path) => FilePath::read(path.trim_start_matches("./"))?,
                Err(_) => return Err(FilesError::Path { path, why: super::PathError::Character }),
            };
            files.room(&path, entry.size(), limits)?;
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(unreadable)?;
            if bytes.len() as u64 != entry.size() {
                return Err(unreadable(io::ErrorKind::UnexpectedEof.into()));
            }
            files.add(path, Content::from(bytes), limits)?;
        }
        // An archive ends with a mark; without it, files may be missing.
        match read.get() > end.next_multiple_of(BLOCK) {
            true => Ok(files),
            false => Err(unreadable(io::ErrorKind::UnexpectedEof.into())),
        }
    }

    /// Writes an archive.
    ///
    /// # Errors
    ///
    /// What the writer answers.
    pub fn to_tar<W: Write>(&self, writer: W) -> io::Result<W> {
        let mut archive = Builder::new(writer);
        for (path, content) in self.iter() {
            // Nobody's, of no time.
            let mut header = Header::new_gnu();
            header.set_entry_type(EntryType::Regular);
            header.set_mode(0o644);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(0);
            header.set_size(content.bytes().len() as u64);
            archive.append_data(&mut header, path.as_str(), content.bytes())?;
        }
        archive.into_inner()
    }
}

/// Counts what is read.
struct Counted<'c, R> {
    stream: R,
    read: &'c Cell<u64>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.stream.read(into)?;
        self.read.set(self.read.get() + bytes as u64);
        Ok(bytes)
    }
}

/// Whether the file's bytes are not all of it, by the attributes of archives with holes.
fn is_sparse<R: Read>(entry: &mut tar::Entry<'_, R>) -> io::Result<bool> {
    let Some(attributes) = entry.pax_extensions()? else { return Ok(false) };
    for attribute in attributes {
        if attribute?.key_bytes().starts_with(b"GNU.sparse.") {
            return Ok(true);
        }
    }
    Ok(false)
}

fn what(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Symlink | EntryType::Link => "a link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        EntryType::GNUSparse => "a file with holes",
        _ => "no file",
    }
}

fn unreadable(error: io::Error) -> FilesError {
    FilesError::Unreadable { format: "a tar archive", why: error.to_string() }
}
