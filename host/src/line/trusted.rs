//! Whether a tenant trusts a release, when it is published and for as long as it answers.
//!
//! What a tenant revokes, or whoever runs the service does for everybody, is trusted no longer from that moment on: it
//! is neither published nor put in force, and a release that answers is withdrawn.

use serde_json::json;

use super::publish::Content;
use super::published::deployments;
use super::{Lines, Refused};
use crate::digest::Digest;
use crate::lead::TenantId;
use crate::releases::{Step, Version};
use crate::store::{Change, Event, ReleaseRow, TrustRow};
use crate::trust::{
    Distrust, HAS_SIGSTORE, Manifest, OwnUploads, Revocation, Revocations, Seen, Signed, Source, Trust,
    Trusted, verify,
};
use crate::versions::By;

impl Lines {
    /// Whom a tenant trusts, what it has revoked itself, and the commit that said so last.
    ///
    /// # Errors
    ///
    /// [`Refused::Unavailable`].
    pub async fn trust(&self, tenant: &TenantId) -> Result<(Trust, Revocations, i64), Refused> {
        read(self.parts.store.of(tenant).trust().await?)
    }

    /// Says whom a tenant trusts, and revokes; what was revoked before stays so. `seen` is the commit that said it last,
    /// for somebody who minds if there was another since. Of operators, what they revoke is revoked for everybody.
    ///
    /// # Errors
    ///
    /// [`Refused`] says why not.
    pub async fn set_trust(
        &self,
        tenant: &TenantId,
        (trust, revoked): (Trust, Revocations),
        by: By<'_>,
        seen: Option<i64>,
    ) -> Result<i64, Refused> {
        let store = self.parts.store.of(tenant);
        let mut change = store.begin(by.at).await?;
        // Nobody else changes it until this ends.
        let (before, mut all, head) = read(change.trust().await?)?;
        if seen.is_some_and(|seen| seen != head) {
            return Err(Refused::Changed);
        }
        // One that another program put there may stay, so that what is in a hurry is not refused for it.
        let is_new = |identity| before.identities().all(|before| before != identity);
        if !HAS_SIGSTORE && trust.identities().any(is_new) {
            return Err(Refused::Distrusted(Distrust::NoSigstore));
        }
        all.merge(revoked.iter().cloned()).map_err(|error| Refused::Conflict(error.to_string()))?;
        change.put_trust(&json!(trust).to_string(), &json!(all).to_string()).await?;
        let head = change.head();
        let body = json!({"trust": trust, "revoked": revoked});
        let event = Event { kind: "trust.put", actor: by.actor.to_owned(), lead: None, body };
        change.commit(&[event]).await?;
        match tenant.is_operators() {
            false => self.withdraw(tenant, by).await?,
            true => {
                for tenant in self.parts.store.tenants_with_plugins().await? {
                    self.withdraw(&tenant, by).await?;
                }
            }
        }
        Ok(head)
    }

    /// Whether a release may be published; who signed it, where it is somebody's.
    pub(super) async fn trusted(
        &self,
        tenant: &TenantId,
        content: &Content,
        source: Source,
        published: &[ReleaseRow],
    ) -> Result<Option<String>, Refused> {
        let (trust, revocations) = self.revocations(tenant).await?;
        match content {
            Content::Alone { component, .. } => {
                let digest = Digest::of(component);
                if let Some(by) = revoked_component(&revocations, digest) {
                    return Err(Refused::Distrusted(Distrust::Revoked { by: Box::new(by.clone()) }));
                }
                match trust.own_uploads {
                    OwnUploads::Unsigned => Ok(None),
                    OwnUploads::Signed => Err(Refused::Distrusted(Distrust::Unsigned)),
                }
            }
            Content::Package(package) => {
                let before: Vec<(Manifest, &ReleaseRow)> =
                    published.iter().filter_map(|row| Some((manifest(row)?, row))).collect();
                let ours = package.manifest.plugin();
                if let Some((other, _)) = before.iter().find(|(other, _)| other.plugin() != ours) {
                    return Err(Refused::Conflict(format!(
                        "releases here are of {}, and this is one of {ours}; publish it under a name of its own",
                        other.plugin()
                    )));
                }
                let seen = before.iter().filter_map(|(manifest, row)| {
                    Some(Seen { version: manifest.version.clone(), digest: row.digest.parse().ok()? })
                });
                let highest = seen.max_by(|a, b| a.version.cmp(&b.version));
                // The same again is what it was.
                let again = published.iter().any(|row| row.version == package.manifest.version.to_string());
                let seen = highest.filter(|_| !again);
                let root = &self.parts.sigstore;
                match verify(&package.offer(source), &trust, &revocations, seen.as_ref(), root) {
                    Ok(Trusted::Signed(_)) => Ok(Some(package.manifest.publisher.to_string())),
                    Ok(Trusted::Own) => Ok(None),
                    Err(why) => Err(Refused::Distrusted(why)),
                }
            }
        }
    }

    /// Why a release is trusted no longer.
    async fn revoked(
        &self,
        tenant: &TenantId,
        plugin: &str,
        version: &Version,
    ) -> Result<Option<Revocation>, Refused> {
        let Some(row) = self.parts.store.of(tenant).release(plugin, &version.to_string()).await? else {
            return Ok(None);
        };
        let (_, revocations) = self.revocations(tenant).await?;
        Ok(revoked(&revocations, &row))
    }

    /// The tenant's trust, with everybody's revocations.
    async fn revocations(&self, tenant: &TenantId) -> Result<(Trust, Revocations), Refused> {
        let (trust, revocations, _) = self.trust(tenant).await?;
        let (_, everybodys, _) = self.trust(&TenantId::operators()).await?;
        Ok((trust, both(revocations, &everybodys)?))
    }

    /// Takes out of force whatever answers and is trusted no longer.
    async fn withdraw(&self, tenant: &TenantId, by: By<'_>) -> Result<(), Refused> {
        let store = self.parts.store.of(tenant);
        for (plugin, deployment) in deployments(&store.plugins().await?)? {
            for version in deployment.running().chain(&deployment.good) {
                if let Some(revocation) = self.revoked(tenant, plugin.as_str(), version).await? {
                    let why = format!("revoked: {}", json!(revocation));
                    let step = Step::Withdraw { version: version.clone() };
                    match self.deploy(tenant, &plugin, &step, by, (None, Some(why))).await {
                        // It went by another way meanwhile.
                        Ok(_) | Err(Refused::Conflict(_)) => {}
                        Err(refused) => return Err(refused),
                    }
                }
            }
        }
        Ok(())
    }
}

/// Why a release is trusted no longer, as it stands until a change ends.
pub(super) async fn revoked_until(
    change: &mut Change,
    row: &ReleaseRow,
) -> Result<Option<Revocation>, Refused> {
    let (_, own, _) = read(change.trust().await?)?;
    let (_, everybodys, _) = read(change.everybodys_trust().await?)?;
    Ok(revoked(&both(own, &everybodys)?, row))
}

fn both(mut own: Revocations, everybodys: &Revocations) -> Result<Revocations, Refused> {
    own.merge(everybodys.iter().cloned()).map_err(|error| Refused::Conflict(error.to_string()))?;
    Ok(own)
}

/// Nobody but the tenant itself, where nobody has said otherwise.
fn read(row: Option<TrustRow>) -> Result<(Trust, Revocations, i64), Refused> {
    let Some(row) = row else { return Ok((Trust::default(), Revocations::default(), 0)) };
    let unreadable = |_| super::load::unreadable("whom the tenant trusts");
    let trust = serde_json::from_str(&row.trust).map_err(unreadable)?;
    let revoked = serde_json::from_str(&row.revoked).map_err(unreadable)?;
    Ok((trust, revoked, row.head))
}

pub(super) fn manifest(row: &ReleaseRow) -> Option<Manifest> {
    serde_json::from_str(&row.manifest).ok()
}

fn revoked_component(revocations: &Revocations, digest: Digest) -> Option<&Revocation> {
    revocations.iter().find(|revocation| **revocation == Revocation::Component { digest })
}

fn revoked(revocations: &Revocations, row: &ReleaseRow) -> Option<Revocation> {
    let digest: Digest = row.digest.parse().ok()?;
    let found = match manifest(row) {
        Some(manifest) => revocations.of_release(&manifest, digest),
        None => revoked_component(revocations, digest),
    };
    let signed: Option<Signed> = row.signed.as_deref().and_then(|signed| serde_json::from_str(signed).ok());
    found.or_else(|| revocations.of_signer(&signed?.signer())).cloned()
}
