//! Where a tenant's effects go. Every change is a commit of the tenant, so that a host that still sends
//! effects to where they went before is told that it is behind.

use serde_json::json;
use sqlx::AssertSqlSafe;

use super::{Change, Error, Event, TenantStore};

/// A destination as it is kept.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct DestinationRow {
    pub tenant: String,
    pub destination: String,
    pub head: i64,
    pub kind: String,
    pub target: String,
    pub link: Option<String>,
    pub effects: String,
    pub secret: Option<Vec<u8>>,
    pub made_at: i64,
    pub claimed_until: i64,
    pub failures: i64,
    pub failing_since: Option<i64>,
    pub rests_until: i64,
    pub off_at: Option<i64>,
    pub off_reason: Option<String>,
}

/// What a person says of a destination.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct NewDestination {
    pub destination: String,
    pub kind: String,
    pub target: String,
    pub link: Option<String>,
    pub effects: String,
    /// `None` leaves the one that is there.
    pub secret: Option<Vec<u8>>,
}

/// Whether anything goes to a destination.
#[derive(Debug, Clone, PartialEq)]
pub enum Switch {
    /// What comes from now on does.
    On,
    /// Nothing does, and what is open for it is dead until a person sends it again.
    Off {
        /// Why, in a line.
        reason: String,
    },
}

pub(super) const COLUMNS: &str = "tenant, destination, head, kind, target, link, effects, secret, made_at, \
     claimed_until, failures, failing_since, rests_until, off_at, off_reason";

const TABLE: (&str, &str) = ("destinations", "destination");

impl TenantStore<'_> {
    /// All of them, in the order of their ids.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn destinations(&self) -> Result<Vec<DestinationRow>, Error> {
        let text = format!("SELECT {COLUMNS} FROM destinations WHERE tenant = $1 ORDER BY destination");
        let found = sqlx::query_as(AssertSqlSafe(text)).bind(self.tenant.as_str());
        Ok(found.fetch_all(&self.store.read).await?)
    }

    /// One, where it is there.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn destination(&self, destination: &str) -> Result<Option<DestinationRow>, Error> {
        let text = format!("SELECT {COLUMNS} FROM destinations WHERE tenant = $1 AND destination = $2");
        let found = sqlx::query_as(AssertSqlSafe(text)).bind(self.tenant.as_str()).bind(destination);
        Ok(found.fetch_optional(&self.store.read).await?)
    }

    /// Makes one, or changes what is said of it; one that had no luck is tried again at once. `seen` is the commit that
    /// changed it last, for somebody who minds if there was another since.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`], [`Error::Changed`] and [`Error::Unavailable`].
    pub async fn put_destination(
        &self,
        at: i64,
        actor: &str,
        new: &NewDestination,
        seen: Option<i64>,
    ) -> Result<(), Error> {
        let mut change = self.begin(at).await?;
        change.only_if_seen(TABLE, &new.destination, seen).await?;
        let put = sqlx::query(
            "INSERT INTO destinations (tenant, destination, kind, target, link, effects, secret, made_at, head) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (tenant, destination) DO UPDATE SET \
             head = excluded.head, kind = excluded.kind, target = excluded.target, link = excluded.link, \
             effects = excluded.effects, secret = COALESCE(excluded.secret, destinations.secret), \
             failures = 0, failing_since = NULL, rests_until = 0",
        );
        let NewDestination { destination, kind, target, link, effects, secret } = new;
        let put = put.bind(self.tenant.as_str()).bind(destination).bind(kind).bind(target);
        let put = put.bind(link.clone()).bind(effects).bind(secret.clone()).bind(at).bind(change.head);
        put.execute(change.connection()).await?;
        let body = json!({ "destination": destination, "kind": kind, "target": target, "link": link,
            "effects": effects, "secret": if secret.is_some() { "new" } else { "as it was" } });
        change.commit(&[event("destination.put", actor, body)]).await
    }

    /// Turns one on or off; whether it is there.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`] and [`Error::Unavailable`].
    pub async fn turn_destination(
        &self,
        at: i64,
        actor: &str,
        destination: &str,
        switch: &Switch,
    ) -> Result<bool, Error> {
        let mut change = self.begin(at).await?;
        let turn = sqlx::query(
            "UPDATE destinations SET off_at = $3, off_reason = $4, failures = 0, failing_since = NULL, \
             rests_until = 0, head = $5 WHERE tenant = $1 AND destination = $2",
        );
        let (off_at, reason) = match switch {
            Switch::On => (None, None),
            Switch::Off { reason } => (Some(at), Some(reason.clone())),
        };
        let turn = turn
            .bind(self.tenant.as_str())
            .bind(destination)
            .bind(off_at)
            .bind(reason.clone())
            .bind(change.head);
        if turn.execute(change.connection()).await?.rows_affected() == 0 {
            return Ok(false);
        }
        let kind = match &reason {
            None => "destination.on",
            Some(reason) => {
                bury(&mut change, at, destination, &format!("the destination is off: {reason}")).await?;
                "destination.off"
            }
        };
        let body = json!({ "destination": destination, "reason": reason });
        change.commit(&[event(kind, actor, body)]).await?;
        Ok(true)
    }

    /// Takes one away; what is open for it is dead. Whether it was there. `seen` as where it is put.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`], [`Error::Changed`] and [`Error::Unavailable`].
    pub async fn remove_destination(
        &self,
        at: i64,
        actor: &str,
        destination: &str,
        seen: Option<i64>,
    ) -> Result<bool, Error> {
        let mut change = self.begin(at).await?;
        change.only_if_seen(TABLE, destination, seen).await?;
        let remove = sqlx::query("DELETE FROM destinations WHERE tenant = $1 AND destination = $2");
        let remove = remove.bind(self.tenant.as_str()).bind(destination);
        if remove.execute(change.connection()).await?.rows_affected() == 0 {
            return Ok(false);
        }
        bury(&mut change, at, destination, "the destination was taken away").await?;
        let body = json!({ "destination": destination });
        change.commit(&[event("destination.removed", actor, body)]).await?;
        Ok(true)
    }
}

/// What is open for a destination will not be delivered.
async fn bury(change: &mut Change, at: i64, destination: &str, why: &str) -> Result<(), Error> {
    let tenant = change.tenant.to_string();
    let bury = sqlx::query(
        "UPDATE effects SET state = 'dead', ended_at = $3, error = $4 \
         WHERE tenant = $1 AND destination = $2 AND state = 'open'",
    );
    bury.bind(tenant).bind(destination).bind(at).bind(why).execute(change.connection()).await?;
    Ok(())
}

pub(super) fn event(kind: &'static str, actor: &str, body: serde_json::Value) -> Event {
    Event { kind, actor: actor.to_owned(), lead: None, body }
}
