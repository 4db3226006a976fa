//! What stages ask of a prepared lead.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{
    Asking, Demand, Hours, Moment, Nobody, Numbered, Picked, Picking, Pool, Prepared, RuleCaps, Wanted,
    free_now, minutes_waited, queue, select,
};
use crate::config::Config;
use crate::counters::{InArm, View};
use crate::decision::{Match, Past, Pick, RulesTrace, WinTrace};
use crate::lead::{LeadId, Rep, RuleId, TeamId, Tier};
use crate::learning::facts;
use crate::roster::Roster;
use crate::rules::{Around, Facts};
use crate::seed::seed;
use crate::tenant::Tenant;

impl Prepared {
    /// Which lead it is.
    pub fn lead(&self) -> &LeadId {
        &self.lead.id
    }

    /// The message as it was received.
    pub fn received(&self) -> &Json {
        &self.received
    }

    /// Whether somebody takes over from whoever has it.
    pub fn is_handed_over(&self) -> bool {
        self.rules.handover.taken.is_some()
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
    pub(super) fn facts(&self) -> Facts<'_> {
        Facts::new(&self.lead, &self.verdict).with(Around {
            segments: &self.rules.segments,
            tier: self.tier.tier,
            account: self.account.as_ref(),
            complexity: self.complexity.map(f64::from),
        })
    }

    /// As capacity and turns see it.
    pub(super) fn demand(&self) -> Demand<'_> {
        Demand {
            lead: &self.lead,
            lane: self.verdict.lane.as_ref(),
            tier: self.tier.tier,
            units: self.units,
            rules: &self.caps,
            segments: &self.rules.segments,
        }
    }

    /// Hours within which a rule wants somebody at work.
    pub fn within_hours(&self) -> Option<u32> {
        self.found.within_hours()
    }

    /// Rules that cap what they give to one rep, and by how much.
    pub fn caps(&self) -> &[RuleCaps] {
        &self.caps
    }

    /// Rules that cap what they give to one rep, and the lead's arm where an experiment keeps capacity apart.
    pub fn capping(&self) -> Vec<RuleId> {
        let arm = self.in_arm().map(InArm::key);
        self.caps.iter().map(|caps| &caps.rule).chain(arm).cloned().collect()
    }

    /// Everything of it that is counted by name, for a decision to record: those, and the other arm.
    pub(super) fn counted_by(&self) -> Vec<RuleId> {
        let arms = self.in_arm().into_iter().flat_map(InArm::keys);
        self.caps.iter().map(|caps| &caps.rule).chain(arms).cloned().collect()
    }

    /// Its arm, where an experiment keeps capacity apart.
    pub fn in_arm(&self) -> Option<&InArm> {
        self.learned.in_arm.as_ref()
    }

    /// By what it is decided, where it is another configuration than the one in force.
    pub fn other(&self) -> Option<&Arc<Tenant>> {
        self.learned.by.as_ref()
    }

    /// The tenant as it is decided by: another where another configuration is tried on its account.
    pub fn by<'t>(&'t self, tenant: &'t Tenant) -> &'t Tenant {
        self.learned.by.as_deref().unwrap_or(tenant)
    }
}

impl<'p> Numbered<'p> {
    /// The lead's decision of this number, from 1, at this time.
    pub fn new(tenant: &Tenant, prepared: &'p Prepared, (at, number, past): (Timestamp, u32, Past)) -> Self {
        let seed = seed(&tenant.config.tenant, &prepared.lead.id, number);
        Self { prepared, at, number, past, seed }
    }

    pub(super) fn moment(&self) -> Moment<'_> {
        Moment { at: self.at, absent: &self.past.absent, in_meeting: &self.past.in_meeting }
    }

    /// As eligibility sees it.
    pub(super) fn asking<'a>(
        &'a self,
        tenant: &'a Tenant,
        demand: &'a Demand<'a>,
        facts: &'a Facts<'a>,
    ) -> Asking<'a> {
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
    pub(super) fn pick(
        &self,
        tenant: &Tenant,
        team: &TeamId,
        matches: &[Match],
        win: Option<&WinTrace>,
        counters: &View<'_>,
    ) -> Result<Picked, Nobody> {
        let Tenant { config, roster, .. } = tenant;
        if let Some(Pick::Batch(batch)) = &self.past.pick {
            return select::given(batch, matches);
        }
        let pool = Pool::team(config, team);
        let queue = queue(config, pool.name, &self.demand());
        let free: &dyn Fn(&Rep) -> bool =
            &|rep| config.reps.place(&rep.id).is_some_and(|place| free_now(config, place, self.moment()));
        let (tier, prefers, seed) = (self.tier.tier, &self.prefers, self.seed);
        let hurried = tier == Tier::Two && f64::from(self.verdict.intent) >= config.matching.fast_intent;
        let fast = hurried.then(|| roster.fast(team)).flatten();
        let explore = config.learning.explore.as_ref().filter(|_| self.learned.trials());
        let picking = Picking { config, tier, pool, queue: &queue, free, fast, prefers, win, explore, seed };
        select(picking, matches, counters)
    }

    /// When the lead came here first.
    pub(super) fn opened(&self) -> Timestamp {
        self.past.since.unwrap_or(self.at)
    }

    /// What is learned by, of this lead.
    pub(super) fn learned_by(&self, config: &Config) -> BTreeMap<String, String> {
        facts(&config.learning.by, &self.lead, self.verdict.lane.as_ref(), &self.rules.segments)
    }

    /// What candidates are to fit.
    pub(super) fn wanted<'a>(
        &'a self,
        roster: &'a Roster,
        rules: &'a RulesTrace,
        hours: Option<Hours<'a>>,
    ) -> Wanted<'a> {
        Wanted { roster, lead: &self.lead, verdict: &self.verdict, rules, skills: &self.skills, hours }
    }
}

impl std::ops::Deref for Numbered<'_> {
    type Target = Prepared;
    fn deref(&self) -> &Prepared {
        self.prepared
    }
}
