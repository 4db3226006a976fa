//! Lanewright routes inbound sales leads for many tenants; each tenant's logic runs as a sandboxed
//! WebAssembly component.
//!
//! # Bird's-eye view
//!
//! ```text
//! folder     ─ config ─▶ Config  ─┐
//!                                 ├─ tenant ─▶ Tenant ─┐
//! components ─ plugin ─▶ Release ─┘                    │
//!                                                      ▼
//! lead, as JSON ──────────────────────────────────▶ pipeline ─▶ Decision ─▶ report, replay
//!
//! request ─ http ─▶ line (one a tenant) ─▶ desk ─▶ pipeline
//!                     └─ commit ─▶ store ─▶ effects, timers
//! ```
//!
//! A [`tenant::Tenant`] is one tenant ready to serve: its checked folder, its plugins set up, its people.
//! [`pipeline::route`] takes a lead through it, and answers with a [`decision::Decision`] that explains
//! itself and can be run again ([`replay::replay`]). [`app::App`] is the service: the same for many tenants, over HTTP,
//! durable.
//!
//! # Code map
//!
//! Lowest first; a module names only those of its own line and of the lines before it.
//!
//! - [`lead`], [`digest`], [`zones`]: the field's words as plain values. They import nothing of ours.
//! - [`hours`]: when somebody works: hours, shifts, holidays, leave, calendars; deadlines in working time.
//! - [`failure`]: why a plugin gave no answer that counts. [`seed`], [`rotation`], [`pacing`]: what ties are
//!   drawn from, whose turn it is, and what a rep's remaining capacity costs.
//! - [`assignment`]: who gets which lead when a batch is decided at once, exactly.
//! - [`records`]: what the CRM has already, and the ways to find it.
//! - [`rules`]: conditions that tenants write, checked when read, answered with why.
//! - [`events`]: what happens after a decision, as a stream tells it.
//! - [`trust`]: what publishers say of plugins, and whose word counts.
//! - [`decision`]: what was decided and everything it was decided from; the JSON that is printed.
//! - [`config`]: the tenant's folder, read raw, then checked; every problem at once. [`text`]: the
//!   embedded text model.
//! - [`learning`]: leads as deals that are learned from. [`experiments`]: what is tried on a share of the accounts, and whether it
//!   is better.
//! - [`settings`]: how the service itself runs: a file, variables, flags. [`telemetry`]: its logs, metrics
//!   and traces.
//! - [`plugin`]: the sandbox. Bytes to component to release to instance to checked answer or typed failure.
//! - [`fetch`]: what enrichers may ask of the outside.
//! - [`pipeline`]: the route on one screen, its pure stages below it; [`roster`], [`counters`]: how reps are found, and what is counted about
//!   reps; [`tenant`]: whom it all is for.
//! - [`booking`]: free times of reps, and meetings that are booked.
//! - [`desk`]: everything that is open in one run: events in, further decisions out; whole batches.
//! - [`author`]: projects of plugin authors: templates, builds, cases, profiles.
//! - [`coverage`]: which leads nobody could be found for. [`report`]: decisions, and what deals tell, for a person; [`replay`]: decisions run again.
//! - [`insight`]: what deals tell people.
//! - [`store`]: the database. [`clock`]: the time.
//! - [`access`]: who somebody is and what they may do; secrets at rest. [`versions`]: a tenant's configuration from draft
//!   to publication. [`effects`]: what is done outside. [`oci`]: plugins from registries and bundle files.
//! - [`line`]: one tenant at work: groups decided, committed, answered. [`timers`]: what happens because time has passed.
//! - [`http`]: routes and wire shapes. [`app`]: all of it together.
//! - [`cli`]: arguments, files, exit codes.
//!
//! # Invariants
//!
//! - Only [`plugin`] names the engine, only [`fetch`] reaches what customers name, only [`store`] opens a transaction, only
//!   [`http`] names the web framework, only [`cli`] knows arguments.
//! - What is answered is durable: nothing acknowledged is lost, doubled or half done.
//! - The stages are functions from values to values: time, seed and counters arrive as arguments.
//! - A plugin's failure never loses a lead, and no answer counts before it is checked.
//! - Nothing of an instance outlives its decision.
//! - The same recorded inputs make the same decision to the bit.
//!
//! `cargo xtask ci` holds the first two (`xtask/src/layers.rs`); tests hold the rest.

pub mod access;
pub mod app;
pub mod assignment;
pub mod author;
pub mod booking;
pub mod cli;
pub mod clock;
pub mod config;
pub mod counters;
pub mod coverage;
pub mod decision;
pub mod desk;
pub mod digest;
pub mod effects;
pub mod events;
pub mod experiments;
pub mod failure;
pub mod fetch;
pub mod health;
pub mod hours;
pub mod http;
pub mod insight;
pub mod lead;
pub mod learning;
pub mod line;
mod nearest;
pub mod oci;
pub mod pacing;
pub mod pipeline;
pub mod plugin;
pub mod records;
pub mod releases;
pub mod replay;
pub mod report;
pub mod roster;
pub mod rotation;
pub mod rules;
pub mod seed;
pub mod settings;
pub mod simulate;
pub mod store;
pub mod telemetry;
pub mod tenant;
pub mod text;
pub mod threads;
pub mod timers;
pub mod trust;
pub mod versions;
pub mod zones;
