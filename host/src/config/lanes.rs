//! The tenant itself and its lanes: `[tenant]`, `[classify]` and `[[lanes]]` of `tenant.toml`.

use super::LaneBands;
use super::names::Names;
use super::read::Findings;
use super::toml_table::Table;
use super::values::{checked, country, currency, id, timezone};
use super::{Place, Problem};
use crate::lead::{Destination, LabelPolicy, Lane, TenantId};

/// Who the tenant is.
pub(super) struct Identity {
    pub(super) id: TenantId,
    pub(super) name: String,
    pub(super) currency: String,
    pub(super) timezone: String,
    pub(super) country: Option<String>,
}

/// Where its leads can go.
pub(super) struct Lanes {
    pub(super) policy: LabelPolicy,
    pub(super) bands: Option<LaneBands>,
    pub(super) lanes: Vec<Lane>,
    pub(super) names: Names,
}

pub(super) fn identity(root: &Table<'_>, findings: &Findings) -> Option<Identity> {
    let Some(table) = root.table("tenant", "[tenant]", &["id", "name", "currency", "timezone", "country"])
    else {
        if root.lacks("tenant") && !root.misspells("tenant") {
            let hint = "add it first: [tenant] with id, name, currency and timezone";
            root.problem(Problem::at(&root.place(), "there is no [tenant]").hint(hint));
        }
        return None;
    };
    let tenant =
        table.required_text("id", "acme").and_then(|at| checked("id", &at, findings, id::<TenantId>));
    let name = table.required_text("name", "Acme");
    let money =
        table.required_text("currency", "USD").and_then(|at| checked("currency", &at, findings, currency));
    let zone = table
        .required_text("timezone", "America/New_York")
        .and_then(|at| checked("timezone", &at, findings, timezone));
    let home = table.text("country").and_then(|at| checked("country", &at, findings, country));
    Some(Identity { id: tenant?, name: name?.value, currency: money?, timezone: zone?, country: home })
}

pub(super) fn lanes(root: &Table<'_>, teams: &Names, findings: &Findings) -> Lanes {
    let policies = [("best-match", LabelPolicy::BestMatch), ("strict", LabelPolicy::Strict)];
    let meanings = "\"best-match\" gives every lead a lane, \"strict\" may refuse one";
    let classify = root.table("classify", "[classify]", &["policy", "bands"]);
    let policy = classify.as_ref().and_then(|table| table.choice("policy", &policies, meanings));
    let bands = classify.as_ref().and_then(|table| bands(table));
    let mut names = Names::new("lane", "tenant.toml", true);
    let tables = root.tables(
        "lanes",
        "[[lanes]]",
        "this lane",
        &["id", "name", "definition", "examples", "team", "track", "triage"],
    );
    if root.lacks("lanes") && !root.misspells("lanes") {
        let hint = "add [[lanes]] with id, name, definition and one of team, track, triage";
        root.problem(Problem::at(&root.place(), "there is no lane, so no lead could go anywhere").hint(hint));
    }
    let lanes = tables.iter().filter_map(|table| lane(table, &mut names, teams, findings)).collect();
    Lanes { policy: policy.unwrap_or(LabelPolicy::BestMatch), bands, lanes, names }
}

/// From which scores of the lane that is ranked first a classification is high and medium.
fn bands(table: &Table<'_>) -> Option<LaneBands> {
    let table = table.table("bands", "`bands`", &["high", "medium"])?;
    let hint = "a score of the lane that is ranked first, 0 to 1; `GET /v1/lanes/bands` fits both";
    let (high, medium) = (table.number("high", 0.0..=1.0, hint), table.number("medium", 0.0..=1.0, hint));
    if let (Some(high), Some(medium)) = (high, medium)
        && medium > high
    {
        let message = format!("`medium` begins at {medium}, above `high` at {high}");
        table.problem(Problem::at(&table.place_of("medium"), message).hint("medium is what lies below high"));
    }
    // What has no score is never reached.
    Some(LaneBands { high: high.unwrap_or(f64::INFINITY), medium: medium.unwrap_or(f64::INFINITY) })
}

fn lane(table: &Table<'_>, names: &mut Names, teams: &Names, findings: &Findings) -> Option<Lane> {
    let id = table.required_text("id", "enterprise").and_then(|at| {
        names.define(&at.value, &at.place, findings);
        checked("id", &at, findings, id)
    });
    if id.is_none() {
        names.miss();
    }
    let name = table.required_text("name", "Enterprise");
    let definition = table.required_text(
        "definition",
        "Companies of 500 people and more that want a security review or a tender.",
    );
    let examples = table.texts("examples").unwrap_or_default().into_iter().map(|at| at.value).collect();
    let to = destination(table, teams, findings);
    Some(Lane { id: id?, name: name?.value, definition: definition?.value, examples, to: to? })
}

fn destination(table: &Table<'_>, teams: &Names, findings: &Findings) -> Option<Destination> {
    let team = table.text("team");
    let track = table.text("track");
    let triage = table.flag("triage").filter(|triage| *triage);
    let given: Vec<(&str, Place)> = [
        team.as_ref().map(|at| ("team", at.place.clone())),
        track.as_ref().map(|at| ("track", at.place.clone())),
        triage.map(|_| ("triage", table.place_of("triage"))),
    ]
    .into_iter()
    .flatten()
    .collect();
    match given.as_slice() {
        [_] => {}
        [] => {
            // A destination of the wrong type has been reported.
            if table.lacks("team")
                && table.lacks("track")
                && !["team", "track", "triage"].iter().any(|key| table.misspells(key))
            {
                let hint = "add one of team = \"…\", track = \"…\", triage = true";
                findings.add(Problem::at(&table.place(), "this lane leads nowhere").hint(hint));
            }
            return None;
        }
        [first, rest @ ..] => {
            for (key, place) in rest {
                let message = format!("this lane has both `{}` and `{key}`", first.0);
                findings.add(Problem::at(place, message).hint("a lane leads to one place"));
            }
            return None;
        }
    }
    if let Some(at) = team {
        let id = checked("team", &at, findings, id)?;
        return teams.allow("team", &at.value, &at.place, findings).then_some(Destination::Team(id));
    }
    match track {
        Some(at) => Some(Destination::Track(at.value)),
        None => Some(Destination::Triage),
    }
}
