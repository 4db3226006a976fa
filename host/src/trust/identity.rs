//! Who signs with Sigstore: a person or a workflow, as an OpenID Connect issuer knows them.
//!
//! Written as `sigstore:ISSUER SUBJECT`. A subject is exact, but for the end of the name of a workflow's tag or branch:
//! behind `@refs/tags/` or `@refs/heads/` a `*` may stand for the rest. Anything shorter would cover other
//! repositories or other workflows, which somebody else may write.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use super::names::serde_as_text;

const SIGSTORE: &str = "sigstore:";
/// The longest issuer, and the longest subject, in bytes.
const MAX_ISSUER: usize = 255;
const MAX_SUBJECT: usize = 1000;
/// Behind one of these a subject may be open.
const REFS: [&str; 2] = ["@refs/tags/", "@refs/heads/"];

/// A text that is no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Not in its two parts.
    #[error("an identity is `{SIGSTORE}`, the issuer's URL, a space, and the subject")]
    Parts,
    /// Not the URL of an issuer.
    #[error("an issuer is an `https://` URL of at most {MAX_ISSUER} bytes, as in `iss` of its tokens")]
    Issuer,
    /// Neither a mail address nor a URI.
    #[error("a subject is a mail address or a URI, at most {MAX_SUBJECT} bytes of ASCII without spaces")]
    Subject,
    /// A `*` that would let in others.
    #[error(
        "`*` may stand once, at the end, behind `@refs/tags/` or `@refs/heads/` of a workflow; anything shorter would \
         cover workflows of others"
    )]
    Open,
}

/// Whom an issuer knows by a subject, or by any subject that begins so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Identity {
    issuer: String,
    subject: String,
    /// Whether the subject may go on.
    open: bool,
}

serde_as_text!(Identity);

impl Identity {
    /// Whether it is one, and not any that begins so.
    pub fn is_exact(&self) -> bool {
        !self.open
    }

    /// Whether what is said of this one is said of another: it is the same, or begins so.
    pub fn covers(&self, other: &Self) -> bool {
        let same = match self.open {
            true => other.subject.starts_with(&self.subject),
            false => !other.open && other.subject == self.subject,
        };
        same && other.issuer == self.issuer
    }
}

impl FromStr for Identity {
    type Err = IdentityError;
    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let parts = text.strip_prefix(SIGSTORE).and_then(|rest| rest.split_once(' '));
        let (issuer, subject) = parts.ok_or(IdentityError::Parts)?;
        if !is_issuer(issuer) {
            return Err(IdentityError::Issuer);
        }
        let (subject, open) = match subject.strip_suffix('*') {
            Some(begin) => (begin, true),
            None => (subject, false),
        };
        if !is_subject(subject) {
            return Err(IdentityError::Subject);
        }
        let of_workflow =
            || subject.starts_with("https://") && REFS.iter().any(|refs| subject.contains(refs));
        if subject.contains('*') || open && !of_workflow() {
            return Err(IdentityError::Open);
        }
        Ok(Self { issuer: issuer.to_owned(), subject: subject.to_owned(), open })
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.open { "*" } else { "" };
        write!(f, "{SIGSTORE}{} {}{star}", self.issuer, self.subject)
    }
}

fn is_issuer(text: &str) -> bool {
    let plain = |url: Url| url.has_host() && url.query().is_none() && url.fragment().is_none();
    text.len() <= MAX_ISSUER
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && text.starts_with("https://")
        && Url::parse(text).is_ok_and(plain)
}

fn is_subject(text: &str) -> bool {
    let mail = || {
        let sides = text.split_once('@');
        sides.is_some_and(|(who, host)| !who.is_empty() && !host.is_empty() && !host.contains('@'))
    };
    text.len() <= MAX_SUBJECT
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && (text.contains("://") && Url::parse(text).is_ok() || mail())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GITHUB: &str = "https://token.actions.githubusercontent.com";
    const WORKFLOW: &str = "https://github.com/acme/plugins/.github/workflows/release.yml";

    #[test]
    fn identities_are_read_as_they_are_written() {
        let check = |subject: &str, expect: Result<(), IdentityError>| {
            let text = format!("{SIGSTORE}{GITHUB} {subject}");
            let read = text.parse::<Identity>();
            assert_eq!(read.map(|identity| identity.to_string()), expect.map(|()| text));
        };
        check(&format!("{WORKFLOW}@refs/heads/main"), Ok(()));
        check(&format!("{WORKFLOW}@refs/tags/*"), Ok(()));
        check(&format!("{WORKFLOW}@refs/tags/v1.*"), Ok(()));
        check(&format!("{WORKFLOW}@refs/heads/release/*"), Ok(()));
        check("jo@acme.example", Ok(()));
        check("spiffe://acme.example/builder", Ok(()));

        check("https://github.com/acme/*", Err(IdentityError::Open));
        check("https://github.com/acme*", Err(IdentityError::Open));
        check(&format!("{WORKFLOW}@*"), Err(IdentityError::Open));
        check(&format!("{WORKFLOW}@refs/*"), Err(IdentityError::Open));
        check(&format!("{WORKFLOW}@refs/tags/*/*"), Err(IdentityError::Open));
        check("jo@*", Err(IdentityError::Subject));
        check("*@acme.example", Err(IdentityError::Open));
        check("*", Err(IdentityError::Subject));
        check("", Err(IdentityError::Subject));
        check("jo", Err(IdentityError::Subject));
        check("jo@acme@example", Err(IdentityError::Subject));
        check("jo doe@acme.example", Err(IdentityError::Subject));
        check("jö@acme.example", Err(IdentityError::Subject));
        check(&format!("jo@{}", "a".repeat(MAX_SUBJECT)), Err(IdentityError::Subject));
    }

    #[test]
    fn an_issuer_is_a_url() {
        let check = |text: &str, expect: IdentityError| {
            assert_eq!(text.parse::<Identity>(), Err(expect), "{text}");
        };
        check("jo@acme.example", IdentityError::Parts);
        check("sigstore:jo@acme.example", IdentityError::Parts);
        check("sigstore:accounts.example.com jo@acme.example", IdentityError::Issuer);
        check("sigstore:http://accounts.example.com jo@acme.example", IdentityError::Issuer);
        check("sigstore:https:// jo@acme.example", IdentityError::Issuer);
        check("sigstore:https://accounts.example.com?a=b jo@acme.example", IdentityError::Issuer);
        check(&format!("sigstore:https://{} jo@acme.example", "a".repeat(MAX_ISSUER)), IdentityError::Issuer);
    }

    #[test]
    fn an_identity_covers_itself_and_what_begins_so() {
        let of = |issuer: &str, subject: &str| -> Identity {
            format!("{SIGSTORE}{issuer} {subject}").parse().expect("an identity")
        };
        let check = |one: &str, other: &str, expect: bool| {
            let (one, other) = (format!("{WORKFLOW}@refs/{one}"), format!("{WORKFLOW}@refs/{other}"));
            assert_eq!(of(GITHUB, &one).covers(&of(GITHUB, &other)), expect, "{one} {other}");
            assert!(!of("https://accounts.example.com", &one).covers(&of(GITHUB, &other)));
        };
        check("tags/v1", "tags/v1", true);
        check("tags/v1", "tags/v10", false);
        check("tags/v1*", "tags/v10", true);
        check("tags/v1.*", "tags/v1.2", true);
        check("tags/v1.*", "tags/v1", false);
        check("tags/*", "tags/v1*", true);
        check("tags/v1", "tags/v1*", false);
        check("tags/*", "heads/main", false);
    }
}
