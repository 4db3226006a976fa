//! The chance that this rep wins this lead: a hierarchical logistic regression whose groups of effects are shrunk.
//!
//! logit P(win) = α + Σₖ β(field k) + γ(quarter) + u(rep) + Σₖ v(rep, field k), each group of effects normal with
//! a variance of its own that the deals themselves tell (empirical Bayes; `fit`). The first three are the lead
//! part, the last two the rep part, so leads can be ranked without a rep and an explanation adds up. What was
//! never seen has effect 0 and widens the interval by its group's variance.

mod arrow;
mod fit;
mod layout;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::logistic::{chance, width};
use crate::table::{Coded, Names, Table, UNKNOWN};
use fit::Before;
use layout::{Layout, rep, rep_by};

/// Variance of a group before any data: effects of about a third of a logit.
const VARIANCE: f64 = 0.1;
/// How many effects that is worth; little, but a group of a handful never falls to no variance at all.
const WORTH: f64 = 1.0;
/// Mean and variance of the intercept before any data: no more than that it is finite.
const INTERCEPT: (f64, f64) = (0.0, 100.0);

/// What is expected of one rep with one lead, on the logit scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The lead's part: what it would be with a rep of whom nothing is known.
    pub lead: f64,
    /// The rep's part: this rep's advantage over such a rep, for this lead.
    pub rep: f64,
    /// Standard deviation of the sum of both.
    pub spread: f64,
    /// Standard deviation of the rep's part alone.
    pub rep_spread: f64,
}

impl Estimate {
    /// Both parts together.
    pub fn logit(&self) -> f64 {
        self.lead + self.rep
    }

    /// The chance to win, 0 to 1.
    pub fn chance(&self) -> f64 {
        chance(self.logit())
    }

    /// The bounds that hold the chance with probability `level`: 0.8 leaves a tenth on either side.
    pub fn interval(&self, level: f64) -> (f64, f64) {
        let away = width(level) * self.spread;
        (chance(self.logit() - away), chance(self.logit() + away))
    }
}

/// A part of an explanation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Factor {
    /// Where it comes from.
    pub cause: Cause,
    /// What it adds to the logit.
    pub effect: f64,
}

/// What an effect belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A lead of which nothing is known.
    Base,
    /// A field of the lead, by name.
    Field(String),
    /// The quarter of the year in which the lead came.
    Season,
    /// The rep.
    Rep,
    /// The rep with such leads: the name of the field.
    RepBy(String),
}

impl Cause {
    /// Whether it belongs to the rep's part.
    pub fn of_rep(&self) -> bool {
        matches!(self, Cause::Rep | Cause::RepBy(_))
    }
}

/// What other tenants' models say, for a tenant with few deals of its own. Only tenants that opted in contribute.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Prior {
    /// Mean and variance of the intercept, a logit.
    pub intercept: Option<(f64, f64)>,
    /// Variance by group, as [`WinModel::variances`](crate::win::WinModel::variances) names them.
    pub variances: BTreeMap<String, f64>,
    /// How many effects of a group such a variance is worth.
    pub worth: f64,
    /// Expected effects of fields' values, by field and value.
    pub effects: BTreeMap<String, BTreeMap<String, f64>>,
}

/// A fitted model, in codes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Logit {
    /// By field, by code: place in the border.
    values: Vec<Vec<u32>>,
    /// By quarter: place in the border.
    quarters: [u32; 4],
    /// Effects of the border; the first is the intercept.
    border: Vec<f64>,
    /// Their covariance, row by row. Single precision: an interval has two digits.
    corner: Vec<f32>,
    /// By rep's code.
    reps: Vec<Own>,
    /// Variance of each group.
    variances: Vec<f64>,
}

/// A rep's own effects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Own {
    /// Places in the border of the values it has effects with, behind the rep's own effect.
    cells: Vec<u32>,
    /// The rep's effect, then those of the cells; none for a rep without deals.
    effects: Vec<f64>,
    /// Covariance of these with each other, row by row.
    own: Vec<f32>,
    /// Covariance of these with the border, row by row.
    cross: Vec<f32>,
}

/// A lead as its effects in the border, and how sure those are.
pub(crate) struct LeadPart {
    places: Vec<u32>,
    /// Place of each field's value.
    fields: Vec<u32>,
    effect: f64,
    variance: f64,
}

/// Names of the groups, in order.
pub(crate) fn groups(names: &Names) -> Vec<String> {
    let fields = || names.fields.iter().map(|(name, _)| name);
    let own = ["season".to_owned(), "rep".to_owned()];
    fields().cloned().chain(own).chain(fields().map(|name| format!("rep × {name}"))).collect()
}

impl Logit {
    /// Fits it to a table, with effects of rep × field where `crossed`.
    pub(crate) fn fit(table: &Table, crossed: bool, prior: Option<&Prior>) -> Logit {
        let mut layout = Layout::new(table);
        if !crossed {
            layout.cells.iter_mut().flatten().for_each(Vec::clear);
        }
        let mut before = Before {
            intercept: INTERCEPT,
            groups: groups(&table.names).iter().map(|_| (VARIANCE, WORTH)).collect(),
            means: vec![0.0; layout.border.len()],
        };
        if let Some(prior) = prior {
            before.intercept = prior.intercept.unwrap_or(INTERCEPT);
            for (group, name) in before.groups.iter_mut().zip(groups(&table.names)) {
                if let Some(variance) = prior.variances.get(&name) {
                    *group = (*variance, prior.worth);
                }
            }
            for ((name, values), places) in table.names.fields.iter().zip(&layout.values) {
                let Some(effects) = prior.effects.get(name) else { continue };
                for (value, place) in values.iter().zip(places).filter(|(_, place)| **place != UNKNOWN) {
                    before.means[*place as usize] = effects.get(value).copied().unwrap_or(0.0);
                }
            }
        }
        let found = fit::fit(&layout, table, &before);
        let single = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect();
        let reps = layout.cells.into_iter().zip(found.blocks).zip(found.covariance.blocks);
        Logit {
            values: layout.values,
            quarters: layout.quarters,
            border: found.border,
            corner: single(found.covariance.corner),
            reps: reps
                .map(|((cells, effects), block)| Own {
                    cells: cells.unwrap_or_default(),
                    effects,
                    own: single(block.own),
                    cross: single(block.cross),
                })
                .collect(),
            variances: found.variances,
        }
    }

    /// Variance of each group, in the order of [`groups`].
    pub(crate) fn variances(&self) -> &[f64] {
        &self.variances
    }

    /// The intercept and its variance.
    pub(crate) fn intercept(&self) -> (f64, f64) {
        (self.border[0], f64::from(self.corner[0]))
    }

    /// The effect of a field's value.
    pub(crate) fn effect(&self, field: usize, code: usize) -> Option<f64> {
        self.border.get(self.values[field][code] as usize).copied()
    }

    /// The model whose logit is `shift + stretch ·` this one's.
    pub(crate) fn stretched(mut self, shift: f64, stretch: f64) -> Logit {
        let square = stretch * stretch;
        self.border.iter_mut().for_each(|effect| *effect *= stretch);
        self.border[0] += shift;
        self.variances.iter_mut().for_each(|variance| *variance *= square);
        self.corner.iter_mut().for_each(|value| *value *= square as f32);
        for rep in &mut self.reps {
            rep.effects.iter_mut().for_each(|effect| *effect *= stretch);
            rep.own.iter_mut().chain(&mut rep.cross).for_each(|value| *value *= square as f32);
        }
        self
    }

    fn fields(&self) -> usize {
        self.values.len()
    }

    /// What the lead alone contributes; the same for every rep.
    pub(crate) fn lead(&self, lead: &Coded) -> LeadPart {
        let fields: Vec<u32> = self
            .values
            .iter()
            .zip(&lead.codes)
            .map(|(places, code)| places.get(*code as usize).copied().unwrap_or(UNKNOWN))
            .collect();
        let quarter = self.quarters[usize::from(lead.quarter) % 4];
        let known = |place: &u32| *place != UNKNOWN;
        let places: Vec<u32> = std::iter::once(0)
            .chain(fields.iter().copied().filter(known))
            .chain(Some(quarter).filter(known))
            .collect();
        let width = self.border.len();
        let mut variance: f64 = places
            .iter()
            .flat_map(|row| places.iter().map(move |column| *row as usize * width + *column as usize))
            .map(|place| f64::from(self.corner[place]))
            .sum();
        for (group, place) in fields.iter().chain([&quarter]).enumerate() {
            variance += if known(place) { 0.0 } else { self.variances[group] };
        }
        let effect = places.iter().map(|place| self.border[*place as usize]).sum();
        LeadPart { places, fields, effect, variance }
    }

    /// The estimate for a rep, by code.
    pub(crate) fn estimate(&self, lead: &LeadPart, code: u32) -> Estimate {
        let fields = self.fields();
        let nothing = Own { cells: Vec::new(), effects: Vec::new(), own: Vec::new(), cross: Vec::new() };
        let own = self.reps.get(code as usize).unwrap_or(&nothing);
        let (mut effect, mut variance, mut with_lead) = (0.0, 0.0, 0.0);
        // Effects of the block that this lead meets; `None` is one that nothing is known of.
        let mine = std::iter::once((rep(fields), (!own.effects.is_empty()).then_some(0)));
        let cells = lead.fields.iter().enumerate().map(|(field, place)| {
            (rep_by(fields, field), own.cells.binary_search(place).ok().map(|cell| cell + 1))
        });
        let (size, width) = (own.effects.len(), self.border.len());
        let mut met = Vec::with_capacity(1 + fields);
        for (group, place) in mine.chain(cells) {
            let Some(place) = place else {
                variance += self.variances[group];
                continue;
            };
            effect += own.effects[place];
            let row = &own.own[place * size..][..size];
            variance +=
                f64::from(row[place]) + 2.0 * met.iter().map(|other| f64::from(row[*other])).sum::<f64>();
            let row = &own.cross[place * width..][..width];
            with_lead += lead.places.iter().map(|shared| f64::from(row[*shared as usize])).sum::<f64>();
            met.push(place);
        }
        Estimate {
            lead: lead.effect,
            rep: effect,
            spread: libm::sqrt((lead.variance + 2.0 * with_lead + variance).max(0.0)),
            rep_spread: libm::sqrt(variance.max(0.0)),
        }
    }

    /// Every effect that the estimate is the sum of, in the order in which it is added up.
    pub(crate) fn factors(&self, names: &Names, lead: &Coded, code: u32) -> Vec<Factor> {
        let part = self.lead(lead);
        let mut factors = vec![Factor { cause: Cause::Base, effect: self.border[0] }];
        let known = |place: u32| (place != UNKNOWN).then_some(place as usize);
        for ((name, _), place) in names.fields.iter().zip(&part.fields) {
            let effect = known(*place).map_or(0.0, |place| self.border[place]);
            factors.push(Factor { cause: Cause::Field(name.clone()), effect });
        }
        let quarter = known(self.quarters[usize::from(lead.quarter) % 4]);
        factors
            .push(Factor { cause: Cause::Season, effect: quarter.map_or(0.0, |place| self.border[place]) });
        if let Some(own) = self.reps.get(code as usize).filter(|own| !own.effects.is_empty()) {
            factors.push(Factor { cause: Cause::Rep, effect: own.effects[0] });
            for ((name, _), place) in names.fields.iter().zip(&part.fields) {
                let effect = own.cells.binary_search(place).map_or(0.0, |cell| own.effects[cell + 1]);
                factors.push(Factor { cause: Cause::RepBy(name.clone()), effect });
            }
        }
        factors
    }

    /// Whether every place that it names is there, so that one read from storage cannot lead astray.
    pub(crate) fn is_whole(&self, names: &Names) -> bool {
        let width = self.border.len();
        let fields = names.fields.len();
        let inside = |place: &u32| *place == UNKNOWN || (*place as usize) < width;
        width > 0
            && self.corner.len() == width * width
            && self.variances.len() == rep_by(fields, fields)
            && self.values.len() == fields
            && self.values.iter().zip(&names.fields).all(|(places, (_, values))| places.len() == values.len())
            && self.values.iter().flatten().chain(&self.quarters).all(inside)
            && self.reps.len() == names.reps.len()
            && self.reps.iter().all(|own| {
                let size = own.effects.len();
                (size == 0 && own.cells.is_empty() || size == own.cells.len() + 1)
                    && own.own.len() == size * size
                    && own.cross.len() == size * width
            })
    }
}

#[cfg(test)]
mod tests;
