//! Lanewright itself: one plugin call, a whole decision, the first decision of a tenant.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use jiff::Timestamp;
use lanewright::decision::Past;
use lanewright::desk::Desk;
use lanewright::failure::Failure;
use lanewright::fetch::{Fetcher, Reach};
use lanewright::lead::{Destination, LabelPolicy, Lane, Lead, Verdict};
use lanewright::pipeline::{self, Live, State};
use lanewright::plugin::{
    CandidateRow, Directory, Instance, Options, Plan, Plugins, Refusal, Release, ScoreQuestion, Scores, Size,
    VisibleLead,
};
use lanewright::tenant::Tenant;
use serde_json::{Value as Json, json};

/// A sandbox whose compiled plugins are kept in `cache`; this program is its own compiler.
pub(crate) fn plugins(cache: &Path) -> Result<Plugins> {
    let options = Options {
        compiler: std::env::current_exe()?,
        cache: Some(cache.to_owned()),
        plan: Plan::DEFAULT,
        size: Size::default(),
    };
    Ok(Plugins::new(options)?)
}

/// A component with settings, called as the route calls it.
pub(crate) struct Ours {
    release: Release,
    directory: Arc<Directory>,
    pub(crate) prepared: Vec<u8>,
}

impl Ours {
    pub(crate) fn new(plugins: &Plugins, component: &[u8], lanes: &[Lane]) -> Result<Self> {
        let prototype = plugins.load(component).map_err(|refusals| told(&refusals))?;
        let lanes: Arc<[Lane]> = lanes.into();
        let prepared = prototype.prepare(&json!({}), &lanes)?;
        let release = plugins.release(&prototype, &json!({}), &lanes)?;
        Ok(Self { release, directory: Arc::default(), prepared })
    }

    fn instance(&self) -> Result<Instance<'_>, Failure> {
        self.release.instantiate(&self.directory, &Arc::default()).map_err(|unstarted| unstarted.failure)
    }

    pub(crate) fn classify(&self, lead: &VisibleLead) -> Result<Verdict, Failure> {
        let mut instance = self.instance()?;
        instance.classify(lead, LabelPolicy::BestMatch).answer
    }

    pub(crate) fn score(
        &self,
        lead: &VisibleLead,
        verdict: &Verdict,
        fit_names: &[&str],
        fits: &[f32],
        candidates: &[CandidateRow],
    ) -> Result<Scores, Failure> {
        let mut instance = self.instance()?;
        let segments = &BTreeMap::new();
        let question = ScoreQuestion { tier: 2, segments, fit_names, fits, candidates };
        instance.score(lead, verdict, &question).answer
    }
}

fn told(refusals: &[Refusal]) -> anyhow::Error {
    let told: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    anyhow!("{}", told.join("; "))
}

/// A lane of this name.
pub(crate) fn lane(id: &str) -> Result<Lane> {
    let definition = format!("Inquiries that belong to {id}.");
    let id = id.parse().context("a lane's id")?;
    Ok(Lane { id, name: String::new(), definition, examples: Vec::new(), to: Destination::Triage })
}

/// The bench's lead in the host's words.
pub(crate) fn lead(lead: &lanewright_bench_logic::lead::Lead) -> Result<Lead> {
    let mut value = serde_json::to_value(lead)?;
    value["received_at"] = json!(Timestamp::from_millisecond(lead.received_at as i64)?);
    Ok(serde_json::from_value(value)?)
}

/// A tenant that routes its sample leads over and over.
pub(crate) struct Line {
    pub(crate) tenant: Arc<Tenant>,
    leads: Vec<Json>,
    outside: Live,
}

impl Line {
    pub(crate) fn new(folder: &Path, plugins: &Plugins) -> Result<Self> {
        let tenant = Tenant::load(folder, plugins).map_err(|problems| anyhow!("{problems:?}"))?;
        let leads = std::fs::read_to_string(folder.join("leads.jsonl"))?;
        let leads = leads.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        Ok(Self { tenant: Arc::new(tenant), leads, outside: Live { fetcher: Fetcher::new(Reach::Public) } })
    }

    /// Routes every sample lead once, on the current pool of threads: prepared on all of them, settled
    /// in order, as `lanewright route` does. Answers how many decisions were made.
    pub(crate) fn pass(&self) -> Result<usize> {
        use rayon::prelude::*;
        let mut desk = Desk::new(Arc::clone(&self.tenant));
        let at = Timestamp::UNIX_EPOCH;
        let prepared: Vec<_> =
            self.leads.par_iter().map(|lead| Desk::prepare(&self.tenant, lead, at, &self.outside)).collect();
        let mut decisions = 0;
        for prepared in prepared {
            let decision = desk.lead(prepared?, &self.outside);
            decisions += usize::from(decision.number == 1);
        }
        Ok(decisions)
    }

    /// One decision about the first sample lead.
    pub(crate) fn first(&self) -> Result<()> {
        let mut state = State::new(&self.tenant.config);
        let lead = self.leads.first().context("no sample lead")?;
        let asked = (Timestamp::UNIX_EPOCH, 1, Past::default());
        pipeline::route(&self.tenant, lead, asked, &self.outside, &mut state)?;
        Ok(())
    }
}

/// A folder like the example's, with a hundred reps.
pub(crate) fn hundred_reps(example: &Path, into: &Path) -> Result<PathBuf> {
    for file in ["tenant.toml", "teams.toml", "territories.toml", "accounts.csv", "leads.jsonl"] {
        if example.join(file).exists() {
            std::fs::copy(example.join(file), into.join(file))?;
        }
    }
    let reps = std::fs::read_to_string(example.join("reps.csv"))?;
    let mut lines = reps.lines();
    let header = lines.next().context("reps.csv is empty")?;
    let rows: Vec<&str> = lines.filter(|line| !line.trim().is_empty()).collect();
    let mut out = vec![header.to_owned()];
    out.extend(rows.iter().map(|row| (*row).to_owned()));
    for n in rows.len()..100 {
        let row = rows[n % rows.len()];
        let (id, rest) = row.split_once(',').context("a row of reps.csv")?;
        // A rep's e-mail address is nobody else's.
        out.push(format!("{id}-{n},{}", rest.replacen('@', &format!("+{n}@"), 1)));
    }
    std::fs::write(into.join("reps.csv"), out.join("\n"))?;
    Ok(into.to_owned())
}
