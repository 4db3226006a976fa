//! Raw values in, a checked configuration or every problem out.
use std::path::Path;
use super::{Config, Problems};
/// Reads and checks a tenant's folder.
pub fn load(_folder: &Path) -> Result<Config, Problems> { Err(Problems(vec![])) }
