//! `lanewright plugin keygen|statement|sign|verify|push|pull|bundle`: a component becomes a release that others can trust.
//!
//! A release is on the disk in one of two forms: a component with `plugin.toml` and, once signed, `COMPONENT.sig`
//! beside it, and its cases: the project's `cases/` with `settings.json` and `tenant/`, or `COMPONENT.cases` as it was
//! pulled; or all of that in a bundle, whose name ends in `.tar`.

use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};

use super::{Exit, tell};
use crate::config::{self, MANIFEST};
use crate::digest::Digest;
use crate::fetch::{Fetcher, Reach};
use crate::oci::{self, Cases, Credentials, Limits, Package, Pulled, Reference, Repository, bundle};
use crate::trust::{MAX_SIGNED, MAX_SIGSTORE, Manifest, Signed, Signer, SigningKey, Statement};

mod signers;

use signers::{Sigstore, TrustedSigners};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Makes a key to sign plugins with, and prints its public half
    Keygen {
        /// Where to write the private half; only you can read it
        file: PathBuf,
    },
    /// Writes what is signed, for tools of Sigstore: the component's digest, its plugin.toml and its cases
    Statement {
        /// The component; the statement goes to COMPONENT.statement
        component: PathBuf,
    },
    /// Signs a component, its plugin.toml and, where they lie beside it, its cases
    Sign {
        /// The component; its signature goes to COMPONENT.sig
        component: PathBuf,
        #[command(flatten)]
        with: With,
        #[command(flatten)]
        sigstore: Sigstore,
    },
    /// Says whether a release is signed by one of these keys or identities
    Verify {
        /// A component with plugin.toml and signature beside it, or a bundle
        release: PathBuf,
        #[command(flatten)]
        signers: TrustedSigners,
    },
    /// Puts a release into one file, for sites without a network
    Bundle {
        /// A component with plugin.toml and signature beside it
        component: PathBuf,
        /// Where to write the bundle [default: the component's name with .tar]
        #[arg(long, short, value_name = "FILE.tar")]
        output: Option<PathBuf>,
    },
    /// Pushes a release to a registry, under its version as the tag
    Push {
        /// A component with plugin.toml and signature beside it, or a bundle
        release: PathBuf,
        /// Where to, such as registry.example.com/acme/scorer
        repository: Repository,
        #[command(flatten)]
        registry: Registry,
    },
    /// Pulls a release from a registry
    Pull {
        /// Such as registry.example.com/acme/scorer:1.2.0, or with @sha256:…
        reference: Reference,
        /// Where to write it: a bundle where the name ends in .tar, else the component with the rest beside it
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        signers: TrustedSigners,
        #[command(flatten)]
        registry: Registry,
    },
}

/// What a release is signed with.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct With {
    /// The private key, as keygen wrote it
    #[arg(long, value_name = "FILE", env = "LANEWRIGHT_SIGNING_KEY")]
    key: Option<PathBuf>,
    /// In place of a key a Sigstore bundle about COMPONENT.statement, as `cosign sign-blob --bundle` writes it
    #[arg(long, value_name = "FILE")]
    sigstore: Option<PathBuf>,
}

/// How a registry is reached.
#[derive(Debug, Args)]
pub(super) struct Registry {
    /// Who asks [default: nobody in particular]
    #[arg(long, env = "LANEWRIGHT_REGISTRY_USER", requires = "password_file")]
    user: Option<String>,
    /// A file with their password or token
    #[arg(long, value_name = "FILE", env = "LANEWRIGHT_REGISTRY_PASSWORD_FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// Reach registries at private addresses as well
    #[arg(long)]
    private: bool,
}

pub(super) fn run(verb: &Verb) -> anyhow::Result<Exit> {
    match verb {
        Verb::Keygen { file } => keygen(file),
        Verb::Statement { component } => {
            let to = beside(component, ".statement");
            std::fs::write(&to, statement(component)?.payload()).with_context(|| cannot_write(&to))?;
            println!("{}", to.display());
            Ok(Exit::Done)
        }
        Verb::Sign { component, with, sigstore } => sign(component, with, sigstore),
        Verb::Verify { release, signers } => {
            let package = load(release)?;
            Ok(if signers.trust(&package)? { Exit::Done } else { Exit::Findings })
        }
        Verb::Bundle { component, output } => {
            let output = output.clone().unwrap_or_else(|| component.with_extension("tar"));
            if !is_bundle(&output) {
                bail!("{} does not end in .tar", output.display());
            }
            store(&load(component)?, &output)
        }
        Verb::Push { release, repository, registry } => push(release, repository, registry),
        Verb::Pull { reference, output, signers, registry } => {
            let fetcher = registry.fetcher(&reference.repository);
            let pulled = oci::pull(&fetcher, reference, registry.credentials()?.as_ref(), &Limits::default());
            let Pulled { digest, package } =
                pulled.with_context(|| format!("{reference} cannot be pulled"))?;
            if !signers.trust(&package)? {
                return Ok(Exit::Findings);
            }
            println!("{}", reference.repository.at(oci::Which::Digest(digest)));
            store(&package, output)
        }
    }
}

fn keygen(file: &Path) -> anyhow::Result<Exit> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| anyhow!("the system gives no random numbers: {error}"))?;
    let key = SigningKey::from_seed(&seed);
    // A key that is there already may be the only one that others trust.
    let mut to = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .with_context(|| cannot_write(file))?;
    writeln!(to, "{}", key.secret_text()).and_then(|()| to.sync_all()).with_context(|| cannot_write(file))?;
    println!("{}", key.public());
    Ok(Exit::Done)
}

fn signing_key(file: &Path) -> anyhow::Result<SigningKey> {
    let opened = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let mode = opened.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("others may read {}; keep it to yourself with `chmod 600 {0}`", file.display());
    }
    let text =
        std::io::read_to_string(opened).with_context(|| format!("{} cannot be read", file.display()))?;
    text.trim_end().parse().with_context(|| format!("{} holds no key", file.display()))
}

fn statement(component: &Path) -> anyhow::Result<Statement> {
    let cases = cases(component)?.map(|cases| cases.digest());
    Ok(Statement { manifest: manifest(component)?, digest: Digest::of(read(component)?), cases })
}

fn sign(component: &Path, with: &With, sigstore: &Sigstore) -> anyhow::Result<Exit> {
    // A key may be named by the environment.
    let signed = match (&with.sigstore, &with.key) {
        (Some(bundle), _) => {
            let shown = statement(component)?.with_bundle(bounded(bundle)?, &sigstore.root()?);
            shown.with_context(|| {
                format!("{} does not show who signed {}.statement", bundle.display(), component.display())
            })?
        }
        (None, Some(key)) => {
            let key = signing_key(key)?;
            statement(component)?.sign(&key)
        }
        (None, None) => bail!("name a key or a Sigstore bundle"),
    };
    let to = beside(component, ".sig");
    std::fs::write(&to, signed.write()).with_context(|| cannot_write(&to))?;
    tell_statement(&signed.statement);
    if let Signer::Identity(identity) = signed.signer() {
        println!("signed by {identity}");
    }
    println!("{}", to.display());
    Ok(Exit::Done)
}

/// A Sigstore bundle from the disk, not read to its end where it is larger than any can be.
fn bounded(bundle: &Path) -> anyhow::Result<Vec<u8>> {
    match std::fs::metadata(bundle) {
        Ok(found) if found.len() > MAX_SIGSTORE as u64 => {
            bail!(
                "{} has {} bytes, and a Sigstore bundle at most {MAX_SIGSTORE}",
                bundle.display(),
                found.len()
            )
        }
        _ => read(bundle),
    }
}

fn push(release: &Path, repository: &Repository, registry: &Registry) -> anyhow::Result<Exit> {
    let package = load(release)?;
    if package.signed.is_none() {
        eprintln!("{} is not signed; few will trust it", release.display());
    }
    let fetcher = registry.fetcher(repository);
    let pushed =
        oci::push(&fetcher, repository, registry.credentials()?.as_ref(), &package, &Limits::default());
    let digest = pushed.with_context(|| format!("{repository} cannot be pushed to"))?;
    let tag = package.manifest.version.to_string();
    println!("{}", repository.at(oci::Which::Tag(tag)));
    println!("{}", repository.at(oci::Which::Digest(digest)));
    Ok(Exit::Done)
}

impl Registry {
    fn fetcher(&self, repository: &Repository) -> Fetcher {
        // A registry on one's own machine was meant.
        let reach = if self.private || repository.is_local() { Reach::Anywhere } else { Reach::Public };
        Fetcher::new(reach)
    }

    fn credentials(&self) -> anyhow::Result<Option<Credentials>> {
        let (Some(user), Some(file)) = (&self.user, &self.password_file) else { return Ok(None) };
        let password =
            String::from_utf8(read(file)?).with_context(|| format!("{} is not text", file.display()))?;
        Ok(Some(Credentials { user: user.clone(), password: password.trim_end().to_owned() }))
    }
}

/// What is signed, for a person.
fn tell_statement(Statement { manifest, digest, cases }: &Statement) {
    println!("{} {} for interface {}", manifest.plugin(), manifest.version, manifest.interface);
    println!("{digest}");
    for origin in &manifest.asks.origins {
        println!("asks to reach {origin}");
    }
    for field in &manifest.asks.fields {
        println!("reads the field {field}");
    }
    for secret in &manifest.asks.secrets {
        println!("sends the secret {secret}");
    }
    if let Some(cases) = cases {
        println!("with cases {cases}");
    }
}

/// A release from the disk with what its publisher says of it; nothing where a component lies there alone.
pub(super) fn described(path: &Path) -> anyhow::Result<Option<Package>> {
    match is_bundle(path) || path.with_file_name(MANIFEST).exists() {
        true => load(path).map(Some),
        false => Ok(None),
    }
}

/// A release from the disk, in either form.
fn load(path: &Path) -> anyhow::Result<Package> {
    if is_bundle(path) {
        let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
        return bundle::read(file, &Limits::default())
            .with_context(|| format!("{} holds no release", path.display()));
    }
    let signature = beside(path, ".sig");
    let signed = match std::fs::metadata(&signature) {
        Ok(found) if found.len() > MAX_SIGNED as u64 => bail!("{} is no signature", signature.display()),
        Ok(_) => Some(
            Signed::read(&read(&signature)?)
                .with_context(|| format!("{} is no signature", signature.display()))?,
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", signature.display())),
    };
    Ok(Package { manifest: manifest(path)?, component: read(path)?, cases: cases(path)?, signed })
}

/// The cases beside a component: as it was pulled, or else those of its project.
fn cases(component: &Path) -> anyhow::Result<Option<Cases>> {
    let pulled = beside(component, ".cases");
    if pulled.is_file() {
        let read = Cases::read(read(&pulled)?);
        return read.map(Some).with_context(|| format!("{} holds no cases", pulled.display()));
    }
    let folder = component.parent().unwrap_or(Path::new(""));
    Cases::of_project(folder)
        .with_context(|| format!("the cases beside {} cannot be taken", component.display()))
}

/// Writes a release to the disk, in the form that its name says.
fn store(package: &Package, path: &Path) -> anyhow::Result<Exit> {
    let write = |path: &Path, bytes: &[u8]| {
        std::fs::write(path, bytes).with_context(|| cannot_write(path))?;
        println!("{}", path.display());
        anyhow::Ok(())
    };
    if is_bundle(path) {
        let bytes = bundle::write(package, Vec::new()).with_context(|| cannot_write(path))?;
        write(path, &bytes)?;
        return Ok(Exit::Done);
    }
    let beside_it = path.with_file_name(MANIFEST);
    // One that is there may be an author's own, with comments.
    match beside_it.exists() {
        true if manifest(path)? != package.manifest => {
            bail!("{} is of another release; name another folder", beside_it.display());
        }
        true => {}
        false => write(&beside_it, toml::to_string(&package.manifest)?.as_bytes())?,
    }
    write(path, &package.component)?;
    if let Some(signed) = &package.signed {
        write(&beside(path, ".sig"), &signed.write())?;
    }
    if let Some(cases) = &package.cases {
        write(&beside(path, ".cases"), cases.bytes())?;
    }
    Ok(Exit::Done)
}

/// The `plugin.toml` beside a component.
fn manifest(component: &Path) -> anyhow::Result<Manifest> {
    let path = component.with_file_name(MANIFEST);
    let text = String::from_utf8(read(&path)?).with_context(|| format!("{} is not text", path.display()))?;
    config::manifest(&text).map_err(|problems| {
        tell(&problems);
        anyhow!("{} is not in order", path.display())
    })
}

fn is_bundle(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "tar")
}

/// The same path with something behind its name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(suffix);
    path.into()
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn cannot_write(path: &Path) -> String {
    format!("{} cannot be written", path.display())
}
