//! Statements that are signed with Sigstore; with the feature `sigstore-forge` by a Sigstore of the test's own.

use super::*;

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const WORKFLOW: &str = "https://github.com/acme/plugins/.github/workflows/release.yml";

fn identity(subject: &str) -> Identity {
    format!("sigstore:{GITHUB} {subject}").parse().expect("an identity")
}

/// The workflow for this tag.
fn tag(name: &str) -> Identity {
    identity(&format!("{WORKFLOW}@refs/tags/{name}"))
}

fn statement() -> Statement {
    Statement { manifest: manifest(), digest: digest(), cases: None }
}

/// With these bytes as its bundle.
fn with_bundle(bundle: &[u8]) -> Signed {
    Signed { statement: statement(), proof: Proof::Sigstore(tag("v1.2.0"), bundle.to_vec()) }
}

fn verdict(
    signed: &Signed,
    trust: &Trust,
    revocations: &Revocations,
    root: &SigstoreRoot,
) -> Result<Trusted, Distrust> {
    let manifest = manifest();
    let (digest, signed) = (digest(), Some(signed));
    let offer = Offer { manifest: &manifest, digest, cases: None, signed, source: Source::Elsewhere };
    verify(&offer, trust, revocations, None, root)
}

#[test]
fn an_envelope_holds_a_signature_or_a_bundle() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let signed = with_bundle(b"{}");
    assert_eq!(Signed::read(&signed.write()), Ok(signed.clone()));
    let json = serde_json::to_value(&signed).expect("JSON");
    assert_eq!(json["sigstore"], json!({"identity": tag("v1.2.0"), "bundle": "e30="}));
    let by_key = serde_json::to_value(statement().sign(&key(1))).expect("JSON");
    let check = |key: &str, value: Json, expect: &str| {
        let mut json = json.clone();
        json[key] = value;
        let why = Signed::read(json.to_string().as_bytes()).expect_err(key).to_string();
        assert!(why.contains(expect), "{key}: {why}");
    };
    let bundle = |identity: Json, bundle: &str| json!({"identity": identity, "bundle": bundle});
    check("signatures", by_key["signatures"].clone(), "one of `signatures` and `sigstore`");
    check("sigstore", Json::Null, "one of `signatures` and `sigstore`");
    check("sigstore", bundle(json!(tag("v1.*")), "e30="), "ends in `*`");
    check("sigstore", bundle(json!("jo@acme.example"), "e30="), "no signed statement");
    check("sigstore", bundle(json!(tag("v1")), "%"), "not Base64");
    let large = STANDARD.encode(vec![b' '; MAX_SIGSTORE + 1]);
    check("sigstore", bundle(json!(tag("v1")), &large), "larger than any can be");
    let largest = with_bundle(&[b' '; MAX_SIGSTORE]);
    assert_eq!(Signed::read(&largest.write()), Ok(largest));
}

#[test]
fn trust_and_revocations_name_identities() {
    let text =
        json!({"publishers": {"acme": {tag("*").to_string(): "all", key(1).public().to_string(): "all"}}});
    let trust: Trust = serde_json::from_value(text).expect("trust");
    assert_eq!(trust.identities().collect::<Vec<_>>(), [&tag("*")]);
    let check = |revoked: Identity, of: Identity, expect: bool| {
        let list = super::revoked(json!({"kind": "identity", "identity": revoked}));
        assert_eq!(list.of_signer(&of.clone().into()).is_some(), expect, "{revoked} {of}");
        assert!(list.of_signer(&key(1).public().into()).is_none());
    };
    check(tag("v1.2.0"), tag("v1.2.0"), true);
    check(tag("v1.*"), tag("v1.2.0"), true);
    check(tag("v2.*"), tag("v1.2.0"), false);
    check(identity("jo@acme.example"), identity("jo@acme.example"), true);
}

/// Where the program cannot check a bundle it says so, before anything else about who signed.
#[test]
#[cfg(not(feature = "sigstore"))]
fn without_the_feature_nobody_is_shown() {
    let signed = with_bundle(b"{}");
    for trust in [Trust::default(), trust([(tag("*"), Scope::All)])] {
        let why = verdict(&signed, &trust, &Revocations::default(), &root()).expect_err("not built");
        assert_eq!(why, Distrust::NoSigstore);
        assert!(why.to_string().contains("built without Sigstore"), "{why}");
    }
    assert_eq!(SigstoreRoot::read(b"{}").expect_err("not built"), SigstoreError::NotBuilt);
    assert_eq!(statement().with_bundle(Vec::new(), &root()), Err(SigstoreError::NotBuilt));
}

#[cfg(feature = "sigstore-forge")]
mod forged {
    use lanewright_sigstore::forge::{Forge, Wish};

    use super::*;

    fn forge() -> (Forge, SigstoreRoot) {
        let forge = Forge::new(1);
        let root = SigstoreRoot::read(forge.root().as_bytes()).expect("a root");
        (forge, root)
    }

    fn wish(tag: &str) -> Wish {
        Wish::of(GITHUB, &format!("{WORKFLOW}@refs/tags/{tag}"))
    }

    fn bundle(forge: &Forge, statement: &Statement, wish: &Wish) -> Vec<u8> {
        forge.bundle(*Digest::of(statement.payload()).bytes(), wish).into_bytes()
    }

    #[test]
    fn an_identity_is_trusted_as_a_key_is() {
        let (forge, root) = forge();
        let sign =
            |wish: &Wish| statement().with_bundle(bundle(&forge, &statement(), wish), &root).expect("signed");
        let signed = sign(&wish("v1.2.0"));
        assert_eq!(sign(&wish("v1.2.0").provenance()).signer(), signed.signer());
        let check = |trust: Trust, revocations: Revocations, expect: &str| {
            let found = match verdict(&signed, &trust, &revocations, &root) {
                Ok(Trusted::Signed(signer)) => signer.to_string(),
                Ok(Trusted::Own) => "own".to_owned(),
                Err(why) => {
                    serde_json::to_value(&why).expect("JSON")["code"].as_str().expect("a code").to_owned()
                }
            };
            assert_eq!(found, expect, "{trust:?} {revocations:?}");
        };
        let (nothing, itself) = (Revocations::default, tag("v1.2.0").to_string());
        check(trust([(tag("v1.2.0"), Scope::All)]), nothing(), &itself);
        check(trust([(tag("v1.*"), Scope::All)]), nothing(), &itself);
        let only = |name: &str| Scope::Only([name.parse().expect("a name")].into());
        check(trust([(tag("*"), only("scorer"))]), nothing(), &itself);
        check(trust([(tag("*"), only("other"))]), nothing(), "identity-not-trusted");
        check(trust([(tag("*"), only("other")), (tag("v1.*"), Scope::All)]), nothing(), &itself);
        check(trust([(tag("v2.*"), Scope::All)]), nothing(), "identity-not-trusted");
        check(trust([(key(1).public(), Scope::All)]), nothing(), "identity-not-trusted");
        check(Trust::default(), nothing(), "unknown-publisher");
        let revoke = |what: Json| revoked(what);
        let by_identity = |identity: Identity| revoke(json!({"kind": "identity", "identity": identity}));
        check(trust([(tag("*"), Scope::All)]), by_identity(tag("v1.2.0")), "revoked");
        check(trust([(tag("*"), Scope::All)]), by_identity(tag("v1.*")), "revoked");
        check(trust([(tag("*"), Scope::All)]), by_identity(tag("v2.*")), &itself);
        check(
            trust([(tag("*"), Scope::All)]),
            revoke(json!({"kind": "component", "digest": digest()})),
            "revoked",
        );
    }

    #[test]
    fn a_bundle_is_of_who_is_said_to_have_signed_and_of_this_statement() {
        let (forge, root) = forge();
        let other_root = SigstoreRoot::read(Forge::new(2).root().as_bytes()).expect("a root");
        let all = trust([(tag("*"), Scope::All)]);
        let good = bundle(&forge, &statement(), &wish("v1.2.0"));
        let check = |name: &str, bundle: &[u8], root: &SigstoreRoot, expect: &str| {
            let signed = with_bundle(bundle);
            let why = match verdict(&signed, &all, &Revocations::default(), root) {
                Ok(trusted) => format!("{trusted:?}"),
                Err(why) => why.to_string(),
            };
            assert!(why.contains(expect), "{name}: {why}");
        };
        check("itself", &good, &root, "Signed(Identity(");
        check("another root", &good, &other_root, "No log key valid");
        check(
            "of somebody else",
            &bundle(&forge, &statement(), &wish("v1.2.1")),
            &root,
            "it is of sigstore:",
        );
        let other = Statement { digest: Digest::of("another"), ..statement() };
        check(
            "of another statement",
            &bundle(&forge, &other, &wish("v1.2.0")),
            &root,
            "about something else",
        );
        let component = forge.bundle(*digest().bytes(), &wish("v1.2.0")).into_bytes();
        check("of the component alone", &component, &root, "sign what `lanewright plugin statement` writes");
        check("nothing", b"", &root, "no Sigstore bundle");
        let why = statement().with_bundle(good, &other_root).expect_err("another root").to_string();
        assert!(why.contains("No log key valid"), "{why}");
    }
}
