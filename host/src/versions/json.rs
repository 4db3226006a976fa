//! A folder as JSON: `{"files": {"tenant.toml": "…", "logo.wasm": {"base64": "…"}}}`.
//!
//! Text is text, everything else is base64. A draft may have a `note`, and a `base` instead of files; an edit has `null`
//! where a file goes.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::changes::{Edit, EditedFiles, Start};
use super::files::{Content, FilePath, Files, FilesError, Limits};

/// Changes to files: what each holds from now on, or nothing where it goes.
pub type Edits = BTreeMap<FilePath, Option<Content>>;

/// The longest note, in bytes.
pub const MAX_NOTE: usize = 1_000;

impl Files {
    /// Reads the JSON of a folder.
    ///
    /// # Errors
    ///
    /// Where it is no such JSON, a path cannot be or is there twice, or a limit is passed.
    pub fn from_json(json: &[u8], limits: &Limits) -> Result<Self, FilesError> {
        let Folder { files } = read(json)?;
        files.all(limits)
    }

    /// The JSON of the folder.
    pub fn to_json(&self) -> serde_json::Value {
        let file = |(path, content): (&FilePath, &Content)| {
            (path.to_string(), serde_json::json!(WrittenContent::from(content)))
        };
        serde_json::json!({ "files": self.iter().map(file).collect::<serde_json::Map<_, _>>() })
    }
}

impl Start {
    /// Reads the JSON of a draft: what it starts with, and its note.
    ///
    /// # Errors
    ///
    /// As [`Files::from_json`]; where it has both files and a base.
    pub fn from_json(json: &[u8], limits: &Limits) -> Result<(Self, String), FilesError> {
        let NewDraft { files, base, note: Note(note) } = read(json)?;
        let start = match (files, base) {
            (None, None) => Self::Empty,
            (None, Some(base)) => Self::From(base),
            (Some(files), None) => Self::Files(files.all(limits)?),
            (Some(_), Some(_)) => return Err(unreadable("it has `files` and `base`; leave one out")),
        };
        Ok((start, note))
    }
}

impl Edit {
    /// Reads the JSON of an edit of those files that it names.
    ///
    /// # Errors
    ///
    /// Where it is no such JSON, or a path cannot be or is there twice.
    pub fn from_json(json: &[u8]) -> Result<Self, FilesError> {
        let Changes::<Option<WrittenContent>> { files, note } = read(json)?;
        let files = files.map_or(Ok(EditedFiles::None), |files| files.some().map(EditedFiles::Some))?;
        Ok(Self { note: note.map(|Note(note)| note), files })
    }

    /// Reads the JSON of an edit that leaves these files alone.
    ///
    /// # Errors
    ///
    /// As [`Files::from_json`].
    pub fn all_from_json(json: &[u8], limits: &Limits) -> Result<Self, FilesError> {
        let Changes::<WrittenContent> { files, note } = read(json)?;
        let files = files.ok_or_else(|| unreadable("it has no `files`"))?;
        Ok(Self { note: note.map(|Note(note)| note), files: EditedFiles::All(files.all(limits)?) })
    }
}

impl Pairs<WrittenContent> {
    fn all(self, limits: &Limits) -> Result<Files, FilesError> {
        let mut files = Files::default();
        for (path, content) in self.0 {
            files.add(FilePath::read(&path)?, content.into(), limits)?;
        }
        Ok(files)
    }
}

impl Pairs<Option<WrittenContent>> {
    fn some(self) -> Result<Edits, FilesError> {
        let mut edits = Edits::new();
        for (path, content) in self.0 {
            let path = FilePath::read(&path)?;
            if edits.contains_key(&path) {
                return Err(FilesError::Twice(path));
            }
            edits.insert(path, content.map(Content::from));
        }
        Ok(edits)
    }
}

fn read<'j, T: Deserialize<'j>>(json: &'j [u8]) -> Result<T, FilesError> {
    serde_json::from_slice(json).map_err(unreadable)
}

fn unreadable(why: impl fmt::Display) -> FilesError {
    FilesError::Unreadable { format: "the JSON of a folder", why: why.to_string() }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Folder {
    files: Pairs<WrittenContent>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewDraft {
    files: Option<Pairs<WrittenContent>>,
    base: Option<i64>,
    #[serde(default)]
    note: Note,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound = "T: Deserialize<'de>")]
struct Changes<T> {
    files: Option<Pairs<T>>,
    note: Option<Note>,
}

/// A note that is short enough.
#[derive(Default, Deserialize)]
#[serde(try_from = "String")]
struct Note(String);

impl TryFrom<String> for Note {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text.len() > MAX_NOTE {
            Err(format!("a note has at most {MAX_NOTE} bytes"))
        } else {
            Ok(Self(text))
        }
    }
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
