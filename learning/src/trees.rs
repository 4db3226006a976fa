//! The challenger: boosted trees over the same categories, for tenants with deals enough to learn how fields
//! work together.
//!
//! Newton boosting on histograms (Chen & Guestrin, KDD 2016); a split parts a field's values by sorting them by their
//! mean gradient (Fisher 1958, as in Ke et al., NeurIPS 2017). Own code, for the libraries there are take `exp`
//! from the platform, so that their trees differ in the last bits, and spend 44 to 58 s where this spends one.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::logistic::{chance, logit};
use crate::model::{Cause, Factor};
use crate::table::{Coded, Names, Table, UNKNOWN};

const ROUNDS: usize = 120;
const RATE: f64 = 0.1;
const DEPTH: usize = 4;
/// Deals, by weight of evidence, that a leaf's value is shrunk by (λ), and that a value's place in the order is.
const SHRINK: f64 = 10.0;
/// A leaf holds at least this many deals.
const LEAF: u32 = 20;
/// Values a field may have in trees; rarer ones are bin 0, as unknown ones are.
const BINS: usize = 256;

/// Fitted trees, in codes. Features are the fields, then the rep. The season is left out: trees
/// take a quarter for a date, and what was so in the last one is no season.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Trees {
    base: f64,
    /// By feature, by code: the bin.
    bins: Vec<Vec<u8>>,
    trees: Vec<Vec<Node>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Node {
    /// What the tree would say if it ended here.
    value: f64,
    split: Option<Split>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Split {
    feature: u16,
    /// Bins that go left, a bit each.
    left: [u64; BINS / 64],
    /// The children; always further on in the tree.
    children: (u16, u16),
}

impl Split {
    fn goes_left(&self, bin: u8) -> bool {
        self.left[usize::from(bin / 64)] >> (bin % 64) & 1 == 1
    }

    fn next(&self, bin: u8) -> usize {
        usize::from(if self.goes_left(bin) { self.children.0 } else { self.children.1 })
    }
}

#[derive(Clone, Copy, Default)]
struct Sums {
    slope: f64,
    curve: f64,
    deals: u32,
}

impl Sums {
    fn plus(self, other: Sums) -> Sums {
        Sums {
            slope: self.slope + other.slope,
            curve: self.curve + other.curve,
            deals: self.deals + other.deals,
        }
    }

    fn minus(self, other: Sums) -> Sums {
        Sums {
            slope: self.slope - other.slope,
            curve: self.curve - other.curve,
            deals: self.deals - other.deals,
        }
    }

    fn value(self) -> f64 {
        -RATE * self.slope / (self.curve + SHRINK)
    }

    fn gain(self) -> f64 {
        self.slope * self.slope / (self.curve + SHRINK)
    }
}

impl Trees {
    /// Fits them to a table.
    pub(crate) fn fit(table: &Table) -> Trees {
        let weights = table.evidence();
        let features: Vec<(Vec<u8>, usize)> = features(table);
        let (bins, widths): (Vec<Vec<u8>>, Vec<usize>) = features.into_iter().unzip();
        let mut trees = Trees { base: logit(table.rate()), bins, trees: Vec::new() };
        let rows: Vec<u8> = (0..table.len())
            .flat_map(|row| {
                let mut binned = trees.binned(table.codes_of(row));
                binned.push(trees.rep_bin(table.rep[row]));
                binned
            })
            .collect();
        let mut grower = Grower::new(rows, &widths);
        let mut logits = vec![trees.base; table.len()];
        for _ in 0..ROUNDS {
            for (row, logit) in logits.iter().enumerate() {
                let chance = chance(*logit);
                let won = f64::from(u8::from(table.won[row]));
                grower.slopes[row] = weights[row] * (chance - won);
                grower.curves[row] = weights[row] * chance * (1.0 - chance);
            }
            let tree = grower.tree(&mut logits);
            if tree.len() == 1 {
                break;
            }
            trees.trees.push(tree);
        }
        trees
    }

    fn bin(&self, feature: usize, code: u32) -> u8 {
        self.bins[feature].get(code as usize).copied().unwrap_or(0)
    }

    fn rep_feature(&self) -> usize {
        self.bins.len() - 1
    }

    fn rep_bin(&self, code: u32) -> u8 {
        self.bin(self.rep_feature(), code)
    }

    /// A lead's bins, the rep's left out.
    fn binned(&self, codes: &[u32]) -> Vec<u8> {
        codes.iter().enumerate().map(|(feature, code)| self.bin(feature, *code)).collect()
    }

    /// The logit for a lead with a rep of whom nothing is known, as a base and what each field adds to it: along a
    /// tree's path each split moves the expected value, and the field it asks for is credited (Saabas 2014).
    pub(crate) fn factors(&self, names: &Names, lead: &Coded) -> Vec<Factor> {
        let fields = names.fields.iter().map(|(name, _)| Cause::Field(name.clone()));
        let causes = std::iter::once(Cause::Base).chain(fields);
        let effects = self.effects(lead);
        causes.zip(effects).map(|(cause, effect)| Factor { cause, effect }).collect()
    }

    /// The lead's part: the sum of its factors.
    pub(crate) fn lead(&self, lead: &Coded) -> f64 {
        self.effects(lead).into_iter().sum()
    }

    /// The base, then each feature's effect; what the split by rep adds for an unknown one belongs to the base.
    fn effects(&self, lead: &Coded) -> Vec<f64> {
        let mut bins = self.binned(&lead.codes);
        bins.push(0);
        // One more than there are fields: the base.
        let mut effects = vec![0.0; bins.len()];
        effects[0] = self.base;
        for tree in &self.trees {
            let mut node = &tree[0];
            effects[0] += node.value;
            while let Some(split) = &node.split {
                let feature = usize::from(split.feature);
                let next = &tree[split.next(bins[feature])];
                let credited = if feature == self.rep_feature() { 0 } else { 1 + feature };
                effects[credited] += next.value - node.value;
                node = next;
            }
        }
        effects
    }

    /// What each rep, by code, adds for this lead to a rep of whom nothing is known.
    pub(crate) fn advantages(&self, lead: &Coded, reps: &[u32]) -> Vec<f64> {
        let bins = self.binned(&lead.codes);
        let mut places: Vec<(u8, usize)> =
            reps.iter().enumerate().map(|(place, code)| (self.rep_bin(*code), place)).collect();
        places.push((0, reps.len()));
        let mut sums = vec![0.0; places.len()];
        for tree in &self.trees {
            self.share(tree, 0, &bins, &mut places, &mut sums);
        }
        let unknown = sums.pop().unwrap_or(0.0);
        sums.iter_mut().for_each(|sum| *sum -= unknown);
        sums
    }

    /// Adds a tree's values for all reps at once: they go the same way but where the rep is asked for.
    fn share(&self, tree: &[Node], at: usize, bins: &[u8], reps: &mut [(u8, usize)], sums: &mut [f64]) {
        let mut node = &tree[at];
        while let Some(split) = &node.split {
            if usize::from(split.feature) == self.rep_feature() {
                let left = partition(reps, |(bin, _)| split.goes_left(*bin));
                let (lefts, rights) = reps.split_at_mut(left);
                for (reps, child) in [(lefts, split.children.0), (rights, split.children.1)] {
                    if !reps.is_empty() {
                        self.share(tree, usize::from(child), bins, reps, sums);
                    }
                }
                return;
            }
            node = &tree[split.next(bins[usize::from(split.feature)])];
        }
        reps.iter().for_each(|(_, place)| sums[*place] += node.value);
    }

    /// The trees whose logit is `shift + stretch ·` these ones'.
    pub(crate) fn stretched(mut self, shift: f64, stretch: f64) -> Trees {
        self.base = shift + stretch * self.base;
        self.trees.iter_mut().flatten().for_each(|node| node.value *= stretch);
        self
    }

    /// Whether every place that it names is there and no path has a loop, so that trees read from storage end.
    pub(crate) fn is_whole(&self, names: &Names) -> bool {
        self.bins.len() == names.fields.len() + 1
            && self.trees.iter().all(|tree| {
                !tree.is_empty()
                    && tree.iter().enumerate().all(|(at, node)| {
                        node.split.as_ref().is_none_or(|split| {
                            let on = |child: u16| usize::from(child) > at && usize::from(child) < tree.len();
                            usize::from(split.feature) < self.bins.len()
                                && on(split.children.0)
                                && on(split.children.1)
                        })
                    })
            })
    }
}

/// By feature: the bin of each code, and the number of bins.
fn features(table: &Table) -> Vec<(Vec<u8>, usize)> {
    let fields = table.names.fields.len();
    let column = |feature: usize| {
        (0..table.len()).map(move |row| match feature {
            rep if rep == fields => table.rep[row],
            field => table.codes_of(row)[field],
        })
    };
    let sizes = table.names.fields.iter().map(|(_, values)| values.len()).chain([table.names.reps.len()]);
    let binned = |(feature, size): (usize, usize)| {
        let mut seen: Vec<(u32, usize)> = (0..size).map(|code| (u32::MAX, code)).collect();
        column(feature).filter(|code| *code != UNKNOWN).for_each(|code| seen[code as usize].0 -= 1);
        // A leaf could not hold fewer anyway.
        seen.retain(|(left, _)| u32::MAX - left >= LEAF);
        seen.sort_unstable();
        seen.truncate(BINS - 1);
        let mut bins = vec![0; size];
        for (bin, (_, code)) in seen.iter().enumerate() {
            bins[*code] = (bin + 1) as u8;
        }
        (bins, seen.len() + 1)
    };
    sizes.enumerate().map(binned).collect()
}

/// Brings those that pass to the front, in their order, and counts them.
fn partition<T: Copy>(items: &mut [T], passes: impl Fn(&T) -> bool) -> usize {
    let (front, back): (Vec<T>, Vec<T>) = items.iter().copied().partition(|item| passes(item));
    items[..front.len()].copy_from_slice(&front);
    items[front.len()..].copy_from_slice(&back);
    front.len()
}

/// What trees are grown from.
struct Grower {
    /// Bins, a run of features a row.
    rows: Vec<u8>,
    /// First place of each feature in a histogram, and the end.
    offsets: Vec<usize>,
    slopes: Vec<f64>,
    curves: Vec<f64>,
    order: Vec<u32>,
}

/// The best way found to part a node.
struct Best {
    gain: f64,
    feature: usize,
    left: [u64; BINS / 64],
}

impl Grower {
    fn new(rows: Vec<u8>, widths: &[usize]) -> Grower {
        let mut offsets = vec![0];
        for width in widths {
            offsets.push(offsets[offsets.len() - 1] + width);
        }
        let deals = rows.len() / widths.len();
        Grower {
            rows,
            offsets,
            slopes: vec![0.0; deals],
            curves: vec![0.0; deals],
            order: (0..deals as u32).collect(),
        }
    }

    fn features(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Grows a tree and adds its values to the logits.
    fn tree(&mut self, logits: &mut [f64]) -> Vec<Node> {
        let mut order = std::mem::take(&mut self.order);
        order.sort_unstable();
        let histogram = self.histogram(&order);
        let mut tree = Vec::new();
        self.grow(&mut tree, &mut order, histogram, 0, logits);
        self.order = order;
        tree
    }

    fn grow(
        &self,
        tree: &mut Vec<Node>,
        rows: &mut [u32],
        histogram: Vec<Sums>,
        depth: usize,
        logits: &mut [f64],
    ) -> u16 {
        let all = histogram[self.offsets[0]..self.offsets[1]].iter().fold(Sums::default(), |a, b| a.plus(*b));
        let at = tree.len();
        tree.push(Node { value: all.value(), split: None });
        let best = if depth < DEPTH { self.best(&histogram, all) } else { None };
        let Some(Best { feature, left, .. }) = best else {
            rows.iter().for_each(|row| logits[*row as usize] += all.value());
            return at as u16;
        };
        let mut split = Split { feature: feature as u16, left, children: (0, 0) };
        let features = self.features();
        let middle = partition(rows, |row| split.goes_left(self.rows[*row as usize * features + feature]));
        let (lefts, rights) = rows.split_at_mut(middle);
        // The smaller half is counted, the other is what is left of the whole.
        let counted = self.histogram(if lefts.len() <= rights.len() { lefts } else { rights });
        let rest: Vec<Sums> = histogram.iter().zip(&counted).map(|(all, part)| all.minus(*part)).collect();
        let (of_lefts, of_rights) =
            if lefts.len() <= rights.len() { (counted, rest) } else { (rest, counted) };
        split.children.0 = self.grow(tree, lefts, of_lefts, depth + 1, logits);
        split.children.1 = self.grow(tree, rights, of_rights, depth + 1, logits);
        tree[at].split = Some(split);
        at as u16
    }

    fn histogram(&self, rows: &[u32]) -> Vec<Sums> {
        let mut sums = vec![Sums::default(); self.offsets[self.features()]];
        let features = self.features();
        for row in rows {
            let row = *row as usize;
            let (slope, curve) = (self.slopes[row], self.curves[row]);
            for (bin, offset) in self.rows[row * features..][..features].iter().zip(&self.offsets) {
                let sum = &mut sums[offset + usize::from(*bin)];
                sum.slope += slope;
                sum.curve += curve;
                sum.deals += 1;
            }
        }
        sums
    }

    fn best(&self, histogram: &[Sums], all: Sums) -> Option<Best> {
        let mut best: Option<Best> = None;
        for feature in 0..self.features() {
            let sums = &histogram[self.offsets[feature]..self.offsets[feature + 1]];
            let mut bins: Vec<(f64, u8)> = sums
                .iter()
                .enumerate()
                .filter(|(_, sum)| sum.deals > 0)
                .map(|(bin, sum)| (sum.slope / (sum.curve + SHRINK), bin as u8))
                .collect();
            bins.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let mut left = Sums::default();
            for (place, (_, bin)) in bins.iter().enumerate() {
                left = left.plus(sums[usize::from(*bin)]);
                let right = all.minus(left);
                if left.deals < LEAF || right.deals < LEAF {
                    continue;
                }
                let gain = left.gain() + right.gain() - all.gain();
                if gain > best.as_ref().map_or(1e-9, |best| best.gain) {
                    let heavier_left = left.deals.cmp(&right.deals) != Ordering::Less;
                    best = Some(Best { gain, feature, left: side(&bins, place, heavier_left) });
                }
            }
        }
        best
    }
}

/// The first bins up to a place go left; bins without deals go where the most deals go.
fn side(bins: &[(f64, u8)], place: usize, heavier_left: bool) -> [u64; BINS / 64] {
    let mut left = if heavier_left { [u64::MAX; BINS / 64] } else { [0; BINS / 64] };
    for (at, (_, bin)) in bins.iter().enumerate() {
        let bit = 1 << (bin % 64);
        let word = &mut left[usize::from(bin / 64)];
        if at <= place { *word |= bit } else { *word &= !bit }
    }
    left
}
