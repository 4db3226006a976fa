//! A tenant read back: where it stands.

use std::sync::LazyLock;

use futures_util::TryStreamExt as _;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Decode, Row as _, Type};

use super::{CounterRow, DestinationRow, Error, NewLeadRow, PluginRow, RecordRow, TenantRow, TenantStore};

/// Everything that a host keeps in memory of a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The tenant as it was when the rest was read.
    pub tenant: TenantRow,
    /// Leads that time or somebody's room may change, in any order.
    pub leads: Vec<CaseRow>,
    /// All counters, in any order.
    pub counters: Vec<CounterRow>,
    /// New leads of the last days, in their order.
    pub new_leads: Vec<NewLeadRow>,
    /// Where effects go: all of them, in the order of their ids.
    pub destinations: Vec<DestinationRow>,
    /// Which releases of its plugins answer, in any order.
    pub plugins: Vec<PluginRow>,
}

/// A lead as its tenant's desk has it.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
#[expect(missing_docs, reason = "the schema says what each column means")]
pub struct CaseRow {
    pub lead: String,
    pub state: String,
    pub kept: Option<String>,
}

/// Rows of one table, as one statement reads all of a standing: its own columns, and nothing in the others.
struct Part {
    name: &'static str,
    texts: &'static [&'static str],
    numbers: &'static [&'static str],
    bytes: Option<&'static str>,
    /// `$1` is the tenant, and `$2` from when on new leads count.
    from: &'static str,
}

/// Columns of every part: texts and numbers. Behind them are bytes.
const TEXTS: usize = 6;
const NUMBERS: usize = 8;

const PARTS: [Part; 6] = [
    Part {
        name: "tenant",
        texts: &["name", "experiment"],
        numbers: &["created_at", "head", "clock", "wake_at", "version", "arrivals", "model", "train_at"],
        bytes: None,
        from: "tenants WHERE tenant = $1 AND erased_at IS NULL",
    },
    Part {
        name: "lead",
        texts: &["lead", "state", "kept"],
        numbers: &[],
        bytes: None,
        from: "leads WHERE tenant = $1 AND hot = 1",
    },
    Part {
        name: "counter",
        texts: &["kind", "id", "value"],
        numbers: &["head"],
        bytes: None,
        from: "counters WHERE tenant = $1",
    },
    Part {
        name: "new lead",
        texts: &["rep", "team", "rules"],
        numbers: &["head", "place", "at", "sign"],
        bytes: None,
        from: "new_leads WHERE tenant = $1 AND at >= $2",
    },
    Part {
        name: "destination",
        texts: &["destination", "kind", "target", "link", "effects", "off_reason"],
        numbers: &["head", "made_at", "claimed_until", "failures", "failing_since", "rests_until", "off_at"],
        bytes: Some("secret"),
        from: "destinations WHERE tenant = $1",
    },
    Part {
        name: "plugin",
        texts: &["plugin", "deployment"],
        numbers: &["head"],
        bytes: None,
        from: "plugins WHERE tenant = $1",
    },
];

impl Part {
    fn select(&self) -> String {
        let filled = |columns: &[&str], number: usize, kind: &str| -> Vec<String> {
            let column = |place: usize| match columns.get(place) {
                Some(column) => (*column).to_owned(),
                None => format!("CAST(NULL AS {kind})"),
            };
            (0..number).map(column).collect()
        };
        let texts = filled(self.texts, TEXTS, "TEXT").join(", ");
        let numbers = filled(self.numbers, NUMBERS, "BIGINT").join(", ");
        // SQLite takes any name of a type there.
        let bytes = self.bytes.unwrap_or("CAST(NULL AS BYTEA)");
        format!("SELECT '{}', {texts}, {numbers}, {bytes} FROM {}", self.name, self.from)
    }
}

/// A row of a part; its columns by their places among those of their kind.
struct Found<'r>(&'r AnyRow);

impl<'r> Found<'r> {
    fn part(&self) -> Result<&'r str, sqlx::Error> {
        self.0.try_get(0)
    }

    fn text<T: Decode<'r, sqlx::Any> + Type<sqlx::Any>>(&self, place: usize) -> Result<T, sqlx::Error> {
        self.0.try_get(1 + place)
    }

    fn number<T: Decode<'r, sqlx::Any> + Type<sqlx::Any>>(&self, place: usize) -> Result<T, sqlx::Error> {
        self.0.try_get(1 + TEXTS + place)
    }

    fn bytes(&self) -> Result<Option<Vec<u8>>, sqlx::Error> {
        self.0.try_get(1 + TEXTS + NUMBERS)
    }
}

impl TenantStore<'_> {
    /// Where the tenant stands, all of it as of one moment; of new leads those from a moment on.
    ///
    /// # Errors
    ///
    /// [`Error::NoTenant`] and [`Error::Unavailable`].
    pub async fn standing(&self, since: i64) -> Result<Standing, Error> {
        static STATEMENT: LazyLock<String> =
            LazyLock::new(|| PARTS.each_ref().map(Part::select).join(" UNION ALL "));
        let rows = sqlx::query(AssertSqlSafe(STATEMENT.as_str())).bind(self.tenant.as_str()).bind(since);
        let id = || self.tenant.to_string();
        let (mut tenant, mut leads, mut counters) = (None, Vec::new(), Vec::new());
        let (mut new_leads, mut destinations, mut plugins) = (Vec::new(), Vec::new(), Vec::new());
        // There may be many, and each is wide: none is kept.
        let mut rows = rows.fetch(&self.store.read);
        while let Some(row) = rows.try_next().await? {
            let row = Found(&row);
            match row.part()? {
                "tenant" => {
                    tenant = Some(TenantRow {
                        tenant: id(),
                        name: row.text(0)?,
                        created_at: row.number(0)?,
                        head: row.number(1)?,
                        clock: row.number(2)?,
                        wake_at: row.number(3)?,
                        version: row.number(4)?,
                        arrivals: row.number(5)?,
                        model: row.number(6)?,
                        train_at: row.number(7)?,
                        experiment: row.text(1)?,
                    });
                }
                "lead" => {
                    leads.push(CaseRow { lead: row.text(0)?, state: row.text(1)?, kept: row.text(2)? });
                }
                "counter" => counters.push(CounterRow {
                    tenant: id(),
                    kind: row.text(0)?,
                    id: row.text(1)?,
                    head: row.number(0)?,
                    value: row.text(2)?,
                }),
                "new lead" => new_leads.push(NewLeadRow {
                    tenant: id(),
                    head: row.number(0)?,
                    place: row.number(1)?,
                    at: row.number(2)?,
                    rep: row.text(0)?,
                    team: row.text(1)?,
                    rules: row.text(2)?,
                    sign: row.number(3)?,
                }),
                "destination" => destinations.push(DestinationRow {
                    tenant: id(),
                    destination: row.text(0)?,
                    head: row.number(0)?,
                    kind: row.text(1)?,
                    target: row.text(2)?,
                    link: row.text(3)?,
                    effects: row.text(4)?,
                    secret: row.bytes()?,
                    made_at: row.number(1)?,
                    claimed_until: row.number(2)?,
                    failures: row.number(3)?,
                    failing_since: row.number(4)?,
                    rests_until: row.number(5)?,
                    off_at: row.number(6)?,
                    off_reason: row.text(5)?,
                }),
                _ => plugins.push(PluginRow {
                    plugin: row.text(0)?,
                    head: row.number(0)?,
                    deployment: row.text(1)?,
                }),
            }
        }
        new_leads.sort_by_key(|row: &NewLeadRow| (row.head, row.place));
        destinations.sort_by(|a: &DestinationRow, b| a.destination.cmp(&b.destination));
        let tenant = tenant.ok_or_else(|| Error::NoTenant(self.tenant.clone()))?;
        Ok(Standing { tenant, leads, counters, new_leads, destinations, plugins })
    }

    /// Records noted from a moment on, in their order. They may be younger than where the tenant was found to stand:
    /// whoever decides by them is told at the commit that somebody was first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn records(&self, since: i64) -> Result<Vec<RecordRow>, Error> {
        let found = sqlx::query_as(
            "SELECT tenant, kind, id, head, place, at, record FROM records \
             WHERE tenant = $1 AND at >= $2 ORDER BY head, place",
        );
        Ok(found.bind(self.tenant.as_str()).bind(since).fetch_all(&self.store.read).await?)
    }

    /// These leads, where they are there.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`].
    pub async fn leads(&self, leads: &[&str]) -> Result<Vec<CaseRow>, Error> {
        let mut found = Vec::new();
        for chunk in leads.chunks(500) {
            let places: Vec<String> = (2..chunk.len() + 2).map(|place| format!("${place}")).collect();
            let places = places.join(", ");
            let text =
                format!("SELECT lead, state, kept FROM leads WHERE tenant = $1 AND lead IN ({places})");
            let mut query = sqlx::query_as(AssertSqlSafe(text)).bind(self.tenant.as_str());
            for lead in chunk {
                query = query.bind(*lead);
            }
            found.extend(query.fetch_all(&self.store.read).await?);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lead::TenantId;
    use crate::store::testing::{self, acme, stores};
    use crate::store::{Commit, Committed, LeadRow, NewDestination, Switch};

    fn lead(lead: &str, hot: i64, kept: Option<&str>) -> LeadRow {
        let state = format!("{{\"of\":\"{lead}\"}}");
        LeadRow { kept: kept.map(str::to_owned), ..testing::lead(lead, hot, state) }
    }

    fn new_lead(head: i64, place: i64, at: i64) -> NewLeadRow {
        let [tenant, rep, team, rules] = ["acme", "ana", "sales", "[]"].map(str::to_owned);
        NewLeadRow { tenant, head, place, at, rep, team, rules, sign: 1 }
    }

    /// Whatever one statement finds is what each table has, on either database.
    #[tokio::test]
    async fn a_standing_is_what_the_tables_have() {
        for store in stores().await {
            let tenant = acme(&store).await;
            let acme = store.of(&tenant);
            let other: TenantId = "other".parse().expect("an id");
            store.make_tenant(&other, "Other", 7).await.expect("a tenant is made");
            let bare = acme.standing(0).await.expect("a tenant stands");
            assert_eq!(bare.tenant, acme.row().await.expect("a row"));
            let Standing { leads, counters, new_leads, destinations, plugins, .. } = bare;
            assert!(leads.is_empty() && counters.is_empty() && new_leads.is_empty());
            assert!(destinations.is_empty() && plugins.is_empty());

            let counter = |id: &str, value: &str| {
                let [tenant, kind, id, value] = ["acme", "rep", id, value].map(str::to_owned);
                CounterRow { tenant, kind, id, head: 1, value }
            };
            let commit = Commit {
                tenant: "acme".to_owned(),
                head: 1,
                at: 50,
                nonce: 1,
                wake_at: Some(90),
                arrivals: 3,
                leads: vec![lead("hot", 1, Some("7 days")), lead("open", 1, None), lead("cold", 0, None)],
                counters: vec![counter("ana", "4"), counter("bo", "0")],
                new_leads: vec![new_lead(1, 1, 20), new_lead(1, 0, 30), new_lead(1, 2, 19)],
                ..Commit::default()
            };
            let theirs = {
                let mut theirs = Commit { tenant: "other".to_owned(), ..commit.clone() };
                theirs.leads.iter_mut().for_each(|row| row.tenant = "other".to_owned());
                theirs.counters.iter_mut().for_each(|row| row.tenant = "other".to_owned());
                theirs.new_leads.iter_mut().for_each(|row| row.tenant = "other".to_owned());
                theirs
            };
            for commit in [commit.clone(), theirs] {
                let committed = store.commit(commit).await.expect("is written");
                assert!(matches!(committed, Committed::Done { .. }), "{committed:?}");
            }
            for (destination, secret, link) in
                [("web", Some(&b"\0key"[..]), None), ("chat", None, Some("https://crm.example/{lead}"))]
            {
                let [destination, kind, target, effects] =
                    [destination, "webhook", "https://hook.example", "[\"assigned\"]"].map(str::to_owned);
                let new = NewDestination {
                    destination,
                    kind,
                    target,
                    link: link.map(str::to_owned),
                    effects,
                    secret: secret.map(<[u8]>::to_vec),
                };
                acme.put_destination(60, "ana", &new, None).await.expect("is put");
            }
            let off = Switch::Off { reason: "it is moved".to_owned() };
            acme.turn_destination(61, "ana", "web", &off).await.expect("is turned off");
            let mut change = acme.begin(62).await.expect("begins");
            change.put_plugin("own", "{}").await.expect("is put");
            change.commit(&[]).await.expect("is made");

            let Standing { tenant, mut leads, mut counters, new_leads, destinations, plugins } =
                acme.standing(20).await.expect("a tenant stands");
            assert_eq!(tenant, acme.row().await.expect("a row"));
            assert_eq!((tenant.wake_at, tenant.arrivals, tenant.head), (Some(90), 3, 5));
            leads.sort_by(|a, b| a.lead.cmp(&b.lead));
            let row = |row: &LeadRow| CaseRow {
                lead: row.lead.clone(),
                state: row.state.clone(),
                kept: row.kept.clone(),
            };
            assert_eq!(leads, commit.leads[..2].iter().map(row).collect::<Vec<_>>(), "those that are hot");
            assert_eq!(acme.leads(&["cold", "gone"]).await.expect("are read"), [row(&commit.leads[2])]);
            counters.sort_by(|a, b| a.id.cmp(&b.id));
            assert_eq!(counters, commit.counters);
            assert_eq!(
                new_leads,
                [new_lead(1, 0, 30), new_lead(1, 1, 20)],
                "in their order, and not too old"
            );
            assert_eq!(destinations, acme.destinations().await.expect("are read"));
            assert_eq!(destinations.len(), 2);
            assert_eq!(plugins, acme.plugins().await.expect("are read"));
            assert_eq!(plugins.len(), 1);

            store.erase_tenant(&other, "ana", 70).await.expect("is erased");
            for gone in [other, "never".parse().expect("an id")] {
                let standing = store.of(&gone).standing(0).await;
                assert!(matches!(standing, Err(Error::NoTenant(_))), "{gone}: {standing:?}");
            }
        }
    }
}
