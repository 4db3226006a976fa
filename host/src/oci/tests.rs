//! What a hostile registry can do, and what a damaged bundle.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::artifact::{Documents, IMAGE_MANIFEST, PackageError};
use super::*;
use crate::fetch::{Fetcher, Reach, Unanswered};
use crate::trust::{SigningKey, Statement};
use crate::versions::{Content, Files, Limits as FileLimits};

const LIMITS: Limits = Limits { component: 64 << 10, time: Duration::from_secs(60) };

fn package(component: &[u8]) -> Package {
    let manifest: Manifest = serde_json::from_value(json!({
        "publisher": "acme",
        "name": "scorer",
        "version": "1.2.0",
        "description": "Scores deals.",
        "licence": "MIT",
        "interface": "0.1.0",
        "roles": ["scorer"],
        "asks": {},
    }))
    .expect("a manifest");
    let statement = Statement { manifest: manifest.clone(), digest: Digest::of(component), cases: None };
    let signed = statement.sign(&SigningKey::from_seed(&[1; 32]));
    Package { manifest, component: component.to_vec(), cases: None, signed: Some(signed) }
}

/// Cases that are enough to be some.
fn cases() -> Cases {
    let mut files = Files::default();
    for path in ["cases/one.json", "tenant/tenant.toml"] {
        let path = path.parse().expect("a path");
        files.add(path, Content::from(b"{}".to_vec()), &FileLimits::default()).expect("room");
    }
    Cases::read(files.to_tar(Vec::new()).expect("a tar")).expect("cases")
}

/// What a registry answers with.
#[derive(Clone)]
enum Answer {
    /// Status, headers with a line break behind each, body.
    Says(&'static str, String, Vec<u8>),
    /// Bytes without end.
    Endless,
    /// A byte now and then.
    Drips,
    /// Nothing, for as long as anybody waits.
    Silent,
}

impl Answer {
    fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Says("200 OK", String::new(), body.into())
    }

    fn send(&self, mut to: TcpStream) -> std::io::Result<()> {
        match self {
            Self::Says(status, headers, body) => {
                let length = match headers.to_lowercase().contains("content-length") {
                    true => String::new(),
                    false => format!("content-length: {}\r\n", body.len()),
                };
                to.write_all(
                    format!("HTTP/1.1 {status}\r\nconnection: close\r\n{length}{headers}\r\n").as_bytes(),
                )?;
                to.write_all(body)
            }
            Self::Endless => {
                to.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
                loop {
                    to.write_all(&[b' '; 4096])?;
                }
            }
            Self::Drips => {
                to.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 64\r\n\r\n")?;
                loop {
                    to.write_all(b" ")?;
                    // Slower than the deadline has patience for, and never silent for long.
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
            Self::Silent => to.read_to_end(&mut Vec::new()).map(drop),
        }
    }
}

/// A registry of one plugin that answers as it is told.
#[derive(Clone)]
struct Script {
    api: Answer,
    manifest: Answer,
    config: Answer,
    component: Answer,
    /// What is asked for at any other place.
    other: Answer,
    /// The `Authorization` without which everything but the API's root and the token is refused.
    authorization: Option<&'static str>,
}

impl Script {
    fn good() -> Self {
        let package = package(b"a component");
        let Documents { config, manifest } = Documents::of(&package);
        Self {
            api: Answer::ok("{}"),
            manifest: Answer::ok(manifest),
            config: Answer::ok(config),
            component: Answer::ok(package.component),
            other: Answer::Says("404 Not Found", String::new(), Vec::new()),
            authorization: None,
        }
    }

    /// With something put at a pointer of the image manifest.
    fn with(pointer: &str, value: Json) -> Self {
        let mut script = Self::good();
        let Answer::Says(.., body) = &script.manifest else { unreachable!("it is good") };
        let mut json: Json = serde_json::from_slice(body).expect("JSON");
        *json.pointer_mut(pointer).expect("a place") = value;
        script.manifest = Answer::ok(json.to_string());
        script
    }

    fn answer(&self, request: &str) -> Answer {
        let path = request.split(' ').nth(1).unwrap_or_default();
        let config = Documents::of(&package(b"a component")).config;
        let blob = |bytes: &[u8]| format!("/v2/acme/scorer/blobs/{}", Digest::of(bytes));
        let known = |authorization: &str| request.contains(&format!("authorization: {authorization}\r\n"));
        match path {
            "/v2/" => self.api.clone(),
            path if path.starts_with("/token?") => self.other.clone(),
            _ if self.authorization.is_some_and(|authorization| !known(authorization)) => {
                Answer::Says("401 Unauthorized", String::new(), Vec::new())
            }
            path if path.starts_with("/v2/acme/scorer/manifests/") => self.manifest.clone(),
            path if path == blob(&config) => self.config.clone(),
            path if path == blob(b"a component") => self.component.clone(),
            _ => self.other.clone(),
        }
    }

    /// Serves until the tests end; its host.
    fn serve(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let host = listener.local_addr().expect("an address").to_string();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = Vec::new();
                let mut byte = [0];
                while !request.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                    request.push(byte[0]);
                }
                // Who hangs up early has heard enough.
                let _ = self.answer(&String::from_utf8_lossy(&request)).send(stream);
            }
        });
        host
    }

    fn pull(self, limits: &Limits, credentials: Option<&Credentials>) -> Result<Package, RegistryError> {
        let reference = format!("{}/acme/scorer:1.2.0", self.serve()).parse().expect("a reference");
        pull(&Fetcher::new(Reach::Anywhere), &reference, credentials, limits).map(|pulled| pulled.package)
    }
}

/// What is asked of a registry's plugin is refused with these words.
#[track_caller]
fn refused(script: Script, expect: &str) {
    let why = script.pull(&LIMITS, None).expect_err("refused").to_string();
    assert!(why.contains(expect), "{why}");
}

fn says(status: &'static str, headers: &str, body: &[u8]) -> Answer {
    Answer::Says(status, headers.to_owned(), body.to_vec())
}

#[test]
fn a_registry_in_order_is_pulled_from() {
    assert_eq!(Script::good().pull(&LIMITS, None), Ok(package(b"a component")));
}

#[test]
fn what_is_too_much_is_not_read() {
    refused(
        Script { manifest: Answer::Endless, ..Script::good() },
        "the image manifest: the answer has more than 65536",
    );
    refused(
        Script { config: Answer::Endless, ..Script::good() },
        "the configuration: the answer has more than",
    );
    refused(
        Script { component: Answer::Endless, ..Script::good() },
        "the component: the answer has more than 11 bytes",
    );
    let longer = says("200 OK", "content-length: 9999999999\r\n", b"a component");
    refused(Script { component: longer, ..Script::good() }, "the answer has more than 11 bytes");
    refused(
        Script { api: Answer::Endless, ..Script::good() },
        "its API: the answer has more than 65536 bytes",
    );
    let layer = Script::with("/layers/0/size", json!(65537));
    refused(layer, "the layer has 65537 bytes, at most 65536 are taken");
    refused(Script::with("/config/size", json!(1_u64 << 40)), "at most 262144 are taken");
    let layer = json!({"mediaType": "application/wasm", "digest": Digest::of("a component"), "size": 11});
    refused(Script::with("/layers", json!(vec![layer.clone(); 500])), "500 layers, where a plugin has one");
    refused(Script::with("/layers", json!([])), "0 layers");
    let with_cases = |kind: &str, size: u64| {
        let cases = json!({"mediaType": kind, "digest": Digest::of("x"), "size": size});
        Script::with("/layers", json!([layer, cases]))
    };
    refused(with_cases("application/wasm", 1), "the second layer is \"application/wasm\"");
    let kind = "application/vnd.lanewright.plugin.cases.v1.tar";
    refused(with_cases(kind, 1 << 21), "the second layer has 2097152 bytes, at most 1048576 are taken");
    let other = || Answer::ok("x");
    refused(Script { other: other(), ..with_cases(kind, 2) }, "the cases should be");
    refused(Script { other: other(), ..with_cases(kind, 1) }, "its cases cannot be taken");
    refused(Script::with("/annotations", json!({"a": "b".repeat(65 << 10)})), "more than 65536 bytes");
}

#[test]
fn what_is_too_slow_is_given_up() {
    let limits = Limits { time: Duration::from_millis(300), ..LIMITS };
    let check = |script: Script, what: &'static str| {
        let why = script.pull(&limits, None).expect_err("refused");
        assert_eq!(why, RegistryError::Unanswered { what, why: Unanswered::TooSlow });
    };
    check(Script { api: Answer::Silent, ..Script::good() }, "its API");
    check(Script { manifest: Answer::Drips, ..Script::good() }, "the image manifest");
    check(Script { config: Answer::Silent, ..Script::good() }, "the configuration");
    let mut script = Script::good();
    script.component = Answer::Drips;
    let manifest = Script::with("/layers/0/size", json!(64)).manifest;
    check(Script { manifest, ..script }, "the component");
}

#[test]
fn what_is_something_else_is_refused() {
    refused(Script { component: Answer::ok("a complonent"), ..Script::good() }, "more than 11 bytes");
    refused(Script { component: Answer::ok("b component"), ..Script::good() }, "damaged or exchanged");
    refused(Script { component: Answer::ok("a compone"), ..Script::good() }, "damaged or exchanged");
    let Answer::Says(.., mut config) = Script::good().config else { unreachable!("it is good") };
    config[0] = b' ';
    refused(Script { config: Answer::ok(config), ..Script::good() }, "the configuration should be");
    refused(Script { manifest: Answer::ok("{"), ..Script::good() }, "the image manifest cannot be read");
    refused(Script { manifest: Answer::ok("[".repeat(60_000)), ..Script::good() }, "cannot be read");
    refused(
        Script::with("/layers/0/mediaType", json!("application/vnd.oci.image.layer.v1.tar+gzip")),
        "the layer is",
    );
    refused(
        Script::with("/config/mediaType", json!("application/vnd.oci.image.config.v1+json")),
        "the configuration is",
    );
    refused(
        Script::with("/mediaType", json!("application/vnd.oci.image.index.v1+json")),
        "the image manifest is",
    );
    refused(Script::with("/layers/0/digest", json!("sha512:00")), "a digest is `sha256:`");
    let Answer::Says(.., manifest) = Script::good().manifest else { unreachable!("it is good") };
    let typed = |kind: &str| says("200 OK", &format!("content-type: {kind}\r\n"), &manifest);
    refused(Script { manifest: typed("text/html"), ..Script::good() }, "\"text/html\"");
    let script = Script { manifest: typed(&format!("{IMAGE_MANIFEST}; charset=utf-8")), ..Script::good() };
    assert!(script.pull(&LIMITS, None).is_ok());
    let packed = says("200 OK", "content-encoding: gzip\r\n", b"a component");
    refused(Script { component: packed, ..Script::good() }, "only plain ones are read");
    refused(Script { manifest: says("500 Oh No", "", b""), ..Script::good() }, "answers 500");
    refused(
        Script { manifest: says("404 Not Found", "", b""), ..Script::good() },
        "does not have this release",
    );
    refused(
        Script { component: says("206 Partial Content", "", b"a component"), ..Script::good() },
        "answers 206",
    );
}

/// Of one digest is one content, whatever the registry has.
#[test]
fn what_is_named_by_digest_has_that_digest() {
    let repository: Repository =
        format!("{}/acme/scorer", Script::good().serve()).parse().expect("a repository");
    let right = Digest::of(Documents::of(&package(b"a component")).manifest);
    let pull = |digest: Digest| {
        pull(&Fetcher::new(Reach::Anywhere), &repository.at(Which::Digest(digest)), None, &LIMITS)
    };
    assert_eq!(pull(right).map(|pulled| pulled.digest), Ok(right));
    let why = pull(Digest::of("other")).expect_err("refused");
    assert!(
        matches!(why, RegistryError::Package(PackageError::Digest { what: "the image manifest", .. })),
        "{why}"
    );
}

#[test]
fn a_component_alone_is_no_plugin() {
    let check = |change: fn(&mut Json), expect: &str| {
        let Answer::Says(.., config) = Script::good().config else { unreachable!("it is good") };
        let mut json: Json = serde_json::from_slice(&config).expect("JSON");
        change(&mut json);
        let config = json.to_string();
        let descriptor = json!({
            "mediaType": "application/vnd.wasm.config.v0+json",
            "digest": Digest::of(&config),
            "size": config.len(),
        });
        refused(Script { other: Answer::ok(config), ..Script::with("/config", descriptor) }, expect);
    };
    check(|json| *json = json!({"architecture": "wasm", "os": "wasip2"}), "without a plugin's manifest");
    check(|json| json["lanewright"]["more"] = json!(1), "unknown field `more`");
    check(|json| json["lanewright"]["manifest"]["name"] = json!("../scorer"), "a plugin's name is");
    check(|json| json["lanewright"]["signed"]["payload"] = json!("AAAA"), "no statement about a plugin");
}

#[test]
fn redirects_lead_to_public_addresses_alone() {
    let to = |url: &str| says("307 Temporary Redirect", &format!("location: {url}\r\n"), b"");
    let check = |url: &str, expect: &str| refused(Script { component: to(url), ..Script::good() }, expect);
    // Another port of this machine, where a registry that is on it may well be reached.
    check("https://127.0.0.1:9/x", "https://127.0.0.1:9: 127.0.0.1 is a private or local address");
    check("https://169.254.169.254/latest/meta-data", "169.254.169.254 is a private or local address");
    check("https://[::1]/x", "private or local address");
    check("https://localhost:9/x", "private or local address");
    check("http://93.184.216.34/x", "it has to begin with `https://`");
    check("file:///etc/passwd", "it has to begin with `https://`");
    check("", "it is no URL");
    check("/v2/acme/scorer/blobs/elsewhere", "the registry does not have the component");
}

#[test]
fn a_registry_may_have_blobs_elsewhere_in_itself() {
    let to = |path: &str| says("302 Found", &format!("location: {path}\r\n"), b"");
    let script = Script { component: to("/store/1"), other: Answer::ok("a component"), ..Script::good() };
    assert_eq!(script.pull(&LIMITS, None), Ok(package(b"a component")));
    refused(Script { component: to("/1"), other: to("/2"), ..Script::good() }, "one redirect too many");
    // Nowhere else.
    refused(Script { manifest: to("/1"), other: Answer::ok("{}"), ..Script::good() }, "answers 302");
}

#[test]
fn who_asks_is_told_as_the_registry_wants() {
    let ana = Credentials { user: "ana".to_owned(), password: "secret".to_owned() };
    let wants =
        |challenge: &str| says("401 Unauthorized", &format!("www-authenticate: {challenge}\r\n"), b"");
    let basic = || Script {
        api: wants("Basic realm=x"),
        authorization: Some("Basic YW5hOnNlY3JldA=="),
        ..Script::good()
    };
    assert_eq!(basic().pull(&LIMITS, Some(&ana)), Ok(package(b"a component")));
    refused(basic(), "refuses its API (401)");
    let bob = Credentials { user: "bob".to_owned(), ..ana.clone() };
    let why = basic().pull(&LIMITS, Some(&bob)).expect_err("refused");
    assert_eq!(why, RegistryError::Refused { what: "the image manifest", status: 401 });

    // Whoever gives out tokens is somebody else, so that it listens before the registry is told of it.
    let tokens = |answer: Answer| Script { other: answer, ..Script::good() }.serve();
    let bearer = |host: &str| Script {
        api: wants(&format!("Bearer realm=\"http://{host}/token\",service=\"registry\"")),
        authorization: Some("Bearer abc"),
        ..Script::good()
    };
    let token = || Answer::ok(r#"{"token": "abc", "expires_in": 60}"#);
    assert_eq!(bearer(&tokens(token())).pull(&LIMITS, Some(&ana)), Ok(package(b"a component")));
    assert_eq!(bearer(&tokens(token())).pull(&LIMITS, None), Ok(package(b"a component")));
    let access = Answer::ok(r#"{"access_token": "abc"}"#);
    assert!(bearer(&tokens(access)).pull(&LIMITS, None).is_ok());
    refused(bearer(&tokens(Answer::ok("{}"))), "there is no token");
    refused(bearer(&tokens(Answer::ok(r#"{"token": "a\r\nhost: b"}"#))), "no request");
    refused(bearer(&tokens(Answer::Endless)), "a token: the answer has more than");
    refused(bearer(&tokens(says("403 Forbidden", "", b""))), "refuses a token (403)");
    let script = Script { api: wants("Bearer realm=\"ftp://127.0.0.1/\""), ..Script::good() };
    refused(script, "what gives out tokens cannot be asked: it has to begin with `https://`");
    refused(Script { api: wants("Negotiate"), ..Script::good() }, "neither a token nor a password");
}

#[test]
fn a_private_registry_is_not_reached_by_whoever_may_not() {
    let reference = format!("{}/acme/scorer:1.2.0", Script::good().serve()).parse().expect("a reference");
    let why = pull(&Fetcher::new(Reach::Public), &reference, None, &LIMITS).expect_err("refused").to_string();
    assert!(why.contains("127.0.0.1 is a private or local address"), "{why}");
}

#[test]
fn uploads_stay_at_the_registry() {
    let absent = || says("404 Not Found", "", b"");
    let other = says("202 Accepted", "location: http://127.0.0.1:9/x\r\n", b"");
    let script = Script { manifest: absent(), other, ..Script::good() };
    let repository = format!("{}/acme/scorer", script.serve()).parse().expect("a repository");
    let pushed = push(&Fetcher::new(Reach::Anywhere), &repository, None, &package(b"x"), &LIMITS);
    let why = pushed.expect_err("refused").to_string();
    assert_eq!(why, "the registry sends us to http://127.0.0.1:9: uploads stay at the registry");
}

fn bundled(package: &Package) -> Vec<u8> {
    bundle::write(package, Vec::new()).expect("a bundle")
}

#[test]
fn a_bundle_is_the_package() {
    let check = |package: Package| {
        let bytes = bundled(&package);
        assert_eq!(bytes, bundled(&package));
        assert_eq!(bundle::read(bytes.as_slice(), &LIMITS), Ok(package));
    };
    check(package(b"a component"));
    check(package(b""));
    check(package(&vec![7; 64 << 10]));
    check(Package { signed: None, ..package(b"a component") });
    check(Package { cases: Some(cases()), ..package(b"a component") });
}

/// A byte changed anywhere: it is refused, or it is the same package.
#[test]
fn a_damaged_bundle_is_refused() {
    let good = package(b"a component");
    let bytes = bundled(&good);
    let mut refused = 0;
    for place in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[place] ^= 0x20;
        match bundle::read(bytes.as_slice(), &LIMITS) {
            Ok(package) => assert_eq!(package, good, "byte {place}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 2000, "{refused}");
    let end = bytes.len() - 1024;
    for end in [0, 1, 511, 512, 700, end - 512, end - 1] {
        assert!(bundle::read(&bytes[..end], &LIMITS).is_err(), "{end}");
    }
}

#[test]
fn a_bundle_holds_one_plugin_and_little_else() {
    let check = |change: &dyn Fn(&mut Files), expect: &str| {
        let mut files = Files::from_tar(bundled(&package(b"a component")).as_slice(), &FileLimits::default())
            .expect("files");
        change(&mut files);
        let bytes = files.to_tar(Vec::new()).expect("a tar");
        let why = bundle::read(bytes.as_slice(), &LIMITS).expect_err("refused").to_string();
        assert!(why.contains(expect), "{why}");
    };
    let put = |files: &mut Files, path: &str, bytes: Vec<u8>| {
        files.put(path.parse().expect("a path"), Content::from(bytes), &FileLimits::default()).expect("room");
    };
    let component = format!("blobs/sha256/{}", Digest::of("a component").hex());
    check(&|files| put(files, &component, b"b component".to_vec()), "damaged or exchanged");
    let remove = |files: &mut Files| assert!(files.remove(&component.parse().expect("a path")));
    check(&remove, "the component is missing");
    check(&|files| put(files, "big", vec![0; (1 << 20) + 1]), "more than 1048576 bytes");
    check(&|files| (0..4).for_each(|n| put(files, &n.to_string(), vec![])), "more than 8 files");
    check(
        &|files| put(files, "oci-layout", br#"{"imageLayoutVersion":"2.0.0"}"#.to_vec()),
        "another version",
    );
    let index = |change: &dyn Fn(&mut Json)| {
        let files = Files::from_tar(bundled(&package(b"a component")).as_slice(), &FileLimits::default())
            .expect("files");
        let mut json =
            serde_json::from_slice(files.get("index.json").expect("an index").bytes()).expect("JSON");
        change(&mut json);
        json.to_string().into_bytes()
    };
    let twice =
        index(&|json: &mut Json| json["manifests"] = json!([json["manifests"][0], json["manifests"][0]]));
    check(&|files| put(files, "index.json", twice.clone()), "2 artifacts");
    let typed = index(&|json: &mut Json| json["manifests"][0]["mediaType"] = json!("application/wasm"));
    check(&|files| put(files, "index.json", typed.clone()), "the artifact is");
    let large = index(&|json: &mut Json| json["manifests"][0]["size"] = json!(1_u64 << 40));
    check(&|files| put(files, "index.json", large.clone()), "at most 65536 are taken");
    let why = bundle::read(&b"\x1f\x8b\x08"[..], &LIMITS).expect_err("compressed").to_string();
    assert!(why.starts_with("no bundle: "), "{why}");
}
