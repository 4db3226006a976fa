//! The service: real hosts over a real database, asked over real sockets; only the time is the test's own.

mod arms;
pub(crate) mod booking;
mod configurations;
mod crash;
mod experiments;
pub(crate) mod harness;
mod leads;
mod learning;
mod load;
mod outage;
pub(crate) mod plugins;
pub(crate) mod program;
mod publishing;
mod report;
mod reprocess;
mod roles;
mod segments;
mod sigstore;
mod simulate;
mod slow;
mod time;
mod trust;
