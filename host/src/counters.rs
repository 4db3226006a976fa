//! What is counted about a tenant's reps, in memory: open work, new leads, turns.
//!
//! Stages read a [`View`], the ledger at a time, and never change it. Whoever commits a decision applies
//! its [`Assignment`], in the order of the decisions, so that the next lead sees it. A decision records
//! what it [`Seen`], and [`Ledger::from_recorded`] makes a ledger that answers the same.
//!
//! - **Open work** is in work units.
//! - **New leads** are counted by rep, by team, and by rule and rep, each in the calendar day of the tenant's
//!   zone and in exactly seven days: the ledger keeps the moments. The folder's column `week` has none, so
//!   it counts until seven days after the first assignment. What is later than the time asked about counts
//!   as well: several hosts' clocks never agree, and a cap is never passed for it.
//! - **Turns** are counted by virtual queue, a text such as `smb|tier=3` (`pipeline/queue.rs`): what each is
//!   owed, and what each has had this calendar month.
//!
//! Who stands in a queue for the first time starts at the average of those already there (P4): they neither
//! catch up on the past nor wait for it. Who was away starts again at their own credit, since nobody gains
//! by a turn they could not have had, and at the average month where theirs is below it. So does who moves
//! to another pool. A change of the roster ([`Ledger::adopt`]) never touches a counter, and somebody who is
//! taken out and comes back finds their own.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::config::{Config, Share};
use crate::decision::{Counters, Method, NewLeads, QueueSeen, Seen, SelectTrace, Standing};
use crate::lead::{RepId, RuleId, TeamId, Turns};
use crate::pacing::Price;
use crate::rotation::{Member, pay, pay_back};
use crate::zones::zone;

/// The counters of one tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    zone: TimeZone,
    /// When the first assignment was made: the counts without moments end a day and seven days later.
    first: Option<When>,
    /// Everybody who was ever in the roster; an index is a rep's for good.
    rows: Vec<Row>,
    indices: HashMap<RepId, usize>,
    /// Indices in the order of the folder.
    roster: Vec<usize>,
    shares: Vec<Share>,
    teams: HashMap<TeamId, Tally>,
    /// By rule and index.
    rules: HashMap<RuleId, HashMap<usize, Tally>>,
    queues: HashMap<String, Queue>,
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    id: RepId,
    team: TeamId,
    /// In the folder; absent where they are no longer there.
    place: Option<usize>,
    weight: f64,
    open: u32,
    new: Tally,
    price: Price,
    /// Was away when a turn was taken, and has had none since.
    away: bool,
}

/// A virtual queue.
#[derive(Debug, Clone, Default, PartialEq)]
struct Queue {
    /// The month that the standings count; absent where they were recorded for whatever is asked.
    month: Option<i32>,
    last: Option<usize>,
    standings: HashMap<usize, Standing>,
    /// What of them was credited by hand, which is no average of anybody's.
    by_hand: HashMap<usize, Standing>,
}

/// New leads of one counter.
#[derive(Debug, Clone, Default, PartialEq)]
struct Tally {
    /// Without a moment.
    base: NewLeads,
    /// In order, of the last eight days.
    moments: VecDeque<Timestamp>,
}

/// A time, and where its day, its seven days and its month begin.
#[derive(Debug, Clone, Copy, PartialEq)]
struct When {
    at: Timestamp,
    day: Timestamp,
    /// Moments after it are in the seven days.
    week: Timestamp,
    /// Months since the year 0.
    month: i32,
}

/// A week, and a week with a day to spare for clocks that disagree.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
const KEPT: SignedDuration = SignedDuration::from_hours(8 * 24);

/// An assignment as it is counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assignment<'a> {
    /// Who has it.
    pub rep: &'a RepId,
    /// When.
    pub at: Timestamp,
    /// Work units.
    pub units: u32,
    /// Rules that cap what they give to one rep, and gave this.
    pub rules: &'a [RuleId],
    /// How they were picked, where somebody was.
    pub select: Option<&'a SelectTrace>,
    /// The price of their capacity from now on, where the tenant puts one on it.
    pub price: Option<Price>,
}

impl Ledger {
    /// As the folder has them; nobody is owed anything yet.
    pub fn new(config: &Config) -> Self {
        let mut ledger = Self {
            zone: TimeZone::UTC,
            first: None,
            rows: Vec::with_capacity(config.reps.len()),
            indices: HashMap::with_capacity(config.reps.len()),
            roster: Vec::new(),
            shares: Vec::new(),
            teams: HashMap::new(),
            rules: HashMap::new(),
            queues: HashMap::new(),
        };
        ledger.adopt(config);
        ledger
    }

    /// As a decision saw them; reps it did not look at are as in the folder.
    pub fn from_recorded(config: &Config, seen: &Seen) -> Self {
        let mut ledger = Self::new(config);
        let tally = |base: NewLeads| Tally { base, moments: VecDeque::new() };
        for row in &mut ledger.rows {
            if let Some(&Counters { open, day, week, price }) = seen.reps.get(&row.id) {
                row.open = open;
                row.price = price;
                row.new = tally(NewLeads { day, week });
            }
        }
        let index = |rep: &RepId| ledger.indices.get(rep).copied();
        let by_index = |reps: &BTreeMap<RepId, NewLeads>| {
            reps.iter().filter_map(|(rep, base)| Some((index(rep)?, tally(*base)))).collect()
        };
        let queue = |queue: &QueueSeen| Queue {
            month: None,
            last: queue.last.as_ref().and_then(index),
            standings: queue
                .standings
                .iter()
                .filter_map(|(rep, found)| Some((index(rep)?, *found)))
                .collect(),
            by_hand: HashMap::new(),
        };
        let rules = seen.rules.iter().map(|(rule, reps)| (rule.clone(), by_index(reps))).collect();
        let queues = seen.queues.iter().map(|(name, seen)| (name.clone(), queue(seen))).collect();
        let teams = seen.teams.iter().map(|(team, base)| (team.clone(), tally(*base))).collect();
        Self { rules, queues, teams, ..ledger }
    }

    /// Takes over a changed folder: who is new starts with what it says, everybody else keeps every counter.
    pub fn adopt(&mut self, config: &Config) {
        self.zone = zone(&config.timezone).unwrap_or(TimeZone::UTC);
        self.shares.clone_from(&config.fairness.weights);
        let before = std::mem::take(&mut self.roster);
        for row in &mut self.rows {
            row.place = None;
        }
        for (place, rep) in config.reps.iter().enumerate() {
            let index = *self.indices.entry(rep.id.clone()).or_insert(self.rows.len());
            if index == self.rows.len() {
                let new = Tally { base: NewLeads { day: 0, week: rep.week }, moments: VecDeque::new() };
                let (id, team) = (rep.id.clone(), rep.team.clone());
                self.rows.push(Row {
                    id,
                    team,
                    place: None,
                    weight: 1.0,
                    open: rep.open,
                    new,
                    price: Price::default(),
                    away: false,
                });
            }
            let row = &mut self.rows[index];
            row.place = Some(place);
            row.team.clone_from(&rep.team);
            row.weight = rep.weight;
            self.roster.push(index);
        }
        // The order goes on behind whom it had come to, or behind the last before them who is still there.
        let (rows, gone) = (&self.rows, |index: &usize| self.rows[*index].place.is_none());
        for queue in self.queues.values_mut() {
            let Some(last) = queue.last.filter(gone) else { continue };
            let Some(at) = before.iter().position(|index| *index == last) else { continue };
            let earlier = before[..at].iter().rev().chain(before[at..].iter().rev());
            queue.last = earlier.copied().find(|index| rows[*index].place.is_some());
        }
    }

    /// The counters at this time.
    pub fn at(&self, at: Timestamp) -> View<'_> {
        View { ledger: self, when: self.when(at) }
    }

    /// Counts an assignment.
    pub fn apply(&mut self, assignment: &Assignment<'_>) {
        let Some(&index) = self.indices.get(assignment.rep) else { return };
        let when = self.when(assignment.at);
        self.first.get_or_insert(when);
        self.count(index, assignment, Tally::add, u32::saturating_add);
        if let Some(price) = assignment.price {
            self.rows[index].price = price;
        }
        // A pick for a whole batch is nobody's turn and counts in no queue.
        if let Some(select) = assignment.select.filter(|select| !select.queue.is_empty()) {
            self.turn(select, index, when);
        }
    }

    /// Takes an assignment back as if it had never been: a suggestion was rejected, a lead declined, a
    /// meeting not attended. Whose turn it was is owed it again.
    pub fn withdraw(&mut self, assignment: &Assignment<'_>) {
        let Some(&index) = self.indices.get(assignment.rep) else { return };
        let month = self.when(assignment.at).month;
        self.count(index, assignment, Tally::remove, u32::saturating_sub);
        let Some(select) = assignment.select else { return };
        let members = self.members(select, month);
        let credits = pay_back(&members, assignment.rep);
        let paid: Vec<(RepId, f64)> =
            members.iter().zip(credits).map(|(member, credit)| (member.rep.clone(), credit)).collect();
        let before = self.rows[index].place.and_then(|place| {
            let earlier = place.checked_sub(1).or(self.roster.len().checked_sub(1))?;
            self.roster.get(earlier).copied()
        });
        let Some(queue) = self.queues.get_mut(&select.queue) else { return };
        if pays(select) {
            for (rep, credit) in paid {
                let found = self.indices.get(&rep).and_then(|index| queue.standings.get_mut(index));
                if let Some(standing) = found {
                    standing.credit = credit;
                }
            }
        }
        queue.had(index, -1.0, month);
        if select.method == Method::Rotation && queue.last == Some(index) {
            queue.last = before;
        }
    }

    /// Gives an assignment to somebody else, as if they had been picked first: the turn is credited back and
    /// the new owner pays it. Where they were not in the pool, its turn is taken back and theirs is none.
    pub fn reassign(&mut self, assignment: &Assignment<'_>, to: &RepId) {
        let (Some(&from), Some(&new)) = (self.indices.get(assignment.rep), self.indices.get(to)) else {
            return;
        };
        let in_pool = |select: &&SelectTrace| select.pool.iter().any(|(member, _)| member == to);
        let Some(select) = assignment.select.filter(in_pool) else {
            self.withdraw(assignment);
            self.apply(&Assignment { rep: to, select: None, price: None, ..*assignment });
            return;
        };
        let month = self.when(assignment.at).month;
        self.count(from, assignment, Tally::remove, u32::saturating_sub);
        self.count(new, assignment, Tally::add, u32::saturating_add);
        let Some(queue) = self.queues.get_mut(&select.queue) else { return };
        for (index, leads) in [(from, 1.0), (new, -1.0)] {
            if pays(select)
                && let Some(standing) = queue.standings.get_mut(&index)
            {
                standing.credit += leads;
            }
            queue.had(index, -leads, month);
        }
        if select.method == Method::Rotation && queue.last == Some(from) {
            queue.last = Some(new);
        }
    }

    /// A deal is closed: its work units are free again.
    pub fn release(&mut self, rep: &RepId, units: u32) {
        if let Some(&index) = self.indices.get(rep) {
            self.rows[index].open = self.rows[index].open.saturating_sub(units);
        }
    }

    /// Credits a rep by hand with so many leads, to be served sooner; below 0 to be served later. The only
    /// thing that changes the sum of a queue's credits.
    pub fn credit(&mut self, rep: &RepId, queue: &str, leads: f64, at: Timestamp) {
        let Some(&index) = self.indices.get(rep) else { return };
        let month = self.when(at).month;
        let standing = Standings::of(self, queue, month).get(index);
        let queue = self.queues.entry(queue.to_owned()).or_default();
        queue.begin(month);
        let Standing { credit, month } = standing;
        queue.standings.insert(index, Standing { credit: credit + leads, month: month - leads });
        let by_hand = queue.by_hand.entry(index).or_default();
        *by_hand = Standing { credit: by_hand.credit + leads, month: by_hand.month - leads };
    }

    /// These are away. Whoever of them is in a pool again is calibrated then.
    pub fn away<'a>(&mut self, reps: impl IntoIterator<Item = &'a RepId>) {
        for rep in reps {
            if let Some(&index) = self.indices.get(rep) {
                self.rows[index].away = true;
            }
        }
    }

    /// Somebody is back: in every queue they stand in, their month is lifted to the average of the others.
    /// Happens by itself with the first turn after [`Ledger::away`].
    pub fn calibrate(&mut self, rep: &RepId, at: Timestamp) {
        let Some(&index) = self.indices.get(rep) else { return };
        let month = self.when(at).month;
        self.rows[index].away = true;
        let standing = |name: &String| (name.clone(), Standings::of(self, name, month).get(index));
        let known = self.queues.iter().filter(|(_, queue)| queue.standings.contains_key(&index));
        let lifted: Vec<(String, Standing)> = known.map(|(name, _)| standing(name)).collect();
        for (name, standing) in lifted {
            if let Some(queue) = self.queues.get_mut(&name) {
                queue.begin(month);
                queue.standings.insert(index, standing);
            }
        }
        self.rows[index].away = false;
    }

    /// The pool of a pick moves on by a turn.
    fn turn(&mut self, select: &SelectTrace, picked: usize, when: When) {
        for (rep, _) in &select.pool {
            if self.indices.get(rep).is_some_and(|&index| self.rows[index].away) {
                self.calibrate(rep, when.at);
            }
        }
        let members = self.members(select, when.month);
        let credits = match pays(select) {
            true => pay(&members, &self.rows[picked].id),
            false => members.iter().map(|member| member.credit).collect(),
        };
        let months: Vec<f64> = members.iter().map(|member| member.month).collect();
        let queue = self.queues.entry(select.queue.clone()).or_default();
        queue.begin(when.month);
        for ((rep, _), (credit, month)) in select.pool.iter().zip(credits.into_iter().zip(months)) {
            if let Some(&index) = self.indices.get(rep) {
                queue.standings.insert(index, Standing { credit, month });
            }
        }
        queue.had(picked, 1.0, when.month);
        if select.method == Method::Rotation {
            queue.last = Some(picked);
        }
    }

    fn members<'a>(&self, select: &'a SelectTrace, month: i32) -> Vec<Member<'a>> {
        let standings = Standings::of(self, &select.queue, month);
        select.pool.iter().map(|(rep, _)| standings.member(rep)).collect()
    }

    fn count(
        &mut self,
        index: usize,
        assignment: &Assignment<'_>,
        tally: fn(&mut Tally, Timestamp),
        units: fn(u32, u32) -> u32,
    ) {
        let row = &mut self.rows[index];
        row.open = units(row.open, assignment.units);
        tally(&mut row.new, assignment.at);
        tally(self.teams.entry(row.team.clone()).or_default(), assignment.at);
        for rule in assignment.rules {
            tally(self.rules.entry(rule.clone()).or_default().entry(index).or_default(), assignment.at);
        }
    }

    fn when(&self, at: Timestamp) -> When {
        let local = at.to_zoned(self.zone.clone());
        When {
            at,
            // A day that cannot be begun, at the end of time, begins now.
            day: local.start_of_day().map_or(at, |start| start.timestamp()),
            week: at.checked_sub(WEEK).unwrap_or(Timestamp::MIN),
            month: i32::from(local.year()) * 12 + i32::from(local.month()),
        }
    }
}

/// Whether a pick is paid for with credit: a lead won by a match is no turn had.
fn pays(select: &SelectTrace) -> bool {
    select.method == Method::Rotation && select.turns == Turns::Credit
}

/// The counters at a time.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    ledger: &'a Ledger,
    when: When,
}

/// A pool in a virtual queue, ready for a turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Line<'r> {
    /// In the order they were asked for.
    pub members: Vec<Member<'r>>,
    /// The place in the roster of who was served last.
    pub last: Option<usize>,
}

impl View<'_> {
    /// Of this rep; nothing was counted about one who is not the tenant's.
    pub fn get(&self, rep: &RepId) -> Counters {
        self.ledger.indices.get(rep).map(|&index| self.counters(index)).unwrap_or_default()
    }

    /// Of the rep at this place in the folder.
    pub fn place(&self, place: usize) -> Counters {
        self.ledger.roster.get(place).map(|&index| self.counters(index)).unwrap_or_default()
    }

    /// New leads of a team.
    pub fn team(&self, team: &TeamId) -> NewLeads {
        self.ledger.teams.get(team).map(|tally| self.new_leads(tally)).unwrap_or_default()
    }

    /// New leads of a rep by a rule that caps them.
    pub fn rule(&self, rule: &RuleId, rep: &RepId) -> NewLeads {
        let index = self.ledger.indices.get(rep);
        let tally = self.ledger.rules.get(rule).zip(index).and_then(|(reps, index)| reps.get(index));
        tally.map(|tally| self.new_leads(tally)).unwrap_or_default()
    }

    /// These reps as they stand in a virtual queue.
    pub fn line<'r>(&self, queue: &str, reps: impl IntoIterator<Item = &'r RepId>) -> Line<'r> {
        let standings = Standings::of(self.ledger, queue, self.when.month);
        let last = standings.queue.and_then(|queue| queue.last);
        Line {
            members: reps.into_iter().map(|rep| standings.member(rep)).collect(),
            last: last.and_then(|index| self.ledger.rows[index].place),
        }
    }

    /// What a decision records: everything about these reps, and how those of each queue stand in it.
    pub fn record<'r>(
        &self,
        reps: impl IntoIterator<Item = &'r RepId>,
        rules: &[RuleId],
        queues: impl IntoIterator<Item = (String, Vec<&'r RepId>)>,
    ) -> Seen {
        let some = |new: &NewLeads| *new != NewLeads::default();
        let mut seen = Seen::default();
        for rep in reps {
            let Some(&index) = self.ledger.indices.get(rep) else { continue };
            seen.reps.insert(rep.clone(), self.counters(index));
            let team = &self.ledger.rows[index].team;
            if !seen.teams.contains_key(team)
                && let Some(new) = Some(self.team(team)).filter(some)
            {
                seen.teams.insert(team.clone(), new);
            }
            for rule in rules {
                if let Some(new) = Some(self.rule(rule, rep)).filter(some) {
                    seen.rules.entry(rule.clone()).or_default().insert(rep.clone(), new);
                }
            }
        }
        for (name, reps) in queues {
            let line = self.line(&name, reps);
            let last = self.ledger.queues.get(&name).and_then(|queue| queue.last);
            let standing = |member: &Member<'_>| Standing { credit: member.credit, month: member.month };
            let standings =
                line.members.iter().map(|member| (member.rep.clone(), standing(member))).collect();
            seen.queues.insert(
                name,
                QueueSeen { last: last.map(|index| self.ledger.rows[index].id.clone()), standings },
            );
        }
        seen
    }

    fn counters(&self, index: usize) -> Counters {
        let row = &self.ledger.rows[index];
        let NewLeads { day, week } = self.new_leads(&row.new);
        Counters { open: row.open, day, week, price: row.price }
    }

    fn new_leads(&self, tally: &Tally) -> NewLeads {
        let When { day, week, .. } = self.when;
        let first = self.ledger.first;
        let same_day = first.is_none_or(|first| day <= first.day);
        let same_week = first.is_none_or(|first| week < first.at);
        NewLeads {
            day: tally.since(|moment| moment < day) + if same_day { tally.base.day } else { 0 },
            week: tally.since(|moment| moment <= week) + if same_week { tally.base.week } else { 0 },
        }
    }
}

/// A virtual queue as seen by those who would stand in it.
struct Standings<'a> {
    ledger: &'a Ledger,
    queue: Option<&'a Queue>,
    /// Weights of this queue, by index.
    shares: HashMap<usize, f64>,
    /// Whether the standings are of the month asked about.
    same_month: bool,
    peers: OnceCell<Peers>,
}

/// The average of those who stand in a queue and are there.
#[derive(Debug, Clone, Copy)]
struct Peers {
    credit: f64,
    /// Leads of the month at a weight of 1.
    level: f64,
}

impl<'a> Standings<'a> {
    fn of(ledger: &'a Ledger, name: &str, month: i32) -> Self {
        let queue = ledger.queues.get(name);
        let mut best: HashMap<usize, &Share> = HashMap::new();
        for share in ledger.shares.iter().filter(|share| share.holds_in(name)) {
            let Some(&index) = ledger.indices.get(&share.rep) else { continue };
            let known = best.entry(index).or_insert(share);
            if share.parts.len() > known.parts.len() {
                *known = share;
            }
        }
        Self {
            ledger,
            queue,
            shares: best.into_iter().map(|(index, share)| (index, share.weight)).collect(),
            same_month: queue.is_some_and(|queue| queue.month.is_none_or(|counted| counted >= month)),
            peers: OnceCell::new(),
        }
    }

    fn member<'r>(&self, rep: &'r RepId) -> Member<'r> {
        let Some(&index) = self.ledger.indices.get(rep) else {
            return Member { rep, place: usize::MAX, weight: 1.0, credit: 0.0, month: 0.0 };
        };
        let Standing { credit, month } = self.get(index);
        let place = self.ledger.rows[index].place.unwrap_or(usize::MAX);
        Member { rep, place, weight: self.weight(index), credit, month }
    }

    fn get(&self, index: usize) -> Standing {
        let average = || {
            let peers = self.peers.get_or_init(|| self.peers());
            Standing { credit: peers.credit, month: peers.level * self.weight(index) }
        };
        match self.known(index) {
            Some(own) if self.ledger.rows[index].away => {
                Standing { month: own.month.max(average().month), ..own }
            }
            Some(own) => own,
            None => average(),
        }
    }

    fn known(&self, index: usize) -> Option<Standing> {
        let found = self.queue?.standings.get(&index)?;
        Some(if self.same_month { *found } else { Standing { month: 0.0, ..*found } })
    }

    fn weight(&self, index: usize) -> f64 {
        if self.shares.is_empty() {
            return self.ledger.rows[index].weight;
        }
        self.shares.get(&index).copied().unwrap_or(self.ledger.rows[index].weight)
    }

    fn peers(&self) -> Peers {
        let there =
            |index: &&usize| self.ledger.rows[**index].place.is_some() && !self.ledger.rows[**index].away;
        let standings = self.queue.into_iter().flat_map(|queue| queue.standings.keys());
        let mut there: Vec<usize> = standings.filter(there).copied().collect();
        // Sums depend on the order in their last bit, and a map has none.
        there.sort_unstable();
        let average = |number: &dyn Fn(usize) -> f64| match there.len() {
            0 => 0.0,
            all => there.iter().map(|&index| number(index)).sum::<f64>() / all as f64,
        };
        let known = |index| {
            let Standing { credit, month } = self.known(index).unwrap_or_default();
            let by_hand = self.queue.and_then(|queue| queue.by_hand.get(&index)).copied().unwrap_or_default();
            let by_hand_this_month = if self.same_month { by_hand.month } else { 0.0 };
            Standing { credit: credit - by_hand.credit, month: month - by_hand_this_month }
        };
        Peers {
            credit: average(&|index| known(index).credit),
            level: average(&|index| known(index).month / self.weight(index)),
        }
    }
}

impl Queue {
    /// A new month counts from nothing.
    fn begin(&mut self, month: i32) {
        if self.month.is_some_and(|counted| counted < month) {
            let months = self.standings.values_mut().chain(self.by_hand.values_mut());
            months.for_each(|standing| standing.month = 0.0);
        }
        self.month = self.month.max(Some(month));
    }

    /// One lead more or less of a month, where that is the month counted.
    fn had(&mut self, index: usize, leads: f64, month: i32) {
        if self.month == Some(month)
            && let Some(standing) = self.standings.get_mut(&index)
        {
            standing.month += leads;
        }
    }
}

impl Tally {
    fn add(&mut self, at: Timestamp) {
        let place = self.moments.partition_point(|moment| *moment <= at);
        self.moments.insert(place, at);
        let newest = self.moments.back().copied().unwrap_or(at);
        let old = newest.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
        while self.moments.front().is_some_and(|moment| *moment < old) {
            self.moments.pop_front();
        }
    }

    fn remove(&mut self, at: Timestamp) {
        if let Ok(place) = self.moments.binary_search(&at) {
            self.moments.remove(place);
        }
    }

    /// Moments behind those that are too old.
    fn since(&self, old: impl Fn(Timestamp) -> bool) -> u32 {
        let old = self.moments.partition_point(|moment| old(*moment));
        u32::try_from(self.moments.len() - old).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pipeline::fixture::{self, id};
    use crate::rotation::turn;

    /// Monday in the middle of a month, summer time in Lisbon (UTC+1).
    const MONDAY: &str = "2026-06-15T10:00:00Z";

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn config(names: &[&str]) -> Config {
        Config { reps: names.iter().map(|name| fixture::rep(name)).collect(), ..fixture::config() }
    }

    fn select(turns: Turns, pool: &[&str], picked: &str) -> SelectTrace {
        SelectTrace {
            free_now: false,
            fast: false,
            method: Method::Rotation,
            turns,
            queue: "smb".to_owned(),
            pool: pool.iter().map(|rep| (id(rep), if *rep == picked { 1.0 } else { 0.0 })).collect(),
            picked: id(picked),
            preferred: false,
            passed_over: BTreeMap::new(),
        }
    }

    /// Whoever of the pool is next gets a lead.
    fn serve(ledger: &mut Ledger, turns: Turns, pool: &[&str], at: Timestamp, seed: u64) -> String {
        let reps: Vec<RepId> = pool.iter().map(|rep| id(rep)).collect();
        let view = ledger.at(at);
        let line = view.line("smb", &reps);
        let among: Vec<usize> = (0..reps.len()).collect();
        let picked = turn(turns, &line.members, &among, line.last, seed).unwrap().picked;
        give(ledger, turns, pool, pool[picked], at);
        pool[picked].to_owned()
    }

    fn give(ledger: &mut Ledger, turns: Turns, pool: &[&str], rep: &str, at: Timestamp) {
        let select = select(turns, pool, rep);
        ledger.apply(&Assignment { at, select: Some(&select), ..assignment(&id(rep)) });
    }

    fn assignment(rep: &RepId) -> Assignment<'_> {
        Assignment { rep, at: time(MONDAY), units: 1, rules: &[], select: None, price: None }
    }

    /// Credit and month of each, in the queue `smb`.
    fn standings(ledger: &Ledger, reps: &[&str], at: &str) -> Vec<(f64, f64)> {
        let reps: Vec<RepId> = reps.iter().map(|rep| id(rep)).collect();
        let round = |number: f64| (number * 1e6).round() / 1e6 + 0.0;
        let members = ledger.at(time(at)).line("smb", &reps).members;
        members.iter().map(|member| (round(member.credit), round(member.month))).collect()
    }

    #[test]
    fn assignments_are_counted_and_taken_back() {
        let mut config = config(&["ana", "ben", "cy"]);
        config.reps[0].open = 3;
        config.reps[0].week = 2;
        let rules = [id::<RuleId>("vip")];
        let check = |rep: &str,
                     units,
                     select: Option<SelectTrace>,
                     expect: [(u32, u32, u32); 3],
                     turns: [(f64, f64); 3]| {
            let before = Ledger::new(&config);
            let mut ledger = before.clone();
            let rep = id(rep);
            let assignment = Assignment { units, rules: &rules, select: select.as_ref(), ..assignment(&rep) };
            ledger.apply(&assignment);
            let reps = ["ana", "ben", "cy"].map(id);
            let view = ledger.at(time(MONDAY));
            let found =
                reps.clone().map(|rep| view.get(&rep)).map(|found| (found.open, found.day, found.week));
            assert_eq!(found, expect);
            assert_eq!(standings(&ledger, &["ana", "ben", "cy"], MONDAY), turns);
            let known = config.rep(&rep).is_some();
            let one = NewLeads { day: u32::from(known), week: u32::from(known) };
            assert_eq!((view.team(&id("smb")), view.rule(&rules[0], &rep)), (one, one));
            assert_eq!(view.rule(&id("other"), &rep), NewLeads::default());

            ledger.withdraw(&assignment);
            let (after, before) = (ledger.at(time(MONDAY)), before.at(time(MONDAY)));
            for rep in &reps {
                assert_eq!(after.get(rep), before.get(rep));
            }
            assert_eq!(after.team(&id("smb")), NewLeads::default());
            assert_eq!(standings(&ledger, &["ana", "ben", "cy"], MONDAY), [(0.0, 0.0); 3]);
        };
        let none = [(0.0, 0.0); 3];
        check("ana", 1, None, [(4, 1, 3), (0, 0, 0), (0, 0, 0)], none);
        check("ben", 3, None, [(3, 0, 2), (3, 1, 1), (0, 0, 0)], none);
        check("nobody", 1, None, [(3, 0, 2), (0, 0, 0), (0, 0, 0)], none);
        let turns = |turns| Some(select(turns, &["ana", "ben"], "ana"));
        let counted = [(4, 1, 3), (0, 0, 0), (0, 0, 0)];
        // Cy joins at the average: of nothing owed, and of half a lead had.
        check("ana", 1, turns(Turns::Credit), counted, [(-0.5, 1.0), (0.5, 0.0), (0.0, 0.5)]);
        check("ana", 1, turns(Turns::Count), counted, [(0.0, 1.0), (0.0, 0.0), (0.0, 0.5)]);
        // A lead won by a match is no turn had, and counts for the month.
        let won = turns(Turns::Credit).map(|select| SelectTrace { method: Method::HighestTotal, ..select });
        check("ana", 1, won, counted, [(0.0, 1.0), (0.0, 0.0), (0.0, 0.5)]);
    }

    #[test]
    fn deals_that_close_free_their_units() {
        let mut ledger = Ledger::new(&config(&["ana"]));
        ledger.apply(&Assignment { units: 3, ..assignment(&id("ana")) });
        ledger.release(&id("ana"), 2);
        assert_eq!(ledger.at(time(MONDAY)).get(&id("ana")).open, 1);
        ledger.release(&id("ana"), 2);
        assert_eq!(
            ledger.at(time(MONDAY)).get(&id("ana")),
            Counters { open: 0, day: 1, week: 1, price: Price::default() }
        );
    }

    #[test]
    fn windows_are_exact() {
        let mut config = config(&["ana"]);
        config.reps[0].week = 4;
        let mut ledger = Ledger::new(&config);
        // Midnight in Lisbon is 23:00 in UTC.
        for at in [
            "2026-06-15T10:00:00Z",
            "2026-06-15T22:59:59.999Z",
            "2026-06-15T23:00:00Z",
            "2026-06-16T08:00:00Z",
        ] {
            ledger.apply(&Assignment { at: time(at), ..assignment(&id("ana")) });
        }
        let check = |at: &str, day, week| {
            let counted = ledger.at(time(at)).get(&id("ana"));
            assert_eq!((counted.day, counted.week), (day, week), "{at}");
            assert_eq!(ledger.at(time(at)).place(0), counted);
        };
        check("2026-06-16T09:00:00Z", 2, 8);
        check("2026-06-16T22:59:59Z", 2, 8);
        check("2026-06-16T23:00:00Z", 0, 8);
        // The folder's four leave with the first that has a moment.
        check("2026-06-22T09:59:59.999Z", 0, 8);
        check("2026-06-22T10:00:00Z", 0, 3);
        check("2026-06-22T22:59:59.999Z", 0, 2);
        check("2026-06-23T08:00:00Z", 0, 0);
        // A clock that is behind counts what came later as well.
        check("2026-06-15T22:59:00Z", 4, 8);
    }

    #[test]
    fn a_month_is_the_tenants() {
        let mut ledger = Ledger::new(&config(&["ana", "ben"]));
        give(&mut ledger, Turns::Credit, &["ana", "ben"], "ana", time("2026-06-30T22:00:00Z"));
        assert_eq!(standings(&ledger, &["ana", "ben"], "2026-06-30T22:59:59Z"), [(-0.5, 1.0), (0.5, 0.0)]);
        assert_eq!(standings(&ledger, &["ana", "ben"], "2026-06-30T23:00:00Z"), [(-0.5, 0.0), (0.5, 0.0)]);
        give(&mut ledger, Turns::Credit, &["ana", "ben"], "ben", time("2026-06-30T23:00:00Z"));
        assert_eq!(standings(&ledger, &["ana", "ben"], "2026-06-30T23:00:00Z"), [(0.0, 0.0), (0.0, 1.0)]);
    }

    /// Cal.com, "Round-robin scheduling": hosts of the same weight end up with as many bookings.
    #[test]
    fn weights_hold_over_time_and_in_their_queue_only() {
        let check = |weights: [f64; 2], shares: &[(&str, f64)], leads, expect: [f64; 2]| {
            let mut config = config(&["ana", "ben"]);
            config.reps[0].weight = weights[0];
            config.reps[1].weight = weights[1];
            config.fairness.weights = shares
                .iter()
                .map(|(queue, weight)| Share {
                    rep: id("ben"),
                    parts: queue.split('|').map(str::to_owned).collect(),
                    weight: *weight,
                })
                .collect();
            let mut ledger = Ledger::new(&config);
            for seed in 0..leads {
                serve(&mut ledger, Turns::Credit, &["ana", "ben"], time(MONDAY), seed);
            }
            let months: Vec<f64> =
                standings(&ledger, &["ana", "ben"], MONDAY).iter().map(|(_, month)| *month).collect();
            assert_eq!(months, expect, "{weights:?} {shares:?}");
        };
        check([1.0, 1.0], &[], 30, [15.0, 15.0]);
        check([1.0, 2.0], &[], 6, [2.0, 4.0]);
        check([1.0, 1.0], &[("smb", 2.0)], 6, [2.0, 4.0]);
        check([1.0, 1.0], &[("enterprise", 2.0), ("smb|tier=3", 5.0)], 6, [3.0, 3.0]);
        // Of several, the first with most parts.
        check([1.0, 1.0], &[("smb", 2.0), ("smb", 5.0)], 6, [2.0, 4.0]);
    }

    #[test]
    fn who_joins_starts_at_the_average() {
        let mut config = config(&["ana", "ben"]);
        let mut ledger = Ledger::new(&config);
        for seed in 0..20 {
            serve(&mut ledger, Turns::Count, &["ana", "ben"], time(MONDAY), seed);
        }
        config.reps.push(fixture::rep("new"));
        config.reps.push(crate::lead::Rep { weight: 2.0, ..fixture::rep("twice") });
        ledger.adopt(&config);
        assert_eq!(standings(&ledger, &["new", "twice"], MONDAY), [(0.0, 10.0), (0.0, 20.0)]);
        let mut had = BTreeMap::<String, u32>::new();
        for seed in 0..10 {
            *had.entry(serve(
                &mut ledger,
                Turns::Count,
                &["ana", "ben", "new", "twice"],
                time(MONDAY),
                seed,
            ))
            .or_default() += 1;
        }
        let expect = [("ana", 2), ("ben", 2), ("new", 2), ("twice", 4)];
        assert_eq!(had, expect.map(|(rep, leads)| (rep.to_owned(), leads)).into());
    }

    #[test]
    fn who_comes_back_catches_up_on_nothing() {
        let check = |turns: Turns, back: (f64, f64)| {
            let all = ["ana", "ben", "cy"];
            let mut ledger = Ledger::new(&config(&all));
            for seed in 0..3 {
                serve(&mut ledger, turns, &all, time(MONDAY), seed);
            }
            for seed in 0..20 {
                ledger.away([&id("cy")]);
                serve(&mut ledger, turns, &all[..2], time(MONDAY), seed);
            }
            let found = standings(&ledger, &["cy"], MONDAY);
            assert_eq!(found, [back], "{turns:?}, before the first turn");
            let mut again = ledger.clone();
            again.calibrate(&id("cy"), time(MONDAY));
            assert_eq!(standings(&again, &["cy"], MONDAY), [back], "{turns:?}, when somebody says so");
            let mut had = BTreeMap::<String, u32>::new();
            for seed in 0..6 {
                *had.entry(serve(&mut ledger, turns, &all, time(MONDAY), seed)).or_default() += 1;
            }
            assert_eq!(had, all.map(|rep| (rep.to_owned(), 2)).into(), "{turns:?}");
        };
        check(Turns::Credit, (0.0, 11.0));
        check(Turns::Count, (0.0, 11.0));
    }

    #[test]
    fn credit_by_hand() {
        let mut ledger = Ledger::new(&config(&["ana", "ben"]));
        ledger.credit(&id("ben"), "smb", 2.0, time(MONDAY));
        assert_eq!(standings(&ledger, &["ben"], MONDAY), [(2.0, -2.0)]);
        // Whoever joins now is not better off for it.
        assert_eq!(standings(&ledger, &["ana"], MONDAY), [(0.0, 0.0)]);
        for turns in [Turns::Credit, Turns::Count] {
            let mut ledger = ledger.clone();
            let next: Vec<String> =
                (0..2).map(|seed| serve(&mut ledger, turns, &["ana", "ben"], time(MONDAY), seed)).collect();
            assert_eq!(next, ["ben", "ben"], "{turns:?}");
        }
    }

    #[test]
    fn the_order_goes_on_whatever_the_roster() {
        let all = ["ana", "ben", "cy", "dan"];
        let check = |served: usize, roster: &[&str], expect: &str| {
            let mut ledger = Ledger::new(&config(&all));
            for seed in 0..served as u64 {
                serve(&mut ledger, Turns::Order, &all, time(MONDAY), seed);
            }
            ledger.adopt(&config(roster));
            assert_eq!(
                serve(&mut ledger, Turns::Order, roster, time(MONDAY), 1),
                expect,
                "{served} {roster:?}"
            );
        };
        check(2, &all, "cy");
        check(2, &["ana", "cy", "dan"], "cy");
        check(2, &["cy", "dan"], "cy");
        check(1, &["ben", "cy", "dan"], "ben");
        check(4, &["ana", "ben", "cy"], "ana");
        check(2, &["ana", "ben", "new", "cy", "dan"], "new");
    }

    #[test]
    fn a_turn_given_away_comes_back_in_order_too() {
        let all = ["ana", "ben", "cy"];
        let select = select(Turns::Order, &all, "ana");
        let ana = id("ana");
        let first = Assignment { select: Some(&select), ..assignment(&ana) };
        let next = |change: &dyn Fn(&mut Ledger)| {
            let mut ledger = Ledger::new(&config(&all));
            ledger.apply(&first);
            change(&mut ledger);
            serve(&mut ledger, Turns::Order, &all, time(MONDAY), 1)
        };
        assert_eq!(next(&|_| ()), "ben");
        assert_eq!(next(&|ledger| ledger.withdraw(&first)), "ana");
        assert_eq!(next(&|ledger| ledger.reassign(&first, &id("ben"))), "cy");
        assert_eq!(next(&|ledger| ledger.reassign(&first, &id("nobody"))), "ben");
    }

    const NAMES: [&str; 5] = ["ana", "ben", "cy", "dan", "eve"];

    /// One thing that happens to a ledger.
    #[derive(Debug, Clone)]
    enum Step {
        Serve { pool: Vec<bool>, hours: i64 },
        Reassign { to: usize },
        Withdraw,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let some = || prop::collection::vec(any::<bool>(), NAMES.len());
        let step = prop_oneof![
            6 => (some(), 0..30i64).prop_map(|(pool, hours)| Step::Serve { pool, hours }),
            1 => (0..NAMES.len()).prop_map(|to| Step::Reassign { to }),
            1 => Just(Step::Withdraw),
        ];
        prop::collection::vec(step, 1..60)
    }

    fn chosen(mask: &[bool]) -> Vec<&'static str> {
        NAMES.iter().zip(mask).filter(|(_, chosen)| **chosen).map(|(name, _)| *name).collect()
    }

    fn sum(ledger: &Ledger) -> f64 {
        ledger
            .queues
            .values()
            .flat_map(|queue| queue.standings.values())
            .map(|standing| standing.credit)
            .sum()
    }

    proptest! {
        /// Whoever is served, reassigned and taken back: a queue's credits add up to 0, nobody has more
        /// leads than were given, and what a decision records answers as the ledger does, to the bit.
        #[test]
        fn laws(steps in steps(), turns in prop::sample::select(vec![Turns::Credit, Turns::Count, Turns::Order])) {
            let config = config(&NAMES);
            let mut ledger = Ledger::new(&config);
            let mut at = time(MONDAY);
            let mut last: Option<(RepId, Timestamp, SelectTrace)> = None;
            let mut open = 0;
            for (seed, step) in steps.iter().enumerate() {
                match step {
                    Step::Serve { pool, hours } => {
                        let pool = chosen(pool);
                        if pool.is_empty() {
                            continue;
                        }
                        at += SignedDuration::from_hours(*hours);
                        let picked = serve(&mut ledger, turns, &pool, at, seed as u64);
                        last = Some((id(&picked), at, select(turns, &pool, &picked)));
                        open += 1;
                    }
                    Step::Reassign { to } => {
                        let Some((rep, at, select)) = last.take() else { continue };
                        let given = Assignment { at, select: Some(&select), ..assignment(&rep) };
                        ledger.reassign(&given, &id(NAMES[*to]));
                    }
                    Step::Withdraw => {
                        let Some((rep, at, select)) = last.take() else { continue };
                        ledger.withdraw(&Assignment { at, select: Some(&select), ..assignment(&rep) });
                        open -= 1;
                    }
                }
                prop_assert!(sum(&ledger).abs() < 1e-6, "the sum stays 0");
                let reps = NAMES.map(id::<RepId>);
                let view = ledger.at(at);
                prop_assert_eq!(reps.iter().map(|rep| view.get(rep).open).sum::<u32>(), open);
                let seen = view.record(&reps, &[], [("smb".to_owned(), reps.iter().collect())]);
                let again = Ledger::from_recorded(&config, &seen);
                let again = again.at(at);
                prop_assert_eq!(again.line("smb", &reps), view.line("smb", &reps));
                prop_assert_eq!(again.team(&id("smb")), view.team(&id("smb")));
                prop_assert!(reps.iter().all(|rep| again.get(rep) == view.get(rep)));
                let stored = serde_json::from_str(&serde_json::to_string(&seen).unwrap()).unwrap();
                prop_assert_eq!(&seen, &stored, "it survives being stored");
            }
        }

        /// Reassigning is as if the other had been picked first.
        #[test]
        fn reassigning_is_neutral(
            before in prop::collection::vec(0..5usize, 0..20),
            from in 0..5usize,
            to in 0..5usize,
            turns in prop::sample::select(vec![Turns::Credit, Turns::Count, Turns::Order]),
        ) {
            let at = time(MONDAY);
            let mut ledger = Ledger::new(&config(&NAMES));
            for rep in before {
                give(&mut ledger, turns, &NAMES, NAMES[rep], at);
            }
            let mut other = ledger.clone();
            give(&mut other, turns, &NAMES, NAMES[to], at);
            let (rep, select) = (id(NAMES[from]), select(turns, &NAMES, NAMES[from]));
            let given = Assignment { select: Some(&select), ..assignment(&rep) };
            ledger.apply(&given);
            ledger.reassign(&given, &id(NAMES[to]));
            prop_assert_eq!(standings(&ledger, &NAMES, MONDAY), standings(&other, &NAMES, MONDAY));
            let reps = NAMES.map(id::<RepId>);
            prop_assert_eq!(ledger.at(at).line("smb", &reps).last, other.at(at).line("smb", &reps).last);
            prop_assert!(reps.iter().all(|rep| ledger.at(at).get(rep) == other.at(at).get(rep)));
        }

        /// Whatever becomes of the roster, everybody keeps their counters, also those who are not there.
        #[test]
        fn edits_of_the_roster_reset_nothing(
            leads in prop::collection::vec(0..5usize, 1..20),
            rosters in prop::collection::vec(Just(NAMES.to_vec()).prop_shuffle(), 1..4),
            kept in 1..5usize,
        ) {
            let at = time(MONDAY);
            let mut ledger = Ledger::new(&config(&NAMES));
            for rep in leads {
                give(&mut ledger, Turns::Credit, &NAMES, NAMES[rep], at);
            }
            let reps = NAMES.map(id::<RepId>);
            let all = |ledger: &Ledger| {
                let view = ledger.at(at);
                (reps.clone().map(|rep| view.get(&rep)), standings(ledger, &NAMES, MONDAY))
            };
            let before = all(&ledger);
            for roster in rosters {
                ledger.adopt(&config(&roster[..kept]));
                prop_assert_eq!(&all(&ledger), &before);
            }
            ledger.adopt(&config(&NAMES));
            prop_assert_eq!(&all(&ledger), &before);
        }
    }
}
