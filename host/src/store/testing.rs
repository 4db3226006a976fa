//! Stores that belong to one test: each starts empty, and nobody else sees it.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{AssertSqlSafe, Connection, Executor};

use super::{LeadRow, Options, Store};
use crate::lead::TenantId;

/// A URL of a Postgres server, such as `postgres://postgres@%2Frun%2Fpostgresql/postgres`, whose user may make
/// databases. Tests run on SQLite alone where it is not set.
const POSTGRES: &str = "LANEWRIGHT_TEST_POSTGRES";

/// An empty store of each kind that there is here.
pub(crate) async fn stores() -> Vec<Store> {
    let mut urls = vec!["sqlite::memory:".to_owned()];
    if let Ok(server) = std::env::var(POSTGRES) {
        urls.push(fresh_database(&server).await);
    }
    let mut stores = Vec::new();
    for url in urls {
        stores.push(Store::open(&Options { url, connections: 4 }).await.expect("an empty database opens"));
    }
    stores
}

/// The tenant `acme`, in a store where it was made.
pub(crate) async fn acme(store: &Store) -> TenantId {
    let tenant: TenantId = "acme".parse().expect("an id");
    store.make_tenant(&tenant, "Acme", 0).await.expect("a tenant is made");
    tenant
}

/// A lead of `acme` that is decided, and nothing besides.
pub(crate) fn lead(lead: &str, hot: i64, state: String) -> LeadRow {
    LeadRow {
        tenant: "acme".to_owned(),
        lead: lead.to_owned(),
        head: 1,
        hot,
        status: "assigned".to_owned(),
        rep: None,
        team: None,
        place: None,
        lane: None,
        tier: 1,
        number: 1,
        mode: "auto".to_owned(),
        received_at: 5,
        decided_at: 5,
        due_at: 9,
        locked: 0,
        accepted: 0,
        touched_at: None,
        triage: None,
        state,
        kept: None,
    }
}

/// Makes a database that no other test, of this run or another, has.
async fn fresh_database(server: &str) -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    sqlx::any::install_default_drivers();
    let mut connection = sqlx::AnyConnection::connect(server).await.expect("the server answers");
    let name = format!("lanewright_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    for text in [format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")] {
        connection.execute(AssertSqlSafe(text)).await.expect("the user may make databases");
    }
    let mut url = url::Url::parse(server).expect("a URL");
    url.set_path(&name);
    url.into()
}
