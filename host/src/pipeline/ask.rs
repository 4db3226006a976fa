//! The plugins of a route: each role is asked in a fresh instance, and what it cannot answer is
//! answered in its place, so that no plugin loses a lead.
//!
//! An enricher that fails costs its facts. A classifier that fails is followed by the standard one,
//! marked low. A scorer that fails leaves the choice to the fallback, and a fallback that fails is
//! followed by the standard one.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::Config;
use crate::counters::{Limits, View};
use crate::decision::{
    ActionTrace, CallTrace, ClassifyTrace, EnrichTrace, FallbackTrace, ScoreTrace, WinFound, WinTrace,
};
use crate::failure::Failure;
use crate::lead::{Confidence, FieldValue, LabelPolicy, Lead, LeadId, Rep, RepId, Verdict};
use crate::pipeline::capacity::load;
use crate::pipeline::presence::free_now;
use crate::pipeline::{Fits, Nobody, Numbered, Outside};
use crate::plugin::{
    Called, CandidateRow, Instance, Release, ScoreQuestion, Scores, Situation, VisibleLead, WinEstimate,
};
use crate::tenant::{Cast, Enricher, Tenant};

type Fields = Arc<BTreeMap<String, FieldValue>>;

/// One question to one plugin, in an instance of its own.
fn ask<T>(
    tenant: &Tenant,
    release: &Release,
    (lead, fields): (&LeadId, &Fields),
    export: &str,
    outside: &dyn Outside,
    question: impl FnOnce(&mut Instance<'_>) -> Called<T>,
) -> Called<T> {
    let began = outside.begins();
    match open(tenant, release, (lead, fields), export, outside) {
        Ok(mut instance) => {
            let called = question(&mut instance);
            outside.called(lead, &called.trace, began);
            called
        }
        Err(trace) => failed(*trace),
    }
}

/// A fresh instance, or the trace of why there is none.
fn open<'a>(
    tenant: &Tenant,
    release: &'a Release,
    (lead, fields): (&LeadId, &Fields),
    export: &str,
    outside: &dyn Outside,
) -> Result<Instance<'a>, Box<CallTrace>> {
    if let Some(recorded) = outside.failure(lead, export, &release.digest()) {
        return Err(Box::new(recorded));
    }
    let began = outside.begins();
    release.instantiate(&tenant.directory, fields).map_err(|unstarted| {
        let call = unstarted.trace(export);
        outside.called(lead, &call, began);
        Box::new(call)
    })
}

fn failed<T>(trace: CallTrace) -> Called<T> {
    let message = "failed without a reason".to_owned();
    let failure = trace.failure.clone().unwrap_or(Failure::Host { message });
    Called { answer: Err(failure), trace }
}

/// Adds what the enrichers find out to the lead's fields. The message's own fields are never overwritten.
pub(super) fn enrich(
    tenant: &Tenant,
    cast: &Cast,
    mut lead: Lead,
    outside: &dyn Outside,
) -> (Lead, Vec<EnrichTrace>) {
    let mut traces = Vec::with_capacity(cast.enrichers.len());
    for enricher in &cast.enrichers {
        let trace = enrich_once(tenant, enricher, &lead, outside);
        for (name, value) in &trace.added {
            lead.fields.entry(name.clone()).or_insert_with(|| value.clone());
        }
        traces.push(trace);
    }
    (lead, traces)
}

fn enrich_once(tenant: &Tenant, enricher: &Enricher, lead: &Lead, outside: &dyn Outside) -> EnrichTrace {
    let Enricher { name, release, granted } = enricher;
    let visible = VisibleLead::new(lead);
    let fields = Arc::new(lead.fields.clone());
    let mut trace =
        EnrichTrace { name: name.clone(), calls: vec![], exchanges: vec![], added: BTreeMap::new() };
    let mut instance = match open(tenant, release, (&lead.id, &fields), "enricher.plan", outside) {
        Ok(instance) => instance,
        Err(call) => {
            trace.calls.push(*call);
            return trace;
        }
    };
    let began = outside.begins();
    let planned = instance.plan(&visible);
    outside.called(&lead.id, &planned.trace, began);
    trace.calls.push(planned.trace);
    let Ok(requests) = planned.answer else { return trace };
    trace.exchanges = outside.exchange(name, &requests, granted);
    if let Some(recorded) = outside.failure(&lead.id, "enricher.interpret", &release.digest()) {
        trace.calls.push(recorded);
        return trace;
    }
    let began = outside.begins();
    let interpreted = instance.interpret(&visible, &trace.exchanges);
    outside.called(&lead.id, &interpreted.trace, began);
    trace.calls.push(interpreted.trace);
    if let Ok(found) = interpreted.answer {
        trace.added = found.into_iter().filter(|(name, _)| !lead.fields.contains_key(name)).collect();
    }
    trace
}

/// The lane: by the tenant's classifier, else by the standard one and marked low.
pub(super) fn classify(
    tenant: &Tenant,
    cast: &Cast,
    lead: &Lead,
    visible: &VisibleLead,
    outside: &dyn Outside,
) -> ClassifyTrace {
    let fields = Arc::new(lead.fields.clone());
    let policy = tenant.config.policy;
    let mut calls = Vec::new();
    for release in cast.classifier.in_order() {
        let called = ask(tenant, release, (&lead.id, &fields), "classifier.classify", outside, |instance| {
            instance.classify(visible, policy)
        });
        calls.push(called.trace);
        if let Ok(mut verdict) = called.answer {
            if let (Some(bands), Some(first)) = (tenant.config.bands, verdict.ranking.first()) {
                verdict.confidence = bands.confidence(first.score);
            }
            if calls.len() > 1 {
                verdict.confidence = Confidence::Low;
            }
            return ClassifyTrace { calls, verdict: Some(verdict) };
        }
    }
    ClassifyTrace { calls, verdict: None }
}

/// Whether the classifier the tenant chose gave no answer that counts.
pub(super) fn classifier_failed(classify: &ClassifyTrace) -> bool {
    classify.calls.first().is_some_and(|call| call.failure.is_some())
}

/// What stands in where no classifier answers. Best-match always yields a lane: the tenant's first.
pub(super) fn no_verdict(config: &Config) -> Verdict {
    let lane = match config.policy {
        LabelPolicy::BestMatch => config.lanes.first().map(|lane| lane.id.clone()),
        LabelPolicy::Strict => None,
    };
    Verdict {
        lane,
        confidence: Confidence::Low,
        ranking: Vec::new(),
        intent: 0.0,
        signals: Vec::new(),
        complexity: None,
        reason: "no classifier answered".to_owned(),
    }
}

/// How well each candidate fits; `None` where the scorer failed.
pub(super) fn score(
    tenant: &Tenant,
    prepared: &Numbered<'_>,
    reps: &[&Rep],
    fits: &Fits,
    counters: &View<'_>,
    outside: &dyn Outside,
) -> (ScoreTrace, Option<Scores>) {
    let win = win(tenant, prepared, reps);
    let estimates = win.as_ref().map(|win| win.estimates.as_slice()).unwrap_or_default();
    let estimates: BTreeMap<&RepId, &WinFound> = estimates.iter().map(|found| (&found.rep, found)).collect();
    let row = |rep: &&Rep| {
        let place = tenant.config.reps.place(&rep.id).unwrap_or_default();
        let Limits { new, caps, .. } = counters.limits(rep, tenant.config.capacity.caps(rep));
        let weekly = caps.weekly.map_or(0.0, |cap| f64::from(new.week) / f64::from(cap.max(1)));
        CandidateRow {
            rep: place as u32,
            load: load(&tenant.config, rep, counters) as f32,
            weekly_load: weekly as f32,
            free_now: free_now(&tenant.config, place, prepared.moment()),
            response_seconds: rep.response_seconds,
            win: estimates.get(&rep.id).map(|found| WinEstimate {
                probability: found.probability as f32,
                lower: found.lower as f32,
                deals: found.deals as f32,
            }),
        }
    };
    let candidates: Vec<CandidateRow> = reps.iter().map(row).collect();
    let question = ScoreQuestion {
        tier: prepared.tier.tier.into(),
        segments: &prepared.rules.segments,
        fit_names: &fits.names,
        fits: &fits.rows,
        candidates: &candidates,
    };
    let fields = Arc::new(prepared.lead.fields.clone());
    let called = ask(
        tenant,
        &prepared.cast.scorer,
        (&prepared.lead.id, &fields),
        "scorer.score",
        outside,
        |instance| instance.score(&prepared.visible, &prepared.verdict, &question),
    );
    let trace = ScoreTrace {
        call: called.trace,
        fits: fits.columns(),
        factors: Vec::new(),
        matches: Vec::new(),
        win,
    };
    (trace, called.answer.ok())
}

/// What was learned of these reps and the lead.
fn win(tenant: &Tenant, prepared: &Numbered<'_>, reps: &[&Rep]) -> Option<WinTrace> {
    let model = prepared.learned.model.as_ref()?;
    let ids: Vec<&RepId> = reps.iter().map(|rep| &rep.id).collect();
    Some(model.ask(&prepared.learned_by(&tenant.config), prepared.opened(), &ids))
}

/// What the fallback wants, in order: the tenant's own actions, or the standard one's where it fails.
pub(super) fn fallback(
    tenant: &Tenant,
    prepared: &Numbered<'_>,
    nobody: Nobody,
    outside: &dyn Outside,
) -> (Nobody, FallbackTrace) {
    let fields = Arc::new(prepared.lead.fields.clone());
    let verdict = prepared.classify.verdict.as_ref().or(Some(&prepared.verdict));
    let situation = Situation {
        cause: nobody.cause,
        tier: prepared.tier.tier.into(),
        segments: &prepared.rules.segments,
    };
    let mut trace =
        FallbackTrace { cause: nobody.cause, reason: nobody.reason, calls: Vec::new(), actions: Vec::new() };
    for release in prepared.cast.fallback.in_order() {
        let called =
            ask(tenant, release, (&prepared.lead.id, &fields), "fallback.resolve", outside, |instance| {
                instance.resolve(&prepared.visible, verdict, &situation)
            });
        trace.calls.push(called.trace);
        if let Ok(actions) = called.answer {
            trace.actions = actions.into_iter().map(|action| ActionTrace { action, refused: None }).collect();
            break;
        }
    }
    (nobody, trace)
}
