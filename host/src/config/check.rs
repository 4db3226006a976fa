//! Raw values in, a checked configuration or every problem out.
use super::{Config, Problems};
use std::path::Path;
/// Reads and checks a tenant's folder.
pub fn load(_folder: &Path) -> Result<Config, Problems> {
    Err(Problems(vec![]))
}
