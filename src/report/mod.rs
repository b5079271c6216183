//! Tables, sentences, plots, sheets of images and a page, made from records and weights alone.

pub mod page;
pub mod plots;
pub mod run_set;
pub mod sheets;
mod summary;
mod table;

pub use summary::{Epochs, Trend, explain_verdict, json_summary, run_summary, status_word};
pub use table::Table;
