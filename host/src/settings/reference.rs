//! Every key for operators, as the table of `docs/operations.md` and as flags.

use std::fmt::Write;

use super::keys::{Keys, Row};
use super::{Given, read};

/// Every key, in the order of the table.
pub fn rows() -> Vec<Row> {
    let nothing = Given::default();
    let mut keys = Keys::of(&nothing);
    read(&mut keys, &nothing);
    keys.rows()
}

/// Every key as a table in Markdown.
pub fn reference() -> String {
    let mut table =
        String::from("| key | what it may be | without it | what it is for |\n|---|---|---|---|\n");
    for Row { key, form, default, meaning, .. } in rows() {
        // A text grows by whatever is written to it.
        let _ = writeln!(table, "| `{key}` | {form} | {default} | {meaning} |");
    }
    table
}
