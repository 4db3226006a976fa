//! The route of one lead.

mod brief;
mod carry_out;
mod eligible;
mod fits;
mod normalise;
mod place;
mod rank;
mod rotation;
mod seed;
mod select;
//mod tier;
mod why;

#[cfg(test)]
pub(crate) mod fixture;

pub use brief::brief;
pub use carry_out::{LAST_QUEUE, Stranded, carry_out, last_resort};
pub use eligible::{barred, candidates, eligible, owner_excluded, why_nobody};
pub use fits::{Fits, NEUTRAL, fits};
pub use normalise::{Refusal, normalise};
pub use place::{place, territory_of};
pub use rank::{Scored, rank};
pub use rotation::{Member, Turn, pay, turn};
pub use seed::{draw, seed};
pub use select::{Nobody, Picked, select};
//pub use tier::tier;
pub use why::{Routed, why};
