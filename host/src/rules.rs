//! Conditions as data: CEL expressions of the tenant over `lead` and `verdict`.
//!
//! An expression is compiled once, when the folder is read: names, fields, patterns and types are
//! checked then (`rules/check.rs`), so that a typing error is found before a lead meets it. Evaluating
//! borrows the lead (`rules/facts.rs`) and copies nothing.
//!
//! A fact that is absent is `null`. A condition that would have to compare it with a number or match
//! it against a pattern cannot be answered: [`Condition::holds`] then says why, the caller counts it
//! as not holding, and the trace keeps the reason. `||` and `&&` need only the side that decides.

use std::sync::{Arc, LazyLock};

use cel::common::ast::IdedExpr;
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, Env, ExecutionError, Value};
use thiserror::Error;

mod check;
mod facts;
mod pattern;
mod shape;

use check::in_words;
pub use facts::Facts;
use pattern::{Pattern, pattern_number};

/// A compiled condition. Its text is part of the configuration's digest.
#[derive(Debug)]
pub struct Condition {
    source: String,
    expression: IdedExpr,
    patterns: Vec<Pattern>,
    /// The facts it reads, to say which of them was absent.
    reads: Vec<(String, IdedExpr)>,
}

/// Why an expression cannot be a condition.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{} problem(s) in the expression", .problems.len())]
pub struct ConditionError {
    /// In the order of the expression, at least one.
    pub problems: Vec<ConditionProblem>,
}

/// One thing that is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConditionProblem {
    /// Line within the expression, from 1.
    pub line: usize,
    /// Character within the line, from 1.
    pub column: usize,
    /// What is wrong, a lowercase fragment.
    pub message: String,
    /// How to mend it.
    pub hint: Option<String>,
}

impl Condition {
    /// Checks and compiles an expression.
    pub fn compile(source: &str) -> Result<Self, ConditionError> {
        let checked = check::check(source).map_err(|mut problems| {
            problems.sort();
            problems.dedup();
            ConditionError { problems }
        })?;
        let condition = Self {
            source: source.to_owned(),
            expression: checked.expression,
            patterns: checked.patterns,
            reads: checked.reads,
        };
        // Shapes find most mistakes; what the expression as a whole gives is seen by asking it.
        for sample in facts::samples() {
            if let Err(Unanswered::NotBoolean(found)) = condition.evaluate(&sample.facts()) {
                let message = format!("it gives {found}, and a condition gives true or false");
                let hint = Some("compare it with something, such as `verdict.intent >= 60`".to_owned());
                return Err(ConditionError {
                    problems: vec![ConditionProblem { line: 1, column: 1, message, hint }],
                });
            }
        }
        Ok(condition)
    }

    /// The expression as the tenant wrote it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it holds. Where that cannot be answered, the reason: it then counts as not holding.
    pub fn holds(&self, facts: &Facts<'_>) -> Result<bool, String> {
        self.evaluate(facts).map_err(|unanswered| match unanswered {
            Unanswered::NotBoolean(found) => format!("it gives {found}, not true or false"),
            Unanswered::Failed(error) => self.explain(&error, facts),
        })
    }

    fn evaluate(&self, facts: &Facts<'_>) -> Result<bool, Unanswered> {
        let scope = Scope { facts, patterns: &self.patterns };
        match evaluate(&self.expression, &scope) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(Unanswered::NotBoolean(in_words(&other.type_of().to_string()).to_owned())),
            Err(error) => Err(Unanswered::Failed(error)),
        }
    }

    /// Names the absent facts, which is nearly always the reason.
    fn explain(&self, error: &ExecutionError, facts: &Facts<'_>) -> String {
        let scope = Scope { facts, patterns: &self.patterns };
        let absent: Vec<&str> = self
            .reads
            .iter()
            .filter(|(_, read)| {
                matches!(evaluate(read, &scope), Ok(Value::Null) | Err(ExecutionError::NoSuchKey(_)))
            })
            .map(|(path, _)| path.as_str())
            .collect();
        match absent.as_slice() {
            [] => check::message(error),
            [one] => format!("{one} is absent"),
            several => format!("{} are absent", several.join(", ")),
        }
    }
}

/// Why there is no yes or no.
enum Unanswered {
    /// It gave something else.
    NotBoolean(String),
    /// It gave nothing.
    Failed(ExecutionError),
}

/// What the names of an expression stand for.
struct Scope<'a> {
    facts: &'a Facts<'a>,
    patterns: &'a [Pattern],
}

impl VariableResolver for Scope<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let value: &dyn Val = match variable {
            "lead" => self.facts.lead(),
            "verdict" => self.facts.verdict(),
            other => self.patterns.get(pattern_number(other)?)?,
        };
        Some(CowVal::Borrowed(value))
    }
}

fn evaluate(expression: &IdedExpr, scope: &Scope<'_>) -> Result<Value, ExecutionError> {
    let mut context = Context::with_env(Arc::clone(&ENV));
    context.set_variable_resolver(scope);
    Value::resolve(expression, &context)
}

/// The language: CEL's standard library, its functions on texts, and patterns compiled beforehand.
static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib().with_optional_support(false);
    // Each name is declared once, here; the tests evaluate one function of either.
    let declared = env.add_extension(cel::extensions::strings).and_then(|()| pattern::declare(&mut env));
    debug_assert!(declared.is_ok(), "{declared:?}");
    Arc::new(env)
});

#[cfg(test)]
mod tests;
