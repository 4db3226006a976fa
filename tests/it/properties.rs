//! What holds for every lead and every tenant: a decision, within everybody's limits, that can be run again.
//!
//! Leads of any text go through the standard plugins in their sandbox, one after the other against the
//! same counters, for tenants made at random; once with the usual limits, and once with so little fuel that
//! every plugin fails.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use lanewright::booking::Meeting;
use lanewright::counters::{Counted, Ledger, NewLead, SavedQueue, SavedRep, View};
use lanewright::decision::{Decision, Outcome, Past, Triage};
use lanewright::desk::{Changes, Desk, Saved};
use lanewright::events;
use lanewright::fetch::{Fetcher, Reach};
use lanewright::lead::{Confidence, LabelPolicy, LeadId, RepId};
use lanewright::pipeline::{Live, State, route};
use lanewright::plugin::{Plan, Plugins, THREAD_STACK, VISIBLE_TEXT};
use lanewright::records::Record;
use lanewright::replay::{Replayed, replay};
use lanewright::tenant::Tenant;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::harness::{self, NOW};

/// A sandbox in which every call fails: starting a plugin takes more.
fn starved() -> &'static Plugins {
    static PLUGINS: OnceLock<Plugins> = OnceLock::new();
    PLUGINS.get_or_init(|| harness::sandbox(Plan { fuel: 1_000, ..Plan::DEFAULT }, 16))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_tenant_decides_about_every_lead(folder in folder(), leads in prop::collection::vec(lead(), 1..7)) {
        route_all(&folder, &leads, harness::plugins())?;
    }

    /// The order of people in the file, somebody who cannot have a lead, and the scale of weights say nothing.
    #[test]
    fn what_means_nothing_changes_nothing(folder in folder(), leads in prop::collection::vec(lead(), 1..7)) {
        let outcomes = |folder: &Folder| {
            let decisions = route_all(folder, &leads, harness::plugins())?;
            Ok::<_, TestCaseError>(decisions.iter().map(|decision| place(&decision.outcome)).collect::<Vec<_>>())
        };
        let plain = outcomes(&folder)?;
        for other in [
            Folder { reversed: true, ..folder.clone() },
            Folder { absentee: true, ..folder.clone() },
            Folder { scale: 8, ..folder.clone() },
        ] {
            prop_assert_eq!(&plain, &outcomes(&other)?, "{:?}", other);
        }
    }

    #[test]
    fn no_failure_of_plugins_loses_a_lead(folder in folder(), leads in prop::collection::vec(lead(), 1..7)) {
        let decisions = route_all(&folder, &leads, starved())?;
        for decision in decisions {
            prop_assert!(decision.trace.calls().all(|call| call.failure.is_some()));
            prop_assert_eq!(decision.triage, Some(Triage::ClassifierFailed));
            prop_assert_eq!(decision.confidence, Confidence::Low);
        }
    }
}

/// Where a lead went. Why it is nobody's is left out: that somebody is away is another reason than that
/// there is nobody.
fn place(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Assigned { rep, by, .. } => format!("{rep} {by:?}"),
        Outcome::Manager { team, .. } => format!("manager of {team}"),
        Outcome::Held { queue, .. } => format!("queue {queue}"),
        Outcome::Track { track, .. } => format!("track {track}"),
        Outcome::Triage => "triage".to_owned(),
    }
}

/// What comes in: a lead, what happens to one, or time.
#[derive(Debug, Clone)]
enum Comes {
    Lead(Json),
    Batch(Vec<Json>),
    Event(Json),
}

prop_compose! {
    fn event()(
        kind in prop::sample::select(&[
            "accepted", "declined", "touched", "approved", "rejected", "locked", "unlocked", "closed", "no-show",
            "reassigned", "handed-over", "booked", "cancelled", "away", "back", "credit", "tick",
        ][..]),
        lead in 0..4u8,
        rep in 0..6u8,
        hour in 9..15u8,
    ) -> Json {
        let time = |hour: u8| format!("2026-03-02T{hour:02}:00:00Z");
        let to = if kind == "booked" { time(hour + 1) } else { format!("r{rep}") };
        json!({
            "event": kind, "lead": format!("l{lead}"), "rep": format!("r{rep}"), "to": to, "from": time(hour),
            "reason": "so", "queue": "t0", "leads": 1.5, "value": 90_000,
        })
    }
}

fn comes() -> impl Strategy<Value = (u32, Comes)> {
    let what = prop_oneof![
        4 => lead().prop_map(Comes::Lead),
        1 => prop::collection::vec(lead(), 1..4).prop_map(Comes::Batch),
        6 => event().prop_map(Comes::Event),
    ];
    (0..300u32, what)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// A desk that is made anew from what was told of another, before everything that comes, decides as that one
    /// does: nothing that matters is anywhere but in what is told.
    #[test]
    fn a_desk_is_what_was_told_of_it(
        folder in folder(),
        stream in prop::collection::vec(comes(), 1..16),
    ) {
        let folder = Folder { handled: true, ..folder };
        harness::with_stack(|| taken_up(&folder, &stream))?;
    }
}

/// What was told of a desk, as a database would keep it.
#[derive(Default)]
struct Kept {
    cases: BTreeMap<LeadId, (bool, String, Option<String>)>,
    reps: BTreeMap<RepId, SavedRep>,
    queues: BTreeMap<String, SavedQueue>,
    first: Option<Timestamp>,
    new_leads: Vec<NewLead>,
    records: Vec<Record>,
    absent: BTreeMap<RepId, bool>,
    booked: BTreeMap<RepId, Vec<Meeting>>,
    arrivals: u64,
}

impl Kept {
    fn keep(&mut self, changes: Changes) {
        for case in changes.cases {
            let before = self.cases.remove(&case.lead).and_then(|(.., kept)| kept);
            let kept = case.kept.or(before).filter(|kept| !kept.is_empty());
            self.cases.insert(case.lead, (case.hot, case.state, kept));
        }
        self.reps.extend(changes.counted.reps);
        self.queues.extend(changes.counted.queues);
        self.first = changes.counted.first.or(self.first);
        self.new_leads.extend(changes.counted.new_leads);
        self.records.extend(changes.records);
        self.absent.extend(changes.absent);
        self.booked.extend(changes.booked);
        self.arrivals = changes.arrivals;
    }

    /// A desk with those leads alone that a host keeps, and with these.
    fn desk(&self, tenant: &Arc<Tenant>, also: &[LeadId]) -> Desk {
        let kept = |(lead, (hot, state, kept)): (&LeadId, &(bool, String, Option<String>))| {
            (*hot || also.contains(lead)).then(|| (lead.clone(), state.clone(), kept.clone()))
        };
        let mut desk = Desk::new(Arc::clone(tenant));
        let counted = Counted {
            first: self.first,
            reps: self.reps.clone().into_iter().collect(),
            queues: self.queues.clone().into_iter().collect(),
            new_leads: self.new_leads.clone(),
        };
        let saved = Saved {
            cases: self.cases.iter().filter_map(kept).collect(),
            counted,
            records: self.records.clone(),
            absent: self.absent.clone().into_iter().collect(),
            booked: self.booked.clone().into_iter().collect(),
            arrivals: self.arrivals,
        };
        desk.restore(saved).expect("what was told reads");
        desk
    }
}

fn taken_up(folder: &Folder, stream: &[(u32, Comes)]) -> Result<(), TestCaseError> {
    let place = folder.write();
    let tenant = Tenant::load(place.path(), harness::plugins())
        .unwrap_or_else(|problems| panic!("{:?}\n{}", problems.0, folder.tenant_toml()));
    let tenant = Arc::new(tenant);
    let outside = Live { fetcher: Fetcher::new(Reach::Public) };
    let mut at: Timestamp = NOW.parse().expect("a time");
    let prepare = |lead: &Json, at| Desk::prepare(&tenant, lead, at, &outside).expect("a lead");
    let takes = |desk: &mut Desk, comes: &Comes, at| {
        let mut made = desk.pass(at, &outside);
        match comes {
            Comes::Lead(lead) => made.push(desk.lead(prepare(lead, at), &outside)),
            Comes::Batch(leads) => {
                let leads = leads.iter().map(|lead| prepare(lead, at)).collect();
                made.extend(desk.batch(leads, &outside).map_err(|error| error.to_string())?);
            }
            Comes::Event(event) => {
                let what = events::read(event).expect("an event").what;
                made.extend(desk.event(&what, at, &outside)?);
            }
        }
        Ok::<_, String>(made)
    };
    let mut first = Desk::new(Arc::clone(&tenant));
    let mut kept = Kept::default();
    for (minutes, comes) in stream {
        at += jiff::SignedDuration::from_mins((*minutes).into());
        let also: Vec<LeadId> = match comes {
            Comes::Lead(lead) => vec![prepare(lead, at).lead().clone()],
            Comes::Batch(leads) => leads.iter().map(|lead| prepare(lead, at).lead().clone()).collect(),
            Comes::Event(event) => {
                events::read(event).expect("an event").what.lead().cloned().into_iter().collect()
            }
        };
        let mut anew = kept.desk(&tenant, &also);
        let (made, made_anew) = (takes(&mut first, comes, at), takes(&mut anew, comes, at));
        prop_assert_eq!(made, made_anew, "{:?}", comes);
        prop_assert_eq!(first.wake_at(), anew.wake_at(), "{:?}", comes);
        kept.keep(anew.changes());
        first.changes();
    }
    Ok(())
}

/// The most text there is, of which plugins see the beginning.
#[test]
fn a_mebibyte_of_text_is_routed() {
    let folder =
        Folder { lanes: 0, policy: LabelPolicy::BestMatch, reps: vec![Rep::default()], ..Folder::default() };
    let check = |beginning: &str, filling: &str, end: &str| {
        let mut text = beginning.to_owned();
        text.extend(std::iter::repeat_n(filling, (1 << 20) / filling.len()));
        text.push_str(end);
        let lead = json!({"id": "long", "text": text, "contact": {"email": "jo@example.com"}});
        let decisions = route_all(&folder, &[lead], harness::plugins()).expect("holds");
        let trace = &decisions[0].trace;
        assert!(trace.normalise.lead.text.len() <= 1 << 20);
        let failed: Vec<_> = trace.calls().filter_map(|call| call.failure.as_ref()).collect();
        assert!(failed.is_empty(), "{filling:?}: {failed:?}");
        let verdict = trace.classify.verdict.as_ref().expect("a verdict");
        verdict.signals.iter().map(|signal| signal.value.clone()).collect::<Vec<_>>()
    };
    let near = check("We need 400 seats. ", "ä ", "");
    assert!(near.iter().any(|value| value.contains("400")), "{near:?}");
    // What is behind the first 64 KiB is kept, and no plugin sees it.
    let far = check("", "ä ", " We need 400 seats.");
    assert!(far.is_empty(), "{far:?}");
    // Long texts stay inside the budget of a call, however much there is in them to find.
    check("", "\u{1f600}", "");
    check("", "a", "");
    check("", "1 ", "");
    check("", "SSO ", "");
    check("", "SSO SAML RFP 400 seats by Friday! ", "");
    check("", "Could you send a quote for 35 users on the team plan, paid yearly? ", "");
}

/// Routes one lead after the other, and holds every decision to the laws.
fn route_all(folder: &Folder, leads: &[Json], plugins: &Plugins) -> Result<Vec<Decision>, TestCaseError> {
    // Plugins run on threads with the stack they were promised.
    let routed = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(THREAD_STACK);
        let run = || try_route_all(folder, leads, plugins);
        thread.spawn_scoped(scope, run).expect("a thread").join()
    });
    routed.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn try_route_all(folder: &Folder, leads: &[Json], plugins: &Plugins) -> Result<Vec<Decision>, TestCaseError> {
    let place = folder.write();
    let tenant = Tenant::load(place.path(), plugins)
        .unwrap_or_else(|problems| panic!("{:?}\n{}", problems.0, folder.tenant_toml()));
    let at: Timestamp = NOW.parse().expect("a time");
    let outside = Live { fetcher: Fetcher::new(Reach::Public) };
    let mut state = State::new(&tenant.config);
    let mut decisions = Vec::new();
    for (place, lead) in leads.iter().enumerate() {
        let before: Ledger = state.ledger.clone();
        let asked = (at, place as u32 + 1, Past::default());
        let decision = route(&tenant, lead, asked, &outside, &mut state)
            .map_err(|refusal| TestCaseError::fail(format!("refused: {refusal}")))?;
        laws(&tenant, &decision, &before.at(at), &state.ledger.at(at))?;
        decisions.push(decision);
    }
    Ok(decisions)
}

fn laws(
    tenant: &Tenant,
    decision: &Decision,
    before: &View<'_>,
    after: &View<'_>,
) -> Result<(), TestCaseError> {
    let config = &tenant.config;
    if config.policy == LabelPolicy::BestMatch {
        prop_assert!(decision.lane.is_some(), "best-match always yields a lane");
    }
    if decision.confidence == Confidence::Low {
        prop_assert!(decision.triage.is_some(), "low confidence opens a triage item");
        prop_assert!(
            !matches!(decision.outcome, Outcome::Track { .. }),
            "and closes tracks: {:?}",
            decision.outcome
        );
    }
    match &decision.outcome {
        Outcome::Assigned { rep, .. } => {
            let profile = config.rep(rep).expect("one of the tenant's");
            let counters = after.get(rep);
            prop_assert!(profile.available, "{rep} is away");
            prop_assert!(counters.open <= profile.max_open, "{rep} has {counters:?} of {}", profile.max_open);
            prop_assert!(
                profile.caps.weekly.is_none_or(|cap| counters.week <= cap),
                "{rep} has {counters:?}"
            );
            prop_assert!(
                counters.open == before.get(rep).open + 1 && counters.week == before.get(rep).week + 1
            );
        }
        _ => {
            for rep in &config.reps {
                prop_assert_eq!(before.get(&rep.id), after.get(&rep.id), "nobody's counters move");
            }
        }
    }
    if let Some(eligibility) = &decision.trace.eligibility {
        let mut counted: usize = eligibility.others.iter().map(|others| others.reps as usize).sum();
        for rep in &config.reps {
            let (candidate, excluded) =
                (eligibility.candidates.contains(&rep.id), eligibility.excluded.contains_key(&rep.id));
            prop_assert!(!(candidate && excluded), "{} is a candidate or excluded, never both", rep.id);
            counted += usize::from(candidate || excluded);
        }
        prop_assert_eq!(counted, config.reps.len(), "everybody is a candidate or has a reason");
    }
    if let Some(select) = &decision.trace.select {
        let all: f64 = select.pool.iter().map(|(_, chance)| chance).sum();
        prop_assert!((all - 1.0).abs() < 1e-9, "chances add up to {all}");
    }
    let text = &decision.trace.normalise.lead.text;
    for signal in decision.trace.classify.verdict.iter().flat_map(|verdict| &verdict.signals) {
        let (start, end) = (signal.start as usize, signal.end as usize);
        prop_assert!(end <= VISIBLE_TEXT && text.get(start..end).is_some(), "{signal:?}");
    }
    prop_assert!(!decision.why.is_empty() && !decision.why.contains('\n'), "{:?}", decision.why);

    let stored = serde_json::to_string(decision).expect("JSON");
    let read: Decision = serde_json::from_str(&stored).expect("a decision");
    prop_assert_eq!(&read, decision, "what is stored is what was decided");
    let replayed = replay(tenant, &read).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(replayed, Replayed::Same);
    Ok(())
}

/// A tenant's folder that passes the check.
#[derive(Debug, Clone)]
struct Folder {
    policy: LabelPolicy,
    /// Which of [`LANES`].
    lanes: usize,
    reps: Vec<Rep>,
    /// Percent.
    available: u8,
    /// Percent, not below `available`.
    near: u8,
    near_total: u8,
    tier_one_may_fill: bool,
    threshold: u8,
    within: u8,
    /// Which of [`FALLBACKS`].
    fallback: usize,
    owner: bool,
    territory: bool,
    /// Whether leads have deadlines, are told apart, go back to who had them, and some are suggested.
    handled: bool,
    /// Whether people stand in the other order.
    reversed: bool,
    /// Whether there is somebody more, who is away.
    absentee: bool,
    /// What weights are multiplied by.
    scale: u8,
}

impl Default for Folder {
    fn default() -> Self {
        Self {
            policy: LabelPolicy::BestMatch,
            lanes: 0,
            reps: Vec::new(),
            available: 70,
            near: 90,
            near_total: 75,
            tier_one_may_fill: true,
            threshold: 40,
            within: 15,
            fallback: 0,
            owner: false,
            territory: false,
            handled: false,
            reversed: false,
            absentee: false,
            scale: 1,
        }
    }
}

#[derive(Debug, Clone)]
struct Rep {
    /// 0 or 1.
    team: u8,
    max_open: u32,
    open: u32,
    weekly_cap: Option<u32>,
    week: u32,
    /// In quarters.
    weight: u8,
    available: bool,
    free_now: bool,
    response: Option<u32>,
    language: &'static str,
    deal_max: Option<u32>,
}

impl Default for Rep {
    fn default() -> Self {
        Self {
            team: 0,
            max_open: 10,
            open: 0,
            weekly_cap: None,
            week: 0,
            weight: 4,
            available: true,
            free_now: true,
            response: None,
            language: "en",
            deal_max: None,
        }
    }
}

/// Where lanes lead: few sets, since every set is prepared once.
const LANES: [&[(&str, &str)]; 3] = [
    &[
        ("enterprise", "team = \"t0\""),
        ("smb", "team = \"t1\""),
        ("self-serve", "track = \"trial\""),
        ("partner", "triage = true"),
    ],
    &[("smb", "track = \"news\"")],
    &[("repairs", "team = \"t0\""), ("rentals", "team = \"t1\"")],
];

const FALLBACKS: [&str; 4] = [
    "",
    "[plugins.fallback.settings]\nchain = [{ nurture = \"drip\" }, { round-robin = \"t1\" }]",
    "[plugins.fallback.settings]\nchain = [{ round-robin = \"t0\" }, { round-robin = \"t1\" }, { manager = \"t1\" }]",
    "[plugins.fallback.settings]\nchain = [{ round-robin = \"nobody\" }, { manager = \"t0\" }, { manager = \"nobody\" }]",
];

impl Folder {
    fn tenant_toml(&self) -> String {
        let policy = match self.policy {
            LabelPolicy::BestMatch => "best-match",
            LabelPolicy::Strict => "strict",
        };
        let Self { near_total, tier_one_may_fill, threshold, within, .. } = self;
        let (available, near) = (f64::from(self.available) / 100.0, f64::from(self.near) / 100.0);
        let mut toml = format!(
            "[tenant]\nid = \"any\"\nname = \"Any\"\ncurrency = \"USD\"\ntimezone = \"UTC\"\n\
             [classify]\npolicy = \"{policy}\"\n\
             [tiers]\none = {{ when = \"lead.source == 'demo-request'\" }}\n\
             two = {{ when = \"lead.source == 'event' || verdict.intent >= 80.0\" }}\n\
             [capacity]\navailable = {available:?}\nnear = {near:?}\nnear_total = {near_total}\n\
             tier_one_may_fill = {tier_one_may_fill}\n\
             [matching]\nthreshold = {threshold}\nqualified_within = {within}\n{}\n",
            FALLBACKS[self.fallback],
        );
        if self.handled {
            toml.push_str(
                "[acceptance]\nminutes = 45\n[escalation]\nmissed = \"next\"\n[mode]\ntiers = { 2 = \"suggest\" }\n\
                 [duplicates]\n[sticky]\n[fairness]\nmax_spread = 2\n",
            );
        }
        for (id, to) in LANES[self.lanes] {
            let definition = format!("Inquiries about {id}.");
            write!(toml, "[[lanes]]\nid = \"{id}\"\nname = \"{id}\"\ndefinition = \"{definition}\"\n{to}\n")
                .expect("a string can be written to");
        }
        toml
    }

    fn write(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write =
            |name: &str, content: &str| fs::write(folder.path().join(name), content).expect("written");
        write("tenant.toml", &self.tenant_toml());
        write(
            "teams.toml",
            "[[teams]]\nid = \"t0\"\nname = \"T0\"\nmanager = \"mia@t0.example\"\n[[teams]]\nid = \"t1\"\nname = \"T1\"\n",
        );
        let head = String::from(
            "id,name,team,max_open,open,weekly_cap,week,weight,available,free_now,response_seconds,languages,deal_max\n",
        );
        let mut reps = Vec::new();
        let number = |value: Option<u32>| value.map(|value| value.to_string()).unwrap_or_default();
        for (place, rep) in self.reps.iter().enumerate() {
            let Rep { team, max_open, open, week, available, free_now, language, .. } = rep;
            let (cap, response, most) = (number(rep.weekly_cap), number(rep.response), number(rep.deal_max));
            let weight = f64::from(rep.weight * self.scale) / 4.0;
            reps.push(format!("r{place},R{place},t{team},{max_open},{open},{cap},{week},{weight},{available},{free_now},{response},{language},{most}\n"));
        }
        if self.absentee {
            reps.push("away,Away,t0,5,0,,0,1,false,true,,en,\n".to_owned());
        }
        if self.reversed {
            reps.reverse();
        }
        write("reps.csv", &(head + &reps.concat()));
        if self.owner {
            write("accounts.csv", "domain,name,owner\nowned.example,Owned,r0\n");
        }
        if self.territory {
            let toml = "[[territories]]\nid = \"de\"\nname = \"Germany\"\ncountries = [\"DE\"]\nprimary = [\"r0\"]\n";
            write("territories.toml", toml);
        }
        folder
    }
}

prop_compose! {
    fn rep()(
        team in 0..2u8,
        max_open in 1..6u32,
        open in 0..7u32,
        weekly_cap in prop::option::of(1..4u32),
        week in 0..4u32,
        weight in 1..9u8,
        available in prop::bool::weighted(0.8),
        free_now in any::<bool>(),
        response in prop::option::of(1..10_000u32),
        language in prop::sample::select(&["", "en", "de;en", "pt"][..]),
        deal_max in prop::option::of(1..100_000u32),
    ) -> Rep {
        Rep { team, max_open, open, weekly_cap, week, weight, available, free_now, response, language, deal_max }
    }
}

prop_compose! {
    fn folder()(
        strict in any::<bool>(),
        lanes in 0..LANES.len(),
        reps in prop::collection::vec(rep(), 1..7),
        bands in (0..=100u8, 0..=100u8),
        near_total in 0..=100u8,
        tier_one_may_fill in any::<bool>(),
        threshold in prop::sample::select(&[0u8, 20, 40, 60, 90][..]),
        within in 0..=100u8,
        fallback in 0..FALLBACKS.len(),
        owner in any::<bool>(),
        territory in any::<bool>(),
    ) -> Folder {
        let policy = if strict { LabelPolicy::Strict } else { LabelPolicy::BestMatch };
        let (available, near) = (bands.0.min(bands.1), bands.0.max(bands.1));
        Folder {
            policy, lanes, reps, available, near, near_total, tier_one_may_fill, threshold, within, fallback,
            owner, territory, ..Folder::default()
        }
    }
}

/// Any text: nothing, letters of anywhere, control characters, or what people do write.
fn text() -> impl Strategy<Value = String> {
    let ordinary = prop::sample::select(
        &[
            "Could you send a quote for 35 users on the team plan?",
            "We need 2,400 seats, SSO and your SOC 2 report before procurement sends the RFP.",
            "How do I pay the monthly plan by card?",
            "We want to resell your product to our forty clients.",
            "Our boat leaks, who repairs it?",
        ][..],
    );
    prop_oneof![
        Just(String::new()),
        any::<String>(),
        "\\PC{0,200}",
        prop::collection::vec(any::<char>(), 0..300).prop_map(|chars| chars.into_iter().collect()),
        ordinary.prop_map(str::to_owned),
    ]
}

prop_compose! {
    fn lead()(
        text in text(),
        source in prop::sample::select(&["web-form", "demo-request", "event"][..]),
        domain in prop::sample::select(&["gmail.com", "owned.example", "other.example"][..]),
        country in prop::option::of(prop::sample::select(&["DE", "US"][..])),
        language in prop::option::of(prop::sample::select(&["de", "en-GB", "ja"][..])),
        value in prop::option::of(0..200_000u32),
        id in 0..4u8,
    ) -> Json {
        json!({
            "id": format!("l{id}"), "source": source, "text": text, "value": value,
            "contact": {"email": format!("jo@{domain}"), "language": language},
            "company": {"country": country},
        })
    }
}
