//! What a tenant's plan allows one plugin call, and what a component may be.

use serde::{Deserialize, Serialize};

use super::engine::Class;

/// Limits of a tenant's plan. Every number is an upper end: reaching it is a
/// [`Failure::Limit`](crate::failure::Failure::Limit) that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Units of fuel for instantiation, and anew for each exported call; about one a WebAssembly
    /// instruction, one a byte copied in bulk.
    pub fuel: u64,
    /// Milliseconds for the same; a backstop, fuel ends a call far earlier.
    pub wall_ms: u64,
    /// Bytes of linear memory, all memories of an instance together.
    pub memory_bytes: usize,
    /// Elements of all tables together.
    pub table_elements: usize,
    /// Bytes that may cross from the guest in one host call or answer.
    pub crossing_bytes: usize,
    /// Bytes of one text in an answer.
    pub text_bytes: usize,
    /// Signals in a verdict.
    pub signals: usize,
    /// Factors of a scorer.
    pub factors: usize,
    /// Requests of an enricher, and fields it may add.
    pub requests: usize,
    /// Lines kept of what a call writes.
    pub log_lines: usize,
    /// Bytes kept of one line.
    pub log_line_bytes: usize,
    /// Calls into the host a call.
    pub host_calls: u32,
    /// Bytes of a component.
    pub component_bytes: usize,
    /// Bytes of machine code, a byte of component.
    pub artifact_ratio: usize,
    /// Bytes that `prepare` may make.
    pub prepared_bytes: usize,
    /// Fuel of `setup`'s functions, which run when settings change and never for a lead.
    pub setup_fuel: u64,
    /// Milliseconds of the same.
    pub setup_wall_ms: u64,
    /// Plugins of one tenant.
    pub plugins: usize,
}

impl Plan {
    /// For guests such as Rust and C make.
    pub const DEFAULT: Self = Self {
        fuel: 50_000_000,
        wall_ms: 500,
        memory_bytes: 16 << 20,
        table_elements: 20_000,
        crossing_bytes: 1 << 20,
        text_bytes: 8 << 10,
        signals: 64,
        factors: 32,
        requests: 16,
        log_lines: 64,
        log_line_bytes: 1 << 10,
        host_calls: 256,
        component_bytes: 1 << 20,
        artifact_ratio: 16,
        prepared_bytes: 512 << 10,
        setup_fuel: 20_000_000_000,
        setup_wall_ms: 60_000,
        plugins: 16,
    };

    /// What holds of this plan for a component: more where its size shows that it brings a runtime.
    pub fn for_component(self, component: &[u8]) -> Self {
        Class::of(component, &self).plan(self)
    }

    /// The same plan for a guest that brings the runtime of its language, such as JavaScript and Python. What
    /// such guests need more of is measured from `lanewright plugin new`; what they may answer is the same.
    pub(super) fn large(self) -> Self {
        Self {
            fuel: self.fuel.saturating_mul(10),
            wall_ms: self.wall_ms.saturating_mul(4),
            memory_bytes: self.memory_bytes.saturating_mul(4),
            component_bytes: self.component_bytes.saturating_mul(40),
            artifact_ratio: self.artifact_ratio / 2,
            ..self
        }
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Bytes of a lead's text that plugins see, cut at a character.
pub const VISIBLE_TEXT: usize = 64 << 10;
