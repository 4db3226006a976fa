//! Erasing, for good: a person, or a tenant.
//!
//! Of a person goes what tells who they are and what they wrote. Rows, counts and times stay, so that caps,
//! rotations and reports are what they were. Of a tenant everything goes but what it used, day by day, and its
//! id, which nobody can have again.
//!
//! A person is looked for first ([`TenantStore::find_person`]), which reads the whole tenant and changes nothing,
//! then erased in one transaction ([`TenantStore::erase_person`]). A tenant is gone the moment it is marked
//! ([`Store::erase_tenant`]); its rows follow a few at a time ([`Store::sweep_erased`]), so that nobody else waits.
//!
//! An event that tells of a person names their lead. What a tenant wrote into its own configuration, such as a
//! `history.csv`, is the tenant's to change.
//!
//! Of a record stays what says nothing of a person: that there is one, whose it is, how it stands. So does where a
//! lead stands, with such a record in it. Both can still be read as before. Other texts become the JSON `null`,
//! bodies `NULL`; whoever reads a row takes either for "erased".

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use sqlx::{AssertSqlSafe, Executor};

use super::{Change, Db, Error, Event, Store, TenantStore, decisions};
use crate::lead::TenantId;

/// Who is to be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who<'w> {
    /// Whoever one lead is about.
    Lead(&'w str),
    /// Everything whose contact has this address, in whatever case.
    Email(&'w str),
}

/// Where a person stands in a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Leads of theirs.
    pub leads: BTreeSet<String>,
    /// Records of theirs: kind and id.
    pub records: BTreeSet<(String, String)>,
    /// Idempotency keys whose answer tells of them.
    pub answers: BTreeSet<String>,
    /// What was sent of them in batches: batch and place.
    pub batch_leads: BTreeSet<(String, i64)>,
}

/// What became of erasing a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Erased {
    /// They are erased. How many rows lost something.
    Done {
        /// Of all tables together.
        rows: u64,
    },
    /// Nothing was changed, since these leads are still open: hosts decide from what is known of them. Close them
    /// first.
    Open(Vec<String>),
}

/// What a step of sweeping did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swept {
    /// Rows went; there may be more.
    Rows(u64),
    /// Of no erased tenant is anything left.
    Nothing,
}

/// Tables whose rows go with their tenant. The keys of doors come first: they go at once.
const DOORS: [&str; 3] = ["keys", "providers", "secrets"];
const ROWS: [&str; 23] = [
    "destinations",
    "effects",
    "answers",
    "batch_leads",
    "batches",
    "leads",
    "decisions",
    "records",
    "counters",
    "new_leads",
    "events",
    "configuration_files",
    "configurations",
    "plugins",
    "releases",
    "plugin_counts",
    "trust",
    "deals",
    "models",
    "summaries",
    "suggestions",
    "experiments",
    "blobs",
];
/// Goes last, since it says nothing of anybody.
const COMMITS: &str = "commits";

/// Rows read at once while somebody is looked for.
const PAGE: i64 = 200;

impl TenantStore<'_> {
    /// Looks for a person in everything that the tenant has.
    ///
    /// By address this reads every row of the tenant once. Only where an address stands as a contact's is it taken
    /// for theirs: a rep's own address finds no leads.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] where a decision is, and [`Error::Unavailable`].
    pub async fn find_person(&self, who: Who<'_>) -> Result<Person, Error> {
        let mut person = Person::default();
        match who {
            Who::Lead(lead) => _ = person.leads.insert(lead.to_owned()),
            Who::Email(email) => {
                let address = address(email);
                self.leads_of_person(&address, &mut person).await?;
                self.decisions_of_person(&address, &mut person).await?;
            }
        }
        let address = match who {
            Who::Lead(_) => None,
            Who::Email(email) => Some(address(email)),
        };
        self.batch_leads_of_person(address.as_deref(), &mut person).await?;
        self.records_of_person(address.as_deref(), &mut person).await?;
        self.answers_of_person(address.as_deref(), &mut person).await?;
        Ok(person)
    }

    /// Erases a person who was looked for, where none of their leads is open.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`] and [`Error::Unavailable`].
    pub async fn erase_person(&self, person: &Person, actor: &str, at: i64) -> Result<Erased, Error> {
        let mut change = self.begin(at).await?;
        let open = open_leads(&mut change, person).await?;
        if !open.is_empty() {
            return Ok(Erased::Open(open));
        }
        overwrite(self.store.db, change.connection(), true).await?;
        let mut rows = 0;
        for lead in &person.leads {
            rows += erase_lead(&mut change, lead).await?;
        }
        rows += erase_records(&mut change, &person.records).await?;
        for key in &person.answers {
            let erased = sqlx::query(
                "UPDATE answers SET body = 'null', asked = '' WHERE tenant = $1 AND \"key\" = $2",
            );
            let erased = erased.bind(change.tenant.to_string()).bind(key.as_str());
            rows += erased.execute(change.connection()).await?.rows_affected();
        }
        for (batch, place) in &person.batch_leads {
            rows += erase_batch_lead(&mut change, batch, *place).await?;
        }
        overwrite(self.store.db, change.connection(), false).await?;
        // Who it was is what nobody shall know.
        let body = json!({ "leads": person.leads.len(), "rows": rows });
        let event = Event { kind: "person.erased", actor: actor.to_owned(), lead: None, body };
        change.commit(&[event]).await?;
        self.store.empty_log().await?;
        Ok(Erased::Done { rows })
    }

    async fn leads_of_person(&self, address: &str, person: &mut Person) -> Result<(), Error> {
        let mut after = String::new();
        loop {
            let found = sqlx::query_as(
                "SELECT lead, state, COALESCE(kept, '') FROM leads WHERE tenant = $1 AND lead > $2 \
                 ORDER BY lead LIMIT $3",
            );
            let found = found.bind(self.tenant.as_str()).bind(after.as_str()).bind(PAGE);
            let rows: Vec<(String, String, String)> = found.fetch_all(&self.store.read).await?;
            let Some((last, ..)) = rows.last() else { return Ok(()) };
            after = last.clone();
            let theirs = rows
                .into_iter()
                .filter(|(_, state, kept)| any(&[state, kept], |json| is_contact(json, address)));
            person.leads.extend(theirs.map(|(lead, ..)| lead));
        }
    }

    async fn decisions_of_person(&self, address: &str, person: &mut Person) -> Result<(), Error> {
        let mut after = (String::new(), 0);
        loop {
            let found = sqlx::query_as(
                "SELECT lead, number, body FROM decisions WHERE tenant = $1 AND body IS NOT NULL \
                 AND (lead > $2 OR (lead = $2 AND number > $3)) ORDER BY lead, number LIMIT $4",
            );
            let found = found.bind(self.tenant.as_str()).bind(after.0.as_str()).bind(after.1).bind(PAGE);
            let rows: Vec<(String, i64, Vec<u8>)> = found.fetch_all(&self.store.read).await?;
            let Some((lead, number, _)) = rows.last() else { return Ok(()) };
            after = (lead.clone(), *number);
            for (lead, _, body) in rows {
                if person.leads.contains(&lead) {
                    continue;
                }
                let text = decisions::text(&body, &lead)?;
                if any(&[&text], |json| is_contact(json, address)) {
                    person.leads.insert(lead);
                }
            }
        }
    }

    async fn batch_leads_of_person(&self, address: Option<&str>, person: &mut Person) -> Result<(), Error> {
        let mut after = (String::new(), -1);
        loop {
            let found = sqlx::query_as(
                "SELECT batch, place, received, COALESCE(lead, '') FROM batch_leads WHERE tenant = $1 \
                 AND (batch > $2 OR (batch = $2 AND place > $3)) ORDER BY batch, place LIMIT $4",
            );
            let found = found.bind(self.tenant.as_str()).bind(after.0.as_str()).bind(after.1).bind(PAGE);
            let rows: Vec<(String, i64, String, String)> = found.fetch_all(&self.store.read).await?;
            let Some((batch, place, ..)) = rows.last() else { return Ok(()) };
            after = (batch.clone(), *place);
            for (batch, place, received, lead) in rows {
                let sent =
                    || address.is_some_and(|address| any(&[&received], |json| is_contact(json, address)));
                if person.leads.contains(&lead) || sent() {
                    // What was sent with this address became a lead of theirs.
                    person.leads.extend((!lead.is_empty()).then_some(lead));
                    person.batch_leads.insert((batch, place));
                }
            }
        }
    }

    async fn records_of_person(&self, address: Option<&str>, person: &mut Person) -> Result<(), Error> {
        let mut after = (String::new(), String::new());
        loop {
            let found = sqlx::query_as(
                "SELECT kind, id, record FROM records WHERE tenant = $1 \
                 AND (kind > $2 OR (kind = $2 AND id > $3)) ORDER BY kind, id LIMIT $4",
            );
            let found =
                found.bind(self.tenant.as_str()).bind(after.0.as_str()).bind(after.1.as_str()).bind(PAGE);
            let rows: Vec<(String, String, String)> = found.fetch_all(&self.store.read).await?;
            let Some((kind, id, _)) = rows.last() else { return Ok(()) };
            after = (kind.clone(), id.clone());
            for (kind, id, record) in rows {
                let theirs = |json: &Json| address.is_some_and(|address| is_address(&json["email"], address));
                if person.leads.contains(&id) || any(&[&record], theirs) {
                    person.records.insert((kind, id));
                }
            }
        }
    }

    async fn answers_of_person(&self, address: Option<&str>, person: &mut Person) -> Result<(), Error> {
        let mut after = String::new();
        loop {
            let found = sqlx::query_as(
                "SELECT \"key\", body FROM answers WHERE tenant = $1 AND \"key\" > $2 ORDER BY \"key\" LIMIT $3",
            );
            let found = found.bind(self.tenant.as_str()).bind(after.as_str()).bind(PAGE);
            let rows: Vec<(String, String)> = found.fetch_all(&self.store.read).await?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            after = last.clone();
            let theirs = |json: &Json| {
                names(json, &person.leads) || address.is_some_and(|address| is_contact(json, address))
            };
            let keys: Vec<String> =
                rows.into_iter().filter(|(_, body)| any(&[body], theirs)).map(|(key, _)| key).collect();
            person.answers.extend(keys);
        }
    }
}

impl Store {
    /// Erases a tenant: from now on there is none of this id, nobody gets in with its keys, and its commits are
    /// refused. Its rows go as [`Store::sweep_erased`] is called. The operators' log says who did it.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`] and [`Error::Unavailable`].
    pub async fn erase_tenant(&self, tenant: &TenantId, actor: &str, at: i64) -> Result<(), Error> {
        let operators = TenantId::operators();
        if tenant.is_operators() {
            return Err(Error::NoTenant(operators));
        }
        let mut change = self.of(&operators).begin(at).await?;
        // While `wake_at` is set, there are rows to sweep.
        let marked = sqlx::query(
            "UPDATE tenants SET erased_at = $2, name = '', version = NULL, wake_at = $2, head = head + 1 \
             WHERE tenant = $1 AND erased_at IS NULL",
        );
        let marked = marked.bind(tenant.as_str()).bind(at).execute(change.connection()).await?;
        if marked.rows_affected() == 0 {
            return Err(Error::NoTenant(tenant.clone()));
        }
        for table in DOORS {
            let gone = sqlx::query(AssertSqlSafe(format!("DELETE FROM {table} WHERE tenant = $1")));
            gone.bind(tenant.as_str()).execute(change.connection()).await?;
        }
        let body = json!({ "tenant": tenant });
        change.commit(&[Event { kind: "tenant.erased", actor: actor.to_owned(), lead: None, body }]).await
    }

    /// Takes away rows of erased tenants, at most so many. Call it until it answers [`Swept::Nothing`], and again
    /// at every start.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`]; what was taken away so far is gone.
    pub async fn sweep_erased(&self, most: u64) -> Result<Swept, Error> {
        let next = sqlx::query_scalar(
            "SELECT tenant FROM tenants WHERE wake_at IS NOT NULL AND erased_at IS NOT NULL ORDER BY tenant LIMIT 1",
        );
        let Some(tenant): Option<String> = next.fetch_optional(&self.read).await? else {
            return Ok(Swept::Nothing);
        };
        let row = match self.db {
            Db::Sqlite => "rowid",
            Db::Postgres => "ctid",
        };
        let mut gone = 0;
        for table in DOORS.iter().chain(&ROWS).chain([&COMMITS]) {
            let text = format!(
                "DELETE FROM {table} WHERE {row} IN (SELECT {row} FROM {table} WHERE tenant = $1 LIMIT $2)"
            );
            let left = i64::try_from(most.saturating_sub(gone)).unwrap_or(i64::MAX);
            let mut transaction = self.begin().await?;
            overwrite(self.db, &mut transaction, true).await?;
            let deleted = sqlx::query(AssertSqlSafe(text)).bind(tenant.as_str()).bind(left);
            gone += deleted.execute(&mut *transaction).await?.rows_affected();
            overwrite(self.db, &mut transaction, false).await?;
            transaction.commit().await?;
            if gone >= most {
                return Ok(Swept::Rows(gone));
            }
        }
        let done =
            sqlx::query("UPDATE tenants SET wake_at = NULL WHERE tenant = $1 AND erased_at IS NOT NULL");
        done.bind(tenant.as_str()).execute(&self.write).await?;
        self.empty_log().await?;
        Ok(Swept::Rows(gone))
    }

    /// What was erased is still in the log that commits are written to first. Where somebody reads it at this
    /// moment, it is emptied later.
    async fn empty_log(&self) -> Result<(), Error> {
        if self.db == Db::Sqlite {
            self.write.acquire().await?.execute("PRAGMA wal_checkpoint(TRUNCATE)").await?;
        }
        Ok(())
    }
}

/// Whether the file is overwritten where something was; a server's own housekeeping does that.
async fn overwrite(db: Db, connection: &mut sqlx::AnyConnection, on: bool) -> Result<(), Error> {
    if db == Db::Sqlite {
        connection
            .execute(if on { "PRAGMA secure_delete = ON" } else { "PRAGMA secure_delete = OFF" })
            .await?;
    }
    Ok(())
}

async fn open_leads(change: &mut Change, person: &Person) -> Result<Vec<String>, Error> {
    let mut open = Vec::new();
    for lead in &person.leads {
        let hot = sqlx::query_scalar("SELECT hot FROM leads WHERE tenant = $1 AND lead = $2");
        let hot = hot.bind(change.tenant.to_string()).bind(lead.as_str());
        let hot: Option<i64> = hot.fetch_optional(change.connection()).await?;
        if hot == Some(1) {
            open.push(lead.clone());
        }
    }
    Ok(open)
}

/// Takes from every row about a lead what tells of the person. Effects that were not delivered yet never will be.
async fn erase_lead(change: &mut Change, lead: &str) -> Result<u64, Error> {
    let (tenant, head, at) = (change.tenant.to_string(), change.head, change.at);
    let mut rows = 0;
    let found = sqlx::query_scalar("SELECT state FROM leads WHERE tenant = $1 AND lead = $2");
    let found = found.bind(tenant.as_str()).bind(lead);
    let state: Option<String> = found.fetch_optional(change.connection()).await?;
    if let Some(state) = state {
        let own = sqlx::query(
            "UPDATE leads SET state = $3, kept = NULL, head = $4 WHERE tenant = $1 AND lead = $2",
        );
        let own = own.bind(tenant.as_str()).bind(lead).bind(stripped(&state, strip_state)).bind(head);
        rows += own.execute(change.connection()).await?.rows_affected();
    }
    let undelivered = sqlx::query(
        "UPDATE effects SET state = 'dead', ended_at = $3 WHERE tenant = $1 AND lead = $2 AND state = 'open'",
    );
    undelivered.bind(tenant.as_str()).bind(lead).bind(at).execute(change.connection()).await?;
    for text in [
        "UPDATE effects SET body = 'null', error = NULL WHERE tenant = $1 AND lead = $2",
        "UPDATE decisions SET body = NULL WHERE tenant = $1 AND lead = $2",
        "UPDATE events SET body = 'null' WHERE tenant = $1 AND lead = $2",
    ] {
        let erased = sqlx::query(text).bind(tenant.as_str()).bind(lead);
        rows += erased.execute(change.connection()).await?.rows_affected();
    }
    Ok(rows)
}

/// Hosts that have these records in memory find them changed.
async fn erase_records(change: &mut Change, records: &BTreeSet<(String, String)>) -> Result<u64, Error> {
    let (tenant, head) = (change.tenant.to_string(), change.head);
    let mut rows = 0;
    for (place, (kind, id)) in (0_i64..).zip(records) {
        let found =
            sqlx::query_scalar("SELECT record FROM records WHERE tenant = $1 AND kind = $2 AND id = $3");
        let found = found.bind(tenant.as_str()).bind(kind.as_str()).bind(id.as_str());
        let record: Option<String> = found.fetch_optional(change.connection()).await?;
        let Some(record) = record else { continue };
        let erased = sqlx::query(
            "UPDATE records SET record = $4, head = $5, place = $6 WHERE tenant = $1 AND kind = $2 AND id = $3",
        );
        let erased = erased.bind(tenant.as_str()).bind(kind.as_str()).bind(id.as_str());
        let erased = erased.bind(stripped(&record, strip_record)).bind(head).bind(place);
        rows += erased.execute(change.connection()).await?.rows_affected();
    }
    Ok(rows)
}

/// What of a record says nothing of the person.
const OF_NOBODY: [&str; 7] = ["id", "kind", "owner", "team", "status", "created_at", "updated_at"];

fn strip_record(record: &mut Json) {
    match record {
        Json::Object(fields) => fields.retain(|name, _| OF_NOBODY.contains(&name.as_str())),
        other => *other = Json::Null,
    }
}

/// Takes from the records in it what tells of the person.
fn strip_state(state: &mut Json) {
    match state {
        Json::Object(fields) => fields.iter_mut().for_each(|(name, value)| match name.as_str() {
            "record" => strip_record(value),
            _ => strip_state(value),
        }),
        Json::Array(items) => items.iter_mut().for_each(strip_state),
        _ => {}
    }
}

/// A text without something; `null` where it cannot be read.
fn stripped(text: &str, strip: impl Fn(&mut Json)) -> String {
    let mut json = serde_json::from_str(text).unwrap_or_default();
    strip(&mut json);
    json.to_string()
}

/// One that was not decided yet never will be, and counts as refused.
async fn erase_batch_lead(change: &mut Change, batch: &str, place: i64) -> Result<u64, Error> {
    let tenant = change.tenant.to_string();
    let refused = sqlx::query(
        "UPDATE batch_leads SET refused = 'erased' \
         WHERE tenant = $1 AND batch = $2 AND place = $3 AND lead IS NULL AND refused IS NULL",
    );
    let refused = refused.bind(tenant.as_str()).bind(batch).bind(place);
    if refused.execute(change.connection()).await?.rows_affected() == 1 {
        let counted =
            sqlx::query("UPDATE batches SET refused = refused + 1 WHERE tenant = $1 AND batch = $2");
        counted.bind(tenant.as_str()).bind(batch).execute(change.connection()).await?;
    }
    // Why one was refused may quote what was sent.
    let erased = sqlx::query(
        "UPDATE batch_leads SET received = 'null', refused = CASE WHEN refused IS NULL THEN NULL ELSE 'erased' END \
         WHERE tenant = $1 AND batch = $2 AND place = $3",
    );
    let erased = erased.bind(tenant.as_str()).bind(batch).bind(place);
    Ok(erased.execute(change.connection()).await?.rows_affected())
}

/// Whether one of these texts, each any number of JSON values, is such. What is no JSON tells of nobody.
fn any(texts: &[&str], is: impl Fn(&Json) -> bool) -> bool {
    let values = |text: &&str| {
        serde_json::Deserializer::from_str(text)
            .into_iter::<Json>()
            .map_while(Result::ok)
            .any(|json| is(&json))
    };
    texts.iter().any(values)
}

/// Whether a contact, or a record, with this address stands anywhere in it.
fn is_contact(json: &Json, address: &str) -> bool {
    match json {
        Json::Object(fields) => {
            let mut parts = ["contact", "record"].iter().filter_map(|part| fields.get(*part));
            parts.any(|part| is_address(&part["email"], address))
                || fields.values().any(|inner| is_contact(inner, address))
        }
        Json::Array(items) => items.iter().any(|item| is_contact(item, address)),
        _ => false,
    }
}

/// Whether one of these leads is named anywhere in it.
fn names(json: &Json, leads: &BTreeSet<String>) -> bool {
    match json {
        Json::Object(fields) => fields.iter().any(|(key, value)| match value.as_str() {
            Some(text) => matches!(key.as_str(), "lead" | "id") && leads.contains(text),
            None => names(value, leads),
        }),
        Json::Array(items) => items.iter().any(|item| names(item, leads)),
        _ => false,
    }
}

fn is_address(json: &Json, expect: &str) -> bool {
    json.as_str().is_some_and(|text| address(text) == expect)
}

/// An address as addresses are compared.
fn address(text: &str) -> String {
    text.trim().to_lowercase()
}

#[cfg(test)]
mod tests;
