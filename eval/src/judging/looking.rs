//! Experiments that are looked at every day: how often something is found where nothing is, and where something is.

use std::fmt::Write as _;

use lanewright_learning::experiment::detect::Groups;
use lanewright_learning::experiment::sequential::{Look, Sample, Stratum, Test};

use crate::data::Draw;

const EXPERIMENTS: u64 = 2_000;
const DAYS: u64 = 100;
/// 1.96 standard errors.
const TEXTBOOK: f64 = 1.959_963_984_540_054;
/// What a mark of 5 % may measure by chance: two standard errors of this many experiments above it.
const MARK: f64 = 0.06;

/// What one account shows.
#[derive(Clone, Copy)]
enum World {
    /// It wins with this probability.
    Rate(f64),
    /// Minutes to the first touch, log-normal around e^this with σ 1.
    Minutes(f64),
}

struct Setting {
    name: &'static str,
    /// Accounts a day: control, treatment.
    daily: [u64; 2],
    control: World,
    treatment: World,
}

const fn rate(name: &'static str, daily: [u64; 2], control: f64, treatment: f64) -> Setting {
    Setting { name, daily, control: World::Rate(control), treatment: World::Rate(treatment) }
}

const NULLS: [Setting; 6] = [
    rate("20 % won, 10 + 10 accounts a day", [10, 10], 0.2, 0.2),
    rate("5 % won, 10 + 10 a day", [10, 10], 0.05, 0.05),
    rate("50 % won, 10 + 10 a day", [10, 10], 0.5, 0.5),
    rate("20 % won, 18 + 2 a day", [18, 2], 0.2, 0.2),
    rate("20 % won, 2 + 2 a day", [2, 2], 0.2, 0.2),
    Setting {
        name: "first touch, log-normal, 10 + 10 a day",
        daily: [10, 10],
        control: World::Minutes(3.0),
        treatment: World::Minutes(3.0),
    },
];

const EFFECTS: [Setting; 4] = [
    rate("20 → 24 % won, 10 + 10 a day", [10, 10], 0.2, 0.24),
    rate("20 → 26 % won, 10 + 10 a day", [10, 10], 0.2, 0.26),
    rate("20 → 30 % won, 10 + 10 a day", [10, 10], 0.2, 0.3),
    Setting {
        name: "first touch 20 % shorter, 10 + 10 a day",
        daily: [10, 10],
        control: World::Minutes(3.0),
        treatment: World::Minutes(2.776_856),
    },
];

/// The shares of experiments in which something was found, and when.
#[derive(Default)]
struct Found {
    sequential: f64,
    peeking: f64,
    at_the_end: f64,
    /// Days until the sequential test found something, or the end.
    days: f64,
    /// Of those in which the true difference was outside the interval at some look.
    missed: f64,
}

/// Appends the section; whether its marks were reached.
pub(super) fn report(page: &mut String) -> bool {
    let _ = write!(
        page,
        "\n## Experiments that are looked at every day\n\n\
         {EXPERIMENTS} experiments of {DAYS} days a row, looked at every evening, at 5 %. *Sequential* is the product's test. *Textbook, \
         every day* stops at the first day with p < 5 %, from the same day on as the product's test; *textbook, at the end* looks once.\n\n\
         Where there is no difference, the share of experiments in which one is found (mark: sequential at most 5 %, and two standard \
         errors of the simulation):\n\n\
         | world | sequential | textbook, every day | textbook, at the end | the interval misses the truth at some look |\n\
         | --- | --- | --- | --- | --- |\n"
    );
    let mut passed = true;
    for setting in &NULLS {
        let found = run(setting);
        passed &= found.sequential <= MARK && found.missed <= MARK;
        let [a, b, c, d] =
            [found.sequential, found.peeking, found.at_the_end, found.missed].map(|share| 100.0 * share);
        let _ = writeln!(page, "| {} | **{a:.1} %** | {b:.1} % | {c:.1} % | {d:.1} % |", setting.name);
    }
    let _ = write!(
        page,
        "\nWhere there is one, the share in which it is found (power), and the days until then, experiments without a find counted to \
         the end:\n\n\
         | world | sequential | days | textbook, at the end | the interval misses the truth at some look |\n\
         | --- | --- | --- | --- | --- |\n"
    );
    for setting in &EFFECTS {
        let found = run(setting);
        passed &= found.missed <= MARK;
        let _ = writeln!(
            page,
            "| {} | {:.0} % | {:.0} of {DAYS} | {:.0} % | {:.1} % |",
            setting.name,
            100.0 * found.sequential,
            found.days,
            100.0 * found.at_the_end,
            100.0 * found.missed
        );
    }
    passed
}

fn run(setting: &Setting) -> Found {
    let [control, treatment] = setting.daily.map(|daily| daily * DAYS);
    let test = Test { alpha: 0.05, planned: Groups { control, treatment } };
    let truth = setting.treatment.mean() - setting.control.mean();
    let mut found = Found::default();
    let each = 1.0 / EXPERIMENTS as f64;
    for seed in 0..EXPERIMENTS {
        let mut draw = Draw::seeded(seed + 1);
        let mut arms = [Arm::default(), Arm::default()];
        let (mut last, mut first, mut peeked, mut now, mut missed): (Option<Look>, _, _, _, _) =
            (None, None, false, false, false);
        for day in 1..=DAYS {
            for (arm, (world, daily)) in
                arms.iter_mut().zip([setting.control, setting.treatment].into_iter().zip(setting.daily))
            {
                (0..daily).for_each(|_| arm.add(world.draw(&mut draw)));
            }
            let [control, treatment] =
                [0, 1].map(|arm| arms[arm].sample([setting.control, setting.treatment][arm]));
            let Some(look) = test.look(&[Stratum { control, treatment }], last.as_ref()) else { continue };
            now = arms[1].differs(&arms[0]);
            peeked |= now;
            missed |= truth < look.low || look.high < truth;
            if look.found(&test) && first.is_none() {
                first = Some(day);
            }
            last = Some(look);
        }
        found.sequential += each * f64::from(u8::from(first.is_some()));
        found.peeking += each * f64::from(u8::from(peeked));
        found.at_the_end += each * f64::from(u8::from(now));
        found.days += each * first.unwrap_or(DAYS) as f64;
        found.missed += each * f64::from(u8::from(missed));
    }
    found
}

impl World {
    fn mean(self) -> f64 {
        match self {
            Self::Rate(share) => share,
            // The mean of a log-normal: e^(μ + σ²/2).
            Self::Minutes(log) => libm::exp(log + 0.5),
        }
    }

    fn draw(self, draw: &mut Draw) -> f64 {
        match self {
            Self::Rate(share) => f64::from(u8::from(draw.share() < share)),
            Self::Minutes(log) => libm::exp(log + draw.normal()),
        }
    }
}

#[derive(Default)]
struct Arm {
    n: u64,
    sum: f64,
    squares: f64,
}

impl Arm {
    fn add(&mut self, value: f64) {
        self.n += 1;
        self.sum += value;
        self.squares += value * value;
    }

    fn sample(&self, world: World) -> Sample {
        match world {
            World::Rate(_) => Sample::Rate { hits: self.sum as u64, n: self.n },
            World::Minutes(_) => Sample::Mean { n: self.n, sum: self.sum, squares: self.squares },
        }
    }

    /// The textbook's two-sided test of means, variances not pooled.
    fn differs(&self, other: &Arm) -> bool {
        let part = |arm: &Arm| {
            let (n, mean) = (arm.n as f64, arm.sum / arm.n as f64);
            (mean, (arm.squares / n - mean * mean) / (n - 1.0))
        };
        let ((a, variance), (b, beside)) = (part(self), part(other));
        (a - b).abs() > TEXTBOOK * (variance + beside).sqrt()
    }
}
