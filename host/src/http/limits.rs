//! How much a tenant may ask at once and in a second, so that none takes what is another's.
//!
//! The answer says how things stand, with the header fields `RateLimit-Policy` and `RateLimit` of the IETF's draft
//! (draft-ietf-httpapi-ratelimit-headers).

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::{Code, Problem};
use crate::lead::TenantId;

type Rate = RateLimiter<TenantId, DashMapStateStore<TenantId>, DefaultClock, StateInformationMiddleware>;

/// What a tenant may ask.
#[derive(Debug, Clone, Copy)]
pub struct Allowed {
    /// Requests a second, in the long run.
    pub per_second: NonZeroU32,
    /// Requests that may come at once on top of it.
    pub burst: NonZeroU32,
    /// Requests under way at once.
    pub at_once: u32,
}

/// Counts what every tenant asks.
#[derive(Clone)]
pub struct Limits {
    allowed: Allowed,
    rate: Arc<Rate>,
    /// By tenant. Held for as long as it takes to look one up.
    under_way: Arc<Mutex<HashMap<TenantId, Arc<Semaphore>>>>,
}

/// A place among the requests of a tenant that are under way; given back when it is dropped.
#[derive(Debug)]
pub struct Admitted {
    _permit: OwnedSemaphorePermit,
}

/// How a request's tenant stands, told by whoever admits it to whoever writes the answer's head.
#[derive(Debug, Clone, Default)]
pub struct Standing(Arc<OnceLock<(Allowed, u32, u64)>>);

impl Limits {
    /// Nobody has asked anything yet.
    pub fn new(allowed: Allowed) -> Self {
        let quota = Quota::per_second(allowed.per_second).allow_burst(allowed.burst);
        let rate = RateLimiter::dashmap(quota).with_middleware();
        Self { allowed, rate: Arc::new(rate), under_way: Arc::default() }
    }

    /// Lets a request of this tenant in, or says when the next may come.
    pub(super) fn admit(&self, tenant: &TenantId, standing: Option<&Standing>) -> Result<Admitted, Problem> {
        let told = |left: u32, seconds: u64| {
            standing.map(|standing| standing.0.set((self.allowed, left, seconds)));
        };
        match self.rate.check_key(tenant) {
            Ok(state) => told(state.remaining_burst_capacity(), 1),
            Err(not_until) => {
                let wait = not_until.wait_time_from(DefaultClock::default().now());
                let seconds = wait.as_secs().max(1);
                told(0, seconds);
                let detail = format!("more than {} requests a second", self.allowed.per_second);
                return Err(Problem::new(Code::TooMany, detail).retry_after(seconds));
            }
        }
        let permit = self.semaphore(tenant).try_acquire_owned().map_err(|_| {
            let detail = format!("{} requests are under way already", self.allowed.at_once);
            Problem::new(Code::TooMany, detail).retry_after(1)
        })?;
        Ok(Admitted { _permit: permit })
    }

    /// Forgets tenants that have not asked for a while.
    pub fn tidy(&self) {
        self.rate.retain_recent();
        let full = self.allowed.at_once as usize;
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.retain(|_, semaphore| semaphore.available_permits() < full);
    }

    fn semaphore(&self, tenant: &TenantId) -> Arc<Semaphore> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = under_way.get(tenant) {
            return Arc::clone(semaphore);
        }
        let semaphore = Arc::new(Semaphore::new(self.allowed.at_once as usize));
        under_way.insert(tenant.clone(), Arc::clone(&semaphore));
        semaphore
    }
}

/// Writes how the tenant stands into the answer's head.
pub(super) async fn tell(mut request: Request, next: Next) -> Response {
    let standing = Standing::default();
    request.extensions_mut().insert(standing.clone());
    let mut response = next.run(request).await;
    if let Some((allowed, left, seconds)) = standing.0.get() {
        let policy = format!("\"tenant\";q={};w=1", allowed.per_second);
        let now = format!("\"tenant\";r={left};t={seconds}");
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", now)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
    }
    response
}
