//! How near to the optimum leads are routed one at a time where capacity is scarce: makes `docs/scarcity.md`.
//!
//! Instances are drawn from a seed: reps with a fit for each kind of lead and a number of leads they can
//! take in a week, and the leads of two weeks. A [`Way`] routes them one after another; the best assignment
//! of the whole second week at once is what 100 % means.

use std::fmt::Write as _;

use anyhow::{Result, ensure};
use jiff::Timestamp;

use crate::data::Draw;
use crate::pacing::{Pacing, Price};

/// Instances a row.
const SEEDS: u64 = 24;
/// Leads a week.
const LEADS: usize = 400;
const REPS: usize = 20;
const KINDS: usize = 6;
/// All capacity over all leads.
const SUPPLIES: [f64; 4] = [0.7, 0.9, 1.0, 1.2];
/// Monday, 5 January 2026, 0:00 UTC.
const MONDAY: i64 = 1_767_571_200;
const WEEK: f64 = 7.0 * 86_400.0;

/// The page, as Markdown.
pub(crate) fn report() -> Result<String> {
    let mut page = HEAD.to_owned();
    let mut worse = Worse::default();
    for supply in SUPPLIES {
        heading(
            &mut page,
            &format!("Capacity for {:.0} % of the leads", supply * 100.0),
            "",
            "leads come",
            &WAYS,
        );
        for order in Order::ALL {
            row(&mut page, order.name(), &instances(order, Values::LogNormal, supply), &WAYS, &mut worse)?;
        }
    }
    page.push_str(&worse.told());
    heading(&mut page, "Values of leads", VALUES, "values, leads come, capacity", &VALUED);
    for values in Values::ALL {
        for (order, supply) in [(Order::Random, 1.0), (Order::Blocks, 1.2), (Order::Blocks, 1.5)] {
            let name = format!("{}, {}, {:.0} %", values.name(), order.name(), supply * 100.0);
            row(&mut page, &name, &instances(order, values, supply), &VALUED, &mut Worse::default())?;
        }
    }
    heading(&mut page, "What the tenant expects", EXPECTED, "expected", &EXPECTATIONS);
    for (expected, name) in
        [(0.5, "half"), (0.7, "30 % too few"), (1.0, "right"), (1.3, "30 % too many"), (2.0, "twice")]
    {
        for order in [Order::Random, Order::Blocks] {
            let ways = EXPECTATIONS.map(|(title, way)| (title, Way { expected, ..way }));
            let name = format!("{name}, leads {}", order.name());
            row(&mut page, &name, &instances(order, Values::LogNormal, 1.0), &ways, &mut Worse::default())?;
        }
    }
    heading(&mut page, "Steps", STEPS, "leads come, capacity", &CONSTANTS);
    for order in [Order::Random, Order::Blocks] {
        for supply in [0.9, 1.2] {
            let name = format!("{}, {:.0} %", order.name(), supply * 100.0);
            row(
                &mut page,
                &name,
                &instances(order, Values::LogNormal, supply),
                &CONSTANTS,
                &mut Worse::default(),
            )?;
        }
    }
    Ok(page)
}

/// How leads are routed one at a time.
#[derive(Debug, Clone, Copy)]
struct Way {
    law: Law,
    /// Whether prices begin as the week before left them.
    carried: bool,
    /// Whether a lead may be turned away.
    hold: bool,
    /// What the tenant expects, over what comes.
    expected: f64,
    /// Of the step, over the host's own.
    step: f64,
    /// Whether it knows what leads are worth.
    valued: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Law {
    /// The highest total.
    Greedy,
    /// The highest total by 1 − e^(−share of capacity left).
    Balance,
    /// Dual descent as in the paper, Euclidean, ρ fixed.
    Fixed,
    /// The same with the entropic reference function: prices are multiplied.
    Entropic,
    /// The host's.
    Paced,
}

const GREEDY: Way =
    Way { law: Law::Greedy, carried: false, hold: false, expected: 1.0, step: 1.0, valued: true };
const COLD: Way = Way { law: Law::Paced, ..GREEDY };
const PACED: Way = Way { carried: true, ..COLD };
const HOLD: Way = Way { hold: true, ..PACED };

const WAYS: [(&str, Way); 8] = [
    ("greedy", GREEDY),
    ("balance", Way { law: Law::Balance, ..GREEDY }),
    ("fixed ρ", Way { law: Law::Fixed, ..GREEDY }),
    ("entropic", Way { law: Law::Entropic, ..GREEDY }),
    ("first week", COLD),
    ("**priced**", PACED),
    ("first week, hold", Way { hold: true, ..COLD }),
    ("**priced, hold**", HOLD),
];
const VALUED: [(&str, Way); 4] = [
    ("greedy", GREEDY),
    ("values unknown", Way { valued: false, ..PACED }),
    ("priced", PACED),
    ("priced, hold", HOLD),
];
const EXPECTATIONS: [(&str, Way); 3] = [("greedy", GREEDY), ("priced", PACED), ("priced, hold", HOLD)];
const CONSTANTS: [(&str, Way); 6] = [
    ("greedy", GREEDY),
    ("a quarter", Way { step: 0.25, ..PACED }),
    ("half", Way { step: 0.5, ..PACED }),
    ("the host's", PACED),
    ("twice", Way { step: 2.0, ..PACED }),
    ("four times", Way { step: 4.0, ..PACED }),
];

/// In which order leads come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Random,
    Rising,
    Early,
    Office,
    Blocks,
    CheapFirst,
}

impl Order {
    const ALL: [Order; 6] =
        [Order::Random, Order::Rising, Order::Early, Order::Office, Order::Blocks, Order::CheapFirst];

    fn name(self) -> &'static str {
        match self {
            Order::Random => "at random, evenly",
            Order::Rising => "with rising values",
            Order::Early => "most of them early",
            Order::Office => "in office hours only",
            Order::Blocks => "one kind after another",
            Order::CheapFirst => "the cheapest first",
        }
    }

    /// When the lead at this share of the week's leads comes, as a share of the week.
    fn when(self, share: f64) -> f64 {
        match self {
            // Half of them in the first quarter.
            Order::Early => share * share,
            Order::Office => {
                let day = (share * 5.0).floor();
                (day + (9.0 + 8.0 * (share * 5.0 - day)) / 24.0) / 7.0
            }
            _ => share,
        }
    }
}

/// What leads are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Values {
    Alike,
    LogNormal,
    Pareto,
}

impl Values {
    const ALL: [Values; 3] = [Values::Alike, Values::LogNormal, Values::Pareto];

    fn name(self) -> &'static str {
        match self {
            Values::Alike => "all alike",
            Values::LogNormal => "log-normal, σ 1.2",
            Values::Pareto => "Pareto, α 1.5",
        }
    }

    fn draw(self, draw: &mut Draw) -> f64 {
        match self {
            Values::Alike => 1.0,
            Values::LogNormal => (1.2 * draw.normal() - 0.72).exp(),
            Values::Pareto => (1.0 - draw.share()).powf(-1.0 / 1.5) / 3.0,
        }
    }
}

struct Lead {
    kind: usize,
    /// Over an ordinary lead's.
    value: f64,
    /// Of each rep, 0 to 100; `None` where they may not have it.
    totals: Vec<Option<f64>>,
    /// Share of the week.
    when: f64,
}

struct Instance {
    before: Vec<Lead>,
    leads: Vec<Lead>,
    capacity: Vec<u32>,
    /// Total by value of the best assignment.
    optimum: f64,
    /// The same of the leads that come while there is capacity, all that a way without hold can give away.
    first: f64,
}

fn instances(order: Order, values: Values, supply: f64) -> Vec<Instance> {
    (0..SEEDS).map(|seed| instance(seed, order, values, supply)).collect()
}

fn instance(seed: u64, order: Order, values: Values, supply: f64) -> Instance {
    let draw = &mut Draw::seeded(seed + 1);
    let skill: Vec<f64> = (0..REPS).map(|_| 8.0 * draw.normal()).collect();
    let special: Vec<usize> = (0..REPS).map(|_| (draw.share() * KINDS as f64) as usize).collect();
    let barred: Vec<[bool; KINDS]> =
        (0..REPS).map(|_| std::array::from_fn(|_| draw.share() < 0.25)).collect();
    let sizes: Vec<f64> = (0..REPS).map(|_| 0.4 + 1.2 * draw.share()).collect();
    let unit = supply * LEADS as f64 / sizes.iter().sum::<f64>();
    let capacity: Vec<u32> = sizes.iter().map(|size| (size * unit).round() as u32).collect();
    let mut week = || {
        let mut leads: Vec<Lead> = (0..LEADS)
            .map(|_| {
                // The first kind is the most frequent.
                let kind = ((draw.share() * draw.share()) * KINDS as f64) as usize;
                let value = values.draw(draw);
                let totals = (0..REPS).map(|rep| {
                    let own = if special[rep] == kind { 25.0 } else { 0.0 };
                    let total = (45.0 + skill[rep] + own + 8.0 * draw.normal()).clamp(1.0, 100.0);
                    (special[rep] == kind || !barred[rep][kind]).then_some(total)
                });
                Lead { kind, value, totals: totals.collect(), when: 0.0 }
            })
            .collect();
        match order {
            Order::Blocks => leads.sort_by_key(|lead| lead.kind),
            Order::CheapFirst => leads.sort_by(|a, b| a.value.total_cmp(&b.value)),
            _ => {}
        }
        for (place, lead) in leads.iter_mut().enumerate() {
            let share = place as f64 / LEADS as f64;
            lead.when = order.when(share);
            if order == Order::Rising {
                lead.value *= 0.5 + share;
            }
        }
        leads
    };
    let (before, leads) = (week(), week());
    let places = capacity.iter().sum::<u32>() as usize;
    let optimum = best(&leads, &capacity);
    let first = best(&leads[..places.min(LEADS)], &capacity);
    Instance { before, leads, capacity, optimum, first }
}

/// The most that an assignment of all at once can reach: leads are added one by one, each by the path of
/// moves between reps that gains most, which keeps every step optimal (successive shortest paths).
///
/// It is not the host's solver, so that neither is measured by itself.
fn best(leads: &[Lead], capacity: &[u32]) -> f64 {
    // Whole numbers, so that gains compare exactly.
    let worth = |lead: usize, rep: usize| {
        leads[lead].totals[rep].map(|total| (total * leads[lead].value * 1000.0).round() as i64)
    };
    let mut has: Vec<Vec<usize>> = vec![Vec::new(); REPS];
    let mut sum = 0;
    for new in 0..leads.len() {
        // The best gain that ends with each rep having one lead more, and the move it ends with.
        let mut gain: Vec<Option<i64>> = (0..REPS).map(|rep| worth(new, rep)).collect();
        let mut last: Vec<Option<(usize, usize)>> = vec![None; REPS];
        let mut moves = Vec::new();
        for (from, theirs) in has.iter().enumerate() {
            for to in (0..REPS).filter(|&to| to != from) {
                let gains =
                    theirs.iter().filter_map(|&lead| Some((worth(lead, to)? - worth(lead, from)?, lead)));
                moves.extend(gains.max().map(|(gain, lead)| (from, to, gain, lead)));
            }
        }
        let mut changed = true;
        while changed {
            changed = false;
            for &(from, to, more, lead) in &moves {
                let found = gain[from].map(|gain| gain + more);
                if found > gain[to] {
                    (gain[to], last[to], changed) = (found, Some((from, lead)), true);
                }
            }
        }
        let ends = (0..REPS).filter_map(|rep| {
            let room = (has[rep].len() as u32) < capacity[rep];
            let dropped = has[rep].iter().filter_map(|&lead| Some((worth(lead, rep)?, lead))).min();
            match (room, dropped) {
                (true, _) => Some((gain[rep]?, rep, None)),
                (false, Some((loss, lead))) => Some((gain[rep]? - loss, rep, Some(lead))),
                (false, None) => None,
            }
        });
        let Some((gained, mut rep, dropped)) = ends.max().filter(|(gained, ..)| *gained > 0) else {
            continue;
        };
        sum += gained;
        has[rep].retain(|&lead| Some(lead) != dropped);
        while let Some((from, lead)) = last[rep] {
            has[from].retain(|&other| other != lead);
            has[rep].push(lead);
            rep = from;
        }
        has[rep].push(new);
    }
    sum as f64 / 1000.0
}

impl Way {
    /// Total by value of the second week, over the optimum.
    fn share(self, instance: &Instance) -> f64 {
        let mut prices =
            Prices { way: self, kept: vec![Price::default(); REPS], multiplied: vec![10.0; REPS] };
        if self.carried {
            prices.week(&instance.before, &instance.capacity, MONDAY);
        }
        prices.week(&instance.leads, &instance.capacity, MONDAY + WEEK as i64) / instance.optimum
    }
}

/// The prices of a way, week after week.
struct Prices {
    way: Way,
    kept: Vec<Price>,
    /// Of [`Law::Entropic`].
    multiplied: Vec<f64>,
}

impl Prices {
    fn week(&mut self, leads: &[Lead], capacity: &[u32], start: i64) -> f64 {
        let expected = (leads.len() as f64 * self.way.expected).round();
        let step = self.way.step * Pacing::step_for(expected as u32);
        let pacing = Pacing { days: 7, step, ordinary: self.way.valued.then_some(1.0), hold: self.way.hold };
        let mut room = capacity.to_vec();
        let mut sum = 0.0;
        for lead in leads {
            let now = Timestamp::from_second(start + (lead.when * WEEK) as i64).unwrap_or_default();
            let mut pick: Option<(usize, f64)> = None;
            for (rep, total) in lead.totals.iter().enumerate() {
                let Some(total) = total.filter(|_| room[rep] > 0) else { continue };
                let left = f64::from(room[rep]) / f64::from(capacity[rep]);
                let price = match self.way.law {
                    Law::Greedy | Law::Balance => 0.0,
                    Law::Fixed => self.kept[rep].points,
                    Law::Entropic => self.multiplied[rep],
                    Law::Paced => pacing.price(self.kept[rep], room[rep], now),
                };
                let priced = match self.way.law {
                    Law::Balance => total * (1.0 - (-left).exp()),
                    _ => total - pacing.price_for(price, Some(lead.value)),
                };
                if pick.is_none_or(|(_, best)| priced > best) {
                    pick = Some((rep, priced));
                }
            }
            let pick = pick.filter(|(_, priced)| !self.way.hold || *priced >= 0.0).map(|(rep, _)| rep);
            for (rep, room) in capacity.iter().enumerate() {
                let ahead = f64::from(u8::from(pick == Some(rep))) - f64::from(*room) / expected;
                match self.way.law {
                    Law::Fixed => self.kept[rep].points = (self.kept[rep].points + step * ahead).max(0.0),
                    Law::Entropic => {
                        self.multiplied[rep] = (self.multiplied[rep] * (0.1 * step * ahead).exp()).max(0.01);
                    }
                    _ => {}
                }
            }
            if let Some(rep) = pick {
                if self.way.law == Law::Paced {
                    self.kept[rep] = pacing.after(self.kept[rep], room[rep], now);
                }
                room[rep] -= 1;
                sum += lead.totals[rep].unwrap_or(0.0) * lead.value;
            }
        }
        sum
    }
}

/// How often the host's law does worse than greedy.
#[derive(Default)]
struct Worse {
    of: usize,
    worse: usize,
    most: f64,
    where_: String,
}

impl Worse {
    fn count(&mut self, name: &str, greedy: f64, priced: f64) {
        self.of += 1;
        if priced < greedy {
            self.worse += 1;
            if greedy - priced > self.most {
                self.most = greedy - priced;
                self.where_ = name.to_owned();
            }
        }
    }

    fn told(&self) -> String {
        let Worse { of, worse, most, where_ } = self;
        format!(
            "\nOf the {of} instances above, *priced* did worse than *greedy* in {worse} ({:.1} %), at most by {:.1} \
             points, with leads {where_}.\n",
            100.0 * *worse as f64 / (*of).max(1) as f64,
            100.0 * most
        )
    }
}

fn heading(page: &mut String, title: &str, note: &str, first: &str, ways: &[(&str, Way)]) {
    let _ = write!(page, "\n## {title}\n\n{note}| {first} |");
    for (name, _) in ways {
        let _ = write!(page, " {name} |");
    }
    page.push_str(" the first that come |\n| --- |");
    page.push_str(&" --- |".repeat(ways.len() + 1));
    page.push('\n');
}

fn row(
    page: &mut String,
    name: &str,
    instances: &[Instance],
    ways: &[(&str, Way)],
    worse: &mut Worse,
) -> Result<()> {
    let _ = write!(page, "| {name} |");
    for (_, way) in ways {
        let shares: Vec<f64> = instances.iter().map(|instance| way.share(instance)).collect();
        ensure!(shares.iter().all(|share| *share <= 1.0 + 1e-6), "{name}: above the optimum: {way:?}");
        page.push_str(&cell(shares));
    }
    page.push_str(&cell(instances.iter().map(|instance| instance.first / instance.optimum).collect()));
    page.push('\n');
    for instance in instances {
        worse.count(name, GREEDY.share(instance), PACED.share(instance));
    }
    Ok(())
}

/// Median and worst, in per cent.
fn cell(mut shares: Vec<f64>) -> String {
    shares.sort_by(f64::total_cmp);
    let at = |place: usize| 100.0 * shares.get(place).copied().unwrap_or(0.0);
    format!(" {:.1} ({:.1}) |", (at((shares.len() - 1) / 2) + at(shares.len() / 2)) / 2.0, at(0))
}

const HEAD: &str = "\
# Routing one at a time where capacity is scarce

Written by `cargo xtask eval scarcity`. [tenant-folder.md](tenant-folder.md) has the keys of `[scarcity]`, `host/src/pacing.rs` the law
and its reasons.

Every number is the sum of total × value that a way of routing reaches, in per cent of what the best assignment of the whole week at once
reaches: the median of 24 drawn weeks, and in brackets the worst. A week has 400 leads of 6 kinds, for 20 reps of unequal skill and
capacity; each rep is the specialist of one kind (25 points more) and may not have a quarter of the others; totals vary by 8 points
beside. Values are log-normal (σ 1.2) unless a table says otherwise, and capacity comes back when a week begins. Leads go to the highest
priced total, as tier 2 does; turns among the qualified (tier 3) and capacity that comes back lead by lead are not measured here.

- **greedy**: the highest total among those with room. **balance**: the highest total × (1 − e^(−share of capacity left)), which needs no
  forecast (Golrezaei, Nazerzadeh, Rusmevichientong 2014).
- **fixed ρ**: dual descent as in the paper, Euclidean; **entropic**: the same with prices multiplied. Both begin without prices.
- **first week**: the host's law, begun without prices. **priced**: the same with the prices that another week left, as it is from the
  second week on. **hold**: leads whose every priced total is negative are turned away, as the best assignment does with them.
- **the first that come**: the best assignment of the leads that come first, as many as there are places: about the most that can be
  reached without turning leads away.

What it says:

- Priced beats greedy in nearly every week drawn, most where capacity is about enough. The sentence below the fourth table counts the
  weeks in which it does not.
- Where there is less capacity than leads, most of what is missing is missing because every lead is taken that somebody can take: compare with the
  last column. `hold = true` gets it back, once prices are learnt, at the cost of leads turned away by day.
- Prices learnt bring a quarter or so of the gain where capacity is about enough: compare *first week* with *priced*. Where most leads come
  early, or in office hours, they bring little or nothing.
- Where values are unequal, prices have to know them: *values unknown* keeps less than half of the gain, or loses.
- Blocks of one kind, and values that rise all week, break what the law assumes. It gains there too, though it stays further from the
  optimum; but where values are alike and capacity is plenty, blocks look like scarcity, and it loses to greedy.
- The entropic law is as good in its first week or better, but a price that is multiplied needs a first price and a floor to be chosen.
";
const VALUES: &str = "\
*Values unknown* routes by the same prices without `ordinary_value`.

";
const EXPECTED: &str = "\
What the tenant expects sets the step alone, under a root; half or twice the truth changes little.

";
const STEPS: &str = "\
Priced, with the step 50 / √expected and others.

";
