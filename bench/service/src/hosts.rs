//! The ways that are measured: the service, a row alone, nothing at all.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Json, Router, routing};
use lanewright::access::{NewKey, Role, key};
use lanewright::app::{self, App, Around};
use lanewright::clock::Clock;
use lanewright::http::{self, Patience};
use lanewright::lead::TenantId;
use lanewright::line::{Ask, Question};
use lanewright::settings::{Given, Settings};
use lanewright::store::{EventRow, Options, Store};
use lanewright::telemetry::Metrics;
use lanewright::versions::{self, By, Files, Limits, Start};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::CLIENTS;
use crate::clients::{self, Addresses, Latencies, Request, Turn};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Sqlite,
    Postgres,
}

/// The tenant that has many decisions.
const TENANT: &str = "t0";
/// How long a turn is.
const TURN: Duration = Duration::from_secs(3);
/// How long latencies are measured.
const STEADY: Duration = Duration::from_secs(10);

/// What ways share.
pub(crate) struct Bench {
    /// Threads of everything that serves.
    servers: Runtime,
    /// Threads of the clients.
    clients: Runtime,
    server: String,
    folder: tempfile::TempDir,
    made: AtomicU64,
}

/// A way to answer a request.
pub(crate) struct Way {
    pub(crate) name: String,
    addresses: Addresses,
    request: Request,
    next: Arc<AtomicU64>,
    /// Its database, where it has one.
    database: Option<String>,
    /// Keeps what serves.
    _serves: Vec<watch::Sender<bool>>,
}

impl Bench {
    pub(crate) fn new(server: String) -> Result<Self> {
        let runtime = |threads: usize| {
            tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()
        };
        Ok(Self {
            servers: runtime(2)?,
            clients: runtime(1)?,
            server,
            folder: tempfile::tempdir()?,
            made: AtomicU64::new(0),
        })
    }

    /// As many requests as the clients get answered in a turn.
    pub(crate) fn turn(&self, way: &Way) -> Result<Turn> {
        let turn = clients::as_fast_as_it_goes(
            Arc::clone(&way.addresses),
            Arc::clone(&way.request),
            Arc::clone(&way.next),
            CLIENTS,
            TURN,
        );
        self.clients.block_on(turn).with_context(|| way.name.clone())
    }

    /// Latencies at this rate.
    pub(crate) fn latencies(&self, way: &Way, rate: f64) -> Result<Latencies> {
        let at = clients::at_a_rate(
            Arc::clone(&way.addresses),
            Arc::clone(&way.request),
            Arc::clone(&way.next),
            CLIENTS,
            (rate, STEADY),
        );
        self.clients.block_on(at).with_context(|| way.name.clone())
    }

    /// A handler that reads the lead and does nothing.
    pub(crate) fn nothing(&self) -> Result<Way> {
        let handler =
            |Json(lead): Json<Value>| async move { (StatusCode::CREATED, Json(json!({ "id": lead["id"] }))) };
        let router = Router::new().route("/v1/leads", routing::post(handler));
        let address = self.servers.block_on(serve_plain(router))?;
        Ok(self.way("a handler that does nothing", vec![address], None, vec![String::new()], Vec::new()))
    }

    /// A handler that reads the lead and inserts one row durably, through the service's own writer and pool.
    pub(crate) fn row(&self, on: On) -> Result<Way> {
        let database = self.database(on)?;
        let router =
            self.servers.block_on(async {
                let store = Store::open(&Options { url: database.clone(), connections: 10 }).await?;
                let rows = Arc::new(AtomicU64::new(0));
                let handler = |State((store, rows)): State<(Store, Arc<AtomicU64>)>,
                               Json(lead): Json<Value>| async move {
                    let place = i64::try_from(rows.fetch_add(1, Ordering::Relaxed)).unwrap_or(i64::MAX);
                    let row = EventRow {
                        tenant: format!("t{}", place % 64),
                        head: -1,
                        place,
                        at: 0,
                        kind: "row".to_owned(),
                        actor: "bench".to_owned(),
                        lead: lead["id"].as_str().map(str::to_owned),
                        body: lead.to_string(),
                    };
                    match store.write_alone(row).await {
                        Ok(_) => Ok((StatusCode::CREATED, Json(json!({ "id": lead["id"] })))),
                        Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
                    }
                };
                anyhow::Ok(Router::new().route("/v1/leads", routing::post(handler)).with_state((store, rows)))
            })?;
        let address = self.servers.block_on(serve_plain(router))?;
        let name = format!("a handler that inserts one row, {on:?}");
        Ok(self.way(&name, vec![address], Some(database), vec![String::new()], Vec::new()))
    }

    /// So many hosts of the service over one database, with so many tenants that leads are spread over.
    pub(crate) fn service(&self, on: On, hosts: usize, tenants: usize) -> Result<Way> {
        let database = self.database(on)?;
        let (mut addresses, mut ends, mut apps) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..hosts {
            let (app, address, end) = self.servers.block_on(self.host(&database))?;
            addresses.push(address);
            ends.push(end);
            apps.push(app);
        }
        let keys = self.servers.block_on(make_tenants(&apps[0], self.folder.path(), tenants))?;
        let name = match (hosts, tenants) {
            (1, 1) => format!("the service, {on:?}"),
            (hosts, tenants) => format!("the service, {on:?}, {hosts} hosts, {tenants} tenants"),
        };
        let way = self.way(&name, addresses, Some(database), keys, ends);
        // Kept for as long as the process runs.
        apps.into_iter().for_each(std::mem::forget);
        Ok(way)
    }

    /// Writes so many leads of before and their decisions, with traces of 1 KB that do not compress.
    pub(crate) fn load(&self, way: &Way, decisions: u64) -> Result<()> {
        let database = way.database.as_ref().context("a way without a database")?;
        let sqlite = database.starts_with("sqlite");
        // Ids in the order of their numbers, so that loading is quick.
        let (series, id, body) = match sqlite {
            true => (
                "WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {to}) SELECT i FROM n",
                "printf('old-%010d', i)",
                "randomblob(1024)",
            ),
            false => (
                "SELECT i FROM generate_series({from}::bigint, {to}::bigint) AS i",
                "'old-' || lpad(i::text, 10, '0')",
                // Postgres compresses no row as short as that.
                "decode(repeat(md5(i::text), 64), 'hex')",
            ),
        };
        // One tenant's, all of long ago.
        let decision = format!(
            "INSERT INTO decisions (tenant, lead, number, head, place, decided_at, version, \"trigger\", outcome, \
             lane, confidence, tier, mode, rep, team, fuel, body) SELECT '{TENANT}', {id}, 1, -i, 0, i, 1, \
             'arrived', 'assigned', 'smb', 'high', 3, 'auto', 'rep-0', 'smb', 1000000, {body} FROM ({{series}}) AS s"
        );
        let lead = format!(
            "INSERT INTO leads (tenant, lead, head, hot, status, rep, team, lane, tier, number, mode, received_at, \
             decided_at, due_at, locked, accepted, state) SELECT '{TENANT}', {id}, -i, 0, 'closed', 'rep-0', \
             'smb', 'smb', 3, 1, 'auto', i, i, i, 0, 1, '{{}}' FROM ({{series}}) AS s"
        );
        self.servers.block_on(async {
            use sqlx::{Connection as _, Executor as _};
            sqlx::any::install_default_drivers();
            let mut connection = sqlx::AnyConnection::connect(database).await?;
            let mut from = 1;
            while from <= decisions {
                let to = (from + 249_999).min(decisions);
                let series = series.replace("{from}", &from.to_string()).replace("{to}", &to.to_string());
                for text in [&decision, &lead] {
                    connection.execute(sqlx::AssertSqlSafe(text.replace("{series}", &series))).await?;
                }
                from = to + 1;
            }
            if !sqlite {
                connection.execute("VACUUM ANALYZE").await?;
            }
            anyhow::Ok(())
        })
    }

    async fn host(&self, database: &str) -> Result<(App, SocketAddr, watch::Sender<bool>)> {
        let state = self.folder.path().join(format!("state-{}", self.made.fetch_add(1, Ordering::Relaxed)));
        let flags = vec![
            ("database", database.to_owned()),
            ("state", state.display().to_string()),
            ("connections", "10".to_owned()),
            ("limits.requests_per_second", "1000000".to_owned()),
            ("limits.burst", "1000000".to_owned()),
            ("limits.concurrency", "10000".to_owned()),
        ];
        let settings = Settings::load(&Given { flags, ..Given::default() })
            .map_err(|problems| anyhow!("{:?}", problems.0))?;
        std::fs::create_dir_all(&state)?;
        // Plugins are compiled once for all hosts.
        let cache = self.folder.path().join("plugins");
        std::fs::create_dir_all(&cache)?;
        std::os::unix::fs::symlink(&cache, settings.plugins())?;
        let around =
            Around { clock: Clock::System, metrics: Metrics::new(), compiler: std::env::current_exe()? };
        let app = App::build(settings, around).await?;
        let listener = app::listen("127.0.0.1:0".parse()?).await?;
        let address = listener.local_addr()?;
        let end = watch::Sender::new(false);
        tokio::spawn(http::serve(listener, app.api().clone(), end.subscribe(), Patience::DEFAULT));
        Ok((app, address, end))
    }

    fn database(&self, on: On) -> Result<String> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        match on {
            On::Sqlite => {
                Ok(format!("sqlite://{}", self.folder.path().join(format!("{number}.db")).display()))
            }
            On::Postgres => self.servers.block_on(async {
                use sqlx::{Connection as _, Executor as _};
                sqlx::any::install_default_drivers();
                let mut connection = sqlx::AnyConnection::connect(&self.server).await?;
                let name = format!("lanewright_bench_{number}");
                let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                connection.execute(sqlx::AssertSqlSafe(drop)).await?;
                connection.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
                let (server, _) = self.server.rsplit_once('/').context("no URL of a database")?;
                Ok(format!("{server}/{name}"))
            }),
        }
    }

    fn way(
        &self,
        name: &str,
        addresses: Vec<SocketAddr>,
        database: Option<String>,
        keys: Vec<String>,
        serves: Vec<watch::Sender<bool>>,
    ) -> Way {
        let request: Request = Arc::new(move |number| {
            let tenant = usize::try_from(number).unwrap_or_default() % keys.len();
            (tenant, request(number, &keys[tenant]))
        });
        Way {
            name: name.to_owned(),
            addresses: Arc::new(addresses),
            request,
            next: Arc::new(AtomicU64::new(0)),
            database,
            _serves: serves,
        }
    }
}

async fn serve_plain(router: Router) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// Tenants with a folder each, all alike; a key of each.
async fn make_tenants(app: &App, below: &Path, number: usize) -> Result<Vec<String>> {
    let mut keys = Vec::with_capacity(number);
    for place in 0..number {
        let tenant: TenantId = format!("t{place}").parse()?;
        let folder = below.join("folder");
        write_folder(&folder, tenant.as_str())?;
        let store = app.store();
        store.make_tenant(&tenant, "Tenant", 0).await?;
        let files = Files::from_folder(&folder, &Limits::default())?;
        let now = Clock::System.now();
        let by = By { actor: "bench", at: now.as_millisecond() };
        let draft = versions::draft(&store.of(&tenant), by, Start::Files(files), String::new()).await?;
        let question = Question { ask: Ask::Publish(draft.version), actor: "bench".to_owned(), key: None };
        app.lines().ask(&tenant, question).await.map_err(|refused| anyhow!("{refused}"))?;
        let new = NewKey { name: "bench".to_owned(), role: Role::Ingest, rep: None, expires_at: None };
        let (key, _) = key::make(store.of(&tenant), &tenant, &new, "bench", now).await?;
        keys.push(key.reveal().to_owned());
    }
    Ok(keys)
}

/// Two lanes, two teams, ten reps with room for whatever comes.
fn write_folder(folder: &Path, tenant: &str) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let toml = format!(
        "[tenant]\nid = \"{tenant}\"\nname = \"Tenant\"\ncurrency = \"USD\"\ntimezone = \"UTC\"\n\n[classify]\npolicy = \"best-match\"\n\n\
         [[lanes]]\nid = \"enterprise\"\nname = \"Enterprise\"\ndefinition = \"Large purchases with a security review, SSO, procurement, a tender.\"\n\
         examples = [\"We need SAML and SCIM for 2,400 employees.\"]\nteam = \"enterprise\"\n\n\
         [[lanes]]\nid = \"smb\"\nname = \"Small\"\ndefinition = \"Small companies that want a demo or a price for a team.\"\n\
         examples = [\"What would the team plan cost for 12 users?\"]\nteam = \"smb\"\n"
    );
    std::fs::write(folder.join("tenant.toml"), toml)?;
    let team =
        |id: &str| format!("[[teams]]\nid = \"{id}\"\nname = \"{id}\"\nmanager = \"boss@example.com\"\n\n");
    std::fs::write(folder.join("teams.toml"), team("enterprise") + &team("smb"))?;
    let mut reps = "id,name,team,email,max_open\n".to_owned();
    for number in 0..10 {
        let team = if number % 2 == 0 { "smb" } else { "enterprise" };
        writeln!(reps, "rep-{number},Rep {number},{team},rep-{number}@example.com,10000")?;
    }
    std::fs::write(folder.join("reps.csv"), reps)?;
    Ok(())
}

/// A lead like many.
fn request(number: u64, key: &str) -> Vec<u8> {
    let lead = json!({
        "id": format!("lead-{number}"),
        "source": "web-form",
        "text": "Hi, we're a 45 person freight broker. Spreadsheets are killing us, our Monday report takes two people half a \
                 day. What would the team plan cost for 12 users? I can decide this myself, ideally this month.",
        "contact": {"name": "Curt Mabry", "email": format!("curt{number}@mabryfreight{number}.example"), "language": "en"},
        "company": {"name": "Mabry Freight", "domain": format!("mabryfreight{number}.example"), "employees": 45, "country": "US"},
    })
    .to_string();
    format!(
        "POST /v1/leads HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{lead}",
        lead.len()
    )
    .into_bytes()
}
