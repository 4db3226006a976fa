//! What a decision costs as the reps, rules and territories that do not matter for it grow.
//!
//! `cargo xtask bench core [ROUNDS]` prints a Markdown table a part of the route. In each the same lead
//! meets tenants of three sizes, ten times apart, in which as many reps can take it and as many rules hold
//! for it. All ways are timed in one interleaved run, and every size decides the same.

mod folder;

use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, ensure};
use jiff::Timestamp;
use lanewright::counters::Assignment;
use lanewright::decision::{Decision, Factor, Outcome, Past, RulesTrace};
use lanewright::fetch::{Fetcher, Reach};
use lanewright::lead::{Lead, TeamId, Tier, Verdict};
use lanewright::pipeline::{
    self, Asking, Demand, Live, Moment, Numbered, Picking, Pool, Prepared, Scored, State, Wanted,
};
use lanewright::plugin::{CHILD, Options, Plan as Sandbox, Plugins, THREAD_STACK, child};
use lanewright::rules::{Facts, RulesFound};
use lanewright::tenant::Tenant;
use lanewright_bench_measure::{Plan, Way, measure, table};
use serde_json::Value as Json;

use folder::{ABLE, HOLDING, LEAD, Size};

const SIZES: [Size; 3] = [
    Size { reps: 100, rules: 20, territories: 50 },
    Size { reps: 1_000, rules: 200, territories: 500 },
    Size { reps: 10_000, rules: 2_000, territories: 5_000 },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == CHILD) {
        return child(&arguments[1..]);
    }
    // Guests are called on threads with room for their stack, here as in the host.
    let all = std::thread::Builder::new().stack_size(THREAD_STACK).spawn(move || run(arguments.first()));
    match all.map(std::thread::JoinHandle::join) {
        Ok(Ok(Ok(()))) => ExitCode::SUCCESS,
        Ok(Ok(Err(error))) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
        Ok(Err(_)) | Err(_) => ExitCode::FAILURE,
    }
}

fn run(rounds: Option<&String>) -> Result<()> {
    let rounds = match rounds {
        Some(rounds) => rounds.parse().with_context(|| format!("`{rounds}` is no number of rounds"))?,
        None => 1_000,
    };
    let cache = tempfile::tempdir()?;
    let plugins = Plugins::new(Options {
        compiler: std::env::current_exe()?,
        cache: Some(cache.path().to_owned()),
        plan: Sandbox::DEFAULT,
        size: Default::default(),
    })?;
    let cases = SIZES.map(|size| Case::new(size, &plugins));
    let cases = cases.into_iter().collect::<Result<Vec<_>>>()?;

    let leads = cases.iter().map(Case::met).collect::<Result<Vec<_>>>()?;
    show("Rules and territory", rounds, &leads, |lead, _| lead.place())?;
    show("Eligibility, fits, rank and select", rounds, &leads, |lead, _| lead.pick())?;
    show("Both of these: a decision without its plugins", rounds, &leads, |lead, _| {
        lead.place()?;
        lead.pick()
    })?;
    show("Evaluate and commit, scorer and trace included", rounds, &leads, |lead, state| lead.settle(state))?;
    show("A whole decision, every plugin included", rounds, &leads, |lead, state| lead.whole(state))
}

/// The same work in every size.
fn show(
    title: &str,
    rounds: u32,
    leads: &[Met<'_>],
    work: impl Fn(&Met<'_>, &mut State) -> Result<()>,
) -> Result<()> {
    let mut states: Vec<State> = leads.iter().map(|lead| State::new(&lead.tenant.config)).collect();
    let mut ways: Vec<Way<'_, anyhow::Error>> = leads
        .iter()
        .zip(&mut states)
        .map(|(lead, state)| Way::new(lead.name.clone(), || work(lead, state)))
        .collect();
    let plan = Plan { warm_up: 50.min(rounds), rounds, batch: 10 };
    let rows = measure(plan, &mut ways).map_err(|failed| failed.error.context(failed.name))?;
    println!("## {title}\n\n{}", table(&rows, &leads[1].name));
    Ok(())
}

/// A tenant of some size.
struct Case {
    name: String,
    tenant: Tenant,
    received: Json,
    outside: Live,
}

impl Case {
    fn new(size: Size, plugins: &Plugins) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        folder::write(folder.path(), size)?;
        let tenant = Tenant::load(folder.path(), plugins)
            .map_err(|problems| anyhow!("the folder is not in order: {:?}", problems.0.first()))?;
        let Size { reps, rules, territories } = size;
        Ok(Self {
            name: format!("{reps} reps, {rules} rules, {territories} territories"),
            tenant,
            received: serde_json::from_str(LEAD)?,
            outside: Live { fetcher: Fetcher::new(Reach::Public) },
        })
    }

    /// The lead as this tenant meets it; an error where size changes more than the size.
    fn met(&self) -> Result<Met<'_>> {
        let tenant = &self.tenant;
        let lead: Lead = serde_json::from_value(self.received.clone())?;
        let at = lead.received_at;
        let mut state = State::new(&tenant.config);
        let asked = (at, 1, Past::default());
        let decision = pipeline::route(tenant, &self.received, asked, &self.outside, &mut state)?;
        let Decision { trace, outcome, tier, .. } = decision;
        ensure!(matches!(outcome, Outcome::Assigned { .. }), "nobody got it: {outcome:?}");
        ensure!(tier == Tier::Two, "it is of {tier:?}");
        let able = trace.eligibility.map_or(0, |eligibility| eligibility.candidates.len());
        ensure!(able == ABLE, "{able} can take it, and {ABLE} should");
        let holding = trace.rules.said.held.len();
        ensure!(holding == HOLDING, "{holding} rules hold, and {HOLDING} should");
        let verdict = trace.classify.verdict.context("no verdict")?;
        let found = tenant.config.rules.evaluate(&Facts::new(&lead, &verdict));
        Ok(Met {
            name: &self.name,
            tenant,
            received: &self.received,
            outside: &self.outside,
            at,
            prepared: pipeline::prepare(tenant, &self.received, at, &self.outside)?,
            found,
            state: State::new(&tenant.config),
            lead,
            verdict,
            rules: trace.rules,
        })
    }
}

/// The lead at one tenant, with what the parts of the route start from.
struct Met<'t> {
    name: &'t String,
    tenant: &'t Tenant,
    received: &'t Json,
    outside: &'t Live,
    at: Timestamp,
    prepared: Prepared,
    found: RulesFound,
    state: State,
    lead: Lead,
    verdict: Verdict,
    rules: RulesTrace,
}

impl Met<'_> {
    /// Which rules hold, and where the lead is.
    fn place(&self) -> Result<()> {
        let config = &self.tenant.config;
        let found = config.rules.evaluate(&Facts::new(&self.lead, &self.verdict));
        let rules = pipeline::place(config, &self.lead, &self.verdict, None, Tier::Two);
        std::hint::black_box((found, rules));
        Ok(())
    }

    /// Who can take it and who gets it, with scores at hand.
    fn pick(&self) -> Result<()> {
        let Tenant { config, roster, .. } = self.tenant;
        let facts = Facts::new(&self.lead, &self.verdict);
        let demand = Demand {
            lead: &self.lead,
            lane: self.verdict.lane.as_ref(),
            tier: Tier::Two,
            units: 1,
            rules: &[],
            segments: &self.rules.segments,
        };
        let asking = Asking {
            config,
            roster,
            demand: &demand,
            place: &self.rules,
            rules: &self.found,
            facts: &facts,
            skills: &[],
            waited: 0,
            declined: &[],
            moment: Moment { at: self.at, absent: &[] },
        };
        let team: TeamId = "sales".parse()?;
        let counters = self.state.ledger.at(self.at);
        let eligibility = pipeline::eligible(&asking, &team, &counters);
        let reps = pipeline::candidates(config, &eligibility);
        let wanted = Wanted {
            roster,
            lead: &self.lead,
            verdict: &self.verdict,
            rules: &self.rules,
            skills: &[],
            hours: None,
        };
        let fits = pipeline::fits(config, wanted, &reps);
        let factors = [Factor { name: "any".to_owned(), weight: 1.0 }];
        let rows: Vec<f32> = (50_u8..).map(f32::from).take(reps.len()).collect();
        let scored = Scored { candidates: &reps, factors: &factors, rows: &rows };
        let matches = pipeline::rank(config, Tier::Two, scored, &counters, 7);
        let pool = Pool::team(config, &team);
        let queue = pipeline::queue(config, pool.name, &demand);
        let picking = Picking {
            config,
            tier: Tier::Two,
            pool,
            queue: &queue,
            free: &|_| true,
            fast: None,
            prefers: &[],
            seed: 7,
        };
        let picked = pipeline::select(picking, &matches, &counters)
            .map_err(|nobody| anyhow!("nobody was picked: {nobody:?}"))?;
        std::hint::black_box((fits, picked));
        Ok(())
    }

    /// The second half of the route, from candidates to the counted decision.
    fn settle(&self, state: &mut State) -> Result<()> {
        let numbered = Numbered::new(self.tenant, &self.prepared, (self.at, 1, Past::default()));
        self.forget(&pipeline::settle(self.tenant, &numbered, self.outside, state), state)
    }

    fn whole(&self, state: &mut State) -> Result<()> {
        let asked = (self.at, 1, Past::default());
        let decision = pipeline::route(self.tenant, self.received, asked, self.outside, state)?;
        self.forget(&decision, state)
    }

    /// Takes the decision back, so that every round finds the same counters.
    fn forget(&self, decision: &Decision, state: &mut State) -> Result<()> {
        let Outcome::Assigned { rep, .. } = &decision.outcome else { return Err(anyhow!("nobody got it")) };
        let select = decision.trace.select.as_ref();
        let at = self.at;
        state.ledger.withdraw(&Assignment { rep, at, units: 1, rules: &[], select, price: None });
        Ok(())
    }
}
