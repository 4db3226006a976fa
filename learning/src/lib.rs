//! What Lanewright learns from won and lost deals, and how it judges what it learned.
//!
//! Pure and seeded: deals, decisions and draws in; models, estimates and verdicts out. No clock, no files, no
//! threads; the same inputs give the same bits. The host stores, serves and shows what is made here.

pub mod analytics;
pub mod bands;
mod distributions;
mod draw;
pub mod evidence;
pub mod experiment;
pub mod explore;
pub mod grades;
pub mod policy;
pub mod rate;
pub mod readiness;
pub mod suggest;
