//! What plugins come with: manifests, signed statements, bundles, references to registries.

use lanewright::config;
use lanewright::digest::Digest;
use lanewright::oci::{Limits, Package, Reference, bundle};
use lanewright::trust::{
    Manifest, OwnUploads, Revocations, Scope, Signed, Signers, SigningKey, SigstoreRoot, Source, Statement,
    Trust, verify,
};

use super::Target;

const TEXT: &str = "publisher = \"acme\"\nname = \"scorer\"\nversion = \"1.2.0\"\ndescription = \"Scores deals.\"\n\
                    licence = \"Apache-2.0\"\ninterface = \"0.1.0\"\nroles = [\"scorer\", \"enricher\"]\n[asks]\n\
                    origins = [\"https://api.example.com\"]\nfields = [\"budget\"]\n";

/// A manifest that reads is the same when it is written and read again, as TOML and as JSON.
pub(super) const MANIFEST: Target = Target {
    name: "manifest",
    cases: 3_000,
    words: "manifest",
    seeds: || vec![TEXT.as_bytes().to_vec()],
    reads: |input| match config::manifest(&String::from_utf8_lossy(input)) {
        Ok(manifest) => {
            let toml = toml::to_string(&manifest).expect("TOML");
            assert_eq!(config::manifest(&toml), Ok(manifest.clone()), "{toml}");
            let json = serde_json::to_vec(&manifest).expect("JSON");
            assert_eq!(serde_json::from_slice::<Manifest>(&json).expect("its own"), manifest);
            format!("{} {} {:?}", manifest.asks.origins.len(), manifest.asks.fields.len(), manifest.roles)
        }
        Err(problems) => {
            assert!(!problems.0.is_empty(), "what is refused has a problem");
            problems.0.into_iter().map(|problem| problem.message + "\n").collect()
        }
    },
};

/// No statement is trusted but the one that was signed.
pub(super) const STATEMENT: Target = Target {
    name: "statement",
    cases: 2_000,
    words: "manifest",
    seeds: || {
        let by_key = package().signed.expect("a statement").write();
        let mut with_bundle: serde_json::Value = serde_json::from_slice(&by_key).expect("JSON");
        let identity = "sigstore:https://accounts.example.com jo@acme.example";
        with_bundle.as_object_mut().expect("an object").remove("signatures");
        with_bundle["sigstore"] = serde_json::json!({"identity": identity, "bundle": "e30="});
        vec![by_key, with_bundle.to_string().into_bytes()]
    },
    reads: |input| {
        let signed = match Signed::read(input) {
            Ok(signed) => signed,
            Err(error) => return error.to_string(),
        };
        assert_eq!(Signed::read(&signed.write()), Ok(signed.clone()));
        let Package { component, .. } = package();
        let read = Package {
            manifest: signed.statement.manifest.clone(),
            component,
            cases: None,
            signed: Some(signed),
        };
        verdict(&read)
    },
};

/// A bundle that reads is the same when it is written and read again, and holds what was signed or is not trusted.
pub(super) const BUNDLE: Target = Target {
    name: "bundle",
    cases: 1_000,
    words: "manifest",
    seeds: || {
        let unsigned = Package { signed: None, ..package() };
        [package(), unsigned].map(|package| bundle::write(&package, Vec::new()).expect("a bundle")).into()
    },
    reads: |input| {
        let package = match bundle::read(input, &Limits { component: 4096, ..Limits::default() }) {
            Ok(package) => package,
            Err(error) => return error.to_string(),
        };
        let bytes = bundle::write(&package, Vec::new()).expect("a bundle");
        assert_eq!(bundle::read(bytes.as_slice(), &Limits::default()), Ok(package.clone()));
        verdict(&package)
    },
};

/// A reference has one spelling.
pub(super) const REFERENCE: Target = Target {
    name: "reference",
    cases: 3_000,
    words: "manifest",
    seeds: || {
        let digest = format!("localhost:5000/acme/scorer@{}", Digest::of(""));
        vec![b"registry.example.com/acme/scorer:1.2.0-rc.1".to_vec(), digest.into_bytes()]
    },
    reads: |input| {
        let text = String::from_utf8_lossy(input);
        match text.parse::<Reference>() {
            Ok(reference) => {
                let again = reference.to_string();
                assert_eq!(again.to_lowercase(), text.to_lowercase());
                assert_eq!(again.parse(), Ok(reference));
                "a reference".to_owned()
            }
            Err(error) => error.to_string(),
        }
    },
};

fn key() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

fn package() -> Package {
    let (manifest, component) = (config::manifest(TEXT).expect("a manifest"), b"a component".to_vec());
    let statement = Statement { manifest: manifest.clone(), digest: Digest::of(&component), cases: None };
    Package { manifest, component, cases: None, signed: Some(statement.sign(&key())) }
}

fn root() -> SigstoreRoot {
    SigstoreRoot::public_good().expect("a root")
}

/// Why a package is not trusted; what is trusted is the one that was signed.
fn verdict(found: &Package) -> String {
    let signers = Signers([(key().public().into(), Scope::All)].into());
    let publishers = [(found.manifest.publisher.clone(), signers)].into();
    let trust = Trust { own_uploads: OwnUploads::Signed, publishers };
    match verify(&found.offer(Source::Elsewhere), &trust, &Revocations::default(), None, &root()) {
        Ok(_) => {
            assert_eq!(*found, package());
            "trusted".to_owned()
        }
        Err(why) => serde_json::to_value(why).expect("JSON")["code"].to_string(),
    }
}
