//! Plugins in OCI registries and in bundle files.
//!
//! A plugin's release is one artifact as CNCF's "Wasm OCI Artifact" lays it down, so that tools which know those can
//! copy it: one layer, which is the component, perhaps a second with its cases, and one configuration, in which the
//! manifest and the publisher's signed statement stand under a key of ours. [`push`] and [`pull`] speak the OCI distribution specification 1.1
//! with a registry; [`bundle`] is the same artifact as an OCI image layout in a tar file, for sites without a network.
//!
//! Nobody on that way is trusted. Whatever comes in is bounded before it is read, of one of the few media types
//! there are, and of the digest that was asked for; nothing is unpacked. What comes out is a [`Package`] in memory:
//! the very bytes that [`crate::trust::verify`] is asked about are the ones that are used.

use std::time::Duration;

use crate::digest::Digest;
use crate::trust::{Manifest, Offer, Signed, Source};

mod artifact;
pub mod bundle;
mod cases;
mod challenge;
mod reference;
mod registry;
#[cfg(test)]
mod tests;

pub use artifact::PackageError;
pub use cases::{Cases, CasesError, MAX_CASES, MAX_CASES_BYTES};
pub use reference::{Reference, ReferenceError, Repository, Which};
pub use registry::{Credentials, Pulled, RegistryError, pull, push};

/// A release of a plugin: all that is needed to judge it and to run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// What its publisher says it is.
    pub manifest: Manifest,
    /// The component.
    pub component: Vec<u8>,
    /// Its cases, where it brings any.
    pub cases: Option<Cases>,
    /// The publisher's word for both, not checked yet.
    pub signed: Option<Signed>,
}

impl Package {
    /// What [`crate::trust::verify`] is asked about; the digest is computed here, of these bytes.
    pub fn offer(&self, source: Source) -> Offer<'_> {
        Offer {
            manifest: &self.manifest,
            digest: Digest::of(&self.component),
            cases: self.cases.as_ref().map(Cases::digest),
            signed: self.signed.as_ref(),
            source,
        }
    }
}

/// How much a package may be, and how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the component.
    pub component: u64,
    /// All requests together.
    pub time: Duration,
}

impl Default for Limits {
    /// The largest component of any plan, and a minute.
    fn default() -> Self {
        Self { component: 40 << 20, time: Duration::from_secs(60) }
    }
}
