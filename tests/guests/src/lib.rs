//! What the guests share: a plugin without settings, and answers that would count.

use lanewright_sdk::*;

/// A verdict that counts: the tenant's first lane, for the reason given.
pub fn verdict(host: &dyn Host, reason: String) -> Verdict {
    let lane = host.lanes().swap_remove(0).id;
    Verdict {
        lane: Some(lane.clone()),
        confidence: Confidence::Medium,
        ranking: vec![Ranked { lane, score: 0.75 }],
        intent: 50.0,
        signals: Vec::new(),
        complexity: None,
        reason,
    }
}

/// A classifier of this one expression.
#[macro_export]
macro_rules! classifier {
    ($host:ident, $lead:ident => $answer:expr) => {
        struct Guest;
        impl lanewright_sdk::Plugin for Guest {
            type Settings = lanewright_sdk::NoSettings;
        }
        impl lanewright_sdk::Classifier for Guest {
            fn classify(
                $host: &dyn lanewright_sdk::Host,
                $lead: &lanewright_sdk::Lead,
                _: lanewright_sdk::Policy,
            ) -> Result<lanewright_sdk::Verdict, lanewright_sdk::Failure> {
                $answer
            }
        }
        lanewright_sdk::register!(Guest: classifier);
    };
}
