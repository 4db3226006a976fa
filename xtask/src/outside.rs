//! Packages that are not in the workspace: plugins as customers write them, hostile guests, peers.
//!
//! They are built apart from the host, so `cargo … --workspace` does not see them; what CI asks of the
//! workspace is asked of them through [`OUTSIDE`].

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Packages or workspaces of one kind.
pub(crate) struct Outside {
    /// Their manifests; a component that is `*` stands for any folder.
    pub(crate) manifests: &'static str,
    /// What CI asks of them besides their format.
    pub(crate) asks: &'static [Ask],
}

/// What is asked of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// No warnings.
    Lint,
    /// Its tests pass, native ones: those of these packages, or of the manifest's own where there are none.
    Test(&'static [&'static str]),
}

pub(crate) const OUTSIDE: [Outside; 6] = [
    // As a customer would write them, so they are held to what ours are held to.
    Outside { manifests: "examples/*/plugin/Cargo.toml", asks: &[Ask::Lint, Ask::Test(&[])] },
    // They loop for ever and overflow stacks: what a lint would complain of is what they are for.
    Outside { manifests: "tests/guests/Cargo.toml", asks: &[] },
    Outside { manifests: "tests/guests/*/Cargo.toml", asks: &[] },
    Outside { manifests: "tests/smith/Cargo.toml", asks: &[Ask::Lint] },
    // A feature of the host; a member of the workspace, it would change what the default build is made of.
    Outside { manifests: "sigstore/Cargo.toml", asks: &[Ask::Lint, Ask::Test(&[])] },
    // The rest of it needs a second engine, which only the bench is worth waiting for.
    Outside {
        manifests: "bench/Cargo.toml",
        asks: &[Ask::Test(&[
            "lanewright-bench-learning",
            "lanewright-bench-logic",
            "lanewright-bench-measure",
        ])],
    },
];

/// The manifests there are, relative to `root`, in order.
pub(crate) fn manifests(root: &Path, pattern: &str) -> Result<Vec<String>> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.split('/') {
        let mut next = Vec::new();
        for folder in &found {
            if part != "*" {
                next.push(folder.join(part));
                continue;
            }
            let here = root.join(folder);
            if !here.is_dir() {
                continue;
            }
            for entry in here.read_dir().with_context(|| format!("cannot read {}", here.display()))? {
                next.push(folder.join(entry?.file_name()));
            }
        }
        found = next;
    }
    let mut found: Vec<String> = found
        .into_iter()
        .filter(|path| root.join(path).is_file())
        .map(|path| path.display().to_string())
        .collect();
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::root;

    #[test]
    fn a_star_is_any_folder() {
        let found = manifests(&root(), "plugins/*/Cargo.toml").expect("plugins can be read");
        assert!(found.contains(&"plugins/sdk/Cargo.toml".to_owned()), "{found:?}");
        assert_eq!(manifests(&root(), "no-such-folder/*/Cargo.toml").expect("nothing to read"), [""; 0]);
        assert_eq!(manifests(&root(), "xtask/Cargo.toml").expect("here"), ["xtask/Cargo.toml"]);
    }
}
