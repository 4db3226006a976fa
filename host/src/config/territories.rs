//! Who may sell where: `territories.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use super::Problem;
use super::check::TERRITORIES;
use super::names::Names;
use super::read::{At, File, Findings, Source, read};
use super::toml_table::{Table, parse};
use super::values::{checked, country, id, region};
use crate::lead::{Rep, RepId, Territory, TerritoryId};

pub(super) fn territories(folder: &Path, roster: &Roster<'_>) -> Vec<Territory> {
    let findings = roster.findings;
    let File::Text(text) = read(folder, TERRITORIES, findings) else { return Vec::new() };
    let source = Source { file: TERRITORIES, text: &text, findings };
    let Some(document) = parse(&source) else { return Vec::new() };
    let root = Table::root(&source, &document, &["territories"]);
    let keys: &[&str] = &["id", "name", "countries", "regions", "primary", "overlay"];
    let mut names = Names::new("territory", TERRITORIES, true);
    let mut taken = Taken::default();
    root.tables("territories", "[[territories]]", "this territory", keys)
        .iter()
        .filter_map(|table| territory(table, &mut names, &mut taken, roster))
        .collect()
}

fn territory(
    table: &Table<'_>,
    names: &mut Names,
    taken: &mut Taken,
    roster: &Roster<'_>,
) -> Option<Territory> {
    let findings = roster.findings;
    let key = table.required_text("id", "iberia").and_then(|at| {
        names.define(&at.value, &at.place, findings);
        checked("id", &at, findings, id)
    });
    let name = table.required_text("name", "Iberia");
    if ["countries", "regions"].iter().all(|key| table.lacks(key) && !table.misspells(key)) {
        let hint = "add countries = [\"PT\", \"ES\"], or regions = [\"US-CA\"] for parts of a country";
        findings
            .add(Problem::at(&table.place(), "this territory has no `countries` or `regions`").hint(hint));
    }
    let listed = table.texts("countries").unwrap_or_default();
    let countries: Vec<String> =
        listed.iter().filter_map(|at| checked("countries", at, findings, country)).collect();
    let regions = table.texts("regions").unwrap_or_default();
    let regions: Vec<String> =
        regions.iter().filter_map(|at| checked("regions", at, findings, region)).collect();
    let primary = roster.expand(table, "primary");
    let mut overlay = roster.expand(table, "overlay");
    overlay.retain(|rep| !primary.contains(rep));
    if primary.is_empty()
        && overlay.is_empty()
        && ["primary", "overlay"].iter().all(|key| table.lacks(key) && !table.misspells(key))
    {
        let hint = "add primary = [\"ana\"] or primary = [\"team:iberia\"]";
        findings.add(
            Problem::at(&table.place(), "this territory has nobody, so none of its leads could be assigned")
                .hint(hint),
        );
    }
    taken.take(
        table,
        key.as_ref().map_or("", |id: &TerritoryId| id.as_str()),
        &countries,
        &regions,
        findings,
    );
    Some(Territory { id: key?, name: name?.value, countries, regions, primary, overlay })
}

/// Whom a territory can name.
pub(super) struct Roster<'a> {
    pub(super) reps: &'a [Rep],
    pub(super) rep_names: &'a Names,
    pub(super) team_names: &'a Names,
    pub(super) findings: &'a Findings,
}

impl Roster<'_> {
    /// Reps by id, and by `team:ID` everybody of a team; each once.
    fn expand(&self, table: &Table<'_>, key: &str) -> Vec<RepId> {
        let mut found = Vec::new();
        for At { value, place } in table.texts(key).unwrap_or_default() {
            let wanted: Box<dyn Fn(&&Rep) -> bool> = match value.strip_prefix("team:") {
                Some(team) => {
                    self.team_names.allow(key, team, &place, self.findings);
                    let team = team.to_owned();
                    Box::new(move |rep| rep.team.as_str() == team)
                }
                None if self.team_names.has(&value) && !self.rep_names.has(&value) => {
                    let problem =
                        Problem::at(&place, format!("`{key}` names {value:?}, which is a team and no rep"));
                    self.findings.add(problem.hint(format!("write \"team:{value}\" for everybody of it")));
                    continue;
                }
                None => {
                    self.rep_names.allow(key, &value, &place, self.findings);
                    Box::new(move |rep| rep.id.as_str() == value)
                }
            };
            for rep in self.reps.iter().filter(|rep| wanted(rep)) {
                if !found.contains(&rep.id) {
                    found.push(rep.id.clone());
                }
            }
        }
        found
    }
}

/// Which parts of the world earlier territories hold: the first that fits a lead wins, so one behind
/// it for the same place would never be reached.
#[derive(Default)]
struct Taken {
    /// Country or region, with the territory that holds it whole.
    places: BTreeMap<String, (String, usize)>,
}

impl Taken {
    fn take(
        &mut self,
        table: &Table<'_>,
        id: &str,
        countries: &[String],
        regions: &[String],
        findings: &Findings,
    ) {
        // A country counts whole, unless parts of it are named.
        let in_parts =
            |country: &&str| regions.iter().any(|region| region.split('-').next() == Some(country));
        let whole = countries.iter().map(String::as_str).filter(|country| !in_parts(country));
        let parts: Vec<&str> = whole.chain(regions.iter().map(String::as_str)).collect();
        let holder = |part: &str| {
            let country = part.split('-').next().unwrap_or_default();
            self.places.get(part).or_else(|| self.places.get(country))
        };
        let held: Vec<_> =
            parts.iter().filter_map(|part| holder(part).map(|holder| (*part, holder.clone()))).collect();
        if !parts.is_empty() && held.len() == parts.len() {
            let (part, (other, line)) = &held[0];
            let message =
                format!("this territory is never reached: {other:?} at line {line} takes {part} before it");
            findings.add(
                Problem::at(&table.place(), message)
                    .hint("the first that fits a lead holds; put the narrower one first"),
            );
        }
        for part in parts {
            self.places.entry(part.to_owned()).or_insert_with(|| (id.to_owned(), table.place().line));
        }
    }
}
