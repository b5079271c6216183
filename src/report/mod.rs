//! What a person reads and looks at: tables, sentences, plots, sheets of images and a page, made from records and
//! weights alone.

pub mod page;
pub mod plots;
pub mod sheets;
pub mod study;
mod summary;
mod table;

pub use summary::{Trend, explain_verdict, json_summary, run_summary, status_word};
pub use table::Table;
