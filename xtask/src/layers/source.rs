//! The paths that a Rust file names, read without a parser's weight.
//!
//! Text → tokens (comments, strings, characters and lifetimes dropped) → tokens without `#[cfg(test)]`
//! items → paths, with the groups of a `use` written out.

/// A path and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named<'a> {
    /// From 1.
    pub(super) line: usize,
    pub(super) path: Vec<&'a str>,
}

/// All paths of a file's own code, tests left out.
pub(super) fn paths(text: &str) -> Vec<Named<'_>> {
    let tokens = without_tests(tokens(text));
    let mut named = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].is_name() {
            at = tree(&tokens, at, &[], &mut named);
        } else {
            at += 1;
        }
    }
    named
}

#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    line: usize,
    /// A name, `::`, or one character.
    text: &'a str,
}

impl Token<'_> {
    fn is_name(&self) -> bool {
        self.text.starts_with(is_name_character)
    }
}

fn is_name_character(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Reads the path at `at`, with a `{…}` at its end; says where it ends.
fn tree<'a>(tokens: &[Token<'a>], mut at: usize, prefix: &[&'a str], named: &mut Vec<Named<'a>>) -> usize {
    let mut path = prefix.to_vec();
    let line = tokens.get(at).map_or(0, |token| token.line);
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    loop {
        if text(at) == "{" && !path.is_empty() {
            at += 1;
            while at < tokens.len() && text(at) != "}" {
                if tokens[at].is_name() {
                    at = tree(tokens, at, &path, named)
                } else {
                    at += 1
                }
                // The new name in `a as b` is no path.
                if text(at) == "as" {
                    at += 2;
                }
            }
            return at + 1;
        }
        if !tokens.get(at).is_some_and(Token::is_name) {
            break;
        }
        path.push(text(at));
        at += 1;
        if text(at) != "::" {
            break;
        }
        at += 1;
    }
    named.push(Named { line, path });
    at
}

/// Drops every item, module or import behind `#[cfg(test)]`.
fn without_tests(tokens: Vec<Token<'_>>) -> Vec<Token<'_>> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at..].iter().map(|token| token.text).take(MARK.len()).eq(MARK) {
            at = behind_item(&tokens, at + MARK.len());
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// The first token behind the item that starts at `at`: behind its `;`, or behind its block.
fn behind_item(tokens: &[Token<'_>], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && token.text == "}" {
                    break;
                }
            }
            ";" if depth == 0 => break,
            _ => {}
        }
    }
    at
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (length, is_token) = match first {
            '/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), false),
            '/' if rest.starts_with("/*") => (block_comment(rest), false),
            '"' => (string(rest), false),
            '\'' => (character_or_lifetime(rest), false),
            c if is_name_character(c) => {
                let name = rest.find(|c| !is_name_character(c)).unwrap_or(rest.len());
                match raw_string(&rest[..name], &rest[name..]) {
                    Some(string) => (name + string, false),
                    None => (name, true),
                }
            }
            ':' if rest.starts_with("::") => (2, true),
            c => (c.len_utf8(), !c.is_whitespace()),
        };
        let (token, behind) = rest.split_at(length);
        if is_token {
            tokens.push(Token { line, text: token });
        }
        line += token.matches('\n').count();
        rest = behind;
    }
    tokens
}

/// Length of a comment that may hold others.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            match rest.chars().next() {
                Some(c) => at += c.len_utf8(),
                None => break,
            }
        }
    }
    text.len()
}

/// Length of a string in quotes, escapes heeded.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Length of what follows `r`, `br` or `cr` where that starts a raw string.
fn raw_string(name: &str, behind: &str) -> Option<usize> {
    if !["r", "br", "cr"].contains(&name) {
        return None;
    }
    let hashes = behind.len() - behind.trim_start_matches('#').len();
    let body = behind[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(hashes + 1 + body.find(&end).map_or(body.len(), |at| at + end.len()))
}

/// Length of `'a'` or `'\n'`; of a lifetime only the quote and its name.
fn character_or_lifetime(text: &str) -> usize {
    let body = &text[1..];
    let mut characters = body.char_indices();
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), Some((second, escaped))) => {
            let behind = 1 + second + escaped.len_utf8();
            text[behind..].find('\'').map_or(text.len(), |at| behind + at + 1)
        }
        (Some(_), Some((second, '\''))) => 1 + second + 1,
        _ => 1 + body.find(|c| !is_name_character(c)).unwrap_or(body.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[&str]) {
        let found: Vec<String> =
            paths(text).iter().map(|named| format!("{} {}", named.line, named.path.join("::"))).collect();
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn groups_are_written_out() {
        check(
            "a::{b::c, d::{e, f as g}, self}; h",
            &["1 a::b::c", "1 a::d::e", "1 a::d::f", "1 a::self", "1 h"],
        );
        check("a::*;\nb::<c::D>::e", &["1 a", "2 b", "2 c::D", "2 e"]);
        check("if a { b::c }", &["1 if", "1 a", "1 b::c"]);
    }

    #[test]
    fn what_is_not_code_is_dropped() {
        check("a // b\n/* c /* d */\n e */ f", &["1 a", "3 f"]);
        check(r##"a "b \" c" r"d\" e br#"f " g"# h"##, &["1 a", "1 e", "1 h"]);
        check(r"'a' '\'' '\u{1F600}' '→' b 'c: &'static d", &["1 b", "1 d"]);
        check("a\n\"b\nc\"\nd", &["1 a", "4 d"]);
        check("/* never closed", &[]);
    }

    #[test]
    fn tests_are_dropped_with_their_whole_item() {
        check("#[cfg(test)]\n#[path = \"a\"]\nmod b { c { d } e }\nf", &["4 f"]);
        check("#[cfg(test)]\nuse a::{b, c};\nd", &["3 d"]);
        check("#[cfg(test)]\nfn a(b: [u8; 3]) -> c { d }\ne", &["3 e"]);
        check("#[cfg(test)] mod tests;\n#[cfg(feature)] a", &["2 cfg", "2 feature", "2 a"]);
    }
}
