//! Nothing is left behind: not in memory, tables and globals, not after a failure, not for want of room.

use std::sync::Arc;

use lanewright::failure::{Blame, Failure};
use lanewright::lead::LabelPolicy;

use super::tenants::{Neighbour, PLAN, Role, calls, decide, tenant, told, visible};
use crate::guests::guest;
use crate::harness::{sandbox, with_stack};

/// Attack 22: two tenants take turns in a pool of one slot. Each looks everywhere before it leaves its
/// mark everywhere, and traps where it finds anything.
#[test]
fn an_instance_finds_nothing_of_the_one_before() {
    let narrow = sandbox(PLAN, 1);
    let tenants = ["canary_a", "canary_b"].map(|name| {
        tenant(guest(name), Role::Classifier, "", &narrow)
            .unwrap_or_else(|problems| panic!("{}", told(&problems)))
    });
    let lead = visible();
    with_stack(|| {
        for turn in 0..200 {
            let tenant = &tenants[turn % 2];
            let fields = Arc::default();
            let instance = tenant.active.classifier.chosen.instantiate(&tenant.directory, &fields);
            let mut instance = instance.expect("the slot is free again");
            let called = instance.classify(&lead, LabelPolicy::BestMatch);
            assert!(called.answer.is_ok(), "turn {turn}: {:?}", called.answer);
            assert_eq!(called.trace.memory, 16 << 20, "it looked at all there can be");
            // That it would have found something: it finds its own marks when asked again.
            let again = instance.classify(&lead, LabelPolicy::BestMatch);
            assert!(matches!(again.answer, Err(Failure::Trap { .. })), "turn {turn}: {:?}", again.answer);
        }
    });
}

/// Attack 14: an instance that failed is gone; asking it again runs nothing.
#[test]
fn a_failed_instance_is_never_asked_again() {
    let plugins = sandbox(PLAN, 1);
    let tenant = tenant(guest("traps_after_log"), Role::Classifier, "", &plugins).expect("a tenant");
    let lead = visible();
    with_stack(|| {
        let release = &tenant.active.classifier.chosen;
        let fields = Arc::default();
        let mut instance = release.instantiate(&tenant.directory, &fields).expect("an instance");
        let first = instance.classify(&lead, LabelPolicy::BestMatch);
        assert!(matches!(first.answer, Err(Failure::Trap { .. })), "{:?}", first.answer);
        assert_eq!(first.trace.log.len(), 1);

        let second = instance.classify(&lead, LabelPolicy::BestMatch);
        assert!(matches!(second.answer, Err(Failure::Host { .. })), "{:?}", second.answer);
        assert_eq!((second.trace.fuel, second.trace.log.len()), (0, 0), "no guest code ran");

        // Its place in the pool is free already, though the instance is still held.
        release.instantiate(&tenant.directory, &fields).expect("the one slot");
    });
}

/// Attack 23: a host without room is busy, and nobody's plugin is to blame.
#[test]
fn a_full_pool_is_the_hosts_business() {
    let narrow = sandbox(PLAN, 1);
    let tenant = tenant(guest("plain"), Role::Classifier, "", &narrow).expect("a tenant");
    let neighbour = Neighbour::in_sandbox(&narrow);
    with_stack(|| {
        let release = &tenant.active.classifier.chosen;
        let fields = Arc::default();
        let first = release.instantiate(&tenant.directory, &fields).expect("the one slot");
        let Err(second) = release.instantiate(&tenant.directory, &fields) else {
            panic!("two instances in one slot")
        };
        assert!(matches!(second.failure, Failure::Capacity { .. }), "{:?}", second.failure);
        assert_eq!(second.failure.blame(), Blame::Host);

        // A lead that meets a full host is routed all the same.
        let decision = decide(&tenant);
        let met = calls(&tenant, &decision, Role::Classifier);
        assert!(matches!(met[0].failure, Some(Failure::Capacity { .. })), "{met:?}");
        assert!(decision.lane.is_some());
        drop(first);
    });
    assert!(calls(&tenant, &decide(&tenant), Role::Classifier)[0].failure.is_none());
    neighbour.noticed_nothing();
}
