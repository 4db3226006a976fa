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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Exclusions;
    use crate::pipeline::fixture;

    #[test]
    fn what_people_look_at_instead() {
        let check = |label: Option<&str>,
                     owner: Option<&str>,
                     at: &str,
                     expect: Option<(Unassigned, Option<Flag>)>| {
            let mut config = fixture::config();
            config.known.exclusions = Exclusions {
                labels: vec!["spam".to_owned()],
                owners: vec!["bot@acme.example".to_owned()],
                older_than_hours: Some(24),
            };
            let labels = label.map(str::to_owned).into_iter().collect();
            let lead = Lead { labels, owner: owner.map(str::to_owned), ..fixture::lead() };
            assert_eq!(never(&config, &lead, at.parse().unwrap()), expect, "{label:?} {owner:?} {at}");
            config.known.exclusions = Exclusions::default();
            assert_eq!(never(&config, &lead, at.parse().unwrap()), None);
        };
        let kept = || Some((Unassigned::NeverAutomatic, None));
        let late = |hours| Some((Unassigned::TooOld, Some(Flag::Overdue { hours })));
        let now = "2026-03-02T10:00:00Z";
        check(None, Some("ana"), now, None);
        check(Some("hot"), None, now, None);
        check(Some("spam"), None, now, kept());
        check(None, Some("Bot@Acme.example"), now, kept());
        check(None, None, "2026-03-03T10:00:00Z", None);
        check(None, None, "2026-03-03T10:00:01Z", late(24));
        check(None, None, "2026-03-05T11:30:00Z", late(73));
        check(Some("spam"), None, "2026-03-05T11:30:00Z", kept());
        // A clock that is ahead makes nothing old.
        check(None, None, "2026-03-01T10:00:00Z", None);
    }
}
