//! Who can take a lead, and why nobody else.
//!
//! Every rep of the tenant is a candidate or has exactly one reason, the first that holds in this order:
//!
//! 1. **team**: sells in another team than the lane's;
//! 2. **territory**: the lead is in one whose people they are not among, neither primary nor overlay; left
//!    out where a tier-1 lead may leave its territory (X2);
//! 3. **availability**: takes no new leads;
//! 4. **over capacity**: one more deal would be above their maximum. Holds for every tier (X3);
//! 5. **at capacity**: their load, open deals over the maximum before this lead, is above the near band.
//!    Tier 1 may use what is left where the tenant lets it (X3);
//! 6. **weekly cap**: as many new leads in seven days as they may have;
//! 7. **deal size**: the lead's value is outside the range they state; nothing where either is silent;
//! 8. **language**: they do not speak the contact's, and somebody whom nothing else excludes does. Where
//!    nobody does, it excludes nobody: a lead in the wrong language beats a lead without a rep.
//!
//! The near band, where only high matches are taken, needs totals and is left to ranking.

use std::collections::BTreeMap;

use crate::config::Config;
use crate::counters::Ledger;
use crate::decision::{Cause, Counters, EligibilityTrace, Excluded, RulesTrace, Unassigned};
use crate::lead::{Lead, Rep, TeamId, Tier};
use crate::pipeline::{People, people};

/// Everybody of the tenant, as candidates of this team for this lead or with the reason why not.
pub fn eligible(
    config: &Config,
    lead: &Lead,
    team: &TeamId,
    tier: Tier,
    rules: &RulesTrace,
    ledger: &Ledger,
) -> EligibilityTrace {
    let people = people(config, rules).filter(|_| !rules.territory_waived);
    let mut candidates = Vec::new();
    let mut excluded = BTreeMap::new();
    for (place, rep) in config.reps.iter().enumerate() {
        let reason = outside(rep, team, people.as_ref())
            .or_else(|| barred(config, rep, tier, ledger.at(place)))
            .or_else(|| deal_size(rep, lead));
        match reason {
            None => candidates.push(rep),
            Some(reason) => {
                excluded.insert(rep.id.clone(), reason);
            }
        }
    }
    if let Some(language) = &lead.contact.language
        && candidates.iter().any(|rep| speaks(rep, language))
    {
        candidates.retain(|rep| {
            let speaks = speaks(rep, language);
            if !speaks {
                excluded.insert(rep.id.clone(), Excluded::Language { language: language.clone() });
            }
            speaks
        });
    }
    let candidates = candidates.into_iter().map(|rep| rep.id.clone()).collect();
    EligibilityTrace { team: team.clone(), candidates, excluded, others: Vec::new() }
}

/// The profiles of the candidates, in the order of the folder.
pub fn candidates<'a>(config: &'a Config, eligibility: &EligibilityTrace) -> Vec<&'a Rep> {
    let mut wanted = eligibility.candidates.iter().peekable();
    config.reps.iter().filter(|rep| wanted.next_if(|id| **id == rep.id).is_some()).collect()
}

/// What keeps this rep from getting any lead of this tier at the moment: away, full, or their week is.
pub fn barred(config: &Config, rep: &Rep, tier: Tier, counters: Counters) -> Option<Excluded> {
    let Counters { open, week, .. } = counters;
    let max = rep.max_open;
    let may_fill = tier == Tier::One && config.capacity.tier_one_may_fill;
    if !rep.available {
        Some(Excluded::Unavailable)
    } else if open >= max {
        Some(Excluded::OverCapacity { open, max })
    } else if load(rep, counters) > config.capacity.near && !may_fill {
        Some(Excluded::AtCapacity { open, max })
    } else {
        rep.caps.weekly.filter(|cap| week >= *cap).map(|cap| Excluded::WeeklyCap { assigned: week, cap })
    }
}

/// Why the owner of a named account does not get the task; `None` where they do.
///
/// A named account comes before territories and teams (X6), so only being away or full can keep its owner
/// from it. The near band does not: nobody is scored, and an own account is the highest match there is.
pub fn owner_excluded(config: &Config, rules: &RulesTrace, tier: Tier, ledger: &Ledger) -> Option<Excluded> {
    let owner = rules.owner.as_ref().and_then(|owner| config.rep(owner))?;
    barred(config, owner, tier, ledger.get(&owner.id))
}

/// Why nobody is a candidate: of everybody's reasons, the one that is nearest to being mended.
///
/// Somebody who is at work in the right place and full is nearest; then somebody away; then a team without
/// anyone for a deal of this size; then a territory without anyone of the team; then a team without reps.
pub fn why_nobody(eligibility: &EligibilityTrace) -> (Cause, Unassigned) {
    let any = |test: fn(&Excluded) -> bool| eligibility.excluded.values().any(test);
    if any(is_full) {
        (Cause::AllAtCapacity, Unassigned::NoCapacity)
    } else if any(|reason| matches!(reason, Excluded::Unavailable)) {
        (Cause::NoCandidate, Unassigned::NotAvailable)
    } else if any(|reason| matches!(reason, Excluded::DealSize { .. } | Excluded::Language { .. })) {
        (Cause::NoCandidate, Unassigned::NoSeller)
    } else if any(|reason| matches!(reason, Excluded::OutsideTerritory { .. })) {
        (Cause::NoCandidate, Unassigned::NoTerritory)
    } else {
        (Cause::NoCandidate, Unassigned::NoSeller)
    }
}

/// Open deals over the most they take, before the lead; above 1 where a maximum was lowered.
pub(super) fn load(rep: &Rep, counters: Counters) -> f64 {
    f64::from(counters.open) / f64::from(rep.max_open.max(1))
}

/// The language of a tag without script and region: who speaks `pt-PT` understands `pt-BR`.
pub(super) fn primary_language(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or(tag)
}

fn speaks(rep: &Rep, language: &str) -> bool {
    let wanted = primary_language(language);
    rep.languages.iter().any(|tag| primary_language(tag).eq_ignore_ascii_case(wanted))
}

fn outside(rep: &Rep, team: &TeamId, people: Option<&People<'_>>) -> Option<Excluded> {
    if rep.team != *team {
        return Some(Excluded::OtherTeam { team: rep.team.clone() });
    }
    let people = people.filter(|people| people.role(&rep.id).is_none())?;
    Some(Excluded::OutsideTerritory { territory: people.territory.clone() })
}

fn deal_size(rep: &Rep, lead: &Lead) -> Option<Excluded> {
    let value = lead.value?;
    let below = rep.deal_min.is_some_and(|min| value < min);
    let above = rep.deal_max.is_some_and(|max| value > max);
    (below || above).then_some(Excluded::DealSize { value })
}

fn is_full(reason: &Excluded) -> bool {
    matches!(
        reason,
        Excluded::OverCapacity { .. }
            | Excluded::AtCapacity { .. }
            | Excluded::NearCapacity { .. }
            | Excluded::WeeklyCap { .. }
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::TerritoryIndex;
    use crate::lead::Caps;
    use crate::pipeline::fixture::{self, id};
    use crate::pipeline::place;

    /// One rep, one lead: what becomes of the rep.
    fn check(tier: Tier, rep: Rep, lead: Lead, expect: Option<Excluded>) {
        let mut config = fixture::config();
        config.reps = vec![rep];
        let rules = place(&config, &lead, &fixture::verdict(), None, tier);
        let found = eligible(&config, &lead, &id("smb"), tier, &rules, &Ledger::new(&config));
        let expect = expect.map(|reason| (id("ana"), reason)).into_iter().collect();
        assert_eq!(found.excluded, expect, "{tier:?} {:?}", config.reps);
        assert_eq!(found.candidates.len() + found.excluded.len(), 1);
    }

    fn weekly(cap: u32) -> Caps {
        Caps { daily: None, weekly: Some(cap) }
    }

    fn ana() -> Rep {
        fixture::rep("ana")
    }

    fn american(source: &str) -> Lead {
        let mut lead = fixture::lead();
        lead.company.country = Some("US".to_owned());
        lead.source = source.to_owned();
        lead
    }

    #[test]
    fn team_and_territory() {
        let outsider = || Rep { id: id("zoe"), ..ana() };
        let check = |tier, rep: Rep, lead: Lead, expect: Option<Excluded>| {
            let config = fixture::config();
            let rules = place(&config, &lead, &fixture::verdict(), None, tier);
            let config = Config { reps: vec![rep], ..config };
            let found = eligible(&config, &lead, &id("smb"), tier, &rules, &Ledger::new(&config));
            assert_eq!(found.excluded.into_values().next(), expect);
        };
        let outside = || Some(Excluded::OutsideTerritory { territory: id("americas") });
        let elsewhere = Rep { team: id("enterprise"), ..outsider() };
        check(
            Tier::Two,
            elsewhere,
            american("web-form"),
            Some(Excluded::OtherTeam { team: id("enterprise") }),
        );
        check(Tier::Two, ana(), american("web-form"), None);
        check(Tier::Two, Rep { id: id("eve"), ..ana() }, american("web-form"), None);
        check(Tier::Two, outsider(), american("web-form"), outside());
        check(Tier::One, outsider(), american("web-form"), outside());
        check(Tier::One, outsider(), american("demo-request"), None);
        check(Tier::Two, outsider(), american("demo-request"), outside());
        check(Tier::Two, outsider(), fixture::lead(), None);
    }

    #[test]
    fn capacity_bands_are_real_valued() {
        let full = |open, max| Some(Excluded::OverCapacity { open, max });
        let at = |open, max| Some(Excluded::AtCapacity { open, max });
        for (open, max, three, one) in [
            (0, 1, None, None),
            (7, 10, None, None),
            (9, 10, None, None),
            (90, 100, None, None),
            (91, 100, at(91, 100), None),
            (901, 1000, at(901, 1000), None),
            (23, 25, at(23, 25), None),
            (99, 100, at(99, 100), None),
            (7, 8, None, None),
            (1, 1, full(1, 1), full(1, 1)),
            (10, 10, full(10, 10), full(10, 10)),
            (12, 10, full(12, 10), full(12, 10)),
            (u32::MAX, 10, full(u32::MAX, 10), full(u32::MAX, 10)),
        ] {
            let rep = || Rep { open, max_open: max, ..ana() };
            check(Tier::Three, rep(), fixture::lead(), three.clone());
            check(Tier::Two, rep(), fixture::lead(), three);
            check(Tier::One, rep(), fixture::lead(), one);
        }
    }

    #[test]
    fn the_first_reason_holds() {
        let away_and_full = Rep { available: false, open: 10, caps: weekly(0), ..ana() };
        check(Tier::One, away_and_full, fixture::lead(), Some(Excluded::Unavailable));
        let busy = |week| Rep { caps: weekly(5), week, ..ana() };
        check(Tier::One, busy(5), fixture::lead(), Some(Excluded::WeeklyCap { assigned: 5, cap: 5 }));
        check(Tier::Three, busy(4), fixture::lead(), None);
    }

    #[test]
    fn deal_sizes_are_hard_where_both_are_stated() {
        let check = |min, max, value: Option<f64>, fits: bool| {
            let rep = Rep { deal_min: min, deal_max: max, ..ana() };
            let lead = Lead { value, ..fixture::lead() };
            let reason = value.filter(|_| !fits).map(|value| Excluded::DealSize { value });
            check(Tier::Three, rep, lead, reason);
        };
        check(None, None, Some(1e9), true);
        check(Some(50e3), Some(250e3), None, true);
        check(Some(50e3), Some(250e3), Some(50e3), true);
        check(Some(50e3), Some(250e3), Some(250e3), true);
        check(Some(50e3), Some(250e3), Some(49_999.99), false);
        check(Some(50e3), None, Some(0.0), false);
        check(None, Some(50e3), Some(50_000.01), false);
    }

    #[test]
    fn language_excludes_only_where_somebody_speaks_it() {
        let mut config = fixture::config();
        let rep = |name: &str, tags: &[&str]| Rep {
            languages: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..fixture::rep(name)
        };
        config.reps = vec![rep("ana", &["en", "pt-PT"]), rep("ben", &["EN"]), rep("cy", &[])];
        let check = |language: Option<&str>, expect: &[&str]| {
            let mut lead = fixture::lead();
            lead.contact.language = language.map(str::to_owned);
            let ledger = Ledger::new(&config);
            let rules = RulesTrace::default();
            let found = eligible(&config, &lead, &id("smb"), Tier::Two, &rules, &ledger);
            assert_eq!(found.candidates, expect.iter().map(|rep| id(rep)).collect::<Vec<_>>());
            let profiles: Vec<_> = candidates(&config, &found).iter().map(|rep| rep.id.clone()).collect();
            assert_eq!(profiles, found.candidates);
        };
        check(None, &["ana", "ben", "cy"]);
        check(Some("pt-BR"), &["ana"]);
        check(Some("en-GB"), &["ana", "ben"]);
        check(Some("ja"), &["ana", "ben", "cy"]);
    }

    #[test]
    fn an_owner_is_kept_from_it_only_when_away_or_full() {
        let config = fixture::config();
        let check = |tier, change: fn(&mut Rep), expect: Option<Excluded>| {
            let mut reps = config.reps.clone();
            change(&mut reps[0]);
            let config = Config { reps, ..fixture::config() };
            let rules = RulesTrace { owner: Some(id("ana")), ..RulesTrace::default() };
            assert_eq!(owner_excluded(&config, &rules, tier, &Ledger::new(&config)), expect);
        };
        check(Tier::Three, |_| (), None);
        check(Tier::Three, |rep| rep.team = id("enterprise"), None);
        check(Tier::Three, |rep| rep.open = 9, None);
        check(Tier::Three, |rep| rep.available = false, Some(Excluded::Unavailable));
        check(Tier::One, |rep| rep.open = 10, Some(Excluded::OverCapacity { open: 10, max: 10 }));
    }

    #[test]
    fn nobody_has_a_reason() {
        let away = || Excluded::Unavailable;
        let other = || Excluded::OtherTeam { team: id("enterprise") };
        let outside = || Excluded::OutsideTerritory { territory: id("americas") };
        let full = || Excluded::OverCapacity { open: 1, max: 1 };
        let weekly = || Excluded::WeeklyCap { assigned: 1, cap: 1 };
        let size = || Excluded::DealSize { value: 1.0 };
        let check = |reasons: Vec<Excluded>, cause, reason| {
            let excluded =
                reasons.into_iter().enumerate().map(|(i, reason)| (id(&format!("rep-{i}")), reason));
            let trace = EligibilityTrace {
                team: id("smb"),
                candidates: vec![],
                excluded: excluded.collect(),
                others: vec![],
            };
            assert_eq!(why_nobody(&trace), (cause, reason), "{trace:?}");
        };
        check(vec![], Cause::NoCandidate, Unassigned::NoSeller);
        check(vec![other(), other()], Cause::NoCandidate, Unassigned::NoSeller);
        check(vec![other(), outside()], Cause::NoCandidate, Unassigned::NoTerritory);
        check(vec![outside(), away(), other()], Cause::NoCandidate, Unassigned::NotAvailable);
        check(vec![away(), full(), outside()], Cause::AllAtCapacity, Unassigned::NoCapacity);
        check(vec![size(), weekly()], Cause::AllAtCapacity, Unassigned::NoCapacity);
        check(vec![size(), outside()], Cause::NoCandidate, Unassigned::NoSeller);
    }

    prop_compose! {
        fn any_rep()(
            team in prop::sample::select(vec!["smb", "enterprise"]),
            (open, max_open) in (0..12u32, 1..12u32),
            week in 0..4u32,
            weekly_cap in prop::option::of(0..4u32),
            available in any::<bool>(),
            deal_min in prop::option::of(0.0..100.0f64),
            language in prop::sample::select(vec!["en", "pt", "ja"]),
        ) -> Rep {
            Rep {
                team: id(team), open, max_open, week, available, deal_min,
                caps: Caps { daily: None, weekly: weekly_cap },
                languages: vec![language.to_owned()],
                ..fixture::rep("any")
            }
        }
    }

    proptest! {
        #[test]
        fn everybody_is_candidate_or_excluded(
            reps in prop::collection::vec(any_rep(), 0..12),
            tier in 1..=3u8,
            value in prop::option::of(0.0..100.0f64),
            language in prop::option::of(prop::sample::select(vec!["en-GB", "pt", "de"])),
            country in prop::option::of(prop::sample::select(vec!["US", "PT"])),
        ) {
            let mut config = fixture::config();
            config.reps = reps;
            for (i, rep) in config.reps.iter_mut().enumerate() {
                rep.id = id(&format!("rep-{i}"));
            }
            config.territories[0].primary = vec![id("rep-0"), id("rep-3")];
            config.territory_index = TerritoryIndex::new(&config.territories);
            let mut lead = Lead { value, ..fixture::lead() };
            lead.contact.language = language.map(str::to_owned);
            lead.company.country = country.map(str::to_owned);
            let tier = Tier::try_from(tier).unwrap();
            let rules = place(&config, &lead, &fixture::verdict(), None, tier);
            let ledger = Ledger::new(&config);
            let found = eligible(&config, &lead, &id("smb"), tier, &rules, &ledger);
            for rep in &config.reps {
                let candidate = found.candidates.contains(&rep.id);
                prop_assert!(candidate != found.excluded.contains_key(&rep.id), "{rep:?}");
                if candidate {
                    prop_assert!(rep.available && rep.open < rep.max_open);
                    prop_assert!(rep.team.as_str() == "smb");
                }
            }
            prop_assert_eq!(found.candidates.len() + found.excluded.len(), config.reps.len());
        }
    }
}
