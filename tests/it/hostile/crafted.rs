//! Components that no toolchain makes: bombs for whoever parses or compiles them, and things no plugin has.
//!
//! Each is the guest `plain`, which every host takes, with what makes it hostile at its end. All of them are
//! refused, with the stage, the reason and how to mend it; a tenant that runs already decides on, and so does
//! its neighbour.

mod bombs;
mod damaged;
mod foreign;

use lanewright::plugin::{Plan, Plugins, Stage};
use lanewright::tenant::Tenant;

use super::tenants::{Neighbour, PLAN, Role, decide, tenant, told};
use crate::guests::guest;
use crate::harness::sandbox;

/// A host that takes components of any size, for bombs that need room, and who runs in it.
struct Host {
    plugins: Plugins,
    tenant: Tenant,
    neighbour: Neighbour,
}

impl Host {
    fn new() -> Self {
        let plugins = sandbox(Plan { component_bytes: 64 << 20, ..PLAN }, 4);
        let tenant = tenant(guest("plain"), Role::Classifier, "", &plugins)
            .unwrap_or_else(|problems| panic!("{}", told(&problems)));
        Self { neighbour: Neighbour::in_sandbox(&plugins), tenant, plugins }
    }

    /// A component is refused at this stage for a reason that contains these words; everybody else goes on.
    fn refuses(&self, name: &str, component: &[u8], stage: Stage, words: &str) {
        let Err(refusals) = self.plugins.load(component) else { panic!("{name}: was taken") };
        let reason =
            refusals.iter().find(|refusal| refusal.stage == stage && refusal.message.contains(words));
        let reason = reason.unwrap_or_else(|| panic!("{name}: {refusals:#?}"));
        assert!(reason.hint.is_some(), "{name} says how to mend it");
        assert!(refusals.len() <= 64, "{name}: {} reasons", refusals.len());
        for refusal in &refusals {
            assert!(refusal.message.len() <= (1 << 10) + 4, "{name}: {} bytes", refusal.message.len());
            assert!(!refusal.message.contains(char::is_control), "{name}: {refusal:?}");
        }
        // What its owner is told when a folder names it.
        let Err(problems) = tenant(component, Role::Classifier, "", &self.plugins) else {
            panic!("{name}: was taken the second time")
        };
        let told = told(&problems);
        assert!(told.contains(&format!("refused at {stage}: ")) && told.contains(words), "{name}: {told}");
        self.goes_on();
    }

    /// Leads are routed as before: whoever was refused runs what ran until then.
    fn goes_on(&self) {
        let decision = decide(&self.tenant);
        assert!(decision.lane.is_some() && decision.trace.fallback.is_none(), "{:?}", decision.outcome);
        self.neighbour.noticed_nothing();
    }
}
