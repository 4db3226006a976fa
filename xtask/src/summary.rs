//! How many tests passed and failed, from the test runners' own lines.

/// What the runners said, added up.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Each runner's own line, in the order they ended.
    lines: Vec<String>,
    passed: u64,
    failed: u64,
}

impl Summary {
    /// Takes a line of a runner's output; one that is no summary is let pass.
    pub(crate) fn read(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ") else { return };
        let (Some(passed), Some(failed)) = (count(rest, "passed"), count(rest, "failed")) else { return };
        self.passed += passed;
        self.failed += failed;
        // A runner without tests, such as that of a program's `main.rs`, has nothing to say.
        if passed + failed > 0 {
            self.lines.push(line.trim_end().to_owned());
        }
    }

    /// Whether tests ran and none failed.
    pub(crate) fn good(&self) -> bool {
        self.passed > 0 && self.failed == 0
    }

    /// Whether no test was heard of.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The runners' lines again, then one that adds them up, last.
    pub(crate) fn overview(&self) -> String {
        let mut text: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        text.push_str(&format!("{} passed, {} failed\n", self.passed, self.failed));
        text
    }
}

/// The number before a word: `3` in `ok. 3 passed; 0 failed`.
fn count(text: &str, word: &str) -> Option<u64> {
    let before = text.split(';').find_map(|part| part.trim_end().strip_suffix(word))?;
    before.trim_end().rsplit(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(output: &str, good: bool, overview: &str) {
        let mut summary = Summary::default();
        output.lines().for_each(|line| summary.read(line));
        assert_eq!((summary.good(), summary.overview().as_str()), (good, overview));
    }

    #[test]
    fn runners_lines_are_added_up() {
        let two = "\
test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s
test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";
        check(&format!("running 4 tests\ntest a ... ok\n{two}"), true, &format!("{two}7 passed, 0 failed\n"));
        let bad = "test result: FAILED. 12 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s\n";
        check(&format!("{two}{bad}"), false, &format!("{two}{bad}19 passed, 2 failed\n"));
    }

    #[test]
    fn no_tests_are_not_good() {
        check("", false, "0 passed, 0 failed\n");
        check(
            "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.00s",
            false,
            "0 passed, 0 failed\n",
        );
    }

    #[test]
    fn other_lines_do_not_count() {
        check(
            "I say: test result: ok. 3 passed; 0 failed\ntest result: pending",
            false,
            "0 passed, 0 failed\n",
        );
    }
}
