//! Ten thousand tenants on one host, each with a plugin of its own.
//!
//! `cargo xtask bench density [TENANTS [ACTIVE]]` makes the tenants once, each with a folder, a plugin that no other
//! has, and its machine code in the cache. What is measured then, each in a process that starts anew over them:
//!
//! - what a tenant takes on the disk; in memory while it is awake, and after it went to rest;
//! - the first decision of a tenant never seen since start, beside mapping, instantiating and calling the same plugin
//!   in the bare engine; the ways in turns;
//! - leads a second of one tenant, of one while another has a lead now and then, and of some active tenants out of all,
//!   in turns.

mod plugin;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use lanewright::app::{App, Around};
use lanewright::clock::Clock;
use lanewright::lead::TenantId;
use lanewright::line::{Ask, Content, NewRelease, Question, ReleaseFrom};
use lanewright::releases::Step;
use lanewright::settings::{Given, Settings};
use lanewright::telemetry::Metrics;
use lanewright::versions::{self, By, Files, Limits, Start};
use lanewright_bench_logic as logic;
use lanewright_bench_measure::Row;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::bare::{Bare, Fuel};
use crate::{bare_lead, ours, setup, show};
use plugin::Maker;

/// Whoever asks for leads to be routed, at once.
const CLIENTS: usize = 64;
/// How long a turn is, and how many of each way are counted.
const TURN: Duration = Duration::from_secs(3);
const TURNS: usize = 5;
/// Of so many leads one is somebody else's, where one tenant has nearly all.
const OTHERS: u64 = 200;
/// Tenants whose first decision is timed, by each way.
const COLD: usize = 300;
/// After what time a tenant goes to rest where that is measured.
const IDLE: Duration = Duration::from_secs(2);

/// Runs the whole, or the part that a process of its own was started for.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let number = |place: usize, otherwise| match arguments.get(place) {
        Some(number) => number.parse().with_context(|| format!("`{number}` is no number of tenants")),
        None => Ok(otherwise),
    };
    if let Some(part) = arguments.first().filter(|first| first.starts_with("part-")) {
        let folder = Path::new(arguments.get(1).context("a folder")?);
        let host = Host { folder, runtime: runtime()? };
        return match part.as_str() {
            "part-awake" => host.memory(number(2, 0)?, Duration::from_secs(3600)),
            "part-rest" => host.memory(number(2, 0)?, IDLE),
            "part-cold" => host.cold(number(2, 0)?),
            _ => host.rates(number(2, 0)?, number(3, 0)?),
        };
    }
    let (tenants, active) = (number(0, 10_000)?, number(1, 100)?);
    ensure!(
        active <= tenants && 2 * COLD as u64 <= tenants,
        "of {tenants} tenants, {active} cannot be active"
    );
    let folder = tempfile::tempdir()?;
    let host = Host { folder: folder.path(), runtime: runtime()? };
    let start = Instant::now();
    let largest = host.make(tenants)?;
    println!("## {tenants} tenants, each with a plugin of its own (at most {largest} bytes), on SQLite\n");
    println!("Made in {:.0} s.\n", start.elapsed().as_secs_f64());
    println!("| what a tenant takes | KB |\n|---|---|");
    for (what, path) in [("disk: database", "data"), ("disk: machine code", "state")] {
        println!("| {what} | {:.1} |", on_disk(&folder.path().join(path))? as f64 / tenants as f64 / 1e3);
    }
    for (part, more) in
        [("part-awake", None), ("part-rest", None), ("part-cold", None), ("part-rates", Some(active))]
    {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("density").arg(part).arg(folder.path()).arg(tenants.to_string());
        command.args(more.map(|more: u64| more.to_string()));
        ensure!(command.status()?.success(), "{part} failed");
    }
    Ok(())
}

fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// Where the tenants are, and what works on them.
struct Host<'f> {
    folder: &'f Path,
    runtime: Runtime,
}

impl Host<'_> {
    /// A host that has seen nobody yet.
    fn app(&self, idle: Duration) -> Result<App> {
        let data = self.folder.join("data");
        std::fs::create_dir_all(&data)?;
        let flags = vec![
            ("database", format!("sqlite://{}", data.join("lanewright.db").display())),
            ("state", self.folder.join("state").display().to_string()),
            ("limits.idle_seconds", idle.as_secs().to_string()),
        ];
        let settings = Settings::load(&Given { flags, ..Given::default() })
            .map_err(|problems| anyhow!("{:?}", problems.0))?;
        std::fs::create_dir_all(self.folder.join("state"))?;
        let around =
            Around { clock: Clock::System, metrics: Metrics::new(), compiler: std::env::current_exe()? };
        self.runtime.block_on(App::build(settings, around))
    }

    /// Makes so many tenants; the largest of their plugins, in bytes.
    fn make(&self, tenants: u64) -> Result<usize> {
        let app = Arc::new(self.app(Duration::from_secs(1))?);
        let (made, largest) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let below = self.folder.to_owned();
        self.runtime.block_on(async {
            let mut makers = tokio::task::JoinSet::new();
            for maker in 0..2 {
                let (app, made, largest) = (Arc::clone(&app), Arc::clone(&made), Arc::clone(&largest));
                let folder = below.join(format!("folder-{maker}"));
                makers.spawn(async move {
                    let maker = Maker::new()?;
                    loop {
                        let number = made.fetch_add(1, Ordering::Relaxed);
                        if number >= tenants {
                            return anyhow::Ok(());
                        }
                        let component = maker.component(number)?;
                        largest.fetch_max(component.len() as u64, Ordering::Relaxed);
                        make_tenant(&app, &folder, number, component).await?;
                        if number % 1_000 == 999 {
                            eprintln!("bench: {} tenants made", number + 1);
                        }
                    }
                });
            }
            while let Some(ended) = makers.join_next().await {
                ended??;
            }
            anyhow::Ok(())
        })?;
        let app = Arc::into_inner(app).context("nobody else has the service")?;
        self.runtime.block_on(app.close());
        Ok(largest.load(Ordering::Relaxed) as usize)
    }

    /// What is in memory for each tenant after all of them decided a lead, and had time to go to rest.
    fn memory(&self, tenants: u64, idle: Duration) -> Result<()> {
        let app = self.app(idle)?;
        // What all tenants share is there before anything is counted.
        self.runtime.block_on(decide(&app, 0, 0))?;
        let before = resident()?;
        self.runtime.block_on(async {
            for number in 1..tenants {
                decide(&app, number, 0).await?;
            }
            anyhow::Ok(())
        })?;
        let rest = idle == IDLE;
        if rest {
            // Whoever was last goes to rest as well.
            std::thread::sleep(IDLE * 2);
        }
        let each = resident()?.saturating_sub(before) as f64 / (tenants - 1) as f64 / 1e3;
        let what = if rest { "memory: at rest, after it decided" } else { "memory: awake" };
        println!("| {what} | {each:.1} |");
        Ok(())
    }

    /// The first decision of tenants never seen since start.
    fn cold(&self, tenants: u64) -> Result<()> {
        let app = self.app(Duration::from_secs(3600))?;
        self.runtime.block_on(decide(&app, 0, 1))?;
        let (bare, maker) = (Bare::new(Fuel::Counted)?, Maker::new()?);
        let sample = ours::lead(&logic::lead::Lead::sample())?;
        let lead = bare_lead(&sample);
        let mut samples: [Vec<f64>; 3] = Default::default();
        let mut next = (1..tenants).cycle();
        let mut tenant = || next.next().context("tenants");
        // All of them beforehand: a compiler at work between the turns would leave its code in the processor's caches.
        let precompiled = |round: usize| self.folder.join(format!("bare-{round}.cwasm"));
        for round in 0..COLD {
            std::fs::write(precompiled(round), bare.precompile(&maker.component(tenants + round as u64)?)?)?;
        }
        for round in 0..COLD {
            let start = Instant::now();
            bare.open(&precompiled(round), setup(&[], &[]))?.classify(&lead)?;
            samples[0].push(start.elapsed().as_nanos() as f64);
            let number = tenant()?;
            let question = Question { ask: Ask::Try(received(number, 1)), actor: String::new(), key: None };
            let start = Instant::now();
            self.runtime.block_on(ask(&app, number, question))?;
            samples[1].push(start.elapsed().as_nanos() as f64);
            let number = tenant()?;
            let start = Instant::now();
            self.runtime.block_on(decide(&app, number, 1))?;
            samples[2].push(start.elapsed().as_nanos() as f64);
        }
        let baseline = "bare: map, instantiate and call the plugin";
        let [bare, tried, durable] = samples;
        let rows = [
            Row::new(baseline, bare),
            Row::new("Lanewright: tenant read from the database, whole decision", tried),
            Row::new("the same, and durable", durable),
        ];
        println!();
        show("First decision of a tenant never seen since start", &rows, baseline);
        Ok(())
    }

    /// Leads a second.
    fn rates(&self, tenants: u64, active: u64) -> Result<()> {
        let app = Arc::new(self.app(Duration::from_secs(3600))?);
        let next = Arc::new(AtomicU64::new(2));
        let one = Way { busy: 1, step: tenants, other: None };
        let ways = [
            one,
            Way { other: Some(tenants / 2), ..one },
            Way { busy: active, step: tenants / active, ..one },
        ];
        let mut rates: [Vec<f64>; 3] = Default::default();
        for turn in 0..TURNS + 1 {
            for (place, (way, rates)) in ways.iter().zip(&mut rates).enumerate() {
                let rate = self.turn(&app, &next, *way).with_context(|| format!("way {place}"))?;
                // The first turn wakes them.
                if turn > 0 {
                    rates.push(rate);
                }
            }
        }
        let [one, beside, many] = rates.map(|mut rates| {
            rates.sort_by(f64::total_cmp);
            rates[rates.len() / 2]
        });
        println!("## Leads a second, {CLIENTS} clients, durable on SQLite\n");
        println!("| tenants at work | leads a second | ratio |\n|---|---|---|");
        println!("| 1 | {one:.0} | 1.00 × |");
        println!("| 1, and every {OTHERS}th lead another's | {beside:.0} | {:.2} × |", beside / one);
        println!("| {active} of {tenants} | {many:.0} | {:.2} × |\n", many / one);
        Ok(())
    }

    fn turn(&self, app: &Arc<App>, next: &Arc<AtomicU64>, way: Way) -> Result<f64> {
        self.runtime.block_on(async {
            let start = Instant::now();
            let mut clients = tokio::task::JoinSet::new();
            for _ in 0..CLIENTS {
                let (app, next) = (Arc::clone(app), Arc::clone(next));
                clients.spawn(async move {
                    let mut done = 0_u64;
                    while start.elapsed() < TURN {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        decide(&app, way.whose(number), number).await?;
                        done += 1;
                    }
                    anyhow::Ok(done)
                });
            }
            let mut done = 0;
            while let Some(ended) = clients.join_next().await {
                done += ended??;
            }
            Ok(done as f64 / start.elapsed().as_secs_f64())
        })
    }
}

/// Whose the leads are.
#[derive(Clone, Copy)]
struct Way {
    /// So many tenants, spread over all of them.
    busy: u64,
    step: u64,
    /// Whose one of [`OTHERS`] leads is.
    other: Option<u64>,
}

impl Way {
    fn whose(self, number: u64) -> u64 {
        match self.other {
            Some(other) if number.is_multiple_of(OTHERS) => other,
            _ => number % self.busy * self.step,
        }
    }
}

async fn make_tenant(app: &App, folder: &Path, number: u64, component: Vec<u8>) -> Result<()> {
    let tenant = tenant(number)?;
    write_folder(folder, &tenant)?;
    let by = By { actor: "bench", at: Clock::System.now().as_millisecond() };
    app.store().make_tenant(&tenant, "Tenant", by.at).await?;
    let version: lanewright::releases::Version = "1.0.0".parse()?;
    let content = Content::Alone { version: version.clone(), component };
    let new = NewRelease { plugin: "own".to_owned(), content, source: ReleaseFrom::Upload };
    let refused = |refused| anyhow!("{number}: {refused:?}");
    app.lines().publish(&tenant, new, by).await.map_err(refused)?;
    let step = Step::Activate { version };
    app.lines().deploy(&tenant, &"own".parse()?, &step, by, (None, None)).await.map_err(refused)?;
    let files = Files::from_folder(folder, &Limits::default())?;
    let draft = versions::draft(&app.store().of(&tenant), by, Start::Files(files), String::new()).await?;
    let question = Question { ask: Ask::Publish(draft.version), actor: "bench".to_owned(), key: None };
    app.lines().ask(&tenant, question).await.map_err(refused)?;
    Ok(())
}

fn tenant(number: u64) -> Result<TenantId> {
    Ok(format!("t{number}").parse()?)
}

/// Two lanes, a team, ten reps with room for whatever comes, and its own classifier.
fn write_folder(folder: &Path, tenant: &TenantId) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let lane = |id: &str| {
        format!(
            "[[lanes]]\nid = \"{id}\"\nname = \"{id}\"\ndefinition = \"Inquiries for {id}.\"\nteam = \"sales\"\n\n"
        )
    };
    let toml = format!(
        "[tenant]\nid = \"{tenant}\"\nname = \"Tenant\"\ncurrency = \"USD\"\ntimezone = \"UTC\"\n\n{}{}[plugins.classifier]\nplugin = \"own\"\n",
        lane("sales"),
        lane("partner"),
    );
    std::fs::write(folder.join("tenant.toml"), toml)?;
    std::fs::write(folder.join("teams.toml"), "[[teams]]\nid = \"sales\"\nname = \"Sales\"\n")?;
    let reps: String =
        (0..10).map(|n| format!("rep-{n},Rep {n},sales,rep-{n}@example.com,10000\n")).collect();
    std::fs::write(folder.join("reps.csv"), format!("id,name,team,email,max_open\n{reps}"))?;
    Ok(())
}

/// A lead like many; its number makes it another.
fn received(tenant: u64, number: u64) -> Value {
    json!({
        "id": format!("lead-{tenant}-{number}"),
        "source": "web-form",
        "text": "Hi, we're a 45 person freight broker. What would the team plan cost for 12 users?",
        "contact": {"name": "Curt Mabry", "email": format!("curt@freight{number}.example"), "language": "en"},
        "company": {"name": "Mabry Freight", "domain": format!("freight{number}.example"), "employees": 45, "country": "US"},
    })
}

/// Routes a lead durably.
async fn decide(app: &App, of: u64, number: u64) -> Result<()> {
    let question = Question { ask: Ask::Lead(received(of, number)), actor: "bench".to_owned(), key: None };
    ask(app, of, question).await
}

async fn ask(app: &App, of: u64, question: Question) -> Result<()> {
    app.lines().ask(&tenant(of)?, question).await.map_err(|refused| anyhow!("{of}: {refused:?}"))?;
    Ok(())
}

/// Bytes of this process in memory that are its own: what is mapped from files can be dropped and is not counted.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("only Linux tells it")?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("RssAnon")?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024)
}

/// Bytes of all files below a folder.
fn on_disk(folder: &Path) -> Result<u64> {
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    let mut bytes = 0;
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir()? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => folders.push(entry.path()),
                false => bytes += entry.metadata()?.len(),
            }
        }
    }
    Ok(bytes)
}
