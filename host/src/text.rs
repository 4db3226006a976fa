//! What words mean, without a network: a table of word-piece vectors compiled into the binary.
//!
//! Text goes one way: clean → lower-case and strip accents → split into words → greedy longest word
//! pieces (BERT's own recipe) → the sum of their rows → unit length. The rows were distilled once
//! from all-MiniLM-L6-v2 (`model/README.md` says how); nothing here needs more than a table look-up,
//! so a message costs microseconds, and the sum runs in a fixed order, so the same text has the same
//! vector to the bit wherever it is computed.

use std::sync::OnceLock;

use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// Length of every vector.
pub const DIMENSIONS: usize = 256;

/// Longer words than this are unknown, as in BERT's own tokenizer.
const LONGEST_WORD: usize = 100;

static TABLE: &[u8] = include_bytes!("../model/table.bin");
static VOCABULARY: &str = include_str!("../model/vocab.txt");

/// The embedded text model: vocabulary and vectors.
pub struct TextModel {
    scales: Vec<f32>,
    rows: &'static [u8],
    pieces: Pieces,
    digest: OnceLock<String>,
}

impl TextModel {
    /// The model inside this binary, indexed on first use (a few milliseconds).
    pub fn embedded() -> &'static TextModel {
        static MODEL: OnceLock<TextModel> = OnceLock::new();
        MODEL.get_or_init(|| TextModel::load(TABLE, VOCABULARY))
    }

    fn load(table: &'static [u8], vocabulary: &'static str) -> TextModel {
        let word = |at: usize| u32::from_le_bytes(table[at..at + 4].try_into().expect("four bytes"));
        assert_eq!(&table[..4], b"LWTX", "not a text model");
        assert_eq!(word(4), 1, "unknown version of the text model");
        let (count, dimensions) = (word(8) as usize, word(12) as usize);
        assert_eq!(dimensions, DIMENSIONS);
        let (scales, rows) = table[16..].split_at(count * 4);
        assert_eq!(rows.len(), count * dimensions);
        let pieces = Pieces::index(vocabulary);
        assert_eq!(pieces.names.len(), count, "the vocabulary has a name for every row");
        TextModel {
            scales: scales
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes(b.try_into().expect("four bytes")))
                .collect(),
            rows,
            pieces,
            digest: OnceLock::new(),
        }
    }

    /// Unit vector of what `text` says; all zeros where it says nothing the model knows.
    pub fn embed(&self, text: &str) -> [f32; DIMENSIONS] {
        let mut sum = [0f32; DIMENSIONS];
        self.each_piece(text, |id| {
            let Some(id) = id else { return };
            let scale = self.scales[id as usize];
            let row = &self.rows[id as usize * DIMENSIONS..][..DIMENSIONS];
            for (total, &value) in sum.iter_mut().zip(row) {
                *total += f32::from(value as i8) * scale;
            }
        });
        let length = dot(&sum, &sum).sqrt();
        // Special pieces alone leave rounding dust or nothing; either means no direction.
        if length > 1e-6 {
            sum.iter_mut().for_each(|value| *value /= length);
            sum
        } else {
            [0.0; DIMENSIONS]
        }
    }

    /// Cosine similarity of `text` to each of the others, -1 to 1; 0 where either is empty.
    pub fn similarity<S: AsRef<str>>(&self, text: &str, others: &[S]) -> Vec<f32> {
        let vector = self.embed(text);
        others.iter().map(|other| dot(&vector, &self.embed(other.as_ref())).clamp(-1.0, 1.0)).collect()
    }

    /// Names the model: SHA-256 over table and vocabulary, in hex. Stored with whatever depends on its vectors.
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| {
            let mut hash = Sha256::new();
            hash.update(TABLE);
            hash.update(VOCABULARY);
            hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
        })
    }

    /// The text's word pieces in order; `None` for a word that has none.
    fn each_piece(&self, text: &str, mut found: impl FnMut(Option<u32>)) {
        each_word(text, |word| self.pieces.split(word, &mut found));
    }
}

/// Dot product in one fixed order: sixteen running sums, then the sums left to right.
pub fn dot(a: &[f32; DIMENSIONS], b: &[f32; DIMENSIONS]) -> f32 {
    let mut sums = [0f32; 16];
    for (a, b) in a.chunks_exact(16).zip(b.chunks_exact(16)) {
        for lane in 0..16 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum()
}

/// The vocabulary as an open hash table: building it touches each name once, so the process starts fast.
struct Pieces {
    names: Vec<&'static str>,
    /// Piece number + 1; 0 is free. Twice as many slots as names, so that runs stay short.
    slots: Vec<u32>,
}

impl Pieces {
    fn index(vocabulary: &'static str) -> Pieces {
        let names: Vec<&'static str> = vocabulary.lines().collect();
        let mut slots = vec![0u32; (names.len() * 2).next_power_of_two()];
        let mask = slots.len() - 1;
        for (id, name) in names.iter().enumerate() {
            let (head, text) = match name.strip_prefix("##") {
                Some(rest) => (false, rest),
                None => (true, *name),
            };
            let mut slot = hash(head, text.as_bytes()) as usize & mask;
            while slots[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            slots[slot] = id as u32 + 1;
        }
        Pieces { names, slots }
    }

    fn find(&self, head: bool, text: &str) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut slot = hash(head, text.as_bytes()) as usize & mask;
        while let Some(id) = self.slots[slot].checked_sub(1) {
            let name = self.names[id as usize];
            let same = if head { name == text } else { name.strip_prefix("##") == Some(text) };
            if same {
                return Some(id);
            }
            slot = (slot + 1) & mask;
        }
        None
    }

    /// Greedy longest match first; a word that cannot be covered completely is unknown as a whole.
    fn split(&self, word: &str, found: &mut impl FnMut(Option<u32>)) {
        if word.chars().count() > LONGEST_WORD {
            return found(None);
        }
        let mut ids = [0u32; LONGEST_WORD];
        let mut count = 0;
        let mut start = 0;
        while start < word.len() {
            let mut end = word.len();
            let id = loop {
                if let Some(id) = self.find(start == 0, &word[start..end]) {
                    break id;
                }
                match word[start..end].char_indices().next_back() {
                    Some((last, _)) if last > 0 => end = start + last,
                    _ => return found(None),
                }
            };
            ids[count] = id;
            count += 1;
            start = end;
        }
        ids[..count].iter().for_each(|&id| found(Some(id)));
    }
}

/// FNV-1a, with a start of its own for pieces that continue a word.
fn hash(head: bool, bytes: &[u8]) -> u32 {
    let start: u32 = if head { 0x811c_9dc5 } else { 0x0100_0193 };
    bytes.iter().fold(start, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// BERT's words: cleaned, lower-cased, without accents; punctuation and CJK characters stand alone.
fn each_word(text: &str, mut found: impl FnMut(&str)) {
    let mut word = String::new();
    let mut take = |c: char, word: &mut String| {
        match kind(c) {
            Kind::Part => return word.push(c),
            Kind::Dropped => return,
            _ if word.is_empty() => {}
            _ => {
                found(word);
                word.clear();
            }
        }
        if let Kind::Alone = kind(c) {
            found(c.encode_utf8(&mut [0; 4]));
        }
    };
    for c in text.chars() {
        if c.is_ascii() {
            take(c.to_ascii_lowercase(), &mut word);
        } else {
            for c in c.to_lowercase().nfd() {
                take(c, &mut word);
            }
        }
    }
    take(' ', &mut word);
}

enum Kind {
    Part,
    Alone,
    Space,
    Dropped,
}

fn kind(c: char) -> Kind {
    match c {
        'a'..='z' | '0'..='9' | 'A'..='Z' => Kind::Part,
        ' ' | '\t' | '\n' | '\r' => Kind::Space,
        '\u{0}'..='\u{1f}' | '\u{7f}' | '\u{fffd}' => Kind::Dropped,
        '!'..='~' => Kind::Alone,
        _ if is_cjk(c) => Kind::Alone,
        _ => match c.general_category_group() {
            GeneralCategoryGroup::Separator => Kind::Space,
            GeneralCategoryGroup::Mark if c.general_category() == GeneralCategory::NonspacingMark => {
                Kind::Dropped
            }
            GeneralCategoryGroup::Punctuation => Kind::Alone,
            GeneralCategoryGroup::Other => Kind::Dropped,
            _ => Kind::Part,
        },
    }
}

/// Ideographs, as BERT counts them: Chinese and Japanese words have no spaces between them.
fn is_cjk(c: char) -> bool {
    matches!(u32::from(c),
        0x4E00..=0x9FFF | 0x3400..=0x4DBF | 0x20000..=0x2A6DF | 0x2A700..=0x2B73F | 0x2B740..=0x2B81F
        | 0x2B820..=0x2CEAF | 0xF900..=0xFAFF | 0x2F800..=0x2FA1F)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let model = TextModel::embedded();
        let mut pieces = Vec::new();
        model.each_piece(text, |id| pieces.push(id.map_or("[UNK]", |id| model.pieces.names[id as usize])));
        assert_eq!(pieces.join(" "), expect, "{text:?}");
    }

    #[test]
    fn splits_as_bert_does() {
        check("", "");
        check("  \t\n", "");
        check("Hello, World!", "hello , world !");
        check("unaffable", "una ##ffa ##ble");
        check("Café à Zürich", "cafe a zurich");
        check("SOC2/SSO", "soc ##2 / ss ##o");
        check("cafe\u{301}", "cafe");
        check("a\u{0}b\u{200b}c\u{fffd}d", "abc ##d");
        check("\u{a0}non\u{2009}breaking", "non breaking");
        check(&"x".repeat(101), "[UNK]");
        check("東京 tokyo", "東 京 tokyo");
        check("naïve—test…", "naive — test …");
        check("🤷", "[UNK]");
    }

    #[test]
    fn vectors_have_unit_length_or_none() {
        let model = TextModel::embedded();
        for text in ["", " ", "🤷", "\u{0}"] {
            assert_eq!(model.embed(text), [0.0; DIMENSIONS], "{text:?}");
        }
        for text in ["price", "We need SSO for 400 people.", "ключ", &"word ".repeat(13_000)] {
            let vector = model.embed(text);
            assert!((dot(&vector, &vector) - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn meanings_are_near_each_other() {
        let near =
            TextModel::embedded().similarity("how much does it cost", &["the price", "a football match", ""]);
        assert!(near[0] > near[1] + 0.1, "{near:?}");
        assert_eq!(near[2], 0.0);
    }

    #[test]
    fn is_the_model_that_decisions_name() {
        assert_eq!(TextModel::embedded().digest().len(), 64);
    }
}
