//! What went wrong, as a client reads it: problem details (RFC 9457) with codes that stay.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::config::Problems;
use crate::line::{NotReady, Refused};
use crate::store;

/// What kind of thing went wrong. A client may branch on it: codes are added, never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The request is not of the form that the route takes.
    Malformed,
    /// The body is longer than is taken.
    TooLarge,
    /// The body is of a type that the route does not take.
    MediaType,
    /// The message is no lead.
    NotALead,
    /// There is no such route.
    NoRoute,
    /// The route does not take this method.
    Method,
    /// There is no such thing.
    NotFound,
    /// Nobody is named by the request, or nobody that is known.
    Unauthenticated,
    /// Whoever asks may not do this.
    NotAllowed,
    /// It cannot be, as things stand.
    Conflict,
    /// The tenant has no configuration in force that this host can set up.
    NotReady,
    /// A folder has problems.
    NotInOrder,
    /// A plugin's component is refused.
    PluginRefused,
    /// A plugin's release is not trusted.
    NotTrusted,
    /// A registry did not give what was asked for.
    NotPulled,
    /// The idempotency key was used for something else.
    KeyReused,
    /// Somebody else has changed it meanwhile.
    Changed,
    /// The request has to say which version it changes.
    VersionNeeded,
    /// More requests than are taken of a tenant.
    TooMany,
    /// Too much is waiting already.
    Busy,
    /// The database does not answer.
    Unavailable,
    /// It took too long.
    Timeout,
    /// A mistake of ours.
    Internal,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::Malformed,
        Self::TooLarge,
        Self::MediaType,
        Self::NotALead,
        Self::NoRoute,
        Self::Method,
        Self::NotFound,
        Self::Unauthenticated,
        Self::NotAllowed,
        Self::Conflict,
        Self::NotReady,
        Self::NotInOrder,
        Self::PluginRefused,
        Self::NotTrusted,
        Self::NotPulled,
        Self::KeyReused,
        Self::Changed,
        Self::VersionNeeded,
        Self::TooMany,
        Self::Busy,
        Self::Unavailable,
        Self::Timeout,
        Self::Internal,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        self.parts().0
    }

    /// The status that goes with it.
    pub fn status(self) -> StatusCode {
        self.parts().1
    }

    /// In a few words.
    pub fn title(self) -> &'static str {
        self.parts().2
    }

    fn parts(self) -> (&'static str, StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::Malformed => ("malformed", S::BAD_REQUEST, "The request is not of the form that is taken"),
            Self::TooLarge => ("too-large", S::PAYLOAD_TOO_LARGE, "The body is too long"),
            Self::MediaType => ("media-type", S::UNSUPPORTED_MEDIA_TYPE, "The body is of another type"),
            Self::NotALead => ("not-a-lead", S::UNPROCESSABLE_ENTITY, "The message is no lead"),
            Self::NoRoute => ("no-route", S::NOT_FOUND, "There is no such route"),
            Self::Method => ("method", S::METHOD_NOT_ALLOWED, "The route does not take this method"),
            Self::NotFound => ("not-found", S::NOT_FOUND, "There is no such thing"),
            Self::Unauthenticated => ("unauthenticated", S::UNAUTHORIZED, "Nobody known is named"),
            Self::NotAllowed => ("not-allowed", S::FORBIDDEN, "This is not allowed to whoever asks"),
            Self::Conflict => ("conflict", S::CONFLICT, "It cannot be, as things stand"),
            Self::NotReady => ("not-ready", S::CONFLICT, "The tenant has no configuration in force"),
            Self::NotInOrder => ("not-in-order", S::UNPROCESSABLE_ENTITY, "The configuration has problems"),
            Self::PluginRefused => {
                ("plugin-refused", S::UNPROCESSABLE_ENTITY, "The plugin's component is refused")
            }
            Self::NotTrusted => {
                ("not-trusted", S::UNPROCESSABLE_ENTITY, "The plugin's release is not trusted")
            }
            Self::NotPulled => ("not-pulled", S::BAD_GATEWAY, "The registry did not give it"),
            Self::KeyReused => {
                ("key-reused", S::UNPROCESSABLE_ENTITY, "The key was used for another request")
            }
            Self::Changed => ("changed", S::PRECONDITION_FAILED, "Somebody has changed it meanwhile"),
            Self::VersionNeeded => {
                ("version-needed", S::PRECONDITION_REQUIRED, "It has to be said what is changed")
            }
            Self::TooMany => ("too-many", S::TOO_MANY_REQUESTS, "More requests than are taken"),
            Self::Busy => ("busy", S::SERVICE_UNAVAILABLE, "Too much is waiting"),
            Self::Unavailable => ("unavailable", S::SERVICE_UNAVAILABLE, "The database does not answer"),
            Self::Timeout => ("timeout", S::GATEWAY_TIMEOUT, "It took too long"),
            Self::Internal => ("internal", S::INTERNAL_SERVER_ERROR, "A mistake of the host's"),
        }
    }
}

/// What went wrong.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: String,
    hint: Option<String>,
    errors: Vec<Place>,
    /// Seconds after which the same may succeed.
    retry_after: Option<u64>,
}

/// The same as it is sent, with the media type `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Where the code is explained.
    #[schema(example = "/problems/not-found")]
    r#type: String,
    /// The code in a few words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What kind of thing went wrong; stays what it is.
    #[schema(example = "not-found")]
    code: &'static str,
    /// What went wrong this time.
    detail: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// Every place that is wrong, where several are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Place>,
}

/// Something wrong at a place.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Place {
    /// A file of the configuration, or a JSON pointer into the body, or the name of a parameter.
    at: String,
    /// Its line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// What is wrong.
    message: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Problem {
    /// Of this kind; the detail says what of it happened.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), hint: None, errors: Vec::new(), retry_after: None }
    }

    /// There is no such thing.
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("there is no {what}"))
    }

    /// How to mend it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A place that is wrong.
    pub fn at(mut self, at: impl Into<String>, message: impl Into<String>) -> Self {
        self.errors.push(Place { at: at.into(), line: None, message: message.into(), hint: None });
        self
    }

    /// Seconds after which the same may succeed.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// What kind of thing went wrong.
    pub fn code(&self) -> Code {
        self.code
    }

    /// As it is sent.
    pub fn body(&self) -> ProblemBody {
        ProblemBody {
            r#type: format!("/problems/{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            code: self.code.as_str(),
            detail: self.detail.clone(),
            hint: self.hint.clone(),
            errors: self.errors.clone(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.code.status(), Json(self.body())).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if self.code == Code::Unauthenticated {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NoTenant(tenant) => Self::not_found(format!("tenant {tenant}")),
            store::Error::Changed => Self::new(Code::Changed, error.to_string())
                .hint("read it again: its ETag tells what stands there now"),
            error if error.is_passing() => {
                tracing::warn!(cause = ?error, "the database does not answer");
                Self::new(Code::Unavailable, "the database does not answer; nothing is known to be changed")
                    .retry_after(1)
            }
            error => {
                tracing::error!(cause = ?error, "the database holds what it should not");
                Self::new(Code::Internal, error.to_string())
            }
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let detail = refused.to_string();
        match refused {
            Refused::NoLead(refusal) => {
                let cause = std::error::Error::source(&refusal).map(|cause| format!(": {cause}"));
                Self::new(Code::NotALead, format!("{refusal}{}", cause.unwrap_or_default()))
                    .hint(refusal.hint())
            }
            Refused::UnknownLead(_) => {
                Self::new(Code::NotFound, detail).hint("send it before what happens to it")
            }
            Refused::UnknownRep(_) => Self::new(Code::NotFound, detail)
                .hint("reps stand in reps.csv of the configuration in force; `GET /v1/reps` lists them"),
            Refused::UnknownRouter(_) => Self::new(Code::NotFound, detail).hint(
                "routers stand in tenant.toml of the configuration in force; `GET /v1/routers` lists them",
            ),
            Refused::Plugin(refusals) => {
                let errors = refusals.into_iter().map(|refusal| Place {
                    at: refusal.stage.to_string(),
                    line: None,
                    message: refusal.message,
                    hint: refusal.hint,
                });
                Self { errors: errors.collect(), ..Self::new(Code::PluginRefused, detail) }
            }
            Refused::Distrusted(why) => Self::new(Code::NotTrusted, why.to_string())
                .hint("`GET /v1/trust` tells whom this tenant trusts, and what is revoked"),
            Refused::DoesNotFit(plugin, why) => {
                let detail = format!("the configuration cannot be set up with this release of {plugin}");
                let Self { errors, .. } = why.as_ref().into();
                Self { errors, ..Self::new(Code::Conflict, detail) }
                    .hint("publish a release that fits, or a configuration with the settings that it takes")
            }
            Refused::UnknownPlugin(_) => {
                Self::new(Code::NotFound, detail).hint("`GET /v1/plugins` lists those that are published")
            }
            Refused::UnknownRelease(_) => Self::new(Code::NotFound, detail)
                .hint("`GET /v1/plugins/{plugin}/releases` lists those that are published"),
            Refused::UnknownModel(_) => {
                Self::new(Code::NotFound, detail).hint("`GET /v1/models` lists those that were trained")
            }
            Refused::UnknownExperiment(_) => {
                Self::new(Code::NotFound, detail).hint("`GET /v1/experiments` lists those that were made")
            }
            Refused::Changed => store::Error::Changed.into(),
            Refused::UnknownTenant(_) => Self::new(Code::NotFound, detail),
            Refused::Conflict(_) => Self::new(Code::Conflict, detail),
            Refused::KeyReused => {
                Self::new(Code::KeyReused, detail).hint("use a new key for every new request")
            }
            Refused::NotReady(why) => why.as_ref().into(),
            Refused::Batch(_) => Self::new(Code::Conflict, detail),
            Refused::Busy => Self::new(Code::Busy, detail).retry_after(1),
            Refused::Unavailable => Self::new(
                Code::Unavailable,
                "the database does not answer, and it is not known whether this was done",
            )
            .hint("send it again with the same Idempotency-Key: then it is done once")
            .retry_after(1),
            Refused::Broken => Self::new(Code::Internal, detail),
            Refused::Closing => Self::new(Code::Busy, detail).retry_after(1),
        }
    }
}

impl From<&NotReady> for Problem {
    fn from(why: &NotReady) -> Self {
        let problem = Self::new(Code::NotReady, why.to_string());
        match why {
            NotReady::Nothing => problem.hint("publish one with POST /v1/configurations/{version}/publish"),
            NotReady::NoVersion(version) => {
                Self::not_found(format!("version {version} of the configuration"))
            }
            NotReady::Problems { version, problems } => Self {
                detail: format!("version {version} of the configuration cannot be set up"),
                errors: places(problems),
                ..problem
            },
        }
    }
}

/// Problems of a folder, each with its place.
pub fn places(problems: &Problems) -> Vec<Place> {
    let place = |problem: &crate::config::Problem| Place {
        at: problem.file.clone(),
        line: Some(problem.line).filter(|line| *line > 0),
        message: problem.message.clone(),
        hint: problem.hint.clone(),
    };
    problems.0.iter().map(place).collect()
}

/// A folder that has problems.
pub fn not_in_order(problems: &Problems) -> Problem {
    let number = problems.0.len();
    let detail = if number == 1 { "one problem".to_owned() } else { format!("{number} problems") };
    Problem { errors: places(problems), ..Problem::new(Code::NotInOrder, detail) }
}
