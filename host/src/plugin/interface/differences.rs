//! How an interface of a component differs from ours of the same name: every difference, with the path to it.

use std::collections::BTreeSet;

use wit_parser::{Function, Handle, Interface, Resolve, Type, TypeDefKind, TypeId};

use super::Side;
use crate::plugin::upload::{Refusal, Stage};
use crate::plugin::version::InterfaceVersion;

/// Pairs of named types that were compared: each difference is told once, however often it is used.
pub(super) type Seen = BTreeSet<(usize, usize)>;

/// What is compared with what.
#[derive(Clone, Copy)]
pub(super) struct Compared<'a> {
    pub(super) theirs: &'a Resolve,
    pub(super) ours: &'static Resolve,
    pub(super) interface: InterfaceVersion,
}

impl Compared<'_> {
    /// How their interface differs from ours.
    pub(super) fn interfaces(
        self,
        theirs: &Interface,
        our: &Interface,
        (name, side): (&str, Side),
        seen: &mut Seen,
        out: &mut Vec<Refusal>,
    ) {
        let hint = format!(
            "build with the SDK of this host's version, or take the interface from `lanewright plugin wit \
             --version {}`",
            self.interface
        );
        let mut differ = |path: String, problem: String| {
            out.push(Refusal::new(Stage::Interface, format!("{path}: {problem}")).hint(hint.as_str()));
        };
        for (function, their) in &theirs.functions {
            let path = format!("{name}.{function}");
            match our.functions.get(function) {
                None if side == Side::Import => differ(path, "the host has no such function".into()),
                // An export nobody calls does no harm.
                None => {}
                Some(our) => self.functions(their, our, &path, seen, &mut differ),
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
                Some(our) => {
                    Compare { of: self, differ: &mut differ, seen: &mut *seen }.ids(*id, *our, &path)
                }
            }
        }
    }

    fn functions(
        self,
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
        let mut compare = Compare { of: self, differ, seen };
        for (their, our) in their.params.iter().zip(&our.params) {
            let path = format!("{path}({})", our.name);
            if their.name != our.name {
                (compare.differ)(path.clone(), format!("is named {}", their.name));
            }
            compare.types(&their.ty, &our.ty, &path);
        }
        compare.optional(their.result.as_ref(), our.result.as_ref(), &format!("{path} -> result"));
    }
}

/// Walks two types side by side. Named types are followed into; each pair is told once.
struct Compare<'a> {
    of: Compared<'a>,
    differ: &'a mut dyn FnMut(String, String),
    seen: &'a mut Seen,
}

impl Compare<'_> {
    fn types(&mut self, their: &Type, our: &Type, path: &str) {
        match (their, our) {
            (Type::Id(their), Type::Id(our)) => self.ids(*their, *our, path),
            _ if their == our => {}
            _ => {
                let (found, expected) = (describe(self.of.theirs, their), describe(self.of.ours, our));
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
                (self.differ)(
                    path.to_owned(),
                    format!("is missing, expected {}", describe(self.of.ours, our)),
                );
            }
        }
    }

    fn ids(&mut self, their: TypeId, our: TypeId, path: &str) {
        let (theirs, our_def) = (&self.of.theirs.types[their], &self.of.ours.types[our]);
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
                let found = describe(self.of.theirs, &Type::Id(their));
                let expected = describe(self.of.ours, &Type::Id(our));
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
