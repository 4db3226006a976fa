//! Versions of a tenant's configuration: their rows, their files, and what the files hold, each content once.
//!
//! What may become of a version is for its caller to say; everything here that writes is part of a [`Change`], of
//! which a tenant has one at a time. A version is published by the commit that makes it the tenant's own, for which
//! [`mark_published`] is a statement.

use sqlx::{AnyConnection, AssertSqlSafe};

use super::rows::{self, Row, Statement};
use super::{Change, Error, Store, TenantStore};
use crate::lead::TenantId;

/// A version as it is kept.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct VersionRow {
    pub version: i64,
    pub state: String,
    pub base: Option<i64>,
    pub note: String,
    pub revision: i64,
    pub digest: String,
    pub made_at: i64,
    pub made_by: String,
    pub edited_at: i64,
    pub edited_by: String,
    pub authors: String,
    pub approved_at: Option<i64>,
    pub approved_by: Option<String>,
    pub publish_at: Option<i64>,
    pub published_at: Option<i64>,
}

/// A file of a version.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct VersionFileRow {
    pub path: String,
    pub digest: String,
    pub bytes: i64,
}

/// A version that is to be published by now.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct PublicationRow {
    pub tenant: String,
    pub version: i64,
    pub publish_at: i64,
}

const VERSION: &str = "SELECT version, state, base, note, revision, digest, made_at, made_by, edited_at, edited_by, \
     authors, approved_at, approved_by, publish_at, published_at FROM configurations";

const FILES: &str = "SELECT path, digest, bytes FROM configuration_files WHERE tenant = $1 AND version = $2";

/// Values of one list in a statement at most.
const LIST: usize = 500;

impl Store {
    /// Versions that are to be published by now, the longest due first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn publications_due(&self, now: i64, most: i64) -> Result<Vec<PublicationRow>, Error> {
        let found = sqlx::query_as(
            "SELECT tenant, version, publish_at FROM configurations \
             WHERE state = 'scheduled' AND publish_at <= $1 \
             AND tenant IN (SELECT tenant FROM tenants WHERE erased_at IS NULL) \
             ORDER BY publish_at, tenant, version LIMIT $2",
        );
        Ok(found.bind(now).bind(most).fetch_all(&self.read).await?)
    }
}

impl TenantStore<'_> {
    /// One version.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn version(&self, version: i64) -> Result<Option<VersionRow>, Error> {
        let text = format!("{VERSION} WHERE tenant = $1 AND version = $2");
        let found = sqlx::query_as(AssertSqlSafe(text)).bind(self.tenant.as_str()).bind(version);
        Ok(found.fetch_optional(&self.store.read).await?)
    }

    /// Versions below a number (`i64::MAX` for all), the newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn versions(&self, below: i64, most: i64) -> Result<Vec<VersionRow>, Error> {
        let text = format!("{VERSION} WHERE tenant = $1 AND version < $2 ORDER BY version DESC LIMIT $3");
        let found = sqlx::query_as(AssertSqlSafe(text)).bind(self.tenant.as_str()).bind(below).bind(most);
        Ok(found.fetch_all(&self.store.read).await?)
    }

    /// The files of a version, in any order.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn version_files(&self, version: i64) -> Result<Vec<VersionFileRow>, Error> {
        let found = sqlx::query_as(FILES).bind(self.tenant.as_str()).bind(version);
        Ok(found.fetch_all(&self.store.read).await?)
    }

    /// What one file of a version holds.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn version_file(&self, version: i64, path: &str) -> Result<Option<Vec<u8>>, Error> {
        let found = sqlx::query_scalar(
            "SELECT b.bytes FROM configuration_files f JOIN blobs b ON b.tenant = f.tenant AND b.digest = f.digest \
             WHERE f.tenant = $1 AND f.version = $2 AND f.path = $3",
        );
        let found = found.bind(self.tenant.as_str()).bind(version).bind(path);
        Ok(found.fetch_optional(&self.store.read).await?)
    }

    /// All files of a version with what they hold, in any order.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn version_contents(&self, version: i64) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let found = sqlx::query_as(
            "SELECT f.path, b.bytes FROM configuration_files f \
             JOIN blobs b ON b.tenant = f.tenant AND b.digest = f.digest \
             WHERE f.tenant = $1 AND f.version = $2",
        );
        let found = found.bind(self.tenant.as_str()).bind(version);
        Ok(found.fetch_all(&self.store.read).await?)
    }

    /// How many contents the tenant's versions have together, each counted once.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    #[cfg(test)]
    pub(crate) async fn contents(&self) -> Result<i64, Error> {
        let found = sqlx::query_scalar("SELECT COUNT(*) FROM blobs WHERE tenant = $1");
        Ok(found.bind(self.tenant.as_str()).fetch_one(&self.store.read).await?)
    }
}

impl Change {
    /// The number of the tenant's next version.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn next_version(&mut self) -> Result<i64, Error> {
        let last = sqlx::query_scalar("SELECT MAX(version) FROM configurations WHERE tenant = $1");
        let last: Option<i64> = last.bind(self.tenant.to_string()).fetch_one(self.connection()).await?;
        Ok(last.unwrap_or(0) + 1)
    }

    /// A version, as it is until this change ends.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn version(&mut self, version: i64) -> Result<Option<VersionRow>, Error> {
        let text = format!("{VERSION} WHERE tenant = $1 AND version = $2");
        let found = sqlx::query_as(AssertSqlSafe(text)).bind(self.tenant.to_string()).bind(version);
        Ok(found.fetch_optional(self.connection()).await?)
    }

    /// Its files, in any order.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn version_files(&mut self, version: i64) -> Result<Vec<VersionFileRow>, Error> {
        let found = sqlx::query_as(FILES).bind(self.tenant.to_string()).bind(version);
        Ok(found.fetch_all(self.connection()).await?)
    }

    /// Writes a version, new or in the place of what it was.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn put_version(&mut self, row: &VersionRow) -> Result<(), Error> {
        let tenant = self.tenant.clone();
        Ok(rows::write(self.connection(), &[Of(&tenant, 0, row)]).await?)
    }

    /// Writes files of a version, each new or in the place of what was there. What they hold has to be there as well
    /// ([`Self::put_contents`]).
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn put_version_files(&mut self, version: i64, files: &[VersionFileRow]) -> Result<(), Error> {
        let tenant = self.tenant.clone();
        let files: Vec<Of<'_, VersionFileRow>> =
            files.iter().map(|file| Of(&tenant, version, file)).collect();
        Ok(rows::write(self.connection(), &files).await?)
    }

    /// Takes files of a version away.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn remove_version_files(&mut self, version: i64, paths: &[&str]) -> Result<(), Error> {
        for paths in paths.chunks(LIST) {
            let text = format!(
                "DELETE FROM configuration_files WHERE tenant = $1 AND version = $2 AND path IN ({})",
                list(3, paths.len())
            );
            let mut gone = sqlx::query(AssertSqlSafe(text)).bind(self.tenant.to_string()).bind(version);
            for path in paths {
                gone = gone.bind((*path).to_owned());
            }
            gone.execute(self.connection()).await?;
        }
        Ok(())
    }

    /// Writes what files hold, by digest, unless it is there.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn put_contents(&mut self, contents: &[(String, &[u8])]) -> Result<(), Error> {
        let tenant = self.tenant.clone();
        for contents in contents.chunks(LIST) {
            let text = format!(
                "SELECT digest FROM blobs WHERE tenant = $1 AND digest IN ({})",
                list(2, contents.len())
            );
            let mut known = sqlx::query_scalar(AssertSqlSafe(text)).bind(tenant.to_string());
            for (digest, _) in contents {
                known = known.bind(digest.clone());
            }
            let known: Vec<String> = known.fetch_all(self.connection()).await?;
            let new = contents.iter().filter(|(digest, _)| !known.contains(digest));
            let new: Vec<Of<'_, (String, &[u8])>> = new.map(|content| Of(&tenant, 0, content)).collect();
            // Small ones together, large ones alone: a statement holds a copy of what it writes.
            let (large, small): (Vec<_>, Vec<_>) =
                new.into_iter().partition(|Of(_, _, (_, bytes))| bytes.len() > LARGE);
            rows::write(self.connection(), &small).await?;
            for content in large {
                rows::write(self.connection(), &[content]).await?;
            }
        }
        Ok(())
    }

    /// Takes contents away that no version's file and no release has any more.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn drop_contents(&mut self, digests: &[String]) -> Result<(), Error> {
        for digests in digests.chunks(LIST) {
            let text = format!(
                "DELETE FROM blobs WHERE tenant = $1 AND digest IN ({}) AND NOT EXISTS (SELECT 1 \
                 FROM configuration_files f WHERE f.tenant = blobs.tenant AND f.digest = blobs.digest) AND NOT EXISTS \
                 (SELECT 1 FROM releases r WHERE r.tenant = blobs.tenant AND r.digest = blobs.digest)",
                list(2, digests.len())
            );
            let mut gone = sqlx::query(AssertSqlSafe(text)).bind(self.tenant.to_string());
            for digest in digests {
                gone = gone.bind(digest.clone());
            }
            gone.execute(self.connection()).await?;
        }
        Ok(())
    }
}

/// Within the commit that makes a version the tenant's own: it is published, and what was is replaced.
///
/// # Errors
///
/// What the database answers.
pub(in crate::store) async fn mark_published(
    connection: &mut AnyConnection,
    tenant: &str,
    version: i64,
    at: i64,
) -> Result<(), sqlx::Error> {
    let replaced = sqlx::query(
        "UPDATE configurations SET state = 'replaced', revision = revision + 1 \
         WHERE tenant = $1 AND state = 'published' AND version <> $2",
    );
    replaced.bind(tenant.to_owned()).bind(version).execute(&mut *connection).await?;
    let published = sqlx::query(
        "UPDATE configurations SET state = 'published', published_at = $3, revision = revision + 1 \
         WHERE tenant = $1 AND version = $2 AND state IN ('draft', 'approved', 'scheduled')",
    );
    published.bind(tenant.to_owned()).bind(version).bind(at).execute(connection).await?;
    Ok(())
}

/// From how many bytes on a content is written alone.
const LARGE: usize = 1 << 20;

/// So many places of a statement, from the `first` on.
fn list(first: usize, number: usize) -> String {
    let places: Vec<String> = (first..first + number).map(|place| format!("${place}")).collect();
    places.join(", ")
}

/// A row with the tenant, and the version, that it belongs to.
struct Of<'r, R>(&'r TenantId, i64, &'r R);

impl Row for Of<'_, VersionRow> {
    const TABLE: &'static str = "configurations";
    const COLUMNS: &'static [&'static str] = &[
        "tenant",
        "version",
        "state",
        "base",
        "note",
        "revision",
        "digest",
        "made_at",
        "made_by",
        "edited_at",
        "edited_by",
        "authors",
        "approved_at",
        "approved_by",
        "publish_at",
        "published_at",
    ];
    const CONFLICT: &'static str = "ON CONFLICT (tenant, version) DO UPDATE SET state = excluded.state, \
         note = excluded.note, revision = excluded.revision, digest = excluded.digest, \
         edited_at = excluded.edited_at, edited_by = excluded.edited_by, authors = excluded.authors, \
         approved_at = excluded.approved_at, approved_by = excluded.approved_by, publish_at = excluded.publish_at";
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        let Self(tenant, _, row) = self;
        statement
            .bind(tenant.to_string())
            .bind(row.version)
            .bind(row.state.clone())
            .bind(row.base)
            .bind(row.note.clone())
            .bind(row.revision)
            .bind(row.digest.clone())
            .bind(row.made_at)
            .bind(row.made_by.clone())
            .bind(row.edited_at)
            .bind(row.edited_by.clone())
            .bind(row.authors.clone())
            .bind(row.approved_at)
            .bind(row.approved_by.clone())
            .bind(row.publish_at)
            .bind(row.published_at)
    }
}

impl Row for Of<'_, VersionFileRow> {
    const TABLE: &'static str = "configuration_files";
    const COLUMNS: &'static [&'static str] = &["tenant", "version", "path", "digest", "bytes"];
    const CONFLICT: &'static str = "ON CONFLICT (tenant, version, path) DO UPDATE SET digest = excluded.digest, \
         bytes = excluded.bytes";
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        let Self(tenant, version, VersionFileRow { path, digest, bytes }) = self;
        statement.bind(tenant.to_string()).bind(*version).bind(path.clone()).bind(digest.clone()).bind(*bytes)
    }
}

impl Row for Of<'_, (String, &[u8])> {
    const TABLE: &'static str = "blobs";
    const COLUMNS: &'static [&'static str] = &["tenant", "digest", "bytes"];
    const CONFLICT: &'static str = "ON CONFLICT (tenant, digest) DO NOTHING";
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        let Self(tenant, _, (digest, bytes)) = self;
        statement.bind(tenant.to_string()).bind(digest.clone()).bind(bytes.to_vec())
    }
}
