//! Attacks 18 and 19: what is no component, and what was one; and a compiler that breaks off.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use lanewright::plugin::{CHILD, Options, Plan, Plugins, Size, Stage, Standard};
use wasmparser::{Parser, Payload};

use super::Host;
use crate::guests::guest;
use crate::harness::{program, root};
use crate::hostile::tenants::{PLAN, Role, decide, tenant};

/// Attack 18.
#[test]
fn what_is_no_binary_component_is_refused() {
    let host = Host::new();
    let check = |name: &str, bytes: &[u8], stage: Stage, words: &str| host.refuses(name, bytes, stage, words);
    check("machine code", &machine_code(guest("plain")), Stage::Magic, "precompiled machine code");
    let text = fs::read(root().join("tests/guests/wat/plain.wat")).expect("a guest");
    check("text with a comment", &text, Stage::Magic, "text, not the binary form");
    check("text", b"(component)", Stage::Magic, "text, not the binary form");
    check("a core module", b"\0asm\x01\0\0\0", Stage::Magic, "a core WebAssembly module");
    check("an old component", b"\0asm\x0c\0\x01\0", Stage::Magic, "no WebAssembly component");
    check("compressed", &[0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0], Stage::Magic, "no WebAssembly component");
    check("nothing", b"", Stage::Magic, "an empty file");
    check("a header alone", b"\0asm\x0d\0\x01\0", Stage::Interface, "exports none of classifier");
}

/// What the compiler's child makes of a component: machine code of this very engine.
fn machine_code(component: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    fs::write(&input, component).expect("written");
    let plan = serde_json::json!(["small", PLAN]).to_string();
    let mut child = Command::new(program());
    child.arg(CHILD).arg(&output).args(["1048576", &plan]).stdin(fs::File::open(input).expect("the input"));
    assert!(child.output().expect("the child starts").status.success());
    fs::read(output).expect("machine code")
}

/// Attack 19: a component that ends too early, at every section and between them.
#[test]
fn a_component_that_ends_early_is_refused() {
    let host = Host::new();
    let plain = guest("plain");
    // What is at the end is for tools, and a component without it is one.
    let (mut ends, mut whole) = (Vec::new(), 0);
    for payload in Parser::new(0).parse_all(plain) {
        match payload.expect("a good component") {
            Payload::CustomSection(section) => ends.push(section.range().end),
            Payload::ModuleSection { unchecked_range, .. } => ends.push(unchecked_range.start),
            Payload::ComponentSection { unchecked_range, .. } => ends.push(unchecked_range.start),
            payload => {
                let end = payload.as_section().map_or(0, |(_, range)| range.end);
                whole = end.max(whole);
                ends.push(end);
            }
        }
    }
    let mut ends: Vec<usize> = ends
        .into_iter()
        .flat_map(|end| [end.saturating_sub(1), end, end + 1])
        .filter(|end| *end > 8 && *end < whole)
        .collect();
    ends.sort_unstable();
    ends.dedup();
    assert!(ends.len() > 60, "{ends:?}");
    for end in ends {
        let Err(refusals) = host.plugins.load(&plain[..end]) else { panic!("{end} bytes were taken") };
        assert!(
            !refusals.is_empty() && refusals.iter().all(|refusal| refusal.stage != Stage::Compile),
            "{end}: {refusals:?}"
        );
    }
    host.goes_on();
}

/// The same with a bit of every forty-first byte turned over: refused with a reason, or a plugin like any other.
#[test]
fn a_damaged_component_does_no_harm() {
    let host = Host::new();
    let plain = guest("plain");
    let (mut taken, mut refused) = (0, 0);
    for at in (8..plain.len()).step_by(41) {
        let mut damaged = plain.to_vec();
        damaged[at] ^= 1 << (at % 8);
        match tenant(&damaged, Role::Classifier, "", &host.plugins) {
            Ok(tenant) => {
                let decision = decide(&tenant);
                assert!(decision.lane.is_some(), "byte {at}: {:?}", decision.outcome);
                taken += 1;
            }
            Err(problems) => {
                assert!(!problems.0.is_empty(), "byte {at}");
                refused += 1;
            }
        }
    }
    assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
    host.goes_on();
}

/// A child that is stopped at its limits, or ends of itself, is a refusal that says which; the host lives on.
#[test]
fn a_compiler_that_breaks_off_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |script: &str, words: &str| {
        let compiler = folder.path().join("compiler");
        fs::write(&compiler, format!("#!/bin/sh\n{script}\n")).expect("written");
        fs::set_permissions(&compiler, fs::Permissions::from_mode(0o700)).expect("made a program");
        let options = Options { compiler, cache: None, plan: Plan::DEFAULT, size: Size { slots: 1 } };
        let plugins = Plugins::new(options).expect("a sandbox");
        let refusals = plugins.load(Standard::Scorer.component()).err().expect("nothing was compiled");
        assert!(refusals.len() == 1 && refusals[0].stage == Stage::Compile, "{refusals:?}");
        assert!(refusals[0].message.contains(words), "{script}: {refusals:?}");
        assert!(refusals[0].hint.is_some());
    };
    check("kill -s XCPU $$", "it used up its 60 s of processor time");
    check("kill -s ABRT $$", "it used up its 4096 MiB of memory, or its stack");
    check("kill -s XFSZ $$", "the machine code is larger than it may be");
    check("kill -s SEGV $$", "it broke off (signal: 11");
    check("exit 101", "it broke off (exit status: 101)");
    check("echo no report", "it broke off (exit status: 0)");
    // It says that it compiled, and breaks off, or leaves nothing that is machine code.
    let said = "{\\\"compiled\\\":{\\\"exports\\\":[\\\"scorer\\\",\\\"setup\\\"],\\\"imports\\\":[]}}";
    check(&format!("printf \"{said}\"; exit 1"), "it broke off (exit status: 1)");
    check(&format!("printf \"{said}\""), "");
}
