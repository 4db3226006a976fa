//! The route of one lead.
//!
//! ```text
//! received → normalise → enrich → classify → tier → rules → eligibility → score → select → Decision
//! ```
//!
//! Two phases. *Evaluate* ([`prepare`], [`evaluate`]) is everything slow and needs no lock: plugins,
//! rules, fits, scores. It reads an immutable [`Tenant`], and only its second half looks at counters, so
//! the first half of many leads can run at once. *Commit* ([`commit`]) is short and serial per tenant: it
//! selects with the counters as they are now and counts the decision. Where nobody is left of those who
//! were ranked, it answers [`Stale`], and evaluation runs again.
//!
//! Stages are pure functions in files of their own; `ask` calls the plugins. This file hands each stage's
//! value to the next and keeps the trace.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value as Json;

use crate::config::Config;
use crate::counters::Ledger;
use crate::decision::{
    self, Action, AssignedBy, CallTrace, Cause, ClassifyTrace, Decision, EligibilityTrace, EnrichTrace,
    FallbackTrace, NormaliseTrace, Outcome, RulesTrace, ScoreTrace, SelectTrace, TierTrace, TrackedBy,
    Triage, Unassigned,
};
use crate::lead::{Confidence, Destination, Lane, Lead, LeadId, Mode, RepId, Verdict};
use crate::plugin::VisibleLead;
use crate::seed::seed;
use crate::tenant::Tenant;

mod accounts;
mod ask;
mod brief;
mod carry_out;
mod conflict;
mod duplicates;
mod effects;
mod eligible;
mod fits;
mod handover;
mod known;
mod mode;
mod never;
mod normalise;
mod outside;
mod place;
mod rank;
mod select;
mod skills;
mod tier;
mod why;

#[cfg(test)]
pub(crate) mod fixture;

pub use accounts::{AccountFound, account, keeper};
pub use brief::brief;
pub use carry_out::{LAST_QUEUE, Stranded, carry_out, last_resort};
pub use conflict::conflict;
pub use duplicates::duplicate;
pub use effects::{Decided, effects};
pub use eligible::{barred, candidates, eligible, owner_excluded, why_nobody};
pub use fits::{Fits, Hours, NEUTRAL, Wanted, fits};
pub use handover::handover;
pub use known::{known, note};
pub use mode::mode;
pub use never::never;
pub use normalise::{Refusal, normalise};
pub use outside::{Live, Outside, Recorded};
pub use place::{Located, People, people, place, territories_of};
pub use rank::{Scored, fast_responders, rank};
pub use select::{Nobody, Picked, select};
pub use skills::{Skilled, minutes_waited, missing_specialists, skills};
pub use tier::tier;
pub use why::{Routed, why};

/// Decides about one lead and counts the decision. A message that is no lead is refused.
///
/// `at` is now, for every rule that needs the time; `number` is 1 for the lead's first decision.
pub fn route(
    tenant: &Tenant,
    received: &Json,
    at: Timestamp,
    number: u32,
    outside: &dyn Outside,
    ledger: &mut Ledger,
) -> Result<Decision, Refusal> {
    let prepared = prepare(tenant, received, at, outside)?;
    Ok(settle(tenant, &Numbered::new(tenant, prepared, number), outside, ledger))
}

/// A lead up to where counters begin to matter: its lane, tier and rules.
pub struct Prepared {
    received: Json,
    at: Timestamp,
    lead: Lead,
    visible: VisibleLead,
    normalise: NormaliseTrace,
    enrich: Vec<EnrichTrace>,
    classify: ClassifyTrace,
    verdict: Verdict,
    tier: TierTrace,
    rules: RulesTrace,
}

impl Prepared {
    /// Which lead it is.
    pub fn lead(&self) -> &LeadId {
        &self.lead.id
    }
}

/// A prepared lead whose turn has come: which of its decisions this is, and what ties are drawn from.
pub struct Numbered {
    prepared: Prepared,
    number: u32,
    seed: u64,
}

impl Numbered {
    /// The lead's decision of this number, from 1.
    pub fn new(tenant: &Tenant, prepared: Prepared, number: u32) -> Self {
        let seed = seed(&tenant.config.tenant, &prepared.lead.id, number);
        Self { prepared, number, seed }
    }
}

impl std::ops::Deref for Numbered {
    type Target = Prepared;
    fn deref(&self) -> &Prepared {
        &self.prepared
    }
}

/// The first half of evaluation: it reads no counters, so leads can be prepared in any order.
pub fn prepare(
    tenant: &Tenant,
    received: &Json,
    at: Timestamp,
    outside: &dyn Outside,
) -> Result<Prepared, Refusal> {
    let config = &tenant.config;
    let normalise = normalise(received, config, at)?;
    let (lead, enrich) = ask::enrich(tenant, normalise.lead.clone(), outside);
    let visible = VisibleLead::new(&lead);
    let classify = ask::classify(tenant, &lead, &visible, outside);
    let verdict = classify.verdict.clone().unwrap_or_else(|| ask::no_verdict(config));
    let tier = tier(config, &lead, &verdict);
    let account = normalise.account.as_ref().and_then(|domain| config.accounts.get(domain));
    let rules = place(config, &lead, &verdict, account, tier.tier);
    let received = received.clone();
    Ok(Prepared { received, at, lead, visible, normalise, enrich, classify, verdict, tier, rules })
}

/// Evaluations of one lead before the fallback settles it.
const ATTEMPTS: usize = 3;

/// The second half, as often as the counters move under it, and the commit.
pub fn settle(tenant: &Tenant, prepared: &Numbered, outside: &dyn Outside, ledger: &mut Ledger) -> Decision {
    for _ in 1..ATTEMPTS {
        let evaluated = evaluate(tenant, prepared, outside, ledger);
        if let Ok(decision) = commit(tenant, prepared, evaluated, ledger) {
            return decision;
        }
    }
    let mut evaluated = evaluate(tenant, prepared, outside, ledger);
    if evaluated.fallback.is_none() {
        let nobody = Nobody { cause: Cause::AllAtCapacity, reason: Unassigned::NoCapacity };
        evaluated.fallback = Some(ask::fallback(tenant, prepared, nobody, outside));
    }
    commit(tenant, prepared, evaluated, ledger)
        .unwrap_or_else(|Stale| unreachable!("a lead with a fallback is never stale"))
}

/// A lead with its ranked candidates or with the fallback's answer: everything but the last word.
pub struct Evaluated {
    rules: RulesTrace,
    way: Way,
    eligibility: Option<EligibilityTrace>,
    score: Option<ScoreTrace>,
    /// Set where it is already clear that nobody can be picked.
    fallback: Option<(Nobody, FallbackTrace)>,
}

/// Which way a lead goes, before anybody is picked.
enum Way {
    /// The account's owner takes it.
    Owner(RepId),
    /// An automated track.
    Track(String),
    /// People decide.
    Triage,
    /// One of the ranked, or the fallback.
    Matched,
}

/// The second half of evaluation, with the counters as they are known.
pub fn evaluate(tenant: &Tenant, prepared: &Numbered, outside: &dyn Outside, ledger: &Ledger) -> Evaluated {
    let config = &tenant.config;
    let Prepared { lead, tier, verdict, .. } = &prepared.prepared;
    let seed = prepared.seed;
    let rules = RulesTrace {
        owner_excluded: owner_excluded(config, &prepared.rules, tier.tier, ledger),
        ..prepared.rules.clone()
    };
    let settled = |rules, way| Evaluated { rules, way, eligibility: None, score: None, fallback: None };
    let stranded = |rules, eligibility, score, nobody| Evaluated {
        rules,
        way: Way::Matched,
        eligibility,
        score,
        fallback: Some(ask::fallback(tenant, prepared, nobody, outside)),
    };

    if ask::classifier_failed(&prepared.classify) {
        let nobody = Nobody { cause: Cause::PluginFailed, reason: Unassigned::PluginFailed };
        return stranded(rules, None, None, nobody);
    }
    let Some(lane) = verdict.lane.as_ref().and_then(|lane| config.lane(lane)) else {
        let nobody = Nobody { cause: Cause::Refused, reason: Unassigned::Refused };
        return stranded(rules, None, None, nobody);
    };
    let team = match way(lane, &rules, verdict.confidence) {
        Ok(team) => team,
        Err(way) => return settled(rules, way),
    };

    let eligibility = eligible(config, lead, team, tier.tier, &rules, ledger);
    let reps = candidates(config, &eligibility);
    if reps.is_empty() {
        let (cause, reason) = why_nobody(&eligibility);
        return stranded(rules, Some(eligibility), None, Nobody { cause, reason });
    }
    let fits = fits(config, Wanted { lead, verdict, rules: &rules, skills: &[], hours: None }, &reps);
    let (mut score, scores) = ask::score(tenant, prepared, &reps, &fits, ledger, outside);
    let Some(scores) = scores else {
        let nobody = Nobody { cause: Cause::PluginFailed, reason: Unassigned::PluginFailed };
        return stranded(rules, Some(eligibility), Some(score), nobody);
    };
    let scored = Scored { candidates: &reps, factors: &scores.factors, rows: &scores.rows };
    score.matches = rank(config, tier.tier, scored, ledger, seed);
    score.factors = scores.factors;
    match select(config, tier.tier, &score.matches, ledger, seed) {
        Ok(_) => {
            Evaluated { score: Some(score), eligibility: Some(eligibility), ..settled(rules, Way::Matched) }
        }
        Err(nobody) => stranded(rules, Some(eligibility), Some(score), nobody),
    }
}

/// The team to match in, or the way around matching. A named account's owner comes before everything
/// but triage (S3.14); an automated track is closed to leads of low confidence (X1).
fn way<'a>(
    lane: &'a Lane,
    rules: &RulesTrace,
    confidence: Confidence,
) -> Result<&'a crate::lead::TeamId, Way> {
    match (&lane.to, &rules.owner, &rules.owner_excluded) {
        (Destination::Triage, ..) => Err(Way::Triage),
        (_, Some(owner), None) => Err(Way::Owner(owner.clone())),
        (Destination::Team(team), ..) => Ok(team),
        (Destination::Track(_), ..) if confidence == Confidence::Low => Err(Way::Triage),
        (Destination::Track(track), ..) => Err(Way::Track(track.clone())),
    }
}

/// The counters moved, and nobody is left of those who were ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale;

/// Says the last word with the counters as they are now, and counts it.
pub fn commit(
    tenant: &Tenant,
    prepared: &Numbered,
    evaluated: Evaluated,
    ledger: &mut Ledger,
) -> Result<Decision, Stale> {
    let config = &tenant.config;
    let Evaluated { rules, way, eligibility, score, mut fallback } = evaluated;
    let (outcome, select) = match (&mut fallback, way) {
        (Some((nobody, trace)), _) => fall_back(tenant, prepared, (&rules, nobody.reason), trace, ledger),
        (None, Way::Owner(rep)) => {
            let team = config.rep(&rep).map(|rep| rep.team.clone()).ok_or(Stale)?;
            (Outcome::Assigned { rep, team, total: None, by: AssignedBy::NamedAccount }, None)
        }
        (None, Way::Track(track)) => (Outcome::Track { track, by: TrackedBy::Lane }, None),
        (None, Way::Triage) => (Outcome::Triage, None),
        (None, Way::Matched) => {
            let matches = score.as_ref().map_or(&[][..], |score| &score.matches);
            let picked =
                select(config, prepared.tier.tier, matches, ledger, prepared.seed).map_err(|_| Stale)?;
            let team = config.rep(&picked.rep).map(|rep| rep.team.clone()).ok_or(Stale)?;
            let by = match (&rules.owner, picked.trace.method) {
                (Some(owner), _) => AssignedBy::Cover { owner: owner.clone() },
                (None, decision::Method::Rotation) => AssignedBy::Rotation,
                (None, _) => AssignedBy::Match,
            };
            let outcome = Outcome::Assigned { rep: picked.rep, team, total: Some(picked.total), by };
            (outcome, Some(picked.trace))
        }
    };
    let fallback = fallback.map(|(_, trace)| trace);
    let seen = seen(config, &rules, eligibility.as_ref(), fallback.as_ref(), &outcome);
    let counters = ledger.snapshot(&seen);
    ledger.apply(&outcome, select.as_ref());
    let after = After { rules, eligibility, score, select, fallback, counters };
    Ok(write(tenant, prepared, outcome, after))
}

/// The first of the fallback's actions that can be carried out.
fn fall_back(
    tenant: &Tenant,
    prepared: &Numbered,
    (rules, reason): (&RulesTrace, Unassigned),
    trace: &mut FallbackTrace,
    ledger: &Ledger,
) -> (Outcome, Option<SelectTrace>) {
    let stranded =
        Stranded { rules, confidence: prepared.verdict.confidence, tier: prepared.tier.tier, reason };
    for tried in &mut trace.actions {
        match carry_out(&tried.action, &tenant.config, stranded, ledger, prepared.seed) {
            Ok(done) => return done,
            Err(refused) => tried.refused = Some(refused),
        }
    }
    (last_resort(reason), None)
}

/// Reps whose counters the decision depends on: those it could have gone to, and those who were full.
fn seen(
    config: &Config,
    rules: &RulesTrace,
    eligibility: Option<&EligibilityTrace>,
    fallback: Option<&FallbackTrace>,
    outcome: &Outcome,
) -> Vec<RepId> {
    let mut seen: Vec<RepId> = rules.owner.iter().cloned().collect();
    if let Some(eligibility) = eligibility {
        seen.extend(eligibility.candidates.iter().cloned());
        seen.extend(eligibility.excluded.keys().cloned());
    }
    // A rotation looks at the whole team, and passes over who is full.
    for tried in fallback.iter().flat_map(|fallback| &fallback.actions) {
        if let Action::RoundRobin(team) = &tried.action {
            seen.extend(config.reps.iter().filter(|rep| rep.team == *team).map(|rep| rep.id.clone()));
        }
    }
    if let Outcome::Assigned { rep, .. } = outcome {
        seen.push(rep.clone());
    }
    seen
}

/// What the stages behind `prepare` left for the trace.
struct After {
    rules: RulesTrace,
    eligibility: Option<EligibilityTrace>,
    score: Option<ScoreTrace>,
    select: Option<SelectTrace>,
    fallback: Option<FallbackTrace>,
    counters: BTreeMap<RepId, decision::Counters>,
}

/// The decision with its explanation and its trace.
fn write(tenant: &Tenant, prepared: &Numbered, outcome: Outcome, after: After) -> Decision {
    let config = &tenant.config;
    let Prepared { verdict, tier, lead, classify, .. } = &prepared.prepared;
    let After { rules, eligibility, score, select, fallback, counters } = after;
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
        outcome: &outcome,
    };
    let (why, brief) = (why(&routed), brief(&routed));
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
        due: prepared.at + jiff::SignedDuration::from_mins(config.minutes(tier.tier).into()),
        units: 1,
        mode: Mode::Auto,
        triage: triage(classify, verdict, &outcome),
        tags: Vec::new(),
        flags: Vec::new(),
        effects: Vec::new(),
        why,
        brief,
        outcome,
        trace: decision::Trace {
            received: prepared.received.clone(),
            past: decision::Past::default(),
            versions: tenant.versions.clone(),
            seed: format!("{:016x}", prepared.seed),
            normalise: prepared.normalise.clone(),
            enrich: prepared.enrich.clone(),
            classify: classify.clone(),
            tier: tier.clone(),
            rules,
            eligibility,
            score,
            select,
            fallback,
            counters,
        },
    }
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

/// What every plugin of a tenant says of one lead, whether or not its route asks them.
pub struct Answers {
    /// Facts added, by enricher.
    pub enrich: (Json, Vec<CallTrace>),
    /// The verdict.
    pub classify: (Json, Vec<CallTrace>),
    /// The factors, and a row a candidate.
    pub score: (Json, Vec<CallTrace>),
    /// The actions.
    pub fallback: (Json, Vec<CallTrace>),
}

/// Asks every plugin about a lead: for authors who try theirs.
pub fn answers(
    tenant: &Tenant,
    prepared: Prepared,
    ledger: &Ledger,
    outside: &dyn Outside,
    nobody: Nobody,
) -> Answers {
    let config = &tenant.config;
    let numbered = Numbered::new(tenant, prepared, 1);
    let enrich = &numbered.enrich;
    let added: BTreeMap<_, _> = enrich.iter().map(|trace| (&trace.name, &trace.added)).collect();
    let reps: Vec<_> = config.reps.iter().collect();
    let fits = fits(config, &numbered.lead, &numbered.verdict, &numbered.rules, &reps);
    let (score, scores) = ask::score(tenant, &numbered, &reps, &fits, ledger, outside);
    let rows = scores.map(|scores| {
        let width = scores.factors.len();
        let rows: BTreeMap<_, _> =
            reps.iter().map(|rep| &rep.id).zip(scores.rows.chunks(width).map(<[f32]>::to_vec)).collect();
        serde_json::json!({"factors": scores.factors, "rows": rows})
    });
    let (_, fallback) = ask::fallback(tenant, &numbered, nobody, outside);
    let actions: Vec<_> = fallback.actions.iter().map(|tried| &tried.action).collect();
    Answers {
        enrich: (serde_json::json!(added), enrich.iter().flat_map(|trace| trace.calls.clone()).collect()),
        classify: (serde_json::json!(numbered.classify.verdict), numbered.classify.calls.clone()),
        score: (serde_json::json!(rows), vec![score.call]),
        fallback: (serde_json::json!(actions), fallback.calls.clone()),
    }
}
