//! What is never routed by itself: records with certain labels or owners, and those that came too long ago
//! (P21, P11). People look at them instead.

use jiff::{SignedDuration, Timestamp};

use crate::config::Config;
use crate::decision::{Flag, Unassigned};
use crate::lead::Lead;

/// Why a lead is not routed, with what somebody should know of it, where the tenant keeps it out.
pub fn never(config: &Config, lead: &Lead, at: Timestamp) -> Option<(Unassigned, Option<Flag>)> {
    let exclusions = &config.known.exclusions;
    let owner = lead.owner.as_ref().map(|owner| owner.to_lowercase());
    let is_kept = lead.labels.iter().any(|label| exclusions.labels.contains(label))
        || owner.is_some_and(|owner| exclusions.owners.contains(&owner));
    if is_kept {
        return Some((Unassigned::NeverAutomatic, None));
    }
    let age = at.duration_since(lead.received_at);
    let most = SignedDuration::from_hours(exclusions.older_than_hours?.into());
    let hours = u32::try_from(age.as_hours()).unwrap_or(u32::MAX);
    (age > most).then_some((Unassigned::TooOld, Some(Flag::Overdue { hours })))
}
