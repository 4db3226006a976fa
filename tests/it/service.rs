//! The service: real hosts over a real database, asked over real sockets; only the time is the test's own.

mod booking;
mod configurations;
mod crash;
mod harness;
mod leads;
mod load;
mod outage;
mod program;
mod reprocess;
mod roles;
mod simulate;
mod slow;
mod time;
