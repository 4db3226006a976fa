//! Attack 25: answers that cannot be; its settings say which.

use lanewright_sdk::*;
use serde::Deserialize;

struct Guest;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    wrong: String,
}

impl Plugin for Guest {
    type Settings = Settings;
}

fn wrong(host: &dyn Host) -> Result<String, Failure> {
    Ok(settings::<Settings>(host)?.wrong)
}

impl Classifier for Guest {
    fn classify(host: &dyn Host, lead: &Lead, _: Policy) -> Result<Verdict, Failure> {
        let mut verdict = lanewright_guests::verdict(host, "because".to_owned());
        let lane = verdict.ranking[0].lane.clone();
        let signal = |start, end| Signal { kind: "seats".to_owned(), value: "1".to_owned(), start, end };
        let end = lead.text.len() as u32;
        match wrong(host)?.as_str() {
            "unknown-lane" => verdict.lane = Some("\u{1b}[31mnowhere".repeat(1_000)),
            "no-lane" => verdict.lane = None,
            "unranked-lane" => verdict.ranking.clear(),
            "unknown-ranking" => verdict.ranking.push(Ranked { lane: "nowhere".to_owned(), score: 0.1 }),
            "duplicate-ranking" => verdict.ranking.push(Ranked { lane, score: 0.1 }),
            "ascending-ranking" => {
                let other = host.lanes().swap_remove(1).id;
                verdict.ranking.push(Ranked { lane: other, score: 0.8 });
            }
            "endless-ranking" => verdict.ranking = vec![Ranked { lane, score: 0.0 }; 10_000],
            "score-nan" => verdict.ranking[0].score = f32::NAN,
            "score-range" => verdict.ranking[0].score = 1.01,
            "score-sum" => {
                let other = host.lanes().swap_remove(1).id;
                verdict.ranking.push(Ranked { lane: other, score: 0.7 });
            }
            "intent-nan" => verdict.intent = f32::from_bits(0x7fa1_2345),
            "intent-infinite" => verdict.intent = f32::INFINITY,
            "intent-range" => verdict.intent = -1.0,
            "complexity-nan" => verdict.complexity = Some(f32::NAN),
            "complexity-range" => verdict.complexity = Some(1.5),
            "signal-beyond" => verdict.signals = vec![signal(0, end + 1)],
            "signal-empty" => verdict.signals = vec![signal(1, 1)],
            "signal-backwards" => verdict.signals = vec![signal(2, 1)],
            "signal-far" => verdict.signals = vec![signal(u32::MAX - 1, u32::MAX)],
            // The lead's text starts with a character of two bytes.
            "signal-inside-character" => verdict.signals = vec![signal(1, 3)],
            "signal-unnamed" => verdict.signals = vec![Signal { kind: String::new(), ..signal(0, 2) }],
            "signals-many" => verdict.signals = vec![signal(0, 2); 65],
            "reason-long" => verdict.reason = "a".repeat((8 << 10) + 1),
            "reason-nul" => verdict.reason = "a\0b".to_owned(),
            _ => {}
        }
        Ok(verdict)
    }
}

impl Scorer for Guest {
    fn score(
        host: &dyn Host,
        _: &Lead,
        _: &Verdict,
        _: &Context,
        candidates: &[Candidate],
    ) -> Result<Scores, Failure> {
        let factor = |name: &str, weight| Factor { name: name.to_owned(), weight };
        let mut scores = Scores { factors: vec![factor("luck", 1.0)], rows: vec![50.0; candidates.len()] };
        match wrong(host)?.as_str() {
            "row-missing" => scores.rows.truncate(candidates.len() - 1),
            "row-extra" => scores.rows.push(1.0),
            "row-nan" => scores.rows[0] = f32::NAN,
            "row-range" => scores.rows[0] = 100.5,
            "factors-none" => scores = Scores { factors: Vec::new(), rows: Vec::new() },
            "factors-many" => scores.factors = (0..33).map(|i| factor(&i.to_string(), 1.0 / 33.0)).collect(),
            "factor-unnamed" => scores.factors = vec![factor("", 1.0)],
            "factor-twice" => scores.factors = vec![factor("luck", 0.5), factor("luck", 0.5)],
            "factor-long" => scores.factors = vec![factor(&"x".repeat(9 << 10), 1.0)],
            "weight-negative" => scores.factors = vec![factor("a", 1.5), factor("b", -0.5)],
            "weight-sum" => scores.factors = vec![factor("luck", 0.5)],
            "weight-nan" => scores.factors = vec![factor("luck", f32::NAN)],
            _ => {}
        }
        Ok(scores)
    }
}

impl Fallback for Guest {
    fn resolve(
        host: &dyn Host,
        _: &Lead,
        _: Option<&Verdict>,
        _: &Situation,
    ) -> Result<Vec<Action>, Failure> {
        Ok(match wrong(host)?.as_str() {
            "actions-none" => Vec::new(),
            "actions-many" => vec![Action::Hold("later".to_owned()); 17],
            "team-unnamed" => vec![Action::RoundRobin(String::new())],
            "team-control" => vec![Action::Manager("sa\u{7}les".to_owned())],
            "queue-unnamed" => vec![Action::Hold(" ".to_owned())],
            "queue-long" => vec![Action::Hold("q".repeat(9 << 10))],
            _ => vec![Action::Hold("later".to_owned())],
        })
    }
}

impl Enricher for Guest {
    fn plan(host: &dyn Host, _: &Lead) -> Result<Vec<Request>, Failure> {
        let ask = |url: &str| Request { url: url.to_owned(), headers: Vec::new(), body: None };
        Ok(match wrong(host)?.as_str() {
            "requests-many" => vec![ask("https://api.example"); 17],
            "url-control" => vec![ask("https://api.example/\u{1b}[31m\n")],
            "url-long" => vec![ask(&"https://api.example/".repeat(1_000))],
            "header-control" => {
                let header = ("x".to_owned(), "a\r\nhost: other.example".to_owned());
                vec![Request { headers: vec![header], ..ask("https://api.example") }]
            }
            _ => Vec::new(),
        })
    }

    fn interpret(host: &dyn Host, _: &Lead, _: &[Response]) -> Result<Vec<Field>, Failure> {
        let field = |name: &str, value| Field { name: name.to_owned(), value };
        Ok(match wrong(host)?.as_str() {
            "fields-many" => vec![field("a", Value::Flag(true)); 17],
            "field-unnamed" => vec![field(" ", Value::Flag(true))],
            "field-nan" => vec![field("a", Value::Number(f64::NAN))],
            "field-instant" => vec![field("a", Value::Instant(u64::MAX))],
            "field-long" => vec![field("a", Value::Text("a".repeat(9 << 10)))],
            "field-texts" => vec![field("a", Value::Texts(vec![String::new(); 20_000]))],
            _ => vec![field("found", Value::Flag(true))],
        })
    }
}

register!(Guest: classifier, scorer, fallback, enricher);
