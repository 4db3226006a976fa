//! Bytes from outside: whatever they are, nothing panics, hangs or grows without end, and what was read can be written
//! and read again.
//!
//! [`TARGETS`] lists everything that reads such bytes. Each gets inputs that are made of good ones (`fuzz/mutate.rs`);
//! one that leads to an answer that was not seen before is made into others in turn. Every input that once showed a
//! mistake stands in `tests/fuzz/TARGET/` and is tried again in every run of the tests.
//!
//! ```text
//! cargo xtask test fuzz                                     the corpus, and a few inputs a target
//! cargo xtask fuzz [TARGET] [--minutes N] [--seed S]        new inputs, for as long as you like
//! ```

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lanewright::digest::Digest;
use mutatis::Session;

use crate::harness;
use mutate::{Mutator, drawn};

mod configuration;
mod decisions;
mod edges;
mod mutate;
mod plugin;
mod releases;
mod requests;

/// Something that reads bytes of strangers.
struct Target {
    name: &'static str,
    /// Inputs cost it so much that the suite tries only this many.
    cases: usize,
    /// The file of its format's words, `tests/fuzz/NAME.words`: each line is what stands between the quotes of a JSON text.
    words: &'static str,
    /// Good inputs.
    seeds: fn() -> Vec<Vec<u8>>,
    /// Reads an input, and panics where something is wrong; what came of it, in words by which the new is told from
    /// the known.
    reads: fn(&[u8]) -> String,
}

/// Declares the targets, and a test of the suite for each.
macro_rules! targets {
    ($($name:ident: $target:expr,)+) => {
        const TARGETS: &[Target] = &[$($target),+];
        $(
            #[test]
            fn $name() {
                suite(TARGETS.iter().find(|target| target.name == stringify!($name)).expect("a target"));
            }
        )+
    };
}

targets! {
    lead: decisions::LEAD,
    stream: decisions::STREAM,
    event: decisions::EVENT,
    decision: decisions::DECISION,
    saved: decisions::SAVED,
    folder: configuration::FOLDER,
    files: configuration::FILES,
    archive: configuration::ARCHIVE,
    condition: configuration::CONDITION,
    component: configuration::COMPONENT,
    plugin: plugin::PLUGIN,
    key: edges::KEY,
    token: edges::TOKEN,
    target: edges::TARGET,
    settings: edges::SETTINGS,
    publish: requests::PUBLISH,
    request: requests::REQUEST,
    manifest: releases::MANIFEST,
    statement: releases::STATEMENT,
    bundle: releases::BUNDLE,
    reference: releases::REFERENCE,
}

/// The seed of the suite, the same every time.
const SEED: u64 = 4;
/// An input that takes longer is a finding, in time that passes and in time of the processor, so that it is none where
/// the machine does much else.
const SLOW: Duration = Duration::from_secs(20);
/// One that takes longer waits for something that never comes.
const STUCK: Duration = Duration::from_secs(300);
/// The same for memory that is not given back, in bytes; looked at where nothing else runs.
const LARGE: u64 = 1 << 30;
/// Inputs that are kept to make others of.
const KEPT: usize = 4_000;

/// The corpus, then a few new inputs.
fn suite(target: &Target) {
    let seed = variable("LANEWRIGHT_FUZZ_SEED").unwrap_or(SEED);
    let failures = harness::with_stack(|| {
        let mut run = Run::new(target, seed);
        let mut failures: Vec<Failure> =
            run.pool.clone().iter().filter_map(|input| run.tries(input).err()).collect();
        for _ in 0..target.cases {
            failures.extend(run.next().err());
        }
        failures
    });
    let mut told = String::new();
    for Failure { why, input } in &failures {
        let shown = String::from_utf8_lossy(&input[..input.len().min(2_000)]);
        writeln!(told, "{why}\n  of {shown}\n").expect("a string can be written to");
    }
    assert!(failures.is_empty(), "{}, seed {seed}:\n{told}", target.name);
}

/// Inputs for as long as `cargo xtask fuzz` says; what fails is written beside the corpus.
#[test]
#[ignore = "it goes on for minutes: `cargo xtask fuzz`"]
fn long() {
    let named = std::env::var("LANEWRIGHT_FUZZ_TARGET").ok();
    let seconds = variable("LANEWRIGHT_FUZZ_SECONDS").unwrap_or(60);
    let seed = variable("LANEWRIGHT_FUZZ_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(SEED, |now| now.as_secs())
    });
    let wanted = |target: &&Target| named.as_ref().is_none_or(|named| *named == target.name);
    let targets: Vec<&Target> = TARGETS.iter().filter(wanted).collect();
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert!(!targets.is_empty(), "there is no such target; there are {}", names.join(", "));
    let share = Duration::from_secs(seconds) / u32::try_from(targets.len()).expect("a few");
    watch_panics();
    let failed: usize =
        targets.iter().map(|target| harness::with_stack(|| goes_on(target, seed, share))).sum();
    assert_eq!(failed, 0, "failures are written to tests/fuzz; `cargo xtask test fuzz` tries them again");
}

/// Tries new inputs of a target for so long; how many different failures there were.
fn goes_on(target: &Target, seed: u64, time: Duration) -> usize {
    let mut run = Run::new(target, seed);
    let (began, mut cases, mut seen) = (Instant::now(), 0_u64, HashSet::new());
    while began.elapsed() < time {
        cases += 1;
        // Where a run ends without a word, this is what it ended with.
        let input = run.made();
        fs::write(last_input(), [target.name.as_bytes(), b"\n", &input].concat()).expect("written");
        let memory = memory();
        let found = run.tries(&input);
        let grown = self::memory().saturating_sub(memory);
        let found = match found {
            Ok(()) if grown > LARGE => Err(Failure { why: "it takes too much memory".to_owned(), input }),
            found => found,
        };
        let Err(failure) = found else { continue };
        if seen.insert(failure.kind()) {
            let input = smaller(&mut run, &failure);
            let digest = Digest::of(&input).to_string();
            let digest = digest.rsplit(':').next().unwrap_or_default();
            let file = corpus(target).join(format!("crash-{}", &digest[..16]));
            fs::create_dir_all(corpus(target)).expect("a folder");
            fs::write(&file, &input).expect("written");
            eprintln!("{}: {}\n  in {}", target.name, failure.why, file.display());
        }
    }
    let _ = fs::remove_file(last_input());
    let (known, failed) = (run.seen.len(), seen.len());
    eprintln!(
        "{}: {cases} inputs, {known} answers that differ, {failed} failures; --seed {seed}",
        target.name
    );
    failed
}

/// A target that is tried.
struct Run<'t> {
    target: &'t Target,
    session: Session,
    words: Vec<String>,
    /// Good inputs, those of the corpus, and what they led to.
    pool: Vec<Vec<u8>>,
    /// Answers that were seen.
    seen: HashSet<String>,
}

/// An input that shows a mistake.
struct Failure {
    why: String,
    input: Vec<u8>,
}

impl Failure {
    /// What tells it from others: where it panicked, or what it is.
    fn kind(&self) -> String {
        self.why.lines().next().unwrap_or_default().to_owned()
    }
}

impl<'t> Run<'t> {
    fn new(target: &'t Target, seed: u64) -> Self {
        let mut pool = (target.seeds)();
        let mut files: Vec<PathBuf> = fs::read_dir(corpus(target))
            .map(|entries| entries.map(|entry| entry.expect("an entry").path()).collect())
            .unwrap_or_default();
        files.sort();
        pool.extend(files.iter().map(|file| fs::read(file).expect("an input")));
        assert!(!pool.is_empty(), "{} has no inputs to begin with", target.name);
        let words = fs::read_to_string(harness::root().join(format!("tests/fuzz/{}.words", target.words)))
            .expect("words");
        let word =
            |line: &str| serde_json::from_str(&format!("\"{line}\"")).unwrap_or_else(|_| panic!("{line}"));
        let words = words.lines().map(word).collect();
        Self { target, session: Session::new().seed(seed), words, pool, seen: HashSet::new() }
    }

    /// A new input.
    fn made(&mut self) -> Vec<u8> {
        let mut pick = || drawn(&mut self.session, self.pool.len());
        let (one, other) = (pick(), pick());
        let mutator = Mutator { words: &self.words };
        mutator.changed(&mut self.session, &self.pool[one], &self.pool[other])
    }

    fn next(&mut self) -> Result<(), Failure> {
        let input = self.made();
        self.tries(&input)
    }

    fn tries(&mut self, input: &[u8]) -> Result<(), Failure> {
        let failure = |why: String| Failure { why, input: input.to_vec() };
        let (began, worked, before) = (Instant::now(), worked(), panics().0);
        let answer = catch_unwind(AssertUnwindSafe(|| (self.target.reads)(input)));
        let (count, place) = panics().clone();
        if count != before {
            return Err(failure(place));
        }
        let answer = answer.map_err(|panic| failure(words_of(&*panic)))?;
        let took = began.elapsed();
        if took > STUCK || took > SLOW && self::worked().saturating_sub(worked) > SLOW {
            return Err(failure("it takes too long".to_owned()));
        }
        if self.seen.insert(signature(&answer)) {
            match self.pool.len() < KEPT {
                true => self.pool.push(input.to_vec()),
                false => {
                    let place = drawn(&mut self.session, KEPT);
                    self.pool[place] = input.to_vec();
                }
            }
        }
        Ok(())
    }
}

/// Time of the processor that this process has had, and those that it started and waited for.
fn worked() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    // The name of the program may have spaces; the eleventh number after it is the first of four.
    let (_, numbers) = stat.rsplit_once(')').expect("a name");
    let ticks =
        numbers.split_whitespace().skip(11).take(4).map(|ticks| ticks.parse::<u64>().expect("a number"));
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// A failing input with everything left out that it fails without.
fn smaller(run: &mut Run<'_>, failure: &Failure) -> Vec<u8> {
    let kind = failure.kind();
    let (mut input, began) = (failure.input.clone(), Instant::now());
    let mut size = input.len() / 2;
    while size > 0 && began.elapsed() < Duration::from_secs(30) {
        let mut at = 0;
        while at + size <= input.len() && began.elapsed() < Duration::from_secs(30) {
            let less = [&input[..at], &input[at + size..]].concat();
            match run.tries(&less) {
                Err(same) if same.kind() == kind => input = less,
                _ => at += size,
            }
        }
        size /= 2;
    }
    input
}

/// An answer without what differs from input to input: numbers, and what is quoted.
fn signature(answer: &str) -> String {
    let (mut short, mut quote) = (String::new(), None);
    for c in answer.chars().take(400) {
        match quote {
            Some(end) if c == end => quote = None,
            Some(_) => continue,
            None if c == '"' || c == '`' => quote = Some(c),
            None if c.is_ascii_digit() => {
                if !short.ends_with('0') {
                    short.push('0');
                }
                continue;
            }
            None => {}
        }
        short.push(c);
    }
    short
}

fn corpus(target: &Target) -> PathBuf {
    harness::root().join("tests/fuzz").join(target.name)
}

/// What is being tried, should the program end over it.
fn last_input() -> PathBuf {
    std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz-last")
}

fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is `{value}`, and a whole number")))
}

/// Panics so far, of every thread, and where the last one was; counted once somebody watches.
static PANICS: Mutex<(usize, String)> = Mutex::new((0, String::new()));

fn panics() -> MutexGuard<'static, (usize, String)> {
    PANICS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts panics, also of threads for which nobody waits.
fn watch_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let mut panics = panics();
        panics.0 += 1;
        panics.1 = panic.to_string();
    }));
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

/// The most memory the program has had so far, in bytes; 0 where the system does not tell.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) << 10
}
