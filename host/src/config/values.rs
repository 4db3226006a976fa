//! Values with a standard behind them: time zones, countries, languages, addresses, …
//!
//! Each check gives the value in its proper form, or says what is wrong with it and what was
//! probably meant. Problems read on from the value's name: "`timezone` …".

use std::str::FromStr;

use email_address::EmailAddress;
use jiff::tz::TimeZoneDatabase;
use oxilangtag::LanguageTag;
use url::{Host, Origin, Url};

use super::Problem;
use super::read::{At, Findings};
use crate::nearest::nearest;
use crate::zones;

/// What is wrong with a value: the rest of a sentence that begins with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

pub(super) fn wrong<T>(message: String, hint: Option<String>) -> Result<T, Wrong> {
    Err(Wrong { message, hint })
}

/// Checks a value in its place; what is wrong is a finding.
pub(super) fn checked<T>(
    key: &str,
    at: &At<String>,
    findings: &Findings,
    check: impl FnOnce(&str) -> Result<T, Wrong>,
) -> Option<T> {
    check(&at.value)
        .map_err(|Wrong { message, hint }| {
            let problem = Problem::at(&at.place, format!("`{key}` {message}"));
            findings.add(match hint {
                Some(hint) => problem.hint(hint),
                None => problem,
            });
        })
        .ok()
}

/// An id of any kind.
pub(super) fn id<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Wrong> {
    text.parse().or_else(|error: T::Err| wrong(format!("cannot be {text:?}: {error}"), None))
}

/// An IANA time zone, in the spelling of the database.
pub(super) fn timezone(text: &str) -> Result<String, Wrong> {
    if let Some(zone) = zones::zone(text)
        && let Some(name) = zone.iana_name()
    {
        return Ok(name.to_owned());
    }
    let names: Vec<String> = TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect();
    let city = |name: &str| name.rsplit('/').next().unwrap_or_default().to_lowercase().replace('_', " ");
    let wanted = city(text);
    let hint = match nearest(text, names.iter().map(String::as_str))
        .or_else(|| names.iter().map(String::as_str).find(|name| city(name) == wanted))
    {
        Some(near) => format!("did you mean `{near}`?"),
        None => "an IANA name, such as Europe/Lisbon or America/New_York".to_owned(),
    };
    wrong(format!("is no time zone: {text:?}"), Some(hint))
}

/// Three upper-case letters.
pub(super) fn currency(text: &str) -> Result<String, Wrong> {
    if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(text.to_owned());
    }
    let hint = match text.to_uppercase() {
        upper if upper.len() == 3 && upper.bytes().all(|byte| byte.is_ascii_uppercase()) => {
            format!("write {upper}")
        }
        _ => "an ISO 4217 code, such as EUR or USD".to_owned(),
    };
    wrong(format!("is no currency: {text:?}"), Some(hint))
}

/// ISO 3166-1 alpha-2.
pub(super) fn country(text: &str) -> Result<String, Wrong> {
    if let Some(country) = rust_iso3166::from_alpha2(text) {
        return Ok(country.alpha2.to_owned());
    }
    let upper = text.to_uppercase();
    let meant = match upper.as_str() {
        "UK" => Some("GB"),
        "EL" => Some("GR"),
        other => rust_iso3166::from_alpha2(other)
            .or_else(|| rust_iso3166::from_alpha3(other))
            .map(|country| country.alpha2),
    };
    // Official names go on where common ones end: United Kingdom of Great Britain …
    let named = |name: &str| {
        name.to_uppercase().strip_prefix(&upper).is_some_and(|rest| !rest.starts_with(char::is_alphabetic))
    };
    let hint = match meant {
        Some(code) => format!("write {code}"),
        None => match rust_iso3166::ALL
            .iter()
            .filter(|country| named(country.name))
            .min_by_key(|country| country.name.len())
        {
            Some(country) => format!("did you mean `{}`?", country.alpha2),
            None => "two letters of ISO 3166-1, such as US, GB or DE".to_owned(),
        },
    };
    wrong(format!("is no country: {text:?}"), Some(hint))
}

/// ISO 3166-2.
pub(super) fn region(text: &str) -> Result<String, Wrong> {
    let upper = text.to_uppercase();
    match rust_iso3166::iso3166_2::from_code(&upper) {
        Some(_) if upper == text => Ok(upper),
        Some(_) => wrong(format!("is no region: {text:?}"), Some(format!("write {upper}"))),
        None => wrong(
            format!("is no region: {text:?}"),
            Some("an ISO 3166-2 code, such as US-CA, DE-HH or GB-SCT".to_owned()),
        ),
    }
}

/// BCP 47, in its usual upper and lower case.
pub(super) fn language(text: &str) -> Result<String, Wrong> {
    match LanguageTag::parse_and_normalize(text) {
        Ok(tag) if tag.primary_language().len() <= 3 => Ok(tag.into_inner()),
        _ => {
            let dashed = text.replace('_', "-");
            let hint = match LanguageTag::parse_and_normalize(&dashed) {
                Ok(tag) if dashed != text => format!("write {tag}"),
                _ => "a BCP 47 tag, such as en, pt-BR or zh-Hant".to_owned(),
            };
            wrong(format!("is no language: {text:?}"), Some(hint))
        }
    }
}

/// An address, in lower case.
pub(super) fn email(text: &str) -> Result<String, Wrong> {
    match EmailAddress::from_str(text) {
        Ok(address) => Ok(address.as_str().to_lowercase()),
        Err(error) => wrong(
            format!(
                "is no e-mail address: {text:?} ({})",
                error.to_string().to_lowercase().trim_end_matches('.')
            ),
            None,
        ),
    }
}

/// A registrable domain, in lower case: what one buys.
pub(super) fn domain(text: &str) -> Result<String, Wrong> {
    let lower = text.to_lowercase();
    let host = lower.trim_start_matches("https://").trim_start_matches("http://");
    let host = host.split(['/', '?', '#', ':']).next().unwrap_or_default().trim_end_matches('.');
    let plain = |name: &str| {
        name.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
    };
    match psl::domain_str(host) {
        Some(found) if found == lower && plain(found) => Ok(lower),
        Some(found) if plain(found) => wrong(
            format!("is no registrable domain: {text:?}"),
            Some(format!("write {found}; every host below it belongs to it")),
        ),
        _ => wrong(
            format!("is no registrable domain: {text:?}"),
            Some("such as example.com or example.co.uk, without https:// and www.".to_owned()),
        ),
    }
}

/// Scheme, host and port of where an enricher may ask, nothing else.
pub(super) fn origin(text: &str) -> Result<Origin, Wrong> {
    let Ok(url) = Url::parse(text) else {
        let hint = match text.contains("://") {
            true => "such as https://api.example.com".to_owned(),
            false => format!("write https://{text}"),
        };
        return wrong(format!("is no origin: {text:?}"), Some(hint));
    };
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => {
            return wrong(
                format!("is no origin: {text:?}"),
                Some("such as https://api.example.com".to_owned()),
            );
        }
    };
    match url.scheme() {
        "https" => {}
        "http" if local => {}
        "http" => {
            return wrong(format!("would carry leads unencrypted: {text:?}"), Some("use https".to_owned()));
        }
        _ => {
            return wrong(
                format!("is no origin: {text:?}"),
                Some("such as https://api.example.com".to_owned()),
            );
        }
    }
    let bare = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    match bare {
        true => Ok(url.origin()),
        false => wrong(
            format!("is more than an origin: {text:?}"),
            Some(format!("write {}; the plugin chooses the path", url.origin().ascii_serialization())),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The proper form, or message and hint.
    #[track_caller]
    fn check<T: ToString>(check: fn(&str) -> Result<T, Wrong>, text: &str, expected: Result<&str, &str>) {
        let found =
            check(text).map(|value| value.to_string()).map_err(|wrong| wrong.hint.unwrap_or(wrong.message));
        assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
    }

    fn origin_text(text: &str) -> Result<String, Wrong> {
        origin(text).map(|origin| origin.ascii_serialization())
    }

    #[test]
    fn values_and_what_was_meant() {
        check(timezone, "Europe/Lisbon", Ok("Europe/Lisbon"));
        check(timezone, "europe/lisbon", Ok("Europe/Lisbon"));
        check(timezone, "UTC", Ok("UTC"));
        check(timezone, "Europe/Lisbom", Err("did you mean `Europe/Lisbon`?"));
        check(timezone, "New York", Err("did you mean `America/New_York`?"));
        check(timezone, "GMT+25", Err("an IANA name, such as Europe/Lisbon or America/New_York"));
        check(currency, "EUR", Ok("EUR"));
        check(currency, "eur", Err("write EUR"));
        check(currency, "euros", Err("an ISO 4217 code, such as EUR or USD"));
        check(country, "PT", Ok("PT"));
        check(country, "pt", Err("write PT"));
        check(country, "UK", Err("write GB"));
        check(country, "Portugal", Err("did you mean `PT`?"));
        check(country, "United Kingdom", Err("did you mean `GB`?"));
        check(country, "United States", Err("did you mean `US`?"));
        check(country, "PRT", Err("write PT"));
        check(country, "XX", Err("two letters of ISO 3166-1, such as US, GB or DE"));
        check(region, "US-CA", Ok("US-CA"));
        check(region, "us-ca", Err("write US-CA"));
        check(region, "US-ZZ", Err("an ISO 3166-2 code, such as US-CA, DE-HH or GB-SCT"));
        check(language, "pt-br", Ok("pt-BR"));
        check(language, "pt_BR", Err("write pt-BR"));
        check(language, "english", Err("a BCP 47 tag, such as en, pt-BR or zh-Hant"));
        check(email, "Ana@Lima.Example", Ok("ana@lima.example"));
        check(domain, "lima.example", Ok("lima.example"));
        check(domain, "Lima.Example", Ok("lima.example"));
        check(
            domain,
            "https://www.lima.co.uk/about",
            Err("write lima.co.uk; every host below it belongs to it"),
        );
        check(domain, "co.uk", Err("such as example.com or example.co.uk, without https:// and www."));
        check(domain, "not a domain", Err("such as example.com or example.co.uk, without https:// and www."));
        check(origin_text, "https://api.example.com", Ok("https://api.example.com"));
        check(origin_text, "https://api.example.com:8443/", Ok("https://api.example.com:8443"));
        check(origin_text, "http://localhost:8080", Ok("http://localhost:8080"));
        check(origin_text, "http://api.example.com", Err("use https"));
        check(origin_text, "api.example.com", Err("write https://api.example.com"));
        check(
            origin_text,
            "https://api.example.com/v1?x",
            Err("write https://api.example.com; the plugin chooses the path"),
        );
        check(origin_text, "file:///etc/passwd", Err("such as https://api.example.com"));
    }
}
