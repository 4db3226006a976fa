//! Whether a plugin is asked at all: not while it fails on one lead after the other, and not again about a lead that it
//! failed on time after time.
//!
//! Leads are told apart, so that one lead which is decided again and again, and fails each time, closes the door to
//! itself and to no other.

use std::collections::{HashMap, HashSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::failure::Failure;
use crate::lead::LeadId;

/// Different leads in a row that fail before the plugin is left alone.
const LEADS: usize = 10;
/// How often a plugin may fail on one lead.
const TIMES: u32 = 3;
/// Leads that are remembered for having failed; the oldest is forgotten first.
const REMEMBERED: usize = 1024;
/// How long it is left alone, at first and at most.
const REST: SignedDuration = SignedDuration::from_secs(10);
const LONGEST_REST: SignedDuration = SignedDuration::from_secs(300);

/// What is known of one plugin's failures.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// Leads that failed since one succeeded.
    in_a_row: HashSet<LeadId>,
    /// How often each lead failed.
    poison: HashMap<LeadId, u32>,
    /// The same leads, the oldest first.
    order: VecDeque<LeadId>,
    open: Option<Open>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    until: Timestamp,
    rest: SignedDuration,
    /// Whether a lead is on its way to see if it works again.
    probing: bool,
}

impl Breaker {
    /// A failure in the place of a call.
    pub(super) fn refuses(&mut self, lead: &LeadId, now: Timestamp) -> Option<Failure> {
        if let Some(times) = self.poison.get(lead).copied().filter(|times| *times >= TIMES) {
            return Some(Failure::Quarantined { times });
        }
        let open = self.open.as_mut()?;
        if now >= open.until && !open.probing {
            // If nobody hears of the probe, another follows after a while.
            (open.probing, open.until) = (true, now + open.rest);
            return None;
        }
        open.probing &= now < open.until;
        Some(Failure::Broken { leads: self.in_a_row.len() as u32 })
    }

    /// A call failed by the plugin's fault.
    pub(super) fn failed(&mut self, lead: &LeadId, now: Timestamp) {
        match self.poison.get_mut(lead) {
            Some(times) => *times += 1,
            None => {
                if self.order.len() == REMEMBERED
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.poison.remove(&oldest);
                    self.in_a_row.remove(&oldest);
                }
                self.poison.insert(lead.clone(), 1);
                self.order.push_back(lead.clone());
            }
        }
        self.in_a_row.insert(lead.clone());
        self.open = match self.open {
            // Calls that were under way when it opened change nothing.
            Some(open) if !open.probing => Some(open),
            Some(open) => {
                let rest = (open.rest * 2).min(LONGEST_REST);
                Some(Open { until: now + rest, rest, probing: false })
            }
            None if self.in_a_row.len() >= LEADS => {
                Some(Open { until: now + REST, rest: REST, probing: false })
            }
            None => None,
        };
    }

    /// A call gave an answer that counts; whether nothing is left to be remembered.
    pub(super) fn succeeded(&mut self, lead: &LeadId) -> bool {
        self.in_a_row.clear();
        self.open = None;
        if self.poison.remove(lead).is_some() {
            self.order.retain(|other| other != lead);
        }
        self.poison.is_empty()
    }

    /// Whether it is left alone.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens to a plugin, and what it leads to.
    enum Step {
        /// A lead fails, after so many seconds.
        Fails(&'static str, i64),
        Succeeds(&'static str),
        /// A lead is asked about: whether the plugin is, or why not.
        Asks(&'static str, i64, Option<Failure>),
    }

    #[test]
    fn a_plugin_is_left_alone_by_leads_and_not_by_calls() {
        use Step::{Asks, Fails, Succeeds};
        let check = |name: &str, steps: &[Step]| {
            let mut breaker = Breaker::default();
            let at = |seconds: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
            let id = |text: &str| text.parse::<LeadId>().expect("an id");
            for (place, step) in steps.iter().enumerate() {
                match step {
                    Fails(lead, seconds) => breaker.failed(&id(lead), at(*seconds)),
                    Succeeds(lead) => _ = breaker.succeeded(&id(lead)),
                    Asks(lead, seconds, expect) => {
                        let got = breaker.refuses(&id(lead), at(*seconds));
                        assert_eq!(got, *expect, "{name}, step {place}");
                    }
                }
            }
        };
        let broken = |leads| Some(Failure::Broken { leads });
        let quarantined = |times| Some(Failure::Quarantined { times });
        const NAMES: [&str; 11] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];
        let fail = |number: usize| NAMES[..number].iter().map(|name| Fails(name, 0)).collect::<Vec<_>>();
        let steps = |number: usize, more: Vec<Step>| fail(number).into_iter().chain(more).collect::<Vec<_>>();

        check("nine leads", &steps(9, vec![Asks("z", 0, None)]));
        check("ten leads", &steps(10, vec![Asks("z", 0, broken(10)), Asks("z", 9, broken(10))]));
        check("one that succeeds between", &steps(9, vec![Succeeds("z"), Fails("j", 0), Asks("z", 0, None)]));
        let poison = || (0..20).map(|_| Fails("a", 0)).collect::<Vec<_>>();
        check(
            "one lead over and over",
            &poison()
                .into_iter()
                .chain([Asks("a", 0, quarantined(20)), Asks("b", 0, None)])
                .collect::<Vec<_>>(),
        );
        check(
            "twice is no poison",
            &[Fails("a", 0), Fails("a", 0), Asks("a", 0, None), Fails("a", 0), Asks("a", 0, quarantined(3))],
        );
        check(
            "what succeeded is forgiven",
            &[Fails("a", 0), Fails("a", 0), Succeeds("a"), Fails("a", 0), Asks("a", 0, None)],
        );
        check(
            "a probe after a rest, one at a time",
            &steps(
                10,
                vec![Asks("y", 10, None), Asks("z", 10, broken(10)), Succeeds("y"), Asks("z", 10, None)],
            ),
        );
        check(
            "a probe that fails doubles the rest",
            &steps(
                10,
                vec![Asks("y", 10, None), Fails("y", 10), Asks("z", 29, broken(11)), Asks("z", 30, None)],
            ),
        );
        check(
            "a probe that nobody hears of is followed by another",
            &steps(
                10,
                vec![
                    Asks("y", 10, None),
                    Asks("z", 19, broken(10)),
                    Asks("z", 20, broken(10)),
                    Asks("z", 20, None),
                ],
            ),
        );
    }
}
