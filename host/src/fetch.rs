//! The way to URLs that customers write: what enrichers ask of the outside, what effects tell it, and where plugins
//! are pulled from.
//!
//! A request is carried out only if its name resolves to public addresses; the address that was checked is
//! the one connected to, redirects are not followed, proxies of the environment are not used, and time and
//! size are bounded. An enricher's origin was also granted, word for word, and so was each secret that goes with
//! its request ([`Granted`]); what came back, or why nothing did, is an [`Exchange`] that is stored with the decision,
//! so that replay asks nobody. An effect's URL passed [`target`], and so did that of an [`Ask`].

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{Request as HttpRequest, Uri};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};
use url::{Host, Url};

use crate::decision::{Body, Exchange};
use crate::plugin::Request;

mod ask;
mod secrets;

pub use ask::{Answer, Ask, Method, Unanswered};
pub use secrets::{Granted, Safe};

use secrets::fill;

/// One request, all of it: name, connection, answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of one answer.
const ANSWER_BYTES: u64 = 256 << 10;
/// The same for what is told rather than asked: nobody waits for it, and little of the answer is read.
const TELL_TIMEOUT: Duration = Duration::from_secs(10);
const TOLD_BYTES: u64 = 4 << 10;

/// Which addresses the operator lets tenants reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// Public ones only.
    #[default]
    Public,
    /// Private and local ones too.
    Anywhere,
}

/// Asks hosts in the place of tenants.
#[derive(Debug)]
pub struct Fetcher {
    agent: Agent,
    reach: Reach,
    /// Where secrets are; nowhere outside a service.
    safe: Option<Arc<dyn Safe>>,
}

impl Fetcher {
    /// A client that reaches so far.
    pub fn new(reach: Reach) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .proxy(None)
            .user_agent(concat!("lanewright/", env!("CARGO_PKG_VERSION")))
            .build();
        let resolver = Checked { reach, inner: DefaultResolver::default() };
        Self { agent: Agent::with_parts(config, DefaultConnector::default(), resolver), reach, safe: None }
    }

    /// The same, with secrets to send.
    pub fn with(self, safe: Arc<dyn Safe>) -> Self {
        Self { safe: Some(safe), ..self }
    }

    /// How far it reaches.
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// Posts something to a URL; any status is an answer. Blocks until there is one, for ten seconds at most.
    ///
    /// # Errors
    ///
    /// [`Untold`]; whether it arrived all the same is then not known.
    pub fn post(&self, url: &str, headers: &[(&str, String)], body: &[u8]) -> Result<Reply, Untold> {
        let url = target(url, self.reach)?;
        let builder = headers
            .iter()
            .fold(HttpRequest::post(url.as_str()), |builder, (name, value)| builder.header(*name, value));
        let request = builder.body(body).map_err(|error| Untold::Request(error.to_string()))?;
        let request = self.agent.configure_request(request).timeout_global(Some(TELL_TIMEOUT)).build();
        let mut response = self.agent.run(request).map_err(|error| Untold::NoAnswer(error.to_string()))?;
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut begins = Vec::new();
        // The status is the answer; what follows it only helps a person, and may break off.
        let _ = response.body_mut().as_reader().take(TOLD_BYTES).read_to_end(&mut begins);
        let body = String::from_utf8_lossy(&begins).into_owned();
        Ok(Reply { status: response.status().as_u16(), retry_after, body })
    }

    /// Reads a JSON document.
    ///
    /// # Errors
    ///
    /// Why there is none, a lowercase fragment.
    pub fn json(&self, url: &str) -> Result<serde_json::Value, String> {
        let url = target(url, self.reach).map_err(|error| error.to_string())?;
        let mut response = self.agent.get(url.as_str()).call().map_err(|error| error.to_string())?;
        match response.status().as_u16() {
            200 => {
                let body = response.body_mut().with_config().limit(ANSWER_BYTES).read_to_vec();
                let body = body.map_err(|error| error.to_string())?;
                serde_json::from_slice(&body).map_err(|error| format!("no JSON: {error}"))
            }
            status => Err(format!("it answers {status}")),
        }
    }

    /// Carries out one request, if its origin is among those granted, with the secrets that are granted for it in the
    /// place of their names. What comes back has their names again, should the host repeat them.
    pub fn fetch(&self, request: &Request, granted: &Granted) -> Exchange {
        match self.try_fetch(request, granted) {
            Ok((status, body)) => {
                let body =
                    String::from_utf8(body).map_or_else(|error| Body::Bytes(error.into_bytes()), Body::Text);
                Exchange { url: request.url.clone(), status: Some(status), body, refused: None }
            }
            Err(why) => {
                let body = Body::Text(String::new());
                Exchange { url: request.url.clone(), status: None, body, refused: Some(why) }
            }
        }
    }

    fn try_fetch(&self, request: &Request, granted: &Granted) -> Result<(u16, Vec<u8>), String> {
        let url = Url::parse(&request.url).map_err(|error| format!("no URL: {error}"))?;
        let origin = url.origin();
        if !granted.hosts.contains(&origin) {
            let origin = origin.ascii_serialization();
            return Err(format!("{origin} is not among the hosts granted to this enricher"));
        }
        let filled = fill(&request.headers, &origin, granted, self.safe.as_deref())?;
        if filled.is_secret() && url.scheme() != "https" && self.reach == Reach::Public {
            return Err("a secret is sent over https alone".to_owned());
        }
        let builder =
            filled.headers.iter().fold(HttpRequest::builder().uri(url.as_str()), |builder, (name, value)| {
                builder.header(name, value)
            });
        let wrong = |error: ureq::http::Error| format!("no request: {error}");
        let sent = match &request.body {
            Some(body) => self.agent.run(builder.method("POST").body(body.as_slice()).map_err(wrong)?),
            None => self.agent.run(builder.method("GET").body(()).map_err(wrong)?),
        };
        let mut response = sent.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES).read_to_vec();
        Ok((status, filled.without_secrets(body.map_err(|error| error.to_string())?)))
    }
}

/// What a host said to something it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Its `Retry-After`, as it wrote it.
    pub retry_after: Option<String>,
    /// How its answer begins.
    pub body: String,
}

/// Why a host could not be told something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untold {
    /// It is no URL that may be told anything.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The request cannot be written.
    #[error("no request: {0}")]
    Request(String),
    /// Nothing came back: the address may not be reached, nobody listens, or it takes too long.
    #[error("{0}")]
    NoAnswer(String),
}

/// Why nothing is sent to a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is no URL.
    #[error("it is no URL: {0}")]
    Url(#[from] url::ParseError),
    /// It would not be secret on its way.
    #[error("it has to begin with `https://`")]
    Scheme,
    /// Who writes a password into a URL shows it to everybody who reads the URL.
    #[error("it may hold no user name and no password")]
    Credentials,
    /// It is an address of the inside.
    #[error("{0} is a private or local address")]
    Private(String),
}

/// A URL that something may be sent to, as far as that shows without asking for its name.
///
/// # Errors
///
/// [`TargetError`].
pub fn target(text: &str, reach: Reach) -> Result<Url, TargetError> {
    let url = Url::parse(text)?;
    let scheme = match url.scheme() {
        "https" => true,
        "http" => reach == Reach::Anywhere,
        _ => false,
    };
    if !scheme {
        return Err(TargetError::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(TargetError::Credentials);
    }
    let address = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        _ => None,
    };
    match address.filter(|address| reach == Reach::Public && !is_public(*address)) {
        Some(address) => Err(TargetError::Private(address.to_string())),
        None => Ok(url),
    }
}

/// Resolves a name once, and gives on only addresses that may be reached.
#[derive(Debug)]
struct Checked {
    reach: Reach,
    inner: DefaultResolver,
}

impl Resolver for Checked {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        let mut reachable = self.empty();
        for address in found.iter().filter(|address| self.reach == Reach::Anywhere || is_public(address.ip()))
        {
            reachable.push(*address);
        }
        if reachable.is_empty() {
            let host = uri.host().unwrap_or_default();
            let message = format!("{host} is a private or local address, which nobody may reach from here");
            return Err(Error::Other(message.into()));
        }
        Ok(reachable)
    }
}

/// Whether an address is one of the public internet's. What is not known to be public is private.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// Against the special-purpose registry of IPv4 addresses (RFC 6890 and its successors).
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocol_or_test = a == 192 && b == 0 && c == 0;
    let benchmark = a == 198 && (b == 18 || b == 19);
    let this_network_or_reserved = a == 0 || a >= 240;
    let relay = a == 192 && b == 88 && c == 99;
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || shared
        || protocol_or_test
        || benchmark
        || relay
        || this_network_or_reserved)
}

/// Only global unicast (2000::/3) is public, less what is set aside inside it or carries an IPv4 address.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let global = a & 0xe000 == 0x2000;
    let documentation = (a == 0x2001 && b == 0x0db8) || (a == 0x3fff && b & 0xf000 == 0);
    let protocol = a == 0x2001 && b < 0x0200;
    let six_to_four = a == 0x2002;
    global && !documentation && !protocol && !six_to_four
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        let check = |address: &str, expect: bool| {
            assert_eq!(is_public(address.parse().expect("an address")), expect, "{address}");
        };
        for address in ["93.184.216.34", "8.8.8.8", "100.63.0.1", "172.32.0.1", "2606:4700::1111"] {
            check(address, true);
        }
        for address in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2001:db8::1",
            "2002:a00:1::",
            "2001::1",
        ] {
            check(address, false);
        }
    }

    #[test]
    fn what_may_be_told_something() {
        let check = |url: &str, reach: Reach, expect: Result<&str, &str>| {
            let found = target(url, reach).map(|url| url.to_string()).map_err(|error| error.to_string());
            assert_eq!(found, expect.map(str::to_owned).map_err(str::to_owned), "{url}");
        };
        check("https://crm.example.com/in", Reach::Public, Ok("https://crm.example.com/in"));
        check("https://93.184.216.34", Reach::Public, Ok("https://93.184.216.34/"));
        check("http://crm.example.com/in", Reach::Public, Err("it has to begin with `https://`"));
        check("ftp://crm.example.com/in", Reach::Anywhere, Err("it has to begin with `https://`"));
        check("crm.example.com", Reach::Public, Err("it is no URL: relative URL without a base"));
        for url in ["https://ana@crm.example.com", "https://:secret@crm.example.com"] {
            check(url, Reach::Public, Err("it may hold no user name and no password"));
        }
        check("http://127.0.0.1:9/", Reach::Anywhere, Ok("http://127.0.0.1:9/"));
        // However an address is written, it is the same address.
        for url in ["https://127.0.0.1/", "https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/"] {
            check(url, Reach::Public, Err("127.0.0.1 is a private or local address"));
        }
        let mapped = Err("::ffff:10.0.0.1 is a private or local address");
        check("https://[::ffff:10.0.0.1]/", Reach::Public, mapped);
        check("https://[::ffff:a00:1]/", Reach::Public, mapped);
        let translated = Err("64:ff9b::a9fe:a9fe is a private or local address");
        check("https://[64:ff9b::169.254.169.254]/", Reach::Public, translated);
    }

    #[test]
    fn a_name_of_the_inside_is_told_nothing() {
        let fetcher = Fetcher::new(Reach::Public);
        let told = fetcher.post("https://localhost:9/", &[], b"{}");
        let why = told.expect_err("refused").to_string();
        assert!(why.contains("private or local address"), "{why}");
    }

    #[test]
    fn what_was_not_granted_is_not_asked() {
        let fetcher = Fetcher::new(Reach::Public);
        let origin = |text: &str| Url::parse(text).expect("a URL").origin();
        let check = |url: &str, granted: &str, expect: &str| {
            let request = Request { url: url.to_owned(), headers: vec![], body: None };
            let tenant = "acme".parse().expect("an id");
            let granted = Granted { tenant, hosts: vec![origin(granted)], secrets: BTreeMap::new() };
            let exchange = fetcher.fetch(&request, &granted);
            let why = exchange.refused.expect("refused");
            assert!(why.contains(expect), "{url}: {why}");
            assert_eq!(exchange.status, None);
        };
        check("https://api.example.com/x", "https://example.com", "not among the hosts granted");
        check("http://api.example.com/x", "https://api.example.com", "not among the hosts granted");
        check("https://api.example.com:8443/", "https://api.example.com", "not among the hosts granted");
        check("file:///etc/passwd", "https://api.example.com", "not among the hosts granted");
        check("no url", "https://api.example.com", "no URL");
        check("http://127.0.0.1:9/", "http://127.0.0.1:9", "private or local address");
        check("http://[::1]:9/", "http://[::1]:9", "private or local address");
    }
}
