//! Who may do what: a credential in, a [`Scope`] out.
//!
//! A program shows an API key, a person what their identity provider signed. Either way [`Access::authenticate`]
//! answers with who it is, of which tenant, and as what; nothing else can make a [`Scope`], so that a function that
//! takes one cannot be reached by somebody who was not checked. What a role may do stands in one table
//! ([`Role::rights`]).
//!
//! A revoked key is refused at once by the host that revoked it, where that host calls [`Access::forget`], and by
//! every other one [`REMEMBERED`] later at most, plus the time of one read. The same holds for what else changes
//! about a key. Providers are read each time; their signing keys are asked for again after an hour.
//!
//! What is wrong with a credential is for the log. Outside it all looks the same ([`Refused::seen`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::lead::{RepId, TenantId};
use crate::store::{Error as StoreError, KeyRow, Store, TenantStore};

pub mod key;
pub mod people;
mod rights;
mod safe;
pub mod vault;

pub use key::{Key, KeyError, NewKey};
pub use people::{FetchJson, Mapping, Provider, ProviderError};
pub use rights::{NoSuchRole, Right, Role};
pub use safe::Safe;
pub use vault::{For, Opened, Vault, VaultKey};

/// How long a host goes by what it has read of a key.
pub const REMEMBERED: Duration = Duration::from_secs(3);
/// How much older the last use that is kept may be than the last use.
const USES: Duration = Duration::from_secs(60);
/// Keys remembered at most: some 20 MB.
const MOST: usize = 50_000;

/// Checks credentials.
pub struct Access {
    store: Store,
    signers: people::Signers,
    /// Held for a look-up, never while anything is waited for.
    keys: Mutex<Keys>,
}

/// Who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Of which tenant; [`TenantId::operators`] for operators.
    pub tenant: TenantId,
    /// As what.
    pub role: Role,
    /// As the audit log names them: `key:ID`, or `person:SUBJECT@ISSUER`.
    pub actor: String,
    /// Whose leads are their own, where they sell.
    pub rep: Option<Seller>,
}

/// Which rep somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seller {
    /// The rep of this id.
    Id(RepId),
    /// Whoever among the tenant's reps has this address, in lower case.
    Email(String),
}

/// Somebody who was checked. Only [`Access::authenticate`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    principal: Principal,
}

/// Why somebody is not let in, or may not do something.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no credential.
    #[error("no credential")]
    Missing,
    /// It is neither a key nor a token.
    #[error("neither a key nor a signed token")]
    Malformed,
    /// There is no such key, nobody trusts who signed it, or the signature is not theirs.
    #[error("a key, or a signature, that nobody knows")]
    Unknown,
    /// Its time is over, or has not begun.
    #[error("expired, or not valid yet")]
    Expired,
    /// It was taken back.
    #[error("a revoked key")]
    Revoked,
    /// It is good, for another tenant, or for several and none was named.
    #[error("a credential of another tenant")]
    WrongTenant,
    /// Their provider knows them, and the tenant gives none of their groups a role.
    #[error("a person without a role")]
    NoRole,
    /// Their role may not do this.
    #[error("the role {role} may not do this ({right:?})")]
    NotAllowed {
        /// What they are.
        role: Role,
        /// What it would take.
        right: Right,
    },
    /// The provider does not tell its keys, so nothing can be said about what it signed.
    #[error("{issuer} does not tell its keys: {why}")]
    Provider {
        /// Which.
        issuer: String,
        /// What was met with; a fragment.
        why: String,
    },
    /// The store cannot tell.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// All that is told outside of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nobody who is known (401).
    Unauthenticated,
    /// Somebody who may not do this (403).
    Forbidden,
    /// It cannot be told at the moment (503).
    Unavailable,
}

impl Refused {
    /// What is told outside.
    pub fn seen(&self) -> Seen {
        match self {
            Self::Missing
            | Self::Malformed
            | Self::Unknown
            | Self::Expired
            | Self::Revoked
            | Self::WrongTenant => Seen::Unauthenticated,
            Self::NoRole | Self::NotAllowed { .. } => Seen::Forbidden,
            Self::Provider { .. } | Self::Store(_) => Seen::Unavailable,
        }
    }
}

impl Scope {
    /// Who it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Of which tenant.
    pub fn tenant(&self) -> &TenantId {
        &self.principal.tenant
    }

    /// As what.
    pub fn role(&self) -> Role {
        self.principal.role
    }

    /// As the audit log names them.
    pub fn actor(&self) -> &str {
        &self.principal.actor
    }

    /// Which rep they are, where they sell.
    pub fn rep(&self) -> Option<&Seller> {
        self.principal.rep.as_ref()
    }

    /// That they may do this.
    ///
    /// # Errors
    ///
    /// [`Refused::NotAllowed`] where they may not.
    pub fn may(&self, right: Right) -> Result<(), Refused> {
        let role = self.role();
        if role.may(right) { Ok(()) } else { Err(Refused::NotAllowed { role, right }) }
    }

    /// Everything of their tenant, and of no other.
    pub fn within<'s>(&'s self, store: &'s Store) -> TenantStore<'s> {
        store.of(self.tenant())
    }
}

/// What is remembered of keys, by tenant and id.
#[derive(Debug, Default)]
struct Keys {
    known: HashMap<(TenantId, String), Known>,
    /// Uses that are not written down yet.
    uses: HashMap<(TenantId, String), i64>,
}

/// A key as it was read.
#[derive(Debug, Clone)]
struct Known {
    read_at: i64,
    hash: Vec<u8>,
    role: Role,
    rep: Option<RepId>,
    expires_at: Option<i64>,
    revoked: bool,
    used_at: Option<i64>,
}

impl Access {
    /// Checks against this store, and asks providers for their keys through `fetch`.
    pub fn new(store: Store, fetch: Arc<dyn FetchJson>) -> Self {
        Self { store, signers: people::Signers::new(fetch), keys: Mutex::default() }
    }

    /// Checks what an `Authorization` header holds, against the tenant that is asked for where one is named.
    ///
    /// # Errors
    ///
    /// Everything of [`Refused`] but [`Refused::NotAllowed`].
    pub async fn authenticate(
        &self,
        authorization: Option<&str>,
        tenant: Option<&TenantId>,
        now: Timestamp,
    ) -> Result<Scope, Refused> {
        let header = authorization.ok_or(Refused::Missing)?;
        let (scheme, credential) = header.trim().split_once(' ').ok_or(Refused::Malformed)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refused::Malformed);
        }
        let credential = credential.trim_start();
        let principal = if credential.starts_with(key::PREFIX) {
            self.of_key(credential, tenant, now).await?
        } else {
            self.signers.of_person(&self.store, credential, tenant, now).await?
        };
        Ok(Scope { principal })
    }

    /// Reads a key anew when it is shown next: for whoever has just changed or revoked it.
    pub fn forget(&self, tenant: &TenantId, key: &str) {
        self.keys().known.remove(&(tenant.clone(), key.to_owned()));
    }

    /// Writes down which keys were used since the last time, all in one transaction; how many. Meant to be called
    /// once a minute, and when the host ends.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`]; those uses are lost, which the next ones make up for.
    pub async fn write_uses(&self) -> Result<usize, StoreError> {
        let uses = std::mem::take(&mut self.keys().uses);
        let rows: Vec<_> = uses.into_iter().map(|((tenant, key), at)| (tenant.into(), key, at)).collect();
        if !rows.is_empty() {
            self.store.note_uses(&rows).await?;
        }
        Ok(rows.len())
    }

    async fn of_key(
        &self,
        text: &str,
        tenant: Option<&TenantId>,
        now: Timestamp,
    ) -> Result<Principal, Refused> {
        let key = Key::parse(text).ok_or(Refused::Malformed)?;
        let now = now.as_millisecond();
        let place = (key.tenant().clone(), key.id().to_owned());
        let known = self.keys().known.get(&place).filter(|known| known.is_fresh(now)).cloned();
        let known = match known {
            Some(known) => known,
            None => {
                // Keys that are not there are not remembered: whoever makes them up would fill the memory.
                let row = self.store.of(key.tenant()).key(key.id()).await?.ok_or(Refused::Unknown)?;
                Known::read(row, now)?
            }
        };
        // Without the secret nobody learns whether a key was revoked.
        if !key.is(&known.hash) || !known.role.fits(key.tenant()) {
            return Err(Refused::Unknown);
        }
        let (role, rep) = (known.role, known.rep.clone());
        let state = (known.revoked, known.expires_at.is_some_and(|at| at <= now));
        self.keys().remember(place, known, now);
        match state {
            (true, _) => return Err(Refused::Revoked),
            (_, true) => return Err(Refused::Expired),
            _ => {}
        }
        if tenant.is_some_and(|tenant| tenant != key.tenant()) {
            return Err(Refused::WrongTenant);
        }
        let actor = format!("key:{}", key.id());
        Ok(Principal { tenant: key.tenant().clone(), role, actor, rep: rep.map(Seller::Id) })
    }

    /// What is remembered is whole after every statement, so a thread that died in between left nothing half done.
    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    fn remember(&mut self, place: (TenantId, String), mut known: Known, now: i64) {
        let minute = i64::try_from(USES.as_millis()).unwrap_or(i64::MAX);
        let holds = !known.revoked && known.expires_at.is_none_or(|at| at > now);
        if holds && known.used_at.is_none_or(|at| at.saturating_add(minute) <= now) {
            known.used_at = Some(now);
            self.uses.insert(place.clone(), now);
        }
        if self.known.len() >= MOST {
            self.known.retain(|_, known| known.is_fresh(now));
        }
        if self.known.len() >= MOST {
            self.known.clear();
        }
        self.known.insert(place, known);
    }
}

impl Known {
    fn read(row: KeyRow, now: i64) -> Result<Self, StoreError> {
        let what = format!("key {} of {}", row.key, row.tenant);
        let unreadable = || StoreError::Unreadable { what: what.clone() };
        Ok(Self {
            read_at: now,
            hash: row.hash,
            role: row.role.parse().map_err(|_| unreadable())?,
            rep: row.rep.map(|rep| rep.parse().map_err(|_| unreadable())).transpose()?,
            expires_at: row.expires_at,
            revoked: row.revoked_at.is_some(),
            used_at: row.used_at,
        })
    }

    /// A clock that goes back makes it old.
    fn is_fresh(&self, now: i64) -> bool {
        let age = now.checked_sub(self.read_at).and_then(|age| u64::try_from(age).ok());
        age.is_some_and(|age| Duration::from_millis(age) < REMEMBERED)
    }
}

#[cfg(test)]
mod tests;
