//! What would have been said of newer deals by what was fitted on older ones, and what follows from it: whether trees
//! beat the shrunk model, whether chances need straightening, and whether the gates pass.

use crate::calibrate::{Fold, stretch, stretched};
use crate::gates::Gates;
use crate::logistic::{chance, logit as log_odds};
use crate::metrics::{Difference, Metrics, Outturn, losses};
use crate::model::{Logit, Prior};
use crate::table::{Coded, Table};
use crate::train::{Compared, Settings};
use crate::trees::Trees;
use crate::win::Way;

/// Effective deals below which trees are not even tried: they overfit there.
const TREES: f64 = 300.0;

/// How everything of one training is fitted.
#[derive(Clone, Copy)]
pub(crate) struct Training<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) prior: Option<&'a Prior>,
}

/// What came of the newer deals of a table.
pub(crate) struct HeldOut {
    pub(crate) gates: Gates,
    /// Every way that was tried.
    pub(crate) compared: Vec<Compared>,
    /// What the gates would let be used.
    pub(crate) best: Way,
    /// The factor that straightens its chances, if one helps.
    pub(crate) calibration: Option<f64>,
    /// What the best way said, straightened; in the order of the rows, from the first that was held out to the last.
    pub(crate) straight: Vec<Outturn>,
    /// The share that had been won before, for the same rows.
    rate: Vec<Outturn>,
}

impl HeldOut {
    /// Answers about each block of rows by what was fitted on the rows before it.
    pub(crate) fn new(table: &Table, blocks: &[(usize, usize)], training: Training<'_>) -> HeldOut {
        let effective = table.effective();
        let answers = Answers::new(table, blocks, training, effective >= TREES);
        let best = answers.best();
        let chosen = answers.of(best);
        let rates = answers.rate.iter().filter_map(|fold| fold.first()).map(|outturn| outturn.chance);
        let folds: Vec<Fold> = rates.zip(chosen).map(|(rate, outturns)| Fold { rate, outturns }).collect();
        let calibration = stretch(&folds);
        let straighten = |fold: &Fold| -> Vec<Outturn> {
            let factor = calibration.unwrap_or(1.0);
            fold.outturns.iter().map(|outturn| stretched(outturn, fold.rate, factor)).collect()
        };
        let straight: Vec<Outturn> = folds.iter().flat_map(straighten).collect();
        let rate = answers.rate.concat();
        let gates = Gates {
            effective,
            saved: Difference::saved(&losses(&rate), &losses(&chosen.concat())),
            measured_on: straight.len() as u64,
        };
        HeldOut { gates, compared: answers.compared(), best, calibration, straight, rate }
    }

    /// What a decision would have gone by: the share that is won where a gate failed.
    pub(crate) fn said(&self) -> &[Outturn] {
        if self.gates.passed() { &self.straight } else { &self.rate }
    }

    /// The same ways fitted on all of the table, straightened as was found to help.
    pub(crate) fn fit(&self, table: &Table, training: Training<'_>) -> (Logit, Option<Trees>) {
        let mut logit = Logit::fit(table, training.settings.by_segment, training.prior);
        let mut trees = (self.best == Way::Trees).then(|| Trees::fit(table));
        if let Some(factor) = self.calibration {
            let shift = (1.0 - factor) * log_odds(table.rate());
            match trees.take() {
                Some(fitted) => trees = Some(fitted.stretched(shift, factor)),
                None => logit = logit.stretched(shift, factor),
            }
        }
        (logit, trees)
    }
}

/// Answers by block, for each way that is tried.
struct Answers {
    rate: Vec<Vec<Outturn>>,
    logit: Vec<Vec<Outturn>>,
    trees: Option<Vec<Vec<Outturn>>>,
}

impl Answers {
    fn new(table: &Table, blocks: &[(usize, usize)], training: Training<'_>, evidence: bool) -> Answers {
        let Training { settings, prior } = training;
        let with_trees = settings.trees && evidence;
        let mut answers = Answers { rate: Vec::new(), logit: Vec::new(), trees: with_trees.then(Vec::new) };
        for &(seen, end) in blocks {
            let before = table.before(seen);
            let block = || (seen..end).map(|row| (coded(table, row), table.rep[row], table.won[row]));
            let rate = before.rate();
            answers.rate.push(block().map(|(.., won)| Outturn { chance: rate, won }).collect());
            let logit = Logit::fit(&before, settings.by_segment, prior);
            let answer =
                |(lead, rep, won)| Outturn { chance: logit.estimate(&logit.lead(&lead), rep).chance(), won };
            answers.logit.push(block().map(answer).collect());
            if let Some(all) = &mut answers.trees {
                let trees = Trees::fit(&before);
                let answer = |(lead, rep, won)| Outturn {
                    chance: chance(trees.lead(&lead) + trees.advantages(&lead, &[rep])[0]),
                    won,
                };
                all.push(block().map(answer).collect());
            }
        }
        answers
    }

    fn of(&self, way: Way) -> &[Vec<Outturn>] {
        match (way, &self.trees) {
            (Way::Rate, _) => &self.rate,
            (Way::Trees, Some(trees)) => trees,
            (Way::Logit | Way::Trees, _) => &self.logit,
        }
    }

    /// Trees where they are better than the shrunk model by more than one standard error.
    fn best(&self) -> Way {
        let saved = |trees: &Vec<Vec<Outturn>>| {
            Difference::saved(&losses(&self.logit.concat()), &losses(&trees.concat()))
        };
        if self.trees.as_ref().is_some_and(|trees| saved(trees).is_clear()) { Way::Trees } else { Way::Logit }
    }

    fn compared(&self) -> Vec<Compared> {
        let ways = [Way::Rate, Way::Logit].into_iter().chain(self.trees.is_some().then_some(Way::Trees));
        ways.map(|way| Compared { way, metrics: Metrics::of(&self.of(way).concat()) }).collect()
    }
}

fn coded(table: &Table, row: usize) -> Coded {
    Coded { codes: table.codes_of(row).to_vec(), quarter: table.expected[row] }
}
