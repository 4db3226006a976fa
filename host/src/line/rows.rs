//! What a group has decided, as the rows of one commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::decide::made;
use super::load::Loaded;
use super::{Answer, Key, Made};
use crate::config::{Config, Fact};
use crate::decision::{AssignedBy, Decision, Outcome, Trigger};
use crate::desk::{Changes, Notification, Reason, SavedCase};
use crate::digest::Digest;
use crate::effects::{Destination, Source, Summary, fan_out, notify};
use crate::events::{Satisfaction, What};
use crate::lead::{LeadId, Mode, TenantId};
use crate::learning::facts_of;
use crate::store::{
    AnswerRow, ClosingRow, Commit, CounterKind, CounterRow, DealRow, DecisionRow, EffectRow, EventRow,
    LeadRow, NewLeadRow, PluginUsageRow, RecordRow, UsageRow,
};
use crate::tenant::Tenant;
use crate::zones::zone;

/// What a group has decided so far.
#[derive(Default)]
pub(super) struct Written {
    happened: Vec<What>,
    decisions: Vec<(Arc<Made>, String)>,
    events: Vec<(&'static str, Option<LeadId>, Json, String)>,
    answers: Vec<(Key, String)>,
    /// Leads that came.
    pub(super) leads: usize,
    /// The configuration put in force.
    pub(super) published: Option<i64>,
    /// What time it is here: a tenant whose time has once run ahead is not kept waiting for its effects.
    here: Timestamp,
}

impl Written {
    /// Nothing yet, at this time of the host's.
    pub(super) fn new(here: Timestamp) -> Self {
        Self { here, ..Self::default() }
    }

    /// Decisions that followed from what somebody did.
    pub(super) fn add(&mut self, decisions: Vec<Decision>, actor: &str) -> Vec<Arc<Made>> {
        let made: Vec<Arc<Made>> = decisions.into_iter().map(made).collect();
        self.decisions.extend(made.iter().map(|made| (Arc::clone(made), actor.to_owned())));
        made
    }

    /// Something that happened to a lead or a rep.
    pub(super) fn event(&mut self, what: &What, note: Json, actor: &str) {
        let mut body = serde_json::to_value(what).unwrap_or_default();
        if !note.is_null() {
            body["note"] = note;
        }
        self.events.push((what.name(), what.lead().cloned(), body, actor.to_owned()));
        self.happened.push(what.clone());
    }

    /// Something else that happened, to a lead or to the tenant.
    pub(super) fn event_of(&mut self, kind: &'static str, lead: Option<LeadId>, body: Json, actor: &str) {
        self.events.push((kind, lead, body, actor.to_owned()));
    }

    /// Somebody was told of a lead because time has passed.
    fn told(&mut self, Notification { lead, at, reason, rep, due, .. }: &Notification) {
        let body = json!({"rep": rep, "due": due, "at": at});
        self.event_of(reason.name(), Some(lead.clone()), body, "clock");
    }

    /// What a key is answered from now on.
    pub(super) fn answer(&mut self, key: Key, answer: &Answer) {
        let name = |made: &Arc<Made>| (made.decision.lead.clone(), made.decision.number);
        let made: Vec<Result<(LeadId, u32), String>> = match answer {
            Answer::Decided(made) => made.iter().map(|made| Ok(name(made))).collect(),
            Answer::Batch(made) => {
                made.iter().map(|made| made.as_ref().map(name).map_err(ToString::to_string)).collect()
            }
            Answer::Repeated(made) => made.clone(),
            Answer::Tried(_) | Answer::Reps(_) | Answer::Tenant(_) | Answer::Times(..) => return,
        };
        self.answers.push((key, serde_json::to_string(&made).unwrap_or_default()));
    }
}

/// The commit of a group; nothing where nothing has changed.
pub(super) fn commit(
    tenant: &TenantId,
    loaded: &mut Loaded,
    mut written: Written,
    now: Timestamp,
) -> Option<Commit> {
    let mut changes = loaded.desk.changes();
    let notifications = std::mem::take(&mut changes.notifications);
    notifications.iter().for_each(|notification| written.told(notification));
    let Written { happened, decisions, events, answers, leads, published, here } = written;
    let nothing = changes.is_empty() && decisions.is_empty() && events.is_empty() && answers.is_empty();
    // A time that has passed away would wake the host again and again.
    if nothing && changes.wake_at == loaded.wake_at {
        return None;
    }
    let wake_at = changes.wake_at;
    let (head, version) = (loaded.head + 1, published.unwrap_or(loaded.version));
    let by = Arc::clone(&loaded.tenant);
    let of = Of { tenant, facts: &by.config.learning.by, head, at: now.as_millisecond() };
    let fuel = decisions.iter().map(|(made, _)| fuel(&made.decision)).sum();
    let usage = UsageRow {
        tenant: tenant.to_string(),
        day: day(&loaded.tenant.config, now),
        leads: leads.try_into().unwrap_or(i64::MAX),
        decisions: decisions.len().try_into().unwrap_or(i64::MAX),
        fuel,
    };
    let mut commit = Commit {
        tenant: tenant.to_string(),
        head,
        at: of.at,
        nonce: nonce(),
        wake_at: changes.wake_at.map(|at| at.as_millisecond()),
        arrivals: changes.arrivals.try_into().unwrap_or(i64::MAX),
        version: published,
        plugin_usage: plugin_usage(&usage, decisions.iter().map(|(made, _)| &made.decision)),
        usage: vec![usage],
        ..Commit::default()
    };
    let mut effects = 0;
    let mut notifications = notifications.into_iter().peekable();
    for (place, (made, _)) in (0..).zip(&decisions) {
        commit.decisions.push(of.decision(made, place, decided_by(&by, &made.decision).unwrap_or(version)));
        let Made { decision, .. } = made.as_ref();
        // Effects of one lead are done in the order in which they came about.
        while let Some(before) = notifications.next_if(|notification| notification.at <= decision.at) {
            commit.effects.extend(of.told(&before, &mut effects, &loaded.destinations));
        }
        if !decision.effects.is_empty() || !loaded.destinations.is_empty() {
            let source = Source { tenant, lead: &decision.lead, head, place: effects };
            let rows = fan_out(source, &Summary::of(decision), &decision.effects, &loaded.destinations);
            effects += i64::try_from(decision.effects.len()).unwrap_or(i64::MAX - 1) + 1;
            commit.effects.extend(rows);
        }
    }
    for notification in notifications {
        commit.effects.extend(of.told(&notification, &mut effects, &loaded.destinations));
    }
    let here = here.as_millisecond();
    commit.effects.iter_mut().for_each(|row| row.next_at = row.next_at.min(here));
    for (place, (kind, lead, body, actor)) in (0..).zip(events) {
        commit.events.push(EventRow {
            tenant: tenant.to_string(),
            head,
            place,
            at: of.at,
            kind: kind.to_owned(),
            actor,
            lead: lead.map(String::from),
            body: body.to_string(),
        });
    }
    commit.deals = deals(&of, decisions.iter().map(|(made, _)| &made.decision));
    commit.closings = closings(&of, &happened);
    commit.answers.extend(answers.into_iter().map(|(key, body)| of.answer(key, body)));
    of.changes(changes, &mut commit);
    (loaded.head, loaded.clock, loaded.wake_at) = (head, now, wake_at);
    (loaded.version, loaded.in_force) = (version, Some(version));
    Some(commit)
}

/// The version of the configuration that decided, where it is one that is tried.
fn decided_by(tenant: &Tenant, decision: &Decision) -> Option<i64> {
    let digest = decision.trace.versions.config;
    let (version, _) = tenant.tried_version().filter(|(_, tried)| tried.config.digest == digest)?;
    (digest != tenant.config.digest).then_some(version)
}

/// Whose rows, of which commit, and when.
struct Of<'t> {
    tenant: &'t TenantId,
    /// What is learned by.
    facts: &'t [Fact],
    head: i64,
    at: i64,
}

impl Of<'_> {
    /// Effects of a notification, from the next free place on.
    fn told(
        &self,
        notification: &Notification,
        place: &mut i64,
        destinations: &[Destination],
    ) -> Vec<EffectRow> {
        let Notification { lead, at, number, decided_at, due, tier, lane, outcome, .. } = notification;
        let source = Source { tenant: self.tenant, lead, head: self.head, place: *place };
        let why = match notification.reason {
            Reason::Reminder => format!("first touch is due at {due}"),
            Reason::Missed => format!("first touch was due at {due}"),
        };
        let summary = Summary {
            number: *number,
            at: *decided_at,
            mode: Mode::Auto,
            tier: *tier,
            due: *due,
            lane: lane.clone(),
            outcome: outcome.clone(),
            why,
            brief: Vec::new(),
        };
        *place += i64::try_from(notification.effects.len()).unwrap_or(i64::MAX);
        notify(source, *at, &summary, &notification.effects, destinations)
    }

    fn decision(&self, made: &Made, place: i64, version: i64) -> DecisionRow {
        let Made { decision, json } = made;
        let (outcome, reason, rep, team, total) = match &decision.outcome {
            Outcome::Assigned { rep, team, total, .. } => {
                ("assigned", None, Some(rep.to_string()), Some(team.to_string()), *total)
            }
            Outcome::Manager { team, reason, .. } => {
                ("manager", Some(word(reason)), None, Some(team.to_string()), None)
            }
            Outcome::Held { reason, .. } => ("held", Some(word(reason)), None, None, None),
            Outcome::Track { .. } => ("track", None, None, None, None),
            Outcome::Triage => ("triage", None, None, None, None),
        };
        DecisionRow {
            tenant: self.tenant.to_string(),
            lead: decision.lead.to_string(),
            number: decision.number.into(),
            head: self.head,
            place,
            decided_at: decision.at.as_millisecond(),
            version,
            trigger: word(&decision.trace.past.trigger),
            outcome: outcome.to_owned(),
            reason,
            lane: decision.lane.as_ref().map(ToString::to_string),
            confidence: word(&decision.confidence),
            tier: u8::from(decision.tier).into(),
            mode: word(&decision.mode),
            rep,
            team,
            before: decision.trace.past.declined.last().map(ToString::to_string),
            total,
            fuel: fuel(decision),
            body: zstd::bulk::compress(json.as_bytes(), 1).ok(),
        }
    }

    fn deal(&self, decision: &Decision) -> DealRow {
        let trace = &decision.trace;
        let (rep, team, by, total) = match &decision.outcome {
            Outcome::Assigned { rep, team, total, by } => {
                (Some(rep), Some(team), Some(found_by(decision, by)), *total)
            }
            Outcome::Manager { team, .. } => (None, Some(team), None, None),
            Outcome::Held { .. } | Outcome::Track { .. } | Outcome::Triage => (None, None, None, None),
        };
        let odds = trace
            .select
            .as_ref()
            .and_then(|select| select.pool.iter().find(|(of, _)| Some(of) == rep).map(|(_, odds)| *odds));
        // A lead belongs to the arm that it came in, whatever its account has by the time of a later decision.
        let arm = trace.arm.as_ref().filter(|_| decision.number == 1);
        DealRow {
            tenant: self.tenant.to_string(),
            deal: decision.lead.to_string(),
            head: self.head,
            opened_at: trace.past.since.unwrap_or(decision.at).as_millisecond(),
            rep: rep.map(ToString::to_string),
            team: team.map(ToString::to_string),
            account: trace.normalise.account.clone(),
            lane: decision.lane.as_ref().map(ToString::to_string),
            lane_score: trace
                .classify
                .verdict
                .as_ref()
                .and_then(|verdict| Some(verdict.ranking.first()?.score.into())),
            tier: u8::from(decision.tier).into(),
            mode: word(&decision.mode),
            found_by: by,
            placed: word(&decision.outcome),
            total,
            odds,
            due_at: decision.due.as_millisecond(),
            overridden: i64::from(trace.past.trigger == Trigger::Reassigned),
            experiment: arm.map(|arm| arm.experiment.clone()),
            step: arm.map(|arm| arm.step.into()),
            arm: arm.map(|arm| word(&arm.arm)),
            drawn_by: arm.map(|arm| arm.account.clone()),
            facts: json!(facts_of(self.facts, decision)).to_string(),
        }
    }

    fn answer(&self, key: Key, body: String) -> AnswerRow {
        let Key { key, asked } = key;
        AnswerRow { tenant: self.tenant.to_string(), key, asked, at: self.at, status: 200, body }
    }

    fn changes(&self, changes: Changes, commit: &mut Commit) {
        let Changes { cases, counted, records, absent, booked, .. } = changes;
        commit.leads.extend(cases.into_iter().map(|case| self.lead(case)));
        let mut counter = |kind: CounterKind, id: String, value: String| {
            let (tenant, kind) = (self.tenant.to_string(), kind.as_str().to_owned());
            commit.counters.push(CounterRow { tenant, kind, id, head: self.head, value });
        };
        for (rep, saved) in counted.reps {
            counter(CounterKind::Rep, rep.to_string(), json!(saved).to_string());
        }
        for (name, saved) in counted.queues {
            counter(CounterKind::Queue, name, json!(saved).to_string());
        }
        if let Some(at) = counted.first {
            counter(CounterKind::First, String::new(), json!(at).to_string());
        }
        for (rep, away) in absent {
            counter(CounterKind::Absent, rep.to_string(), json!(away).to_string());
        }
        for (rep, meetings) in booked {
            counter(CounterKind::Booked, rep.to_string(), json!(meetings).to_string());
        }
        for (place, new) in (0..).zip(counted.new_leads) {
            commit.new_leads.push(NewLeadRow {
                tenant: self.tenant.to_string(),
                head: self.head,
                place,
                at: new.at.as_millisecond(),
                rep: new.rep.into(),
                team: new.team.into(),
                rules: json!(new.rules).to_string(),
                sign: match new.sign {
                    crate::counters::Sign::Plus => 1,
                    crate::counters::Sign::Minus => -1,
                },
            });
        }
        for (place, record) in (0..).zip(records) {
            commit.records.push(RecordRow {
                tenant: self.tenant.to_string(),
                kind: record.kind.to_string(),
                id: record.id.to_string(),
                head: self.head,
                place,
                at: self.at,
                record: json!(record).to_string(),
            });
        }
    }

    fn lead(&self, case: SavedCase) -> LeadRow {
        LeadRow {
            tenant: self.tenant.to_string(),
            lead: case.lead.into(),
            head: self.head,
            hot: case.hot.into(),
            status: case.status.as_str().to_owned(),
            rep: case.rep.map(String::from),
            team: case.team.map(String::from),
            place: case.with,
            lane: case.lane.map(String::from),
            tier: u8::from(case.tier).into(),
            number: case.number.into(),
            mode: word(&case.mode),
            received_at: case.since.as_millisecond(),
            decided_at: case.decided_at.as_millisecond(),
            due_at: case.due.as_millisecond(),
            locked: case.locked.into(),
            accepted: case.accepted.into(),
            touched_at: case.touched_at.map(|at| at.as_millisecond()),
            triage: case.triage.map(|triage| word(&triage)),
            state: case.state,
            kept: case.kept,
        }
    }
}

/// How a rep was found, as deals keep it: `predictive` where what was learned counted.
fn found_by(decision: &Decision, by: &AssignedBy) -> String {
    let learned = || {
        let win = decision.trace.score.as_ref().and_then(|score| score.win.as_ref());
        win.is_some_and(|win| win.untrusted.is_none() && !win.estimates.is_empty())
    };
    match by {
        AssignedBy::Rule { rule } => format!("rule:{rule}"),
        AssignedBy::Match | AssignedBy::Rotation if learned() => "predictive".to_owned(),
        other => word(other),
    }
}

/// Whose each lead is, by its latest decision; a person who gave it to somebody else is remembered whatever came after.
fn deals<'d>(of: &Of<'_>, decisions: impl Iterator<Item = &'d Decision>) -> Vec<DealRow> {
    let mut deals: BTreeMap<&LeadId, DealRow> = BTreeMap::new();
    for decision in decisions {
        let mut row = of.deal(decision);
        if let Some(before) = deals.get(&decision.lead) {
            row.overridden = row.overridden.max(before.overridden);
        }
        deals.insert(&decision.lead, row);
    }
    deals.into_values().collect()
}

/// What became of leads: of each the first touch and meeting, and the last word on how it ended.
fn closings(of: &Of<'_>, happened: &[What]) -> Vec<ClosingRow> {
    let mut closings: BTreeMap<&LeadId, ClosingRow> = BTreeMap::new();
    for what in happened {
        let Some(lead) = what.lead() else { continue };
        let row = || ClosingRow {
            tenant: of.tenant.to_string(),
            deal: lead.to_string(),
            head: of.head,
            at: of.at,
            ..ClosingRow::default()
        };
        match what {
            What::Touched { .. } => closings.entry(lead).or_insert_with(row).touched_at = Some(of.at),
            What::Booked { .. } => closings.entry(lead).or_insert_with(row).met_at = Some(of.at),
            What::LaneSaid { lane, .. } => {
                closings.entry(lead).or_insert_with(row).lane_said = Some(lane.to_string());
            }
            What::Closed { outcome: Some(outcome), value, satisfaction, .. } => {
                let closing = closings.entry(lead).or_insert_with(row);
                (closing.closed_at, closing.outcome) = (Some(of.at), Some(word(outcome)));
                closing.value = value.or(closing.value);
                closing.customer_score = satisfaction.map(score).or(closing.customer_score);
            }
            What::Accepted { satisfaction: Some(satisfaction), .. } | What::Rated { satisfaction, .. } => {
                closings.entry(lead).or_insert_with(row).rep_score = Some(score(*satisfaction));
            }
            _ => {}
        }
    }
    closings.into_values().collect()
}

fn score(satisfaction: Satisfaction) -> i64 {
    u8::from(satisfaction).into()
}

/// A closed set's word, as its JSON has it.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Json::String(word)) => word,
        Ok(Json::Object(fields)) => fields.keys().next().cloned().unwrap_or_default(),
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

fn fuel(decision: &Decision) -> i64 {
    decision
        .trace
        .calls()
        .map(|call| i64::try_from(call.fuel).unwrap_or(i64::MAX))
        .fold(0, i64::saturating_add)
}

/// What each plugin used, in the order of their digests.
fn plugin_usage<'d>(usage: &UsageRow, decisions: impl Iterator<Item = &'d Decision>) -> Vec<PluginUsageRow> {
    let mut rows: BTreeMap<Digest, PluginUsageRow> = BTreeMap::new();
    for call in decisions.flat_map(|decision| decision.trace.calls()) {
        let row = rows.entry(call.plugin).or_insert_with(|| PluginUsageRow {
            tenant: usage.tenant.clone(),
            day: usage.day.clone(),
            digest: call.plugin.to_string(),
            calls: 0,
            failed: 0,
            fuel: 0,
        });
        row.calls += 1;
        row.failed += i64::from(call.failure.is_some());
        row.fuel = row.fuel.saturating_add(i64::try_from(call.fuel).unwrap_or(i64::MAX));
    }
    rows.into_values().collect()
}

/// The tenant's own day.
fn day(config: &Config, now: Timestamp) -> String {
    let zone = zone(&config.timezone).unwrap_or(jiff::tz::TimeZone::UTC);
    now.to_zoned(zone).date().to_string()
}

/// Tells this commit from any other.
fn nonce() -> i64 {
    let mut bytes = [0; 8];
    // Without randomness, two hosts whose commits cross could take one for the other: better none at all.
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    i64::from_le_bytes(bytes)
}
