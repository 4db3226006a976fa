//! The service put together: the only place that knows all of its parts.
//!
//! ```text
//! Settings ─▶ App ─┬▶ HTTP
//!                  └▶ work ─▶ deadlines, publications, batches, effects, retention
//! ```
//!
//! Everything that time does is a step that is told what time it is ([`App::step`]), and the loops below do nothing but
//! call it: so a test steps a whole service through days without waiting for any of them.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use serde_json::Value as Json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::access::{Access, FetchJson, Safe, Vault, VaultKey};
use crate::clock::Clock;
use crate::effects::{self, Deliverer, Mailer, Unseal};
use crate::fetch::{Fetcher, Reach};
use crate::health::Health;
use crate::http::limits::{Allowed, Limits};
use crate::http::{self, Api, ApiParts, Patience};
use crate::lead::TenantId;
use crate::line::{self, Beside, Lines, Parts};
use crate::pipeline::Live;
use crate::plugin::{Options as PluginOptions, Plan, Plugins, Size, THREAD_STACK};
use crate::settings::Settings;
use crate::store::{Error, Options, Store, Swept};
use crate::telemetry::{DrainBegun, Metrics, ServiceEnded, StoreFound, StoreLost};
use crate::threads::Threads;
use crate::timers::{self, Kept};
use crate::trust::{MAX_ROOT, SigstoreRoot};

/// The service, ready to serve.
pub struct App {
    settings: Settings,
    clock: Clock,
    store: Store,
    lines: Lines,
    api: Api,
    deliverer: Deliverer,
    metrics: Metrics,
    /// Told once the service is to end.
    ending: watch::Sender<bool>,
}

/// What the service is made with besides its settings.
pub struct Around {
    /// The time.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Metrics,
    /// The program that compiles plugins, which is this one.
    pub compiler: PathBuf,
}

/// What a step did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stepped {
    /// Tenants for which something was due.
    pub tenants: usize,
    /// Configurations that were to be published.
    pub publications: usize,
    /// Decisions that were compared with those of a release on its way, and releases that were taken back.
    pub releases: usize,
    /// Models that were trained.
    pub trained: usize,
    /// Experiments that were looked at.
    pub looked: usize,
    /// Batches that were decided.
    pub batches: usize,
    /// Destinations that had their turn.
    pub destinations: usize,
    /// Rows that were kept long enough.
    pub over: u64,
}

impl Stepped {
    /// Whether it found nothing to do.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl App {
    /// Opens the database and makes everything ready.
    ///
    /// # Errors
    ///
    /// Why there is no service: the database, the state folder, the mail server's address.
    pub async fn build(settings: Settings, around: Around) -> anyhow::Result<Self> {
        let Around { clock, metrics, compiler } = around;
        make_private(&settings.state)?;
        let options = Options { url: settings.database.url(), connections: settings.connections };
        let store = Store::open(&options).await.context("the database cannot be opened")?;
        let reach = if settings.allow_private_hosts { Reach::Anywhere } else { Reach::Public };
        let plugins = Plugins::new(PluginOptions {
            compiler,
            cache: Some(settings.plugins()),
            plan: Plan::DEFAULT,
            size: Size::default(),
        })?;
        let threads = Threads::new(settings.threads, THREAD_STACK).context("no threads for plugins")?;
        let vault = settings.secrets.as_ref().map(|keys| {
            let older = keys.older.iter().map(|key| VaultKey::new(*key.expose())).collect();
            Arc::new(Vault::new(VaultKey::new(*keys.key.expose()), older))
        });
        let fetcher = Fetcher::new(reach).with(Arc::new(Safe::new(store.clone(), vault.clone())));
        let lines = Lines::new(Parts {
            store: store.clone(),
            clock: clock.clone(),
            threads,
            plugins,
            outside: Live { fetcher },
            health: Health::default(),
            beside: Beside::default(),
            limits: line::Limits {
                waiting: settings.limits.waiting_leads as usize,
                cold: settings.limits.leads_in_memory as usize,
                idle: settings.limits.idle,
                ..line::Limits::default()
            },
            sigstore: sigstore_root(settings.sigstore_root.as_deref())?,
            metrics: metrics.clone(),
        });
        let mailer =
            settings.smtp.as_ref().map(|smtp| Mailer::new(smtp.url.expose(), &smtp.from)).transpose()?;
        let deliverer = Deliverer::new(reach, mailer, unseal(vault.clone()));
        let limits = settings.limits;
        let ending = watch::Sender::new(false);
        let api = Api::new(ApiParts {
            lines: lines.clone(),
            store: store.clone(),
            clock: clock.clone(),
            access: Access::new(store.clone(), Arc::new(Documents(Fetcher::new(reach)))),
            limits: Limits::new(Allowed {
                per_second: limits.requests_per_second,
                burst: limits.burst,
                at_once: limits.concurrency,
            }),
            metrics: metrics.clone(),
            metrics_here: settings.metrics_listen.is_none(),
            ending: ending.subscribe(),
            largest_lead: limits.body_bytes,
            largest_body: limits.upload_bytes,
            timeout: limits.timeout,
            vault,
            reach,
            four_eyes: settings.four_eyes,
        });
        Ok(Self { settings, clock, store, lines, api, deliverer, metrics, ending })
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// All tenants' lines.
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// What routes work with.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Lets what is being written end, and closes the database.
    pub async fn close(self) {
        let store = self.store.clone();
        drop(self);
        store.close().await;
    }

    /// Does whatever is due, each kind once.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`]; what was not done is still due.
    pub async fn step(&self) -> Result<Stepped, Error> {
        let Self { store, lines, metrics, .. } = self;
        let now = self.clock.now();
        let publications = timers::publications(now, store, lines, metrics).await?;
        let tenants = timers::deadlines(now, store, lines, metrics).await?;
        timers::counts(lines, store).await?;
        let releases = timers::releases(now, lines, metrics).await?;
        let trained = usize::from(timers::training(now, store, lines, metrics).await?);
        let looked = usize::from(timers::looks(now, store, lines).await?);
        let batches = usize::from(timers::batch(now, store, lines, metrics).await?);
        let destinations = self.deliver(now).await?;
        effects::expire(now, store).await?;
        let over = timers::retention(now, store, &self.kept()).await?;
        Ok(Stepped { tenants, publications, releases, trained, looked, batches, destinations, over })
    }

    /// Gives every destination that is due its turn, several at once; how many had one.
    async fn deliver(&self, now: Timestamp) -> Result<usize, Error> {
        let due = effects::due(now, &self.store, TURNS).await?;
        let mut turns = JoinSet::new();
        for (tenant, destination) in due {
            let (store, deliverer) = (self.store.clone(), self.deliverer.clone());
            turns.spawn(async move { effects::serve(now, &store, &deliverer, &tenant, &destination).await });
        }
        let mut served = 0;
        while let Some(turn) = turns.join_next().await {
            if let Ok(turn) = turn {
                served += usize::from(turn?.is_some());
            }
        }
        Ok(served)
    }

    fn kept(&self) -> Kept {
        let kept = self.settings.retention;
        Kept {
            decisions: kept.decisions,
            events: kept.events,
            effects: kept.effects,
            batches: kept.batches,
            answers: kept.answers,
        }
    }

    /// Serves until it is told to end, then lets what has begun go on for as long as the settings allow; how many
    /// connections were cut off.
    ///
    /// # Errors
    ///
    /// Why it cannot serve.
    pub async fn serve(
        self,
        listener: TcpListener,
        metrics_listener: Option<TcpListener>,
        told: impl Future<Output = ()> + Send + 'static,
    ) -> anyhow::Result<usize> {
        let app = Arc::new(self);
        let mut work = app.work();
        let drain = app.settings.drain;
        let teller = Arc::clone(&app);
        tokio::spawn(async move {
            told.await;
            DrainBegun { allowed: drain }.emit();
            teller.ending.send_replace(true);
        });
        if let Some(listener) = metrics_listener {
            let (metrics, end) = (app.metrics.clone(), app.ending.subscribe());
            work.spawn(http::serve_metrics(listener, metrics, end));
        }
        let patience = Patience { drain, ..Patience::DEFAULT };
        let cut_off = http::serve(listener, app.api.clone(), app.ending.subscribe(), patience).await;
        // Work that has begun ends; none of it takes long, and all of it can be begun again.
        while work.join_next().await.is_some() {}
        let _ = app.api.access.write_uses().await;
        ServiceEnded { cut_off }.emit();
        Ok(cut_off)
    }

    /// Loops that let happen what is due.
    fn work(self: &Arc<Self>) -> JoinSet<()> {
        let mut work = JoinSet::new();
        self.every(&mut work, SOON, |app, now| async move {
            let Self { store, lines, metrics, .. } = app.as_ref();
            let published = timers::publications(now, store, lines, metrics).await?;
            Ok(published + timers::deadlines(now, store, lines, metrics).await? > 0)
        });
        self.every(&mut work, SOON, |app, now| async move {
            Ok(timers::releases(now, &app.lines, &app.metrics).await? > 0)
        });
        self.every(&mut work, SECONDS, |app, _| async move {
            timers::counts(&app.lines, &app.store).await?;
            Ok(false)
        });
        self.every(&mut work, SOON, |app, now| async move {
            timers::batch(now, &app.store, &app.lines, &app.metrics).await
        });
        self.every(&mut work, SECONDS, |app, now| async move {
            timers::training(now, &app.store, &app.lines, &app.metrics).await
        });
        self.every(
            &mut work,
            SECONDS,
            |app, now| async move { timers::looks(now, &app.store, &app.lines).await },
        );
        self.every(&mut work, SOON, |app, now| async move { Ok(app.deliver(now).await? > 0) });
        self.every(&mut work, NOW_AND_THEN, |app, now| async move {
            effects::expire(now, &app.store).await?;
            app.api.access.write_uses().await?;
            app.api.limits.tidy();
            let over = timers::retention(now, &app.store, &app.kept()).await?;
            Ok(over > 0 || !matches!(app.store.sweep_erased(SWEPT).await?, Swept::Nothing))
        });
        work
    }

    /// Does something again and again: at once where there was something to do, after a while where there was not.
    fn every<F, W>(self: &Arc<Self>, work: &mut JoinSet<()>, pause: Duration, step: F)
    where
        F: Fn(Arc<Self>, Timestamp) -> W + Send + 'static,
        W: Future<Output = Result<bool, Error>> + Send,
    {
        let (app, mut end) = (Arc::clone(self), self.ending.subscribe());
        work.spawn(async move {
            let mut lost = false;
            while !*end.borrow() {
                let pause = match step(Arc::clone(&app), app.clock.now()).await {
                    Ok(more) => {
                        if std::mem::take(&mut lost) {
                            StoreFound.emit(&app.metrics);
                        }
                        if more { AGAIN } else { pause }
                    }
                    Err(error) => {
                        if !std::mem::replace(&mut lost, true) {
                            StoreLost { fault: error.fault() }.emit(&app.metrics);
                        }
                        pause
                    }
                };
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    _ = end.wait_for(|end| *end) => {}
                }
            }
        });
    }
}

/// How long until somebody looks again for what is due.
const SOON: Duration = Duration::from_millis(500);
/// The same for what may be a little late.
const SECONDS: Duration = Duration::from_secs(5);
/// The same where more is likely.
const AGAIN: Duration = Duration::from_millis(5);
/// The same for what is in no hurry.
const NOW_AND_THEN: Duration = Duration::from_secs(60);
/// Destinations that have their turn at once.
const TURNS: i64 = 32;
/// Rows of erased tenants that go at once.
const SWEPT: u64 = 5000;

/// Where HTTP is served: the address is taken at once, so that a port of 0 is known.
///
/// # Errors
///
/// The address is taken already, or is none of this machine.
pub async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{address} cannot be listened at"))
}

/// A folder that nobody else may look into.
fn make_private(folder: &std::path::Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("the state folder {} cannot be made", folder.display()))
}

/// What Sigstore bundles are checked against: what a `trusted_root.json` says, or the public Sigstore's.
///
/// # Errors
///
/// Where the file cannot be read or is none, or this program checks no bundles.
pub fn sigstore_root(file: Option<&std::path::Path>) -> anyhow::Result<SigstoreRoot> {
    let Some(file) = file else { return Ok(SigstoreRoot::public_good()?) };
    let mut json = Vec::new();
    let opened = std::fs::File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    // One byte more than there may be, so that it is noticed.
    opened.take(MAX_ROOT as u64 + 1).read_to_end(&mut json)?;
    SigstoreRoot::read(&json).with_context(|| format!("{} cannot be used", file.display()))
}

/// Opens secrets of destinations, where there is a key.
fn unseal(vault: Option<Arc<Vault>>) -> Unseal {
    Arc::new(move |tenant: &TenantId, destination: &str, sealed: &[u8]| {
        let place = crate::access::For::Destination(destination);
        let opened = vault.as_ref()?.open(tenant, place, sealed).ok()?;
        String::from_utf8(opened.expose().to_vec()).ok()
    })
}

/// Documents of identity providers, by the same careful way as everything outside.
struct Documents(Fetcher);

impl FetchJson for Documents {
    fn fetch_json(&self, url: &str) -> Result<Json, String> {
        self.0.json(url)
    }
}
