//! What it means that a lead is known already: `[accounts]`, `[duplicates]`, `[sticky]`, `[[handovers]]` and
//! `[exclusions]` of `tenant.toml`. A tenant who says nothing routes every lead as a new one.

use serde_json::{Value as Json, json};

use super::Problem;
use super::condition::condition;
use super::names::Names;
use super::read::{At, Findings};
use super::toml_table::Table;
use super::values::{checked, id};
use crate::decision::Known;
use crate::lead::TeamId;
use crate::nearest::nearest;
use crate::records::Alike;
use crate::rules::{Condition, Reads, Words};

/// What it means that a lead is known already.
#[derive(Debug, Default)]
pub struct KnownRules {
    /// Whether every account's contacts go to one owner; those of accounts with an attention always do (S2.19).
    pub same_owner: bool,
    /// How leads that repeat a record are found; absent where nobody looks (P2).
    pub duplicates: Option<Duplicates>,
    /// Who gets back whom they have had before; absent where nobody does (P15).
    pub sticky: Option<Sticky>,
    /// In the order of the file; the first that asks for a lead holds (S2.19).
    pub handovers: Vec<HandoverRule>,
    /// What is never routed by itself.
    pub exclusions: Exclusions,
}

/// How leads that repeat a record are found.
#[derive(Debug, Clone, PartialEq)]
pub struct Duplicates {
    /// What they may have in common, the most telling first.
    pub by: Vec<Alike>,
    /// Days since something happened to a record, after which a lead is a new one; 90 by default.
    pub days: u32,
    /// How alike the names of one person may be, 0.8 to 1; the same where absent.
    pub similarity: Option<f64>,
}

/// Who gets back whom they have had before.
#[derive(Debug, Clone, PartialEq)]
pub struct Sticky {
    /// The contact, or failing that anybody of the same account.
    pub by: Known,
    /// Days since something happened to the record, after which they are strangers; 90 by default.
    pub days: u32,
}

/// When a lead goes from who qualified it to who closes it.
#[derive(Debug)]
pub struct HandoverRule {
    /// Whose leads are handed over.
    pub from: TeamId,
    /// The team that gets them.
    pub to: TeamId,
    /// A CEL expression over `lead` and `verdict`; one of the two ways is set.
    pub when: Option<Condition>,
    /// How complex a lead is from here on, 0 to 1.
    pub complexity: Option<f32>,
}

/// What is never routed by itself (P21, P11).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exclusions {
    /// Records with one of these labels; lower case.
    pub labels: Vec<String>,
    /// Records of these owners; lower case.
    pub owners: Vec<String>,
    /// Records that came longer ago, in hours.
    pub older_than_hours: Option<u32>,
}

/// Days after which a record says nothing of a new lead.
const DAYS: u32 = 90;

pub(super) fn known(root: &Table<'_>, teams: &Names, words: &Words, findings: &Findings) -> KnownRules {
    let accounts = root.table("accounts", "[accounts]", &["same_owner"]);
    KnownRules {
        same_owner: accounts.and_then(|table| table.flag("same_owner")).unwrap_or(false),
        duplicates: duplicates(root),
        sticky: sticky(root),
        handovers: handovers(root, teams, words, findings),
        exclusions: exclusions(root),
    }
}

fn duplicates(root: &Table<'_>) -> Option<Duplicates> {
    let table = root.table("duplicates", "[duplicates]", &["by", "days", "similarity"])?;
    let by = match table.texts("by") {
        None => vec![Alike::Email, Alike::Phone, Alike::Name],
        Some(named) => named.iter().filter_map(|at| alike(&table, at)).collect(),
    };
    let likeness = "how alike two names are by Jaro and Winkler; 0.93 lets a slip of the pen pass";
    let similarity = table.number("similarity", 0.8..=1.0, likeness);
    Some(Duplicates { by, days: days(&table), similarity })
}

fn alike(table: &Table<'_>, At { value, place }: &At<String>) -> Option<Alike> {
    let words = [("email", Alike::Email), ("phone", Alike::Phone), ("name", Alike::Name)];
    let found = words.iter().find(|(word, _)| word == value).map(|(_, meant)| *meant);
    if found.is_none() {
        let hint = match nearest(value, words.iter().map(|(word, _)| *word)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "duplicates have \"email\", \"phone\" or \"name\" in common".to_owned(),
        };
        table.problem(Problem::at(place, format!("`by` holds {value:?}")).hint(hint));
    }
    found
}

fn sticky(root: &Table<'_>) -> Option<Sticky> {
    let table = root.table("sticky", "[sticky]", &["by", "days"])?;
    let meanings =
        "\"contact\" is who had the same person, \"account\" anybody of the company, \"none\" nobody";
    let words = [("contact", Some(Known::Contact)), ("account", Some(Known::Account)), ("none", None)];
    let by = table.choice("by", &words, meanings).unwrap_or(Some(Known::Contact));
    let days = days(&table);
    by.map(|by| Sticky { by, days })
}

fn days(table: &Table<'_>) -> u32 {
    table.count("days", 1..=3650, "days since something happened to a record").unwrap_or(DAYS)
}

fn handovers(root: &Table<'_>, teams: &Names, words: &Words, findings: &Findings) -> Vec<HandoverRule> {
    let keys: &[&str] = &["from", "to", "when", "complexity"];
    let tables = root.tables("handovers", "[[handovers]]", "this handover", keys);
    tables.iter().filter_map(|table| handover(table, teams, words, findings)).collect()
}

fn handover(table: &Table<'_>, teams: &Names, words: &Words, findings: &Findings) -> Option<HandoverRule> {
    let team = |key: &str, example| {
        let at = table.required_text(key, example)?;
        let known = teams.allow(key, &at.value, &at.place, findings);
        checked(key, &at, findings, id::<TeamId>).filter(|_| known)
    };
    let (from, to) = (team("from", "sdr"), team("to", "enterprise"));
    if let (Some(from), Some(to)) = (&from, &to)
        && from == to
    {
        let message = format!("`from` and `to` are the same team, {from}");
        table.problem(
            Problem::at(&table.place_of("to"), message).hint("name the team that closes deals in `to`"),
        );
    }
    if ["when", "complexity"].iter().all(|key| table.lacks(key) && !table.misspells(key)) {
        let problem = Problem::at(
            &table.place(),
            "this handover has no `when` or `complexity`, so it would never happen",
        );
        table.problem(problem.hint("add when = \"lead.value >= 50000.0\", or complexity = 0.6"));
    }
    let when = table.lines("when").map(|at| condition("when", &at, Reads::Lead, words, findings));
    let complexity = table.number("complexity", 0.0..=1.0, "0 is the simplest lead, 1 the most complex");
    // A condition that does not compile is a finding, not a condition that is absent.
    let when = match when {
        Some(compiled) => Some(compiled?),
        None => None,
    };
    Some(HandoverRule { from: from?, to: to?, when, complexity: complexity.map(|least| least as f32) })
}

fn exclusions(root: &Table<'_>) -> Exclusions {
    let table = root.table("exclusions", "[exclusions]", &["labels", "owners", "older_than_hours"]);
    let lower = |key| {
        let named = table.and_then(|table| table.texts(key)).unwrap_or_default();
        named.into_iter().map(|at| at.value.to_lowercase()).collect()
    };
    let hours = "hours since the lead came; a month has 720";
    Exclusions {
        labels: lower("labels"),
        owners: lower("owners"),
        older_than_hours: table.and_then(|table| table.count("older_than_hours", 1..=87_600, hours)),
    }
}

/// Everything here that can change a decision, in one order.
pub(super) fn canonical(rules: &KnownRules) -> Json {
    let KnownRules { same_owner, duplicates, sticky, handovers, exclusions } = rules;
    let duplicates =
        duplicates.as_ref().map(|Duplicates { by, days, similarity }| json!([by, days, similarity]));
    let sticky = sticky.as_ref().map(|Sticky { by, days }| json!([by, days]));
    let handovers: Vec<Json> = handovers
        .iter()
        .map(|HandoverRule { from, to, when, complexity }| {
            json!([from, to, when.as_ref().map(Condition::source), complexity])
        })
        .collect();
    let Exclusions { labels, owners, older_than_hours } = exclusions;
    json!([same_owner, duplicates, sticky, handovers, [labels, owners], older_than_hours])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::{SMALL, config};

    #[test]
    fn a_tenant_who_says_nothing_knows_nobody() {
        let rules = config(SMALL).known;
        assert!(!rules.same_owner && rules.handovers.is_empty(), "{rules:?}");
        assert_eq!((rules.duplicates, rules.sticky), (None, None));
        assert_eq!(rules.exclusions, Exclusions::default());
    }

    #[test]
    fn sections_are_read_as_written() {
        let rules = |text: &str| {
            let tenant = format!("{}\n{text}", SMALL[0].1);
            let teams =
                "[[teams]]\nid = \"sales\"\nname = \"Sales\"\n[[teams]]\nid = \"sdr\"\nname = \"SDR\"\n";
            config(&[("tenant.toml", &tenant), ("teams.toml", teams), SMALL[2]]).known
        };
        let every = vec![Alike::Email, Alike::Phone, Alike::Name];
        let check =
            |text: &str, expect: Option<Duplicates>| assert_eq!(rules(text).duplicates, expect, "{text}");
        check("[duplicates]", Some(Duplicates { by: every, days: 90, similarity: None }));
        check(
            "[duplicates]\nby = [\"phone\"]\ndays = 7\nsimilarity = 0.93",
            Some(Duplicates { by: vec![Alike::Phone], days: 7, similarity: Some(0.93) }),
        );
        let check = |text: &str, expect: Option<Sticky>| assert_eq!(rules(text).sticky, expect, "{text}");
        check("[sticky]", Some(Sticky { by: Known::Contact, days: 90 }));
        check("[sticky]\nby = \"account\"\ndays = 30", Some(Sticky { by: Known::Account, days: 30 }));
        check("[sticky]\nby = \"none\"", None);

        let read = rules(
            "[accounts]\nsame_owner = true\n[exclusions]\nlabels = [\"Spam\"]\nowners = [\"Bot@Acme.Example\"]\nolder_than_hours = 720\n\
             [[handovers]]\nfrom = \"sdr\"\nto = \"sales\"\nwhen = \"lead.value >= 50000.0\"\ncomplexity = 0.6",
        );
        assert!(read.same_owner);
        let exclusions = Exclusions {
            labels: vec!["spam".to_owned()],
            owners: vec!["bot@acme.example".to_owned()],
            older_than_hours: Some(720),
        };
        assert_eq!(read.exclusions, exclusions);
        let [HandoverRule { from, to, when, complexity }] = &read.handovers[..] else { panic!("{read:?}") };
        assert_eq!((from.as_str(), to.as_str(), *complexity), ("sdr", "sales", Some(0.6)));
        assert_eq!(when.as_ref().map(Condition::source), Some("lead.value >= 50000.0"));
    }
}
