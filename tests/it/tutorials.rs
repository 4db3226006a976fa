//! The pages `docs/tutorial-*.md`, followed word for word: every command is run, every file written, every change
//! made, and what a page shows is what is printed, numbers aside.
//!
//! A fenced block says by its first line what it is: `sh` is run, `text` is what the commands before it print,
//! in this order, `diff FILE` changes a file, and any other language with a name after it is that file.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{cache, program, root};

#[test]
fn rust() {
    follow("tutorial-rust.md");
}

#[test]
fn javascript() {
    follow("tutorial-javascript.md");
}

#[test]
fn python() {
    follow("tutorial-python.md");
}

#[test]
fn c() {
    follow("tutorial-c.md");
}

/// The template that no page of its own tells of: the one in JavaScript, with types.
#[test]
fn typescript() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut reader = Reader::new(folder.path());
    let script =
        "lanewright plugin new typed --language typescript\ncd typed\nnpm install\nlanewright plugin test";
    let printed = reader.run(script);
    assert!(printed.contains("3 passed, 0 failed"), "{printed}");

    reader.run("lanewright plugin new ../plain --language javascript");
    let without_types = "const file = process.argv[1]; \
        const options = { entryPoints: [file], write: false, tsconfigRaw: {} }; \
        console.log(require('esbuild').buildSync(options).outputFiles[0].text)";
    let mut program = |file: &str| reader.run(&format!("node -e \"{without_types}\" {file}"));
    assert_eq!(program("plugin.ts"), program("../plain/plugin.js"), "both are one plugin");
    let package = |path: &str| -> serde_json::Value {
        let text = std::fs::read_to_string(folder.path().join(path)).expect("it is there");
        serde_json::from_str(&text).expect("JSON")
    };
    let (mut typed, mut plain) = (package("typed/package.json"), package("plain/package.json"));
    typed["devDependencies"]["typescript"].take();
    typed["name"].take();
    plain["devDependencies"]["typescript"].take();
    plain["name"].take();
    assert_eq!(typed, plain, "both need the same, but for types");
}

fn follow(page: &str) {
    let text = std::fs::read_to_string(root().join("docs").join(page)).expect("the page");
    let folder = tempfile::tempdir().expect("a folder");
    let mut reader = Reader::new(folder.path());
    let mut printed = String::new();
    for Block { line, kind, content } in blocks(&text) {
        let at = format!("{page}:{line}");
        match kind.split_once(' ') {
            None if kind == "sh" => printed = reader.run(&content),
            None if kind == "text" => shows(&at, &printed, &content),
            None => {}
            Some(("diff", file)) => {
                let path = reader.folder.join(file);
                let before =
                    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{at}: {file}: {error}"));
                std::fs::write(&path, patched(&at, &before, &content)).expect("written");
            }
            Some((_, file)) => std::fs::write(reader.folder.join(file), content).expect("written"),
        }
    }
}

/// Somebody who follows a page, somewhere.
struct Reader {
    folder: PathBuf,
}

impl Reader {
    fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Runs commands where the last ones ended, and gives what they print.
    fn run(&mut self, commands: &str) -> String {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tools");
        let programs = program().parent().expect("a folder").to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(programs).chain(std::env::split_paths(&path)));
        let out = Command::new("sh")
            .args(["-eu", "-c", &format!("{commands}\nprintf '\\n%s' \"$PWD\"")])
            .current_dir(&self.folder)
            .env("PATH", path.expect("a path"))
            .env("LANEWRIGHT_CACHE", cache())
            // What is downloaded once serves every run, beside everything else that cargo makes.
            .env("npm_config_cache", kept.join("npm"))
            .env("npm_config_prefer_offline", "true")
            .env("npm_config_audit", "false")
            .env("npm_config_fund", "false")
            .env("PIP_CACHE_DIR", kept.join("pip"))
            .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
            .env("CARGO_TARGET_DIR", kept.join("rust"))
            .stdin(Stdio::null())
            .output()
            .expect("a shell");
        let (printed, told) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(out.status.success(), "{commands}\n{}\n{printed}\n{told}", out.status);
        let (printed, place) = printed.rsplit_once('\n').expect("where the commands ended");
        self.folder = place.into();
        printed.to_owned()
    }
}

/// A fenced block of a page.
#[derive(Debug, PartialEq)]
struct Block {
    line: usize,
    kind: String,
    content: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((i, line)) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
            let content = inside.flat_map(|line| [line, "\n"]).collect();
            blocks.push(Block { line: i + 1, kind: kind.trim().to_owned(), content });
        }
    }
    blocks
}

/// The lines of `expected` stand in `printed`, in this order; every number is as good as another.
fn shows(at: &str, printed: &str, expected: &str) {
    let settled = |line: &str| {
        let mut out = String::new();
        for word in line.split_whitespace() {
            let number = |c: char| c.is_ascii_digit() || c == ',' || c == '.';
            let is = word.starts_with(|c: char| c.is_ascii_digit()) && word.chars().all(number);
            out.push_str(if is { "#" } else { word });
            out.push(' ');
        }
        out
    };
    let mut printed_lines = printed.lines().map(settled);
    for line in expected.lines().map(settled).filter(|line| !line.is_empty()) {
        assert!(printed_lines.any(|printed| printed == line), "{at}: {line:?} is not printed:\n{printed}");
    }
}

/// The text with the lines of a change replaced, which stand in it once.
fn patched(at: &str, text: &str, change: &str) -> String {
    let side = |other: char| -> String {
        let lines = change.lines().filter(|line| !line.starts_with(other));
        lines.flat_map(|line| [line.get(1..).unwrap_or_default(), "\n"]).collect()
    };
    let (old, new) = (side('+'), side('-'));
    assert_eq!(text.matches(&old).count(), 1, "{at}: once in the file:\n{old}\nin\n{text}");
    text.replacen(&old, &new, 1)
}

#[test]
fn a_page_is_read_as_people_read_it() {
    let page = "a\n```sh\none\ntwo\n```\nb\n```json cases/x.json\n{}\n```\n";
    let block = |line, kind: &str, content: &str| Block { line, kind: kind.into(), content: content.into() };
    assert_eq!(blocks(page), [block(2, "sh", "one\ntwo\n"), block(7, "json cases/x.json", "{}\n")]);
    assert_eq!(patched("", "a\n b\nc\n", "  b\n+d\n-c\n"), "a\n b\nd\n");
    shows("", "x 1\ny  2,000.5\nz\n", "y 7\n\nz\n");
}
