//! Writes what the training loop reports: rows at once, a checkpoint after every epoch, but at most once a second.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::checkpoint::{self, Mark};
use super::lock::Lock;
use super::progress::{Display, RunProgress};
use super::table::Table;
use crate::error::{Error, Result};
use crate::files::Disk;
use crate::metrics::{EpochRecord, TimingRecord};
use crate::records::{Column, RunDir, metrics_rows, timing_row};
use crate::terms::Term;
use crate::train::{Flow, Observer, State, Task};

/// The least time between two checkpoints of one process. Syncing costs milliseconds; where epochs take no longer, a crash
/// loses the work of this time, which is quicker done again than saved.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);

/// The two tables of a run, open for writing.
#[derive(Debug)]
pub(super) struct Tables {
    /// `metrics.csv`.
    pub(super) metrics: Table,
    /// `timing.csv`.
    pub(super) timing: Table,
}

/// A checkpoint that was made and not written, or the time of the last that was.
enum Saved {
    Never,
    /// The bytes written then are kept until the next are made: in their place other arrays would come to lie, and the heap
    /// would grow by a checkpoint each time.
    At {
        last: Instant,
        _bytes: Vec<u8>,
    },
    Pending {
        bytes: Vec<u8>,
        last: Instant,
    },
}

/// Which run is recorded, and by whom.
#[derive(Clone, Copy)]
pub(super) struct Recording<'a> {
    pub(super) dir: &'a RunDir,
    pub(super) id: &'a str,
    /// Of `metrics.csv`.
    pub(super) columns: &'a [Column],
    /// Behind the fence of `lock`.
    pub(super) disk: &'a Disk,
    pub(super) lock: &'a Lock,
    /// The generation that began the run at its first epoch.
    pub(super) attempt: Option<u64>,
}

/// The observer of one run.
pub(super) struct Recorder<'a> {
    run: Recording<'a>,
    tables: Tables,
    display: &'a mut dyn Display,
    stop: &'a AtomicBool,
    saved: Saved,
}

impl<'a> Recorder<'a> {
    /// A recorder of `run` that adds to `tables`.
    pub(super) fn new(run: Recording<'a>, tables: Tables, display: &'a mut dyn Display, stop: &'a AtomicBool) -> Self {
        Recorder { run, tables, display, stop, saved: Saved::Never }
    }

    /// Saves `state` and where the tables end.
    pub(super) fn checkpoint(&mut self, state: &State) -> Result<()> {
        let bytes = self.serialize(state)?;
        self.write(bytes)
    }

    /// Writes the checkpoint of the last epoch, if it was too early for that then.
    pub(super) fn finish(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.saved, Saved::Never) {
            Saved::Never | Saved::At { .. } => Ok(()),
            Saved::Pending { bytes, .. } => self.write(bytes),
        }
    }

    /// SHA-256 of `metrics.csv` and of `timing.csv`, as far as this run has written them.
    pub(super) fn digests(&self) -> (String, String) {
        (self.tables.metrics.sha256(), self.tables.timing.sha256())
    }

    fn serialize(&self, state: &State) -> Result<Vec<u8>> {
        let mark = Mark {
            generation: Some(self.run.lock.generation()),
            attempt: self.run.attempt,
            metrics: self.tables.metrics.mark(),
            timing: self.tables.timing.mark(),
        };
        checkpoint::serialize(self.run.id, state, &mark)
    }

    /// Writes a checkpoint, the rows that it speaks of before it.
    fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.tables.metrics.sync(self.run.disk)?;
        self.tables.timing.sync(self.run.disk)?;
        self.run.disk.replace(&self.run.dir.checkpoint(), &bytes)?;
        self.saved = Saved::At { last: Instant::now(), _bytes: bytes };
        Ok(())
    }

    /// Writes the checkpoint of an epoch that has just been recorded, or keeps it for later.
    fn save_epoch(&mut self, state: &State) -> Result<()> {
        let last = match std::mem::replace(&mut self.saved, Saved::Never) {
            Saved::Never => None,
            Saved::At { last, .. } | Saved::Pending { last, .. } => Some(last),
        };
        let bytes = self.serialize(state)?;
        match last {
            Some(last) if last.elapsed() < CHECKPOINT_INTERVAL && !self.run.disk.is_watched() => {
                self.saved = Saved::Pending { bytes, last };
                Ok(())
            }
            Some(_) | None => self.write(bytes),
        }
    }

    fn flow(&self) -> Flow {
        if self.stop.load(Ordering::Relaxed) || self.run.lock.is_lost() { Flow::Stop } else { Flow::Continue }
    }
}

impl Observer for Recorder<'_> {
    type Error = Error;

    fn batch(&mut self, task: &Task<'_>, state: &State) -> Flow {
        let sums = &state.progress.sums;
        let means = sums.means();
        self.display.batch(&RunProgress {
            epoch: state.progress.recorded.unwrap_or(0) + 1,
            epochs: task.epochs,
            images: sums.images,
            epoch_images: task.data.train.len() as u64,
            recon: means.canonical.get(Term::Recon).copied().unwrap_or(f64::NAN),
            kl: means.canonical.get(Term::Kl).copied().unwrap_or(f64::NAN),
        });
        self.flow()
    }

    fn epoch(
        &mut self,
        task: &Task<'_>,
        state: &State,
        records: &[EpochRecord],
        timing: Option<TimingRecord>,
    ) -> Result<Flow> {
        self.tables.metrics.append(self.run.disk, &metrics_rows(self.run.columns, records)?)?;
        if let Some(timing) = &timing {
            self.tables.timing.append(self.run.disk, &timing_row(timing)?)?;
        }
        self.save_epoch(state)?;
        self.display.epoch(records, task.epochs, timing.map(|t| t.train_s + t.eval_s));
        Ok(self.flow())
    }
}
