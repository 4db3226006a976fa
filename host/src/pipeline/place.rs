//! Named account and territory: what holds before any score is looked at (S3.14, X2, X6).
//!
//! A named account comes first: its owner gets the lead wherever it is and whatever their team. A territory
//! comes next and is hard, unless the tenant lets tier-1 leads of some sources leave it. Territories that
//! lie over others leave the lead where it is and add their people as overlay. Whether the owner and the
//! territory's people *can* take the lead is decided by eligibility.

use std::cell::LazyCell;
use std::collections::HashMap;

use crate::config::{Config, Role};
use crate::decision::RulesTrace;
use crate::lead::{Account, Layer, Lead, RepId, Territory, TerritoryId, Tier, Verdict, covers_industry};
use crate::rules::Facts;

/// What the rules say about a lead of this account.
pub fn place(
    config: &Config,
    lead: &Lead,
    verdict: &Verdict,
    account: Option<&Account>,
    tier: Tier,
) -> RulesTrace {
    let found = territories_of(config, lead, verdict);
    RulesTrace {
        owner: account.and_then(|account| account.owner.clone()),
        territory_waived: found.ground.is_some() && may_leave(config, lead, tier),
        territory: found.ground,
        overlays: found.overlays,
        unanswered: found.unanswered,
        ..RulesTrace::default()
    }
}

/// Where a lead is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Located {
    /// The first territory, in the tenant's order, that holds the lead and lies over no other.
    pub ground: Option<TerritoryId>,
    /// All that lie over others and hold it, in the tenant's order.
    pub overlays: Vec<TerritoryId>,
    /// Conditions that could not be answered, with why.
    pub unanswered: Vec<String>,
}

/// The territories that hold a lead. Only those are looked at that can, by where it is.
pub fn territories_of(config: &Config, lead: &Lead, verdict: &Verdict) -> Located {
    let facts = LazyCell::new(|| Facts::new(lead, verdict));
    let mut found = Located::default();
    let company = &lead.company;
    for at in config.territory_index.at(company.country.as_deref(), company.region.as_deref()) {
        let Some(territory) = config.territories.get(at) else { continue };
        let settled = territory.layer == Layer::Ground && found.ground.is_some();
        if settled || !within(territory, lead, verdict) {
            continue;
        }
        if let Some(when) = &territory.when {
            match config.territory_index.condition(at).map(|condition| condition.holds(&facts)) {
                Some(Ok(true)) => {}
                Some(Ok(false)) | None => continue,
                Some(Err(why)) => {
                    found.unanswered.push(format!("{when}: {why}"));
                    continue;
                }
            }
        }
        match territory.layer {
            Layer::Ground => found.ground = Some(territory.id.clone()),
            Layer::Overlay => found.overlays.push(territory.id.clone()),
        }
    }
    found
}

/// The people who may sell where a lead is.
#[derive(Debug, Clone)]
pub struct People<'a> {
    /// The id of the territory.
    pub territory: &'a TerritoryId,
    own: &'a HashMap<RepId, Role>,
    overlays: Vec<&'a HashMap<RepId, Role>>,
}

impl People<'_> {
    /// How a rep belongs there; `None` for everybody else. Whoever is both is primary.
    pub fn role(&self, rep: &RepId) -> Option<Role> {
        let over = || self.overlays.iter().find_map(|people| people.get(rep));
        self.own.get(rep).or_else(over).copied()
    }

    /// Everybody who belongs there; some twice, in no order.
    pub fn reps(&self) -> impl Iterator<Item = &RepId> {
        self.own.keys().chain(self.overlays.iter().flat_map(|people| people.keys()))
    }
}

/// The people of the lead's territory and of those that lie over it; `None` where it is in no territory, so
/// that anybody may take it. Whether the lead may leave its territory is for the caller to see.
pub fn people<'a>(config: &'a Config, rules: &'a RulesTrace) -> Option<People<'a>> {
    let territory = rules.territory.as_ref()?;
    let index = &config.territory_index;
    let own = index.people(territory)?;
    Some(People {
        territory,
        own,
        overlays: rules.overlays.iter().filter_map(|id| index.people(id)).collect(),
    })
}

/// Whether a lead of this tier and source may leave its territory (X2).
fn may_leave(config: &Config, lead: &Lead, tier: Tier) -> bool {
    tier == Tier::One && config.matching.waive_territory.contains(&lead.source)
}

/// Whether a lead is of the kind that a territory is limited to, apart from its place and condition.
fn within(Territory { reach, lanes, .. }: &Territory, lead: &Lead, verdict: &Verdict) -> bool {
    let industry = lead.company.industry.as_deref();
    let listed = |own: &String| industry.is_some_and(|industry| covers_industry(own, industry));
    (reach.industries.is_empty() || reach.industries.iter().any(listed))
        && reach.employees.holds(lead.company.employees)
        && reach.value.holds(lead.value)
        && (lanes.is_empty() || verdict.lane.as_ref().is_some_and(|lane| lanes.contains(lane)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lead::{Reach, Span};
    use crate::pipeline::fixture::{self, id};

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    fn territory(name: &str, countries: &[&str], regions: &[&str]) -> Territory {
        let reach = Reach { countries: texts(countries), regions: texts(regions), ..Reach::default() };
        Territory { id: id(name), reach, ..fixture::territory(name) }
    }

    fn located(territories: Vec<Territory>, lead: &Lead) -> Located {
        let config = fixture::config_with(territories);
        territories_of(&config, lead, &fixture::verdict())
    }

    #[test]
    fn places() {
        let territories = vec![
            territory("west", &["US"], &["US-CA", "US-WA"]),
            territory("americas", &["US", "CA"], &[]),
            territory("north", &["NO", "SE"], &["SE-AB"]),
            territory("porto", &[], &["PT-13"]),
        ];
        let check = |country: Option<&str>, region: Option<&str>, expect: Option<&str>| {
            let mut lead = fixture::lead();
            lead.company.country = country.map(str::to_owned);
            lead.company.region = region.map(str::to_owned);
            let found = located(territories.clone(), &lead).ground;
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
    fn limits() {
        let check = |limit: &dyn Fn(&mut Territory), change: &dyn Fn(&mut Lead), expect: bool| {
            let mut limited = territory("limited", &[], &[]);
            limit(&mut limited);
            let mut lead = fixture::lead();
            change(&mut lead);
            let found = located(vec![limited.clone()], &lead);
            assert_eq!(found.ground.is_some(), expect, "{limited:?} {lead:?}");
        };
        let as_is = |_: &mut Lead| ();
        check(&|_| (), &as_is, true);

        let banks = |territory: &mut Territory| territory.reach.industries = texts(&["banking", "insurance"]);
        let of =
            |industry: &'static str| move |lead: &mut Lead| lead.company.industry = Some(industry.to_owned());
        check(&banks, &of("retail banking"), true);
        check(&banks, &of("insurance"), true);
        check(&banks, &of("retail"), false);
        check(&banks, &as_is, false);

        let large = |territory: &mut Territory| {
            territory.reach.employees = Span { from: Some(500), below: Some(1000) };
        };
        let sized = |employees| move |lead: &mut Lead| lead.company.employees = Some(employees);
        check(&large, &sized(499), false);
        check(&large, &sized(500), true);
        check(&large, &sized(999), true);
        check(&large, &sized(1000), false);
        check(&large, &as_is, false);

        let small =
            |territory: &mut Territory| territory.reach.value = Span { from: None, below: Some(50e3) };
        let worth = |value| move |lead: &mut Lead| lead.value = Some(value);
        check(&small, &worth(49_999.99), true);
        check(&small, &worth(50e3), false);
        check(&small, &as_is, false);

        let lanes = |lane: &'static str| move |territory: &mut Territory| territory.lanes = vec![id(lane)];
        check(&lanes("smb"), &as_is, true);
        check(&lanes("enterprise"), &as_is, false);

        let when =
            |text: &'static str| move |territory: &mut Territory| territory.when = Some(text.to_owned());
        check(&when("lead.source == 'web-form' && verdict.intent > 70"), &as_is, true);
        check(&when("lead.source == 'event'"), &as_is, false);
        check(&when("lead.company.employees > 10"), &as_is, false);
    }

    #[test]
    fn what_could_not_be_answered_is_told() {
        let mut asks = territory("asks", &[], &[]);
        asks.when = Some("lead.company.employees > 10".to_owned());
        let found = located(vec![asks], &fixture::lead());
        assert_eq!(found.unanswered, ["lead.company.employees > 10: lead.company.employees is absent"]);
    }

    #[test]
    fn overlays_add_people_and_take_no_lead() {
        let overlay = |name: &str, industries: &[&str], people: &[&str]| Territory {
            layer: Layer::Overlay,
            reach: Reach { industries: texts(industries), ..Reach::default() },
            primary: people.iter().map(|rep| id(rep)).collect(),
            ..fixture::territory(name)
        };
        let ground =
            Territory { primary: vec![id("ana")], overlay: vec![id("eve")], ..territory("us", &["US"], &[]) };
        let config = fixture::config_with(vec![
            overlay("health", &["healthcare"], &["ben", "ana"]),
            ground,
            overlay("retail", &["retail"], &["zoe"]),
            overlay("all", &[], &["max"]),
        ]);
        let check = |country: &str,
                     ground: Option<&str>,
                     overlays: &[&str],
                     people: &[(&str, Option<Role>)]| {
            let mut lead = fixture::lead();
            lead.company.country = Some(country.to_owned());
            lead.company.industry = Some("healthcare".to_owned());
            let rules = place(&config, &lead, &fixture::verdict(), None, Tier::Two);
            assert_eq!(rules.territory, ground.map(id));
            assert_eq!(rules.overlays, overlays.iter().map(|name| id(name)).collect::<Vec<TerritoryId>>());
            let found = super::people(&config, &rules);
            assert_eq!(found.is_some(), ground.is_some());
            for (rep, role) in people {
                assert_eq!(found.as_ref().and_then(|people| people.role(&id(rep))), *role, "{rep}");
            }
        };
        let (primary, overlay) = (Some(Role::Primary), Some(Role::Overlay));
        let people = [("ana", primary), ("eve", overlay), ("ben", overlay), ("max", overlay), ("zoe", None)];
        check("US", Some("us"), &["health", "all"], &people);
        check("PT", None, &["health", "all"], &[]);
    }

    #[test]
    fn waiver() {
        let config = fixture::config();
        let check = |country: Option<&str>, source: &str, tier, expect| {
            let mut lead = fixture::lead();
            lead.company.country = country.map(str::to_owned);
            lead.source = source.to_owned();
            let found = place(&config, &lead, &fixture::verdict(), None, tier);
            assert_eq!(found.territory_waived, expect, "{source} {tier:?}");
        };
        check(Some("US"), "demo-request", Tier::One, true);
        check(Some("US"), "demo-request", Tier::Two, false);
        check(Some("US"), "web-form", Tier::One, false);
        check(None, "demo-request", Tier::One, false);
    }

    #[test]
    fn an_account_brings_its_owner() {
        let config = fixture::config();
        let owner = |domain: &str| {
            let account = config.accounts.get(domain);
            place(&config, &fixture::lead(), &fixture::verdict(), account, Tier::Two).owner
        };
        assert_eq!(owner("named.example"), Some(id("ana")));
        assert_eq!(owner("open.example"), None);
        assert_eq!(owner("unknown.example"), None);
    }

    /// What the index leaves out is what a look at every territory would leave out.
    fn by_looking_at_all(territories: &[Territory], lead: &Lead) -> Located {
        let holds = |territory: &&Territory| {
            let Reach { countries, regions, .. } = &territory.reach;
            let (country, region) = (lead.company.country.as_ref(), lead.company.region.as_ref());
            let in_parts = |of: &String| regions.iter().any(|region| region.split('-').next() == Some(of));
            let here = countries.is_empty() && regions.is_empty()
                || region.is_some_and(|region| regions.contains(region))
                || country.is_some_and(|country| countries.contains(country) && !in_parts(country));
            here && within(territory, lead, &fixture::verdict())
        };
        let fitting: Vec<&Territory> = territories.iter().filter(holds).collect();
        let of = |layer| fitting.iter().filter(move |territory| territory.layer == layer);
        Located {
            ground: of(Layer::Ground).next().map(|territory| territory.id.clone()),
            overlays: of(Layer::Overlay).map(|territory| territory.id.clone()).collect(),
            unanswered: vec![],
        }
    }

    prop_compose! {
        fn any_places()(
            countries in prop::collection::vec(prop::sample::select(vec!["US", "PT", "DE"]), 0..3),
            regions in prop::collection::vec(prop::sample::select(vec!["US-CA", "US-NY", "DE-BE"]), 0..3),
        ) -> Reach {
            Reach { countries: texts(&countries), regions: texts(&regions), ..Reach::default() }
        }
    }

    prop_compose! {
        fn any_territory()(
            places in any_places(),
            over in any::<bool>(),
            from in prop::option::of(0..4u32),
        ) -> Territory {
            Territory {
                layer: if over { Layer::Overlay } else { Layer::Ground },
                reach: Reach { employees: Span { from, below: None }, ..places },
                ..fixture::territory("any")
            }
        }
    }

    proptest! {
        #[test]
        fn the_index_finds_what_a_look_at_all_finds(
            mut territories in prop::collection::vec(any_territory(), 0..8),
            at in any_places(),
            employees in prop::option::of(0..4u32),
        ) {
            for (place, territory) in territories.iter_mut().enumerate() {
                territory.id = id(&format!("t-{place}"));
            }
            let mut lead = fixture::lead();
            lead.company.country = at.countries.first().cloned();
            lead.company.region = at.regions.first().cloned();
            lead.company.employees = employees;
            prop_assert_eq!(located(territories.clone(), &lead), by_looking_at_all(&territories, &lead));
        }
    }
}
