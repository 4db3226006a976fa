//! Who has the skills that a lead asks for, and which of them it can do without (P13, S2.13).
//!
//! In come what rules ask for and those who could take the lead apart from that; out come those who are
//! left out for a skill, and the trace of what held.
//!
//! A need without `drop_after` always holds. The others hold as long as somebody meets all of them. Where
//! nobody does, they are given up one by one until somebody is left: of those whose wait is over, the one
//! with the shortest `drop_after` first, of those the one with the highest `priority`, of those the last.
//! With the shortest wait first, a lead that waits longer gives up at least what it gave up before, so that
//! nobody who was a candidate stops being one. A decline starts the wait afresh: the full set is asked again.

use std::cmp::Reverse;

use jiff::Timestamp;

use crate::decision::{Excluded, Flag, SkillTrace};
use crate::lead::{Rep, RepId, SkillNeed};

/// Who is left out for want of a skill, and what held.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Skilled {
    /// What held and what was given up.
    pub trace: SkillTrace,
    /// Who lacks what held, with the first need they do not meet; in the order of the candidates.
    pub excluded: Vec<(RepId, Excluded)>,
}

/// Holds the candidates against the needs, for a lead that has waited so many minutes.
pub fn skills(needs: &[SkillNeed], candidates: &[&Rep], waited: u32) -> Skilled {
    let mut held: Vec<&SkillNeed> = needs.iter().collect();
    let mut dropped = Vec::new();
    let somebody = |held: &[&SkillNeed]| candidates.iter().any(|rep| unmet(rep, held).is_none());
    while !somebody(&held) {
        let due = held.iter().enumerate().filter_map(|(place, need)| {
            let wait = need.drop_after.filter(|wait| *wait <= waited)?;
            Some((wait, Reverse((need.priority, place))))
        });
        let Some((_, Reverse((_, place)))) = due.min() else { break };
        dropped.push(held.remove(place).clone());
    }
    let excluded = candidates.iter().filter_map(|rep| {
        let need = unmet(rep, &held)?;
        let (skill, level, needed) = (need.skill.clone(), level(rep, &need.skill), need.level);
        Some((rep.id.clone(), Excluded::Skill { skill, level, needed }))
    });
    let excluded = excluded.collect();
    let held = held.into_iter().cloned().collect();
    Skilled { trace: SkillTrace { waited, held, dropped }, excluded }
}

/// A flag for every skill that was given up: a generalist takes the lead, and a specialist should look at it
/// later (S2.13).
pub fn missing_specialists(trace: &SkillTrace) -> Vec<Flag> {
    trace.dropped.iter().map(|need| Flag::SpecialistMissing { skill: need.skill.clone() }).collect()
}

/// Whole minutes that a lead has waited at `now`, since it came or, where it was declined, since the last
/// time it was.
pub fn minutes_waited(received_at: Timestamp, declined_at: Option<Timestamp>, now: Timestamp) -> u32 {
    let since = declined_at.unwrap_or(received_at);
    let minutes = now.duration_since(since).as_mins();
    u32::try_from(minutes.max(0)).unwrap_or(u32::MAX)
}

/// A rep's level in a skill, 0 where they have none.
pub(super) fn level(rep: &Rep, skill: &str) -> u8 {
    rep.skills.get(skill).copied().unwrap_or(0)
}

fn unmet<'a>(rep: &Rep, needs: &[&'a SkillNeed]) -> Option<&'a SkillNeed> {
    needs.iter().copied().find(|need| level(rep, &need.skill) < need.level)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pipeline::fixture::{self, id};

    /// `soc 2` at 5, needed; or with what it takes to be dropped: `/30` after 30 minutes, `/30!2` with
    /// priority 2.
    fn need(text: &str) -> SkillNeed {
        let (text, priority) = text.split_once('!').unwrap_or((text, "0"));
        let (text, drop_after) = text.split_once('/').map_or((text, None), |(text, wait)| (text, Some(wait)));
        let (skill, level) = text.split_once(':').expect("a skill has a level");
        SkillNeed {
            skill: skill.to_owned(),
            level: level.parse().expect("a level"),
            drop_after: drop_after.map(|wait| wait.parse().expect("minutes")),
            priority: priority.parse().expect("a priority"),
        }
    }

    fn rep(name: &str, skills: &[(&str, u8)]) -> Rep {
        let skills = skills.iter().map(|(skill, level)| ((*skill).to_owned(), *level)).collect();
        Rep { skills, ..fixture::rep(name) }
    }

    #[test]
    fn skills_exclude_until_they_are_dropped() {
        let team = [rep("ana", &[("health", 8), ("sql", 3)]), rep("ben", &[("soc 2", 6)]), rep("cy", &[])];
        let check = |needs: &[&str], waited, dropped: &[&str], excluded: &[(&str, &str, u8, u8)]| {
            let needs: Vec<SkillNeed> = needs.iter().map(|text| need(text)).collect();
            let found = skills(&needs, &team.iter().collect::<Vec<_>>(), waited);
            let names: Vec<&str> = found.trace.dropped.iter().map(|need| need.skill.as_str()).collect();
            assert_eq!(names, dropped, "{needs:?} {waited}");
            let expect = excluded.iter().map(|(rep, skill, level, needed)| {
                let skill = (*skill).to_owned();
                (id(rep), Excluded::Skill { skill, level: *level, needed: *needed })
            });
            assert_eq!(found.excluded, expect.collect::<Vec<_>>(), "{needs:?} {waited}");
            let held: Vec<SkillNeed> =
                needs.into_iter().filter(|need| !names.contains(&need.skill.as_str())).collect();
            assert_eq!(found.trace.held, held);
        };
        check(&[], 0, &[], &[]);
        check(&["health:8"], 0, &[], &[("ben", "health", 0, 8), ("cy", "health", 0, 8)]);
        // What is needed stays, however long it takes, and excludes everybody.
        let all = [("ana", "health", 8, 9), ("ben", "health", 0, 9), ("cy", "health", 0, 9)];
        check(&["health:9"], 99_999, &[], &all);
        // A specialist where there is one, else a generalist at once.
        check(&["soc 2:5/0"], 0, &[], &[("ana", "soc 2", 0, 5), ("cy", "soc 2", 0, 5)]);
        check(&["soc 2:7/0"], 0, &["soc 2"], &[]);
        // Waiting for somebody.
        let all = [("ana", "sql", 3, 5), ("ben", "sql", 0, 5), ("cy", "sql", 0, 5)];
        check(&["sql:5/30"], 29, &[], &all);
        check(&["sql:5/30"], 30, &["sql"], &[]);
        // One by one, the highest number first, and no more than it takes.
        let rest = [("ben", "health", 0, 5), ("cy", "health", 0, 5)];
        check(&["health:5/10!1", "soc 2:5/10!2"], 10, &["soc 2"], &rest);
        let rest = [("ana", "soc 2", 0, 5), ("cy", "soc 2", 0, 5)];
        check(&["health:5/10!2", "soc 2:5/10!1"], 10, &["health"], &rest);
        check(&["health:9/10!2", "soc 2:9/10!1"], 10, &["health", "soc 2"], &[]);
        // Of equal priority, the last.
        check(
            &["health:5/10", "soc 2:5/10"],
            10,
            &["soc 2"],
            &[("ben", "health", 0, 5), ("cy", "health", 0, 5)],
        );
        // The shorter wait goes first, and what needs longer still holds.
        let rest = [("ana", "soc 2", 0, 5), ("cy", "soc 2", 0, 5)];
        check(&["health:5/5!1", "soc 2:5/60!9"], 60, &["health"], &rest);
    }

    #[test]
    fn what_was_given_up_is_flagged() {
        let needs = [need("health:5/0"), need("sql:5/10"), need("soc 2:5")];
        let expert = rep("ana", &[("soc 2", 5)]);
        let found = skills(&needs, &[&expert], 10);
        assert_eq!(found.trace.dropped.len(), 2);
        let flags = ["health", "sql"].map(|skill| Flag::SpecialistMissing { skill: skill.to_owned() });
        assert_eq!(missing_specialists(&found.trace), flags);
    }

    #[test]
    fn a_decline_starts_the_wait_afresh() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a moment");
        let (came, declined) = (at("2026-03-02T10:00:00Z"), at("2026-03-02T11:00:00Z"));
        let check = |declined, now: &str, expect| assert_eq!(minutes_waited(came, declined, at(now)), expect);
        check(None, "2026-03-02T11:30:59Z", 90);
        check(Some(declined), "2026-03-02T11:30:59Z", 30);
        check(None, "2026-03-02T09:00:00Z", 0);
    }

    fn any_need() -> impl Strategy<Value = SkillNeed> {
        let skill = prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned);
        (skill, 1..=10u8, prop::option::of(0..5u32), 0..3u32)
            .prop_map(|(skill, level, drop_after, priority)| SkillNeed { skill, level, drop_after, priority })
    }

    fn any_team() -> impl Strategy<Value = Vec<Rep>> {
        let levels = prop::collection::btree_map(
            prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned),
            1..=10u8,
            0..3,
        );
        prop::collection::vec(levels, 0..6).prop_map(|team| {
            let rep = |(place, skills)| Rep { skills, ..fixture::rep(&format!("rep-{place}")) };
            team.into_iter().enumerate().map(rep).collect()
        })
    }

    proptest! {
        #[test]
        fn waiting_never_shrinks_the_candidates(
            needs in prop::collection::vec(any_need(), 0..6),
            team in any_team(),
            (short, longer) in (0..6u32, 0..6u32),
        ) {
            let team: Vec<&Rep> = team.iter().collect();
            let left = |waited| -> Vec<RepId> {
                let found = skills(&needs, &team, waited);
                found.excluded.into_iter().map(|(rep, _)| rep).collect()
            };
            let (before, after) = (left(short), left(short + longer));
            prop_assert!(after.iter().all(|rep| before.contains(rep)), "{before:?} {after:?}");
        }

        #[test]
        fn dropping_takes_in_and_never_out(
            needs in prop::collection::vec(any_need(), 0..6),
            team in any_team(),
            waited in 0..6u32,
        ) {
            let team: Vec<&Rep> = team.iter().collect();
            let found = skills(&needs, &team, waited);
            // Who meets every need is a candidate, whatever was dropped.
            let meets = |rep: &&Rep| needs.iter().all(|need| level(rep, &need.skill) >= need.level);
            for rep in team.iter().copied().filter(meets) {
                prop_assert!(found.excluded.iter().all(|(excluded, _)| *excluded != rep.id));
            }
            // No more is dropped than it takes, and nothing that is needed or still waited for.
            prop_assert!(found.trace.dropped.iter().all(|need| need.drop_after.is_some_and(|wait| wait <= waited)));
            prop_assert_eq!(found.trace.held.len() + found.trace.dropped.len(), needs.len());
            if let Some(last) = found.trace.dropped.last() {
                let held: Vec<&SkillNeed> = found.trace.held.iter().chain([last]).collect();
                prop_assert!(team.iter().all(|rep| unmet(rep, &held).is_some()));
            }
        }
    }
}
