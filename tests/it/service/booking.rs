//! From an inquiry to a meeting: one rep is never in two meetings, whichever hosts visitors come to.

use std::collections::BTreeSet;

use lanewright::access::Role;
use serde_json::{Value as Json, json};

use super::harness::{BOTH, On, Service};
use crate::harness::root;

/// Three who qualify and two who close, all at work from 9 to 12, in UTC.
pub(crate) fn folder() -> tempfile::TempDir {
    let folder = crate::harness::tenant(&root().join("tests/scenarios/handover/tenant"));
    let routers = r#"
        [[routers]]
        id = "demo"
        kind = "form-first"
        minutes = 60
        horizon_days = 1
        fallback = "ae"

        [[routers]]
        id = "pick"
        kind = "calendar-first"
        team = "sdr"
        minutes = 60
        horizon_days = 1
        fallback = "ae"

        [[routers]]
        id = "relay"
        kind = "relay"
        minutes = 60
        horizon_days = 1
    "#;
    let path = folder.path().join("tenant.toml");
    let toml = std::fs::read_to_string(&path).expect("text");
    std::fs::write(path, format!("{toml}\n{routers}\n")).expect("written");
    let hours = "[[schedules]]\nid = \"office\"\nhours = { weekdays = [\"09:00-12:00\"] }\n[defaults]\nschedule = \"office\"\n";
    std::fs::write(folder.path().join("hours.toml"), hours).expect("written");
    folder
}

fn lead(id: &str) -> Json {
    json!({
        "id": id, "source": "web-form", "text": "Could you send a quote for 35 users on the team plan, paid yearly?",
        "contact": {"email": format!("{id}@gmail.com")},
    })
}

fn beginnings(offered: &Json) -> Vec<&str> {
    let times = offered["times"].as_array().expect("times");
    times.iter().map(|time| time["from"].as_str().expect("a time")).collect()
}

const TEN: &str = "2026-03-02T10:00:00Z";
const ELEVEN: &str = "2026-03-02T11:00:00Z";
const TOMORROW: &str = "2026-03-03T09:00:00Z";

#[test]
fn a_form_is_answered_with_times_of_whoever_has_the_lead() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let (_, key) = service.tenant(folder().path());
        let (status, routed) =
            service.host().ask("POST", "/v1/routers/demo/leads", &key, Some(&json!({"lead": lead("one")})));
        assert_eq!((status, &routed["decision"]["outcome"]["kind"]), (201, &json!("assigned")), "{routed:#}");
        assert_eq!(beginnings(&routed), [TEN, ELEVEN, TOMORROW], "{routed:#}");
        let rep = &routed["decision"]["outcome"]["rep"];

        let wish = json!({"router": "demo", "from": TEN});
        for host in &service.hosts {
            // Said twice it is done once.
            let (status, meeting) = host.ask("POST", "/v1/leads/one/meeting", &key, Some(&wish));
            let expect = json!({"lead": "one", "rep": rep, "from": TEN, "to": ELEVEN});
            assert_eq!((status, meeting), (200, expect), "{on:?}");
        }
        // Who has nothing left within the horizon is stood in for, and whoever meets the contact has the lead.
        let away = format!("/v1/reps/{}/away", rep.as_str().expect("an id"));
        assert_eq!(service.host().ask("POST", &away, &key, None).0, 200);
        let (_, offered) =
            service.hosts[1].ask("POST", "/v1/routers/demo/times", &key, Some(&json!({"lead": "one"})));
        assert_eq!((&offered["fallback"], &offered["meeting"]["rep"]), (&json!(true), rep), "{offered:#}");
        let wish = json!({"router": "demo", "from": ELEVEN});
        let (status, meeting) = service.hosts[1].ask("POST", "/v1/leads/one/meeting", &key, Some(&wish));
        assert_eq!(status, 200, "{meeting}");
        let (_, stands) = service.host().ask("GET", "/v1/leads/one", &key, None);
        assert_eq!((&stands["team"], &stands["rep"]), (&json!("ae"), &meeting["rep"]), "{stands:#}");
        assert_eq!(service.host().ask("DELETE", "/v1/leads/one/meeting", &key, None).0, 204);
        assert_eq!(service.hosts[1].ask("DELETE", "/v1/leads/one/meeting", &key, None).0, 409);
    }
}

#[test]
fn nobody_is_in_two_meetings() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let (_, key) = service.tenant(folder().path());
        let visit = |host: usize, id: &str| {
            let body = json!({"lead": lead(id), "at": ELEVEN});
            service.hosts[host].ask("POST", "/v1/routers/pick/leads", &key, Some(&body))
        };
        // Six visitors want the same hour of five people.
        let answers: Vec<(u16, Json)> = std::thread::scope(|scope| {
            let visits: Vec<_> = (0..2)
                .map(|host| {
                    let visit = &visit;
                    scope.spawn(move || {
                        (0..3).map(|number| visit(host, &format!("v{host}{number}"))).collect::<Vec<_>>()
                    })
                })
                .collect();
            visits.into_iter().flat_map(|visit| visit.join().expect("answers")).collect()
        });
        let (booked, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|(status, _)| *status == 201);
        assert_eq!((booked.len(), refused.len()), (5, 1), "{on:?} {answers:#?}");
        let reps: BTreeSet<&str> =
            booked.iter().map(|(_, routed)| routed["meeting"]["rep"].as_str().expect("a rep")).collect();
        assert_eq!(reps, BTreeSet::from(["sam", "tom", "uma", "ana", "ben"]), "{on:?}");
        for (_, routed) in &booked {
            assert_eq!(routed["decision"]["outcome"]["rep"], routed["meeting"]["rep"], "{routed:#}");
            // Who was not free counted as absent, and does again.
            let lead = routed["decision"]["lead"].as_str().expect("an id");
            let again = format!("/v1/leads/{lead}/decisions/1/replay");
            let (status, replayed) = service.host().ask("POST", &again, &key, None);
            assert_eq!((status, &replayed["same"]), (200, &json!(true)), "{replayed:#}");
        }
        let (status, taken) = refused[0];
        assert_eq!((*status, &taken["code"]), (409, &json!("conflict")), "{taken:#}");
        assert_eq!(beginnings(taken), [TEN, TOMORROW], "{taken:#}");

        let off = booked[0].1["meeting"].clone();
        let path = format!("/v1/leads/{}/meeting", off["lead"].as_str().expect("an id"));
        assert_eq!(service.host().ask("DELETE", &path, &key, None).0, 204);
        let (status, routed) = visit(1, "late");
        assert_eq!((status, &routed["meeting"]["rep"]), (201, &off["rep"]), "{routed:#}");
    }
}

#[test]
fn who_qualifies_hands_over_and_books_for_who_closes() {
    let service = Service::new(On::Sqlite, 2);
    let (tenant, key) = service.tenant(folder().path());
    let decided = service.host().lead(&key, &lead("deal"));
    let rep = decided["outcome"]["rep"].as_str().expect("a rep");
    let own = service.key(&tenant, Role::Rep, Some(rep));
    let anothers = service.key(&tenant, Role::Rep, Some("ana"));
    let ask = |host: usize, key: &str, value: i64| {
        let body = json!({"lead": "deal", "value": value});
        service.hosts[host].ask("POST", "/v1/routers/relay/handover", key, Some(&body))
    };
    assert_eq!(ask(0, &anothers, 90_000).0, 404);
    // Too small for a closer: nothing changes.
    assert_eq!(ask(0, &own, 100).0, 409);
    let (status, routed) = ask(1, &own, 90_000);
    let outcome = &routed["decision"]["outcome"];
    assert_eq!((status, &outcome["team"]), (200, &json!("ae")), "{routed:#}");
    assert_eq!(beginnings(&routed), [TEN, ELEVEN, TOMORROW], "{routed:#}");
    let wish = json!({"router": "relay", "from": ELEVEN});
    let (status, meeting) = service.host().ask("POST", "/v1/leads/deal/meeting", &own, Some(&wish));
    assert_eq!((status, &meeting["rep"]), (200, &outcome["rep"]), "{meeting:#}");
    let (status, _) = service.host().ask("POST", "/v1/leads/deal/meeting", &anothers, Some(&wish));
    assert_eq!(status, if outcome["rep"] == "ana" { 200 } else { 404 });
    let (status, replayed) = service.host().ask("POST", "/v1/leads/deal/decisions/2/replay", &key, None);
    assert_eq!((status, &replayed["same"]), (200, &json!(true)), "{replayed:#}");
}
