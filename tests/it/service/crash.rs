//! SIGKILL in the middle of load, for hosts and for the database, again and again: what was acknowledged is there, once.
//!
//! `LANEWRIGHT_KILLS=300` makes it so many kills of each kind; the moments follow from a seed, as far as a machine that
//! does many things at once lets them.

use std::time::{Duration, Instant};

use super::harness::{On, database};
use super::load::{Chance, Load};
use super::program::{Cluster, Host, Start};

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Killed {
    Host,
    Database,
}

/// How often in every run of the tests; a database takes its time to come back.
fn usual(killed: Killed) -> usize {
    match killed {
        Killed::Host => 12,
        Killed::Database => 4,
    }
}

const CLIENTS: usize = 4;

#[test]
fn a_killed_host_loses_and_doubles_nothing() {
    check(On::Sqlite, 1, Killed::Host);
}

#[test]
fn one_of_two_killed_hosts_loses_and_doubles_nothing() {
    check(On::Postgres, 2, Killed::Host);
}

#[test]
fn a_killed_database_loses_and_doubles_nothing() {
    check(On::Postgres, 2, Killed::Database);
}

fn check(on: On, number: usize, killed: Killed) {
    let case = (on, number, killed);
    let kills = match std::env::var("LANEWRIGHT_KILLS") {
        Ok(kills) => kills.parse().expect("LANEWRIGHT_KILLS is a number"),
        Err(_) => usual(killed),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut cluster = (killed == Killed::Database).then(Cluster::start);
    let database = cluster.as_ref().map_or_else(|| database(on, folder.path()), Cluster::url);
    let starts: Vec<Start> = (0..number)
        .map(|host| {
            // Nearly every lead that is asked about has to be read back.
            Start::new(&database, folder.path(), &format!("state-{host}"))
                .and("--allow-private-hosts")
                .and("--limits-leads-in-memory=4")
        })
        .collect();
    let mut load = Load::new(&starts[0], number);
    let mut hosts: Vec<Host> = starts.iter().map(Start::serve).collect();
    for (place, host) in hosts.iter_mut().enumerate() {
        load.host(place, Some(host.ready()));
    }
    let mut chance = Chance::new(format!("{case:?}"));
    load.begin(CLIENTS, "clients");
    let (began, mut busy) = (Instant::now(), Duration::ZERO);
    for _ in 0..kills {
        let running = Instant::now();
        load.more(1 + chance.below(24) as usize);
        // Not always just behind an answer.
        std::thread::sleep(Duration::from_micros(chance.below(8000)));
        busy += running.elapsed();
        match &mut cluster {
            None => {
                let place = chance.below(number as u64) as usize;
                load.host(place, None);
                hosts[place].kill();
                if chance.below(6) == 0 {
                    // And again before it serves.
                    let mut unready = starts[place].serve();
                    std::thread::sleep(Duration::from_millis(chance.below(200)));
                    unready.kill();
                }
                hosts[place] = starts[place].serve();
                let url = hosts[place].ready();
                load.host(place, Some(url));
            }
            Some(cluster) => {
                cluster.kill();
                cluster.go_on();
            }
        }
    }
    let took = began.elapsed();
    let checked = load.check(case);
    assert!(checked.leads > kills, "{case:?}: {checked:?}");
    assert!(hosts.iter_mut().all(Host::is_alive), "{case:?}");
    eprintln!("{case:?}: {kills} kills within {took:.1?}, {busy:.1?} of it under load: {checked:?}");
}
