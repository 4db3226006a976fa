//! Cryptography for `sigstore-verify` out of the libraries that the host has anyway: ECDSA on P-256 and P-384 and
//! Ed25519, which the public Sigstore signs with, and RSA of at most 4096 bits, which private ones may. ML-DSA is
//! refused by name. Nothing here knows a private key.

use ed25519_dalek::VerifyingKey as Ed25519;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::{RsaPublicKey, pkcs1v15, pss};
use sha2::digest::FixedOutputReset;
use sha2::digest::const_oid::AssociatedOid;
use sha2::{Digest, Sha256, Sha384, Sha512};
use sigstore_verify::crypto::{CryptoProvider, Error, HashContext, Result, SigningScheme};
use sigstore_verify::types::HashAlgorithm;

/// The one there is.
#[derive(Debug)]
pub(crate) struct Provider;

struct Hash<D>(D);

impl<D: Digest + Send> HashContext for Hash<D> {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}

impl CryptoProvider for Provider {
    fn hash(&self, algorithm: HashAlgorithm) -> Result<Box<dyn HashContext>> {
        match algorithm {
            HashAlgorithm::Sha2256 => Ok(Box::new(Hash(Sha256::new()))),
            HashAlgorithm::Sha2384 => Ok(Box::new(Hash(Sha384::new()))),
            HashAlgorithm::Sha2512 => Ok(Box::new(Hash(Sha512::new()))),
            other => Err(Error::UnsupportedAlgorithm(format!("{other} is no digest that is known here"))),
        }
    }

    fn verify_raw(&self, scheme: SigningScheme, key: &[u8], data: &[u8], signature: &[u8]) -> Result<()> {
        match scheme {
            SigningScheme::Ed25519 => {
                let key = <&[u8; 32]>::try_from(key).ok().and_then(|key| Ed25519::from_bytes(key).ok());
                let signature = ed25519_dalek::Signature::from_slice(signature).map_err(|_| wrong(scheme))?;
                let key = key.ok_or_else(|| wrong(scheme))?;
                key.verify_strict(data, &signature).map_err(|_| wrong(scheme))
            }
            _ => match scheme.hash_algorithm() {
                Some(algorithm) => {
                    let mut hash = self.hash(algorithm)?;
                    hash.update(data);
                    self.verify_prehashed(scheme, key, &hash.finalize(), signature)
                }
                None => Err(unsupported(scheme)),
            },
        }
    }

    fn verify_prehashed(
        &self,
        scheme: SigningScheme,
        key: &[u8],
        digest: &[u8],
        signature: &[u8],
    ) -> Result<()> {
        let held = match scheme {
            SigningScheme::EcdsaP256Sha256 | SigningScheme::EcdsaP256Sha384 => {
                let signature = p256::ecdsa::Signature::from_der(signature);
                holds(p256::ecdsa::VerifyingKey::from_sec1_bytes(key), digest, signature)
            }
            SigningScheme::EcdsaP384Sha256 | SigningScheme::EcdsaP384Sha384 => {
                let signature = p384::ecdsa::Signature::from_der(signature);
                holds(p384::ecdsa::VerifyingKey::from_sec1_bytes(key), digest, signature)
            }
            SigningScheme::RsaPkcs1Sha256 => pkcs1::<Sha256>(key, digest, signature),
            SigningScheme::RsaPkcs1Sha384 => pkcs1::<Sha384>(key, digest, signature),
            SigningScheme::RsaPkcs1Sha512 => pkcs1::<Sha512>(key, digest, signature),
            SigningScheme::RsaPssSha256 => pss::<Sha256>(key, digest, signature),
            SigningScheme::RsaPssSha384 => pss::<Sha384>(key, digest, signature),
            SigningScheme::RsaPssSha512 => pss::<Sha512>(key, digest, signature),
            _ => return Err(unsupported(scheme)),
        };
        if held { Ok(()) } else { Err(wrong(scheme)) }
    }
}

/// Whether a key signed this; what cannot be read did not.
fn holds<S, E>(
    key: std::result::Result<impl PrehashVerifier<S>, E>,
    digest: &[u8],
    signature: std::result::Result<S, E>,
) -> bool {
    matches!((key, signature), (Ok(key), Ok(signature)) if key.verify_prehash(digest, &signature).is_ok())
}

fn pkcs1<D: Digest + AssociatedOid>(key: &[u8], digest: &[u8], signature: &[u8]) -> bool {
    let key = RsaPublicKey::from_pkcs1_der(key).map(pkcs1v15::VerifyingKey::<D>::new);
    holds(key.map_err(drop), digest, pkcs1v15::Signature::try_from(signature).map_err(drop))
}

fn pss<D: Digest + FixedOutputReset>(key: &[u8], digest: &[u8], signature: &[u8]) -> bool {
    let key = RsaPublicKey::from_pkcs1_der(key).map(pss::VerifyingKey::<D>::new);
    holds(key.map_err(drop), digest, pss::Signature::try_from(signature).map_err(drop))
}

fn wrong(scheme: SigningScheme) -> Error {
    Error::Verification(format!("the {} signature is not of this key over this", scheme.name()))
}

fn unsupported(scheme: SigningScheme) -> Error {
    Error::UnsupportedAlgorithm(format!(
        "{} is not supported here; ECDSA on P-256 or P-384, Ed25519 and RSA are",
        scheme.name()
    ))
}
