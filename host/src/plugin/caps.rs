//! How much of everything a component may be built of, and of what not at all.
//!
//! Fed payload by payload while a component is read, before anything is decoded or compiled. The compiler's
//! child has limits of its own (`compile.rs`); these end a component that would use them up, in seconds, with
//! words that say which part of it is too large. Each lies above what the largest toolchains make: a
//! whole Python has 13,500 functions, the longest of 427 KB.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentDefinedType, ComponentType, ComponentTypeDeclaration,
    ComponentTypeRef, ComponentValType, ElementItems, FunctionBody, InstanceTypeDeclaration, Operator,
    Payload, PrimitiveValType, TypeBounds,
};

use super::engine::Shape;
use super::upload::{Refusal, Stage};

/// What was found so far.
#[derive(Debug)]
pub(super) struct Built {
    shape: Shape,
    counts: BTreeMap<Counted, u64>,
    foreign: BTreeSet<Foreign>,
}

/// What a component may have only so much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Counted {
    Components,
    Functions,
    Body,
    Locals,
    Depth,
    Loops,
    Nest,
    Live,
    Targets,
    CoreTypes,
    Globals,
    Segments,
    Elements,
    Imports,
    Exports,
    Types,
    Parts,
    Custom,
    CustomBytes,
}

impl Counted {
    /// How much, in words of what, and how to come below it.
    fn cap(self, shape: Shape) -> (u64, &'static str, &'static str) {
        let split = "split the function; code as compilers write it is far below";
        let fewer = "take out what nothing uses, as link-time optimisation and `wasm-opt` do";
        let strip = "strip debug information, as `lanewright plugin build` does";
        match self {
            Self::Components => {
                (100, "components inside it", "a plugin is one module and the adapters around it")
            }
            Self::Functions => (50_000, "functions", fewer),
            Self::Body => (1 << 20, "bytes of code in one function", split),
            Self::Locals => (5_000, "locals in one function", split),
            Self::Depth => (5_000, "blocks inside one another", split),
            // Each counts fuel and looks at the clock.
            Self::Loops => (100_000, "loops", fewer),
            Self::Nest => (500, "loops inside one another", split),
            // Every local is looked at in every loop.
            Self::Live => (100_000_000, "locals times loops, all functions together", split),
            Self::Targets => (50_000, "targets of `br_table` in one function", split),
            Self::CoreTypes => (20_000, "types of core functions", fewer),
            Self::Globals => (50_000, "globals", fewer),
            // A JavaScript engine that was started beforehand has ten thousand.
            Self::Segments => (12_000, "data and element segments", fewer),
            Self::Elements => (200_000, "elements in its segments", fewer),
            Self::Imports => (50_000, "imports", fewer),
            Self::Exports => (50_000, "exports", fewer),
            Self::Types => (10_000, "types of the component's interface", fewer),
            Self::Parts => (20_000, "fields, cases and parameters in the interface's types", fewer),
            Self::Custom => (1_000, "custom sections", strip),
            Self::CustomBytes => (shape.custom_bytes as u64, "bytes of custom sections", strip),
        }
    }
}

/// What no plugin has, however little of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Foreign {
    Resources,
    Asynchronous,
    Strings,
    Collected,
    Start,
}

impl Foreign {
    /// What it is, and how to do without.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Resources => (
                "has resources or handles",
                "plain values cross the boundary of a plugin, and nothing that has to be given back",
            ),
            Self::Asynchronous => (
                "has asynchronous functions, tasks, threads, streams or futures",
                "everything a plugin exports and imports is synchronous",
            ),
            Self::Strings => ("has strings that are not UTF-8", "use the utf8 canonical option"),
            Self::Collected => (
                "hands over garbage-collected values",
                "values cross the boundary of a plugin through linear memory",
            ),
            Self::Start => (
                "has a start function of the component itself",
                "start in the core module, or when first called",
            ),
        }
    }
}

impl Built {
    /// Nothing yet, of a component of this shape.
    pub(super) fn within(shape: Shape) -> Self {
        Self { shape, counts: BTreeMap::new(), foreign: BTreeSet::new() }
    }

    /// Counts one payload. What cannot be read is told by whoever decodes it.
    pub(super) fn see(&mut self, payload: &Payload<'_>) {
        match payload {
            Payload::TypeSection(section) => self.add(Counted::CoreTypes, section.count()),
            Payload::ImportSection(section) => self.add(Counted::Imports, section.count()),
            Payload::FunctionSection(section) => self.add(Counted::Functions, section.count()),
            Payload::GlobalSection(section) => self.add(Counted::Globals, section.count()),
            Payload::ExportSection(section) => self.add(Counted::Exports, section.count()),
            Payload::ElementSection(section) => {
                self.add(Counted::Segments, section.count());
                for segment in section.clone().into_iter().flatten() {
                    self.add(
                        Counted::Elements,
                        match segment.items {
                            ElementItems::Functions(items) => items.count(),
                            ElementItems::Expressions(_, items) => items.count(),
                        },
                    );
                }
            }
            Payload::DataSection(section) => self.add(Counted::Segments, section.count()),
            Payload::CodeSectionEntry(body) => self.body(body),
            Payload::ComponentSection { .. } => self.add(Counted::Components, 1_u32),
            Payload::ComponentImportSection(section) => self.add(Counted::Imports, section.count()),
            Payload::ComponentExportSection(section) => self.add(Counted::Exports, section.count()),
            Payload::ComponentTypeSection(section) => {
                section.clone().into_iter().flatten().for_each(|ty| self.ty(&ty));
            }
            Payload::ComponentCanonicalSection(section) => {
                section.clone().into_iter().flatten().for_each(|function| self.function(&function));
            }
            Payload::ComponentStartSection { .. } => self.found(Foreign::Start, true),
            Payload::CustomSection(section) => {
                self.add(Counted::Custom, 1_u32);
                self.add(Counted::CustomBytes, section.data().len());
            }
            _ => {}
        }
    }

    /// What there is too much of.
    pub(super) fn too_much(&self) -> Vec<Refusal> {
        let told = self.counts.iter().filter_map(|(counted, count)| {
            let (most, what, hint) = counted.cap(self.shape);
            let message = || format!("{count} {what}; at most {most}");
            (*count > most).then(|| Refusal::new(Stage::Parse, message()).hint(hint))
        });
        told.collect()
    }

    /// What is foreign.
    pub(super) fn foreign(&self) -> impl Iterator<Item = Refusal> {
        self.foreign.iter().map(|foreign| {
            let (what, hint) = foreign.words();
            Refusal::new(Stage::Parse, format!("it {what}")).hint(hint)
        })
    }

    fn add(&mut self, what: Counted, count: impl TryInto<u64>) {
        let sum = self.counts.entry(what).or_default();
        *sum = sum.saturating_add(count.try_into().unwrap_or(u64::MAX));
    }

    fn at_least(&mut self, what: Counted, count: u64) {
        let most = self.counts.entry(what).or_default();
        *most = count.max(*most);
    }

    fn found(&mut self, what: Foreign, is: bool) {
        if is {
            self.foreign.insert(what);
        }
    }

    fn body(&mut self, body: &FunctionBody<'_>) {
        self.at_least(Counted::Body, body.as_bytes().len() as u64);
        let groups = body.get_locals_reader().into_iter().flatten().flatten();
        let locals: u64 = groups.map(|(count, _)| u64::from(count)).sum();
        // Of the blocks around an operator: whether each is a loop.
        let mut around: Vec<bool> = Vec::new();
        let (mut deep, mut loops_around, mut in_loops, mut loops, mut targets) = (0, 0_u64, 0, 0_u64, 0);
        for operator in body.get_operators_reader().into_iter().flatten() {
            match operator {
                Ok(Operator::Loop { .. }) => {
                    loops += 1;
                    around.push(true);
                    loops_around += 1;
                    in_loops = loops_around.max(in_loops);
                }
                Ok(Operator::Block { .. } | Operator::If { .. }) => around.push(false),
                Ok(Operator::End) => loops_around -= u64::from(around.pop() == Some(true)),
                Ok(Operator::BrTable { targets: table }) => targets += u64::from(table.len()),
                Ok(_) => {}
                Err(_) => break,
            }
            deep = deep.max(around.len());
        }
        self.at_least(Counted::Locals, locals);
        self.at_least(Counted::Depth, deep as u64);
        self.add(Counted::Loops, loops);
        self.at_least(Counted::Nest, in_loops);
        self.at_least(Counted::Targets, targets);
        self.add(Counted::Live, locals.saturating_mul(loops));
    }

    fn function(&mut self, function: &CanonicalFunction) {
        let options = match function {
            CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. } => options,
            CanonicalFunction::ResourceNew { .. }
            | CanonicalFunction::ResourceDrop { .. }
            | CanonicalFunction::ResourceRep { .. } => return self.found(Foreign::Resources, true),
            // Everything else is of tasks, threads, streams and what they wait for.
            _ => return self.found(Foreign::Asynchronous, true),
        };
        for option in options {
            let foreign = match option {
                CanonicalOption::UTF8
                | CanonicalOption::Memory(_)
                | CanonicalOption::Realloc(_)
                | CanonicalOption::PostReturn(_) => continue,
                CanonicalOption::UTF16 | CanonicalOption::CompactUTF16 => Foreign::Strings,
                CanonicalOption::Async | CanonicalOption::Callback(_) => Foreign::Asynchronous,
                CanonicalOption::CoreType(_) | CanonicalOption::Gc => Foreign::Collected,
            };
            self.found(foreign, true);
        }
    }

    fn ty(&mut self, ty: &ComponentType<'_>) {
        self.add(Counted::Types, 1_u32);
        match ty {
            ComponentType::Resource { .. } => self.found(Foreign::Resources, true),
            ComponentType::Defined(defined) => self.defined(defined),
            ComponentType::Func(function) => {
                self.found(Foreign::Asynchronous, function.async_);
                self.add(Counted::Parts, function.params.len());
                let values = function.params.iter().map(|(_, value)| value).chain(&function.result);
                values.for_each(|value| self.value(value));
            }
            ComponentType::Component(parts) => parts.iter().for_each(|part| match part {
                ComponentTypeDeclaration::Type(ty) => self.ty(ty),
                ComponentTypeDeclaration::Export { ty, .. } => self.named(Counted::Exports, ty),
                ComponentTypeDeclaration::Import(import) => self.named(Counted::Imports, &import.ty),
                ComponentTypeDeclaration::CoreType(_) | ComponentTypeDeclaration::Alias(_) => {}
            }),
            ComponentType::Instance(parts) => parts.iter().for_each(|part| match part {
                InstanceTypeDeclaration::Type(ty) => self.ty(ty),
                InstanceTypeDeclaration::Export { ty, .. } => self.named(Counted::Exports, ty),
                InstanceTypeDeclaration::CoreType(_) | InstanceTypeDeclaration::Alias(_) => {}
            }),
        }
    }

    fn named(&mut self, what: Counted, ty: &ComponentTypeRef) {
        self.add(what, 1_u32);
        self.found(Foreign::Resources, matches!(ty, ComponentTypeRef::Type(TypeBounds::SubResource)));
    }

    fn defined(&mut self, defined: &ComponentDefinedType<'_>) {
        let parts = match defined {
            ComponentDefinedType::Record(fields) => fields.len(),
            ComponentDefinedType::Variant(cases) => cases.len(),
            ComponentDefinedType::Tuple(values) => values.len(),
            ComponentDefinedType::Flags(names) | ComponentDefinedType::Enum(names) => names.len(),
            _ => 1,
        };
        self.add(Counted::Parts, parts);
        match defined {
            ComponentDefinedType::Own(_) | ComponentDefinedType::Borrow(_) => {
                self.found(Foreign::Resources, true);
            }
            ComponentDefinedType::Future(_)
            | ComponentDefinedType::Stream(_)
            | ComponentDefinedType::Primitive(PrimitiveValType::ErrorContext) => {
                self.found(Foreign::Asynchronous, true);
            }
            _ => {}
        }
    }

    fn value(&mut self, value: &ComponentValType) {
        let is = matches!(value, ComponentValType::Primitive(PrimitiveValType::ErrorContext));
        self.found(Foreign::Asynchronous, is);
    }
}
