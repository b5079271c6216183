//! Many runs: written as axes, planned as a list, done side by side and in shards, merged into one tidy table.

mod axis;
mod dataset_cache;
mod definition;
mod estimate;
mod exclude;
mod fault;
mod file;
mod filter;
mod find;
mod jobs;
mod mean;
mod merge;
mod plan;
mod queue;
mod range;
mod results;
mod shard;
mod state;
mod watcher;

pub use dataset_cache::DatasetCache;
pub use definition::{Definition, Grid, Overrides};
pub use estimate::{EpochTimes, Estimate, rough};
pub use filter::Filter;
pub use find::{find_runs, missing, named_run, run_name};
pub use jobs::{OnFailure, Runner};
pub use merge::{Merged, Rows, merge};
pub use plan::{Plan, PlanLine, Planned, WrittenPlan, parse_plan, plans_in};
pub use results::{Configuration, RESULTS, RunResult, by_keys, by_value, read_results, varied_settings};
pub use shard::{Shard, ShardChoice};
pub use state::{State, epochs_done};
pub use watcher::{RunOutcome, Watcher};
