//! The fallback at work: its actions, tried in order.

use super::{Numbered, Stranded, carry_out, last_resort, refuses};
use crate::config::Config;
use crate::counters::View;
use crate::decision::{FallbackTrace, Outcome, RulesTrace, SelectTrace, Unassigned};
use crate::lead::TeamId;
use crate::tenant::Tenant;

/// A team's manager decides, or people do where it has none.
pub(super) fn manager(config: &Config, team: TeamId) -> Outcome {
    let manager = config.team(&team).and_then(|team| team.manager.clone());
    let reason = Unassigned::Missed;
    match manager {
        Some(manager) => Outcome::Manager { team, manager, reason },
        None => last_resort(reason),
    }
}

/// The first of the fallback's actions that can be carried out.
pub(super) fn fall_back(
    tenant: &Tenant,
    prepared: &Numbered<'_>,
    (rules, reason): (&RulesTrace, Unassigned),
    trace: &mut FallbackTrace,
    counters: &View<'_>,
) -> (Outcome, Option<SelectTrace>) {
    let config = &tenant.config;
    let (demand, facts) = (prepared.demand(), prepared.facts());
    let asking = prepared.asking(tenant, &demand, &facts);
    let stranded = Stranded {
        demand,
        rules,
        confidence: prepared.verdict.confidence,
        prefers: &prepared.prefers,
        bars: &|rep| config.reps.place(&rep.id).and_then(|place| refuses(&asking, place, rep, counters)),
        reason,
    };
    for tried in &mut trace.actions {
        match carry_out(&tried.action, config, stranded, counters, prepared.seed) {
            Ok(done) => return done,
            Err(refused) => tried.refused = Some(refused),
        }
    }
    (last_resort(reason), None)
}
