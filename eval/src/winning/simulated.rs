//! Tenants whose true chances are known: whether an 80 % interval holds the truth 80 times in 100, how far the
//! picked rep is from the best, and how long it takes.

use std::fmt::Write as _;
use std::time::Instant;

use anyhow::Result;
use lanewright_learning::deal::{Deal, Fields};
use lanewright_learning::logistic::chance;
use lanewright_learning::train::{Settings, train};
use lanewright_learning::win::{Way, WinModel};

use super::{DAY, Page, sets};
use crate::data::Draw;

/// Tenants drawn a row.
const TENANTS: u64 = 60;
/// Leads asked about a tenant, each with every rep.
const LEADS: usize = 100;

/// Measures and writes.
pub(super) fn report(page: &mut Page) -> Result<()> {
    page.text.push_str(INTERVALS);
    let mut held_in_all = Share::default();
    for (name, deals, spread) in [
        ("300 deals, reps differ a little", 300, 0.2),
        ("300 deals, reps differ", 300, 0.5),
        ("1,000 deals, reps differ a little", 1_000, 0.2),
        ("1,000 deals, reps differ", 1_000, 0.5),
        ("4,000 deals, reps differ", 4_000, 0.5),
    ] {
        let mut row = Row::default();
        for seed in 0..TENANTS {
            let tenant = Tenant::drawn(seed, spread);
            let mut draw = Draw::seeded(1_000 + seed);
            let model = train(
                &tenant.history(deals, &mut draw),
                &Settings { trees: false, ..Settings::default() },
                365 * DAY,
                None,
            )?;
            row.ask(&tenant, &model, &mut draw);
        }
        held_in_all.add(&row.held);
        writeln!(
            page.text,
            "| {name} | {:.1} % | {:.1} % | {:.2} | {:.2} | {:.2} | {:.2} |",
            100.0 * row.held.of(),
            100.0 * row.advantage.of(),
            100.0 * row.regret.of(),
            100.0 * row.cells.of(),
            100.0 * row.one.of(),
            100.0 * row.random.of()
        )?;
    }
    let held = 100.0 * held_in_all.of();
    page.mark(
        format!("80 % intervals hold the truth in {held:.1} % of all, 78 to 82 %"),
        (78.0..=82.0).contains(&held),
    );
    Ok(())
}

const INTERVALS: &str = "
## Simulated tenants

60 tenants a row, drawn from a seed: 15 to 40 reps, three fields of 4 to 12 values, a year of deals; fields, reps, and reps with
values each have true effects. Trained with the default settings, then asked about 100 new leads with every rep, whatever
the gates say. Regret is how many points of true win chance the picked rep is below the best.

| tenants | 80 % intervals that hold the true chance | of the rep's advantage | regret, model | regret, shrunk cells | regret, best rep overall | regret, drawn |
| --- | --- | --- | --- | --- | --- | --- |
";

/// A mean.
#[derive(Default)]
pub(super) struct Share {
    sum: f64,
    of: f64,
}

impl Share {
    pub(super) fn note(&mut self, value: f64) {
        self.sum += value;
        self.of += 1.0;
    }

    fn add(&mut self, other: &Share) {
        self.sum += other.sum;
        self.of += other.of;
    }

    pub(super) fn of(&self) -> f64 {
        self.sum / self.of
    }
}

#[derive(Default)]
struct Row {
    held: Share,
    advantage: Share,
    regret: Share,
    cells: Share,
    one: Share,
    random: Share,
}

impl Row {
    fn ask(&mut self, tenant: &Tenant, model: &WinModel, draw: &mut Draw) {
        let model = model.clone().by(Way::Logit);
        let names: Vec<&str> = tenant.names.iter().map(String::as_str).collect();
        let overall = |rep: &str| model.evidence(rep, &[]).map_or(0.0, |found| found.rate.mean());
        let one = best(names.iter().map(|rep| overall(rep)));
        for _ in 0..LEADS {
            let lead = tenant.lead(draw);
            let fields = tenant.fields(&lead);
            let at = draw.place(365) as i64 * DAY;
            let estimates = model.predict(&fields, at, &names);
            let truth: Vec<f64> = (0..names.len()).map(|rep| tenant.logit(rep, &lead)).collect();
            for (rep, (estimate, truth)) in estimates.iter().zip(&truth).enumerate() {
                let (low, high) = estimate.interval(0.8);
                self.held.note(f64::from(u8::from((low..=high).contains(&chance(*truth)))));
                let away = (estimate.rep - tenant.advantage(rep, &lead)).abs();
                self.advantage.note(f64::from(u8::from(away <= 1.2816 * estimate.rep_spread)));
            }
            let chances: Vec<f64> = truth.iter().map(|truth| chance(*truth)).collect();
            let most = chances.iter().copied().fold(0.0, f64::max);
            let of_cell = |rep: &&str| {
                let cell = |(name, value): (&String, &String)| model.evidence(rep, &[(name, value)]);
                let known: Vec<f64> = fields.iter().filter_map(cell).map(|found| found.rate.mean()).collect();
                if known.is_empty() { overall(rep) } else { known.iter().sum::<f64>() / known.len() as f64 }
            };
            self.regret.note(most - chances[best(estimates.iter().map(|estimate| estimate.logit()))]);
            self.cells.note(most - chances[best(names.iter().map(of_cell))]);
            self.one.note(most - chances[one]);
            self.random.note(most - chances.iter().sum::<f64>() / chances.len() as f64);
        }
    }
}

/// The place of the greatest value.
pub(super) fn best(values: impl Iterator<Item = f64>) -> usize {
    let best =
        values.enumerate().fold((0, f64::MIN), |best, value| if value.1 > best.1 { value } else { best });
    best.0
}

/// A tenant with true effects.
#[derive(Clone)]
pub(super) struct Tenant {
    pub(super) names: Vec<String>,
    pub(super) base: f64,
    /// By field, by value.
    fields: Vec<Vec<f64>>,
    /// By rep.
    reps: Vec<f64>,
    /// By rep, by field, by value.
    crossed: Vec<Vec<Vec<f64>>>,
}

impl Tenant {
    pub(super) fn drawn(seed: u64, spread: f64) -> Tenant {
        let mut draw = Draw::seeded(seed);
        let reps = 15 + draw.place(26);
        let sizes: Vec<usize> = (0..3).map(|_| 4 + draw.place(9)).collect();
        let mut effects =
            |count: usize, spread: f64| -> Vec<f64> { (0..count).map(|_| spread * draw.normal()).collect() };
        let fields = sizes.iter().map(|size| effects(*size, 0.5)).collect();
        let own = effects(reps, spread);
        let crossed =
            (0..reps).map(|_| sizes.iter().map(|size| effects(*size, 0.6 * spread)).collect()).collect();
        let base = -1.5 + 1.5 * draw.share();
        Tenant {
            names: (0..reps).map(|rep| format!("rep {rep:02}")).collect(),
            base,
            fields,
            reps: own,
            crossed,
        }
    }

    /// The same reps and values with other effects.
    pub(super) fn again(&self, spread: f64, draw: &mut Draw) -> Tenant {
        let mut effects =
            |of: &[f64], spread: f64| -> Vec<f64> { of.iter().map(|_| spread * draw.normal()).collect() };
        let crossed = |rep: &Vec<Vec<f64>>, effects: &mut dyn FnMut(&[f64], f64) -> Vec<f64>| {
            rep.iter().map(|values| effects(values, 0.6 * spread)).collect()
        };
        Tenant {
            names: self.names.clone(),
            base: self.base,
            fields: self.fields.iter().map(|values| effects(values, 0.5)).collect(),
            reps: effects(&self.reps, spread),
            crossed: self.crossed.iter().map(|rep| crossed(rep, &mut effects)).collect(),
        }
    }

    /// A lead: a value of each field, the first ones more often.
    pub(super) fn lead(&self, draw: &mut Draw) -> Vec<usize> {
        let mut value = |size: usize| draw.place(size).min(draw.place(size));
        self.fields.iter().map(|values| value(values.len())).collect()
    }

    pub(super) fn fields(&self, lead: &[usize]) -> Fields {
        ["channel", "industry", "size"]
            .iter()
            .zip(lead)
            .map(|(name, value)| ((*name).to_owned(), format!("{name} {value}")))
            .collect()
    }

    fn advantage(&self, rep: usize, lead: &[usize]) -> f64 {
        self.reps[rep] + self.crossed[rep].iter().zip(lead).map(|(values, value)| values[*value]).sum::<f64>()
    }

    pub(super) fn logit(&self, rep: usize, lead: &[usize]) -> f64 {
        let own: f64 = self.fields.iter().zip(lead).map(|(values, value)| values[*value]).sum();
        self.base + own + self.advantage(rep, lead)
    }

    /// A year of deals, each with a rep by chance, some with more than others.
    fn history(&self, deals: usize, draw: &mut Draw) -> Vec<Deal> {
        (0..deals)
            .map(|_| {
                let lead = self.lead(draw);
                let rep = draw.place(self.reps.len()).min(draw.place(2 * self.reps.len()));
                let closed = (draw.share() * 365.0 * DAY as f64) as i64;
                let won = draw.share() < chance(self.logit(rep, &lead));
                sets::deal(&self.names[rep], self.fields(&lead), closed - 20 * DAY, closed, won)
            })
            .collect()
    }
}

/// How long training and predicting take.
pub(super) fn times(page: &mut Page) -> Result<()> {
    let mut draw = Draw::seeded(3);
    let mut tenant = Tenant::drawn(3, 0.4);
    let sizes: Vec<usize> = tenant.fields.iter().map(Vec::len).collect();
    tenant.names = (0..500).map(|rep| format!("rep {rep:03}")).collect();
    tenant.reps = (0..500).map(|_| 0.4 * draw.normal()).collect();
    tenant.crossed = (0..500)
        .map(|_| sizes.iter().map(|size| (0..*size).map(|_| 0.3 * draw.normal()).collect()).collect())
        .collect();
    let deals = tenant.history(100_000, &mut draw);
    let clock = Clock::start();
    let alone = train(&deals, &Settings { trees: false, ..Settings::default() }, 365 * DAY, None)?;
    let without = clock.seconds();
    let clock = Clock::start();
    let model = train(&deals, &Settings::default(), 365 * DAY, None)?;
    let with = clock.seconds();
    let clock = Clock::start();
    let parted = train(
        &deals,
        &Settings { segment: Some("size".to_owned()), ..Settings::default() },
        365 * DAY,
        None,
    )?;
    let by_part = clock.seconds();
    let tried = parted.segments().map_or(0, |segments| segments.parts.len());
    let names: Vec<&str> = tenant.names.iter().map(String::as_str).collect();
    let mut each = |model: &WinModel| {
        let leads: Vec<Fields> = (0..1_000).map(|_| tenant.fields(&tenant.lead(&mut draw))).collect();
        let clock = Clock::start();
        let sum: f64 = leads.iter().map(|fields| model.predict(fields, 0, &names)[7].rep).sum();
        std::hint::black_box(sum);
        clock.seconds()
    };
    let (logit, trees) = (each(&alone.by(Way::Logit)), each(&model.clone().by(Way::Trees)));
    let bytes = model.to_bytes()?.len() as f64 / 1e6;
    write!(
        page.text,
        "\n## Time\n\nOn one core, for 100,000 deals of 500 reps with three fields: {without:.1} s to train with all that is held \
         out, {with:.1} s with trees as well, {by_part:.1} s with {tried} parts as well. One lead with 500 reps: {logit:.2} ms; with {} {trees:.2} ms. The model is {bytes:.1} MB.\n",
        if model.report().best == Way::Trees { "trees" } else { "the same, as trees did not win," },
    )?;
    page.mark(format!("100,000 deals are learned from in {with:.1} s, under 10 s"), with < 10.0);
    page.mark(
        format!(
            "100,000 deals are learned from in {tried} parts and as a whole in {by_part:.1} s, under 30 s"
        ),
        by_part < 30.0,
    );
    page.mark(format!("500 reps are asked about in {logit:.2} ms, under 0.5 ms"), logit < 0.5);
    Ok(())
}

/// Time that this thread had a processor, where the system tells (Linux), so that a busy machine is not blamed on
/// the model; otherwise time that went by.
struct Clock {
    start: Instant,
    busy: Option<f64>,
}

impl Clock {
    fn start() -> Clock {
        Clock { start: Instant::now(), busy: busy() }
    }

    fn seconds(&self) -> f64 {
        match (self.busy, busy()) {
            (Some(before), Some(now)) => now - before,
            _ => self.start.elapsed().as_secs_f64(),
        }
    }
}

/// Seconds of processor time so far.
fn busy() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(text.split_whitespace().next()?.parse::<f64>().ok()? / 1e9)
}
