//! The guests of `tests/guests`: crates and core modules in text, made components once a run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use lanewright::plugin::{InterfaceVersion, build};
use wasm_encoder::{ComponentSection, ComponentSectionId, InstanceSection, ModuleArg, RawSection};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, UnresolvedPackageGroup};

use crate::harness::root;

/// A guest's component.
pub(crate) fn guest(name: &str) -> &'static [u8] {
    guests().get(name).unwrap_or_else(|| panic!("there is no guest {name}"))
}

/// Every guest there is, by name.
pub(crate) fn guests() -> &'static BTreeMap<String, Vec<u8>> {
    static GUESTS: OnceLock<BTreeMap<String, Vec<u8>>> = OnceLock::new();
    GUESTS.get_or_init(|| {
        let folder = root().join("tests/guests");
        let mut guests = in_rust(&folder);
        for path in files(&folder.join("wat")) {
            let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
            let (module, version, world) = module(&path);
            let component = component(module, version, &world, StringEncoding::UTF8)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let before = guests.insert(name, component);
            assert!(before.is_none(), "{} names a guest that is there already", path.display());
        }
        guests
    })
}

/// One cargo for all of them. What they do matters here, not how fast: no link-time optimisation.
fn in_rust(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests");
    let quick = ["--config", "profile.release.lto=false", "--config", "profile.release.codegen-units=4"];
    let args: Vec<&str> = ["--examples", "--locked"].into_iter().chain(quick).collect();
    let built = build::build(&folder.join("Cargo.toml"), &target, &args).expect("the guests build");
    built.into_iter().map(|built| (built.name, built.component)).collect()
}

/// A guest in text as a core module, and the version and world of the role it exports.
pub(crate) fn module(path: &Path) -> (Vec<u8>, InterfaceVersion, String) {
    let text = fs::read_to_string(path).expect("a guest's text");
    let parts = path.with_file_name("parts");
    let mut whole = String::new();
    for line in text.lines() {
        match line.trim().strip_prefix(";; include ") {
            None => whole.push_str(line),
            Some(names) => names.split_whitespace().for_each(|name| {
                let part = parts.join(name).with_extension("wat");
                whole.push_str(&fs::read_to_string(part).expect("a part of a guest"));
            }),
        }
        whole.push('\n');
    }
    let module = wat::parse_str(&whole).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let role = ["classifier", "scorer", "fallback", "enricher"]
        .into_iter()
        .find(|role| whole.contains(&format!("lanewright:plugin/{role}@")))
        .expect("a guest exports a role");
    let version = InterfaceVersion::ALL.into_iter().find(|v| whole.contains(&format!("/{role}@{v}.")));
    (module, version.expect("a version of the interface"), format!("{role}-plugin"))
}

/// Makes a component of a core module that exports what this world does in this version.
pub(crate) fn component(
    mut module: Vec<u8>,
    version: InterfaceVersion,
    world: &str,
    strings: StringEncoding,
) -> Result<Vec<u8>, String> {
    let mut resolve = Resolve::default();
    let group = UnresolvedPackageGroup::parse("plugin.wit", version.wit()).expect("our own interface parses");
    let package = resolve.push_group(group).expect("our own interface resolves");
    let world = resolve.select_world(&[package], Some(world)).expect("a world of ours");
    embed_component_metadata(&mut module, &resolve, world, strings).map_err(|error| format!("{error:#}"))?;
    // Guests may use what no plugin is granted; it is the host that has to notice.
    wit_component::ComponentEncoder::default()
        .validate(false)
        .module(&module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| format!("{error:#}"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).expect("the guests' folder").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.extension().is_some_and(|ext| ext == "wat")).collect()
}

/// A component with so many instances of a core module at its end.
pub(crate) fn with_instances(component: &[u8], module: &str, count: u32) -> Vec<u8> {
    let place = wasmparser::Parser::new(0)
        .parse_all(component)
        .scan(0_i32, |depth, payload| {
            let payload = payload.expect("a good component");
            Some(match payload {
                wasmparser::Payload::ModuleSection { .. } => {
                    *depth += 1;
                    u32::from(*depth == 1)
                }
                wasmparser::Payload::ComponentSection { .. } => {
                    *depth += 1;
                    0
                }
                wasmparser::Payload::End(_) => {
                    *depth -= 1;
                    0
                }
                _ => 0,
            })
        })
        .sum::<u32>();
    let mut instances = InstanceSection::new();
    for _ in 0..count {
        instances.instantiate(place, [("", ModuleArg::Instance(0)); 0]);
    }
    with(&with_module(component, &wat::parse_str(module).expect("a core module")), &[&instances])
}

/// A component with a further component inside.
pub(crate) fn with_component(component: &[u8], inner: &str) -> Vec<u8> {
    let inner = wat::parse_str(inner).expect("a component");
    with(component, &[&RawSection { id: ComponentSectionId::Component.into(), data: &inner }])
}

/// A component with a further core module inside, which is compiled and never instantiated.
pub(crate) fn with_module(component: &[u8], module: &[u8]) -> Vec<u8> {
    with(component, &[&RawSection { id: ComponentSectionId::CoreModule.into(), data: module }])
}

/// A component with further sections at its end.
pub(crate) fn with(component: &[u8], sections: &[&dyn ComponentSection]) -> Vec<u8> {
    let mut out = component.to_vec();
    sections.iter().for_each(|section| section.append_to_component(&mut out));
    out
}
