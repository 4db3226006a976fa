//! Answers are believed only after they are checked: lanes exist, numbers are finite and in range, one
//! row a candidate, offsets on character boundaries. What is wrong is a failure, never clamped.

use std::collections::HashSet;

use super::bindings::{enricher, fallback, scorer, types};
use super::convert;
use super::plan::Plan;
use crate::decision::{Action, Factor};
use crate::failure::{Failure, Limit, clean};
use crate::lead::{FieldValue, LabelPolicy, Lane, LaneId, Ranked, Signal, Verdict};

/// A scorer's answer, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// At least one; the weights add up to 1.
    pub factors: Vec<Factor>,
    /// 0 to 100, one row a candidate, one column a factor.
    pub rows: Vec<f32>,
}

/// A request of an enricher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What to ask.
    pub url: String,
    /// Name and value.
    pub headers: Vec<(String, String)>,
    /// A body makes it a POST.
    pub body: Option<Vec<u8>>,
}

/// How far from 1 sums of shares may be: they are single-precision sums.
const SUM_TOLERANCE: f32 = 1e-3;

fn wrong(path: impl Into<String>, problem: impl Into<String>) -> Failure {
    Failure::Answer { path: path.into(), problem: problem.into() }
}

fn too_many(limit: Limit, used: usize, allowed: usize) -> Result<(), Failure> {
    if used <= allowed {
        return Ok(());
    }
    Err(Failure::Limit { limit, used: used as u64, allowed: allowed as u64 })
}

fn within(path: impl Fn() -> String, value: f32, low: f32, high: f32) -> Result<f32, Failure> {
    if value.is_finite() && (low..=high).contains(&value) {
        Ok(value)
    } else {
        Err(wrong(path(), format!("is {value}, not a number from {low} to {high}")))
    }
}

pub(super) fn verdict(
    answer: types::Verdict,
    policy: LabelPolicy,
    lanes: &[Lane],
    visible: &str,
    plan: &Plan,
) -> Result<Verdict, Failure> {
    let known = |path: &dyn Fn() -> String, lane: &str| -> Result<LaneId, Failure> {
        let found = lanes.iter().find(|known| known.id.as_str() == lane).map(|known| known.id.clone());
        found.ok_or_else(|| {
            wrong(path(), format!("is {:?}, which is no lane of this tenant", clean(lane, 100)))
        })
    };
    let lane = match (&answer.lane, policy) {
        (Some(lane), _) => Some(known(&|| "lane".into(), lane)?),
        (None, LabelPolicy::Strict) => None,
        (None, LabelPolicy::BestMatch) => {
            return Err(wrong("lane", "is none, which only the strict policy allows"));
        }
    };

    too_many(Limit::Signals, answer.signals.len(), plan.signals)?;
    let mut ranking: Vec<Ranked> = Vec::with_capacity(answer.ranking.len().min(lanes.len()));
    for (i, ranked) in answer.ranking.iter().enumerate() {
        let lane = known(&|| format!("ranking[{i}].lane"), &ranked.lane)?;
        if ranking.iter().any(|earlier| earlier.lane == lane) {
            return Err(wrong(format!("ranking[{i}].lane"), format!("names {lane} a second time")));
        }
        let score = within(|| format!("ranking[{i}].score"), ranked.score, 0.0, 1.0)?;
        if ranking.last().is_some_and(|earlier| earlier.score < score) {
            return Err(wrong(format!("ranking[{i}].score"), "is above the one before it; best comes first"));
        }
        ranking.push(Ranked { lane, score });
    }
    let sum: f32 = ranking.iter().map(|ranked| ranked.score).sum();
    if sum > 1.0 + SUM_TOLERANCE {
        return Err(wrong("ranking", format!("adds up to {sum}, more than 1")));
    }
    if let Some(lane) = &lane
        && !ranking.iter().any(|ranked| ranked.lane == *lane)
    {
        return Err(wrong("ranking", format!("lacks {lane}, the lane chosen")));
    }

    let signals = answer.signals.into_iter().enumerate();
    let complexity = answer.complexity.map(|value| within(|| "complexity".into(), value, 0.0, 1.0));
    Ok(Verdict {
        lane,
        confidence: convert::confidence(answer.confidence),
        ranking,
        intent: within(|| "intent".into(), answer.intent, 0.0, 100.0)?,
        signals: signals.map(|(i, s)| signal(i, s, visible, plan)).collect::<Result<_, _>>()?,
        complexity: complexity.transpose()?,
        reason: text("reason", answer.reason, plan)?,
    })
}

fn signal(i: usize, signal: types::Signal, visible: &str, plan: &Plan) -> Result<Signal, Failure> {
    let (start, end) = (signal.start as usize, signal.end as usize);
    if start >= end || visible.get(start..end).is_none() {
        let problem =
            format!("spans {start}..{end}, which is no stretch of the text's {} bytes", visible.len());
        return Err(wrong(format!("signals[{i}]"), problem));
    }
    if signal.kind.is_empty() {
        return Err(wrong(format!("signals[{i}].kind"), "is empty"));
    }
    let kind = text(&format!("signals[{i}].kind"), signal.kind, plan)?;
    let value = text(&format!("signals[{i}].value"), signal.value, plan)?;
    Ok(Signal { kind, value, start: signal.start, end: signal.end })
}

/// A text of an answer: within its limit, and safe to show.
fn text(path: &str, text: String, plan: &Plan) -> Result<String, Failure> {
    too_many(Limit::Text, text.len(), plan.text_bytes)?;
    if text.contains('\0') {
        return Err(wrong(path, "holds a NUL character"));
    }
    // As it is shown: control characters grow fivefold when they are escaped.
    let shown = clean(&text, usize::MAX);
    too_many(Limit::Text, shown.len(), plan.text_bytes)?;
    Ok(shown)
}

pub(super) fn scores(answer: scorer::Scores, candidates: usize, plan: &Plan) -> Result<Scores, Failure> {
    too_many(Limit::Factors, answer.factors.len(), plan.factors)?;
    if answer.factors.is_empty() {
        return Err(wrong("factors", "is empty; at least one has to be weighed"));
    }
    let mut names = HashSet::new();
    let mut factors = Vec::with_capacity(answer.factors.len());
    for (i, factor) in answer.factors.into_iter().enumerate() {
        let weight = within(|| format!("factors[{i}].weight"), factor.weight, 0.0, 1.0)?;
        let name = text(&format!("factors[{i}].name"), factor.name, plan)?;
        if name.is_empty() || !names.insert(name.clone()) {
            return Err(wrong(
                format!("factors[{i}].name"),
                format!("is {:?}, empty or named before", clean(&name, 100)),
            ));
        }
        factors.push(Factor { name, weight });
    }
    let sum: f32 = factors.iter().map(|factor| factor.weight).sum();
    if (sum - 1.0).abs() > SUM_TOLERANCE {
        return Err(wrong("factors", format!("has weights that add up to {sum}, not 1")));
    }
    let expected = candidates * factors.len();
    if answer.rows.len() != expected {
        let problem = format!(
            "has {} numbers; {candidates} candidates by {} factors make {expected}",
            answer.rows.len(),
            factors.len()
        );
        return Err(wrong("rows", problem));
    }
    for (i, score) in answer.rows.iter().enumerate() {
        within(|| format!("rows[{i}]"), *score, 0.0, 100.0)?;
    }
    Ok(Scores { factors, rows: answer.rows })
}

pub(super) fn actions(answer: Vec<fallback::Action>, plan: &Plan) -> Result<Vec<Action>, Failure> {
    if answer.is_empty() {
        return Err(wrong("actions", "is empty; the last one should always be possible"));
    }
    too_many(Limit::Requests, answer.len(), plan.requests)?;
    let checked = answer.into_iter().enumerate().map(|(i, action)| {
        let path = format!("actions[{i}]");
        let action = convert::action(&action).map_err(|error| wrong(&path, error.to_string()))?;
        match action {
            Action::Hold(name) => name_of(&path, name, plan).map(Action::Hold),
            Action::Nurture(name) => name_of(&path, name, plan).map(Action::Nurture),
            team => Ok(team),
        }
    });
    checked.collect()
}

fn name_of(path: &str, name: String, plan: &Plan) -> Result<String, Failure> {
    if name.trim().is_empty() {
        return Err(wrong(path, "names nothing"));
    }
    text(path, name, plan)
}

pub(super) fn requests(answer: Vec<enricher::Request>, plan: &Plan) -> Result<Vec<Request>, Failure> {
    too_many(Limit::Requests, answer.len(), plan.requests)?;
    let checked = answer.into_iter().enumerate().map(|(i, request)| {
        let enricher::Request { url, headers, body } = request;
        line(&format!("requests[{i}].url"), &url, plan)?;
        too_many(Limit::Requests, headers.len(), plan.requests)?;
        for (n, (name, value)) in headers.iter().enumerate() {
            let path = format!("requests[{i}].headers[{n}]");
            line(&path, name, plan)?;
            line(&path, value, plan)?;
        }
        Ok(Request { url, headers, body })
    });
    checked.collect()
}

/// A text that goes out as it is, so that nothing in it may be escaped or end a line.
fn line(path: &str, text: &str, plan: &Plan) -> Result<(), Failure> {
    too_many(Limit::Text, text.len(), plan.text_bytes)?;
    if text.contains(char::is_control) {
        return Err(wrong(path, "holds a control character"));
    }
    Ok(())
}

pub(super) fn fields(answer: Vec<types::Field>, plan: &Plan) -> Result<Vec<(String, FieldValue)>, Failure> {
    too_many(Limit::Requests, answer.len(), plan.requests)?;
    let checked = answer.into_iter().enumerate().map(|(i, field)| {
        let path = format!("fields[{i}]");
        if field.name.trim().is_empty() {
            return Err(wrong(path, "has no name"));
        }
        let value = match field.value {
            types::Value::Text(value) => FieldValue::Text(text(&path, value, plan)?),
            types::Value::Number(number) if number.is_finite() => FieldValue::Number(number),
            types::Value::Number(number) => {
                return Err(wrong(path, format!("is {number}, not a finite number")));
            }
            types::Value::Flag(flag) => FieldValue::Flag(flag),
            types::Value::Instant(ms) => FieldValue::Instant(
                i64::try_from(ms)
                    .ok()
                    .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
                    .ok_or_else(|| wrong(&path, format!("is {ms} ms, beyond any date")))?,
            ),
            types::Value::Texts(values) => {
                // A list is as long as its texts are, and an empty text is something too.
                let bytes = values.iter().map(|value| value.len() + 1).sum();
                too_many(Limit::Text, bytes, plan.text_bytes)?;
                let values = values.into_iter().map(|value| text(&path, value, plan));
                FieldValue::Texts(values.collect::<Result<_, _>>()?)
            }
        };
        Ok((text(&path, field.name, plan)?, value))
    });
    checked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::Destination;

    fn lanes() -> Vec<Lane> {
        let lane = |id: &str| Lane {
            id: id.parse().expect("an id"),
            name: id.to_owned(),
            definition: id.to_owned(),
            examples: vec![],
            to: Destination::Triage,
        };
        vec![lane("a"), lane("b")]
    }

    fn good() -> types::Verdict {
        let ranked = |lane: &str, score| types::Ranked { lane: lane.into(), score };
        types::Verdict {
            lane: Some("a".into()),
            confidence: types::Confidence::High,
            ranking: vec![ranked("a", 0.7), ranked("b", 0.3)],
            intent: 50.0,
            signals: vec![],
            complexity: None,
            reason: "because".into(),
        }
    }

    #[test]
    fn a_verdict_that_cannot_be_does_not_count() {
        // "é" is two bytes, so offset 1 is inside it.
        let check = |spoil: &dyn Fn(&mut types::Verdict), policy: LabelPolicy, expect: Option<&str>| {
            let mut answer = good();
            spoil(&mut answer);
            let got = verdict(answer, policy, &lanes(), "é seats", &Plan::DEFAULT);
            match (got, expect) {
                (Ok(_), None) => {}
                (Err(failure), Some(text)) => assert!(failure.to_string().contains(text), "{failure}"),
                (got, expect) => panic!("got {got:?}, expected {expect:?}"),
            }
        };
        use LabelPolicy::{BestMatch, Strict};
        let signal = |start, end| types::Signal { kind: "seats".into(), value: "1".into(), start, end };
        check(&|_| {}, BestMatch, None);
        check(&|v| v.lane = Some("c".into()), BestMatch, Some("no lane of this tenant"));
        check(&|v| v.lane = None, BestMatch, Some("only the strict policy"));
        check(&|v| v.lane = None, Strict, None);
        check(&|v| v.ranking[0].score = f32::NAN, BestMatch, Some("ranking[0].score is NaN"));
        check(&|v| v.ranking[0].score = 1.5, BestMatch, Some("from 0 to 1"));
        check(&|v| v.ranking[1].score = 0.7001, BestMatch, Some("best comes first"));
        check(&|v| v.ranking[1].score = 0.6, BestMatch, Some("more than 1"));
        check(&|v| v.ranking[1].lane = "a".into(), BestMatch, Some("a second time"));
        check(&|v| v.ranking.truncate(0), BestMatch, Some("lacks a"));
        check(&|v| v.intent = -0.1, BestMatch, Some("intent is -0.1"));
        check(&|v| v.intent = f32::INFINITY, BestMatch, Some("intent is inf"));
        check(&|v| v.complexity = Some(1.0), BestMatch, None);
        check(&|v| v.complexity = Some(1.1), BestMatch, Some("complexity is 1.1, not a number from 0 to 1"));
        check(&|v| v.complexity = Some(f32::NAN), BestMatch, Some("complexity is NaN"));
        check(&|v| v.signals = vec![signal(0, 2)], BestMatch, None);
        check(&|v| v.signals = vec![signal(1, 2)], BestMatch, Some("no stretch of the text"));
        check(&|v| v.signals = vec![signal(3, 3)], BestMatch, Some("no stretch of the text"));
        check(&|v| v.signals = vec![signal(3, 99)], BestMatch, Some("no stretch of the text"));
        check(&|v| v.signals = vec![signal(0, 2); 65], BestMatch, Some("signals limit: used 65, allowed 64"));
        check(&|v| v.reason = "x".repeat(8193), BestMatch, Some("text (bytes) limit: used 8193"));
        check(&|v| v.reason = "a\0b".into(), BestMatch, Some("NUL"));
    }

    #[test]
    fn what_a_guest_says_cannot_steer_a_terminal() {
        let mut answer = good();
        answer.reason = "\u{1b}[31mred\u{202e}\nline".into();
        let got = verdict(answer, LabelPolicy::BestMatch, &lanes(), "", &Plan::DEFAULT).expect("counts");
        assert_eq!(got.reason, "\\u{1b}[31mred\\u{202e}\\nline");
    }

    #[test]
    fn scores_that_cannot_be_do_not_count() {
        let check = |weights: &[f32], rows: &[f32], expect: Option<&str>| {
            let factors = weights.iter().enumerate();
            let factors =
                factors.map(|(i, w)| scorer::Factor { name: format!("f{i}"), weight: *w }).collect();
            let got = scores(scorer::Scores { factors, rows: rows.to_vec() }, 2, &Plan::DEFAULT);
            match (got, expect) {
                (Ok(_), None) => {}
                (Err(failure), Some(text)) => assert!(failure.to_string().contains(text), "{failure}"),
                (got, expect) => panic!("got {got:?}, expected {expect:?}"),
            }
        };
        check(&[0.5, 0.5], &[0.0, 100.0, 1.0, 2.0], None);
        check(&[0.5, 0.5], &[0.0, 100.0, 1.0], Some("2 candidates by 2 factors make 4"));
        check(&[1.0], &[0.0, 100.1], Some("rows[1] is 100.1"));
        check(&[1.0], &[0.0, f32::NAN], Some("rows[1] is NaN"));
        check(&[0.5], &[0.0, 1.0], Some("add up to 0.5"));
        check(&[], &[], Some("is empty"));
        check(&[1.0 / 33.0; 33], &[0.0; 66], Some("factors limit: used 33, allowed 32"));
    }
}
