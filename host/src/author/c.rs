//! What a plugin in C is built from besides its author's sources: bindings made from its `wit/`, and how clang
//! and lld put both into one module. With no `main` and no standard streams wasi-libc asks for no WASI.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wit_bindgen_core::Files;
use wit_parser::Resolve;

/// What clang is told besides the project's own `compile_flags.txt`. Names of functions stay, for traps and
/// profiles. The stack lies first, so that one which overflows traps before it writes over anything, and is as
/// small as that of other plugins: it is cleared after each call.
const LINK: [&str; 3] = [
    "-nostartfiles",
    "-Wl,--no-entry,--strip-debug,--stack-first,-z,stack-size=65536",
    // `printf` and `strtod` of the plain library write to standard error that they lack long doubles.
    "-lc-printscan-long-double",
];

/// What brings clang, its linker, the C library and what the compiler calls.
pub(super) const INSTALL: &str = "sudo apt-get install clang lld wasi-libc libclang-rt-dev-wasm32    \
     (or the tools of https://github.com/WebAssembly/wasi-sdk, first on the path)";

/// A header, a source and an object for the world of a folder of interfaces, by name.
pub(super) fn bindings(wit: &Path) -> Result<Vec<(String, Vec<u8>)>, String> {
    let generate = || {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(wit)?;
        let world = resolve.select_world(&[package], None)?;
        let mut files = Files::default();
        wit_bindgen_c::Opts::default().build().generate(&mut resolve, world, &mut files)?;
        Ok(files.iter().map(|(name, content)| (name.to_owned(), content.to_owned())).collect())
    };
    generate().map_err(|error: anyhow::Error| format!("{error:#}"))
}

/// The author's sources, by name.
pub(super) fn sources(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in folder.read_dir()? {
        let name = PathBuf::from(entry?.file_name());
        if name.extension().is_some_and(|extension| extension == "c") {
            found.push(name);
        }
    }
    found.sort();
    Ok(found)
}

/// clang for sources and objects below a folder, whose paths are below it as well.
pub(super) fn clang(folder: &Path, inputs: &[PathBuf], output: &str) -> Command {
    let mut clang = Command::new("clang");
    clang.current_dir(folder).arg("@compile_flags.txt").args(inputs).args(LINK).args(["-o", output]);
    clang
}

/// Whether clang has all its parts: it makes a module of nothing.
pub(super) fn complete() -> bool {
    let mut clang = Command::new("clang");
    clang.args(["--target=wasm32-wasi", "-include", "stdlib.h", "-x", "c", "-", "-x", "none"]);
    clang.args(LINK).args(["-o", "-"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    clang.status().is_ok_and(|status| status.success())
}
