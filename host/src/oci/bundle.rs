//! A package in a file: an OCI image layout in a tar archive, not compressed. The same package makes the same bytes.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use super::artifact::{
    CASES_WORD, CONFIG_BYTES, DOCUMENT_BYTES, Descriptor, Documents, IMAGE_MANIFEST, PackageError, Parts,
    json, media_type, write as document,
};
use super::{Limits, MAX_CASES_BYTES, Package};
use crate::digest::Digest;
use crate::versions::{Content, Files, Limits as FileLimits, PathError};

const LAYOUT: &str = "oci-layout";
const LAYOUT_VERSION: &str = "1.0.0";
const INDEX: &str = "index.json";
const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
/// How tools find an artifact of a layout by its tag.
const TAG: &str = "org.opencontainers.image.ref.name";

/// Reads a bundle.
///
/// # Errors
///
/// Where it is no bundle, holds anything but one plugin, or a limit is passed.
pub fn read(stream: impl Read, limits: &Limits) -> Result<Package, PackageError> {
    let files = Files::from_tar(stream, &file_limits(limits))
        .map_err(|error| PackageError::Bundle(error.to_string()))?;
    let file = |what: &'static str, path: &str| files.get(path).ok_or(PackageError::Missing { what });
    let layout: Layout = json("oci-layout", file("oci-layout", LAYOUT)?.bytes())?;
    if layout.image_layout_version != LAYOUT_VERSION {
        return Err(PackageError::Bundle(format!(
            "an image layout of another version than {LAYOUT_VERSION}"
        )));
    }
    let index: Index = json("index.json", file("index.json", INDEX)?.bytes())?;
    if let Some(found) = &index.media_type {
        media_type("index.json", found, INDEX_TYPE)?;
    }
    let [manifest] = index.manifests.as_slice() else {
        return Err(PackageError::Artifacts(index.manifests.len()));
    };
    let blob = |what: &'static str, descriptor: &Descriptor| {
        let bytes = file(what, &path(descriptor.digest))?.bytes();
        descriptor.check(what, bytes).map(|()| bytes)
    };
    manifest.admit("the artifact", IMAGE_MANIFEST, DOCUMENT_BYTES)?;
    let parts = Parts::read(blob("the image manifest", manifest)?, limits)?;
    let config = blob("the configuration", &parts.config)?;
    let component = blob("the component", &parts.component)?;
    let cases = parts.cases.as_ref().map(|cases| blob(CASES_WORD, cases)).transpose()?;
    parts.package(config, component.to_vec(), cases.map(<[u8]>::to_vec))
}

/// Writes a bundle.
///
/// # Errors
///
/// What the writer answers.
pub fn write<W: Write>(package: &Package, writer: W) -> io::Result<W> {
    let Documents { config, manifest } = Documents::of(package);
    let mut entry = Descriptor::of(IMAGE_MANIFEST, &manifest);
    entry.annotations.insert(TAG.to_owned(), package.manifest.version.to_string());
    let index = Index { schema_version: 2, media_type: Some(INDEX_TYPE.to_owned()), manifests: vec![entry] };
    let mut files = Files::default();
    let mut add = |path: String, bytes: Vec<u8>| {
        let path = path.parse().map_err(io::Error::other::<PathError>)?;
        let all = FileLimits { files: 6, file: u64::MAX, total: u64::MAX };
        files.add(path, Content::from(bytes), &all).map_err(io::Error::other)
    };
    add(LAYOUT.to_owned(), document(&Layout { image_layout_version: LAYOUT_VERSION.to_owned() }))?;
    add(INDEX.to_owned(), document(&index))?;
    let cases = package.cases.iter().map(|cases| cases.bytes().to_vec());
    for bytes in [config, manifest, package.component.clone()].into_iter().chain(cases) {
        add(path(Digest::of(&bytes)), bytes)?;
    }
    files.to_tar(writer)
}

/// Two more files than there are, for tools that add some.
fn file_limits(limits: &Limits) -> FileLimits {
    let beside = 3 * DOCUMENT_BYTES + CONFIG_BYTES + MAX_CASES_BYTES;
    FileLimits { files: 8, file: limits.component.max(MAX_CASES_BYTES), total: limits.component + beside }
}

fn path(digest: Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layout {
    image_layout_version: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u8,
    media_type: Option<String>,
    manifests: Vec<Descriptor>,
}
