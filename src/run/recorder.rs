//! Writes what the training loop reports: rows at once, a checkpoint after every epoch.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::checkpoint::{self, TableLengths};
use super::lock::Lock;
use super::{Display, Moment};
use crate::error::{Error, Result};
use crate::metrics::{EpochRecord, Split, TimingRecord};
use crate::records::{RunDir, metrics_rows, timing_row};
use crate::terms::Term;
use crate::train::{Flow, Observer, State, Task};

/// The observer of one run.
pub(super) struct Recorder<'a> {
    dir: &'a RunDir,
    id: &'a str,
    metrics: File,
    timing: File,
    lengths: TableLengths,
    display: &'a mut dyn Display,
    stop: &'a AtomicBool,
    lock: &'a Lock,
    /// R, K and active latents of the last test row written.
    pub(super) last_test: Option<(f64, f64, u32)>,
}

impl<'a> Recorder<'a> {
    /// Opens the tables, cut off after `lengths`: later rows belong to work that was lost.
    pub(super) fn open(
        dir: &'a RunDir,
        id: &'a str,
        lengths: TableLengths,
        display: &'a mut dyn Display,
        stop: &'a AtomicBool,
        lock: &'a Lock,
    ) -> Result<Self> {
        Ok(Recorder {
            dir,
            id,
            metrics: open_cut(&dir.metrics(), lengths.metrics)?,
            timing: open_cut(&dir.timing(), lengths.timing)?,
            lengths,
            display,
            stop,
            lock,
            last_test: None,
        })
    }

    /// Saves `state` and where the tables end.
    pub(super) fn checkpoint(&self, state: &State) -> Result<()> {
        self.lock.check(self.dir)?;
        checkpoint::save(&self.dir.checkpoint(), self.id, state, self.lengths)
    }

    fn flow(&self) -> Flow {
        if self.stop.load(Ordering::Relaxed) || self.lock.is_lost() { Flow::Stop } else { Flow::Continue }
    }
}

fn open_cut(path: &Path, length: u64) -> Result<File> {
    let open = || -> std::io::Result<File> {
        let mut file = File::options().write(true).open(path)?;
        file.set_len(length)?;
        file.seek(SeekFrom::End(0))?;
        Ok(file)
    };
    open().map_err(|e| Error::output(path, "write", e))
}

impl Observer for Recorder<'_> {
    type Error = Error;

    fn batch(&mut self, task: &Task<'_>, state: &State) -> Flow {
        let sums = &state.progress.sums;
        let means = sums.means();
        self.display.batch(&Moment {
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
        self.lock.check(self.dir)?;
        let rows = metrics_rows(records)?;
        self.metrics.write_all(&rows).map_err(|e| Error::output(&self.dir.metrics(), "write", e))?;
        self.lengths.metrics += rows.len() as u64;
        if let Some(timing) = &timing {
            let row = timing_row(timing)?;
            self.timing.write_all(&row).map_err(|e| Error::output(&self.dir.timing(), "write", e))?;
            self.lengths.timing += row.len() as u64;
        }
        if let Some(test) = records.iter().find(|row| row.split == Split::Test)
            && let Some(active) = test.active_units
        {
            self.last_test = Some((test.recon(), test.kl(), active));
        }
        self.checkpoint(state)?;
        self.display.epoch(records, task.epochs, timing.map(|t| t.train_s + t.eval_s));
        Ok(self.flow())
    }
}
