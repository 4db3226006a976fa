//! Leads of one size: a minimum-cost flow, lead → rep → (team →) sink.
//!
//! At any time each lead is with a rep of the most gain over price, and each node has just those places
//! taken that its price is worth. What may be wrong in between is only that a node has more leads than
//! places taken, or fewer; when none has, the flow is optimal.
//!
//! 1. *Choosing* ([`Flow::choose`]): from prices that are nearly right ([`auction`]), leads choose one by one.
//!    A rep with one too many sends away whom it costs the least.
//! 2. *Shortest paths* ([`Flow::settle`]): who is sent away goes along the cheapest chain of moves to a place
//!    (Dijkstra's search over what prices leave of the costs; Jonker and Volgenant 1987). Leads are no nodes:
//!    between two reps only the cheapest lead to move counts, kept in [`Row`]s, so that a search is one over
//!    reps and teams however many leads there are. Places that were taken for want of a lead are filled in
//!    the same way.
//! 3. *Least prices* ([`Flow::least_prices`]): of all prices that prove the optimum, those that say what one
//!    more place would add.
//!
//! A node is a rep, then "nobody" (who has places for all, for nothing), then a team, then the sink.
//! Whatever is equal is decided by the ranks of keys, never by the order in which it is met.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Lead, Prices, Problem, Team, auction};

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
    let left_over = flow.choose();
    flow.settle(&left_over);
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

    // Of each node:
    /// Where its places lead to.
    parent: Vec<usize>,
    /// How many places it has.
    capacity: Vec<u32>,
    /// How many are taken.
    used: Vec<u32>,
    /// Of these, how many wait for a lead.
    wanting: Vec<u32>,
    /// What the next one costs, [`FAR`] if there is none.
    next: Vec<i64>,
    /// What it costs to bring a lead here, instead of to the sink.
    price: Vec<i64>,
    rank: Vec<u32>,
    /// The nodes by rank.
    nodes: Vec<usize>,

    // Of each rep and nobody:
    leads: Vec<Vec<u32>>,
    /// What it costs to move a lead away, once asked for.
    rows: Vec<Option<Row>>,

    // Of each lead:
    /// The node it is with.
    at: Vec<u32>,
    /// Its place in that node's list.
    position: Vec<u32>,
    /// What it gains there.
    gain: Vec<i64>,
    /// All leads, in the order of their keys, and the place of each in that order.
    order: Vec<u32>,
    lead_rank: Vec<u32>,
}

/// The cheapest lead to move from one node to each rep and to nobody, prices left out.
struct Row {
    cost: Vec<i64>,
    lead: Vec<u32>,
}

impl<'a> Flow<'a> {
    fn new(problem: &'a Problem, units: u32) -> Self {
        let (leads, reps, teams) = (problem.leads.len(), problem.reps.len(), problem.teams.len());
        let (nobody, sink) = (reps, reps + 1 + teams);
        let order = order(problem.leads.iter().map(|lead| lead.key));
        let mut rank = places(&self::order(problem.reps.iter().map(|rep| rep.key)));
        rank.push(nobody as u32);
        let first = |team: &Team| team.reps.iter().map(|&rep| u64::from(rank[rep as usize])).min();
        let teams_rank =
            places(&self::order(problem.teams.iter().map(|team| first(team).unwrap_or(u64::MAX))));
        rank.extend(teams_rank.iter().map(|rank| nobody as u32 + 1 + rank));
        rank.push(sink as u32);
        let nodes = places(&rank).into_iter().map(|node| node as usize).collect();

        let parents = problem.team.iter().map(|team| team.map_or(sink, |team| nobody + 1 + team as usize));
        let rep_places = problem.reps.iter().map(|rep| rep.capacity / units);
        let team_places = problem.teams.iter().map(|team| team.capacity / units);
        let mut flow = Self {
            problem,
            units,
            nobody,
            sink,
            parent: parents.chain(std::iter::repeat_n(sink, teams + 2)).collect(),
            capacity: rep_places.chain([u32::MAX]).chain(team_places).chain([0]).collect(),
            used: vec![0; sink + 1],
            wanting: vec![0; sink + 1],
            next: vec![FAR; sink + 1],
            price: vec![0; sink + 1],
            rank,
            nodes,
            leads: vec![Vec::new(); reps + 1],
            rows: (0..=reps).map(|_| None).collect(),
            at: vec![nobody as u32; leads],
            position: vec![0; leads],
            gain: vec![0; leads],
            lead_rank: places(&order),
            order,
        };
        for node in 0..sink {
            flow.take(node, 0);
        }
        flow
    }

    /// Takes so many places more.
    fn take(&mut self, node: usize, places: i32) {
        self.used[node] = self.used[node].saturating_add_signed(places);
        let free = self.used[node] < self.capacity[node];
        self.next[node] = if free { self.place(node, self.used[node]) } else { FAR };
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

    fn gain_at(&self, lead: u32, node: usize) -> Option<i64> {
        if node == self.nobody {
            return Some(0);
        }
        let lead = &self.problem.leads[lead as usize];
        let value = i64::from(lead.value(node as u32)?);
        Some(self.problem.scale.lead(lead.class) + value * self.problem.scale.point())
    }

    /// Prices to start from. A lead assigned is worth far more than any value, and to climb there by bids
    /// would take long; so in the auction it is worth a little more.
    fn start(&mut self) {
        let scale = &self.problem.scale;
        let (low, high) = (scale.low_step(), scale.step());
        let top = scale.classes().len() as i64 * low;
        let gains = |lead: u32| {
            let base = scale.lead(self.problem.leads[lead as usize].class) / high * (high - low);
            self.gains(lead).map(move |(rep, gain)| (rep, gain - base))
        };
        let epsilon = (top / 16, low / 20_000);
        let prices =
            auction::prices((&self.order, &self.rank), &self.capacity[..self.nobody], epsilon, gains);
        for (node, price) in prices.into_iter().enumerate() {
            let leads = (price + low / 2) / low;
            let least = if self.next[node] < FAR { self.next[node] } else { 0 };
            self.price[node] = (price + leads * (high - low)).max(least);
        }
    }

    /// Each lead chooses; who is sent away comes back.
    fn choose(&mut self) -> Vec<u32> {
        self.start();
        let mut left_over = Vec::new();
        let mut bids: Vec<BinaryHeap<Reverse<Bid>>> = vec![BinaryHeap::new(); self.nobody + 1];
        for lead in self.order.clone() {
            let [best, second] = self.best_two(lead);
            let node = best.node;
            self.join(lead, node, best.gain);
            bids[node].push(Reverse(self.bid(lead, best.gain - second.net)));
            while let Some(Reverse(Bid { limit, lead, .. })) = bids[node].pop() {
                if self.next[node] <= limit {
                    bids[node].push(Reverse(self.bid(lead, limit)));
                    self.take(node, 1);
                    self.price[node] = self.price[node].max(limit.min(self.next[node]));
                    break;
                }
                // The limit was true when it was written; since then others can only have risen.
                let other = self.best_two(lead).into_iter().find(|offer| offer.node != node);
                let now = other.map_or(limit, |other| self.gain[lead as usize] - other.net);
                if now <= limit {
                    self.price[node] = limit;
                    self.leave(lead);
                    left_over.push(lead);
                    break;
                }
                bids[node].push(Reverse(self.bid(lead, now)));
            }
        }
        left_over
    }

    fn bid(&self, lead: u32, limit: i64) -> Bid {
        Bid { limit, rank: self.lead_rank[lead as usize], lead }
    }

    /// A lead's best node by gain over price, and the best of the others.
    fn best_two(&self, lead: u32) -> [Offer; 2] {
        let nobody = Offer { node: self.nobody, gain: 0, net: -self.price[self.nobody] };
        let (mut best, mut second) = (nobody, Offer { net: -FAR, ..nobody });
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

    /// Of equal ones, that which has a place at its price.
    fn beats(&self, this: Offer, that: Offer) -> bool {
        let key = |Offer { node, .. }| (self.next[node] > self.price[node], self.rank[node]);
        this.net > that.net || this.net == that.net && key(this) < key(that)
    }

    /// Every lead gets a place, and every place that is taken a lead.
    fn settle(&mut self, left_over: &[u32]) {
        for rep in 0..self.nobody {
            while self.next[rep] < self.price[rep] {
                self.take(rep, 1);
                self.wanting[rep] += 1;
            }
        }
        let mut search = Search::new(self.sink + 1);
        for &lead in left_over {
            let [best, _] = self.best_two(lead);
            self.join(lead, best.node, best.gain);
            self.augment(best.node, &mut search);
        }
        for place in self.nobody + 1..self.sink {
            let team = self.nodes[place];
            let members = (0..self.nobody).filter(|&rep| self.parent[rep] == team);
            let inflow: u32 = members.map(|rep| self.used[rep]).sum();
            for _ in self.used[team]..inflow {
                self.augment(team, &mut search);
            }
        }
        for _ in 0..self.wanting.iter().sum() {
            self.augment(self.sink, &mut search);
        }
    }

    /// Takes one lead from a node along the shortest way to the sink or to a place that wants one.
    fn augment(&mut self, from: usize, search: &mut Search) {
        self.search(from, Until::Wanted, search);
        let Some(to) = search.target else { return };
        for &near in &search.settled {
            self.price[near] += search.distance[to] - search.distance[near];
        }
        self.wanting[to] = self.wanting[to].saturating_sub(1);
        let mut node = to;
        while node != from {
            node = match search.via[node] {
                Via::Place(before) => {
                    self.take(before, 1);
                    before
                }
                Via::Back(parent) => {
                    self.take(node, -1);
                    parent
                }
                Via::Move(before, lead) => {
                    let gain = self.gain_at(lead, node).unwrap_or(0);
                    self.leave(lead);
                    self.join(lead, node, gain);
                    before
                }
                Via::Start => return,
            };
        }
    }

    /// Distances from a node by what prices leave of the costs, in order.
    fn search(&mut self, from: usize, until: Until, search: &mut Search) {
        search.start(from);
        let to_sink = until == Until::Wanted && from != self.sink;
        while let Some(node) = search.nearest(&self.rank) {
            let base = search.distance[node] - self.price[node];
            if self.nobody < node {
                for &child in &self.nodes[..self.sink] {
                    if self.parent[child] != node || self.used[child] == 0 {
                        continue;
                    }
                    let there = base - self.place(child, self.used[child] - 1) + self.price[child];
                    search.reach(child, there, Via::Back(node));
                    if until == Until::Wanted && self.wanting[child] > 0 {
                        search.aim(child);
                    }
                }
            }
            if self.next[node] < FAR {
                let parent = self.parent[node];
                search.reach(parent, base + self.next[node] + self.price[parent], Via::Place(node));
                if to_sink && parent == self.sink {
                    search.aim(parent);
                }
            }
            if node > self.nobody {
                continue;
            }
            let row = self.rows[node].take().unwrap_or_else(|| self.row(node));
            for &to in &self.nodes[..=self.nobody] {
                let there = base + row.cost[to] + self.price[to];
                if there < search.distance[to] && there < search.bound {
                    search.reach(to, there, Via::Move(node, row.lead[to]));
                    if until == Until::Wanted && self.wanting[to] > 0 {
                        search.aim(to);
                    } else if to_sink && self.parent[to] == self.sink && self.next[to] < FAR {
                        // Seen at once, a free place spares the search many others as near.
                        let through = there - self.price[to] + self.next[to] + self.price[self.sink];
                        search.reach(self.sink, through, Via::Place(to));
                        search.aim(self.sink);
                    }
                }
            }
            self.rows[node] = Some(row);
        }
    }

    /// Of all prices that prove the optimum, the least.
    fn least_prices(&mut self) {
        let mut search = Search::new(self.sink + 1);
        self.search(self.sink, Until::Everywhere, &mut search);
        let sink = self.price[self.sink];
        for (price, distance) in self.price.iter_mut().zip(search.distance) {
            *price = if distance < FAR { (*price - sink - distance).max(0) } else { 0 };
        }
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
        let Some(mut row) = self.rows[node].take() else { return };
        for to in (0..=self.nobody).filter(|&to| row.lead[to] == lead).collect::<Vec<_>>() {
            (row.cost[to], row.lead[to]) = (FAR, u32::MAX);
            for &other in &self.leads[node] {
                if let Some(gain) = self.gain_at(other, to) {
                    self.offer(&mut row, to, other, self.gain[other as usize] - gain);
                }
            }
        }
        self.rows[node] = Some(row);
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

/// A lead with a rep, and the price above which it prefers another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Bid {
    limit: i64,
    rank: u32,
    lead: u32,
}

/// How far a search goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// To the nearest of the sink and the places that want a lead.
    Wanted,
    Everywhere,
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
    /// Nearer than the target.
    settled: Vec<usize>,
    /// The nearest that was sought, and its distance, which nothing need reach.
    target: Option<usize>,
    bound: i64,
}

impl Search {
    fn new(nodes: usize) -> Self {
        Self {
            distance: vec![FAR; nodes],
            via: vec![Via::Start; nodes],
            frontier: Vec::new(),
            settled: Vec::new(),
            target: None,
            bound: FAR,
        }
    }

    fn start(&mut self, from: usize) {
        self.distance.fill(FAR);
        self.frontier.clear();
        self.settled.clear();
        (self.target, self.bound) = (None, FAR);
        self.reach(from, 0, Via::Start);
    }

    fn reach(&mut self, node: usize, distance: i64, via: Via) {
        if distance < self.distance[node] && distance < self.bound {
            if self.distance[node] == FAR {
                self.frontier.push(node);
            }
            (self.distance[node], self.via[node]) = (distance, via);
        }
    }

    /// Makes a node the target, if it is nearer than the one before.
    fn aim(&mut self, node: usize) {
        if self.distance[node] < self.bound {
            (self.target, self.bound) = (Some(node), self.distance[node]);
        }
    }

    /// Settles the nearest node that is nearer than the target.
    fn nearest(&mut self, rank: &[u32]) -> Option<usize> {
        let key = |&(_, &node): &(usize, &usize)| (self.distance[node], rank[node]);
        let (place, &node) = self.frontier.iter().enumerate().min_by_key(key)?;
        if self.distance[node] >= self.bound {
            return None;
        }
        self.frontier.swap_remove(place);
        self.settled.push(node);
        Some(node)
    }
}

/// The places of keys in their order; equal ones as they come.
fn order(keys: impl Iterator<Item = u64>) -> Vec<u32> {
    let mut order: Vec<(u64, u32)> = keys.zip(0..).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, place)| place).collect()
}

/// The inverse of an order: the place of each in it.
fn places(order: &[u32]) -> Vec<u32> {
    let mut places = vec![0; order.len()];
    for (place, &of) in (0..).zip(order) {
        places[of as usize] = place;
    }
    places
}
