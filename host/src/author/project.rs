//! An author's folder becomes a component, whatever its language; which it is, its files say.
//!
//! The language's own tools do the work: cargo, clang, componentize-js, componentize-py. They are looked for where
//! the project's own package manager puts them, and what is missing is told with the command that installs it.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use serde_json::Value as Json;

use super::c;
use super::template::Language;
use crate::plugin::{self, build};

/// A folder that a component can be made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Where it is.
    pub folder: PathBuf,
    /// What it is written in.
    pub language: Language,
}

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The folder holds none of what a project starts from.
    #[error(
        "{} holds no plugin: it has neither Cargo.toml nor package.json with plugin.js or plugin.ts nor app.py nor plugin.c; \
         start one with `lanewright plugin new`", .0.display()
    )]
    NoProject(PathBuf),
    /// A Rust crate did not become a component.
    #[error(transparent)]
    Rust(#[from] build::BuildError),
    /// A crate makes several.
    #[error("the crate makes several modules ({0}); keep one a crate")]
    Several(String),
    /// Something has to be installed first.
    #[error("{what} is missing; install it with\n\n    {command}\n")]
    Missing {
        /// What.
        what: &'static str,
        /// How to get it.
        command: String,
    },
    /// A tool failed; it has told why on standard error.
    #[error("{tool} could not build {}", folder.display())]
    Tool {
        /// Which.
        tool: &'static str,
        /// What it was to build.
        folder: PathBuf,
    },
    /// The interface in the folder cannot be read.
    #[error("{} is no interface: {message}", folder.display())]
    Interface {
        /// Where it was to be.
        folder: PathBuf,
        /// Why.
        message: String,
    },
    /// A module of C asks for more than there is.
    #[error(
        "what clang made is no plugin, which has no files, no clock and no standard streams (`snprintf` works, \
         `printf` and `assert` do not): {0}"
    )]
    Module(String),
    /// What a tool made is no component.
    #[error("what {tool} made cannot be taken apart: {message}")]
    Component {
        /// Which.
        tool: &'static str,
        /// Why.
        message: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// What componentize-js leaves out: a plugin has no clock, no randomness, no files and no network.
const BUNDLE_AND_WRAP: &str = r"
import { componentize } from '@bytecodealliance/componentize-js';
import { build } from 'esbuild';
import { writeFile } from 'node:fs/promises';
const [entry, bundle, output] = process.argv.slice(1);
await build({
  entryPoints: [entry], outfile: bundle, bundle: true, format: 'esm', platform: 'neutral', target: 'es2023',
  mainFields: ['module', 'main'], external: ['lanewright:*'], logLevel: 'warning',
});
const disableFeatures = ['stdio', 'random', 'clocks', 'http', 'fetch-event'];
const { component } = await componentize({ sourcePath: bundle, witPath: 'wit', disableFeatures });
await writeFile(output, component);
";

/// What componentize-py calls itself by before the snapshot, and leaves in the component.
const PYTHON_INIT: &str = "exports";

impl Project {
    /// Looks at what a folder holds.
    pub fn find(folder: &Path) -> Result<Self, ProjectError> {
        let has = |name: &str| folder.join(name).is_file();
        let language = if has("Cargo.toml") {
            Language::Rust
        } else if has("package.json") && has("plugin.ts") {
            Language::TypeScript
        } else if has("package.json") && has("plugin.js") {
            Language::JavaScript
        } else if has("app.py") {
            Language::Python
        } else if has("plugin.c") {
            Language::C
        } else {
            return Err(ProjectError::NoProject(folder.to_owned()));
        };
        Ok(Self { folder: folder.to_owned(), language })
    }

    /// Makes the component.
    pub fn build(&self) -> Result<Vec<u8>, ProjectError> {
        match self.language {
            Language::Rust => self.rust(),
            Language::JavaScript => self.javascript("plugin.js"),
            Language::TypeScript => {
                self.check_types()?;
                self.javascript("plugin.ts")
            }
            Language::Python => self.python(),
            Language::C => self.c(),
        }
    }

    /// Where the component is kept unless told otherwise: in the folder, under the package's name.
    pub fn output(&self) -> PathBuf {
        let text = |file: &str| std::fs::read_to_string(self.folder.join(file)).unwrap_or_default();
        let name = match self.language {
            Language::Rust => {
                let manifest: toml::Table = text("Cargo.toml").parse().unwrap_or_default();
                let name = |part: &str| manifest.get(part)?.get("name")?.as_str();
                name("lib").or_else(|| name("package")).map(|name| name.replace('-', "_"))
            }
            Language::JavaScript | Language::TypeScript => {
                let package: Json = serde_json::from_str(&text("package.json")).unwrap_or_default();
                // A name may have a scope.
                package["name"].as_str().and_then(|name| name.rsplit('/').next()).map(str::to_owned)
            }
            Language::Python | Language::C => None,
        };
        let folder = || {
            let absolute = std::path::absolute(&self.folder).unwrap_or_default();
            absolute.file_name().map_or_else(|| "plugin".into(), |name| name.to_string_lossy().into_owned())
        };
        self.folder.join(format!("{}.wasm", name.filter(|name| !name.is_empty()).unwrap_or_else(folder)))
    }

    /// When the newest of its sources was changed.
    pub fn changed(&self) -> SystemTime {
        let mut newest = SystemTime::UNIX_EPOCH;
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                let Ok(kind) = entry.file_type() else { continue };
                let (name, path) = (entry.file_name(), entry.path());
                if kind.is_dir() {
                    // What tools make, and what cases are made of.
                    let made = ["target", "build", "node_modules", ".venv", "__pycache__", ".git"];
                    let played = ["cases", "tenant"];
                    if !made.iter().chain(&played).any(|known| name == *known) {
                        folders.push(path);
                    }
                } else if path.extension() != Some(OsStr::new("wasm")) && name != "settings.json" {
                    let modified = entry.metadata().and_then(|meta| meta.modified());
                    newest = newest.max(modified.unwrap_or(SystemTime::UNIX_EPOCH));
                }
            }
        }
        newest
    }

    fn rust(&self) -> Result<Vec<u8>, ProjectError> {
        let target = self.folder.join("target").join("plugin");
        let mut built = build::build(&self.folder.join("Cargo.toml"), &target, &[])?;
        match (built.pop(), built.is_empty()) {
            (Some(only), true) => Ok(only.component),
            (last, _) => {
                let names: Vec<String> = built.into_iter().chain(last).map(|built| built.name).collect();
                Err(ProjectError::Several(names.join(", ")))
            }
        }
    }

    /// What componentize-js makes of a bundle of the entry and everything it imports.
    fn javascript(&self, entry: &str) -> Result<Vec<u8>, ProjectError> {
        self.installed(&["@bytecodealliance/componentize-js", "esbuild"])?;
        let output = self.folder.join("build").join("plugin.wasm");
        let mut node = self.node();
        node.args([
            "--input-type=module",
            "-e",
            BUNDLE_AND_WRAP,
            entry,
            "build/plugin.js",
            "build/plugin.wasm",
        ]);
        self.run(node, "componentize-js")?;
        std::fs::read(&output).map_err(|error| ProjectError::File { path: output, error })
    }

    fn check_types(&self) -> Result<(), ProjectError> {
        self.installed(&["typescript"])?;
        let mut tsc = self.node();
        tsc.args(["node_modules/typescript/bin/tsc", "--noEmit", "--project", "."]);
        self.run(tsc, "tsc")
    }

    fn node(&self) -> Command {
        let mut node = Command::new("node");
        node.current_dir(&self.folder);
        node
    }

    /// Packages that npm was to install.
    fn installed(&self, packages: &[&str]) -> Result<(), ProjectError> {
        let there =
            |package: &&str| self.folder.join("node_modules").join(package).join("package.json").is_file();
        if packages.iter().all(there) {
            return Ok(());
        }
        let command = format!("npm install --prefix {}", self.folder.display());
        Err(ProjectError::Missing { what: "what package.json asks for", command })
    }

    fn python(&self) -> Result<Vec<u8>, ProjectError> {
        let venv = self.folder.join(".venv");
        let tool = venv.join("bin").join("componentize-py");
        if !tool.is_file() {
            let (folder, venv) = (self.folder.display(), venv.display());
            let command =
                format!("python3 -m venv {venv} && {venv}/bin/pip install -r {folder}/requirements.txt");
            return Err(ProjectError::Missing { what: "what requirements.txt asks for", command });
        }
        let absolute = |path: &Path| {
            std::path::absolute(path).map_err(|error| ProjectError::File { path: path.to_owned(), error })
        };
        let output = self.folder.join("build").join("plugin.wasm");
        let mut command = Command::new(absolute(&tool)?);
        command
            .current_dir(&self.folder)
            // Where it finds the packages that the plugin imports.
            .env("VIRTUAL_ENV", absolute(&venv)?)
            .args(["--quiet", "--wit-path", "wit", "componentize", "--stub-wasi", "--python-path", "."])
            .args(["--output", "build/plugin.wasm", "app"]);
        let tool = "componentize-py";
        self.run(command, tool)?;
        let component = std::fs::read(&output).map_err(|error| ProjectError::File { path: output, error })?;
        plugin::without_export(&component, PYTHON_INIT)
            .map_err(|message| ProjectError::Component { tool, message })
    }

    /// What clang makes of the sources and of the bindings to the interface in `wit`.
    fn c(&self) -> Result<Vec<u8>, ProjectError> {
        let file = |path: &Path| {
            let path = path.to_owned();
            move |error| ProjectError::File { path, error }
        };
        let (wit, build) = (self.folder.join("wit"), self.made()?);
        let mut inputs = c::sources(&self.folder).map_err(file(&self.folder))?;
        let bindings =
            c::bindings(&wit).map_err(|message| ProjectError::Interface { folder: wit, message })?;
        for (name, content) in bindings {
            let path = build.join(&name);
            std::fs::write(&path, content).map_err(file(&path))?;
            if !name.ends_with(".h") {
                inputs.push(Path::new("build").join(name));
            }
        }
        match self.run(c::clang(&self.folder, &inputs, "build/plugin.wasm"), "clang") {
            Err(ProjectError::Tool { .. }) if !c::complete() => {
                let command = c::INSTALL.to_owned();
                return Err(ProjectError::Missing { what: "a part of clang for WebAssembly", command });
            }
            built => built?,
        }
        let output = build.join("plugin.wasm");
        let module = std::fs::read(&output).map_err(file(&output))?;
        build::component(&module).map_err(ProjectError::Module)
    }

    /// The folder of what tools make, which is there from now on.
    fn made(&self) -> Result<PathBuf, ProjectError> {
        let build = self.folder.join("build");
        match std::fs::create_dir_all(&build) {
            Ok(()) => Ok(build),
            Err(error) => Err(ProjectError::File { path: build, error }),
        }
    }

    fn run(&self, mut command: Command, tool: &'static str) -> Result<(), ProjectError> {
        self.made()?;
        let program = command.get_program().to_owned();
        // Standard output is for results, and a tool has none there.
        let status = command.stdout(io::stderr()).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(ProjectError::Tool { tool, folder: self.folder.clone() }),
            Err(error) => Err(match program.to_str() {
                Some("node") if error.kind() == io::ErrorKind::NotFound => {
                    let command = "sudo apt-get install nodejs npm    (or from https://nodejs.org; version 20 or newer)";
                    ProjectError::Missing { what: "Node.js", command: command.to_owned() }
                }
                Some("clang") if error.kind() == io::ErrorKind::NotFound => {
                    ProjectError::Missing { what: "clang", command: c::INSTALL.to_owned() }
                }
                _ => ProjectError::File { path: program.into(), error },
            }),
        }
    }
}

impl fmt::Display for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.language, self.folder.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_say_the_language_and_what_is_missing_is_told() {
        let check = |files: &[&str], expect: Option<Language>, missing: &str| {
            let folder = tempfile::tempdir().expect("a folder");
            for file in files {
                std::fs::write(folder.path().join(file), "{}").expect("written");
            }
            let found = Project::find(folder.path());
            assert_eq!(found.as_ref().ok().map(|project| project.language), expect, "{files:?}");
            let told = match found.and_then(|project| project.build()) {
                Ok(_) => panic!("{files:?} cannot be built"),
                Err(error) => error.to_string(),
            };
            assert!(told.contains(missing), "{files:?}: {told}");
        };
        check(&[], None, "lanewright plugin new");
        check(&["package.json"], None, "lanewright plugin new");
        check(&["package.json", "plugin.js"], Some(Language::JavaScript), "npm install --prefix ");
        check(
            &["package.json", "plugin.js", "plugin.ts"],
            Some(Language::TypeScript),
            "npm install --prefix ",
        );
        check(&["app.py"], Some(Language::Python), "/.venv/bin/pip install -r ");
        check(&["plugin.c"], Some(Language::C), "/wit is no interface: ");
    }
}
