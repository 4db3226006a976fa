//! A tenant's reps by what the stages look them up by; made once from the folder.

use rustc_hash::FxHashMap;

use crate::config::Config;
use crate::lead::{RepId, TeamId};
use crate::rules::RepFacts;

/// Places of reps in the folder, by id and by team, and what rules may read of each.
#[derive(Debug)]
pub struct Roster {
    places: FxHashMap<RepId, usize>,
    teams: FxHashMap<TeamId, Vec<usize>>,
    facts: Vec<RepFacts>,
}

impl Roster {
    /// Of this configuration.
    pub fn new(config: &Config) -> Self {
        let mut teams: FxHashMap<TeamId, Vec<usize>> = FxHashMap::default();
        for (place, rep) in config.reps.iter().enumerate() {
            teams.entry(rep.team.clone()).or_default().push(place);
        }
        Self {
            places: config.reps.iter().enumerate().map(|(place, rep)| (rep.id.clone(), place)).collect(),
            teams,
            facts: config.reps.iter().map(RepFacts::new).collect(),
        }
    }

    /// Where a rep stands in the folder.
    pub fn place(&self, rep: &RepId) -> Option<usize> {
        self.places.get(rep).copied()
    }

    /// The places of a team's reps, in the order of the folder.
    pub fn team(&self, team: &TeamId) -> &[usize] {
        self.teams.get(team).map_or(&[], Vec::as_slice)
    }

    /// The teams with anybody in them, and their places.
    pub fn teams(&self) -> impl Iterator<Item = (&TeamId, &[usize])> {
        self.teams.iter().map(|(team, places)| (team, places.as_slice()))
    }

    /// What conditions may read of the rep at this place.
    pub fn facts(&self, place: usize) -> Option<&RepFacts> {
        self.facts.get(place)
    }
}
