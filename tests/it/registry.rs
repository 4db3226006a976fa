//! A plugin's way from its publisher to others: signed, pushed to a real registry, pulled, bundled, verified.
//!
//! The registry is `docker-registry`, started on a port of its own in a folder of its own. What a hostile one does is
//! tried in `host/src/oci/tests.rs`.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use lanewright::config;
use lanewright::digest::Digest;
use lanewright::fetch::{Ask, Fetcher, Method, Reach};
use lanewright::oci::{Cases, Credentials, Limits, Package, RegistryError, Repository, Which, pull, push};
use lanewright::trust::{
    Distrust, OwnUploads, Revocations, Scope, Seen, Signers, SigningKey, SigstoreRoot, Source, Statement,
    Trust, Trusted, verify,
};

use crate::harness;
use crate::service::program::until;

const MANIFEST: &str = r#"
publisher = "acme"
name = "scorer"
version = "1.2.0"
description = "Scores deals by their size."
licence = "Apache-2.0"
interface = "0.1.0"
roles = ["scorer", "enricher"]

[asks]
origins = ["https://api.example.com"]
fields = ["budget"]
"#;

/// `ana` and `secret`, as `htpasswd -B` writes it.
const PASSWORDS: &str = "ana:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";

/// A registry; it ends and goes when dropped.
struct Registry {
    server: Child,
    host: String,
    _folder: tempfile::TempDir,
}

impl Registry {
    /// One that anybody may use, or only who is in [`PASSWORDS`].
    fn start(passwords: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let place = |name: &str| folder.path().join(name).display().to_string();
        fs::write(place("passwords"), PASSWORDS).expect("written");
        let auth = match passwords {
            true => format!("auth: {{htpasswd: {{realm: tests, path: {}}}}}\n", place("passwords")),
            false => String::new(),
        };
        let log = fs::File::create(place("log")).expect("a file");
        let (server, host) = until("the registry answers", || {
            // Between the choice of a port and its use somebody else may have taken it.
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let host = listener.local_addr().expect("an address").to_string();
            drop(listener);
            let config = format!(
                "version: 0.1\nlog: {{level: warn, accesslog: {{disabled: true}}}}\n\
                 storage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: {host}}}\n{auth}",
                place("data"),
            );
            fs::write(place("config.yml"), config).expect("written");
            let mut server = Command::new("docker-registry")
                .args(["serve", &place("config.yml")])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log.try_clone().expect("a file"))
                .spawn()
                .expect("docker-registry starts; `cargo xtask setup` adds it");
            let serves = until("the registry listens or ends", || {
                let ended = server.try_wait().expect("a child").is_some();
                (ended || TcpStream::connect(&host).is_ok()).then_some(!ended)
            });
            serves.then_some((server, host))
        });
        Self { server, host, _folder: folder }
    }

    fn repository(&self, path: &str) -> Repository {
        format!("{}/{path}", self.host).parse().expect("a repository")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn package(version: &str, component: &[u8]) -> Package {
    let manifest = config::manifest(&MANIFEST.replace("1.2.0", version)).expect("a manifest");
    let statement = Statement { manifest: manifest.clone(), digest: Digest::of(component), cases: None };
    Package { manifest, component: component.to_vec(), cases: None, signed: Some(statement.sign(&key(1))) }
}

/// Those of an author's project.
fn cases() -> Cases {
    let folder = tempfile::tempdir().expect("a folder");
    for path in ["cases/one.json", "tenant/tenant.toml"] {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, "{}").expect("written");
    }
    Cases::of_project(folder.path()).expect("read").expect("cases")
}

fn ana() -> Credentials {
    Credentials { user: "ana".to_owned(), password: "secret".to_owned() }
}

fn fetcher() -> Fetcher {
    Fetcher::new(Reach::Anywhere)
}

#[test]
fn what_is_pushed_is_pulled() {
    let registry = Registry::start(true);
    let repository = registry.repository("plugins/acme/scorer");
    // Larger than what arrives in one piece.
    let one = Package { cases: Some(cases()), ..package("1.2.0", &vec![7; 3 << 20]) };
    let (fetcher, limits) = (fetcher(), Limits::default());
    let push =
        |package: &Package, who: Option<&Credentials>| push(&fetcher, &repository, who, package, &limits);
    let pull = |which: Which, who: Option<&Credentials>| pull(&fetcher, &repository.at(which), who, &limits);
    let tag = |text: &str| Which::Tag(text.to_owned());

    let digest = push(&one, Some(&ana())).expect("pushed");
    for which in [tag("1.2.0"), Which::Digest(digest)] {
        let pulled = pull(which, Some(&ana())).expect("pulled");
        assert_eq!((pulled.digest, &pulled.package), (digest, &one));
    }

    // Again is no harm; something else under the same version would be.
    assert_eq!(push(&one, Some(&ana())), Ok(digest));
    let why = push(&package("1.2.0", b"other"), Some(&ana()));
    assert_eq!(why, Err(RegistryError::Published(repository.at(tag("1.2.0")))));
    let next = push(&package("1.3.0-rc.1", b"other"), Some(&ana())).expect("pushed");
    assert_eq!(pull(tag("1.3.0-rc.1"), Some(&ana())).expect("pulled").digest, next);

    let refused = |status| RegistryError::Refused { what: "its API", status };
    assert_eq!(pull(tag("1.2.0"), None), Err(refused(401)));
    let wrong = Credentials { password: "guessed".to_owned(), ..ana() };
    let why = pull(tag("1.2.0"), Some(&wrong));
    assert_eq!(why, Err(RegistryError::Refused { what: "the image manifest", status: 401 }));
    let absent = RegistryError::Absent { what: "this release" };
    assert_eq!(pull(tag("9.9.9"), Some(&ana())), Err(absent.clone()));
    assert_eq!(pull(Which::Digest(Digest::of("")), Some(&ana())), Err(absent));
    let small = Limits { component: 1 << 20, ..limits };
    let why = lanewright::oci::pull(&fetcher, &repository.at(tag("1.2.0")), Some(&ana()), &small);
    let expect = "the layer has 3145728 bytes, at most 1048576 are taken";
    assert_eq!(why.expect_err("too large").to_string(), expect);
}

/// Attacks 31 and 33 at a registry that is not ours: what it serves under a name changes, and is noticed.
#[test]
fn a_tag_that_moves_moves_nobody() {
    let registry = Registry::start(false);
    let repository = registry.repository("acme/scorer");
    let (fetcher, limits) = (fetcher(), Limits::default());
    let [old, new] = [package("1.1.0", b"old"), package("1.2.0", b"new")];
    let [old_digest, new_digest] =
        [&old, &new].map(|package| push(&fetcher, &repository, None, package, &limits).expect("pushed"));

    // Whoever owns the registry puts the old release, vulnerable and well signed, in the place of the new one.
    let manifest = |which: &str| {
        format!("http://{}/v2/acme/scorer/manifests/{which}", registry.host).parse().expect("a URL")
    };
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let ask = |method, url: &url::Url, headers: &[(&str, &str)]| {
        let within = limits.time;
        fetcher.ask(&Ask { method, url, headers, within, most: 1 << 20 }).expect("an answer")
    };
    let old_manifest = ask(Method::Get, &manifest(&old_digest.to_string()), &[("accept", kind)]).body;
    let put = ask(Method::Put(&old_manifest), &manifest("1.2.0"), &[("content-type", kind)]);
    assert_eq!(put.status, 201);

    let pull = |which: Which| pull(&fetcher, &repository.at(which), None, &limits).expect("pulled").package;
    assert_eq!(pull(Which::Digest(new_digest)), new);
    let served = pull(Which::Tag("1.2.0".to_owned()));
    assert_eq!(served, old);
    let signers = Signers([(key(1).public().into(), Scope::All)].into());
    let publishers = [("acme".parse().expect("a publisher"), signers)].into();
    let trust = Trust { own_uploads: OwnUploads::Signed, publishers };
    let seen = Seen { version: new.manifest.version.clone(), digest: Digest::of(&new.component) };
    let root = SigstoreRoot::public_good().expect("a root");
    let verdict = |package: &Package| {
        verify(&package.offer(Source::Elsewhere), &trust, &Revocations::default(), Some(&seen), &root)
    };
    assert_eq!(verdict(&new), Ok(Trusted::Signed(key(1).public().into())));
    assert!(matches!(verdict(&served), Err(Distrust::Downgrade { .. })));
    // Or gives it out as the new one.
    let forged = Package { manifest: new.manifest.clone(), ..old };
    assert!(matches!(verdict(&forged), Err(Distrust::AnotherVersion { .. })));
}

/// `keygen`, `sign`, `push`, `pull`, `bundle`, `verify`, as a publisher and an operator type them.
#[test]
fn a_release_by_hand() {
    let registry = Registry::start(true);
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let run = |verb: &[&str], code: i32| {
        let out = harness::lanewright(&[&["plugin"], verb].concat());
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(code), "{verb:?}: {said}");
        String::from_utf8(out.stdout).expect("UTF-8") + &said
    };
    let mode = |name: &str| fs::metadata(path(name)).expect("a file").permissions().mode() & 0o777;
    fs::write(path("plugin.toml"), MANIFEST).expect("written");
    fs::write(path("scorer.wasm"), b"a component").expect("written");
    fs::write(path("password"), "secret\n").expect("written");

    let public = run(&["keygen", &path("key")], 0).trim().to_owned();
    let secret = fs::read_to_string(path("key")).expect("a key");
    assert_eq!((public.len(), mode("key")), (51, 0o600));
    assert!(run(&["keygen", &path("key")], 3).contains("cannot be written"));
    assert_eq!(fs::read_to_string(path("key")).expect("a key"), secret);

    let told = run(&["sign", &path("scorer.wasm"), "--key", &path("key")], 0);
    assert!(!told.contains(secret.trim()), "{told}");
    assert!(
        told.contains("acme/scorer 1.2.0") && told.contains("asks to reach https://api.example.com"),
        "{told}"
    );
    assert!(run(&["verify", &path("scorer.wasm"), "--key", &public], 0).contains("signed by ed25519:"));
    let stranger = key(9).public().to_string();
    assert!(run(&["verify", &path("scorer.wasm"), "--key", &stranger], 1).contains("refused: "));
    fs::set_permissions(path("key"), PermissionsExt::from_mode(0o640)).expect("permissions");
    assert!(run(&["sign", &path("scorer.wasm"), "--key", &path("key")], 3).contains("others may read"));

    let repository = registry.repository("acme/scorer").to_string();
    let who = ["--user", "ana", "--password-file", &path("password")];
    let pushed = run(&[&["push", &path("scorer.wasm"), &repository], who.as_slice()].concat(), 0);
    let by_digest = pushed.lines().nth(1).expect("a reference");
    fs::create_dir(path("there")).expect("a folder");
    let there = path("there/scorer.wasm");
    let pull = |reference: &str, output: &str, key: &str, code| {
        run(&[&["pull", reference, "--output", output, "--key", key], who.as_slice()].concat(), code)
    };
    assert!(pull(by_digest, &there, &stranger, 1).contains("refused: "));
    assert!(!Path::new(&there).exists());
    assert!(pull(&format!("{repository}:1.2.0"), &there, &public, 0).contains(by_digest));
    for (ours, theirs) in [("scorer.wasm", "there/scorer.wasm"), ("scorer.wasm.sig", "there/scorer.wasm.sig")]
    {
        assert_eq!(fs::read(path(ours)).expect("a file"), fs::read(path(theirs)).expect("a file"));
    }

    fs::write(path("plugin.toml"), MANIFEST.replace("budget", "seats")).expect("written");
    assert!(pull(by_digest, &path("other.wasm"), &public, 3).contains("is of another release"));
    assert!(!Path::new(&path("other.wasm")).exists());
    fs::write(path("plugin.toml"), MANIFEST).expect("written");

    // The same release by another way is the same to the byte.
    run(&["bundle", &path("scorer.wasm")], 0);
    run(&["bundle", &there], 0);
    pull(by_digest, &path("pulled.tar"), &public, 0);
    let bundle = fs::read(path("scorer.tar")).expect("a bundle");
    assert_eq!(bundle, fs::read(path("there/scorer.tar")).expect("a bundle"));
    assert_eq!(bundle, fs::read(path("pulled.tar")).expect("a bundle"));
    run(&["verify", &path("scorer.tar"), "--key", &public], 0);
    let again = run(&[&["push", &path("scorer.tar"), &repository], who.as_slice()].concat(), 0);
    assert_eq!(again, pushed);

    fs::write(&there, b"b component").expect("written");
    assert!(run(&["verify", &there, "--key", &public], 1).contains("sign again what was built again"));
}
