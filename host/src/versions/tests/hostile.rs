//! Archives that somebody made to do harm.

use std::io::{self, Read};

use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

use super::super::{Files, Limits};
use super::folder;

const LIMITS: Limits = Limits { files: 3, file: 1_000, total: 2_000 };

/// An entry as it is, whatever it says.
fn entry(name: &[u8], kind: EntryType, size: u64, bytes: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    let gnu = header.as_gnu_mut().unwrap();
    gnu.name[..name.len()].copy_from_slice(name);
    gnu.linkname[..4].copy_from_slice(b"/etc");
    header.set_entry_type(kind);
    header.set_mode(0o777);
    header.set_size(size);
    header.set_cksum();
    let mut entry = header.as_bytes().to_vec();
    entry.extend(bytes);
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

fn file(name: &str, text: &str) -> Vec<u8> {
    entry(name.as_bytes(), EntryType::Regular, text.len() as u64, text.as_bytes())
}

fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 1024]].concat()
}

#[test]
fn what_other_programs_write_is_read() {
    let check = |tar: &[u8], expect: &[(&str, &str)]| {
        assert_eq!(Files::from_tar(tar, &LIMITS).unwrap(), folder(expect));
    };
    check(&archive(&[]), &[]);
    check(
        &archive(&[entry(b"./", EntryType::Directory, 0, b""), file("./a", "1"), file("././b/c", "2")]),
        &[("a", "1"), ("b/c", "2")],
    );
    check(
        &archive(&[entry(b"pax_global_header", EntryType::XGlobalHeader, 6, b"6 a=b\n"), file("a", "1")]),
        &[("a", "1")],
    );
    // Attributes of a file, a longer name among them.
    let attributes = b"11 mtime=1\n15 path=b/long\n";
    let named = entry(b"x", EntryType::XHeader, attributes.len() as u64, attributes);
    check(&archive(&[named, file("short", "1")]), &[("b/long", "1")]);
}

#[test]
fn hostile_archives_are_refused() {
    let check = |tar: &[u8], expect: &str| {
        assert_eq!(Files::from_tar(tar, &LIMITS).unwrap_err().to_string(), expect);
    };
    let name = "a path is names joined by `/`, none of them empty, `.` or `..`";
    check(&archive(&[file("../a", "1")]), &format!("\"../a\" cannot be a file's path: {name}"));
    check(&archive(&[file("a/../../b", "1")]), &format!("\"a/../../b\" cannot be a file's path: {name}"));
    let absolute = "a path starts in the folder, without a leading `/`";
    check(&archive(&[file("/a", "1")]), &format!("\"/a\" cannot be a file's path: {absolute}"));
    check(&archive(&[file(".//a", "1")]), &format!("\"/a\" cannot be a file's path: {absolute}"));
    let character = "a path is UTF-8 without control characters and backslashes";
    check(
        &archive(&[entry(b"a\xff", EntryType::Regular, 0, b"")]),
        &format!("\"a\u{fffd}\" cannot be a file's path: {character}"),
    );
    check(&archive(&[file("a", "1"), file("./a", "2")]), "a is there twice; leave one out");
    check(&archive(&[file("a", "1"), file("a/b", "2")]), "a is a file, and files are below it; rename one");
    for (kind, what) in [
        (EntryType::Symlink, "a link"),
        (EntryType::Link, "a link"),
        (EntryType::Char, "a device"),
        (EntryType::Block, "a device"),
        (EntryType::Fifo, "a pipe"),
        (EntryType::new(b'V'), "no file"),
    ] {
        check(
            &archive(&[entry(b"a", kind, 0, b"")]),
            &format!("a is {what}; put a copy of the file in its place"),
        );
    }
    let holes = entry(b"x", EntryType::XHeader, 22, b"22 GNU.sparse.major=1\n");
    check(&archive(&[holes, file("a", "1")]), "a is a file with holes; put a copy of the file in its place");
}

#[test]
fn an_archive_that_is_too_large_is_not_read() {
    let check = |tar: &mut dyn Read, most: u64, expect: &str| {
        let mut counted = Counted { stream: tar, bytes: 0 };
        assert_eq!(Files::from_tar(&mut counted, &LIMITS).unwrap_err().to_string(), expect);
        assert!(counted.bytes <= most, "{} bytes were read: {expect}", counted.bytes);
    };
    let endless = |start: Vec<u8>| io::Cursor::new(start).chain(io::repeat(7));
    let large = |size| entry(b"a", EntryType::Regular, size, b"");
    check(&mut endless(large(1_001)), 1_024, "a has more than 1000 bytes");
    check(&mut endless(large(u64::MAX / 2)), 1_024, "a has more than 1000 bytes");
    let full = "x".repeat(1_000);
    check(
        &mut endless([file("a", &full), file("b", &full), file("c", "1")].concat()),
        10_000,
        "the files have more than 2000 bytes together",
    );
    check(
        &mut endless([file("a", ""), file("b", ""), file("c", ""), file("d", "")].concat()),
        10_000,
        "there are more than 3 files; leave out what the configuration does not read",
    );
    // A name, or attributes, without end.
    let most = LIMITS.total + 4 * (8 << 10);
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader] {
        let mut tar = endless(entry(b"x", kind, 1 << 40, b""));
        let mut counted = Counted { stream: &mut tar, bytes: 0 };
        assert!(Files::from_tar(&mut counted, &LIMITS).is_err());
        assert!(counted.bytes <= most, "{} bytes were read", counted.bytes);
    }
}

#[test]
fn an_archive_that_ends_in_the_middle_is_refused() {
    let tar = folder(&[("a", "1"), ("b", "2")]).to_tar(Vec::new()).unwrap();
    assert_eq!(tar.len(), 3 * 1024);
    for end in 0..tar.len() {
        // One half of the mark at its end is enough.
        assert_eq!(Files::from_tar(&tar[..end], &LIMITS).is_ok(), end >= 2 * 1024 + 512, "{end}");
    }
}

struct Counted<'r> {
    stream: &'r mut dyn Read,
    bytes: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.stream.read(into)?;
        self.bytes += bytes as u64;
        Ok(bytes)
    }
}

/// Whatever comes out of an archive is within the limits, and comes out of the next one as well.
fn is_sound(tar: &[u8]) {
    if let Ok(files) = Files::from_tar(tar, &LIMITS) {
        assert!(files.len() <= LIMITS.files && files.bytes() <= LIMITS.total);
        let again = files.to_tar(Vec::new()).unwrap();
        assert_eq!(Files::from_tar(again.as_slice(), &LIMITS).unwrap(), files);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_files_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        is_sound(&bytes);
    }

    /// Headers whose sums are right, with fields that need not be.
    #[test]
    fn any_headers_are_files_or_an_error(
        entries in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 0..100), any::<u8>(), any::<u64>(), any::<bool>(), "[a-z]{0,600}"),
            0..5,
        ),
    ) {
        let entries: Vec<Vec<u8>> = entries
            .into_iter()
            .map(|(name, kind, size, is_true, text)| {
                let kind = if kind < 128 { b"0125LKxgSV"[usize::from(kind) % 10] } else { kind };
                let size = if is_true { text.len() as u64 } else { size };
                entry(&name, EntryType::new(kind), size, text.as_bytes())
            })
            .collect();
        is_sound(&archive(&entries));
    }

    #[test]
    fn a_changed_byte_is_files_or_an_error(place in 0..4_096_usize, byte in any::<u8>()) {
        let mut archive = Builder::new(Vec::new());
        let long = "d/".repeat(60) + "a";
        for (path, text) in [("a", "1"), (long.as_str(), "2")] {
            let mut header = Header::new_gnu();
            header.set_size(1);
            archive.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        let mut tar = archive.into_inner().unwrap();
        let last = tar.len() - 1;
        tar[place.min(last)] = byte;
        is_sound(&tar);
    }
}
