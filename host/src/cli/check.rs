//! `lanewright check`: every problem of a tenant folder at once.

use std::path::PathBuf;

use super::{Exit, Sandboxing, tell};
use crate::tenant::Tenant;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The tenant's folder
    folder: PathBuf,
    #[command(flatten)]
    sandboxing: Sandboxing,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let plugins = arguments.sandboxing.plugins()?;
    match Tenant::load(&arguments.folder, &plugins) {
        Ok(tenant) => {
            let config = &tenant.config;
            for note in &config.notes {
                eprintln!("note: {note}");
            }
            println!(
                "{} is in order: {} lanes, {} teams, {} reps, {} territories, {} accounts, {} enrichers ({})",
                config.name,
                config.lanes.len(),
                config.teams.len(),
                config.reps.len(),
                config.territories.len(),
                config.accounts.len(),
                tenant.active.enrichers.len(),
                config.digest,
            );
            Ok(Exit::Done)
        }
        Err(problems) => {
            tell(&problems);
            let count = problems.0.len();
            eprintln!(
                "\n{count} problem{} in {}",
                if count == 1 { "" } else { "s" },
                arguments.folder.display()
            );
            Ok(Exit::Findings)
        }
    }
}
