//! API keys: how one is written, made, replaced and compared.
//!
//! A key is `lw_TENANT_ID_SECRET`. The prefix lets scanners of leaked secrets find it. A tenant's id may hold any
//! character, so it is written as in a form (`%C3%A9`); id and secret are letters and digits, so the last two `_`
//! divide it whatever the tenant is called. Only a digest of the whole text is kept. One round of SHA-256 is
//! enough for that: the secret is drawn, not thought of, and nobody tries 2^190 of them.

use std::fmt;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use url::form_urlencoded;

use super::Role;
use crate::lead::{RepId, TenantId};
use crate::store::Error as StoreError;
use crate::store::{KeyRow, TenantStore};

/// What every key begins with.
pub const PREFIX: &str = "lw_";
/// Letters and digits of an id.
const ID: usize = 12;
/// Letters and digits of a secret: 32 · log2(62) = 190 bits.
const SECRET: usize = 32;
/// A tenant's id, each byte written as three, and the rest: nothing longer is looked at.
const LONGEST: usize = PREFIX.len() + 3 * crate::lead::MAX_ID + ID + SECRET + 2;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key as its holder has it. It is shown once, when it is made, and never printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    tenant: TenantId,
    id: String,
    text: String,
}

/// What a new key is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whose it is; for the role `rep`, and for no other.
    pub rep: Option<RepId>,
    /// When it ends; `None`: when it is revoked.
    pub expires_at: Option<Timestamp>,
}

/// Why a key cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// An operator's in a tenant, or another's outside.
    #[error("no key of {tenant} can have the role {role}")]
    Role {
        /// Whose.
        tenant: TenantId,
        /// Which.
        role: Role,
    },
    /// A rep's without a rep, or with one where it is no rep's.
    #[error("a key names a rep if, and only if, its role is rep")]
    Rep,
    /// It would be over before it is used.
    #[error("the key would have expired already")]
    Expired,
    /// The one to be replaced is not there, is revoked or has expired.
    #[error("there is no key {0} that still holds")]
    NoKey(String),
    /// The system gives no random numbers.
    #[error("the system has no randomness to draw a key from")]
    Randomness,
    /// The store could not keep it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Key {
    /// Draws a key.
    ///
    /// # Errors
    ///
    /// [`KeyError::Randomness`].
    pub fn draw(tenant: &TenantId) -> Result<Self, KeyError> {
        let (id, secret) = (drawn(ID)?, drawn(SECRET)?);
        let written: String = form_urlencoded::byte_serialize(tenant.as_str().as_bytes()).collect();
        let text = format!("{PREFIX}{written}_{id}_{secret}");
        Ok(Self { tenant: tenant.clone(), id, text })
    }

    /// Reads a key; `None` where it is none. Whether there is such a key only its digest tells.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let mut parts = text.strip_prefix(PREFIX)?.rsplitn(3, '_');
        let (secret, id, written) = (parts.next()?, parts.next()?, parts.next()?);
        let is = |part: &str, length| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        // `&` and `=` would divide a form, and no id is written with either.
        if !is(secret, SECRET) || !is(id, ID) || written.contains(['&', '=']) {
            return None;
        }
        let (tenant, _) = form_urlencoded::parse(written.as_bytes()).next()?;
        let tenant = tenant.parse().ok()?;
        Some(Self { tenant, id: id.to_owned(), text: text.to_owned() })
    }

    /// Whose.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// What it is called by in the API and the log; no secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// All of it, secret included: for whoever asked for it to be made.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What is kept of it.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.text).into()
    }

    /// Whether this is what was kept of it, in the same time whatever the answer.
    pub fn is(&self, hash: &[u8]) -> bool {
        self.hash().as_slice().ct_eq(hash).into()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("tenant", &self.tenant).field("id", &self.id).finish_non_exhaustive()
    }
}

/// Makes a key of a tenant. The text that the answer reveals is nowhere else.
///
/// # Errors
///
/// All of [`KeyError`] but [`KeyError::NoKey`].
pub async fn make(
    store: TenantStore<'_>,
    tenant: &TenantId,
    new: &NewKey,
    actor: &str,
    now: Timestamp,
) -> Result<(Key, KeyRow), KeyError> {
    let (key, row) = drawn_row(tenant, new, actor, now)?;
    store.add_key(&row).await?;
    Ok((key, row))
}

/// Makes a key in the place of another, of the same name, role and rep. The old one holds until `until`, or until
/// it would have ended anyway, so that both work while programs are given the new one. The new one ends at
/// `expires_at`.
///
/// # Errors
///
/// [`KeyError::NoKey`] where the old one holds no longer; [`KeyError::Expired`], [`KeyError::Randomness`] and
/// [`KeyError::Store`].
pub async fn rotate(
    store: TenantStore<'_>,
    tenant: &TenantId,
    old: &str,
    (until, expires_at): (Timestamp, Option<Timestamp>),
    actor: &str,
    now: Timestamp,
) -> Result<(Key, KeyRow), KeyError> {
    let gone = || KeyError::NoKey(old.to_owned());
    let before = store.key(old).await?.ok_or_else(gone)?;
    let unreadable = || KeyError::Store(StoreError::Unreadable { what: format!("key {old}") });
    let rep = before.rep.as_deref().map(str::parse).transpose().map_err(|_| unreadable())?;
    let role = before.role.parse().map_err(|_| unreadable())?;
    let new = NewKey { name: before.name, role, rep, expires_at };
    let (key, row) = drawn_row(tenant, &new, actor, now)?;
    if !store.replace_key(old, &row, until.as_millisecond()).await? {
        return Err(gone());
    }
    Ok((key, row))
}

fn drawn_row(
    tenant: &TenantId,
    new: &NewKey,
    actor: &str,
    now: Timestamp,
) -> Result<(Key, KeyRow), KeyError> {
    if !new.role.fits(tenant) {
        return Err(KeyError::Role { tenant: tenant.clone(), role: new.role });
    }
    if (new.role == Role::Rep) != new.rep.is_some() {
        return Err(KeyError::Rep);
    }
    if new.expires_at.is_some_and(|at| at <= now) {
        return Err(KeyError::Expired);
    }
    let key = Key::draw(tenant)?;
    let row = KeyRow {
        tenant: tenant.to_string(),
        key: key.id.clone(),
        name: new.name.clone(),
        role: new.role.to_string(),
        rep: new.rep.as_ref().map(RepId::to_string),
        hash: key.hash().to_vec(),
        made_at: now.as_millisecond(),
        made_by: actor.to_owned(),
        expires_at: new.expires_at.map(Timestamp::as_millisecond),
        revoked_at: None,
        used_at: None,
    };
    Ok((key, row))
}

/// So many letters and digits, each as likely as every other.
fn drawn(length: usize) -> Result<String, KeyError> {
    let mut text = String::with_capacity(length);
    let mut bytes = [0; 64];
    while text.len() < length {
        getrandom::fill(&mut bytes).map_err(|_| KeyError::Randomness)?;
        // Four rounds of the alphabet fit into a byte; what is beyond them would favour its beginning.
        let fair = bytes.iter().filter(|&&byte| usize::from(byte) < 4 * ALPHABET.len());
        let letters = fair.map(|&byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
        text.extend(letters.take(length - text.len()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tenant(text: &str) -> TenantId {
        text.parse().expect("an id")
    }

    proptest! {
        #[test]
        fn a_key_is_read_back_whatever_its_tenant_is_called(text in "[^\\p{Cc}]{1,30}") {
            prop_assume!(text.parse::<TenantId>().is_ok());
            let key = Key::draw(&tenant(&text)).expect("is drawn");
            prop_assert!(key.reveal().bytes().all(|byte| byte.is_ascii_graphic()), "{}", key.reveal());
            let read = Key::parse(key.reveal()).expect("is read");
            prop_assert!(read.is(&key.hash()));
            prop_assert_eq!(read, key);
        }

        #[test]
        fn a_key_that_was_changed_is_another(place in 0usize..53, letter in any::<char>()) {
            let key = Key::draw(&tenant("acme_eu")).expect("is drawn");
            let mut letters: Vec<char> = key.reveal().chars().collect();
            prop_assume!(letters[place] != letter);
            letters[place] = letter;
            let text: String = letters.into_iter().collect();
            prop_assert!(!Key::parse(&text).is_some_and(|read| read.is(&key.hash())), "{}", text);
        }

        #[test]
        fn no_text_is_too_odd_to_be_refused(text in "(lw_)?.{0,80}") {
            let _ = Key::parse(&text);
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let (id, secret) = ("a".repeat(ID), "b".repeat(SECRET));
        let check = |text: String, expect: Option<&str>| {
            let read = Key::parse(&text);
            assert_eq!(read.as_ref().map(|key| key.tenant().as_str()), expect, "{text}");
        };
        check(format!("lw_acme_{id}_{secret}"), Some("acme"));
        check(format!("lw_a_b_c_{id}_{secret}"), Some("a_b_c"));
        check(format!("lw_*_{id}_{secret}"), Some("*"));
        check(format!("lw_caf%C3%A9_{id}_{secret}"), Some("café"));
        check(format!("lw__{id}_{secret}"), None);
        check(format!("LW_acme_{id}_{secret}"), None);
        check(format!("lw_acme_{id}_{secret}b"), None);
        check(format!("lw_acme_{id}{secret}"), None);
        check(format!("lw_acme_{id}_{}", "é".repeat(SECRET / 2)), None);
        check(format!("lw_a&b_{id}_{secret}"), None);
        check(format!("lw_%00_{id}_{secret}"), None);
        check(format!("lw_{}_{id}_{secret}", "a".repeat(1000)), None);
    }

    #[test]
    fn a_key_is_not_printed_by_accident() {
        let key = Key::draw(&tenant("acme")).expect("is drawn");
        let printed = format!("{key:?}");
        assert!(printed.contains(key.id()), "{printed}");
        assert!(!printed.contains(&key.reveal()[key.reveal().len() - SECRET..]), "{printed}");
    }
}
