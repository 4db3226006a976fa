//! A component answers leads outside of any service, and what that costs is measured.
//!
//! It takes every role it exports in a tenant's folder; the route asks it as it would ask anybody's, in a fresh
//! instance under the plan.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::cases::{Case, Role};
use crate::config::{Config, Disk, EnricherChoice, Place, PluginChoice, PluginSource, Problem, Problems};
use crate::counters::Ledger;
use crate::decision::{Body, CallTrace, Decision, Exchange, Unassigned};
use crate::digest::Digest;
use crate::failure::Failure;
use crate::fetch::Granted;
use crate::health::Began;
use crate::lead::{Lane, LeadId};
use crate::pipeline::{self, Nobody, Outside, Refusal};
use crate::plugin::{Plan, Plugins, Prototype, Release, Request};
use crate::tenant::{Published, Tenant};
use serde_json::{Value as Json, json};

/// A component at work in a tenant's folder.
pub struct Trial {
    /// The folder with the component in it.
    pub tenant: Tenant,
    prototype: Prototype,
    release: Release,
    roles: Vec<Role>,
}

/// What a component said in one role.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Which.
    pub role: Role,
    /// The answer as `lanewright plugin run` shows it, or an object with its `failure`.
    pub said: Json,
    /// What it took.
    pub calls: Vec<Measured>,
}

/// One call, and how long it took, instance included.
#[derive(Debug, Clone)]
pub struct Measured {
    /// What it used and said.
    pub call: CallTrace,
    /// Wall time.
    pub took: Duration,
}

impl Trial {
    /// Puts a component into every role that it exports, or into one alone, of the tenant of a folder. `file` is where the
    /// component was read from.
    pub fn new(
        (mut config, folder): (Config, &Path),
        prototype: &Prototype,
        (file, settings): (&Path, Json),
        only: Option<Role>,
        plugins: &Plugins,
    ) -> Result<Self, Problems> {
        let roles: Vec<Role> =
            roles(prototype).filter(|role| only.is_none_or(|only| only == *role)).collect();
        let lanes: Arc<[Lane]> = config.lanes.clone().into();
        let choice = PluginChoice {
            source: PluginSource::File(std::path::absolute(file).unwrap_or_else(|_| file.to_owned())),
            settings: settings.clone(),
            fields: None,
            place: Place { file: file.display().to_string(), line: 0 },
        };
        stand_in(&mut config, &roles, &choice);
        let tenant = Tenant::new(config, &Disk(folder), plugins, &Published::default())?;
        let release = plugins
            .release(prototype, &settings, &lanes)
            .map_err(|failure| Problems(vec![Problem::at(&choice.place, failure.to_string())]))?;
        Ok(Self { tenant, prototype: prototype.clone(), release, roles })
    }

    /// What it is known by.
    pub fn digest(&self) -> Digest {
        self.prototype.digest()
    }

    /// The limits it runs under.
    pub fn plan(&self) -> &Plan {
        self.prototype.plan()
    }

    /// How long it takes until an instance stands.
    pub fn start(&self) -> Result<Duration, Failure> {
        let began = Instant::now();
        match self.release.instantiate(&self.tenant.directory, &Arc::default()) {
            Ok(_) => Ok(began.elapsed()),
            Err(unstarted) => Err(unstarted.failure),
        }
    }

    /// Asks it in every role it has here about the lead of a case; `around` answers for the outside.
    pub fn ask(&self, case: &Case, around: &dyn Outside) -> Result<Vec<Answer>, Refusal> {
        let watch = Stopwatch { around, took: Mutex::default() };
        let prepared = pipeline::prepare(&self.tenant, &case.lead, case.now, &watch)?;
        let nobody = Nobody { cause: case.cause, reason: Unassigned::NoSeller };
        let ledger = Ledger::new(&self.tenant.config);
        let answers = pipeline::answers(&self.tenant, &prepared, &ledger, &watch, nobody);
        let asked = [
            (Role::Enricher, answers.enrich),
            (Role::Classifier, answers.classify),
            (Role::Scorer, answers.score),
            (Role::Fallback, answers.fallback),
        ];
        let mut took = watch.took.into_inner().unwrap_or_else(PoisonError::into_inner);
        let answer = |(role, (answer, calls)): (Role, (Json, Vec<CallTrace>))| {
            let own = calls.into_iter().filter(|call| call.plugin == self.digest());
            let mut measure = |call: CallTrace| {
                let place = took
                    .iter()
                    .position(|(export, plugin, _)| *export == call.export && *plugin == call.plugin);
                let took = place.map_or(Duration::ZERO, |place| took.remove(place).2);
                Measured { call, took }
            };
            let calls: Vec<Measured> = own.map(&mut measure).collect();
            let failure = calls.iter().find_map(|measured| measured.call.failure.as_ref());
            let said = failure.map_or(answer, |failure| json!({ "failure": failure }));
            Answer { role, said, calls }
        };
        Ok(asked.into_iter().filter(|(role, _)| self.roles.contains(role)).map(answer).collect())
    }
}

/// What a component answers.
fn roles(prototype: &Prototype) -> impl Iterator<Item = Role> {
    let exports = prototype.exports();
    let all = [
        (exports.enricher, Role::Enricher),
        (exports.classifier, Role::Classifier),
        (exports.scorer, Role::Scorer),
        (exports.fallback, Role::Fallback),
    ];
    all.into_iter().filter(|(exported, _)| *exported).map(|(_, role)| role)
}

/// The plugin in these roles; the folder's own choice in the others.
fn stand_in(config: &mut Config, roles: &[Role], choice: &PluginChoice) {
    let chosen = &mut config.plugins;
    for role in roles {
        match role {
            Role::Classifier => chosen.classifier = choice.clone(),
            Role::Scorer => chosen.scorer = choice.clone(),
            Role::Fallback => chosen.fallback = choice.clone(),
            Role::Enricher => {
                let hosts = chosen.enrichers.iter().flat_map(|enricher| enricher.hosts.clone()).collect();
                let secrets = chosen.enrichers.iter().flat_map(|enricher| enricher.secrets.clone()).collect();
                let (name, plugin) = ("tried".to_owned(), choice.clone());
                chosen.enrichers = vec![EnricherChoice { name, plugin, hosts, secrets }];
            }
        }
    }
}

/// Hosts that say what a case says.
#[derive(Debug)]
pub struct Said<'a>(pub &'a Case);

impl Outside for Said<'_> {
    fn exchange(&self, _: &str, requests: &[Request], _: &Granted) -> Vec<Exchange> {
        let answer = |(i, request): (usize, &Request)| match self.0.responses.get(i) {
            Some(response) => Exchange {
                url: request.url.clone(),
                status: Some(response.status),
                body: Body::Text(response.body.clone()),
                refused: None,
            },
            None => Exchange {
                url: request.url.clone(),
                status: None,
                body: Body::Text(String::new()),
                refused: Some("the case has no answer to it".to_owned()),
            },
        };
        requests.iter().enumerate().map(answer).collect()
    }

    fn failure(&self, _: &LeadId, _: &str, _: &Digest) -> Option<CallTrace> {
        None
    }
}

/// Takes the time of every call.
struct Stopwatch<'a> {
    around: &'a dyn Outside,
    took: Mutex<Vec<(String, Digest, Duration)>>,
}

impl Outside for Stopwatch<'_> {
    fn exchange(&self, enricher: &str, requests: &[Request], granted: &Granted) -> Vec<Exchange> {
        self.around.exchange(enricher, requests, granted)
    }

    fn failure(&self, lead: &LeadId, export: &str, plugin: &Digest) -> Option<CallTrace> {
        self.around.failure(lead, export, plugin)
    }

    fn decided(&self) -> Option<&Decision> {
        self.around.decided()
    }

    fn begins(&self) -> Began {
        Began::now()
    }

    fn called(&self, _: &LeadId, call: &CallTrace, began: Began) {
        let took = (call.export.clone(), call.plugin, began.took().unwrap_or_default());
        self.took.lock().unwrap_or_else(PoisonError::into_inner).push(took);
    }
}
