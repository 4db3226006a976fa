//! Sets the plugins of a folder up, and tells every reason why one cannot be.

use std::sync::Arc;

use super::slots::{Named, Slot, Slots};
use super::{Published, Role, Running};
use crate::config::{Config, EnricherChoice, Folder, Place, PluginChoice, PluginSource, Problem, Problems};
use crate::lead::Lane;
use crate::plugin::{Exports, Plugins, Release, Standard, Unfit};

/// Fills the places that a folder has for plugins.
pub(super) fn slots<'a>(
    config: &'a Config,
    folder: &dyn Folder,
    plugins: &Plugins,
    published: &Published,
) -> Result<Slots<'a>, Problems> {
    let lanes: Arc<[Lane]> = config.lanes.clone().into();
    let mut setup = SetUp { folder, lanes: &lanes, plugins, published, problems: Vec::new() };
    let chosen = &config.plugins;
    let classifier = setup.role(&chosen.classifier, Standard::Classifier, CLASSIFIER);
    let scorer =
        setup.fill(&chosen.scorer, Some(Standard::Scorer), SCORER).and_then(|filled| filled.slot(|it| it));
    let fallback = setup.role(&chosen.fallback, Standard::Fallback, FALLBACK);
    setup.check_count(3 + chosen.enrichers.len());
    let enrichers = chosen.enrichers.iter().filter_map(|enricher| setup.enricher(enricher)).collect();
    match (classifier, scorer, fallback, setup.problems.is_empty()) {
        (Some(classifier), Some(scorer), Some(fallback), true) => {
            Ok(Slots { config, classifier, scorer, fallback, enrichers })
        }
        _ => Err(Problems(setup.problems)),
    }
}

/// Releases for one place.
struct Filled {
    /// Nobody where a published enricher has no active release.
    active: Option<Release>,
    named: Option<Named<Release>>,
}

impl Filled {
    fn unnamed(release: Release) -> Self {
        Self { active: Some(release), named: None }
    }

    /// A slot that somebody always answers in.
    fn slot<T>(mut self, of: impl Fn(Release) -> T) -> Option<Slot<T>> {
        let active = of(self.active.take()?);
        Some(self.slot_or(active, of))
    }

    /// A slot; without an active release, `nobody` stands there.
    fn slot_or<T>(self, nobody: T, of: impl Fn(Release) -> T) -> Slot<T> {
        let Self { active, named } = self;
        let named = named.map(|Named { plugin, active, candidate }| Named {
            plugin,
            active,
            candidate: candidate.map(|(release, version)| (of(release), version)),
        });
        Slot { active: active.map_or(nobody, &of), named }
    }
}

/// The same place without the plugin's own settings.
fn plain(choice: &PluginChoice) -> PluginChoice {
    PluginChoice { settings: serde_json::json!({}), ..choice.clone() }
}

/// What a plugin is chosen for: the word, and whether a component answers it.
type Answers = (&'static str, fn(Exports) -> bool);

const CLASSIFIER: Answers = ("classifier", |exports| exports.classifier);
const SCORER: Answers = ("scorer", |exports| exports.scorer);
const FALLBACK: Answers = ("fallback", |exports| exports.fallback);
const ENRICHER: Answers = ("enricher", |exports| exports.enricher);

/// Sets plugins up one by one and collects what is wrong with each.
struct SetUp<'a> {
    folder: &'a dyn Folder,
    lanes: &'a Arc<[Lane]>,
    plugins: &'a Plugins,
    published: &'a Published,
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

    fn role(&mut self, choice: &PluginChoice, standard: Standard, answers: Answers) -> Option<Slot<Role>> {
        let filled = self.fill(choice, Some(standard), answers)?;
        let stands_in = match &choice.source {
            PluginSource::Standard => None,
            _ => Some(self.release(&plain(choice), standard.component(), answers)?),
        };
        filled.slot(|chosen| {
            // It does not stand in for itself.
            let standard = stands_in.clone().filter(|standard| standard.digest() != chosen.digest());
            Role { chosen, standard }
        })
    }

    fn enricher<'e>(
        &mut self,
        enricher: &'e EnricherChoice,
    ) -> Option<(&'e EnricherChoice, Slot<Option<Release>>)> {
        let filled = self.fill(&enricher.plugin, None, ENRICHER)?;
        Some((enricher, filled.slot_or(None, Some)))
    }

    /// Who answers here; nothing where there is a problem.
    fn fill(
        &mut self,
        choice: &PluginChoice,
        standard: Option<Standard>,
        answers: Answers,
    ) -> Option<Filled> {
        let plugin = match &choice.source {
            PluginSource::Standard => {
                let Some(standard) = standard else {
                    let message = format!("there is no standard {}", answers.0);
                    return self.problem(choice, message, Some("name a component"));
                };
                return self.release(choice, standard.component(), answers).map(Filled::unnamed);
            }
            PluginSource::File(path) => {
                return match self.folder.read(path) {
                    Ok(bytes) => self.release(choice, &bytes, answers).map(Filled::unnamed),
                    Err(error) => {
                        self.problem(choice, format!("{} cannot be read: {error}", path.display()), None)
                    }
                };
            }
            PluginSource::Published(plugin) => plugin,
        };
        let Some(Running { active, candidate }) = self.published.plugins.get(plugin) else {
            let hint = format!(
                "publish it with `lanewright plugin publish`; for a folder by itself, put its component at published/{plugin}.wasm"
            );
            return self.problem(choice, format!("no plugin {plugin} is published"), Some(&hint));
        };
        let candidate = match candidate {
            Some((component, _)) => {
                Some((self.release(choice, &component.bytes, answers)?, component.version.clone()))
            }
            None => None,
        };
        let release = match (active, standard) {
            (Some(component), _) => Some(self.release(choice, &component.bytes, answers)?),
            // Settings are the plugin's own.
            (None, Some(standard)) => Some(self.release(&plain(choice), standard.component(), answers)?),
            (None, None) => None,
        };
        let active = active.as_ref().map(|component| component.version.clone());
        Some(Filled { active: release, named: Some(Named { plugin: plugin.clone(), active, candidate }) })
    }

    fn problem<T>(&mut self, choice: &PluginChoice, message: String, hint: Option<&str>) -> Option<T> {
        let problem = Problem::at(&choice.place, message);
        self.problems.push(match hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        });
        None
    }

    fn release(&mut self, choice: &PluginChoice, component: &[u8], answers: Answers) -> Option<Release> {
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
        let mut problem = |message: String| self.problems.push(Problem::at(&choice.place, message));
        match self.plugins.release(&prototype, &choice.settings, self.lanes) {
            Ok(release) => return Some(release.reading(choice.fields.clone())),
            Err(Unfit::Refused(issues)) => {
                for (pointer, message) in issues {
                    let at = if pointer.is_empty() { String::new() } else { format!(" at {pointer}") };
                    problem(format!("the {role} refuses its settings{at}: {message}"));
                }
            }
            Err(Unfit::Unchecked(failure)) => {
                problem(format!("the {role} cannot check its settings: {failure}"));
            }
            Err(Unfit::Unprepared(failure)) => problem(format!("the {role} cannot prepare: {failure}")),
        }
        None
    }
}
