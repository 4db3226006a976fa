//! What Lanewright learns from won and lost deals, and how it judges what it learned.
//!
//! Pure and seeded: deals, decisions and draws in; models, estimates and verdicts out. No clock, no files, no
//! threads; the same inputs give the same bits. The host stores, serves and shows what is made here.
//!
//! Who wins what: [`deal`] → [`train`] → [`win`]. Training fits the shrunk logistic [`model`], lets boosted trees compete on
//! newer deals, straightens chances where that helps, and asks the [`gates`] whether any of it may route a lead;
//! [`segments`] are models of some of the deals where those are better; [`shared`] is what tenants that opted in start from. [`cells`] count the record behind a sentence, [`metrics`] and [`drift`] say how good it is and whether it still is.

pub mod analytics;
pub mod bands;
pub mod beta;
mod calibrate;
pub mod cells;
pub mod deal;
mod distributions;
mod draw;
pub mod drift;
pub mod evidence;
pub mod experiment;
pub mod explore;
mod fitted;
pub mod gates;
pub mod grades;
mod held_out;
pub mod logistic;
pub mod metrics;
pub mod model;
pub mod policy;
pub mod rate;
pub mod readiness;
pub mod segments;
pub mod shared;
pub mod suggest;
mod table;
pub mod train;
mod trees;
pub mod win;
