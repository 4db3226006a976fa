//! A request of the host's own to somebody it does not trust, such as a registry of plugins.
//!
//! It has a deadline for everything and a most for the bytes of its answer; an answer is read whole, as it was
//! sent. Redirects are answers too: whoever asks decides.

use std::io::Read as _;
use std::time::Duration;

use ureq::Error;
use ureq::http::{HeaderMap, Request as HttpRequest};
use url::Url;

use super::{Fetcher, TargetError, target};

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// How, and what is sent with it.
    pub method: Method<'a>,
    /// Where.
    pub url: &'a Url,
    /// Name and value.
    pub headers: &'a [(&'a str, &'a str)],
    /// All of it: name, connection, request, answer.
    pub within: Duration,
    /// The most bytes of the answer's body.
    pub most: u64,
}

/// How it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method<'a> {
    /// Reads.
    Get,
    /// Makes something.
    Post(&'a [u8]),
    /// Puts something in its place.
    Put(&'a [u8]),
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, whole.
    pub body: Vec<u8>,
    headers: HeaderMap,
}

impl Answer {
    /// What the first header of this name says, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// What all headers of this name say, as far as they are text.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// It may not be asked.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The request cannot be written.
    #[error("no request: {0}")]
    Request(String),
    /// There is more of it than may be.
    #[error("the answer has more than {0} bytes")]
    TooLarge(u64),
    /// It would have to be unpacked.
    #[error("the answer is compressed, and only plain ones are read")]
    Compressed,
    /// It took too long.
    #[error("it takes too long")]
    TooSlow,
    /// The address may not be reached, nobody listens, or the answer breaks off.
    #[error("{0}")]
    NoAnswer(String),
}

impl Fetcher {
    /// Asks, and reads the answer. Blocks until then.
    ///
    /// # Errors
    ///
    /// [`Unanswered`].
    pub fn ask(&self, ask: &Ask<'_>) -> Result<Answer, Unanswered> {
        target(ask.url.as_str(), self.reach)?;
        let builder = ask
            .headers
            .iter()
            .fold(HttpRequest::builder().uri(ask.url.as_str()), |builder, (name, value)| {
                builder.header(*name, *value)
            });
        let wrong = |error: ureq::http::Error| Unanswered::Request(error.to_string());
        let within = ask.within;
        macro_rules! send {
            ($method:literal, $body:expr) => {{
                let request = builder.method($method).body($body).map_err(wrong)?;
                self.agent.run(self.agent.configure_request(request).timeout_global(Some(within)).build())
            }};
        }
        let sent = match ask.method {
            Method::Get => send!("GET", ()),
            Method::Post(body) => send!("POST", body),
            Method::Put(body) => send!("PUT", body),
        };
        let mut response = sent.map_err(unanswered)?;
        let headers = std::mem::take(response.headers_mut());
        if headers.get("content-encoding").is_some_and(|coding| coding != "identity") {
            return Err(Unanswered::Compressed);
        }
        let promised = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
        if promised.is_some_and(|bytes: u64| bytes > ask.most) {
            return Err(Unanswered::TooLarge(ask.most));
        }
        let mut body = Vec::new();
        let read = response.body_mut().as_reader().take(ask.most.saturating_add(1)).read_to_end(&mut body);
        read.map_err(|error| unanswered(Error::from(error)))?;
        match body.len() as u64 > ask.most {
            true => Err(Unanswered::TooLarge(ask.most)),
            false => Ok(Answer { status: response.status().as_u16(), body, headers }),
        }
    }
}

fn unanswered(error: Error) -> Unanswered {
    match error {
        Error::Timeout(_) => Unanswered::TooSlow,
        Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => Unanswered::TooSlow,
        other => Unanswered::NoAnswer(other.to_string()),
    }
}
