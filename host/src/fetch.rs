//! What enrichers may ask of the outside: the host asks in their place, of hosts the tenant granted.
//!
//! A request is carried out only if its origin was granted, word for word, and its name resolves to
//! public addresses; the address that was checked is the one connected to, redirects are not followed,
//! proxies of the environment are not used, and time and size are bounded. What came back, or why
//! nothing did, is an [`Exchange`] that is stored with the decision, so that replay asks nobody.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ureq::config::Config;
use ureq::http::{Request as HttpRequest, Uri};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};
use url::{Origin, Url};

use crate::decision::{Body, Exchange};
use crate::plugin::Request;

/// One request, all of it: name, connection, answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of one answer.
const ANSWER_BYTES: u64 = 256 << 10;

/// Which addresses the operator lets enrichers reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// Public ones only.
    #[default]
    Public,
    /// Private and local ones too.
    Anywhere,
}

/// Asks hosts in the place of enrichers.
#[derive(Debug)]
pub struct Fetcher {
    agent: Agent,
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
        Self { agent: Agent::with_parts(config, DefaultConnector::default(), resolver) }
    }

    /// Carries out one request, if its origin is among those granted.
    pub fn fetch(&self, request: &Request, granted: &[Origin]) -> Exchange {
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

    fn try_fetch(&self, request: &Request, granted: &[Origin]) -> Result<(u16, Vec<u8>), String> {
        let url = Url::parse(&request.url).map_err(|error| format!("no URL: {error}"))?;
        let origin = url.origin();
        if !granted.contains(&origin) {
            let origin = origin.ascii_serialization();
            return Err(format!("{origin} is not among the hosts granted to this enricher"));
        }
        let builder = request
            .headers
            .iter()
            .fold(HttpRequest::builder().uri(url.as_str()), |builder, (name, value)| {
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
        Ok((status, body.map_err(|error| error.to_string())?))
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
            let message = format!("{host} is a private or local address, which enrichers cannot reach");
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
    fn what_was_not_granted_is_not_asked() {
        let fetcher = Fetcher::new(Reach::Public);
        let origin = |text: &str| Url::parse(text).expect("a URL").origin();
        let check = |url: &str, granted: &str, expect: &str| {
            let request = Request { url: url.to_owned(), headers: vec![], body: None };
            let exchange = fetcher.fetch(&request, &[origin(granted)]);
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
