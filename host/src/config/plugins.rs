//! Who answers what: `[plugins]` of `tenant.toml`.
//!
//! Files are only looked for here. What is inside them, and whether their settings fit, a component
//! is asked by the host, which reports at the same places.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value as Json, json};
use url::Origin;

use super::names::Names;
use super::read::{At, Findings, Source};
use super::toml_table::{Table, parse};
use super::values::{checked, id, origin};
use super::{Disk, EnricherChoice, Folder, PluginChoice, PluginSource, Plugins, Problem};
use crate::lead::PluginId;
use crate::trust::SecretName;

/// Who answers what, by the text of a `tenant.toml` that was checked before, and without the files that it names: what
/// it grants to plugins that are published.
pub fn choices(text: &str) -> Option<Plugins> {
    let findings = Findings::default();
    let source = Source::new("tenant.toml", text, &findings);
    let document = parse(&source)?;
    Some(plugins(&Table::root(&source, &document, &[]), &Disk(Path::new("")), &findings))
}

pub(super) fn plugins(root: &Table<'_>, folder: &dyn Folder, findings: &Findings) -> Plugins {
    let table = root.table("plugins", "[plugins]", &["classifier", "scorer", "fallback", "enrichers"]);
    let choose = |key, noun| {
        let table =
            table.and_then(|table| table.table(key, noun, &["component", "plugin", "fields", "settings"]));
        match table {
            Some(table) => choice(&table, folder, findings),
            None => PluginChoice {
                source: PluginSource::Standard,
                settings: json!({}),
                fields: None,
                place: root.place(),
            },
        }
    };
    let mut names = Names::new("enricher", "tenant.toml", true);
    Plugins {
        classifier: choose("classifier", "the classifier"),
        scorer: choose("scorer", "the scorer"),
        fallback: choose("fallback", "the fallback"),
        enrichers: table
            .map(|table| {
                table.tables(
                    "enrichers",
                    "[[plugins.enrichers]]",
                    "this enricher",
                    &["name", "component", "plugin", "hosts", "secrets", "fields", "settings"],
                )
            })
            .unwrap_or_default()
            .iter()
            .filter_map(|table| enricher(table, &mut names, folder, findings))
            .collect(),
    }
}

fn enricher(
    table: &Table<'_>,
    names: &mut Names,
    folder: &dyn Folder,
    findings: &Findings,
) -> Option<EnricherChoice> {
    let name = table.required_text("name", "firmographics");
    if let Some(At { value, place }) = &name {
        names.define(value, place, findings);
    }
    if ["component", "plugin"].iter().all(|key| table.lacks(key) && !table.misspells(key)) {
        let hint = "there is no standard enricher; add component = \"enricher.wasm\", or plugin = \"NAME\" of a published one";
        findings.add(Problem::at(&table.place(), "this enricher has no `component`").hint(hint));
    }
    let hosts = table.texts("hosts").unwrap_or_default();
    let hosts: Vec<Origin> = hosts.iter().filter_map(|at| checked("hosts", at, findings, origin)).collect();
    let secrets = secrets(table, &hosts, findings);
    Some(EnricherChoice { plugin: choice(table, folder, findings), name: name?.value, hosts, secrets })
}

/// Which secret goes to whom: `secrets = { crm = "https://api.example.com" }`.
fn secrets(table: &Table<'_>, hosts: &[Origin], findings: &Findings) -> BTreeMap<SecretName, Origin> {
    let Some(At { value: Json::Object(entries), place }) = table.json("secrets") else {
        return BTreeMap::new();
    };
    let mut secrets = BTreeMap::new();
    for (name, to) in entries {
        let Json::String(to) = to else {
            let hint = "such as secrets = { crm = \"https://api.example.com\" }";
            findings.add(
                Problem::at(&place, format!("the secret {name:?} has no host that it goes to")).hint(hint),
            );
            continue;
        };
        let name = checked("secrets", &At { value: name, place: place.clone() }, findings, id::<SecretName>);
        let to = checked("secrets", &At { value: to, place: place.clone() }, findings, origin);
        let (Some(name), Some(to)) = (name, to) else { continue };
        if !hosts.contains(&to) {
            let to = to.ascii_serialization();
            let problem =
                Problem::at(&place, format!("the secret {name} goes to {to}, which is none of the `hosts`"));
            findings.add(problem.hint(format!("add \"{to}\" to `hosts`, or leave the secret out")));
            continue;
        }
        secrets.insert(name, to);
    }
    secrets
}

fn choice(table: &Table<'_>, folder: &dyn Folder, findings: &Findings) -> PluginChoice {
    let settings = table.json("settings");
    let place = settings.as_ref().map_or_else(|| table.place(), |at| at.place.clone());
    PluginChoice {
        source: source(table, folder, findings),
        settings: settings.map_or_else(|| json!({}), |at| at.value),
        fields: table.texts("fields").map(|names| Arc::new(names.into_iter().map(|at| at.value).collect())),
        place,
    }
}

/// A file of the folder, a published plugin, or the standard one.
fn source(table: &Table<'_>, folder: &dyn Folder, findings: &Findings) -> PluginSource {
    let (file, name) = (table.text("component"), table.text("plugin"));
    if let (Some(_), Some(name)) = (&file, &name) {
        let hint = "keep `component` for a file of this folder, or `plugin` for one that is published";
        let message = "this plugin has both a `component` and a `plugin`";
        findings.add(Problem::at(&name.place, message).hint(hint));
    }
    let named = name.and_then(|at| checked("plugin", &at, findings, id::<PluginId>));
    let file = file.and_then(|at| component(&at, folder, findings));
    named.map(PluginSource::Published).or(file.map(PluginSource::File)).unwrap_or(PluginSource::Standard)
}

/// A component's file: inside the folder, so that the folder is all of a tenant.
fn component(at: &At<String>, folder: &dyn Folder, findings: &Findings) -> Option<PathBuf> {
    let path = PathBuf::from(&at.value);
    let report = |message: String, hint: &str| findings.add(Problem::at(&at.place, message).hint(hint));
    if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        report(
            format!("`component` leads out of the folder: {:?}", at.value),
            "put the component into the folder and name it from there",
        );
        return None;
    }
    if !matches!(folder.size(&path), Ok(Some(_))) {
        report(format!("there is no component {:?}", at.value), "make it with `lanewright plugin build`");
        return None;
    }
    // A link may lead out as well.
    if !folder.holds(&path) {
        report(
            format!("`component` is a link that leads out of the folder: {:?}", at.value),
            "copy the component into the folder",
        );
        return None;
    }
    Some(path)
}
