//! A tenant's reps by what the stages look them up by; made once from the folder.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::config::Config;
use crate::lead::{Reps, TeamId};
use crate::rules::RepFacts;

/// Places of reps in the folder by team, what rules may read of each, and what stands in all profiles together.
#[derive(Debug)]
pub struct Roster {
    teams: FxHashMap<TeamId, Team>,
    facts: Vec<RepFacts>,
    certifications: Vec<String>,
    deal_bounds: Vec<f64>,
}

#[derive(Debug, Default)]
struct Team {
    places: Vec<usize>,
    fast: Option<u32>,
}

impl Roster {
    /// Of this configuration.
    pub fn new(config: &Config) -> Self {
        let mut teams: FxHashMap<TeamId, Team> = FxHashMap::default();
        for (place, rep) in config.reps.iter().enumerate() {
            teams.entry(rep.team.clone()).or_default().places.push(place);
        }
        for team in teams.values_mut() {
            team.fast = fast_responders(&config.reps, &team.places);
        }
        let certifications = config.reps.iter().flat_map(|rep| &rep.certifications);
        let certifications: BTreeSet<String> = certifications.map(|name| name.to_lowercase()).collect();
        let bounds = config.reps.iter().flat_map(|rep| [rep.deal_min, rep.deal_max]);
        let mut deal_bounds: Vec<f64> = bounds.flatten().collect();
        deal_bounds.sort_by(f64::total_cmp);
        Self {
            teams,
            facts: config.reps.iter().map(RepFacts::new).collect(),
            certifications: certifications.into_iter().collect(),
            deal_bounds,
        }
    }

    /// The places of a team's reps, in the order of the folder.
    pub fn team(&self, team: &TeamId) -> &[usize] {
        self.teams.get(team).map_or(&[], |team| team.places.as_slice())
    }

    /// The teams with anybody in them, and how many that are.
    pub fn teams(&self) -> impl Iterator<Item = (&TeamId, usize)> {
        self.teams.iter().map(|(id, team)| (id, team.places.len()))
    }

    /// The mean response time, in seconds, up to which a rep is among the fastest quarter of a team (S2.15,
    /// "top 25 % responders"); `None` where nobody's is known.
    ///
    /// Of `n` reps whose time is known, the time of the one in place `n / 4`, rounded up, fastest first: at
    /// least one rep reaches it, everybody with the same time does as well, and an unknown time never does.
    pub fn fast(&self, team: &TeamId) -> Option<u32> {
        self.teams.get(team)?.fast
    }

    /// What conditions may read of the rep at this place.
    pub fn facts(&self, place: usize) -> Option<&RepFacts> {
        self.facts.get(place)
    }

    /// Certifications that somebody holds, in lower case, each once.
    pub fn certifications(&self) -> &[String] {
        &self.certifications
    }

    /// The share of the bounds of deal size in all profiles that a value reaches; nothing where there are none.
    pub fn reaches(&self, value: f64) -> Option<f32> {
        let below = self.deal_bounds.partition_point(|bound| *bound <= value);
        (!self.deal_bounds.is_empty()).then(|| below as f32 / self.deal_bounds.len() as f32)
    }
}

fn fast_responders(reps: &Reps, places: &[usize]) -> Option<u32> {
    let mut times: Vec<u32> = places.iter().filter_map(|place| reps.get(*place)?.response_seconds).collect();
    let last = times.len().div_ceil(4).checked_sub(1)?;
    Some(*times.select_nth_unstable(last).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::Rep;
    use crate::pipeline::fixture::{self, id};

    #[test]
    fn the_fastest_quarter() {
        let check = |times: &[Option<u32>], expect: Option<u32>| {
            let rep = |(n, response_seconds): (usize, &Option<u32>)| Rep {
                response_seconds: *response_seconds,
                ..fixture::rep(&format!("rep-{n}"))
            };
            let reps = times.iter().enumerate().map(rep).collect();
            let config = Config { reps, ..fixture::config() };
            assert_eq!(Roster::new(&config).fast(&id("smb")), expect, "{times:?}");
        };
        check(&[], None);
        check(&[None, None], None);
        check(&[None, Some(60)], Some(60));
        check(&[Some(90), Some(60), Some(30), Some(120)], Some(30));
        check(&[Some(90), Some(60), Some(30), Some(120), Some(150), None], Some(60));
        check(&[Some(30), Some(30), Some(30), Some(120)], Some(30));
    }

    #[test]
    fn the_share_of_deal_bounds() {
        let check = |bounds: &[(Option<f64>, Option<f64>)], value: f64, expect: Option<f32>| {
            let rep = |(n, (deal_min, deal_max)): (usize, &(Option<f64>, Option<f64>))| Rep {
                deal_min: *deal_min,
                deal_max: *deal_max,
                ..fixture::rep(&format!("rep-{n}"))
            };
            let reps = bounds.iter().enumerate().map(rep).collect();
            let config = Config { reps, ..fixture::config() };
            assert_eq!(Roster::new(&config).reaches(value), expect, "{bounds:?} {value}");
        };
        check(&[], 1.0, None);
        check(&[(None, None)], 1.0, None);
        let bounds = [(Some(50_000.0), None), (Some(0.0), Some(50_000.0)), (None, Some(250_000.0))];
        check(&bounds, 0.0, Some(0.25));
        check(&bounds, 49_999.0, Some(0.25));
        check(&bounds, 50_000.0, Some(0.75));
        check(&bounds, 1e9, Some(1.0));
    }
}
