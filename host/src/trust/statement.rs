//! What a publisher signs, and the signature over it.
//!
//! The bytes that a key signs are DSSE's pre-authentication encoding (github.com/secure-systems-lab/dsse) of the
//! statement's JSON under a media type of its own, so that no signature of anything else can be taken for one of
//! these. Tools of Sigstore sign files, so what they sign is the JSON itself. A statement has one JSON; another
//! spelling of the same is refused when it is read.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::Distrust;
use super::identity::Identity;
use super::keys::{PublicKey, Signature, SigningKey};
use super::manifest::Manifest;
use super::signers::Signer;
use super::sigstore::{SigstoreError, SigstoreRoot};
use crate::digest::Digest;

/// What the payload of a statement's envelope is.
pub const STATEMENT_TYPE: &str = "application/vnd.lanewright.plugin.statement.v1+json";
/// The largest signed statement, in bytes.
pub const MAX_SIGNED: usize = 192 << 10;
/// The largest Sigstore bundle, in bytes; with the provenance of a build one has about 12,000.
pub const MAX_SIGSTORE: usize = 64 << 10;

/// "These bytes are that release of that plugin, and it asks for this."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Publisher, plugin, version, interface, and what it asks for.
    pub manifest: Manifest,
    /// Of the component.
    pub digest: Digest,
    /// Of the archive of its cases, where it brings any. One without is written, and signed, as before there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cases: Option<Digest>,
}

impl Statement {
    /// Signs it.
    pub fn sign(self, key: &SigningKey) -> Signed {
        let signature = key.sign(&signed_bytes(STATEMENT_TYPE, &self.payload()));
        Signed { statement: self, proof: Proof::Key(key.public(), signature) }
    }

    /// Puts a Sigstore bundle to it, as whoever the bundle shows to have signed [`Self::payload`].
    ///
    /// # Errors
    ///
    /// Where the bundle does not show that anybody did.
    pub fn with_bundle(self, bundle: Vec<u8>, root: &SigstoreRoot) -> Result<Signed, SigstoreError> {
        let identity = root.signer(&bundle, &self.payload())?;
        Ok(Signed { statement: self, proof: Proof::Sigstore(identity, bundle) })
    }

    /// Its one JSON.
    pub fn payload(&self) -> Vec<u8> {
        // Structs and sets of texts; nothing in them can fail to be written.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// A statement with a signature that is not checked yet; [`super::verify`] does so. As JSON it is an envelope of
/// DSSE with one signature, or with a Sigstore bundle in place of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Envelope", into = "Envelope")]
pub struct Signed {
    /// What is said.
    pub statement: Statement,
    pub(super) proof: Proof,
}

/// What shows who signed, and who that is said to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proof {
    /// A signature of a key.
    Key(PublicKey, Signature),
    /// A Sigstore bundle, of an exact identity; at most [`MAX_SIGSTORE`] bytes, and not read here.
    Sigstore(Identity, Vec<u8>),
}

impl Signed {
    /// Reads an envelope.
    ///
    /// # Errors
    ///
    /// Where it is larger than [`MAX_SIGNED`], no such envelope, or holds anything else than one statement in its
    /// one spelling.
    pub fn read(json: &[u8]) -> Result<Self, SignedError> {
        match json.len() {
            bytes if bytes > MAX_SIGNED => Err(SignedError::TooLarge(bytes)),
            _ => serde_json::from_slice(json).map_err(|error| SignedError::Json(error.to_string())),
        }
    }

    /// As [`Self::read`] takes it.
    pub fn write(&self) -> Vec<u8> {
        // As above: nothing in it can fail to be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Who is said to have signed it.
    pub fn signer(&self) -> Signer {
        match &self.proof {
            Proof::Key(key, _) => Signer::Key(*key),
            Proof::Sigstore(identity, _) => Signer::Identity(identity.clone()),
        }
    }

    /// Whether [`Self::signer`] did sign this statement.
    pub(super) fn holds(&self, root: &SigstoreRoot) -> Result<(), Distrust> {
        let payload = self.statement.payload();
        match &self.proof {
            Proof::Key(key, signature) => {
                match key.signed(&signed_bytes(STATEMENT_TYPE, &payload), signature) {
                    true => Ok(()),
                    false => Err(Distrust::BadSignature { key: *key }),
                }
            }
            Proof::Sigstore(identity, bundle) => match root.signer(bundle, &payload) {
                Ok(found) if found == *identity => Ok(()),
                Ok(found) => {
                    let why = format!("it is of {found}");
                    Err(Distrust::BadBundle { identity: identity.clone(), why })
                }
                Err(SigstoreError::NotBuilt) => Err(Distrust::NoSigstore),
                Err(SigstoreError::Why(why)) => Err(Distrust::BadBundle { identity: identity.clone(), why }),
            },
        }
    }
}

/// Why bytes are no signed statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignedError {
    /// Larger than any can be.
    #[error("a signed statement has at most {MAX_SIGNED} bytes, not {0}")]
    TooLarge(usize),
    /// Not the JSON of one.
    #[error("no signed statement: {0}; make one with `lanewright plugin sign`")]
    Json(String),
}

/// The wire's form, as DSSE names its parts; one of `signatures` and `sigstore` is there.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Envelope {
    payload_type: String,
    payload: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signatures: Option<[EnvelopeSignature; 1]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sigstore: Option<EnvelopeBundle>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeSignature {
    keyid: PublicKey,
    sig: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeBundle {
    identity: Identity,
    bundle: String,
}

/// What is wrong with an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wrong(&'static str);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl From<Signed> for Envelope {
    fn from(signed: Signed) -> Self {
        let (signatures, sigstore) = match signed.proof {
            Proof::Key(keyid, signature) => {
                (Some([EnvelopeSignature { keyid, sig: BASE64.encode(signature.0) }]), None)
            }
            Proof::Sigstore(identity, bundle) => {
                (None, Some(EnvelopeBundle { identity, bundle: BASE64.encode(bundle) }))
            }
        };
        let payload = BASE64.encode(signed.statement.payload());
        Self { payload_type: STATEMENT_TYPE.to_owned(), payload, signatures, sigstore }
    }
}

impl TryFrom<Envelope> for Signed {
    type Error = Wrong;
    fn try_from(envelope: Envelope) -> Result<Self, Wrong> {
        let Envelope { payload_type, payload, signatures, sigstore } = envelope;
        if payload_type != STATEMENT_TYPE {
            return Err(Wrong("the payload is of another type"));
        }
        let payload = BASE64.decode(payload).map_err(|_| Wrong("the payload is not Base64"))?;
        let statement: Statement = serde_json::from_slice(&payload)
            .map_err(|_| Wrong("the payload is no statement about a plugin"))?;
        if statement.payload() != payload {
            return Err(Wrong("the statement is spelled in another way than it is signed"));
        }
        let proof = match (signatures, sigstore) {
            (Some([EnvelopeSignature { keyid, sig }]), None) => {
                let signature = BASE64.decode(sig).ok().and_then(|bytes| bytes.try_into().ok());
                let signature = signature.ok_or(Wrong("the signature is not 64 bytes in Base64"))?;
                Proof::Key(keyid, Signature(signature))
            }
            (None, Some(EnvelopeBundle { identity, bundle })) => {
                let bundle = BASE64.decode(bundle).map_err(|_| Wrong("the bundle is not Base64"))?;
                if bundle.len() > MAX_SIGSTORE {
                    return Err(Wrong("the bundle is larger than any can be"));
                }
                if !identity.is_exact() {
                    return Err(Wrong("whoever signed is one, and the identity ends in `*`"));
                }
                Proof::Sigstore(identity, bundle)
            }
            _ => return Err(Wrong("there is one of `signatures` and `sigstore`")),
        };
        Ok(Self { statement, proof })
    }
}

/// DSSE's pre-authentication encoding: what is signed says what it is and where it ends.
pub(super) fn signed_bytes(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}
