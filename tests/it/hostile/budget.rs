//! Budgets: time behind fuel, plans smaller than a guest, work before anybody asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lanewright::failure::{Failure, Limit};
use lanewright::plugin::{Plan, Plugins};

use super::tenants::{Neighbour, PLAN, Role, calls, decide, plugins, tenant, told};
use crate::guests::guest;
use crate::harness::{sandbox, with_stack};

/// The failure of a guest that is instantiated and never asked.
fn started(name: &str, plugins: &Plugins) -> Option<Failure> {
    let prototype = plugins.load(guest(name)).unwrap_or_else(|refusals| panic!("{name}: {refusals:?}"));
    let release = prototype.release(&serde_json::json!({}), Arc::new([]), Vec::new());
    with_stack(|| {
        release.instantiate(&Arc::default(), &Arc::default()).err().map(|unstarted| unstarted.failure)
    })
}

/// Attack 1: fuel is the budget, time the backstop.
#[test]
fn without_fuel_to_count_the_clock_ends_a_loop() {
    let patient = sandbox(Plan { fuel: u64::MAX, wall_ms: 50, ..PLAN }, 4);
    let tenant = tenant(guest("loops_forever"), Role::Classifier, "", &patient).expect("a tenant");
    let decision = decide(&tenant);
    let call = &calls(&tenant, &decision, Role::Classifier)[0];
    let Some(Failure::Limit { limit: Limit::WallTime, used, allowed: 50 }) = call.failure else {
        panic!("{:?}", call.failure)
    };
    assert!(used >= 50, "{used} ms");
    assert!(call.fuel > 0, "fuel is counted, however much there is");
}

/// Attack 2: what runs before anybody asked is paid for as well.
#[test]
fn a_start_function_has_a_budget() {
    let all = Failure::Limit { limit: Limit::Fuel, used: 50_000_000, allowed: 50_000_000 };
    assert_eq!(started("loops_in_start", plugins()), Some(all));
    assert_eq!(started("plain", plugins()), None);

    // A folder that names it is refused: even the larger budget of `setup` ends.
    let hasty = sandbox(Plan { setup_fuel: 1_000_000, ..PLAN }, 4);
    let Err(problems) = tenant(guest("loops_in_start"), Role::Classifier, "", &hasty) else {
        panic!("a plugin that never starts was taken")
    };
    let told = told(&problems);
    assert!(told.contains("fuel limit: used 1000000, allowed 1000000"), "{told}");
}

/// Attacks 5 and 6: a plan may be smaller than what a guest asks for from the start.
#[test]
fn a_smaller_plan_refuses_what_the_default_takes() {
    let check = |plan: Plan, text: &str| {
        let small = sandbox(plan, 4);
        let Err(problems) = tenant(guest("copies_forever"), Role::Classifier, "", &small) else {
            panic!("{text}: was taken")
        };
        let told = told(&problems);
        assert!(told.contains(text), "{told}");
    };
    // First a host that knows the guest's code from a larger plan: the cache must not let it in.
    plugins().load(guest("copies_forever")).expect("the default plan takes it");
    check(Plan { memory_bytes: 64 << 10, ..PLAN }, "131072 bytes of memory from the start");
    check(Plan { table_elements: 100, ..PLAN }, "table elements from the start; the plan allows 100");
}

/// Attack 9: a plan with room for ten million numbers still does not carry them over.
#[test]
fn ten_million_items_do_not_cross() {
    let wide = sandbox(Plan { memory_bytes: 64 << 20, ..PLAN }, 2);
    let tenant = tenant(guest("answers_ten_million_items"), Role::Scorer, "", &wide).expect("a tenant");
    let decision = decide(&tenant);
    let call = &calls(&tenant, &decision, Role::Scorer)[0];
    let crossing = Failure::Limit { limit: Limit::Crossing, used: (1 << 20) + 1, allowed: 1 << 20 };
    assert_eq!(call.failure, Some(crossing));
    assert!(decision.lane.is_some());
}

/// A neighbour decides the same to the byte while an attack is under way beside it.
#[test]
fn a_neighbour_notices_nothing_while_it_happens() {
    let neighbour = Neighbour::new();
    let attackers = ["loops_forever", "eats_memory", "fills_forever", "recurses", "grows_answers"];
    let attackers =
        attackers.map(|name| tenant(guest(name), Role::Classifier, "", plugins()).expect("a tenant"));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let attack = scope.spawn(|| {
            let mut attacks = 0_u32;
            while !done.load(Ordering::Relaxed) {
                for attacker in &attackers {
                    decide(attacker);
                    attacks += 1;
                }
            }
            attacks
        });
        for _ in 0..20 {
            neighbour.noticed_nothing();
        }
        done.store(true, Ordering::Relaxed);
        assert!(attack.join().expect("the attack ends") > 0);
    });
}
