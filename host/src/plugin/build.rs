//! A Rust crate becomes a component: `cargo build` for `wasm32-unknown-unknown`, then `wit-component`.
//!
//! That target has no WASI, so nothing has to be stubbed. Used by `lanewright plugin build`, by this
//! package's own build script for the standard plugins, and by the tests for their guests; it depends
//! on nothing else of ours.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The target plugins are built for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Guests are linked with this stack: clearing more after each call would cost more than the call.
const STACK_BYTES: u32 = 64 * 1024;

/// A small component starts faster and fits its size limit. Function names stay, for traps; a crate
/// whose own release profile says otherwise is overruled.
const PROFILE: [&str; 4] = [
    "profile.release.debug=false",
    "profile.release.strip=\"debuginfo\"",
    "profile.release.lto=true",
    "profile.release.codegen-units=1",
];

/// Why a crate did not become a component.
#[derive(Debug)]
pub enum BuildError {
    /// Cargo could not be started.
    Start(std::io::Error),
    /// Cargo failed; it has told why on standard error.
    Cargo {
        /// The manifest.
        manifest: PathBuf,
        /// Whether the wasm target is missing.
        target_missing: bool,
    },
    /// The crate built, but made no WebAssembly module.
    NoModule(PathBuf),
    /// A module could not be read.
    Read(PathBuf, std::io::Error),
    /// The module cannot be made a component.
    Component(PathBuf, String),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) => write!(f, "cargo could not be started: {error}"),
            Self::Cargo { target_missing: true, .. } => {
                write!(f, "the target {TARGET} is not installed; add it with: rustup target add {TARGET}")
            }
            Self::Cargo { manifest, .. } => write!(f, "cargo could not build {}", manifest.display()),
            Self::NoModule(manifest) => write!(
                f,
                "{} made no WebAssembly module; its library needs crate-type = [\"cdylib\"]",
                manifest.display()
            ),
            Self::Read(path, error) => write!(f, "{} could not be read: {error}", path.display()),
            Self::Component(path, error) => {
                write!(f, "{} cannot be made a component: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for BuildError {}

/// A component made of a crate's artifact.
#[derive(Debug)]
pub struct Built {
    /// The artifact's name, such as `lanewright_scorer`.
    pub name: String,
    /// The component's bytes.
    pub component: Vec<u8>,
}

/// Builds the crate of `manifest` with further cargo arguments (`--examples`, `-p NAME`) and makes a
/// component of every module that comes out. Its own target folder keeps it from waiting for, or
/// rebuilding, what an outer cargo has locked.
pub fn build(manifest: &Path, target_dir: &Path, args: &[&str]) -> Result<Vec<Built>, BuildError> {
    let modules = compile(manifest, target_dir, args)?;
    if modules.is_empty() {
        return Err(BuildError::NoModule(manifest.to_owned()));
    }
    modules
        .into_iter()
        .map(|path| {
            let module = std::fs::read(&path).map_err(|error| BuildError::Read(path.clone(), error))?;
            let component = component(&module).map_err(|error| BuildError::Component(path.clone(), error))?;
            let name = path.file_stem().and_then(OsStr::to_str).unwrap_or("plugin").to_owned();
            Ok(Built { name, component })
        })
        .collect()
}

/// Makes a component of a core module that carries its interface as custom sections.
pub fn component(module: &[u8]) -> Result<Vec<u8>, String> {
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| format!("{error:#}"))
}

/// The same up to the core modules, which other runtimes take as they are.
pub fn compile(manifest: &Path, target_dir: &Path, args: &[&str]) -> Result<Vec<PathBuf>, BuildError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--release", "--target", TARGET, "--message-format", "json-render-diagnostics"])
        .arg("--manifest-path")
        .arg(manifest)
        .args(PROFILE.iter().flat_map(|setting| ["--config", setting]))
        .args(args)
        .env("CARGO_TARGET_DIR", target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", format!("-Clink-arg=-zstack-size={STACK_BYTES}"))
        // Inherited from an outer cargo they would make this build another one: a lint run's wrapper,
        // its flags, its profile.
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET");
    let output = command.stderr(std::process::Stdio::inherit()).output().map_err(BuildError::Start)?;
    if !output.status.success() {
        let manifest = manifest.to_owned();
        return Err(BuildError::Cargo { manifest, target_missing: target_missing() });
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    Ok(messages.lines().flat_map(modules_of).collect())
}

/// The WebAssembly files that one line of cargo's messages names.
fn modules_of(line: &str) -> Vec<PathBuf> {
    let Ok(message) = serde_json::from_str::<Value>(line) else { return Vec::new() };
    if message["reason"] != "compiler-artifact" {
        return Vec::new();
    }
    let files = message["filenames"].as_array().into_iter().flatten().filter_map(Value::as_str);
    files.filter(|file| file.ends_with(".wasm")).map(PathBuf::from).collect()
}

fn target_missing() -> bool {
    let libdir = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--print", "target-libdir", "--target", TARGET])
        .output();
    libdir.is_ok_and(|out| !Path::new(String::from_utf8_lossy(&out.stdout).trim()).is_dir())
}
