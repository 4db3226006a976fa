//! Leads of one size: a minimum-cost flow, lead → rep → (team →) sink.
//!
//! Prices of places start at nothing and only rise, and at any time each lead is with a rep of the most gain
//! over price. What may be wrong in between is only that a node holds more than it passes on; when none does,
//! the flow is optimal.
//!
//! 1. *Bidding* ([`Flow::auction`]): a rep with too many leads raises the price until as many of them, who lose
//!    the least, prefer another. It is the auction of Bertsekas (1988) for many places, with steps as long as
//!    they can be, and settles nearly everybody in one look at their choices; but where leads are alike it
//!    can go round in circles, so each lead moves a few times at most.
//! 2. *Shortest paths* ([`Flow::settle`]): what is left over goes, one lead at a time, along the cheapest
//!    chain of moves to a free place (Dijkstra's search over prices, as in Jonker and Volgenant 1987). Leads
//!    are no nodes: between two reps only the cheapest lead to move counts, kept in [`Row`]s, so a search is
//!    one over reps and teams however many leads there are.
//! 3. *Least prices* ([`Flow::least_prices`]): of all prices that prove the optimum, those that say what one
//!    more place would add.
//!
//! A node is a rep, then "nobody" (who has places for all, for nothing), then a team, then the sink. Whatever is
//! equal is decided by the ranks of keys, never by the order in which it is met.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::{Lead, Prices, Problem};

/// How often a lead may move in bidding, on average.
const PATIENCE: usize = 4;

/// Farther than anything; two of them still fit.
const FAR: i64 = i64::MAX / 4;

/// An optimum with its prices.
pub(super) struct Found {
    pub(super) reps: Vec<Option<u32>>,
    pub(super) prices: Prices,
}

/// The optimum for leads that all take so many units.
pub(super) fn solve(problem: &Problem, units: u32) -> Found {
    let mut flow = Flow::new(problem, units);
    flow.auction();
    flow.settle();
    flow.least_prices();
    let part = |node: usize| problem.scale.parts(flow.price[node]);
    let prices = Prices {
        reps: (0..flow.nobody).map(part).collect(),
        teams: (flow.nobody + 1..flow.sink).map(part).collect(),
    };
    let rep = |&node: &u32| (node as usize != flow.nobody).then_some(node);
    Found { reps: flow.at.iter().map(rep).collect(), prices }
}

struct Flow<'a> {
    problem: &'a Problem,
    units: u32,
    nobody: usize,
    sink: usize,
    /// Of each node: where its places lead to, how many there are, how many are taken, and the price of
    /// bringing a lead here; the sink's is nothing.
    parent: Vec<usize>,
    capacity: Vec<u32>,
    used: Vec<u32>,
    price: Vec<i64>,
    rank: Vec<u32>,
    /// Of each lead: where it is, its place in that list, what that gains, and its rank.
    at: Vec<u32>,
    position: Vec<u32>,
    gain: Vec<i64>,
    lead_rank: Vec<u32>,
    /// Of each rep and nobody: its leads, and what it costs to move one away, once asked for.
    leads: Vec<Vec<u32>>,
    rows: Vec<Option<Row>>,
}

/// The cheapest lead to move from here to each rep and to nobody, prices left out.
struct Row {
    cost: Vec<i64>,
    lead: Vec<u32>,
}

impl<'a> Flow<'a> {
    fn new(problem: &'a Problem, units: u32) -> Self {
        let (leads, reps, teams) = (problem.leads.len(), problem.reps.len(), problem.teams.len());
        let (nobody, sink) = (reps, reps + 1 + teams);
        let mut rank = ranks(problem.reps.iter().map(|rep| rep.key));
        rank.push(reps as u32);
        let first = |team: &super::Team| team.reps.iter().map(|&rep| u64::from(rank[rep as usize])).min();
        let teams_rank = ranks(problem.teams.iter().map(|team| first(team).unwrap_or(u64::MAX)));
        rank.extend(teams_rank.iter().map(|rank| sink as u32 - teams as u32 + rank));
        rank.push(sink as u32);
        let parent = problem.team.iter().map(|team| team.map_or(sink, |team| nobody + 1 + team as usize));
        let places = |capacity: u32| capacity / units;
        let nodes = sink + 1;
        Self {
            problem,
            units,
            nobody,
            sink,
            parent: parent.chain(std::iter::repeat_n(sink, nodes - reps)).collect(),
            capacity: (problem.reps.iter().map(|rep| places(rep.capacity)))
                .chain([u32::MAX])
                .chain(problem.teams.iter().map(|team| places(team.capacity)))
                .chain([0])
                .collect(),
            used: vec![0; nodes],
            price: vec![0; nodes],
            rank,
            at: vec![nobody as u32; leads],
            position: vec![0; leads],
            gain: vec![0; leads],
            lead_rank: ranks(problem.leads.iter().map(|lead| lead.key)),
            leads: vec![Vec::new(); reps + 1],
            rows: (0..=reps).map(|_| None).collect(),
        }
    }

    /// What a node's place costs when so many are taken.
    fn place(&self, node: usize, used: u32) -> i64 {
        let rep = self.problem.reps.get(node);
        rep.map_or(0, |rep| self.problem.scale.place(rep, used * self.units, self.units))
    }

    /// What a lead gains at each of its choices.
    fn gains(&self, lead: u32) -> impl Iterator<Item = (usize, i64)> + use<'a> {
        let Lead { class, choices, .. } = &self.problem.leads[lead as usize];
        let (base, point) = (self.problem.scale.lead(*class), self.problem.scale.point());
        choices.iter().map(move |choice| (choice.rep as usize, base + i64::from(choice.value) * point))
    }

    /// A lead's best node by gain over price, and the best of the others.
    fn best_two(&self, lead: u32) -> [Offer; 2] {
        let mut best = Offer { node: self.nobody, gain: 0, net: 0 };
        let mut second = Offer { node: self.nobody, gain: 0, net: -FAR };
        for (node, gain) in self.gains(lead) {
            let offer = Offer { node, gain, net: gain - self.price[node] };
            if self.beats(offer, second) {
                second = offer;
                if self.beats(second, best) {
                    std::mem::swap(&mut best, &mut second);
                }
            }
        }
        [best, second]
    }

    fn beats(&self, this: Offer, that: Offer) -> bool {
        this.net > that.net || this.net == that.net && self.rank[this.node] < self.rank[that.node]
    }

    /// Leads choose, and reps with too many raise their price.
    fn auction(&mut self) {
        let mut bids: Vec<BinaryHeap<Reverse<Bid>>> = (0..=self.nobody).map(|_| BinaryHeap::new()).collect();
        for lead in 0..self.at.len() as u32 {
            let [best, second] = self.best_two(lead);
            self.join(lead, best.node, best.gain);
            bids[best.node].push(Reverse(self.bid(lead, best.gain - second.net)));
        }
        let mut queue: VecDeque<usize> = (0..self.nobody).collect();
        queue.make_contiguous().sort_by_key(|&rep| self.rank[rep]);
        let mut queued = vec![true; self.nobody];
        let mut moves = PATIENCE * self.at.len();
        while let Some(rep) = queue.pop_front().filter(|_| moves > 0) {
            queued[rep] = false;
            let mut leaving = Vec::new();
            while let Some(&Reverse(Bid { limit, lead, .. })) = bids[rep].peek() {
                let count = bids[rep].len() as u32;
                if count <= self.capacity[rep] && self.place(rep, count - 1) <= limit {
                    self.price[rep] = self.price[rep].max(self.place(rep, count - 1));
                    break;
                }
                bids[rep].pop();
                // The limit was true when it was written; others can only have risen since.
                let others = self.best_two(lead).into_iter().find(|offer| offer.node != rep);
                let now = others.map_or(FAR, |other| self.gain[lead as usize] - other.net);
                if now > limit {
                    bids[rep].push(Reverse(self.bid(lead, now)));
                } else {
                    self.price[rep] = limit;
                    leaving.push(lead);
                }
            }
            self.used[rep] = bids[rep].len() as u32;
            moves = moves.saturating_sub(leaving.len());
            for lead in leaving {
                let [best, second] = self.best_two(lead);
                let (to, other) = if best.node == rep { (second, best) } else { (best, second) };
                self.leave(lead);
                self.join(lead, to.node, to.gain);
                bids[to.node].push(Reverse(self.bid(lead, to.gain - other.net)));
                if to.node != self.nobody && !std::mem::replace(&mut queued[to.node], true) {
                    queue.push_back(to.node);
                }
            }
        }
        self.used[self.nobody] = self.leads[self.nobody].len() as u32;
    }

    fn bid(&self, lead: u32, limit: i64) -> Bid {
        Bid { limit, rank: self.lead_rank[lead as usize], lead }
    }

    /// Every node passes on what it holds.
    fn settle(&mut self) {
        for team in self.nobody + 1..self.sink {
            self.used[team] = self.inflow(team).min(self.capacity[team]);
        }
        let mut nodes: Vec<usize> = (0..self.sink).collect();
        nodes.sort_by_key(|&node| self.rank[node]);
        let mut search = Search::new(self.sink + 1);
        for node in nodes {
            while self.inflow(node) > self.used[node] {
                let distance = self.search(node, &mut search);
                for &near in &search.settled {
                    self.price[near] += distance - search.distance[near];
                }
                self.push(node, &search);
            }
        }
    }

    fn inflow(&self, node: usize) -> u32 {
        match self.leads.get(node) {
            Some(leads) => leads.len() as u32,
            None => (0..self.nobody).filter(|&rep| self.parent[rep] == node).map(|rep| self.used[rep]).sum(),
        }
    }

    /// Distances from a node, as far as the sink and no farther; from the sink, to everywhere. What comes back is
    /// the sink's.
    fn search(&mut self, from: usize, search: &mut Search) -> i64 {
        search.start(from);
        let mut sink = FAR;
        while let Some(node) = search.nearest(&self.rank) {
            let distance = search.distance[node];
            if distance >= sink {
                break;
            }
            search.settled.push(node);
            let base = distance - self.price[node];
            if node != self.sink && self.used[node] < self.capacity[node] {
                let parent = self.parent[node];
                let there = base + self.place(node, self.used[node]) + self.price[parent];
                if there < sink {
                    search.reach(parent, there, Via::Place(node));
                }
                if parent == self.sink && from != self.sink {
                    sink = sink.min(there);
                }
            }
            if node > self.nobody {
                for child in
                    (0..self.sink).filter(|&child| self.parent[child] == node && self.used[child] > 0)
                {
                    let there = base - self.place(child, self.used[child] - 1) + self.price[child];
                    if there < sink {
                        search.reach(child, there, Via::Back(node));
                    }
                }
                continue;
            }
            let row = self.rows[node].take().unwrap_or_else(|| self.row(node));
            for (to, (cost, price)) in row.cost.iter().zip(&self.price).enumerate() {
                let there = base + cost + price;
                if there < search.distance[to] && there < sink {
                    search.reach(to, there, Via::Move(node, row.lead[to]));
                }
            }
            self.rows[node] = Some(row);
        }
        sink
    }

    /// Sends one lead from a node to the sink, along the way that was found.
    fn push(&mut self, from: usize, search: &Search) {
        let mut node = self.sink;
        while node != from {
            node = match search.via[node] {
                Via::Place(before) => {
                    self.used[before] += 1;
                    before
                }
                Via::Back(parent) => {
                    self.used[node] -= 1;
                    parent
                }
                Via::Move(before, lead) => {
                    let gain = self.gain_at(lead, node);
                    self.leave(lead);
                    self.join(lead, node, gain.unwrap_or(0));
                    before
                }
                Via::Start => return,
            }
        }
    }

    /// Of all prices that prove the optimum, the least.
    fn least_prices(&mut self) {
        let mut search = Search::new(self.sink + 1);
        self.search(self.sink, &mut search);
        for (price, distance) in self.price.iter_mut().zip(search.distance) {
            *price = if distance < FAR { (*price - distance).max(0) } else { 0 };
        }
    }

    fn gain_at(&self, lead: u32, node: usize) -> Option<i64> {
        if node == self.nobody {
            return Some(0);
        }
        let lead = &self.problem.leads[lead as usize];
        let value = i64::from(lead.value(node as u32)?);
        Some(self.problem.scale.lead(lead.class) + value * self.problem.scale.point())
    }

    fn join(&mut self, lead: u32, node: usize, gain: i64) {
        self.at[lead as usize] = node as u32;
        self.gain[lead as usize] = gain;
        self.position[lead as usize] = self.leads[node].len() as u32;
        self.leads[node].push(lead);
        if let Some(mut row) = self.rows[node].take() {
            self.add(lead, &mut row);
            self.rows[node] = Some(row);
        }
    }

    fn leave(&mut self, lead: u32) {
        let node = self.at[lead as usize] as usize;
        let position = self.position[lead as usize] as usize;
        self.leads[node].swap_remove(position);
        if let Some(&moved) = self.leads[node].get(position) {
            self.position[moved as usize] = position as u32;
        }
        if let Some(mut row) = self.rows[node].take() {
            for to in 0..row.cost.len() {
                if row.lead[to] == lead {
                    (row.cost[to], row.lead[to]) = (FAR, u32::MAX);
                    for &other in &self.leads[node] {
                        if let Some(gain) = self.gain_at(other, to) {
                            self.offer(&mut row, to, other, self.gain[other as usize] - gain);
                        }
                    }
                }
            }
            self.rows[node] = Some(row);
        }
    }

    fn row(&self, node: usize) -> Row {
        let size = self.nobody + 1;
        let mut row = Row { cost: vec![FAR; size], lead: vec![u32::MAX; size] };
        for &lead in &self.leads[node] {
            self.add(lead, &mut row);
        }
        row
    }

    fn add(&self, lead: u32, row: &mut Row) {
        let here = self.gain[lead as usize];
        for (to, gain) in self.gains(lead).chain([(self.nobody, 0)]) {
            self.offer(row, to, lead, here - gain);
        }
    }

    fn offer(&self, row: &mut Row, to: usize, lead: u32, cost: i64) {
        let rank = |lead: u32| self.lead_rank.get(lead as usize);
        if cost < row.cost[to] || cost == row.cost[to] && rank(lead) < rank(row.lead[to]) {
            (row.cost[to], row.lead[to]) = (cost, lead);
        }
    }
}

/// A node for a lead, by its gain over price.
#[derive(Clone, Copy)]
struct Offer {
    node: usize,
    gain: i64,
    net: i64,
}

/// A lead at a rep, and the price above which it prefers another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Bid {
    limit: i64,
    rank: u32,
    lead: u32,
}

/// How a node was reached.
#[derive(Clone, Copy)]
enum Via {
    Start,
    /// By taking a place of this node.
    Place(usize),
    /// By giving back a place that leads to this node.
    Back(usize),
    /// By moving the lead from this node.
    Move(usize, u32),
}

/// Dijkstra's search; its fields are kept from one to the next.
struct Search {
    distance: Vec<i64>,
    via: Vec<Via>,
    /// Reached, not settled.
    frontier: Vec<usize>,
    settled: Vec<usize>,
}

impl Search {
    fn new(nodes: usize) -> Self {
        let (frontier, settled) = (Vec::new(), Vec::new());
        Self { distance: vec![FAR; nodes], via: vec![Via::Start; nodes], frontier, settled }
    }

    fn start(&mut self, from: usize) {
        self.distance.fill(FAR);
        self.frontier.clear();
        self.settled.clear();
        self.reach(from, 0, Via::Start);
    }

    fn reach(&mut self, node: usize, distance: i64, via: Via) {
        if distance < self.distance[node] {
            if self.distance[node] == FAR {
                self.frontier.push(node);
            }
            (self.distance[node], self.via[node]) = (distance, via);
        }
    }

    fn nearest(&mut self, rank: &[u32]) -> Option<usize> {
        let key = |&(_, &node): &(usize, &usize)| (self.distance[node], rank[node]);
        let (place, _) = self.frontier.iter().enumerate().min_by_key(key)?;
        Some(self.frontier.swap_remove(place))
    }
}

/// The place of each key in their order; equal ones in the order they come.
fn ranks(keys: impl Iterator<Item = u64>) -> Vec<u32> {
    let mut order: Vec<(u64, u32)> = keys.zip(0..).collect();
    order.sort_unstable();
    let mut ranks = vec![0; order.len()];
    for (rank, (_, place)) in (0..).zip(order) {
        ranks[place as usize] = rank;
    }
    ranks
}
