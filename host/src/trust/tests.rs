use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::statement::Proof;
use super::*;

mod identities;

/// The public Sigstore's, which keys do not ask.
fn root() -> SigstoreRoot {
    SigstoreRoot::public_good().expect("a root")
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn manifest() -> Manifest {
    serde_json::from_value(json!({
        "publisher": "acme",
        "name": "scorer",
        "version": "1.2.0",
        "description": "Scores deals.",
        "licence": "MIT",
        "interface": "0.1.0",
        "roles": ["scorer", "enricher"],
        "asks": {"origins": ["https://api.example.com"], "fields": ["budget"]},
    }))
    .expect("a manifest")
}

/// The same manifest with something put at a pointer.
fn with(pointer: &str, value: Json) -> Manifest {
    let mut json = serde_json::to_value(manifest()).expect("JSON");
    *json.pointer_mut(pointer).expect("a place") = value;
    serde_json::from_value(json).expect("a manifest")
}

fn digest() -> Digest {
    Digest::of("a component")
}

/// Trusts these of acme's.
fn trust<S: Into<Signer>>(signers: impl IntoIterator<Item = (S, Scope)>) -> Trust {
    let signers = signers.into_iter().map(|(signer, scope)| (signer.into(), scope));
    let publishers = BTreeMap::from([("acme".parse().expect("a publisher"), Signers(signers.collect()))]);
    Trust { own_uploads: OwnUploads::Unsigned, publishers }
}

fn all() -> Trust {
    trust([(key(1).public(), Scope::All)])
}

fn only(name: &str) -> Trust {
    trust([(key(1).public(), Scope::Only([name.parse().expect("a name")].into()))])
}

fn revoked(revocation: Json) -> Revocations {
    serde_json::from_value(json!([revocation])).expect("revocations")
}

fn seen(version: &str, digest: Digest) -> Option<Seen> {
    Some(Seen { version: version.parse().expect("a version"), digest })
}

/// What comes of an offer: who is trusted, or the code of why not.
fn outcome(
    manifest: &Manifest,
    signed: Option<&Signed>,
    source: Source,
    trust: &Trust,
    revocations: &Revocations,
    seen: Option<Seen>,
) -> String {
    let offer = Offer { manifest, digest: digest(), cases: None, signed, source };
    match verify(&offer, trust, revocations, seen.as_ref(), &root()) {
        Ok(Trusted::Signed(_)) => "signed".to_owned(),
        Ok(Trusted::Own) => "own".to_owned(),
        Err(why) => serde_json::to_value(why).expect("JSON")["code"].as_str().expect("a code").to_owned(),
    }
}

#[test]
fn who_is_trusted_with_what() {
    let signed = Statement { manifest: manifest(), digest: digest(), cases: None }.sign(&key(1));
    let check = |trust: Trust, revocations: Revocations, seen: Option<Seen>, expect: &str| {
        let found = outcome(&manifest(), Some(&signed), Source::Elsewhere, &trust, &revocations, seen);
        assert_eq!(found, expect, "{trust:?} {revocations:?}");
    };
    let nothing = Revocations::default;
    check(all(), nothing(), None, "signed");
    check(only("scorer"), nothing(), None, "signed");
    check(only("other"), nothing(), None, "key-not-trusted");
    check(trust([(key(2).public(), Scope::All)]), nothing(), None, "key-not-trusted");
    check(Trust::default(), nothing(), None, "unknown-publisher");

    check(all(), nothing(), seen("1.1.9", Digest::of("x")), "signed");
    check(all(), nothing(), seen("1.2.0-rc.1", Digest::of("x")), "signed");
    check(all(), nothing(), seen("1.2.0", digest()), "signed");
    check(all(), nothing(), seen("1.2.0", Digest::of("x")), "replaced");
    check(all(), nothing(), seen("1.2.1-rc.1", Digest::of("x")), "downgrade");
    check(all(), nothing(), seen("1.10.0", digest()), "downgrade");

    let component = |digest: Digest| json!({"kind": "component", "digest": digest});
    check(all(), revoked(component(digest())), None, "revoked");
    check(all(), revoked(component(Digest::of("x"))), None, "signed");
    let of_key = |key: PublicKey| json!({"kind": "key", "key": key});
    check(all(), revoked(of_key(key(1).public())), None, "revoked");
    check(all(), revoked(of_key(key(2).public())), None, "signed");
    let versions = |plugin: &str, from: Json, before: Json| {
        revoked(json!({"kind": "versions", "plugin": plugin, "from": from, "before": before}))
    };
    check(all(), versions("acme/scorer", Json::Null, Json::Null), None, "revoked");
    check(all(), versions("acme/scorer", json!("1.2.0"), Json::Null), None, "revoked");
    check(all(), versions("acme/scorer", Json::Null, json!("1.2.0")), None, "signed");
    check(all(), versions("acme/scorer", Json::Null, json!("1.2.1-rc.1")), None, "revoked");
    check(all(), versions("acme/scorer", json!("1.2.1-rc.1"), Json::Null), None, "signed");
    check(all(), versions("acme/other", Json::Null, Json::Null), None, "signed");
    check(all(), versions("other/scorer", Json::Null, Json::Null), None, "signed");
}

#[test]
fn what_is_not_signed_goes_only_where_it_is_the_tenants_own() {
    let check = |source: Source, trust: Trust, revocations: Revocations, expect: &str| {
        assert_eq!(
            outcome(&manifest(), None, source, &trust, &revocations, None),
            expect,
            "{source:?} {trust:?}"
        );
    };
    let strict = Trust { own_uploads: OwnUploads::Signed, ..Trust::default() };
    let nothing = Revocations::default;
    check(Source::OwnUpload, Trust::default(), nothing(), "own");
    check(Source::OwnUpload, strict, nothing(), "unsigned");
    check(Source::Elsewhere, Trust::default(), nothing(), "unsigned");
    // Under the name of somebody who signs.
    check(Source::OwnUpload, all(), nothing(), "unsigned");
    let digest = revoked(json!({"kind": "component", "digest": digest()}));
    check(Source::OwnUpload, Trust::default(), digest, "revoked");
}

#[test]
fn what_is_signed_is_what_is_offered() {
    let check = |offered: Manifest, expect: &str| {
        let signed = Statement { manifest: manifest(), digest: digest(), cases: None }.sign(&key(1));
        let found =
            outcome(&offered, Some(&signed), Source::Elsewhere, &all(), &Revocations::default(), None);
        assert_eq!(found, expect);
    };
    check(manifest(), "signed");
    check(with("/publisher", json!("other")), "another-plugin");
    check(with("/name", json!("other")), "another-plugin");
    check(with("/version", json!("1.3.0")), "another-version");
    check(with("/interface", json!("0.2.0")), "another-interface");
    check(with("/description", json!("Something else.")), "another-manifest");
    check(with("/licence", json!("Apache-2.0")), "another-manifest");
    check(with("/roles", json!(["scorer"])), "another-manifest");
    check(with("/asks/origins", json!(["https://evil.example.com"])), "another-manifest");
    check(with("/asks/fields", json!([])), "another-manifest");

    let other = Statement { manifest: manifest(), digest: Digest::of("other"), cases: None }.sign(&key(1));
    let found = outcome(&manifest(), Some(&other), Source::Elsewhere, &all(), &Revocations::default(), None);
    assert_eq!(found, "another-component");
}

/// What the page shows is read as it stands there.
#[test]
fn the_page_is_true() {
    let page = include_str!("../../../docs/trust.md");
    let page = page.replace("ed25519:…", &key(1).public().to_string());
    let page = page.replace("sha256:…", &digest().to_string());
    let blocks = |kind: &str| {
        let opened = format!("```{kind}\n");
        let blocks = page.split(&opened).skip(1).filter_map(|rest| rest.split("```").next());
        blocks.map(str::to_owned).collect::<Vec<_>>()
    };
    let [toml] = &blocks("toml")[..] else { panic!("one manifest") };
    let manifest = crate::config::manifest(toml).expect("a manifest");
    let [trust, revocations] = &blocks("json")[..] else { panic!("trust and revocations") };
    let trust: Trust = serde_json::from_str(trust).expect("trust");
    let revocations: Revocations = serde_json::from_str(revocations).expect("revocations");
    assert_eq!((trust.publishers.len(), revocations.iter().len()), (2, 4));
    let signed = Statement { manifest: manifest.clone(), digest: Digest::of("x"), cases: None }.sign(&key(2));
    let offer = Offer {
        manifest: &manifest,
        digest: Digest::of("x"),
        cases: None,
        signed: Some(&signed),
        source: Source::Elsewhere,
    };
    let why = verify(&offer, &trust, &Revocations::default(), None, &root()).expect_err("another key");
    assert!(matches!(why, Distrust::KeyNotTrusted { .. }), "{why}");
    assert!(matches!(verify(&offer, &trust, &revocations, None, &root()), Err(Distrust::Revoked { .. })));
}

/// Each message says what to do next.
#[test]
fn distrust_in_words() {
    let version = |text: &str| text.parse::<Version>().expect("a version");
    let why = Distrust::Downgrade { found: version("1.0.0"), seen: version("1.2.0") };
    assert_eq!(
        why.to_string(),
        "version 1.0.0 is older than 1.2.0, which was accepted before; go back with a rollback instead"
    );
    let why = Distrust::KeyNotTrusted { key: key(1).public(), plugin: manifest().plugin() };
    let expect = format!(
        "{} is not trusted for acme/scorer; if it is acme's, add it for this plugin",
        key(1).public()
    );
    assert_eq!(why.to_string(), expect);
}

/// A signature by the right key, over something else that looks like it.
#[test]
fn no_signature_of_anything_else_is_one_of_a_statement() {
    let statement = Statement { manifest: manifest(), digest: digest(), cases: None };
    let json = serde_json::to_vec(&statement).expect("JSON");
    let check = |message: &[u8], expect: bool| {
        let forged =
            Signed { statement: statement.clone(), proof: Proof::Key(key(1).public(), key(1).sign(message)) };
        assert_eq!(forged.holds(&root()).is_ok(), expect, "{}", String::from_utf8_lossy(message));
    };
    check(&statement::signed_bytes(STATEMENT_TYPE, &json), true);
    check(&json, false);
    check(digest().bytes(), false);
    check(&statement::signed_bytes("application/vnd.in-toto+json", &json), false);
    check(&statement::signed_bytes(&STATEMENT_TYPE.replace("v1", "v2"), &json), false);
}

/// The published example of the encoding (its `protocol.md`).
#[test]
fn the_encoding_is_the_standards() {
    let bytes = statement::signed_bytes("http://example.com/HelloWorld", b"hello world");
    assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
}

#[test]
fn an_envelope_has_one_spelling() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let signed = Statement { manifest: manifest(), digest: digest(), cases: None }.sign(&key(1));
    assert_eq!(Signed::read(&signed.write()), Ok(signed.clone()));
    let json = serde_json::to_value(&signed).expect("JSON");
    let check = |pointer: &str, value: Json, expect: &str| {
        let mut json = json.clone();
        match json.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => json[&pointer[1..]] = value,
        }
        let why = Signed::read(json.to_string().as_bytes()).expect_err(pointer).to_string();
        assert!(why.contains(expect), "{pointer}: {why}");
    };
    let payload = STANDARD.decode(json["payload"].as_str().expect("text")).expect("Base64");
    let payload = String::from_utf8(payload).expect("UTF-8");
    let encoded = |text: String| json!(STANDARD.encode(text));
    check("/payloadType", json!("application/json"), "of another type");
    check("/payload", json!("%"), "not Base64");
    check("/payload", encoded(format!("{payload} ")), "spelled in another way");
    check("/payload", encoded(payload.replace("\"MIT\"", "\"\\u004dIT\"")), "spelled in another way");
    check("/payload", encoded(payload.replace("{\"manifest\"", "{\"more\":1,\"manifest\"")), "no statement");
    check("/signatures", json!([]), "no signed statement");
    check("/signatures", json!([json["signatures"][0], json["signatures"][0]]), "no signed statement");
    check("/signatures/0/sig", json!("AAAA"), "not 64 bytes");
    check("/signatures/0/keyid", json!("ed25519:AAAA"), "no signed statement");
    check("/more", json!(1), "no signed statement");
    let why = Signed::read(&vec![b' '; MAX_SIGNED + 1]).expect_err("too large");
    assert_eq!(why, SignedError::TooLarge(MAX_SIGNED + 1));
}

#[test]
fn the_largest_manifest_can_be_signed() {
    let label = "a".repeat(63);
    let host = |n: usize| format!("https://a{n:02}{}.{label}.{label}.{}.example", &label[3..], &label[12..]);
    let origins: Vec<String> = (0..MAX_ORIGINS).map(host).collect();
    let fields: Vec<String> =
        (0..MAX_FIELDS).map(|n| format!("{n:03}{}", "\"".repeat(crate::lead::MAX_ID - 3))).collect();
    let manifest = with("/asks", json!({"origins": origins, "fields": fields}));
    let signed = Statement { manifest, digest: digest(), cases: None }.sign(&key(1));
    assert_eq!(Signed::read(&signed.write()), Ok(signed));
}

#[test]
fn what_comes_in_is_bounded() {
    let many = |n: usize| (0..n).map(|n| format!("f{n}")).collect::<Vec<_>>();
    let manifest = serde_json::to_value(manifest()).expect("JSON");
    let fields = |n: usize| {
        let mut json = manifest.clone();
        json["asks"]["fields"] = json!(many(n));
        serde_json::from_value::<Manifest>(json).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(fields(MAX_FIELDS), Ok(()));
    assert_eq!(fields(MAX_FIELDS + 1), Err("65 entries where at most 64 may be".to_owned()));
    let scope = |n: usize| serde_json::from_value::<Scope>(json!({"only": many(n)})).is_ok();
    assert_eq!((scope(MAX_SIGNERS), scope(MAX_SIGNERS + 1)), (true, false));
    let mut revocations = Revocations::default();
    let one = |n: usize| Revocation::Component { digest: Digest::of(n.to_string()) };
    assert_eq!(revocations.merge((0..MAX_REVOCATIONS).map(one)), Ok(()));
    assert_eq!(revocations.add(one(0)), Ok(false));
    assert_eq!(revocations.add(one(MAX_REVOCATIONS)), Err(TooMany));
}

/// Any manifest of few enough kinds that two of them are now and then the same.
fn manifests() -> impl Strategy<Value = Manifest> {
    let word = || prop::sample::select(vec!["a", "b"]);
    let version = || prop::sample::select(vec!["0.1.0", "0.2.0", "0.2.0-rc.1"]);
    let roles = prop::collection::btree_set(prop::sample::select(Role::ALL.to_vec()), 0..3);
    let origins = prop::collection::btree_set(
        prop::sample::select(vec!["https://a.example", "https://b.example"]),
        0..3,
    );
    let fields = prop::collection::btree_set(word(), 0..3);
    (word(), word(), version(), word(), word(), version(), roles, (origins, fields)).prop_map(
        |(publisher, name, version, description, licence, interface, roles, (origins, fields))| {
            let json = json!({
                "publisher": publisher, "name": name, "version": version, "description": description,
                "licence": licence, "interface": interface, "roles": roles,
                "asks": {"origins": origins, "fields": fields},
            });
            serde_json::from_value(json).expect("a manifest")
        },
    )
}

fn statements() -> impl Strategy<Value = Statement> {
    let bytes = || prop::sample::select(vec!["a", "b"]).prop_map(Digest::of);
    (manifests(), bytes(), prop::option::of(bytes())).prop_map(|(manifest, digest, cases)| Statement {
        manifest,
        digest,
        cases,
    })
}

fn revocations() -> impl Strategy<Value = Revocations> {
    let version = || prop::option::of(prop::sample::select(vec!["0.1.0", "0.2.0", "0.2.0-rc.1"]));
    let one = prop_oneof![
        (1..3_u8).prop_map(|seed| Revocation::Key { key: key(seed).public() }),
        prop::sample::select(vec!["a", "b"])
            .prop_map(|bytes| Revocation::Component { digest: Digest::of(bytes) }),
        (prop::sample::select(vec!["a/a", "a/b", "b/a"]), version(), version()).prop_map(
            |(plugin, from, before)| {
                let version = |text: Option<&str>| text.map(|text| text.parse().expect("a version"));
                Revocation::Versions {
                    plugin: plugin.parse().expect("a plugin"),
                    from: version(from),
                    before: version(before),
                }
            }
        ),
    ];
    prop::collection::vec(one, 0..3).prop_map(|list| {
        let mut revocations = Revocations::default();
        revocations.merge(list).expect("room");
        revocations
    })
}

/// Trusts one key with everything that [`manifests`] makes.
fn everybody() -> Trust {
    let signers = || Signers(BTreeMap::from([(key(1).public().into(), Scope::All)]));
    let publishers = ["a", "b"].map(|name| (name.parse().expect("a publisher"), signers()));
    Trust { own_uploads: OwnUploads::Signed, publishers: publishers.into() }
}

fn trusts(statement: &Statement, signed: &Signed, revocations: &Revocations) -> Result<Trusted, Distrust> {
    let Statement { manifest, digest, cases } = statement;
    let (digest, cases, signed) = (*digest, *cases, Some(signed));
    let offer = Offer { manifest, digest, cases, signed, source: Source::Elsewhere };
    verify(&offer, &everybody(), revocations, None, &root())
}

proptest! {
    /// A statement holds for what it is about, and for nothing else.
    #[test]
    fn a_statement_holds_for_one_thing(a in statements(), b in statements()) {
        let signed = a.clone().sign(&key(1));
        prop_assert_eq!(trusts(&b, &signed, &Revocations::default()).is_ok(), a == b);
    }

    /// Nor does its signature hold for another statement.
    #[test]
    fn a_signature_holds_for_one_statement(a in statements(), b in statements()) {
        let moved = Signed { statement: b.clone(), proof: a.clone().sign(&key(1)).proof };
        prop_assert_eq!(trusts(&b, &moved, &Revocations::default()).is_ok(), a == b);
    }

    /// One bit of it changed, and it is none.
    #[test]
    fn every_bit_of_a_signature_counts(a in statements(), bit in 0..512_usize) {
        let mut signed = a.clone().sign(&key(1));
        let Proof::Key(_, signature) = &mut signed.proof else { unreachable!("signed with a key") };
        signature.0[bit / 8] ^= 1 << (bit % 8);
        let refused = Err(Distrust::BadSignature { key: key(1).public() });
        prop_assert_eq!(trusts(&a, &signed, &Revocations::default()), refused);
    }

    /// One byte of the envelope changed: it is no envelope any more, or not trusted.
    #[test]
    fn every_byte_of_an_envelope_counts(a in statements(), place in any::<prop::sample::Index>(), byte: u8) {
        let mut json = a.clone().sign(&key(1)).write();
        let place = place.index(json.len());
        prop_assume!(json[place] != byte);
        json[place] = byte;
        let trusted = Signed::read(&json).is_ok_and(|signed| trusts(&a, &signed, &Revocations::default()).is_ok());
        prop_assert!(!trusted, "{}", String::from_utf8_lossy(&json));
    }

    /// What is revoked stays revoked, whatever else is revoked.
    #[test]
    fn revocations_only_take_away(a in statements(), some in revocations(), more in revocations()) {
        let signed = a.clone().sign(&key(1));
        let mut both = some.clone();
        both.merge(more.iter().cloned()).expect("room");
        let [alone, other, together] =
            [&some, &more, &both].map(|list| trusts(&a, &signed, list).is_ok());
        prop_assert_eq!(together, alone && other);
    }

    /// Whatever is read again is what was written.
    #[test]
    fn envelopes_come_back(a in statements(), list in revocations()) {
        let signed = a.sign(&key(1));
        prop_assert_eq!(Signed::read(&signed.write()), Ok(signed));
        let json = serde_json::to_vec(&list).expect("JSON");
        prop_assert_eq!(serde_json::from_slice::<Revocations>(&json).expect("its own"), list);
    }
}
