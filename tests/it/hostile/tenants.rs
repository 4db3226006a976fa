//! A small tenant that runs one hostile guest, and the neighbour who must not notice.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use lanewright::config::Problems;
use lanewright::decision::{CallTrace, Decision, Past};
use lanewright::fetch::{Fetcher, Reach};
use lanewright::pipeline::{Live, Outside, State, normalise, route};
use lanewright::plugin::{Plugins, VisibleLead};
use lanewright::tenant::Tenant;
use serde_json::{Value as Json, json};

use crate::guests::guest;
use crate::harness::{root, with_stack};

pub(crate) use crate::harness::{PLAN, plugins};

/// What a guest is asked to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Classifier,
    Scorer,
    /// Everybody is full, so that the fallback is asked.
    Fallback,
    Enricher,
}

const FOLDER: &str = r#"
[tenant]
id = "acme"
name = "Acme"
currency = "USD"
timezone = "America/New_York"

[[lanes]]
id = "sales"
name = "Sales"
definition = "Companies that want a quote, a demo or a pilot."
team = "sales"

[[lanes]]
id = "help"
name = "Help"
definition = "Customers whose password, invoice or export does not work."
team = "sales"

"#;

/// A tenant whose plugin of this role is the guest.
pub(crate) fn tenant(
    component: &[u8],
    role: Role,
    settings: &str,
    plugins: &Plugins,
) -> Result<Tenant, Problems> {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).expect("a file");
    let plugin = match role {
        Role::Classifier => "[plugins.classifier]",
        Role::Scorer => "[plugins.scorer]",
        Role::Fallback => "[plugins.fallback]",
        Role::Enricher => "[[plugins.enrichers]]\nname = \"guest\"\nhosts = [\"https://api.example\"]",
    };
    let open = if role == Role::Fallback { 25 } else { 0 };
    let reps =
        format!("id,name,team,max_open,open\nana,Ana Lima,sales,25,{open}\nbo,Bo Ek,sales,25,{open}\n");
    write("tenant.toml", format!("{FOLDER}{plugin}\ncomponent = \"guest.wasm\"\n{settings}").as_bytes());
    write("teams.toml", b"[[teams]]\nid = \"sales\"\nname = \"Sales\"\nmanager = \"ana\"\n");
    write("reps.csv", reps.as_bytes());
    write("guest.wasm", component);
    Tenant::load(folder.path(), plugins)
}

/// Everything that is wrong with a folder, in a text.
pub(crate) fn told(problems: &Problems) -> String {
    problems.0.iter().map(|problem| format!("{problem}\n")).collect()
}

/// The lead every guest is asked about. Its text starts with a character of two bytes.
pub(crate) fn lead() -> Json {
    json!({
        "id": "lead-1",
        "source": "web-form",
        "received_at": "2026-03-02T10:00:00Z",
        "text": "élan & Co here: we are 40 people and would like a quote for the team plan.",
        "contact": {"name": "Io Vale", "email": "io@elan.example"},
        "fields": {"seats": 40},
    })
}

/// The same lead as plugins see it.
pub(crate) fn visible() -> VisibleLead {
    let tenant = tenant(guest("plain"), Role::Classifier, "", plugins())
        .unwrap_or_else(|problems| panic!("{}", told(&problems)));
    let at = "2026-03-02T10:00:05Z".parse().expect("a moment");
    VisibleLead::new(&normalise(&lead(), &tenant.config, at).expect("a lead").lead)
}

/// Whoever is asked is asked over the network, as a host does.
static LIVE: LazyLock<Live> = LazyLock::new(|| Live { fetcher: Fetcher::new(Reach::Public) });

/// Routes the lead.
pub(crate) fn decide(tenant: &Tenant) -> Decision {
    decide_in(tenant, &lead(), &*LIVE)
}

/// The same on this thread, which has to have [`lanewright::plugin::THREAD_STACK`].
pub(crate) fn decide_here(tenant: &Tenant) -> Decision {
    decide_about(tenant, &lead(), &*LIVE)
}

/// Routes any lead in this world.
pub(crate) fn decide_in(tenant: &Tenant, lead: &Json, outside: &dyn Outside) -> Decision {
    with_stack(|| decide_about(tenant, lead, outside))
}

fn decide_about(tenant: &Tenant, lead: &Json, outside: &dyn Outside) -> Decision {
    let at = "2026-03-02T10:00:05Z".parse().expect("a moment");
    route(tenant, lead, (at, 1, Past::default()), outside, &mut State::new(&tenant.config)).expect("a lead")
}

/// The guest's own calls in a decision's trace, in order.
pub(crate) fn calls(tenant: &Tenant, decision: &Decision, role: Role) -> Vec<CallTrace> {
    let plugin = match role {
        Role::Classifier => tenant.active.classifier.chosen.digest(),
        Role::Scorer => tenant.active.scorer.digest(),
        Role::Fallback => tenant.active.fallback.chosen.digest(),
        Role::Enricher => tenant.active.enrichers[0].release.digest(),
    };
    decision.trace.calls().filter(|call| call.plugin == plugin).cloned().collect()
}

/// The tenant next door, with the standard plugins, and what it decides when nobody is hostile.
pub(crate) struct Neighbour {
    tenant: Tenant,
    leads: Vec<Json>,
    undisturbed: Vec<String>,
}

impl Neighbour {
    /// Northwind and its first leads, in the sandbox that tests share.
    pub(crate) fn new() -> Self {
        Self::in_sandbox(plugins())
    }

    /// The same in another sandbox.
    pub(crate) fn in_sandbox(plugins: &Plugins) -> Self {
        let folder: &Path = &root().join("examples/northwind");
        let tenant = Tenant::load(folder, plugins).unwrap_or_else(|problems| panic!("{}", told(&problems)));
        let text = fs::read_to_string(folder.join("leads.jsonl")).expect("northwind's leads");
        let leads: Vec<Json> =
            text.lines().take(2).map(|line| serde_json::from_str(line).expect("a lead")).collect();
        let mut neighbour = Self { tenant, leads, undisturbed: Vec::new() };
        neighbour.undisturbed = neighbour.decisions();
        assert!(!neighbour.undisturbed[0].contains("\"failure\""), "{}", neighbour.undisturbed[0]);
        neighbour
    }

    fn decisions(&self) -> Vec<String> {
        let decide = |lead| serde_json::to_string(&decide_in(&self.tenant, lead, &*LIVE)).expect("JSON");
        self.leads.iter().map(decide).collect()
    }

    /// Decides about one of its leads on this thread, as often as a bench likes.
    pub(crate) fn decides_here(&self, n: usize) -> Decision {
        decide_about(&self.tenant, &self.leads[n % self.leads.len()], &*LIVE)
    }

    /// Decides again; every byte has to be the same.
    pub(crate) fn noticed_nothing(&self) {
        assert_eq!(self.decisions(), self.undisturbed);
    }
}
