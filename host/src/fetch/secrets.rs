//! Secrets in an enricher's requests: it writes `{{secret:NAME}}` into a header, and the host puts the tenant's value
//! there.
//!
//! ```text
//! header ─ granted, for this very host? ─▶ opened for one request ─▶ sent
//! answer ─ with names in the place of values ─▶ plugin, decision
//! ```
//!
//! A value exists for as long as its request. Nothing else of a request has placeholders: a URL and an answer are
//! recorded with the decision, and headers are not.

use std::collections::BTreeMap;
use std::fmt;

use url::Origin;

use crate::lead::TenantId;
use crate::trust::SecretName;

/// What an enricher may ask of the outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Granted {
    /// Whose secrets they are.
    pub tenant: TenantId,
    /// Whom it may ask.
    pub hosts: Vec<Origin>,
    /// Secrets that it may send, each to one of them.
    pub secrets: BTreeMap<SecretName, Origin>,
}

/// Where a tenant's secrets are.
pub trait Safe: fmt::Debug + Send + Sync {
    /// The value of one. It may block for as long as a database takes.
    ///
    /// # Errors
    ///
    /// Why there is none, a lowercase fragment; it is recorded with the decision.
    fn open(&self, tenant: &TenantId, name: &SecretName) -> Result<String, String>;
}

const BEGINS: &str = "{{secret:";
const ENDS: &str = "}}";

/// Headers as they are sent.
pub(super) struct Filled {
    pub(super) headers: Vec<(String, String)>,
    /// What was put in, by the placeholder that it stands for.
    used: Vec<(String, String)>,
}

/// Puts secrets into the headers of a request to `origin`; or why it is not sent.
pub(super) fn fill(
    headers: &[(String, String)],
    origin: &Origin,
    granted: &Granted,
    safe: Option<&dyn Safe>,
) -> Result<Filled, String> {
    let mut filled = Filled { headers: Vec::with_capacity(headers.len()), used: Vec::new() };
    for (name, value) in headers {
        let (mut value, mut rest) = (String::new(), value.as_str());
        while let Some((before, behind)) = rest.split_once(BEGINS) {
            let (secret, after) = behind.split_once(ENDS).ok_or_else(|| {
                format!("the header {name} has a `{BEGINS}` that does not end with `{ENDS}`")
            })?;
            value.push_str(before);
            value.push_str(&opened(secret, origin, granted, safe, &mut filled.used)?);
            rest = after;
        }
        value.push_str(rest);
        filled.headers.push((name.clone(), value));
    }
    Ok(filled)
}

/// The value of a secret, where it is granted for this host.
fn opened(
    secret: &str,
    origin: &Origin,
    granted: &Granted,
    safe: Option<&dyn Safe>,
    used: &mut Vec<(String, String)>,
) -> Result<String, String> {
    let name: SecretName = secret.parse().map_err(|error| format!("{secret:?} is no secret: {error}"))?;
    match granted.secrets.get(&name) {
        None => {
            return Err(format!(
                "the secret {name} is not granted to this enricher; name it in its `secrets`"
            ));
        }
        Some(to) if to != origin => {
            let (to, origin) = (to.ascii_serialization(), origin.ascii_serialization());
            return Err(format!("the secret {name} is granted for {to}, not for {origin}"));
        }
        Some(_) => {}
    }
    let value =
        safe.ok_or("secrets are kept by a service, and here is none")?.open(&granted.tenant, &name)?;
    if value.is_empty() || value.chars().any(char::is_control) {
        return Err(format!(
            "the secret {name} is empty or has control characters, and cannot be in a header"
        ));
    }
    used.push((format!("{BEGINS}{name}{ENDS}"), value.clone()));
    Ok(value)
}

impl Filled {
    /// Whether anything was put in.
    pub(super) fn is_secret(&self) -> bool {
        !self.used.is_empty()
    }

    /// An answer in which the host repeats nothing of it: a value becomes its placeholder again.
    pub(super) fn without_secrets(&self, mut body: Vec<u8>) -> Vec<u8> {
        let mut used: Vec<&(String, String)> = self.used.iter().collect();
        // One may be part of another.
        used.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        for (placeholder, value) in used {
            body = replaced(&body, value.as_bytes(), placeholder.as_bytes());
        }
        body
    }
}

fn replaced(body: &[u8], value: &[u8], with: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while !rest.is_empty() {
        match rest.strip_prefix(value) {
            Some(behind) => {
                out.extend_from_slice(with);
                rest = behind;
            }
            None => {
                out.push(rest[0]);
                rest = &rest[1..];
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    #[derive(Debug)]
    struct Two;

    impl Safe for Two {
        fn open(&self, tenant: &TenantId, name: &SecretName) -> Result<String, String> {
            match (tenant.as_str(), name.as_str()) {
                ("acme", "crm") => Ok("t0p-{{secret:broken}}".to_owned()),
                ("acme", "broken") => Ok("a\r\nx-evil: 1".to_owned()),
                _ => Err(format!("there is no secret {name}")),
            }
        }
    }

    fn origin(text: &str) -> Origin {
        Url::parse(text).expect("a URL").origin()
    }

    fn filled(value: &str, to: &str, safe: Option<&dyn Safe>) -> Result<Filled, String> {
        let api = origin("https://api.example.com");
        let granted = Granted {
            tenant: "acme".parse().expect("an id"),
            hosts: vec![api.clone(), origin("https://other.example.com")],
            secrets: ["crm", "broken", "gone"]
                .map(|name| (name.parse().expect("a name"), api.clone()))
                .into(),
        };
        fill(&[("x-key".to_owned(), value.to_owned())], &origin(to), &granted, safe)
    }

    #[test]
    fn a_secret_goes_where_it_is_granted_and_nowhere_else() {
        let check = |value: &str, to: &str, expect: Result<&str, &str>| {
            let found = filled(value, to, Some(&Two)).map(|filled| filled.headers[0].1.clone());
            match expect {
                Ok(expect) => assert_eq!(found.as_deref(), Ok(expect), "{value}"),
                Err(part) => {
                    let why = found.expect_err(value);
                    assert!(
                        why.contains(part) && !why.contains("t0p") && !why.contains("evil"),
                        "{value}: {why}"
                    );
                }
            }
        };
        let api = "https://api.example.com/x";
        check("plain", api, Ok("plain"));
        // Once: what a value holds is no placeholder.
        check("Bearer {{secret:crm}}.", api, Ok("Bearer t0p-{{secret:broken}}."));
        check("{{secret:crm}}{{secret:crm}}", api, Ok("t0p-{{secret:broken}}t0p-{{secret:broken}}"));
        check(
            "{{secret:crm}}",
            "https://other.example.com/",
            Err("granted for https://api.example.com, not for"),
        );
        check("{{secret:other}}", api, Err("not granted to this enricher"));
        check("{{secret:gone}}", api, Err("there is no secret gone"));
        check("{{secret:broken}}", api, Err("control characters"));
        check("{{secret:crm", api, Err("does not end"));
        check("{{secret: crm}}", api, Err("is no secret"));
        let why = filled("{{secret:crm}}", api, None).map(drop).expect_err("nobody keeps it");
        assert!(why.contains("kept by a service"), "{why}");
    }

    #[test]
    fn an_answer_repeats_no_secret() {
        let check = |body: &str, expect: &str| {
            let filled = filled("{{secret:crm}}", "https://api.example.com", Some(&Two)).expect("is filled");
            let body = filled.without_secrets(body.as_bytes().to_vec());
            assert_eq!(String::from_utf8_lossy(&body), expect);
        };
        check("{\"asked\": \"t0p-{{secret:broken}}\"}", "{\"asked\": \"{{secret:crm}}\"}");
        check("t0p-", "t0p-");
        check("", "");
    }
}
