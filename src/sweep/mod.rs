//! Many runs.

mod merge;

pub use merge::{Merged, Rows, find_runs, merge};
