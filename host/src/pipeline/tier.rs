//! How urgent and valuable a lead is, by the tenant's conditions (S2.16).

use crate::config::Config;
use crate::decision::TierTrace;
use crate::lead::{Lead, Tier, Verdict};
use crate::rules::Facts;

/// The first tier whose condition holds; tier 3 where none does. A condition that cannot be answered, such
/// as one about a field this lead does not have, counts as not holding and is listed with why.
pub fn tier(config: &Config, lead: &Lead, verdict: &Verdict) -> TierTrace {
    let facts = Facts::new(lead, verdict);
    let mut unanswered = Vec::new();
    for (tier, rule) in [(Tier::One, &config.tiers.one), (Tier::Two, &config.tiers.two)] {
        match rule.when.holds(&facts) {
            Ok(true) => return TierTrace { tier, when: Some(rule.when.source().to_owned()), unanswered },
            Ok(false) => {}
            Err(why) => unanswered.push(format!("tier {}: {why}", u8::from(tier))),
        }
    }
    TierTrace { tier: Tier::Three, when: None, unanswered }
}
