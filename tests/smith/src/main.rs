//! Draws core modules for the fuzzer (`tests/it/fuzz/plugin.rs`), in a process of its own: what changes modules may
//! itself break off.
//!
//! ```text
//! lanewright-smith SHAPE [GOOD...]
//! ```
//!
//! `SHAPE` is a module that has the imports a drawn one may use and the exports it must have; each `GOOD` is a module
//! to be changed. Requests come on standard input, each a length of four bytes (little-endian) and so many bytes; each
//! is answered on standard output with a module in the same form, empty where the bytes lead to none. The same bytes
//! lead to the same module.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Read as _, Write as _};
use std::panic::catch_unwind;

use wasm_mutate::WasmMutate;
use wasm_smith::{Config, Module};

fn main() -> io::Result<()> {
    let files = std::env::args_os().skip(1).map(std::fs::read).collect::<io::Result<Vec<_>>>()?;
    let Some((shape, good)) = files.split_first() else { return Err(io::Error::other("no shape")) };
    // Whoever draws is told by an empty answer.
    std::panic::set_hook(Box::new(|_| {}));
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    loop {
        let mut length = [0; 4];
        match input.read_exact(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            read => read?,
        }
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        input.read_exact(&mut bytes)?;
        let module = catch_unwind(|| made(shape, good, &bytes)).ok().flatten().unwrap_or_default();
        output.write_all(&u32::try_from(module.len()).unwrap_or_default().to_le_bytes())?;
        output.write_all(&module)?;
        output.flush()?;
    }
}

/// The first byte says how: an even one draws, an odd one changes the good module that the second byte names.
fn made(shape: &[u8], good: &[Vec<u8>], bytes: &[u8]) -> Option<Vec<u8>> {
    match bytes {
        [way, rest @ ..] if way % 2 == 0 || good.is_empty() => drawn(shape, rest),
        [way, which, rest @ ..] => changed(&good[usize::from(*which) % good.len()], 1 + way / 2 % 16, rest),
        _ => None,
    }
}

fn drawn(shape: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    let config = Config {
        available_imports: Some(shape.to_vec()),
        exports: Some(shape.to_vec()),
        // What the host's engine has, and sometimes a table or memory more than it gives.
        custom_page_sizes_enabled: false,
        exceptions_enabled: false,
        gc_enabled: false,
        max_memory32_bytes: 32 << 20,
        max_instructions: 400,
        max_table_elements: 30_000,
        max_tables: 3,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        shared_everything_threads_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        ..Config::default()
    };
    let mut bytes = arbitrary::Unstructured::new(bytes);
    Module::new(config, &mut bytes).ok().map(|module| module.to_bytes())
}

/// So many changes one after the other; one that cannot be made is left out.
fn changed(good: &[u8], times: u8, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut module = good.to_vec();
    for time in 0..times {
        let mut seed = DefaultHasher::new();
        (time, bytes).hash(&mut seed);
        let mut mutate = WasmMutate::default();
        mutate.seed(seed.finish()).preserve_semantics(false).fuel(1_000);
        let next = mutate.run(&module).ok().and_then(|mut all| all.find_map(Result::ok));
        module = next.unwrap_or(module);
    }
    Some(module)
}
