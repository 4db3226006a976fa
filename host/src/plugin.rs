//! The sandbox: plugins as components, called under limits, believed only after checks.

mod failure;

pub use failure::{Blame, Failure, Limit, LogLevel, LogLine, clean};
