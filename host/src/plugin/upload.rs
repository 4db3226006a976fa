//! Is this a component a host can take? Every stage has its code, and every refusal says how to mend it.
//!
//! Size and magic are looked at by whoever holds the bytes; everything behind them parses a stranger's
//! file and therefore runs in the compiler's child process (`compile.rs`).

use std::fmt;

use serde::{Deserialize, Serialize};
use wasmparser::{Encoding, Instance, Parser, Payload};
use wit_parser::decoding::{DecodedWasm, decode};

use super::caps::Built;
use super::engine::{Class, Shape};
use super::interface::{self, Surface};
use super::plan::Plan;
use crate::failure::clean;

/// Where in the row of stages an upload was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Larger than the plan allows.
    Size,
    /// Not a binary component: text, a core module, precompiled code or something else.
    Magic,
    /// Not well-formed, or built of parts that no plugin needs.
    Parse,
    /// Its exports or imports differ from the interface.
    Interface,
    /// It asks for something that no plugin is granted.
    Imports,
    /// It needs more than a call may have, before it even starts.
    Resources,
    /// It does not compile within the compiler's limits.
    Compile,
    /// It fails when it is instantiated.
    Instantiate,
    /// It refuses its settings, or cannot prepare.
    Settings,
    /// It does not answer as its author's cases say.
    Cases,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "size",
            Self::Magic => "magic",
            Self::Parse => "parse",
            Self::Interface => "interface",
            Self::Imports => "imports",
            Self::Resources => "resources",
            Self::Compile => "compile",
            Self::Instantiate => "instantiate",
            Self::Settings => "settings",
            Self::Cases => "cases",
        })
    }
}

/// Bytes of one message.
const MESSAGE: usize = 1 << 10;
/// Reasons told of one component; whoever mends these meets the others then.
const MOST: usize = 64;

/// One reason why a component is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// In which stage.
    pub stage: Stage,
    /// What is wrong, a lowercase fragment.
    pub message: String,
    /// How to mend it.
    pub hint: Option<String>,
}

impl Refusal {
    /// In this stage, for this reason; names that a stranger chose are made safe to show.
    pub fn new(stage: Stage, message: impl Into<String>) -> Self {
        // It may quote names of a stranger's file.
        Self { stage, message: clean(&message.into(), MESSAGE), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// What can be said of a file without parsing it, by its size and its first bytes; `plan` is the plan of small guests.
pub(super) fn at_a_glance(bytes: &[u8], plan: &Plan) -> Result<Class, Refusal> {
    let class = Class::of(bytes, plan);
    let plan = class.plan(*plan);
    if bytes.len() > plan.component_bytes {
        let message = format!("{} bytes; the plan allows {}", bytes.len(), plan.component_bytes);
        let hint = "build in release mode and strip debug information, as `lanewright plugin build` does";
        return Err(Refusal::new(Stage::Size, message).hint(hint));
    }
    let build = "make a component with `lanewright plugin build`";
    let refuse = |message: &str| Err(Refusal::new(Stage::Magic, message).hint(build));
    match bytes {
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(class),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => refuse("a core WebAssembly module, not a component"),
        [0x7f, b'E', b'L', b'F', ..] => refuse("precompiled machine code, which is never taken from outside"),
        [b'(' | b';', next, ..] if next.is_ascii() => refuse("WebAssembly text, not the binary form"),
        [] => refuse("an empty file"),
        _ => refuse("no WebAssembly component"),
    }
}

/// Parses a component and compares it with the interface, and with shape and plan of its class. Every
/// reason at once, as far as the bytes can be followed.
pub(super) fn inspect(bytes: &[u8], shape: Shape, plan: &Plan) -> Result<Surface, Vec<Refusal>> {
    let mut refusals = structure(bytes, shape, plan)?;
    let decoded = match decode(bytes) {
        Ok(decoded) => decoded,
        Err(error) => {
            let hint = "the file is damaged, or made by a tool this host does not know";
            refusals.push(Refusal::new(Stage::Parse, format!("{error:#}")).hint(hint));
            return Err(refusals);
        }
    };
    let DecodedWasm::Component(resolve, world) = decoded else {
        let hint = "make a component of your crate with `lanewright plugin build`";
        return Err(vec![Refusal::new(Stage::Parse, "an interface description, not a plugin").hint(hint)]);
    };
    match interface::compare(&resolve, world) {
        Ok(surface) if refusals.is_empty() => Ok(surface),
        Ok(_) => Err(refusals),
        Err(differences) => {
            refusals.extend(differences);
            refusals.truncate(MOST);
            Err(refusals)
        }
    }
}

/// What a component is built of. An error where the bytes cannot be followed at all.
fn structure(bytes: &[u8], shape: Shape, plan: &Plan) -> Result<Vec<Refusal>, Vec<Refusal>> {
    let mut refusals = Vec::new();
    // Which kinds of binary the reader is inside of, outermost first.
    let mut inside: Vec<Encoding> = Vec::new();
    let (mut nested, mut modules, mut built) = (0_u32, 0_u32, Built::within(shape));
    // A module needs nothing until it is instantiated, and as much again each time it is.
    let mut needs: Vec<Needs> = Vec::new();
    let mut all = Needs::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| vec![Refusal::new(Stage::Parse, error.to_string())])?;
        built.see(&payload);
        match payload {
            Payload::Version { encoding, .. } => {
                modules += u32::from(encoding == Encoding::Module);
                // `wit-component` wraps each export in a component of types alone; code inside is another matter.
                nested += u32::from(encoding == Encoding::Module && inside.len() > 1);
                if encoding == Encoding::Module {
                    needs.push(Needs { instances: 1, ..Needs::default() });
                }
                inside.push(encoding);
            }
            Payload::End(_) => {
                inside.pop();
            }
            Payload::MemorySection(section) => {
                for memory in section.into_iter().flatten() {
                    let memory_bytes = memory.initial.saturating_mul(64 << 10);
                    let needs = needs.last_mut().unwrap_or(&mut all);
                    needs.add(&Needs { memories: 1, memory_bytes, ..Needs::default() });
                }
            }
            Payload::TableSection(section) => {
                for table in section.into_iter().flatten() {
                    let table_elements = table.ty.initial;
                    let needs = needs.last_mut().unwrap_or(&mut all);
                    needs.add(&Needs { tables: 1, table_elements, ..Needs::default() });
                }
            }
            Payload::InstanceSection(section) => {
                for instance in section.into_iter().flatten() {
                    if let Instance::Instantiate { module_index, .. } = instance {
                        // A module that is not defined here is one more instance, of nothing we know.
                        let unknown = Needs { instances: 1, ..Needs::default() };
                        all.add(needs.get(module_index as usize).unwrap_or(&unknown));
                    }
                }
            }
            _ => {}
        }
    }
    let too_much = built.too_much();
    if !too_much.is_empty() {
        return Err(too_much);
    }
    refusals.extend(built.foreign());
    let mut refuse = |broken: bool, stage: Stage, message: String, hint: &str| {
        if broken {
            refusals.push(Refusal::new(stage, message).hint(hint));
        }
    };
    let one = "a plugin is one module and the adapters around it";
    refuse(nested > 0, Stage::Parse, format!("{nested} modules inside nested components"), one);
    let Shape { core_instances: most, tables: most_tables, .. } = shape;
    refuse(modules > most, Stage::Parse, format!("{modules} core modules; at most {most}"), one);
    let Needs { instances, memories, memory_bytes, tables, table_elements } = all;
    let most = u64::from(most);
    refuse(instances > most, Stage::Resources, format!("{instances} core instances; at most {most}"), one);
    refuse(memories > 1, Stage::Resources, format!("{memories} memories; at most 1"), one);
    let message =
        format!("{memory_bytes} bytes of memory from the start; the plan allows {}", plan.memory_bytes);
    let hint = "ask for less in the linker's --initial-memory, and grow when needed";
    refuse(memory_bytes > plan.memory_bytes as u64, Stage::Resources, message, hint);
    let most = u64::from(most_tables);
    refuse(tables > most, Stage::Resources, format!("{tables} tables; at most {most}"), one);
    let message =
        format!("{table_elements} table elements from the start; the plan allows {}", plan.table_elements);
    refuse(
        table_elements > plan.table_elements as u64,
        Stage::Resources,
        message,
        "use fewer function pointers",
    );
    Ok(refusals)
}

/// What instances need before they do anything.
#[derive(Debug, Clone, Copy, Default)]
struct Needs {
    instances: u64,
    memories: u64,
    memory_bytes: u64,
    tables: u64,
    table_elements: u64,
}

impl Needs {
    fn add(&mut self, other: &Self) {
        let Self { instances, memories, memory_bytes, tables, table_elements } = other;
        let sums = [
            (&mut self.instances, instances),
            (&mut self.memories, memories),
            (&mut self.memory_bytes, memory_bytes),
            (&mut self.tables, tables),
            (&mut self.table_elements, table_elements),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(*more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_component_is_refused_at_a_glance() {
        let check = |bytes: &[u8], expect: Result<Class, (Stage, &str)>| match (
            at_a_glance(bytes, &Plan { component_bytes: 64, ..Plan::DEFAULT }),
            expect,
        ) {
            (Ok(class), Ok(expect)) => assert_eq!(class, expect),
            (Err(refusal), Err((stage, text))) => {
                assert_eq!(refusal.stage, stage);
                assert!(refusal.message.contains(text), "{refusal}");
            }
            (got, expect) => panic!("got {got:?}, expected {expect:?}"),
        };
        check(b"\0asm\x0d\0\x01\0", Ok(Class::Small));
        check(&[b"\0asm\x0d\0\x01\0".as_slice(), &[0; 57]].concat(), Ok(Class::Large));
        check(b"\0asm\x01\0\0\0", Err((Stage::Magic, "core WebAssembly module")));
        check(b"\x7fELF", Err((Stage::Magic, "machine code")));
        check(b"(component)", Err((Stage::Magic, "text")));
        check(b"", Err((Stage::Magic, "empty")));
        check(b"PK\x03\x04", Err((Stage::Magic, "no WebAssembly component")));
        check(&[0; 65], Err((Stage::Magic, "no WebAssembly component")));
        check(&[0; 64 * 40 + 1], Err((Stage::Size, "2561 bytes; the plan allows 2560")));
    }
}
