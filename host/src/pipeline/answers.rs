//! What every plugin says of one lead: for authors who try theirs.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{Nobody, Numbered, Outside, Prepared, ask, fits};
use crate::counters::Ledger;
use crate::decision::{CallTrace, Past};
use crate::tenant::Tenant;

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
    prepared: &Prepared,
    ledger: &Ledger,
    outside: &dyn Outside,
    nobody: Nobody,
) -> Answers {
    let config = &tenant.config;
    let numbered = Numbered::new(tenant, prepared, (prepared.since, 1, Past::default()));
    let enrich = &numbered.enrich;
    let added: BTreeMap<_, _> = enrich.iter().map(|trace| (&trace.name, &trace.added)).collect();
    let reps: Vec<_> = config.reps.iter().collect();
    let fits = fits(config, numbered.wanted(&tenant.roster, &numbered.rules, None), &reps);
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
