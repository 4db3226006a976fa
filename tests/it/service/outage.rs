//! What a host does while it cannot write, and at its end: it says so, loses nothing, and goes on by itself.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use super::harness::{BOTH, On, database};
use super::load::Load;
use super::program::{Cluster, Start, until};

/// Status, `Retry-After` and code, or the text, of an answer.
fn ask(url: &str, path: &str, key: &str, lead: Option<&str>) -> (u16, bool, String) {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let agent: ureq::Agent = config.timeout_global(Some(Duration::from_secs(60))).build().into();
    let (url, bearer) = (format!("{url}{path}"), format!("Bearer {key}"));
    let mut response = match lead {
        Some(id) => {
            let lead = json!({"id": id, "text": "What would the team plan cost for 12 users?"});
            let request = agent.post(url).header("authorization", bearer).content_type("application/json");
            request.send(lead.to_string()).expect("an answer")
        }
        None => agent.get(url).header("authorization", bearer).call().expect("an answer"),
    };
    let (status, retry) = (response.status().as_u16(), response.headers().contains_key("retry-after"));
    let text = response.body_mut().read_to_string().expect("text");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    (status, retry, json["code"].as_str().map_or(text, str::to_owned))
}

#[test]
fn the_database_is_away_and_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut cluster = Cluster::start();
    let start = Start::new(&cluster.url(), folder.path(), "state").and("--allow-private-hosts");
    let mut load = Load::new(&start, 1);
    let mut host = start.serve();
    let url = host.ready();
    load.host(0, Some(url.clone()));
    load.begin(4, "away");
    for _ in 0..2 {
        load.more(40);
        cluster.stop();
        let gone = Instant::now();
        let unavailable = (503, true, "unavailable".to_owned());
        assert_eq!(ask(&url, "/readyz", "", None), unavailable);
        // Before a client gives up on it: those that wait in line, and those that come.
        let before = load.refused("503 unavailable");
        until("clients are told", || (load.refused("503 unavailable") >= before + 8).then_some(()));
        assert_eq!(ask(&url, "/v1/leads/x", load.key(), None), unavailable);
        assert_eq!(ask(&url, "/v1/leads", load.key(), Some("x")), unavailable);
        assert!(gone.elapsed() < Duration::from_secs(45), "{:?}", gone.elapsed());
        assert_eq!(ask(&url, "/livez", "", None), (200, false, "alive\n".to_owned()));
        cluster.go_on();
        until("the host is ready again", || {
            (ask(&url, "/readyz", "", None) == (200, false, "ready\n".to_owned())).then_some(())
        });
        load.more(40);
    }
    assert_eq!(load.refused("504 timeout"), 0, "nobody has to wait until they are told");
    eprintln!("{:?}", load.check("the database is away"));
}

/// The disk as far as a process goes that may make no file longer than so: it is refused the write, and lives on.
#[test]
fn the_disk_is_full_and_has_room_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let start =
        Start::new(&database(On::Sqlite, folder.path()), folder.path(), "state").and("--allow-private-hosts");
    let mut load = Load::new(&start, 1);
    let mut host = start.serve_in("trap '' XFSZ; exec \"$@\"");
    let url = host.ready();
    load.host(0, Some(url.clone()));
    load.begin(4, "full");
    let allow = |bytes: &str| {
        let limit = format!("--fsize={bytes}:unlimited");
        let set = Command::new("prlimit").args(["--pid", &host.id().to_string(), &limit]).status();
        assert!(set.expect("prlimit starts").success());
    };
    for _ in 0..3 {
        load.more(40);
        // Less than the log of SQLite is long already, and the next page of it.
        allow("65536");
        let before = load.refused("503 unavailable");
        until("clients are told", || (load.refused("503 unavailable") >= before + 12).then_some(()));
        assert_eq!(ask(&url, "/v1/leads", load.key(), Some("x")), (503, true, "unavailable".to_owned()));
        // What is there can be read.
        assert_eq!(ask(&url, "/v1/leads?limit=1", load.key(), None).0, 200);
        allow("unlimited");
        load.more(40);
    }
    eprintln!("{:?}", load.check("the disk is full"));
}

#[test]
fn whoever_is_told_to_end_finishes_what_was_begun() {
    for on in BOTH {
        let folder = tempfile::tempdir().expect("a folder");
        let start =
            Start::new(&database(on, folder.path()), folder.path(), "state").and("--allow-private-hosts");
        let mut load = Load::new(&start, 1);
        load.begin(8, "drain");
        for _ in 0..4 {
            let mut host = start.serve();
            load.host(0, Some(host.ready()));
            load.more(60);
            let told = Instant::now();
            host.terminate();
            let ended = host.ended();
            assert!(ended.success(), "{on:?}: {ended} {:#?}", host.log());
            // The drain is 30 seconds; nobody needs them.
            assert!(told.elapsed() < Duration::from_secs(10), "{on:?}: {:?}", told.elapsed());
            let log = host.log();
            let last = log.iter().find(|line| line["message"] == "service ended").expect("its end is told");
            assert_eq!(last["cut_off"], 0, "{on:?}");
            load.host(0, None);
        }
        let mut host = start.serve();
        load.host(0, Some(host.ready()));
        eprintln!("{on:?} {:?}", load.check((on, "drain")));
    }
}
