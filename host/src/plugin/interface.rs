//! The interface as the host knows it, in every version, and whether a component fits the one it names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use wit_parser::{Interface, Resolve, UnresolvedPackageGroup, World, WorldId, WorldItem, WorldKey};

use super::upload::{Refusal, Stage};
use super::version::{InterfaceVersion, PACKAGE};

mod differences;

use differences::{Compared, Seen};

/// What a component exports and imports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surface {
    /// The version of the interface it is written against.
    pub interface: InterfaceVersion,
    /// Interfaces it exports, such as `classifier`.
    pub exports: BTreeSet<String>,
    /// Interfaces it imports, such as `text`.
    pub imports: BTreeSet<String>,
}

/// What plugins answer; each with `setup`.
const ROLES: [&str; 4] = ["classifier", "scorer", "fallback", "enricher"];

/// A version of the interface, parsed.
fn parsed(version: InterfaceVersion) -> &'static Resolve {
    static PARSED: [OnceLock<Resolve>; InterfaceVersion::ALL.len()] =
        [const { OnceLock::new() }; InterfaceVersion::ALL.len()];
    PARSED[version as usize].get_or_init(|| {
        let mut resolve = Resolve::default();
        let group =
            UnresolvedPackageGroup::parse("plugin.wit", version.wit()).expect("our own interface parses");
        resolve.push_group(group).expect("our own interface resolves");
        resolve
    })
}

fn interface_of(version: InterfaceVersion, name: &str) -> Option<&'static Interface> {
    let mut interfaces = parsed(version).interfaces.iter().map(|(_, interface)| interface);
    interfaces.find(|interface| interface.name.as_deref() == Some(name))
}

/// Compares a component's world with the interface in the version it names: its surface, or every
/// difference. What names a version this host does not speak is compared with the nearest one.
pub(super) fn compare(resolve: &Resolve, world: WorldId) -> Result<Surface, Vec<Refusal>> {
    let world = &resolve.worlds[world];
    let (interface, mut refusals) = version_of(resolve, world);
    let mut surface = Surface { interface, exports: BTreeSet::new(), imports: BTreeSet::new() };
    let mut seen = Seen::new();
    for (side, items) in sides(world) {
        for (key, item) in items {
            let name = resolve.name_world_key(key);
            let WorldItem::Interface { id, .. } = item else {
                if matches!(item, WorldItem::Function(_)) || side == Side::Export {
                    refusals.push(stray(side, &name));
                }
                continue;
            };
            let Some((short, _)) = split(&name) else {
                refusals.push(foreign(side, name.split('@').next().unwrap_or_default()));
                continue;
            };
            let Some(our) = interface_of(interface, short) else {
                refusals.push(unknown(interface, side, short));
                continue;
            };
            let compared = Compared { theirs: resolve, ours: parsed(interface), interface };
            compared.interfaces(&resolve.interfaces[*id], our, (short, side), &mut seen, &mut refusals);
            let set = if side == Side::Import { &mut surface.imports } else { &mut surface.exports };
            set.insert(short.to_owned());
        }
    }
    let answers = ROLES.iter().any(|role| surface.exports.contains(*role));
    if !answers {
        let message = format!("exports none of {}", ROLES.join(", "));
        let hint = "implement one of the traits of the SDK and name it in `register!`";
        refusals.push(Refusal::new(Stage::Interface, message).hint(hint));
    }
    if answers && !surface.exports.contains("setup") {
        let hint = "every plugin exports it; `register!` of the SDK does so by itself";
        refusals.push(Refusal::new(Stage::Interface, "does not export setup").hint(hint));
    }
    if refusals.is_empty() { Ok(surface) } else { Err(refusals) }
}

fn sides(world: &World) -> [(Side, &IndexMap<WorldKey, WorldItem>); 2] {
    [(Side::Import, &world.imports), (Side::Export, &world.exports)]
}

/// The version to compare with, and what is wrong with the versions that the component names.
fn version_of(resolve: &Resolve, world: &World) -> (InterfaceVersion, Vec<Refusal>) {
    let mut named: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (side, items) in sides(world) {
        for key in items.keys() {
            let name = resolve.name_world_key(key);
            if let Some((short, version)) = split(&name) {
                let line = InterfaceVersion::of(version).map_or(version, |known| known.as_str());
                named.entry(line.to_owned()).or_default().push(format!("{} {short}", side.verb()));
            }
        }
    }
    let speaks = InterfaceVersion::list();
    let newest = named.keys().next_back().map(String::as_str);
    let interface = newest.map(|line| line.parse().unwrap_or_else(|_| InterfaceVersion::nearest(line)));
    let mut refusals = Vec::new();
    if named.len() > 1 {
        let each: Vec<String> =
            named.iter().map(|(line, uses)| format!("{line} ({})", uses.join(", "))).collect();
        let message = format!("mixes versions of the interface: {}", each.join("; "));
        let hint = "a plugin uses one version: build all of it with one SDK, or from one WIT file";
        refusals.push(Refusal::new(Stage::Interface, message).hint(hint));
    }
    for line in named.keys().filter(|line| line.parse::<InterfaceVersion>().is_err()) {
        let line = if line.is_empty() { "without a number" } else { line };
        let message = format!("uses version {line} of the interface; this host speaks {speaks}");
        let hint = "build with the SDK of this host's version";
        refusals.push(Refusal::new(Stage::Interface, message).hint(hint));
    }
    (interface.unwrap_or(InterfaceVersion::NEWEST), refusals)
}

/// The short name and the version of an interface of our package.
fn split(name: &str) -> Option<(&str, &str)> {
    let (path, version) = name.split_once('@').unwrap_or((name, ""));
    Some((path.strip_prefix(PACKAGE)?.strip_prefix('/')?, version))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Import,
    Export,
}

impl Side {
    fn verb(self) -> &'static str {
        match self {
            Self::Import => "imports",
            Self::Export => "exports",
        }
    }
}

fn unknown(version: InterfaceVersion, side: Side, short: &str) -> Refusal {
    let names: Vec<&str> = parsed(version).interfaces.iter().filter_map(|(_, i)| i.name.as_deref()).collect();
    let message = format!("{} {short}, which the interface does not have", side.verb());
    Refusal::new(Stage::Interface, message).hint(format!("it has {}", names.join(", ")))
}

fn foreign(side: Side, path: &str) -> Refusal {
    match side {
        Side::Import => {
            let hint = if path.starts_with("wasi:") {
                "plugins have no files, network, clock or randomness: build for wasm32-unknown-unknown, \
                 and leave out crates that need an operating system"
            } else {
                "a plugin imports nothing but lanewright:plugin; take it out or do it in the plugin itself"
            };
            Refusal::new(Stage::Imports, format!("imports {path}, which no plugin is granted")).hint(hint)
        }
        Side::Export => Refusal::new(Stage::Interface, format!("exports {path}, which no host asks for"))
            .hint("export nothing but the interfaces of lanewright:plugin"),
    }
}

fn stray(side: Side, name: &str) -> Refusal {
    let stage = if side == Side::Import { Stage::Imports } else { Stage::Interface };
    let message = format!("{} the bare function {name}", side.verb());
    Refusal::new(stage, message).hint("everything is inside an interface of lanewright:plugin")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component's world, as its own WIT would say it, against ours.
    fn check(edit: impl Fn(&str) -> String, world: &str, expect: &[&str]) {
        check_version(InterfaceVersion::NEWEST, edit, world, expect);
    }

    fn check_version(version: InterfaceVersion, edit: impl Fn(&str) -> String, world: &str, expect: &[&str]) {
        let text = edit(version.wit());
        let mut resolve = Resolve::default();
        let group = UnresolvedPackageGroup::parse("their.wit", &text).expect("their interface parses");
        let package = resolve.push_group(group).expect("their interface resolves");
        let world = resolve.select_world(&[package], Some(world)).expect("their world");
        let got = match compare(&resolve, world) {
            Ok(surface) => {
                assert_eq!(surface.interface, version);
                Vec::new()
            }
            Err(refusals) => refusals.into_iter().map(|r| format!("{}: {}", r.stage, r.message)).collect(),
        };
        assert_eq!(got, expect);
    }

    #[test]
    fn the_interface_fits_itself() {
        for world in ["suite", "classifier-plugin", "scorer-plugin", "fallback-plugin", "enricher-plugin"] {
            for version in InterfaceVersion::ALL {
                check_version(version, str::to_owned, world, &[]);
            }
        }
    }

    #[test]
    fn differences_are_told_field_by_field() {
        check(
            |wit| wit.replace("    intent: f32,", "    intent: f64,"),
            "classifier-plugin",
            &["interface: types.verdict.intent: is f64, expected f32"],
        );
        check(
            |wit| wit.replace("    reason: string,\n", ""),
            "classifier-plugin",
            &["interface: types.verdict: lacks the field reason"],
        );
        check(
            |wit| {
                wit.replace("enum confidence { low, medium, high }", "enum confidence { high, medium, low }")
            },
            "classifier-plugin",
            &["interface: types.confidence: has its cases in another order; expected low, medium, high"],
        );
        check(
            |wit| wit.replace("classify: func(lead: lead, policy: policy)", "classify: func(lead: lead)"),
            "classifier-plugin",
            &["interface: classifier.classify: takes 1 parameters, expected 2"],
        );
        check(
            |wit| {
                wit.replace(
                    "  names: func() -> list<string>;",
                    "  names: func() -> list<string>;\n  all: func();",
                )
            },
            "classifier-plugin",
            &["interface: fields.all: the host has no such function"],
        );
        check(
            |wit| format!("{wit}\nworld odd {{ import types; import name: func(); export setup; }}"),
            "odd",
            &[
                "imports: imports the bare function name",
                "interface: exports none of classifier, scorer, fallback, enricher",
            ],
        );
    }

    #[test]
    fn versions_are_told_apart() {
        let renamed = |to: &'static str| move |wit: &str| wit.replace("plugin@0.2.0", to);
        // Within a version things are only added, so a later one of it fits.
        check(renamed("plugin@0.2.7"), "suite", &[]);
        check(
            renamed("plugin@0.3.0"),
            "fallback-plugin",
            &["interface: uses version 0.3.0 of the interface; this host speaks 0.1 and 0.2"],
        );
        // Beside the version that it names, every field that the nearest one has otherwise.
        check(
            renamed("plugin@0.1.0"),
            "fallback-plugin",
            &[
                "interface: types.kind: the interface has no such type",
                "interface: types.lead: has a field kind that the interface does not have",
                "interface: types.verdict: has a field complexity that the interface does not have",
                "interface: types.segment: the interface has no such type",
                "interface: fields.get-many: the host has no such function",
                "interface: fallback.resolve(cause): is named situation",
                "interface: fallback.resolve(cause): is situation, expected cause",
                "interface: fallback.segment: the interface has no such type",
                "interface: fallback.situation: the interface has no such type",
            ],
        );
        check(
            |wit| {
                let wit = wit.replace("plugin@0.2.0", "plugin@0.3.0");
                wit.replace("    reason: string,\n", "")
            },
            "fallback-plugin",
            &[
                "interface: uses version 0.3.0 of the interface; this host speaks 0.1 and 0.2",
                "interface: types.verdict: lacks the field reason",
            ],
        );
    }

    #[test]
    fn versions_do_not_mix() {
        let mut resolve = Resolve::default();
        for version in InterfaceVersion::ALL {
            let group = UnresolvedPackageGroup::parse("plugin.wit", version.wit()).expect("it parses");
            resolve.push_group(group).expect("it resolves");
        }
        let theirs = "package a:b; world mixed { import lanewright:plugin/log@0.1.0; \
                      export lanewright:plugin/setup@0.2.0; export lanewright:plugin/fallback@0.2.0; }";
        let group = UnresolvedPackageGroup::parse("their.wit", theirs).expect("it parses");
        let package = resolve.push_group(group).expect("it resolves");
        let world = resolve.select_world(&[package], Some("mixed")).expect("a world");
        let refusals = compare(&resolve, world).expect_err("it is refused");
        assert_eq!(
            refusals[0].message,
            "mixes versions of the interface: 0.1 (imports log); \
             0.2 (imports types, exports setup, exports fallback)"
        );
    }
}
