//! Two tenants in one host, one hostile with everything at once: what the other one's slowest decisions cost.
//!
//! `cargo xtask bench hostile` prints it: on the threads of a host, shared as a host shares them. The neighbour decides
//! alone and beside the attackers in turns, so that whatever else the machine does is in both figures alike; the claim
//! is their ratio. No test asserts a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use lanewright::lead::TenantId;
use lanewright::plugin::{Plan, THREAD_STACK};
use lanewright::tenant::Tenant;
use lanewright::threads::Threads;

use super::tenants::{Neighbour, Role, decide, decide_here, plugins, tenant};
use super::{CASES, Expect};
use crate::guests::guest;
use crate::harness::sandbox;

/// Attack 23: a tenant with a queue of plugins that never end has another wait for a piece, and not for the queue.
#[test]
fn a_tenant_that_takes_every_thread_keeps_nobody_waiting() {
    const PIECES: usize = 40;
    let threads = Threads::new(1, THREAD_STACK).expect("threads");
    let neighbour = Arc::new(Neighbour::new());
    let hog = Arc::new(tenant(guest("loops_forever"), Role::Classifier, "", plugins()).expect("a tenant"));
    let ended = Arc::new(AtomicUsize::new(0));
    let (told, heard) = channel();
    for _ in 0..PIECES {
        let (hog, ended, told) = (Arc::clone(&hog), Arc::clone(&ended), told.clone());
        threads.spawn(&hog.config.tenant.clone(), move || {
            let routed = decide(&hog).lane.is_some();
            ended.fetch_add(1, Ordering::Relaxed);
            told.send(routed).expect("is heard");
        });
    }
    let (answer, answered) = channel();
    let (other, ended_then) = (Arc::clone(&neighbour), Arc::clone(&ended));
    threads.spawn(&id("northwind"), move || {
        other.noticed_nothing();
        answer.send(ended_then.load(Ordering::Relaxed)).expect("is heard");
    });
    let before = answered.recv().expect("the neighbour decided");
    assert!(before < PIECES, "it came last, and is done before {before} of {PIECES}");
    drop(told);
    assert_eq!(heard.iter().filter(|routed| *routed).count(), PIECES, "every lead is routed in the end");
}

/// Decisions of the neighbour in one turn, and turns: a hundred of each kind are slower than their p99.
const DECISIONS: usize = 200;
const TURNS: usize = 50;

#[test]
#[ignore = "it measures: `cargo xtask bench hostile`"]
fn measure() {
    // As a host runs it: the default plan, its clock included, and on its own threads.
    let plugins = sandbox(Plan::DEFAULT, 64);
    let neighbour = Arc::new(Neighbour::in_sandbox(&plugins));
    let attackers: Vec<Arc<Tenant>> = CASES
        .iter()
        .filter(|case| !matches!(case.expect, Expect::Refused(..)))
        .map(|case| tenant(guest(case.guest), case.role, case.settings, &plugins).expect("a tenant"))
        .map(Arc::new)
        .collect();
    let number = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = Threads::new(number, THREAD_STACK).expect("threads");
    let (mut alone, mut beside, mut attacks) = (Vec::new(), Vec::new(), 0);
    for _ in 0..TURNS {
        for _ in 0..DECISIONS {
            alone.push(decision(&threads, &neighbour, alone.len()));
        }
        // There are always more attacks waiting than threads.
        let (told, heard) = channel();
        let mut attack = |told: Sender<()>| {
            let attacker = Arc::clone(&attackers[attacks % attackers.len()]);
            attacks += 1;
            threads.spawn(&attacker.config.tenant.clone(), move || {
                decide_here(&attacker);
                let _ = told.send(());
            });
        };
        (0..4 * number).for_each(|_| attack(told.clone()));
        for _ in 0..DECISIONS {
            heard.try_iter().for_each(|()| attack(told.clone()));
            beside.push(decision(&threads, &neighbour, beside.len()));
        }
        drop(told);
        heard.iter().for_each(drop);
    }
    neighbour.noticed_nothing();
    let of = |times: &mut Vec<Duration>, share: usize| {
        times.sort_unstable();
        times[times.len() * share / 100].as_secs_f64() * 1e6
    };
    println!("{number} threads; one tenant made {attacks} hostile calls of {} kinds.\n", attackers.len());
    println!("| a neighbour's decision | alone | beside them | ratio |\n|---|---:|---:|---:|");
    for share in [50, 90, 99] {
        let (alone, beside) = (of(&mut alone, share), of(&mut beside, share));
        println!("| p{share} | {alone:.0} µs | {beside:.0} µs | {:.2} × |", beside / alone);
    }
}

/// What a decision of the neighbour takes from when it is asked for.
fn decision(threads: &Threads, neighbour: &Arc<Neighbour>, n: usize) -> Duration {
    let (began, neighbour) = (Instant::now(), Arc::clone(neighbour));
    let (told, heard) = channel();
    threads.spawn(&id("northwind"), move || {
        drop(neighbour.decides_here(n));
        told.send(()).expect("is heard");
    });
    heard.recv().expect("it is decided");
    began.elapsed()
}

fn id(name: &str) -> TenantId {
    name.parse().expect("an id")
}
