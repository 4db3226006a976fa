//! The closed lists in words for a person: fragments that end a sentence, such as "not Ana: she is away".

use std::fmt;

use super::{Action, Cause, Excluded, Triage, Unassigned};

impl fmt::Display for Unassigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "the classifier found no lane for it",
            Self::NoSeller => "nobody of the team sells such a deal",
            Self::NoTerritory => "nobody of the team sells where the lead is",
            Self::NotAvailable => "everybody who could take it is away",
            Self::NoCapacity => "everybody who could take it is full",
            Self::BelowThreshold => "nobody matches well enough",
            Self::PluginFailed => "a plugin failed",
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "the classifier found no lane for it",
            Self::NoCandidate => "nobody is eligible",
            Self::AllAtCapacity => "everybody who could take it is full",
            Self::BelowThreshold => "nobody matches well enough",
            Self::PluginFailed => "a plugin failed",
        })
    }
}

impl fmt::Display for Excluded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherTeam { team } => write!(f, "sells in team {team}"),
            Self::OutsideTerritory { territory } => write!(f, "does not sell in {territory}"),
            Self::Unavailable => f.write_str("takes no new leads now"),
            Self::WeeklyCap { assigned, cap } => write!(f, "has had {assigned} of {cap} new leads this week"),
            Self::AtCapacity { open, max } => write!(f, "is at capacity with {open} of {max} open deals"),
            Self::OverCapacity { open, max } => write!(f, "is full with {open} of {max} open deals"),
            Self::NearCapacity { total, needed } => {
                write!(f, "is near capacity, and a match of {total:.0} is below the {needed:.0} that takes")
            }
            Self::DealSize { value } => write!(f, "does not work on deals of {value}"),
            Self::Language { language } => write!(f, "does not speak {language}"),
        }
    }
}

impl fmt::Display for Triage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LowConfidence => "the classifier was not sure",
            Self::ClassifierFailed => "the tenant's classifier failed, and the standard one answered",
            Self::Lane => "the lane leads to people who decide",
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RoundRobin(team) => write!(f, "rotate in team {team}"),
            Self::Manager(team) => write!(f, "give it to the manager of team {team}"),
            Self::Hold(queue) => write!(f, "hold it in {queue}"),
            Self::Nurture(track) => write!(f, "nurture it on {track}"),
        }
    }
}
