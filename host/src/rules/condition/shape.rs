//! What a condition can read: variables with their fields, for checks and suggestions.

use super::Reads;

/// What is known of a value before there is one.
#[derive(Debug, Clone, Copy)]
pub(in crate::rules) enum Shape {
    /// A group of fields, all of them here.
    Record(&'static [(&'static str, Shape)]),
    /// A group of fields of the tenant's own.
    Open,
    /// The tenant's segment tables: [`Words`](super::Words) has their names.
    Segments,
    /// A value without parts, in words.
    Plain(&'static str),
    /// Anything.
    Unknown,
}

use Shape::{Open, Plain, Record};

const TEXT: Shape = Plain("a text");
const NUMBER: Shape = Plain("a number");
const LIST: Shape = Plain("a list");

const CONTACT: Shape = Record(&[
    ("name", TEXT),
    ("email", TEXT),
    ("phone", TEXT),
    ("title", TEXT),
    ("language", TEXT),
    ("timezone", TEXT),
]);

const COMPANY: Shape = Record(&[
    ("name", TEXT),
    ("domain", TEXT),
    ("industry", TEXT),
    ("employees", NUMBER),
    ("revenue", NUMBER),
    ("country", TEXT),
    ("region", TEXT),
]);

const LEAD: Shape = Record(&[
    ("id", TEXT),
    ("kind", TEXT),
    ("source", TEXT),
    ("text", TEXT),
    ("contact", CONTACT),
    ("company", COMPANY),
    ("products", LIST),
    ("value", NUMBER),
    ("owner", TEXT),
    ("labels", LIST),
    ("fields", Open),
]);

const VERDICT: Shape = Record(&[("lane", TEXT), ("confidence", TEXT), ("intent", NUMBER), ("signals", Open)]);

const ACCOUNT: Shape = Record(&[("domain", TEXT), ("name", TEXT), ("owner", TEXT), ("attention", TEXT)]);

const REP: Shape = Record(&[
    ("id", TEXT),
    ("name", TEXT),
    ("team", TEXT),
    ("email", TEXT),
    ("industries", LIST),
    ("products", LIST),
    ("languages", LIST),
    ("competitors", LIST),
    ("certifications", LIST),
    ("skills", Open),
    ("technical", NUMBER),
    ("style", TEXT),
    ("timezone", TEXT),
    ("country", TEXT),
    ("seniority", NUMBER),
    ("deal_min", NUMBER),
    ("deal_max", NUMBER),
]);

/// The names an expression starts from, in the order in which [`Reads`] lets it.
const VARIABLES: &[(&str, Shape)] = &[
    ("lead", LEAD),
    ("verdict", VERDICT),
    ("segment", Shape::Segments),
    ("tier", NUMBER),
    ("account", ACCOUNT),
    ("complexity", NUMBER),
    ("rep", REP),
];

/// The names that this kind of condition starts from.
pub(super) fn variables(reads: Reads) -> &'static [(&'static str, Shape)] {
    match reads {
        Reads::Lead => &VARIABLES[..2],
        Reads::Rule => &VARIABLES[..6],
        Reads::Rep => VARIABLES,
    }
}

/// What is known of the value at a path such as `lead.company.name`.
pub(in crate::rules) fn shape_at(path: &str) -> Shape {
    path.split('.').fold(Record(VARIABLES), |shape, name| match shape {
        Record(fields) => {
            fields.iter().find(|(field, _)| *field == name).map_or(Shape::Unknown, |(_, shape)| *shape)
        }
        Shape::Segments => TEXT,
        _ => Shape::Unknown,
    })
}

/// Functions an expression can call, macros among them.
pub(super) const FUNCTIONS: &[&str] = &[
    "all",
    "bool",
    "bytes",
    "charAt",
    "contains",
    "double",
    "dyn",
    "endsWith",
    "exists",
    "exists_one",
    "filter",
    "has",
    "indexOf",
    "int",
    "join",
    "lastIndexOf",
    "lowerAscii",
    "map",
    "matches",
    "replace",
    "reverse",
    "size",
    "split",
    "startsWith",
    "string",
    "substring",
    "trim",
    "type",
    "uint",
    "upperAscii",
];

/// Names of types, as in `type(lead.value) == double`.
pub(super) const TYPES: &[&str] =
    &["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];
