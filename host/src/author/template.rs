//! The first project of an author, by language: a lane classifier with settings, cases and a tenant to play them
//! at, that passes its own tests at once.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::plugin::InterfaceVersion;

/// What a new plugin is written against.
const INTERFACE: InterfaceVersion = InterfaceVersion::NEWEST;

/// A language that plugins are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// A crate on `lanewright-sdk`.
    Rust,
    /// By componentize-js.
    JavaScript,
    /// The same, with types.
    TypeScript,
    /// By componentize-py.
    Python,
    /// By clang, on wasi-libc.
    C,
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::JavaScript => "JavaScript",
            Self::TypeScript => "TypeScript",
            Self::Python => "Python",
            Self::C => "C",
        })
    }
}

/// A project's name, which is its folder's and its package's in every language: lower-case letters, digits and
/// hyphens, a letter first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectName(String);

/// Why a name is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no name for a plugin; use up to 64 lower-case letters, digits and hyphens, a letter first, such as deal-desk"
)]
pub struct NoName(String);

impl ProjectName {
    /// Checks.
    pub fn new(name: &str) -> Result<Self, NoName> {
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let good = plain
            && name.len() <= 64
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && !name.ends_with('-');
        if good { Ok(Self(name.to_owned())) } else { Err(NoName(name.to_owned())) }
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! template {
    ($($path:literal),* $(,)?) => {
        [$(($path, include_str!(concat!("../../templates/", $path)))),*]
    };
}

/// In every project, at the same place.
const COMMON: &[(&str, &str)] = &template![
    "common/cases/a-formal-purchase.json",
    "common/cases/none-of-the-words.json",
    "common/cases/offsets-count-bytes.json",
    "common/settings.json",
    "common/tenant/reps.csv",
    "common/tenant/teams.toml",
    "common/tenant/tenant.toml",
];

const RUST: &[(&str, &str)] = &template!["rust/Cargo.toml", "rust/src/lib.rs"];
const JAVASCRIPT: &[(&str, &str)] = &template!["javascript/package.json", "javascript/plugin.js"];
const TYPESCRIPT: &[(&str, &str)] = &template![
    "typescript/package.json",
    "typescript/plugin.ts",
    "typescript/tsconfig.json",
    "typescript/lanewright.d.ts",
];
const PYTHON: &[(&str, &str)] = &template!["python/app.py", "python/requirements.txt"];
const C: &[(&str, &str)] = &template!["c/plugin.c", "c/json.c", "c/json.h", "c/compile_flags.txt"];

/// The SDK, beside the crate that uses it: an author needs no copy of our repository.
const SDK: [(&str, &str); 4] = [
    ("lib.rs", include_str!("../../../plugins/sdk/src/lib.rs")),
    ("host.rs", include_str!("../../../plugins/sdk/src/host.rs")),
    ("exports.rs", include_str!("../../../plugins/sdk/src/exports.rs")),
    ("bindings.rs", include_str!("../../../plugins/sdk/src/bindings.rs")),
];

/// The files of a first project: paths below its folder, and what is in them.
pub fn files(language: Language, name: &ProjectName) -> Vec<(PathBuf, String)> {
    let own = match language {
        Language::Rust => RUST,
        Language::JavaScript => JAVASCRIPT,
        Language::TypeScript => TYPESCRIPT,
        Language::Python => PYTHON,
        Language::C => C,
    };
    let below = |path: &str| PathBuf::from(path.split_once('/').map_or(path, |(_, below)| below));
    let named = |text: &str| text.replace("NAME", &name.to_string());
    let mut files: Vec<_> = COMMON.iter().chain(own).map(|(path, text)| (below(path), named(text))).collect();
    files.push((".gitignore".into(), include_str!("../../templates/common/gitignore").to_owned()));
    match language {
        Language::Rust => files.extend(sdk()),
        _ => {
            files.push(("wit/world.wit".into(), include_str!("../../templates/wit/world.wit").to_owned()));
            files.push(("wit/deps/lanewright-plugin/plugin.wit".into(), INTERFACE.wit().to_owned()));
        }
    }
    files
}

fn sdk() -> impl Iterator<Item = (PathBuf, String)> {
    let folder = Path::new("lanewright-sdk");
    let manifest =
        include_str!("../../templates/rust/sdk.toml").replace("VERSION", env!("CARGO_PKG_VERSION"));
    let sources = SDK.into_iter().map(move |(name, text)| {
        // In our repository the interface is two folders up.
        (folder.join("src").join(name), text.replace("\"../../wit/", "\"wit/"))
    });
    let wit = (folder.join(format!("wit/{INTERFACE}/plugin.wit")), INTERFACE.wit().to_owned());
    let others = [(folder.join("Cargo.toml"), manifest), wit];
    sources.chain(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_every_language() {
        let check = |name: &str, expect: bool| assert_eq!(ProjectName::new(name).is_ok(), expect, "{name:?}");
        check("deal-desk", true);
        check("a1", true);
        check("", false);
        check("1a", false);
        check("-a", false);
        check("a-", false);
        check("Deal", false);
        check("deal_desk", false);
        check("../x", false);
        check(&"a".repeat(65), false);
    }

    #[test]
    fn no_place_in_a_template_is_left_open() {
        let name = ProjectName::new("deal-desk").expect("a name");
        use Language::{C, JavaScript, Python, Rust, TypeScript};
        for language in [Rust, JavaScript, TypeScript, Python, C] {
            for (path, text) in files(language, &name) {
                let old = text.matches("@0.").count() != text.matches(&format!("@{INTERFACE}.0")).count();
                assert!(!old, "{language}: {} is of another interface", path.display());
                let open = text.contains("NAME") || text.contains("VERSION\"") || text.contains("../../wit");
                assert!(!open, "{language}: {}", path.display());
                assert!(path.is_relative() && !path.starts_with("common"), "{}", path.display());
            }
        }
    }
}
