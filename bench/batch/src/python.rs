//! The solvers in Python, installed where the build goes.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::instance::Instance;

const PACKAGES: [&str; 3] = ["numpy==2.4.6", "ortools==9.15.6755", "scipy==1.17.1"];

const SOLVERS: [&str; 3] =
    ["SciPy, linear_sum_assignment", "OR-tools, linear assignment", "OR-tools, min-cost flow"];

pub(crate) struct Python {
    folder: PathBuf,
}

impl Python {
    /// A virtual environment with the solvers, made when it is not there yet.
    pub(crate) fn new() -> Result<Self> {
        let binary = std::env::current_exe()?;
        let folder = binary.parent().context("a binary is in a folder")?.join("batch-python");
        let done = folder.join("installed");
        if std::fs::read_to_string(&done).is_ok_and(|text| text == PACKAGES.join(" ")) {
            return Ok(Self { folder });
        }
        eprintln!("installing {} into {}", PACKAGES.join(", "), folder.display());
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        run(Command::new(folder.join("bin/pip")).args(["install", "--quiet"]).args(PACKAGES))?;
        std::fs::write(&done, PACKAGES.join(" "))?;
        Ok(Self { folder })
    }

    /// Each solver's name, and the process that runs it.
    pub(crate) fn commands(&self, instance: &Instance) -> Result<Vec<(&'static str, Command)>> {
        let values = self.folder.join("values");
        let bytes: Vec<u8> = instance.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(&values, bytes)?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/solvers.py");
        let command = |name| {
            let mut command = Command::new(self.folder.join("bin/python"));
            command.arg(script).arg(name).arg(&values);
            command.args([instance.reps.to_string(), instance.capacity.to_string()]);
            (name, command)
        };
        let mut commands: Vec<_> = SOLVERS.map(command).into();
        // It wants an arc for every pair of places, which at 12,500 of them is more than memory holds.
        commands.retain(|(name, _)| *name != SOLVERS[1] || instance.places() < 5_000);
        Ok(commands)
    }
}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.stdout(std::io::stderr()).status().with_context(|| format!("no {name}"))?;
    ensure!(status.success(), "{name} failed");
    Ok(())
}
