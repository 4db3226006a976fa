//! What a request brings, read so that whatever is wrong with it becomes a [`Problem`] with its place.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::problem::{Code, Problem};
use crate::digest::Digest;
use crate::line::Key;

/// A body of JSON.
#[derive(Debug)]
pub(super) struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = media_type(request.headers()).is_none_or(|media| {
            media == "application/json" || (media.starts_with("application/") && media.ends_with("+json"))
        });
        if !is_json {
            return Err(Problem::new(Code::MediaType, "the body is not application/json"));
        }
        let body = body(request, state).await?;
        from_slice(&body).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// JSON out of bytes; where it is wrong is told by its place in the body.
pub(super) fn from_slice<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let at = error.path().to_string();
        let problem = Problem::new(Code::Malformed, format!("the body does not read: {}", error.inner()));
        if at == "." { problem } else { problem.at(at, error.inner().to_string()) }
    })?;
    reader.end().map_err(|error| Problem::new(Code::Malformed, format!("behind the body: {error}")))?;
    Ok(value)
}

/// The whole body.
pub(super) async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status().as_u16() {
        413 => Problem::new(Code::TooLarge, "the body is longer than is taken here"),
        _ => Problem::new(Code::Malformed, format!("the body cannot be read: {rejection}")),
    })
}

/// The media type of a body, without its parameters, in lower case.
pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
    let media = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    media.split(';').next().map(|media| media.trim().to_lowercase())
}

/// A name that a client gives to something, out of a path.
pub(super) fn name(what: &str, text: String) -> Result<String, Problem> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match (1..=64).contains(&text.len()) && text.chars().all(plain) {
        true => Ok(text),
        false => Err(Problem::new(Code::Malformed, format!("{text:?} is no name of a {what}"))
            .hint("1 to 64 letters, digits, `-`, `_` and `.`")),
    }
}

/// Parameters of the query; one that is unknown is told.
#[derive(Debug)]
pub(super) struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = serde_urlencoded::Deserializer::new(url::form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(pairs).map(Self).map_err(|error| {
            Problem::new(Code::Malformed, "the query does not read")
                .at(error.path().to_string(), error.inner().to_string())
        })
    }
}

/// Parts of the path.
#[derive(Debug)]
pub(super) struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match <axum::extract::Path<T> as FromRequestParts<S>>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(path)) => Ok(Self(path)),
            Err(rejection) => Err(Problem::new(
                Code::Malformed,
                format!("the path does not read: {}", rejection.body_text()),
            )),
        }
    }
}

/// The header `Idempotency-Key`, where the request has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IdempotencyKey(pub Option<String>);

/// The longest key, in bytes.
const LONGEST_KEY: usize = 255;

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let bad = || {
            Problem::new(Code::Malformed, "the header Idempotency-Key does not read")
                .hint("1 to 255 visible ASCII characters, such as a UUID")
        };
        let key = value.to_str().map_err(|_| bad())?.trim().trim_matches('"');
        if key.is_empty() || key.len() > LONGEST_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(bad());
        }
        Ok(Self(Some(key.to_owned())))
    }
}

impl IdempotencyKey {
    /// The key together with what is asked under it.
    pub(super) fn asking<'a>(self, asked: impl IntoIterator<Item = &'a [u8]>) -> Option<Key> {
        self.0.map(|key| Key { key, asked: Digest::of_parts(asked).to_string() })
    }
}

/// The header `If-Match`: the versions that the client would change, or `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IfMatch(Vec<String>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = <Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await?;
        found.ok_or_else(|| {
            Problem::new(Code::VersionNeeded, "the header If-Match is missing")
                .hint("send the ETag of what you have read, so that nobody's change is overwritten")
        })
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for IfMatch {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        let Some(value) = parts.headers.get(IF_MATCH) else { return Ok(None) };
        let text =
            value.to_str().map_err(|_| Problem::new(Code::Malformed, "the header If-Match does not read"))?;
        Ok(Some(Self(text.split(',').map(|tag| tag.trim().to_owned()).collect())))
    }
}

impl IfMatch {
    /// The version that the client would change, for whoever compares it where it is changed; `None` for `*`.
    pub(super) fn version(&self) -> Result<Option<i64>, Problem> {
        match &self.0[..] {
            [any] if any == "*" => Ok(None),
            [tag] => {
                let number = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')?.parse().ok());
                let other = || Problem::new(Code::Changed, format!("no version has the ETag {tag}"));
                number.map(Some).ok_or_else(other)
            }
            _ => Err(Problem::new(Code::Malformed, "the header If-Match has several ETags").hint("send one")),
        }
    }
}

/// The version that the client would change, where they say so; any where they do not.
pub(super) fn if_seen(tag: Option<&IfMatch>) -> Result<Option<i64>, Problem> {
    tag.map_or(Ok(None), IfMatch::version)
}

/// A body that may be left out.
#[derive(Debug)]
pub(super) struct Optional<T>(pub T);

impl<S: Send + Sync, T: Default + DeserializeOwned> FromRequest<S> for Optional<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = body(request, state).await?;
        match bytes.is_empty() {
            true => Ok(Self(T::default())),
            false => from_slice(&bytes).map(Self),
        }
    }
}

/// The ETag of a version.
pub(super) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// A body with the ETag of its version.
#[derive(Debug)]
pub(super) struct Tagged<T>(pub i64, pub T);

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        ([(ETAG, etag(self.0))], axum::Json(self.1)).into_response()
    }
}
