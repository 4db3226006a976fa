//! Raw values in, a checked configuration or every problem out.
//!
//! Every part is checked to its end whatever the others found; a part that could not be read leaves
//! nothing behind and is not complained of twice.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::fairness::{self, Known};
use super::handling;
use super::hours::{HOURS, LEAVE, hours};
use super::lanes::{self, Lanes};
use super::learning;
use super::people::{self, People};
use super::read::{File, Findings, Source, read};
use super::rules::{self, RULES};
use super::segments::{self, PlacedSegment};
use super::territories::Roster;
use super::toml_table::{Table, parse};
use super::{
    Config, Conflict, Disk, Folder, Matching, Place, PluginChoice, PluginSource, Plugins, Problem, Problems,
    TerritoryIndex, Tiers, booking, known, plugins, records, scarcity, tuning,
};
use crate::digest::Digest;
use crate::lead::LabelPolicy;
use crate::nearest::nearest;
use crate::pacing::Pacing;
use crate::rules::{RuleSet, Segment, Words};

/// What a folder may hold, in the order in which problems are listed.
const FILES: &[&str] = &["tenant.toml", TEAMS, REPS, TERRITORIES, ACCOUNTS, HOURS, LEAVE, RECORDS, RULES];
pub(super) const TEAMS: &str = "teams.toml";
pub(super) const REPS: &str = "reps.csv";
pub(super) const TERRITORIES: &str = "territories.toml";
pub(super) const ACCOUNTS: &str = "accounts.csv";
pub(super) const RECORDS: &str = "records.csv";

const MINIMAL_TENANT: &str = r#"a minimal one:
    [tenant]
    id = "acme"
    name = "Acme"
    currency = "USD"
    timezone = "America/New_York"

    [[lanes]]
    id = "sales"
    name = "Sales"
    definition = "Companies that want a quote, a demo or a pilot."
    team = "sales""#;
const MINIMAL_TEAMS: &str = r#"a minimal one:
    [[teams]]
    id = "sales"
    name = "Sales""#;
const MINIMAL_REPS: &str = "a minimal one:
    id,name,team,max_open
    ana,Ana Lima,sales,25";

/// Reads and checks a tenant's folder.
pub fn load(folder: &Path) -> Result<Config, Problems> {
    if !folder.is_dir() {
        let place = Place { file: folder.display().to_string(), line: 0 };
        let problem = Problem::at(&place, "there is no such folder");
        return Err(Problems(vec![problem.hint("name the folder that holds tenant.toml")]));
    }
    load_from(&Disk(folder))
}

/// The same, wherever its files lie.
pub fn load_from(folder: &dyn Folder) -> Result<Config, Problems> {
    let findings = Findings::default();
    look_around(folder, &findings);
    let config = check(folder, &findings);
    match (config, findings.sorted(FILES)) {
        (Some(config), problems) if problems.is_empty() => Ok(config),
        (_, problems) => Err(Problems(problems)),
    }
}

fn check(folder: &dyn Folder, findings: &Findings) -> Option<Config> {
    let people = people::people(folder, findings);
    let records = records::records(folder, &people, findings);
    let tenant = required(folder, "tenant.toml", MINIMAL_TENANT, findings);
    let text = tenant.as_deref()?;
    let source = Source::new("tenant.toml", text, findings);
    let document = parse(&source)?;
    let root = Table::root(
        &source,
        &document,
        &[
            "tenant",
            "classify",
            "lanes",
            "segments",
            "tiers",
            "capacity",
            "fairness",
            "matching",
            "scarcity",
            "learning",
            "mode",
            "acceptance",
            "escalation",
            "batch",
            "plugins",
            "accounts",
            "duplicates",
            "sticky",
            "handovers",
            "exclusions",
            "routers",
        ],
    );

    let identity = lanes::identity(&root, findings);
    // Without a zone of the tenant's, which is a finding, any will do to check the rest.
    let zone = identity.as_ref().map_or("UTC", |identity| identity.timezone.as_str());
    let hours = hours(folder, &people.reps, &people.rep_names, zone, findings);
    let lanes = lanes::lanes(&root, &people.team_names, findings);
    for lane in &people.territories.lanes {
        lanes.names.allow("lanes", &lane.value, &lane.place, findings);
    }
    let words = words(&lanes, &people);
    let (segments, words) = segments::segments(&root, &lanes.names, &people.team_names, words, findings);
    let (rules, notes) = rules(folder, &segments, &words, &people, findings);
    let segments: Vec<Segment> = segments.into_iter().map(|(segment, _)| segment).collect();
    let tiers = tuning::tiers(&root, &words, findings);
    let capacity = tuning::capacity(&root, &lanes.lanes);
    let fairness = fairness::fairness(
        &root,
        Known {
            reps: &people.rep_names,
            teams: &people.team_names,
            lanes: &lanes.lanes,
            segments: &segments,
        },
    );
    let prefers = people::prefers(&people.prefers, &words, findings);
    let matching = tuning::matching(&root);
    let longest = tiers.as_ref().map(Tiers::longest);
    let handling = handling::handling(&root, &lanes.lanes, longest);
    let routers = booking::routers(&root, &people.team_names, findings);
    let scarcity = scarcity::scarcity(&root);
    let learning = learning::learning(&root, &segments);
    let plugins = plugins::plugins(&root, folder, findings);
    let known = known::known(&root, &people.team_names, &words, findings);

    let (identity, tiers) = (identity?, tiers?);
    let People { mut reps, teams, territories, accounts, .. } = people;
    for rep in reps.iter_mut() {
        // A rep without a zone of their own works in the tenant's.
        if rep.timezone.is_empty() {
            rep.timezone.clone_from(&identity.timezone);
        }
    }
    let Lanes { policy, bands, lanes, .. } = lanes;
    let territories = territories.list;
    let mut config = Config {
        tenant: identity.id,
        name: identity.name,
        currency: identity.currency,
        timezone: identity.timezone,
        country: identity.country,
        policy,
        bands,
        lanes,
        segments,
        rules,
        tiers,
        capacity,
        fairness,
        matching,
        handling,
        routers,
        scarcity,
        learning,
        plugins,
        reps: reps.into(),
        hours,
        prefers,
        teams,
        territory_index: TerritoryIndex::new(&territories),
        territories,
        accounts,
        records,
        known,
        notes,
        digest: Digest::of(""),
    };
    config.digest = digest(&config, folder, findings)?;
    Some(config)
}

/// What conditions can compare with. Where something could not be read, any text may be right.
fn words(lanes: &Lanes, people: &People) -> Words {
    let mut words = Words::default();
    if let Some(names) = lanes.names.all() {
        words = words.with("verdict.lane", names, lanes.policy == LabelPolicy::Strict);
    }
    if let Some(names) = people.team_names.all() {
        words = words.with("rep.team", names, false);
    }
    if let Some(names) = people.rep_names.all() {
        let names: Vec<&str> = names.collect();
        words = words.with("rep.id", names.clone(), false).with("account.owner", names, true);
    }
    words
}

/// The rules, and what is worth a look in them.
fn rules(
    folder: &dyn Folder,
    segments: &[PlacedSegment],
    words: &Words,
    people: &People,
    findings: &Findings,
) -> (RuleSet, Vec<Problem>) {
    let People { reps, rep_names, team_names, .. } = people;
    let roster = Roster { reps, rep_names, team_names, findings };
    let mut rules = rules::rules(folder, words, &roster);
    rules.extend(rules::rules_of_segments(segments, words));
    rules::rule_set(rules, words, &roster)
}

/// A file that has to be there.
pub(super) fn required(
    folder: &dyn Folder,
    file: &str,
    minimal: &str,
    findings: &Findings,
) -> Option<String> {
    match read(folder, file, findings) {
        File::Text(text) => Some(text),
        File::Unreadable => None,
        File::Absent => {
            let place = Place { file: file.to_owned(), line: 0 };
            findings.add(Problem::at(&place, "the file is missing").hint(minimal));
            None
        }
    }
}

pub(super) fn required_teams(folder: &dyn Folder, findings: &Findings) -> Option<String> {
    required(folder, TEAMS, MINIMAL_TEAMS, findings)
}

pub(super) fn required_reps(folder: &dyn Folder, findings: &Findings) -> Option<String> {
    required(folder, REPS, MINIMAL_REPS, findings)
}

/// A file nearly called like one of ours would be ignored in silence.
fn look_around(folder: &dyn Folder, findings: &Findings) {
    let mut names = folder.names(Path::new(""));
    names.sort();
    for name in &names {
        let place = Place { file: name.clone(), line: 0 };
        if (name.ends_with(".toml") || name.ends_with(".csv"))
            && !FILES.contains(&name.as_str())
            && let Some(near) =
                nearest(name, FILES.iter().copied().filter(|file| !names.iter().any(|name| name == file)))
        {
            let problem = Problem::at(&place, "nothing reads a file of this name");
            findings.add(problem.hint(format!("did you mean `{near}`?")));
        }
    }
}

/// Over what was understood, not over how it was written: comments, spacing and the order of keys
/// do not count. The bytes of every component file do.
fn digest(config: &Config, folder: &dyn Folder, findings: &Findings) -> Option<Digest> {
    let mut components = Vec::new();
    let Plugins { classifier, scorer, fallback, enrichers } = &config.plugins;
    for choice in
        [classifier, scorer, fallback].into_iter().chain(enrichers.iter().map(|enricher| &enricher.plugin))
    {
        let PluginSource::File(path) = &choice.source else { continue };
        match folder.read(path) {
            Ok(bytes) => components.push(*Digest::of(bytes).bytes()),
            Err(error) => {
                let message = format!("the component {} cannot be read: {error}", path.display());
                findings.add(Problem::at(&choice.place, message).hint("look at its permissions"));
                return None;
            }
        }
    }
    let content = canonical(config).to_string();
    Some(Digest::of_parts(
        [content.as_bytes()].into_iter().chain(components.iter().map(|digest| digest.as_slice())),
    ))
}

/// Everything that can change a decision, in one order. Naming every field makes a new one a
/// compile error here rather than a change that no digest shows.
fn canonical(config: &Config) -> Json {
    let Config {
        tenant,
        name,
        currency,
        timezone,
        country,
        policy,
        bands,
        lanes,
        segments,
        rules,
        tiers: Tiers { one, two, three_minutes, clock },
        capacity,
        fairness,
        matching: Matching { threshold, qualified_within, fast_intent, waive_territory, conflict, grades },
        scarcity,
        learning,
        handling,
        routers,
        plugins: Plugins { classifier, scorer, fallback, enrichers },
        reps,
        hours,
        // The same as in the reps.
        prefers: _,
        teams,
        territories,
        territory_index: _,
        accounts,
        records,
        known,
        notes: _,
        digest: _,
    } = config;
    let Conflict { weight, strong, weak, within } = conflict;
    let enrichers: Vec<Json> = enrichers
        .iter()
        .map(|enricher| {
            let hosts: Vec<String> = enricher.hosts.iter().map(url::Origin::ascii_serialization).collect();
            // One without secrets is written as before there were any.
            match enricher.secrets.is_empty() {
                true => json!([enricher.name, choice(&enricher.plugin), hosts]),
                false => {
                    let to = |origin: &url::Origin| origin.ascii_serialization();
                    let secrets = enricher.secrets.iter().map(|(name, origin)| (name, to(origin)));
                    json!([enricher.name, choice(&enricher.plugin), hosts, secrets.collect::<Vec<_>>()])
                }
            }
        })
        .collect();
    let mut canonical = json!([
        [tenant, name, currency, timezone, country],
        [policy, lanes],
        [json!(segments), json!(rules.rules().collect::<Vec<_>>())],
        [[one.when.source(), one.minutes], [two.when.source(), two.minutes], three_minutes, clock],
        [capacity, fairness],
        [[threshold, qualified_within, fast_intent], waive_territory, [weight, strong, weak, within]],
        scarcity.as_ref().map(|Pacing { days, step, ordinary, hold }| json!([days, step, ordinary, hold])),
        handling,
        [choice(classifier), choice(scorer), choice(fallback), enrichers],
        [json!(&reps[..]), json!(teams), json!(territories), json!(accounts)],
        [json!(records::digest(records)), known::canonical(known), hours.canonical()],
    ]);
    // Nothing of a folder without routers, so that its digest is what it was before there were any.
    if let (Some(parts), false) = (canonical.as_array_mut(), routers.is_empty()) {
        parts.push(json!(routers));
    }
    if let (Some(parts), Some(bands)) = (canonical.as_array_mut(), bands) {
        parts.push(json!({"bands": [bands.high.min(2.0), bands.medium.min(2.0)]}));
    }
    if let (Some(parts), Some(grades)) = (canonical.as_array_mut(), grades) {
        parts.push(json!({"grades": grades}));
    }
    // The same for learning.
    if let (Some(parts), false) = (canonical.as_array_mut(), learning.is_default(segments)) {
        parts.push(json!({"learning": learning}));
    }
    canonical
}

fn choice(PluginChoice { source, settings, fields, place: _ }: &PluginChoice) -> Json {
    let source = match source {
        PluginSource::Standard => None,
        PluginSource::File(path) => Some(path.display().to_string()),
        // No path is empty before its first slash, so that no file can be meant. Which release decides is not the folder's.
        PluginSource::Published(plugin) => Some(format!("/published/{plugin}")),
    };
    // A choice that is granted every field is written as before there were grants.
    match fields {
        None => json!([source, settings]),
        Some(fields) => json!([source, settings, **fields]),
    }
}
