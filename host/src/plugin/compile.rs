//! Compiling a component in a child process: the engine does not defend against what it compiles.
//!
//! The child is this program again, started for that alone. It sets its own limits before it reads a
//! byte, checks the component (`upload.rs`), compiles it, writes the machine code into a file its parent
//! named, and reports as one JSON line. The parent waits for so long and no longer.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, nice, setrlimit};
use serde::{Deserialize, Serialize};
use wait_timeout::ChildExt;

use super::engine::{self, Class};
use super::interface::Surface;
use super::plan::Plan;
use super::upload::{Refusal, Stage, inspect};

/// The argument that makes this program the child.
pub const CHILD: &str = "compile-component";

/// Address space of the child, in bytes.
const MEMORY: u64 = 4 << 30;

impl Class {
    /// Processor seconds of the child.
    fn cpu_seconds(self) -> u64 {
        match self {
            Self::Small => 60,
            // CPython takes 40 on a slow machine.
            Self::Large => 240,
        }
    }

    /// Wall time of the child: longer, because machines are shared.
    fn wall(self) -> Duration {
        Duration::from_secs(2 * self.cpu_seconds())
    }
}

/// How far it steps back behind everything else.
const NICE: i32 = 10;

/// What the child says of a component.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Report {
    Compiled(Surface),
    Refused(Vec<Refusal>),
}

/// A component's machine code, and what it exports and imports.
pub(super) struct Compiled {
    pub(super) artifact: Vec<u8>,
    pub(super) surface: Surface,
}

/// Compiles for the engine of a class, under its plan, in a child of `program`.
pub(super) fn compile(
    program: &Path,
    component: &[u8],
    class: Class,
    plan: &Plan,
) -> Result<Compiled, Vec<Refusal>> {
    compile_in_child(program, component, class, plan).unwrap_or_else(|error| {
        let hint = "this is the host's trouble, not the plugin's";
        let message = format!("the compiler could not be run: {error}");
        Err(vec![Refusal::new(Stage::Compile, message).hint(hint)])
    })
}

fn compile_in_child(
    program: &Path,
    component: &[u8],
    class: Class,
    plan: &Plan,
) -> std::io::Result<Result<Compiled, Vec<Refusal>>> {
    let mut input = tempfile::tempfile()?;
    input.write_all(component)?;
    input.rewind()?;
    let output = tempfile::NamedTempFile::new()?;
    let mut report = tempfile::tempfile()?;
    let most = component.len().saturating_mul(plan.artifact_ratio).max(1 << 20);
    let mut child = Command::new(program)
        .arg(CHILD)
        .arg(output.path())
        .arg(most.to_string())
        .arg(serde_json::to_string(&(class, plan))?)
        .env_clear()
        .stdin(Stdio::from(input))
        .stdout(Stdio::from(report.try_clone()?))
        .stderr(Stdio::null())
        .spawn()?;
    let Some(status) = child.wait_timeout(class.wall())? else {
        child.kill()?;
        child.wait()?;
        return Ok(Err(gave_up(&format!("it took longer than {} s", class.wall().as_secs()))));
    };
    let mut text = String::new();
    report.rewind()?;
    report.read_to_string(&mut text)?;
    match serde_json::from_str(&text) {
        Ok(Report::Refused(refusals)) => Ok(Err(refusals)),
        Ok(Report::Compiled(surface)) if status.success() => {
            let artifact = std::fs::read(output.path())?;
            Ok(Ok(Compiled { artifact, surface }))
        }
        _ => Ok(Err(gave_up(&ended(status, class)))),
    }
}

/// Why a child said nothing.
fn ended(status: ExitStatus, class: Class) -> String {
    match status.signal().and_then(Signal::from_named_raw) {
        Some(Signal::XCPU | Signal::KILL) => {
            format!("it used up its {} s of processor time", class.cpu_seconds())
        }
        // The allocator aborts where there is no more, and so does a stack at its end.
        Some(Signal::ABORT) => format!("it used up its {} MiB of memory, or its stack", MEMORY >> 20),
        Some(Signal::XFSZ) => "the machine code is larger than it may be".to_owned(),
        _ => format!("it broke off ({status})"),
    }
}

fn gave_up(why: &str) -> Vec<Refusal> {
    let hint =
        "split huge functions and tables, and types inside one another; ordinary code compiles in a second";
    vec![Refusal::new(Stage::Compile, format!("the compiler gave up: {why}")).hint(hint)]
}

/// The child: reads a component from standard input, writes its machine code to the file its parent
/// named, and reports on standard output.
pub fn child(arguments: &[String]) -> ExitCode {
    let [output, most, under] = arguments else { return ExitCode::from(2) };
    let (Ok(most), Ok((class, plan))) = (most.parse::<u64>(), serde_json::from_str::<(Class, Plan)>(under))
    else {
        return ExitCode::from(2);
    };
    let output = PathBuf::from(output);
    let report = match limit_self(class, most).and_then(|()| read_input()) {
        Ok(component) => work(&component, &output, most, class, &plan),
        Err(error) => Report::Refused(gave_up(&error.to_string())),
    };
    let text = serde_json::to_string(&report).unwrap_or_default();
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Limits that hold before the first byte of a stranger's file is read, and cannot be taken back.
fn limit_self(class: Class, file_bytes: u64) -> std::io::Result<()> {
    let set = |resource, most: u64| -> std::io::Result<()> {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).map_err(Into::into)
    };
    // Whoever routes leads beside it comes first.
    nice(NICE)?;
    set(Resource::Core, 0)?;
    set(Resource::As, MEMORY)?;
    set(Resource::Cpu, class.cpu_seconds())?;
    set(Resource::Fsize, file_bytes.saturating_add(1 << 20))
}

/// No component is larger, whatever the plan.
const INPUT: u64 = 64 << 20;

fn read_input() -> std::io::Result<Vec<u8>> {
    let mut component = Vec::new();
    std::io::stdin().lock().take(INPUT).read_to_end(&mut component)?;
    Ok(component)
}

fn work(component: &[u8], output: &Path, most: u64, class: Class, plan: &Plan) -> Report {
    let surface = match inspect(component, class.shape(), plan) {
        Ok(surface) => surface,
        Err(refusals) => return Report::Refused(refusals),
    };
    let refuse = |message: String| {
        let hint = "the file is damaged, or uses WebAssembly features that plugins do not have";
        Report::Refused(vec![Refusal::new(Stage::Compile, message).hint(hint)])
    };
    let artifact = match engine::compiler(class).and_then(|engine| engine.precompile_component(component)) {
        Ok(artifact) => artifact,
        Err(error) => return refuse(format!("{error:#}")),
    };
    if artifact.len() as u64 > most {
        let message = format!("{} bytes of machine code; at most {most}", artifact.len());
        return Report::Refused(vec![Refusal::new(Stage::Compile, message).hint("make the code smaller")]);
    }
    match File::create(output).and_then(|mut file| file.write_all(&artifact)) {
        Ok(()) => Report::Compiled(surface),
        Err(error) => refuse(format!("the machine code could not be written: {error}")),
    }
}
