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

/// The fourth template, which no page of its own tells of.
#[test]
fn typescript() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = "lanewright plugin new typed --language typescript\ncd typed\nnpm install\nlanewright plugin test";
    let printed = Reader::new(folder.path()).run(script);
    assert!(printed.contains("3 passed, 0 failed"), "{printed}");
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
                let before = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{at}: {file}: {error}"));
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
            .args(["-eu", "-c", &format!("{commands}\npwd >&3")])
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
        printed.into_owned()
    }
}
