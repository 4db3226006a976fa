//! Who may sell where: `territories.toml`.
//!
//! A territory says which leads it holds by lists and ranges, or in plain words (`where`, see
//! `territory_words.rs`), which come to the same [`Reach`]. One that no lead could reach, because others
//! before it hold everything that it holds, is a finding.

use std::collections::BTreeMap;

use super::check::TERRITORIES;
use super::condition::condition;
use super::names::Names;
use super::read::{At, File, Findings, Source, read};
use super::territory_words::understand;
use super::toml_table::{Table, parse};
use super::values::{Wrong, checked, country, id, region};
use super::{Folder, Problem};
use crate::lead::{LaneId, Layer, Reach, Rep, RepId, Span, Territory, covers_industry};
use crate::rules::{Reads, Words};

/// The territories, and the lanes they name, which are looked at once those are known.
#[derive(Default)]
pub(super) struct Territories {
    pub(super) list: Vec<Territory>,
    pub(super) lanes: Vec<At<String>>,
}

const KEYS: &[&str] = &[
    "id",
    "name",
    "where",
    "countries",
    "regions",
    "industries",
    "employees",
    "value",
    "lanes",
    "when",
    "primary",
    "overlay",
];
/// What `where` says, each by a key of its own.
const IN_KEYS: &[&str] = &["countries", "regions", "industries", "employees", "value"];

pub(super) fn territories(folder: &dyn Folder, roster: &Roster<'_>) -> Territories {
    let mut found = Territories::default();
    let File::Text(text) = read(folder, TERRITORIES, roster.findings) else { return found };
    let source = Source::new(TERRITORIES, &text, roster.findings);
    let Some(document) = parse(&source) else { return found };
    let root = Table::root(&source, &document, &["territories"]);
    let mut names = Names::new("territory", TERRITORIES, true);
    let mut taken = Taken::default();
    for table in &root.tables("territories", "[[territories]]", "this territory", KEYS) {
        found.lanes.extend(table.texts("lanes").unwrap_or_default());
        found.list.extend(territory(table, &mut names, &mut taken, roster));
    }
    found
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
    let before = findings.number();
    let (reach, complete) = reach(table, roster);
    let lanes = table.texts("lanes").unwrap_or_default();
    let lanes = lanes.iter().filter_map(|at| checked("lanes", at, findings, id::<LaneId>)).collect();
    let when = table.lines("when").and_then(|at| {
        let when = condition("when", &at, Reads::Lead, &Words::default(), findings)?;
        Some(when.source().trim().to_owned())
    });
    let sound = complete && findings.number() == before;
    let layer = layer(table);
    let primary = roster.expand(table, "primary");
    let mut overlay = match layer {
        Layer::Ground => roster.expand(table, "overlay"),
        Layer::Overlay => Vec::new(),
    };
    overlay.retain(|rep| !primary.contains(rep));
    let names_nobody = |key| table.is_flag(key) || table.lacks(key) && !table.misspells(key);
    if ["primary", "overlay"].into_iter().all(names_nobody) {
        let message = match layer {
            Layer::Ground => "this territory has nobody, so none of its leads could be assigned",
            Layer::Overlay => "this territory lies over others and has nobody who could help out",
        };
        let hint = "add primary = [\"ana\"] or primary = [\"team:iberia\"]";
        findings.add(Problem::at(&table.place(), message).hint(hint));
    }
    let territory = Territory {
        // One without an id is a problem already, and still takes what it takes.
        id: key.clone().or_else(|| "?".parse().ok())?,
        name: name.as_ref().map(|at| at.value.clone()).unwrap_or_default(),
        layer,
        reach,
        lanes,
        when,
        primary,
        overlay,
    };
    if layer == Layer::Ground {
        if let Some((what, other, line)) = taken.all(&territory).filter(|_| sound) {
            let other = other.id.as_str();
            let message =
                format!("this territory is never reached: {other:?} at line {line} takes {what} before it");
            let hint = "the first that fits a lead holds; put the narrower one first";
            findings.add(Problem::at(&table.place(), message).hint(hint));
        }
        // What is left of a territory that could not be read may be wider than what was meant.
        let by_place_alone = territory.reach.places().next().is_some() && !limited(table);
        if sound || by_place_alone {
            taken.add(&territory, table.place().line);
        }
    }
    (key.is_some() && name.is_some()).then_some(territory)
}

/// Which leads it holds; false where some of that could not be read.
fn reach(table: &Table<'_>, roster: &Roster<'_>) -> (Reach, bool) {
    let findings = roster.findings;
    let missing = |key: &&str| table.lacks(key) && !table.misspells(key);
    if let Some(at) = table.text("where") {
        if let Some(key) = IN_KEYS.iter().find(|key| !missing(key)) {
            let message = format!("this territory has both `where` and `{key}`");
            let hint = "say it in words or by keys; `lanes` and `when` can be added to either";
            findings.add(Problem::at(&table.place_of(key), message).hint(hint));
        }
        let own: Vec<&str> = roster.reps.iter().flat_map(|rep| &rep.industries).map(String::as_str).collect();
        return match understand(&at.value, &own) {
            Ok(reach) => (reach, true),
            Err(wrong) => {
                for Wrong { message, hint } in wrong {
                    let problem = Problem::at(&at.place, format!("`where` {message}"));
                    findings.add(match hint {
                        Some(hint) => problem.hint(hint),
                        None => problem,
                    });
                }
                (Reach::default(), false)
            }
        };
    }
    if ["where", "lanes", "when"].iter().chain(IN_KEYS).all(missing) {
        let hint = "add countries = [\"PT\", \"ES\"], or regions = [\"US-CA\"] for parts of a country, or \
                    where = \"Portugal and Spain; banks; 500 employees or more\"";
        findings
            .add(Problem::at(&table.place(), "this territory does not say which leads it holds").hint(hint));
        return (Reach::default(), false);
    }
    let list = |key, check: fn(&str) -> Result<String, Wrong>| {
        let listed = table.texts(key).unwrap_or_default();
        let read: Vec<String> = listed.iter().filter_map(|at| checked(key, at, findings, check)).collect();
        // An empty list, or one of which nothing could be read, is not the same as none.
        let complete = read.len() == listed.len() && (!read.is_empty() || missing(&key));
        (read, complete)
    };
    let (countries, all_countries) = list("countries", country);
    let (regions, all_regions) = list("regions", region);
    let (industries, all_industries) = list("industries", |text| Ok(text.to_lowercase()));
    let whole = |table: Table<'_>| {
        let end = |key| table.count(key, 0..=u32::MAX, "a number of people");
        Span { from: end("from"), below: end("below") }
    };
    let amount = |table: Table<'_>| {
        let end = |key| table.number(key, 0.0..=1e12, "a yearly value in the tenant's currency");
        Span { from: end("from"), below: end("below") }
    };
    let employees = table.table("employees", "`employees`", &["from", "below"]).map(whole);
    let value = table.table("value", "`value`", &["from", "below"]).map(amount);
    let reach = Reach {
        countries,
        regions,
        industries,
        employees: employees.unwrap_or_default(),
        value: value.unwrap_or_default(),
    };
    holds_something(table, "employees", &reach.employees, findings);
    holds_something(table, "value", &reach.value, findings);
    (reach, all_countries && all_regions && all_industries)
}

fn holds_something<T: PartialOrd + std::fmt::Display>(
    table: &Table<'_>,
    key: &str,
    span: &Span<T>,
    findings: &Findings,
) {
    if let Span { from: Some(from), below: Some(below) } = span
        && from >= below
    {
        let message = format!("`{key}` holds nothing: from {from} is not below {below}");
        let hint = "`from` is the first that is inside, `below` the first that is not";
        findings.add(Problem::at(&table.place_of(key), message).hint(hint));
    }
}

/// `overlay = true` lies over the others; a list of reps is those who help out.
fn layer(table: &Table<'_>) -> Layer {
    match table.is_flag("overlay").then(|| table.flag("overlay")).flatten() {
        Some(true) => Layer::Overlay,
        Some(false) | None => Layer::Ground,
    }
}

/// Whom a territory or a rule can name.
pub(super) struct Roster<'a> {
    pub(super) reps: &'a [Rep],
    pub(super) rep_names: &'a Names,
    pub(super) team_names: &'a Names,
    pub(super) findings: &'a Findings,
}

impl Roster<'_> {
    /// Reps by id, and by `team:ID` everybody of a team; each once.
    pub(super) fn expand(&self, table: &Table<'_>, key: &str) -> Vec<RepId> {
        let mut found = Vec::new();
        // `overlay = false` names nobody.
        let named = if table.is_flag(key) { None } else { table.texts(key) };
        for At { value, place } in named.unwrap_or_default() {
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

/// What earlier territories hold: the first that fits a lead wins, so one behind it for the same leads
/// would never be reached.
///
/// Only what is certain is a finding. A territory is never reached where every combination of a place, an
/// industry and a lane that it holds is held by an earlier one whose employees and values are at least as
/// wide and whose condition is the same or none. One that could not be read whole is not judged, and takes
/// only places, and only where nothing else limits it.
#[derive(Default)]
struct Taken {
    earlier: Vec<(Territory, usize)>,
    /// Places in `earlier`, by country or region.
    by_place: BTreeMap<String, Vec<usize>>,
    anywhere: Vec<usize>,
}

impl Taken {
    fn add(&mut self, territory: &Territory, line: usize) {
        let at = self.earlier.len();
        let mut anywhere = true;
        for place in territory.reach.places() {
            anywhere = false;
            self.by_place.entry(place.to_owned()).or_default().push(at);
        }
        if anywhere {
            self.anywhere.push(at);
        }
        self.earlier.push((territory.clone(), line));
    }

    /// Something that the territory holds and who takes that before it, where all that it holds is taken.
    fn all(&self, territory: &Territory) -> Option<(String, &Territory, usize)> {
        let mut first = None;
        let places: Vec<&str> = territory.reach.places().collect();
        for place in each(&places) {
            for industry in each(&territory.reach.industries) {
                for lane in each(&territory.lanes) {
                    let holder = self.holder(territory, place.copied(), industry, lane)?;
                    let what = [place.copied(), industry.map(String::as_str), lane.map(LaneId::as_str)];
                    first.get_or_insert_with(|| {
                        let what: Vec<&str> = what.into_iter().flatten().collect();
                        (if what.is_empty() { "all leads".to_owned() } else { what.join(", ") }, holder)
                    });
                }
            }
        }
        let (what, holder) = first?;
        let (other, line) = self.earlier.get(holder)?;
        Some((what, other, *line))
    }

    /// The first that holds this place, industry and lane for everybody whom the territory holds there;
    /// `None` of them stands for any.
    fn holder(
        &self,
        territory: &Territory,
        place: Option<&str>,
        industry: Option<&String>,
        lane: Option<&LaneId>,
    ) -> Option<usize> {
        let country = place.and_then(|place| place.split('-').next());
        let by_place = [place, country].into_iter().flatten().filter_map(|name| self.by_place.get(name));
        let there = by_place.chain([&self.anywhere]).flatten().copied();
        let Reach { employees, value, .. } = &territory.reach;
        there
            .filter(|at| {
                let (other, _) = &self.earlier[*at];
                let kinds = &other.reach.industries;
                let of_industry = kinds.is_empty()
                    || industry
                        .is_some_and(|industry| kinds.iter().any(|kind| covers_industry(kind, industry)));
                let of_lane = other.lanes.is_empty() || lane.is_some_and(|lane| other.lanes.contains(lane));
                of_industry
                    && of_lane
                    && other.reach.employees.covers(employees)
                    && other.reach.value.covers(value)
                    && (other.when.is_none() || other.when == territory.when)
            })
            .min()
    }
}

/// Each of a list, or once `None` where there is none to be of.
fn each<T>(list: &[T]) -> impl Iterator<Item = Option<&T>> {
    let any = list.is_empty().then_some(None);
    list.iter().map(Some).chain(any)
}

/// Whether something else than its places limits a territory, whatever could be read of that.
fn limited(table: &Table<'_>) -> bool {
    ["where", "industries", "employees", "value", "lanes", "when"].iter().any(|key| !table.lacks(key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A lead as far as territories look at it.
    struct Seen<'a> {
        region: Option<&'a str>,
        country: Option<&'a str>,
        industry: Option<&'a str>,
        lane: Option<&'a str>,
        employees: Option<u32>,
        asked: bool,
    }

    fn every_lead() -> Vec<Seen<'static>> {
        let mut leads = Vec::new();
        for (country, region) in [
            (None, None),
            (Some("PT"), None),
            (Some("US"), None),
            (Some("US"), Some("US-CA")),
            (Some("US"), Some("US-NY")),
        ] {
            for industry in [None, Some("retail"), Some("food retail"), Some("banking")] {
                for lane in [None, Some("smb"), Some("enterprise")] {
                    for employees in [None, Some(0), Some(1), Some(2), Some(3)] {
                        for asked in [false, true] {
                            leads.push(Seen { region, country, industry, lane, employees, asked });
                        }
                    }
                }
            }
        }
        leads
    }

    fn holds(territory: &Territory, lead: &Seen<'_>) -> bool {
        let Reach { industries, employees, .. } = &territory.reach;
        let places: Vec<&str> = territory.reach.places().collect();
        let at = [lead.region, lead.country].into_iter().flatten();
        (places.is_empty() || at.into_iter().any(|at| places.contains(&at)))
            && (industries.is_empty()
                || lead.industry.is_some_and(|of| industries.iter().any(|own| covers_industry(own, of))))
            && (territory.lanes.is_empty()
                || lead.lane.is_some_and(|of| territory.lanes.iter().any(|lane| lane.as_str() == of)))
            && employees.holds(lead.employees)
            && (territory.when.is_none() || lead.asked)
    }

    fn any_list(of: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(prop::sample::select(of).prop_map(str::to_owned), 0..3)
    }

    prop_compose! {
        fn any_territory()(
            countries in any_list(&["PT", "US"]),
            regions in any_list(&["US-CA", "US-NY"]),
            industries in any_list(&["retail", "food retail", "banking"]),
            lanes in any_list(&["smb", "enterprise"]),
            (from, below) in (prop::option::of(0..3u32), prop::option::of(1..4u32)),
            asks in any::<bool>(),
        ) -> Territory {
            Territory {
                id: "any".parse().unwrap(),
                name: String::new(),
                layer: Layer::Ground,
                reach: Reach {
                    countries, regions, industries,
                    employees: Span { from, below },
                    value: Span::default(),
                },
                lanes: lanes.iter().map(|lane| lane.parse().unwrap()).collect(),
                when: asks.then(|| "asked".to_owned()),
                primary: vec![],
                overlay: vec![],
            }
        }
    }

    proptest! {
        /// A territory that is said to be never reached is reached by no lead there could be.
        #[test]
        fn only_what_is_certain_is_said(territories in prop::collection::vec(any_territory(), 1..5)) {
            let mut taken = Taken::default();
            for (place, territory) in territories.iter().enumerate() {
                if taken.all(territory).is_some() {
                    let reached = every_lead().into_iter().any(|lead| {
                        holds(territory, &lead)
                            && !territories[..place].iter().any(|earlier| holds(earlier, &lead))
                    });
                    prop_assert!(!reached, "{territory:?}");
                }
                taken.add(territory, 1);
            }
        }

        /// The same leads twice, and a part of them, are told.
        #[test]
        fn what_is_there_already_is_said(first in any_territory(), other in any_territory()) {
            let mut taken = Taken::default();
            taken.add(&first, 1);
            taken.add(&other, 2);
            prop_assert!(taken.all(&first).is_some());
            let part = Territory { when: Some("asked".to_owned()), ..other };
            prop_assert!(taken.all(&part).is_some());
        }
    }
}
