//! Builds the guests with one profile, so that runtimes are compared and not compilers' settings.

use std::path::{Path, PathBuf};

#[allow(dead_code, unreachable_pub, missing_docs, reason = "shared with the host, which uses more of it")]
#[path = "../host/src/plugin/build.rs"]
mod build;

fn main() {
    for watched in [
        "guest",
        "extism-guest",
        "logic",
        "Cargo.lock",
        "../plugins/sdk",
        "../wit",
        "../host/src/plugin/build.rs",
    ] {
        println!("cargo::rerun-if-changed={watched}");
    }
    if let Err(error) = guests() {
        println!("cargo::error=the guests could not be built: {error}");
    }
}

fn guests() -> Result<(), Box<dyn std::error::Error>> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let manifest = Path::new("Cargo.toml");
    let ours = build::build(manifest, &out.join("wasm"), &["--locked", "--package=lanewright-bench-guest"])?;
    let [ours] = &ours[..] else { return Err("one component expected".into()) };
    std::fs::write(out.join("guest.wasm"), &ours.component)?;
    let modules = build::compile(
        manifest,
        &out.join("wasm"),
        &["--locked", "--package=lanewright-bench-extism-guest"],
    )?;
    let [module] = &modules[..] else { return Err("one module expected".into()) };
    std::fs::copy(module, out.join("extism-guest.wasm"))?;
    Ok(())
}
