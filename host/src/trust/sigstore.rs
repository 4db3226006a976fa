//! What Sigstore bundles are checked against, where the program was built with that.
//!
//! The work is a crate of its own, which only the feature `sigstore` brings. Without it there is still one
//! [`SigstoreRoot`], so that nothing else has two forms; it shows nothing of anybody.

use std::fmt;

use super::identity::Identity;

/// Whether this program can check Sigstore bundles.
pub const HAS_SIGSTORE: bool = cfg!(feature = "sigstore");
/// The largest `trusted_root.json`, in bytes.
pub const MAX_ROOT: usize = 256 << 10;

/// Whose certificates and logs are believed.
#[derive(Clone)]
pub struct SigstoreRoot {
    #[cfg(feature = "sigstore")]
    root: std::sync::Arc<lanewright_sigstore::Root>,
}

/// Why there is no root, or why a bundle does not show who signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigstoreError {
    /// This program checks none.
    #[error("{NONE}")]
    NotBuilt,
    /// In words, which are a stranger's in part, cut and escaped.
    #[error("{0}")]
    Why(String),
}

/// What is said where something asks for Sigstore.
pub(super) const NONE: &str =
    "this program was built without Sigstore; build it with `--features sigstore`, or sign with a key";

#[cfg(feature = "sigstore")]
impl SigstoreRoot {
    /// That of the public Sigstore (sigstore.dev), as this program was built with it.
    ///
    /// # Errors
    ///
    /// [`SigstoreError`], where the program's own copy is not in order.
    pub fn public_good() -> Result<Self, SigstoreError> {
        Self::of(lanewright_sigstore::Root::public_good())
    }

    /// Reads a `trusted_root.json`, of at most [`MAX_ROOT`] bytes.
    ///
    /// # Errors
    ///
    /// [`SigstoreError`] says why it is none.
    pub fn read(json: &[u8]) -> Result<Self, SigstoreError> {
        Self::of(lanewright_sigstore::Root::read(json))
    }

    fn of(
        root: Result<lanewright_sigstore::Root, lanewright_sigstore::RootError>,
    ) -> Result<Self, SigstoreError> {
        match root {
            Ok(root) => Ok(Self { root: std::sync::Arc::new(root) }),
            Err(error) => Err(SigstoreError::Why(cut(&error.to_string()))),
        }
    }

    /// Who signed these bytes, as a bundle shows it.
    pub(super) fn signer(&self, bundle: &[u8], of: &[u8]) -> Result<Identity, SigstoreError> {
        let sha256 = *crate::digest::Digest::of(of).bytes();
        let found =
            self.root.signer(bundle, sha256).map_err(|why| SigstoreError::Why(cut(&why.to_string())))?;
        let lanewright_sigstore::Identity { issuer, subject } = found;
        let identity: Result<Identity, _> = format!("sigstore:{issuer} {subject}").parse();
        match identity {
            Ok(identity) if identity.is_exact() => Ok(identity),
            _ => Err(SigstoreError::Why(
                "the certificate's issuer or subject is none that can be trusted".to_owned(),
            )),
        }
    }
}

#[cfg(not(feature = "sigstore"))]
impl SigstoreRoot {
    /// One that shows nothing.
    ///
    /// # Errors
    ///
    /// None.
    pub fn public_good() -> Result<Self, SigstoreError> {
        Ok(Self {})
    }

    /// Refuses a `trusted_root.json`.
    ///
    /// # Errors
    ///
    /// [`SigstoreError::NotBuilt`].
    pub fn read(_: &[u8]) -> Result<Self, SigstoreError> {
        Err(SigstoreError::NotBuilt)
    }

    /// Nobody.
    pub(super) fn signer(&self, _: &[u8], _: &[u8]) -> Result<Identity, SigstoreError> {
        Err(SigstoreError::NotBuilt)
    }
}

impl fmt::Debug for SigstoreRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigstoreRoot").finish_non_exhaustive()
    }
}

/// What a stranger's certificate or bundle says, for a person.
#[cfg(feature = "sigstore")]
fn cut(text: &str) -> String {
    crate::failure::clean(text, 500)
}

#[cfg(feature = "sigstore")]
const _: () = assert!(
    MAX_ROOT == lanewright_sigstore::MAX_ROOT && super::MAX_SIGSTORE == lanewright_sigstore::MAX_BUNDLE,
    "what is read is what is checked"
);
