//! A tenant's line: everything that happens to one tenant on this host, one after the other.
//!
//! ```text
//! asked ─▶ wait ─▶ [a group: prepare on all cores ─▶ decide in order on the desk] ─▶ one commit ─▶ answers
//! ```
//!
//! Whatever comes while a commit is under way is the next group, and that one is decided while the disk is still
//! busy with the last. Nobody is answered before what they are told is durable. Where a commit is refused because
//! another host was first, or it is not known whether it was made, the desk is read anew from the database
//! and the group is decided again; so hosts share nothing but the database, and every cap and turn holds.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value as Json;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::booking::{Meeting, Offered};
use crate::clock::Clock;
use crate::config::Problems;
use crate::decision::Decision;
use crate::events::What;
use crate::health::Health;
use crate::lead::{LeadId, PluginId, RepId, RouterId, TeamId, TenantId};
use crate::pipeline::{Live, Refusal, Watched};
use crate::plugin::{self, Plugins};
use crate::releases::ReleaseName;
use crate::replay::{Replayed, replay};
use crate::store::{self, Store};
use crate::telemetry::Metrics;
use crate::tenant::Tenant;
use crate::threads::Threads;
use crate::trust::{Distrust, SigstoreRoot};
use crate::versions::{self, Checked, Files};

mod beside;
mod cases;
mod decide;
mod experiments;
mod grants;
mod learned;
mod load;
mod models;
mod policies;
mod pool;
mod publish;
mod published;
mod rows;
mod run;
mod simulate;
mod trusted;

pub use cases::CasesReport;
pub use learned::Told;
pub use load::NotReady;
pub use models::Learned;
pub use policies::Judged;
pub use publish::{Content, From as ReleaseFrom, NewRelease, Report};
pub use simulate::{Simulated, Simulation};

/// What can be asked of a line.
#[derive(Debug, Clone)]
pub enum Ask {
    /// Routes a lead.
    Lead(Json),
    /// Routes leads together, at their optimum.
    Batch {
        /// In their order.
        leads: Vec<Json>,
        /// How many are ready to be decided, for whoever waits.
        prepared: Arc<AtomicUsize>,
    },
    /// Routes a lead whose contact has picked a time of a router, among those who are free then, and books it (P18).
    LeadAt {
        /// The lead.
        lead: Json,
        /// Whose terms hold.
        router: RouterId,
        /// When the meeting begins.
        from: Timestamp,
    },
    /// Routes a lead again, unless people or their work forbid it (P7).
    Again {
        /// The lead, as its latest decision recorded it.
        lead: Json,
        /// The run that asks for it.
        run: String,
        /// Whether it is taken from people as well.
        forced: bool,
    },
    /// Tells the times that a router offers, to a lead or to anybody.
    Times {
        /// Which router.
        router: RouterId,
        /// To which lead.
        lead: Option<LeadId>,
    },
    /// Takes in what happened; the note is kept with it.
    Event {
        /// What.
        what: What,
        /// What else was said of it, for the log.
        note: Json,
    },
    /// Lets happen whatever is due.
    Tick,
    /// Puts a configuration in force.
    Publish(i64),
    /// Tells how a lead would be decided, and changes nothing (P8).
    Try(Json),
    /// Tells how reps stand.
    Reps,
    /// Tells by what the tenant is decided.
    Tenant,
    /// Forgets what is in memory: whatever comes next is decided from what the database has.
    Reload,
}

/// Something asked, by whom, and under which key.
#[derive(Debug, Clone)]
pub struct Question {
    /// What.
    pub ask: Ask,
    /// Who: a key, a person, or `clock`.
    pub actor: String,
    /// Asked again under the same key, it is answered as it was and not done again.
    pub key: Option<Key>,
}

impl Question {
    /// One that changes nothing, so that nobody needs to be named.
    fn of(ask: Ask) -> Self {
        Self { ask, actor: String::new(), key: None }
    }
}

/// An idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// As the client wrote it.
    pub key: String,
    /// Digest of what was asked: the same key for something else is a mistake.
    pub asked: String,
}

/// What a line answers.
#[derive(Clone)]
pub enum Answer {
    /// Decisions that followed, durable by now: of a lead its own last, or first where it is routed again.
    Decided(Vec<Arc<Made>>),
    /// Of a batch: one a lead, in their order.
    Batch(Vec<Result<Arc<Made>, Refused>>),
    /// What was answered to the key before: the leads and numbers of the decisions, or why there is none.
    Repeated(Vec<Result<(LeadId, u32), String>>),
    /// Times that may be booked, and the meeting that the lead has already.
    Times(Offered, Option<Meeting>),
    /// How a lead would be decided.
    Tried(Arc<Decision>),
    /// Reps, in the order of the folder.
    Reps(Vec<RepStands>),
    /// What the tenant is decided by.
    Tenant(Arc<Tenant>),
}

/// A rep and their load.
#[derive(Debug, Clone, PartialEq)]
pub struct RepStands {
    /// Who.
    pub rep: RepId,
    /// Their name.
    pub name: String,
    /// Their address, in lower case.
    pub email: Option<String>,
    /// Their team.
    pub team: TeamId,
    /// Work units that are open.
    pub open: u32,
    /// Work units at most.
    pub max_open: u32,
    /// The band of their load.
    pub band: &'static str,
    /// New leads today.
    pub day: u32,
    /// New leads of the last seven days.
    pub week: u32,
    /// Whether they take no new leads for now.
    pub away: bool,
}

/// A decision, and its JSON as it is kept.
#[derive(Debug)]
pub struct Made {
    /// The decision.
    pub decision: Decision,
    /// The same as JSON.
    pub json: String,
}

/// Why a line does not do what is asked. Nothing was changed, but where it says otherwise.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refused {
    /// The message is no lead.
    #[error("{0}")]
    NoLead(Refusal),
    /// There is no such lead.
    #[error("there is no lead {0}")]
    UnknownLead(LeadId),
    /// There is no such rep.
    #[error("there is no rep {0}")]
    UnknownRep(RepId),
    /// A component is refused, for these reasons.
    #[error("the component is refused")]
    Plugin(Vec<plugin::Refusal>),
    /// A release is not trusted, for this reason.
    #[error("the release is not trusted: {0}")]
    Distrusted(Distrust),
    /// The configuration in force cannot be set up with the release.
    #[error("the configuration cannot be set up with this release of {0}: {1}")]
    DoesNotFit(PluginId, Arc<NotReady>),
    /// There is no such plugin.
    #[error("there is no plugin {0}")]
    UnknownPlugin(PluginId),
    /// There is no such release.
    #[error("there is no release {0}")]
    UnknownRelease(ReleaseName),
    /// There is no such model.
    #[error("there is no model {0}")]
    UnknownModel(i64),
    /// There is no such experiment.
    #[error("there is no experiment {0}")]
    UnknownExperiment(String),
    /// Somebody has changed it since it was seen.
    #[error("somebody has changed it since")]
    Changed,
    /// There is no such router.
    #[error("there is no router {0}")]
    UnknownRouter(RouterId),
    /// It cannot be, as things stand.
    #[error("{0}")]
    Conflict(String),
    /// The key was used for something else.
    #[error("this idempotency key was used for another request")]
    KeyReused,
    /// There is no such tenant.
    #[error("there is no tenant {0}")]
    UnknownTenant(TenantId),
    /// No configuration was published, or it cannot be set up.
    #[error("{0}")]
    NotReady(Arc<NotReady>),
    /// The batch cannot be assigned.
    #[error("the batch cannot be assigned: {0}")]
    Batch(String),
    /// Too many are waiting already.
    #[error("too many of this tenant are waiting")]
    Busy,
    /// The database does not answer. Whether it was done is not known, unless a key was given: asked again with
    /// the same key, it is done once.
    #[error("the database does not answer")]
    Unavailable,
    /// A mistake of ours. Nothing was changed.
    #[error("a mistake of ours; nothing was changed")]
    Broken,
    /// The host is going down.
    #[error("this host is going down")]
    Closing,
}

impl From<store::Error> for Refused {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NoTenant(tenant) => Self::UnknownTenant(tenant),
            error => {
                tracing::error!(%error, cause = ?std::error::Error::source(&error), "store");
                Self::Unavailable
            }
        }
    }
}

/// What lines are made with.
pub struct Parts {
    /// Decisions that are to be compared.
    pub beside: Beside,
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Threads that run plugins.
    pub threads: Threads,
    /// Runs plugins.
    pub plugins: Plugins,
    /// Answers enrichers.
    pub outside: Live,
    /// How plugins fare.
    pub health: Health,
    /// How much may wait.
    pub limits: Limits,
    /// What Sigstore bundles are checked against.
    pub sigstore: SigstoreRoot,
    /// Counts what happens.
    pub metrics: Metrics,
}

/// Decisions that wait to be compared with what releases on their way would have decided.
#[derive(Default)]
pub struct Beside(beside::Waiting);

/// How much may wait, and how much is kept.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Questions of one tenant that wait.
    pub waiting: usize,
    /// Questions decided in one commit.
    pub group: usize,
    /// Leads of a tenant that stay in memory though nothing changes them by itself.
    pub cold: usize,
    /// How long a line with nothing to do keeps its tenant in memory.
    pub idle: Duration,
}

impl Parts {
    /// The world for one tenant, its plugins watched.
    fn watched<'a>(&'a self, tenant: &'a TenantId, now: Timestamp) -> Watched<'a> {
        Watched { live: &self.outside, health: &self.health, tenant, now }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { waiting: 1024, group: 64, cold: 8192, idle: Duration::from_secs(600) }
    }
}

/// What is worked out on the threads of plugins; nothing where somebody panicked.
type OnThreads<T> = Pin<Box<dyn Future<Output = Option<T>> + Send>>;

/// The lines of all tenants that this host has to do with.
#[derive(Clone)]
pub struct Lines {
    parts: Arc<Parts>,
    /// By tenant. Held for as long as it takes to look one up.
    lines: Arc<Mutex<HashMap<TenantId, mpsc::Sender<Asked>>>>,
    /// A simulation holds thousands of decisions: a host runs one at a time.
    simulations: Arc<Semaphore>,
    /// A compiler takes a processor for a while: a host has one at work for whoever publishes.
    publications: Arc<Semaphore>,
}

/// A question with whoever waits for its answer.
struct Asked {
    question: Arc<Question>,
    answer: oneshot::Sender<Result<Answer, Refused>>,
    /// How often it was decided and not committed.
    tries: u32,
}

impl Lines {
    /// No line yet; each is made when it is first asked.
    pub fn new(parts: Parts) -> Self {
        let one = || Arc::new(Semaphore::new(1));
        Self { parts: Arc::new(parts), lines: Arc::default(), simulations: one(), publications: one() }
    }

    /// What they are made with.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Asks a tenant's line.
    ///
    /// # Errors
    ///
    /// [`Refused`] says why not.
    pub async fn ask(&self, tenant: &TenantId, question: Question) -> Result<Answer, Refused> {
        let (answer, answered) = oneshot::channel();
        let mut asked = Asked { question: Arc::new(question), answer, tries: 0 };
        // A line that ends between being found and being asked is made anew.
        for _ in 0..3 {
            let line = self.line(tenant);
            match line.try_send(asked) {
                Ok(()) => return answered.await.map_err(|_| Refused::Closing)?,
                Err(mpsc::error::TrySendError::Full(_)) => return Err(Refused::Busy),
                Err(mpsc::error::TrySendError::Closed(back)) => {
                    self.forget(tenant, &line);
                    asked = back;
                }
            }
        }
        Err(Refused::Closing)
    }

    /// How a lead would be decided now, or under another version of the configuration; nothing is changed (P8).
    ///
    /// # Errors
    ///
    /// [`Refused`] says why not.
    pub async fn would_be(
        &self,
        tenant: &TenantId,
        version: Option<i64>,
        received: Json,
    ) -> Result<Arc<Decision>, Refused> {
        if let Some(version) = version {
            return decide::would_be(&self.parts, tenant, version, received).await;
        }
        match self.ask(tenant, Question::of(Ask::Try(received))).await? {
            Answer::Tried(decision) => Ok(decision),
            _ => Err(Refused::Closing),
        }
    }

    /// How leads of the log would be routed by another version than the one in force; nothing is changed (P8). Whoever
    /// gives up waiting for it ends it.
    ///
    /// # Errors
    ///
    /// [`Refused`] says why not.
    pub async fn simulate(&self, tenant: &TenantId, asked: Simulation) -> Result<Simulated, Refused> {
        let _one = self.simulations.acquire().await.map_err(|_| Refused::Closing)?;
        simulate::simulate(&self.parts, tenant, asked).await
    }

    /// Reps as they stand now.
    ///
    /// # Errors
    ///
    /// [`Refused`] says why not.
    pub async fn reps(&self, tenant: &TenantId) -> Result<Vec<RepStands>, Refused> {
        match self.ask(tenant, Question::of(Ask::Reps)).await? {
            Answer::Reps(reps) => Ok(reps),
            _ => Err(Refused::Closing),
        }
    }

    /// Times that a router offers now, and the meeting that the lead has.
    ///
    /// # Errors
    ///
    /// [`Refused`] says why not.
    pub async fn times(
        &self,
        tenant: &TenantId,
        router: RouterId,
        lead: Option<LeadId>,
    ) -> Result<(Offered, Option<Meeting>), Refused> {
        match self.ask(tenant, Question::of(Ask::Times { router, lead })).await? {
            Answer::Times(offered, meeting) => Ok((offered, meeting)),
            _ => Err(Refused::Closing),
        }
    }

    /// By what a tenant is decided now.
    ///
    /// # Errors
    ///
    /// [`Refused`] says why not.
    pub async fn tenant(&self, tenant: &TenantId) -> Result<Arc<Tenant>, Refused> {
        match self.ask(tenant, Question::of(Ask::Tenant)).await? {
            Answer::Tenant(tenant) => Ok(tenant),
            _ => Err(Refused::Closing),
        }
    }

    /// Runs a decision again under the version that made it.
    ///
    /// # Errors
    ///
    /// [`Refused`] says why not.
    pub async fn replay(
        &self,
        tenant: &TenantId,
        version: i64,
        decision: Decision,
    ) -> Result<Replayed, Refused> {
        let published = published::recorded(&self.parts, tenant, &decision).await?;
        let set_up = load::as_it_was(&self.parts, tenant, version, Arc::new(published)).await?;
        let replayed = self.parts.threads.run(tenant, move || replay(&set_up, &decision));
        let replayed = replayed.await.ok_or(Refused::Broken)?;
        replayed.map_err(|error| Refused::Conflict(error.to_string()))
    }

    /// Has a tenant's line, where there is one, forget what it has in memory.
    ///
    /// # Errors
    ///
    /// [`Refused`] where nobody says that it did.
    pub async fn reload(&self, tenant: &TenantId) -> Result<(), Refused> {
        let is_there = self.lines.lock().unwrap_or_else(PoisonError::into_inner).contains_key(tenant);
        match is_there {
            true => self.ask(tenant, Question::of(Ask::Reload)).await.map(drop),
            false => Ok(()),
        }
    }

    /// Sets files up as this tenant's would be, and tells every problem.
    ///
    /// # Errors
    ///
    /// [`Refused`] where this host cannot say.
    pub async fn check(&self, tenant: &TenantId, files: Files) -> Result<Result<Checked, Problems>, Refused> {
        let published = load::published_now(&self.parts, tenant).await?.2;
        let (parts, of) = (Arc::clone(&self.parts), tenant.clone());
        let checked = self.parts.threads.run(tenant, move || {
            versions::check(&files, |folder| load::check(&of, folder, &parts.plugins, &published).map(drop))
        });
        checked.await.ok_or(Refused::Broken)
    }

    /// Compares some decisions with what releases on their way would have decided; how many.
    pub async fn compare(&self, most: usize) -> usize {
        beside::compare(&self.parts, most).await
    }

    /// How many tenants have a line here.
    pub fn len(&self) -> usize {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn line(&self, tenant: &TenantId) -> mpsc::Sender<Asked> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(tenant) {
            return line.clone();
        }
        let (line, asked) = mpsc::channel(self.parts.limits.waiting);
        let (parts, of, known) = (Arc::clone(&self.parts), tenant.clone(), Arc::downgrade(&self.lines));
        tokio::spawn(async move {
            run::run(parts, of.clone(), asked).await;
            // Nothing is left of a tenant at rest.
            if let Some(lines) = known.upgrade() {
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                if lines.get(&of).is_some_and(mpsc::Sender::is_closed) {
                    lines.remove(&of);
                }
            }
        });
        lines.insert(tenant.clone(), line.clone());
        line
    }

    fn forget(&self, tenant: &TenantId, ended: &mpsc::Sender<Asked>) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.get(tenant).is_some_and(|line| line.same_channel(ended)) {
            lines.remove(tenant);
        }
    }
}
