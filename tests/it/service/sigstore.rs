//! Plugins that are signed with Sigstore: where the program was built with that, as where keys sign; where it was not,
//! an answer that says so.

use lanewright::digest::Digest;
use lanewright::oci::Package;
use lanewright::plugin::Standard;
use lanewright::trust::{Identity, Signed, Statement};
use serde_json::{Value as Json, json};

use super::harness::{Host, On, Service};
use super::plugins::folder;
use super::publishing::program;
use super::trust::{manifest, pack, publish, put};

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const WORKFLOW: &str = "https://github.com/lanes/fit/.github/workflows/release.yml@refs/tags/";

/// The workflow for a tag, or with `*` for many.
fn identity(tag: &str) -> Identity {
    format!("sigstore:{GITHUB} {WORKFLOW}{tag}").parse().expect("an identity")
}

fn trusting(tag: &str) -> Json {
    json!({"publishers": {"lanes": {identity(tag).to_string(): "all"}}})
}

fn statement(version: &str) -> Statement {
    let digest = Digest::of(Standard::Classifier.component());
    Statement { manifest: manifest(version), digest, cases: None }
}

fn packed(version: &str, signed: Signed) -> Vec<u8> {
    let component = Standard::Classifier.component().to_vec();
    pack(Package { manifest: manifest(version), component, cases: None, signed: Some(signed) })
}

/// A statement that carries a bundle of which nothing is known.
fn unread(version: &str) -> Signed {
    let by_key = statement(version).sign(&lanewright::trust::SigningKey::from_seed(&[1; 32]));
    let mut envelope = serde_json::to_value(by_key).expect("JSON");
    envelope.as_object_mut().expect("an object").remove("signatures");
    envelope["sigstore"] = json!({"identity": identity("v1.0.0"), "bundle": "e30="});
    serde_json::from_value(envelope).expect("an envelope")
}

/// A verb of `plugin` at the command line, and what it says.
fn says(host: &Host, key: &str, arguments: &[&str], code: i32, part: &str) {
    let out = program(host, key, arguments);
    let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(said.contains(part), "{arguments:?}: {part}: {said}");
}

#[cfg(not(feature = "sigstore"))]
#[test]
fn a_service_without_sigstore_says_so() {
    let service = Service::new(On::Sqlite, 1);
    let (_, admin) = service.tenant(folder("").path());
    let host = service.host();
    let check = |(status, answer): (u16, Json)| {
        assert_eq!((status, &answer["code"]), (422, &json!("not-trusted")), "{answer:#}");
        assert!(answer.to_string().contains("built without Sigstore"), "{answer:#}");
    };
    check(host.ask("PUT", "/v1/trust", &admin, Some(&json!({"trust": trusting("*")}))));
    check(publish(host, &admin, "1.0.0", &packed("1.0.0", unread("1.0.0"))));
    // What is revoked is no risk to anybody.
    let revoked = json!([{"kind": "identity", "identity": identity("*")}]);
    let answer = put(host, "/v1/trust", &admin, &json!({"trust": {}, "revoked": revoked}));
    assert_eq!(answer["revoked"], revoked);

    let (one, many) = (identity("v1.0.0").to_string(), identity("*").to_string());
    let accept = ["trust", "accept", "lanes", "--identity", &many];
    says(host, &admin, &accept, 3, "built without Sigstore");
    says(host, &admin, &["trust", "revoke", "identity", &one], 0, &one);

    let here = tempfile::tempdir().expect("a folder");
    let file = |name: &str| here.path().join(name).display().to_string();
    std::fs::write(file("root.json"), "{}").expect("written");
    let tar = file("x.tar");
    let args = ["plugin", "verify", &tar, "--identity", &many];
    std::fs::write(&tar, packed("1.0.0", unread("1.0.0"))).expect("written");
    let said = |args: &[&str]| {
        let out = crate::harness::lanewright(args);
        String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
    };
    assert!(said(&args).contains("built without Sigstore"));
    let root = file("root.json");
    let with_root = [&args[..], &["--sigstore-root", &root]].concat();
    assert!(said(&with_root).contains("built without Sigstore"));
}

#[cfg(feature = "sigstore-forge")]
mod forged {
    use lanewright::access::Role;
    use lanewright::lead::TenantId;
    use lanewright_sigstore::forge::{Forge, Wish};

    use super::*;
    use crate::harness::lanewright;

    /// Signed by the workflow of a version's tag, at the command line: the statement is written, a bundle about it made
    /// and put to the release, which is packed.
    fn signed(version: &str, provenance: bool) -> Vec<u8> {
        let here = tempfile::tempdir().expect("a folder");
        let file = |name: &str| here.path().join(name).display().to_string();
        let run = |args: &[&str]| {
            let out = lanewright(&[&["plugin"], args].concat());
            let said =
                String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
            assert_eq!(out.status.code(), Some(0), "{args:?}: {said}");
            said
        };
        let component = file("fit.wasm");
        std::fs::write(&component, Standard::Classifier.component()).expect("written");
        std::fs::write(file("plugin.toml"), toml::to_string(&manifest(version)).expect("TOML"))
            .expect("written");
        let told = run(&["statement", &component]);
        assert!(told.contains("fit.wasm.statement"), "{told}");
        let written = std::fs::read(file("fit.wasm.statement")).expect("a statement");
        assert_eq!(written, statement(version).payload());
        let forge = Forge::new(1);
        let wish = Wish::of(GITHUB, &format!("{WORKFLOW}v{version}"));
        let wish = if provenance { wish.provenance() } else { wish };
        let bundle = file("bundle");
        std::fs::write(&bundle, forge.bundle(*Digest::of(&written).bytes(), &wish)).expect("written");
        std::fs::write(file("root"), forge.root()).expect("written");
        let root = file("root");
        let root = ["--sigstore-root", &root];
        let told = run(&[&["sign", &component, "--sigstore", &bundle], &root[..]].concat());
        assert!(told.contains(&format!("signed by {}", identity(&format!("v{version}")))), "{told}");
        run(&["bundle", &component]);
        let trusted = identity("*").to_string();
        let packed = file("fit.tar");
        let verify = [&["verify", &packed, "--identity", &trusted], &root[..]].concat();
        assert!(run(&verify).contains("signed by sigstore:"));
        std::fs::read(&packed).expect("a bundle")
    }

    #[test]
    fn what_an_identity_signed_is_published_offered_and_revoked() {
        let here = tempfile::tempdir().expect("a folder");
        let root = here.path().join("trusted_root.json");
        std::fs::write(&root, Forge::new(1).root()).expect("written");
        let settings = [("sigstore_root", root.to_str().expect("UTF-8"))];
        let service = Service::with(On::Sqlite, 1, &settings);
        let (tenant, admin) = service.tenant(folder("").path());
        let operator = service.key(&TenantId::operators(), Role::Operator, None);
        let host = service.host();
        let check = |name: &str, (status, answer): (u16, Json), expect: u16, text: &str| {
            assert_eq!(status, expect, "{name}: {answer:#}");
            assert!(answer.to_string().contains(text), "{name}: {answer:#}");
        };
        let first = signed("1.0.0", false);
        check("nobody", publish(host, &admin, "1.0.0", &first), 422, "lanes is none of the publishers");
        put(host, "/v1/trust", &admin, &json!({"trust": trusting("v2.*")}));
        check("another tag", publish(host, &admin, "1.0.0", &first), 422, "is not trusted for lanes/fit");
        let (two, one) = (identity("v2.*").to_string(), identity("v*").to_string());
        says(host, &admin, &["trust", "accept", "lanes", "--identity", &one], 0, &one);
        says(host, &admin, &["trust", "withdraw", "lanes", "--identity", &two], 0, &one);
        says(host, &admin, &["trust", "withdraw", "lanes", "--identity", &two], 3, "lanes has no sigstore:");
        says(host, &admin, &["trust", "accept", "lanes"], 2, "--identity");
        let forged = packed("1.0.0", unread("1.0.0"));
        check("an empty bundle", publish(host, &admin, "1.0.0", &forged), 422, "does not show that");
        check("signed", publish(host, &admin, "1.0.0", &first), 201, "\"publisher\":\"lanes\"");
        let second = signed("1.1.0", true);
        check("a provenance", publish(host, &admin, "1.1.0", &second), 201, "1.1.0");
        check(
            "an older one",
            publish(host, &admin, "0.9.0", &signed("0.9.0", false)),
            422,
            "older than 1.1.0",
        );

        // The catalogue has its own trust; a tenant who trusts the identity as well may install.
        let offer = || host.send("POST", "/v1/catalogue", &operator, "application/x-tar", &second);
        check("not in the catalogue", offer(), 422, "none of the publishers");
        put(host, "/v1/catalogue-trust", &operator, &json!({"trust": trusting("v1.*")}));
        check("in the catalogue", offer(), 201, "lanes/fit");
        let install = json!({"catalogue": "lanes/fit"});
        let installed = host.ask("POST", "/v1/plugins/offered/install", &admin, Some(&install));
        check("installed", installed, 201, "catalogue");

        // Whoever runs the service revokes the identity: what answers is withdrawn.
        service.publish(&tenant, folder("[plugins.classifier]\nplugin = \"fit\"\n").path());
        let activate =
            || host.ask("POST", "/v1/plugins/fit/activate", &admin, Some(&json!({"version": "1.1.0"})));
        check("in force", activate(), 200, "1.1.0");
        let revoked = identity("v1.1.0").to_string();
        says(host, &operator, &["trust", "revoke", "identity", &revoked, "--everybody"], 0, &revoked);
        let (_, plugin) = host.ask("GET", "/v1/plugins/fit", &admin, None);
        assert_eq!(plugin["active"], json!(null), "{plugin:#}");
        check("not again", activate(), 422, "it was revoked");
        let (_, log) = host.ask("GET", "/v1/audit?kind=plugin.withdrawn", &admin, None);
        assert_eq!(log["items"].as_array().map(Vec::len), Some(1), "{log:#}");
        let (_, log) = host.ask("GET", "/v1/audit?kind=plugin.published", &admin, None);
        assert!(log.to_string().contains(&identity("v1.0.0").to_string()), "{log:#}");
    }
}
