//! The standard scorer: weighted factors, 0 to 100 each, whose weights a tenant sets.
//!
//! By default the matrix of the field: territory 30, deal size 25, industry 20, capacity 15, response
//! speed 10; and the learned probability of winning, 25, as soon as the host trusts what it learned. Any
//! further fit the host knows (language, product, competitor, …) joins when it gets a weight. Weights are
//! shares: they need not add up to 100, and a factor without a weight is not weighed.

use std::collections::BTreeMap;

use lanewright_sdk::*;
use serde::Deserialize;
use serde_json::json;

/// The standard scorer.
pub struct StandardScorer;

/// What a tenant can set.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Factor to weight, 0 or more. `capacity`, `response` and `win` are computed here, every other
    /// name is one of the host's fits.
    weights: BTreeMap<String, f32>,
    /// Mean seconds to first touch that score 100; 300 by default.
    fast_response: f32,
    /// Mean seconds to first touch that score 0; 86,400 (a day) by default.
    slow_response: f32,
}

impl Default for Settings {
    fn default() -> Self {
        let weights = [
            ("territory", 30.0),
            ("value", 25.0),
            ("industry", 20.0),
            ("capacity", 15.0),
            ("response", 10.0),
            ("win", 25.0),
        ];
        Self {
            weights: weights.into_iter().map(|(name, weight)| (name.to_owned(), weight)).collect(),
            fast_response: 300.0,
            slow_response: 86_400.0,
        }
    }
}

/// Fits the host computes today; a weight on another name would never count, so it is told.
const FITS: [&str; 12] = [
    "territory",
    "industry",
    "product",
    "language",
    "value",
    "competitor",
    "seniority",
    "timezone",
    "technical",
    "certification",
    "style",
    "skill",
];
const OWN: [&str; 3] = ["capacity", "response", "win"];

/// A rep whose response time or fit is unknown is neither helped nor hurt.
const UNKNOWN: f32 = 50.0;

impl Plugin for StandardScorer {
    type Settings = Settings;

    fn schema() -> String {
        let names = || FITS.iter().chain(&OWN);
        let weights: serde_json::Map<_, _> =
            names().map(|name| ((*name).to_owned(), json!({"type": "number", "minimum": 0}))).collect();
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "weights": {"type": "object", "additionalProperties": false, "properties": weights},
                "fast_response": {"type": "number", "exclusiveMinimum": 0, "default": 300},
                "slow_response": {"type": "number", "exclusiveMinimum": 0, "default": 86_400},
            }
        })
        .to_string()
    }

    fn check(settings: &Settings, _: &[Lane]) -> Vec<Issue> {
        let mut issues = Vec::new();
        for (name, weight) in &settings.weights {
            let path = format!("/weights/{name}");
            if !FITS.contains(&name.as_str()) && !OWN.contains(&name.as_str()) {
                let known = FITS.iter().chain(&OWN).copied().collect::<Vec<_>>().join(", ");
                issues.push(Issue::new(&path, format!("no such factor; there are {known}")));
            }
            if !weight.is_finite() || *weight < 0.0 {
                issues.push(Issue::new(&path, format!("a weight is 0 or more, not {weight}")));
            }
        }
        if settings.weights.values().sum::<f32>() <= 0.0 {
            issues.push(Issue::new("/weights", "at least one weight has to be above 0"));
        }
        if !(settings.fast_response > 0.0 && settings.slow_response > settings.fast_response) {
            let message = "slow_response has to be above fast_response, and both above 0";
            issues.push(Issue::new("/slow_response", message));
        }
        issues
    }
}

impl Scorer for StandardScorer {
    fn score(
        host: &dyn Host,
        _: &Lead,
        _: &Verdict,
        context: &Context,
        candidates: &[Candidate],
    ) -> Result<Scores, Failure> {
        let settings: Settings = settings(host)?;
        Ok(weigh(&settings, context, candidates))
    }
}

/// Where a factor's score comes from.
enum Source {
    Capacity,
    Response,
    Win,
    Fit(usize),
}

fn weigh(settings: &Settings, context: &Context, candidates: &[Candidate]) -> Scores {
    let source = |name: &str| match name {
        "capacity" => Some(Source::Capacity),
        "response" => Some(Source::Response),
        // An estimate that only some candidates have would favour or punish for being known.
        "win" => candidates.iter().all(|c| c.win.is_some()).then_some(Source::Win),
        fit => context.fit_names.iter().position(|known| known == fit).map(Source::Fit),
    };
    let weighed: Vec<(&str, f32, Source)> = settings
        .weights
        .iter()
        .filter(|(_, weight)| **weight > 0.0)
        .filter_map(|(name, weight)| Some((name.as_str(), *weight, source(name)?)))
        .collect();
    let all: f32 = weighed.iter().map(|(_, weight, _)| weight).sum();

    let factors =
        weighed.iter().map(|(name, weight, _)| Factor { name: (*name).to_owned(), weight: weight / all });
    let columns = context.fit_names.len();
    let wins = candidates.iter().filter_map(|candidate| candidate.win);
    let mean = wins.map(|win| win.probability).sum::<f32>() / candidates.len().max(1) as f32;
    let rows = candidates.iter().enumerate().flat_map(|(row, candidate)| {
        weighed.iter().map(move |(_, _, source)| match source {
            Source::Capacity => 100.0 * (1.0 - candidate.load).clamp(0.0, 1.0),
            Source::Response => candidate.response_seconds.map_or(UNKNOWN, |s| speed(settings, s)),
            Source::Win => candidate.win.map_or(UNKNOWN, |win| advantage(win.probability, mean)),
            Source::Fit(column) => {
                context.fits.get(row * columns + column).map_or(UNKNOWN, |fit| 100.0 * fit.clamp(0.0, 1.0))
            }
        })
    });
    Scores { factors: factors.collect(), rows: rows.collect() }
}

/// 50 for whoever wins such leads as often as the candidates do on average, 67 for twice as often: p / (p + mean). A lead
/// that nobody is likely to win costs nobody points.
fn advantage(probability: f32, mean: f32) -> f32 {
    let probability = probability.clamp(0.0, 1.0);
    match probability + mean {
        both if both > 0.0 => 100.0 * probability / both,
        _ => UNKNOWN,
    }
}

/// 100 at the fast end, 0 at the slow end, even steps on a logarithmic scale between: what matters is
/// how many times longer a person waits.
fn speed(settings: &Settings, seconds: u32) -> f32 {
    let (fast, slow) = (settings.fast_response, settings.slow_response);
    let waited = (seconds as f32).max(fast) / fast;
    100.0 * (1.0 - waited.ln() / (slow / fast).ln()).clamp(0.0, 1.0)
}

register!(StandardScorer: scorer);

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(load: f32, response_seconds: Option<u32>, win: Option<f32>) -> Candidate {
        let win = win.map(|probability| WinEstimate { probability, lower: probability, deals: 100.0 });
        Candidate { rep: 0, load, weekly_load: 0.0, free_now: true, response_seconds, win }
    }

    fn check(
        settings: &str,
        fits: &[(&str, &[f32])],
        candidates: &[Candidate],
        expect: &[(&str, f32, &[f32])],
    ) {
        let settings: Settings = serde_json::from_str(settings).expect("settings");
        let rows = (0..candidates.len()).flat_map(|row| fits.iter().map(move |(_, column)| column[row]));
        let context = Context {
            tier: 2,
            segments: Vec::new(),
            fit_names: fits.iter().map(|(name, _)| (*name).to_owned()).collect(),
            fits: rows.collect(),
        };
        let scores = weigh(&settings, &context, candidates);
        let got: Vec<(String, f32, Vec<f32>)> = scores
            .factors
            .iter()
            .enumerate()
            .map(|(i, factor)| {
                let column = scores.rows.chunks(scores.factors.len()).map(|row| row[i].round()).collect();
                (factor.name.clone(), (factor.weight * 100.0).round(), column)
            })
            .collect();
        let expect: Vec<_> = expect.iter().map(|(n, w, c)| ((*n).to_owned(), *w, c.to_vec())).collect();
        assert_eq!(got, expect);
    }

    #[test]
    fn weighs_what_has_a_weight() {
        let two = [candidate(0.25, Some(300), None), candidate(1.0, Some(86_400), None)];
        // The matrix of the field; what the host did not send is left out, and shares still add up.
        check(
            "{}",
            &[("territory", &[1.0, 0.5]), ("value", &[1.0, 0.0]), ("industry", &[0.0, 1.0])],
            &two,
            &[
                ("capacity", 15.0, &[75.0, 0.0]),
                ("industry", 20.0, &[0.0, 100.0]),
                ("response", 10.0, &[100.0, 0.0]),
                ("territory", 30.0, &[100.0, 50.0]),
                ("value", 25.0, &[100.0, 0.0]),
            ],
        );
        check(
            r#"{"weights": {"capacity": 3, "language": 1}}"#,
            &[],
            &two,
            &[("capacity", 100.0, &[75.0, 0.0])],
        );
        // Speed is logarithmic: the geometric mean of both ends is half way.
        check(
            r#"{"weights": {"response": 1}, "fast_response": 100, "slow_response": 10000}"#,
            &[],
            &[candidate(0.0, Some(1000), None), candidate(0.0, None, None), candidate(0.0, Some(1), None)],
            &[("response", 100.0, &[50.0, 50.0, 100.0])],
        );
        // One unknown estimate and nobody is weighed by it.
        let known = [candidate(0.0, None, Some(0.4)), candidate(0.0, None, Some(0.2))];
        check(r#"{"weights": {"win": 1}}"#, &[], &known, &[("win", 100.0, &[57.0, 40.0])]);
        let never = [candidate(0.0, None, Some(0.0)), candidate(0.0, None, Some(0.0))];
        check(r#"{"weights": {"win": 1}}"#, &[], &never, &[("win", 100.0, &[50.0, 50.0])]);
        // By default it is one of six.
        let fits: &[(&str, &[f32])] =
            &[("territory", &[1.0, 1.0]), ("value", &[1.0, 1.0]), ("industry", &[1.0, 1.0])];
        check(
            "{}",
            fits,
            &known,
            &[
                ("capacity", 12.0, &[100.0, 100.0]),
                ("industry", 16.0, &[100.0, 100.0]),
                ("response", 8.0, &[50.0, 50.0]),
                ("territory", 24.0, &[100.0, 100.0]),
                ("value", 20.0, &[100.0, 100.0]),
                ("win", 20.0, &[57.0, 40.0]),
            ],
        );
        let half = [candidate(0.0, None, Some(0.4)), candidate(0.5, None, None)];
        check(
            r#"{"weights": {"win": 1, "capacity": 1}}"#,
            &[],
            &half,
            &[("capacity", 100.0, &[100.0, 50.0])],
        );
    }

    #[test]
    fn settings_that_cannot_be_are_told() {
        let check = |settings: &str, expect: &[&str]| {
            let settings: Settings = serde_json::from_str(settings).expect("readable");
            let issues = StandardScorer::check(&settings, &[]);
            assert_eq!(issues.iter().map(|issue| issue.path.as_str()).collect::<Vec<_>>(), expect);
        };
        check("{}", &[]);
        check(r#"{"weights": {"skill": 3, "technical": 2, "certification": 1, "style": 1}}"#, &[]);
        check(r#"{"weights": {"teritory": 3}}"#, &["/weights/teritory"]);
        check(r#"{"weights": {"territory": -1, "value": 2}}"#, &["/weights/territory"]);
        check(r#"{"weights": {"territory": 0}}"#, &["/weights"]);
        check(r#"{"fast_response": 0}"#, &["/slow_response"]);
        assert!(serde_json::from_str::<Settings>(r#"{"wieghts": {}}"#).is_err());
    }
}
