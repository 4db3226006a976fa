//! A symmetric positive definite system shaped like an arrow: one block for each rep, a border that all share.
//!
//! A deal ties a rep's own effects to each other and to the effects all reps share, never to another rep's.
//! So each block is eliminated by itself and only the border is solved together (Schur complement), which takes
//! time proportional to the number of reps. The covariance, exact within a rep, comes out the same way.

/// The system's matrix; all parts row by row, of which only the lower triangle of symmetric ones is read.
pub(super) struct Arrow {
    /// Unknowns of the border.
    pub(super) border: usize,
    /// Border with border.
    pub(super) corner: Vec<f64>,
    /// One for each rep.
    pub(super) blocks: Vec<Block>,
}

/// One rep's part of a matrix.
pub(super) struct Block {
    /// Unknowns of the rep.
    pub(super) size: usize,
    /// Own with own.
    pub(super) own: Vec<f64>,
    /// Own with border.
    pub(super) cross: Vec<f64>,
}

/// A matrix taken apart by Cholesky: `own` and `corner` hold lower triangles L, `cross` holds L⁻¹·cross.
pub(super) struct Factor(Arrow);

impl Arrow {
    /// All zero, with blocks of these sizes.
    pub(super) fn zero(border: usize, sizes: impl Iterator<Item = usize>) -> Arrow {
        let blocks = sizes
            .map(|size| Block { size, own: vec![0.0; size * size], cross: vec![0.0; size * border] })
            .collect();
        Arrow { border, corner: vec![0.0; border * border], blocks }
    }

    /// Takes it apart.
    pub(super) fn factor(mut self) -> Factor {
        for block in &mut self.blocks {
            cholesky(&mut block.own, block.size);
            for row in 0..block.size {
                let (done, rest) = block.cross.split_at_mut(row * self.border);
                let current = &mut rest[..self.border];
                for (before, done) in done.chunks_exact(self.border).enumerate() {
                    subtract(current, block.own[row * block.size + before], done);
                }
                let pivot = block.own[row * block.size + row];
                current.iter_mut().for_each(|value| *value /= pivot);
                for (i, value) in current.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                    subtract(&mut self.corner[i * self.border..][..=i], *value, &current[..=i]);
                }
            }
        }
        cholesky(&mut self.corner, self.border);
        Factor(self)
    }
}

impl Factor {
    /// Solves for a right side, border and blocks, in place.
    pub(super) fn solve(&self, border: &mut [f64], blocks: &mut [Vec<f64>]) {
        let Factor(arrow) = self;
        for (block, side) in arrow.blocks.iter().zip(&mut *blocks) {
            forward(&block.own, block.size, side);
            for (row, value) in block.cross.chunks_exact(arrow.border).zip(side) {
                subtract(border, *value, row);
            }
        }
        forward(&arrow.corner, arrow.border, border);
        backward(&arrow.corner, arrow.border, border);
        for (block, side) in arrow.blocks.iter().zip(blocks) {
            for (row, value) in block.cross.chunks_exact(arrow.border).zip(&mut *side) {
                *value -= dot(row, border);
            }
            backward(&block.own, block.size, side);
        }
    }

    /// The diagonal of the inverse, border and blocks: (L⁻ᵀ·L⁻¹)ᵢᵢ is the squared length of a column of L⁻¹.
    pub(super) fn variances(&self) -> (Vec<f64>, Vec<Vec<f64>>) {
        let Factor(Arrow { border, corner, blocks }) = self;
        let of_block = |block: &Block| {
            let mut cross = block.cross.clone();
            finish(&block.own, block.size, &mut cross, *border);
            let mut variances = lengths(&block.own, block.size);
            for (variance, row) in variances.iter_mut().zip(cross.chunks_exact_mut(*border)) {
                forward(corner, *border, row);
                *variance += dot(row, row);
            }
            variances
        };
        (lengths(corner, *border), blocks.iter().map(of_block).collect())
    }

    /// The inverse: `corner` and each `own` whole, each `cross` between a rep and the border.
    pub(super) fn inverse(self) -> Arrow {
        let Factor(Arrow { border, corner, blocks }) = self;
        let corner = inverted(&corner, border);
        let blocks = blocks
            .into_iter()
            .map(|Block { size, own, mut cross }| {
                finish(&own, size, &mut cross, border);
                let mut inverse = inverted(&own, size);
                let mut out = vec![0.0; size * border];
                for (row, out) in cross.chunks_exact(border).zip(out.chunks_exact_mut(border)) {
                    for (value, corner) in row.iter().zip(corner.chunks_exact(border)) {
                        subtract(out, *value, corner);
                    }
                }
                for i in 0..size {
                    for j in 0..size {
                        inverse[i * size + j] -=
                            dot(&out[i * border..][..border], &cross[j * border..][..border]);
                    }
                }
                Block { size, own: inverse, cross: out }
            })
            .collect();
        Arrow { border, corner, blocks }
    }
}

/// Multiplies by L⁻ᵀ, the last row first: L⁻¹·cross becomes the inverse of own times cross.
fn finish(own: &[f64], size: usize, cross: &mut [f64], border: usize) {
    for row in (0..size).rev() {
        let (before, after) = cross.split_at_mut((row + 1) * border);
        let current = &mut before[row * border..];
        for (step, after) in after.chunks_exact(border).enumerate() {
            subtract(current, own[(row + 1 + step) * size + row], after);
        }
        current.iter_mut().for_each(|value| *value /= own[row * size + row]);
    }
}

/// Squared lengths of the columns of L⁻¹.
fn lengths(lower: &[f64], size: usize) -> Vec<f64> {
    let mut column = vec![0.0; size];
    let length = |j: usize| {
        column[j..].fill(0.0);
        column[j] = 1.0 / lower[j * size + j];
        for i in j + 1..size {
            column[i] = -dot(&lower[i * size + j..][..i - j], &column[j..]) / lower[i * size + i];
        }
        dot(&column[j..], &column[j..])
    };
    (0..size).map(length).collect()
}

/// `target -= factor · row`.
fn subtract(target: &mut [f64], factor: f64, row: &[f64]) {
    if factor != 0.0 {
        target.iter_mut().zip(row).for_each(|(target, value)| *target -= factor * value);
    }
}

/// Sum of products, in four strands that are added up at the end: an order that is fixed and fast.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut strands = [0.0; 4];
    let (a, b) = (a.chunks_exact(4), b[..a.len()].chunks_exact(4));
    let rest = a.remainder().iter().zip(b.remainder()).fold(0.0, |sum, (a, b)| sum + a * b);
    for (a, b) in a.zip(b) {
        for (strand, (a, b)) in strands.iter_mut().zip(a.iter().zip(b)) {
            *strand += a * b;
        }
    }
    (strands[0] + strands[1]) + (strands[2] + strands[3]) + rest
}

/// Lower triangle L with L·Lᵀ = the matrix, in place, row by row.
fn cholesky(matrix: &mut [f64], size: usize) {
    for i in 0..size {
        let (done, rest) = matrix.split_at_mut(i * size);
        let row = &mut rest[..size];
        for j in 0..i {
            let above = &done[j * size..][..=j];
            row[j] = (row[j] - dot(&above[..j], row)) / above[j];
        }
        // Prior precisions keep pivots positive; the floor catches what rounding may leave of one.
        row[i] = libm::sqrt((row[i] - dot(&row[..i], row)).max(1e-12));
    }
}

fn forward(lower: &[f64], size: usize, side: &mut [f64]) {
    for i in 0..size {
        side[i] = (side[i] - dot(&lower[i * size..][..i], side)) / lower[i * size + i];
    }
}

fn backward(lower: &[f64], size: usize, side: &mut [f64]) {
    for i in (0..size).rev() {
        side[i] /= lower[i * size + i];
        let (before, from) = side.split_at_mut(i);
        subtract(before, from[0], &lower[i * size..][..i]);
    }
}

/// The inverse of L·Lᵀ.
fn inverted(lower: &[f64], size: usize) -> Vec<f64> {
    let mut inverse = vec![0.0; size * size];
    let mut column = vec![0.0; size];
    for j in 0..size {
        column.fill(0.0);
        column[j] = 1.0;
        forward(lower, size, &mut column);
        backward(lower, size, &mut column);
        for i in 0..size {
            inverse[i * size + j] = column[i];
        }
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The border is 2, the blocks are 1, 0 and 3 wide; every deal adds a product of its own effects.
    fn system() -> (Arrow, Vec<Vec<f64>>) {
        let sizes = [1, 0, 3];
        let mut arrow = Arrow::zero(2, sizes.into_iter());
        // The whole matrix: border first, then the blocks.
        let mut dense = vec![vec![0.0; 6]; 6];
        let offsets = [2, 3, 3];
        let mut draw = 7_u64;
        for deal in 0..40 {
            let block = deal % 3;
            let width = 2 + sizes[block];
            let values: Vec<f64> = (0..width)
                .map(|_| {
                    draw =
                        draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (draw >> 40) as f64 / (1u64 << 24) as f64 - 0.5
                })
                .collect();
            let place = |i: usize| if i < 2 { i } else { offsets[block] + i - 2 };
            for i in 0..width {
                for j in 0..width {
                    let product = values[i] * values[j];
                    dense[place(i)][place(j)] += product;
                    match (i < 2, j < 2) {
                        (true, true) => arrow.corner[i * 2 + j] += product,
                        (false, true) => arrow.blocks[block].cross[(i - 2) * 2 + j] += product,
                        (false, false) => {
                            arrow.blocks[block].own[(i - 2) * sizes[block] + j - 2] += product;
                        }
                        (true, false) => {}
                    }
                }
            }
        }
        (arrow, dense)
    }

    #[test]
    fn solves_and_inverts() {
        let (arrow, dense) = system();
        let factor = arrow.factor();
        let (mut border, mut blocks) = (vec![1.0, -2.0], vec![vec![0.5], vec![], vec![3.0, 0.0, -1.0]]);
        let side = [1.0, -2.0, 0.5, 3.0, 0.0, -1.0];
        factor.solve(&mut border, &mut blocks);
        let solution: Vec<f64> = border.into_iter().chain(blocks.into_iter().flatten()).collect();
        for (row, expected) in dense.iter().zip(side) {
            let got: f64 = row.iter().zip(&solution).map(|(a, b)| a * b).sum();
            assert!((got - expected).abs() < 1e-9, "{got} {expected}");
        }
        let inverse = factor.inverse();
        // The last block's rows of the inverse, times the matrix, are rows of the identity; its part with the
        // first block is not kept, and so is solved for.
        for i in 0..3 {
            let mut unit = (vec![0.0; 2], vec![vec![0.0], vec![], vec![0.0; 3]]);
            unit.1[2][i] = 1.0;
            system().0.factor().solve(&mut unit.0, &mut unit.1);
            for j in 0..2 {
                assert!((inverse.blocks[2].cross[i * 2 + j] - unit.0[j]).abs() < 1e-9);
            }
            for j in 0..3 {
                assert!((inverse.blocks[2].own[i * 3 + j] - unit.1[2][j]).abs() < 1e-9);
            }
        }
        let (border, blocks) = system().0.factor().variances();
        assert!((0..2).all(|i| (border[i] - inverse.corner[i * 3]).abs() < 1e-9));
        assert!((0..3).all(|i| (blocks[2][i] - inverse.blocks[2].own[i * 4]).abs() < 1e-9));
        for i in 0..2 {
            let mut unit = (vec![0.0; 2], vec![vec![0.0], vec![], vec![0.0; 3]]);
            unit.0[i] = 1.0;
            system().0.factor().solve(&mut unit.0, &mut unit.1);
            assert!((0..2).all(|j| (inverse.corner[i * 2 + j] - unit.0[j]).abs() < 1e-9));
        }
    }
}
