//! `fuzz [TARGET]`: inputs made of good ones, at everything that reads bytes of strangers, for some minutes.
//!
//! The targets and what makes the inputs are the tests' own (`tests/it/fuzz.rs`); so is what they find, a file in
//! `tests/fuzz/TARGET/`. What ends the whole program leaves no such file, so that one is written here.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::run::{cargo, root, target_dir};
use crate::setup::{self, Work};

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    target: Option<String>,
    minutes: u64,
    /// Another one each time where nobody says.
    seed: Option<u64>,
}

/// Runs it.
pub(super) fn run(arguments: &[String]) -> Result<ExitCode> {
    let Asked { target, minutes, seed } = asked(arguments)?;
    setup::run(Work::Test)?;
    let last = target_dir().join("tmp/fuzz-last");
    let _ = std::fs::remove_file(&last);
    let test = ["test", "--package", "lanewright", "--test", "it", "--"];
    let mut run = cargo(&test).args(["--exact", "fuzz::long", "--ignored", "--nocapture"]);
    run = run.env("LANEWRIGHT_FUZZ_SECONDS", (minutes * 60).to_string());
    if let Some(target) = &target {
        run = run.env("LANEWRIGHT_FUZZ_TARGET", target);
    }
    if let Some(seed) = seed {
        run = run.env("LANEWRIGHT_FUZZ_SEED", seed.to_string());
    }
    let ran = run.shown();
    if let Ok(left) = std::fs::read(&last) {
        bail!("the program ended over {}", kept(&left)?);
    }
    ran.map(|()| ExitCode::SUCCESS)
}

fn asked(arguments: &[String]) -> Result<Asked> {
    let mut asked = Asked { target: None, minutes: 10, seed: None };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let given = arguments.next().with_context(|| format!("{argument} takes a number"))?;
            given
                .parse::<u64>()
                .with_context(|| format!("{argument} is given `{given}`, and takes a whole number"))
        };
        match argument.as_str() {
            "--minutes" => asked.minutes = number()?,
            "--seed" => asked.seed = Some(number()?),
            target if !target.starts_with('-') && asked.target.is_none() => {
                asked.target = Some(target.to_owned())
            }
            other => bail!("there is no `{other}`; it takes [TARGET] [--minutes N] [--seed S]"),
        }
    }
    Ok(asked)
}

/// Keeps an input that nobody could keep who tried it: the target's name, a line's end, and the input.
fn kept(left: &[u8]) -> Result<String> {
    let end = left.iter().position(|byte| *byte == b'\n').context("what it ended over cannot be read")?;
    let (target, input) = (String::from_utf8_lossy(&left[..end]), &left[end + 1..]);
    let mut digest = DefaultHasher::new();
    input.hash(&mut digest);
    let file = Path::new("tests/fuzz").join(&*target).join(format!("crash-{:016x}", digest.finish()));
    let place = root().join(&file);
    std::fs::create_dir_all(place.parent().unwrap_or(&place))?;
    std::fs::write(&place, input).with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(format!("{}; `cargo xtask test fuzz::{target}` tries it again", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for() {
        let check = |arguments: &[&str], expect: Option<(Option<&str>, u64, Option<u64>)>| {
            let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
            let found = asked(&arguments).ok();
            let expect = expect.map(|(target, minutes, seed)| Asked {
                target: target.map(str::to_owned),
                minutes,
                seed,
            });
            assert_eq!(found, expect, "{arguments:?}");
        };
        check(&[], Some((None, 10, None)));
        check(&["lead", "--minutes", "2", "--seed", "7"], Some((Some("lead"), 2, Some(7))));
        check(&["--seed"], None);
        check(&["--minutes", "few"], None);
        check(&["lead", "event"], None);
        check(&["--hours", "1"], None);
    }
}
