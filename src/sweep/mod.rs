//! Many runs.

mod merge;

pub use merge::{Rows, find_runs, merge};
