//! One tenant ready to serve: the checked folder, its plugins set up, its people as plugins see them.
//!
//! A [`Tenant`] is an immutable snapshot, swapped whole when something changes. Whatever a lead could
//! trip over is found here first: plugins that do not compile, do not answer what they are chosen for,
//! or refuse their settings are [`Problem`]s of the folder like any other.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use url::Origin;

use crate::config::{self, Config, Place, PluginChoice, PluginSource, Problem, Problems};
use crate::decision::Versions;
use crate::digest::Digest;
use crate::lead::Lane;
use crate::plugin::{Directory, Exports, Plugins, Prototype, Release, Standard};
use crate::roster::Roster;
use crate::text::TextModel;

/// One tenant ready to serve.
pub struct Tenant {
    /// The folder, checked.
    pub config: Config,
    /// Names the lane.
    pub classifier: Role,
    /// Weighs the candidates.
    pub scorer: Release,
    /// Where leads go that no rep can simply get.
    pub fallback: Role,
    /// Add facts first, in this order.
    pub enrichers: Vec<Enricher>,
    /// Its people by what the route looks them up by.
    pub roster: Roster,
    /// Its people, as plugins see them.
    pub directory: Arc<Directory>,
    /// What decisions are made by.
    pub versions: Versions,
}

/// A plugin, and the standard one that answers when it fails.
pub struct Role {
    /// The tenant's choice.
    pub chosen: Release,
    /// Absent where the choice is the standard one.
    pub standard: Option<Release>,
}

impl Role {
    /// The choice, then the standard one.
    pub fn in_order(&self) -> impl Iterator<Item = &Release> {
        std::iter::once(&self.chosen).chain(&self.standard)
    }
}

/// An enricher and whom it may ask.
pub struct Enricher {
    /// Its name in traces.
    pub name: String,
    /// The plugin.
    pub release: Release,
    /// Origins it may ask.
    pub hosts: Vec<Origin>,
}

impl Tenant {
    /// Reads and checks a folder and sets its plugins up; every problem at once.
    pub fn load(folder: &Path, plugins: &Plugins) -> Result<Self, Problems> {
        Self::new(config::load(folder)?, plugins)
    }

    /// Sets up the plugins of a checked folder.
    pub fn new(config: Config, plugins: &Plugins) -> Result<Self, Problems> {
        let lanes: Arc<[Lane]> = config.lanes.clone().into();
        let mut setup = SetUp { folder: &config.folder, lanes: &lanes, plugins, problems: Vec::new() };

        let chosen = &config.plugins;
        let classifier = setup.role(&chosen.classifier, Standard::Classifier, CLASSIFIER);
        let scorer = setup.choice(&chosen.scorer, Standard::Scorer, SCORER);
        let fallback = setup.role(&chosen.fallback, Standard::Fallback, FALLBACK);
        let mut enrichers = Vec::new();
        setup.check_count(3 + chosen.enrichers.len());
        for enricher in &chosen.enrichers {
            if let Some(release) = setup.component(&enricher.plugin, ENRICHER) {
                enrichers.push(Enricher {
                    name: enricher.name.clone(),
                    release,
                    hosts: enricher.hosts.clone(),
                });
            }
        }

        let (Some(classifier), Some(scorer), Some(fallback), true) =
            (classifier, scorer, fallback, setup.problems.is_empty())
        else {
            return Err(Problems(setup.problems));
        };
        let directory = Arc::new(Directory::new(&config));
        let versions = versions(&config, &classifier, &scorer, &fallback, &enrichers);
        let roster = Roster::new(&config);
        Ok(Self { config, classifier, scorer, fallback, enrichers, roster, directory, versions })
    }
}

fn versions(
    config: &Config,
    classifier: &Role,
    scorer: &Release,
    fallback: &Role,
    enrichers: &[Enricher],
) -> Versions {
    let mut digests: BTreeMap<String, Digest> = BTreeMap::from([
        ("classifier".to_owned(), classifier.chosen.digest()),
        ("scorer".to_owned(), scorer.digest()),
        ("fallback".to_owned(), fallback.chosen.digest()),
    ]);
    for enricher in enrichers {
        digests.insert(format!("enricher:{}", enricher.name), enricher.release.digest());
    }
    Versions { config: config.digest, plugins: digests, text_model: text_model(), engine: ENGINE.to_owned() }
}

/// This program, and the line of the engine it runs plugins in.
const ENGINE: &str = concat!("lanewright ", env!("CARGO_PKG_VERSION"), ", wasmtime 48");

/// What a plugin is chosen for: the word, and whether a component answers it.
type Answers = (&'static str, fn(Exports) -> bool);

const CLASSIFIER: Answers = ("classifier", |exports| exports.classifier);
const SCORER: Answers = ("scorer", |exports| exports.scorer);
const FALLBACK: Answers = ("fallback", |exports| exports.fallback);
const ENRICHER: Answers = ("enricher", |exports| exports.enricher);

/// Sets plugins up one by one and collects what is wrong with each.
struct SetUp<'a> {
    folder: &'a Path,
    lanes: &'a Arc<[Lane]>,
    plugins: &'a Plugins,
    problems: Vec<Problem>,
}

impl SetUp<'_> {
    fn check_count(&mut self, plugins: usize) {
        let most = self.plugins.plan().plugins;
        if plugins > most {
            let place = Place { file: "tenant.toml".to_owned(), line: 0 };
            let message = format!("{plugins} plugins; the plan allows {most}");
            self.problems.push(Problem::at(&place, message).hint("join enrichers in one component"));
        }
    }

    fn role(&mut self, choice: &PluginChoice, standard: Standard, answers: Answers) -> Option<Role> {
        let chosen = self.choice(choice, standard, answers)?;
        if choice.source == PluginSource::Standard {
            return Some(Role { chosen, standard: None });
        }
        let plain = PluginChoice { settings: serde_json::json!({}), ..choice.clone() };
        let standard = self.release(&plain, standard.component(), answers)?;
        Some(Role { chosen, standard: Some(standard) })
    }

    fn choice(&mut self, choice: &PluginChoice, standard: Standard, answers: Answers) -> Option<Release> {
        match choice.source {
            PluginSource::Standard => self.release(choice, standard.component(), answers),
            PluginSource::File(_) => self.component(choice, answers),
        }
    }

    /// An enricher has no standard to stand in for it: its choice is always a file.
    fn component(&mut self, choice: &PluginChoice, answers: Answers) -> Option<Release> {
        let PluginSource::File(path) = &choice.source else {
            let message = format!("there is no standard {}", answers.0);
            self.problems.push(Problem::at(&choice.place, message).hint("name a component"));
            return None;
        };
        let path = self.folder.join(path);
        match std::fs::read(&path) {
            Ok(bytes) => self.release(choice, &bytes, answers),
            Err(error) => {
                let message = format!("{} cannot be read: {error}", path.display());
                self.problems.push(Problem::at(&choice.place, message));
                None
            }
        }
    }

    fn release(&mut self, choice: &PluginChoice, component: &[u8], answers: Answers) -> Option<Release> {
        let before = self.problems.len();
        let prototype = match self.plugins.load(component) {
            Ok(prototype) => prototype,
            Err(refusals) => {
                for refusal in refusals {
                    let message =
                        format!("the component is refused at {}: {}", refusal.stage, refusal.message);
                    let problem = Problem::at(&choice.place, message);
                    self.problems.push(Problem { hint: refusal.hint, ..problem });
                }
                return None;
            }
        };
        let (role, answers) = answers;
        if !answers(prototype.exports()) {
            let message = format!("the component exports no {role}");
            let hint = format!("name {role} in the plugin's `register!`");
            self.problems.push(Problem::at(&choice.place, message).hint(hint));
            return None;
        }
        self.check_settings(choice, &prototype, role);
        if self.problems.len() > before {
            return None;
        }
        match self.plugins.release(&prototype, &choice.settings, self.lanes) {
            Ok(release) => Some(release),
            Err(failure) => {
                let message = format!("the {role} cannot prepare: {failure}");
                self.problems.push(Problem::at(&choice.place, message));
                None
            }
        }
    }

    fn check_settings(&mut self, choice: &PluginChoice, prototype: &Prototype, role: &str) {
        match prototype.check(&choice.settings, self.lanes) {
            Ok(issues) => {
                for (pointer, message) in issues {
                    let at = if pointer.is_empty() { String::new() } else { format!(" at {pointer}") };
                    let message = format!("the {role} refuses its settings{at}: {message}");
                    self.problems.push(Problem::at(&choice.place, message));
                }
            }
            Err(failure) => {
                let message = format!("the {role} cannot check its settings: {failure}");
                self.problems.push(Problem::at(&choice.place, message));
            }
        }
    }
}

fn text_model() -> Digest {
    let hex = TextModel::embedded().digest();
    format!("sha256:{hex}").parse().expect("the text model's digest is one")
}
