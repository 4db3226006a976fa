//! Which rules a lead's values leave possible, without asking each.
//!
//! A rule is left out only where its condition is plainly false: what it needs is taken from every way
//! in which it could be true or unanswered (`rules/logic.rs`). Of the paths a rule needs certain texts
//! of, the one that the fewest rules share finds it by hash; what it needs to stand in a text is looked for
//! in one pass with all others; everything else it needs is compared before its condition is asked. Asking
//! the rest is therefore the same as asking all.

use std::collections::{BTreeMap, HashMap};

use aho_corasick::AhoCorasick;
use cel::Value as CelValue;
use cel::common::ast::{Expr, IdedExpr, SelectExpr};

use super::Rule;
use super::condition::{Condition, Facts, Words, value_at};
use super::logic::{Dnf, Logic, Variable};
use super::values::{Kind, Texts, Value, Values};

/// Rules by the values they need.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Paths that some rule needs certain values of.
    paths: Vec<IdedExpr>,
    /// For each path, the rules found by its value.
    found_by: Vec<HashMap<Key, Vec<usize>>>,
    /// Rules found by what stands in a text.
    parts: Vec<Parts>,
    /// Rules that nothing finds.
    rest: Vec<usize>,
    /// For each rule, the values it needs, by path.
    needs: Vec<Vec<(usize, Values)>>,
}

/// Texts that rules need to stand in the text at one path.
#[derive(Debug)]
struct Parts {
    path: IdedExpr,
    all: AhoCorasick,
    /// For each of the texts, the rules that need it.
    rules: Vec<Vec<usize>>,
}

impl Parts {
    /// Rules that the text at the path does not make false: those that find theirs, and all where there is
    /// no text to look in.
    fn possible(&self, facts: &Facts<'_>) -> Vec<usize> {
        let Some(CelValue::String(text)) = value_at(&self.path, facts) else {
            return self.rules.iter().flatten().copied().collect();
        };
        let mut found = vec![false; self.rules.len()];
        self.all.find_overlapping_iter(text.as_str()).for_each(|it| found[it.pattern().as_usize()] = true);
        self.rules
            .iter()
            .zip(found)
            .filter(|(_, found)| *found)
            .flat_map(|(rules, _)| rules)
            .copied()
            .collect()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Key {
    Text(String),
    Kind(Kind),
}

impl Index {
    pub(super) fn new(rules: &[Rule], words: &Words) -> Self {
        let mut logic = Logic::new(words);
        let mut needed: Vec<Option<BTreeMap<Variable, Values>>> = Vec::new();
        for rule in rules {
            let not_false = logic.meaning(rule.when.as_ref()).not_false;
            needed.push((rule.active && !not_false.is_empty()).then(|| needs(&not_false, &logic)));
        }

        let mut sharing: HashMap<(Variable, Key), usize> = HashMap::new();
        for (variable, values) in needed.iter().flatten().flatten() {
            for key in keys(values).into_iter().flatten() {
                *sharing.entry((*variable, key)).or_default() += 1;
            }
        }

        let mut places: HashMap<Variable, usize> = HashMap::new();
        let mut index = Self {
            paths: Vec::new(),
            found_by: Vec::new(),
            parts: Vec::new(),
            rest: Vec::new(),
            needs: vec![Vec::new(); rules.len()],
        };
        // By path, by text: the rules that need it there.
        let mut parts: BTreeMap<String, BTreeMap<String, Vec<usize>>> = BTreeMap::new();
        for (number, needed) in needed.into_iter().enumerate() {
            let Some(needed) = needed else { continue };
            let fewest = needed
                .iter()
                .filter_map(|(variable, values)| {
                    let keys = keys(values)?;
                    let shared: usize =
                        keys.iter().filter_map(|key| sharing.get(&(*variable, key.clone()))).sum();
                    Some((shared, *variable, keys))
                })
                .min();
            for (variable, values) in needed {
                let place = *places.entry(variable).or_insert_with(|| {
                    index.paths.push(read(logic.text(variable)));
                    index.found_by.push(HashMap::new());
                    index.paths.len() - 1
                });
                index.needs[number].push((place, values));
            }
            match fewest {
                Some((_, variable, keys)) => {
                    for key in keys {
                        index.found_by[places[&variable]].entry(key).or_default().push(number);
                    }
                }
                None => match rules[number].when.as_ref().and_then(Condition::needed_part) {
                    Some((path, text)) => {
                        parts.entry(path).or_default().entry(text).or_default().push(number)
                    }
                    None => index.rest.push(number),
                },
            }
        }
        for (path, texts) in parts {
            match AhoCorasick::new(texts.keys()) {
                Ok(all) => {
                    index.parts.push(Parts { path: read(&path), all, rules: texts.into_values().collect() });
                }
                // More text than an automaton holds: each is asked.
                Err(_) => index.rest.extend(texts.into_values().flatten()),
            }
        }
        index
    }

    /// The numbers of the active rules that are not plainly false, ascending.
    pub(super) fn possible(&self, facts: &Facts<'_>) -> Vec<usize> {
        let values: Vec<Value> = self.paths.iter().map(|path| value(value_at(path, facts))).collect();
        let found = self.found_by.iter().zip(&values).filter_map(|(rules, value)| {
            rules.get(&match value {
                Value::Text(text) => Key::Text(text.clone()),
                Value::Kind(kind) => Key::Kind(*kind),
                Value::Number(_) => return None,
            })
        });
        let mut possible: Vec<usize> = found
            .flatten()
            .chain(&self.rest)
            .copied()
            .chain(self.parts.iter().flat_map(|parts| parts.possible(facts)))
            .filter(|rule| self.needs[*rule].iter().all(|(path, needed)| needed.contains(&values[*path])))
            .collect();
        possible.sort_unstable();
        possible
    }
}

/// The values that every cube leaves a path.
fn needs(not_false: &Dnf, logic: &Logic<'_>) -> BTreeMap<Variable, Values> {
    let Some((first, others)) = not_false.split_first() else { return BTreeMap::new() };
    let common = first.iter().filter_map(|(variable, values)| {
        let all = others
            .iter()
            .try_fold(values.clone(), |all, cube| cube.get(variable).map(|values| all.or(values)))?;
        (logic.is_path(*variable) && all != *logic.universe(*variable)).then_some((*variable, all))
    });
    common.collect()
}

/// Every value of a set, where they can be looked up.
fn keys(values: &Values) -> Option<Vec<Key>> {
    match &values.texts {
        Texts::Only(texts) if values.numbers.is_empty() => {
            Some(texts.iter().cloned().map(Key::Text).chain(values.kinds().map(Key::Kind)).collect())
        }
        _ => None,
    }
}

/// `lead.company.country` as an expression.
fn read(path: &str) -> IdedExpr {
    let mut names = path.split('.');
    let first = Expr::Ident(names.next().unwrap_or_default().to_owned());
    names.fold(IdedExpr { id: 0, expr: first }, |operand, field| {
        let select = SelectExpr { operand: Box::new(operand), field: field.to_owned(), test: false };
        IdedExpr { id: 0, expr: Expr::Select(select) }
    })
}

fn value(found: Option<CelValue>) -> Value {
    match found {
        None => Value::Kind(Kind::Nothing),
        Some(CelValue::Null) => Value::Kind(Kind::Null),
        Some(CelValue::Bool(true)) => Value::Kind(Kind::True),
        Some(CelValue::Bool(false)) => Value::Kind(Kind::False),
        Some(CelValue::String(text)) => Value::Text(text.to_string()),
        // Whole numbers of facts are small.
        Some(CelValue::Int(number)) => Value::Number(number as f64),
        Some(CelValue::UInt(number)) => Value::Number(number as f64),
        Some(CelValue::Float(number)) => Value::Number(number),
        Some(_) => Value::Kind(Kind::Other),
    }
}
