//! Trains what the classifier ships with; the same data makes the same bytes.
//!
//! The training inquiries come from five authors. Whatever is chosen or calibrated is chosen by leaving
//! one author out at a time, because the next inquiry is by somebody new; then all five are learnt from.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use lanewright_classifier::features::{DIMENSIONS, Layout, Reading, spoken};
use lanewright_classifier::head::{Fit, Head, Row, minimise, softmax};
use lanewright_classifier::lexicon::{self, Lexicon};
use lanewright_classifier::pack::{self, INTENTS, NO_LANE, Pack, STANDARD_CLASSES, STANDARD_LANES};
use lanewright_classifier::pairs::{self, FEATURES, Text};
use lanewright_classifier::prepare::{Prepared, prepare};
use lanewright_classifier::{Settings, ngrams};
use lanewright_sdk::{Lane, Lead};

use crate::data::{self, AUTHORS, Inquiry};
use crate::text::TextModel;

/// How closely the heads fit their rows.
const LANES: Fit = Fit { trust: 0.1, rounds: 150 };
const INTENT: Fit = Fit { trust: 0.03, rounds: 100 };

/// What was trained, and how it did on authors it had not seen.
pub(crate) struct Trained {
    /// The bytes of `pack/standard.bin`.
    pub(crate) pack: Vec<u8>,
    /// Right among the four lanes, leaving one author out.
    pub(crate) four: (usize, usize),
    /// Right with none as a fifth answer, leaving one author out.
    pub(crate) strict: (usize, usize),
}

/// Trains from `data/` under `root`.
pub(crate) fn train(root: &Path) -> Result<Trained> {
    let source = std::fs::read_to_string(root.join("plugins/classifier/pack/lexicon.txt"))
        .context("plugins/classifier/pack/lexicon.txt")?;
    let compiled = lexicon::compile(&source).map_err(|problem| anyhow!("lexicon.txt, {problem}"))?;
    let lexicon = Lexicon::open(&compiled).context("the lexicon just compiled cannot be read")?;
    let layout = Layout::of(&lexicon);

    let mut set = Set::default();
    for (author, name) in AUTHORS.iter().enumerate() {
        for inquiry in data::inquiries(&root.join(format!("data/inquiries/train/{name}.jsonl")))? {
            set.add(author, &inquiry, &lexicon, layout)?;
        }
    }

    let left_out = set.leave_one_author_out(layout.width());
    // The next author may be the hardest one.
    let sharpness = (0..AUTHORS.len())
        .map(|author| {
            let of = (0..set.rows.len()).filter(|&at| set.authors[at] == author);
            let (scores, lanes): (Vec<_>, Vec<_>) =
                of.map(|at| (left_out[at].clone(), set.lanes[at])).unzip();
            sharpest(&scores, &lanes)
        })
        .fold(f32::INFINITY, f32::min);
    let right = |lanes: usize| {
        let mut counts = (0, 0);
        for (scores, &lane) in left_out.iter().zip(&set.lanes) {
            if lane < lanes {
                counts.1 += 1;
                counts.0 += usize::from(best(&scores[..lanes]) == lane);
            }
        }
        counts
    };

    let lanes = Head::fit(&set.rows, &set.lanes, STANDARD_CLASSES, layout.width(), LANES);
    let intents = Head::fit(&set.rows, &set.intents, INTENTS, layout.width(), INTENT);
    let blank = pack::write(&compiled, sharpness, &[0.0; FEATURES], &lanes, &intents);
    let pairs = fit_pairs(root, &blank)?;
    Ok(Trained {
        pack: pack::write(&compiled, sharpness, &pairs, &lanes, &intents),
        four: right(NO_LANE),
        strict: right(STANDARD_CLASSES),
    })
}

#[derive(Default)]
struct Set {
    authors: Vec<usize>,
    rows: Vec<Row>,
    lanes: Vec<usize>,
    intents: Vec<usize>,
}

impl Set {
    fn add(&mut self, author: usize, inquiry: &Inquiry, lexicon: &Lexicon, layout: Layout) -> Result<()> {
        let reading = Reading::of(&inquiry.lead, lexicon);
        let meaning = TextModel::embedded().embed(reading.whole());
        self.authors.push(author);
        self.rows.push(layout.row(&reading, lexicon, &meaning));
        self.lanes.push(match &inquiry.lane {
            None => NO_LANE,
            Some(lane) => STANDARD_LANES.iter().position(|known| known == lane).context("an unknown lane")?,
        });
        let intent = ["low", "medium", "high"].iter().position(|known| *known == inquiry.intent);
        self.intents.push(intent.context("an unknown intent")?);
        Ok(())
    }

    /// Scores of every row by a head that has not seen its author.
    fn leave_one_author_out(&self, width: usize) -> Vec<Vec<f32>> {
        let mut scores = vec![Vec::new(); self.rows.len()];
        for author in 0..AUTHORS.len() {
            let (rows, lanes): (Vec<Row>, Vec<usize>) = (0..self.rows.len())
                .filter(|&at| self.authors[at] != author)
                .map(|at| (self.rows[at].clone(), self.lanes[at]))
                .unzip();
            let head = Head::fit(&rows, &lanes, STANDARD_CLASSES, width, LANES);
            for at in (0..self.rows.len()).filter(|&at| self.authors[at] == author) {
                scores[at] = head.scores(&self.rows[at]);
            }
        }
        scores
    }
}

/// The factor on the scores under which the probabilities of unseen authors are most honest.
fn sharpest(scores: &[Vec<f32>], labels: &[usize]) -> f32 {
    let loss = |sharpness: f32| -> f64 {
        let each = scores.iter().zip(labels).map(|(scores, &label)| {
            let mut shares: Vec<f32> = scores.iter().map(|score| score * sharpness).collect();
            softmax(&mut shares);
            -f64::from(shares[label].max(1e-9)).ln()
        });
        each.sum()
    };
    (20..=60).map(|step| step as f32 * 0.05).min_by(|a, b| loss(*a).total_cmp(&loss(*b))).unwrap_or(1.0)
}

fn best(scores: &[f32]) -> usize {
    (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or(0)
}

/// The weights of text against definition, from three sets that have nothing to do with each other; a set
/// of many lanes or texts counts no more than another.
fn fit_pairs(root: &Path, blank: &[u8]) -> Result<Vec<f32>> {
    let pack = Pack::open(blank).context("the pack just written cannot be read")?;
    let mut sets = Vec::new();
    for shop in ["sofmattress", "curekart"] {
        let topics = data::hint3(root, shop)?;
        let leads: Vec<(Lead, usize)> =
            topics.train.into_iter().map(|(text, lane)| (data::bare(text), lane)).collect();
        sets.push(compare(&pack, &topics.lanes, &leads)?);
    }
    let lanes = data::standard_lanes(root)?;
    let mut leads = Vec::new();
    for name in AUTHORS {
        for inquiry in data::inquiries(&root.join(format!("data/inquiries/train/{name}.jsonl")))? {
            if let Some(lane) = lanes.iter().position(|lane| Some(&lane.id) == inquiry.lane.as_ref()) {
                leads.push((inquiry.lead, lane));
            }
        }
    }
    sets.push(compare(&pack, &lanes, &leads)?);

    let weights = minimise(vec![0.0; FEATURES], 200, |at, slope| {
        let mut loss = 0.25 * at.iter().map(|w| w * w).sum::<f64>();
        slope.iter_mut().zip(at).for_each(|(s, w)| *s = 0.5 * w);
        for set in &sets {
            let trust = 300.0 / set.len() as f64;
            for (rows, lane) in set {
                let mut shares: Vec<f64> =
                    rows.iter().map(|row| row.iter().zip(at).map(|(f, w)| f64::from(*f) * w).sum()).collect();
                let most = shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                shares.iter_mut().for_each(|share| *share = (*share - most).exp());
                let sum: f64 = shares.iter().sum();
                loss -= trust * (shares[*lane] / sum).max(1e-300).ln();
                for (class, row) in rows.iter().enumerate() {
                    let off = shares[class] / sum - f64::from(u8::from(class == *lane));
                    slope.iter_mut().zip(row).for_each(|(s, f)| *s += trust * off * f64::from(*f));
                }
            }
        }
        loss
    });
    Ok(weights.into_iter().map(|w| w as f32).collect())
}

type Compared = (Vec<[f32; FEATURES]>, usize);

fn compare(pack: &Pack, lanes: &[Lane], leads: &[(Lead, usize)]) -> Result<Vec<Compared>> {
    let model = TextModel::embedded();
    let embed = |texts: &[String]| texts.iter().flat_map(|text| model.embed(text)).collect::<Vec<f32>>();
    // No lane is standard here, so that all are judged by their definitions.
    let settings = Settings { standard_lanes: Some(BTreeMap::new()), ..Settings::default() };
    let bytes = prepare(&settings, lanes, pack, &embed).map_err(|failure| anyhow!("{failure:?}"))?;
    let prepared = Prepared::open(&bytes).context("the bytes just prepared cannot be read")?;
    let meanings = prepared.meanings.as_ref().context("definitions were not prepared")?;
    Ok(leads
        .iter()
        .map(|(lead, lane)| {
            let reading = Reading::of(lead, &pack.lexicon);
            let mut texts = vec![reading.whole().to_owned()];
            texts.extend(
                pairs::clauses(&reading).into_iter().map(|(from, to)| lead.text[from..to].to_owned()),
            );
            let vectors = embed(&texts);
            debug_assert_eq!(vectors.len(), texts.len() * DIMENSIONS);
            let spelling =
                ngrams::weighted(&ngrams::counts(reading.whole()), |bucket| meanings.rarity.at(bucket));
            let text =
                Text::new(&reading, &vectors, &spelling, spoken(&reading, &pack.lexicon), &pack.lexicon);
            (meanings.definitions.iter().map(|definition| definition.compare(&text)).collect(), *lane)
        })
        .collect())
}
