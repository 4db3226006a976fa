//! Patterns of `matches`, compiled with the condition.
//!
//! CEL's own `matches` compiles its pattern at every call. A pattern written as a literal therefore
//! becomes a name of the condition's scope, and `matches` an overload that takes what it names.

use std::any::Any;

use cel::common::types::{CelBool, CelString, Type};
use cel::common::value::{StaticVal, Val};
use cel::{DeclarationError, Env};
use regex::Regex;

static PATTERN: Type = Type::new_unspecified_type("pattern");

/// A compiled pattern as a value of the language.
#[derive(Debug, Clone)]
pub(super) struct Pattern(pub(super) Regex);

/// The name a pattern has in the scope; no expression can spell it.
pub(super) fn pattern_name(number: usize) -> String {
    format!("@pattern{number}")
}

/// The number of a pattern's name.
pub(super) fn pattern_number(name: &str) -> Option<usize> {
    name.strip_prefix("@pattern")?.parse().ok()
}

/// Declares `text.matches(pattern)` and `matches(text, pattern)`.
pub(super) fn declare(env: &mut Env) -> Result<(), DeclarationError> {
    cel::add_member_overload!(env, fn matches: (CelString, Pattern) -> CelBool)?;
    cel::add_overload!(env, fn matches: (CelString, Pattern) -> CelBool)
}

fn matches(text: &CelString<'_>, pattern: &Pattern) -> CelBool {
    CelBool::from(pattern.0.is_match(text.inner()))
}

impl Val for Pattern {
    fn get_type(&self) -> &Type {
        <Self as Val>::cel_type()
    }

    fn cel_type() -> &'static Type {
        &PATTERN
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Pattern {}
