//! Attacks 15 to 17 and 34: more of something than anybody should have to read or compile.

use lanewright::plugin::Stage;
use wasm_encoder::{
    CodeSection, ComponentExportKind, ComponentExportSection, ComponentImportSection, ComponentSection as _,
    ComponentTypeRef, ComponentTypeSection, ComponentValType, ConstExpr, CustomSection, DataSection,
    ElementSection, Elements, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    ImportSection, MemorySection, MemoryType, Module, PrimitiveValType, RawSection, TypeSection, ValType,
};

use super::Host;
use crate::guests::{guest, with, with_module};
use crate::hostile::tenants::plugins;

/// Attack 15, and 16 behind it.
#[test]
fn compile_bombs_are_refused_before_they_cost_anything() {
    let host = Host::new();
    let check = |name: &str, module: &Module, stage: Stage, words: &str| {
        host.refuses(name, &with_module(guest("plain"), module.as_slice()), stage, words);
    };
    let empty = || Function::new([]);
    let repeated = |code: &[u8], times: usize| {
        let mut function = empty();
        function.raw(code.repeat(times));
        function
    };
    let parse = Stage::Parse;
    check("a million functions", &functions(1_000_000, empty()), parse, "functions; at most 50000");
    let calls = repeated(&[0x10, 0], 600_000);
    check("a huge function", &functions(1, calls), parse, "bytes of code in one function; at most 1048576");
    let locals = Function::new([(50_000, ValType::I64)]);
    check("locals", &functions(1, locals), parse, "50000 locals in one function; at most 5000");
    let many = Function::new((0..300).map(|_| (1_000, ValType::V128)));
    check("locals in groups", &functions(1, many), parse, "300000 locals in one function");
    let mut table = empty();
    table.instructions().i32_const(0).br_table(vec![0; 60_000], 0);
    check("a branch table", &functions(1, table), parse, "60000 targets of `br_table` in one function");
    let mut tables = empty();
    for _ in 0..60 {
        tables
            .instructions()
            .block(wasm_encoder::BlockType::Empty)
            .i32_const(0)
            .br_table(vec![0; 1_000], 0)
            .end();
    }
    check("branch tables", &functions(1, tables), parse, "60000 targets of `br_table` in one function");
    let mut deep = empty();
    deep.raw([2, 0x40].repeat(60_000)).raw([0x0b].repeat(60_000));
    check("deep blocks", &functions(1, deep), parse, "60000 blocks inside one another; at most 5000");

    let mut loops = empty();
    loops.raw([3, 0x40].repeat(1_000)).raw([0x0b].repeat(1_000));
    check("loops in loops", &functions(1, loops), parse, "1000 loops inside one another; at most 500");
    let flat = repeated(&[3, 0x40, 0x0b], 1_000);
    check("many loops", &functions(101, flat), parse, "loops; at most 100000");
    let mut live = Function::new([(5_000, ValType::I32)]);
    live.raw([3, 0x40, 0x0b].repeat(3_000));
    check("locals in loops", &functions(7, live), parse, "locals times loops, all functions together");

    let (mut memories, mut data) = (MemorySection::new(), DataSection::new());
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    for _ in 0..100_000 {
        data.active(0, &ConstExpr::i32_const(0), [1]);
    }
    let mut module = Module::new();
    module.section(&memories).section(&data);
    check("data segments", &module, parse, "data and element segments; at most 12000");
    let mut elements = ElementSection::new();
    elements.passive(Elements::Functions(vec![0; 900_000].into()));
    let mut module = Module::new();
    module.section(&elements);
    check("elements", &module, parse, "elements in its segments; at most 200000");

    // Within every cap, and yet two hundred bytes of machine code a byte.
    let words = "bytes of machine code; at most 1048576";
    check("machine code", &functions(8_000, empty()), Stage::Compile, words);
}

/// What is larger than any plan allows is not even read.
#[test]
fn a_bomb_of_many_bytes_is_refused_at_a_glance() {
    let mut bomb = guest("plain").to_vec();
    bomb.resize(64 << 20, 0);
    let refusals = plugins().load(&bomb).err().expect("it is too large");
    assert_eq!(refusals[0].stage, Stage::Size);
    assert!(refusals[0].message.contains("67108864 bytes; the plan allows "), "{refusals:?}");
}

/// Attack 17.
#[test]
fn exotic_types_are_refused() {
    let host = Host::new();
    let check = |name: &str, component: &[u8], stage: Stage, words: &str| {
        host.refuses(name, component, stage, words);
    };
    let plain = guest("plain");
    let typed = |types: &ComponentTypeSection| with(plain, &[types]);
    let first = super::foreign::types_of(plain);
    let word = ComponentValType::Primitive(PrimitiveValType::String);

    let mut lists = ComponentTypeSection::new();
    lists.defined_type().list(word);
    for n in 0..1_000 {
        lists.defined_type().list(ComponentValType::Type(first + n));
    }
    check("lists of lists", &typed(&lists), Stage::Parse, "nest");
    let mut itself = ComponentTypeSection::new();
    itself.defined_type().list(ComponentValType::Type(first));
    check("a list of itself", &typed(&itself), Stage::Parse, "index out of bounds");
    let mut doubled = ComponentTypeSection::new();
    doubled.defined_type().tuple([word, word]);
    for n in 0..30 {
        doubled.defined_type().tuple([ComponentValType::Type(first + n); 2]);
    }
    check("a tuple of two to the thirtieth", &typed(&doubled), Stage::Parse, "type size");
    let mut many = ComponentTypeSection::new();
    for _ in 0..20_000 {
        many.defined_type().option(word);
    }
    let words = "types of the component's interface; at most 10000";
    check("many types", &typed(&many), Stage::Parse, words);
    let mut wide = ComponentTypeSection::new();
    let cases: Vec<String> = (0..9_000).map(|n| format!("c{n}")).collect();
    for _ in 0..3 {
        wide.defined_type().variant(cases.iter().map(|name| (name.as_str(), None)));
    }
    let words = "fields, cases and parameters in the interface's types; at most 20000";
    check("wide variants", &typed(&wide), Stage::Parse, words);

    // A component's type in a component's type, and so on: three bytes each.
    let nested = [[1].as_slice(), &[0x41, 1, 1].repeat(100_000), &[0x41, 0]].concat();
    let nested = with(plain, &[&RawSection { id: 7, data: &nested }]);
    check("nested types", &nested, Stage::Compile, "it used up its 4096 MiB of memory, or its stack");
    let inner = (0..2_000).fold(b"\0asm\x0d\0\x01\0".to_vec(), |inner, _| {
        with(b"\0asm\x0d\0\x01\0", &[&RawSection { id: 4, data: &inner }])
    });
    check(
        "nested components",
        &with(plain, &[&RawSection { id: 4, data: &inner }]),
        Stage::Parse,
        "components inside it; at most 100",
    );

    let collected =
        wat::parse_str("(module (rec (type $a (struct (field (ref null $a))))))").expect("a module");
    check("recursive core types", &with_module(plain, &collected), Stage::Compile, "gc");
    let mut core = TypeSection::new();
    for n in 0..30_000_u32 {
        core.ty().function((0..n % 7).map(|_| ValType::I32), []);
    }
    let mut module = Module::new();
    module.section(&core);
    let words = "types of core functions; at most 20000";
    check("core types", &with_module(plain, module.as_slice()), Stage::Parse, words);
}

/// Attack 34.
#[test]
fn metadata_is_bounded() {
    let host = Host::new();
    let check = |name: &str, component: &[u8], words: &str| {
        host.refuses(name, component, Stage::Parse, words);
    };
    let plain = guest("plain");
    let custom = |name: &str, bytes: usize| {
        let data = vec![0; bytes].into();
        CustomSection { name: name.to_owned().into(), data }
    };
    let words = "bytes of custom sections; at most 524288";
    check("a giant section", &with(plain, &[&custom("notes", 600 << 10)]), words);
    check("giant names of functions", &with(plain, &[&custom("name", 600 << 10)]), words);
    let mut inside = Module::new();
    inside.section(&custom(".debug_info", 600 << 10));
    check("one inside a module", &with_module(plain, inside.as_slice()), words);
    let mut small = plain.to_vec();
    (0..100_000).for_each(|_| custom("", 0).append_to_component(&mut small));
    check("many sections", &small, "custom sections; at most 1000");

    let mut exports = ExportSection::new();
    for n in 0..100_000 {
        exports.export(&format!("e{n}"), ExportKind::Func, 0);
    }
    let module = functions_with(1, Function::new([]), Some(&exports));
    check("exports of a module", &with_module(plain, module.as_slice()), "exports; at most 50000");

    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut imports = ImportSection::new();
    for n in 0..100_000 {
        imports.import("env", &format!("i{n}"), EntityType::Function(0));
    }
    let mut module = Module::new();
    module.section(&types).section(&imports);
    check("imports of a module", &with_module(plain, module.as_slice()), "imports; at most 50000");

    let mut types = ComponentTypeSection::new();
    types.instance(&wasm_encoder::InstanceType::new());
    let first = super::foreign::types_of(plain);
    let mut imports = ComponentImportSection::new();
    for n in 0..100_000 {
        imports.import(format!("i{n}"), ComponentTypeRef::Instance(first));
    }
    check("imports of the component", &with(plain, &[&types, &imports]), "imports; at most 50000");
    let mut exports = ComponentExportSection::new();
    for n in 0..100_000 {
        exports.export(&*format!("e{n}"), ComponentExportKind::Type, 0, None);
    }
    check("exports of the component", &with(plain, &[&exports]), "exports; at most 50000");

    // Few, of names that fill a page and steer a terminal.
    let mut imports = ComponentImportSection::new();
    imports.import("\u{1b}[2J".repeat(10_000), ComponentTypeRef::Instance(first));
    check("a name of 40,000 bytes", &with(plain, &[&types, &imports]), "import name `\\u{1b}[2J");
}

/// A module of so many functions that are the same.
fn functions(count: u32, function: Function) -> Module {
    functions_with(count, function, None)
}

fn functions_with(count: u32, mut function: Function, exports: Option<&ExportSection>) -> Module {
    function.instructions().end();
    let (mut types, mut functions, mut code) =
        (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([], []);
    for _ in 0..count {
        functions.function(0);
        code.function(&function);
    }
    let mut module = Module::new();
    module.section(&types).section(&functions);
    if let Some(exports) = exports {
        module.section(exports);
    }
    module.section(&code);
    module
}
