//! Counters as they are kept between two runs: what has changed since they were last told, and how they are
//! taken up again.
//!
//! New leads are told one by one, since a rolling week needs every moment; the rest is told as it stands.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Ledger, Queue, Row, Tally};
use crate::decision::{NewLeads, Standing};
use crate::lead::{RepId, RuleId, TeamId};
use crate::pacing::Price;

/// What has changed about the counters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counted {
    /// When anything was first decided.
    pub first: Option<Timestamp>,
    /// Reps, each as it stands.
    pub reps: Vec<(RepId, SavedRep)>,
    /// Virtual queues, each as it stands.
    pub queues: Vec<(String, SavedQueue)>,
    /// New leads, in their order.
    pub new_leads: Vec<NewLead>,
}

/// What is counted of a rep, but for new leads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedRep {
    team: TeamId,
    /// Work units.
    open: u32,
    /// Of that, by arm of an experiment that keeps capacity apart.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    arms: BTreeMap<RuleId, u32>,
    /// New leads of before the first decision.
    before: NewLeads,
    price: Price,
    /// Was away when a turn was taken, and has had none since.
    away: bool,
}

/// A virtual queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedQueue {
    month: Option<i32>,
    last: Option<RepId>,
    /// In the order of their ids, with what of it was credited by hand.
    standings: Vec<(RepId, Standing, Option<Standing>)>,
}

/// A new lead as caps count it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLead {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub rep: RepId,
    /// Their team then.
    pub team: TeamId,
    /// Rules that cap what they give, and gave it.
    pub rules: Vec<RuleId>,
    /// Whether it came or was taken back.
    pub sign: Sign,
}

/// Whether something counts or counts no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It counts.
    Plus,
    /// One that counted does no more.
    Minus,
}

/// What is to be told. Two ledgers that count the same are the same, whatever they have told of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Untold {
    pub(super) first: bool,
    pub(super) reps: BTreeSet<usize>,
    pub(super) queues: BTreeSet<String>,
    pub(super) new_leads: Vec<NewLead>,
}

impl PartialEq for Untold {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Ledger {
    /// What has changed since this was last asked.
    pub fn changes(&mut self) -> Counted {
        let Untold { first, reps, queues, new_leads } = std::mem::take(&mut self.changed);
        let rep = |index: usize| {
            let row = &self.rows[index];
            let (team, open, arms, before) = (row.team.clone(), row.open, row.arms.clone(), row.new.base);
            (row.id.clone(), SavedRep { team, open, arms, before, price: row.price, away: row.away })
        };
        Counted {
            first: self.first.filter(|_| first).map(|when| when.at),
            reps: reps.into_iter().map(rep).collect(),
            queues: queues
                .into_iter()
                .filter_map(|name| self.queue(&name).map(|queue| (name, queue)))
                .collect(),
            new_leads,
        }
    }

    fn queue(&self, name: &str) -> Option<SavedQueue> {
        let queue = self.queues.get(name)?;
        let id = |index: &usize| self.rows[*index].id.clone();
        let mut standings: Vec<(RepId, Standing, Option<Standing>)> = queue
            .standings
            .iter()
            .map(|(index, standing)| (id(index), *standing, queue.by_hand.get(index).copied()))
            .collect();
        standings.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        Some(SavedQueue { month: queue.month, last: queue.last.as_ref().map(id), standings })
    }

    /// Takes up what another told; nothing of it is to be told again. Reps who are in no roster any more are
    /// taken up too: they may come back.
    pub fn restore(&mut self, saved: Counted) {
        let Counted { first, reps, queues, new_leads } = saved;
        if let Some(at) = first {
            self.first = Some(self.when(at));
        }
        for (id, SavedRep { team, open, arms, before, price, away }) in reps {
            let index = self.index_of(&id, &team);
            let row = &mut self.rows[index];
            (row.open, row.arms, row.new.base) = (open, arms, before);
            (row.price, row.away) = (price, away);
            self.changed.reps.remove(&index);
        }
        for (name, SavedQueue { month, last, standings }) in queues {
            let mut queue = Queue { month, ..Queue::default() };
            queue.last = last.and_then(|rep| self.indices.get(&rep).copied());
            for (rep, standing, by_hand) in standings {
                let Some(&index) = self.indices.get(&rep) else { continue };
                queue.standings.insert(index, standing);
                by_hand.map(|by_hand| queue.by_hand.insert(index, by_hand));
            }
            self.changed.queues.remove(&name);
            self.queues.insert(name, queue);
        }
        for NewLead { at, rep, team, rules, sign } in new_leads {
            let index = self.index_of(&rep, &team);
            self.tally(index, &team, &rules, at, sign);
        }
    }

    /// Somebody who is in no roster now has an index too.
    fn index_of(&mut self, rep: &RepId, team: &TeamId) -> usize {
        let next = self.rows.len();
        let index = *self.indices.entry(rep.clone()).or_insert(next);
        if index == next {
            self.rows.push(Row {
                id: rep.clone(),
                team: team.clone(),
                place: None,
                weight: 1.0,
                open: 0,
                arms: BTreeMap::new(),
                new: Tally::default(),
                price: Price::default(),
                away: false,
            });
        }
        index
    }
}
