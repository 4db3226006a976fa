//! Conditions as data: CEL expressions of the tenant over `lead` and `verdict`.
/// A compiled condition.
#[derive(Debug)]
pub struct Condition {}
