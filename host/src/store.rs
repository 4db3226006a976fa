//! The database: what the service keeps, and the only place that opens a transaction.
//!
//! One text of SQL serves both databases: SQLite in a file, for one host, and Postgres for any number of
//! them. [`Store`] is the whole of it, for what belongs to no tenant; everything of one tenant hangs off
//! [`Store::of`], so that a query without a tenant does not compile. Each concept has its queries in a file
//! of its own below.
//!
//! Every change of a tenant is a commit with the next number, its `head`. Two hosts that change one tenant at once
//! cannot both have that number: the second is told that it is behind, reads what it missed, and asks again. That is
//! all the agreement there is between hosts.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Executor, Transaction};
use tokio::sync::Semaphore;

use crate::lead::TenantId;
use crate::telemetry::Fault;

mod answers;
mod audit;
mod batches;
mod configurations;
mod deals;
mod decisions;
mod destinations;
mod effects;
mod erase;
mod events;
mod experiments;
mod filter;
mod keys;
mod leads;
mod load;
mod migrations;
mod models;
mod plugins;
mod providers;
mod retention;
mod rows;
mod runs;
mod secrets;
mod suggestions;
mod tenants;
mod usage;
mod writer;

pub use audit::AuditFilter;
pub use batches::{BatchKind, BatchLeadRow, BatchRow};
pub use configurations::{PublicationRow, VersionFileRow, VersionRow};
pub use deals::{ClosingRow, DealFound, DealRow, PastDealRow};
pub use decisions::{Arrivals, Arrived, DecisionFilter, DecisionFound};
pub use destinations::{DestinationRow, NewDestination, Switch};
pub use effects::{Claim, ClaimSize, EffectFilter, EffectPlace, EffectState, Health, Mark, OutboxRow};
pub use erase::{Erased, Person, Swept, Who};
pub use events::{Event, EventRow};
pub use experiments::{ExperimentRow, TriedRow};
pub use keys::KeyRow;
pub use leads::{LeadFilter, LeadFound};
pub use load::{CaseRow, Standing};
pub use models::ModelRow;
pub use plugins::{CountRow, PluginRow, PluginUsageRow, ReleaseRow, TrustRow};
pub use providers::ProviderRow;
pub use retention::Over;
pub use rows::{
    AnswerRow, CounterKind, CounterRow, DecisionRow, EffectRow, LeadRow, NewLeadRow, RecordRow, UsageRow,
};
pub use runs::{Begun, NewRun, RUNS_A_DAY};
pub use secrets::{Sealed, SealedRow};
pub use tenants::TenantRow;
pub use writer::{Chain, Commit, Committed, Submitted, Turn};

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Db {
    /// A file of this machine, for one host.
    Sqlite,
    /// A server, for any number of hosts.
    Postgres,
}

/// How to open a store.
#[derive(Debug, Clone)]
pub struct Options {
    /// `sqlite:PATH`, `sqlite::memory:` or `postgres://…`.
    pub url: String,
    /// Connections at once.
    pub connections: u32,
}

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    /// For what only reads.
    read: AnyPool,
    /// For what writes: one connection where the database has one writer.
    write: AnyPool,
    writer: writer::Writer,
    /// How many tenants may have a turn at once.
    turns: Arc<Semaphore>,
}

/// Everything of one tenant.
#[derive(Debug, Clone, Copy)]
pub struct TenantStore<'s> {
    store: &'s Store,
    tenant: &'s TenantId,
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no URL of a database.
    #[error(
        "the URL of the database begins neither with `sqlite:` nor with `postgres:`; write `sqlite:FILE` or \
             `postgres://USER@HOST/DATABASE`"
    )]
    Url,
    /// There is no such tenant, or it was erased.
    #[error("there is no tenant {0}")]
    NoTenant(TenantId),
    /// Somebody has changed it since it was seen.
    #[error("somebody has changed it since, or it is gone")]
    Changed,
    /// What stands in the database cannot be read.
    #[error("the database holds {what} that cannot be read")]
    Unreadable {
        /// What, and of which lead or tenant.
        what: String,
    },
    /// The database cannot be reached, has no room, or takes too long; nothing was changed, or it is not known.
    #[error("the database does not answer as it should")]
    Unavailable(#[source] Arc<sqlx::Error>),
    /// Its tables cannot be brought up to this program's.
    #[error("the tables cannot be brought up to date")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(Arc::new(error))
    }
}

impl Error {
    /// In a word, for logs: its own may repeat what it was sent.
    pub fn fault(&self) -> Fault {
        let Self::Unavailable(error) = self else { return Fault::Other };
        match error.as_ref() {
            sqlx::Error::PoolTimedOut => Fault::Busy,
            sqlx::Error::Io(_) | sqlx::Error::PoolClosed | sqlx::Error::Tls(_) => Fault::Unreachable,
            sqlx::Error::Database(error) => match error.code().as_deref() {
                // SQLite's SQLITE_FULL, and what Postgres says where the disk is full.
                Some("13" | "53100") => Fault::Full,
                Some("5" | "6" | "53300" | "55P03") => Fault::Busy,
                Some("57P01" | "57P02" | "57P03") => Fault::Unreachable,
                _ => Fault::Refused,
            },
            _ => Fault::Other,
        }
    }

    /// Whether the same may well succeed a little later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl Store {
    /// Opens the database and brings its tables up to date.
    ///
    /// # Errors
    ///
    /// [`Error::Url`], [`Error::Unavailable`] and [`Error::Migration`].
    pub async fn open(options: &Options) -> Result<Self, Error> {
        sqlx::any::install_default_drivers();
        let db = options.url.parse()?;
        let (read, write) = match db {
            Db::Sqlite => {
                let url = sqlite_url(&options.url);
                let write = sqlite(&url, 1).await?;
                // A database in memory is its connection's alone.
                let read = if url.contains(":memory:") {
                    write.clone()
                } else {
                    sqlite(&url, options.connections).await?
                };
                (read, write)
            }
            Db::Postgres => {
                let pool = pool(options.connections).connect(&options.url).await?;
                (pool.clone(), pool)
            }
        };
        migrations::run(db, &write).await?;
        let writer = writer::Writer::start(db, &write);
        // Whoever has a turn needs other connections as well.
        let turns = Arc::new(Semaphore::new(options.connections as usize / 4));
        Ok(Self { db, read, write, writer, turns })
    }

    /// Which database it is.
    pub fn db(&self) -> Db {
        self.db
    }

    /// Everything of one tenant.
    pub fn of<'s>(&'s self, tenant: &'s TenantId) -> TenantStore<'s> {
        TenantStore { store: self, tenant }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] where it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        let asked = async { self.read.acquire().await?.execute("SELECT 1").await };
        let answered = tokio::time::timeout(PING, asked).await;
        answered.map_err(|_| Error::from(sqlx::Error::PoolTimedOut))??;
        Ok(())
    }

    /// Writes a copy of a SQLite database, complete as of one moment.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`]: the file is there already, or cannot be written.
    pub async fn copy_to(&self, file: &Path) -> Result<(), Error> {
        let copied = sqlx::query("VACUUM INTO $1").bind(file.display().to_string());
        copied.execute(&self.read).await?;
        Ok(())
    }

    /// Lets what is being written end, and closes.
    pub async fn close(self) {
        let Self { read, write, writer, .. } = self;
        writer.end().await;
        write.close().await;
        read.close().await;
    }

    /// A transaction that may write.
    async fn begin(&self) -> Result<Transaction<'static, Any>, Error> {
        begin(self.db, &self.write).await
    }
}

/// A transaction that may write. SQLite is told at once, since it cannot make a reader a writer in the middle.
async fn begin(db: Db, pool: &AnyPool) -> Result<Transaction<'static, Any>, Error> {
    Ok(match db {
        Db::Sqlite => pool.begin_with("BEGIN IMMEDIATE").await?,
        Db::Postgres => pool.begin().await?,
    })
}

/// One change of a tenant that goes around its line, such as a new key.
pub struct Change {
    transaction: Transaction<'static, Any>,
    tenant: TenantId,
    head: i64,
    at: i64,
}

impl TenantStore<'_> {
    /// Begins a change: nobody else changes this tenant until it ends.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`] and [`Error::Unavailable`].
    pub async fn begin(&self, at: i64) -> Result<Change, Error> {
        self.change(self.store.begin().await?, at).await
    }

    /// Goes on with a transaction as with a change.
    async fn change(&self, mut transaction: Transaction<'static, Any>, at: i64) -> Result<Change, Error> {
        let raised = sqlx::query_scalar(
            "UPDATE tenants SET head = head + 1, clock = CASE WHEN clock < $2 THEN $2 ELSE clock END \
             WHERE tenant = $1 AND erased_at IS NULL RETURNING head",
        );
        let head: Option<i64> =
            raised.bind(self.tenant.as_str()).bind(at).fetch_optional(&mut *transaction).await?;
        let head = head.ok_or_else(|| Error::NoTenant(self.tenant.clone()))?;
        Ok(Change { transaction, tenant: self.tenant.clone(), head, at })
    }
}

impl Change {
    /// Goes on only where a row was last changed in the commit that somebody has seen, if they say which.
    pub(in crate::store) async fn only_if_seen(
        &mut self,
        (table, key): (&'static str, &'static str),
        id: &str,
        seen: Option<i64>,
    ) -> Result<(), Error> {
        let Some(seen) = seen else { return Ok(()) };
        let text = format!("SELECT head FROM {table} WHERE tenant = $1 AND {key} = $2");
        let head = sqlx::query_scalar(sqlx::AssertSqlSafe(text));
        let head = head.bind(self.tenant.as_str().to_owned()).bind(id.to_owned());
        let head: Option<i64> = head.fetch_optional(&mut *self.transaction).await?;
        if head == Some(seen) { Ok(()) } else { Err(Error::Changed) }
    }

    /// Where its statements go.
    pub(in crate::store) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }

    /// Its number among the commits of the tenant.
    pub fn head(&self) -> i64 {
        self.head
    }

    /// Writes down who did what, and makes it so. Without it, nothing was changed.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`]; whether it was made is then not known.
    pub async fn commit(mut self, events: &[Event]) -> Result<(), Error> {
        for (place, event) in (0..).zip(events) {
            let row = EventRow {
                tenant: self.tenant.to_string(),
                head: self.head,
                place,
                at: self.at,
                kind: event.kind.to_owned(),
                actor: event.actor.clone(),
                lead: event.lead.clone(),
                body: event.body.to_string(),
            };
            rows::write(&mut self.transaction, &[row]).await?;
        }
        Ok(self.transaction.commit().await?)
    }
}

impl FromStr for Db {
    type Err = Error;
    fn from_str(url: &str) -> Result<Self, Error> {
        match url.split(':').next() {
            Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            // It is not repeated: it may hold a password.
            _ => Err(Error::Url),
        }
    }
}

/// A file that is not there yet is made.
fn sqlite_url(url: &str) -> String {
    let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
    let (path, query) = path.split_once('?').unwrap_or((path, "mode=rwc"));
    match path {
        ":memory:" => "sqlite::memory:".to_owned(),
        _ => format!("sqlite://{}?{query}", Path::new(path).display()),
    }
}

/// How long somebody waits for a connection, or for a file that another program writes to.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the database may take to say that it is there.
const PING: Duration = Duration::from_secs(2);

fn pool(connections: u32) -> AnyPoolOptions {
    AnyPoolOptions::new().max_connections(connections.max(1)).acquire_timeout(PATIENCE)
}

async fn sqlite(url: &str, connections: u32) -> Result<AnyPool, Error> {
    // Every commit is on the disk before it is answered; readers never wait for the writer. Commits of many tenants change
    // the same pages again and again: they are copied from the log (at most 64 MB) into the file seldom, each once. The
    // file is not mapped into memory: whoever reads after somebody wrote would have to map it anew.
    const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 10000; \
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000; PRAGMA wal_autocheckpoint = 16000;";
    let options = pool(connections).idle_timeout(None).max_lifetime(None);
    // It is a file: nobody at its other end goes away, and asking would cost each statement a second one.
    let options = options.test_before_acquire(false);
    let options = options.after_connect(|connection, _| {
        Box::pin(async move {
            connection.execute(PRAGMAS).await?;
            Ok(())
        })
    });
    // Where a disk is full SQLite rolls back by itself; the driver does not notice, and would begin nothing any more.
    let options = options.before_acquire(|connection, _| {
        let usable = !connection.is_in_transaction();
        Box::pin(async move { Ok(usable) })
    });
    Ok(options.connect(url).await?)
}

#[cfg(test)]
pub(crate) mod testing;
