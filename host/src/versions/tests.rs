//! Tests of versions: one `check` for each feature, cases as data.

mod changes;
mod difference;
mod files;
mod hostile;
mod life;

use super::{Content, FilePath, Files, Limits};

/// A folder of these texts.
fn folder(texts: &[(&str, &str)]) -> Files {
    let mut files = Files::default();
    for (path, text) in texts {
        files.add(path.parse().unwrap(), content(text), &Limits::default()).unwrap();
    }
    files
}

fn content(text: &str) -> Content {
    Content::from(text.as_bytes().to_vec())
}

fn path(text: &str) -> FilePath {
    text.parse().unwrap()
}

/// An example's folder, as it is in the repository.
fn example(name: &str) -> Files {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name);
    let copy = tempfile::tempdir().unwrap();
    copy_sources(&root, copy.path());
    Files::from_folder(copy.path(), &Limits::default()).unwrap()
}

/// What a build leaves behind is no part of an example.
fn copy_sources(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_file() {
            std::fs::copy(from, to).unwrap();
        } else if entry.file_name() != "target" {
            std::fs::create_dir(&to).unwrap();
            copy_sources(&from, &to);
        }
    }
}
