//! Rows as they stand in the database, and how many are written with one statement.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe, SqlSafeStr, SqlStr};

use super::EventRow;

/// A statement with values yet to be bound.
pub(super) type Statement<'q> = Query<'q, Any, AnyArguments>;

/// Something that is written as rows of a table.
pub(super) trait Row {
    /// Which.
    const TABLE: &'static str;
    /// In the order in which they are bound.
    const COLUMNS: &'static [&'static str];
    /// What follows where a row with the same key is there; empty: that is an error.
    const CONFLICT: &'static str = "";
    /// How a column is written out of the value that is bound to this parameter.
    fn value(_column: &str, parameter: String) -> String {
        parameter
    }
    /// Binds every column.
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q>;
}

/// Rows in one statement at most: enough that the way to the database is not what takes long.
const AT_ONCE: usize = 64;

/// Writes rows, many in a statement.
pub(super) async fn write<R: Row>(connection: &mut AnyConnection, rows: &[R]) -> Result<(), sqlx::Error> {
    write_all(connection, &rows.iter().collect::<Vec<_>>()).await
}

/// The same for rows that lie in several places.
pub(super) async fn write_all<R: Row>(
    connection: &mut AnyConnection,
    rows: &[&R],
) -> Result<(), sqlx::Error> {
    // SQLite has no need of numbers, and its driver looks each up among all of them.
    let numbered = connection.backend_name() != "SQLite";
    for now in at_once(rows) {
        let mut statement = sqlx::query(insert::<R>(now.len(), numbered));
        for row in now {
            statement = row.bind(statement);
        }
        statement.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Rows for one statement each, of few lengths, so that few statements are prepared.
pub(super) fn at_once<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let mut left = rows;
    std::iter::from_fn(move || {
        let number = left.len().min(AT_ONCE);
        let number = if number.is_power_of_two() { number } else { number.next_power_of_two() / 2 };
        let (now, later) = left.split_at(number);
        left = later;
        (!now.is_empty()).then_some(now)
    })
}

/// `INSERT` of so many rows.
fn insert<R: Row>(number: usize, numbered: bool) -> SqlStr {
    // Several kinds of rows may stand in one table.
    type Known = HashMap<(&'static str, &'static [&'static str], usize, bool), SqlStr>;
    static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);
    let make = || {
        let row = |row: usize| {
            let places = (row * R::COLUMNS.len() + 1..).zip(R::COLUMNS);
            let parameter = |place| if numbered { format!("${place}") } else { "?".to_owned() };
            let values: Vec<String> =
                places.map(|(place, column)| R::value(column, parameter(place))).collect();
            format!("({})", values.join(", "))
        };
        let rows: Vec<String> = (0..number).map(row).collect();
        let columns = R::COLUMNS.join(", ");
        AssertSqlSafe(format!(
            "INSERT INTO {} ({columns}) VALUES {} {}",
            R::TABLE,
            rows.join(", "),
            R::CONFLICT
        ))
        .into_sql_str()
    };
    match KNOWN.lock() {
        Ok(mut known) => known.entry((R::TABLE, R::COLUMNS, number, numbered)).or_insert_with(make).clone(),
        Err(_) => make(),
    }
}

/// Where a lead stands. `None` in `kept` leaves what is there; an empty text takes it away.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct LeadRow {
    pub tenant: String,
    pub lead: String,
    pub head: i64,
    pub hot: i64,
    pub status: String,
    pub rep: Option<String>,
    pub team: Option<String>,
    pub place: Option<String>,
    pub lane: Option<String>,
    pub tier: i64,
    pub number: i64,
    pub mode: String,
    pub received_at: i64,
    pub decided_at: i64,
    pub due_at: i64,
    pub locked: i64,
    pub accepted: i64,
    pub touched_at: Option<i64>,
    pub triage: Option<String>,
    pub state: String,
    pub kept: Option<String>,
}

impl Row for LeadRow {
    const TABLE: &'static str = "leads";
    const COLUMNS: &'static [&'static str] = &[
        "tenant",
        "lead",
        "head",
        "hot",
        "status",
        "rep",
        "team",
        "place",
        "lane",
        "tier",
        "number",
        "mode",
        "received_at",
        "decided_at",
        "due_at",
        "locked",
        "accepted",
        "touched_at",
        "triage",
        "state",
        "kept",
    ];
    const CONFLICT: &'static str = "ON CONFLICT (tenant, lead) DO UPDATE SET head = excluded.head, hot = excluded.hot, \
         status = excluded.status, rep = excluded.rep, team = excluded.team, place = \
         excluded.place, lane = excluded.lane, tier = excluded.tier, number = excluded.number, \
         mode = excluded.mode, received_at = excluded.received_at, decided_at = \
         excluded.decided_at, due_at = excluded.due_at, locked = excluded.locked, accepted = \
         excluded.accepted, touched_at = excluded.touched_at, triage = excluded.triage, state = \
         excluded.state, kept = CASE WHEN excluded.kept IS NULL THEN leads.kept ELSE \
         NULLIF(excluded.kept, '') END";
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        statement
            .bind(self.tenant.clone())
            .bind(self.lead.clone())
            .bind(self.head)
            .bind(self.hot)
            .bind(self.status.clone())
            .bind(self.rep.clone())
            .bind(self.team.clone())
            .bind(self.place.clone())
            .bind(self.lane.clone())
            .bind(self.tier)
            .bind(self.number)
            .bind(self.mode.clone())
            .bind(self.received_at)
            .bind(self.decided_at)
            .bind(self.due_at)
            .bind(self.locked)
            .bind(self.accepted)
            .bind(self.touched_at)
            .bind(self.triage.clone())
            .bind(self.state.clone())
            .bind(self.kept.clone())
    }
}

/// A decision, with what it is searched by.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct DecisionRow {
    pub tenant: String,
    pub lead: String,
    pub number: i64,
    pub head: i64,
    pub place: i64,
    pub decided_at: i64,
    pub version: i64,
    pub trigger: String,
    pub outcome: String,
    pub reason: Option<String>,
    pub lane: Option<String>,
    pub confidence: String,
    pub tier: i64,
    pub mode: String,
    pub rep: Option<String>,
    pub team: Option<String>,
    pub before: Option<String>,
    pub total: Option<f64>,
    pub fuel: i64,
    pub body: Option<Vec<u8>>,
}

/// Totals are from 0 to 100.
const NO_TOTAL: f64 = -1.0;

impl Row for DecisionRow {
    const TABLE: &'static str = "decisions";
    const COLUMNS: &'static [&'static str] = &[
        "tenant",
        "lead",
        "number",
        "head",
        "place",
        "decided_at",
        "version",
        "\"trigger\"",
        "outcome",
        "reason",
        "lane",
        "confidence",
        "tier",
        "mode",
        "rep",
        "team",
        "before",
        "total",
        "fuel",
        "body",
    ];
    /// The driver says of a number that is absent that it is a short one, and a statement that was prepared for
    /// that takes no other on its connection. So there is always one, and which none is known by.
    fn value(column: &str, parameter: String) -> String {
        match column {
            "total" => format!("NULLIF({parameter}, {NO_TOTAL:.1})"),
            _ => parameter,
        }
    }
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        statement
            .bind(self.tenant.clone())
            .bind(self.lead.clone())
            .bind(self.number)
            .bind(self.head)
            .bind(self.place)
            .bind(self.decided_at)
            .bind(self.version)
            .bind(self.trigger.clone())
            .bind(self.outcome.clone())
            .bind(self.reason.clone())
            .bind(self.lane.clone())
            .bind(self.confidence.clone())
            .bind(self.tier)
            .bind(self.mode.clone())
            .bind(self.rep.clone())
            .bind(self.team.clone())
            .bind(self.before.clone())
            .bind(self.total.unwrap_or(NO_TOTAL))
            .bind(self.fuel)
            .bind(self.body.clone())
    }
}

/// Something that is counted.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct CounterRow {
    pub tenant: String,
    pub kind: String,
    pub id: String,
    pub head: i64,
    pub value: String,
}

impl Row for CounterRow {
    const TABLE: &'static str = "counters";
    const COLUMNS: &'static [&'static str] = &["tenant", "kind", "id", "head", "value"];
    const CONFLICT: &'static str = "ON CONFLICT (tenant, kind, id) DO UPDATE SET head = excluded.head, value = \
         excluded.value";
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        statement
            .bind(self.tenant.clone())
            .bind(self.kind.clone())
            .bind(self.id.clone())
            .bind(self.head)
            .bind(self.value.clone())
    }
}

/// A new lead as caps count it, or one that was taken back.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct NewLeadRow {
    pub tenant: String,
    pub head: i64,
    pub place: i64,
    pub at: i64,
    pub rep: String,
    pub team: String,
    pub rules: String,
    pub sign: i64,
}

impl Row for NewLeadRow {
    const TABLE: &'static str = "new_leads";
    const COLUMNS: &'static [&'static str] =
        &["tenant", "head", "place", "at", "rep", "team", "rules", "sign"];
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        statement
            .bind(self.tenant.clone())
            .bind(self.head)
            .bind(self.place)
            .bind(self.at)
            .bind(self.rep.clone())
            .bind(self.team.clone())
            .bind(self.rules.clone())
            .bind(self.sign)
    }
}

/// A lead as the CRM has it.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct RecordRow {
    pub tenant: String,
    pub kind: String,
    pub id: String,
    pub head: i64,
    pub place: i64,
    pub at: i64,
    pub record: String,
}

impl Row for RecordRow {
    const TABLE: &'static str = "records";
    const COLUMNS: &'static [&'static str] = &["tenant", "kind", "id", "head", "place", "at", "record"];
    const CONFLICT: &'static str = "ON CONFLICT (tenant, kind, id) DO UPDATE SET head = excluded.head, place = \
         excluded.place, at = excluded.at, record = excluded.record";
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        statement
            .bind(self.tenant.clone())
            .bind(self.kind.clone())
            .bind(self.id.clone())
            .bind(self.head)
            .bind(self.place)
            .bind(self.at)
            .bind(self.record.clone())
    }
}

/// What was answered to an idempotency key.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct AnswerRow {
    pub tenant: String,
    pub key: String,
    pub asked: String,
    pub at: i64,
    pub status: i64,
    pub body: String,
}

impl Row for AnswerRow {
    const TABLE: &'static str = "answers";
    const COLUMNS: &'static [&'static str] = &["tenant", "\"key\"", "asked", "at", "status", "body"];
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        statement
            .bind(self.tenant.clone())
            .bind(self.key.clone())
            .bind(self.asked.clone())
            .bind(self.at)
            .bind(self.status)
            .bind(self.body.clone())
    }
}

/// Something to do outside, for one destination.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct EffectRow {
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
    pub next_at: i64,
}

impl Row for EffectRow {
    const TABLE: &'static str = "effects";
    const COLUMNS: &'static [&'static str] = &[
        "tenant",
        "head",
        "place",
        "destination",
        "at",
        "lead",
        "number",
        "kind",
        "body",
        "state",
        "next_at",
    ];
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        statement
            .bind(self.tenant.clone())
            .bind(self.head)
            .bind(self.place)
            .bind(self.destination.clone())
            .bind(self.at)
            .bind(self.lead.clone())
            .bind(self.number)
            .bind(self.kind.clone())
            .bind(self.body.clone())
            .bind(self.state.clone())
            .bind(self.next_at)
    }
}

/// What was used in a day, to be added to what is there.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct UsageRow {
    pub tenant: String,
    pub day: String,
    pub leads: i64,
    pub decisions: i64,
    pub fuel: i64,
}

impl Row for UsageRow {
    const TABLE: &'static str = "usage";
    const COLUMNS: &'static [&'static str] = &["tenant", "day", "leads", "decisions", "fuel"];
    const CONFLICT: &'static str = "ON CONFLICT (tenant, day) DO UPDATE SET leads = usage.leads + excluded.leads, decisions \
         = usage.decisions + excluded.decisions, fuel = usage.fuel + excluded.fuel";
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        statement
            .bind(self.tenant.clone())
            .bind(self.day.clone())
            .bind(self.leads)
            .bind(self.decisions)
            .bind(self.fuel)
    }
}

/// What a counter is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CounterKind {
    /// A rep.
    Rep,
    /// A virtual queue.
    Queue,
    /// The tenant: when its first decision was made.
    First,
    /// A rep: whether they reported themselves away.
    Absent,
    /// A rep: meetings that were booked with them.
    Booked,
}

impl CounterKind {
    /// As it stands in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rep => "rep",
            Self::Queue => "queue",
            Self::First => "first",
            Self::Absent => "absent",
            Self::Booked => "booked",
        }
    }

    /// The one that is written so.
    pub fn of(text: &str) -> Option<Self> {
        let all = [Self::Rep, Self::Queue, Self::First, Self::Absent, Self::Booked];
        all.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl Row for EventRow {
    const TABLE: &'static str = "events";
    const COLUMNS: &'static [&'static str] =
        &["tenant", "head", "place", "at", "kind", "actor", "lead", "body"];
    fn bind<'q>(&self, statement: Statement<'q>) -> Statement<'q> {
        statement
            .bind(self.tenant.clone())
            .bind(self.head)
            .bind(self.place)
            .bind(self.at)
            .bind(self.kind.clone())
            .bind(self.actor.clone())
            .bind(self.lead.clone())
            .bind(self.body.clone())
    }
}
