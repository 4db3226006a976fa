//! Who can take a lead, and why nobody else.
//!
//! Every rep of the tenant is a candidate or has exactly one reason, the first that holds in this order:
//!
//! 1. **team**: sells in another team than the one that is asked;
//! 2. **territory**: the lead is in one whose people they are not among, neither primary nor overlay; left
//!    out where a tier-1 lead may leave its territory (X2);
//! 3. **rules**: a rule excludes them, or asks for somebody else (P12);
//! 4. **absence**: on leave or about to be, on holiday, or reported away; then, where a rule asks for people
//!    who are at work soon, not soon enough (P11);
//! 5. **over capacity**: with this lead they would be above their maximum. Holds for every tier (X3);
//! 6. **at capacity**: their load, open work over the maximum before this lead, is above the near band.
//!    Tier 1 may use what is left where the tenant lets it (X3);
//! 7. **caps**: as many new leads as they, a rule or their team may have, today or in seven days;
//! 8. **declined**: they have had this lead and did not want it (P14);
//! 9. **deal size**: the lead's value is outside the range they state; nothing where either is silent;
//! 10. **language**: they do not speak the contact's, and somebody whom nothing else excludes does. Where
//!     nobody does, it excludes nobody: a lead in the wrong language beats a lead without a rep;
//! 11. **skills**: they lack one that holds (P13).
//!
//! The near band, where only high matches are taken, needs totals and is left to ranking.
//!
//! Only the team's people are looked at, and those outside the territory are counted, not listed: what a
//! lead costs does not grow with the reps it has nothing to do with.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::config::Config;
use crate::counters::View;
use crate::decision::{Cause, EligibilityTrace, Excluded, Others, RulesTrace, Unassigned};
use crate::lead::{Lead, Rep, RepId, SkillNeed, TeamId};
use crate::pipeline::capacity::{Demand, full};
use crate::pipeline::place::{People, people};
use crate::pipeline::presence::{Moment, absent, not_soon};
use crate::pipeline::skills::skills;
use crate::roster::Roster;
use crate::rules::{Facts, RulesFound};

/// A lead that asks for candidates.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// The tenant.
    pub config: &'a Config,
    /// Its people by what they are looked up by.
    pub roster: &'a Roster,
    /// What the lead asks of whoever takes it.
    pub demand: &'a Demand<'a>,
    /// Where it is.
    pub place: &'a RulesTrace,
    /// The rules that hold for it.
    pub rules: &'a RulesFound,
    /// What they may read of it.
    pub facts: &'a Facts<'a>,
    /// Skills it asks for.
    pub skills: &'a [SkillNeed],
    /// Whole minutes that it has waited for them.
    pub waited: u32,
    /// Who has declined it.
    pub declined: &'a [RepId],
    /// Now.
    pub moment: Moment<'a>,
}

/// Everybody of a team, as candidates for this lead or with the reason why not.
pub fn eligible(asking: &Asking<'_>, team: &TeamId, counters: &View<'_>) -> EligibilityTrace {
    let Asking { config, roster, demand, place: rules, skills: needs, .. } = *asking;
    let people = people(config, rules).filter(|_| !rules.territory_waived);
    let everybody = roster.team(team);
    let inside = match &people {
        Some(people) => Cow::Owned(inside(config, people, team)),
        None => Cow::Borrowed(everybody),
    };
    let outside = u32::try_from(everybody.len() - inside.len()).unwrap_or(u32::MAX);
    let mut candidates: Vec<&Rep> = Vec::new();
    let mut excluded = BTreeMap::new();
    for &place in inside.iter() {
        let Some(rep) = config.reps.get(place) else { continue };
        let reason = refuses(asking, place, rep, counters).or_else(|| deal_size(rep, demand.lead));
        match reason {
            None => candidates.push(rep),
            Some(reason) => {
                excluded.insert(rep.id.clone(), reason);
            }
        }
    }
    if let Some(language) = &demand.lead.contact.language
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
    let skilled = skills(needs, &candidates, asking.waited);
    let mut unskilled = skilled.excluded.iter().map(|(rep, _)| rep).peekable();
    candidates.retain(|rep| unskilled.next_if(|id| **id == rep.id).is_none());
    excluded.extend(skilled.excluded);
    let mut others: Vec<Others> = Vec::new();
    if let Some(people) = people.filter(|_| outside > 0) {
        let reason = Excluded::OutsideTerritory { territory: people.territory.clone() };
        others.push(Others { reason, reps: outside });
    }
    let mut elsewhere: Vec<(&TeamId, usize)> = roster.teams().filter(|(other, _)| *other != team).collect();
    elsewhere.sort_unstable();
    others.extend(elsewhere.into_iter().map(|(team, reps)| Others {
        reason: Excluded::OtherTeam { team: team.clone() },
        reps: u32::try_from(reps).unwrap_or(u32::MAX),
    }));
    let candidates = candidates.into_iter().map(|rep| rep.id.clone()).collect();
    EligibilityTrace { team: team.clone(), candidates, excluded, others, skills: skilled.trace }
}

/// The places of a team's reps among those who may sell where the lead is, in the order of the folder.
///
/// Found from the territory's people, who are few where a tenant is large.
fn inside(config: &Config, people: &People<'_>, team: &TeamId) -> Vec<usize> {
    let mut places: Vec<usize> = people.reps().filter_map(|rep| config.reps.place(rep)).collect();
    places.retain(|place| config.reps.get(*place).is_some_and(|rep| rep.team == *team));
    places.sort_unstable();
    places.dedup();
    places
}

/// The profiles of the candidates, in the order of the folder.
pub fn candidates<'a>(config: &'a Config, eligibility: &EligibilityTrace) -> Vec<&'a Rep> {
    eligibility.candidates.iter().filter_map(|rep| config.reps.of(rep)).collect()
}

/// What keeps this rep from a lead in any team: a rule, or what [`bars`] them.
pub fn refuses(asking: &Asking<'_>, place: usize, rep: &Rep, counters: &View<'_>) -> Option<Excluded> {
    unlike(asking, place, rep).or_else(|| bars(asking, place, rep, counters))
}

/// What keeps this rep from a lead whatever they are like: absent, full, or they have declined it.
pub fn bars(asking: &Asking<'_>, place: usize, rep: &Rep, counters: &View<'_>) -> Option<Excluded> {
    let Asking { config, demand, rules, declined, moment, .. } = *asking;
    absent(config, place, moment)
        .or_else(|| not_soon(config, place, moment.at, rules.within_hours()))
        .or_else(|| full(config, rep, demand, counters))
        .or_else(|| declined.contains(&rep.id).then_some(Excluded::Declined))
}

/// Why nobody is a candidate: of everybody's reasons, the one that is nearest to being mended.
///
/// Somebody who is at work in the right place and full is nearest; then somebody away; then somebody who
/// did not want it; then a team without the skill, or without anyone for a deal of this size; then rules;
/// then a territory without anyone of the team; then a team without reps.
pub fn why_nobody(eligibility: &EligibilityTrace) -> (Cause, Unassigned) {
    let any = |test: fn(&Excluded) -> bool| eligibility.excluded.values().any(test);
    let reason = if any(is_full) {
        return (Cause::AllAtCapacity, Unassigned::NoCapacity);
    } else if any(is_absent) {
        Unassigned::NotAvailable
    } else if any(|reason| matches!(reason, Excluded::Declined)) {
        Unassigned::Declined
    } else if any(|reason| matches!(reason, Excluded::Skill { .. })) {
        Unassigned::NoSkill
    } else if any(|reason| matches!(reason, Excluded::DealSize { .. } | Excluded::Language { .. })) {
        Unassigned::NoSeller
    } else if any(|reason| matches!(reason, Excluded::ByRule { .. } | Excluded::Unlike { .. })) {
        Unassigned::Forbidden
    } else if eligibility
        .others
        .iter()
        .any(|others| matches!(others.reason, Excluded::OutsideTerritory { .. }))
    {
        Unassigned::NoTerritory
    } else {
        Unassigned::NoSeller
    };
    (Cause::NoCandidate, reason)
}

/// The language of a tag without script and region: who speaks `pt-PT` understands `pt-BR`.
pub(super) fn primary_language(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or(tag)
}

fn speaks(rep: &Rep, language: &str) -> bool {
    let wanted = primary_language(language);
    rep.languages.iter().any(|tag| primary_language(tag).eq_ignore_ascii_case(wanted))
}

/// A rule that excludes them, or asks for somebody else.
fn unlike(asking: &Asking<'_>, place: usize, rep: &Rep) -> Option<Excluded> {
    if let Some(rule) = asking.rules.excludes(&rep.id) {
        return Some(Excluded::ByRule { rule: rule.id.to_string() });
    }
    let facts = asking.roster.facts(place)?;
    let rule = asking.rules.unlike(asking.facts, facts)?;
    Some(Excluded::Unlike { rule: rule.id.to_string() })
}

fn deal_size(rep: &Rep, lead: &Lead) -> Option<Excluded> {
    let value = lead.value?;
    let below = rep.deal_min.is_some_and(|min| value < min);
    let above = rep.deal_max.is_some_and(|max| value > max);
    (below || above).then_some(Excluded::DealSize { value })
}

/// Whether a reason can end while a lead waits: somebody has room again, or is back.
pub fn passes(reason: &Excluded) -> bool {
    is_full(reason) || is_absent(reason)
}

fn is_full(reason: &Excluded) -> bool {
    matches!(
        reason,
        Excluded::OverCapacity { .. }
            | Excluded::AtCapacity { .. }
            | Excluded::NearCapacity { .. }
            | Excluded::KeptApart { .. }
            | Excluded::WeeklyCap { .. }
            | Excluded::DailyCap { .. }
            | Excluded::TeamCap { .. }
            | Excluded::RuleCap { .. }
            | Excluded::Ahead { .. }
    )
}

fn is_absent(reason: &Excluded) -> bool {
    matches!(
        reason,
        Excluded::Unavailable
            | Excluded::Leave { .. }
            | Excluded::BeforeLeave { .. }
            | Excluded::Holiday { .. }
            | Excluded::NotSoon { .. }
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::TerritoryIndex;
    use crate::counters::Ledger;
    use crate::decision::SkillTrace;
    use crate::lead::{Caps, Tier};
    use crate::pipeline::fixture::{self, id};
    use crate::pipeline::place;

    /// Everybody of the team `smb`, for a lead that no rule holds for.
    fn asked(config: &Config, lead: &Lead, tier: Tier, rules: &RulesTrace) -> EligibilityTrace {
        let (roster, found, verdict) = (Roster::new(config), RulesFound::default(), fixture::verdict());
        let (facts, demand) = (Facts::new(lead, &verdict), Demand::of(lead, tier));
        let asking = asking(config, &roster, &demand, rules, &found, &facts);
        let found = eligible(&asking, &id("smb"), &Ledger::new(config).at(lead.received_at));
        let profiles: Vec<_> = candidates(config, &found).iter().map(|rep| rep.id.clone()).collect();
        assert_eq!(profiles, found.candidates);
        found
    }

    fn asking<'a>(
        config: &'a Config,
        roster: &'a Roster,
        demand: &'a Demand<'a>,
        place: &'a RulesTrace,
        rules: &'a RulesFound,
        facts: &'a Facts<'a>,
    ) -> Asking<'a> {
        static NOBODY: BTreeMap<RepId, jiff::Timestamp> = BTreeMap::new();
        let moment = Moment { at: demand.lead.received_at, absent: &[], in_meeting: &NOBODY };
        Asking { config, roster, demand, place, rules, facts, skills: &[], waited: 0, declined: &[], moment }
    }

    /// One rep, one lead: what becomes of the rep.
    fn check(tier: Tier, rep: Rep, lead: Lead, expect: Option<Excluded>) {
        let mut config = fixture::config();
        config.reps = vec![rep].into();
        let rules = place(&config, &lead, &fixture::verdict(), None, tier);
        let found = asked(&config, &lead, tier, &rules);
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
            let config = Config { reps: vec![rep].into(), ..config };
            let found = asked(&config, &lead, tier, &rules);
            let others = found.others.into_iter().map(|others| others.reason);
            assert_eq!(found.excluded.into_values().chain(others).next(), expect);
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
        config.reps = vec![rep("ana", &["en", "pt-PT"]), rep("ben", &["EN"]), rep("cy", &[])].into();
        let check = |language: Option<&str>, expect: &[&str]| {
            let mut lead = fixture::lead();
            lead.contact.language = language.map(str::to_owned);
            let found = asked(&config, &lead, Tier::Two, &RulesTrace::default());
            assert_eq!(found.candidates, expect.iter().map(|rep| id(rep)).collect::<Vec<_>>());
        };
        check(None, &["ana", "ben", "cy"]);
        check(Some("pt-BR"), &["ana"]);
        check(Some("en-GB"), &["ana", "ben"]);
        check(Some("ja"), &["ana", "ben", "cy"]);
    }

    #[test]
    fn whoever_has_a_claim_is_kept_from_it_only_when_away_full_or_unwilling() {
        let check = |tier, change: fn(&mut Rep), declined: &[RepId], expect: Option<Excluded>| {
            let mut config = fixture::config();
            change(&mut config.reps[0]);
            let (lead, verdict, place) = (fixture::lead(), fixture::verdict(), RulesTrace::default());
            let (roster, found, facts) =
                (Roster::new(&config), RulesFound::default(), Facts::new(&lead, &verdict));
            let demand = Demand::of(&lead, tier);
            let asking = Asking { declined, ..asking(&config, &roster, &demand, &place, &found, &facts) };
            let ledger = Ledger::new(&config);
            assert_eq!(bars(&asking, 0, &config.reps[0], &ledger.at(lead.received_at)), expect);
        };
        check(Tier::Three, |_| (), &[], None);
        check(Tier::Three, |rep| rep.team = id("enterprise"), &[], None);
        check(Tier::Three, |rep| rep.open = 9, &[], None);
        check(Tier::Three, |_| (), &[id("ben")], None);
        check(Tier::Three, |_| (), &[id("ana")], Some(Excluded::Declined));
        check(Tier::Three, |rep| rep.available = false, &[], Some(Excluded::Unavailable));
        check(Tier::One, |rep| rep.open = 10, &[], Some(Excluded::OverCapacity { open: 10, max: 10 }));
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
            let of_many = |reason: &Excluded| {
                matches!(reason, Excluded::OtherTeam { .. } | Excluded::OutsideTerritory { .. })
            };
            let (others, own): (Vec<_>, Vec<_>) = reasons.into_iter().partition(of_many);
            let excluded = own.into_iter().enumerate().map(|(i, reason)| (id(&format!("rep-{i}")), reason));
            let trace = EligibilityTrace {
                team: id("smb"),
                candidates: vec![],
                excluded: excluded.collect(),
                others: others.into_iter().map(|reason| Others { reason, reps: 1 }).collect(),
                skills: SkillTrace::default(),
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
            let named = |(i, rep)| Rep { id: id(&format!("rep-{i}")), ..rep };
            config.reps = reps.into_iter().enumerate().map(named).collect();
            config.territories[0].primary = vec![id("rep-0"), id("rep-3")];
            config.territory_index = TerritoryIndex::new(&config.territories);
            let mut lead = Lead { value, ..fixture::lead() };
            lead.contact.language = language.map(str::to_owned);
            lead.company.country = country.map(str::to_owned);
            let tier = Tier::try_from(tier).unwrap();
            let rules = place(&config, &lead, &fixture::verdict(), None, tier);
            let found = asked(&config, &lead, tier, &rules);
            let mut counted = found.others.iter().map(|others| others.reps as usize).sum::<usize>();
            for rep in &config.reps {
                let candidate = found.candidates.contains(&rep.id);
                let listed = found.excluded.contains_key(&rep.id);
                prop_assert!(!(candidate && listed), "{rep:?}");
                counted += usize::from(candidate || listed);
                if candidate {
                    prop_assert!(rep.available && rep.open < rep.max_open);
                    prop_assert!(rep.team.as_str() == "smb");
                }
            }
            prop_assert_eq!(counted, config.reps.len());
        }
    }
}
