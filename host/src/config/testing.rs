//! Tenant folders for tests: small inline files in a directory that goes away with its handle.

use std::fs;

use tempfile::TempDir;

use super::{Config, load};

/// One lane, one team, two reps: the least that is interesting.
pub(crate) const SMALL: &[(&str, &str)] = &[
    (
        "tenant.toml",
        r#"
        [tenant]
        id = "acme"
        name = "Acme"
        currency = "USD"
        timezone = "America/New_York"

        [[lanes]]
        id = "sales"
        name = "Sales"
        definition = "Companies that want a quote, a demo or a pilot."
        team = "sales"
        "#,
    ),
    ("teams.toml", "[[teams]]\nid = \"sales\"\nname = \"Sales\"\nmanager = \"ana\"\n"),
    ("reps.csv", "id,name,team,max_open\nana,Ana Lima,sales,25\nbo,Bo Ek,sales,25\n"),
];

/// A folder with these files; a name may hold directories.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// [`SMALL`] with some files added or replaced.
pub(crate) fn small_with(files: &[(&str, &str)]) -> TempDir {
    let mut all = SMALL.to_vec();
    all.retain(|(name, _)| !files.iter().any(|(other, _)| other == name));
    all.extend_from_slice(files);
    folder(&all)
}

/// The configuration of a folder that is right. It stays usable when the folder is gone.
#[track_caller]
pub(crate) fn config(files: &[(&str, &str)]) -> Config {
    load(folder(files).path()).unwrap_or_else(|problems| {
        let lines: Vec<String> = problems.0.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}
