//! What conditions say, as far as it can be understood: "or"s of "and"s of "this path has one of these values".
//!
//! An expression is true, false, or cannot be answered, and each of these is described by such a [`Dnf`]:
//! comparisons of a path with texts, numbers and `null` exactly, anything else as a variable of its own
//! that is true, false or unanswered. Equal texts of expressions are the same variable. Whatever is
//! described as impossible is therefore impossible; what is described as possible may not be.

use std::collections::{BTreeMap, HashMap};

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue};

use super::condition::shape::{Shape, shape_at};
use super::condition::{Condition, Words, path};
use super::values::{Cut, Kind, Numbers, Values};

/// The most cubes of one description; beyond it, a part becomes a variable of its own.
const MAX_CUBES: usize = 64;

/// A path, or an expression that is not looked into. The number is its place in [`Logic`].
pub(super) type Variable = usize;

/// Values of some variables that go together; those not named may be anything.
pub(super) type Cube = BTreeMap<Variable, Values>;

/// Any of these. None: it cannot be; an empty one: it always is.
pub(super) type Dnf = Vec<Cube>;

/// When a condition holds, and when it is not plainly false.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Meaning {
    pub(super) holds: Dnf,
    pub(super) not_false: Dnf,
}

/// The variables met so far, with everything each can be.
#[derive(Debug)]
pub(super) struct Logic<'w> {
    words: &'w Words,
    numbers: HashMap<String, Variable>,
    variables: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    text: String,
    is_path: bool,
    whole: bool,
    universe: Values,
}

/// Why a path cannot be what a condition asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contradiction {
    /// It is never such a value.
    Alone,
    /// It is never such a value and such another at once.
    Together,
}

/// What is asked of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    True,
    False,
    NotTrue,
    NotFalse,
}

impl Ask {
    fn of_operand(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::NotTrue => Self::NotFalse,
            Self::NotFalse => Self::NotTrue,
        }
    }
}

impl<'w> Logic<'w> {
    pub(super) fn new(words: &'w Words) -> Self {
        Self { words, numbers: HashMap::new(), variables: Vec::new() }
    }

    /// What a condition says; an absent one always holds.
    pub(super) fn meaning(&mut self, condition: Option<&Condition>) -> Meaning {
        let mut ask = |ask| match condition {
            Some(condition) => self.ask(condition, condition.expression(), ask),
            None => vec![Cube::new()],
        };
        Meaning { holds: ask(Ask::True), not_false: ask(Ask::NotFalse) }
    }

    /// The path or expression that a variable stands for.
    pub(super) fn text(&self, variable: Variable) -> &str {
        &self.variables[variable].text
    }

    /// Whether it stands for a path.
    pub(super) fn is_path(&self, variable: Variable) -> bool {
        self.variables[variable].is_path
    }

    /// Everything it can be.
    pub(super) fn universe(&self, variable: Variable) -> &Values {
        &self.variables[variable].universe
    }

    /// A path that a condition which cannot hold asks too much of, where that is the reason.
    pub(super) fn contradicted(&mut self, condition: &Condition) -> Option<(&str, Contradiction)> {
        let mut so_far = Cube::new();
        let mut parts = vec![condition.expression()];
        while let Some(part) = parts.pop() {
            if let Expr::Call(CallExpr { func_name, args, .. }) = &part.expr
                && func_name == "_&&_"
            {
                parts.extend(args.iter().rev());
                continue;
            }
            let found = self.ask(condition, part, Ask::True);
            let cube = match found.as_slice() {
                [cube] => cube,
                // A comparison that no value of its path answers.
                [] => {
                    let variable = *self.numbers.get(&understood(part)?.0)?;
                    return Some((self.text(variable), Contradiction::Alone));
                }
                _ => continue,
            };
            for (variable, values) in cube {
                let both = so_far.get(variable).map_or(values.clone(), |known| known.and(values));
                if both.is_empty() {
                    let found = (self.text(*variable), Contradiction::Together);
                    return self.is_path(*variable).then_some(found);
                }
                so_far.insert(*variable, both);
            }
        }
        None
    }

    /// Whether every world of a cube is certainly in one of the others: looks for one that is not, depth
    /// first, and gives up after so many steps.
    pub(super) fn covered(&self, cube: &Cube, others: &[&Cube], steps: usize) -> bool {
        let mut cube = cube.clone();
        let others = self.in_the_way(&mut cube, others);
        let mut parts = vec![(cube, 0)];
        for _ in 0..steps {
            let Some((part, looked_at)) = parts.pop() else { return true };
            let Some(next) = (looked_at..others.len()).find(|number| !apart(&part, others[*number])) else {
                return false;
            };
            parts.extend(self.without(&part, others[next]).into_iter().map(|part| (part, next + 1)));
        }
        false
    }

    /// The others that matter. Where a variable has a value that none of them has, all that name it are
    /// escaped by that value, whatever else: the cube takes it and they are left out.
    fn in_the_way<'c>(&self, cube: &mut Cube, others: &[&'c Cube]) -> Vec<&'c Cube> {
        let mut left = others.to_vec();
        loop {
            let mut named: BTreeMap<Variable, Vec<&Values>> = BTreeMap::new();
            for (variable, values) in left.iter().copied().flatten() {
                named.entry(*variable).or_default().push(values);
            }
            let escape = named.into_iter().find_map(|(variable, sets)| {
                let mine = cube.get(&variable).unwrap_or(self.universe(variable));
                let free = mine.and(&Values::union(&sets).not());
                (!free.is_empty()).then_some((variable, free))
            });
            let Some((variable, free)) = escape else { return left };
            cube.insert(variable, free);
            left.retain(|other| !other.contains_key(&variable));
        }
    }

    /// Those worlds of a cube that another one does not have, in parts that do not overlap.
    fn without(&self, cube: &Cube, other: &Cube) -> Dnf {
        if apart(cube, other) {
            return vec![cube.clone()];
        }
        let mut rest = cube.clone();
        let mut left = Vec::new();
        for (variable, values) in other {
            let mine = rest.get(variable).unwrap_or(self.universe(*variable)).clone();
            let outside = mine.and(&values.not());
            if !outside.is_empty() {
                left.push(Cube::from_iter(
                    rest.clone()
                        .into_iter()
                        .filter(|(name, _)| name != variable)
                        .chain([(*variable, outside)]),
                ));
            }
            rest.insert(*variable, mine.and(values));
        }
        left
    }

    fn ask(&mut self, condition: &Condition, expression: &IdedExpr, ask: Ask) -> Dnf {
        let Expr::Call(CallExpr { func_name, args, .. }) = &expression.expr else {
            if let Expr::Literal(LiteralValue::Boolean(value)) = &expression.expr {
                let holds = matches!(ask, Ask::True | Ask::NotFalse) == *value.inner();
                return if holds { vec![Cube::new()] } else { Vec::new() };
            }
            return self.atom(condition, expression, ask);
        };
        let found = match (func_name.as_str(), args.as_slice()) {
            ("!_", [operand]) => Some(self.ask(condition, operand, ask.of_operand())),
            ("_&&_" | "_||_", [left, right]) => {
                let (left, right) = (self.ask(condition, left, ask), self.ask(condition, right, ask));
                let all = (func_name == "_&&_") == matches!(ask, Ask::True | Ask::NotFalse);
                if all { both(&left, &right) } else { either(left, right) }
            }
            ("_?_:_", [when, then, otherwise]) => self.choose(condition, when, then, otherwise, ask),
            _ => return self.atom(condition, expression, ask),
        };
        found.unwrap_or_else(|| self.opaque(condition, expression, ask))
    }

    fn choose(
        &mut self,
        condition: &Condition,
        when: &IdedExpr,
        then: &IdedExpr,
        otherwise: &IdedExpr,
        ask: Ask,
    ) -> Option<Dnf> {
        let yes = both(&self.ask(condition, when, Ask::True), &self.ask(condition, then, ask))?;
        let no = both(&self.ask(condition, when, Ask::False), &self.ask(condition, otherwise, ask))?;
        let decided = either(yes, no)?;
        match ask {
            Ask::True | Ask::False => Some(decided),
            Ask::NotTrue | Ask::NotFalse => {
                let (not_true, not_false) =
                    (self.ask(condition, when, Ask::NotTrue), self.ask(condition, when, Ask::NotFalse));
                either(decided, both(&not_true, &not_false)?)
            }
        }
    }

    /// A comparison that is understood, or else the expression as a variable of its own.
    fn atom(&mut self, condition: &Condition, expression: &IdedExpr, ask: Ask) -> Dnf {
        let Some((read, yes, no)) = understood(expression) else {
            return self.opaque(condition, expression, ask);
        };
        let variable = self.variable(read, true);
        self.literal(variable, yes, no, ask)
    }

    fn opaque(&mut self, condition: &Condition, expression: &IdedExpr, ask: Ask) -> Dnf {
        let mut text = String::new();
        print(condition, expression, &mut text);
        let variable = self.variable(text, false);
        self.literal(variable, Values::kind(Kind::True), Values::kind(Kind::False), ask)
    }

    fn literal(&self, variable: Variable, yes: Values, no: Values, ask: Ask) -> Dnf {
        let known = &self.variables[variable];
        let mut values = match ask {
            Ask::True => yes,
            Ask::False => no,
            Ask::NotTrue => yes.not(),
            Ask::NotFalse => no.not(),
        };
        if known.whole {
            values.numbers = values.numbers.whole();
        }
        let values = values.and(&known.universe);
        match values.is_empty() {
            true => Vec::new(),
            false if values == known.universe => vec![Cube::new()],
            false => vec![Cube::from([(variable, values)])],
        }
    }

    fn variable(&mut self, text: String, is_path: bool) -> Variable {
        if let Some(variable) = self.numbers.get(&text) {
            return *variable;
        }
        let (universe, whole) = if is_path { self.can_be(&text) } else { (verdicts(), false) };
        self.variables.push(Known { text: text.clone(), is_path, whole, universe });
        self.numbers.insert(text, self.variables.len() - 1);
        self.variables.len() - 1
    }

    /// Everything the value at a path can be, and whether its numbers are whole.
    fn can_be(&self, path: &str) -> (Values, bool) {
        let null = Values::kind(Kind::Null);
        if let Some(closed) = self.words.closed(path) {
            let texts = Values::texts(closed.texts.iter().cloned());
            return (if closed.absent { texts.or(&null) } else { texts }, false);
        }
        let number = |from: f64, to: f64, whole: bool| {
            let (from, to) = (Cut { at: from, behind: false }, Cut { at: to, behind: true });
            let numbers = Numbers::between(Some(from), to.at.is_finite().then_some(to));
            (Values::numbers(if whole { numbers.whole() } else { numbers }), whole)
        };
        let or_null = |(numbers, whole): (Values, bool)| (numbers.or(&null), whole);
        match path {
            "verdict.intent" => number(0.0, 100.0, false),
            "tier" => number(1.0, 3.0, true),
            "complexity" => or_null(number(0.0, 1.0, false)),
            "lead.company.employees" => or_null(number(0.0, f64::from(u32::MAX), true)),
            "lead.value" => or_null(number(0.0, f64::INFINITY, false)),
            "rep.seniority" => number(1.0, 5.0, true),
            "rep.technical" => or_null(number(1.0, 10.0, true)),
            _ => match shape_at(path) {
                Shape::Plain("a text") => (Values::any_text().or(&null), false),
                Shape::Plain("a number") => (Values::numbers(Numbers::all()).or(&null), false),
                _ => (Values::all(), false),
            },
        }
    }
}

/// What an expression that is not looked into can be.
fn verdicts() -> Values {
    [Kind::True, Kind::False, Kind::Nothing]
        .into_iter()
        .fold(Values::none(), |all, kind| all.or(&Values::kind(kind)))
}

/// Whether no world is in both.
pub(super) fn apart(a: &Cube, b: &Cube) -> bool {
    let (small, large) = if a.len() < b.len() { (a, b) } else { (b, a) };
    small.iter().any(|(variable, values)| large.get(variable).is_some_and(|other| values.apart(other)))
}

/// Worlds of both; none where there is no such world.
fn and(a: &Cube, b: &Cube) -> Option<Cube> {
    let (small, large) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let mut cube = large.clone();
    for (variable, values) in small {
        let values = match large.get(variable) {
            Some(other) => values.and(other),
            None => values.clone(),
        };
        if values.is_empty() {
            return None;
        }
        cube.insert(*variable, values);
    }
    Some(cube)
}

/// Worlds of both descriptions; nothing where that would be too long.
fn both(a: &Dnf, b: &Dnf) -> Option<Dnf> {
    let mut cubes: Dnf = Vec::new();
    for left in a {
        for right in b {
            if let Some(cube) = and(left, right)
                && !cubes.contains(&cube)
            {
                cubes.push(cube);
            }
        }
        if cubes.len() > MAX_CUBES {
            return None;
        }
    }
    Some(cubes)
}

fn either(mut a: Dnf, b: Dnf) -> Option<Dnf> {
    for cube in b {
        if !a.contains(&cube) {
            a.push(cube);
        }
    }
    // One variable in both: its values together say the same more shortly.
    if a.len() > 1
        && let Some(variable) = a[0].keys().next().copied()
        && a.iter().all(|cube| cube.len() == 1 && cube.contains_key(&variable))
    {
        let values = a.iter().fold(Values::none(), |all, cube| all.or(&cube[&variable]));
        return Some(vec![Cube::from([(variable, values)])]);
    }
    (a.len() <= MAX_CUBES).then_some(a)
}

/// A path, the values with which the comparison is true, and those with which it is false.
fn understood(expression: &IdedExpr) -> Option<(String, Values, Values)> {
    let nothing = Values::kind(Kind::Nothing);
    match &expression.expr {
        Expr::Select(select) if select.test => {
            let group = path(&select.operand)?;
            // Only of these it is sure that the group itself is there.
            matches!(group.as_str(), "lead.fields" | "verdict.signals" | "rep.skills")
                .then(|| (format!("{group}.{}", select.field), nothing.not(), nothing))
        }
        Expr::Select(_) | Expr::Ident(_) => {
            Some((path(expression)?, Values::kind(Kind::True), Values::kind(Kind::False)))
        }
        Expr::Call(CallExpr { func_name, args, target: None }) => {
            let [left, right] = args.as_slice() else { return None };
            let among = |values: Values| {
                let others = values.or(&nothing).not();
                (values, others)
            };
            let (read, (yes, no)) = match func_name.as_str() {
                "@in" => {
                    let Expr::List(list) = &right.expr else { return None };
                    let values: Option<Vec<Values>> = list.elements.iter().map(constant).collect();
                    let any = values?.iter().fold(Values::none(), |all, values| all.or(values));
                    (path(left)?, among(any))
                }
                "_==_" | "_!=_" => {
                    let (read, value) = match (path(left), path(right)) {
                        (Some(read), None) => (read, constant(right)?),
                        (None, Some(read)) => (read, constant(left)?),
                        _ => return None,
                    };
                    let (yes, no) = among(value);
                    (read, if func_name == "_==_" { (yes, no) } else { (no, yes) })
                }
                "_<_" | "_<=_" | "_>_" | "_>=_" => {
                    let less = func_name.starts_with("_<");
                    let (read, number, less) = match (path(left), path(right)) {
                        (Some(read), None) => (read, numeral(right)?, less),
                        (None, Some(read)) => (read, numeral(left)?, !less),
                        _ => return None,
                    };
                    let equal = func_name.ends_with("=_");
                    let cut = Cut { at: number, behind: less == equal };
                    let below = Values::numbers(Numbers::between(None, Some(cut)));
                    let above = Values::numbers(Numbers::between(Some(cut), None));
                    (read, if less { (below, above) } else { (above, below) })
                }
                _ => return None,
            };
            Some((read, yes, no))
        }
        _ => None,
    }
}

/// The values that equal a constant.
fn constant(expression: &IdedExpr) -> Option<Values> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(Values::texts([text.inner().to_owned()])),
        Expr::Literal(LiteralValue::Null) => Some(Values::kind(Kind::Null)),
        Expr::Literal(LiteralValue::Boolean(value)) => {
            Some(Values::kind(if *value.inner() { Kind::True } else { Kind::False }))
        }
        _ => numeral(expression).map(|number| Values::numbers(Numbers::point(number))),
    }
}

/// A number that a double holds exactly.
fn numeral(expression: &IdedExpr) -> Option<f64> {
    const EXACT: u64 = 1 << 53;
    match &expression.expr {
        Expr::Literal(LiteralValue::Int(number)) if number.inner().unsigned_abs() <= EXACT => {
            Some(*number.inner() as f64)
        }
        Expr::Literal(LiteralValue::UInt(number)) if *number.inner() <= EXACT => Some(*number.inner() as f64),
        Expr::Literal(LiteralValue::Double(number)) if number.inner().is_finite() => Some(*number.inner()),
        _ => None,
    }
}

/// An expression as a text in one form, so that equal texts are equal expressions.
fn print(condition: &Condition, expression: &IdedExpr, out: &mut String) {
    let mut list = |name: &str, parts: &[&IdedExpr]| {
        out.push_str(name);
        out.push('(');
        for (number, part) in parts.iter().enumerate() {
            if number > 0 {
                out.push_str(", ");
            }
            print(condition, part, out);
        }
        out.push(')');
    };
    match &expression.expr {
        Expr::Ident(name) => match condition.pattern(name) {
            Some(pattern) => *out += &format!("{pattern:?}"),
            None => out.push_str(name),
        },
        Expr::Literal(value) => *out += &format!("{value:?}"),
        Expr::Select(select) => {
            list(if select.test { "has" } else { "" }, &[&select.operand]);
            *out += &format!(".{}", select.field);
        }
        Expr::Call(call) => {
            let target = call.target.iter().map(|target| &**target);
            let name = format!("{}{}", if call.target.is_some() { "." } else { "" }, call.func_name);
            list(&name, &target.chain(&call.args).collect::<Vec<_>>());
        }
        Expr::List(items) => list("[]", &items.elements.iter().collect::<Vec<_>>()),
        Expr::Comprehension(it) => {
            let name = format!("for {} {:?} {}", it.iter_var, it.iter_var2, it.accu_var);
            list(&name, &[&it.iter_range, &it.accu_init, &it.loop_cond, &it.loop_step, &it.result]);
        }
        Expr::Map(map) => {
            for entry in &map.entries {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    list("{}", &[&entry.key, &entry.value]);
                }
            }
        }
        // Whatever else there is has its place in the text, and so equals only itself.
        other => *out += &format!("{other:?}"),
    }
}
