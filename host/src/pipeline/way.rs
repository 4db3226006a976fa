//! Which way a lead goes, before anybody is picked: the order of S3.14.

use super::{Claim, LAST_QUEUE, Numbered, ask};
use crate::config::Config;
use crate::decision::{AssignedBy, Cause, Pick, TrackedBy, Unassigned};
use crate::lead::{Confidence, Destination, RepId, TeamId};
use crate::rules::Route;

/// Which way a lead goes, before anybody is picked.
pub(super) enum Way {
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

/// Which way a lead goes, or why it goes to the fallback at once.
///
/// What a person decided comes first, then what keeps it out; a named account's owner and the other claims
/// come before everything but a lane that leads to people (S3.14); then a rule's route or its segment's, the
/// team it is handed over to, and at last its lane. An automated track is closed to leads of low confidence
/// (X1).
pub(super) fn way(
    config: &Config,
    prepared: &Numbered<'_>,
    won: Option<Claim>,
) -> Result<Way, (Cause, Unassigned)> {
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
