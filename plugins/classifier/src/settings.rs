//! What a tenant can set: where the bands begin, which of its lanes are standard, its own words.

use std::collections::BTreeMap;

use lanewright_sdk::{Issue, Lane};
use serde::Deserialize;
use serde_json::json;

use crate::lexicon;
use crate::pack::STANDARD_LANES;

/// The classifier's settings; every one has a default.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Probability from which a verdict is `high`.
    pub high: f32,
    /// Probability from which a verdict is `medium`.
    pub medium: f32,
    /// How far the best lane must lead the next for `high`; half of it for `medium`.
    pub margin: f32,
    /// Under the strict policy, lanes without a standard are refused below this probability.
    pub refuse_below: f32,
    /// Standard lane to the tenant's lane that means the same; lanes of equal id by default.
    pub standard_lanes: Option<BTreeMap<String, String>>,
    /// Names of competitors, beside those every tenant knows.
    pub competitors: Vec<String>,
    /// Names of the tenant's own products and plans.
    pub products: Vec<String>,
    /// Kind of signal to further words for it.
    pub words: BTreeMap<String, Vec<String>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            high: 0.8,
            medium: 0.5,
            margin: 0.3,
            refuse_below: 0.35,
            standard_lanes: None,
            competitors: Vec::new(),
            products: Vec::new(),
            words: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// The standard class that a tenant's lane stands for.
    pub fn standard(&self, lane: &str) -> Option<usize> {
        STANDARD_LANES.iter().position(|standard| match &self.standard_lanes {
            Some(map) => map.get(*standard).is_some_and(|id| id == lane),
            None => *standard == lane,
        })
    }

    /// The tenant's own words: JSON pointer, kind, value, phrase.
    fn phrases(&self) -> Vec<(String, &str, &str, &str)> {
        let mut phrases = Vec::new();
        for (list, kind, names) in
            [("competitors", "competitor", &self.competitors), ("products", "product", &self.products)]
        {
            for (at, name) in names.iter().enumerate() {
                phrases.push((format!("/{list}/{at}"), kind, name.as_str(), name.as_str()));
            }
        }
        for (kind, words) in &self.words {
            for (at, word) in words.iter().enumerate() {
                phrases.push((format!("/words/{}/{at}", pointer(kind)), kind.as_str(), "", word.as_str()));
            }
        }
        phrases
    }

    /// The tenant's own words, compiled; `Err` is the first that cannot be listened for.
    pub fn lexicon(&self) -> Result<Vec<u8>, Issue> {
        let phrases = self.phrases();
        if phrases.is_empty() {
            return Ok(Vec::new());
        }
        let signals: Vec<_> =
            phrases.iter().map(|(_, kind, value, phrase)| (*kind, *value, *phrase)).collect();
        lexicon::compile_signals(&signals)
            .map_err(|(place, problem)| Issue::new(phrases[place].0.as_str(), problem))
    }
}

/// A key as it stands in a JSON pointer.
fn pointer(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// What is wrong with settings that could be read, all of it at once.
pub fn check(settings: &Settings, lanes: &[Lane]) -> Vec<Issue> {
    let mut issues = Vec::new();
    let shares = [
        ("/high", settings.high),
        ("/medium", settings.medium),
        ("/margin", settings.margin),
        ("/refuse_below", settings.refuse_below),
    ];
    for (path, share) in shares {
        if !(0.0..=1.0).contains(&share) {
            issues.push(Issue::new(path, format!("is a share from 0 to 1, not {share}")));
        }
    }
    if settings.high < settings.medium {
        issues.push(Issue::new("/high", "must not be below medium"));
    }
    for (standard, lane) in settings.standard_lanes.iter().flatten() {
        let path = format!("/standard_lanes/{}", pointer(standard));
        if !STANDARD_LANES.contains(&standard.as_str()) {
            issues.push(Issue::new(
                &path,
                format!("no such standard lane; there are {}", STANDARD_LANES.join(", ")),
            ));
        }
        if !lanes.iter().any(|known| known.id == *lane) {
            issues.push(Issue::new(&path, format!("no lane has the id {lane:?}")));
        }
    }
    for (path, kind, value, phrase) in settings.phrases() {
        if let Err((_, problem)) = lexicon::compile_signals(&[(kind, value, phrase)]) {
            issues.push(Issue::new(path, format!("cannot be listened for: {problem}")));
        }
    }
    issues
}

/// JSON Schema of the settings.
pub fn schema() -> String {
    let default = Settings::default();
    let share = |default: f32, description: &str| json!({"type": "number", "minimum": 0, "maximum": 1, "default": (f64::from(default) * 100.0).round() / 100.0, "description": description});
    let names = |description: &str| json!({"type": "array", "maxItems": 500, "items": {"type": "string", "minLength": 1, "maxLength": 100}, "description": description});
    let standard: serde_json::Map<_, _> = STANDARD_LANES
        .iter()
        .map(|lane| {
            ((*lane).to_owned(), json!({"type": "string", "description": "Id of your lane that means this."}))
        })
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Standard classifier",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "high": share(default.high, "Probability from which a verdict is high."),
            "medium": share(default.medium, "Probability from which a verdict is medium."),
            "margin": share(default.margin, "How far the best lane must lead the next for high; half of it for medium."),
            "refuse_below": share(default.refuse_below, "Under the strict policy, lanes of your own are refused below this probability."),
            "standard_lanes": {"type": "object", "additionalProperties": false, "properties": standard, "description": "Which of your lanes are the standard ones; lanes of equal id by default, none with {}."},
            "competitors": names("Names of competitors, beside the well-known ones."),
            "products": names("Names of your products and plans."),
            "words": {"type": "object", "additionalProperties": names("Words for this kind of signal."), "description": "Further words for a kind of signal, such as security or one of your own."},
        }
    })
    .to_string()
}
