//! Who there is and what is theirs: `teams.toml`, `reps.csv`, `territories.toml` and `accounts.csv`.

use std::collections::BTreeMap;
use std::path::Path;

use super::check::{ACCOUNTS, REPS, TEAMS, TERRITORIES, required_reps, required_teams};
use super::names::Names;
use super::read::{At, File, Findings, Source, read};
use super::sheet::{Layout, Row, Sheet, sheet};
use super::toml_table::{Table, parse};
use super::values::{Wrong, checked, country, domain, email, id, language, region, timezone};
use super::{Place, Preference, Problem};
use crate::rules::Condition;
use crate::lead::{Account, Attention, Caps, Rep, RepId, Team, Territory, Turns};

/// The people of a tenant and what is theirs.
pub(super) struct People {
    pub(super) reps: Vec<Rep>,
    pub(super) rep_names: Names,
    pub(super) prefers: Vec<Preference>,
    pub(super) teams: Vec<Team>,
    pub(super) team_names: Names,
    pub(super) territories: Vec<Territory>,
    pub(super) accounts: BTreeMap<String, Account>,
}

pub(super) fn people(folder: &Path, findings: &Findings) -> People {
    let (teams, team_names) = teams(folder, findings);
    let (reps, prefers, rep_names) = reps(folder, &team_names, findings);
    for (team, manager) in &teams {
        if let Some(manager) = manager {
            check_manager(team, manager, &rep_names, findings);
        }
    }
    let territories = territories(folder, &reps, &rep_names, &team_names, findings);
    let accounts = accounts(folder, &rep_names, findings);
    People {
        reps,
        rep_names,
        prefers,
        teams: teams.into_iter().map(|(team, _)| team).collect(),
        team_names,
        territories,
        accounts,
    }
}

/// A team with the place of its manager.
type TeamEntry = (Team, Option<Place>);

const TEAM_KEYS: &[&str] = &["id", "name", "manager", "daily_cap", "weekly_cap", "turns"];

fn teams(folder: &Path, findings: &Findings) -> (Vec<TeamEntry>, Names) {
    let text = required_teams(folder, findings);
    let source = Source { file: TEAMS, text: text.as_deref().unwrap_or_default(), findings };
    let document = text.is_some().then(|| parse(&source)).flatten();
    let mut names = Names::new("team", TEAMS, document.is_some());
    let Some(document) = document else { return (Vec::new(), names) };
    let root = Table::root(&source, &document, &["teams"]);
    let tables = root.tables("teams", "[[teams]]", "this team", TEAM_KEYS);
    if root.lacks("teams") && !root.misspells("teams") {
        findings.add(Problem::at(&root.place(), "there is no team").hint("add [[teams]] with id and name"));
    }
    let mut teams = Vec::new();
    for table in &tables {
        let id = table.required_text("id", "sales").and_then(|at| {
            names.define(&at.value, &at.place, findings);
            checked("id", &at, findings, id)
        });
        if id.is_none() {
            names.miss();
        }
        let name = table.required_text("name", "Sales");
        let manager = table.text("manager");
        if let (Some(id), Some(name)) = (id, name) {
            let place = manager.as_ref().map(|at| at.place.clone());
            let cap = |key| table.count(key, 1..=1_000_000, "new leads of the whole team");
            let caps = Caps { daily: cap("daily_cap"), weekly: cap("weekly_cap") };
            let manager = manager.map(|at| at.value);
            teams.push((Team { id, name: name.value, manager, caps, turns: turns(table) }, place));
        }
    }
    (teams, names)
}

fn turns(table: &Table<'_>) -> Turns {
    let meanings =
        "\"credit\" makes up for what was missed, \"order\" goes round, \"count\" evens out the month";
    table
        .choice(
            "turns",
            &[("credit", Turns::Credit), ("order", Turns::Order), ("count", Turns::Count)],
            meanings,
        )
        .unwrap_or_default()
}

/// A manager is a rep, or somebody who takes no leads and is known by their address: a misspelt id
/// is neither.
fn check_manager(team: &Team, place: &Place, reps: &Names, findings: &Findings) {
    let Some(manager) = &team.manager else { return };
    if reps.may_have(manager) || email(manager).is_ok() {
        return;
    }
    let hint = match reps.meant(manager) {
        meant if meant.ends_with('?') => {
            format!("{meant} Somebody who takes no leads is named by their e-mail address")
        }
        there_are => format!("{there_are}; somebody who takes no leads is named by their e-mail address"),
    };
    findings.add(
        Problem::at(place, format!("`manager` is neither a rep nor an e-mail address: {manager:?}"))
            .hint(hint),
    );
}

const REP_SHEET: Layout = Layout {
    columns: &[
        "id",
        "name",
        "team",
        "max_open",
        "email",
        "open",
        "weekly_cap",
        "daily_cap",
        "week",
        "weight",
        "available",
        "free_now",
        "response_seconds",
        "industries",
        "products",
        "languages",
        "competitors",
        "certifications",
        "skills",
        "technical",
        "style",
        "timezone",
        "country",
        "schedule",
        "prefers",
        "relay",
        "deal_min",
        "deal_max",
        "seniority",
    ],
    required: &["id", "name", "team", "max_open"],
};

fn reps(folder: &Path, teams: &Names, findings: &Findings) -> (Vec<Rep>, Vec<Preference>, Names) {
    let text = required_reps(folder, findings);
    let source = Source { file: REPS, text: text.as_deref().unwrap_or_default(), findings };
    let Some(Sheet { rows, complete }) = text.is_some().then(|| sheet(&source, &REP_SHEET)) else {
        return (Vec::new(), Vec::new(), Names::new("rep", REPS, false));
    };
    let mut names = Names::new("rep", REPS, complete);
    let mut reps = Vec::new();
    let mut prefers = Vec::new();
    for row in &rows {
        prefer(row, reps.len(), &mut prefers);
        reps.extend(rep(row, teams, &mut names, findings));
    }
    // Anybody of the sheet can be named, also who stands further down.
    for row in &rows {
        if let Some(relay) = row.text("relay") {
            names.allow("relay", relay, row.place(), findings);
        }
    }
    (reps, prefers, names)
}

/// Many reps prefer the same leads, so each expression is compiled and asked once.
fn prefer(row: &Row<'_>, place: usize, prefers: &mut Vec<Preference>) {
    let Some(text) = row.text("prefers") else { return };
    if let Some(known) = prefers.iter_mut().find(|known| known.when.source() == text) {
        return known.reps.push(place);
    }
    match Condition::compile(text) {
        Ok(when) => prefers.push(Preference { when, reps: vec![place] }),
        Err(error) => {
            for problem in error.problems {
                let message = format!("`prefers`, character {}: {}", problem.column, problem.message);
                row.problem(message, problem.hint);
            }
        }
    }
}

fn rep(row: &Row<'_>, teams: &Names, names: &mut Names, findings: &Findings) -> Option<Rep> {
    let key = row.required("id").and_then(|text| {
        names.define(text, row.place(), findings);
        value(row, "id", text, id)
    });
    if key.is_none() {
        names.miss();
    }
    let name = row.required("name").map(str::to_owned);
    let team = row.required("team").and_then(|text| {
        let known = teams.allow("team", text, row.place(), findings);
        value(row, "team", text, id).filter(|_| known)
    });
    let max_open = row.required("max_open").and_then(|_| row.number("max_open", 1..=10_000));
    let available = row.flag("available").unwrap_or(true);
    let deal_min = row.number("deal_min", 0.0..=1e12);
    let deal_max = row.number("deal_max", 0.0..=1e12);
    if let (Some(min), Some(max)) = (deal_min, deal_max)
        && min > max
    {
        row.problem(
            format!("`deal_min` is {min}, above `deal_max` at {max}"),
            Some("change them over, or leave one empty".to_owned()),
        );
    }
    let weight = row.number("weight", 0.0..=100.0);
    if weight == Some(0.0) {
        row.problem(
            "`weight` is 0, so no lead would ever come",
            Some("write available = false for somebody who takes none".to_owned()),
        );
    }
    // Everything is looked at before anything is given up.
    let address = row.text("email").and_then(|text| value(row, "email", text, email));
    let open = row.number("open", 0..=1_000_000).unwrap_or(0);
    let caps =
        Caps { daily: row.number("daily_cap", 1..=10_000), weekly: row.number("weekly_cap", 1..=10_000) };
    let week = row.number("week", 0..=1_000_000).unwrap_or(0);
    let free_now = row.flag("free_now").unwrap_or(available);
    let response_seconds = row.number("response_seconds", 0..=u32::MAX);
    let languages = row.list("languages");
    let languages = languages.iter().filter_map(|text| value(row, "languages", text, language)).collect();
    let zone = row.text("timezone").and_then(|text| value(row, "timezone", text, timezone));
    let seniority = row.number("seniority", 1..=5).and_then(|level| u8::try_from(level).ok());
    let technical = row.number("technical", 1..=10).and_then(|level| u8::try_from(level).ok());
    let home = row.text("country").and_then(|text| value(row, "country", text, country));
    let relay = row.text("relay").and_then(|text| value(row, "relay", text, id));
    Some(Rep {
        id: key?,
        name: name?,
        email: address,
        team: team?,
        max_open: max_open?,
        open,
        caps,
        week,
        weight: weight.unwrap_or(1.0),
        available,
        free_now,
        response_seconds,
        industries: row.lower_list("industries"),
        products: row.lower_list("products"),
        languages,
        competitors: row.lower_list("competitors"),
        certifications: row.list("certifications"),
        skills: skills(row),
        technical,
        style: row.text("style").map(str::to_lowercase),
        country: home,
        schedule: row.text("schedule").map(str::to_owned),
        prefers: row.text("prefers").map(str::to_owned),
        relay,
        // The tenant's own is filled in where this is empty.
        timezone: zone.unwrap_or_default(),
        deal_min,
        deal_max,
        seniority: seniority.unwrap_or(3),
    })
}

/// `healthcare:8; soc 2:5`; a skill without a level is a 5.
fn skills(row: &Row<'_>) -> BTreeMap<String, u8> {
    let mut skills = BTreeMap::new();
    for entry in row.lower_list("skills") {
        let (name, level) =
            entry.rsplit_once(':').map_or((entry.as_str(), "5"), |(name, level)| (name, level));
        match level.trim().parse::<u8>() {
            Ok(level @ 1..=10) if !name.trim().is_empty() => {
                skills.insert(name.trim().to_owned(), level);
            }
            _ => row.problem(
                format!("`skills` holds {entry:?}, and a skill is a name and a level of 1 to 10"),
                Some("such as healthcare:8".to_owned()),
            ),
        }
    }
    skills
}

/// Checks a value of a row.
fn value<T>(
    row: &Row<'_>,
    column: &str,
    text: &str,
    check: impl FnOnce(&str) -> Result<T, Wrong>,
) -> Option<T> {
    check(text).map_err(|Wrong { message, hint }| row.problem(format!("`{column}` {message}"), hint)).ok()
}

fn territories(
    folder: &Path,
    reps: &[Rep],
    rep_names: &Names,
    team_names: &Names,
    findings: &Findings,
) -> Vec<Territory> {
    let File::Text(text) = read(folder, TERRITORIES, findings) else { return Vec::new() };
    let source = Source { file: TERRITORIES, text: &text, findings };
    let Some(document) = parse(&source) else { return Vec::new() };
    let root = Table::root(&source, &document, &["territories"]);
    let keys: &[&str] = &["id", "name", "countries", "regions", "primary", "overlay"];
    let mut names = Names::new("territory", TERRITORIES, true);
    let mut taken = Taken::default();
    let roster = Roster { reps, rep_names, team_names, findings };
    root.tables("territories", "[[territories]]", "this territory", keys)
        .iter()
        .filter_map(|table| territory(table, &mut names, &mut taken, &roster))
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
        key.as_ref().map_or("", |id: &crate::lead::TerritoryId| id.as_str()),
        &countries,
        &regions,
        findings,
    );
    Some(Territory { id: key?, name: name?.value, countries, regions, primary, overlay })
}

/// Whom a territory can name.
struct Roster<'a> {
    reps: &'a [Rep],
    rep_names: &'a Names,
    team_names: &'a Names,
    findings: &'a Findings,
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

const ACCOUNT_SHEET: Layout =
    Layout { columns: &["domain", "name", "owner", "sdr", "attention"], required: &["domain", "name"] };

fn accounts(folder: &Path, reps: &Names, findings: &Findings) -> BTreeMap<String, Account> {
    let File::Text(text) = read(folder, ACCOUNTS, findings) else { return BTreeMap::new() };
    let source = Source { file: ACCOUNTS, text: &text, findings };
    let mut names = Names::new("account", ACCOUNTS, true);
    let mut accounts = BTreeMap::new();
    for row in &sheet(&source, &ACCOUNT_SHEET).rows {
        let key = row.required("domain").and_then(|text| value(row, "domain", text, domain));
        let name = row.required("name").map(str::to_owned);
        let rep = |column| {
            row.text(column).and_then(|text| {
                let known = reps.allow(column, text, row.place(), findings);
                value(row, column, text, id).filter(|_| known)
            })
        };
        let (owner, sdr) = (rep("owner"), rep("sdr"));
        let attention = row.choice(
            "attention",
            &[
                ("one-to-one", Attention::OneToOne),
                ("one-to-few", Attention::OneToFew),
                ("one-to-many", Attention::OneToMany),
            ],
        );
        if let (Some(domain), Some(name)) = (key, name) {
            names.define(&domain, row.place(), findings);
            accounts.insert(domain.clone(), Account { domain, name, owner, sdr, attention });
        }
    }
    accounts
}
