//! Lanewright measured beside its peers, each table in one interleaved run.
//!
//! `cargo xtask bench [ROUNDS]` prints Markdown tables: every way's median, the tenth of its samples
//! below and above, and its ratio to the baseline. A way is one line here; what is asked of each, and
//! the check of its answer, is the same.

mod bare;
mod density;
mod extism;
mod ours;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use lanewright::config;
use lanewright::lead::{Lane, Lead, Verdict};
use lanewright::plugin::{CHILD, CandidateRow, Plugins, Standard, THREAD_STACK, VisibleLead, child};
use lanewright_bench_logic as logic;
use lanewright_bench_measure::{Plan, Row, Way, measure, table};

use bare::{Bare, Fuel, Guest, Setup, scorer, types};
use extism::{Allocation, Compiled, Encoding};
use ours::{Line, Ours};

static GUEST: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/guest.wasm"));

/// The program's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rounds that are not counted, one run of each way in each.
const WARM_UP: u32 = 200;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == CHILD) {
        return child(&arguments[1..]);
    }
    if arguments.first().is_some_and(|first| first == "density") {
        return ended(density::run(&arguments[1..]));
    }
    // Guests are called on threads with room for their stack, here as in the host.
    let all = std::thread::Builder::new().stack_size(THREAD_STACK).spawn(move || run(arguments.first()));
    match all.map(std::thread::JoinHandle::join) {
        Ok(Ok(result)) => ended(result),
        Ok(Err(_)) | Err(_) => ExitCode::FAILURE,
    }
}

fn ended(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(rounds: Option<&String>) -> Result<()> {
    let rounds = match rounds {
        Some(rounds) => rounds.parse().with_context(|| format!("`{rounds}` is no number of rounds"))?,
        None => 2_000,
    };
    let cache = tempfile::tempdir()?;
    let plugins = ours::plugins(cache.path())?;
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/northwind");

    one_call(&plugins, rounds)?;
    candidates(&plugins, rounds)?;
    standard(&plugins, &example, rounds)?;
    decisions(&plugins, &example)?;
    cold_start(cache.path(), &example, rounds.min(300))
}

fn show(title: &str, rows: &[Row], baseline: &str) {
    println!("## {title}\n\n{}", table(rows, baseline));
}

fn timed(rounds: u32, ways: &mut [Way<'_, anyhow::Error>]) -> Result<Vec<Row>> {
    // A single call is long enough to be timed alone.
    measure(Plan { warm_up: WARM_UP.min(rounds), rounds, batch: 1 }, ways)
        .map_err(|failed| failed.error.context(failed.name))
}

/// A small classifier: what the boundary and the checks cost.
fn one_call(plugins: &Plugins, rounds: u32) -> Result<()> {
    let sample = logic::lead::Lead::sample();
    let lead = ours::lead(&sample)?;
    let lanes = logic::LANES.iter().map(|id| ours::lane(id)).collect::<Result<Vec<Lane>>>()?;
    let ours = Ours::new(plugins, GUEST, &lanes)?;
    let setup = || Setup { json: "{}".into(), lanes: Arc::new([]), prepared: Arc::new([]) };
    let counted = Bare::new(Fuel::Counted)?.compile(GUEST, setup())?;
    let off = Bare::new(Fuel::Off)?.compile(GUEST, setup())?;
    let (pooling, on_demand) = (Compiled::new(Allocation::Pooling)?, Compiled::new(Allocation::OnDemand)?);
    let (visible, bare_lead) = (VisibleLead::new(&lead), bare_lead(&lead));
    let same = ours.classify(&visible)?.lane.map(|lane| lane.to_string());
    ensure!(same == counted.classify(&bare_lead)?.lane, "both ways answer the same");

    let extism = |name: &str, compiled, encoding| {
        let (compiled, sample): (&Compiled, _) = (compiled, &sample);
        Way::new(name.to_owned(), move || compiled.call_fresh(sample, encoding))
    };
    let baseline = "bare wasmtime, fuel and epoch";
    let rows = timed(
        rounds,
        &mut [
            Way::new(baseline, || counted.classify(&bare_lead)),
            Way::new("bare wasmtime, epoch alone", || off.classify(&bare_lead)),
            Way::new("Lanewright, answer checked", || Ok(ours.classify(&visible)?)),
            extism("Extism, pooling, MessagePack", &pooling, Encoding::MessagePack),
            extism("Extism, pooling, JSON", &pooling, Encoding::Json),
            extism("Extism as it comes, MessagePack", &on_demand, Encoding::MessagePack),
            extism("Extism as it comes, JSON", &on_demand, Encoding::Json),
        ],
    )?;
    show("One call of a small classifier, in a fresh instance", &rows, baseline);
    Ok(())
}

fn bare_lead(lead: &Lead) -> types::Lead {
    types::Lead {
        id: lead.id.to_string(),
        kind: types::Kind::Lead,
        source: lead.source.clone(),
        received_at: u64::try_from(lead.received_at.as_millisecond()).unwrap_or(0),
        text: lead.text.clone(),
        contact: types::Contact {
            name: lead.contact.name.clone(),
            email: lead.contact.email.clone(),
            title: lead.contact.title.clone(),
            language: lead.contact.language.clone(),
            timezone: lead.contact.timezone.clone(),
        },
        company: types::Company {
            name: lead.company.name.clone(),
            domain: lead.company.domain.clone(),
            industry: lead.company.industry.clone(),
            employees: lead.company.employees,
            revenue: lead.company.revenue,
            country: lead.company.country.clone(),
            region: lead.company.region.clone(),
        },
        products: lead.products.clone(),
        value: lead.value,
    }
}

const FITS: [&str; 8] =
    ["territory", "industry", "product", "language", "value", "competitor", "seniority", "timezone"];

/// The standard scorer over lists of candidates.
fn candidates(plugins: &Plugins, rounds: u32) -> Result<()> {
    let lead = ours::lead(&logic::lead::Lead::sample())?;
    let component = Standard::Scorer.component();
    let ours = Ours::new(plugins, component, &[])?;
    let setup = Setup { json: "{}".into(), lanes: Arc::new([]), prepared: Arc::new([]) };
    let bare = Bare::new(Fuel::Counted)?.compile(component, setup)?;
    let (visible, bare_lead) = (VisibleLead::new(&lead), bare_lead(&lead));
    for n in [10_u32, 100, 500] {
        let fits: Vec<f32> = (0..n * 8).map(|i| (i % 11) as f32 / 10.0).collect();
        let row = |rep| CandidateRow {
            rep,
            load: 0.4,
            weekly_load: 0.2,
            free_now: true,
            response_seconds: Some(600 + rep),
            win: None,
        };
        let rows: Vec<CandidateRow> = (0..n).map(row).collect();
        let verdict = no_verdict();
        let context = scorer::Context {
            tier: 2,
            segments: Vec::new(),
            fit_names: FITS.iter().map(|name| (*name).to_owned()).collect(),
            fits: fits.clone(),
        };
        let bare_rows: Vec<scorer::Candidate> = rows
            .iter()
            .map(|row| scorer::Candidate {
                rep: row.rep,
                load: row.load,
                weekly_load: row.weekly_load,
                free_now: row.free_now,
                response_seconds: row.response_seconds,
                win: None,
            })
            .collect();
        let baseline = "bare wasmtime";
        let timed = timed(
            rounds,
            &mut [
                Way::new(baseline, || bare.score(&bare_lead, &bare_verdict(), &context, &bare_rows)),
                Way::new("Lanewright, answer checked", || {
                    Ok(ours.score(&visible, &verdict, &FITS, &fits, &rows)?)
                }),
            ],
        )?;
        show(&format!("The standard scorer, {n} candidates"), &timed, baseline);
    }
    Ok(())
}

fn no_verdict() -> Verdict {
    Verdict {
        lane: None,
        confidence: lanewright::lead::Confidence::Medium,
        ranking: Vec::new(),
        intent: 50.0,
        signals: Vec::new(),
        complexity: None,
        reason: String::new(),
    }
}

fn bare_verdict() -> types::Verdict {
    types::Verdict {
        lane: None,
        confidence: types::Confidence::Medium,
        ranking: Vec::new(),
        intent: 50.0,
        signals: Vec::new(),
        complexity: None,
        reason: String::new(),
    }
}

/// The standard classifier with the example's lanes, text model included.
fn standard(plugins: &Plugins, example: &Path, rounds: u32) -> Result<()> {
    let config = config::load(example).map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    let lead = ours::lead(&logic::lead::Lead::sample())?;
    let component = Standard::Classifier.component();
    let ours = Ours::new(plugins, component, &config.lanes)?;
    let guest = |fuel| Bare::new(fuel)?.compile(component, setup(&config.lanes, &ours.prepared));
    let (counted, off): (Guest, Guest) = (guest(Fuel::Counted)?, guest(Fuel::Off)?);
    let (visible, bare_lead) = (VisibleLead::new(&lead), bare_lead(&lead));
    let baseline = "bare wasmtime, fuel and epoch";
    let rows = timed(
        rounds,
        &mut [
            Way::new(baseline, || counted.classify(&bare_lead)),
            Way::new("bare wasmtime, epoch alone", || off.classify(&bare_lead)),
            Way::new("Lanewright, answer checked", || Ok(ours.classify(&visible)?)),
        ],
    )?;
    show("The standard classifier, text model included", &rows, baseline);
    Ok(())
}

fn setup(lanes: &[Lane], prepared: &[u8]) -> Setup {
    let lane = |lane: &Lane| types::Lane {
        id: lane.id.to_string(),
        name: lane.name.clone(),
        definition: lane.definition.clone(),
        examples: lane.examples.clone(),
        team: None,
    };
    Setup { json: "{}".into(), lanes: lanes.iter().map(lane).collect(), prepared: prepared.into() }
}

/// Whole decisions of the example's tenant, on one thread and on two, taken in turns.
fn decisions(plugins: &Plugins, example: &Path) -> Result<()> {
    let line = Line::new(example, plugins)?;
    let threads = |n| rayon::ThreadPoolBuilder::new().num_threads(n).stack_size(THREAD_STACK).build();
    let pools = [(1, threads(1)?), (2, threads(2)?)];
    let mut rates: [Vec<f64>; 2] = Default::default();
    for _ in 0..40 {
        for ((_, pool), rates) in pools.iter().zip(&mut rates) {
            let start = Instant::now();
            let mut decisions = 0;
            for _ in 0..10 {
                decisions += pool.install(|| line.pass())?;
            }
            rates.push(decisions as f64 / start.elapsed().as_secs_f64());
        }
    }
    println!("## Whole decisions, standard plugins, 14 reps\n");
    println!("| threads | decisions a second, median | ratio |\n|---|---|---|");
    let [one, two] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    });
    println!("| 1 | {one:.0} | 1.00 |\n| 2 | {two:.0} | {:.2} |\n", two / one);
    Ok(())
}

/// A tenant of a hundred reps never seen since start: its folder read, its plugins taken from the cache,
/// its first lead decided; against mapping, instantiating and calling what that decision calls.
fn cold_start(cache: &Path, example: &Path, rounds: u32) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let folder = ours::hundred_reps(example, folder.path()).map(|path| (path, folder))?;
    // The cache is filled, and the text model indexed, before anything is timed.
    Line::new(&folder.0, &ours::plugins(cache)?)?.first()?;

    let config = config::load(&folder.0).map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    let (classifier, scorer) = (Standard::Classifier.component(), Standard::Scorer.component());
    let prepared = Ours::new(&ours::plugins(cache)?, classifier, &config.lanes)?.prepared;
    let bare = Bare::new(Fuel::Counted)?;
    let file = |name: &str, component| -> Result<PathBuf> {
        let path = folder.1.path().join(name);
        std::fs::write(&path, bare.precompile(component)?)?;
        Ok(path)
    };
    let (classifier, scorer) = (file("classifier.cwasm", classifier)?, file("scorer.cwasm", scorer)?);
    let lead = ours::lead(&logic::lead::Lead::sample())?;
    let bare_lead = bare_lead(&lead);
    let bare_setup = || setup(&config.lanes, &prepared);
    let fits = vec![0.5; 30 * 8];
    let context = scorer::Context {
        tier: 2,
        fit_names: FITS.iter().map(|name| (*name).to_owned()).collect(),
        segments: Vec::new(),
        fits,
    };
    let candidate = |rep| scorer::Candidate {
        rep,
        load: 0.4,
        weekly_load: 0.2,
        free_now: true,
        response_seconds: None,
        win: None,
    };
    let rows: Vec<_> = (0..30).map(candidate).collect();

    let mut samples: [Vec<f64>; 3] = Default::default();
    for round in 0..rounds + 20 {
        // A host that has not seen the tenant: an engine of its own, which is not timed.
        let plugins = ours::plugins(cache)?;
        let start = Instant::now();
        let verdict = bare.open(&classifier, bare_setup())?.classify(&bare_lead)?;
        bare.open(&scorer, bare_setup())?.score(&bare_lead, &verdict, &context, &rows)?;
        let bare = start.elapsed();
        let start = Instant::now();
        let line = Line::new(&folder.0, &plugins)?;
        let loaded = start.elapsed();
        line.first()?;
        let ours = start.elapsed();
        if round >= 20 {
            for (samples, time) in samples.iter_mut().zip([bare, loaded, ours]) {
                samples.push(time.as_nanos() as f64);
            }
        }
    }
    let [bare_samples, loaded, ours] = samples;
    let baseline = "bare: map, instantiate and call classifier and scorer";
    let p99 = percentile(&ours, 0.99);
    let rows = [
        Row::new(baseline, bare_samples),
        Row::new("of it: folder read, plugins from the cache", loaded),
        Row::new("Lanewright: folder to first decision", ours),
    ];
    show("Cold start of a tenant of 100 reps", &rows, baseline);
    println!("p99 of the first decision: {:.2} ms", p99 / 1e6);
    Ok(())
}

fn percentile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() as f64 * share) as usize).min(sorted.len() - 1)]
}
