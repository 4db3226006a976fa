//! Attacks 20, 21, 29 and 30: handles, asynchronous functions, an operating system, other strings.

use lanewright::plugin::Stage;
use wasm_encoder::{
    CanonicalFunctionSection, CanonicalOption, ComponentImportSection, ComponentTypeRef,
    ComponentTypeSection, ComponentValType, InstanceType, PrimitiveValType, TypeBounds, ValType,
};
use wit_component::StringEncoding;

use super::Host;
use crate::guests::{component, guest, module, with};
use crate::harness::root;

/// How many types a component has: the index of the next.
pub(super) fn types_of(component: &[u8]) -> u32 {
    let mut validator = wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all());
    let types = validator.validate_all(component).expect("a good component");
    types.as_ref().component_type_count()
}

const WORD: ComponentValType = ComponentValType::Primitive(PrimitiveValType::String);

/// Attacks 20 and 21: every type and built-in function of the component model that is not of plain values.
#[test]
fn handles_and_tasks_are_refused() {
    let host = Host::new();
    let plain = guest("plain");
    let next = types_of(plain);
    let handles = "it has resources or handles";
    let tasks = "it has asynchronous functions, tasks, threads, streams or futures";

    type Types = fn(&mut ComponentTypeSection, u32);
    let types: &[(&str, Types, &str)] = &[
        ("resource", |types, _| _ = types.resource(ValType::I32, None), handles),
        (
            "own",
            |types, next| {
                types.resource(ValType::I32, None);
                types.defined_type().own(next);
            },
            handles,
        ),
        (
            "borrow",
            |types, next| {
                types.resource(ValType::I32, None);
                types.defined_type().borrow(next);
            },
            handles,
        ),
        ("a resource of an instance", |types, _| _ = types.instance(&with_resource()), handles),
        ("stream", |types, _| types.defined_type().stream(Some(WORD)), tasks),
        ("future", |types, _| types.defined_type().future(None), tasks),
        ("error-context", |types, _| types.defined_type().primitive(PrimitiveValType::ErrorContext), tasks),
        (
            "async func",
            |types, _| _ = types.function().async_(true).params([("a", WORD)]).result(None),
            tasks,
        ),
    ];
    for (name, define, words) in types {
        let mut section = ComponentTypeSection::new();
        define(&mut section, next);
        host.refuses(name, &with(plain, &[&section]), Stage::Parse, words);
    }

    type Function = fn(&mut CanonicalFunctionSection) -> &mut CanonicalFunctionSection;
    const NONE: [CanonicalOption; 0] = [];
    let functions: &[(&str, Function, &str)] = &[
        ("resource.new", |f| f.resource_new(0), handles),
        ("resource.drop", |f| f.resource_drop(0), handles),
        ("resource.rep", |f| f.resource_rep(0), handles),
        ("task.return", |f| f.task_return(None, NONE), tasks),
        ("task.cancel", |f| f.task_cancel(), tasks),
        ("subtask.drop", |f| f.subtask_drop(), tasks),
        ("subtask.cancel", |f| f.subtask_cancel(true), tasks),
        ("backpressure.inc", |f| f.backpressure_inc(), tasks),
        ("backpressure.dec", |f| f.backpressure_dec(), tasks),
        ("context.get", |f| f.context_get(ValType::I32, 0), tasks),
        ("context.set", |f| f.context_set(ValType::I32, 0), tasks),
        ("stream.new", |f| f.stream_new(0), tasks),
        ("stream.read", |f| f.stream_read(0, NONE), tasks),
        ("stream.write", |f| f.stream_write(0, NONE), tasks),
        ("stream.cancel-read", |f| f.stream_cancel_read(0, false), tasks),
        ("stream.cancel-write", |f| f.stream_cancel_write(0, true), tasks),
        ("stream.drop-readable", |f| f.stream_drop_readable(0), tasks),
        ("stream.drop-writable", |f| f.stream_drop_writable(0), tasks),
        ("future.new", |f| f.future_new(0), tasks),
        ("future.read", |f| f.future_read(0, NONE), tasks),
        ("future.write", |f| f.future_write(0, NONE), tasks),
        ("future.cancel-read", |f| f.future_cancel_read(0, true), tasks),
        ("future.cancel-write", |f| f.future_cancel_write(0, false), tasks),
        ("future.drop-readable", |f| f.future_drop_readable(0), tasks),
        ("future.drop-writable", |f| f.future_drop_writable(0), tasks),
        ("error-context.new", |f| f.error_context_new(NONE), tasks),
        ("error-context.debug-message", |f| f.error_context_debug_message(NONE), tasks),
        ("error-context.drop", |f| f.error_context_drop(), tasks),
        ("waitable-set.new", |f| f.waitable_set_new(), tasks),
        ("waitable-set.wait", |f| f.waitable_set_wait(true, 0), tasks),
        ("waitable-set.poll", |f| f.waitable_set_poll(false, 0), tasks),
        ("waitable-set.drop", |f| f.waitable_set_drop(), tasks),
        ("waitable.join", |f| f.waitable_join(), tasks),
        ("thread.index", |f| f.thread_index(), tasks),
        ("thread.new-indirect", |f| f.thread_new_indirect(0, 0), tasks),
        ("thread.resume-later", |f| f.thread_resume_later(), tasks),
        ("thread.suspend", |f| f.thread_suspend(false), tasks),
        ("thread.yield", |f| f.thread_yield(true), tasks),
        ("thread.suspend-then-resume", |f| f.thread_suspend_then_resume(true), tasks),
        ("thread.yield-then-resume", |f| f.thread_yield_then_resume(true), tasks),
        ("thread.suspend-then-promote", |f| f.thread_suspend_then_promote(false), tasks),
        ("thread.yield-then-promote", |f| f.thread_yield_then_promote(false), tasks),
        ("thread.spawn-ref", |f| f.thread_spawn_ref(0), tasks),
        ("thread.spawn-indirect", |f| f.thread_spawn_indirect(0, 0), tasks),
        ("thread.available-parallelism", |f| f.thread_available_parallelism(), tasks),
        ("canon lift async", |f| f.lift(0, 0, [CanonicalOption::Async]), tasks),
        (
            "canon lift callback",
            |f| f.lift(0, 0, [CanonicalOption::Async, CanonicalOption::Callback(0)]),
            tasks,
        ),
        ("canon lower async", |f| f.lower(0, [CanonicalOption::Async]), tasks),
        ("canon lower gc", |f| f.lower(0, [CanonicalOption::Gc]), "garbage-collected"),
    ];
    for (name, define, words) in functions {
        let mut section = CanonicalFunctionSection::new();
        define(&mut section);
        host.refuses(name, &with(plain, &[&section]), Stage::Parse, words);
    }
}

/// Attack 30: the same module, every string of it in another encoding.
#[test]
fn other_strings_are_refused() {
    let host = Host::new();
    let (plain, version, world) = module(&root().join("tests/guests/wat/plain.wat"));
    for strings in [StringEncoding::UTF16, StringEncoding::CompactUTF16] {
        let component = component(plain.clone(), version, &world, strings).expect("a component");
        host.refuses(&format!("{strings:?}"), &component, Stage::Parse, "strings that are not UTF-8");
    }
}

/// Attack 29: each interface of an operating system, by name.
#[test]
fn an_operating_system_is_refused_by_name() {
    let host = Host::new();
    let plain = guest("plain");
    for name in SYSTEM {
        let mut types = ComponentTypeSection::new();
        types.instance(&InstanceType::new());
        let mut imports = ComponentImportSection::new();
        imports.import(*name, ComponentTypeRef::Instance(types_of(plain)));
        let path = name.split_once('@').map_or(*name, |(path, _)| path);
        let words = format!("imports {path}, which no plugin is granted");
        host.refuses(name, &with(plain, &[&types, &imports]), Stage::Imports, &words);
    }
    // As they really are: with types that are handles.
    let mut types = ComponentTypeSection::new();
    types.instance(&with_resource());
    let mut imports = ComponentImportSection::new();
    imports.import("wasi:io/poll@0.2.0", ComponentTypeRef::Instance(types_of(plain)));
    let words = "imports wasi:io/poll, which no plugin is granted";
    host.refuses("poll", &with(plain, &[&types, &imports]), Stage::Imports, words);

    // What was before WASI 0.2 has core functions, which components have no import for.
    for name in ["wasi-snapshot-preview1", "wasi-unstable", "env", "fd-write"] {
        let mut types = ComponentTypeSection::new();
        types.function().params([("a", WORD)]).result(None);
        let mut imports = ComponentImportSection::new();
        imports.import(name, ComponentTypeRef::Func(types_of(plain)));
        let words = format!("imports the bare function {name}");
        host.refuses(name, &with(plain, &[&types, &imports]), Stage::Imports, &words);
    }
}

fn with_resource() -> InstanceType {
    let mut instance = InstanceType::new();
    instance.export("pollable", ComponentTypeRef::Type(TypeBounds::SubResource));
    instance
}

/// Every interface of WASI 0.2, of 0.3, and of what was proposed beside them.
const SYSTEM: &[&str] = &[
    "wasi:cli/environment@0.2.0",
    "wasi:cli/exit@0.2.0",
    "wasi:cli/run@0.2.0",
    "wasi:cli/stderr@0.2.0",
    "wasi:cli/stdin@0.2.0",
    "wasi:cli/stdout@0.2.0",
    "wasi:cli/terminal-input@0.2.0",
    "wasi:cli/terminal-output@0.2.0",
    "wasi:cli/terminal-stderr@0.2.0",
    "wasi:cli/terminal-stdin@0.2.0",
    "wasi:cli/terminal-stdout@0.2.0",
    "wasi:clocks/monotonic-clock@0.2.0",
    "wasi:clocks/timezone@0.2.0",
    "wasi:clocks/wall-clock@0.2.0",
    "wasi:filesystem/preopens@0.2.0",
    "wasi:filesystem/types@0.2.0",
    "wasi:http/incoming-handler@0.2.0",
    "wasi:http/outgoing-handler@0.2.0",
    "wasi:http/types@0.2.0",
    "wasi:io/error@0.2.0",
    "wasi:io/poll@0.2.0",
    "wasi:io/streams@0.2.0",
    "wasi:random/insecure-seed@0.2.0",
    "wasi:random/insecure@0.2.0",
    "wasi:random/random@0.2.0",
    "wasi:sockets/instance-network@0.2.0",
    "wasi:sockets/ip-name-lookup@0.2.0",
    "wasi:sockets/network@0.2.0",
    "wasi:sockets/tcp-create-socket@0.2.0",
    "wasi:sockets/tcp@0.2.0",
    "wasi:sockets/udp-create-socket@0.2.0",
    "wasi:sockets/udp@0.2.0",
    "wasi:cli/environment@0.3.0",
    "wasi:cli/exit@0.3.0",
    "wasi:cli/run@0.3.0",
    "wasi:cli/stderr@0.3.0",
    "wasi:cli/stdin@0.3.0",
    "wasi:cli/stdout@0.3.0",
    "wasi:cli/types@0.3.0",
    "wasi:clocks/monotonic-clock@0.3.0",
    "wasi:clocks/system-clock@0.3.0",
    "wasi:clocks/timezone@0.3.0",
    "wasi:clocks/types@0.3.0",
    "wasi:filesystem/preopens@0.3.0",
    "wasi:filesystem/types@0.3.0",
    "wasi:http/client@0.3.0",
    "wasi:http/handler@0.3.0",
    "wasi:http/types@0.3.0",
    "wasi:random/insecure-seed@0.3.0",
    "wasi:random/insecure@0.3.0",
    "wasi:random/random@0.3.0",
    "wasi:sockets/ip-name-lookup@0.3.0",
    "wasi:sockets/types@0.3.0",
    "wasi:blobstore/blobstore@0.2.0-draft",
    "wasi:config/store@0.2.0-draft",
    "wasi:keyvalue/store@0.2.0-draft",
    "wasi:logging/logging",
    "wasi:messaging/producer@0.2.0-draft",
    "wasi:nn/inference@0.2.0-rc-2024-10-28",
    "wasi:threads/threads",
    "wasi:tls/types@0.2.0-draft",
    "wasi:webgpu/webgpu@0.0.1",
];
