//! An enricher: asks a company directory about the lead's domain, and adds what it says to the lead's
//! fields, where tiers and other plugins can read it.
//!
//! ```toml
//! [[plugins.enrichers]]
//! name = "firmographics"
//! component = "firmographics.wasm"
//! hosts = ["https://directory.example"]
//! secrets = { directory = "https://directory.example" }
//! settings = { origin = "https://directory.example", authorization = "Bearer {{secret:directory}}" }
//!
//! [tiers]
//! two = { when = "has(lead.fields.firmo_employees) && lead.fields.firmo_employees >= 1000.0" }
//! ```
//!
//! The plugin never waits: it says what to ask, the host asks if the tenant granted that origin, and the
//! plugin reads the answer. No answer costs a fact, never the lead.

use lanewright_sdk::*;
use serde::Deserialize;
use serde_json::json;

/// The enricher.
pub struct Firmographics;

/// What a tenant sets.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the directory is: scheme, host and port, such as `https://directory.example`.
    origin: String,
    /// What it is asked with, such as `Bearer {{secret:directory}}`: the host puts the tenant's secret in its place.
    #[serde(default)]
    authorization: Option<String>,
}

impl Plugin for Firmographics {
    type Settings = Settings;

    fn schema() -> String {
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["origin"],
            "properties": {
                "origin": {"type": "string", "pattern": "^https?://[^/]+$"},
                "authorization": {"type": "string", "pattern": "\\{\\{secret:[A-Za-z0-9._-]+\\}\\}"},
            },
        })
        .to_string()
    }

    fn check(settings: &Settings, _: &[Lane]) -> Vec<Issue> {
        let mut issues = Vec::new();
        let host = settings.origin.strip_prefix("https://").or(settings.origin.strip_prefix("http://"));
        match host {
            Some(host) if !host.is_empty() && !host.contains('/') => {}
            _ => {
                let message = "is an origin such as https://directory.example, without a path";
                issues.push(Issue::new("/origin", message));
            }
        }
        if settings.authorization.as_ref().is_some_and(|text| !text.contains("{{secret:")) {
            let message = "names a secret, such as Bearer {{secret:directory}}; settings are read by many";
            issues.push(Issue::new("/authorization", message));
        }
        issues
    }
}

impl Enricher for Firmographics {
    fn plan(host: &dyn Host, lead: &Lead) -> Result<Vec<Request>, Failure> {
        let Settings { origin, authorization } = settings(host)?;
        let Some(domain) = &lead.company.domain else { return Ok(Vec::new()) };
        let url = format!("{origin}/companies?domain={}", escaped(domain));
        let mut headers = vec![("accept".into(), "application/json".into())];
        headers.extend(authorization.map(|value| ("authorization".into(), value)));
        Ok(vec![Request { url, headers, body: None }])
    }

    fn interpret(host: &dyn Host, _: &Lead, responses: &[Response]) -> Result<Vec<Field>, Failure> {
        let Some(response) = responses.first() else { return Ok(Vec::new()) };
        match response.status {
            Some(200) => Ok(fields(&response.body).unwrap_or_else(|problem| {
                host.log(Level::Warn, &format!("the directory's answer is no company: {problem}"));
                Vec::new()
            })),
            Some(404) => Ok(Vec::new()),
            Some(status) => {
                host.log(Level::Warn, &format!("the directory answered with {status}"));
                Ok(Vec::new())
            }
            None => {
                host.log(Level::Warn, "the directory did not answer");
                Ok(Vec::new())
            }
        }
    }
}

/// A company as the directory tells it. What else it says is not ours to keep.
#[derive(Deserialize)]
struct Known {
    employees: Option<u32>,
    industry: Option<String>,
}

fn fields(body: &[u8]) -> Result<Vec<Field>, serde_json::Error> {
    let Known { employees, industry } = serde_json::from_slice(body)?;
    let employees = employees.map(|count| ("firmo_employees", Value::Number(f64::from(count))));
    let industry = industry.map(|name| ("firmo_industry", Value::Text(name.to_lowercase())));
    let field = |(name, value): (&str, Value)| Field { name: name.to_owned(), value };
    Ok(employees.into_iter().chain(industry).map(field).collect())
}

/// A domain is of letters, digits, dots and hyphens; whatever else it holds is not left to chance.
fn escaped(domain: &str) -> String {
    domain
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

register!(Firmographics: enricher);

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> TestHost {
        let settings = r#"{"origin": "https://directory.example"}"#.to_owned();
        TestHost { settings, ..TestHost::default() }
    }

    fn lead(domain: Option<&str>) -> Lead {
        Lead {
            id: "l".into(),
            source: "web-form".into(),
            company: Company { domain: domain.map(str::to_owned), ..Company::default() },
            ..Lead::default()
        }
    }

    #[test]
    fn asks_about_the_domain() {
        let check = |domain: Option<&str>, expect: &[&str]| {
            let asked = Firmographics::plan(&host(), &lead(domain)).expect("a plan");
            assert_eq!(asked.iter().map(|request| request.url.as_str()).collect::<Vec<_>>(), expect);
        };
        check(None, &[]);
        check(Some("acme.co.uk"), &["https://directory.example/companies?domain=acme.co.uk"]);
        check(Some("a&b ü"), &["https://directory.example/companies?domain=a%26b%20%C3%BC"]);
    }

    #[test]
    fn reads_what_it_knows_and_says_what_it_does_not() {
        let check = |status, body: &str, expect: &[(&str, Value)], logged: &[&str]| {
            let host = host();
            let response = Response { status, body: body.into() };
            let found = Firmographics::interpret(&host, &lead(None), &[response]).expect("fields");
            let found: Vec<_> = found.iter().map(|f| (f.name.as_str(), f.value.clone())).collect();
            assert_eq!(found, expect, "{body}");
            let said = host.logged.borrow();
            assert_eq!(said.len(), logged.len(), "{said:?}");
            assert!(said.iter().zip(logged).all(|((_, said), part)| said.contains(part)), "{said:?}");
        };
        let number = Value::Number(1200.0);
        let industry = Value::Text("retail".into());
        let known = [("firmo_employees", number.clone()), ("firmo_industry", industry)];
        check(Some(200), r#"{"employees": 1200, "industry": "Retail", "x": 1}"#, &known, &[]);
        check(Some(200), r#"{"employees": 1200}"#, &[("firmo_employees", number)], &[]);
        check(Some(200), "{}", &[], &[]);
        check(Some(200), r#"{"employees": -1}"#, &[], &["no company"]);
        check(Some(404), "", &[], &[]);
        check(Some(500), "", &[], &["500"]);
        check(None, "", &[], &["did not answer"]);
    }

    #[test]
    fn settings_that_cannot_be_are_told() {
        let check = |origin: &str, good: bool| {
            let issues =
                Firmographics::check(&Settings { origin: origin.to_owned(), authorization: None }, &[]);
            assert_eq!(issues.is_empty(), good, "{origin}: {issues:?}");
        };
        check("https://directory.example", true);
        check("http://127.0.0.1:8080", true);
        check("https://directory.example/v1", false);
        check("https://", false);
        check("directory.example", false);
        let check = |authorization: &str, good: bool| {
            let (origin, authorization) =
                ("https://directory.example".to_owned(), Some(authorization.to_owned()));
            assert_eq!(Firmographics::check(&Settings { origin, authorization }, &[]).is_empty(), good);
        };
        check("Bearer {{secret:directory}}", true);
        check("Bearer 1234", false);
    }
}
