//! What a decision read of the counters, and what it changes for the leads after it.

use std::collections::BTreeMap;

use super::{Demand, Numbered, State, note, queue, room};
use crate::config::Config;
use crate::counters::Assignment;
use crate::decision::{Action, Decision, EligibilityTrace, FallbackTrace, Outcome, RulesTrace};
use crate::lead::{RepId, RuleId};
use crate::tenant::Tenant;

/// Reps whose counters the decision depends on: those it could have gone to, and those who were full.
pub(super) fn looked_at(
    config: &Config,
    rules: &RulesTrace,
    eligibility: Option<&EligibilityTrace>,
    fallback: Option<&FallbackTrace>,
    outcome: &Outcome,
) -> Vec<RepId> {
    let mut reps: Vec<RepId> = rules.claims.iter().map(|claim| claim.rep.clone()).collect();
    if let Some(eligibility) = eligibility {
        reps.extend(eligibility.candidates.iter().cloned());
        reps.extend(eligibility.excluded.keys().cloned());
    }
    // A rotation looks at the whole team, and passes over who is full.
    for tried in fallback.iter().flat_map(|fallback| &fallback.actions) {
        if let Action::RoundRobin(team) = &tried.action {
            reps.extend(config.reps.iter().filter(|rep| rep.team == *team).map(|rep| rep.id.clone()));
        }
    }
    if let Outcome::Assigned { rep, .. } = outcome {
        reps.push(rep.clone());
    }
    reps
}

/// The virtual queues a decision looked at, with those who stand in each: the candidates in their team's,
/// and whole teams that a fallback would rotate in.
pub(super) fn queues<'a>(
    config: &'a Config,
    demand: &Demand<'_>,
    eligibility: Option<&'a EligibilityTrace>,
    fallback: Option<&FallbackTrace>,
) -> BTreeMap<String, Vec<&'a RepId>> {
    let mut queues = BTreeMap::new();
    if let Some(EligibilityTrace { team, candidates, .. }) = eligibility {
        queues.insert(queue(config, team.as_str(), demand), candidates.iter().collect());
    }
    for tried in fallback.iter().flat_map(|fallback| &fallback.actions) {
        if let Action::RoundRobin(team) = &tried.action {
            let reps = config.reps.iter().filter(|rep| rep.team == *team).map(|rep| &rep.id);
            queues.insert(queue(config, team.as_str(), demand), reps.collect());
        }
    }
    queues
}

/// What a decision changes for the leads that come after it.
pub(super) fn count(
    tenant: &Tenant,
    prepared: &Numbered<'_>,
    decision: &Decision,
    capping: &[RuleId],
    state: &mut State,
) {
    let (config, trace) = (&tenant.config, &decision.trace);
    state.ledger.begin(prepared.at);
    if let Outcome::Assigned { rep, .. } = &decision.outcome
        && trace.past.trigger.counts()
    {
        let away = trace.eligibility.iter().flat_map(|eligibility| &eligibility.excluded);
        state.ledger.away(away.filter(|(_, reason)| reason.is_away()).map(|(rep, _)| rep));
        let price = config.scarcity.as_ref().zip(config.rep(rep)).map(|(pacing, profile)| {
            let counters = state.ledger.at(prepared.at).in_arm(prepared.in_arm());
            pacing.after(counters.get(rep).price, room(config, profile, &counters), prepared.at)
        });
        let (at, units, select) = (prepared.at, prepared.units, trace.select.as_ref());
        state.ledger.apply(&Assignment { rep, at, units, rules: capping, select, price });
    }
    let account = trace.normalise.account.as_deref();
    note(&mut state.seen, &prepared.lead, account, &trace.known, &decision.outcome, prepared.at);
}
