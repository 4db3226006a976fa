//! What a value may be: a number in a range, an address, one of some words.
//!
//! A form reads a value from the file, where types are written down, and from a variable or a flag, where
//! everything is text. It says what it wants in words, for messages and for the operators' table.

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::GeneralPurposeConfig;
use base64::engine::general_purpose::GeneralPurpose;
use email_address::EmailAddress;
use tracing_subscriber::EnvFilter;
use url::Url;

use super::{Database, Secret};
use crate::nearest::nearest;

/// A value as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Text of the file.
    Text(String),
    /// A number or a flag of the file.
    Bare(String),
    /// A list of texts of the file.
    List(Vec<String>),
    /// Something of the file that no key may be, in words.
    Other(&'static str),
    /// A variable, a flag or a file of its own: the key says what it is.
    Word(String),
}

/// What a value may be.
pub(super) struct Form<T> {
    /// Such as `a whole number from 1 to 1000`.
    pub(super) words: String,
    read: Box<Read<T>>,
}

type Read<T> = dyn Fn(&Value) -> Result<T, Wrong>;

/// What is wrong with a value: the rest of a sentence that begins with its key, and a way out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl<T: 'static> Form<T> {
    /// The value, if it is of this form.
    pub(super) fn read(&self, value: &Value) -> Result<T, Wrong> {
        (self.read)(value)
    }

    /// A form of texts; `example` is how it may look, where its words do not say.
    fn of_text(
        words: impl Into<String>,
        example: &'static str,
        parse: impl Fn(&str) -> Result<T, String> + 'static,
    ) -> Self {
        let words = words.into();
        let wanted = words.clone();
        let read = move |value: &Value| {
            let text = match value {
                Value::Text(text) | Value::Word(text) if text.trim().is_empty() => {
                    return Err(Wrong { message: "is empty".to_owned(), hint: Some(LEAVE_OUT.to_owned()) });
                }
                Value::Text(text) | Value::Word(text) => text.trim(),
                other => return Err(other.unlike(&wanted)),
            };
            parse(text).map_err(|message| {
                let hint = (!example.is_empty()).then(|| example.to_owned());
                Wrong { message, hint }
            })
        };
        Self { words, read: Box::new(read) }
    }

    /// A form of numbers and flags, which stand without quotes.
    fn of_bare(
        words: impl Into<String>,
        kind: &'static str,
        parse: impl Fn(&str) -> Option<T> + 'static,
    ) -> Self {
        let words = words.into();
        let wanted = words.clone();
        let read = move |value: &Value| match value {
            Value::Bare(text) | Value::Word(text) => parse(text.trim())
                .ok_or_else(|| Wrong { message: format!("is {text}, and must be {wanted}"), hint: None }),
            other => Err(other.unlike(kind)),
        };
        Self { words, read: Box::new(read) }
    }
}

const LEAVE_OUT: &str = "leave it out, and the default holds";

impl Value {
    /// What is wrong with it where something else is wanted.
    fn unlike(&self, wanted: &str) -> Wrong {
        let (found, hint) = match self {
            Self::Text(text) if text.parse::<f64>().is_ok() || text.parse::<bool>().is_ok() => {
                (format!("the text {text:?}"), Some(format!("leave the quotes out: {text}")))
            }
            Self::Text(_) | Self::Word(_) => ("a text".to_owned(), None),
            Self::Bare(text) => (text.clone(), Some(format!("put it between quotes: \"{text}\""))),
            Self::List(_) => ("a list".to_owned(), None),
            Self::Other(what) => ((*what).to_owned(), None),
        };
        Wrong { message: format!("must be {wanted}, found {found}"), hint }
    }
}

/// A whole number in a range.
pub(super) fn whole<N>(range: RangeInclusive<N>) -> Form<N>
where
    N: std::str::FromStr + PartialOrd + Display + 'static,
{
    let words = format!("a whole number from {} to {}", range.start(), range.end());
    // As TOML groups digits.
    let parse = move |text: &str| text.replace('_', "").parse().ok().filter(|number| range.contains(number));
    Form::of_bare(words, "a whole number", parse)
}

/// A number in a range.
pub(super) fn number(range: RangeInclusive<f64>) -> Form<f64> {
    let words = format!("a number from {} to {}", range.start(), range.end());
    Form::of_bare(words, "a number", move |text: &str| {
        text.replace('_', "").parse().ok().filter(|number| range.contains(number))
    })
}

/// True or false.
pub(super) fn switch() -> Form<bool> {
    Form::of_bare(SWITCH, SWITCH, |text| text.parse().ok())
}

/// The words of [`switch`].
pub(super) const SWITCH: &str = "true or false";

/// Any text.
pub(super) fn text() -> Form<String> {
    Form::of_text("a text", "", |text| Ok(text.to_owned()))
}

/// One of a closed set of words.
pub(super) fn word<T: Copy>(words: &'static [(&'static str, T)]) -> Form<T> {
    let all: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    let all = all.join(" or ");
    let wanted = all.clone();
    Form::of_text(all, "", move |text| {
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meant)| *meant);
        found.ok_or_else(|| match nearest(text, words.iter().map(|(word, _)| *word)) {
            Some(near) => format!("is {text:?}; did you mean `{near}`?"),
            None => format!("is {text:?}, and must be {wanted}"),
        })
    })
}

/// An address and a port.
pub(super) fn address() -> Form<SocketAddr> {
    Form::of_text("an IP address and a port", "such as 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080", |text| {
        text.parse().map_err(|_| format!("is {text:?}, and must be an IP address and a port"))
    })
}

/// A folder, which need not be there yet.
pub(super) fn folder() -> Form<PathBuf> {
    Form::of_text("a folder", "", |text| Ok(PathBuf::from(text)))
}

/// A file's path; it is read where it is used.
pub(super) fn file() -> Form<PathBuf> {
    Form::of_text("a file", "", |text| Ok(PathBuf::from(text)))
}

/// A URL of one of some schemes, with a host. It is not repeated in messages, since it may hold a password.
pub(super) fn url(schemes: &'static [&'static str]) -> Form<Url> {
    let all: Vec<String> = schemes.iter().map(|scheme| format!("{scheme}://")).collect();
    let all = all.join(" or ");
    let wanted = format!("a URL that begins with {all}");
    Form::of_text(wanted.clone(), "", move |text| match Url::parse(text) {
        Ok(url) if schemes.contains(&url.scheme()) && url.has_host() => Ok(url),
        Ok(_) => Err(format!("must be {wanted}")),
        Err(error) => Err(format!("is no URL: {error}")),
    })
}

/// A database; as [`url`] it is not repeated.
pub(super) fn database() -> Form<Database> {
    const EXAMPLE: &str = "sqlite:lanewright.db, or postgres://user:password@host/name";
    Form::of_text("a database URL", EXAMPLE, |text| {
        if let Some(file) = text.strip_prefix("sqlite:") {
            let file = file.strip_prefix("//").unwrap_or(file);
            return match file {
                "" => Err("names no file".to_owned()),
                ":memory:" => Err("is in memory, and a service must not forget".to_owned()),
                _ if file.contains('?') => {
                    Err("has options after `?`, which the service sets itself".to_owned())
                }
                _ => Ok(Database::Sqlite(file.into())),
            };
        }
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "postgres" | "postgresql") => {
                Ok(Database::Postgres(Secret::new(text.to_owned())))
            }
            Ok(_) => Err("must begin with sqlite: or postgres://".to_owned()),
            Err(error) => Err(format!("is no URL: {error}")),
        }
    })
}

/// 32 bytes in base64.
pub(super) fn key() -> Form<Secret<[u8; 32]>> {
    const ANY_PADDING: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
    );
    Form::of_text("32 bytes in base64", "make one with: openssl rand -base64 32", |text| {
        let bytes = ANY_PADDING.decode(text).map_err(|_| "is not base64".to_owned())?;
        let length = bytes.len();
        bytes.try_into().map(Secret::new).map_err(|_| format!("has {length} bytes, and must have 32"))
    })
}

/// An e-mail address, with or without a name.
pub(super) fn mailbox() -> Form<String> {
    Form::of_text("an e-mail address", "such as Leads <leads@example.com>", |text| {
        text.parse::<EmailAddress>()
            .map(|_| text.to_owned())
            .map_err(|error| format!("is {text:?}, which is no e-mail address: {error}"))
    })
}

/// What is logged.
pub(super) fn filter() -> Form<String> {
    Form::of_text("directives", "such as info, or warn,lanewright=debug", |text| {
        EnvFilter::builder()
            .parse(text)
            .map(|_| text.to_owned())
            .map_err(|error| format!("is {text:?}: {error}"))
    })
}

/// A header's name and its value; as [`url`] it is not repeated.
pub(super) fn header() -> Form<(String, Secret<String>)> {
    Form::of_text("`name=value`", "such as authorization=Bearer abc", |text| {
        let (name, value) = text.split_once('=').ok_or("has no `=` between a name and a value")?;
        let (name, value) = (name.trim(), value.trim());
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || !name.chars().all(token) {
            return Err("has something before `=` that is no header's name".to_owned());
        }
        if !value.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
            return Err(format!("has a value for `{name}` that no header can have"));
        }
        Ok((name.to_ascii_lowercase(), Secret::new(value.to_owned())))
    })
}

/// A list; commas or lines divide it in a variable or a file.
pub(super) fn list<T: 'static>(item: Form<T>) -> Form<Vec<T>> {
    let words = format!("a list, each {}", item.words);
    let wanted = words.clone();
    let read = move |value: &Value| match value {
        Value::List(texts) => texts.iter().map(|text| item.read(&Value::Text(text.clone()))).collect(),
        Value::Word(text) => text
            .split([',', '\n'])
            .filter(|text| !text.trim().is_empty())
            .map(|text| item.read(&Value::Word(text.to_owned())))
            .collect(),
        Value::Text(_) => {
            let hint = Some("put it between brackets: [\"…\"]".to_owned());
            Err(Wrong { message: format!("must be {wanted}, found one text"), hint })
        }
        other => Err(other.unlike(&wanted)),
    };
    Form { words, read: Box::new(read) }
}
