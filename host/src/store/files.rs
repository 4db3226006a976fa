//! Files of a configuration.

use super::{Error, TenantStore};

impl TenantStore<'_> {
    /// The files of a version with their paths, in the order of those.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn files(&self, version: i64) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let found = sqlx::query_as(
            "SELECT f.path, b.bytes FROM configuration_files f \
             JOIN blobs b ON b.tenant = f.tenant AND b.digest = f.digest \
             WHERE f.tenant = $1 AND f.version = $2 ORDER BY f.path",
        );
        Ok(found.bind(self.tenant.as_str()).bind(version).fetch_all(&self.store.read).await?)
    }
}
