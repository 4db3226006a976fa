//! The service: real hosts over a real database, asked over real sockets; only the time is the test's own.

mod configurations;
mod harness;
mod leads;
mod roles;
mod time;
