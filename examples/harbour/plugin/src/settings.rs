//! What `tenant.toml` can set. Everything has a default, so `{}` is in order.

use lanewright_sdk::{Issue, Lane};
use serde::Deserialize;
use serde_json::json;

use crate::trade::Work;
use crate::words;

/// The plugin's settings, for both of its answers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Words that make a message an emergency wherever they stand; beside those every yard knows.
    pub alarm: Vec<String>,
    /// Ports the yard has people near; they are told as signals.
    pub ports: Vec<String>,
    /// The team that is on watch at night.
    pub duty_team: String,
    /// The queue for what has to be looked at by day.
    pub queue: String,
    /// The queue for letters that ask for no work on a ship.
    pub front_desk: String,
    /// The automated track for yachts whose winter is still far.
    pub winter_list: String,
    /// Months, 1 to 12, in which yachts come in for their refit; in the others they can wait.
    pub refit_months: Vec<u8>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            alarm: Vec::new(),
            ports: Vec::new(),
            duty_team: "response".to_owned(),
            queue: "estimating".to_owned(),
            front_desk: "front-desk".to_owned(),
            winter_list: "winter-list".to_owned(),
            refit_months: vec![10, 11, 12, 1, 2, 3],
        }
    }
}

impl Settings {
    /// What is wrong with settings that could be read: what their types cannot say.
    pub fn check(&self, lanes: &[Lane]) -> Vec<Issue> {
        let mut issues = Vec::new();
        for (list, phrases) in [("alarm", &self.alarm), ("ports", &self.ports)] {
            for (place, phrase) in phrases.iter().enumerate() {
                if words::words(phrase).is_empty() {
                    issues.push(Issue::new(format!("/{list}/{place}"), "holds no word to listen for"));
                }
            }
        }
        for (name, queue) in
            [("queue", &self.queue), ("front_desk", &self.front_desk), ("winter_list", &self.winter_list)]
        {
            if queue.trim().is_empty() {
                issues.push(Issue::new(format!("/{name}"), "needs a name"));
            }
        }
        for (place, month) in self.refit_months.iter().enumerate() {
            if !(1..=12).contains(month) {
                let message = format!("a month is 1 to 12, not {month}");
                issues.push(Issue::new(format!("/refit_months/{place}"), message));
            }
        }
        if !lanes.iter().any(|lane| lane.team.as_deref() == Some(&self.duty_team)) {
            let message = format!("no lane leads to a team {:?}", self.duty_team);
            issues.push(Issue::new("/duty_team", message));
        }
        for work in Work::ALL {
            if !lanes.iter().any(|lane| lane.id == work.lane()) {
                issues.push(Issue::new("", format!("the tenant has no lane {:?}", work.lane())));
            }
        }
        issues
    }
}

/// JSON Schema of the settings, for forms and editors.
pub fn schema() -> String {
    let text = json!({"type": "string", "minLength": 1});
    let texts = json!({"type": "array", "items": text});
    let month = json!({"type": "integer", "minimum": 1, "maximum": 12});
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "alarm": texts,
            "ports": texts,
            "duty_team": text,
            "queue": text,
            "front_desk": text,
            "winter_list": text,
            "refit_months": {"type": "array", "items": month},
        }
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::tests::lanes;

    #[test]
    fn settings_that_cannot_be_are_told() {
        let check = |settings: &str, expect: Result<&[&str], &str>| match (
            serde_json::from_str::<Settings>(settings),
            expect,
        ) {
            (Ok(settings), Ok(paths)) => {
                let issues = settings.check(&lanes());
                assert_eq!(issues.iter().map(|issue| issue.path.as_str()).collect::<Vec<_>>(), paths);
            }
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{error}"),
            (got, _) => panic!("{settings}: {got:?}"),
        };
        check("{}", Ok(&[]));
        check(r#"{"alarm": ["adrift", "!"]}"#, Ok(&["/alarm/1"]));
        check(r#"{"queue": " ", "refit_months": [3, 13]}"#, Ok(&["/queue", "/refit_months/1"]));
        check(r#"{"duty_team": "nights"}"#, Ok(&["/duty_team"]));
        check(r#"{"alarms": []}"#, Err("unknown field `alarms`"));
    }

    #[test]
    fn a_yard_without_its_lanes_is_told() {
        let issues = Settings::default().check(&lanes()[..1]);
        let told: Vec<_> = issues.iter().map(|issue| issue.message.as_str()).collect();
        assert_eq!(
            told,
            [
                "the tenant has no lane \"drydock\"",
                "the tenant has no lane \"survey\"",
                "the tenant has no lane \"yacht\""
            ]
        );
    }

    #[test]
    fn the_schema_names_every_setting() {
        let schema: serde_json::Value = serde_json::from_str(&schema()).expect("JSON");
        for name in schema["properties"].as_object().expect("properties").keys() {
            // A number is no value of any of them: the type complains of the value, not of the name.
            let error = serde_json::from_str::<Settings>(&format!("{{{name:?}: 7}}")).expect_err("a number");
            assert!(error.to_string().contains("invalid type"), "{name}: {error}");
        }
    }
}
