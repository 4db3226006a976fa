//! `lanewright plugin profile`: which of a plugin's functions the fuel of a call goes to.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::ValueEnum;

use super::Exit;
use super::workshop::{self, Workshop, grouped, with_stack};
use crate::author::cases::Role;
use crate::author::flame::{self, Stacks};
use crate::author::trial::Said;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    workshop: workshop::ProjectArguments,
    /// The case that is played [default: the first]
    #[arg(long, value_name = "NAME")]
    case: Option<String>,
    /// The role that is asked [default: the first that the component has]
    #[arg(long, value_name = "ROLE")]
    role: Option<RoleName>,
    /// Steps that the fuel is cut into; the call is run once for each
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    steps: u32,
    /// Where the picture goes; with the ending .folded, the stacks as lines for other tools
    #[arg(long, short, value_name = "FILE", default_value = "flame.svg")]
    output: PathBuf,
}

/// [`Role`] as an argument.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleName {
    Enricher,
    Classifier,
    Scorer,
    Fallback,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Enricher => Self::Enricher,
            RoleName::Classifier => Self::Classifier,
            RoleName::Scorer => Self::Scorer,
            RoleName::Fallback => Self::Fallback,
        }
    }
}

/// Functions told in words.
const TOLD: usize = 10;

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    match arguments.workshop.open()? {
        Some(workshop) => with_stack(|| profile(&workshop, arguments)),
        None => Ok(Exit::Findings),
    }
}

fn profile(workshop: &Workshop, arguments: &Arguments) -> anyhow::Result<Exit> {
    let (name, case) = workshop.case(arguments.case.as_deref())?;
    let trial = workshop.trial(case.settings.as_ref(), arguments.role.map(Role::from))?;
    let ask = || {
        let answers = trial.ask(&case, &Said(&case)).map_err(|refusal| anyhow!("case {name}: {refusal}"))?;
        answers.into_iter().next().context("the component does not have this role")
    };
    let whole = ask()?;
    let longest = whole.calls.iter().map(|measured| &measured.call).max_by_key(|call| call.fuel);
    let call = longest.context("the plugin was not called")?;
    let probe = workshop.prototype.probe().context("there is a profile already")?;
    let (fuel, steps) = (call.fuel, u64::from(arguments.steps));
    let step = fuel.div_ceil(steps).max(1);

    let mut stacks = Stacks::new();
    for end in (1..=steps).map(|k| k * step) {
        probe.allow(end);
        ask()?;
        match probe.take() {
            Some(mut stack) => {
                stack.insert(0, call.export.clone());
                *stacks.entry(stack).or_default() += 1;
            }
            // What is left of the fuel was the instance's.
            None => break,
        }
    }
    let started = probe.started() / step;
    if started > 0 {
        stacks.insert(vec!["the instance, before it is called".to_owned()], started);
    }

    let title = format!("{} of {name}: {} fuel in steps of {}", call.export, grouped(fuel), grouped(step));
    let folded = arguments.output.extension().is_some_and(|extension| extension == "folded");
    let text = if folded { flame::folded(&stacks) } else { flame::svg(&stacks, &title, step) };
    let path = &arguments.output;
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    println!("{title}");
    let total = stacks.values().sum::<u64>().max(1);
    for (function, steps) in flame::own(&stacks).into_iter().take(TOLD) {
        println!("  {:>5.1} %  {function}", 100.0 * steps as f64 / total as f64);
    }
    println!("{}", path.display());
    Ok(Exit::Done)
}
