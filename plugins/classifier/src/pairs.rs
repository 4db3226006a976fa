//! How well an inquiry fits a definition: features of a text and a lane that hold for any lane.
//!
//! They let the shipped weights judge lanes nobody has seen before. A definition is taken phrase by
//! phrase, because the mean of a long one resembles everything a little; so is a long inquiry, clause
//! by clause.

use crate::bytes::{Reader, Small, Writer};
use crate::features::{DIMENSIONS, Reading};
use crate::head::Row;
use crate::lexicon::{Lexicon, Scope};
use crate::ngrams;
use crate::words::Words;

/// Features of one pair; each counts a second time in the measure in which the text is long.
pub const FEATURES: usize = 14;
/// Clauses that are compared with each phrase.
pub const MOST_CLAUSES: usize = 6;
/// Phrases of a definition that are kept, and examples beside them.
const MOST_PHRASES: usize = 32;
const MOST_EXAMPLES: usize = 12;

/// A definition's phrases, as the embedding is asked for them.
pub fn phrases(name: &str, definition: &str, examples: &[String]) -> Vec<String> {
    let mut phrases = vec![name.replace(['_', '-'], " ")];
    for part in definition.split(['.', ',', ';', ':', '?', '!', '\n', '(', ')']) {
        for part in part.split(" and ").flat_map(|part| part.split(" or ")) {
            let part = part.trim();
            if part.chars().filter(|c| c.is_alphanumeric()).count() > 2 && phrases.len() < MOST_PHRASES {
                phrases.push(part.to_owned());
            }
        }
    }
    phrases.extend(examples.iter().take(MOST_EXAMPLES).map(|example| cut(example, 2000).to_owned()));
    phrases
}

/// At most so many bytes of a text, cut at a character.
pub fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A lane's definition as it is kept in the prepared bytes.
pub struct Definition<'a> {
    mean: Small<'a>,
    phrases: Vec<Small<'a>>,
    groups: &'a [u8],
    buckets: &'a [u8],
    weights: Small<'a>,
}

impl<'a> Definition<'a> {
    /// Writes one: vectors of its phrases, groups of the lexicon it speaks of, its weighted n-grams.
    pub fn write(writer: &mut Writer, vectors: &[&[f32]], groups: &[u16], spelling: &Row) {
        let mut mean = vec![0f32; DIMENSIONS];
        for vector in vectors {
            mean.iter_mut().zip(*vector).for_each(|(m, v)| *m += v);
        }
        let length = mean.iter().map(|m| m * m).sum::<f32>().sqrt().max(1e-6);
        mean.iter_mut().for_each(|m| *m /= length);
        writer.small(&mean);
        writer.u32(vectors.len() as u32);
        vectors.iter().for_each(|vector| writer.small(vector));
        writer.bytes(&groups.iter().flat_map(|group| group.to_le_bytes()).collect::<Vec<u8>>());
        writer.bytes(
            &spelling.iter().flat_map(|(bucket, _)| (*bucket as u16).to_le_bytes()).collect::<Vec<u8>>(),
        );
        writer.small(&spelling.iter().map(|(_, weight)| *weight).collect::<Vec<f32>>());
    }

    /// Reads one in place.
    pub fn read(reader: &mut Reader<'a>) -> Option<Definition<'a>> {
        let mean = reader.small(DIMENSIONS)?;
        let count = reader.u32()? as usize;
        let phrases = (0..count).map(|_| reader.small(DIMENSIONS)).collect::<Option<Vec<_>>>()?;
        let groups = reader.bytes()?;
        let buckets = reader.bytes()?;
        let weights = reader.small(buckets.len() / 2)?;
        Some(Definition { mean, phrases, groups, buckets, weights })
    }

    /// The features of a text against this definition.
    pub fn compare(&self, text: &Text) -> [f32; FEATURES] {
        let mut whole: Vec<f32> = self.phrases.iter().map(|phrase| phrase.dot(text.whole)).collect();
        whole.sort_unstable_by(|a, b| b.total_cmp(a));
        let top = &whole[..whole.len().min(3)];
        let best = top.first().copied().unwrap_or(0.0);
        let few = top.iter().sum::<f32>() / top.len().max(1) as f32;
        let (mut most, mut sum) = (best, 0.0);
        for clause in &text.clauses {
            let best = self.phrases.iter().map(|phrase| phrase.dot(clause)).fold(-1.0, f32::max);
            most = most.max(best);
            sum += best;
        }
        let clauses = if text.clauses.is_empty() { best } else { sum / text.clauses.len() as f32 };
        let groups = self.groups.chunks_exact(2).map(|g| u16::from_le_bytes([g[0], g[1]]));
        let (mut shared, mut own) = (0.0, 0.0f32);
        for group in groups {
            own += 1.0;
            shared += text.spoken.get(group as usize).copied().unwrap_or(0.0);
        }
        let affinity = if own > 0.0 { shared / own.sqrt() / text.spoken_length } else { 0.0 };
        let spelling: f32 = self
            .buckets
            .chunks_exact(2)
            .enumerate()
            .map(|(at, b)| self.weights.at(at) * text.spelling[u16::from_le_bytes([b[0], b[1]]) as usize])
            .sum();
        let features = [self.mean.dot(text.whole), best, few, spelling, most, clauses, affinity];
        let mut row = [0f32; FEATURES];
        for (at, feature) in features.into_iter().enumerate() {
            row[at] = feature;
            row[FEATURES / 2 + at] = feature * text.long;
        }
        row
    }
}

/// A text, ready to be compared with definitions.
pub struct Text<'a> {
    whole: &'a [f32],
    clauses: Vec<&'a [f32]>,
    spelling: Vec<f32>,
    spoken: Vec<f32>,
    spoken_length: f32,
    long: f32,
}

impl<'a> Text<'a> {
    /// From its embeddings (the whole, then its clauses), its n-grams weighted for these lanes, and how often
    /// each group of the lexicon speaks in it.
    pub fn new(
        reading: &Reading,
        vectors: &'a [f32],
        spelling: &Row,
        mut spoken: Vec<f32>,
        lexicon: &Lexicon,
    ) -> Text<'a> {
        let (whole, clauses) = vectors.split_at(DIMENSIONS);
        for (group, count) in spoken.iter_mut().enumerate() {
            if !listens(lexicon, group as u16) {
                *count = 0.0;
            }
        }
        let spoken_length = spoken.iter().map(|s| s * s).sum::<f32>().sqrt().max(1.0);
        let mut dense = vec![0f32; ngrams::BUCKETS];
        spelling.iter().for_each(|&(bucket, weight)| dense[bucket as usize] = weight);
        Text {
            whole,
            clauses: clauses.chunks_exact(DIMENSIONS).collect(),
            spelling: dense,
            spoken,
            spoken_length,
            long: (reading.words.tokens.len() as f32 / 60.0).min(1.0),
        }
    }
}

/// Whether a group's phrases say something about a definition: voice does not.
fn listens(lexicon: &Lexicon, group: u16) -> bool {
    let silent = ["i", "we", "you", "they", "polite", "casual", "question"];
    match lexicon.scope(group) {
        Scope::Mark => false,
        Scope::Feature => !silent.contains(&lexicon.name(group).0),
        Scope::Signal => true,
        Scope::Title | Scope::Industry => false,
    }
}

/// Groups of the lexicon that a definition speaks of.
pub fn groups(lexicon: &Lexicon, definition: &str) -> Vec<u16> {
    let mut groups = Vec::new();
    lexicon.find(&Words::read(definition), |hit| {
        if listens(lexicon, hit.group) && !groups.contains(&hit.group) {
            groups.push(hit.group);
        }
    });
    groups.sort_unstable();
    groups
}

/// The clauses of a reading that are compared: evenly spread over a text of many, none where it has one.
pub fn clauses(reading: &Reading) -> Vec<(usize, usize)> {
    let all = &reading.clauses;
    match all.len() {
        0 | 1 => Vec::new(),
        count if count <= MOST_CLAUSES => all.clone(),
        count => (0..MOST_CLAUSES).map(|n| all[n * (count - 1) / (MOST_CLAUSES - 1)]).collect(),
    }
}
