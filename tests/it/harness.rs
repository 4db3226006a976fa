//! Verbs that tests share: the program, a sandbox, tenants made of folders, guests made of crates.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use lanewright::plugin::{Options, Plan, Plugins, Size};

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

/// The sandbox most tests share: the default plan.
pub(crate) fn plugins() -> &'static Plugins {
    static PLUGINS: OnceLock<Plugins> = OnceLock::new();
    PLUGINS.get_or_init(|| sandbox(Plan::DEFAULT, 64))
}
