//! The service's own configuration: one TOML file, the environment and flags, into one checked value.
//!
//! ```text
//! file ─┐
//! LANEWRIGHT_… ─┼─▶ Given ─ keys ─▶ Settings, or every problem of all three at once
//! flags ─┘
//! ```
//!
//! A flag is stronger than a variable, a variable stronger than the file, the file stronger than the
//! default; a weaker value is checked as well. What a key is called, what it may be, what holds without it
//! and what it is for stand in one place, [`read`], which is run on nothing to make the operators' table.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::config::Problems;

#[cfg(test)]
mod deploy;
mod form;
mod given;
mod keys;
mod reference;
mod secret;
#[cfg(test)]
mod tests;

use form::{address, file, folder, header, key, list, mailbox, number, switch, text, url, whole, word};
pub use given::Given;
use keys::Keys;
pub use keys::Row;
pub use reference::{reference, rows};
pub use secret::Secret;

/// How a service runs. Every value is in its range.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// Where metrics are served; absent: at `/metrics` of `listen`.
    pub metrics_listen: Option<SocketAddr>,
    /// What the service is called from outside, without a slash at its end.
    pub public_url: String,
    /// Where compiled plugins are kept. Nothing in it is lost for good but a
    /// SQLite database, where that is inside.
    pub state: PathBuf,
    /// Where everything that must last is kept.
    pub database: Database,
    /// Connections to the database.
    pub connections: u32,
    /// Threads that run plugins.
    pub threads: usize,
    /// How long requests that have begun may go on once the service is told to end.
    pub drain: Duration,
    /// Whether customers' URLs may lead to private and local addresses.
    pub allow_private_hosts: bool,
    /// Whether a configuration has to be approved by somebody who has not written in it.
    pub four_eyes: bool,
    /// The `trusted_root.json` that Sigstore bundles are checked against; absent: the public Sigstore's.
    pub sigstore_root: Option<PathBuf>,
    /// What one tenant may ask at once.
    pub limits: Limits,
    /// How long what is over is kept.
    pub retention: Retention,
    /// What secrets are sealed with; absent: the service keeps none.
    pub secrets: Option<SecretKeys>,
    /// How e-mail is sent; absent: none is.
    pub smtp: Option<Smtp>,
    /// What is logged, and how.
    pub log: Log,
    /// Where traces go; absent: nowhere.
    pub otlp: Option<Otlp>,
}

/// A database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// One file, of one host.
    Sqlite(PathBuf),
    /// A URL with everything in it, for any number of hosts.
    Postgres(Secret<String>),
}

/// What one tenant may ask at once, so that it cannot crowd out the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of an ordinary request, such as one lead.
    pub body_bytes: usize,
    /// Bytes of many leads as NDJSON, of a folder or of a plugin.
    pub upload_bytes: usize,
    /// Requests a second that a tenant may go on making.
    pub requests_per_second: NonZeroU32,
    /// Requests that a tenant may make at one go after a rest.
    pub burst: NonZeroU32,
    /// Requests of a tenant that are worked on at a time.
    pub concurrency: u32,
    /// Leads of a tenant that may stand in line.
    pub waiting_leads: u32,
    /// Leads of a tenant that stay in memory though nothing changes them by itself.
    pub leads_in_memory: u32,
    /// How long a tenant whom nobody asks anything of stays in memory.
    pub idle: Duration,
    /// How long a request may take.
    pub timeout: Duration,
}

/// How long what is over is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Traces of decisions (P7); the decisions' rows stay.
    pub decisions: Duration,
    /// The audit log.
    pub events: Duration,
    /// Effects that are done or given up.
    pub effects: Duration,
    /// Batches that have ended, with the leads they were given.
    pub batches: Duration,
    /// Answers by idempotency key.
    pub answers: Duration,
}

/// What secrets are sealed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretKeys {
    /// Seals and opens.
    pub key: Secret<[u8; 32]>,
    /// Only open, so that the key can be changed.
    pub older: Vec<Secret<[u8; 32]>>,
}

/// How e-mail is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    /// Such as `smtps://user:password@mail.example.com`.
    pub url: Secret<String>,
    /// Such as `Lanewright <leads@example.com>`.
    pub from: String,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// Which lines: directives such as `info,lanewright=debug`.
    pub filter: String,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// A JSON object, for machines.
    Json,
    /// Text, for a person.
    Text,
}

/// Where traces go.
#[derive(Debug, Clone, PartialEq)]
pub struct Otlp {
    /// The collector, without the path of a signal and a slash: `http://localhost:4318`.
    pub endpoint: String,
    /// Sent with every request.
    pub headers: Vec<(String, Secret<String>)>,
    /// What the service is called in traces.
    pub service: String,
    /// The share of traces that are kept, of those that do not come with a decision; 0 to 1.
    pub sample_ratio: f64,
}

impl Settings {
    /// Reads what was given, or tells everything that is wrong with it.
    pub fn load(given: &Given) -> Result<Self, Problems> {
        let mut keys = Keys::of(given);
        let settings = read(&mut keys, given);
        keys.done().map(|()| settings).map_err(Problems)
    }

    /// Where compiled plugins are kept.
    pub fn plugins(&self) -> PathBuf {
        self.state.join("plugins")
    }
}

impl Database {
    /// As the store's driver reads it. A SQLite file is made where there is none.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(file) => {
                let path = file.display().to_string();
                let path = path.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
                format!("sqlite://{path}?mode=rwc")
            }
            Self::Postgres(url) => url.expose().clone(),
        }
    }
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Every key, in the order of the operators' table. What is wrong is a finding, and the default is taken
/// for it, which nobody sees.
fn read(keys: &mut Keys, given: &Given) -> Settings {
    let listen = keys.or(
        "listen",
        address(),
        SocketAddr::from(([127, 0, 0, 1], 8080)),
        "where HTTP is served; `0.0.0.0:8080` or `[::]:8080` to be reached from other machines",
    );
    let metrics_listen = keys.maybe(
        "metrics_listen",
        address(),
        "`/metrics` of `listen`",
        "where metrics are served instead, at `/metrics` there",
    );
    if metrics_listen == Some(listen) {
        keys.problem("metrics_listen", "it is the same as `listen`", "leave it out, or take another port");
    }
    let public_url = keys.maybe(
        "public_url",
        url(&["http", "https"]),
        "`http://` and `listen`",
        "what the service is called from outside: links in e-mails, the OpenAPI document",
    );
    let state = keys.or_else(
        "state",
        folder(),
        "`$STATE_DIRECTORY`, else `$XDG_STATE_HOME/lanewright`, else `~/.local/state/lanewright`, else `lanewright-data`",
        || given.state(),
        "a folder for compiled plugins, of this host alone",
    );
    let database = keys.open_or_file(
        ["database", "database_file"],
        form::database(),
        "`sqlite:lanewright.db`",
        "`sqlite:FILE`, relative to `state`, or `postgres://USER:PASSWORD@HOST/NAME`",
    );
    let database = match database.unwrap_or_else(|| Database::Sqlite("lanewright.db".into())) {
        Database::Sqlite(file) => Database::Sqlite(state.join(file)),
        postgres => postgres,
    };
    Settings {
        public_url: public_url.map_or_else(|| format!("http://{listen}"), base),
        connections: keys.or_else(
            "connections",
            whole(1..=1_000),
            "16 on Postgres, 4 on SQLite",
            // Readers of SQLite take turns: of many, each finds what it has in memory out of date, and its thread asleep.
            || if matches!(database, Database::Sqlite(_)) { 4 } else { 16 },
            "connections to the database; SQLite reads with as many and writes with one",
        ),
        threads: keys.or_else(
            "threads",
            whole(1..=1_024),
            "one a core",
            || std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64),
            "threads that run plugins",
        ) as usize,
        drain: keys.seconds("drain_seconds", 0..=HOUR, 30, "how long what has begun may go on after SIGTERM"),
        allow_private_hosts: keys.or(
            "allow_private_hosts",
            switch(),
            false,
            "whether customers' URLs (enrichers, webhooks) may lead to private and local addresses",
        ),
        four_eyes: keys.or(
            "four_eyes",
            switch(),
            false,
            "whether a configuration is published only once somebody has approved it who has not written in it",
        ),
        sigstore_root: keys.maybe(
            "sigstore_root",
            file(),
            "that of the public Sigstore, as built in",
            "a `trusted_root.json`, which plugins' Sigstore bundles are checked against; read at the start",
        ),
        limits: limits(keys),
        retention: retention(keys),
        secrets: secrets(keys),
        smtp: smtp(keys),
        log: Log {
            format: keys
                .maybe("log.format", word(LOG_FORMATS), "`json`", "how a line of the log looks")
                .unwrap_or(LogFormat::Json),
            filter: keys.or(
                "log.filter",
                form::filter(),
                "info".to_owned(),
                "which lines are logged, such as `warn`, or `info,lanewright=debug`",
            ),
        },
        otlp: otlp(keys),
        listen,
        metrics_listen,
        state,
        database,
    }
}

const MANY: NonZeroU32 = NonZeroU32::new(1_000_000).unwrap();
const USUAL_RATE: NonZeroU32 = NonZeroU32::new(1_000).unwrap();
const USUAL_BURST: NonZeroU32 = NonZeroU32::new(2_000).unwrap();

const LOG_FORMATS: &[(&str, LogFormat)] = &[("json", LogFormat::Json), ("text", LogFormat::Text)];

fn limits(keys: &mut Keys) -> Limits {
    Limits {
        body_bytes: keys.or(
            "limits.body_bytes",
            whole(KIB..=64 * MIB),
            MIB,
            "bytes of an ordinary request, such as one lead",
        ) as usize,
        upload_bytes: keys.or(
            "limits.upload_bytes",
            whole(MIB..=GIB),
            64 * MIB,
            "bytes of many leads as NDJSON, of a folder or of a plugin",
        ) as usize,
        requests_per_second: keys.or(
            "limits.requests_per_second",
            whole(NonZeroU32::MIN..=MANY),
            USUAL_RATE,
            "requests that a tenant may go on making, on one host",
        ),
        burst: keys.or(
            "limits.burst",
            whole(NonZeroU32::MIN..=MANY),
            USUAL_BURST,
            "requests that a tenant may make at one go after a rest, on one host",
        ),
        concurrency: keys.or(
            "limits.concurrency",
            whole(1..=100_000),
            256,
            "requests of a tenant that are worked on at a time, on one host",
        ),
        waiting_leads: keys.or(
            "limits.waiting_leads",
            whole(1..=1_000_000),
            1_024,
            "leads of a tenant that may stand in line, on one host; the next is refused with 429",
        ),
        leads_in_memory: keys.or(
            "limits.leads_in_memory",
            whole(1..=1_000_000),
            8_192,
            "leads of a tenant that stay in memory though nothing changes them by itself, on one host",
        ),
        idle: keys.seconds(
            "limits.idle_seconds",
            1..=DAY,
            600,
            "how long a tenant of whom nobody asks anything stays in memory, on one host",
        ),
        timeout: keys.seconds(
            "limits.timeout_seconds",
            1..=HOUR,
            30,
            "how long a request may take, from its head to its answer; streams are exempt",
        ),
    }
}

fn retention(keys: &mut Keys) -> Retention {
    let years = 1..=36_500;
    let mut days = |key, default, meaning| {
        Duration::from_secs(DAY * keys.or(key, whole::<u64>(years.clone()), default, meaning))
    };
    Retention {
        decisions: days("retention.decisions_days", 90, "traces of decisions; the decisions' rows stay"),
        events: days("retention.events_days", 730, "the audit log"),
        effects: days("retention.effects_days", 30, "effects that are done or given up"),
        batches: days(
            "retention.batches_days",
            30,
            "batches that have ended, with the leads they were given",
        ),
        answers: Duration::from_secs(
            HOUR * keys.or("retention.answers_hours", whole(1..=720), 24, "answers by idempotency key"),
        ),
    }
}

fn secrets(keys: &mut Keys) -> Option<SecretKeys> {
    let current = keys.sealed_or_file(
        ["secrets.key", "secrets.key_file"],
        key(),
        "no secrets are kept",
        "what secrets are sealed with: 32 random bytes in base64, the same on every host (`openssl rand -base64 32`)",
    );
    let older = keys.sealed_or_file(
        ["secrets.older_keys", "secrets.older_keys_file"],
        list(key()),
        "none",
        "keys of before, which still open what they sealed",
    );
    if older.is_some() && keys.lacks("secrets.key") {
        keys.problem("secrets.older_keys", "there are older keys and no key", "set `secrets.key` as well");
    }
    Some(SecretKeys { key: current?, older: older.unwrap_or_default() })
}

fn smtp(keys: &mut Keys) -> Option<Smtp> {
    let server = keys.sealed_or_file(
        ["smtp.url", "smtp.url_file"],
        url(&["smtp", "smtps"]),
        "no e-mail is sent",
        "`smtps://USER:PASSWORD@HOST`; `smtp://HOST?tls=required` for STARTTLS",
    );
    let from = keys.maybe(
        "smtp.from",
        mailbox(),
        "none; `smtp.url` needs it",
        "the sender, such as `Leads <leads@example.com>`",
    );
    if server.is_some() && keys.lacks("smtp.from") {
        keys.problem("smtp.url", "there is a mail server and no sender", "set `smtp.from` as well");
    }
    Some(Smtp { url: Secret::new(server?.to_string()), from: from? })
}

fn otlp(keys: &mut Keys) -> Option<Otlp> {
    let endpoint = keys.maybe(
        "otlp.endpoint",
        url(&["http", "https"]),
        "no traces are sent",
        "an OpenTelemetry collector that takes OTLP over HTTP, such as `http://localhost:4318`",
    );
    let headers = keys.sealed_or_file(
        ["otlp.headers", "otlp.headers_file"],
        list(header()),
        "none",
        "headers for it, each `name=value`",
    );
    let service =
        keys.or("otlp.service", text(), "lanewright".to_owned(), "what the service is called in traces");
    let sample_ratio = keys.or(
        "otlp.sample_ratio",
        number(0.0..=1.0),
        1.0,
        "the share of traces that are kept; a caller's own decision comes first",
    );
    if headers.is_some() && keys.lacks("otlp.endpoint") {
        keys.problem("otlp.headers", "there are headers and no collector", "set `otlp.endpoint` as well");
    }
    Some(Otlp { endpoint: base(endpoint?), headers: headers.unwrap_or_default(), service, sample_ratio })
}

/// A URL that paths are appended to.
fn base(url: Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => write!(f, "sqlite:{}", file.display()),
            Self::Postgres(_) => f.write_str("postgres"),
        }
    }
}
