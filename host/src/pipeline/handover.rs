//! From who qualifies to who closes: whether a lead that somebody has goes on to another team (S2.19, P18).
//!
//! A tenant says so by size, in a condition, or by how complex a lead is. Who takes over is the relay of
//! whoever has it, where they are of that team; else somebody is matched there. Where it comes from whoever
//! works an account's new contacts, the account's owner comes first ([`works`]).

use crate::config::{Config, HandoverRule};
use crate::decision::{Handover, HandoverCause, HandoverTrace};
use crate::lead::{Account, Kind, Lead, RepId, TeamId};
use crate::pipeline::accounts::keeper;
use crate::rules::Facts;

/// The first handover that asks for this lead. Whoever has it is its owner in the CRM, and then who works its
/// account. `facts` are of the same lead; `complexity` is from 0 to 1.
pub fn handover(
    config: &Config,
    lead: &Lead,
    account: Option<&Account>,
    facts: &Facts<'_>,
    complexity: Option<f32>,
) -> HandoverTrace {
    let mut trace = HandoverTrace::default();
    let owner = lead.owner.as_deref().and_then(|owner| config.rep_called(owner));
    let keeps = account.and_then(|account| config.rep(keeper(account, lead.kind)?));
    let have_it = [owner, keeps.filter(|keeps| owner.is_none_or(|owner| owner.id != keeps.id))];
    let rules = have_it.into_iter().flatten().flat_map(|from| {
        let theirs = config.known.handovers.iter().filter(|rule| rule.from == from.team);
        theirs.map(move |rule| (from, rule))
    });
    for (from, rule) in rules {
        let Some(because) = cause(rule, facts, complexity, &mut trace.unanswered) else { continue };
        let to = rule.to.clone();
        let relay = from.relay.clone().filter(|relay| is_of(config, relay, &to));
        trace.taken = Some(Handover { from: from.id.clone(), to, relay, because });
        break;
    }
    trace
}

/// Whose the lead is by its account: who works it; or, where it is handed over, the account's owner or who works
/// it, if they are of the team that takes over.
pub fn works<'a>(
    config: &Config,
    account: &'a Account,
    kind: Kind,
    handover: &HandoverTrace,
) -> Option<&'a RepId> {
    let keeper = keeper(account, kind)?;
    match &handover.taken {
        Some(taken) => {
            let mut theirs = account.owner.iter().chain([keeper]);
            theirs.find(|rep| is_of(config, rep, &taken.to))
        }
        None => Some(keeper),
    }
}

fn is_of(config: &Config, rep: &RepId, team: &TeamId) -> bool {
    config.rep(rep).is_some_and(|rep| rep.team == *team)
}

fn cause(
    rule: &HandoverRule,
    facts: &Facts<'_>,
    complexity: Option<f32>,
    unanswered: &mut Vec<String>,
) -> Option<HandoverCause> {
    if let Some(when) = &rule.when {
        match when.holds(facts) {
            Ok(true) => return Some(HandoverCause::When(when.source().to_owned())),
            Ok(false) => {}
            Err(why) => unanswered.push(format!("{}: {why}", when.source())),
        }
    }
    let complexity = complexity.filter(|value| rule.complexity.is_some_and(|least| *value >= least))?;
    Some(HandoverCause::Complexity(complexity))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::{Rep, Reps};
    use crate::pipeline::fixture::{self, id};
    use crate::rules::Condition;

    const LARGE: &str = "lead.value >= 50000.0";

    #[test]
    fn from_who_qualifies_to_who_closes() {
        let check =
            |owner: Option<&str>, value: Option<f64>, complexity: Option<f32>, expect: HandoverTrace| {
                let mut config = fixture::config();
                config.reps = Reps::from(vec![
                    Rep {
                        relay: Some(id("eve")),
                        email: Some("ana@us.example".to_owned()),
                        ..fixture::rep("ana")
                    },
                    // Whose relay is of another team than the one asked for.
                    Rep { relay: Some(id("ana")), ..fixture::rep("ben") },
                    Rep { team: id("enterprise"), ..fixture::rep("eve") },
                ]);
                config.known.handovers = vec![HandoverRule {
                    from: id("smb"),
                    to: id("enterprise"),
                    when: Condition::compile(LARGE).ok(),
                    complexity: Some(0.6),
                }];
                let lead = Lead { owner: owner.map(str::to_owned), value, ..fixture::lead() };
                let verdict = fixture::verdict();
                let found = handover(&config, &lead, None, &Facts::new(&lead, &verdict), complexity);
                assert_eq!(found, expect, "{owner:?} {value:?} {complexity:?}");
            };
        let taken = |from: &str, relay: Option<&str>, because| HandoverTrace {
            taken: Some(crate::decision::Handover {
                from: id(from),
                to: id("enterprise"),
                relay: relay.map(id),
                because,
            }),
            unanswered: vec![],
        };
        let large = || HandoverCause::When(LARGE.to_owned());
        let unanswered = vec![format!("{LARGE}: lead.value is absent")];
        let nothing = HandoverTrace::default;

        check(Some("ana"), Some(50_000.0), None, taken("ana", Some("eve"), large()));
        check(Some("Ana@US.example"), Some(1e9), Some(0.1), taken("ana", Some("eve"), large()));
        check(Some("ben"), Some(50_000.0), None, taken("ben", None, large()));
        check(Some("ana"), Some(49_999.0), Some(0.59), nothing());
        check(Some("ana"), Some(0.0), Some(0.6), taken("ana", Some("eve"), HandoverCause::Complexity(0.6)));
        check(Some("ana"), None, None, HandoverTrace { taken: None, unanswered: unanswered.clone() });
        let complex = taken("ana", Some("eve"), HandoverCause::Complexity(0.9));
        check(Some("ana"), None, Some(0.9), HandoverTrace { unanswered, ..complex });
        check(Some("eve"), Some(1e9), Some(1.0), nothing());
        check(Some("bot@us.example"), Some(1e9), Some(1.0), nothing());
        check(None, Some(1e9), Some(1.0), nothing());
    }
    #[test]
    fn who_works_an_account_hands_it_over_to_its_owner() {
        let check_owned =
            |owner: Option<&str>, account: Account, kind: Kind, value: f64, expect: Option<&str>| {
                let mut config = fixture::config();
                config.reps = Reps::from(vec![
                    Rep { relay: Some(id("zoe")), ..fixture::rep("ana") },
                    Rep { team: id("enterprise"), ..fixture::rep("eve") },
                    Rep { team: id("enterprise"), ..fixture::rep("zoe") },
                    fixture::rep("ben"),
                ]);
                config.known.handovers = vec![HandoverRule {
                    from: id("smb"),
                    to: id("enterprise"),
                    when: Condition::compile(LARGE).ok(),
                    complexity: None,
                }];
                let lead =
                    Lead { kind, value: Some(value), owner: owner.map(str::to_owned), ..fixture::lead() };
                let verdict = fixture::verdict();
                let found = handover(&config, &lead, Some(&account), &Facts::new(&lead, &verdict), None);
                let got = works(&config, &account, kind, &found)
                    .or(found.taken.as_ref().and_then(|taken| taken.relay.as_ref()));
                assert_eq!(got.map(RepId::as_str), expect, "{account:?} {kind:?} {value}");
            };
        let check = |account, kind, value, expect| check_owned(None, account, kind, value, expect);
        let of = |owner: Option<&str>, sdr: Option<&str>| Account {
            domain: "key.example".to_owned(),
            name: "Key".to_owned(),
            owner: owner.map(id),
            sdr: sdr.map(id),
            attention: None,
        };
        check(of(Some("eve"), Some("ana")), Kind::Lead, 10_000.0, Some("ana"));
        check(of(Some("eve"), Some("ana")), Kind::Lead, 50_000.0, Some("eve"));
        check(of(Some("eve"), Some("ana")), Kind::Deal, 50_000.0, Some("eve"));
        // The owner is of another team than the one that closes, or there is none: the relay takes over.
        check(of(Some("ben"), Some("ana")), Kind::Lead, 50_000.0, Some("zoe"));
        check(of(None, Some("ana")), Kind::Lead, 50_000.0, Some("zoe"));
        check(of(Some("eve"), None), Kind::Lead, 50_000.0, Some("eve"));
        check(of(None, None), Kind::Lead, 50_000.0, None);
        // Also where somebody else of either team has the lead in the CRM.
        for owner in ["ben", "zoe"] {
            check_owned(Some(owner), of(Some("eve"), Some("ana")), Kind::Lead, 50_000.0, Some("eve"));
        }
    }
}
