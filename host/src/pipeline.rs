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
use crate::counters::{Assignment, Ledger, View};
use crate::decision::{
    self, Action, AssignedBy, CallTrace, Cause, ClassifyTrace, Decision, EligibilityTrace, EnrichTrace,
    FallbackTrace, Flag, KnownTrace, Match, Method, NormaliseTrace, Outcome, Past, Pick, RulesTrace,
    ScoreTrace, SelectTrace, TierTrace, TrackedBy, Triage, Unassigned,
};
use crate::lead::{
    Account, Confidence, Destination, Lead, LeadId, Mode, Rep, RepId, RuleId, SkillNeed, TeamId, Tier,
    Verdict,
};
use crate::plugin::VisibleLead;
use crate::records::Records;
use crate::rules::{Around, Facts, Route, RulesFound, disagreements, segments};
use crate::seed::seed;
use crate::tenant::Tenant;
use crate::zones::zone;

mod accounts;
mod ask;
mod brief;
mod capacity;
mod carry_out;
mod claims;
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
mod presence;
mod queue;
mod rank;
mod select;
mod skills;
mod tier;
mod why;

#[cfg(test)]
pub(crate) mod fixture;

pub use accounts::{AccountFound, account, keeper};
pub use brief::brief;
pub use capacity::{Demand, RuleCaps, caps, full, load, over_capacity, room, units};
pub use carry_out::{LAST_QUEUE, Stranded, carry_out, last_resort};
pub use claims::{Claim, Settled, claims};
pub use conflict::conflict;
pub use duplicates::duplicate;
pub use effects::{Decided, effects};
pub use eligible::{Asking, bars, candidates, eligible, passes, refuses, why_nobody};
pub use fits::{Fits, Hours, NEUTRAL, Wanted, complexity, fits};
pub use handover::handover;
pub use known::{freed, known, note};
pub use mode::mode;
pub use never::never;
pub use normalise::{Refusal, normalise};
pub use outside::{Live, Outside, Recorded};
pub use place::{Located, People, people, place, territories_of};
pub use presence::{Moment, absent, free_from, free_now, not_soon};
pub use queue::{Pool, preferring, queue};
pub use rank::{Scored, fast_responders, rank};
pub use select::{Nobody, Picked, Picking, select};
pub use skills::{Skilled, minutes_waited, missing_specialists, skills};
pub use tier::tier;
pub use why::{Routed, why};

/// What one tenant's leads change: counters, and what is known of those that came.
#[derive(Debug)]
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

/// A lead up to where counters begin to matter: its lane, tier, territory and rules.
pub struct Prepared<'t> {
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
    account: Option<&'t Account>,
    complexity: Option<f32>,
    rules: RulesTrace,
    found: RulesFound<'t>,
    skills: Vec<SkillNeed>,
    caps: Vec<RuleCaps>,
    flags: Vec<Flag>,
    units: u32,
    prefers: Vec<bool>,
}

impl Prepared<'_> {
    /// Which lead it is.
    pub fn lead(&self) -> &LeadId {
        &self.lead.id
    }

    /// When it came.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Work units that it counts for.
    pub fn units(&self) -> u32 {
        self.units
    }

    /// When it was received, from which its age is counted.
    pub fn received_at(&self) -> Timestamp {
        self.lead.received_at
    }

    /// Its tier.
    pub fn tier(&self) -> Tier {
        self.tier.tier
    }

    /// What rules may read of it.
    fn facts(&self) -> Facts<'_> {
        Facts::new(&self.lead, &self.verdict).with(Around {
            segments: &self.rules.segments,
            tier: self.tier.tier,
            account: self.account,
            complexity: self.complexity.map(f64::from),
        })
    }

    /// As capacity and turns see it.
    fn demand(&self) -> Demand<'_> {
        Demand {
            lead: &self.lead,
            lane: self.verdict.lane.as_ref(),
            tier: self.tier.tier,
            units: self.units,
            rules: &self.caps,
            segments: &self.rules.segments,
        }
    }

    /// Rules that cap what they give to one rep.
    pub fn capping(&self) -> Vec<RuleId> {
        self.caps.iter().map(|caps| caps.rule.clone()).collect()
    }
}

/// A prepared lead whose turn has come: which of its decisions this is, what is known of it from before, and
/// what ties are drawn from.
pub struct Numbered<'p, 't> {
    prepared: &'p Prepared<'t>,
    at: Timestamp,
    number: u32,
    past: Past,
    seed: u64,
}

impl<'p, 't> Numbered<'p, 't> {
    /// The lead's decision of this number, from 1, at this time.
    pub fn new(
        tenant: &Tenant,
        prepared: &'p Prepared<'t>,
        (at, number, past): (Timestamp, u32, Past),
    ) -> Self {
        let seed = seed(&tenant.config.tenant, &prepared.lead.id, number);
        Self { prepared, at, number, past, seed }
    }

    fn moment(&self) -> Moment<'_> {
        Moment { at: self.at, absent: &self.past.absent }
    }

    /// As eligibility sees it.
    fn asking<'a>(&'a self, tenant: &'a Tenant, demand: &'a Demand<'a>, facts: &'a Facts<'a>) -> Asking<'a> {
        Asking {
            config: &tenant.config,
            roster: &tenant.roster,
            demand,
            place: &self.rules,
            rules: &self.found,
            facts,
            skills: &self.skills,
            waited: minutes_waited(self.lead.received_at, self.past.declined_at, self.at),
            declined: &self.past.declined,
            moment: self.moment(),
        }
    }

    /// Picks one of the matches of a team.
    fn pick(
        &self,
        tenant: &Tenant,
        team: &TeamId,
        matches: &[Match],
        counters: &View<'_>,
    ) -> Result<Picked, Nobody> {
        let Tenant { config, roster, .. } = tenant;
        if let Some(Pick::Batch(batch)) = &self.past.pick {
            return select::given(batch, matches);
        }
        let pool = Pool::team(config, team);
        let queue = queue(config, pool.name, &self.demand());
        let free: &dyn Fn(&Rep) -> bool =
            &|rep| roster.place(&rep.id).is_some_and(|place| free_now(config, place, self.moment()));
        let (tier, prefers, seed) = (self.tier.tier, &self.prefers, self.seed);
        let hurried = tier == Tier::Two && f64::from(self.verdict.intent) >= config.matching.fast_intent;
        let fast = hurried
            .then(|| fast_responders(roster.team(team).iter().filter_map(|&place| config.reps.get(place))))
            .flatten();
        let picking = Picking { config, tier, pool, queue: &queue, free, fast, prefers, seed };
        select(picking, matches, counters)
    }

    /// What candidates are to fit.
    fn wanted<'a>(&'a self, rules: &'a RulesTrace, hours: Option<Hours<'a>>) -> Wanted<'a> {
        Wanted { lead: &self.lead, verdict: &self.verdict, rules, skills: &self.skills, hours }
    }
}

impl<'t> std::ops::Deref for Numbered<'_, 't> {
    type Target = Prepared<'t>;
    fn deref(&self) -> &Prepared<'t> {
        self.prepared
    }
}

/// The first half of evaluation: it reads no counters, so leads can be prepared in any order. `at` is when
/// the lead came.
pub fn prepare<'t>(
    tenant: &'t Tenant,
    received: &Json,
    at: Timestamp,
    outside: &dyn Outside,
) -> Result<Prepared<'t>, Refusal> {
    let config = &tenant.config;
    let normalise = normalise(received, config, at)?;
    let kept_out = never(config, &normalise.lead, at);
    let (lead, enrich) = ask::enrich(tenant, normalise.lead.clone(), outside);
    let visible = VisibleLead::new(&lead);
    let classify = ask::classify(tenant, &lead, &visible, outside);
    let verdict = classify.verdict.clone().unwrap_or_else(|| ask::no_verdict(config));
    let tier = tier(config, &lead, &verdict);
    let account = normalise.account.as_ref().and_then(|domain| config.accounts.get(domain));
    let complexity = complexity(config, &lead, &verdict);
    let segments = segments(&config.segments, &lead);
    let facts = Facts::new(&lead, &verdict).with(Around {
        segments: &segments,
        tier: tier.tier,
        account,
        complexity: complexity.map(f64::from),
    });
    let found = config.rules.evaluate(&facts);
    let handover = handover(config, &lead, &facts, complexity);
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
        owner: account.and_then(|account| keeper(account, lead.kind)).cloned(),
        said: found.said(),
        handover,
        segments,
        ..place(config, &lead, &verdict, account, tier.tier)
    };
    Ok(Prepared {
        received: received.clone(),
        since: at,
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
        account,
        complexity,
        rules,
        found,
        flags,
        prefers,
    })
}

/// Evaluations of one lead before the fallback settles it.
const ATTEMPTS: usize = 3;

/// The second half, as often as the counters move under it, and the commit.
pub fn settle(
    tenant: &Tenant,
    prepared: &Numbered<'_, '_>,
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
        evaluated.fallback = Some(ask::fallback(tenant, prepared, nobody, outside));
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

/// Which way a lead goes, before anybody is picked.
enum Way {
    /// Somebody has a claim to it, or a person gave it to them.
    Claimed(RepId, AssignedBy),
    /// An automated track.
    Track(String, TrackedBy),
    /// A queue that people pick from.
    Queue(String, Unassigned),
    /// A team's manager.
    Manager(TeamId),
    /// People decide.
    Triage,
    /// One of a team's ranked, or the fallback.
    Matched(TeamId),
}

/// The second half of evaluation, with the counters as they are known.
pub fn evaluate(
    tenant: &Tenant,
    prepared: &Numbered<'_, '_>,
    outside: &dyn Outside,
    state: &State,
) -> Evaluated {
    let Tenant { config, roster, .. } = tenant;
    let Prepared { lead, tier, account, .. } = prepared.prepared;
    let (seed, demand, counters) = (prepared.seed, prepared.demand(), &state.ledger.at(prepared.at));
    let facts = prepared.facts();
    let asking = prepared.asking(tenant, &demand, &facts);
    let known = known(config, &state.seen, lead, *account, prepared.at);
    let claims = claims(prepared.rules.owner.as_ref(), &known, &prepared.rules.handover, &prepared.found);
    let settled = claims::settle(claims, |rep| {
        let place = roster.place(rep)?;
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
    let reps = candidates(config, roster, &eligibility);
    let nobody = reps.is_empty().then(|| why_nobody(&eligibility));
    evaluated.eligibility = Some(eligibility);
    if let Some((cause, reason)) = nobody {
        return strand(evaluated, cause, reason);
    }
    let theirs = lead.contact.timezone.as_deref().and_then(zone);
    let hours = |rep: &Rep| {
        let known = config.hours.of(roster.place(&rep.id)?)?;
        Some(known.schedule().overlap(theirs.as_ref()?, lead.received_at))
    };
    let fits = fits(config, prepared.wanted(&evaluated.rules, Some(&hours)), &reps);
    let (mut score, scores) = ask::score(tenant, prepared, &reps, &fits, counters, outside);
    let Some(scores) = scores else {
        evaluated.score = Some(score);
        return strand(evaluated, Cause::PluginFailed, Unassigned::PluginFailed);
    };
    let scored = Scored { candidates: &reps, factors: &scores.factors, rows: &scores.rows };
    score.matches = rank(config, tier.tier, scored, counters, seed);
    score.factors = scores.factors;
    price(config, prepared, &mut score.matches, counters);
    let picked = prepared.pick(tenant, &team, &score.matches, counters);
    evaluated.score = Some(score);
    match picked {
        Ok(_) => evaluated,
        Err(Nobody { cause, reason }) => strand(evaluated, cause, reason),
    }
}

/// Which way a lead goes, or why it goes to the fallback at once.
///
/// What a person decided comes first, then what keeps it out; a named account's owner and the other claims
/// come before everything but a lane that leads to people (S3.14); then a rule's route or its segment's, the
/// team it is handed over to, and at last its lane. An automated track is closed to leads of low confidence
/// (X1).
fn way(config: &Config, prepared: &Numbered<'_, '_>, won: Option<Claim>) -> Result<Way, (Cause, Unassigned)> {
    match &prepared.past.pick {
        Some(Pick::Person { rep, .. }) => return Ok(Way::Claimed(rep.clone(), AssignedBy::Person)),
        Some(Pick::Approved { rep, how, .. }) => return Ok(Way::Claimed(rep.clone(), how.clone())),
        Some(Pick::Manager { team }) => return Ok(Way::Manager(team.clone())),
        Some(Pick::Batch(_)) | None => {}
    }
    if let Some(reason) = prepared.kept_out {
        return Ok(Way::Queue(LAST_QUEUE.to_owned(), reason));
    }
    if ask::classifier_failed(&prepared.classify) {
        return Err((Cause::PluginFailed, Unassigned::PluginFailed));
    }
    let lane = prepared.verdict.lane.as_ref().and_then(|lane| config.lane(lane));
    let Some(lane) = lane else { return Err((Cause::Refused, Unassigned::Refused)) };
    if lane.to == Destination::Triage {
        return Ok(Way::Triage);
    }
    if let Some(Claim { rep, by, .. }) = won {
        return Ok(Way::Claimed(rep, by));
    }
    let track = |track: &str, by| match prepared.verdict.confidence {
        Confidence::Low => Way::Triage,
        Confidence::Medium | Confidence::High => Way::Track(track.to_owned(), by),
    };
    Ok(match prepared.found.route() {
        Some((_, Route::Track(name))) => track(name, TrackedBy::Rule),
        Some((_, Route::Queue(name))) => Way::Queue(name.clone(), Unassigned::ByRule),
        route => match (
            route.and_then(|(_, route)| named_team(config, route)),
            &prepared.rules.handover.taken,
            &lane.to,
        ) {
            // Whoever the rule names cannot take it, so their team does.
            (Some(team), ..) => Way::Matched(team),
            (None, Some(taken), _) => Way::Matched(taken.to.clone()),
            (None, None, Destination::Team(team)) => Way::Matched(team.clone()),
            (None, None, Destination::Track(name)) => track(name, TrackedBy::Lane),
            (None, None, Destination::Triage) => Way::Triage,
        },
    })
}

/// The team of the rep that a rule names.
fn named_team(config: &Config, route: &Route) -> Option<TeamId> {
    match route {
        Route::Rep(rep) => config.rep(rep).map(|rep| rep.team.clone()),
        Route::Team(team) => Some(team.clone()),
        Route::Track(_) | Route::Queue(_) => None,
    }
}

/// Puts a price on what is left of each candidate's capacity, where the tenant wants it; tier 1 pays none.
fn price(config: &Config, prepared: &Numbered<'_, '_>, matches: &mut [Match], counters: &View<'_>) {
    let Some(pacing) = config.scarcity.as_ref().filter(|_| prepared.tier.tier != Tier::One) else {
        return;
    };
    for found in matches {
        let Some(rep) = config.rep(&found.rep) else { continue };
        let counted = counters.get(&rep.id);
        let price = pacing.price(counted.price, room(config, rep, counted), prepared.at);
        found.price = pacing.price_for(price, prepared.lead.value);
    }
}

/// The counters moved, and nobody is left of those who were ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale;

/// Says the last word with the counters as they are now, counts it, and notes the lead for those to come.
pub fn commit(
    tenant: &Tenant,
    prepared: &Numbered<'_, '_>,
    evaluated: Evaluated,
    state: &mut State,
) -> Result<Decision, Stale> {
    let config = &tenant.config;
    let Evaluated { known, rules, way, eligibility, score, mut fallback } = evaluated;
    let counters = state.ledger.at(prepared.at);
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
            let picked = prepared.pick(tenant, &team, &score.matches, &counters).map_err(|_| Stale)?;
            let by = match (&rules.owner_excluded, picked.trace.method, &rules.owner) {
                (Some(_), _, Some(owner)) => AssignedBy::Cover { owner: owner.clone() },
                (_, Method::Rotation, _) => AssignedBy::Rotation,
                (_, Method::Batch, _) => AssignedBy::Batch,
                (_, Method::FastestQualified | Method::HighestTotal, _) => AssignedBy::Match,
            };
            let team = team_of(&picked.rep)?;
            (Outcome::Assigned { rep: picked.rep, team, total: Some(picked.total), by }, Some(picked.trace))
        }
    };
    let fallback = fallback.map(|(_, trace)| trace);
    let capping = prepared.capping();
    let looked_at = looked_at(config, &rules, eligibility.as_ref(), fallback.as_ref(), &outcome);
    let queues = queues(config, &prepared.demand(), eligibility.as_ref(), fallback.as_ref());
    let seen = counters.record(&looked_at, &capping, queues);
    let after = After { known, rules, eligibility, score, select, fallback, counters: seen };
    let decision = write(tenant, prepared, outcome, after);
    count(tenant, prepared, &decision, &capping, state);
    Ok(decision)
}

/// What a decision changes for the leads that come after it.
fn count(
    tenant: &Tenant,
    prepared: &Numbered<'_, '_>,
    decision: &Decision,
    capping: &[RuleId],
    state: &mut State,
) {
    let (config, trace) = (&tenant.config, &decision.trace);
    if let Outcome::Assigned { rep, .. } = &decision.outcome
        && trace.past.trigger.counts()
    {
        let away = trace.eligibility.iter().flat_map(|eligibility| &eligibility.excluded);
        state.ledger.away(away.filter(|(_, reason)| reason.is_away()).map(|(rep, _)| rep));
        let price = config.scarcity.as_ref().zip(config.rep(rep)).map(|(pacing, profile)| {
            let counted = state.ledger.at(prepared.at).get(rep);
            pacing.after(counted.price, room(config, profile, counted), prepared.at)
        });
        let (at, units, select) = (prepared.at, prepared.units, trace.select.as_ref());
        state.ledger.apply(&Assignment { rep, at, units, rules: capping, select, price });
    }
    let account = trace.normalise.account.as_deref();
    note(&mut state.seen, &prepared.lead, account, &trace.known, &decision.outcome, prepared.at);
}

/// A team's manager decides, or people do where it has none.
fn manager(config: &Config, team: TeamId) -> Outcome {
    let manager = config.team(&team).and_then(|team| team.manager.clone());
    let reason = Unassigned::Missed;
    match manager {
        Some(manager) => Outcome::Manager { team, manager, reason },
        None => last_resort(reason),
    }
}

/// The first of the fallback's actions that can be carried out.
fn fall_back(
    tenant: &Tenant,
    prepared: &Numbered<'_, '_>,
    (rules, reason): (&RulesTrace, Unassigned),
    trace: &mut FallbackTrace,
    counters: &View<'_>,
) -> (Outcome, Option<SelectTrace>) {
    let Tenant { config, roster, .. } = tenant;
    let (demand, facts) = (prepared.demand(), prepared.facts());
    let asking = prepared.asking(tenant, &demand, &facts);
    let stranded = Stranded {
        demand,
        rules,
        confidence: prepared.verdict.confidence,
        prefers: &prepared.prefers,
        bars: &|rep| roster.place(&rep.id).and_then(|place| refuses(&asking, place, rep, counters)),
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

/// Reps whose counters the decision depends on: those it could have gone to, and those who were full.
fn looked_at(
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
fn queues<'a>(
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

/// What the stages behind `prepare` left for the trace.
struct After {
    known: KnownTrace,
    rules: RulesTrace,
    eligibility: Option<EligibilityTrace>,
    score: Option<ScoreTrace>,
    select: Option<SelectTrace>,
    fallback: Option<FallbackTrace>,
    counters: decision::Seen,
}

/// The decision with its explanation and its trace.
fn write(tenant: &Tenant, prepared: &Numbered<'_, '_>, outcome: Outcome, after: After) -> Decision {
    let Tenant { config, roster, .. } = tenant;
    let Prepared { verdict, tier, lead, classify, found, .. } = prepared.prepared;
    let After { known, rules, eligibility, score, select, fallback, counters } = after;
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
            roster.place(rep).and_then(|place| free_from(config, place, prepared.at))
        }
        _ => None,
    };
    let effects = effects(
        config,
        &Decided { lead, tier: tier.tier, mode, due, outcome: &outcome, flags: &flags, trigger, free_from },
    );
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
        trace: decision::Trace {
            received: prepared.received.clone(),
            past: prepared.past.clone(),
            versions: tenant.versions.clone(),
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
    prepared: &Numbered<'_, '_>,
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
    prepared: &Prepared<'_>,
    ledger: &Ledger,
    outside: &dyn Outside,
    nobody: Nobody,
) -> Answers {
    let config = &tenant.config;
    let numbered = Numbered::new(tenant, prepared, (prepared.since, 1, Past::default()));
    let enrich = &numbered.enrich;
    let added: BTreeMap<_, _> = enrich.iter().map(|trace| (&trace.name, &trace.added)).collect();
    let reps: Vec<_> = config.reps.iter().collect();
    let fits = fits(config, numbered.wanted(&numbered.rules, None), &reps);
    let (score, scores) = ask::score(tenant, &numbered, &reps, &fits, &ledger.at(numbered.at), outside);
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
