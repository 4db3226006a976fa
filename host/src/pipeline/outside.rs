//! What comes from outside the tenant's own values: answers of hosts, and failures that hang on time.
//!
//! A lead is routed with what comes in live. A decision that is run again gets what it recorded, asks
//! nobody, and fails where the clock or a busy host made it fail.

use jiff::Timestamp;

use crate::decision::{CallTrace, Decision, Exchange};
use crate::digest::Digest;
use crate::failure::{Failure, Limit};
use crate::fetch::{Fetcher, Granted};
use crate::health::{Began, Health};
use crate::lead::{LeadId, TenantId};
use crate::plugin::Request;

/// Where answers and failures from outside come from.
pub trait Outside: Sync {
    /// Answers an enricher's requests, one each in their order.
    fn exchange(&self, enricher: &str, requests: &[Request], granted: &Granted) -> Vec<Exchange>;

    /// A failure that this export of this plugin has to have for this lead, whatever it would answer now.
    fn failure(&self, lead: &LeadId, export: &str, plugin: &Digest) -> Option<CallTrace>;

    /// The decision that is run again, where one is: what was drawn for it is not drawn again.
    fn decided(&self) -> Option<&Decision> {
        None
    }

    /// When a call begins, where it is measured.
    fn begins(&self) -> Began {
        Began::UNMEASURED
    }

    /// What came of a call.
    fn called(&self, _lead: &LeadId, _call: &CallTrace, _began: Began) {}
}

/// The world as it is.
#[derive(Debug)]
pub struct Live {
    /// Asks hosts.
    pub fetcher: Fetcher,
}

/// The world as it is for a tenant whose plugins are watched.
#[derive(Debug, Clone, Copy)]
pub struct Watched<'a> {
    /// The world.
    pub live: &'a Live,
    /// What is known of plugins.
    pub health: &'a Health,
    /// Whose.
    pub tenant: &'a TenantId,
    /// When.
    pub now: Timestamp,
}

impl Outside for Watched<'_> {
    fn exchange(&self, enricher: &str, requests: &[Request], granted: &Granted) -> Vec<Exchange> {
        self.live.exchange(enricher, requests, granted)
    }

    fn failure(&self, lead: &LeadId, export: &str, plugin: &Digest) -> Option<CallTrace> {
        let failure = self.health.refuses(self.tenant, plugin, lead, self.now)?;
        Some(CallTrace::failed(export, *plugin, failure))
    }

    fn begins(&self) -> Began {
        Began::now()
    }

    fn called(&self, lead: &LeadId, call: &CallTrace, began: Began) {
        self.health.called(self.tenant, lead, call, began, self.now);
    }
}

/// The world as a decision saw it, for a release that is tried beside the one that decided: what it does is counted,
/// and nobody outside is asked on its behalf.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// The decision.
    pub recorded: Recorded<'a>,
    /// What is known of plugins.
    pub health: &'a Health,
    /// The release that is tried.
    pub plugin: Digest,
    /// When.
    pub now: Timestamp,
}

impl Outside for Beside<'_> {
    fn exchange(&self, enricher: &str, requests: &[Request], granted: &Granted) -> Vec<Exchange> {
        self.recorded.exchange(enricher, requests, granted)
    }

    fn failure(&self, lead: &LeadId, export: &str, plugin: &Digest) -> Option<CallTrace> {
        self.recorded.failure(lead, export, plugin)
    }

    fn decided(&self) -> Option<&Decision> {
        self.recorded.decided()
    }

    fn begins(&self) -> Began {
        Began::now()
    }

    fn called(&self, lead: &LeadId, call: &CallTrace, began: Began) {
        if call.plugin == self.plugin {
            self.health.called(&self.recorded.decision.tenant, lead, call, began, self.now);
        }
    }
}

impl Outside for Live {
    fn exchange(&self, _: &str, requests: &[Request], granted: &Granted) -> Vec<Exchange> {
        requests.iter().map(|request| self.fetcher.fetch(request, granted)).collect()
    }

    fn failure(&self, _: &LeadId, _: &str, _: &Digest) -> Option<CallTrace> {
        None
    }
}

/// The world as a decision saw it.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// The decision that is run again.
    pub decision: &'a Decision,
}

impl Outside for Recorded<'_> {
    fn exchange(&self, enricher: &str, requests: &[Request], _: &Granted) -> Vec<Exchange> {
        let recorded = self.decision.trace.enrich.iter().find(|trace| trace.name == enricher);
        let recorded = recorded.map_or(&[][..], |trace| &trace.exchanges);
        let answer = |(i, request): (usize, &Request)| {
            let same = recorded.get(i).filter(|exchange| exchange.url == request.url).cloned();
            same.unwrap_or_else(|| unasked(request, "the recorded decision did not ask this"))
        };
        requests.iter().enumerate().map(answer).collect()
    }

    fn failure(&self, _: &LeadId, export: &str, plugin: &Digest) -> Option<CallTrace> {
        let calls = self.decision.trace.calls();
        calls
            .filter(|call| call.export == export && call.plugin == *plugin)
            .find(|call| call.failure.as_ref().is_some_and(hangs_on_time))
            .cloned()
    }

    fn decided(&self) -> Option<&Decision> {
        Some(self.decision)
    }
}

/// Nothing outside is asked, and nothing fails that is not bound to.
#[derive(Debug)]
pub struct Offline;

impl Outside for Offline {
    fn exchange(&self, _: &str, requests: &[Request], _: &Granted) -> Vec<Exchange> {
        requests.iter().map(|request| unasked(request, "nothing outside is asked now")).collect()
    }

    fn failure(&self, _: &LeadId, _: &str, _: &Digest) -> Option<CallTrace> {
        None
    }
}

fn unasked(request: &Request, why: &str) -> Exchange {
    Exchange {
        url: request.url.clone(),
        status: None,
        body: crate::decision::Body::Text(String::new()),
        refused: Some(why.to_owned()),
    }
}

/// Whether the same call might have answered on another day.
fn hangs_on_time(failure: &Failure) -> bool {
    match failure {
        Failure::Limit { limit, .. } => *limit == Limit::WallTime,
        Failure::Broken { .. }
        | Failure::Quarantined { .. }
        | Failure::Capacity { .. }
        | Failure::Host { .. } => true,
        Failure::Trap { .. }
        | Failure::Answer { .. }
        | Failure::Settings { .. }
        | Failure::Internal { .. } => false,
    }
}
