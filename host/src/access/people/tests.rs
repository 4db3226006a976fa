use std::sync::atomic::{AtomicUsize, Ordering};

use jsonwebtoken::{EncodingKey, Header, encode};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::store::Store;
use crate::store::testing::{acme, stores};

const ISSUER: &str = "https://id.example/realm";
const NOW: i64 = 1_800_000_000;

/// A key that signs, and the same as its provider shows it.
struct SigningKey {
    key: EncodingKey,
    algorithm: Algorithm,
    shown: Json,
}

fn signing_key(algorithm: Algorithm, kid: &str) -> SigningKey {
    let key = match algorithm {
        Algorithm::RS256 => EncodingKey::from_rsa_der(include_bytes!("rsa-of-tests.der")),
        Algorithm::ES256 => EncodingKey::from_ec_der(include_bytes!("ec-of-tests.der")),
        // PKCS #8 of a key that is its number's bytes.
        Algorithm::EdDSA => {
            let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
            der.extend([7; 32]);
            EncodingKey::from_ed_der(&der)
        }
        other => panic!("no key for {other:?}"),
    };
    shown(key, algorithm, kid)
}

fn shown(key: EncodingKey, algorithm: Algorithm, kid: &str) -> SigningKey {
    let jwk = Jwk::from_encoding_key(&key, algorithm).expect("is a key");
    let mut shown = serde_json::to_value(jwk).expect("is JSON");
    shown["kid"] = kid.into();
    shown["use"] = "sig".into();
    SigningKey { key, algorithm, shown }
}

fn short_rsa() -> SigningKey {
    let key = EncodingKey::from_rsa_der(include_bytes!("short-rsa-of-tests.der"));
    shown(key, Algorithm::RS256, "rs")
}

/// Claims of Eva, who is a manager.
fn claims() -> Json {
    json!({
        "iss": ISSUER, "aud": "client", "sub": "eva", "exp": NOW + 300, "iat": NOW, "nbf": NOW,
        "groups": ["staff", "sales-managers"], "email": "Eva@Acme.example", "email_verified": true,
    })
}

/// These claims with others in their place; `null` takes one away.
fn with(changes: Json) -> Json {
    let mut claims = claims();
    for (name, value) in changes.as_object().expect("an object") {
        match value {
            Json::Null => _ = claims.as_object_mut().expect("an object").remove(name),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

impl SigningKey {
    fn sign(&self, claims: &Json) -> String {
        self.sign_as(Some(self.shown["kid"].as_str().expect("text")), claims)
    }

    fn sign_as(&self, kid: Option<&str>, claims: &Json) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = kid.map(str::to_owned);
        encode(&header, claims, &self.key).expect("is signed")
    }
}

/// A provider that shows these keys, and counts how often it is asked.
#[derive(Default)]
struct Shown {
    keys: Mutex<Vec<Json>>,
    about: Mutex<Option<Json>>,
    asked: AtomicUsize,
}

impl Shown {
    fn show(&self, keys: &[&SigningKey]) {
        *self.keys.lock().expect("whole") = keys.iter().map(|key| key.shown.clone()).collect();
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl FetchJson for Shown {
    fn fetch_json(&self, url: &str) -> Result<Json, String> {
        if url == "https://id.example/realm/.well-known/openid-configuration" {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let about = self.about.lock().expect("whole").clone();
            let usual = || Ok(json!({ "issuer": ISSUER, "jwks_uri": "https://keys.example/all" }));
            return about
                .map_or_else(usual, |about| if about.is_null() { Err("gone".into()) } else { Ok(about) });
        }
        assert_eq!(url, "https://keys.example/all");
        let odd = json!({ "kty": "LATTICE", "kid": "odd" });
        let keys: Vec<Json> = std::iter::once(odd).chain(self.keys.lock().expect("whole").clone()).collect();
        Ok(json!({ "keys": keys }))
    }
}

fn provider(tenant: &TenantId) -> Provider {
    let roles = [
        ("sales-managers", Role::Manager),
        ("sellers", Role::Rep),
        ("it", Role::Admin),
        ("forms", Role::Ingest),
    ];
    let mapping = Mapping {
        claim: "groups".to_owned(),
        roles: roles.map(|(group, role)| (group.to_owned(), role)).into(),
        rep: email(),
        require: BTreeMap::new(),
    };
    let id = "main".to_owned();
    Provider { tenant: tenant.clone(), id, issuer: ISSUER.to_owned(), audience: "client".to_owned(), mapping }
}

async fn trust(store: &Store, provider: &Provider) {
    let row = provider.to_row(Timestamp::UNIX_EPOCH);
    assert_eq!(Provider::from_row(row.clone()).expect("is read"), *provider);
    store.of(&provider.tenant).set_provider(&row, "key:k", None).await.expect("is set");
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a moment")
}

/// A SQLite store with the tenant, its provider, and who signs for it.
async fn set_up() -> (Store, TenantId, Arc<Shown>, Signers) {
    let store = stores().await.remove(0);
    let tenant = acme(&store).await;
    trust(&store, &provider(&tenant)).await;
    let shown = Arc::new(Shown::default());
    let signers = Signers::new(Arc::clone(&shown) as Arc<dyn FetchJson>);
    (store, tenant, shown, signers)
}

#[tokio::test]
async fn a_person_is_who_their_provider_signed() {
    for store in stores().await {
        let tenant = acme(&store).await;
        trust(&store, &provider(&tenant)).await;
        for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
            let (shown, key) = (Arc::new(Shown::default()), signing_key(algorithm, "k1"));
            shown.show(&[&key]);
            let signers = Signers::new(shown);
            for token in [key.sign(&claims()), key.sign_as(None, &claims())] {
                let found = signers.of_person(&store, &token, None, second(NOW)).await.expect("is known");
                let expect = Principal {
                    tenant: tenant.clone(),
                    role: Role::Manager,
                    actor: format!("person:eva@{ISSUER}"),
                    rep: Some(Seller::Email("eva@acme.example".to_owned())),
                };
                assert_eq!(found, expect, "{algorithm:?}");
            }
        }
    }
}

#[tokio::test]
async fn claims_are_checked() {
    let (store, tenant, shown, signers) = set_up().await;
    let key = signing_key(Algorithm::EdDSA, "k1");
    shown.show(&[&key]);
    let check = async |changes: Json, expect: Result<(Role, Option<&str>), &str>| {
        let token = key.sign(&with(changes.clone()));
        let found = signers.of_person(&store, &token, Some(&tenant), second(NOW)).await;
        let found = found.map(|found| (found.role, found.rep)).map_err(|refused| format!("{refused:?}"));
        let seller = |rep: &str| Seller::Email(rep.to_owned());
        let expect = expect.map(|(role, rep)| (role, rep.map(seller))).map_err(str::to_owned);
        assert_eq!(found, expect, "{changes}");
    };
    let eva = Some("eva@acme.example");
    check(json!({}), Ok((Role::Manager, eva))).await;
    // Time, with a minute's leeway; `nbf` and `iat` need not be there.
    check(json!({ "nbf": null, "iat": null }), Ok((Role::Manager, eva))).await;
    check(json!({ "exp": NOW - 59 }), Ok((Role::Manager, eva))).await;
    check(json!({ "exp": NOW - 60 }), Err("Expired")).await;
    check(json!({ "nbf": NOW + 60, "iat": NOW + 60 }), Ok((Role::Manager, eva))).await;
    check(json!({ "nbf": NOW + 61 }), Err("Expired")).await;
    check(json!({ "iat": NOW + 61 }), Err("Expired")).await;
    check(json!({ "exp": null }), Err("Malformed")).await;
    check(json!({ "exp": "never" }), Err("Malformed")).await;
    check(json!({ "exp": 1e300 }), Ok((Role::Manager, eva))).await;
    check(json!({ "nbf": [] }), Err("Malformed")).await;
    // Issuer and audience, to the letter.
    check(json!({ "iss": "https://id.example/realm/" }), Err("Unknown")).await;
    check(json!({ "iss": [ISSUER] }), Err("Malformed")).await;
    check(json!({ "iss": null }), Err("Malformed")).await;
    check(json!({ "aud": "Client" }), Err("Unknown")).await;
    check(json!({ "aud": ["other", "client"] }), Ok((Role::Manager, eva))).await;
    check(json!({ "aud": ["other"] }), Err("Unknown")).await;
    check(json!({ "aud": null }), Err("Malformed")).await;
    check(json!({ "aud": vec!["client"; 9] }), Err("Malformed")).await;
    check(json!({ "sub": null }), Err("Malformed")).await;
    // Groups: the highest role of several.
    check(json!({ "groups": ["forms", "it", "sellers"] }), Ok((Role::Admin, eva))).await;
    check(json!({ "groups": "sellers" }), Ok((Role::Rep, eva))).await;
    check(json!({ "groups": ["staff"] }), Err("NoRole")).await;
    check(json!({ "groups": { "it": true } }), Err("NoRole")).await;
    check(json!({ "groups": null }), Err("NoRole")).await;
    // Whose leads are theirs.
    check(json!({ "email": null }), Ok((Role::Manager, None))).await;
    check(json!({ "email": " " }), Ok((Role::Manager, None))).await;
    check(json!({ "email_verified": false }), Ok((Role::Manager, None))).await;
    check(json!({ "email_verified": "true" }), Ok((Role::Manager, eva))).await;
    check(json!({ "email_verified": null }), Ok((Role::Manager, eva))).await;
}

#[tokio::test]
async fn signatures_of_others_are_nobodys() {
    let (store, _, shown, signers) = set_up().await;
    let rsa = signing_key(Algorithm::RS256, "rs");
    let ec = signing_key(Algorithm::ES256, "ec");
    let ed = signing_key(Algorithm::EdDSA, "ed");
    let mut encrypts = signing_key(Algorithm::EdDSA, "enc");
    encrypts.shown["use"] = "enc".into();
    let mut p384 = signing_key(Algorithm::ES256, "p384");
    p384.shown["crv"] = "P-384".into();
    let mut ps = signing_key(Algorithm::RS256, "ps");
    ps.shown["alg"] = "PS256".into();
    shown.show(&[&rsa, &ec, &encrypts, &p384, &ps]);
    let check = async |why: &str, token: String, expect: &str| {
        let found = signers.of_person(&store, &token, None, second(NOW)).await;
        let found = found.map_or_else(|refused| format!("{refused:?}"), |found| found.role.to_string());
        assert_eq!(found, expect, "{why}");
    };
    check("as it should be", rsa.sign(&claims()), "manager").await;
    check("a key that is not shown", ed.sign(&claims()), "Unknown").await;
    check("another key's id", ec.sign_as(Some("rs"), &claims()), "Unknown").await;
    check("the kind, by the only key of it", ec.sign_as(None, &claims()), "manager").await;
    check("none of that kind", ed.sign_as(None, &claims()), "Unknown").await;
    check("a key that encrypts", encrypts.sign(&claims()), "Unknown").await;
    check("another curve's key", p384.sign(&claims()), "Unknown").await;
    check("another padding's key", ps.sign(&claims()), "Unknown").await;

    let part = |json: Json| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json.to_string())
    };
    let none = format!("{}.{}.", part(json!({ "alg": "none" })), part(claims()));
    check("no signature", none, "Malformed").await;
    let public = rsa.shown["n"].as_str().expect("text");
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("rs".to_owned());
    let hmac = encode(&header, &claims(), &EncodingKey::from_secret(public.as_bytes())).expect("is signed");
    check("what everybody can read, taken for a secret", hmac, "Malformed").await;
    let mut critical = Header::new(Algorithm::RS256);
    (critical.kid, critical.crit) = (Some("rs".to_owned()), Some(vec!["exp".to_owned()]));
    let critical = encode(&critical, &claims(), &rsa.key).expect("is signed");
    check("something that has to be understood", critical, "Malformed").await;
    let signed = rsa.sign(&claims());
    let (signed_part, signature) = signed.rsplit_once('.').expect("three parts");
    let (first, _) = signed_part.split_once('.').expect("three parts");
    let other = part(with(json!({ "groups": ["it"] })));
    check("other claims under a signature", format!("{first}.{other}.{signature}"), "Unknown").await;
    check("no signature left", format!("{signed_part}."), "Unknown").await;
    check("too long", format!("{signed_part}.{}", "A".repeat(TOKEN_BYTES)), "Malformed").await;
    for text in ["", "a", "a.b", "a.b.c", "a.b.c.d", "....", "e30.e30.e30"] {
        check(text, text.to_owned(), "Malformed").await;
    }

    // A provider whose key is too short to count.
    let (store, _, shown, signers) = set_up().await;
    let short = short_rsa();
    shown.show(&[&short]);
    let found = signers.of_person(&store, &short.sign(&claims()), None, second(NOW)).await;
    assert!(matches!(found, Err(Refused::Unknown)), "{found:?}");

    // One whose key is cut off.
    let (store, _, shown, signers) = set_up().await;
    let mut cut = signing_key(Algorithm::EdDSA, "ed");
    cut.shown["x"] = "AQID".into();
    shown.show(&[&cut]);
    let found = signers.of_person(&store, &cut.sign(&claims()), None, second(NOW)).await;
    assert!(matches!(found, Err(Refused::Unknown)), "{found:?}");
}

#[tokio::test]
async fn a_provider_is_asked_no_more_than_it_has_to_be() {
    let (store, _, shown, signers) = set_up().await;
    let (one, two) = (signing_key(Algorithm::EdDSA, "one"), signing_key(Algorithm::ES256, "two"));
    shown.show(&[&one]);
    let check = async |at: i64, token: String, expect: &str, asked: usize| {
        let found = signers.of_person(&store, &token, None, second(NOW + at)).await;
        let found = found.map_or_else(|refused| format!("{refused:?}"), |found| found.role.to_string());
        assert_eq!((found.as_str(), shown.asked()), (expect, asked), "{at}");
    };
    let long = with(json!({ "exp": NOW + 1_000_000 }));
    check(0, one.sign(&with(json!({ "aud": "other" }))), "Unknown", 0).await;
    check(0, one.sign(&long), "manager", 1).await;
    check(30, one.sign(&long), "manager", 1).await;
    shown.show(&[&one, &two]);
    check(59, two.sign(&long), "Unknown", 1).await;
    check(60, two.sign(&long), "manager", 2).await;
    check(61, one.sign_as(Some("made up"), &long), "Unknown", 2).await;
    // What a provider takes back is good for an hour at most.
    shown.show(&[&two]);
    check(60 + 3_599, one.sign(&long), "manager", 2).await;
    check(60 + 3_600, one.sign(&long), "Unknown", 3).await;
    // While it does not answer, what it said last counts for a day, and it is asked every minute.
    *shown.about.lock().expect("whole") = Some(Json::Null);
    check(3_660 + 3_600, two.sign(&long), "manager", 4).await;
    check(3_660 + 3_601, two.sign(&long), "manager", 4).await;
    let gone = r#"Provider { issuer: "https://id.example/realm", why: "gone" }"#;
    check(3_660 + 3_602, one.sign(&long), gone, 4).await;
    check(3_660 + 86_399, two.sign(&long), "manager", 5).await;
    check(3_660 + 86_400, two.sign(&long), gone, 5).await;
}

#[tokio::test]
async fn a_provider_speaks_for_itself_only() {
    let key = signing_key(Algorithm::EdDSA, "one");
    let check = async |about: Json, expect: &str| {
        let (store, _, shown, signers) = set_up().await;
        shown.show(&[&key]);
        *shown.about.lock().expect("whole") = Some(about.clone());
        match signers.of_person(&store, &key.sign(&claims()), None, second(NOW)).await {
            Err(Refused::Provider { why, .. }) => assert!(why.contains(expect), "{about}: {why}"),
            other => panic!("{about}: {other:?}"),
        }
    };
    let keys = "https://keys.example/all";
    check(json!({ "issuer": "https://other.example", "jwks_uri": keys }), "is about another issuer").await;
    check(json!({ "jwks_uri": keys }), "is about another issuer").await;
    check(json!({ "issuer": ISSUER, "jwks_uri": "http://keys.example" }), "no https URL of keys").await;
    check(json!({ "issuer": ISSUER }), "no https URL of keys").await;
}

#[tokio::test]
async fn who_serves_many_tenants_says_which_one_is_meant() {
    let (store, acme, shown, signers) = set_up().await;
    let key = signing_key(Algorithm::EdDSA, "one");
    shown.show(&[&key]);
    let of_org = |tenant: &TenantId, org: &str| {
        let mut provider = provider(tenant);
        provider.mapping.require = [("org".to_owned(), org.to_owned())].into();
        provider
    };
    let beta: TenantId = "beta".parse().expect("an id");
    store.make_tenant(&beta, "Beta", 0).await.expect("is made");
    trust(&store, &of_org(&acme, "1")).await;
    trust(&store, &of_org(&beta, "2")).await;
    let check = async |claims: Json, tenant: Option<&TenantId>, expect: &str| {
        let found = signers.of_person(&store, &key.sign(&claims), tenant, second(NOW)).await;
        let found = found.map_or_else(|refused| format!("{refused:?}"), |found| found.tenant.to_string());
        assert_eq!(found, expect, "{claims} {tenant:?}");
    };
    check(with(json!({ "org": "1" })), None, "acme").await;
    check(with(json!({ "org": "2" })), None, "beta").await;
    check(with(json!({ "org": "2" })), Some(&acme), "WrongTenant").await;
    check(with(json!({ "org": "3" })), None, "WrongTenant").await;
    check(with(json!({ "org": 1 })), None, "WrongTenant").await;
    check(claims(), None, "WrongTenant").await;
    // Two that would take the same people.
    trust(&store, &provider(&acme)).await;
    trust(&store, &provider(&beta)).await;
    check(claims(), None, "WrongTenant").await;
    check(claims(), Some(&acme), "acme").await;
    check(claims(), Some(&beta), "beta").await;
}

#[test]
fn what_cannot_be_trusted_is_told() {
    let acme: TenantId = "acme".parse().expect("an id");
    let check = |change: fn(&mut Provider), expect: Result<(), &str>| {
        let mut provider = provider(&acme);
        change(&mut provider);
        let found = provider.check().map_err(|error| error.to_string());
        assert_eq!(found, expect.map_err(str::to_owned));
    };
    check(|_| (), Ok(()));
    check(|provider| provider.issuer = "http://localhost:8080/realm".to_owned(), Ok(()));
    check(
        |provider| provider.issuer = "http://id.example".to_owned(),
        Err(r#"the issuer "http://id.example" is no https URL without query and fragment"#),
    );
    check(
        |provider| provider.issuer = "https://id.example?a".to_owned(),
        Err(r#"the issuer "https://id.example?a" is no https URL without query and fragment"#),
    );
    check(
        |provider| provider.audience.clear(),
        Err("the audience is empty; it is the client id that the provider gave you"),
    );
    check(
        |provider| provider.mapping.roles.clear(),
        Err(r#"no group has a role; write one at least, such as {"sales-managers": "manager"}"#),
    );
    check(
        |provider| _ = provider.mapping.roles.insert("it".to_owned(), Role::Operator),
        Err("nobody can be operator here"),
    );
}

#[test]
fn nested_claims_are_found_by_pointer() {
    let claims =
        json!({ "realm_access": { "roles": "it" }, "https://acme.example/roles": "staff", "a/b": 1 });
    let check =
        |name: &str, expect: Option<Json>| assert_eq!(claim(&claims, name).cloned(), expect, "{name}");
    check("/realm_access/roles", Some(json!("it")));
    check("https://acme.example/roles", Some(json!("staff")));
    check("/a~1b", Some(json!(1)));
    check("groups", None);
}

proptest! {
    #[test]
    fn a_token_that_was_changed_is_nobodys(place in any::<prop::sample::Index>(), letter in "[-_.A-Za-z0-9=]") {
        let key = signing_key(Algorithm::EdDSA, "one");
        let token = key.sign(&claims());
        let place = place.index(token.len());
        prop_assume!(token[place..=place] != letter);
        let changed = format!("{}{letter}{}", &token[..place], &token[place + 1..]);
        let jwk: Jwk = serde_json::from_value(key.shown).expect("is a key");
        let verified = Token::read(&changed).and_then(|token| token.verify(&jwk, second(NOW)));
        prop_assert!(verified.is_err(), "{}", changed);
    }

    #[test]
    fn no_text_is_too_odd_to_be_refused(text in ".{0,60}") {
        prop_assert!(Token::read(&text).is_err());
    }
}
