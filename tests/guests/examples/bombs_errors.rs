//! Attack 26: an error far too long, with what would steer a terminal.

use lanewright_sdk::*;
use serde::Deserialize;

struct Guest;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
struct Settings {
    blame: Blame,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Blame {
    Settings,
    Internal,
}

impl Plugin for Guest {
    type Settings = Settings;
}

impl Fallback for Guest {
    fn resolve(
        host: &dyn Host,
        _: &Lead,
        _: Option<&Verdict>,
        _: &Situation,
    ) -> Result<Vec<Action>, Failure> {
        let words = "\u{1b}[31m{{{{\n".repeat(60_000);
        Err(match settings::<Settings>(host)?.blame {
            Blame::Settings => Failure::Settings(words),
            Blame::Internal => Failure::Internal(words),
        })
    }
}

register!(Guest: fallback);
