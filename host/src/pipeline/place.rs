//! Named account and territory: what holds before any score is looked at (S3.14, X2, X6).
//!
//! A named account comes first: its owner gets the lead wherever it is and whatever their team. A territory
//! comes next and is hard, unless the tenant lets tier-1 leads of some sources leave it. Whether the owner
//! and the territory's people *can* take the lead is decided by eligibility.

use crate::config::Config;
use crate::decision::RulesTrace;
use crate::lead::{Account, Lead, Territory, Tier};

/// What the rules say about a lead of this account.
pub fn place(config: &Config, lead: &Lead, account: Option<&Account>, tier: Tier) -> RulesTrace {
    let territory = territory_of(config, lead);
    RulesTrace {
        owner: account.and_then(|account| account.owner.clone()),
        owner_excluded: None,
        territory: territory.map(|territory| territory.id.clone()),
        territory_waived: territory.is_some() && may_leave(config, lead, tier),
    }
}

/// The first territory, in the tenant's order, that holds the lead.
pub fn territory_of<'a>(config: &'a Config, lead: &Lead) -> Option<&'a Territory> {
    config.territories.iter().find(|territory| holds(territory, lead))
}

/// Whether a lead of this tier and source may leave its territory (X2).
pub(super) fn may_leave(config: &Config, lead: &Lead, tier: Tier) -> bool {
    tier == Tier::One && config.matching.waive_territory.contains(&lead.source)
}

/// A territory holds the regions it names; of a country it names it holds everything, unless it names
/// regions of that country.
fn holds(territory: &Territory, lead: &Lead) -> bool {
    if lead.company.region.as_ref().is_some_and(|region| territory.regions.contains(region)) {
        return true;
    }
    let Some(country) = &lead.company.country else { return false };
    let in_parts =
        territory.regions.iter().any(|region| region.split_once('-').is_some_and(|(of, _)| of == country));
    territory.countries.contains(country) && !in_parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::fixture::{self, id};

    #[test]
    fn territories() {
        let mut config = fixture::config();
        let territory = |name: &str, countries: &[&str], regions: &[&str]| Territory {
            id: id(name),
            name: name.to_owned(),
            countries: countries.iter().map(|text| (*text).to_owned()).collect(),
            regions: regions.iter().map(|text| (*text).to_owned()).collect(),
            primary: vec![],
            overlay: vec![],
        };
        config.territories = vec![
            territory("west", &["US"], &["US-CA", "US-WA"]),
            territory("americas", &["US", "CA"], &[]),
            territory("north", &["NO", "SE"], &["SE-AB"]),
            territory("porto", &[], &["PT-13"]),
        ];
        let check = |country: Option<&str>, region: Option<&str>, expect: Option<&str>| {
            let mut lead = fixture::lead();
            lead.company.country = country.map(str::to_owned);
            lead.company.region = region.map(str::to_owned);
            let found = place(&config, &lead, None, Tier::Three).territory;
            assert_eq!(found, expect.map(id), "{country:?} {region:?}");
        };
        check(Some("US"), Some("US-CA"), Some("west"));
        check(Some("US"), Some("US-NY"), Some("americas"));
        check(Some("US"), None, Some("americas"));
        check(Some("CA"), None, Some("americas"));
        check(Some("SE"), Some("SE-AB"), Some("north"));
        check(Some("SE"), Some("SE-O"), None);
        check(Some("SE"), None, None);
        check(Some("NO"), None, Some("north"));
        check(Some("PT"), Some("PT-13"), Some("porto"));
        check(Some("PT"), Some("PT-11"), None);
        check(None, None, None);
    }

    #[test]
    fn waiver() {
        let config = fixture::config();
        let check = |country: Option<&str>, source: &str, tier, expect| {
            let mut lead = fixture::lead();
            lead.company.country = country.map(str::to_owned);
            lead.source = source.to_owned();
            assert_eq!(place(&config, &lead, None, tier).territory_waived, expect, "{source} {tier:?}");
        };
        check(Some("US"), "demo-request", Tier::One, true);
        check(Some("US"), "demo-request", Tier::Two, false);
        check(Some("US"), "web-form", Tier::One, false);
        check(None, "demo-request", Tier::One, false);
    }

    #[test]
    fn an_account_brings_its_owner() {
        let config = fixture::config();
        let owner =
            |domain: &str| place(&config, &fixture::lead(), config.accounts.get(domain), Tier::Two).owner;
        assert_eq!(owner("named.example"), Some(id("ana")));
        assert_eq!(owner("open.example"), None);
        assert_eq!(owner("unknown.example"), None);
    }
}
