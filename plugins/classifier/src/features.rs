//! What the heads see of an inquiry: one row of numbers, the same at training and in the sandbox.
//!
//! Text goes to words, words to phrases of the lexicon, clauses to their nearness to the anchors;
//! the lead's fields stand beside. Everything here is a function of the lead and the embedding.

use lanewright_sdk::Lead;

use crate::head::Row;
use crate::lexicon::{Found, Lexicon, Scope};
use crate::words::{Kind, Words};

/// Length of an embedding.
pub const DIMENSIONS: usize = 256;
/// Clauses of a text that are embedded one by one.
pub const MOST_CLAUSES: usize = 16;
/// Bytes of a text that are embedded.
const MOST_BYTES: usize = 8192;
/// Buckets of hashed words.
pub const BUCKETS: usize = 1024;

/// What was read of a lead before any meaning is asked for.
pub struct Reading<'l> {
    /// The lead.
    pub lead: &'l Lead,
    /// Its text as words.
    pub words: Words,
    /// Phrases found in the text.
    pub found: Vec<Found>,
    /// Groups found in the title and the industry.
    pub fields: Vec<u16>,
    /// Byte ranges of the clauses.
    pub clauses: Vec<(usize, usize)>,
}

/// Phrases that are kept of a text. Marks and candidates are compared with each other, so a text of
/// nothing but telling words must not have many; an inquiry of 150 words has a few dozen.
const MOST_FOUND: usize = 192;

impl<'l> Reading<'l> {
    /// Reads a lead once.
    pub fn of(lead: &'l Lead, lexicon: &Lexicon) -> Reading<'l> {
        let words = Words::read(&lead.text);
        let mut found = Vec::with_capacity(64);
        lexicon.find(&words, |hit| {
            let wanted = matches!(lexicon.scope(hit.group), Scope::Feature | Scope::Signal | Scope::Mark);
            if wanted && found.len() < MOST_FOUND {
                found.push(hit);
            }
        });
        let mut fields = Vec::new();
        for (text, scope) in [(&lead.contact.title, Scope::Title), (&lead.company.industry, Scope::Industry)]
        {
            if let Some(text) = text {
                lexicon.find(&Words::read(text), |hit| {
                    if lexicon.scope(hit.group) == scope && !fields.contains(&hit.group) {
                        fields.push(hit.group);
                    }
                });
            }
        }
        let clauses = clauses(&words, lead.text.len());
        Reading { lead, words, found, fields, clauses }
    }

    /// The text to embed as a whole: its beginning, where it is very long.
    pub fn whole(&self) -> &'l str {
        let mut end = self.lead.text.len().min(MOST_BYTES);
        while !self.lead.text.is_char_boundary(end) {
            end -= 1;
        }
        &self.lead.text[..end]
    }
}

/// Sentences; long ones cut at their commas. The first and the last of many say what is asked for.
fn clauses(words: &Words, length: usize) -> Vec<(usize, usize)> {
    let mut sentences: Vec<(usize, usize, usize)> = Vec::new();
    for token in &words.tokens {
        match sentences.last_mut() {
            Some(last) if !token.breaks || last.2 < 3 => {
                last.1 = token.end as usize;
                last.2 += 1;
            }
            _ => sentences.push((token.start as usize, token.end as usize, 1)),
        }
    }
    debug_assert!(sentences.last().is_none_or(|last| last.1 <= length));
    let mut clauses: Vec<_> = sentences.into_iter().map(|(start, end, _)| (start, end)).collect();
    if clauses.len() > MOST_CLAUSES {
        clauses.drain(MOST_CLAUSES - 6..clauses.len() - 6);
    }
    clauses
}

/// How big a number of people is: none, 1, 2–5, 6–15, 16–60, 61–250, 251–600, 601–2,500, more.
fn size(people: Option<f64>) -> usize {
    const EDGES: [f64; 8] = [0.5, 1.5, 5.5, 15.5, 60.5, 250.5, 600.5, 2500.5];
    people.map_or(0, |people| EDGES.iter().filter(|&&edge| people > edge).count())
}

/// Numbers beside phrases and meaning.
pub const PLAIN: usize = 64;

/// The plain features, in a fixed order.
pub fn plain(reading: &Reading, lexicon: &Lexicon) -> [f32; PLAIN] {
    let lead = reading.lead;
    let mut row = [0f32; PLAIN];
    let employees = lead.company.employees.map(f64::from);
    row[size(employees)] = 1.0;
    let (least, most) = seats(reading, lexicon);
    row[9 + size(most)] = 1.0;
    row[18 + size(least)] = 1.0;
    let largest = reading
        .words
        .tokens
        .iter()
        .filter_map(|token| match token.kind {
            Kind::Number(value) if !(1990.0..2040.0).contains(&value) => Some(value),
            _ => None,
        })
        .fold(0.0, f64::max);
    row[27 + size((largest > 0.0).then_some(largest))] = 1.0;
    row[36] = employees.map_or(0.0, |n| (libm::log10(n.max(1.0)) / 4.0) as f32);
    row[37] = most.map_or(0.0, |n| (libm::log10(n.max(1.0)) / 4.0) as f32);
    row[38] = match (most, employees) {
        (Some(most), Some(all)) if most < all * 0.1 => 1.0,
        _ => 0.0,
    };
    row[39] = match (most, employees) {
        (Some(most), Some(all)) if most > all * 0.5 => 1.0,
        _ => 0.0,
    };
    let source = ["email", "web-form", "chat", "demo-request", "event", "partner-referral"]
        .iter()
        .position(|&known| known == lead.source)
        .unwrap_or(6);
    row[40 + source] = 1.0;
    let email = lead.contact.email.as_deref().unwrap_or("").to_ascii_lowercase();
    let host = email.rsplit('@').next().unwrap_or("");
    let company = lead.company.domain.as_deref().unwrap_or("").to_ascii_lowercase();
    let private = ["mail", "inbox", "post", "box.", "hotmail", "yahoo", "outlook", "icloud", "proton", "gmx"]
        .iter()
        .any(|part| host.contains(part));
    row[47] = f32::from(private);
    row[48] = f32::from(!host.is_empty() && host == company);
    row[49] = f32::from(host.is_empty());
    row[50] = f32::from(company.is_empty());
    row[51] = f32::from(lead.contact.title.as_deref().unwrap_or("").trim().is_empty());
    row[52] = f32::from(lead.company.industry.is_none());
    let name = lead.company.name.as_deref().unwrap_or("").trim();
    row[53] = f32::from(
        name.len() < 4 || name.eq_ignore_ascii_case("none") || name.eq_ignore_ascii_case("private"),
    );
    let count = reading.words.tokens.len();
    row[54] = libm::logf(count as f32 + 1.0) / 5.0;
    row[55] = f32::from(count < 14);
    row[56] = f32::from(count > 70);
    row[57] = f32::from(!lead.text.chars().any(char::is_uppercase));
    row[58] = (lead.text.matches('?').count() as f32).min(3.0) / 3.0;
    row[59] = f32::from(lead.text.contains('!'));
    row[60] = f32::from(reading.words.tokens.iter().any(|t| matches!(t.kind, Kind::Money(..))));
    row[61] = f32::from(lead.text.contains("http") || lead.text.contains("www."));
    row[62] = f32::from(
        lead.text.starts_with("Subject") || lead.text.contains("ref ") || lead.text.contains("Ref"),
    );
    row[63] = 1.0;
    row
}

/// Fewest and most people that the text wants to bring.
pub fn seats(reading: &Reading, lexicon: &Lexicon) -> (Option<f64>, Option<f64>) {
    let mut range: (Option<f64>, Option<f64>) = (None, None);
    let mut add = |value: f64| {
        range = (
            Some(range.0.map_or(value, |least| least.min(value))),
            Some(range.1.map_or(value, |most| most.max(value))),
        );
    };
    for hit in &reading.found {
        match lexicon.name(hit.group).0 {
            "seats" => {
                for token in &reading.words.tokens[hit.first as usize..hit.after as usize] {
                    if let Kind::Number(value) = token.kind {
                        add(value);
                    }
                }
            }
            "seats-one" => add(1.0),
            "seats-two" => add(2.0),
            _ => {}
        }
    }
    range
}

/// Where the blocks of a row begin.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    groups: usize,
}

/// How far each block may speak: larger is trusted sooner. Chosen by leaving one author out.
const SCALES: Scales = Scales { plain: 1.4, groups: 1.4, meaning: 6.0, words: 3.0 };

struct Scales {
    plain: f32,
    groups: f32,
    meaning: f32,
    words: f32,
}

impl Layout {
    /// The layout that belongs to a lexicon.
    pub fn of(lexicon: &Lexicon) -> Layout {
        Layout { groups: lexicon.groups() }
    }

    /// Number of features.
    pub fn width(&self) -> usize {
        PLAIN + self.groups + DIMENSIONS + BUCKETS
    }

    /// The row of one lead; `meaning` is the embedding of its text.
    pub fn row(&self, reading: &Reading, lexicon: &Lexicon, meaning: &[f32]) -> Row {
        let mut row = Row::with_capacity(DIMENSIONS + 160);
        let mut block = |from: usize, scale: f32, values: &[f32]| {
            let filled = values.iter().enumerate().filter(|(_, value)| **value != 0.0);
            row.extend(filled.map(|(at, value)| ((from + at) as u32, value * scale)));
        };
        block(0, SCALES.plain, &plain(reading, lexicon));
        block(PLAIN, SCALES.groups, &spoken(reading, lexicon));
        let meaning_at = PLAIN + self.groups;
        block(meaning_at, SCALES.meaning, meaning);
        let buckets = hashed(reading);
        let scale = SCALES.words / (buckets.len().max(1) as f32).sqrt();
        let from = (meaning_at + DIMENSIONS) as u32;
        row.extend(buckets.into_iter().map(|bucket| (from + u32::from(bucket), scale)));
        row
    }
}

/// How often each group speaks, on a scale that flattens.
pub fn spoken(reading: &Reading, lexicon: &Lexicon) -> Vec<f32> {
    let mut row = vec![0f32; lexicon.groups()];
    for hit in reading.found.iter().filter(|hit| lexicon.scope(hit.group) != Scope::Mark) {
        row[hit.group as usize] += 1.0;
    }
    // log2(1 + n) / 1.6 for n = 0 … 4.
    const FLAT: [f32; 5] = [0.0, 0.625, 0.990_6, 1.25, 1.451_2];
    row.iter_mut().for_each(|count| *count = FLAT[(*count as usize).min(4)]);
    for &group in &reading.fields {
        row[group as usize] = 1.0;
    }
    row
}

/// Buckets of the words and pairs of neighbours, each once.
fn hashed(reading: &Reading) -> Vec<u16> {
    let mut buckets = Vec::with_capacity(reading.words.tokens.len() * 2);
    let mut before = 0u32;
    for token in &reading.words.tokens {
        let hash = match token.kind {
            Kind::Word => token.hash,
            Kind::Number(value) => 7 + size(Some(value)) as u32,
            Kind::Money(..) => 3,
            Kind::Ordinal => 5,
        };
        let bucket = |h: u32| ((h.wrapping_mul(0x9E37_79B1) >> 16) as usize % BUCKETS) as u16;
        buckets.push(bucket(hash));
        if before != 0 && !token.breaks {
            buckets.push(bucket(hash.rotate_left(5) ^ before));
        }
        before = hash;
    }
    buckets.sort_unstable();
    buckets.dedup();
    buckets
}
