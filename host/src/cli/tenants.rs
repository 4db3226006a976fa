//! `lanewright tenant`: tenants of the service, made and changed straight in its database, and keys for them.
//!
//! It is for whoever may read the database: the first tenant, the first key, a tenant that lives in git. A host
//! that serves meanwhile notices, as it notices what other hosts do.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Subcommand;

use super::service::{Service, runtime};
use super::{Exit, tell};
use crate::access::{NewKey, Role, key};
use crate::app::{App, Around};
use crate::clock::Clock;
use crate::config;
use crate::lead::TenantId;
use crate::line::{Ask, NotReady, Question, Refused};
use crate::store::Store;
use crate::telemetry::Metrics;
use crate::versions::{self, By, Files, Limits, Seen, Start};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Puts a folder in force for the tenant it names, and makes the tenant where there is none.
    Import {
        /// The tenant's folder
        folder: PathBuf,
        /// Said in the list of versions
        #[arg(long, value_name = "TEXT", default_value = "imported")]
        note: String,
        #[command(flatten)]
        service: Service,
    },
    /// Writes the configuration in force, or another version, as a folder.
    Export {
        /// The tenant's id
        tenant: TenantId,
        /// Where to; it must not be there yet
        folder: PathBuf,
        /// Which version [default: the one in force]
        #[arg(long, value_name = "N")]
        version: Option<i64>,
        #[command(flatten)]
        service: Service,
    },
    /// Makes an API key and prints it, once; for operators with the tenant `*`.
    Key {
        /// The tenant's id, or `*`
        tenant: String,
        /// `ingest`, `rep`, `author`, `manager`, `admin`, or `operator`
        role: Role,
        /// What it is for
        #[arg(long, value_name = "TEXT", default_value = "made at the command line")]
        name: String,
        /// The rep whose key it is, for the role `rep`
        #[arg(long, value_name = "ID")]
        rep: Option<String>,
        /// Days until it expires [default: never]
        #[arg(long, value_name = "N")]
        days: Option<u32>,
        #[command(flatten)]
        service: Service,
    },
    /// Lists tenants.
    List {
        #[command(flatten)]
        service: Service,
    },
}

/// Who does what is done here.
const ACTOR: &str = "command line";

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let (Verb::Import { service, .. }
    | Verb::Export { service, .. }
    | Verb::Key { service, .. }
    | Verb::List { service }) = &arguments.verb;
    let Some(settings) = service.settings() else { return Ok(Exit::Failed) };
    runtime()?.block_on(async {
        let around =
            Around { clock: Clock::System, metrics: Metrics::new(), compiler: std::env::current_exe()? };
        let app = App::build(settings, around).await?;
        let done = match &arguments.verb {
            Verb::Import { folder, note, .. } => import(&app, folder, note).await,
            Verb::Export { tenant, folder, version, .. } => {
                export(app.store(), tenant, folder, *version).await
            }
            Verb::Key { tenant, role, name, rep, days, .. } => {
                let new = NewKey {
                    name: name.clone(),
                    role: *role,
                    rep: rep.as_deref().map(str::parse).transpose()?,
                    expires_at: days
                        .map(|days| Clock::System.now() + Duration::from_secs(86_400 * u64::from(days))),
                };
                make_key(app.store(), tenant, new).await
            }
            Verb::List { .. } => list(app.store()).await,
        };
        app.close().await;
        done
    })
}

async fn import(app: &App, folder: &std::path::Path, note: &str) -> anyhow::Result<Exit> {
    let config = match config::load(folder) {
        Ok(config) => config,
        Err(problems) => {
            tell(&problems);
            bail!("{} is not in order", folder.display());
        }
    };
    let (tenant, store, now) = (config.tenant.clone(), app.store(), Clock::System.now().as_millisecond());
    let is_new = store.make_tenant(&tenant, &config.name, now).await?;
    let files = Files::from_folder(folder, &Limits::default())?;
    let by = By { actor: ACTOR, at: now };
    let draft = versions::draft(&store.of(&tenant), by, Start::Files(files), note.to_owned()).await?;
    draft.may_publish(by, Seen { revision: None, take_over: false }, false)?;
    let question = Question { ask: Ask::Publish(draft.version), actor: ACTOR.to_owned(), key: None };
    match app.lines().ask(&tenant, question).await {
        Ok(_) => {}
        Err(Refused::NotReady(why)) => {
            if let NotReady::Problems { problems, .. } = why.as_ref() {
                tell(problems);
            }
            bail!("{why}");
        }
        Err(refused) => bail!("{refused}"),
    }
    println!(
        "{tenant}: version {} is in force{}",
        draft.version,
        if is_new { "; the tenant is new" } else { "" }
    );
    Ok(Exit::Done)
}

async fn export(
    store: &Store,
    tenant: &TenantId,
    folder: &std::path::Path,
    version: Option<i64>,
) -> anyhow::Result<Exit> {
    if folder.exists() {
        bail!("{} is there already; name a folder that is not", folder.display());
    }
    let of = store.of(tenant);
    let version = match version {
        Some(version) => version,
        None => of.row().await?.version.ok_or_else(|| anyhow!("{tenant} has no configuration in force"))?,
    };
    let (_, files) = versions::read(&of, version).await?;
    files.to_folder(folder)?;
    println!("{}: version {version} of {tenant}, {} files", folder.display(), files.len());
    Ok(Exit::Done)
}

async fn make_key(store: &Store, tenant: &str, new: NewKey) -> anyhow::Result<Exit> {
    let tenant = match tenant {
        "*" => TenantId::operators(),
        id => id.parse().with_context(|| format!("{id:?} is no id of a tenant"))?,
    };
    let (key, _) = key::make(store.of(&tenant), &tenant, &new, ACTOR, Clock::System.now()).await?;
    println!("{}", key.reveal());
    eprintln!("Keep it: it is shown this once.");
    Ok(Exit::Done)
}

async fn list(store: &Store) -> anyhow::Result<Exit> {
    let mut after = String::new();
    loop {
        let found = store.tenants(&after, 500).await?;
        let Some(last) = found.last() else { return Ok(Exit::Done) };
        after.clone_from(&last.tenant);
        for row in &found {
            let version = row.version.map_or_else(|| "none".to_owned(), |version| version.to_string());
            println!("{}\t{}\tversion {version}", row.tenant, row.name);
        }
    }
}
