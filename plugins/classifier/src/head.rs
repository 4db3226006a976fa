//! Multinomial logistic regression: rows of features in, one score a class out.
//!
//! The same few lines train the shipped head (ahead, in `eval`), a tenant's own head (in `prepare`)
//! and the intent. Everything is sequential and uses one implementation of `exp` on every platform,
//! so the same data makes the same weights to the bit.

/// A row of features: index and value, zeros left out.
pub type Row = Vec<(u32, f32)>;

/// Weights, one line of `width` numbers a class.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// Number of classes.
    pub classes: usize,
    /// Number of features.
    pub width: usize,
    /// `classes * width` weights, class by class.
    pub weights: Vec<f32>,
}

/// How to fit a head.
#[derive(Clone, Copy, Debug)]
pub struct Fit {
    /// How much the data counts against the pull to zero: larger fits closer.
    pub trust: f64,
    /// Rounds at most.
    pub rounds: usize,
}

impl Head {
    /// Fits weights to labelled rows by L-BFGS.
    pub fn fit(rows: &[Row], labels: &[usize], classes: usize, width: usize, how: Fit) -> Head {
        let problem = Problem { rows, labels, classes, width, trust: how.trust };
        let weights = minimise(vec![0.0; classes * width], how.rounds, |at, slope| problem.loss(at, slope));
        Head { classes, width, weights: weights.into_iter().map(|w| w as f32).collect() }
    }

    /// One score a class; [`softmax`] makes probabilities of them.
    pub fn scores(&self, row: &Row) -> Vec<f32> {
        (0..self.classes)
            .map(|class| {
                let line = &self.weights[class * self.width..][..self.width];
                row.iter().map(|&(index, value)| line[index as usize] * value).sum()
            })
            .collect()
    }
}

/// Probabilities of scores, in place; they add up to 1.
pub fn softmax(scores: &mut [f32]) {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = libm::expf(*score - most);
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score /= sum);
}

struct Problem<'a> {
    rows: &'a [Row],
    labels: &'a [usize],
    classes: usize,
    width: usize,
    trust: f64,
}

impl Problem<'_> {
    fn loss(&self, at: &[f64], slope: &mut [f64]) -> f64 {
        slope.copy_from_slice(at);
        let mut loss = 0.5 * at.iter().map(|w| w * w).sum::<f64>();
        let mut scores = vec![0f64; self.classes];
        for (row, &label) in self.rows.iter().zip(self.labels) {
            for (class, score) in scores.iter_mut().enumerate() {
                let line = &at[class * self.width..][..self.width];
                *score = row.iter().map(|&(index, value)| line[index as usize] * f64::from(value)).sum();
            }
            let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = scores.iter().map(|score| libm::exp(score - most)).sum();
            loss += self.trust * (libm::log(sum) + most - scores[label]);
            for (class, score) in scores.iter().enumerate() {
                let off = libm::exp(score - most) / sum - f64::from(u8::from(class == label));
                let line = &mut slope[class * self.width..][..self.width];
                for &(index, value) in row {
                    line[index as usize] += self.trust * off * f64::from(value);
                }
            }
        }
        loss
    }
}

/// L-BFGS with a halving line search: enough for smooth convex problems of this size.
pub fn minimise(start: Vec<f64>, rounds: usize, loss: impl Fn(&[f64], &mut [f64]) -> f64) -> Vec<f64> {
    const MEMORY: usize = 8;
    let mut at = start;
    let mut slope = vec![0.0; at.len()];
    let mut value = loss(&at, &mut slope);
    let mut history: Vec<(Vec<f64>, Vec<f64>, f64)> = Vec::new();
    let mut next_slope = vec![0.0; at.len()];
    for _ in 0..rounds {
        let mut step = slope.clone();
        let mut shares = Vec::with_capacity(history.len());
        for (moved, turned, scale) in history.iter().rev() {
            let share = scale * dot(moved, &step);
            add(&mut step, turned, -share);
            shares.push(share);
        }
        if let Some((moved, turned, _)) = history.last() {
            let scale = dot(moved, turned) / dot(turned, turned);
            step.iter_mut().for_each(|s| *s *= scale);
        }
        for ((moved, turned, scale), share) in history.iter().zip(shares.into_iter().rev()) {
            let back = scale * dot(turned, &step);
            add(&mut step, moved, share - back);
        }
        let descent = dot(&step, &slope);
        if descent < 1e-9 * value.abs().max(1.0) {
            break;
        }
        let mut length = if history.is_empty() { 1.0 / dot(&slope, &slope).sqrt().max(1.0) } else { 1.0 };
        let (next, next_value) = loop {
            let next: Vec<f64> = at.iter().zip(&step).map(|(w, s)| w - length * s).collect();
            let next_value = loss(&next, &mut next_slope);
            if next_value <= value - 1e-4 * length * descent || length < 1e-8 {
                break (next, next_value);
            }
            length *= 0.5;
        };
        let moved: Vec<f64> = next.iter().zip(&at).map(|(n, a)| n - a).collect();
        let turned: Vec<f64> = next_slope.iter().zip(&slope).map(|(n, s)| n - s).collect();
        let curve = dot(&moved, &turned);
        let gain = value - next_value;
        at = next;
        value = next_value;
        slope.copy_from_slice(&next_slope);
        if curve > 1e-12 {
            if history.len() == MEMORY {
                history.remove(0);
            }
            history.push((moved, turned, 1.0 / curve));
        }
        if gain < 1e-6 * value.abs().max(1e-3) {
            break;
        }
    }
    at
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], what: &[f64], times: f64) {
    to.iter_mut().zip(what).for_each(|(t, w)| *t += w * times);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learns_what_separates() {
        let rows: Vec<Row> =
            (0..60).map(|n| vec![(0, 1.0), (1 + n % 3, 1.0), (4, (n as f32 * 0.7).sin())]).collect();
        let labels: Vec<usize> = (0..60).map(|n| n % 3).collect();
        let head = Head::fit(&rows, &labels, 3, 5, Fit { trust: 1.0, rounds: 50 });
        for (row, label) in rows.iter().zip(labels) {
            let mut scores = head.scores(row);
            softmax(&mut scores);
            assert!(scores[label] > 0.8, "{scores:?}");
            assert!((scores.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }
}
