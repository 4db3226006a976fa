//! What is wrong with an expression, before there is a lead to ask it about.
//!
//! Parse, look at every name against what there is (`shape.rs`), compile the patterns, then try each
//! part on a lead of which everything is known: what fails there for its types fails for every lead.

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr, SourceInfo};
use cel::common::types::CelString;
use cel::{ExecutionError, ParseError};
use regex::{Regex, RegexBuilder};

use super::facts;
use super::pattern::{Pattern, pattern_name};
use super::shape::{FUNCTIONS, Shape, TYPES, shape_at, variables};
use super::{ConditionProblem, ENV, Reads, Scope, Words, evaluate};
use crate::nearest::nearest;

/// The longest expression, in bytes: one screen.
const MAX_SOURCE: usize = 4096;
/// How deep `exists`, `all`, `map` and `filter` may be nested: each level multiplies the work.
const MAX_NESTING: usize = 2;
/// The largest compiled pattern, in bytes.
const MAX_PATTERN: usize = 1 << 20;

/// An expression that can be evaluated.
pub(super) struct Checked {
    pub(super) expression: IdedExpr,
    pub(super) patterns: Vec<Pattern>,
    pub(super) reads: Vec<(String, IdedExpr)>,
}

/// Everything up to the question what the whole gives.
pub(super) fn check(source: &str, reads: Reads, words: &Words) -> Result<Checked, Vec<ConditionProblem>> {
    let whole = |message: String, hint: &str| {
        vec![ConditionProblem { line: 1, column: 1, message, hint: Some(hint.to_owned()) }]
    };
    if source.trim().is_empty() {
        return Err(whole("it is empty".to_owned(), "write `false` for a condition that never holds"));
    }
    if source.len() > MAX_SOURCE {
        let message = format!("it has {} bytes, at most {MAX_SOURCE} are allowed", source.len());
        return Err(whole(message, "look values up in a list: `lead.source in ['event', 'web-form']`"));
    }
    let program = ENV.compile(source).map_err(|found| {
        found.errors.iter().take(1).map(|error| syntax_problem(source, error)).collect::<Vec<_>>()
    })?;

    let mut inspection = Inspection {
        info: program.source_info(),
        source,
        variables: variables(reads),
        words,
        bound: Vec::new(),
        problems: Vec::new(),
    };
    inspection.inspect(program.expression());

    let mut paths = Vec::new();
    collect_reads(program.expression(), variables(reads), &mut paths);
    let mut expression = program.expression().clone();
    let mut patterns = Vec::new();
    prepare(&mut expression, &mut patterns);

    if let Some(sample) = facts::full(words) {
        let scope = Scope { facts: &sample.facts(), rep: Some(&sample.rep), patterns: &patterns };
        inspection.try_parts(&expression, &scope);
    }
    match inspection.problems.is_empty() {
        true => Ok(Checked { expression, patterns, reads: paths }),
        false => Err(inspection.problems),
    }
}

/// What a type is called among people.
pub(super) fn in_words(kind: &str) -> &'static str {
    match kind {
        "int" | "uint" | "double" | "float" => "a number",
        "string" => "a text",
        "bool" => "true or false",
        "list" => "a list",
        "map" => "a group of fields",
        "null" | "null_type" => "nothing",
        "type" => "a type",
        _ => "something else",
    }
}

/// What went wrong, without any value of the lead.
pub(super) fn message(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchOverload(error) => {
            let arguments: Vec<&str> = error.argument_types().iter().map(|kind| in_words(kind)).collect();
            format!("`{}` does not fit {}", operator(error.function()), arguments.join(" and "))
        }
        ExecutionError::UnexpectedType { got, want } => {
            format!("there is {} where {} is needed", in_words(got), in_words(want))
        }
        ExecutionError::UnsupportedBinaryOperator(operator, ..) => {
            format!("`{operator}` does not fit its two sides")
        }
        ExecutionError::NoSuchKey(name) => format!("there is no `{name}`"),
        ExecutionError::UndeclaredReference(name) => format!("there is no `{name}`"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "it divides by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "a number grows too large".to_owned(),
        ExecutionError::IndexOutOfBounds(_) => "a list is shorter than that".to_owned(),
        ExecutionError::FunctionError { function, .. } => format!("`{function}` cannot work with that value"),
        _ => "it cannot be evaluated".to_owned(),
    }
}

/// The first syntax problem; what follows it is mostly its consequence.
fn syntax_problem(source: &str, error: &ParseError) -> ConditionProblem {
    let line = usize::try_from(error.pos.0).unwrap_or(1).max(1);
    let bytes = usize::try_from(error.pos.1).unwrap_or(1).max(1) - 1;
    let before = source.lines().nth(line - 1).and_then(|text| text.get(..bytes)).unwrap_or_default();
    let (message, hint) = syntax_message(&error.msg);
    ConditionProblem { line, column: before.chars().count() + 1, message, hint: hint.map(str::to_owned) }
}

/// The parser speaks of tokens and grammar; a tenant wants to know what stands where.
fn syntax_message(parser: &str) -> (String, Option<&'static str>) {
    let met = parser.trim_start_matches("Syntax error: ");
    let met = met.split(" expecting ").next().unwrap_or_default().trim();
    let quoted = |text: &str| text.trim().trim_start_matches('\'').trim_end_matches('\'').trim().to_owned();
    if let Some(token) =
        met.strip_prefix("token recognition error at: '").and_then(|token| token.strip_suffix('\''))
    {
        return match token.trim() {
            "=" => ("`=` compares nothing".to_owned(), Some("equal is `==`")),
            "&" => ("`&` joins nothing".to_owned(), Some("and is `&&`")),
            "|" => ("`|` joins nothing".to_owned(), Some("or is `||`")),
            text if text.starts_with(['\'', '"']) => {
                ("a quote that opens here is never closed".to_owned(), None)
            }
            text => (format!("`{text}` means nothing here"), None),
        };
    }
    if met.contains("<EOF>") {
        return match met.strip_prefix("missing ").and_then(|rest| rest.split(" at ").next()) {
            Some(missing) => (format!("`{}` is missing at the end", quoted(missing)), None),
            None => ("it ends too early".to_owned(), None),
        };
    }
    for prefix in ["mismatched input ", "extraneous input ", "no viable alternative at input "] {
        if let Some(token) = met.strip_prefix(prefix) {
            let hint = matches!(quoted(token).as_str(), "and" | "or" | "not" | "AND" | "OR" | "NOT");
            return (
                format!("`{}` does not fit here", quoted(token)),
                hint.then_some("`&&` is and, `||` is or, `!` is not"),
            );
        }
    }
    ("it is no expression".to_owned(), None)
}

fn operator(function: &str) -> &str {
    function.trim_matches(|c| c == '_' || c == '@')
}

struct Inspection<'a> {
    info: &'a SourceInfo,
    source: &'a str,
    variables: &'static [(&'static str, Shape)],
    words: &'a Words,
    /// Names bound by `exists`, `all` and the like around the place looked at, a level each.
    bound: Vec<Vec<String>>,
    problems: Vec<ConditionProblem>,
}

impl Inspection<'_> {
    /// Looks at an expression and everything in it; tells what is known of its value.
    fn inspect(&mut self, expression: &IdedExpr) -> Shape {
        match &expression.expr {
            Expr::Ident(name) => self.inspect_name(expression, name),
            Expr::Select(select) => {
                let shape = self.inspect(&select.operand);
                self.inspect_field(expression, shape, &select.operand, &select.field)
            }
            Expr::Call(call) => self.inspect_call(expression, call),
            Expr::Comprehension(comprehension) => {
                self.inspect(&comprehension.iter_range);
                self.inspect(&comprehension.accu_init);
                let names = [
                    Some(&comprehension.iter_var),
                    comprehension.iter_var2.as_ref(),
                    Some(&comprehension.accu_var),
                ];
                self.bound.push(names.into_iter().flatten().cloned().collect());
                if self.bound.len() > MAX_NESTING {
                    let message =
                        format!("lists are gone through inside one another more than {MAX_NESTING} deep");
                    self.problem(expression, message, None);
                }
                for part in [&comprehension.loop_cond, &comprehension.loop_step, &comprehension.result] {
                    self.inspect(part);
                }
                self.bound.pop();
                Shape::Unknown
            }
            _ => {
                for part in children(expression) {
                    self.inspect(part);
                }
                Shape::Unknown
            }
        }
    }

    fn inspect_name(&mut self, expression: &IdedExpr, name: &str) -> Shape {
        if self.bound.iter().flatten().any(|bound| bound == name) || TYPES.contains(&name) {
            return Shape::Unknown;
        }
        if let Some((_, shape)) = self.variables.iter().find(|(variable, _)| *variable == name) {
            return *shape;
        }
        if variables(Reads::Rep).iter().any(|(variable, _)| *variable == name) {
            let hint = format!("an expression here reads {}", self.variables_in_words());
            self.problem(expression, format!("`{name}` cannot be read here"), Some(hint));
            return Shape::Unknown;
        }
        let bound = self.bound.iter().flatten().map(String::as_str).filter(|name| !name.starts_with('@'));
        let hint = match nearest(name, self.variables.iter().map(|(name, _)| *name).chain(bound)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => match self.field_owner(name) {
                Some(owner) => format!("did you mean `{owner}.{name}`?"),
                None => {
                    let reads = self.variables_in_words();
                    format!("an expression reads {reads}; a text is quoted: '{name}'")
                }
            },
        };
        self.problem(expression, format!("there is no `{name}`"), Some(hint));
        Shape::Unknown
    }

    fn inspect_field(&mut self, at: &IdedExpr, shape: Shape, operand: &IdedExpr, field: &str) -> Shape {
        let owner = path(operand).unwrap_or_else(|| "it".to_owned());
        match shape {
            Shape::Record(fields) => {
                if let Some((_, shape)) = fields.iter().find(|(name, _)| *name == field) {
                    return *shape;
                }
                let hint = match nearest(field, fields.iter().map(|(name, _)| *name)) {
                    Some(near) => format!("did you mean `{owner}.{near}`?"),
                    None => match self.field_owner(field) {
                        Some(elsewhere) => format!("did you mean `{elsewhere}.{field}`?"),
                        None if owner == "lead" => format!("a custom field is `lead.fields.{field}`"),
                        None => {
                            let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
                            format!("`{owner}` has {}", names.join(", "))
                        }
                    },
                };
                self.problem(at, format!("`{owner}` has no `{field}`"), Some(hint));
                Shape::Unknown
            }
            Shape::Plain(kind) => {
                self.problem(at, format!("`{owner}` is {kind} and has no `{field}`"), None);
                Shape::Unknown
            }
            Shape::Segments => {
                let names = self.words.segments();
                if names.clone().any(|name| name == field) {
                    return Shape::Plain("a text");
                }
                let hint = match nearest(field, names.clone()) {
                    Some(near) => format!("did you mean `segment.{near}`?"),
                    None => match names.collect::<Vec<_>>() {
                        names if names.is_empty() => "tenant.toml has no [[segments]]".to_owned(),
                        names => format!("`segment` has {}", names.join(", ")),
                    },
                };
                self.problem(at, format!("`segment` has no `{field}`"), Some(hint));
                Shape::Unknown
            }
            Shape::Open | Shape::Unknown => Shape::Unknown,
        }
    }

    /// ``lead` and `verdict``, ``lead`, `verdict` and `tier``.
    fn variables_in_words(&self) -> String {
        let mut names: Vec<String> = self.variables.iter().map(|(name, _)| format!("`{name}`")).collect();
        let last = names.pop().unwrap_or_default();
        format!("{} and {last}", names.join(", "))
    }

    /// The group that has a field of this name, where exactly one does.
    fn field_owner(&self, field: &str) -> Option<String> {
        fn owners(prefix: &str, shape: Shape, field: &str, found: &mut Vec<String>) {
            if let Shape::Record(fields) = shape {
                for (name, shape) in fields {
                    if *name == field {
                        found.push(prefix.to_owned());
                    }
                    owners(&format!("{prefix}.{name}"), *shape, field, found);
                }
            }
        }
        let mut found = Vec::new();
        for (name, shape) in self.variables {
            owners(name, *shape, field, &mut found);
        }
        match found.len() {
            1 => found.pop(),
            _ => None,
        }
    }

    /// A comparison with a text that the value can never be.
    fn inspect_words(&mut self, name: &str, args: &[IdedExpr], shapes: &[Shape]) {
        let ([left, right], "_==_" | "_!=_" | "@in") = (args, name) else { return };
        let texts = |side: &IdedExpr| -> Vec<(u64, String)> {
            let parts = match &side.expr {
                Expr::List(list) if name == "@in" => list.elements.iter().collect(),
                _ => vec![side],
            };
            let text = |part: &IdedExpr| match &part.expr {
                Expr::Literal(LiteralValue::String(text)) => Some((part.id, text.inner().to_owned())),
                _ => None,
            };
            parts.into_iter().filter_map(text).collect()
        };
        for (read, side) in [(left, right), (right, left)] {
            let Some(read) = path(read) else { continue };
            for (id, text) in texts(side) {
                if let Some((message, hint)) = self.words.wrong(&read, &text) {
                    let at = IdedExpr { id, expr: Expr::Unspecified };
                    self.problem(&at, message, Some(hint));
                }
            }
        }
        let null = |side: &IdedExpr| matches!(side.expr, Expr::Literal(LiteralValue::Null));
        for (group, shape, other) in [(left, shapes.first(), right), (right, shapes.get(1), left)] {
            if null(other)
                && let Some(Shape::Record(fields)) = shape
                && let (Some(read), Some((field, _))) = (path(group), fields.first())
            {
                let hint = format!("ask for one of its fields: `{read}.{field} != null`");
                self.problem(group, format!("`{read}` is a group of fields and always there"), Some(hint));
            }
        }
    }

    fn inspect_call(&mut self, expression: &IdedExpr, call: &CallExpr) -> Shape {
        let name = call.func_name.as_str();
        if name.starts_with(|c: char| c.is_ascii_alphabetic()) && !FUNCTIONS.contains(&name) {
            let hint = match nearest(name, FUNCTIONS.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("functions are {}", FUNCTIONS.join(", ")),
            };
            self.problem(expression, format!("there is no function `{name}`"), Some(hint));
        }
        if name == "matches"
            && let Some(IdedExpr { expr: Expr::Literal(LiteralValue::String(text)), .. }) = call.args.last()
            && let Err(error) = compile_pattern(text)
        {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            let hint = r"in a TOML text between '…' a backslash stands for itself: r'\bvp\b'".to_owned();
            self.problem(
                expression,
                format!("the pattern '{}' is wrong: {reason}", text.inner()),
                Some(hint),
            );
        }
        let shapes: Vec<Shape> = call
            .target
            .iter()
            .map(|target| &**target)
            .chain(&call.args)
            .map(|part| self.inspect(part))
            .collect();
        self.inspect_words(name, &call.args, &shapes);
        // `lead['company']` is `lead.company`.
        if let (
            "_[_]",
            [shape, _],
            [operand, IdedExpr { expr: Expr::Literal(LiteralValue::String(field)), .. }],
        ) = (name, shapes.as_slice(), call.args.as_slice())
        {
            return self.inspect_field(expression, *shape, operand, field.inner());
        }
        Shape::Unknown
    }

    /// Tries every part by itself, so that nothing hides behind an `||` that is true already. Tells
    /// whether something was wrong, so that the same mistake is reported once, where it is.
    fn try_parts(&mut self, expression: &IdedExpr, scope: &Scope<'_>) -> bool {
        if let Expr::Comprehension(comprehension) = &expression.expr {
            // What is inside speaks of names that have no value yet.
            return self.try_parts(&comprehension.iter_range, scope);
        }
        let mut wrong = false;
        for part in children(expression) {
            wrong |= self.try_parts(part, scope);
        }
        if wrong || !matches!(expression.expr, Expr::Call(_)) {
            return wrong;
        }
        let error = match evaluate(expression, scope) {
            Err(
                error @ (ExecutionError::NoSuchOverload(_)
                | ExecutionError::UnexpectedType { .. }
                | ExecutionError::UnsupportedBinaryOperator(..)
                | ExecutionError::DivisionByZero(_)),
            ) => error,
            _ => return false,
        };
        self.problem(expression, message(&error), None);
        true
    }

    fn problem(&mut self, at: &IdedExpr, message: String, hint: Option<String>) {
        let offset = self.info.offset_for(at.id).map_or(0, |(start, _)| start as usize);
        // A field is found at its dot and a call at its bracket; a reader looks for the name.
        let offset = match &at.expr {
            Expr::Select(_) => offset + 1,
            Expr::Call(call) if self.source.get(offset..).is_some_and(|rest| rest.starts_with('(')) => {
                offset.saturating_sub(call.func_name.len())
            }
            _ => offset,
        };
        let before = self.source.get(..offset).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.problems.push(ConditionProblem { line, column, message, hint });
    }
}

fn compile_pattern(text: &CelString<'_>) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text.inner()).size_limit(MAX_PATTERN).build()
}

/// Turns literal patterns into compiled ones, and `has(lead.company.name)` into a comparison with
/// `null`, since every field of ours is there.
fn prepare(expression: &mut IdedExpr, patterns: &mut Vec<Pattern>) {
    for part in children_mut(expression) {
        prepare(part, patterns);
    }
    match &mut expression.expr {
        Expr::Call(call) if call.func_name == "matches" => {
            if let Some(argument) = call.args.last_mut()
                && let Expr::Literal(LiteralValue::String(text)) = &argument.expr
                && let Ok(pattern) = compile_pattern(text)
            {
                argument.expr = Expr::Ident(pattern_name(patterns.len()));
                patterns.push(Pattern(pattern));
            }
        }
        Expr::Select(select) if select.test && !is_open(&select.operand) => {
            let read = SelectExpr { test: false, ..std::mem::take(select) };
            let id = expression.id;
            let args = vec![
                IdedExpr { id, expr: Expr::Select(read) },
                IdedExpr { id, expr: Expr::Literal(LiteralValue::Null) },
            ];
            expression.expr = Expr::Call(CallExpr { func_name: "_!=_".to_owned(), target: None, args });
        }
        _ => {}
    }
}

/// Whether the fields of this are the tenant's own, so that one can be missing.
fn is_open(expression: &IdedExpr) -> bool {
    !path(expression).is_some_and(|path| matches!(shape_at(&path), Shape::Record(_) | Shape::Segments))
}

fn collect_reads(expression: &IdedExpr, variables: &[(&str, Shape)], reads: &mut Vec<(String, IdedExpr)>) {
    if let Some(path) = path(expression)
        && let Some((_, shape)) = variables.iter().find(|(name, _)| path.split('.').next() == Some(name))
        && (path.contains('.') || matches!(shape, Shape::Plain(_)))
    {
        if !reads.iter().any(|(known, _)| *known == path) {
            reads.push((path, expression.clone()));
        }
        return;
    }
    for part in children(expression) {
        collect_reads(part, variables, reads);
    }
}

/// `lead.company.name`, where the expression is such a path.
pub(in crate::rules) fn path(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => Some(format!("{}.{}", path(&select.operand)?, select.field)),
        _ => None,
    }
}

fn children(expression: &IdedExpr) -> Vec<&IdedExpr> {
    match &expression.expr {
        Expr::Call(call) => call.target.iter().map(|target| &**target).chain(&call.args).collect(),
        Expr::Comprehension(c) => {
            vec![&c.iter_range, &c.accu_init, &c.loop_cond, &c.loop_step, &c.result]
        }
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map.entries.iter().flat_map(|entry| entry_parts(&entry.expr)).collect(),
        Expr::Struct(fields) => fields.entries.iter().flat_map(|entry| entry_parts(&entry.expr)).collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Vec::new(),
    }
}

fn entry_parts(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}

fn children_mut(expression: &mut IdedExpr) -> Vec<&mut IdedExpr> {
    match &mut expression.expr {
        Expr::Call(call) => {
            call.target.iter_mut().map(|target| &mut **target).chain(&mut call.args).collect()
        }
        Expr::Comprehension(c) => {
            vec![&mut c.iter_range, &mut c.accu_init, &mut c.loop_cond, &mut c.loop_step, &mut c.result]
        }
        Expr::List(list) => list.elements.iter_mut().collect(),
        Expr::Map(map) => map.entries.iter_mut().flat_map(|entry| entry_parts_mut(&mut entry.expr)).collect(),
        Expr::Struct(fields) => {
            fields.entries.iter_mut().flat_map(|entry| entry_parts_mut(&mut entry.expr)).collect()
        }
        Expr::Select(select) => vec![&mut select.operand],
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Vec::new(),
    }
}

fn entry_parts_mut(entry: &mut EntryExpr) -> Vec<&mut IdedExpr> {
    match entry {
        EntryExpr::StructField(field) => vec![&mut field.value],
        EntryExpr::MapEntry(entry) => vec![&mut entry.key, &mut entry.value],
    }
}
