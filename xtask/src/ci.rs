//! `ci`: what a change must pass.
//!
//! Every step runs, also after one that fails, so that one run tells everything; tests come last, and
//! their counts are the last line.

use std::process::ExitCode;

use anyhow::Result;

use crate::outside::{Ask, OUTSIDE, manifests};
use crate::run::{cargo, root, target_dir};
use crate::setup::{self, Work};
use crate::{frozen, generated, layers, test};

/// A check before the tests.
struct Step {
    name: &'static str,
    run: fn() -> Result<()>,
}

/// The quick ones first.
const STEPS: [Step; 5] = [
    Step { name: "format", run: format },
    Step { name: "layers", run: || layers::check(&root().join("host/src")) },
    Step { name: "frozen files", run: frozen::check },
    Step { name: "lints", run: lint },
    Step { name: "generated files", run: generated::check },
];

/// Runs all checks, then all tests.
pub(crate) fn run(_: &[String]) -> Result<ExitCode> {
    setup::run(Work::Test)?;
    let mut failed = Vec::new();
    for step in &STEPS {
        eprintln!("── {}", step.name);
        if let Err(error) = (step.run)() {
            eprintln!("{error:#}");
            failed.push(step.name.to_owned());
        }
    }
    eprintln!("── tests");
    test::after(failed, &[])
}

/// Everything is as rustfmt would write it.
fn format() -> Result<()> {
    let check = |manifest: &str| cargo(&["fmt", "--all", "--check", "--manifest-path", manifest]).shown();
    let mut result = check("Cargo.toml");
    for outside in &OUTSIDE {
        for manifest in manifests(&root(), outside.manifests)? {
            // The first error is kept, and every package is still looked at.
            result = result.and(check(&manifest));
        }
    }
    result
}

/// No warnings, and no change to the lock file.
fn lint() -> Result<()> {
    const NO_WARNINGS: [&str; 3] = ["--", "--deny", "warnings"];
    let mut result = cargo(&["clippy", "--locked", "--workspace", "--all-targets"]).args(NO_WARNINGS).shown();
    for outside in OUTSIDE.iter().filter(|outside| outside.asks.contains(&Ask::Lint)) {
        for manifest in manifests(&root(), outside.manifests)? {
            let lint = cargo(&["clippy", "--locked", "--all-targets", "--manifest-path", &manifest]);
            result = result.and(lint.args(NO_WARNINGS).env("CARGO_TARGET_DIR", target_dir()).shown());
        }
    }
    result
}
