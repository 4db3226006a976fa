//! Keys of publishers: Ed25519 (RFC 8032), written as text. A public key is short, so that it is its own id.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ed25519_dalek::{Signer as _, VerifyingKey};
use serde::{Deserialize, Serialize};

use super::names::serde_as_text;

const PUBLIC: &str = "ed25519:";
const PRIVATE: &str = "ed25519-private:";

/// A text that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No public one.
    #[error("a public key is `{PUBLIC}` and 43 characters of Base64, as `lanewright plugin keygen` prints")]
    Public,
    /// No private one; the text is never shown.
    #[error("a private key is `{PRIVATE}` and 43 characters of Base64, as `lanewright plugin keygen` writes")]
    Private,
}

/// Whom a signature is checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey([u8; 32]);

serde_as_text!(PublicKey);

impl PublicKey {
    /// Whether this key made a signature over exactly these bytes. Signatures have one encoding each, and keys for
    /// which anything verifies are none.
    pub(super) fn signed(&self, message: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        VerifyingKey::from_bytes(&self.0).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = decoded(PUBLIC, text).ok_or(KeyError::Public)?;
        match VerifyingKey::from_bytes(&bytes) {
            Ok(key) if !key.is_weak() => Ok(Self(bytes)),
            _ => Err(KeyError::Public),
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC}{}", BASE64.encode(self.0))
    }
}

/// What a publisher signs with. It is wiped from memory when dropped, and shows itself only where asked to.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key of 32 bytes that nobody could guess.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// What others check its signatures with.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// As a key file holds it.
    pub fn secret_text(&self) -> String {
        format!("{PRIVATE}{}", BASE64.encode(self.0.to_bytes()))
    }

    pub(super) fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}

impl FromStr for SigningKey {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        decoded(PRIVATE, text).map(|seed| Self::from_seed(&seed)).ok_or(KeyError::Private)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey of {}", self.public())
    }
}

/// 64 bytes that a private key made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub(super) [u8; 64]);

/// 32 bytes behind a prefix, in their one spelling.
fn decoded(prefix: &str, text: &str) -> Option<[u8; 32]> {
    BASE64.decode(text.strip_prefix(prefix)?).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        let key = SigningKey::from_seed(&[7; 32]);
        let read: SigningKey = key.secret_text().parse().expect("its own text");
        assert_eq!(read.public(), key.public());
        assert_eq!(key.public().to_string().parse(), Ok(key.public()));
        assert!(!format!("{key:?}").contains(&key.secret_text()[PRIVATE.len()..]));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let key = SigningKey::from_seed(&[7; 32]);
        let public = key.public().to_string();
        let check = |text: &str| assert_eq!(text.parse::<PublicKey>(), Err(KeyError::Public), "{text}");
        check("");
        check(&public[PUBLIC.len()..]);
        check(&format!("{public}="));
        check(&format!(" {public}"));
        check(&key.secret_text());
        // A point of small order, for which one signature fits every message.
        check(&format!("{PUBLIC}{}", BASE64.encode([[1; 1].as_slice(), &[0; 31]].concat())));
        // The same bytes in another spelling: the last character has two bits that say nothing.
        let last = public.chars().last().expect("a character");
        let other = char::from_u32(last as u32 + 1).expect("a character");
        check(&format!("{}{other}", &public[..public.len() - 1]));
        assert_eq!(public.parse::<SigningKey>().expect_err("a public one"), KeyError::Private);
    }
}
