//! A Sigstore of its own, for tests: an authority, a log of certificates and a log of signatures with keys that
//! everybody knows. What it makes is checked like anything else, against its own [`Forge::root`].
//!
//! It signs whatever it is asked to, for whomever and whenever, and nothing in it is drawn by chance: the same wish is
//! the same bundle.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use p256::ecdsa::signature::{Signer as _, hazmat::PrehashSigner as _};
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::EncodePublicKey as _;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::PROVENANCE;

mod certificate;

/// When bundles are logged where a wish says nothing else, in seconds since 1970: 2025-06-15.
pub const LOGGED: i64 = 1_750_000_000;
/// How long a certificate lives, in seconds.
const MINUTES: i64 = 600;
/// What statements are in.
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// Its keys.
pub struct Forge {
    authority: Key,
    certificates: Key,
    signatures: Key,
    signer: Key,
}

/// What a bundle says.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The issuer whom the certificate names.
    pub issuer: String,
    /// Whom it is for; a URI where it has a scheme, else a mail address.
    pub subject: String,
    /// For which repository the workflow ran, where it names one.
    pub repository: Option<String>,
    /// When the signature was logged, in seconds since 1970.
    pub logged: i64,
    /// When the certificate begins, in the same; it lives for ten minutes.
    pub from: i64,
    /// A statement with this type of predicate is signed; absent: the bytes themselves.
    pub predicate: Option<String>,
}

impl Wish {
    /// A workflow's signature over bytes, logged at [`LOGGED`].
    pub fn of(issuer: &str, subject: &str) -> Self {
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        Self { issuer, subject, repository: None, logged: LOGGED, from: LOGGED - 60, predicate: None }
    }

    /// The same as the provenance of a build.
    pub fn provenance(self) -> Self {
        Self { predicate: Some(PROVENANCE.to_owned()), ..self }
    }
}

impl Forge {
    /// The one of this number; another number has other keys.
    pub fn new(number: u8) -> Self {
        let key = |part: u8| Key::new([number, part]);
        Self { authority: key(1), certificates: key(2), signatures: key(3), signer: key(4) }
    }

    /// Its `trusted_root.json`. The authority is valid for a year around [`LOGGED`].
    pub fn root(&self) -> String {
        let valid = json!({"start": "2025-01-01T00:00:00Z", "end": "2025-12-31T23:59:59Z"});
        let log = |name: &str, key: &Key| {
            json!([{
                "baseUrl": format!("https://{name}.forge.example"),
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": BASE64.encode(key.spki()), "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": {"start": "2025-01-01T00:00:00Z"},
                },
                "logId": {"keyId": BASE64.encode(key.id())},
            }])
        };
        let authority = certificate::authority(&self.authority);
        let root = json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": log("signatures", &self.signatures),
            "ctlogs": log("certificates", &self.certificates),
            "certificateAuthorities": [{
                "subject": {"organization": "forge.example", "commonName": "forge"},
                "uri": "https://authority.forge.example",
                "certChain": {"certificates": [{"rawBytes": BASE64.encode(authority)}]},
                "validFor": valid,
            }],
            "timestampAuthorities": [],
        });
        root.to_string()
    }

    /// A bundle about the bytes with this SHA-256.
    pub fn bundle(&self, sha256: [u8; 32], wish: &Wish) -> String {
        let certificate = certificate::leaf(self, wish);
        let pem = BASE64.encode(pem(&certificate));
        let (name, content, kind, body) = match &wish.predicate {
            None => {
                let signature = BASE64.encode(self.signer.sign_digest(&sha256));
                let body = json!({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
                    "data": {"hash": {"algorithm": "sha256", "value": hex(&sha256)}},
                    "signature": {"content": signature, "publicKey": {"content": pem}},
                }});
                let digest = json!({"algorithm": "SHA2_256", "digest": BASE64.encode(sha256)});
                let content = json!({"messageDigest": digest, "signature": signature});
                ("messageSignature", content, "hashedrekord", body)
            }
            Some(predicate) => {
                let payload = json!({
                    "_type": "https://in-toto.io/Statement/v1", "predicateType": predicate, "predicate": {},
                    "subject": [{"name": "artifact", "digest": {"sha256": hex(&sha256)}}],
                })
                .to_string();
                let to_sign = format!("DSSEv1 {} {IN_TOTO} {} {payload}", IN_TOTO.len(), payload.len());
                let signature = BASE64.encode(self.signer.sign(to_sign.as_bytes()));
                let hash = json!({"algorithm": "sha256", "value": hex(&Sha256::digest(&payload))});
                let body = json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {
                    "envelopeHash": hash, "payloadHash": hash,
                    "signatures": [{"signature": signature, "verifier": pem}],
                }});
                let signatures = json!([{"sig": signature}]);
                let payload = BASE64.encode(payload);
                let content = json!({"payload": payload, "payloadType": IN_TOTO, "signatures": signatures});
                ("dsseEnvelope", content, "dsse", body)
            }
        };
        let mut bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": {"rawBytes": BASE64.encode(certificate)},
                "tlogEntries": [self.logged(kind, &body, wish.logged)],
            },
        });
        bundle[name] = content;
        bundle.to_string()
    }

    /// An entry of the log of signatures, the first of two, with its promise and its proof.
    fn logged(&self, kind: &str, body: &Json, at: i64) -> Json {
        let (body, key) = (body.to_string(), &self.signatures);
        let leaf: [u8; 32] = Sha256::digest([&[0], body.as_bytes()].concat()).into();
        let other: [u8; 32] = Sha256::digest(b"\0another").into();
        let root = BASE64.encode(Sha256::digest([&[1][..], &leaf, &other].concat()));
        let note = format!("forge.example - 1\n2\n{root}\n");
        let signed = BASE64.encode([&key.id()[..4], &key.sign(note.as_bytes())].concat());
        let body = BASE64.encode(body);
        // RFC 8785: the keys in their order, and nothing between.
        let promise =
            format!(r#"{{"body":"{body}","integratedTime":{at},"logID":"{}","logIndex":0}}"#, hex(&key.id()));
        json!({
            "logIndex": "0",
            "logId": {"keyId": BASE64.encode(key.id())},
            "kindVersion": {"kind": kind, "version": "0.0.1"},
            "integratedTime": at.to_string(),
            "inclusionPromise": {"signedEntryTimestamp": BASE64.encode(key.sign(promise.as_bytes()))},
            "inclusionProof": {
                "logIndex": "0", "rootHash": root, "treeSize": "2", "hashes": [BASE64.encode(other)],
                "checkpoint": {"envelope": format!("{note}\n\u{2014} forge.example {signed}\n")},
            },
            "canonicalizedBody": body,
        })
    }
}

/// A key that everybody knows.
struct Key(SigningKey);

impl Key {
    fn new([number, part]: [u8; 2]) -> Self {
        let mut scalar = [0; 32];
        (scalar[30], scalar[31]) = (number, part);
        Self(SigningKey::from_bytes(&scalar.into()).expect("small, and not zero"))
    }

    fn spki(&self) -> Vec<u8> {
        self.0.verifying_key().to_public_key_der().expect("a key").into_vec()
    }

    /// What logs and certificates know it by.
    fn id(&self) -> [u8; 32] {
        Sha256::digest(self.spki()).into()
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = self.0.sign(message);
        signature.to_der().as_bytes().to_vec()
    }

    fn sign_digest(&self, digest: &[u8; 32]) -> Vec<u8> {
        let signature: Signature = self.0.sign_prehash(digest).expect("a digest");
        signature.to_der().as_bytes().to_vec()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn pem(certificate: &[u8]) -> String {
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines(&BASE64.encode(certificate))
    )
}

/// In lines of 64 characters.
fn lines(base64: &str) -> String {
    let lines: Vec<&str> =
        base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).expect("ASCII")).collect();
    lines.join("\n")
}
