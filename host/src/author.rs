//! What authors of plugins need beside the host: a first project, a component of it, and what it does under
//! their cases.
//!
//! ```text
//! name, language ─ template ─▶ folder ─ project ─▶ component ┐
//! cases/*.json ── cases ──▶ Case ───────────────────────────┴─ trial ─▶ answers, fuel, memory, time ─ flame ─▶ SVG
//! ```
//!
//! `lanewright plugin` is the way to it. Nothing here takes part when leads are routed.

mod c;
pub mod cases;
pub mod flame;
pub mod project;
pub mod template;
pub mod trial;
