//! What a person reads at the end of a run, made from its records alone.

mod summary;
mod table;

pub use summary::{explain_verdict, json_summary, run_summary, status_word};
pub use table::Table;
