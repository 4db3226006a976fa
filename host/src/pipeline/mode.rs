//! Whether a decision holds at once or waits for a person (S3.24).

use crate::config::Modes;
use crate::lead::{LaneId, Lead, Mode, Tier};

/// A rule's word comes first, then the deal's value, the lane, the tier, and at last the tenant's default.
pub fn mode(modes: &Modes, lead: &Lead, lane: Option<&LaneId>, tier: Tier, rule: Option<Mode>) -> Mode {
    let above = modes.suggest_above.zip(lead.value).is_some_and(|(limit, value)| value > limit);
    rule.or(above.then_some(Mode::Suggest))
        .or_else(|| lane.and_then(|lane| modes.lanes.get(lane).copied()))
        .or_else(|| modes.tiers.get(&tier).copied())
        .unwrap_or(modes.default)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::fixture::{self, id};

    #[test]
    fn the_first_that_speaks_decides() {
        use Mode::{Auto, Suggest};
        let modes = Modes {
            default: Auto,
            suggest_above: Some(100_000.0),
            lanes: [(id("smb"), Auto), (id("partner"), Suggest)].into(),
            tiers: [(Tier::Three, Suggest)].into(),
        };
        let check = |value: Option<f64>, lane: &str, tier, rule, expect| {
            let lead = Lead { value, ..fixture::lead() };
            let found = mode(&modes, &lead, Some(&id(lane)), tier, rule);
            assert_eq!(found, expect, "{value:?} {lane} {tier:?} {rule:?}");
        };
        check(None, "enterprise", Tier::One, None, Auto);
        check(None, "enterprise", Tier::Three, None, Suggest);
        check(None, "smb", Tier::Three, None, Auto);
        check(None, "partner", Tier::One, None, Suggest);
        check(Some(100_000.0), "smb", Tier::Three, None, Auto);
        check(Some(100_000.5), "smb", Tier::Three, None, Suggest);
        check(Some(1e9), "partner", Tier::Three, Some(Auto), Auto);
        check(None, "smb", Tier::One, Some(Suggest), Suggest);
    }
}
