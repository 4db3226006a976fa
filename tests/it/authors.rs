//! The verbs of authors that take no toolchain: a component that is there already, played, blessed, watched,
//! measured, taken apart.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use lanewright::plugin::Standard;

use crate::harness::{cache, lanewright, program};

/// A project whose component is the standard classifier, which is set up without settings.
struct Project {
    _parent: tempfile::TempDir,
    folder: PathBuf,
    component: PathBuf,
}

impl Project {
    fn new() -> Self {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("lane-words");
        let made = lanewright(&["plugin", "new", text(&folder), "--language", "python"]);
        assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
        let component = folder.join("lane-words.wasm");
        fs::write(&component, Standard::Classifier.component()).expect("written");
        fs::write(folder.join("settings.json"), "{}").expect("written");
        Self { _parent: parent, folder, component }
    }

    fn run(&self, verb: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let (folder, component) = (text(&self.folder), text(&self.component));
        let project = ["plugin", verb, folder, "--component", component];
        let out = lanewright(&[&project, arguments].concat());
        (out.status.code(), String::from_utf8(out.stdout).expect("UTF-8"))
    }

    fn case(&self, name: &str, case: &str) {
        fs::write(self.folder.join("cases").join(name), case).expect("written");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn cases_fail_are_blessed_and_pass() {
    let project = Project::new();
    // The standard classifier finds other signals than the template does.
    let (code, printed) = project.run("test", &[]);
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("FAILED") && printed.contains("classifier/signals"), "{printed}");

    let (code, printed) = project.run("test", &["--bless"]);
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("rewritten: "), "{printed}");
    let (code, printed) = project.run("test", &[]);
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("3 passed, 0 failed · component "), "{printed}");
    for call in printed.lines().filter(|line| line.contains("classifier.classify")) {
        assert!(call.contains("passed") && call.contains('%'), "{call}");
    }

    // A role that the component does not have answers nothing.
    project.case(
        "other.json",
        r#"{"lead": {"id": "9", "text": "Hello"}, "expect": {"scorer": {"factors": []}}}"#,
    );
    let (code, printed) = project.run("test", &[]);
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains(r#"scorer: expected {"factors":[]}, got nothing"#), "{printed}");
}

#[test]
fn a_change_is_seen() {
    let project = Project::new();
    let mut watch = Command::new(program());
    watch.args(["plugin", "watch", text(&project.folder), "--component", text(&project.component)]);
    let mut child = watch.env("LANEWRIGHT_CACHE", cache()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    // What never comes must not be waited for without end.
    let (done, waiting) = std::sync::mpsc::channel::<()>();
    let guard = std::thread::spawn(move || {
        let _ = waiting.recv_timeout(Duration::from_secs(180));
        let _ = child.kill();
        let _ = child.wait();
    });
    assert!(lines.any(|line| line.starts_with("watching ")), "it plays once by itself");
    project.case(
        "new-one.json",
        r#"{"lead": {"id": "9", "text": "Hello"}, "expect": {"classifier": {"lane": "x"}}}"#,
    );
    let told = lines.find(|line| line.contains("classifier/lane: expected \"x\""));
    drop(done);
    guard.join().expect("it ends");
    assert!(told.is_some(), "the new case is played");
}

#[test]
fn calls_are_measured_and_taken_apart() {
    let project = Project::new();
    let (code, printed) = project.run("bench", &["--calls", "6"]);
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("classifier.classify") && printed.contains("an instance takes"), "{printed}");

    for (name, starts) in [("flame.svg", "<svg "), ("flame.folded", "classifier.classify;")] {
        let output = project.folder.join(name);
        let arguments = ["--case", "none-of-the-words", "--steps", "50", "--output", text(&output)];
        let (code, printed) = project.run("profile", &arguments);
        assert_eq!(code, Some(0), "{printed}");
        let drawn = fs::read_to_string(&output).expect("it is there");
        assert!(drawn.starts_with(starts), "{drawn}");
        assert!(drawn.contains("lanewright_classifier"), "functions have their names: {drawn}");
        // The same fuel goes the same way.
        let again = project.run("profile", &arguments);
        assert_eq!((again.1, fs::read_to_string(&output).expect("again")), (printed, drawn));
    }
    let (code, _) = project.run("profile", &["--case", "none-of-them"]);
    assert_eq!(code, Some(3), "there is no such case");
}

#[test]
fn decisions_come_out_the_same_with_the_component_that_made_them() {
    let project = Project::new();
    let (tenant, component) = (project.folder.join("tenant"), text(&project.component));
    let leads = project.folder.join("leads.jsonl");
    fs::write(&leads, r#"{"id": "a", "text": "A quote for 30 seats, please."}"#).expect("written");
    let made = lanewright(&["route", "--tenant", text(&tenant), "--format", "json", text(&leads)]);
    let decisions = project.folder.join("decisions.jsonl");
    fs::write(&decisions, &made.stdout).expect("written");
    let out = lanewright(&["plugin", "replay", text(&decisions), component, "--tenant", text(&tenant)]);
    let printed = String::from_utf8_lossy(&out.stdout);
    assert_eq!(
        (out.status.code(), printed.contains("1 as before, 0 otherwise")),
        (Some(0), true),
        "{printed}"
    );
}

#[test]
fn a_project_has_a_good_name_and_a_folder_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |name: &str, told: &str| {
        let path = folder.path().join(name);
        let out = lanewright(&["plugin", "new", text(&path), "--language", "rust"]);
        let error = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(3), "{name}: {error}");
        assert!(error.contains(told), "{name}: {error}");
    };
    check("Deal_Desk", "is no name for a plugin");
    fs::create_dir(folder.path().join("taken")).expect("a folder");
    fs::write(folder.path().join("taken/file"), "").expect("written");
    check("taken", "is there already and not empty");
}
