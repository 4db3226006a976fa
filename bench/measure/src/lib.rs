//! Several ways to do one thing, timed in turns and compared.
//!
//! A machine is faster in one minute than in the next, so timing one way and then the other compares two
//! minutes as much as two ways. Here every round runs each way once, in an order that turns from round to
//! round, so that what disturbs one disturbs all; medians over the rounds forget the worst of it.
//!
//! [`measure`] runs [`Way`]s and gives [`Row`]s; [`table`] writes rows as Markdown, with the ratio of each
//! median to that of the way it is compared with. The clock is an argument, so all of it can be tested.

use std::fmt;
use std::time::{Duration, Instant};

/// A way to do the thing.
pub struct Way<'a, E> {
    /// Its name in the table.
    pub name: String,
    /// Does it once; an error ends the whole measurement, since a failed call costs something else.
    pub run: Box<dyn FnMut() -> Result<(), E> + 'a>,
}

impl<'a, E> Way<'a, E> {
    /// A named way. What the closure returns is kept from the optimiser.
    pub fn new<T>(name: impl Into<String>, mut run: impl FnMut() -> Result<T, E> + 'a) -> Self {
        let run = move || run().map(|value| drop(std::hint::black_box(value)));
        Self { name: name.into(), run: Box::new(run) }
    }
}

/// How long to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Rounds before any is counted.
    pub warm_up: u32,
    /// Rounds that are counted, at least 1.
    pub rounds: u32,
    /// Runs of a way in one round, at least 1; their mean is one sample. More than one where a single run
    /// is hardly longer than reading the clock.
    pub batch: u32,
}

/// What was measured of one way.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The way's name.
    pub name: String,
    /// Time of one run, in nanoseconds.
    pub median: f64,
    /// A tenth of the samples is below it.
    pub p10: f64,
    /// A tenth of the samples is above it.
    pub p90: f64,
}

/// A way that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed<E> {
    /// Its name.
    pub name: String,
    /// What it said.
    pub error: E,
}

impl<E: fmt::Display> fmt::Display for Failed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" failed: {}", self.name, self.error)
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for Failed<E> {}

/// Runs all ways in turns, by the machine's clock; rows are in the order given.
pub fn measure<E>(plan: Plan, ways: &mut [Way<E>]) -> Result<Vec<Row>, Failed<E>> {
    let start = Instant::now();
    measure_by(plan, ways, || start.elapsed())
}

/// The same by any clock that never goes back.
pub fn measure_by<E>(
    plan: Plan,
    ways: &mut [Way<E>],
    mut clock: impl FnMut() -> Duration,
) -> Result<Vec<Row>, Failed<E>> {
    let batch = plan.batch.max(1);
    let mut samples = vec![Vec::new(); ways.len()];
    for round in 0..plan.warm_up + plan.rounds.max(1) {
        for turn in 0..ways.len() {
            // Whoever starts a round finds other caches than whoever ends it, so everyone starts some.
            let which = (turn + round as usize) % ways.len();
            let way = &mut ways[which];
            let before = clock();
            for _ in 0..batch {
                (way.run)().map_err(|error| Failed { name: way.name.clone(), error })?;
            }
            let took = clock().saturating_sub(before);
            if round >= plan.warm_up {
                samples[which].push(took.as_nanos() as f64 / f64::from(batch));
            }
        }
    }
    let rows = ways.iter().zip(samples).map(|(way, samples)| Row::new(way.name.clone(), samples));
    Ok(rows.collect())
}

impl Row {
    /// Of samples in nanoseconds, at least one.
    pub fn new(name: impl Into<String>, mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let [p10, median, p90] = [0.1, 0.5, 0.9].map(|share| quantile(&samples, share));
        Self { name: name.into(), median, p10, p90 }
    }
}

/// Between the two samples around it, by their distance.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * sorted.len().saturating_sub(1) as f64;
    let at = |place: f64| sorted.get(place as usize).copied().unwrap_or(f64::NAN);
    let (low, high) = (at(place.floor()), at(place.ceil()));
    low + (high - low) * place.fract()
}

/// Rows as a Markdown table; ratios are to the row named `baseline`, and a dash where there is none.
pub fn table(rows: &[Row], baseline: &str) -> String {
    let base = rows.iter().find(|row| row.name == baseline).map(|row| row.median);
    let cells = rows.iter().map(|row| {
        let ratio = base.map_or("–".to_owned(), |base| format!("{:.2} ×", row.median / base));
        let spread = format!("{} – {}", time(row.p10), time(row.p90));
        [row.name.clone(), time(row.median), spread, ratio]
    });
    let head = ["what", "median", "p10 – p90", "ratio"].map(str::to_owned);
    let lines: Vec<[String; 4]> = std::iter::once(head).chain(cells).collect();
    let widths: [usize; 4] = std::array::from_fn(|column| {
        lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0)
    });
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let [name, median, spread, ratio] = line;
        let [a, b, c, d] = widths;
        text.push_str(&format!("| {name:a$} | {median:>b$} | {spread:>c$} | {ratio:>d$} |\n"));
        if number == 0 {
            let rule = |width: usize| "-".repeat(width - 1);
            text.push_str(&format!("| {}- | {}: | {}: | {}: |\n", rule(a), rule(b), rule(c), rule(d)));
        }
    }
    text
}

/// Three figures and a unit.
fn time(nanoseconds: f64) -> String {
    let (value, unit) = match nanoseconds {
        n if n < 999.5 => (n, "ns"),
        n if n < 999.5e3 => (n / 1e3, "µs"),
        n if n < 999.5e6 => (n / 1e6, "ms"),
        n => (n / 1e9, "s"),
    };
    let decimals = match value {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::convert::Infallible;

    use super::*;

    const PLAN: Plan = Plan { warm_up: 1, rounds: 3, batch: 2 };

    /// Runs ways that take as long as they say, by a clock that only they move.
    fn check(plan: Plan, costs: &[u64], order: &str, medians: &[f64]) {
        let now = Cell::new(Duration::ZERO);
        let seen = RefCell::new(String::new());
        let mut ways: Vec<Way<Infallible>> = costs
            .iter()
            .zip('a'..)
            .map(|(&cost, name)| {
                let (now, seen) = (&now, &seen);
                Way::new(name, move || {
                    seen.borrow_mut().push(name);
                    now.set(now.get() + Duration::from_nanos(cost));
                    Ok(())
                })
            })
            .collect();
        let rows = measure_by(plan, &mut ways, || now.get()).expect("these ways never fail");
        assert_eq!(rows.iter().map(|row| row.median).collect::<Vec<_>>(), medians);
        drop(ways);
        assert_eq!(seen.into_inner(), order);
    }

    #[test]
    fn ways_take_turns_and_are_told_apart() {
        check(PLAN, &[100, 250], "aabbbbaaaabbbbaa", &[100.0, 250.0]);
        check(Plan { warm_up: 0, rounds: 3, batch: 1 }, &[5, 6, 7], "abcbcacab", &[5.0, 6.0, 7.0]);
        check(Plan { warm_up: 0, rounds: 0, batch: 0 }, &[5], "a", &[5.0]);
        check(PLAN, &[], "", &[]);
    }

    #[test]
    fn warm_up_is_not_counted() {
        let now = Cell::new(Duration::ZERO);
        let mut cost = [9_000_u64, 10, 10, 10].into_iter();
        let mut ways = [Way::new("cold first", || {
            now.set(now.get() + Duration::from_nanos(cost.next().ok_or("ran too often")?));
            Ok::<_, &str>(())
        })];
        let rows = measure_by(Plan { warm_up: 1, rounds: 3, batch: 1 }, &mut ways, || now.get());
        assert_eq!(rows, Ok(vec![Row { name: "cold first".into(), median: 10.0, p10: 10.0, p90: 10.0 }]));
    }

    #[test]
    fn a_failure_ends_it() {
        let mut ways = [Way::new("good", || Ok(1)), Way::new("bad", || Err::<(), _>("no answer"))];
        let failed = measure(PLAN, &mut ways).expect_err("one way fails");
        assert_eq!(failed.to_string(), "\"bad\" failed: no answer");
    }

    #[test]
    fn quantiles_lie_between_samples() {
        let row = Row::new("x", (0..=10).rev().map(f64::from).collect());
        assert_eq!((row.p10, row.median, row.p90), (1.0, 5.0, 9.0));
        let row = Row::new("x", vec![1.0, 2.0]);
        assert_eq!((row.p10, row.median, row.p90), (1.1, 1.5, 1.9));
    }

    #[test]
    fn tables_compare_with_the_baseline() {
        let rows = [Row::new("bare engine", vec![24_000.0]), Row::new("peer", vec![102_000.0, 102_000.0])];
        let expect = "\
| what        |  median |         p10 – p90 |  ratio |
| ----------- | ------: | ----------------: | -----: |
| bare engine | 24.0 µs | 24.0 µs – 24.0 µs | 1.00 × |
| peer        |  102 µs |   102 µs – 102 µs | 4.25 × |
";
        assert_eq!(table(&rows, "bare engine"), expect);
        assert!(table(&rows, "nobody").contains("|     – |"));
    }

    #[test]
    fn times_have_three_figures() {
        let check = |nanoseconds: f64, expect: &str| assert_eq!(time(nanoseconds), expect);
        check(0.0, "0.00 ns");
        check(9.994, "9.99 ns");
        check(9.996, "10.0 ns");
        check(999.4, "999 ns");
        check(999.6, "1.00 µs");
        check(1_234_000.0, "1.23 ms");
        check(61e9, "61.0 s");
    }
}
