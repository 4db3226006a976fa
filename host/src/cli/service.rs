//! What verbs share that work with the service's own database.

use anyhow::Context;
use tokio::runtime::Runtime;

use super::{flags, tell};
use crate::settings::{Given, Settings};

/// The service's settings: a file, variables, flags.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Service {
    /// The settings, a TOML file [default: none, everything by its default]
    #[arg(long, value_name = "FILE", env = "LANEWRIGHT_CONFIG")]
    config: Option<String>,
    #[command(flatten)]
    flags: flags::Flags,
}

impl Service {
    /// What was given, or nothing once every problem with it was told.
    pub(super) fn settings(&self) -> Option<Settings> {
        match Settings::load(&Given::here(self.config.clone(), self.flags.0.clone())) {
            Ok(settings) => Some(settings),
            Err(problems) => {
                tell(&problems);
                None
            }
        }
    }
}

/// What asynchronous work runs on.
pub(super) fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads to serve on")
}
