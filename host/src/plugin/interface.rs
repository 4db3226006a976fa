//! The interface as the host knows it, and how a component differs from it, field by field.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use wit_parser::{
    Function, Handle, Interface, Resolve, Type, TypeDefKind, TypeId, UnresolvedPackageGroup, WorldId,
    WorldItem,
};

use super::upload::{Refusal, Stage};

/// The interface's text.
pub const WIT: &str = include_str!("../../../wit/0.1/plugin.wit");

/// The package every plugin speaks, and the version this host speaks.
const PACKAGE: &str = "lanewright:plugin";
const VERSION: &str = "0.1.0";

/// What a component exports and imports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surface {
    /// Interfaces it exports, such as `classifier`.
    pub exports: BTreeSet<String>,
    /// Interfaces it imports, such as `text`.
    pub imports: BTreeSet<String>,
}

/// What plugins answer; each with `setup`.
const ROLES: [&str; 4] = ["classifier", "scorer", "fallback", "enricher"];

fn ours() -> &'static Resolve {
    static OURS: OnceLock<Resolve> = OnceLock::new();
    OURS.get_or_init(|| {
        let mut resolve = Resolve::default();
        let group = UnresolvedPackageGroup::parse("plugin.wit", WIT).expect("our own interface parses");
        resolve.push_group(group).expect("our own interface resolves");
        resolve
    })
}

fn interface_of(name: &str) -> Option<&'static Interface> {
    ours().interfaces.iter().map(|(_, interface)| interface).find(|i| i.name.as_deref() == Some(name))
}

/// Compares a component's world with the interface: its surface, or every difference.
pub(super) fn compare(resolve: &Resolve, world: WorldId) -> Result<Surface, Vec<Refusal>> {
    let world = &resolve.worlds[world];
    let mut surface = Surface::default();
    let mut refusals = Vec::new();
    let mut seen = Seen::new();
    for (side, items) in [(Side::Import, &world.imports), (Side::Export, &world.exports)] {
        for (key, item) in items {
            let name = resolve.name_world_key(key);
            let WorldItem::Interface { id, .. } = item else {
                if matches!(item, WorldItem::Function(_)) || side == Side::Export {
                    refusals.push(stray(side, &name));
                }
                continue;
            };
            match our_name(&name) {
                Ok(known) => {
                    let theirs = &resolve.interfaces[*id];
                    differences(resolve, theirs, known, side, &mut seen, &mut refusals);
                    let set = if side == Side::Import { &mut surface.imports } else { &mut surface.exports };
                    set.insert(known.to_owned());
                }
                Err(refusal) => refusals.push(refusal(side)),
            }
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

/// Our interface's short name, or why a name is none of ours.
fn our_name(name: &str) -> Result<&'static str, Box<dyn Fn(Side) -> Refusal>> {
    let (path, version) = name.split_once('@').unwrap_or((name, ""));
    let (path, version) = (path.to_owned(), version.to_owned());
    let Some(short) = path.strip_prefix(&format!("{PACKAGE}/")) else {
        return Err(Box::new(move |side| foreign(side, &path)));
    };
    let Some(known) = interface_of(short) else {
        let short = short.to_owned();
        return Err(Box::new(move |side| {
            let names: Vec<&str> = ours().interfaces.iter().filter_map(|(_, i)| i.name.as_deref()).collect();
            let message = format!("{} {short}, which the interface does not have", side.verb());
            Refusal::new(Stage::Interface, message).hint(format!("it has {}", names.join(", ")))
        }));
    };
    // Within 0.1 only additions happen, so any 0.1.x that asks for no more than we have fits.
    if !version.starts_with("0.1.") {
        let short = short.to_owned();
        return Err(Box::new(move |side| {
            let message = format!("{} {short} of version {version}; this host speaks {VERSION}", side.verb());
            let hint = "build with the SDK of this host's version";
            Refusal::new(Stage::Interface, message).hint(hint)
        }));
    }
    Ok(known.name.as_deref().unwrap_or_default())
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

/// Pairs of named types that were compared: each difference is told once, however often it is used.
type Seen = BTreeSet<(usize, usize)>;

/// How their interface differs from ours.
fn differences(
    resolve: &Resolve,
    theirs: &Interface,
    name: &'static str,
    side: Side,
    seen: &mut Seen,
    out: &mut Vec<Refusal>,
) {
    let Some(our) = interface_of(name) else { return };
    let hint =
        "build with the SDK of this host's version, or take the interface from `lanewright plugin wit`";
    let mut differ = |path: String, problem: String| {
        out.push(Refusal::new(Stage::Interface, format!("{path}: {problem}")).hint(hint));
    };
    for (function, their) in &theirs.functions {
        let path = format!("{name}.{function}");
        match our.functions.get(function) {
            None if side == Side::Import => differ(path, "the host has no such function".into()),
            // An export nobody calls does no harm.
            None => {}
            Some(our) => compare_functions(resolve, their, our, &path, seen, &mut differ),
        }
    }
    if side == Side::Export {
        for function in our.functions.keys().filter(|f| !theirs.functions.contains_key(*f)) {
            differ(format!("{name}.{function}"), "is missing".into());
        }
    }
    for (type_name, id) in &theirs.types {
        let path = format!("{name}.{type_name}");
        match our.types.get(type_name) {
            None => differ(path, "the interface has no such type".into()),
            Some(our) => Compare { resolve, differ: &mut differ, seen: &mut *seen }.ids(*id, *our, &path),
        }
    }
}

fn compare_functions(
    resolve: &Resolve,
    their: &Function,
    our: &Function,
    path: &str,
    seen: &mut Seen,
    differ: &mut dyn FnMut(String, String),
) {
    if their.params.len() != our.params.len() {
        let (found, expected) = (their.params.len(), our.params.len());
        differ(path.to_owned(), format!("takes {found} parameters, expected {expected}"));
        return;
    }
    let mut compare = Compare { resolve, differ, seen };
    for (their, our) in their.params.iter().zip(&our.params) {
        let path = format!("{path}({})", our.name);
        if their.name != our.name {
            (compare.differ)(path.clone(), format!("is named {}", their.name));
        }
        compare.types(&their.ty, &our.ty, &path);
    }
    compare.optional(their.result.as_ref(), our.result.as_ref(), &format!("{path} -> result"));
}

/// Walks two types side by side. Named types are followed into; each pair is told once.
struct Compare<'a> {
    resolve: &'a Resolve,
    differ: &'a mut dyn FnMut(String, String),
    seen: &'a mut Seen,
}

impl Compare<'_> {
    fn types(&mut self, their: &Type, our: &Type, path: &str) {
        match (their, our) {
            (Type::Id(their), Type::Id(our)) => self.ids(*their, *our, path),
            _ if their == our => {}
            _ => {
                let (found, expected) = (describe(self.resolve, their), describe(ours(), our));
                (self.differ)(path.to_owned(), format!("is {found}, expected {expected}"));
            }
        }
    }

    fn optional(&mut self, their: Option<&Type>, our: Option<&Type>, path: &str) {
        match (their, our) {
            (Some(their), Some(our)) => self.types(their, our, path),
            (None, None) => {}
            (Some(_), None) => (self.differ)(path.to_owned(), "is there, expected none".into()),
            (None, Some(our)) => {
                (self.differ)(path.to_owned(), format!("is missing, expected {}", describe(ours(), our)));
            }
        }
    }

    fn ids(&mut self, their: TypeId, our: TypeId, path: &str) {
        let (theirs, our_def) = (&self.resolve.types[their], &ours().types[our]);
        // A type under another name, as `use` makes them, is the type itself.
        match (&theirs.kind, &our_def.kind) {
            (TypeDefKind::Type(Type::Id(inner)), _) => return self.ids(*inner, our, path),
            (_, TypeDefKind::Type(Type::Id(inner))) => return self.ids(their, *inner, path),
            _ => {}
        }
        if !self.seen.insert((their.index(), our.index())) {
            return;
        }
        match (&theirs.kind, &our_def.kind) {
            (TypeDefKind::Record(found), TypeDefKind::Record(expected)) => {
                let names = |fields: &[wit_parser::Field]| -> Vec<String> {
                    fields.iter().map(|field| field.name.clone()).collect()
                };
                if self.names(&names(&found.fields), &names(&expected.fields), "field", path) {
                    for (found, expected) in found.fields.iter().zip(&expected.fields) {
                        self.types(&found.ty, &expected.ty, &format!("{path}.{}", expected.name));
                    }
                }
            }
            (TypeDefKind::Variant(found), TypeDefKind::Variant(expected)) => {
                let names = |cases: &[wit_parser::Case]| -> Vec<String> {
                    cases.iter().map(|case| case.name.clone()).collect()
                };
                if self.names(&names(&found.cases), &names(&expected.cases), "case", path) {
                    for (found, expected) in found.cases.iter().zip(&expected.cases) {
                        let path = format!("{path}.{}", expected.name);
                        self.optional(found.ty.as_ref(), expected.ty.as_ref(), &path);
                    }
                }
            }
            (TypeDefKind::Enum(found), TypeDefKind::Enum(expected)) => {
                let names = |cases: &[wit_parser::EnumCase]| -> Vec<String> {
                    cases.iter().map(|case| case.name.clone()).collect()
                };
                self.names(&names(&found.cases), &names(&expected.cases), "case", path);
            }
            (TypeDefKind::List(found), TypeDefKind::List(expected)) => {
                self.types(found, expected, &format!("{path}[]"));
            }
            (TypeDefKind::Option(found), TypeDefKind::Option(expected)) => {
                self.types(found, expected, &format!("{path}?"));
            }
            (TypeDefKind::Result(found), TypeDefKind::Result(expected)) => {
                self.optional(found.ok.as_ref(), expected.ok.as_ref(), &format!("{path}.ok"));
                self.optional(found.err.as_ref(), expected.err.as_ref(), &format!("{path}.err"));
            }
            (TypeDefKind::Tuple(found), TypeDefKind::Tuple(expected))
                if found.types.len() == expected.types.len() =>
            {
                for (i, (found, expected)) in found.types.iter().zip(&expected.types).enumerate() {
                    self.types(found, expected, &format!("{path}.{i}"));
                }
            }
            _ => {
                let found = describe(self.resolve, &Type::Id(their));
                let expected = describe(ours(), &Type::Id(our));
                (self.differ)(path.to_owned(), format!("is {found}, expected {expected}"));
            }
        }
    }

    /// Tells missing, unknown and reordered names; true where both sides agree.
    fn names(&mut self, found: &[String], expected: &[String], what: &str, path: &str) -> bool {
        for name in expected.iter().filter(|name| !found.contains(name)) {
            (self.differ)(path.to_owned(), format!("lacks the {what} {name}"));
        }
        for name in found.iter().filter(|name| !expected.contains(name)) {
            (self.differ)(path.to_owned(), format!("has a {what} {name} that the interface does not have"));
        }
        let same = found.len() == expected.len() && found.iter().all(|name| expected.contains(name));
        if same && found != expected {
            let order = expected.join(", ");
            (self.differ)(path.to_owned(), format!("has its {what}s in another order; expected {order}"));
        }
        found == expected
    }
}

/// A type in the words of the interface.
fn describe(resolve: &Resolve, ty: &Type) -> String {
    let Type::Id(id) = ty else {
        return match ty {
            Type::Bool => "bool",
            Type::U8 => "u8",
            Type::U16 => "u16",
            Type::U32 => "u32",
            Type::U64 => "u64",
            Type::S8 => "s8",
            Type::S16 => "s16",
            Type::S32 => "s32",
            Type::S64 => "s64",
            Type::F32 => "f32",
            Type::F64 => "f64",
            Type::Char => "char",
            Type::String => "string",
            _ => "another type",
        }
        .to_owned();
    };
    let def = &resolve.types[*id];
    if let Some(name) = &def.name {
        return name.clone();
    }
    match &def.kind {
        TypeDefKind::List(inner) => format!("list<{}>", describe(resolve, inner)),
        TypeDefKind::Option(inner) => format!("option<{}>", describe(resolve, inner)),
        TypeDefKind::Result(result) => {
            let side = |ty: &Option<Type>| ty.as_ref().map_or("_".to_owned(), |ty| describe(resolve, ty));
            format!("result<{}, {}>", side(&result.ok), side(&result.err))
        }
        TypeDefKind::Tuple(tuple) => {
            let types: Vec<String> = tuple.types.iter().map(|ty| describe(resolve, ty)).collect();
            format!("tuple<{}>", types.join(", "))
        }
        TypeDefKind::Type(inner) => describe(resolve, inner),
        TypeDefKind::Handle(Handle::Own(_) | Handle::Borrow(_)) | TypeDefKind::Resource => {
            "a resource".to_owned()
        }
        other => other.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component's world, as its own WIT would say it, against ours.
    fn check(edit: impl Fn(&str) -> String, world: &str, expect: &[&str]) {
        let text = edit(WIT);
        let mut resolve = Resolve::default();
        let group = UnresolvedPackageGroup::parse("their.wit", &text).expect("their interface parses");
        let package = resolve.push_group(group).expect("their interface resolves");
        let world = resolve.select_world(&[package], Some(world)).expect("their world");
        let got = match compare(&resolve, world) {
            Ok(_) => Vec::new(),
            Err(refusals) => refusals.into_iter().map(|r| format!("{}: {}", r.stage, r.message)).collect(),
        };
        assert_eq!(got, expect);
    }

    #[test]
    fn the_interface_fits_itself() {
        for world in ["suite", "classifier-plugin", "scorer-plugin", "fallback-plugin", "enricher-plugin"] {
            check(str::to_owned, world, &[]);
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
            |wit| wit.replace("lanewright:plugin@0.1.0", "lanewright:plugin@0.2.0"),
            "fallback-plugin",
            &[
                "interface: imports types of version 0.2.0; this host speaks 0.1.0",
                "interface: imports settings of version 0.2.0; this host speaks 0.1.0",
                "interface: imports fields of version 0.2.0; this host speaks 0.1.0",
                "interface: imports log of version 0.2.0; this host speaks 0.1.0",
                "interface: imports text of version 0.2.0; this host speaks 0.1.0",
                "interface: imports directory of version 0.2.0; this host speaks 0.1.0",
                "interface: exports setup of version 0.2.0; this host speaks 0.1.0",
                "interface: exports fallback of version 0.2.0; this host speaks 0.1.0",
                "interface: exports none of classifier, scorer, fallback, enricher",
            ],
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
}
