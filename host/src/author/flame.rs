//! Where the fuel of a call goes, as a picture: stacks of functions that were met at even steps of fuel.
//!
//! A stack is the function that a step ended in and those that called it, outermost first. How often a stack was
//! met is its share of the fuel. [`folded`] writes them the way every tool for flame graphs reads; [`svg`] draws
//! them: what calls is below what it calls, and as wide as its share.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Stacks, outermost function first, and how many steps ended in each.
pub type Stacks = BTreeMap<Vec<String>, u64>;

/// One line a stack: its functions between semicolons, and its steps.
pub fn folded(stacks: &Stacks) -> String {
    let mut out = String::new();
    for (stack, steps) in stacks {
        let names: Vec<String> = stack.iter().map(|name| name.replace([';', '\n'], ":")).collect();
        let _ = writeln!(out, "{} {steps}", names.join(";"));
    }
    out
}

/// Functions by the steps that ended in themselves, most first.
pub fn own(stacks: &Stacks) -> Vec<(&str, u64)> {
    let mut steps: BTreeMap<&str, u64> = BTreeMap::new();
    for (stack, count) in stacks {
        if let Some(name) = stack.last() {
            *steps.entry(name).or_default() += count;
        }
    }
    let mut steps: Vec<_> = steps.into_iter().collect();
    steps.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    steps
}

const WIDTH: f64 = 1200.0;
const ROW: usize = 17;
/// Narrower tiles cannot be seen.
const LEAST: f64 = 0.3;
/// What a letter takes.
const LETTER: f64 = 6.6;

/// A picture of the stacks. `fuel` is what one step is worth.
pub fn svg(stacks: &Stacks, title: &str, fuel: u64) -> String {
    let total: u64 = stacks.values().sum();
    let deepest = stacks.keys().map(Vec::len).max().unwrap_or(0);
    let height = (deepest + 2) * ROW;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"monospace\" font-size=\"11\">\n<text x=\"4\" y=\"12\">{}</text>\n",
        escaped(title)
    );
    let rows: Vec<(&[String], u64)> =
        stacks.iter().map(|(stack, steps)| (stack.as_slice(), *steps)).collect();
    let mut tiles = Vec::new();
    layers(&rows, 0, 0, &mut tiles);
    for Tile { name, depth, before, steps } in tiles {
        let scale = WIDTH / total.max(1) as f64;
        let (x, width) = (before as f64 * scale, steps as f64 * scale);
        if width < LEAST {
            continue;
        }
        let y = height - (depth + 1) * ROW;
        let share = 100.0 * steps as f64 / total.max(1) as f64;
        let told = format!("{name}: {} fuel, {share:.1} %", steps * fuel);
        let letters = (width / LETTER) as usize;
        let label: String = if letters < 3 { String::new() } else { name.chars().take(letters).collect() };
        let _ = writeln!(
            out,
            "<g><title>{}</title><rect x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{}\" rx=\"2\" \
             fill=\"hsl({},70%,65%)\"/><text x=\"{:.1}\" y=\"{}\">{}</text></g>",
            escaped(&told),
            ROW - 1,
            hue(name),
            x + 2.0,
            y + 12,
            escaped(&label),
        );
    }
    out.push_str("</svg>\n");
    out
}

struct Tile<'a> {
    name: &'a str,
    depth: usize,
    /// Steps to the left of it.
    before: u64,
    steps: u64,
}

/// Neighbours with the same function at a depth share a tile.
fn layers<'a>(rows: &[(&'a [String], u64)], depth: usize, mut before: u64, out: &mut Vec<Tile<'a>>) {
    for same in rows.chunk_by(|(a, _), (b, _)| a.get(depth) == b.get(depth)) {
        let steps = same.iter().map(|(_, steps)| steps).sum();
        if let Some(name) = same[0].0.get(depth) {
            out.push(Tile { name, depth, before, steps });
            layers(same, depth + 1, before, out);
        }
        before += steps;
    }
}

/// Warm colours, the same for the same name.
fn hue(name: &str) -> u64 {
    name.bytes().fold(7_u64, |hash, b| hash.wrapping_mul(31).wrapping_add(b.into())) % 60
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stacks() -> Stacks {
        let stack = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        Stacks::from([
            (stack(&["main"]), 1),
            (stack(&["main", "parse"]), 2),
            (stack(&["main", "parse", "Vec<u8>::push;x"]), 1),
            (stack(&["start"]), 4),
        ])
    }

    #[test]
    fn stacks_are_written_as_tools_read_them() {
        let expect = "main 1\nmain;parse 2\nmain;parse;Vec<u8>::push:x 1\nstart 4\n";
        assert_eq!(folded(&stacks()), expect);
        let all = stacks();
        assert_eq!(own(&all)[..2], [("start", 4), ("parse", 2)]);
    }

    #[test]
    fn a_box_is_as_wide_as_its_share_and_stands_on_its_caller() {
        let stacks = stacks();
        let rows: Vec<(&[String], u64)> = stacks.iter().map(|(s, n)| (s.as_slice(), *n)).collect();
        let mut tiles = Vec::new();
        layers(&rows, 0, 0, &mut tiles);
        let told: Vec<_> = tiles.iter().map(|b| (b.name, b.depth, b.before, b.steps)).collect();
        let push = "Vec<u8>::push;x";
        assert_eq!(told, [("main", 0, 0, 4), ("parse", 1, 1, 3), (push, 2, 3, 1), ("start", 0, 4, 4)]);

        let drawn = svg(&stacks, "a & b", 10);
        assert!(drawn.contains("a &amp; b") && drawn.contains("main: 40 fuel, 50.0 %"), "{drawn}");
        assert!(drawn.contains("width=\"600.0\"") && drawn.contains("Vec&lt;u8&gt;::push"), "{drawn}");
        assert!(svg(&Stacks::new(), "nothing", 1).ends_with("</svg>\n"));
    }
}
