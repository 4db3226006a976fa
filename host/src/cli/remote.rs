//! `lanewright plugin publish|install|list|releases|health|shadow|canary|activate|roll-back|backtest|trust|catalogue|offer`:
//! releases of plugins in a service, over its HTTP API.
//!
//! Where it is and who asks come from flags or from the environment; the key never stands on a command line. [`Remote`] is
//! that for the other verbs of a service as well.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use url::Url;

use super::{Exit, trust};
use crate::fetch::{Ask, Fetcher, Method, Reach};
use crate::lead::PluginId;
use crate::oci::bundle;
use crate::releases::Version;
use crate::report::{Look, columns};
use crate::trust::PluginName;

mod catalogue;
mod whom;

/// Where the service is, and who asks.
#[derive(Debug, Args)]
pub(super) struct Remote {
    /// The service, such as https://lanewright.example.com
    #[arg(long, value_name = "URL", env = "LANEWRIGHT_URL")]
    to: Url,
    /// A file with an API key [default: the environment's LANEWRIGHT_API_KEY]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl Remote {
    /// A service whose place was told otherwise.
    pub(super) fn at(to: Url, key_file: Option<PathBuf>) -> Self {
        Self { to, key_file }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Publishes a release to a service; nothing answers by it yet
    Publish {
        /// A component, or a bundle whose name ends in .tar
        release: PathBuf,
        /// The plugin's name there [default: the name in plugin.toml]
        #[arg(long, value_name = "NAME")]
        plugin: Option<PluginId>,
        /// Its version [default: the one in plugin.toml]
        #[arg(long, value_name = "VERSION")]
        version: Option<Version>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Publishes a release of the service's catalogue, or of a registry
    Install {
        /// The plugin's name there
        plugin: PluginId,
        /// A plugin of the catalogue, PUBLISHER/NAME
        #[arg(long, value_name = "PUBLISHER/NAME", required_unless_present = "registry")]
        catalogue: Option<PluginName>,
        /// Which version of it [default: the highest]
        #[arg(long, value_name = "VERSION", requires = "catalogue")]
        version: Option<Version>,
        /// A release in a registry, such as registry.example.com/acme/fit:1.4.0
        #[arg(long, value_name = "REFERENCE", conflicts_with = "catalogue")]
        registry: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Lists the plugins of a service, and which release of each answers
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// Lists the releases of a plugin
    Releases {
        /// The plugin
        plugin: PluginId,
        #[command(flatten)]
        remote: Remote,
    },
    /// Shows how releases of a plugin fare: calls, failures, fuel, time, agreement
    Health {
        /// The plugin
        plugin: PluginId,
        #[command(flatten)]
        remote: Remote,
    },
    /// Has a release answer beside the active one, compared and used for nothing
    Shadow {
        /// The plugin
        plugin: PluginId,
        /// The release
        version: Version,
        #[command(flatten)]
        remote: Remote,
    },
    /// Has a release decide for a share of the accounts
    Canary {
        /// The plugin
        plugin: PluginId,
        /// The release
        version: Version,
        /// Percent of accounts
        #[arg(long, value_name = "PERCENT")]
        share: f64,
        #[command(flatten)]
        remote: Remote,
    },
    /// Has a release decide: a new one, or any earlier one
    Activate {
        /// The plugin
        plugin: PluginId,
        /// The release
        version: Version,
        #[command(flatten)]
        remote: Remote,
    },
    /// Takes the release on its way back, or else the active one
    RollBack {
        /// The plugin
        plugin: PluginId,
        /// The release that is taken back [default: the one on its way, else the active one]
        version: Option<Version>,
        /// Why, for the log
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Routes a tenant's stored leads again with a release, and shows what would change
    Backtest {
        /// The plugin
        plugin: PluginId,
        /// The release
        version: Version,
        /// Leads that came since, such as 2026-11-01T00:00:00Z
        #[arg(long, value_name = "TIME")]
        from: jiff::Timestamp,
        /// And before [default: now]
        #[arg(long, value_name = "TIME")]
        until: Option<jiff::Timestamp>,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 500)]
        limit: usize,
        #[command(flatten)]
        remote: Remote,
    },
    /// Says whose plugins are trusted, and revokes
    Trust {
        #[command(subcommand)]
        verb: whom::Verb,
    },
    /// Lists the catalogue of a service, or shows the score cards of one plugin
    Catalogue {
        /// The plugin, PUBLISHER/NAME [default: the highest version of each]
        plugin: Option<PluginName>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Puts a signed release into the catalogue; for whoever runs the service
    Offer {
        /// A bundle, or a component with plugin.toml and signature beside it
        release: PathBuf,
        #[command(flatten)]
        remote: Remote,
    },
}

pub(super) fn run(verb: &Verb) -> anyhow::Result<Exit> {
    match verb {
        Verb::Publish { release, plugin, version, remote } => {
            publish(release, plugin.as_ref(), version.as_ref(), remote)
        }
        Verb::Install { plugin, catalogue, version, registry, remote } => {
            let body = match (catalogue, registry) {
                (Some(name), _) => json!({"catalogue": name, "version": version}),
                (None, registry) => json!({"registry": registry}),
            };
            tell_release(&remote.post(&format!("plugins/{plugin}/install"), &body)?)
        }
        Verb::List { remote } => list(&remote.get("plugins")?),
        Verb::Releases { plugin, remote } => releases(&remote.get(&format!("plugins/{plugin}/releases"))?),
        Verb::Health { plugin, remote } => health(&remote.get(&format!("plugins/{plugin}/health"))?),
        Verb::Shadow { plugin, version, remote } => {
            tell(&remote.post(&format!("plugins/{plugin}/shadow"), &json!({"version": version}))?)
        }
        Verb::Canary { plugin, version, share, remote } => {
            let body = json!({"version": version, "share": share});
            tell(&remote.post(&format!("plugins/{plugin}/canary"), &body)?)
        }
        Verb::Activate { plugin, version, remote } => {
            tell(&remote.post(&format!("plugins/{plugin}/activate"), &json!({"version": version}))?)
        }
        Verb::RollBack { plugin, version, why, remote } => {
            let body = json!({"version": version, "why": why});
            tell(&remote.post(&format!("plugins/{plugin}/roll-back"), &body)?)
        }
        Verb::Backtest { plugin, version, from, until, limit, remote } => {
            let until = until.unwrap_or_else(jiff::Timestamp::now);
            let body = json!({"from": from, "to": until, "limit": limit});
            let answer = remote.post(&format!("plugins/{plugin}/releases/{version}/backtest"), &body)?;
            println!("{}", serde_json::to_string_pretty(&answer)?);
            Ok(Exit::Done)
        }
        Verb::Trust { verb } => whom::run(verb),
        Verb::Catalogue { plugin, remote } => catalogue::look(plugin.as_ref(), remote),
        Verb::Offer { release, remote } => catalogue::offer(release, remote),
    }
}

fn publish(
    release: &Path,
    plugin: Option<&PluginId>,
    version: Option<&Version>,
    remote: &Remote,
) -> anyhow::Result<Exit> {
    let described = trust::described(release)?;
    let named = described.as_ref().map(|package| package.manifest.name.to_string());
    let plugin = match (plugin, named) {
        (Some(plugin), _) => plugin.to_string(),
        (None, Some(name)) => name,
        (None, None) => {
            bail!("say with --plugin which plugin it is: no plugin.toml lies beside {}", release.display())
        }
    };
    let version = match (version, &described) {
        (Some(version), _) => version.clone(),
        (None, Some(package)) => package.manifest.version.clone(),
        (None, None) => {
            bail!("say with --version which release it is: no plugin.toml lies beside {}", release.display())
        }
    };
    let (media, bytes) = match described {
        Some(package) => ("application/x-tar", bundle::write(&package, Vec::new())?),
        None => {
            if release.with_file_name("cases").is_dir() {
                eprintln!(
                    "the cases stay here: they travel with a plugin.toml, and the service would play them"
                );
            }
            let bytes =
                std::fs::read(release).with_context(|| format!("{} cannot be read", release.display()))?;
            ("application/wasm", bytes)
        }
    };
    let path = format!("plugins/{plugin}/releases/{version}");
    tell_release(&remote.ask(Method::Put(&bytes), &path, media)?)
}

/// Time for one request: a large component is compiled within it.
const WITHIN: Duration = Duration::from_secs(300);
/// Bytes of an answer.
const MOST: u64 = 64 << 20;

impl Remote {
    pub(super) fn get(&self, path: &str) -> anyhow::Result<Json> {
        self.ask(Method::Get, path, "application/json")
    }

    pub(super) fn post(&self, path: &str, body: &Json) -> anyhow::Result<Json> {
        // What is not said is left out.
        let mut body = body.clone();
        if let Some(fields) = body.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        self.ask(Method::Post(body.to_string().as_bytes()), path, "application/json")
    }

    pub(super) fn ask(&self, method: Method<'_>, path: &str, media: &str) -> anyhow::Result<Json> {
        Ok(self.answer(method, path, media, None)?.0)
    }

    /// What is answered, and the ETag of it; `seen` is one of before, for a change of that and of nothing else.
    fn answer(
        &self,
        method: Method<'_>,
        path: &str,
        media: &str,
        seen: Option<&str>,
    ) -> anyhow::Result<(Json, Option<String>)> {
        let mut url = self.to.clone();
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        url.set_path(&format!("{}/v1/{path}", url.path().trim_end_matches('/')));
        url.set_query(query);
        let authorization = format!("Bearer {}", self.key()?);
        let mut headers = vec![("authorization", authorization.as_str()), ("content-type", media)];
        headers.extend(seen.map(|seen| ("if-match", seen)));
        // The service is one's own, wherever it is.
        let asked = Ask { method, url: &url, headers: &headers, within: WITHIN, most: MOST };
        let answer =
            Fetcher::new(Reach::Anywhere).ask(&asked).with_context(|| format!("{url} does not answer"))?;
        let json: Json = serde_json::from_slice(&answer.body)
            .map_err(|_| anyhow!("{url} answers {} and no JSON", answer.status))?;
        match answer.status {
            200..=299 => Ok((json, answer.header("etag").map(str::to_owned))),
            status => Err(problem(status, &json)),
        }
    }

    fn key(&self) -> anyhow::Result<String> {
        let key = match &self.key_file {
            Some(file) => {
                std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?
            }
            None => std::env::var("LANEWRIGHT_API_KEY")
                .map_err(|_| anyhow!("no API key: name a file with --key-file, or set LANEWRIGHT_API_KEY"))?,
        };
        Ok(key.trim().to_owned())
    }
}

/// What the service says went wrong, every place of it.
fn problem(status: u16, problem: &Json) -> anyhow::Error {
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let mut said = match problem["detail"].as_str() {
        Some(detail) => detail.to_owned(),
        None => format!("it answers {status}"),
    };
    for error in problem["errors"].as_array().into_iter().flatten() {
        said.push_str(&format!("\n  {}: {}", text(&error["at"]), text(&error["message"])));
        if let Some(hint) = error["hint"].as_str() {
            said.push_str(&format!("\n    hint: {hint}"));
        }
    }
    if let Some(hint) = problem["hint"].as_str() {
        said.push_str(&format!("\n  hint: {hint}"));
    }
    anyhow!(said)
}

pub(super) fn word(value: &Json) -> String {
    match value {
        Json::Null => "-".to_owned(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What a service of another version may say otherwise.
pub(super) fn understood<T: DeserializeOwned>(answer: Json) -> anyhow::Result<T> {
    serde_json::from_value(answer)
        .context("the service says something that this program does not know; use its own version of it")
}

fn tell_release(release: &Json) -> anyhow::Result<Exit> {
    println!("{} {}", word(&release["plugin"]), word(&release["version"]));
    println!("  digest     {}", word(&release["digest"]));
    println!("  size       {} bytes", release["bytes"]);
    println!("  interface  {}", word(&release["interface"]));
    println!("  publisher  {}", word(&release["publisher"]));
    if let Some(total) = release["cases"]["total"].as_u64() {
        println!("  cases      {} of {total} passed", release["cases"]["passed"]);
    }
    tell_grants(release);
    Ok(Exit::Done)
}

/// What a release asks and is not granted, and what it is granted and does not ask.
fn tell_grants(of: &Json) {
    for grants in of["grants"].as_array().into_iter().flatten() {
        let place = match &grants["place"] {
            Json::Null => "no place of the configuration in force names the plugin, which".to_owned(),
            place => word(place),
        };
        for (list, says) in
            [("missing", "asks and is not granted"), ("unasked", "is granted and does not ask")]
        {
            for difference in grants[list].as_array().into_iter().flatten() {
                let (kind, name) = (word(&difference["kind"]), word(&difference["name"]));
                eprintln!("{place} {says} the {kind} {name}\n  hint: {}", word(&difference["hint"]));
            }
        }
    }
}

fn tell(plugin: &Json) -> anyhow::Result<Exit> {
    let candidate = &plugin["candidate"];
    let on_its_way = match candidate.is_null() {
        true => "-".to_owned(),
        false => match candidate["share"].as_f64() {
            Some(share) => {
                format!("{} as {}, {share} %", word(&candidate["version"]), word(&candidate["stage"]))
            }
            None => format!("{} as {}", word(&candidate["version"]), word(&candidate["stage"])),
        },
    };
    println!("{}", word(&plugin["plugin"]));
    println!("  active      {}", word(&plugin["active"]));
    println!("  on its way  {on_its_way}");
    println!("  before      {}", word(&plugin["good"]));
    tell_grants(plugin);
    Ok(Exit::Done)
}

pub(super) fn items(answer: &Json) -> impl Iterator<Item = &Json> {
    answer["items"].as_array().into_iter().flatten()
}

pub(super) fn show(
    header: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
    numbers: Range<usize>,
) -> anyhow::Result<Exit> {
    let mut look = Look::of_stdout();
    if !look.terminal() {
        // Other programs read a line a row, and what is named there is found in one piece.
        look.width = u16::MAX;
    }
    println!("{}", columns(header, rows.collect(), numbers, look));
    Ok(Exit::Done)
}

fn list(answer: &Json) -> anyhow::Result<Exit> {
    let row = |plugin: &Json| {
        let candidate = &plugin["candidate"];
        vec![
            word(&plugin["plugin"]),
            word(&plugin["active"]),
            word(&candidate["version"]),
            word(&candidate["stage"]),
        ]
    };
    show(&["plugin", "active", "on its way", "as"], items(answer).map(row), 4..4)
}

fn releases(answer: &Json) -> anyhow::Result<Exit> {
    let row = |release: &Json| {
        ["version", "published_at", "digest", "bytes", "interface", "publisher", "source"]
            .map(|field| word(&release[field]))
            .to_vec()
    };
    let header = ["version", "published", "digest", "bytes", "interface", "publisher", "from"];
    show(&header, items(answer).map(row), 3..4)
}

fn health(answer: &Json) -> anyhow::Result<Exit> {
    let row = |counts: &Json| {
        let mut row = vec![word(&counts["version"]), word(&counts["stage"])];
        row.extend(["calls", "failed"].map(|field| word(&counts[field])));
        for measure in ["fuel", "micros"] {
            row.extend(["p50", "p99"].map(|quantile| word(&counts[measure][quantile])));
        }
        row.extend(["compared", "differed"].map(|field| word(&counts[field])));
        row
    };
    let header = [
        "release", "stage", "calls", "failed", "fuel p50", "fuel p99", "µs p50", "µs p99", "compared",
        "differed",
    ];
    show(&header, items(answer).map(row), 2..header.len())
}
