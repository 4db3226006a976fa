//! Attack 35: settings that are a bomb, and plugins that are one once they see any.

use lanewright::plugin::Plan;

use super::tenants::{Neighbour, PLAN, Role, decide, tenant, told};
use crate::guests::guest;
use crate::harness::sandbox;

#[test]
fn settings_end_on_both_sides() {
    let hasty = sandbox(Plan { setup_fuel: 1_000_000, ..PLAN }, 4);
    let neighbour = Neighbour::in_sandbox(&hasty);
    let running = tenant(guest("plain"), Role::Classifier, "", &hasty).expect("a tenant");
    let check = |name: &str, settings: &str, words: &str| {
        let Err(problems) = tenant(guest(name), Role::Classifier, settings, &hasty) else {
            panic!("{name} was taken")
        };
        let told = told(&problems);
        assert!(told.contains(words) && told.len() < 8 << 10, "{name}: {told}");
        let decision = decide(&running);
        assert!(decision.lane.is_some() && decision.trace.fallback.is_none(), "{:?}", decision.outcome);
        neighbour.noticed_nothing();
    };
    let fuel = "it reached its fuel limit: used 1000000, allowed 1000000";
    check("loops_in_check", "", &format!("cannot check its settings: {fuel}"));
    check("loops_in_prepare", "", &format!("cannot prepare: {fuel}"));
    let crossing = "cannot check its settings: it reached its crossing (bytes) limit";
    check("answers_many_issues", "", crossing);
    let prepared = "cannot prepare: it reached its prepared (bytes) limit: used 614400, allowed 524288";
    check("prepares_too_much", "", prepared);

    // Whatever the plugin is: these it is never given.
    let lists = |levels: usize| format!("settings = {{ a = {}{} }}", "[".repeat(levels), "]".repeat(levels));
    let inside =
        |at: &str| format!("refuses its settings at {at}: more than 32 tables and lists inside one another");
    check("plain", &lists(40), &inside(&format!("/a{}", "/0".repeat(31))));
    check("plain", &lists(10_000), "cannot recurse further");
    let headers = format!("[plugins.classifier.settings{}]\nx = 1", ".a".repeat(70));
    check("plain", &headers, "more than 32 tables and lists inside one another");
    let long = format!("settings = {{ a = \"{}\" }}", "x".repeat(300 << 10));
    check("plain", &long, "refuses its settings: 307208 bytes of JSON; at most 262144");
    let many = format!("settings = {{ a = [{}] }}", "0,".repeat(200_000));
    check("plain", &many, "bytes of JSON; at most 262144");
}
