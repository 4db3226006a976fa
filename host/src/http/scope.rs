//! Who asks, and whether they may: a route names the right it needs as a type, and gets its tenant from here
//! alone.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::Api;
use super::limits::{Admitted, Standing};
use super::problem::{Code, Problem};
use crate::access::{Refused, Right, Scope, Seen};
use crate::lead::TenantId;

/// The right that a route needs.
pub trait Needs: Send + Sync + 'static {
    /// Which.
    const RIGHT: Right;
}

macro_rules! needs {
    ($($name:ident),*) => {
        $(
            #[doc = concat!("[`Right::", stringify!($name), "`]")]
            #[derive(Debug)]
            pub struct $name;
            impl Needs for $name {
                const RIGHT: Right = Right::$name;
            }
        )*
    };
}

needs!(
    SendLeads,
    HandleOwn,
    Book,
    ReadDecisions,
    ReadTraces,
    Manage,
    HandleEffects,
    Try,
    ReadConfiguration,
    WriteConfiguration,
    ApproveConfiguration,
    Author,
    ManageAccess,
    ReadAudit,
    ReadUsage,
    Erase,
    Operate
);

/// Somebody who may do what the route does.
#[derive(Debug)]
pub struct Caller<N> {
    scope: Scope,
    /// Their tenant's place among the requests under way, for as long as this one is.
    _admitted: Admitted,
    needs: PhantomData<fn() -> N>,
}

impl<N> Caller<N> {
    /// Whose data the request is about.
    pub fn tenant(&self) -> &TenantId {
        self.scope.tenant()
    }

    /// Who they are, for the log.
    pub fn actor(&self) -> &str {
        self.scope.actor()
    }

    /// Everything that is known of them.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }
}

impl<N: Needs> FromRequestParts<Api> for Caller<N> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let authorization = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let named = parts.headers.get(TENANT).map(|value| {
            let id = value.to_str().ok().and_then(|text| text.parse::<TenantId>().ok());
            id.ok_or_else(|| {
                Problem::new(Code::Malformed, format!("the header {TENANT} is no id of a tenant"))
            })
        });
        let named = named.transpose()?;
        let scope = api.access.authenticate(authorization, named.as_ref(), api.clock.now()).await?;
        let admitted = api.limits.admit(scope.tenant(), parts.extensions.get::<Standing>())?;
        scope.may(N::RIGHT)?;
        Ok(Self { scope, _admitted: admitted, needs: PhantomData })
    }
}

/// Names the tenant where a person has a role with several.
const TENANT: &str = "lanewright-tenant";

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused.seen() {
            Seen::Forbidden => Self::new(Code::NotAllowed, refused.to_string()),
            Seen::Unavailable => match refused {
                Refused::Store(error) => error.into(),
                other => Self::new(Code::Unavailable, other.to_string()).retry_after(5),
            },
            // What exactly is wrong with it helps nobody who should not know.
            Seen::Unauthenticated => {
                tracing::debug!(why = %refused, "somebody unknown");
                let detail = "no key and no token that is known here";
                Self::new(Code::Unauthenticated, detail).hint("send `Authorization: Bearer KEY`")
            }
        }
    }
}
