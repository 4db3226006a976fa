//! Why a plugin gave no answer that counts: which limit, what was used and allowed, who is to blame.
//!
//! A failure never loses a lead: whoever asked goes on through the fallback and keeps this in the trace.
//! Texts that come from a guest are cut and cleaned before they get here ([`clean`]).

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a plugin gave no answer that counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Error)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Failure {
    /// It reached a limit of the tenant's plan.
    #[error("it reached its {limit} limit: used {used}, allowed {allowed}")]
    Limit {
        /// Which.
        limit: Limit,
        /// What it used, or asked for, in the limit's unit.
        used: u64,
        /// What the plan allows.
        allowed: u64,
    },
    /// Its code broke off.
    #[error("it trapped: {reason}")]
    Trap {
        /// The engine's word for it.
        reason: String,
    },
    /// It answered something that cannot be.
    #[error("its answer does not count: {path} {problem}")]
    Answer {
        /// Where in the answer, such as `ranking[2].score`.
        path: String,
        /// What is wrong there.
        problem: String,
    },
    /// It says that its settings do not fit it.
    #[error("it says its settings do not fit: {message}")]
    Settings {
        /// Its own words.
        message: String,
    },
    /// It says that it failed.
    #[error("it says it failed: {message}")]
    Internal {
        /// Its own words.
        message: String,
    },
    /// It failed on so many leads in a row that it is not asked for now.
    #[error("it is not asked for now: it failed on the last {leads} leads in a row")]
    Broken {
        /// Different leads.
        leads: u32,
    },
    /// It failed on this lead so often that it is not asked about it any more.
    #[error("it is not asked about this lead any more: it failed on it {times} times")]
    Quarantined {
        /// How often.
        times: u32,
    },
    /// The host had no room for the call.
    #[error("the host is busy: {message}")]
    Capacity {
        /// What was short.
        message: String,
    },
    /// The host itself failed.
    #[error("the host failed: {message}")]
    Host {
        /// How.
        message: String,
    },
}

/// A limit of a tenant's plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// Units of fuel a call.
    Fuel,
    /// Milliseconds a call.
    WallTime,
    /// Bytes of linear memory, all memories together.
    Memory,
    /// Table elements.
    Table,
    /// Bytes of guest stack.
    Stack,
    /// Bytes that cross the boundary in one call, answers among them.
    Crossing,
    /// Bytes of one text in an answer.
    Text,
    /// Signals in a verdict.
    Signals,
    /// Factors of a scorer.
    Factors,
    /// Requests of an enricher.
    Requests,
    /// Calls into the host.
    HostCalls,
    /// Bytes that `prepare` made.
    Prepared,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fuel => "fuel",
            Self::WallTime => "wall-time (ms)",
            Self::Memory => "memory (bytes)",
            Self::Table => "table (elements)",
            Self::Stack => "stack (bytes)",
            Self::Crossing => "crossing (bytes)",
            Self::Text => "text (bytes)",
            Self::Signals => "signals",
            Self::Factors => "factors",
            Self::Requests => "requests",
            Self::HostCalls => "host-calls",
            Self::Prepared => "prepared (bytes)",
        })
    }
}

/// Who has to mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blame {
    /// The plugin's author.
    Plugin,
    /// Whoever wrote its settings.
    Settings,
    /// Whoever runs the host.
    Host,
}

impl Failure {
    /// Who has to mend it.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Limit { .. } | Self::Trap { .. } | Self::Answer { .. } | Self::Internal { .. } => {
                Blame::Plugin
            }
            Self::Broken { .. } | Self::Quarantined { .. } => Blame::Plugin,
            Self::Settings { .. } => Blame::Settings,
            Self::Capacity { .. } | Self::Host { .. } => Blame::Host,
        }
    }
}

/// A line a plugin wrote into the trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// How loud.
    pub level: LogLevel,
    /// Cut to the plan's length, control characters escaped.
    pub message: String,
}

/// How loud a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// For the author.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth mending.
    Warn,
    /// Broken.
    Error,
}

/// A guest's text made safe for traces and terminals: at most `max` bytes, control characters and
/// direction overrides escaped, the cut shown.
pub fn clean(text: &str, max: usize) -> String {
    let mut out = String::new();
    for c in text.chars() {
        let risky = c.is_control()
            || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}');
        let piece = if risky { c.escape_default().to_string() } else { c.to_string() };
        if out.len() + piece.len() > max {
            out.push('…');
            break;
        }
        out.push_str(&piece);
    }
    out
}
