//! Finds a model's effects and how much each group of them may vary.
//!
//! Laplace-EM: given the variances, Newton's method finds the mode of the effects with the intercept inside the
//! same system; given the mode and its covariance, a group's variance becomes the mean of b² + Var(b). (Dempster, Laird
//! & Rubin 1977; for logistic models Stiratelli, Laird & Ware, Biometrics 40, 1984.)

use super::arrow::{Arrow, Factor};
use super::layout::{Layout, Patterns, rep, rep_by};
use crate::logistic::{chance, softplus};
use crate::table::Table;

/// Rounds of EM at most; enough for three digits of a variance.
const ROUNDS: usize = 20;
/// Each round goes this far where EM would go 1, on the scale of logarithms; below 2 it still settles, in half the
/// rounds.
const STRIDE: f64 = 1.9;
/// A round that changes no variance by more than this share is the last.
const SETTLED: f64 = 0.01;
/// A Newton step of no more than this, in logits, is the last: each makes an error its square.
const NEAR: f64 = 1e-2;
/// The same for the mode that is returned.
const EXACT: f64 = 1e-5;
/// Newton steps at most; it takes one to six.
const STEPS: usize = 30;
/// Variance below which effects are as good as nothing.
const FLOOR: f64 = 1e-6;

/// What is believed of the effects before the data.
pub(super) struct Before {
    /// Mean and variance of the intercept.
    pub(super) intercept: (f64, f64),
    /// Variance of each group, and the number of effects that belief is worth.
    pub(super) groups: Vec<(f64, f64)>,
    /// Means of the border's effects by place; zero beyond its end.
    pub(super) means: Vec<f64>,
}

/// What was found.
pub(super) struct Found {
    /// Effects of the border.
    pub(super) border: Vec<f64>,
    /// Effects of each rep's block.
    pub(super) blocks: Vec<Vec<f64>>,
    /// Variance of each group.
    pub(super) variances: Vec<f64>,
    /// Covariance of the effects.
    pub(super) covariance: Arrow,
}

/// Fits the effects of a layout to a table.
pub(super) fn fit(layout: &Layout, table: &Table, before: &Before) -> Found {
    let fields = table.names.fields.len();
    let patterns = layout.patterns(table, &table.evidence());
    let mut variances: Vec<f64> = before.groups.iter().map(|(variance, _)| *variance).collect();
    let mut mode = Mode {
        border: (0..layout.border.len()).map(|place| before.mean(place)).collect(),
        blocks: layout.sizes().map(|size| vec![0.0; size]).collect(),
    };
    let groups = groups(layout, fields);
    for _ in 0..ROUNDS {
        let system = System { layout, patterns: &patterns, groups: &groups, variances: &variances, before };
        let factor;
        (mode, factor) = system.mode(mode, NEAR);
        let next = next(layout, &groups, &mode, &factor, &variances, before);
        let change = next.iter().zip(&variances).map(|(a, b)| (a - b).abs() / b).fold(0.0, f64::max);
        variances = next;
        if change < SETTLED {
            break;
        }
    }
    let system = System { layout, patterns: &patterns, groups: &groups, variances: &variances, before };
    let (Mode { border, blocks }, factor) = system.mode(mode, EXACT);
    Found { border, blocks, covariance: factor.inverse(), variances }
}

/// By rep's code: the group of each effect of the block.
fn groups(layout: &Layout, fields: usize) -> Vec<Vec<usize>> {
    let of_cell = |place: &u32| layout.border[*place as usize].map_or(0, |field| rep_by(fields, field));
    let block = |cells: &Option<Vec<u32>>| match cells {
        Some(cells) => std::iter::once(rep(fields)).chain(cells.iter().map(of_cell)).collect(),
        None => Vec::new(),
    };
    layout.cells.iter().map(block).collect()
}

/// The variances that make what was found the most likely.
fn next(
    layout: &Layout,
    groups: &[Vec<usize>],
    mode: &Mode,
    factor: &Factor,
    variances: &[f64],
    before: &Before,
) -> Vec<f64> {
    let (of_border, of_blocks) = factor.variances();
    let mut sums: Vec<(f64, f64)> =
        before.groups.iter().map(|(variance, worth)| (variance * worth, *worth)).collect();
    let mut add = |group: usize, effect: f64, variance: f64| {
        sums[group].0 += effect * effect + variance;
        sums[group].1 += 1.0;
    };
    for (place, group) in layout.border.iter().enumerate() {
        if let Some(group) = group {
            add(*group, mode.border[place] - before.mean(place), of_border[place]);
        }
    }
    for ((groups, effects), of_block) in groups.iter().zip(&mode.blocks).zip(&of_blocks) {
        for ((group, effect), variance) in groups.iter().zip(effects).zip(of_block) {
            add(*group, *effect, *variance);
        }
    }
    let likeliest = |((sum, count), (variance, _)): ((f64, f64), &(f64, f64))| {
        if count > 0.0 { sum / count } else { *variance }
    };
    let stride = |(to, from): (f64, &f64)| (from * libm::pow(to / from, STRIDE)).max(FLOOR);
    sums.into_iter().zip(&before.groups).map(likeliest).zip(variances).map(stride).collect()
}

impl Before {
    /// Mean of an effect of the border.
    fn mean(&self, place: usize) -> f64 {
        if place == 0 { self.intercept.0 } else { self.means.get(place).copied().unwrap_or(0.0) }
    }
}

struct Mode {
    border: Vec<f64>,
    blocks: Vec<Vec<f64>>,
}

struct System<'a> {
    layout: &'a Layout,
    patterns: &'a Patterns,
    groups: &'a [Vec<usize>],
    variances: &'a [f64],
    before: &'a Before,
}

impl System<'_> {
    /// The mode, by Newton's method with halved steps where a whole one overshoots, and the curvature there, up to
    /// the last step.
    fn mode(&self, start: Mode, last: f64) -> (Mode, Factor) {
        let mut mode = start;
        let mut value = self.penalised(&mode);
        let mut steps = 0;
        loop {
            let (mut border, mut blocks) = self.gradient(&mode);
            let factor = self.curvature(&mode).factor();
            factor.solve(&mut border, &mut blocks);
            let largest = border
                .iter()
                .chain(blocks.iter().flatten())
                .fold(0.0, |most: f64, step| most.max(step.abs()));
            let mut scale = 1.0;
            loop {
                let tried = mode.moved(&border, &blocks, scale);
                let reached = self.penalised(&tried);
                if reached <= value || scale < 1e-3 {
                    (mode, value) = (tried, reached);
                    break;
                }
                scale *= 0.5;
            }
            steps += 1;
            if largest < last || steps == STEPS {
                return (mode, factor);
            }
        }
    }

    fn logit(&self, mode: &Mode, pattern: &super::layout::Pattern) -> f64 {
        let places = &self.patterns.places;
        let shared: f64 =
            places[pattern.border.clone()].iter().map(|place| mode.border[*place as usize]).sum();
        let own = pattern.rep.map_or(0.0, |rep| {
            places[pattern.own.clone()].iter().map(|place| mode.blocks[rep][*place as usize]).sum()
        });
        shared + own
    }

    fn precision(&self, place: usize) -> f64 {
        1.0 / self.layout.border[place].map_or(self.before.intercept.1, |group| self.variances[group])
    }

    /// Minus the logarithm of the posterior, up to a constant.
    fn penalised(&self, mode: &Mode) -> f64 {
        let mut value = 0.0;
        for pattern in &self.patterns.all {
            let logit = self.logit(mode, pattern);
            value += pattern.weight * softplus(logit) - pattern.won * logit;
        }
        for (place, effect) in mode.border.iter().enumerate() {
            let away = effect - self.before.mean(place);
            value += 0.5 * away * away * self.precision(place);
        }
        for (effects, groups) in mode.blocks.iter().zip(self.groups) {
            value += effects.iter().zip(groups).map(|(b, g)| 0.5 * b * b / self.variances[*g]).sum::<f64>();
        }
        value
    }

    /// Its slope, downwards.
    fn gradient(&self, mode: &Mode) -> (Vec<f64>, Vec<Vec<f64>>) {
        let mut border: Vec<f64> = (0..mode.border.len())
            .map(|place| (self.before.mean(place) - mode.border[place]) * self.precision(place))
            .collect();
        let mut blocks: Vec<Vec<f64>> = mode
            .blocks
            .iter()
            .zip(self.groups)
            .map(|(effects, groups)| {
                effects.iter().zip(groups).map(|(b, g)| -b / self.variances[*g]).collect()
            })
            .collect();
        for pattern in &self.patterns.all {
            let left = pattern.won - pattern.weight * chance(self.logit(mode, pattern));
            for place in &self.patterns.places[pattern.border.clone()] {
                border[*place as usize] += left;
            }
            if let Some(rep) = pattern.rep {
                for place in &self.patterns.places[pattern.own.clone()] {
                    blocks[rep][*place as usize] += left;
                }
            }
        }
        (border, blocks)
    }

    /// Its curvature: the precision of the effects.
    fn curvature(&self, mode: &Mode) -> Arrow {
        let width = self.layout.border.len();
        let mut arrow = Arrow::zero(width, self.layout.sizes());
        for pattern in &self.patterns.all {
            let chance = chance(self.logit(mode, pattern));
            let worth = pattern.weight * chance * (1.0 - chance);
            let border = &self.patterns.places[pattern.border.clone()];
            for (i, row) in border.iter().enumerate() {
                let row = &mut arrow.corner[*row as usize * width..][..width];
                border[..=i].iter().for_each(|column| row[*column as usize] += worth);
            }
            let Some(rep) = pattern.rep else { continue };
            let block = &mut arrow.blocks[rep];
            let own = &self.patterns.places[pattern.own.clone()];
            for (i, row) in own.iter().enumerate() {
                let row = *row as usize;
                let cross = &mut block.cross[row * width..][..width];
                border.iter().for_each(|column| cross[*column as usize] += worth);
                let lower = &mut block.own[row * block.size..][..block.size];
                own[..=i].iter().for_each(|column| lower[*column as usize] += worth);
            }
        }
        for place in 0..width {
            arrow.corner[place * width + place] += self.precision(place);
        }
        for (block, groups) in arrow.blocks.iter_mut().zip(self.groups) {
            for (place, group) in groups.iter().enumerate() {
                block.own[place * block.size + place] += 1.0 / self.variances[*group];
            }
        }
        arrow
    }
}

impl Mode {
    fn moved(&self, border: &[f64], blocks: &[Vec<f64>], scale: f64) -> Mode {
        let step =
            |from: &[f64], by: &[f64]| from.iter().zip(by).map(|(from, by)| from + scale * by).collect();
        Mode {
            border: step(&self.border, border),
            blocks: self.blocks.iter().zip(blocks).map(|(from, by)| step(from, by)).collect(),
        }
    }
}
