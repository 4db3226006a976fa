//! The standard classifier.
pub mod features;
pub mod lexicon;
pub mod types;
pub mod words;
