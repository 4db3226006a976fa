//! Lanewright routes inbound sales leads for many tenants; each tenant's logic runs as a sandboxed
//! WebAssembly component.

pub mod config;
pub mod decision;
pub mod digest;
pub mod lead;
mod nearest;
pub mod pipeline;
pub mod plugin;
pub mod rules;
