//! A plugin's settings as the text it is given: no larger and no deeper than a guest's reader can be trusted with.

use serde_json::Value as Json;

/// Bytes of the text.
const BYTES: usize = 256 << 10;
/// Tables and lists inside one another.
const DEPTH: usize = 32;

/// The text, or what is wrong with the settings: a pointer into them, and a message.
pub(super) fn text(settings: &Json) -> Result<String, (String, String)> {
    if let Some(pointer) = too_deep(settings, DEPTH) {
        return Err((pointer, format!("more than {DEPTH} tables and lists inside one another")));
    }
    let text = settings.to_string();
    if text.len() > BYTES {
        return Err((String::new(), format!("{} bytes of JSON; at most {BYTES}", text.len())));
    }
    Ok(text)
}

/// Where the first value is that lies deeper than so many levels, as far as that is.
fn too_deep(json: &Json, levels: usize) -> Option<String> {
    let below = |name: String, inner: &Json| match levels.checked_sub(1) {
        None => Some(String::new()),
        Some(levels) => too_deep(inner, levels).map(|rest| format!("/{name}{rest}")),
    };
    match json {
        Json::Array(items) => items.iter().enumerate().find_map(|(i, item)| below(i.to_string(), item)),
        Json::Object(entries) => {
            let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
            entries.iter().find_map(|(name, value)| below(escaped(name), value))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_have_an_end() {
        let check = |settings: Json, expect: Result<usize, (&str, &str)>| match (text(&settings), expect) {
            (Ok(text), Ok(length)) => assert_eq!(text.len(), length),
            (Err((pointer, message)), Err((at, words))) => {
                assert!(pointer == at && message.contains(words), "{pointer}: {message}");
            }
            (found, _) => panic!("{found:?}"),
        };
        let deep = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
        let long = |bytes: usize| json!("x".repeat(bytes - 2));
        check(json!({}), Ok(2));
        check(deep(DEPTH), Ok(2 * DEPTH + 1));
        check(
            json!({ "a/b": deep(DEPTH) }),
            Err((&format!("/a~1b{}", "/0".repeat(DEPTH - 1)), "inside one another")),
        );
        check(deep(1_000), Err((&"/0".repeat(DEPTH), "inside one another")));
        check(long(BYTES), Ok(BYTES));
        check(long(BYTES + 1), Err(("", "262145 bytes of JSON; at most 262144")));
    }
}
