//! How a registry wants to be told who asks: the `WWW-Authenticate` of its first answer (RFC 9110, section 11.6.1).

/// One way to say who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// Name and password with each request.
    Basic,
    /// A token with each request, which somebody else gives out.
    Bearer {
        /// The URL of that somebody.
        realm: String,
        /// Whom the token is for.
        service: Option<String>,
    },
}

/// The first way of these headers that we know, tokens before passwords.
pub(super) fn challenge<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<Challenge> {
    let mut known = Vec::new();
    for header in headers {
        for (scheme, parameters) in challenges(header) {
            if scheme.eq_ignore_ascii_case("basic") {
                known.push(Challenge::Basic);
            } else if scheme.eq_ignore_ascii_case("bearer") {
                let get = |name: &str| {
                    let found = parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                    found.map(|(_, value)| value.clone())
                };
                known.extend(get("realm").map(|realm| Challenge::Bearer { realm, service: get("service") }));
            }
        }
    }
    let token = known.iter().position(|way| matches!(way, Challenge::Bearer { .. }));
    (!known.is_empty()).then(|| known.swap_remove(token.unwrap_or(0)))
}

type Parameters = Vec<(String, String)>;

/// Schemes with their parameters; what follows a mistake is left out.
fn challenges(header: &str) -> Vec<(String, Parameters)> {
    let mut found: Vec<(String, Parameters)> = Vec::new();
    let mut rest = header.trim_start_matches([' ', ',']);
    while !rest.is_empty() {
        let (name, after) = token(rest);
        if name.is_empty() {
            break;
        }
        match after.trim_start().strip_prefix('=') {
            Some(after) => {
                let Some((value, after)) = value(after.trim_start()) else { break };
                let Some((_, parameters)) = found.last_mut() else { break };
                parameters.push((name.to_owned(), value));
                rest = after;
            }
            None => {
                found.push((name.to_owned(), Vec::new()));
                rest = after;
            }
        }
        rest = rest.trim_start_matches([' ', ',']);
    }
    found
}

/// A token, perhaps empty, and what follows it.
fn token(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)));
    text.split_at(end.unwrap_or(text.len()))
}

/// A token or a quoted text, and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, after) = token(text);
        return Some((value.to_owned(), after));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let check = |headers: &[&str], expect: Option<Challenge>| {
            assert_eq!(challenge(headers.iter().copied()), expect, "{headers:?}");
        };
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
        };
        let example = "https://auth.example.com/token";
        check(&["Basic realm=\"registry\""], Some(Challenge::Basic));
        check(&["basic"], Some(Challenge::Basic));
        check(
            &[
                "Bearer realm=\"https://auth.example.com/token\",service=\"registry\",scope=\"repository:a:pull\"",
            ],
            bearer(example, Some("registry")),
        );
        check(&["Bearer realm = \"https://auth.example.com/token\" , scope=x"], bearer(example, None));
        check(&["Basic realm=\"a\", Bearer realm=\"b\\\"c\""], bearer("b\"c", None));
        check(&["Negotiate", "Digest realm=x, nonce=\"a,b\"", "Basic realm=x"], Some(Challenge::Basic));
        check(&["Bearer service=\"registry\""], None);
        check(&["Bearer realm=\"unfinished"], None);
        for header in ["", ",", "=", "realm=\"x\"", "\"", "Negotiate", "Bearer realm=\"a\\"] {
            check(&[header], None);
        }
        check(&[], None);
    }
}
