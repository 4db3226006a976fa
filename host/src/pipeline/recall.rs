//! A prepared lead that is put away and taken up again, without asking a plugin twice.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Asked, Outside, Prepared, Refusal, ask_cast, assemble, drawn_by, normalised};
use crate::decision::{ClassifyTrace, EnrichTrace};
use crate::digest::Digest;
use crate::plugin::VisibleLead;
use crate::tenant::Tenant;

/// What a prepared lead is made of again: the message, and what the plugins answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    received: Json,
    since: Timestamp,
    /// Of the configuration and the plugins that prepared it.
    by: Digest,
    enrich: Vec<EnrichTrace>,
    classify: ClassifyTrace,
}

impl Prepared {
    /// Puts it away.
    pub fn kept(&self) -> Kept {
        Kept {
            received: self.received.clone(),
            since: self.since,
            by: self.cast.versions.digest(),
            enrich: self.enrich.clone(),
            classify: self.classify.clone(),
        }
    }
}

/// Takes a lead up again. Where the tenant has changed since, it is prepared anew.
///
/// # Errors
///
/// The message is no lead to what the tenant is now.
pub fn recall(tenant: &Tenant, kept: &Kept, outside: &dyn Outside) -> Result<Prepared, Refusal> {
    let Kept { received, since, by, enrich, classify } = kept;
    let (normalise, learned) = normalised(tenant, received, *since, outside)?;
    let other = learned.by.clone();
    let tenant = other.as_deref().unwrap_or(tenant);
    let cast = tenant.cast(drawn_by(&normalise));
    if *by != cast.versions.digest() {
        return Ok(ask_cast(tenant, (cast, learned), received.clone(), *since, normalise, outside));
    }
    let mut lead = normalise.lead.clone();
    for (name, value) in enrich.iter().flat_map(|trace| &trace.added) {
        lead.fields.entry(name.clone()).or_insert_with(|| value.clone());
    }
    let visible = VisibleLead::new(&lead);
    Ok(assemble(
        tenant,
        Asked {
            cast,
            learned,
            received: received.clone(),
            since: *since,
            normalise,
            lead,
            visible,
            enrich: enrich.clone(),
            classify: classify.clone(),
        },
    ))
}
