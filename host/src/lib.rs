//! Lanewright routes inbound sales leads for many tenants; each tenant's logic runs as a sandboxed
//! WebAssembly component.

pub mod cli;
pub mod config;
pub mod counters;
pub mod decision;
pub mod digest;
pub mod failure;
pub mod fetch;
pub mod lead;
mod nearest;
pub mod pipeline;
pub mod plugin;
pub mod replay;
pub mod report;
pub mod rotation;
pub mod rules;
pub mod seed;
pub mod tenant;
pub mod text;
pub mod zones;
