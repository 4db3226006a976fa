//! Ten thousand calls, good and hostile in turns, leave nothing behind.

use std::process::Command;
use std::sync::Arc;

use lanewright::lead::LabelPolicy;
use lanewright::plugin::Plan;
use lanewright::tenant::Tenant;

use super::tenants::{PLAN, Role, tenant, visible};
use crate::guests::guest;
use crate::harness::{sandbox, with_stack};

/// Fails early and often: cheap ones, so that ten thousand of them end in seconds.
const GUESTS: [&str; 9] = [
    "plain",
    "reallocs_with_trap",
    "grows_then_divides",
    "grows_and_gives_up",
    "forges_log",
    "traps_after_log",
    "floods_log",
    "answers_beyond_memory",
    "forges_a_reason",
];
const WARM_UP: usize = 1_000;
const CALLS: usize = 10_000;

/// What one leaked log line a call would come to, and a small part of what a leaked store, memory or
/// code mapping would; an allocator's own ups and downs stay below it.
const ALLOWED: u64 = 4 << 20;

/// Other tests of this binary come and go beside this one, so it has a process of its own.
#[test]
fn ten_thousand_calls_leave_nothing_behind() {
    let tests = std::env::current_exe().expect("this program");
    let output = Command::new(tests)
        .args(["--exact", "hostile::leak::alone", "--ignored", "--nocapture"])
        .output()
        .expect("this program starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn alone() {
    flat(CALLS, 2, |_, _| {});
}

/// A million of them, or as many as `cargo xtask soak` says.
#[test]
#[ignore = "it goes on for minutes: `cargo xtask soak`"]
fn soak() {
    let calls = std::env::var("LANEWRIGHT_SOAK_CALLS").ok();
    let calls = calls.map_or(1_000_000, |calls| calls.parse().expect("a number of calls"));
    flat(calls, 10, |done, bytes| {
        println!("{done:>9} instances, {:.1} MiB", bytes as f64 / f64::from(1 << 20))
    });
}

/// So many calls in so many parts, after each of which memory is looked at: it may not have grown.
fn flat(calls: usize, parts: usize, mut after: impl FnMut(usize, u64) + Send) {
    // Little fuel, so that nobody loops for long.
    let plugins = sandbox(Plan { fuel: 1_000_000, ..PLAN }, 2);
    let tenants = GUESTS.map(|name| tenant(guest(name), Role::Classifier, "", &plugins).expect("a tenant"));
    let lead = visible();
    let call = |tenant: &Tenant| {
        let fields = Arc::default();
        let instance = tenant.active.classifier.chosen.instantiate(&tenant.directory, &fields);
        instance.expect("room for one").classify(&lead, LabelPolicy::BestMatch).answer.is_ok()
    };
    with_stack(|| {
        let mut answered = 0;
        let mut run = |calls: usize| {
            for n in 0..calls {
                answered += usize::from(call(&tenants[n % tenants.len()]));
            }
            resident()
        };
        run(WARM_UP);
        let before = run(tenants.len());
        after(0, before);
        for part in 1..=parts {
            let now = run(calls / parts);
            after(part * (calls / parts), now);
            assert!(now <= before + ALLOWED, "{before} bytes, then {now} after part {part} of {parts}");
        }
        assert!(answered >= calls / GUESTS.len(), "some of them are good: {answered}");
    });
}

/// Bytes of this process that are in memory.
pub(crate) fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u64 = statm.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a number");
    pages * 4096
}
