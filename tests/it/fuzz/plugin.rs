//! Plugins drawn from bytes: uploaded as any other, set up, and asked about a lead in every role they have.
//!
//! Bytes become a core module in `tests/smith`: one of our interface's shape with bodies made by `wasm-smith`, or
//! one of ours with a few changes by `wasm-mutate`. What stands in `tests/fuzz/plugin` may also be a component as it is.
//! Whatever it does, the compiler's child ends in its own time, every failure is a typed one, the lead is routed, a
//! neighbour decides the same to the byte, and memory stays flat.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use lanewright::plugin::{InterfaceVersion, Options, Plan, Plugins, Size, Stage, Standard};
use wasmparser::{Parser, Payload};
use wit_component::StringEncoding;
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{Function, Resolve, UnresolvedPackageGroup, WorldItem, WorldKey};

use super::Target;
use crate::guests::{component, guest};
use crate::harness::{PLAN, program, root};
use crate::hostile::{Neighbour, Role, calls, decide, resident, tenant, told};

/// Each is compiled by a process of its own and asked four times, so they are few.
pub(super) const PLUGIN: Target = Target {
    name: "plugin",
    cases: 12,
    words: "component",
    seeds: || {
        // What takes a while the first time is no input's fault.
        drop(smith());
        Host::for_next(&mut HOST.lock().unwrap_or_else(PoisonError::into_inner));
        (0..SEEDS).map(seed).collect()
    },
    reads: |input| {
        let component = match input {
            [0, b'a', b's', b'm', 0x0d, ..] => Ok(input.to_vec()),
            bytes => plugin(bytes),
        };
        let component = match component {
            Ok(component) => component,
            Err(error) => return error,
        };
        let mut host = HOST.lock().unwrap_or_else(PoisonError::into_inner);
        let host = Host::for_next(&mut host);
        let told = host.tries(&component);
        host.neighbour.noticed_nothing();
        told
    },
};

/// Good ones to begin with.
const SEEDS: u64 = 24;

/// Bytes that are drawn the same every time (SplitMix64): in turns for a new module and for a change.
fn seed(n: u64) -> Vec<u8> {
    let mut state = n;
    let mut word = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let length = if n.is_multiple_of(2) { 512 << (n % 5) } else { 2 };
    let mut bytes: Vec<u8> = (0..length).flat_map(|_| word().to_le_bytes()).collect();
    bytes[0] = (bytes[0] & !1) | u8::from(n % 2 == 1);
    bytes
}

/// A component of the module that these bytes lead to.
fn plugin(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let module = smith().module(bytes);
    if module.is_empty() {
        return Err("no module".to_owned());
    }
    let roles = ["classifier", "scorer", "fallback", "enricher"];
    let exported = |role: &&str| exports(&module).iter().any(|name| name.contains(&format!("/{role}@")));
    let exported: Vec<&str> = roles.into_iter().filter(exported).collect();
    let world = match *exported {
        [role] => format!("{role}-plugin"),
        _ => "suite".to_owned(),
    };
    let of = |version: &InterfaceVersion| {
        exports(&module).iter().any(|name| name.contains(&format!("@{version}.")))
    };
    let version = InterfaceVersion::ALL.into_iter().find(of).ok_or("no version")?;
    component(module, version, &world, StringEncoding::UTF8).map_err(|error| format!("no component: {error}"))
}

fn exports(module: &[u8]) -> Vec<String> {
    let payloads = Parser::new(0).parse_all(module).flatten();
    let sections = payloads.filter_map(|payload| match payload {
        Payload::ExportSection(section) => Some(section),
        _ => None,
    });
    sections.flatten().flatten().map(|export| export.name.to_owned()).collect()
}

fn smith() -> MutexGuard<'static, Smith> {
    static SMITH: OnceLock<Mutex<Smith>> = OnceLock::new();
    SMITH.get_or_init(|| Mutex::new(Smith::start())).lock().unwrap_or_else(PoisonError::into_inner)
}

/// The program that draws modules.
struct Smith {
    _child: Child,
    input: ChildStdin,
    output: ChildStdout,
    _folder: tempfile::TempDir,
}

impl Smith {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let good = [Standard::Classifier, Standard::Scorer, Standard::Fallback].map(Standard::component);
        let guests = [
            "plain",
            "answers_wrong",
            "repeats_itself",
            "canary_a",
            "forges_log",
            "bombs_errors",
            "grows_answers",
        ];
        let good = good.into_iter().chain(guests.map(guest)).map(core);
        let files = std::iter::once(shape()).chain(good).enumerate();
        let files: Vec<OsString> = files
            .map(|(n, module)| {
                let file = folder.path().join(n.to_string());
                fs::write(&file, module).expect("written");
                file.into_os_string()
            })
            .collect();
        let child = Command::new(built()).args(files).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("it starts");
        let (input, output) = (child.stdin.take(), child.stdout.take());
        Self { input: input.expect("piped"), output: output.expect("piped"), _child: child, _folder: folder }
    }

    fn module(&mut self, bytes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(bytes.len()).expect("a short input");
        self.input.write_all(&length.to_le_bytes()).expect("it listens");
        self.input.write_all(bytes).expect("it listens");
        let mut length = [0; 4];
        self.output.read_exact(&mut length).expect("it answers");
        let mut module = vec![0; u32::from_le_bytes(length) as usize];
        self.output.read_exact(&mut module).expect("it answers");
        module
    }
}

fn built() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("smith");
    let manifest = root().join("tests/smith/Cargo.toml");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--locked", "--manifest-path"]).arg(manifest).env("CARGO_TARGET_DIR", &target);
    // A run of lints has a wrapper of its own.
    cargo.env_remove("RUSTC_WORKSPACE_WRAPPER").env_remove("RUSTFLAGS");
    assert!(cargo.status().expect("cargo starts").success(), "tests/smith builds");
    target.join("debug/lanewright-smith")
}

/// A component's own core module: the largest, beside the adapters.
fn core(component: &[u8]) -> Vec<u8> {
    let modules = Parser::new(0).parse_all(component).filter_map(|payload| match payload {
        Ok(Payload::ModuleSection { unchecked_range, .. }) => Some(component[unchecked_range].to_vec()),
        _ => None,
    });
    modules.max_by_key(Vec::len).expect("a module")
}

/// A module with every import and export that our interface has.
fn shape() -> Vec<u8> {
    let version = InterfaceVersion::NEWEST;
    let mut resolve = Resolve::default();
    let group = UnresolvedPackageGroup::parse("plugin.wit", version.wit()).expect("our own interface parses");
    let package = resolve.push_group(group).expect("our own interface resolves");
    let world = resolve.select_world(&[package], Some("suite")).expect("our own world");
    let world = &resolve.worlds[world];
    let (mut imports, mut exports) = (String::new(), String::new());
    let functions = |key: &WorldKey, item: &WorldItem| {
        let WorldItem::Interface { id, .. } = item else { return Vec::new() };
        let name = resolve.name_world_key(key);
        resolve.interfaces[*id].functions.values().map(|function| (name.clone(), function.clone())).collect()
    };
    for (interface, function) in world.imports.iter().flat_map(|(key, item)| functions(key, item)) {
        let ty = core_type(&resolve, AbiVariant::GuestImport, &function);
        let name = &function.name;
        writeln!(imports, "(import \"{interface}\" \"{name}\" (func {ty}))").expect("a text");
    }
    for (interface, function) in world.exports.iter().flat_map(|(key, item)| functions(key, item)) {
        let ty = core_type(&resolve, AbiVariant::GuestExport, &function);
        let name = &function.name;
        writeln!(exports, "(func (export \"{interface}#{name}\") {ty} unreachable)").expect("a text");
    }
    let rest = "(memory (export \"memory\") 1) \
                (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) unreachable)";
    wat::parse_str(format!("(module {imports} {exports} {rest})")).expect("a module")
}

fn core_type(resolve: &Resolve, variant: AbiVariant, function: &Function) -> String {
    let signature = resolve.wasm_signature(variant, function);
    let words = |types: &[WasmType]| -> String {
        let word = |ty: &WasmType| match ty {
            WasmType::I64 | WasmType::PointerOrI64 => " i64",
            WasmType::F32 => " f32",
            WasmType::F64 => " f64",
            WasmType::I32 | WasmType::Pointer | WasmType::Length => " i32",
        };
        types.iter().map(word).collect()
    };
    format!("(param{}) (result{})", words(&signature.params), words(&signature.results))
}

/// A host for some hundred plugins, and who else lives there.
struct Host {
    plugins: Plugins,
    neighbour: Neighbour,
    tried: usize,
}

static HOST: Mutex<Option<Host>> = Mutex::new(None);
/// Plugins after which everything is begun anew and memory is looked at: a host keeps what it has loaded.
const MANY: usize = 200;
/// Hosts until the allocator has the room that it keeps for the next ones: 93, 152, 154, 177 and 166 MB after the first
/// five of a run.
const FIRST: usize = 4;
/// What memory may grow by from then on, over all hosts together.
const GROWN: u64 = 64 << 20;
/// Small: what is drawn loops as likely as not.
const SMALL: Plan =
    Plan { fuel: 2_000_000, setup_fuel: 10_000_000, setup_wall_ms: 60_000, component_bytes: 4 << 20, ..PLAN };

impl Host {
    /// The host of the next plugin.
    fn for_next(host: &mut Option<Self>) -> &mut Self {
        static AFTER: Mutex<Vec<u64>> = Mutex::new(Vec::new());
        if host.as_ref().is_some_and(|host| host.tried >= MANY) {
            *host = None;
            let mut after = AFTER.lock().unwrap_or_else(PoisonError::into_inner);
            after.push(resident());
            if let Some((first, &[.., last])) = after.split_at_checked(FIRST) {
                let most = first.iter().max().map_or(u64::MAX, |first| first + GROWN);
                assert!(last <= most, "bytes in memory after each host: {after:?}");
            }
        }
        let host = host.get_or_insert_with(Self::new);
        host.tried += 1;
        host
    }

    /// Only the neighbour's own plugins stay on disk from one host to the next.
    fn new() -> Self {
        static CACHE: OnceLock<(tempfile::TempDir, HashSet<PathBuf>)> = OnceLock::new();
        let files = |folder: &Path| -> HashSet<PathBuf> {
            let entries = fs::read_dir(folder).expect("a folder");
            entries.map(|entry| entry.expect("an entry").path()).collect()
        };
        let in_folder = |folder: &Path| {
            let cache = Some(folder.to_owned());
            let options =
                Options { compiler: program().to_owned(), cache, plan: SMALL, size: Size { slots: 4 } };
            let plugins = Plugins::new(options).expect("a sandbox");
            Self { neighbour: Neighbour::in_sandbox(&plugins), plugins, tried: 0 }
        };
        let (folder, kept) = CACHE.get_or_init(|| {
            let folder = tempfile::tempdir().expect("a folder");
            drop(in_folder(folder.path()));
            let kept = files(folder.path());
            (folder, kept)
        });
        for file in files(folder.path()).difference(kept) {
            fs::remove_file(file).expect("it is there");
        }
        in_folder(folder.path())
    }

    /// What comes of a component, in words.
    fn tries(&self, component: &[u8]) -> String {
        let exports = match self.plugins.load(component) {
            Ok(prototype) => prototype.exports(),
            Err(refusals) => {
                assert!(!refusals.is_empty(), "what is refused has a reason");
                let broke = |refusal: &&lanewright::plugin::Refusal| {
                    refusal.stage == Stage::Compile && refusal.message.contains("the compiler gave up")
                };
                assert!(!refusals.iter().any(|refusal| broke(&refusal)), "{refusals:?}");
                return refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            }
        };
        let roles = [
            (exports.classifier, Role::Classifier),
            (exports.scorer, Role::Scorer),
            (exports.fallback, Role::Fallback),
            (exports.enricher, Role::Enricher),
        ];
        let mut words = String::new();
        for (_, role) in roles.into_iter().filter(|(has, _)| *has) {
            match tenant(component, role, "", &self.plugins) {
                Err(problems) => {
                    assert!(!problems.0.is_empty(), "a folder that is refused has a reason");
                    write!(words, "{role:?}: {} ", told(&problems)).expect("a text");
                }
                Ok(tenant) => {
                    let decision = decide(&tenant);
                    assert!(decision.lane.is_some(), "{role:?}: {:?}", decision.outcome);
                    let calls = calls(&tenant, &decision, role);
                    assert!(!calls.is_empty(), "{role:?} was asked");
                    for call in calls {
                        let failure = call.failure.map(|failure| failure.to_string());
                        write!(words, "{role:?}: {} ", failure.as_deref().unwrap_or("counts"))
                            .expect("a text");
                    }
                }
            }
        }
        words
    }
}
