//! Verbs that tests share: the program, a sandbox, tenants made of folders, guests made of crates.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use lanewright::plugin::{Options, Plan, Plugins, Size, THREAD_STACK};

/// The program under test.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_lanewright"))
}

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package has a folder above it")
}

/// Where compiled plugins are kept between runs; beside everything else that cargo makes.
pub(crate) fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins")
}

/// A sandbox of its own, with this plan and so many slots.
pub(crate) fn sandbox(plan: Plan, slots: u32) -> Plugins {
    let options =
        Options { compiler: program().to_owned(), cache: Some(cache()), plan, size: Size { slots } };
    Plugins::new(options).expect("a sandbox")
}

/// The default plan with time enough: on a machine that does much else, fuel has to decide.
pub(crate) const PLAN: Plan = Plan { wall_ms: 60_000, ..Plan::DEFAULT };

/// The sandbox most tests share.
pub(crate) fn plugins() -> &'static Plugins {
    static PLUGINS: OnceLock<Plugins> = OnceLock::new();
    PLUGINS.get_or_init(|| sandbox(PLAN, 64))
}

/// The moment that counts as now in every test.
pub(crate) const NOW: &str = "2026-03-02T09:00:00Z";

/// The program with these arguments, its plugins kept where the tests keep them.
pub(crate) fn lanewright(arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.args(arguments).env("LANEWRIGHT_CACHE", cache()).env_remove("NO_COLOR");
    command.output().expect("the program starts")
}

/// A crate's component, built as `lanewright plugin build` builds it.
pub(crate) fn component(manifest: &Path) -> Vec<u8> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests");
    let built = lanewright::plugin::build::build(manifest, &target, &[]);
    let mut built = built.unwrap_or_else(|error| panic!("{}: {error}", manifest.display()));
    assert_eq!(built.len(), 1, "{} makes one component", manifest.display());
    built.remove(0).component
}

/// A copy of a tenant's folder, for one test alone. Its own plugin, where it has one, is built into it.
pub(crate) fn tenant(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a temporary folder");
    copy_files(folder, copy.path());
    let calendars = folder.join("calendars");
    if calendars.is_dir() {
        fs::create_dir(copy.path().join("calendars")).expect("a folder");
        copy_files(&calendars, &copy.path().join("calendars"));
    }
    let manifest = folder.join("plugin/Cargo.toml");
    if manifest.is_file() {
        let name = folder.file_name().expect("a name").to_string_lossy();
        fs::create_dir(copy.path().join("plugin")).expect("a folder");
        let place = copy.path().join("plugin").join(format!("{name}.wasm"));
        fs::write(place, component(&manifest)).expect("written");
    }
    copy
}

fn copy_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("an entry").path();
        if entry.is_file() {
            fs::copy(&entry, to.join(entry.file_name().expect("a name"))).expect("copied");
        }
    }
}

/// Runs on a thread with stack enough to call guests, as the program itself does.
pub(crate) fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(THREAD_STACK).spawn_scoped(scope, work);
        match thread.expect("a thread").join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
