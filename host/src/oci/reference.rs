//! What a plugin is called in a registry: `HOST/REPOSITORY:TAG` or `HOST/REPOSITORY@DIGEST`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

use crate::digest::Digest;
use crate::fetch::Reach;

/// A repository of a registry; the registry is always named, none is the default.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Repository {
    host: String,
    path: String,
}

/// An artifact in a repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// Where.
    pub repository: Repository,
    /// Which of those there.
    pub which: Which,
}

/// Which artifact of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Which {
    /// Whatever the registry has under this tag now.
    Tag(String),
    /// This one, whoever says so.
    Digest(Digest),
}

/// Why a text names nothing in a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// No registry.
    #[error("a reference begins with a registry's host, such as registry.example.com/acme/scorer:1.2.0")]
    Host,
    /// No repository.
    #[error("a repository is lower-case names joined by `/`, of at most 255 bytes, such as acme/scorer")]
    Repository,
    /// Neither tag nor digest, or no such.
    #[error("a reference ends with a tag such as :1.2.0, or with @sha256:…, which always means the same")]
    Which,
    /// More than a repository.
    #[error("a release is published under its version; leave out the tag or digest")]
    NotBare,
}

impl Repository {
    /// The artifact of this tag or digest.
    pub fn at(&self, which: Which) -> Reference {
        Reference { repository: self.clone(), which }
    }

    /// Its path in the registry.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether the registry is on this machine.
    pub fn is_local(&self) -> bool {
        match self.url("https").as_ref().and_then(Url::host) {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
            None => false,
        }
    }

    /// Where the registry's API begins. Plain HTTP is spoken on this machine alone, and only where that may be
    /// reached.
    pub(super) fn api(&self, reach: Reach) -> Option<Url> {
        let plain = reach == Reach::Anywhere && self.is_local();
        self.url(if plain { "http" } else { "https" })?.join("/v2/").ok()
    }

    fn url(&self, scheme: &str) -> Option<Url> {
        Url::parse(&format!("{scheme}://{}/", self.host)).ok()
    }
}

impl FromStr for Repository {
    type Err = ReferenceError;
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (host, path) = text.split_once('/').ok_or(ReferenceError::Host)?;
        // A word alone would be the first name of a path; elsewhere that means a default registry.
        let is_host = host == "localhost" || host.contains(['.', ':']);
        let spelled = |url: Url| url.as_str() == format!("https://{host}/") && url.username().is_empty();
        if !is_host || !Url::parse(&format!("https://{host}/")).is_ok_and(spelled) {
            return Err(ReferenceError::Host);
        }
        if path.contains(['@', ':']) {
            return Err(ReferenceError::NotBare);
        }
        match path.len() <= 255 && path.split('/').all(is_component) {
            true => Ok(Self { host: host.to_owned(), path: path.to_owned() }),
            false => Err(ReferenceError::Repository),
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if let Some((repository, digest)) = text.split_once('@') {
            let digest = digest.parse().map_err(|_| ReferenceError::Which)?;
            return Ok(Self { repository: repository.parse()?, which: Which::Digest(digest) });
        }
        // The host's port stands behind a colon, too.
        let path = text.find('/').ok_or(ReferenceError::Host)?;
        let colon = text[path..].find(':').ok_or(ReferenceError::Which)? + path;
        let (repository, tag) = (&text[..colon], &text[colon + 1..]);
        match is_tag(tag) {
            true => Ok(Self { repository: repository.parse()?, which: Which::Tag(tag.to_owned()) }),
            false => Err(ReferenceError::Which),
        }
    }
}

/// Letters and digits with `.`, `_`, `__` or dashes between them.
fn is_component(text: &str) -> bool {
    let letter = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends = bytes.first().copied().is_some_and(letter) && bytes.last().copied().is_some_and(letter);
    let between = text.split(|c: char| letter(c.try_into().unwrap_or(0)));
    ends && between
        .into_iter()
        .all(|gap| matches!(gap, "" | "." | "_" | "__") || gap.bytes().all(|byte| byte == b'-'))
}

fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (1..=128).contains(&text.len())
        && text.starts_with(word)
        && text.chars().all(|c| word(c) || c == '.' || c == '-')
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.which {
            Which::Tag(tag) => write!(f, "{}:{tag}", self.repository),
            Which::Digest(digest) => write!(f, "{}@{digest}", self.repository),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read() {
        let check = |text: &str, expect: Result<&str, ReferenceError>| {
            let found = text.parse::<Reference>().map(|reference| reference.to_string());
            assert_eq!(found, expect.map(str::to_owned), "{text}");
        };
        let digest = format!("registry.example.com/acme/scorer@{}", Digest::of(""));
        for text in [
            "registry.example.com/acme/scorer:1.2.0",
            "registry.example.com:5000/scorer:1.2.0-rc.1",
            "localhost/a/b.c_d__e--f/g:latest",
            "127.0.0.1:5000/scorer:_x",
            "[::1]:5000/scorer:x",
            &digest,
        ] {
            check(text, Ok(text));
        }
        for text in
            ["scorer:1", "acme/scorer:1", "https://registry.example.com/a:1", "Registry.example.com/a:1"]
        {
            check(text, Err(ReferenceError::Host));
        }
        for text in
            ["ana@registry.example.com/a:1", "registry.example.com:443/a:1", "registry.example.com?/a:1"]
        {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
        for text in
            ["a.b/", "a.b//a", "a.b/A", "a.b/a/../b", "a.b/a..b", "a.b/-a", "a.b/a___b", "a.b/a%2fb", "a.b/é"]
        {
            check(&format!("{text}:1"), Err(ReferenceError::Repository));
        }
        for text in ["a.b/a", "a.b/a:", "a.b/a:-1", "a.b/a:1/../2", "a.b/a@sha256:12", "a.b/a:1 2"] {
            check(text, Err(ReferenceError::Which));
        }
        check(&format!("a.b/a:1@{}", Digest::of("")), Err(ReferenceError::NotBare));
    }

    #[test]
    fn plain_http_stays_on_the_machine() {
        let check = |host: &str, reach: Reach, expect: &str| {
            let repository: Repository = format!("{host}/a").parse().expect("a repository");
            assert_eq!(repository.api(reach).expect("a URL").as_str(), expect);
        };
        check("registry.example.com", Reach::Public, "https://registry.example.com/v2/");
        check("registry.example.com", Reach::Anywhere, "https://registry.example.com/v2/");
        check("127.0.0.1:5000", Reach::Public, "https://127.0.0.1:5000/v2/");
        check("127.0.0.1:5000", Reach::Anywhere, "http://127.0.0.1:5000/v2/");
        check("10.0.0.1:5000", Reach::Anywhere, "https://10.0.0.1:5000/v2/");
    }
}
