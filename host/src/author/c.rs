//! What a plugin in C is built from besides its author's sources: bindings made from its `wit/`, and how clang
//! and lld put both into one module. Without files, clock and standard streams wasi-libc asks for no WASI.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wit_bindgen_core::Files;
use wit_parser::Resolve;

/// What clang is told besides the project's own `compile_flags.txt`. A reactor has no `main`: it is set up once and
/// then called. Names of functions stay, for traps and profiles. The stack lies first, so that one which overflows
/// traps before it writes over anything, and is as small as that of other plugins: it is cleared after each call.
const LINK: [&str; 3] = [
    "-mexec-model=reactor",
    "-Wl,--strip-debug,--stack-first,-z,stack-size=65536",
    // `snprintf` and `strtod` of the plain library write to standard error that they lack long doubles.
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use serde_json::Value as Json;

    use super::*;
    use crate::author::template::{Language, ProjectName, files};

    /// Prints what it reads.
    const ECHO: &str = r#"
#include <stdio.h>
#include <string.h>
#include "json.h"

static void text(lane_plugin_string_t t) {
  putchar('"');
  for (size_t i = 0; i < t.len; i++) printf(t.ptr[i] < 32 || strchr("\"\\", t.ptr[i]) ? "\\u%04x" : "%c", t.ptr[i]);
  putchar('"');
}

static void show(const json *value) {
  static const char *OPEN[] = {[JSON_LIST] = "[", [JSON_OBJECT] = "{"}, *CLOSE[] = {[JSON_LIST] = "]", [JSON_OBJECT] = "}"};
  switch (value->kind) {
    case JSON_NULL: printf("null"); break;
    case JSON_FLAG: printf(value->number ? "true" : "false"); break;
    case JSON_NUMBER: printf("%.17g", value->number); break;
    case JSON_TEXT: text(value->text); break;
    default: printf("%s", OPEN[value->kind]);
      for (const json *item = value->first; item; item = item->next) {
        if (value->kind == JSON_OBJECT) { text(item->name); putchar(':'); }
        show(item);
        if (item->next) putchar(',');
      }
      printf("%s", CLOSE[value->kind]);
  }
}

int main(void) {
  static uint8_t given[65536];
  show(json_read((lane_plugin_string_t){given, fread(given, 1, sizeof given, stdin)}));
}
"#;

    /// What the template reads with, and the bindings it is written against, on this machine.
    #[test]
    fn the_templates_reader_reads_json() {
        let name = ProjectName::new("lane-words").expect("a name");
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in files(Language::C, &name) {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        for (name, content) in bindings(&folder.path().join("wit")).expect("bindings") {
            std::fs::write(folder.path().join(name), content).expect("written");
        }
        std::fs::write(folder.path().join("echo.c"), ECHO).expect("written");
        let mut cc = Command::new("cc");
        cc.current_dir(folder.path()).args(["-Wall", "-Werror", "echo.c", "json.c", "-o", "echo"]);
        assert!(cc.status().expect("a C compiler").success());

        let read = |text: &str| {
            let mut echo = Command::new(folder.path().join("echo"));
            let mut child = echo.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
            child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("written");
            child.wait_with_output().expect("it ends")
        };
        let check = |text: &str| {
            let expect: Json = serde_json::from_str(text).expect("JSON");
            let out = read(text);
            let found = serde_json::from_slice::<Json>(&out.stdout).ok();
            assert_eq!(found, Some(expect), "{text}");
        };
        check("null");
        check(" { \"a\" : [ true , false , null ] ,\n\t\"b\" : { } , \"\" : [ ] } ");
        check(r#""\" \\ \/ \b \f \n \r \t \u0001 \u00e9 \u20ac \ud83d\ude00""#);
        check("\"Grüße, 한국, 😀\"");
        check("-12.5e-3");
        check("[0, 12, 1e300]");
        check(&format!("{}1.5{}", "[".repeat(100), "]".repeat(100)));

        for broken in ["", "{", "[1", "\"a", "\"\\", "{\"a\"}", "tru", "[1 2]"] {
            assert!(!read(broken).status.success(), "{broken}");
        }
    }
}
