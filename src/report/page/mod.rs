//! One HTML file about a set of runs that opens anywhere and requests nothing from anywhere.

mod configurations;
mod document;
mod findings;
mod images;
mod notes;
mod numbers;
mod opening;
mod plots;
mod provenance;
mod runs;

pub use document::{Refresh, page};
