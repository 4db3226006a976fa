//! Little-endian bytes, written once and read in place: what is shipped and what `prepare` makes.

/// Writes values one after another.
#[derive(Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    /// A whole number.
    pub fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    /// A number.
    pub fn f32(&mut self, value: f32) {
        self.0.extend(value.to_le_bytes());
    }

    /// A length, then the bytes.
    pub fn bytes(&mut self, value: &[u8]) {
        self.u32(value.len() as u32);
        self.0.extend(value);
    }

    /// A length, then the numbers.
    pub fn floats(&mut self, values: &[f32]) {
        self.u32(values.len() as u32);
        values.iter().for_each(|&value| self.f32(value));
    }

    /// A vector in a quarter of its size: a scale, then a byte a number.
    pub fn small(&mut self, values: &[f32]) {
        let most = values.iter().fold(0f32, |most, value| most.max(value.abs()));
        let scale = if most > 0.0 { most / 127.0 } else { 1.0 };
        self.f32(scale);
        self.0.extend(values.iter().map(|value| (value / scale).round() as i8 as u8));
    }
}

/// Reads values in the order they were written; `None` where the bytes end early.
#[derive(Clone, Copy)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// So many raw bytes.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    /// A whole number.
    pub fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A number.
    pub fn f32(&mut self) -> Option<f32> {
        Some(f32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A length, then the bytes.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let count = self.u32()? as usize;
        self.take(count)
    }

    /// Bytes that are text.
    pub fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// A length, then the numbers, left in place.
    pub fn floats(&mut self) -> Option<Floats<'a>> {
        let count = self.u32()? as usize;
        Some(Floats(self.take(count.checked_mul(4)?)?))
    }

    /// A vector as [`Writer::small`] wrote it.
    pub fn small(&mut self, length: usize) -> Option<Small<'a>> {
        Some(Small { scale: self.f32()?, values: self.take(length)? })
    }
}

/// Numbers read in place.
#[derive(Clone, Copy)]
pub struct Floats<'a>(&'a [u8]);

impl Floats<'_> {
    /// The number at `index`.
    pub fn at(&self, index: usize) -> f32 {
        let b = &self.0[index * 4..][..4];
        f32::from_le_bytes([b[0], b[1], b[2], b[3]])
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len() / 4
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A vector of bytes with one scale.
#[derive(Clone, Copy)]
pub struct Small<'a> {
    scale: f32,
    values: &'a [u8],
}

impl Small<'_> {
    /// The number at `index`.
    pub fn at(&self, index: usize) -> f32 {
        f32::from(self.values[index] as i8) * self.scale
    }

    /// Dot product with as many numbers; four running sums, so that one addition need not wait for the last.
    pub fn dot(&self, other: &[f32]) -> f32 {
        let mut sums = [0f32; 4];
        let (values, others) = (self.values.chunks_exact(4), other.chunks_exact(4));
        for (v, o) in values.zip(others) {
            for lane in 0..4 {
                sums[lane] += f32::from(v[lane] as i8) * o[lane];
            }
        }
        (sums[0] + sums[1] + sums[2] + sums[3]) * self.scale
    }
}
