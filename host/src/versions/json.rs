//! A folder as JSON: `{"files": {"tenant.toml": "…", "logo.wasm": {"base64": "…"}}}`.
//!
//! Text is text, everything else is base64. An edit is of the same form, and has `null` where a file goes.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::files::{Content, FilePath, Files, FilesError, Limits};

/// Changes to files: what each holds from now on, or nothing where it goes.
pub type Edits = BTreeMap<FilePath, Option<Content>>;

impl Files {
    /// Reads the JSON of a folder.
    ///
    /// # Errors
    ///
    /// Where it is no such JSON, a path cannot be or is there twice, or a limit is passed.
    pub fn from_json(json: &[u8], limits: &Limits) -> Result<Self, FilesError> {
        let Folder { files: Pairs(pairs) } = read::<WrittenContent>(json)?;
        let mut files = Self::default();
        for (path, content) in pairs {
            files.add(FilePath::read(&path)?, content.into(), limits)?;
        }
        Ok(files)
    }

    /// The JSON of the folder.
    pub fn to_json(&self) -> serde_json::Value {
        let file = |(path, content): (&FilePath, &Content)| {
            (path.to_string(), serde_json::json!(WrittenContent::from(content)))
        };
        serde_json::json!({ "files": self.iter().map(file).collect::<serde_json::Map<_, _>>() })
    }
}

/// Reads the JSON of an edit.
///
/// # Errors
///
/// Where it is no such JSON, or a path cannot be or is there twice.
pub fn edits(json: &[u8]) -> Result<Edits, FilesError> {
    let Folder { files: Pairs(pairs) } = read::<Option<WrittenContent>>(json)?;
    let mut edits = Edits::new();
    for (path, content) in pairs {
        let path = FilePath::read(&path)?;
        if edits.contains_key(&path) {
            return Err(FilesError::Twice(path));
        }
        edits.insert(path, content.map(Content::from));
    }
    Ok(edits)
}

fn read<'j, T: Deserialize<'j>>(json: &'j [u8]) -> Result<Folder<T>, FilesError> {
    serde_json::from_slice(json)
        .map_err(|error| FilesError::Unreadable { format: "the JSON of a folder", why: error.to_string() })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound = "T: Deserialize<'de>")]
struct Folder<T> {
    files: Pairs<T>,
}

/// A map of which nothing is dropped in silence: a key that is there twice is twice in it.
struct Pairs<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Each<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Each<T> {
            type Value = Pairs<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("files by their paths")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        from.deserialize_map(Each(PhantomData))
    }
}

/// What a file holds, as it is written.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "a file is its text, or {\"base64\": \"…\"}")]
enum WrittenContent {
    Text(String),
    Bytes(Base64),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Base64 {
    #[serde(serialize_with = "encoded", deserialize_with = "decoded")]
    base64: Vec<u8>,
}

fn encoded<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&BASE64.encode(bytes))
}

fn decoded<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    BASE64.decode(String::deserialize(from)?).map_err(D::Error::custom)
}

impl From<WrittenContent> for Content {
    fn from(written: WrittenContent) -> Self {
        match written {
            WrittenContent::Text(text) => text.into_bytes().into(),
            WrittenContent::Bytes(Base64 { base64 }) => base64.into(),
        }
    }
}

impl From<&Content> for WrittenContent {
    fn from(content: &Content) -> Self {
        match content.text() {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::Bytes(Base64 { base64: content.bytes().to_vec() }),
        }
    }
}
