//! What a publisher signs, and the signature over it.
//!
//! The bytes that are signed are DSSE's pre-authentication encoding (github.com/secure-systems-lab/dsse) of the
//! statement's JSON under a media type of its own, so that no signature of anything else can be taken for one of
//! these. A statement has one JSON; another spelling of the same is refused when it is read.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::keys::{PublicKey, Signature, SigningKey};
use super::manifest::Manifest;
use crate::digest::Digest;

/// What the payload of a statement's envelope is.
pub const STATEMENT_TYPE: &str = "application/vnd.lanewright.plugin.statement.v1+json";
/// The largest signed statement, in bytes.
pub const MAX_SIGNED: usize = 128 << 10;

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
        Signed { statement: self, key: key.public(), signature }
    }

    /// Its one JSON.
    fn payload(&self) -> Vec<u8> {
        // Structs and sets of texts; nothing in them can fail to be written.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// A statement with a signature that is not checked yet; [`super::verify`] does so. As JSON it is an envelope of
/// DSSE with one signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Envelope", into = "Envelope")]
pub struct Signed {
    /// What is said.
    pub statement: Statement,
    /// Who is said to have signed it.
    pub key: PublicKey,
    pub(super) signature: Signature,
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

    /// Whether [`Self::key`] did sign this statement.
    pub(super) fn holds(&self) -> bool {
        self.key.signed(&signed_bytes(STATEMENT_TYPE, &self.statement.payload()), &self.signature)
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

/// The wire's form, as DSSE names its parts.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Envelope {
    payload_type: String,
    payload: String,
    signatures: [EnvelopeSignature; 1],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeSignature {
    keyid: PublicKey,
    sig: String,
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
        Self {
            payload_type: STATEMENT_TYPE.to_owned(),
            payload: BASE64.encode(signed.statement.payload()),
            signatures: [EnvelopeSignature { keyid: signed.key, sig: BASE64.encode(signed.signature.0) }],
        }
    }
}

impl TryFrom<Envelope> for Signed {
    type Error = Wrong;
    fn try_from(envelope: Envelope) -> Result<Self, Wrong> {
        let Envelope { payload_type, payload, signatures: [EnvelopeSignature { keyid, sig }] } = envelope;
        if payload_type != STATEMENT_TYPE {
            return Err(Wrong("the payload is of another type"));
        }
        let payload = BASE64.decode(payload).map_err(|_| Wrong("the payload is not Base64"))?;
        let statement: Statement = serde_json::from_slice(&payload)
            .map_err(|_| Wrong("the payload is no statement about a plugin"))?;
        if statement.payload() != payload {
            return Err(Wrong("the statement is spelled in another way than it is signed"));
        }
        let signature = BASE64.decode(sig).ok().and_then(|bytes| bytes.try_into().ok());
        let signature = Signature(signature.ok_or(Wrong("the signature is not 64 bytes in Base64"))?);
        Ok(Self { statement, key: keyid, signature })
    }
}

/// DSSE's pre-authentication encoding: what is signed says what it is and where it ends.
pub(super) fn signed_bytes(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}
