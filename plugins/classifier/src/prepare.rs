//! Work done once for a tenant: definitions embedded, spelling weighed, a head of its own where examples allow.
//!
//! The bytes come back with every lead and are read in place. They are small: vectors take a byte a
//! number. Same settings and lanes, same bytes.

use lanewright_sdk::{Failure, Lane};

use crate::bytes::{Reader, Small, Writer};
use crate::features::DIMENSIONS;
use crate::head::{Fit, Head, Row};
use crate::lexicon::Lexicon;
use crate::ngrams;
use crate::pack::Pack;
use crate::pairs::{self, Definition};
use crate::settings::Settings;

const MAGIC: &[u8] = b"LWCP1\0\0\0";
/// From so many examples a lane counts as learnt by example.
pub const ENOUGH: usize = 8;
/// Examples of one lane, and of all lanes, that are learnt from: the newest say most.
const MOST_OF_LANE: usize = 200;
const MOST_OF_ALL: usize = 1200;
/// How much spelling speaks beside meaning, and how closely the tenant's head fits its few examples.
const SPELLING: f32 = 1.1;
const TRUST: f64 = 60.0;
/// Multiplications that training may cost, so that `prepare` ends in time for any tenant.
const EFFORT: usize = 600_000_000;

/// Width of a row of the tenant's own head; its last number is 1, so that frequent lanes are learnt as such.
pub const OWN_WIDTH: usize = DIMENSIONS + ngrams::BUCKETS + 1;

/// Embeds texts: unit vectors of [`DIMENSIONS`] numbers, one after the other.
pub type Embed<'a> = &'a dyn Fn(&[String]) -> Vec<f32>;

/// Embeds, and says so where the host's model is not the one the pack was trained with.
pub fn embed(model: Embed, texts: &[String]) -> Result<Vec<f32>, Failure> {
    let vectors = model(texts);
    if vectors.len() == texts.len() * DIMENSIONS {
        Ok(vectors)
    } else {
        let got = vectors.len() / texts.len().max(1);
        Err(Failure::Internal(format!(
            "the text model has {got} dimensions, the classifier needs {DIMENSIONS}"
        )))
    }
}

/// Makes the prepared bytes.
///
/// # Errors
/// Where there is no lane, a tenant's own word cannot be listened for, or the text model is another one.
pub fn prepare(settings: &Settings, lanes: &[Lane], pack: &Pack, model: Embed) -> Result<Vec<u8>, Failure> {
    if lanes.is_empty() {
        return Err(Failure::Settings("there are no lanes to choose from".to_owned()));
    }
    let own = settings
        .lexicon()
        .map_err(|issue| Failure::Settings(format!("{}: {}", issue.path, issue.message)))?;
    let standard: Vec<Option<usize>> = lanes.iter().map(|lane| settings.standard(&lane.id)).collect();
    let learnt = learns(lanes);
    let all_standard = standard.iter().all(Option::is_some);

    let mut writer = Writer(MAGIC.to_vec());
    for value in [settings.high, settings.medium, settings.margin, settings.refuse_below] {
        writer.f32(value);
    }
    writer.u32(lanes.len() as u32);
    for (lane, standard) in lanes.iter().zip(&standard) {
        writer.bytes(lane.id.as_bytes());
        writer.bytes(lane.name.as_bytes());
        writer.u32(standard.map_or(u32::MAX, |class| class as u32));
    }
    writer.bytes(&own);
    writer.u32(u32::from(learnt));
    writer.u32(u32::from(learnt || !all_standard));
    if learnt || !all_standard {
        meanings(&mut writer, lanes, learnt, pack, model)?;
    }
    Ok(writer.0)
}

/// Whether lanes are learnt by example: most have enough, and each has at least one.
fn learns(lanes: &[Lane]) -> bool {
    let enough = lanes.iter().filter(|lane| lane.examples.len() >= ENOUGH).count();
    lanes.len() > 1 && enough * 2 > lanes.len() && lanes.iter().all(|lane| !lane.examples.is_empty())
}

fn meanings(
    writer: &mut Writer,
    lanes: &[Lane],
    learnt: bool,
    pack: &Pack,
    model: Embed,
) -> Result<(), Failure> {
    let definitions: Vec<String> = lanes
        .iter()
        .map(|lane| format!("{}: {}", lane.name.replace(['_', '-'], " "), lane.definition))
        .collect();
    let share = (MOST_OF_ALL / lanes.len()).clamp(1, MOST_OF_LANE);
    let examples: Vec<(usize, &String)> = if learnt {
        lanes
            .iter()
            .enumerate()
            .flat_map(|(class, lane)| lane.examples.iter().rev().take(share).map(move |text| (class, text)))
            .collect()
    } else {
        Vec::new()
    };
    let mut documents: Vec<Vec<f32>> = definitions.iter().map(|text| ngrams::counts(text)).collect();
    documents.extend(examples.iter().map(|(_, text)| ngrams::counts(text)));
    let rarity = ngrams::rarity(&documents);
    writer.small(&rarity);
    let spelling: Vec<Row> =
        documents.iter().map(|counts| ngrams::weighted(counts, |bucket| rarity[bucket])).collect();

    for (lane, spelling) in lanes.iter().zip(&spelling) {
        // A learnt lane's examples are in its head; one that is not gets them as further phrases.
        let beside = if learnt { &[][..] } else { &lane.examples[..] };
        let phrases = pairs::phrases(&lane.name, &lane.definition, beside);
        let vectors = embed(model, &phrases)?;
        let vectors: Vec<&[f32]> = vectors.chunks_exact(DIMENSIONS).collect();
        let groups = pairs::groups(&pack.lexicon, &lane.definition);
        Definition::write(writer, &vectors, &groups, spelling);
    }
    if learnt {
        let head = own_head(lanes.len(), definitions, &examples, &spelling, model)?;
        for class in 0..lanes.len() {
            writer.small(&head.weights[class * OWN_WIDTH..][..OWN_WIDTH]);
        }
    }
    Ok(())
}

fn own_head(
    classes: usize,
    definitions: Vec<String>,
    examples: &[(usize, &String)],
    spelling: &[Row],
    model: Embed,
) -> Result<Head, Failure> {
    let mut texts = definitions;
    texts.extend(examples.iter().map(|(_, text)| (*text).clone()));
    let vectors = embed(model, &texts)?;
    let rows: Vec<Row> = vectors
        .chunks_exact(DIMENSIONS)
        .zip(spelling)
        .map(|(meaning, spelling)| own_row(meaning, spelling))
        .collect();
    let labels: Vec<usize> = (0..classes).chain(examples.iter().map(|(class, _)| *class)).collect();
    let cost: usize = rows.iter().map(Row::len).sum::<usize>() * classes * 2;
    let rounds = (EFFORT / cost.max(1)).clamp(12, 80);
    Ok(Head::fit(&rows, &labels, classes, OWN_WIDTH, Fit { trust: TRUST, rounds }))
}

/// A row of the tenant's own head: meaning, then spelling.
pub fn own_row(meaning: &[f32], spelling: &Row) -> Row {
    let meaning = meaning.iter().enumerate().map(|(at, value)| (at as u32, *value));
    let spelling = spelling.iter().map(|&(at, value)| (DIMENSIONS as u32 + at, value * SPELLING));
    meaning.chain(spelling).chain([(OWN_WIDTH as u32 - 1, 1.0)]).collect()
}

/// Prepared bytes, read in place.
pub struct Prepared<'a> {
    /// Probability from which a verdict is high.
    pub high: f32,
    /// Probability from which a verdict is medium.
    pub medium: f32,
    /// Lead over the next lane for high.
    pub margin: f32,
    /// Under strict, a tenant's own lanes are refused below this.
    pub refuse_below: f32,
    /// The lanes.
    pub lanes: Vec<PreparedLane<'a>>,
    /// The tenant's own words.
    pub own: Option<Lexicon<'a>>,
    /// What definitions and examples taught; `None` where the standard head alone decides.
    pub meanings: Option<Meanings<'a>>,
}

/// One lane.
pub struct PreparedLane<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The standard class it stands for.
    pub standard: Option<usize>,
}

/// What definitions and examples taught.
pub struct Meanings<'a> {
    /// How much each n-gram bucket tells the lanes apart.
    pub rarity: Small<'a>,
    /// One a lane.
    pub definitions: Vec<Definition<'a>>,
    /// One line of weights a lane, where lanes are learnt by example.
    pub head: Vec<Small<'a>>,
}

impl<'a> Prepared<'a> {
    /// Opens prepared bytes; `None` where they are something else.
    pub fn open(bytes: &'a [u8]) -> Option<Prepared<'a>> {
        let mut reader = Reader(bytes.strip_prefix(MAGIC)?);
        let [high, medium, margin, refuse_below] =
            [reader.f32()?, reader.f32()?, reader.f32()?, reader.f32()?];
        let count = reader.u32()? as usize;
        let lanes = (0..count)
            .map(|_| {
                let (id, name) = (reader.text()?, reader.text()?);
                let standard = Some(reader.u32()? as usize).filter(|&class| class != u32::MAX as usize);
                Some(PreparedLane { id, name, standard })
            })
            .collect::<Option<Vec<_>>>()?;
        let own = reader.bytes()?;
        let own = if own.is_empty() { None } else { Some(Lexicon::open(own)?) };
        let learnt = reader.u32()? != 0;
        let meanings = if reader.u32()? != 0 {
            let rarity = reader.small(ngrams::BUCKETS)?;
            let definitions =
                (0..count).map(|_| Definition::read(&mut reader)).collect::<Option<Vec<_>>>()?;
            let lines = if learnt { count } else { 0 };
            let head = (0..lines).map(|_| reader.small(OWN_WIDTH)).collect::<Option<Vec<_>>>()?;
            Some(Meanings { rarity, definitions, head })
        } else {
            None
        };
        Some(Prepared { high, medium, margin, refuse_below, lanes, own, meanings })
    }
}
