//! The tables, and how they came to be what they are: one text for both databases.

use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyPool, AssertSqlSafe, SqlSafeStr};

use super::{Db, Error};

/// In their order; what was released is never changed.
const MIGRATIONS: [(i64, &str, &str); 5] = [
    (1, "service", include_str!("migrations/0001_service.sql")),
    (2, "plugins", include_str!("migrations/0002_plugins.sql")),
    (3, "learning", include_str!("migrations/0003_learning.sql")),
    (4, "satisfaction", include_str!("migrations/0004_satisfaction.sql")),
    (5, "watching", include_str!("migrations/0005_watching.sql")),
];

/// Brings the tables up to date; hosts that start together wait for the first.
pub(super) async fn run(db: Db, pool: &AnyPool) -> Result<(), Error> {
    let bytes = match db {
        Db::Sqlite => "BLOB",
        Db::Postgres => "BYTEA",
    };
    let migrations = MIGRATIONS.iter().map(|(version, name, text)| {
        let sql = AssertSqlSafe(text.replace("{bytes}", bytes)).into_sql_str();
        Migration::new(*version, Cow::Borrowed(*name), MigrationType::Simple, sql, false)
    });
    Ok(Migrator::with_migrations(migrations.collect()).run(pool).await?)
}
