//! Every metric and chart of routing (S2.18, S3.29, S3.30), from plain rows.
//!
//! In: leads with what became of them, and reps with their load. Out: figures, each with how many it rests on and,
//! of shares, how sure it is; [`targets`] compares them with what they should be. Nothing here says that one thing
//! causes another: `policy` and `experiment` do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::policy::{Lift, Observational, against_manual};
use crate::rate::{Rate, Z95, wilson_of};
use crate::readiness::median;

pub mod targets;

/// A lead, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    /// The first day of the week in which it came, such as 2026-02-23.
    pub week: String,
    /// Its segment.
    pub segment: String,
    /// Who has it; none where nobody does.
    pub rep: Option<String>,
    /// Who placed it.
    pub placed: Placed,
    /// Whether it was placed at once or in a batch.
    pub mode: Mode,
    /// How well lead and rep match, 0–100; none where nobody has it, or nothing was computed.
    pub match_score: Option<f64>,
    /// Minutes from capture to the first touch; none while it is not touched.
    pub first_touch: Option<f64>,
    /// Minutes within which it was to be touched; none where nothing was promised.
    pub sla: Option<f64>,
    /// Whether the promise is kept; none while it may still be.
    pub in_time: Option<bool>,
    /// Whether a person gave it to somebody else.
    pub overridden: bool,
    /// The furthest it came.
    pub reached: Stage,
    /// Whether it was won; none while it is open or where it was disqualified.
    pub won: Option<bool>,
    /// What it brought, in the tenant's currency; 0 unless it was won.
    pub revenue: f64,
    /// How satisfied the customer is, 1 to 5, where they said.
    pub csat: Option<u8>,
    /// How well it suits whoever has it, 1 to 5, where they said.
    pub rep_satisfaction: Option<u8>,
}

/// Who placed a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placed {
    /// The model had a say.
    Predictive,
    /// Rules alone.
    Rules,
    /// A person.
    Manual,
}

/// When a lead is placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Within seconds.
    RealTime,
    /// With the next batch.
    Batch,
}

/// How far a lead came; each stage includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Captured.
    Captured,
    /// In contact.
    Contact,
    /// A meeting was held.
    Meeting,
    /// An opportunity was opened.
    Opportunity,
    /// Won.
    Won,
}

/// A rep's load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Who.
    pub rep: String,
    /// Units open.
    pub open: f64,
    /// Units at most.
    pub most: f64,
}

/// A mean with what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Average {
    /// Values.
    pub n: u64,
    /// Their mean.
    pub mean: f64,
    /// Half of them are at most this.
    pub median: f64,
}

/// The time to the first touch of leads placed in one mode.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FirstTouch {
    /// The mode.
    pub mode: Mode,
    /// Minutes, over leads that were touched. Leads still waiting are not in it, so read it beside `in_time`.
    pub minutes: Option<Average>,
    /// Of promises that are kept or broken, those that are kept.
    pub in_time: Option<Rate>,
}

/// The leads of a week, and when they were touched first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Week {
    /// Its first day, such as 2026-02-23.
    pub week: String,
    /// Leads that came in it.
    pub leads: u64,
    /// Minutes, over leads that were touched. Leads still waiting are not in it, so read it beside `in_time`.
    pub minutes: Option<Average>,
    /// Of promises that are kept or broken, those that are kept.
    pub in_time: Option<Rate>,
}

/// A mean of scores from 1 to 5, and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Scores.
    pub n: u64,
    /// Their mean.
    pub mean: f64,
    /// The lower end of the 95 % interval: Wilson's, which for scores is rather too wide than too narrow.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// How satisfied people are. Whoever says nothing is not in it, and may think otherwise.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Satisfaction {
    /// Customers.
    pub customers: Option<Score>,
    /// Reps, with the leads that they have.
    pub reps: Option<Score>,
    /// By rep of whom something was said, by name: their customers, and they themselves.
    pub by_rep: Vec<(String, Option<Score>, Option<Score>)>,
}

impl Score {
    /// None where nobody said anything.
    pub fn of(scores: impl IntoIterator<Item = u8>) -> Option<Self> {
        let part = |score: u8| (f64::from(score.clamp(1, 5)) - 1.0) / 4.0;
        let (n, sum) = scores.into_iter().fold((0_u64, 0.0), |(n, sum), score| (n + 1, sum + part(score)));
        (n > 0).then(|| {
            let whole = |part: f64| 1.0 + 4.0 * part;
            let (low, high) = wilson_of(sum, n, Z95);
            Self { n, mean: whole(sum / n as f64), low: whole(low), high: whole(high) }
        })
    }
}

/// Leads whose match score is in one range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// From this score.
    pub from: f64,
    /// Up to but without this one; the last band has it.
    pub to: f64,
    /// Leads in it, open ones too.
    pub leads: u64,
    /// Of its closed ones, those won.
    pub won: Option<Rate>,
}

/// How far the leads of a segment come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Funnel {
    /// The segment.
    pub segment: String,
    /// Of its leads, those that came into contact.
    pub contact: Option<Rate>,
    /// Of those, the ones that met.
    pub meeting: Option<Rate>,
    /// Of those, the ones that became an opportunity.
    pub opportunity: Option<Rate>,
    /// Of those, the ones that were won, open ones counted as not yet.
    pub won: Option<Rate>,
    /// Of all closed leads of the segment, those won.
    pub win_rate: Option<Rate>,
}

/// A rep's wins with leads that match well and with others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tiers {
    /// The rep.
    pub rep: String,
    /// With match scores from the tenant's "high match" on.
    pub high: Option<Rate>,
    /// Below.
    pub low: Option<Rate>,
}

/// Everything at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analytics {
    /// Assignment quality: match scores of leads that somebody has.
    pub quality: Option<Average>,
    /// Of all leads, those that somebody has.
    pub coverage: Option<Rate>,
    /// Of assignments by rules or the model, those that a person changed.
    pub overrides: Option<Rate>,
    /// First touch, real time and batch.
    pub first_touch: [FirstTouch; 2],
    /// First touch by the week in which leads came, the oldest first; weeks without leads are left out.
    #[serde(default)]
    pub trend: Vec<Week>,
    /// Customers and reps.
    #[serde(default)]
    pub satisfaction: Satisfaction,
    /// The histogram of match scores, ten wide, with the win rate of each.
    pub histogram: Vec<Band>,
    /// Win rates of predictive and manual leads, where both are known.
    pub lift: Option<Observational<Lift>>,
    /// Each rep's load over the most, 0–1 and beyond, by name.
    pub utilisation: Vec<(String, f64)>,
    /// The funnel of each segment, by name.
    pub funnels: Vec<Funnel>,
    /// Revenue by lead that somebody has.
    pub revenue: Option<Average>,
    /// Wins by rep and match tier, by name.
    pub tiers: Vec<Tiers>,
}

/// Every figure of these leads and loads; `high_match` is the score from which a match is high, usually 75.
pub fn analyse(leads: &[Lead], loads: &[Load], high_match: f64) -> Analytics {
    let assigned = || leads.iter().filter(|lead| lead.rep.is_some());
    Analytics {
        quality: average(assigned().filter_map(|lead| lead.match_score)),
        coverage: Rate::count(leads.iter().map(|lead| lead.rep.is_some())),
        overrides: Rate::count(
            // What a person changed is placed by a person now.
            assigned()
                .filter(|lead| lead.placed != Placed::Manual || lead.overridden)
                .map(|lead| lead.overridden),
        ),
        first_touch: [Mode::RealTime, Mode::Batch].map(|mode| first_touch(leads, mode)),
        trend: by(leads.iter().map(|lead| (&lead.week, lead))).into_iter().map(week).collect(),
        satisfaction: satisfaction(leads),
        histogram: histogram(leads),
        lift: lift(leads),
        utilisation: utilisation(loads),
        funnels: by(leads.iter().map(|lead| (&lead.segment, lead))).into_iter().map(funnel).collect(),
        revenue: average(assigned().map(|lead| lead.revenue)),
        tiers: by(leads.iter().filter_map(|lead| Some((lead.rep.as_ref()?, lead))))
            .into_iter()
            .map(|(rep, leads)| tiers(rep, &leads, high_match))
            .collect(),
    }
}

fn first_touch(leads: &[Lead], mode: Mode) -> FirstTouch {
    let of = || leads.iter().filter(|lead| lead.mode == mode);
    FirstTouch {
        mode,
        minutes: average(of().filter_map(|lead| lead.first_touch)),
        in_time: Rate::count(of().filter(|lead| lead.sla.is_some()).filter_map(|lead| lead.in_time)),
    }
}

fn week((week, leads): (&String, Vec<&Lead>)) -> Week {
    Week {
        week: week.clone(),
        leads: leads.len() as u64,
        minutes: average(leads.iter().filter_map(|lead| lead.first_touch)),
        in_time: Rate::count(leads.iter().filter(|lead| lead.sla.is_some()).filter_map(|lead| lead.in_time)),
    }
}

fn satisfaction(leads: &[Lead]) -> Satisfaction {
    let by_rep = by(leads.iter().filter_map(|lead| Some((lead.rep.as_ref()?, lead)))).into_iter();
    let both = |leads: &[&Lead]| {
        let customers = Score::of(leads.iter().filter_map(|lead| lead.csat));
        (customers, Score::of(leads.iter().filter_map(|lead| lead.rep_satisfaction)))
    };
    let (customers, reps) = both(&leads.iter().collect::<Vec<_>>());
    let said = by_rep.filter_map(|(rep, leads)| match both(&leads) {
        (None, None) => None,
        (customers, own) => Some((rep.clone(), customers, own)),
    });
    Satisfaction { customers, reps, by_rep: said.collect() }
}

fn histogram(leads: &[Lead]) -> Vec<Band> {
    let band = |ten: u32| {
        let (from, to) = (f64::from(ten) * 10.0, f64::from(ten + 1) * 10.0);
        let within = |score: f64| from <= score && (score < to || (ten == 9 && score == to));
        let of = || leads.iter().filter(|lead| lead.match_score.is_some_and(within));
        Band { from, to, leads: of().count() as u64, won: Rate::count(of().filter_map(|lead| lead.won)) }
    };
    (0..10).map(band).collect()
}

fn lift(leads: &[Lead]) -> Option<Observational<Lift>> {
    let won = |placed: Placed| {
        Rate::count(leads.iter().filter(|lead| lead.placed == placed).filter_map(|lead| lead.won))
    };
    Some(against_manual(won(Placed::Predictive)?, won(Placed::Manual)?))
}

fn utilisation(loads: &[Load]) -> Vec<(String, f64)> {
    let mut shares: Vec<(String, f64)> = loads
        .iter()
        .filter(|load| load.most > 0.0)
        .map(|load| (load.rep.clone(), load.open / load.most))
        .collect();
    shares.sort_by(|a, b| a.0.cmp(&b.0));
    shares
}

fn funnel((segment, leads): (&String, Vec<&Lead>)) -> Funnel {
    let step = |from: Stage, to: Stage| {
        Rate::count(leads.iter().filter(|lead| lead.reached >= from).map(|lead| lead.reached >= to))
    };
    Funnel {
        segment: segment.clone(),
        contact: step(Stage::Captured, Stage::Contact),
        meeting: step(Stage::Contact, Stage::Meeting),
        opportunity: step(Stage::Meeting, Stage::Opportunity),
        won: step(Stage::Opportunity, Stage::Won),
        win_rate: Rate::count(leads.iter().filter_map(|lead| lead.won)),
    }
}

fn tiers(rep: &str, leads: &[&Lead], high_match: f64) -> Tiers {
    let of = |high: bool| {
        let tier = leads
            .iter()
            .filter(move |lead| lead.match_score.is_some_and(|score| (score >= high_match) == high));
        Rate::count(tier.filter_map(|lead| lead.won))
    };
    Tiers { rep: rep.to_owned(), high: of(true), low: of(false) }
}

/// Of the finite values; none where there are none.
fn average(values: impl Iterator<Item = f64>) -> Option<Average> {
    let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    let median = median(&values)?;
    let n = values.len() as u64;
    Some(Average { n, mean: values.iter().sum::<f64>() / n as f64, median })
}

fn by<'a, V>(rows: impl Iterator<Item = (&'a String, V)>) -> BTreeMap<&'a String, Vec<V>> {
    let mut groups: BTreeMap<&String, Vec<V>> = BTreeMap::new();
    for (key, value) in rows {
        groups.entry(key).or_default().push(value);
    }
    groups
}

#[cfg(test)]
mod tests;
