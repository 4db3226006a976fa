//! Versions in the database, each test on every database there is.

use serde_json::{Value as Json, json};

use super::super::{
    By, Checked, Edit, EditedFiles, Edits, Error, Files, IDLE, Limits, Lock, Refusal, Seen, Start, State,
    Version, approve, check, discard, draft, edit, file, listing, read, refuse, roll_back, schedule, version,
    versions,
};
use super::{content, example, folder, path};
use crate::lead::TenantId;
use crate::store::testing::{acme, stores};
use crate::store::{Commit, Committed, PublicationRow, Store, TenantStore};

const ANA: By<'_> = By { actor: "ana", at: 1_000 };
const BEN: By<'_> = By { actor: "ben", at: 2_000 };

fn some(edits: &[(&str, Option<&str>)]) -> Edit {
    let edits: Edits = edits.iter().map(|(at, text)| (path(at), text.map(content))).collect();
    Edit { note: None, files: EditedFiles::Some(edits) }
}

fn checked(files: &Files) -> Checked {
    check(files, |_| Ok(())).unwrap()
}

/// As the tenant's line does it.
async fn publish(store: &Store, tenant: &TenantStore<'_>, number: i64, at: i64) {
    let row = tenant.row().await.unwrap();
    let commit = Commit {
        tenant: row.tenant,
        head: row.head + 1,
        at,
        arrivals: row.arrivals,
        version: Some(number),
        ..Commit::default()
    };
    assert!(matches!(store.commit(commit).await.unwrap(), Committed::Done { .. }));
}

async fn audit(tenant: &TenantStore<'_>) -> Vec<(String, String, Json)> {
    let events = tenant.events_after((0, 0), 100).await.unwrap();
    let all = events.into_iter();
    all.map(|event| (event.kind, event.actor, serde_json::from_str(&event.body).unwrap())).collect()
}

async fn states(tenant: &TenantStore<'_>) -> Vec<(i64, State)> {
    let all = versions(tenant, None, 100).await.unwrap();
    all.into_iter().map(|version| (version.version, version.state)).collect()
}

#[tokio::test]
async fn a_version_goes_from_draft_to_publication_and_back() {
    for store in stores().await {
        let acme = acme(&store).await;
        let tenant = store.of(&acme);
        let files = folder(&[("tenant.toml", "1"), ("reps.csv", "id\n")]);
        let first = draft(&tenant, ANA, Start::Files(files.clone()), "first".to_owned()).await.unwrap();
        assert_eq!(first, Version::draft(1, None, "first".to_owned(), files.digest(), ANA));
        let first = approve(&tenant, BEN, 1, Seen::default(), &checked(&files), true).await.unwrap();
        assert_eq!(read(&tenant, 1).await.unwrap(), (first, files.clone()));
        publish(&store, &tenant, 1, 3_000).await;

        let second = draft(&tenant, ANA, Start::From(1), String::new()).await.unwrap();
        let seen = Seen { revision: Some(second.revision), take_over: false };
        edit(&tenant, ANA, 2, seen, some(&[("tenant.toml", Some("2"))]), &Limits::default()).await.unwrap();
        let (_, changed) = read(&tenant, 2).await.unwrap();
        assert_eq!(changed, folder(&[("tenant.toml", "2"), ("reps.csv", "id\n")]));
        publish(&store, &tenant, 2, 4_000).await;
        assert_eq!(states(&tenant).await, [(2, State::Published), (1, State::Replaced)]);
        assert_eq!(tenant.row().await.unwrap().version, Some(2));

        let third = roll_back(&tenant, BEN, 1).await.unwrap();
        assert_eq!((third.version, third.base, third.state), (3, Some(1), State::Approved));
        publish(&store, &tenant, 3, 5_000).await;
        let states = states(&tenant).await;
        assert_eq!(states, [(3, State::Published), (2, State::Replaced), (1, State::Replaced)]);
        let (third, again) = read(&tenant, 3).await.unwrap();
        assert_eq!((third.published_at, &again), (Some(5_000), &files));

        // Every version is kept, to the byte.
        assert_eq!(read(&tenant, 1).await.unwrap().1, files);
        assert_eq!(read(&tenant, 2).await.unwrap().1, changed);
        let event = |kind: &str, actor: &str, body| (kind.to_owned(), actor.to_owned(), body);
        let edited = json!({"version": 2, "revision": 2, "files": ["tenant.toml"], "taken_over_from": null});
        assert_eq!(
            audit(&tenant).await,
            [
                event("configuration.drafted", "ana", json!({"version": 1, "base": null})),
                event("configuration.approved", "ben", json!({"version": 1, "digest": files.digest()})),
                event("configuration.drafted", "ana", json!({"version": 2, "base": 1})),
                event("configuration.edited", "ana", edited),
                event("configuration.drafted", "ben", json!({"version": 3, "base": 1, "rolled_back": true})),
            ],
        );
        store.close().await;
    }
}

#[tokio::test]
async fn an_edit_changes_what_it_names() {
    for store in stores().await {
        let acme = acme(&store).await;
        let tenant = store.of(&acme);
        draft(&tenant, ANA, Start::Empty, String::new()).await.unwrap();
        let limits = Limits { files: 3, file: 10, total: 20 };
        let mut revision = 1;
        let mut check = async |what: Edit, expect: Result<&[(&str, &str)], &str>| {
            let seen = Seen { revision: Some(revision), take_over: false };
            let result = edit(&tenant, ANA, 1, seen, what, &limits).await;
            let (version, files) = read(&tenant, 1).await.unwrap();
            match (result, expect) {
                (Ok(edited), Ok(expect)) => {
                    assert_eq!((&edited, files), (&version, folder(expect)));
                    assert_eq!(edited.revision, revision + 1);
                }
                (Err(error), Err(expect)) => {
                    assert_eq!((error.to_string().as_str(), version.revision), (expect, revision));
                }
                (result, expect) => panic!("{result:?} instead of {expect:?}"),
            }
            revision = version.revision;
        };
        check(some(&[("a", Some("1")), ("b", Some("2"))]), Ok(&[("a", "1"), ("b", "2")])).await;
        check(some(&[("a", None), ("c", Some("3"))]), Ok(&[("b", "2"), ("c", "3")])).await;
        // A file makes room for a folder of its name.
        check(some(&[("b", None), ("b/c", Some("2"))]), Ok(&[("b/c", "2"), ("c", "3")])).await;
        check(some(&[("b", Some(""))]), Err("b is a file, and files are below it; rename one")).await;
        check(some(&[("a", None)]), Err("version 1 has no file a")).await;
        check(some(&[("a", Some("12345678901"))]), Err("a has more than 10 bytes")).await;
        let all = |texts| Edit { note: Some("new".to_owned()), files: EditedFiles::All(folder(texts)) };
        check(all(&[("c", "3"), ("d", "4")]), Ok(&[("c", "3"), ("d", "4")])).await;
        check(
            Edit { note: Some("newer".to_owned()), files: EditedFiles::None },
            Ok(&[("c", "3"), ("d", "4")]),
        )
        .await;
        assert_eq!(version(&tenant, 1).await.unwrap().note, "newer");

        let (_, listed) = listing(&tenant, 1).await.unwrap();
        assert_eq!(listed, folder(&[("c", "3"), ("d", "4")]).listed());
        let digest = |text| content(text).digest();
        let list =
            json!({"c": {"bytes": 1, "digest": digest("3")}, "d": {"bytes": 1, "digest": digest("4")}});
        assert_eq!(json!(listed), list);
        let (_, found) = file(&tenant, 1, &path("d")).await.unwrap();
        assert_eq!(found, content("4"));
        assert_eq!(file(&tenant, 1, &path("e")).await.unwrap_err().to_string(), "version 1 has no file e");
        assert_eq!(file(&tenant, 2, &path("d")).await.unwrap_err().to_string(), "there is no version 2");
        store.close().await;
    }
}

#[tokio::test]
async fn contents_are_kept_once_and_as_long_as_a_version_has_them() {
    for store in stores().await {
        let acme = acme(&store).await;
        let tenant = store.of(&acme);
        let same = folder(&[("a", "1"), ("b", "1"), ("c", "2")]);
        draft(&tenant, ANA, Start::Files(same.clone()), String::new()).await.unwrap();
        draft(&tenant, ANA, Start::Files(same.clone()), String::new()).await.unwrap();
        let go = some(&[("a", None), ("b", Some("3")), ("c", None)]);
        edit(&tenant, ANA, 2, Seen::default(), go, &Limits::default()).await.unwrap();
        assert_eq!(read(&tenant, 1).await.unwrap().1, same, "another version's files are its own");
        let go = some(&[("a", None), ("b", None)]);
        edit(&tenant, ANA, 1, Seen::default(), go, &Limits::default()).await.unwrap();
        assert_eq!(read(&tenant, 1).await.unwrap().1, folder(&[("c", "2")]));
        assert_eq!(read(&tenant, 2).await.unwrap().1, folder(&[("b", "3")]));
        assert_eq!(tenant.contents().await.unwrap(), 2, "nobody has `1` any more");

        // Another tenant sees nothing of it.
        let other: TenantId = "other".parse().unwrap();
        store.make_tenant(&other, "Other", 0).await.unwrap();
        assert_eq!(versions(&store.of(&other), None, 10).await.unwrap(), []);
        assert!(matches!(read(&store.of(&other), 1).await, Err(Error::NoVersion(1))));
        store.close().await;
    }
}

#[tokio::test]
async fn who_is_not_first_is_told() {
    for store in stores().await {
        let acme = acme(&store).await;
        let tenant = store.of(&acme);
        draft(&tenant, ANA, Start::Empty, String::new()).await.unwrap();
        let head = tenant.row().await.unwrap().head;
        let check = async |result: Result<Version, Error>, expect: Refusal| {
            let Err(Error::Refused(refusal)) = result else { panic!("{result:?}") };
            assert_eq!(refusal, expect);
            assert_eq!(tenant.row().await.unwrap().head, head, "nothing was changed");
        };
        let locked = Refusal::Locked(Lock { by: "ana".to_owned(), until: 1_000 + IDLE });
        let one = || some(&[("a", Some("1"))]);
        let limits = Limits::default();
        check(edit(&tenant, BEN, 1, Seen::default(), one(), &limits).await, locked.clone()).await;
        check(discard(&tenant, BEN, 1, Seen::default()).await, locked).await;
        let stale = Seen { revision: Some(0), take_over: false };
        let changed = Refusal::Changed { revision: 1 };
        check(edit(&tenant, ANA, 1, stale, one(), &limits).await, changed.clone()).await;
        check(approve(&tenant, BEN, 1, stale, &checked(&folder(&[])), true).await, changed).await;
        let own = Refusal::OwnWork { by: "ana".to_owned() };
        check(approve(&tenant, ANA, 1, Seen::default(), &checked(&folder(&[])), true).await, own).await;

        let seen = Seen { revision: Some(1), take_over: true };
        let taken = edit(&tenant, BEN, 1, seen, one(), &limits).await.unwrap();
        assert_eq!(
            (taken.edited.by.as_str(), taken.authors),
            ("ben", vec!["ana".to_owned(), "ben".to_owned()])
        );
        let (_, _, body) = audit(&tenant).await.pop().unwrap();
        assert_eq!(body["taken_over_from"], "ana");
        store.close().await;
    }
}

#[tokio::test]
async fn what_is_scheduled_becomes_due() {
    for store in stores().await {
        let acme = acme(&store).await;
        let tenant = store.of(&acme);
        let files = folder(&[("a", "1")]);
        for at in [7_000, 6_000, 9_000] {
            let made = draft(&tenant, ANA, Start::Files(files.clone()), String::new()).await.unwrap();
            schedule(&tenant, ANA, made.version, Seen::default(), &checked(&files), false, at).await.unwrap();
        }
        let due = async |now, most| store.publications_due(now, most).await.unwrap();
        let row = |version, publish_at| PublicationRow { tenant: "acme".to_owned(), version, publish_at };
        assert_eq!(due(5_999, 10).await, []);
        assert_eq!(due(8_000, 10).await, [row(2, 6_000), row(1, 7_000)]);
        assert_eq!(due(9_000, 2).await, [row(2, 6_000), row(1, 7_000)]);
        publish(&store, &tenant, 2, 6_000).await;
        let clock = By { actor: "clock", at: 7_000 };
        refuse(&tenant, clock, 1, json!([{"file": "a"}])).await.unwrap();
        discard(&tenant, ANA, 3, Seen::default()).await.unwrap();
        assert_eq!(due(i64::MAX, 10).await, []);
        assert_eq!(states(&tenant).await, [(3, State::Discarded), (2, State::Published), (1, State::Draft)]);
        let newest = versions(&tenant, Some(3), 1).await.unwrap();
        assert_eq!(newest.iter().map(|version| version.version).collect::<Vec<_>>(), [2]);
        store.close().await;
    }
}

#[tokio::test]
async fn examples_come_out_of_the_store_as_they_went_in() {
    for store in stores().await {
        let acme = acme(&store).await;
        let tenant = store.of(&acme);
        for name in ["northwind", "harbour"] {
            let files = example(name);
            let tar = files.to_tar(Vec::new()).unwrap();
            let imported = Files::from_tar(tar.as_slice(), &Limits::default()).unwrap();
            let made = draft(&tenant, ANA, Start::Files(imported), name.to_owned()).await.unwrap();
            let (_, found) = read(&tenant, made.version).await.unwrap();
            assert_eq!(found, files);
            assert_eq!(found.to_tar(Vec::new()).unwrap(), tar);
        }
        // More than one statement takes, and a content that goes alone.
        let mut large = Files::default();
        for n in 0..1_100 {
            large
                .add(path(&format!("calendars/{n}.ics")), content(&n.to_string()), &Limits::default())
                .unwrap();
        }
        large.add(path("a.csv"), content(&"x".repeat(3 << 20)), &Limits::default()).unwrap();
        let made = draft(&tenant, ANA, Start::Files(large.clone()), String::new()).await.unwrap();
        assert_eq!(read(&tenant, made.version).await.unwrap().1, large);
        let none = Edit { note: None, files: EditedFiles::All(Files::default()) };
        edit(&tenant, ANA, made.version, Seen::default(), none, &Limits::default()).await.unwrap();
        assert!(read(&tenant, made.version).await.unwrap().1.is_empty());
        store.close().await;
    }
}
