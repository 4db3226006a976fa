//! Spelling beside meaning: hashed character n-grams, weighted by how rare they are in a tenant's lanes.
//!
//! They catch what a table of word vectors blurs: product names, misspellings, a shared stem.

use crate::head::Row;

/// Buckets of hashed n-grams.
pub const BUCKETS: usize = 2048;
/// Words of a text that are read.
const MOST_WORDS: usize = 512;

/// Counts of the 3- to 5-grams of each word with its borders, flattened, signed by their hash.
pub fn counts(text: &str) -> Vec<f32> {
    let mut row = vec![0f32; BUCKETS];
    let mut letters: Vec<char> = Vec::with_capacity(24);
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).take(MOST_WORDS) {
        letters.clear();
        letters.push(' ');
        letters.extend(word.chars().take(20).flat_map(char::to_lowercase));
        letters.push(' ');
        for length in 3..=5 {
            for gram in letters.windows(length) {
                let hash =
                    gram.iter().fold(0x811c_9dc5u32, |hash, &c| (hash ^ c as u32).wrapping_mul(0x0100_0193));
                let hash = hash ^ hash >> 15;
                row[hash as usize % BUCKETS] += if hash >> 20 & 1 == 1 { 1.0 } else { -1.0 };
            }
        }
    }
    for value in &mut row {
        if *value != 0.0 {
            *value = value.signum() * (1.0 + libm::logf(value.abs()));
        }
    }
    row
}

/// How much each bucket tells the documents apart.
pub fn rarity(documents: &[Vec<f32>]) -> Vec<f32> {
    let total = documents.len() as f32;
    (0..BUCKETS)
        .map(|bucket| {
            let holding = documents.iter().filter(|row| row[bucket] != 0.0).count() as f32;
            if holding == 0.0 { 0.0 } else { libm::logf((1.0 + total) / (1.0 + holding)) + 1.0 }
        })
        .collect()
}

/// Weighted by `rarity` and brought to unit length, zeros left out.
pub fn weighted(counts: &[f32], rarity: impl Fn(usize) -> f32) -> Row {
    let mut row: Row = counts
        .iter()
        .enumerate()
        .filter(|(_, count)| **count != 0.0)
        .map(|(bucket, count)| (bucket as u32, count * rarity(bucket)))
        .filter(|(_, value)| *value != 0.0)
        .collect();
    let length = row.iter().map(|(_, value)| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        row.iter_mut().for_each(|(_, value)| *value /= length);
    }
    row
}
