//! What a tenant's deals tell people: figures and charts beside their targets (S2.18, S3.29, S3.30), an audit of the set-up
//! (S1.10, S4.9), and suggestions with their evidence (S2.8, S3.18, S3.33).
//!
//! In: rows of deals, reps with their loads, and the model. Out: values that the API answers with and `lanewright report`
//! shows. The statistics are the library's; here they get their rows.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use lanewright_learning::analytics::targets::{Met, Target, targets};
use lanewright_learning::analytics::{self, Analytics, Lead, Load, Mode, Placed, Stage};
use lanewright_learning::drift::Watch;
use lanewright_learning::grades::{Row as Graded, Scored};
use lanewright_learning::rate::Rate;
use lanewright_learning::readiness::{self, Finding, History, Queued};
use lanewright_learning::suggest::{self, Deal, End, Predicted, Routed, Ruled, Suggestion};
use serde::{Deserialize, Serialize};

use crate::config::{Config, Fact};
use crate::events::Closing;
use crate::learning::Model;
use crate::learning::history::PastDeal;
use crate::store::DealFound;
use crate::zones::zone;

/// Everything that is told of a stretch of time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Insight {
    /// From when on.
    pub from: Timestamp,
    /// Until when, excluded.
    pub to: Timestamp,
    /// What leads are told apart by in funnels and gaps.
    pub segment: String,
    /// Leads of that time.
    pub leads: usize,
    /// Every metric, and the data of every chart.
    pub analytics: Analytics,
    /// Against the targets of the field.
    pub targets: Vec<(Target, Met)>,
    /// What each grade of matches won, from A to D, where the tenant grades them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grades: Option<[Graded; 4]>,
    /// What to automate, what not yet, and where simple rules serve better.
    pub readiness: Vec<Finding>,
    /// What somebody may accept or dismiss, those that were answered left out.
    pub suggestions: Vec<Suggestion>,
}

/// What is asked of [`insight`].
pub struct Asked<'a> {
    /// The tenant.
    pub config: &'a Config,
    /// What was learned, where something was.
    pub model: Option<&'a Model>,
    /// What was seen of the model in force on the deals that closed since it was trained, where somebody has looked.
    pub watch: Option<Watch>,
    /// Reps and their loads.
    pub loads: &'a [Load],
    /// Ids of suggestions that somebody answered.
    pub answered: &'a [String],
    /// Leads that wait for a rep now, where that is known.
    pub queued: Option<Queued>,
    /// From when on, until when, and now.
    pub time: (Timestamp, Timestamp, Timestamp),
    /// What leads are told apart by: a fact's name, or `lane`.
    pub segment: &'a str,
}

/// A match from which on it is a high one (X3).
const HIGH: f64 = 75.0;
const DAY: f64 = 86_400_000.0;
const MINUTE: f64 = 60_000.0;

/// All of it, from the deals of that time.
pub fn insight(deals: &[DealFound], asked: &Asked<'_>) -> Insight {
    let Asked { config, model, watch, loads, answered, queued, time: (from, to, now), segment } = *asked;
    let zone = zone(&config.timezone).unwrap_or(TimeZone::UTC);
    let rows: Vec<Row<'_>> = deals.iter().map(|deal| Row::of(deal, segment)).collect();
    let routed = || rows.iter().filter(|row| row.deal.origin == "lead");
    let leads: Vec<Lead> = routed().map(|row| row.lead(now, &zone)).collect();
    let analytics = analytics::analyse(&leads, loads, HIGH);
    let mut suggestions =
        suggest::tags(&rows.iter().filter_map(|row| row.tagged(config, now)).collect::<Vec<_>>());
    suggestions.extend(suggest::gaps(&routed().map(|row| row.routed(now)).collect::<Vec<_>>()));
    suggestions.extend(suggest::rules(&routed().filter_map(Row::ruled).collect::<Vec<_>>()));
    if let Some(model) = model {
        suggestions.extend(suggest::coaching(
            &rows.iter().filter_map(|row| row.predicted(model)).collect::<Vec<_>>(),
        ));
    }
    suggestions.retain(|suggestion| !answered.contains(&suggestion.id.to_string()));
    Insight {
        from,
        to,
        segment: segment.to_owned(),
        leads: leads.len(),
        targets: targets(&analytics).to_vec(),
        grades: config.matching.grades.map(|ranges| {
            let scored = |row: &Row<'_>| Some(Scored { score: row.deal.total?, won: row.won() });
            ranges.distribution(&routed().filter_map(scored).collect::<Vec<_>>())
        }),
        readiness: readiness::audit(&History { queued, watch, ..history(&rows, config, model, (from, to)) }),
        analytics,
        suggestions,
    }
}

/// A deal with its words read.
struct Row<'d> {
    deal: &'d DealFound,
    facts: BTreeMap<String, String>,
    segment: String,
}

impl<'d> Row<'d> {
    fn of(deal: &'d DealFound, segment: &str) -> Self {
        let facts: BTreeMap<String, String> = serde_json::from_str(&deal.facts).unwrap_or_default();
        let word = facts.get(segment).or(deal.lane.as_ref().filter(|_| segment == "lane"));
        let segment = word.cloned().unwrap_or_else(|| "unknown".to_owned());
        Self { deal, facts, segment }
    }

    fn won(&self) -> Option<bool> {
        match self.deal.outcome.as_deref() {
            Some("won") => Some(true),
            Some("lost") => Some(false),
            _ => None,
        }
    }

    fn minutes_to_touch(&self) -> Option<f64> {
        let deal = self.deal;
        deal.touched_at.map(|at| (at - deal.opened_at).max(0) as f64 / MINUTE)
    }

    /// Whether the first touch came in time; nothing while it still may.
    fn in_time(&self, now: Timestamp) -> Option<bool> {
        let due = self.deal.due_at?;
        match self.deal.touched_at {
            Some(at) => Some(at <= due),
            None => (now.as_millisecond() > due).then_some(false),
        }
    }

    fn lead(&self, now: Timestamp, zone: &TimeZone) -> Lead {
        let deal = self.deal;
        let won = self.won();
        let reached = match (won, deal.met_at, deal.touched_at) {
            (Some(true), ..) => Stage::Won,
            // An outcome other than disqualified is that of an opportunity.
            (Some(false), ..) => Stage::Opportunity,
            (None, Some(_), _) => Stage::Meeting,
            (None, None, Some(_)) => Stage::Contact,
            (None, None, None) => Stage::Captured,
        };
        Lead {
            week: week(deal.opened_at, zone),
            segment: self.segment.clone(),
            rep: deal.rep.clone(),
            placed: match deal.found_by.as_deref() {
                Some("predictive") => Placed::Predictive,
                Some("person") => Placed::Manual,
                _ => Placed::Rules,
            },
            mode: if deal.found_by.as_deref() == Some("batch") { Mode::Batch } else { Mode::RealTime },
            match_score: deal.total,
            first_touch: self.minutes_to_touch(),
            sla: deal.due_at.map(|due| (due - deal.opened_at).max(0) as f64 / MINUTE),
            in_time: self.in_time(now),
            overridden: deal.overridden == 1,
            reached,
            won,
            revenue: deal.value.filter(|_| won == Some(true)).unwrap_or_default(),
            csat: score(deal.customer_score),
            rep_satisfaction: score(deal.rep_score),
        }
    }

    /// Whether a person changed what was assigned; nothing where a person assigned it in the first place, or nobody did.
    fn changed(&self) -> Option<bool> {
        let Self { deal, .. } = self;
        let changed = deal.overridden == 1;
        (deal.rep.is_some() && (changed || deal.found_by.as_deref() != Some("person"))).then_some(changed)
    }

    /// For tags of expertise: a closed deal of a rep whose industry is known.
    fn tagged(&self, config: &Config, now: Timestamp) -> Option<Deal> {
        let (rep, industry) = (self.deal.rep.clone()?, self.facts.get("industry")?);
        let (won, closed) = (self.won()?, self.deal.closed_at?);
        let profile = config.reps.iter().find(|known| known.id.as_str() == rep)?;
        let on_profile = profile.industries.iter().any(|known| known.eq_ignore_ascii_case(industry));
        let days_ago = ((now.as_millisecond() - closed).max(0) as f64 / DAY) as u32;
        Some(Deal { rep, industry: industry.clone(), on_profile, days_ago, won })
    }

    fn routed(&self, now: Timestamp) -> Routed {
        let end = match (&self.deal.rep, self.deal.found_by.as_deref()) {
            // A track has what is not for people.
            (None, _) if self.deal.placed == "track" => End::Covered,
            (None, _) => End::Unassigned,
            (Some(_), Some("fallback")) => End::Fallback,
            (Some(_), _) if self.in_time(now) == Some(false) => End::Late,
            (Some(_), _) => End::Covered,
        };
        Routed { segment: self.segment.clone(), end }
    }

    fn ruled(&self) -> Option<Ruled> {
        let rule = self.deal.found_by.as_deref()?.strip_prefix("rule:")?;
        Some(Ruled { rule: rule.to_owned(), overridden: self.deal.overridden == 1, won: self.won() })
    }

    fn predicted(&self, model: &Model) -> Option<Predicted> {
        let (rep, won) = (self.deal.rep.clone()?, self.won()?);
        let estimate = *model.win().predict(&self.facts, self.deal.opened_at, &[&rep]).first()?;
        Some(Predicted { rep, segment: self.segment.clone(), predicted: estimate.chance(), won })
    }
}

fn score(score: Option<i64>) -> Option<u8> {
    u8::try_from(score?).ok().filter(|score| (1..=5).contains(score))
}

/// The Monday of the week of a moment, in a zone.
fn week(at: i64, zone: &TimeZone) -> String {
    let day = Timestamp::from_millisecond(at).unwrap_or_default().to_zoned(zone.clone()).date();
    let since = day.weekday().to_monday_zero_offset();
    day.checked_sub(Span::new().days(since)).unwrap_or(day).to_string()
}

/// A deal of a folder's history as the leads of a service are told: what is not in it, such as matches and deadlines, is not known.
/// People placed it, whoever has it.
pub fn of_history(deal: &PastDeal) -> DealFound {
    let millis = |at: Timestamp| at.as_millisecond();
    DealFound {
        deal: deal.id.to_string(),
        origin: "lead".to_owned(),
        opened_at: millis(deal.opened_at),
        rep: deal.rep.as_ref().map(ToString::to_string),
        first_rep: deal.rep.as_ref().map(ToString::to_string),
        team: None,
        account: None,
        lane: deal.facts.get("lane").cloned(),
        lane_score: None,
        lane_said: None,
        tier: 3,
        mode: None,
        found_by: deal.rep.as_ref().map(|_| "person".to_owned()),
        placed: if deal.rep.is_some() { "assigned" } else { "held" }.to_owned(),
        total: None,
        odds: None,
        due_at: None,
        overridden: 0,
        facts: serde_json::to_string(&deal.facts).unwrap_or_default(),
        touched_at: deal.touched_at.map(millis),
        met_at: None,
        closed_at: deal.closed.map(|(_, at)| millis(at)),
        outcome: deal.closed.map(|(how, _)| outcome(how).to_owned()),
        value: deal.value,
        customer_score: None,
        customer_said_at: None,
        rep_score: None,
        rep_said_at: None,
    }
}

fn outcome(closing: Closing) -> &'static str {
    match closing {
        Closing::Won => "won",
        Closing::Lost => "lost",
        Closing::Disqualified => "disqualified",
    }
}

fn history(
    rows: &[Row<'_>],
    config: &Config,
    model: Option<&Model>,
    (from, to): (Timestamp, Timestamp),
) -> History {
    let routed = || rows.iter().filter(|row| row.deal.origin == "lead");
    let closed = rows.iter().filter(|row| row.won().is_some()).count() as u64;
    let judged = rows.iter().filter(|row| row.deal.outcome.is_some());
    let filled = |fact: &Fact| {
        let name = fact.to_string();
        Some((name.clone(), Rate::count(rows.iter().map(|row| row.facts.contains_key(&name)))?))
    };
    History {
        days: ((to - from).get_hours() / 24).try_into().unwrap_or(1).max(1),
        leads: rows.len() as u64,
        good: Rate::count(judged.map(|row| row.deal.outcome.as_deref() != Some("disqualified"))),
        unassigned: Rate::count(routed().map(|row| row.deal.rep.is_none() && row.deal.placed != "track")),
        first_touch: rows.iter().filter_map(Row::minutes_to_touch).collect(),
        sla: f64::from(config.tiers.three_minutes),
        queued: None,
        closed,
        effective: model.map_or(closed as f64, |model| model.win().report().gates.effective),
        overridden: Rate::count(routed().filter_map(Row::changed)),
        covered: Rate::count(routed().map(|row| {
            !matches!(row.deal.found_by.as_deref(), Some("fallback"))
                && (row.deal.rep.is_some() || row.deal.placed == "track")
        })),
        watch: None,
        fields: config.learning.by.iter().filter_map(filled).collect(),
    }
}
