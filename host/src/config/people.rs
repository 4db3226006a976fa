//! Who there is and whose accounts are whose: `teams.toml`, `reps.csv` and `accounts.csv`.

use std::collections::{BTreeMap, HashMap};

use super::check::{ACCOUNTS, REPS, TEAMS, required_reps, required_teams};
use super::condition::condition;
use super::names::Names;
use super::read::{At, File, Findings, Source, read};
use super::sheet::{Layout, Row, Sheet, sheet};
use super::territories::{Roster, Territories, territories};
use super::toml_table::{Table, parse};
use super::values::{Wrong, checked, country, domain, email, id, language, timezone};
use super::{Folder, Place, Preference, Problem};
use crate::lead::{Account, Attention, Caps, Rep, Team, Turns};
use crate::rules::{Reads, Words};

/// The people of a tenant and what is theirs.
pub(super) struct People {
    pub(super) reps: Vec<Rep>,
    /// The place of a rep and what they prefer.
    pub(super) prefers: Preferences,
    pub(super) teams: Vec<Team>,
    pub(super) team_names: Names,
    pub(super) rep_names: Names,
    pub(super) territories: Territories,
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) account_names: Names,
}

pub(super) fn people(folder: &dyn Folder, findings: &Findings) -> People {
    let (teams, team_names) = teams(folder, findings);
    let (reps, prefers, rep_names) = reps(folder, &team_names, findings);
    for (team, manager) in &teams {
        if let Some(manager) = manager {
            check_manager(team, manager, &rep_names, findings);
        }
    }
    let roster = Roster { reps: &reps, rep_names: &rep_names, team_names: &team_names, findings };
    let territories = territories(folder, &roster);
    let (accounts, account_names) = accounts(folder, &rep_names, findings);
    People {
        reps,
        prefers,
        teams: teams.into_iter().map(|(team, _)| team).collect(),
        team_names,
        rep_names,
        territories,
        accounts,
        account_names,
    }
}

/// A team with the place of its manager.
type TeamEntry = (Team, Option<Place>);

const TEAM_KEYS: &[&str] = &["id", "name", "manager", "daily_cap", "weekly_cap", "turns"];

fn teams(folder: &dyn Folder, findings: &Findings) -> (Vec<TeamEntry>, Names) {
    let text = required_teams(folder, findings);
    let source = Source::new(TEAMS, text.as_deref().unwrap_or_default(), findings);
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

/// What reps prefer: their places in the file, each with the condition.
type Preferences = Vec<(usize, At<String>)>;

fn reps(folder: &dyn Folder, teams: &Names, findings: &Findings) -> (Vec<Rep>, Preferences, Names) {
    let text = required_reps(folder, findings);
    let source = Source::new(REPS, text.as_deref().unwrap_or_default(), findings);
    let Some(Sheet { rows, complete }) = text.is_some().then(|| sheet(&source, &REP_SHEET)) else {
        return (Vec::new(), Vec::new(), Names::new("rep", REPS, false));
    };
    let mut names = Names::new("rep", REPS, complete);
    let mut reps = Vec::new();
    let mut prefers = Vec::new();
    for row in &rows {
        if let Some(text) = row.text("prefers") {
            prefers.push((reps.len(), At { value: text.to_owned(), place: row.place().clone() }));
        }
        reps.extend(rep(row, teams, &mut names, findings));
    }
    let mut addresses: HashMap<String, &str> = HashMap::new();
    for row in &rows {
        let (Some(address), Some(whose)) = (row.text("email"), row.text("id")) else { continue };
        if let Some(other) = addresses.insert(address.to_lowercase(), whose) {
            row.problem(
                format!("{other} has the e-mail address {address} as well"),
                Some("a CRM names owners by it: give each their own, or leave one empty".to_owned()),
            );
        }
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
pub(super) fn prefers(texts: &[(usize, At<String>)], words: &Words, findings: &Findings) -> Vec<Preference> {
    let mut prefers: Vec<Preference> = Vec::new();
    for (place, text) in texts {
        if let Some(known) = prefers.iter_mut().find(|known| known.when.source() == text.value) {
            known.reps.push(*place);
        } else if let Some(when) = condition("prefers", text, Reads::Lead, words, findings) {
            prefers.push(Preference { when, reps: vec![*place] });
        }
    }
    prefers
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
pub(super) fn value<T>(
    row: &Row<'_>,
    column: &str,
    text: &str,
    check: impl FnOnce(&str) -> Result<T, Wrong>,
) -> Option<T> {
    check(text).map_err(|Wrong { message, hint }| row.problem(format!("`{column}` {message}"), hint)).ok()
}

const ACCOUNT_SHEET: Layout =
    Layout { columns: &["domain", "name", "owner", "sdr", "attention"], required: &["domain", "name"] };

fn accounts(folder: &dyn Folder, reps: &Names, findings: &Findings) -> (BTreeMap<String, Account>, Names) {
    let text = match read(folder, ACCOUNTS, findings) {
        File::Text(text) => text,
        File::Absent => return (BTreeMap::new(), Names::new("account", ACCOUNTS, true)),
        File::Unreadable => return (BTreeMap::new(), Names::new("account", ACCOUNTS, false)),
    };
    let source = Source::new(ACCOUNTS, &text, findings);
    let Sheet { rows, complete } = sheet(&source, &ACCOUNT_SHEET);
    let mut names = Names::new("account", ACCOUNTS, complete);
    let mut accounts = BTreeMap::new();
    for row in &rows {
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
        } else {
            names.miss();
        }
    }
    (accounts, names)
}
