//! What comes from outside the tenant's own values: answers of hosts, and failures that hang on time.
//!
//! A lead is routed with what comes in live. A decision that is run again gets what it recorded, asks
//! nobody, and fails where the clock or a busy host made it fail.

use url::Origin;

use crate::decision::{CallTrace, Decision, Exchange};
use crate::digest::Digest;
use crate::failure::{Failure, Limit};
use crate::fetch::Fetcher;
use crate::plugin::Request;

/// Where answers and failures from outside come from.
pub trait Outside: Sync {
    /// Answers an enricher's requests, one each in their order.
    fn exchange(&self, enricher: &str, requests: &[Request], granted: &[Origin]) -> Vec<Exchange>;

    /// A failure that this export of this plugin has to have, whatever it would answer now.
    fn failure(&self, export: &str, plugin: &Digest) -> Option<CallTrace>;
}

/// The world as it is.
#[derive(Debug)]
pub struct Live {
    /// Asks hosts.
    pub fetcher: Fetcher,
}

impl Outside for Live {
    fn exchange(&self, _: &str, requests: &[Request], granted: &[Origin]) -> Vec<Exchange> {
        requests.iter().map(|request| self.fetcher.fetch(request, granted)).collect()
    }

    fn failure(&self, _: &str, _: &Digest) -> Option<CallTrace> {
        None
    }
}

/// The world as a decision saw it.
#[derive(Debug)]
pub struct Recorded<'a> {
    /// The decision that is run again.
    pub decision: &'a Decision,
}

impl Outside for Recorded<'_> {
    fn exchange(&self, enricher: &str, requests: &[Request], _: &[Origin]) -> Vec<Exchange> {
        let recorded = self.decision.trace.enrich.iter().find(|trace| trace.name == enricher);
        let recorded = recorded.map_or(&[][..], |trace| &trace.exchanges);
        let answer = |(i, request): (usize, &Request)| {
            let same = recorded.get(i).filter(|exchange| exchange.url == request.url).cloned();
            same.unwrap_or_else(|| unasked(request, "the recorded decision did not ask this"))
        };
        requests.iter().enumerate().map(answer).collect()
    }

    fn failure(&self, export: &str, plugin: &Digest) -> Option<CallTrace> {
        let calls = self.decision.trace.calls();
        calls
            .filter(|call| call.export == export && call.plugin == *plugin)
            .find(|call| call.failure.as_ref().is_some_and(hangs_on_time))
            .cloned()
    }
}

/// Nothing outside is asked, and nothing fails that is not bound to.
#[derive(Debug)]
pub struct Offline;

impl Outside for Offline {
    fn exchange(&self, _: &str, requests: &[Request], _: &[Origin]) -> Vec<Exchange> {
        requests.iter().map(|request| unasked(request, "nothing outside is asked now")).collect()
    }

    fn failure(&self, _: &str, _: &Digest) -> Option<CallTrace> {
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
        Failure::Capacity { .. } | Failure::Host { .. } => true,
        Failure::Trap { .. }
        | Failure::Answer { .. }
        | Failure::Settings { .. }
        | Failure::Internal { .. } => false,
    }
}
