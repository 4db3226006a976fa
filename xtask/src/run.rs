//! Other programs, run in the repository's root and shown before they run.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

/// A program with its arguments.
pub(crate) struct Run {
    command: Command,
    /// As a person would type it.
    line: String,
}

/// The cargo that started this program.
pub(crate) fn cargo(arguments: &[&str]) -> Run {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    Run::new(cargo, "cargo").args(arguments)
}

/// Any other program, looked up on the path.
pub(crate) fn program(name: &str, arguments: &[&str]) -> Run {
    Run::new(name, name).args(arguments)
}

/// The folder that holds the workspace's `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    // Cargo says where the package is now; what was true when it was compiled serves where it does not.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let mut root = PathBuf::from(package);
    root.pop();
    root
}

/// Where the workspace's build goes.
pub(crate) fn target_dir() -> PathBuf {
    let named = ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"].iter().find_map(std::env::var_os);
    // An absolute path replaces the root.
    root().join(named.unwrap_or_else(|| "target".into()))
}

impl Run {
    fn new(program: impl AsRef<OsStr>, shown: &str) -> Self {
        let mut command = Command::new(program);
        command.current_dir(root()).stdin(Stdio::null());
        // Set for us by the outer cargo; an inner one would take them for wishes about its own packages.
        for (name, _) in std::env::vars_os() {
            if name
                .to_str()
                .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
            {
                command.env_remove(name);
            }
        }
        Self { command, line: shown.to_owned() }
    }

    /// Further arguments.
    pub(crate) fn args<S: AsRef<str>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        for argument in arguments {
            let argument = argument.as_ref();
            self.command.arg(argument);
            self.line.push(' ');
            self.line.push_str(&quoted(argument));
        }
        self
    }

    /// Further arguments that nobody is shown.
    pub(crate) fn secret<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self.line.push_str(" …");
        self
    }

    /// A variable of its environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Where it runs, for one that may not enter the repository.
    pub(crate) fn inside(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// As a person would type it.
    pub(crate) fn line(&self) -> &str {
        &self.line
    }

    /// Runs it with its output on ours; anything but success is an error.
    pub(crate) fn shown(mut self) -> Result<()> {
        eprintln!("$ {}", self.line);
        let status = self.command.status().with_context(|| format!("cannot start `{}`", self.line))?;
        self.succeeded(status)
    }

    /// The same without a word before it.
    pub(crate) fn quiet(mut self) -> Result<()> {
        let status = self.command.status().with_context(|| format!("cannot start `{}`", self.line))?;
        self.succeeded(status)
    }

    /// Runs it and passes its standard output on line by line, to `each` as well.
    pub(crate) fn watched(mut self, mut each: impl FnMut(&str)) -> Result<()> {
        eprintln!("$ {}", self.line);
        self.command.stdout(Stdio::piped());
        let mut child = self.command.spawn().with_context(|| format!("cannot start `{}`", self.line))?;
        if let Some(output) = child.stdout.take() {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while output.read_until(b'\n', &mut line)? > 0 {
                std::io::stdout().write_all(&line)?;
                each(&String::from_utf8_lossy(&line));
                line.clear();
            }
        }
        let status = child.wait()?;
        self.succeeded(status)
    }

    /// Starts it with all that it prints going to `log`.
    pub(crate) fn logged(mut self, log: &File) -> Result<Child> {
        let outputs = log.try_clone().and_then(|output| Ok((output, log.try_clone()?)));
        let (output, errors) = outputs.with_context(|| format!("cannot keep what `{}` prints", self.line))?;
        self.command.stdout(output).stderr(errors);
        self.command.spawn().with_context(|| format!("cannot start `{}`", self.line))
    }

    /// What it prints on standard output; its standard error is ours.
    pub(crate) fn output(mut self) -> Result<String> {
        self.command.stderr(Stdio::inherit());
        let output = self.command.output().with_context(|| format!("cannot start `{}`", self.line))?;
        self.succeeded(output.status)?;
        String::from_utf8(output.stdout)
            .with_context(|| format!("`{}` printed something else than text", self.line))
    }

    /// Whether it starts and succeeds, and what it prints then.
    pub(crate) fn asked(mut self) -> Option<String> {
        let output = self.command.stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn succeeded(&self, status: ExitStatus) -> Result<()> {
        if !status.success() {
            bail!("`{}` failed ({status})", self.line);
        }
        Ok(())
    }
}

/// As it would be typed in a shell.
fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_can_be_typed() {
        let run = program("echo", &["plain", "two words", "it's", ""]);
        assert_eq!(run.line(), r"echo plain 'two words' 'it'\''s' ''");
    }

    #[test]
    fn failure_is_an_error_that_names_the_command() {
        let error = program("false", &[]).quiet().expect_err("`false` fails");
        assert!(error.to_string().starts_with("`false` failed"), "{error}");
        assert_eq!(program("false", &[]).asked(), None);
        assert_eq!(program("no-such-program-here", &[]).asked(), None);
    }

    #[test]
    fn every_line_is_watched() {
        let mut seen = Vec::new();
        program("printf", &["one\\ntwo"])
            .watched(|line| seen.push(line.trim_end().to_owned()))
            .expect("printf");
        assert_eq!(seen, ["one", "two"]);
    }
}
