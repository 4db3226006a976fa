//! What another way of picking would have been worth, judged from the tenant's log.

use std::collections::HashMap;

use lanewright_learning::policy::{self, Advantage};
use tokio::task::spawn_blocking;

use super::models::closing;
use super::{Lines, Refused};
use crate::decision::Decision;
use crate::lead::TenantId;
use crate::learning::{self, Became, Policy, Worth};
use crate::store::{Arrivals, DealFound};

/// Decisions read at once.
const PAGE: i64 = 500;

/// What came of judging a policy.
#[derive(Debug, Clone)]
pub struct Judged {
    /// First decisions of that time.
    pub decisions: usize,
    /// Those that say something of the policy.
    pub logged: usize,
    /// Those whose lead somebody else had in the end than was picked: they say nothing of the pick.
    pub passed_on: usize,
    /// Its worth beside a pick at random, or why the log cannot tell.
    pub value: Result<Advantage, policy::Refused>,
}

impl Lines {
    /// What a policy would have been worth for leads that came from one moment to another.
    ///
    /// # Errors
    ///
    /// [`Refused`] says why it cannot be asked.
    pub async fn judge(
        &self,
        tenant: &TenantId,
        (from, to): (i64, i64),
        policy: Policy,
        worth: Worth,
    ) -> Result<Judged, Refused> {
        let store = self.parts().store.of(tenant);
        let model = match policy.model() {
            Some(version) => Some(self.model(tenant, version).await?),
            None => None,
        };
        let deals = store.deals(from, to).await?;
        let deals: HashMap<String, DealFound> =
            deals.into_iter().map(|deal| (deal.deal.clone(), deal)).collect();
        let of = Arrivals { from, to, lanes: Vec::new() };
        let (mut behind, mut decisions, mut passed_on, mut log) = ((-1, -1), 0, 0, Vec::new());
        let (mut deals, mut model) = (deals, model);
        loop {
            let page = store.arrivals(&of, behind, PAGE).await?;
            let Some(last) = page.last() else { break };
            behind = (last.head, last.place);
            decisions += page.len();
            let asked = policy.clone();
            // Decisions are long: reading them takes a processor.
            let read = spawn_blocking(move || {
                let (mut rows, mut passed_on) = (Vec::new(), 0);
                for arrived in page {
                    let Ok(decision) = serde_json::from_str::<Decision>(&arrived.json) else { continue };
                    let Some(deal) = deals.get(decision.lead.as_str()) else { continue };
                    let facts = serde_json::from_str(&deal.facts).unwrap_or_default();
                    let became = Became {
                        rep: deal.rep.as_deref().and_then(|rep| rep.parse().ok()),
                        closing: closing(deal),
                        value: deal.value,
                    };
                    let picked = decision.trace.select.as_ref().map(|select| &select.picked);
                    passed_on += usize::from(picked.is_some() && picked != became.rep.as_ref());
                    rows.extend(learning::logged(&decision, &became, &asked, model.as_ref(), &facts, worth)?);
                }
                Ok((deals, model, rows, passed_on))
            });
            let (rows, moved);
            (deals, model, rows, moved) = read.await.map_err(|_| Refused::Broken)?.map_err(
                |error: lanewright_learning::explore::NoShare| Refused::Conflict(error.to_string()),
            )?;
            log.extend(rows);
            passed_on += moved;
        }
        let logged = log.len();
        let value =
            spawn_blocking(move || policy::against_random(&log)).await.map_err(|_| Refused::Broken)?;
        Ok(Judged { decisions, logged, passed_on, value })
    }
}
