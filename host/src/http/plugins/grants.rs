//! What a release asks beside what it is granted, as it is told.

use serde::Serialize;
use utoipa::ToSchema;

use crate::config::{Difference, Grants};

/// What a release asks beside what one place of the configuration grants it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReleaseGrants)]
pub(in crate::http) struct GrantsBody {
    /// Such as `classifier` or `enricher:NAME`; absent where the configuration in force names the plugin nowhere.
    place: Option<String>,
    /// What it asks and is not granted: it goes without.
    missing: Vec<DifferenceBody>,
    /// What it is granted and does not ask.
    unasked: Vec<DifferenceBody>,
}

/// Something that is asked or granted alone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GrantDifference)]
struct DifferenceBody {
    /// `host`, `field` or `secret`.
    kind: &'static str,
    /// Its name; `*` for all fields.
    name: String,
    /// How to grant it, or to grant no more than what is asked.
    hint: String,
}

impl From<Grants> for GrantsBody {
    fn from(Grants { place, missing, unasked }: Grants) -> Self {
        let told = |list: Vec<Difference>| list.into_iter().map(DifferenceBody::from).collect();
        Self { place, missing: told(missing), unasked: told(unasked) }
    }
}

impl From<Difference> for DifferenceBody {
    fn from(Difference { kind, name, hint }: Difference) -> Self {
        Self { kind: kind.as_str(), name, hint }
    }
}
