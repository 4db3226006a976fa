//! What a place with a rep costs while capacity is scarce: `pacing` at work on the route.

use super::{Numbered, room};
use crate::config::Config;
use crate::counters::View;
use crate::decision::Match;
use crate::lead::Tier;

/// Puts a price on what is left of each candidate's capacity, where the tenant wants it; tier 1 pays none.
pub(super) fn price(config: &Config, prepared: &Numbered<'_>, matches: &mut [Match], counters: &View<'_>) {
    let Some(pacing) = config.scarcity.as_ref().filter(|_| prepared.tier.tier != Tier::One) else {
        return;
    };
    for found in matches {
        let Some(rep) = config.rep(&found.rep) else { continue };
        let counted = counters.get(&rep.id);
        let price = pacing.price(counted.price, room(config, rep, counters), prepared.at);
        found.price = pacing.price_for(price, prepared.lead.value);
    }
}
