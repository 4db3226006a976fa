//! Secrets at rest: sealed under a key that the database does not have.
//!
//! A sealed value is `1`, the id of the key it was sealed under (8 bytes), a nonce drawn for it (24), and what
//! XChaCha20-Poly1305 made of it (draft-irtf-cfrg-xchacha; the nonce is long enough to be drawn). Tenant, kind and
//! name are authenticated with it, so that a value opens nowhere but where it was sealed for.
//!
//! A [`Vault`] seals under its current key and opens under older ones as well. To change keys, put the new one in
//! front of the old, seal everything again ([`reseal`]), and then drop the old.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use crate::digest::Digest;
use crate::lead::TenantId;
use crate::store::{Error as StoreError, Sealed, Store};

const FORMAT: u8 = 1;
const KEY_ID: usize = 8;
const NONCE: usize = 24;
const HEADER: usize = 1 + KEY_ID + NONCE;

/// A key of 256 bits.
#[derive(Clone)]
pub struct VaultKey {
    id: [u8; KEY_ID],
    cipher: XChaCha20Poly1305,
}

/// A text that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a vault key is 32 bytes in Base64, such as `openssl rand -base64 32` prints")]
pub struct NoVaultKey;

/// Seals and opens.
#[derive(Debug, Clone)]
pub struct Vault {
    current: VaultKey,
    older: Vec<VaultKey>,
}

/// What a sealed value is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For<'n> {
    /// A secret that plugins use by this name.
    Secret(&'n str),
    /// What requests to this destination are signed with.
    Destination(&'n str),
}

/// What was sealed. It is never printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened(Vec<u8>);

/// Why a value cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Its key is none of those that there are.
    #[error("it was sealed under another key ({id}); add that one to the older keys")]
    Key {
        /// That key's id, in hexadecimal digits.
        id: String,
    },
    /// It was changed, or sealed for another tenant or name.
    #[error("it is not what was sealed for this tenant and name")]
    Changed,
    /// The system gives no random numbers.
    #[error("the system has no randomness to draw a nonce from")]
    Randomness,
}

impl VaultKey {
    /// From its bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        let id = Digest::of_parts([b"lanewright vault key".as_slice(), &bytes]);
        let mut short = [0; KEY_ID];
        short.copy_from_slice(&id.bytes()[..KEY_ID]);
        Self { id: short, cipher: XChaCha20Poly1305::new(&bytes.into()) }
    }

    /// What it is known by; tells nothing of the key.
    pub fn id(&self) -> String {
        hex(&self.id)
    }
}

impl FromStr for VaultKey {
    type Err = NoVaultKey;
    fn from_str(text: &str) -> Result<Self, NoVaultKey> {
        let bytes = BASE64.decode(text.trim()).map_err(|_| NoVaultKey)?;
        Ok(Self::new(bytes.try_into().map_err(|_| NoVaultKey)?))
    }
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VaultKey({})", self.id())
    }
}

impl Vault {
    /// Seals under `current`, and opens under all of them.
    pub fn new(current: VaultKey, older: Vec<VaultKey>) -> Self {
        Self { current, older }
    }

    /// Seals a value for a place.
    ///
    /// # Errors
    ///
    /// [`VaultError::Randomness`].
    pub fn seal(&self, tenant: &TenantId, place: For<'_>, value: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| VaultError::Randomness)?;
        let mut sealed = vec![FORMAT];
        sealed.extend(self.current.id);
        sealed.extend(nonce);
        let aad = aad(&sealed, tenant, place);
        let payload = Payload { msg: value, aad: &aad };
        // Only a value longer than the cipher's 256 GiB cannot be sealed.
        let made = self.current.cipher.encrypt(&XNonce::from(nonce), payload);
        sealed.extend(made.map_err(|_| VaultError::Changed)?);
        Ok(sealed)
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    ///
    /// [`VaultError::Key`] and [`VaultError::Changed`].
    pub fn open(&self, tenant: &TenantId, place: For<'_>, sealed: &[u8]) -> Result<Opened, VaultError> {
        let (header, body) = sealed.split_at_checked(HEADER).ok_or(VaultError::Changed)?;
        let (id, nonce) = header[1..].split_at(KEY_ID);
        if header[0] != FORMAT {
            return Err(VaultError::Changed);
        }
        let mut keys = std::iter::once(&self.current).chain(&self.older);
        let key = keys.find(|key| key.id == id).ok_or_else(|| VaultError::Key { id: hex(id) })?;
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| VaultError::Changed)?;
        let aad = aad(header, tenant, place);
        let opened = key.cipher.decrypt(&XNonce::from(nonce), Payload { msg: body, aad: &aad });
        opened.map(Opened).map_err(|_| VaultError::Changed)
    }

    /// Whether it was sealed under the current key.
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        sealed.get(1..=KEY_ID) == Some(&self.current.id)
    }
}

impl Opened {
    /// The value itself, for whoever uses it at once.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opened(…)")
    }
}

/// What [`reseal`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Values that stand under the current key now, and did not before.
    pub sealed: u64,
    /// Those that could not be opened, as tenant and name: their key is gone, or they were changed.
    pub lost: Vec<(String, String)>,
}

/// Seals everything that stands under an older key again, under the current one. Once nothing is lost, the older
/// keys can go. It can be stopped and started at any time, also on several hosts at once.
///
/// # Errors
///
/// [`StoreError::Unavailable`]; what was sealed so far stays so.
pub async fn reseal(store: &Store, vault: &Vault) -> Result<Resealed, StoreError> {
    const PAGE: i64 = 100;
    let mut resealed = Resealed::default();
    for kind in Sealed::ALL {
        let mut after = (String::new(), String::new());
        loop {
            let rows = store.sealed(kind, (&after.0, &after.1), PAGE).await?;
            let Some(last) = rows.last() else { break };
            after = (last.tenant.clone(), last.name.clone());
            for row in rows.iter().filter(|row| !vault.is_current(&row.sealed)) {
                let place = match kind {
                    Sealed::Secrets => For::Secret(&row.name),
                    Sealed::Destinations => For::Destination(&row.name),
                };
                match again(vault, &row.tenant, place, &row.sealed) {
                    Some(sealed) => resealed.sealed += u64::from(store.seal_again(kind, row, sealed).await?),
                    None => resealed.lost.push((row.tenant.clone(), row.name.clone())),
                }
            }
        }
    }
    Ok(resealed)
}

fn again(vault: &Vault, tenant: &str, place: For<'_>, sealed: &[u8]) -> Option<Vec<u8>> {
    let tenant = tenant.parse().ok()?;
    let opened = vault.open(&tenant, place, sealed).ok()?;
    vault.seal(&tenant, place, opened.expose()).ok()
}

/// What is authenticated beside the value: where one part ends and the next begins is part of it.
fn aad(header: &[u8], tenant: &TenantId, place: For<'_>) -> [u8; 32] {
    let (kind, name) = match place {
        For::Secret(name) => ("secret", name),
        For::Destination(name) => ("destination", name),
    };
    *Digest::of_parts([header, tenant.as_str().as_bytes(), kind.as_bytes(), name.as_bytes()]).bytes()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::testing::{acme, stores};

    fn key(byte: u8) -> VaultKey {
        VaultKey::new([byte; 32])
    }

    fn tenant(text: &str) -> TenantId {
        text.parse().expect("an id")
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens(value in any::<Vec<u8>>()) {
            let vault = Vault::new(key(1), vec![]);
            let sealed = vault.seal(&tenant("acme"), For::Secret("crm"), &value).expect("is sealed");
            let opened = vault.open(&tenant("acme"), For::Secret("crm"), &sealed).expect("opens");
            prop_assert_eq!(opened.expose(), &value[..]);
            let twice = vault.seal(&tenant("acme"), For::Secret("crm"), &value).expect("is sealed");
            prop_assert_ne!(sealed, twice, "nobody sees that two values are the same");
        }

        #[test]
        fn what_was_changed_does_not_open(value in any::<Vec<u8>>(), place in any::<prop::sample::Index>(), bit in 0..8) {
            let vault = Vault::new(key(1), vec![key(2)]);
            let mut sealed = vault.seal(&tenant("acme"), For::Secret("crm"), &value).expect("is sealed");
            let place = place.index(sealed.len());
            sealed[place] ^= 1u8 << bit;
            prop_assert!(vault.open(&tenant("acme"), For::Secret("crm"), &sealed).is_err());
            prop_assert!(vault.open(&tenant("acme"), For::Secret("crm"), &sealed[..place]).is_err());
        }
    }

    #[test]
    fn a_value_opens_nowhere_else() {
        let vault = Vault::new(key(1), vec![]);
        let sealed = vault.seal(&tenant("acme"), For::Secret("crm"), b"token").expect("is sealed");
        let check = |of: &str, place: For<'_>, expect: Result<&[u8], VaultError>| {
            let opened = vault.open(&tenant(of), place, &sealed);
            assert_eq!(opened.as_ref().map(Opened::expose), expect.as_ref().copied(), "{of} {place:?}");
        };
        check("acme", For::Secret("crm"), Ok(b"token"));
        check("beta", For::Secret("crm"), Err(VaultError::Changed));
        check("acme", For::Secret("CRM"), Err(VaultError::Changed));
        check("acme", For::Destination("crm"), Err(VaultError::Changed));
        check("acmes", For::Secret("ecretcrm"), Err(VaultError::Changed));
    }

    #[test]
    fn older_keys_open_and_others_do_not() {
        let sealed = Vault::new(key(1), vec![])
            .seal(&tenant("acme"), For::Secret("crm"), b"token")
            .expect("is sealed");
        let check = |vault: Vault, expect: Result<&[u8], VaultError>| {
            let opened = vault.open(&tenant("acme"), For::Secret("crm"), &sealed);
            assert_eq!(opened.as_ref().map(Opened::expose), expect.as_ref().copied(), "{vault:?}");
        };
        check(Vault::new(key(2), vec![key(1)]), Ok(b"token"));
        check(Vault::new(key(2), vec![key(3)]), Err(VaultError::Key { id: key(1).id() }));
    }

    #[test]
    fn keys_are_read_and_not_printed() {
        let check = |text: &str, expect: Result<VaultKey, NoVaultKey>| {
            let read = text.parse::<VaultKey>();
            assert_eq!(read.map(|key| key.id()), expect.map(|key| key.id()), "{text}");
        };
        let ones = BASE64.encode([1; 32]);
        check(&ones, Ok(key(1)));
        check(&format!(" {ones}\n"), Ok(key(1)));
        check(&BASE64.encode([1; 31]), Err(NoVaultKey));
        check("", Err(NoVaultKey));
        check("correct horse battery staple", Err(NoVaultKey));
        assert_eq!(format!("{:?}", key(1)), format!("VaultKey({})", key(1).id()));
        assert_eq!(format!("{:?}", Opened(b"token".to_vec())), "Opened(…)");
    }

    #[tokio::test]
    async fn everything_is_sealed_again() {
        for store in stores().await {
            let acme = acme(&store).await;
            let old = Vault::new(key(1), vec![]);
            let gone = Vault::new(key(9), vec![]);
            for (name, vault) in [("crm", &old), ("bot", &old), ("lost", &gone)] {
                let sealed = vault.seal(&acme, For::Secret(name), name.as_bytes()).expect("is sealed");
                store.of(&acme).set_secret(name, sealed, "key:k", 10).await.expect("is set");
            }
            let vault = Vault::new(key(2), vec![key(1)]);
            let lost = vec![("acme".to_owned(), "lost".to_owned())];
            for sealed in [2, 0] {
                let found = reseal(&store, &vault).await.expect("is sealed again");
                assert_eq!(found, Resealed { sealed, lost: lost.clone() });
            }
            let sealed = store.of(&acme).secret("crm").await.expect("is read").expect("is there");
            let opened = Vault::new(key(2), vec![]).open(&acme, For::Secret("crm"), &sealed);
            assert_eq!(opened.as_ref().map(Opened::expose), Ok(&b"crm"[..]));
        }
    }
}
