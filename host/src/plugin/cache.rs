//! What was made of components, kept on disk: machine code, and what plugins prepared.
//!
//! Machine code is only ever loaded if this host made it. Each file starts with an authentication code
//! under the host's own key, over the file's kind, its name and its content, so that neither an edited
//! nor a swapped nor a foreign file is taken; one that does not fit is made again. The folder and the key
//! are the host's alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::digest::Digest;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Machine code of a component.
    Code,
    /// What was found out of a component when it was compiled, as JSON.
    Surface,
    /// What a plugin prepared of settings and lanes, after it found nothing wrong with them.
    Ready,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Surface => "surface",
            Self::Ready => "ready",
        }
    }
}

/// The folder, and the key its files are believed by.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    key: [u8; 32],
}

const MAC: usize = 32;

impl Cache {
    /// Opens the folder, and makes it and its key where they are missing.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        private_folder(folder)?;
        Ok(Self { folder: folder.to_owned(), key: key(&folder.join("host.key"))? })
    }

    /// What was kept under this name, if it is there and ours.
    pub(super) fn get(&self, kind: Kind, name: &Digest) -> Option<Vec<u8>> {
        let mut file = File::open(self.path(kind, name)).ok()?;
        let mut mac = [0; MAC];
        file.read_exact(&mut mac).ok()?;
        let mut content = Vec::new();
        file.read_to_end(&mut content).ok()?;
        // Hashes compare in constant time.
        (self.mac(kind, name, &content) == blake3::Hash::from_bytes(mac)).then_some(content)
    }

    /// Keeps something under this name. A file is whole or absent, whoever writes beside us.
    pub(super) fn put(&self, kind: Kind, name: &Digest, content: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(self.mac(kind, name, content).as_bytes())?;
        file.write_all(content)?;
        file.persist(self.path(kind, name)).map(drop).map_err(|error| error.error)
    }

    fn path(&self, kind: Kind, name: &Digest) -> PathBuf {
        self.folder.join(format!("{}.{}", name.hex(), kind.name()))
    }

    fn mac(&self, kind: Kind, name: &Digest, content: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(kind.name().as_bytes()).update(&[0]).update(name.bytes()).update(content);
        hasher.finalize()
    }
}

fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(folder)?.permissions().mode();
        if mode & 0o022 != 0 {
            let message = format!("{} can be written by others; take that right away", folder.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
    }
    Ok(())
}

/// The key, made at first use; where two hosts start at once, one key wins.
fn key(path: &Path) -> io::Result<[u8; 32]> {
    if !path.exists() {
        let mut fresh = [0; 32];
        getrandom::fill(&mut fresh).map_err(|error| io::Error::other(error.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&fresh)?;
        match file.persist_noclobber(path) {
            Ok(_) => {}
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.error),
        }
    }
    let mut key = [0; 32];
    let mut file = OpenOptions::new().read(true).open(path)?;
    file.read_exact(&mut key)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_this_host_made_is_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::open(&folder.path().join("cache")).expect("a cache");
        let (one, two) = (Digest::of("one"), Digest::of("two"));
        cache.put(Kind::Code, &one, b"machine code").expect("kept");
        let check = |what: &str, spoil: &dyn Fn(&Path), expect: bool| {
            cache.put(Kind::Code, &one, b"machine code").expect("kept");
            spoil(&cache.path(Kind::Code, &one));
            assert_eq!(cache.get(Kind::Code, &one).is_some(), expect, "{what}");
        };
        let rewrite = |path: &Path, change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = fs::read(path).expect("there");
            change(&mut bytes);
            fs::write(path, bytes).expect("written");
        };
        check("as written", &|_| {}, true);
        check("a byte changed", &|path| rewrite(path, &|bytes| bytes[40] ^= 1), false);
        check("a byte added", &|path| rewrite(path, &|bytes| bytes.push(0)), false);
        check("cut short", &|path| rewrite(path, &|bytes| bytes.truncate(20)), false);
        check("without a code", &|path| fs::write(path, b"machine code").expect("written"), false);
        check("gone", &|path| fs::remove_file(path).expect("removed"), false);

        // A file of ours under another name, of another kind, or made under another key.
        cache.put(Kind::Code, &one, b"machine code").expect("kept");
        fs::copy(cache.path(Kind::Code, &one), cache.path(Kind::Code, &two)).expect("copied");
        assert_eq!(cache.get(Kind::Code, &two), None);
        fs::copy(cache.path(Kind::Code, &one), cache.path(Kind::Ready, &one)).expect("copied");
        assert_eq!(cache.get(Kind::Ready, &one), None);
        let other = Cache::open(&folder.path().join("other")).expect("a cache");
        fs::copy(cache.path(Kind::Code, &one), other.path(Kind::Code, &one)).expect("copied");
        assert_eq!(other.get(Kind::Code, &one), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_others_can_write_is_not_trusted() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("set");
        let error = Cache::open(folder.path()).expect_err("refused");
        assert!(error.to_string().contains("can be written by others"), "{error}");
    }
}
