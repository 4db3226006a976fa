//! Attack 27: the same call in another instance is the same call, to the bit and to the unit of fuel.

use std::sync::Arc;

use lanewright::lead::LabelPolicy;

use super::tenants::{PLAN, Role, plugins, tenant, visible};
use crate::guests::guest;
use crate::harness::{sandbox, with_stack};

#[test]
fn the_same_call_twice_is_the_same_call() {
    let elsewhere = sandbox(PLAN, 3);
    let tenants = [plugins(), &elsewhere]
        .map(|plugins| tenant(guest("repeats_itself"), Role::Classifier, "", plugins).expect("a tenant"));
    let lead = visible();
    let call = |n: usize| {
        let tenant = &tenants[n];
        with_stack(|| {
            let fields = Arc::default();
            let instance = tenant.active.classifier.chosen.instantiate(&tenant.directory, &fields);
            instance.expect("an instance").classify(&lead, LabelPolicy::BestMatch)
        })
    };
    let first = call(0);
    let verdict = first.answer.expect("a verdict");
    for n in [0, 1, 0, 1] {
        let again = call(n);
        assert_eq!(again.answer.as_ref(), Ok(&verdict));
        assert_eq!(again.trace, first.trace);
    }
    // Three NaNs with payloads of their own, and one that division made: all the one canonical NaN.
    let nan = r#"["7fc00000", "7fc00000", "7fc00000"] 7fc00000 "#;
    assert!(verdict.reason.starts_with(nan), "{}", verdict.reason);
    // The stack's 64 KiB and the guest's own data are part of the 16 MiB.
    let pages: u32 = verdict.reason.rsplit(' ').next().and_then(|n| n.parse().ok()).expect("pages");
    assert!((200..256).contains(&pages) && first.trace.memory == 16 << 20, "{pages}");
}

/// Fuel of a call is that call's, also when an instance is asked twice.
#[test]
fn fuel_is_counted_once() {
    let settings = "settings = { wrong = \"nothing\" }";
    let tenant = tenant(guest("answers_wrong"), Role::Enricher, settings, plugins()).expect("a tenant");
    let lead = visible();
    with_stack(|| {
        let release = &tenant.active.enrichers[0].release;
        let fields = Arc::default();
        let open = || release.instantiate(&tenant.directory, &fields).expect("an instance");
        let mut both = open();
        let (planned, interpreted) = (both.plan(&lead), both.interpret(&lead, &[]));
        let third = both.interpret(&lead, &[]);
        assert!(planned.answer.is_ok() && interpreted.answer.is_ok() && third.answer.is_ok());
        // What an instance costs is in its first call; later ones cost what they do themselves.
        let alone = open().interpret(&lead, &[]).trace.fuel;
        assert!(interpreted.trace.fuel <= alone, "{} and {alone}", interpreted.trace.fuel);
        assert!(third.trace.fuel <= interpreted.trace.fuel + 1_000, "{}", third.trace.fuel);
    });
}
