//! Who has a claim to a lead before anybody is matched (S3.14, P2, S2.19, P15, X6).
//!
//! In their order: whoever has the record that it repeats; who works the named account; who takes over from
//! whoever qualified it; the rep that a rule names; who has had the contact or the account, unless a rule
//! sends the lead elsewhere. The first who can take it gets it. An owner who cannot keeps the record, and a
//! cover is matched; every other claim goes on to the next.

use crate::decision::{AssignedBy, ClaimTrace, Excluded, HandoverTrace, Known, KnownTrace};
use crate::lead::RepId;
use crate::rules::{Route, RulesFound};

/// Somebody who would get a lead.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Who.
    pub rep: RepId,
    /// By what.
    pub by: AssignedBy,
    /// Whether they keep what they cannot take: somebody covers for them.
    pub keeps: bool,
}

/// Every claim, first first.
pub fn claims(
    owner: Option<&RepId>,
    known: &KnownTrace,
    handover: &HandoverTrace,
    rules: &RulesFound,
) -> Vec<Claim> {
    let mut claims = Vec::new();
    if let Some((duplicate, owner)) =
        known.duplicate.as_ref().and_then(|found| Some((found, found.owner.as_ref()?)))
    {
        let by = AssignedBy::Master { record: duplicate.master.id.to_string() };
        claims.push(Claim { rep: owner.clone(), by, keeps: true });
    }
    if let Some(owner) = owner {
        claims.push(Claim { rep: owner.clone(), by: AssignedBy::NamedAccount, keeps: true });
    }
    if let Some((taken, relay)) =
        handover.taken.as_ref().and_then(|taken| Some((taken, taken.relay.as_ref()?)))
    {
        let by = AssignedBy::Relay { from: taken.from.clone() };
        claims.push(Claim { rep: relay.clone(), by, keeps: false });
    }
    let route = rules.route();
    if let Some((rule, Route::Rep(rep))) = route {
        let by = AssignedBy::Rule { rule: rule.id.to_string() };
        claims.push(Claim { rep: rep.clone(), by, keeps: false });
    }
    if let (Some(relation), None, None) = (&known.relation, route, &handover.taken) {
        let by = AssignedBy::Sticky { known: relation.known };
        claims.push(Claim { rep: relation.rep.clone(), by, keeps: relation.known == Known::Account });
    }
    claims
}

/// What came of the claims.
#[derive(Debug, Default)]
pub struct Settled {
    /// Who gets it by right.
    pub won: Option<Claim>,
    /// The owner who keeps it and cannot take it, with why.
    pub owner: Option<(RepId, Excluded)>,
    /// Every claim that was looked at.
    pub trace: Vec<ClaimTrace>,
}

/// Goes through the claims until one holds, or an owner is met who has to be covered for.
pub(super) fn settle(claims: Vec<Claim>, bars: impl Fn(&RepId) -> Option<Excluded>) -> Settled {
    let mut settled = Settled::default();
    for claim in claims {
        let excluded = bars(&claim.rep);
        let trace = ClaimTrace { rep: claim.rep.clone(), by: claim.by.clone(), excluded: excluded.clone() };
        settled.trace.push(trace);
        match excluded {
            None => {
                settled.won = Some(claim);
                return settled;
            }
            Some(reason) if claim.keeps => {
                settled.owner = Some((claim.rep, reason));
                return settled;
            }
            Some(_) => {}
        }
    }
    settled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::fixture::id;

    #[test]
    fn the_first_who_can_gets_it() {
        let claim = |rep: &str, keeps| Claim { rep: id(rep), by: AssignedBy::NamedAccount, keeps };
        let check = |claims: &[(&str, bool)], away: &[&str], won: Option<&str>, covered: Option<&str>| {
            let list = claims.iter().map(|(rep, keeps)| claim(rep, *keeps)).collect();
            let settled = settle(list, |rep| away.contains(&rep.as_str()).then_some(Excluded::Unavailable));
            assert_eq!(settled.won.map(|claim| claim.rep), won.map(id), "{claims:?} {away:?}");
            assert_eq!(settled.owner.map(|(rep, _)| rep), covered.map(id), "{claims:?} {away:?}");
        };
        check(&[], &[], None, None);
        check(&[("ana", true), ("ben", false)], &[], Some("ana"), None);
        // An owner who cannot is covered for, by whoever matches and not by who claims next.
        check(&[("ana", true), ("ben", false)], &["ana"], None, Some("ana"));
        check(&[("ana", false), ("ben", false)], &["ana"], Some("ben"), None);
        check(&[("ana", false), ("ben", true)], &["ana", "ben"], None, Some("ben"));
        check(&[("ana", false)], &["ana"], None, None);
    }
}
