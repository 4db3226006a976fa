//! Why a lead went where it went, in one line.

use crate::config::Config;
use crate::decision::{
    AssignedBy, BatchPick, Cause, Factor, Known, Match, Method, Outcome, RulesTrace, ScoreTrace, SelectTrace,
    TrackedBy,
};
use crate::failure::clean;
use crate::lead::{Destination, LaneId, Lead, RepId, TeamId, Tier, Verdict};

/// A lead that has gone its way, with what its decision is explained from.
#[derive(Debug, Clone, Copy)]
pub struct Routed<'a> {
    /// Whose lead it is.
    pub config: &'a Config,
    /// The lead.
    pub lead: &'a Lead,
    /// The classifier's answer, where one counts.
    pub verdict: Option<&'a Verdict>,
    /// The lane it took.
    pub lane: Option<&'a LaneId>,
    /// Its tier.
    pub tier: Tier,
    /// Account and territory.
    pub rules: &'a RulesTrace,
    /// How well each candidate fits, where anybody was scored.
    pub score: Option<&'a ScoreTrace>,
    /// Who was picked from, where anybody was.
    pub select: Option<&'a SelectTrace>,
    /// Why the fallback was asked, where it was.
    pub fallback: Option<Cause>,
    /// Why a person decided so, where one did.
    pub reason: Option<&'a str>,
    /// The account it belongs to, by its domain.
    pub account: Option<&'a str>,
    /// Whether a person approved what was suggested.
    pub approved: bool,
    /// What the optimum of its batch says, where it was part of one.
    pub batch: Option<&'a BatchPick>,
    /// Where it went.
    pub outcome: &'a Outcome,
}

impl<'a> Routed<'a> {
    /// The candidate's row, where the rep was scored.
    pub(super) fn scored(&self, rep: &RepId) -> Option<(&'a Match, &'a [Factor])> {
        let score = self.score?;
        let found = score.matches.iter().find(|found| found.rep == *rep)?;
        Some((found, &score.factors))
    }

    pub(super) fn rep_name(&self, rep: &'a RepId) -> &'a str {
        self.config.rep(rep).map_or(rep.as_str(), |rep| &rep.name)
    }

    pub(super) fn team_name(&self, team: &'a TeamId) -> &'a str {
        let team = (team, self.config.teams.iter().find(|known| known.id == *team));
        team.1.map_or(team.0.as_str(), |team| &team.name)
    }

    pub(super) fn lane_name(&self) -> &'a str {
        let name = |lane: &'a LaneId| self.config.lane(lane).map_or(lane.as_str(), |lane| &lane.name);
        self.lane.map_or("none", name)
    }
}

/// One line for a person: why there.
pub fn why(routed: &Routed<'_>) -> String {
    match routed.outcome {
        Outcome::Assigned { total, .. } if routed.approved => match total {
            Some(total) => format!("a person approved the suggestion, a match of {total:.1}"),
            None => "a person approved the suggestion".to_owned(),
        },
        Outcome::Assigned { rep, team, by, .. } => match by {
            AssignedBy::Match | AssignedBy::Rotation => picked(routed, rep),
            AssignedBy::NamedAccount => {
                format!("{} the account {}", works(routed, rep), account(routed))
            }
            AssignedBy::Cover { owner: owner_id } => {
                let reason = routed.rules.owner_excluded.as_ref();
                let reason = reason.map(|reason| format!(" and {reason}")).unwrap_or_default();
                let owner = routed.rep_name(owner_id);
                let claim = routed.rules.claims.iter().find(|claim| claim.excluded.is_some());
                let theirs = match claim.map(|claim| &claim.by) {
                    Some(AssignedBy::Master { record }) => format!("has the record {}", clean(record, 80)),
                    Some(AssignedBy::Sticky { .. }) => format!("has the account {}", account(routed)),
                    _ => format!("{} the account {}", works(routed, owner_id), account(routed)),
                };
                format!("covers for {owner}, who {theirs}{reason}; {}", picked(routed, rep))
            }
            AssignedBy::Fallback => {
                format!("next in turn in team {}{}", routed.team_name(team), since(routed.fallback))
            }
            AssignedBy::Rule { rule } => format!("the rule {rule} names them"),
            AssignedBy::Sticky { known: Known::Contact } => "has had this contact before".to_owned(),
            AssignedBy::Sticky { known: Known::Account } => {
                format!("has other contacts of the account {}", account(routed))
            }
            AssignedBy::Master { record } => {
                format!("has the record {} that this one repeats", clean(record, 80))
            }
            AssignedBy::Relay { from } => format!("takes over from {}", routed.rep_name(from)),
            AssignedBy::Batch => batch(routed, rep),
            AssignedBy::Person => match routed.reason {
                Some(reason) => format!("a person decided so: {}", clean(reason, 200)),
                None => "a person decided so".to_owned(),
            },
        },
        Outcome::Manager { team, manager, reason } => {
            format!("{manager} decides for team {}, since {reason}", routed.team_name(team))
        }
        Outcome::Held { queue, reason } => format!("waits in the queue {}, since {reason}", clean(queue, 80)),
        Outcome::Track { track, by: TrackedBy::Lane } => {
            format!("the lane {} leads to the track {track}", routed.lane_name())
        }
        Outcome::Track { track, by: TrackedBy::Rule } => format!("a rule leads to the track {track}"),
        Outcome::Track { track, by: TrackedBy::Fallback } => {
            format!("the fallback chose the track {}{}", clean(track, 80), since(routed.fallback))
        }
        Outcome::Triage => left_to_people(routed),
    }
}

/// A lane can lead to people, or to a track that is closed to leads the classifier is not sure about (X1).
fn left_to_people(routed: &Routed<'_>) -> String {
    let lane = routed.lane.and_then(|lane| routed.config.lane(lane));
    match lane.map(|lane| &lane.to) {
        Some(Destination::Track(track)) => {
            let track = clean(track, 80);
            format!("the classifier was not sure, so people decide instead of the track {track}")
        }
        _ => format!("the lane {} leads to people who decide", routed.lane_name()),
    }
}

/// The factors that made most of a total, in the order of what they brought; only those that are good.
pub(super) fn best_factors<'a>(found: &'a Match, factors: &'a [Factor]) -> Vec<(String, f32)> {
    let mut good: Vec<(&Factor, f32)> =
        factors.iter().zip(found.factors.iter().copied()).filter(|(_, value)| *value >= 50.0).collect();
    good.sort_by(|(a, x), (b, y)| (b.weight * y).total_cmp(&(a.weight * x)));
    good.into_iter().take(3).map(|(factor, value)| (in_words(&factor.name), value)).collect()
}

/// A plugin's name for something as words: `deal-size` is "deal size".
pub(super) fn in_words(name: &str) -> String {
    clean(&name.replace(['-', '_'], " "), 60)
}

/// "a", "a and b", "a, b and c".
pub(super) fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// Why the optimum gives a lead to this rep, and why not to whoever matches it best.
fn batch(routed: &Routed<'_>, rep: &RepId) -> String {
    let picked = picked(routed, rep);
    let found = match routed.batch.is_some_and(|batch| batch.bounded) {
        true => "the best found for the batch",
        false => "the best for the batch",
    };
    // Who matches it better, and why they do not have it.
    let better = |batch: &&BatchPick| batch.total.is_none_or(|total| total < batch.best_total);
    let Some(batch) = routed.batch.filter(better) else { return format!("{found}, {picked}") };
    let (best, total) = (routed.rep_name(&batch.best), batch.best_total);
    // Room that lets one lead more be assigned is worth a whole match more than any value.
    let price = match (batch.price, batch.best_price) {
        (Some(here), Some(there)) if there >= 100.0 && here < 100.0 => {
            ", and a place there lets another lead be assigned".to_owned()
        }
        (Some(here), Some(there)) if there > here => {
            format!(", where a place is worth {:.1} points more to the batch", there - here)
        }
        _ => String::new(),
    };
    format!("{found}, {picked}; {best} matches it at {total:.1}{price}")
}

fn picked(routed: &Routed<'_>, rep: &RepId) -> String {
    let strong = routed.scored(rep).map(|(found, factors)| strengths(found, factors)).unwrap_or_default();
    let candidates = routed.score.map_or(1, |score| score.matches.len());
    let Some(select) = routed.select else { return format!("the best match{strong}") };
    let pool = select.pool.len();
    match select.method {
        Method::FastestQualified => {
            let profile = routed.config.rep(rep);
            let free = if select.free_now { " who are free now" } else { "" };
            let speed = profile.and_then(|rep| rep.response_seconds);
            match (pool, speed) {
                (1, _) if free.is_empty() => format!("the best match{strong}"),
                (1, _) => format!("the best match who is free now{strong}"),
                (_, None) => format!("one of the {pool} best matches{free}{strong}"),
                (_, Some(speed)) => {
                    format!("the fastest to respond ({}) of the {pool} best{free}{strong}", duration(speed))
                }
            }
        }
        Method::HighestTotal if select.fast && pool == 1 => {
            format!("the best of those who respond fastest, for a lead that cannot wait{strong}")
        }
        Method::HighestTotal if select.fast => {
            format!("the best of the {pool} who respond fastest, for a lead that cannot wait{strong}")
        }
        Method::HighestTotal if candidates == 1 => format!("the only candidate{strong}"),
        Method::HighestTotal => format!("the best of {candidates} candidates{strong}"),
        Method::Trial => {
            format!("a draw among the {pool} who may well win it, so that it is learned who does{strong}")
        }
        Method::Batch if candidates == 1 => format!("the only candidate that is left{strong}"),
        Method::Batch => format!("among {candidates} candidates{strong}"),
        Method::Rotation if pool == 1 => format!("the only one who matches well enough{strong}"),
        Method::Rotation => format!("next in turn among the {pool} best of {candidates}{strong}"),
    }
}

/// ": territory 100 and deal size 90".
fn strengths(found: &Match, factors: &[Factor]) -> String {
    let best: Vec<String> =
        best_factors(found, factors).into_iter().map(|(name, value)| format!("{name} {value:.0}")).collect();
    if best.is_empty() { String::new() } else { format!(": {}", listed(&best)) }
}

fn since(cause: Option<Cause>) -> String {
    cause.map(|cause| format!(", since {cause}")).unwrap_or_default()
}

fn account<'a>(routed: &Routed<'a>) -> &'a str {
    let company = &routed.lead.company;
    let own = || company.domain.as_deref().or(company.name.as_deref()).unwrap_or("of this company");
    routed.account.unwrap_or_else(own)
}

/// An account's SDR works it and does not own it.
pub(super) fn works(routed: &Routed<'_>, rep: &RepId) -> &'static str {
    let account = routed.account.and_then(|domain| routed.config.accounts.get(domain));
    match account
        .is_some_and(|account| account.sdr.as_ref() == Some(rep) && account.owner.as_ref() != Some(rep))
    {
        true => "works",
        false => "owns",
    }
}

fn duration(seconds: u32) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::decision::{CallTrace, Excluded, Unassigned};
    use crate::digest::Digest;
    use crate::pipeline::fixture::{self, id};

    /// Ana with 88, Ben with 80.
    pub(crate) fn score() -> ScoreTrace {
        let factor = |name: &str, weight| Factor { name: name.to_owned(), weight };
        let found = |rep: &str, total, factors: [f32; 4]| Match {
            rep: id(rep),
            factors: factors.to_vec(),
            total,
            price: 0.0,
            passed_over: None,
        };
        ScoreTrace {
            call: CallTrace {
                export: "scorer.score".to_owned(),
                plugin: Digest::of("scorer"),
                fuel: 12_345,
                memory: 131_072,
                log: vec![],
                fields: Default::default(),
                failure: None,
            },
            fits: vec![],
            factors: vec![
                factor("territory", 0.4),
                factor("deal-size", 0.3),
                factor("industry", 0.2),
                factor("capacity", 0.1),
            ],
            matches: vec![
                found("ana", 88.0, [100.0, 90.0, 80.0, 50.0]),
                found("ben", 80.0, [100.0, 100.0, 40.0, 20.0]),
            ],
            win: None,
        }
    }

    fn select(method: Method, pool: &[&str]) -> SelectTrace {
        let chance = |place: usize| if place == 0 { 1.0 } else { 0.0 };
        let pool: Vec<(RepId, f64)> =
            pool.iter().enumerate().map(|(place, rep)| (id(rep), chance(place))).collect();
        SelectTrace {
            free_now: false,
            fast: false,
            method,
            turns: crate::lead::Turns::Credit,
            queue: "smb".to_owned(),
            picked: pool[0].0.clone(),
            pool,
            preferred: false,
            passed_over: Default::default(),
        }
    }

    fn assigned(by: AssignedBy) -> Outcome {
        Outcome::Assigned { rep: id("ana"), team: id("smb"), total: Some(88.0), by }
    }

    #[test]
    fn scored() {
        let check = |by, select: SelectTrace, response, free_now, expect: &str| {
            let mut config = fixture::config();
            config.reps[0].response_seconds = response;
            let select = SelectTrace { free_now, ..select };
            let mut lead = fixture::lead();
            lead.company.domain = Some("named.example".to_owned());
            let rules = RulesTrace { owner_excluded: Some(Excluded::Unavailable), ..Default::default() };
            let (score, outcome) = (score(), assigned(by));
            let found = why(&Routed {
                config: &config,
                lead: &lead,
                verdict: None,
                lane: None,
                tier: Tier::Two,
                rules: &rules,
                score: Some(&score),
                select: Some(&select),
                fallback: None,
                reason: None,
                account: None,
                approved: false,
                batch: None,
                outcome: &outcome,
            });
            assert_eq!(found, expect);
        };
        let with = ": territory 100, deal size 90 and industry 80";
        let check_match = |method, pool: &[&str], response, free, expect: &str| {
            check(AssignedBy::Match, select(method, pool), response, free, &format!("{expect}{with}"));
        };
        check_match(Method::HighestTotal, &["ana", "ben"], None, true, "the best of 2 candidates");
        let fastest = Method::FastestQualified;
        let both = ["ana", "ben"];
        check_match(
            fastest,
            &both,
            Some(240),
            true,
            "the fastest to respond (4 min) of the 2 best who are free now",
        );
        check_match(fastest, &both, Some(90), false, "the fastest to respond (90 s) of the 2 best");
        check_match(fastest, &both, None, true, "one of the 2 best matches who are free now");
        check_match(fastest, &["ana"], None, true, "the best match who is free now");
        let turn = format!("next in turn among the 2 best of 2{with}");
        check(AssignedBy::Rotation, select(Method::Rotation, &both), None, true, &turn);
        let alone = format!("the only one who matches well enough{with}");
        check(AssignedBy::Rotation, select(Method::Rotation, &["ana"]), None, true, &alone);
        check(
            AssignedBy::Cover { owner: id("ben") },
            select(Method::HighestTotal, &both),
            None,
            true,
            &format!(
                "covers for ben, who owns the account named.example and takes no new leads now; \
                 the best of 2 candidates{with}"
            ),
        );
    }

    #[test]
    fn unscored() {
        let check = |outcome: Outcome, fallback, expect: &str| {
            let (config, mut lead) = (fixture::config(), fixture::lead());
            lead.company.domain = Some("named.example".to_owned());
            let lane = id("self-serve");
            let found = why(&Routed {
                config: &config,
                lead: &lead,
                verdict: None,
                lane: Some(&lane),
                tier: Tier::Two,
                rules: &RulesTrace::default(),
                score: None,
                select: None,
                fallback,
                reason: None,
                account: None,
                approved: false,
                batch: None,
                outcome: &outcome,
            });
            assert_eq!(found, expect);
        };
        let (team, reason) = (id("smb"), Unassigned::NoCapacity);
        let full = Some(Cause::AllAtCapacity);
        check(assigned(AssignedBy::NamedAccount), None, "owns the account named.example");
        check(
            assigned(AssignedBy::Fallback),
            full,
            "next in turn in team SMB, since whoever could still take it has no room now",
        );
        check(
            Outcome::Manager { team, manager: "mia".to_owned(), reason },
            full,
            "mia decides for team SMB, since whoever could still take it has no room now",
        );
        let reason = Unassigned::NotAvailable;
        check(
            Outcome::Held { queue: "later".to_owned(), reason },
            Some(Cause::NoCandidate),
            "waits in the queue later, since whoever could still take it is away",
        );
        let track = |by| Outcome::Track { track: "trial".to_owned(), by };
        check(track(TrackedBy::Lane), None, "the lane SELF-SERVE leads to the track trial");
        check(
            track(TrackedBy::Fallback),
            Some(Cause::Refused),
            "the fallback chose the track trial, since the classifier found no lane for it",
        );
        let unsure = "the classifier was not sure, so people decide instead of the track trial";
        check(Outcome::Triage, None, unsure);
    }

    #[test]
    fn left_to_people_by_the_lane() {
        let mut config = fixture::config();
        config.lanes[0].to = Destination::Triage;
        let (lead, lane) = (fixture::lead(), config.lanes[0].id.clone());
        let found = why(&Routed {
            config: &config,
            lead: &lead,
            verdict: None,
            lane: Some(&lane),
            tier: Tier::Three,
            rules: &RulesTrace::default(),
            score: None,
            select: None,
            fallback: None,
            reason: None,
            account: None,
            approved: false,
            batch: None,
            outcome: &Outcome::Triage,
        });
        assert_eq!(found, "the lane SMB leads to people who decide");
    }
}
