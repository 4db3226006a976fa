//! Push to registries and pull from them: the OCI distribution specification 1.1, as much of it as that takes.
//!
//! One call is one conversation: it says who asks once, in the way the registry wants it, and ends by one deadline
//! for all of it. A blob may lie elsewhere, as with registries that redirect to a store of theirs: that is followed
//! to public addresses alone, however far the registry itself may be, and nobody there is told who asks.

use std::fmt;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use url::Url;

use super::artifact::{
    CASES_WORD, DOCUMENT_BYTES, Descriptor, Documents, IMAGE_MANIFEST, PackageError, Parts, json, media_type,
};
use super::challenge::{Challenge, challenge};
use super::reference::{Reference, Repository, Which};
use super::{Limits, Package};
use crate::digest::Digest;
use crate::failure::clean;
use crate::fetch::{Answer, Ask, Fetcher, Method, Reach, Unanswered, target};

/// How often a blob may be elsewhere.
const REDIRECTS: usize = 3;
/// Bytes of an answer that says nothing but whether it worked.
const SMALL: u64 = 64 << 10;

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password, or a token in its place.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials of {:?}", self.user)
    }
}

/// What was pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// What it can be pulled by again, whatever becomes of the tag: the digest of its image manifest.
    pub digest: Digest,
    /// The plugin. Nobody has said yet that it is to be trusted.
    pub package: Package,
}

/// Why nothing was pulled or pushed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// No answer, or none that is read.
    #[error("the registry gives no answer about {what}: {why}")]
    Unanswered {
        /// What was asked.
        what: &'static str,
        /// Why.
        why: Unanswered,
    },
    /// Another answer than the specification has.
    #[error("the registry answers {status} when asked for {what}")]
    Status {
        /// What was asked.
        what: &'static str,
        /// The status.
        status: u16,
    },
    /// It does not let us.
    #[error("the registry refuses {what} ({status}); give the name and password of somebody who may")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// 401 or 403.
        status: u16,
    },
    /// It has no such thing.
    #[error("the registry does not have {what}; look at the reference")]
    Absent {
        /// What was asked.
        what: &'static str,
    },
    /// It cannot be told who asks.
    #[error("the registry cannot be told who asks: {0}")]
    SignIn(String),
    /// It sends us where we do not go.
    #[error("the registry sends us to {to}: {why}")]
    Elsewhere {
        /// Where, without what is secret about it.
        to: String,
        /// Why not.
        why: String,
    },
    /// The version is there, and is something else.
    #[error("{0} is published already, with other content; a release never changes, so raise the version")]
    Published(Reference),
    /// What came is no plugin.
    #[error(transparent)]
    Package(#[from] PackageError),
}

/// Pulls a plugin. Blocks; all of it takes `limits.time` at most.
///
/// # Errors
///
/// [`RegistryError`]: whatever a registry does, it is one of these, and no more was read than the limits allow.
pub fn pull(
    fetcher: &Fetcher,
    reference: &Reference,
    credentials: Option<&Credentials>,
    limits: &Limits,
) -> Result<Pulled, RegistryError> {
    let session = Session::open(fetcher, &reference.repository, credentials, "pull", limits.time)?;
    let document = session.manifest(&reference.which)?;
    let document = document.ok_or(RegistryError::Absent { what: "this release" })?;
    let found = Descriptor::of(IMAGE_MANIFEST, &document);
    let digest = found.digest;
    if let Which::Digest(wanted) = reference.which {
        Descriptor { digest: wanted, ..found }.check("the image manifest", &document)?;
    }
    let parts = Parts::read(&document, limits)?;
    let config = session.blob("the configuration", &parts.config)?;
    let component = session.blob("the component", &parts.component)?;
    let cases = parts.cases.as_ref().map(|cases| session.blob(CASES_WORD, cases)).transpose()?;
    Ok(Pulled { digest, package: parts.package(&config, component, cases)? })
}

/// Pushes a plugin under its version as the tag; where that is there already with the same content, nothing is
/// done. Blocks as [`pull`] does. The digest is that of its image manifest.
///
/// # Errors
///
/// [`RegistryError`]. Blobs may have arrived then, without a name.
pub fn push(
    fetcher: &Fetcher,
    repository: &Repository,
    credentials: Option<&Credentials>,
    package: &Package,
    limits: &Limits,
) -> Result<Digest, RegistryError> {
    let Documents { config, manifest } = Documents::of(package);
    let digest = Digest::of(&manifest);
    let which = Which::Tag(package.manifest.version.to_string());
    let session = Session::open(fetcher, repository, credentials, "pull,push", limits.time)?;
    match session.manifest(&which)? {
        Some(there) if Digest::of(&there) == digest => return Ok(digest),
        Some(_) => return Err(RegistryError::Published(repository.at(which))),
        None => {}
    }
    session.upload("the configuration", &config)?;
    session.upload("the component", &package.component)?;
    if let Some(cases) = &package.cases {
        session.upload(CASES_WORD, cases.bytes())?;
    }
    session.put_manifest(&which, &manifest)?;
    Ok(digest)
}

/// A conversation with one repository.
struct Session<'a> {
    fetcher: &'a Fetcher,
    /// Where the registry's API begins.
    api: Url,
    repository: &'a Repository,
    /// What says who asks, where the registry wants to know.
    authorization: Option<String>,
    until: Instant,
}

impl<'a> Session<'a> {
    fn open(
        fetcher: &'a Fetcher,
        repository: &'a Repository,
        credentials: Option<&Credentials>,
        actions: &str,
        time: Duration,
    ) -> Result<Self, RegistryError> {
        let until = Instant::now() + time;
        let api = repository.api(fetcher.reach()).ok_or(RegistryError::Absent { what: "an API" })?;
        let mut session = Self { fetcher, api, repository, authorization: None, until };
        let what = "its API";
        let answer = session.ask(what, Method::Get, &session.api, &[], SMALL)?;
        match answer.status {
            200 => {}
            401 => {
                let challenge = challenge(answer.headers("www-authenticate"));
                session.authorization = session.sign_in(challenge, credentials, actions)?;
            }
            status => return Err(failed(what, status)),
        }
        Ok(session)
    }

    /// What to say with each request.
    fn sign_in(
        &self,
        challenge: Option<Challenge>,
        credentials: Option<&Credentials>,
        actions: &str,
    ) -> Result<Option<String>, RegistryError> {
        let wrong = |why: &str| RegistryError::SignIn(why.to_owned());
        let basic = credentials.map(|Credentials { user, password }| {
            format!("Basic {}", BASE64.encode(format!("{user}:{password}")))
        });
        let (realm, service) = match challenge {
            None => return Err(wrong("it asks for neither a token nor a password")),
            Some(Challenge::Basic) if basic.is_none() => {
                return Err(RegistryError::Refused { what: "its API", status: 401 });
            }
            Some(Challenge::Basic) => return Ok(basic),
            Some(Challenge::Bearer { realm, service }) => (realm, service),
        };
        let mut realm = target(&realm, self.fetcher.reach()).map_err(|error| {
            RegistryError::SignIn(format!("what gives out tokens cannot be asked: {error}"))
        })?;
        let scope = format!("repository:{}:{actions}", self.repository.path());
        realm.query_pairs_mut().extend_pairs(service.map(|service| ("service", service)));
        realm.query_pairs_mut().append_pair("scope", &scope);
        let headers: Vec<(&str, &str)> =
            basic.iter().map(|basic| ("authorization", basic.as_str())).collect();
        let what = "a token";
        let answer = self.ask(what, Method::Get, &realm, &headers, SMALL)?;
        if answer.status != 200 {
            return Err(failed(what, answer.status));
        }
        let Token { token, access_token } = json("the token", &answer.body)?;
        let token = token.or(access_token).ok_or_else(|| wrong("there is no token in what it answers"))?;
        Ok(Some(format!("Bearer {token}")))
    }

    /// An image manifest, where there is one.
    fn manifest(&self, which: &Which) -> Result<Option<Vec<u8>>, RegistryError> {
        let what = "the image manifest";
        let (url, headers) = (self.manifest_url(which)?, [("accept", IMAGE_MANIFEST)]);
        let answer = self.ask(what, Method::Get, &url, &headers, DOCUMENT_BYTES)?;
        match answer.status {
            200 => {
                if let Some(found) = answer.header("content-type") {
                    let found = found.split(';').next().unwrap_or_default().trim();
                    media_type(what, found, IMAGE_MANIFEST)?;
                }
                Ok(Some(answer.body))
            }
            404 => Ok(None),
            status => Err(failed(what, status)),
        }
    }

    fn put_manifest(&self, which: &Which, document: &[u8]) -> Result<(), RegistryError> {
        let what = "the image manifest";
        let (url, headers) = (self.manifest_url(which)?, [("content-type", IMAGE_MANIFEST)]);
        let answer = self.ask(what, Method::Put(document), &url, &headers, SMALL)?;
        match answer.status {
            201 => Ok(()),
            status => Err(failed(what, status)),
        }
    }

    /// The bytes of a blob, from wherever they are. Whether they are the right ones is looked at by who uses them.
    fn blob(&self, what: &'static str, descriptor: &Descriptor) -> Result<Vec<u8>, RegistryError> {
        let mut url = self.path(&format!("blobs/{}", descriptor.digest))?;
        let mut answer = self.ask(what, Method::Get, &url, &[], descriptor.size)?;
        for _ in 0..REDIRECTS {
            if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
                break;
            }
            url = location(&url, &answer)?;
            answer = match self.is_registry(&url) {
                true => self.ask(what, Method::Get, &url, &[], descriptor.size)?,
                false => self.ask_public(what, &url, descriptor.size)?,
            };
        }
        match answer.status {
            200 => Ok(answer.body),
            300..400 => Err(elsewhere(&url, "that is one redirect too many")),
            status => Err(failed(what, status)),
        }
    }

    /// Sends a blob in one piece.
    fn upload(&self, what: &'static str, bytes: &[u8]) -> Result<(), RegistryError> {
        let start = self.path("blobs/uploads/")?;
        let answer = self.ask(what, Method::Post(&[]), &start, &[], SMALL)?;
        if answer.status != 202 {
            return Err(failed(what, answer.status));
        }
        let mut url = location(&start, &answer)?;
        if !self.is_registry(&url) {
            return Err(elsewhere(&url, "uploads stay at the registry"));
        }
        url.query_pairs_mut().append_pair("digest", &Digest::of(bytes).to_string());
        let headers = [("content-type", "application/octet-stream")];
        let answer = self.ask(what, Method::Put(bytes), &url, &headers, SMALL)?;
        match answer.status {
            201 => Ok(()),
            status => Err(failed(what, status)),
        }
    }

    fn manifest_url(&self, which: &Which) -> Result<Url, RegistryError> {
        self.path(&match which {
            Which::Tag(tag) => format!("manifests/{tag}"),
            Which::Digest(digest) => format!("manifests/{digest}"),
        })
    }

    /// Below the repository.
    fn path(&self, path: &str) -> Result<Url, RegistryError> {
        // `./`, since what comes before a colon would else be a scheme.
        let path = format!("./{}/{path}", self.repository.path());
        self.api.join(&path).map_err(|_| RegistryError::Absent { what: "such repository" })
    }

    fn is_registry(&self, url: &Url) -> bool {
        url.origin() == self.api.origin()
    }

    /// Asks; the registry, and nobody else, is told who asks.
    fn ask(
        &self,
        what: &'static str,
        method: Method<'_>,
        url: &Url,
        headers: &[(&str, &str)],
        most: u64,
    ) -> Result<Answer, RegistryError> {
        let authorization = self.authorization.as_deref().filter(|_| self.is_registry(url));
        let authorization = authorization.map(|value| ("authorization", value));
        let headers: Vec<(&str, &str)> = headers.iter().copied().chain(authorization).collect();
        let ask = Ask { method, url, headers: &headers, within: self.within(), most };
        self.fetcher.ask(&ask).map_err(|why| RegistryError::Unanswered { what, why })
    }

    /// Asks somebody whom the registry sent us to.
    fn ask_public(&self, what: &'static str, url: &Url, most: u64) -> Result<Answer, RegistryError> {
        let ask = Ask { method: Method::Get, url, headers: &[], within: self.within(), most };
        Fetcher::new(Reach::Public).ask(&ask).map_err(|why| match why {
            Unanswered::Target(why) => elsewhere(url, &why.to_string()),
            why => RegistryError::Unanswered { what, why },
        })
    }

    /// What is left of the time; with nothing left, whatever is asked next takes too long.
    fn within(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    /// The same under OAuth's name.
    access_token: Option<String>,
}

/// Where an answer sends us.
fn location(from: &Url, answer: &Answer) -> Result<Url, RegistryError> {
    let said = answer.header("location").unwrap_or_default();
    match from.join(said) {
        Ok(url) if !said.is_empty() => Ok(url),
        _ => Err(RegistryError::Elsewhere { to: clean(said, 100), why: "it is no URL".to_owned() }),
    }
}

/// The rest of a URL may be a secret of the registry's.
fn elsewhere(url: &Url, why: &str) -> RegistryError {
    RegistryError::Elsewhere { to: url.origin().ascii_serialization(), why: why.to_owned() }
}

fn failed(what: &'static str, status: u16) -> RegistryError {
    match status {
        401 | 403 => RegistryError::Refused { what, status },
        404 => RegistryError::Absent { what },
        status => RegistryError::Status { what, status },
    }
}
