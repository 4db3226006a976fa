//! What is done to versions, each a commit of the tenant with its line in the audit log.

use serde_json::{Value as Json, json};

use super::files::{Content, FilePath, Files, FilesError, Limits, Listed};
use super::life::{By, Deed, Refusal, Seen, Version};
use super::{Checked, Edits};
use crate::experiments::Trying;
use crate::store::{self, Change, Event, TenantStore, VersionFileRow, VersionRow};

/// Why nothing was done to a version, or it could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none of that number.
    #[error("there is no version {0}")]
    NoVersion(i64),
    /// There is no such file in it.
    #[error("version {version} has no file {path}")]
    NoFile {
        /// Which version.
        version: i64,
        /// Which file.
        path: FilePath,
    },
    /// It may not be done.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The files cannot be a folder.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What a draft starts with.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// Nothing.
    Empty,
    /// The files of another version.
    From(i64),
    /// These.
    Files(Files),
}

/// What an edit changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// What is noted about it; nothing leaves it.
    pub note: Option<String>,
    /// Its files.
    pub files: EditedFiles,
}

/// Which files an edit changes.
#[derive(Debug, Clone, PartialEq)]
pub enum EditedFiles {
    /// None.
    None,
    /// Some: those that are named.
    Some(Edits),
    /// All: it has these from now on.
    All(Files),
}

/// One version.
///
/// # Errors
///
/// [`Error::NoVersion`] and [`Error::Store`].
pub async fn version(tenant: &TenantStore<'_>, number: i64) -> Result<Version, Error> {
    let row = tenant.version(number).await?.ok_or(Error::NoVersion(number))?;
    Ok(from_row(row)?)
}

/// Versions below a number, the newest first; the last of them is where the next page begins.
///
/// # Errors
///
/// [`Error::Store`].
pub async fn versions(
    tenant: &TenantStore<'_>,
    below: Option<i64>,
    most: i64,
) -> Result<Vec<Version>, Error> {
    let rows = tenant.versions(below.unwrap_or(i64::MAX), most).await?;
    Ok(rows.into_iter().map(from_row).collect::<Result<_, _>>()?)
}

/// A version with its files.
///
/// # Errors
///
/// [`Error::NoVersion`] and [`Error::Store`].
pub async fn read(tenant: &TenantStore<'_>, number: i64) -> Result<(Version, Files), Error> {
    // A draft may be edited between the two.
    for _ in 0..3 {
        let contents = async { Ok(tenant.version_contents(number).await?) };
        let (version, contents) = tokio::try_join!(version(tenant, number), contents)?;
        let mut files = Files::default();
        for (path, bytes) in contents {
            files.add(FilePath::read(&path)?, Content::from(bytes), &Limits::NONE)?;
        }
        if files.digest() == version.digest {
            return Ok((version, files));
        }
    }
    Err(unreadable(number).into())
}

/// A version with the list of its files.
///
/// # Errors
///
/// [`Error::NoVersion`] and [`Error::Store`].
pub async fn listing(tenant: &TenantStore<'_>, number: i64) -> Result<(Version, Files<Listed>), Error> {
    let version = version(tenant, number).await?;
    Ok((version, list(number, tenant.version_files(number).await?)?))
}

/// One file of a version.
///
/// # Errors
///
/// [`Error::NoVersion`], [`Error::NoFile`] and [`Error::Store`].
pub async fn file(
    tenant: &TenantStore<'_>,
    number: i64,
    path: &FilePath,
) -> Result<(Version, Content), Error> {
    let version = version(tenant, number).await?;
    let bytes = tenant.version_file(number, path.as_str()).await?;
    let bytes = bytes.ok_or_else(|| Error::NoFile { version: number, path: path.clone() })?;
    Ok((version, bytes.into()))
}

/// Makes a draft.
///
/// # Errors
///
/// [`Error::NoVersion`] where it is to start with one that is not there, [`Error::Store`].
pub async fn draft(
    tenant: &TenantStore<'_>,
    by: By<'_>,
    start: Start,
    note: String,
) -> Result<Version, Error> {
    let mut change = tenant.begin(by.at).await?;
    let number = change.next_version().await?;
    let (base, files, contents) = match start {
        Start::Empty => (None, Files::default(), None),
        Start::Files(files) => (None, files.listed(), Some(files)),
        Start::From(base) => {
            change.version(base).await?.ok_or(Error::NoVersion(base))?;
            (Some(base), listed(&mut change, base).await?, None)
        }
    };
    let version = Version::draft(number, base, note, files.digest(), by);
    let mut held: Vec<&Content> = Vec::new();
    if let Some(files) = &contents {
        held.extend(files.iter().map(|(_, content)| content));
    }
    change.put_version(&to_row(&version)).await?;
    write(&mut change, number, &Files::default(), &files, held.into_iter()).await?;
    change.commit(&[event("configuration.drafted", by, number, json!({ "base": base }))]).await?;
    Ok(version)
}

/// Edits a draft.
///
/// # Errors
///
/// [`Error::Refused`]; [`Error::NoFile`] where a file is to go that is not there; [`Error::Files`] where what comes of
/// it cannot be a folder; [`Error::NoVersion`] and [`Error::Store`].
pub async fn edit(
    tenant: &TenantStore<'_>,
    by: By<'_>,
    number: i64,
    seen: Seen,
    edit: Edit,
    limits: &Limits,
) -> Result<Version, Error> {
    let (mut change, mut version) = begin(tenant, by, number).await?;
    let taken_from = version.lock(by.at).filter(|lock| lock.by != by.actor).map(|lock| lock.by);
    version.edit(by, seen)?;
    let before = listed(&mut change, number).await?;
    let Edit { note, files } = edit;
    let (after, contents) = match files {
        EditedFiles::None => (before.clone(), Vec::new()),
        EditedFiles::All(files) => (files.listed(), files.into_iter().map(|(_, content)| content).collect()),
        EditedFiles::Some(edits) => edited(number, before.clone(), edits, limits)?,
    };
    version.note = note.unwrap_or(version.note);
    version.digest = after.digest();
    change.put_version(&to_row(&version)).await?;
    let paths = write(&mut change, number, &before, &after, contents.iter()).await?;
    let body = json!({ "revision": version.revision, "files": paths, "taken_over_from": taken_from });
    change.commit(&[event("configuration.edited", by, number, body)]).await?;
    Ok(version)
}

/// Approves a draft that was checked. With four eyes, by somebody who has not written in it.
///
/// # Errors
///
/// [`Error::Refused`], [`Error::NoVersion`] and [`Error::Store`].
pub async fn approve(
    tenant: &TenantStore<'_>,
    by: By<'_>,
    number: i64,
    seen: Seen,
    checked: &Checked,
    four_eyes: bool,
) -> Result<Version, Error> {
    let (change, mut version) = begin(tenant, by, number).await?;
    version.approve(by, seen, checked, four_eyes)?;
    let body = json!({ "digest": version.digest });
    end(change, version, event("configuration.approved", by, number, body)).await
}

/// Sets, or moves, the time at which a version that was checked is published.
///
/// # Errors
///
/// [`Error::Refused`], [`Error::NoVersion`] and [`Error::Store`].
pub async fn schedule(
    tenant: &TenantStore<'_>,
    by: By<'_>,
    number: i64,
    seen: Seen,
    checked: &Checked,
    four_eyes: bool,
    publish_at: i64,
) -> Result<Version, Error> {
    let (change, mut version) = begin(tenant, by, number).await?;
    version.schedule(by, seen, checked, four_eyes, publish_at)?;
    let body = json!({ "publish_at": publish_at });
    end(change, version, event("configuration.scheduled", by, number, body)).await
}

/// The time of a version came, and it could not be loaded: it is a draft again, and the audit log says why.
///
/// # Errors
///
/// [`Error::Refused`], [`Error::NoVersion`] and [`Error::Store`].
pub async fn refuse(
    tenant: &TenantStore<'_>,
    by: By<'_>,
    number: i64,
    problems: Json,
) -> Result<Version, Error> {
    let (change, mut version) = begin(tenant, by, number).await?;
    version.refuse()?;
    let body = json!({ "problems": problems });
    end(change, version, event("configuration.refused", by, number, body)).await
}

/// Gives a version up. Its files are kept.
///
/// # Errors
///
/// [`Error::Refused`], [`Error::NoVersion`] and [`Error::Store`].
pub async fn discard(
    tenant: &TenantStore<'_>,
    by: By<'_>,
    number: i64,
    seen: Seen,
) -> Result<Version, Error> {
    let (mut change, mut version) = begin(tenant, by, number).await?;
    let tried = change.tried_now().await?.and_then(|tried| serde_json::from_str::<Trying>(&tried).ok());
    if let Some(Trying { experiment, .. }) = tried.filter(|it| it.treatment.configuration() == Some(number)) {
        return Err(Refusal::Tried { experiment }.into());
    }
    version.discard(by, seen)?;
    end(change, version, event("configuration.discarded", by, number, json!({}))).await
}

/// Makes a new version with the files of one that was in force; publishing it is what rolls back.
///
/// # Errors
///
/// [`Error::Refused`], [`Error::NoVersion`] and [`Error::Store`].
pub async fn roll_back(tenant: &TenantStore<'_>, by: By<'_>, number: i64) -> Result<Version, Error> {
    let (mut change, old) = begin(tenant, by, number).await?;
    let version = old.roll_back(change.next_version().await?, by)?;
    let files = listed(&mut change, number).await?;
    change.put_version(&to_row(&version)).await?;
    write(&mut change, version.version, &Files::default(), &files, std::iter::empty()).await?;
    let body = json!({ "base": number, "rolled_back": true });
    change.commit(&[event("configuration.drafted", by, version.version, body)]).await?;
    Ok(version)
}

async fn begin(tenant: &TenantStore<'_>, by: By<'_>, number: i64) -> Result<(Change, Version), Error> {
    let mut change = tenant.begin(by.at).await?;
    let row = change.version(number).await?.ok_or(Error::NoVersion(number))?;
    Ok((change, from_row(row)?))
}

async fn end(mut change: Change, version: Version, event: Event) -> Result<Version, Error> {
    change.put_version(&to_row(&version)).await?;
    change.commit(&[event]).await?;
    Ok(version)
}

fn event(kind: &'static str, by: By<'_>, version: i64, mut body: Json) -> Event {
    body["version"] = json!(version);
    Event { kind, actor: by.actor.to_owned(), lead: None, body }
}

async fn listed(change: &mut Change, number: i64) -> Result<Files<Listed>, Error> {
    let rows = change.version_files(number).await?;
    list(number, rows)
}

fn list(number: i64, rows: Vec<VersionFileRow>) -> Result<Files<Listed>, Error> {
    let mut files = Files::default();
    for VersionFileRow { path, digest, bytes } in rows {
        let (Ok(digest), Ok(bytes)) = (digest.parse(), u64::try_from(bytes)) else {
            return Err(unreadable(number).into());
        };
        files.add(FilePath::read(&path)?, Listed { bytes, digest }, &Limits::NONE)?;
    }
    Ok(files)
}

/// What goes makes room first for what comes.
fn edited(
    number: i64,
    mut files: Files<Listed>,
    edits: Edits,
    limits: &Limits,
) -> Result<(Files<Listed>, Vec<Content>), Error> {
    for (path, _) in edits.iter().filter(|(_, content)| content.is_none()) {
        if !files.remove(path) {
            return Err(Error::NoFile { version: number, path: path.clone() });
        }
    }
    let mut contents = Vec::new();
    for (path, content) in edits {
        let Some(content) = content else { continue };
        files.put(path, Listed::from(&content), limits)?;
        contents.push(content);
    }
    Ok((files, contents))
}

/// Makes the files of a version what they are to be; the paths of those that are others.
async fn write<'c>(
    change: &mut Change,
    number: i64,
    before: &Files<Listed>,
    after: &Files<Listed>,
    contents: impl Iterator<Item = &'c Content>,
) -> Result<Vec<String>, Error> {
    let gone: Vec<&str> =
        before.iter().map(|(path, _)| path.as_str()).filter(|path| after.get(path).is_none()).collect();
    let new: Vec<VersionFileRow> = after
        .iter()
        .filter(|(path, file)| before.get(path.as_str()) != Some(file))
        .map(|(path, file)| VersionFileRow {
            path: path.to_string(),
            digest: file.digest.to_string(),
            // Files are far shorter than an i64 can say.
            bytes: i64::try_from(file.bytes).unwrap_or(i64::MAX),
        })
        .collect();
    let contents: Vec<(String, &[u8])> =
        contents.map(|content| (content.digest().to_string(), content.bytes())).collect();
    change.put_contents(&contents).await?;
    change.remove_version_files(number, &gone).await?;
    change.put_version_files(number, &new).await?;
    let left = before.iter().filter(|(path, file)| after.get(path.as_str()) != Some(file));
    let left: Vec<String> = left.map(|(_, file)| file.digest.to_string()).collect();
    change.drop_contents(&left).await?;
    Ok(gone.into_iter().map(str::to_owned).chain(new.into_iter().map(|file| file.path)).collect())
}

fn from_row(row: VersionRow) -> Result<Version, store::Error> {
    let wrong = || unreadable(row.version);
    Ok(Version {
        version: row.version,
        state: row.state.parse().map_err(|_| wrong())?,
        base: row.base,
        revision: row.revision,
        digest: row.digest.parse().map_err(|_| wrong())?,
        authors: serde_json::from_str(&row.authors).map_err(|_| wrong())?,
        note: row.note,
        made: Deed { at: row.made_at, by: row.made_by },
        edited: Deed { at: row.edited_at, by: row.edited_by },
        approved: row.approved_at.zip(row.approved_by).map(|(at, by)| Deed { at, by }),
        publish_at: row.publish_at,
        published_at: row.published_at,
    })
}

fn to_row(version: &Version) -> VersionRow {
    let approved = version.approved.clone();
    VersionRow {
        version: version.version,
        state: version.state.to_string(),
        base: version.base,
        note: version.note.clone(),
        revision: version.revision,
        digest: version.digest.to_string(),
        made_at: version.made.at,
        made_by: version.made.by.clone(),
        edited_at: version.edited.at,
        edited_by: version.edited.by.clone(),
        authors: json!(version.authors).to_string(),
        approved_at: approved.as_ref().map(|deed| deed.at),
        approved_by: approved.map(|deed| deed.by),
        publish_at: version.publish_at,
        published_at: version.published_at,
    }
}

fn unreadable(version: i64) -> store::Error {
    store::Error::Unreadable { what: format!("version {version} of a configuration") }
}
