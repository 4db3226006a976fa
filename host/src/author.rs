//! What authors of plugins need beside the host: a first project, a component of it, and what it does under
//! their cases.
//!
//! ```text
//! name, language ─ template ─▶ folder ─ project ─▶ component ┐
//! cases/*.json ── cases ──▶ Case ───────────────────────────┴─ trial ─▶ answers, fuel, memory, time ─ flame ─▶ SVG
//!                             └──── play ─▶ passed, or what differs
//! ```
//!
//! `lanewright plugin` is the way to it, and a service plays the cases of what is published. Nothing here takes part
//! when leads are routed.

mod c;
pub mod cases;
pub mod flame;
pub mod play;
pub mod project;
pub mod template;
pub mod trial;
