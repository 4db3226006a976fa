//! `plugin.toml`: a plugin's manifest, checked, with every problem at its line.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use super::read::{At, Findings, Source};
use super::toml_table::{Table, parse};
use super::values::{Wrong, checked, id, wrong};
use super::{Problem, Problems};
use crate::nearest::nearest;
use crate::trust::{Asks, MAX_FIELDS, MAX_MANIFEST, MAX_ORIGINS, MAX_SECRETS, Manifest, Role};

/// What the file is called.
pub const MANIFEST: &str = "plugin.toml";

const KEYS: &[&str] =
    &["publisher", "name", "version", "description", "licence", "interface", "roles", "asks"];

/// Reads the text of a `plugin.toml`.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn manifest(text: &str) -> Result<Manifest, Problems> {
    let findings = Findings::default();
    let source = Source::new(MANIFEST, text, &findings);
    let found = match text.len() {
        bytes if bytes > MAX_MANIFEST => {
            let message = format!("the file has {bytes} bytes, at most {MAX_MANIFEST} are read");
            findings.add(Problem::at(&source.whole(), message).hint("a manifest describes one plugin"));
            None
        }
        _ => parse(&source).and_then(|document| read(&Table::root(&source, &document, KEYS), &findings)),
    };
    let problems = findings.sorted(&[MANIFEST]);
    match found {
        Some(manifest) if problems.is_empty() => Ok(manifest),
        _ => Err(Problems(problems)),
    }
}

fn read(root: &Table<'_>, findings: &Findings) -> Option<Manifest> {
    // Each is read before any is missed, so that all problems are told.
    let publisher = text(root, "publisher", "acme", findings);
    let name = text(root, "name", "deal-scorer", findings);
    let version = text(root, "version", "0.1.0", findings);
    let description = text(root, "description", "Scores deals by their size.", findings);
    let licence = text(root, "licence", "Apache-2.0", findings);
    let interface = text(root, "interface", "0.1.0", findings);
    let roles: BTreeSet<Role> = set(root, "roles", Role::ALL.len(), findings, role);
    if root.lacks("roles") && !root.misspells("roles") {
        let hint = "add roles = [\"scorer\"], or what else the plugin exports";
        findings.add(Problem::at(&root.place_of("roles"), "the file has no `roles`").hint(hint));
    }
    let asks = root.table("asks", "[asks]", &["origins", "fields", "secrets"]);
    let asks = asks.map_or_else(Asks::default, |table| Asks {
        origins: set(&table, "origins", MAX_ORIGINS, findings, id),
        fields: set(&table, "fields", MAX_FIELDS, findings, id),
        secrets: set(&table, "secrets", MAX_SECRETS, findings, id),
    });
    if !asks.origins.is_empty() && !roles.is_empty() && !roles.contains(&Role::Enricher) {
        let hint = "leave `origins` out, or add \"enricher\" to `roles`";
        findings.add(Problem::at(&root.place_of("asks"), "only an enricher can ask others").hint(hint));
    }
    if asks.origins.is_empty() && !asks.secrets.is_empty() {
        let hint = "leave `secrets` out, or say in `origins` where they go";
        findings
            .add(Problem::at(&root.place_of("asks"), "secrets without anybody to send them to").hint(hint));
    }
    Some(Manifest {
        publisher: publisher?,
        name: name?,
        version: version?,
        description: description?,
        licence: licence?,
        interface: interface?,
        roles,
        asks,
    })
}

fn text<T: FromStr<Err: Display>>(
    table: &Table<'_>,
    key: &str,
    example: &str,
    findings: &Findings,
) -> Option<T> {
    checked(key, &table.required_text(key, example)?, findings, id)
}

/// A list of few different texts.
fn set<T: Ord>(
    table: &Table<'_>,
    key: &str,
    most: usize,
    findings: &Findings,
    check: impl Fn(&str) -> Result<T, Wrong>,
) -> BTreeSet<T> {
    let texts = table.texts(key).unwrap_or_default();
    if texts.len() > most {
        let message = format!("`{key}` has {} entries, at most {most} are read", texts.len());
        findings.add(Problem::at(&table.place_of(key), message).hint("ask for what the plugin really uses"));
        return BTreeSet::new();
    }
    let mut set = BTreeSet::new();
    for at in &texts {
        let At { value: text, place } = at;
        if let Some(value) = checked(key, at, findings, &check)
            && !set.insert(value)
        {
            let message = format!("`{key}` has {text:?} twice");
            findings.add(Problem::at(place, message).hint("leave one out"));
        }
    }
    set
}

fn role(text: &str) -> Result<Role, Wrong> {
    let names = Role::ALL.map(Role::as_str);
    let found = Role::ALL.into_iter().find(|role| role.as_str() == text);
    found.map_or_else(
        || {
            let hint = match nearest(text, names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", names.join(", ")),
            };
            wrong(format!("cannot be {text:?}"), Some(hint))
        },
        Ok,
    )
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const GOOD: &str = r#"
publisher = "acme"
name = "deal-scorer"
version = "1.2.0"
description = "Scores deals by their size."
licence = "Apache-2.0"
interface = "0.1.0"
roles = ["scorer", "enricher"]

[asks]
origins = ["https://api.example.com"]
fields = ["budget"]
"#;

    #[track_caller]
    fn check(text: &str, expect: &Expect) {
        let told = match manifest(text) {
            Ok(manifest) => serde_json::to_string_pretty(&manifest).expect("JSON"),
            Err(Problems(problems)) => {
                problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            }
        };
        expect.assert_eq(&told);
    }

    #[test]
    fn a_manifest_is_read() {
        check(
            GOOD,
            &expect![[r#"
            {
              "publisher": "acme",
              "name": "deal-scorer",
              "version": "1.2.0",
              "description": "Scores deals by their size.",
              "licence": "Apache-2.0",
              "interface": "0.1.0",
              "roles": [
                "scorer",
                "enricher"
              ],
              "asks": {
                "origins": [
                  "https://api.example.com"
                ],
                "fields": [
                  "budget"
                ]
              }
            }"#]],
        );
    }

    #[test]
    fn every_problem_is_told_at_once() {
        check(
            "",
            &expect![[r#"
            plugin.toml: the file has no `publisher`
              hint: add publisher = "acme"
            plugin.toml: the file has no `name`
              hint: add name = "deal-scorer"
            plugin.toml: the file has no `version`
              hint: add version = "0.1.0"
            plugin.toml: the file has no `description`
              hint: add description = "Scores deals by their size."
            plugin.toml: the file has no `licence`
              hint: add licence = "Apache-2.0"
            plugin.toml: the file has no `interface`
              hint: add interface = "0.1.0"
            plugin.toml: the file has no `roles`
              hint: add roles = ["scorer"], or what else the plugin exports"#]],
        );
        check(
            r#"
publisher = "Acme Inc"
name = "deal_scorer"
version = "1.2"
license = "MIT"
description = ""
interface = 1
roles = ["scorer", "scorer", "enrich"]

[asks]
origins = ["http://api.example.com", "api.example.com/v1"]
fields = [5]
"#,
            &expect![[r#"
                plugin.toml:2: `publisher` cannot be "Acme Inc": a publisher is 1 to 40 lower-case letters, digits and single `-` between them
                plugin.toml:3: `name` cannot be "deal_scorer": a plugin's name is 1 to 40 lower-case letters, digits and single `-` between them
                plugin.toml:4: `version` cannot be "1.2": a version has three numbers, such as `1.4.0`, and at most 64 characters: unexpected end of input while parsing minor version number
                plugin.toml:5: the file has no key `license`
                  hint: did you mean `licence`?
                plugin.toml:6: `description` is empty
                plugin.toml:7: `interface` must be a text, found the number 1
                  hint: put it between quotes: interface = "1"
                plugin.toml:8: `roles` has "scorer" twice
                  hint: leave one out
                plugin.toml:8: `roles` cannot be "enrich"
                  hint: did you mean `enricher`?
                plugin.toml:11: `origins` cannot be "http://api.example.com": an origin is `https://` and the name of a host in lower case, perhaps with a port, and nothing behind it
                plugin.toml:11: `origins` cannot be "api.example.com/v1": an origin is `https://` and the name of a host in lower case, perhaps with a port, and nothing behind it
                plugin.toml:12: `fields` must be a list of texts, found the number 5"#]],
        );
        check(
            &GOOD.replace("origins = [\"https://api.example.com\"]", "secrets = [\"crm token\", \"crm\"]"),
            &expect![[r#"
                plugin.toml:10: secrets without anybody to send them to
                  hint: leave `secrets` out, or say in `origins` where they go
                plugin.toml:11: `secrets` cannot be "crm token": a secret's name is 1 to 64 letters, digits, `-`, `_` and `.`"#]],
        );
        check(
            &GOOD.replace(", \"enricher\"", ""),
            &expect![[r#"
            plugin.toml:10: only an enricher can ask others
              hint: leave `origins` out, or add "enricher" to `roles`"#]],
        );
        check(
            &format!("{GOOD}\n#{}", "-".repeat(MAX_MANIFEST)),
            &expect![[r#"
            plugin.toml: the file has 65781 bytes, at most 65536 are read
              hint: a manifest describes one plugin"#]],
        );
        let fields: Vec<String> = (0..=MAX_FIELDS).map(|n| format!("\"f{n}\"")).collect();
        check(
            &GOOD.replace("\"budget\"", &fields.join(", ")),
            &expect![[r#"
            plugin.toml:12: `fields` has 65 entries, at most 64 are read
              hint: ask for what the plugin really uses"#]],
        );
        check(
            "publisher = ",
            &expect![[r#"
            plugin.toml:1: this is not TOML: string values must be quoted, expected literal string
              hint: a text stands between quotes and ends on its line: name = "Ana""#]],
        );
    }
}
