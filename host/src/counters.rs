//! What is counted about a tenant's reps, in memory: open work, new leads, turns.
//!
//! Stages read a [`View`], the ledger at a time, and never change it. Whoever commits a decision applies
//! its [`Assignment`], in the order of the decisions, so that the next lead sees it. A decision records
//! what it [`Seen`], and [`Ledger::from_recorded`] makes a ledger that answers the same.
//!
//! - **Open work** is in work units.
//! - **New leads** are counted by rep, by team, and by rule and rep, each in the calendar day of the tenant's
//!   zone and in exactly seven days: the ledger keeps the moments. The folder's column `week` has none, so
//!   it counts until seven days after the first decision. What is later than the time asked about counts
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

mod apart;
mod saved;

pub use apart::{Apart, InArm, Limits};
use saved::Untold;
pub use saved::{Counted, NewLead, SavedQueue, SavedRep, Sign};

/// The counters of one tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    zone: TimeZone,
    /// When anything was first decided: the counts without moments end a day and seven days later.
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
    changed: Untold,
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    id: RepId,
    team: TeamId,
    /// In the folder; absent where they are no longer there.
    place: Option<usize>,
    weight: f64,
    open: u32,
    /// Of that, what is counted under an arm of an experiment that keeps capacity apart.
    arms: BTreeMap<RuleId, u32>,
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
    /// Rules that cap what they give to one rep, and gave this; and the arm, where an experiment keeps capacity apart.
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
            changed: Untold::default(),
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
        for (arm, reps) in &seen.arms {
            for (rep, open) in reps {
                if let Some(&index) = ledger.indices.get(rep) {
                    ledger.rows[index].arms.insert(arm.clone(), *open);
                }
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
                    arms: BTreeMap::new(),
                    new,
                    price: Price::default(),
                    away: false,
                });
                self.changed.reps.insert(index);
            }
            let row = &mut self.rows[index];
            row.place = Some(place);
            row.team.clone_from(&rep.team);
            row.weight = rep.weight;
            self.roster.push(index);
        }
        // The order goes on behind whom it had come to, or behind the last before them who is still there.
        let (rows, gone) = (&self.rows, |index: &usize| self.rows[*index].place.is_none());
        for (name, queue) in &mut self.queues {
            let Some(last) = queue.last.filter(gone) else { continue };
            let Some(at) = before.iter().position(|index| *index == last) else { continue };
            let earlier = before[..at].iter().rev().chain(before[at..].iter().rev());
            queue.last = earlier.copied().find(|index| rows[*index].place.is_some());
            self.changed.queues.insert(name.clone());
        }
    }

    /// The counters at this time.
    pub fn at(&self, at: Timestamp) -> View<'_> {
        View { ledger: self, when: self.when(at), arm: None }
    }

    /// Something is decided at this time: from the first on, counts without a moment grow old.
    pub fn begin(&mut self, at: Timestamp) {
        if self.first.is_none() {
            self.first = Some(self.when(at));
            self.changed.first = true;
        }
    }

    /// Counts an assignment.
    pub fn apply(&mut self, assignment: &Assignment<'_>) {
        let Some(&index) = self.indices.get(assignment.rep) else { return };
        let when = self.when(assignment.at);
        self.begin(assignment.at);
        self.count(index, assignment, Sign::Plus);
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
        self.count(index, assignment, Sign::Minus);
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
        self.changed.queues.insert(select.queue.clone());
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
        self.count(from, assignment, Sign::Minus);
        self.count(new, assignment, Sign::Plus);
        let Some(queue) = self.queues.get_mut(&select.queue) else { return };
        self.changed.queues.insert(select.queue.clone());
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

    /// A deal is closed: its work units are free again, also in the arm that it came in.
    pub fn release(&mut self, rep: &RepId, units: u32, rules: &[RuleId]) {
        if let Some(&index) = self.indices.get(rep) {
            self.open(index, units, rules, Sign::Minus);
        }
    }

    /// Credits a rep by hand with so many leads, to be served sooner; below 0 to be served later. The only
    /// thing that changes the sum of a queue's credits.
    pub fn credit(&mut self, rep: &RepId, queue: &str, leads: f64, at: Timestamp) {
        let Some(&index) = self.indices.get(rep) else { return };
        let month = self.when(at).month;
        let standing = Standings::of(self, queue, month).get(index);
        self.changed.queues.insert(queue.to_owned());
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
            if let Some(&index) = self.indices.get(rep)
                && !std::mem::replace(&mut self.rows[index].away, true)
            {
                self.changed.reps.insert(index);
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
                self.changed.queues.insert(name);
            }
        }
        self.rows[index].away = false;
        self.changed.reps.insert(index);
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
        self.changed.queues.insert(select.queue.clone());
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

    fn count(&mut self, index: usize, assignment: &Assignment<'_>, sign: Sign) {
        self.open(index, assignment.units, assignment.rules, sign);
        let team = self.rows[index].team.clone();
        self.tally(index, &team, assignment.rules, assignment.at, sign);
        let (rep, rules) = (assignment.rep.clone(), assignment.rules.to_vec());
        self.changed.new_leads.push(NewLead { at: assignment.at, rep, team, rules, sign });
    }

    /// Open work more or less, of the rep and of the arm that it came in.
    fn open(&mut self, index: usize, units: u32, rules: &[RuleId], sign: Sign) {
        self.changed.reps.insert(index);
        let Row { open, arms, .. } = &mut self.rows[index];
        let counted = |open: u32| match sign {
            Sign::Plus => open.saturating_add(units),
            Sign::Minus => open.saturating_sub(units),
        };
        *open = counted(*open);
        for arm in rules.iter().filter(|rule| apart::is_arm(rule)) {
            match counted(arms.get(arm).copied().unwrap_or(0)) {
                0 => arms.remove(arm),
                open => arms.insert(arm.clone(), open),
            };
        }
    }

    /// A new lead of a rep, of their team, and by the rules that cap it; or one less.
    fn tally(&mut self, index: usize, team: &TeamId, rules: &[RuleId], at: Timestamp, sign: Sign) {
        let tally = match sign {
            Sign::Plus => Tally::add,
            Sign::Minus => Tally::remove,
        };
        tally(&mut self.rows[index].new, at);
        tally(self.teams.entry(team.clone()).or_default(), at);
        for rule in rules {
            tally(self.rules.entry(rule.clone()).or_default().entry(index).or_default(), at);
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
    /// As whose leads see it, where capacity is kept apart.
    arm: Option<&'a InArm>,
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
                if let Some(open) = self.ledger.rows[index].arms.get(rule) {
                    seen.arms.entry(rule.clone()).or_default().insert(rep.clone(), *open);
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

    /// When the first of the new leads that are counted in seven days leaves them: a rep's, their team's, and
    /// what these rules gave them. Nothing where none is counted.
    pub fn week_moves(&self, rep: &RepId, rules: &[RuleId]) -> Option<Timestamp> {
        let Self { ledger, when, .. } = self;
        let index = ledger.indices.get(rep)?;
        let row = &ledger.rows[*index];
        let by_rule = rules.iter().filter_map(|rule| ledger.rules.get(rule)?.get(index));
        let tallies = [Some(&row.new), ledger.teams.get(&row.team)].into_iter().flatten().chain(by_rule);
        let moments = tallies.filter_map(|tally| {
            let base = ledger.first.filter(|_| tally.base.week > 0).map(|first| first.at);
            tally.moments.iter().copied().chain(base).filter(|moment| *moment > when.week).min()
        });
        moments.min()?.checked_add(WEEK).ok()
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
        // Sums depend on the order in their last bit, and neither a map nor the order of joining has one that
        // every host shares.
        there.sort_unstable_by(|a, b| self.ledger.rows[*a].id.cmp(&self.ledger.rows[*b].id));
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
mod tests;
