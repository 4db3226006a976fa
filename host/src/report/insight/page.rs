//! The report as one page of HTML that needs nothing else: no script, no link, nothing to load.
//!
//! It prints, follows the reader's light or dark mode, and reads well aloud: each picture is hidden from readers who do not
//! see it, since the numbers stand beside it in the same row. Charts are plain SVG because they take the page's colours.

use lanewright_learning::analytics::targets::Met;
use lanewright_learning::rate::Rate;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Cell, Section, heading, sections};
use crate::insight::Insight;

const STYLE: &str = "
:root { color-scheme: light dark; --line: #8884; --bar: #2f6fb0; --bad: #b3261e; --good: #1b7a3d }
@media (prefers-color-scheme: dark) { :root { --bar: #7db4ea; --bad: #ff9c94; --good: #7fd39b } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1, h2 { line-height: 1.2 } h2 { margin-top: 2.5rem }
.wide { overflow-x: auto }
table { border-collapse: collapse } th, td { padding: .25rem 1rem .25rem 0; text-align: left; vertical-align: top }
thead th { border-bottom: 1px solid currentColor } tbody tr { border-bottom: 1px solid var(--line) }
tbody th { font-weight: inherit } .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
svg { vertical-align: middle } .bar { fill: var(--bar) } .axis, .range { stroke: currentColor } .axis { opacity: .3 }
.met { color: var(--good) } .missed { color: var(--bad) } .met, .missed, .too-few { white-space: nowrap }
@media print { body { max-width: none; margin: 0; font-size: 11px } section { break-inside: avoid } .wide { overflow: visible } }
";

/// Nothing is loaded, whatever the page says.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// What deals tell, as a file of its own.
pub fn page(insight: &Insight) -> String {
    let title = format!("Routing report: {}", heading(insight));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { "Routing report" }
                    p { (heading(insight)) }
                    @for (number, section) in (1..).zip(sections(insight)) { (shown(number, &section)) }
                }
            }
        }
    };
    page.into_string()
}

fn shown(number: usize, section: &Section) -> Markup {
    let Section { title, notes, header, rows } = section;
    let id = format!("section-{number}");
    let numbers: Vec<bool> = match rows.first() {
        Some(first) => first.iter().map(|cell| matches!(cell, Cell::Number(_))).collect(),
        None => Vec::new(),
    };
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (title) }
            @for note in notes { p { (note) } }
            @if !rows.is_empty() {
                div.wide {
                    table aria-labelledby=(id) {
                        thead {
                            tr {
                                @for (head, number) in header.iter().zip(numbers) {
                                    th scope="col" class=[number.then_some("number")] { (head) }
                                }
                            }
                        }
                        tbody {
                            @for row in rows {
                                tr { @for (place, cell) in row.iter().enumerate() { (told(place == 0, cell)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A cell; the first of a row says what the row is about.
fn told(first: bool, cell: &Cell) -> Markup {
    match cell {
        Cell::Words(text) if first => html! { th scope="row" { (text) } },
        Cell::Number(text) if first => html! { th.number scope="row" { (text) } },
        Cell::Words(text) => html! { td { (text) } },
        Cell::Number(text) => html! { td.number { (text) } },
        Cell::Bar(share) => html! { td { (bar(*share)) } },
        Cell::Rate(rate) => html! { td { @if let Some(rate) = rate { (range(*rate)) } } },
        Cell::Met(met) => match met {
            Some(Met::Met) => html! { td.met { "✓ met" } },
            Some(Met::Missed) => html! { td.missed { "✗ missed" } },
            Some(Met::TooFew) => html! { td.too-few { "too few" } },
            None => html! { td {} },
        },
    }
}

/// Of pictures, in pixels; with room for half a dot at both ends.
const WIDE: f64 = 160.0;
const EDGE: f64 = 5.0;

fn picture(inside: &Markup) -> Markup {
    let width = WIDE + 2.0 * EDGE;
    html! { svg width=(width) height="14" viewBox=(format!("0 0 {width} 14")) aria-hidden="true" { (inside) } }
}

fn at(share: f64) -> String {
    format!("{:.1}", EDGE + WIDE * share.clamp(0.0, 1.0))
}

fn bar(share: f64) -> Markup {
    let wide = format!("{:.1}", WIDE * share.clamp(0.0, 1.0));
    picture(&html! { rect.bar x=(EDGE) y="2" width=(wide) height="10" {} })
}

fn range(rate: Rate) -> Markup {
    let line = |class: &str, from: f64, to: f64| {
        html! { line class=(class) x1=(at(from)) x2=(at(to)) y1="7" y2="7" {} }
    };
    picture(&html! {
        (line("axis", 0.0, 1.0))
        (line("range", rate.low, rate.high))
        circle.bar cx=(at(rate.share)) cy="7" r="4" {}
    })
}
