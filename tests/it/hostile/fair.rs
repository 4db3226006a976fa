//! Two tenants in one host, one hostile with everything at once: what the other one's slowest decisions cost.
//!
//! `cargo xtask bench hostile` prints it. The neighbour decides alone and beside the attackers in turns, so that whatever else
//! the machine does is in both figures alike; the claim is their ratio. No test asserts a time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lanewright::plugin::Plan;
use lanewright::tenant::Tenant;

use super::tenants::{Neighbour, decide, tenant};
use super::{CASES, Expect};
use crate::guests::guest;
use crate::harness::sandbox;

/// Decisions of the neighbour in one turn, and turns.
const DECISIONS: usize = 200;
const TURNS: usize = 10;

#[test]
#[ignore = "it measures: `cargo xtask bench hostile`"]
fn measure() {
    // As a host runs it: the default plan, its clock included.
    let plugins = sandbox(Plan::DEFAULT, 64);
    let neighbour = Neighbour::in_sandbox(&plugins);
    let attackers: Vec<Tenant> = CASES
        .iter()
        .filter(|case| !matches!(case.expect, Expect::Refused(..)))
        .map(|case| tenant(guest(case.guest), case.role, case.settings, &plugins).expect("a tenant"))
        .collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (attacking, over, attacks) = (AtomicBool::new(false), AtomicBool::new(false), AtomicUsize::new(0));
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    std::thread::scope(|scope| {
        let attack = |first: usize| {
            let mut next = first;
            while !over.load(Ordering::Relaxed) {
                if attacking.load(Ordering::Relaxed) {
                    decide(&attackers[next % attackers.len()]);
                    attacks.fetch_add(1, Ordering::Relaxed);
                    next += 1;
                } else {
                    std::thread::park_timeout(Duration::from_millis(1));
                }
            }
        };
        for thread in 0..threads {
            // Each begins with another attack.
            scope.spawn(move || attack(thread * 7));
        }
        for turn in 0..2 * TURNS {
            attacking.store(turn % 2 == 1, Ordering::Relaxed);
            let times = if turn % 2 == 1 { &mut beside } else { &mut alone };
            for n in 0..DECISIONS {
                let began = Instant::now();
                std::hint::black_box(neighbour.decides(n));
                times.push(began.elapsed());
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    neighbour.noticed_nothing();
    let of = |times: &mut Vec<Duration>, share: usize| {
        times.sort_unstable();
        times[times.len() * share / 100].as_secs_f64() * 1e6
    };
    let attacks = attacks.into_inner();
    println!("{threads} threads of one tenant made {attacks} hostile calls of {} kinds.\n", attackers.len());
    println!("| a neighbour's decision | alone | beside them | ratio |\n|---|---:|---:|---:|");
    for share in [50, 90, 99] {
        let (alone, beside) = (of(&mut alone, share), of(&mut beside, share));
        println!("| p{share} | {alone:.0} µs | {beside:.0} µs | {:.2} × |", beside / alone);
    }
}
