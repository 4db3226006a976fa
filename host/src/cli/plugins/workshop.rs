//! An author's project at hand: its component, built where it is not there yet, its settings, its cases, and the
//! tenant they are played at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use serde_json::{Map, Value as Json};

use super::{Sandboxing, read, refused, settings, trial};
use crate::author::cases::{self, Case, Role};
use crate::author::project::Project;
use crate::author::trial::Trial;
use crate::plugin::{Plugins, Prototype, THREAD_STACK};

#[derive(Debug, Clone, clap::Args)]
pub(super) struct ProjectArguments {
    /// The project's folder, with settings.json, cases/ and tenant/
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// A component that is there already [default: made of the project, where that is newer]
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    #[command(flatten)]
    sandboxing: Sandboxing,
}

/// A project with its component loaded.
pub(super) struct Workshop {
    folder: PathBuf,
    file: PathBuf,
    /// Bytes of the component.
    pub(super) size: usize,
    /// The component.
    pub(super) prototype: Prototype,
    plugins: Plugins,
}

impl ProjectArguments {
    /// Its cases' folder.
    pub(super) fn cases(&self) -> PathBuf {
        self.folder.join("cases")
    }

    pub(super) fn project(&self) -> anyhow::Result<Project> {
        Ok(Project::find(&self.folder)?)
    }

    /// Builds where needed, and loads. Nothing where the component is refused, which has been told.
    pub(super) fn open(&self) -> anyhow::Result<Option<Workshop>> {
        let file = match &self.component {
            Some(file) => file.clone(),
            None => built(&self.project()?)?,
        };
        let bytes = read(&file)?;
        let plugins = self.sandboxing.plugins()?;
        match plugins.load(&bytes) {
            Ok(prototype) => {
                let folder = self.folder.clone();
                Ok(Some(Workshop { folder, file, size: bytes.len(), prototype, plugins }))
            }
            Err(refusals) => {
                refused(&refusals);
                Ok(None)
            }
        }
    }
}

/// The project's component, as new as its sources.
fn built(project: &Project) -> anyhow::Result<PathBuf> {
    let output = project.output();
    let made = std::fs::metadata(&output).and_then(|meta| meta.modified());
    if made.is_ok_and(|made| made >= project.changed()) {
        return Ok(output);
    }
    let component = project.build()?;
    std::fs::write(&output, component).with_context(|| format!("{} cannot be written", output.display()))?;
    Ok(output)
}

impl Workshop {
    /// The project's cases, by name.
    pub(super) fn cases(&self) -> anyhow::Result<BTreeMap<String, Case>> {
        let path = self.folder.join("cases");
        let cases = cases::read(&path)?;
        if cases.is_empty() {
            return Err(anyhow!("{} holds no cases; a case is a JSON file with a lead", path.display()));
        }
        Ok(cases)
    }

    /// One of them: by its name, or the first.
    pub(super) fn case(&self, name: Option<&str>) -> anyhow::Result<(String, Case)> {
        let mut cases = self.cases()?;
        match name {
            None => cases.pop_first().context("there are no cases"),
            Some(name) => {
                let known: Vec<&str> = cases.keys().map(String::as_str).collect();
                let unknown = format!("there is no case {name}; there are {}", known.join(", "));
                let case = cases.remove(name).context(unknown)?;
                Ok((name.to_owned(), case))
            }
        }
    }

    /// The component at the project's tenant, with the project's settings or a case's own.
    pub(super) fn trial(&self, own: Option<&Map<String, Json>>, only: Option<Role>) -> anyhow::Result<Trial> {
        let settings = match own {
            Some(own) => Json::Object(own.clone()),
            None => {
                let path = self.folder.join("settings.json");
                settings(path.is_file().then_some(path.as_path()))?
            }
        };
        let tenant = self.folder.join("tenant");
        trial(&tenant, &self.prototype, (&self.file, settings), only, &self.plugins)
    }
}

/// Runs on a thread with stack enough to call guests.
pub(super) fn with_stack<T: Send>(work: impl FnOnce() -> anyhow::Result<T> + Send) -> anyhow::Result<T> {
    let threads = rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(THREAD_STACK).build()?;
    threads.install(work)
}

/// A number with thousands apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A path without what goes without saying.
pub(super) fn shown(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}
