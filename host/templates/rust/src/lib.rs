//! Names the lane whose words an inquiry has most of.

use std::collections::BTreeMap;

use lanewright_sdk::*;
use serde::Deserialize;

/// What a tenant sets for this plugin.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Words that speak for a lane.
    words: BTreeMap<String, Vec<String>>,
    /// The lane of an inquiry with none of them.
    otherwise: String,
}

pub struct Words;

impl Plugin for Words {
    type Settings = Settings;

    fn schema() -> String {
        r#"{
            "type": "object",
            "required": ["words", "otherwise"],
            "additionalProperties": false,
            "properties": {
                "words": {
                    "type": "object",
                    "description": "words that speak for a lane",
                    "additionalProperties": { "type": "array", "items": { "type": "string" } }
                },
                "otherwise": { "type": "string", "description": "the lane of an inquiry with none of them" }
            }
        }"#
        .to_owned()
    }

    fn check(settings: &Settings, lanes: &[Lane]) -> Vec<Issue> {
        let unknown = |lane: &String| lanes.iter().all(|known| known.id != *lane);
        let words = settings.words.keys().filter(|lane| unknown(lane));
        let mut issues: Vec<Issue> =
            words.map(|lane| Issue::new(format!("/words/{lane}"), format!("there is no lane {lane}"))).collect();
        if unknown(&settings.otherwise) {
            issues.push(Issue::new("/otherwise", format!("there is no lane {}", settings.otherwise)));
        }
        issues
    }
}

impl Classifier for Words {
    fn classify(host: &dyn Host, lead: &Lead, policy: Policy) -> Result<Verdict, Failure> {
        let settings: Settings = settings(host)?;
        // ASCII alone, so that every byte stays where it is.
        let text = lead.text.to_ascii_lowercase();
        let mut signals = Vec::new();
        let mut hits: BTreeMap<&str, u32> = BTreeMap::new();
        for (lane, words) in &settings.words {
            for word in words {
                if let Some(start) = text.find(&word.to_ascii_lowercase()) {
                    *hits.entry(lane).or_default() += 1;
                    let (start, end) = (start as u32, (start + word.len()) as u32);
                    signals.push(Signal { kind: "word".into(), value: word.clone(), start, end });
                }
            }
        }
        signals.sort_by_key(|signal| signal.start);
        let found: u32 = hits.values().sum();
        host.log(Level::Debug, &format!("{found} words found"));

        let share = |hits: u32| hits as f32 / (found + 1) as f32;
        let mut ranking: Vec<Ranked> =
            hits.iter().map(|(lane, hits)| Ranked { lane: (*lane).into(), score: share(*hits) }).collect();
        ranking.sort_by(|a, b| b.score.total_cmp(&a.score));
        if found == 0 && policy == Policy::BestMatch {
            ranking.push(Ranked { lane: settings.otherwise, score: 0.0 });
        }
        Ok(Verdict {
            lane: ranking.first().map(|best| best.lane.clone()),
            confidence: match (found, ranking.len()) {
                (0, _) => Confidence::Low,
                (2.., 1) => Confidence::High,
                _ => Confidence::Medium,
            },
            ranking,
            intent: (40 + 20 * found).min(100) as f32,
            signals,
            complexity: None,
            reason: if found == 0 { "none of the words is there".into() } else { format!("{found} of the words are there") },
        })
    }
}

register!(Words: classifier);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_name_lanes_that_are_there() {
        let lane = |id: &str| Lane {
            id: id.into(),
            name: id.into(),
            definition: String::new(),
            examples: vec![],
            team: None,
        };
        let settings = Settings {
            words: BTreeMap::from([("support".to_owned(), vec!["refund".to_owned()])]),
            otherwise: "nowhere".to_owned(),
        };
        let issues = Words::check(&settings, &[lane("support")]);
        assert_eq!(issues, [Issue::new("/otherwise", "there is no lane nowhere")]);
    }
}
