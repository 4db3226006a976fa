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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::fixture;
    use crate::rules::Condition;

    #[test]
    fn tiers() {
        let check = |two: &str, source: &str, intent, expect: (Tier, Option<&str>), unanswered: &[&str]| {
            let mut config = fixture::config();
            config.tiers.two.when = std::sync::Arc::new(Condition::compile(two).unwrap());
            let lead = Lead { source: source.to_owned(), ..fixture::lead() };
            let found = tier(&config, &lead, &Verdict { intent, ..fixture::verdict() });
            assert_eq!((found.tier, found.when.as_deref()), expect, "{two}");
            let begins: Vec<bool> =
                found.unanswered.iter().zip(unanswered).map(|(found, word)| found.contains(word)).collect();
            assert_eq!(begins, vec![true; unanswered.len()], "{:?}", found.unanswered);
            assert_eq!(found.unanswered.len(), unanswered.len(), "{:?}", found.unanswered);
        };
        let (demo, high) = ("lead.source == 'demo-request'", "verdict.intent >= 90");
        check(high, "demo-request", 95.0, (Tier::One, Some(demo)), &[]);
        check(high, "web-form", 95.0, (Tier::Two, Some(high)), &[]);
        check(high, "web-form", 89.0, (Tier::Three, None), &[]);
        let big = "lead.company.employees >= 200";
        check(big, "web-form", 95.0, (Tier::Three, None), &["lead.company.employees"]);
        check(big, "demo-request", 95.0, (Tier::One, Some(demo)), &[]);
    }
}
