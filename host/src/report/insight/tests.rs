use expect_test::expect_file;
use lanewright_learning::analytics::targets::targets;
use lanewright_learning::analytics::{Lead, Load, Mode, Placed, Stage, analyse};
use lanewright_learning::readiness::{History, audit};
use lanewright_learning::suggest::{End, Routed, gaps};

use super::*;
use crate::report::Look;

/// Sixty leads of two segments; whoever wrote their names meant harm.
fn told() -> Insight {
    let lead = |number: u32| {
        let score = f64::from(35 + number);
        let won = (!number.is_multiple_of(4)).then_some(number.is_multiple_of(3) || number > 45);
        Lead {
            week: ["2026-02-23", "2026-03-02", "2026-03-09"][(number / 20) as usize].to_owned(),
            segment: ["healthcare", "<b>retail</b>"][(number % 2) as usize].to_owned(),
            rep: (number % 10 != 9).then(|| ["ana-lima", "bo-ek"][(number / 2 % 2) as usize].to_owned()),
            placed: [Placed::Predictive, Placed::Rules, Placed::Manual][(number / 4 % 3) as usize],
            mode: if number.is_multiple_of(5) { Mode::Batch } else { Mode::RealTime },
            match_score: Some(score),
            first_touch: (!number.is_multiple_of(7)).then(|| f64::from(number)),
            sla: Some(30.0),
            in_time: Some(number < 30),
            overridden: number.is_multiple_of(8),
            reached: match won {
                Some(true) => Stage::Won,
                Some(false) => Stage::Opportunity,
                None => Stage::Contact,
            },
            won,
            revenue: if won == Some(true) { 1000.0 } else { 0.0 },
            csat: (number % 5 == 1).then_some(3 + (number % 3) as u8),
            rep_satisfaction: (number % 20 == 2).then_some(4),
        }
    };
    let leads: Vec<Lead> = (0..60).map(lead).collect();
    let load = |rep: &str, open, most| Load { rep: rep.to_owned(), open, most };
    let analytics =
        analyse(&leads, &[load("ana-lima", 14.0, 20.0), load("bo-ek\u{1b}[2J", 11.0, 10.0)], 75.0);
    let routed: Vec<Routed> = leads
        .iter()
        .map(|lead| Routed {
            segment: lead.segment.clone(),
            end: if lead.in_time == Some(true) { End::Covered } else { End::Late },
        })
        .collect();
    let history = History {
        days: 90,
        leads: 60,
        closed: 45,
        effective: 44.0,
        covered: analytics.coverage,
        fields: vec![("industry".to_owned(), Rate::of(30, 60).expect("counted"))],
        ..History::default()
    };
    Insight {
        from: "2026-01-01T00:00:00Z".parse().expect("a time"),
        to: "2026-04-01T00:00:00Z".parse().expect("a time"),
        segment: "industry".to_owned(),
        leads: leads.len(),
        targets: targets(&analytics).to_vec(),
        grades: None,
        readiness: audit(&history),
        suggestions: gaps(&routed),
        analytics,
    }
}

#[test]
fn the_terminal_shows_figures_beside_their_charts() {
    let shown = super::insight(&told(), Look { width: 110, colour: false });
    expect_file![concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/program/report.txt")].assert_eq(&shown);
    let nothing = Insight {
        analytics: analyse(&[], &[], 75.0),
        targets: targets(&analyse(&[], &[], 75.0)).to_vec(),
        readiness: audit(&History::default()),
        suggestions: Vec::new(),
        leads: 0,
        ..told()
    };
    let shown = super::insight(&nothing, Look { width: 110, colour: false });
    expect_file![concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/program/report-nothing.txt")]
        .assert_eq(&shown);
}

/// Elements that have no end.
const VOID: [&str; 2] = ["meta", "!DOCTYPE"];

/// The elements of a page in order, each with its attributes; every one that begins ends where it should.
fn elements(page: &str) -> Vec<(String, String)> {
    let (mut found, mut open) = (Vec::new(), Vec::new());
    for tag in page.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("a tag ends");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop().as_deref(), Some(name), "{name} ends"),
            None => {
                let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
                found.push((name.to_owned(), attributes.to_owned()));
                if !VOID.contains(&name) {
                    open.push(name.to_owned());
                }
            }
        }
    }
    assert_eq!(open, Vec::<String>::new());
    found
}

#[test]
fn the_page_is_whole_loads_nothing_and_can_be_read_aloud() {
    let page = page(&told());
    let elements = elements(&page);
    let count = |name: &str| elements.iter().filter(|(found, _)| found == name).count();
    assert_eq!((count("h1"), count("main"), count("title")), (1, 1, 1));
    assert_eq!((count("section"), count("h2")), (11, 11));
    for forbidden in ["script", "link", "img", "iframe", "a", "object"] {
        assert_eq!(count(forbidden), 0, "{forbidden}");
    }
    for forbidden in ["http:", "https:", "url(", "@import", "src=", "href="] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    let handler =
        |(_, attributes): &(String, String)| attributes.split(' ').any(|name| name.starts_with("on"));
    assert!(!elements.iter().any(handler));
    // Pictures are for those who see them; the same row has the numbers.
    for (_, attributes) in elements.iter().filter(|(name, _)| name == "svg") {
        assert!(attributes.contains("aria-hidden=\"true\""), "{attributes}");
    }
    for (name, attributes) in elements.iter().filter(|(name, _)| name == "th" || name == "table") {
        let said = if name == "th" { "scope=" } else { "aria-labelledby=" };
        assert!(attributes.contains(said), "{name} {attributes}");
    }
    // What a tenant wrote stays text.
    assert!(page.contains("&lt;b&gt;retail&lt;/b&gt;") && !page.contains("<b>"));
    assert!(!page.contains('\u{1b}'));
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("@media print"));
}

#[test]
fn both_say_the_same_of_what_is_read_back() {
    let told = told();
    let json = serde_json::to_string(&told).expect("JSON");
    let read: Insight = serde_json::from_str(&json).expect("an insight");
    assert_eq!(page(&read), page(&told));
}
