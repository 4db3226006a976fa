//! What a condition can read: the fields of `lead` and `verdict`, for checks and suggestions.

/// What is known of a value before there is one.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// A group of fields, all of them here.
    Record(&'static [(&'static str, Shape)]),
    /// A group of fields of the tenant's own.
    Open,
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

/// The names an expression starts from.
pub(super) const VARIABLES: &[(&str, Shape)] = &[("lead", LEAD), ("verdict", VERDICT)];

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
