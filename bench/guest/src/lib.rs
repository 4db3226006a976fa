//! The shared classifier as a Lanewright plugin.

use lanewright_bench_logic::{self as logic, Inquiry};
use lanewright_sdk::*;

struct Keywords;

impl Plugin for Keywords {
    type Settings = NoSettings;
}

impl Classifier for Keywords {
    fn classify(_: &dyn Host, lead: &Lead, _: Policy) -> Result<Verdict, Failure> {
        let inquiry = Inquiry { text: &lead.text, employees: lead.company.employees, value: lead.value };
        let verdict = logic::classify(&inquiry);
        let ranked = |ranked: logic::Ranked| Ranked { lane: ranked.lane, score: ranked.score };
        let signal = |s: logic::Signal| Signal { kind: s.kind, value: s.value, start: s.start, end: s.end };
        Ok(Verdict {
            lane: Some(verdict.lane),
            confidence: match verdict.confidence {
                logic::Confidence::Low => Confidence::Low,
                logic::Confidence::Medium => Confidence::Medium,
                logic::Confidence::High => Confidence::High,
            },
            ranking: verdict.ranking.into_iter().map(ranked).collect(),
            intent: verdict.intent,
            signals: verdict.signals.into_iter().map(signal).collect(),
            complexity: None,
            reason: verdict.reason,
        })
    }
}

register!(Keywords: classifier);
