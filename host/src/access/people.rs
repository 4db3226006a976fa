//! People: what their identity provider signed, checked (OpenID Connect Core 1.0; RFC 7519, RFC 8725).
//!
//! A tenant says whom it trusts to sign people in ([`Provider`]): an issuer, the audience that tokens have to be
//! for, and which groups have which role. A token names its issuer and audience; those, word for word, find the
//! providers, and only then is anybody asked for keys: `ISSUER/.well-known/openid-configuration`, and the key set
//! that it names. Who makes up issuers or keys therefore makes nobody fetch anything: key sets are asked for once
//! a minute at most, for issuers that a tenant trusts.
//!
//! Signatures are RS256, ES256 or EdDSA, as the key they name is for; nothing else is looked at.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use url::{Host, Url};

use super::{Principal, Refused, Role, Seller};
use crate::lead::TenantId;
use crate::store::{Error as StoreError, ProviderRow, Store};

/// Seconds that a provider's clock and ours may differ by.
const LEEWAY: f64 = 60.0;
/// Milliseconds between two times that one provider is asked.
const ASK_AGAIN: i64 = 60_000;
/// Milliseconds after which keys are asked for again, so that one the provider took back is not good for ever.
const GROWS_OLD: i64 = 3_600_000;
/// Milliseconds for which keys are good while the provider does not answer.
const OVER: i64 = 24 * GROWS_OLD;
/// Bytes of a token: headers are no longer than that.
const TOKEN_BYTES: usize = 16 << 10;
/// Audiences of one token that are looked at.
const AUDIENCES: usize = 8;
/// Bytes of an RSA modulus: 2048 bits (RFC 7518, section 3.3).
const RSA_BYTES: usize = 256;
/// Bytes of an Ed25519 key (RFC 8037, section 2); the library counts on them.
const ED_BYTES: usize = 32;

/// Reads a public JSON document. It blocks, and is called where that is allowed.
pub trait FetchJson: Send + Sync + 'static {
    /// What stands at this URL; where nothing does, a lowercase fragment that says why.
    ///
    /// # Errors
    ///
    /// Whatever keeps the document away: no connection, another status than 200, no JSON, too much of it.
    fn fetch_json(&self, url: &str) -> Result<Json, String>;
}

/// Who signs a tenant's people in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Whose people.
    pub tenant: TenantId,
    /// The tenant's own name for it.
    pub id: String,
    /// As tokens have it in `iss`, to the letter.
    pub issuer: String,
    /// What tokens have to have in `aud`, to the letter.
    pub audience: String,
    /// What its claims mean.
    pub mapping: Mapping,
}

/// What a provider's claims mean. A claim is named as it stands, such as `groups` or `https://acme.example/roles`,
/// or, where it stands inside another, by a JSON pointer such as `/realm_access/roles` (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The claim that holds groups: a text, or several.
    pub claim: String,
    /// Which role each group has. Who is in several has the highest: admin, manager, author, rep, ingest.
    pub roles: BTreeMap<String, Role>,
    /// The claim that holds the address by which the roster knows a rep. What the provider says is not verified
    /// (`email_verified`) counts as none.
    #[serde(default = "email")]
    pub rep: String,
    /// What other claims have to be, such as the organisation's id where a provider serves many.
    #[serde(default)]
    pub require: BTreeMap<String, String>,
}

/// Why a provider cannot be trusted so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// Its keys could be changed on their way.
    #[error("the issuer {0:?} is no https URL without query and fragment")]
    Issuer(String),
    /// Tokens for anybody would be good.
    #[error("the audience is empty; it is the client id that the provider gave you")]
    Audience,
    /// Nobody could ever get in.
    #[error("no group has a role; write one at least, such as {{\"sales-managers\": \"manager\"}}")]
    NoRoles,
    /// An operator's in a tenant, or another's outside.
    #[error("nobody can be {0} here")]
    Role(Role),
}

impl Provider {
    /// Whether it can be trusted so.
    ///
    /// # Errors
    ///
    /// The first that is wrong of [`ProviderError`].
    pub fn check(&self) -> Result<(), ProviderError> {
        let issuer = Url::parse(&self.issuer).ok();
        let plain = |url: &Url| url.query().is_none() && url.fragment().is_none();
        if !issuer.is_some_and(|url| plain(&url) && is_safe(&url)) {
            return Err(ProviderError::Issuer(self.issuer.clone()));
        }
        if self.audience.is_empty() {
            return Err(ProviderError::Audience);
        }
        if self.mapping.roles.is_empty() {
            return Err(ProviderError::NoRoles);
        }
        match self.mapping.roles.values().find(|role| !role.fits(&self.tenant)) {
            Some(role) => Err(ProviderError::Role(*role)),
            None => Ok(()),
        }
    }

    /// As it is kept; the commit is the one that keeps it.
    pub fn to_row(&self, now: Timestamp) -> ProviderRow {
        ProviderRow {
            tenant: self.tenant.to_string(),
            provider: self.id.clone(),
            head: 0,
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            roles: serde_json::to_value(&self.mapping).unwrap_or_default().to_string(),
            made_at: now.as_millisecond(),
        }
    }

    /// From what was kept.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreadable`].
    pub fn from_row(row: ProviderRow) -> Result<Self, StoreError> {
        let what = || format!("provider {} of {}", row.provider, row.tenant);
        let unreadable = || StoreError::Unreadable { what: what() };
        let tenant = row.tenant.parse().map_err(|_| unreadable())?;
        let mapping = serde_json::from_str(&row.roles).map_err(|_| unreadable())?;
        let ProviderRow { provider: id, issuer, audience, .. } = row;
        Ok(Self { tenant, id, issuer, audience, mapping })
    }

    /// The role of whoever has these claims; `None` where no group of theirs has one.
    fn role(&self, claims: &Json) -> Option<Role> {
        let texts: Vec<&str> = match claim(claims, &self.mapping.claim)? {
            Json::String(text) => vec![text],
            Json::Array(items) => items.iter().filter_map(Json::as_str).collect(),
            _ => vec![],
        };
        let roles = texts.into_iter().filter_map(|text| self.mapping.roles.get(text).copied());
        roles.filter(|role| role.fits(&self.tenant)).max()
    }

    /// Whether these claims are of somebody of this tenant.
    fn takes(&self, claims: &Json) -> bool {
        self.mapping.require.iter().all(|(name, expect)| match claim(claims, name) {
            Some(Json::String(text)) => text == expect,
            _ => false,
        })
    }

    fn seller(&self, claims: &Json) -> Option<Seller> {
        let unverified = claims.get("email_verified").is_some_and(|verified| {
            // Some providers write it as a text.
            *verified != Json::Bool(true) && verified.as_str() != Some("true")
        });
        let address = claim(claims, &self.mapping.rep)?.as_str()?.trim().to_lowercase();
        (!address.is_empty() && !unverified).then_some(Seller::Email(address))
    }
}

/// The default of [`Mapping::rep`].
fn email() -> String {
    "email".to_owned()
}

fn claim<'c>(claims: &'c Json, name: &str) -> Option<&'c Json> {
    if name.starts_with('/') { claims.pointer(name) } else { claims.get(name) }
}

/// `https`, or a provider on this machine.
fn is_safe(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}

/// What a token says of itself, before anybody has vouched for it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token<'t> {
    text: &'t str,
    algorithm: Algorithm,
    kid: Option<String>,
    issuer: String,
    audiences: Vec<String>,
}

impl<'t> Token<'t> {
    fn read(text: &'t str) -> Result<Self, Refused> {
        if text.len() > TOKEN_BYTES {
            return Err(Refused::Malformed);
        }
        let token = jsonwebtoken::dangerous::insecure_decode::<Map<String, Json>>(text);
        let token = token.map_err(|_| Refused::Malformed)?;
        let header = token.header;
        // What we do not know about and must: there is nothing of that kind (RFC 7515, section 4.1.11).
        let is_ours = matches!(header.alg, Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA);
        if !is_ours || header.crit.is_some() {
            return Err(Refused::Malformed);
        }
        let audiences = match token.claims.get("aud") {
            Some(Json::String(text)) => vec![text.clone()],
            Some(Json::Array(items)) if items.len() <= AUDIENCES => {
                items.iter().filter_map(Json::as_str).map(str::to_owned).collect()
            }
            _ => return Err(Refused::Malformed),
        };
        let issuer = token.claims.get("iss").and_then(Json::as_str).ok_or(Refused::Malformed)?.to_owned();
        Ok(Self { text, algorithm: header.alg, kid: header.kid, issuer, audiences })
    }

    /// The claims, once the signature was made with this key and it is time for them.
    fn verify(&self, key: &Jwk, now: Timestamp) -> Result<Json, Refused> {
        let mut validation = Validation::new(self.algorithm);
        // Issuer and audience found the provider, to the letter; time is compared below, with ours.
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_aud) = (false, false);
        let key = DecodingKey::from_jwk(key).map_err(|_| Refused::Unknown)?;
        let claims: Map<String, Json> =
            jsonwebtoken::decode(self.text, &key, &validation).map_err(|_| Refused::Unknown)?.claims;
        is_time(&claims, now)?;
        Ok(Json::Object(claims))
    }
}

/// `exp` has to be there; `nbf` and `iat` have to be moments where they are (RFC 7519, section 4.1).
fn is_time(claims: &Map<String, Json>, now: Timestamp) -> Result<(), Refused> {
    let now = now.as_duration().as_secs_f64();
    let moment = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or(Refused::Malformed),
    };
    let ends = moment("exp")?.ok_or(Refused::Malformed)?;
    let begins = [moment("nbf")?, moment("iat")?];
    let early = begins.into_iter().flatten().any(|at| at > now + LEEWAY);
    if ends <= now - LEEWAY || early { Err(Refused::Expired) } else { Ok(()) }
}

/// Keys of everybody who signs.
pub(super) struct Signers {
    fetch: Arc<dyn FetchJson>,
    /// By issuer; only of those that a tenant trusts. Held for a look-up.
    known: Mutex<HashMap<String, Arc<Signer>>>,
}

/// One who signs.
#[derive(Default)]
struct Signer {
    keys: Mutex<Arc<KeySet>>,
    /// When it was asked last, and what kept it from answering. Held while it is asked, so that only one does.
    asked: tokio::sync::Mutex<Option<(i64, Option<String>)>>,
}

/// Keys as they were read.
#[derive(Default)]
struct KeySet {
    read_at: i64,
    keys: Vec<Jwk>,
}

impl Signers {
    pub(super) fn new(fetch: Arc<dyn FetchJson>) -> Self {
        Self { fetch, known: Mutex::default() }
    }

    /// Who a token is of.
    pub(super) async fn of_person(
        &self,
        store: &Store,
        text: &str,
        tenant: Option<&TenantId>,
        now: Timestamp,
    ) -> Result<Principal, Refused> {
        let token = Token::read(text)?;
        let mut providers = Vec::new();
        for audience in &token.audiences {
            for row in store.provider_by(&token.issuer, audience).await? {
                providers.push(Provider::from_row(row)?);
            }
        }
        if providers.is_empty() {
            return Err(Refused::Unknown);
        }
        let key = self.key(&token, now).await?;
        let claims = token.verify(&key, now)?;
        let is_asked = |provider: &Provider| tenant.is_none_or(|tenant| *tenant == provider.tenant);
        providers.retain(|provider| provider.takes(&claims) && is_asked(provider));
        let Some(first) = providers.first() else { return Err(Refused::WrongTenant) };
        // Whoever several tenants would take has to say which one is meant.
        if providers.iter().any(|provider| provider.tenant != first.tenant) {
            return Err(Refused::WrongTenant);
        }
        let subject = claims.get("sub").and_then(Json::as_str).ok_or(Refused::Malformed)?;
        let of = providers.iter().filter_map(|provider| Some((provider.role(&claims)?, provider)));
        let (role, provider) = of.max_by_key(|(role, _)| *role).ok_or(Refused::NoRole)?;
        let actor = format!("person:{subject}@{}", token.issuer);
        Ok(Principal { tenant: provider.tenant.clone(), role, actor, rep: provider.seller(&claims) })
    }

    /// The key that the token says it was signed with.
    async fn key(&self, token: &Token<'_>, now: Timestamp) -> Result<Jwk, Refused> {
        let now = now.as_millisecond();
        let signer = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(token.issuer.clone()).or_default())
        };
        let fresh = |keys: &KeySet| keys.age(now) < GROWS_OLD;
        let keys = signer.keys();
        if let Some(key) = keys.find(token).filter(|_| fresh(&keys)) {
            return Ok(key.clone());
        }
        let mut asked = signer.asked.lock().await;
        // Somebody may have asked while this one waited.
        let keys = signer.keys();
        if let Some(key) = keys.find(token).filter(|_| fresh(&keys)) {
            return Ok(key.clone());
        }
        // A clock that went back asks again.
        if !matches!(&*asked, Some((at, _)) if (0..ASK_AGAIN).contains(&now.saturating_sub(*at))) {
            let failed = match ask(&self.fetch, &token.issuer).await {
                Ok(keys) => {
                    signer.know(KeySet { read_at: now, keys });
                    None
                }
                Err(why) => Some(why),
            };
            *asked = Some((now, failed));
        }
        let keys = signer.keys();
        let key = keys.find(token).filter(|_| keys.age(now) < OVER).cloned();
        let failed = asked.as_ref().and_then(|(_, failed)| failed.clone());
        match (key, failed) {
            (Some(key), _) => Ok(key),
            (None, Some(why)) => Err(Refused::Provider { issuer: token.issuer.clone(), why }),
            (None, None) => Err(Refused::Unknown),
        }
    }
}

impl Signer {
    fn keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn know(&self, keys: KeySet) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }
}

impl KeySet {
    /// Milliseconds; one of the future is as old as can be.
    fn age(&self, now: i64) -> i64 {
        Some(now.saturating_sub(self.read_at)).filter(|age| *age >= 0).unwrap_or(i64::MAX)
    }

    /// The key of that id, or, where the token names none, the only one there is for what it was signed with.
    fn find(&self, token: &Token<'_>) -> Option<&Jwk> {
        let mut fit = self.keys.iter().filter(|key| is_for(key, token.algorithm));
        match &token.kid {
            Some(kid) => fit.find(|key| key.common.key_id.as_ref() == Some(kid)),
            None => fit.next().filter(|_| fit.next().is_none()),
        }
    }
}

/// Whether signatures of this kind are made with a key like this.
fn is_for(key: &Jwk, algorithm: Algorithm) -> bool {
    let common = &key.common;
    let signs = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
    let named = common.key_algorithm.is_none_or(|named| named.to_string() == format!("{algorithm:?}"));
    let fits = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(rsa), Algorithm::RS256) => rsa_bytes(&rsa.n) >= RSA_BYTES,
        (AlgorithmParameters::EllipticCurve(ec), Algorithm::ES256) => ec.curve == EllipticCurve::P256,
        (AlgorithmParameters::OctetKeyPair(ed), Algorithm::EdDSA) => {
            ed.curve == EllipticCurve::Ed25519 && decoded(&ed.x).len() == ED_BYTES
        }
        _ => false,
    };
    signs && named && fits
}

/// How many bytes a number in Base64 has, without zeros in front.
fn rsa_bytes(number: &str) -> usize {
    decoded(number).iter().skip_while(|byte| **byte == 0).count()
}

/// Nothing where it is no Base64.
fn decoded(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap_or_default()
}

/// Asks a provider for its keys (OpenID Connect Discovery 1.0, section 4).
async fn ask(fetch: &Arc<dyn FetchJson>, issuer: &str) -> Result<Vec<Jwk>, String> {
    let (fetch, issuer) = (Arc::clone(fetch), issuer.to_owned());
    let asked = tokio::task::spawn_blocking(move || {
        let found = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let about = fetch.fetch_json(&found)?;
        if about["issuer"].as_str() != Some(issuer.as_str()) {
            return Err(format!("{found} is about another issuer, {}", about["issuer"]));
        }
        let url = about["jwks_uri"].as_str().unwrap_or_default();
        if !Url::parse(url).is_ok_and(|url| is_safe(&url)) {
            return Err(format!("{found} names no https URL of keys: {}", about["jwks_uri"]));
        }
        let set = fetch.fetch_json(url)?;
        let keys = set["keys"].as_array().ok_or_else(|| format!("{url} holds no keys"))?;
        // Of a kind that we do not know is none that we need.
        Ok(keys.iter().filter_map(|key| serde_json::from_value(key.clone()).ok()).collect())
    });
    asked.await.unwrap_or_else(|_| Err("the question broke off".to_owned()))
}

#[cfg(test)]
mod tests;
