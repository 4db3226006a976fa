//! `test`: every test of the project, beside a database of its own, with one line at the end that adds
//! them up.

use std::process::ExitCode;

use anyhow::Result;

use crate::outside::{Ask, OUTSIDE, manifests};
use crate::postgres::Database;
use crate::run::{Run, cargo, root, target_dir};
use crate::setup::{self, Work};
use crate::summary::Summary;

/// Runs all tests, or with arguments those of `cargo test` that they pick.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    setup::run(Work::Test)?;
    after(Vec::new(), arguments)
}

/// The same after checks of which some `failed`: they are named with the rest, and the counts stay last.
pub(crate) fn after(mut failed: Vec<String>, arguments: &[String]) -> Result<ExitCode> {
    let mut summary = Summary::default();
    // Kept until the last suite has ended.
    let database = Database::provide().unwrap_or_else(|error| {
        eprintln!("{error:#}");
        failed.push("no PostgreSQL for the tests".to_owned());
        Database::default()
    });
    for suite in suites(arguments)? {
        let name = suite.line().to_owned();
        let suite = database.told(suite);
        // Every suite is heard, also after one that fails.
        if suite.watched(|line| summary.read(line)).is_err() {
            failed.push(name);
        }
    }
    if summary.is_empty() {
        failed.push("no test ran".to_owned());
    }
    println!();
    for name in &failed {
        println!("failed: {name}");
    }
    print!("{}", summary.overview());
    Ok(if failed.is_empty() && summary.good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The workspace first, documentation included, then the packages outside it.
fn suites(arguments: &[String]) -> Result<Vec<Run>> {
    let picked = arguments.iter().any(|a| a == "-p" || a.starts_with("--package") || a.starts_with("-p="));
    let mut workspace = cargo(&["test"]);
    if !picked {
        workspace = workspace.args(["--workspace", "--no-fail-fast"]);
    }
    let mut suites = vec![workspace.args(arguments)];
    if !arguments.is_empty() {
        return Ok(suites);
    }
    for outside in &OUTSIDE {
        for manifest in manifests(&root(), outside.manifests)? {
            for ask in outside.asks {
                if let Ask::Test(packages) = ask {
                    let packages = packages.iter().flat_map(|package| ["--package", package]);
                    let suite = cargo(&["test", "--locked", "--no-fail-fast", "--manifest-path", &manifest])
                        .args(packages);
                    // What they share with the workspace is not built again.
                    suites.push(suite.env("CARGO_TARGET_DIR", target_dir()));
                }
            }
        }
    }
    Ok(suites)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &[&str], expect: &[&str]) {
        let arguments: Vec<String> = arguments.iter().map(|&a| a.to_owned()).collect();
        let suites = suites(&arguments).expect("the folders can be read");
        let lines: Vec<&str> = suites.iter().map(Run::line).collect();
        assert_eq!(lines, expect);
    }

    #[test]
    fn arguments_pick_among_the_workspaces_tests() {
        check(&["rotation"], &["cargo test --workspace --no-fail-fast rotation"]);
        check(&["-p", "xtask"], &["cargo test -p xtask"]);
    }

    #[test]
    fn without_arguments_packages_outside_the_workspace_are_tested_too() {
        let suites = suites(&[]).expect("the folders can be read");
        let lines: Vec<&str> = suites.iter().map(Run::line).collect();
        assert_eq!(lines[0], "cargo test --workspace --no-fail-fast");
        assert!(lines.iter().any(|line| line.contains("bench/Cargo.toml")), "{lines:?}");
    }
}
