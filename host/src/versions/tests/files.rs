//! What paths there may be, how much, and that what goes in comes out.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::json;

use super::super::{Content, Edit, EditedFiles, FilePath, Files, Limits, PathError, Start};
use super::{content, example, folder, path};
use crate::config::{Config, Disk, Folder, Problems, load, load_from};

#[test]
fn a_path_stays_in_its_folder() {
    let check = |text: &str, expect: Result<(), PathError>| {
        assert_eq!(text.parse::<FilePath>().map(|_| ()), expect, "{text:?}");
    };
    check("tenant.toml", Ok(()));
    check("calendars/ana lima.ics", Ok(()));
    check(".hidden/…/ñ", Ok(()));
    check("", Err(PathError::Empty));
    check("/etc/passwd", Err(PathError::Absolute));
    check("a//b", Err(PathError::Name));
    check("a/", Err(PathError::Name));
    check("./a", Err(PathError::Name));
    check("..", Err(PathError::Name));
    check("a/../../b", Err(PathError::Name));
    check("a\0b", Err(PathError::Character));
    check("a\nb", Err(PathError::Character));
    check("..\\a", Err(PathError::Character));
    check(&"a".repeat(256), Err(PathError::TooLong));
    check(&"a/".repeat(256).repeat(2), Err(PathError::Name));
    check(&vec!["a"; 257].join("/"), Err(PathError::TooLong));
}

#[test]
fn files_keep_their_rules() {
    let limits = Limits { files: 3, file: 4, total: 8 };
    let check = |more: &[(&str, &str)], expect: &[&str]| {
        let mut files = folder(&[("a", "1"), ("b/c", "22")]);
        let found: Vec<String> = more
            .iter()
            .filter_map(|(at, text)| files.add(path(at), content(text), &limits).err())
            .map(|error| error.to_string())
            .collect();
        assert_eq!(found, expect, "{more:?}");
    };
    check(&[("c", "3333")], &[]);
    check(&[("a", "1")], &["a is there twice; leave one out"]);
    check(&[("a/b", "1")], &["a is a file, and files are below it; rename one"]);
    check(&[("b", "1")], &["b is a file, and files are below it; rename one"]);
    check(&[("b.c", "1")], &[]);
    check(&[("c", "55555")], &["c has more than 4 bytes"]);
    check(
        &[("c", ""), ("d", "")],
        &["there are more than 3 files; leave out what the configuration does not read"],
    );
    let narrow = Limits { total: 6, ..limits };
    let mut files = folder(&[("a", "1"), ("b", "22")]);
    let error = files.add(path("c"), content("4444"), &narrow).unwrap_err();
    assert_eq!(error.to_string(), "the files have more than 6 bytes together");
    files.put(path("b"), content("4444"), &narrow).unwrap();
    assert_eq!((files.len(), files.bytes()), (2, 5), "what it replaces makes room");
}

#[test]
fn json_is_text_where_it_can_be() {
    let mut files = folder(&[("tenant.toml", "name = \"Ærø\"\r\n")]);
    files.add(path("logo.wasm"), Content::from(vec![0, 0xff]), &Limits::default()).unwrap();
    let written = json!({"files": {"logo.wasm": {"base64": "AP8="}, "tenant.toml": "name = \"Ærø\"\r\n"}});
    assert_eq!(files.to_json(), written);
    assert_eq!(Files::from_json(written.to_string().as_bytes(), &Limits::default()).unwrap(), files);

    let check = |json: &str, expect: &str| {
        let error = Files::from_json(json.as_bytes(), &Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), expect, "{json}");
    };
    check(r#"{"files": {"a": "1", "a": "2"}}"#, "a is there twice; leave one out");
    check(
        r#"{"files": {"../a": ""}}"#,
        "\"../a\" cannot be a file's path: a path is names joined by `/`, none of them empty, `.` or `..`",
    );
    check(
        r#"{"files": {"a": {"base64": "?"}}}"#,
        "it cannot be read as the JSON of a folder: a file is its text, or {\"base64\": \"…\"} at line 1 column 32",
    );
    check(
        r#"{"files": {}, "note": ""}"#,
        "it cannot be read as the JSON of a folder: unknown field `note`, expected `files` at line 1 column 20",
    );
}

#[test]
fn drafts_and_edits_have_notes() {
    let limits = Limits::default();
    let start = |json: &str| Start::from_json(json.as_bytes(), &limits).map_err(|error| error.to_string());
    let new = || "new".to_owned();
    assert_eq!(start("{}"), Ok((Start::Empty, String::new())));
    assert_eq!(start(r#"{"base": 3, "note": "new"}"#), Ok((Start::From(3), new())));
    assert_eq!(start(r#"{"files": {"a": "1"}}"#), Ok((Start::Files(folder(&[("a", "1")])), String::new())));
    let wrong = |why: &str| Err(format!("it cannot be read as the JSON of a folder: {why}"));
    let both = start(r#"{"files": {}, "base": 3}"#);
    assert_eq!(both, wrong("it has `files` and `base`; leave one out"));
    let long = start(&json!({"note": "x".repeat(1_001)}).to_string());
    assert_eq!(long, wrong("a note has at most 1000 bytes at line 1 column 1012"));

    let some = Edit::from_json(br#"{"files": {"a": null, "b": "2"}}"#).unwrap();
    let edits = [(path("a"), None), (path("b"), Some(content("2")))].into();
    assert_eq!(some, Edit { note: None, files: EditedFiles::Some(edits) });
    let none = Edit::from_json(br#"{"note": "new"}"#).unwrap();
    assert_eq!(none, Edit { note: Some(new()), files: EditedFiles::None });
    let all = Edit::all_from_json(br#"{"files": {"a": "1"}, "note": "new"}"#, &limits).unwrap();
    assert_eq!(all, Edit { note: Some(new()), files: EditedFiles::All(folder(&[("a", "1")])) });
    let twice = Edit::from_json(br#"{"files": {"a": null, "a": "2"}}"#).unwrap_err();
    assert_eq!(twice.to_string(), "a is there twice; leave one out");
    assert!(Edit::all_from_json(br#"{"files": {"a": null}}"#, &limits).is_err());
}

#[test]
fn examples_come_out_as_they_went_in() {
    for name in ["northwind", "harbour"] {
        let files = example(name);
        assert!(files.get("tenant.toml").is_some_and(|file| file.text().is_some()), "{name}");
        round_trip(&files);
    }
}

/// Every way out is a way in, to the byte, and an archive is the same to the bit.
fn round_trip(files: &Files) {
    let limits = Limits::default();
    let tar = files.to_tar(Vec::new()).unwrap();
    let from_tar = Files::from_tar(tar.as_slice(), &limits).unwrap();
    assert_eq!(from_tar, *files);
    assert_eq!(from_tar.to_tar(Vec::new()).unwrap(), tar);
    let json = files.to_json().to_string();
    assert_eq!(Files::from_json(json.as_bytes(), &limits).unwrap(), *files);
    let disk = tempfile::tempdir().unwrap();
    files.to_folder(disk.path()).unwrap();
    assert_eq!(Files::from_folder(disk.path(), &limits).unwrap(), *files);
}

/// Files as they come: text and bytes, of any length around a block of an archive, at long and odd paths.
fn any_files() -> impl Strategy<Value = Files> {
    let name = prop_oneof![
        3 => "[a-c]{1,2}",
        1 => "[a-zæ … .]{1,8}[a-z]",
        1 => "[a-z]{99,120}",
    ];
    let path = vec(name, 1..4).prop_map(|names| names.join("/"));
    let bytes = prop_oneof![
        vec(any::<u8>(), 0..40),
        "\\PC{0,40}".prop_map(String::into_bytes),
        (510..515_usize).prop_map(|length| vec![0; length]),
    ];
    btree_map(path, bytes, 0..12).prop_map(|map| {
        let mut files = Files::default();
        for (path, bytes) in map {
            // One that cannot be beside the others is left out.
            let _ = path.parse().map(|path| files.add(path, Content::from(bytes), &Limits::default()));
        }
        files
    })
}

proptest! {
    #[test]
    fn files_come_out_as_they_went_in(files in any_files()) {
        round_trip(&files);
    }

    #[test]
    fn a_digest_is_of_paths_and_bytes(one in any_files(), other in any_files()) {
        prop_assert_eq!(one.digest() == other.digest(), one == other);
        prop_assert_eq!(one.listed().digest(), one.digest());
    }
}

#[test]
fn a_folder_with_a_link_is_refused() {
    let disk = tempfile::tempdir().unwrap();
    folder(&[("a/b", "1")]).to_folder(disk.path()).unwrap();
    std::os::unix::fs::symlink("/etc", disk.path().join("a/etc")).unwrap();
    let error = Files::from_folder(disk.path(), &Limits::default()).unwrap_err();
    assert_eq!(error.to_string(), "a/etc is a link; put a copy of the file in its place");
}

#[test]
fn files_are_checked_as_a_folder_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut seen = 0;
    let all = ["examples", "tests/config", "tests/scenarios"]
        .map(|folder| fs::read_dir(root.join(folder)).unwrap());
    for entry in all.into_iter().flatten() {
        let folder = entry.unwrap().path();
        let Ok(files) = Files::from_folder(&folder, &Limits::default()) else { continue };
        let told = |loaded: Result<Config, Problems>| match loaded {
            Ok(config) => config.digest.to_string(),
            Err(problems) => problems.to_string(),
        };
        assert_eq!(told(load_from(&files)), told(load(&folder)), "{}", folder.display());
        seen += 1;
    }
    assert!(seen > 20, "{seen} folders");
}

#[test]
fn files_answer_as_a_disk_does() {
    let files = folder(&[
        ("tenant.toml", "12"),
        ("calendars/ana.ics", "3"),
        ("calendars/old/ben.ics", ""),
        ("c", ""),
    ]);
    let disk = files.laid_out().unwrap();
    for path in
        ["", ".", "calendars", "calendars/old", "tenant.toml", "./calendars/./ana.ics", "calendar", "gone"]
    {
        let answers = |folder: &dyn Folder| {
            let path = Path::new(path);
            let mut names = folder.names(path);
            names.sort();
            let size = folder.size(path).map_err(|error| error.kind());
            let text = folder.read(path).map(Cow::into_owned).ok();
            (names, size, text)
        };
        assert_eq!(answers(&files), answers(&Disk(disk.path())), "{path:?}");
    }
}

#[test]
fn a_version_is_laid_out_for_as_long_as_it_is_read() {
    let files = folder(&[("tenant.toml", "1"), ("calendars/ana.ics", "2")]);
    let laid_out = files.laid_out().unwrap();
    let path = laid_out.path().to_owned();
    assert_eq!(Files::from_folder(&path, &Limits::default()).unwrap(), files);
    drop(laid_out);
    assert!(!path.exists());
}
