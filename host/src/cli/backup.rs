//! `lanewright backup`: a copy of the database, complete as of one moment, while the service runs.

use std::path::PathBuf;

use anyhow::{Context, bail};

use super::Exit;
use super::service::{Service, runtime};
use crate::store::{Db, Options, Store};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where to; it must not be there yet
    file: PathBuf,
    #[command(flatten)]
    service: Service,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let Some(settings) = arguments.service.settings() else { return Ok(Exit::Failed) };
    let file = &arguments.file;
    if file.exists() {
        bail!("{} is there already; name a file that is not", file.display());
    }
    let options = Options { url: settings.database.url(), connections: 1 };
    if options.url.parse::<Db>()? == Db::Postgres {
        bail!(
            "Postgres has its own way to be backed up: `pg_dump --format=custom`, or base backups with archived WAL"
        );
    }
    runtime()?.block_on(async {
        let store = Store::open(&options).await.context("the database cannot be opened")?;
        let copied = store.copy_to(file).await.context("the copy cannot be written");
        store.close().await;
        copied
    })?;
    println!("{}", file.display());
    Ok(Exit::Done)
}
