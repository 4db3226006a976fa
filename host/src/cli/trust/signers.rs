//! Whom a person at the command line trusts: keys, and identities that Sigstore vouches for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use super::tell_statement;
use crate::app::sigstore_root;
use crate::oci::Package;
use crate::trust::{
    Identity, OwnUploads, PublicKey, Revocations, Scope, Signer, Signers, SigstoreRoot, Source, Statement,
    Trust, Trusted, verify,
};

/// Whom a person trusts here and now.
#[derive(Debug, Args)]
pub(in crate::cli) struct TrustedSigners {
    /// A public key of the publisher; again for each
    #[arg(long = "key", value_name = "KEY", required_unless_present = "identities")]
    keys: Vec<PublicKey>,
    /// An identity of the publisher's, "sigstore:ISSUER SUBJECT"; again for each
    #[arg(long = "identity", value_name = "IDENTITY")]
    identities: Vec<Identity>,
    #[command(flatten)]
    sigstore: Sigstore,
}

/// Whose certificates and logs are believed.
#[derive(Debug, Args)]
pub(in crate::cli) struct Sigstore {
    /// The trusted_root.json that Sigstore bundles are checked against [default: the public Sigstore's]
    #[arg(long = "sigstore-root", value_name = "FILE", env = "LANEWRIGHT_SIGSTORE_ROOT")]
    root: Option<PathBuf>,
}

impl TrustedSigners {
    /// Whether one of them signed a package; says so.
    pub(super) fn trust(&self, package: &Package) -> anyhow::Result<bool> {
        let keys = self.keys.iter().map(|key| Signer::Key(*key));
        let identities = self.identities.iter().cloned().map(Signer::Identity);
        let signers = Signers(keys.chain(identities).map(|signer| (signer, Scope::All)).collect());
        let publishers = BTreeMap::from([(package.manifest.publisher.clone(), signers)]);
        let trust = Trust { own_uploads: OwnUploads::Signed, publishers };
        let offer = package.offer(Source::Elsewhere);
        Ok(match verify(&offer, &trust, &Revocations::default(), None, &self.sigstore.root()?) {
            Ok(Trusted::Signed(signer)) => {
                let (manifest, digest, cases) = (package.manifest.clone(), offer.digest, offer.cases);
                tell_statement(&Statement { manifest, digest, cases });
                println!("signed by {signer}");
                true
            }
            // Nothing is a person's own here.
            Ok(Trusted::Own) => false,
            Err(why) => {
                println!("refused: {why}");
                false
            }
        })
    }
}

impl Sigstore {
    pub(super) fn root(&self) -> anyhow::Result<SigstoreRoot> {
        sigstore_root(self.root.as_deref())
    }
}
