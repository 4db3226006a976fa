use serde_json::Value as Json;

use super::*;
use crate::store::testing::{acme, stores};

struct Nobody;

impl FetchJson for Nobody {
    fn fetch_json(&self, url: &str) -> Result<Json, String> {
        panic!("{url} is asked");
    }
}

const MINUTE: i64 = 60_000;

fn at(millisecond: i64) -> Timestamp {
    Timestamp::from_millisecond(millisecond).expect("a moment")
}

fn ingest() -> NewKey {
    NewKey { name: "web form".to_owned(), role: Role::Ingest, rep: None, expires_at: Some(at(20 * MINUTE)) }
}

async fn ask(access: &Access, header: Option<&str>, tenant: Option<&TenantId>, now: i64) -> String {
    match access.authenticate(header, tenant, at(now)).await {
        Ok(scope) => format!("{} of {}", scope.role(), scope.tenant()),
        Err(refused) => format!("{refused:?}"),
    }
}

#[tokio::test]
async fn a_key_lets_in_whom_it_was_made_for() {
    for store in stores().await {
        let tenant = acme(&store).await;
        let access = Access::new(store.clone(), Arc::new(Nobody));
        let (key, row) =
            key::make(store.of(&tenant), &tenant, &ingest(), "key:o", at(0)).await.expect("is made");
        let stored = store.of(&tenant).key(key.id()).await.expect("is read").expect("is there");
        assert_eq!(stored, row);
        assert!(!format!("{stored:?}").contains(key.reveal()), "the secret is nowhere");
        let text = key.reveal();
        let other: TenantId = "beta".parse().expect("an id");
        let check = async |header: Option<&str>, tenant: Option<&TenantId>, expect: &str| {
            assert_eq!(ask(&access, header, tenant, 1).await, expect, "{header:?} {tenant:?}");
        };
        check(None, None, "Missing").await;
        check(Some(&format!("Bearer {text}")), None, "ingest of acme").await;
        check(Some(&format!("bearer  {text} ")), Some(&tenant), "ingest of acme").await;
        check(Some(&format!("Bearer {text}")), Some(&other), "WrongTenant").await;
        for header in ["", "Bearer", "Bearer ", text, "Basic YTpi", "Bearer lw_", "Bearer abc"] {
            check(Some(header), None, "Malformed").await;
        }
        let swapped = |from: &str, to: &str| format!("Bearer {}", text.replacen(from, to, 1));
        check(Some(&swapped("acme", "beta")), None, "Unknown").await;
        check(Some(&swapped("acme", "*")), None, "Unknown").await;
        check(Some(&swapped("acme", "acm%65")), None, "Unknown").await;
        check(Some(&swapped(key.id(), "aaaaaaaaaaaa")), None, "Unknown").await;
        let (front, secret) = text.split_at(text.len() - 32);
        let turned: String = secret.chars().rev().collect();
        check(Some(&format!("Bearer {front}{turned}")), None, "Unknown").await;
    }
}

#[tokio::test]
async fn principals_say_who_they_are() {
    let store = stores().await.remove(0);
    let tenant = acme(&store).await;
    let operators = TenantId::operators();
    let access = Access::new(store.clone(), Arc::new(Nobody));
    let ana: RepId = "ana".parse().expect("an id");
    let check = async |tenant: &TenantId, role: Role, rep: Option<&RepId>, expect: Result<(), &str>| {
        let new = NewKey { name: String::new(), role, rep: rep.cloned(), expires_at: None };
        let made = key::make(store.of(tenant), tenant, &new, "key:o", at(0)).await;
        match (made, expect) {
            (Ok((key, _)), Ok(())) => {
                let header = format!("Bearer {}", key.reveal());
                let scope = access.authenticate(Some(&header), None, at(1)).await.expect("is let in");
                let expect = Principal {
                    tenant: tenant.clone(),
                    role,
                    actor: format!("key:{}", key.id()),
                    rep: rep.cloned().map(Seller::Id),
                };
                assert_eq!(*scope.principal(), expect);
                for right in Right::ALL {
                    assert_eq!(scope.may(right).is_ok(), role.may(right), "{role} {right:?}");
                }
            }
            (Err(error), Err(expect)) => assert_eq!(error.to_string(), expect),
            (made, expect) => panic!("{role}: {made:?}, not {expect:?}"),
        }
    };
    for role in [Role::Ingest, Role::Author, Role::Manager, Role::Admin] {
        check(&tenant, role, None, Ok(())).await;
        check(&tenant, role, Some(&ana), Err("a key names a rep if, and only if, its role is rep")).await;
        check(&operators, role, None, Err(&format!("no key of * can have the role {role}"))).await;
    }
    check(&tenant, Role::Rep, Some(&ana), Ok(())).await;
    check(&tenant, Role::Rep, None, Err("a key names a rep if, and only if, its role is rep")).await;
    check(&operators, Role::Operator, None, Ok(())).await;
    check(&tenant, Role::Operator, None, Err("no key of acme can have the role operator")).await;
    // One that somebody wrote past all of this.
    let (key, mut row) =
        key::make(store.of(&tenant), &tenant, &ingest(), "key:o", at(0)).await.expect("is made");
    row.role = "operator".to_owned();
    let (forged, _) = (Key::draw(&tenant).expect("is drawn"), key);
    (row.key, row.hash) = (forged.id().to_owned(), forged.hash().to_vec());
    store.of(&tenant).add_key(&row).await.expect("is written");
    assert_eq!(ask(&access, Some(&format!("Bearer {}", forged.reveal())), None, 1).await, "Unknown");
}

#[tokio::test]
async fn keys_end_and_are_revoked_everywhere_in_time() {
    for store in stores().await {
        let tenant = acme(&store).await;
        // Two hosts over one database.
        let [here, there] = [(); 2].map(|()| Access::new(store.clone(), Arc::new(Nobody)));
        let (key, _) =
            key::make(store.of(&tenant), &tenant, &ingest(), "key:o", at(0)).await.expect("is made");
        let header = format!("Bearer {}", key.reveal());
        let check = async |access: &Access, now: i64, expect: &str| {
            assert_eq!(ask(access, Some(&header), None, now).await, expect, "{now}");
        };
        check(&here, 20 * MINUTE - 1, "ingest of acme").await;
        check(&here, 20 * MINUTE, "Expired").await;
        check(&here, MINUTE, "ingest of acme").await;
        check(&there, MINUTE, "ingest of acme").await;
        assert!(store.of(&tenant).revoke_key(key.id(), "key:o", MINUTE).await.expect("is revoked"));
        here.forget(&tenant, key.id());
        check(&here, MINUTE + 1, "Revoked").await;
        let remembered = i64::try_from(REMEMBERED.as_millis()).expect("is short");
        check(&there, MINUTE + remembered - 1, "ingest of acme").await;
        check(&there, MINUTE + remembered, "Revoked").await;
        // A clock that goes back remembers nothing.
        check(&there, MINUTE, "Revoked").await;
    }
}

#[tokio::test]
async fn an_old_key_holds_while_the_new_one_is_handed_out() {
    for store in stores().await {
        let tenant = acme(&store).await;
        let of = store.of(&tenant);
        let access = Access::new(store.clone(), Arc::new(Nobody));
        let (old, _) = key::make(of, &tenant, &ingest(), "key:o", at(0)).await.expect("is made");
        let rotate = async |old: &str, until: i64, ends: Option<i64>, now: i64| {
            key::rotate(of, &tenant, old, (at(until), ends.map(at)), "key:o", at(now)).await
        };
        let (new, row) = rotate(old.id(), 5 * MINUTE, None, MINUTE).await.expect("is made");
        assert_eq!((row.name.as_str(), row.role.as_str(), row.expires_at), ("web form", "ingest", None));
        let check = async |key: &Key, now: i64, expect: &str| {
            let header = format!("Bearer {}", key.reveal());
            assert_eq!(ask(&access, Some(&header), None, now).await, expect, "{key:?} {now}");
        };
        check(&old, 5 * MINUTE - 1, "ingest of acme").await;
        check(&new, 5 * MINUTE - 1, "ingest of acme").await;
        check(&old, 5 * MINUTE, "Expired").await;
        check(&new, 90 * MINUTE, "ingest of acme").await;
        let refuse = async |old: &str, ends: Option<i64>, expect: &str| {
            let error = rotate(old, 9 * MINUTE, ends, 6 * MINUTE).await.expect_err("is refused");
            assert_eq!(error.to_string(), expect);
        };
        refuse(old.id(), None, &format!("there is no key {} that still holds", old.id())).await;
        refuse("none", None, "there is no key none that still holds").await;
        refuse(new.id(), Some(MINUTE), "the key would have expired already").await;
        assert_eq!(of.keys("", 10).await.expect("are read").len(), 2, "nothing was made");
    }
}

#[tokio::test]
async fn uses_are_noted_once_a_minute() {
    let store = stores().await.remove(0);
    let tenant = acme(&store).await;
    let access = Access::new(store.clone(), Arc::new(Nobody));
    let (key, _) = key::make(store.of(&tenant), &tenant, &ingest(), "key:o", at(0)).await.expect("is made");
    let header = format!("Bearer {}", key.reveal());
    let check = async |now: i64, written: usize, used_at: Option<i64>| {
        ask(&access, Some(&header), None, now).await;
        assert_eq!(access.write_uses().await.expect("is written"), written, "{now}");
        let row = store.of(&tenant).key(key.id()).await.expect("is read").expect("is there");
        assert_eq!(row.used_at, used_at, "{now}");
    };
    check(1_000, 1, Some(1_000)).await;
    check(2_000, 0, Some(1_000)).await;
    check(1_000 + MINUTE - 1, 0, Some(1_000)).await;
    check(1_000 + MINUTE, 1, Some(1_000 + MINUTE)).await;
    // What is refused is no use.
    check(30 * MINUTE, 0, Some(1_000 + MINUTE)).await;
}

#[test]
fn what_is_wrong_with_a_credential_is_not_told() {
    let (role, right) = (Role::Rep, Right::Manage);
    let provider = || Refused::Provider { issuer: String::new(), why: String::new() };
    for (refused, seen) in [
        (Refused::Missing, Seen::Unauthenticated),
        (Refused::Malformed, Seen::Unauthenticated),
        (Refused::Unknown, Seen::Unauthenticated),
        (Refused::Expired, Seen::Unauthenticated),
        (Refused::Revoked, Seen::Unauthenticated),
        (Refused::WrongTenant, Seen::Unauthenticated),
        (Refused::NoRole, Seen::Forbidden),
        (Refused::NotAllowed { role, right }, Seen::Forbidden),
        (provider(), Seen::Unavailable),
        (Refused::Store(StoreError::NoTenant(TenantId::operators())), Seen::Unavailable),
    ] {
        assert_eq!(refused.seen(), seen, "{refused:?}");
    }
}
