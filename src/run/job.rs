//! What is to be done, and what came of it.

use std::path::Path;

use candle_core::Device;

use super::clean::FinishedCheckpoint;
use crate::data::Dataset;
use crate::records::{Host, RunDir, RunRecord};
use crate::spec::RunSpec;
use crate::spec::presets::PresetName;

/// What to do with a run that is already finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leave it alone.
    Keep,
    /// Throw it away and run again; a repetition that was interrupted is resumed.
    Repeat,
}

/// One run to be done.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// What determines the result; its data source is the one of `data`.
    pub spec: &'a RunSpec,
    /// The images.
    pub data: &'a Dataset,
    /// The preset that was named.
    pub preset: Option<PresetName>,
    /// The directory that holds run directories.
    pub out: &'a Path,
    /// Where tensors live.
    pub device: &'a Device,
    /// The device as typed.
    pub device_name: &'a str,
    /// Threads at work.
    pub threads: usize,
    /// The machine, as it is recorded.
    pub host: &'a Host,
    /// The command as typed.
    pub argv: &'a [String],
    /// What to do if it is done already.
    pub existing: Existing,
    /// What becomes of the checkpoint when it is done.
    pub checkpoint: FinishedCheckpoint,
}

/// How a run ended, this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs are done.
    Completed,
    /// The objective became non-finite.
    Diverged,
    /// Stopped by a signal, with a checkpoint.
    Interrupted,
}

/// Where this call began the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// Nowhere: the run was finished before; nothing was computed.
    Finished,
    /// At the first epoch.
    Fresh,
    /// It went on from the checkpoint of a finished run of fewer epochs.
    Continued {
        /// The epochs of that run.
        after_epoch: u32,
    },
    /// It went on after the given epoch.
    Resumed {
        /// The last epoch that was recorded before.
        after_epoch: u32,
    },
}

/// A run after [`execute`](super::execute).
#[derive(Clone, Debug)]
pub struct Finished {
    /// Where it is.
    pub dir: RunDir,
    /// What it says of itself.
    pub record: RunRecord,
    /// How it ended.
    pub outcome: Outcome,
    /// Where this call began the work.
    pub started: Started,
}
