//! The tenant's configuration: drafts, edits, checks, approvals, publication and the way back.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, LOCATION, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::decisions::moment;
use super::extract::{IfMatch, Json, Optional, Path, Query, Tagged, body, etag, media_type};
use super::page::{Page, Paging, flag, number};
use super::problem::{Code, Problem, ProblemBody, not_in_order};
use super::scope::{ApproveConfiguration, Caller, ReadConfiguration, WriteConfiguration};
use crate::config::Problems;
use crate::lead::TenantId;
use crate::line::{Ask, NotReady, Question, Refused};
use crate::versions::{
    self, By, Change, Checked, Deed, Edit, EditedFiles, Error, FileDifference, FilePath, Files, FilesError,
    Limits, Listed, Refusal, Rows, Seen, Shown, Start, State as Stage, Version,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(draft, list))
        .routes(routes!(one, replace, edit))
        .routes(routes!(file, put_file, remove_file))
        .routes(routes!(folder))
        .routes(routes!(difference))
        .routes(routes!(check))
        .routes(routes!(approve))
        .routes(routes!(publish))
        .routes(routes!(discard))
        .routes(routes!(roll_back))
}

/// A version of the configuration.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Version)]
pub(super) struct VersionBody {
    /// From 1; never used again.
    version: i64,
    /// `draft`, `approved`, `scheduled`, `published`, `replaced` or `discarded`.
    state: &'static str,
    /// Which version it was made from.
    base: Option<i64>,
    /// What it is for, in its authors' words.
    note: String,
    /// Rises with every change; the ETag.
    revision: i64,
    /// Of its paths and bytes: two versions with one digest hold the same files.
    digest: String,
    /// When, and by whom, it was made.
    made: DeedBody,
    /// When, and by whom, it was last edited.
    edited: DeedBody,
    /// Everybody who made or edited it, the first first.
    authors: Vec<String>,
    /// When, and by whom, it was approved.
    approved: Option<DeedBody>,
    /// When it is, or was, to be published.
    #[schema(value_type = Option<String>, format = DateTime)]
    publish_at: Option<Timestamp>,
    /// When it was published.
    #[schema(value_type = Option<String>, format = DateTime)]
    published_at: Option<Timestamp>,
    /// Whose draft it is now, where it is somebody's.
    lock: Option<LockBody>,
    /// Its files by their paths; absent in lists and where it was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<BTreeMap<String, FileBody>>,
}

/// Who did something, and when.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Deed)]
pub(super) struct DeedBody {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// A key, a person, or `clock`.
    by: String,
}

/// Whose draft it is.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Lock)]
pub(super) struct LockBody {
    /// Who.
    by: String,
    /// Until when, unless they edit it again.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
}

/// A file, without what it holds.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = File)]
pub(super) struct FileBody {
    /// How long it is.
    bytes: u64,
    /// Of its bytes.
    digest: String,
}

impl From<&Listed> for FileBody {
    fn from(listed: &Listed) -> Self {
        Self { bytes: listed.bytes, digest: listed.digest.to_string() }
    }
}

impl From<&Deed> for DeedBody {
    fn from(deed: &Deed) -> Self {
        Self { at: moment(deed.at), by: deed.by.clone() }
    }
}

impl VersionBody {
    fn of(version: Version, now: i64) -> Self {
        let lock = version.lock(now).map(|lock| LockBody { by: lock.by, until: moment(lock.until) });
        Self {
            version: version.version,
            state: version.state.as_str(),
            base: version.base,
            revision: version.revision,
            digest: version.digest.to_string(),
            made: (&version.made).into(),
            edited: (&version.edited).into(),
            approved: version.approved.as_ref().map(DeedBody::from),
            publish_at: version.publish_at.map(moment),
            published_at: version.published_at.map(moment),
            note: version.note,
            authors: version.authors,
            lock,
            files: None,
        }
    }
}

impl Api {
    /// A version with its ETag.
    fn tagged(&self, version: Version) -> Tagged<VersionBody> {
        Tagged(version.revision, VersionBody::of(version, self.clock.now().as_millisecond()))
    }

    fn by<'a, N>(&self, caller: &'a Caller<N>) -> By<'a> {
        By { actor: caller.actor(), at: self.clock.now().as_millisecond() }
    }
}

/// A version that is new.
fn made(api: &Api, version: Version) -> Response {
    let location = format!("/v1/configurations/{}", version.version);
    (StatusCode::CREATED, [(LOCATION, location)], api.tagged(version)).into_response()
}

/// A folder, or where a draft begins.
#[derive(ToSchema, Deserialize)]
#[schema(as = Draft)]
#[expect(dead_code, reason = "says what is read elsewhere, a path that is there twice included")]
pub(super) struct DraftBody {
    /// Files by their paths.
    files: Option<BTreeMap<String, Written>>,
    /// The version whose files it begins with; not together with `files`.
    base: Option<i64>,
    /// What it is for, 1,000 bytes at most.
    note: Option<String>,
}

/// Changes to files.
#[derive(ToSchema, Deserialize)]
#[schema(as = Edit)]
#[expect(dead_code, reason = "says what is read elsewhere, a path that is there twice included")]
pub(super) struct EditBody {
    /// Files by their paths; one that is `null` goes, but where all files are replaced.
    files: Option<BTreeMap<String, Edited>>,
    /// What it is for, 1,000 bytes at most.
    note: Option<String>,
}

/// What a file holds.
#[derive(ToSchema, Deserialize)]
#[schema(as = FileContent)]
#[serde(untagged)]
#[expect(dead_code, reason = "says what is read elsewhere")]
pub(super) enum Written {
    /// Its text.
    Text(String),
    /// Its bytes.
    Bytes {
        /// In Base64.
        base64: String,
    },
}

/// What a file holds from now on.
#[derive(ToSchema, Deserialize)]
#[schema(as = EditedFile)]
#[serde(untagged)]
#[expect(dead_code, reason = "says what is read elsewhere")]
pub(super) enum Edited {
    /// Its text.
    Text(String),
    /// Its bytes.
    Bytes {
        /// In Base64.
        base64: String,
    },
    /// It goes.
    Gone,
}

/// What was sent.
enum Sent {
    Tar(Bytes),
    Json(Bytes),
}

async fn sent(request: Request, api: &Api) -> Result<Sent, Problem> {
    match media_type(request.headers()).as_deref() {
        Some("application/x-tar" | "application/tar") => body(request, api).await.map(Sent::Tar),
        None | Some("application/json") => body(request, api).await.map(Sent::Json),
        Some(other) => Err(Problem::new(Code::MediaType, format!("the body is {other}"))
            .hint("send a folder as application/x-tar, or files as application/json")),
    }
}

/// Does what takes long, or asks the disk, where nobody else waits for it.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    spawn_blocking(work).await.map_err(|_| Problem::new(Code::Internal, "it broke off"))
}

/// Makes a draft: from an archive, from files as JSON, from another version (`base`), or from nothing (`{}`).
#[utoipa::path(post, path = "/v1/configurations", tag = "configurations",
    request_body(content((DraftBody = "application/json"), (String = "application/x-tar"))),
    security(("bearer" = ["WriteConfiguration"])),
    responses((status = 201, body = VersionBody, description = "The draft, with its ETag"),
        (status = "default", body = ProblemBody)))]
async fn draft(
    caller: Caller<WriteConfiguration>,
    State(api): State<Api>,
    request: Request,
) -> Result<Response, Problem> {
    let limits = Limits::default();
    let (start, note) = match sent(request, &api).await? {
        Sent::Tar(bytes) => {
            let files = apart(move || Files::from_tar(&bytes[..], &limits)).await??;
            (Start::Files(files), String::new())
        }
        Sent::Json(bytes) => apart(move || Start::from_json(&bytes, &limits)).await??,
    };
    let version = versions::draft(&api.store.of(caller.tenant()), api.by(&caller), start, note).await?;
    Ok(made(&api, version))
}

/// All versions, the newest first.
#[utoipa::path(get, path = "/v1/configurations", tag = "configurations", params(Paging),
    security(("bearer" = ["ReadConfiguration"])),
    responses((status = 200, body = Page<VersionBody>), (status = "default", body = ProblemBody)))]
async fn list(
    caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<VersionBody>>, Problem> {
    let found = versions::versions(&api.store.of(caller.tenant()), paging.behind()?, paging.most()?).await?;
    let now = api.clock.now().as_millisecond();
    Ok(Json(Page::of(found, &paging, |version| version.version, |version| VersionBody::of(version, now))))
}

/// A version with the list of its files.
#[utoipa::path(get, path = "/v1/configurations/{version}", tag = "configurations",
    params(("version" = i64, Path, description = "The version's number")),
    security(("bearer" = ["ReadConfiguration"])),
    responses((status = 200, body = VersionBody, description = "The version, with its ETag"),
        (status = "default", body = ProblemBody)))]
async fn one(
    caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
    Path(version): Path<i64>,
) -> Result<Tagged<VersionBody>, Problem> {
    let (version, files) = versions::listing(&api.store.of(caller.tenant()), version).await?;
    let Tagged(revision, mut body) = api.tagged(version);
    body.files = Some(files.iter().map(|(path, listed)| (path.to_string(), listed.into())).collect());
    Ok(Tagged(revision, body))
}

/// Whether a draft that somebody else is editing is taken from them.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct TakeOverQuery {
    /// `true` where it is known that somebody else is editing the draft, and it is to be done all the same.
    #[serde(default, rename = "take-over", deserialize_with = "flag")]
    take_over: Option<bool>,
}

fn seen(tag: &IfMatch, query: &TakeOverQuery) -> Result<Seen, Problem> {
    Ok(Seen { revision: tag.version()?, take_over: query.take_over.unwrap_or(false) })
}

/// Edits a draft as the request's head says.
async fn edited(
    api: &Api,
    caller: &Caller<WriteConfiguration>,
    version: i64,
    seen: Seen,
    edit: Edit,
) -> Result<Tagged<VersionBody>, Problem> {
    let store = api.store.of(caller.tenant());
    let version = versions::edit(&store, api.by(caller), version, seen, edit, &Limits::default()).await?;
    Ok(api.tagged(version))
}

/// Gives a draft these files, and no others.
#[utoipa::path(put, path = "/v1/configurations/{version}", tag = "configurations",
    params(("version" = i64, Path, description = "The draft's number"), TakeOverQuery,
        ("if-match" = String, Header, description = "The ETag of what was read")),
    request_body(content((EditBody = "application/json"), (String = "application/x-tar"))),
    security(("bearer" = ["WriteConfiguration"])),
    responses((status = 200, body = VersionBody), (status = "default", body = ProblemBody)))]
async fn replace(
    caller: Caller<WriteConfiguration>,
    State(api): State<Api>,
    Path(version): Path<i64>,
    Query(query): Query<TakeOverQuery>,
    tag: IfMatch,
    request: Request,
) -> Result<Tagged<VersionBody>, Problem> {
    let (seen, limits) = (seen(&tag, &query)?, Limits::default());
    let edit = match sent(request, &api).await? {
        Sent::Tar(bytes) => {
            let files = apart(move || Files::from_tar(&bytes[..], &limits)).await??;
            Edit { note: None, files: EditedFiles::All(files) }
        }
        Sent::Json(bytes) => apart(move || Edit::all_from_json(&bytes, &limits)).await??,
    };
    edited(&api, &caller, version, seen, edit).await
}

/// Changes those files of a draft that are named, all at once, and its note.
#[utoipa::path(patch, path = "/v1/configurations/{version}", tag = "configurations",
    params(("version" = i64, Path, description = "The draft's number"), TakeOverQuery,
        ("if-match" = String, Header, description = "The ETag of what was read")),
    request_body = EditBody,
    security(("bearer" = ["WriteConfiguration"])),
    responses((status = 200, body = VersionBody), (status = "default", body = ProblemBody)))]
async fn edit(
    caller: Caller<WriteConfiguration>,
    State(api): State<Api>,
    Path(version): Path<i64>,
    Query(query): Query<TakeOverQuery>,
    tag: IfMatch,
    request: Request,
) -> Result<Tagged<VersionBody>, Problem> {
    let seen = seen(&tag, &query)?;
    let Sent::Json(bytes) = sent(request, &api).await? else {
        return Err(Problem::new(Code::MediaType, "an archive says nothing of what goes")
            .hint("send files as application/json, or the whole folder with PUT"));
    };
    let edit = apart(move || Edit::from_json(&bytes)).await??;
    edited(&api, &caller, version, seen, edit).await
}

fn path(text: String) -> Result<FilePath, Problem> {
    text.parse().map_err(|why| FilesError::Path { path: text, why }.into())
}

/// What a file holds, byte by byte.
#[utoipa::path(get, path = "/v1/configurations/{version}/files/{*path}", tag = "configurations",
    params(("version" = i64, Path, description = "The version's number"),
        ("path" = String, Path, description = "The file's path, such as `calendars/mona.ics`")),
    security(("bearer" = ["ReadConfiguration"])),
    responses((status = 200, body = String, content_type = "application/octet-stream", description = "The bytes, with the ETag of the version"),
        (status = "default", body = ProblemBody)))]
async fn file(
    caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
    Path((version, name)): Path<(i64, String)>,
) -> Result<Response, Problem> {
    let (version, content) = versions::file(&api.store.of(caller.tenant()), version, &path(name)?).await?;
    Ok(bytes("application/octet-stream", &version, content.bytes().to_vec()))
}

/// Bytes that nobody takes for a page.
fn bytes(media: &'static str, version: &Version, bytes: Vec<u8>) -> Response {
    let head = [
        (CONTENT_TYPE, media.to_owned()),
        (ETAG, etag(version.revision)),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (CONTENT_DISPOSITION, "attachment".to_owned()),
    ];
    (head, bytes).into_response()
}

/// Puts one file into a draft, or in the place of the one that is there: the body is what it holds.
#[utoipa::path(put, path = "/v1/configurations/{version}/files/{*path}", tag = "configurations",
    params(("version" = i64, Path, description = "The draft's number"),
        ("path" = String, Path, description = "The file's path, such as `calendars/mona.ics`"), TakeOverQuery,
        ("if-match" = String, Header, description = "The ETag of what was read")),
    request_body(content = String, content_type = "application/octet-stream"),
    security(("bearer" = ["WriteConfiguration"])),
    responses((status = 200, body = VersionBody), (status = "default", body = ProblemBody)))]
async fn put_file(
    caller: Caller<WriteConfiguration>,
    State(api): State<Api>,
    Path((version, name)): Path<(i64, String)>,
    Query(query): Query<TakeOverQuery>,
    tag: IfMatch,
    request: Request,
) -> Result<Tagged<VersionBody>, Problem> {
    let (seen, path) = (seen(&tag, &query)?, path(name)?);
    let content = body(request, &api).await?.to_vec().into();
    let files = EditedFiles::Some([(path, Some(content))].into());
    edited(&api, &caller, version, seen, Edit { note: None, files }).await
}

/// Takes one file out of a draft.
#[utoipa::path(delete, path = "/v1/configurations/{version}/files/{*path}", tag = "configurations",
    params(("version" = i64, Path, description = "The draft's number"),
        ("path" = String, Path, description = "The file's path, such as `calendars/mona.ics`"), TakeOverQuery,
        ("if-match" = String, Header, description = "The ETag of what was read")),
    security(("bearer" = ["WriteConfiguration"])),
    responses((status = 200, body = VersionBody), (status = "default", body = ProblemBody)))]
async fn remove_file(
    caller: Caller<WriteConfiguration>,
    State(api): State<Api>,
    Path((version, name)): Path<(i64, String)>,
    Query(query): Query<TakeOverQuery>,
    tag: IfMatch,
) -> Result<Tagged<VersionBody>, Problem> {
    let files = EditedFiles::Some([(path(name)?, None)].into());
    edited(&api, &caller, version, seen(&tag, &query)?, Edit { note: None, files }).await
}

/// The whole folder as a tar archive: the same to the bit for the same files.
#[utoipa::path(get, path = "/v1/configurations/{version}/folder.tar", tag = "configurations",
    params(("version" = i64, Path, description = "The version's number")),
    security(("bearer" = ["ReadConfiguration"])),
    responses((status = 200, body = String, content_type = "application/x-tar", description = "The archive, with the ETag of the version"),
        (status = "default", body = ProblemBody)))]
async fn folder(
    caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
    Path(version): Path<i64>,
) -> Result<Response, Problem> {
    let (version, files) = versions::read(&api.store.of(caller.tenant()), version).await?;
    let archive = apart(move || files.to_tar(Vec::new())).await?;
    let archive = archive.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    Ok(bytes("application/x-tar", &version, archive))
}

/// With what a version is compared.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct DiffQuery {
    /// The version before; the one in force where nothing is said.
    #[serde(default, deserialize_with = "number")]
    against: Option<i64>,
}

/// What tells a version from another.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VersionDifference)]
pub(super) struct DiffBody {
    /// Which version.
    version: i64,
    /// The version before; absent where none is in force.
    against: Option<i64>,
    /// Every file that is not the same, in the order of their paths.
    files: Vec<FileDiffBody>,
}

/// A file that is not the same.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = FileDifference)]
pub(super) struct FileDiffBody {
    /// Where.
    path: String,
    /// `added`, `changed` or `removed`.
    change: &'static str,
    /// What it was; absent where it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<FileBody>,
    /// What it is; absent where it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<FileBody>,
    /// Of a text that has changed: a unified difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<String>,
    /// Of a sheet that has changed: its rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<RowsBody>,
}

/// How the rows of a sheet have changed, whatever their order.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = SheetRows)]
pub(super) struct RowsBody {
    /// Columns that are new.
    columns_added: Vec<String>,
    /// Columns that are gone.
    columns_removed: Vec<String>,
    /// New rows, 1,000 at most: their cells by column.
    added: Vec<BTreeMap<String, String>>,
    /// Rows that are gone, 1,000 at most: their cells by column.
    removed: Vec<BTreeMap<String, String>>,
    /// Rows of which a cell is another, 1,000 at most.
    changed: Vec<RowBody>,
    /// How many more there are, of all three.
    more: usize,
}

/// A row of which a cell is another.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = SheetRow)]
pub(super) struct RowBody {
    /// Which; several columns make one id in some sheets.
    id: Vec<String>,
    /// By column, what each was and is.
    #[schema(value_type = BTreeMap<String, Vec<String>>)]
    cells: BTreeMap<String, [String; 2]>,
}

impl From<FileDifference> for FileDiffBody {
    fn from(difference: FileDifference) -> Self {
        let (lines, rows) = match difference.shown {
            Some(Shown::Lines(lines)) => (Some(lines), None),
            Some(Shown::Rows(rows)) => (None, Some(rows.into())),
            None => (None, None),
        };
        let change = match difference.change {
            Change::Added => "added",
            Change::Changed => "changed",
            Change::Removed => "removed",
        };
        let [before, after] = [difference.before, difference.after].map(|listed| Some((&listed?).into()));
        Self { path: difference.path, change, before, after, lines, rows }
    }
}

impl From<Rows> for RowsBody {
    fn from(rows: Rows) -> Self {
        let changed = rows.changed.into_iter().map(|row| RowBody { id: row.id, cells: row.cells });
        Self {
            columns_added: rows.columns_added,
            columns_removed: rows.columns_removed,
            added: rows.added,
            removed: rows.removed,
            changed: changed.collect(),
            more: rows.more,
        }
    }
}

/// What tells a version from another, file by file, for whoever approves it.
#[utoipa::path(get, path = "/v1/configurations/{version}/diff", tag = "configurations",
    params(("version" = i64, Path, description = "The version's number"), DiffQuery),
    security(("bearer" = ["ReadConfiguration"])),
    responses((status = 200, body = DiffBody), (status = "default", body = ProblemBody)))]
async fn difference(
    caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
    Path(version): Path<i64>,
    Query(query): Query<DiffQuery>,
) -> Result<Json<DiffBody>, Problem> {
    let store = api.store.of(caller.tenant());
    let against = match query.against {
        Some(against) => Some(against),
        None => store.row().await?.version,
    };
    let before = match against {
        Some(against) => versions::read(&store, against).await?.1,
        None => Files::default(),
    };
    let (_, after) = versions::read(&store, version).await?;
    let found = apart(move || versions::difference(&before, &after)).await?;
    let files = found.into_iter().map(FileDiffBody::from).collect();
    Ok(Json(DiffBody { version, against, files }))
}

/// What a check has found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Check)]
pub(super) struct CheckBody {
    /// Which version.
    version: i64,
    /// What was checked: the version's digest.
    digest: String,
    /// Whether there is no problem, so that it can be approved and published.
    in_order: bool,
    /// Every problem at once.
    problems: Vec<FindingBody>,
}

/// A problem of a folder.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Finding)]
pub(super) struct FindingBody {
    /// In which file.
    file: String,
    /// In which line, from 1; 0 for the file as a whole.
    line: usize,
    /// What is wrong.
    message: String,
    /// How to mend it.
    hint: Option<String>,
}

/// A version that has no problem, with the proof.
async fn in_order(api: &Api, tenant: &TenantId, version: i64) -> Result<Checked, Problem> {
    let (_, files) = versions::read(&api.store.of(tenant), version).await?;
    api.lines.check(tenant, files).await?.map_err(|problems| not_in_order(&problems))
}

/// Checks a version as a host does before it decides by it, plugins included.
#[utoipa::path(post, path = "/v1/configurations/{version}/check", tag = "configurations",
    params(("version" = i64, Path, description = "The version's number")),
    security(("bearer" = ["ReadConfiguration"])),
    responses((status = 200, body = CheckBody), (status = "default", body = ProblemBody)))]
async fn check(
    caller: Caller<ReadConfiguration>,
    State(api): State<Api>,
    Path(version): Path<i64>,
) -> Result<Json<CheckBody>, Problem> {
    let (_, files) = versions::read(&api.store.of(caller.tenant()), version).await?;
    let digest = files.digest().to_string();
    let found = match api.lines.check(caller.tenant(), files).await? {
        Ok(_) => Vec::new(),
        Err(Problems(problems)) => problems,
    };
    let problems: Vec<FindingBody> = found
        .into_iter()
        .map(|found| FindingBody {
            file: found.file,
            line: found.line,
            message: found.message,
            hint: found.hint,
        })
        .collect();
    Ok(Json(CheckBody { version, digest, in_order: problems.is_empty(), problems }))
}

/// Finds a draft good. It is checked, and never changes from then on.
#[utoipa::path(post, path = "/v1/configurations/{version}/approve", tag = "configurations",
    params(("version" = i64, Path, description = "The draft's number"),
        ("if-match" = String, Header, description = "The ETag of what was read")),
    security(("bearer" = ["ApproveConfiguration"])),
    responses((status = 200, body = VersionBody), (status = "default", body = ProblemBody)))]
async fn approve(
    caller: Caller<ApproveConfiguration>,
    State(api): State<Api>,
    Path(version): Path<i64>,
    tag: IfMatch,
) -> Result<Tagged<VersionBody>, Problem> {
    let seen = seen(&tag, &TakeOverQuery::default())?;
    let checked = in_order(&api, caller.tenant(), version).await?;
    let store = api.store.of(caller.tenant());
    let version = versions::approve(&store, api.by(&caller), version, seen, &checked, api.four_eyes).await?;
    Ok(api.tagged(version))
}

/// When a version is published.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = Publication)]
#[serde(deny_unknown_fields)]
pub(super) struct PublishBody {
    /// A time in the future; now where nothing is said.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}

/// Publishes a version, now or at a time. Without a time it is in force when the request is answered.
#[utoipa::path(post, path = "/v1/configurations/{version}/publish", tag = "configurations",
    params(("version" = i64, Path, description = "The version's number"), TakeOverQuery,
        ("if-match" = String, Header, description = "The ETag of what was read")),
    request_body = Option<PublishBody>,
    security(("bearer" = ["ApproveConfiguration"])),
    responses((status = 200, body = VersionBody), (status = "default", body = ProblemBody)))]
async fn publish(
    caller: Caller<ApproveConfiguration>,
    State(api): State<Api>,
    Path(version): Path<i64>,
    Query(query): Query<TakeOverQuery>,
    tag: IfMatch,
    Optional(body): Optional<PublishBody>,
) -> Result<Tagged<VersionBody>, Problem> {
    let seen = seen(&tag, &query)?;
    let Some(at) = body.at else {
        return put_in_force(&api, &caller, version, seen).await.map(|made| api.tagged(made));
    };
    let checked = in_order(&api, caller.tenant(), version).await?;
    let (store, by, at) = (api.store.of(caller.tenant()), api.by(&caller), at.as_millisecond());
    let version = versions::schedule(&store, by, version, seen, &checked, api.four_eyes, at).await?;
    Ok(api.tagged(version))
}

/// Lets the tenant's line decide by a version from now on.
async fn put_in_force(
    api: &Api,
    caller: &Caller<ApproveConfiguration>,
    number: i64,
    seen: Seen,
) -> Result<Version, Problem> {
    let store = api.store.of(caller.tenant());
    let (version, files) = versions::read(&store, number).await?;
    version.may_publish(api.by(caller), seen, api.four_eyes).map_err(Error::from)?;
    // The line's leads wait while it sets a version up: what has problems, or is not compiled yet, is not let there.
    let checked =
        api.lines.check(caller.tenant(), files).await?.map_err(|problems| not_in_order(&problems))?;
    if version.state == Stage::Draft {
        // Nobody edits it from here on: what was seen and checked is what comes into force.
        versions::approve(&store, api.by(caller), number, seen, &checked, false).await?;
    }
    let question = Question { ask: Ask::Publish(number), actor: caller.actor().to_owned(), key: None };
    api.lines.ask(caller.tenant(), question).await.map_err(|refused| match refused {
        Refused::NotReady(why) => match why.as_ref() {
            NotReady::Problems { problems, .. } => not_in_order(problems),
            why => why.into(),
        },
        other => other.into(),
    })?;
    Ok(versions::version(&store, number).await?)
}

/// Gives a version up that was not published. Its files are kept.
#[utoipa::path(post, path = "/v1/configurations/{version}/discard", tag = "configurations",
    params(("version" = i64, Path, description = "The version's number"), TakeOverQuery,
        ("if-match" = String, Header, description = "The ETag of what was read")),
    security(("bearer" = ["WriteConfiguration"])),
    responses((status = 200, body = VersionBody), (status = "default", body = ProblemBody)))]
async fn discard(
    caller: Caller<WriteConfiguration>,
    State(api): State<Api>,
    Path(version): Path<i64>,
    Query(query): Query<TakeOverQuery>,
    tag: IfMatch,
) -> Result<Tagged<VersionBody>, Problem> {
    let store = api.store.of(caller.tenant());
    let version = versions::discard(&store, api.by(&caller), version, seen(&tag, &query)?).await?;
    Ok(api.tagged(version))
}

/// Publishes the files of a version that was in force once, as a new version, at once. With four eyes and no approval
/// then, the new version waits for one.
#[utoipa::path(post, path = "/v1/configurations/{version}/roll-back", tag = "configurations",
    params(("version" = i64, Path, description = "The version's number")),
    security(("bearer" = ["ApproveConfiguration"])),
    responses((status = 201, body = VersionBody, description = "The new version, with its ETag"),
        (status = "default", body = ProblemBody)))]
async fn roll_back(
    caller: Caller<ApproveConfiguration>,
    State(api): State<Api>,
    Path(version): Path<i64>,
) -> Result<Response, Problem> {
    let by = api.by(&caller);
    let version = versions::roll_back(&api.store.of(caller.tenant()), by, version).await?;
    let version = match version.may_publish(by, Seen::default(), api.four_eyes) {
        Err(Refusal::Unapproved) => version,
        Err(other) => return Err(Error::from(other).into()),
        Ok(()) => put_in_force(&api, &caller, version.version, Seen::default()).await?,
    };
    Ok(made(&api, version))
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NoVersion(version) => Self::not_found(format!("version {version} of the configuration")),
            Error::NoFile { .. } => Self::new(Code::NotFound, detail),
            Error::Refused(refusal) => match refusal {
                Refusal::Changed { .. } | Refusal::Unchecked => Self::new(Code::Changed, detail),
                Refusal::OwnWork { .. } => Self::new(Code::NotAllowed, detail),
                Refusal::State { .. } | Refusal::Unapproved | Refusal::Tried { .. } => {
                    Self::new(Code::Conflict, detail)
                }
                Refusal::Locked(lock) => {
                    let until = moment(lock.until);
                    let detail = format!("{} is editing it, and has it until {until}", lock.by);
                    Self::new(Code::Conflict, detail).hint("wait, or take it over with `?take-over=true`")
                }
                Refusal::Past => Self::new(Code::Malformed, detail).at("at", "a time in the future"),
            },
            Error::Files(error) => error.into(),
            Error::Store(error) => error.into(),
        }
    }
}

impl From<FilesError> for Problem {
    fn from(error: FilesError) -> Self {
        let detail = error.to_string();
        match error {
            FilesError::TooMany(_) | FilesError::TooLarge { .. } | FilesError::TooLargeTogether(_) => {
                Self::new(Code::TooLarge, detail)
            }
            FilesError::Disk { source, .. } => {
                tracing::error!(cause = ?source, "a folder cannot be laid out");
                Self::new(Code::Internal, "the files cannot be laid out on this host")
            }
            FilesError::Path { path, why } => Self::new(Code::Malformed, detail).at(path, why.to_string()),
            FilesError::Twice(_)
            | FilesError::Within(_)
            | FilesError::NoFile { .. }
            | FilesError::Unreadable { .. } => Self::new(Code::Malformed, detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{Place, Problem as Finding};
    use crate::versions::Lock;

    fn files(files: &[(&str, &str)]) -> Files {
        let files: serde_json::Map<_, _> =
            files.iter().map(|(path, text)| (path.to_string(), json!(text))).collect();
        let json = json!({ "files": files }).to_string();
        Files::from_json(json.as_bytes(), &Limits::default()).expect("files")
    }

    #[test]
    fn a_version_on_the_wire() {
        let by = By { actor: "key:a", at: 0 };
        let version = Version::draft(7, Some(5), "new reps".to_owned(), files(&[]).digest(), by);
        let check = |now: i64, lock: serde_json::Value| {
            let body = serde_json::to_value(VersionBody::of(version.clone(), now)).expect("JSON");
            let deed = json!({ "at": "1970-01-01T00:00:00Z", "by": "key:a" });
            let expect = json!({
                "version": 7, "state": "draft", "base": 5, "note": "new reps", "revision": 1,
                "digest": files(&[]).digest().to_string(), "made": deed, "edited": deed, "authors": ["key:a"],
                "approved": null, "publish_at": null, "published_at": null, "lock": lock,
            });
            assert_eq!(body, expect);
        };
        check(1, json!({ "by": "key:a", "until": "1970-01-01T02:00:00Z" }));
        check(versions::IDLE, json!(null));
    }

    #[test]
    fn a_difference_on_the_wire() {
        let before =
            files(&[("reps.csv", "id,team\nana,north\n"), ("rules.toml", "a = 1\n"), ("old.txt", "")]);
        let after = files(&[("reps.csv", "id,team\nana,south\nbo,north\n"), ("rules.toml", "a = 2\n")]);
        let found = versions::difference(&before, &after).into_iter().map(FileDiffBody::from);
        let mut found = serde_json::to_value(found.collect::<Vec<_>>()).expect("JSON");
        for file in found.as_array_mut().into_iter().flatten() {
            file.as_object_mut().expect("an object").retain(|name, _| name != "before" && name != "after");
        }
        let rows = json!({
            "columns_added": [], "columns_removed": [], "removed": [], "more": 0,
            "added": [{ "id": "bo", "team": "north" }],
            "changed": [{ "id": ["ana"], "cells": { "team": ["north", "south"] } }],
        });
        let expect = json!([
            { "path": "old.txt", "change": "removed" },
            { "path": "reps.csv", "change": "changed", "rows": rows },
            { "path": "rules.toml", "change": "changed", "lines": "@@ -1 +1 @@\n-a = 1\n+a = 2\n" },
        ]);
        assert_eq!(found, expect);
    }

    #[test]
    fn what_cannot_be_done_has_its_code() {
        let check = |error: Error, code: Code, detail: &str| {
            let problem = Problem::from(error);
            let body = serde_json::to_value(problem.body()).expect("JSON");
            assert_eq!((problem.code(), body["detail"].as_str()), (code, Some(detail)));
        };
        check(Error::NoVersion(9), Code::NotFound, "there is no version 9 of the configuration");
        check(
            Refusal::Changed { revision: 3 }.into(),
            Code::Changed,
            "it was changed in between, and has revision 3 now; look at it again",
        );
        check(
            Refusal::Locked(Lock { by: "key:b".to_owned(), until: 0 }).into(),
            Code::Conflict,
            "key:b is editing it, and has it until 1970-01-01T00:00:00Z",
        );
        check(
            Refusal::OwnWork { by: "key:a".to_owned() }.into(),
            Code::NotAllowed,
            "key:a has written in it; somebody else has to approve it",
        );
        check(
            FilesError::TooMany(1).into(),
            Code::TooLarge,
            "there are more than 1 files; leave out what the configuration does not read",
        );
        let twice = path("a/../b".to_owned()).map(drop).expect_err("no path");
        assert_eq!(twice.code(), Code::Malformed);
        let place = Place { file: "reps.csv".to_owned(), line: 2 };
        let problem = not_in_order(&Problems(vec![Finding::at(&place, "no team")]));
        let body = serde_json::to_value(problem.body()).expect("JSON");
        assert_eq!(body["errors"], json!([{ "at": "reps.csv", "line": 2, "message": "no team" }]));
    }
}
