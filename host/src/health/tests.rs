//! What is counted, and who is told.

use std::collections::BTreeMap;

use super::*;
use crate::failure::Limit;

fn call(plugin: Digest, failure: Option<Failure>) -> CallTrace {
    let (log, fields) = (Vec::new(), BTreeMap::new());
    CallTrace {
        export: "classifier.classify".to_owned(),
        plugin,
        fuel: 900,
        memory: 1 << 20,
        log,
        fields,
        failure,
    }
}

#[test]
fn a_release_over_its_budget_is_told_once_and_by_the_plugins_own_failures() {
    let (tenant, digest): (TenantId, _) = ("acme".parse().expect("an id"), Digest::of("component"));
    let watch = Watch {
        release: ReleaseName {
            plugin: "fit".parse().expect("an id"),
            version: "1.0.0".parse().expect("a version"),
        },
        digest,
        stage: "canary",
        budget: Some(Budget { least: 4, failures: 25.0, ..Budget::default() }),
    };
    let check = |name: &str, failures: &[Option<Failure>], expect: Option<Breach>| {
        let health = Health::default();
        health.watch(&tenant, vec![watch.clone()]);
        for (number, failure) in failures.iter().enumerate() {
            let lead = format!("lead-{number}").parse().expect("an id");
            health.called(
                &tenant,
                &lead,
                &call(digest, failure.clone()),
                Began::now(),
                Timestamp::UNIX_EPOCH,
            );
        }
        let told = health.breaches().into_iter().map(|(_, _, breach)| breach).next();
        assert_eq!(told, expect, "{name}");
        assert_eq!(health.breaches(), Vec::new(), "{name}: told once");
        if expect.is_some() {
            health.still_over(&tenant, &watch);
            assert_eq!(health.breaches().len(), 1, "{name}: told again where it could not be helped");
        }
        let unsaved = health.unsaved();
        assert_eq!(unsaved.iter().map(|counted| counted.counts.calls).sum::<u64>(), failures.len() as u64);
        assert_eq!(health.unsaved(), Vec::new(), "{name}: written down once");
        health.not_saved(unsaved.clone());
        assert_eq!(health.unsaved(), unsaved, "{name}: nothing is lost");
    };
    let trap = || Some(Failure::Trap { reason: "unreachable".to_owned() });
    let fuel = || Some(Failure::Limit { limit: Limit::Fuel, used: 2, allowed: 1 });
    let busy = || Some(Failure::Capacity { message: "full".to_owned() });
    let breach = |percent| Some(Breach::Failures { percent, allowed: 25.0 });
    check("nothing", &[], None);
    check("too few to tell", &[trap(), trap(), trap()], None);
    check("as many as may", &[trap(), None, None, None], None);
    check("more than may", &[trap(), fuel(), None, None], breach(50.0));
    check("the host's own trouble", &[busy(), busy(), busy(), busy()], None);
}

#[test]
fn a_release_that_stays_keeps_its_counts_and_one_that_comes_begins_anew() {
    let tenant: TenantId = "acme".parse().expect("an id");
    let digest = Digest::of("component");
    let watch = |stage| Watch {
        release: ReleaseName {
            plugin: "fit".parse().expect("an id"),
            version: "1.0.0".parse().expect("a version"),
        },
        digest,
        stage,
        budget: Some(Budget { least: 3, failures: 0.0, ..Budget::default() }),
    };
    let health = Health::default();
    let fail = |number: usize| {
        let lead = format!("lead-{number}").parse().expect("an id");
        let failure = Some(Failure::Trap { reason: "unreachable".to_owned() });
        health.called(&tenant, &lead, &call(digest, failure), Began::UNMEASURED, Timestamp::UNIX_EPOCH);
    };
    health.watch(&tenant, vec![watch("shadow")]);
    fail(1);
    fail(2);
    health.watch(&tenant, vec![watch("shadow")]);
    fail(3);
    assert_eq!(health.breaches().len(), 1, "three failures, across two readings of the tenant");
    health.watch(&tenant, vec![watch("canary")]);
    fail(4);
    assert_eq!(health.breaches(), Vec::new(), "what it did as a shadow is not held against the canary");
}
