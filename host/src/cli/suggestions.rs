//! `lanewright suggestions`: what a service suggests (S2.8, S3.18, S3.33), and what somebody says of it.

use clap::ValueEnum;
use lanewright_learning::suggest::Suggestion;
use serde_json::json;

use super::Exit;
use super::remote::{Remote, show, understood};
use crate::fetch::Method;
use crate::report;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What becomes of one [default: all that wait for an answer are listed]
    #[arg(value_enum, value_name = "ANSWER", requires = "id")]
    answer: Option<Answer>,
    /// Its id
    id: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Answer {
    /// It is done: you change the profile or the rule.
    Accept,
    /// It is not to be.
    Dismiss,
}

pub(super) fn run(Arguments { answer, id, remote }: &Arguments) -> anyhow::Result<Exit> {
    if let (Some(answer), Some(id)) = (answer, id) {
        let said = match answer {
            Answer::Accept => "accepted",
            Answer::Dismiss => "dismissed",
        };
        let body = json!({"answer": said}).to_string();
        remote.ask(Method::Put(body.as_bytes()), &format!("suggestions/{id}"), "application/json")?;
        println!("{id} is {said} and not suggested again");
        return Ok(Exit::Done);
    }
    let mut answer = remote.get("suggestions")?;
    let found: Vec<Suggestion> = understood(answer["items"].take())?;
    show(&report::SUGGESTION, found.iter().map(|one| report::suggestion(one).to_vec()), 3..3)
}
