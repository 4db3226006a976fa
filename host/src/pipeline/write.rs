//! The decision with its explanation and its trace.

use super::{
    Decided, Numbered, Prepared, Routed, ask, brief, conflict, effects, free_from, missing_specialists, mode,
    over_capacity, why,
};
use crate::config::Config;
use crate::decision::{
    self, ClassifyTrace, Decision, EligibilityTrace, FallbackTrace, Flag, KnownTrace, Outcome, Pick,
    RulesTrace, ScoreTrace, SelectTrace, Triage, Versions,
};
use crate::lead::{Confidence, Mode, Verdict};
use crate::tenant::Tenant;

/// What the stages behind `prepare` left for the trace.
pub(super) struct After {
    pub(super) known: KnownTrace,
    pub(super) rules: RulesTrace,
    pub(super) eligibility: Option<EligibilityTrace>,
    pub(super) score: Option<ScoreTrace>,
    pub(super) select: Option<SelectTrace>,
    pub(super) fallback: Option<FallbackTrace>,
    pub(super) counters: decision::Seen,
}

/// The decision with its explanation and its trace.
pub(super) fn write(tenant: &Tenant, prepared: &Numbered<'_>, outcome: Outcome, after: After) -> Decision {
    let config = &tenant.config;
    let Prepared { verdict, tier, lead, classify, found, .. } = prepared.prepared;
    let After { known, rules, eligibility, mut score, select, fallback, counters } = after;
    if let (Some(model), Some(win), Outcome::Assigned { rep, .. }) =
        (&prepared.learned.model, score.as_mut().and_then(|score| score.win.as_mut()), &outcome)
        && win.untrusted.is_none()
    {
        win.because = model.because(&prepared.learned_by(config), rep);
    }
    let routed = Routed {
        config,
        lead,
        verdict: classify.verdict.as_ref(),
        lane: verdict.lane.as_ref(),
        tier: tier.tier,
        rules: &rules,
        score: score.as_ref(),
        select: select.as_ref(),
        fallback: fallback.as_ref().map(|fallback| fallback.cause),
        reason: match &prepared.past.pick {
            Some(Pick::Person { reason, .. }) => Some(reason.as_str()),
            _ => None,
        },
        account: prepared.normalise.account.as_deref(),
        approved: matches!(prepared.past.pick, Some(Pick::Approved { .. })),
        batch: match &prepared.past.pick {
            Some(Pick::Batch(batch)) => Some(batch),
            Some(Pick::Person { .. } | Pick::Approved { .. } | Pick::Manager { .. }) | None => None,
        },
        outcome: &outcome,
    };
    let (why, brief) = (why(&routed), brief(&routed));
    let flags = flags(config, prepared, eligibility.as_ref(), score.as_ref(), &outcome);
    let trigger = prepared.past.trigger;
    let mode = match (&outcome, &prepared.past.pick) {
        // What a person decided holds; a batch is published for review (S3.12).
        (_, Some(Pick::Person { .. } | Pick::Approved { .. } | Pick::Manager { .. })) => Mode::Auto,
        (Outcome::Assigned { .. }, Some(Pick::Batch(_))) => Mode::Suggest,
        (Outcome::Assigned { .. }, None) => {
            let rule = found.mode().map(|(_, mode)| mode);
            mode(&config.handling.mode, lead, verdict.lane.as_ref(), tier.tier, rule)
        }
        _ => Mode::Auto,
    };
    let due = config.due(tier.tier, prepared.at);
    let free_from = match &outcome {
        Outcome::Assigned { rep, .. } => {
            config.reps.place(rep).and_then(|place| free_from(config, place, prepared.moment()))
        }
        _ => None,
    };
    let effects = effects(
        config,
        &Decided { lead, tier: tier.tier, mode, due, outcome: &outcome, flags: &flags, trigger, free_from },
    );
    let grade = match &outcome {
        Outcome::Assigned { total, .. } => config.matching.grades.zip(*total),
        _ => None,
    };
    Decision {
        format: decision::FORMAT,
        tenant: config.tenant.clone(),
        lead: lead.id.clone(),
        number: prepared.number,
        at: prepared.at,
        lane: verdict.lane.clone(),
        confidence: verdict.confidence,
        intent: verdict.intent,
        tier: tier.tier,
        minutes: config.minutes(tier.tier),
        due,
        units: prepared.units,
        mode,
        triage: triage(classify, verdict, &outcome),
        tags: found.tags(),
        flags,
        effects,
        why,
        brief,
        outcome,
        grade: grade.map(|(ranges, total)| ranges.grade(total)),
        trace: decision::Trace {
            received: prepared.received.clone(),
            past: prepared.past.clone(),
            versions: Versions {
                model: prepared.learned.model.as_ref().map(|model| model.name()),
                ..prepared.cast.versions.clone()
            },
            arm: prepared.learned.arm.clone(),
            seed: format!("{:016x}", prepared.seed),
            normalise: prepared.normalise.clone(),
            enrich: prepared.enrich.clone(),
            classify: classify.clone(),
            tier: tier.clone(),
            rules,
            known,
            eligibility,
            score,
            select,
            fallback,
            counters,
        },
    }
}

/// Everything that somebody should know, in the order of the route.
fn flags(
    config: &Config,
    prepared: &Numbered<'_>,
    eligibility: Option<&EligibilityTrace>,
    score: Option<&ScoreTrace>,
    outcome: &Outcome,
) -> Vec<Flag> {
    let mut flags = prepared.flags.clone();
    if let Some(eligibility) = eligibility {
        flags.extend(missing_specialists(&eligibility.skills));
        flags.extend(over_capacity(eligibility));
    }
    if let (Some(score), Outcome::Assigned { .. }) = (score, outcome) {
        flags.extend(conflict(&config.matching.conflict, &score.factors, &score.matches));
    }
    flags
}

fn triage(classify: &ClassifyTrace, verdict: &Verdict, outcome: &Outcome) -> Option<Triage> {
    if ask::classifier_failed(classify) {
        Some(Triage::ClassifierFailed)
    } else if verdict.confidence == Confidence::Low {
        Some(Triage::LowConfidence)
    } else if *outcome == Outcome::Triage {
        Some(Triage::Lane)
    } else {
        None
    }
}
