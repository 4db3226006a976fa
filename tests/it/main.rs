//! Acceptance tests: the real program, real components, real folders.
//!
//! One binary, so that everything is linked once. `harness` holds the verbs; each other module is one
//! promise and the cases that prove it.

mod authors;
mod enrich;
mod fuzz;
mod guests;
mod harness;
mod hostile;
mod program;
mod properties;
mod registry;
mod scenarios;
mod service;
mod tutorials;
mod versions;
