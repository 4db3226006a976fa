//! Whose plugins are run: what publishers sign, whom a tenant trusts, what is revoked.
//!
//! A component comes in with its [`Manifest`] and, mostly, a [`Signed`] statement about both: by a key, or by somebody
//! whom Sigstore vouches for. [`verify`] says whether a tenant's [`Trust`] covers it, or the one reason why not. It is a
//! function of values: whoever calls it has the bytes in hand that the digest is of, and goes on with those same bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::releases::Version;

mod few;
mod identity;
mod keys;
mod manifest;
mod names;
mod revocations;
mod signers;
mod sigstore;
mod statement;
#[cfg(test)]
mod tests;

pub use identity::{Identity, IdentityError};
pub use keys::{KeyError, PublicKey, Signature, SigningKey};
pub use manifest::{Asks, MAX_FIELDS, MAX_MANIFEST, MAX_ORIGINS, MAX_SECRETS, Manifest, Role};
pub use names::{
    Description, Field, Licence, MAX_WORD, Name, NameError, Origin, PluginName, Publisher, SecretName,
};
pub use revocations::{MAX_REVOCATIONS, Revocation, Revocations, TooMany};
pub use signers::{MAX_SIGNERS, Scope, Signer, SignerError, Signers};
pub use sigstore::{HAS_SIGSTORE, MAX_ROOT, SigstoreError, SigstoreRoot};
pub use statement::{MAX_SIGNED, MAX_SIGSTORE, STATEMENT_TYPE, Signed, SignedError, Statement};

use few::few;

/// The most publishers a tenant may trust.
pub const MAX_PUBLISHERS: usize = 1000;

/// Whom a tenant trusts. By default nobody but itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// What becomes of the tenant's own uploads.
    #[serde(default)]
    pub own_uploads: OwnUploads,
    /// Whom else it trusts.
    #[serde(default, deserialize_with = "few::<MAX_PUBLISHERS, _, _>")]
    pub publishers: BTreeMap<Publisher, Signers>,
}

impl Trust {
    /// Those whom Sigstore vouches for.
    pub fn identities(&self) -> impl Iterator<Item = &Identity> {
        self.publishers.values().flat_map(Signers::identities)
    }
}

/// What becomes of a tenant's own uploads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnUploads {
    /// They need no signature, unless they are named for a publisher whom somebody signs for here.
    #[default]
    Unsigned,
    /// They are signed like everybody else's.
    Signed,
}

/// A component that somebody would like to run.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// What comes with it says what it is.
    pub manifest: &'a Manifest,
    /// Of the bytes in hand, computed here.
    pub digest: Digest,
    /// Of the cases that came along, computed here.
    pub cases: Option<Digest>,
    /// What its publisher says, where anything came along.
    pub signed: Option<&'a Signed>,
    /// How it came.
    pub source: Source,
}

/// How a component came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The tenant itself uploaded it, with a key of its own.
    OwnUpload,
    /// From a registry, a bundle, a catalogue.
    Elsewhere,
}

/// The highest version of a plugin that a tenant has accepted so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The version.
    pub version: Version,
    /// What it was.
    pub digest: Digest,
}

/// Why a component may run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trusted {
    /// This one signed for it, and the tenant trusts whoever that is for it.
    Signed(Signer),
    /// It is the tenant's own.
    Own,
}

/// Why a component may not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Distrust {
    /// There is no statement.
    #[error("nobody signed it; have its publisher sign it with `lanewright plugin sign`")]
    Unsigned,
    /// The tenant trusts no such publisher.
    #[error("{publisher} is none of the publishers trusted here; add a key of theirs first")]
    UnknownPublisher {
        /// Who is said to be.
        publisher: Publisher,
    },
    /// The tenant does not trust the key, or trusts it for other plugins.
    #[error("{key} is not trusted for {plugin}; if it is {}'s, add it for this plugin", plugin.publisher)]
    KeyNotTrusted {
        /// Which key.
        key: PublicKey,
        /// For what.
        plugin: PluginName,
    },
    /// The tenant does not trust the identity, or trusts it for other plugins.
    #[error("{identity} is not trusted for {plugin}; if it signs for {}, add it for this plugin", plugin.publisher)]
    IdentityNotTrusted {
        /// Which identity.
        identity: Identity,
        /// For what.
        plugin: PluginName,
    },
    /// The bundle does not show that the identity signed this.
    #[error(
        "the Sigstore bundle does not show that {identity} signed this statement: {why}; sign what `lanewright plugin \
         statement` writes, not the component, and fetch or sign again"
    )]
    BadBundle {
        /// Whose it is said to be.
        identity: Identity,
        /// In words.
        why: String,
    },
    /// It is signed with Sigstore, which this program cannot check.
    #[error("{}", sigstore::NONE)]
    NoSigstore,
    /// The key did not sign this.
    #[error(
        "the signature is not one of {key} over this statement; fetch the release again, or have it signed again"
    )]
    BadSignature {
        /// Whose it is said to be.
        key: PublicKey,
    },
    /// The statement is about another plugin.
    #[error("what is signed is {signed}, and this is {found}")]
    AnotherPlugin {
        /// What the statement names.
        signed: PluginName,
        /// What the manifest names.
        found: PluginName,
    },
    /// The statement is about another release.
    #[error("what is signed is version {signed}, and this is {found}")]
    AnotherVersion {
        /// What the statement names.
        signed: Version,
        /// What the manifest names.
        found: Version,
    },
    /// The statement is about other bytes.
    #[error("what is signed is {signed}, and this is {found}; sign again what was built again")]
    AnotherComponent {
        /// What the statement names.
        signed: Digest,
        /// What the bytes are.
        found: Digest,
    },
    /// The statement is about a plugin for another interface.
    #[error("what is signed is for interface {signed}, and the manifest says {found}")]
    AnotherInterface {
        /// What the statement names.
        signed: Version,
        /// What the manifest names.
        found: Version,
    },
    /// The manifest says something else than what was signed, such as what it asks for.
    #[error("the manifest was changed after it was signed; use the one that was, or sign again")]
    AnotherManifest,
    /// The cases are others than those that were signed, or some are there and others are not.
    #[error("its cases are not those that were signed; fetch the release again, or have it signed again")]
    OtherCases,
    /// It is trusted no longer.
    #[error("it was revoked; use a later release")]
    Revoked {
        /// By what.
        by: Box<Revocation>,
    },
    /// It is older than what was accepted before.
    #[error(
        "version {found} is older than {seen}, which was accepted before; go back with a rollback instead"
    )]
    Downgrade {
        /// What it is.
        found: Version,
        /// What there was.
        seen: Version,
    },
    /// The version was accepted before, and was something else.
    #[error(
        "version {version} was {seen} before, and is {found} now; a release never changes, so raise the version"
    )]
    Replaced {
        /// Which.
        version: Version,
        /// What it was.
        seen: Digest,
        /// What it is.
        found: Digest,
    },
}

/// Whether a component may run for a tenant. `seen` is the highest version of this plugin that it accepted; `None`
/// where it has none; Sigstore bundles are checked against `root`.
///
/// # Errors
///
/// The first reason, in this order: revoked; what is signed is something else; who signed is not trusted; the
/// signature does not hold; it goes back.
pub fn verify(
    offer: &Offer<'_>,
    trust: &Trust,
    revocations: &Revocations,
    seen: Option<&Seen>,
    root: &SigstoreRoot,
) -> Result<Trusted, Distrust> {
    if let Some(by) = revocations.of_release(offer.manifest, offer.digest) {
        return Err(Distrust::Revoked { by: Box::new(by.clone()) });
    }
    let trusted = match offer.signed {
        Some(signed) => {
            same(&signed.statement, offer)?;
            signed_by(signed, trust, revocations, root)?
        }
        None => own(offer, trust)?,
    };
    match seen {
        Some(seen) => forward(offer, seen).map(|()| trusted),
        None => Ok(trusted),
    }
}

/// Whether a statement is about what is offered.
fn same(
    Statement { manifest: signed, digest, cases }: &Statement,
    offer: &Offer<'_>,
) -> Result<(), Distrust> {
    let found = offer.manifest;
    if signed.plugin() != found.plugin() {
        return Err(Distrust::AnotherPlugin { signed: signed.plugin(), found: found.plugin() });
    }
    if signed.version != found.version {
        return Err(Distrust::AnotherVersion {
            signed: signed.version.clone(),
            found: found.version.clone(),
        });
    }
    if *digest != offer.digest {
        return Err(Distrust::AnotherComponent { signed: *digest, found: offer.digest });
    }
    if signed.interface != found.interface {
        let (signed, found) = (signed.interface.clone(), found.interface.clone());
        return Err(Distrust::AnotherInterface { signed, found });
    }
    // The rest: what it asks for, its roles, what people are told.
    if signed != found {
        return Err(Distrust::AnotherManifest);
    }
    match *cases == offer.cases {
        true => Ok(()),
        false => Err(Distrust::OtherCases),
    }
}

/// Whether somebody who is trusted with the plugin signed the statement.
fn signed_by(
    signed: &Signed,
    trust: &Trust,
    revocations: &Revocations,
    root: &SigstoreRoot,
) -> Result<Trusted, Distrust> {
    let (signer, plugin) = (signed.signer(), signed.statement.manifest.plugin());
    if matches!(signer, Signer::Identity(_)) && !HAS_SIGSTORE {
        return Err(Distrust::NoSigstore);
    }
    let Some(signers) = trust.publishers.get(&plugin.publisher) else {
        return Err(Distrust::UnknownPublisher { publisher: plugin.publisher });
    };
    if let Some(by) = revocations.of_signer(&signer) {
        return Err(Distrust::Revoked { by: Box::new(by.clone()) });
    }
    if !signers.cover(&signer, &plugin.name) {
        return Err(match signer {
            Signer::Key(key) => Distrust::KeyNotTrusted { key, plugin },
            Signer::Identity(identity) => Distrust::IdentityNotTrusted { identity, plugin },
        });
    }
    signed.holds(root).map(|()| Trusted::Signed(signer))
}

/// Whether it may go without a signature. Nobody takes another's name that way.
fn own(offer: &Offer<'_>, trust: &Trust) -> Result<Trusted, Distrust> {
    let free = offer.source == Source::OwnUpload && trust.own_uploads == OwnUploads::Unsigned;
    match free && !trust.publishers.contains_key(&offer.manifest.publisher) {
        true => Ok(Trusted::Own),
        false => Err(Distrust::Unsigned),
    }
}

/// Whether it follows what was accepted before, or is the same again.
fn forward(offer: &Offer<'_>, seen: &Seen) -> Result<(), Distrust> {
    let found = &offer.manifest.version;
    if *found < seen.version {
        return Err(Distrust::Downgrade { found: found.clone(), seen: seen.version.clone() });
    }
    if *found == seen.version && offer.digest != seen.digest {
        return Err(Distrust::Replaced { version: found.clone(), seen: seen.digest, found: offer.digest });
    }
    Ok(())
}
