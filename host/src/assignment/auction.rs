//! Prices to start from, nearly right: the auction of Bertsekas (1988) with many places for a rep.
//!
//! In come gains, out comes a price for each rep; nothing depends on them but how long the exact part takes.
//! Leads bid one after the other, each for the rep with the most gain over price, up to where the second
//! best would do as well and ε more, so that prices always move; a rep with one bid too many drops the
//! lowest. A large ε is quick and coarse, a small one is slow from nothing but quick from prices that are
//! nearly right, so ε falls from round to round.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What ε is divided by from one round to the next.
const FALL: i64 = 5;

/// How many bids for each lead, on average, end an auction that makes no headway.
const PATIENCE: usize = 200;

/// Prices by auction, as ε falls from `coarse` to `fine`. Leads bid in the order given, reps have a rank for
/// what is equal; `gains` gives a lead's reps, each with its gain.
pub(super) fn prices<G: Iterator<Item = (usize, i64)>>(
    (leads, rank): (&[u32], &[u32]),
    capacity: &[u32],
    (coarse, fine): (i64, i64),
    gains: impl Fn(u32) -> G,
) -> Vec<i64> {
    let mut price = vec![0; capacity.len()];
    let mut bids: Vec<BinaryHeap<Reverse<(i64, usize)>>> = vec![BinaryHeap::new(); capacity.len()];
    let mut patience = PATIENCE * leads.len();
    let mut epsilon = coarse;
    while epsilon > fine && patience > 0 {
        for first in 0..leads.len() {
            let mut bidder = Some(first);
            while let Some(place) = bidder.take().filter(|_| patience > 0) {
                patience -= 1;
                // Nobody is always there, for nothing.
                let (mut best, mut second, mut chosen) = (0, 0, None::<(usize, i64)>);
                for (rep, gain) in gains(leads[place]) {
                    let net = gain - price[rep];
                    let first = || chosen.is_some_and(|(other, _)| rank[rep] < rank[other]);
                    if net > best || net == best && first() {
                        (best, second, chosen) = (net, best, Some((rep, gain)));
                    } else if net > second {
                        second = net;
                    }
                }
                let Some((rep, gain)) = chosen else { continue };
                bids[rep].push(Reverse((gain - second + epsilon, place)));
                let places = capacity[rep] as usize;
                let lowest = (bids[rep].len() > places).then(|| bids[rep].pop()).flatten();
                bidder = lowest.map(|Reverse((_, place))| place);
                if bids[rep].len() == places {
                    // Without any place, it is too dear for everybody.
                    let lowest = bids[rep].peek().or(lowest.as_ref());
                    price[rep] = lowest.map_or(0, |Reverse((bid, _))| *bid).max(price[rep]);
                }
            }
        }
        for ((price, bids), places) in price.iter_mut().zip(&mut bids).zip(capacity) {
            // A place nobody wants has no price, and the others may be too dear by ε.
            *price = if bids.len() < *places as usize { 0 } else { (*price - epsilon).max(0) };
            bids.clear();
        }
        epsilon /= FALL;
    }
    price
}
