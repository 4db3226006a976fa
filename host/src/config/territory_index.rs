//! Which territories can hold a lead, and who their people are, without looking through all of them.
//!
//! Made once, when a folder is read, from what [`Territory`] says; it adds nothing to it, so the folder's
//! digest leaves it out. A lead asks by its region and its country, and gets the few territories that
//! hold such places, together with those that are not limited to places at all.

use std::collections::HashMap;

use crate::lead::{Layer, RepId, Territory, TerritoryId};
use crate::rules::Condition;

/// How somebody belongs to a territory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It is theirs.
    Primary,
    /// They help out.
    Overlay,
}

/// Territories by place, their conditions compiled, their people by id.
#[derive(Debug, Default)]
pub struct TerritoryIndex {
    /// By country or region, in the order of the folder.
    by_place: HashMap<String, Vec<usize>>,
    anywhere: Vec<usize>,
    conditions: HashMap<usize, Condition>,
    people: HashMap<TerritoryId, HashMap<RepId, Role>>,
}

impl TerritoryIndex {
    /// The index of these; a place in it is one in the list.
    pub fn new(territories: &[Territory]) -> Self {
        let mut index = Self::default();
        for (place, territory) in territories.iter().enumerate() {
            let mut anywhere = true;
            for name in territory.reach.places() {
                anywhere = false;
                index.by_place.entry(name.to_owned()).or_default().push(place);
            }
            if anywhere {
                index.anywhere.push(place);
            }
            // It compiles: whoever made the list has checked it. One that did not would never hold.
            if let Some(Ok(condition)) = territory.when.as_deref().map(Condition::compile) {
                index.conditions.insert(place, condition);
            }
            index.people.insert(territory.id.clone(), people(territory));
        }
        index
    }

    /// Places in the list, in its order, of those that hold somebody in this country and region as far as
    /// places go.
    pub fn at(&self, country: Option<&str>, region: Option<&str>) -> Vec<usize> {
        let by_place = [region, country].into_iter().flatten().filter_map(|name| self.by_place.get(name));
        let mut found: Vec<usize> = by_place.chain([&self.anywhere]).flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The condition of the territory at this place in the list.
    pub fn condition(&self, place: usize) -> Option<&Condition> {
        self.conditions.get(&place)
    }

    /// The people of a territory.
    pub fn people(&self, territory: &TerritoryId) -> Option<&HashMap<RepId, Role>> {
        self.people.get(territory)
    }
}

/// Who belongs to a territory, and how. Nobody is more than a help in what lies over the others.
fn people(territory: &Territory) -> HashMap<RepId, Role> {
    let primary = match territory.layer {
        Layer::Ground => Role::Primary,
        Layer::Overlay => Role::Overlay,
    };
    let help = territory.overlay.iter().map(|rep| (rep.clone(), Role::Overlay));
    help.chain(territory.primary.iter().map(|rep| (rep.clone(), primary))).collect()
}
