//! The plugin of Harbour & Sons, a ship-repair yard: its own way to sort inquiries, and its own night
//! watch for those that nobody can simply take. Copy it, and put your own trade in.
//!
//! ```text
//! settings.rs   what tenant.toml can set, and what is wrong with it
//! words.rs      a text as words that know where they stand
//! trade.rs      the words of the trade, and which lane each speaks for
//! ship.rs       what is said of the ship: name, kind, size, port, deadline
//! classify.rs   all of it weighed: a lane, or none
//! watch.rs      where an inquiry goes that nobody can simply take
//! ```
//!
//! One component answers two questions, so it has one set of settings for both. Everything below is plain
//! Rust on values; `cargo test` runs it natively, without a sandbox.

use lanewright_sdk::*;

mod classify;
mod settings;
mod ship;
mod trade;
mod watch;
mod words;

pub use settings::Settings;

/// Harbour & Sons.
pub struct Harbour;

impl Plugin for Harbour {
    type Settings = Settings;

    fn schema() -> String {
        settings::schema()
    }

    fn check(settings: &Settings, lanes: &[Lane]) -> Vec<Issue> {
        settings.check(lanes)
    }

    /// Reading the lanes' definitions costs the same for every inquiry, so it is done once.
    fn prepare(host: &dyn Host, _: &Settings, lanes: &[Lane]) -> Result<Vec<u8>, Failure> {
        Ok(classify::prepare(host, lanes))
    }
}

impl Classifier for Harbour {
    fn classify(host: &dyn Host, lead: &Lead, policy: Policy) -> Result<Verdict, Failure> {
        let settings: Settings = lanewright_sdk::settings(host)?;
        Ok(classify::classify(host, &settings, lead, policy))
    }
}

impl Fallback for Harbour {
    fn resolve(
        host: &dyn Host,
        lead: &Lead,
        verdict: Option<&Verdict>,
        situation: &Situation,
    ) -> Result<Vec<Action>, Failure> {
        let settings: Settings = lanewright_sdk::settings(host)?;
        Ok(watch::resolve(host, &settings, lead, verdict, situation.cause))
    }
}

register!(Harbour: classifier, fallback);
