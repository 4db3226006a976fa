//! From who qualifies to who closes: whether a lead that somebody has goes on to another team (S2.19, P18).
//!
//! A tenant says so by size, in a condition, or by how complex a lead is. Who takes over is the relay of
//! whoever has it, where they are of that team; else somebody is matched there.

use crate::config::{Config, HandoverRule};
use crate::decision::{Handover, HandoverCause, HandoverTrace};
use crate::lead::Lead;
use crate::rules::Facts;

/// The first handover that asks for this lead. `facts` are of the same lead; `complexity` is from 0 to 1.
pub fn handover(config: &Config, lead: &Lead, facts: &Facts<'_>, complexity: Option<f32>) -> HandoverTrace {
    let mut trace = HandoverTrace::default();
    let Some(from) = lead.owner.as_deref().and_then(|owner| config.rep_called(owner)) else { return trace };
    for rule in config.known.handovers.iter().filter(|rule| rule.from == from.team) {
        let Some(because) = cause(rule, facts, complexity, &mut trace.unanswered) else { continue };
        let to = rule.to.clone();
        let relay = from.relay.clone().filter(|relay| config.rep(relay).is_some_and(|rep| rep.team == to));
        trace.taken = Some(Handover { from: from.id.clone(), to, relay, because });
        break;
    }
    trace
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
