//! The tenant's rules as data.

mod condition;

pub use condition::{Around, Condition, ConditionError, ConditionProblem, Facts, Reads, RepFacts, Words};
