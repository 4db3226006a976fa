//! A plugin's cases as they travel with it: `cases/*.json`, `settings.json` and the folder `tenant/` that they are
//! played at, in a tar archive, not compressed. The same files make the same bytes.
//!
//! They are data of a stranger's: what there is of them is bounded before any of it is read.

use std::path::Path;

use tempfile::TempDir;

use crate::digest::Digest;
use crate::versions::{Content, FilePath, Files, FilesError, Limits};

/// The most cases of a plugin.
pub const MAX_CASES: usize = 200;
/// The largest archive of cases, in bytes.
pub const MAX_CASES_BYTES: u64 = 1 << 20;
/// Cases, and files of the folder that they are played at.
const LIMITS: Limits = Limits { files: 2 * MAX_CASES, file: 256 << 10, total: MAX_CASES_BYTES / 2 };

const CASES: &str = "cases/";
const TENANT: &str = "tenant/";
const SETTINGS: &str = "settings.json";

/// Cases, and what they are played at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cases {
    files: Files,
    bytes: Vec<u8>,
}

/// Why files are no cases.
#[derive(Debug, thiserror::Error)]
pub enum CasesError {
    /// They cannot be read, or are too large.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// Something that does not belong to them.
    #[error("{0} is neither a case, nor settings.json, nor a file of tenant/")]
    Foreign(FilePath),
    /// There is none, or there are too many.
    #[error("{0} cases, where a plugin brings 1 to {MAX_CASES}")]
    Number(usize),
    /// The archive cannot be written.
    #[error("the cases cannot be packed: {0}")]
    Packed(#[from] std::io::Error),
}

impl Cases {
    /// Reads the archive.
    ///
    /// # Errors
    ///
    /// [`CasesError`].
    pub fn read(bytes: Vec<u8>) -> Result<Self, CasesError> {
        let files = Files::from_tar(bytes.as_slice(), &LIMITS)?;
        let mut cases = 0;
        for (path, _) in files.iter() {
            let text = path.as_str();
            match text.strip_prefix(CASES) {
                Some(name) if is_case(name) => cases += 1,
                None if text == SETTINGS || text.starts_with(TENANT) => {}
                _ => return Err(CasesError::Foreign(path.clone())),
            }
        }
        match (1..=MAX_CASES).contains(&cases) {
            true => Ok(Self { files, bytes }),
            false => Err(CasesError::Number(cases)),
        }
    }

    /// Those of an author's project; nothing where it has none, or no tenant to play them at.
    ///
    /// # Errors
    ///
    /// [`CasesError`].
    pub fn of_project(folder: &Path) -> Result<Option<Self>, CasesError> {
        if !folder.join(CASES).is_dir() || !folder.join(TENANT).is_dir() {
            return Ok(None);
        }
        let mut files = Files::default();
        let mut add = |path: String, content| files.add(FilePath::read(&path)?, content, &LIMITS);
        for (path, content) in Files::from_folder(&folder.join(CASES), &LIMITS)? {
            if is_case(path.as_str()) {
                add(format!("{CASES}{path}"), content)?;
            }
        }
        for (path, content) in Files::from_folder(&folder.join(TENANT), &LIMITS)? {
            add(format!("{TENANT}{path}"), content)?;
        }
        let settings = folder.join(SETTINGS);
        if settings.is_file() {
            add(SETTINGS.to_owned(), Content::from(std::fs::read(settings)?))?;
        }
        if !files.iter().any(|(path, _)| path.as_str().starts_with(CASES)) {
            return Ok(None);
        }
        Self::read(files.to_tar(Vec::new())?).map(Some)
    }

    /// The archive.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the archive is known by.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// The files in a folder of their own, which is gone once it is dropped.
    ///
    /// # Errors
    ///
    /// Where the disk refuses.
    pub fn laid_out(&self) -> Result<TempDir, FilesError> {
        self.files.laid_out()
    }
}

/// A JSON file at once below its folder, as `lanewright plugin test` takes it.
fn is_case(name: &str) -> bool {
    !name.contains('/') && Path::new(name).extension().is_some_and(|extension| extension == "json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(paths: &[&str], bytes: usize) -> Result<Cases, CasesError> {
        let mut files = Files::default();
        let none = Limits { files: usize::MAX, file: u64::MAX, total: u64::MAX };
        for path in paths {
            let path = FilePath::read(path).expect("a path");
            files.add(path, Content::from(vec![b' '; bytes]), &none).expect("room");
        }
        Cases::read(files.to_tar(Vec::new()).expect("an archive"))
    }

    #[test]
    fn cases_are_bounded_before_they_are_read() {
        let check = |paths: &[&str], bytes: usize, expect: Option<&str>| {
            let found = packed(paths, bytes).err().map(|error| error.to_string());
            match (&found, expect) {
                (None, None) => {}
                (Some(found), Some(part)) => assert!(found.contains(part), "{found}"),
                _ => panic!("{paths:?}: {found:?}, and not {expect:?}"),
            }
        };
        let good = ["cases/one.json", "settings.json", "tenant/tenant.toml", "tenant/calendars/ana.ics"];
        check(&good, 2, None);
        check(&good[1..], 2, Some("0 cases, where a plugin brings 1 to 200"));
        check(&["cases/one.json", "other.json"], 2, Some("other.json is neither a case"));
        check(&["cases/more/one.json"], 2, Some("is neither a case"));
        check(&["cases/one.wasm"], 2, Some("is neither a case"));
        check(&["cases/one.json"], 257 << 10, Some("more than 262144 bytes"));
        check(&["cases/1.json", "cases/2.json", "cases/3.json"], 200 << 10, Some("524288 bytes together"));
        let many: Vec<String> = (0..=MAX_CASES).map(|n| format!("cases/{n}.json")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        check(&many, 2, Some("201 cases"));
        check(&many[1..], 2, None);
        assert!(Cases::read(b"nothing".to_vec()).is_err());
    }

    #[test]
    fn a_projects_cases_are_packed() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
        };
        let packed = || Cases::of_project(folder.path()).expect("is read");
        assert_eq!(packed(), None);
        write("cases/one.json", "{}");
        assert_eq!(packed(), None, "there is nothing to play it at");
        write("tenant/tenant.toml", "");
        let one = packed().expect("cases");
        write("cases/notes.txt", "of no concern");
        assert_eq!(packed(), Some(one.clone()));
        assert_eq!(Cases::read(one.bytes().to_vec()).expect("its own"), one);
        write("settings.json", "{}");
        assert_ne!(packed().expect("cases").digest(), one.digest());
    }
}
