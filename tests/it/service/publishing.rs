//! What a service does when a release is published, beside compiling it: it plays the author's cases, compares what is
//! asked with what is granted, and later sends the secrets that were.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use lanewright::access::Role;
use lanewright::digest::Digest;
use lanewright::lead::TenantId;
use lanewright::oci::{Cases, Package, bundle};
use lanewright::plugin::Standard;
use lanewright::trust::{Manifest, SigningKey, Statement};
use lanewright::versions::{Content, Files, Limits};
use serde_json::{Value as Json, json};

use super::harness::{BOTH, Host, On, Service};
use super::plugins::folder;
use crate::guests::guest;
use crate::harness;

fn manifest(version: &str, roles: &[&str], asks: &Json) -> Manifest {
    let manifest = json!({"publisher": "lanes", "name": "fit", "version": version, "description": "Says where leads belong.",
        "licence": "Apache-2.0", "interface": "0.2.0", "roles": roles, "asks": asks});
    serde_json::from_value(manifest).expect("a manifest")
}

/// A classifier with its cases.
fn package(version: &str, component: &[u8], cases: Option<Cases>) -> Package {
    let mut manifest = manifest(version, &["classifier"], &json!({}));
    if component == guest("plain") {
        manifest.interface = "0.1.0".parse().expect("a version");
    }
    Package { manifest, component: component.to_vec(), cases, signed: None }
}

/// Cases by name, played at the tenant of every test here.
fn cases(cases: &[(&str, &str)], also: &[(&str, &str)]) -> Cases {
    let folder = folder("");
    let mut files = Files::default();
    let mut add = |path: &str, bytes: Vec<u8>| {
        files.put(path.parse().expect("a path"), Content::from(bytes), &Limits::default()).expect("room");
    };
    for name in ["tenant.toml", "teams.toml", "reps.csv"] {
        add(&format!("tenant/{name}"), std::fs::read(folder.path().join(name)).expect("a file"));
    }
    for (name, text) in cases {
        add(&format!("cases/{name}.json"), text.as_bytes().to_vec());
    }
    for (path, text) in also {
        add(path, text.as_bytes().to_vec());
    }
    Cases::read(files.to_tar(Vec::new()).expect("an archive")).expect("cases")
}

const HELP: &str = r#"{"lead": {"id": "1", "text": "My export does not work, please help."},
    "expect": {"classifier": {"lane": "help"}}}"#;
const SALES: &str = r#"{"lead": {"id": "2", "text": "Could we have a quote and a demo of the large plan?"},
    "expect": {"classifier": {"lane": "sales"}}}"#;

fn publish(host: &Host, key: &str, package: &Package) -> (u16, Json) {
    let path = format!("/v1/plugins/fit/releases/{}", package.manifest.version);
    let bundle = bundle::write(package, Vec::new()).expect("a bundle");
    host.send("PUT", &path, key, "application/x-tar", &bundle)
}

fn sign(package: Package, seed: u8) -> Package {
    let (manifest, digest) = (package.manifest.clone(), Digest::of(&package.component));
    let statement = Statement { manifest, digest, cases: package.cases.as_ref().map(Cases::digest) };
    Package { signed: Some(statement.sign(&SigningKey::from_seed(&[seed; 32]))), ..package }
}

#[test]
fn a_release_passes_its_authors_cases_or_is_none() {
    let service = Service::new(On::Sqlite, 1);
    let (_, key) = service.tenant(folder("").path());
    let host = service.host();
    let standard = Standard::Classifier.component();
    let check = |package: &Package, expect: &[&str]| {
        let (status, answer) = publish(host, &key, package);
        assert_eq!((status, &answer["code"]), (422, &json!("plugin-refused")), "{answer:#}");
        let errors = answer["errors"].as_array().expect("errors");
        assert_eq!(errors.len(), expect.len(), "{answer:#}");
        for (error, part) in errors.iter().zip(expect) {
            assert_eq!(error["at"], "cases", "{error:#}");
            assert!(
                error["message"].as_str().is_some_and(|message| message.contains(part)),
                "{part}: {error:#}"
            );
            assert!(error["hint"].is_string(), "{error:#}");
        }
        assert!(!answer.to_string().contains("/tmp"), "nobody needs to know where it lay: {answer:#}");
    };
    let wrong = r#"{"lead": {"id": "3", "text": "My export does not work, please help."},
        "expect": {"classifier": {"lane": "sales", "confidence": "none"}}}"#;
    check(
        &package("1.0.0", standard, Some(cases(&[("help", HELP), ("wrong", wrong)], &[]))),
        &[r#"case wrong: classifier/confidence: expected "none", got "#],
    );
    // The plain guest says `sales` to everybody.
    check(
        &package("1.0.0", guest("plain"), Some(cases(&[("help", HELP), ("sales", SALES)], &[]))),
        &[r#"case help: classifier/lane: expected "help", got "sales""#],
    );
    check(
        &package("1.0.0", standard, Some(cases(&[("help", "{")], &[]))),
        &["cases/help.json holds no case"],
    );
    check(&package("1.0.0", standard, Some(cases(&[("help", r#"{"lead": {}}"#)], &[]))), &["case help: "]);
    check(
        &package("1.0.0", standard, Some(cases(&[("help", HELP)], &[("settings.json", r#"{"hihg": 1}"#)]))),
        &["case help: component.wasm: the classifier refuses its settings"],
    );
    check(
        &package("1.0.0", standard, Some(cases(&[("help", HELP)], &[("tenant/reps.csv", "id,name\n")]))),
        &["case help: reps.csv"],
    );
    let own = "[plugins.scorer]\ncomponent = \"own.wasm\"\n";
    let toml = std::fs::read_to_string(folder(own).path().join("tenant.toml")).expect("a file");
    let also = [("tenant/tenant.toml", toml.as_str()), ("tenant/own.wasm", "\0asm")];
    check(
        &package("1.0.0", standard, Some(cases(&[("help", HELP)], &also))),
        &["a plugin of its own (scorer)"],
    );

    let good = package("1.0.0", standard, Some(cases(&[("help", HELP), ("sales", SALES)], &[])));
    let (status, release) = publish(host, &key, &good);
    assert_eq!(status, 201, "{release:#}");
    let played = &release["cases"];
    assert_eq!((&played["passed"], &played["total"]), (&json!(2), &json!(2)), "{release:#}");
    assert!(played["fuel"]["p50"].as_u64().is_some_and(|fuel| fuel > 10_000), "{release:#}");
    assert!(played["fuel"]["p50"].as_u64() <= played["fuel"]["p99"].as_u64(), "{release:#}");
    assert!(played["memory"].as_u64().is_some_and(|bytes| bytes >= 64 << 10), "{release:#}");
    let (_, again) = host.ask("GET", "/v1/plugins/fit/releases/1.0.0", &key, None);
    assert_eq!((&again["cases"], &again["report"]["cases"]), (played, &json!(null)), "{again:#}");
    let (status, alone) = publish(host, &key, &package("1.1.0", standard, None));
    assert_eq!((status, &alone["cases"]), (201, &json!(null)), "{alone:#}");
}

#[test]
fn cases_hold_no_host() {
    let service = Service::new(On::Sqlite, 1);
    let (_, key) = service.tenant(folder("").path());
    let host = service.host();
    let check = |component: &[u8], cases: Cases, expect: &str| {
        let (status, answer) = publish(host, &key, &package("1.0.0", component, Some(cases)));
        assert_eq!(status, 422, "{answer:#}");
        assert_eq!(answer["errors"].as_array().map(Vec::len), Some(1), "{answer:#}");
        assert!(answer["errors"][0]["message"].as_str().is_some_and(|it| it.contains(expect)), "{answer:#}");
        // Others are served.
        host.lead(
            &key,
            &json!({"id": format!("after-{}", Digest::of(expect).hex()), "text": "A quote, please"}),
        );
    };
    // Each may use a call's fuel, and all of them together may not.
    let names: Vec<String> = (0..150).map(|number| format!("{number:03}")).collect();
    let endless: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), SALES)).collect();
    check(guest("loops_forever"), cases(&endless, &[]), "of 150 cases took");
    let own: Vec<String> = (0..9)
        .map(|n| {
            format!(r#"{{"lead": {{"id": "{n}", "text": "Hello"}}, "settings": {{"products": ["p{n}"]}}}}"#)
        })
        .collect();
    let own: Vec<(&str, &str)> =
        names.iter().zip(&own).map(|(name, case)| (name.as_str(), case.as_str())).collect();
    check(Standard::Classifier.component(), cases(&own, &[]), "case 008: more than 8 different settings");
}

#[test]
fn cases_are_signed_travel_with_the_catalogue_and_are_on_its_card() {
    let service = Service::new(On::Sqlite, 1);
    let (_, admin) = service.tenant(folder("").path());
    let operator = service.key(&TenantId::operators(), Role::Operator, None);
    let host = service.host();
    let trusting = json!({"trust": {"publishers": {"lanes": {SigningKey::from_seed(&[1; 32]).public().to_string(): "all"}}}});
    for (path, key) in [("/v1/trust", &admin), ("/v1/catalogue-trust", &operator)] {
        assert_eq!(host.ask("PUT", path, key, Some(&trusting)).0, 200);
    }
    let component = Standard::Classifier.component();
    let (one, other) = (cases(&[("help", HELP)], &[]), cases(&[("sales", SALES)], &[]));
    let signed = sign(package("1.0.0", component, Some(one.clone())), 1);
    for swapped in [None, Some(other)] {
        let (status, answer) = publish(host, &admin, &Package { cases: swapped, ..signed.clone() });
        assert_eq!((status, &answer["code"]), (422, &json!("not-trusted")), "{answer:#}");
        assert!(answer.to_string().contains("its cases are not those that were signed"), "{answer:#}");
    }
    let bundle = bundle::write(&signed, Vec::new()).expect("a bundle");
    let (status, answer) = host.send("POST", "/v1/catalogue", &operator, "application/x-tar", &bundle);
    assert_eq!(status, 201, "{answer:#}");
    let (_, list) = host.ask("GET", "/v1/catalogue", &admin, None);
    let card = &list["items"][0]["release"]["cases"];
    assert_eq!((&card["passed"], &card["total"]), (&json!(1), &json!(1)), "{list:#}");
    assert_eq!(card["digest"], json!(one.digest()), "{list:#}");
    let body = json!({"catalogue": "lanes/fit"});
    let (status, installed) = host.ask("POST", "/v1/plugins/lanes/install", &admin, Some(&body));
    assert_eq!((status, &installed["cases"]["total"]), (201, &json!(1)), "{installed:#}");
}

fn enricher(version: &str, asks: &Json) -> Package {
    let crate_of = harness::root().join("examples/firmographics/plugin/Cargo.toml");
    let manifest = manifest(version, &["enricher"], asks);
    Package { manifest, component: harness::component(&crate_of), cases: None, signed: None }
}

#[test]
fn what_is_asked_is_compared_with_what_is_granted() {
    let service = Service::new(On::Sqlite, 1);
    let (tenant, key) = service.tenant(folder("").path());
    let host = service.host();
    let asks =
        json!({"origins": ["https://directory.example"], "fields": ["size"], "secrets": ["directory"]});
    let (status, release) = publish(host, &key, &enricher("1.0.0", &asks));
    assert_eq!(status, 201, "it is published all the same: {release:#}");
    let told = |grants: &Json, list: &str| {
        let list = grants[list].as_array().expect("a list").iter();
        list.map(|it| {
            format!("{} {}", it["kind"].as_str().expect("a kind"), it["name"].as_str().expect("a name"))
        })
        .collect::<Vec<_>>()
    };
    let all = ["host https://directory.example", "field size", "secret directory"];
    assert_eq!(
        (&release["grants"][0]["place"], told(&release["grants"][0], "missing")),
        (&json!(null), all.map(str::to_owned).to_vec())
    );

    let step = |step: &str| {
        host.ask("POST", &format!("/v1/plugins/fit/{step}"), &key, Some(&json!({"version": "1.0.0"})))
    };
    let place = |grants: &str| {
        format!(
            "[[plugins.enrichers]]\nname = \"firmo\"\nplugin = \"fit\"\n{grants}\n\
             settings = {{ origin = \"https://directory.example\" }}\n"
        )
    };
    // An enricher that may ask nobody it wants to ask can do nothing; what else it lacks it goes without.
    service.publish(&tenant, folder(&place("hosts = [\"https://other.example\"]")).path());
    let (status, answer) = step("activate");
    assert_eq!((status, &answer["code"]), (409, &json!("conflict")), "{answer:#}");
    assert!(answer.to_string().contains("granted none of the hosts that it asks"), "{answer:#}");

    let granted = "hosts = [\"https://directory.example\", \"https://other.example\"]\nfields = [\"budget\"]";
    service.publish(&tenant, folder(&place(granted)).path());
    let (status, plugin) = step("activate");
    assert_eq!(status, 200, "{plugin:#}");
    let (_, release) = host.ask("GET", "/v1/plugins/fit/releases/1.0.0", &key, None);
    for of in [&plugin, &release] {
        let grants = &of["grants"][0];
        assert_eq!(grants["place"], "enricher:firmo", "{of:#}");
        assert_eq!(told(grants, "missing"), ["secret directory", "field size"], "{of:#}");
        assert_eq!(told(grants, "unasked"), ["host https://other.example", "field budget"], "{of:#}");
        assert!(
            grants["missing"][1]["hint"].as_str().is_some_and(|hint| hint.contains("tenant.toml:")),
            "{of:#}"
        );
    }
    // Nobody but an enricher can be granted a host.
    let manifest = manifest("2.0.0", &["classifier"], &asks);
    let never = Package { manifest, ..package("2.0.0", Standard::Classifier.component(), None) };
    let (status, answer) = publish(host, &key, &never);
    assert_eq!((status, &answer["errors"][0]["at"]), (422, &json!("interface")), "{answer:#}");
}

/// A directory that tells everybody what it was asked with.
fn indiscreet() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let lines = BufReader::new(stream.try_clone().expect("a stream")).lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let shown = head.iter().find(|line| line.to_lowercase().starts_with("authorization:"));
            let shown = shown.cloned().unwrap_or_default();
            hears.lock().expect("no panic").push(shown.clone());
            let body = json!({"employees": 4200, "industry": shown}).to_string();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    (origin, heard)
}

#[test]
fn a_secret_goes_to_its_host_and_is_seen_nowhere_else() {
    for on in BOTH {
        let (origin, heard) = indiscreet();
        let vault = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let service = Service::with(on, 1, &[("secrets.key", vault), ("allow_private_hosts", "true")]);
        let (tenant, key) = service.tenant(folder("").path());
        let host = service.host();
        assert_eq!(publish(host, &key, &enricher("1.0.0", &json!({}))).0, 201);
        let place = |secrets: &str| {
            format!(
                "[[plugins.enrichers]]\nname = \"firmo\"\nplugin = \"fit\"\nhosts = [\"{origin}\"]\n{secrets}\n\
                 settings = {{ origin = \"{origin}\", authorization = \"Bearer {{{{secret:directory}}}}\" }}\n"
            )
        };
        service.publish(&tenant, folder(&place(&format!("secrets = {{ directory = \"{origin}\" }}"))).path());
        let body = json!({"version": "1.0.0"});
        assert_eq!(host.ask("POST", "/v1/plugins/fit/activate", &key, Some(&body)).0, 200);
        let exchange = |id: &str| {
            let lead = json!({"id": id, "text": "A quote, please", "contact": {"email": format!("jo@{id}.example")}});
            host.lead(&key, &lead);
            let (_, decision) = host.ask("GET", &format!("/v1/leads/{id}/decisions/1"), &key, None);
            assert!(!decision.to_string().contains("s3cr3t"), "{decision:#}");
            let (_, again) = host.ask("POST", &format!("/v1/leads/{id}/decisions/1/replay"), &key, None);
            assert_eq!(again["same"], json!(true), "{again:#}");
            decision["trace"]["enrich"][0].clone()
        };
        let refused = |id: &str, part: &str| {
            let enrich = exchange(id);
            let why = enrich["exchanges"][0]["refused"].as_str().unwrap_or_default();
            assert!(why.contains(part), "{enrich:#}");
        };
        refused("unset", "there is no secret directory");
        for (id, value) in [("first", "s3cr3t-one"), ("second", "s3cr3t-two")] {
            let body = json!({ "value": value });
            assert_eq!(host.ask("PUT", "/v1/secrets/directory", &key, Some(&body)).0, 204);
            let enrich = exchange(id);
            // A lead whose commit came second is decided again, and asked about again.
            let said = std::mem::take(&mut *heard.lock().expect("no panic"));
            let expect = format!("authorization: bearer {value}");
            assert!(!said.is_empty() && said.iter().all(|line| line.to_lowercase() == expect), "{said:?}");
            let industry = enrich["added"]["firmo_industry"].to_string();
            assert!(
                industry.contains("{{secret:directory}}"),
                "what comes back has the name again: {enrich:#}"
            );
        }
        service.publish(&tenant, folder(&place("")).path());
        refused("ungranted", "not granted to this enricher");
        assert_eq!(*heard.lock().expect("no panic"), [""; 0], "and nobody was asked");
        let (_, log) = host.ask("GET", "/v1/audit?limit=100", &key, None);
        assert!(!log.to_string().contains("s3cr3t"), "{log:#}");
    }
}

/// The tenant's revocation, and everybody's, come in the very moment of the step: either it is refused, or it is
/// withdrawn again.
#[test]
fn a_release_that_is_revoked_while_it_is_put_in_force_is_not_in_force() {
    for on in BOTH {
        let service = Service::new(on, 2);
        let (tenant, key) = service.tenant(folder("").path());
        let operator = service.key(&TenantId::operators(), Role::Operator, None);
        let host = service.host();
        assert_eq!(publish(host, &key, &package("1.0.0", Standard::Classifier.component(), None)).0, 201);
        service.publish(&tenant, folder("[plugins.classifier]\nplugin = \"fit\"\n").path());
        for (round, version) in ["2.0.0", "3.0.0", "4.0.0", "5.0.0"].into_iter().enumerate() {
            let (status, answer) = publish(host, &key, &package(version, guest("plain"), None));
            assert_eq!(status, 201, "{answer:#}");
            let revoked = json!([{"kind": "versions", "plugin": "lanes/fit", "from": version, "before": version.replace(".0.0", ".0.1")}]);
            let revoked = json!({"trust": {}, "revoked": revoked});
            std::thread::scope(|scope| {
                let (path, who) = match round % 2 {
                    0 => ("/v1/trust", &key),
                    _ => ("/v1/catalogue-trust", &operator),
                };
                let (other, revoked) = (&service.hosts[1], &revoked);
                scope.spawn(move || {
                    let (status, answer) = other.ask("PUT", path, who, Some(revoked));
                    assert_eq!(status, 200, "{answer:#}");
                });
                let body = json!({ "version": version });
                let (status, answer) = host.ask("POST", "/v1/plugins/fit/activate", &key, Some(&body));
                assert!(status == 200 || answer["code"] == "not-trusted", "{answer:#}");
            });
            let (_, plugin) = host.ask("GET", "/v1/plugins/fit", &key, None);
            assert_ne!(plugin["active"], json!(version), "{plugin:#}");
            assert_ne!(plugin["good"], json!(version), "{plugin:#}");
        }
    }
}

/// The program, asking this host with this key.
pub(super) fn program(host: &Host, key: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(harness::program());
    command.args(["plugin"]).args(arguments).env("LANEWRIGHT_URL", &host.url).env("LANEWRIGHT_API_KEY", key);
    command.output().expect("the program starts")
}

#[test]
fn trust_and_the_catalogue_have_verbs() {
    let service = Service::new(On::Sqlite, 1);
    let (_, admin) = service.tenant(folder("").path());
    let operator = service.key(&TenantId::operators(), Role::Operator, None);
    let host = service.host();
    let run = |key: &str, arguments: &[&str], code: i32, parts: &[&str]| {
        let out = program(host, key, arguments);
        let said = [out.stdout, out.stderr].map(|text| String::from_utf8(text).expect("UTF-8")).concat();
        assert_eq!(out.status.code(), Some(code), "{arguments:?}: {said}");
        for part in parts {
            assert!(said.contains(part), "{arguments:?}: {part}: {said}");
        }
        said
    };
    let public = SigningKey::from_seed(&[1; 32]).public().to_string();
    let accept = ["trust", "accept", "lanes", "--key", public.as_str()];
    run(&admin, &["trust", "list"], 0, &["own uploads need no signature", "publisher"]);
    run(&admin, &[&accept[..], &["--only", "other"]].concat(), 0, &[public.as_str(), "other"]);
    let said = run(&admin, &accept, 0, &["all plugins"]);
    assert!(!said.contains("other"), "{said}");
    run(&admin, &["trust", "own-uploads", "signed"], 0, &["own uploads have to be signed", "all plugins"]);
    run(&operator, &[&accept[..], &["--everybody"]].concat(), 0, &["all plugins"]);
    run(&admin, &[&accept[..], &["--everybody"]].concat(), 3, &["(Operate)"]);

    let files = tempfile::tempdir().expect("a folder");
    let file = |name: &str, package: &Package| {
        let path = files.path().join(name);
        std::fs::write(&path, bundle::write(package, Vec::new()).expect("a bundle")).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let one =
        sign(package("1.0.0", Standard::Classifier.component(), Some(cases(&[("help", HELP)], &[]))), 1);
    let offered = file("fit.tar", &one);
    run(&operator, &["offer", &offered], 0, &["lanes/fit 1.0.0", "1 of 1 passed"]);
    run(&admin, &["catalogue"], 0, &["lanes/fit", "1.0.0", "1/1", "Says where leads belong."]);
    run(
        &admin,
        &["catalogue", "lanes/fit"],
        0,
        &["cases      1/1 passed, fuel p50 ", "roles      classifier", "runs       -"],
    );
    run(&admin, &["catalogue", "lanes/none"], 3, &["lanes/none"]);
    run(&admin, &["install", "fit", "--catalogue", "lanes/fit"], 0, &["fit 1.0.0", "1 of 1 passed"]);
    // Asks as they are granted are told on standard error.
    let asks = json!({"origins": ["https://directory.example"]});
    let manifest = manifest("1.0.0", &["enricher"], &asks);
    let enricher = sign(Package { manifest, ..enricher("1.0.0", &asks) }, 1);
    let enricher = file("enricher.tar", &enricher);
    let told = "asks and is not granted the host https://directory.example";
    run(
        &admin,
        &["publish", &enricher, "--plugin", "firmo"],
        0,
        &["firmo 1.0.0", told, "hint: where tenant.toml"],
    );

    let digest = Digest::of("x").to_string();
    run(
        &admin,
        &["trust", "revoke", "component", &digest],
        0,
        &[digest.as_str(), "all plugins", "be signed"],
    );
    let range = ["trust", "revoke", "versions", "lanes/fit", "--from", "1.0.0", "--before", "1.0.1"];
    run(&admin, &range, 0, &["from 1.0.0, before 1.0.1", digest.as_str()]);
    run(&operator, &["trust", "revoke", "key", &public, "--everybody"], 0, &["key", public.as_str()]);
    run(
        &admin,
        &["trust", "withdraw", "lanes", "--key", &SigningKey::from_seed(&[2; 32]).public().to_string()],
        3,
        &["lanes has no ed25519:"],
    );
    let said = run(&admin, &["trust", "withdraw", "lanes"], 0, &["from 1.0.0, before 1.0.1"]);
    assert!(!said.contains(public.as_str()), "{said}");
    run(&admin, &["trust", "withdraw", "lanes"], 3, &["none of the publishers"]);
}
