//! JSON Lines in: one value a line, bad lines told with their number and passed over.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::Context;
use serde_json::Value as Json;

/// The longest line, in bytes: a text of one MiB in its longest spelling, with room to spare.
const LONGEST: usize = 16 << 20;

/// Where lines come from.
pub(super) struct Lines {
    reader: Box<dyn BufRead>,
    /// Bytes in all, where known.
    pub(super) size: Option<u64>,
    number: usize,
}

/// One line that holds something.
pub(super) struct Line {
    /// From 1.
    pub(super) number: usize,
    /// Bytes of it and of the empty lines before it.
    pub(super) bytes: u64,
    /// What it holds, or why it cannot be read.
    pub(super) value: Result<Json, String>,
}

impl Lines {
    /// Of a file; of standard input for `-` or nothing.
    pub(super) fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        match path.filter(|path| *path != Path::new("-")) {
            None => Ok(Self { reader: Box::new(io::stdin().lock()), size: None, number: 0 }),
            Some(path) => {
                let file =
                    File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
                let size = file.metadata().ok().filter(|meta| meta.is_file()).map(|meta| meta.len());
                Ok(Self { reader: Box::new(BufReader::new(file)), size, number: 0 })
            }
        }
    }

    fn next_line(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = 0;
        loop {
            let mut raw = Vec::new();
            let read = (&mut self.reader).take(LONGEST as u64 + 1).read_until(b'\n', &mut raw)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            bytes += read as u64;
            if raw.len() > LONGEST && raw.last() != Some(&b'\n') {
                bytes += skip_line(&mut *self.reader)?;
                let value = Err(format!("longer than {LONGEST} bytes"));
                return Ok(Some(Line { number: self.number, bytes, value }));
            }
            if raw.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            // A file saved by an editor may begin with a byte order mark.
            let content = raw.strip_prefix(b"\xef\xbb\xbf").filter(|_| self.number == 1).unwrap_or(&raw);
            let value = serde_json::from_slice(content.trim_ascii_end()).map_err(|error| not_json(&error));
            return Ok(Some(Line { number: self.number, bytes, value }));
        }
    }
}

fn not_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    format!("not JSON: {what} at column {}", error.column())
}

fn skip_line(reader: &mut dyn BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(skipped);
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(buffer.len(), |end| end + 1);
        reader.consume(used);
        skipped += used as u64;
        if end.is_some() {
            return Ok(skipped);
        }
    }
}

impl Iterator for Lines {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_line().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_lines_are_told_and_passed_over() {
        let check = |input: &[u8], expect: &[(usize, Result<&str, &str>)]| {
            let reader = Box::new(io::Cursor::new(input.to_vec()));
            let lines = Lines { reader, size: None, number: 0 };
            let got: Vec<(usize, Result<String, String>)> = lines
                .map(|line| line.expect("readable"))
                .map(|line| (line.number, line.value.map(|value| value.to_string())))
                .collect();
            assert_eq!(got.len(), expect.len(), "{got:?}");
            for ((number, value), (expected_number, expected)) in got.iter().zip(expect) {
                assert_eq!(number, expected_number);
                match (value, expected) {
                    (Ok(value), Ok(expected)) => assert_eq!(value, expected),
                    (Err(error), Err(expected)) => assert!(error.contains(expected), "{error}"),
                    (value, expected) => panic!("got {value:?}, expected {expected:?}"),
                }
            }
        };
        check(b"", &[]);
        check(b"1\n\n  \n2", &[(1, Ok("1")), (4, Ok("2"))]);
        check(b"{\"a\":1}\r\n{\n3\n", &[(1, Ok("{\"a\":1}")), (2, Err("column 1")), (3, Ok("3"))]);
        check(b"\xef\xbb\xbf1\n", &[(1, Ok("1"))]);
        check(b"\"\xff\"\n1\n", &[(1, Err("not JSON")), (2, Ok("1"))]);
        let mut long = vec![b' '; LONGEST + 10];
        long.extend_from_slice(b"\n7\n");
        check(&long, &[(1, Err("longer than")), (2, Ok("7"))]);
    }
}
