//! Tenants whose truth is known, where segments differ and where they do not; and laws that hold for any deals.

use proptest::prelude::*;

use super::*;
use crate::deal::{Deal, Outcome};
use crate::logistic::chance;
use crate::train::Settings;
use crate::train::train;
use crate::win::{ModelError, WinModel};

const DAY: i64 = 86_400_000;
const NOW: i64 = 365 * DAY;
const REPS: usize = 8;
const INDUSTRIES: usize = 4;
const SIZES: [&str; 3] = ["large", "mid", "small"];

struct Draw(u64);

impl Draw {
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn place(&mut self, of: usize) -> usize {
        (self.share() * of as f64) as usize
    }

    /// Twelve draws make a bell that is good enough here.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }
}

/// By size, rep and industry the true logit.
struct Tenant(Vec<[[f64; INDUSTRIES]; REPS]>);

impl Tenant {
    /// Sizes have levels of their own; where they are `apart`, all else works differently with each of them.
    fn drawn(seed: u64, apart: bool) -> Tenant {
        let mut draw = Draw(seed);
        // Neighbouring seeds draw alike at first.
        draw.0 = draw.0.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (0..9).for_each(|_| {
            draw.share();
        });
        let mut effects = || {
            let industry: [f64; INDUSTRIES] = std::array::from_fn(|_| 0.8 * draw.normal());
            std::array::from_fn(|_| {
                let rep = 0.6 * draw.normal();
                std::array::from_fn(|place| industry[place] + rep + 0.4 * draw.normal())
            })
        };
        let same: [[f64; INDUSTRIES]; REPS] = effects();
        let all = SIZES.iter().map(|_| if apart { effects() } else { same });
        let level = |(place, of): (usize, [[f64; INDUSTRIES]; REPS])| {
            of.map(|rep| rep.map(|logit| logit - 1.0 + 0.5 * place as f64))
        };
        Tenant(all.enumerate().map(level).collect())
    }

    fn deals(&self, number: usize, draw: &mut Draw) -> Vec<Deal> {
        let one = |_| {
            let (size, rep, industry) = (draw.place(SIZES.len()), draw.place(REPS), draw.place(INDUSTRIES));
            let closed = (draw.share() * NOW as f64) as i64;
            let won = draw.share() < chance(self.0[size][rep][industry]);
            Deal {
                rep: Some(format!("rep {rep}")),
                fields: fields(SIZES[size], industry),
                opened: closed - 20 * DAY,
                outcome: if won { Outcome::Won { closed } } else { Outcome::Lost { closed } },
                value: None,
            }
        };
        (0..number).map(one).collect()
    }

    /// The mean log loss to be expected, and how many points of chance the best rep by the model is below the best, over all
    /// leads there can be.
    fn judged(&self, model: &WinModel) -> (f64, f64) {
        let names: Vec<String> = (0..REPS).map(|rep| format!("rep {rep}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (mut loss, mut regret, mut leads) = (0.0, 0.0, 0.0);
        for (size, of) in SIZES.iter().zip(&self.0) {
            for industry in 0..INDUSTRIES {
                let found = model.predict(&fields(size, industry), NOW, &names);
                let truth: Vec<f64> = of.iter().map(|rep| chance(rep[industry])).collect();
                let best = (0..REPS).max_by(|a, b| found[*a].logit().total_cmp(&found[*b].logit()));
                let most = truth.iter().copied().fold(0.0, f64::max);
                regret += 100.0 * (most - truth[best.unwrap_or(0)]);
                let one = |(truth, found): (&f64, &crate::model::Estimate)| {
                    -truth * libm::log(found.chance()) - (1.0 - truth) * libm::log(1.0 - found.chance())
                };
                loss += truth.iter().zip(&found).map(one).sum::<f64>() / REPS as f64;
                leads += 1.0;
            }
        }
        (loss / leads, regret / leads)
    }
}

fn fields(size: &str, industry: usize) -> Fields {
    Fields::from([
        ("industry".to_owned(), format!("industry {industry}")),
        ("size".to_owned(), size.to_owned()),
    ])
}

fn by_size() -> Settings {
    Settings { segment: Some("size".to_owned()), trees: false, ..Settings::default() }
}

fn trained(deals: &[Deal], settings: &Settings) -> WinModel {
    train(deals, settings, NOW, None).expect("settings of days")
}

/// Of tenants drawn from as many seeds: parts that were tried and those that count, then log loss and regret of the whole and
/// with parts.
fn over(seeds: u64, deals: usize, apart: bool) -> ((usize, usize), [f64; 2], [f64; 2]) {
    let (mut parts, mut whole, mut with) = ((0, 0), [0.0; 2], [0.0; 2]);
    for seed in 0..seeds {
        let tenant = Tenant::drawn(seed, apart);
        let model = trained(&tenant.deals(deals, &mut Draw(1_000 + seed)), &by_size());
        let told = model.segments().expect("by segment");
        parts.0 += told.parts.len();
        parts.1 += told.parts.iter().filter(|part| part.counts).count();
        let add = |to: &mut [f64; 2], (loss, regret): (f64, f64)| {
            to[0] += loss / seeds as f64;
            to[1] += regret / seeds as f64;
        };
        add(&mut with, tenant.judged(&model));
        let way = model.way();
        add(&mut whole, tenant.judged(&model.by(way)));
    }
    (parts, whole, with)
}

/// Docs tell the figures of more tenants; `cargo xtask eval learning` measures them.
#[test]
fn parts_count_where_segments_differ_and_hardly_ever_where_they_do_not() {
    let ((tried, counting), whole, with) = over(12, 1_500, true);
    assert!(tried == 36 && counting >= 18, "{counting} of {tried}");
    assert!(with[0] < whole[0] - 0.01 && with[1] < whole[1], "{with:?} beside {whole:?}");
    let ((tried, counting), whole, with) = over(12, 1_500, false);
    assert!(tried == 36 && counting <= 4, "{counting} of {tried}");
    assert!(with[0] < whole[0] + 0.002, "{with:?} beside {whole:?}");
}

#[test]
fn the_part_of_a_word_speaks_and_the_whole_for_every_other() {
    let tenant = Tenant::drawn(1, true);
    let deals = tenant.deals(3_000, &mut Draw(5));
    let model = trained(&deals, &by_size());
    let told = model.segments().expect("by segment");
    assert!(told.parts.iter().any(|part| part.counts), "{told:?}");
    let whole = model.clone().by(model.way());
    let mut without = fields("any", 1);
    without.remove("size");
    for (lead, word) in SIZES
        .map(|size| (fields(size, 1), Some(size)))
        .into_iter()
        .chain([(fields("unheard of", 1), None), (without, None)])
    {
        let part = model.part(&lead);
        let counts = told.parts.iter().any(|part| part.counts && Some(part.word.as_str()) == word);
        assert_eq!(part.map(|part| part.word.as_str()), word.filter(|_| counts));
        for rep in ["rep 0", "rep 3", "nobody"] {
            let found = model.predict(&lead, NOW, &[rep])[0];
            assert_eq!(found != whole.predict(&lead, NOW, &[rep])[0], counts, "{word:?}");
            let factors = model.explain(&lead, NOW, rep);
            let sum = |of_rep| -> f64 {
                factors
                    .iter()
                    .filter(|factor| factor.cause.of_rep() == of_rep)
                    .map(|factor| factor.effect)
                    .sum()
            };
            assert_eq!((sum(false), sum(true)), (found.lead, found.rep));
        }
        let nobody = model.predict(&lead, NOW, &["nobody"])[0];
        assert_eq!(model.lead(&lead, NOW), nobody);
        // Records are of all deals.
        assert_eq!(model.evidence("rep 3", &[]), whole.evidence("rep 3", &[]));
    }
    // Newer deals are held against what is said, and so is what they are compared with.
    let without = trained(&deals, &Settings { segment: None, ..by_size() });
    let (with, without) = (model.report().baseline, without.report().baseline);
    assert!(with.loss.mean < without.loss.mean, "{with:?} beside {without:?}");
}

#[test]
fn a_part_may_pass_where_the_whole_fails() {
    let mut draw = Draw(3);
    let deals: Vec<Deal> = (0..1_800)
        .map(|number| {
            let (size, rep) = (SIZES[number % 3], draw.place(4));
            let strong = 0.2 + 0.2 * rep as f64;
            let share = [strong, 1.0 - strong, 0.5][number % 3];
            let closed = (draw.share() * NOW as f64) as i64;
            let won = draw.share() < share;
            Deal {
                rep: Some(format!("rep {rep}")),
                fields: fields(size, 0),
                opened: closed - 20 * DAY,
                outcome: if won { Outcome::Won { closed } } else { Outcome::Lost { closed } },
                value: None,
            }
        })
        .collect();
    // Without effects of a rep with a size, all reps are alike on the whole.
    let model = trained(&deals, &Settings { by_segment: false, ..by_size() });
    let said: Vec<Way> = SIZES.iter().map(|size| model.way_for(&fields(size, 0))).collect();
    assert_eq!((model.way(), &*said), (Way::Rate, &[Way::Logit, Way::Logit, Way::Rate][..]));
    let flat = model.predict(&fields(SIZES[2], 0), NOW, &["rep 0", "rep 3"]);
    assert_eq!(flat[0], flat[1]);
    // Only what is said can be wrong.
    let later: Vec<Deal> = deals
        .iter()
        .map(|deal| Deal { outcome: Outcome::Won { closed: NOW + DAY }, ..deal.clone() })
        .collect();
    assert_eq!(model.watch(&later, 2 * NOW).map(|watch| watch.closed), Some(1_200));
    assert_eq!(model.clone().by(Way::Rate).watch(&later, 2 * NOW), None);
}

#[test]
fn ten_words_with_deals_enough_are_tried() {
    let check = |words: &[usize], field: &str, expected: &[&str], others: u64| {
        let number = |(word, deals): (usize, &usize)| (0..*deals).map(move |place| (word, place));
        let deals: Vec<Deal> = words
            .iter()
            .enumerate()
            .flat_map(number)
            .map(|(word, place)| {
                let closed = place as i64 * DAY / 2;
                let won = place % 3 == 0;
                Deal {
                    rep: None,
                    fields: fields(&format!("{word:02}"), 0),
                    opened: closed,
                    outcome: if won { Outcome::Won { closed } } else { Outcome::Lost { closed } },
                    value: None,
                }
            })
            .collect();
        let settings = Settings { half_life_days: None, segment: Some(field.to_owned()), ..by_size() };
        let model = trained(&deals, &settings);
        let told = model.segments().expect("by segment");
        let found: Vec<&str> = told.parts.iter().map(|part| part.word.as_str()).collect();
        assert_eq!((&*found, told.others), (expected, others), "{words:?}");
        assert!(told.parts.iter().all(|part| part.deals as f64 == part.gates.effective));
        let bytes = model.to_bytes().expect("encodes");
        assert_eq!(WinModel::from_bytes(&bytes), Ok(model));
    };
    check(&[], "size", &[], 0);
    check(&[99, 100, 120], "size", &["02", "01"], 1);
    check(&[120, 120], "shoe", &[], 0);
    check(&[110; 12], "size", &["00", "01", "02", "03", "04", "05", "06", "07", "08", "09"], 2);
}

#[test]
fn damaged_parts_are_refused() {
    let model = trained(&Tenant::drawn(1, true).deals(1_500, &mut Draw(5)), &by_size());
    let bytes = model.to_bytes().expect("encodes");
    assert_eq!(WinModel::from_bytes(&bytes).as_ref(), Ok(&model));
    let whole = model.clone().by(model.way()).to_bytes().expect("encodes");
    let check = |bytes: &[u8]| {
        let found = WinModel::from_bytes(bytes);
        assert!(matches!(found, Err(ModelError::Damaged { .. })), "{} bytes", bytes.len());
    };
    for cut in [5, whole.len() - 1, whole.len(), whole.len() + 9, bytes.len() - 1] {
        check(&bytes[..cut]);
    }
    check(&[&bytes[..], &[0]].concat());
    // Parts behind a whole that names none.
    check(&[&whole[..4], &bytes[4..]].concat());
    let broken = |break_it: fn(&mut Parts)| {
        let mut broken = model.clone();
        broken.parts.as_mut().map(break_it).expect("parts");
        check(&broken.to_bytes().expect("encodes"));
    };
    broken(|parts| drop(parts.told.parts.pop()));
    broken(|parts| parts.fitted.iter_mut().for_each(|fitted| *fitted = None));
    broken(|parts| {
        parts.fitted.iter_mut().flatten().for_each(|fitted| drop(fitted.names.reps.pop()));
    });
}

/// Deals of small numbers: size, rep, industry, won; each closed at a time of its own.
fn rows() -> impl Strategy<Value = Vec<(usize, usize, usize, bool)>> {
    let likely = prop_oneof![Just(false), Just(true)];
    prop::collection::vec((0..3_usize, 0..5_usize, 0..3_usize, likely), 1..400)
}

fn deals(rows: &[(usize, usize, usize, bool)]) -> Vec<Deal> {
    let one = |(place, (size, rep, industry, won)): (usize, &(usize, usize, usize, bool))| {
        let closed = place as i64 * DAY / 3;
        let mut fields = fields(SIZES[*size], *industry);
        // The smallest are not told apart by industry, and not all have one of four reps.
        fields.retain(|name, _| name != "industry" || *size < 2);
        Deal {
            rep: (*rep < 4).then(|| format!("rep {}", rep + size)),
            fields,
            opened: closed - (10 + 30 * *size as i64) * DAY,
            outcome: if *won { Outcome::Won { closed } } else { Outcome::Lost { closed } },
            value: None,
        }
    };
    rows.iter().enumerate().map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The order of the deals never matters, and parts leave the whole as it is.
    #[test]
    fn same_deals_same_bytes(rows in rows(), (seed, back) in (any::<u64>(), any::<bool>())) {
        let deals = deals(&rows);
        let model = trained(&deals, &by_size());
        let mut other = deals.clone();
        let mut draw = Draw(seed);
        (1..other.len()).for_each(|place| other.swap(place, draw.place(place + 1)));
        if back {
            other.reverse();
        }
        prop_assert_eq!(trained(&other, &by_size()).to_bytes(), model.to_bytes());
        let alone = trained(&deals, &Settings { segment: None, ..by_size() });
        let mut whole = model.clone().by(model.way());
        whole.report.baseline = alone.report.baseline;
        prop_assert_eq!(whole.to_bytes(), alone.to_bytes());
    }

    /// A part is learned from what a tenant would have who had no other deals.
    #[test]
    fn a_part_is_a_table_of_its_own(rows in rows(), size in 0..3_usize) {
        let deals = deals(&rows);
        let table = |deals: &[Deal]| Table::new(deals, NOW, 365.0, 180.0);
        let all = table(&deals);
        let own = |deal: &&Deal| deal.fields["size"] == SIZES[size];
        let without = |deal: &Deal| {
            let mut deal = deal.clone();
            deal.fields.remove("size");
            deal
        };
        let alone = table(&deals.iter().filter(own).map(without).collect::<Vec<Deal>>());
        let (words, others) = words(&all, "size");
        let rows: Vec<usize> = (0..all.len()).filter(|row| deals[*row].fields["size"] == SIZES[size]).collect();
        prop_assert_eq!(format!("{:?}", all.part(&rows, "size")), format!("{alone:?}"));
        let effective = alone.effective();
        prop_assert_eq!(all.effective_of(&rows), effective);
        let found = words.iter().find(|(word, _)| word == SIZES[size]).map(|(_, rows)| rows);
        prop_assert_eq!(found, (effective >= ENOUGH).then_some(&rows));
        prop_assert!(words.len() as u64 + others <= 3);
    }
}
