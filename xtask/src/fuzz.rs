//! `fuzz`: inputs at everything that reads bytes of strangers ([`parsers`]).
//!
//! `fuzz api`: requests that follow the OpenAPI document or break it, more than ten thousand of them, at a service that is
//! made for it. None may be answered with a fault of ours.
//!
//! The requests are schemathesis's, which is put into an environment of its own below the target folder; they follow from a
//! seed. What it is told besides stands in `tests/fuzz/api.py`. How many there were, and how they were answered, is
//! asked of the service, so that nobody's own count of their own work is believed.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::run::{cargo, program, root, target_dir};
use crate::setup::{self, Work};

mod parsers;

/// The fuzzer, to the version: another one makes other requests.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// Requests at least.
const REQUESTS: u64 = 10_000;

/// Requests for each route at most, so that all of them together are more than [`REQUESTS`].
const EACH: &str = "200";

pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    match arguments.split_first() {
        Some((what, arguments)) if what == "api" => api(arguments),
        _ => parsers::run(arguments),
    }
}

fn api(arguments: &[String]) -> Result<ExitCode> {
    setup::run(Work::Build)?;
    let folder = target_dir().join("fuzz");
    let fuzzer = fuzzer(&folder)?;
    cargo(&["build", "--package", "lanewright"]).shown()?;
    let service = Service::start(&folder)?;
    let (url, authorization) = (&service.url, format!("Authorization: Bearer {}", service.key));
    let seed =
        if arguments.iter().any(|argument| argument == "--seed") { vec![] } else { vec!["--seed", "4"] };
    let run = program(&shown(&fuzzer), &["run", &format!("{url}/openapi.json")])
        .args(["--checks", "not_a_server_error", "--phases", "coverage,fuzzing", "--max-examples", EACH])
        // An event stream ends with the service.
        .args(["--continue-on-failure", "--exclude-path", "/v1/events", "--request-timeout", "30"])
        .args(["--suppress-health-check", "all", "--warnings", "off", "--generation-database", "none"])
        .args(seed)
        .args(arguments)
        .secret(["-H", &authorization])
        .env("FUZZ_URL", url)
        .env("FUZZ_KEY", &service.key)
        .env("SCHEMATHESIS_HOOKS", "api")
        .env("PYTHONPATH", root().join("tests/fuzz"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        // What it keeps of a run stays there.
        .inside(&folder)
        .shown();
    let (requests, faults) = service.answered()?;
    println!(
        "{requests} requests, {faults} of them answered with 5xx; the service's log is {}",
        shown(&service.log)
    );
    run?;
    if faults > 0 {
        bail!("{faults} requests were answered with 5xx");
    }
    if requests < REQUESTS {
        bail!("{requests} requests are fewer than {REQUESTS}; raise `EACH`");
    }
    Ok(ExitCode::SUCCESS)
}

/// The fuzzer's program, which is installed where it is not there yet.
fn fuzzer(folder: &Path) -> Result<PathBuf> {
    let place = folder.join(SCHEMATHESIS);
    let found = place.join("bin/schemathesis");
    if program(&shown(&found), &["--version"]).asked().is_some() {
        return Ok(found);
    }
    let (place, pip) = (shown(&place), shown(&place.join("bin/pip")));
    let made = program("python3", &["-m", "venv", &place]).shown();
    made.and_then(|()| program(&pip, &["install", "--quiet", SCHEMATHESIS]).shown()).with_context(|| {
        format!(
            "the fuzzer is not there. Python 3.10 or later with its module venv is needed (Debian: python3-venv), and then\n\n    \
             python3 -m venv {place} && {pip} install {SCHEMATHESIS}\n"
        )
    })?;
    Ok(found)
}

/// A service with one tenant, an empty SQLite database and no limits that matter.
struct Service {
    child: Child,
    url: String,
    key: String,
    log: PathBuf,
}

impl Service {
    fn start(folder: &Path) -> Result<Self> {
        let state = folder.join("state");
        if state.exists() {
            std::fs::remove_dir_all(&state).context("the state of the run before cannot be removed")?;
        }
        let lanewright = shown(&target_dir().join("debug/lanewright"));
        let of = |verb: &[&str]| program(&lanewright, verb).args(["--state", &shown(&state)]);
        of(&["tenant", "import", "examples/northwind"]).shown()?;
        let key = of(&["tenant", "key", "northwind", "admin"]).output()?.trim().to_owned();
        let log = state.join("log");
        let many = ["--limits-requests-per-second", "1000000", "--limits-burst", "1000000"];
        let serve = of(&["serve", "--listen", "127.0.0.1:0"]).args(many);
        let child = serve.logged(&File::create(&log).context("the log cannot be made")?)?;
        let mut service = Self { child, url: String::new(), key, log };
        service.url = service.listens()?;
        Ok(service)
    }

    /// Where it listens, once it does.
    fn listens(&mut self) -> Result<String> {
        for _ in 0..2400 {
            let log = std::fs::read_to_string(&self.log)?;
            let started = log.lines().find(|line| line.contains("\"service started\""));
            if let Some((_, rest)) = started.and_then(|line| line.split_once("\"listen\":\"")) {
                return Ok(format!("http://{}", rest.split('"').next().unwrap_or_default()));
            }
            if self.child.try_wait()?.is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        bail!("the service does not start:\n{}", std::fs::read_to_string(&self.log)?)
    }

    /// Requests that it answered, and those it answered with 5xx.
    fn answered(&self) -> Result<(u64, u64)> {
        let mut stream =
            TcpStream::connect(self.url.trim_start_matches("http://")).context("the service is gone")?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(requests(&text))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same out of metrics.
fn requests(metrics: &str) -> (u64, u64) {
    let of = |status: &str| {
        let lines = metrics.lines().filter(|line| line.starts_with("lanewright_requests_total{"));
        let counts = lines
            .filter(|line| line.contains(status))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        counts.sum()
    };
    (of("status=\""), of("status=\"5xx\""))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_counted() {
        let metrics = "# HELP lanewright_requests Requests answered.\n\
                       lanewright_requests_total{route=\"/v1/leads\",method=\"POST\",status=\"2xx\"} 12\n\
                       lanewright_requests_total{route=\"/v1/reps\",method=\"GET\",status=\"5xx\"} 1\n\
                       lanewright_request_seconds_sum{route=\"/v1/leads\"} 3.5\n";
        assert_eq!(requests(metrics), (13, 1));
    }
}
