//! Verbs of the service's tests: hosts over a database of their own, requests to them, and time that is stepped.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::SignedDuration;
use lanewright::access::{NewKey, Role, key};
use lanewright::app::{self, App, Around, Stepped as Done};
use lanewright::clock::{Clock, Stepped};
use lanewright::http::{self, Patience};
use lanewright::lead::TenantId;
use lanewright::line::{Ask, Question};
use lanewright::settings::{Given, Settings};
use lanewright::store::Store;
use lanewright::telemetry::Metrics;
use lanewright::versions::{self, By, Files, Limits, Start};
use serde_json::Value as Json;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::harness::{NOW, cache, program};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Sqlite,
    Postgres,
}

/// Both.
pub(crate) const BOTH: [On; 2] = [On::Sqlite, On::Postgres];

/// What everything asynchronous of the tests runs on.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads")
    })
}

/// Hosts over one database, and nobody else.
pub(crate) struct Service {
    pub(crate) hosts: Vec<Host>,
    pub(crate) clock: Stepped,
    /// Keeps the state folders and the SQLite file.
    _folder: tempfile::TempDir,
}

/// One host.
pub(crate) struct Host {
    pub(crate) app: Arc<App>,
    pub(crate) url: String,
    _end: watch::Sender<bool>,
}

/// A database that no other test has.
pub(crate) fn database(on: On, folder: &Path) -> String {
    match on {
        On::Sqlite => format!("sqlite:{}", folder.join("lanewright.db").display()),
        On::Postgres => postgres(),
    }
}

fn postgres() -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let server = std::env::var("LANEWRIGHT_TEST_POSTGRES")
        .expect("LANEWRIGHT_TEST_POSTGRES names a server; `cargo xtask test` starts one");
    let name = format!("lanewright_it_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    runtime().block_on(async {
        use sqlx::{Connection as _, Executor as _};
        sqlx::any::install_default_drivers();
        let mut connection = sqlx::AnyConnection::connect(&server).await.expect("the server answers");
        for text in
            [format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")]
        {
            connection.execute(sqlx::AssertSqlSafe(text)).await.expect("the user may make databases");
        }
    });
    let (server, _) = server.rsplit_once('/').expect("a URL with a database");
    format!("{server}/{name}")
}

/// Settings of a host, beside those of every test.
pub(crate) fn settings(database: &str, state: &Path, also: &[(&'static str, &str)]) -> Settings {
    let mut flags = vec![
        ("database", database.to_owned()),
        ("state", state.display().to_string()),
        ("threads", "2".to_owned()),
        ("connections", "4".to_owned()),
    ];
    flags.extend(also.iter().map(|(key, value)| (*key, (*value).to_owned())));
    Settings::load(&Given { flags, ..Given::default() }).unwrap_or_else(|problems| panic!("{:?}", problems.0))
}

impl Service {
    /// So many hosts.
    pub(crate) fn new(on: On, hosts: usize) -> Self {
        Self::with(on, hosts, &[])
    }

    /// So many hosts with these settings.
    pub(crate) fn with(on: On, hosts: usize, also: &[(&'static str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = database(on, folder.path());
        let clock = Stepped::at(NOW.parse().expect("a time"));
        let hosts = (0..hosts)
            .map(|number| {
                let state = folder.path().join(format!("state-{number}"));
                Host::start(settings(&database, &state, also), clock.clone())
            })
            .collect();
        Self { hosts, clock, _folder: folder }
    }

    /// The first host.
    pub(crate) fn host(&self) -> &Host {
        &self.hosts[0]
    }

    pub(crate) fn store(&self) -> &Store {
        self.host().app.store()
    }

    /// Publishes a folder for the tenant it names; a key of its admin.
    pub(crate) fn tenant(&self, folder: &Path) -> (TenantId, String) {
        let config = lanewright::config::load(folder).unwrap_or_else(|problems| panic!("{:?}", problems.0));
        let tenant = config.tenant.clone();
        runtime().block_on(async {
            self.store().make_tenant(&tenant, &config.name, 0).await.expect("a tenant");
        });
        self.publish(&tenant, folder);
        let key = self.key(&tenant, Role::Admin, None);
        (tenant, key)
    }

    /// Makes a draft of a folder.
    pub(crate) fn draft(&self, tenant: &TenantId, folder: &Path) -> i64 {
        let files = Files::from_folder(folder, &Limits::default()).expect("files");
        let by = By { actor: "test", at: self.clock.now().as_millisecond() };
        let store = self.store().of(tenant);
        let draft = versions::draft(&store, by, Start::Files(files), String::new());
        runtime().block_on(draft).expect("a draft").version
    }

    /// Puts a folder in force.
    pub(crate) fn publish(&self, tenant: &TenantId, folder: &Path) -> i64 {
        let version = self.draft(tenant, folder);
        let question = Question { ask: Ask::Publish(version), actor: "test".to_owned(), key: None };
        if let Err(refused) = runtime().block_on(self.host().app.lines().ask(tenant, question)) {
            panic!("{refused}");
        }
        version
    }

    /// A key of this role.
    pub(crate) fn key(&self, tenant: &TenantId, role: Role, rep: Option<&str>) -> String {
        let new = NewKey {
            name: "test".to_owned(),
            role,
            rep: rep.map(|rep| rep.parse().expect("an id")),
            expires_at: None,
        };
        let now = self.clock.now();
        let made = key::make(self.store().of(tenant), tenant, &new, "test", now);
        let (key, _) = runtime().block_on(made).expect("a key");
        key.reveal().to_owned()
    }

    /// Lets so many minutes pass, and everything happen that is due then, on the first host.
    pub(crate) fn pass(&self, minutes: i64) -> Done {
        self.clock.set(self.clock.now() + SignedDuration::from_mins(minutes));
        self.step()
    }

    /// Lets everything happen that is due, until nothing is; what the first step did.
    pub(crate) fn step(&self) -> Done {
        self.step_host(0)
    }

    /// The same by another host than the first.
    pub(crate) fn step_host(&self, host: usize) -> Done {
        let host = &self.hosts[host];
        runtime().block_on(async {
            let first = host.app.step().await.expect("a step");
            let mut last = first;
            while !last.is_nothing() {
                last = host.app.step().await.expect("a step");
            }
            first
        })
    }
}

impl Host {
    /// Serves at a port of its own; nothing happens by itself as time passes.
    pub(crate) fn start(settings: Settings, clock: Stepped) -> Self {
        runtime().block_on(async {
            let around = Around {
                clock: Clock::Stepped(clock),
                metrics: Metrics::new(),
                compiler: program().to_owned(),
            };
            // Compiled plugins are shared by all tests.
            let plugins = settings.plugins();
            std::fs::create_dir_all(plugins.parent().expect("a state folder")).expect("a folder");
            std::fs::create_dir_all(cache()).expect("a folder");
            let _ = std::os::unix::fs::symlink(cache(), &plugins);
            let app = App::build(settings, around).await.unwrap_or_else(|error| panic!("{error:#}"));
            let listener = app::listen("127.0.0.1:0".parse().expect("an address")).await.expect("a port");
            let url = format!("http://{}", listener.local_addr().expect("an address"));
            let end = watch::Sender::new(false);
            tokio::spawn(http::serve(listener, app.api().clone(), end.subscribe(), Patience::DEFAULT));
            Self { app: Arc::new(app), url, _end: end }
        })
    }

    /// Asks with a body or without one; the status and the answer's JSON, or its text.
    pub(crate) fn ask(&self, method: &str, path: &str, key: &str, body: Option<&Json>) -> (u16, Json) {
        let answer = self.ask_with(method, path, &[("authorization", &format!("Bearer {key}"))], body);
        (answer.0, answer.2)
    }

    /// The same with headers; also the answer's.
    pub(crate) fn ask_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Json>,
    ) -> (u16, Vec<(String, String)>, Json) {
        let bytes = body.map(|body| match body {
            Json::String(text) => text.clone().into_bytes(),
            json => json.to_string().into_bytes(),
        });
        let media = match body {
            Some(Json::String(_)) => "application/x-ndjson",
            _ => "application/json",
        };
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let agent = agent();
        let sent = match bytes {
            Some(bytes) => {
                let request = request.header("content-type", media).body(bytes).expect("a request");
                agent.run(request)
            }
            None => agent.run(request.body(()).expect("a request")),
        };
        let mut response = sent.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        let text = response.body_mut().with_config().limit(1 << 30).read_to_string().expect("text");
        let json = serde_json::from_str(&text).unwrap_or(Json::String(text));
        (status, headers, json)
    }

    /// Sends bytes of a media type; the status and the answer's JSON, or its text.
    pub(crate) fn send(&self, method: &str, path: &str, key: &str, media: &str, bytes: &[u8]) -> (u16, Json) {
        let request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        let request = request.header("authorization", format!("Bearer {key}")).header("content-type", media);
        let sent = agent().run(request.body(bytes.to_vec()).expect("a request"));
        let mut response = sent.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let status = response.status().as_u16();
        let text = response.body_mut().with_config().limit(1 << 30).read_to_string().expect("text");
        (status, serde_json::from_str(&text).unwrap_or(Json::String(text)))
    }

    /// What a lead is decided to be.
    pub(crate) fn lead(&self, key: &str, lead: &Json) -> Json {
        let (status, answer) = self.ask("POST", "/v1/leads", key, Some(lead));
        assert_eq!(status, 201, "{answer:#}");
        answer
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .allow_non_standard_methods(true)
        .timeout_global(Some(Duration::from_secs(120)))
        .build()
        .into()
}
