//! `lanewright plugin new`: a first project that passes its own tests.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueEnum;

use super::Exit;
use crate::author::template::{self, Language, ProjectName};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder to make; its last part is the plugin's name
    folder: PathBuf,
    /// What to write it in
    #[arg(long, short, value_name = "LANGUAGE")]
    language: LanguageName,
}

/// [`Language`] as an argument.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum LanguageName {
    Rust,
    #[value(name = "javascript", alias = "js")]
    JavaScript,
    #[value(name = "typescript", alias = "ts")]
    TypeScript,
    #[value(alias = "py")]
    Python,
    C,
}

impl From<LanguageName> for Language {
    fn from(name: LanguageName) -> Self {
        match name {
            LanguageName::Rust => Self::Rust,
            LanguageName::JavaScript => Self::JavaScript,
            LanguageName::TypeScript => Self::TypeScript,
            LanguageName::Python => Self::Python,
            LanguageName::C => Self::C,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let folder = &arguments.folder;
    let name = folder.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let name = ProjectName::new(&name)?;
    if std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} is there already and not empty", folder.display());
    }
    let language = arguments.language.into();
    for (path, text) in template::files(language, &name) {
        write(&folder.join(path), &text)?;
    }
    println!("{language} plugin {name} in {}", folder.display());
    println!("next:");
    let first = match language {
        Language::Rust | Language::C => None,
        Language::JavaScript | Language::TypeScript => Some("npm install"),
        Language::Python => Some("python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"),
    };
    println!("  cd {}", folder.display());
    for command in first.into_iter().chain(["lanewright plugin test"]) {
        println!("  {command}");
    }
    Ok(Exit::Done)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let told = || format!("{} cannot be written", path.display());
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).with_context(told)?;
    }
    std::fs::write(path, text).with_context(told)
}
