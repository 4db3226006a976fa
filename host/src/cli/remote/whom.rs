//! `lanewright plugin trust list|accept|withdraw|own-uploads|revoke`: whose plugins a tenant of a service trusts, or
//! whose come into its catalogue, and what is trusted no longer.
//!
//! What is there is read, changed and put back as it was seen, so that nobody's change is overwritten.

use anyhow::{Context, anyhow};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use serde_json::{Value as Json, json};

use super::{Exit, Remote, show, word};
use crate::digest::Digest;
use crate::fetch::Method;
use crate::releases::Version;
use crate::trust::{
    Identity, Name, OwnUploads, PluginName, PublicKey, Publisher, Revocation, Revocations, Scope, Signer,
    Signers, Trust,
};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Verb {
    /// Lists whose plugins are trusted, signed by whom and for what, and what is revoked
    List {
        #[command(flatten)]
        whose: Whose,
    },
    /// Trusts a key or an identity of a publisher; said again, it is trusted for that instead
    #[command(group = ArgGroup::new("by").args(["key", "identity"]).required(true))]
    Accept {
        /// The publisher, such as acme
        publisher: Publisher,
        /// Their public key
        #[arg(long, value_name = "KEY")]
        key: Option<PublicKey>,
        /// Whom Sigstore vouches for: "sigstore:ISSUER SUBJECT", with `*` for any tag or branch of a workflow
        #[arg(long, value_name = "IDENTITY")]
        identity: Option<Identity>,
        /// A plugin that it is trusted for; again for each [default: all of theirs]
        #[arg(long, value_name = "NAME")]
        only: Vec<Name>,
        #[command(flatten)]
        whose: Whose,
    },
    /// Takes no more releases of a publisher, or of one of their keys or identities; what is published stays, unless it is revoked
    Withdraw {
        /// The publisher
        publisher: Publisher,
        /// One of their keys [default: all that sign for them]
        #[arg(long, value_name = "KEY", conflicts_with = "identity")]
        key: Option<PublicKey>,
        /// One of their identities, as it is listed
        #[arg(long, value_name = "IDENTITY")]
        identity: Option<Identity>,
        #[command(flatten)]
        whose: Whose,
    },
    /// Says whether what the tenant itself uploads has to be signed
    OwnUploads {
        /// What becomes of them
        #[arg(value_enum)]
        uploads: Uploads,
        #[command(flatten)]
        whose: Whose,
    },
    /// Revokes for ever: whatever of it answers is withdrawn at once
    Revoke {
        #[command(subcommand)]
        what: What,
    },
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum What {
    /// A component, whoever signed it
    Component {
        /// Its digest, sha256:…
        digest: Digest,
        #[command(flatten)]
        whose: Whose,
    },
    /// A key, and with it all that it signed
    Key {
        /// The public key
        key: PublicKey,
        #[command(flatten)]
        whose: Whose,
    },
    /// An identity, and with it all that it signed
    Identity {
        /// The identity, "sigstore:ISSUER SUBJECT"; with `*` at its end, all that begin so
        identity: Identity,
        #[command(flatten)]
        whose: Whose,
    },
    /// Releases of a plugin, also those that are still to come
    Versions {
        /// The plugin, PUBLISHER/NAME
        plugin: PluginName,
        /// This version and later ones [default: from the first]
        #[arg(long, value_name = "VERSION")]
        from: Option<Version>,
        /// Only earlier ones than this [default: all]
        #[arg(long, value_name = "VERSION")]
        before: Option<Version>,
        #[command(flatten)]
        whose: Whose,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum Uploads {
    /// They need no signature
    Unsigned,
    /// They are signed like everybody else's
    Signed,
}

/// Whose trust it is.
#[derive(Debug, Args)]
pub(in crate::cli) struct Whose {
    /// Of the catalogue, and revoked for all tenants; for whoever runs the service
    #[arg(long)]
    everybody: bool,
    #[command(flatten)]
    remote: Remote,
}

pub(super) fn run(verb: &Verb) -> anyhow::Result<Exit> {
    match verb {
        Verb::List { whose } => {
            let (trust, revoked, _) = whose.read()?;
            list(&trust, &revoked)
        }
        Verb::Accept { publisher, key, identity, only, whose } => {
            let signer = signer(key, identity).context("name a key or an identity")?;
            let scope = match only.is_empty() {
                true => Scope::All,
                false => Scope::Only(only.iter().cloned().collect()),
            };
            whose.change(|trust| {
                trust.publishers.entry(publisher.clone()).or_default().0.insert(signer, scope);
                Ok(())
            })
        }
        Verb::Withdraw { publisher, key, identity, whose } => whose.change(|trust| {
            let unknown = || anyhow!("{publisher} is none of the publishers trusted here");
            let Signers(signers) = trust.publishers.get_mut(publisher).ok_or_else(unknown)?;
            match signer(key, identity) {
                Some(signer) => {
                    let removed = signers.remove(&signer);
                    drop(removed.with_context(|| format!("{publisher} has no {signer} here"))?)
                }
                None => signers.clear(),
            }
            if signers.is_empty() {
                trust.publishers.remove(publisher);
            }
            Ok(())
        }),
        Verb::OwnUploads { uploads, whose } => whose.change(|trust| {
            trust.own_uploads = match uploads {
                Uploads::Unsigned => OwnUploads::Unsigned,
                Uploads::Signed => OwnUploads::Signed,
            };
            Ok(())
        }),
        Verb::Revoke { what } => revoke(what),
    }
}

/// Who was named; at most one of them is.
fn signer(key: &Option<PublicKey>, identity: &Option<Identity>) -> Option<Signer> {
    key.map(Signer::Key).or_else(|| identity.clone().map(Signer::Identity))
}

fn revoke(what: &What) -> anyhow::Result<Exit> {
    let (revocation, whose) = match what {
        What::Component { digest, whose } => (Revocation::Component { digest: *digest }, whose),
        What::Key { key, whose } => (Revocation::Key { key: *key }, whose),
        What::Identity { identity, whose } => (Revocation::Identity { identity: identity.clone() }, whose),
        What::Versions { plugin, from, before, whose } => {
            let (plugin, from, before) = (plugin.clone(), from.clone(), before.clone());
            (Revocation::Versions { plugin, from, before }, whose)
        }
    };
    let (trust, _, seen) = whose.read()?;
    whose.write(&trust, &[revocation], seen.as_deref())
}

impl Whose {
    fn path(&self) -> &'static str {
        if self.everybody { "catalogue-trust" } else { "trust" }
    }

    /// As it is, and by what it is known.
    fn read(&self) -> anyhow::Result<(Trust, Revocations, Option<String>)> {
        let (answer, tag) = self.remote.answer(Method::Get, self.path(), "application/json", None)?;
        let (trust, revoked) = understood(&answer)?;
        Ok((trust, revoked, tag))
    }

    fn change(&self, change: impl FnOnce(&mut Trust) -> anyhow::Result<()>) -> anyhow::Result<Exit> {
        let (mut trust, _, seen) = self.read()?;
        change(&mut trust)?;
        self.write(&trust, &[], seen.as_deref())
    }

    fn write(&self, trust: &Trust, revoked: &[Revocation], seen: Option<&str>) -> anyhow::Result<Exit> {
        let body = json!({"trust": trust, "revoked": revoked}).to_string();
        let put = Method::Put(body.as_bytes());
        let (answer, _) = self.remote.answer(put, self.path(), "application/json", seen)?;
        let (trust, revoked) = understood(&answer)?;
        list(&trust, &revoked)
    }
}

fn understood(answer: &Json) -> anyhow::Result<(Trust, Revocations)> {
    let read = || {
        let trust = serde_json::from_value(answer["trust"].clone())?;
        Ok::<_, serde_json::Error>((trust, serde_json::from_value(answer["revoked"].clone())?))
    };
    read().context("the service says something that this program does not know; use its own version of it")
}

fn list(trust: &Trust, revoked: &Revocations) -> anyhow::Result<Exit> {
    let own = match trust.own_uploads {
        OwnUploads::Unsigned => "need no signature",
        OwnUploads::Signed => "have to be signed",
    };
    println!("own uploads {own}\n");
    let signers = trust.publishers.iter().flat_map(|(publisher, Signers(signers))| {
        signers.iter().map(move |(signer, scope)| {
            let plugins = match scope {
                Scope::All => "all plugins".to_owned(),
                Scope::Only(names) => names.iter().map(Name::as_str).collect::<Vec<_>>().join(", "),
            };
            vec![publisher.to_string(), signer.to_string(), plugins]
        })
    });
    show(&["publisher", "signed by", "trusted for"], signers, 3..3)?;
    println!();
    let rows = revoked.iter().map(|revocation| match revocation {
        Revocation::Component { digest } => vec!["component".to_owned(), digest.to_string(), String::new()],
        Revocation::Key { key } => vec!["key".to_owned(), key.to_string(), String::new()],
        Revocation::Identity { identity } => vec!["identity".to_owned(), identity.to_string(), String::new()],
        Revocation::Versions { plugin, from, before } => {
            let end = |version: &Option<Version>| word(&json!(version));
            let range = format!("from {}, before {}", end(from), end(before));
            vec!["versions".to_owned(), plugin.to_string(), range]
        }
    });
    show(&["revoked", "what", "which"], rows, 3..3)
}
