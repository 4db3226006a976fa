//! What the classifier ships with: the lexicon and the heads trained ahead on the standard lanes.
//!
//! `pack/standard.bin` is made by `cargo run --release -p lanewright-eval -- train` from
//! `pack/lexicon.txt` and `data/inquiries/train`, and is the same to the byte each time.

use crate::bytes::{Floats, Reader, Writer};
use crate::features::Layout;
use crate::head::{Head, Row};
use crate::lexicon::Lexicon;

/// The lanes of the standard pack, in the order of its head; what belongs to none comes after them.
pub const STANDARD_LANES: [&str; 4] = ["enterprise", "smb", "self-serve", "partner"];
/// The standard head's class for what belongs to no lane.
pub const NO_LANE: usize = 4;
/// Classes of the standard head.
pub const STANDARD_CLASSES: usize = 5;
/// Classes of intent: low, medium, high.
pub const INTENTS: usize = 3;

static SHIPPED: &[u8] = include_bytes!("../pack/standard.bin");

/// Lexicon and heads, read in place.
#[derive(Clone, Copy)]
pub struct Pack<'a> {
    /// What to listen for.
    pub lexicon: Lexicon<'a>,
    /// How rows are laid out for it.
    pub layout: Layout,
    /// Turns the standard head's scores into honest probabilities.
    pub sharpness: f32,
    /// Turns pairs' scores into honest probabilities: one weight a feature.
    pub pairs: Floats<'a>,
    lanes: Floats<'a>,
    intents: Floats<'a>,
}

impl Pack<'static> {
    /// The pack inside this plugin.
    pub fn shipped() -> Option<Pack<'static>> {
        Pack::open(SHIPPED)
    }
}

impl<'a> Pack<'a> {
    /// Opens what [`write`] made; `None` where the bytes are something else.
    pub fn open(bytes: &'a [u8]) -> Option<Pack<'a>> {
        let mut reader = Reader(bytes.strip_prefix(b"LWSP1\0\0\0")?);
        let lexicon = Lexicon::open(reader.bytes()?)?;
        let layout = Layout::of(&lexicon);
        let pack = Pack {
            lexicon,
            layout,
            sharpness: reader.f32()?,
            pairs: reader.floats()?,
            lanes: reader.floats()?,
            intents: reader.floats()?,
        };
        let fits = pack.lanes.len() == layout.width() * STANDARD_CLASSES
            && pack.intents.len() == layout.width() * INTENTS;
        fits.then_some(pack)
    }

    /// Scores of the standard lanes and of none.
    pub fn lanes(&self, row: &Row) -> [f32; STANDARD_CLASSES] {
        scores(&self.lanes, row)
    }

    /// Scores of low, medium and high intent.
    pub fn intents(&self, row: &Row) -> [f32; INTENTS] {
        scores(&self.intents, row)
    }
}

/// Weights lie feature by feature, so that one feature's classes are neighbours.
fn scores<const N: usize>(weights: &Floats, row: &Row) -> [f32; N] {
    let mut scores = [0f32; N];
    for &(index, value) in row {
        for (class, score) in scores.iter_mut().enumerate() {
            *score += weights.at(index as usize * N + class) * value;
        }
    }
    scores
}

/// Writes a pack.
pub fn write(lexicon: &[u8], sharpness: f32, pairs: &[f32], lanes: &Head, intents: &Head) -> Vec<u8> {
    let mut writer = Writer(b"LWSP1\0\0\0".to_vec());
    writer.bytes(lexicon);
    writer.f32(sharpness);
    writer.floats(pairs);
    for head in [lanes, intents] {
        let by_feature: Vec<f32> = (0..head.width)
            .flat_map(|feature| {
                (0..head.classes).map(move |class| head.weights[class * head.width + feature])
            })
            .collect();
        writer.floats(&by_feature);
    }
    writer.0
}
