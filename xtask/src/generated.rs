//! Output quoted in the pages is what the programs print.
//!
//! A page marks what it quotes, and the mark says where it comes from:
//!
//! ```text
//! <!-- quoted: lanewright --help -->
//! …
//! <!-- end -->
//! ```
//!
//! Between the marks stands what [`Source`] gives. [`check`] compares, `--bless` rewrites; so that README
//! can neither promise a flag that is gone nor show numbers that were not measured. Some files are printed as a
//! whole ([`WHOLE`]).

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::run::{cargo, root};

const START: &str = "<!-- quoted: ";
const START_END: &str = " -->";
const END: &str = "<!-- end -->";

/// Files that `lanewright` prints with these arguments.
const WHOLE: [(&str, &[&str]); 1] = [("docs/openapi.json", &["openapi"])];

/// Where a quotation comes from.
#[derive(Debug, PartialEq, Eq)]
enum Source<'a> {
    /// This program's help.
    Xtask,
    /// What `lanewright` prints with these arguments.
    Lanewright(Vec<&'a str>),
    /// A file, as it is: a Markdown table that was measured, or the lines of an example.
    File(&'a str),
    /// What stands below one heading of a page.
    Section(&'a str, Vec<&'a str>),
}

/// Checks, or rewrites with `--bless`.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => check()?,
        ["--bless"] => each_page(|page, _, fresh| {
            std::fs::write(root().join(page), fresh)
                .with_context(|| format!("cannot write {}", page.display()))?;
            eprintln!("rewrote {}", page.display());
            Ok(())
        })?,
        _ => bail!("takes nothing or `--bless`"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Fails where a page quotes something else than what there is.
pub(crate) fn check() -> Result<()> {
    let mut stale = Vec::new();
    each_page(|page, old, fresh| {
        let line = 1 + old.lines().zip(fresh.lines()).take_while(|(old, fresh)| old == fresh).count();
        stale.push(format!("{}:{line}", page.display()));
        Ok(())
    })?;
    if !stale.is_empty() {
        bail!("out of date: {}; `cargo xtask generated --bless` rewrites it", stale.join(", "));
    }
    Ok(())
}

/// Calls `changed` with each page whose quotations are stale (its path from the root), its text, and what the text should be.
fn each_page(mut changed: impl FnMut(&Path, &str, &str) -> Result<()>) -> Result<()> {
    for page in pages(&root())? {
        let old =
            std::fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
        let fresh = quoted(&old, fetch).with_context(|| page.display().to_string())?;
        if fresh != old {
            changed(&page, &old, &fresh)?;
        }
    }
    for (file, arguments) in WHOLE {
        let fresh = fetch(Source::Lanewright(arguments.to_vec()))?;
        // One that is not there yet is made.
        let old = std::fs::read_to_string(root().join(file)).unwrap_or_default();
        if fresh != old {
            changed(Path::new(file), &old, &fresh)?;
        }
    }
    Ok(())
}

/// The Markdown pages of the root and of `docs`.
fn pages(root: &Path) -> Result<Vec<PathBuf>> {
    let mut pages = Vec::new();
    for folder in [root.to_owned(), root.join("docs")] {
        if !folder.is_dir() {
            continue;
        }
        for entry in folder.read_dir().with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    Ok(pages)
}

/// A page with every quotation as it should be.
fn quoted(page: &str, mut fetch: impl FnMut(Source) -> Result<String>) -> Result<String> {
    let mut fresh = String::new();
    let mut lines = page.split_inclusive('\n').enumerate();
    while let Some((number, line)) = lines.next() {
        fresh.push_str(line);
        let Some(name) = line.trim().strip_prefix(START).and_then(|rest| rest.strip_suffix(START_END)) else {
            continue;
        };
        let end = lines.find(|(_, line)| line.trim() == END);
        let Some((_, end)) = end else { bail!("line {}: no `{END}` follows", number + 1) };
        let source = source(name).with_context(|| format!("line {}", number + 1))?;
        let text = match source {
            // A Markdown table is part of the page; what a program prints stands in a block.
            Source::File(path) if path.ends_with(".md") => fetch(source)?,
            Source::Section(..) => fetch(source)?,
            source => format!("```text\n{}\n```", fetch(source)?.trim_end()),
        };
        fresh.push_str(text.trim_end());
        fresh.push('\n');
        fresh.push_str(end);
    }
    Ok(fresh)
}

fn source(name: &str) -> Result<Source<'_>> {
    match name.split_whitespace().collect::<Vec<_>>()[..] {
        ["cargo", "xtask"] => Ok(Source::Xtask),
        ["lanewright", ref arguments @ ..] => Ok(Source::Lanewright(arguments.to_vec())),
        ["file", path] => Ok(Source::File(path)),
        ["file", path, ref heading @ ..] => Ok(Source::Section(path, heading.to_vec())),
        _ => bail!("`{name}` is none of `cargo xtask`, `lanewright ARGS`, `file PATH [HEADING]`"),
    }
}

fn fetch(source: Source) -> Result<String> {
    match source {
        Source::Xtask => Ok(crate::help()),
        Source::File(path) => read(path),
        Source::Section(path, heading) => {
            let heading = heading.join(" ");
            section(&read(path)?, &heading).with_context(|| format!("{path} has no heading `{heading}`"))
        }
        Source::Lanewright(arguments) => {
            let run = cargo(&["run", "--quiet", "--package", "lanewright", "--"]).args(arguments);
            // Lines break where the page's reader would want them, on every machine.
            let text = run.env("COLUMNS", "100").env("NO_COLOR", "1").output()?;
            Ok(text.lines().map(|line| format!("{}\n", line.trim_end())).collect())
        }
    }
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(root().join(path)).with_context(|| format!("cannot read {path}"))
}

/// What stands below a heading of the second level, up to the next heading.
fn section(page: &str, heading: &str) -> Option<String> {
    let mut lines = page.lines();
    lines.find(|line| line.strip_prefix("## ") == Some(heading))?;
    let below: Vec<&str> = lines.take_while(|line| !line.starts_with('#')).collect();
    Some(below.join("\n").trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(page: &str, expect: Result<&str, &str>) {
        let found = quoted(page, |source| match source {
            Source::Xtask => Ok("help\n".to_owned()),
            Source::Lanewright(arguments) => Ok(arguments.join("+")),
            Source::File("table.md") => Ok("| a |\n".to_owned()),
            Source::File(path) => bail!("no {path}"),
            Source::Section(path, heading) => Ok(format!("| {path} {} |", heading.join("+"))),
        });
        let found = found.map_err(|error| format!("{error:#}"));
        assert_eq!(found.as_deref().map_err(String::as_str), expect);
    }

    #[test]
    fn quotations_are_replaced_and_the_rest_stays() {
        check("# page\ntext\n", Ok("# page\ntext\n"));
        check(
            "a\n<!-- quoted: cargo xtask -->\nold\nlines\n<!-- end -->\nb",
            Ok("a\n<!-- quoted: cargo xtask -->\n```text\nhelp\n```\n<!-- end -->\nb"),
        );
        check(
            "<!-- quoted: lanewright route --help -->\n<!-- end -->\n<!-- quoted: file table.md -->\n<!-- end -->\n",
            Ok("<!-- quoted: lanewright route --help -->\n```text\nroute+--help\n```\n<!-- end -->\n\
                <!-- quoted: file table.md -->\n| a |\n<!-- end -->\n"),
        );
        check(
            "<!-- quoted: file page.md Pass marks -->\n<!-- end -->\n",
            Ok("<!-- quoted: file page.md Pass marks -->\n| page.md Pass+marks |\n<!-- end -->\n"),
        );
    }

    #[test]
    fn what_cannot_be_quoted_is_told() {
        check("a\n<!-- quoted: cargo xtask -->\n", Err("line 2: no `<!-- end -->` follows"));
        check(
            "<!-- quoted: date -->\n<!-- end -->\n",
            Err("line 1: `date` is none of `cargo xtask`, `lanewright ARGS`, `file PATH [HEADING]`"),
        );
        check("<!-- quoted: file b.md -->\n<!-- end -->\n", Err("no b.md"));
    }

    #[test]
    fn a_section_ends_at_the_next_heading() {
        let page = "# P\n\n## One\n\n| a |\n| b |\n\n### Part\nc\n## Two\nd\n";
        let check = |heading: &str, expect: Option<&str>| {
            assert_eq!(section(page, heading).as_deref(), expect, "{heading}");
        };
        check("One", Some("| a |\n| b |"));
        check("Two", Some("d"));
        check("Part", None);
    }
}
