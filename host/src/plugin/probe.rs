//! Where a guest is when so much fuel is used: for profiles.
//!
//! Calls are deterministic, so the same call under less fuel is the same call, broken off earlier; the engine
//! then tells its stack. A call asked again and again with a step more of fuel each time is sampled exactly, and
//! the guest needs no part in it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use wasmtime::WasmBacktrace;

use crate::digest::Digest;

/// Breaks the calls of one plugin off.
#[derive(Debug)]
pub struct Probe {
    plugin: Digest,
    fuel: AtomicU64,
    /// What instances used before their first call.
    started: AtomicU64,
    stack: Mutex<Option<Vec<String>>>,
}

impl Probe {
    pub(super) fn new(plugin: Digest) -> Self {
        Self { plugin, fuel: AtomicU64::new(u64::MAX), started: AtomicU64::new(0), stack: Mutex::default() }
    }

    /// From now on a call has so much fuel, or what its plan gives where that is less.
    pub fn allow(&self, fuel: u64) {
        self.fuel.store(fuel, Relaxed);
    }

    /// The functions the last call was in when its fuel had gone, outermost first; nothing where it had enough.
    pub fn take(&self) -> Option<Vec<String>> {
        self.stack.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Fuel of the last instantiation, which is not a part of what is allowed.
    pub fn started(&self) -> u64 {
        self.started.load(Relaxed)
    }

    /// An instance stands: what its calls may use of what the plan gives.
    pub(super) fn allowed(&self, plugin: Digest, plan: u64, used: u64) -> Option<u64> {
        if plugin != self.plugin {
            return None;
        }
        self.started.store(used, Relaxed);
        Some(self.fuel.load(Relaxed).min(plan))
    }

    pub(super) fn stopped(&self, error: &wasmtime::Error) {
        let frames = error.downcast_ref::<WasmBacktrace>().map_or(&[][..], WasmBacktrace::frames);
        let name = |frame: &wasmtime::FrameInfo| match frame.func_name() {
            Some(name) => format!("{:#}", rustc_demangle::demangle(name)),
            None => format!("function {}", frame.func_index()),
        };
        let stack = frames.iter().rev().map(name).collect();
        *self.stack.lock().unwrap_or_else(PoisonError::into_inner) = Some(stack);
    }
}
