//! The form of each part of a message. Every function takes the part as it came and answers it in its
//! proper form, or says in a lowercase fragment what was expected and what was found.

use std::str::FromStr;

use email_address::{EmailAddress, Options};
use jiff::Timestamp;
use oxilangtag::LanguageTag;
use serde_json::Value as Json;

use crate::failure::clean;
use crate::lead::{FieldValue, Kind, MAX_ID};
use crate::records;
use crate::zones::zone;

/// The most bytes of a part that fits on a line.
const MAX_LINE: usize = 1024;
/// The most bytes of a custom field's text.
const MAX_FIELD: usize = 64 << 10;
/// The longest phone number that is looked at, separators and all.
const MAX_PHONE: usize = 40;

/// What a value is, for a person.
pub(super) fn found(value: &Json) -> String {
    match value {
        Json::Null => "nothing".to_owned(),
        Json::Bool(flag) => flag.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => quoted(text),
        Json::Array(_) => "a list".to_owned(),
        Json::Object(_) => "an object".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", clean(text, 60))
}

/// Text as it stands, trimmed and without NUL, which databases and C libraries cannot hold.
pub(super) fn text(value: &Json, most: usize) -> Result<String, String> {
    let text = value.as_str().ok_or_else(|| format!("expected text, found {}", found(value)))?;
    if text.len() > most {
        return Err(format!("expected at most {most} bytes, found {}", text.len()));
    }
    Ok(text.replace('\0', "").trim().to_owned())
}

/// Text on one line: runs of white space are one space, other control characters are left out.
pub(super) fn line(value: &Json) -> Result<String, String> {
    let text = text(value, MAX_LINE)?;
    let words: Vec<String> = text
        .split_whitespace()
        .map(|word| word.chars().filter(|c| !c.is_control()).collect())
        .filter(|word: &String| !word.is_empty())
        .collect();
    Ok(words.join(" "))
}

/// A line in lower case.
pub(super) fn lower(value: &Json) -> Result<String, String> {
    Ok(line(value)?.to_lowercase())
}

/// A line in lower case with hyphens between its words: `Demo Request` and `demo_request` are one source.
pub(super) fn slug(value: &Json) -> Result<String, String> {
    Ok(lower(value)?.replace([' ', '_'], "-"))
}

/// Lead or deal.
pub(super) fn kind(value: &Json) -> Result<Kind, String> {
    match lower(value)?.as_str() {
        "lead" => Ok(Kind::Lead),
        "deal" => Ok(Kind::Deal),
        _ => Err(format!("expected lead or deal, found {}", found(value))),
    }
}

/// A moment since 1970, as RFC 3339 writes it.
pub(super) fn moment(value: &Json) -> Result<Timestamp, String> {
    let moment = value.as_str().and_then(|text| Timestamp::from_str(text.trim()).ok());
    moment
        .filter(|moment| *moment >= Timestamp::UNIX_EPOCH)
        .ok_or_else(|| format!("expected a time such as 2026-03-02T10:00:00Z, found {}", found(value)))
}

/// A number of people.
pub(super) fn headcount(value: &Json) -> Result<u32, String> {
    let whole = |number: f64| (number.fract() == 0.0 && number >= 0.0).then_some(number as u64);
    value
        .as_u64()
        .or_else(|| value.as_f64().and_then(whole))
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| format!("expected a whole number of people, found {}", found(value)))
}

/// An amount of money, not negative.
pub(super) fn amount(value: &Json) -> Result<f64, String> {
    value
        .as_f64()
        .filter(|amount| amount.is_finite() && *amount >= 0.0)
        // There is one zero.
        .map(|amount| amount + 0.0)
        .ok_or_else(|| format!("expected an amount of at least 0 as a number, found {}", found(value)))
}

/// An address in lower case.
pub(super) fn email(value: &Json) -> Result<String, String> {
    let address = line(value)?.to_lowercase();
    let form = Options::default().with_required_tld().without_display_text().without_domain_literal();
    match EmailAddress::parse_with_options(&address, form) {
        Ok(_) => Ok(address),
        Err(_) => Err(format!("expected an e-mail address, found {}", found(value))),
    }
}

/// A company's registrable domain, from a domain or the address of a page.
pub(super) fn company_domain(value: &Json) -> Result<String, String> {
    let text = line(value)?;
    let wrong = || format!("expected a domain such as example.com, found {}", found(value));
    let page = if text.contains("://") { text } else { format!("https://{text}") };
    let page = url::Url::parse(&page).map_err(|_| wrong())?;
    if !matches!(page.scheme(), "http" | "https") || !page.username().is_empty() {
        return Err(wrong());
    }
    let domain = page.domain().and_then(records::registrable).ok_or_else(wrong)?;
    if records::is_free_mail(&domain) {
        return Err(format!("{domain} is a mail provider and says nothing about the company"));
    }
    Ok(domain)
}

/// A number in E.164. One without a country code is read as of the home country.
pub(super) fn phone(value: &Json, home: Option<&str>) -> Result<String, String> {
    let text = line(value)?;
    let wrong = || match home {
        Some(home) => {
            format!("expected a phone number with its country code or of {home}, found {}", found(value))
        }
        None => format!("expected a phone number with its country code, found {}", found(value)),
    };
    let plain = |c: char| c.is_ascii_digit() || " +-()./".contains(c);
    if text.len() > MAX_PHONE || !text.chars().all(plain) {
        return Err(wrong());
    }
    let home = home.and_then(|code| code.parse().ok());
    let number = phonenumber::parse(home, &text).map_err(|_| wrong())?;
    if !number.is_valid() {
        return Err(wrong());
    }
    Ok(number.format().mode(phonenumber::Mode::E164).to_string())
}

/// ISO 3166-1 alpha-2, in upper case.
pub(super) fn country(value: &Json) -> Result<String, String> {
    let code = line(value)?.to_uppercase();
    if rust_iso3166::from_alpha2(&code).is_some() {
        return Ok(code);
    }
    let hint = if code == "UK" { "; the United Kingdom is GB" } else { "" };
    Err(format!("expected a country's two letters in ISO 3166, such as PT, found {}{hint}", found(value)))
}

/// ISO 3166-2, in upper case: a country's two letters and one of its parts.
pub(super) fn region(value: &Json) -> Result<String, String> {
    let code = line(value)?.to_uppercase();
    match rust_iso3166::iso3166_2::from_code(&code) {
        Some(_) => Ok(code),
        None => Err(format!("expected a region in ISO 3166-2, such as US-CA, found {}", found(value))),
    }
}

/// BCP 47 in its usual spelling; `und` says that nobody knows, and is none.
pub(super) fn language(value: &Json) -> Result<String, String> {
    let tag = line(value)?.replace('_', "-");
    match LanguageTag::parse_and_normalize(&tag) {
        Ok(tag) if tag.primary_language().len() <= 3 && tag.primary_language() != "und" => {
            Ok(tag.into_inner())
        }
        _ => Err(format!("expected a language in BCP 47, such as pt-BR, found {}", found(value))),
    }
}

/// An IANA name in its usual spelling.
pub(super) fn timezone(value: &Json) -> Result<String, String> {
    let zone = zone(&line(value)?);
    zone.as_ref()
        .and_then(|zone| zone.iana_name())
        .map(str::to_owned)
        .ok_or_else(|| format!("expected a time zone such as Europe/Lisbon, found {}", found(value)))
}

/// The name of a custom field.
pub(super) fn field_name(name: &str) -> Result<String, String> {
    let trimmed = name.trim();
    if trimmed.is_empty() || trimmed.len() > MAX_ID || trimmed.chars().any(char::is_control) {
        return Err(format!("a field's name has 1 to {MAX_ID} bytes and no control characters"));
    }
    Ok(trimmed.to_owned())
}

/// The value of a custom field. A text that looks like a time stays text: only the tenant knows what it means.
pub(super) fn field(value: &Json) -> Result<FieldValue, String> {
    let wrong = || format!("expected text, a number, true, false or a list of texts, found {}", found(value));
    match value {
        Json::String(_) => text(value, MAX_FIELD).map(FieldValue::Text),
        Json::Number(number) => {
            number.as_f64().filter(|number| number.is_finite()).map(FieldValue::Number).ok_or_else(wrong)
        }
        Json::Bool(flag) => Ok(FieldValue::Flag(*flag)),
        Json::Array(list) if list.iter().all(Json::is_string) => {
            let texts: Result<Vec<String>, String> = list.iter().map(|item| text(item, MAX_FIELD)).collect();
            let texts = texts?;
            let bytes: usize = texts.iter().map(String::len).sum();
            if bytes > MAX_FIELD {
                return Err(format!("expected at most {MAX_FIELD} bytes, found {bytes}"));
            }
            Ok(FieldValue::Texts(texts))
        }
        Json::Array(_) => Err("expected a list of texts, found a list with something else in it".to_owned()),
        Json::Null | Json::Object(_) => Err(wrong()),
    }
}
