//! What a delivery met with.

use jiff::Timestamp;

use crate::failure::clean;
use crate::fetch::{Reply, Untold};

/// What a delivery met with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Met {
    /// It arrived.
    Delivered,
    /// The destination says that it is no more.
    Gone,
    /// It will hardly ever be taken as it is.
    Refused {
        /// Why.
        why: String,
    },
    /// It may well arrive later.
    Failed {
        /// Why.
        why: String,
        /// When the destination asks to be tried again.
        after: Option<Timestamp>,
    },
}

impl Met {
    /// Something that may well pass.
    pub(super) fn failed(why: impl Into<String>) -> Self {
        Self::Failed { why: why.into(), after: None }
    }

    /// What an answer over HTTP means.
    pub fn of_answer(now: Timestamp, answer: Result<Reply, Untold>) -> Self {
        let reply = match answer {
            Ok(reply) => reply,
            Err(error @ (Untold::Target(_) | Untold::Request(_))) => {
                return Self::Refused { why: error.to_string() };
            }
            Err(error @ Untold::NoAnswer(_)) => return Self::failed(clean(&error.to_string(), 300)),
        };
        let why = match reply.body.trim() {
            "" => format!("it answered {}", reply.status),
            body => format!("it answered {}: {}", reply.status, clean(body, 200)),
        };
        match reply.status {
            200..=299 => Self::Delivered,
            410 => Self::Gone,
            // Redirects are not followed: where they lead was not checked by a person.
            300..=399 => Self::Refused { why },
            408 | 409 | 425 => Self::failed(why),
            429 | 503 => {
                let after = reply.retry_after.and_then(|text| retry_after(now, &text));
                Self::Failed { why, after }
            }
            400..=499 => Self::Refused { why },
            _ => Self::failed(why),
        }
    }

    /// Why it did not arrive, where it did not.
    pub(super) fn why(&self) -> Option<&str> {
        match self {
            Self::Delivered => None,
            Self::Gone => Some("it answered 410: it is gone"),
            Self::Refused { why } | Self::Failed { why, .. } => Some(why),
        }
    }
}

/// `Retry-After` (RFC 9110, 10.2.3): seconds, or a date.
fn retry_after(now: Timestamp, text: &str) -> Option<Timestamp> {
    let text = text.trim();
    match text.parse::<u32>() {
        Ok(seconds) => now.checked_add(std::time::Duration::from_secs(seconds.into())).ok(),
        Err(_) => Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_means() {
        let now: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
        let check = |status: u16, retry_after: Option<&str>, body: &str, expect: Met| {
            let retry_after = retry_after.map(str::to_owned);
            let answer = Ok(Reply { status, retry_after, body: body.to_owned() });
            assert_eq!(Met::of_answer(now, answer), expect, "{status} {body}");
        };
        let refused = |why: &str| Met::Refused { why: why.to_owned() };
        let until = |after: &str| Met::Failed {
            why: "it answered 503".to_owned(),
            after: Some(after.parse().unwrap()),
        };
        check(200, None, "ok", Met::Delivered);
        check(204, Some("30"), "", Met::Delivered);
        check(410, None, "", Met::Gone);
        check(302, None, "", refused("it answered 302"));
        check(400, None, "no\u{7} such field\n", refused("it answered 400: no\\u{7} such field"));
        check(404, Some("30"), "", refused("it answered 404"));
        for status in [408, 409, 425, 429, 500, 502, 503, 504] {
            check(status, None, "", Met::failed(format!("it answered {status}")));
        }
        check(503, Some("120"), "", until("2026-03-02T10:02:00Z"));
        check(503, Some("Mon, 02 Mar 2026 11:00:00 GMT"), "", until("2026-03-02T11:00:00Z"));
        check(503, Some("soon"), "", Met::failed("it answered 503"));
        check(500, Some("120"), "", Met::failed("it answered 500"));
    }
}
