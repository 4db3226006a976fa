//! Attack 36: a lead, of the tenant's own making, that its own plugin breaks off over each time.

use lanewright::decision::{AssignedBy, Outcome};
use lanewright::failure::Failure;
use lanewright::fetch::{Fetcher, Reach};
use lanewright::health::Health;
use lanewright::pipeline::{Live, Watched};
use lanewright::tenant::Tenant;

use super::tenants::{Neighbour, Role, calls, decide_in, lead, plugins, tenant};
use crate::guests::guest;

/// A tenant whose plugins are watched as the service watches them.
struct Ward {
    tenant: Tenant,
    health: Health,
    live: Live,
}

impl Ward {
    fn new() -> Self {
        let tenant = tenant(guest("traps_on_some_leads"), Role::Classifier, "", plugins()).expect("a tenant");
        Self { tenant, health: Health::default(), live: Live { fetcher: Fetcher::new(Reach::Public) } }
    }

    /// The lead of this id is routed, whatever the plugin says; why that is nothing.
    fn routes(&self, id: &str) -> Option<Failure> {
        let now = "2026-03-02T10:00:05Z".parse().expect("a moment");
        let Self { tenant, health, live } = self;
        let outside = Watched { live, health, tenant: &tenant.config.tenant, now };
        let mut lead = lead();
        lead["id"] = id.into();
        let decision = decide_in(tenant, &lead, &outside);
        let call = calls(tenant, &decision, Role::Classifier).swap_remove(0);
        let fallback = matches!(decision.outcome, Outcome::Assigned { by: AssignedBy::Fallback, .. });
        assert_eq!(fallback, call.failure.is_some(), "{id}: {:?}", decision.outcome);
        let asked = !matches!(call.failure, Some(Failure::Quarantined { .. } | Failure::Broken { .. }));
        assert_eq!(call.fuel > 0, asked, "{id}: what was not asked cost nothing");
        call.failure
    }
}

#[test]
fn a_poison_lead_is_kept_from_the_plugin_and_no_other_is() {
    let neighbour = Neighbour::new();
    let ward = Ward::new();
    for time in 0..20 {
        let failure = ward.routes("p-1");
        match failure {
            Some(Failure::Trap { .. }) if time < 3 => {}
            Some(Failure::Quarantined { times: 3 }) if time >= 3 => {}
            failure => panic!("{time}: {failure:?}"),
        }
        assert_eq!(ward.routes("lead-1"), None, "every other lead is answered");
    }
    neighbour.noticed_nothing();
}

#[test]
fn the_breaker_counts_leads_and_not_calls() {
    let neighbour = Neighbour::new();
    let ward = Ward::new();
    for lead in 0..10 {
        let failure = ward.routes(&format!("p-{lead}"));
        assert!(matches!(failure, Some(Failure::Trap { .. })), "{lead}: {failure:?}");
    }
    // Now it is left alone for a while, also about leads that it could answer.
    assert_eq!(ward.routes("lead-1"), Some(Failure::Broken { leads: 10 }));
    neighbour.noticed_nothing();
}
