//! Who made a Sigstore bundle, without a network.
//!
//! Bytes of a bundle and the SHA-256 of what it should be about go in, an [`Identity`] comes out: somebody whom an
//! OpenID Connect issuer knows by that subject signed these bytes, and a public log has it. What that is worth is for
//! the caller to say. All trust is in the [`Root`]: a `trusted_root.json` with the certificate authorities, logs and
//! timestamp authorities that are believed.
//!
//! Moments are those of the signature, told by the log or a timestamp authority: a certificate lives for minutes, and
//! has long expired when a bundle is looked at. So the answer does not change as time goes by.
//!
//! The work is done by `sigstore-verify`; this crate says how strict it is, and gives it the cryptography that the
//! host has anyway ([`provider`]).

use std::fmt;
use std::sync::Once;

use sigstore_verify::crypto::{SubjectAltName, install_default_provider};
use sigstore_verify::trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, TrustedRoot};
use sigstore_verify::types::bundle::MediaType;
use sigstore_verify::types::{Bundle, Sha256Hash, SignatureContent};
use sigstore_verify::{Error, VerificationPolicy, Verifier};

#[cfg(feature = "forge")]
pub mod forge;
mod provider;

/// The largest bundle, in bytes. One with a provenance of a build has about 12,000.
pub const MAX_BUNDLE: usize = 64 << 10;
/// The largest trusted root, in bytes. The public one has about 7,000.
pub const MAX_ROOT: usize = 256 << 10;
/// The one kind of statement that says "I built this": all others may say anything, such as that a test failed.
pub const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

/// Whom to believe: authorities and logs.
pub struct Root(Verifier);

/// Who signed: whom an issuer knows by this subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The URL of the OpenID Connect issuer.
    pub issuer: String,
    /// A mail address, or the URI of a workload.
    pub subject: String,
}

/// Why bytes are no trusted root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootError {
    /// Larger than any can be.
    #[error("a trusted root has at most {MAX_ROOT} bytes, not {0}")]
    TooLarge(usize),
    /// Not the JSON of one, or with a key or certificate that cannot be used.
    #[error("no trusted root: {0}; take the `trusted_root.json` of your Sigstore's TUF repository")]
    Json(String),
    /// Nothing can be checked against it.
    #[error("the trusted root names no {0}, without which no bundle can be checked")]
    Lacks(&'static str),
}

/// Why a bundle shows nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Larger than any can be.
    #[error("a bundle has at most {MAX_BUNDLE} bytes, not {0}")]
    TooLarge(usize),
    /// Not the JSON of one.
    #[error("no Sigstore bundle: {0}")]
    Json(String),
    /// Of an older version.
    #[error("the bundle is a {0}; bundles of version 0.3 are read")]
    Version(String),
    /// It is about something else.
    #[error("the bundle is about something else: {0}")]
    Another(String),
    /// It says something, but not that who signed it made this.
    #[error("the bundle holds a statement of the type {0}; a signature, or one of {PROVENANCE}, is taken")]
    Predicate(String),
    /// The certificate names no issuer or no subject.
    #[error("the certificate does not say who signed")]
    Nobody,
    /// A workflow that others may call signed for another repository than its own.
    #[error(
        "{subject} ran for {repository}, which is not its own; whoever calls a shared workflow signs in its name, so it \
         is not taken"
    )]
    Called {
        /// The workflow.
        subject: String,
        /// For whom it ran.
        repository: String,
    },
    /// The root does not bear it out: signature, certificate, log or moment.
    #[error("{0}")]
    Unproven(String),
}

impl Root {
    /// That of the public Sigstore (sigstore.dev), as it was when the library for bundles was released.
    ///
    /// # Errors
    ///
    /// [`RootError`], where the library's copy is not in order.
    pub fn public_good() -> Result<Self, RootError> {
        Self::read(SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes())
    }

    /// Reads a `trusted_root.json`.
    ///
    /// # Errors
    ///
    /// [`RootError`] says why it is none.
    pub fn read(json: &[u8]) -> Result<Self, RootError> {
        if json.len() > MAX_ROOT {
            return Err(RootError::TooLarge(json.len()));
        }
        provide();
        let json = str::from_utf8(json).map_err(|error| RootError::Json(error.to_string()))?;
        let root = TrustedRoot::from_json(json).map_err(|error| RootError::Json(error.to_string()))?;
        for (lacks, what) in [
            (root.certificate_authorities.is_empty(), "certificate authority"),
            (root.ctlogs.is_empty(), "log of certificates"),
            (root.tlogs.is_empty(), "log of signatures"),
        ] {
            if lacks {
                return Err(RootError::Lacks(what));
            }
        }
        Verifier::new(&root).map(Self).map_err(|error| RootError::Json(error.to_string()))
    }

    /// Who signed the bytes with this SHA-256: their signature over them, or over a provenance that names them, is in
    /// the bundle, with a certificate of one of the root's authorities and an entry with its proof of one of its logs.
    ///
    /// # Errors
    ///
    /// [`Refused`] says why the bundle does not show that.
    pub fn signer(&self, bundle: &[u8], sha256: [u8; 32]) -> Result<Identity, Refused> {
        if bundle.len() > MAX_BUNDLE {
            return Err(Refused::TooLarge(bundle.len()));
        }
        let json = str::from_utf8(bundle).map_err(|error| Refused::Json(error.to_string()))?;
        let bundle = Bundle::from_json(json).map_err(|error| Refused::Json(error.to_string()))?;
        if bundle.media_type() != MediaType::Bundle0_3 {
            return Err(Refused::Version(bundle.media_type().to_string()));
        }
        provide();
        // Chain, certificate's log, entry's log with proof, and a moment that one of the root's authorities tells: all of
        // it. Any identity, since the caller is told whose it is.
        let policy = VerificationPolicy::any_identity();
        let found =
            self.0.verify(Sha256Hash::new(sha256), &bundle, &policy).map_err(|error| match error {
                Error::ArtifactMismatch(why) => Refused::Another(why),
                other => Refused::Unproven(other.to_string()),
            })?;
        builds(&bundle.content)?;
        if !(found.certificate_verified() && found.sct_verified() && found.tlog_verified()) {
            return Err(Refused::Unproven("something was left unchecked".to_owned()));
        }
        let (Some(issuer), Some(subject)) = (found.issuer(), found.identity()) else {
            return Err(Refused::Nobody);
        };
        let claims = found.certificate().map(|certificate| &certificate.ci_claims);
        let repository = claims.and_then(|claims| claims.source_repository_uri.as_deref());
        if let (SubjectAltName::Uri(subject), Some(repository)) = (subject, repository) {
            let own = subject.strip_prefix(repository).is_some_and(|rest| rest.starts_with('/'));
            if !own {
                return Err(Refused::Called { subject: subject.clone(), repository: repository.to_owned() });
            }
        }
        Ok(Identity { issuer: issuer.to_owned(), subject: subject.to_string() })
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Root").finish_non_exhaustive()
    }
}

/// Whether what is signed says that who signed it made the artifact. The library has checked that it names it.
fn builds(content: &SignatureContent) -> Result<(), Refused> {
    match content {
        SignatureContent::MessageSignature(_) => Ok(()),
        SignatureContent::DsseEnvelope(envelope) => {
            let statement: serde_json::Value = serde_json::from_slice(envelope.payload.as_bytes())
                .map_err(|error| Refused::Json(error.to_string()))?;
            match statement.get("predicateType").and_then(serde_json::Value::as_str) {
                Some(PROVENANCE) => Ok(()),
                other => Err(Refused::Predicate(other.unwrap_or("none").to_owned())),
            }
        }
        _ => Err(Refused::Json("it holds neither a signature nor an envelope".to_owned())),
    }
}

/// Gives the library its cryptography, once a process.
fn provide() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Where somebody else was first, theirs serves as well.
        let _ = install_default_provider(&provider::Provider);
    });
}
