//! The standard fallback: a chain of steps for every cause, tried in order until one can be carried out.
//!
//! By default a lead whose cause is a matter of people goes round-robin in the lane's team, then to its
//! manager, then to a queue; one that nobody can take now waits in a queue that drains by itself.

use std::collections::BTreeMap;

use lanewright_sdk::*;
use serde::Deserialize;
use serde_json::json;

/// The standard fallback.
pub struct StandardFallback;

/// What a tenant can set.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// For every cause without a chain of its own.
    chain: Option<Vec<Step>>,
    /// A chain for one cause: `refused`, `no-candidate`, `all-at-capacity`, `below-threshold`,
    /// `plugin-failed`.
    by_cause: BTreeMap<CauseName, Vec<Step>>,
}

/// One step of a chain. Without a team, the lane's.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Named {
    RoundRobin(String),
    Manager(String),
    Hold(String),
    Nurture(String),
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OfLane {
    RoundRobin,
    Manager,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(
    untagged,
    expecting = "a step is \"round-robin\" or \"manager\" (of the lane's team), or one of {\"round-robin\": TEAM}, {\"manager\": TEAM}, {\"hold\": QUEUE}, {\"nurture\": TRACK}"
)]
enum Step {
    OfLane(OfLane),
    Named(Named),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum CauseName {
    Refused,
    NoCandidate,
    AllAtCapacity,
    BelowThreshold,
    PluginFailed,
}

impl From<Cause> for CauseName {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Refused => Self::Refused,
            Cause::NoCandidate => Self::NoCandidate,
            Cause::AllAtCapacity => Self::AllAtCapacity,
            Cause::BelowThreshold => Self::BelowThreshold,
            Cause::PluginFailed => Self::PluginFailed,
        }
    }
}

impl Plugin for StandardFallback {
    type Settings = Settings;

    fn schema() -> String {
        let text = json!({"type": "string", "minLength": 1});
        let step = json!({"oneOf": [
            {"enum": ["round-robin", "manager"]},
            {
                "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false,
                "properties": {"round-robin": text, "manager": text, "hold": text, "nurture": text},
            },
        ]});
        let chain = json!({"type": "array", "minItems": 1, "items": step});
        let causes = ["refused", "no-candidate", "all-at-capacity", "below-threshold", "plugin-failed"];
        let by_cause: serde_json::Map<_, _> =
            causes.into_iter().map(|cause| (cause.to_owned(), chain.clone())).collect();
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "chain": chain,
                "by_cause": {"type": "object", "additionalProperties": false, "properties": by_cause},
            }
        })
        .to_string()
    }

    fn check(settings: &Settings, lanes: &[Lane]) -> Vec<Issue> {
        let teams: Vec<&str> = lanes.iter().filter_map(|lane| lane.team.as_deref()).collect();
        let mut issues = Vec::new();
        let chains = settings
            .by_cause
            .iter()
            .map(|(cause, chain)| (format!("/by_cause/{}", name_of(*cause)), chain))
            .chain(settings.chain.iter().map(|chain| ("/chain".to_owned(), chain)));
        for (path, chain) in chains {
            if chain.is_empty() {
                issues.push(Issue::new(&path, "a chain needs at least one step"));
            }
            for (i, step) in chain.iter().enumerate() {
                let empty = matches!(step, Step::Named(Named::Hold(t) | Named::Nurture(t)
                    | Named::RoundRobin(t) | Named::Manager(t)) if t.trim().is_empty());
                if empty {
                    issues.push(Issue::new(format!("{path}/{i}"), "needs a name"));
                }
                if matches!(step, Step::OfLane(_)) && teams.is_empty() {
                    let message = "no lane leads to a team, so this step would never apply";
                    issues.push(Issue::new(format!("{path}/{i}"), message));
                }
            }
        }
        issues
    }
}

fn name_of(cause: CauseName) -> &'static str {
    match cause {
        CauseName::Refused => "refused",
        CauseName::NoCandidate => "no-candidate",
        CauseName::AllAtCapacity => "all-at-capacity",
        CauseName::BelowThreshold => "below-threshold",
        CauseName::PluginFailed => "plugin-failed",
    }
}

impl Fallback for StandardFallback {
    fn resolve(
        host: &dyn Host,
        _: &Lead,
        verdict: Option<&Verdict>,
        situation: &Situation,
    ) -> Result<Vec<Action>, Failure> {
        let settings: Settings = settings(host)?;
        let lanes = host.lanes();
        let lane = verdict.and_then(|verdict| verdict.lane.as_deref());
        let team = lanes.iter().find(|l| Some(l.id.as_str()) == lane).and_then(|l| l.team.as_deref());
        Ok(actions(&settings, team, situation.cause))
    }
}

fn actions(settings: &Settings, team: Option<&str>, cause: Cause) -> Vec<Action> {
    let chain = settings.by_cause.get(&cause.into()).or(settings.chain.as_ref());
    let default;
    let chain = match chain {
        Some(chain) => chain,
        None => {
            default = default_chain(cause);
            &default
        }
    };
    let mut actions: Vec<Action> = chain.iter().filter_map(|step| action(step, team)).collect();
    if actions.is_empty() {
        actions.push(Action::Hold(UNASSIGNED.to_owned()));
    }
    actions
}

/// The queue for what no chain caught.
const UNASSIGNED: &str = "unassigned";

fn default_chain(cause: Cause) -> Vec<Step> {
    let hold = |queue: &str| Step::Named(Named::Hold(queue.to_owned()));
    let people = || vec![Step::OfLane(OfLane::RoundRobin), Step::OfLane(OfLane::Manager), hold(UNASSIGNED)];
    match cause {
        Cause::Refused => vec![hold("refused")],
        // Waits for somebody to free up; a rotation would only find the same full people.
        Cause::AllAtCapacity => vec![hold("capacity")],
        Cause::NoCandidate => vec![Step::OfLane(OfLane::Manager), hold(UNASSIGNED)],
        Cause::BelowThreshold | Cause::PluginFailed => people(),
    }
}

fn action(step: &Step, team: Option<&str>) -> Option<Action> {
    let lane_team = || team.map(str::to_owned);
    match step {
        Step::OfLane(OfLane::RoundRobin) => lane_team().map(Action::RoundRobin),
        Step::OfLane(OfLane::Manager) => lane_team().map(Action::Manager),
        Step::Named(Named::RoundRobin(team)) => Some(Action::RoundRobin(team.clone())),
        Step::Named(Named::Manager(team)) => Some(Action::Manager(team.clone())),
        Step::Named(Named::Hold(queue)) => Some(Action::Hold(queue.clone())),
        Step::Named(Named::Nurture(track)) => Some(Action::Nurture(track.clone())),
    }
}

register!(StandardFallback: fallback);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_a_chain() {
        let check = |settings: &str, team: Option<&str>, cause: Cause, expect: &[Action]| {
            let settings: Settings = serde_json::from_str(settings).expect("settings");
            assert_eq!(actions(&settings, team, cause), expect, "{settings:?} {cause:?}");
        };
        let hold = |queue: &str| Action::Hold(queue.to_owned());
        let turn = |team: &str| Action::RoundRobin(team.to_owned());
        let boss = |team: &str| Action::Manager(team.to_owned());

        check("{}", Some("smb"), Cause::BelowThreshold, &[turn("smb"), boss("smb"), hold("unassigned")]);
        check("{}", Some("smb"), Cause::NoCandidate, &[boss("smb"), hold("unassigned")]);
        check("{}", Some("smb"), Cause::AllAtCapacity, &[hold("capacity")]);
        check("{}", None, Cause::Refused, &[hold("refused")]);
        // Steps of the lane's team fall away where there is none; something is always left.
        check("{}", None, Cause::PluginFailed, &[hold("unassigned")]);
        check(r#"{"chain": ["manager"]}"#, None, Cause::PluginFailed, &[hold("unassigned")]);
        let own = r#"{"chain": [{"round-robin": "night"}], "by_cause": {"refused": [{"nurture": "news"}]}}"#;
        check(own, Some("smb"), Cause::NoCandidate, &[turn("night")]);
        check(own, Some("smb"), Cause::Refused, &[Action::Nurture("news".into())]);
    }

    #[test]
    fn settings_that_cannot_be_are_told() {
        let check = |settings: &str, expect: Result<&[&str], &str>| match (
            serde_json::from_str::<Settings>(settings),
            expect,
        ) {
            (Ok(settings), Ok(paths)) => {
                let issues = StandardFallback::check(&settings, &[]);
                assert_eq!(issues.iter().map(|i| i.path.as_str()).collect::<Vec<_>>(), paths);
            }
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{error}"),
            (got, _) => panic!("{settings}: {got:?}"),
        };
        check("{}", Ok(&[]));
        check(r#"{"chain": []}"#, Ok(&["/chain"]));
        check(r#"{"chain": ["manager", {"hold": " "}]}"#, Ok(&["/chain/0", "/chain/1"]));
        check(r#"{"chain": ["boss"]}"#, Err("a step is"));
        check(r#"{"by_cause": {"full": []}}"#, Err("unknown variant `full`"));
    }
}
