//! The outbox: effects that wait for somebody to carry them out, and what became of them.
//!
//! Who delivers claims a destination for a stated time, and with it a few effects: those that are due, of
//! each lead the earliest that is open. So a destination gets the effects of a lead in their order, a few at
//! once and from one worker at a time, and whoever waits for a slow one holds up no other. A claim moves
//! `next_at` on and raises `attempts`; what became of an effect is written only while the claim is the
//! latest, so that nobody undoes what another did since. A claim that is over frees everything again.
//!
//! What comes later of the same lead waits with the earlier one: its `next_at` is moved on as well, so that
//! who looks for what is due does not meet everything that has to wait for something else.

use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::destinations::{self, DestinationRow, event};
use super::{Db, Error, Store, TenantStore};

/// An effect as it is kept.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct OutboxRow {
    pub tenant: String,
    pub head: i64,
    pub place: i64,
    pub destination: String,
    pub at: i64,
    pub lead: String,
    pub number: i64,
    pub kind: String,
    pub body: String,
    pub state: String,
    pub attempts: i64,
    pub next_at: i64,
    pub ended_at: Option<i64>,
    pub error: Option<String>,
    pub resent_at: Option<i64>,
}

/// Whether an effect is still to be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectState {
    /// It is.
    Open,
    /// It was.
    Done,
    /// It could not be; a person may have it tried again.
    Dead,
}

impl EffectState {
    /// As it stands in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }
}

/// Effects that somebody looks for; what is `None` is anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct EffectFilter<'a> {
    /// Whether they are to be carried out.
    pub state: Option<EffectState>,
    /// For which destination; empty: to be fetched.
    pub destination: Option<&'a str>,
    /// About which lead.
    pub lead: Option<&'a str>,
    /// Of which kind.
    pub kind: Option<&'a str>,
}

/// Place of an effect among all of its tenant: commit, place in it, destination.
pub type EffectPlace = (i64, i64, String);

/// What becomes of an effect after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// It was carried out.
    Done,
    /// It is tried again.
    Again {
        /// When.
        at: i64,
        /// What the attempt met with.
        error: String,
    },
    /// It is not.
    Dead {
        /// What the attempt met with.
        error: String,
    },
}

/// How a destination fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health {
    /// Turns in a row in which nothing arrived.
    pub failures: i64,
    /// Since when, where there are any.
    pub failing_since: Option<i64>,
    /// Until when it is left alone.
    pub rests_until: i64,
}

/// A destination with effects for it, which are one worker's for a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Where they go, as it was before.
    pub destination: DestinationRow,
    /// In their order, each of another lead; this attempt is among `attempts`.
    pub effects: Vec<OutboxRow>,
    /// When the claim is over.
    pub until: i64,
}

/// How much one claim is about.
#[derive(Debug, Clone, Copy)]
pub struct ClaimSize {
    /// Effects at most.
    pub effects: i64,
    /// Effects at most for a destination where nothing arrived the last time.
    pub effects_where_failing: i64,
    /// Destinations of a tenant that are worked on at once.
    pub destinations: i64,
}

const COLUMNS: &str = "tenant, head, place, destination, at, lead, number, kind, body, state, attempts, \
     next_at, ended_at, error, resent_at";

/// Due, and the earliest that is open of its lead and destination; `$1` is now. Said as a value to compare with: of an
/// `EXISTS` a planner that has counted nothing yet makes a join which goes through all that is open for each.
const DUE: &str = "e.state = 'open' AND e.next_at <= $1 AND (e.head, e.place) = (SELECT b.head, b.place FROM effects b \
     WHERE b.tenant = e.tenant AND b.lead = e.lead AND b.destination = e.destination AND b.state = 'open' \
     ORDER BY b.head, b.place LIMIT 1)";

impl Store {
    /// Tenants and destinations for which something is due and nobody works, the longest untouched first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn destinations_due(&self, now: i64, most: i64) -> Result<Vec<(String, String)>, Error> {
        let text = format!(
            "SELECT d.tenant, d.destination FROM destinations d \
             WHERE d.off_at IS NULL AND d.claimed_until <= $1 AND d.rests_until <= $1 \
             AND (SELECT 1 FROM effects e \
             WHERE e.tenant = d.tenant AND e.destination = d.destination AND {DUE} LIMIT 1) = 1 \
             ORDER BY d.claimed_until, d.tenant, d.destination LIMIT $2"
        );
        let found = sqlx::query_as(AssertSqlSafe(text)).bind(now).bind(most);
        Ok(found.fetch_all(&self.read).await?)
    }

    /// What has been due since before `cutoff` and was neither delivered nor fetched is dead. How many.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn expire_effects(&self, now: i64, cutoff: i64, most: i64) -> Result<u64, Error> {
        let expire = sqlx::query(
            "UPDATE effects SET state = 'dead', ended_at = $1, error = 'nobody took it in time' \
             WHERE state = 'open' AND (tenant, head, place, destination) IN \
             (SELECT tenant, head, place, destination FROM effects \
             WHERE state = 'open' AND next_at <= $2 ORDER BY next_at LIMIT $3)",
        );
        let expire = expire.bind(now).bind(cutoff).bind(most);
        Ok(expire.execute(&self.write).await?.rows_affected())
    }
}

impl TenantStore<'_> {
    /// Makes a destination and what is due for it somebody's until then. `None` where there is nothing to do,
    /// or another works on it.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn claim_effects(
        &self,
        destination: &str,
        now: i64,
        until: i64,
        size: ClaimSize,
    ) -> Result<Option<Claim>, Error> {
        let mut transaction = self.store.begin().await?;
        // Another's claim is no reason to wait.
        let lock = match self.store.db {
            Db::Sqlite => "",
            Db::Postgres => "FOR UPDATE SKIP LOCKED",
        };
        let text = format!(
            "SELECT {} FROM destinations WHERE tenant = $1 AND destination = $2 AND off_at IS NULL \
             AND claimed_until <= $3 AND rests_until <= $3 AND (SELECT COUNT(*) FROM destinations o \
             WHERE o.tenant = $1 AND o.claimed_until > $3) < $4 {lock}",
            destinations::COLUMNS
        );
        let row = sqlx::query_as(AssertSqlSafe(text)).bind(self.tenant.as_str()).bind(destination);
        let row = row.bind(now).bind(size.destinations).fetch_optional(&mut *transaction).await?;
        let Some(row): Option<DestinationRow> = row else { return Ok(None) };

        let text = format!(
            "WITH first AS MATERIALIZED (SELECT e.head AS h, e.place AS p FROM effects e \
             WHERE e.tenant = $3 AND e.destination = $4 AND {DUE} ORDER BY e.next_at, e.head, e.place LIMIT $5) \
             UPDATE effects SET attempts = attempts + 1, next_at = $2 FROM first \
             WHERE tenant = $3 AND head = h AND place = p AND destination = $4 RETURNING {COLUMNS}"
        );
        let most = if row.failures > 0 { size.effects_where_failing } else { size.effects };
        let claim = sqlx::query_as(AssertSqlSafe(text)).bind(now).bind(until);
        let claim = claim.bind(self.tenant.as_str()).bind(destination).bind(most);
        let mut effects: Vec<OutboxRow> = claim.fetch_all(&mut *transaction).await?;
        // Found by their key alone, since a planner that has counted nothing yet would go through all that is open; one
        // that ended between the two halves is not carried out.
        effects.retain(|effect| effect.state == EffectState::Open.as_str());
        if effects.is_empty() {
            return Ok(None);
        }
        effects.sort_by_key(|effect| (effect.head, effect.place));

        let hold =
            sqlx::query("UPDATE destinations SET claimed_until = $3 WHERE tenant = $1 AND destination = $2");
        let hold = hold.bind(self.tenant.as_str()).bind(destination).bind(until);
        hold.execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(Some(Claim { destination: row, effects, until }))
    }

    /// Writes down what became of the effects of a claim, in their order, and ends it.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`]; the claim then ends by itself, and everything of it is tried again.
    pub async fn settle_effects(
        &self,
        claim: &Claim,
        now: i64,
        marks: &[Mark],
        health: Health,
    ) -> Result<(), Error> {
        let mut transaction = self.store.begin().await?;
        // The destination first, as whoever claims it does: neither waits for the other.
        let end = sqlx::query(
            "UPDATE destinations SET claimed_until = $3, failures = $4, failing_since = $5, rests_until = $6 \
             WHERE tenant = $1 AND destination = $2 AND claimed_until = $7",
        );
        let end = end.bind(self.tenant.as_str()).bind(&claim.destination.destination).bind(now);
        let end = end.bind(health.failures).bind(health.failing_since).bind(health.rests_until);
        end.bind(claim.until).execute(&mut *transaction).await?;
        // What was delivered is delivered, whoever claimed it since; otherwise the latest claim counts.
        let done = "UPDATE effects SET state = 'done', ended_at = $5, error = NULL WHERE tenant = $1 AND \
             destination = $2 AND head = $3 AND place = $4 AND state = 'open'";
        let again = "UPDATE effects SET next_at = $5, error = $6 WHERE tenant = $1 AND \
             destination = $2 AND head = $3 AND place = $4 AND state = 'open' AND next_at = $7";
        let dead = "UPDATE effects SET state = 'dead', ended_at = $5, error = $6 WHERE tenant = $1 AND \
             destination = $2 AND head = $3 AND place = $4 AND state = 'open' AND next_at = $7";
        for (effect, mark) in claim.effects.iter().zip(marks) {
            let statement = match mark {
                Mark::Done => sqlx::query(done),
                Mark::Again { .. } => sqlx::query(again),
                Mark::Dead { .. } => sqlx::query(dead),
            };
            let statement = statement.bind(self.tenant.as_str()).bind(&effect.destination);
            let statement = statement.bind(effect.head).bind(effect.place);
            let statement = match mark {
                Mark::Done => statement.bind(now),
                Mark::Again { at, error } => statement.bind(*at).bind(error).bind(claim.until),
                Mark::Dead { error } => statement.bind(now).bind(error).bind(claim.until),
            };
            let marked = statement.execute(&mut *transaction).await?.rows_affected() == 1;
            if let Mark::Again { at, .. } = mark
                && marked
            {
                move_later(&mut transaction, effect, *at).await?;
            }
        }
        Ok(transaction.commit().await?)
    }

    /// Effects behind a place, in their order.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn effects(
        &self,
        filter: EffectFilter<'_>,
        after: &EffectPlace,
        most: i64,
    ) -> Result<Vec<OutboxRow>, Error> {
        let EffectFilter { state, destination, lead, kind } = filter;
        // Written out, so that the database sees which index is meant.
        let state = state.map(|state| format!("AND state = '{}'", state.as_str())).unwrap_or_default();
        let mut text = format!(
            "SELECT {COLUMNS} FROM effects WHERE tenant = $1 {state} AND (head > $2 OR (head = $2 AND \
             (place > $3 OR (place = $3 AND destination > $4))))"
        );
        let wanted = [("destination", destination), ("lead", lead), ("kind", kind)];
        let wanted = wanted.into_iter().filter_map(|(column, value)| Some((column, value?)));
        for (at, (column, _)) in wanted.clone().enumerate() {
            text.push_str(&format!(" AND {column} = ${}", at + 6));
        }
        text.push_str(" ORDER BY head, place, destination LIMIT $5");
        let (head, place, behind) = after;
        let query = sqlx::query_as(AssertSqlSafe(text)).bind(self.tenant.as_str());
        let mut query = query.bind(*head).bind(*place).bind(behind).bind(most);
        for (_, value) in wanted {
            query = query.bind(value);
        }
        Ok(query.fetch_all(&self.store.read).await?)
    }

    /// All of one place in a commit: one for each destination.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn effects_at(&self, head: i64, place: i64) -> Result<Vec<OutboxRow>, Error> {
        let text = format!(
            "SELECT {COLUMNS} FROM effects WHERE tenant = $1 AND head = $2 AND place = $3 ORDER BY destination"
        );
        let found = sqlx::query_as(AssertSqlSafe(text)).bind(self.tenant.as_str()).bind(head).bind(place);
        Ok(found.fetch_all(&self.store.read).await?)
    }

    /// Effects that wait to be fetched and may be carried out now, in their order: of each lead the earliest.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn effects_to_fetch(&self, now: i64, most: i64) -> Result<Vec<OutboxRow>, Error> {
        let text = format!(
            "SELECT {COLUMNS} FROM effects e WHERE e.tenant = $2 AND e.destination = '' AND {DUE} \
             ORDER BY e.next_at, e.head, e.place LIMIT $3"
        );
        let found = sqlx::query_as(AssertSqlSafe(text)).bind(now).bind(self.tenant.as_str()).bind(most);
        Ok(found.fetch_all(&self.store.read).await?)
    }

    /// Writes down what became of an effect that somebody fetched. Whether it was still open, and had been
    /// tried as often as they saw: of two who say something, one is heard.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn report_effect(&self, seen: &OutboxRow, now: i64, mark: &Mark) -> Result<bool, Error> {
        let (state, ended_at, next_at, error) = match mark {
            Mark::Done => (EffectState::Done, Some(now), now, None),
            Mark::Again { at, error } => (EffectState::Open, None, *at, Some(error.clone())),
            Mark::Dead { error } => (EffectState::Dead, Some(now), now, Some(error.clone())),
        };
        let report = sqlx::query(
            "UPDATE effects SET state = $6, ended_at = $7, next_at = $8, error = $9, attempts = $10 \
             WHERE tenant = $1 AND head = $2 AND place = $3 AND destination = $4 AND state = 'open' AND \
             destination = '' AND attempts = $5",
        );
        let report = report.bind(self.tenant.as_str()).bind(seen.head).bind(seen.place);
        let report = report.bind(&seen.destination).bind(seen.attempts).bind(state.as_str());
        let report = report.bind(ended_at).bind(next_at).bind(error).bind(seen.attempts + 1);
        let mut transaction = self.store.begin().await?;
        if report.execute(&mut *transaction).await?.rows_affected() == 0 {
            return Ok(false);
        }
        move_later(&mut transaction, seen, next_at).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Has dead effects tried again from the start: one, or all of a destination. Those of a destination that
    /// is off, or gone, stay as they are. How many.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`] and [`Error::Unavailable`].
    pub async fn resend_effects(
        &self,
        now: i64,
        actor: &str,
        destination: &str,
        one: Option<(i64, i64)>,
    ) -> Result<u64, Error> {
        let mut change = self.begin(now).await?;
        let which = if one.is_some() { "AND head = $4 AND place = $5" } else { "" };
        let text = format!(
            "UPDATE effects SET state = 'open', attempts = 0, next_at = $3, resent_at = $3, ended_at = NULL \
             WHERE tenant = $1 AND destination = $2 AND state = 'dead' {which} AND (destination = '' OR \
             EXISTS (SELECT 1 FROM destinations d WHERE d.tenant = $1 AND d.destination = $2 AND \
             d.off_at IS NULL))"
        );
        let mut resend =
            sqlx::query(AssertSqlSafe(text)).bind(self.tenant.as_str()).bind(destination).bind(now);
        if let Some((head, place)) = one {
            resend = resend.bind(head).bind(place);
        }
        let number = resend.execute(change.connection()).await?.rows_affected();
        if number == 0 {
            return Ok(0);
        }
        // Whoever asks for it does not want to wait for a destination to have rested.
        let wake =
            sqlx::query("UPDATE destinations SET rests_until = 0 WHERE tenant = $1 AND destination = $2");
        wake.bind(self.tenant.as_str()).bind(destination).execute(change.connection()).await?;
        let one = one.map(|(head, place)| json!({ "head": head, "place": place }));
        let body = json!({ "destination": destination, "effect": one, "effects": number });
        change.commit(&[event("effects.resent", actor, body)]).await?;
        Ok(number)
    }
}

/// Lets what comes later of the same lead, and was not tried yet, wait until then too.
async fn move_later(connection: &mut AnyConnection, effect: &OutboxRow, at: i64) -> Result<(), Error> {
    let later = sqlx::query(
        "UPDATE effects SET next_at = $6 WHERE tenant = $1 AND lead = $2 AND destination = $3 AND \
         state = 'open' AND attempts = 0 AND (head > $4 OR (head = $4 AND place > $5))",
    );
    let later = later.bind(effect.tenant.clone()).bind(effect.lead.clone()).bind(effect.destination.clone());
    later.bind(effect.head).bind(effect.place).bind(at).execute(connection).await?;
    Ok(())
}
