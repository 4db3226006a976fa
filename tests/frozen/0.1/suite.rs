//! A plugin with every role, written against interface 0.1: it asks for all that can be asked, and says in
//! its answers what it got, so that a fact that is lost on the way shows in a decision.
//!
//! The binary beside it is made of this file and is never made again; README.md says how it was made.

use lanewright_sdk::*;
use serde::Deserialize;

/// What a tenant sets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Whose manager gets what nobody can take.
    team: String,
    /// Which answer is to be one that cannot be.
    #[serde(default)]
    wrong: Option<Wrong>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Wrong {
    Verdict,
    Scores,
    Actions,
    Fields,
    Failure,
}

struct Suite;

impl Suite {
    fn wrong(host: &dyn Host) -> Result<Option<Wrong>, Failure> {
        let settings: Settings = settings(host)?;
        if settings.wrong == Some(Wrong::Failure) {
            return Err(Failure::Internal("as it was told to".into()));
        }
        Ok(settings.wrong)
    }
}

impl Plugin for Suite {
    type Settings = Settings;

    fn schema() -> String {
        r#"{"type":"object","required":["team"],"properties":{"team":{"type":"string"}}}"#.to_owned()
    }

    fn check(settings: &Settings, lanes: &[Lane]) -> Vec<Issue> {
        let known = lanes.iter().any(|lane| lane.team.as_ref() == Some(&settings.team));
        if known || lanes.is_empty() { Vec::new() } else { vec![Issue::new("/team", "no lane leads there")] }
    }

    fn prepare(host: &dyn Host, _: &Settings, lanes: &[Lane]) -> Result<Vec<u8>, Failure> {
        let definitions: Vec<String> = lanes.iter().map(|lane| lane.definition.clone()).collect();
        Ok(host.embed(&definitions).iter().flat_map(|x| x.to_le_bytes()).collect())
    }
}

impl Classifier for Suite {
    fn classify(host: &dyn Host, lead: &Lead, policy: Policy) -> Result<Verdict, Failure> {
        let wrong = Self::wrong(host)?;
        let lanes = host.lanes();
        let prepared: Vec<f32> =
            host.prepared().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        let own = host.embed(std::slice::from_ref(&lead.text));
        let like = |of: &[f32]| of.iter().zip(&own).map(|(a, b)| a * b).sum::<f32>().max(0.01);
        let likes: Vec<f32> = prepared.chunks(host.dimensions() as usize).map(like).collect();
        let all: f32 = likes.iter().sum();
        let mut ranking: Vec<Ranked> = lanes
            .iter()
            .zip(&likes)
            .map(|(lane, like)| Ranked { lane: lane.id.clone(), score: like / all })
            .collect();
        ranking.sort_by(|a, b| b.score.total_cmp(&a.score));
        let best = ranking[0].clone();
        let examples: Vec<String> = lanes.iter().flat_map(|lane| lane.examples.clone()).collect();
        let near = host.similarity(&lead.text, &examples);
        host.log(Level::Debug, &format!("{policy:?} {near:?}"));
        let lane = if wrong == Some(Wrong::Verdict) { "nowhere".to_owned() } else { best.lane };
        let Lead { id, source, received_at, text, contact, company, products, value } = lead;
        Ok(Verdict {
            lane: Some(lane),
            confidence: if best.score > 0.5 { Confidence::High } else { Confidence::Medium },
            ranking,
            intent: 40.0 + 10.0 * products.len() as f32,
            signals: numbers(text),
            reason: format!("{id} {source} {received_at} {contact:?} {company:?} {products:?} {value:?}"),
        })
    }
}

/// Numbers of a text, as if each said how many seats.
fn numbers(text: &str) -> Vec<Signal> {
    let mut signals = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (start, c.is_ascii_digit()) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                let value = text[from..at].to_owned();
                signals.push(Signal { kind: "seats".into(), value, start: from as u32, end: at as u32 });
                start = None;
            }
            _ => {}
        }
    }
    signals.truncate(64);
    signals
}

impl Scorer for Suite {
    fn score(
        host: &dyn Host,
        lead: &Lead,
        verdict: &Verdict,
        context: &Context,
        candidates: &[Candidate],
    ) -> Result<Scores, Failure> {
        let wrong = Self::wrong(host)?;
        let reps: Vec<u32> = candidates.iter().map(|candidate| candidate.rep).collect();
        let profiles = host.profiles(&reps);
        host.log(Level::Info, &format!("{} {:?}", lead.id, verdict));
        host.log(Level::Info, &format!("tier {} {:?} {:?}", context.tier, candidates, profiles.first()));
        let width = context.fit_names.len();
        let territory = context.fit_names.iter().position(|name| name == "territory").unwrap_or(0);
        let mut rows = Vec::new();
        for (place, candidate) in candidates.iter().enumerate() {
            let spoken = profiles.iter().find(|profile| profile.rep == candidate.rep);
            let spoken = spoken.map_or(0, |profile| profile.languages.len());
            rows.push(100.0 * context.fits[place * width + territory]);
            rows.push(100.0 * (1.0 - candidate.load).clamp(0.0, 1.0));
            rows.push((20.0 * spoken as f32).min(100.0));
        }
        if wrong == Some(Wrong::Scores) {
            rows[0] = f32::NAN;
        }
        let factor = |name: &str, weight| Factor { name: name.to_owned(), weight };
        Ok(Scores {
            factors: vec![factor("territory", 0.5), factor("room", 0.3), factor("spoken", 0.2)],
            rows,
        })
    }
}

impl Fallback for Suite {
    fn resolve(
        host: &dyn Host,
        lead: &Lead,
        verdict: Option<&Verdict>,
        cause: Cause,
    ) -> Result<Vec<Action>, Failure> {
        let wrong = Self::wrong(host)?;
        let settings: Settings = settings(host)?;
        let lane = verdict.and_then(|verdict| verdict.lane.as_deref());
        host.log(Level::Warn, &format!("{} {lane:?} {cause:?} of {:?}", lead.id, host.teams()));
        let first = match (wrong, cause) {
            (Some(Wrong::Actions), _) => Action::Nurture(String::new()),
            (_, Cause::AllAtCapacity) => Action::Manager(settings.team),
            (_, Cause::NoCandidate) => Action::RoundRobin(settings.team),
            (_, Cause::BelowThreshold) => Action::Nurture("letters".into()),
            (_, Cause::Refused | Cause::PluginFailed) => Action::Hold("odd".into()),
        };
        Ok(vec![first, Action::Hold("later".into())])
    }
}

impl Enricher for Suite {
    fn plan(host: &dyn Host, lead: &Lead) -> Result<Vec<Request>, Failure> {
        Self::wrong(host)?;
        let domain = lead.company.domain.as_deref().unwrap_or("none");
        let headers = vec![("accept".to_owned(), "application/json".to_owned())];
        Ok(vec![Request { url: format!("https://facts.example/{domain}"), headers, body: None }])
    }

    fn interpret(host: &dyn Host, lead: &Lead, responses: &[Response]) -> Result<Vec<Field>, Failure> {
        let wrong = Self::wrong(host)?;
        let names = host.field_names();
        let asked = host.field("seats");
        let number = if wrong == Some(Wrong::Fields) { f64::NAN } else { names.len() as f64 };
        let answered: Vec<String> =
            responses.iter().map(|r| format!("{:?} {}", r.status, r.body.len())).collect();
        let field = |name: &str, value| Field { name: format!("suite_{name}"), value };
        Ok(vec![
            field("text", Value::Text(format!("{asked:?}"))),
            field("number", Value::Number(number)),
            field("flag", Value::Flag(lead.value.is_some())),
            field("instant", Value::Instant(lead.received_at)),
            field("texts", Value::Texts([names, answered].concat())),
        ])
    }
}

register!(Suite: classifier, scorer, fallback, enricher);
