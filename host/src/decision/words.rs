//! The closed lists in words for a person: fragments that end a sentence, such as "not Ana: she is away".

use std::fmt;

use super::{
    Action, Cause, Duplicate, Excluded, Fact, Flag, Found, Handover, HandoverCause, Sign, Step, Triage,
    Unassigned, Window,
};
use crate::failure::clean;

impl fmt::Display for Unassigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "the classifier found no lane for it",
            Self::NoSeller => "nobody of the team sells such a deal",
            Self::NoTerritory => "nobody of the team sells where the lead is",
            Self::NotAvailable => "whoever could still take it is away",
            Self::NoCapacity => "whoever could still take it has no room now",
            Self::BelowThreshold => "nobody matches well enough",
            Self::PluginFailed => "a plugin failed",
            Self::NoSkill => "nobody has a skill that it needs",
            Self::Forbidden => "rules leave nobody who could take it",
            Self::Declined => "everybody who could take it has had it already",
            Self::Missed => "it was not touched in time",
            Self::TooOld => "it came too long ago to be routed by itself",
            Self::NeverAutomatic => "it is not to be routed by itself",
            Self::ByRule => "a rule sends it there",
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "the classifier found no lane for it",
            Self::NoCandidate => "nobody is eligible",
            Self::AllAtCapacity => "whoever could still take it has no room now",
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
            Self::Leave { until } => write!(f, "is on leave until {until}"),
            Self::BeforeLeave { until } => write!(f, "is about to leave until {until}"),
            Self::Holiday { name } => write!(f, "has a holiday, {}", clean(name, 60)),
            Self::NotSoon { back: Some(back) } => write!(f, "is not at work before {back}"),
            Self::NotSoon { back: None } => f.write_str("is not at work for a long time"),
            Self::WeeklyCap { assigned, cap } => write!(f, "has had {assigned} of {cap} new leads this week"),
            Self::DailyCap { assigned, cap } => write!(f, "has had {assigned} of {cap} new leads today"),
            Self::TeamCap { assigned, cap, window } => {
                write!(f, "is in a team that has had {assigned} of {cap} new leads {window}")
            }
            Self::RuleCap { rule, assigned, cap, window } => {
                write!(f, "has had {assigned} of {cap} new leads {window} by the rule {rule}")
            }
            Self::AtCapacity { open, max } => write!(f, "is at capacity with {open} of {max} open deals"),
            Self::OverCapacity { open, max } => write!(f, "is full with {open} of {max} open deals"),
            Self::KeptApart { taken, places, window: None } => {
                write!(f, "has {taken} of {places} open deals that are kept for this arm of the experiment")
            }
            Self::KeptApart { taken, places, window: Some(window) } => {
                write!(
                    f,
                    "has had {taken} of {places} new leads {window} that are kept for this arm of the experiment"
                )
            }
            Self::NearCapacity { total, needed } => {
                write!(f, "is near capacity, and a match of {total:.0} is below the {needed:.0} that takes")
            }
            Self::DealSize { value } => write!(f, "does not work on deals of {value}"),
            Self::Language { language } => write!(f, "does not speak {language}"),
            Self::ByRule { rule } => write!(f, "is excluded by the rule {rule}"),
            Self::Unlike { rule } => write!(f, "is not what the rule {rule} asks for"),
            Self::Skill { skill, level: 0, .. } => write!(f, "lacks the skill {}", clean(skill, 60)),
            Self::Skill { skill, level, needed } => {
                write!(f, "has the skill {} at {level}, and {needed} is needed", clean(skill, 60))
            }
            Self::Declined => f.write_str("has had it already"),
            Self::Ahead { leads } => write!(f, "is {leads} leads ahead of the others this month"),
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Day => "today",
            Self::Week => "this week",
        })
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule { rule, text } => write!(f, "{} (rule {rule})", clean(text, 200)),
            Self::SegmentsDisagree { segment, value, lane } => {
                write!(f, "{segment} says {value}, and the lane is {lane}")
            }
            Self::Conflict { rep, strong, weak } => {
                write!(f, "{rep} is strong in {} and weak in {}", clean(strong, 60), clean(weak, 60))
            }
            Self::SpecialistMissing { skill } => {
                write!(f, "no specialist in {} could take it; somebody should follow up", clean(skill, 60))
            }
            Self::OverCapacity { rep, open, max } => {
                write!(f, "{rep} is over capacity with {open} of {max}; their manager should know")
            }
            Self::Overdue { hours } => write!(f, "it came {hours} hours ago"),
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

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.by, self.found)
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CompanyDomain => "the company's domain",
            Self::EmailDomain => "the e-mail's domain",
            Self::Contact => "the contact in the CRM",
            Self::MostContacts => "most contacts that write from there",
            Self::CompanyName => "the company's name",
            Self::LastOfContact => "who had this contact last",
            Self::LastOfRun => "who got the account's last lead",
            Self::AccountRecord => "the owner in the CRM",
            Self::MostRecords => "who has most of the account's open records",
            Self::LastOfAccount => "who had anybody of the company last",
        })
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account { account } => f.write_str(account),
            Self::Rep { rep } => write!(f, "{rep}"),
            Self::NothingToGoBy => f.write_str("the lead has none"),
            Self::FreeMail => f.write_str("a mail provider's, which says nothing"),
            Self::Nothing => f.write_str("none"),
            Self::Tied { between } => {
                write!(f, "{}, and nothing tells them apart", clean(&between.join(" or "), 200))
            }
            Self::NoRep { owner } => write!(f, "{}, who is no rep and is passed over", clean(owner, 80)),
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Email => "e-mail",
            Self::Phone => "phone",
            Self::Name => "name",
            Self::Company => "company",
            Self::Domain => "domain",
            Self::Account => "account",
        })
    }
}

impl fmt::Display for Duplicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it repeats the {} {} by the same {}", self.master.kind, self.master.id, self.by)?;
        match &self.owner {
            Some(owner) => write!(f, ", which {owner} has"),
            None => f.write_str(", which no rep has"),
        }
    }
}

impl fmt::Display for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "handed over from {} to team {}", self.from, self.to)?;
        if let Some(relay) = &self.relay {
            write!(f, ", first to {relay}")?;
        }
        match &self.because {
            HandoverCause::When(when) => write!(f, ", since {}", clean(when, 200)),
            HandoverCause::Complexity(complexity) => write!(f, ", since it is {complexity:.2} complex"),
        }
    }
}
