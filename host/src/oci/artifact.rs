//! The JSON documents of an artifact: which there are, what is in them, how a package becomes them and back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Cases, Limits, MAX_CASES_BYTES, Package};
use crate::digest::Digest;
use crate::failure::clean;
use crate::trust::{Manifest, Signed};

pub(super) const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const COMPONENT: &str = "application/wasm";
/// What the layer with a plugin's cases is.
const CASES: &str = "application/vnd.lanewright.plugin.cases.v1.tar";

/// What they are called in what is told of them.
pub(super) const CASES_WORD: &str = "the cases";

/// Bytes of an image manifest or an index.
pub(super) const DOCUMENT_BYTES: u64 = 64 << 10;
/// Bytes of a configuration: a manifest, and a statement that holds it again.
pub(super) const CONFIG_BYTES: u64 = 256 << 10;

/// Why what came is no plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// A document is not what it should be.
    #[error("{what} cannot be read: {why}")]
    Json {
        /// Which document.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
    /// Something of another kind.
    #[error(
        "{what} is {found:?}, and only {wanted:?} is taken; a plugin is published with `lanewright plugin push`"
    )]
    MediaType {
        /// What has it.
        what: &'static str,
        /// What it says.
        found: String,
        /// What it has to be.
        wanted: &'static str,
    },
    /// One component is one layer.
    #[error("{0} layers, where a plugin has one, and perhaps one with its cases")]
    Layers(usize),
    /// The cases are none.
    #[error("its cases cannot be taken: {0}")]
    Cases(String),
    /// It is too large before any of it is read.
    #[error("{what} has {said} bytes, at most {most} are taken")]
    Size {
        /// What.
        what: &'static str,
        /// How many it is said to have.
        said: u64,
        /// How many it may have.
        most: u64,
    },
    /// It is not what was named.
    #[error(
        "{what} should be {wanted} with {said} bytes, and what came is {found} with {bytes}; it was damaged or exchanged on its way"
    )]
    Digest {
        /// What.
        what: &'static str,
        /// What it should be.
        wanted: Digest,
        /// How many bytes it should have.
        said: u64,
        /// What it is.
        found: Digest,
        /// How many bytes it has.
        bytes: u64,
    },
    /// A component like any other.
    #[error("a component without a plugin's manifest; publish it with `lanewright plugin push`")]
    NoManifest,
    /// Something that is named is not there.
    #[error("{what} is missing")]
    Missing {
        /// What.
        what: &'static str,
    },
    /// It holds more than one plugin, or none.
    #[error("{0} artifacts, where a bundle holds one")]
    Artifacts(usize),
    /// The bundle cannot be read.
    #[error("no bundle: {0}; make one with `lanewright plugin bundle`")]
    Bundle(String),
}

/// Points at bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
}

impl Descriptor {
    pub(super) fn of(media_type: &str, bytes: &[u8]) -> Self {
        let (digest, size) = (Digest::of(bytes), bytes.len() as u64);
        Self { media_type: media_type.to_owned(), digest, size, annotations: BTreeMap::new() }
    }

    /// Whether it may be fetched at all.
    pub(super) fn admit(
        &self,
        what: &'static str,
        wanted: &'static str,
        most: u64,
    ) -> Result<(), PackageError> {
        media_type(what, &self.media_type, wanted)?;
        match self.size <= most {
            true => Ok(()),
            false => Err(PackageError::Size { what, said: self.size, most }),
        }
    }

    /// Whether these are the bytes it points at.
    pub(super) fn check(&self, what: &'static str, bytes: &[u8]) -> Result<(), PackageError> {
        let (wanted, said, found) = (self.digest, self.size, Digest::of(bytes));
        let length = bytes.len() as u64;
        match found == wanted && length == said {
            true => Ok(()),
            false => Err(PackageError::Digest { what, wanted, said, found, bytes: length }),
        }
    }
}

/// What an image manifest says, once it is one of a plugin's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) config: Descriptor,
    pub(super) component: Descriptor,
    pub(super) cases: Option<Descriptor>,
}

impl Parts {
    /// Reads an image manifest; every media type, count and size is looked at before anything else is fetched.
    pub(super) fn read(document: &[u8], limits: &Limits) -> Result<Self, PackageError> {
        const WHAT: &str = "the image manifest";
        // What it is comes first, since an index has other keys.
        let kind: Kind = json(WHAT, document)?;
        media_type(WHAT, &kind.media_type, IMAGE_MANIFEST)?;
        let ImageManifest { config, layers, .. } = json(WHAT, document)?;
        let (component, cases) = match layers.as_slice() {
            [component] => (component, None),
            [component, cases] => (component, Some(cases)),
            layers => return Err(PackageError::Layers(layers.len())),
        };
        config.admit("the configuration", CONFIG, CONFIG_BYTES)?;
        component.admit("the layer", COMPONENT, limits.component)?;
        if let Some(cases) = cases {
            cases.admit("the second layer", CASES, MAX_CASES_BYTES)?;
        }
        Ok(Self { component: component.clone(), cases: cases.cloned(), config })
    }

    /// The package, of the bytes that were fetched.
    pub(super) fn package(
        &self,
        config: &[u8],
        component: Vec<u8>,
        cases: Option<Vec<u8>>,
    ) -> Result<Package, PackageError> {
        self.config.check("the configuration", config)?;
        self.component.check("the component", &component)?;
        let Config { lanewright, .. } = json("the configuration", config)?;
        let Ours { manifest, signed } = lanewright.ok_or(PackageError::NoManifest)?;
        let cases = match (&self.cases, cases) {
            (Some(descriptor), Some(bytes)) => {
                descriptor.check(CASES_WORD, &bytes)?;
                Some(
                    Cases::read(bytes)
                        .map_err(|error| PackageError::Cases(clean(&error.to_string(), 300)))?,
                )
            }
            (None, None) => None,
            _ => return Err(PackageError::Missing { what: CASES_WORD }),
        };
        Ok(Package { manifest, component, cases, signed })
    }
}

/// What a package is published as, the component left out. The same package makes the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Documents {
    pub(super) config: Vec<u8>,
    pub(super) manifest: Vec<u8>,
}

impl Documents {
    pub(super) fn of(package: &Package) -> Self {
        let component = Descriptor::of(COMPONENT, &package.component);
        let cases = package.cases.as_ref().map(|cases| Descriptor::of(CASES, cases.bytes()));
        let layers: Vec<Descriptor> = std::iter::once(component).chain(cases).collect();
        let ours = Ours { manifest: package.manifest.clone(), signed: package.signed.clone() };
        let config = write(&Config {
            // Tools ask for a time; the same package is the same at any.
            created: "1970-01-01T00:00:00Z".to_owned(),
            architecture: "wasm".to_owned(),
            // What the specification calls components, whatever they import.
            os: "wasip2".to_owned(),
            layer_digests: layers.iter().map(|layer| layer.digest).collect(),
            lanewright: Some(ours),
        });
        let Manifest { description, licence, version, publisher, .. } = &package.manifest;
        let annotations = [
            ("title", package.manifest.plugin().to_string()),
            ("description", description.to_string()),
            ("licenses", licence.to_string()),
            ("vendor", publisher.to_string()),
            ("version", version.to_string()),
        ];
        let manifest = write(&ImageManifest {
            schema_version: 2,
            media_type: IMAGE_MANIFEST.to_owned(),
            config: Descriptor::of(CONFIG, &config),
            layers,
            annotations: annotations
                .map(|(name, value)| (format!("org.opencontainers.image.{name}"), value))
                .into(),
        });
        Self { config, manifest }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    /// The specification lets it be absent; what made this artifact writes it.
    #[serde(default)]
    media_type: String,
}

/// Keys that are not here are passed over, as the specification wants it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageManifest {
    schema_version: u8,
    media_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(default)]
    created: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    layer_digests: Vec<Digest>,
    lanewright: Option<Ours>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ours {
    manifest: Manifest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signed: Option<Signed>,
}

pub(super) fn media_type(what: &'static str, found: &str, wanted: &'static str) -> Result<(), PackageError> {
    match found == wanted {
        true => Ok(()),
        false => Err(PackageError::MediaType { what, found: clean(found, 100), wanted }),
    }
}

pub(super) fn json<'de, T: Deserialize<'de>>(
    what: &'static str,
    bytes: &'de [u8],
) -> Result<T, PackageError> {
    serde_json::from_slice(bytes)
        .map_err(|error| PackageError::Json { what, why: clean(&error.to_string(), 300) })
}

pub(super) fn write(document: &impl Serialize) -> Vec<u8> {
    // Structs, lists and maps of texts; nothing in them can fail to be written.
    serde_json::to_vec(document).unwrap_or_default()
}
