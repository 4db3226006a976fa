//! Conditions as data: CEL expressions of the tenant over a lead, what is known of it, and a rep.
//!
//! An expression is compiled once, when the folder is read: names, fields, patterns, types and the
//! tenant's own words are checked then (`condition/check.rs`), so that a typing error is found before a
//! lead meets it. Evaluating borrows the lead (`condition/facts.rs`) and copies nothing.
//!
//! A fact that is absent is `null`. A condition that would have to compare it with a number or match
//! it against a pattern cannot be answered: [`Condition::holds`] then says why, the caller counts it
//! as not holding, and the trace keeps the reason. `||` and `&&` need only the side that decides.

use std::sync::{Arc, LazyLock};

use cel::common::ast::{Expr, IdedExpr, LiteralValue};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, Env, ExecutionError, Value};
use serde::{Serialize, Serializer};
use thiserror::Error;

mod check;
mod facts;
mod pattern;
pub(super) mod shape;
mod words;

use check::in_words;
pub(super) use check::path;
pub use facts::{Around, Facts, RepFacts};
use pattern::{Pattern, pattern_number};
pub use words::Words;

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

/// Which variables a condition may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// `lead` and `verdict`.
    Lead,
    /// `segment`, `tier`, `account` and `complexity` as well.
    Rule,
    /// A `rep` as well.
    Rep,
}

impl Condition {
    /// Checks and compiles an expression over `lead` and `verdict`.
    pub fn compile(source: &str) -> Result<Self, ConditionError> {
        Self::compile_over(source, Reads::Lead, &Words::default())
    }

    /// Checks and compiles an expression over these variables, in which these words are known.
    pub fn compile_over(source: &str, reads: Reads, words: &Words) -> Result<Self, ConditionError> {
        let checked = check::check(source, reads, words).map_err(|mut problems| {
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
        for sample in facts::samples(words) {
            if let Err(Unanswered::NotBoolean(found)) = condition.evaluate(&sample.facts(), Some(&sample.rep))
            {
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
        self.answer(facts, None)
    }

    /// Whether it holds for this rep and the lead.
    pub fn holds_for(&self, facts: &Facts<'_>, rep: &RepFacts) -> Result<bool, String> {
        self.answer(facts, Some(rep))
    }

    /// What has to hold of the rep whatever the lead is: the parts of an `&&` that read nothing but `rep`, for
    /// this rep. Nothing where there is no such part.
    pub(super) fn holds_of(&self, facts: &Facts<'_>, rep: &RepFacts) -> Option<bool> {
        let mut parts = Vec::new();
        conjuncts(&self.expression, &mut parts);
        parts.retain(|part| reads_rep_alone(part));
        let scope = Scope { facts, rep: Some(rep), patterns: &self.patterns };
        let holds = |part: &&IdedExpr| matches!(evaluate(part, &scope), Ok(Value::Bool(true)));
        (!parts.is_empty()).then(|| parts.iter().all(holds))
    }

    /// A text that has to stand in the text at a path for this to hold: `lead.text.contains('urgent')` beside
    /// whatever else. Where there is a text and it is not in it, the condition is false.
    pub(super) fn needed_part(&self) -> Option<(String, String)> {
        let mut parts = Vec::new();
        conjuncts(&self.expression, &mut parts);
        parts.into_iter().find_map(|part| {
            let Expr::Call(call) = &part.expr else { return None };
            let (Some(target), [argument]) = (&call.target, &call.args[..]) else { return None };
            let Expr::Literal(LiteralValue::String(text)) = &argument.expr else { return None };
            (call.func_name == "contains").then(|| Some((path(target)?, text.inner().to_owned())))?
        })
    }

    /// The paths it reads, such as `lead.company.country`, each once.
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        self.reads.iter().map(|(path, _)| path.as_str())
    }

    /// What it was compiled to, for those who look into it.
    pub(super) fn expression(&self) -> &IdedExpr {
        &self.expression
    }

    /// The regular expression behind a name that `matches` was given.
    pub(super) fn pattern(&self, name: &str) -> Option<&str> {
        Some(self.patterns.get(pattern_number(name)?)?.0.as_str())
    }

    fn answer(&self, facts: &Facts<'_>, rep: Option<&RepFacts>) -> Result<bool, String> {
        self.evaluate(facts, rep).map_err(|unanswered| match unanswered {
            Unanswered::NotBoolean(found) => format!("it gives {found}, not true or false"),
            Unanswered::Failed(error) => self.explain(&error, facts, rep),
        })
    }

    fn evaluate(&self, facts: &Facts<'_>, rep: Option<&RepFacts>) -> Result<bool, Unanswered> {
        let scope = Scope { facts, rep, patterns: &self.patterns };
        match evaluate(&self.expression, &scope) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(Unanswered::NotBoolean(in_words(&other.type_of().to_string()).to_owned())),
            Err(error) => Err(Unanswered::Failed(error)),
        }
    }

    /// Names the absent facts, which is nearly always the reason.
    fn explain(&self, error: &ExecutionError, facts: &Facts<'_>, rep: Option<&RepFacts>) -> String {
        let scope = Scope { facts, rep, patterns: &self.patterns };
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

/// A condition is what the tenant wrote.
impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
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
    rep: Option<&'a RepFacts>,
    patterns: &'a [Pattern],
}

impl VariableResolver for Scope<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        if let Some(value) = self.facts.get(variable) {
            return Some(CowVal::Borrowed(value));
        }
        let value: &dyn Val = match variable {
            "rep" => self.rep?.value(),
            other => self.patterns.get(pattern_number(other)?)?,
        };
        Some(CowVal::Borrowed(value))
    }
}

/// What a path that was compiled gives; nothing where it leads nowhere.
pub(super) fn value_at(path: &IdedExpr, facts: &Facts<'_>) -> Option<Value> {
    evaluate(path, &Scope { facts, rep: None, patterns: &[] }).ok()
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

/// The sides of every `&&` that is not inside something else.
fn conjuncts<'a>(expression: &'a IdedExpr, parts: &mut Vec<&'a IdedExpr>) {
    match &expression.expr {
        Expr::Call(call) if call.func_name == "_&&_" => {
            call.args.iter().for_each(|side| conjuncts(side, parts));
        }
        _ => parts.push(expression),
    }
}

/// Whether an expression reads `rep` and nothing else that differs from lead to lead.
fn reads_rep_alone(expression: &IdedExpr) -> bool {
    fn constant_but_for_rep(expression: &IdedExpr, reads: &mut bool) -> bool {
        match &expression.expr {
            Expr::Literal(_) => true,
            Expr::Ident(name) => {
                *reads |= name == "rep";
                name == "rep" || pattern_number(name).is_some()
            }
            Expr::Select(select) => constant_but_for_rep(&select.operand, reads),
            Expr::Call(call) => call
                .target
                .as_deref()
                .into_iter()
                .chain(&call.args)
                .all(|part| constant_but_for_rep(part, reads)),
            Expr::List(list) => list.elements.iter().all(|part| constant_but_for_rep(part, reads)),
            _ => false,
        }
    }
    let mut reads = false;
    constant_but_for_rep(expression, &mut reads) && reads
}

#[cfg(test)]
mod tests;
