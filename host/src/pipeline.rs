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

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value as Json;

use crate::config::Config;
use crate::counters::Ledger;
use crate::decision::{
    self, AssignedBy, Cause, ClassifyTrace, Decision, EligibilityTrace, EnrichTrace, FallbackTrace, Flag,
    KnownTrace, Match, Method, NormaliseTrace, Outcome, Past, Pick, RulesTrace, ScoreTrace, TierTrace,
    Unassigned,
};
use crate::lead::{Account, Lead, Rep, RepId, RuleId, SkillNeed, Verdict};
use crate::plugin::VisibleLead;
use crate::records::Records;
use crate::rules::{Around, Facts, RulesFound, disagreements, segments};
use crate::tenant::{Cast, Learned, Tenant};
use crate::zones::zone;

mod accounts;
mod answers;
mod ask;
mod brief;
mod capacity;
mod carry_out;
mod claims;
mod conflict;
mod counted;
mod duplicates;
mod effects;
mod eligible;
mod fall_back;
mod fits;
mod handover;
mod known;
mod mode;
mod never;
mod normalise;
mod outside;
mod place;
mod prepared;
mod presence;
mod queue;
mod rank;
mod recall;
mod scarcity;
mod select;
mod skills;
mod tier;
mod way;
mod why;
mod write;

#[cfg(test)]
pub(crate) mod fixture;

pub use accounts::{AccountFound, account};
pub use answers::{Answers, answers};
pub use brief::brief;
pub use capacity::{Demand, RuleCaps, full, load, over_capacity, room, units};
pub use carry_out::{LAST_QUEUE, Stranded, carry_out, last_resort};
pub use claims::{Claim, Settled, claims};
pub use conflict::conflict;
pub use duplicates::duplicate;
pub use effects::{Decided, effects, tell_manager};
pub use eligible::{Asking, bars, candidates, eligible, passes, refuses, why_nobody};
pub use fits::{Fits, Hours, NEUTRAL, Wanted, complexity, fits};
pub use handover::{handover, works};
pub use known::{freed, known, note};
pub use mode::mode;
pub use never::never;
pub use normalise::{Refusal, normalise};
pub use outside::{Beside, Live, Offline, Outside, Recorded, Watched};
pub use place::{Located, People, people, place, territories_of};
pub use presence::{Moment, absent, free_from, free_now, not_soon};
pub use queue::{Pool, preferring, queue};
pub use rank::{Scored, rank};
pub use recall::{Kept, recall};
pub use select::{Nobody, Picked, Picking, select};
pub use skills::{Skilled, minutes_waited, missing_specialists, skills};
pub use tier::tier;
pub use why::{Routed, why};

use counted::{count, looked_at, queues};
use fall_back::{fall_back, manager};
use scarcity::price;
use way::{Way, way};
use write::{After, write};

/// What one tenant's leads change: counters, and what is known of those that came.
#[derive(Debug, Clone)]
pub struct State {
    /// Open work, new leads, turns.
    pub ledger: Ledger,
    /// Leads of this run, as the CRM would have them.
    pub seen: Records,
}

impl State {
    /// As the folder has it.
    pub fn new(config: &Config) -> Self {
        Self { ledger: Ledger::new(config), seen: Records::default() }
    }

    /// As a decision saw it.
    pub fn from_recorded(config: &Config, trace: &decision::Trace) -> Self {
        let mut seen = Records::default();
        trace.known.seen.iter().for_each(|record| seen.note(record.clone()));
        Self { ledger: Ledger::from_recorded(config, &trace.counters), seen }
    }
}

/// Decides about one lead and counts the decision. A message that is no lead is refused.
///
/// `at` is now, for every rule that needs the time; `number` is 1 for the lead's first decision, and `past`
/// is what is known of it from before.
pub fn route(
    tenant: &Tenant,
    received: &Json,
    (at, number, past): (Timestamp, u32, Past),
    outside: &dyn Outside,
    state: &mut State,
) -> Result<Decision, Refusal> {
    let prepared = prepare(tenant, received, past.since.unwrap_or(at), outside)?;
    Ok(settle(tenant, &Numbered::new(tenant, &prepared, (at, number, past)), outside, state))
}

/// The same, where it is said who answers.
pub fn route_by(
    tenant: &Tenant,
    cast: Arc<Cast>,
    received: &Json,
    (at, number, past): (Timestamp, u32, Past),
    outside: &dyn Outside,
    state: &mut State,
) -> Result<Decision, Refusal> {
    let prepared = prepare_by(tenant, cast, received, past.since.unwrap_or(at), outside)?;
    Ok(settle(tenant, &Numbered::new(tenant, &prepared, (at, number, past)), outside, state))
}

/// A lead up to where counters begin to matter: its lane, tier, territory and rules.
pub struct Prepared {
    cast: Arc<Cast>,
    learned: Learned,
    received: Json,
    /// When it came.
    since: Timestamp,
    lead: Lead,
    visible: VisibleLead,
    normalise: NormaliseTrace,
    enrich: Vec<EnrichTrace>,
    classify: ClassifyTrace,
    verdict: Verdict,
    /// Why it is not routed, where it is kept out.
    kept_out: Option<Unassigned>,
    tier: TierTrace,
    account: Option<Account>,
    complexity: Option<f32>,
    rules: RulesTrace,
    found: RulesFound,
    skills: Vec<SkillNeed>,
    caps: Vec<RuleCaps>,
    flags: Vec<Flag>,
    units: u32,
    prefers: Vec<bool>,
}

/// A prepared lead whose turn has come: which of its decisions this is, what is known of it from before, and
/// what ties are drawn from.
pub struct Numbered<'p> {
    prepared: &'p Prepared,
    at: Timestamp,
    number: u32,
    past: Past,
    seed: u64,
}

/// The first half of evaluation: it reads no counters, so leads can be prepared in any order. `at` is when
/// the lead came.
pub fn prepare(
    tenant: &Tenant,
    received: &Json,
    at: Timestamp,
    outside: &dyn Outside,
) -> Result<Prepared, Refusal> {
    let (normalise, learned) = normalised(tenant, received, at, outside)?;
    let by = learned.by.clone();
    let tenant = by.as_deref().unwrap_or(tenant);
    let cast = tenant.cast(drawn_by(&normalise));
    Ok(ask_cast(tenant, (cast, learned), received.clone(), at, normalise, outside))
}

/// The same, where it is said who answers.
pub fn prepare_by(
    tenant: &Tenant,
    cast: Arc<Cast>,
    received: &Json,
    at: Timestamp,
    outside: &dyn Outside,
) -> Result<Prepared, Refusal> {
    let normalise = normalise(received, &tenant.config, at)?;
    let learned = Learned { by: None, ..learned(tenant, &normalise, outside) };
    Ok(ask_cast(tenant, (cast, learned), received.clone(), at, normalise, outside))
}

/// A lead in its proper form, and what counts for it. Its arm follows from its account as the configuration in force has it;
/// where the arm has another configuration, the lead is read by that one.
fn normalised(
    tenant: &Tenant,
    received: &Json,
    at: Timestamp,
    outside: &dyn Outside,
) -> Result<(NormaliseTrace, Learned), Refusal> {
    let found = normalise(received, &tenant.config, at)?;
    let learned = learned(tenant, &found, outside);
    let found = match &learned.by {
        Some(by) => normalise(received, &by.config, at)?,
        None => found,
    };
    Ok((found, learned))
}

/// What a canary and an arm are drawn by: the same for all leads of one account.
fn drawn_by(normalise: &NormaliseTrace) -> &str {
    let lead = &normalise.lead;
    let account = normalise.account.as_deref().or(lead.company.domain.as_deref());
    account.unwrap_or(lead.id.as_str())
}

/// What was learned, as it counts for a lead: the same for all of one account.
fn learned(tenant: &Tenant, normalise: &NormaliseTrace, outside: &dyn Outside) -> Learned {
    match outside.decided() {
        Some(decision) => tenant.learned_in(decision.trace.arm.clone()),
        None => tenant.learned(drawn_by(normalise)),
    }
}

fn ask_cast(
    tenant: &Tenant,
    (cast, learned): (Arc<Cast>, Learned),
    received: Json,
    since: Timestamp,
    normalise: NormaliseTrace,
    outside: &dyn Outside,
) -> Prepared {
    let (lead, enrich) = ask::enrich(tenant, &cast, normalise.lead.clone(), outside);
    let visible = VisibleLead::new(&lead);
    let classify = ask::classify(tenant, &cast, &lead, &visible, outside);
    assemble(tenant, Asked { cast, learned, received, since, normalise, lead, visible, enrich, classify })
}

/// A lead once its enrichers and its classifier have answered.
struct Asked {
    cast: Arc<Cast>,
    learned: Learned,
    received: Json,
    since: Timestamp,
    normalise: NormaliseTrace,
    lead: Lead,
    visible: VisibleLead,
    enrich: Vec<EnrichTrace>,
    classify: ClassifyTrace,
}

/// The rest of the first half: no plugin is asked any more.
fn assemble(tenant: &Tenant, asked: Asked) -> Prepared {
    let Tenant { config, roster, .. } = tenant;
    let Asked { cast, learned, received, since, normalise, lead, visible, enrich, classify } = asked;
    let kept_out = never(config, &normalise.lead, since);
    let verdict = classify.verdict.clone().unwrap_or_else(|| ask::no_verdict(config));
    let tier = tier(config, &lead, &verdict);
    let account = normalise.account.as_ref().and_then(|domain| config.accounts.get(domain));
    let complexity = complexity(roster, &lead, &verdict);
    let segments = segments(&config.segments, &lead);
    let facts = Facts::new(&lead, &verdict).with(Around {
        segments: &segments,
        tier: tier.tier,
        account,
        complexity: complexity.map(f64::from),
    });
    let found = config.rules.evaluate(&facts);
    let handover = handover(config, &lead, account, &facts, complexity);
    let prefers = if config.prefers.is_empty() { Vec::new() } else { preferring(config, &facts) };
    drop(facts);

    let mut flags: Vec<Flag> = kept_out.as_ref().and_then(|(_, flag)| flag.clone()).into_iter().collect();
    if let Some(lane) = &verdict.lane {
        flags.extend(disagreements(&config.segments, &lead, Some(lane)).into_iter().map(|(table, row)| {
            let (segment, value) = (table.name.clone(), row.is.clone());
            Flag::SegmentsDisagree { segment, value, lane: lane.clone() }
        }));
    }
    let said = |(rule, text): (&RuleId, &str)| Flag::Rule { rule: rule.to_string(), text: text.to_owned() };
    flags.extend(found.flags().map(said));
    let rules = RulesTrace {
        owner: account.and_then(|account| works(config, account, lead.kind, &handover)).cloned(),
        said: found.said(),
        handover,
        segments,
        ..place(config, &lead, &verdict, account, tier.tier)
    };
    Prepared {
        cast,
        learned,
        received,
        since,
        units: units(config, &lead, verdict.lane.as_ref(), tier.tier, found.units()),
        skills: found.skills(),
        caps: found.caps().map(|(rule, caps)| RuleCaps { rule: rule.clone(), caps }).collect(),
        kept_out: kept_out.map(|(reason, _)| reason),
        lead,
        visible,
        normalise,
        enrich,
        classify,
        verdict,
        tier,
        account: account.cloned(),
        complexity,
        rules,
        found,
        flags,
        prefers,
    }
}

/// Evaluations of one lead before the fallback settles it.
const ATTEMPTS: usize = 3;

/// The second half, as often as the counters move under it, and the commit.
pub fn settle(
    tenant: &Tenant,
    prepared: &Numbered<'_>,
    outside: &dyn Outside,
    state: &mut State,
) -> Decision {
    for _ in 1..ATTEMPTS {
        let evaluated = evaluate(tenant, prepared, outside, state);
        if let Ok(decision) = commit(tenant, prepared, evaluated, state) {
            return decision;
        }
    }
    let mut evaluated = evaluate(tenant, prepared, outside, state);
    if evaluated.fallback.is_none() {
        let nobody = Nobody { cause: Cause::AllAtCapacity, reason: Unassigned::NoCapacity };
        evaluated.fallback = Some(ask::fallback(prepared.by(tenant), prepared, nobody, outside));
    }
    commit(tenant, prepared, evaluated, state)
        .unwrap_or_else(|Stale| unreachable!("a lead with a fallback is never stale"))
}

/// A lead with its ranked candidates or with the fallback's answer: everything but the last word.
pub struct Evaluated {
    known: KnownTrace,
    rules: RulesTrace,
    way: Way,
    eligibility: Option<EligibilityTrace>,
    score: Option<ScoreTrace>,
    /// Set where it is already clear that nobody can be picked.
    fallback: Option<(Nobody, FallbackTrace)>,
}

impl Evaluated {
    /// Who could take it, where a team was asked.
    pub fn eligibility(&self) -> Option<&EligibilityTrace> {
        self.eligibility.as_ref()
    }

    /// The ranked candidates, where the pick is all that is left to do.
    pub fn matches(&self) -> Option<&[Match]> {
        let open = matches!(self.way, Way::Matched(_)) && self.fallback.is_none();
        self.score.as_ref().filter(|_| open).map(|score| score.matches.as_slice())
    }
}

/// The second half of evaluation, with the counters as they are known.
pub fn evaluate(tenant: &Tenant, prepared: &Numbered<'_>, outside: &dyn Outside, state: &State) -> Evaluated {
    let tenant = prepared.by(tenant);
    let Tenant { config, roster, .. } = tenant;
    let Prepared { lead, tier, account, .. } = prepared.prepared;
    let counters = &state.ledger.at(prepared.at).in_arm(prepared.in_arm());
    let (seed, demand) = (prepared.seed, prepared.demand());
    let facts = prepared.facts();
    let asking = prepared.asking(tenant, &demand, &facts);
    let known = known(config, &state.seen, lead, account.as_ref(), prepared.at);
    let claims = claims(prepared.rules.owner.as_ref(), &known, &prepared.rules.handover, &prepared.found);
    let settled = claims::settle(claims, |rep| {
        let place = config.reps.place(rep)?;
        bars(&asking, place, config.reps.get(place)?, counters)
    });
    let mut rules = RulesTrace { claims: settled.trace, ..prepared.rules.clone() };
    if let Some((owner, reason)) = settled.owner {
        rules.owner = Some(owner);
        rules.owner_excluded = Some(reason);
    }
    let mut evaluated =
        Evaluated { known, rules, way: Way::Triage, eligibility: None, score: None, fallback: None };
    let strand = |mut evaluated: Evaluated, cause, reason| {
        let nobody = Nobody { cause, reason };
        evaluated.fallback = Some(ask::fallback(tenant, prepared, nobody, outside));
        evaluated
    };

    match way(config, prepared, settled.won) {
        Ok(way) => evaluated.way = way,
        Err((cause, reason)) => return strand(evaluated, cause, reason),
    }
    let Way::Matched(team) = &evaluated.way else { return evaluated };

    let eligibility = eligible(&asking, team, counters);
    let team = team.clone();
    let reps = candidates(config, &eligibility);
    let nobody = reps.is_empty().then(|| why_nobody(&eligibility));
    evaluated.eligibility = Some(eligibility);
    if let Some((cause, reason)) = nobody {
        return strand(evaluated, cause, reason);
    }
    let theirs = lead.contact.timezone.as_deref().and_then(zone);
    let hours = |rep: &Rep| {
        let known = config.hours.of(config.reps.place(&rep.id)?)?;
        Some(known.schedule().overlap(theirs.as_ref()?, lead.received_at))
    };
    let fits = fits(config, prepared.wanted(roster, &evaluated.rules, Some(&hours)), &reps);
    let (mut score, scores) = ask::score(tenant, prepared, &reps, &fits, counters, outside);
    let Some(scores) = scores else {
        evaluated.score = Some(score);
        return strand(evaluated, Cause::PluginFailed, Unassigned::PluginFailed);
    };
    let scored = Scored { candidates: &reps, factors: &scores.factors, rows: &scores.rows };
    score.matches = rank(config, tier.tier, scored, counters, seed);
    score.factors = scores.factors;
    price(config, prepared, &mut score.matches, counters);
    let picked = prepared.pick(tenant, &team, &score.matches, score.win.as_ref(), counters);
    evaluated.score = Some(score);
    match picked {
        Ok(_) => evaluated,
        Err(Nobody { cause, reason }) => strand(evaluated, cause, reason),
    }
}

/// The counters moved, and nobody is left of those who were ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale;

/// Says the last word with the counters as they are now, counts it, and notes the lead for those to come.
pub fn commit(
    tenant: &Tenant,
    prepared: &Numbered<'_>,
    evaluated: Evaluated,
    state: &mut State,
) -> Result<Decision, Stale> {
    let tenant = prepared.by(tenant);
    let config = &tenant.config;
    let Evaluated { known, rules, way, eligibility, score, mut fallback } = evaluated;
    let counters = state.ledger.at(prepared.at).in_arm(prepared.in_arm());
    let team_of = |rep: &RepId| config.rep(rep).map(|rep| rep.team.clone()).ok_or(Stale);
    let (outcome, select) = match (&mut fallback, way) {
        (Some((nobody, trace)), _) => fall_back(tenant, prepared, (&rules, nobody.reason), trace, &counters),
        (None, Way::Claimed(rep, by)) => {
            let total = match &prepared.past.pick {
                Some(Pick::Approved { total, .. }) => *total,
                _ => None,
            };
            (Outcome::Assigned { team: team_of(&rep)?, rep, total, by }, None)
        }
        (None, Way::Track(track, by)) => (Outcome::Track { track, by }, None),
        (None, Way::Queue(queue, reason)) => (Outcome::Held { queue, reason }, None),
        (None, Way::Manager(team)) => (manager(config, team), None),
        (None, Way::Triage) => (Outcome::Triage, None),
        (None, Way::Matched(team)) => {
            let score = score.as_ref().ok_or(Stale)?;
            let picked = prepared
                .pick(tenant, &team, &score.matches, score.win.as_ref(), &counters)
                .map_err(|_| Stale)?;
            let by = match (&rules.owner_excluded, picked.trace.method, &rules.owner) {
                (Some(_), _, Some(owner)) => AssignedBy::Cover { owner: owner.clone() },
                (_, Method::Rotation, _) => AssignedBy::Rotation,
                (_, Method::Batch, _) => AssignedBy::Batch,
                (_, Method::FastestQualified | Method::HighestTotal | Method::Trial, _) => AssignedBy::Match,
            };
            let team = team_of(&picked.rep)?;
            (Outcome::Assigned { rep: picked.rep, team, total: Some(picked.total), by }, Some(picked.trace))
        }
    };
    let fallback = fallback.map(|(_, trace)| trace);
    let capping = prepared.capping();
    let looked_at = looked_at(config, &rules, eligibility.as_ref(), fallback.as_ref(), &outcome);
    let queues = queues(config, &prepared.demand(), eligibility.as_ref(), fallback.as_ref());
    let seen = counters.record(&looked_at, &prepared.counted_by(), queues);
    let after = After { known, rules, eligibility, score, select, fallback, counters: seen };
    let decision = write(tenant, prepared, outcome, after);
    count(tenant, prepared, &decision, &capping, state);
    Ok(decision)
}

/// Counts a decision that was made before, as [`commit`] counted it then.
pub fn take_in(tenant: &Tenant, prepared: &Numbered<'_>, decision: &Decision, state: &mut State) {
    count(prepared.by(tenant), prepared, decision, &prepared.capping(), state);
}
