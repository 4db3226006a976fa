//! Builds the standard plugins, so that they ship inside the binary.

use std::path::{Path, PathBuf};

#[allow(dead_code, unreachable_pub, missing_docs, reason = "shared with the library, which uses more of it")]
#[path = "src/plugin/build.rs"]
mod build;

const STANDARD: [&str; 3] = ["classifier", "scorer", "fallback"];

fn main() {
    let root = Path::new("..");
    for watched in ["plugins", "wit", "Cargo.lock", "host/src/plugin/build.rs"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let packages: Vec<String> = STANDARD.iter().map(|name| format!("--package=lanewright-{name}")).collect();
    let args: Vec<&str> = packages.iter().map(String::as_str).chain(["--locked"]).collect();
    let built = match build::build(&root.join("Cargo.toml"), &out.join("wasm"), &args) {
        Ok(built) => built,
        Err(error) => {
            println!("cargo::error=the standard plugins could not be built: {error}");
            return;
        }
    };
    for name in STANDARD {
        let wanted = format!("lanewright_{name}");
        let Some(plugin) = built.iter().find(|plugin| plugin.name == wanted) else {
            println!("cargo::error=the build of the standard plugins made no {wanted}.wasm");
            return;
        };
        std::fs::write(out.join(format!("{name}.wasm")), &plugin.component).expect("OUT_DIR can be written");
    }
}
