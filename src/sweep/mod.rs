//! Many runs: written as axes, planned as a list, done side by side and in shards, merged into one tidy table.

mod axis;
mod definition;
mod estimate;
mod filter;
mod find;
mod jobs;
mod library;
mod mean;
mod merge;
mod plan;
mod shard;
mod state;

pub use definition::{Definition, Layers};
pub use estimate::{Estimate, Pace, rough};
pub use filter::Filter;
pub use find::{find_runs, missing, run_name};
pub use jobs::{Crew, Fate, OnFailure, Watcher};
pub use library::Library;
pub use merge::{Merged, Rows, merge};
pub use plan::{Plan, PlanLine, Planned, WrittenPlan, plans_in};
pub use shard::{Shard, ShardChoice};
pub use state::{State, epochs_done};
