//! What the workers of a sweep tell: progress, and how runs end.

use std::time::Duration;

use super::plan::Planned;
use crate::run::{Finished, RunProgress, Started};

/// How a run of a sweep ended.
#[derive(Clone, Debug)]
pub enum RunOutcome {
    /// All epochs are done, by this process or by another.
    Done(Box<Finished>),
    /// The run failed; why.
    Failed(String),
    /// The data is missing or damaged; why. All other runs of that data were left out of the queue.
    DataFailed(String),
    /// Stopped, with a checkpoint.
    Saved,
}

/// Shows the progress of all workers.
pub trait Watcher: Sync {
    /// Worker `worker` begins or resumes a run.
    fn began(&self, worker: usize, run: &Planned, started: Started);
    /// The worker has done a batch of its run.
    fn progress(&self, worker: usize, run: &Planned, progress: &RunProgress);
    /// The run ended on this worker after `time`.
    fn ended(&self, worker: usize, run: &Planned, outcome: &RunOutcome, time: Duration);
    /// The only runs left are `runs` that other processes have locked; `owner` describes one of them.
    fn waiting(&self, runs: usize, owner: &str);
    /// Something went wrong that does not stop the run.
    fn warn(&self, message: &str);
}
