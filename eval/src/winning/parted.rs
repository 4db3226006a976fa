//! Tenants whose segments differ, and whose do not: how often a part of a model counts, and what is gained or lost by it.

use std::fmt::Write as _;

use anyhow::Result;
use lanewright_learning::deal::{Deal, Fields};
use lanewright_learning::logistic::chance;
use lanewright_learning::train::{Settings, train};
use lanewright_learning::win::WinModel;

use super::simulated::{Share, Tenant, best};
use super::{DAY, Page, sets};
use crate::data::Draw;

/// Tenants drawn a row.
const TENANTS: u64 = 60;
/// Leads asked about a tenant, each with every rep.
const LEADS: usize = 100;
/// Words of the field that tells segments apart.
const SEGMENTS: [&str; 3] = ["large", "mid", "small"];

const HEAD: &str = "
## Parts

60 tenants a row, as above, with three segments as frequent as each other, of which each has a rate of its own. Where they differ, every
effect of a rep and of a value is drawn anew for each of them; otherwise all are the same. Trained with and without parts by
segment, then asked about 100 new leads with every rep. Log loss is the one to be expected by the true chances; a part that counts where
segments do not differ is one too many.

| tenants | parts tried | that count | log loss, whole | with parts | regret, whole | with parts |
| --- | --- | --- | --- | --- | --- | --- |
";

/// Measures and writes.
pub(super) fn report(page: &mut Page) -> Result<()> {
    page.text.push_str(HEAD);
    for (name, deals, differ) in [
        ("1,000 deals, segments differ", 1_000, true),
        ("4,000 deals, segments differ", 4_000, true),
        ("1,000 deals, segments are alike", 1_000, false),
        ("4,000 deals, segments are alike", 4_000, false),
    ] {
        let (mut tried, mut counting) = (0, 0);
        let (mut whole, mut parted) = (Row::default(), Row::default());
        for seed in 0..TENANTS {
            let tenant = Segmented::drawn(seed, differ);
            let mut draw = Draw::seeded(2_000 + seed);
            let settings =
                Settings { trees: false, segment: Some("segment".to_owned()), ..Settings::default() };
            let model = train(&tenant.history(deals, &mut draw), &settings, 365 * DAY, None)?;
            let parts = model.segments().map_or(&[][..], |segments| &segments.parts);
            tried += parts.len();
            counting += parts.iter().filter(|part| part.counts).count();
            let leads = tenant.leads(&mut draw);
            parted.ask(&tenant, &model, &leads);
            let way = model.way();
            whole.ask(&tenant, &model.by(way), &leads);
        }
        writeln!(
            page.text,
            "| {name} | {tried} | {counting} | {:.4} | {:.4} | {:.2} | {:.2} |",
            whole.loss.of(),
            parted.loss.of(),
            100.0 * whole.regret.of(),
            100.0 * parted.regret.of()
        )?;
        let share = counting as f64 / tried.max(1) as f64;
        if !differ {
            let what = format!("{name}: {:.1} % of the parts count, at most 10 %", 100.0 * share);
            page.mark(what, share <= 0.1);
        }
    }
    Ok(())
}

/// A tenant a segment.
struct Segmented(Vec<Tenant>);

/// A segment and what else is known.
type Lead = (usize, Vec<usize>);

impl Segmented {
    fn drawn(seed: u64, differ: bool) -> Segmented {
        const SPREAD: f64 = 0.5;
        let first = Tenant::drawn(seed, SPREAD);
        let mut draw = Draw::seeded(3_000 + seed);
        let one = |_: &&str| {
            let mut tenant = first.again(SPREAD, &mut draw);
            let base = tenant.base + 0.5 * draw.normal();
            if !differ {
                tenant = first.clone();
            }
            tenant.base = base;
            tenant
        };
        Segmented(SEGMENTS.iter().map(one).collect())
    }

    fn lead(&self, draw: &mut Draw) -> Lead {
        let segment = draw.place(SEGMENTS.len());
        (segment, self.0[segment].lead(draw))
    }

    fn leads(&self, draw: &mut Draw) -> Vec<Lead> {
        (0..LEADS).map(|_| self.lead(draw)).collect()
    }

    fn fields(&self, (segment, lead): &Lead) -> Fields {
        let mut fields = self.0[*segment].fields(lead);
        fields.insert("segment".to_owned(), SEGMENTS[*segment].to_owned());
        fields
    }

    fn chance(&self, rep: usize, (segment, lead): &Lead) -> f64 {
        chance(self.0[*segment].logit(rep, lead))
    }

    fn history(&self, deals: usize, draw: &mut Draw) -> Vec<Deal> {
        let names = &self.0[0].names;
        let one = |_| {
            let lead = self.lead(draw);
            let rep = draw.place(names.len()).min(draw.place(2 * names.len()));
            let closed = (draw.share() * 365.0 * DAY as f64) as i64;
            let won = draw.share() < self.chance(rep, &lead);
            sets::deal(&names[rep], self.fields(&lead), closed - 20 * DAY, closed, won)
        };
        (0..deals).map(one).collect()
    }
}

#[derive(Default)]
struct Row {
    loss: Share,
    regret: Share,
}

impl Row {
    fn ask(&mut self, tenant: &Segmented, model: &WinModel, leads: &[Lead]) {
        let names: Vec<&str> = tenant.0[0].names.iter().map(String::as_str).collect();
        for lead in leads {
            let found = model.predict(&tenant.fields(lead), 365 * DAY, &names);
            let truth: Vec<f64> = (0..names.len()).map(|rep| tenant.chance(rep, lead)).collect();
            for (truth, found) in truth.iter().zip(&found) {
                let chance = found.chance();
                self.loss.note(-truth * libm::log(chance) - (1.0 - truth) * libm::log(1.0 - chance));
            }
            let most = truth.iter().copied().fold(0.0, f64::max);
            self.regret.note(most - truth[best(found.iter().map(|estimate| estimate.logit()))]);
        }
    }
}
