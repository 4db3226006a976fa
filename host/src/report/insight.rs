//! What deals tell people, for a person: on a terminal, or as one page of HTML.
//!
//! Both show the same [`Section`]s: tables whose cells are words, numbers, bars and rates with their interval. A chart
//! is never without the numbers beside it, so that nothing is told by a picture or by a colour alone.

use lanewright_learning::analytics::targets::{Met, Target};
use lanewright_learning::analytics::{Analytics, Average, FirstTouch, Mode, Satisfaction, Score, Week};
use lanewright_learning::grades::Row as Graded;
use lanewright_learning::policy::Lift;
use lanewright_learning::rate::Rate;
use lanewright_learning::readiness::{Area, Finding, Verdict};
use lanewright_learning::suggest::{Subject, Suggestion};

use crate::failure::clean;
use crate::insight::Insight;

mod page;
mod terminal;

pub use page::page;
pub use terminal::insight;

/// A table with its title and what is to be said before it is read.
struct Section {
    title: String,
    notes: Vec<String>,
    header: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// One cell.
enum Cell {
    Words(String),
    Number(String),
    /// A part of the largest of its column, 0 to 1.
    Bar(f64),
    /// A share with its interval, 0 to 1 each.
    Rate(Option<Rate>),
    /// How a figure stands to its target.
    Met(Option<Met>),
}

/// Of which time, and how many leads.
fn heading(insight: &Insight) -> String {
    let Insight { from, to, leads, .. } = insight;
    let day = |at: &jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
    let leads = if *leads == 1 { "1 lead".to_owned() } else { format!("{leads} leads") };
    format!("{leads}, from {} to {}", day(from), day(to))
}

/// Everything, in the order in which it is read.
fn sections(insight: &Insight) -> Vec<Section> {
    let found = &insight.analytics;
    let mut sections = vec![figures(insight), first_touch(&found.first_touch)];
    sections.push(or_nothing(trend(&found.trend)));
    sections.push(matches(found));
    sections.extend(insight.grades.as_ref().map(grades));
    sections.push(or_nothing(satisfaction(&found.satisfaction)));
    sections.push(lift(found.lift.as_ref().map(|lift| &lift.observational)));
    sections.extend([tiers(found), load(found), funnels(found, &insight.segment)].map(or_nothing));
    sections.extend([readiness(&insight.readiness), suggestions(&insight.suggestions)]);
    sections
}

/// A table without rows needs no word on how to read it.
fn or_nothing(section: Section) -> Section {
    match section.rows.is_empty() {
        true => Section { notes: vec!["Nothing to show yet.".to_owned()], ..section },
        false => section,
    }
}

fn figures(insight: &Insight) -> Section {
    let found = &insight.analytics;
    let rows = insight.targets.iter().map(|&(target, met)| {
        let (what, now, should) = figure(found, target);
        vec![words(what), Cell::Number(now), words(should), Cell::Met(Some(met))]
    });
    let revenue = average(found.revenue, |value| format!("{value:.0}"), |revenue| revenue.mean);
    let revenue = vec![
        words("revenue of a lead that somebody has, mean"),
        Cell::Number(revenue),
        words("no target"),
        Cell::Met(None),
    ];
    Section {
        title: "Targets".to_owned(),
        notes: Vec::new(),
        header: vec!["figure", "is", "should be", "target"],
        rows: rows.chain([revenue]).collect(),
    }
}

/// What a target is about, its figure, and what that should be.
fn figure(found: &Analytics, target: Target) -> (&'static str, String, &'static str) {
    let touch = |mode: Mode| {
        let touch = found.first_touch.iter().find(|touch| touch.mode == mode);
        average(touch.and_then(|touch| touch.minutes), minutes, |touch| touch.median)
    };
    match target {
        Target::Quality => (
            "match of rep and lead, mean",
            average(found.quality, |value| format!("{value:.1}"), |quality| quality.mean),
            "above 70",
        ),
        Target::FirstTouchRealTime => {
            ("first touch in real time, median", touch(Mode::RealTime), "under 5 min")
        }
        Target::FirstTouchBatch => ("first touch in batches, median", touch(Mode::Batch), "under 4 h"),
        Target::WinsRise => ("better matches win more", none(), "the upper half more"),
        Target::Utilisation => {
            let loads = &found.utilisation;
            let mean = loads.iter().map(|(_, share)| share).sum::<f64>() / loads.len().max(1) as f64;
            let is =
                if loads.is_empty() { none() } else { format!("{} of {} reps", percent(mean), loads.len()) };
            ("open work over the most, mean", is, "60 to 80 %")
        }
        Target::Overrides => ("assignments that people change", share(found.overrides), "under 15 %"),
        Target::Coverage => ("leads that somebody has", share(found.coverage), "above 85 %"),
    }
}

fn first_touch(touches: &[FirstTouch; 2]) -> Section {
    let row = |touch: &FirstTouch| {
        let mode = match touch.mode {
            Mode::RealTime => "real time",
            Mode::Batch => "batch",
        };
        let time =
            |of: fn(Average) -> f64| Cell::Number(touch.minutes.map_or_else(none, |all| minutes(of(all))));
        vec![
            words(mode),
            Cell::Number(touch.minutes.map_or(0, |all| all.n).to_string()),
            time(|all| all.median),
            time(|all| all.mean),
            Cell::Number(share(touch.in_time)),
            Cell::Rate(touch.in_time),
        ]
    };
    Section {
        title: "First touch".to_owned(),
        notes: vec![
            "Leads that still wait are not in the times, so read them beside the promises kept.".to_owned(),
        ],
        header: vec!["placed", "touched", "median", "mean", "in time", "0 – 100 %"],
        rows: touches.iter().map(row).collect(),
    }
}

/// Weeks that are shown: a quarter of a year.
const WEEKS: usize = 13;

fn trend(weeks: &[Week]) -> Section {
    let weeks = &weeks[weeks.len().saturating_sub(WEEKS)..];
    let median = |week: &Week| week.minutes.map(|all| all.median);
    let most = weeks.iter().filter_map(median).fold(0.0, f64::max);
    let row = |week: &Week| {
        let bar = median(week).map_or(0.0, |median| if most > 0.0 { median / most } else { 0.0 });
        vec![
            name(&week.week),
            Cell::Number(week.leads.to_string()),
            Cell::Number(median(week).map_or_else(none, minutes)),
            Cell::Bar(bar),
            Cell::Number(share(week.in_time)),
            Cell::Rate(week.in_time),
        ]
    };
    Section {
        title: "First touch by week".to_owned(),
        notes: vec![
            "By the week in which leads came, from Monday; the last weeks may still get worse.".to_owned(),
        ],
        header: vec!["week of", "leads", "median", "", "in time", "0 – 100 %"],
        rows: weeks.iter().map(row).collect(),
    }
}

fn satisfaction(found: &Satisfaction) -> Section {
    let row = |who: Cell, customers: Option<Score>, reps: Option<Score>| {
        let told =
            |score: Option<Score>| {
                Cell::Number(score.map_or_else(none, |it| {
                    format!("{:.1} ({:.1}–{:.1}) of {}", it.mean, it.low, it.high, it.n)
                }))
            };
        let bar = |score: Option<Score>| Cell::Bar(score.map_or(0.0, |it| (it.mean - 1.0) / 4.0));
        vec![who, told(customers), bar(customers), told(reps), bar(reps)]
    };
    let all = (found.customers.is_some() || found.reps.is_some())
        .then(|| row(words("all"), found.customers, found.reps));
    let by_rep = found.by_rep.iter().map(|(rep, customers, own)| row(name(rep), *customers, *own));
    Section {
        title: "Satisfaction, from 1 to 5".to_owned(),
        notes: vec!["Of those who said so: the others may think otherwise.".to_owned()],
        header: vec!["leads of", "customers", "1 – 5", "the reps themselves", "1 – 5"],
        rows: all.into_iter().chain(by_rep).collect(),
    }
}

fn matches(found: &Analytics) -> Section {
    let most = found.histogram.iter().map(|band| band.leads).max().unwrap_or_default().max(1);
    let rows = found.histogram.iter().map(|band| {
        vec![
            Cell::Number(format!("{:.0}–{:.0}", band.from, band.to)),
            Cell::Number(band.leads.to_string()),
            Cell::Bar(band.leads as f64 / most as f64),
            Cell::Number(share(band.won)),
            Cell::Rate(band.won),
        ]
    });
    Section {
        title: "Match scores, and how many are won".to_owned(),
        notes: Vec::new(),
        header: vec!["match", "leads", "", "won of closed", "0 – 100 %"],
        rows: rows.collect(),
    }
}

fn grades(grades: &[Graded; 4]) -> Section {
    let rows = grades.iter().map(|row| {
        vec![
            words(&format!("{:?}", row.grade)),
            Cell::Number(row.leads.to_string()),
            Cell::Bar(row.share),
            Cell::Number(share(row.won)),
            Cell::Rate(row.won),
        ]
    });
    Section {
        title: "Grades of matches".to_owned(),
        notes: Vec::new(),
        header: vec!["grade", "leads", "of all", "won of closed", "0 – 100 %"],
        rows: rows.collect(),
    }
}

fn lift(lift: Option<&Lift>) -> Section {
    let title = "Placed by the model, placed by people".to_owned();
    let header = vec!["placed by", "won of closed", "0 – 100 %"];
    let Some(lift) = lift else {
        let note = "Nothing to compare: no closed leads that the model placed, or none that people placed.";
        return Section { title, notes: vec![note.to_owned()], header, rows: Vec::new() };
    };
    let points = |share: f64| format!("{:+.0}", 100.0 * share);
    let note = format!(
        "Observational: {} points of win rate ({} to {}). People may pick the easy leads; an experiment tells what the model does.",
        points(lift.difference),
        points(lift.low),
        points(lift.high)
    );
    let row =
        |who: &str, rate: Rate| vec![words(who), Cell::Number(share(Some(rate))), Cell::Rate(Some(rate))];
    let rows = vec![row("model", lift.predictive), row("people", lift.manual)];
    Section { title, notes: vec![note], header, rows }
}

fn tiers(found: &Analytics) -> Section {
    let rows = found.tiers.iter().map(|tiers| {
        let side = |rate: Option<Rate>| [Cell::Number(share(rate)), Cell::Rate(rate)];
        let mut row = vec![name(&tiers.rep)];
        row.extend(side(tiers.high));
        row.extend(side(tiers.low));
        row
    });
    Section {
        title: "Reps by match".to_owned(),
        notes: vec!["Won of closed leads, with matches from 75 on and below.".to_owned()],
        header: vec!["rep", "high match", "0 – 100 %", "lower match", "0 – 100 %"],
        rows: rows.collect(),
    }
}

fn load(found: &Analytics) -> Section {
    let rows = found.utilisation.iter().map(|(rep, load)| {
        let over = if *load > 1.0 { "over" } else { "" };
        vec![name(rep), Cell::Number(percent(*load)), Cell::Bar(load.min(1.0)), words(over)]
    });
    Section {
        title: "Open work over the most".to_owned(),
        notes: Vec::new(),
        header: vec!["rep", "load", "0 – 100 %", ""],
        rows: rows.collect(),
    }
}

fn funnels(found: &Analytics, segment: &str) -> Section {
    let rows = found.funnels.iter().map(|funnel| {
        let steps = [funnel.contact, funnel.meeting, funnel.opportunity, funnel.won, funnel.win_rate];
        let mut row = vec![name(&funnel.segment)];
        row.extend(steps.map(|rate| Cell::Number(share(rate))));
        row.push(Cell::Rate(funnel.win_rate));
        row
    });
    Section {
        title: format!("Funnel by {}", clean(segment, NAME)),
        notes: vec!["Each step is the share of those that came to the one before; the win rate is that of closed leads.".to_owned()],
        header: vec!["segment", "contact", "meeting", "opportunity", "won", "win rate", "0 – 100 %"],
        rows: rows.collect(),
    }
}

fn readiness(findings: &[Finding]) -> Section {
    let rows = findings.iter().map(|finding| {
        let area = match &finding.area {
            Area::Volume => words("volume"),
            Area::Quality => words("quality"),
            Area::Unassigned => words("unassigned"),
            Area::FirstTouch => words("first touch"),
            Area::Queue => words("queue"),
            Area::Deals => words("deals"),
            Area::Overrides => words("overrides"),
            Area::Coverage => words("coverage"),
            Area::Model => words("model"),
            Area::Field(field) => name(field),
        };
        let verdict = match finding.verdict {
            Verdict::Automate => "automate",
            Verdict::SuggestionModeFirst => "suggest first",
            Verdict::NotYet => "not yet",
            Verdict::SimpleRules => "simple rules",
        };
        vec![area, words(verdict), words(&clean(&finding.sentence, SENTENCE))]
    });
    Section {
        title: "Readiness".to_owned(),
        notes: Vec::new(),
        header: vec!["area", "verdict", "why"],
        rows: rows.collect(),
    }
}

fn suggestions(suggestions: &[Suggestion]) -> Section {
    let notes = match suggestions {
        [] => vec!["There are none.".to_owned()],
        _ => vec![
            "`lanewright suggestions accept ID` or `dismiss ID` answers one; nothing else changes by it."
                .to_owned(),
        ],
    };
    let rows = suggestions.iter().map(suggestion).map(|row| row.into_iter().map(Cell::Words).collect());
    Section { title: "Suggestions".to_owned(), notes, header: SUGGESTION.to_vec(), rows: rows.collect() }
}

/// What a row of [`suggestion`] has.
pub const SUGGESTION: [&str; 3] = ["id", "about", "why"];

/// A suggestion in words.
pub fn suggestion(suggestion: &Suggestion) -> [String; 3] {
    let about = match &suggestion.subject {
        Subject::Tag { .. } => "expertise",
        Subject::Gap { .. } => "coverage",
        Subject::OverriddenRule { .. } | Subject::LosingRule { .. } => "rule",
        Subject::Coaching { .. } => "coaching",
    };
    [suggestion.id.to_string(), about.to_owned(), clean(&suggestion.sentence, SENTENCE)]
}

/// Characters of a name, and of a sentence that has names in it.
const NAME: usize = 60;
const SENTENCE: usize = 400;

fn words(text: &str) -> Cell {
    Cell::Words(text.to_owned())
}

/// What a tenant wrote.
fn name(text: &str) -> Cell {
    Cell::Words(clean(text, NAME))
}

fn none() -> String {
    "—".to_owned()
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// `64 % of 14`
fn share(rate: Option<Rate>) -> String {
    rate.map_or_else(none, |rate| format!("{} of {}", percent(rate.share), rate.n))
}

/// With how many it rests on.
fn average(of: Option<Average>, unit: fn(f64) -> String, figure: fn(Average) -> f64) -> String {
    of.map_or_else(none, |of| format!("{} ({} leads)", unit(figure(of)), of.n))
}

fn minutes(minutes: f64) -> String {
    match minutes {
        hours if hours >= 120.0 => format!("{:.1} h", hours / 60.0),
        few => format!("{few:.0} min"),
    }
}

#[cfg(test)]
mod tests;
