//! What a person may want to see while a run is under way.

use super::job::Started;
use crate::metrics::EpochRecord;
use crate::records::RunDir;

/// How far a run is within an epoch.
#[derive(Clone, Copy, Debug)]
pub struct RunProgress {
    /// The epoch, from 1.
    pub epoch: u32,
    /// All epochs.
    pub epochs: u32,
    /// Training images seen in it.
    pub images: u64,
    /// Training images of an epoch.
    pub epoch_images: u64,
    /// R so far in the epoch.
    pub recon: f64,
    /// K so far in the epoch.
    pub kl: f64,
}

/// Shows a run's progress.
pub trait Display: Send {
    /// A run begins or goes on.
    fn start(&mut self, dir: &RunDir, started: Started);
    /// A batch was done.
    fn batch(&mut self, progress: &RunProgress);
    /// An epoch was done and measured in `seconds`.
    fn epoch(&mut self, records: &[EpochRecord], epochs: u32, seconds: Option<f64>);
    /// Something went wrong that does not stop the run.
    fn warn(&mut self, message: &str);
}
