//! Small texts at the edges: keys, tokens and what stands behind them, URLs and what they answer, settings.

use std::ffi::OsString;
use std::fs;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use lanewright::access::{Access, FetchJson, Key, Mapping, Provider};
use lanewright::effects::{Destination, EffectKind, Kind, Met, checked};
use lanewright::fetch::{Reach, Reply, target};
use lanewright::lead::TenantId;
use lanewright::settings::{Given, Settings, reference};
use lanewright::store::{Options, ProviderRow, Store};
use serde_json::{Value as Json, json};

use super::Target;
use super::decisions::now;
use crate::service::harness::runtime;

pub(super) const KEY: Target = Target {
    name: "key",
    cases: 3_000,
    words: "key",
    seeds: || {
        let keys = ["acme", "a b/c", "ÄÖ%_", "*"].map(|tenant| {
            let written: String = url::form_urlencoded::byte_serialize(tenant.as_bytes()).collect();
            format!("lw_{written}_0123456789AB_0123456789ABCDEFGHIJKLMNOPQRSTUV").into_bytes()
        });
        keys.into()
    },
    reads: |input| {
        let text = String::from_utf8_lossy(input);
        let Some(key) = Key::parse(&text) else { return "no key".to_owned() };
        assert_eq!(key.reveal(), text);
        assert!(key.is(&key.hash()));
        format!("{} {}", key.tenant().as_str().is_ascii(), key.id().len())
    },
};

const ISSUER: &str = "https://id.example/realm";

/// A credential, a provider as it is kept, and what its issuer answers: the document about it, and its keys.
pub(super) const TOKEN: Target = Target {
    name: "token",
    cases: 200,
    words: "token",
    seeds: || {
        // PKCS #8 of a key that is its number's bytes.
        let mut ed = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        ed.extend([7; 32]);
        let ec = include_bytes!("../../../host/src/access/people/ec-of-tests.der");
        let rsa = include_bytes!("../../../host/src/access/people/rsa-of-tests.der");
        let keys = [
            (Algorithm::EdDSA, EncodingKey::from_ed_der(&ed)),
            (Algorithm::ES256, EncodingKey::from_ec_der(ec)),
            (Algorithm::RS256, EncodingKey::from_rsa_der(rsa)),
        ];
        keys.map(|(algorithm, key)| signed_in(algorithm, &key).to_string().into_bytes()).into()
    },
    reads: |input| {
        let Ok(input) = serde_json::from_slice::<Json>(input) else { return "no JSON".to_owned() };
        let text = |name: &str| input[name].as_str().unwrap_or_default().to_owned();
        let parts = input["authorization"].as_array().into_iter().flatten();
        let header: String = parts.filter_map(Json::as_str).collect();
        let (store, tenant) = store();
        let row = ProviderRow {
            tenant: tenant.to_string(),
            provider: "main".to_owned(),
            head: 0,
            issuer: text("issuer"),
            audience: text("audience"),
            roles: input["mapping"].to_string(),
            made_at: 0,
        };
        let mut told = match serde_json::from_value::<Mapping>(input["mapping"].clone()) {
            Ok(mapping) => {
                let provider = Provider::from_row(row.clone()).expect("a mapping that reads");
                assert_eq!(provider.mapping, mapping);
                assert_eq!(
                    Provider::from_row(provider.to_row(now())).expect("what was written reads"),
                    provider
                );
                provider.check().map_or_else(|error| error.to_string(), |()| "trusted".to_owned())
            }
            Err(error) => error.to_string(),
        };
        let documents = Documents { about: input["about"].clone(), keys: input["keys"].clone() };
        let access = Access::new(store.clone(), Arc::new(documents));
        let answer = runtime().block_on(async {
            // Whatever stands in the database, not only what was let in.
            store.of(tenant).set_provider(&row, "test", None).await.expect("is set");
            access.authenticate(Some(&header), Some(tenant), now()).await
        });
        told.push_str(&match answer {
            Ok(scope) => format!("{} {:?}", scope.role(), scope.rep().is_some()),
            Err(refused) => refused.to_string(),
        });
        told
    },
};

/// Everything about a person who is let in.
fn signed_in(algorithm: Algorithm, key: &EncodingKey) -> Json {
    let issued = now().as_second();
    let claims = json!({
        "iss": ISSUER, "aud": ["client"], "sub": "eva", "exp": issued + 300, "iat": issued, "nbf": issued,
        "groups": ["staff", "sales-managers"], "email": "Eva@Acme.example", "email_verified": true,
    });
    let mut shown = json!(Jwk::from_encoding_key(key, algorithm).expect("a key"));
    shown["kid"] = json!("one");
    let header = Header { kid: Some("one".to_owned()), ..Header::new(algorithm) };
    let token = encode(&header, &claims, key).expect("is signed");
    let (head, rest) = token.split_once('.').expect("three parts");
    json!({
        "authorization": ["Bearer ", head, ".", rest],
        "issuer": ISSUER, "audience": "client",
        "mapping": {
            "claim": "groups", "roles": { "sales-managers": "manager", "it": "admin" }, "rep": "email",
            "require": { "sub": "eva" },
        },
        "about": { "issuer": ISSUER, "jwks_uri": "https://keys.example/all" },
        "keys": { "keys": [shown, { "kty": "LATTICE", "kid": "odd" }] },
    })
}

/// What an issuer answers, whatever it is asked for first and then.
struct Documents {
    about: Json,
    keys: Json,
}

impl FetchJson for Documents {
    fn fetch_json(&self, url: &str) -> Result<Json, String> {
        let found = if url.ends_with("/.well-known/openid-configuration") { &self.about } else { &self.keys };
        if found.is_null() { Err("gone".to_owned()) } else { Ok(found.clone()) }
    }
}

/// A database with a tenant, of this target alone.
fn store() -> &'static (Store, TenantId) {
    static STORE: OnceLock<(Store, TenantId)> = OnceLock::new();
    STORE.get_or_init(|| {
        runtime().block_on(async {
            let options = Options { url: "sqlite::memory:".to_owned(), connections: 1 };
            let store = Store::open(&options).await.expect("a database");
            let tenant: TenantId = "acme".parse().expect("an id");
            store.make_tenant(&tenant, "Acme", 0).await.expect("a tenant");
            (store, tenant)
        })
    })
}

/// Where something is sent, and what is answered there.
pub(super) const TARGET: Target = Target {
    name: "target",
    cases: 2_000,
    words: "target",
    seeds: || {
        let seeds = [
            json!({ "kind": "webhook", "target": "https://crm.example.com:8443/in?a=b", "status": 429, "after": "120", "body": "later" }),
            json!({ "kind": "email", "target": "ana@example.com", "status": 410, "after": null, "body": "" }),
            json!({ "kind": "sms", "target": "https://93.184.216.34/", "link": "https://book.example.com/{rep}?lead={lead}", "status": 503, "after": "Mon, 02 Mar 2026 10:00:00 GMT", "body": "\u{1b}[2J" }),
            json!({ "kind": "slack", "target": "https://[2606:4700::1111]/x#y", "link": "book", "status": 302, "after": "soon" }),
        ];
        seeds.map(|seed| seed.to_string().into_bytes()).into()
    },
    reads: |input| {
        let Ok(input) = serde_json::from_slice::<Json>(input) else { return "no JSON".to_owned() };
        let text = |name: &str| input[name].as_str().map(str::to_owned);
        let (to, mut told) = (text("target").unwrap_or_default(), String::new());
        for reach in [Reach::Public, Reach::Anywhere] {
            match target(&to, reach) {
                Ok(url) => {
                    assert_eq!(
                        target(url.as_str(), reach).as_ref(),
                        Ok(&url),
                        "as it is written it is the same"
                    );
                    if reach == Reach::Public {
                        assert_eq!(url.scheme(), "https");
                        assert_eq!(
                            target(&to, Reach::Anywhere).as_ref(),
                            Ok(&url),
                            "who reaches more reaches it"
                        );
                    }
                    told.push_str("reached");
                }
                Err(error) => told.push_str(&error.to_string()),
            }
        }
        let kinds = [Kind::Webhook, Kind::Slack, Kind::Email, Kind::Sms];
        let kind = kinds.into_iter().find(|kind| input["kind"] == kind.as_str()).unwrap_or(Kind::Webhook);
        let destination = Destination {
            tenant: "acme".parse().expect("an id"),
            id: text("id").unwrap_or_else(|| "crm".to_owned()),
            kind,
            target: to,
            link: text("link"),
            effects: vec![EffectKind::OfferTimes],
            secret: None,
            on: true,
        };
        match checked(&destination, Reach::Public) {
            Ok(_) => told.push_str("taken"),
            Err(wrong) => wrong.iter().for_each(|wrong| told.push_str(&wrong.to_string())),
        }
        let status = input["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
        let body = text("body").unwrap_or_default();
        for at in [now(), Timestamp::MAX] {
            let reply = Reply { status, retry_after: text("after"), body: body.clone() };
            let met = Met::of_answer(at, Ok(reply));
            if let Met::Refused { why } | Met::Failed { why, .. } = &met {
                assert!(!why.chars().any(char::is_control), "{why:?} is clean");
                told.push_str(why);
            }
        }
        told
    },
};

/// A file; behind a line `---` the environment.
pub(super) const SETTINGS: Target = Target {
    name: "settings",
    cases: 120,
    words: "settings",
    seeds: || {
        let page =
            fs::read_to_string(crate::harness::root().join("deploy/lanewright.toml")).unwrap_or_default();
        let set: String = page
            .lines()
            .map(|line| line.strip_prefix("# ").unwrap_or(line))
            .fold(String::new(), |all, line| all + line + "\n");
        let environment = "listen = \"127.0.0.1:8080\"\n[limits]\nburst = 10\n---\nLANEWRIGHT_DATABASE=postgres://a:b@c/d\n\
             LANEWRIGHT_THREADS=2\nLANEWRIGHT_LOG_FILTER=info,lanewright=debug\nLANEWRIGHT_OTLP_ENDPOINT=http://localhost:4318\n\
             LANEWRIGHT_OTLP_HEADERS=a=b,c=d\nLANEWRIGHT_SMTP_URL=smtps://u:p@mail.example.com\nLANEWRIGHT_SMTP_FROM=L <l@example.com>\n\
             LANEWRIGHT_SECRETS_KEY=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\nSTATE_DIRECTORY=/var/lib/lanewright\n";
        let keys: String = lanewright::settings::rows()
            .iter()
            .map(|row| format!("{}={}\n", row.variable, row.default))
            .collect();
        vec![
            page.into_bytes(),
            set.into_bytes(),
            environment.as_bytes().to_vec(),
            format!("---\n{keys}").into_bytes(),
            reference().into_bytes(),
            // As many problems as lines: each is told where it is, and that takes no longer the longer the file is.
            "l\n".repeat(40_000).into_bytes(),
        ]
    },
    reads: |input| {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("lanewright.toml");
        let divided = input.windows(4).position(|four| four == b"---\n");
        let (toml, environment) = divided.map_or((input, &b""[..]), |at| (&input[..at], &input[at + 4..]));
        fs::write(&file, toml).expect("written");
        let variables = environment.split(|byte| *byte == b'\n').filter_map(|line| {
            let at = line.iter().position(|byte| *byte == b'=')?;
            Some((os(&line[..at]), os(&line[at + 1..])))
        });
        let given = Given {
            file: Some(file.display().to_string()),
            variables: variables.collect(),
            ..Given::default()
        };
        match Settings::load(&given) {
            Ok(settings) => {
                assert!(!format!("{settings:?}").contains("AAECAwQFBgcI"), "no secret is printed");
                format!("settings {:?}", settings.log.format)
            }
            Err(problems) => {
                assert!(!problems.0.is_empty(), "what is refused has a problem");
                let place = |problem: &lanewright::config::Problem| {
                    assert!(!problem.file.is_empty(), "{problem:?} has a place")
                };
                problems.0.iter().for_each(place);
                problems.0.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ")
            }
        }
    },
};

fn os(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStringExt as _;
    OsString::from_vec(bytes.to_vec())
}
