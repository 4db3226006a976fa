//! The author's cases of a release, played before it is kept.
//!
//! ```text
//! archive ─▶ a folder ─▶ the plugin at the folder's tenant ─ a case at a time ─▶ passed, or the first difference
//! ```
//!
//! They run as `lanewright plugin test` runs them, in the sandbox and under the plan, each in the tenant's turn on the
//! threads of plugins, so that nobody waits longer for cases than for leads. How much they may take is bounded: what a
//! stranger sends to be tried must not hold a host.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use super::{Lines, Refused};
use crate::author::cases::{self, Case};
use crate::author::play::{Played, Tally, play};
use crate::author::trial::Trial;
use crate::config::{self, Config, PluginChoice, PluginSource, Problem, Problems};
use crate::digest::Digest;
use crate::failure::Failure;
use crate::lead::TenantId;
use crate::oci::Cases;
use crate::plugin::{Plugins, Prototype, Refusal, Stage};

/// Fuel of all calls of a release's cases together: a hundred calls of small plugins that use all they may.
const MOST_FUEL: u64 = 5_000_000_000;
/// Time of the same, setting up included; what has begun ends, within the plan's limits.
const MOST_TIME: Duration = Duration::from_secs(60);
/// Different settings, each of which the plugin is set up with.
const MOST_SETTINGS: usize = 8;
/// Cases that are told of; whoever mends these meets the others then.
const MOST_TOLD: usize = 16;

/// The component, beside the files of its cases.
const COMPONENT: &str = "component.wasm";

/// What the author's cases came to when a release was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CasesReport {
    /// Of the archive that they came in, which is kept with the component.
    pub digest: Digest,
    /// Cases that passed: all of them, or there would be no release.
    pub passed: usize,
    /// Cases.
    pub total: usize,
    /// Fuel that half of the calls stay within.
    pub fuel_p50: u64,
    /// Fuel that 99 in 100 calls stay within.
    pub fuel_p99: u64,
    /// The most memory of a call, in bytes.
    pub memory: u64,
}

impl Lines {
    /// Plays the cases of a component.
    ///
    /// # Errors
    ///
    /// [`Refused::Plugin`] with the first difference of each case that fails, or why they cannot be played;
    /// [`Refused::Busy`] where the host had no room for a call.
    pub(super) async fn played(
        &self,
        tenant: &TenantId,
        prototype: Prototype,
        component: Arc<[u8]>,
        archive: Arc<Cases>,
    ) -> Result<CasesReport, Refused> {
        let (began, digest) = (Instant::now(), archive.digest());
        let laid_out = spawn_blocking(move || {
            let bench = Workbench::new(prototype, &component, &archive)?;
            let cases = bench.cases()?;
            Ok::<_, Refused>((bench, cases))
        });
        let (bench, cases) = laid_out.await.map_err(|_| Refused::Broken)??;
        let (all, mut cases) = (cases.len(), cases.into_iter());
        let (mut tally, mut told) = (Tally::default(), Vec::new());
        let mut trials = Trials { bench, ready: Vec::new() };
        while let Some((name, case)) = cases.next() {
            let trial = trials.of(self, tenant, &name, &case).await?;
            let played = self.parts.threads.run(tenant, move || play(&trial, &case));
            let difference = match played.await.ok_or(Refused::Broken)? {
                Ok(played) if is_of_the_host(&played) => return Err(Refused::Busy),
                Ok(played) => {
                    tally.add(&played);
                    played.told().next()
                }
                Err(no_lead) => Some(format!("{no_lead}; {}", no_lead.hint())),
            };
            told.extend(difference.map(|difference| format!("case {name}: {difference}")));
            let (spent, took) = (tally.spent(), began.elapsed());
            if spent > MOST_FUEL || took > MOST_TIME {
                let done = all - cases.len();
                let message = format!("{done} of {all} cases took {spent} fuel and {} ms", took.as_millis());
                let most = MOST_TIME.as_secs();
                let hint = format!(
                    "all of them together may take {MOST_FUEL} fuel and {most} seconds; send fewer with the release"
                );
                return Err(refuse(message, &hint));
            }
        }
        if told.is_empty() {
            let Tally { passed, total, memory, .. } = tally;
            let (fuel_p50, fuel_p99) = (tally.fuel(0.5), tally.fuel(0.99));
            return Ok(CasesReport { digest, passed, total, fuel_p50, fuel_p99, memory });
        }
        if told.len() > MOST_TOLD {
            let more = format!("{} more cases", told.len() - MOST_TOLD);
            told.truncate(MOST_TOLD);
            told.push(more);
        }
        let hint = "play them with `lanewright plugin test`, mend the plugin or the case, and publish again";
        Err(Refused::Plugin(told.into_iter().map(|message| refusal(message, hint)).collect()))
    }
}

/// The plugin, set up: once for all cases with the same settings.
struct Trials {
    bench: Workbench,
    ready: Vec<(Settings, Arc<Trial>)>,
}

/// A case's own; the project's where it has none.
type Settings = Option<Map<String, Json>>;

impl Trials {
    async fn of(
        &mut self,
        lines: &Lines,
        tenant: &TenantId,
        name: &str,
        case: &Case,
    ) -> Result<Arc<Trial>, Refused> {
        if let Some((_, trial)) = self.ready.iter().find(|(settings, _)| *settings == case.settings) {
            return Ok(Arc::clone(trial));
        }
        if self.ready.len() == MOST_SETTINGS {
            let message = format!("case {name}: more than {MOST_SETTINGS} different settings");
            return Err(refuse(message, "leave `settings` out of cases that can share them"));
        }
        let (bench, own, parts) = (self.bench.clone(), case.settings.clone(), Arc::clone(&lines.parts));
        let trial = lines.parts.threads.run(tenant, move || bench.trial(own.as_ref(), &parts.plugins));
        let trial = trial.await.ok_or(Refused::Broken)?.map_err(|message| {
            refuse(format!("case {name}: {message}"), "play it with `lanewright plugin test`")
        })?;
        let trial = Arc::new(trial);
        self.ready.push((case.settings.clone(), Arc::clone(&trial)));
        Ok(trial)
    }
}

/// A folder that cases are played in.
#[derive(Clone)]
struct Workbench {
    folder: Arc<TempDir>,
    prototype: Prototype,
}

impl Workbench {
    fn new(prototype: Prototype, component: &[u8], archive: &Cases) -> Result<Self, Refused> {
        let disk = |error: String| {
            tracing::error!(%error, "cases cannot be laid out");
            Refused::Broken
        };
        let folder = archive.laid_out().map_err(|error| disk(error.to_string()))?;
        std::fs::write(folder.path().join(COMPONENT), component).map_err(|error| disk(error.to_string()))?;
        Ok(Self { folder: Arc::new(folder), prototype })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn cases(&self) -> Result<BTreeMap<String, Case>, Refused> {
        cases::read(&self.path("cases")).map_err(|error| {
            refuse(
                self.told(&error.to_string()),
                "`lanewright plugin test` says the same; docs/plugins.md has the keys",
            )
        })
    }

    /// The plugin at the tenant of its cases.
    fn trial(&self, own: Option<&Map<String, Json>>, plugins: &Plugins) -> Result<Trial, String> {
        let problems = |problems: Problems| self.told(&first(&problems.0));
        let settings = match own {
            Some(own) => Json::Object(own.clone()),
            None => settings(&self.path("settings.json"))?,
        };
        let folder = self.path("tenant");
        let config = config::load(&folder).map_err(problems)?;
        if let Some(other) = foreign(&config, &self.prototype) {
            return Err(format!(
                "the tenant that the cases are played at has a plugin of its own ({other}); leave it to the standard one"
            ));
        }
        let file = self.path(COMPONENT);
        Trial::new((config, &folder), &self.prototype, (&file, settings), None, plugins).map_err(problems)
    }

    /// Without where it lies on this host.
    fn told(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

fn settings(path: &Path) -> Result<Json, String> {
    let Ok(text) = std::fs::read(path) else { return Ok(json!({})) };
    match serde_json::from_slice(&text) {
        Ok(settings @ Json::Object(_)) => Ok(settings),
        Ok(_) => Err("settings.json holds no JSON object".to_owned()),
        Err(error) => Err(format!("settings.json is not JSON: {error}")),
    }
}

fn first(problems: &[Problem]) -> String {
    problems.first().map_or_else(|| "the tenant cannot be set up".to_owned(), ToString::to_string)
}

/// A component that would have to be compiled beside the one that is published.
fn foreign(config: &Config, prototype: &Prototype) -> Option<&'static str> {
    let (chosen, exports) = (&config.plugins, prototype.exports());
    let standard = |choice: &PluginChoice| choice.source == PluginSource::Standard;
    let roles = [
        ("classifier", exports.classifier || standard(&chosen.classifier)),
        ("scorer", exports.scorer || standard(&chosen.scorer)),
        ("fallback", exports.fallback || standard(&chosen.fallback)),
        ("enricher", exports.enricher || chosen.enrichers.is_empty()),
    ];
    roles.into_iter().find(|(_, fine)| !fine).map(|(role, _)| role)
}

/// Whether a call failed for want of room, which says nothing of the plugin.
fn is_of_the_host(played: &Played) -> bool {
    let mut calls = played.answers.iter().flat_map(|answer| &answer.calls);
    calls.any(|measured| {
        matches!(measured.call.failure, Some(Failure::Capacity { .. } | Failure::Host { .. }))
    })
}

fn refuse(message: String, hint: &str) -> Refused {
    Refused::Plugin(vec![refusal(message, hint)])
}

fn refusal(message: String, hint: &str) -> Refusal {
    Refusal { hint: Some(hint.to_owned()), ..Refusal::new(Stage::Cases, message) }
}
