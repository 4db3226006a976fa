use super::*;
use crate::store::testing::{self, acme, stores};
use crate::store::{
    AnswerRow, AuditFilter, Commit, Committed, DecisionRow, EffectRow, KeyRow, LeadRow, Options, RecordRow,
    UsageRow,
};

/// What a person's rows hold that nobody may find afterwards.
const MAIL: &str = "Eva.Lund@acme.example";

fn lead(lead: &str, hot: i64, state: &Json, kept: Option<&Json>) -> LeadRow {
    LeadRow {
        status: "closed".to_owned(),
        rep: Some("ana".to_owned()),
        accepted: 1,
        kept: kept.map(Json::to_string),
        ..testing::lead(lead, hot, state.to_string())
    }
}

fn decision(lead: &str, body: &Json) -> DecisionRow {
    DecisionRow {
        tenant: "acme".to_owned(),
        lead: lead.to_owned(),
        number: 1,
        head: 1,
        place: 0,
        decided_at: 5,
        version: 1,
        trigger: "arrived".to_owned(),
        outcome: "assigned".to_owned(),
        reason: None,
        lane: None,
        confidence: "high".to_owned(),
        tier: 1,
        mode: "auto".to_owned(),
        rep: Some("ana".to_owned()),
        team: None,
        before: None,
        total: Some(50.0),
        fuel: 7,
        body: Some(zstd::bulk::compress(body.to_string().as_bytes(), 0).expect("is packed")),
    }
}

fn effect(place: i64, lead: &str, state: &str, body: &Json) -> EffectRow {
    EffectRow {
        tenant: "acme".to_owned(),
        head: 1,
        place,
        destination: "crm".to_owned(),
        at: 5,
        lead: lead.to_owned(),
        number: 1,
        kind: "owner.set".to_owned(),
        body: body.to_string(),
        state: state.to_owned(),
        next_at: 5,
    }
}

fn record(id: &str, record: &Json) -> RecordRow {
    RecordRow {
        tenant: "acme".to_owned(),
        kind: "contact".to_owned(),
        id: id.to_owned(),
        head: 1,
        place: 0,
        at: 5,
        record: record.to_string(),
    }
}

fn answer(key: &str, body: &Json) -> AnswerRow {
    AnswerRow {
        tenant: "acme".to_owned(),
        key: key.to_owned(),
        asked: "digest".to_owned(),
        at: 5,
        status: 200,
        body: body.to_string(),
    }
}

fn event_row(place: i64, lead: Option<&str>, body: &Json) -> crate::store::EventRow {
    crate::store::EventRow {
        tenant: "acme".to_owned(),
        head: 1,
        place,
        at: 5,
        kind: "lead.touched".to_owned(),
        actor: "key:a".to_owned(),
        lead: lead.map(str::to_owned),
        body: body.to_string(),
    }
}

/// Eva wrote three times: of `l1` everything is known still, of `l2` the decision, of `l4` where it stands. `l3` is
/// of somebody else.
async fn fill(store: &Store, hot: i64) -> TenantId {
    let tenant = acme(store).await;
    let of_eva = json!({ "lead": { "contact": { "email": MAIL, "name": "Eva Lund" } } });
    // Fields in the order of their names, so that texts are the same however objects are ordered.
    let of_other =
        json!({ "email": MAIL, "lead": { "contact": { "email": "bo@acme.example" }, "text": MAIL } });
    let nobody = json!({ "number": 1 });
    let as_record = json!({ "email": MAIL, "id": "l4", "kind": "lead", "owner": "ana", "status": "won" });
    let held = json!({ "number": 1, "stands": { "with": { "record": as_record, "rep": "ana" } } });
    let commit = Commit {
        tenant: "acme".to_owned(),
        head: 1,
        at: 5,
        leads: vec![
            lead("l1", hot, &nobody, Some(&of_eva)),
            lead("l2", 0, &nobody, None),
            lead("l3", 1, &nobody, Some(&of_other)),
            lead("l4", 0, &held, None),
        ],
        decisions: vec![decision("l1", &of_eva), decision("l2", &of_eva), decision("l3", &of_other)],
        records: vec![
            record("c1", &json!({ "email": MAIL.to_lowercase(), "id": "c1", "kind": "contact" })),
            record("l2", &json!({ "id": "l2", "name": "Eva Lund", "phone": "+46", "status": "open" })),
            record("c3", &json!({ "email": "bo@acme.example", "name": MAIL })),
        ],
        events: vec![
            event_row(0, Some("l1"), &json!({ "note": "Eva Lund called" })),
            event_row(1, Some("l3"), &json!({ "note": "Bo called" })),
        ],
        answers: vec![
            answer("k1", &json!([{ "lead": "l1" }, { "lead": "l3" }])),
            answer("k2", &json!({ "contact": { "email": MAIL } })),
            answer("k3", &json!({ "lead": "l3" })),
        ],
        effects: vec![
            effect(0, "l1", "open", &json!({ "to": "Eva Lund" })),
            effect(1, "l1", "done", &json!({ "to": "Eva Lund" })),
            effect(2, "l3", "open", &json!({ "to": "Bo" })),
        ],
        usage: vec![UsageRow {
            tenant: "acme".to_owned(),
            day: "2026-11-26".to_owned(),
            leads: 3,
            decisions: 3,
            fuel: 21,
        }],
        ..Commit::default()
    };
    assert!(matches!(store.commit(commit).await.expect("is written"), Committed::Done { .. }));
    let text = |batch: &str, place: i64, received: &Json, lead: &str| {
        let lead = if lead.is_empty() { "NULL".to_owned() } else { format!("'{lead}'") };
        format!(
            "INSERT INTO batch_leads VALUES ('acme', '{batch}', {place}, '{received}', {lead}, NULL, NULL)"
        )
    };
    let batch = "INSERT INTO batches (tenant, batch, state, made_at, run_at, total) \
                 VALUES ('acme', 'b', 'waiting', 1, 1, 3)";
    for text in [
        batch.to_owned(),
        text("b", 0, &json!({ "contact": { "email": MAIL } }), ""),
        text("b", 1, &json!({ "text": "from l2" }), "l2"),
        text("b", 2, &json!({ "contact": { "email": "bo@acme.example" } }), ""),
    ] {
        sqlx::query(AssertSqlSafe(text)).execute(&store.write).await.expect("is written");
    }
    tenant
}

fn set<T: Ord + Clone>(items: &[T]) -> BTreeSet<T> {
    items.iter().cloned().collect()
}

#[tokio::test]
async fn a_person_is_found_by_address_and_by_lead() {
    for store in stores().await {
        let tenant = fill(&store, 0).await;
        let check = async |who: Who<'_>, expect: Person| {
            let found = store.of(&tenant).find_person(who).await.expect("is read");
            assert_eq!(found, expect, "{who:?}");
        };
        let text = |text: &str| text.to_owned();
        let eva = Person {
            leads: set(&[text("l1"), text("l2"), text("l4")]),
            records: set(&[(text("contact"), text("c1")), (text("contact"), text("l2"))]),
            answers: set(&[text("k1"), text("k2")]),
            batch_leads: set(&[(text("b"), 0), (text("b"), 1)]),
        };
        check(Who::Email(" eva.lund@ACME.example"), eva).await;
        let of_one = Person {
            leads: set(&[text("l2")]),
            records: set(&[(text("contact"), text("l2"))]),
            answers: set(&[]),
            batch_leads: set(&[(text("b"), 1)]),
        };
        check(Who::Lead("l2"), of_one).await;
        check(Who::Email("lund@acme.example"), Person::default()).await;
        check(Who::Email("%"), Person::default()).await;
    }
}

/// Every text and body that a table holds.
async fn contents(store: &Store) -> String {
    let mut all = String::new();
    for (table, columns) in [
        ("leads", "lead || state || COALESCE(kept, '')"),
        ("records", "id || record"),
        ("events", "kind || body"),
        ("effects", "lead || state || body"),
        ("answers", "\"key\" || asked || body"),
        ("batch_leads", "received || COALESCE(refused, '')"),
    ] {
        let text = format!("SELECT {columns} FROM {table} WHERE tenant = 'acme' ORDER BY 1");
        let rows: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(text)).fetch_all(&store.read).await.expect("is read");
        all += &format!("{table}\n  {}\n", rows.join("\n  "));
    }
    let bodies = "SELECT lead, body FROM decisions WHERE tenant = 'acme' ORDER BY lead";
    let bodies: Vec<(String, Option<Vec<u8>>)> =
        sqlx::query_as(bodies).fetch_all(&store.read).await.expect("is read");
    for (lead, body) in bodies {
        all += &format!("{lead} {:?}\n", body.map(|body| decisions::text(&body, &lead).expect("is text")));
    }
    all
}

#[tokio::test]
async fn of_a_person_rows_stay_and_what_they_tell_goes() {
    for store in stores().await {
        let tenant = fill(&store, 0).await;
        let of = store.of(&tenant);
        let eva = of.find_person(Who::Email(MAIL)).await.expect("is read");
        let done = of.erase_person(&eva, "person:dpo", 50).await.expect("is erased");
        assert_eq!(done, Erased::Done { rows: 14 });
        expect_test::expect![[r#"
            leads
              l1{"number":1}
              l2{"number":1}
              l3{"number":1}{"email":"Eva.Lund@acme.example","lead":{"contact":{"email":"bo@acme.example"},"text":"Eva.Lund@acme.example"}}
              l4{"number":1,"stands":{"with":{"record":{"id":"l4","kind":"lead","owner":"ana","status":"won"},"rep":"ana"}}}
            records
              c1{"id":"c1","kind":"contact"}
              c3{"email":"bo@acme.example","name":"Eva.Lund@acme.example"}
              l2{"id":"l2","status":"open"}
            events
              lead.touchednull
              lead.touched{"note":"Bo called"}
              person.erased{"leads":3,"rows":14}
            effects
              l1deadnull
              l1donenull
              l3open{"to":"Bo"}
            answers
              k1null
              k2null
              k3digest{"lead":"l3"}
            batch_leads
              null
              nullerased
              {"contact":{"email":"bo@acme.example"}}
            l1 None
            l2 None
            l3 Some("{\"email\":\"Eva.Lund@acme.example\",\"lead\":{\"contact\":{\"email\":\"bo@acme.example\"},\"text\":\"Eva.Lund@acme.example\"}}")
        "#]]
        .assert_eq(&contents(&store).await);
        let again = of.find_person(Who::Email(MAIL)).await.expect("is read");
        assert_eq!(again, Person::default(), "nothing of them is found any more");
        let refused: i64 = sqlx::query_scalar("SELECT refused FROM batches WHERE tenant = 'acme'")
            .fetch_one(&store.read)
            .await
            .expect("is read");
        assert_eq!(refused, 1, "a batch knows how many of it will not come");
    }
}

#[tokio::test]
async fn who_has_an_open_lead_is_not_erased() {
    for store in stores().await {
        let tenant = fill(&store, 1).await;
        let of = store.of(&tenant);
        let eva = of.find_person(Who::Email(MAIL)).await.expect("is read");
        let before = (contents(&store).await, of.row().await.expect("is read"));
        let open = of.erase_person(&eva, "person:dpo", 50).await.expect("is asked");
        assert_eq!(open, Erased::Open(vec!["l1".to_owned()]));
        assert_eq!((contents(&store).await, of.row().await.expect("is read")), before);
    }
}

#[tokio::test]
async fn nothing_of_a_person_is_left_in_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("a.db").display());
    let store = Store::open(&Options { url, connections: 2 }).await.expect("opens");
    let tenant = acme(&store).await;
    let note = json!({ "contact": { "email": MAIL }, "text": "x".repeat(20_000) });
    let commit = Commit {
        tenant: "acme".to_owned(),
        head: 1,
        at: 5,
        leads: vec![lead("l1", 0, &json!({}), Some(&note))],
        decisions: vec![decision("l1", &note)],
        ..Commit::default()
    };
    store.commit(commit).await.expect("is written");
    let in_files = || {
        let mut files =
            folder.path().read_dir().expect("is read").map(|entry| entry.expect("is read").path());
        files.any(|file| {
            let bytes = std::fs::read(file).expect("is read");
            bytes.windows(MAIL.len()).any(|part| part == MAIL.as_bytes())
        })
    };
    assert!(in_files());
    let eva = store.of(&tenant).find_person(Who::Lead("l1")).await.expect("is read");
    store.of(&tenant).erase_person(&eva, "person:dpo", 50).await.expect("is erased");
    assert!(!in_files());
}

/// Every table that there is.
async fn tables(store: &Store) -> Vec<String> {
    let text = match store.db() {
        Db::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        }
        Db::Postgres => {
            "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        }
    };
    let names: Vec<String> = sqlx::query_scalar(text).fetch_all(&store.read).await.expect("are read");
    names.into_iter().filter(|name| name != "_sqlx_migrations").collect()
}

#[tokio::test]
async fn every_table_goes_with_its_tenant_or_says_why_not() {
    for store in stores().await {
        let mut known: Vec<&str> = DOORS.iter().chain(&ROWS).chain(&[COMMITS]).copied().collect();
        // What it used is billed, and its id is nobody's ever after.
        known.extend(["tenants", "usage", "plugin_usage"]);
        known.sort_unstable();
        assert_eq!(tables(&store).await, known, "a new table has its place in `ROWS`");
    }
}

/// Rows of a tenant in each table that has any.
async fn counts(store: &Store, tenant: &str) -> Vec<(String, i64)> {
    let mut counts = Vec::new();
    for table in tables(store).await {
        let text = format!("SELECT COUNT(*) FROM {table} WHERE tenant = $1");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(text))
            .bind(tenant)
            .fetch_one(&store.read)
            .await
            .expect("is read");
        if count > 0 {
            counts.push((table, count));
        }
    }
    counts
}

#[tokio::test]
async fn of_a_tenant_its_usage_stays() {
    for store in stores().await {
        let tenant = fill(&store, 1).await;
        let neighbour: TenantId = "beta".parse().expect("an id");
        assert!(store.make_tenant(&neighbour, "Beta", 0).await.expect("is made"));
        let key = |tenant: &TenantId| KeyRow {
            tenant: tenant.to_string(),
            key: "k".to_owned(),
            name: String::new(),
            role: "admin".to_owned(),
            rep: None,
            hash: vec![1],
            made_at: 10,
            made_by: "key:o".to_owned(),
            expires_at: None,
            revoked_at: None,
            used_at: None,
        };
        for tenant in [&tenant, &neighbour] {
            store.of(tenant).add_key(&key(tenant)).await.expect("is made");
        }
        let beside = counts(&store, "beta").await;

        store.erase_tenant(&tenant, "key:o", 60).await.expect("is erased");
        assert_eq!(store.of(&tenant).key("k").await.expect("is read"), None, "nobody gets in");
        let gone =
            |result: Result<(), Error>| assert!(matches!(result, Err(Error::NoTenant(_))), "{result:?}");
        gone(store.of(&tenant).row().await.map(drop));
        gone(store.of(&tenant).add_key(&key(&tenant)).await);
        gone(store.erase_tenant(&tenant, "key:o", 61).await);
        gone(store.erase_tenant(&TenantId::operators(), "key:o", 61).await);
        let behind = Commit { tenant: "acme".to_owned(), head: 4, at: 70, ..Commit::default() };
        assert_eq!(store.commit(behind).await.expect("is asked"), Committed::Behind);

        // A few at a time, so that it ends whatever there is.
        let mut steps = 0;
        while let Swept::Rows(gone) = store.sweep_erased(4).await.expect("sweeps") {
            assert!(gone <= 4, "{gone}");
            steps += 1;
        }
        assert!(steps > 4, "{steps}");
        let left = [("tenants".to_owned(), 1), ("usage".to_owned(), 1)];
        assert_eq!(counts(&store, "acme").await, left);
        let name: (String, Option<i64>) =
            sqlx::query_as("SELECT name, erased_at FROM tenants WHERE tenant = 'acme'")
                .fetch_one(&store.read)
                .await
                .expect("is read");
        assert_eq!(name, (String::new(), Some(60)));
        assert_eq!(counts(&store, "beta").await, beside);
        assert!(!store.make_tenant(&tenant, "Acme", 80).await.expect("is asked"), "its id is taken for ever");
        let tenants = store.tenants("", 10).await.expect("are read");
        assert_eq!(tenants.iter().map(|row| row.tenant.as_str()).collect::<Vec<_>>(), ["beta"]);
        let log =
            store.of(&TenantId::operators()).audit(&AuditFilter::default(), None, 10).await.expect("is read");
        let log: Vec<_> = log.iter().map(|row| (row.kind.as_str(), row.body.as_str())).collect();
        assert_eq!(log, [("tenant.erased", r#"{"tenant":"acme"}"#)]);
    }
}
