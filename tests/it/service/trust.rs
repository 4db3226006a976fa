//! Whose plugins run: signed bundles, revocations, and the catalogue that all tenants are offered.

use lanewright::access::Role;
use lanewright::digest::Digest;
use lanewright::lead::TenantId;
use lanewright::oci::{Package, bundle};
use lanewright::plugin::Standard;
use lanewright::trust::{Manifest, SigningKey, Statement};
use serde_json::{Value as Json, json};

use super::harness::{BOTH, Host, On, Service};
use super::plugins::folder;
use crate::guests::guest;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

pub(super) fn manifest(version: &str) -> Manifest {
    let manifest = json!({"publisher": "lanes", "name": "fit", "version": version, "description": "Says where leads belong.",
        "licence": "Apache-2.0", "interface": "0.2.0", "roles": ["classifier"], "asks": {}});
    serde_json::from_value(manifest).expect("a manifest")
}

/// A bundle of the standard classifier under this version, signed by this key.
fn signed(version: &str, signer: u8) -> Vec<u8> {
    let component = Standard::Classifier.component().to_vec();
    let statement = Statement { manifest: manifest(version), digest: Digest::of(&component), cases: None };
    pack(Package {
        manifest: manifest(version),
        component,
        cases: None,
        signed: Some(statement.sign(&key(signer))),
    })
}

pub(super) fn pack(package: Package) -> Vec<u8> {
    bundle::write(&package, Vec::new()).expect("a bundle")
}

pub(super) fn publish(host: &Host, key: &str, version: &str, bundle: &[u8]) -> (u16, Json) {
    host.send("PUT", &format!("/v1/plugins/fit/releases/{version}"), key, "application/x-tar", bundle)
}

fn trusting(signer: u8) -> Json {
    json!({"publishers": {"lanes": {key(signer).public().to_string(): "all"}}})
}

pub(super) fn put(host: &Host, path: &str, key: &str, body: &Json) -> Json {
    let (status, answer) = host.ask("PUT", path, key, Some(body));
    assert_eq!(status, 200, "{body}: {answer:#}");
    answer
}

#[test]
fn only_what_somebody_trusted_signed_is_published() {
    let service = Service::new(On::Sqlite, 1);
    let (_, admin) = service.tenant(folder("").path());
    let host = service.host();
    let check = |name: &str, (status, answer): (u16, Json), expect: u16, text: &str| {
        assert_eq!(status, expect, "{name}: {answer:#}");
        assert!(answer.to_string().contains(text), "{name}: {answer:#}");
    };
    check(
        "nobody is trusted",
        publish(host, &admin, "1.0.0", &signed("1.0.0", 1)),
        422,
        "lanes is none of the publishers",
    );
    put(host, "/v1/trust", &admin, &json!({"trust": trusting(1)}));
    check(
        "by another key",
        publish(host, &admin, "1.0.0", &signed("1.0.0", 2)),
        422,
        "is not trusted for lanes/fit",
    );
    let unsigned = || Package {
        manifest: manifest("1.0.0"),
        component: Standard::Classifier.component().to_vec(),
        cases: None,
        signed: None,
    };
    check("by nobody", publish(host, &admin, "1.0.0", &pack(unsigned())), 422, "nobody signed it");
    let statement = Statement {
        manifest: manifest("1.0.0"),
        digest: Digest::of(Standard::Classifier.component()),
        cases: None,
    };
    let sign = || Some(statement.clone().sign(&key(1)));
    let swapped = Package { component: guest("plain").to_vec(), signed: sign(), ..unsigned() };
    check(
        "for another component",
        publish(host, &admin, "1.0.0", &pack(swapped)),
        422,
        "sign again what was built again",
    );
    let renamed = Package { manifest: manifest("2.0.0"), signed: sign(), ..unsigned() };
    check(
        "for another version",
        publish(host, &admin, "2.0.0", &pack(renamed)),
        422,
        "what is signed is version 1.0.0",
    );
    check(
        "another path",
        publish(host, &admin, "1.0.1", &signed("1.0.0", 1)),
        400,
        "the bundle is version 1.0.0",
    );
    check("no bundle", publish(host, &admin, "1.0.0", b"nothing"), 400, "the body holds no release");

    check("signed", publish(host, &admin, "1.5.0", &signed("1.5.0", 1)), 201, "\"publisher\":\"lanes\"");
    check("the same again", publish(host, &admin, "1.5.0", &signed("1.5.0", 1)), 200, "1.5.0");
    check("an older one", publish(host, &admin, "1.4.0", &signed("1.4.0", 1)), 422, "older than 1.5.0");
    check("a newer one", publish(host, &admin, "1.6.0", &signed("1.6.0", 1)), 201, "1.6.0");

    // Uploads of one's own need no signature unless that is wanted.
    let own = |version: &str| {
        host.send(
            "PUT",
            &format!("/v1/plugins/own/releases/{version}"),
            &admin,
            "application/wasm",
            guest("plain"),
        )
    };
    check("one's own", own("1.0.0"), 201, "\"publisher\":null");
    let strict = json!({"trust": {"own_uploads": "signed"}, "revoked": [{"kind": "component", "digest": Digest::of("x")}]});
    let answer = put(host, "/v1/trust", &admin, &strict);
    assert_eq!(answer["revoked"].as_array().map(Vec::len), Some(1), "{answer:#}");
    check("one's own, unsigned", own("1.1.0"), 422, "nobody signed it");
    // What was revoked stays so.
    let answer = put(host, "/v1/trust", &admin, &json!({"trust": {}}));
    assert_eq!(answer["revoked"].as_array().map(Vec::len), Some(1), "{answer:#}");
    let revoke =
        json!({"trust": {}, "revoked": [{"kind": "component", "digest": Digest::of(guest("plain"))}]});
    put(host, "/v1/trust", &admin, &revoke);
    check("one's own, revoked", own("1.1.0"), 422, "it was revoked");
}

#[test]
fn what_is_revoked_is_withdrawn_at_once() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let (tenant, admin) = service.tenant(folder("").path());
        let operator = service.key(&TenantId::operators(), Role::Operator, None);
        let host = service.host();
        put(host, "/v1/trust", &admin, &json!({"trust": trusting(1)}));
        for version in ["1.0.0", "1.1.0", "1.2.0"] {
            let (status, answer) = publish(host, &admin, version, &signed(version, 1));
            assert_eq!(status, 201, "{answer:#}");
        }
        service.publish(&tenant, folder("[plugins.classifier]\nplugin = \"fit\"\n").path());
        let step = |step: &str, version: &str| {
            host.ask("POST", &format!("/v1/plugins/fit/{step}"), &admin, Some(&json!({"version": version})))
        };
        for version in ["1.0.0", "1.1.0"] {
            assert_eq!(step("activate", version).0, 200);
        }
        let stands = || {
            let (_, plugin) = host.ask("GET", "/v1/plugins/fit", &admin, None);
            (plugin["active"].clone(), plugin["good"].clone())
        };
        assert_eq!(stands(), (json!("1.1.0"), json!("1.0.0")));
        let lead = |host: &Host, id: &str| {
            let lead = json!({"id": id, "text": "A quote, please", "contact": {"email": format!("jo@{id}.example")}});
            host.lead(&admin, &lead);
            let (_, decision) = host.ask("GET", &format!("/v1/leads/{id}/decisions/1"), &admin, None);
            decision["trace"]["versions"]["releases"]["classifier"]["version"].clone()
        };
        assert_eq!(lead(&service.hosts[1], "one"), "1.1.0");

        // The tenant revokes a range: the release before it decides again.
        let range = json!({"trust": trusting(1),
            "revoked": [{"kind": "versions", "plugin": "lanes/fit", "from": "1.1.0", "before": "1.2.0"}]});
        put(host, "/v1/trust", &admin, &range);
        assert_eq!(stands(), (json!("1.0.0"), json!(null)));
        assert_eq!(lead(&service.hosts[1], "two"), "1.0.0", "every host knows");
        let (status, answer) = step("activate", "1.1.0");
        assert_eq!((status, &answer["code"]), (422, &json!("not-trusted")), "{answer:#}");

        // Whoever runs the service revokes a key for everybody: nothing is left, and the standard plugin decides.
        let key = json!({"trust": {}, "revoked": [{"kind": "key", "key": key(1).public()}]});
        put(host, "/v1/catalogue-trust", &operator, &key);
        assert_eq!(stands(), (json!(null), json!(null)));
        assert_eq!(lead(&service.hosts[1], "three"), json!(null));
        let (status, answer) = publish(host, &admin, "1.3.0", &signed("1.3.0", 1));
        assert_eq!((status, &answer["code"]), (422, &json!("not-trusted")), "{answer:#}");
        let (_, log) = host.ask("GET", "/v1/audit?kind=plugin.withdrawn", &admin, None);
        assert_eq!(log["items"].as_array().map(Vec::len), Some(2), "{log:#}");
    }
}

#[test]
fn a_plugin_of_the_catalogue_is_installed_and_earns_its_card() {
    let service = Service::new(On::Sqlite, 1);
    let (tenant, admin) = service.tenant(folder("").path());
    let operator = service.key(&TenantId::operators(), Role::Operator, None);
    let host = service.host();
    let offer = |version: &str| {
        host.send("POST", "/v1/catalogue", &operator, "application/x-tar", &signed(version, 1))
    };
    assert_eq!(offer("1.0.0").0, 422, "nobody's plugins are taken yet");
    put(host, "/v1/catalogue-trust", &operator, &json!({"trust": trusting(1)}));
    for version in ["1.0.0", "1.1.0"] {
        let (status, answer) = offer(version);
        assert_eq!(status, 201, "{answer:#}");
    }
    let (status, answer) =
        host.send("POST", "/v1/catalogue", &admin, "application/x-tar", b"refused before it is read");
    assert_eq!(status, 403, "{answer:#}");
    let list = || {
        let (status, list) = host.ask("GET", "/v1/catalogue", &admin, None);
        assert_eq!(status, 200, "{list:#}");
        list["items"].clone()
    };
    let items = list();
    assert_eq!(items.as_array().map(Vec::len), Some(1), "{items:#}");
    let item = &items[0];
    assert_eq!(
        (&item["release"]["plugin"], &item["release"]["version"]),
        (&json!("lanes/fit"), &json!("1.1.0"))
    );
    assert_eq!(item["card"], json!(null), "nobody has run it");
    let (_, all) = host.ask("GET", "/v1/catalogue/lanes/fit", &admin, None);
    assert_eq!(all["items"].as_array().map(Vec::len), Some(2), "{all:#}");

    let install = |body: Json| host.ask("POST", "/v1/plugins/lanes/install", &admin, Some(&body));
    let (status, answer) = install(json!({"catalogue": "lanes/fit"}));
    assert_eq!(
        (status, &answer["code"]),
        (422, &json!("not-trusted")),
        "the tenant has its own say: {answer:#}"
    );
    put(host, "/v1/trust", &admin, &json!({"trust": trusting(1)}));
    let (status, answer) = install(json!({"catalogue": "lanes/fit"}));
    assert_eq!((status, &answer["source"]), (201, &json!("catalogue")), "{answer:#}");
    let (status, answer) = install(json!({"catalogue": "lanes/other"}));
    assert_eq!(status, 404, "{answer:#}");
    let (status, answer) = install(json!({}));
    assert_eq!(status, 400, "{answer:#}");

    service.publish(&tenant, folder("[plugins.classifier]\nplugin = \"lanes\"\n").path());
    let body = json!({"version": "1.1.0"});
    let (status, answer) = host.ask("POST", "/v1/plugins/lanes/activate", &admin, Some(&body));
    assert_eq!(status, 200, "{answer:#}");
    for number in 0..3 {
        host.lead(&admin, &json!({"id": format!("lead-{number}"), "text": "A quote, please"}));
    }
    service.step();
    let card = &list()[0]["card"];
    assert_eq!((&card["calls"], &card["failed"]), (&json!(3), &json!(0)), "{card:#}");
    assert!(card["fuel"]["p99"].as_u64().is_some_and(|fuel| fuel > 10_000), "{card:#}");
}
