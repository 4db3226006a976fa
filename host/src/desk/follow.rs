//! A desk that stands where another stood: it takes in what that one took in, and what that one decided.
//!
//! Nothing is decided anew. Decisions are looked up instead of made, and everything else happens as it did,
//! by the same code; so a log of what came and what was decided is all that has to be kept of a desk.

use std::collections::HashMap;

use jiff::Timestamp;

use super::Desk;
use crate::assignment;
use crate::decision::Decision;
use crate::events::What;
use crate::lead::LeadId;
use crate::pipeline::{Outside, Prepared};

/// What a desk can take in.
pub enum Taken {
    /// A lead.
    Lead(Box<Prepared>),
    /// Leads that are decided together.
    Batch(Vec<Prepared>),
    /// Something that happened, and when.
    Event(What, Timestamp),
    /// Nothing but time.
    Time(Timestamp),
}

/// The desk does not stand where the other stood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Strayed {
    /// It decided where the other did not, or otherwise often.
    #[error("decision {number} of lead {lead} was {what}")]
    Decision {
        /// About which lead.
        lead: LeadId,
        /// Which of its decisions.
        number: u32,
        /// Made now and not then, or then and not now.
        what: &'static str,
    },
    /// The other took in an event that is refused now.
    #[error("what happened then is refused now: {0}")]
    Refused(String),
    /// A batch that could be assigned then cannot be now.
    #[error("the batch cannot be assigned now: {0}")]
    Batch(#[from] assignment::Error),
}

/// Decisions that were made before, by the lead and their number.
#[derive(Debug, Default)]
pub(super) struct Told(HashMap<(LeadId, u32), Decision>);

impl Told {
    pub(super) fn take(&mut self, lead: &LeadId, number: u32) -> Option<Decision> {
        // The key is made only while there is something to find.
        (!self.0.is_empty()).then(|| self.0.remove(&(lead.clone(), number)))?
    }
}

impl Desk {
    /// Takes something in and decides whatever follows from it. An event that cannot be is refused, with why.
    pub fn take(&mut self, taken: Taken, outside: &dyn Outside) -> Result<Vec<Decision>, Strayed> {
        match taken {
            Taken::Lead(prepared) => Ok(vec![self.lead(*prepared, outside)]),
            Taken::Batch(batch) => Ok(self.batch(batch, outside)?),
            Taken::Event(what, at) => self.event(&what, at, outside).map_err(Strayed::Refused),
            Taken::Time(at) => Ok(self.pass(at, outside)),
        }
    }

    /// Takes in what another desk took in, and the decisions that followed there.
    ///
    /// # Errors
    ///
    /// [`Strayed`] where other decisions follow here: the desk is of no use then.
    pub fn follow(
        &mut self,
        taken: Taken,
        made: Vec<Decision>,
        outside: &dyn Outside,
    ) -> Result<(), Strayed> {
        let keys: Vec<(LeadId, u32)> =
            made.iter().map(|decision| (decision.lead.clone(), decision.number)).collect();
        self.told = Told(keys.iter().cloned().zip(made).collect());
        let now = self.take(taken, outside);
        let left = std::mem::take(&mut self.told).0;
        if let Some((lead, number)) = left.into_keys().min() {
            return Err(Strayed::Decision { lead, number, what: "made then and not now" });
        }
        match now?.into_iter().find(|decision| !keys.contains(&(decision.lead.clone(), decision.number))) {
            Some(Decision { lead, number, .. }) => {
                Err(Strayed::Decision { lead, number, what: "made now and not then" })
            }
            None => Ok(()),
        }
    }
}
