//! Whether what judges can be trusted, by simulation with known truth: makes `docs/judging-eval.md`.
//!
//! Everything is drawn from seeds, so the page is the same each time. Three proofs: the sequential test under daily
//! looks, exploration's regret beside always picking the best so far, and the estimates of policies beside truth.

use std::fmt::Write as _;

use anyhow::Result;

mod exploring;
mod looking;
mod valuing;

/// The page as Markdown, and whether every mark was reached.
pub(crate) fn report() -> Result<(String, bool)> {
    let mut page = HEAD.to_owned();
    let passed = [looking::report(&mut page), exploring::report(&mut page)?, valuing::report(&mut page)?];
    let passed = passed.iter().all(|passed| *passed);
    writeln!(page, "\n{}", if passed { "Every mark is reached." } else { "**A mark is missed.**" })?;
    Ok((page, passed))
}

const HEAD: &str = "\
# Whether what judges can be trusted

Written by `cargo xtask eval judging`. All of it is simulation with known truth; the code is `learning/src`, the worlds are \
`eval/src/judging/`.
";

/// A mean of independent runs, with its standard error.
struct Mean {
    value: f64,
    error: f64,
}

impl Mean {
    /// Of at least two.
    fn of(runs: &[f64]) -> Self {
        let n = runs.len() as f64;
        let value = runs.iter().sum::<f64>() / n;
        let squares: f64 = runs.iter().map(|run| (run - value) * (run - value)).sum();
        Self { value, error: (squares / (n - 1.0) / n).sqrt() }
    }
}
