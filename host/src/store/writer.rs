//! Commits of many tenants, one transaction for all that are waiting.
//!
//! The disk takes as long for a hundred commits as for one, so whoever comes while a transaction is under way
//! waits for the next and shares it. Within it every commit stands alone: one that is behind changes nothing
//! and is told so, the others are made.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use sqlx::{Any, AnyConnection, AnyPool, AssertSqlSafe, Executor as _, Transaction};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::configurations::mark_published;
use super::models::begin_training;
use super::rows::{self, Row, Statement};
use super::{
    AnswerRow, ClosingRow, CounterRow, Db, DealRow, DecisionRow, EffectRow, Error, EventRow, LeadRow,
    NewLeadRow, PluginUsageRow, RecordRow, Store, TenantStore, UsageRow, begin,
};

/// Everything that one commit of a tenant writes, all or nothing.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "each is what its table holds")]
pub struct Commit {
    /// Whose.
    pub tenant: String,
    /// The number that it has to have: one more than its host has seen.
    pub head: i64,
    /// The tenant's time.
    pub at: i64,
    /// Tells it from every other commit, also from one of the same number.
    pub nonce: i64,
    /// When something is due next.
    pub wake_at: Option<i64>,
    /// Places in the order of arrival given so far.
    pub arrivals: i64,
    /// The configuration that is in force from now on, where it changes.
    pub version: Option<i64>,
    pub leads: Vec<LeadRow>,
    pub decisions: Vec<DecisionRow>,
    pub counters: Vec<CounterRow>,
    pub new_leads: Vec<NewLeadRow>,
    pub records: Vec<RecordRow>,
    pub events: Vec<EventRow>,
    pub answers: Vec<AnswerRow>,
    pub effects: Vec<EffectRow>,
    pub deals: Vec<DealRow>,
    pub closings: Vec<ClosingRow>,
    pub usage: Vec<UsageRow>,
    pub plugin_usage: Vec<PluginUsageRow>,
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It is durable. With how many others it shared a flush.
    Done {
        /// Commits of the transaction, itself included.
        group: usize,
    },
    /// Another host was first: nothing was written.
    Behind,
}

/// Commits of one transaction at most.
const GROUP: usize = 256;

/// Commits that wait for the writer at most; whoever comes then waits to wait.
const WAITING: usize = 1024;

/// Writers at once where the database has more than one.
const WRITERS: usize = 4;

/// Hands commits to whoever writes them.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    queues: Vec<mpsc::Sender<Asked>>,
    tasks: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

/// Commits of a tenant that were made one on top of the other: where one is not written, none after it is. The number
/// alone would not tell, since another host's commit may have taken the place of the one that is missing.
#[derive(Debug, Clone, Default)]
pub struct Chain(Arc<AtomicBool>);

impl Chain {
    fn is_broken(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn breaks(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A tenant that nobody else commits for, until the commit that this is given for is made, or until it is dropped.
#[derive(Debug)]
pub struct Turn {
    transaction: Transaction<'static, Any>,
    _permit: OwnedSemaphorePermit,
}

struct Asked {
    commit: Commit,
    chain: Chain,
    answer: oneshot::Sender<Result<Committed, Error>>,
}

impl Writer {
    pub(super) fn start(db: Db, pool: &AnyPool) -> Self {
        let writers = match db {
            Db::Sqlite => 1,
            Db::Postgres => WRITERS,
        };
        let start = |_| {
            let (queue, asked) = mpsc::channel(WAITING);
            (queue, tokio::spawn(run(db, pool.clone(), asked)))
        };
        let (queues, tasks): (Vec<_>, Vec<_>) = (0..writers).map(start).unzip();
        Self { queues, tasks: Arc::new(Mutex::new(tasks)) }
    }

    /// What is waiting is still written.
    pub(super) async fn end(self) {
        let Self { queues, tasks } = self;
        drop(queues);
        let tasks = tasks.lock().map(|mut tasks| std::mem::take(&mut *tasks)).unwrap_or_default();
        for task in tasks {
            let _ = task.await;
        }
    }

    async fn submit(&self, commit: Commit, chain: Chain) -> Result<Submitted, Error> {
        // All of one tenant go to one writer: two transactions of ours never wait for each other's tenants.
        let hash = blake3::hash(commit.tenant.as_bytes()).as_bytes()[0];
        let queue = &self.queues[usize::from(hash) % self.queues.len()];
        let (answer, answered) = oneshot::channel();
        let closed = || Error::from(sqlx::Error::PoolClosed);
        queue.send(Asked { commit, chain, answer }).await.map_err(|_| closed())?;
        Ok(Submitted(answered))
    }
}

/// A commit that is on its way.
#[derive(Debug)]
pub struct Submitted(oneshot::Receiver<Result<Committed, Error>>);

impl Submitted {
    /// What became of it. To be asked until it answers, and not again.
    ///
    /// # Errors
    ///
    /// As [`Store::commit`].
    pub async fn landed(&mut self) -> Result<Committed, Error> {
        (&mut self.0).await.map_err(|_| Error::from(sqlx::Error::PoolClosed))?
    }
}

impl Store {
    /// Makes a commit.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`]: it is not known whether it was made, and [`TenantStore::made`] tells once the
    /// database answers again.
    pub async fn commit(&self, commit: Commit) -> Result<Committed, Error> {
        self.submit(commit, Chain::default()).await?.landed().await
    }

    /// Makes a commit of a tenant whose turn it is. It waits for no other: others may be waiting for it.
    pub fn submit_in(&self, turn: Turn, commit: Commit, chain: Chain) -> Submitted {
        let (answer, answered) = oneshot::channel();
        let asked = Asked { commit, chain, answer };
        tokio::spawn(async move {
            let Turn { transaction, _permit } = turn;
            let written = write_in(transaction, std::slice::from_ref(&asked)).await;
            asked.tell(written.map(|results| results[0]));
        });
        Submitted(answered)
    }

    /// Hands a commit over, which was made on top of those of its chain.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] where it was not taken.
    pub async fn submit(&self, commit: Commit, chain: Chain) -> Result<Submitted, Error> {
        self.writer.submit(commit, chain).await
    }
}

impl Store {
    /// Writes a single row through the same writer, and nothing else: what the service's own commits are measured
    /// against. The row's commit is none of the tenant's, so its number has to be one that the tenant never has.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn write_alone(&self, row: EventRow) -> Result<Committed, Error> {
        let commit = Commit { tenant: row.tenant.clone(), events: vec![row], ..Commit::default() };
        self.commit(commit).await
    }
}

impl Asked {
    fn tell(self, result: Result<Committed, Error>) {
        if result.is_err() {
            self.chain.breaks();
        }
        let _ = self.answer.send(result);
    }
}

impl TenantStore<'_> {
    /// Keeps other hosts from committing for this tenant; `None` where there can be no other, and where this host has
    /// as many turns as leave it connections to work with.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn turn(&self) -> Result<Option<Turn>, Error> {
        let permit = Arc::clone(&self.store.turns).try_acquire_owned();
        let (Db::Postgres, Ok(permit)) = (self.store.db, permit) else { return Ok(None) };
        let mut transaction = self.store.begin().await?;
        // A host that stops in the middle keeps nobody back for longer.
        transaction.execute("SET LOCAL idle_in_transaction_session_timeout = '60s'").await?;
        let row = sqlx::query("SELECT 1 FROM tenants WHERE tenant = $1 FOR UPDATE");
        row.bind(self.tenant.as_str()).execute(&mut *transaction).await?;
        Ok(Some(Turn { transaction, _permit: permit }))
    }

    /// Whether this very commit was made. Where it is still being made, over a connection that was lost, the answer
    /// waits for the end of that.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn made(&self, head: i64, nonce: i64) -> Result<bool, Error> {
        if self.store.db == Db::Postgres {
            // It holds this row from its beginning to its end.
            let row = sqlx::query("SELECT 1 FROM tenants WHERE tenant = $1 FOR UPDATE");
            row.bind(self.tenant.as_str()).execute(&self.store.write).await?;
        }
        let found = sqlx::query_scalar("SELECT nonce FROM commits WHERE tenant = $1 AND head = $2");
        let found: Option<i64> =
            found.bind(self.tenant.as_str()).bind(head).fetch_optional(&self.store.read).await?;
        Ok(found == Some(nonce))
    }
}

async fn run(db: Db, pool: AnyPool, mut asked: mpsc::Receiver<Asked>) {
    let mut group = Vec::new();
    while asked.recv_many(&mut group, GROUP).await > 0 {
        // Hosts that write several tenants in one transaction lock them in one order.
        group.sort_by(|a, b| a.commit.tenant.cmp(&b.commit.tenant));
        match write(db, &pool, &group).await {
            Ok(results) => {
                group.drain(..).zip(results).for_each(|(asked, result)| asked.tell(Ok(result)));
            }
            // One that cannot be written takes nobody along: each alone. Without a database, all wait for the same.
            Err(Error::Unavailable(error)) if group.len() > 1 && is_of_one(&error) => {
                for asked in group.drain(..) {
                    let written = write(db, &pool, std::slice::from_ref(&asked)).await;
                    asked.tell(written.map(|results| results[0]));
                }
            }
            Err(Error::Unavailable(error)) => {
                for asked in group.drain(..) {
                    asked.tell(Err(Error::Unavailable(Arc::clone(&error))));
                }
            }
            // Nothing else comes of writing; whoever waits is told that there is no answer.
            Err(_) => group.drain(..).for_each(|asked| asked.chain.breaks()),
        }
    }
}

/// Whether an error may be one commit's own: something in it that the database does not take.
fn is_of_one(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| {
        !matches!(error.kind(), sqlx::error::ErrorKind::Other)
            // Of what else there is, SQLSTATE class 22 is about data.
            || error.code().is_some_and(|code| code.len() == 5 && code.starts_with("22"))
    })
}

/// One transaction: what became of each, in their order.
async fn write(db: Db, pool: &AnyPool, group: &[Asked]) -> Result<Vec<Committed>, Error> {
    write_in(begin(db, pool).await?, group).await
}

async fn write_in(
    mut transaction: Transaction<'static, Any>,
    group: &[Asked],
) -> Result<Vec<Committed>, Error> {
    let mut made = vec![false; group.len()];
    for round in rounds(group) {
        let theirs = |place: &usize| &group[*place];
        // A commit of number 0 is none of the tenant's: a row alone.
        let (alone, numbered): (Vec<usize>, Vec<usize>) =
            round.into_iter().partition(|place| theirs(place).commit.head == 0);
        let whole: Vec<&Commit> =
            numbered.iter().map(theirs).filter(|it| !it.chain.is_broken()).map(|it| &it.commit).collect();
        let raised = raise(&mut transaction, &whole).await?;
        let (next, behind): (Vec<usize>, Vec<usize>) = numbered.into_iter().partition(|place| {
            let Asked { commit, chain, .. } = theirs(place);
            !chain.is_broken() && raised.contains(&commit.tenant)
        });
        behind.iter().map(theirs).for_each(|asked| asked.chain.breaks());
        let numbered: Vec<&Commit> = next.iter().map(|place| &theirs(place).commit).collect();
        let together: Vec<&Commit> =
            alone.iter().map(|place| &theirs(place).commit).chain(numbered.iter().copied()).collect();
        write_rows(&mut transaction, &numbered, &together).await?;
        alone.into_iter().chain(next).for_each(|place| made[place] = true);
    }
    transaction.commit().await?;
    let number = made.iter().filter(|made| **made).count();
    let done = |made| if made { Committed::Done { group: number } } else { Committed::Behind };
    Ok(made.into_iter().map(done).collect())
}

/// Everything that commits write, of which those that have a number are told apart.
async fn write_rows(
    connection: &mut AnyConnection,
    numbered: &[&Commit],
    made: &[&Commit],
) -> Result<(), sqlx::Error> {
    for commit in numbered {
        if let Some(version) = commit.version {
            mark_published(connection, &commit.tenant, version, commit.at).await?;
        }
        if commit.closings.iter().any(|closing| closing.outcome.is_some()) {
            begin_training(connection, &commit.tenant, commit.at).await?;
        }
    }
    let rows: Vec<CommitRow<'_>> = numbered.iter().map(|commit| CommitRow(commit)).collect();
    rows::write(connection, &rows).await?;
    all(connection, made, |commit| &commit.leads).await?;
    all(connection, made, |commit| &commit.decisions).await?;
    all(connection, made, |commit| &commit.counters).await?;
    all(connection, made, |commit| &commit.new_leads).await?;
    all(connection, made, |commit| &commit.records).await?;
    all(connection, made, |commit| &commit.events).await?;
    all(connection, made, |commit| &commit.answers).await?;
    all(connection, made, |commit| &commit.effects).await?;
    all(connection, made, |commit| &commit.deals).await?;
    all(connection, made, |commit| &commit.closings).await?;
    all(connection, made, |commit| &commit.usage).await?;
    all(connection, made, |commit| &commit.plugin_usage).await
}

/// Gives tenants their next numbers, where those are the ones that their commits have to have; whose that was so.
async fn raise(connection: &mut AnyConnection, commits: &[&Commit]) -> Result<HashSet<String>, sqlx::Error> {
    let numbered = connection.backend_name() != "SQLite";
    let mut raised = HashSet::new();
    for commits in rows::at_once(commits) {
        if numbered && commits.len() > 1 {
            // Two hosts that raise the same tenants lock them in one order.
            let places: Vec<String> = (1..=commits.len()).map(|place| format!("${place}")).collect();
            let text = format!(
                "SELECT 1 FROM tenants WHERE tenant IN ({}) ORDER BY tenant COLLATE \"C\" FOR UPDATE",
                places.join(", ")
            );
            let mut lock = sqlx::query(AssertSqlSafe(text));
            for commit in commits {
                lock = lock.bind(commit.tenant.clone());
            }
            lock.execute(&mut *connection).await?;
        }
        let mut raise = sqlx::query_scalar(AssertSqlSafe(raising(commits.len(), numbered)));
        for Commit { tenant, head, at, wake_at, arrivals, version, .. } in commits {
            raise = raise.bind(tenant.clone()).bind(*head).bind(*at).bind(*wake_at);
            raise = raise.bind(*arrivals).bind(*version);
        }
        raised.extend(raise.fetch_all(&mut *connection).await?);
    }
    Ok(raised)
}

/// The statement for so many tenants.
fn raising(tenants: usize, numbered: bool) -> String {
    const COLUMNS: [(&str, &str); 6] = [
        ("tenant", "TEXT"),
        ("head", "BIGINT"),
        ("clock", "BIGINT"),
        ("wake_at", "BIGINT"),
        ("arrivals", "BIGINT"),
        ("version", "BIGINT"),
    ];
    let row = |row: usize| {
        let places = (row * COLUMNS.len() + 1..).zip(COLUMNS);
        let value = |(place, (_, kind))| match numbered {
            true => format!("CAST(${place} AS {kind})"),
            false => "?".to_owned(),
        };
        format!("({})", places.map(value).collect::<Vec<_>>().join(", "))
    };
    let rows: Vec<String> = (0..tenants).map(row).collect();
    format!(
        "WITH next ({}) AS (VALUES {}) \
         UPDATE tenants SET head = next.head, clock = next.clock, wake_at = next.wake_at, \
         arrivals = next.arrivals, version = COALESCE(next.version, tenants.version) FROM next \
         WHERE tenants.tenant = next.tenant AND tenants.head = next.head - 1 AND tenants.erased_at IS NULL \
         RETURNING tenants.tenant",
        COLUMNS.map(|(column, _)| column).join(", "),
        rows.join(", ")
    )
}

/// Places of commits of which none is of the tenant of another, so that a statement has no row twice; those of a tenant
/// in their order.
fn rounds(group: &[Asked]) -> Vec<Vec<usize>> {
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    let mut nth: HashMap<&str, usize> = HashMap::new();
    for (place, Asked { commit, .. }) in group.iter().enumerate() {
        let nth = nth.entry(&commit.tenant).or_default();
        if rounds.len() == *nth {
            rounds.push(Vec::new());
        }
        rounds[*nth].push(place);
        *nth += 1;
    }
    rounds
}

/// Rows of all commits together.
async fn all<R: Row>(
    connection: &mut AnyConnection,
    commits: &[&Commit],
    rows: impl Fn(&Commit) -> &Vec<R>,
) -> Result<(), sqlx::Error> {
    let together: Vec<&R> = commits.iter().flat_map(|commit| rows(commit)).collect();
    rows::write_all(connection, &together).await
}

struct CommitRow<'c>(&'c Commit);

impl Row for CommitRow<'_> {
    const TABLE: &'static str = "commits";
    const COLUMNS: &'static [&'static str] = &["tenant", "head", "at", "nonce"];
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        let Commit { tenant, head, at, nonce, .. } = self.0;
        statement.bind(tenant.clone()).bind(*head).bind(*at).bind(*nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::CounterKind;
    use crate::store::testing::{acme, stores};

    fn commit(head: i64) -> Commit {
        let counter = CounterRow {
            tenant: "acme".to_owned(),
            kind: CounterKind::Rep.as_str().to_owned(),
            id: "ana".to_owned(),
            head,
            value: head.to_string(),
        };
        Commit { tenant: "acme".to_owned(), head, nonce: head, counters: vec![counter], ..Commit::default() }
    }

    #[tokio::test]
    async fn what_was_made_on_top_of_a_commit_that_is_missing_is_not_written() {
        for store in stores().await {
            acme(&store).await;
            let submit = async |head: i64, chain: &Chain| {
                store.submit(commit(head), chain.clone()).await.expect("is taken")
            };
            let (ours, again) = (Chain::default(), Chain::default());
            // Together, so that one transaction has several of a tenant.
            let mut on_top = vec![submit(1, &ours).await, submit(2, &ours).await, submit(3, &ours).await];
            for submitted in &mut on_top {
                let landed = submitted.landed().await.expect("is written");
                assert!(matches!(landed, Committed::Done { .. }), "{landed:?}");
            }
            // Another host's, which ours does not know of; the number of the next would fit again.
            let theirs = store.commit(commit(4)).await.expect("is written");
            assert!(matches!(theirs, Committed::Done { .. }), "{theirs:?}");
            for head in [4, 5, 5] {
                let landed = submit(head, &ours).await.landed().await.expect("is asked");
                assert_eq!(landed, Committed::Behind, "{head}");
            }
            let landed = submit(5, &again).await.landed().await.expect("is written");
            assert!(matches!(landed, Committed::Done { .. }), "{landed:?}");
        }
    }

    #[tokio::test]
    async fn others_wait_for_whose_turn_it_is() {
        for store in stores().await {
            let tenant = acme(&store).await;
            let Some(turn) = store.of(&tenant).turn().await.expect("is asked") else {
                assert_eq!(store.db(), Db::Sqlite);
                continue;
            };
            assert!(store.of(&tenant).turn().await.expect("is asked").is_none(), "connections are kept free");
            let mut theirs = store.submit(commit(1), Chain::default()).await.expect("is taken");
            let mut ours = store.submit_in(turn, commit(1), Chain::default());
            let landed = ours.landed().await.expect("is written");
            assert!(matches!(landed, Committed::Done { .. }), "{landed:?}");
            assert_eq!(theirs.landed().await.expect("is asked"), Committed::Behind);
        }
    }
}
