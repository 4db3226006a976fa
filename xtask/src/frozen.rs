//! What was released stays as it was.
//!
//! `wit/FROZEN` lists released interfaces, and the plugins that were built against them, as `sha256sum` writes it:
//! a hash, two spaces, a path from the root. [`check`] compares each file, and fails where a version before the
//! newest, or a plugin below `tests/frozen`, is not listed. The newest version is listed when it is released.

use std::path::Path;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::run::root;

const LIST: &str = "wit/FROZEN";

/// Fails where a frozen file is another, or one that has to be frozen is not.
pub(crate) fn check() -> Result<()> {
    let root = root();
    let list = std::fs::read_to_string(root.join(LIST)).with_context(|| format!("cannot read {LIST}"))?;
    let hash = |path: &str| {
        let content = std::fs::read(root.join(path)).ok()?;
        Some(Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect())
    };
    let findings = findings(&list, &to_freeze(&root)?, hash);
    if !findings.is_empty() {
        bail!("what was released stays as it was:\n{}", findings.join("\n"));
    }
    Ok(())
}

/// Paths from the root that have to be listed.
fn to_freeze(root: &Path) -> Result<Vec<String>> {
    let mut versions = names(&root.join("wit"))?;
    versions.retain(|name| root.join("wit").join(name).is_dir());
    versions.sort_by_key(|name| number(name));
    versions.pop();
    let mut paths: Vec<String> = versions.iter().map(|name| format!("wit/{name}/plugin.wit")).collect();
    for version in names(&root.join("tests/frozen"))? {
        let folder = format!("tests/frozen/{version}/tenant");
        let plugins = names(&root.join(&folder))?.into_iter().filter(|name| name.ends_with(".wasm"));
        paths.extend(plugins.map(|name| format!("{folder}/{name}")));
    }
    Ok(paths)
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = folder.read_dir().with_context(|| format!("cannot read {}", folder.display()))?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// 0.10 comes after 0.9.
fn number(version: &str) -> Vec<u64> {
    version.split('.').filter_map(|part| part.parse().ok()).collect()
}

/// What is wrong with the list, a line each. `hash` gives that of a file, or nothing where there is none.
fn findings(list: &str, to_freeze: &[String], hash: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut findings = Vec::new();
    let mut listed = Vec::new();
    for (number, line) in list.lines().enumerate() {
        let Some((expected, path)) = line.split_once("  ") else {
            findings.push(format!("{LIST}:{}: expected a hash, two spaces and a path", number + 1));
            continue;
        };
        listed.push(path);
        match hash(path) {
            None => findings.push(format!("{path} is gone; bring it back as it was")),
            Some(found) if found != expected => findings.push(format!(
                "{path} is not what was released; bring it back as it was, and make what is new a version of its \
                 own, in a new folder below wit"
            )),
            Some(_) => {}
        }
    }
    for path in to_freeze.iter().filter(|path| !listed.contains(&path.as_str())) {
        let found = hash(path).unwrap_or_default();
        findings.push(format!("{path} is not frozen; add to {LIST}: {found}  {path}"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frozen_files_stay() {
        let check = |list: &str, to_freeze: &[&str], expect: &[&str]| {
            let to_freeze: Vec<String> = to_freeze.iter().map(|path| (*path).to_owned()).collect();
            let hash = |path: &str| (path == "wit/0.1/plugin.wit").then(|| "aa".to_owned());
            assert_eq!(findings(list, &to_freeze, hash), expect, "{list}");
        };
        check("aa  wit/0.1/plugin.wit\n", &["wit/0.1/plugin.wit"], &[]);
        check(
            "",
            &["wit/0.1/plugin.wit"],
            &["wit/0.1/plugin.wit is not frozen; add to wit/FROZEN: aa  wit/0.1/plugin.wit"],
        );
        check(
            "ab  wit/0.1/plugin.wit\n",
            &[],
            &[
                "wit/0.1/plugin.wit is not what was released; bring it back as it was, and make what is new a version \
             of its own, in a new folder below wit",
            ],
        );
        check("aa  wit/0.0/plugin.wit\n", &[], &["wit/0.0/plugin.wit is gone; bring it back as it was"]);
        check("aa wit\n", &[], &["wit/FROZEN:1: expected a hash, two spaces and a path"]);
    }

    #[test]
    fn what_is_frozen_here_is_as_it_was() {
        check().expect("nothing changed");
        assert!(number("0.10") > number("0.9"));
    }
}
