//! What a guest can write into a trace: so much, in one line each, and nothing a terminal would obey.

use lanewright::failure::LogLevel;

use super::tenants::{Role, calls, decide, plugins, tenant};
use crate::guests::guest;

/// The call of a guest that classifies.
fn call(name: &str) -> lanewright::decision::CallTrace {
    let tenant = tenant(guest(name), Role::Classifier, "", plugins()).expect("a tenant");
    let decision = decide(&tenant);
    calls(&tenant, &decision, Role::Classifier).swap_remove(0)
}

/// Attack 12.
#[test]
fn a_log_is_short_and_plain() {
    let trace = call("forges_log");
    let line = |n: usize| trace.log[n].message.as_str();
    assert_eq!(line(0), "\\u{1b}[2J\\u{1b}[31mred");
    assert_eq!(line(1), "one\\nINFO two\\r\\u{9b}31m");
    assert_eq!(line(2), "\\u{202e}txt.exe\\u{2066}\\u{200f}");
    assert!(line(3).len() <= (1 << 10) + '…'.len_utf8() && line(3).ends_with('…'), "{}", line(3));
    assert_eq!(trace.log.len(), 65, "64 lines and how many there were beyond");
    assert_eq!(line(64), "36 more lines were dropped");
    assert_eq!(trace.log[64].level, LogLevel::Warn);

    let flooded = call("floods_log");
    assert_eq!(flooded.log.len(), 65);
    assert_eq!(flooded.log[64].message, "192 more lines were dropped");
}

/// Attack 13: what a guest said before it broke off is kept, its panic's words among it.
#[test]
fn the_words_before_a_trap_are_kept() {
    assert_eq!(call("traps_after_log").log[0].message, "so long");
    let tenant = tenant(guest("panics"), Role::Scorer, "", plugins()).expect("a tenant");
    let log = &calls(&tenant, &decide(&tenant), Role::Scorer)[0].log;
    assert_eq!(log[0].message, "about to break off");
    assert_eq!(log[1].level, LogLevel::Error);
    assert!(log[1].message.contains("index out of bounds"), "{}", log[1].message);
}

/// Attack 26: asking for what no lead has fills no trace.
#[test]
fn fields_asked_for_are_recorded_within_bounds() {
    let trace = call("asks_for_fields");
    let recorded: usize = trace.fields.keys().map(String::len).sum();
    assert!(trace.fields.len() == 64 && recorded < 20 << 10, "{} of {recorded} bytes", trace.fields.len());
    let last = trace.log.last().map(|line| line.message.as_str());
    assert_eq!(last, Some("186 more fields were asked for that the lead lacks"));
}
