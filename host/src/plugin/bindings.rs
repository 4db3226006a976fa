//! The newest interface's types as the engine's bindings: those the host itself speaks to plugins in.

#![allow(missing_docs, unreachable_pub, reason = "generated from wit/, where everything is documented")]
#![allow(clippy::allow_attributes_without_reason, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../wit/0.2",
    world: "lanewright:plugin/suite",
    additional_derives: [PartialEq],
});

pub use exports::lanewright::plugin::{classifier, enricher, fallback, scorer, setup};
pub use lanewright::plugin::{directory, log, types};
