//! Bundles that the public Sigstore and its staging made, and those of a [`Forge`]; good ones, and hostile ones in
//! which one thing is wrong.

use std::path::Path;

use lanewright_sigstore::forge::{Forge, LOGGED, Wish};
use lanewright_sigstore::{Identity, MAX_BUNDLE, MAX_ROOT, Root};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const WORKFLOW: &str = "https://github.com/acme/plugins/.github/workflows/release.yml@refs/tags/v1.2.0";
const BEACON: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/\
                      extremely-dangerous-oidc-beacon.yml@refs/heads/main";

fn recorded(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// What comes of a bundle: who signed, or why that is not shown.
fn outcome(root: &Root, bundle: &[u8], sha256: [u8; 32]) -> String {
    match root.signer(bundle, sha256) {
        Ok(Identity { issuer, subject }) => format!("{subject} of {issuer}"),
        Err(why) => why.to_string(),
    }
}

#[test]
fn recorded_bundles_say_who_signed_or_why_that_is_not_shown() {
    let public = Root::public_good().expect("a root");
    let named = |name: &str| Root::read(&recorded(&format!("roots/{name}.json"))).expect("a root");
    let artifact = sha256(&recorded("a.txt"));
    let beacon = format!("{BEACON} of {GITHUB}");
    let check = |root: &Root, name: &str, expect: &str| {
        let found = outcome(root, &recorded(&format!("{name}.json")), artifact);
        assert!(found.contains(expect), "{name}: {found}");
    };
    let (rekor2, rekor2_dsse, static_ct) = (named("rekor2"), named("rekor2-dsse"), named("static-ct"));
    check(&public, "happy-path-v0.3-new-mediaType", &beacon);
    check(&public, "happy-path-intoto-in-dsse-v3", &beacon);
    check(&rekor2, "rekor2-happy-path", &beacon);
    check(&rekor2_dsse, "rekor2-dsse-happy-path", &beacon);
    check(&static_ct, "bundle-with-sct-with-extensions", &beacon);

    check(&public, "happy-path-v0.1", "bundles of version 0.3 are read");
    check(&public, "managed-key-happy-path", "no signing certificate");
    check(&public, "message-digest-mismatch_fail", "about something else");
    check(&public, "inclusion-proof-corrupted-hash_fail", "inclusion proof verification failed");
    check(&public, "dsse-invalid-sig_fail", "DSSE signature verification failed");
    check(&public, "dsse-mismatch-envelope_fail", "DSSE payload hash mismatch");
    check(&public, "integrated-time-in-future_fail", "certificate");
    check(&public, "wrong-hashedrekord-artifact_fail", "artifact hash mismatch for hashedrekord entry");
    check(&public, "wrong-hashedrekord-cert-and-sig_fail", "does not match certificate in Rekor entry");
    check(&public, "wrong-hashedrekord-entry_fail", "artifact hash mismatch for hashedrekord entry");
    check(&rekor2, "rekor2-no-inclusion-proof_fail", "inclusion proof");
    check(&rekor2, "rekor2-no-timestamp_fail", "no verified timestamp");
    check(&rekor2, "rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail", "invalid RFC 3161 timestamp");
    check(&rekor2, "rekor2-checkpoint-no-matching-signature_fail", "No valid Rekor signature");
    check(&named("tsa-expired"), "rekor2-timestamp-outside-tsa-cert-validity_fail", "timestamp");
    // Another Sigstore's.
    check(&public, "rekor2-happy-path", "invalid RFC 3161 timestamp");
    check(&rekor2, "happy-path-v0.3-new-mediaType", "No log key valid");
}

/// A workflow's wish for its own repository.
fn wish() -> Wish {
    let repository = Some("https://github.com/acme/plugins".to_owned());
    Wish { repository, ..Wish::of(GITHUB, WORKFLOW) }
}

fn forged_root() -> Root {
    Root::read(Forge::new(1).root().as_bytes()).expect("a root")
}

#[test]
fn a_bundle_shows_who_signed_when_and_what_or_nothing() {
    let (forge, root, artifact) = (Forge::new(1), forged_root(), sha256(b"a statement"));
    let check = |name: &str, wish: Wish, expect: &str| {
        let found = outcome(&root, forge.bundle(artifact, &wish).as_bytes(), artifact);
        assert!(found.contains(expect), "{name}: {found}");
    };
    let workflow = format!("{WORKFLOW} of {GITHUB}");
    check("a signature", wish(), &workflow);
    check("a provenance", wish().provenance(), &workflow);
    let person = Wish::of("https://accounts.example.com", "jo@acme.example");
    check("a person", person, "jo@acme.example of https://accounts.example.com");

    let test = "https://in-toto.io/attestation/test-result/v0.1";
    check("another statement", Wish { predicate: Some(test.to_owned()), ..wish() }, test);
    let other = Some("https://github.com/mallory/plugins".to_owned());
    check(
        "called by others",
        Wish { repository: other, ..wish() },
        "ran for https://github.com/mallory/plugins",
    );
    let longer = Some("https://github.com/acme/plug".to_owned());
    check("a name that only begins so", Wish { repository: longer, ..wish() }, "which is not its own");
    check("before its certificate", Wish { logged: LOGGED - 61, ..wish() }, "CertNotValidYet");
    check("after its certificate", Wish { logged: LOGGED + 541, ..wish() }, "CertExpired");
    let (from, logged) = (LOGGED + 300 * 86_400, LOGGED + 300 * 86_400 + 60);
    check(
        "after its authority",
        Wish { from, logged, ..wish() },
        "no trusted certificate authority is valid at",
    );
    let (from, logged) = (LOGGED - 200 * 86_400, LOGGED - 200 * 86_400 + 60);
    check("before its log", Wish { from, logged, ..wish() }, "No log key valid");
}

#[test]
fn whatever_is_changed_in_a_bundle_is_noticed() {
    let (forge, root, artifact) = (Forge::new(1), forged_root(), sha256(b"a statement"));
    let bundle = |wish: &Wish| -> Json { serde_json::from_str(&forge.bundle(artifact, wish)).expect("JSON") };
    let (signature, provenance) = (bundle(&wish()), bundle(&wish().provenance()));
    let another = bundle(&Wish { subject: WORKFLOW.replace("acme", "mallory"), repository: None, ..wish() });
    let check = |from: &Json, pointer: &str, to: Json, expect: &str| {
        let mut bundle = from.clone();
        *bundle.pointer_mut(pointer).expect(pointer) = to;
        let found = outcome(&root, bundle.to_string().as_bytes(), artifact);
        assert!(found.contains(expect), "{pointer}: {found}");
    };
    let entry = |part: &str| format!("/verificationMaterial/tlogEntries/0{part}");
    let taken = |pointer: &str| another.pointer(pointer).expect("a place").clone();
    let flipped = |pointer: &str| {
        let text = signature.pointer(pointer).and_then(Json::as_str).expect("a text");
        let at = text.len() / 2;
        let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
        json!(format!("{}{other}{}", &text[..at], &text[at + 1..]))
    };
    let certificate = "/verificationMaterial/certificate/rawBytes";
    check(
        &signature,
        "/mediaType",
        json!("application/vnd.dev.sigstore.bundle+json;version=0.2"),
        "version 0.3",
    );
    check(&signature, "/mediaType", json!("application/json"), "no Sigstore bundle");
    check(
        &signature,
        "/messageSignature/signature",
        flipped("/messageSignature/signature"),
        "invalid signature",
    );
    let digest = "/messageSignature/messageDigest/digest";
    check(&signature, digest, flipped(digest), "about something else");
    check(&signature, certificate, taken(certificate), "does not match");
    check(&signature, certificate, flipped(certificate), "certificate");
    check(&signature, "/verificationMaterial/tlogEntries", json!([]), "proof");
    check(&signature, &entry("/inclusionProof"), Json::Null, "proof");
    check(&signature, &entry("/inclusionPromise"), Json::Null, "no verified timestamp");
    check(&signature, &entry("/integratedTime"), json!("1750000001"), "SET verification failed");
    check(&signature, &entry(""), taken(&entry("")), "does not match");
    let proof = entry("/inclusionProof/hashes");
    check(&signature, &proof, json!([]), "inclusion proof");
    let size = entry("/inclusionProof/treeSize");
    check(&signature, &size, json!("3"), "proof");
    let kind = entry("/kindVersion/kind");
    check(&signature, &kind, json!("dsse"), "incompatible");
    check(&provenance, "/dsseEnvelope/payloadType", json!("text/plain"), "type");
    let payload = "/dsseEnvelope/payload";
    check(&provenance, payload, json!("e30="), "invalid bundle");
    let two =
        json!([provenance["dsseEnvelope"]["signatures"][0], provenance["dsseEnvelope"]["signatures"][0]]);
    check(&provenance, "/dsseEnvelope/signatures", two, "exactly one signature");
}

#[test]
fn what_is_no_bundle_of_this_root_about_these_bytes_is_refused() {
    let (forge, artifact) = (Forge::new(1), sha256(b"a statement"));
    let bundle = forge.bundle(artifact, &wish());
    let check = |name: &str, number: u8, bundle: &[u8], of: &[u8], expect: &str| {
        let root = Root::read(Forge::new(number).root().as_bytes()).expect("a root");
        let found = outcome(&root, bundle, sha256(of));
        assert!(found.contains(expect), "{name}: {found}");
    };
    let good = bundle.as_bytes();
    check("itself", 1, good, b"a statement", WORKFLOW);
    check("another root", 2, good, b"a statement", "No log key valid");
    check("another statement", 1, good, b"another", "about something else");
    let provenance = forge.bundle(artifact, &wish().provenance());
    check("another subject", 1, provenance.as_bytes(), b"another", "about something else");
    check("nothing", 1, b"", b"", "no Sigstore bundle");
    check("half of it", 1, &good[..good.len() / 2], b"a statement", "no Sigstore bundle");
    check("no text", 1, &[0xff; 10], b"", "no Sigstore bundle");
    check("deep", 1, "[".repeat(MAX_BUNDLE).as_bytes(), b"", "no Sigstore bundle");
    check("large", 1, &[b' '; MAX_BUNDLE + 1], b"", "at most 65536 bytes");
}

#[test]
fn a_root_is_read_whole_or_not_at_all() {
    let good: Json = serde_json::from_str(&Forge::new(1).root()).expect("JSON");
    let check = |bytes: &[u8], expect: &str| {
        let found = Root::read(bytes).expect_err("no root").to_string();
        assert!(found.contains(expect), "{found}");
    };
    let with = |pointer: &str, to: Json| {
        let mut root = good.clone();
        *root.pointer_mut(pointer).expect("a place") = to;
        root.to_string()
    };
    check(b"", "no trusted root");
    check(b"{}", "no trusted root");
    check(&vec![b' '; MAX_ROOT + 1], "at most 262144 bytes");
    check(with("/certificateAuthorities", json!([])).as_bytes(), "names no certificate authority");
    check(with("/ctlogs", json!([])).as_bytes(), "names no log of certificates");
    check(with("/tlogs", json!([])).as_bytes(), "names no log of signatures");
    check(with("/tlogs/0/publicKey/rawBytes", json!("AAAA")).as_bytes(), "no trusted root");
    let chain = "/certificateAuthorities/0/certChain/certificates/0/rawBytes";
    check(with(chain, json!("AAAA")).as_bytes(), "no trusted root");
    assert_eq!(format!("{:?}", forged_root()), "Root { .. }");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whoever changes a byte of a bundle gets nothing else out of it than who signed it.
    #[test]
    fn nobody_else_signed(at in any::<prop::sample::Index>(), to in any::<u8>(), provenance: bool) {
        let (forge, artifact) = (Forge::new(1), sha256(b"a statement"));
        let wish = if provenance { wish().provenance() } else { wish() };
        let mut bundle = forge.bundle(artifact, &wish).into_bytes();
        let at = at.index(bundle.len());
        bundle[at] = to;
        if let Ok(Identity { issuer, subject }) = forged_root().signer(&bundle, artifact) {
            prop_assert_eq!((issuer.as_str(), subject.as_str()), (GITHUB, WORKFLOW));
        }
    }
}
